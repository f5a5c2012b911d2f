//! The two times of the core: monotonic for durations, wall for declared times and opening hours.
//! Neither is ever read from a clock here.

/// Monotonic milliseconds; of what went before 0 nothing is known. Durations are differences of
/// these. A box that keeps its time over a restart, or begins at a time longer than a session, lets
/// the engine say when it was dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mono(pub u64);

impl Mono {
    /// Milliseconds from `earlier` to this; 0 when `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time plus `ms`, saturating.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This time minus `ms`, not below 0.
    #[must_use]
    pub fn minus(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

/// Wall time: milliseconds since 1970-01-01T00:00:00Z, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wall(pub i64);

/// How far wall time is ahead of monotonic time, ms: the one way from one to the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Offset(i64);

impl Offset {
    pub(crate) fn of(at: Moment) -> Self {
        Self(at.wall.0.saturating_sub(i64::try_from(at.mono.0).unwrap_or(i64::MAX)))
    }

    pub(crate) fn mono(self, wall: Wall) -> Mono {
        Mono(u64::try_from(wall.0.saturating_sub(self.0)).unwrap_or(0))
    }

    pub(crate) fn wall(self, mono: Mono) -> Wall {
        Wall(i64::try_from(mono.0).unwrap_or(i64::MAX).saturating_add(self.0))
    }

    /// How long of `from..to` lies before monotonic time began, ms.
    pub(crate) fn before_begin_ms(self, from: Wall, to: Wall) -> u64 {
        u64::try_from(to.0.min(self.0).saturating_sub(from.0)).unwrap_or(0)
    }

    /// How far apart two are, ms.
    pub(crate) fn step_ms(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }
}

/// How far the wall clock can be trusted at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockQuality {
    /// The clock is disciplined by NTP, PTP or GNSS now.
    pub synchronised: bool,
    /// Half-width of the interval that holds true UTC, in ms. NTP on a LAN: 1-20; a free-running
    /// RTC: +2 s per day. Above policy `clock_uncertainty_max_ms` nothing that depends on a
    /// declared time is alleged.
    pub uncertainty_ms: u32,
}

impl ClockQuality {
    /// A clock disciplined to within 20 ms: what tests and the demo use.
    pub const GOOD: Self = Self { synchronised: true, uncertainty_ms: 20 };
}

/// One instant in both times, with the quality of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Moment {
    /// For durations. Must not run backwards from call to call; an earlier one is taken as the
    /// latest seen.
    pub mono: Mono,
    /// For declared times and opening hours.
    pub wall: Wall,
    /// Trust in `wall`.
    pub clock: ClockQuality,
}
