//! When operating counts: of staff throughout the session, of others only while the patient is
//! there.

use crate::case::bed::Bed;
use crate::case::input::CaseInput;
use crate::spans::Spans;

/// When operating counts: of staff throughout the session, of others only while the patient is
/// there.
pub(crate) struct OperatingGates {
    pub(crate) patient: Spans,
    pub(crate) session: Spans,
    /// After the patient was last seen, while the session was declared to be on.
    pub(crate) after_patient: Spans,
}

impl OperatingGates {
    /// Operating of somebody who is no staff: from when the patient was first seen; after the
    /// patient was last seen (a drape) as long as they stay at the bed at which they stood then.
    pub(crate) fn with_patient(&self, at_bed: &Spans) -> Spans {
        let (Some(first), Some(last)) = (self.patient.first(), self.patient.last()) else {
            return Spans::none();
        };
        let bridged = at_bed.bridged(60_000);
        let stays = bridged.iter().filter(|s| s.0 < last && s.1 > last).map(|s| (last, s.1));
        let stays = Spans::from_unsorted(stays.collect());
        at_bed.intersect(&self.patient.union(&stays.intersect(&self.session.clip(first, u64::MAX))))
    }
}

impl OperatingGates {
    pub(crate) fn of(given: &CaseInput<'_>, bed: &Bed) -> Self {
        let session = gate(given, None);
        let last = bed.hull.filter(|_| bed.seen && given.session.is_some()).map(|(_, last)| last);
        let after_patient = last.map_or_else(Spans::none, |last| {
            session.intersect(&Spans::one(last, given.bounds.end.min(given.now.0)))
        });
        let patient = gate(given, bed.hull.filter(|_| bed.seen));
        Self { patient, session, after_patient }
    }
}

/// Within reach of the session; while the patient is there, once they were seen; after preparation.
fn gate(given: &CaseInput<'_>, patient: Option<(u64, u64)>) -> Spans {
    let whole = Spans::one(given.bounds.lo, given.active_to());
    let gate = match patient {
        Some((first, last)) => whole.clip(first, last),
        None => whole,
    };
    let prep = given.item.map_or(0, |i| i.prep_ms);
    if prep == 0 {
        return gate;
    }
    let begin = given.bounds.start.max(gate.first().unwrap_or(given.bounds.start));
    gate.minus(&Spans::one(0, begin.saturating_add(prep)))
}
