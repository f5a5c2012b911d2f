//! HB-5 sessions that can not be judged: always masked, always turned away, always out of sight.
//!
//! More than 30 % of at least 10 declared sessions in 14 days NotAssessable or undecided, of the
//! clinic, of a room, of a lead or of an operator → L1 to the clinic; not cured 14 days after
//! notice → L2 [D]. The counting itself is `abstention`'s. A session whose patient declined is one
//! of them: a clinic that marks every session so is told of it as one that covers the lens. One
//! about which an alert stands makes no notice beside that (0367).

use std::collections::BTreeMap;

use abstention::{AbstentionLimits, DeclaredSession, Excess, Group};
use protocol::names::{AbstentionReason, FigureName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::{ServerStatement, WhoseSessions};

use super::draft::{self, count};
use super::{DAY_MS, Draft, Numbers, SessionOutcome, begun_within, share_ppm};

/// What a box says where nobody was looked at, for this patient or one beside them.
const WITHHELD: [AbstentionReason; 2] = [AbstentionReason::Declined, AbstentionReason::Withheld];

/// Whether a session counts, and whether it counts as one that could not be judged. An empty room
/// is HB-1's question; a room without a box, and a session whose report may still come, are
/// nobody's fault.
fn counted(outcome: &SessionOutcome, p: &Numbers, now_ms: i64) -> Option<bool> {
    if outcome.cancelled && !outcome.declined {
        return None;
    }
    match &outcome.seen {
        _ if outcome.declined => (outcome.watched || outcome.seen.is_some()).then_some(true),
        Some(seen) if seen.because.iter().any(|why| WITHHELD.contains(why)) => Some(true),
        // What may be missing from its chain can not be told from what was never seen.
        Some(_) if !outcome.chain_whole => Some(true),
        Some(seen) if seen.assessable => Some(!seen.undecided.is_empty()),
        Some(seen) => Some(seen.face_seen || !seen.because.contains(&AbstentionReason::NoActivity)),
        None if outcome.watched && outcome.end_ms + p.hb5_settle_ms <= now_ms => Some(true),
        None => None,
    }
}

/// `noticed_ms` tells since when an institution's finding stands, if it does.
pub fn judge(
    outcomes: &[SessionOutcome],
    noticed_ms: &BTreeMap<String, i64>,
    p: &Numbers,
    now_ms: i64,
) -> Vec<Draft> {
    let mut by_institution: BTreeMap<&str, Vec<(&SessionOutcome, bool)>> = BTreeMap::new();
    for outcome in begun_within(outcomes, p.hb5_days + p.hb5_cure_days, now_ms) {
        if let Some(dark) = counted(outcome, p, now_ms) {
            by_institution.entry(&outcome.institution).or_default().push((outcome, dark));
        }
    }
    let told = |institution: &str| noticed_ms.get(institution).copied();
    by_institution
        .into_iter()
        .filter_map(|(id, sessions)| of_institution(&sessions, told(id), p, now_ms))
        .collect()
}

fn of_institution(
    sessions: &[(&SessionOutcome, bool)],
    told: Option<i64>,
    p: &Numbers,
    now_ms: i64,
) -> Option<Draft> {
    let said: Vec<DeclaredSession<'_>> =
        sessions.iter().map(|(outcome, dark)| as_declared(outcome, *dark)).collect();
    let limits = AbstentionLimits {
        days: p.hb5_days,
        sessions_min: usize::try_from(p.hb5_sessions_min).unwrap_or(usize::MAX),
        share_ppm: p.hb5_share_ppm,
        cure_days: p.hb5_cure_days,
    };
    let excess = abstention::judge(&said, told, limits, now_ms)?;
    let Excess { group, declared, unjudged, uncured, .. } = excess;
    let from_ms = now_ms - p.hb5_days * DAY_MS;
    let dark: Vec<&SessionOutcome> = sessions
        .iter()
        .zip(&said)
        .filter(|((outcome, _), it)| {
            excess.counts(it) && it.start_ms > from_ms && is_of(outcome, group)
        })
        .map(|((outcome, _), _)| *outcome)
        .collect();
    let latest = dark.iter().max_by_key(|s| (s.start_ms, &s.session))?;
    Some(Draft {
        rule: RuleCode::Hb5,
        kind: FindingKind::Integrity,
        severity: if uncured { Severity::L2 } else { Severity::L1 },
        subject: "institution".to_owned(),
        institution: latest.institution.clone(),
        room: latest.room.clone(),
        device: latest.device.clone(),
        session: None,
        persons: Vec::new(),
        basis: protocol::law::duty(),
        intervals: dark.iter().map(|s| draft::declared(s)).collect(),
        counts: vec![
            count(FigureName::WindowDays, p.hb5_days),
            count(FigureName::DeclaredSessions, declared as i64),
            count(FigureName::NotAssessableSessions, unjudged as i64),
            count(FigureName::NotAssessablePpm, share_ppm(unjudged, declared)),
            count(FigureName::NotAssessableMaxPpm, p.hb5_share_ppm),
        ],
        statement: ServerStatement::TooManyUnjudged {
            days: p.hb5_days,
            whose: whose(group)?,
            declared,
            unjudged,
            reasons: reasons(&dark),
            uncured,
        },
        // The figures drift from day to day: only a graver one is said again.
        related: Vec::new(),
        incidents: Vec::new(),
        visibility_ppm: 1_000_000,
        liveness_waived: dark.iter().filter_map(|s| s.seen.as_ref()).any(|s| s.liveness_waived),
    })
}

fn as_declared(outcome: &SessionOutcome, unjudged: bool) -> DeclaredSession<'_> {
    DeclaredSession {
        start_ms: outcome.start_ms,
        room: &outcome.room,
        lead: outcome.declared_lead.as_deref(),
        operators: outcome.declared_operators.iter().map(String::as_str).collect(),
        unjudged,
        alerted_ms: outcome.alerted_ms,
    }
}

/// `None` for an id that is none of the wire, which no declared session holds.
fn whose(group: Group<'_>) -> Option<WhoseSessions> {
    Some(match group {
        Group::Clinic => WhoseSessions::Clinic,
        Group::Room(room) => WhoseSessions::Room(room.parse().ok()?),
        Group::Lead(lead) => WhoseSessions::Lead(lead.parse().ok()?),
        Group::Operator(operator) => WhoseSessions::Operator(operator.parse().ok()?),
    })
}

fn is_of(outcome: &SessionOutcome, group: Group<'_>) -> bool {
    match group {
        Group::Clinic => true,
        Group::Room(room) => outcome.room == room,
        Group::Lead(lead) => outcome.declared_lead.as_deref() == Some(lead),
        Group::Operator(operator) => outcome.declared_operators.iter().any(|o| o == operator),
    }
}

/// How often each reason was given, most frequent first.
fn reasons(dark: &[&SessionOutcome]) -> Vec<(AbstentionReason, usize)> {
    use AbstentionReason as Why;
    let mut counts: BTreeMap<Why, usize> = BTreeMap::new();
    let mut count = |why: Why| *counts.entry(why).or_default() += 1;
    for outcome in dark {
        match &outcome.seen {
            _ if outcome.declined => count(Why::Declined),
            Some(_) if !outcome.chain_whole => count(Why::Chain),
            Some(seen) if seen.assessable => count(Why::Undecided),
            Some(seen) => seen.because.iter().cloned().for_each(&mut count),
            None => count(Why::NoReport),
        }
    }
    let mut counts: Vec<(Why, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(why, n)| (std::cmp::Reverse(*n), why.clone()));
    counts
}

#[cfg(test)]
mod tests {
    use super::super::script::{NOW, session, with};
    use super::*;

    fn dark(n: i64) -> SessionOutcome {
        with(session(n, n % 13), |s| {
            s.assessable = false;
            s.because = vec![AbstentionReason::Visibility];
        })
    }

    fn fortnight(declared: i64, unjudged: i64) -> Vec<SessionOutcome> {
        (0..declared).map(|n| if n < unjudged { dark(n) } else { session(n, n % 13) }).collect()
    }

    fn severities(outcomes: &[SessionOutcome], noticed: &BTreeMap<String, i64>) -> Vec<Severity> {
        judge(outcomes, noticed, &Numbers::default(), NOW).into_iter().map(|u| u.severity).collect()
    }

    #[test]
    fn three_of_ten_are_allowed_and_four_are_not() {
        let nobody_told = BTreeMap::new();
        assert_eq!(severities(&fortnight(10, 3), &nobody_told), []);
        assert_eq!(severities(&fortnight(10, 4), &nobody_told), [Severity::L1]);
        assert_eq!(severities(&fortnight(9, 9), &nobody_told), []);
    }

    #[test]
    fn what_is_not_cured_in_a_fortnight_goes_on() {
        let told = |ms: i64| BTreeMap::from([("c-1".to_owned(), NOW - ms)]);
        assert_eq!(severities(&fortnight(10, 4), &told(14 * DAY_MS - 1)), [Severity::L1]);
        assert_eq!(severities(&fortnight(10, 4), &told(14 * DAY_MS)), [Severity::L2]);
    }

    #[test]
    fn an_empty_room_or_a_late_report_does_not_count() {
        let nobody_told = BTreeMap::new();
        let mut sessions = fortnight(10, 4);
        sessions[0] = with(dark(0), |s| {
            s.because.push(AbstentionReason::NoActivity);
            s.face_seen = false;
        });
        assert_eq!(severities(&sessions, &nobody_told), []);
        let mut sessions = fortnight(11, 4);
        sessions[0] = SessionOutcome { seen: None, watched: false, ..session(0, 3) };
        assert_eq!(severities(&sessions, &nobody_told), [], "3 of 10");
        let late = |ms| SessionOutcome { seen: None, end_ms: NOW - ms, ..session(0, 2) };
        sessions[0] = late(DAY_MS - 1);
        assert_eq!(severities(&sessions, &nobody_told), []);
        sessions[0] = late(DAY_MS);
        assert_eq!(severities(&sessions, &nobody_told), [Severity::L1], "4 of 11");
    }

    fn declined(n: i64) -> SessionOutcome {
        SessionOutcome { declined: true, ..session(n, n % 13) }
    }

    #[test]
    fn marking_every_session_declined_silences_nothing() {
        let nobody_told = BTreeMap::new();
        let nobody_seen = |s: &mut super::super::SessionSight| {
            (s.assessable, s.face_seen) = (false, false);
            s.because = vec![AbstentionReason::Declined, AbstentionReason::NoActivity];
        };
        let all: Vec<_> = (0..10).map(|n| with(declined(n), nobody_seen)).collect();
        assert_eq!(severities(&all, &nobody_told), [Severity::L1]);
        let taken_back: Vec<_> =
            all.iter().map(|s| SessionOutcome { declined: false, ..s.clone() }).collect();
        assert_eq!(severities(&taken_back, &nobody_told), [Severity::L1], "the box says so");
        let cancelled: Vec<_> =
            all.iter().map(|s| SessionOutcome { cancelled: true, ..s.clone() }).collect();
        assert_eq!(severities(&cancelled, &nobody_told), [Severity::L1], "after it began");
        let no_report: Vec<_> =
            all.iter().map(|s| SessionOutcome { seen: None, ..s.clone() }).collect();
        assert_eq!(severities(&no_report, &nobody_told), [Severity::L1]);
        let no_box: Vec<_> =
            no_report.iter().map(|s| SessionOutcome { watched: false, ..s.clone() }).collect();
        assert_eq!(severities(&no_box, &nobody_told), [], "a room without a box");
    }

    #[test]
    fn the_words_say_how_many_declined() {
        let mut sessions = fortnight(10, 1);
        sessions.splice(1..5, (1..5).map(declined));
        let draft = judge(&sessions, &BTreeMap::new(), &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        assert!(said.zh.contains("就诊者拒绝4次"), "{}", said.zh);
    }

    #[test]
    fn a_session_over_a_break_counts_as_undecided() {
        let mut sessions = fortnight(10, 3);
        assert_eq!(severities(&sessions, &BTreeMap::new()), []);
        sessions[9].chain_whole = false;
        assert_eq!(severities(&sessions, &BTreeMap::new()), [Severity::L1]);
    }

    fn open(n: i64) -> SessionOutcome {
        with(session(n, n % 13), |s| s.undecided = vec![RuleCode::Uq1])
    }

    #[test]
    fn sessions_in_which_a_rule_abstained_count() {
        let mut sessions = fortnight(10, 3);
        sessions[9] = open(9);
        assert_eq!(severities(&sessions, &BTreeMap::new()), [Severity::L1]);
    }

    #[test]
    fn sessions_with_their_own_alerts_make_no_notice() {
        let told = |n| SessionOutcome { alerted_ms: Some(NOW - DAY_MS), ..open(n) };
        let mut sessions = fortnight(10, 3);
        sessions[9] = told(9);
        assert_eq!(severities(&sessions, &BTreeMap::new()), []);
        let draft = judge(&fortnight(10, 4), &BTreeMap::new(), &Numbers::default(), NOW).remove(0);
        assert_eq!(draft.intervals.len(), 4);
        sessions.extend((0..5).map(open));
        let draft = judge(&sessions, &BTreeMap::new(), &Numbers::default(), NOW).remove(0);
        assert_eq!(draft.intervals.len(), 8, "of 15, and the one that was told is not among them");
    }

    #[test]
    fn an_alert_a_session_for_a_month_goes_on() {
        let told = |n: i64, days: i64| SessionOutcome {
            alerted_ms: Some(NOW - days * DAY_MS),
            start_ms: NOW - days * DAY_MS,
            ..open(n)
        };
        let fresh: Vec<_> = (0..10).map(|n| told(n, n)).collect();
        assert_eq!(severities(&fresh, &BTreeMap::new()), []);
        let month: Vec<_> = (0..26).map(|n| told(n, n)).collect();
        assert_eq!(severities(&month, &BTreeMap::new()), [Severity::L2]);
    }

    #[test]
    fn an_operator_who_is_never_told_apart_counts_alone() {
        let mut sessions = fortnight(40, 0);
        sessions.extend(
            (0..10).map(|n| SessionOutcome { declared_operators: vec!["x".into()], ..open(n) }),
        );
        let draft = judge(&sessions, &BTreeMap::new(), &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        assert!(said.en.contains("declared with the operator x"), "{}", said.en);
        assert_eq!(draft.intervals.len(), 10);
    }

    #[test]
    fn the_words_name_the_share_and_the_reasons() {
        let draft = judge(&fortnight(10, 4), &BTreeMap::new(), &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        assert!(said.en.contains("4 of 10") && said.en.contains("40.0 %"), "{}", said.en);
        assert!(said.zh.contains("疑似"));
    }
}
