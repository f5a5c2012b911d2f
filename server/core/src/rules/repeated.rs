//! Escalation of repeats: what the clinic corrects itself once is the supervisors' the third time.
//! Pure.
//!
//! What the boxes raise, counted at one institution [D]: HB-2 (no picture; also an outage that the
//! server looked at) twice in 30 days, HB-3 (a treatment without a declared session) three times in
//! 30 days, HB-7 (zones that do not fit) three times in 14 days → L2.

use protocol::names::{FigureName, RuleCode};
use protocol::up::{Count, FindingKind, LegalBasis, Severity};
use wording::ServerStatement;

use super::draft::count;
use super::{DAY_MS, Draft, Numbers};

/// The number of the `n`-th of rising times within its own window of `days`, itself included.
pub fn within_window(times_ms: impl Iterator<Item = i64> + Clone, n: usize, days: i64) -> usize {
    let Some(at) = times_ms.clone().nth(n) else { return 0 };
    times_ms.take(n + 1).filter(|t| *t > at - days * DAY_MS).count()
}

/// A rule of the boxes whose repeats are the supervisors'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeatable {
    Camera,
    Undeclared,
    Zones,
}

impl Repeatable {
    pub const ALL: [Self; 3] = [Self::Camera, Self::Undeclared, Self::Zones];

    pub fn rule(self) -> RuleCode {
        match self {
            Self::Camera => RuleCode::Hb2,
            Self::Undeclared => RuleCode::Hb3,
            Self::Zones => RuleCode::Hb7,
        }
    }

    /// The one that a rule's code names.
    pub fn of(rule: &RuleCode) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.rule() == *rule)
    }

    /// The rolling window in days, and how many in it make an L2.
    fn window(self, p: &Numbers) -> (i64, i64) {
        match self {
            Self::Camera => (p.hb2_days, p.hb2_repeats),
            Self::Undeclared => (p.hb3_days, p.hb3_repeats),
            Self::Zones => (p.hb7_days, p.hb7_repeats),
        }
    }

    fn basis(self) -> Vec<LegalBasis> {
        match self {
            Self::Undeclared => protocol::law::records(),
            Self::Camera | Self::Zones => protocol::law::duty(),
        }
    }

    fn told(self, repeat: usize, p: &Numbers) -> (Vec<Count>, ServerStatement) {
        let (days, needed) = self.window(p);
        let (name, said) = match self {
            Self::Camera => (FigureName::CameraFaults, ServerStatement::DarkAgain { repeat, days }),
            Self::Undeclared => {
                let said = ServerStatement::UndeclaredAgain { repeat, days };
                (FigureName::UndeclaredProcedures, said)
            }
            Self::Zones => (FigureName::ZonesMisfits, ServerStatement::ZonesAgain { repeat, days }),
        };
        let counts = vec![
            count(name, repeat as i64),
            count(FigureName::WindowDays, days),
            count(FigureName::RepeatsNeeded, needed),
        ];
        (counts, said)
    }
}

/// A finding of a box, as far as a repeat is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    pub of: Repeatable,
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

/// What comes again and again; `occurrences` are those that stand at one institution.
pub fn judge(occurrences: &[Occurrence], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    Repeatable::ALL.into_iter().flat_map(|of| again(of, occurrences, p, now_ms)).collect()
}

/// One rule again and again. What comes within 24 h of a repeat belongs to it: one box that repeats
/// itself all day makes one alert. Findings of one incident are one occurrence.
fn again(of: Repeatable, occurrences: &[Occurrence], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let (days, needed) = of.window(p);
    let mut ordered: Vec<&Occurrence> = occurrences
        .iter()
        .filter(|o| o.of == of && o.at_ms <= now_ms && o.at_ms > now_ms - days * DAY_MS)
        .collect();
    ordered.sort_by_key(|o| (o.at_ms, &o.finding));
    ordered.dedup_by(|later, earlier| later.incident == earlier.incident);
    let mut drafts: Vec<Draft> = Vec::new();
    let mut day_began_ms = None;
    for (n, it) in ordered.iter().enumerate() {
        let repeat = within_window(ordered.iter().map(|o| o.at_ms), n, days);
        // One that is L2 by its length needs no second finding to say so.
        if (repeat as i64) < needed || it.severity >= Severity::L2 {
            continue;
        }
        let incidents = ordered[n + 1 - repeat..=n].iter().map(|o| o.incident.clone()).collect();
        if let Some(draft) = drafts.last_mut()
            && day_began_ms.is_some_and(|began| it.at_ms < began + DAY_MS)
        {
            (draft.counts, draft.statement) = of.told(repeat, p);
            draft.incidents = incidents;
            draft.liveness_waived |= it.liveness_waived;
            continue;
        }
        day_began_ms = Some(it.at_ms);
        let (counts, statement) = of.told(repeat, p);
        drafts.push(Draft {
            rule: of.rule(),
            kind: FindingKind::Integrity,
            severity: Severity::L2,
            subject: format!("repeat {}", it.finding),
            institution: it.institution.clone(),
            room: it.room.clone(),
            device: it.device.clone(),
            session: None,
            persons: Vec::new(),
            basis: of.basis(),
            intervals: Vec::new(),
            counts,
            statement,
            related: Vec::new(),
            incidents,
            visibility_ppm: 1_000_000,
            liveness_waived: it.liveness_waived,
        });
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::super::script::NOW;
    use super::*;

    fn at(n: i64, at_ms: i64) -> Occurrence {
        Occurrence {
            of: Repeatable::Undeclared,
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
        judge(occurrences, &Numbers::default(), NOW).into_iter().map(|d| d.subject).collect()
    }

    fn all(of: Repeatable, occurrences: &[Occurrence]) -> Vec<Occurrence> {
        occurrences.iter().map(|o| Occurrence { of, ..o.clone() }).collect()
    }

    #[test]
    fn a_second_dark_session_goes_to_the_supervisors() {
        let two = [at(1, NOW - 29 * DAY_MS), at(2, NOW)];
        assert_eq!(said(&all(Repeatable::Camera, &two)), ["repeat f-2"]);
        assert!(said(&all(Repeatable::Zones, &two)).is_empty());
        let mut one_incident = all(Repeatable::Camera, &two);
        one_incident[1].incident = one_incident[0].incident.clone();
        assert!(said(&one_incident).is_empty(), "two findings of one incident");
    }

    #[test]
    fn zones_that_misfit_three_times_in_14_days_are_l2() {
        let three = |first| [at(1, first), at(2, NOW - DAY_MS), at(3, NOW)];
        let said = |first| said(&all(Repeatable::Zones, &three(first))).len();
        assert_eq!((said(NOW - 14 * DAY_MS + 1), said(NOW - 14 * DAY_MS)), (1, 0));
    }

    #[test]
    fn rules_are_counted_apart() {
        let mut mixed = all(Repeatable::Zones, &[at(1, NOW - 2), at(2, NOW - 1)]);
        mixed.push(Occurrence { of: Repeatable::Camera, ..at(3, NOW) });
        assert!(said(&mixed).is_empty());
    }

    #[test]
    fn a_third_undeclared_treatment_goes_to_the_supervisors() {
        let two = [at(1, NOW - 5 * DAY_MS), at(2, NOW - 3 * DAY_MS)];
        assert!(said(&two).is_empty());
        let three = [two[0].clone(), two[1].clone(), at(3, NOW)];
        assert_eq!(said(&three), ["repeat f-3"]);
        let drafts = judge(&three, &Numbers::default(), NOW);
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
        let drafts = judge(&all, &Numbers::default(), NOW);
        assert_eq!(drafts.iter().map(|d| d.subject.as_str()).collect::<Vec<_>>(), ["repeat f-2"]);
        assert_eq!(drafts[0].incidents.len(), 60);
        assert_eq!(drafts[0].counts[0].value, 60);
        all.push(at(60, NOW - DAY_MS + 2 * 60_000 + DAY_MS));
        assert_eq!(judge(&all, &Numbers::default(), NOW + DAY_MS).len(), 2);
    }
}
