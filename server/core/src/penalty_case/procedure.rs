//! The procedure as the law has it: each phase with the articles that ask for it, how far those
//! were read, and its document.

use law::{Grade, Mark};
use schemars::JsonSchema;
use serde::Serialize;

use super::PenaltyCase;

/// Articles with how far their text was read. Every one names its instrument and the number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provision {
    pub zh: &'static str,
    pub en: &'static str,
    pub mark: Mark,
}

/// Both 行政处罚法 and 卫生健康行政处罚程序规定 (2025) were read whole, and so was 国令310.
pub(super) fn read_whole(zh: &'static str, en: &'static str) -> Provision {
    Provision { zh, en, mark: Mark::Unconfirmed { grade: Grade::FullText } }
}

/// One phase of the procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Opening,
    Investigation,
    Correction,
    Notice,
    Statement,
    Hearing,
    LegalReview,
    Discussion,
    Decision,
    Service,
    Closing,
}

impl Phase {
    pub const ALL: [Self; 11] = [
        Self::Opening,
        Self::Investigation,
        Self::Correction,
        Self::Notice,
        Self::Statement,
        Self::Hearing,
        Self::LegalReview,
        Self::Discussion,
        Self::Decision,
        Self::Service,
        Self::Closing,
    ];

    pub fn zh(self) -> &'static str {
        match self {
            Self::Opening => "立案",
            Self::Investigation => "调查取证（两名执法人员）",
            Self::Correction => "责令改正",
            Self::Notice => "事先告知",
            Self::Statement => "陈述申辩",
            Self::Hearing => "听证",
            Self::LegalReview => "法制审核",
            Self::Discussion => "集体讨论",
            Self::Decision => "决定",
            Self::Service => "送达",
            Self::Closing => "结案",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Opening => "Opening",
            Self::Investigation => "Investigation by two officers",
            Self::Correction => "Order to correct",
            Self::Notice => "Notice to the party",
            Self::Statement => "Statement and defence",
            Self::Hearing => "Hearing",
            Self::LegalReview => "Legal review",
            Self::Discussion => "Collective discussion",
            Self::Decision => "Decision",
            Self::Service => "Service",
            Self::Closing => "Closing",
        }
    }

    pub fn provision(self) -> Provision {
        let (zh, en) = match self {
            Self::Opening => ("程序规定第三十二条", "程序规定 32"),
            Self::Investigation => (
                "程序规定第十七条；行政处罚法第四十二条、第五十五条",
                "程序规定 17; 行政处罚法 42, 55",
            ),
            Self::Correction => {
                ("程序规定第二十八条；行政处罚法第二十八条", "程序规定 28; 行政处罚法 28")
            }
            Self::Notice => {
                ("程序规定第二十条；行政处罚法第四十四条", "程序规定 20; 行政处罚法 44")
            }
            Self::Statement => ("行政处罚法第四十五条", "行政处罚法 45"),
            Self::Hearing => (
                "程序规定第四十三条、第四十四条、第四十六条；行政处罚法第六十三条、第六十四条",
                "程序规定 43, 44, 46; 行政处罚法 63, 64",
            ),
            Self::LegalReview => {
                ("程序规定第三十八条；行政处罚法第五十八条", "程序规定 38; 行政处罚法 58")
            }
            Self::Discussion => {
                ("程序规定第四十条；行政处罚法第五十七条第二款", "程序规定 40; 行政处罚法 57(2)")
            }
            Self::Decision => {
                ("程序规定第四十二条；行政处罚法第六十条", "程序规定 42; 行政处罚法 60")
            }
            Self::Service => (
                "程序规定第五十三条、第五十七条、第五十八条；行政处罚法第六十一条",
                "程序规定 53, 57, 58; 行政处罚法 61",
            ),
            Self::Closing => ("程序规定第三十九条第二款、第六十八条", "程序规定 39(2), 68"),
        };
        read_whole(zh, en)
    }

    /// Its documents.
    pub fn documents_zh(self) -> &'static str {
        match self {
            Self::Opening => "立案报告",
            Self::Investigation => "现场笔录、询问笔录",
            Self::Correction => "责令改正通知书",
            Self::Notice => "行政处罚事先告知书",
            Self::Decision => "行政处罚决定书",
            Self::Service => "送达回证",
            Self::Closing => "结案报告",
            Self::Statement | Self::Hearing | Self::LegalReview | Self::Discussion => "",
        }
    }

    /// The day on which it was last done; of the service of the decision: once it takes effect.
    pub fn done_on(
        self,
        case: &PenaltyCase,
        today: jiff::civil::Date,
    ) -> Option<jiff::civil::Date> {
        let code = match self {
            Self::Opening => return case.opened_on,
            Self::Closing => return case.closed_on,
            Self::Investigation => "officers",
            Self::Correction => "correction_ordered",
            Self::Notice => "notified",
            Self::Statement => "stated",
            Self::Hearing => "hearing_held",
            Self::LegalReview => "legally_reviewed",
            Self::Discussion => "discussed",
            Self::Decision => "decided",
            Self::Service => return case.decision_served_on().filter(|on| *on <= today),
        };
        case.last(code).map(|r| r.on)
    }
}
