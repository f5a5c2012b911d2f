//! What several rules ask of a case: who was seen, whose absence can be told, and how sure that
//! makes.

use crate::PersonId;
use crate::absence::Absence;
use crate::case::CaseMeasures;
use crate::finding::Severity;
use crate::spans::share_ppm;

/// Op that the rules of the NL family ask for, ms.
pub(super) fn nl_need_ms(case: &CaseMeasures<'_>) -> u64 {
    let p = &case.given.knowledge.policy;
    let share = u128::from(case.sight.a.total()) * u128::from(p.nl_op_share_ppm()) / 1_000_000;
    p.nl_op_min_ms().max(share as u64)
}

/// Whether none of these people was there: the window has passed, it could be seen, and nobody
/// INDETERMINATE may have been one of them. `None`: one of them was recognised, or it cannot be
/// said.
pub(super) fn absent(case: &CaseMeasures<'_>, who: impl Fn(&PersonId) -> bool) -> Option<Absence> {
    let told = case.given.is_final && not_seen(case, &who);
    Some(absence(case, &who)).filter(|absence| told && *absence != Absence::Open)
}

/// Whether none of these people was recognised in the window.
pub(super) fn not_seen(case: &CaseMeasures<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    case.presence_of(|s| who(&s.info.id)).is_empty()
}

/// Whether these people, not being recognised, may be called absent.
pub(super) fn absence(case: &CaseMeasures<'_>, who: impl Fn(&PersonId) -> bool) -> Absence {
    let visible =
        u64::from(case.sight.v.over_i_ppm) >= case.given.knowledge.policy.visibility_min_ppm();
    if visible { case.absence(who, case.lead_part_ms()) } else { Absence::Open }
}

/// The severity of what an absence supports: where only looks of a face that may not be living
/// speak for the absent, or somebody badly seen may have stayed, the clinic is asked.
pub(super) fn by_absence(absence: Absence, severity: Severity) -> Severity {
    if absence == Absence::Told { severity } else { severity.min(Severity::L1) }
}

/// How sure `votes` frames make (Laplace's rule of succession, n/(n+1)).
pub(super) fn votes_ppm(votes: u32) -> u32 {
    share_ppm(u64::from(votes), u64::from(votes) + 1)
}

/// How sure the role is: half at the threshold, full at twice the threshold.
pub(super) fn role_ppm(op_ms: u64, need_ms: u64) -> u32 {
    share_ppm(op_ms, need_ms.saturating_mul(2).max(1))
}
