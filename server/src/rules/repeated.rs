//! Escalation of repeats: what the clinic corrects itself once is the supervisors' the third time.
//! Pure.
//!
//! HB-3 (a treatment without a declared session) comes from the boxes; three in 30 days at one
//! institution → L2 [D].

use protocol::up::{Count, Explanation, FindingKind, Severity};

use super::draft::count;
use super::{DAY_MS, Draft, Numbers, words};

/// The number of the `n`-th of rising times within its own window of `days`, itself included.
pub fn within_window(times_ms: impl Iterator<Item = i64> + Clone, n: usize, days: i64) -> usize {
    let Some(at) = times_ms.clone().nth(n) else { return 0 };
    times_ms.take(n + 1).filter(|t| *t > at - days * DAY_MS).count()
}

/// A finding of a box, as far as a repeat is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    pub finding: String,
    pub incident: String,
    pub institution: String,
    pub room: String,
    pub device: String,
    /// When the server heard of it, ms since the epoch.
    pub at_ms: i64,
    pub severity: Severity,
    pub liveness_waived: bool,
}

/// HB-3 again and again; `occurrences` are those that stand at one institution. What comes within
/// 24 h of a repeat belongs to it: one box that repeats itself all day makes one alert.
pub fn undeclared(occurrences: &[Occurrence], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let mut ordered: Vec<&Occurrence> = occurrences
        .iter()
        .filter(|o| o.at_ms <= now_ms && o.at_ms > now_ms - p.hb3_days * DAY_MS)
        .collect();
    ordered.sort_by_key(|o| (o.at_ms, &o.finding));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut day_began_ms = None;
    for (n, it) in ordered.iter().enumerate() {
        let repeat = within_window(ordered.iter().map(|o| o.at_ms), n, p.hb3_days);
        // One that is L2 by its length needs no second finding to say so.
        if (repeat as i64) < p.hb3_repeats || it.severity >= Severity::L2 {
            continue;
        }
        let incidents = ordered[n + 1 - repeat..=n].iter().map(|o| o.incident.clone()).collect();
        if let Some(draft) = drafts.last_mut()
            && day_began_ms.is_some_and(|began| it.at_ms < began + DAY_MS)
        {
            (draft.counts, draft.explanation) = told(repeat, p);
            draft.incidents = incidents;
            draft.liveness_waived |= it.liveness_waived;
            continue;
        }
        day_began_ms = Some(it.at_ms);
        let (counts, explanation) = told(repeat, p);
        drafts.push(Draft {
            rule: "HB-3",
            kind: FindingKind::Integrity,
            severity: Severity::L2,
            subject: format!("repeat {}", it.finding),
            institution: it.institution.clone(),
            room: it.room.clone(),
            device: it.device.clone(),
            session: None,
            persons: Vec::new(),
            basis: protocol::law::records(),
            intervals: Vec::new(),
            counts,
            explanation,
            related: Vec::new(),
            incidents,
            visibility_ppm: 1_000_000,
            liveness_waived: it.liveness_waived,
        });
    }
    drafts
}

fn told(repeat: usize, p: &Numbers) -> (Vec<Count>, Explanation) {
    let counts = vec![
        count("undeclared_procedures", repeat as i64),
        count("window_days", p.hb3_days),
        count("repeats_needed", p.hb3_repeats),
    ];
    (counts, words::undeclared(repeat, p.hb3_days))
}

#[cfg(test)]
mod tests {
    use super::super::script::NOW;
    use super::*;

    fn at(n: i64, at_ms: i64) -> Occurrence {
        Occurrence {
            finding: format!("f-{n}"),
            incident: format!("i-{n}"),
            institution: "c-1".into(),
            room: "r-1".into(),
            device: "box-1".into(),
            at_ms,
            severity: Severity::L1,
            liveness_waived: false,
        }
    }

    fn said(occurrences: &[Occurrence]) -> Vec<String> {
        undeclared(occurrences, &Numbers::default(), NOW).into_iter().map(|d| d.subject).collect()
    }

    #[test]
    fn a_third_undeclared_treatment_goes_to_the_supervisors() {
        let two = [at(1, NOW - 5 * DAY_MS), at(2, NOW - 3 * DAY_MS)];
        assert!(said(&two).is_empty());
        let three = [two[0].clone(), two[1].clone(), at(3, NOW)];
        assert_eq!(said(&three), ["repeat f-3"]);
        let drafts = undeclared(&three, &Numbers::default(), NOW);
        assert_eq!(drafts[0].incidents, ["i-1", "i-2", "i-3"]);
    }

    #[test]
    fn thirty_days_end_to_the_millisecond() {
        let three = |first| [at(1, first), at(2, NOW - DAY_MS), at(3, NOW)];
        assert_eq!(said(&three(NOW - 30 * DAY_MS + 1)).len(), 1);
        assert_eq!(said(&three(NOW - 30 * DAY_MS)).len(), 0);
    }

    #[test]
    fn one_that_is_grave_by_itself_counts_and_is_not_said_twice() {
        let long = Occurrence { severity: Severity::L2, ..at(3, NOW - 1) };
        assert!(said(&[at(1, NOW - 3), at(2, NOW - 2), long.clone()]).is_empty());
        assert_eq!(said(&[at(1, NOW - 3), at(2, NOW - 2), long, at(4, NOW)]), ["repeat f-4"]);
    }

    #[test]
    fn repeats_of_one_day_are_one_finding() {
        let mut all: Vec<Occurrence> = (0..60).map(|n| at(n, NOW - DAY_MS + n * 60_000)).collect();
        let drafts = undeclared(&all, &Numbers::default(), NOW);
        assert_eq!(drafts.iter().map(|d| d.subject.as_str()).collect::<Vec<_>>(), ["repeat f-2"]);
        assert_eq!(drafts[0].incidents.len(), 60);
        assert_eq!(drafts[0].counts[0].value, 60);
        all.push(at(60, NOW - DAY_MS + 2 * 60_000 + DAY_MS));
        assert_eq!(undeclared(&all, &Numbers::default(), NOW + DAY_MS).len(), 2);
    }
}
