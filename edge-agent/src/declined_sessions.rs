//! When nobody is looked at, because the patient of a session declined: from its declared start to
//! its end, and for no longer than the policy lets a refusal last. Pure.
//!
//! The patient's word counts for the whole room: a session beside it is not looked at either. What
//! the clinic gains by it is counted on the server (HB-5).

use jiff::Timestamp;
use protocol::down::Session;

/// The refusals that are known, as wall times in ms since the epoch.
#[derive(Debug, Default)]
pub struct DeclinedSessions(Vec<(i64, i64)>);

impl DeclinedSessions {
    /// Those of a room's sessions, as they stand now. `longest_ms`: how long one lasts at most.
    pub fn of<'a>(sessions: impl IntoIterator<Item = &'a Session>, longest_ms: u64) -> Self {
        let ms = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
        let declined = sessions.into_iter().filter(|s| s.declined_at.is_some() && !s.cancelled);
        let spans = declined.filter_map(|session| {
            let start = ms(&session.start)?;
            let last = start.saturating_add_unsigned(longest_ms);
            Some((start, session.end.as_deref().and_then(ms).map_or(last, |end| end.min(last))))
        });
        Self(spans.collect())
    }

    /// Whether one holds at this time.
    pub fn hold_at(&self, wall_ms: i64) -> bool {
        self.0.iter().any(|(from, until)| (*from..*until).contains(&wall_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn session(end: Option<&str>, declined: bool) -> Session {
        Session {
            session: "s-1".parse().unwrap(),
            revision: 1,
            item: None,
            declared_lead: None,
            declared_operators: Vec::new(),
            start: "2026-03-02T01:00:00.000Z".into(),
            end: end.map(str::to_owned),
            cancelled: false,
            emergency: false,
            declined_at: declined.then(|| "2026-03-02T00:50:00.000Z".into()),
            stated_at: None,
            former: Vec::new(),
        }
    }

    fn holds(session: &Session, at: &str) -> bool {
        let at = at.parse::<Timestamp>().unwrap().as_millisecond();
        DeclinedSessions::of([session], 4 * HOUR_MS).hold_at(at)
    }

    #[test]
    fn a_refusal_lasts_from_start_to_end() {
        let declined = session(Some("2026-03-02T01:30:00.000Z"), true);
        assert!(!holds(&declined, "2026-03-02T00:59:59.999Z"));
        assert!(holds(&declined, "2026-03-02T01:00:00.000Z"));
        assert!(!holds(&declined, "2026-03-02T01:30:00.000Z"));
        assert!(!holds(&session(None, false), "2026-03-02T01:10:00.000Z"));
        let cancelled = Session { cancelled: true, ..declined };
        assert!(!holds(&cancelled, "2026-03-02T01:10:00.000Z"));
    }

    #[test]
    fn a_session_left_open_hides_the_room_no_longer() {
        for end in [None, Some("2026-03-09T01:00:00.000Z")] {
            let open = session(end, true);
            assert!(holds(&open, "2026-03-02T04:59:59.000Z"));
            assert!(!holds(&open, "2026-03-02T05:00:00.000Z"));
        }
    }
}
