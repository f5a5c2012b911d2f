//! What the box takes from the server, and what it refuses whole.

use std::collections::BTreeMap;

use protocol::down::Zones;

use super::*;

fn wire_room() -> Room {
    Room {
        room: "room-1".parse().unwrap(),
        institution: "clinic-1".parse().unwrap(),
        mode: DeploymentMode::InRoom,
        intimate: false,
        time_zone: "Asia/Shanghai".to_owned(),
        zones: Zones { bed: vec![vec![(0, 500), (1000, 500), (1000, 1000)]], ..Zones::default() },
        opening_min: vec![vec![(480, 1200)]; 7],
        grade_ceiling: 2,
        in_use_from: None,
    }
}

fn declared(id: &str, revision: u32, start: &str) -> Session {
    Session {
        session: id.parse().unwrap(),
        revision,
        item: None,
        declared_lead: None,
        declared_operators: vec![],
        start: start.to_owned(),
        end: None,
        cancelled: false,
        emergency: false,
        declined_at: None,
        stated_at: None,
        former: vec![],
    }
}

#[test]
fn zones_follow_the_size_of_the_picture() {
    let room = room(3, 1, &wire_room(), (1280, 720), Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(room.zones.bed[0].corners[0], core::PointPx { x: 0, y: 360 });
    assert_eq!(room.zones.bed[0].corners[2], core::PointPx { x: 1280, y: 720 });
    assert_eq!(room.hours.unwrap().utc_offset_min, 480);
    assert_eq!(room.version, (3 << 16) | 1);
}

#[test]
fn an_intimate_room_refuses_a_camera_inside() {
    let said = check_room(&Room { intimate: true, ..wire_room() }).unwrap_err().to_string();
    assert!(said.contains("P5"), "{said}");
    check_room(&Room { intimate: true, mode: DeploymentMode::Doorway, ..wire_room() }).unwrap();
}

#[test]
fn a_room_that_can_not_be_right_is_one_line() {
    let zone =
        |corners| Room { zones: Zones { door: vec![corners], ..Zones::default() }, ..wire_room() };
    for (wire, needle) in [
        (zone(vec![(0, 0), (9, 9)]), "corners"),
        (zone(vec![(0, 0), (9, 9), (0, 1001)]), "outside 0..1000"),
        (Room { opening_min: vec![vec![]; 6], ..wire_room() }, "7 are needed"),
        (Room { opening_min: vec![vec![(900, 800)]; 7], ..wire_room() }, "minutes"),
        (Room { time_zone: "Middle/Earth".to_owned(), ..wire_room() }, "time zone"),
    ] {
        let said = check_room(&wire).unwrap_err().to_string();
        assert!(said.contains(needle) && !said.contains('\n'), "{said}");
    }
}

#[test]
fn production_refuses_waived_liveness() {
    let set = |name: &str, value| Policy { settings: BTreeMap::from([(name.to_owned(), value)]) };
    assert_eq!(policy(4, &set("liveness_waived", 1), false).unwrap().liveness_waived(), 1);
    assert!(policy(4, &set("liveness_waived", 1), true).is_err());
    assert!(policy(4, &set("no_such_setting", 1), false).is_err());
    assert!(policy(4, &set("match_frames", -1), false).is_err());
}

#[test]
fn a_session_that_left_the_list_is_not_cancelled() {
    let room = core::RoomId::new("room-1");
    let list = |ids: &[&str]| Sessions {
        sessions: ids.iter().map(|id| declared(id, 1, "2026-03-02T08:00:00Z")).collect(),
        ..Sessions::default()
    };
    let mut engine = core::Engine::new();
    let at = core::Moment { mono: core::Mono(0), wall: Wall(0), clock: core::ClockQuality::GOOD };
    for list in [list(&["s-1", "s-2"]), list(&["s-2"])] {
        for fact in sessions(&room, &list).unwrap() {
            if let core::Fact::Session(record) = &fact {
                assert!(!record.cancelled, "{}", record.id);
            }
            engine.inform(at, fact);
        }
    }
}

#[test]
fn what_was_said_before_comes_with_its_own_time() {
    let room = core::RoomId::new("room-1");
    let former = Session {
        stated_at: Some("2026-03-02T08:01:00Z".into()),
        ..declared("s-1", 1, "2026-03-02T08:00:00Z")
    };
    let wire = Session {
        cancelled: true,
        stated_at: Some("2026-03-02T08:40:00Z".into()),
        former: vec![former],
        ..declared("s-1", 2, "2026-03-02T08:00:00Z")
    };
    let said = sessions(&room, &Sessions { sessions: vec![wire], ..Sessions::default() }).unwrap();
    let records = said.into_iter().filter_map(|fact| match fact {
        core::Fact::Session(s) => {
            Some((s.version, s.cancelled, s.stated_at.map(|w| w.0 % 3_600_000 / 60_000)))
        }
        _ => None,
    });
    assert_eq!(records.collect::<Vec<_>>(), [(2, false, Some(1)), (4, true, Some(40))]);
}

#[test]
fn a_check_by_card_pin_and_witness_comes_with_the_sessions() {
    let check = |direction, at: &str| down::WitnessedCheck {
        person: "li".parse().unwrap(),
        witness: "zhao".parse().unwrap(),
        direction,
        at: at.to_owned(),
        stated_at: None,
    };
    let room = core::RoomId::new("room-1");
    let told = |check| sessions(&room, &Sessions { checks: vec![check], ..Sessions::default() });
    let said = told(check(down::CheckDirection::Out, "2026-03-02T08:00:00Z")).unwrap();
    let [core::Fact::IdentityCheck(heard)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((heard.direction, heard.witness.as_str()), (core::CheckDirection::Out, "zhao"));
    assert!(
        told(check(down::CheckDirection::In, "at nine"))
            .unwrap_err()
            .to_string()
            .contains("identity check")
    );
}

/// The server shows and checks a policy by the table in `protocol`, which this test keeps equal to
/// the core's.
#[test]
fn the_settings_that_the_server_shows_are_those_of_the_core() {
    let table: Vec<_> = core::Policy::settings()
        .iter()
        .map(|s| protocol::settings::Setting {
            name: s.name.to_owned(),
            unit: s.unit.to_owned(),
            min: s.min,
            max: s.max,
            default: s.default,
            rules: s.rules.to_owned(),
            doc: s.doc.to_owned(),
        })
        .collect();
    let text = serde_json::to_string_pretty(&table).unwrap() + "\n";
    expect_test::expect_file!["../../../crates/protocol/golden/settings.json"].assert_eq(&text);
}

#[test]
fn the_hash_of_a_policy_covers_every_value_that_the_core_reads() {
    let wire = Policy { settings: BTreeMap::from([("match_frames".to_owned(), 4)]) };
    let core_says = policy(1, &wire, true).unwrap();
    let lines: Vec<String> =
        core_says.iter().map(|(s, value)| format!("{}={value}", s.name)).collect();
    assert_eq!(protocol::settings::canonical(&wire.settings), lines.join("\n") + "\n");
}
