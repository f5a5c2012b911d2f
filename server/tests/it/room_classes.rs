//! A room's privacy class: its clinic proposes, the authority confirms, and nobody does both.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, token};
use crate::house::House;

fn room(house: &House) -> Value {
    let rooms = house.get("rooms");
    rooms["rooms"].as_array().unwrap().iter().find(|r| r["id"] == "room-1").unwrap().clone()
}

fn say(house: &House, token: &str, body: &Value) -> u16 {
    ask(house, "POST", "/api/v1/room-classes/room-1", token, &body.to_string()).status
}

#[test]
fn a_clinics_proposal_alone_moves_no_camera() {
    let house = House::new();
    house.furnish();
    let clinic = token(&house, Role::Clinic, "clinic-1");
    let propose = json!({"step": "propose", "undressing": true, "note": "纹绣"});
    assert_eq!(say(&house, &clinic, &propose), 200);
    assert_eq!(room(&house)["mode"], "in_room");
    let decide = json!({"step": "decide", "confirm": true});
    assert_eq!(say(&house, &clinic, &decide), 403, "nor does it confirm its own");
}

#[test]
fn a_confirmed_room_keeps_its_camera_at_the_door() {
    let house = House::new();
    house.furnish();
    let clinic = token(&house, Role::Clinic, "clinic-1");
    let propose = |undressing: bool| json!({"step": "propose", "undressing": undressing});
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    house.must_post("room-classes/room-1", &json!({"step": "decide", "confirm": true}));
    let kept = room(&house);
    assert_eq!((&kept["mode"], &kept["intimate"]), (&json!("doorway"), &json!(true)));
    let mut opened = kept;
    (opened["mode"], opened["intimate"]) = (json!("in_room"), json!(false));
    let (status, said) = house.post("rooms", &opened);
    assert_eq!(status, 422, "{said}");
    assert_eq!(say(&house, &clinic, &propose(false)), 200);
    house.must_post("room-classes/room-1", &json!({"step": "decide", "confirm": true}));
    assert_eq!(house.post("rooms", &opened).0, 200);
    let (status, page) = house.page("/room-classes");
    assert!(status == 200 && page.contains("机构提出") && page.contains("主管机关确认"), "{page}");
}
