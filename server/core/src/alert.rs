//! The life of an alert, as a pure state machine: `(case, step, now) → case or a refusal`.
//! domain.md §5.
//!
//! `Raised → Review1 → Review2 → { Dismissed | Lead } → OnSite → { Unfounded | Case } → Closed`.
//! Two different reviewers who agree stand before `Lead` and before `Dismissed`. This file reads no
//! clock, stores nothing and knows no web page; the store keeps the [`Case`], the pages only call
//! [`Case::take`].

use crate::clock::At;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody has looked yet.
    Raised,
    /// A reviewer has taken it and has not decided.
    Review1,
    /// One verdict stands; another reviewer must agree with it.
    Review2,
    Dismissed,
    /// A lead 线索 that two reviewers uphold.
    Lead,
    OnSite,
    Unfounded,
    Case,
    Closed,
}

impl AlertState {
    pub const ALL: [Self; 9] = [
        Self::Raised,
        Self::Review1,
        Self::Review2,
        Self::Dismissed,
        Self::Lead,
        Self::OnSite,
        Self::Unfounded,
        Self::Case,
        Self::Closed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Review1 => "review1",
            Self::Review2 => "review2",
            Self::Dismissed => "dismissed",
            Self::Lead => "lead",
            Self::OnSite => "on_site",
            Self::Unfounded => "unfounded",
            Self::Case => "case",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Somebody still has to do something.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Dismissed | Self::Unfounded | Self::Closed)
    }
}

/// All that the clinic learns of where its own alert stands. The workflow knows no step of service
/// yet: until it does, nothing more is told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClinicState {
    Open,
    /// Open, and the clinic has answered.
    Answered,
    Closed,
}

impl ClinicState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

impl AlertState {
    /// What the clinic hears of this state, `answered` where it has said something.
    pub fn for_clinic(self, answered: bool) -> ClinicState {
        match (self.is_open(), answered) {
            (false, _) => ClinicState::Closed,
            (true, true) => ClinicState::Answered,
            (true, false) => ClinicState::Open,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Verdict")]
pub enum ReviewVerdict {
    Uphold,
    Dismiss,
}

/// Why a lead is no lead; feeds the false-alarm figures by device and rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 识别错误: another person than the box took it for.
    WrongIdentity,
    /// 角色判断错误: not the operator.
    WrongRole,
    /// 备案或登记未更新: the record was behind.
    RecordOutdated,
    /// 诊疗登记有误: the session was declared wrongly.
    DeclarationError,
    /// 急救.
    Emergency,
    /// 设备或场景问题.
    DeviceFault,
    /// The box withdrew it after later facts.
    Withdrawn,
    Other,
}

impl Reason {
    pub const ALL: [Self; 8] = [
        Self::WrongIdentity,
        Self::WrongRole,
        Self::RecordOutdated,
        Self::DeclarationError,
        Self::Emergency,
        Self::DeviceFault,
        Self::Withdrawn,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongIdentity => "wrong_identity",
            Self::WrongRole => "wrong_role",
            Self::RecordOutdated => "record_outdated",
            Self::DeclarationError => "declaration_error",
            Self::Emergency => "emergency",
            Self::DeviceFault => "device_fault",
            Self::Withdrawn => "withdrawn",
            Self::Other => "other",
        }
    }
}

/// What somebody (or a later fact) does with an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum AlertAction {
    /// A reviewer begins.
    Take,
    Review {
        verdict: ReviewVerdict,
        reason: Option<Reason>,
    },
    /// Supervisors go and look.
    GoOnSite,
    Found {
        case_number: String,
    },
    NothingFound,
    Close,
    /// The clinic's word; possible at every stage.
    Answer,
    Comment,
    /// A finding of the incident was opened or strengthened.
    Strengthened {
        raises_severity: bool,
    },
    /// The last standing finding was withdrawn by the box. `unseen`: nobody outside the box has
    /// seen the alert, and the box gave a ground of its own. Only then it is dismissed with it;
    /// otherwise it is marked, and two people decide.
    AllWithdrawn {
        unseen: bool,
    },
    /// The clinic mended it, and the boxes' records say that it did not happen again. Only of an L1
    /// that nobody has looked at: the clinic corrects that itself.
    Corrected,
}

impl AlertAction {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Review { verdict: ReviewVerdict::Uphold, .. } => "uphold",
            Self::Review { verdict: ReviewVerdict::Dismiss, .. } => "dismiss",
            Self::GoOnSite => "go_on_site",
            Self::Found { .. } => "found",
            Self::NothingFound => "nothing_found",
            Self::Close => "close",
            Self::Answer => "answer",
            Self::Comment => "comment",
            Self::Strengthened { .. } => "strengthened",
            Self::AllWithdrawn { .. } => "all_withdrawn",
            Self::Corrected => "corrected",
        }
    }

    /// A person's step that whoever took it may take back; a case that was opened stays open, and
    /// a word stays said.
    pub fn can_be_undone(&self) -> bool {
        matches!(
            self,
            Self::Take | Self::Review { .. } | Self::GoOnSite | Self::NothingFound | Self::Close
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Review")]
pub struct AlertReview {
    pub by: String,
    pub at: At,
    pub verdict: ReviewVerdict,
    pub reason: Option<Reason>,
}

/// All that the machine remembers of one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub state: AlertState,
    /// At most one standing verdict per reviewer.
    pub reviews: Vec<AlertReview>,
    #[serde(default)]
    pub dismissed_because: Option<Reason>,
    #[serde(default)]
    pub case_number: Option<String>,
    /// The box took everything back at this time, and nothing was said again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<At>,
    /// The clinic's correction was verified by the records at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_at: Option<At>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            state: AlertState::Raised,
            reviews: Vec::new(),
            dismissed_because: None,
            case_number: None,
            withdrawn_at: None,
            corrected_at: None,
        }
    }
}

/// Seconds within which a person takes the own last step back.
pub const UNDO_WITHIN_S: i64 = 60;

/// What a step made of a case, kept beside it while it may be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepKept {
    pub before: Case,
    pub after: Case,
}

/// The last step that moved a case.
#[derive(Debug, Clone)]
pub struct LastStep {
    pub by: String,
    pub at: At,
    /// `None` where it is of a kind that nobody takes back.
    pub kept: Option<StepKept>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AlertRefusal {
    #[error("undo: the last step is not yours to take back")]
    NotYours,
    #[error("undo: a step is taken back within {UNDO_WITHIN_S} s, and this one is older")]
    TooLate,
    #[error("undo: something has happened since this step")]
    ChangedSince,
    #[error("`{step}` is not possible while the alert is `{state}`")]
    NotNow { step: &'static str, state: &'static str },
    #[error("`{by}` has already given this verdict: another reviewer must give the second")]
    SameReviewer { by: String },
    #[error("a dismissal needs a reason")]
    NoReason,
    #[error("a case needs its number")]
    NoCaseNumber,
}

impl Case {
    /// The case after `step`; `self` stays as it was when the step is refused.
    pub fn take(&self, by: &str, step: &AlertAction, at: At) -> Result<Self, AlertRefusal> {
        let refused = || AlertRefusal::NotNow { step: step.name(), state: self.state.as_str() };
        match (self.state, step) {
            (state, AlertAction::Strengthened { raises_severity }) => {
                Ok(match (state, raises_severity) {
                    (AlertState::Dismissed, true) => Self::default(),
                    (AlertState::Closed, true) if self.corrected_at.is_some() => Self::default(),
                    // Only a withdrawal had dismissed it, and now something stands again.
                    (AlertState::Dismissed, false)
                        if self.dismissed_because == Some(Reason::Withdrawn) =>
                    {
                        Self::default()
                    }
                    _ => Self { withdrawn_at: None, ..self.clone() },
                })
            }
            (state, AlertAction::AllWithdrawn { unseen }) => {
                let marked = Self { withdrawn_at: Some(at), ..self.clone() };
                Ok(if state == AlertState::Raised && *unseen {
                    Self {
                        state: AlertState::Dismissed,
                        dismissed_because: Some(Reason::Withdrawn),
                        ..marked
                    }
                } else {
                    marked
                })
            }
            (_, AlertAction::Answer | AlertAction::Comment) => Ok(self.clone()),
            (AlertState::Raised, AlertAction::Corrected) => {
                Ok(Self { corrected_at: Some(at), ..self.at(AlertState::Closed) })
            }
            (AlertState::Raised, AlertAction::Take) => Ok(self.at(AlertState::Review1)),
            (
                AlertState::Raised | AlertState::Review1 | AlertState::Review2,
                AlertAction::Review { verdict, reason },
            ) => self.review(by, *verdict, *reason, at),
            (AlertState::Lead, AlertAction::GoOnSite) => Ok(self.at(AlertState::OnSite)),
            (AlertState::OnSite, AlertAction::NothingFound) => Ok(self.at(AlertState::Unfounded)),
            (AlertState::OnSite, AlertAction::Found { case_number })
                if case_number.trim().is_empty() =>
            {
                Err(AlertRefusal::NoCaseNumber)
            }
            (AlertState::OnSite, AlertAction::Found { case_number }) => Ok(Self {
                case_number: Some(case_number.trim().to_owned()),
                ..self.at(AlertState::Case)
            }),
            (AlertState::Case | AlertState::Unfounded, AlertAction::Close) => {
                Ok(self.at(AlertState::Closed))
            }
            _ => Err(refused()),
        }
    }

    /// The case as it was before the last step, where that was this person's, a moment ago, and
    /// nothing has moved the case since.
    pub fn undo(&self, last: Option<&LastStep>, by: &str, now: At) -> Result<Self, AlertRefusal> {
        let last = last.filter(|last| last.by == by).ok_or(AlertRefusal::NotYours)?;
        let kept = last.kept.as_ref().ok_or(AlertRefusal::NotYours)?;
        if now.ms() - last.at.ms() > UNDO_WITHIN_S * 1_000 {
            return Err(AlertRefusal::TooLate);
        }
        if kept.after == *self { Ok(kept.before.clone()) } else { Err(AlertRefusal::ChangedSince) }
    }

    fn at(&self, state: AlertState) -> Self {
        Self { state, ..self.clone() }
    }

    fn review(
        &self,
        by: &str,
        verdict: ReviewVerdict,
        reason: Option<Reason>,
        at: At,
    ) -> Result<Self, AlertRefusal> {
        if verdict == ReviewVerdict::Dismiss && reason.is_none() {
            return Err(AlertRefusal::NoReason);
        }
        if self.reviews.iter().any(|r| r.by == by && r.verdict == verdict) {
            return Err(AlertRefusal::SameReviewer { by: by.to_owned() });
        }
        let mut next = self.clone();
        next.reviews.retain(|r| r.by != by);
        let agreed = next.reviews.iter().any(|r| r.verdict == verdict);
        next.reviews.push(AlertReview { by: by.to_owned(), at, verdict, reason });
        next.state = match (agreed, verdict) {
            (false, _) => AlertState::Review2,
            (true, ReviewVerdict::Uphold) => AlertState::Lead,
            (true, ReviewVerdict::Dismiss) => AlertState::Dismissed,
        };
        if next.state == AlertState::Dismissed {
            next.dismissed_because = reason;
        }
        Ok(next)
    }
}

/// Hours in which somebody has to act on an alert of this severity: settings `due_l1_h` to
/// `due_l3_h`.
pub fn due_hours(severity: u8, numbers: &crate::rules::Numbers) -> i64 {
    match severity {
        3 => numbers.due_l3_h,
        2 => numbers.due_l2_h,
        _ => numbers.due_l1_h,
    }
}

/// When somebody has to have acted on an alert that came at `received_at`, while it is open.
pub fn due_at(
    state: AlertState,
    severity: u8,
    received_at: At,
    numbers: &crate::rules::Numbers,
) -> Option<jiff::Timestamp> {
    let within = jiff::SignedDuration::from_hours(due_hours(severity, numbers));
    state.is_open().then(|| received_at.time() + within)
}

#[cfg(test)]
mod tests;
