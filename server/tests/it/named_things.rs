//! People and things by name on the pages, their ids beside them, and each a link; a place is
//! chosen from a tree whose every level has a name.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, login, named_login};
use crate::accounts::{form, page};
use crate::boxes::{TestBox, health};
use crate::house::House;
use crate::inbox;

#[test]
fn whoever_took_a_step_stands_by_name_beside_the_login() {
    let house = inbox::house();
    let wang = named_login(&house, ("wang", "王芳"), Role::Reviewer, "5101");
    let [lead, _] = inbox::ids();
    let steps = format!("/api/v1/alerts/{lead}/steps");
    let said = r#"{"step":"uphold","note":"见记录"}"#;
    assert_eq!(ask(&house, "POST", &steps, &wang, said).status, 200);
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let seen = ask(&house, "GET", &format!("/alerts/{lead}"), &boss, "").body;
    assert!(seen.matches("王芳</b> <small>wang</small>").count() >= 2, "step or verdict: {seen}");
    for link in ["href=\"/rooms/room-1\"", "href=\"/devices/box-1\"", "锦城医疗美容门诊部"]
    {
        assert!(seen.contains(link), "{link}: {seen}");
    }
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let told = ask(&house, "GET", &format!("/alerts/{lead}"), &clinic, "").body;
    assert!(!told.contains("王芳") && !told.contains("wang"), "{told}");
}

#[test]
fn a_box_says_how_it_is_and_leads_to_its_room() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    b.receipted(1);
    let seen = house.page("/devices/box-1").1;
    for part in ["href=\"/rooms/room-1\"", "href=\"/institutions/clinic-1\"", "摄像头", "90 %"] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    let rooms = house.page("/registry?noun=rooms").1;
    assert!(rooms.contains("锦城医疗美容门诊部</a> <small>clinic-1</small>"), "{rooms}");
    let places = house.page("/registry").1;
    assert!(places.contains("四川省成都市锦江区 510104"), "{places}");
}

#[test]
fn a_division_is_chosen_by_name_and_none_is_typed() {
    let house = inbox::house();
    let admin = format!("zaigang={}", login(&house, "wu", Role::Admin, ""));
    let seen = page(&house, "/accounts", &admin).body;
    for choice in ["label=\"四川省\"", "成都市 5101</option>", "锦江区 510104</option>"] {
        assert!(seen.contains(choice), "{choice} is no choice");
    }
    assert!(!seen.contains("name=\"other\""), "a code can be typed");
    let made = form(&house, "/accounts", &admin, "role=partner&scope=5101&agency=grid");
    assert!(made.status == 200 && made.body.contains("/welcome/"), "{}", made.body);
    assert!(made.body.contains(" · 四川省成都市 5101"), "the invitation's scope: {}", made.body);
    let refused = form(&house, "/accounts", &admin, "role=partner&scope=5101&agency=");
    assert_eq!(refused.status, 422, "{}", refused.body);
}

#[test]
fn a_clinics_own_person_is_named_on_its_session() {
    let house = inbox::house();
    let boss = named_login(&house, ("boss", "赵监督"), Role::Supervisor, "5101");
    let nurse = named_login(&house, ("jin", "金护士"), Role::Clinic, "clinic-1");
    let declared = json!({"id": "s-9", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": "2026-03-02T01:00:00Z"});
    let made = ask(&house, "POST", "/api/v1/sessions", &nurse, &declared.to_string());
    assert!(matches!(made.status, 200 | 201), "{}", made.body);
    for who in [&boss, &nurse] {
        let seen = ask(&house, "GET", "/sessions/s-9", who, "").body;
        assert!(seen.contains("金护士</b> <small>jin</small>"), "{who}: {seen}");
    }
}
