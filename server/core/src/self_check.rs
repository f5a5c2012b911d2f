//! The life of one self-inspection (依法执业自查), as a pure state machine.
//!
//! `Open → Draft → Submitted → { Accepted | Returned }`; what is changed after it was handed in is
//! a new revision with a reason. Its form is pinned: a later version of the checklist changes
//! nothing of it. Overdue is a date, never a state. This file reads no clock and stores nothing.

pub mod checklist;
pub mod correction;
pub mod disclosure;
pub mod facts;
mod lists;
pub mod mismatch;
pub mod period;
pub mod table;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use lists::{AnswerKind, CheckKind, FactQuery, YesNoNa};

/// 自查状态.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Open,
    Draft,
    Submitted,
    Accepted,
    /// Some answers are asked again.
    Returned,
}

impl CheckState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Accepted => "accepted",
            Self::Returned => "returned",
        }
    }

    /// The clinic still has to do something.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Draft | Self::Returned)
    }
}

/// What somebody does with a self-check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckAction {
    /// One answer is saved.
    Answer,
    /// `missing`: questions that are asked and have no answer.
    Submit {
        missing: Vec<String>,
    },
    Accept,
    Return {
        items: Vec<String>,
    },
    /// Opened again by whoever handed it in.
    Revise {
        reason: String,
    },
}

impl CheckAction {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Submit { .. } => "submit",
            Self::Accept => "accept",
            Self::Return { .. } => "return",
            Self::Revise { .. } => "revise",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckRefusal {
    #[error("`{step}` is not possible while the self-check is `{state}`")]
    NotNow { step: &'static str, state: &'static str },
    #[error("answers: these questions have none yet: {0}")]
    Missing(String),
    #[error("items: name the questions that are asked again")]
    NoItems,
    #[error("reason: say why it is changed after it was handed in")]
    NoReason,
    #[error("this self-check was handed in {MOST_REVISIONS} times: speak to the authority")]
    TooOften,
}

/// How often a self-check is opened again by whoever handed it in: each time it is taken out of the
/// hands of whoever reads it.
const MOST_REVISIONS: u32 = 20;

/// All that the machine remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Handling")]
pub struct CheckHandling {
    pub state: CheckState,
    /// How often it was handed in.
    pub revision: u32,
    /// Questions that an officer asks again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub returned: Vec<String>,
    /// Why the next revision is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Default for CheckHandling {
    fn default() -> Self {
        Self { state: CheckState::Open, revision: 0, returned: Vec::new(), reason: None }
    }
}

impl CheckHandling {
    /// The handling after `step`; `self` stays as it was when the step is refused.
    pub fn take(&self, step: &CheckAction) -> Result<Self, CheckRefusal> {
        use CheckState::{Accepted, Draft, Open, Returned, Submitted};
        match (self.state, step) {
            (Open | Draft, CheckAction::Answer) => Ok(Self { state: Draft, ..self.clone() }),
            (Returned, CheckAction::Answer) => Ok(self.clone()),
            (Open | Draft | Returned, CheckAction::Submit { missing }) if missing.is_empty() => {
                Ok(Self {
                    state: Submitted,
                    revision: self.revision + 1,
                    returned: Vec::new(),
                    reason: None,
                })
            }
            (Open | Draft | Returned, CheckAction::Submit { missing }) => {
                Err(CheckRefusal::Missing(missing.join(", ")))
            }
            (Submitted, CheckAction::Accept) => Ok(Self { state: Accepted, ..self.clone() }),
            (Submitted, CheckAction::Return { items }) if items.is_empty() => {
                Err(CheckRefusal::NoItems)
            }
            (Submitted, CheckAction::Return { items }) => {
                Ok(Self { state: Returned, returned: items.clone(), ..self.clone() })
            }
            (Submitted | Accepted, CheckAction::Revise { reason }) if reason.trim().is_empty() => {
                Err(CheckRefusal::NoReason)
            }
            (Submitted | Accepted, CheckAction::Revise { .. })
                if self.revision >= MOST_REVISIONS =>
            {
                Err(CheckRefusal::TooOften)
            }
            (Submitted | Accepted, CheckAction::Revise { reason }) => {
                Ok(Self { state: Draft, reason: Some(reason.trim().to_owned()), ..self.clone() })
            }
            (state, step) => Err(CheckRefusal::NotNow { step: step.name(), state: state.as_str() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[CheckAction]) -> Result<CheckHandling, CheckRefusal> {
        steps.iter().try_fold(CheckHandling::default(), |it, step| it.take(step))
    }

    fn submit() -> CheckAction {
        CheckAction::Submit { missing: Vec::new() }
    }

    #[test]
    fn a_check_is_answered_handed_in_and_accepted() {
        let done = after(&[CheckAction::Answer, submit(), CheckAction::Accept]).unwrap();
        assert_eq!((done.state, done.revision), (CheckState::Accepted, 1));
    }

    #[test]
    fn an_unanswered_question_keeps_it_from_being_handed_in() {
        let missing = CheckAction::Submit { missing: vec!["mc-01".into(), "mc-02".into()] };
        let refused = after(&[CheckAction::Answer, missing]).unwrap_err();
        assert!(refused.to_string().contains("mc-01, mc-02"));
    }

    #[test]
    fn what_is_handed_in_changes_only_with_a_reason() {
        assert!(matches!(
            after(&[submit(), CheckAction::Answer]),
            Err(CheckRefusal::NotNow { .. })
        ));
        let silent = CheckAction::Revise { reason: " ".into() };
        assert_eq!(after(&[submit(), silent]), Err(CheckRefusal::NoReason));
        let again = [
            submit(),
            CheckAction::Revise { reason: "漏填".into() },
            CheckAction::Answer,
            submit(),
        ];
        assert_eq!(after(&again).unwrap().revision, 2);
    }

    #[test]
    fn a_check_opened_again_and_again_stays_with_its_reader() {
        let revise = || CheckAction::Revise { reason: "再改".into() };
        let steps = |n: usize| -> Vec<CheckAction> {
            (0..n).flat_map(|_| [submit(), revise()]).chain([submit()]).collect()
        };
        let last = after(&steps(19)).unwrap();
        assert_eq!((last.state, last.revision), (CheckState::Submitted, 20));
        assert_eq!(last.take(&revise()), Err(CheckRefusal::TooOften));
        assert!(last.take(&CheckAction::Return { items: vec!["mc-01".into()] }).is_ok());
    }

    #[test]
    fn a_returned_check_names_what_is_asked_again() {
        assert_eq!(
            after(&[submit(), CheckAction::Return { items: vec![] }]),
            Err(CheckRefusal::NoItems)
        );
        let back = after(&[submit(), CheckAction::Return { items: vec!["mc-03".into()] }]).unwrap();
        assert_eq!((back.state, back.returned.len()), (CheckState::Returned, 1));
        assert!(matches!(back.take(&CheckAction::Accept), Err(CheckRefusal::NotNow { .. })));
        assert_eq!(back.take(&CheckAction::Answer).unwrap().returned, back.returned);
    }
}
