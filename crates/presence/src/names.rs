//! The names of what a finding says: closed sets, so that whoever reads them can match them all.

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        pub enum $name {
            $(
                #[doc = concat!("`", $text, "`.")]
                #[cfg_attr(feature = "serde", serde(rename = $text))]
                $variant,
            )+
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

names!(
    /// The part that somebody plays in a finding.
    PartName {
        DeclaredLead = "declared_lead",
        Operator = "operator",
    }
);

names!(
    /// For what a rule used an interval.
    IntervalName {
        BedOccupied = "bed_occupied",
        Beside = "beside",
        Camera = "camera",
        LeadGap = "lead_gap",
        LeadPerhaps = "lead_perhaps",
        LeadPresent = "lead_present",
        Operating = "operating",
        Operator = "operator",
        ZonesChanged = "zones_changed",
    }
);

names!(
    /// A figure that a rule used; its unit stands last.
    FigureName {
        AloneWithPatientMs = "alone_with_patient_ms",
        AssessedFrames = "assessed_frames",
        BesideMs = "beside_ms",
        BlockedSessionsCount = "blocked_sessions_count",
        BlockedSessionsNeededCount = "blocked_sessions_needed_count",
        CameraFaultLongestMs = "camera_fault_longest_ms",
        CameraFaultMs = "camera_fault_ms",
        CameraFaultTodayMs = "camera_fault_today_ms",
        DoorVisiblePpm = "door_visible_ppm",
        Frames = "frames",
        GradeCeilingCount = "grade_ceiling_count",
        ItemFiledFlag = "item_filed_flag",
        LeadGapMs = "lead_gap_ms",
        LeadLeftUnseenFlag = "lead_left_unseen_flag",
        LeadPartMs = "lead_part_ms",
        LeadPerhapsAtDoorFlag = "lead_perhaps_at_door_flag",
        LeadPerhapsMs = "lead_perhaps_ms",
        LeadPerhapsStayedFlag = "lead_perhaps_stayed_flag",
        LeadPresentMs = "lead_present_ms",
        LeadPresentPpm = "lead_present_ppm",
        LeadSharePpm = "lead_share_ppm",
        LockedAtMs = "locked_at_ms",
        OperatingMs = "operating_ms",
        OperatorDensestMs = "operator_densest_ms",
        OperatorMs = "operator_ms",
        OperatorNeededMs = "operator_needed_ms",
        OtherOperatingMs = "other_operating_ms",
        RegistryAgeMs = "registry_age_ms",
        RoomVersion = "room_version",
        RosterOldFlag = "roster_old_flag",
        SpoofFrames = "spoof_frames",
        SurgeryGradeCount = "surgery_grade_count",
        UnmatchedTracksCount = "unmatched_tracks_count",
        VisibilityOverAPpm = "visibility_over_a_ppm",
        VisibilityOverIPpm = "visibility_over_i_ppm",
    }
);

names!(
    /// Why a session could not be judged, or a rule could not decide in one.
    AbstentionReason {
        Absence = "absence",
        Clock = "clock",
        Declined = "declined",
        Door = "door",
        History = "history",
        NeverClosed = "never_closed",
        NoActivity = "no_activity",
        Operator = "operator",
        Roster = "roster",
        Visibility = "visibility",
        Withheld = "withheld",
    }
);
