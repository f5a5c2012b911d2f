//! What whoever reported reads of the handling: one word of six, and never that somebody comes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
            Self::HandedOn => "不属本部门职责，请向主管部门反映（可拨打 12345 查询）",
            Self::NotAccepted => "不予受理",
            Self::Concluded => "已办结",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Received => "received, waiting to be examined",
            Self::Question => "a question waits for you",
            Self::Accepted => "accepted, being looked into",
            Self::HandedOn => {
                "not ours: please report it to the agency in charge (12345 knows which)"
            }
            Self::NotAccepted => "not accepted",
            Self::Concluded => "concluded",
        }
    }
}
