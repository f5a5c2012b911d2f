//! Who may have been somebody, and for how long at most: what may be said of an absence, and of a
//! presence that is short. It reads a case and alleges nothing.

use crate::PersonId;
use crate::Practitioner;
use crate::case::{CaseMeasures, SeenPractitioner, Stay, Unknown, UnknownCause};
use crate::evidence::Possibility;
use crate::spans::Spans;

/// How long somebody was there, at least and at most.
#[derive(Clone, Debug)]
pub(crate) struct TwoBounds {
    /// Verified.
    pub(crate) certain: Spans,
    /// Verified, not ruled out, or out of sight.
    pub(crate) possible: Spans,
}

/// What may be said of the absence of some people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// They were not there.
    Told,
    /// Only looks that may not be of a living face speak for them.
    NeverLive,
    /// They were not recognised, and somebody badly seen came in whom nobody saw leave.
    MayHaveStayed,
    /// It cannot be said.
    Open,
}

impl<'a> CaseMeasures<'a> {
    /// Whether an unrecognised presence may be a person, and when.
    pub(crate) fn open_for(
        &self,
        unknown: &Unknown<'_>,
        person: &PersonId,
    ) -> (Possibility, Spans) {
        let policy = &self.given.knowledge.policy;
        let known = self.given.known(person).is_some_and(Practitioner::is_recognisable);
        if policy.exclusion_gap_ms() == 0 || (unknown.anybody && !known) {
            return (Possibility::Open, unknown.seen.clone());
        }
        let standing = match &unknown.cause {
            UnknownCause::Unconfirmed(of) if of == person => Possibility::Open,
            _ => unknown.sum.standing(person, policy),
        };
        if unknown.afoot && unknown.sum.of(person) < policy.evidence_named_mnat() as i64 {
            return (Possibility::Out, Spans::none());
        }
        match standing {
            Possibility::Out if unknown.sum.is_never_live() => (Possibility::Out, Spans::none()),
            Possibility::Out => {
                (Possibility::Doubtful, unknown.sum.open_within(person, &unknown.seen, policy))
            }
            other => (other, unknown.seen.clone()),
        }
    }

    /// INDETERMINATE presences that may have been one of those for whom `who` holds.
    pub(crate) fn unknown_for(&self, who: impl Fn(&PersonId) -> bool) -> Spans {
        self.unknown_as(who, |standing| standing != Possibility::Out)
    }

    /// The same of those of which some look was of a living face.
    pub(crate) fn unknown_alive_for(&self, who: impl Fn(&PersonId) -> bool) -> Spans {
        self.unknown_as(who, |standing| {
            matches!(standing, Possibility::Doubtful | Possibility::Open)
        })
    }

    fn unknown_as(
        &self,
        who: impl Fn(&PersonId) -> bool,
        counts: impl Fn(Possibility) -> bool,
    ) -> Spans {
        let people = self.people_of(who);
        let open = self.unknowns.presences.iter().flat_map(|u| {
            let anybody = (u.anybody && self.lead_is_unknown()).then(|| u.seen.clone());
            let of = people
                .iter()
                .map(|id| self.open_for(u, id))
                .filter(|(standing, _)| counts(*standing));
            of.map(|(_, spans)| spans).chain(anybody).collect::<Vec<_>>()
        });
        Spans::from_unsorted(open.flat_map(|spans| spans.iter().collect::<Vec<_>>()).collect())
    }

    /// Whether it can be said that none of these people was there: nobody who may as well be one of
    /// them, and what was not told apart or not seen is shorter than `hides_ms`.
    pub(crate) fn absence(&self, who: impl Fn(&PersonId) -> bool, hides_ms: u64) -> Absence {
        let people = self.people_of(who);
        let is_open = |u: &Unknown<'_>| {
            (u.anybody && self.lead_is_unknown())
                || people.iter().any(|id| self.open_for(u, id).0 == Possibility::Open)
        };
        let hides = |counts: fn(Possibility) -> bool| {
            people.iter().any(|id| self.could_hide(id, hides_ms.max(1), counts))
        };
        if self.unknowns.presences.iter().any(is_open)
            || hides(|standing| matches!(standing, Possibility::Doubtful | Possibility::Open))
        {
            Absence::Open
        } else if hides(|standing| standing != Possibility::Out) {
            Absence::NeverLive
        } else if self.may_have_stayed(&people, hides_ms) {
            Absence::MayHaveStayed
        } else {
            Absence::Told
        }
    }

    /// Whether somebody came in by the door, was seen too badly to be told from one of these
    /// people, and may have been inside with the back turned from then on.
    fn may_have_stayed(&self, people: &[&PersonId], hides_ms: u64) -> bool {
        let policy = &self.given.knowledge.policy;
        let (least, named) =
            (-(policy.evidence_open_mnat() as i64), policy.evidence_named_mnat() as i64);
        let end = self.sight.a.last().unwrap_or(0);
        let inside = |u: &&Unknown<'_>| {
            let last = u.stays.iter().max_by_key(|stay| stay.to);
            // Seen at the door alone, they came or went; nobody saw them inside.
            let turned = |stay: &Stay| stay.at_door && u.stays.len() == 1;
            last.is_some_and(|stay| !stay.went_out && (!stay.at_door || turned(stay)))
                && u.stays.iter().any(|stay| stay.came_in || turned(stay))
                && u.seen.last().is_some_and(|last| end >= last.saturating_add(hides_ms))
        };
        let tells_nothing = |u: &Unknown<'_>, id: &PersonId| {
            // Looks that name them, but may not be of a living face, say no more against them.
            matches!(self.open_for(u, id).0, Possibility::Doubtful | Possibility::NeverLive)
                && u.sum.of(id) > least
                && u.sum.of_others(id) < named
                && u.sum.live_looks() >= 1
        };
        let may_be = |u: &Unknown<'_>| u.doubled || people.iter().any(|id| tells_nothing(u, id));
        self.unknowns.presences.iter().filter(inside).any(may_be)
    }

    fn people_of(&self, who: impl Fn(&PersonId) -> bool) -> Vec<&'a PersonId> {
        self.given.roster.into_iter().flat_map(|r| r.people.keys()).filter(|id| who(id)).collect()
    }

    /// Somebody is declared to lead of whom the roster knows nothing.
    fn lead_is_unknown(&self) -> bool {
        self.given.declared_lead().is_some_and(|lead| self.given.known(lead).is_none())
    }

    /// Whether somebody may have been there for `hides_ms` in what was not told apart or not seen.
    /// Each glimpse alone may say too little against them; that they were in as many of them as
    /// that takes is as unlikely as all of it together.
    fn could_hide(&self, id: &PersonId, hides_ms: u64, counts: fn(Possibility) -> bool) -> bool {
        let dark_ms = self.sight.blind.intersect(&self.sight.i).total() + self.sight.forgot_ms;
        self.could_hide_in(id, dark_ms, &self.given.window, hides_ms, counts)
    }

    /// Whether a recognised person, who was there in `there`, was so for less than `least_ms` of A
    /// with all that may have been theirs. `also_unsure`: a face that may not be living may have
    /// been theirs too.
    pub(crate) fn is_short_of(
        &self,
        seen: &SeenPractitioner<'_>,
        there: &Spans,
        least_ms: u64,
        also_unsure: bool,
    ) -> bool {
        let left_ms = least_ms.saturating_sub(there.total());
        let rest = self.sight.a.minus(there);
        let counts = |standing| match standing {
            Possibility::NeverLive => also_unsure,
            other => other != Possibility::Out,
        };
        // What was done out of sight is not in A.
        let unseen = self.sight.blind.intersect(&rest.union(&self.sight.i)).minus(there);
        let dark_ms = unseen.total() + self.sight.forgot_ms;
        left_ms > 0 && !self.could_hide_in(&seen.info.id, dark_ms, &rest, left_ms, counts)
    }

    /// As [`Self::could_hide`], within a time: what of it was not seen at all, and all of it.
    fn could_hide_in(
        &self,
        id: &PersonId,
        dark_ms: u64,
        within: &Spans,
        hides_ms: u64,
        counts: impl Fn(Possibility) -> bool,
    ) -> bool {
        let mut pieces = vec![(0, dark_ms)];
        for unknown in &self.unknowns.presences {
            let (standing, spans) = self.open_for(unknown, id);
            let part = spans.total() < unknown.seen.total();
            // Time without a look near it, and time whose looks speak for them: nothing speaks
            // against those.
            let against = if part { 0 } else { (-unknown.sum.of(id)).max(0) };
            let ms = spans.intersect(within).total();
            if counts(standing) && ms > 0 {
                pieces.push((against, ms));
            }
        }
        // The cheapest first, by evidence per time; the last one in part.
        pieces.sort_by(|a, b| {
            (i128::from(a.0) * i128::from(b.1)).cmp(&(i128::from(b.0) * i128::from(a.1)))
        });
        let (mut against, mut left) = (0, hides_ms);
        for (mnat, ms) in pieces {
            if ms >= left {
                against += mnat * left as i64 / ms.max(1) as i64;
                return against < self.given.knowledge.policy.evidence_out_mnat() as i64;
            }
            against += mnat;
            left -= ms;
        }
        false
    }

    /// A recognised person's time in the room during A, at least and at most.
    pub(crate) fn presence(&self, seen: &SeenPractitioner<'_>) -> TwoBounds {
        let certain = seen
            .present
            .bridged(self.given.knowledge.policy.presence_bridge_ms())
            .intersect(&self.sight.a);
        let perhaps = self.unknown_for(|id| *id == seen.info.id).union(&self.sight.blind);
        TwoBounds { possible: certain.union(&perhaps.intersect(&self.sight.a)), certain }
    }

    /// When somebody may have stayed in the room with the back turned: from where they vanished
    /// inside it until they were seen again, unless they came in by the door then.
    pub(crate) fn unaccounted(&self, seen: &SeenPractitioner<'_>) -> Spans {
        const SAME_PASSAGE_MS: u64 = 15_000;
        let glimpses = self.unknowns.glimpses.iter().filter(|(person, _)| *person == seen.info.id);
        let mut stays = seen.stays.clone();
        stays.extend(glimpses.map(|(_, stay)| *stay));
        stays.sort_unstable();
        let end = self.sight.a.last().unwrap_or(0);
        let mut out = Vec::new();
        // Whether they are inside, since when unseen, and when they were last seen at the door.
        let begin = self.sight.a.first().unwrap_or(0);
        let (mut inside, mut since, mut door) = (false, begin, None::<u64>);
        if let Some(first) = stays.first().filter(|s| !s.came_in && s.from > begin) {
            // Nobody saw them come: they may have been there before. A look at the door alone may
            // be of one who goes.
            let enters = |next: &Stay| {
                !next.at_door && next.from <= first.to.saturating_add(SAME_PASSAGE_MS)
            };
            if !first.at_door || !stays.get(1).is_some_and(enters) {
                out.push((begin, first.from));
            }
        }
        for stay in stays {
            let passage = door.is_some_and(|at| stay.from <= at.saturating_add(SAME_PASSAGE_MS));
            let came_in = stay.came_in || (passage && !stay.at_door && !inside);
            if inside && !came_in && since < stay.from {
                out.push((since, stay.from));
            }
            inside = match (stay.at_door, passage) {
                // Seen at the door alone: they come, or they go.
                (true, false) => !inside,
                (true, true) => inside,
                (false, _) => !stay.went_out,
            };
            since = stay.to;
            door = (stay.at_door || stay.went_out).then_some(stay.to);
        }
        if inside && since < end {
            out.push((since, end));
        }
        Spans::from_unsorted(out)
    }
}
