//! Databases of earlier versions come up, and none is taken for another.

use super::*;

#[test]
fn each_migration_has_a_text_for_postgresql() {
    for database in [Database::Facts, Database::Faces] {
        let all = database.migrations().len();
        assert_eq!(first(database) + later(database).len(), all, "{database:?}");
        assert_eq!(whole(database).1, all as i64, "{database:?}");
    }
}

#[test]
fn each_earlier_database_comes_forward_with_its_rows() {
    for old in 1..=FACTS.len() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("t"), &FACTS[..old]).unwrap();
        connection
            .execute("INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t')", [])
            .unwrap();
        migrate(&mut connection, Path::new("t"), FACTS).unwrap();
        let rows: i64 =
            connection.query_row("SELECT count(*) FROM institution", [], |r| r.get(0)).unwrap();
        assert_eq!(rows, 1, "from version {old}");
    }
}

/// What a migration counts must agree with what stood there before it, and go on agreeing.
#[test]
fn an_old_database_comes_forward_with_right_counts() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("t"), &FACTS[..6]).unwrap();
    let alert = |id: &str, state: &str, (more, values): (&str, &str)| {
        format!("INSERT INTO alert
                (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                VALUES ('{id}','{state}',2,'[]','c','5101','r','d','t','t','t',0,'{{}}');
                INSERT INTO finding
                (id,alert,rule,kind,severity,step,revision,raised_at,received_at,device,epoch,seq,report{more})
                VALUES
                ('f-{id}','{id}','LL-1','LicenseLending',2,'opened',1,'t','t','d',0,1,'{{}}'{values});")
    };
    connection
        .execute_batch(&(alert("a", "raised", ("", "")) + &alert("b", "lead", ("", ""))))
        .unwrap();
    migrate(&mut connection, Path::new("t"), FACTS).unwrap();
    connection.execute_batch(&alert("c", "raised", (",origin", ",'d'"))).unwrap();
    connection
        .execute_batch(
            "UPDATE alert SET state='dismissed' WHERE id='a'; UPDATE finding SET \
            step='withdrawn' WHERE id='f-a';",
        )
        .unwrap();
    let same = |counted: &str, real: &str| {
        let of = |sql: &str| -> Vec<(String, i64)> {
            let mut statement = connection.prepare(sql).unwrap();
            statement
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap()
                .map(std::result::Result::unwrap)
                .collect()
        };
        assert_eq!(of(counted), of(real));
    };
    same(
        "SELECT state, n FROM alert_count WHERE n > 0 ORDER BY 1",
        "SELECT state, count(*) FROM alert GROUP BY 1 ORDER BY 1",
    );
    same(
        "SELECT state || severity, n FROM alert_total WHERE n > 0 ORDER BY 1",
        "SELECT state || severity, count(*) FROM alert GROUP BY 1 ORDER BY 1",
    );
    same(
        "SELECT institution || severity, n FROM place_alert WHERE n > 0 ORDER BY 1",
        "SELECT institution || severity, count(*) FROM alert WHERE state <> 'dismissed' GROUP \
        BY 1 ORDER BY 1",
    );
    same(
        "SELECT kind || withdrawn, n FROM finding_count WHERE n > 0 ORDER BY 1",
        "SELECT kind || (step = 'withdrawn'), count(*) FROM finding GROUP BY 1 ORDER BY 1",
    );
}

/// Findings, incidents, places and owners of an old database come forward with whose they are.
#[test]
fn whose_an_old_finding_is_follows_from_what_stood_there() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("t"), &FACTS[..15]).unwrap();
    let alert = |id: &str, session: &str, epoch: i64| {
        format!("INSERT INTO alert
                (id,state,severity,kinds,institution,jurisdiction,room,session,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                VALUES
                ('{id}','raised',2,'[]','c','5101','r',{session},'box-1','t','t','t',0,'{{}}');
                INSERT INTO finding VALUES
                ('f-{id}','{id}','X','Integrity',2,'opened',1,'t','t','box-1',{epoch},1,'{{}}');
                INSERT INTO finding_step VALUES
                ('f-{id}',1,'{id}','X','opened',2,'t','t','box-1',{epoch},1,'z','e');")
    };
    connection
        .execute_batch(&format!(
            "INSERT INTO institution VALUES ('c','x',NULL,'',0,'[]','5101','t');
                 INSERT INTO room VALUES ('r','c','','{{}}','t'), ('r-2','c','','{{}}','t');
                 INSERT INTO device (id, room, state) VALUES ('box-1','r','provisioned');
                 {}{}{}",
            alert("of-box", "NULL", 0),
            alert("own", "NULL", -1),
            alert("own-of-session", "'s-1'", -1)
        ))
        .unwrap();
    migrate(&mut connection, Path::new("t"), FACTS).unwrap();
    let rows = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |r| r.get(0)).unwrap().map(std::result::Result::unwrap).collect()
    };
    let of = ["of-box box-1", "own ", "own-of-session box-1"];
    assert_eq!(rows("SELECT incident || ' ' || origin FROM alert ORDER BY id"), of);
    let findings = ["f-of-box box-1", "f-own ", "f-own-of-session "];
    assert_eq!(rows("SELECT id || ' ' || origin FROM finding ORDER BY id"), findings);
    assert_eq!(
        rows("SELECT finding || ' ' || origin FROM finding_step ORDER BY finding"),
        findings
    );
    assert_eq!(rows("SELECT device || room || since || taken_at FROM device_place"), ["box-1r"]);
    connection
        .execute_batch(
            "INSERT INTO institution VALUES ('d','x',NULL,'',0,'[]','5102','t'); \
            UPDATE room SET institution = 'd', updated_at = 'u' WHERE id = 'r'",
        )
        .unwrap();
    assert_eq!(
        rows("SELECT room || since || institution FROM room_owner ORDER BY 1"),
        ["r-2c", "rc", "rud"]
    );
}

/// Boxes by institution: as they come, go on and off, move, are revoked and taken back, and as
/// their room changes hands.
#[test]
fn boxes_of_an_institution_are_counted_as_they_change() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("t"), &FACTS[..12]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO institution VALUES ('a','x',NULL,'',0,'[]','5101','t'),
                ('b','x',NULL,'',0,'[]','5102','t');
                 INSERT INTO room VALUES ('r-a','a','','{}','t'), ('r-b','b','','{}','t');
                 INSERT INTO device (id, room, state, online) VALUES
                 ('old','r-a','provisioned',1), ('gone','r-a','revoked',0);",
        )
        .unwrap();
    migrate(&mut connection, Path::new("t"), FACTS).unwrap();
    let after = |sql: &str| -> Vec<(String, i64, i64)> {
        connection.execute_batch(sql).unwrap();
        let real = "SELECT r.institution, count(*), sum(d.online) FROM device d JOIN room r \
            ON r.id = d.room WHERE d.state <> 'revoked' GROUP BY 1";
        let all = |sql: &str| -> Vec<(String, i64, i64)> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
            rows.map(std::result::Result::unwrap).collect()
        };
        let counted =
            all("SELECT institution, boxes, online FROM place WHERE boxes > 0 ORDER BY 1");
        assert_eq!(counted, all(real), "{sql}");
        assert_eq!(
            all("SELECT '', boxes, online FROM box_total"),
            all("SELECT '', sum(boxes), sum(online) FROM place"),
            "{sql}"
        );
        counted
    };
    assert_eq!(after(""), [("a".to_owned(), 1, 1)]);
    after("INSERT INTO device (id, room, state) VALUES ('new','r-b','registered')");
    after("UPDATE device SET online = 1 WHERE id = 'new'");
    after("UPDATE device SET room = 'r-a' WHERE id = 'new'");
    after("UPDATE device SET state = 'provisioned', online = 0 WHERE id = 'new'");
    after("UPDATE room SET institution = 'b' WHERE id = 'r-a'");
    after("UPDATE device SET state = 'revoked', online = 0 WHERE id = 'old'");
    assert_eq!(
        after("UPDATE device SET state = 'provisioned' WHERE id IN ('old','gone')"),
        [("b".to_owned(), 3, 0)]
    );
}

#[test]
fn persons_with_templates_are_counted_as_they_come_and_go() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("t"), &FACES[..1]).unwrap();
    let enrolment = "INSERT INTO enrolment \
        (id,person,institution,state,pack,proposed_at,outcome,consent) VALUES \
        ('e','p','c','confirmed','a','t','{}','{}');";
    let template = |id: &str, person: &str| {
        format!("INSERT INTO template VALUES ('{id}','e','{person}','c','a','h',0,x'00');")
    };
    connection
        .execute_batch(&(enrolment.to_owned() + &template("1", "p") + &template("2", "p")))
        .unwrap();
    migrate(&mut connection, Path::new("t"), FACES).unwrap();
    let persons = |c: &Connection| -> i64 {
        c.query_row("SELECT n FROM face_count", [], |r| r.get(0)).unwrap()
    };
    assert_eq!(persons(&connection), 1);
    connection.execute_batch(&(template("3", "p") + &template("4", "q"))).unwrap();
    assert_eq!(persons(&connection), 2);
    connection.execute_batch("DELETE FROM template WHERE person = 'p'").unwrap();
    assert_eq!(persons(&connection), 1);
}

#[test]
fn a_database_of_a_later_version_is_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(
        migrate(&mut connection, Path::new("t"), FACTS)
            .unwrap_err()
            .to_string()
            .contains("later version")
    );
}
