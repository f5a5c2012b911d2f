//! `zaigang-agent bench`: how fast this board is, stage by stage, on a drawn scene, with everything
//! a reader needs to compare: processor, governor, temperature, ONNX Runtime. It prints only what
//! it measured, and sends nothing. Its subcommands measure what the project promised of scheduling,
//! memory and tracking.

mod crowd;
mod drawn_detection;
mod drawn_looks;
mod drawn_practitioners;
mod report;
mod schedule;
mod soak;
mod target;
mod tracks;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use presence::PersonId;
use vision::{Analyzer, FaceBox, Gallery, Picture, PixelOrder, Rect, Runtime, Template};

use crate::{board_heat::Heat, config, loaded::load_models};
use report::{BenchReport, Board, OnProvider, StageTiming, markdown};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent bench --config agent.toml                   a table in Markdown, ready to attach
  zaigang-agent bench --config agent.toml --json            for a script
  zaigang-agent bench --config agent.toml --out report.md   into a file, to attach
  zaigang-agent bench schedule --config agent.toml          what the scheduler saves on three \
  people at 15 frames a second
  zaigang-agent bench soak --config agent.toml              whether memory stays what it is over \
  100,000 frames
  zaigang-agent bench tracks                                whether identities stay with their \
  people, on 100 drawn episodes, and how long tracks last in drawn crowds
Stop the agent first: two programs share one processor. The figures hold for this board, this \
pack and these settings.";

/// How fast this board is, stage by stage.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// The configuration with pack, threads and detection size
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Runs of each stage that are measured, 10..10000; a tenth of them go before as a warm-up
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(10..=10_000))]
    runs: u32,
    /// People in the gallery that is searched
    #[arg(long, default_value_t = 200)]
    gallery: usize,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown (the default)
    #[arg(long)]
    markdown: bool,
    /// Write the report into this file instead
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What the scheduler saves on three people at 15 frames a second
    Schedule(schedule::Args),
    /// Whether memory stays what it is over many frames
    Soak(soak::Args),
    /// Whether identities stay with their people
    Tracks(tracks::Args),
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        match self.what {
            Some(What::Schedule(args)) => return args.run(),
            Some(What::Soak(args)) => return args.run(),
            Some(What::Tracks(args)) => return args.run(),
            None => {}
        }
        let Some(path) = &self.config else { anyhow::bail!("give the configuration by --config") };
        let config = config::load(path)?;
        let models = load_models(&config, self.models.as_deref())?;
        let providers = Runtime::init()?.providers();
        let before = (Heat::of_this_board().hottest_mc(), throttle_count());
        let (stages, frame_cpu_us) = measure(models.analyzer, self.runs as usize, self.gallery)?;
        let mut other_providers = Vec::new();
        for provider in providers.iter().filter(|name| **name != config.models.provider) {
            other_providers.push(self.on_provider(&config, provider));
        }
        let report = BenchReport {
            board: board(before, providers),
            pack: models.pack,
            threads: config.models.threads,
            detect_side_px: config.vision.detect_side_px,
            frame: format!("{}x{}, drawn", scene::room::WIDTH, scene::room::HEIGHT),
            frames_per_1000_s: rates(&stages),
            stages,
            other_providers,
            frame_cpu_us,
            rss_mib: rss_mib(),
        };
        let text =
            if self.json { serde_json::to_string(&report)? + "\n" } else { markdown(&report) };
        match &self.out {
            None => log_lines::say_text!("{text}"),
            Some(out) => {
                std::fs::write(out, text)
                    .map_err(|why| anyhow::anyhow!("--out {}: {why}", out.display()))?;
                log_lines::say!("written: {}", out.display());
            }
        }
        Ok(())
    }

    /// The networks on another provider; that it does not start is a line of the report, not the
    /// end of it.
    fn on_provider(&self, config: &config::Config, provider: &'static str) -> OnProvider {
        let mut other = config.clone();
        provider.clone_into(&mut other.models.provider);
        let measured = load_models(&other, self.models.as_deref())
            .and_then(|models| measure(models.analyzer, self.runs as usize, self.gallery));
        match measured {
            Ok((stages, _)) => {
                let networks = ["detect", "embed", "liveness", "mask"];
                let stages = stages.into_iter().filter(|s| networks.contains(&s.stage)).collect();
                OnProvider { provider, failed: None, stages }
            }
            Err(why) => OnProvider { provider, failed: Some(why.to_string()), stages: Vec::new() },
        }
    }
}

/// Ten minutes into the morning a doctor stands at the bed: one drawn face whose place is known.
const SCENE_MS: u64 = 600_000;

/// A frame of the morning, the same as JPEG, and the face that stands in it.
fn drawn_frame() -> anyhow::Result<(Picture, Vec<u8>, FaceBox)> {
    let mut scene = scene::Scene::drawn(scene::Morning::bundled()?, 1);
    let mut image = image::RgbImage::new(scene::room::WIDTH, scene::room::HEIGHT);
    let truths = scene.frame_at(SCENE_MS, &mut image);
    let Some(truth) = truths.first() else {
        anyhow::bail!("the scene is empty at its tenth minute")
    };
    let [x, y, width, height] = truth.face.bbox;
    let face =
        FaceBox { rect: Rect { x, y, width, height }, score: 0.9, landmarks: truth.face.points };
    let mut jpeg = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85).encode_image(&image)?;
    let (width, height) = image.dimensions();
    let picture = Picture::new(image.into_raw(), width, height, PixelOrder::Rgb)?;
    Ok((picture, jpeg, face))
}

fn measure(
    mut analyzer: Analyzer,
    runs: usize,
    people: usize,
) -> anyhow::Result<(Vec<StageTiming>, u64)> {
    let (picture, jpeg, face) = drawn_frame()?;
    let frame = picture.frame();

    let mut faces = Vec::new();
    let probe = analyzer.embed(frame, &face)?;
    let mut gallery = Gallery::new("bench", probe.len());
    for person in 0..people {
        gallery.insert(
            PersonId::new(&format!("p-{person}")),
            &Template::new("bench", probe.clone()),
        )?;
    }
    let (mut motion, mut decoded) = (crate::motion::Motion::new(0, 0), None);
    let mut stages = vec![
        stage("decode JPEG", runs, || {
            let buffer = decoded.take().map(Picture::into_data).unwrap_or_default();
            decoded = Some(Picture::decode_into(buffer, &jpeg)?);
            Ok(())
        })?,
        stage("motion", runs, || {
            motion.look(frame, 0);
            Ok(())
        })?,
        stage("detect", runs, || analyzer.detect_into(frame, &mut faces).map_err(Into::into))?,
        stage("quality", runs, || analyzer.assess(frame, &face).map(drop).map_err(Into::into))?,
        stage("embed", runs, || analyzer.embed(frame, &face).map(drop).map_err(Into::into))?,
    ];
    if analyzer.has_liveness() {
        stages.push(stage("liveness", runs, || {
            analyzer.liveness(frame, &face).map(drop).map_err(Into::into)
        })?);
    }
    if analyzer.masked(frame, &face)?.is_some() {
        stages.push(stage("mask", runs, || {
            analyzer.masked(frame, &face).map(drop).map_err(Into::into)
        })?);
    }
    stages.push(stage("search", runs, || {
        gallery.top2(&probe);
        Ok(())
    })?);
    let from = schedule::cpu_ns();
    for _ in 0..runs {
        let buffer = decoded.take().map(Picture::into_data).unwrap_or_default();
        let picture = decoded.insert(Picture::decode_into(buffer, &jpeg)?);
        motion.look(picture.frame(), 0);
        analyzer.detect_into(picture.frame(), &mut faces)?;
    }
    Ok((stages, (schedule::cpu_ns() - from) / 1000 / runs.max(1) as u64))
}

fn stage(
    name: &'static str,
    runs: usize,
    mut work: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<StageTiming> {
    for _ in 0..runs.div_ceil(10) {
        work()?;
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begun = Instant::now();
        work()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Ok(StageTiming { stage: name, median_us: us(at(50)), p95_us: us(at(95)), runs })
}

/// Each frame is decoded, gated and detected; each person is looked at once a second, which is what
/// an open identity costs.
fn rates(stages: &[StageTiming]) -> Vec<(usize, u64)> {
    let sum = |names: &[&str]| {
        stages.iter().filter(|s| names.contains(&s.stage)).map(|s| s.median_us).sum::<u64>()
    };
    let (frame_us, face_us) = (sum(&["decode JPEG", "motion", "detect"]).max(1), sum(&["quality"]));
    let look_us = sum(&["embed", "liveness", "mask", "search"]);
    [1_usize, 3, 5]
        .into_iter()
        .map(|people| {
            let left_us = 1_000_000_u64.saturating_sub(look_us * people as u64);
            (people, left_us * 1000 / (frame_us + face_us * people as u64))
        })
        .collect()
}

fn board(
    (temperature_before_mc, throttled_before): (Option<i32>, Option<u64>),
    providers: Vec<&'static str>,
) -> Board {
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .ok()
            .map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned())
    };
    let cpu = || {
        let info = read("/proc/cpuinfo")?;
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(": ")?.1.to_owned())
    };
    Board {
        name: read("/proc/device-tree/model")
            .or_else(cpu)
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
            .unwrap_or_else(|| "not shown".to_owned()),
        temperature_before_mc,
        temperature_after_mc: Heat::of_this_board().hottest_mc(),
        throttled: throttle_count()
            .zip(throttled_before)
            .map(|(after, before)| after.saturating_sub(before)),
        onnxruntime: Runtime::build_info().split_whitespace().collect::<Vec<_>>().join(" "),
        providers,
    }
}

fn throttle_count() -> Option<u64> {
    let path = "/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count";
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Resident memory of this process.
pub(crate) fn rss_mib() -> u64 {
    rss_kib() / 1024
}

pub(crate) fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_has_as_many_runs_as_asked() {
        let mut calls = 0;
        let stage = stage("x", 20, || {
            calls += 1;
            Ok(())
        });
        let stage = stage.unwrap();
        assert_eq!((calls, stage.runs), (22, 20));
        assert!(stage.p95_us >= stage.median_us);
    }

    #[test]
    fn more_people_leave_fewer_frames() {
        let stage = |stage, median_us| StageTiming { stage, median_us, p95_us: median_us, runs: 1 };
        let rates =
            rates(&[stage("detect", 10_000), stage("quality", 100), stage("embed", 20_000)]);
        assert_eq!(rates[0], (1, 97_029));
        assert!(rates[0].1 > rates[1].1 && rates[1].1 > rates[2].1);
    }
}
