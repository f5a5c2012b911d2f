//! HB-2, the server's half: a box that is not heard in opening hours. Power or network was cut, or
//! the box was moved.
//!
//! More than 30 min → L1; the second in 30 days → L2 [D]. Silence is what the server itself looked
//! at: a stop of the server ends it, and a later one is another, because the server alleges nothing
//! about hours in which it did not listen.

use protocol::names::{FigureName, IntervalName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::ServerStatement;

use super::draft::{count, span};
use super::{DAY_MS, Draft, Numbers};

/// A stretch of time, ms since the epoch, half-open.
pub type OutageSpan = (i64, i64);

/// One box over the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxOutages {
    pub device: String,
    pub institution: String,
    pub room: String,
    /// When the server looked and the box was not connected.
    pub silent: Vec<OutageSpan>,
    /// When the room was open, in rising order: a room that never closes has one span a day.
    pub open: Vec<OutageSpan>,
}

/// The parts of `a` within `b`; both rising and without overlap.
pub fn common(a: &[OutageSpan], b: &[OutageSpan]) -> Vec<OutageSpan> {
    let meet = |x: &OutageSpan, y: &OutageSpan| (x.0.max(y.0), x.1.min(y.1));
    let mut met: Vec<OutageSpan> =
        a.iter().flat_map(|x| b.iter().map(move |y| meet(x, y))).filter(|s| s.0 < s.1).collect();
    met.sort_unstable();
    met
}

/// Spans that touch or overlap are one; rising. A silence does not end at midnight where the
/// opening hours go on.
fn joined(spans: &[OutageSpan]) -> Vec<OutageSpan> {
    let mut joined: Vec<OutageSpan> = Vec::with_capacity(spans.len());
    for &(from, to) in spans {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// One draft per outage.
pub fn judge(line: &BoxOutages, p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let window = [(now_ms - p.hb2_days * DAY_MS, now_ms)];
    let unheard = common(&common(&line.silent, &joined(&line.open)), &window);
    let long: Vec<OutageSpan> =
        unheard.into_iter().filter(|(from, to)| to - from > p.hb2_outage_ms).collect();
    let drafts = long.iter().enumerate().map(|(n, span)| {
        let repeat = super::repeated::within_window(long.iter().map(|s| s.0), n, p.hb2_days);
        draft(line, *span, repeat, p, now_ms)
    });
    drafts.collect()
}

fn draft(
    line: &BoxOutages,
    (from, to): OutageSpan,
    repeat: usize,
    p: &Numbers,
    now_ms: i64,
) -> Draft {
    let repeated = repeat as i64 >= p.hb2_repeats;
    Draft {
        rule: RuleCode::Hb2,
        kind: FindingKind::Integrity,
        severity: if repeated { Severity::L2 } else { Severity::L1 },
        subject: format!("outage {} {from}", line.device),
        institution: line.institution.clone(),
        room: line.room.clone(),
        device: line.device.clone(),
        session: None,
        persons: Vec::new(),
        basis: protocol::law::duty(),
        intervals: vec![span(IntervalName::Unheard, from, to)],
        counts: vec![
            count(FigureName::UnheardMs, to - from),
            count(FigureName::UnheardMaxMs, p.hb2_outage_ms),
            count(FigureName::Outages, repeat as i64),
            count(FigureName::WindowDays, p.hb2_days),
            count(FigureName::RepeatsNeeded, p.hb2_repeats),
        ],
        statement: ServerStatement::Unheard {
            unheard_ms: to - from,
            going_on: to == now_ms,
            repeat,
            days: p.hb2_days,
        },
        related: Vec::new(),
        incidents: Vec::new(),
        visibility_ppm: 0,
        liveness_waived: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const NOW: i64 = 40 * DAY_MS;

    fn line(silent: Vec<OutageSpan>) -> BoxOutages {
        BoxOutages {
            device: "box-1".into(),
            institution: "c-1".into(),
            room: "r-1".into(),
            silent,
            open: vec![(0, NOW)],
        }
    }

    fn severities(line: &BoxOutages) -> Vec<Severity> {
        judge(line, &Numbers::default(), NOW).into_iter().map(|d| d.severity).collect()
    }

    fn outage(start: i64, minutes: i64) -> OutageSpan {
        (start, start + minutes * MINUTE)
    }

    #[test]
    fn half_an_hour_is_allowed_and_a_millisecond_more_is_not() {
        let start = NOW - DAY_MS;
        assert_eq!(severities(&line(vec![outage(start, 30)])), []);
        assert_eq!(severities(&line(vec![(start, start + 30 * MINUTE + 1)])), [Severity::L1]);
    }

    #[test]
    fn the_second_in_thirty_days_is_the_supervisors() {
        let both = vec![outage(NOW - 20 * DAY_MS, 31), outage(NOW - DAY_MS, 31)];
        assert_eq!(severities(&line(both)), [Severity::L1, Severity::L2]);
        // What of the first lies within the thirty days must itself be longer than half an hour.
        let first_began = |before_ms: i64| {
            vec![outage(NOW - 30 * DAY_MS - before_ms, 31), outage(NOW - DAY_MS, 31)]
        };
        assert_eq!(severities(&line(first_began(59_000))), [Severity::L1, Severity::L2]);
        assert_eq!(severities(&line(first_began(61_000))), [Severity::L1]);
    }

    #[test]
    fn a_closed_room_may_be_dark() {
        let start = NOW - DAY_MS;
        let mut night = line(vec![outage(start, 90)]);
        night.open = vec![(start + 61 * MINUTE, NOW)];
        assert_eq!(severities(&night), []);
        night.open = vec![(start + 59 * MINUTE, NOW)];
        assert_eq!(severities(&night), [Severity::L1]);
    }

    #[test]
    fn a_silence_divided_by_a_stop_alleges_nothing() {
        let start = NOW - DAY_MS;
        assert_eq!(severities(&line(vec![outage(start, 29), outage(start + 30 * MINUTE, 29)])), []);
    }

    #[test]
    fn midnight_divides_no_silence_of_a_room_that_never_closes() {
        let midnight = NOW - DAY_MS;
        let mut always = line(vec![(midnight - 16 * MINUTE, midnight + 15 * MINUTE)]);
        always.open = vec![(midnight - DAY_MS, midnight), (midnight, NOW)];
        assert_eq!(severities(&always), [Severity::L1]);
        // And one of 70 minutes is one, not two that would repeat.
        always.silent = vec![(midnight - 35 * MINUTE, midnight + 35 * MINUTE)];
        assert_eq!(severities(&always), [Severity::L1]);
    }

    #[test]
    fn one_that_goes_on_keeps_its_subject() {
        let start = NOW - DAY_MS;
        let said = |to| judge(&line(vec![(start, to)]), &Numbers::default(), NOW).remove(0).subject;
        assert_eq!(said(start + 40 * MINUTE), said(start + 50 * MINUTE));
    }
}
