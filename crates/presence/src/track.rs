//! Follows faces from frame to frame by overlap with a constant-velocity prediction, and says which
//! may be embedded. It sees boxes only and decides nothing about people, but it is the gate of P1:
//! no face in the bed zone is embedded, and the track in the bed becomes the patient.

use crate::{BoxPx, Moment, Mono, Policy, TrackId, Zone, Zones};

/// A coarse description of clothing and hair around the face, e.g. a colour histogram: small
/// integers whose sum of absolute differences says how unlike two are. Not a face template; it
/// lives as long as the track.
pub type Appearance = [u8; 16];

/// One detected face of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Where.
    pub bbox: BoxPx,
    /// Score of the detector, 0..=1,000,000 ppm.
    pub score_ppm: u32,
    /// Appearance, where the pipeline makes one.
    pub appearance: Option<Appearance>,
}

/// Whether vision may embed a face in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EmbedPermission {
    /// It may, where the scheduler wants it.
    Allowed,
    /// It must not: in the bed zone, or the patient (P1), or in the privacy mask (P5).
    Forbidden,
}

/// What became of one detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its track.
    pub track: TrackId,
    /// Its box, as given.
    pub bbox: BoxPx,
    /// May it be embedded.
    pub embed: EmbedPermission,
    /// It is the patient: leave it out of `Observation::faces`; it is in [`Scene::patients`].
    pub patient: bool,
    /// Its zone.
    pub zone: Zone,
}

/// Result of one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scene {
    /// One per detection, in the order of the detections. A face in the privacy mask gets a track
    /// and no permission.
    pub tracked: Vec<Tracked>,
    /// How many of them are patients on the bed: copy to `Observation::patients`.
    pub patients: u16,
    /// Tracks that became the patient now: drop their embeddings at once, and copy to
    /// `Observation::became_patient`.
    pub became_patient: Vec<TrackId>,
}

#[derive(Clone, Debug)]
struct Track {
    id: TrackId,
    bbox: BoxPx,
    seen: Mono,
    /// Pixels per second, of the centre.
    velocity: (i64, i64),
    appearance: Option<Appearance>,
    began_on_bed: bool,
    on_bed_since: Option<Mono>,
    patient: bool,
    practitioner: bool,
}

/// The tracker of one camera.
#[derive(Clone, Debug)]
pub struct Tracker {
    zones: Zones,
    policy: Policy,
    next: u64,
    tracks: Vec<Track>,
}

impl Tracker {
    /// A tracker without tracks. `first` is the first id it gives (a restarted box goes on where it
    /// was).
    pub fn new(zones: Zones, policy: Policy, first: TrackId) -> Self {
        Self { zones, policy, next: first.0, tracks: Vec::new() }
    }

    /// New zones or settings; tracks go on.
    pub fn configure(&mut self, zones: Zones, policy: Policy) {
        self.zones = zones;
        self.policy = policy;
    }

    /// The id that the next new track gets.
    pub fn next_id(&self) -> TrackId {
        TrackId(self.next)
    }

    /// Tells that the engine holds this track for a practitioner (MATCHED): leaning over the bed
    /// does not make him the patient before `patient_dwell_practitioner_ms`.
    pub fn set_practitioner(&mut self, track: TrackId, is: bool) {
        if let Some(t) = self.tracks.iter_mut().find(|t| t.id == track) {
            t.practitioner = is;
        }
    }

    /// Declares that a track is the patient (entry order, a declaration at the door). True if it
    /// was not yet.
    pub fn declare_patient(&mut self, track: TrackId) -> bool {
        let Some(t) = self.tracks.iter_mut().find(|t| t.id == track) else { return false };
        !std::mem::replace(&mut t.patient, true)
    }

    /// Takes the detections of one frame. Tracks unseen for longer than `track_gap_ms` are dropped.
    pub fn update(&mut self, at: Moment, seen: &[Detection]) -> Scene {
        let now = at.mono;
        let gap = self.policy.track_gap_ms();
        self.tracks.retain(|t| now.since(t.seen) <= gap);
        let chosen = self.assign(now, seen);
        let mut scene = Scene::default();
        for (detection, choice) in seen.iter().zip(chosen) {
            let index = choice.unwrap_or_else(|| self.begin(now, detection));
            self.follow(index, now, detection, &mut scene);
        }
        scene
    }

    /// Best pairs first, each track and each detection once. Ties go to the older track, then the
    /// earlier detection.
    fn assign(&self, now: Mono, seen: &[Detection]) -> Vec<Option<usize>> {
        let mut pairs = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            let expected = track.predicted(now);
            for (d, detection) in seen.iter().enumerate() {
                let overlap = expected
                    .overlap_ppm(detection.bbox)
                    .max(track.bbox.overlap_ppm(detection.bbox));
                let unlike = unlikeness(track.appearance, detection.appearance);
                // Two people who cross overlap both; clothing then decides. 1/8 of the scale per
                // full difference.
                let score = overlap - unlike * 125_000 / UNLIKE_MAX;
                if overlap >= self.policy.track_overlap_ppm() as i64 && unlike <= UNLIKE_MAX / 2 {
                    pairs.push((-score, t, d));
                }
            }
        }
        pairs.sort_unstable();
        let mut chosen = vec![None; seen.len()];
        let mut taken = vec![false; self.tracks.len()];
        for (_, t, d) in pairs {
            if !taken[t] && chosen[d].is_none() {
                taken[t] = true;
                chosen[d] = Some(t);
            }
        }
        chosen
    }

    fn begin(&mut self, now: Mono, detection: &Detection) -> usize {
        let id = TrackId(self.next);
        self.next += 1;
        self.tracks.push(Track {
            id,
            bbox: detection.bbox,
            seen: now,
            velocity: (0, 0),
            appearance: detection.appearance,
            began_on_bed: self.zones.of(detection.bbox) == Zone::Bed,
            on_bed_since: None,
            patient: false,
            practitioner: false,
        });
        self.tracks.len() - 1
    }

    fn follow(&mut self, index: usize, now: Mono, detection: &Detection, scene: &mut Scene) {
        let zone = self.zones.of(detection.bbox);
        let track = &mut self.tracks[index];
        track.moved_to(now, detection);
        if zone == Zone::Bed {
            let since = *track.on_bed_since.get_or_insert(now);
            if !track.patient && now.since(since) >= track.dwell_to_patient_ms(&self.policy) {
                track.patient = true;
                scene.became_patient.push(track.id);
            }
            // Whoever appears on the bed counts as a patient from the first frame; only the order
            // to forget waits.
            scene.patients += u16::from(track.patient || track.began_on_bed);
        } else {
            track.on_bed_since = None;
        }
        let patient = track.patient || (track.began_on_bed && zone == Zone::Bed);
        let forbidden = patient || matches!(zone, Zone::Bed | Zone::Masked);
        let embed = if forbidden { EmbedPermission::Forbidden } else { EmbedPermission::Allowed };
        scene.tracked.push(Tracked { track: track.id, bbox: detection.bbox, embed, patient, zone });
    }
}

impl Track {
    fn predicted(&self, now: Mono) -> BoxPx {
        let dt = now.since(self.seen) as i64;
        let shift = |v: i64| (v * dt / 1000).clamp(-10_000, 10_000) as i32;
        BoxPx {
            x: self.bbox.x.saturating_add(shift(self.velocity.0)),
            y: self.bbox.y.saturating_add(shift(self.velocity.1)),
            ..self.bbox
        }
    }

    fn moved_to(&mut self, now: Mono, detection: &Detection) {
        let dt = now.since(self.seen) as i64;
        if dt > 0 {
            let (old, new) = (self.bbox.centre(), detection.bbox.centre());
            let speed = |a: i32, b: i32| (i64::from(b) - i64::from(a)) * 1000 / dt;
            // Half old, half new: one jumping box does not throw the prediction away.
            self.velocity = (
                self.velocity.0.midpoint(speed(old.x, new.x)),
                self.velocity.1.midpoint(speed(old.y, new.y)),
            );
        }
        self.bbox = detection.bbox;
        self.seen = now;
        self.appearance = detection.appearance.or(self.appearance);
    }

    fn dwell_to_patient_ms(&self, policy: &Policy) -> u64 {
        if self.practitioner {
            policy.patient_dwell_practitioner_ms()
        } else if self.began_on_bed {
            policy.patient_dwell_ms()
        } else {
            policy.patient_dwell_entered_ms()
        }
    }
}

const UNLIKE_MAX: i64 = 16 * 255;

/// 0 (alike, or unknown) to [`UNLIKE_MAX`].
fn unlikeness(a: Option<Appearance>, b: Option<Appearance>) -> i64 {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(&x, y)| i64::from(x.abs_diff(y))).sum(),
        _ => 0,
    }
}
