//! What a pass covers, and until when: an enrolled holder while it holds, whoever was checked in
//! before a witness from the check-in to its end. It covers nobody beyond, and alleges nothing.

use crate::case::{Case, Cause};
use crate::check_in::CheckedIn;
use crate::gates::Gates;
use crate::history::History;
use crate::identity::Who;
use crate::people::{Part, Somebody};
use crate::roles::{Lists, unknown};
use crate::spans::Spans;
use crate::time::mono_of;
use crate::{Pass, PassKind, PersonId, Practitioner, SiteRelation, TrackId};

impl<'a> Case<'a> {
    /// To whom witnessed check-ins bind a track, in the order of time. Whose witness was not
    /// recognised in the room is only stated.
    pub(crate) fn checked_in_by_track(&self, id: TrackId, h: &History) -> Vec<CheckedIn<'a>> {
        let knowledge = self.knowledge;
        let made = knowledge.binding(id).map(|(from, check, until)| {
            let until = until.map_or(u64::MAX, |until| mono_of(until, self.offset));
            (check, CheckedIn { whom: &check.who, from: mono_of(from, self.offset), until })
        });
        made.filter(|(check, bound)| h.witnessed(bound.from, &check.witness, &knowledge.policy))
            .map(|(_, bound)| bound)
            .collect()
    }

    /// What was seen of a pass holder whose track broke. `sure`: the face is the same. Otherwise it
    /// is a doubt that accuses nobody and is counted. Returns what no pass covers.
    pub(crate) fn visitor(
        &mut self,
        somebody: &Somebody<'a>,
        rest: &[Part<'a>],
        gates: &Gates,
        lists: &mut Lists,
    ) -> Vec<Part<'a>> {
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
            let strange = covered.iter().filter(|p| p.who == Who::Stranger);
            let at_bed = strange.flat_map(|p| p.ring.iter().chain(p.head.iter())).collect();
            lists.doubted.extend(gates.with_patient(&Spans::from_unsorted(at_bed)).iter());
            let seen = Spans::from_unsorted(covered.iter().flat_map(|p| p.seen.iter()).collect());
            self.unknown.push(unknown(&covered, Cause::Unverified, seen, false));
        }
        uncovered
    }

    /// When passes of an enrolled person hold that are of such a kind.
    pub(crate) fn permitted(&self, person: &PersonId, kind: impl Fn(&PassKind) -> bool) -> Spans {
        let passes = self.knowledge.passes_of(person).filter(|pass| kind(&pass.kind));
        let mono =
            |pass: &Pass| (mono_of(pass.from, self.offset), mono_of(pass.until, self.offset));
        Spans::from_unsorted(passes.map(mono).filter(|(from, until)| from < until).collect())
    }

    /// When somebody may work at this site though registered elsewhere.
    pub(crate) fn site_covered(&self, info: &Practitioner) -> Spans {
        let visiting = self.permitted(&info.id, |kind| *kind == PassKind::VisitingDoctor);
        match info.relation {
            SiteRelation::Exempt { from, until } => {
                visiting.union(&Spans::one(mono_of(from, self.offset), mono_of(until, self.offset)))
            }
            _ => visiting,
        }
    }
}
