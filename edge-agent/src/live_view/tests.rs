//! Who may look through a box, and what of a look is shown to whom.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
};

use presence::{BoxPx, MatchScore, Mono, Observation, PersonId, PointPx, Polygon};
use protocol::live::LiveMessage;

use super::*;
use crate::{clock::Now as At, pipeline::PipelineFigures};

const THRESHOLDS: Thresholds = Thresholds {
    t_match_ppm: 500_000,
    t_reject_ppm: 300_000,
    margin_ppm: 50_000,
    masked_t_match_ppm: 450_000,
    masked_t_reject_ppm: 100_000,
    masked_margin_ppm: 50_000,
    curves: presence::EvidenceCurves::ASSUMED,
};

fn start(state: &Path, socket: &Path) -> anyhow::Result<(LiveView, Stop)> {
    let stop = Stop::default();
    let view = LiveView::start(
        &LiveViewSettings { socket: socket.to_owned() },
        state,
        THRESHOLDS,
        stop.clone(),
    )?;
    Ok((view, stop))
}

fn refused(state: &Path, socket: &Path) -> String {
    format!("{:#}", start(state, socket).map(|_| ()).unwrap_err())
}

fn face(track: u64, score_ppm: Option<i32>, liveness: Liveness) -> Face {
    let best = Some(PersonId::new("you"));
    let match_ = score_ppm.map(|score_ppm| MatchScore {
        score_ppm,
        best,
        second_ppm: -1_000_000,
        relevant: Vec::new(),
    });
    let bbox = BoxPx { x: 100, y: 50, w: 50, h: 60 };
    Face { track: TrackId(track), bbox, good_quality: true, masked: false, match_, liveness }
}

fn seen(at_ms: u64, faces: Vec<Face>) -> RoomLook {
    let observation = Observation { faces, ..Observation::default() };
    let at = At { mono_ms: at_ms, wall_ms: 0 };
    RoomLook { at, size: Some((200, 100)), observation, figures: PipelineFigures::default() }
}

fn next(lines: &mut BufReader<UnixStream>) -> LiveMessage {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let shown: LiveMessage = serde_json::from_str(&line).unwrap();
    let mut pixels = vec![0; shown.pixel_bytes()];
    lines.read_exact(&mut pixels).unwrap();
    shown
}

/// P6: "a locked box shows its picture to nobody" holds for the view as it does for the installer's
/// page.
#[test]
fn a_locked_box_opens_no_view() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("live/view.sock");
    let lock = Lock {
        lock: "0".repeat(32),
        locked_at: "2026-03-02T01:00:00.000Z".to_owned(),
        session: "0".repeat(16),
        zones_sha256: "0".repeat(64),
        told_sha256: None,
    };
    lock.write(folder.path()).unwrap();
    let said = refused(folder.path(), &socket);
    assert!(said.contains("locked since 2026-03-02") && !said.contains('\n'), "{said}");
    assert!(!socket.exists());
    std::fs::write(folder.path().join("commission.toml"), "torn").unwrap();
    assert!(refused(folder.path(), &socket).contains("counts as locked"));
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = refused(folder.path(), &folder.path().join("view.sock"));
    assert!(said.contains("chmod 700") && !said.contains('\n'), "{said}");
    let (_, stop) = start(folder.path(), &folder.path().join("made/view.sock")).unwrap();
    let made = std::fs::metadata(folder.path().join("made")).unwrap().permissions().mode();
    assert_eq!(made & 0o777, 0o700);
    stop.set();
}

#[test]
fn nothing_is_kept_while_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let (view, stop) = start(folder.path(), &folder.path().join("live/view.sock")).unwrap();
    view.looked(&seen(0, vec![face(1, Some(900_000), Liveness::Live)]), &[]);
    let now = view.shared.lock();
    assert!(now.newest.is_none() && now.tracks.is_empty());
    stop.set();
}

#[test]
fn who_looks_is_told_what_the_box_holds_each_face_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("live/view.sock");
    let (view, stop) = start(folder.path(), &socket).unwrap();
    let stream = UnixStream::connect(&socket).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while !view.is_open() {
        std::thread::yield_now();
    }
    view.shared.lock().pixels = Some(Arc::new(RgbPixels { width: 2, height: 1, rgb: vec![7; 6] }));
    let faces = vec![
        face(1, Some(900_000), Liveness::Live),
        face(2, Some(100_000), Liveness::Live),
        face(3, None, Liveness::NotAssessed),
        face(4, Some(900_000), Liveness::Spoof),
    ];
    let renew_before = Mono(1);
    let matched = IdentityView::Matched { person: PersonId::new("you"), renew_before };
    let identities = [
        (TrackId(1), matched.clone()),
        (TrackId(2), IdentityView::Unmatched { renew_before }),
        (TrackId(3), IdentityView::Indeterminate),
        (TrackId(4), matched),
    ];
    view.looked(&seen(0, faces), &identities);
    let LiveMessage::Sight(sight) = next(&mut lines) else { panic!("no sight") };
    let statuses: Vec<_> = sight.faces.iter().map(|face| (face.status, face.score_ppm)).collect();
    let expected = [
        (Status::Matched, Some(900_000)),
        (Status::Unmatched, Some(100_000)),
        (Status::Indeterminate, None),
        (Status::Spoof, Some(900_000)),
    ];
    assert_eq!(statuses, expected);
    assert_eq!(
        (sight.faces[0].x, sight.faces[0].y, sight.faces[0].w),
        (500, 500, 250),
        "thousandths of the picture"
    );
    assert_eq!(sight.faces[3].person, None, "whoever shows a picture of somebody is nobody");
    // A track keeps its score until it is out of sight.
    view.looked(&seen(1_000, vec![face(1, None, Liveness::NotAssessed)]), &identities);
    let LiveMessage::Sight(sight) = next(&mut lines) else { panic!("no sight") };
    assert_eq!(
        (sight.faces[0].score_ppm, sight.faces[0].liveness),
        (Some(900_000), LivenessShown::Live)
    );
    view.looked(&seen(9_000, Vec::new()), &identities);
    assert!(view.shared.lock().tracks.is_empty());
    stop.set();
}

/// P1: nobody in a bed is photographed, and nobody at all before the room is known; and a
/// photograph waits for a frame.
#[test]
fn who_lies_in_the_bed_is_not_photographed() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("live/view.sock");
    let (view, stop) = start(folder.path(), &socket).unwrap();
    let corners = [(0, 0), (100, 0), (100, 100), (0, 100)].map(|(x, y)| PointPx { x, y }).to_vec();
    let inside = BoxPx { x: 20, y: 20, w: 40, h: 40 };
    assert!(!view.shared.lock().may_be_photographed(inside), "before the room is known");
    view.shared.lock().zones = Some(Zones { bed: vec![Polygon { corners }], ..Zones::default() });
    assert!(!view.shared.lock().may_be_photographed(inside));
    assert!(view.shared.lock().may_be_photographed(BoxPx { x: 140, ..inside }));
    let mut stream = UnixStream::connect(&socket).unwrap();
    stream.write_all(b"\"photograph\"\n").unwrap();
    let LiveMessage::Photograph(photograph) = next(&mut BufReader::new(stream)) else {
        panic!("no photograph")
    };
    assert!(!photograph.good && photograph.en.contains("no face"), "{photograph:?}");
    stop.set();
}
