//! What a clinic does so that nobody hears, hears late, or reads past it: it ends its own box, says
//! a thing a thousand times, or lets its system say what a card would.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, token};
use crate::boxes::{TestBox, alert_of, finding};
use crate::elsewhere::{Place, place};
use crate::house::by_hand;

fn alerts_of(it: &Place, rule: &str) -> Vec<Value> {
    let all = ask(&it.house, "GET", "/api/v1/alerts", &it.officer, "").json();
    let about = |alert: &&Value| alert["findings"][0]["rule"] == rule;
    all["alerts"].as_array().unwrap().iter().filter(about).cloned().collect()
}

fn retire(it: &Place, of: &TestBox) {
    let said = of.signing.sign(json!({"retires": of.id, "undelivered": 3}).to_string());
    let body = serde_json::to_string(&said).unwrap();
    let done =
        it.house.send("POST", "/api/v1/provision/retire", "application/json", body.as_bytes());
    assert_eq!(done.status, 200, "{}", done.body);
}

/// Whoever holds its card has its key: one call, and no box watches the room any more.
#[test]
fn a_box_that_ends_itself_is_the_supervisors() {
    let it = place();
    retire(&it, &it.here);
    let told = alerts_of(&it, "BOX-RETIRED");
    assert_eq!(told.len(), 1, "{told:?}");
    let (alert, found) = (&told[0], &told[0]["findings"][0]);
    assert_eq!((&alert["severity"], &alert["device"]), (&json!("L2"), &json!("box-1")));
    assert_eq!(found["counts"], json!([{"name": "undelivered", "value": 3}]));
    let path = format!("/alerts/{}?lang=zh", alert["id"].as_str().unwrap());
    let page = ask(&it.house, "GET", &path, &it.officer, "").body;
    assert!(page.contains("主管机关未批准开锁") && page.contains("设备自行停用"), "{page}");
    // An installer whom the authority let in ends it too; that is asked about, no more.
    let path = "/api/v1/devices/box-2/unlock";
    assert_eq!(ask(&it.house, "POST", path, &it.officer, "{}").status, 200);
    retire(&it, &it.there);
    let all = alerts_of(&it, "BOX-RETIRED");
    let second = all.iter().find(|alert| alert["device"] == "box-2").unwrap();
    assert_eq!(second["severity"], "L1", "{second}");
}

#[test]
fn words_about_a_session_bury_none_of_them() {
    let it = place();
    let program = token(&it.house, Role::Clinic, "clinic-1");
    let session = json!({"id": "s-long", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": "2099-03-02T01:00:00Z"});
    let post = |path: &str, body: &Value| {
        ask(&it.house, "POST", &format!("/api/v1/{path}"), &program, &body.to_string())
    };
    assert!(post("sessions", &session).status < 300);
    let sql = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
        INSERT INTO session_change SELECT session, i, at, by_whom, 'x', spec FROM session_change, n
        WHERE session = 's-long'; UPDATE session SET revision = 199 WHERE id = 's-long';";
    by_hand(&it.house.folder.path().join("data"), "zaigang.db", sql);
    let flag = |raised: bool| {
        let mut amended = session.clone();
        amended["emergency"] = json!(raised);
        post("sessions", &amended)
    };
    let last = flag(true);
    assert_eq!(last.status, 200, "{}", last.body);
    let more = flag(false);
    assert!(more.status == 409 && more.body.contains("200 revisions"), "{}", more.body);
    let other = json!({"id": "s-next", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": "2099-03-02T01:00:00Z"});
    assert!(post("sessions", &other).status < 300, "another session is open to it");
}

/// The one check that bears a doctor out stands among a hundred words of their clinic's system.
#[test]
fn what_a_system_states_pushes_out_no_check() {
    let mut it = place();
    it.here.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    it.here.receipted(it.here.seq);
    let path = format!("/api/v1/alerts/{}", alert_of('1'));
    let read = || ask(&it.house, "GET", &path, &it.officer, "").json();
    let at = read()["raised_at"].as_str().unwrap().to_owned();
    let sql = format!(
        "INSERT INTO identity_check VALUES ('k-card', 'room-1', 'p-lead', 'p-other', 'in', '{at}',
        '2026-03-01T00:00:00.000Z', 'kiosk', 'api');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
        INSERT INTO identity_check SELECT 'k-' || i, 'room-1', 'p-other', 'p-lead', 'in', '{at}',
        '2026-03-02T00:00:00.000Z', 'his', 'system' FROM n;"
    );
    by_hand(&it.house.folder.path().join("data"), "zaigang.db", &sql);
    let said = read()["statements"].clone();
    let kinds: Vec<_> = said.as_array().unwrap().iter().map(|s| s["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "check").count(), 1, "{kinds:?}");
    assert!(kinds.len() <= 110, "{} statements", kinds.len());
}

#[test]
fn answers_to_a_correction_are_bounded() {
    let mut it = place();
    it.here.say(&finding('a', '1', "opened", 1, "HB-3", "Integrity", "L1"));
    it.here.receipted(it.here.seq);
    let by = std::time::Instant::now() + crate::boxes::WAIT;
    let id = loop {
        let all = ask(&it.house, "GET", "/api/v1/corrections", &it.clinic, "").json();
        if let Some(id) = all["corrections"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(std::time::Instant::now() < by, "the lead became no correction");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 49)
        INSERT INTO correction_step (correction, at, actor, step, state_after)
        SELECT '{id}', 't', 'x', 'answer', 'answered' FROM n"
    );
    by_hand(&it.house.folder.path().join("data"), "zaigang.db", &sql);
    let path = format!("/api/v1/corrections/{id}/steps");
    let said = json!({"step": "answer", "cause": "新员工", "measure": "已培训",
        "done_on": "2026-11-01"})
    .to_string();
    let post = || ask(&it.house, "POST", &path, &it.clinic, &said);
    assert_eq!(post().status, 200);
    let more = post();
    assert!(more.status == 409 && more.body.contains("50 answers"), "{}", more.body);
}
