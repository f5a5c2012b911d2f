//! A trial of policy numbers on a box: the server asks what the box's own rules would have said
//! with other numbers over the days that its observation log holds, and the box answers in counts.
//! No person, session or time of day is in either: days, rules and numbers only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::TrialId;
use crate::names::RuleCode;

/// Numbers of one trial; more are refused by server and box.
pub const MOST_TRIED: usize = 10;

/// Days that an answer may name; an answer with more is not read.
pub const MOST_TRIAL_DAYS: usize = 100;

/// Rules and days that an answer may count in [`PolicyTrialAnswer::stand`].
pub const MOST_TRIAL_STANDS: usize = 3_000;

/// Asks a box to replay its observation log. It changes nothing: the box judges on by the policy in
/// force, and raises and withdraws nothing by a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTrial {
    /// The answer names it.
    pub trial: TrialId,
    /// 1 to [`MOST_TRIED`] settings of the box. Each is tried by itself, in place of its value in
    /// force; all others stay.
    pub changes: BTreeMap<String, i64>,
    /// The first UTC day (`2026-11-29`) that is asked about: before it the box was in another room,
    /// or it is too long ago. Absent: every day that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What a trial found: the box's own word about its own room, and nothing that anybody is alleged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyTrialAnswer {
    pub trial: TrialId,
    /// The UTC days that were replayed, rising.
    pub days: Vec<String>,
    /// Days of the log that would have cost more than a trial may.
    pub days_left_out: u32,
    /// Why nothing was replayed, where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<TrialFailure>,
    /// Where a rule says something else; a number that changes nothing is in none of them.
    pub counts: Vec<TrialCount>,
    /// What stands with the policy in force, day by day: of every day that was replayed, whichever
    /// of them the server has a question about. Absent from a box of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand: Option<Vec<TrialDay>>,
}

/// Findings of one rule in the log of one UTC day, with the policy in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TrialDay {
    /// Of [`PolicyTrialAnswer::days`].
    pub day: String,
    /// Such as `LL-1`.
    pub rule: RuleCode,
    pub now: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialFailure {
    /// The box keeps no observation log, or none of the days that were asked about.
    NoLog,
    /// The log is there and can not be opened.
    Unreadable,
    #[serde(other)]
    Unknown,
}

/// One rule under one changed number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct TrialCount {
    /// Of [`PolicyTrial::changes`].
    pub setting: String,
    /// Such as `LL-1`.
    pub rule: RuleCode,
    /// Findings that stand with the policy in force.
    pub now: u32,
    /// Findings that would stand beside them.
    pub appear: u32,
    /// Of those that stand, the ones that would not.
    pub vanish: u32,
    /// Of those that stand, the ones that would have another severity.
    pub other_severity: u32,
}
