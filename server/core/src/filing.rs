//! The filing of stored faces with the cyberspace administration (人脸办法 15): three duties, each
//! with its day and 30 working days. Pure: days in, terms out.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::{Calendar, Deadline};
use crate::clock::At;

const TERM_DAYS: u32 = 30;
/// People whose faces are stored, from which on the filing is due.
pub const DUE_PERSONS: i64 = 100_000;
/// Who enters what the server itself counts: no login name can be this.
pub const COUNTED: &str = "(counted)";

/// What happened, or what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilingKind {
    /// The faces of 100,000 people are stored.
    Reached,
    Filed,
    /// What was filed changed in substance.
    Changed,
    ChangeFiled,
    /// Face recognition is used no more.
    Ended,
    Deregistered,
}

impl FilingKind {
    pub const ALL: [Self; 6] = [
        Self::Reached,
        Self::Filed,
        Self::Changed,
        Self::ChangeFiled,
        Self::Ended,
        Self::Deregistered,
    ];

    /// What people enter; that the number was reached the server says itself.
    pub fn by_people() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Reached)
    }

    pub fn code(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Filed => "filed",
            Self::Changed => "changed",
            Self::ChangeFiled => "change_filed",
            Self::Ended => "ended",
            Self::Deregistered => "deregistered",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Reached => "存储数量达到 10 万人",
            Self::Filed => "已备案",
            Self::Changed => "备案信息实质变更",
            Self::ChangeFiled => "已办理变更",
            Self::Ended => "终止应用人脸识别技术",
            Self::Deregistered => "已注销备案",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Reached => "100,000 people stored",
            Self::Filed => "filed",
            Self::Changed => "what was filed changed",
            Self::ChangeFiled => "change filed",
            Self::Ended => "use of face recognition ended",
            Self::Deregistered => "filing deregistered",
        }
    }

    /// What settles it; `None`: it settles something itself.
    fn settled_by(self) -> Option<Self> {
        match self {
            Self::Reached => Some(Self::Filed),
            Self::Changed => Some(Self::ChangeFiled),
            Self::Ended => Some(Self::Deregistered),
            Self::Filed | Self::ChangeFiled | Self::Deregistered => None,
        }
    }
}

/// One word of it, as it was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilingEvent {
    pub at: At,
    pub by: String,
    pub kind: FilingKind,
    /// The day of it.
    #[schemars(with = "String")]
    pub on: Date,
    pub note: String,
}

/// A duty that runs, or was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FilingTerm {
    pub kind: FilingKind,
    #[schemars(with = "String")]
    pub on: Date,
    pub deadline: Deadline,
    /// The day on which it was met.
    #[schemars(with = "Option<String>")]
    pub done_on: Option<Date>,
    /// Met after its last day, or not met and that is over.
    pub late: bool,
}

/// Each duty that an event opened, the oldest first. What settles it is the next such event from
/// its day on; a second change before the first was filed has a term of its own.
pub fn terms(events: &[FilingEvent], calendar: &Calendar, today: Date) -> Vec<FilingTerm> {
    let mut found = Vec::new();
    for event in events {
        let Some(by) = event.kind.settled_by() else { continue };
        let done = events.iter().filter(|e| e.kind == by && e.on >= event.on).map(|e| e.on).min();
        let deadline = calendar.add_working_days(event.on, TERM_DAYS);
        let late = done.unwrap_or(today) > deadline.on;
        found.push(FilingTerm { kind: event.kind, on: event.on, deadline, done_on: done, late });
    }
    found.sort_by_key(|term| term.on);
    found
}

/// Whether this number is reached now for the first time: since a deregistration, or ever.
pub fn is_reached(persons: i64, events: &[FilingEvent]) -> bool {
    let opening =
        |event: &&FilingEvent| matches!(event.kind, FilingKind::Reached | FilingKind::Deregistered);
    let last = events.iter().rfind(opening).map(|event| event.kind);
    persons >= DUE_PERSONS && last != Some(FilingKind::Reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: FilingKind, on: &str) -> FilingEvent {
        let (by, note) = ("wang".to_owned(), String::new());
        FilingEvent { at: At::EPOCH, by, kind, on: on.parse().unwrap(), note }
    }

    fn late(events: &[FilingEvent], today: &str) -> Vec<bool> {
        let found = terms(events, &Calendar::new([]), today.parse().unwrap());
        found.into_iter().map(|term| term.late).collect()
    }

    #[test]
    fn each_duty_has_thirty_working_days() {
        for kind in [FilingKind::Reached, FilingKind::Changed, FilingKind::Ended] {
            // Monday 2 November 2026; the thirtieth working day after it is Monday 14 December.
            let begun = [event(kind, "2026-11-02")];
            assert_eq!(late(&begun, "2026-12-14"), [false], "{kind:?}");
            assert_eq!(late(&begun, "2026-12-15"), [true], "{kind:?}");
        }
    }

    #[test]
    fn a_change_is_settled_by_a_filing_after_it_alone() {
        let changed = event(FilingKind::Changed, "2026-11-02");
        let before = [event(FilingKind::ChangeFiled, "2026-11-01"), changed.clone()];
        assert_eq!(late(&before, "2027-03-01"), [true]);
        let filed = [changed.clone(), event(FilingKind::ChangeFiled, "2026-12-14")];
        assert_eq!(late(&filed, "2027-03-01"), [false]);
        let other = [changed, event(FilingKind::Filed, "2026-11-03")];
        assert_eq!(late(&other, "2027-03-01"), [true]);
    }

    #[test]
    fn the_number_is_reached_once_and_again_after_an_end() {
        let reached = event(FilingKind::Reached, "2026-11-02");
        let filed = event(FilingKind::Filed, "2026-11-03");
        let over = event(FilingKind::Deregistered, "2026-12-01");
        assert!(!is_reached(99_999, &[]) && is_reached(100_000, &[]));
        assert!(!is_reached(100_001, &[reached.clone(), filed.clone()]));
        assert!(is_reached(100_000, &[reached, filed, over]));
    }
}
