//! The procedure as the law has it: each phase with its matter of the law table, and its document.
//! No article stands here.

use jiff::civil::Date;
use law::{Cited, Mark, Matter, Table, Term};
use schemars::JsonSchema;
use serde::Serialize;

use super::PenaltyCase;

/// What the law table says of a step: its articles, each with how far it was read or who confirmed
/// it, and the term that they set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Provision {
    pub matter: Matter,
    pub basis: Vec<Cited>,
    /// Empty: no term is set.
    pub term_zh: String,
    pub term_en: String,
    pub caution_zh: String,
    pub caution_en: String,
    /// Where a lawyer struck every article out.
    pub none_zh: String,
    pub none_en: String,
}

impl Provision {
    /// As the table has it on a day.
    pub fn of(table: &Table, matter: Matter, term: Option<Term>, on: Date) -> Self {
        let legal = table.of(matter, Some(on));
        let term = term.map(|term| table.term(term));
        let (zh, en) = term.map(|t| (t.zh.clone(), t.en.clone())).unwrap_or_default();
        let word = |of: fn(&law::Legal) -> &str| legal.as_ref().map_or("", of).to_owned();
        Self {
            matter,
            caution_zh: word(|legal| &legal.caution_zh),
            caution_en: word(|legal| &legal.caution_en),
            none_zh: word(|legal| &legal.none_zh),
            none_en: word(|legal| &legal.none_en),
            basis: legal.map(|legal| legal.basis).unwrap_or_default(),
            term_zh: zh,
            term_en: en,
        }
    }

    /// The same for readers outside the authority: who of it confirmed stays inside.
    #[must_use]
    pub fn for_outsiders(mut self) -> Self {
        for cited in &mut self.basis {
            if let Mark::Confirmed { by, .. } = &mut cited.mark {
                by.clear();
            }
        }
        self
    }
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
    Publication,
    Closing,
}

impl Phase {
    pub const ALL: [Self; 12] = [
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
        Self::Publication,
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
            Self::Publication => "公示",
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
            Self::Publication => "Publication",
            Self::Closing => "Closing",
        }
    }

    /// What the law table has of it.
    pub fn matter(self) -> Matter {
        match self {
            Self::Opening => Matter::Opening,
            Self::Investigation => Matter::Investigation,
            Self::Correction => Matter::Correction,
            Self::Notice => Matter::Notice,
            Self::Statement => Matter::Statement,
            Self::Hearing => Matter::Hearing,
            Self::LegalReview => Matter::LegalReview,
            Self::Discussion => Matter::Discussion,
            Self::Decision => Matter::Decision,
            Self::Service => Matter::Service,
            Self::Publication => Matter::Publication,
            Self::Closing => Matter::Closing,
        }
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
            Self::Statement
            | Self::Hearing
            | Self::LegalReview
            | Self::Discussion
            | Self::Publication => "",
        }
    }

    /// The day on which it was last done; of the service of the decision: once it takes effect.
    pub fn done_on(self, case: &PenaltyCase, today: Date) -> Option<Date> {
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
            Self::Publication => "published",
            Self::Service => return case.decision_served_on().filter(|on| *on <= today),
        };
        case.last(code).map(|r| r.on)
    }
}
