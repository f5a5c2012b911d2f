//! One article as it is shown: never without how far it was read, or who confirmed it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a text was read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// The whole instrument.
    FullText,
    /// This article alone.
    Excerpt,
    /// The number follows from two excerpts.
    Derived,
    /// Not seen.
    Memory,
}

/// Whom a penalty meets.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    Person,
    Institution,
    Either,
}

/// Basis of a duty, or penalty.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Kind")]
pub enum CitationKind {
    Basis,
    Penalty,
}

/// What is said with an article, always: how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Mark {
    /// Nobody has confirmed it: the grade says how far it was read.
    Unconfirmed { grade: Grade },
    /// The authority's lawyer has. `by` is empty for readers outside the authority.
    Confirmed { by: String, on: String },
}

impl Mark {
    pub fn zh(&self) -> String {
        match self {
            Self::Unconfirmed { grade: Grade::FullText } => {
                "条号已据公开文本核对，待法制审核".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Excerpt } => {
                "条号据公开节录核对，待法制审核".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Derived } => {
                "条号据2016年决定推定，待法制审核".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Memory } => "条号及版次待核".to_owned(),
            Self::Confirmed { by, on } if by.is_empty() => {
                format!("{on} 经主管机关法制审核确认")
            }
            Self::Confirmed { by, on } => format!("{on} 经 {by} 法制审核确认"),
        }
    }

    pub fn en(&self) -> String {
        match self {
            Self::Unconfirmed { grade: Grade::FullText } => {
                "checked with a public text; legal review to come".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Excerpt } => {
                "checked with an excerpt; legal review to come".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Derived } => {
                "number derived from the decision of 2016; legal review to come".to_owned()
            }
            Self::Unconfirmed { grade: Grade::Memory } => {
                "number and edition not verified".to_owned()
            }
            Self::Confirmed { by, on } if by.is_empty() => {
                format!("confirmed in the authority's (主管机关) legal review on {on}")
            }
            Self::Confirmed { by, on } => format!("confirmed in legal review by {by} on {on}"),
        }
    }
}

/// One article as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cited {
    pub kind: CitationKind,
    pub law: String,
    pub article: String,
    pub edition: String,
    /// Day of the year in which the instrument came into force, RFC 3339; empty where it was not
    /// seen.
    pub in_force: String,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// It does not fit acts before this day, RFC 3339; empty: it fits any day.
    pub from: String,
    pub mark: Mark,
}
