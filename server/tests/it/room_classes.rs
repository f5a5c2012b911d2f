//! A room's privacy class: its clinic proposes, the authority confirms, and nobody does both.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login};
use crate::house::House;

/// A house with accounts, its clinic's login and a supervisor's.
fn guarded() -> (House, String, String) {
    let house = House::new();
    house.furnish();
    let house = house.restart_with("[access]\naccounts = true\n");
    let clinic = login(&house, "liu", Role::Clinic, "clinic-1");
    let supervisor = login(&house, "wang", Role::Supervisor, "");
    (house, clinic, supervisor)
}

fn room(house: &House, who: &str) -> Value {
    let rooms = ask(house, "GET", "/api/v1/rooms", who, "").json();
    rooms["rooms"].as_array().unwrap().iter().find(|r| r["id"] == "room-1").unwrap().clone()
}

fn say(house: &House, who: &str, body: &Value) -> u16 {
    ask(house, "POST", "/api/v1/room-classes/room-1", who, &body.to_string()).status
}

fn propose(undressing: bool) -> Value {
    json!({"step": "propose", "undressing": undressing, "note": "纹绣"})
}

fn confirm() -> Value {
    json!({"step": "decide", "confirm": true})
}

#[test]
fn a_clinics_proposal_alone_moves_no_camera() {
    let (house, clinic, supervisor) = guarded();
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    assert_eq!(room(&house, &supervisor)["mode"], "in_room");
    assert_eq!(say(&house, &clinic, &confirm()), 403, "nor does it confirm its own");
    assert_eq!(say(&house, &supervisor, &propose(true)), 403, "the authority proposes none");
}

#[test]
fn a_confirmed_room_keeps_its_camera_at_the_door() {
    let (house, clinic, supervisor) = guarded();
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    assert_eq!(say(&house, &supervisor, &confirm()), 200);
    let kept = room(&house, &supervisor);
    assert_eq!((&kept["mode"], &kept["intimate"]), (&json!("doorway"), &json!(true)));
    let mut opened = kept;
    (opened["mode"], opened["intimate"]) = (json!("in_room"), json!(false));
    let put = || ask(&house, "POST", "/api/v1/rooms", &supervisor, &opened.to_string());
    let refused = put();
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(say(&house, &clinic, &propose(false)), 200);
    assert_eq!(say(&house, &supervisor, &confirm()), 200);
    assert_eq!(put().status, 200);
    let page = ask(&house, "GET", "/room-classes", &supervisor, "");
    assert!(page.body.contains("机构提出") && page.body.contains("主管机关确认"), "{}", page.body);
}
