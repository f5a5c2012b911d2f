//! Boxes replay their logs for a clue: asked by a supervisor with a reason, in an order that any
//! trial of numbers could be, and answered in their own words beside the corroboration.

use protocol::down::Down;
use protocol::trial::PolicyTrial;
use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding};
use crate::clues::{call, step, whole};
use crate::house::House;
use crate::log_holds::with_box;

fn about_room_1() -> Value {
    json!({"institution": "clinic-1", "room": "room-1", "allegation": "lending",
        "from_at": "2026-03-02T01:00:00Z", "to_at": "2026-03-02T02:00:00Z"})
}

fn replay(house: &House, who: &str, id: &str, reason: &str) -> crate::house::Answer {
    let body = json!({"reason": reason}).to_string();
    ask(house, "POST", &format!("/api/v1/clues/{id}/replay"), who, &body)
}

fn told(b: &TestBox) -> PolicyTrial {
    let body = b.told_until("policy_trial", |d| matches!(d, Down::PolicyTrial(_)));
    let Down::PolicyTrial(asked) = body.payload else { unreachable!() };
    asked
}

/// A clinic of the same district that nobody reports.
fn neighbour(house: &House) -> TestBox {
    let officer = token(house, Role::Supervisor, "");
    let put = |noun: &str, body: &Value| {
        let made = ask(house, "POST", &format!("/api/v1/{noun}"), &officer, &body.to_string());
        assert!(made.status < 300, "{}", made.body);
        made.json()
    };
    put("institutions", &json!({"id": "clinic-2", "name": "另一家", "jurisdiction": "510104"}));
    put("rooms", &json!({"id": "room-9", "institution": "clinic-2", "mode": "in_room"}));
    let made = put("devices", &json!({"id": "box-2", "room": "room-9"}));
    let mut it = TestBox::provision(house, made["provisioning_token"].as_str().unwrap());
    it.connect();
    it
}

#[test]
fn a_box_replays_and_its_word_stands_beside_the_record() {
    let (house, mut b) = with_box();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let id = call(&house, "1", &about_room_1());
    let before = ask(&house, "GET", &format!("/api/v1/clues/{id}/corroboration"), &boss, "").body;
    let form = |body: &str| {
        let cookie = format!("zaigang={boss}");
        crate::accounts::form(&house, &format!("/clues/{id}/replay"), &cookie, body)
    };
    assert_eq!(form("reason=%20").status, 422, "without a reason");
    let led = form("reason=%E8%AF%81%E4%BA%BA%E5%8F%A6%E6%9C%89%E8%AF%B4%E6%B3%95");
    assert_eq!(led.status, 303, "{}", led.body);
    assert_eq!(replay(&house, &boss, &id, "again").status, 409, "while one is not answered");
    let asked = told(&b);
    let page = ask(&house, "GET", &format!("/clues/{id}"), &boss, "").body;
    assert!(page.contains("证人另有说法") && page.contains("待设备答复"), "{page}");
    b.say(&json!({"type": "policy_trial_answer", "trial": asked.trial, "days":
        ["2026-03-01", "2026-03-02"], "days_left_out": 0, "counts": [], "stand":
        [{"day": "2026-03-01", "rule": "UQ-1", "now": 9},
         {"day": "2026-03-02", "rule": "LL-1", "now": 2}]}));
    b.receipted(b.seq);
    let it = whole(&house, &id);
    let room = &it["replays"][0]["rooms"][0];
    assert_eq!((&room["room"], &room["standing"]), (&json!("room-1"), &json!("answered")));
    assert_eq!(
        room["days"],
        json!([{"day": "2026-03-02", "read": true, "stand": {"LL-1": 2}}]),
        "of other days it answers nothing here"
    );
    let page = ask(&house, "GET", &format!("/clues/{id}"), &boss, "").body;
    assert!(page.contains("2 条") && page.contains("未经核实") && !page.contains("9 条"), "{page}");
    let after = ask(&house, "GET", &format!("/api/v1/clues/{id}/corroboration"), &boss, "").body;
    assert_eq!(before, after, "a box's word answers for itself");
    let auditor = login(&house, "aud", Role::Auditor, "");
    let audit = ask(&house, "GET", "/api/v1/audit?limit=500", &auditor, "").body;
    assert!(audit.contains("boxes asked to replay"), "nobody wrote it down: {audit}");
}

#[test]
fn an_order_for_a_clue_is_a_trial_like_any() {
    let (house, b) = with_box();
    let other = neighbour(&house);
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let id = call(&house, "1", &about_room_1());
    assert_eq!(replay(&house, &boss, &id, "理由").status, 202);
    let [here, there] = [told(&b), told(&other)];
    assert_eq!(here.changes, there.changes, "the clinic that was reported is asked something else");
    assert_eq!((here.changes.len(), here.from.is_some()), (1, there.from.is_some()));
    let said = serde_json::to_string(&here).unwrap();
    for word in ["clinic", "room", &id, "01:00", "2026-03-02"] {
        assert!(!said.contains(word), "{said}");
    }
    let trials = ask(&house, "GET", "/api/v1/policy/trials?jurisdiction=510104", &boss, "").json();
    assert_eq!(trials["trials"][0]["boxes"], 2);
    assert!(!trials.to_string().contains(&id), "{trials}");
}

#[test]
fn only_a_supervisor_asks_of_a_clue_that_goes_on() {
    let (house, _b) = with_box();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let id = call(&house, "1", &about_room_1());
    for (name, role, scope) in [
        ("rev", Role::Reviewer, "5101"),
        ("cli", Role::Clinic, "clinic-1"),
        ("int", Role::Integrator, "5101"),
        ("adm", Role::Admin, ""),
        ("aud", Role::Auditor, ""),
    ] {
        let who = login(&house, name, role, scope);
        assert_eq!(replay(&house, &who, &id, "x").status, 403, "{role:?}");
    }
    let far = login(&house, "far", Role::Supervisor, "5201");
    assert_eq!(replay(&house, &far, &id, "x").status, 404);
    let program = token(&house, Role::Supervisor, "");
    assert_eq!(replay(&house, &program, &id, "x").status, 403, "a program asks");
    let nowhere = call(&house, "2", &json!({"institution": "clinic-1"}));
    assert_eq!(replay(&house, &boss, &nowhere, "x").status, 422, "of no hour");
    let li = login(&house, "li", Role::Supervisor, "");
    for who in [&boss, &li] {
        step(&house, who, &id, &json!({"step": "reject", "reason": "not_health"}));
    }
    assert_eq!(replay(&house, &boss, &id, "x").status, 409, "of one that is over");
}

#[test]
fn leads_and_clues_are_chosen_by_their_words() {
    let (house, mut b) = with_box();
    let wang = login(&house, "wang", Role::Supervisor, "");
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(b.seq);
    let id = call(&house, "1", &about_room_1());
    let also = call(&house, "2", &json!({"institution": "clinic-1", "text": "另一件"}));
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    let number = whole(&house, &also)["number"].as_i64().unwrap();
    for words in ["<option value=\"#1\">#1 ", "挂证", &format!("<option value=\"#{number}\">")] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let cookie = format!("zaigang={wang}");
    let linked =
        crate::accounts::form(&house, &format!("/clues/{id}/links"), &cookie, "alert=%231");
    assert_eq!(linked.status, 303, "{}", linked.body);
    assert_eq!(whole(&house, &id)["links"][0]["number"], 1);
    let none = crate::accounts::form(&house, &format!("/clues/{id}/links"), &cookie, "alert=%2399");
    assert_eq!(none.status, 404);
}
