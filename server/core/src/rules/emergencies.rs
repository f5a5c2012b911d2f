//! HB-8: emergency flags again and again. A flag lowers what a box says to L1 for an hour, so a
//! clinic that flags every session would answer to nobody.
//!
//! Three in 30 days at one institution → L2 [D]. A flag that is taken back stays one. Pure.

use protocol::names::{FigureName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::ServerStatement;

use super::draft::count;
use super::repeated::within_window;
use super::{DAY_MS, Draft, Numbers};

/// A session's flag when it first reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    pub session: String,
    pub institution: String,
    pub room: String,
    /// A box of the room.
    pub device: String,
    /// Milliseconds since the epoch.
    pub at_ms: i64,
    /// When the session began, as that word had it.
    pub start_ms: i64,
}

impl Flag {
    /// It came while it could lower anything: a table of old years, or a plan for next week, is no
    /// emergency.
    fn is_of_its_day(&self) -> bool {
        (self.at_ms - self.start_ms).abs() < DAY_MS
    }
}

/// `flags` are those of one institution. What comes within 24 h of a repeat belongs to it.
pub fn judge(flags: &[Flag], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let days = p.hb8_days;
    let mut ordered: Vec<&Flag> = flags
        .iter()
        .filter(|f| f.is_of_its_day() && f.at_ms <= now_ms && f.at_ms > now_ms - days * DAY_MS)
        .collect();
    ordered.sort_by_key(|f| (f.at_ms, &f.session));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut day_began_ms = None;
    for (n, it) in ordered.iter().enumerate() {
        let repeat = within_window(ordered.iter().map(|f| f.at_ms), n, days);
        if (repeat as i64) < p.hb8_repeats {
            continue;
        }
        let of = &ordered[n + 1 - repeat..=n];
        let began_ms = day_began_ms.filter(|began| it.at_ms < began + DAY_MS);
        if let (Some(_), Some(last)) = (began_ms, drafts.last_mut()) {
            *last = draft(of, last.subject.clone(), p);
        } else {
            day_began_ms = Some(it.at_ms);
            drafts.push(draft(of, format!("emergency {}", it.session), p));
        }
    }
    drafts
}

/// `flags` ends with the newest.
fn draft(flags: &[&Flag], subject: String, p: &Numbers) -> Draft {
    let it = flags[flags.len() - 1];
    Draft {
        rule: RuleCode::Hb8,
        kind: FindingKind::Integrity,
        severity: Severity::L2,
        subject,
        institution: it.institution.clone(),
        room: it.room.clone(),
        device: it.device.clone(),
        session: None,
        persons: Vec::new(),
        basis: protocol::law::duty(),
        intervals: Vec::new(),
        counts: vec![
            count(FigureName::EmergencyFlags, flags.len() as i64),
            count(FigureName::WindowDays, p.hb8_days),
            count(FigureName::RepeatsNeeded, p.hb8_repeats),
        ],
        statement: ServerStatement::EmergenciesAgain { repeat: flags.len(), days: p.hb8_days },
        related: flags.iter().map(|f| f.session.clone()).collect(),
        incidents: Vec::new(),
        visibility_ppm: 1_000_000,
        liveness_waived: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::NOW;
    use super::*;

    fn at(n: i64, at_ms: i64) -> Flag {
        Flag {
            session: format!("s-{n}"),
            institution: "c-1".into(),
            room: "r-1".into(),
            device: "box-1".into(),
            at_ms,
            start_ms: at_ms - 600_000,
        }
    }

    fn said(flags: &[Flag]) -> Vec<(String, usize)> {
        let drafts = judge(flags, &Numbers::default(), NOW);
        assert!(drafts.iter().all(|d| d.severity == Severity::L2 && d.rule == RuleCode::Hb8));
        drafts.into_iter().map(|d| (d.subject, d.related.len())).collect()
    }

    #[test]
    fn a_third_flag_within_thirty_days_is_l2() {
        let three = |first| [at(1, first), at(2, NOW - 9 * DAY_MS), at(3, NOW)];
        assert_eq!(said(&three(NOW - 30 * DAY_MS + 1)), [("emergency s-3".to_owned(), 3)]);
        assert_eq!(said(&three(NOW - 30 * DAY_MS)), [], "a day longer ago");
        assert_eq!(said(&three(NOW)[..2]), []);
    }

    #[test]
    fn flags_of_one_day_after_the_third_are_one_finding() {
        let many: Vec<Flag> = (0..6).map(|n| at(n, NOW - DAY_MS + n * 60_000)).collect();
        assert_eq!(said(&many), [("emergency s-2".to_owned(), 6)]);
        let later = [many.as_slice(), &[at(9, NOW)]].concat();
        assert_eq!(said(&later), [("emergency s-2".to_owned(), 7)], "within a day of the repeat");
        let began = at(2, NOW - DAY_MS);
        let next_day = [at(0, NOW - DAY_MS - 2), at(1, NOW - DAY_MS - 1), began, at(3, NOW)];
        let two = [("emergency s-2".to_owned(), 3), ("emergency s-3".to_owned(), 4)];
        assert_eq!(said(&next_day), two, "a day later it is another one");
    }

    #[test]
    fn a_table_of_old_sessions_is_no_emergency() {
        let old = |n| Flag { start_ms: NOW - 400 * DAY_MS, ..at(n, NOW) };
        assert_eq!(said(&[old(1), old(2), old(3)]), []);
        let planned = |n| Flag { start_ms: NOW + 7 * DAY_MS, ..at(n, NOW) };
        assert_eq!(said(&[planned(1), planned(2), planned(3)]), []);
    }
}
