//! HB-1 silent session: declared, not cancelled, the room visible, and no face seen: nobody was treated, or elsewhere.
//!
//! One → L1; three in 30 days, or ≥5 open days in a row without any session seen → L2. All numbers [D].

use std::collections::BTreeMap;

use protocol::up::Severity;

use super::{SessionOutcome, within};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    pub institution: String,
    pub severity: Severity,
    pub sessions: Vec<String>,
}

const DAYS: i64 = 30;
const REPEATED: usize = 3;

/// One finding per institution with silent sessions, in the order of ids.
pub fn judge(outcomes: &[SessionOutcome], now_ms: i64) -> Vec<Silent> {
    let mut silent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for outcome in within(outcomes, DAYS, now_ms).filter(|o| o.assessable() && !o.face_seen) {
        silent.entry(&outcome.institution).or_default().push(outcome.session.clone());
    }
    let finding = |(institution, sessions): (&str, Vec<String>)| Silent {
        institution: institution.to_owned(),
        severity: if sessions.len() >= REPEATED { Severity::L2 } else { Severity::L1 },
        sessions,
    };
    silent.into_iter().map(finding).collect()
}

/// ≥5 open days on end on which a healthy box saw nothing at all.
pub fn empty_days(days: &[DaySeen]) -> bool {
    let mut run = 0;
    for day in days.iter().filter(|d| d.open && d.healthy) {
        run = if day.anybody { 0 } else { run + 1 };
        if run >= 5 {
            return true;
        }
    }
    false
}

/// One day of one room, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySeen {
    pub open: bool,
    /// The box was on line and its camera live; other days say nothing.
    pub healthy: bool,
    pub anybody: bool,
}

#[cfg(test)]
mod tests {
    use super::super::script::{NOW, session};
    use super::*;

    fn silent(n: i64, days_ago: i64) -> SessionOutcome {
        SessionOutcome { face_seen: false, ..session(n, days_ago) }
    }

    #[test]
    fn two_in_a_month_are_the_clinics_and_three_the_supervisors() {
        let two = [silent(1, 1), silent(2, 20), silent(3, 31)];
        assert_eq!(judge(&two, NOW)[0].severity, Severity::L1);
        let three = [silent(1, 1), silent(2, 20), silent(3, 29)];
        assert_eq!(judge(&three, NOW)[0].severity, Severity::L2);
    }

    #[test]
    fn a_dark_camera_alleges_nothing() {
        let dark = SessionOutcome { visibility_ppm: Some(100_000), ..silent(1, 1) };
        let unheard = SessionOutcome { visibility_ppm: None, ..silent(2, 1) };
        assert_eq!(judge(&[dark, unheard], NOW), []);
    }

    #[test]
    fn five_open_days_without_anybody_count_and_closed_or_dark_ones_do_not() {
        let nobody = DaySeen { open: true, healthy: true, anybody: false };
        assert!(!empty_days(&[nobody; 4]));
        assert!(empty_days(&[nobody; 5]));
        let closed = DaySeen { open: false, ..nobody };
        let dark = DaySeen { healthy: false, ..nobody };
        assert!(!empty_days(&[nobody, nobody, closed, dark, closed, nobody, nobody]));
        assert!(!empty_days(&[nobody, nobody, nobody, DaySeen { anybody: true, ..nobody }, nobody, nobody]));
    }
}
