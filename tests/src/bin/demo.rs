//! `zaigang-demo`: one clinic morning on this machine. Starts the server and one box whose camera
//! is a drawn scene, prints the page's address and every alert as it comes. The work is in
//! `e2e::demo`; here stand its arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Parser, Subcommand};
#[cfg(feature = "own-camera")]
use e2e::camera_demo;
use e2e::demo::{self, instance, instance::FolderInUse, say, signals};
use e2e::morning::{Faces, MorningBroker, MorningSettings};
use e2e::programs::{self, root};

const EXAMPLES: &str = "\
Examples:
  ./scripts/demo                            drawn faces; the page stays up until Ctrl-C
  ./scripts/demo --once                     ends with the scene: a table of what was expected and \
  seen, 1 where they differ
  ./scripts/demo --once --script stranger   the shortest scene: half a minute
  ./scripts/demo --real --photos FOLDER     the real model pack on photographs of your own
  ./scripts/demo --camera /dev/video0       your own face: a page with what the box sees, and the \
  alerts that follow
  ./scripts/demo --camera demo:crowd        the same page with drawn people, without a camera
  ./scripts/demo clean                      ends and removes what a killed demonstration left

Several may run at once: each has a free port and a folder of its own.";

/// What belongs to the morning alone.
const NOT_BESIDE_A_CAMERA: [&str; 7] =
    ["real", "once", "keep", "script", "speed", "seed", "no_pictures"];

/// One clinic morning, end to end: camera, recognition, rules, outbox, MQTT, server, page.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Real model pack on photographs (looked for where `zaigang-agent models list` says)
    #[arg(long)]
    real: bool,
    /// Photographs for --real: one folder per person, six pictures or more of each practitioner
    #[arg(long, value_name = "FOLDER", default_value = "../shared/data/lfw_dev")]
    photos: PathBuf,
    /// What is played: `clinic_morning`, `stranger`, or the file of a scene
    #[arg(long, value_name = "SCENE", default_value = "clinic_morning")]
    script: String,
    /// End with the scene
    #[arg(long)]
    once: bool,
    /// Open no sealed picture in Chromium at the end of --once
    #[arg(long)]
    no_pictures: bool,
    /// Who plays whom (--real), and the sensor noise
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Your own face instead of the morning: /dev/video0, /dev/v4l/by-id/…,
    /// rtsp://[USER:PASSWORD@]HOST/PATH, a film (MP4, M4V, MOV with H.264; anything else where
    /// ffmpeg is installed), a folder of JPEG or PNG, or demo:crowd (drawn people)
    #[arg(long, value_name = "CAMERA", conflicts_with_all = NOT_BESIDE_A_CAMERA)]
    camera: Option<String>,
    /// Scene seconds in a real second; 0: as fast as this machine can
    #[arg(long, default_value_t = 0)]
    speed: u32,
    /// Address of the page; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// The broker between box and server; the server's own where it was built with one
    #[arg(long, conflicts_with = "camera")]
    broker: Option<MorningBroker>,
    /// Keep databases and logs here; a new temporary folder by default
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End and remove what a killed demonstration left; one that runs is left alone
    Clean,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Some(Command::Clean) => clean(),
        None if args.camera.is_some() => camera(&args),
        None => morning(&args),
    };
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("zaigang-demo: {error:#}");
    ExitCode::FAILURE
}

#[cfg(feature = "own-camera")]
fn camera(args: &Args) -> Result<()> {
    use anyhow::Context as _;

    let listen = args.listen.parse().with_context(|| format!("--listen {}", args.listen))?;
    let (camera, photos) = (args.camera.clone().unwrap_or_default(), root().join(&args.photos));
    camera_demo::run(&camera_demo::DemoSettings { camera, listen, photos }, &mut say)
}

#[cfg(not(feature = "own-camera"))]
fn camera(_: &Args) -> Result<()> {
    bail!(
        "this program was built for the morning alone; `./scripts/demo --camera …` builds the rest"
    )
}

fn clean() -> Result<()> {
    let lines = instance::clean()?;
    if lines.is_empty() {
        say("nothing was left");
    }
    for line in &lines {
        say(line);
    }
    Ok(())
}

fn morning(args: &Args) -> Result<()> {
    let (script, seed, speed, once) = (args.script.clone(), args.seed, args.speed, args.once);
    let mut settings = MorningSettings {
        faces: faces(args)?,
        script,
        seed,
        speed,
        listen: args.listen.clone(),
        once,
        ..MorningSettings::drawn_once()
    };
    // Before anything is started: what can not be played is one line.
    settings.morning()?;
    if args.real && !programs::has_pack("real")? {
        bail!(
            "--real needs the real pack, which is not on this machine: ./scripts/models fetch real"
        );
    }
    settings.broker = args.broker.map_or_else(MorningBroker::at_hand, Ok)?;
    if let Some(other) = instance::who_serves(&args.listen) {
        bail!("{} is served by {other}; end that one, or choose another --listen", args.listen);
    }
    let instance = FolderInUse::open(args.keep.as_deref())?;
    signals::end_at_the_first(instance.temporary())?;
    // Its folder stays until the signal's own end is over.
    demo::play(&instance, &settings, !args.no_pictures).inspect_err(|_| signals::wait_if_ending())
}

fn faces(args: &Args) -> Result<Faces> {
    if !args.real {
        return Ok(Faces::Drawn);
    }
    let folder = root().join(&args.photos);
    if !folder.is_dir() {
        bail!(
            "--real needs photographs, and {} is no folder: name one by --photos FOLDER, with one \
                folder per person (two \
             people are the least, six pictures of one of them; nineteen play the whole morning)",
            args.photos.display()
        );
    }
    Ok(Faces::Photographs { folder })
}
