//! Consent to an earlier text: listed, valid until the day that the policy sets, and then its
//! templates reach no box. And the days for which a place is public before its box is used.

use protocol::down::Down;
use serde_json::{Value, json};

use crate::backup::enrol_by;
use crate::boxes::TestBox;
use crate::house::House;

fn set(house: &House, name: &str, value: i64) {
    house.must_post("policy", &json!({"settings": {name: value}}));
}

fn templates_of_the_lead(told: &Down) -> Option<usize> {
    let Down::Roster(roster) = told else { return None };
    let lead = roster.persons.iter().find(|p| p.person.as_str() == "p-lead")?;
    Some(lead.templates.len())
}

#[test]
fn an_earlier_consent_holds_until_its_day() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    let in_use = house.running().app.faces.embedder().unwrap();
    let embedder = in_use.map_or_else(|| "e".repeat(64), |(sha256, _)| sha256);
    enrol_by(&house, ("e-1", "p-lead"), &embedder);
    b.connect();
    let found = house.get("consents/earlier");
    let one = &found["people"][0];
    assert_eq!((&one["person"], &one["text_version"]), (&json!("p-lead"), &json!("1")), "{found}");
    assert_eq!(one["holds_until"], Value::Null);
    let (status, page) = house.page("/consents");
    assert!(status == 200 && page.contains("王主诊") && page.contains("重新征求同意"), "{page}");
    b.told_until("roster", |told| templates_of_the_lead(told) == Some(1));

    set(&house, "consent_renewal_yyyymmdd", 20_200_101);
    b.told_until("roster", |told| templates_of_the_lead(told) == Some(0));
    assert_eq!(house.get("consents/earlier")["people"][0]["holds_until"], "2020-01-01");
}

#[test]
fn a_box_waits_until_its_place_was_public_long_enough() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let from = |wanted: &'static str| {
        move |told: &Down| match told {
            Down::Room(room) => {
                room.in_use_from.as_deref().is_some_and(|from| from.starts_with(wanted))
            }
            _ => false,
        }
    };
    b.told_until("room", |told| matches!(told, Down::Room(room) if room.in_use_from.is_none()));
    set(&house, "publication_wait_days", 30);
    b.told_until("room", from("8999-12"));
    let notice = json!({"at": "官网公告", "on": "2026-03-01"});
    let enter = |by: &str, notice: &serde_json::Value| {
        house.must_post("devices/box-1/review", &json!({"published": notice, "by": by}));
    };
    let page = || house.page("/devices/box-1/review").1;
    for _ in 0..2 {
        enter("wang", &notice);
        assert!(!page().contains("2026-03-31"), "one person alone backdated a publication");
    }
    enter("li", &notice);
    b.told_until("room", from("2026-03-30T16:00"));
    assert!(page().contains("2026-03-31"), "{}", page());
    // And one person alone takes nothing away from a box that may look.
    enter("wang", &serde_json::Value::Null);
    assert!(page().contains("2026-03-31"), "one person alone stopped a box");
    enter("li", &serde_json::Value::Null);
    b.told_until("room", from("8999-12"));
}
