//! What a box can say about a finding: one variant per sentence, with the figures that stand in it,
//! and the ids it names. The sentences themselves are `wording`'s.
//!
//! The decision core imports this and no words: a rule can state a figure, and can not phrase one.
//! There is no text here but ids, no clock, no I/O, and nothing but std.

mod id;

pub use id::{InstitutionId, ItemId, PassId, PersonId, RoomId, SessionId};

/// What a finding of a box says. Times are milliseconds, shares parts per million.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Statement {
    /// LL-1: the declared lead was never there, and somebody else operated.
    LeadNeverCame {
        /// The declared lead.
        lead: PersonId,
        /// Who operated; `None`: nobody named them.
        operator: Option<PersonId>,
        /// What it is a sign of.
        sign: AbsenceSign,
        /// The operating time A.
        operating_ms: u64,
        /// The operator's own part of it.
        operator_ms: u64,
        /// V over A.
        visibility_ppm: u32,
        /// Somebody badly seen came in and was not seen to leave.
        perhaps_stayed: bool,
    },
    /// LL-4: somebody operated whose registration is not in force, or is not for this place.
    RegistrationDoubtful {
        /// Who operated.
        person: PersonId,
        /// What is wrong with the registration.
        fault: StatusFault,
        /// In the operator role.
        operator_ms: u64,
        /// The register that was read is too old to go by.
        registry_old: bool,
    },
    /// LL-5 at a door: the declared lead left before their own part can have been done.
    LeadShortAtDoor {
        /// The declared lead.
        lead: PersonId,
        /// From check-in to check-out.
        inside_ms: u64,
        /// What the lead's own part takes at least.
        least_ms: u64,
        /// Somebody badly seen at the door may have been the lead.
        perhaps_again: bool,
    },
    /// LL-5: the declared lead was there for too little of the operating time.
    LeadTooShort {
        /// The declared lead.
        lead: PersonId,
        /// The operating time A.
        operating_ms: u64,
        /// The lead's part of it.
        present_ms: u64,
        /// The same as a share.
        present_ppm: u32,
    },
    /// NL-1: a physician who leads no such item operated, and no lead came.
    NonLeadUnled {
        /// Who operated.
        person: PersonId,
        /// In the operator role.
        operator_ms: u64,
        /// Looked for a lead so long before the start,
        before_ms: u64,
        /// and so long after the end.
        after_ms: u64,
    },
    /// NL-1: a physician who leads no such item operated, and a lead was there too little.
    NonLeadLittleLed {
        /// Who operated.
        person: PersonId,
        /// In the operator role.
        operator_ms: u64,
        /// A lead's share of the operating time.
        lead_ppm: u32,
        /// The longest time without one.
        gap_ms: u64,
    },
    /// NL-2: a nurse or technician operated alone where the item asks for a physician.
    NotAPhysician {
        /// Who operated.
        person: PersonId,
        /// Alone in the operator role.
        operator_ms: u64,
        /// A lead was in the room.
        lead_there: bool,
    },
    /// NL-3: an assistant physician or trainee operated alone.
    Unsupervised {
        /// Who operated.
        person: PersonId,
        /// Alone in the operator role.
        operator_ms: u64,
        /// A supervisor was there for a short while.
        looked_in: bool,
    },
    /// NL-4: the item is of a higher grade than the institution may do.
    AboveGrade {
        /// The item.
        item: ItemId,
        /// Its grade.
        grade: u8,
        /// The institution's ceiling.
        ceiling: u8,
    },
    /// NL-4: the item is not filed here.
    NotFiled {
        /// The item.
        item: ItemId,
    },
    /// UQ-1: somebody who is not on the roster operated.
    UnlicensedStranger {
        /// In the operator role.
        operator_ms: u64,
        /// The most of it within any such window.
        densest_ms: u64,
        /// The window.
        window_ms: u64,
    },
    /// UQ-1 to the clinic: too often nobody could tell whether an operator is on the roster.
    RosterLacks {
        /// The sessions.
        sessions: u64,
    },
    /// UQ-2: somebody non-clinical operated.
    NonClinicalOperator {
        /// Who operated.
        person: PersonId,
        /// In the operator role.
        operator_ms: u64,
        /// Of it without any clinician in the room.
        alone_ms: u64,
    },
    /// UQ-3: a pharmacist operated alone.
    PharmacistAlone {
        /// Who operated.
        person: PersonId,
        /// In the operator role.
        operator_ms: u64,
    },
    /// HB-2: the camera showed nothing that could be judged, in opening hours.
    CameraFault {
        /// In which way.
        fault: CameraFault,
        /// For so long.
        lasted_ms: u64,
    },
    /// HB-2 in a session: no picture.
    DarkInSession {
        /// In all.
        total_ms: u64,
        /// At once.
        longest_ms: u64,
        /// In the day's sessions so far.
        today_ms: u64,
    },
    /// HB-2 at an occupied bed without a session: no picture.
    DarkAtBed {
        /// In all.
        total_ms: u64,
        /// In the day so far.
        today_ms: u64,
    },
    /// HB-3: the bed was occupied and somebody operated, without a session.
    UndeclaredProcedure {
        /// So long.
        operator_ms: u64,
    },
    /// HB-4: faces that were no living faces.
    PresentationAttack {
        /// Frames that were assessed.
        assessed: u32,
        /// Those of them that were not a living face.
        not_live: u32,
    },
    /// HB-6: the zones in force are others than those that the installer locked.
    ZonesChanged,
    /// HB-7: the bed was occupied, and whoever was there stood beside the operator zone.
    ZonesMisfit {
        /// The longest such time.
        beside_ms: u64,
    },
    /// The installer's own test of the way to the server: about nobody.
    InstallersTest,
}

/// What the lead's absence is a sign of (LL-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum AbsenceSign {
    /// Somebody else worked under the lead's licence.
    LicenceLent,
    /// The record names the wrong lead, or does not say who worked.
    RecordMismatch,
}

/// What is wrong with somebody's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum StatusFault {
    /// It is not in force.
    Registration,
    /// It does not cover this institution.
    Site,
}

/// How a camera failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum CameraFault {
    /// The lens was covered.
    Covered,
    /// The view was moved.
    Moved,
    /// The picture did not change.
    Frozen,
    /// In another way.
    Other,
}
