//! A box speaks for its own room, and for its own findings.

use e2e::hostile::{Account, Side, says};

use super::house;

/// What the other scenes rest on: an honest word of the same box arrives, and nobody elsewhere hears of it.
#[test]
fn an_honest_finding_reaches_its_own_supervisor_alone() {
    let house = house();
    let mut honest = house.provision("place-honest", Side::Here.room()).unwrap();
    honest.say(says::finding(Side::Here, 'b', "NL-1", "L2")).unwrap();
    honest.settle().unwrap();
    let alerts_of = |side| {
        let all = house.alerts(Account::Supervisor(side)).unwrap();
        all.into_iter().filter(|a| a["device"] == honest.id()).collect::<Vec<_>>()
    };
    let here = alerts_of(Side::Here);
    assert_eq!((here.len(), &here[0]["severity"]), (1, &"L2".into()), "{here:?}");
    assert!(alerts_of(Side::There).is_empty());
    assert_eq!(house.nobody().get("/api/v1/alerts").unwrap().status, 401);
}
