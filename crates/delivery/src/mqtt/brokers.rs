//! Which broker a box uses: one of those that it was given, and the next of them when it fails.
//! Brokers know nothing of one another; what must survive a move stands in the outbox.
//!
//! A box begins at the one that its key names, so that a thousand boxes spread over all, and comes
//! back to a broker that was mended only when the one it uses fails.

use std::sync::Arc;

use protocol::provision::BrokerAddress;
use tokio::sync::watch;

use crate::outbox::plan::{backoff_ms, spread};

/// The brokers of a box; all clones are one list, which the server's knowledge may change.
#[derive(Debug, Clone)]
pub struct BrokerList {
    brokers: Arc<watch::Sender<Vec<BrokerAddress>>>,
}

impl BrokerList {
    pub fn new(brokers: Vec<BrokerAddress>) -> Self {
        Self { brokers: Arc::new(watch::Sender::new(brokers)) }
    }

    pub fn all(&self) -> Vec<BrokerAddress> {
        self.brokers.borrow().clone()
    }

    /// A box that uses one which is not among them leaves it at once.
    pub fn set(&self, brokers: Vec<BrokerAddress>) {
        self.brokers.send_replace(brokers);
    }

    pub(super) fn changes(&self) -> watch::Receiver<Vec<BrokerAddress>> {
        self.brokers.subscribe()
    }
}

/// Waits between two attempts, ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    pub first: u64,
    pub max: u64,
    /// A move to a broker that was not tried yet happens somewhere within this time.
    pub move_within: u64,
}

/// The order in which brokers are tried. Pure.
#[derive(Debug)]
pub(super) struct BrokerRotation {
    current: BrokerAddress,
    /// Attempts in vain since the last good connection.
    failures: u32,
}

impl BrokerRotation {
    /// `None` where there is no broker at all.
    pub(super) fn begin(brokers: &[BrokerAddress], key: u64) -> Option<Self> {
        let count = u64::try_from(brokers.len()).ok()?;
        let first = usize::try_from(key.checked_rem(count)?).ok()?;
        brokers.get(first).map(|broker| Self { current: broker.clone(), failures: 0 })
    }

    pub(super) fn current(&self) -> &BrokerAddress {
        &self.current
    }

    /// The broker did its work: what fails next is a fault of its own.
    pub(super) fn was_good(&mut self) {
        self.failures = 0;
    }

    /// Goes on to the next of the list and gives the wait before it is tried. One round over all
    /// brokers costs short, spread waits, so that those whose broker ended do not come to the next
    /// one in the same moment; from then on the wait doubles with each round.
    pub(super) fn next(&mut self, brokers: &[BrokerAddress], waits: Waits, dice: &mut u64) -> u64 {
        let here = brokers.iter().position(|it| it.is_at(&self.current));
        let next = here.map_or(0, |at| (at + 1) % brokers.len().max(1));
        if let Some(broker) = brokers.get(next) {
            self.current = broker.clone();
        }
        let count = u32::try_from(brokers.len()).unwrap_or(1).max(1);
        self.failures = self.failures.saturating_add(1);
        match self.failures / count {
            0 => spread(waits.move_within / 2, 1000, dice),
            rounds => spread(backoff_ms(waits.first, waits.max, rounds - 1), 500, dice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Waits = Waits { first: 500, max: 60_000, move_within: 3_000 };

    fn brokers(ports: &[u16]) -> Vec<BrokerAddress> {
        let at = |port: &u16| BrokerAddress {
            host: "127.0.0.1".to_owned(),
            port: *port,
            tls: false,
            username: None,
            password: None,
        };
        ports.iter().map(at).collect()
    }

    #[test]
    fn boxes_begin_spread_over_all_brokers() {
        let list = brokers(&[1, 2, 3]);
        let first = |key| BrokerRotation::begin(&list, key).map(|it| it.current().port);
        assert_eq!([first(0), first(1), first(2), first(3)], [Some(1), Some(2), Some(3), Some(1)]);
        assert_eq!(BrokerRotation::begin(&[], 7).map(|it| it.current().port), None);
    }

    #[test]
    fn one_broker_is_tried_with_doubling_waits() {
        let (list, mut dice) = (brokers(&[1]), 3);
        let mut rotation = BrokerRotation::begin(&list, 0).unwrap();
        for doubled in [500, 1_000, 2_000, 4_000] {
            let wait = rotation.next(&list, WAITS, &mut dice);
            assert!((doubled / 2..=doubled * 3 / 2).contains(&wait), "{doubled}: {wait}");
        }
        rotation.was_good();
        assert!(rotation.next(&list, WAITS, &mut dice) <= 750);
    }

    #[test]
    fn a_round_over_all_is_short_and_the_next_waits_longer() {
        let (list, mut dice) = (brokers(&[1, 2]), 3);
        let mut rotation = BrokerRotation::begin(&list, 0).unwrap();
        let mut went = Vec::new();
        for most in [3_000, 750, 750, 1_500, 1_500, 3_000] {
            let wait = rotation.next(&list, WAITS, &mut dice);
            assert!(wait <= most, "{wait} > {most}");
            went.push(rotation.current().port);
        }
        assert_eq!(went, [2, 1, 2, 1, 2, 1]);
    }

    #[test]
    fn boxes_of_a_dead_broker_come_spread_in_time() {
        let list = brokers(&[1, 2]);
        let wait = |seed: u64| {
            let mut dice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            BrokerRotation::begin(&list, 0).unwrap().next(&list, WAITS, &mut dice)
        };
        let waits: Vec<u64> = (1..=1_000).map(wait).collect();
        for part in 0..3 {
            let within = |wait: &&u64| (part * 1_000..(part + 1) * 1_000).contains(*wait);
            let count = waits.iter().filter(within).count();
            assert!((200..=500).contains(&count), "{count} in second {part}");
        }
    }

    #[test]
    fn a_broker_that_left_the_list_is_not_tried_again() {
        let mut rotation = BrokerRotation::begin(&brokers(&[1, 2]), 0).unwrap();
        rotation.next(&brokers(&[2, 3]), WAITS, &mut 3);
        assert_eq!(rotation.current().port, 2);
    }
}
