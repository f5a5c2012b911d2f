//! `zaigang-endurance`: the real box on the scene camera, at full speed, for a million frames,
//! against a real server. What it adds to its memory, files, handles and threads after the first
//! tenth, and whether every count of one side is the other's. It reads `/proc` and both programs'
//! own counters; it decides nothing and injects nothing.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use e2e::morning::{self, MorningOutcome, MorningSettings};
use scene::Morning;
use serde::Serialize;

/// Frames in a second of scene time: the most that the scene camera gives.
const FRAME_RATE: u32 = 60;
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What the allocator's own pages come and go by.
const MOST_ADDED_KIB: i64 = 4 * 1024;

/// The box on the scene camera at full speed: no growth of memory, files or handles, and counters
/// that add up.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Frames at least; the scene is played as often as that takes.
    #[arg(long, default_value_t = 1_000_000,
        value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    frames: u64,
    /// Frames in a row that show one picture: drawing one costs four times what the box takes to
    /// look at one.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    still: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the kernel says of the box, and what stands in its folder.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Look {
    resident_kib: u64,
    handles: u64,
    threads: u64,
    files: u64,
}

#[derive(Debug, Serialize)]
struct Line {
    name: &'static str,
    target: String,
    figure: String,
    holds: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("zaigang-endurance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    let folder = tempfile::Builder::new().prefix("zaigang-endurance-").tempdir()?;
    let round_ms = Morning::bundled()?.duration_ms + 1;
    let rounds = (args.frames * 1_000).div_ceil(u64::from(FRAME_RATE) * round_ms);
    let shown = (rounds * round_ms * u64::from(FRAME_RATE)).div_ceil(1_000);
    let settings = MorningSettings {
        seed: args.seed,
        frame_rate: FRAME_RATE,
        still: args.still,
        rounds,
        log_level: "warn".to_owned(),
        ..MorningSettings::drawn_once()
    };
    let mut playing = morning::start(folder.path(), &settings, &mut |_| ())?;
    let heard = morning::listen(&playing.api, |_| ());
    let state = folder.path().join("agent-state");
    let mut looks = Vec::new();
    while playing.agent.ended()?.is_none() {
        looks.extend(look(playing.agent.id(), &state).ok());
        std::thread::sleep(LOOK_EVERY);
    }
    let outcome = playing.finish(&heard, Duration::from_mins(1))?;
    let lines = verdicts(&looks, shown, &outcome)?;
    print(args, &lines)?;
    Ok(lines.iter().all(|line| line.holds))
}

/// An error where the box has just ended.
fn look(pid: u32, state: &Path) -> Result<Look> {
    let of = |name: &str| format!("/proc/{pid}/{name}");
    let status = fs::read_to_string(of("status"))?;
    let resident = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(Look {
        resident_kib: resident.trim().trim_end_matches("kB").trim().parse()?,
        handles: fs::read_dir(of("fd"))?.count() as u64,
        threads: fs::read_dir(of("task"))?.count() as u64,
        files: files_in(state)?,
    })
}

fn files_in(folder: &Path) -> Result<u64> {
    let mut files = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files += if entry.file_type()?.is_dir() { files_in(&entry.path())? } else { 1 };
    }
    Ok(files)
}

fn verdicts(looks: &[Look], shown: u64, outcome: &MorningOutcome) -> Result<Vec<Line>> {
    let warm = looks.len() / 10;
    if looks[warm..].len() < 3 {
        bail!(
            "the box ended before it was looked at three times after the warm-up: take more \
            --frames"
        );
    }
    let most = |of: fn(&Look) -> u64, looks: &[Look]| looks.iter().map(of).max().unwrap_or(0);
    // A tenth each: what is held in one moment and not in the next is no growth.
    let first = &looks[warm..(2 * warm).max(warm + 1)];
    let end = &looks[looks.len() - first.len()..];
    let added = |of: fn(&Look) -> u64| most(of, end) as i64 - most(of, first) as i64;
    let count = |name: &str| outcome.server[name].as_u64().unwrap_or(u64::MAX);
    let agent = &outcome.agent;
    let at_most = |name, figure: i64, most: i64, unit: &str| Line {
        name,
        target: format!("<= {most}{unit}"),
        figure: format!("{figure}{unit}"),
        holds: figure <= most,
    };
    let equal = |name, one: u64, other: u64| Line {
        name,
        target: "the same".to_owned(),
        figure: format!("{one} and {other}"),
        holds: one == other,
    };
    Ok(vec![
        at_most(
            "resident memory added from the second tenth to the last",
            added(|l| l.resident_kib),
            MOST_ADDED_KIB,
            " KiB",
        ),
        at_most("handles added", added(|l| l.handles), 0, ""),
        at_most("threads added", added(|l| l.threads), 0, ""),
        at_most("files added in the box's folder", added(|l| l.files), 0, ""),
        equal("frames that the scene showed, and that the box counted", shown, agent.frames),
        at_most(
            "frames dropped or skipped",
            (agent.frames_dropped + agent.frames_skipped) as i64,
            0,
            "",
        ),
        equal(
            "steps of findings: raised, and stored",
            agent.finding_steps,
            count("finding_steps_stored"),
        ),
        equal("messages: receipted, and stored", agent.delivered, count("messages_stored")),
        at_most(
            "messages that wait, were given up, or stand in quarantine",
            (agent.pending + agent.dropped + count("quarantined")) as i64,
            0,
            "",
        ),
    ])
}

fn print(args: &Args, lines: &[Line]) -> Result<()> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(lines)?);
        return Ok(());
    }
    for line in lines {
        let verdict = if line.holds { "holds" } else { "falls short" };
        println!("{} · {} · {} · {verdict}", line.name, line.target, line.figure);
    }
    Ok(())
}
