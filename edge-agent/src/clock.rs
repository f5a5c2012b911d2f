//! Two kinds of time, and the clock that a scripted camera runs by.
//!
//! Durations are measured by monotonic milliseconds, "after hours" by the wall. Frames carry both,
//! and everything downstream uses the frame's time: so a scene at 60 times the speed of life gives
//! the same findings as at 1. Only [`RealClock`] reads a clock of the machine.

use std::time::Instant;

use jiff::Timestamp;

/// A pair of times that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since [`RealClock::BEGIN_MS`] before the program's start (a scene: since the
    /// scene's start). Never steps back.
    pub mono_ms: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub wall_ms: i64,
}

impl Now {
    /// This time, `ms` later by both clocks.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self {
            mono_ms: self.mono_ms.saturating_add(ms),
            wall_ms: self.wall_ms.saturating_add_unsigned(ms),
        }
    }
}

/// The machine's clocks, read as one pair.
#[derive(Debug, Clone, Copy)]
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// What the clock says when the program starts: two days. A session that was declared and begun
    /// before has a time of its own, so that the rules see how long the box was dark.
    pub const BEGIN_MS: u64 = 2 * 86_400_000;

    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now(&self) -> Now {
        Now {
            mono_ms: u64::try_from(self.start.elapsed().as_millis())
                .unwrap_or(u64::MAX)
                .saturating_add(Self::BEGIN_MS),
            wall_ms: Timestamp::now().as_millisecond(),
        }
    }
}

/// A scripted clock: frame `n` of a source with a fixed rate is always at the same time, however
/// long it took to make.
#[derive(Debug, Clone, Copy)]
pub struct ScriptedClock {
    start_wall_ms: i64,
    /// Frames in 1,000 seconds: a rate that is no whole number of milliseconds a frame does not
    /// drift.
    frame_rate_mhz: u64,
}

impl ScriptedClock {
    /// `frame_rate_mhz`: frames in 1,000 seconds of scene time, above 0.
    pub fn new(start: Timestamp, frame_rate_mhz: u32) -> Self {
        Self {
            start_wall_ms: start.as_millisecond(),
            frame_rate_mhz: u64::from(frame_rate_mhz.max(1)),
        }
    }

    pub fn at_frame(&self, index: u64) -> Now {
        let mono_ms = index * 1_000_000 / self.frame_rate_mhz;
        Now { mono_ms, wall_ms: self.start_wall_ms.saturating_add_unsigned(mono_ms) }
    }
}

/// RFC 3339 UTC with exactly three decimals, as it stands on the wire.
pub fn rfc3339_ms(wall_ms: i64) -> String {
    // Every time that a clock or a script gives lies inside jiff's years -9999..=9999; beyond them
    // the ends stand in.
    let time = Timestamp::from_millisecond(wall_ms).unwrap_or(if wall_ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    });
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_at_30_frames_a_second_is_on_time_after_an_hour() {
        let clock = ScriptedClock::new("2026-03-02T00:30:00Z".parse().unwrap(), 30_000);
        let hour = clock.at_frame(30 * 3600);
        assert_eq!(hour.mono_ms, 3_600_000);
        assert_eq!(hour.wall_ms - clock.at_frame(0).wall_ms, hour.mono_ms as i64);
    }

    #[test]
    fn a_day_before_the_start_has_a_monotonic_time() {
        let policy = presence::Policy::default();
        let asked_ms = policy.session_max_ms() + policy.window_before_ms() + policy.late_fact_ms();
        let now = RealClock::start().now();
        assert!(now.mono_ms >= asked_ms, "{} of {asked_ms} ms", now.mono_ms);
    }

    #[test]
    fn times_on_the_wire_have_three_decimals() {
        assert_eq!(rfc3339_ms(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339_ms(1_500), "1970-01-01T00:00:01.500Z");
    }
}
