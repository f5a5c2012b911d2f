//! `zaigang-agent bench soak`: many frames through decoding and the scheduled pipeline, and what
//! becomes of the memory. The frames are drawn beforehand and shown again and again; nothing is
//! sent or kept.

use std::{path::PathBuf, time::Instant};

use image::RgbImage;
use presence::{IdentityView, Mono, TrackId};
use serde::Serialize;

use super::{
    drawn_practitioners, rss_kib,
    schedule::cpu_ns,
    target::{BenchTarget, conclude},
};
use crate::{
    camera::{Decoder, FramePixels},
    clock::Now,
    config,
    door::DoorCheck,
    gallery_search::GallerySearch,
    loaded::load_models,
    pipeline::{Guidance, Pipeline, PipelineSettings},
    scheduler::{self, Scheduler},
};

/// Resident memory with the real pack at 1280×720.
const MOST_MIB: f64 = 150.0;
/// What may be added after the warm-up: the allocators' own pages come and go.
const GROWTH_MIB: f64 = 2.0;
/// Pictures that are shown in turn, each two seconds of the scene from the last. Few: they are the
/// measurement's own memory.
const PICTURES: u64 = 8;

/// Whether memory stays what it is over many frames.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration with pack, detection size and schedule
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Frames, 1000..100000000; a tenth of them, at most 2000, is the warm-up
    #[arg(long, default_value_t = 100_000,
        value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    frames: u64,
    /// Show each picture so many times in a row, as a room in which little moves: the motion gate
    /// then lets detection rest
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    still: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    frames: u64,
    detections: u64,
    embedded: u64,
    cpu_ms_per_frame: f64,
    warm_kib: u64,
    end_kib: u64,
    most_kib: u64,
    /// Open files and sockets at the end, and threads.
    handles: u64,
    threads: u64,
    targets: Vec<BenchTarget>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        let mut analyzer = load_models(&config, self.models.as_deref())?.analyzer;
        let (shots, gallery) = {
            let mut scene = drawn_practitioners::scene(None, self.seed, 2 * PICTURES)?;
            (shots(&mut scene)?, drawn_practitioners::gallery(&scene, &mut analyzer)?)
        };
        let rivals = analyzer.thresholds().rivals;
        let pipeline_settings = PipelineSettings {
            motion_ppm: config.vision.motion_ppm,
            idle_detect_ms: config.vision.idle_detect_ms,
            settled_detect_ms: config.vision.settled_detect_ms,
            assess_liveness: analyzer.has_liveness(),
            live_camera: false,
            first_track: TrackId(1),
        };
        let schedule = &config.schedule;
        let mut pipeline = Pipeline::new(
            analyzer,
            pipeline_settings,
            Scheduler::new(scheduler::SchedulerSettings {
                evidence_every_ms: schedule.evidence_every_ms,
                renewal_ms: schedule.renewal_ms,
                better_by_ppm: schedule.better_by_ppm,
                budget_ms_per_s: schedule.budget_ms_per_s,
            }),
            DoorCheck::new(None),
        );
        let room = Some(Box::new((drawn_practitioners::zones(), presence::Policy::default())));
        pipeline.guided(Guidance {
            room,
            search: Some(GallerySearch { gallery, rotation: None, rivals }),
            ..Guidance::default()
        });
        let report = self.play(&mut pipeline, &shots)?;
        if !self.json {
            log_lines::say!(
                "{} frames, {} detections, {} embedded, {:.2} ms of processor a frame; resident \
                {} KiB warm, {} KiB at the end, {} KiB at most",
                report.frames,
                report.detections,
                report.embedded,
                report.cpu_ms_per_frame,
                report.warm_kib,
                report.end_kib,
                report.most_kib
            );
        }
        conclude(&report, &report.targets, self.json)
    }

    fn play(
        &self,
        pipeline: &mut Pipeline<vision::Analyzer>,
        shots: &[FramePixels],
    ) -> anyhow::Result<Report> {
        let (mut decoder, begun, from) = (Decoder::default(), Instant::now(), cpu_ns());
        let warm_up = (self.frames / 10).min(2_000);
        let (mut warm_kib, mut most_kib) = (0, 0);
        let (mut warm_handles, mut warm_threads, mut given_up) = (0, 0, 0_u64);
        for frame in 0..self.frames {
            let shot = &shots[(frame / self.still) as usize % shots.len()];
            let at = Now { mono_ms: frame * 67, wall_ms: 1_700_000_000_000 };
            let picture = decoder.decode(shot)?;
            if let Some(seen) = pipeline.look(picture, at, begun) {
                // Everybody counts as known for five minutes after the first look: the scheduler
                // then rests.
                let renew_before = Mono(at.mono_ms / 300_000 * 300_000 + 300_000);
                let known = |track| (track, IdentityView::Unmatched { renew_before });
                let identities = seen.faces.iter().map(|face| known(face.track)).collect();
                pipeline.guided(Guidance { identities, ..Guidance::default() });
            } else {
                given_up += 1;
            }
            if frame + 1 == warm_up {
                warm_kib = rss_kib();
                (warm_handles, warm_threads) =
                    (entries("/proc/self/fd"), entries("/proc/self/task"));
            }
            if frame % 500 == 0 {
                most_kib = most_kib.max(rss_kib());
            }
        }
        let end_kib = rss_kib();
        let (handles, threads) = (entries("/proc/self/fd"), entries("/proc/self/task"));
        let figures = pipeline.figures();
        let mib = |kib: u64| kib as f64 / 1024.0;
        let added = (handles + threads) as f64 - (warm_handles + warm_threads) as f64;
        let growth_mib = mib(end_kib) - mib(warm_kib);
        let uncounted = self.frames.abs_diff(figures.frames) as f64;
        let failed = (given_up + figures.failed) as f64;
        let at_most = BenchTarget::at_most;
        Ok(Report {
            frames: self.frames,
            detections: figures.detections_run,
            embedded: figures.embedded,
            cpu_ms_per_frame: (cpu_ns() - from) as f64 / 1e6 / self.frames as f64,
            warm_kib,
            end_kib,
            most_kib: most_kib.max(end_kib),
            handles,
            threads,
            targets: vec![
                at_most("resident memory", mib(most_kib.max(end_kib)), MOST_MIB, " MiB"),
                at_most("growth after the warm-up", growth_mib, GROWTH_MIB, " MiB"),
                at_most("open files and threads added after the warm-up", added, 0.0, ""),
                at_most("frames shown and not counted", uncounted, 0.0, ""),
                at_most("frames given up, or failures of a network", failed, 0.0, ""),
            ],
        })
    }
}

/// How many entries a folder of the kernel has.
fn entries(folder: &str) -> u64 {
    std::fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// Frames as cameras send them: most as JPEG, every fourth as YUYV.
fn shots(scene: &mut scene::Scene) -> anyhow::Result<Vec<FramePixels>> {
    let mut image = RgbImage::new(0, 0);
    (0..PICTURES)
        .map(|index| {
            scene.frame_at(index * 2_000, &mut image);
            if index % 4 == 0 {
                return Ok(yuyv(&image));
            }
            let mut jpeg = Vec::new();
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
                .encode_image(&image)?;
            Ok(FramePixels::Mjpeg(jpeg.into()))
        })
        .collect()
}

/// BT.601 limited range, as webcams send it.
fn yuyv(image: &RgbImage) -> FramePixels {
    let luma = |[r, g, b]: [i32; 3]| ((66 * r + 129 * g + 25 * b + 128) >> 8) + 16;
    let mut bytes = Vec::with_capacity(image.as_raw().len() / 3 * 2);
    for pair in image.as_raw().chunks_exact(6) {
        let [a, b] = [0, 3].map(|at| [0, 1, 2].map(|c| i32::from(pair[at + c])));
        let [r, g, b_] = [0, 1, 2].map(|c| i32::midpoint(a[c], b[c]));
        let blue = ((-38 * r - 74 * g + 112 * b_ + 128) >> 8) + 128;
        let red = ((112 * r - 94 * g - 18 * b_ + 128) >> 8) + 128;
        bytes.extend([luma(a), blue, luma(b), red].map(|v| v.clamp(0, 255) as u8));
    }
    FramePixels::Yuyv { width: image.width(), height: image.height(), bytes: bytes.into() }
}
