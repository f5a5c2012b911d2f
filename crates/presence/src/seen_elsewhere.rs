//! Takes back what a track counted for somebody who was in view elsewhere at that time. It names
//! nobody.

use std::collections::BTreeMap;

use crate::PersonId;
use crate::evidence::Sum;
use crate::identity::StretchOwner;
use crate::people::TrackPart;
use crate::spans::Spans;

/// Nobody is seen in two places at once. An identity holds for the time before its first look, too;
/// where the same person was in view on another track then, whoever that was is INDETERMINATE: the
/// tracker took two people who met for each other.
pub(crate) fn undoubled(parts: Vec<TrackPart<'_>>) -> Vec<TrackPart<'_>> {
    const AT_ONCE_MS: u64 = 2_000;
    // Others that began before are looked at, at most.
    const MOST: usize = 32;
    let mut of: BTreeMap<&PersonId, Vec<(u64, usize)>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        if let (StretchOwner::Person(person), Some(from)) = (&part.who, part.seen.first()) {
            of.entry(person).or_default().push((from, index));
        }
    }
    let mut cuts: BTreeMap<usize, u64> = BTreeMap::new();
    for (person, mut his) in of {
        his.sort_unstable();
        for &(from, index) in &his {
            let part = &parts[index];
            let Some(first) = part.track.identity.first_vote(person, from) else { continue };
            let before = Spans::one(from, first.max(from));
            let until = his.partition_point(|(begin, _)| *begin < first);
            let others = his[..until].iter().rev().filter(|(_, o)| parts[*o].id != part.id);
            let twice = others
                .take(MOST)
                .any(|(_, o)| parts[*o].seen.intersect(&before).total() > AT_ONCE_MS);
            if twice {
                cuts.insert(index, first);
            }
        }
    }
    let mut out = Vec::with_capacity(parts.len() + cuts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let Some(&first) = cuts.get(&index) else {
            out.push(part);
            continue;
        };
        let (from, to) = (part.seen.first().unwrap_or(0), part.seen.last().unwrap_or(0));
        let unknown = TrackPart::new(
            part.id,
            part.track,
            (from, to.min(first - 1)),
            StretchOwner::Unknown,
            0,
        );
        // What the track's evidence says of that time is mixed with what it says of the later one.
        let (sum, bound) = (Sum::default(), part.bound);
        out.push(TrackPart { exchanged: true, doubled: true, sum, bound, ..unknown });
        if first <= to {
            out.push(part.within(first, to));
        }
    }
    out
}
