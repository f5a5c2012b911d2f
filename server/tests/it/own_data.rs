//! A person's own page: what it shows, what it never shows, requests with their answer, withdrawal.

use serde_json::{Value, json};

use crate::boxes::{TestBox, finding};
use crate::house::House;

fn link(house: &House, person: &str) -> String {
    let body = json!({"purpose": "own_data"});
    let made = house.must_post(&format!("practitioners/{person}/links"), &body);
    made["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn own(house: &House, token: &str) -> Value {
    house.get(&format!("personal/{token}"))
}

#[test]
fn the_own_page_shows_the_registry_and_who_read_it() {
    let house = House::new();
    house.furnish();
    let token = link(&house, "p-lead");
    let why = "X-Why: 线索 LL-1\r\n";
    let seen = house.send_with("GET", "/api/v1/practitioners", why, b"");
    assert_eq!(seen.status, 200);
    let own = own(&house, &token);
    assert_eq!(own["registered"]["name"], "王主诊");
    assert!(!own.to_string().contains("LL-1"), "a reason warns of a lead: {own}");
    let readings = own["readings"].as_array().unwrap();
    assert!(readings.iter().any(|r| r["action"] == "POST /api/v1/practitioners"), "{own}");
    assert!(readings.iter().all(|r| r["by"] == "authority" || r["by"] == "yourself"), "{own}");
    let page = house.page(&format!("/personal/{token}")).1;
    assert!(page.contains("王主诊") && page.contains("谁查阅过我的信息"), "{page}");
    assert!(!page.contains("李医生") && !own.to_string().contains("p-other"), "another's data");
    let copy = house.send_with("GET", &format!("/personal/{token}/copy"), "", b"");
    assert!(copy.head.contains("attachment") && copy.body.contains("王主诊"), "{}", copy.head);
}

#[test]
fn a_correction_is_asked_for_and_answered_on_the_page() {
    let house = House::new();
    house.furnish();
    let token = link(&house, "p-lead");
    let ask = |body: &Value| house.post(&format!("personal/{token}"), body).0;
    let body = json!({"step": "request", "about": "correction", "text": "注册状态应为有效"});
    assert_eq!(ask(&body), 200);
    let empty = json!({"step": "request", "about": "correction", "text": " "});
    assert_eq!(ask(&empty), 422);
    assert!(house.page("/requests").1.contains("注册状态应为有效"));
    let id = house.get("personal-requests")["requests"][0]["id"].clone();
    let answer = json!({"by": "wang", "answer": "已更正"});
    house.must_post(&format!("personal-requests/{id}"), &answer);
    let page = house.page(&format!("/personal/{token}")).1;
    assert!(page.contains("已更正") && page.contains("主管机关") && !page.contains("wang"));
    let copy = house.send_with("GET", &format!("/personal/{token}/copy"), "", b"").body;
    assert!(copy.contains("已更正") && !copy.contains("wang"), "it names who answered: {copy}");
    assert_eq!(house.post(&format!("personal-requests/{id}"), &answer).0, 409, "answered twice");
}

#[test]
fn a_case_is_shown_once_the_party_was_told() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let id = "1".repeat(32);
    for (by, step) in [("wang", "uphold"), ("li", "uphold"), ("wang", "go_on_site")] {
        house.must_post(&format!("alerts/{id}/steps"), &json!({"step": step, "by": by}));
    }
    let officer = |name: &str, n: u8| json!({"name": name, "certificate": format!("A-{n}")});
    let officers = json!([officer("王督", 1), officer("李督", 2)]);
    let open = json!({"by": "wang", "case_number": "1", "officers": officers});
    house.must_post(&format!("alerts/{id}/case"), &open);
    let token = link(&house, "p-lead");
    let word = json!({"step": "request", "about": "answer", "alert": id, "text": "我在隔壁"});
    assert_eq!(house.page(&format!("/alerts/{id}")).0, 200);
    let read_in = |own: &Value| own["readings"].to_string().contains("alerts/");
    let before = own(&house, &token);
    assert_eq!(before["cases"], json!([]), "an investigation was given away");
    assert!(!read_in(&before), "its readings gave it away: {before}");
    assert_eq!(house.post(&format!("personal/{token}"), &word).0, 404);
    let told = json!({"by": "wang", "on": server::clock::today().to_string(), "entry": {"kind":
        "notified", "penalties": [{"kind": "warning"}], "hearing_offered": false}});
    house.must_post(&format!("alerts/{id}/case/entries"), &told);
    let after = own(&house, &token);
    assert!(read_in(&after) && after["cases"][0]["alert"] == json!(id), "{after}");
    assert_eq!(house.post(&format!("personal/{token}"), &word).0, 200);
    let third = json!({"id": "p-third", "name": "赵", "category": "nurse", "registration": "valid",
        "sites": [{"institution": "clinic-1", "relation": "primary"}]});
    house.must_post("practitioners", &third);
    let other = link(&house, "p-third");
    assert_eq!(own(&house, &other)["cases"], json!([]), "a case of somebody else");
    assert_eq!(house.post(&format!("personal/{other}"), &word).0, 404);
}

#[test]
fn a_withdrawal_on_the_own_page_uses_the_link_up() {
    let house = House::new();
    house.furnish();
    let token = link(&house, "p-lead");
    let kind = "application/x-www-form-urlencoded";
    let path = format!("/personal/{token}");
    let page = house.send("POST", &path, kind, b"step=withdraw&reason=");
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(house.page(&path).0, 404);
}
