//! What each reader sees of an alert: two types, made here and nowhere else, used by page, API,
//! live stream, webhook and case package alike.
//!
//! The clinic is the suspect: [`AlertForClinic`] has no field for a reviewer, a note, an
//! assignment, a step between, another institution, or that somebody is on the way. What is not in
//! the type can not be forgotten in a page.

use std::collections::BTreeSet;

use law::Legal;
use protocol::names::RuleCode;
use protocol::up::{Explanation, FindingReport};
use schemars::JsonSchema;
use serde::Serialize;

use crate::alert::{AlertReview, AlertState, ClinicState, Reason};
pub use crate::alert_number::{ReferenceNumber, counts_the_server};
use crate::clock::At;
use crate::evidence::opening::{Opening, PictureDelivery};
use crate::ids::AlertId;
use crate::monitoring_review::ReviewStanding;
use crate::penalty_case::CaseClock;
use crate::self_check::disclosure::Disclosure;
use crate::store::{Alert, AlertStep, FindingEvent, Located, StoredFinding};

/// A finding as its box (or the server's own rule) reported it last, where it stands in the chain,
/// and when it came.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingSeen {
    #[serde(flatten)]
    pub report: FindingReport,
    pub received_at: At,
    /// All empty for the server's own findings.
    pub chain: Located,
    /// Basis and penalty as this server's law table has them for the day of the act; a list leaves
    /// them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal: Option<Legal>,
}

/// What the law says of a whole alert.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LawSeen {
    /// Which table: the shipped version, and how many decisions of a lawyer stand beside it.
    pub table_version: String,
    /// 行政处罚法 41: whether the record may be more than a lead.
    pub monitoring: ReviewStanding,
}

/// An alert as supervisors, reviewers and auditors see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertForAuthority {
    pub id: AlertId,
    /// What people call it by.
    pub number: i64,
    /// What its clinic calls it by: the clinic's own count.
    pub clinic_number: i64,
    pub state: AlertState,
    /// `L0` to `L3`.
    pub severity: String,
    pub kinds: Vec<String>,
    pub institution: String,
    pub room: String,
    pub session: Option<String>,
    pub device: String,
    pub item: Option<String>,
    pub assignee: Option<String>,
    pub raised_at: At,
    pub received_at: At,
    pub updated_at: At,
    pub liveness_waived: bool,
    pub reviews: Vec<AlertReview>,
    /// When the box took every finding back, where that dismissed nothing.
    pub withdrawn_at: Option<At>,
    pub dismissed_because: Option<Reason>,
    pub case_number: Option<String>,
    /// 行政处罚法 41: whether the record may be more than a lead; a whole alert says it in `law`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<ReviewStanding>,
    pub findings: Vec<FindingSeen>,
}

/// An alert as its own clinic sees it: what was seen, the rule, the law, and one of three states.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AlertForClinic {
    pub id: AlertId,
    /// What the clinic calls it by: its own count.
    pub number: i64,
    pub state: ClinicState,
    /// `L0` to `L3`.
    pub severity: String,
    pub kinds: Vec<String>,
    pub institution: String,
    pub room: String,
    pub session: Option<String>,
    pub device: String,
    pub item: Option<String>,
    pub raised_at: At,
    pub received_at: At,
    pub liveness_waived: bool,
    /// 行政处罚法 41: whether the record may be more than a lead; a whole alert says it in `law`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitoring: Option<ReviewStanding>,
    pub findings: Vec<FindingSeen>,
}

/// One line of the record.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StepSeen {
    pub at: At,
    pub by: String,
    pub step: String,
    pub note: String,
    pub state_after: String,
    /// Which table of basis and penalty stood then; empty: before this was kept.
    pub law_version: String,
}

/// Another alert that rests on this one, or on which this one rests.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LinkSeen {
    pub id: AlertId,
    pub number: i64,
    pub kinds: Vec<String>,
    pub rule: RuleCode,
}

/// The clinic's own word. Whoever wrote it down stays unnamed: it may have been the authority, by
/// telephone.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AnswerSeen")]
pub struct ClinicAnswerSeen {
    pub at: At,
    pub note: String,
}

/// What was stated of an alert's session, room or persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StatementSeen {
    /// When it reached the server.
    pub at: At,
    /// Who stated it; left out for a clinic where it may be the authority's.
    pub by: Option<String>,
    /// `session`, `check`, `stated_check`, `pass`, `practitioner`, `institution`,
    /// `consent_withdrawn`.
    pub kind: &'static str,
    /// What was stated, in Chinese and English.
    pub zh: String,
    pub en: String,
    /// Milliseconds after the alert was raised; `None`: it had reached the server before.
    pub after_ms: Option<i64>,
}

/// An alert with everything that is known of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WholeForAuthority {
    #[serde(flatten)]
    pub alert: AlertForAuthority,
    pub steps: Vec<StepSeen>,
    pub events: Vec<FindingEvent>,
    pub linked: Vec<LinkSeen>,
    pub statements: Vec<StatementSeen>,
    pub law: LawSeen,
    /// What the law wants next, and by when; the clinic does not learn it.
    pub clock: Option<CaseClock>,
    /// 自查先于发现: what the clinic said of it before the server heard of it.
    pub disclosed_before: Vec<Disclosure>,
}

/// Pictures of a clinic's room that two people opened, as it is told once its case is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpeningTold {
    /// RFC 3339 UTC ms.
    pub asked_at: At,
    pub case_number: String,
    pub basis: String,
    pub purpose: String,
    /// How many came from the box.
    pub pictures: usize,
}

impl OpeningTold {
    /// Nothing where no picture left the box.
    pub fn of(it: &Opening) -> Option<Self> {
        let pictures = it.items.values().filter(|is| **is == PictureDelivery::Arrived).count();
        (pictures > 0).then(|| Self {
            asked_at: it.asked_at.into(),
            case_number: it.ask.case_number.clone(),
            basis: it.ask.basis.clone(),
            purpose: it.ask.purpose.clone(),
            pictures,
        })
    }
}

/// An alert with everything that its clinic learns of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WholeForClinic {
    #[serde(flatten)]
    pub alert: AlertForClinic,
    pub answers: Vec<ClinicAnswerSeen>,
    pub events: Vec<FindingEvent>,
    pub statements: Vec<StatementSeen>,
    pub law: LawSeen,
    /// Sealed pictures that were opened; empty until its case is served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opened_pictures: Vec<OpeningTold>,
}

/// A line of a list, by who reads it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum AlertSeen {
    Authority(Box<AlertForAuthority>),
    Clinic(Box<AlertForClinic>),
}

/// A whole alert, by who reads it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum WholeSeen {
    Authority(Box<WholeForAuthority>),
    Clinic(Box<WholeForClinic>),
}

fn seen(finding: StoredFinding) -> FindingSeen {
    FindingSeen {
        report: finding.report,
        received_at: finding.received_at,
        chain: finding.located,
        legal: None,
    }
}

impl AlertForAuthority {
    pub fn of(alert: &Alert, findings: Vec<StoredFinding>) -> Self {
        let it = alert.clone();
        Self {
            id: it.id,
            number: it.number.for_authority(),
            clinic_number: it.number.for_clinic(),
            state: it.case.state,
            severity: format!("L{}", it.severity),
            kinds: it.kinds,
            institution: it.institution,
            room: it.room,
            session: it.session,
            device: it.device.map(String::from).unwrap_or_default(),
            item: it.item,
            assignee: it.assignee,
            raised_at: it.raised_at,
            received_at: it.received_at,
            updated_at: it.updated_at,
            liveness_waived: it.liveness_waived,
            reviews: it.case.reviews,
            withdrawn_at: it.case.withdrawn_at,
            dismissed_because: it.case.dismissed_because,
            case_number: it.case.case_number,
            monitoring: None,
            findings: findings.into_iter().map(seen).collect(),
        }
    }
}

impl AlertForClinic {
    pub fn of(alert: &Alert, answered: bool, findings: Vec<StoredFinding>) -> Self {
        let it = alert.clone();
        Self {
            state: it.case.state.for_clinic(answered),
            id: it.id,
            number: it.number.for_clinic(),
            severity: format!("L{}", it.severity),
            kinds: it.kinds,
            institution: it.institution,
            room: it.room,
            session: it.session,
            device: it.device.map(String::from).unwrap_or_default(),
            item: it.item,
            raised_at: it.raised_at,
            received_at: it.received_at,
            liveness_waived: it.liveness_waived,
            monitoring: None,
            findings: findings.into_iter().map(|f| here(seen(f))).collect(),
        }
    }
}

impl WholeForAuthority {
    pub fn of(
        alert: AlertForAuthority,
        steps: Vec<AlertStep>,
        events: Vec<FindingEvent>,
        linked: Vec<LinkSeen>,
        statements: Vec<StatementSeen>,
        law: LawSeen,
        clock: Option<CaseClock>,
    ) -> Self {
        let step = |s: AlertStep| StepSeen {
            at: s.at,
            by: s.actor,
            step: s.step,
            note: s.note,
            state_after: s.state_after,
            law_version: s.law_version,
        };
        Self {
            alert,
            steps: steps.into_iter().map(step).collect(),
            events,
            linked,
            statements,
            law,
            clock,
            disclosed_before: Vec::new(),
        }
    }
}

impl WholeForClinic {
    /// `steps` are all that were taken; only the answers come through.
    pub fn of(
        alert: AlertForClinic,
        steps: Vec<AlertStep>,
        events: Vec<FindingEvent>,
        statements: Vec<StatementSeen>,
        law: LawSeen,
    ) -> Self {
        let answers = steps
            .into_iter()
            .filter(|s| s.step == "answer")
            .map(|s| ClinicAnswerSeen { at: s.at, note: s.note });
        let event = |e: FindingEvent| {
            let Explanation { zh, en } =
                words_for_clinic(&e.rule, Explanation { zh: e.zh, en: e.en });
            FindingEvent { zh, en, ..e }
        };
        Self {
            alert,
            answers: answers.collect(),
            events: events.into_iter().map(event).collect(),
            statements,
            law,
            opened_pictures: Vec::new(),
        }
    }
}

/// The one rule that compares institutions: its words, times and distances tell of another one.
fn elsewhere(rule: &RuleCode) -> bool {
    *rule == RuleCode::Ll3
}

/// What a list shows of a finding's words.
pub fn words_for_clinic(rule: &RuleCode, said: Explanation) -> Explanation {
    if !elsewhere(rule) {
        return said;
    }
    wording::of_server(&wording::ServerStatement::AlsoElsewhere)
}

/// A finding without what it says of other places.
fn here(finding: FindingSeen) -> FindingSeen {
    if !elsewhere(&finding.report.rule) {
        return finding;
    }
    let mut report = finding.report;
    let mut known = BTreeSet::new();
    report.persons.retain(|p| known.insert(p.person.clone()));
    report.intervals.clear();
    report.counts.clear();
    report.explanation = words_for_clinic(&report.rule, report.explanation);
    FindingSeen { report, ..finding }
}

#[cfg(test)]
mod tests;
