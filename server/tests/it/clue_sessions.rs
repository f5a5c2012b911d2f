//! A clinic's later words about a session move nothing that the boxes' records say of a clue.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::TestBox;
use crate::clues::call;
use crate::house::House;
use crate::public::with_door;

/// A clinic with a box that has stood in room-1 for days.
fn watched() -> (House, TestBox) {
    let house = with_door();
    let officer = token(&house, Role::Supervisor, "");
    let body = json!({"id": "box-1", "room": "room-1"}).to_string();
    let made = ask(&house, "POST", "/api/v1/devices", &officer, &body);
    let token = made.json()["provisioning_token"].as_str().unwrap().to_owned();
    let mut it = TestBox::provision_since(&house, &token, "2026-02-01T00:00:00.000Z");
    it.connect();
    (house, it)
}

/// The clinic's own system declares the session, again and again.
fn declare(house: &House, from: &str, to: &str) {
    let clinic = token(house, Role::Clinic, "clinic-1");
    let session = json!({"id": "s-1", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": from, "end": to});
    let made = ask(house, "POST", "/api/v1/sessions", &clinic, &session.to_string());
    assert!(made.status < 300, "{}", made.body);
}

/// The box saw every moment of the session until half past one.
fn say(it: &mut TestBox, lead_verified: bool) {
    let said = json!({"type": "presence_summary", "room": "room-1", "session": "s-1",
        "revision": 1, "at": "2026-03-02T01:31:00.000Z", "assessable": true,
        "visibility_over_a_ppm": 1_000_000, "visibility_over_i_ppm": 1_000_000,
        "lead_verified": lead_verified, "face_seen": true, "indeterminate_tracks": 0,
        "unmatched_tracks": 0, "emergency": false, "liveness_waived": false});
    it.say(&said);
    it.receipted(it.seq);
}

fn answer(house: &House, number: &str, from: &str, to: &str) -> Value {
    let about = json!({"institution": "clinic-1", "allegation": "lending", "text": number,
        "from_at": from, "to_at": to});
    let id = call(house, number, &about);
    let officer = token(house, Role::Supervisor, "");
    let path = format!("/api/v1/clues/{id}/corroboration");
    ask(house, "GET", &path, &officer, "").json()["answer"].clone()
}

const START: &str = "2026-03-02T01:00:00.000Z";
const END: &str = "2026-03-02T01:30:00.000Z";

#[test]
fn a_session_made_longer_afterwards_was_not_seen() {
    let (house, mut it) = watched();
    declare(&house, START, END);
    say(&mut it, true);
    let inside = answer(&house, "1", "2026-03-02T01:05:00Z", "2026-03-02T01:25:00Z");
    assert_eq!(inside, "nothing_like", "what was seen is told");
    declare(&house, START, "2026-03-02T04:00:00.000Z");
    let later = answer(&house, "2", "2026-03-02T02:00:00Z", "2026-03-02T03:00:00Z");
    assert_eq!(later, "not_assessable", "a clinic bought an answer with an amendment");
}

#[test]
fn a_session_moved_away_afterwards_still_fits() {
    let (house, mut it) = watched();
    declare(&house, START, END);
    say(&mut it, false);
    assert_eq!(answer(&house, "1", "2026-03-02T01:05:00Z", "2026-03-02T01:25:00Z"), "fits");
    declare(&house, "2026-03-02T07:00:00.000Z", "2026-03-02T08:00:00.000Z");
    assert_eq!(answer(&house, "2", "2026-03-02T01:05:00Z", "2026-03-02T01:25:00Z"), "fits");
}

#[test]
fn a_clue_shows_the_day_of_its_rooms_and_names_nobody() {
    let (house, mut it) = watched();
    declare(&house, START, END);
    say(&mut it, true);
    let about = json!({"institution": "clinic-1", "allegation": "lending", "text": "1",
        "from_at": START, "to_at": END});
    let id = call(&house, "1", &about);
    for (role, name) in [(Role::Supervisor, "wang"), (Role::Auditor, "shen")] {
        let page = ask(&house, "GET", &format!("/clues/{id}"), &login(&house, name, role, ""), "");
        let (_, picture) = page.body.split_once("<details open>").unwrap();
        let (picture, _) = picture.split_once("</figure>").unwrap();
        assert!(picture.contains("room-1") && picture.contains("<rect class"), "{picture}");
        assert!(!picture.contains("p-lead") && !picture.contains("王主诊"), "{picture}");
    }
}
