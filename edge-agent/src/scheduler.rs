//! Who is embedded when. Pure: times and qualities in, track numbers out; it sees no picture, and
//! keeps nothing of a track.
//!
//! One embedding costs what ten detections do on a small board, so a face is embedded when that can
//! change what is known: on first sight, about once a second while the identity is open, when the
//! face is markedly better than any before, and before a settled identity lapses. A face in the bed
//! zone or a patient's never is (P1): the tracker forbids it, and nothing here can overrule that.

use presence::{EmbedPermission, IdentityView, TrackId};

/// The settings of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchedulerSettings {
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
    /// The looks before.
    pub looked: Option<Looked>,
}

/// Why a face is looked at; the order is the order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookReason {
    Renewal,
    FirstSight,
    Evidence,
    Better,
}

/// When a track was last looked at, and how good its best face was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    pub at_ms: u64,
    pub best_ppm: u32,
}

impl Looked {
    /// A look more, whatever came of it.
    pub fn again(before: Option<Self>, mono_ms: u64, quality_ppm: u32) -> Self {
        let best_ppm = before.map_or(quality_ppm, |looked| looked.best_ppm.max(quality_ppm));
        Self { at_ms: mono_ms, best_ppm }
    }
}

/// The settings, and what the looks of the last second cost.
#[derive(Debug, Clone)]
pub struct Scheduler {
    settings: SchedulerSettings,
    budget: Budget,
    deferred: u64,
    waiting: u64,
}

/// A settled identity that lapses within this time is renewed even before `renewal_ms`.
const LAPSE_MARGIN_MS: u64 = 20_000;

impl Scheduler {
    pub fn new(settings: SchedulerSettings) -> Self {
        Self { settings, budget: Budget::new(settings.budget_ms_per_s), deferred: 0, waiting: 0 }
    }

    /// The faces to embed in this frame, the most urgent first. `real_ms` is real time, for the
    /// budget alone.
    pub fn plan(
        &mut self,
        mono_ms: u64,
        real_ms: u64,
        faces: &[Candidate],
    ) -> Vec<(TrackId, LookReason)> {
        let mut wanted: Vec<_> = faces
            .iter()
            .filter(|face| face.permission == EmbedPermission::Allowed)
            .filter_map(|face| {
                let since_ms = face.looked.map_or(0, |looked| looked.at_ms);
                self.why(mono_ms, face).map(|why| (why, since_ms, face.track))
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

    /// Whether the processor budget leaves room for a look.
    pub fn may_look(&mut self, real_ms: u64) -> bool {
        self.budget.affordable(real_ms) > 0
    }

    /// What a look cost, µs.
    pub fn spent(&mut self, real_ms: u64, cost_us: u64) {
        self.budget.spent(real_ms, cost_us);
    }

    /// Looks that were wanted and put off for the budget.
    pub fn deferred(&self) -> u64 {
        self.deferred
    }

    /// Looks that the last plan wanted and could not afford.
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    fn why(&self, mono_ms: u64, face: &Candidate) -> Option<LookReason> {
        let Some(looked) = face.looked else { return Some(LookReason::FirstSight) };
        let since = mono_ms.saturating_sub(looked.at_ms);
        if since < self.settings.evidence_every_ms {
            return None;
        }
        let better =
            face.quality_ppm >= looked.best_ppm.saturating_add(self.settings.better_by_ppm);
        let better = better.then_some(LookReason::Better);
        match &face.identity {
            IdentityView::Indeterminate => Some(LookReason::Evidence),
            IdentityView::Matched { renew_before, .. }
            | IdentityView::Unmatched { renew_before } => {
                let lapses = renew_before.0 <= mono_ms.saturating_add(LAPSE_MARGIN_MS);
                (since >= self.settings.renewal_ms || lapses)
                    .then_some(LookReason::Renewal)
                    .or(better)
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
