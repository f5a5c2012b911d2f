//! What a clinic's owner tries with their box, their login and their program in hand, and what a
//! doctor is framed with: each is taken for no more than it is.

use jiff::SignedDuration;
use serde_json::{Value, json};
use server::access::Role;
use server::clinic_requests::BURST;

use crate::access::{ask, login, token};
use crate::boxes::finding;
use crate::elsewhere::{Place, place};
use crate::house::by_hand;

fn alert(it: &Place, digit: char) -> Value {
    let path = format!("/api/v1/alerts/{}", crate::boxes::alert_of(digit));
    ask(&it.house, "GET", &path, &it.officer, "").json()
}

/// The box could never have had their face: its roster holds the people of its own institution.
#[test]
fn a_box_accuses_no_doctor_of_another_institution() {
    let mut it = place();
    let mut said = finding('a', '1', "opened", 1, "UQ-1", "UnlicensedOperator", "L3");
    said["persons"] = json!([
        {"person": "p-far", "part": "operator", "verified_by": "face"},
        {"person": "p-other", "part": "assistant", "verified_by": "face"},
        {"person": "p-unknown", "part": "present", "verified_by": "face"}]);
    said["explanation"] = json!({"zh": "p-far 无证操作", "en": "p-far operated without a licence"});
    for (step, revision) in [("opened", 1), ("strengthened", 2)] {
        said["step"] = json!(step);
        said["revision"] = json!(revision);
        it.here.say(&said);
        it.here.receipted(it.here.seq);
    }
    let seen = alert(&it, '1');
    assert_eq!(seen["severity"], "L3", "the finding stands: {seen}");
    let found = &seen["findings"][0];
    let named: Vec<_> = found["persons"].as_array().unwrap().iter().map(|p| &p["person"]).collect();
    assert_eq!(named, ["p-other", "p-unknown"], "{seen}");
    let counts = found["counts"].as_array().unwrap();
    let strangers = counts.iter().find(|c| c["name"] == "strangers_named_count");
    assert_eq!(strangers.map(|c| &c["value"]), Some(&json!(1)), "{seen}");
    assert!(!seen.to_string().contains("p-far"), "{seen}");
    let page =
        ask(&it.house, "GET", &format!("/alerts/{}", crate::boxes::alert_of('1')), &it.officer, "");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("p-far") && !page.body.contains("赵远方"), "{}", page.body);
    assert!(page.body.contains("非本机构人员"), "{}", page.body);
}

/// Whoever is here for a day by a pass may be named, and whoever the clinic itself declared.
#[test]
fn a_box_names_whom_its_roster_may_hold() {
    let mut it = place();
    let pass = json!({"id": "pass-far", "person": "p-far", "institution": "clinic-1",
        "purpose": "trainee", "supervisor": "p-lead", "from": "2026-03-01T00:00:00Z",
        "to": "2099-03-01T00:00:00Z"});
    let made = ask(&it.house, "POST", "/api/v1/passes", &it.officer, &pass.to_string());
    assert!(made.status < 300, "{}", made.body);
    let mut said = finding('a', '1', "opened", 1, "UQ-1", "UnlicensedOperator", "L3");
    said["persons"] = json!([{"person": "p-far", "part": "operator", "verified_by": "face"}]);
    it.here.say(&said);
    it.here.receipted(it.here.seq);
    assert_eq!(alert(&it, '1')["findings"][0]["persons"][0]["person"], "p-far");
}

#[test]
fn a_clinic_that_asks_too_much_waits_alone() {
    let it = place();
    let (house, app) = (&it.house, &it.house.running().app);
    // As if its program had asked all night: nothing comes back for an hour.
    let later = server::clock::now() + SignedDuration::from_hours(1);
    assert!(app.clinic_requests.take("clinic-1", BURST - 2, later));
    let row = |n| format!("t-{n},room-1,laser-1,p-lead,,2099-03-02T{:02}:00:00Z,\n", n % 24);
    let rows = (0..40).map(row).collect::<Vec<_>>().concat();
    let table = format!("id,room,item,declared_lead,declared_operators,start,end\n{rows}");
    let program = token(house, Role::Clinic, "clinic-1");
    let put = ask(house, "POST", "/api/v1/import/sessions", &program, &table);
    assert_eq!(put.status, 429, "{}", put.body);
    assert_eq!(ask(house, "GET", "/api/v1/sessions/t-1", &it.officer, "").status, 404);
    let entries = || app.store.audit_log("", None, 1).unwrap()[0].id;
    assert_eq!(ask(house, "GET", "/api/v1/alerts", &it.clinic, "").status, 200);
    let before = entries();
    let refused = ask(house, "GET", "/api/v1/alerts", &it.clinic, "");
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert!(refused.head.contains("retry-after: 60"), "{}", refused.head);
    let page = ask(house, "GET", "/?lang=zh", &program, "");
    assert!(page.status == 429 && page.body.contains("请求过于频繁"), "{}", page.body);
    assert_eq!(entries(), before, "what was refused is not written down each time");
    for who in [&it.other, &it.officer] {
        assert_eq!(ask(house, "GET", "/api/v1/alerts", who, "").status, 200);
    }
}

#[test]
fn answers_of_a_clinic_bury_no_alert() {
    let mut it = place();
    it.here.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    it.here.receipted(it.here.seq);
    let path = format!("/api/v1/alerts/{}/steps", crate::boxes::alert_of('1'));
    let step = json!({"step": "answer", "note": "说明", "by": "w-wang"}).to_string();
    let post = |who: &str| ask(&it.house, "POST", &path, who, &step);
    for n in 0..50 {
        assert_eq!(post(&it.clinic).status, 200, "{n}");
    }
    let more = post(&it.clinic);
    assert!(more.status == 409 && more.body.contains("50 answers"), "{}", more.body);
    let wang = login(&it.house, "w-wang", Role::Supervisor, "");
    assert_eq!(post(&wang).status, 200, "what the clinic said by telephone is still put down");
    // It signed in nobody else's name.
    let steps = alert(&it, '1')["steps"].clone();
    let by: Vec<_> = steps.as_array().unwrap().iter().map(|s| &s["by"]).collect();
    assert_eq!(by.iter().filter(|by| **by == "clinic").count(), 50, "{by:?}");
}

#[test]
fn saved_answers_of_a_self_check_are_bounded() {
    let it = place();
    let all = ask(&it.house, "GET", "/api/v1/self-checks", &it.clinic, "").json();
    let id = all["self_checks"][0]["id"].as_str().unwrap();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
        INSERT INTO self_check_answer (self_check, item, value, by_whom, at)
        SELECT '{id}', 'mc-01', 'yes', 'x', '2026-03-01T01:00:00.000Z' FROM n"
    );
    by_hand(&it.house.folder.path().join("data"), "zaigang.db", &sql);
    let path = format!("/api/v1/self-checks/{id}/answers");
    let answer = json!({"item": "mc-01", "value": "no"}).to_string();
    assert_eq!(ask(&it.house, "POST", &path, &it.clinic, &answer).status, 200);
    let more = ask(&it.house, "POST", &path, &it.clinic, &answer);
    assert!(more.status == 409 && more.body.contains("hand it in"), "{}", more.body);
}

/// Its program declares sessions; the registry, its people's standing and the rooms are not its
/// own.
#[test]
fn a_clinics_program_brings_in_sessions_alone() {
    let it = place();
    let program = token(&it.house, Role::Clinic, "clinic-1");
    for noun in ["institutions", "practitioners", "rooms", "items"] {
        let path = format!("/api/v1/import/{noun}");
        let put = ask(&it.house, "POST", &path, &program, "id,name\np-new,新人\n");
        assert_eq!(put.status, 422, "{noun}: {}", put.body);
        assert!(put.body.contains("your role does not"), "{noun}: {}", put.body);
    }
}
