//! What the server says of its own running: the schedule of deletions and the ledger of tombstones.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::retention::{EVERY, JOBS};
use crate::tombstone::{Deletion, Tombstone};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::KEEPERS;
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/retention", get_retention)
            .roles(KEEPERS)
            .audited()
            .summary("What is deleted when, and the signed deletions"),
    ]
}

/// One job with its last run.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub(in crate::web) struct JobSeen {
    pub job: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub basis: &'static str,
    /// The key in the configuration that sets it; empty where it is fixed.
    pub setting: &'static str,
    pub kept_h: i64,
    pub last_at: Option<At>,
    pub next_at: Option<At>,
    pub last_removed: i64,
    pub removed_in_all: i64,
}

/// Where the number of persons whose faces are stored stands against the filing duty at the
/// 网信部门 (人脸识别技术应用安全管理办法, 2025-06-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Filing")]
pub(in crate::web) enum FilingDuty {
    NotDue,
    /// From 80,000: time to prepare it (P14).
    Near,
    /// From 100,000: within 30 working days.
    Due,
}

impl FilingDuty {
    pub(in crate::web) fn at(persons: i64) -> Self {
        match persons {
            crate::filing::DUE_PERSONS.. => Self::Due,
            80_000.. => Self::Near,
            _ => Self::NotDue,
        }
    }
}

/// All that somebody may see of what was and will be deleted.
#[derive(Debug, Clone, serde::Serialize, schemars::JsonSchema)]
pub(in crate::web) struct RetentionSeen {
    pub jobs: Vec<JobSeen>,
    /// Nothing deletes from the audit log (P11: at least three years).
    pub audit_since: Option<At>,
    pub audit_entries: i64,
    /// Persons of all institutions with at least one face template.
    pub persons_with_templates: i64,
    pub filing: FilingDuty,
    /// Of persons in the reader's scope, newest first, at most 200.
    pub tombstones: Vec<Tombstone>,
    pub tombstones_in_all: usize,
    /// The signed chain holds and says the same as the database.
    pub ledger_holds: bool,
    pub ledger_fault: String,
}

/// Blocking: it asks the stores and reads the ledger.
pub(in crate::web) fn retention(a: &App, who: &Who) -> Result<RetentionSeen, Problem> {
    let runs = a.store.retention_runs()?;
    let jobs = JOBS.iter().map(|job| {
        let run = runs.iter().find(|r| r.job == job.name);
        let next = run.map(|r| At::from(r.last_at.time() + EVERY));
        JobSeen {
            job: job.name,
            zh: job.zh,
            en: job.en,
            basis: job.basis,
            setting: job.key,
            kept_h: job.hours(&a.config.retention),
            last_at: run.map(|r| r.last_at),
            next_at: next,
            last_removed: run.map_or(0, |r| r.last_removed),
            removed_in_all: run.map_or(0, |r| r.removed_in_all),
        }
    });
    let audit = a.store.audit_since()?;
    let stored = a.faces.tombstones()?;
    let persons = a.faces.persons()?;
    let ended = a.store.ended_custodians()?.into_iter().map(Deletion::Custodian);
    let mut known = stored.iter().cloned().map(Deletion::Person).chain(ended);
    let (ledger_holds, ledger_fault) = match a.faces.read_ledger() {
        Ok(said) if known.all(|deletion| said.contains(&deletion)) => (true, String::new()),
        Ok(_) => (
            false,
            "the ledger lacks a deletion that the database knows; a restart signs it".to_owned(),
        ),
        Err(error) => (false, error.to_string()),
    };
    let seen = VisibleInstitutions::of(a, who)?;
    let mut tombstones = Vec::new();
    for tombstone in stored.iter().rev() {
        let known = a.store.practitioner(&tombstone.person)?;
        if known.map_or(matches!(seen, VisibleInstitutions::All), |p| seen.person(&p)) {
            tombstones.push(tombstone.clone());
        }
        if tombstones.len() == 200 {
            break;
        }
    }
    Ok(RetentionSeen {
        jobs: jobs.collect(),
        audit_since: audit.map(|(at, _)| at),
        audit_entries: audit.map_or(0, |(_, n)| n),
        persons_with_templates: persons,
        filing: FilingDuty::at(persons),
        tombstones,
        tombstones_in_all: stored.len(),
        ledger_holds,
        ledger_fault,
    })
}

async fn get_retention(
    State(app): State<Arc<App>>,
    who: Who,
) -> Result<Json<RetentionSeen>, Problem> {
    Ok(Json(app.blocking(move |a| retention(a, &who)).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filing_duty_is_announced_at_80_000_and_due_at_100_000() {
        let told = [0, 79_999, 80_000, 99_999, 100_000].map(FilingDuty::at);
        assert_eq!(
            told,
            [
                FilingDuty::NotDue,
                FilingDuty::NotDue,
                FilingDuty::Near,
                FilingDuty::Near,
                FilingDuty::Due
            ]
        );
    }
}
