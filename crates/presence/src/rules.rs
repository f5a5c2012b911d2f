//! The rules of domain §3, each a function from the measures of a case to at most one draft. They
//! keep no state.

pub(crate) mod draft;
mod integrity;
mod licence_lending;
mod measures;
mod non_lead;
mod undecided;
mod unlicensed;

pub(crate) use draft::Allegation;
pub(crate) use integrity::{attacks, camera_faults, dark_at_bed, hb2_at_bed, zones_drifted};
pub(crate) use undecided::undecided;
pub(crate) use unlicensed::{uq1_blocked, uq1_frequent};

use crate::case::CaseMeasures;
use crate::{Rule, Severity};

/// Everything that the rules say of a case now.
pub(crate) fn judge(case: &CaseMeasures<'_>) -> Vec<Allegation> {
    let mut drafts = Vec::new();
    drafts.extend(non_lead::nl4(case));
    if case.given.doorway {
        if case.given.is_final && case.faults().is_empty() {
            drafts.extend(licence_lending::ll4(case));
            drafts.extend(licence_lending::ll5_at_the_door(case));
        }
    } else if case.faults().is_empty() {
        drafts.extend(licence_lending::ll4(case));
        drafts.extend(unlicensed::uq1(case));
        drafts.extend(unlicensed::uq2(case));
        if case.given.session.is_none() {
            drafts.extend(integrity::hb3(case));
        }
        if case.given.is_final && case.given.session.is_some() {
            let absent = licence_lending::ll1(case);
            drafts.extend(licence_lending::ll5(case, absent.is_some()));
            drafts.extend(absent);
            drafts.extend(non_lead::nl1(case));
            drafts.extend(non_lead::nl2(case));
            drafts.extend(non_lead::nl3(case));
            drafts.extend(unlicensed::uq3(case));
        }
    }
    if case.given.session.is_some() && !case.given.doorway && !case.sight.history_lost {
        // Whoever hides the room makes it unassessable: these ask for no view of the operator zone.
        drafts.extend(integrity::hb2_in_session(case));
        if case.given.is_final && !case.sight.declined && !case.sight.withheld {
            drafts.extend(integrity::hb7(case));
        }
    }
    if case.given.bounds.is_shared {
        // Whose work it was cannot be told: the clinic is asked.
        for draft in drafts.iter_mut().filter(|d| d.rule.asks_for_the_lead()) {
            draft.severity = draft.severity.softened();
        }
    }
    if case.is_lowered_by_emergency() {
        for draft in &mut drafts {
            draft.soften();
        }
    }
    drafts
}

impl Rule {
    /// Rules that accuse for the lead's absence or for what was done without one.
    fn asks_for_the_lead(self) -> bool {
        matches!(self, Self::Ll1 | Self::Ll5 | Self::Nl1 | Self::Nl2 | Self::Nl3)
    }
}

impl Severity {
    /// L1 at most: an emergency lowers, it never suppresses.
    pub(crate) fn softened(self) -> Self {
        self.min(Self::L1)
    }
}
