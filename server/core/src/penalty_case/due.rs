//! What the law wants to be done in a case, by whom, and which term of the law table says by when.
//! Counts nothing.

use law::Term;
use schemars::JsonSchema;
use serde::Serialize;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Due")]
pub enum CaseStepDue {
    /// 立案, or the decision that there is no case.
    OpenCase,
    /// What the party was ordered to correct.
    Correct,
    /// The party may ask for a hearing.
    HearingRequest,
    /// The hearing may not be held earlier.
    HearingNotice,
    /// 行政处罚决定.
    Decide,
    /// 送达.
    Serve,
    /// 公告送达 takes effect.
    PublicService,
    /// Whether to transfer to the police.
    CrimeDecision,
    CrimeTransfer,
    /// 提请复议 where the police refused.
    Reconsideration,
    /// What becomes of what was preserved.
    Preservation,
    /// 追诉时效: after it nothing is punished any more.
    Limitation,
    /// A penalty on the spot is reported.
    ReportSimple,
    /// 公示.
    Publish,
    WithdrawPublication,
    /// The party may ask for 行政复议.
    Appeal,
}

/// Whose act is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Whose")]
pub enum ActingSide {
    Authority,
    Party,
}

impl CaseStepDue {
    pub const ALL: [Self; 16] = [
        Self::OpenCase,
        Self::Correct,
        Self::HearingRequest,
        Self::HearingNotice,
        Self::Decide,
        Self::Serve,
        Self::PublicService,
        Self::CrimeDecision,
        Self::CrimeTransfer,
        Self::Reconsideration,
        Self::Preservation,
        Self::Limitation,
        Self::ReportSimple,
        Self::Publish,
        Self::WithdrawPublication,
        Self::Appeal,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::OpenCase => "open_case",
            Self::Correct => "correct",
            Self::HearingRequest => "hearing_request",
            Self::HearingNotice => "hearing_notice",
            Self::Decide => "decide",
            Self::Serve => "serve",
            Self::PublicService => "public_service",
            Self::CrimeDecision => "crime_decision",
            Self::CrimeTransfer => "crime_transfer",
            Self::Reconsideration => "reconsideration",
            Self::Preservation => "preservation",
            Self::Limitation => "limitation",
            Self::ReportSimple => "report_simple",
            Self::Publish => "publish",
            Self::WithdrawPublication => "withdraw_publication",
            Self::Appeal => "appeal",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::OpenCase => "立案期限",
            Self::Correct => "改正期限",
            Self::HearingRequest => "当事人要求听证期限",
            Self::HearingNotice => "听证最早日期",
            Self::Decide => "作出处罚决定期限",
            Self::Serve => "送达期限",
            Self::PublicService => "公告送达期满",
            Self::CrimeDecision => "移送审批期限",
            Self::CrimeTransfer => "移送公安机关期限",
            Self::Reconsideration => "提请复议期限",
            Self::Preservation => "先行登记保存处理期限",
            Self::Limitation => "追诉时效届满（须在此前立案）",
            Self::ReportSimple => "当场处罚备案期限",
            Self::Publish => "处罚决定公示期限",
            Self::WithdrawPublication => "撤回公示期限",
            Self::Appeal => "当事人申请行政复议期限",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::OpenCase => "open the case by",
            Self::Correct => "the party corrects by",
            Self::HearingRequest => "the party may ask for a hearing until",
            Self::HearingNotice => "the hearing is held not before",
            Self::Decide => "decide by",
            Self::Serve => "serve by",
            Self::PublicService => "public service takes effect on",
            Self::CrimeDecision => "decide on the transfer by",
            Self::CrimeTransfer => "transfer to the police by",
            Self::Reconsideration => "ask the police to reconsider by",
            Self::Preservation => "decide on what was preserved by",
            Self::Limitation => "limitation: open the case by",
            Self::ReportSimple => "report the penalty on the spot by",
            Self::Publish => "publish the decision by",
            Self::WithdrawPublication => "withdraw the publication by",
            Self::Appeal => "the party may ask for reconsideration until",
        }
    }

    pub fn whose(self) -> ActingSide {
        match self {
            Self::Correct | Self::HearingRequest | Self::PublicService | Self::Appeal => {
                ActingSide::Party
            }
            _ => ActingSide::Authority,
        }
    }

    /// What the law table has of it.
    pub fn term(self) -> Term {
        match self {
            Self::OpenCase => Term::OpenCase,
            Self::Correct => Term::Correct,
            Self::HearingRequest => Term::HearingRequest,
            Self::HearingNotice => Term::HearingNotice,
            Self::Decide => Term::Decide,
            Self::Serve => Term::Serve,
            Self::PublicService => Term::PublicService,
            Self::CrimeDecision => Term::CrimeDecision,
            Self::CrimeTransfer => Term::CrimeTransfer,
            Self::Reconsideration => Term::PoliceRefusal,
            Self::Preservation => Term::Preservation,
            Self::Limitation => Term::Limitation,
            Self::ReportSimple => Term::ReportSimple,
            Self::Publish => Term::Publish,
            Self::WithdrawPublication => Term::WithdrawPublication,
            Self::Appeal => Term::Appeal,
        }
    }
}
