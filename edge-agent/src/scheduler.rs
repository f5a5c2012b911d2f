//! Who is embedded when. Pure: times and qualities in, track numbers out; it sees no picture and
//! keeps no embedding.
//!
//! One embedding costs what ten detections do on a small board, so a face is embedded when that can
//! change what is known: on first sight, about once a second while the identity is open, when the
//! face is markedly better than any before, and before a settled identity lapses. A face in the bed
//! zone or a patient's never is (P1): the tracker forbids it, and nothing here can overrule that.

use std::collections::BTreeMap;

use presence::{EmbedPermission, IdentityView, TrackId};

/// The settings of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Least time between two looks at a face whose identity is open, ms.
    pub evidence_every_ms: u64,
    /// A settled identity is looked at again after this, ms.
    pub renewal_ms: u64,
    /// Gain of quality that is worth a look at once, ppm.
    pub better_by_ppm: u32,
    /// Processor time for these looks in a second of real time, ms; 0: no limit.
    pub budget_ms_per_s: u32,
}

/// One face of a frame that might be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub track: TrackId,
    pub permission: EmbedPermission,
    /// 0..=1,000,000.
    pub quality_ppm: u32,
    /// What the engine holds of it.
    pub identity: IdentityView,
}

/// Why a face is looked at; the order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    Renewal,
    FirstSight,
    Evidence,
    Better,
}

#[derive(Debug, Clone, Copy)]
struct Looked {
    at_ms: u64,
    best_ppm: u32,
}

/// The memory of the scheduler: per track when it was last looked at and how good the best face
/// was.
#[derive(Debug, Clone)]
pub struct Scheduler {
    settings: Settings,
    looked: BTreeMap<TrackId, Looked>,
    budget: Budget,
    deferred: u64,
    waiting: u64,
}

/// A settled identity that lapses within this time is renewed even before `renewal_ms`.
const LAPSE_MARGIN_MS: u64 = 20_000;

impl Scheduler {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            looked: BTreeMap::new(),
            budget: Budget::new(settings.budget_ms_per_s),
            deferred: 0,
            waiting: 0,
        }
    }

    /// The faces to embed in this frame, the most urgent first. `real_ms` is real time, for the
    /// budget alone.
    pub fn plan(&mut self, mono_ms: u64, real_ms: u64, faces: &[Candidate]) -> Vec<(TrackId, Why)> {
        let mut wanted: Vec<_> = faces
            .iter()
            .filter(|face| face.permission == EmbedPermission::Allowed)
            .filter_map(|face| {
                self.why(mono_ms, face).map(|why| (why, self.waiting_since(face.track), face.track))
            })
            .collect();
        // Within one urgency, whoever waits longest.
        wanted.sort_unstable();
        let affordable = self.budget.affordable(real_ms).min(wanted.len());
        self.waiting = (wanted.len() - affordable) as u64;
        self.deferred += self.waiting;
        wanted.truncate(affordable);
        wanted.into_iter().map(|(why, _, track)| (track, why)).collect()
    }

    /// A face was looked at (whatever came of it), and what that cost.
    pub fn looked(
        &mut self,
        mono_ms: u64,
        real_ms: u64,
        track: TrackId,
        quality_ppm: u32,
        cost_us: u64,
    ) {
        let entry =
            self.looked.entry(track).or_insert(Looked { at_ms: mono_ms, best_ppm: quality_ppm });
        entry.at_ms = mono_ms;
        entry.best_ppm = entry.best_ppm.max(quality_ppm);
        self.budget.spent(real_ms, cost_us);
    }

    /// Forgets a track: it is gone, or it became the patient.
    pub fn forget(&mut self, track: TrackId) {
        self.looked.remove(&track);
    }

    /// Forgets every track that was not looked at since `mono_ms`, so that memory is bounded by the
    /// people in view.
    pub fn forget_before(&mut self, mono_ms: u64) {
        self.looked.retain(|_, l| l.at_ms >= mono_ms);
    }

    /// Looks that were wanted and put off for the budget.
    pub fn deferred(&self) -> u64 {
        self.deferred
    }

    /// Looks that the last plan wanted and could not afford.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    fn waiting_since(&self, track: TrackId) -> u64 {
        self.looked.get(&track).map_or(0, |l| l.at_ms)
    }

    fn why(&self, mono_ms: u64, face: &Candidate) -> Option<Why> {
        let Some(looked) = self.looked.get(&face.track) else { return Some(Why::FirstSight) };
        let since = mono_ms.saturating_sub(looked.at_ms);
        if since < self.settings.evidence_every_ms {
            return None;
        }
        let better =
            face.quality_ppm >= looked.best_ppm.saturating_add(self.settings.better_by_ppm);
        let better = better.then_some(Why::Better);
        match &face.identity {
            IdentityView::Indeterminate => Some(Why::Evidence),
            IdentityView::Matched { renew_before, .. }
            | IdentityView::Unmatched { renew_before } => {
                let lapses = renew_before.0 <= mono_ms.saturating_add(LAPSE_MARGIN_MS);
                (since >= self.settings.renewal_ms || lapses).then_some(Why::Renewal).or(better)
            }
        }
    }
}

/// Processor time in a sliding second of real time, as a leaky bucket that never goes below one
/// look in waiting.
#[derive(Debug, Clone)]
struct Budget {
    us_per_s: u64,
    /// Microseconds spent and not yet leaked.
    level_us: u64,
    at_ms: u64,
    /// What a look costs, a running mean.
    look_us: u64,
}

impl Budget {
    fn new(ms_per_s: u32) -> Self {
        Self { us_per_s: u64::from(ms_per_s) * 1000, level_us: 0, at_ms: 0, look_us: 0 }
    }

    /// How many looks may begin now. One always may while the bucket is below its rim, so that a
    /// slow board still looks.
    fn affordable(&mut self, real_ms: u64) -> usize {
        if self.us_per_s == 0 {
            return usize::MAX;
        }
        self.leak(real_ms);
        let free = self.us_per_s.saturating_sub(self.level_us);
        if free == 0 { 0 } else { (free / self.look_us.max(1)).max(1) as usize }
    }

    fn spent(&mut self, real_ms: u64, cost_us: u64) {
        self.leak(real_ms);
        self.level_us = self.level_us.saturating_add(cost_us);
        self.look_us = if self.look_us == 0 { cost_us } else { (self.look_us * 7 + cost_us) / 8 };
    }

    fn leak(&mut self, real_ms: u64) {
        let leaked = real_ms.saturating_sub(self.at_ms).saturating_mul(self.us_per_s) / 1000;
        self.level_us = self.level_us.saturating_sub(leaked);
        self.at_ms = self.at_ms.max(real_ms);
    }
}

#[cfg(test)]
mod tests;
