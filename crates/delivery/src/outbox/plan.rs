//! What to send next, when to send it again, what to give up on a full disk. Pure: no clock, no
//! disk, no network.
//!
//! A row stays in flight from its publish to the *server's* receipt; a broker's acknowledgement
//! changes nothing. Within a lane rows go in the order of their sequence. The vital lane goes
//! first, so that a backlog of heartbeats does not hold up a finding; the bulk lane always keeps a
//! few slots, so that findings do not silence the heartbeat.

use std::collections::BTreeMap;

use protocol::up::{Severity, Up};

/// What a row is worth when the disk is full, and in which lane it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A finding of L1 and above, and the records that keep the chain whole. Never dropped for
    /// space.
    Vital = 0,
    /// A finding of L0: dropped last.
    Log = 1,
    /// Presence summaries.
    Presence = 2,
    /// Heartbeats: dropped first.
    Health = 3,
}

impl Class {
    pub fn of(payload: &Up) -> Self {
        match payload {
            Up::Finding(finding) if finding.severity == Severity::L0 => Self::Log,
            Up::Presence(_) | Up::PresenceSummary(_) => Self::Presence,
            Up::Health(_) | Up::PolicyTrialAnswer(_) => Self::Health,
            Up::Finding(_)
            | Up::KnowledgeAck(_)
            | Up::Dropped(_)
            | Up::ChainBreak(_)
            | Up::EvidenceManifest(_)
            | Up::EvidenceReceipt(_)
            | Up::Unknown => Self::Vital,
        }
    }

    pub fn lane(self) -> Lane {
        if self <= Self::Log { Lane::Vital } else { Lane::Bulk }
    }

    /// The classes that may be given up to make room for a row of this class, the first to go
    /// first. A row never drives out one that is worth more.
    pub fn may_drop(self) -> &'static [Class] {
        match self {
            Self::Vital => &[Self::Health, Self::Presence, Self::Log],
            Self::Log | Self::Presence => &[Self::Health, Self::Presence],
            Self::Health => &[Self::Health],
        }
    }

    /// As it stands in `DroppedRow::channel`.
    pub fn channel_name(self) -> &'static str {
        match self {
            Self::Vital | Self::Log => "findings",
            Self::Presence => "presence",
            Self::Health => "health",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    Vital,
    Bulk,
}

/// How much may be in flight, and how patience grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// Rows in flight at once; never above the broker's receive maximum.
    pub window: usize,
    /// Slots of the window that the bulk lane may always use.
    pub bulk_share: usize,
    /// First wait for a receipt, ms; it doubles up to `retry_max_ms`, each time spread by ±25 %.
    pub retry_first_ms: u64,
    pub retry_max_ms: u64,
}

impl Default for SendLimits {
    fn default() -> Self {
        Self { window: 64, bulk_share: 8, retry_first_ms: 10_000, retry_max_ms: 300_000 }
    }
}

/// The oldest undelivered rows of each lane, at least `window` of each where there are so many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneHeads {
    pub vital: Vec<u64>,
    pub bulk: Vec<u64>,
}

/// What to do now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SendPlan {
    pub send: Vec<u64>,
    /// When to plan again if nothing else happens, on the caller's monotonic clock.
    pub wake_at_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flight {
    sends: u32,
    due_ms: u64,
}

/// The rows that were published on this connection and not yet receipted.
#[derive(Debug, Clone)]
pub struct Planner {
    limits: SendLimits,
    flights: BTreeMap<u64, Flight>,
    dice: u64,
}

impl Planner {
    /// `seed` spreads the retries of different boxes apart.
    pub fn new(limits: SendLimits, seed: u64) -> Self {
        Self { limits, flights: BTreeMap::new(), dice: seed }
    }

    /// A new connection: nothing that was sent on the old one counts as sent.
    pub fn reconnected(&mut self, receive_maximum: Option<u16>) {
        self.flights.clear();
        if let Some(maximum) = receive_maximum {
            self.limits.window = self.limits.window.min(usize::from(maximum)).max(1);
        }
    }

    /// Rows that [`LaneHeads`] must hold per lane.
    pub fn window(&self) -> usize {
        self.limits.window
    }

    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// The rows to publish now; each counts as in flight from here on.
    pub fn plan(&mut self, heads: &LaneHeads, now_ms: u64) -> SendPlan {
        let pending = |seq: &u64| heads.vital.contains(seq) || heads.bulk.contains(seq);
        self.flights.retain(|seq, _| pending(seq));
        let mut send = Vec::new();
        let free = self.limits.window.saturating_sub(self.flights.len());
        let bulk_waiting = self.fresh(&heads.bulk).count();
        let bulk_in_flight = heads.bulk.iter().filter(|seq| self.flights.contains_key(seq)).count();
        let kept_for_bulk = self.limits.bulk_share.saturating_sub(bulk_in_flight).min(bulk_waiting);
        // A window of one or two must not be all bulk.
        let kept_for_bulk = if free > kept_for_bulk { kept_for_bulk } else { 0 };
        let overdue = |lane: &[u64], flights: &BTreeMap<u64, Flight>| -> Vec<u64> {
            lane.iter()
                .copied()
                .filter(|seq| flights.get(seq).is_some_and(|f| f.due_ms <= now_ms))
                .collect()
        };
        send.extend(overdue(&heads.vital, &self.flights));
        let vital: Vec<u64> = self.fresh(&heads.vital).take(free - kept_for_bulk).collect();
        let left = free - vital.len();
        send.extend(vital);
        send.extend(overdue(&heads.bulk, &self.flights));
        send.extend(self.fresh(&heads.bulk).take(left).collect::<Vec<_>>());
        for seq in &send {
            self.depart(*seq, now_ms);
        }
        SendPlan { send, wake_at_ms: self.flights.values().map(|flight| flight.due_ms).min() }
    }

    /// A row that could not be handed to the connection after all: it waits for the next plan.
    pub fn not_sent(&mut self, seq: u64) {
        self.flights.remove(&seq);
    }

    fn fresh<'a>(&'a self, lane: &'a [u64]) -> impl Iterator<Item = u64> + 'a {
        lane.iter().copied().filter(|seq| !self.flights.contains_key(seq))
    }

    fn depart(&mut self, seq: u64, now_ms: u64) {
        let sends = self.flights.get(&seq).map_or(0, |flight| flight.sends) + 1;
        let patience = backoff_ms(self.limits.retry_first_ms, self.limits.retry_max_ms, sends - 1);
        let due_ms = now_ms + spread(patience, 250, &mut self.dice);
        self.flights.insert(seq, Flight { sends, due_ms });
    }
}

/// `first × 2^attempt`, at most `max`.
pub fn backoff_ms(first: u64, max: u64, attempt: u32) -> u64 {
    first.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(max)
}

/// `value` ± `permille`, evenly; so that boxes that failed together do not come back together.
pub fn spread(value: u64, permille: u64, dice: &mut u64) -> u64 {
    let reach = value.saturating_mul(permille) / 1000;
    value - reach + roll(dice) % (2 * reach + 1)
}

/// `SplitMix64` (Steele, Lea, Flood 2014): enough for jitter, and the same on every machine.
fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planner(window: usize) -> Planner {
        Planner::new(
            SendLimits { window, bulk_share: 1, retry_first_ms: 1000, retry_max_ms: 8000 },
            7,
        )
    }

    fn heads(vital: &[u64], bulk: &[u64]) -> LaneHeads {
        LaneHeads { vital: vital.to_vec(), bulk: bulk.to_vec() }
    }

    #[test]
    fn findings_overtake_heartbeats_but_do_not_silence_them() {
        assert_eq!(planner(3).plan(&heads(&[7, 8, 9, 10], &[1, 2, 3]), 0).send, [7, 8, 1]);
    }

    #[test]
    fn a_window_of_one_serves_the_finding() {
        assert_eq!(planner(1).plan(&heads(&[7], &[1]), 0).send, [7]);
        assert_eq!(planner(1).plan(&heads(&[], &[1]), 0).send, [1]);
    }

    #[test]
    fn a_row_in_flight_is_not_sent_twice_before_its_time() {
        let mut planner = planner(4);
        assert_eq!(planner.plan(&heads(&[1, 2], &[]), 0).send, [1, 2]);
        let again = planner.plan(&heads(&[1, 2], &[]), 700);
        assert_eq!(again.send, [0; 0]);
        assert!(again.wake_at_ms.is_some_and(|due| (750..=1250).contains(&due)), "{again:?}");
    }

    #[test]
    fn without_a_receipt_patience_doubles_to_its_limit() {
        let mut planner = planner(1);
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..6 {
            let plan = planner.plan(&heads(&[1], &[]), now);
            assert_eq!(plan.send, [1]);
            let due = plan.wake_at_ms.unwrap();
            waits.push(due - now);
            now = due;
        }
        for (wait, expected) in waits.iter().zip([1000, 2000, 4000, 8000, 8000, 8000]) {
            assert!(wait.abs_diff(expected) <= expected / 4, "{waits:?}");
        }
    }

    #[test]
    fn a_new_connection_sends_all_without_receipt_again() {
        let mut planner = planner(2);
        assert_eq!(planner.plan(&heads(&[1, 2, 3], &[]), 0).send, [1, 2]);
        assert_eq!(
            planner.plan(&heads(&[2, 3, 4], &[]), 1).send,
            [3],
            "the receipt for 1 freed one slot"
        );
        planner.reconnected(Some(100));
        assert_eq!(planner.plan(&heads(&[2, 3, 4], &[]), 2).send, [2, 3]);
    }

    #[test]
    fn the_brokers_receive_maximum_bounds_the_window() {
        let mut planner = planner(64);
        planner.reconnected(Some(2));
        assert_eq!(planner.plan(&heads(&[1, 2, 3], &[]), 0).send, [1, 2]);
    }

    #[test]
    fn an_accusation_is_never_given_up_for_space() {
        for class in [Class::Vital, Class::Log, Class::Presence, Class::Health] {
            assert!(!class.may_drop().contains(&Class::Vital));
        }
        assert_eq!(Class::Vital.may_drop().first(), Some(&Class::Health));
    }

    proptest::proptest! {
        /// Whatever happens, never more than the window is in flight, and nothing is sent that is
        /// not pending.
        #[test]
        fn never_more_than_the_window_is_in_flight(window in 1_usize..20,
            steps in proptest::collection::vec((0_u64..40, 0_u64..40, 0_u64..3000), 1..60)) {
            let mut planner = Planner::new(SendLimits { window, ..SendLimits::default() }, 1);
            let mut now = 0;
            for (vital, bulk, wait) in steps {
                now += wait;
                let heads = heads(&(vital..vital + 25).map(|s| 2 * s).collect::<Vec<_>>(),
                    &(bulk..bulk + 25).map(|s| 2 * s + 1).collect::<Vec<_>>());
                let plan = planner.plan(&heads, now);
                proptest::prop_assert!(planner.in_flight() <= window);
                proptest::prop_assert!(
                    plan.send.iter().all(|s| heads.vital.contains(s) || heads.bulk.contains(s)));
            }
        }
    }
}
