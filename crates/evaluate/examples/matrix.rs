//! What helps: every way of fusing frames, templates and cohort over the same samples, for `docs/benchmarks.md` and the
//! decision records. `cargo run -p evaluate --example matrix -- PHOTOS_DIR` prints Markdown.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects, and stops there")]

use std::{mem::take, path::Path};

use evaluate::{
    degrade::Degrade,
    identify::{self, Fusion, Plan, Set, Templates},
    people,
    sample::Treatment,
};
use vision::pack::{Manifest, Search};

const THREADS: usize = 2;
const TRIALS: usize = 200;
const TRACK: usize = 5;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: matrix PHOTOS_DIR"))?;
    let search = Search::standard(None);
    let spec = Manifest::effective(&search)?.pack("real")?.locate(&search)?.spec();
    let everyone = people::scan(Path::new(&folder), TRACK)?;
    let plain = Treatment { seed: 1, ..Treatment::default() };
    let clean = identify::samples(&spec, &everyone, plain, THREADS)?;
    println!("| probes | enrol | frames | templates | cohort | FNIR@FPIR 1e-2 | 5e-3 | 1e-3 | unmatched | tracks |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut set = Set { probes: clean.clone(), enrolments: clean };
    table(&set, "clean");
    for (name, treatment) in [
        ("clinic48", Treatment { degrade: Some(Degrade::Clinic48), ..plain }),
        ("clinic32", Treatment { degrade: Some(Degrade::Clinic32), ..plain }),
        ("mask drawn", Treatment { draw_mask: true, ..plain }),
    ] {
        set.probes = identify::samples(&spec, &everyone, treatment, THREADS)?;
        table(&set, name);
    }
    let flipped = Treatment { flip: true, ..plain };
    set.enrolments = identify::samples(&spec, &everyone, flipped, THREADS)?;
    let small = Treatment { degrade: Some(Degrade::Clinic48), ..flipped };
    drop(take(&mut set.probes));
    set.probes = identify::samples(&spec, &everyone, small, THREADS)?;
    table(&set, "clinic48, flip");
    Ok(())
}

fn table(set: &Set, name: &str) {
    for (enrol, fusion, templates, cohort) in [
        (3, Fusion::Mean, Templates::Mean, 0),
        (3, Fusion::Quality, Templates::Mean, 0),
        (3, Fusion::Mean, Templates::Best, 0),
        (3, Fusion::Quality, Templates::Best, 0),
        (3, Fusion::Quality, Templates::Mean, 50),
        (1, Fusion::Mean, Templates::Best, 0),
        (1, Fusion::Quality, Templates::Best, 0),
        (1, Fusion::Quality, Templates::Best, 50),
    ] {
        let t_reject = if name.starts_with("mask") { 0.15 } else { 0.33 };
        let plan =
            Plan { enrol, people: 50, trials: TRIALS, track: TRACK, fusion, templates, cohort, t_reject, seed: 1 };
        let report = identify::report(set, plan);
        let rates = &report.per_track.fnir_at_fpir;
        let cell = |rate: &str| match rates.get(rate) {
            Some(Some(at)) => format!("{:.2} % ({:.3})", at.fnir * 100.0, at.threshold),
            _ => "–".to_owned(),
        };
        println!(
            "| {name} | {enrol} | {fusion:?} | {templates:?} | {cohort} | {} | {} | {} | {:.2} % | {} of {} people / {} of {} |",
            cell("1e-2"),
            cell("5e-3"),
            cell("1e-3"),
            report.registered_unmatched * 100.0,
            report.per_track.mated_probes,
            report.per_track.mated_people,
            report.per_track.non_mated_probes,
            report.per_track.non_mated_people,
        );
    }
}
