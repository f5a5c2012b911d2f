//! Pictures in the order in which they are shown. B-frames come after the picture that they lean on
//! and are shown before it, so each picture waits until as many others have come as the stream puts
//! out of order. Pure: no clock, no decoding.

use std::collections::VecDeque;

/// A stream that does not say how far it goes out of order is held back by this many pictures until
/// it has shown it.
const UNKNOWN: usize = 4;
/// The standard allows no more (H.264 A.3.1).
const MOST: usize = 16;
/// What was out of order within so many pictures is what the stream does.
const WINDOW: usize = 64;
/// A time stamp that goes back by more than this is another beginning: the camera's clock was set,
/// or it starts again.
const JUMP_S: i64 = 1;

/// Puts pictures into the order of their time stamps.
#[derive(Debug)]
pub(super) struct PictureOrder<T> {
    /// Time stamps a second.
    rate_hz: i64,
    depth: usize,
    /// Ascending; of equal stamps the earlier picture comes first.
    held: VecDeque<(i64, T)>,
    ready: VecDeque<(i64, T)>,
    last: Option<i64>,
    /// How many pictures with a later stamp had come before each of the last pictures.
    seen: VecDeque<usize>,
    late: u64,
}

impl<T> PictureOrder<T> {
    pub(super) fn new(rate_hz: u32) -> Self {
        Self {
            rate_hz: i64::from(rate_hz.max(1)),
            depth: UNKNOWN,
            held: VecDeque::new(),
            ready: VecDeque::new(),
            last: None,
            seen: VecDeque::new(),
            late: 0,
        }
    }

    /// A stream begins, or begins anew: what it says of itself goes before what is guessed.
    pub(super) fn expect(&mut self, reorder: Option<usize>) {
        self.depth = reorder.unwrap_or(UNKNOWN).min(MOST);
        self.seen.clear();
    }

    /// A picture, in the order of decoding. `fresh`: nothing after it is shown before it (an IDR
    /// picture).
    pub(super) fn push(&mut self, stamp: i64, picture: T, fresh: bool) {
        let jumped =
            self.last.is_some_and(|last| last.saturating_sub(stamp) > self.rate_hz * JUMP_S);
        if fresh || jumped {
            self.flush();
        }
        if self.last.is_some_and(|last| stamp < last) {
            // Its turn is over; the next of its kind will be waited for.
            self.late += 1;
            self.depth = (self.depth + 1).min(MOST);
            self.note(self.depth);
            return;
        }
        let place = self.held.partition_point(|(held, _)| *held <= stamp);
        self.note(self.held.len() - place);
        self.held.insert(place, (stamp, picture));
        while self.held.len() > self.depth {
            self.release();
        }
    }

    /// The next picture whose turn has come, with its time stamp.
    pub(super) fn next(&mut self) -> Option<(i64, T)> {
        self.ready.pop_front()
    }

    /// Pictures that came after their turn since the last call.
    pub(super) fn take_late(&mut self) -> u64 {
        std::mem::take(&mut self.late)
    }

    /// Nothing more comes before these.
    pub(super) fn flush(&mut self) {
        while !self.held.is_empty() {
            self.release();
        }
        self.last = None;
    }

    fn release(&mut self) {
        if let Some((stamp, picture)) = self.held.pop_front() {
            self.last = Some(stamp);
            self.ready.push_back((stamp, picture));
        }
    }

    fn note(&mut self, before: usize) {
        self.seen.push_back(before);
        if self.seen.len() > WINDOW {
            self.seen.pop_front();
            self.depth = self.seen.iter().copied().max().unwrap_or(0).min(MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Stamps in the order of decoding, each as its own picture; `None` marks an IDR picture before
    /// the next.
    fn shown(order: &mut PictureOrder<i64>, stamps: &[i64], fresh_every: usize) -> Vec<i64> {
        let mut shown = Vec::new();
        for (index, stamp) in stamps.iter().enumerate() {
            order.push(*stamp, *stamp, fresh_every > 0 && index % fresh_every == 0);
            shown.extend(std::iter::from_fn(|| order.next()).map(|(stamp, _)| stamp));
        }
        order.flush();
        shown.extend(std::iter::from_fn(|| order.next()).map(|(stamp, _)| stamp));
        shown
    }

    #[test]
    fn b_frames_come_at_their_time() {
        let stamps: Vec<i64> =
            (0..50).flat_map(|group| [4, 2, 1, 3].map(|at| (group * 4 + at) * 3_600)).collect();
        let mut sorted = stamps.clone();
        sorted.sort_unstable();
        assert_eq!(shown(&mut PictureOrder::new(90_000), &stamps, 0), sorted);
        let mut said = PictureOrder::new(90_000);
        said.expect(Some(2));
        assert_eq!(shown(&mut said, &stamps, 0), sorted);
        assert_eq!(said.take_late(), 0);
    }

    #[test]
    fn a_stream_in_order_is_held_back_for_a_moment_only() {
        let mut order = PictureOrder::new(90_000);
        let mut held = 0;
        for index in 0..200_i64 {
            order.push(index, index, index == 0);
            held =
                index - std::iter::from_fn(|| order.next()).last().map_or(-1, |(stamp, _)| stamp);
        }
        assert_eq!(held, 0, "after {WINDOW} pictures in order none is held back");
    }

    #[test]
    fn a_stream_that_begins_to_reorder_loses_little() {
        let mut order = PictureOrder::new(90_000);
        let plain: Vec<i64> = (0..100).collect();
        let b_frames: Vec<i64> =
            (25..75).flat_map(|group| [4, 1, 2, 3].map(|at| group * 4 + at)).collect();
        let shown = shown(&mut order, &[plain, b_frames].concat(), 0);
        assert!(shown.is_sorted());
        assert!(shown.len() >= 296, "{}", shown.len());
        assert_eq!(order.take_late() as usize, 300 - shown.len());
    }

    #[test]
    fn a_clock_that_is_set_back_is_another_beginning() {
        let stamps: Vec<i64> =
            (0..50).map(|i| 900_000 + i * 3_600).chain((0..50).map(|i| i * 3_600)).collect();
        assert_eq!(shown(&mut PictureOrder::new(90_000), &stamps, 0), stamps);
    }

    #[test]
    fn equal_stamps_keep_their_order() {
        let mut order = PictureOrder::new(90_000);
        for index in 0..100 {
            order.push(0, index, false);
        }
        order.flush();
        assert!(std::iter::from_fn(|| order.next()).map(|(_, picture)| picture).eq(0..100));
    }

    proptest! {
        /// Whatever the stamps: nothing is made up, and each picture is shown once or counted as
        /// late.
        #[test]
        fn every_picture_is_shown_or_counted(
            stamps in proptest::collection::vec(any::<i64>(), 0..300),
            fresh_every in 0_usize..20,
        ) {
            let mut order = PictureOrder::new(90_000);
            let shown = shown(&mut order, &stamps, fresh_every);
            prop_assert_eq!(shown.len() as u64 + order.take_late(), stamps.len() as u64);
        }

        /// Groups as encoders make them: any depth up to 8, any order inside, is put right.
        #[test]
        fn groups_of_any_order_are_put_right(
            group in Just((0..8_i64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut order = PictureOrder::new(90_000);
            order.expect(Some(8));
            let stamps: Vec<i64> = (0..40).flat_map(
                |g| group.iter().map(move |at| g * 8 + at)).collect();
            let shown = shown(&mut order, &stamps, 8);
            prop_assert!(shown.is_sorted() && shown.len() == 320);
        }
    }
}
