//! The documents of a penalty case: a template as a text file for each, filled from the case, then
//! edited by officers. Pure; where versions are kept is the store's, how they look is `paper`'s.
//!
//! A template says what an officer would write; a value that the case lacks stays a blank line to
//! fill in by hand. Nothing here says that a law was broken: before the decision it is 涉嫌.

mod fact;
mod number;
mod template;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use fact::{CaseFact, CaseFacts};
pub use number::{DocumentNumber, Scheme};
pub use template::{TemplateFault, check_template, filled};

use crate::paper::Block;

/// The longest text that an officer may save, in characters.
pub const LONGEST: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Kind")]
pub enum DocumentKind {
    OpeningReport,
    CorrectionOrder,
    InspectionRecord,
    InterviewRecord,
    PenaltyNotice,
    Decision,
    ServiceReceipt,
    ClosingReport,
}

impl DocumentKind {
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

    /// Each party has one of its own; the others are of the case as a whole.
    pub fn is_of_a_party(self) -> bool {
        matches!(
            self,
            Self::InterviewRecord | Self::PenaltyNotice | Self::Decision | Self::ServiceReceipt
        )
    }

    /// What a template may not leave out: without it the party would not be told what the law wants
    /// it to be told.
    pub fn must_say(self) -> &'static [CaseFact] {
        match self {
            Self::OpeningReport => {
                &[CaseFact::Party, CaseFact::Basis, CaseFact::Officers, CaseFact::OpeningBasis]
            }
            Self::CorrectionOrder => {
                &[CaseFact::Party, CaseFact::CorrectBy, CaseFact::CorrectionBasis]
            }
            Self::InspectionRecord => &[CaseFact::Party, CaseFact::Officers],
            Self::InterviewRecord => &[CaseFact::Officers, CaseFact::InvestigationBasis],
            Self::PenaltyNotice => &[
                CaseFact::Party,
                CaseFact::Basis,
                CaseFact::PenaltyBasis,
                CaseFact::ToldPenalties,
                CaseFact::Hearing,
                CaseFact::NoticeBasis,
                CaseFact::StatementBasis,
                CaseFact::HearingBasis,
            ],
            Self::Decision => &[
                CaseFact::Party,
                CaseFact::Basis,
                CaseFact::PenaltyBasis,
                CaseFact::Statements,
                CaseFact::Outcome,
                CaseFact::DecidedPenalties,
                CaseFact::AppealBasis,
            ],
            Self::ServiceReceipt => &[CaseFact::Party, CaseFact::ServedOn, CaseFact::ServedHow],
            Self::ClosingReport => &[CaseFact::Party, CaseFact::Outcome, CaseFact::ClosingBasis],
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

    /// As it is shipped.
    pub fn template(self) -> &'static str {
        match self {
            Self::OpeningReport => include_str!("case_document/templates/opening_report.txt"),
            Self::CorrectionOrder => include_str!("case_document/templates/correction_order.txt"),
            Self::InspectionRecord => include_str!("case_document/templates/inspection_record.txt"),
            Self::InterviewRecord => include_str!("case_document/templates/interview_record.txt"),
            Self::PenaltyNotice => include_str!("case_document/templates/penalty_notice.txt"),
            Self::Decision => include_str!("case_document/templates/decision.txt"),
            Self::ServiceReceipt => include_str!("case_document/templates/service_receipt.txt"),
            Self::ClosingReport => include_str!("case_document/templates/closing_report.txt"),
        }
    }
}

/// The document as it is printed: the authority's heading, title and number over the text, and
/// below it what no officer may leave out. A line that begins with `# ` is a heading.
pub fn blocks(
    authority: &str,
    kind: DocumentKind,
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
