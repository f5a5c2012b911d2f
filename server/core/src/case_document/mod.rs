//! The documents of a penalty case: a template as a text file for each, filled from the case, then
//! edited by officers. Pure; where versions are kept is the store's, how they look is `paper`'s.
//!
//! A template says what an officer would write; a value that the case lacks stays a blank line to
//! fill in by hand. Nothing here says that a law was broken: before the decision it is 涉嫌.

mod number;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use number::{Number, Scheme};

use crate::paper::Block;

/// What stands where the case has no value.
const BLANK: &str = "＿＿＿＿＿＿";

/// The longest text that an officer may save, in characters.
pub const LONGEST: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    OpeningReport,
    CorrectionOrder,
    InspectionRecord,
    InterviewRecord,
    PenaltyNotice,
    Decision,
    ServiceReceipt,
    ClosingReport,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::OpeningReport,
        Self::CorrectionOrder,
        Self::InspectionRecord,
        Self::InterviewRecord,
        Self::PenaltyNotice,
        Self::Decision,
        Self::ServiceReceipt,
        Self::ClosingReport,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::OpeningReport => "opening_report",
            Self::CorrectionOrder => "correction_order",
            Self::InspectionRecord => "inspection_record",
            Self::InterviewRecord => "interview_record",
            Self::PenaltyNotice => "penalty_notice",
            Self::Decision => "decision",
            Self::ServiceReceipt => "service_receipt",
            Self::ClosingReport => "closing_report",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.code() == code)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::OpeningReport => "立案报告",
            Self::CorrectionOrder => "责令改正通知书",
            Self::InspectionRecord => "现场笔录",
            Self::InterviewRecord => "询问笔录",
            Self::PenaltyNotice => "行政处罚事先告知书",
            Self::Decision => "行政处罚决定书",
            Self::ServiceReceipt => "送达回证",
            Self::ClosingReport => "结案报告",
        }
    }

    /// The party gets it; the others stay with the authority.
    pub fn is_for_the_party(self) -> bool {
        !matches!(self, Self::OpeningReport | Self::ClosingReport)
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::OpeningReport => "Report on the opening",
            Self::CorrectionOrder => "Order to correct",
            Self::InspectionRecord => "Record of the inspection",
            Self::InterviewRecord => "Record of an interview",
            Self::PenaltyNotice => "Notice of the penalty",
            Self::Decision => "Penalty decision",
            Self::ServiceReceipt => "Receipt of service",
            Self::ClosingReport => "Report on the closing",
        }
    }

    /// Its word in a number (文号).
    pub fn short_zh(self) -> &'static str {
        match self {
            Self::OpeningReport => "立",
            Self::CorrectionOrder => "责改",
            Self::InspectionRecord => "勘",
            Self::InterviewRecord => "询",
            Self::PenaltyNotice => "罚告",
            Self::Decision => "罚",
            Self::ServiceReceipt => "送",
            Self::ClosingReport => "结",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::OpeningReport => include_str!("templates/opening_report.txt"),
            Self::CorrectionOrder => include_str!("templates/correction_order.txt"),
            Self::InspectionRecord => include_str!("templates/inspection_record.txt"),
            Self::InterviewRecord => include_str!("templates/interview_record.txt"),
            Self::PenaltyNotice => include_str!("templates/penalty_notice.txt"),
            Self::Decision => include_str!("templates/decision.txt"),
            Self::ServiceReceipt => include_str!("templates/service_receipt.txt"),
            Self::ClosingReport => include_str!("templates/closing_report.txt"),
        }
    }
}

/// What templates may ask for. Every name of the templates is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    Authority,
    CaseNumber,
    Party,
    PartyCode,
    PartyAddress,
    Room,
    Item,
    RaisedAt,
    Findings,
    Persons,
    DeclaredLead,
    Basis,
    PenaltyBasis,
    Officers,
    OnSiteOn,
    OpenedOn,
    CorrectBy,
    ToldOn,
    ToldPenalties,
    Hearing,
    Statements,
    LegalReview,
    Discussion,
    Outcome,
    DecisionNumber,
    DecidedOn,
    DecidedPenalties,
    ApprovedBy,
    ServedOn,
    ServedHow,
    Corrected,
    Answer,
    Today,
}

impl Fact {
    pub const ALL: [Self; 33] = [
        Self::Authority,
        Self::CaseNumber,
        Self::Party,
        Self::PartyCode,
        Self::PartyAddress,
        Self::Room,
        Self::Item,
        Self::RaisedAt,
        Self::Findings,
        Self::Persons,
        Self::DeclaredLead,
        Self::Basis,
        Self::PenaltyBasis,
        Self::Officers,
        Self::OnSiteOn,
        Self::OpenedOn,
        Self::CorrectBy,
        Self::ToldOn,
        Self::ToldPenalties,
        Self::Hearing,
        Self::Statements,
        Self::LegalReview,
        Self::Discussion,
        Self::Outcome,
        Self::DecisionNumber,
        Self::DecidedOn,
        Self::DecidedPenalties,
        Self::ApprovedBy,
        Self::ServedOn,
        Self::ServedHow,
        Self::Corrected,
        Self::Answer,
        Self::Today,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Authority => "机关",
            Self::CaseNumber => "案号",
            Self::Party => "当事人",
            Self::PartyCode => "信用代码",
            Self::PartyAddress => "地址",
            Self::Room => "诊室",
            Self::Item => "项目",
            Self::RaisedAt => "线索时间",
            Self::Findings => "线索内容",
            Self::Persons => "涉及人员",
            Self::DeclaredLead => "登记主诊",
            Self::Basis => "依据",
            Self::PenaltyBasis => "罚则",
            Self::Officers => "承办人",
            Self::OnSiteOn => "核查日期",
            Self::OpenedOn => "立案日期",
            Self::CorrectBy => "改正期限",
            Self::ToldOn => "告知日期",
            Self::ToldPenalties => "拟处罚",
            Self::Hearing => "听证",
            Self::Statements => "陈述申辩",
            Self::LegalReview => "法制审核",
            Self::Discussion => "集体讨论",
            Self::Outcome => "决定",
            Self::DecisionNumber => "决定文号",
            Self::DecidedOn => "决定日期",
            Self::DecidedPenalties => "处罚内容",
            Self::ApprovedBy => "批准人",
            Self::ServedOn => "送达日期",
            Self::ServedHow => "送达方式",
            Self::Corrected => "改正情况",
            Self::Answer => "机构说明",
            Self::Today => "今日",
        }
    }
}

/// What a case knows; what it lacks is left out.
pub type Facts = BTreeMap<Fact, String>;

/// The template with everything that the case knows.
pub fn filled(kind: Kind, facts: &Facts) -> String {
    // One pass over the template: a value that holds braces is never read as a name.
    let (mut out, mut rest) = (String::new(), kind.template());
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else { break };
        let fact = Fact::ALL.into_iter().find(|f| f.name() == name);
        let value = fact.and_then(|f| facts.get(&f)).map(|v| v.trim()).filter(|v| !v.is_empty());
        out.push_str(value.unwrap_or(BLANK));
        rest = behind;
    }
    out.push_str(rest);
    out.trim_end().to_owned()
}

/// The document as it is printed: the authority's heading, title and number over the text, and below
/// it what no officer may leave out. A line that begins with `# ` is a heading.
pub fn blocks(
    authority: &str,
    kind: Kind,
    number: &str,
    text: &str,
    notices: &[String],
) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !authority.is_empty() {
        blocks.push(Block::Centred(authority.to_owned()));
    }
    blocks.push(Block::Centred(kind.zh().to_owned()));
    blocks.push(Block::Text(number.to_owned()));
    blocks.push(Block::Gap);
    for line in text.lines() {
        blocks.push(match line.strip_prefix("# ") {
            Some(heading) => Block::Heading(heading.to_owned()),
            None if line.trim().is_empty() => Block::Gap,
            None => Block::Text(line.to_owned()),
        });
    }
    if !notices.is_empty() {
        blocks.push(Block::Gap);
    }
    blocks.extend(notices.iter().cloned().map(Block::Text));
    blocks
}
