//! The audit log: whom a read named, what a write did, who tried to come in, and that nothing is
//! told without its entry; and that a log which was cut or rewritten is found.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, guarded, login, token};
use crate::boxes::{TestBox, finding};
use crate::house::{House, by_hand};
use crate::inbox::{house, ids};

fn in_the_database(house: &House, sql: &str) {
    by_hand(&house.folder.path().join("data"), "zaigang.db", sql);
}

/// The newest entry of this action.
fn last(house: &House, action: &str) -> server::store::AuditEntry {
    let log = house.running().app.store.audit_log(action, None, 1).unwrap();
    log.into_iter().next().unwrap_or_else(|| panic!("no entry of {action}"))
}

#[test]
fn a_read_of_names_says_whose_or_what_was_searched() {
    let house = house();
    let reader = token(&house, Role::Supervisor, "5101");
    for (path, action, says) in [
        (
            "/registry?noun=people&q=%E7%8E%8B",
            "GET /registry",
            "/registry?noun=people&q=王 | persons p-lead",
        ),
        ("/?q=%E7%8E%8B", "GET /", "/?q=王 | persons p-lead p-other"),
        (
            "/leads/csv?state=all",
            "GET /leads/csv",
            "/leads/csv?state=all | 2 leads exported | persons p-lead p-other",
        ),
        (
            "/leads/xlsx?state=all",
            "GET /leads/xlsx",
            "/leads/xlsx?state=all | 2 leads exported | persons p-lead p-other",
        ),
        ("/enrol", "GET /enrol", "/enrol | persons p-lead p-other"),
        ("/people", "GET /people", "/people | persons p-lead p-other"),
        (
            "/api/v1/practitioners?limit=1",
            "GET /api/v1/practitioners",
            "/api/v1/practitioners?limit=1 | persons p-lead",
        ),
        ("/api/v1/passes", "GET /api/v1/passes", "/api/v1/passes | persons p-other"),
        ("/api/v1/sessions", "GET /api/v1/sessions", "/api/v1/sessions | persons p-lead p-other"),
        ("/sessions/s-1", "GET /sessions/{id}", "/sessions/s-1 | persons p-lead p-other"),
    ] {
        assert_eq!(ask(&house, "GET", path, &reader, "").status, 200, "{path}");
        assert_eq!(last(&house, action).object, says, "{path}");
    }
    ask(&house, "GET", &format!("/api/v1/alerts/{}", ids()[0]), &reader, "");
    assert!(last(&house, "GET /api/v1/alerts/{id}").object.ends_with("persons p-lead p-other"));
}

#[test]
fn a_write_says_its_object_and_its_step() {
    let house = house();
    let supervisor = login(&house, "wang", Role::Supervisor, "5101");
    let doctor = json!({"id":"p-other","name":"李医生","category":"licensed_physician",
        "registration":"suspended",
        "sites":[{"institution":"clinic-1","relation":"primary","lead_of":[]}]});
    assert_eq!(
        ask(&house, "POST", "/api/v1/practitioners", &supervisor, &doctor.to_string()).status,
        200
    );
    let entry = last(&house, "POST /api/v1/practitioners");
    assert!(
        entry.object.contains(r#"practitioner p-other: registration "valid" → "suspended""#),
        "{}",
        entry.object
    );
    assert!(!entry.object.contains("李医生"), "a name stands in the log");
    let step = json!({"step":"assign","to":"wang"}).to_string();
    ask(&house, "POST", &format!("/api/v1/alerts/{}/steps", ids()[0]), &supervisor, &step);
    assert!(last(&house, "POST /api/v1/alerts/{id}/steps").object.contains("assigned to wang"));
    let admin = login(&house, "wu", Role::Admin, "");
    ask(
        &house,
        "POST",
        "/api/v1/accounts",
        &admin,
        &json!({"role":"auditor","scope":"5101"}).to_string(),
    );
    assert!(last(&house, "POST /api/v1/accounts").object.contains("invited as auditor for `5101`"));
}

#[test]
fn a_login_carries_the_name_that_was_tried() {
    let house = guarded();
    let path = house.first_admin_path();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    house.send_with("POST", &path, form, b"name=wang&display=Wang&password=correct+horse+battery");
    house.send_with("POST", "/login", form, b"name=wang&password=guess");
    let failed = last(&house, "POST /login");
    assert_eq!(
        (failed.actor.as_str(), failed.object.as_str()),
        ("public", "/login | login wang: refused")
    );
    house.send_with("POST", "/login", form, b"name=wang&password=correct+horse+battery");
    let entered = last(&house, "POST /login");
    assert_eq!(
        (entered.actor.as_str(), entered.object.as_str()),
        ("wang", "/login | login wang: in")
    );
}

#[test]
fn a_name_that_the_log_gives_to_others_makes_no_account() {
    let house = guarded();
    let path = house.first_admin_path();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for name in ["public", "open", "box-1", "uid0", "OPEN"] {
        let body = format!("name={name}&display=x&password=correct+horse+battery");
        let answer = house.send_with("POST", &path, form, body.as_bytes());
        assert!(
            answer.status == 409 && answer.body.contains("为系统保留名称"),
            "{name}: {}",
            answer.status
        );
    }
    let good = house.send_with(
        "POST",
        &path,
        form,
        b"name=wang&display=Wang&password=correct+horse+battery",
    );
    assert_eq!(good.status, 303, "the link was used up by a refusal");
}

#[test]
fn nothing_is_told_that_can_not_be_written_down() {
    let house = house();
    let reader = token(&house, Role::Supervisor, "5101");
    let (block, free) = if house.running().app.config.store.is_postgres() {
        let block = "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'no room'; END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON audit EXECUTE FUNCTION no_room()";
        (block, "DROP TRIGGER no_room ON audit")
    } else {
        let block = "CREATE TRIGGER no_room BEFORE INSERT ON audit
            BEGIN SELECT RAISE(FAIL, 'no room'); END";
        (block, "DROP TRIGGER no_room")
    };
    in_the_database(&house, block);
    for path in
        ["/people", "/api/v1/practitioners", "/audit/export", "/api/v1/export/practitioners"]
    {
        let reader =
            if path == "/audit/export" { token(&house, Role::Auditor, "") } else { reader.clone() };
        let answer = ask(&house, "GET", path, &reader, "");
        assert_eq!(answer.status, 503, "{path} answered without an entry");
        assert!(!answer.body.contains("王主诊"), "{path}");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let login = house.send_with("POST", "/login", form, b"name=wang&password=guess");
    assert!(login.status == 503 && !login.head.contains("set-cookie"), "{}", login.status);
    in_the_database(&house, free);
    assert_eq!(ask(&house, "GET", "/people", &reader, "").status, 200);
}

#[test]
fn a_reason_in_chinese_is_kept() {
    let house = house();
    let reader = token(&house, Role::Supervisor, "5101");
    let headers = format!("Authorization: Bearer {reader}\r\nX-Why: 案号 2026-17\r\n");
    assert_eq!(house.send_with("GET", "/api/v1/practitioners", &headers, b"").status, 200);
    assert_eq!(last(&house, "GET /api/v1/practitioners").why, "案号 2026-17");
}

#[test]
fn an_auditor_with_a_scope_sees_their_part_of_the_log() {
    let house = house();
    let (here, elsewhere) =
        (token(&house, Role::Supervisor, "5101"), token(&house, Role::Supervisor, "5201"));
    ask(&house, "GET", "/api/v1/practitioners?q=here", &here, "");
    ask(&house, "GET", "/api/v1/practitioners?q=elsewhere", &elsewhere, "");
    let whole = token(&house, Role::Supervisor, "");
    ask(&house, "GET", &format!("/api/v1/alerts/{}", ids()[0]), &whole, "");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    ask(&house, "GET", "/api/v1/practitioners?q=clinic", &clinic, "");
    let auditor = token(&house, Role::Auditor, "5101");
    for path in ["/api/v1/audit", "/audit"] {
        let seen = ask(&house, "GET", path, &auditor, "").body;
        assert!(seen.contains("q=here") && seen.contains("q=clinic"), "{path}: {seen}");
        assert!(
            seen.contains(&ids()[0]),
            "{path}: what a reader without a scope did at an object that lies here"
        );
        assert!(!seen.contains("q=elsewhere"), "{path} shows another's log: {seen}");
    }
    let other = ask(&house, "GET", "/api/v1/audit", &token(&house, Role::Auditor, "5201"), "").body;
    assert!(other.contains("q=elsewhere") && !other.contains("q=here"), "{other}");
    assert_eq!(
        ask(&house, "GET", "/api/v1/audit/export", &auditor, "").status,
        403,
        "a part of a chain is no chain"
    );
    let all = ask(&house, "GET", "/api/v1/audit", &token(&house, Role::Auditor, ""), "").body;
    assert!(all.contains("q=here") && all.contains("q=elsewhere"));
}

fn verdict(house: &House) -> serde_json::Value {
    ask(house, "GET", "/api/v1/audit", &token(house, Role::Auditor, ""), "").json()
}

#[test]
fn a_cut_tail_is_found_live_and_after_a_restart() {
    let house = house();
    let reader = token(&house, Role::Supervisor, "");
    for _ in 0..5 {
        ask(&house, "GET", "/api/v1/practitioners", &reader, "");
    }
    assert_eq!(verdict(&house)["holds"], true);
    let app = &house.running().app;
    app.heads.sign(&app.store, jiff::Timestamp::now()).unwrap();
    let sealed = {
        in_the_database(&house, "DELETE FROM audit WHERE id > 3");
        let live = verdict(&house);
        assert_eq!(live["holds"], false, "live: {live}");
        let mut out = Vec::new();
        app.store
            .export_audit(&mut out, &app.signer, "2026-03-03T00:00:00.000Z".parse().unwrap())
            .unwrap();
        out
    };
    assert!(trust::audit::check(sealed.as_slice()).is_ok(), "by itself the cut log is sound");
    let heads = app.heads.kept().unwrap();
    let fault = trust::audit::check_against(sealed.as_slice(), &heads).unwrap_err();
    assert!(fault.why.contains("cut off") || fault.why.contains("rewritten"), "{fault}");
    let again = house.restart_with("[access]\naccounts = true\n");
    let after = verdict(&again);
    assert_eq!(after["holds"], false, "after a restart: {after}");
    let page = ask(&again, "GET", "/audit", &token(&again, Role::Auditor, ""), "").body;
    assert!(page.contains("role=\"alert\""), "the page says nothing");
}

#[test]
fn a_rewritten_middle_is_found_live_and_after_a_restart() {
    let house = house();
    let reader = token(&house, Role::Supervisor, "");
    for _ in 0..5 {
        ask(&house, "GET", "/api/v1/practitioners", &reader, "");
    }
    let app = &house.running().app;
    app.heads.sign(&app.store, jiff::Timestamp::now()).unwrap();
    assert_eq!(verdict(&house)["holds"], true);
    // Whoever has the tables rewrites the entry and every hash after it.
    let store = &app.store;
    let mut entries = store.audit_log("", None, 100).unwrap();
    entries.reverse();
    entries[1].actor = "somebody else".to_owned();
    let mut prev = trust::ZERO_HASH.to_owned();
    for entry in &mut entries {
        entry.prev = prev;
        entry.hash = entry.made_hash();
        let sql = format!(
            "UPDATE audit SET actor = '{}', prev = '{}', hash = '{}' WHERE id = {}",
            entry.actor, entry.prev, entry.hash, entry.id
        );
        in_the_database(&house, &sql);
        prev = entry.hash.clone();
    }
    assert!(store.verify_audit().unwrap().is_ok(), "the chain by itself is sound");
    assert_eq!(verdict(&house)["holds"], false, "live");
    let again = house.restart_with("[access]\naccounts = true\n");
    assert_eq!(verdict(&again)["holds"], false, "after a restart");
}

#[test]
fn a_case_package_holds_sightings_of_its_case_alone() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let seen = |person: &str, session: &str| {
        json!({"type":"presence","room":"room-1","session":session,"person":person,
            "role":"operator",
            "from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T01:30:00.000Z","verified_by":"face"})
    };
    for (person, session) in [("p-other", "s-1"), ("p-colleague", "s-1"), ("p-other", "s-9")] {
        b.say(&seen(person, session));
    }
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(4);
    let bytes =
        house.send_with("GET", &format!("/api/v1/alerts/{}/package?why=17", ids()[0]), "", b"");
    assert_eq!(bytes.status, 200, "{}", bytes.body);
    let chain = bytes.body;
    assert!(chain.contains("\\\"person\\\":\\\"p-other\\\""), "the case's own sighting is missing");
    assert!(!chain.contains("p-colleague"), "a colleague's sighting goes out with the case");
    assert!(!chain.contains("s-9"), "a sighting of another session goes out with the case");
    assert_eq!(chain.matches("{\"hash_only\":").count(), 2);
}

#[test]
fn a_sighting_past_its_time_loses_its_content() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&crate::boxes::health());
    b.say(&json!({"type":"presence","room":"room-1","session":"s-1","person":"p-other",
        "role":"operator",
        "from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T01:30:00.000Z","verified_by":"face"}));
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(3);
    let app = &house.running().app;
    let bundle = |name: &str| {
        let out = house.folder.path().join(name);
        let wanted = server::export::Wanted {
            device: "box-1".into(),
            out: out.clone(),
            ..server::export::Wanted::default()
        };
        server::export::run(&app.config, &wanted).unwrap();
        std::fs::read_to_string(out).unwrap()
    };
    assert!(bundle("before").contains("p-other"));
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 211);
    server::retention::round(app, later).unwrap();
    let after = bundle("after");
    let report = trust::bundle::check(after.as_bytes()).unwrap();
    assert_eq!((report.messages, report.hash_only, report.last_seq), (2, 1, 3));
    let sightings =
        after.lines().filter(|line| line.contains("\\\"type\\\":\\\"presence\\\"")).count();
    assert_eq!(sightings, 0, "the sighting's content is still there");
}

#[test]
fn a_lead_number_and_a_name_find_their_entries() {
    let house = crate::inbox::house();
    let [lead, _] = crate::inbox::ids();
    let auditor = login(&house, "aud", Role::Auditor, "");
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let admin = login(&house, "adm", Role::Admin, "");
    let open = format!("/api/v1/alerts/{lead}");
    assert_eq!(ask(&house, "GET", &open, &boss, "").status, 200);
    let take = r#"{"step":"take"}"#;
    assert_eq!(ask(&house, "POST", &format!("{open}/steps"), &boss, take).status, 200);
    let found = |who: &str, query: &str| -> Vec<String> {
        let answer = ask(&house, "GET", &format!("/api/v1/audit?{query}"), who, "");
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let entries = answer.json()["audit"].as_array().unwrap().clone();
        entries.iter().map(|e| format!("{} {}", e["actor"], e["action"])).collect()
    };
    let of_lead = found(&auditor, "q=%231");
    assert!(of_lead.iter().any(|e| e.contains("GET /api/v1/alerts/{id}")), "{of_lead:?}");
    assert!(of_lead.iter().any(|e| e.contains("POST")), "{of_lead:?}");
    // 王主诊, whom the lead names.
    assert!(!found(&auditor, "q=%E7%8E%8B%E4%B8%BB%E8%AF%8A").is_empty());
    // An administrator reads no names, and finds by none.
    assert!(found(&admin, "q=%E7%8E%8B%E4%B8%BB%E8%AF%8A&actor=boss").is_empty());
    let changes = found(&auditor, "actor=boss&action=POST");
    assert!(
        !changes.is_empty() && changes.iter().all(|e| e.contains("boss") && e.contains("POST"))
    );
    assert!(found(&auditor, "actor=boss&until=2020-01-01").is_empty());
    assert!(!found(&auditor, "actor=boss&from=2020-01-01").is_empty());
    assert_eq!(ask(&house, "GET", "/api/v1/audit?from=soon", &auditor, "").status, 400);
    let page = ask(&house, "GET", "/audit?q=%231", &auditor, "").body;
    let link = format!("卫生监督员（boss）查看线索 <a href=\"/alerts/{lead}\">#1</a>");
    let named =
        "，涉及<a href=\"/people/p-lead\">王主诊</a>、<a href=\"/people/p-other\">李医生</a>";
    assert!(page.contains(&link) && page.contains(named), "{page}");
    assert!(page.contains("卫生监督员（boss）办理线索 <a "), "{page}");
    assert!(page.contains("#1</a>：受理"), "{page}");
    let page = ask(&house, "GET", "/audit?q=%231&lang=en", &auditor, "").body;
    assert!(page.contains("Supervisor (boss) looked at a lead <a href="), "{page}");
    // An administrator reads no names of people and opens no lead.
    let page = ask(&house, "GET", "/audit?actor=boss", &admin, "").body;
    assert!(page.contains("查看线索 #1") && !page.contains("王主诊"), "{page}");
    let page = ask(&house, "GET", "/audit?q=%231&action=POST", &auditor, "").body;
    assert!(page.contains("boss") && page.contains("value=\"#1\""), "{page}");
}
