//! What a box is told: everything when it connects, what changed at once, again until it answers,
//! and nobody else's.

use protocol::down::{Down, SiteRelation};
use serde_json::json;

use crate::boxes::TestBox;
use crate::house::House;

#[test]
fn a_box_that_connects_is_told_everything_about_its_room() {
    let house = House::new();
    house.must_post("policy", &json!({"settings":{"liveness_waived":1}}));
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let mut kinds: Vec<String> = (0..5).map(|_| b.told().kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["catalogue", "policy", "room", "roster", "sessions"]);
}

/// P7: whoever reads the broker's traffic learns for whom it is and how long it is, and nothing of
/// whom it speaks.
#[test]
fn what_the_broker_carries_to_a_box_shows_nobody() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    for _ in 0..5 {
        let carried = String::from_utf8(b.hear("knowledge")).unwrap();
        let sealed: serde_json::Value = serde_json::from_str(&carried).unwrap();
        let fields: Vec<&str> = sealed.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["ct", "enc", "to", "v"]);
        for shown in ["p-lead", "p-other", "clinic-1", "laser-1", "templates", "rotation_seed"] {
            assert!(!carried.contains(shown), "{shown} can be read");
        }
    }
}

#[test]
fn a_change_reaches_the_box_with_a_higher_version() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let first = b.told_until("roster", |_| true);
    house.must_post(
        "practitioners",
        &json!({"id":"p-new","name":"新来的","category":"nurse","registration":"valid",
        "sites":[{"institution":"clinic-1","relation":"filed_multi_site"}]}),
    );
    let has_new = |d: &Down| {
        matches!(d,
        Down::Roster(r) if r.persons.iter().any(|p| p.person.as_str() == "p-new"
            && p.site == SiteRelation::FiledMultiSite && !p.confirmed))
    };
    let second = b.told_until("roster", has_new);
    assert!(second.version > first.version);
    house.must_post(
        "sessions",
        &json!({"id":"s-1","room":"room-1","item":"laser-1","start":"2099-03-02T09:00:00+08:00",
            "cancelled":true}),
    );
    // Absence is no cancellation: the box is told of it in so many words.
    b.told_until(
        "sessions",
        |d| matches!(d, Down::Sessions(s) if s.sessions.len() == 1 && s.sessions[0].cancelled),
    );
}

#[test]
fn what_is_not_acknowledged_comes_again_and_what_is_does_not() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let first = b.told_until("room", |_| true);
    let again = b.told_until("room", |_| true);
    assert!(again.version > first.version, "a box would refuse the same version");
    for kind in ["roster", "catalogue", "policy", "room", "sessions"] {
        let version = b.told_until(kind, |_| true).version;
        b.say(&json!({"type":"knowledge_ack","kind":kind,"version":version,"applied":true}));
    }
    b.receipted(5);
    let all_applied = |d: &serde_json::Value| {
        d["devices"][0]["knowledge"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|k| k["applied"] == true)
            .count()
            == 5
    };
    // A retry may have crossed an answer: the box answers the later version too.
    loop {
        let devices = house.get("devices");
        if all_applied(&devices) {
            return;
        }
        let body = b.told();
        b.say(
            &json!({"type":"knowledge_ack","kind":body.kind,"version":body.version,"applied":true}),
        );
    }
}

#[test]
fn a_foreign_topic_is_refused_by_the_broker() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let bytes = b.link(&crate::boxes::health());
    b.publish("zaigang/v1/box-2/health", &bytes);
    loop {
        if b.hear_event("puback").contains("NotAuthorized") {
            break;
        }
    }
    assert_eq!(house.get("summary")["quarantined"], 0, "the broker let it through");
}
