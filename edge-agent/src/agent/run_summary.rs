//! What this run did, in figures: for the summary of `--once`. Findings are counted by id, steps by
//! message.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::atomic::Ordering,
};

use delivery::outbox::Outbox;
use protocol::up::{Step, Up};
use serde::Serialize;

use super::HealthSource;

/// The counts as they grow.
#[derive(Debug, Default)]
pub struct RunTally {
    depth_before: u64,
    appended: u64,
    presences: u64,
    steps: u64,
    withdrawn: BTreeSet<String>,
    findings: BTreeMap<String, BTreeSet<String>>,
    raised: Vec<Raised>,
}

/// A step of a finding, with the real time at which it went to the outbox: what a scene's own clock
/// can not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Raised {
    pub finding_id: String,
    pub revision: u32,
    pub real_at: jiff::Timestamp,
}

/// So many steps are listed; a box that runs for months counts on and lists no more.
const LISTED: usize = 10_000;

/// The counts of a finished run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    pub frames: u64,
    pub frames_dropped: u64,
    /// Pictures that could not be read.
    pub frames_skipped: u64,
    pub faces: u64,
    pub embedded: u64,
    pub presences: u64,
    /// Findings by kind, each counted once.
    pub findings: BTreeMap<String, u64>,
    pub finding_steps: u64,
    /// Every step in its order; its place in real time measures the way to the page.
    pub raised: Vec<Raised>,
    pub findings_withdrawn: u64,
    /// Messages that the server receipted in this run.
    pub delivered: u64,
    /// Messages that still wait for their receipt.
    pub pending: u64,
    /// Messages given up for lack of disk; each is declared in the chain.
    pub dropped: u64,
    pub pack: String,
    pub liveness_waived: bool,
}

impl RunTally {
    pub fn begin(outbox: &Outbox) -> Self {
        Self { depth_before: outbox.stats().map_or(0, |stats| stats.depth), ..Self::default() }
    }

    pub fn count(&mut self, message: &Up) {
        self.appended += 1;
        match message {
            Up::Presence(_) => self.presences += 1,
            Up::Finding(finding) => {
                self.steps += 1;
                let (finding_id, revision) = (finding.finding_id.clone(), finding.revision);
                if self.raised.len() < LISTED {
                    self.raised.push(Raised {
                        finding_id,
                        revision,
                        real_at: jiff::Timestamp::now(),
                    });
                }
                self.findings
                    .entry(format!("{:?}", finding.kind))
                    .or_default()
                    .insert(finding.finding_id.clone());
                if finding.step == Step::Withdrawn {
                    self.withdrawn.insert(finding.finding_id.clone());
                }
            }
            _ => {}
        }
    }

    /// A knowledge acknowledgement went out beside [`RunTally::count`].
    pub fn acknowledged(&mut self) {
        self.appended += 1;
    }

    pub fn summary(
        &self,
        outbox: &Outbox,
        health: &HealthSource,
        pack: &str,
        liveness_waived: bool,
    ) -> RunSummary {
        let stats = outbox.stats().ok();
        let pending = stats.as_ref().map_or(0, |s| s.depth);
        let dropped = stats.as_ref().map_or(0, |s| s.dropped + s.unwritten);
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        RunSummary {
            frames: health.figures().frames,
            frames_dropped: count(&health.counters().dropped),
            frames_skipped: count(&health.counters().skipped),
            faces: health.figures().faces,
            embedded: health.figures().embedded,
            presences: self.presences,
            findings: self
                .findings
                .iter()
                .map(|(kind, ids)| (kind.clone(), ids.len() as u64))
                .collect(),
            finding_steps: self.steps,
            raised: self.raised.clone(),
            findings_withdrawn: self.withdrawn.len() as u64,
            delivered: (self.depth_before + self.appended).saturating_sub(pending + dropped),
            pending,
            dropped,
            pack: pack.to_owned(),
            liveness_waived,
        }
    }
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> =
            self.findings.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
        write!(
            f,
            "{} frames ({} skipped), {} faces, {} embedded, ",
            self.frames, self.frames_skipped, self.faces, self.embedded
        )?;
        write!(f, "{} presences, findings: {kinds}; ", self.presences)?;
        write!(
            f,
            "{} messages delivered, {} pending; pack {}",
            self.delivered, self.pending, self.pack
        )?;
        if self.liveness_waived { write!(f, "; liveness waived") } else { Ok(()) }
    }
}
