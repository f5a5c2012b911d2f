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

/// Confirms what waits, as whoever opens the list reads it.
fn confirm(house: &House, who: &str, room: &str) -> Value {
    let classes = ask(house, "GET", "/api/v1/room-classes", who, "").json();
    let all = classes["rooms"].as_array().unwrap();
    let of_room = all.iter().find(|r| r["room"] == room).unwrap();
    let read = of_room["words"].as_array().unwrap().last();
    let proposed_at = read.map_or(json!(""), |word| word["at"].clone());
    json!({"step": "decide", "confirm": true, "proposed_at": proposed_at})
}

#[test]
fn a_clinics_proposal_alone_moves_no_camera() {
    let (house, clinic, supervisor) = guarded();
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    assert_eq!(room(&house, &supervisor)["mode"], "in_room");
    assert_eq!(
        say(&house, &clinic, &confirm(&house, &clinic, "room-1")),
        403,
        "nor does it confirm its own"
    );
    assert_eq!(say(&house, &supervisor, &propose(true)), 403, "the authority proposes none");
}

#[test]
fn a_confirmed_room_keeps_its_camera_at_the_door() {
    let (house, clinic, supervisor) = guarded();
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    assert_eq!(say(&house, &supervisor, &confirm(&house, &supervisor, "room-1")), 200);
    let kept = room(&house, &supervisor);
    assert_eq!((&kept["mode"], &kept["intimate"]), (&json!("doorway"), &json!(true)));
    let mut opened = kept;
    (opened["mode"], opened["intimate"]) = (json!("in_room"), json!(false));
    let put = || ask(&house, "POST", "/api/v1/rooms", &supervisor, &opened.to_string());
    let refused = put();
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(say(&house, &clinic, &propose(false)), 200);
    assert_eq!(say(&house, &supervisor, &confirm(&house, &supervisor, "room-1")), 200);
    assert_eq!(put().status, 200);
    let page = ask(&house, "GET", "/room-classes", &supervisor, "");
    assert!(page.body.contains("机构提出") && page.body.contains("主管机关确认"), "{}", page.body);
}

#[test]
fn a_new_room_where_patients_undress_begins_at_the_door() {
    let (house, _, wang) = guarded();
    let put = |body: &Value| ask(&house, "POST", "/api/v1/rooms", &wang, &body.to_string());
    let inside = json!({"id": "room-9", "institution": "clinic-1", "mode": "in_room",
        "undressing": true});
    assert_eq!(put(&inside).status, 422, "a camera looks at who undresses");
    let said = json!({"id": "room-9", "institution": "clinic-1", "undressing": true});
    assert_eq!(put(&said).status, 201);
    let rooms = ask(&house, "GET", "/api/v1/rooms", &wang, "").json();
    let rooms = rooms["rooms"].as_array().unwrap();
    let kept = rooms.iter().find(|r| r["id"] == "room-9").unwrap();
    assert_eq!((&kept["mode"], &kept["intimate"]), (&json!("doorway"), &json!(true)), "{kept}");
    assert_eq!(kept.get("undressing"), None, "the class stands with its signatures: {kept}");
    let decide = |who: &str| {
        let it = confirm(&house, who, "room-9").to_string();
        ask(&house, "POST", "/api/v1/room-classes/room-9", who, &it).status
    };
    assert_ne!(decide(&wang), 200, "who said it confirmed it");
    let li = login(&house, "li", Role::Supervisor, "");
    assert_eq!(decide(&li), 200);
    assert_eq!(put(&said).status, 200, "the same word once more says nothing new");
    let open = json!({"id": "room-9", "institution": "clinic-1", "undressing": false});
    assert_eq!(put(&open).status, 422, "a registration opened a room");
}

#[test]
fn a_table_says_where_patients_undress() {
    let (house, _, wang) = guarded();
    let csv = "诊室编号,机构编号,名称,就诊者需脱衣\nroom-7,clinic-1,纹绣室,是\nroom-8,clinic-1,光电室,否\
        \n";
    let made = ask(&house, "POST", "/api/v1/import/rooms", &wang, csv);
    assert_eq!(made.status, 200, "{}", made.body);
    let classes = ask(&house, "GET", "/api/v1/room-classes", &wang, "").json();
    let waits: Vec<_> = classes["rooms"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["waits"] == true)
        .map(|r| (r["room"].clone(), r["intimate"].clone()))
        .collect();
    assert_eq!(waits, [(json!("room-7"), json!(true)), (json!("room-8"), json!(false))]);
}

/// Between the supervisor's look and their click its clinic says the contrary: they would take a
/// camera out of a room of which they read that nobody undresses there.
#[test]
fn who_confirms_a_class_confirms_what_they_read() {
    let (house, clinic, supervisor) = guarded();
    assert_eq!(say(&house, &clinic, &propose(false)), 200);
    let read = confirm(&house, &supervisor, "room-1");
    let page = ask(&house, "GET", "/room-classes", &supervisor, "").body;
    let at = read["proposed_at"].as_str().unwrap();
    assert!(page.contains(&format!("name=\"proposed_at\" value=\"{at}\"")), "{page}");
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
    let path = "/api/v1/room-classes/room-1";
    let late = ask(&house, "POST", path, &supervisor, &read.to_string());
    assert!(late.status == 409 && late.body.contains("another proposal"), "{}", late.body);
    let cookie = format!("zaigang={supervisor}");
    let form = format!("room=room-1&step=confirm&note=&proposed_at={at}");
    let by_page = crate::accounts::form(&house, "/room-classes?lang=zh", &cookie, &form);
    assert!(by_page.body.contains("又提出了新的提议"), "{} {}", by_page.status, by_page.body);
    assert_eq!(room(&house, &supervisor)["mode"], "in_room");
    assert_eq!(say(&house, &supervisor, &confirm(&house, &supervisor, "room-1")), 200);
    assert_eq!(room(&house, &supervisor)["mode"], "doorway");
}

#[test]
fn proposals_of_a_class_bury_no_decision() {
    let (house, clinic, supervisor) = guarded();
    for n in 0..20 {
        assert_eq!(say(&house, &clinic, &propose(n % 2 == 0)), 200, "{n}");
    }
    assert_eq!(say(&house, &clinic, &propose(true)), 409);
    assert_eq!(say(&house, &supervisor, &confirm(&house, &supervisor, "room-1")), 200);
    assert_eq!(say(&house, &clinic, &propose(true)), 200);
}
