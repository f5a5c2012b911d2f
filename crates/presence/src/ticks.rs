//! When the engine is to look again: the grid of evaluation ticks, and the earliest of those that
//! are asked for. It reads no clock.

use crate::Policy;

/// The next tick, strictly after `t`.
pub(crate) fn tick_after(t: u64, policy: &Policy) -> u64 {
    let step = policy.evaluation_step_ms();
    (t / step + 1) * step
}

/// Collects the earliest next tick.
pub(crate) struct NextTick {
    t: u64,
    pub(crate) step: u64,
    pub(crate) due: Option<u64>,
}

impl NextTick {
    /// Nothing is due yet after the tick `t`.
    pub(crate) fn after(t: u64, policy: &Policy) -> Self {
        Self { t, step: policy.evaluation_step_ms(), due: None }
    }

    /// Something is to be done at `at`, or at the first tick after it.
    pub(crate) fn at(&mut self, at: u64) {
        let tick = at
            .div_ceil(self.step)
            .saturating_mul(self.step)
            .max((self.t / self.step + 1) * self.step);
        self.due = Some(self.due.map_or(tick, |d| d.min(tick)));
    }

    /// Something is to be done by `at`.
    pub(crate) fn at_or_before(&mut self, at: u64) {
        self.at((at / self.step) * self.step);
    }
}
