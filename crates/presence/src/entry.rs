//! Entry order: who comes, goes and stays tells who an unrecognised face may be. A face that begins
//! where a recognised one vanished inside the room may be his; one that begins where the patient
//! got up is the patient's.

use std::collections::BTreeSet;

use crate::history::History;
use crate::identity::Who;
use crate::spans::Spans;
use crate::{PersonId, Policy, TrackId, Zone};

/// A track, or a stretch of one, that is somebody's; and how it began and ended.
pub(crate) struct Named {
    person: PersonId,
    from: u64,
    to: u64,
    came_in: bool,
    went_out: bool,
}

/// All stretches of recognised people that touch `from..=to`.
pub(crate) fn named_tracks(h: &History, from: u64, to: u64, policy: &Policy) -> Vec<Named> {
    let mut named = Vec::new();
    for track in h.tracks.values().filter(|t| t.last() >= from && t.first() <= to && !t.patient) {
        for (a, b, who, _) in track.identity.stretches(track.last(), policy) {
            if let Who::Person(person) = who {
                let came_in = a == track.first() && track.first_zone == Zone::Door;
                let went_out = b == track.last() && track.last_zone == Zone::Door;
                named.push(Named { person: person.clone(), from: a, to: b, came_in, went_out });
            }
        }
    }
    named
}

/// Whether an unrecognised stretch may be a recognised person seen badly: he vanishes in the room
/// just before it begins, or appears there just after it ends, without going through the door, and
/// is never seen beside it.
pub(crate) fn takes_turns(
    named: &[Named],
    (from, to): (u64, u64),
    came_in: bool,
    went_out: bool,
    within: u64,
) -> bool {
    const OVERLAP_MS: u64 = 3_000;
    let earlier = |n: &Named| n.to <= from + OVERLAP_MS;
    let later = |n: &Named| n.from + OVERLAP_MS >= to;
    named.iter().any(|n| {
        // Only his last sighting before and his first after tell how he left and came.
        let his = || named.iter().filter(|m| m.person == n.person);
        let beside = his().any(|m| !earlier(m) && !later(m));
        let last = earlier(n) && !his().any(|m| earlier(m) && m.to > n.to);
        let first = later(n) && !his().any(|m| later(m) && m.from < n.from);
        let before = last && !n.went_out && !came_in && from <= n.to + within;
        let after = first && !n.came_in && !went_out && n.from <= to + within;
        !beside && (before || after)
    })
}

/// Unidentified tracks that end just before the bed is occupied, or begin just after it is left:
/// the patient on his feet. At most one per change of the bed, the nearest in time.
pub(crate) fn linked_patients(h: &History, uses: &Spans, link: u64) -> BTreeSet<TrackId> {
    const OVERLAP_MS: u64 = 2_000;
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
