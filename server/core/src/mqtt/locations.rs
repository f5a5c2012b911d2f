//! At which broker each box was heard: receipts and knowledge go there. Pure: it reads no clock.
//!
//! A broker can repeat what a box once said, and so pretend that the box is there. It gains nothing
//! by it: every broker at which the box was heard lately is told, the true one too, and a box is
//! heard at least once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::id::DeviceId;

/// The number of a broker in the configuration's order.
pub type BrokerIndex = usize;

/// Several heartbeats, so that one that is late loses nothing.
const LATELY: Duration = Duration::from_mins(5);

/// Where one box was heard, newest last.
type Heard = Vec<(BrokerIndex, Instant)>;

#[derive(Debug)]
pub struct Locations {
    brokers: usize,
    heard: Mutex<HashMap<DeviceId, Heard>>,
}

impl Locations {
    pub fn new(brokers: usize) -> Self {
        Self { brokers, heard: Mutex::default() }
    }

    /// The box said something, and its signature was checked.
    pub fn note(&self, device: &DeviceId, broker: BrokerIndex, now: Instant) {
        // Where there is one broker there is nothing to ask.
        if self.brokers < 2 {
            return;
        }
        let mut all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(device) {
            None => drop(all.insert(device.clone(), vec![(broker, now)])),
            Some(heard) => {
                heard.retain(|(at, when)| *at != broker && now.duration_since(*when) < LATELY);
                heard.push((broker, now));
            }
        }
    }

    /// Where a message for this box goes: to where it was heard last, and to where else it was
    /// heard not long before; of a box that was never heard since the start, to every broker.
    pub fn of(&self, device: &DeviceId) -> Vec<BrokerIndex> {
        if self.brokers < 2 {
            return (0..self.brokers).collect();
        }
        let all = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(device) {
            None => (0..self.brokers).collect(),
            Some(heard) => heard.iter().map(|(at, _)| *at).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str) -> DeviceId {
        name.parse().unwrap()
    }

    #[test]
    fn a_box_never_heard_is_told_everywhere() {
        assert_eq!(Locations::new(3).of(&device("box-1")), [0, 1, 2]);
        assert_eq!(Locations::new(1).of(&device("box-1")), [0]);
    }

    #[test]
    fn after_a_move_letters_follow() {
        let (locations, begin) = (Locations::new(2), Instant::now());
        locations.note(&device("box-1"), 0, begin);
        assert_eq!(locations.of(&device("box-1")), [0]);
        locations.note(&device("box-1"), 1, begin + Duration::from_mins(1));
        assert_eq!(locations.of(&device("box-1")).last(), Some(&1));
        locations.note(&device("box-1"), 1, begin + Duration::from_mins(6));
        assert_eq!(locations.of(&device("box-1")), [1], "the old broker is forgotten");
        assert_eq!(locations.of(&device("box-2")), [0, 1], "another box is its own");
    }

    /// Broker 0 repeats old messages all the time; the box beats each minute at broker 1.
    #[test]
    fn a_broker_that_replays_keeps_nothing_from_a_box() {
        let (locations, begin) = (Locations::new(2), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        for second in 0..1_000 {
            if second % 60 == 0 {
                locations.note(&device("box-1"), 1, at(second));
            }
            locations.note(&device("box-1"), 0, at(second));
            assert!(locations.of(&device("box-1")).contains(&1), "at second {second}");
        }
    }
}
