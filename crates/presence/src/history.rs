//! What was seen in the room, as spans of time: the camera, the bed, and every track with its zones
//! and identity. It keeps evidence and judges nothing. Its size is bounded by the horizon that
//! [`History::forget_before`] is given.

use std::collections::BTreeMap;

use crate::evidence::TrackEvidence;
use crate::face_motion::FaceMotion;
use crate::identity::{StretchOwner, TrackIdentity, Vote};
use crate::liveness_votes::LivenessVotes;
use crate::spans::Spans;
use crate::{
    BoxPx, CameraState, Face, Liveness, Observation, PersonId, Policy, Thresholds, TrackId, Zone,
    Zones,
};

/// More tracks than this are never kept: the oldest go, and what they were part of is no longer
/// assessable.
const MAX_TRACKS: usize = 16_384;
/// Recognising looks that are kept of one track.
const MAX_HITS: usize = 512;

/// Earlier tracks to which a track's likeness is kept.
const MAX_ALIKE: usize = 16;

/// One track.
#[derive(Clone, Debug)]
pub(crate) struct TrackLog {
    pub(crate) seen: Spans,
    /// In the operator zone.
    pub(crate) ring: Spans,
    /// At the head end.
    pub(crate) head: Spans,
    pub(crate) companion_ms: u64,
    pub(crate) identity: TrackIdentity,
    pub(crate) evidence: TrackEvidence,
    /// With the companions or elsewhere, not at the bed and not at the door.
    pub(crate) aside: Spans,
    /// With the companions, or elsewhere within reach of the bed.
    pub(crate) beside: Spans,
    /// How like it is to earlier tracks, ppm.
    pub(crate) alike: Vec<(TrackId, i32)>,
    /// Its box when it was seen first and last.
    pub(crate) first_at: BoxPx,
    pub(crate) last_at: BoxPx,
    /// How far it moved in looks that are a presentation attack, and in all.
    pub(crate) reach: Option<FaceMotion>,
    pub(crate) way: FaceMotion,
    /// Where it was seen first and last.
    pub(crate) first_zone: Zone,
    pub(crate) last_zone: Zone,
    pub(crate) patient: bool,
    pub(crate) spoof: LivenessVotes,
    /// The pipeline was told to wipe it.
    pub(crate) wiped: bool,
    companion: Spans,
    first: u64,
    /// Looks that recognised somebody, in their order.
    hits: Vec<HitLog>,
}

/// A look that recognised somebody.
#[derive(Clone, Debug)]
pub(crate) struct HitLog {
    at: u64,
    person: PersonId,
    pub(crate) score_ppm: i32,
    /// Not assessed for liveness, and waived.
    pub(crate) waived: bool,
}

/// A state of the camera that HB-2 reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultSpell {
    pub(crate) state: CameraState,
    pub(crate) from: u64,
    pub(crate) last: u64,
    pub(crate) over: bool,
}

/// The room's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) tracks: BTreeMap<TrackId, TrackLog>,
    /// Healthy camera and visible operator zone.
    pub(crate) clear: Spans,
    /// Healthy camera and visible door zone.
    pub(crate) door: Spans,
    /// Nobody was looked at, because nobody may be.
    pub(crate) withheld: Spans,
    /// A patient on the bed, as seen.
    pub(crate) bed: Spans,
    /// Times at which the wall clock could not be trusted.
    pub(crate) clock_doubt: Spans,
    pub(crate) faults: Vec<FaultSpell>,
    /// Nothing before this is known any more.
    pub(crate) known_from: u64,
    /// The first look.
    pub(crate) began: Option<u64>,
    /// Witnesses of checks whose time is forgotten, and whether they were recognised then.
    witnesses: BTreeMap<(u64, PersonId), bool>,
}

/// What in an observation asks for an evaluation soon.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stir {
    /// Verdict of some track changed, or a spoof was seen, or a patient.
    pub(crate) changed: bool,
    /// When the first of the tracks was first seen that is, or may be, somebody else now.
    pub(crate) changed_from: Option<u64>,
}

impl Stir {
    /// The verdict of a track changed, from when on.
    fn tell(&mut self, since: Option<u64>) {
        self.changed |= since.is_some();
        self.changed_from = self.changed_from.into_iter().chain(since).min();
    }
}

impl History {
    /// Takes one observation at monotonic ms `at`.
    pub(crate) fn take(
        &mut self,
        at: u64,
        seen: &Observation,
        zones: &Zones,
        thresholds: Option<&Thresholds>,
        policy: &Policy,
    ) -> Stir {
        let gap = policy.observation_gap_ms();
        let mut stir = Stir::default();
        self.began.get_or_insert(at);
        self.camera(at, seen, gap);
        if seen.patients > 0 {
            self.bed.extend_to(at, gap);
        }
        for id in &seen.taken_up {
            let track = self.tracks.get_mut(id);
            stir.tell(track.and_then(|track| track.identity.doubt_at(at)));
        }
        for id in &seen.same_again {
            let track = self.tracks.get_mut(id);
            stir.tell(track.and_then(|track| track.identity.same_again()));
        }
        for face in &seen.faces {
            self.face(at, face, zones, thresholds, policy, &mut stir);
        }
        for like in &seen.likeness {
            let Some(track) = self.tracks.get_mut(&like.track).filter(|t| !t.patient) else {
                continue;
            };
            if track.alike.len() < MAX_ALIKE
                && track.alike.iter().all(|(earlier, _)| *earlier != like.earlier)
            {
                track.alike.push((like.earlier, like.face_ppm));
            }
        }
        for id in &seen.became_patient {
            if let Some(track) = self.tracks.get_mut(id) {
                stir.changed |= !track.patient;
                track.patient = true;
            }
        }
        stir
    }

    /// Whether the witness of a check at `at` was recognised in the room then, within
    /// `presence_bridge_ms`. Where the box has no memory of that time (it started since) they may
    /// have been.
    pub(crate) fn witnessed(&self, at: u64, witness: &PersonId, policy: &Policy) -> bool {
        if let Some(known) = self.witnesses.get(&(at, witness.clone())) {
            return *known;
        }
        at < self.known_from || self.recognised(at, witness, policy)
    }

    fn recognised(&self, at: u64, person: &PersonId, policy: &Policy) -> bool {
        let (from, to) =
            (at.saturating_sub(policy.presence_bridge_ms()), at + policy.presence_bridge_ms());
        let near =
            self.tracks.values().filter(|t| !t.patient && t.last() >= from && t.first() <= to);
        near.flat_map(|t| {
            let his = t.identity.stretches(t.last(), policy).into_iter();
            his.filter(|(_, _, who, _)| matches!(who, StretchOwner::Person(p) if p == person))
                .map(move |(a, b, ..)| (t, a, b))
        })
        .any(|(t, a, b)| !t.seen.clip(a, b).clip(from, to).is_empty())
    }

    /// Settles who was recognised as a witness before what they were recognised by is forgotten.
    pub(crate) fn settle_witnesses(
        &mut self,
        checks: &[(u64, PersonId)],
        horizon: u64,
        policy: &Policy,
    ) {
        for (at, witness) in checks.iter().filter(|(at, _)| *at < horizon && *at >= self.known_from)
        {
            let seen = self.recognised(*at, witness, policy);
            self.witnesses.insert((*at, witness.clone()), seen);
        }
        self.witnesses.retain(|key, _| checks.contains(key));
    }

    /// Operator-zone time of everybody but patients, companions and pictures, in `from..=to`.
    pub(crate) fn attendance(&self, from: u64, to: u64, policy: &Policy) -> Spans {
        let operators =
            self.tracks.values().filter(|t| !t.patient && t.last() >= from && t.first() <= to);
        let spans = operators
            .filter(|t| !t.is_companion() && !t.is_a_picture(policy))
            .flat_map(|t| t.ring.iter().chain(t.head.iter()));
        let inside =
            spans.filter(|s| s.1 >= from && s.0 <= to).map(|s| (s.0.max(from), s.1.min(to)));
        Spans::from_unsorted(inside.collect())
    }

    /// When the bed was occupied, in `from..=to`: sightings of the patient, bridged over
    /// `bed_bridge_ms`, and over longer gaps through which somebody stood at the bed all the time
    /// (the patient's face was covered).
    pub(crate) fn bed_uses(&self, from: u64, to: u64, policy: &Policy) -> Spans {
        let seen = self.bed.clip(from, to).bridged(policy.bed_bridge_ms());
        let ends = seen.iter().map(|s| s.1);
        let gaps: Vec<(u64, u64)> = ends.zip(seen.iter().skip(1).map(|s| s.0)).collect();
        let attended = gaps.into_iter().filter(|&(a, b)| {
            let there = self.attendance(a, b, policy).padded(policy.operating_pad_ms() / 2);
            Spans::one(a, b).minus(&there).is_empty()
        });
        seen.union(&Spans::from_unsorted(attended.collect()))
    }

    /// When there was a picture, or none was asked for.
    pub(crate) fn lit(&self) -> Spans {
        self.clear.union(&self.door).union(&self.withheld)
    }

    /// Whether the latest look, at `now`, showed neither the operator zone nor the door, although
    /// it should have.
    pub(crate) fn is_dark(&self, now: u64) -> bool {
        [&self.clear, &self.door, &self.withheld].iter().all(|spans| spans.last() != Some(now))
    }

    fn camera(&mut self, at: u64, seen: &Observation, gap: u64) {
        let camera = seen.camera;
        let ok = camera.state == CameraState::Ok;
        if ok && camera.operator_visible {
            self.clear.extend_to(at, gap);
        }
        if ok && camera.door_visible {
            self.door.extend_to(at, gap);
        }
        if camera.state == CameraState::Withheld {
            self.withheld.extend_to(at, gap);
        }
        match self.faults.last_mut() {
            Some(fault) if !fault.over && fault.state == camera.state => fault.last = at,
            last => {
                if let Some(fault) = last {
                    fault.over = true;
                }
                if matches!(
                    camera.state,
                    CameraState::Covered | CameraState::Moved | CameraState::Frozen
                ) {
                    self.faults.push(FaultSpell {
                        state: camera.state,
                        from: at,
                        last: at,
                        over: false,
                    });
                }
            }
        }
    }

    fn face(
        &mut self,
        at: u64,
        face: &Face,
        zones: &Zones,
        thresholds: Option<&Thresholds>,
        policy: &Policy,
        stir: &mut Stir,
    ) {
        let zone = zones.of(face.bbox);
        if zone == Zone::Masked {
            return;
        }
        let gap = policy.observation_gap_ms();
        let track =
            self.tracks.entry(face.track).or_insert_with(|| TrackLog::new(at, zone, face.bbox));
        if track.seen.last().is_some_and(|last| at > last + policy.break_ms()) {
            track.identity.break_at(at);
        }
        track.seen.extend_to(at, gap);
        track.last_zone = zone;
        track.last_at = face.bbox;
        track.way.add(face.bbox);
        if face.liveness == Liveness::Spoof {
            track.reach.get_or_insert_with(|| FaceMotion::of(face.bbox)).add(face.bbox);
        }
        track.stand(at, zone, gap, || zones.reach_the_bed(face.bbox));
        if track.patient || zone == Zone::Bed {
            return;
        }
        stir.changed |= track.liveness(at, face.liveness, policy);
        let Some(thresholds) = thresholds else { return };
        let otherwise = track.evidence.take(at, face, thresholds, policy);
        let vote = Vote::of(face, thresholds, policy);
        if vote.is_none() && face.match_.is_some() {
            track.identity.not_live();
        }
        if let (Some(Vote::Hit(person)), Some(found)) = (&vote, &face.match_) {
            track.hit(at, person, found.score_ppm, face.liveness == Liveness::NotAssessed);
        }
        let verdict = vote.is_some_and(|vote| track.identity.vote(at, vote, policy));
        stir.changed |= verdict;
        let since = if verdict { Some(track.first()) } else { otherwise };
        stir.changed_from = stir.changed_from.into_iter().chain(since).min();
    }

    /// Drops what ended before `horizon`, and the oldest tracks beyond the hard limit.
    pub(crate) fn forget_before(&mut self, horizon: u64) {
        self.known_from = self.known_from.max(horizon);
        for spans in [
            &mut self.clear,
            &mut self.door,
            &mut self.withheld,
            &mut self.bed,
            &mut self.clock_doubt,
        ] {
            spans.forget_before(horizon);
        }
        self.faults.retain(|f| !f.over || f.last >= horizon);
        self.tracks.retain(|_, t| t.last() >= horizon);
        for track in self.tracks.values_mut() {
            track.forget_before(horizon);
        }
        while self.tracks.len() > MAX_TRACKS {
            let oldest = self.tracks.iter().min_by_key(|(id, t)| (t.last(), **id));
            let Some(oldest) = oldest.map(|(id, _)| *id) else { break };
            if let Some(gone) = self.tracks.remove(&oldest) {
                self.known_from = self.known_from.max(gone.last());
            }
        }
    }

    pub(crate) fn crowded(&self) -> bool {
        self.tracks.len() > MAX_TRACKS
    }
}

impl TrackLog {
    fn new(at: u64, zone: Zone, bbox: BoxPx) -> Self {
        Self {
            seen: Spans::none(),
            ring: Spans::none(),
            head: Spans::none(),
            companion: Spans::none(),
            first: at,
            companion_ms: 0,
            identity: TrackIdentity::new(at),
            evidence: TrackEvidence::default(),
            aside: Spans::none(),
            beside: Spans::none(),
            alike: Vec::new(),
            first_at: bbox,
            last_at: bbox,
            reach: None,
            way: FaceMotion::of(bbox),
            first_zone: zone,
            last_zone: zone,
            patient: false,
            spoof: LivenessVotes::default(),
            wiped: false,
            hits: Vec::new(),
        }
    }

    /// Where it stood at this moment.
    fn stand(&mut self, at: u64, zone: Zone, gap: u64, reaches_the_bed: impl FnOnce() -> bool) {
        match zone {
            Zone::Operator => self.ring.extend_to(at, gap),
            Zone::HeadEnd => self.head.extend_to(at, gap),
            Zone::Companion => {
                self.companion.extend_to(at, gap);
                self.companion_ms = self.companion.total();
                self.aside.extend_to(at, gap);
                self.beside.extend_to(at, gap);
            }
            Zone::Elsewhere => {
                self.aside.extend_to(at, gap);
                if reaches_the_bed() {
                    self.beside.extend_to(at, gap);
                }
            }
            Zone::Masked | Zone::Bed | Zone::Door => {}
        }
    }

    fn hit(&mut self, at: u64, person: &PersonId, score_ppm: i32, waived: bool) {
        // Of a track that is looked at all day the latest are enough to show what a presence rests
        // on.
        if self.hits.len() >= MAX_HITS {
            self.hits.drain(..MAX_HITS / 2);
        }
        self.hits.push(HitLog { at, person: person.clone(), score_ppm, waived });
    }

    /// The looks within `spans` that recognised this person.
    pub(crate) fn hits_for<'t>(
        &'t self,
        person: &'t PersonId,
        spans: &'t Spans,
    ) -> impl Iterator<Item = &'t HitLog> {
        self.hits.iter().filter(move |hit| hit.person == *person && spans.touches(hit.at, hit.at))
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Whether it was seen in the operator zone or at the head end at `at`.
    pub(crate) fn operates_at(&self, at: u64) -> bool {
        !self.patient && [&self.ring, &self.head].iter().any(|spans| spans.last() == Some(at))
    }

    pub(crate) fn last(&self) -> u64 {
        self.seen.last().unwrap_or(0)
    }

    /// Somebody may stay in view for days: what is older than the horizon goes, but when they came
    /// stays known.
    fn forget_before(&mut self, horizon: u64) {
        for spans in [
            &mut self.seen,
            &mut self.ring,
            &mut self.head,
            &mut self.companion,
            &mut self.aside,
            &mut self.beside,
        ] {
            spans.forget_before(horizon);
        }
        self.companion_ms = self.companion.total();
        self.hits.retain(|hit| hit.at >= horizon);
        self.identity.forget_before(horizon);
        self.evidence.forget_before(horizon);
    }

    /// Seen elsewhere than at the door.
    pub(crate) fn was_inside(&self) -> bool {
        !(self.ring.is_empty() && self.head.is_empty() && self.aside.is_empty())
    }

    /// Sits with the companions more than it stands at the bed.
    pub(crate) fn is_companion(&self) -> bool {
        self.companion_ms > 0 && self.companion_ms >= self.ring.total()
    }
}
