//! Nobody looks or changes unseen, and a log that was cut or rewritten is found.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::hostile::{HostileBox, HostileClinic, Side, TestAccount, User, messages};
use rusqlite::Connection;
use serde_json::{Value, json};
use trust::audit::{AuditEntry, SignedHead};

use super::house;

/// Entries of this action (its blanks as `%20`), as the country's auditor reads them.
fn entries(house: &HostileClinic, action: &str) -> Vec<Value> {
    let auditor = house.user(TestAccount::Auditor).unwrap();
    let log = auditor.get(&format!("/api/v1/audit?q={action}&limit=200")).unwrap().ok().unwrap();
    log["audit"].as_array().unwrap().clone()
}

/// Whether one of them holds the text in this field.
fn told(entries: &[Value], field: &str, text: &str) -> bool {
    entries.iter().any(|e| e[field].as_str().unwrap().contains(text))
}

#[test]
fn a_search_for_names_says_what_was_searched() {
    let house = house();
    let supervisor = house.user(TestAccount::Supervisor(Side::There)).unwrap();
    // 姓名: what the names of this house begin with.
    let page = supervisor.get("/registry?noun=people&q=%E5%A7%93%E5%90%8D").unwrap();
    assert!(page.text.contains(Side::There.lead()), "nobody was found");
    let log = entries(&house, "GET%20/registry");
    assert!(told(&log, "object", "q=姓名"), "the search is not in the log: {log:?}");
    assert!(told(&log, "object", Side::There.lead()), "nor who was found: {log:?}");
}

#[test]
fn a_login_says_the_name_that_was_tried() {
    let house = house();
    let guess = [("name", "audit-guessed"), ("password", "a guess")];
    assert_eq!(house.nobody().form("/login", &guess).unwrap().status, 401);
    let log = entries(&house, "POST%20/login");
    assert!(told(&log, "object", "audit-guessed"), "{log:?}");
}

#[test]
fn a_changed_registration_says_whose_and_how() {
    let house = house();
    let integrator = house.user(TestAccount::Integrator(Side::There)).unwrap();
    for registration in ["valid", "suspended"] {
        let site =
            json!({"institution": Side::There.institution(), "relation": "primary", "lead_of": []});
        let person = json!({"id": "p-audited", "name": "被改者", "category": "licensed_physician",
            "registration": registration, "sites": [site]});
        integrator.post("/api/v1/practitioners", &person).unwrap().ok().unwrap();
    }
    let log = entries(&house, "POST%20/api/v1/practitioners");
    let change = log.iter().find(|e| e["object"].as_str().unwrap().contains("suspended"));
    let change = change.unwrap_or_else(|| panic!("the change is not in the log: {log:?}"));
    assert!(change["object"].as_str().unwrap().contains("p-audited"), "{change}");
    assert_eq!(change["actor"], "integrator-there");
}

#[test]
fn a_reason_in_chinese_is_kept() {
    let house = house();
    let supervisor =
        house.user(TestAccount::Supervisor(Side::There)).unwrap().because("案号 2026-17");
    assert_eq!(supervisor.get("/api/v1/practitioners").unwrap().status, 200);
    let log = entries(&house, "GET%20/api/v1/practitioners");
    assert!(told(&log, "why", "案号 2026-17"), "{log:?}");
}

#[test]
fn an_auditor_of_a_part_reads_no_other_part() {
    let house = house();
    for side in Side::BOTH {
        let id = format!("audit-{}", side.institution());
        house
            .declare(side, &id, side.room(), &messages::ago(600), Some(&messages::ago(300)))
            .unwrap();
        house
            .user(TestAccount::Supervisor(side))
            .unwrap()
            .get(&format!("/api/v1/sessions/{id}"))
            .unwrap()
            .ok()
            .unwrap();
    }
    let admin = house.user(TestAccount::Admin).unwrap();
    let asked = json!({"name": "audit-part", "role": "auditor", "scope": Side::Here.jurisdiction(),
        "days": 1});
    let made = admin.post("/api/v1/tokens", &asked).unwrap().ok().unwrap();
    let auditor = User::with_token(house.base(), made["token"].as_str().unwrap());
    let seen = auditor.get("/api/v1/audit?q=sessions/audit-&limit=200").unwrap();
    assert!(seen.text.contains("audit-clinic-here"), "his own part is missing: {}", seen.text);
    assert!(!seen.text.contains("audit-clinic-there"), "another part is shown: {}", seen.text);
    assert_eq!(auditor.get("/api/v1/audit/export").unwrap().status, 403);
}

#[test]
fn a_case_package_tells_of_no_other_session() {
    let house = house();
    let (case, other) = ("audit-case-own", "audit-case-other");
    for (id, from, to) in [(case, 600, 400), (other, 380, 200)] {
        house
            .declare(
                Side::Here,
                id,
                Side::Here.room(),
                &messages::ago(from),
                Some(&messages::ago(to)),
            )
            .unwrap();
    }
    let mut accuser = house.provision("audit-case", Side::Here.room()).unwrap();
    for session in [case, other] {
        let mut seen = messages::presence(Side::Here, Side::Here.physician(), 10, 0);
        seen.session = Some(session.parse().unwrap());
        accuser.say(seen).unwrap();
    }
    let mut finding = messages::finding(Side::Here, 'a', "NL-1", "L2");
    finding.session = Some(case.parse().unwrap());
    finding.persons.push(protocol::up::PersonInFinding {
        person: Side::Here.physician().parse().unwrap(),
        part: "operator".into(),
        verified_by: "face".into(),
    });
    accuser.say(finding).unwrap();
    accuser.settle().unwrap();
    let alerts = house.alerts(TestAccount::Supervisor(Side::Here)).unwrap();
    let raised = alerts.iter().find(|a| a["session"] == case).expect("no alert of the case");
    let path = format!("/api/v1/alerts/{}/package?why=17", raised["id"].as_str().unwrap());
    let package = house.user(TestAccount::Supervisor(Side::Here)).unwrap().get(&path).unwrap();
    assert_eq!(package.status, 200, "{}", package.text);
    assert!(package.text.contains(case), "the case's own sighting is missing");
    assert!(!package.text.contains(other), "an attendance record goes out with the case");
}

/// A house whose log is long, and the latest signed head that its box was given. Until one comes
/// the box speaks on.
fn anchored() -> (HostileClinic, Option<SignedHead>) {
    let house = HostileClinic::start().unwrap();
    let mut witness = house.provision("audit-witness", Side::Here.room()).unwrap();
    let reader = house.user(TestAccount::Supervisor(Side::Here)).unwrap();
    for _ in 0..120 {
        reader.get("/api/v1/practitioners").unwrap().ok().unwrap();
    }
    assert_eq!(verdict(&house), true, "the log is sound before anybody touches it");
    let head = head_over(&mut witness, 100, Duration::from_secs(40));
    (house, head)
}

fn head_over(witness: &mut HostileBox, entries: u64, within: Duration) -> Option<SignedHead> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        let given = witness.settle().unwrap().audit_head;
        let head = given.and_then(|head| {
            trust::audit::read_head(&head, &witness.identity.server).ok().zip(Some(head))
        });
        if let Some((_, head)) = head.filter(|(read, _)| read.entries >= entries) {
            return Some(head);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    None
}

/// Whether the auditor is told that the log holds.
fn verdict(house: &HostileClinic) -> Value {
    house.user(TestAccount::Auditor).unwrap().get("/api/v1/audit").unwrap().ok().unwrap()["holds"]
        .clone()
}

/// What the server says of its own log, and what the box's head says of the log that the server
/// hands out.
fn found(house: &HostileClinic, head: Option<SignedHead>) {
    assert_eq!(verdict(house), false, "the auditor is told that the log holds");
    let log = house.user(TestAccount::Auditor).unwrap().get("/api/v1/audit/export").unwrap().text;
    trust::audit::check(log.as_bytes()).expect("the log by itself is sound");
    let head = head.expect("the box was given no head");
    let fault = trust::audit::check_against(log.as_bytes(), &[head])
        .expect_err("it agrees with the box's head");
    assert!(fault.why.contains("cut off") || fault.why.contains("rewritten"), "{fault}");
}

fn database(data: &Path) -> Result<Connection> {
    Ok(Connection::open(data.join("zaigang.db"))?)
}

#[test]
fn an_audit_log_cut_while_the_server_is_down_is_found() {
    let (house, head) = anchored();
    let cut = |data: &Path| {
        Ok(database(data)?.execute("DELETE FROM audit WHERE id > 30", []).map(drop)?)
    };
    house.restart_after(cut).unwrap();
    found(&house, head);
}

/// Whoever has the tables makes every later hash anew, so that the chain by itself is sound.
#[test]
fn an_audit_log_rewritten_while_the_server_is_down_is_found() {
    let (house, head) = anchored();
    let rewrite = |data: &Path| {
        let db = database(data)?;
        let sql =
            "SELECT id, at, actor, action, object, why, status, prev, hash FROM audit ORDER BY id";
        let mut all = db.prepare(sql)?;
        let read = all.query_map([], |r| {
            Ok(AuditEntry {
                id: r.get(0)?,
                at: r.get(1)?,
                actor: r.get(2)?,
                action: r.get(3)?,
                object: r.get(4)?,
                why: r.get(5)?,
                status: r.get(6)?,
                prev: r.get(7)?,
                hash: r.get(8)?,
            })
        })?;
        let mut log = read.collect::<Result<Vec<_>, _>>()?;
        log[10].actor = "somebody else".to_owned();
        let mut prev = trust::ZERO_HASH.to_owned();
        for entry in &mut log {
            entry.prev.clone_from(&prev);
            entry.hash = entry.made_hash();
            let sql = "UPDATE audit SET actor = ?2, prev = ?3, hash = ?4 WHERE id = ?1";
            db.execute(sql, (entry.id, &entry.actor, &entry.prev, &entry.hash))?;
            prev.clone_from(&entry.hash);
        }
        Ok(())
    };
    house.restart_after(rewrite).unwrap();
    found(&house, head);
}
