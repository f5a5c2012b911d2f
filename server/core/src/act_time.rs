//! When what a finding alleges happened, as far as its box is believed. Pure.
//!
//! Intervals are a box's word, and the declared ones its clinic's. The law in force, whether the
//! box was reviewed by then, limitation, a self-check's period and repeats hang on them: nobody
//! under suspicion moves a deed into another year. Shows nothing and stores nothing.

use protocol::up::FindingReport;

use crate::clock::ms;
use crate::own_id::is_own;

/// So long before it was raised a box's finding may begin, ms [D].
const REACH_MS: i64 = 2 * 86_400_000;

/// From the first interval to the last, ms: of a box, what lies between two days before it was
/// raised and then; where nothing does, the moment of raising. The server's own rules look over
/// weeks, and are not narrowed.
pub fn span_ms(report: &FindingReport) -> Option<(i64, i64)> {
    let raised = ms(&report.raised_at)?;
    let said = report.intervals.iter().filter_map(|i| Some((ms(&i.from)?, ms(&i.to)?)));
    let own = is_own(&report.finding_id);
    let (earliest, latest) = if own { (i64::MIN, i64::MAX) } else { (raised - REACH_MS, raised) };
    let spans: Vec<(i64, i64)> = said
        .map(|(one, other)| (one.min(other), one.max(other)))
        .filter(|&(from, to)| from <= latest && to >= earliest)
        .map(|(from, to)| (from.max(earliest), to.min(latest)))
        .collect();
    let from = spans.iter().map(|span| span.0).min().unwrap_or(raised);
    let to = spans.iter().map(|span| span.1).max().unwrap_or(raised);
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock;

    const DAY: i64 = 86_400_000;
    const RAISED: i64 = 1_790_000_000_000;

    fn report(id: &str, intervals: &[(i64, i64)]) -> FindingReport {
        let text = |at: i64| clock::text(jiff::Timestamp::from_millisecond(at).unwrap());
        let said = intervals
            .iter()
            .map(|(from, to)| json!({"what": "declared", "from": text(*from), "to": text(*to)}));
        serde_json::from_value(json!({"finding_id": id, "incident_id": id, "step": "opened",
            "revision": 1, "rule": "LL-1", "kind": "LicenseLending", "severity": "L2",
            "confidence": {"identity_ppm": 1, "role_ppm": 1, "session_ppm": 1,
                "visibility_ppm": 1},
            "room": "r-1", "institution": "c-1", "persons": [], "candidate_basis": [],
            "intervals": said.collect::<Vec<Value>>(), "counts": [],
            "explanation": {"zh": "疑似", "en": "suspected"}, "raised_at": text(RAISED),
            "manifest": {"firmware": "f", "pack": "avatar", "pack_sha256": "",
                "config_sha256": "", "policy_sha256": "", "policy_version": 1,
                "roster_version": 1, "liveness_waived": false}}))
        .unwrap()
    }

    fn of_box(intervals: &[(i64, i64)]) -> (i64, i64) {
        span_ms(&report(&"a".repeat(32), intervals)).unwrap()
    }

    #[test]
    fn what_a_box_saw_before_it_raised_counts_as_it_says() {
        let honest = [(RAISED - 7_200_000, RAISED - 60_000), (RAISED - DAY, RAISED - 3_600_000)];
        assert_eq!(of_box(&honest), (RAISED - DAY, RAISED - 60_000));
        assert_eq!(of_box(&[]), (RAISED, RAISED));
    }

    #[test]
    fn no_box_moves_a_deed_into_another_year() {
        for year in [-20, -1, 1, 20] {
            let other = RAISED + year * 365 * DAY;
            assert_eq!(of_box(&[(other, other + DAY)]), (RAISED, RAISED), "{year} years off");
            let (from, to) = of_box(&[(other.min(RAISED), other.max(RAISED))]);
            assert!(from >= RAISED - 2 * DAY && to <= RAISED, "{year} years long");
        }
    }

    #[test]
    fn a_rule_of_the_servers_looks_over_weeks() {
        let own = format!("s{}", "0".repeat(31));
        let weeks = [(RAISED - 30 * DAY, RAISED - 29 * DAY), (RAISED - DAY, RAISED)];
        assert_eq!(span_ms(&report(&own, &weeks)), Some((RAISED - 30 * DAY, RAISED)));
    }
}
