//! Emergency flags are counted at each clinic: one lowers what a box says, three in a month are
//! the supervisors'.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::boxes::TestBox;
use crate::house::House;

fn ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes))
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

/// A session of today with an emergency, which its clinic then takes back, moves and cancels.
fn flagged(house: &House, n: i64) {
    let id = format!("em-{n}");
    let session = json!({"id":id,"room":"room-1","item":"laser-1","declared_lead":"p-lead",
        "start":ago(600 - n * 60),"end":ago(570 - n * 60)});
    house.must_post("sessions", &session);
    let steps = format!("sessions/{id}/steps");
    house.must_post(&steps, &json!({"step":"emergency","raised":true,"reason":"syncope"}));
    house.must_post(&steps, &json!({"step":"emergency","raised":false}));
    let mut moved = session;
    moved["start"] = json!("2024-03-02T01:00:00Z");
    house.must_post("sessions", &moved);
    house.must_post(&steps, &json!({"step":"cancel","reason":"no show"}));
}

fn counted(alerts: &Value) -> Vec<Value> {
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    let found = alerts.flat_map(|a| a["findings"].as_array().unwrap().clone());
    found.filter(|f| f["rule"] == "HB-8").collect()
}

#[test]
fn three_emergencies_of_a_month_go_to_the_supervisors() {
    let house = House::new();
    let _box = TestBox::provision(&house, &house.furnish());
    flagged(&house, 0);
    flagged(&house, 1);
    // Everything told so far is judged by the time that this one is.
    assert_eq!(counted(&house.get("alerts")), Vec::<Value>::new());
    flagged(&house, 2);
    let alerts = house.until("alerts", |a| !counted(a).is_empty());
    let found = &counted(&alerts)[0];
    assert_eq!(found["severity"], "L2");
    assert_eq!(found["counts"][0], json!({"name":"emergency_flags","value":3}), "{found}");
    assert!(found["explanation"]["zh"].as_str().unwrap().contains("第 3 次"), "{found}");
}
