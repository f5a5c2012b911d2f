//! The names that rules give to what they say: rules, parts, intervals, figures, reasons.
//!
//! Each set is open. A name of a later version is kept as it came and written as it came, so that a
//! signed body reads the same; whoever shows names must say what becomes of such a one.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
            /// One of a later version.
            Other(String),
        }

        impl $name {
            /// All that this version knows.
            pub const KNOWN: &[Self] = &[$(Self::$variant,)+];

            /// As it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                match Self::from(text.as_str()) {
                    Self::Other(_) => Self::Other(text),
                    known => known,
                }
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        /// In the order of the texts, as lists were ordered before names were types.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from).map(Self::from)
            }
        }

        /// A text: which ones there are is not part of the wire's contract.
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    };
}

names!(
    /// A rule of the box or of the server, by its code in the domain.
    RuleCode {
        Ll1 = "LL-1",
        Ll2 = "LL-2",
        Ll3 = "LL-3",
        Ll4 = "LL-4",
        Ll5 = "LL-5",
        Nl1 = "NL-1",
        Nl2 = "NL-2",
        Nl3 = "NL-3",
        Nl4 = "NL-4",
        Uq1 = "UQ-1",
        Uq2 = "UQ-2",
        Uq3 = "UQ-3",
        Hb1 = "HB-1",
        Hb2 = "HB-2",
        Hb3 = "HB-3",
        Hb4 = "HB-4",
        Hb5 = "HB-5",
        Hb6 = "HB-6",
        Hb7 = "HB-7",
        Hb8 = "HB-8",
        Si1 = "SI-1",
        ChainGap = "CHAIN-GAP",
        ChainFork = "CHAIN-FORK",
        ChainRefused = "CHAIN-REFUSED",
        ChainBreak = "CHAIN-BREAK",
        BoxBudget = "BOX-BUDGET",
        EvidenceGone = "EVIDENCE-GONE",
        EvidenceRoom = "EVIDENCE-ROOM",
        BoxRetired = "BOX-RETIRED",
        InstallersTest = "TEST",
    }
);

names!(
    /// The part that somebody plays in a finding or a presence.
    PartName {
        DeclaredLead = "declared_lead",
        Operator = "operator",
        Assistant = "assistant",
        Lead = "lead",
        LeadPerhaps = "lead_perhaps",
        Present = "present",
        Anaesthesia = "anaesthesia",
    }
);

names!(
    /// How a person was verified.
    VerifiedBy {
        Face = "face",
        CardPinWitness = "card_pin_witness",
        NotSeen = "not_seen",
    }
);

names!(
    /// What lasted from one time to another.
    IntervalName {
        Declared = "declared",
        Operating = "operating",
        Operator = "operator",
        LeadPresent = "lead_present",
        LeadPerhaps = "lead_perhaps",
        LeadGap = "lead_gap",
        BedOccupied = "bed_occupied",
        Beside = "beside",
        Camera = "camera",
        ZonesChanged = "zones_changed",
        Unheard = "unheard",
        NobodySeen = "nobody_seen",
        SeenAtFirstPlace = "seen_at_first_place",
        SeenAtSecondPlace = "seen_at_second_place",
        NoPicture = "no_picture",
    }
);

names!(
    /// Why a session could not be judged, or a rule could not decide in one.
    AbstentionReason {
        Declined = "declined",
        Withheld = "withheld",
        Visibility = "visibility",
        Clock = "clock",
        NoActivity = "no_activity",
        NeverClosed = "never_closed",
        History = "history",
        Operator = "operator",
        Absence = "absence",
        Door = "door",
        Roster = "roster",
        NoReport = "no_report",
        Chain = "chain",
        Undecided = "undecided",
    }
);

names!(
    /// A figure that a rule used; its unit stands last.
    FigureName {
        OperatingMs = "operating_ms",
        OperatorMs = "operator_ms",
        OperatorDensestMs = "operator_densest_ms",
        OperatorNeededMs = "operator_needed_ms",
        OtherOperatingMs = "other_operating_ms",
        AloneWithPatientMs = "alone_with_patient_ms",
        BesideMs = "beside_ms",
        LeadPresentMs = "lead_present_ms",
        LeadPerhapsMs = "lead_perhaps_ms",
        LeadPartMs = "lead_part_ms",
        LeadGapMs = "lead_gap_ms",
        LeadLeftUnseenFlag = "lead_left_unseen_flag",
        LeadPerhapsStayedFlag = "lead_perhaps_stayed_flag",
        LeadPerhapsAtDoorFlag = "lead_perhaps_at_door_flag",
        LeadPresentPpm = "lead_present_ppm",
        LeadSharePpm = "lead_share_ppm",
        VisibilityOverAPpm = "visibility_over_a_ppm",
        VisibilityOverIPpm = "visibility_over_i_ppm",
        DoorVisiblePpm = "door_visible_ppm",
        RegistryAgeMs = "registry_age_ms",
        ItemLeastMs = "item_least_ms",
        ItemFiledFlag = "item_filed_flag",
        SurgeryGradeCount = "surgery_grade_count",
        GradeCeilingCount = "grade_ceiling_count",
        RosterOldFlag = "roster_old_flag",
        UnmatchedTracksCount = "unmatched_tracks_count",
        Frames = "frames",
        SpoofFrames = "spoof_frames",
        AssessedFrames = "assessed_frames",
        BlockedSessionsCount = "blocked_sessions_count",
        BlockedSessionsNeededCount = "blocked_sessions_needed_count",
        CameraFaults = "camera_faults",
        StrangersNamedCount = "strangers_named_count",
        EmergencyFlags = "emergency_flags",
        ZonesMisfits = "zones_misfits",
        CameraFaultMs = "camera_fault_ms",
        CameraFaultLongestMs = "camera_fault_longest_ms",
        CameraFaultTodayMs = "camera_fault_today_ms",
        LockedAtMs = "locked_at_ms",
        RoomVersion = "room_version",
        WindowDays = "window_days",
        RepeatsNeeded = "repeats_needed",
        AssessableSessions = "assessable_sessions",
        LeadVerifiedSessions = "lead_verified_sessions",
        LeadVerifiedPpm = "lead_verified_ppm",
        LeadVerifiedMinPpm = "lead_verified_min_ppm",
        LooksAtFirstPlace = "looks_at_first_place",
        LooksAtSecondPlace = "looks_at_second_place",
        OverlapMs = "overlap_ms",
        BetweenMs = "between_ms",
        ClockUncertaintyMs = "clock_uncertainty_ms",
        DistanceM = "distance_m",
        SpeedKmh = "speed_kmh",
        SpeedMaxKmh = "speed_max_kmh",
        SilentSessions = "silent_sessions",
        EmptyDays = "empty_days",
        EmptyDaysNeeded = "empty_days_needed",
        CameraLivePpm = "camera_live_ppm",
        UndeclaredProcedures = "undeclared_procedures",
        UnheardMs = "unheard_ms",
        UnheardMaxMs = "unheard_max_ms",
        Outages = "outages",
        DeclaredSessions = "declared_sessions",
        NotAssessableSessions = "not_assessable_sessions",
        NotAssessablePpm = "not_assessable_ppm",
        NotAssessableMaxPpm = "not_assessable_max_ppm",
        Breaks = "breaks",
        Seq = "seq",
        MissingMessages = "missing_messages",
        Undelivered = "undelivered",
        PeriodsRunning = "periods_running",
        EmergencyFlag = "emergency_flag",
    }
);
