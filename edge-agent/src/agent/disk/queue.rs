//! What waits for the disk, in the order in which it came about, with a bound for each kind of
//! thing: a disk that stands still costs memory up to a figure, and never a look. It writes
//! nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What kind of thing waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::agent) enum JobKind {
    /// A look or a deadline, for the observation log.
    Look,
    /// A fact, for the observation log: without it the rest can not be replayed.
    Fact,
    /// A finding of L1 and above, or what keeps the chain whole.
    Vital,
    /// A finding of L0, or a presence summary.
    Minor,
    Health,
    /// What the server said, or what became of its orders.
    Knowledge,
    /// Sealed pictures of one finding.
    Picture,
}

impl JobKind {
    #[cfg(test)]
    pub(super) const ALL: [Self; 7] = [
        Self::Look,
        Self::Fact,
        Self::Vital,
        Self::Minor,
        Self::Health,
        Self::Knowledge,
        Self::Picture,
    ];

    /// How many of it may wait. Ten minutes of looks are some ten megabytes, as many findings as
    /// the outbox itself holds in memory forty at most.
    pub(super) const fn most(self) -> usize {
        match self {
            Self::Look => 6_000,
            Self::Fact => 4_096,
            Self::Vital => 10_000,
            Self::Minor => 1_000,
            Self::Health => 10,
            Self::Knowledge => 256,
            Self::Picture => 32,
        }
    }

    /// How the heartbeat calls those that found no room.
    const fn name(self) -> &'static str {
        match self {
            Self::Look => "looks of the observation log",
            Self::Fact => "facts of the observation log",
            Self::Vital => "findings and receipts",
            Self::Minor => "presence summaries and findings of L0",
            Self::Health => "heartbeats",
            Self::Knowledge => "messages of the server",
            Self::Picture => "sealed pictures",
        }
    }
}

/// The queue between those who decide and the one who writes.
#[derive(Debug)]
pub(in crate::agent) struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct QueueState<T> {
    waiting: VecDeque<(JobKind, T)>,
    counts: BTreeMap<JobKind, usize>,
    lost: BTreeMap<JobKind, u64>,
    /// One was taken and is not done yet.
    at_work: bool,
    closed: bool,
    /// Whoever took has ended.
    abandoned: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = QueueState {
            waiting: VecDeque::new(),
            counts: BTreeMap::new(),
            lost: BTreeMap::new(),
            at_work: false,
            closed: false,
            abandoned: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts one at the end; false where its kind has no room, which is counted. It waits for
    /// nobody.
    pub(super) fn push(&self, kind: JobKind, item: T) -> bool {
        let mut state = self.lock();
        let count = state.counts.entry(kind).or_default();
        if *count >= kind.most() {
            let lost = state.lost.entry(kind).or_default();
            *lost += 1;
            if *lost == 1 {
                tracing::error!("the disk is too slow: the first of {} is given up", kind.name());
            }
            return false;
        }
        *count += 1;
        state.waiting.push_back((kind, item));
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Whether one more of this kind would find room.
    pub(super) fn has_room(&self, kind: JobKind) -> bool {
        self.lock().counts.get(&kind).copied().unwrap_or(0) < kind.most()
    }

    /// The oldest; waits for one. `None`: closed, and nothing waits any more.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        state.at_work = false;
        self.changed.notify_all();
        loop {
            if let Some((kind, item)) = state.waiting.pop_front() {
                state.at_work = true;
                if let Some(count) = state.counts.get_mut(&kind) {
                    *count -= 1;
                }
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether everything that was put in is done.
    pub(super) fn is_settled(&self) -> bool {
        self.lock().is_settled()
    }

    /// Waits until everything that was put in is done, or whoever does it is gone.
    pub(super) fn settle(&self) {
        let mut state = self.lock();
        while !state.is_settled() && !state.abandoned {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is put in; what waits is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    /// One line for each kind of which some found no room since the start.
    pub(super) fn complaints(&self) -> Vec<String> {
        let said = |(kind, lost): (&JobKind, &u64)| {
            format!("the disk is too slow: {lost} {} found no room since the start", kind.name())
        };
        self.lock().lost.iter().map(said).collect()
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<T>> {
        // Nothing panics while it is held: each change is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> QueueState<T> {
    fn is_settled(&self) -> bool {
        self.waiting.is_empty() && !self.at_work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_bound_and_fills_no_others_room() {
        for full in JobKind::ALL {
            let queue = Queue::new();
            for n in 0..full.most() {
                assert!(queue.push(full, n), "{full:?} {n}");
            }
            assert!(!queue.has_room(full) && !queue.push(full, 0), "{full:?} has no bound");
            for other in JobKind::ALL.into_iter().filter(|other| *other != full) {
                assert!(queue.push(other, 0), "{full:?} takes the room of {other:?}");
            }
        }
    }

    #[test]
    fn what_found_no_room_is_counted_and_said() {
        let queue = Queue::new();
        for _ in 0..JobKind::Health.most() + 3 {
            queue.push(JobKind::Health, ());
        }
        let said = queue.complaints();
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("3 heartbeats"), "{said:?}");
    }

    #[test]
    fn what_was_taken_makes_room_and_keeps_its_order() {
        let queue = Queue::new();
        for n in 0..JobKind::Picture.most() {
            queue.push(JobKind::Picture, n);
        }
        queue.push(JobKind::Vital, 99);
        assert_eq!(queue.take(), Some(0));
        assert!(queue.push(JobKind::Picture, 100));
        let rest: Vec<_> = (0..=JobKind::Picture.most()).filter_map(|_| queue.take()).collect();
        assert_eq!(rest[JobKind::Picture.most() - 1..], [99, 100]);
    }

    #[test]
    fn it_is_settled_once_the_last_is_done_not_taken() {
        let queue = Queue::new();
        assert!(queue.is_settled());
        queue.push(JobKind::Vital, 1);
        assert!(!queue.is_settled());
        queue.take();
        assert!(!queue.is_settled(), "what was taken is not on the disk yet");
        queue.close();
        assert_eq!(queue.take(), None);
        assert!(queue.is_settled());
    }

    #[test]
    fn nobody_waits_for_a_writer_that_is_gone() {
        let queue = Queue::new();
        queue.push(JobKind::Vital, 1);
        queue.abandon();
        queue.settle();
        assert!(queue.is_abandoned() && !queue.is_settled());
    }
}
