//! What the engine is told: roster, catalogue, room, policy, sessions, passes, checks. All of it is
//! knowledge that the server signed; the core trusts it. Facts may come late, twice and out of
//! order: each carries a version or an id.

use crate::{
    EvidenceCurves, InstitutionId, ItemId, PassId, PersonId, Policy, RoomId, SessionId, TrackId,
    Wall, Zones,
};

/// One piece of knowledge. Of two with the same identity the higher version counts, whichever came
/// first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Fact {
    /// The room this engine serves. Observations before the first are counted and not judged.
    Room(Box<Room>),
    /// The settings; takes effect from the next evaluation on.
    Policy(Box<Policy>),
    /// The calibrated thresholds of the model pack in use.
    Thresholds(Thresholds),
    /// Everyone who may be recognised here. Always whole.
    Roster(Roster),
    /// The item catalogue. Always whole.
    Catalogue(Catalogue),
    /// A session was opened or amended; amendments count up `version`. May lie in the future.
    Session(SessionRecord),
    /// A session was closed, maybe late; counts as an amendment of its end.
    SessionClosed(SessionClose),
    /// The emergency flag of a session.
    Emergency(EmergencyFlag),
    /// A pass was issued or (higher version) changed.
    Pass(Pass),
    /// Somebody was verified without a face (P4).
    IdentityCheck(IdentityCheck),
    /// The room's zones are others than those that its installer locked.
    ZonesDrifted(ZonesDrifted),
}

impl Fact {
    /// When the fact reached the server, as far as it is known. `heard`: when the box was told.
    pub(crate) fn stated_at(&self, heard: Wall) -> Wall {
        let stated = match self {
            Self::Session(it) => it.stated_at,
            Self::SessionClosed(it) => it.stated_at,
            Self::Emergency(it) => it.stated_at,
            Self::Pass(it) => it.stated_at,
            Self::IdentityCheck(it) => it.stated_at,
            Self::Catalogue(it) => it.stated_at,
            Self::Roster(it) => Some(it.made_at),
            Self::Room(_) | Self::Policy(_) | Self::Thresholds(_) | Self::ZonesDrifted(_) => None,
        };
        stated.unwrap_or(heard)
    }
}

/// Zones that differ from the locked ones came into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ZonesDrifted {
    /// Version of the knowledge that brought them; each is told once.
    pub version: u64,
    /// When the lock was set.
    pub locked_at: Wall,
}

/// A room and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Room {
    /// Monotonic version of this knowledge.
    pub version: u64,
    /// Its id.
    pub id: RoomId,
    /// Where it is.
    pub institution: Institution,
    /// How its camera works.
    pub mode: DeploymentMode,
    /// The zones in the camera's image.
    pub zones: Zones,
    /// When it is open; `None`: always (HB-2 asks).
    pub hours: Option<OpeningHours>,
}

/// The institution, as far as rules read it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Institution {
    /// Its id.
    pub id: InstitutionId,
    /// The highest surgery grade it may perform (NL-4).
    pub ceiling: GradeCeiling,
}

/// The highest surgery grade, 0 (none) to 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GradeCeiling(pub u8);

/// How the camera works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum DeploymentMode {
    /// It sees the room continuously.
    InRoom,
    /// It sees who checks in and out at the door, cooperatively. Only LL-4, LL-5, NL-4, HB-2 and
    /// HB-4 run.
    Doorway,
}

/// Opening hours in local time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OpeningHours {
    /// Local time minus UTC, minutes (China: 480).
    pub utc_offset_min: i32,
    /// Per weekday from Monday: pairs of minutes of the local day (0..=1440), half-open. An empty
    /// list is a closed day.
    pub week: [Vec<(u16, u16)>; 7],
}

/// Thresholds of the model pack: calibrated cosine × 10⁶.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Thresholds {
    /// At and above: a vote for the person (T_match).
    pub t_match_ppm: i32,
    /// Below: a vote for "nobody of the roster" (T_reject). ≤ `t_match_ppm`.
    pub t_reject_ppm: i32,
    /// Least distance of the best to the second person.
    pub margin_ppm: i32,
    /// `t_match_ppm` for a masked face.
    pub masked_t_match_ppm: i32,
    /// `t_reject_ppm` for a masked face. `i32::MIN`: a masked face never speaks for UNMATCHED.
    pub masked_t_reject_ppm: i32,
    /// `margin_ppm` for a masked face.
    pub masked_margin_ppm: i32,
    /// What a look's score is worth for and against a person.
    #[cfg_attr(feature = "serde", serde(default))]
    pub curves: EvidenceCurves,
}

/// Everyone who may be recognised here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Roster {
    /// Monotonic version of this knowledge.
    pub version: u64,
    /// When the server made it, from the enrolments it holds (UQ-1 asks for its age).
    pub made_at: Wall,
    /// When the registry was last read (LL-4 asks for its age).
    pub registry_at: Wall,
    /// The people; order is irrelevant, the last of two with the same id counts.
    pub people: Vec<Practitioner>,
}

/// A practitioner (执业人员).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Practitioner {
    /// Pseudonym.
    pub id: PersonId,
    /// What they are.
    pub category: PractitionerCategory,
    /// State of their registration.
    pub registration: RegistrationStatus,
    /// How their registration relates to this institution.
    pub relation: SiteRelation,
    /// Specialties in which they are filed as a lead (主诊医师备案) *here*.
    pub lead_for: Vec<Specialty>,
    /// Enrolled for anaesthesia: not the operator while at the head end, or beside another
    /// operator.
    pub anaesthesia: bool,
    /// A supervisor confirmed the enrolment against the registry photograph. Unconfirmed: at most
    /// INDETERMINATE.
    pub confirmed: bool,
    /// The box holds a template of the current pack. Without one they cannot be called absent.
    pub has_template: bool,
}

/// 执业人员类别.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PractitionerCategory {
    /// 执业医师.
    LicensedPhysician,
    /// 执业助理医师.
    AssistantPhysician,
    /// 护士.
    Nurse,
    /// 药师.
    Pharmacist,
    /// 技师.
    Technician,
    /// 实习, 进修, 规培.
    Trainee,
    /// 非卫技人员: receptionist, consultant, beautician.
    NonClinical,
}

/// 注册状态.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RegistrationStatus {
    /// In force.
    Valid,
    /// Ran out (nurses: 5 years).
    Expired,
    /// 暂停执业.
    Suspended,
    /// 注销.
    Cancelled,
    /// 吊销.
    Revoked,
    /// Not decided yet.
    Pending,
}

/// How a registration covers this institution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SiteRelation {
    /// 主执业机构.
    Primary,
    /// 多机构备案.
    FiledMultiSite,
    /// 医师法 18 (consultation, training, free clinic): from the first until before the second
    /// time.
    Exempt {
        /// First instant covered.
        from: Wall,
        /// First instant no longer covered.
        until: Wall,
    },
    /// Not covered.
    None,
}

/// 美容专业.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Specialty {
    /// 美容外科.
    CosmeticSurgery,
    /// 美容牙科.
    CosmeticDentistry,
    /// 美容皮肤科.
    CosmeticDermatology,
    /// 美容中医科.
    CosmeticTcm,
}

/// The item catalogue of the jurisdiction, with what is filed here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Catalogue {
    /// Monotonic version of this knowledge.
    pub version: u64,
    /// The items; the last of two with the same id counts.
    pub items: Vec<Item>,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// A cosmetic item (美容项目).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Item {
    /// Its code.
    pub id: ItemId,
    /// What it is.
    pub kind: ItemKind,
    /// Leads of any of these may perform or guide it.
    pub specialties: Vec<Specialty>,
    /// 1-4, cosmetic surgery only.
    pub surgery_grade: Option<u8>,
    /// The least qualified person who may perform it under a lead.
    pub min_operator: MinOperator,
    /// Least plausible duration, ms (LL-5 in doorway mode).
    pub min_duration_ms: u64,
    /// Numbing and photographs before the act, ms: no operating time.
    pub prep_ms: u64,
    /// How long the lead's own part takes at least, ms (LL-5); `None`: by the kind, as the policy
    /// says.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub lead_part_ms: Option<u64>,
    /// The institution has filed it (NL-4).
    pub filed_here: bool,
}

/// Kind of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ItemKind {
    /// 手术.
    Surgery,
    /// 注射.
    Injection,
    /// 埋线.
    Thread,
    /// 光电.
    EnergyDevice,
    /// Any other.
    Other,
}

/// `min_operator` of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum MinOperator {
    /// A licensed physician.
    Physician,
    /// A nurse, technician or anyone above.
    Nurse,
}

/// A declared session (诊疗活动), whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// Counts the amendments; the highest counts.
    pub version: u32,
    /// Its room; a session of another room is ignored (or removed, when amended to one).
    pub room: RoomId,
    /// What is done. `None`, or an id that the catalogue does not hold: read as an injection that
    /// any lead here may guide.
    pub item: Option<ItemId>,
    /// Under whose name.
    pub lead: Option<PersonId>,
    /// Who else was declared to operate.
    pub operators: Vec<PersonId>,
    /// Declared start.
    pub start: Wall,
    /// Declared end; `None` while open.
    pub end: Option<Wall>,
    /// It did not take place.
    pub cancelled: bool,
    /// When the patient's refusal to be looked at reached the server; `None`: nobody declined.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub declined_at: Option<Wall>,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// The end of a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionClose {
    /// Which.
    pub session: SessionId,
    /// Overrides the `end` of every record with a version up to this.
    pub version: u32,
    /// When it ended.
    pub end: Wall,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// The emergency flag of a session: lowers the severity to L1, never suppresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EmergencyFlag {
    /// Which session.
    pub session: SessionId,
    /// The highest counts.
    pub version: u32,
    /// Set or taken back.
    pub raised: bool,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// A time-limited permit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pass {
    /// Its id.
    pub id: PassId,
    /// The highest counts.
    pub version: u32,
    /// For whom.
    pub holder: PassHolder,
    /// For what.
    pub kind: PassKind,
    /// From this instant.
    pub from: Wall,
    /// Until before this one.
    pub until: Wall,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// Whom a pass binds: never "any stranger".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PassHolder {
    /// An enrolled face.
    Person(PersonId),
    /// Whoever is bound by one witnessed check-in ([`IdentityCheck`] with [`CheckSubject::Pass`]
    /// and a track).
    WitnessedCheckIn,
}

/// What a pass is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PassKind {
    /// A trainee, under the named supervisor (NL-3).
    Trainee {
        /// Who must be present.
        supervisor: PersonId,
    },
    /// A visiting doctor.
    VisitingDoctor,
    /// A service engineer.
    Engineer,
    /// An inspector.
    Inspector,
}

/// The alternative check (P4): card + PIN + witness.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IdentityCheck {
    /// Who was checked.
    pub who: CheckSubject,
    /// Into or out of the room.
    pub direction: CheckDirection,
    /// When. It counts from here, and never from before it reached the server.
    pub at: Wall,
    /// Who witnessed it: somebody whom the box recognised in the room at that time, and not the
    /// checked person. Otherwise it is only stated, and counts as nobody's presence.
    pub witness: PersonId,
    /// The track that stood there, where the box saw it: binds that track alone.
    pub track: Option<TrackId>,
    /// When it reached the server; `None`: an older server did not say, and it counts from when the
    /// box heard it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stated_at: Option<Wall>,
}

/// Whom a check is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CheckSubject {
    /// A practitioner of the roster.
    Person(PersonId),
    /// The holder of a pass.
    Pass(PassId),
}

/// Direction of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CheckDirection {
    /// Comes in.
    In,
    /// Goes out.
    Out,
}
