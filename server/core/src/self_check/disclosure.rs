//! 自查先于发现: what a clinic said of a deed before the server heard of it. Pure. It is printed in
//! the case's papers as a fact for 行政处罚法 32 and 33; what it is worth, people decide.
//!
//! A "no" that was handed in before the deed is no disclosure of it: else one would write a blank
//! cheque on the first day of each quarter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::AlertFact;
use super::mismatch::CheckFact;
use crate::clock::At;

/// One answer that named the matter first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disclosure {
    pub self_check: String,
    pub period: String,
    pub item: String,
    pub requirement: String,
    /// RFC 3339.
    pub disclosed_at: At,
    /// When the findings say that the deed began.
    pub event_at: At,
    /// When the server heard of it.
    pub found_at: At,
}

/// What was disclosed of this alert.
pub fn of(alert: &AlertFact, checks: &[CheckFact]) -> Vec<Disclosure> {
    let mut found = Vec::new();
    for check in checks.iter().filter(|check| check.covers(alert.event_ms)) {
        for item in check.form.items.iter().filter(|i| i.fact.is_some_and(|f| alert.is_about(f))) {
            let in_between = alert.event_ms..alert.received_ms;
            let said = check.handed.iter().find(|handed| {
                handed.answers.get(&item.code).is_some_and(|answer| answer == "no")
                    && in_between.contains(&handed.at_ms)
            });
            found.extend(said.map(|handed| Disclosure {
                self_check: check.id.to_string(),
                period: check.period.clone(),
                item: item.code.clone(),
                requirement: item.requirement.clone(),
                disclosed_at: At::of_ms(handed.at_ms),
                event_at: At::of_ms(alert.event_ms),
                found_at: At::of_ms(alert.received_ms),
            }));
        }
    }
    found
}
