//! A patient declines: the session is marked, the box hears of it, HB-5 counts it, the authority
//! sees the share, and nothing that the clinic says afterwards takes it from the count.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::boxes::TestBox;
use crate::house::House;

fn ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes))
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

fn declined(house: &House, n: i64) {
    let (start, end) = (ago(600 - n * 40), ago(570 - n * 40));
    let session = json!({"id": format!("d-{n}"), "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": start, "end": end, "declined": true});
    house.must_post("sessions", &session);
}

fn nobody_looked_at(n: i64) -> Value {
    json!({"type":"presence_summary","room":"room-1","session":format!("d-{n}"),"revision":1,
        "at":ago(1),"assessable":false,"not_assessable_because":["declined","no_activity"],
        "visibility_over_a_ppm":0,"visibility_over_i_ppm":0,"lead_verified":false,
        "face_seen":false,"indeterminate_tracks":0,"unmatched_tracks":0,"emergency":false,
        "liveness_waived":false})
}

fn hb5(alerts: &Value) -> Option<String> {
    let all = alerts["alerts"].as_array().unwrap().iter();
    let mut found = all.flat_map(|a| a["findings"].as_array().unwrap());
    let found = found.find(|f| f["rule"] == "HB-5")?;
    Some(found["explanation"]["zh"].as_str().unwrap().to_owned())
}

#[test]
fn ten_declined_sessions_are_a_lead_and_a_figure() {
    let house = House::new();
    let mut b = TestBox::provision_since(&house, &house.furnish(), &ago(24 * 60));
    b.connect();
    for n in 0..10 {
        declined(&house, n);
        b.say(&nobody_looked_at(n));
    }
    b.receipted(10);
    let alerts = house.until("alerts", |a| hb5(a).is_some());
    assert!(hb5(&alerts).unwrap().contains("就诊者拒绝10次"), "{:?}", hb5(&alerts));

    // Taken back, or cancelled, once they are over.
    for n in 0..5 {
        let back = json!({"step": "decline", "declined": false, "reason": "登记错误"});
        house.must_post(&format!("sessions/d-{n}/steps"), &back);
        let cancel = json!({"step": "cancel", "reason": "未发生"});
        house.must_post(&format!("sessions/d-{}/steps", n + 5), &cancel);
    }
    let found = house.get("refusals");
    let room = &found["rooms"][0];
    assert_eq!((&room["declined"], &room["declared"]), (&json!(10), &json!(10)), "{found}");
    assert_eq!((&room["declined_ppm"], &room["stands_out"]), (&json!(1_000_000), &json!(true)));
    let (status, page) = house.page("/refusals");
    assert_eq!(status, 200);
    assert!(page.contains("10 / 10") && page.contains("高于"), "{page}");
    assert!(!page.contains("p-lead"), "it names nobody");
}

#[test]
fn a_refusal_taken_back_before_it_began_counts_no_more() {
    let house = House::new();
    house.furnish();
    let session = json!({"id": "d-1", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": ago(-60), "declined": true});
    house.must_post("sessions", &session);
    let back = json!({"step": "decline", "declined": false, "reason": "患者改变主意"});
    house.must_post("sessions/d-1/steps", &back);
    let moved = json!({"id": "d-1", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": ago(5)});
    house.must_post("sessions", &moved);
    assert_eq!(house.get("refusals")["rooms"], json!([]));
}

#[test]
fn the_page_of_a_session_marks_it_and_says_so() {
    let house = House::new();
    house.furnish();
    let session = json!({"id": "d-1", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": ago(5)});
    house.must_post("sessions", &session);
    let (_, page) = house.page("/sessions/d-1");
    assert!(page.contains("登记“已拒绝”"), "{page}");
    let step = json!({"step": "decline", "declined": true});
    house.must_post("sessions/d-1/steps", &step);
    let (_, page) = house.page("/sessions/d-1");
    assert!(page.contains("就诊者拒绝识别") && page.contains("登记就诊者拒绝"), "{page}");
}
