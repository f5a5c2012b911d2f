//! Translates the simulated clinic into what the engine is told and shown.

use clinic_sim::scene::WITHOUT_TEMPLATE;
use clinic_sim::{
    ITEMS, STAFF, Session as Truth, SimulatedFrame, Spoofness, StaffCategory, Whereabouts as Place,
};
use presence::{
    BoxPx, CameraState, Catalogue, ClockQuality, DeploymentMode, Face, Fact, GradeCeiling,
    Institution, Item, ItemKind, Liveness, MatchScore, MinOperator, Moment, Mono, Observation,
    Pass, PassHolder, PassKind, PersonId, PersonScore, Policy, Polygon, Practitioner,
    PractitionerCategory, RegistrationStatus, Room, Roster, SessionId, SessionRecord, SiteRelation,
    Specialty, Thresholds, TrackId, TrackLikeness, Wall, Zones,
};

/// Thresholds that the bundled error model is written for.
pub(crate) const THRESHOLDS: Thresholds = Thresholds {
    t_match_ppm: 500_000,
    t_reject_ppm: 300_000,
    margin_ppm: 50_000,
    masked_t_match_ppm: 450_000,
    masked_t_reject_ppm: 250_000,
    masked_margin_ppm: 50_000,
    curves: presence::EvidenceCurves::ASSUMED,
};

/// Midnight of the simulated days: 2026-03-02T00:00:00Z.
const MIDNIGHT: i64 = 1_772_409_600_000;

/// Monotonic ms of second 0 of a day.
const BOOT_MS: u64 = 1_000_000;

pub(crate) fn wall(second: u32) -> Wall {
    Wall(MIDNIGHT + i64::from(second) * 1_000)
}

/// The second of a monotonic time.
pub(crate) fn second(at: Mono) -> u32 {
    (at.0.saturating_sub(BOOT_MS) / 1_000) as u32
}

/// The moment of a second, with the wall clock off by `step_ms`.
pub(crate) fn moment(second: u32, step_ms: i64) -> Moment {
    let mono = Mono(BOOT_MS + u64::from(second) * 1_000);
    Moment { mono, wall: Wall(wall(second).0 + step_ms), clock: ClockQuality::GOOD }
}

fn at(x: i32, y: i32, w: i32, h: i32) -> Vec<Polygon> {
    vec![Polygon::from_box(BoxPx { x, y, w, h })]
}

fn zones() -> Zones {
    Zones {
        operator: at(300, 200, 600, 300),
        bed: at(400, 520, 400, 180),
        companion: at(0, 400, 200, 300),
        door: at(1_100, 0, 180, 400),
        head_end: at(920, 400, 150, 200),
        privacy_mask: Vec::new(),
    }
}

fn bbox(place: Place, slot: i32) -> BoxPx {
    let (x, y) = match place {
        Place::Operator => (350 + 90 * (slot % 5), 300),
        Place::Bed => (550, 580),
        Place::Companion => (60, 500),
        Place::Door => (1_150, 100),
        Place::Head => (960, 460),
        Place::Elsewhere => (300 + 90 * (slot % 5), 40),
    };
    BoxPx { x, y, w: 60, h: 80 }
}

/// Everything that a box knows before the first patient.
pub(crate) fn knowledge(policy: &Policy) -> Vec<Fact> {
    let room = Room {
        version: 1,
        id: "room".into(),
        institution: Institution { id: "clinic".into(), ceiling: GradeCeiling(3) },
        mode: DeploymentMode::InRoom,
        zones: zones(),
        hours: None,
    };
    let people = STAFF.iter().map(|s| practitioner(s.id, s.category)).collect();
    let items = ITEMS.iter().map(item).collect();
    let trainee = Pass {
        id: "pass".into(),
        version: 1,
        holder: PassHolder::Person("trainee".into()),
        kind: PassKind::Trainee { supervisor: "lead1".into() },
        from: wall(0),
        until: wall(90_000),
        stated_at: None,
    };
    vec![
        Fact::Policy(Box::new(policy.clone())),
        Fact::Thresholds(THRESHOLDS),
        Fact::Room(Box::new(room)),
        Fact::Roster(Roster { version: 1, made_at: wall(0), registry_at: wall(0), people }),
        Fact::Catalogue(Catalogue { version: 1, items, stated_at: None }),
        Fact::Pass(trainee),
    ]
}

fn practitioner(id: &str, category: StaffCategory) -> Practitioner {
    use PractitionerCategory as P;
    let (is, lead_for) = match category {
        StaffCategory::DermatologyLead => {
            (P::LicensedPhysician, vec![Specialty::CosmeticDermatology])
        }
        StaffCategory::SurgeryLead => (P::LicensedPhysician, vec![Specialty::CosmeticSurgery]),
        StaffCategory::Physician | StaffCategory::Anaesthetist | StaffCategory::Lapsed => {
            (P::LicensedPhysician, vec![])
        }
        StaffCategory::Assistant => (P::AssistantPhysician, vec![]),
        StaffCategory::Nurse => (P::Nurse, vec![]),
        StaffCategory::Pharmacist => (P::Pharmacist, vec![]),
        StaffCategory::Trainee => (P::Trainee, vec![]),
        StaffCategory::Office => (P::NonClinical, vec![]),
    };
    let lapsed = category == StaffCategory::Lapsed;
    Practitioner {
        id: id.into(),
        category: is,
        registration: if lapsed {
            RegistrationStatus::Cancelled
        } else {
            RegistrationStatus::Valid
        },
        relation: SiteRelation::Primary,
        lead_for,
        anaesthesia: category == StaffCategory::Anaesthetist,
        confirmed: true,
        has_template: true,
    }
}

fn item(item: &clinic_sim::Item) -> Item {
    Item {
        id: item.code.into(),
        kind: match (item.surgery, item.energy) {
            (true, _) => ItemKind::Surgery,
            (_, true) => ItemKind::EnergyDevice,
            _ => ItemKind::Injection,
        },
        specialties: vec![if item.surgery {
            Specialty::CosmeticSurgery
        } else {
            Specialty::CosmeticDermatology
        }],
        surgery_grade: item.surgery.then_some(if item.too_high { 4 } else { 2 }),
        min_operator: if item.energy { MinOperator::Nurse } else { MinOperator::Physician },
        min_duration_ms: 600_000,
        prep_ms: 0,
        lead_part_ms: None,
        filed_here: true,
    }
}

pub(crate) fn session_id(truth: &Truth) -> SessionId {
    SessionId::new(&format!("s{}", truth.number))
}

pub(crate) fn declaration(truth: &Truth) -> Fact {
    Fact::Session(SessionRecord {
        id: session_id(truth),
        version: 1,
        room: "room".into(),
        item: Some(truth.item.into()),
        lead: Some(truth.lead.into()),
        operators: Vec::new(),
        start: wall(truth.start),
        end: Some(wall(truth.end)),
        cancelled: false,
        declined_at: None,
        stated_at: None,
    })
}

/// What the engine is shown of one frame.
pub(crate) fn observation(
    look: SimulatedFrame,
    covered: bool,
    ids: &[(&'static str, PersonId)],
) -> Observation {
    let mut seen = Observation::default();
    if covered {
        seen.camera.state = CameraState::Covered;
        return seen;
    }
    seen.patients = look.patients;
    seen.became_patient = look.became_patient.into_iter().map(TrackId).collect();
    let ppm = |score: f64| (score.clamp(-1.0, 1.0) * 1e6) as i32;
    let faces = look.faces.into_iter().zip(0..).map(|(face, slot)| Face {
        track: TrackId(face.track),
        bbox: bbox(face.zone, slot),
        good_quality: face.good,
        masked: face.masked,
        match_: face.scores.map(|(best, score, second)| MatchScore {
            best: ids.iter().find(|(id, _)| *id == best).map(|(_, person)| person.clone()),
            score_ppm: ppm(score),
            second_ppm: ppm(second),
            relevant: Vec::new(),
        }),
        liveness: match face.liveness {
            Spoofness::Live => Liveness::Live,
            Spoofness::Spoof => Liveness::Spoof,
            Spoofness::Unsure => Liveness::Unsure,
        },
    });
    seen.faces = faces.collect();
    seen
}

/// The moment of a millisecond of a scene.
pub(crate) fn instant(ms: u64) -> Moment {
    let wall = Wall(MIDNIGHT + ms as i64);
    Moment { mono: Mono(BOOT_MS + ms), wall, clock: ClockQuality::GOOD }
}

/// The same of a box that booted at a millisecond of the scene: its monotonic time begins anew.
pub(crate) fn since_boot(ms: u64, booted_ms: Option<u64>) -> Moment {
    let mono = booted_ms.map_or(BOOT_MS + ms, |booted| ms - booted);
    Moment { mono: Mono(mono), ..instant(ms) }
}

/// Milliseconds of a scene at a monotonic time.
pub(crate) fn elapsed_ms(at: Mono) -> u64 {
    at.0.saturating_sub(BOOT_MS)
}

/// As [`knowledge`], with a roster of this age, and an engineer's pass.
pub(crate) fn knowledge_of(policy: &Policy, scene: &clinic_sim::DayScene) -> Vec<Fact> {
    let mut facts = knowledge(policy);
    let made = Wall(wall(0).0 - i64::from(scene.roster_age_h) * 3_600_000);
    for fact in &mut facts {
        if let Fact::Room(room) = fact
            && scene.doorway
        {
            room.mode = DeploymentMode::Doorway;
        }
        if let Fact::Roster(roster) = fact {
            (roster.made_at, roster.registry_at) = (made, made);
            let mut declared = scene.sessions.iter().flat_map(|s| &s.operators);
            if declared.any(|id| *id == WITHOUT_TEMPLATE) {
                let nurse = practitioner(WITHOUT_TEMPLATE, StaffCategory::Nurse);
                roster.people.push(Practitioner { has_template: false, ..nurse });
            }
        }
    }
    facts.push(Fact::Pass(Pass {
        id: "engineer".into(),
        version: 1,
        holder: PassHolder::WitnessedCheckIn,
        kind: PassKind::Engineer,
        from: wall(0),
        until: wall(90_000),
        stated_at: None,
    }));
    facts
}

/// The declaration of a scene's session.
pub(crate) fn declared(s: &clinic_sim::scene::SceneDeclaration) -> Fact {
    Fact::Session(SessionRecord {
        id: SessionId::new(&format!("s{}", s.number)),
        version: 1,
        room: "room".into(),
        item: s.item.map(Into::into),
        lead: s.lead.map(Into::into),
        operators: s.operators.iter().map(|id| PersonId::new(id)).collect(),
        start: wall(s.start),
        end: Some(wall(s.end)),
        cancelled: false,
        declined_at: None,
        stated_at: None,
    })
}

/// What the engine is shown of one look at a scene.
pub(crate) fn shot(
    shot: &clinic_sim::SensorFrame,
    covered: bool,
    relevant: &[PersonId],
) -> Observation {
    let mut seen = Observation::default();
    if covered {
        seen.camera.state = CameraState::Covered;
        return seen;
    }
    seen.patients = shot.patients;
    seen.faces = shot.faces.iter().map(|f| face(f, relevant)).collect();
    let ppm = |score: f64| (score.clamp(-1.0, 1.0) * 1e6) as i32;
    for f in &shot.faces {
        let like = f.like.iter().filter_map(|(earlier, alike, _)| Some((*earlier, (*alike)?)));
        let of = |(earlier, alike)| TrackLikeness {
            track: TrackId(f.track),
            earlier: TrackId(earlier),
            face_ppm: ppm(alike),
        };
        seen.likeness.extend(like.map(of));
    }
    seen
}

fn face(face: &clinic_sim::SensorFace, relevant: &[PersonId]) -> Face {
    let (w, h) = face.size;
    Face {
        track: TrackId(face.track),
        bbox: BoxPx { x: face.at.0 - w / 2, y: face.at.1 - h / 2, w, h },
        good_quality: face.good,
        masked: face.masked,
        match_: face.scores.as_ref().map(|scores| scored(scores, relevant)),
        liveness: match face.liveness {
            Spoofness::Live => Liveness::Live,
            Spoofness::Spoof => Liveness::Spoof,
            Spoofness::Unsure => Liveness::Unsure,
        },
    }
}

/// Best and second of all scores, and those of the people who matter.
fn scored(scores: &[f64], relevant: &[PersonId]) -> MatchScore {
    let ppm = |score: f64| (score.clamp(-1.0, 1.0) * 1e6) as i32;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let (best, second) = (order[0], order[1]);
    MatchScore {
        best: Some(PersonId::new(staff(best))),
        score_ppm: ppm(scores[best]),
        second_ppm: ppm(scores[second]),
        relevant: STAFF
            .iter()
            .zip(scores)
            .filter_map(|(s, score)| {
                let person = relevant.iter().find(|p| p.as_str() == s.id)?.clone();
                Some(PersonScore { person, score_ppm: ppm(*score) })
            })
            .collect(),
    }
}

/// Everybody of the staff, in the order of a look's scores.
pub(crate) fn staff(n: usize) -> &'static str {
    STAFF[n].id
}
