//! Sets of time as sorted, disjoint, half-open spans of monotonic ms. Everything that a rule
//! measures is one of these. They know nothing of what they measure.

/// A set of time. A span may be empty (one single sighting): it has no length but is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<(u64, u64)>);

impl Spans {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn one(from: u64, to: u64) -> Self {
        if from > to { Self::none() } else { Self(vec![(from, to)]) }
    }

    /// From spans in any order.
    pub(crate) fn from_unsorted(mut spans: Vec<(u64, u64)>) -> Self {
        spans.sort_unstable();
        let mut out: Vec<(u64, u64)> = Vec::with_capacity(spans.len());
        for (from, to) in spans {
            match out.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => out.push((from, to)),
            }
        }
        Self(out)
    }

    /// Online: something is so at `at`; it was so throughout if it last was at most `gap` ago. `at`
    /// never falls.
    pub(crate) fn extend_to(&mut self, at: u64, gap: u64) {
        match self.0.last_mut() {
            Some(last) if at <= last.1.saturating_add(gap) => last.1 = last.1.max(at),
            _ => self.0.push((at, at)),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.0.first().map(|s| s.0)
    }

    pub(crate) fn last(&self) -> Option<u64> {
        self.0.last().map(|s| s.1)
    }

    /// Total length, ms.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        Self::from_unsorted(self.0.iter().chain(&other.0).copied().collect())
    }

    pub(crate) fn clip(&self, from: u64, to: u64) -> Self {
        let inside = self.0.iter().filter(|s| s.1 >= from && s.0 <= to);
        Self(inside.map(|s| (s.0.max(from), s.1.min(to))).collect())
    }

    /// What is in both; where they only touch nothing is left.
    pub(crate) fn intersect(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut out = Vec::new();
        while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
            let (from, to) = (x.0.max(y.0), x.1.min(y.1));
            if from < to {
                out.push((from, to));
            }
            if x.1 <= y.1 {
                a.next();
            } else {
                b.next();
            }
        }
        Self(out)
    }

    /// What is in this and not in the other.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let mut out = Vec::new();
        let mut start = 0;
        for &(mut from, to) in &self.0 {
            while start < other.0.len() && other.0[start].1 <= from {
                start += 1;
            }
            for &(cut_from, cut_to) in &other.0[start..] {
                if cut_from >= to {
                    break;
                }
                if cut_from > from {
                    out.push((from, cut_from));
                }
                from = from.max(cut_to);
            }
            if from < to {
                out.push((from, to));
            }
        }
        Self(out)
    }

    /// Each span longer by `pad` on both sides.
    pub(crate) fn padded(&self, pad: u64) -> Self {
        Self::from_unsorted(
            self.0.iter().map(|s| (s.0.saturating_sub(pad), s.1.saturating_add(pad))).collect(),
        )
    }

    /// Gaps of at most `gap` closed.
    pub(crate) fn bridged(&self, gap: u64) -> Self {
        let mut out = Self::none();
        for &(from, to) in &self.0 {
            out.extend_to(from, gap);
            if let Some(last) = out.0.last_mut() {
                last.1 = last.1.max(to);
            }
        }
        out
    }

    /// Whether any part, even an empty span, lies in `from..=to`.
    pub(crate) fn touches(&self, from: u64, to: u64) -> bool {
        self.0.iter().any(|s| s.1 >= from && s.0 <= to)
    }

    /// The most of this that lies in any window of the given length, ms.
    pub(crate) fn densest(&self, window: u64) -> u64 {
        // The best window begins at the begin of a span, or ends at the end of one.
        let begins = self.0.iter().map(|s| s.0);
        let ends = self.0.iter().map(|s| s.1.saturating_sub(window));
        begins
            .chain(ends)
            .map(|from| self.clip(from, from.saturating_add(window)).total())
            .max()
            .unwrap_or(0)
    }

    /// Forgets what ended before `at`.
    pub(crate) fn forget_before(&mut self, at: u64) {
        let keep = self.0.partition_point(|s| s.1 < at);
        if keep > 0 {
            self.0.drain(..keep);
        }
    }
}

/// `part` of `whole` in ppm, at most 1,000,000; of nothing: 0.
pub(crate) fn share_ppm(part: u64, whole: u64) -> u32 {
    if whole == 0 {
        0
    } else {
        (u128::from(part) * 1_000_000 / u128::from(whole)).min(1_000_000) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(list: &[(u64, u64)]) -> Spans {
        Spans::from_unsorted(list.to_vec())
    }

    #[test]
    fn the_algebra_of_spans() {
        let a = spans(&[(0, 10), (20, 30), (30, 35)]);
        assert_eq!(a, spans(&[(0, 10), (20, 35)]));
        assert_eq!(a.total(), 25);
        assert_eq!(
            a.intersect(&spans(&[(5, 25), (34, 99)])),
            spans(&[(5, 10), (20, 25), (34, 35)])
        );
        assert_eq!(a.minus(&spans(&[(5, 25), (34, 99)])), spans(&[(0, 5), (25, 34)]));
        assert_eq!(a.minus(&spans(&[(2, 3), (4, 5)])), spans(&[(0, 2), (3, 4), (5, 10), (20, 35)]));
        assert_eq!(a.padded(5), spans(&[(0, 40)]));
        assert_eq!(a.bridged(9).total(), 25);
        assert_eq!(a.bridged(10).total(), 35);
        assert_eq!(a.densest(15), 15);
        assert_eq!(spans(&[(0, 10), (15, 25)]).densest(20), 15);
    }

    #[test]
    fn sightings_join_up_to_the_gap() {
        let mut s = Spans::none();
        for at in [100, 103, 106, 110] {
            s.extend_to(at, 3);
        }
        assert_eq!(s, spans(&[(100, 106), (110, 110)]));
    }
}
