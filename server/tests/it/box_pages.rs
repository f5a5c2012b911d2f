//! Boxes by page and by call: who registers, replaces and revokes them, and only in the own part of
//! the country.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, guarded, login, token};
use crate::accounts::{form, page};
use crate::house::House;

/// Two institutions in two jurisdictions with a room each.
fn furnished(house: &House) -> String {
    let admin = login(house, "admin", Role::Admin, "");
    let boss = token(house, Role::Supervisor, "");
    for (clinic, jurisdiction) in [("clinic-1", "510104"), ("clinic-2", "510204")] {
        let body =
            json!({"id":clinic,"name":format!("{clinic}门诊部"),"jurisdiction":jurisdiction});
        let made = ask(house, "POST", "/api/v1/institutions", &boss, &body.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
        let room = clinic.replace("clinic", "room");
        let body = json!({"id":room,"institution":clinic,"mode":"in_room","name":"激光室"});
        let made = ask(house, "POST", "/api/v1/rooms", &boss, &body.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
    }
    admin
}

fn register(house: &House, who: &str, id: &str, room: &str) -> u16 {
    let body = json!({"id": id, "room": room}).to_string();
    ask(house, "POST", "/api/v1/devices", who, &body).status
}

#[test]
fn a_box_is_registered_in_the_own_part_alone() {
    let house = guarded();
    let admin = furnished(&house);
    let one = token(&house, Role::Supervisor, "5101");
    let two = token(&house, Role::Integrator, "5102");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(register(&house, &one, "box-1", "room-1"), 201);
    assert_eq!(register(&house, &two, "box-2", "room-2"), 201);
    assert_eq!(register(&house, &admin, "box-3", "room-2"), 201);
    assert_eq!(register(&house, &one, "box-9", "room-2"), 404, "a room elsewhere");
    assert_eq!(register(&house, &clinic, "box-9", "room-1"), 403, "the clinic is the suspect");
    // Somebody else's box is not fetched into the own room by its name.
    assert_eq!(register(&house, &one, "box-2", "room-1"), 409);
    let devices = ask(&house, "GET", "/api/v1/devices", &admin, "").json();
    let of = |id: &str| {
        let all = devices["devices"].as_array().unwrap();
        all.iter().find(|d| d["id"] == id).map(|d| d["room"].clone()).unwrap_or_default()
    };
    assert_eq!((of("box-1"), of("box-2")), (json!("room-1"), json!("room-2")));
}

#[test]
fn one_box_is_read_as_it_stands_in_the_list() {
    let house = guarded();
    let admin = furnished(&house);
    let own = token(&house, Role::Integrator, "5101");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(register(&house, &own, "box-1", "room-1"), 201);
    assert_eq!(register(&house, &admin, "box-2", "room-2"), 201);
    let get = |who: &str, id: &str| ask(&house, "GET", &format!("/api/v1/devices/{id}"), who, "");
    let listed = ask(&house, "GET", "/api/v1/devices", &own, "").json()["devices"][0].clone();
    let one = get(&own, "box-1").json();
    assert_eq!((one["id"].as_str(), &one), (Some("box-1"), &listed));
    assert!(one["contiguous_seq"].is_null(), "its count tells of clues");
    // One elsewhere and one that is none are told in the same words.
    let (far, none) = (get(&own, "box-2"), get(&own, "box-7"));
    assert_eq!((far.status, none.status), (404, 404));
    assert_eq!(far.body.replace("box-2", "box-7"), none.body);
    assert_eq!(get(&admin, "box-2").status, 200);
    assert_eq!(get(&clinic, "box-1").status, 403, "the clinic is the suspect");
}

#[test]
fn a_box_elsewhere_is_not_revoked() {
    let house = guarded();
    let admin = furnished(&house);
    assert_eq!(register(&house, &admin, "box-2", "room-2"), 201);
    let revoke = |who: &str| ask(&house, "POST", "/api/v1/devices/box-2/revoke", who, "").status;
    assert_eq!(revoke(&token(&house, Role::Supervisor, "5101")), 404);
    assert_eq!(revoke(&token(&house, Role::Integrator, "5101")), 404);
    assert_eq!(revoke(&token(&house, Role::Clinic, "clinic-2")), 403);
    assert_eq!(revoke(&token(&house, Role::Supervisor, "5102")), 200);
}

#[test]
fn a_running_box_is_moved_by_its_own_step_alone() {
    let house = guarded();
    let admin = furnished(&house);
    let cookie = format!("zaigang={admin}");
    assert_eq!(register(&house, &admin, "box-1", "room-1"), 201);
    let room = || {
        let devices = ask(&house, "GET", "/api/v1/devices", &admin, "").json();
        devices["devices"][0]["room"].as_str().unwrap().to_owned()
    };
    let taken = form(&house, "/devices/new?lang=en", &cookie, "room=room-2&id=box-1");
    assert_eq!(taken.status, 422, "{}", taken.body);
    assert!(taken.body.contains("is registered already"), "{}", taken.body);
    assert!(taken.body.contains("value=\"box-1\""), "what was typed is lost");
    assert_eq!(room(), "room-1", "a box was moved by its name");
    assert_eq!(form(&house, "/devices/new", &cookie, "room=room-1&id=box-1").status, 422);

    let shown = page(&house, "/devices/box-1/move", &cookie);
    assert!(shown.status == 200 && shown.body.contains("room-2"), "{}", shown.body);
    let step = |body: &str| form(&house, "/devices/box-1/move", &cookie, body);
    for unsaid in [
        "room=room-2&reason=rebuilt",
        "room=room-2&sure=yes",
        "room=room-1&reason=rebuilt&sure=yes",
        "reason=rebuilt&sure=yes",
    ] {
        assert_eq!(step(unsaid).status, 422, "{unsaid}");
    }
    assert_eq!(room(), "room-1");
    let other = format!("zaigang={}", login(&house, "o", Role::Supervisor, "5102"));
    let fetched = "room=room-2&reason=mine&sure=yes";
    assert_eq!(form(&house, "/devices/box-1/move", &other, fetched).status, 404);
    let made = step("room=room-2&reason=rebuilt&sure=yes");
    assert!(made.status == 200 && made.body.contains("<svg"), "{} {}", made.status, made.body);
    assert_eq!(room(), "room-2");
    let log = ask(&house, "GET", "/api/v1/audit?q=rebuilt", &admin, "");
    assert!(log.body.contains("moved out of room room-1: rebuilt"), "{}", log.body);
}

#[test]
fn a_box_begins_by_page_with_a_token_shown_once() {
    let house = guarded();
    furnished(&house);
    let boss = format!("zaigang={}", login(&house, "boss", Role::Supervisor, "5101"));
    let empty = page(&house, "/devices", &boss);
    assert!(empty.body.contains("href=\"/devices/new\""), "{}", empty.body);
    let asked = page(&house, "/devices/new", &boss);
    assert!(
        asked.body.contains("clinic-1门诊部 · 激光室") && !asked.body.contains("clinic-2"),
        "{}",
        asked.body
    );
    let none = form(&house, "/devices/new", &boss, "room=&name=door");
    assert!(none.status == 422 && none.body.contains("请选择安装诊室"), "{}", none.body);
    assert!(none.body.contains("value=\"door\""), "what was typed is lost");
    let foreign = form(&house, "/devices/new", &boss, "room=room-2");
    assert_eq!(foreign.status, 422, "{}", foreign.body);
    let made = form(&house, "/devices/new", &boss, "room=room-1&name=door&planned_on=2026-03-02");
    assert!(made.status == 200 && made.body.contains("<svg"), "{} {}", made.status, made.body);
    let token = made.body.split_once("data-copy=\"").unwrap().1.split('"').next().unwrap();
    let token = token.split(' ').next().unwrap().to_owned();
    let listed = page(&house, "/devices", &boss).body;
    assert!(listed.contains("door") && listed.contains("2026-03-02"), "{listed}");
    let one = page(&house, "/devices/box-1", &boss).body;
    assert!(!one.contains(&token) && !listed.contains(&token), "a token is shown again");
    // A new token takes the place of the first; a clinic sees and does nothing of this.
    let again = form(&house, "/devices/box-1/token", &boss, "");
    assert!(again.status == 200 && !again.body.contains(&token), "{}", again.body);
    let clinic = format!("zaigang={}", login(&house, "c", Role::Clinic, "clinic-1"));
    assert_eq!(page(&house, "/devices/box-1", &clinic).status, 403);
    let other = format!("zaigang={}", login(&house, "o", Role::Supervisor, "5102"));
    for path in ["/devices/box-1/token", "/devices/box-1/revoke"] {
        assert_eq!(form(&house, path, &other, "sure=yes").status, 404, "{path}");
    }
    assert_eq!(form(&house, "/devices/box-1/revoke", &boss, "").status, 422, "unsure");
    assert_eq!(form(&house, "/devices/box-1/revoke", &boss, "sure=yes").status, 303);
}
