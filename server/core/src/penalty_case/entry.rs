//! What officers enter into a penalty case: each act of the procedure with what the law asks to be
//! recorded of it. Data and its texts' bounds; what may follow what is the case's own to say.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CaseRefusal;
use super::kinds::{
    CaseOutcome, Extension, Officer, Penalty, ServedPaper, ServiceWay, SuspensionCause,
};

/// The longest of an entry's texts, in characters.
const LONGEST: usize = 2000;

/// Acts that are done to one party.
const PARTYS_OWN: [&str; 16] = [
    "decision_extended",
    "notified",
    "stated",
    "hearing_requested",
    "hearing_waived",
    "hearing_called",
    "hearing_held",
    "legally_reviewed",
    "discussed",
    "decided",
    "simple_reported",
    "served",
    "published",
    "not_published",
    "quashed",
    "publication_withdrawn",
];

/// One act of the procedure. The day on which it was done stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Entry")]
pub enum CaseEntry {
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
        cause: SuspensionCause,
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
        outcome: CaseOutcome,
        number: String,
        #[serde(default)]
        penalties: Vec<Penalty>,
        approved_by: String,
        /// 简易程序: on the spot, within its bounds.
        #[serde(default)]
        simple: bool,
    },
    /// A penalty on the spot was reported to the officers' authority (备案).
    SimpleReported {},
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
    /// A person beside the institution is a party of its own (个人当事人): what is told, decided
    /// and served to it carries this entry's number.
    PartyNamed {
        name: String,
        /// Of the registry, where the person stands there.
        #[serde(default)]
        person: Option<String>,
    },
    /// 危害后果: health was harmed, so that the limitation is the longer one.
    HarmFound {
        text: String,
    },
    /// 公示: where the decision was published.
    Published {
        at: String,
    },
    /// The decision concerns the public too little to be published.
    NotPublished {
        why: String,
    },
    /// 撤销、变更、确认违法或者无效: the decision does not hold any more.
    Quashed {
        why: String,
    },
    PublicationWithdrawn {},
    /// An earlier entry does not hold; it stays to be read.
    Struck {
        id: i64,
        why: String,
    },
}

impl CaseEntry {
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
            Self::SimpleReported {} => "simple_reported",
            Self::PartyNamed { .. } => "party_named",
            Self::HarmFound { .. } => "harm_found",
            Self::Published { .. } => "published",
            Self::NotPublished { .. } => "not_published",
            Self::Quashed { .. } => "quashed",
            Self::PublicationWithdrawn {} => "publication_withdrawn",
            Self::Struck { .. } => "struck",
        }
    }

    /// It is done to one party; everything else is of the case as a whole.
    pub fn is_of_a_party(&self) -> bool {
        Self::is_code_of_a_party(self.code())
    }

    /// The same, by the entry's name.
    pub fn is_code_of_a_party(code: &str) -> bool {
        PARTYS_OWN.contains(&code)
    }

    /// It may be entered when the decision is made.
    pub(super) fn follows_a_decision(&self) -> bool {
        matches!(
            self,
            Self::Served { paper: ServedPaper::Decision, .. }
                | Self::CorrectionChecked { .. }
                | Self::CrimeReported {}
                | Self::CrimeDecided { .. }
                | Self::CrimeTransferred { .. }
                | Self::PoliceRefused { .. }
                | Self::ReconsiderationAsked {}
                | Self::PreservationDecided { .. }
                | Self::SimpleReported {}
                | Self::PartyNamed { .. }
        ) || self.follows_the_closing()
    }

    /// It may be entered when the case is closed, too.
    pub(super) fn follows_the_closing(&self) -> bool {
        matches!(
            self,
            Self::Published { .. }
                | Self::NotPublished { .. }
                | Self::Quashed { .. }
                | Self::PublicationWithdrawn {}
        )
    }

    /// Its texts are there and within bounds.
    pub(super) fn check_texts(&self) -> Result<(), CaseRefusal> {
        let text = |name: &'static str, it: &str| match it.trim().chars().count() {
            1..=LONGEST => Ok(()),
            _ => Err(CaseRefusal::Text { name, most: LONGEST }),
        };
        match self {
            Self::OpeningExtended { approved_by } | Self::DecisionExtended { approved_by, .. } => {
                text("approved_by", approved_by)
            }
            Self::Officers { officers } => officers.iter().try_for_each(|o| {
                text("name", &o.name)?;
                text("certificate", &o.certificate)
            }),
            Self::Stated { text: words } | Self::HarmFound { text: words } => text("text", words),
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
            Self::PartyNamed { name, person } => {
                text("name", name)?;
                person.as_deref().map_or(Ok(()), |id| text("person", id))
            }
            Self::Published { at } => text("at", at),
            Self::Struck { why, .. }
            | Self::PoliceRefused { why }
            | Self::NotPublished { why }
            | Self::Quashed { why } => text("why", why),
            Self::CorrectionOrdered { .. }
            | Self::CorrectionChecked { .. }
            | Self::Excluded { .. }
            | Self::Notified { .. }
            | Self::HearingRequested {}
            | Self::HearingWaived {}
            | Self::HearingCalled { .. }
            | Self::HearingHeld {}
            | Self::Served { .. }
            | Self::SimpleReported {}
            | Self::PublicationWithdrawn {}
            | Self::CrimeReported {}
            | Self::ReconsiderationAsked {} => Ok(()),
        }
    }
}
