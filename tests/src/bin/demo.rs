//! `zaigang-demo`: one clinic morning on this machine. Starts the server and one box whose camera is a drawn scene,
//! prints the page's address and every alert as it comes. It decides nothing: what it prints is what the server holds.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use e2e::api::Event;
use e2e::morning::{self, Faces, Outcome, Playing, Settings, text};
use e2e::programs::root;

/// One clinic morning, end to end: camera, recognition, rules, outbox, MQTT, server, page.
#[derive(Debug, Parser)]
#[command(after_help = "Examples:\n  ./scripts/demo                 drawn faces; the page stays up until Ctrl-C\n  \
    ./scripts/demo --once          ends with the scene: exit 0 and a summary\n  \
    ./scripts/demo --real --once   real model pack, photographs of ../shared/data/lfw_dev")]
struct Args {
    /// Real model pack on photographs (looked for where `zaigang-agent models list` says).
    #[arg(long)]
    real: bool,
    /// Photographs for --real: one folder per person.
    #[arg(long, value_name = "FOLDER", default_value = "../shared/data/lfw_dev")]
    photos: PathBuf,
    /// End with the scene.
    #[arg(long)]
    once: bool,
    /// Who plays whom (--real), and the sensor noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Scene seconds in a real second; 0: as fast as this machine can.
    #[arg(long, default_value_t = 0)]
    speed: u32,
    /// Address of the page.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// Keep databases and logs here; a new temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    match play(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zaigang-demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn play(args: &Args) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("zaigang-demo-").tempdir()?;
    let folder = match &args.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            std::fs::canonicalize(folder)?
        }
        None => temporary.path().to_owned(),
    };
    let faces = if args.real {
        let folder = root().join(&args.photos);
        if !folder.is_dir() {
            bail!("no photographs at {}: give a folder with one folder per person by --photos", args.photos.display());
        }
        Faces::Photographs { folder }
    } else {
        Faces::Drawn
    };
    let (seed, speed, listen, once) = (args.seed, args.speed, args.listen.clone(), args.once);
    let settings = Settings { faces, seed, speed, listen, once, ..Settings::drawn_once() };

    let mut playing = morning::start(&folder, &settings, &mut |line| say(line))?;
    say(&format!("pack       {}", if args.real { "real" } else { "avatar pack: drawn faces only" }));
    say("liveness   waived: drawn and filed pictures have none; every finding says so");
    say(&format!("scene      {} ({} min of scene time)", playing.morning.title, playing.morning.duration_ms / 60_000));
    let heard = morning::listen(&playing.api, print_alert);
    if !args.once {
        return stay(&mut playing);
    }
    let outcome = playing.finish(&heard, Duration::from_mins(20))?;
    summarise(&playing, &outcome)
}

fn say(line: &str) {
    println!("{line}");
    // A reader that is gone does not stop the demo.
    let _ = std::io::stdout().flush();
}

fn print_alert(event: &Event) {
    let field = |name| text(&event.data, name);
    say(&format!(
        "alert      {} {:<18} {:<5} {:<12} raised {} (scene)",
        field("severity"),
        field("kind"),
        field("rule"),
        field("step"),
        field("raised_at"),
    ));
}

/// Until one of the programs ends or the user does.
fn stay(playing: &mut Playing) -> Result<()> {
    say("running    Ctrl-C ends it");
    loop {
        if let Some(status) = playing.server.ended()? {
            bail!("the server ended with {status}:\n{}", playing.server.log_tail());
        }
        if let Some(status) = playing.agent.ended()? {
            bail!("the box ended with {status}:\n{}", playing.agent.log_tail());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn summarise(playing: &Playing, outcome: &Outcome) -> Result<()> {
    let count = |name: &str| outcome.server[name].as_u64().unwrap_or(0);
    let kinds: Vec<_> = outcome.server["findings_by_kind"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, n)| n.as_u64() != Some(0))
        .map(|(kind, n)| format!("{kind} {n}"))
        .collect();
    let slowest = outcome.slowest()?;
    say(&format!(
        "summary    frames {} · faces {} · presences {} · findings {} · delivered {} · duplicates {} · {:.0} s",
        outcome.agent.frames,
        outcome.agent.faces,
        outcome.agent.presences,
        kinds.join(", "),
        outcome.agent.delivered,
        outcome.shown_twice(),
        outcome.played.as_secs_f64(),
    ));
    say(&format!("           slowest from the box's disk to the page: {} ms", slowest.as_millis()));
    let surprises = outcome.surprises(&playing.morning);
    if !surprises.is_empty() || outcome.shown_twice() > 0 || outcome.agent.pending > 0 || count("quarantined") > 0 {
        bail!("the morning did not come out as scripted:\n  {}", surprises.join("\n  "));
    }
    Ok(())
}
