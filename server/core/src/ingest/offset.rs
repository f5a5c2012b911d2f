//! By how much a box's clock differs from the server's, measured on messages that were not delayed.
//! Pure: time is an argument.
//!
//! A message may have waited in the outbox for days, so its own age says nothing. But the box's
//! monotonic clock says how old it is: the smallest difference between arrival and monotonic time
//! seen of a boot belongs to the promptest message.

use std::collections::HashMap;

use jiff::Timestamp;
use protocol::id::DeviceId;
use protocol::up::{ClockSource, Stamp};

/// A message that took this much longer than the promptest one is not measured on, ms.
const PROMPT_MS: i64 = 1_000;
/// Two monotonic clocks may drift apart by 100 ppm: the promptest difference ages by that.
const DRIFT_DIVISOR: i64 = 10_000;

#[derive(Debug)]
struct Promptest {
    boot_count: u64,
    /// Arrival minus monotonic time, ms.
    difference_ms: i64,
    at_ms: i64,
}

/// What was seen of each box since the start.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    boxes: HashMap<DeviceId, Promptest>,
}

impl Clocks {
    /// Box minus server in ms, network delay included; `None` for a message that waited, and for a
    /// scripted clock.
    pub(super) fn offset_ms(
        &mut self,
        device: &DeviceId,
        stamp: &Stamp,
        now: Timestamp,
    ) -> Option<i64> {
        let real = matches!(stamp.clock, ClockSource::Synchronised | ClockSource::Unsynchronised);
        let said = stamp.utc.parse::<Timestamp>().ok().filter(|_| real)?.as_millisecond();
        let now_ms = now.as_millisecond();
        let difference_ms = now_ms - i64::try_from(stamp.mono_ms).ok()?;
        let prompt = match self.boxes.get_mut(device) {
            Some(known) if known.boot_count == stamp.boot_count => {
                let aged = known.difference_ms + (now_ms - known.at_ms).abs() / DRIFT_DIVISOR;
                if difference_ms <= aged {
                    (known.difference_ms, known.at_ms) = (difference_ms, now_ms);
                }
                difference_ms <= aged + PROMPT_MS
            }
            // What an earlier boot left behind came late.
            Some(known) if known.boot_count > stamp.boot_count => false,
            _ => {
                let promptest =
                    Promptest { boot_count: stamp.boot_count, difference_ms, at_ms: now_ms };
                self.boxes.insert(device.clone(), promptest);
                true
            }
        };
        prompt.then_some(said - now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_790_000_000_000;

    struct Box1 {
        clocks: Clocks,
        ahead_ms: i64,
    }

    impl Box1 {
        /// Written `mono_ms` after the boot, arrived `delay_ms` later.
        fn says(&mut self, boot_count: u64, mono_ms: u64, delay_ms: i64) -> Option<i64> {
            let at = |ms| Timestamp::from_millisecond(ms).unwrap();
            let written = START_MS + mono_ms as i64;
            let stamp = Stamp {
                utc: format!("{:.3}", at(written + self.ahead_ms)),
                boot_id: "b".into(),
                boot_count,
                mono_ms,
                uncertainty_ms: 20,
                clock: ClockSource::Synchronised,
            };
            self.clocks.offset_ms(&"box-1".parse().unwrap(), &stamp, at(written + delay_ms))
        }
    }

    #[test]
    fn an_offset_is_measured_on_prompt_messages_alone() {
        let mut a_box = Box1 { clocks: Clocks::default(), ahead_ms: 90_000 };
        assert_eq!(a_box.says(1, 1_000, 40), Some(89_960));
        assert_eq!(a_box.says(1, 2_000, 3_600_000), None, "an hour in the outbox is no offset");
        assert_eq!(a_box.says(1, 3_700_000, 30), Some(89_970));
        assert_eq!(a_box.says(2, 5, 50), Some(89_950));
        assert_eq!(a_box.says(1, 3_800_000, 30), None, "an earlier boot");
    }

    #[test]
    fn a_step_of_the_boxs_clock_shows() {
        let mut a_box = Box1 { clocks: Clocks::default(), ahead_ms: 0 };
        assert_eq!(a_box.says(1, 1_000, 10), Some(-10));
        a_box.ahead_ms = 86_400_000;
        assert_eq!(a_box.says(1, 2_000, 10), Some(86_399_990));
    }

    #[test]
    fn a_late_first_message_is_forgotten_once_a_prompt_one_came() {
        let mut a_box = Box1 { clocks: Clocks::default(), ahead_ms: 0 };
        assert_eq!(a_box.says(1, 0, 500_000), Some(-500_000));
        assert_eq!(a_box.says(1, 600_000, 10), Some(-10));
        assert_eq!(a_box.says(1, 1_000, 700_000), None);
    }
}
