//! `zaigang-agent bench tracks`: do identities stay with their people? Seeded drawn episodes with
//! ground truth (people cross, hide one another, leave and come back) go through the tracker with
//! the appearance that the box computes, and switches and breaks are counted. The faces are the
//! renderer's own with the jitter of a detector, so that the tracker alone is measured; every track
//! counts as MATCHED, which is the hardest case. Crowds tell how long tracks last.

use std::collections::BTreeMap;

use image::RgbImage;
use presence::{Policy, TrackId, Tracker};
use scene::tracking::{EPISODE_MS, Episode, Plot};
use serde::Serialize;
use vision::{Frame, PixelOrder};

use super::{
    crowd,
    drawn_detection::{GOOD_CLEAR, LEAST_CLEAR, detection, jittered},
    drawn_looks::{DrawnFace, DrawnLooks},
    drawn_practitioners,
    target::{BenchTarget, conclude},
};
use crate::{clock::Now, pipeline::moment};

/// Out of sight for longer than this, a person may get another track.
const SHORT_MS: u64 = 2_000;
const PLOTS: [Plot; 4] = [
    Plot::Crossing,
    Plot::Occlusion,
    Plot::ComeBack { away_ms: 1_500 },
    Plot::ComeBack { away_ms: 4_000 },
];

/// Whether identities stay with their people.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Episodes, 4..10000; the plots take turns
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(4..=10_000))]
    episodes: u64,
    /// First seed; each episode takes the next
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Detections in a second, 1..30; the scheduled pipeline makes 5 to 15
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=30))]
    fps: u64,
    /// Rooms with four people for two minutes, 0..1000, in turn in clothes of their own and in
    /// uniform
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(0..=1_000))]
    crowds: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was counted.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(super) struct TrackCounts {
    pub(super) episodes: u64,
    pub(super) faces: u64,
    /// A track went from one person to another.
    pub(super) switches: u64,
    /// A person got a further track after at most 2 s out of sight.
    pub(super) breaks: u64,
    /// After longer than that; then the identity is verified anew.
    pub(super) begun_anew: u64,
    /// Seeds of the episodes with a switch.
    pub(super) switched: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct Report {
    counted: BTreeMap<&'static str, TrackCounts>,
    crowds: Vec<crowd::CrowdRow>,
    targets: Vec<BenchTarget>,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut counted: BTreeMap<&'static str, TrackCounts> = BTreeMap::new();
        for index in 0..self.episodes {
            let (plot, seed) = (PLOTS[index as usize % PLOTS.len()], self.seed + index);
            let one = follow(plot, seed, self.fps)?;
            let sum = counted.entry(name(plot)).or_default();
            sum.episodes += 1;
            sum.faces += one.faces;
            sum.switches += one.switches;
            sum.breaks += one.breaks;
            sum.begun_anew += one.begun_anew;
            sum.switched.extend(one.switched);
        }
        let switches: u64 = counted.values().map(|c| c.switches).sum();
        let breaks: u64 = counted.values().map(|c| c.breaks).sum();
        if !self.json {
            for (name, c) in &counted {
                log_lines::say!(
                    "{name}: {} episodes, {} faces, {} switches {:?}, {} breaks, {} begun anew \
                    after more than 2 s",
                    c.episodes,
                    c.faces,
                    c.switches,
                    c.switched,
                    c.breaks,
                    c.begun_anew
                );
            }
        }
        let crowds = crowd::measure(self.crowds, self.seed)?;
        if !self.json {
            for row in &crowds {
                log_lines::say!("{}", row.line());
            }
        }
        let mut targets = vec![
            BenchTarget::at_most(
                "identity switches between two matched people",
                switches as f64,
                0.0,
                "",
            ),
            BenchTarget::at_most(
                "tracks broken by at most 2 s out of sight",
                breaks as f64,
                0.0,
                "",
            ),
        ];
        if crowds.iter().any(|row| row.uniform && row.person_minutes > 0.0) {
            targets.extend(crowd::targets(&crowds));
        }
        let report = Report { counted, crowds, targets };
        conclude(&report, &report.targets, self.json)
    }
}

fn name(plot: Plot) -> &'static str {
    match plot {
        Plot::Crossing => "crossing",
        Plot::Occlusion => "occlusion",
        Plot::ComeBack { away_ms } if away_ms <= 2_000 => "back within 2 s",
        Plot::ComeBack { .. } => "back after 4 s",
    }
}

/// One episode through the tracker.
fn follow(plot: Plot, seed: u64, fps: u64) -> anyhow::Result<TrackCounts> {
    let episode = Episode::new(plot, seed);
    let mut tracker =
        Tracker::new(drawn_practitioners::zones_of_nobody(), Policy::default(), TrackId(1));
    let (mut image, mut counted) = (RgbImage::new(0, 0), TrackCounts::default());
    let mut owner: BTreeMap<TrackId, usize> = BTreeMap::new();
    let mut tracks: BTreeMap<usize, (TrackId, u64)> = BTreeMap::new();
    let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut looks = DrawnLooks::new(2, seed);
    for frame in 0..EPISODE_MS * fps / 1000 {
        let mono_ms = frame * 1000 / fps;
        let seen = episode.frame_at(mono_ms, &mut image);
        let found: Vec<_> = seen.iter().filter(|face| face.clear >= LEAST_CLEAR).collect();
        let view = Frame::new(image.as_raw(), image.width(), image.height(), PixelOrder::Rgb)?;
        let detections: Vec<_> =
            found.iter().map(|face| detection(view, jittered(face.face.bbox, &mut dice))).collect();
        let shown = |face: &&scene::tracking::EpisodeFace| DrawnFace {
            person: face.person,
            masked: false,
            good: face.clear >= GOOD_CLEAR,
        };
        let shown: Vec<DrawnFace> = found.iter().map(shown).collect();
        let at = moment(Now { mono_ms, wall_ms: 1_700_000_000_000 });
        let mut ask = |asked: presence::WhoseFace<'_>| looks.answer(asked, &shown);
        let scene = tracker.update_asking(at, &detections, &mut ask);
        for (face, tracked) in found.iter().zip(&scene.tracked).filter(|(_, t)| !t.open) {
            counted.faces += 1;
            tracker.set_practitioner(tracked.track, true);
            if *owner.entry(tracked.track).or_insert(face.person) != face.person {
                counted.switches += 1;
                counted.switched.push(seed);
                owner.insert(tracked.track, face.person);
            }
            let before = tracks.insert(face.person, (tracked.track, mono_ms));
            if let Some((_, last_ms)) = before.filter(|(track, _)| *track != tracked.track) {
                let away = if mono_ms - last_ms <= SHORT_MS {
                    &mut counted.breaks
                } else {
                    &mut counted.begun_anew
                };
                *away += 1;
            }
        }
        looks.frame(mono_ms, &mut tracker, &shown, &scene.tracked);
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_crosses_or_is_hidden_keeps_their_own_track() {
        for (index, plot) in PLOTS.into_iter().enumerate() {
            let counted = follow(plot, 40 + index as u64, 5).unwrap();
            assert!(counted.faces > 60, "{plot:?}: {counted:?}");
            assert_eq!((counted.switches, counted.breaks), (0, 0), "{plot:?}: {counted:?}");
        }
    }
}
