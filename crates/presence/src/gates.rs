//! When operating counts: of staff throughout the session, of others only while the patient is there.

use crate::case::Case;
use crate::spans::Spans;

/// When operating counts: of staff throughout the session, of others only while the patient is
/// there.
pub(crate) struct Gates {
    pub(crate) patient: Spans,
    pub(crate) session: Spans,
    /// After the patient was last seen, while the session was declared to be on.
    pub(crate) after_patient: Spans,
}

impl Gates {
    /// Operating of somebody who is no staff: from when the patient was first seen; after the
    /// patient was last seen (a drape) as long as he stays at the bed at which he stood then.
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

impl Case<'_> {
    /// The gates of a case; `hull`: from the first sighting of the patient to the last.
    pub(crate) fn gates(&self, hull: Option<(u64, u64)>, act_to: u64) -> Gates {
        let session = self.gate(None, act_to);
        let last = hull.filter(|_| self.bed_seen && self.session.is_some()).map(|(_, last)| last);
        let after_patient = last.map_or_else(Spans::none, |last| {
            session.intersect(&Spans::one(last, self.bounds.end.min(self.now)))
        });
        Gates { patient: self.gate(hull, act_to), session, after_patient }
    }

    /// When operating counts: within reach of the session; while the patient is there, once he was
    /// seen; after preparation.
    fn gate(&self, hull: Option<(u64, u64)>, act_to: u64) -> Spans {
        let whole = Spans::one(self.bounds.lo, act_to);
        let gate = match hull {
            Some((first, last)) if self.bed_seen => whole.clip(first, last),
            _ => whole,
        };
        let prep = self.item.map_or(0, |i| i.prep_ms);
        if prep == 0 {
            return gate;
        }
        let begin = self.bounds.start.max(gate.first().unwrap_or(self.bounds.start));
        gate.minus(&Spans::one(0, begin.saturating_add(prep)))
    }
}
