//! The arguments of `evaluate` and `calibrate`, and their reports as text, JSON, SVG or TOML.
//! Its errors are for people at a terminal, hence `anyhow`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use vision::{
    PackSpec, Rivals,
    pack::{Manifest, Search},
};

use crate::{
    calibrate,
    degrade::Degrade,
    det, evidence,
    groups::Groups,
    identify::{self, Fusion, Templates},
    liveness,
    sample::Treatment,
    verify,
};

/// Measure recognition on your own people (ISO/IEC 19795-1, 30107-3).
#[derive(Debug, Subcommand)]
pub enum Evaluate {
    /// One to one: failure to acquire, accuracy, EER, TAR at FMR 1e-2 to 1e-5.
    Verify(VerifyArgs),
    /// Open set, one to many: FNIR at FPIR, per image and per track of several frames.
    Identify(IdentifyArgs),
    /// Presentation attacks on pictures and tracks: APCER by species, BPCER.
    Liveness(LivenessArgs),
    /// What a score is worth for and against a person: the curves of a pack's manifest, bare and
    /// masked, of good and poor looks.
    Evidence(EvidenceArgs),
}

/// What every evaluation takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Model pack.
    #[arg(long, default_value = "real")]
    pub pack: String,
    /// Folder of model files, before all others.
    #[arg(long)]
    pub models: Option<PathBuf>,
    /// Worker threads, 1-64.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

/// What is done to the photographs first.
#[derive(Debug, Args)]
pub struct Treat {
    /// A room camera's picture: the face 48 or 32 px wide, motion blur, other light, noise, JPEG
    /// 60; or `sensor`, a poor camera: defocus, darkness, noise, JPEG 45-75.
    #[arg(long)]
    pub degrade: Option<Degrade>,
    /// Draw a mask over the face by its landmarks.
    #[arg(long)]
    pub draw_mask: bool,
    /// Embed the mirrored face too and take the mean (twice the time).
    #[arg(long)]
    pub flip: bool,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Treat {
    fn treatment(&self) -> Treatment {
        Treatment {
            degrade: self.degrade,
            draw_mask: self.draw_mask,
            seed: self.seed,
            flip: self.flip,
            // As on the box: whose thresholds count, the flag says. Bare faces cost half as much
            // without it.
            mask_flag: self.draw_mask,
        }
    }
}

/// `evaluate verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub treat: Treat,
    /// Folder of photographs, one folder a person.
    #[arg(long)]
    pub images: PathBuf,
    /// CSV `a,b,same` with a header; paths under --images.
    #[arg(long, required_unless_present = "all_pairs", conflicts_with = "all_pairs")]
    pub pairs: Option<PathBuf>,
    /// Compare every photograph with every other.
    #[arg(long)]
    pub all_pairs: bool,
    /// Write the DET curve here.
    #[arg(long)]
    pub svg: Option<PathBuf>,
}

/// `evaluate identify`
#[derive(Debug, Args)]
pub struct IdentifyArgs {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub treat: Treat,
    /// Folder of people, one folder a person; may be given again, people of the same name are one.
    #[arg(long, required = true)]
    pub gallery: Vec<PathBuf>,
    /// Demographic groups, each measured by itself beside a control of equal size: a CSV
    /// `person,group`, or a plain list of the people of one group.
    #[arg(long, visible_alias = "cohort-file")]
    pub groups: Option<PathBuf>,
    /// Enrolment photographs a person, 1-10.
    #[arg(long, default_value_t = 3)]
    pub enrol: usize,
    /// People in the gallery.
    #[arg(long, default_value_t = 50)]
    pub people: usize,
    /// Galleries that are drawn.
    #[arg(long, default_value_t = 100)]
    pub trials: usize,
    /// Frames of a track.
    #[arg(long, default_value_t = 5)]
    pub track: usize,
    /// How a track's frames become one probe.
    #[arg(long, default_value = "track")]
    pub fusion: Fusion,
    /// How a person's templates become one score.
    #[arg(long, default_value = "mean")]
    pub templates: Templates,
    /// Hold scores against enrolled people alone, without the pack's cohort of rows that are
    /// nobody.
    #[arg(long)]
    pub no_cohort: bool,
    /// Share of the rivals' mean that is taken from a score, 0-1; default: the pack's.
    #[arg(long)]
    pub rivals: Option<f32>,
    /// Score below which every look of an UNMATCHED track lies, -1 to 1; default: the pack's.
    #[arg(long, allow_negative_numbers = true)]
    pub t_reject: Option<f32>,
}

/// `evaluate evidence`
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    #[command(flatten)]
    pub common: Common,
    /// Folder of people, one folder a person; may be given again.
    #[arg(long, required = true)]
    pub gallery: Vec<PathBuf>,
    /// Only the people of this list or CSV `person,group`.
    #[arg(long, visible_alias = "cohort-file")]
    pub groups: Option<PathBuf>,
    /// Galleries that are drawn, of 1 to 10 people.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub trials: u64,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `evaluate liveness`
#[derive(Debug, Args)]
pub struct LivenessArgs {
    #[command(flatten)]
    pub common: Common,
    /// CSV `path,live|print|replay|mask[,source]`; paths beside the CSV unless absolute. A folder
    /// of frames is a track.
    #[arg(long)]
    pub labels: PathBuf,
    /// The networks look at every n-th frame of a track.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub score_every: u16,
    /// A poorer camera: `sensor` (defocus, darkness, noise, JPEG 45-75), or a room camera as in
    /// `identify`.
    #[arg(long)]
    pub degrade: Option<Degrade>,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `calibrate`: choose thresholds for this clinic.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub treat: Treat,
    /// The clinic's people, one folder a person; who has two or more photographs is looked for,
    /// too.
    #[arg(long)]
    pub people: PathBuf,
    /// Strangers, one folder a person.
    #[arg(long)]
    pub cohort: Option<PathBuf>,
    /// Enrolment photographs a person, 1-10; the others are tracks.
    #[arg(long, default_value_t = 1)]
    pub enrol: usize,
    /// How often a stranger may be taken for somebody, 0-0.1.
    #[arg(long, default_value_t = 0.005)]
    pub fpir: f64,
    /// Write the thresholds here instead of printing them.
    #[arg(long)]
    pub out: Option<PathBuf>,
}

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
    }
}

/// Prints the section of the pack's manifest.
fn run_evidence(args: &EvidenceArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let spec = pack(&args.common)?;
    let groups = args.groups.as_deref().map(Groups::load).transpose()?;
    let drawn = evidence::Drawn { trials: args.trials, seed: args.seed };
    let threads = usize::from(args.common.threads);
    let report = evidence::run(&spec, &args.gallery, groups.as_ref(), drawn, threads)?;
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
    let treatment = args.treat.treatment();
    let asked = (args.enrol, args.fpir);
    let chosen =
        calibrate::run(&spec, &args.people, args.cohort.as_deref(), asked, treatment, threads)?;
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
    let treatment = args.treat.treatment();
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
    if args.enrol == 0 || args.people == 0 || args.trials == 0 || args.track == 0 {
        bail!("--enrol, --people, --trials and --track are at least 1");
    }
    let mut spec = pack(&args.common)?;
    if args.no_cohort {
        spec.cohort = Arc::default();
    }
    let mut thresholds = spec.thresholds;
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
    let plan = identify::Plan {
        enrol: args.enrol,
        people: args.people,
        trials: args.trials,
        track: args.track,
        fusion: args.fusion,
        templates: args.templates,
        thresholds,
        seed: args.treat.seed,
        per_image: true,
    };
    let threads = usize::from(args.common.threads);
    let groups = args.groups.as_deref().map(Groups::load).transpose()?;
    let report = identify::run(
        &spec,
        &args.gallery,
        groups.as_ref(),
        args.treat.treatment(),
        plan,
        threads,
    )?;
    print(&args.common, &report, out)
}

fn pack(common: &Common) -> anyhow::Result<PackSpec> {
    let search = Search::standard(common.models.as_deref());
    let manifest = Manifest::effective(&search)?;
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

fn write_lines(
    value: &serde_json::Value,
    depth: usize,
    out: &mut dyn Write,
) -> std::io::Result<()> {
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
