//! Where in time a session lies, and where its neighbours begin: what belongs to another session,
//! or to another patient's use of the bed, is not this session's. It measures nothing else.

use crate::history::History;
use crate::knowledge::Knowledge;
use crate::spans::Spans;
use crate::time::Offset;
use crate::{Policy, SessionId};

/// Where in time a case lies. All in monotonic ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaseBounds {
    /// Declared start.
    pub(crate) start: u64,
    /// Declared end, or where an open session ends for now.
    pub(crate) end: u64,
    /// Declared end or end of the observed activity, whichever is later.
    pub(crate) end_seen: u64,
    /// Activity outside belongs to other sessions.
    pub(crate) lo: u64,
    pub(crate) hi: u64,
    /// When the verdict is due.
    pub(crate) final_at: u64,
    /// How much of the declared time lies before monotonic time began, ms.
    pub(crate) forgot_ms: u64,
    /// What was done after another session began, while it was on, may be that one's.
    pub(crate) is_shared: bool,
}

/// Bounds of a declared session; `None` when it is cancelled, of another room or not yet told.
pub(crate) fn session_bounds(
    k: &Knowledge,
    h: &History,
    id: &SessionId,
    now: u64,
    offset: Offset,
) -> Option<CaseBounds> {
    let (start, declared_end) = k.declared_times(id, offset)?;
    let p = &k.policy;
    let own_end = declared_end.unwrap_or(now).max(start);
    let (mut lo, mut hi) = on_paper(k, id, start, offset);
    let (cut, is_shared) = after_cut(h, (lo, hi), own_end.min(now), p);
    hi = cut;
    let uses = h.bed_uses(lo, now.min(hi), p);
    let (bed_lo, bed_hi) = at_the_bed(&uses, start, own_end, p);
    (lo, hi) = (lo.max(bed_lo), hi.min(bed_hi));
    let ring = h.attendance(lo, now.min(hi), p);
    let (end, end_seen, final_at) = match declared_end {
        Some(end) => {
            let touches = |s: &(u64, u64)| s.1 >= start && s.0 <= end;
            let last = ring.bridged(p.operating_pad_ms()).iter().filter(touches).map(|s| s.1).max();
            let end_seen = end.max(last.unwrap_or(end).min(hi));
            (end, end_seen, end_seen + p.window_after_ms())
        }
        None => open_end(&ring, start, hi, now, p),
    };
    let forgot_ms = k.before_begin_ms(id, offset);
    Some(CaseBounds { start, end, end_seen, lo, hi, final_at, forgot_ms, is_shared })
}

/// Where the session after it cuts this one: not through one patient's time on the bed, nor so that
/// of a session in which somebody was at work nothing is left. In that case what was done may be
/// the other's.
fn after_cut(h: &History, (lo, hi): (u64, u64), own_end: u64, p: &Policy) -> (u64, bool) {
    if hi >= own_end {
        return (hi, false);
    }
    let seen = h.bed.clip(lo, own_end).bridged(p.presence_bridge_ms());
    let long = p.bed_seen_min_ms();
    if seen.iter().any(|s| s.0 + long <= hi && s.1 >= hi + long) {
        return (u64::MAX, false);
    }
    let at_work = |from, to| h.attendance(from, to, p).total() >= p.ll1_other_op_ms();
    if !at_work(lo, hi) && at_work(hi, own_end) { (u64::MAX, true) } else { (hi, false) }
}

/// An open session ends when nobody has operated for long enough. (end, `end_seen`, `final_at`)
fn open_end(ring: &Spans, start: u64, hi: u64, now: u64, p: &Policy) -> (u64, u64, u64) {
    let latest = start.saturating_add(p.session_max_ms()).min(hi);
    let act = ring.clip(start, latest).bridged(p.session_idle_ms());
    let last = act.iter().next().map(|s| s.1);
    let idle = p.session_idle_ms().max(p.window_after_ms());
    let due = last.map_or(latest, |l| (l + idle).min(latest.saturating_add(p.window_after_ms())));
    let end = if now >= due { last.unwrap_or(latest) } else { now.max(start).min(latest) };
    (end, end, due)
}

/// The declared neighbours: to the end of the one before, from the start of the one after.
fn on_paper(k: &Knowledge, id: &SessionId, start: u64, offset: Offset) -> (u64, u64) {
    let (mut lo, mut hi) = (start.saturating_sub(k.policy.window_before_ms()), u64::MAX);
    for other in k.sessions.keys().filter(|other| *other != id) {
        let Some((from, to)) = k.declared_times(other, offset) else { continue };
        // A session that begins in the first half of this one lies beside it, not after it: each is
        // judged.
        let own = k.declared_times(id, offset).and_then(|(_, end)| end);
        if from > start && own.is_none_or(|end| from > start.midpoint(end)) {
            hi = hi.min(from);
        } else if from < start
            && to.is_none_or(|to| to <= own.map_or(u64::MAX, |end| start.midpoint(end)))
        {
            lo = lo.max(to.unwrap_or(start).min(start));
        }
    }
    (lo, hi)
}

/// Other uses of the bed, declared or not: what lies nearer to one of them than to this session
/// belongs to it. Where no patient was seen in the session nobody can say which use is its own, and
/// nothing is cut.
fn at_the_bed(uses: &Spans, start: u64, end: u64, p: &Policy) -> (u64, u64) {
    let own = |s: &(u64, u64)| s.1.min(end).saturating_sub(s.0.max(start)) >= p.bed_seen_min_ms();
    let first = uses.iter().find(own).map(|s| s.0);
    let last = uses.iter().rev().find(own).map(|s| s.1);
    let (Some(first), Some(last)) = (first, last) else { return (0, u64::MAX) };
    let before = uses.iter().rev().map(|s| s.1).find(|to| *to <= first);
    let after = uses.iter().map(|s| s.0).find(|from| *from > last);
    let lo = before.map_or(0, |to| to.midpoint(first.min(start).max(to)));
    let hi = after.map_or(u64::MAX, |from| from.midpoint(last.max(end).min(from)));
    (lo, hi)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_nearer_to_another_patient_is_theirs() {
        let p = Policy::default();
        let minutes = |list: &[(u64, u64)]| {
            Spans::from_unsorted(list.iter().map(|(a, b)| (a * 60_000, b * 60_000)).collect())
        };
        let at = |list| at_the_bed(&minutes(list), 100 * 60_000, 130 * 60_000, &p);
        assert_eq!(at(&[(100, 125)]), (0, u64::MAX), "one patient");
        assert_eq!(at(&[(60, 90), (102, 125)]), (95 * 60_000, u64::MAX), "half way to the start");
        assert_eq!(at(&[(102, 125), (140, 150)]), (0, 135 * 60_000), "half way from the end");
        assert_eq!(
            at(&[(102, 110), (112, 125)]),
            (0, u64::MAX),
            "both within: nobody can tell them apart"
        );
        assert_eq!(
            at(&[(60, 90)]),
            (0, u64::MAX),
            "none seen in the session: the one before may be its own"
        );
    }
}
