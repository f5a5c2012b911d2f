//! SI-1 (自查答复与设备记录不一致): a self-check says that it holds, and findings that two
//! reviewers upheld say that it does not. Pure, `(self-checks, alerts, now) → findings`.
//!
//! A finding that nobody has reviewed never makes one, nor one whose case is not over: the clinic
//! would learn by it that two people upheld, before somebody comes. Until then the authority reads
//! the same as agreement. The
//! same question contradicted in two periods running is the supervisors' (L2). An answer that was
//! taken back before the server heard of the deed contradicts nothing; one that is changed
//! afterwards changes nothing.

use jiff::civil::Date;
use protocol::names::{FigureName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::{Question, ServerStatement};

use super::checklist::Checklist;
use super::facts::{Agreement, AlertFact, PeriodFacts, ask};
use super::period::Period;
use super::{CheckKind, FactQuery};
use crate::clock;
use crate::ids::SelfCheckId;
use crate::rules::draft::count;
use crate::rules::{DAY_MS, Draft};

/// The answers as they were handed in once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    pub at_ms: i64,
    /// Code and answer.
    pub answers: std::collections::BTreeMap<String, String>,
}

/// A self-check as the rule reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFact {
    pub id: SelfCheckId,
    pub institution: String,
    pub kind: CheckKind,
    pub period: String,
    pub from: Date,
    pub to: Date,
    pub due: Date,
    pub form: Checklist,
    /// Every revision, oldest first.
    pub handed: Vec<Handed>,
    pub not_assessable_ppm: u32,
}

/// The first millisecond of a day, where people are.
pub fn day_ms(day: Date) -> i64 {
    day.to_zoned(clock::zone()).map_or(0, |at| at.timestamp().as_millisecond())
}

impl CheckFact {
    pub fn covers(&self, at_ms: i64) -> bool {
        (day_ms(self.from)..day_ms(self.to) + DAY_MS).contains(&at_ms)
    }

    pub fn facts<'a>(&self, alerts: &'a [AlertFact]) -> PeriodFacts<'a> {
        let alerts = alerts.iter().filter(|alert| self.covers(alert.event_ms)).collect();
        PeriodFacts { alerts, not_assessable_ppm: self.not_assessable_ppm }
    }

    /// What the records say of each question that they can be asked about.
    pub fn agreement(&self, alerts: &[AlertFact]) -> Vec<Agreement> {
        let facts = self.facts(alerts);
        let asked = self.form.items.iter().filter_map(|item| item.fact.map(|f| (&item.code, f)));
        asked.map(|(code, fact)| ask(code, fact, &facts)).collect()
    }

    /// Whether the clinic stood by its "yes" although the deed was done: it said so afterwards and
    /// had not taken it back when the server heard of it, or let it stand until it was due.
    fn stood_by(&self, item: &str, alert: &AlertFact, now_ms: i64) -> bool {
        let due_ms = day_ms(self.due) + DAY_MS;
        self.handed.iter().enumerate().any(|(n, handed)| {
            let yes = handed.answers.get(item).is_some_and(|answer| answer == "yes");
            let until_ms = self.handed.get(n + 1).map_or(i64::MAX, |next| next.at_ms);
            let afterwards = handed.at_ms >= alert.event_ms && until_ms > alert.received_ms;
            let at_the_end = handed.at_ms < due_ms && until_ms > due_ms && now_ms >= due_ms;
            yes && (afterwards || at_the_end)
        })
    }

    /// Upheld alerts that contradict this answer.
    fn against<'a>(
        &self,
        item: &str,
        fact: FactQuery,
        alerts: &'a [AlertFact],
        now_ms: i64,
    ) -> Vec<&'a AlertFact> {
        let facts = self.facts(alerts);
        if ask(item, fact, &facts).holds != Some(false) {
            return Vec::new();
        }
        let about = facts.alerts.into_iter().filter(|a| a.is_about(fact) && a.is_told());
        about.filter(|alert| self.stood_by(item, alert, now_ms)).collect()
    }
}

/// What SI-1 says of one institution.
pub fn judge(checks: &[CheckFact], alerts: &[AlertFact], now_ms: i64) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for check in checks {
        for item in &check.form.items {
            let Some(fact) = item.fact else { continue };
            let against = check.against(&item.code, fact, alerts, now_ms);
            let Some(latest) = against.iter().max_by_key(|alert| alert.received_ms) else {
                continue;
            };
            let again = before(check, checks).is_some_and(|earlier| {
                !earlier.against(&item.code, fact, alerts, now_ms).is_empty()
            });
            let mut incidents: Vec<String> = against.iter().map(|a| a.alert.clone()).collect();
            incidents.dedup();
            drafts.push(Draft {
                rule: RuleCode::Si1,
                kind: FindingKind::RecordMismatch,
                severity: if again { Severity::L2 } else { Severity::L1 },
                subject: format!("{} {} {}", check.kind.as_str(), check.period, item.code),
                institution: check.institution.clone(),
                room: latest.room.clone(),
                device: latest.device.clone(),
                session: None,
                persons: Vec::new(),
                basis: protocol::law::duty(),
                intervals: Vec::new(),
                counts: vec![count(FigureName::PeriodsRunning, 1 + i64::from(again))],
                statement: ServerStatement::AnswerDiffers {
                    period: check.period.clone(),
                    question: Question { zh: fact.zh(), en: fact.en() },
                    again,
                },
                related: Vec::new(),
                incidents,
                visibility_ppm: 1_000_000 - check.not_assessable_ppm.min(1_000_000),
                liveness_waived: false,
            });
        }
    }
    drafts
}

/// The check of the same kind for the period just before.
fn before<'a>(check: &CheckFact, all: &'a [CheckFact]) -> Option<&'a CheckFact> {
    let day = check.from.yesterday().ok()?;
    let name = Period::around(check.kind, day)?.name;
    all.iter().find(|other| other.kind == check.kind && other.period == name)
}

#[cfg(test)]
#[path = "mismatch_tests.rs"]
mod tests;
