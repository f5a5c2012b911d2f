//! Sessions in which UQ-1 was blocked: an operator whom the box could neither recognise nor call a
//! stranger.

use crate::case::CaseMeasures;
use crate::finding::{FindingKey, Rule, Subject};
use crate::rules::{self, Allegation};

/// Sessions with a blocked UQ-1 that are remembered.
pub(crate) const MAX_BLOCKED: usize = 128;

/// A session in which UQ-1 was blocked: under which roster, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    pub(crate) roster: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Blocked {
    /// The event of a case, if it is one.
    pub(crate) fn of(case: &CaseMeasures<'_>, said: &[Allegation]) -> Option<Self> {
        let judged = case.faults().is_empty() && said.iter().all(|d| d.rule != Rule::Uq1);
        let op = rules::uq1_blocked(case)
            .filter(|_| judged)
            .map(|_| case.attendance.stranger_op().union(&case.unknowns.doubted))?;
        Some(Self { roster: case.given.roster_version(), from: op.first()?, to: op.last()? })
    }
}

/// Whether a finding is the one about blocked UQ-1s: the only one of the rule whose subject is the
/// room.
pub(crate) fn is_about_the_roster(key: &FindingKey) -> bool {
    key.rule == Rule::Uq1 && key.subject == Subject::Room
}
