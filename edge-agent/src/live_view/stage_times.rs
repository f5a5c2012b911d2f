//! What the last second cost: the time of each stage, frames and faces, and the processor time of
//! the whole program. It only adds up what it is told; nobody tells it anything while nobody looks.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use protocol::live::Costs;

use crate::pipeline::PipelineFigures;

const SECOND: Duration = Duration::from_secs(1);
/// What is older is nobody's figure of now.
const LONGEST: Duration = Duration::from_secs(10);

/// A stage that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MeteredStage {
    Detect,
    Embed,
    Liveness,
}

/// The last second.
#[derive(Debug, Default)]
pub(super) struct StageTimes {
    runs: VecDeque<(Instant, MeteredStage, u64)>,
    /// The pipeline's figures and the program's processor time, after each look.
    looks: VecDeque<(Instant, PipelineFigures, u64)>,
}

impl StageTimes {
    pub(super) fn ran(&mut self, stage: MeteredStage, took: Duration) {
        self.runs.push_back((
            Instant::now(),
            stage,
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        ));
    }

    pub(super) fn looked(&mut self, figures: PipelineFigures) {
        let now = Instant::now();
        self.looks.push_back((now, figures, process_cpu_us()));
        // A machine that takes longer for one run than a second shows that run.
        let last = |stage| self.runs.iter().rposition(|(_, s, _)| *s == stage);
        let last =
            [last(MeteredStage::Detect), last(MeteredStage::Embed), last(MeteredStage::Liveness)];
        let mut index = 0;
        self.runs.retain(|(at, ..)| {
            index += 1;
            now.duration_since(*at) <= SECOND
                || last.contains(&Some(index - 1)) && now.duration_since(*at) <= LONGEST
        });
        // One look from before the second stays: differences begin there.
        while self.looks.get(1).is_some_and(|(at, ..)| now.duration_since(*at) > SECOND) {
            self.looks.pop_front();
        }
    }

    pub(super) fn costs(&self) -> Costs {
        let mean = |stage: MeteredStage| {
            let times: Vec<u64> =
                self.runs.iter().filter(|(_, s, _)| *s == stage).map(|(.., us)| *us).collect();
            times.iter().sum::<u64>() / (times.len() as u64).max(1)
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as u32;
        let costs = Costs {
            detect_us: mean(MeteredStage::Detect),
            embed_us: mean(MeteredStage::Embed),
            liveness_us: mean(MeteredStage::Liveness),
            cores,
            ..Costs::default()
        };
        let (Some((from, before, cpu_before)), Some((to, after, cpu_after))) =
            (self.looks.front(), self.looks.back())
        else {
            return costs;
        };
        let span_us = u64::try_from(to.duration_since(*from).as_micros()).unwrap_or(u64::MAX);
        if span_us == 0 {
            return costs;
        }
        let rate = |count: u64| count.saturating_mul(1_000_000_000) / span_us;
        let searches = after.searched - before.searched;
        Costs {
            match_us: (after.searched_us - before.searched_us) / searches.max(1),
            frames_per_1000_s: rate(after.frames - before.frames),
            faces_per_1000_s: rate(after.faces - before.faces),
            cpu_ppm: cpu_after.saturating_sub(*cpu_before).saturating_mul(1_000_000) / span_us,
            ..costs
        }
    }
}

/// Processor time of all threads of this program, µs.
fn process_cpu_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}
