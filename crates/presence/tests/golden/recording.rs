//! A recorded log made by arithmetic alone (no file, no crate but the core), and what the core says
//! of it, as one short text. Debug and release builds, and every machine, must come to that text
//! bit for bit.

use std::fmt::Write as _;

use presence::*;

const MIDNIGHT: i64 = 1_772_409_600_000;
const HOUR: u64 = 3_600;

/// Who stands where: person (or `?` for a stranger, `!` for a print), zone, from and to in seconds
/// after nine.
const STAYS: &[(&str, usize, u64, u64)] = &[
    ("qian", 0, 60, 1_500),
    ("sun", 1, 30, 1_600),
    ("lin", 0, 2_000, 3_100),
    ("?", 0, 2_300, 2_700),
    ("lin", 2, 2_290, 2_310),
    ("!", 1, 2_900, 2_960),
    ("sun", 0, 4_000, 4_900),
    ("wu", 0, 5_100, 5_500),
    ("hao", 0, 5_600, 6_300),
    ("gone", 0, 5_700, 5_900),
    ("li", 0, 7_300, 8_500),
    ("zhou", 1, 7_300, 7_400),
    ("zhao", 0, 9_000, 9_900),
];

/// Patients on the bed.
const BED: &[(u64, u64)] =
    &[(40, 1_520), (2_020, 3_110), (4_020, 4_880), (5_120, 6_290), (7_320, 8_480), (9_010, 9_890)];

/// Sessions: item, lead, start, end; told ten minutes before.
const SESSIONS: &[(&str, &str, u64, u64)] = &[
    ("filler", "lin", 0, 1_700),
    ("laser", "lin", 1_980, 3_300),
    ("filler", "hao", 5_000, 6_400),
    ("filler", "lin", 7_200, 8_700),
    ("rebuild", "zhao", 8_950, 10_000),
];

/// Scores and misses that look random and are not: a linear congruential generator (Knuth's MMIX).
struct Noise(u64);

impl Noise {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn moment(s: u64) -> Moment {
    let wall = Wall(MIDNIGHT + ((9 * HOUR + s) * 1_000) as i64);
    Moment { mono: Mono(500_000 + s * 1_000), wall, clock: ClockQuality::GOOD }
}

fn area(x: i32, y: i32, w: i32, h: i32) -> Vec<Polygon> {
    vec![Polygon::from_box(BoxPx { x, y, w, h })]
}

fn room() -> Room {
    Room {
        version: 1,
        id: "room".into(),
        institution: Institution { id: "clinic".into(), ceiling: GradeCeiling(3) },
        mode: DeploymentMode::InRoom,
        zones: Zones {
            operator: area(300, 200, 600, 300),
            bed: area(400, 520, 400, 180),
            door: area(1_100, 0, 180, 400),
            ..Zones::default()
        },
        hours: None,
    }
}

fn roster() -> Roster {
    use PractitionerCategory as C;
    let person = |id: &str, category, lead_for: &[Specialty]| Practitioner {
        id: id.into(),
        category,
        registration: if id == "gone" {
            RegistrationStatus::Cancelled
        } else {
            RegistrationStatus::Valid
        },
        relation: SiteRelation::Primary,
        lead_for: lead_for.to_vec(),
        anaesthesia: false,
        confirmed: true,
        has_template: true,
    };
    let derm = [Specialty::CosmeticDermatology];
    let people = vec![
        person("lin", C::LicensedPhysician, &derm),
        person("hao", C::LicensedPhysician, &derm),
        person("zhao", C::LicensedPhysician, &[Specialty::CosmeticSurgery]),
        person("qian", C::LicensedPhysician, &[]),
        person("gone", C::LicensedPhysician, &[]),
        person("li", C::AssistantPhysician, &[]),
        person("sun", C::Nurse, &[]),
        person("zhou", C::Pharmacist, &[]),
        person("wu", C::NonClinical, &[]),
    ];
    let made_at = moment(0).wall;
    Roster { version: 1, made_at, registry_at: made_at, people }
}

fn catalogue() -> Catalogue {
    let item = |id: &str, kind, specialty, surgery_grade| Item {
        id: id.into(),
        kind,
        specialties: vec![specialty],
        surgery_grade,
        min_operator: MinOperator::Physician,
        min_duration_ms: 600_000,
        prep_ms: 0,
        lead_part_ms: None,
        filed_here: true,
    };
    let items = vec![
        item("filler", ItemKind::Injection, Specialty::CosmeticDermatology, None),
        item("laser", ItemKind::EnergyDevice, Specialty::CosmeticDermatology, None),
        item("rebuild", ItemKind::Surgery, Specialty::CosmeticSurgery, Some(4)),
    ];
    Catalogue { version: 1, items, stated_at: None }
}

fn thresholds() -> Thresholds {
    Thresholds {
        t_match_ppm: 500_000,
        t_reject_ppm: 300_000,
        margin_ppm: 50_000,
        masked_t_match_ppm: 450_000,
        masked_t_reject_ppm: 250_000,
        masked_margin_ppm: 50_000,
        curves: EvidenceCurves::ASSUMED,
    }
}

fn session(number: usize) -> SessionRecord {
    let (item, lead, start, end) = SESSIONS[number];
    SessionRecord {
        id: SessionId::new(&format!("s{number}")),
        version: 1,
        room: "room".into(),
        item: Some(item.into()),
        lead: Some(lead.into()),
        operators: Vec::new(),
        start: moment(start).wall,
        end: Some(moment(end).wall),
        cancelled: false,
        declined_at: None,
        stated_at: None,
    }
}

fn face(number: usize, noise: &mut Noise) -> Face {
    let (who, zone, ..) = STAYS[number];
    let (x, y) = [(400, 300), (150, 100), (1_150, 100)][zone];
    let jitter = noise.below(120_000) as i32 - 60_000;
    let (best, score_ppm) = match who {
        "?" => (None, 170_000 + jitter),
        "!" => (Some("lin".into()), 640_000 + jitter),
        name => (Some(name.into()), 620_000 + 2 * jitter),
    };
    Face {
        track: TrackId(1 + number as u64),
        bbox: BoxPx { x: x + 90 * (number as i32 % 3), y, w: 60, h: 80 },
        good_quality: noise.below(10) > 0,
        masked: number % 4 == 3,
        match_: (noise.below(3) > 0).then_some(MatchScore {
            best,
            score_ppm,
            second_ppm: 140_000,
            relevant: Vec::new(),
        }),
        liveness: if who == "!" { Liveness::Spoof } else { Liveness::Live },
    }
}

fn observation(s: u64, noise: &mut Noise) -> Observation {
    let mut seen = Observation::default();
    match s {
        6_700..6_800 => seen.camera.state = CameraState::Covered,
        8_000..8_030 => seen.camera.operator_visible = false,
        _ => {
            let here = (0..STAYS.len()).filter(|n| (STAYS[*n].2..=STAYS[*n].3).contains(&s));
            let faces: Vec<Face> = here.map(|n| face(n, noise)).collect();
            seen.faces = faces.into_iter().filter(|_| noise.below(20) > 0).collect();
            let patient = BED.iter().any(|(from, to)| (*from..=*to).contains(&s));
            seen.patients = u16::from(patient && noise.below(10) > 2);
        }
    }
    seen
}

/// The recorded log.
pub(crate) fn recording() -> Vec<RecordedCall> {
    let mut noise = Noise(20_260_302);
    let inform = |s, fact| RecordedCall::Inform { at: moment(s), fact: Box::new(fact) };
    let mut log = vec![
        inform(0, Fact::Policy(Box::default())),
        inform(0, Fact::Thresholds(thresholds())),
        inform(0, Fact::Room(Box::new(room()))),
        inform(0, Fact::Roster(roster())),
        inform(0, Fact::Catalogue(catalogue())),
    ];
    for s in 0..5 * HOUR {
        for (number, (.., start, _)) in SESSIONS.iter().enumerate() {
            if s == start.saturating_sub(600) {
                log.push(inform(s, Fact::Session(session(number))));
            }
        }
        if s == 2_500 {
            // The clinic amends the first session: another lead was meant.
            let amended = SessionRecord { version: 2, lead: Some("hao".into()), ..session(0) };
            log.push(inform(s, Fact::Session(amended)));
        }
        let seen = observation(s, &mut noise).for_recording(&thresholds());
        log.push(RecordedCall::Observe { at: moment(s), seen });
    }
    log.push(RecordedCall::Expire { at: moment(6 * HOUR) });
    log
}

/// What the core says of the log: counts, and a digest of every output to the last figure.
pub(crate) fn account() -> String {
    let outputs = replay(&recording(), None);
    let mut digest = Fnv::default();
    let mut text = String::new();
    for output in &outputs {
        digest.take(format!("{output:?}\n").as_bytes());
        if let EngineOutput::Finding(f) = output {
            let (step, code) = (f.step, f.key.rule.code());
            let _ = writeln!(
                text,
                "{} {step:?} {code} {:?} {:?}",
                f.raised_at.mono.0, f.severity, f.key.session
            );
        }
    }
    text + &format!("{} outputs, FNV-1a/128 {:032x}\n", outputs.len(), digest.0)
}

/// FNV-1a with 128 bits: tells texts apart, proves nothing to an adversary, needs no crate.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte))
                .wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
