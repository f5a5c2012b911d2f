//! LL-2 phantom lead: sessions are declared under a person who is hardly ever there.
//!
//! Rolling 30 days [D]: ≥5 assessable sessions and verified in <20 % → L2; none of ≥10 → L3;
//! registered, unseen and undeclared for 30 days → L0, because absence alone is not unlawful. A
//! session in which the box could not tell whether they were there (LL-1 undecided) is left out:
//! nobody is not-verified for want of a clear view.

use std::collections::BTreeMap;

use protocol::names::{FigureName, PartName, RuleCode, VerifiedBy};
use protocol::up::{FindingKind, PersonInFinding, Severity};
use wording::ServerStatement;

use super::draft::{count, declared};
use super::{Draft, Numbers, SessionOutcome, share_ppm, within};

/// One draft per lead and institution, in the order of their ids.
pub fn judge(outcomes: &[SessionOutcome], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let mut by_lead: BTreeMap<(&str, &str), Vec<&SessionOutcome>> = BTreeMap::new();
    for outcome in
        within(outcomes, p.ll2_days, now_ms).filter(|o| o.assessable() && o.tells_of_its_lead())
    {
        if let Some(lead) = &outcome.declared_lead {
            by_lead.entry((lead, &outcome.institution)).or_default().push(outcome);
        }
    }
    by_lead
        .into_iter()
        .filter_map(|((person, _), sessions)| of_lead(person, &sessions, p))
        .collect()
}

fn of_lead(person: &str, sessions: &[&SessionOutcome], p: &Numbers) -> Option<Draft> {
    let verified = sessions.iter().filter(|s| s.lead_verified()).count();
    let severity = match (sessions.len() as i64, verified) {
        (n, 0) if n >= p.ll2_never_min => Severity::L3,
        (n, v) if n >= p.ll2_sessions_min && share_ppm(v, sessions.len()) < p.ll2_share_ppm => {
            Severity::L2
        }
        _ => return None,
    };
    let latest = sessions.iter().max_by_key(|s| (s.start_ms, &s.session))?;
    let lowest = sessions
        .iter()
        .filter_map(|s| s.seen.as_ref())
        .map(|s| s.visibility_a_ppm)
        .min()
        .unwrap_or(0);
    let unseen: Vec<String> =
        sessions.iter().filter(|s| !s.lead_verified()).map(|s| s.session.clone()).collect();
    Some(Draft {
        rule: RuleCode::Ll2,
        kind: FindingKind::LicenseLending,
        severity,
        subject: person.to_owned(),
        institution: latest.institution.clone(),
        room: latest.room.clone(),
        device: latest.device.clone(),
        session: None,
        persons: named(person),
        basis: protocol::law::lending(),
        intervals: sessions.iter().filter(|s| !s.lead_verified()).map(|s| declared(s)).collect(),
        counts: vec![
            count(FigureName::WindowDays, p.ll2_days),
            count(FigureName::AssessableSessions, sessions.len() as i64),
            count(FigureName::LeadVerifiedSessions, verified as i64),
            count(FigureName::LeadVerifiedPpm, share_ppm(verified, sessions.len())),
            count(FigureName::LeadVerifiedMinPpm, p.ll2_share_ppm),
            count(FigureName::VisibilityOverAPpm, i64::from(lowest)),
        ],
        statement: ServerStatement::LeadHardlyVerified {
            days: p.ll2_days,
            sessions: sessions.len(),
            verified,
        },
        related: unseen,
        incidents: Vec::new(),
        visibility_ppm: lowest,
        liveness_waived: sessions.iter().filter_map(|s| s.seen.as_ref()).any(|s| s.liveness_waived),
    })
}

fn named(person: &str) -> Vec<PersonInFinding> {
    let part = |person| PersonInFinding {
        person,
        part: PartName::DeclaredLead,
        verified_by: VerifiedBy::NotSeen,
    };
    person.parse().ok().map(part).into_iter().collect()
}

/// Who works where and was last verified when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub person: String,
    pub institution: String,
    /// A box of the institution.
    pub room: String,
    pub device: String,
    /// Milliseconds since the epoch; `None`: never.
    pub last_verified_ms: Option<i64>,
    /// Since when somebody could have seen them here: the later of their registration's entry and
    /// the first report of a box.
    pub visible_since_ms: i64,
}

/// Registered as a lead here, never verified and never declared for 30 days: for the log.
pub fn idle(
    registered: &[Registered],
    outcomes: &[SessionOutcome],
    p: &Numbers,
    now_ms: i64,
) -> Vec<Draft> {
    let since = now_ms - p.ll2_days * super::DAY_MS;
    let declared = |who: &str| {
        within(outcomes, p.ll2_days, now_ms).any(|o| o.declared_lead.as_deref() == Some(who))
    };
    let unseen = |r: &&Registered| {
        r.visible_since_ms <= since
            && r.last_verified_ms.is_none_or(|at| at <= since)
            && !declared(&r.person)
    };
    let draft = |r: &Registered| Draft {
        rule: RuleCode::Ll2,
        kind: FindingKind::RecordMismatch,
        severity: if p.ll2_idle_level == 1 { Severity::L1 } else { Severity::L0 },
        subject: format!("idle {}", r.person),
        institution: r.institution.clone(),
        room: r.room.clone(),
        device: r.device.clone(),
        session: None,
        persons: r
            .person
            .parse()
            .ok()
            .map(|person| PersonInFinding {
                person,
                part: PartName::Lead,
                verified_by: VerifiedBy::NotSeen,
            })
            .into_iter()
            .collect(),
        basis: Vec::new(),
        intervals: Vec::new(),
        counts: vec![count(FigureName::WindowDays, p.ll2_days)],
        statement: ServerStatement::LeadIdle { days: p.ll2_days },
        related: Vec::new(),
        incidents: Vec::new(),
        visibility_ppm: 1_000_000,
        liveness_waived: false,
    };
    registered.iter().filter(unseen).map(draft).collect()
}

#[cfg(test)]
mod tests {
    use super::super::DAY_MS;
    use super::super::script::{NOW, session, with};
    use super::*;

    fn severities(sessions: &[SessionOutcome]) -> Vec<Severity> {
        judge(sessions, &Numbers::default(), NOW).into_iter().map(|p| p.severity).collect()
    }

    fn month(count: i64, verified: i64) -> Vec<SessionOutcome> {
        (0..count).map(|n| with(session(n, n % 29), |s| s.lead_verified = n < verified)).collect()
    }

    #[test]
    fn four_sessions_are_too_few_and_five_are_enough() {
        assert_eq!(severities(&month(4, 0)), []);
        assert_eq!(severities(&month(5, 0)), [Severity::L2]);
    }

    #[test]
    fn one_in_five_is_allowed_and_one_in_six_is_not() {
        assert_eq!(severities(&month(5, 1)), []);
        assert_eq!(severities(&month(6, 1)), [Severity::L2]);
    }

    #[test]
    fn ten_without_one_sight_are_urgent() {
        assert_eq!(severities(&month(9, 0)), [Severity::L2]);
        assert_eq!(severities(&month(10, 0)), [Severity::L3]);
        assert_eq!(severities(&month(11, 1)), [Severity::L2]);
    }

    #[test]
    fn a_session_leaves_the_window_after_thirty_days() {
        let mut sessions = month(5, 0);
        sessions[0].start_ms = NOW - 30 * DAY_MS + 1;
        assert_eq!(severities(&sessions), [Severity::L2]);
        sessions[0].start_ms = NOW - 30 * DAY_MS;
        assert_eq!(severities(&sessions), []);
    }

    #[test]
    fn what_could_not_be_seen_does_not_count() {
        let mut sessions = month(5, 0);
        sessions[0] = with(session(0, 1), |s| s.assessable = false);
        assert_eq!(severities(&sessions), []);
        sessions[0] = SessionOutcome { cancelled: true, ..session(0, 1) };
        assert_eq!(severities(&sessions), []);
        sessions[0] = SessionOutcome { seen: None, ..session(0, 1) };
        assert_eq!(severities(&sessions), []);
    }

    #[test]
    fn a_session_over_a_break_of_the_chain_does_not_count() {
        let mut sessions = month(5, 0);
        sessions[0] = SessionOutcome { chain_whole: false, ..session(0, 1) };
        assert_eq!(severities(&sessions), []);
    }

    #[test]
    fn a_session_undecided_for_ll1_is_left_out() {
        let mut sessions = month(6, 0);
        sessions[0] = with(session(0, 1), |s| s.lead_open = true);
        assert_eq!(severities(&sessions), [Severity::L2], "five tell");
        sessions[1] = with(session(1, 1), |s| s.lead_open = true);
        assert_eq!(severities(&sessions), [], "four tell");
        sessions[1] = with(session(1, 1), |s| (s.lead_open, s.lead_verified) = (true, true));
        assert_eq!(severities(&sessions), [], "one of five: he was there");
        let ten = |open: bool| {
            let mut sessions = month(10, 0);
            sessions[9] = with(session(9, 1), |s| s.lead_open = open);
            severities(&sessions)
        };
        assert_eq!((ten(false), ten(true)), (vec![Severity::L3], vec![Severity::L2]));
    }

    #[test]
    fn two_clinics_are_two_questions() {
        let mut sessions = month(6, 0);
        for s in sessions.iter_mut().take(3) {
            s.institution = "c-2".into();
        }
        assert_eq!(severities(&sessions), []);
    }

    #[test]
    fn the_words_hold_the_figures_and_accuse_nobody() {
        let draft = judge(&month(6, 1), &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        assert!(
            said.zh.contains("疑似") && said.zh.contains('6') && !said.zh.contains("违法"),
            "{}",
            said.zh
        );
        assert!(said.en.contains("1 of 6"), "{}", said.en);
        assert_eq!((draft.related.len(), draft.intervals.len()), (5, 5));
    }

    #[test]
    fn only_thirty_days_in_sight_log_an_absence() {
        let person = |last, since| Registered {
            person: "q".into(),
            institution: "c-1".into(),
            room: "r-1".into(),
            device: "box-1".into(),
            last_verified_ms: last,
            visible_since_ms: since,
        };
        let edge = NOW - 30 * DAY_MS;
        let said = |r: Registered| idle(&[r], &[], &Numbers::default(), NOW).len();
        assert_eq!(said(person(None, edge)), 1);
        assert_eq!(said(person(None, edge + 1)), 0);
        assert_eq!(said(person(Some(edge), edge)), 1);
        assert_eq!(said(person(Some(edge + 1), edge)), 0);
        let declared = SessionOutcome { declared_lead: Some("q".into()), ..session(1, 3) };
        assert_eq!(idle(&[person(None, edge)], &[declared], &Numbers::default(), NOW), []);
        let logged = idle(&[person(None, edge)], &[], &Numbers::default(), NOW).remove(0);
        assert_eq!((logged.severity, logged.kind), (Severity::L0, FindingKind::RecordMismatch));
    }
}
