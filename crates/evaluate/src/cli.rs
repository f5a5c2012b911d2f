//! Runs `evaluate` and `calibrate`, and prints their reports as text, JSON, CSV, SVG or TOML. Its
//! errors are for people at a terminal, hence `anyhow`.

mod args;

use std::{io::Write, path::Path, sync::Arc};

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;
use vision::{
    PackSpec, Rivals, Thresholds,
    pack::{PackManifest, Search},
};

pub use self::args::{
    CalibrateArgs, Common, DoublesArgs, Evaluate, EvidenceArgs, IdentifyArgs, LivenessArgs, Masks,
    MeasuredArgs, Treat, VerifyArgs,
};
use crate::{
    calibrate, det, doubles, evidence, groups::Groups, identify, liveness, people::SamePeople,
    verify,
};

/// Runs an evaluation and prints its report to `out`.
pub fn run(command: &Evaluate, out: &mut dyn Write) -> anyhow::Result<()> {
    match command {
        Evaluate::Verify(args) => run_verify(args, out),
        Evaluate::Identify(args) => run_identify(args, out),
        Evaluate::Evidence(args) => run_evidence(args, out),
        Evaluate::Liveness(args) => {
            let score_every = usize::from(args.score_every);
            let viewing = liveness::Viewing { score_every, degrade: args.degrade, seed: args.seed };
            let report = liveness::run(&pack(&args.common)?, &args.labels, viewing)?;
            print(&args.common, &report, out)
        }
        Evaluate::Doubles(args) => {
            let threads = usize::from(args.common.threads);
            let doubles = doubles::run(&pack(&args.common)?, &args.gallery, threads)?;
            if args.common.json {
                return print(&args.common, &doubles, out);
            }
            write!(out, "{}", doubles::csv(&doubles))?;
            Ok(())
        }
    }
}

/// The lists that belong to the people.
struct Lists {
    groups: Option<Groups>,
    same_people: Option<SamePeople>,
}

impl Lists {
    fn load(who: &MeasuredArgs) -> anyhow::Result<Self> {
        Ok(Self {
            groups: who.groups.as_deref().map(Groups::load).transpose()?,
            same_people: who.same_people.as_deref().map(SamePeople::load).transpose()?,
        })
    }

    fn asked<'a>(
        &'a self,
        who: &'a MeasuredArgs,
        hold_out: &'a [u64],
    ) -> identify::PhotoSelection<'a> {
        identify::PhotoSelection {
            folders: &who.gallery,
            groups: self.groups.as_ref(),
            same_people: self.same_people.as_ref(),
            hold_out,
        }
    }
}

/// Prints the section of the pack's manifest.
fn run_evidence(args: &EvidenceArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let spec = pack(&args.common)?;
    let lists = Lists::load(&args.who)?;
    let drawn = evidence::Drawn { trials: args.trials, seed: args.seed };
    let threads = usize::from(args.common.threads);
    let report = evidence::run(&spec, &lists.asked(&args.who, &[]), drawn, threads)?;
    if args.common.json {
        return print(&args.common, &report, out);
    }
    write!(out, "{}", report.manifest(&args.common.pack))?;
    Ok(())
}

/// Runs `calibrate` and writes or prints the thresholds as TOML.
pub fn run_calibrate(args: &CalibrateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let spec = pack(&args.common)?;
    let threads = usize::from(args.common.threads);
    let treatment = args.treat.treatment(None);
    let asked = calibrate::CalibrationRequest {
        people: &args.people,
        cohort: args.cohort.as_deref(),
        enrol: args.enrol,
        fpir: args.fpir,
    };
    let chosen = calibrate::run(&spec, asked, treatment, threads)?;
    if args.common.json {
        return print(&args.common, &chosen, out);
    }
    let text = toml::to_string_pretty(&chosen)?;
    match &args.out {
        None => write!(out, "{text}")?,
        Some(path) => save(path, &text)?,
    }
    Ok(())
}

fn run_verify(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let (spec, threads) = (pack(&args.common)?, usize::from(args.common.threads));
    let treatment = args.treat.treatment(Some(&args.masks));
    let report = match &args.pairs {
        Some(csv) => verify::pairs(&spec, &args.images, csv, treatment, threads)?,
        None => verify::all_pairs(&spec, &args.images, treatment, threads)?,
    };
    if let Some(path) = &args.svg {
        let title =
            format!("pack {}, {} people, {} pairs", report.pack, report.people, report.pairs);
        save(path, &det::svg(&title, &report.trade_off))?;
    }
    print(&args.common, &report, out)
}

fn run_identify(args: &IdentifyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.enrol == 0 || args.people.contains(&0) || args.trials == 0 || args.track == 0 {
        bail!("--enrol, --people, --trials and --track are at least 1");
    }
    let mut spec = pack(&args.common)?;
    if args.no_cohort {
        spec.cohort = Arc::default();
    }
    let thresholds = thresholds(args, spec.thresholds);
    let plan = |people: &usize| identify::IdentificationPlan {
        enrol: args.enrol,
        people: *people,
        trials: args.trials,
        track: args.track,
        fusion: args.fusion,
        templates: args.templates,
        thresholds,
        seed: args.treat.seed,
        per_image: true,
    };
    let plans: Vec<_> = args.people.iter().map(plan).collect();
    let threads = usize::from(args.common.threads);
    let lists = Lists::load(&args.who)?;
    let asked = lists.asked(&args.who, &args.hold_out);
    let treatment = args.treat.treatment(Some(&args.masks));
    let reports = identify::run(&spec, &asked, treatment, &plans, threads)?;
    match &reports[..] {
        [report] => print(&args.common, report, out),
        reports => print(&args.common, &reports, out),
    }
}

/// The pack's, where nothing else was asked for.
fn thresholds(args: &IdentifyArgs, mut thresholds: Thresholds) -> Thresholds {
    if let Some(share) = args.rivals {
        let count =
            if thresholds.rivals.count == 0 { Rivals::REAL.count } else { thresholds.rivals.count };
        thresholds.rivals =
            Rivals { share_ppm: (share.clamp(0.0, 1.0) * 1e6) as u32, count, ..thresholds.rivals };
    }
    if let Some(t_reject) = args.t_reject {
        let ppm = (t_reject * 1e6) as i32;
        (thresholds.t_reject_ppm, thresholds.masked_t_reject_ppm) = (ppm, ppm);
    }
    thresholds
}

fn pack(common: &Common) -> anyhow::Result<PackSpec> {
    let search = Search::standard(common.models.as_deref());
    let manifest = PackManifest::effective(&search)?;
    Ok(manifest.pack(&common.pack)?.locate(&search)?.spec())
}

fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

/// JSON as it is, or the same as indented `key: value` lines.
fn print(common: &Common, report: &impl Serialize, out: &mut dyn Write) -> anyhow::Result<()> {
    let value = serde_json::to_value(report)?;
    if common.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    } else {
        write_lines(&value, 0, out)?;
    }
    Ok(())
}

fn write_lines(value: &Value, depth: usize, out: &mut dyn Write) -> std::io::Result<()> {
    if let Some(list) = value.as_array().filter(|list| list.iter().all(Value::is_object)) {
        return list.iter().try_for_each(|value| {
            write_lines(value, depth, out)?;
            writeln!(out)
        });
    }
    let Some(object) = value.as_object() else { return writeln!(out, "{:depth$}{value}", "") };
    for (key, value) in object {
        if value.is_object() {
            writeln!(out, "{:depth$}{key}:", "")?;
            write_lines(value, depth + 2, out)?;
        } else {
            writeln!(out, "{:depth$}{key}: {value}", "")?;
        }
    }
    Ok(())
}
