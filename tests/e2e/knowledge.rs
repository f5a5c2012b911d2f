//! Knowledge on its way down: a withdrawal of consent reaches a connected box at once and the
//! deletion comes back signed; a box that was away for long catches up.

use std::time::{Duration, Instant};

use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::clinic;
use e2e::server::{ServerPlan, api};
use scene::{Morning, Scene};
use serde_json::json;

/// From the supervisor's click to the box's signed word in the server's store.
const WITHIN: Duration = Duration::from_secs(10);

/// A practitioner with a face in the room's clinic.
fn enrol(api: &Api, person: &str, drawn_as: &str) {
    api.post(
        "practitioners",
        &json!({"id": person, "name": "测试", "category": "licensed_physician",
            "registration": "valid",
            "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]}),
    )
    .unwrap();
    let scene = Scene::drawn(Morning::bundled().unwrap(), 1);
    let photo = clinic::png(&scene.enrolment_photo(drawn_as).unwrap().unwrap()).unwrap();
    let answer =
        api.propose_enrolment(person, "inst-1", &clinic::consent("inst-1"), &[photo]).unwrap();
    let id = answer["id"].as_str().unwrap();
    api.post(&format!("enrolments/{id}/confirm"), &json!({"by": "a supervisor"})).unwrap();
}

#[test]
fn a_withdrawal_reaches_a_connected_box_within_10_s() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let people = Morning::bundled().unwrap();
    let drawn: Vec<String> = people.practitioners().map(|p| p.id.clone()).take(2).collect();
    enrol(&api, "p-1", &drawn[0]);
    enrol(&api, "p-2", &drawn[1]);
    let dir = folder.path().join("box");
    let the_box = PlainBox::start(provisioned(&api, "box-1", &dir).unwrap(), &dir).unwrap();
    let person = |id: &str| id.parse::<protocol::id::PersonId>().unwrap();
    until("both templates are on the box", || the_box.known(|k| k.templates_of.len() == 2))
        .unwrap();
    the_box.drained().unwrap();

    // Consent withdrawn: measured until the box's signed deletion is in the server's feed.
    let began = Instant::now();
    api.post("practitioners/p-1/withdraw", &json!({})).unwrap();
    api.listen(0, |event| {
        let gone = event.name == "enrolment" && event.data["templates_deleted"] == true;
        (gone && event.data["person"] == "p-1" && event.data["device"] == "box-1")
            || began.elapsed() > WITHIN
    })
    .unwrap();
    let took = began.elapsed();
    assert!(took <= WITHIN, "the withdrawal took {took:?}");
    assert!(
        !the_box.known(|k| k.templates_of.contains(&person("p-1"))),
        "the template is still there"
    );
    println!("withdrawal to signed deletion: {} ms", took.as_millis());

    // Registration revoked: the roster that the box holds says so.
    let began = Instant::now();
    let roster =
        || api.get("devices").unwrap()["devices"][0]["knowledge"].as_array().unwrap().clone();
    let version = |kinds: &[serde_json::Value]| {
        kinds.iter().find(|k| k["kind"] == "roster").and_then(|k| k["version"].as_u64()).unwrap()
    };
    let before = version(&roster());
    api.post(
        "practitioners",
        &json!({"id": "p-2", "name": "测试", "category": "licensed_physician",
            "registration": "revoked",
            "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]}),
    )
    .unwrap();
    until("the box acknowledged the newer roster", || {
        let kinds = roster();
        version(&kinds) > before
            && kinds.iter().any(|k| k["kind"] == "roster" && k["applied"] == true)
    })
    .unwrap();
    let took = began.elapsed();
    assert!(took <= WITHIN, "the revocation took {took:?}");
    println!("revocation to acknowledgement: {} ms", took.as_millis());
    the_box.stop();
}

/// What a month brings: a server restarted (no session and no retained message is left), people
/// gone, everything changed.
#[test]
fn a_box_that_was_away_for_long_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let (mut server, ready) = plan.start(&[]).unwrap();
    let plan = plan.at(&ready);
    let api = api(&ready);
    furnish(&api).unwrap();
    let people = Morning::bundled().unwrap();
    let drawn = people.practitioners().next().unwrap().id.clone();
    enrol(&api, "p-1", &drawn);
    let dir = folder.path().join("box");
    let identity = provisioned(&api, "box-1", &dir).unwrap();
    let the_box = PlainBox::start(identity.clone(), &dir).unwrap();
    until("the template is on the box", || the_box.known(|k| k.templates_of.len() == 1)).unwrap();
    the_box.drained().unwrap();
    the_box.stop();

    api.post("practitioners/p-1/withdraw", &json!({})).unwrap();
    for n in 0..30 {
        api.post(
            "practitioners",
            &json!({"id": format!("p-new-{n}"), "name": "新", "category": "nurse",
                "registration": "valid",
                "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]}),
        )
        .unwrap();
    }
    server.terminate().unwrap();
    let (_server, _) = plan.start(&[]).unwrap();

    let the_box = PlainBox::start(identity, &dir).unwrap();
    let all = ["catalogue", "policy", "room", "roster", "sessions"];
    until("everything arrived anew", || {
        all.iter().all(|kind| the_box.known(|k| k.kinds.contains(*kind)))
    })
    .unwrap();
    the_box.drained().unwrap();
    assert!(the_box.known(|k| k.templates_of.is_empty()));
    let device = &api.get("devices").unwrap()["devices"][0];
    // The command of the withdrawal went with the broker's memory; the roster does its work.
    for known in
        device["knowledge"].as_array().unwrap().iter().filter(|known| known["kind"] != "command")
    {
        assert_eq!(known["applied"], true, "{known}");
    }
    assert_eq!(device["chain"], "intact");
    the_box.stop();
}
