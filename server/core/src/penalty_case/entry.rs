//! What officers enter into a penalty case: each act of the procedure with what the law asks to be
//! recorded of it. Data and its texts' bounds; what may follow what is the case's own to say.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Refusal;

/// The longest of an entry's texts, in characters.
const LONGEST: usize = 2000;

/// A law-enforcement officer with his certificate (执法证).
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
pub enum Cause {
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
pub enum Outcome {
    /// 予以处罚.
    Punished,
    /// 不予处罚.
    NotPunished,
    /// 违法事实不能成立.
    NotEstablished,
    /// 移送.
    Transferred,
}

impl Outcome {
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

/// One act of the procedure. The day on which it was done stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Entry {
    /// 立案期限延长: 7 working days more.
    OpeningExtended {
        approved_by: String,
    },
    /// The two who work the case; the last word holds.
    Officers {
        officers: Vec<Officer>,
    },
    /// 责令改正.
    CorrectionOrdered {
        #[schemars(with = "String")]
        until: Date,
    },
    CorrectionChecked {
        corrected: bool,
    },
    /// Days that do not count towards the decision's term, both included.
    Excluded {
        cause: Cause,
        #[schemars(with = "String")]
        from: Date,
        #[schemars(with = "String")]
        to: Date,
    },
    /// 办案期限延长.
    DecisionExtended {
        extension: Extension,
        approved_by: String,
    },
    /// 告知, on the day on which the party had it.
    Notified {
        penalties: Vec<Penalty>,
        hearing_offered: bool,
    },
    /// 陈述申辩.
    Stated {
        text: String,
    },
    HearingRequested {},
    HearingWaived {},
    /// 听证通知.
    HearingCalled {
        #[schemars(with = "String")]
        held_on: Date,
    },
    HearingHeld {},
    /// 法制审核.
    LegallyReviewed {
        reviewer: String,
        agreed: bool,
    },
    /// 集体讨论.
    Discussed {
        participants: Vec<String>,
        conclusion: String,
    },
    /// 决定.
    Decided {
        outcome: Outcome,
        number: String,
        #[serde(default)]
        penalties: Vec<Penalty>,
        approved_by: String,
    },
    /// 送达.
    Served {
        paper: ServedPaper,
        way: ServiceWay,
        /// Electronic service: the party agreed in writing.
        #[serde(default)]
        agreed: bool,
    },
    /// A report of the officers that a crime is suspected.
    CrimeReported {},
    CrimeDecided {
        transfer: bool,
        approved_by: String,
    },
    CrimeTransferred {
        to: String,
    },
    /// 不予立案: the police do not take it.
    PoliceRefused {
        why: String,
    },
    /// 提请复议 against that.
    ReconsiderationAsked {},
    /// 先行登记保存.
    Preserved {
        items: String,
        approved_by: String,
    },
    /// What became of what was preserved.
    PreservationDecided {
        measure: String,
    },
    /// An earlier entry does not hold; it stays to be read.
    Struck {
        id: i64,
        why: String,
    },
}

impl Entry {
    /// Its name on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OpeningExtended { .. } => "opening_extended",
            Self::Officers { .. } => "officers",
            Self::CorrectionOrdered { .. } => "correction_ordered",
            Self::CorrectionChecked { .. } => "correction_checked",
            Self::Excluded { .. } => "excluded",
            Self::DecisionExtended { .. } => "decision_extended",
            Self::Notified { .. } => "notified",
            Self::Stated { .. } => "stated",
            Self::HearingRequested {} => "hearing_requested",
            Self::HearingWaived {} => "hearing_waived",
            Self::HearingCalled { .. } => "hearing_called",
            Self::HearingHeld {} => "hearing_held",
            Self::LegallyReviewed { .. } => "legally_reviewed",
            Self::Discussed { .. } => "discussed",
            Self::Decided { .. } => "decided",
            Self::Served { .. } => "served",
            Self::CrimeReported {} => "crime_reported",
            Self::CrimeDecided { .. } => "crime_decided",
            Self::CrimeTransferred { .. } => "crime_transferred",
            Self::PoliceRefused { .. } => "police_refused",
            Self::ReconsiderationAsked {} => "reconsideration_asked",
            Self::Preserved { .. } => "preserved",
            Self::PreservationDecided { .. } => "preservation_decided",
            Self::Struck { .. } => "struck",
        }
    }

    /// Its texts are there and within bounds.
    pub(super) fn check_texts(&self) -> Result<(), Refusal> {
        let text = |name: &'static str, it: &str| match it.trim().chars().count() {
            1..=LONGEST => Ok(()),
            _ => Err(Refusal::Text { name, most: LONGEST }),
        };
        match self {
            Self::OpeningExtended { approved_by } | Self::DecisionExtended { approved_by, .. } => {
                text("approved_by", approved_by)
            }
            Self::Officers { officers } => officers.iter().try_for_each(|o| {
                text("name", &o.name)?;
                text("certificate", &o.certificate)
            }),
            Self::Stated { text: words } => text("text", words),
            Self::LegallyReviewed { reviewer, .. } => text("reviewer", reviewer),
            Self::Discussed { participants, conclusion } => {
                participants.iter().try_for_each(|p| text("participants", p))?;
                text("conclusion", conclusion)
            }
            Self::Decided { number, approved_by, .. } => {
                text("number", number)?;
                text("approved_by", approved_by)
            }
            Self::CrimeDecided { approved_by, .. } => text("approved_by", approved_by),
            Self::CrimeTransferred { to } => text("to", to),
            Self::Preserved { items, approved_by } => {
                text("items", items)?;
                text("approved_by", approved_by)
            }
            Self::PreservationDecided { measure } => text("measure", measure),
            Self::Struck { why, .. } | Self::PoliceRefused { why } => text("why", why),
            Self::CorrectionOrdered { .. }
            | Self::CorrectionChecked { .. }
            | Self::Excluded { .. }
            | Self::Notified { .. }
            | Self::HearingRequested {}
            | Self::HearingWaived {}
            | Self::HearingCalled { .. }
            | Self::HearingHeld {}
            | Self::Served { .. }
            | Self::CrimeReported {}
            | Self::ReconsiderationAsked {} => Ok(()),
        }
    }
}
