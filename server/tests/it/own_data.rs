//! A person's own page: what it shows, what it never shows, requests with their answer, withdrawal.

use serde_json::{Value, json};

use crate::backup::enrol_by;
use crate::boxes::{TestBox, finding};
use crate::house::House;
use crate::public::{FORM, multipart};

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
    let id = crate::boxes::alert_of('1');
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
    assert_eq!(after["cases"][0]["penalties"], json!([]), "another's penalty as the person's own");
    assert!(house.page(&format!("/personal/{token}")).1.contains("没有对您本人告知处罚"));
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

#[test]
fn a_withdrawal_with_too_long_a_reason_stays_open() {
    let house = House::new();
    house.furnish();
    enrol_by(&house, ("e-1", "p-lead"), &"e".repeat(64));
    let (whole, cut) = ("a".repeat(400), "a".repeat(401));
    let body = json!({"reason": cut, "institution": "clinic-1"});
    let (status, said) = house.post("practitioners/p-lead/withdraw", &body);
    assert!(status == 422 && said["detail"].as_str().unwrap().contains("401"), "{status} {said}");
    let form = "application/x-www-form-urlencoded";
    let page = format!("sure=yes&institution=clinic-1&reason={cut}");
    let page = house.send("POST", "/consent/p-lead", form, page.as_bytes());
    assert_eq!(page.status, 422, "{}", page.body);
    assert!(page.body.contains(&cut) && page.body.contains("至多 400 个字符"), "{}", page.body);
    let path = format!("/personal/{}", link(&house, "p-lead"));
    let said = format!("step=withdraw&reason={cut}");
    let refused = house.send("POST", &path, form, said.as_bytes());
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.contains("至多 400 个字符"), "{}", refused.body);
    // Nothing was done, and the link still does it.
    let said = format!("step=withdraw&reason={whole}");
    assert_eq!(house.send("POST", &path, form, said.as_bytes()).status, 200);
    assert_eq!(house.page(&path).0, 404);
}

/// A clinic whose lead agreed to an earlier text, and their link to their own page.
fn with_earlier_consent() -> (House, String) {
    let house = House::new();
    house.furnish();
    enrol_by(&house, ("e-1", "p-lead"), &"e".repeat(64));
    let token = link(&house, "p-lead");
    (house, token)
}

fn signature(sha256: &Value, purposes: &Value) -> Value {
    json!({"step": "consent", "institution": "clinic-1", "text_sha256": sha256,
        "purposes": purposes, "signature": "王主诊"})
}

#[test]
fn a_new_text_is_signed_on_the_own_page_as_it_was_shown() {
    let (house, token) = with_earlier_consent();
    let both = json!(["recognition", "server_storage"]);
    let waiting = own(&house, &token)["to_sign"][0].clone();
    assert_eq!(waiting["institution"], "clinic-1", "{waiting}");
    let page = house.page(&format!("/personal/{token}")).1;
    assert!(page.contains("新版同意书待签署"), "{page}");
    let sign = |sha: &Value, purposes: &Value| {
        house.post(&format!("personal/{token}"), &signature(sha, purposes)).0
    };
    assert_eq!(sign(&json!("0".repeat(64)), &both), 422, "another text than was shown");
    assert_eq!(sign(&waiting["zh_sha256"], &json!(["recognition"])), 422, "storage is separate");
    let faces = &house.running().app.faces;
    assert_eq!(faces.consent_of(&"e-1".parse().unwrap()).unwrap().unwrap().text_version, "1");
    assert_eq!(sign(&waiting["zh_sha256"], &both), 200);
    let kept = faces.consent_of(&"e-1".parse().unwrap()).unwrap().unwrap();
    assert_eq!((kept.text_version.as_str(), kept.signature.as_str()), ("2026-2", "王主诊"));
    assert_eq!(json!(kept.text_sha256), waiting["zh_sha256"]);
    assert_eq!(kept.earlier[0].text_version, "1", "what was signed before is forgotten");
    assert_eq!(
        faces.photos(&"e-1".parse().unwrap()).unwrap().len(),
        0,
        "the photograph had no yes of its own"
    );
    assert_eq!(house.get("consents/earlier")["people"], json!([]));
    assert_eq!(sign(&waiting["zh_sha256"], &both), 404, "nothing waits any more");
}

#[test]
fn a_guardians_name_stands_in_the_consent_of_a_child() {
    let (house, token) = with_earlier_consent();
    let page = house.page(&format!("/personal/{token}")).1;
    assert!(page.contains("不满十四周岁") && page.contains("name=\"guardian\""), "{page}");
    let sha = own(&house, &token)["to_sign"][0]["zh_sha256"].clone();
    let mut body = signature(&sha, &json!(["recognition", "server_storage"]));
    body["guardian"] = json!("王父");
    assert_eq!(house.post(&format!("personal/{token}"), &body).0, 200);
    let kept = house.running().app.faces.consent_of(&"e-1".parse().unwrap()).unwrap().unwrap();
    assert_eq!(kept.guardian.as_deref(), Some("王父"));
    assert!(house.page("/people/p-lead").1.contains("王父"), "nobody reads who agreed");
}

#[test]
fn a_link_of_somebody_else_signs_nothing() {
    let (house, token) = with_earlier_consent();
    let sha = own(&house, &token)["to_sign"][0]["zh_sha256"].clone();
    let other = link(&house, "p-other");
    let body = signature(&sha, &json!(["recognition", "server_storage"]));
    assert_eq!(house.post(&format!("personal/{other}"), &body).0, 404);
    assert_eq!(own(&house, &token)["to_sign"].as_array().unwrap().len(), 1);
}

#[test]
fn a_form_with_a_text_of_yesterday_is_shown_again() {
    let (house, _) = with_earlier_consent();
    let sent = |sha: &str| {
        let fields = [
            ("person", "p-lead"),
            ("institution", "clinic-1"),
            ("agreed", "yes"),
            ("storage_agreed", "yes"),
            ("signature", "王主诊"),
            ("text_sha256", sha),
        ];
        house.send_with("POST", "/enrol", FORM, &multipart(&fields, &[])).body
    };
    let changed = "同意书的文字在显示之后有变化";
    assert!(sent(&"0".repeat(64)).contains(changed));
    let page = house.page("/enrol").1;
    let shown = page.split("name=\"text_sha256\" value=\"").nth(1).unwrap();
    let answer = sent(shown.split('"').next().unwrap());
    assert!(!answer.contains(changed), "the text that is shown is refused: {answer}");
}
