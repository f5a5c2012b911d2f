//! The pipeline's promises, with stages that see what the test says: who is embedded, and what is
//! forgotten.

use presence::{Liveness, PointPx, Polygon};
use vision::{Embedding, Gallery, LivenessScore, PixelOrder, Rect, Rivals, Template};

use super::*;
use crate::{scheduler::SchedulerSettings, vision_stages::FaceQuality};

/// Stages that find faces where the test puts them and count what they are asked.
#[derive(Debug, Default)]
struct Scripted {
    faces: Vec<FaceBox>,
    embedded: Vec<f32>,
    broken: bool,
    /// Whether the last frame was black under the mask.
    saw: Vec<u8>,
}

impl VisionStages for Scripted {
    fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError> {
        self.saw = frame.data().to_vec();
        faces.clone_from(&self.faces);
        if self.broken { Err(VisionError::NotFinite { role: "detector" }) } else { Ok(()) }
    }
    fn assess(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<FaceQuality, VisionError> {
        Ok(FaceQuality { quality_ppm: 600_000, good: true, shows_liveness: true })
    }
    /// The embedding tells where the face was: person 1 stands on the left, person 2 on the right.
    fn embed(&mut self, _: Frame<'_>, face: &FaceBox, _: bool) -> Result<Embedding, VisionError> {
        self.embedded.push(face.rect.y);
        let left = face.rect.x < 500.0;
        Ok(unit(usize::from(!left)))
    }
    fn masked(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Option<f32>, VisionError> {
        Ok(Some(0.0))
    }
    fn liveness(
        &mut self,
        _: Frame<'_>,
        _: &FaceBox,
    ) -> Result<Option<LivenessScore>, VisionError> {
        Ok(Some(LivenessScore { live: 0.99 }))
    }
    fn dropped_not_finite(&self) -> u64 {
        0
    }
    fn wipe(&mut self) {
        self.saw.clear();
    }
}

fn unit(axis: usize) -> Embedding {
    let mut values = vec![0.0; 4];
    values[axis] = 1.0;
    Embedding::normalised(values).unwrap()
}

fn face(x: f32, y: f32) -> FaceBox {
    FaceBox { rect: Rect { x, y, width: 60.0, height: 70.0 }, score: 0.9, landmarks: [[x, y]; 5] }
}

const MANNER: PipelineSettings = PipelineSettings {
    motion_ppm: 0,
    idle_detect_ms: 0,
    settled_detect_ms: 0,
    assess_liveness: true,
    live_camera: true,
    first_track: TrackId(1),
};

/// The lower half of the picture is the bed.
fn pipeline() -> Pipeline<Scripted> {
    let settings = SchedulerSettings {
        evidence_every_ms: 1_000,
        renewal_ms: 270_000,
        better_by_ppm: 150_000,
        budget_ms_per_s: 0,
    };
    let mut pipeline =
        Pipeline::new(Scripted::default(), MANNER, Scheduler::new(settings), DoorCheck::new(None));
    let corner = |x, y| PointPx { x, y };
    let bed = Polygon {
        corners: vec![corner(0, 360), corner(1280, 360), corner(1280, 720), corner(0, 720)],
    };
    pipeline.configure(Zones { bed: vec![bed], ..Zones::default() }, Policy::default());
    let mut gallery = Gallery::new("test", 4);
    for (person, axis) in [("p-1", 0), ("p-2", 1)] {
        gallery.insert(PersonId::new(person), &Template::new("test", unit(axis))).unwrap();
    }
    pipeline.guided(Guidance {
        search: Some(GallerySearch { gallery, rotation: None, rivals: Rivals::NONE }),
        ..Guidance::default()
    });
    pipeline
}

fn picture() -> Picture {
    Picture::new(vec![120; 1280 * 720 * 3], 1280, 720, PixelOrder::Rgb).unwrap()
}

fn look(pipeline: &mut Pipeline<Scripted>, mono_ms: u64, faces: &[FaceBox]) -> Option<Observation> {
    pipeline.stages.faces = faces.to_vec();
    pipeline.look(&picture(), Now { mono_ms, wall_ms: 0 }, Instant::now())
}

#[test]
fn a_match_names_the_next_person_as_its_margin() {
    let seen = look(&mut pipeline(), 0, &[face(100.0, 100.0)]).unwrap();
    let found = seen.faces[0].match_.clone().unwrap();
    assert_eq!(
        (found.best.unwrap().as_str(), found.score_ppm, found.second_ppm),
        ("p-1", 1_000_000, 0)
    );
    assert_eq!(seen.faces[0].liveness, Liveness::Unsure, "one look never says that a face is live");
}

#[test]
fn no_face_in_the_bed_zone_is_ever_embedded() {
    let mut pipeline = pipeline();
    for second in 0..600 {
        let seen =
            look(&mut pipeline, second * 1_000, &[face(200.0, 500.0), face(700.0, 100.0)]).unwrap();
        assert_eq!(seen.patients, 1);
        assert!(seen.faces.iter().all(|f| f.bbox.y < 360), "the patient is in no list of faces");
    }
    assert!(pipeline.stages.embedded.len() >= 500, "the other one was");
    assert!(
        pipeline.stages.embedded.iter().all(|y| *y < 360.0),
        "an embedding was made of the patient"
    );
}

#[test]
fn who_lies_down_becomes_the_patient_and_is_forgotten_at_once() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(200.0, 280.0)]);
    assert_eq!(pipeline.stages.embedded.len(), 1, "still standing, and nobody knows");
    let mut became = Vec::new();
    for second in 1..40 {
        let y = if second == 1 { 310.0 } else { 350.0 };
        became
            .extend(look(&mut pipeline, second * 1_000, &[face(200.0, y)]).unwrap().became_patient);
    }
    assert_eq!(became, [TrackId(1)]);
    let made = pipeline.stages.embedded.len();
    look(&mut pipeline, 41_000, &[face(200.0, 320.0)]);
    assert_eq!(pipeline.stages.embedded.len(), made, "and stays the patient when he sits up");
    assert!(pipeline.tracks.get(TrackId(1)).is_none());
}

#[test]
fn before_the_zones_are_known_nobody_is_embedded() {
    let mut pipeline = pipeline();
    pipeline.tracker = None;
    let seen = look(&mut pipeline, 0, &[face(100.0, 100.0)]).unwrap();
    assert!(seen.faces.is_empty() && pipeline.stages.embedded.is_empty());
}

#[test]
fn a_frame_that_can_not_be_examined_is_not_an_empty_room() {
    let mut pipeline = pipeline();
    pipeline.stages.broken = true;
    assert_eq!(look(&mut pipeline, 0, &[]), None);
    assert_eq!(pipeline.figures().failed, 1);
}

#[test]
fn the_privacy_mask_comes_before_everything() {
    let mut pipeline = pipeline();
    let left = vec![vec![(0, 0), (500, 0), (500, 1000), (0, 1000)]];
    pipeline.guided(Guidance { mask: Some(left), ..Guidance::default() });
    look(&mut pipeline, 0, &[]);
    let saw = &pipeline.stages.saw;
    assert_eq!((saw[0], saw[1279 * 3]), (0, 120));
}

#[test]
fn a_settled_identity_costs_no_embedding_until_its_renewal() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(100.0, 100.0)]);
    let identity =
        IdentityView::Matched { person: PersonId::new("p-1"), renew_before: Mono(300_000) };
    pipeline.guided(Guidance { identities: vec![(TrackId(1), identity)], ..Guidance::default() });
    for second in 1..=260 {
        look(&mut pipeline, second * 1_000, &[face(100.0, 100.0)]);
    }
    assert_eq!(pipeline.stages.embedded.len(), 1);
    for second in 261..=285 {
        look(&mut pipeline, second * 1_000, &[face(100.0, 100.0)]);
    }
    assert!(pipeline.stages.embedded.len() > 1);
}

#[test]
fn a_wipe_order_forgets_the_track() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(100.0, 100.0)]);
    let identities = vec![(TrackId(1), IdentityView::Indeterminate)];
    pipeline.guided(Guidance { identities, ..Guidance::default() });
    pipeline.guided(Guidance { wipe: vec![TrackId(1)], ..Guidance::default() });
    assert!(pipeline.tracks.get(TrackId(1)).is_none());
}

#[test]
fn who_appears_in_anothers_clothes_counts_once_verified() {
    let mut pipeline = pipeline();
    let mut at = |mono_ms: u64, x: f32| {
        let seen = look(&mut pipeline, mono_ms, &[face(x, 100.0)]).unwrap();
        let named = seen.faces[0].match_.is_some();
        (seen.faces[0].track, named, seen.taken_up, seen.same_again)
    };
    let lead = TrackId(1);
    assert_eq!(at(0, 480.0), (lead, true, vec![], vec![]));
    assert_eq!(at(1_000, 330.0), (lead, true, vec![lead], vec![lead]), "he walked");
    // Somebody else, in the same clothes, where the lead cannot be followed to.
    assert_eq!(at(2_500, 510.0), (lead, false, vec![lead], vec![]));
    assert_eq!(at(3_500, 510.0), (lead, false, vec![], vec![]));
    assert_eq!(at(4_500, 510.0), (TrackId(2), true, vec![], vec![]), "somebody new");
}

#[test]
fn two_who_come_back_in_one_uniform_keep_their_tracks() {
    let mut pipeline = pipeline();
    // The face tells them apart: one stands left of the middle, the other right of it.
    let both = [face(470.0, 100.0), face(530.0, 100.0)];
    for second in 0..3 {
        look(&mut pipeline, second * 1_000, &both);
    }
    look(&mut pipeline, 3_000, &[]);
    let made = pipeline.stages.embedded.len();
    let seen = look(&mut pipeline, 33_000, &both).unwrap();
    let tracks: Vec<_> = seen.faces.iter().map(|f| f.track).collect();
    assert_eq!(tracks, [TrackId(1), TrackId(2)]);
    assert_eq!(pipeline.stages.embedded.len(), made + 2, "the look that tells is the look");
    assert_eq!((seen.taken_up, seen.same_again), (tracks.clone(), tracks));
}

#[test]
fn a_stranger_in_the_same_clothes_ends_no_track() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(400.0, 100.0)]);
    look(&mut pipeline, 1_000, &[face(400.0, 100.0)]);
    let seen = look(&mut pipeline, 6_000, &[face(1_000.0, 100.0)]).unwrap();
    assert_eq!(seen.faces[0].track, TrackId(2), "the face is none of the room's");
    let seen = look(&mut pipeline, 8_000, &[face(1_000.0, 100.0), face(100.0, 100.0)]).unwrap();
    assert_eq!(seen.faces[1].track, TrackId(1));
}

#[test]
fn nobody_on_the_bed_is_embedded_to_be_told_apart() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(400.0, 100.0)]);
    for second in 5..60 {
        look(&mut pipeline, second * 1_000, &[face(600.0, 500.0)]);
    }
    assert_eq!(pipeline.stages.embedded, [100.0]);
}

#[test]
fn a_person_who_withdrew_is_matched_no_more() {
    let mut pipeline = pipeline();
    pipeline.guided(Guidance { forget: vec![PersonId::new("p-1")], ..Guidance::default() });
    let seen = look(&mut pipeline, 0, &[face(100.0, 100.0)]).unwrap();
    let best = seen.faces[0].match_.clone().unwrap().best.unwrap();
    assert_eq!(best.as_str(), "p-2");
}

#[test]
fn a_still_picture_of_a_live_camera_is_frozen() {
    for (live_camera, expected) in [(true, CameraState::Frozen), (false, CameraState::Ok)] {
        let mut pipeline = pipeline();
        pipeline.settings.live_camera = live_camera;
        look(&mut pipeline, 0, &[]);
        assert_eq!(look(&mut pipeline, 11_000, &[]).unwrap().camera.state, expected);
    }
}

#[test]
fn at_a_door_nobody_counts_as_live_who_was_not_asked_to_turn() {
    let folder = tempfile::tempdir().unwrap();
    let screen = folder.path().join("screen");
    std::fs::write(&screen, "").unwrap();
    let mut pipeline = pipeline();
    pipeline.door = DoorCheck::new(Some(crate::door::Screen::new(screen.clone())));
    pipeline.guided(Guidance { doorway: Some(true), ..Guidance::default() });
    for second in 0..4 {
        let seen = look(&mut pipeline, second * 1_000, &[face(100.0, 100.0)]).unwrap();
        assert_eq!(
            seen.faces[0].liveness,
            Liveness::Unsure,
            "the networks alone would call it live after three looks"
        );
    }
    assert!(std::fs::read_to_string(screen).unwrap().contains("请正视镜头"));
}

#[test]
fn once_a_patient_declined_nobody_is_looked_at() {
    let mut pipeline = pipeline();
    look(&mut pipeline, 0, &[face(100.0, 100.0)]);
    let identities = vec![(TrackId(1), IdentityView::Indeterminate)];
    pipeline.guided(Guidance { identities, withheld: true, ..Guidance::default() });
    let made = (pipeline.stages.embedded.len(), pipeline.figures().detections_run);
    let seen = look(&mut pipeline, 1_000, &[face(100.0, 100.0)]).unwrap();
    assert_eq!(seen.camera.state, CameraState::Withheld);
    assert_eq!((seen.faces.len(), seen.patients), (0, 0));
    assert_eq!((pipeline.stages.embedded.len(), pipeline.figures().detections_run), made);
    pipeline.guided(Guidance::default());
    let seen = look(&mut pipeline, 2_000, &[face(100.0, 100.0)]).unwrap();
    assert_eq!(seen.faces[0].track, TrackId(2), "who was in view is nobody known afterwards");
    assert_eq!(pipeline.stages.embedded.len(), made.0 + 1);
}

#[test]
fn who_is_forgotten_lies_in_no_buffer_until_the_next_frame() {
    let corner = vec![(0, 0), (100, 0), (100, 100)];
    let ways = [
        Guidance { session_over: true, ..Guidance::default() },
        Guidance { wipe: vec![TrackId(1)], ..Guidance::default() },
        Guidance { withheld: true, ..Guidance::default() },
    ];
    for way in ways {
        let mut pipeline = pipeline();
        pipeline.guided(Guidance { mask: Some(vec![corner.clone()]), ..Guidance::default() });
        look(&mut pipeline, 0, &[face(100.0, 100.0)]);
        let holds = |pipeline: &Pipeline<Scripted>| {
            (!pipeline.stages.saw.is_empty(), pipeline.scratch.iter().any(|byte| *byte > 0))
        };
        assert_eq!(holds(&pipeline), (true, true), "the last frame is in the buffers");
        let said = format!("{way:?}");
        pipeline.guided(way);
        assert_eq!(holds(&pipeline), (false, false), "{said}");
    }
}
