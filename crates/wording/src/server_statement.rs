//! What the server can say about a finding of its own: one variant per sentence, with its figures.
//!
//! A box's statements stand in `statement`, which the core may import; these name types of the
//! wire. No sentence here.

use protocol::id::{DeviceId, InstitutionId, PersonId, RoomId};
use protocol::names::AbstentionReason;
use protocol::up::PresenceEvidence;

/// What a finding of the server says. A `repeat` is its number within the last so many days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerStatement {
    /// LL-2: a lead under whose name sessions are declared was hardly ever verified.
    LeadHardlyVerified { days: i64, sessions: usize, verified: usize },
    /// LL-2, for the log: a lead filed here was not seen, and nothing was declared.
    LeadIdle { days: i64 },
    /// LL-3: verified in two places at the same time.
    TwoPlacesAtOnce { first: SeenAt, second: SeenAt, overlap_ms: i64, distance_m: Option<i64> },
    /// LL-3: verified in two places, sooner than anybody gets from one to the other.
    TooSoonElsewhere {
        first: SeenAt,
        second: SeenAt,
        between_ms: i64,
        distance_m: Option<i64>,
        speed_kmh: i64,
    },
    /// LL-3 as a clinic reads it: nothing of the other place.
    AlsoElsewhere,
    /// HB-1: the room was visible for the declared time, and no face was seen.
    NobodySeen { visibility_ppm: u32, repeat: usize, days: i64 },
    /// HB-1: so many open days in a row without anybody.
    EmptyDays { days: usize },
    /// HB-3 again.
    UndeclaredAgain { repeat: usize, days: i64 },
    /// HB-2 again.
    DarkAgain { repeat: usize, days: i64 },
    /// HB-7 again.
    ZonesAgain { repeat: usize, days: i64 },
    /// HB-8: emergency flags.
    EmergenciesAgain { repeat: usize, days: i64 },
    /// HB-2: the box was not heard in opening hours.
    Unheard { unheard_ms: i64, going_on: bool, repeat: usize, days: i64 },
    /// HB-5: too many sessions that could not be judged.
    TooManyUnjudged {
        days: i64,
        whose: WhoseSessions,
        declared: usize,
        unjudged: usize,
        /// How often each reason was given.
        reasons: Vec<(AbstentionReason, usize)>,
        /// The clinic was told, and it did not become better.
        uncured: bool,
    },
    /// SI-1: a self-check and the records differ. The clinic learns of no review by it.
    AnswerDiffers {
        /// The period by its name, `2026Q3`.
        period: String,
        question: Question,
        /// In the period before, too.
        again: bool,
    },
    /// Sequences of a box's chain did not come.
    RecordsMissing { from_seq: i64, to_seq: i64 },
    /// They came, and fit.
    RecordsCame,
    /// A stored link names another predecessor.
    RecordsUnlinked { seq: u64 },
    /// Messages in the box's name were refused. `day` as `2026-03-02`.
    MessagesRefused { day: String, reason: RefusalReason },
    /// The box itself signed what has no effect.
    MessagesSetAside { day: String, reason: RefusalReason },
    /// The box declared its database lost; `reason` in its own words.
    ChainBegunAnew { reason: String, times: i64, days: i64 },
    /// The box sent more than its budget.
    OverBudget { day: String, kind: MessageKind },
    /// The box no longer has pictures that are held; `told`: it knew.
    PicturesGone { day: String, told: bool },
    /// It deleted pictures of what nobody has decided.
    PicturesEarly { day: String },
    /// It has fewer than its chain names; `replaced`: some are of an earlier box.
    PicturesMissing { day: String, missing: u64, replaced: bool },
    /// It keeps too little room for them.
    PictureRoom { mib: u64 },
    /// It ended its own service; `unlocked`: the authority had let an installer in.
    BoxRetired { unlocked: bool, undelivered: u64 },
}

/// Where somebody was verified, by which box, and what that is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAt {
    pub institution: InstitutionId,
    pub device: DeviceId,
    pub chain: ChainStanding,
    /// What the claim rests on; `None`: a bare claim.
    pub evidence: Option<PresenceEvidence>,
}

/// The state of a device's chain, as the store names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChainStanding {
    #[default]
    Intact,
    /// Something is missing now.
    Gap,
    /// Two messages claim one place, or one does not follow.
    Forked,
    /// Its record database was lost, and a new chain begun.
    Restarted,
}

impl ChainStanding {
    pub fn of(name: &str) -> Self {
        match name {
            "gap" => Self::Gap,
            "forked" => Self::Forked,
            "restarted" => Self::Restarted,
            _ => Self::Intact,
        }
    }
}

/// Whose sessions are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhoseSessions {
    Clinic,
    Room(RoomId),
    Lead(PersonId),
    Operator(PersonId),
}

/// A question of a checklist by its own words, from their closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub zh: &'static str,
    pub en: &'static str,
}

/// What is counted together in a box's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    Finding,
    Presence,
    Health,
    Other,
}

/// The reasons and their names stand once: one cannot be given without a name, nor be left out of
/// [`RefusalReason::ALL`].
macro_rules! reasons {
    ($($reason:ident $name:literal,)*) => {
        /// Why a message was not taken in, or has no effect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum RefusalReason {
            $($reason,)*
            /// One of a later version.
            Other,
        }

        impl RefusalReason {
            /// Every reason that this version gives.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)*];

            /// Under which the ingest counts it and the store keeps it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                    Self::Other => "other",
                }
            }

            /// By its name.
            pub fn of(name: &str) -> Self {
                match name {
                    $($name => Self::$reason,)*
                    _ => Self::Other,
                }
            }
        }
    };
}

reasons! {
    UnknownTopic "unknown_topic",
    Oversized "oversized",
    Malformed "malformed",
    UnknownDevice "unknown_device",
    SupersededKey "superseded_key",
    BadSignature "bad_signature",
    WrongDevice "wrong_device",
    WrongPlace "wrong_place",
    WrongTime "wrong_time",
    ServersRule "servers_rule",
    RevisionJump "revision_jump",
    Fork "fork",
    SequenceJump "sequence_jump",
}
