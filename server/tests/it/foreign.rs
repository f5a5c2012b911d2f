//! What lies elsewhere: another jurisdiction's people, ids and sessions, another name for this
//! server, another box's place.

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};
use server::access::Role;
use server::web::routes;
use trust::{SealingKey, SigningKey};

use crate::access::{ask, token};
use crate::house::House;

/// Two clinics in two jurisdictions, and a person who works in both.
fn two_places() -> House {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"乙","grade_ceiling":1,"jurisdiction":"510204"}),
    );
    house.must_post("rooms", &json!({"id":"room-2","institution":"clinic-2","mode":"in_room"}));
    house.must_post("practitioners", &both("valid"));
    house.must_post(
        "practitioners",
        &json!({"id":"p-far","name":"远","category":"licensed_physician","registration":"valid",
            "sites":[{"institution":"clinic-2","relation":"primary",
                "lead_of":["cosmetic_dermatology"]}]}),
    );
    house.must_post(
        "sessions",
        &json!({"id":"s-2","room":"room-2","item":"laser-1","declared_lead":"p-far",
            "start":"2026-03-02T09:00:00+08:00"}),
    );
    house.restart_with("[access]\naccounts = true\n")
}

fn both(registration: &str) -> Value {
    json!({"id":"p-both","name":"两地","category":"licensed_physician","registration":registration,
        "sites":[{"institution":"clinic-1","relation":"primary","lead_of":[]},
            {"institution":"clinic-2","relation":"filed_multi_site","lead_of":[]}]})
}

fn post(house: &House, who: &str, path: &str, body: &Value) -> (u16, String) {
    let answer = ask(house, "POST", &format!("/api/v1/{path}"), who, &body.to_string());
    (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn whoever_works_elsewhere_too_is_not_ones_own_to_change() {
    let house = two_places();
    for role in [Role::Supervisor, Role::Integrator] {
        let here = token(&house, role, "5101");
        let mut renamed = both("valid");
        renamed["name"] = "别人".into();
        let mut nurse = both("valid");
        nurse["category"] = "registered_nurse".into();
        for (field, changed) in
            [("registration", both("revoked")), ("name", renamed), ("category", nurse)]
        {
            let (status, why) = post(&house, &here, "practitioners", &changed);
            assert!(
                status == 422 && why.starts_with(&format!("{field}: ")),
                "{role:?} {field}: {status} {why}"
            );
        }
        let csv = "id,name,category,registration,institution,relation,exempt_until,lead_of,roles\n\
            p-both,两地,licensed_physician,revoked,clinic-1,primary,,,\n";
        let imported = ask(&house, "POST", "/api/v1/import/practitioners", &here, csv);
        assert!(
            imported.status == 422 && imported.body.contains("works where you have no say"),
            "{}",
            imported.body
        );
        // What they have here is this supervisor's, as before.
        let mut lead = both("valid");
        lead["sites"][0]["lead_of"] = json!(["cosmetic_dermatology"]);
        assert_eq!(post(&house, &here, "practitioners", &lead).0, 200, "{role:?}");
    }
    let stands = house.running().app.store.practitioner("p-both").unwrap().unwrap();
    assert_eq!(serde_json::to_value(stands.registration).unwrap(), "valid");
    let everywhere = token(&house, Role::Supervisor, "");
    assert_eq!(post(&house, &everywhere, "practitioners", &both("revoked")).0, 200);
}

#[test]
fn newer_sessions_elsewhere_empty_no_export() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"乙","grade_ceiling":1,"jurisdiction":"510204"}),
    );
    house.must_post("rooms", &json!({"id":"room-2","institution":"clinic-2","mode":"in_room"}));
    house.must_post(
        "sessions",
        &json!({"id":"s-old","room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "start":"2020-03-02T09:00:00+08:00","end":"2020-03-02T10:00:00+08:00"}),
    );
    house.must_post(
        "practitioners",
        &json!({"id":"p-far","name":"远","category":"licensed_physician","registration":"valid",
            "sites":[{"institution":"clinic-2","relation":"primary",
                "lead_of":["cosmetic_dermatology"]}]}),
    );
    let head =
        "id,room,item,declared_lead,declared_operators,start,end,cancelled,emergency,patient_ref";
    let far = |n| {
        format!(
            "s-far-{n},room-2,laser-1,p-far,,2026-03-02T09:00:00+08:00,2026-03-02T10:00:00+08:00,no,no,"
        )
    };
    let lines: Vec<String> = std::iter::once(head.to_owned()).chain((0..1100).map(far)).collect();
    let csv = lines.join("\n") + "\n";
    let imported = house.send("POST", "/api/v1/import/sessions", "text/csv", csv.as_bytes());
    assert_eq!(imported.status, 200, "{}", imported.body);
    let house = house.restart_with("[access]\naccounts = true\n");
    let rows = |scope: &str| {
        let text =
            ask(&house, "GET", "/api/v1/export/sessions", &token(&house, Role::Clinic, scope), "")
                .body;
        (text.lines().count() - 1, text.contains("s-old"))
    };
    assert_eq!(rows("clinic-1"), (2, true), "newer sessions elsewhere pushed a clinic's own out");
    assert_eq!(rows("clinic-2"), (1100, false));
}

#[test]
fn foreign_and_unknown_ids_answer_alike() {
    let house = two_places();
    let here = |role| token(&house, role, if role == Role::Clinic { "clinic-1" } else { "5101" });
    let session =
        |room: &str| json!({"id":"s-new","room":room,"start":"2026-03-02T09:00:00+08:00"});
    let room =
        |institution: &str| json!({"id":"room-new","institution":institution,"mode":"in_room"});
    let person = |institution: &str| {
        json!({"id":"p-new","name":"新","category":"licensed_physician","registration":"valid",
            "sites":[{"institution":institution,"relation":"primary","lead_of":[]}]})
    };
    let pass = |institution: &str| {
        json!({"id":"pass-1","person":"p-lead","institution":institution,
            "purpose":"visiting_doctor",
            "from":"2026-03-02T09:00:00+08:00","to":"2026-03-03T09:00:00+08:00"})
    };
    let alike =
        |role: Role, foreign: &str, unknown: &str, call: &dyn Fn(&str) -> (String, Value)| {
            let said = |id: &str| {
                let (path, body) = call(id);
                let (status, why) = post(&house, &here(role), &path, &body);
                assert!(status >= 400, "{role:?} {path} with {id}: {status}");
                (status, why.replace(id, "ID"))
            };
            assert_eq!(said(foreign), said(unknown), "{role:?}");
        };
    alike(Role::Clinic, "room-2", "room-9", &|id| ("sessions".into(), session(id)));
    alike(Role::Integrator, "room-2", "room-9", &|id| ("sessions".into(), session(id)));
    alike(Role::Clinic, "s-2", "s-9", &|id| {
        (format!("sessions/{id}/steps"), json!({"step":"cancel","reason":"x"}))
    });
    for role in [Role::Supervisor, Role::Integrator] {
        alike(role, "clinic-2", "clinic-9", &|id| ("rooms".into(), room(id)));
        alike(role, "clinic-2", "clinic-9", &|id| ("practitioners".into(), person(id)));
        alike(role, "clinic-2", "clinic-9", &|id| ("passes".into(), pass(id)));
    }
    alike(Role::Supervisor, "p-far", "p-none", &|id| {
        (format!("practitioners/{id}/withdraw"), json!({}))
    });
}

#[test]
fn a_table_tells_no_foreign_id_from_an_unknown_one() {
    let house = two_places();
    let clinic = token(&house, Role::Clinic, "clinic-1");
    for dry in [true, false] {
        let said = |person: &str| {
            let csv = format!(
                "id,room,declared_lead,start\nt-1,room-1,{person},2026-03-02T09:00:00+08:00\n"
            );
            let path = format!("/api/v1/import/sessions?dry_run={dry}");
            let answer = ask(&house, "POST", &path, &clinic, &csv);
            (answer.status, answer.body.replace(person, "ID"))
        };
        let (foreign, unknown) = (said("p-far"), said("p-none"));
        assert_eq!(foreign, unknown, "dry run: {dry}");
        assert!(unknown.1.contains("has no relation to this institution"), "{unknown:?}");
    }
}

#[test]
fn an_id_that_resembles_a_foreign_one_is_told_to_nobody() {
    let house = two_places();
    let here = token(&house, Role::Supervisor, "5101");
    let made = |path: &str, body: Value| {
        let made = ask(&house, "POST", &format!("/api/v1/{path}"), &here, &body.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["near"].clone()
    };
    let person = |id: &str| {
        json!({"id":id,"name":"新","category":"licensed_physician","registration":"valid",
            "sites":[{"institution":"clinic-1","relation":"primary","lead_of":[]}]})
    };
    assert_eq!(made("practitioners", person("P-FAR")), Value::Null, "of another city");
    assert_eq!(made("practitioners", person("P-LEAD")), json!(["p-lead"]), "one's own");
    let room = |id: &str| json!({"id":id,"institution":"clinic-1","mode":"in_room"});
    assert_eq!(made("rooms", room("ROOM-2")), Value::Null, "of another city");
    let csv = "id,name,category,registration,institution,relation,exempt_until,lead_of,roles\n\
        p-FAR,新,licensed_physician,valid,clinic-1,primary,,,\n";
    let path = "/api/v1/import/practitioners?dry_run=true";
    let said = ask(&house, "POST", path, &here, csv).body;
    assert!(!said.contains("p-far"), "{said}");
}

#[test]
fn no_revision_ends_a_sessions_amendments() {
    let house = House::new();
    house.furnish();
    let session = |revision: Value| {
        json!({"id":"s-1","room":"room-1","item":"laser-1","declared_lead":"p-lead",
        "start":"2099-03-02T09:00:00+08:00","revision":revision})
    };
    for jump in [u32::MAX, u32::MAX - 1, 10_002] {
        let (status, why) = house.post("sessions", &session(jump.into()));
        assert!(
            status == 409 && why["detail"].as_str().unwrap().contains("use 2, or none"),
            "{jump}: {status} {why}"
        );
    }
    assert_eq!(house.post("sessions", &session(10_001.into())).0, 200);
    assert_eq!(house.post("sessions/s-1/steps", &json!({"step":"cancel","reason":"x"})).0, 200);
    assert_eq!(house.post("sessions", &session(Value::Null)).1["revision"], 10_003);
    let last = house.running().app.store.session("s-1").unwrap().unwrap();
    assert_eq!(last.revision, Some(10_003));
}

#[test]
fn a_foreign_host_name_is_answered_nothing() {
    let house = House::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/api/v1/alerts"),
        ("GET", "/healthz"),
        ("GET", "/nowhere"),
        ("POST", "/api/v1/policy"),
    ] {
        let answer = house.send_with(
            method,
            path,
            "Host: rebound.example\r\nOrigin: http://rebound.example\r\n",
            b"",
        );
        assert!(
            answer.status == 421 && !answer.body.contains("<html"),
            "{method} {path}: {}",
            answer.status
        );
    }
    assert_eq!(house.page("/").0, 200);
    let behind = house.send_with("GET", "/", "X-Forwarded-For: 203.0.113.9\r\n", b"");
    assert_eq!(behind.status, 403, "an open house was led out by a proxy");
}

#[test]
fn every_page_of_a_demonstration_says_so() {
    for pack in ["real", "avatar"] {
        let house = House::with_pack(tempfile::tempdir().unwrap(), pack);
        house.furnish();
        let mut shown = 0;
        for rule in routes().iter().filter(|r| r.method == "GET" && r.path != "/events") {
            let path = rule.path.replace("{noun}/{id}", "rooms/room-1").replace("{noun}", "rooms");
            let path =
                path.replace("{id}", "room-1").replace("{n}", "0").replace("{token}", "none");
            let answer = house.send_with("GET", &path, "", b"");
            if answer.head.contains("content-type: text/html") {
                assert!(
                    answer.body.contains("<b>演示</b>"),
                    "{pack} {path}: a page does not say that it is a demonstration"
                );
                shown += 1;
            }
        }
        assert!(shown > 20, "{shown}");
    }
}

#[test]
fn a_box_that_is_replaced_takes_its_certificate_along() {
    let house = House::new();
    let first = house.furnish();
    let take = |token: &str| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "box");
        let csr = params.serialize_request(&key).unwrap().pem().unwrap();
        let (signing, sealing) = (SigningKey::generate().unwrap(), SealingKey::generate().unwrap());
        house.must_post(
            "provision",
            &json!({"token": token, "signing_key": signing.verifying_key().to_base64(),
            "sealing_key": sealing.public_key().to_base64(), "csr_pem": csr, "firmware": "test 1"}),
        );
    };
    let revoked = || {
        house
            .running()
            .app
            .store
            .revoked_certificates("2026-01-01T00:00:00.000Z".parse().unwrap())
            .unwrap()
            .len()
    };
    take(&first);
    assert_eq!(revoked(), 0);
    let again = house.must_post("devices", &json!({"id":"box-1","room":"room-1"}));
    assert_eq!(revoked(), 0, "a token that nobody used voids nothing");
    take(again["provisioning_token"].as_str().unwrap());
    assert_eq!(revoked(), 1, "the former box still opens the broker");
    let list = std::fs::read_to_string(house.folder.path().join("data/ca.crl"))
        .expect("no revocation list");
    assert!(list.contains("X509 CRL"));
}
