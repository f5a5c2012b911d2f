//! The periods of self-checks: a quarter for the routine ones, a year for the full one, days that
//! an officer names for a special one. Pure.
//!
//! At least once a quarter and once a year is as Beijing's notice has it (an excerpt was read); the
//! days for handing in and until it is told further up are ours [D].

use jiff::ToSpan as _;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::CheckKind;

/// Days after the end of a period in which it may still be handed in.
pub const HAND_IN_DAYS: i64 = 15;
/// So many days before it is due, it is said to be near.
const NEAR_DAYS: i64 = 14;
/// So many days overdue, it stands on the list of the authority's head.
const ESCALATED_DAYS: i64 = 15;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    pub kind: CheckKind,
    /// `2026Q4`, `2026`, or the days of a special one.
    pub name: String,
    pub from: Date,
    /// The last day.
    pub to: Date,
    pub due: Date,
}

impl Period {
    /// The period of this kind that a day lies in; none of a special one, which somebody orders.
    pub fn around(kind: CheckKind, day: Date) -> Option<Self> {
        let year = day.year();
        let (name, first, last) = match kind {
            CheckKind::Routine => {
                let quarter = (day.month() - 1) / 3;
                (format!("{year}Q{}", quarter + 1), quarter * 3 + 1, quarter * 3 + 3)
            }
            CheckKind::Full => (year.to_string(), 1, 12),
            CheckKind::Special => return None,
        };
        let from = Date::new(year, first, 1).ok()?;
        Self::of(kind, name, from, Date::new(year, last, 1).ok()?.last_of_month())
    }

    /// A special check over days.
    pub fn special(from: Date, to: Date) -> Option<Self> {
        let is_sound = from <= to && (to - from).get_days() <= 366;
        Self::of(CheckKind::Special, format!("{from}..{to}"), from, to).filter(|_| is_sound)
    }

    fn of(kind: CheckKind, name: String, from: Date, to: Date) -> Option<Self> {
        let due = to.checked_add(HAND_IN_DAYS.days()).ok()?;
        Some(Self { kind, name, from, to, due })
    }
}

/// How a self-check that is not handed in stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Nothing is due yet, or it was handed in.
    InTime,
    Near,
    Overdue,
    /// So long overdue that the authority's head sees it.
    Escalated,
}

impl Timing {
    /// Of one that the clinic still has to hand in.
    pub fn of(due: Date, today: Date) -> Self {
        let late_days = i64::from((today - due).get_days());
        match late_days {
            late if late > ESCALATED_DAYS => Self::Escalated,
            late if late > 0 => Self::Overdue,
            late if late >= -NEAR_DAYS => Self::Near,
            _ => Self::InTime,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_quarter_ends_with_its_month_whatever_its_length() {
        for (inside, name, from, to) in [
            ("2026-02-28", "2026Q1", "2026-01-01", "2026-03-31"),
            ("2026-04-01", "2026Q2", "2026-04-01", "2026-06-30"),
            ("2026-12-31", "2026Q4", "2026-10-01", "2026-12-31"),
        ] {
            let it = Period::around(CheckKind::Routine, day(inside)).unwrap();
            assert_eq!((it.name.as_str(), it.from, it.to), (name, day(from), day(to)));
        }
        let year = Period::around(CheckKind::Full, day("2026-05-05")).unwrap();
        assert_eq!((year.to, year.due), (day("2026-12-31"), day("2027-01-15")));
    }

    #[test]
    fn the_clock_over_a_quarters_end_makes_it_late() {
        let due = Period::around(CheckKind::Routine, day("2026-10-05")).unwrap().due;
        for (today, timing) in [
            ("2026-12-31", Timing::InTime),
            ("2027-01-01", Timing::Near),
            ("2027-01-15", Timing::Near),
            ("2027-01-16", Timing::Overdue),
            ("2027-01-30", Timing::Overdue),
            ("2027-01-31", Timing::Escalated),
        ] {
            assert_eq!(Timing::of(due, day(today)), timing, "{today}");
        }
    }

    #[test]
    fn a_special_check_ends_after_it_begins() {
        assert!(Period::special(day("2026-11-01"), day("2026-11-30")).is_some());
        assert!(Period::special(day("2026-11-30"), day("2026-11-01")).is_none());
        assert!(Period::special(day("2024-01-01"), day("2026-01-01")).is_none());
    }
}
