//! Cost of `observe` with 3 and with 10 people, as a ratio to serialising the same observation with
//! `serde_json` (goal ≤ 1), in microseconds (aims 5 and 20), and room-days per core-second at 5
//! observations a second. Every face of every look was embedded and named: a box embeds far fewer.
//! Run: `cargo bench -p presence --features serde`, with `-- --json` for JSON; exit 1 when a figure
//! falls short. With `-- --looks PEOPLE COUNT` it only takes so many looks, for whoever counts
//! instructions. It measures the core alone, not the pixels before it.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock; the core does not")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use presence::{
    BoxPx, ClockQuality, DeploymentMode, Engine, Face, Fact, GradeCeiling, Institution, Liveness,
    MatchScore, Moment, Mono, Observation, PersonId, PersonScore, Polygon, Practitioner,
    PractitionerCategory, RegistrationStatus, Room, Roster, SessionRecord, SiteRelation, Specialty,
    Thresholds, TrackId, Wall, Zones,
};

/// Observations of one run: ten minutes at 5 a second.
const COUNT: u64 = 3_000;

fn moment(ms: u64) -> Moment {
    Moment {
        mono: Mono(1_000_000 + ms),
        wall: Wall(1_772_442_000_000 + ms as i64),
        clock: ClockQuality::GOOD,
    }
}

fn zones() -> Zones {
    let polygon = |x, y, w, h| vec![Polygon::from_box(BoxPx { x, y, w, h })];
    Zones {
        operator: polygon(200, 200, 900, 300),
        bed: polygon(400, 520, 400, 180),
        ..Zones::default()
    }
}

fn engine(people: u64) -> Engine {
    let mut engine = Engine::new();
    let person = |n: u64| Practitioner {
        id: PersonId::new(&format!("person-{n}")),
        category: PractitionerCategory::LicensedPhysician,
        registration: RegistrationStatus::Valid,
        relation: SiteRelation::Primary,
        lead_for: vec![Specialty::CosmeticDermatology],
        anaesthesia: false,
        confirmed: true,
        has_template: true,
    };
    let wall = moment(0).wall;
    let facts = [
        Fact::Thresholds(Thresholds {
            t_match_ppm: 500_000,
            t_reject_ppm: 300_000,
            margin_ppm: 50_000,
            masked_t_match_ppm: 450_000,
            masked_t_reject_ppm: 250_000,
            masked_margin_ppm: 50_000,
            curves: presence::EvidenceCurves::ASSUMED,
        }),
        Fact::Room(Box::new(Room {
            version: 1,
            id: "room".into(),
            institution: Institution { id: "clinic".into(), ceiling: GradeCeiling(3) },
            mode: DeploymentMode::InRoom,
            zones: zones(),
            hours: None,
        })),
        Fact::Roster(Roster {
            version: 1,
            made_at: wall,
            registry_at: wall,
            people: (0..people).map(person).collect(),
        }),
        Fact::Session(SessionRecord {
            id: "s1".into(),
            version: 1,
            room: "room".into(),
            item: None,
            lead: Some("person-0".into()),
            operators: Vec::new(),
            start: wall,
            end: Some(Wall(wall.0 + 3_600_000)),
            cancelled: false,
            declined_at: None,
            stated_at: None,
        }),
    ];
    for fact in facts {
        engine.inform(moment(0), fact);
    }
    engine
}

fn observation(people: u64) -> Observation {
    let face = |n: u64| Face {
        track: TrackId(n),
        bbox: BoxPx { x: 220 + 80 * n as i32, y: 300, w: 60, h: 80 },
        good_quality: true,
        masked: false,
        match_: Some(MatchScore {
            best: Some(PersonId::new(&format!("person-{n}"))),
            score_ppm: 640_000,
            second_ppm: 150_000,
            relevant: (0..people.min(16))
                .map(|p| PersonScore {
                    person: PersonId::new(&format!("person-{p}")),
                    score_ppm: 120_000,
                })
                .collect(),
        }),
        liveness: Liveness::Live,
    };
    Observation { faces: (0..people).map(face).collect(), patients: 1, ..Observation::default() }
}

/// Nanoseconds per call of both, each the best of nine runs; they take turns, so that a busy
/// machine hits both alike.
fn best(mut one: impl FnMut(), mut other: impl FnMut()) -> (u64, u64) {
    let time = |run: &mut dyn FnMut()| {
        let begin = Instant::now();
        run();
        begin.elapsed().as_nanos() as u64 / COUNT
    };
    let times: Vec<(u64, u64)> = (0..9).map(|_| (time(&mut one), time(&mut other))).collect();
    (
        times.iter().map(|t| t.0).min().unwrap().max(1),
        times.iter().map(|t| t.1).min().unwrap().max(1),
    )
}

/// A figure and whether it holds; what is only reported always does.
struct Line {
    name: String,
    target: String,
    figure: String,
    holds: bool,
}

fn at_most(name: String, limit: f64, figure: f64, unit: &str) -> Line {
    let holds = figure <= limit;
    Line { name, target: format!("≤ {limit}{unit}"), figure: format!("{figure:.2}{unit}"), holds }
}

fn measure(people: u64, aim_us: f64) -> [Line; 3] {
    let seen = observation(people);
    let (observe, serialise) = best(
        || {
            let mut engine = engine(people);
            for n in 0..COUNT {
                black_box(engine.observe(moment(n * 200), black_box(&seen)));
            }
        },
        || {
            for _ in 0..COUNT {
                black_box(serde_json::to_vec(black_box(&seen)).unwrap());
            }
        },
    );
    let (observe_ns, serialise_ns) = (observe as f64, serialise as f64);
    let room_days = 1e9 / observe_ns / (5.0 * 86_400.0);
    [
        at_most(
            format!("observe ÷ serialising the same, {people} people"),
            1.0,
            observe_ns / serialise_ns,
            "",
        ),
        at_most(format!("observe, {people} people"), aim_us, observe_ns / 1_000.0, " µs"),
        Line {
            name: format!("room-days per core-second at 5 observations a second, {people} people"),
            target: "reported".to_owned(),
            figure: format!("{room_days:.1}"),
            holds: true,
        },
    ]
}

/// `--looks PEOPLE COUNT`: nothing but that.
fn looks_alone() -> Option<()> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--looks").skip(1);
    let mut number = || arguments.next()?.parse::<u64>().ok();
    let (people, count) = (number()?, number()?);
    let (mut engine, seen) = (engine(people), observation(people));
    // There are no such files: that they are asked for is the mark of `scripts/bench-instructions`.
    let marked = |what| black_box(std::fs::exists(format!("/counted/looks/{what}")).is_ok());
    looks(&mut engine, &seen, 0..WARM);
    marked("begins");
    counted_looks(&mut engine, &seen, WARM..WARM + count);
    marked("ends");
    Some(())
}

/// Looks before those that are counted.
const WARM: u64 = 500;

fn looks(engine: &mut Engine, seen: &Observation, which: Range<u64>) {
    for n in which {
        black_box(engine.observe(moment(n * 200), black_box(seen)));
    }
}

#[inline(never)]
fn counted_looks(engine: &mut Engine, seen: &Observation, which: Range<u64>) {
    looks(engine, seen, which);
}

fn main() -> std::process::ExitCode {
    if looks_alone().is_some() {
        return std::process::ExitCode::SUCCESS;
    }
    let lines: Vec<Line> =
        [(3, 5.0), (10, 20.0)].into_iter().flat_map(|(n, aim_us)| measure(n, aim_us)).collect();
    if std::env::args().any(|arg| arg == "--json") {
        let row = |l: &Line| {
            serde_json::json!(
            {"name": l.name, "target": l.target, "figure": l.figure, "holds": l.holds})
        };
        println!("{}", serde_json::Value::from(lines.iter().map(row).collect::<Vec<_>>()));
    } else {
        for l in &lines {
            println!(
                "{} · {} · {} · {}",
                l.name,
                l.target,
                l.figure,
                if l.holds { "holds" } else { "falls short" }
            );
        }
    }
    u8::from(lines.iter().any(|l| !l.holds)).into()
}
