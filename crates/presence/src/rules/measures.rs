//! What several rules ask of a case: who was seen, whose absence can be told, and how sure that makes.

use crate::PersonId;
use crate::case::Case;
use crate::spans::share_ppm;

/// Op that the rules of the NL family ask for, ms.
pub(super) fn nl_need_ms(case: &Case<'_>) -> u64 {
    let p = &case.knowledge.policy;
    let share = u128::from(case.a.total()) * u128::from(p.nl_op_share_ppm()) / 1_000_000;
    p.nl_op_min_ms().max(share as u64)
}

/// Whether it can be said that none of these people was there: the window has passed, it could be seen, and nobody
/// INDETERMINATE may have been one of them.
pub(super) fn absent(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    case.is_final && not_seen(case, &who) && absence_can_be_told(case, &who)
}

/// Whether none of these people was recognised in the window.
pub(super) fn not_seen(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    case.presence_of(|s| who(&s.info.id)).is_empty()
}

/// Whether these people, not being seen, may be called absent.
pub(super) fn absence_can_be_told(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    let visible = u64::from(case.v.over_i_ppm) >= case.knowledge.policy.visibility_min_ppm();
    visible && case.unknown_for(&who).is_empty()
}

/// How sure `votes` frames make (Laplace's rule of succession, n/(n+1)).
pub(super) fn votes_ppm(votes: u32) -> u32 {
    share_ppm(u64::from(votes), u64::from(votes) + 1)
}

/// How sure the role is: half at the threshold, full at twice the threshold.
pub(super) fn role_ppm(op_ms: u64, need_ms: u64) -> u32 {
    share_ppm(op_ms, need_ms.saturating_mul(2).max(1))
}
