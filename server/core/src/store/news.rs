//! What a step tells the live stream and the webhooks of: one type for the authority, one for the
//! clinic, which has no field for what the clinic is not told.

use protocol::names::RuleCode;
use protocol::up::{FindingKind, FindingReport, Severity, Step as FindingStep};
use serde::Serialize;

use crate::alert::{AlertState, ClinicState};
use crate::alert_number::ReferenceNumber;
use crate::clock::At;
use crate::ids::AlertId;

/// An alert as it stands when its news goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct AlertNow<'a> {
    pub(super) id: &'a AlertId,
    pub(super) number: ReferenceNumber,
    pub(super) state: AlertState,
    pub(super) severity: u8,
}

/// Live news for the authority: somebody took a step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StateNews {
    alert: String,
    number: i64,
    state: AlertState,
    severity: String,
}

impl StateNews {
    pub(super) fn of(alert: AlertNow<'_>) -> Self {
        Self {
            alert: alert.id.to_string(),
            number: alert.number.for_authority(),
            state: alert.state,
            severity: format!("L{}", alert.severity),
        }
    }
}

/// A finding's step as it was stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) report: &'a FindingReport,
    pub(super) received_at: At,
    /// Somebody should look up: not one more of what its alert already said.
    pub(super) news: bool,
}

/// What happened to a finding.
#[derive(Debug, Clone, Serialize)]
struct StepNews {
    news: bool,
    finding: String,
    rule: RuleCode,
    kind: FindingKind,
    severity: Severity,
    step: FindingStep,
    revision: u32,
    raised_at: String,
    received_at: At,
}

impl StepNews {
    fn of(Arrival { report, received_at, news }: Arrival<'_>) -> Self {
        Self {
            news,
            finding: report.finding_id.clone(),
            rule: report.rule.clone(),
            kind: report.kind,
            severity: report.severity,
            step: report.step,
            revision: report.revision,
            raised_at: report.raised_at.clone(),
            received_at,
        }
    }
}

/// Live news for the authority: a finding was opened, strengthened, closed or withdrawn.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FindingNews {
    alert: String,
    number: i64,
    state: AlertState,
    #[serde(flatten)]
    step: StepNews,
}

impl FindingNews {
    pub(super) fn of(alert: AlertNow<'_>, arrival: Arrival<'_>) -> Self {
        Self {
            alert: alert.id.to_string(),
            number: alert.number.for_authority(),
            state: alert.state,
            step: StepNews::of(arrival),
        }
    }
}

/// Live news for the clinic: a finding's step, or that what it is told of the state has changed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ClinicNews {
    alert: String,
    number: i64,
    state: ClinicState,
    /// Of the whole alert.
    alert_severity: String,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    step: Option<StepNews>,
}

impl ClinicNews {
    pub(super) fn of(
        alert: AlertNow<'_>,
        state: ClinicState,
        arrival: Option<Arrival<'_>>,
    ) -> Self {
        Self {
            alert: alert.id.to_string(),
            number: alert.number.for_clinic(),
            state,
            alert_severity: format!("L{}", alert.severity),
            step: arrival.map(StepNews::of),
        }
    }
}
