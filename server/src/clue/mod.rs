//! The life of a clue (线索), as a pure state machine that embeds the alert's: `(handling, step,
//! now) → handling or a refusal`.
//!
//! `Received → { Accepted | AskedBack → Received | NotOurs | Merged | Rejected }`. `Accepted` puts
//! an [`alert::Case`](crate::alert::Case) into it, and from there that machine alone runs. A clue
//! is never an alert: no clinic sees it. Two different people stand before `NotOurs` and
//! `Rejected`, as the case's two reviewers stand before `Lead` and `Dismissed`. A merge can be
//! undone. This file reads no clock, stores nothing and knows no web page.

pub mod fault;
mod lists;
pub mod terms;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::{self, Case};
pub(crate) use lists::closed_lists;
pub use lists::{Agency, Allegation, Anonymity, PlaceKind, RejectReason, Source};

/// A place that stands in no register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub address: String,
    pub kind: PlaceKind,
}

/// What a clue says of its matter, beside who sent it and the sealed text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// RFC 3339 UTC with milliseconds; at most a day long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_at: Option<String>,
    /// The reporter said "about".
    #[serde(default)]
    pub window_vague: bool,
    /// As the reporter called the item.
    #[serde(default)]
    pub item_text: String,
    pub anonymity: Anonymity,
}

/// 受理状态.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    Received,
    /// A question waits for the reporter's answer.
    AskedBack,
    /// The case's own machine runs from here on.
    Accepted,
    NotOurs,
    Merged,
    Rejected,
}

impl Intake {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::AskedBack => "asked_back",
            Self::Accepted => "accepted",
            Self::NotOurs => "not_ours",
            Self::Merged => "merged",
            Self::Rejected => "rejected",
        }
    }
}

/// A way to end a clue without a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Disposal {
    /// 移送: it is another agency's.
    NotOurs {
        agency: Agency,
    },
    Rejected {
        reason: RejectReason,
    },
}

impl Disposal {
    /// Whether two people mean the same end; they may have different reasons for a refusal.
    fn agrees_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::NotOurs { agency: one }, Self::NotOurs { agency: other }) => one == other,
            (Self::Rejected { .. }, Self::Rejected { .. }) => true,
            _ => false,
        }
    }

    fn intake(self) -> Intake {
        match self {
            Self::NotOurs { .. } => Intake::NotOurs,
            Self::Rejected { .. } => Intake::Rejected,
        }
    }
}

/// One officer's word for an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    pub by: String,
    pub at: String,
    pub disposal: Disposal,
}

/// Where a merged clue went, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Id of the clue that goes on.
    pub into: String,
    pub before: Intake,
}

/// What somebody does with a clue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Accept,
    Ask {
        question: String,
    },
    /// The reporter's word to a question.
    Answered,
    Dispose(Disposal),
    Merge {
        into: String,
    },
    Unmerge,
    Comment,
    /// A step of the embedded case.
    Case(alert::Step),
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Ask { .. } => "ask",
            Self::Answered => "answered",
            Self::Dispose(Disposal::NotOurs { .. }) => "not_ours",
            Self::Dispose(Disposal::Rejected { .. }) => "reject",
            Self::Merge { .. } => "merge",
            Self::Unmerge => "unmerge",
            Self::Comment => "comment",
            Self::Case(step) => step.name(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("`{step}` is not possible while the clue is `{stage}`")]
    NotNow { step: &'static str, stage: &'static str },
    #[error("`{by}` has already said so: another person must agree (须由另一人同意)")]
    SamePerson { by: String },
    #[error("question: write what the reporter is asked, 1 to 500 characters")]
    NoQuestion,
    #[error("a clue can not be merged into itself")]
    IntoItself,
    #[error(transparent)]
    Case(#[from] alert::Refusal),
}

/// All that the machine remembers of one clue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handling {
    pub intake: Intake,
    /// At most one standing word per person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub case: Option<Case>,
    /// Day of acceptance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_on: Option<String>,
}

impl Default for Handling {
    fn default() -> Self {
        Self {
            intake: Intake::Received,
            proposals: Vec::new(),
            question: None,
            merged: None,
            case: None,
            accepted_on: None,
        }
    }
}

impl Handling {
    /// One word for where it stands: the intake's, or the case's once there is one.
    pub fn stage(&self) -> &'static str {
        match (&self.case, self.intake) {
            (Some(case), Intake::Accepted) if case.state == alert::State::Raised => "accepted",
            (Some(case), Intake::Accepted) => case.state.as_str(),
            (_, intake) => intake.as_str(),
        }
    }

    /// Somebody still has to do something.
    pub fn is_open(&self) -> bool {
        match self.intake {
            Intake::Received | Intake::AskedBack => true,
            Intake::Accepted => self.case.as_ref().is_some_and(|case| case.state.is_open()),
            Intake::NotOurs | Intake::Merged | Intake::Rejected => false,
        }
    }

    /// The handling after `step`; `self` stays as it was when the step is refused.
    pub fn take(&self, own_id: &str, by: &str, step: &Step, at: &str) -> Result<Self, Refusal> {
        use Intake::{Accepted, AskedBack, Received};
        let refused = || Refusal::NotNow { step: step.name(), stage: self.stage() };
        match (self.intake, step) {
            (_, Step::Comment) => Ok(self.clone()),
            (Received | AskedBack, Step::Accept) => Ok(Self {
                intake: Accepted,
                proposals: Vec::new(),
                question: None,
                case: Some(Case::default()),
                accepted_on: Some(crate::clock::clip(at, 10)),
                ..self.clone()
            }),
            (Received, Step::Ask { question }) if question.trim().is_empty() => {
                Err(Refusal::NoQuestion)
            }
            (Received, Step::Ask { question }) => Ok(Self {
                intake: AskedBack,
                question: Some(question.trim().to_owned()),
                ..self.clone()
            }),
            // What is known has changed: earlier words were about less.
            (AskedBack, Step::Answered) => {
                Ok(Self { intake: Received, question: None, proposals: Vec::new(), ..self.clone() })
            }
            (Received | AskedBack, Step::Dispose(disposal)) => self.dispose(by, *disposal, at),
            (Received | AskedBack, Step::Merge { into }) if into == own_id => {
                Err(Refusal::IntoItself)
            }
            (Received | AskedBack, Step::Merge { into }) => Ok(Self {
                intake: Intake::Merged,
                merged: Some(Merged { into: into.clone(), before: self.intake }),
                ..self.clone()
            }),
            (Intake::Merged, Step::Unmerge) => {
                let before = self.merged.as_ref().map_or(Received, |merged| merged.before);
                Ok(Self { intake: before, merged: None, ..self.clone() })
            }
            (Accepted, Step::Case(step)) if is_of_people(step) => {
                let case = self.case.as_ref().ok_or_else(refused)?;
                Ok(Self { case: Some(case.take(by, step, at)?), ..self.clone() })
            }
            _ => Err(refused()),
        }
    }

    fn dispose(&self, by: &str, disposal: Disposal, at: &str) -> Result<Self, Refusal> {
        if self.proposals.iter().any(|p| p.by == by && p.disposal.agrees_with(disposal)) {
            return Err(Refusal::SamePerson { by: by.to_owned() });
        }
        let mut next = self.clone();
        next.proposals.retain(|p| p.by != by);
        let agreed = next.proposals.iter().any(|p| p.disposal.agrees_with(disposal));
        next.proposals.push(Proposal { by: by.to_owned(), at: at.to_owned(), disposal });
        if agreed {
            next.intake = disposal.intake();
            next.question = None;
        }
        Ok(next)
    }

    /// What whoever reported it is told. No more than that it is worked on until it is over: a
    /// clinic that reported itself would learn that somebody is on the way.
    pub fn for_reporter(&self) -> ReporterState {
        match self.intake {
            Intake::Received | Intake::Merged => ReporterState::Received,
            Intake::AskedBack => ReporterState::Question,
            Intake::Accepted if self.is_open() => ReporterState::Accepted,
            Intake::Accepted => ReporterState::Concluded,
            Intake::NotOurs => ReporterState::HandedOn,
            Intake::Rejected => ReporterState::NotAccepted,
        }
    }
}

/// No box withdraws or strengthens a clue, and no clinic answers one.
fn is_of_people(step: &alert::Step) -> bool {
    use alert::Step::{Close, Found, GoOnSite, NothingFound, Review, Take};
    matches!(step, Take | Review { .. } | GoOnSite | Found { .. } | NothingFound | Close)
}

/// Where a report stands, as its reporter is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReporterState {
    Received,
    /// A question waits for the reporter.
    Question,
    Accepted,
    HandedOn,
    NotAccepted,
    Concluded,
}

impl ReporterState {
    pub const ALL: [Self; 6] = [
        Self::Received,
        Self::Question,
        Self::Accepted,
        Self::HandedOn,
        Self::NotAccepted,
        Self::Concluded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Question => "question",
            Self::Accepted => "accepted",
            Self::HandedOn => "handed_on",
            Self::NotAccepted => "not_accepted",
            Self::Concluded => "concluded",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Received => "已收到，待审核受理",
            Self::Question => "需要您补充说明",
            Self::Accepted => "已受理，正在核查",
            Self::HandedOn => "不属本部门职责，已转交主管部门",
            Self::NotAccepted => "不予受理",
            Self::Concluded => "已办结",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Received => "received, waiting to be examined",
            Self::Question => "a question waits for you",
            Self::Accepted => "accepted, being looked into",
            Self::HandedOn => "not ours: handed to the agency in charge",
            Self::NotAccepted => "not accepted",
            Self::Concluded => "concluded",
        }
    }
}

#[cfg(test)]
mod tests;
