//! Foreign names, foreign ids, numbers that nobody means, and a box that was replaced.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use e2e::hostile::{HostileClinic, Side, TestAccount, UnsignedMessage, messages};
use serde_json::{Value, json};

use super::house;

const HERE: Side = Side::Here;

/// How long the list of revoked certificates is; 0 where there is none.
fn revocation_list_bytes(house: &HostileClinic) -> u64 {
    std::fs::metadata(house.folder().join("server-data/ca.crl")).map_or(0, |list| list.len())
}

#[test]
fn a_replaced_box_takes_its_certificate_along() {
    let house = house();
    let stolen = house.provision("rest-replaced", HERE.room()).unwrap();
    let before = revocation_list_bytes(&house);
    let token = house.register("rest-replaced", HERE.room()).unwrap();
    let state = house.folder().join("state-rest-replaced-again");
    let mut new = e2e::hostile::HostileBox::provision(house.base(), &token, &state).unwrap();
    new.settle().unwrap();
    assert!(
        revocation_list_bytes(&house) > before,
        "the stolen box's certificate still opens the broker"
    );
    drop(stolen);
}

/// A token is used up by its answer: a box that gets none has to be registered anew.
#[test]
fn boxes_provisioned_at_once_all_get_their_keys() {
    let house = house();
    let names: Vec<String> = (0..8).map(|n| format!("rest-at-once-{n}")).collect();
    let faults: Vec<String> = std::thread::scope(|scope| {
        let ask =
            |name| house.provision(name, HERE.other_room()).err().map(|fault| fault.to_string());
        let asked: Vec<_> = names.iter().map(|name| scope.spawn(move || ask(name))).collect();
        asked.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn an_interval_told_backwards_is_set_aside_and_stops_no_page() {
    let house = house();
    let mut liar = house.provision("rest-backwards", HERE.room()).unwrap();
    let mut lie = messages::finding(HERE, '6', "NL-1", "L2");
    lie.intervals[0].from = messages::ago(0);
    lie.intervals[0].to = messages::ago(600);
    liar.say(lie).unwrap();
    liar.settle().unwrap();
    let alerts = house.alerts(TestAccount::Supervisor(HERE)).unwrap();
    let mine: Vec<_> = alerts.iter().filter(|a| a["device"] == "rest-backwards").collect();
    let rules: Vec<_> =
        mine.iter().flat_map(|a| a["findings"].as_array().unwrap()).map(|f| &f["rule"]).collect();
    assert_eq!(rules, ["CHAIN-REFUSED"], "a time that can not be stands in an alert");
    let page = format!("/alerts/{}", mine[0]["id"].as_str().unwrap());
    assert_eq!(house.user(TestAccount::Supervisor(HERE)).unwrap().get(&page).unwrap().status, 200);
}

#[test]
fn the_highest_revision_ends_no_amendments() {
    let house = house();
    house.declare(HERE, "rest-frozen", HERE.room(), &messages::ago(600), None).unwrap();
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let session = |revision: Value| {
        let body = json!({"id": "rest-frozen", "room": HERE.room(), "item": "laser-1",
            "declared_lead": HERE.lead(), "start": messages::ago(600), "revision": revision});
        clinic.post("/api/v1/sessions", &body).map_or(0, |a| a.status)
    };
    let highest = session(json!(u32::MAX));
    assert_eq!(session(Value::Null), 200, "the session can not be amended any more");
    assert_eq!(highest, 409);
}

/// A page elsewhere lets its own name mean 127.0.0.1.
#[test]
fn a_foreign_host_name_is_answered_nothing() {
    let house = house();
    let answer = |name: &str| {
        let mut stream = TcpStream::connect(house.base().strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET /login HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert!(answer("localhost").starts_with("HTTP/1.1 200"));
    let foreign = answer("rebound.example");
    assert!(foreign.starts_with("HTTP/1.1 421"), "{}", foreign.lines().next().unwrap_or_default());
    assert!(!foreign.contains("<html"), "it reads a page");
}

#[test]
fn a_registration_that_holds_elsewhere_is_not_changed_here() {
    let house = house();
    let sites = Side::BOTH.map(
        |side| json!({"institution": side.institution(), "relation": "primary", "lead_of": []}),
    );
    let person = |registration: &str| {
        json!({"id": "p-elsewhere", "name": "两地医师", "category": "licensed_physician",
            "registration": registration, "sites": sites})
    };
    let country = house.program_of_the_country("integrator").unwrap();
    country.post("/api/v1/practitioners", &person("valid")).unwrap().ok().unwrap();
    for who in [TestAccount::Supervisor(HERE), TestAccount::Integrator(HERE)] {
        let changed =
            house.user(who).unwrap().post("/api/v1/practitioners", &person("revoked")).unwrap();
        assert_eq!(
            changed.status, 422,
            "{who} ends a registration in another province: {}",
            changed.text
        );
    }
    let there = house.user(TestAccount::Supervisor(Side::There)).unwrap();
    let listed = there.get("/api/v1/practitioners?limit=500").unwrap().ok().unwrap();
    let listed = listed["practitioners"].as_array().unwrap();
    let stands = listed.iter().find(|p| p["id"] == "p-elsewhere").unwrap();
    assert_eq!(stands["registration"], "valid");
}

#[test]
fn newer_sessions_elsewhere_empty_no_export() {
    let house = house();
    house
        .declare(
            HERE,
            "rest-old",
            HERE.room(),
            "2020-03-02T01:00:00Z",
            Some("2020-03-02T02:00:00Z"),
        )
        .unwrap();
    let head =
        "id,room,item,declared_lead,declared_operators,start,end,cancelled,emergency,patient_ref"
            .to_owned();
    let far = |n: u32| {
        let room = Side::There.other_room();
        let lead = Side::There.lead();
        format!(
            "rest-far-{n},{room},laser-1,{lead},,2026-03-02T09:00:00+08:00,\
             2026-03-02T10:00:00+08:00,no,no,"
        )
    };
    let table = std::iter::once(head).chain((0..1100).map(far)).collect::<Vec<_>>().join("\n");
    let there = house.user(TestAccount::Clinic(Side::There)).unwrap();
    there.send("/api/v1/import/sessions", "text/csv", table.as_bytes()).unwrap().ok().unwrap();
    let export =
        house.user(TestAccount::Clinic(HERE)).unwrap().get("/api/v1/export/sessions").unwrap();
    assert_eq!(export.status, 200, "{}", export.text);
    assert!(export.text.contains("rest-old"), "sessions elsewhere pushed the clinic's own out");
    assert!(!export.text.contains("rest-far"), "another clinic's sessions");
}

#[test]
fn foreign_and_unknown_ids_answer_alike() {
    let house = house();
    house
        .declare(
            Side::There,
            "rest-foreign",
            Side::There.room(),
            &messages::ago(600),
            Some(&messages::ago(60)),
        )
        .unwrap();
    let said = |who: TestAccount, path: &str, body: &Value, id: &str| {
        let answer = house.user(who).unwrap().post(path, body).unwrap();
        assert!(answer.status >= 400, "{who} {path} with {id}: {}", answer.status);
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().replace(id, "ID"))
    };
    let in_room = |room: &str| {
        let session = json!({"id": "rest-new", "room": room, "start": messages::ago(60)});
        said(TestAccount::Clinic(HERE), "/api/v1/sessions", &session, room)
    };
    assert_eq!(in_room(Side::There.room()), in_room("no-room"), "it learns which rooms there are");
    let cancel = |session: &str| {
        let step = json!({"step": "cancel", "reason": "x"});
        said(
            TestAccount::Clinic(HERE),
            &format!("/api/v1/sessions/{session}/steps"),
            &step,
            session,
        )
    };
    assert_eq!(
        cancel("rest-foreign"),
        cancel("rest-unknown"),
        "it learns which sessions there are"
    );
    let at = |institution: &str| {
        let room = json!({"id": "rest-room", "institution": institution, "mode": "in_room"});
        said(TestAccount::Integrator(HERE), "/api/v1/rooms", &room, institution)
    };
    assert_eq!(at(Side::There.institution()), at("no-clinic"), "it learns which clinics there are");
}

fn typed(message: Value) -> UnsignedMessage {
    UnsignedMessage::of(&serde_json::from_value(message).unwrap())
}

/// One sealed picture, as a manifest names it; nobody could open it.
fn picture(id: &str) -> Value {
    let half = json!({"to": "0011223344556677", "version": 1, "enc": "AA==", "ct": "AA=="});
    json!({"id": id, "kind": "subject_crop", "taken_at": messages::ago(30), "width_px": 64,
        "height_px": 64, "covered_faces": 0, "bytes": 900, "sha256": "ab".repeat(32),
        "supervisor_half": half, "reviewer_half": half})
}

/// The clinic burns the box's disk while two people decide.
#[test]
fn a_box_that_burns_held_pictures_is_told_of() {
    let house = house();
    let mut liar = house.provision("rest-burns", HERE.room()).unwrap();
    liar.say(messages::finding(HERE, '7', "NL-1", "L2")).unwrap();
    let ids = ["71".repeat(16), "72".repeat(16)];
    liar.say(typed(json!({"type": "evidence_manifest", "finding_id": messages::id('7'),
        "firmware": "hostile", "pack": "none", "pack_sha256": "", "source": "camera",
        "items": [picture(&ids[0]), picture(&ids[1])]})))
        .unwrap();
    liar.settle().unwrap();
    let supervisor = TestAccount::Supervisor(HERE);
    let of_mine = || -> Vec<Value> {
        let alerts = house.alerts(supervisor).unwrap();
        alerts.into_iter().filter(|a| a["device"] == "rest-burns").collect()
    };
    let alert = of_mine()[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/alerts/{alert}/steps");
    house.user(supervisor).unwrap().post(&path, &json!({"step": "uphold"})).unwrap().ok().unwrap();
    // One by one, so that each looks like a single bad block.
    for (id, step) in ids.iter().zip(["deleted", "lost"]) {
        liar.say(typed(json!({"type": "evidence_receipt", "finding_id": messages::id('7'),
            "items": [id], "step": step, "reason": "bad block"})))
            .unwrap();
    }
    liar.settle().unwrap();
    let rules: Vec<Value> = of_mine()
        .iter()
        .flat_map(|a| a["findings"].as_array().unwrap().clone())
        .map(|f| f["rule"].clone())
        .filter(|rule| rule == "EVIDENCE-GONE")
        .collect();
    assert_eq!(rules.len(), 1, "one finding a day: {rules:?}");
    let steps = house.alert(supervisor, &alert).unwrap()["steps"].clone();
    let notes = steps.as_array().unwrap().iter().filter(|s| s["step"] == "evidence_gone").count();
    assert_eq!(notes, 2, "{steps}");
}

/// Whoever has its key has this call: no box watches the room any more.
#[test]
fn a_box_that_ends_its_own_service_is_told_of() {
    let house = house();
    let it = house.provision("rest-retired", HERE.other_room()).unwrap();
    let word = json!({"retires": "rest-retired", "undelivered": 0}).to_string();
    let said = serde_json::to_value(it.signing_key().sign(word)).unwrap();
    house.nobody().post("/api/v1/provision/retire", &said).unwrap().ok().unwrap();
    let told = |who: TestAccount| -> Vec<Value> {
        let alerts = house.alerts(who).unwrap();
        alerts.into_iter().filter(|a| a["device"] == "rest-retired").collect()
    };
    let here = told(TestAccount::Supervisor(HERE));
    assert_eq!(here.len(), 1, "{here:?}");
    assert_eq!(
        (&here[0]["severity"], &here[0]["findings"][0]["rule"]),
        (&json!("L2"), &json!("BOX-RETIRED"))
    );
    assert_eq!(told(TestAccount::Supervisor(Side::There)), Vec::<Value>::new());
    // The same word once more ends nothing and tells nothing.
    assert_eq!(house.nobody().post("/api/v1/provision/retire", &said).unwrap().status, 403);
    assert_eq!(told(TestAccount::Supervisor(HERE)).len(), 1);
}
