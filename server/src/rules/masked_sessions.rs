//! HB-5 sessions that can not be judged: always masked, always turned away, always out of sight.
//!
//! >30 % of ≥10 declared sessions in 14 days NotAssessable → L1 to the clinic; not cured within 14 days of notice → L2 [D].

use std::collections::BTreeMap;

use protocol::up::Severity;

use super::{DAY_MS, SessionOutcome, within};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudgeable {
    pub institution: String,
    pub severity: Severity,
    pub declared: u32,
    pub not_assessable: u32,
}

const DAYS: i64 = 14;
const LEAST: u32 = 10;
const SHARE_PPM: u64 = 300_000;

/// `noticed_ms` tells when an institution was first told, if it was.
pub fn judge(outcomes: &[SessionOutcome], noticed_ms: &BTreeMap<String, i64>, now_ms: i64) -> Vec<Unjudgeable> {
    let mut by_institution: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for outcome in within(outcomes, DAYS, now_ms) {
        let counts = by_institution.entry(&outcome.institution).or_default();
        counts.0 += 1;
        counts.1 += u32::from(!outcome.assessable());
    }
    let finding = |(institution, (declared, not_assessable)): (&str, (u32, u32))| {
        let many = u64::from(not_assessable) * 1_000_000 > u64::from(declared) * SHARE_PPM;
        if declared < LEAST || !many {
            return None;
        }
        let told_long_ago = noticed_ms.get(institution).is_some_and(|at| now_ms - at >= DAYS * DAY_MS);
        let severity = if told_long_ago { Severity::L2 } else { Severity::L1 };
        Some(Unjudgeable { institution: institution.to_owned(), severity, declared, not_assessable })
    };
    by_institution.into_iter().filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::{NOW, session};
    use super::*;

    fn fortnight(declared: i64, dark: i64) -> Vec<SessionOutcome> {
        let one =
            |n| SessionOutcome { visibility_ppm: Some(if n < dark { 100_000 } else { 900_000 }), ..session(n, n % 13) };
        (0..declared).map(one).collect()
    }

    fn severities(outcomes: &[SessionOutcome], noticed: &BTreeMap<String, i64>) -> Vec<Severity> {
        judge(outcomes, noticed, NOW).into_iter().map(|u| u.severity).collect()
    }

    #[test]
    fn three_of_ten_are_allowed_and_four_are_not() {
        let nobody_told = BTreeMap::new();
        assert_eq!(severities(&fortnight(10, 3), &nobody_told), []);
        assert_eq!(severities(&fortnight(10, 4), &nobody_told), [Severity::L1]);
        assert_eq!(severities(&fortnight(9, 9), &nobody_told), []);
    }

    #[test]
    fn what_is_not_cured_a_fortnight_after_notice_goes_to_the_supervisors() {
        let told = |days: i64| BTreeMap::from([("c-1".to_owned(), NOW - days * DAY_MS)]);
        assert_eq!(severities(&fortnight(10, 4), &told(13)), [Severity::L1]);
        assert_eq!(severities(&fortnight(10, 4), &told(14)), [Severity::L2]);
    }
}
