//! What helps: every way of fusing frames, templates, rivals and cohort over the same samples, for
//! `docs/benchmarks.md` and the decision records. `cargo run --release -p evaluate --example matrix
//! -- PHOTOS_DIR [SEED]` prints Markdown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::{path::Path, sync::Arc};

use evaluate::{
    degrade::Degrade,
    identify::{self, Fusion, IdentificationPlan, Set, Templates},
    people,
    sample::Treatment,
};
use vision::{
    Embedding, Rivals, Thresholds,
    pack::{PackManifest, Search},
};

const THREADS: usize = 2;
const TRIALS: usize = 60;
const TRACK: usize = 5;

fn main() -> anyhow::Result<()> {
    vision::telemetry::begin_without();
    let folder = std::env::args()
        .nth(1)
        .ok_or_else(|| anyhow::anyhow!("usage: matrix PHOTOS_DIR [SEED]"))?;
    let seed = std::env::args().nth(2).map_or(Ok(1), |s| s.parse())?;
    let search = Search::standard(None);
    let spec = PackManifest::effective(&search)?.pack("real")?.locate(&search)?.spec();
    let everyone = people::scan(Path::new(&folder), TRACK)?;
    let plain = Treatment { seed, ..Treatment::default() };
    let clean = identify::samples(&spec, &everyone, plain, THREADS)?;
    println!(
        "| probes | enrol | frames | templates | rivals | cohort | FNIR@FPIR 1e-2 | 5e-3 | 1e-3 | \
        UNMATCHED | tracks |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut set =
        Set { probes: clean.clone(), enrolments: clean, cohort: Arc::default(), ..Set::default() };
    let cohort = &spec.cohort;
    table(&mut set, cohort, "clean", spec.thresholds, seed);
    for (name, treatment) in [
        ("clinic48", Treatment { degrade: Some(Degrade::Clinic48), ..plain }),
        ("clinic32", Treatment { degrade: Some(Degrade::Clinic32), ..plain }),
        ("mask drawn", Treatment { draw_mask: true, mask_flag: true, ..plain }),
    ] {
        set.probes = identify::samples(&spec, &everyone, treatment, THREADS)?;
        table(&mut set, cohort, name, spec.thresholds, seed);
    }
    Ok(())
}

fn percent(rate: Option<f64>) -> String {
    rate.map_or_else(|| "–".to_owned(), |rate| format!("{:.2} %", rate * 100.0))
}

/// (enrolled, fusion, templates, share of the rivals' mean in ppm, rivals, whether the pack's
/// cohort counts among them)
const VARIANTS: [(usize, Fusion, Templates, u32, u32, bool); 9] = [
    (3, Fusion::Mean, Templates::Mean, 0, 0, false),
    (3, Fusion::Quality, Templates::Mean, 0, 0, false),
    (3, Fusion::Scores, Templates::Mean, 0, 0, false),
    (3, Fusion::Mean, Templates::Best, 0, 0, false),
    (3, Fusion::Track, Templates::Mean, 850_000, 10, true),
    (3, Fusion::Mean, Templates::Mean, 500_000, 5, false),
    (3, Fusion::Track, Templates::Mean, 700_000, 10, false),
    (1, Fusion::Mean, Templates::Mean, 0, 0, false),
    (1, Fusion::Track, Templates::Mean, 850_000, 10, true),
];

fn table(set: &mut Set, cohort: &Arc<[Embedding]>, name: &str, thresholds: Thresholds, seed: u64) {
    for (enrol, fusion, templates, share_ppm, count, with_cohort) in VARIANTS {
        let rivals = Rivals { share_ppm, count, ..Rivals::NONE };
        let thresholds = Thresholds { rivals, ..thresholds };
        set.cohort = if with_cohort { Arc::clone(cohort) } else { Arc::default() };
        let plan = IdentificationPlan {
            enrol,
            people: 50,
            trials: TRIALS,
            track: TRACK,
            fusion,
            templates,
            thresholds,
            seed,
            per_image: false,
        };
        let report = identify::report(set, plan);
        let rates = &report.per_track.fnir_at_fpir;
        let cell = |rate: &str| match rates.get(rate) {
            Some(Some(at)) => format!("{} ({:.3})", percent(at.fnir), at.threshold),
            _ => "–".to_owned(),
        };
        println!(
            "| {name} | {enrol} | {fusion:?} | {templates:?} | {:.1}/{count} | {with_cohort} | {} \
            | {} | {} | {} | {} of {} people / {} of {} |",
            f64::from(share_ppm) / 1e6,
            cell("1e-2"),
            cell("5e-3"),
            cell("1e-3"),
            percent(report.registered_unmatched),
            report.per_track.mated_probes,
            report.per_track.mated_people,
            report.per_track.non_mated_probes,
            report.per_track.non_mated_people,
        );
    }
}
