//! The clock that the engine lives by: the machine's for a live camera, the script's for a scripted
//! one. Only here is it decided how far the wall clock can be trusted.

use std::{path::Path, time::Instant};

use presence::{ClockQuality, Moment};
use protocol::up::ClockSource;

use crate::{
    clock::{Now, RealClock},
    pipeline::moment_with,
};

/// Where systemd-timesyncd leaves its mark once the clock was set.
const TIMESYNCD_MARK: &str = "/run/systemd/timesync/synchronized";
/// Where chrony leaves its own (the unit of the box writes it after `chronyc waitsync`).
const CHRONY_MARK: &str = "/run/zaigang/clock-synchronised";
/// A disciplined clock on a network: 1-50 ms.
const SYNCHRONISED_MS: u32 = 50;
/// An undisciplined clock may be days off; 10 min is enough to keep every declared time from being
/// judged.
const UNSYNCHRONISED_MS: u32 = 600_000;

/// The agent's time.
#[derive(Debug, Clone)]
pub enum AgentClock {
    Real {
        clock: RealClock,
        quality: ClockQuality,
    },
    Scripted {
        /// Time of the last frame.
        last: Now,
        /// When the script was over; from then on time runs by itself, this many scene seconds in
        /// 1,000 real ones.
        over: Option<Instant>,
        speed_permille: u32,
    },
}

impl AgentClock {
    pub fn real(clock: RealClock) -> Self {
        let mut real = Self::Real {
            clock,
            quality: ClockQuality { synchronised: false, uncertainty_ms: UNSYNCHRONISED_MS },
        };
        real.refresh();
        real
    }

    pub fn scripted(start: Now, speed_permille: u32) -> Self {
        Self::Scripted {
            last: start,
            over: None,
            speed_permille: if speed_permille == 0 { 1000 } else { speed_permille },
        }
    }

    pub fn now(&self) -> Now {
        match self {
            Self::Real { clock, .. } => clock.now(),
            Self::Scripted { last, over: None, .. } => *last,
            Self::Scripted { last, over: Some(since), speed_permille } => {
                let real_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                last.plus_ms(real_ms.saturating_mul(u64::from(*speed_permille)) / 1000)
            }
        }
    }

    /// How long the program runs at a time of this clock, ms; a scene: how long the scene lasts.
    pub fn since_start_ms(&self, at: Now) -> u64 {
        match self {
            Self::Real { .. } => at.mono_ms.saturating_sub(RealClock::BEGIN_MS),
            Self::Scripted { .. } => at.mono_ms,
        }
    }

    /// The time, where it passes without frames; `None` while a script says what time it is.
    pub fn free_running(&self) -> Option<Now> {
        match self {
            Self::Scripted { over: None, .. } => None,
            _ => Some(self.now()),
        }
    }

    pub fn frame(&mut self, at: Now) {
        if let Self::Scripted { last, .. } = self {
            *last = at;
        }
    }

    pub fn ended(&mut self, at: Now) {
        if let Self::Scripted { last, over, .. } = self {
            *last = at;
            *over = Some(Instant::now());
        }
    }

    pub fn moment(&self, at: Now) -> Moment {
        moment_with(at, self.quality())
    }

    pub fn quality(&self) -> ClockQuality {
        match self {
            Self::Real { quality, .. } => *quality,
            Self::Scripted { .. } => ClockQuality::GOOD,
        }
    }

    pub fn source(&self) -> ClockSource {
        match self {
            Self::Real { quality, .. } if quality.synchronised => ClockSource::Synchronised,
            Self::Real { .. } => ClockSource::Unsynchronised,
            Self::Scripted { .. } => ClockSource::Scene,
        }
    }

    /// Looks again whether the clock is disciplined.
    pub fn refresh(&mut self) {
        if let Self::Real { quality, .. } = self {
            let synchronised =
                Path::new(TIMESYNCD_MARK).exists() || Path::new(CHRONY_MARK).exists();
            let uncertainty_ms = if synchronised { SYNCHRONISED_MS } else { UNSYNCHRONISED_MS };
            *quality = ClockQuality { synchronised, uncertainty_ms };
        }
    }

    /// One line for the heartbeat where the clock can not be trusted.
    pub fn complaint(&self) -> Option<String> {
        let unsynchronised = matches!(self, Self::Real { quality, .. } if !quality.synchronised);
        unsynchronised.then(|| {
            "the clock is not synchronised: sessions can not be judged by their declared times"
                .to_owned()
        })
    }
}
