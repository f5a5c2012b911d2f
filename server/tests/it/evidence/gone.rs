//! A box that has no longer what it was told to keep: said on the alert, and an Integrity finding.

use serde_json::json;

use super::*;

fn held(s: &Scene) {
    let path = format!("/api/v1/alerts/{}/steps", alert());
    assert_eq!(ask(&s.house, "POST", &path, &s.li.login, r#"{"step":"uphold"}"#).status, 200);
}

/// Answers orders until the last of them is answered: the look of the reader who upheld makes more
/// than one.
fn told_to_keep(s: &mut Scene) {
    loop {
        let told = s.b.told_until(
            "evidence_orders",
            |d| matches!(d, Down::EvidenceOrders(o) if !o.holds.is_empty()),
        );
        s.b.say(&json!({"type": "knowledge_ack", "kind": "evidence_orders",
            "version": told.version, "applied": true}));
        s.b.receipted(s.b.seq);
        let path = format!("/api/v1/devices/{}", s.b.id);
        let device = ask(&s.house, "GET", &path, &s.li.login, "").json();
        let known = device["knowledge"].as_array().unwrap();
        if known.iter().any(|k| k["kind"] == "evidence_orders" && k["applied"] == true) {
            return;
        }
    }
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

/// What stands in the database of a box's words is so many minutes older; `false` on PostgreSQL,
/// whose databases of tests are not written by hand.
fn aged(s: &Scene, what: &[(&str, &str, i64)]) -> bool {
    if crate::cluster::url_of(&s.house.folder.path().join("data")).is_some() {
        return false;
    }
    let one = |(table, column, minutes): &(&str, &str, i64)| {
        format!(
            "UPDATE {table} SET {column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, \
            '-{minutes} minutes');"
        )
    };
    s.sql(&what.iter().map(one).collect::<String>());
    true
}

/// A lead that came two hours ago and was seen one hour ago, and all that its box said of it.
const LONG_SEEN: [(&str, &str, i64); 4] = [
    ("finding", "received_at", 120),
    ("finding_step", "received_at", 120),
    ("message", "received_at", 120),
    ("alert_seen", "at", 60),
];

fn minutes_ago(minutes: i64) -> String {
    let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The box takes its lead back, by its own clock so many minutes ago.
fn takes_back(s: &mut Scene, revision: u32, minutes: i64) {
    let mut said = finding('a', '1', "withdrawn", revision, "LL-1", "LicenseLending", "L2");
    said["withdrawn_because"] = json!("own_correction");
    said["raised_at"] = json!(minutes_ago(minutes));
    s.b.say(&said);
    s.b.receipted(s.b.seq);
}

#[test]
fn pictures_of_a_seen_lead_end_by_no_withdrawal() {
    for (is_old, raised) in [(true, 1), (false, 0)] {
        let mut s = scene();
        let _ = notes(&s);
        if is_old && !aged(&s, &LONG_SEEN) {
            return;
        }
        takes_back(&mut s, 2, 0);
        says_gone(&mut s, "deleted", 0);
        assert_eq!(integrity(&s).len(), raised, "it came long ago: {is_old}");
    }
}

/// Its receipt went astray with its link: as far as it knew, nobody had seen what it took back.
/// Whoever was heard meanwhile, or took it back after somebody had seen it, says so in vain.
#[test]
fn a_box_that_took_back_before_its_receipt_came_is_not_asked() {
    for (by_its_clock, was_heard, raised) in
        [(119, false, 0), (119, true, 1), (30, false, 1), (30, true, 1)]
    {
        let mut s = scene();
        let _ = notes(&s);
        if !aged(&s, &LONG_SEEN) {
            return;
        }
        if was_heard {
            s.b.say(&crate::boxes::health());
            s.b.receipted(s.b.seq);
            s.sql(&format!(
                "UPDATE message SET received_at = strftime('%Y-%m-%dT%H:%M:%fZ', received_at, \
                '-90 minutes') WHERE seq = {};",
                s.b.seq
            ));
        }
        takes_back(&mut s, 2, by_its_clock);
        says_gone(&mut s, "deleted", 0);
        let found = integrity(&s).len();
        assert_eq!(found, raised, "{by_its_clock} min ago, heard meanwhile: {was_heard}");
    }
}

/// What was asked for by a step that nobody has seen yet goes with it; what an earlier one asked
/// for stays people's, however often its box says more.
#[test]
fn a_later_step_takes_no_earlier_picture_with_it() {
    for (nth, raised) in [(None, 0), (Some(0), 1)] {
        let mut s = scene();
        let _ = notes(&s);
        if !aged(&s, &LONG_SEEN) {
            return;
        }
        s.b.say(&finding('a', '1', "strengthened", 2, "LL-1", "LicenseLending", "L3"));
        let mut late = s.pictures[0].0.clone();
        late.id = "c".repeat(32).parse().unwrap();
        s.b.say(&json!({"type": "evidence_manifest", "finding_id": finding_id(),
            "firmware": "test 1", "pack": "avatar", "pack_sha256": "ab", "source": "drawn",
            "items": [&late]}));
        s.pictures.push((late, Vec::new()));
        takes_back(&mut s, 3, 0);
        let last = s.pictures.len() - 1;
        says_gone(&mut s, "deleted", nth.unwrap_or(last));
        assert_eq!(integrity(&s).len(), raised, "{nth:?}");
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
