//! The pure decision core: faces in, findings out.
//!
//! It knows ids, boxes, scores and times; it never sees a name, a picture or an embedding, reads no
//! clock, starts no thread, does no I/O and computes in integers alone. The same inputs therefore
//! give the same outputs, bit for bit, on every machine: that is what makes a finding replayable in
//! a hearing.
//!
//! # How to drive it
//! One [`Engine`] serves one room with one camera; one [`Tracker`] stands before it in the
//! pipeline.
//! 1. Give the engine what it must know with [`Engine::inform`] (room, policy, thresholds, roster,
//!    catalogue, sessions).
//! 2. Per frame: [`Tracker::update_asking`] with the detected boxes; embed only the faces that it
//!    allows or asks about; then [`Engine::observe`], without those that it leaves open.
//! 3. Call [`Engine::expire`] at [`Engine::next_deadline`]. An earlier call is a no-op.
//!
//! Every call returns its [`EngineOutput`]s in order; nothing is kept back to be drained.
//! A finding is raised at the first evaluation tick (policy `evaluation_step_ms`) after its rule
//! allows it: UQ-1, UQ-2, LL-4 and the HB rules during the act; NL-4 when its session starts; LL-1,
//! LL-5, NL-1 to NL-3 and UQ-3 at the session's end + `window_after_ms`, because only then can
//! nobody arrive any more who would make it lawful.

mod absence;
mod absence_obstacles;
mod blocked_sessions;
mod case;
mod case_bounds;
mod check_in;
mod checks;
mod civil;
mod compare;
mod engine;
mod entry_order;
mod evaluate;
mod evidence;
mod evidence_curves;
mod face_motion;
mod fact;
mod finding;
mod geometry;
mod history;
mod id;
mod identity;
mod joined_sessions;
mod knowledge;
mod knowledge_snapshot;
pub mod law;
mod ledger;
mod liveness_votes;
mod names;
mod observation;
mod operating_time;
mod operator_exceptions;
mod outside_sessions;
mod passes;
mod people;
mod policy;
mod presentation_attack;
mod replay;
mod report;
mod retention;
mod roles;
mod rules;
mod seen_elsewhere;
mod session_sums;
mod spans;
mod ticks;
mod time;
mod track;
mod visitors;

pub use compare::{Comparison, WhatIf, what_if};
pub use engine::{Counts, Engine, IdentityView};
pub use evidence_curves::{CURVE_PLACES, EvidenceCurve, EvidenceCurves};
pub use fact::{
    Catalogue, CheckDirection, CheckSubject, DeploymentMode, EmergencyFlag, Fact, GradeCeiling,
    IdentityCheck, Institution, Item, ItemKind, MinOperator, OpeningHours, Pass, PassHolder,
    PassKind, Practitioner, PractitionerCategory, RegistrationStatus, Room, Roster, SessionClose,
    SessionRecord, SiteRelation, Specialty, Thresholds, ZonesDrifted,
};
pub use finding::{
    Assessability, Basis, Confidence, EngineOutput, Figure, Finding, FindingKey, FindingKind,
    IncidentKey, Interval, Looks, PersonPart, PersonPresence, PresenceMethod, PresenceSummary,
    Rule, Severity, Step, Subject, Undecided, Visibility, WithdrawalGround,
};
pub use geometry::{BoxPx, PointPx, Polygon, Zone, Zones};
pub use id::TrackId;
pub use knowledge::may_lead;
pub use names::{AbstentionReason, FigureName, IntervalName, PartName};
pub use observation::{
    CameraHealth, CameraState, Face, Liveness, MatchScore, Observation, PersonScore, TrackLikeness,
};
pub use policy::{Policy, PolicyError, Setting};
pub use replay::{RecordedCall, replay, standing, why};
pub use statement::{
    AbsenceSign, CameraFault, InstitutionId, ItemId, PassId, PersonId, RoomId, SessionId,
    Statement, StatusFault,
};
pub use time::{ClockQuality, Moment, Mono, Wall};
pub use track::{
    Appearance, Detection, EmbedPermission, FaceAnswer, Tracked, TrackedFrame, Tracker, WhoseFace,
};
