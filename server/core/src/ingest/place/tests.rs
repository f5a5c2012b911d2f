//! What a box is believed of another place.

use serde_json::{Value, json};

use super::*;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;
/// When a message is received; the box got its key ten days before.
const NOW: i64 = 1_790_000_000_000;

fn post(room: &str, since_ms: i64, taken_ms: Option<i64>) -> RoomRegistration {
    let owners = vec![(i64::MIN, "clinic-1".to_owned()), (NOW - 5 * DAY, "clinic-2".to_owned())];
    RoomRegistration { room: room.to_owned(), since_ms, taken_ms, owners }
}

fn registration() -> BoxRegistration {
    BoxRegistration {
        posts: vec![post("room-1", i64::MIN, Some(i64::MIN))],
        key_since_ms: Some(NOW - 10 * DAY),
        demonstration: false,
    }
}

fn text(ms: i64) -> String {
    At::of_ms(ms).to_string()
}

fn body(clock: &str, at_ms: i64, payload: &Value) -> UpBody {
    serde_json::from_value(json!({"v": 1, "device": "box-1", "seq": 1, "prev": "", "event_id": "e",
        "payload": payload,
        "stamp": {"utc": text(at_ms), "boot_id": "b", "boot_count": 1, "mono_ms": 1,
            "uncertainty_ms": 1000, "clock": clock}}))
    .unwrap()
}

fn seen(room: &str, from_ms: i64, to_ms: i64) -> Value {
    json!({"type": "presence", "room": room, "person": "p", "role": "operator",
        "from": text(from_ms), "to": text(to_ms),
        "verified_by": "face"})
}

fn finding() -> Value {
    json!({"type": "finding", "rule": "UQ-1", "kind": "UnlicensedOperator", "severity": "L2",
        "step": "opened", "revision": 1, "room": "room-1", "institution": "clinic-2",
        "confidence": {"identity_ppm": 1, "role_ppm": 1, "session_ppm": 1, "visibility_ppm": 1},
        "persons": [], "candidate_basis": [], "intervals": [], "counts": [],
        "explanation": {"zh": "疑似", "en": "suspected"}, "raised_at": text(NOW),
        "manifest": {"firmware": "f", "pack": "avatar", "pack_sha256": "", "config_sha256": "",
            "policy_sha256": "", "policy_version": 1, "roster_version": 1,
            "liveness_waived": false}})
}

fn said(
    clock: &str,
    payload: &Value,
    box_: &BoxRegistration,
) -> Result<PlacedStatement, &'static str> {
    judge(&body(clock, NOW, payload), box_, NOW, |_, _| SessionPlace::Unknown)
        .unwrap()
        .map_err(|why| why.reason.name())
}

#[test]
fn the_own_room_at_a_possible_time_is_the_owners_of_that_time() {
    let of = |at: i64| {
        said("synchronised", &seen("room-1", at, at + MINUTE), &registration()).unwrap().institution
    };
    assert_eq!(of(NOW - MINUTE), "clinic-2");
    assert_eq!(of(NOW - 6 * DAY), "clinic-1");
}

#[test]
fn another_room_and_a_time_out_of_bounds_are_set_aside() {
    let of = |clock: &str, room: &str, from: i64, to: i64| {
        said(clock, &seen(room, from, to), &registration()).err()
    };
    assert_eq!(of("synchronised", "room-2", NOW - MINUTE, NOW), Some("wrong_place"));
    let latest = NOW + 120_000 + 1_000;
    assert_eq!(of("synchronised", "room-1", NOW, latest), None);
    assert_eq!(of("synchronised", "room-1", NOW, latest + 1), Some("wrong_time"));
    let earliest = NOW - 10 * DAY - 120_000 - 1_000;
    assert_eq!(of("synchronised", "room-1", earliest, earliest), None);
    assert_eq!(of("synchronised", "room-1", earliest - 1, earliest), Some("wrong_time"));
    assert_eq!(
        of("synchronised", "room-1", NOW, NOW - 1),
        Some("wrong_time"),
        "it ends before it begins"
    );
    assert_eq!(
        of("synchronised", "room-1", NOW - DAY - 1, NOW),
        Some("wrong_time"),
        "longer than a day"
    );
    assert_eq!(
        of("scene", "room-1", NOW, NOW),
        Some("wrong_time"),
        "a script outside a demonstration"
    );
}

#[test]
fn a_clock_that_nobody_set_is_moved_into_its_bounds() {
    let placed = said("unsynchronised", &seen("room-1", 0, NOW + 9 * DAY), &registration());
    assert_eq!(placed, Err("wrong_time"), "moved, it would last for ten days");
    let placed = said("unsynchronised", &seen("room-1", 0, MINUTE), &registration()).unwrap();
    assert_eq!(
        (placed.at, placed.institution.as_str()),
        (At::of_ms(NOW - 10 * DAY - 121_000), "clinic-2")
    );
}

#[test]
fn a_scripted_clock_is_believed_in_a_demonstration() {
    let demonstration = BoxRegistration { demonstration: true, ..registration() };
    let placed = said("scene", &seen("room-1", MINUTE, 2 * MINUTE), &demonstration).unwrap();
    assert_eq!(placed.at, At::of_ms(MINUTE));
    assert_eq!(
        said("scene", &seen("room-2", MINUTE, 2 * MINUTE), &demonstration),
        Err("wrong_place")
    );
}

#[test]
fn a_box_that_moved_keeps_its_history_and_a_day_of_grace() {
    let moved = NOW - 3 * DAY;
    let of = |taken_ms: Option<i64>, room: &str, at: i64| {
        let mut box_ = registration();
        box_.posts.push(post("room-2", moved, taken_ms));
        said("synchronised", &seen(room, at, at), &box_).is_ok()
    };
    for taken in [None, Some(moved + MINUTE)] {
        assert!(of(taken, "room-1", moved - DAY), "its history");
        assert!(of(taken, "room-2", NOW));
        assert!(!of(taken, "room-1", NOW));
        assert!(!of(taken, "room-2", moved - DAY), "before it was there");
    }
    assert!(of(None, "room-1", moved + DAY / 2), "the registration was not taken yet");
    assert!(!of(Some(moved + MINUTE), "room-1", moved + DAY / 2));
    let mut anew = registration();
    anew.posts.push(post("room-2", moved, Some(moved)));
    anew.key_since_ms = Some(moved);
    let former = seen("room-1", moved, moved);
    assert_eq!(
        said("synchronised", &former, &anew),
        Err("wrong_place"),
        "this key never spoke for it"
    );
}

#[test]
fn a_session_of_another_room_is_set_aside() {
    let mut payload = seen("room-1", NOW, NOW);
    payload["session"] = json!("s-1");
    let of = |place: SessionPlace| {
        let body = body("synchronised", NOW, &payload);
        judge(&body, &registration(), NOW, |_, _| place)
            .unwrap()
            .map(|p| p.session_known)
            .map_err(|why| why.reason.name())
    };
    assert_eq!(of(SessionPlace::ThisRoom), Ok(true));
    assert_eq!(of(SessionPlace::Unknown), Ok(false));
    assert_eq!(of(SessionPlace::Elsewhere), Err("wrong_place"));
}

#[test]
fn an_id_in_no_boxs_form_is_malformed() {
    let of = |finding_id: &str, incident_id: &str| {
        let mut report = finding();
        report["finding_id"] = json!(finding_id);
        report["incident_id"] = json!(incident_id);
        said("synchronised", &report, &registration()).err()
    };
    let hex = "0123456789abcdef0123456789abcdef";
    assert_eq!(of(hex, hex), None);
    for wrong in ["", "own-0123456789abcdef0123456789ab", &hex.to_uppercase(), &hex[1..]] {
        assert_eq!(of(wrong, hex), Some("malformed"), "{wrong}");
        assert_eq!(of(hex, wrong), Some("malformed"), "{wrong}");
    }
}

#[test]
fn a_rule_of_the_servers_is_no_boxs_to_claim() {
    let of = |rule: &str| {
        let mut report = finding();
        report["finding_id"] = json!("0".repeat(32));
        report["incident_id"] = json!("0".repeat(32));
        report["rule"] = json!(rule);
        said("synchronised", &report, &registration()).err()
    };
    let own = ["LL-2", "LL-3", "HB-1", "HB-5", "HB-8", "SI-1", "CHAIN-GAP", "BOX-RETIRED"];
    for rule in own.into_iter().chain(["EVIDENCE-GONE", "CHAIN-ANYTHING"]) {
        assert_eq!(of(rule), Some("servers_rule"), "{rule}");
    }
    for rule in ["LL-1", "LL-5", "NL-1", "UQ-1", "HB-2", "HB-3", "HB-4", "HB-7", "TEST", "ZZ-9"] {
        assert_eq!(of(rule), None, "{rule}");
    }
}

#[test]
fn a_foreign_institution_or_a_backward_interval_is_set_aside() {
    let hex = "0123456789abcdef0123456789abcdef";
    let of = |institution: &str, from_ms: i64, to_ms: i64| {
        let mut report = finding();
        (report["finding_id"], report["incident_id"]) = (json!(hex), json!(hex));
        report["institution"] = json!(institution);
        report["intervals"] =
            json!([{"what": "operating", "from": text(from_ms), "to": text(to_ms)}]);
        said("synchronised", &report, &registration()).err()
    };
    assert_eq!(of("clinic-2", NOW - MINUTE, NOW), None);
    assert_eq!(of("clinic-1", NOW - MINUTE, NOW), None, "who had the room before");
    assert_eq!(of("clinic-3", NOW - MINUTE, NOW), Some("wrong_place"));
    assert_eq!(of("clinic-2", NOW, NOW - MINUTE), Some("wrong_time"));
}

#[test]
fn health_speaks_of_no_place() {
    let payload = json!({"type": "chain_break", "reason": "torn"});
    assert_eq!(
        judge(&body("scene", NOW, &payload), &registration(), NOW, |_, _| {
            SessionPlace::Unknown
        }),
        None
    );
}
