//! The terms of the procedure as the table has them: how long, in which days, and by which matter.
//! Counts nothing: whoever has a calendar does.

use serde::{Deserialize, Serialize};

use crate::matter::Matter;

/// A term that the law sets. The names are those of `law.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    OpenCase,
    OpenCaseMore,
    /// Of an order to correct: the order itself sets it.
    Correct,
    HearingRequest,
    HearingNotice,
    Decide,
    DecideMore,
    DecideOnceMore,
    Serve,
    PublicService,
    /// A penalty on the spot is reported.
    ReportSimple,
    Publish,
    WithdrawPublication,
    Limitation,
    LimitationOfHarm,
    Appeal,
    CrimeDecision,
    CrimeTransfer,
    PoliceRefusal,
    Preservation,
}

impl Term {
    pub const ALL: [Self; 20] = [
        Self::OpenCase,
        Self::OpenCaseMore,
        Self::Correct,
        Self::HearingRequest,
        Self::HearingNotice,
        Self::Decide,
        Self::DecideMore,
        Self::DecideOnceMore,
        Self::Serve,
        Self::PublicService,
        Self::ReportSimple,
        Self::Publish,
        Self::WithdrawPublication,
        Self::Limitation,
        Self::LimitationOfHarm,
        Self::Appeal,
        Self::CrimeDecision,
        Self::CrimeTransfer,
        Self::PoliceRefusal,
        Self::Preservation,
    ];
}

/// In what a term is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    WorkingDays,
    Days,
    Years,
}

/// A term of the table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TermRow {
    /// Whose articles set it.
    pub matter: Matter,
    pub length: u32,
    pub unit: Unit,
    pub zh: String,
    pub en: String,
}
