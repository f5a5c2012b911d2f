//! How well a session could be seen, and why nothing may be alleged of it. It knows nobody.

use super::input::CaseInput;
use crate::finding::Visibility;
use crate::history::History;
use crate::spans::{Spans, share_ppm};

/// How well the session could be seen.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent measures, not a state")]
pub(crate) struct CaseSight {
    /// The activity and the pads around it.
    pub(crate) a: Spans,
    /// The declared time and the activity.
    pub(crate) i: Spans,
    pub(crate) v: Visibility,
    pub(crate) door_ppm: u32,
    /// No healthy view of the operator zone.
    pub(crate) blind: Spans,
    /// No picture at all.
    pub(crate) dark: Spans,
    /// Declared time before monotonic time began, ms: nothing of it is known.
    pub(crate) forgot_ms: u64,
    /// Its patient declined before it began.
    pub(crate) declined: bool,
    /// In too much of it nobody was looked at.
    pub(crate) withheld: bool,
    pub(crate) clock_doubt: bool,
    pub(crate) history_lost: bool,
}

impl CaseSight {
    /// `unknown`: when somebody INDETERMINATE stood in the operator zone.
    pub(crate) fn of(
        given: &CaseInput<'_>,
        history: &History,
        activity: &Spans,
        unknown: &Spans,
    ) -> Self {
        let p = &given.knowledge.policy;
        let (bounds, now) = (&given.bounds, given.now.0);
        let declared = Spans::one(bounds.start, bounds.end.min(now));
        let a = activity.padded(p.operating_pad_ms()).clip(bounds.lo, now.min(bounds.hi));
        let i = declared.union(activity);
        let clear = history.clear.minus(unknown);
        let forgot_ms = bounds.forgot_ms;
        let of_i_ms = i.total() + forgot_ms;
        let over_a_ppm = share_ppm(clear.intersect(&a).total(), a.total());
        let over_i_ppm = share_ppm(clear.intersect(&i).total(), of_i_ms);
        let withheld_ppm = share_ppm(history.withheld.intersect(&i).total(), i.total());
        let most_ppm = 1_000_000_u64.saturating_sub(p.visibility_min_ppm());
        Self {
            v: Visibility { over_a_ppm, over_i_ppm },
            door_ppm: share_ppm(history.door.intersect(&i).total(), of_i_ms),
            blind: given.window.minus(&history.clear),
            dark: i.minus(&history.lit()),
            forgot_ms,
            declined: is_declined_in_time(given),
            withheld: u64::from(withheld_ppm) > most_ppm,
            clock_doubt: history.clock_doubt.touches(bounds.start, bounds.end_seen.min(now)),
            // What was over before the first look is for the box that was on then.
            history_lost: bounds.start < history.known_from
                || history.began.is_some_and(|began| bounds.end_seen <= began),
            a,
            i,
        }
    }
}

/// The refusal had reached the server when the session began, and it is no longer than a refusal
/// lasts. One that came later hides only what came after it.
fn is_declined_in_time(given: &CaseInput<'_>) -> bool {
    let record = given.session.and_then(|(_, s)| s.record.as_ref());
    let lasted_ms = given.bounds.end_seen.min(given.now.0).saturating_sub(given.bounds.start);
    record.is_some_and(|r| r.declined_at.is_some_and(|at| at <= r.start))
        && lasted_ms <= given.knowledge.policy.declined_max_ms()
}
