//! What the public reads of the store.

use super::super::Store;
use super::*;

fn door() -> (tempfile::TempDir, Store, PublicStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let public = PublicStore::open(dir.path(), Key::generate().unwrap()).unwrap();
    (dir, store, public)
}

/// Ways out of a role that was only taken on.
const LEAVINGS: [&str; 8] = [
    "SET ROLE NONE",
    "RESET ROLE",
    "SET ROLE zaigang",
    "RESET ALL",
    "DISCARD ALL",
    "SET SESSION AUTHORIZATION DEFAULT",
    "SET SESSION AUTHORIZATION zaigang",
    "SELECT set_config('role', 'none', false)",
];

/// Every table, view and trick of SQL but the public ones.
#[test]
fn the_door_reads_nothing_that_is_not_public() {
    let (dir, store, public) = door();
    // SQLite knows none of them; in PostgreSQL a role may be laid down, a login may not.
    for left in LEAVINGS {
        let whose = "SELECT count(*) FROM zaigang.practitioner";
        let done = public.run(left).and_then(|()| public.run(whose));
        assert!(done.is_err(), "{left}, and the register was read");
    }
    let public = PublicStore::open(dir.path(), Key::generate().unwrap()).unwrap();
    let names: Vec<String> = store
        .read(|c| {
            let sql = c.either(
                "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')",
                "SELECT table_name FROM information_schema.tables WHERE table_schema = \
                'zaigang'",
            );
            collect(c, sql, [], |r| Ok(r.get(0)?))
        })
        .unwrap();
    assert!(names.len() > 60, "{}", names.len());
    for name in &names {
        let read = public.run(&format!("SELECT * FROM {name}"));
        assert_eq!(read.is_ok(), name.starts_with("pub_"), "SELECT {name}: {read:?}");
        for change in ["DELETE FROM", "INSERT INTO"] {
            let rest = if change.starts_with('I') { " DEFAULT VALUES" } else { "" };
            let done = public.run(&format!("{change} {name}{rest}"));
            // A view is refused before anybody is asked.
            let denied = done.as_ref().is_err_and(|e| {
                let why = e.to_string();
                ["not authorized", "a view", "permission denied", "from view", "into view"]
                    .iter()
                    .any(|denied| why.contains(denied))
            });
            let own = name == "clue_in" && change.starts_with('I');
            assert!(denied || own, "{change} {name}: {done:?}");
        }
    }
    for trick in [
        "SELECT name FROM pub_institution UNION SELECT name FROM practitioner",
        "SELECT (SELECT count(*) FROM clue)",
        "WITH x AS (SELECT * FROM account) SELECT * FROM x",
        "INSERT INTO clue_in SELECT id, name, NULL FROM practitioner",
        "UPDATE pub_institution SET name = 'x'",
        "ATTACH 'faces.db' AS f",
        "PRAGMA writable_schema = 1",
        "CREATE TABLE mine (x)",
        "SELECT load_extension('x')",
        "SELECT zeroblob(1000000)",
        "SELECT sqlite_compileoption_get(1)",
        "SELECT * FROM pragma_table_info('clue')",
        "DROP TABLE clue_in",
        "VACUUM INTO '/tmp/x.db'",
    ] {
        let done = public.run(trick);
        assert!(done.is_err(), "{trick} was done");
    }
    assert!(public.run("SELECT 1").is_ok());
}

#[test]
fn a_ticket_is_spent_once() {
    let (_dir, store, public) = door();
    assert!(public.put_in("t-1", "2026-11-29", b"sealed").unwrap());
    assert!(!public.put_in("t-1", "2026-11-29", b"again").unwrap());
    assert_eq!(store.waiting_at_the_door(10).unwrap().len(), 1);
}

#[test]
fn a_receipt_sleeps_after_its_days_unless_looked_at() {
    let (_dir, store, public) = door();
    let put = |mac: &str| {
        let sql = "INSERT INTO pub_clue_status VALUES (?1,'received','',?2,?2)";
        store.write(|tx| Ok(tx.execute(sql, [mac, "2026-01-01"])?)).unwrap();
    };
    put("looked at");
    put("forgotten");
    store.take_visit_in("t-1", "looked at", "2026-03-01").unwrap();
    let stands = |mac: &str| public.report_status(mac).unwrap().is_some();
    // The ninetieth day after 1 January is 1 April.
    store.forget_at_the_door("2026-01-01", "2026-01-01").unwrap();
    assert!(stands("forgotten"), "asleep a day early");
    store.forget_at_the_door("2026-01-02", "2026-01-02").unwrap();
    assert_eq!((stands("forgotten"), stands("looked at")), (false, true));
}

#[test]
fn what_can_not_be_read_is_kept_for_a_person() {
    let (_dir, store, public) = door();
    assert!(public.put_in("t-1", "2026-11-29", b"unreadable").unwrap());
    store.give_up_at_the_door("t-1").unwrap();
    store.forget_at_the_door("2027-11-29", "2027-11-29").unwrap();
    assert!(store.waiting_at_the_door(10).unwrap().is_empty(), "it is tried for ever");
    let sql = "SELECT sealed FROM clue_in WHERE ticket = 'unread t-1'";
    let kept: Vec<Vec<u8>> = store.read(|c| collect(c, sql, [], |r| Ok(r.get(0)?))).unwrap();
    assert_eq!(kept, [b"unreadable".to_vec()]);
}

#[test]
fn clinics_of_one_name_are_all_found_page_by_page() {
    let (_dir, store, public) = door();
    for n in 0..5 {
        let institution = serde_json::from_value(serde_json::json!({"id": format!("c-{n}"),
            "name": "锦城医美", "grade_ceiling": 2, "filed_items": [],
            "jurisdiction": "510104"}));
        store
            .put_institution(&institution.unwrap(), "2026-11-29T00:00:00.000Z".parse().unwrap())
            .unwrap();
    }
    let (mut found, mut after) = (Vec::new(), (String::new(), String::new()));
    loop {
        let page = public.search("锦城", (&after.0, &after.1), 2).unwrap();
        let shown = page.len().min(2);
        found.extend(page[..shown].iter().map(|i| i.slug.clone()));
        if page.len() <= 2 {
            break;
        }
        after = (page[1].name.clone(), page[1].slug.clone());
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 5);
}

#[test]
fn a_box_that_left_is_announced_no_more() {
    let (_dir, store, public) = door();
    let now = "2026-01-01T00:00:00.000Z";
    for id in ["c-1", "c-2"] {
        let it = serde_json::json!({"id": id, "name": id, "grade_ceiling": 1,
            "filed_items": [], "jurisdiction": "510104"});
        store.put_institution(&serde_json::from_value(it).unwrap(), now.parse().unwrap()).unwrap();
    }
    let write = |sql: &str| store.write(|tx| Ok(tx.execute(sql, [])?)).unwrap();
    for (room, place) in [("r-1", "c-1"), ("r-2", "c-2"), ("r-3", "c-1")] {
        write(&format!("INSERT INTO room VALUES ('{room}','{place}','r','{{}}','{now}')"));
    }
    write("INSERT INTO device (id, room, state) VALUES ('d', 'r-1', 'provisioned')");
    let record = "{\"published\":{\"on\":\"2026-01-01\"},\"legal\":{\"by\":\"wang\"}}";
    write(&format!(
        "INSERT INTO monitoring_review (device, room, at, by_whom, record) VALUES
        ('d','r-1','{now}','wang','{record}')"
    ));
    let slugs = ["c-1", "c-2"].map(|id| store.slug_of(id).unwrap().unwrap());
    let announced = || slugs.clone().map(|slug| public.device(&slug).unwrap().is_some());
    assert_eq!(announced(), [true, false]);
    for (change, expected) in [
        ("room = 'r-3'", true),
        ("room = 'r-2'", false),
        ("room = 'r-1'", true),
        ("state = 'revoked'", false),
    ] {
        write(&format!("UPDATE device SET {change} WHERE id = 'd'"));
        assert_eq!(announced(), [expected, false], "{change}");
    }
}
