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
    }
}

#[test]
fn zones_follow_the_size_of_the_picture_and_the_clock_of_the_place() {
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
    let zone = |corners| Room { zones: Zones { door: vec![corners], ..Zones::default() }, ..wire_room() };
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
fn production_refuses_waived_liveness_and_nobody_takes_an_unknown_setting() {
    let set = |name: &str, value| Policy { settings: BTreeMap::from([(name.to_owned(), value)]) };
    assert_eq!(policy(4, &set("liveness_waived", 1), false).unwrap().liveness_waived(), 1);
    assert!(policy(4, &set("liveness_waived", 1), true).is_err());
    assert!(policy(4, &set("no_such_setting", 1), false).is_err());
    assert!(policy(4, &set("match_frames", -1), false).is_err());
}

#[test]
fn a_session_that_left_the_list_is_cancelled_unless_it_left_by_age() {
    let room = core::RoomId::new("room-1");
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let before = Sessions {
        sessions: vec![declared("s-1", 1, "2026-03-02T08:00:00Z"), declared("s-0", 1, "2026-02-28T08:00:00Z")],
    };
    let after = Sessions { sessions: vec![declared("s-2", 3, "2026-03-02T10:00:00Z")] };
    let said: Vec<_> = sessions(&room, &before, &after, now)
        .unwrap()
        .into_iter()
        .filter_map(|fact| match fact {
            core::Fact::Session(s) => Some((s.id.to_string(), s.version, s.cancelled)),
            _ => None,
        })
        .collect();
    assert_eq!(said, [("s-2".to_owned(), 6, false), ("s-1".to_owned(), 3, true)]);
}
