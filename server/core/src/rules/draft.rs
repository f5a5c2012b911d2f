//! A finding as a rule of the server wants it, before it has an id: what, about whom, from which
//! figures. Its sentence is phrased when it is reported.

use jiff::Timestamp;
use protocol::names::{FigureName, IntervalName, RuleCode};
use protocol::up::{
    Confidence, Count, FindingKind, FindingReport, Interval, LegalBasis, Manifest, PersonInFinding,
    Severity, Step,
};
use wording::ServerStatement;

use super::SessionOutcome;
use crate::clock::At;
use crate::own_id::OwnIds;

/// What a rule says now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub rule: RuleCode,
    pub kind: FindingKind,
    pub severity: Severity,
    /// Keeps two findings of one rule apart and is the same at the next judgement: a person, a
    /// session, a box and a time.
    pub subject: String,
    pub institution: String,
    pub room: String,
    pub device: String,
    /// The session whose incident it joins; `None`: an incident of its own.
    pub session: Option<String>,
    pub persons: Vec<PersonInFinding>,
    pub basis: Vec<LegalBasis>,
    pub intervals: Vec<Interval>,
    pub counts: Vec<Count>,
    pub statement: ServerStatement,
    /// Sessions that it rests on: their incidents are linked with this one.
    pub related: Vec<String>,
    /// Incidents that it rests on, by id.
    pub incidents: Vec<String>,
    /// V where the rule reads it; what the finding's confidence of visibility says.
    pub visibility_ppm: u32,
    pub liveness_waived: bool,
}

/// Identity of a draft over time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DraftKey {
    pub rule: RuleCode,
    pub institution: String,
    pub subject: String,
}

/// What a report needs beyond the draft.
#[derive(Debug, Clone)]
pub struct Making<'a> {
    /// Rises each time the same key comes true after it was closed.
    pub serial: u32,
    pub step: Step,
    pub revision: u32,
    pub raised_at: At,
    pub policy_sha256: &'a str,
    pub policy_version: u64,
    pub ids: &'a OwnIds,
}

pub fn count(name: FigureName, value: i64) -> Count {
    Count { name, value }
}

pub(super) fn span(what: IntervalName, from_ms: i64, to_ms: i64) -> Interval {
    let text = |ms| Timestamp::from_millisecond(ms).map(crate::clock::text).unwrap_or_default();
    Interval { what, from: text(from_ms), to: text(to_ms) }
}

/// What was declared of a session.
pub(super) fn declared(session: &SessionOutcome) -> Interval {
    span(IntervalName::Declared, session.start_ms, session.end_ms)
}

impl Draft {
    pub fn key(&self) -> DraftKey {
        DraftKey {
            rule: self.rule.clone(),
            institution: self.institution.clone(),
            subject: self.subject.clone(),
        }
    }

    pub fn finding_id(&self, serial: u32, ids: &OwnIds) -> String {
        ids.id(&["rule", self.rule.as_str(), &self.institution, &self.subject, &serial.to_string()])
    }

    /// The incident: the session's, as the box of its room makes it, or one of its own.
    pub fn incident_id(&self, serial: u32, ids: &OwnIds) -> String {
        let session = self.session.as_ref().and_then(|s| s.parse().ok());
        match (self.device.parse(), session) {
            (Ok(device), Some(session)) => trust::incident_id(&device, Some(&session), 0),
            _ => ids.id(&[
                "incident",
                self.rule.as_str(),
                &self.institution,
                &self.subject,
                &serial.to_string(),
            ]),
        }
    }

    /// `None` where an id of the registry is no identifier of the wire, which the registry does not
    /// take.
    pub fn report(&self, making: &Making<'_>) -> Option<FindingReport> {
        let whole = Confidence {
            identity_ppm: 1_000_000,
            role_ppm: 1_000_000,
            session_ppm: 1_000_000,
            visibility_ppm: self.visibility_ppm,
        };
        Some(FindingReport {
            finding_id: self.finding_id(making.serial, making.ids),
            incident_id: self.incident_id(making.serial, making.ids),
            step: making.step,
            revision: making.revision,
            rule: self.rule.clone(),
            kind: self.kind,
            severity: self.severity,
            confidence: whole,
            room: self.room.parse().ok()?,
            institution: self.institution.parse().ok()?,
            session: self.session.as_ref().and_then(|s| s.parse().ok()),
            item: None,
            persons: self.persons.clone(),
            candidate_basis: self.basis.clone(),
            intervals: self.intervals.clone(),
            counts: self.counts.clone(),
            explanation: wording::of_server(&self.statement),
            raised_at: making.raised_at.to_string(),
            withdrawn_because: None,
            manifest: Manifest {
                firmware: concat!("zaigang-server ", env!("CARGO_PKG_VERSION")).to_owned(),
                pack: String::new(),
                pack_sha256: String::new(),
                config_sha256: String::new(),
                policy_sha256: making.policy_sha256.to_owned(),
                policy_version: making.policy_version,
                roster_version: 0,
                liveness_waived: self.liveness_waived,
            },
        })
    }
}
