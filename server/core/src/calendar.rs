//! Working days of the People's Republic: weekends, and the State Council's yearly notice of
//! holidays and of weekend days worked instead. Pure.
//!
//! 行政处罚法 85 and 卫生健康行政处罚程序规定 69(2) count terms of two, three, five and seven days
//! in working days. The shipped years 2025 and 2026 are those of the public package chinesecalendar
//! 1.11.0; they were not held against the notices themselves. A year without a table has its
//! weekends alone, and every deadline in it says so.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use law::{TermRow, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a notice says of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    Holiday,
    /// A weekend day that is worked.
    Working,
}

/// One line of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeDay {
    /// RFC 3339 full-date.
    #[schemars(with = "String")]
    pub day: Date,
    pub kind: DayKind,
}

/// Shipped with the program; imported years replace them.
const SHIPPED: &str = include_str!("../../data/workdays.csv");

/// The most lines of one import: a year's notice has about forty.
pub const MOST_DAYS: usize = 400;

/// Fewer lines than that are no whole notice.
const WHOLE_NOTICE_MIN: usize = 20;

/// A day by which something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deadline {
    #[schemars(with = "String")]
    pub on: Date,
    /// A year that it counts through has no table: weekends alone were left out.
    pub year_without_table: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Calendar {
    days: BTreeMap<Date, DayKind>,
}

impl Calendar {
    /// The shipped years, with those that were imported in their place.
    pub fn new(imported: impl IntoIterator<Item = NoticeDay>) -> Self {
        let imported: Vec<NoticeDay> = imported.into_iter().collect();
        let replaced = |day: Date| imported.iter().any(|i| i.day.year() == day.year());
        let shipped =
            read_csv(SHIPPED).unwrap_or_default().into_iter().filter(|d| !replaced(d.day));
        let mut days: BTreeMap<Date, DayKind> = shipped.map(|d| (d.day, d.kind)).collect();
        days.extend(imported.iter().map(|d| (d.day, d.kind)));
        Self { days }
    }

    pub fn knows(&self, year: i16) -> bool {
        self.days.keys().any(|d| d.year() == year)
    }

    /// How many days the notice of a year names.
    pub fn lines(&self, year: i16) -> usize {
        self.days.keys().filter(|d| d.year() == year).count()
    }

    /// A year that has a table and would lose most of it to so short an import: a slip, unless it
    /// is meant.
    pub fn loses(&self, import: &[NoticeDay]) -> Option<i16> {
        let lines = |year: i16| import.iter().filter(|d| d.day.year() == year).count();
        import
            .iter()
            .map(|d| d.day.year())
            .find(|year| lines(*year) < WHOLE_NOTICE_MIN && lines(*year) < self.lines(*year))
    }

    /// The years with a table, rising.
    pub fn years(&self) -> Vec<i16> {
        let mut years: Vec<i16> = self.days.keys().map(|d| d.year()).collect();
        years.dedup();
        years
    }

    pub fn is_working(&self, day: Date) -> bool {
        match self.days.get(&day) {
            Some(DayKind::Holiday) => false,
            Some(DayKind::Working) => true,
            None => !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }

    /// The `n`-th working day after `from`, which itself does not count. `n` of 0 is `from`.
    pub fn add_working_days(&self, from: Date, n: u32) -> Deadline {
        let mut due = Deadline { on: from, year_without_table: !self.knows(from.year()) };
        let mut left = n;
        while left > 0 {
            let Ok(next) = due.on.tomorrow() else { break };
            due.on = next;
            due.year_without_table |= !self.knows(next.year());
            left -= u32::from(self.is_working(next));
        }
        due
    }

    /// The end of a term of the law that begins with `from`.
    pub fn due(&self, from: Date, term: &TermRow) -> Deadline {
        match term.unit {
            Unit::WorkingDays => self.add_working_days(from, term.length),
            Unit::Days => Self::add_days(from, term.length),
            Unit::Years => {
                let on = from.checked_add(i64::from(term.length).years()).unwrap_or(Date::MAX);
                Deadline { on, year_without_table: false }
            }
        }
    }

    /// Calendar days, such as the ninety of a decision.
    pub fn add_days(from: Date, n: u32) -> Deadline {
        let on = from.checked_add(i64::from(n).days()).unwrap_or(Date::MAX);
        Deadline { on, year_without_table: false }
    }
}

/// `day,kind` with or without its heading; one line names every fault by its line.
pub fn read_csv(text: &str) -> Result<Vec<NoticeDay>, String> {
    let mut days: Vec<NoticeDay> = Vec::new();
    for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || n == 0 && line.starts_with("day") {
            continue;
        }
        let at = n + 1;
        let (day, kind) =
            line.split_once(',').ok_or_else(|| format!("line {at}: use `2027-01-01,holiday`"))?;
        let day: Date =
            day.trim().parse().map_err(|_| format!("line {at}: `{}` is no day", clip(day)))?;
        let kind = match kind.trim() {
            "holiday" => DayKind::Holiday,
            "working" => DayKind::Working,
            other => {
                return Err(format!(
                    "line {at}: `{}` is neither `holiday` nor `working`",
                    clip(other)
                ));
            }
        };
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        if kind == DayKind::Working && !weekend {
            return Err(format!(
                "line {at}: {day} is no weekend day; `working` is for weekend days that are worked"
            ));
        }
        if days.iter().any(|d| d.day == day) {
            return Err(format!("line {at}: {day} stands twice"));
        }
        days.push(NoticeDay { day, kind });
        if days.len() > MOST_DAYS {
            return Err(format!(
                "line {at}: more than {MOST_DAYS} days; import one year at a time"
            ));
        }
    }
    Ok(days)
}

fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn due(from: &str, n: u32) -> String {
        Calendar::new([]).add_working_days(day(from), n).on.to_string()
    }

    #[test]
    fn a_weekend_and_a_holiday_do_not_count() {
        assert_eq!(due("2026-11-27", 1), "2026-11-30");
        // 1 to 7 October 2026 are holidays; Saturday 10 is worked.
        assert_eq!(due("2026-09-30", 3), "2026-10-10");
        assert_eq!(due("2026-09-30", 4), "2026-10-12");
    }

    #[test]
    fn a_weekend_day_that_is_worked_counts() {
        assert!(Calendar::new([]).is_working(day("2026-02-14")));
        assert!(!Calendar::new([]).is_working(day("2026-02-21")));
    }

    #[test]
    fn a_year_without_a_table_is_announced() {
        let calendar = Calendar::new([]);
        assert!(!calendar.add_working_days(day("2026-12-24"), 5).year_without_table);
        assert!(calendar.add_working_days(day("2026-12-30"), 5).year_without_table);
    }

    #[test]
    fn an_imported_year_replaces_the_shipped_one() {
        let calendar =
            Calendar::new([NoticeDay { day: day("2026-12-31"), kind: DayKind::Holiday }]);
        assert!(!calendar.is_working(day("2026-12-31")));
        assert!(calendar.is_working(day("2026-10-01")), "the shipped year is left out whole");
        assert!(!calendar.is_working(day("2025-10-01")));
    }

    #[test]
    fn a_fault_in_a_table_is_named_by_its_line() {
        for (text, said) in [
            ("2027-01-01,holiday\n2027-13-01,holiday", "line 2"),
            ("2027-01-01,off", "neither"),
            ("2027-01-01 holiday", "line 1"),
            ("2027-01-01,working", "no weekend day"),
            ("2027-01-01,holiday\n2027-01-01,holiday", "twice"),
        ] {
            let fault = read_csv(text).unwrap_err();
            assert!(fault.contains(said), "{fault}");
        }
    }

    /// As `chinesecalendar` 1.11.0 counts them; all 730 days were held against it.
    #[test]
    fn the_shipped_months_have_their_working_days() {
        let counted = |year: i16| -> Vec<usize> {
            let calendar = Calendar::new([]);
            (1..=12)
                .map(|month| {
                    let first = Date::new(year, month, 1).unwrap();
                    let days = first.series(jiff::Span::new().days(1));
                    days.take_while(|d| d.month() == month)
                        .filter(|d| calendar.is_working(*d))
                        .count()
                })
                .collect()
        };
        assert_eq!(counted(2025), [19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23]);
        assert_eq!(counted(2026), [21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23]);
    }

    #[test]
    fn the_shipped_table_is_good() {
        let days = read_csv(SHIPPED).unwrap();
        assert_eq!(Calendar::new([]).years(), [2025, 2026]);
        assert_eq!(days.iter().filter(|d| d.kind == DayKind::Working).count(), 11);
    }

    proptest! {
        #[test]
        fn a_due_day_is_worked_and_counts_back(offset in 0i64..700, n in 1u32..40) {
            let calendar = Calendar::new([]);
            let from = day("2025-01-01").checked_add(offset.days()).unwrap();
            let due = calendar.add_working_days(from, n).on;
            prop_assert!(calendar.is_working(due));
            let mut at = from;
            let mut counted = 0;
            while at < due {
                at = at.tomorrow().unwrap();
                counted += u32::from(calendar.is_working(at));
            }
            prop_assert_eq!(counted, n);
        }

        #[test]
        fn no_text_stops_the_reader(text in "\\PC{0,200}") {
            let _ = read_csv(&text);
        }
    }
}
