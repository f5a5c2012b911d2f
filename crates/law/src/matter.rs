//! What the table has articles for: what a finding is about, by its rule and by what it says beside
//! it; the steps of the procedure; and what the law asks of the authority itself.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a finding may be about in law, or a duty of whoever uses this. The names are those of
/// `law.toml`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    Lending,
    PhantomLead,
    ClockAndGo,
    ImpossiblePresence,
    Site,
    Unregistered,
    /// Suspended, lapsed, pending, or nobody knows any more how it stood.
    NotInForce,
    /// The box judged by an old roster or register: nothing is alleged before it is renewed.
    StaleRegister,
    NurseRegistration,
    OtherStaffRegistration,
    NonLead,
    NurseBeyond,
    Assistant,
    Trainee,
    Grade,
    Unidentified,
    Unlicensed,
    OutOfScope,
    Undeclared,
    FalseRecord,
    Spoof,
    Zones,
    /// A duty that the agreement with the clinic alone holds.
    Agreement,
    System,
    /// 立案, and the other steps of the procedure of a penalty.
    Opening,
    Investigation,
    Preservation,
    Correction,
    Notice,
    Statement,
    Hearing,
    LegalReview,
    Discussion,
    Decision,
    /// 简易程序.
    Simple,
    Service,
    Closing,
    /// 公示 of a decision.
    Publication,
    /// How long a penalty is shown, and of whom.
    Credit,
    /// 追诉时效.
    Limitation,
    /// 行政复议.
    Appeal,
    CrimeTransfer,
    /// The police do not take a suspected crime.
    PoliceRefusal,
    /// Two earlier penalties, then again.
    Repetition,
    /// Who says it first, or mends it at once.
    Leniency,
    /// 行政处罚法 41: when a box's record may be evidence.
    Monitoring,
    /// What a person may ask of whoever holds the data.
    OwnData,
    Assessment,
    Filing,
}

impl Matter {
    pub const ALL: [Self; 49] = [
        Self::Lending,
        Self::PhantomLead,
        Self::ClockAndGo,
        Self::ImpossiblePresence,
        Self::Site,
        Self::Unregistered,
        Self::NotInForce,
        Self::StaleRegister,
        Self::NurseRegistration,
        Self::OtherStaffRegistration,
        Self::NonLead,
        Self::NurseBeyond,
        Self::Assistant,
        Self::Trainee,
        Self::Grade,
        Self::Unidentified,
        Self::Unlicensed,
        Self::OutOfScope,
        Self::Undeclared,
        Self::FalseRecord,
        Self::Spoof,
        Self::Zones,
        Self::Agreement,
        Self::System,
        Self::Opening,
        Self::Investigation,
        Self::Preservation,
        Self::Correction,
        Self::Notice,
        Self::Statement,
        Self::Hearing,
        Self::LegalReview,
        Self::Discussion,
        Self::Decision,
        Self::Simple,
        Self::Service,
        Self::Closing,
        Self::Publication,
        Self::Credit,
        Self::Limitation,
        Self::Appeal,
        Self::CrimeTransfer,
        Self::PoliceRefusal,
        Self::Repetition,
        Self::Leniency,
        Self::Monitoring,
        Self::OwnData,
        Self::Assessment,
        Self::Filing,
    ];

    /// As on the wire, in addresses and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lending => "lending",
            Self::PhantomLead => "phantom_lead",
            Self::ClockAndGo => "clock_and_go",
            Self::ImpossiblePresence => "impossible_presence",
            Self::Site => "site",
            Self::Unregistered => "unregistered",
            Self::NotInForce => "not_in_force",
            Self::StaleRegister => "stale_register",
            Self::NurseRegistration => "nurse_registration",
            Self::OtherStaffRegistration => "other_staff_registration",
            Self::NonLead => "non_lead",
            Self::NurseBeyond => "nurse_beyond",
            Self::Assistant => "assistant",
            Self::Trainee => "trainee",
            Self::Grade => "grade",
            Self::Unidentified => "unidentified",
            Self::Unlicensed => "unlicensed",
            Self::OutOfScope => "out_of_scope",
            Self::Undeclared => "undeclared",
            Self::FalseRecord => "false_record",
            Self::Spoof => "spoof",
            Self::Zones => "zones",
            Self::Agreement => "agreement",
            Self::System => "system",
            Self::Opening => "opening",
            Self::Investigation => "investigation",
            Self::Preservation => "preservation",
            Self::Correction => "correction",
            Self::Notice => "notice",
            Self::Statement => "statement",
            Self::Hearing => "hearing",
            Self::LegalReview => "legal_review",
            Self::Discussion => "discussion",
            Self::Decision => "decision",
            Self::Simple => "simple",
            Self::Service => "service",
            Self::Closing => "closing",
            Self::Publication => "publication",
            Self::Credit => "credit",
            Self::Limitation => "limitation",
            Self::Appeal => "appeal",
            Self::CrimeTransfer => "crime_transfer",
            Self::PoliceRefusal => "police_refusal",
            Self::Repetition => "repetition",
            Self::Leniency => "leniency",
            Self::Monitoring => "monitoring",
            Self::OwnData => "own_data",
            Self::Assessment => "assessment",
            Self::Filing => "filing",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }

    /// What a finding of `rule` is about. An unknown rule is about nothing in law.
    pub fn of_rule(rule: &str, it: Circumstances) -> Self {
        let about = it.about;
        match rule {
            // Another lead stood there, or a record is old: nobody lent anything.
            "LL-1" | "LL-5" if it.is_mismatch => Self::FalseRecord,
            "LL-2" if it.is_mismatch => Self::System,
            "LL-4" | "UQ-1" if it.is_mismatch => Self::StaleRegister,
            "LL-1" => Self::Lending,
            "LL-2" => Self::PhantomLead,
            "LL-5" => Self::ClockAndGo,
            "LL-3" => Self::ImpossiblePresence,
            "LL-4" => match (about, it.registration) {
                (Some(Category::Nurse), _) => Self::NurseRegistration,
                (Some(Category::Pharmacist | Category::Technician), _) => {
                    Self::OtherStaffRegistration
                }
                (_, RegistrationAtAct::InForce) => Self::Site,
                (_, RegistrationAtAct::Ended) => Self::Unregistered,
                (_, RegistrationAtAct::Unclear) => Self::NotInForce,
            },
            "NL-1" => Self::NonLead,
            "NL-2" => Self::NurseBeyond,
            "NL-3" if about == Some(Category::Trainee) => Self::Trainee,
            "NL-3" => Self::Assistant,
            "NL-4" => Self::Grade,
            "UQ-1" => Self::Unidentified,
            "UQ-2" => Self::Unlicensed,
            "UQ-3" => Self::OutOfScope,
            // A room that stood empty for days is a matter of the agreement; one silent session
            // may be a false record.
            "HB-1" if it.in_a_session => Self::FalseRecord,
            "HB-3" => Self::Undeclared,
            "HB-4" => Self::Spoof,
            "HB-6" => Self::Zones,
            "HB-1" | "HB-2" | "HB-5" | "HB-7" | "HB-8" | "SI-1" => Self::Agreement,
            _ => Self::System,
        }
    }
}

impl fmt::Display for Matter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the law asks of a finding beside its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// It says no more than that records differ from what was seen.
    pub is_mismatch: bool,
    /// Of one session; otherwise of a room or of days.
    pub in_a_session: bool,
    /// Category of whom it names, where one person's registration is the matter.
    pub about: Option<Category>,
    /// How that registration stood when it happened.
    pub registration: RegistrationAtAct,
}

/// How somebody's registration stood at the time of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationAtAct {
    InForce,
    /// Cancelled or revoked.
    Ended,
    /// Suspended, lapsed, pending, or not known any more.
    Unclear,
}

/// What kind of staff somebody is registered as.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    LicensedPhysician,
    AssistantPhysician,
    Nurse,
    Pharmacist,
    Technician,
    Trainee,
    NonClinical,
}
