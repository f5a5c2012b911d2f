//! The arguments of `evaluate` and `calibrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    degrade::Degrade,
    identify::{Fusion, Templates},
    sample::Treatment,
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
    /// Pairs of folders that may show one person: a CSV `a,b,cosine` to look through and to give
    /// to --same-people. It names folders.
    Doubles(DoublesArgs),
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
    /// Embed the mirrored face too and take the mean (twice the time).
    #[arg(long)]
    pub flip: bool,
    /// Seed of everything that is drawn.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Masks on the probes.
#[derive(Debug, Args)]
pub struct Masks {
    /// Draw a mask over the face by its landmarks.
    #[arg(long)]
    pub draw_mask: bool,
    /// Run the mask flag, as the box does: faces that wear a mask are embedded and judged as
    /// masked ones. Without it photographs count as bare; drawn masks always run it.
    #[arg(long)]
    pub mask_flag: bool,
}

impl Treat {
    pub(super) fn treatment(&self, masks: Option<&Masks>) -> Treatment {
        let draw_mask = masks.is_some_and(|masks| masks.draw_mask);
        Treatment {
            degrade: self.degrade,
            draw_mask,
            seed: self.seed,
            flip: self.flip,
            mask_flag: draw_mask || masks.is_some_and(|masks| masks.mask_flag),
        }
    }
}

/// Whose photographs are measured.
#[derive(Debug, Args)]
pub struct MeasuredArgs {
    /// Folder of people, one folder a person; may be given again, people of the same name are one.
    #[arg(long, required = true)]
    pub gallery: Vec<PathBuf>,
    /// Demographic groups: a CSV `person,group`, or a plain list of the people of one group.
    /// `identify` measures each by itself beside a control of equal size, `evidence` measures
    /// nobody else.
    #[arg(long, visible_alias = "cohort-file")]
    pub groups: Option<PathBuf>,
    /// CSV `a,b` of folders that show one person, as `evaluate doubles` proposes it.
    #[arg(long)]
    pub same_people: Option<PathBuf>,
}

/// `evaluate doubles`
#[derive(Debug, Args)]
pub struct DoublesArgs {
    #[command(flatten)]
    pub common: Common,
    /// Folder of people, one folder a person; may be given again.
    #[arg(long, required = true)]
    pub gallery: Vec<PathBuf>,
}

/// `evaluate verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub common: Common,
    #[command(flatten)]
    pub treat: Treat,
    #[command(flatten)]
    pub masks: Masks,
    /// Folder of photographs, one folder a person.
    #[arg(long)]
    pub images: PathBuf,
    /// CSV `a,b,same`, with or without a header; paths under --images.
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
    #[command(flatten)]
    pub masks: Masks,
    #[command(flatten)]
    pub who: MeasuredArgs,
    /// Divide the people in two by this seed: the cohort is drawn from one half (of the people
    /// named, where there are groups), and the other half is measured. Without it the pack's own
    /// cohort is used, which may have been made of the very people measured. Several seeds divided
    /// by commas give a list of reports.
    #[arg(long, value_name = "SEED", value_delimiter = ',', conflicts_with = "no_cohort")]
    pub hold_out: Vec<u64>,
    /// Enrolment photographs a person, 1-10.
    #[arg(long, default_value_t = 3)]
    pub enrol: usize,
    /// People in the gallery; several sizes divided by commas give a list of reports.
    #[arg(long, default_value = "50", value_delimiter = ',')]
    pub people: Vec<usize>,
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
    #[command(flatten)]
    pub who: MeasuredArgs,
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
    /// CSV `path,live|print|replay|mask[:note][,source]`; paths beside the CSV unless absolute. A
    /// folder of frames is a track.
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
