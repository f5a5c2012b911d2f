//! What an entry of a case chooses from: penalties, outcomes, ways of service, with their words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A law-enforcement officer with their certificate (执法证).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    pub name: String,
    pub certificate: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    Warning,
    Fine,
    Confiscation,
    /// 责令停产停业, 暂停执业.
    Suspension,
    /// 限制从业.
    Restriction,
    /// 吊销.
    Revocation,
}

impl PenaltyKind {
    pub const ALL: [Self; 6] = [
        Self::Warning,
        Self::Fine,
        Self::Confiscation,
        Self::Suspension,
        Self::Restriction,
        Self::Revocation,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Fine => "fine",
            Self::Confiscation => "confiscation",
            Self::Suspension => "suspension",
            Self::Restriction => "restriction",
            Self::Revocation => "revocation",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Warning => "警告",
            Self::Fine => "罚款",
            Self::Confiscation => "没收",
            Self::Suspension => "责令停业或暂停执业",
            Self::Restriction => "限制从业",
            Self::Revocation => "吊销许可证件",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Fine => "fine",
            Self::Confiscation => "confiscation",
            Self::Suspension => "suspension of business or practice",
            Self::Restriction => "restriction of practice",
            Self::Revocation => "revocation of a licence",
        }
    }

    /// A hearing must be offered, and the decision be discussed, whatever the amount.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Suspension | Self::Restriction | Self::Revocation)
    }
}

/// One penalty, told or decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Penalty {
    pub kind: PenaltyKind,
    /// Of a fine, in yuan; 0 for everything else.
    #[serde(default)]
    pub amount_yuan: u64,
}

/// Why days do not count towards the decision's term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Cause")]
pub enum SuspensionCause {
    /// 听证.
    Hearing,
    /// 鉴定.
    Appraisal,
    /// 公告.
    PublicNotice,
    /// 协助调查.
    Assistance,
}

/// By how much the decision's term is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// 60 days, by the head of the authority.
    Head,
    /// 30 days more, by collective discussion.
    Discussion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Outcome")]
pub enum CaseOutcome {
    /// 予以处罚.
    Punished,
    /// 不予处罚.
    NotPunished,
    /// 违法事实不能成立.
    NotEstablished,
    /// 移送.
    Transferred,
}

impl CaseOutcome {
    pub fn zh(self) -> &'static str {
        match self {
            Self::Punished => "予以行政处罚",
            Self::NotPunished => "不予行政处罚",
            Self::NotEstablished => "违法事实不能成立",
            Self::Transferred => "移送有管辖权的机关",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServedPaper {
    Notice,
    Decision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceWay {
    Direct,
    /// 留置.
    Left,
    Mail,
    /// Only by a signed agreement.
    Electronic,
    /// 公告: served 30 days after.
    PublicNotice,
}

impl ServiceWay {
    pub fn zh(self) -> &'static str {
        match self {
            Self::Direct => "直接送达",
            Self::Left => "留置送达",
            Self::Mail => "邮寄送达",
            Self::Electronic => "电子送达",
            Self::PublicNotice => "公告送达",
        }
    }
}
