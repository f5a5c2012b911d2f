//! A box that has no longer what it was told to keep: said on the alert, and an Integrity finding.

use serde_json::json;

use super::*;

fn held(s: &Scene) {
    let path = format!("/api/v1/alerts/{}/steps", alert());
    assert_eq!(ask(&s.house, "POST", &path, &s.li.login, r#"{"step":"uphold"}"#).status, 200);
}

fn told_to_keep(s: &mut Scene) {
    let told = s.b.told_until(
        "evidence_orders",
        |d| matches!(d, Down::EvidenceOrders(o) if !o.holds.is_empty()),
    );
    s.b.say(&json!({"type": "knowledge_ack", "kind": "evidence_orders", "version": told.version,
        "applied": true}));
    s.b.receipted(s.b.seq);
}

fn says_gone(s: &mut Scene, step: &str, nth: usize) {
    let said = json!({"type": "evidence_receipt", "finding_id": "b".repeat(32),
        "items": [s.ids()[nth]], "step": step, "reason": "the quota of the box"});
    s.b.say(&said);
    s.b.receipted(s.b.seq);
}

fn integrity(s: &Scene) -> Vec<Value> {
    let all = ask(&s.house, "GET", "/api/v1/alerts?kind=Integrity", &s.li.login, "").json();
    let one = |a: &Value| {
        let path = format!("/api/v1/alerts/{}", a["id"].as_str().unwrap());
        ask(&s.house, "GET", &path, &s.li.login, "").json()["findings"][0].clone()
    };
    all["alerts"].as_array().unwrap().iter().map(one).collect()
}

fn notes(s: &Scene) -> usize {
    let seen = ask(&s.house, "GET", &format!("/api/v1/alerts/{}", alert()), &s.li.login, "").json();
    seen["steps"].as_array().unwrap().iter().filter(|s| s["step"] == "evidence_gone").count()
}

#[test]
fn a_held_picture_that_is_gone_is_told_once_a_day() {
    let mut s = scene();
    held(&s);
    told_to_keep(&mut s);
    // Under a finding's id that is not the picture's: whatever it says, these are the ones.
    says_gone(&mut s, "deleted", 0);
    says_gone(&mut s, "lost", 1);
    says_gone(&mut s, "lost", 1);
    assert_eq!(notes(&s), 2, "each picture once");
    let raised = integrity(&s);
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(
        (&raised[0]["rule"], &raised[0]["severity"]),
        (&json!("EVIDENCE-GONE"), &json!("L2"))
    );
    let (_, shown) = page(&s, &s.li, &format!("/alerts/{}?lang=zh", alert()));
    assert!(shown.contains("应保全画面已不在设备上"), "the alert's page says so");
}

#[test]
fn a_box_that_could_not_know_of_the_hold_is_asked_gently() {
    let mut s = scene();
    held(&s);
    says_gone(&mut s, "deleted", 0);
    let raised = integrity(&s);
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(raised[0]["severity"], "L1", "it was never told to keep it");
}

#[test]
fn what_nobody_holds_ends_without_a_word() {
    let mut s = scene();
    let given_up = json!({"type": "evidence_receipt", "finding_id": finding_id(),
        "items": [s.ids()[0]], "step": "deleted", "reason": protocol::evidence::GIVEN_UP});
    s.b.say(&given_up);
    s.b.receipted(s.b.seq);
    says_gone(&mut s, "lost", 1);
    assert_eq!((notes(&s), integrity(&s).len()), (0, 0));
}

#[test]
fn pictures_of_a_seen_lead_end_by_no_withdrawal() {
    for (hours_ago, raised) in [(1, 1), (0, 0)] {
        let mut s = scene();
        let _ = notes(&s);
        let by = format!("{{0}} = strftime('%Y-%m-%dT%H:%M:%fZ', {{0}}, '-{hours_ago} hours')");
        let [came, seen] = ["received_at", "at"].map(|column| by.replace("{0}", column));
        let sql = format!("UPDATE finding SET {came}; UPDATE alert_seen SET {seen};");
        if crate::cluster::url_of(&s.house.folder.path().join("data")).is_some() {
            return;
        }
        s.sql(&sql);
        let mut taken_back = finding('a', '1', "withdrawn", 2, "LL-1", "LicenseLending", "L2");
        taken_back["withdrawn_because"] = json!("own_correction");
        s.b.say(&taken_back);
        s.b.receipted(s.b.seq);
        says_gone(&mut s, "deleted", 0);
        assert_eq!(integrity(&s).len(), raised, "it came {hours_ago} h before it was taken back");
    }
}

/// A clinic holds its box: a room so small that pictures go before anybody asks is asked about.
#[test]
fn a_box_with_too_little_room_for_pictures_is_told_once() {
    let mut s = scene();
    let says = |s: &mut Scene, mib: u64| {
        let mut said = crate::boxes::health();
        let room = mib << 20;
        said["evidence"] = json!({"items": 2, "bytes": 1, "quota_bytes": room, "given_up": 0});
        s.b.say(&said);
        s.b.receipted(s.b.seq);
    };
    says(&mut s, 2048);
    assert!(integrity(&s).is_empty(), "room for 30 days");
    says(&mut s, 16);
    says(&mut s, 16);
    let raised = integrity(&s);
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!(
        (&raised[0]["rule"], &raised[0]["severity"]),
        (&json!("EVIDENCE-ROOM"), &json!("L1")),
        "asked about, nobody is accused"
    );
    let words = raised[0]["explanation"]["zh"].as_str().unwrap();
    assert!(words.contains("16 MiB") && words.contains("2048 MiB"), "{words}");
    let (_, shown) = page(&s, &s.li, "/devices?lang=zh");
    assert!(shown.contains("容量低于要求"), "its page says so");
    let (_, shown) = page(&s, &s.li, &format!("/alerts/{}?lang=zh", alert_of(&s)));
    assert!(shown.contains("封存画面容量不足"), "{shown}");
}

fn alert_of(s: &Scene) -> String {
    let all = ask(&s.house, "GET", "/api/v1/alerts?kind=Integrity", &s.li.login, "").json();
    all["alerts"][0]["id"].as_str().unwrap().to_owned()
}
