//! Entry order: who comes, goes and stays tells who an unrecognised face may be. A face that begins
//! where a recognised one vanished inside the room may be theirs; one that begins where the patient
//! got up is the patient's.

use std::collections::BTreeSet;

use crate::history::{History, TrackLog};
use crate::identity::StretchOwner;
use crate::people::TrackPart;
use crate::spans::Spans;
use crate::{PersonId, Policy, TrackId, Zone};

/// Two sightings so near in time may be of one moment, ms.
const OVERLAP_MS: u64 = 2_000;

/// A track, or a stretch of one, that is somebody's; and how it began and ended.
pub(crate) struct NamedPresence {
    person: PersonId,
    from: u64,
    to: u64,
    came_in: bool,
    went_out: bool,
}

/// All stretches of recognised people that touch `from..=to`.
pub(crate) fn named_tracks(h: &History, from: u64, to: u64, policy: &Policy) -> Vec<NamedPresence> {
    let mut named = Vec::new();
    for track in h.tracks.values().filter(|t| t.last() >= from && t.first() <= to && !t.patient) {
        for (a, b, who, _) in track.identity.stretches(track.last(), policy) {
            if let StretchOwner::Person(person) = who {
                let came_in = a == track.first() && track.first_zone == Zone::Door;
                let went_out = b == track.last() && track.last_zone == Zone::Door;
                named.push(NamedPresence {
                    person: person.clone(),
                    from: a,
                    to: b,
                    came_in,
                    went_out,
                });
            }
        }
    }
    named
}

/// Whether an unrecognised stretch may be a recognised person seen badly: they vanish in the room
/// just before it begins, or appears there just after it ends, without going through the door, and
/// is never seen beside it.
pub(crate) fn takes_turns(
    named: &[NamedPresence],
    (from, to): (u64, u64),
    came_in: bool,
    went_out: bool,
    within: u64,
) -> bool {
    const HANDOVER_MS: u64 = 3_000;
    let earlier = |n: &NamedPresence| n.to <= from + HANDOVER_MS;
    let later = |n: &NamedPresence| n.from + HANDOVER_MS >= to;
    named.iter().any(|n| {
        // Only the last sighting before and the first after tell how they left and came.
        let his = || named.iter().filter(|m| m.person == n.person);
        let beside = his().any(|m| !earlier(m) && !later(m));
        let last = earlier(n) && !his().any(|m| earlier(m) && m.to > n.to);
        let first = later(n) && !his().any(|m| later(m) && m.from < n.from);
        let before = last && !n.went_out && !came_in && from <= n.to + within;
        let after = first && !n.came_in && !went_out && n.from <= to + within;
        !beside && (before || after)
    })
}

/// The patient on their feet.
pub(crate) struct PatientOnFeet {
    /// Tracks before the patient lay down or after they got up.
    pub(crate) linked: BTreeSet<TrackId>,
    /// Tracks between two times of lying.
    pub(crate) rises: BTreeSet<TrackId>,
    /// When those tracks began.
    begins: Vec<u64>,
    /// When a patient was seen lying.
    lies: Spans,
}

impl PatientOnFeet {
    pub(crate) fn around(h: &History, from: u64, to: u64, policy: &Policy) -> Self {
        let link = policy.patient_link_ms();
        let linked = linked_patients(h, &h.bed_uses(from, to, policy), link);
        let rises = risen(h, from, to, policy);
        let tracks = linked.union(&rises).filter_map(|id| h.tracks.get(id));
        let begins = tracks.map(TrackLog::first).collect();
        Self { linked, rises, begins, lies: h.bed.clip(from, to) }
    }

    /// Whether these are somebody who was in view while the patient was seen lying for as long as
    /// makes a patient: nobody stands beside themselves.
    pub(crate) fn lay_beside(&self, parts: &[TrackPart<'_>], policy: &Policy) -> bool {
        let both = parts.iter().map(|p| p.seen.intersect(&self.lies).total());
        both.sum::<u64>() >= policy.bed_seen_min_ms().max(1)
    }

    /// Whether somebody who may be the patient stood in the room from then on.
    pub(crate) fn got_up(&self, last_seen: Option<u64>) -> bool {
        last_seen.is_some_and(|at| self.begins.iter().any(|begin| *begin + OVERLAP_MS >= at))
    }
}

/// Whether the looks at a track speak for somebody of the roster.
fn names_somebody(track: &TrackLog, policy: &Policy) -> bool {
    let sum = track.evidence.within(track.first(), track.last());
    sum.best().is_some_and(|(_, mnat)| mnat >= policy.evidence_named_mnat() as i64)
}

/// Unidentified tracks between two times of lying, each beginning and ending where the patient
/// does: one person, who never goes through the door. Who does so again and again hides the
/// patient, and is somebody else.
fn risen(h: &History, from: u64, to: u64, policy: &Policy) -> BTreeSet<TrackId> {
    const LIES_STILL_MS: u64 = 10_000;
    const MOST_TIMES: usize = 2;
    let lies = h.bed.clip(from, to).bridged(LIES_STILL_MS);
    let gaps = lies.iter().map(|s| s.1).zip(lies.iter().skip(1).map(|s| s.0));
    let (mut times, mut all) = (0, BTreeSet::new());
    for (up, down) in gaps.filter(|(up, down)| down - up >= 2 * LIES_STILL_MS) {
        let stands = |t: &TrackLog| {
            !t.patient
                && t.first() + OVERLAP_MS >= up
                && t.last() <= down + OVERLAP_MS
                && t.first_zone != Zone::Door
                && t.last_zone != Zone::Door
                && !matches!(t.identity.now(policy).0, StretchOwner::Person(_))
                && !names_somebody(t, policy)
        };
        let mut tracks: Vec<_> = h.tracks.iter().filter(|(_, t)| stands(t)).collect();
        tracks.sort_by_key(|(id, t)| (t.first(), **id));
        let way = afoot_between(&tracks, up + policy.patient_link_ms(), down);
        times += usize::from(!way.is_empty());
        all.extend(way);
    }
    if times > MOST_TIMES { BTreeSet::new() } else { all }
}

/// Of tracks in the order of their beginning those that are one person, one after another, from
/// before `from` until shortly before `to`: of all such ways the one on which a stranger was seen
/// for longest, else anybody. Others may be seen beside them. Empty: there is no such way.
fn afoot_between(tracks: &[(&TrackId, &TrackLog)], from: u64, to: u64) -> Vec<TrackId> {
    // Who lies down looks down, and is first seen on the bed a while later.
    const LIES_DOWN_MS: u64 = 40_000;
    // How long each track's best way was seen, as a stranger and in all, and which track is before
    // it.
    type Seen = (u64, u64);
    let mut ways: Vec<Option<(Seen, Option<usize>)>> = Vec::with_capacity(tracks.len());
    // Tracks that have a way, by their end; the best of those that ended early enough.
    let mut ends: BTreeSet<(u64, usize)> = BTreeSet::new();
    let mut before: Option<(Seen, usize)> = None;
    for (index, (_, track)) in tracks.iter().enumerate() {
        while let Some(&(end, ended)) = ends.first().filter(|e| e.0 <= track.first() + OVERLAP_MS) {
            ends.remove(&(end, ended));
            before = before.max(ways[ended].map(|(seen, _)| (seen, ended)));
        }
        let all_ms = track.seen.total();
        let strange = track.identity.is_stranger();
        let own = (if strange { all_ms } else { 0 }, all_ms);
        let way = match before {
            Some((seen, ended)) => Some(((seen.0 + own.0, seen.1 + own.1), Some(ended))),
            None => (track.first() <= from).then_some((own, None)),
        };
        if way.is_some() {
            ends.insert((track.last(), index));
        }
        ways.push(way);
    }
    let ends_there = |index: &usize| tracks[*index].1.last() + LIES_DOWN_MS >= to;
    let last = (0..tracks.len()).filter(ends_there).filter(|index| ways[*index].is_some());
    let mut at = last.max_by_key(|index| ways[*index].map(|(seen, _)| seen));
    let mut way = Vec::new();
    while let Some(index) = at {
        way.push(*tracks[index].0);
        at = ways[index].and_then(|(_, before)| before);
    }
    way
}

/// Unidentified tracks that end just before the bed is occupied, or begin just after it is left:
/// the patient on their feet. At most one per change of the bed, the nearest in time.
fn linked_patients(h: &History, uses: &Spans, link: u64) -> BTreeSet<TrackId> {
    let mut linked = BTreeSet::new();
    for (begin, end) in uses.iter() {
        let standing = || h.tracks.iter().filter(|(_, t)| !t.patient);
        let before =
            standing().filter(|(_, t)| t.last() + link >= begin && t.last() <= begin + OVERLAP_MS);
        linked.extend(before.max_by_key(|(_, t)| t.last()).map(|(id, _)| *id));
        let after =
            standing().filter(|(_, t)| t.first() + OVERLAP_MS >= end && t.first() <= end + link);
        linked.extend(after.min_by_key(|(_, t)| t.first()).map(|(id, _)| *id));
    }
    linked
}
