//! The people of a session: parts of tracks that are one person are put together, and what is known
//! of each is said once.
//!
//! Two parts are joined when one begins where and soon after the other ended and nobody else could
//! have been it, or when their faces are alike. Nobody is joined across a door, against the
//! evidence, or with somebody seen at the same time. A join adds evidence for and against; it never
//! makes a stranger of a person or a person of a stranger by itself.

use std::collections::BTreeMap;

use crate::case::attendance::Stay;
use crate::check_in::CheckedIn;
use crate::evidence::{Possibility, Sum, TrackEvidence};
use crate::history::TrackLog;
use crate::identity::StretchOwner;
use crate::spans::Spans;
use crate::{PersonId, Policy, TrackId, Zone};

/// The part of a track that is one stretch of identity, within the window.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "four marks of a part, any of them alone")]
pub(crate) struct TrackPart<'t> {
    pub(crate) id: TrackId,
    pub(crate) track: &'t TrackLog,
    pub(crate) who: StretchOwner,
    pub(crate) votes: u32,
    pub(crate) seen: Spans,
    pub(crate) ring: Spans,
    pub(crate) head: Spans,
    /// It begins with its track, ends with it.
    pub(crate) begins: bool,
    pub(crate) ends: bool,
    /// Its track was somebody's for a while: two people may have been exchanged.
    pub(crate) exchanged: bool,
    /// Its track was somebody's later who was in view elsewhere at this time.
    pub(crate) doubled: bool,
    /// A witnessed check-in binds it to a person or a pass.
    pub(crate) bound: Option<CheckedIn<'t>>,
    /// Its evidence alone.
    pub(crate) sum: Sum<'t>,
}

/// One person of a session.
#[derive(Clone, Debug)]
pub(crate) struct Somebody<'t> {
    pub(crate) parts: Vec<TrackPart<'t>>,
    pub(crate) sum: Sum<'t>,
    /// Parts were put together by place and time alone.
    pub(crate) joined: bool,
}

impl<'t> TrackPart<'t> {
    pub(crate) fn new(
        id: TrackId,
        track: &'t TrackLog,
        (from, to): (u64, u64),
        who: StretchOwner,
        votes: u32,
    ) -> Self {
        Self {
            id,
            track,
            who,
            votes,
            seen: track.seen.clip(from, to),
            ring: track.ring.clip(from, to),
            head: track.head.clip(from, to),
            begins: from <= track.first(),
            ends: to >= track.last(),
            exchanged: false,
            doubled: false,
            bound: None,
            sum: TrackEvidence::within(&track.evidence, from, to),
        }
    }

    /// What of it lies in an interval.
    pub(crate) fn within(&self, from: u64, to: u64) -> Self {
        let part = Self::new(self.id, self.track, (from, to), self.who.clone(), self.votes);
        let (exchanged, doubled) = (self.exchanged, self.doubled);
        Self { exchanged, doubled, bound: self.bound, ..part }
    }

    /// With the companions, or anywhere else but at the bed and the door.
    pub(crate) fn elsewhere(&self) -> Spans {
        self.track.aside.clip(self.from(), self.to())
    }

    /// With the companions, or elsewhere within reach of the bed.
    pub(crate) fn beside(&self) -> Spans {
        self.track.beside.clip(self.from(), self.to())
    }

    /// How whoever it is came and went; `None`: never seen.
    pub(crate) fn stay(&self) -> Option<Stay> {
        let (from, to) = (self.seen.first()?, self.seen.last()?);
        let inside = !(self.ring.is_empty() && self.head.is_empty() && self.elsewhere().is_empty());
        let track = self.track;
        let came_in = inside && track.first_zone == Zone::Door && track.seen.first() == Some(from);
        let went_out = inside && track.last_zone == Zone::Door && track.seen.last() == Some(to);
        let at_door = !inside && track.first_zone == Zone::Door;
        Some(Stay { from, to, came_in, went_out, at_door })
    }

    fn from(&self) -> u64 {
        self.seen.first().unwrap_or(0)
    }

    fn to(&self) -> u64 {
        self.seen.last().unwrap_or(0)
    }

    /// Whether the evidence lets both be one person.
    fn agrees(&self, other: &Self, policy: &Policy) -> bool {
        match (&self.who, &other.who) {
            (StretchOwner::Person(a), StretchOwner::Person(b)) => a == b,
            (StretchOwner::Person(a), _) => other.sum.standing(a, policy) != Possibility::Out,
            (_, StretchOwner::Person(b)) => self.sum.standing(b, policy) != Possibility::Out,
            _ => true,
        }
    }

    /// Whether `later` may go on where this one ended.
    fn goes_on(&self, later: &Self, policy: &Policy) -> bool {
        let gap = later.from().saturating_sub(self.to());
        let (here, there) = (self.track.last_at, later.track.first_at);
        let (a, b) = (here.centre(), there.centre());
        let apart = |a: i32, b: i32| (i64::from(a) - i64::from(b)).abs();
        let far = apart(a.x, b.x).max(apart(a.y, b.y));
        // A person walks a few face widths a second, but who is out of view seldom walks far before
        // being seen again.
        let face = i64::from(here.w.max(there.w)).max(1);
        let reach = face * 3 / 2 + face * (gap as i64) / 4_000;
        let door = self.track.last_zone == Zone::Door || later.track.first_zone == Zone::Door;
        later.from() >= self.to()
            && gap <= policy.join_gap_ms()
            && far <= reach.min(face * 5)
            && (!door || gap <= policy.observation_gap_ms())
    }
}

/// Puts the parts of a window together.
pub(crate) fn people<'t>(parts: Vec<TrackPart<'t>>, policy: &Policy) -> Vec<Somebody<'t>> {
    let n = parts.len();
    let mut group: Vec<usize> = (0..n).collect();
    let mut by_place = vec![false; n];
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|&i| (parts[i].from(), parts[i].id));
    // Who may go on as whom: the pair counts when each has no other choice.
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut ended: Vec<usize> = Vec::new();
    for &b in &order {
        let begin = parts[b].from();
        ended.retain(|&a| parts[a].to().saturating_add(policy.join_gap_ms()) >= begin);
        if parts[b].begins {
            let earlier =
                ended.iter().copied().filter(|&a| parts[a].ends && parts[a].id != parts[b].id);
            for a in earlier.filter(|&a| {
                parts[a].goes_on(&parts[b], policy) && parts[a].agrees(&parts[b], policy)
            }) {
                after[a].push(b);
                before[b].push(a);
            }
        }
        ended.push(b);
    }
    for &b in &order {
        // The one that ended last; another that ended much earlier went on otherwise or not at all.
        let Some(&a) = before[b].iter().max_by_key(|&&a| parts[a].to()) else { continue };
        let rivals =
            before[b].iter().filter(|&&o| o != a && parts[o].to() + 5_000 >= parts[a].to()).count();
        let first = after[a].iter().min_by_key(|&&o| parts[o].from()).copied();
        let close = after[a]
            .iter()
            .filter(|&&o| o != b && parts[o].from() <= parts[b].from() + 2_000)
            .count();
        if rivals == 0 && first == Some(b) && close == 0 {
            unite(&mut group, &mut by_place, a, b, true);
        }
    }
    let last: BTreeMap<TrackId, usize> =
        parts.iter().enumerate().filter(|(_, p)| p.ends).map(|(i, p)| (p.id, i)).collect();
    for (b, part) in parts.iter().enumerate().filter(|(_, p)| p.begins) {
        for (earlier, alike_ppm) in &part.track.alike {
            let Some(&a) = last.get(earlier) else { continue };
            let alike = i64::from(*alike_ppm) >= policy.join_alike_ppm() as i64;
            if alike && parts[a].to() <= part.from() && parts[a].agrees(part, policy) {
                unite(&mut group, &mut by_place, a, b, false);
            }
        }
    }
    gathered(parts, &group, &by_place)
}

/// The parts of each group together, in the order of their first.
fn gathered<'t>(
    parts: Vec<TrackPart<'t>>,
    group: &[usize],
    by_place: &[bool],
) -> Vec<Somebody<'t>> {
    let mut out: Vec<Somebody<'t>> = Vec::new();
    let mut place: Vec<Option<usize>> = vec![None; parts.len()];
    for (i, part) in parts.into_iter().enumerate() {
        let root = group[i];
        let at = *place[root].get_or_insert_with(|| {
            out.push(Somebody { parts: Vec::new(), sum: Sum::default(), joined: false });
            out.len() - 1
        });
        out[at].sum.add(&part.sum);
        out[at].joined |= by_place[root];
        out[at].parts.push(part);
    }
    out
}

fn unite(group: &mut [usize], by_place: &mut [bool], a: usize, b: usize, place: bool) {
    let (a, b) = (group[a].min(group[b]), group[a].max(group[b]));
    let doubt = place || by_place[a] || by_place[b];
    for g in group.iter_mut().filter(|g| **g == b) {
        *g = a;
    }
    by_place[a] = doubt;
}

impl Somebody<'_> {
    /// The recognised person among the parts, where there is one and no other.
    pub(crate) fn person(&self) -> Option<&PersonId> {
        let mut people = self.parts.iter().filter_map(|p| match &p.who {
            StretchOwner::Person(person) => Some(person),
            _ => None,
        });
        let first = people.next()?;
        people.all(|other| other == first).then_some(first)
    }

    pub(crate) fn has_person(&self) -> bool {
        self.parts.iter().any(|p| matches!(p.who, StretchOwner::Person(_)))
    }

    /// MATCHED by the evidence of all parts: as many hits as one track needs, much for them and
    /// little for anybody else.
    pub(crate) fn matched(&self, policy: &Policy) -> Option<(PersonId, u32)> {
        let named = policy.evidence_named_mnat() as i64;
        let hit = self.sum.hit().find(|person| {
            u64::from(self.sum.hits(person)) >= policy.match_frames()
                && self.sum.of(person) >= 2 * named
                && self.sum.of_others(person) < 0
                && self.sum.standing(person, policy) == Possibility::Open
                && self.parts.iter().all(|p| p.sum.standing(person, policy) != Possibility::Out)
        })?;
        Some((hit.clone(), self.sum.hits(hit)))
    }

    /// UNMATCHED by the evidence of all parts: as many good looks below T_reject over as long as
    /// one track needs.
    pub(crate) fn unmatched(&self, policy: &Policy) -> Option<u32> {
        let (lows, bands) = self.sum.lows_and_bands();
        let enough = u64::from(lows) >= policy.unmatched_frames()
            && self.sum.span_ms() >= policy.unmatched_span_ms();
        let nobody = self.sum.of_anybody() <= -(policy.evidence_out_mnat() as i64)
            && self.sum.hit().next().is_none();
        // A track that once was somebody's: a doctor seen badly is not a stranger.
        let exchanged = self.parts.iter().any(|p| p.exchanged);
        (enough && nobody && !exchanged && bands * 4 <= lows).then_some(lows)
    }

    /// Time with the companions, ms.
    pub(crate) fn companion_ms(&self) -> u64 {
        self.parts.iter().map(|p| p.track.companion_ms).sum()
    }
}
