//! The bed of a case: when somebody lay on it, and when anybody stood at it. It knows nobody.

use super::input::CaseInput;
use crate::history::History;
use crate::spans::Spans;

/// The patient's bed.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    /// When somebody lay on it.
    pub(crate) used: Spans,
    /// From the first sighting of the patient to the last.
    pub(crate) hull: Option<(u64, u64)>,
    /// The patient was seen for long enough to tell by it when they were there.
    pub(crate) seen: bool,
    /// When anybody but the patient and companions stood in the operator zone.
    pub(crate) attended: Spans,
}

impl Bed {
    pub(crate) fn of(given: &CaseInput<'_>, h: &History) -> Self {
        let p = &given.knowledge.policy;
        let (from, to) = (given.bounds.lo, given.active_to());
        let lain = h.bed.clip(from, to);
        let hull = lain.first().zip(lain.last());
        Self {
            used: h.bed_uses(from, to, p),
            hull,
            seen: hull.is_some_and(|(first, last)| last - first >= p.bed_seen_min_ms()),
            attended: h.attendance(from, to, p),
        }
    }
}
