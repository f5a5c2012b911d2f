//! What a pass covers, and until when: an enrolled holder while it holds, whoever was checked in
//! before a witness from the check-in to its end. It covers nobody beyond, and alleges nothing.

use crate::case::input::CaseInput;
use crate::check_in::CheckedIn;
use crate::history::History;
use crate::spans::Spans;
use crate::{Pass, PassKind, PersonId, Practitioner, SiteRelation, TrackId};

impl<'a> CaseInput<'a> {
    /// To whom witnessed check-ins bind a track, in the order of time. Whose witness was not
    /// recognised in the room is only stated.
    pub(crate) fn checked_in_by_track(&self, id: TrackId, h: &History) -> Vec<CheckedIn<'a>> {
        let knowledge = self.knowledge;
        let made = knowledge.binding(id).map(|(from, check, until)| {
            let until = until.map_or(u64::MAX, |until| self.offset.mono(until).0);
            (check, CheckedIn { whom: &check.who, from: self.offset.mono(from).0, until })
        });
        made.filter(|(check, bound)| h.witnessed(bound.from, &check.witness, &knowledge.policy))
            .map(|(_, bound)| bound)
            .collect()
    }

    /// When passes of an enrolled person hold that are of such a kind.
    pub(crate) fn permitted(&self, person: &PersonId, kind: impl Fn(&PassKind) -> bool) -> Spans {
        let passes = self.knowledge.passes_of(person).filter(|pass| kind(&pass.kind));
        let mono = |pass: &Pass| (self.offset.mono(pass.from).0, self.offset.mono(pass.until).0);
        Spans::from_unsorted(passes.map(mono).filter(|(from, until)| from < until).collect())
    }

    /// When somebody may work at this site though registered elsewhere.
    pub(crate) fn site_covered(&self, info: &Practitioner) -> Spans {
        let visiting = self.permitted(&info.id, |kind| *kind == PassKind::VisitingDoctor);
        match info.relation {
            SiteRelation::Exempt { from, until } => {
                visiting.union(&Spans::one(self.offset.mono(from).0, self.offset.mono(until).0))
            }
            _ => visiting,
        }
    }
}
