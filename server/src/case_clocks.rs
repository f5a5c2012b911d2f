//! By when the law wants the next step of a case (卫生健康行政处罚程序规定, 行政处罚法). Pure: shows what is due,
//! blocks nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::alert::State;
use crate::calendar::{Calendar, Deadline};

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// 立案, or the decision that there is no case.
    OpenCase,
    /// 行政处罚决定.
    Decide,
}

impl Due {
    pub fn zh(self) -> &'static str {
        match self {
            Self::OpenCase => "立案期限",
            Self::Decide => "作出处罚决定期限",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::OpenCase => "open the case by",
            Self::Decide => "decide by",
        }
    }

    /// Which article sets it, and how it may be longer.
    pub fn article_zh(self) -> &'static str {
        match self {
            Self::OpenCase => {
                "卫生健康行政处罚程序规定第三十二条：7个工作日，经负责人批准可延长7个工作日"
            }
            Self::Decide => {
                "行政处罚法第六十条、程序规定第四十二条：立案之日起90日，可延长60日、再延长30日；听证、鉴定、公告、协助调查时间不计入"
            }
        }
    }

    pub fn article_en(self) -> &'static str {
        match self {
            Self::OpenCase => "程序规定 32: 7 working days, 7 more with the head's approval",
            Self::Decide => {
                "行政处罚法 60, 程序规定 42: 90 days from the opening, 60 and 30 more; hearing, appraisal, \
                    publication and \
                 assistance do not count"
            }
        }
    }
}

/// One clock of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CaseClock {
    pub due: Due,
    pub deadline: Deadline,
    /// Its day is over.
    pub late: bool,
    pub article_zh: &'static str,
    pub article_en: &'static str,
}

/// `steps` are time and state of every step, oldest first; `today` is the reader's day.
pub fn running<'a>(
    steps: impl IntoIterator<Item = (&'a str, State)>,
    calendar: &Calendar,
    today: Date,
) -> Option<CaseClock> {
    let mut since: Option<(State, Date)> = None;
    for (at, state) in steps {
        if since.is_none_or(|(before, _)| before != state) {
            since = at
                .parse::<Timestamp>()
                .ok()
                .map(|t| (state, t.to_zoned(TimeZone::system()).date()));
        }
    }
    let (due, deadline) = match since? {
        (State::OnSite, from) => (Due::OpenCase, calendar.add_working_days(from, 7)),
        (State::Case, from) => (Due::Decide, Calendar::add_days(from, 90)),
        _ => return None,
    };
    let (article_zh, article_en) = (due.article_zh(), due.article_en());
    Some(CaseClock { due, deadline, late: today > deadline.on, article_zh, article_en })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(steps: &[(&str, State)], today: &str) -> Option<CaseClock> {
        running(steps.iter().copied(), &Calendar::new([]), today.parse().unwrap())
    }

    // Noon in UTC is the same day in every zone from UTC-11 to UTC+11.
    const ON_SITE: [(&str, State); 2] =
        [("2026-11-02T12:00:00.000Z", State::Lead), ("2026-11-03T12:00:00.000Z", State::OnSite)];

    #[test]
    fn a_case_is_to_be_opened_in_seven_working_days() {
        let due = |today| {
            clock(&ON_SITE, today).map(|c| (c.due, c.deadline.on.to_string(), c.late)).unwrap()
        };
        assert_eq!(due("2026-11-12"), (Due::OpenCase, "2026-11-12".to_owned(), false));
        assert!(due("2026-11-13").2);
    }

    #[test]
    fn a_decision_is_due_ninety_days_after_the_opening() {
        let mut steps = ON_SITE.to_vec();
        steps.push(("2026-11-10T12:00:00.000Z", State::Case));
        let due = |today| {
            clock(&steps, today).map(|c| (c.due, c.deadline.on.to_string(), c.late)).unwrap()
        };
        assert_eq!(due("2027-02-08"), (Due::Decide, "2027-02-08".to_owned(), false));
        assert!(due("2027-02-09").2);
    }

    #[test]
    fn a_note_does_not_start_the_clock_again() {
        let mut steps = ON_SITE.to_vec();
        steps.push(("2026-11-06T12:00:00.000Z", State::OnSite));
        assert_eq!(clock(&steps, "2026-11-07").unwrap().deadline.on.to_string(), "2026-11-12");
    }

    #[test]
    fn before_the_inspection_and_after_the_end_nothing_is_due() {
        assert_eq!(clock(&ON_SITE[..1], "2026-11-07"), None);
        let mut steps = ON_SITE.to_vec();
        steps.push(("2026-11-10T12:00:00.000Z", State::Closed));
        assert_eq!(clock(&steps, "2026-11-11"), None);
    }
}
