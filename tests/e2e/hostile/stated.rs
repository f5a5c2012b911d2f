//! What a clinic states after an alert takes nothing back, and its word alone verifies nobody.

use e2e::hostile::{HostileBox, HostileClinic, Side, TestAccount, UnsignedMessage, messages};
use protocol::down::Down;
use protocol::up::{FindingReport, Step};
use serde_json::{Value, json};

use super::house;

const HERE: Side = Side::Here;

/// An alert of a session that the clinic declared: the box, what it said, and the alert's id. The
/// supervisor has seen it.
fn accused(house: &HostileClinic, name: &str, digit: char) -> (HostileBox, FindingReport, String) {
    house.declare(HERE, name, HERE.room(), &messages::ago(600), None).unwrap();
    let mut accuser = house.provision(name, HERE.room()).unwrap();
    let mut said = messages::finding(HERE, digit, "LL-1", "L2");
    said.session = Some(name.parse().unwrap());
    accuser.say(said.clone()).unwrap();
    accuser.settle().unwrap();
    let alerts = house.alerts(TestAccount::Supervisor(HERE)).unwrap();
    let raised = alerts.iter().find(|a| a["device"] == name).expect("no alert");
    let id = raised["id"].as_str().unwrap().to_owned();
    (accuser, said, id)
}

/// The box follows the clinic's word, as an older one does, or one in the clinic's hands.
fn withdraw(accuser: &mut HostileBox, said: &FindingReport, because: &str) {
    let back = FindingReport { step: Step::Withdrawn, revision: 2, ..said.clone() };
    accuser.say(UnsignedMessage::from(back).with("withdrawn_because", json!(because))).unwrap();
    accuser.settle().unwrap();
}

fn session_step(house: &HostileClinic, session: &str, step: &Value) {
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    clinic.post(&format!("/api/v1/sessions/{session}/steps"), step).unwrap().ok().unwrap();
}

/// What the alert says was stated in these words, after it was raised.
fn stated_after(alert: &Value, words: &str) -> bool {
    let said = alert["statements"].as_array().unwrap();
    said.iter()
        .any(|s| s["en"].as_str().unwrap().contains(words) && s["after_ms"].as_i64() > Some(0))
}

#[test]
fn a_session_cancelled_after_its_alert_takes_nothing_back() {
    let house = house();
    let (mut accuser, said, id) = accused(&house, "stated-cancelled", '1');
    session_step(&house, "stated-cancelled", &json!({"step": "cancel", "reason": "no show"}));
    withdraw(&mut accuser, &said, "own_correction");
    let alert = house.alert(TestAccount::Supervisor(HERE), &id).unwrap();
    assert_eq!(alert["state"], "raised", "the accused took the accusation back");
    assert!(alert["withdrawn_at"].is_string(), "the box's word is not shown: {alert}");
    assert!(stated_after(&alert, "cancelled"), "the cancellation is not shown: {alert}");
}

#[test]
fn a_session_amended_after_its_alert_takes_nothing_back() {
    let house = house();
    let (mut accuser, said, id) = accused(&house, "stated-amended", '2');
    let amended = json!({"id": "stated-amended", "room": HERE.room(), "item": "laser-1",
        "declared_lead": HERE.lead(), "declared_operators": [HERE.lead()],
            "start": messages::ago(600)});
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    clinic.post("/api/v1/sessions", &amended).unwrap().ok().unwrap();
    withdraw(&mut accuser, &said, "stated_before");
    let alert = house.alert(TestAccount::Supervisor(HERE), &id).unwrap();
    assert_eq!(alert["state"], "raised", "the accused took the accusation back");
    assert!(stated_after(&alert, "other operators"), "the amendment is not shown: {alert}");
}

#[test]
fn a_withdrawal_after_one_verdict_leaves_it_to_two_people() {
    let house = house();
    let (mut accuser, said, id) = accused(&house, "stated-reviewed", '3');
    let reviewer = house.user(TestAccount::Reviewer(HERE)).unwrap();
    reviewer
        .post(&format!("/api/v1/alerts/{id}/steps"), &json!({"step": "uphold"}))
        .unwrap()
        .ok()
        .unwrap();
    session_step(&house, "stated-reviewed", &json!({"step": "cancel", "reason": "no show"}));
    withdraw(&mut accuser, &said, "own_correction");
    let alert = house.alert(TestAccount::Supervisor(HERE), &id).unwrap();
    let verdicts = alert["reviews"].as_array().map(Vec::len);
    assert_eq!(
        (&alert["state"], verdicts),
        (&json!("review2"), Some(1)),
        "a verdict was overruled by the clinic"
    );
}

#[test]
fn the_fifty_first_open_session_of_a_room_is_refused() {
    let house = house();
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let open = |n: usize| {
        let session = json!({"id": format!("stated-open-{n}"), "room": HERE.other_room(),
            "item": "laser-1", "declared_lead": HERE.lead(), "start": messages::ago(60)});
        clinic.post("/api/v1/sessions", &session).unwrap()
    };
    let statuses: Vec<u16> = (0..50).map(|n| open(n).status).collect();
    assert_eq!(statuses, [201; 50]);
    let more = open(50);
    assert_eq!(more.status, 422, "the room's knowledge can be crowded out");
    assert!(more.text.contains("stated-open-50"), "{}", more.text);
}

#[test]
fn a_check_that_a_clinics_system_states_reaches_no_box() {
    let house = house();
    let mut door = house.provision("stated-check", HERE.room()).unwrap();
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let check = json!({"command": "identity_check", "person": HERE.lead(),
        "witness": HERE.physician(),
        "at": messages::ago(0)});
    clinic.post("/api/v1/devices/stated-check/commands", &check).unwrap().ok().unwrap();
    house
        .declare(
            HERE,
            "stated-check-after",
            HERE.room(),
            &messages::ago(60),
            Some(&messages::ago(0)),
        )
        .unwrap();
    let body = door
        .told(|d| {
            matches!(d, Down::Sessions(s) if s.sessions.iter().any(
                |s| s.session.as_str() == "stated-check-after"))
        })
        .unwrap();
    let Down::Sessions(told) = body.payload else { unreachable!() };
    assert_eq!(told.checks, [], "the box holds for verified whom the clinic names");
}

#[test]
fn a_clinic_sets_no_card_and_pin_of_its_people() {
    let house = house();
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let card = json!({"card": "CARD-4711", "pin": "739154"});
    let set =
        clinic.post(&format!("/api/v1/practitioners/{}/credential", HERE.lead()), &card).unwrap();
    assert!(set.status >= 400, "it holds its lead's card: {} {}", set.status, set.text);
    for who in [TestAccount::Clinic(HERE), TestAccount::Integrator(HERE)] {
        let links = format!("/api/v1/practitioners/{}/links", HERE.lead());
        let link = house.user(who).unwrap().post(&links, &json!({"purpose": "card"})).unwrap();
        assert_eq!(link.status, 403, "{who} gives out the lead's link: {}", link.text);
    }
}

#[test]
fn a_clinic_withdraws_no_consent_given_elsewhere() {
    let house = house();
    let sites = Side::BOTH.map(
        |side| json!({"institution": side.institution(), "relation": "primary", "lead_of": []}),
    );
    let person = json!({"id": "p-consent", "name": "两地医师", "category": "licensed_physician",
        "registration": "valid", "sites": sites});
    let country = house.program_of_the_country("integrator").unwrap();
    country.post("/api/v1/practitioners", &person).unwrap().ok().unwrap();
    let _here = house.provision("stated-consent", HERE.room()).unwrap();
    let other = house.user(TestAccount::Clinic(Side::There)).unwrap();
    let path = "/api/v1/practitioners/p-consent/withdraw";
    let done = other.post(path, &json!({"reason": "he asked us"})).unwrap().ok().unwrap();
    let told = done["devices_told"].as_array().unwrap();
    assert!(!told.contains(&json!("stated-consent")), "another clinic's box forgets him: {done}");
    let theirs = json!({"reason": "he asked us", "institution": HERE.institution()});
    assert_eq!(other.post(path, &theirs).unwrap().status, 404);
}

/// Who has one card and PIN guesses the witness's PIN between failures that have nothing to do with
/// it.
#[test]
fn an_unknown_card_resets_no_count_of_wrong_witness_pins() {
    let house = house();
    let supervisor = house.user(TestAccount::Supervisor(HERE)).unwrap();
    for (person, card, pin) in
        [(HERE.lead(), "CARD-1001", "739154"), (HERE.physician(), "CARD-1002", "846205")]
    {
        let links = format!("/api/v1/practitioners/{person}/links");
        let link = supervisor.post(&links, &json!({"purpose": "card"})).unwrap().ok().unwrap();
        let path = format!("/api/v1{}", link["link"].as_str().unwrap());
        let set = json!({"step": "set_card", "card": card, "pin": pin});
        house.nobody().post(&path, &set).unwrap().ok().unwrap();
    }
    let kiosk = house.program(TestAccount::Integrator(HERE)).unwrap();
    let check = |card: &str, witness_pin: String| {
        let body = json!({"room": HERE.room(), "card": card, "pin": "739154",
            "witness": HERE.physician(),
            "witness_pin": witness_pin});
        kiosk.post("/api/v1/checks", &body).unwrap().status
    };
    let mut answers = Vec::new();
    for round in 0..4 {
        answers.extend((0..4).map(|n| check("CARD-1001", format!("9017{round}{n}"))));
        check(&format!("UNKNOWN-{round}"), "901799".to_owned());
    }
    assert_eq!(answers[..4], [403; 4], "the guesses are compared at first");
    assert!(answers.contains(&429), "16 guesses at one PIN and none had to wait: {answers:?}");
}
