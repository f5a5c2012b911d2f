//! `zaigang-simulate`: tries the decision core on random clinic days and prints, target by target,
//! what holds. Exit status 1 when a target falls short. It talks to nobody and writes nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use clinic_sim::ErrorModel;
use clinic_sim::scene::{LAWFUL, SceneTruth};
use presence::Policy;
use simulate::{
    ProfileScore, SimulationTarget, absence_target, diary, months, months_targets, profile,
    profile_targets, run, scene_diary, targets,
};

/// Tries the rules on random lawful and unlawful clinic days with known truth, through an error
/// model of recognition.
///
/// With `--profile calm`, `busy` or `rough` it plays a catalogue of scenes under that noise
/// instead: offences, lawful scenes that must stay quiet, and ways past the rules that must not
/// stay silent. Example: `simulate --profile rough --explain`.
#[derive(Debug, Parser)]
#[command(name = "zaigang-simulate", version)]
struct Args {
    /// How badly the camera sees: `own` (random days), `calm`, `busy` or `rough` (the catalogue of
    /// scenes). May be a list.
    #[arg(long, value_delimiter = ',', default_value = "own")]
    profile: Vec<String>,
    /// With another profile than `own`: only scenes whose name holds this.
    #[arg(long)]
    scene: Option<String>,
    /// How many sessions, shared evenly by the FNIR levels, or by the scenes of a profile.
    #[arg(long, default_value_t = 10_000)]
    sessions: u64,
    /// Seed: the same seed gives the same figures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Levels of FNIR (0..1), instead of the model's own.
    #[arg(long, value_delimiter = ',', default_value = "0.005,0.02,0.10")]
    fnir: Vec<f64>,
    /// A TOML file with the parameters of the error model, instead of the bundled one.
    #[arg(long)]
    model: Option<PathBuf>,
    /// A policy setting, NAME=VALUE; may be given again.
    #[arg(long = "set")]
    settings: Vec<String>,
    /// With another profile than `own`: the engine is told no scores of the relevant people and no
    /// likeness of tracks, as by a box of before.
    #[arg(long)]
    plain_input: bool,
    /// With another profile than `own`: play so many lawful sessions, each scene as often, and
    /// count how often a lead who is there is called absent; asks for some 3,500 to hold at all.
    #[arg(long, value_name = "SESSIONS")]
    absence: Option<u64>,
    /// With another profile than `own`: play clinics with a habit that one session cannot show, and
    /// honest ones, over so many months, and count how many the server's HB-5 names.
    #[arg(long, value_name = "MONTHS", conflicts_with = "absence")]
    months: Option<u32>,
    /// With `--months`: play so many seeds, beginning at `--seed`, and add them up.
    #[arg(long, default_value_t = 1, requires = "months",
        value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Print JSON instead of lines.
    #[arg(long)]
    json: bool,
    /// Also print where false incidents and abstentions arose.
    #[arg(long)]
    explain: bool,
    /// Print the diary of one day (its number stands in the lines of --explain) at the first FNIR
    /// level, and stop.
    #[arg(long)]
    day: Option<u64>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut model = match &args.model {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            ErrorModel::parse(&text)
                .with_context(|| format!("{}: not an error model", path.display()))?
        }
        None => ErrorModel::bundled()?,
    };
    let mut policy = Policy::default();
    for setting in &args.settings {
        let (name, value) =
            setting.split_once('=').with_context(|| format!("--set {setting}: give NAME=VALUE"))?;
        policy.set(
            name,
            value
                .parse()
                .with_context(|| format!("--set {setting}: the value is a whole number"))?,
        )?;
    }
    if args.profile.iter().all(|name| name == "own") {
        own(&args, &mut model, &policy)
    } else {
        scenes(&args, &model, &policy)
    }
}

/// Random days at each level of FNIR.
fn own(args: &Args, model: &mut ErrorModel, policy: &Policy) -> anyhow::Result<ExitCode> {
    if let Some(number) = args.day {
        model.identity.fnir = args.fnir.first().copied().unwrap_or(model.identity.fnir);
        print!("{}", diary(model, policy, args.seed, number));
        return Ok(ExitCode::SUCCESS);
    }
    let each = args.sessions.div_ceil(args.fnir.len().max(1) as u64);
    let mut all = Vec::new();
    for &fnir in &args.fnir {
        model.identity.fnir = fnir;
        let score = run(model, policy, each, args.seed);
        if args.explain {
            explain(fnir, &score);
        }
        all.extend(targets(fnir, &score));
    }
    print_targets(args.json, &all)
}

/// The catalogue of scenes under each profile.
fn scenes(args: &Args, model: &ErrorModel, policy: &Policy) -> anyhow::Result<ExitCode> {
    /// Scenes in the catalogue, about: `--sessions` is shared by them.
    const SCENES: u64 = 76;
    let (profiles, weights) = (clinic_sim::profiles()?, clinic_sim::weights()?);
    let mut all = Vec::new();
    for name in &args.profile {
        let noise = profiles.get(name).with_context(|| {
            let names: Vec<&str> = profiles.keys().map(String::as_str).collect();
            format!("--profile {name}: there are own, {}", names.join(", "))
        })?;
        if let Some(number) = args.day {
            let scene = args.scene.as_deref().context("--day with a profile: say which --scene")?;
            print!("{}", scene_diary(noise, model, policy, args.seed, scene, number));
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(number) = args.months {
            let seeds = args.seed..args.seed + args.seeds;
            let scores = months(noise, model, policy, number, seeds, &weights);
            all.extend(months_targets(name, &scores));
            continue;
        }
        let named = |scene: &str| args.scene.as_deref().is_none_or(|only| scene.contains(only));
        let play = |each: u64, truth: Option<SceneTruth>| {
            let chosen =
                |of: SceneTruth, scene: &str| truth.is_none_or(|only| only == of) && named(scene);
            profile(noise, model, policy, each, args.seed, chosen, args.plain_input)
        };
        if let Some(sessions) = args.absence {
            let score = play(sessions.div_ceil(LAWFUL.len() as u64), Some(SceneTruth::Lawful));
            if args.explain {
                explain_scenes(&score);
            }
            all.push(absence_target(name, &score));
            continue;
        }
        let score = play(args.sessions.div_ceil(SCENES), None);
        if args.explain {
            explain_scenes(&score);
        }
        all.extend(profile_targets(name, &score, &weights));
    }
    print_targets(args.json, &all)
}

fn explain_scenes(score: &ProfileScore) {
    for ((_, scene), s) in &score.scenes {
        eprintln!("{scene}: {} played", s.played);
        for (why, numbers) in &s.why {
            let first: Vec<String> = numbers.iter().take(6).map(u64::to_string).collect();
            eprintln!("  {:4} {why} · --day {}", numbers.len(), first.join(" "));
        }
    }
}

fn print_targets(json: bool, all: &[SimulationTarget]) -> anyhow::Result<ExitCode> {
    if json {
        let rows: Vec<_> = all
            .iter()
            .map(|t| {
                serde_json::json!(
                {"name": t.name, "target": t.target, "figure": t.figure, "holds": t.holds})
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        for t in all {
            println!(
                "{} · {} · {} · {}",
                t.name,
                t.target,
                t.figure,
                if t.holds { "holds" } else { "falls short" }
            );
        }
    }
    Ok(if all.iter().all(|t| t.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn explain(fnir: f64, score: &simulate::Score) {
    eprintln!(
        "FNIR {fnir}: {} sessions, {} findings of L2+ taken back by later facts",
        score.sessions, score.taken_back
    );
    for ((rule, story), n) in &score.false_by {
        eprintln!("  false {rule} in \"{story}\": {n}");
    }
    for ((why, story), n) in &score.abstained_by {
        eprintln!("  {why}, in \"{story}\": {n}");
    }
    for note in &score.notes {
        eprintln!("  {note}");
    }
}
