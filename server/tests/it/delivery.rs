//! Exactly once: stored, receipted, never doubled; alerts grouped by incident; a restart loses
//! nothing.

use serde_json::json;

use crate::boxes::{TestBox, finding, health};
use crate::house::House;

#[test]
fn what_a_box_says_is_stored_once_and_receipted_after() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    let again = b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    let receipt = b.receipted(2);
    assert_eq!((receipt.contiguous_seq, receipt.contiguous_hash.as_str()), (2, b.prev.as_str()));
    assert_eq!(house.get("summary")["findings_stored"], 1, "receipted before it was stored");

    b.publish(&b.topic("findings"), &again);
    b.receipted(2);
    let summary = house.until("summary", |s| s["duplicates_refused"] == 1);
    assert_eq!((&summary["findings_stored"], &summary["messages_stored"]), (&json!(1), &json!(2)));
    let device = &house.get("devices")["devices"][0];
    assert_eq!(
        (&device["online"], &device["camera"], &device["chain"]),
        (&json!(true), &json!("live"), &json!("intact"))
    );
}

#[test]
fn findings_of_one_session_are_one_alert() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.say(&finding('b', '1', "opened", 1, "NL-1", "NonLeadOperating", "L3"));
    b.say(&finding('c', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L2"));
    b.receipted(3);
    let alerts = house.get("alerts");
    assert_eq!(alerts["alerts"].as_array().unwrap().len(), 2);
    let incident = house.get(&format!("alerts/{}", crate::boxes::alert_of('1')));
    assert_eq!(incident["severity"], "L3");
    assert_eq!(incident["kinds"], json!(["LicenseLending", "NonLeadOperating"]));
    assert_eq!(incident["findings"][0]["chain"]["linked"], true);
    assert_eq!(house.get("alerts?kind=UnlicensedOperator")["alerts"].as_array().unwrap().len(), 1);
    assert_eq!(house.get("alerts?severity=L3")["alerts"].as_array().unwrap().len(), 1);
}

#[test]
fn an_unseen_withdrawn_finding_dismisses() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    // Two messages overtake each other on the way.
    let overtaken = b.link(&finding('a', '1', "strengthened", 2, "LL-1", "LicenseLending", "L3"));
    let mut withdrawn = finding('a', '1', "withdrawn", 3, "LL-1", "LicenseLending", "L2");
    withdrawn["withdrawn_because"] = json!("own_correction");
    b.say(&withdrawn);
    b.receipted(3);
    b.publish(&b.topic("findings"), &overtaken);
    while b.receipted(3).contiguous_seq < 3 {}
    let alert = house.get(&format!("alerts/{}", crate::boxes::alert_of('1')));
    assert_eq!((&alert["state"], &alert["severity"]), (&json!("dismissed"), &json!("L2")));
    assert_eq!(alert["findings"][0]["revision"], 3);
}

#[test]
fn a_gap_that_stands_becomes_an_alert_and_heals() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    let missing = b.link(&health());
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    let receipt = b.receipted(3);
    assert_eq!((receipt.contiguous_seq, receipt.above), (1, vec![3]));
    assert_eq!(
        house.get("summary")["findings_by_kind"]["LicenseLending"],
        1,
        "a finding above a gap waits for nobody"
    );
    house.until("summary", |s| s["findings_by_kind"]["Integrity"] == 1);
    b.publish(&b.topic("health"), &missing);
    while b.receipted(3).contiguous_seq < 3 {}
    assert_eq!(house.get("devices")["devices"][0]["chain"], "intact");
}

#[test]
fn rows_given_up_on_a_full_disk_close_their_gap_by_their_hashes() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    b.link(&json!({"type":"presence","room":"room-1","person":"p-lead","role":"operator",
        "from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T01:05:00.000Z","verified_by":"face"}));
    let hash = b.prev.clone();
    b.say(&json!({"type":"dropped","rows":[{"seq":2,"hash":hash,"channel":"presence"}]}));
    assert_eq!(b.receipted(3).contiguous_seq, 3);
    assert_eq!(house.get("summary")["dropped_declared"], 1);
}

#[test]
fn a_declared_break_starts_a_new_chain_and_is_an_alert() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    b.say(&health());
    b.receipted(2);
    b.prev = trust::ZERO_HASH.to_owned();
    b.say(&json!({"type":"chain_break","reason":"database disk image is \
        malformed","last_receipted_seq":2}));
    assert_eq!(b.receipted(3).contiguous_seq, 3);
    b.say(&health());
    b.receipted(4);
    assert_eq!(house.get("devices")["devices"][0]["chain"], "restarted");
    assert_eq!(house.get("summary")["findings_by_kind"]["Integrity"], 1);
}

#[test]
fn old_messages_after_a_restart_stay_duplicates() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let first = b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    b.vanish();
    let house = house.restart();
    b.move_to(&house);
    b.connect();
    b.publish(&b.topic("findings"), &first);
    b.say(&health());
    assert_eq!(b.receipted(2).contiguous_seq, 2);
    let summary = house.get("summary");
    assert_eq!(
        (&summary["findings_stored"], &summary["duplicates_refused"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn a_box_that_vanishes_is_shown_offline_by_its_last_will() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    house.until("devices", |d| d["devices"][0]["online"] == true);
    b.vanish();
    house.until("devices", |d| d["devices"][0]["online"] == false);
}
