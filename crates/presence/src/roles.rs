//! Reads the people of a case: who each is, whether they operated, and what stays open. It makes
//! [`Attendance`] and [`Unknowns`], both whole, and alleges nothing.

use crate::case::attendance::{Attendance, SeenPractitioner, Stranger};
use crate::case::bed::Bed;
use crate::case::input::CaseInput;
use crate::case::unknowns::{Unknown, UnknownCause, Unknowns};
use crate::check_in::CheckedIn;
use crate::entry_order::{NamedPresence, PatientOnFeet, named_tracks, takes_turns};
use crate::finding::PresenceMethod;
use crate::history::History;
use crate::identity::StretchOwner;
use crate::operating_time::OperatingGates;
use crate::people::{Somebody, TrackPart, people};
use crate::seen_elsewhere::undoubled;
use crate::spans::Spans;
use crate::visitors::SeenVisitor;
use crate::{CheckSubject, PersonId, Practitioner, PractitionerCategory, Zone};

/// Reads everybody of the window.
pub(crate) fn read_people<'a>(
    given: &CaseInput<'a>,
    bed: &Bed,
    h: &'a History,
) -> (Attendance<'a>, Unknowns<'a>) {
    let (from, to) = (given.window.first().unwrap_or(0), given.window.last().unwrap_or(0));
    let policy = &given.knowledge.policy;
    let afoot = PatientOnFeet::around(h, from, to, policy);
    let named = named_tracks(h, from, to, policy);
    let parts = parts_within(given, h, (from, to));
    let gates = OperatingGates::of(given, bed);
    let lists = Lists { visitors: SeenVisitor::among(&parts), ..Lists::default() };
    let lay_at = bed.used.first();
    let mut reading = Reading {
        given,
        lay_at,
        gates,
        attendance: Attendance::default(),
        unknowns: Unknowns::default(),
        lists,
    };
    for somebody in people(parts, policy) {
        reading.read_somebody(&somebody, &afoot, &named);
    }
    let Reading { mut attendance, mut unknowns, mut lists, gates, .. } = reading;
    let faces = h.tracks.values().filter(|t| t.last() >= from && t.first() <= to);
    attendance.face_seen = faces.into_iter().any(|track| !track.is_a_picture(policy));
    // Who got up was seen standing: what was done at the bed afterwards was done to nobody.
    if !afoot.got_up(gates.after_patient.first()) {
        attendance.after_drape = lists.after_drape;
    }
    attendance.settle_turns(lists.turning, &mut lists.doubted);
    attendance.activity = Spans::from_unsorted(lists.activity);
    attendance.beside = Spans::from_unsorted(lists.beside);
    unknowns.unexplained = Spans::from_unsorted(lists.unexplained);
    unknowns.doubted = Spans::from_unsorted(lists.doubted);
    unknowns.at_bed = Spans::from_unsorted(lists.unknown_ring);
    attendance.read_checks(given, h);
    attendance.settle(given);
    (attendance, unknowns)
}

/// The stretches of identity of every track of the window, cut where check-ins begin and end.
fn parts_within<'a>(
    given: &CaseInput<'a>,
    h: &'a History,
    (from, to): (u64, u64),
) -> Vec<TrackPart<'a>> {
    let policy = &given.knowledge.policy;
    let mut parts = Vec::new();
    let within = h.tracks.iter().filter(|(_, t)| t.last() >= from && t.first() <= to);
    for (&id, track) in within.filter(|(_, t)| !t.patient) {
        let stretches = track.identity.stretches(track.last(), policy);
        let exchanged =
            stretches.iter().any(|(_, _, who, _)| matches!(who, StretchOwner::Person(_)));
        let checked = given.checked_in_by_track(id, h);
        for (s_from, s_to, who, votes) in stretches {
            let (s_from, s_to) = (s_from.max(from), s_to.min(to));
            if s_from > s_to {
                continue;
            }
            // A check counts from the moment it was made, never backwards.
            for (from, to, bound) in CheckedIn::cut(&checked, (s_from, s_to)) {
                let part = TrackPart::new(id, track, (from, to), who.clone(), votes);
                parts.push(TrackPart { exchanged, bound, ..part });
            }
        }
    }
    undoubled(parts)
}

/// Spans collected over all people.
#[derive(Default)]
struct Lists {
    unknown_ring: Vec<(u64, u64)>,
    activity: Vec<(u64, u64)>,
    unexplained: Vec<(u64, u64)>,
    doubted: Vec<(u64, u64)>,
    beside: Vec<(u64, u64)>,
    /// Strangers who may be somebody recognised.
    turning: Vec<Stranger>,
    /// Pass holders inside the room whom nobody saw leave.
    visitors: Vec<SeenVisitor>,
    after_drape: Vec<Stranger>,
}

/// What is gathered while the people are read, one after the other.
struct Reading<'a, 'g> {
    given: &'g CaseInput<'a>,
    /// When the patient lay down.
    lay_at: Option<u64>,
    gates: OperatingGates,
    attendance: Attendance<'a>,
    unknowns: Unknowns<'a>,
    lists: Lists,
}

impl<'a> Reading<'a, '_> {
    fn read_somebody(
        &mut self,
        somebody: &Somebody<'a>,
        afoot: &PatientOnFeet,
        others: &[NamedPresence],
    ) {
        let policy = &self.given.knowledge.policy;
        for part in somebody.parts.iter().filter(|p| !p.track.is_a_picture(policy)) {
            self.lists.beside.extend(part.beside().iter());
        }
        let bound = somebody.parts.iter().find_map(|p| p.bound).map(|bound| bound.whom);
        // Joined by place alone they may be somebody else: that accuses nobody, and names nobody.
        let sure = !somebody.joined;
        if bound.is_none() && !somebody.has_person() {
            match somebody.matched(policy) {
                Some((person, _)) if sure => {
                    self.all_are(&somebody.parts, &person);
                }
                Some((person, _)) => self.named_are(&somebody.parts, &person),
                None => self.unrecognised(&somebody.parts, somebody, afoot, others),
            }
            return;
        }
        let mut rest = Vec::new();
        for part in &somebody.parts {
            match (&part.who, part.bound.map(|bound| bound.whom)) {
                (StretchOwner::Person(person), _) => {
                    self.recognised(part, person, PresenceMethod::Face);
                }
                (_, Some(CheckSubject::Person(person))) => {
                    self.recognised(part, person, PresenceMethod::CardPinWitness);
                }
                // A pass holder is at work with leave.
                (_, Some(CheckSubject::Pass(_))) => {}
                (_, None) => rest.push(part.clone()),
            }
        }
        match (bound, somebody.person()) {
            (Some(CheckSubject::Pass(_)), _) => {
                let uncovered = self.visitor(somebody, &rest);
                if !uncovered.is_empty() {
                    self.unrecognised(&uncovered, somebody, afoot, others);
                }
            }
            (Some(CheckSubject::Person(person)), None) if sure => {
                for part in &rest {
                    self.recognised(part, person, PresenceMethod::CardPinWitness);
                }
            }
            // The face is alike, and the evidence does not speak against it.
            (_, Some(person)) if sure => self.all_are(&rest, &person.clone()),
            _ => {
                for part in &rest {
                    let part = std::slice::from_ref(part);
                    self.unrecognised(part, somebody, afoot, others);
                }
            }
        }
    }

    /// What was seen of a pass holder whose track broke. `sure`: the face is the same. Otherwise it
    /// is a doubt that accuses nobody and is counted. Returns what no pass covers.
    fn visitor(&mut self, somebody: &Somebody<'a>, rest: &[TrackPart<'a>]) -> Vec<TrackPart<'a>> {
        let mut bound: Vec<CheckedIn<'a>> = somebody.parts.iter().filter_map(|p| p.bound).collect();
        bound.retain(CheckedIn::is_of_a_pass);
        bound.sort_unstable_by_key(|b| (b.from, b.until));
        let (mut covered, mut uncovered) = (Vec::new(), Vec::new());
        for part in rest {
            let (Some(from), Some(to)) = (part.seen.first(), part.seen.last()) else { continue };
            for (from, to, pass) in CheckedIn::cut(&bound, (from, to)) {
                let list = if pass.is_some() { &mut covered } else { &mut uncovered };
                list.push(part.within(from, to));
            }
        }
        if !covered.is_empty() && somebody.joined {
            let strange = covered.iter().filter(|p| p.who == StretchOwner::Stranger);
            let at_bed = strange.flat_map(|p| p.ring.iter().chain(p.head.iter())).collect();
            self.lists
                .doubted
                .extend(self.gates.with_patient(&Spans::from_unsorted(at_bed)).iter());
            let seen = Spans::from_unsorted(covered.iter().flat_map(|p| p.seen.iter()).collect());
            self.unknowns.presences.push(unknown(&covered, UnknownCause::Unverified, seen, false));
        }
        uncovered
    }

    fn all_are(&mut self, parts: &[TrackPart<'a>], person: &PersonId) {
        for part in parts {
            self.recognised(part, person, PresenceMethod::Face);
        }
    }

    /// Parts put together by place alone: those whose looks speak for the person are theirs; of the
    /// others they were there, but what they did at the bed is nobody's.
    fn named_are(&mut self, parts: &[TrackPart<'a>], person: &PersonId) {
        let (his, others): (Vec<_>, Vec<_>) =
            parts.iter().cloned().partition(|p| p.sum.of(person) > 0);
        self.all_are(&his, person);
        let Some(seen) = self.attendance.people.get_mut(person) else { return };
        for part in &others {
            seen.present = seen.present.union(&part.seen);
            seen.stays.extend(part.stay());
            let at_bed = part.ring.union(&part.head);
            self.lists.activity.extend(at_bed.intersect(&self.gates.session).iter());
        }
    }

    fn recognised(&mut self, part: &TrackPart<'a>, id: &PersonId, method: PresenceMethod) {
        let confirmed =
            |info: &&Practitioner| info.confirmed || method == PresenceMethod::CardPinWitness;
        let Some(info) = self.given.known(id).filter(confirmed) else {
            self.indeterminate(
                std::slice::from_ref(part),
                &UnknownCause::Unconfirmed(id.clone()),
                false,
            );
            return;
        };
        let declared = self.given.is_declared(id);
        let at_bed = if info.anaesthesia && !declared {
            part.ring.clone()
        } else {
            part.ring.union(&part.head)
        };
        // Staff who stay at the bed of a covered patient are at work; of others that cannot be
        // said.
        let non_clinical = info.category == PractitionerCategory::NonClinical;
        let op = if non_clinical {
            self.gates.with_patient(&at_bed)
        } else {
            at_bed.intersect(&self.gates.session)
        };
        self.lists.activity.extend(op.iter());
        let votes = part.votes.max(part.sum.hits(id));
        let seen = self
            .attendance
            .people
            .entry(id.clone())
            .or_insert_with(|| SeenPractitioner { method, ..SeenPractitioner::by_card(info) });
        seen.present = seen.present.union(&part.seen);
        seen.op = seen.op.union(&op);
        seen.votes += votes;
        part.track
            .hits_for(id, &part.seen)
            .for_each(|hit| seen.looks.add(hit.score_ppm, hit.waived));
        if method == PresenceMethod::Face {
            seen.method = method;
        }
        seen.stays.extend(part.stay());
    }

    /// Parts of one person whom nobody recognised.
    fn unrecognised(
        &mut self,
        parts: &[TrackPart<'a>],
        somebody: &Somebody<'a>,
        afoot: &PatientOnFeet,
        named: &[NamedPresence],
    ) {
        let policy = &self.given.knowledge.policy;
        // The patient between two times of lying: no operator, and no stranger.
        let (risen, parts): (Vec<_>, Vec<_>) =
            parts.iter().cloned().partition(|p| afoot.rises.contains(&p.id));
        if !risen.is_empty() {
            let at_bed = risen.iter().flat_map(|p| p.ring.iter().chain(p.head.iter())).collect();
            self.lists
                .doubted
                .extend(self.gates.with_patient(&Spans::from_unsorted(at_bed)).iter());
            self.afoot(&risen);
        }
        if parts.is_empty() {
            return;
        }
        let turns = turns(&parts, named, policy.handover_ms());
        let lows = somebody.unmatched(policy).filter(|_| !somebody.has_person());
        let strange = |p: &TrackPart<'_>| {
            p.who == StretchOwner::Stranger || (lows.is_some() && p.sum.of_anybody() <= -3_500)
        };
        let (strangers, others): (Vec<_>, Vec<_>) = parts.iter().cloned().partition(strange);
        let is_afoot =
            parts.iter().any(|p| afoot.linked.contains(&p.id)) && !afoot.lay_beside(&parts, policy);
        if !strangers.is_empty() && !is_companion(somebody) {
            self.stranger(&strangers, somebody, turns);
        }
        let others: Vec<TrackPart<'a>> =
            if is_companion(somebody) && !strangers.is_empty() { Vec::new() } else { others };
        if others.is_empty() {
            return;
        }
        if is_afoot && strangers.is_empty() {
            // The patient on their feet is nobody's absence, unless looks say that it is somebody
            // else.
            self.afoot(&others);
            return;
        }
        if !somebody.has_person() && !is_companion(somebody) {
            self.perhaps_stranger(&others);
        }
        self.indeterminate(&others, &UnknownCause::Unverified, turns || somebody.has_person());
    }

    fn afoot(&mut self, parts: &[TrackPart<'a>]) {
        let seen = Spans::from_unsorted(parts.iter().flat_map(|p| p.seen.iter()).collect());
        self.unknowns.presences.push(unknown(parts, UnknownCause::Unverified, seen, true));
    }

    fn stranger(&mut self, parts: &[TrackPart<'a>], somebody: &Somebody<'a>, turns: bool) {
        let at_bed = Spans::from_unsorted(
            parts.iter().flat_map(|p| p.ring.iter().chain(p.head.iter())).collect(),
        );
        let seen = Spans::from_unsorted(parts.iter().flat_map(|p| p.seen.iter()).collect());
        // Who is there before and after a short look down was there in between.
        let op =
            self.gates.with_patient(&at_bed.bridged(self.given.knowledge.policy.op_bridge_ms()));
        self.lists.activity.extend(op.iter());
        if self.given.lead_unrecognisable {
            let mut open = unknown(parts, UnknownCause::LeadWithoutTemplate, seen.clone(), false);
            open.anybody = true;
            self.unknowns.presences.push(open);
        }
        let mut stranger = Stranger {
            tracks: parts.iter().map(|p| p.id).collect(),
            op,
            votes: parts.iter().map(|p| p.votes.max(p.sum.lows_and_bands().0)).max().unwrap_or(0),
            came_with_patient: self.came_with_patient(&seen, somebody.companion_ms()),
        };
        // A pass holder whom nobody saw leave may be who appears inside the room afterwards, as
        // long as the pass holds.
        let appears = somebody.parts.iter().all(|p| p.track.first_zone != Zone::Door);
        if let Some(until) =
            SeenVisitor::until(&self.lists.visitors, seen.first()).filter(|_| appears)
        {
            self.lists.doubted.extend(stranger.op.clip(0, until).iter());
            stranger.op = stranger.op.minus(&Spans::one(0, until));
            if stranger.op.is_empty() {
                return;
            }
        }
        let later = at_bed.intersect(&self.gates.after_patient).minus(&stranger.op);
        if !turns && !stranger.came_with_patient && !later.is_empty() {
            self.lists.after_drape.push(Stranger { op: later, ..stranger.clone() });
        }
        if turns {
            self.lists.unknown_ring.extend(at_bed.iter());
            self.unknowns.tracks += u32::from(!at_bed.is_empty());
            self.unknowns.presences.push(unknown(parts, UnknownCause::TakesTurns, seen, false));
            if !stranger.op.is_empty() {
                self.lists.turning.push(stranger);
            }
        } else if !stranger.op.is_empty() {
            self.attendance.strangers.push(stranger);
        }
    }

    /// Whoever is hardly of the roster by the few looks there were: a doubt that adds to what
    /// others did who are strangers beyond doubt.
    fn perhaps_stranger(&mut self, parts: &[TrackPart<'a>]) {
        let named = self.given.knowledge.policy.evidence_named_mnat() as i64;
        let seen = Spans::from_unsorted(parts.iter().flat_map(|p| p.seen.iter()).collect());
        let Unknown { tracks, sum, .. } =
            unknown(parts, UnknownCause::Unverified, seen.clone(), false);
        let (lows, bands) = sum.lows_and_bands();
        let hardly = sum.of_anybody() <= -named && sum.hit().next().is_none() && bands * 4 <= lows;
        let at_bed = Spans::from_unsorted(
            parts.iter().flat_map(|p| p.ring.iter().chain(p.head.iter())).collect(),
        );
        // They may be the pass holder whom nobody saw leave.
        let until = SeenVisitor::until(&self.lists.visitors, seen.first());
        let covered = until.map_or_else(Spans::none, |until| Spans::one(0, until));
        let op = self.gates.with_patient(&at_bed).minus(&covered);
        if hardly && !op.is_empty() {
            let companion_ms = parts.iter().map(|p| p.track.companion_ms).sum();
            let came_with_patient = self.came_with_patient(&seen, companion_ms);
            let stranger = Stranger { tracks, op, votes: lows, came_with_patient };
            self.attendance.perhaps_strangers.push(stranger);
        }
    }

    /// Was there when the patient lay down, or has sat with the companions.
    fn came_with_patient(&self, seen: &Spans, companion_ms: u64) -> bool {
        self.lay_at.is_some_and(|lay| seen.first() <= Some(lay + 20_000)) || companion_ms >= 10_000
    }

    fn indeterminate(&mut self, parts: &[TrackPart<'a>], cause: &UnknownCause, explained: bool) {
        let policy = &self.given.knowledge.policy;
        let at_bed = Spans::from_unsorted(
            parts.iter().flat_map(|p| p.ring.iter().chain(p.head.iter())).collect(),
        );
        let seen = Spans::from_unsorted(parts.iter().flat_map(|p| p.seen.iter()).collect());
        let companion_ms: u64 = parts.iter().map(|p| p.track.companion_ms).sum();
        let mut unknown = unknown(parts, cause.clone(), seen.clone(), false);
        if unknown.sum.is_an_attack() || parts.iter().all(|p| p.track.is_a_picture(policy)) {
            // It does nothing at the bed, and hides nobody there; whose it is counts as never live.
            self.unknowns.presences.push(unknown);
            return;
        }
        let named = policy.evidence_named_mnat() as i64;
        let told = unknown.sum.of_anybody() <= -(policy.evidence_out_mnat() as i64)
            || unknown.sum.best().is_some_and(|(_, mnat)| mnat >= named);
        if companion_ms == 0 || companion_ms < at_bed.total() {
            let op = self.gates.with_patient(&at_bed);
            self.lists.activity.extend(op.iter());
            if !told || *cause != UnknownCause::Unverified {
                self.lists.unknown_ring.extend(at_bed.iter());
            }
            if !explained {
                self.lists.unexplained.extend(op.iter());
                unknown.op = op;
            }
        }
        for part in parts {
            // Too short for a match, and like one person alone: it tells how they came or went.
            let best = part.sum.best().filter(|(_, mnat)| *mnat >= named);
            let alone = best.filter(|(person, _)| part.sum.of_others(person) < 0);
            self.unknowns
                .glimpses
                .extend(alone.and_then(|(person, _)| Some((person.clone(), part.stay()?))));
        }
        let long = seen.total() >= policy.indeterminate_ignore_ms();
        self.unknowns.tracks += u32::from(long && !at_bed.is_empty());
        self.unknowns.presences.push(unknown);
    }
}

pub(crate) fn unknown<'a>(
    parts: &[TrackPart<'a>],
    cause: UnknownCause,
    seen: Spans,
    afoot: bool,
) -> Unknown<'a> {
    let mut sum = crate::evidence::Sum::default();
    for part in parts {
        sum.add(&part.sum);
    }
    Unknown {
        tracks: parts.iter().map(|p| p.id).collect(),
        cause,
        seen,
        sum,
        afoot,
        anybody: false,
        stays: parts.iter().filter_map(TrackPart::stay).collect(),
        op: Spans::none(),
        doubled: parts.iter().any(|p| p.doubled),
    }
}

/// Sits with the companions more than they stand at the bed.
fn is_companion(somebody: &Somebody<'_>) -> bool {
    let companion_ms = somebody.companion_ms();
    companion_ms > 0 && companion_ms >= somebody.parts.iter().map(|p| p.track.ring.total()).sum()
}

/// Whether parts of an unrecognised person may be a recognised one seen badly (entry order).
fn turns(parts: &[TrackPart<'_>], named: &[NamedPresence], within: u64) -> bool {
    let first = parts.iter().min_by_key(|p| p.seen.first());
    let last = parts.iter().max_by_key(|p| p.seen.last());
    let (Some(first), Some(last)) = (first, last) else { return false };
    let (Some(from), Some(to)) = (first.seen.first(), last.seen.last()) else { return false };
    let came_in = first.track.first() == from && first.track.first_zone == Zone::Door;
    let went_out = last.track.last() == to && last.track.last_zone == Zone::Door;
    takes_turns(named, (from, to), came_in, went_out, within)
}
