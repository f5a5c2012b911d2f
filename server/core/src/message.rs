//! What a person is told of their own work, and when it may leave the house: kinds, mentions in a
//! note, quiet hours, the digest. Pure; time is an argument. It holds ids and numbers, never what a
//! lead says or whom it names.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::quiet_hours::{self, Quiet};

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationKind {
    /// A colleague wrote `@name` in a note.
    Mention,
    /// A colleague gave a lead to this person.
    Assigned,
    /// A lead's term runs out within [`SOON`].
    DueSoon,
    /// A term of a penalty case is over.
    CaseLate,
    /// A term of a clue is over.
    ClueLate,
    /// An enrolment waits for a supervisor.
    Enrolment,
    /// The person asked for it on the own page.
    Test,
}

impl NotificationKind {
    /// What it says, of the lead `number` where it is of one.
    pub fn words(self, number: Option<i64>) -> (String, String) {
        let of = number.map_or_else(String::new, |n| format!("#{n}"));
        let (zh, en) = match self {
            Self::Mention => ("同事在线索备注中提到您：线索", "a colleague mentions you: lead"),
            Self::Assigned => ("线索已指派给您：线索", "given to you: lead"),
            Self::DueSoon => ("办理期限将至：线索", "its term runs out soon: lead"),
            Self::CaseLate => ("案件办理期限已过：线索", "a term of the case is over: lead"),
            Self::ClueLate => ("举报办理期限已过：举报", "a term of the clue is over: clue"),
            Self::Enrolment => ("有人脸采集申请待您确认", "an enrolment waits for your decision"),
            Self::Test => ("测试消息：此渠道可用", "test: this way works"),
        };
        if of.is_empty() {
            (zh.to_owned(), en.to_owned())
        } else {
            (format!("{zh} {of}"), format!("{en} {of}"))
        }
    }
}

/// How long before its end a term is said to run out soon.
pub const SOON: SignedDuration = SignedDuration::from_hours(4);

/// When a person wants to be told beyond the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hours {
    /// Once a day, at this minute of the pages' day; at once where there is none.
    pub digest_at_min: Option<u16>,
    /// Between these minutes of the day nothing goes out.
    pub quiet: Option<(u16, u16)>,
}

impl Hours {
    /// Whether something that came to be at `at` may go out now.
    pub fn may_tell(&self, at: Timestamp, now: Timestamp, zone: &TimeZone) -> bool {
        let quiet = self.quiet.map(|(from_min, to_min)| Quiet { from_min, to_min, below: u8::MAX });
        if quiet_hours::not_before(now, quiet, 0, zone) > now {
            return false;
        }
        let Some(minute) = self.digest_at_min else { return true };
        let today = now.to_zoned(zone.clone());
        let (hour, minute) = (i8::try_from(minute / 60 % 24), i8::try_from(minute % 60));
        let (Ok(hour), Ok(minute)) = (hour, minute) else { return true };
        let Ok(moment) = today.date().at(hour, minute, 0, 0).to_zoned(zone.clone()) else {
            return true;
        };
        let moment = moment.timestamp();
        // The last moment of a digest that has come.
        let last = if moment <= now { moment } else { moment - SignedDuration::from_hours(24) };
        at <= last
    }
}

/// The colleagues (login and name) whom a note names as `@login` or `@name`; of two that fit, the
/// longer one.
pub fn mentioned(note: &str, colleagues: &[(AccountId, String)]) -> Vec<AccountId> {
    let in_login = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut found = Vec::new();
    for (at, _) in note.match_indices(['@', '＠']) {
        let rest = note[at..].trim_start_matches(['@', '＠']);
        let typed: String = rest.chars().take_while(|c| in_login(*c)).collect();
        let typed = typed.trim_end_matches('.');
        let by_login = colleagues.iter().find(|(login, _)| *login == *typed);
        let by_name = colleagues
            .iter()
            .filter(|(_, name)| !name.is_empty() && rest.starts_with(name.as_str()))
            .max_by_key(|(_, name)| name.len());
        if let Some((login, _)) = by_login.or(by_name)
            && !found.contains(login)
        {
            found.push(login.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(8))
    }

    #[test]
    fn a_colleague_is_named_by_login_or_name() {
        let colleagues: Vec<(AccountId, String)> =
            [("li", "李敏"), ("li.wang", "王力"), ("zhao", "赵"), ("z2", "赵一")]
                .map(|(login, name)| (login.parse().unwrap(), name.to_owned()))
                .into();
        for (note, expected) in [
            ("请 @li 看一下", vec!["li"]),
            ("@li.wang,@zhao", vec!["li.wang", "zhao"]),
            ("@李敏请复核，＠赵一", vec!["li", "z2"]),
            ("see @li.", vec!["li"]),
            ("mail li@example.cn, @lix, @", vec![]),
            ("@li @li", vec!["li"]),
        ] {
            assert_eq!(mentioned(note, &colleagues), expected, "{note}");
        }
    }

    #[test]
    fn in_quiet_hours_nothing_goes_out() {
        let hours = Hours { quiet: Some((22 * 60, 7 * 60)), ..Hours::default() };
        let night = at("2026-03-01T19:00:00Z");
        assert!(!hours.may_tell(night, night, &zone()));
        assert!(hours.may_tell(night, at("2026-03-01T23:00:00Z"), &zone()));
        assert!(Hours::default().may_tell(night, night, &zone()));
    }

    #[test]
    fn a_digest_waits_for_its_minute() {
        let hours = Hours { digest_at_min: Some(9 * 60), ..Hours::default() };
        let came = at("2026-03-02T02:00:00Z"); // 10:00 in the zone
        assert!(!hours.may_tell(came, at("2026-03-02T12:00:00Z"), &zone()));
        assert!(!hours.may_tell(came, at("2026-03-03T00:59:00Z"), &zone()));
        assert!(hours.may_tell(came, at("2026-03-03T01:00:00Z"), &zone()));
        assert!(hours.may_tell(came, at("2026-03-04T00:30:00Z"), &zone()), "it was late");
        let both = Hours { quiet: Some((0, 10 * 60)), ..hours };
        assert!(!both.may_tell(came, at("2026-03-03T01:30:00Z"), &zone()));
        assert!(both.may_tell(came, at("2026-03-03T02:00:00Z"), &zone()));
    }

    proptest::proptest! {
        #[test]
        fn no_note_names_anybody_else(note in ".{0,60}") {
            let known = [("li".parse().unwrap(), "李".to_owned())];
            let found = mentioned(&note, &known);
            assert!(found.len() <= 1);
            assert!(found.is_empty() || note.contains(['@', '＠']));
        }
    }
}
