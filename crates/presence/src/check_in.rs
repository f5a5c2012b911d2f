//! A witnessed check-in, and from when to when it binds a track. It says nothing of who was seen.

use crate::CheckSubject;

/// A witnessed check-in that binds a track to a person, or to the holder of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedIn<'a> {
    pub(crate) whom: &'a CheckSubject,
    /// Monotonic ms.
    pub(crate) from: u64,
    /// It binds nobody from here on: the pass is over.
    pub(crate) until: u64,
}

impl CheckedIn<'_> {
    pub(crate) fn is_of_a_pass(&self) -> bool {
        matches!(self.whom, CheckSubject::Pass(_))
    }

    /// Cuts an interval where check-ins, in the order of time, begin and end to bind.
    pub(crate) fn cut(bound: &[Self], (from, to): (u64, u64)) -> Vec<(u64, u64, Option<Self>)> {
        let mut out = Vec::new();
        let mut begin = from;
        for check in bound.iter().filter(|check| check.until > from && check.from <= to) {
            if check.until <= begin {
                continue;
            }
            if check.from > begin {
                out.push((begin, check.from, None));
                begin = check.from;
            }
            let end = check.until.min(to);
            out.push((begin, end, Some(*check)));
            begin = end;
        }
        if begin < to || out.is_empty() {
            out.push((begin, to, None));
        }
        out
    }
}
