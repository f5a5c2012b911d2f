//! LL-2 phantom lead: sessions are declared under a person who is hardly ever there.
//!
//! Rolling 30 days [D]: ≥5 assessable sessions and verified in <20 % → L2; none of ≥10 → L3; registered, unseen and
//! undeclared for 30 days → L0, because absence alone is not unlawful.

use std::collections::BTreeMap;

use protocol::up::Severity;

use super::{SessionOutcome, within};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phantom {
    pub person: String,
    pub institution: String,
    pub severity: Severity,
    pub assessable: u32,
    pub verified: u32,
    pub sessions: Vec<String>,
}

const DAYS: i64 = 30;

/// One finding per lead and institution, in the order of their ids.
pub fn judge(outcomes: &[SessionOutcome], now_ms: i64) -> Vec<Phantom> {
    let mut by_lead: BTreeMap<(&str, &str), Vec<&SessionOutcome>> = BTreeMap::new();
    for outcome in within(outcomes, DAYS, now_ms).filter(|o| o.assessable()) {
        if let Some(lead) = &outcome.declared_lead {
            by_lead.entry((lead, &outcome.institution)).or_default().push(outcome);
        }
    }
    let phantom = |((person, institution), sessions): ((&str, &str), Vec<&SessionOutcome>)| {
        let assessable = sessions.len() as u32;
        let verified = sessions.iter().filter(|s| s.lead_verified).count() as u32;
        let severity = match (assessable, verified) {
            (10.., 0) => Severity::L3,
            (5.., v) if v * 5 < assessable => Severity::L2,
            _ => return None,
        };
        Some(Phantom {
            person: person.to_owned(),
            institution: institution.to_owned(),
            severity,
            assessable,
            verified,
            sessions: sessions.iter().filter(|s| !s.lead_verified).map(|s| s.session.clone()).collect(),
        })
    };
    by_lead.into_iter().filter_map(phantom).collect()
}

/// Registered here, never verified and never declared for 30 days: for the log (L0).
pub fn idle<'a>(registered: &'a [String], seen: &[String], outcomes: &[SessionOutcome], now_ms: i64) -> Vec<&'a str> {
    let declared = |p: &str| within(outcomes, DAYS, now_ms).any(|o| o.declared_lead.as_deref() == Some(p));
    registered.iter().filter(|p| !seen.contains(p) && !declared(p)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::super::script::{NOW, session};
    use super::*;

    fn severities(sessions: &[SessionOutcome]) -> Vec<Severity> {
        judge(sessions, NOW).into_iter().map(|p| p.severity).collect()
    }

    fn month(count: i64, verified: i64) -> Vec<SessionOutcome> {
        (0..count).map(|n| SessionOutcome { lead_verified: n < verified, ..session(n, n % 29) }).collect()
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
    }

    #[test]
    fn what_could_not_be_seen_or_is_too_old_does_not_count() {
        let mut sessions = month(5, 0);
        sessions[0].visibility_ppm = Some(599_999);
        assert_eq!(severities(&sessions), []);
        sessions[0] = session(0, 30);
        assert_eq!(severities(&sessions), []);
        sessions[0] = SessionOutcome { cancelled: true, ..session(0, 1) };
        assert_eq!(severities(&sessions), []);
    }

    #[test]
    fn who_is_only_absent_is_logged_not_accused() {
        let people = ["p".to_owned(), "q".to_owned(), "r".to_owned()];
        assert_eq!(idle(&people, &["q".to_owned()], &[session(1, 3)], NOW), ["r"]);
    }
}
