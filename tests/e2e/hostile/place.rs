//! A box speaks for its own room, and for its own findings.

use e2e::boxes::until;
use e2e::hostile::{
    BOTH_SIDES, BOTH_SIDES_LAST, HostileClinic, Side, TestAccount, UnsignedMessage, messages,
};
use protocol::up::{ChainBreak, Step, Up};
use serde_json::{Value, json};

use super::house;

/// The alerts that name this box, as the supervisor of this side sees them.
fn alerts_of(house: &HostileClinic, side: Side, device: &str) -> Vec<Value> {
    let all = house.alerts(TestAccount::Supervisor(side)).unwrap();
    all.into_iter().filter(|a| a["device"] == device).collect()
}

/// Of these alerts, the findings of a rule.
fn findings<'a>(alerts: &'a [Value], rule: &str) -> Vec<&'a Value> {
    let all = alerts.iter().flat_map(|a| a["findings"].as_array().unwrap());
    all.filter(|f| f["rule"] == rule).collect()
}

/// The box has one alert and no more: that it said what it may not.
fn only_set_aside(house: &HostileClinic, side: Side, device: &str, word: &str) {
    let alerts = alerts_of(house, side, device);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let refused = findings(&alerts, "CHAIN-REFUSED");
    assert_eq!((refused.len(), &refused[0]["severity"]), (1, &json!("L2")), "{alerts:?}");
    assert!(refused[0]["explanation"]["en"].as_str().unwrap().contains(word), "{refused:?}");
}

/// What the other scenes rest on: an honest word of the same box arrives, and nobody elsewhere
/// hears of it.
#[test]
fn an_honest_finding_reaches_its_own_supervisor_alone() {
    let house = house();
    let mut honest = house.provision("place-honest", Side::Here.room()).unwrap();
    honest.say(messages::finding(Side::Here, 'b', "NL-1", "L2")).unwrap();
    honest.settle().unwrap();
    let here = alerts_of(&house, Side::Here, honest.id());
    assert_eq!((here.len(), &here[0]["severity"]), (1, &json!("L2")), "{here:?}");
    assert!(alerts_of(&house, Side::There, honest.id()).is_empty());
    assert_eq!(house.nobody().get("/api/v1/alerts").unwrap().status, 401);
}

#[test]
fn a_finding_of_a_foreign_room_is_set_aside_once_a_day() {
    let house = house();
    let mut liar = house.provision("place-foreign-room", Side::Here.room()).unwrap();
    for digit in ['1', '2', '3'] {
        liar.say(messages::finding(Side::There, digit, "NL-1", "L3")).unwrap();
    }
    let mut neighbour = messages::finding(Side::Here, '4', "NL-1", "L3");
    neighbour.room = Side::Here.other_room().parse().unwrap();
    liar.say(neighbour).unwrap();
    liar.settle().unwrap();
    assert!(alerts_of(&house, Side::There, liar.id()).is_empty(), "accused elsewhere");
    only_set_aside(&house, Side::Here, liar.id(), "another room");
}

#[test]
fn a_finding_for_a_foreign_institution_is_set_aside() {
    let house = house();
    let mut liar = house.provision("place-foreign-institution", Side::Here.room()).unwrap();
    let mut lie = messages::finding(Side::Here, '5', "NL-1", "L3");
    lie.institution = Side::There.institution().parse().unwrap();
    liar.say(lie).unwrap();
    liar.settle().unwrap();
    assert!(alerts_of(&house, Side::There, liar.id()).is_empty(), "accused elsewhere");
    only_set_aside(&house, Side::Here, liar.id(), "another room");
}

#[test]
fn words_on_a_session_of_another_room_are_set_aside() {
    let house = house();
    house
        .declare(
            Side::There,
            "place-session",
            Side::There.room(),
            &messages::ago(600),
            Some(&messages::ago(60)),
        )
        .unwrap();
    let mut liar = house.provision("place-foreign-session", Side::Here.room()).unwrap();
    let mut summary = messages::summary(Side::Here, "place-session");
    summary.lead_verified = true;
    let mut finding = messages::finding(Side::Here, '6', "LL-1", "L3");
    finding.session = Some("place-session".parse().unwrap());
    let mut presence = messages::presence(Side::Here, Side::There.lead(), 100, 0);
    presence.session = Some("place-session".parse().unwrap());
    liar.say(summary).unwrap();
    liar.say(finding).unwrap();
    liar.say(presence).unwrap();
    liar.settle().unwrap();
    let there = house.user(TestAccount::Supervisor(Side::There)).unwrap();
    let shown = there.get("/api/v1/sessions/place-session").unwrap().ok().unwrap();
    assert_eq!(shown["summary"], Value::Null, "a foreign box spoke of it");
    let of_session = there.get("/api/v1/alerts?session=place-session").unwrap().ok().unwrap();
    assert_eq!(of_session["alerts"], json!([]));
    only_set_aside(&house, Side::Here, liar.id(), "another room");
}

#[test]
fn another_boxs_finding_stands_when_a_box_withdraws_it() {
    let house = house();
    let mut honest = house.provision("place-victim", Side::There.room()).unwrap();
    let said = messages::finding(Side::There, '7', "LL-1", "L3");
    honest.say(said.clone()).unwrap();
    honest.settle().unwrap();
    let before = alerts_of(&house, Side::There, honest.id());
    let mut liar = house.provision("place-withdrawer", Side::Here.room()).unwrap();
    for revision in [2, u32::MAX] {
        let withdrawn = Step::Withdrawn;
        liar.say(protocol::up::FindingReport { step: withdrawn, revision, ..said.clone() })
            .unwrap();
        let own = messages::finding(Side::Here, '7', "LL-1", "L3");
        liar.say(protocol::up::FindingReport { step: withdrawn, revision, ..own }).unwrap();
    }
    liar.settle().unwrap();
    assert_eq!(
        alerts_of(&house, Side::There, honest.id()),
        before,
        "somebody else's word moved it"
    );
    assert_eq!(before[0]["state"], "raised");
}

#[test]
fn an_id_taken_in_advance_hides_no_other_boxs_finding() {
    let house = house();
    let mut liar = house.provision("place-preempter", Side::Here.room()).unwrap();
    let taken = messages::finding(Side::Here, '8', "LL-1", "L0");
    liar.say(protocol::up::FindingReport { revision: u32::MAX, ..taken.clone() }).unwrap();
    liar.say(taken).unwrap();
    liar.settle().unwrap();
    let mut honest = house.provision("place-preempted", Side::There.room()).unwrap();
    honest.say(messages::finding(Side::There, '8', "LL-1", "L3")).unwrap();
    honest.settle().unwrap();
    let alerts = alerts_of(&house, Side::There, honest.id());
    assert_eq!((alerts.len(), &alerts[0]["severity"]), (1, &json!("L3")), "{alerts:?}");
    assert_eq!(alerts[0]["institution"], Side::There.institution());
}

#[test]
fn the_evidence_of_tampering_can_not_be_withdrawn_by_the_box() {
    let house = house();
    let mut liar = house.provision("place-tamperer", Side::Here.room()).unwrap();
    liar.say(messages::heartbeat()).unwrap();
    liar.settle().unwrap();
    // Two messages for one place of the chain: the server says so.
    let (seq, prev) = (liar.seq, liar.prev.clone());
    liar.say(UnsignedMessage::from(messages::heartbeat()).seq(1).prev(trust::ZERO_HASH)).unwrap();
    (liar.seq, liar.prev) = (seq, prev);
    liar.settle().unwrap();
    let before = alerts_of(&house, Side::Here, liar.id());
    let raised = findings(&before, "CHAIN-FORK");
    assert_eq!((raised.len(), &before[0]["state"]), (1, &json!("raised")), "{before:?}");
    let id = |name: &str| raised[0][name].as_str().unwrap().to_owned();
    let lie = messages::finding(Side::Here, '9', "CHAIN-FORK", "L2");
    let (finding_id, incident_id) = (id("finding_id"), id("incident_id"));
    liar.say(protocol::up::FindingReport {
        step: Step::Withdrawn,
        revision: 2,
        finding_id,
        incident_id,
        ..lie
    })
    .unwrap();
    liar.settle().unwrap();
    let after = alerts_of(&house, Side::Here, liar.id());
    let still = after.iter().find(|a| a["id"] == before[0]["id"]).unwrap();
    assert_eq!((&still["state"], &still["findings"]), (&json!("raised"), &before[0]["findings"]));
    // A message that carries an id of the server's is not even in form.
    assert!(!id("finding_id").bytes().all(|b| b.is_ascii_hexdigit()), "a message could carry it");
}

#[test]
fn times_that_can_not_be_are_set_aside() {
    let house = house();
    let mut liar = house.provision("place-timeless", Side::Here.room()).unwrap();
    let mut presence = messages::presence(Side::Here, Side::Here.lead(), 60, 0);
    presence.to = "9999-12-31T23:59:59.999Z".into();
    let mut to_come = messages::finding(Side::Here, 'c', "NL-1", "L3");
    to_come.raised_at = messages::ago(-3600);
    let mut before = messages::finding(Side::Here, 'd', "NL-1", "L3");
    before.raised_at = messages::ago(86_400);
    let mut no_time = messages::finding(Side::Here, 'e', "NL-1", "L3");
    no_time.raised_at = "yesterday".into();
    liar.say(presence).unwrap();
    for lie in [to_come, before, no_time] {
        liar.say(lie).unwrap();
    }
    let stamped = UnsignedMessage::from(messages::finding(Side::Here, 'f', "NL-1", "L3"));
    // However uncertain it says that its clock is.
    liar.say(stamped.at(&messages::ago(-86_400)).uncertainty_ms(u32::MAX)).unwrap();
    liar.settle().unwrap();
    only_set_aside(&house, Side::Here, liar.id(), "a time that can not be");
}

#[test]
fn a_revision_that_skips_its_predecessor_is_set_aside() {
    let house = house();
    let mut liar = house.provision("place-jumper", Side::Here.room()).unwrap();
    let lie = messages::finding(Side::Here, 'a', "NL-1", "L3");
    liar.say(protocol::up::FindingReport { revision: u32::MAX, ..lie }).unwrap();
    liar.settle().unwrap();
    only_set_aside(&house, Side::Here, liar.id(), "skip steps");
}

#[test]
fn a_rule_of_the_servers_that_a_box_claims_is_set_aside() {
    let house = house();
    let mut liar = house.provision("place-claimer", Side::Here.room()).unwrap();
    for (digit, rule) in [('a', "LL-3"), ('b', "LL-2"), ('c', "CHAIN-GAP")] {
        liar.say(messages::finding(Side::Here, digit, rule, "L3")).unwrap();
    }
    liar.settle().unwrap();
    only_set_aside(&house, Side::Here, liar.id(), "claim a rule");
}

#[test]
fn a_bare_claim_is_seen_to_be_bare() {
    let house = house();
    let mut liar = house.provision("place-seer", Side::Here.room()).unwrap();
    let mut other = house.provision("place-other-seer", Side::There.room()).unwrap();
    // The lead of the other side never worked here: no roster of this box holds them. The others
    // lawfully work at both.
    for person in [BOTH_SIDES, Side::There.lead(), BOTH_SIDES_LAST] {
        liar.say(messages::presence(Side::Here, person, 100, -100)).unwrap();
        other.say(messages::presence(Side::There, person, 100, -100)).unwrap();
    }
    liar.settle().unwrap();
    other.settle().unwrap();
    let of_person = |person: &str| -> Vec<Value> {
        let alerts = [Side::Here, Side::There]
            .map(|side| house.alerts(TestAccount::Supervisor(side)).unwrap())
            .concat();
        let named =
            |f: &&Value| f["persons"].as_array().unwrap().iter().any(|p| p["person"] == person);
        findings(&alerts, "LL-3").into_iter().filter(named).cloned().collect()
    };
    // Persons are judged in the order of their ids: once the last is told of, there is no more to
    // say of those before.
    assert!(BOTH_SIDES < Side::There.lead() && Side::There.lead() < BOTH_SIDES_LAST);
    until("whoever is at two places at once is told of in both", || {
        of_person(BOTH_SIDES_LAST).len() == 2
    })
    .unwrap();
    assert_eq!(
        of_person(Side::There.lead()),
        Vec::<Value>::new(),
        "a sighting of somebody unknown to the box counted"
    );
    let told = &of_person(BOTH_SIDES)[0]["explanation"]["en"];
    let told = told.as_str().unwrap();
    for named in [liar.id(), other.id(), "chain intact", "a bare claim"] {
        assert!(told.contains(named), "{named}: {told}");
    }
}

#[test]
fn a_second_break_within_a_month_is_the_supervisors() {
    let house = house();
    let mut torn = house.provision("place-torn", Side::Here.room()).unwrap();
    let severities = |house: &HostileClinic, device: &str| {
        let alerts = alerts_of(house, Side::Here, device);
        let all = findings(&alerts, "CHAIN-BREAK");
        let mut all: Vec<String> =
            all.iter().map(|f| f["severity"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    for expected in [vec!["L1"], vec!["L1", "L2"]] {
        torn.settle().unwrap();
        let broken = Up::ChainBreak(ChainBreak { reason: "torn".into(), last_receipted_seq: None });
        torn.say(UnsignedMessage::from(broken).prev(trust::ZERO_HASH)).unwrap();
        torn.settle().unwrap();
        assert_eq!(severities(&house, torn.id()), expected);
    }
}

#[test]
fn a_break_at_an_enormous_sequence_is_set_aside() {
    let house = house();
    let mut liar = house.provision("place-far-away", Side::Here.room()).unwrap();
    liar.settle().unwrap();
    let (seq, prev) = (liar.seq, liar.prev.clone());
    let broken = Up::ChainBreak(ChainBreak { reason: "torn".into(), last_receipted_seq: None });
    liar.say(UnsignedMessage::from(broken).seq(1 << 62).prev(trust::ZERO_HASH)).unwrap();
    // The chain goes on where it was: nothing of the jump is stored.
    (liar.seq, liar.prev) = (seq, prev);
    assert_eq!(liar.settle().unwrap().contiguous_seq, 2);
    let bundle = house.plan().export(liar.id()).unwrap();
    let report = trust::bundle::check(std::fs::read(bundle).unwrap().as_slice()).unwrap();
    assert_eq!((report.last_seq, report.lost_at_breaks), (2, 0));
}

#[test]
fn a_box_that_moved_speaks_for_its_new_room_alone() {
    let house = house();
    let mut settler = house.provision("place-mover", Side::Here.room()).unwrap();
    settler.say(messages::finding(Side::Here, '1', "NL-1", "L2")).unwrap();
    settler.settle().unwrap();
    // Registered for another place; until it takes that registration it still stands in its former
    // one.
    let token = house.register("place-mover", Side::There.room()).unwrap();
    settler.say(messages::finding(Side::Here, '2', "NL-1", "L2")).unwrap();
    settler.settle().unwrap();
    assert_eq!(alerts_of(&house, Side::Here, settler.id()).len(), 2);
    drop(settler);
    let state = house.folder().join("state-place-mover-again");
    let mut moved = e2e::hostile::HostileBox::provision(house.base(), &token, &state).unwrap();
    moved.say(messages::finding(Side::There, '3', "NL-1", "L2")).unwrap();
    moved.say(UnsignedMessage::from(messages::finding(Side::Here, '4', "NL-1", "L2"))).unwrap();
    moved.settle().unwrap();
    let there = alerts_of(&house, Side::There, moved.id());
    assert_eq!(findings(&there, "NL-1").len(), 1, "{there:?}");
    assert_eq!(
        findings(&there, "CHAIN-REFUSED").len(),
        1,
        "its former room is no longer its own: {there:?}"
    );
    assert_eq!(
        alerts_of(&house, Side::Here, moved.id()).len(),
        2,
        "its history stays where it was made"
    );
}
