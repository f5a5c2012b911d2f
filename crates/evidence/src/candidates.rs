//! Which pictures a finding would show, chosen while nobody knows of one: in memory alone, bounded,
//! wiped with their track. A frame that betters nothing costs a few comparisons.

use std::collections::{BTreeMap, BTreeSet};

use protocol::down::Polygon;
use protocol::evidence::EvidenceKind;

use crate::pixels::{ClearPixels, Covered, FLAT, RectPx, no_wider};
use crate::zone::Mask;

/// Most memory for candidates, in bytes.
pub const MOST_BYTES: usize = 24 << 20;
/// Most crops of a subject, and most scene views of a finding.
pub const MOST_SHOTS: usize = 3;
/// Least time between two crops of a subject.
pub const APART_MS: u64 = 60_000;
/// Widest scene view, in pixels.
pub const SCENE_WIDE_PX: u32 = 1280;
/// What a crop shows around the face, as a share of its size.
const MARGIN: f32 = 1.2;
/// Scene views that are kept to choose from, and the least time between two.
const SCENES: usize = 5;
const SCENE_EVERY_MS: u64 = 10_000;
/// A shot takes another's place only where it is better by this much: else each frame would copy.
const BETTER_BY_PPM: u32 = 50_000;
/// Who was seen within this time and is not seen now is covered where they were last seen.
const LAST_SEEN_MS: u64 = 30_000;
/// Who was not seen for this long is in no picture any more (P2).
const OUT_OF_SIGHT_MS: u64 = 600_000;
/// Findings whose pictures are remembered as taken.
const FINDINGS: usize = 64;

/// One face of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFace {
    pub track: u64,
    pub place: RectPx,
    /// How good a look it is; `None`: never a subject (a patient, somebody in the bed zone).
    pub quality_ppm: Option<u32>,
}

/// One frame, privacy masks already black.
#[derive(Debug, Clone, Copy)]
pub struct MaskedFrame<'a> {
    /// `width`×`height`×3 bytes.
    pub data: &'a [u8],
    /// Blue comes first.
    pub bgr: bool,
    pub width: u32,
    pub height: u32,
    pub mono_ms: u64,
    pub wall_ms: i64,
    pub faces: &'a [FrameFace],
}

#[derive(Debug)]
struct Shot {
    mono_ms: u64,
    wall_ms: i64,
    quality_ppm: u32,
    pixels: ClearPixels,
    subject: RectPx,
    covered_faces: u32,
}

#[derive(Debug)]
struct Scene {
    mono_ms: u64,
    wall_ms: i64,
    pixels: ClearPixels,
    /// Every face of it, and where those of the moment before were.
    faces: Vec<(u64, RectPx)>,
}

/// What was already taken for a finding.
#[derive(Debug, Default)]
struct Taken {
    crops: BTreeSet<(u64, i64)>,
    scenes: BTreeSet<i64>,
}

/// The candidates of one camera.
#[derive(Debug, Default)]
pub struct Candidates {
    bed: Mask,
    black: Mask,
    shots: BTreeMap<u64, Vec<Shot>>,
    scenes: Vec<Scene>,
    last_seen: BTreeMap<u64, (u64, RectPx)>,
    taken: Vec<(String, Taken)>,
}

impl Candidates {
    /// `bed` and `privacy_mask` in thousandths of the picture. What was kept under other zones is
    /// wiped.
    pub fn new(bed: Vec<Polygon>, privacy_mask: Vec<Polygon>) -> Self {
        let (bed, black) = (Mask::flat(bed, FLAT), Mask::new(privacy_mask));
        Self { bed, black, ..Self::default() }
    }

    /// Keeps of a frame what betters the candidates.
    pub fn look(&mut self, look: MaskedFrame<'_>) {
        if look.data.len() as u64 != u64::from(look.width) * u64::from(look.height) * 3 {
            return;
        }
        self.forget_unseen(look.mono_ms);
        for face in look.faces {
            self.last_seen.insert(face.track, (look.mono_ms, face.place));
        }
        for face in look.faces {
            if let Some(quality_ppm) = face.quality_ppm
                && let Some(slot) = self.slot(face.track, look.mono_ms, quality_ppm)
            {
                let shot = self.shot(look, face, quality_ppm);
                let shots = self.shots.entry(face.track).or_default();
                // Neighbours within a minute give way to the better one.
                shots.retain(|s| s.mono_ms.abs_diff(look.mono_ms) >= APART_MS);
                if slot == Slot::Worst
                    && let Some(worst) = (0..shots.len()).min_by_key(|n| shots[*n].quality_ppm)
                {
                    shots.remove(worst);
                }
                shots.push(shot);
            }
        }
        let due = self.scenes.last().is_none_or(|s| s.mono_ms + SCENE_EVERY_MS <= look.mono_ms);
        if due && !look.faces.is_empty() {
            self.keep_scene(look);
        }
        self.keep_within_bounds();
    }

    /// Wipes what shows a track: it became the patient, or its time is over. A scene view goes with
    /// the last track that is seen in it.
    pub fn forget(&mut self, track: u64) {
        self.shots.remove(&track);
        for scene in &mut self.scenes {
            // Its place stays covered, under a number that is nobody's.
            for face in scene.faces.iter_mut().filter(|face| face.0 == track) {
                face.0 = u64::MAX;
            }
        }
        self.scenes.retain(|scene| scene.faces.iter().any(|face| face.0 != u64::MAX));
    }

    fn forget_unseen(&mut self, now_ms: u64) {
        let gone = |at_ms: u64| at_ms.saturating_add(OUT_OF_SIGHT_MS) < now_ms;
        let gone = self.last_seen.iter().filter(|(_, seen)| gone(seen.0));
        for track in gone.map(|(track, _)| *track).collect::<Vec<_>>() {
            self.last_seen.remove(&track);
            self.forget(track);
        }
    }

    /// Wipes everything.
    pub fn clear(&mut self) {
        self.shots.clear();
        self.scenes.clear();
        self.last_seen.clear();
        self.taken.clear();
    }

    /// What is held, in bytes.
    pub fn bytes(&self) -> usize {
        let shots = self.shots.values().flatten().map(|shot| shot.pixels.data().len());
        shots.chain(self.scenes.iter().map(|scene| scene.pixels.data().len())).sum()
    }

    /// The pictures of a finding about these tracks that were not taken for it yet, everybody else
    /// covered.
    pub fn take(&mut self, finding_id: &str, subjects: &[u64]) -> Vec<Covered> {
        if !self.taken.iter().any(|(id, _)| id == finding_id) {
            if self.taken.len() >= FINDINGS {
                self.taken.remove(0);
            }
            self.taken.push((finding_id.to_owned(), Taken::default()));
        }
        let Some((_, taken)) = self.taken.iter_mut().find(|(id, _)| id == finding_id) else {
            return Vec::new();
        };
        let mut pictures = Vec::new();
        for track in subjects {
            for shot in self.shots.get(track).into_iter().flatten() {
                let of_track = taken.crops.iter().filter(|(of, _)| of == track).count();
                if of_track < MOST_SHOTS && taken.crops.insert((*track, shot.wall_ms)) {
                    pictures.push(Covered {
                        kind: EvidenceKind::SubjectCrop,
                        track: Some(*track),
                        wall_ms: shot.wall_ms,
                        pixels: shot.pixels.clone(),
                        subjects: vec![shot.subject],
                        covered_faces: shot.covered_faces,
                    });
                }
            }
        }
        for number in spread(self.scenes.len()) {
            let scene = &self.scenes[number];
            if taken.scenes.len() < MOST_SHOTS && taken.scenes.insert(scene.wall_ms) {
                pictures.push(view(scene, subjects, &mut self.bed, &mut self.black));
            }
        }
        pictures
    }

    /// Whether a look is worth a copy, and whose place it takes.
    fn slot(&self, track: u64, mono_ms: u64, quality_ppm: u32) -> Option<Slot> {
        let shots = self.shots.get(&track).map_or(&[][..], Vec::as_slice);
        let better = |than: &Shot| quality_ppm > than.quality_ppm.saturating_add(BETTER_BY_PPM);
        let mut near = shots.iter().filter(|s| s.mono_ms.abs_diff(mono_ms) < APART_MS).peekable();
        if near.peek().is_some() {
            return near.all(better).then_some(Slot::Near);
        }
        if shots.len() < MOST_SHOTS {
            return Some(Slot::Free);
        }
        shots.iter().any(better).then_some(Slot::Worst)
    }

    fn shot(&mut self, look: MaskedFrame<'_>, face: &FrameFace, quality_ppm: u32) -> Shot {
        let part = face.place.grown_by(MARGIN).within(look.width, look.height);
        let (left, top, width, height) = part;
        let mut rgb = Vec::with_capacity((width * height * 3) as usize);
        for row in top..top + height {
            let from = ((row * look.width + left) * 3) as usize;
            rgb.extend_from_slice(&look.data[from..from + (width * 3) as usize]);
        }
        let mut pixels = ClearPixels::new(rgb, width, height);
        if look.bgr {
            pixels.swap_red_and_blue();
        }
        let here = |place: RectPx| place.moved((left, top), 1.0);
        let subject = here(face.place);
        let whole = (look.width, look.height);
        self.bed.apply_to_part(pixels.data_mut(), part, whole);
        let inside = RectPx { x: 0, y: 0, width: width as i32, height: height as i32 };
        let mut covered_faces = 0;
        for (_, _, place) in self.others(face.track, look.mono_ms, subject, here) {
            pixels.cover(place);
            covered_faces += u32::from(inside.holds_the_middle_of(place));
        }
        let (mono_ms, wall_ms) = (look.mono_ms, look.wall_ms);
        Shot { mono_ms, wall_ms, quality_ppm, pixels, subject, covered_faces }
    }

    /// Where everybody else is or was. Who is not seen any more is left out where the subject
    /// stands now: they would hide nobody but themselves.
    fn others(
        &self,
        track: u64,
        now_ms: u64,
        subject: RectPx,
        here: impl Fn(RectPx) -> RectPx,
    ) -> Vec<(u64, u64, RectPx)> {
        let recent = |at_ms: u64| at_ms.saturating_add(LAST_SEEN_MS) >= now_ms;
        let places =
            self.last_seen.iter().filter(|(other, seen)| **other != track && recent(seen.0));
        let places = places.map(|(other, (at_ms, place))| (*other, *at_ms, here(*place)));
        places
            .filter(|(_, at_ms, place)| *at_ms == now_ms || !subject.holds_the_middle_of(*place))
            .collect()
    }

    fn keep_scene(&mut self, look: MaskedFrame<'_>) {
        let mut pixels = no_wider(look.data, look.width, look.height, SCENE_WIDE_PX);
        if look.bgr {
            pixels.swap_red_and_blue();
        }
        let scale = pixels.width() as f32 / look.width as f32;
        let place =
            |(track, (_, place)): (&u64, &(u64, RectPx))| (*track, place.moved((0, 0), scale));
        let recent = |at_ms: u64| at_ms.saturating_add(LAST_SEEN_MS) >= look.mono_ms;
        let faces = self.last_seen.iter().filter(|(_, seen)| recent(seen.0)).map(place).collect();
        self.scenes.push(Scene { mono_ms: look.mono_ms, wall_ms: look.wall_ms, pixels, faces });
        if self.scenes.len() > SCENES {
            self.scenes.remove(most_crowded(&self.scenes));
        }
    }

    fn keep_within_bounds(&mut self) {
        while self.bytes() > MOST_BYTES {
            let oldest = self.shots.iter().filter_map(|(track, shots)| {
                Some((shots.iter().map(|shot| shot.mono_ms).max()?, *track))
            });
            if self.scenes.len() > 1 {
                self.scenes.remove(most_crowded(&self.scenes));
            } else if let Some((_, track)) = oldest.min() {
                self.shots.remove(&track);
            } else {
                self.scenes.clear();
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    Near,
    Worst,
}

/// A scene view as it is sealed.
fn view(scene: &Scene, subjects: &[u64], bed: &mut Mask, black: &mut Mask) -> Covered {
    let mut pixels = scene.pixels.clone();
    let (width, height) = (pixels.width(), pixels.height());
    let is_subject = |face: &&(u64, RectPx)| subjects.contains(&face.0);
    let shown: Vec<RectPx> = scene.faces.iter().filter(is_subject).map(|face| face.1).collect();
    let others: Vec<RectPx> =
        scene.faces.iter().filter(|face| !is_subject(face)).map(|face| face.1).collect();
    for place in &others {
        pixels.cover(*place);
    }
    bed.apply_in_blocks(pixels.data_mut(), width, height);
    black.apply_in_blocks(pixels.data_mut(), width, height);
    Covered {
        kind: EvidenceKind::SceneView,
        track: None,
        wall_ms: scene.wall_ms,
        pixels,
        subjects: shown,
        covered_faces: others.len() as u32,
    }
}

/// The scene whose neighbours are nearest in time; never the first or the last.
fn most_crowded(scenes: &[Scene]) -> usize {
    let inner = 1..scenes.len().saturating_sub(1);
    let gap = |n: &usize| scenes[n + 1].mono_ms - scenes[n - 1].mono_ms;
    inner.min_by_key(gap).unwrap_or(0)
}

/// Up to three of them, spread: the first, the last, one between.
fn spread(count: usize) -> Vec<usize> {
    match count {
        0..=MOST_SHOTS => (0..count).collect(),
        _ => vec![0, count / 2, count - 1],
    }
}

#[cfg(test)]
mod tests;
