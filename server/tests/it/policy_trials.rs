//! A trial of policy numbers over the real broker: boxes are asked by whoever may set the policy
//! there, and what they answer is shown as their own word and changes nothing.

use protocol::down::{Down, DownBody};
use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login};
use crate::boxes::TestBox;
use crate::house::{Answer, House};

/// A clinic with a connected box, behind accounts.
fn house() -> (House, TestBox) {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    let house = house.restart_with("[access]\naccounts = true\n");
    b.move_to(&house);
    b.connect();
    (house, b)
}

fn trial(house: &House, who: &str, jurisdiction: &str, changes: &Value) -> Answer {
    let body = json!({"jurisdiction": jurisdiction, "changes": changes});
    ask(house, "POST", "/api/v1/policy/trials", who, &body.to_string())
}

fn seen(house: &House, who: &str, id: &str) -> Value {
    let answer = ask(house, "GET", &format!("/api/v1/policy/trials/{id}"), who, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn told(b: &TestBox, id: &str) -> DownBody {
    b.told_until(
        "policy_trial",
        |d| matches!(d, Down::PolicyTrial(asked) if asked.trial.as_str() == id),
    )
}

fn answer(id: &str) -> Value {
    json!({"type": "policy_trial_answer", "trial": id, "days": ["2026-03-01", "2026-03-02"],
        "days_left_out": 0, "counts": [{"setting": "uq_op_ms", "rule": "UQ-1", "now": 4,
        "appear": 7, "vanish": 1, "other_severity": 0}]})
}

#[test]
fn a_box_is_asked_and_its_word_is_shown_as_its_own() {
    let (house, mut b) = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let made = trial(&house, &boss, "5101", &json!({"uq_op_ms": 30_000, "hb3_ms": 60_000}));
    assert_eq!(made.status, 202, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let order = told(&b, &id);
    b.say(&json!({"type": "knowledge_ack", "kind": "policy_trial", "version": order.version,
        "applied": true}));
    b.say(&answer(&id));
    b.receipted(b.seq);
    let it = seen(&house, &boss, &id);
    assert_eq!((&it["answered"], &it["of"][0]["standing"]), (&json!(1), &json!("answered")));
    assert_eq!(it["sums"][0]["appear"], 7);
    let page = ask(&house, "GET", &format!("/policy/trials/{id}"), &boss, "").body;
    for words in
        ["各设备就本诊室所作的说明", "未经核实", "增加 7", "2026-03-01 至 2026-03-02", "room-1"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    let policy = ask(&house, "GET", "/policy?jurisdiction=5101", &boss, "").body;
    assert!(policy.contains(&format!("/policy/trials/{id}")), "the policy page knows of none");
    assert!(house.running().app.store.policy_history("5101", 9).unwrap().is_empty(), "it is set");
    let alerts = ask(&house, "GET", "/api/v1/alerts?state=all", &boss, "").json();
    assert_eq!(alerts["alerts"], json!([]), "a trial accuses");
}

#[test]
fn who_sets_no_policy_asks_no_box() {
    let (house, _b) = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let far = login(&house, "far", Role::Supervisor, "5201");
    let number = json!({"uq_op_ms": 30_000});
    for (name, role, scope) in [
        ("rev", Role::Reviewer, "5101"),
        ("cli", Role::Clinic, "clinic-1"),
        ("int", Role::Integrator, "5101"),
        ("aud", Role::Auditor, ""),
        // The numbers of the whole country are the administrator's.
        ("all", Role::Supervisor, ""),
    ] {
        let who = login(&house, name, role, scope);
        assert_eq!(trial(&house, &who, "5101", &number).status, 403, "{role:?}");
    }
    assert_eq!(trial(&house, &far, "5101", &number).status, 403);
    assert_eq!(trial(&house, &boss, "", &number).status, 403, "beyond the own part");
    let made = trial(&house, &boss, "5101", &number);
    let path = format!("/api/v1/policy/trials/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(ask(&house, "GET", &path, &far, "").status, 404);
    let list = "/api/v1/policy/trials?jurisdiction=5101";
    assert_eq!(ask(&house, "GET", list, &far, "").status, 403);
}

#[test]
fn only_what_a_box_can_replay_is_asked() {
    let (house, _b) = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let many: Value = protocol::settings::of_the_box()
        .iter()
        .filter(|s| !matches!(s.rules.as_str(), "tracker" | "privacy P2"))
        .take(11)
        .map(|s| (s.name.clone(), json!(if s.default == s.min { s.max } else { s.min })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (what, changes) in [
        ("nothing", json!({})),
        ("a number of the server", json!({"ll2_days": 20})),
        ("a number of the tracker", json!({"track_gap_ms": 1_000})),
        ("the number in force", json!({"uq_op_ms": 60_000})),
        ("no setting", json!({"uq_op": 1})),
        ("out of its range", json!({"uq_op_ms": 1})),
        ("eleven at once", many),
    ] {
        let made = trial(&house, &boss, "5101", &changes);
        assert_eq!(made.status, 422, "{what}: {}", made.body);
    }
    let form = |body: &str| {
        crate::accounts::form(&house, "/policy/trials", &format!("zaigang={boss}"), body)
    };
    let refused = form("jurisdiction=5101&ll2_days=20");
    assert!(refused.status == 422 && refused.body.contains("再请设备试算"), "{}", refused.body);
    assert!(refused.body.contains("value=\"20\""), "what was typed is lost");
    let led = form("jurisdiction=5101&uq_op_ms=0.5");
    assert!(led.status == 303 && led.raw("location: ").starts_with("/policy/trials/"));
    for _ in 1..10 {
        assert_eq!(trial(&house, &boss, "5101", &json!({"uq_op_ms": 30_000})).status, 202);
    }
    assert_eq!(trial(&house, &boss, "5101", &json!({"uq_op_ms": 30_000})).status, 429);
}

#[test]
fn a_box_that_knows_no_trial_is_shown_so() {
    let (house, mut b) = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let made = trial(&house, &boss, "5101", &json!({"uq_op_ms": 30_000}));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let order = told(&b, &id);
    b.say(&json!({"type": "knowledge_ack", "kind": "policy_trial", "version": order.version,
        "applied": false, "refused_because":
        "this version of the agent knows no `policy_trial`: update it"}));
    // An acknowledgement stands in no chain, and gets no receipt.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while seen(&house, &boss, &id)["of"][0]["standing"] != "refused" {
        assert!(std::time::Instant::now() < deadline, "the box's refusal never came");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let page = ask(&house, "GET", &format!("/policy/trials/{id}"), &boss, "").body;
    assert!(page.contains("设备未试算") && page.contains("请升级设备程序"), "{page}");
}

#[test]
fn an_answer_that_nobody_asked_for_is_counted_nowhere() {
    let (house, mut b) = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    b.say(&answer("0123456789abcdef0123456789abcdef"));
    b.receipted(b.seq);
    let list = ask(&house, "GET", "/api/v1/policy/trials", &boss, "").json();
    assert_eq!(list["trials"], json!([]));
}
