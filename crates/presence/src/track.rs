//! Follows faces from frame to frame by where they may have moved and by clothes, takes up a face
//! again that was out of sight inside the room, and says which may be embedded. It sees boxes only
//! and decides nothing about people, but it is the gate of P1: no face in the bed zone is embedded,
//! and the track in the bed becomes the patient.

mod assign;
mod clothes;
mod face;
mod look;

use assign::{Assignment, Cost};
pub use clothes::Appearance;
use clothes::{UNLIKE_LEAST, UNLIKE_MAX, UNLIKE_SAME, UNLIKE_USUAL, blended, unlikeness};
pub use face::{FaceAnswer, WhoseFace};
pub use look::{Detection, EmbedPermission, Tracked, TrackedFrame};

use crate::{BoxPx, Moment, Mono, Policy, TrackId, Zone, Zones};

#[derive(Clone, Debug)]
struct Track {
    id: TrackId,
    bbox: BoxPx,
    seen: Mono,
    /// Where it was seen last.
    zone: Zone,
    /// Pixels per second, of the centre.
    velocity: (i64, i64),
    appearance: Option<Appearance>,
    began_on_bed: bool,
    on_bed_since: Option<Mono>,
    patient: bool,
    practitioner: bool,
    /// Since when it is open whether it is one of those out of sight.
    open: Option<Mono>,
}

/// The tracker of one camera.
#[derive(Clone, Debug)]
pub struct Tracker {
    zones: Zones,
    policy: Policy,
    next: u64,
    tracks: Vec<Track>,
    /// When it last looked, and how long after the look before, ms.
    looked: Option<(Mono, u64)>,
}

impl Tracker {
    /// A tracker without tracks. `first` is the first id it gives (a restarted box goes on where it
    /// was).
    pub fn new(zones: Zones, policy: Policy, first: TrackId) -> Self {
        Self { zones, policy, next: first.0, tracks: Vec::new(), looked: None }
    }

    /// New zones or settings; tracks go on.
    pub fn configure(&mut self, zones: Zones, policy: Policy) {
        self.zones = zones;
        self.policy = policy;
    }

    /// Ends every track; whoever is seen next is somebody new.
    pub fn forget_everybody(&mut self) {
        self.tracks.clear();
    }

    /// Tells that the engine holds this track for a practitioner (MATCHED): leaning over the bed
    /// does not make them the patient before `patient_dwell_practitioner_ms`.
    pub fn set_practitioner(&mut self, track: TrackId, is: bool) {
        if let Some(t) = self.tracks.iter_mut().find(|t| t.id == track) {
            t.practitioner = is;
        }
    }

    /// Tells that a track that was taken up is somebody else by the face: whoever it is now goes on
    /// as somebody new. The patient stays the patient.
    pub fn split(&mut self, track: TrackId) {
        let next = TrackId(self.next);
        let taken = |t: &&mut Track| t.id == track && !t.may_be_the_patient();
        if let Some(t) = self.tracks.iter_mut().find(taken) {
            (t.id, t.practitioner) = (next, false);
            self.next += 1;
        }
    }

    /// Takes the detections of one frame. Tracks unseen for longer than `track_gap_ms` are dropped,
    /// those that were last seen inside the room after `join_gap_ms`.
    pub fn update(&mut self, at: Moment, seen: &[Detection]) -> TrackedFrame {
        self.update_asking(at, seen, &mut |_| FaceAnswer::default())
    }

    /// The same, where `ask` tells by the face whose track a face goes on that place and clothes
    /// leave open. Such a face would be somebody new, and so be looked at anyway.
    pub fn update_asking(
        &mut self,
        at: Moment,
        seen: &[Detection],
        ask: &mut dyn FnMut(WhoseFace<'_>) -> FaceAnswer,
    ) -> TrackedFrame {
        let now = at.mono;
        self.tracks.retain(|t| t.is_kept(now, &self.policy));
        let chosen = self.assign(now, seen);
        let answers = self.ask_the_open(now, seen, &chosen, ask);
        let mut scene = TrackedFrame::default();
        let mut gone = Vec::new();
        let claims: Vec<TrackId> = answers.iter().filter_map(|answer| answer.is).collect();
        for ((detection, choice), answer) in seen.iter().zip(chosen).zip(&answers) {
            let by_face = answer.is.and_then(|is| self.tracks.iter().position(|t| t.id == is));
            let index = match by_face {
                Some(index) => {
                    gone.extend(self.open_track(choice));
                    index
                }
                None => self.goes_on(now, detection, choice, (answer, &claims), &mut gone),
            };
            self.follow(index, now, detection, by_face.is_some(), &mut scene);
        }
        self.tracks.retain(|t| claims.contains(&t.id) || !gone.contains(&t.id));
        let since_ms = self.looked.map_or(0, |(looked, _)| now.since(looked));
        self.looked = Some((now, since_ms));
        scene
    }

    /// Where one may come back that was out of sight: who comes in by the door may be anybody, and
    /// nobody lies down unseen.
    fn is_inside(&self, bbox: BoxPx) -> bool {
        !matches!(self.zones.of(bbox), Zone::Door | Zone::Bed | Zone::Masked)
    }

    /// The track of a face that its face does not tell. `claims`: tracks that are another face's;
    /// `gone`: tracks that end by it.
    fn goes_on(
        &mut self,
        now: Mono,
        detection: &Detection,
        choice: Assignment,
        (answer, claims): (&FaceAnswer, &[TrackId]),
        gone: &mut Vec<TrackId>,
    ) -> usize {
        if let Some(index) = choice.track() {
            let track = &self.tracks[index];
            // The patient stays the patient.
            if track.may_be_the_patient() {
                return index;
            }
            // Its face, or another's, says that it is another.
            if answer.rules_out(track.id) || claims.contains(&track.id) {
                return self.begin(now, detection, None);
            }
            // Nobody yet: it goes on until its face tells.
            if track.open.is_some() {
                if self.settles(index, now, answer) {
                    gone.extend(self.who_else_it_may_be(now, detection, answer));
                }
                return index;
            }
        }
        match choice {
            Assignment::Track(index) => index,
            _ if answer.later => {
                let index = self.begin(now, detection, choice.track());
                self.tracks[index].open = Some(now);
                index
            }
            // It is one of those that it may be: each of them goes on as somebody new.
            Assignment::Doubtful(index) => {
                gone.push(self.tracks[index].id);
                self.begin(now, detection, Some(index))
            }
            Assignment::New => {
                gone.extend(self.who_else_it_may_be(now, detection, answer));
                self.begin(now, detection, None)
            }
        }
    }

    /// Whether a look did not show what was seen last at `seen`, or one was left out.
    fn missed(&self, now: Mono, seen: Mono) -> bool {
        self.looked.is_some_and(|(looked, every_ms)| {
            looked > seen || (every_ms > 0 && now.since(looked) * 2 > every_ms * 3)
        })
    }

    /// Who appears inside the room in somebody's clothes is one of those out of sight, who walked
    /// farther than was thought: nobody can tell any more who the others are.
    fn who_else_it_may_be(
        &self,
        now: Mono,
        detection: &Detection,
        answer: &FaceAnswer,
    ) -> Vec<TrackId> {
        if self.zones.of(detection.bbox) == Zone::Door {
            return Vec::new();
        }
        let gap = self.policy.track_gap_ms();
        let alike = |t: &&Track| unlikeness(t.appearance, detection.appearance) <= UNLIKE_SAME;
        let unseen = self.tracks.iter().filter(|t| now.since(t.seen) > gap).filter(alike);
        unseen.map(|t| t.id).filter(|track| !answer.rules_out(*track)).collect()
    }

    fn assign(&self, now: Mono, seen: &[Detection]) -> Vec<Assignment> {
        let costs = seen.iter().map(|detection| {
            let inside = self.is_inside(detection.bbox);
            let covered = self.is_covered(detection, seen);
            let cost = |track: &Track| track.cost(now, detection, (inside, covered), &self.policy);
            self.tracks.iter().map(cost).collect()
        });
        let costs: Vec<Vec<Cost>> = costs.collect();
        let held = |(detection, costs): (&Detection, &Vec<Cost>)| {
            let unique = self.wears_alone(detection, seen);
            let mut possible = self.tracks.iter().zip(costs).filter(|(_, cost)| cost.is_some());
            possible.any(|(track, _)| track.expects(now, detection, unique, &self.policy))
        };
        let held: Vec<bool> = seen.iter().zip(&costs).map(held).collect();
        assign::assign(&costs, &held)
    }

    /// Whether at most one track, and nobody else of this look, wears what this face wears.
    fn wears_alone(&self, detection: &Detection, seen: &[Detection]) -> bool {
        let alike = |worn: Option<Appearance>| {
            worn.is_some() && unlikeness(worn, detection.appearance) <= UNLIKE_USUAL
        };
        detection.appearance.is_some()
            && self.tracks.iter().filter(|t| alike(t.appearance)).count() <= 1
            && seen.iter().filter(|other| alike(other.appearance)).count() <= 1
    }

    /// Whether somebody nearer to the camera, seen now or not, stands before the clothes.
    fn is_covered(&self, detection: &Detection, seen: &[Detection]) -> bool {
        let boxes = seen.iter().map(|d| d.bbox).chain(self.tracks.iter().map(|t| t.bbox));
        boxes.into_iter().any(|other| {
            let apart = i64::from(other.centre().x) - i64::from(detection.bbox.centre().x);
            let nearer = i64::from(other.w) * 100 > i64::from(detection.bbox.w) * 104;
            nearer && apart.abs() < i64::from(other.w) * 2
        })
    }

    /// `one_of`: it goes on one of several tracks, this or another, nobody can tell which.
    fn begin(&mut self, now: Mono, detection: &Detection, one_of: Option<usize>) -> usize {
        let id = TrackId(self.next);
        self.next += 1;
        let zone = self.zones.of(detection.bbox);
        self.tracks.push(Track {
            id,
            bbox: detection.bbox,
            seen: now,
            zone,
            velocity: (0, 0),
            appearance: detection.appearance,
            // Who leans over the bed beside another does not lie on it.
            began_on_bed: zone == Zone::Bed && one_of.is_none(),
            on_bed_since: None,
            patient: false,
            open: None,
            practitioner: one_of.is_some_and(|index| self.tracks[index].practitioner),
        });
        self.tracks.len() - 1
    }

    /// `by_face`: the face alone told whose track it is.
    fn follow(
        &mut self,
        index: usize,
        now: Mono,
        detection: &Detection,
        by_face: bool,
        scene: &mut TrackedFrame,
    ) {
        let zone = self.zones.of(detection.bbox);
        let missed = self.missed(now, self.tracks[index].seen);
        let track = &mut self.tracks[index];
        let unseen_ms = now.since(track.seen);
        let taken_up = by_face || track.may_be_replaced(now, detection, missed, &self.policy);
        // Whoever was away for so long is verified anew.
        track.practitioner &= unseen_ms <= self.policy.break_ms();
        track.moved_to(now, detection);
        track.zone = zone;
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
        let (track, bbox, open) = (track.id, detection.bbox, track.open.is_some());
        scene.tracked.push(Tracked { track, bbox, embed, patient, zone, taken_up, open });
    }
}

impl Track {
    fn may_be_the_patient(&self) -> bool {
        self.patient || self.began_on_bed || self.on_bed_since.is_some()
    }

    /// Whether it goes on, or may come back: not who lay on the bed or was last seen at the door.
    fn is_kept(&self, now: Mono, policy: &Policy) -> bool {
        let unseen_ms = now.since(self.seen);
        if self.open.is_some() {
            return unseen_ms < face::OPEN_MS;
        }
        let inside = !self.may_be_the_patient() && !matches!(self.zone, Zone::Door | Zone::Masked);
        unseen_ms <= policy.track_gap_ms()
            || (inside && self.appearance.is_some() && unseen_ms <= policy.join_gap_ms())
    }

    /// Whether somebody else may stand where this one stood. `missed`: a look did not show it.
    fn may_be_replaced(
        &self,
        now: Mono,
        detection: &Detection,
        missed: bool,
        policy: &Policy,
    ) -> bool {
        let unseen_ms = now.since(self.seen);
        unseen_ms > if missed { HIDDEN_MS } else { BETWEEN_LOOKS_MS }
            || self.overlap_ppm(now, detection.bbox) < policy.track_overlap_ppm() as i64
            || unlikeness(self.appearance, detection.appearance) > UNLIKE_USUAL
    }

    /// How surprising it is that a face is this one; `None`: it cannot be. `inside`: the face is
    /// seen where one may come back that was out of sight: who comes in by the door may be anybody,
    /// and nobody lies down unseen.
    fn cost(
        &self,
        now: Mono,
        detection: &Detection,
        (inside, covered): (bool, bool),
        policy: &Policy,
    ) -> Cost {
        let unseen_ms = now.since(self.seen);
        let expected = self.predicted(now);
        let unlike = unlikeness(self.appearance, detection.appearance);
        let (w, wide) = (i64::from(self.bbox.w), i64::from(detection.bbox.w));
        let sized = w * 2 <= wide * 3 && wide * 2 <= w * 3;
        let near = unseen_ms <= policy.track_gap_ms()
            && self.overlap_ppm(now, detection.bbox) >= policy.track_overlap_ppm() as i64
            && unlike <= UNLIKE_MAX / 2;
        let known = self.appearance.is_some() && detection.appearance.is_some();
        let again = policy.join_gap_ms() > 0
            && known
            && sized
            && unlike <= UNLIKE_SAME
            && (inside || unseen_ms <= policy.track_gap_ms());
        let back = if unseen_ms > policy.track_gap_ms() { COMES_BACK_MNAT } else { 0 };
        let most = match (near, covered) {
            (true, true) if unseen_ms <= JUST_SEEN_MS => clothes::COVERED_MNAT,
            (true, _) => clothes::HALF_HIDDEN_MNAT,
            _ => i64::MAX,
        };
        let clothes = (unlike * 1_000 / clothes::UNLIKE_A_NAT).min(most);
        let way = assign::way_mnat(self.bbox, expected, detection.bbox, unseen_ms);
        let cost = way + clothes + back;
        (near || again).then_some(cost)
    }

    /// Whether a face may be this one that was out of sight, wherever it is now: nobody changes
    /// clothes in a minute, and what somebody stands before tells nothing.
    fn may_come_back(&self, now: Mono, detection: &Detection, covered: bool) -> bool {
        let known = self.appearance.is_some() && detection.appearance.is_some();
        known
            && self.seen < now
            && (covered || unlikeness(self.appearance, detection.appearance) <= UNLIKE_SAME)
    }

    /// Whether a face here is hardly somebody new: the track was here a moment ago, or was out of
    /// sight since and wears what nobody else does (`unique`).
    fn expects(&self, now: Mono, detection: &Detection, unique: bool, policy: &Policy) -> bool {
        if now.since(self.seen) > JUST_SEEN_MS {
            return unique
                && self.appearance.is_some()
                && unlikeness(self.appearance, detection.appearance) <= UNLIKE_LEAST;
        }
        self.overlap_ppm(now, detection.bbox) >= policy.track_overlap_ppm() as i64
    }

    /// With where it was, or with where it is expected.
    fn overlap_ppm(&self, now: Mono, bbox: BoxPx) -> i64 {
        self.predicted(now).overlap_ppm(bbox).max(self.bbox.overlap_ppm(bbox))
    }

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
        self.appearance = blended(self.appearance, detection.appearance);
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

/// Nobody ducks and gives the place to another in less than this, ms.
const HIDDEN_MS: u64 = 300;
/// The same where no look missed the face, ms: a box that looks once a second is not slowed down.
const BETWEEN_LOOKS_MS: u64 = 1_000;
/// A look or two, ms: nobody walks far meanwhile.
const JUST_SEEN_MS: u64 = 900;
/// Who was seen a look ago is seen again four times in five, who was away for long comes back in
/// one look of ten.
const COMES_BACK_MNAT: i64 = 3_500;
