//! The rules across days on a real server: summaries come over MQTT, findings stand in the same
//! inbox as the boxes', grow, are withdrawn when facts undo them, and say by which policy they were
//! made.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, token};
use crate::boxes::{TestBox, finding};
use crate::house::House;

/// Minutes ago, as the wire writes it.
fn ago(minutes: i64) -> String {
    (Timestamp::now() - SignedDuration::from_mins(minutes))
        .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
        .to_string()
}

fn declare(house: &House, id: &str, from: i64, to: i64) {
    house.must_post(
        "sessions",
        &json!({"id":id,"room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "declared_operators":["p-other"],"start":ago(from),"end":ago(to)}),
    );
}

fn summary(session: &str, revision: u32, change: &Value) -> Value {
    let mut said = json!({"type":"presence_summary","room":"room-1","session":session,
        "revision":revision,"at":ago(1),"assessable":true,
        "visibility_over_a_ppm":900_000,"visibility_over_i_ppm":900_000,"lead_verified":false,
            "face_seen":true,
        "indeterminate_tracks":0,"unmatched_tracks":0,"emergency":false,"liveness_waived":false});
    for (name, value) in change.as_object().unwrap() {
        said[name] = value.clone();
    }
    said
}

fn of_rule<'a>(alerts: &'a Value, rule: &str) -> Vec<(&'a Value, &'a Value)> {
    let alerts = alerts["alerts"].as_array().unwrap();
    let all =
        alerts.iter().flat_map(|a| a["findings"].as_array().unwrap().iter().map(move |f| (a, f)));
    all.filter(|(_, f)| f["rule"] == rule).collect()
}

fn furnished() -> (House, TestBox) {
    let house = House::new();
    let mut b = TestBox::provision_since(&house, &house.furnish(), &ago(24 * 60));
    b.connect();
    (house, b)
}

/// The authority files somebody as a lead: a session may name them.
fn file_as_lead(house: &House, person: &str) {
    let sites = json!([{"institution":"clinic-1","relation":"primary",
        "lead_of":["cosmetic_dermatology"]}]);
    let filed = json!({"id":person,"name":"李医生","category":"licensed_physician",
        "registration":"valid","sites":sites});
    house.must_post("practitioners", &filed);
}

#[test]
fn five_sessions_without_their_lead_are_one_alert() {
    let (house, mut b) = furnished();
    for n in 0..5 {
        declare(&house, &format!("ll-{n}"), 600 - n * 60, 570 - n * 60);
    }
    let mut own = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    own["session"] = json!("ll-0");
    b.say(&own);
    for n in 0..4 {
        b.say(&summary(&format!("ll-{n}"), 1, &json!({})));
    }
    b.receipted(5);
    b.say(&summary("ll-4", 1, &json!({})));
    let alerts = house.until("alerts", |a| !of_rule(a, "LL-2").is_empty());
    let (alert, found) = of_rule(&alerts, "LL-2")[0];
    assert_eq!(
        (&found["severity"], &found["kind"], &found["step"]),
        (&json!("L2"), &json!("LicenseLending"), &json!("opened"))
    );
    assert!(found["explanation"]["zh"].as_str().unwrap().starts_with("疑似"));
    assert_eq!(found["candidate_basis"][0]["law"], "医疗美容服务管理办法");
    assert_eq!(found["persons"][0]["person"], "p-lead");
    let detail = house.get(&format!("alerts/{}", alert["id"].as_str().unwrap()));
    assert_eq!(
        detail["linked"][0]["id"],
        crate::boxes::alert_of('1'),
        "the box's incident of one of the sessions is linked"
    );

    // The clinic says afterwards that another one led, and that one session never was.
    file_as_lead(&house, "p-other");
    house.must_post(
        "sessions",
        &json!({"id":"ll-2","room":"room-1","item":"laser-1","declared_lead":"p-other",
            "start":ago(480),"end":ago(450)}),
    );
    house.must_post("sessions/ll-3/steps", &json!({"step":"cancel","reason":"stayed away"}));
    // A later fact of the box is judged behind both.
    b.say(&summary(
        "ll-1",
        2,
        &json!({"assessable":false,"not_assessable_because":["visibility"]}),
    ));
    let after =
        house.until("alerts", |a| of_rule(a, "LL-2").iter().all(|(_, f)| f["step"] == "withdrawn"));
    let marked = of_rule(&after, "LL-2")[0].0;
    assert_eq!((&marked["state"], marked["withdrawn_at"].is_string()), (&json!("raised"), true));
    let events = house.get(&format!("alerts/{}", alert["id"].as_str().unwrap()))["events"].clone();
    let steps: Vec<&str> =
        events.as_array().unwrap().iter().map(|e| e["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["opened", "withdrawn"]);
}

#[test]
fn what_a_clinic_states_later_withdraws_no_ll2() {
    let (house, mut b) = furnished();
    for n in 0..5 {
        declare(&house, &format!("ll-{n}"), 600 - n * 60, 570 - n * 60);
        b.say(&summary(&format!("ll-{n}"), 1, &json!({})));
    }
    house.until("alerts", |a| !of_rule(a, "LL-2").is_empty());
    house.must_post("sessions/ll-3/steps", &json!({"step":"cancel","reason":"stayed away"}));
    file_as_lead(&house, "p-other");
    let amended = json!({"id":"ll-2","room":"room-1","item":"laser-1","declared_lead":"p-other",
        "start":ago(480),"end":ago(450)});
    house.must_post("sessions", &amended);
    // A silent session declared after both is judged behind them.
    declare(&house, "hb-0", 200, 170);
    b.say(&summary(
        "hb-0",
        1,
        &json!({"assessable":false,"not_assessable_because":["no_activity"],"face_seen":false,
        "visibility_over_a_ppm":0}),
    ));
    let after = house.until("alerts", |a| !of_rule(a, "HB-1").is_empty());
    let (alert, found) = of_rule(&after, "LL-2")[0];
    assert_eq!(
        (&found["step"], &alert["withdrawn_at"]),
        (&json!("opened"), &Value::Null),
        "the accused took it back"
    );
}

#[test]
fn a_session_in_which_the_box_could_not_tell_is_left_out_of_ll2() {
    let (house, mut b) = furnished();
    for n in 0..5 {
        declare(&house, &format!("ll-{n}"), 600 - n * 60, 570 - n * 60);
        b.say(&summary(&format!("ll-{n}"), 1, &json!({})));
    }
    house.until("alerts", |a| of_rule(a, "LL-2").iter().any(|(_, f)| f["step"] == "opened"));
    // A later fact: somebody whom nobody made out may have been the lead. Four sessions are left,
    // which are too few.
    b.say(&summary("ll-4", 2, &json!({"undecided":[{"rule":"LL-1","reason":"absence"}]})));
    house.until("alerts", |a| of_rule(a, "LL-2").iter().all(|(_, f)| f["step"] == "withdrawn"));
}

#[test]
fn a_third_session_in_an_empty_room_is_the_supervisors() {
    let (house, mut b) = furnished();
    let empty = json!({"assessable":false,"not_assessable_because":["no_activity"],
        "face_seen":false,"visibility_over_a_ppm":0});
    for n in 0..3 {
        let id = format!("hb-{n}");
        declare(&house, &id, 600 - n * 60, 570 - n * 60);
        b.say(&summary(&id, 1, &empty));
    }
    let alerts = house.until("alerts", |a| of_rule(a, "HB-1").len() == 3);
    let mut severities: Vec<(String, String)> = of_rule(&alerts, "HB-1")
        .iter()
        .map(|(a, f)| {
            (a["session"].as_str().unwrap().to_owned(), f["severity"].as_str().unwrap().to_owned())
        })
        .collect();
    severities.sort();
    let expected =
        [("hb-0", "L1"), ("hb-1", "L1"), ("hb-2", "L2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(severities, expected);
    // A late report saw somebody after all: the first is withdrawn, and the third is no third any
    // more.
    b.say(&summary("hb-0", 2, &json!({"face_seen":true})));
    // The two are steps of their own: a reader may come between them.
    house.until("alerts", |a| {
        let told = of_rule(a, "HB-1");
        let of = |session: &str, field: &str| {
            told.iter().find(|(a, _)| a["session"] == session).unwrap().1[field].clone()
        };
        of("hb-0", "step") == "withdrawn"
            && (of("hb-2", "severity"), of("hb-2", "step")) == (json!("L1"), json!("opened"))
    });
}

#[test]
fn a_session_told_by_its_own_alert_makes_no_notice() {
    let (house, mut b) = furnished();
    let open = json!({"lead_verified": true, "undecided":[{"rule":"LL-5","reason":"absence"}]});
    for n in 0..11 {
        declare(&house, &format!("u-{n}"), 900 - n * 60, 870 - n * 60);
    }
    let mut own = finding('a', '1', "opened", 1, "LL-5", "LicenseLending", "L1");
    own["session"] = json!("u-6");
    b.say(&own);
    for n in 0..11 {
        let said = if n >= 6 { open.clone() } else { json!({"lead_verified": true}) };
        b.say(&summary(&format!("u-{n}"), 1, &said));
    }
    // The fourth of ten is the one that was told; the fifth of eleven makes the notice.
    let alerts = house.until("alerts", |a| !of_rule(a, "HB-5").is_empty());
    let counts = of_rule(&alerts, "HB-5")[0].1["counts"].clone();
    let figure = |name: &str| {
        let all = counts.as_array().unwrap();
        all.iter().find(|c| c["name"] == name).map(|c| c["value"].clone())
    };
    assert_eq!(
        (figure("declared_sessions"), figure("not_assessable_sessions")),
        (Some(json!(11)), Some(json!(4))),
        "{counts}"
    );
}

#[test]
fn a_clinic_whose_sessions_can_never_be_judged_is_told() {
    let (house, mut b) = furnished();
    for n in 0..10 {
        let id = format!("m-{n}");
        declare(&house, &id, 900 - n * 60, 870 - n * 60);
        let masked = json!({"assessable": n >= 4,
            "not_assessable_because": if n < 4 { vec!["visibility"] } else { vec![] },
                "lead_verified": true});
        b.say(&summary(&id, 1, &masked));
    }
    let alerts = house.until("alerts", |a| !of_rule(a, "HB-5").is_empty());
    let (_, found) = of_rule(&alerts, "HB-5")[0];
    assert_eq!(found["severity"], "L1");
    let counts: Vec<(&str, i64)> = found["counts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["name"].as_str().unwrap(), c["value"].as_i64().unwrap()))
        .collect();
    assert!(
        counts.contains(&("not_assessable_sessions", 4))
            && counts.contains(&("declared_sessions", 10)),
        "{counts:?}"
    );

    // The city allows more: the same figures raise nothing there, and the hash tells which policy
    // was asked.
    let before = found["manifest"]["policy_sha256"].clone();
    house.must_post(
        "policy",
        &json!({"settings":{"hb5_share_ppm":500_000},"jurisdiction":"5101","reason":"trial"}),
    );
    house.until("alerts", |a| of_rule(a, "HB-5").iter().all(|(_, f)| f["step"] == "withdrawn"));
    let now = house.get("policy?jurisdiction=510104")["policy_sha256"]["server"].clone();
    assert_ne!(before, now);
    let (status, page) = house.page(&format!("/policy/{}", before.as_str().unwrap()));
    assert_eq!(status, 200, "{page}");
}

fn presence(house: &House, b: &mut TestBox, clock: &str, from: i64, to: i64) {
    let mut body = json!({"type":"presence","room":"room-1","person":"p-lead","role":"operator",
        "from":ago(from),"to":ago(to),"verified_by":"face"});
    body["room"] = json!(if b.id == "box-1" { "room-1" } else { "room-2" });
    b.say_by(clock, &body);
    let _ = house;
}

/// Each supervisor has the alert of their own place and not the other's; the two are linked.
fn told_in_both_jurisdictions(house: House) {
    let all = house.until("alerts", |a| of_rule(a, "LL-3").len() == 2);
    let told = of_rule(&all, "LL-3");
    let linked =
        house.get(&format!("alerts/{}", told[0].0["id"].as_str().unwrap()))["linked"][0]["id"]
            .clone();
    assert_eq!(linked, told[1].0["id"], "the other half of the matter is linked");
    let house = house.restart_with("[access]\naccounts = true\n");
    for (scope, place) in [("5101", "clinic-1"), ("5107", "clinic-2")] {
        let token = token(&house, Role::Supervisor, scope);
        let theirs = ask(&house, "GET", "/api/v1/alerts", &token, "").json();
        let seen: Vec<_> = of_rule(&theirs, "LL-3")
            .iter()
            .map(|(alert, _)| alert["institution"].clone())
            .collect();
        assert_eq!(seen, [json!(place)], "supervisor of {scope}");
    }
}

#[test]
fn in_two_cities_at_once_is_urgent_unless_a_clock_was_never_set() {
    for (clock, said) in [("synchronised", true), ("unsynchronised", false)] {
        let (house, mut b) = furnished();
        house.must_post(
            "institutions",
            &json!({"id":"clinic-1","name":"锦城医疗美容门诊部","grade_ceiling":2,
                "filed_items":["laser-1"],"jurisdiction":"510104",
                    "place":{"north_deg":30.66,"east_deg":104.06}}),
        );
        house.must_post(
            "institutions",
            &json!({"id":"clinic-2","name":"绵阳医疗美容诊所","jurisdiction":"510700",
                "place":{"north_deg":31.47,"east_deg":104.68}}),
        );
        house.must_post("rooms", &json!({"id":"room-2","institution":"clinic-2","mode":"in_room"}));
        house.must_post(
            "practitioners",
            &json!({"id":"p-lead","name":"王主诊","category":"licensed_physician",
                "registration":"valid",
            "sites":[{"institution":"clinic-1","relation":"primary",
                "lead_of":["cosmetic_dermatology"]},
                {"institution":"clinic-2","relation":"filed_multi_site","lead_of":[]}]}),
        );
        let token = house.must_post("devices", &json!({"id":"box-2","room":"room-2"}));
        let token = token["provisioning_token"].as_str().unwrap();
        let mut other = TestBox::provision_since(&house, token, &ago(24 * 60));
        other.connect();
        presence(&house, &mut b, clock, 120, 60);
        presence(&house, &mut other, "synchronised", 90, 80);
        other.receipted(1);
        b.receipted(1);
        if said {
            let alerts = house.until("alerts", |a| !of_rule(a, "LL-3").is_empty());
            let (alert, found) = of_rule(&alerts, "LL-3")[0];
            assert_eq!(found["severity"], "L3");
            assert!(["clinic-1", "clinic-2"].contains(&alert["institution"].as_str().unwrap()));
            assert_eq!(found["intervals"].as_array().unwrap().len(), 2);
            told_in_both_jurisdictions(house);
        } else {
            // The judgement of this institution's sessions is the proof that the round went over
            // the presences too.
            declare(&house, "hb-0", 100, 90);
            let empty = json!({"assessable":false,"not_assessable_because":["no_activity"],
                "face_seen":false});
            b.say(&summary("hb-0", 1, &empty));
            let alerts = house.until("alerts", |a| !of_rule(a, "HB-1").is_empty());
            assert!(
                of_rule(&alerts, "LL-3").is_empty(),
                "a clock that nobody set proved something"
            );
        }
    }
}

#[test]
fn three_undeclared_treatments_go_to_the_supervisors() {
    let (house, mut b) = furnished();
    for (n, id) in ['a', 'b', 'c'].into_iter().enumerate() {
        let mut alone =
            finding(id, char::from(b'1' + n as u8), "opened", 1, "HB-3", "Integrity", "L1");
        alone.as_object_mut().unwrap().remove("session");
        b.say(&alone);
    }
    let alerts =
        house.until("alerts", |a| of_rule(a, "HB-3").iter().any(|(_, f)| f["severity"] == "L2"));
    let (repeat, found) =
        of_rule(&alerts, "HB-3").into_iter().find(|(_, f)| f["severity"] == "L2").unwrap();
    assert_eq!(found["counts"][0]["value"], 3);
    let linked = house.get(&format!("alerts/{}", repeat["id"].as_str().unwrap()))["linked"].clone();
    assert_eq!(linked.as_array().unwrap().len(), 3);
}

#[test]
fn a_box_silent_in_opening_hours_is_asked_about() {
    let (house, mut b) = furnished();
    b.say(&crate::boxes::health());
    b.receipted(1);
    b.vanish();
    house.until("devices", |d| d["devices"][0]["online"] == false);
    let store = &house.running().app.store;
    let start = Timestamp::now() - SignedDuration::from_hours(2);
    let look = |run: &str, minute: i64| {
        let at = start + SignedDuration::from_mins(minute);
        server::supervise::round(store, run, at, (true, false), false).unwrap();
    };
    // Twenty minutes, a stop of the server, twenty minutes: nothing was heard for forty, and
    // nothing is alleged.
    (0..=20).for_each(|m| look("one", m));
    (21..=41).for_each(|m| look("two", m));
    assert!(of_rule(&house.get("alerts"), "HB-2").is_empty());
    (42..=60).for_each(|m| look("two", m));
    let alerts = house.get("alerts");
    let (_, found) = of_rule(&alerts, "HB-2")[0];
    assert_eq!((&found["severity"], &found["step"]), (&json!("L1"), &json!("opened")));
}

#[test]
fn a_covered_lens_and_an_outage_are_two_of_a_month() {
    let (house, mut b) = furnished();
    let mut covered = finding('a', '1', "opened", 1, "HB-2", "Integrity", "L1");
    covered.as_object_mut().unwrap().remove("session");
    b.say(&covered);
    b.receipted(1);
    let store = &house.running().app.store;
    let now = Timestamp::now();
    let asked = || server::supervise::round(store, "now", now, (false, true), true).unwrap();
    asked();
    assert_eq!(of_rule(&house.get("alerts"), "HB-2").len(), 1, "one is the clinic's");
    b.vanish();
    house.until("devices", |d| d["devices"][0]["online"] == false);
    let start = now - SignedDuration::from_hours(2);
    for minute in 0..=40 {
        let at = start + SignedDuration::from_mins(minute);
        server::supervise::round(store, "then", at, (true, false), false).unwrap();
    }
    asked();
    let alerts = house.get("alerts");
    let grave = of_rule(&alerts, "HB-2").into_iter().find(|(_, f)| f["severity"] == "L2");
    let (_, found) = grave.unwrap_or_else(|| panic!("both stay the clinic's: {alerts}"));
    assert_eq!(found["counts"][0], json!({"name":"camera_faults","value":2}), "{found}");
}

/// Card and PIN, set by the person over the authority's link.
fn set_card(house: &House, person: &str, card: &str, pin: &str) {
    let made =
        house.must_post(&format!("practitioners/{person}/links"), &json!({"purpose":"card"}));
    let link = made["link"].as_str().unwrap().strip_prefix('/').unwrap();
    house.must_post(link, &json!({"step":"set_card","card":card,"pin":pin}));
    assert_eq!(
        house.post(link, &json!({"step":"set_card","card":card,"pin":pin})).0,
        404,
        "the link works once"
    );
}

/// A card of another institution opens no room here, and its owner bears nobody out here.
#[test]
fn a_check_takes_nobody_from_elsewhere() {
    let (house, _box) = furnished();
    house.must_post(
        "practitioners",
        &json!({"id":"p-guest","name":"周客","category":"licensed_physician",
            "registration":"valid","sites":[]}),
    );
    for (person, card, pin) in
        [("p-lead", "CARD-0001", "739104"), ("p-guest", "CARD-0003", "551827")]
    {
        set_card(&house, person, card, pin);
    }
    let by_guest = json!({"room":"room-1","card":"card 0001","pin":"739104","witness":"p-guest",
        "witness_pin":"551827"});
    let of_guest = json!({"room":"room-1","card":"card 0003","pin":"551827","witness":"p-lead",
        "witness_pin":"739104"});
    for check in [by_guest, of_guest] {
        let (status, why) = house.post("checks", &check);
        assert_eq!(status, 422, "{why}");
        assert!(why["detail"].as_str().unwrap().contains("no relation"), "{why}");
    }
    assert_eq!(house.get("checks")["checks"], json!([]));
}

#[test]
fn a_check_reaches_the_box_and_what_a_system_states_does_not() {
    let (house, b) = furnished();
    for (person, card, pin) in
        [("p-lead", "CARD-0001", "739104"), ("p-other", "CARD-0002", "284619")]
    {
        set_card(&house, person, card, pin);
    }
    let check = |pin: &str, witness: &str, witness_pin: &str| {
        house.post(
            "checks",
            &json!({"room":"room-1","card":"card 0001","pin":pin,"witness":witness,
                "witness_pin":witness_pin}),
        )
    };
    assert_eq!(check("000111", "p-other", "284619").0, 403);
    assert_eq!(check("739104", "p-other", "000111").0, 403);
    let (status, own) = check("739104", "p-lead", "739104");
    assert_eq!(status, 422, "{own}");
    // Stated by the clinic's own system: shown, and no box hears of it.
    let (status, said) = house.post(
        "devices/box-1/commands",
        &json!({"command":"identity_check","person":"p-other","witness":"p-lead","at":ago(5),
            "direction":"out"}),
    );
    assert_eq!((status, &said["counts_as"]), (202, &json!("stated")));
    let (status, made) = check("739104", "p-other", "284619");
    assert_eq!((status, &made["person"]), (201, &json!("p-lead")), "{made}");
    b.told_until("sessions", |d| {
        let protocol::down::Down::Sessions(s) = d else { return false };
        assert!(s.checks.iter().all(|c| c.person.as_str() == "p-lead"), "a stated check was sent");
        s.checks.len() == 1
            && s.checks[0].witness.as_str() == "p-other"
            && s.checks[0].stated_at.is_some()
    });
    let checks = house.get("checks").to_string();
    assert!(
        !checks.contains("739104") && !checks.contains("0001"),
        "a PIN or a card came back: {checks}"
    );
    assert!(checks.contains("\"via\":\"system\""), "what was stated is shown: {checks}");
    house.must_post(
        "practitioners",
        &json!({"id":"p-guest","name":"周客","category":"licensed_physician","registration":"valid",
            "sites":[]}),
    );
    let (status, said) = house.post(
        "devices/box-1/commands",
        &json!({"command":"identity_check","person":"p-guest","witness":"p-lead","at":ago(5)}),
    );
    assert_eq!(status, 422, "{said}");
}

#[test]
fn every_word_of_a_session_is_kept() {
    let (house, b) = furnished();
    house.must_post(
        "sessions",
        &json!({"id":"t-1","room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "start":ago(300)}),
    );
    house.must_post("sessions/t-1/steps", &json!({"step":"close","end":ago(240)}));
    assert_eq!(
        house.post("sessions/t-1/steps", &json!({"step":"close","end":ago(230)})).0,
        422,
        "another end needs a reason"
    );
    house.must_post(
        "sessions/t-1/steps",
        &json!({"step":"emergency","raised":true,"reason":"syncope"}),
    );
    b.told_until("sessions", |d| {
        matches!(d,
        protocol::down::Down::Sessions(s) if s.sessions.iter().any(|x| x.session.as_str() == "t-1"
            && x.emergency))
    });
    house.must_post("sessions/t-1/steps", &json!({"step":"cancel","reason":"stayed away"}));
    b.told_until("sessions", |d| {
        matches!(d, protocol::down::Down::Sessions(s) if s.sessions.iter().any(
            |x| x.session.as_str() == "t-1" && x.cancelled))
    });
    let kept = house.get("sessions/t-1");
    assert_eq!(kept["changes"].as_array().unwrap().len(), 4);
    assert_eq!(
        (&kept["session"]["cancelled"], &kept["changes"][3]["reason"]),
        (&json!(true), &json!("stayed away"))
    );
    let (_, page) = house.page("/sessions/t-1");
    for word in ["迟报", "迟关闭", "急救", "已取消", "syncope"] {
        assert!(page.contains(word), "the page lacks {word}");
    }
}

#[test]
fn everything_that_a_rule_reads_can_be_entered_by_page() {
    let house = House::new();
    house.furnish();
    let form = |path: &str, body: &str| {
        house.send("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    };
    let entered = [
        (
            "/registry/institutions/new",
            "id=clinic-9&name=%E6%96%B0&jurisdiction=510104&grade_ceiling=2&filed_items=laser-1&north_deg=30.5&east_deg=104.1",
        ),
        (
            "/registry/rooms/new",
            "id=room-9&name=r&institution=clinic-9&mode=in_room&time_zone=Asia%2FShanghai&operator=0,0+10,0+10,10&bed=&companion=&door=&privacy_mask=&day0=08:30-12:00,+13:30-18:00&day1=&day2=&day3=&day4=&day5=&day6=",
        ),
        (
            "/registry/items/new",
            "id=item-9&name_zh=%E6%B3%A8%E5%B0%84&kind=injection&specialties=cosmetic_dermatology&min_operator=licensed_physician&min_duration_ms=10&prep_ms=5",
        ),
        (
            "/registry/people/new",
            "id=p-9&name=N&category=licensed_physician&registration=valid&relation%40clinic-9=exempt&exempt_until%40clinic-9=2099-01-01T00%3A00&lead_of%40clinic-9=cosmetic_dermatology&roles%40clinic-9=anaesthesia",
        ),
        (
            "/registry/passes/new",
            "id=pass-9&person=p-9&institution=clinic-9&purpose=trainee&supervisor=p-lead&from=2026-03-02T09:00&to=2099-03-02T09:00",
        ),
        (
            "/sessions/new",
            "id=s-9&room=room-9&item=item-9&declared_lead=p-9&start=2026-03-02T09:00",
        ),
    ];
    for (path, body) in entered {
        let answer = form(path, body);
        assert_eq!(answer.status, 303, "{path}: {}", answer.body);
    }
    let by_id = |list: &str, key: &str, id: &str| {
        house.get(list)[list].as_array().unwrap().iter().find(|x| x[key] == id).unwrap().clone()
    };
    assert_eq!(by_id("institutions", "id", "clinic-9")["place"]["north_deg"], 30.5);
    assert_eq!(by_id("rooms", "id", "room-9")["opening_min"][0], json!([[510, 720], [810, 1080]]));
    assert_eq!(by_id("items", "code", "item-9")["min_duration_ms"], 600_000);
    let person = by_id("practitioners", "id", "p-9");
    assert_eq!(person["sites"][0]["exempt_until"], "2098-12-31T16:00:00.000Z");
    assert_eq!(person["sites"][0]["lead_of"], json!(["cosmetic_dermatology"]));
    assert_eq!(by_id("sessions", "id", "s-9")["start"], "2026-03-02T01:00:00.000Z");

    let refused = form(
        "/registry/rooms/room-9",
        "name=kept-name&institution=clinic-9&mode=in_room&time_zone=Asia%2FShanghai&bed=0,0+1,1&day0=8-12",
    );
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("kept-name") && refused.body.contains("“床位”有误"),
        "{}",
        refused.body
    );
    for bad in ["/registry/rooms/none", "/registry/none/new", "/sessions/none", "/policy/none"] {
        assert_eq!(house.page(bad).0, 404, "{bad}");
    }
    let script =
        form("/registry/items/new", "id=%3Cscript%3E&name_zh=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(script.status == 422 && !script.body.contains("<script>alert"), "{}", script.body);
}

#[test]
fn a_policy_reaches_the_boxes_of_its_place_alone() {
    let (house, b) = furnished();
    let (status, why) = house.post("policy", &json!({"settings":{"match_frames":99}}));
    assert_eq!(status, 422);
    assert!(why["detail"].as_str().unwrap().contains("1 to 20 frames"), "{why}");
    assert_eq!(house.post("policy", &json!({"settings":{"no_such":1}})).0, 422);
    house.must_post(
        "policy",
        &json!({"settings":{"match_frames":4,"ll2_days":60},"jurisdiction":"5101"}),
    );
    let told = b.told_until(
        "policy",
        |d| matches!(d, protocol::down::Down::Policy(p) if p.settings.len() == 1),
    );
    let protocol::down::Down::Policy(told) = told.payload else { unreachable!() };
    assert_eq!(told.settings["match_frames"], 4, "and nothing that only the server reads");
    let here = house.get("policy?jurisdiction=510104");
    let value = |policy: &Value, name: &str| {
        policy["effective"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap()["value"]
            .clone()
    };
    assert_eq!(
        (value(&here, "ll2_days"), value(&house.get("policy?jurisdiction=33"), "ll2_days")),
        (json!(60), json!(30))
    );
    let page = house.send(
        "POST",
        "/policy",
        "application/x-www-form-urlencoded",
        b"jurisdiction=5101&reason=r&ll2_days=1",
    );
    assert_eq!(page.status, 422);
    assert!(page.body.contains("应为 7 至 180 天"), "{}", page.body);
    assert_eq!(house.page("/policy?jurisdiction=5101&lang=en").0, 200);
}
