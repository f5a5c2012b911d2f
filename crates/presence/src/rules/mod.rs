//! The rules of domain §3, each a function from the measures of a case to at most one draft. They keep no state.

pub(crate) mod draft;
mod integrity;
mod licence_lending;
mod non_lead;
mod undecided;
mod unlicensed;

pub(crate) use draft::Draft;
pub(crate) use integrity::{attacks, camera_faults, zones_drifted};
pub(crate) use undecided::undecided;
pub(crate) use unlicensed::{uq1_blocked, uq1_frequent};

use crate::case::Case;
use crate::spans::share_ppm;
use crate::{PersonId, Severity};

/// Everything that the rules say of a case now.
pub(crate) fn judge(case: &Case<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(non_lead::nl4(case));
    if case.doorway {
        if case.is_final && case.faults().is_empty() {
            drafts.extend(licence_lending::ll4(case));
            drafts.extend(licence_lending::ll5_at_the_door(case));
        }
    } else if case.faults().is_empty() {
        drafts.extend(licence_lending::ll4(case));
        drafts.extend(unlicensed::uq1(case));
        drafts.extend(unlicensed::uq2(case));
        if case.session.is_none() {
            drafts.extend(integrity::hb3(case));
        }
        if case.is_final && case.session.is_some() && case.item.is_some() {
            drafts.extend(licence_lending::ll1(case));
            drafts.extend(licence_lending::ll5(case));
            drafts.extend(non_lead::nl1(case));
            drafts.extend(non_lead::nl2(case));
            drafts.extend(non_lead::nl3(case));
            drafts.extend(unlicensed::uq3(case));
        }
    }
    if case.session.is_some_and(|(_, s)| s.emergency()) {
        for draft in &mut drafts {
            draft.soften();
        }
    }
    drafts
}

impl Severity {
    /// One level lower, but not below L1: an emergency lowers, it never suppresses.
    pub(crate) fn softened(self) -> Self {
        match self {
            Self::L3 => Self::L2,
            Self::L2 | Self::L1 => Self::L1,
            Self::L0 => Self::L0,
        }
    }
}

/// Op that the rules of the NL family ask for, ms.
fn nl_need_ms(case: &Case<'_>) -> u64 {
    let p = &case.knowledge.policy;
    let share = u128::from(case.a.total()) * u128::from(p.nl_op_share_ppm()) / 1_000_000;
    p.nl_op_min_ms().max(share as u64)
}

/// Whether it can be said that none of these people was there: the window has passed, it could be seen, and nobody
/// INDETERMINATE may have been one of them.
fn absent(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    case.is_final && not_seen(case, &who) && absence_can_be_told(case, &who)
}

/// Whether none of these people was recognised in the window.
fn not_seen(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    case.presence_of(|s| who(&s.info.id)).is_empty()
}

/// Whether these people, not being seen, may be called absent.
fn absence_can_be_told(case: &Case<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    let visible = u64::from(case.v.over_i_ppm) >= case.knowledge.policy.visibility_min_ppm();
    visible && case.unknown_for(&who).is_empty()
}

/// How sure `votes` frames make (Laplace's rule of succession, n/(n+1)).
fn votes_ppm(votes: u32) -> u32 {
    share_ppm(u64::from(votes), u64::from(votes) + 1)
}

/// How sure the role is: half at the threshold, full at twice the threshold.
fn role_ppm(op_ms: u64, need_ms: u64) -> u32 {
    share_ppm(op_ms, need_ms.saturating_mul(2).max(1))
}
