//! The nouns of `/api/v1`: each file holds its calls, what they take and what they answer.
//! No page stands here, and no word of one.

pub(super) mod account;
pub(super) mod account_rights;
pub(super) mod accounts;
pub(super) mod alerts;
pub(super) mod audit;
pub(super) mod boxes;
pub(super) mod bulk;
pub(super) mod calendar;
pub(super) mod case_documents;
pub(super) mod case_facts;
pub(super) mod case_templates;
pub(super) mod cases;
pub(super) mod checks;
pub(super) mod clues;
pub(super) mod commission;
pub(super) mod consents;
pub(super) mod corrections;
pub(super) mod devices;
pub(super) mod enrolments;
pub(super) mod evidence;
pub(super) mod figures;
pub(super) mod filing;
pub(super) mod health;
pub(super) mod hooks;
pub(super) mod impact_assessments;
pub(super) mod law;
pub(super) mod live;
pub(super) mod messages;
pub(super) mod monitoring;
pub(super) mod own_data;
pub(super) mod own_ways;
pub(super) mod package;
pub(super) mod personal;
pub(super) mod personal_link;
pub(super) mod policy;
pub(super) mod policy_preview;
pub(super) mod policy_trials;
pub(super) mod provision;
pub(super) mod publication;
pub(super) mod recovery_codes;
pub(super) mod refusals;
pub(super) mod registry;
pub(super) mod room_classes;
pub(super) mod running;
pub(super) mod self_checks;
pub(super) mod sessions;
pub(super) mod tokens;
pub(super) mod views;

use super::endpoint::Endpoint;

/// Every call: each noun says its own. A new call is one entry in its noun's file.
pub(super) fn endpoints() -> Vec<Endpoint> {
    [
        account::endpoints(),
        account_rights::endpoints(),
        accounts::endpoints(),
        alerts::endpoints(),
        audit::endpoints(),
        bulk::endpoints(),
        boxes::endpoints(),
        calendar::endpoints(),
        consents::endpoints(),
        case_documents::endpoints(),
        case_templates::endpoints(),
        cases::endpoints(),
        checks::endpoints(),
        clues::endpoints(),
        commission::endpoints(),
        corrections::endpoints(),
        devices::endpoints(),
        enrolments::endpoints(),
        evidence::endpoints(),
        figures::endpoints(),
        filing::endpoints(),
        health::endpoints(),
        hooks::endpoints(),
        impact_assessments::endpoints(),
        law::endpoints(),
        live::endpoints(),
        monitoring::endpoints(),
        own_data::endpoints(),
        package::endpoints(),
        personal::endpoints(),
        policy::endpoints(),
        policy_trials::endpoints(),
        provision::endpoints(),
        publication::endpoints(),
        refusals::endpoints(),
        room_classes::endpoints(),
        registry::endpoints(),
        running::endpoints(),
        self_checks::endpoints(),
        sessions::endpoints(),
        tokens::endpoints(),
        views::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
