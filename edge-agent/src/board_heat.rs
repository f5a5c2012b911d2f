//! How hot the board is, from sysfs, and how much slower the pipeline goes for it, before the board
//! slows itself down. It reads two kinds of files and decides a pause between frames; it never
//! touches a fan or a clock rate.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Pause between two frames, by level of heat; the first is no pause.
const PAUSES_MS: [u64; 5] = [0, 100, 250, 500, 1000];
/// From one level to the next.
const STEP_MC: i32 = 2_000;
/// A level is left only this far below where it began, so that the rate does not swing.
const HYSTERESIS_MC: i32 = 3_000;
/// The level of a board that already slows itself down.
const THROTTLED_LEVEL: usize = 3;
const LOOK_EVERY_MS: u64 = 5_000;
/// Bits of the Raspberry Pi firmware's word: frequency capped, throttled, soft temperature limit,
/// each at this moment.
const PI_SLOWED: u32 = 0b1110;

/// Where this board tells its heat.
#[derive(Debug, Clone)]
pub struct Heat {
    /// In thousandths of a degree Celsius, each.
    zones: Vec<PathBuf>,
    pi_firmware: PathBuf,
}

impl Heat {
    pub fn of_this_board() -> Self {
        Self::under(Path::new("/sys"))
    }

    /// A board whose sysfs is mounted elsewhere.
    pub fn under(sys: &Path) -> Self {
        let zones = std::fs::read_dir(sys.join("class/thermal")).into_iter().flatten();
        let mut zones: Vec<_> = zones
            .filter_map(|zone| Some(zone.ok()?.path().join("temp")))
            .filter(|path| path.exists())
            .collect();
        zones.sort();
        Self { zones, pi_firmware: sys.join("devices/platform/soc/soc:firmware/get_throttled") }
    }

    /// The hottest zone; `None` where the board shows none.
    pub fn hottest_mc(&self) -> Option<i32> {
        self.zones
            .iter()
            .filter_map(|zone| std::fs::read_to_string(zone).ok()?.trim().parse().ok())
            .max()
    }

    /// Whether the board slows itself down now; `None` where it does not say.
    pub fn slowed(&self) -> Option<bool> {
        let word = std::fs::read_to_string(&self.pi_firmware).ok()?;
        let bits = u32::from_str_radix(word.trim().trim_start_matches("0x"), 16).ok()?;
        Some(bits & PI_SLOWED != 0)
    }
}

/// Lowers the frame rate of a live camera step by step.
#[derive(Debug)]
pub struct Governor {
    heat: Heat,
    slow_from_mc: i32,
    level: usize,
    look_at_ms: u64,
}

impl Governor {
    pub fn new(heat: Heat, slow_from_mc: i32) -> Self {
        Self { heat, slow_from_mc, level: 0, look_at_ms: 0 }
    }

    /// The pause between two frames from now on. Looks at the board every five seconds.
    pub fn pause(&mut self, now_ms: u64) -> Duration {
        if now_ms >= self.look_at_ms {
            self.look_at_ms = now_ms + LOOK_EVERY_MS;
            let before = self.level;
            self.level = self.next();
            if self.level != before {
                let (degrees, pause_ms) =
                    (self.heat.hottest_mc().unwrap_or(0) / 1000, PAUSES_MS[self.level]);
                tracing::warn!(
                    degrees,
                    pause_ms,
                    "the pause between frames follows the board's heat"
                );
            }
        }
        Duration::from_millis(PAUSES_MS[self.level])
    }

    fn next(&self) -> usize {
        let level_at = |mc: i32| match mc - self.slow_from_mc {
            below if below < 0 => 0,
            above => usize::try_from(1 + above / STEP_MC).unwrap_or(0).min(PAUSES_MS.len() - 1),
        };
        let by_heat = self.heat.hottest_mc().map_or(0, |mc| {
            // Up at once; down only when it would be lower even if it were a little hotter.
            level_at(mc).max(level_at(mc + HYSTERESIS_MC).min(self.level))
        });
        let by_board = if self.heat.slowed() == Some(true) { THROTTLED_LEVEL } else { 0 };
        by_heat.max(by_board)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Board(tempfile::TempDir);

    impl Board {
        fn new() -> Self {
            let board = Self(tempfile::tempdir().unwrap());
            for zone in ["thermal_zone0", "thermal_zone1"] {
                fs::create_dir_all(board.0.path().join("class/thermal").join(zone)).unwrap();
            }
            fs::create_dir_all(board.0.path().join("devices/platform/soc/soc:firmware")).unwrap();
            board.at(40_000, "0x0");
            board
        }

        fn at(&self, mc: i32, word: &str) {
            let zone = |n: u8| self.0.path().join(format!("class/thermal/thermal_zone{n}/temp"));
            fs::write(zone(0), format!("{mc}\n")).unwrap();
            fs::write(zone(1), "31000\n").unwrap();
            fs::write(self.0.path().join("devices/platform/soc/soc:firmware/get_throttled"), word)
                .unwrap();
        }
    }

    #[test]
    fn a_hot_board_slows_frames_and_a_cooler_one_quickens_them() {
        let board = Board::new();
        let mut governor = Governor::new(Heat::under(board.0.path()), 75_000);
        let steps = [
            (70_000, "0x0", 0),
            (74_999, "0x0", 0),
            (75_000, "0x0", 100),
            (77_500, "0x0", 250),
            (95_000, "0x0", 1000),
            (80_000, "0x0", 1000),
            (78_000, "0x0", 1000),
            (77_999, "0x0", 500),
            (74_000, "0x0", 250),
            (71_999, "0x0", 0),
            (60_000, "0x50005", 500),
            (60_000, "0x50000", 0),
        ];
        for (n, (mc, word, pause_ms)) in steps.into_iter().enumerate() {
            board.at(mc, word);
            let pause = governor.pause(n as u64 * LOOK_EVERY_MS);
            assert_eq!(pause.as_millis(), pause_ms, "step {n}: {mc} m°C, {word}");
        }
    }

    #[test]
    fn a_board_without_sensors_is_never_slowed() {
        let board = Board::new();
        let mut governor = Governor::new(Heat::under(board.0.path()), 75_000);
        assert_eq!(governor.pause(0), Duration::ZERO);
        board.at(90_000, "0x0");
        assert_eq!(governor.pause(LOOK_EVERY_MS - 1), Duration::ZERO);
        assert_eq!(governor.pause(LOOK_EVERY_MS), Duration::from_secs(1));

        let bare = tempfile::tempdir().unwrap();
        let heat = Heat::under(bare.path());
        assert_eq!((heat.hottest_mc(), heat.slowed()), (None, None));
        assert_eq!(Governor::new(heat, 75_000).pause(0), Duration::ZERO);
    }
}
