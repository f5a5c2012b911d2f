//! The life of a clue (线索), as a pure state machine that embeds the alert's: `(handling, step,
//! now) → handling or a refusal`.
//!
//! `Received → { Accepted | AskedBack → Received | NotOurs | Merged | Rejected }`. `Accepted` puts
//! an [`alert::Case`](crate::alert::Case) into it, and from there that machine alone runs. A clue
//! is never an alert: no clinic sees it. Two different people stand before `NotOurs`, `Rejected`
//! and an end without a finding, as the case's two reviewers stand before `Lead` and `Dismissed`. A
//! merge can be undone; the clue that goes on loses the words that stood on it, for nobody alone
//! may end what another said nothing of. This file reads no clock, stores nothing and knows no web
//! page.

pub mod fault;
mod lists;
mod reporter;
pub mod terms;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::{self, Case};
use crate::clock::At;
use crate::ids::ClueId;

/// Pictures of a report, at most.
pub const MOST_PICTURES: usize = 3;
pub(crate) use lists::closed_lists;
pub use lists::{Agency, Allegation, Anonymity, PlaceKind, RejectReason, Source};
pub use reporter::ReporterState;

/// A place that stands in no register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Place")]
pub struct UnregisteredPlace {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub address: String,
    pub kind: PlaceKind,
}

/// What a clue says of its matter, beside who sent it and the sealed text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "About")]
pub struct ClueDetails {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<UnregisteredPlace>,
    /// RFC 3339 UTC with milliseconds; at most a day long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_at: Option<At>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_at: Option<At>,
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
#[schemars(rename = "Intake")]
pub enum IntakeState {
    Received,
    /// A question waits for the reporter's answer.
    AskedBack,
    /// The case's own machine runs from here on.
    Accepted,
    NotOurs,
    Merged,
    Rejected,
}

impl IntakeState {
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
    /// 查无实据: an accepted clue was looked into on site, and nothing was found.
    NothingFound,
}

impl Disposal {
    /// Whether two people mean the same end; they may have different reasons for a refusal.
    fn agrees_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::NotOurs { agency: one }, Self::NotOurs { agency: other }) => one == other,
            (Self::Rejected { .. }, Self::Rejected { .. })
            | (Self::NothingFound, Self::NothingFound) => true,
            _ => false,
        }
    }

    fn intake(self) -> IntakeState {
        match self {
            Self::NotOurs { .. } => IntakeState::NotOurs,
            Self::Rejected { .. } => IntakeState::Rejected,
            // Its case ends; the clue was accepted.
            Self::NothingFound => IntakeState::Accepted,
        }
    }
}

/// One officer's word for an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Proposal")]
pub struct DisposalProposal {
    pub by: String,
    pub at: At,
    pub disposal: Disposal,
}

/// Where a merged clue went, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Id of the clue that goes on.
    pub into: ClueId,
    pub before: IntakeState,
}

/// What somebody does with a clue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClueAction {
    Accept,
    Ask {
        question: String,
    },
    /// The reporter's word to a question.
    Answered,
    Dispose(Disposal),
    Merge {
        into: ClueId,
    },
    Unmerge,
    /// The term of the verification, once more: once, with a reason.
    Extend {
        reason: String,
    },
    /// Whoever reported by name was told what was decided.
    Told {
        how: String,
    },
    Comment,
    /// A step of the embedded case.
    Case(alert::AlertAction),
}

impl ClueAction {
    /// What it says beside its note, for the record: the question, the agency, the reason, the clue
    /// that goes on. Words of closed lists, ids, or what the officer wrote.
    pub fn said(&self) -> String {
        match self {
            Self::Ask { question } => question.clone(),
            Self::Dispose(Disposal::NotOurs { agency }) => agency.as_str().to_owned(),
            Self::Dispose(Disposal::Rejected { reason }) => reason.as_str().to_owned(),
            Self::Merge { into } => into.to_string(),
            Self::Extend { reason } => reason.clone(),
            Self::Told { how } => how.clone(),
            Self::Case(alert::AlertAction::Review { reason: Some(reason), .. }) => {
                reason.as_str().to_owned()
            }
            _ => String::new(),
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Ask { .. } => "ask",
            Self::Answered => "answered",
            Self::Dispose(Disposal::NotOurs { .. }) => "not_ours",
            Self::Dispose(Disposal::Rejected { .. }) => "reject",
            Self::Dispose(Disposal::NothingFound) => "nothing_found",
            Self::Merge { .. } => "merge",
            Self::Unmerge => "unmerge",
            Self::Extend { .. } => "extend",
            Self::Told { .. } => "told",
            Self::Comment => "comment",
            Self::Case(step) => step.name(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClueRefusal {
    #[error("`{step}` is not possible while the clue is `{stage}`")]
    NotNow { step: &'static str, stage: &'static str },
    #[error("`{by}` has already said so: another person must agree (须由另一人同意)")]
    SamePerson { by: String },
    #[error("question: write what the reporter is asked, 1 to 500 characters")]
    NoQuestion,
    #[error("note: say why the verification takes longer, or how the reporter was told")]
    NoReason,
    #[error("a clue can not be merged into itself")]
    IntoItself,
    #[error(transparent)]
    Case(#[from] alert::AlertRefusal),
}

/// All that the machine remembers of one clue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Handling")]
pub struct ClueHandling {
    pub intake: IntakeState,
    /// At most one standing word per person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<DisposalProposal>,
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
    /// Day on which two people refused it or handed it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposed_on: Option<String>,
    /// Day on which its case was dismissed, filed or found empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concluded_on: Option<String>,
    /// Day on which the verification was extended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_on: Option<String>,
    /// Day on which whoever reported by name was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_on: Option<String>,
}

impl Default for ClueHandling {
    fn default() -> Self {
        Self {
            intake: IntakeState::Received,
            proposals: Vec::new(),
            question: None,
            merged: None,
            case: None,
            accepted_on: None,
            disposed_on: None,
            concluded_on: None,
            extended_on: None,
            told_on: None,
        }
    }
}

impl ClueHandling {
    /// One word for where it stands: the intake's, or the case's once there is one.
    pub fn stage(&self) -> &'static str {
        match (&self.case, self.intake) {
            (Some(case), IntakeState::Accepted) if case.state == alert::AlertState::Raised => {
                "accepted"
            }
            (Some(case), IntakeState::Accepted) => case.state.as_str(),
            (_, intake) => intake.as_str(),
        }
    }

    /// Somebody still has to do something.
    pub fn is_open(&self) -> bool {
        match self.intake {
            IntakeState::Received | IntakeState::AskedBack => true,
            IntakeState::Accepted => self.case.as_ref().is_some_and(|case| case.state.is_open()),
            IntakeState::NotOurs | IntakeState::Merged | IntakeState::Rejected => false,
        }
    }

    /// The handling after `step`; `self` stays as it was when the step is refused.
    pub fn take(
        &self,
        own_id: &ClueId,
        by: &str,
        step: &ClueAction,
        at: At,
    ) -> Result<Self, ClueRefusal> {
        use IntakeState::{Accepted, AskedBack, Received};
        let refused = || ClueRefusal::NotNow { step: step.name(), stage: self.stage() };
        match (self.intake, step) {
            (_, ClueAction::Comment) => Ok(self.clone()),
            (Received | AskedBack, ClueAction::Accept) => Ok(Self {
                intake: Accepted,
                proposals: Vec::new(),
                question: None,
                case: Some(Case::default()),
                accepted_on: Some(crate::clock::day_of(&at)),
                ..self.clone()
            }),
            (Received, ClueAction::Ask { question }) if question.trim().is_empty() => {
                Err(ClueRefusal::NoQuestion)
            }
            (Received, ClueAction::Ask { question }) => Ok(Self {
                intake: AskedBack,
                question: Some(question.trim().to_owned()),
                ..self.clone()
            }),
            // What is known has changed: earlier words were about less.
            (AskedBack, ClueAction::Answered) => {
                Ok(Self { intake: Received, question: None, proposals: Vec::new(), ..self.clone() })
            }
            (Received | AskedBack, ClueAction::Dispose(disposal)) => {
                self.dispose(by, *disposal, at)
            }
            (Received | AskedBack, ClueAction::Merge { into }) if into == own_id => {
                Err(ClueRefusal::IntoItself)
            }
            (Received | AskedBack, ClueAction::Merge { into }) => Ok(Self {
                intake: IntakeState::Merged,
                merged: Some(Merged { into: into.clone(), before: self.intake }),
                ..self.clone()
            }),
            (IntakeState::Merged, ClueAction::Unmerge) => {
                let before = self.merged.as_ref().map_or(Received, |merged| merged.before);
                Ok(Self { intake: before, merged: None, ..self.clone() })
            }
            (Accepted, ClueAction::Extend { reason }) if self.awaits_decision() => {
                self.extend(reason, at)
            }
            (_, ClueAction::Told { how })
                if self.decided_on().is_some() && self.told_on.is_none() =>
            {
                self.tell(how, at)
            }
            // Of what two upheld, nobody alone says that there was nothing.
            (
                Accepted,
                ClueAction::Dispose(Disposal::NothingFound)
                | ClueAction::Case(alert::AlertAction::NothingFound),
            ) => {
                let case = self.case.as_ref().ok_or_else(refused)?;
                let ended = case.take(by, &alert::AlertAction::NothingFound, at)?;
                let mut next = self.dispose(by, Disposal::NothingFound, at)?;
                if next.disposed_on.take().is_some() {
                    next.case = Some(ended);
                    next = next.concluded(at);
                }
                Ok(next)
            }
            (Accepted, ClueAction::Case(step)) if is_of_people(step) => {
                let case = self.case.as_ref().ok_or_else(refused)?;
                let proposals = match step {
                    alert::AlertAction::Found { .. } => Vec::new(),
                    _ => self.proposals.clone(),
                };
                let next = Self { case: Some(case.take(by, step, at)?), proposals, ..self.clone() };
                Ok(if self.awaits_decision() && !next.awaits_decision() {
                    next.concluded(at)
                } else {
                    next
                })
            }
            _ => Err(refused()),
        }
    }

    /// Two reviewers have not agreed yet.
    pub fn is_being_verified(&self) -> bool {
        use alert::AlertState::{Raised, Review1, Review2};
        let case = self.case.as_ref().filter(|_| self.intake == IntakeState::Accepted);
        case.is_some_and(|case| matches!(case.state, Raised | Review1 | Review2))
    }

    /// Neither filed nor ended: until then the term of the verification runs, and a lead that
    /// nobody follows up is late.
    pub fn awaits_decision(&self) -> bool {
        use alert::AlertState::{Lead, OnSite};
        let case = self.case.as_ref().filter(|_| self.intake == IntakeState::Accepted);
        self.is_being_verified() || case.is_some_and(|case| matches!(case.state, Lead | OnSite))
    }

    /// Whoever reported by name is told once more: of the end, or of the case.
    fn concluded(self, at: At) -> Self {
        Self { concluded_on: Some(crate::clock::day_of(&at)), told_on: None, ..self }
    }

    /// Whether somebody may still let another clue go on in this one: two people have not decided.
    pub fn may_take_in(&self) -> bool {
        matches!(self.intake, IntakeState::Received | IntakeState::AskedBack)
            || self.is_being_verified()
    }

    /// After another clue was merged into it by a person: earlier words were about less.
    #[must_use]
    pub fn joined(&self) -> Self {
        let case = self.case.clone().map(|case| match case.state {
            alert::AlertState::Review2 => {
                Case { state: alert::AlertState::Review1, reviews: Vec::new(), ..case }
            }
            _ => case,
        });
        Self { proposals: Vec::new(), case, ..self.clone() }
    }

    /// Day on which it was accepted, refused or handed on, or its case was filed or ended.
    pub fn decided_on(&self) -> Option<&str> {
        match self.intake {
            IntakeState::Accepted => self.concluded_on.as_deref().or(self.accepted_on.as_deref()),
            IntakeState::NotOurs | IntakeState::Rejected => self.disposed_on.as_deref(),
            IntakeState::Received | IntakeState::AskedBack | IntakeState::Merged => None,
        }
    }

    fn extend(&self, reason: &str, at: At) -> Result<Self, ClueRefusal> {
        if reason.trim().is_empty() {
            return Err(ClueRefusal::NoReason);
        }
        if self.extended_on.is_some() {
            return Err(ClueRefusal::NotNow { step: "extend", stage: self.stage() });
        }
        Ok(Self { extended_on: Some(crate::clock::day_of(&at)), ..self.clone() })
    }

    fn tell(&self, how: &str, at: At) -> Result<Self, ClueRefusal> {
        if how.trim().is_empty() {
            return Err(ClueRefusal::NoReason);
        }
        Ok(Self { told_on: Some(crate::clock::day_of(&at)), ..self.clone() })
    }

    fn dispose(&self, by: &str, disposal: Disposal, at: At) -> Result<Self, ClueRefusal> {
        if self.proposals.iter().any(|p| p.by == by && p.disposal.agrees_with(disposal)) {
            return Err(ClueRefusal::SamePerson { by: by.to_owned() });
        }
        let mut next = self.clone();
        next.proposals.retain(|p| p.by != by);
        let agreed = next.proposals.iter().any(|p| p.disposal.agrees_with(disposal));
        next.proposals.push(DisposalProposal { by: by.to_owned(), at, disposal });
        if agreed {
            next.intake = disposal.intake();
            next.question = None;
            next.disposed_on = Some(crate::clock::day_of(&at));
        }
        Ok(next)
    }

    /// What whoever reported it is told. No more than that it is worked on until it is over: a
    /// clinic that reported itself would learn that somebody is on the way.
    pub fn for_reporter(&self) -> ReporterState {
        match self.intake {
            IntakeState::Received | IntakeState::Merged => ReporterState::Received,
            IntakeState::AskedBack => ReporterState::Question,
            IntakeState::Accepted if self.is_open() => ReporterState::Accepted,
            IntakeState::Accepted => ReporterState::Concluded,
            IntakeState::NotOurs => ReporterState::HandedOn,
            IntakeState::Rejected => ReporterState::NotAccepted,
        }
    }
}

/// No box withdraws or strengthens a clue, and no clinic answers one.
fn is_of_people(step: &alert::AlertAction) -> bool {
    use alert::AlertAction::{Close, Found, GoOnSite, NothingFound, Review, Take};
    matches!(step, Take | Review { .. } | GoOnSite | Found { .. } | NothingFound | Close)
}

#[cfg(test)]
mod tests;
