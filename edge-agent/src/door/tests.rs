//! Scripts at a door: who stands there, how they turn, and what the screen says.

use vision::Rect;

use super::*;

/// A mean head at 100 px eye distance, turned by `yaw_deg` to the picture's right; `depth` 0 is a
/// photograph of one.
fn head(width: f32, depth: f32, yaw_deg: f32) -> FaceBox {
    let (sin, cos) = yaw_deg.to_radians().sin_cos();
    let landmarks =
        [[-0.5, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.6, 0.6], [-0.4, 1.1, 0.1], [0.4, 1.1, 0.1]]
            .map(|[x, y, z]: [f32; 3]| {
                [300.0 + width / 2.0 * (x * cos + z * depth * sin), 200.0 + width / 2.0 * y]
            });
    FaceBox { rect: Rect { x: 250.0, y: 150.0, width, height: width * 1.2 }, score: 0.9, landmarks }
}

fn door(folder: &tempfile::TempDir) -> DoorCheck {
    let path = folder.path().join("screen");
    std::fs::write(&path, "").unwrap();
    let mut door = DoorCheck::new(Some(Screen::new(path)));
    door.set_doorway(true);
    door
}

fn at(track: u64, face: &FaceBox) -> AtDoor<'_> {
    AtDoor { track: TrackId(track), face, passed: false }
}

/// How far somebody turns who does what the screen says.
fn obeying(prompt: Prompt) -> f32 {
    match prompt {
        Prompt::Turn(HeadTurn::Left) => 30.0,
        Prompt::Turn(HeadTurn::Right) => -30.0,
        _ => 0.0,
    }
}

#[test]
fn who_turns_as_asked_is_live_and_before_that_nobody_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    let (mut ms, mut passed) = (0, None);
    while passed.is_none() {
        assert_eq!(door.verdict(false, Liveness::Live), Liveness::Unsure, "{ms} ms");
        let face = head(100.0, 1.0, obeying(door.prompt()));
        passed = door.frame(ms, [at(7, &face), at(8, &head(50.0, 1.0, 0.0))].into_iter());
        ms += 100;
        assert!(ms < 15_000, "the check never ends: {:?}", door.prompt());
    }
    assert_eq!(passed, Some(TrackId(7)), "who comes along is not live for it");
    assert_eq!(door.prompt(), Prompt::Passed);
    assert_eq!(door.verdict(true, Liveness::Unsure), Liveness::Live);
    assert_eq!(
        door.verdict(true, Liveness::Spoof),
        Liveness::Spoof,
        "a screen's glare is not outweighed by turns"
    );
    let said = std::fs::read_to_string(folder.path().join("screen")).unwrap();
    assert!(
        said.contains("左侧") && said.contains("右侧") && said.trim_end().ends_with("Thank you"),
        "{said}"
    );
    assert!(counts(Some(ms), ms + PASS_MS - 1));
    assert!(!counts(Some(ms), ms + PASS_MS), "a pass does not last");
}

#[test]
fn a_photograph_before_the_door_is_never_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    for ms in (0..60_000).step_by(100) {
        let face = head(100.0, 0.0, obeying(door.prompt()));
        assert_eq!(door.frame(ms, [at(1, &face)].into_iter()), None, "{ms} ms");
    }
    let said = std::fs::read_to_string(folder.path().join("screen")).unwrap();
    let again = said.matches("未通过，请稍候再试").count();
    assert!((1..=3).contains(&again), "{said}");
}

#[test]
fn the_nearest_is_asked_first_and_the_next_when_they_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    let (far, near) = (head(60.0, 1.0, 0.0), head(120.0, 1.0, 0.0));
    door.frame(0, [at(1, &far), at(2, &near)].into_iter());
    assert_eq!(door.asked.as_ref().map(|a| a.track), Some(TrackId(2)));
    door.frame(LEFT_MS + 100, [at(1, &far)].into_iter());
    assert_eq!(door.asked.as_ref().map(|a| a.track), Some(TrackId(1)));
    door.frame(3 * LEFT_MS, std::iter::empty());
    assert_eq!(door.prompt(), Prompt::Nobody);
}

#[test]
fn without_a_screen_or_in_a_room_the_networks_alone_judge() {
    let mut door = DoorCheck::new(None);
    door.set_doorway(true);
    assert_eq!(door.verdict(false, Liveness::Live), Liveness::Live);
    let folder = tempfile::tempdir().unwrap();
    let mut door = self::door(&folder);
    door.set_doorway(false);
    door.frame(0, [at(1, &head(100.0, 1.0, 0.0))].into_iter());
    assert_eq!(
        (door.verdict(false, Liveness::Live), door.prompt()),
        (Liveness::Live, Prompt::Nobody)
    );
}

#[test]
fn a_screen_that_nobody_reads_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut door = DoorCheck::new(Some(Screen::new(pipe)));
    door.set_doorway(true);
    door.frame(0, [at(1, &head(100.0, 1.0, 0.0))].into_iter());
    assert_eq!(door.prompt(), Prompt::Straight);
}

/// What somebody does at the door for `until_ms`, and how often it asked a new check of them.
fn stand(
    door: &mut DoorCheck,
    from_ms: u64,
    until_ms: u64,
    yaw: impl Fn(u64, Prompt) -> f32,
) -> u32 {
    let (mut tries, mut failing) = (0, false);
    for ms in (from_ms..until_ms).step_by(100) {
        let face = head(100.0, 1.0, yaw(ms, door.prompt()));
        // Whoever leaves and comes again is another track.
        let track = 1 + ms / 60_000;
        assert_eq!(door.frame(ms, [at(track, &face)].into_iter()), None, "{ms} ms");
        let again = matches!(door.prompt(), Prompt::Again | Prompt::Rest);
        tries += u32::from(again && !failing);
        failing = again;
    }
    tries
}

/// The other way of what is asked.
fn wrong(_: u64, prompt: Prompt) -> f32 {
    -obeying(prompt)
}

#[test]
fn who_turns_wrong_again_and_again_is_asked_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    let tries = stand(&mut door, 0, 600_000, wrong);
    assert!((3..=6).contains(&tries), "{tries} tries in ten minutes");
    assert_eq!(door.prompt(), Prompt::Rest);
    let said = std::fs::read_to_string(folder.path().join("screen")).unwrap();
    assert!(said.contains("其他方式"), "the screen says what else there is: {said}");
}

#[test]
fn after_the_rest_whoever_turns_as_asked_passes() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    stand(&mut door, 0, 300_000, wrong);
    let passes = (300_000..1_500_000).step_by(100).find_map(|ms| {
        let face = head(100.0, 1.0, obeying(door.prompt()));
        door.frame(ms, [at(99, &face)].into_iter())
    });
    assert_eq!(passes, Some(TrackId(99)));
}

#[test]
fn who_only_stands_there_takes_nobodys_tries() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = door(&folder);
    stand(&mut door, 0, 600_000, |_, _| 0.0);
    let passes = (600_000..640_000).step_by(100).find_map(|ms| {
        let face = head(100.0, 1.0, obeying(door.prompt()));
        door.frame(ms, [at(99, &face)].into_iter())
    });
    assert_eq!(passes, Some(TrackId(99)), "a patient who waits locks no door");
}
