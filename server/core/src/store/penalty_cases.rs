//! Entries of penalty cases: appended, never overwritten; what may be entered is said by
//! `crate::penalty_case`, asked within the same transaction.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Alert, Result, Store, alerts};
use crate::alert::{State, Step};
use crate::clock;
use crate::penalty_case::{Entry, PenaltyCase, Recorded, Refusal};
use jiff::civil::Date;

impl Store {
    /// The case of an alert; without an entry where it has none.
    pub fn penalty_case(&self, alert: &str) -> Result<PenaltyCase> {
        self.read(|c| case_of(c, alert))
    }

    /// Appends an entry where `check` lets it in.
    pub fn enter_case(
        &self,
        alert: &str,
        (by, now): (&str, &str),
        (on, entry): (Date, &Entry),
        check: impl Fn(&PenaltyCase) -> std::result::Result<(), Refusal>,
    ) -> Result<std::result::Result<(), Refusal>> {
        self.write(|tx| {
            if let Err(refusal) = check(&case_of(tx, alert)?) {
                return Ok(Err(refusal));
            }
            append(tx, alert, (by, now), (on, entry))?;
            Ok(Ok(()))
        })
    }

    /// 立案: the step and the officers, both or neither. `check` sees the case as opened.
    pub fn open_case(
        &self,
        alert: &str,
        (by, now): (&str, &str),
        step: &Step,
        (on, officers): (Date, &Entry),
        check: impl Fn(&PenaltyCase) -> std::result::Result<(), Refusal>,
    ) -> Result<std::result::Result<Alert, Refusal>> {
        self.write(|tx| {
            let opened = PenaltyCase { opened_on: Some(on), ..case_of(tx, alert)? };
            if let Err(refusal) = check(&opened) {
                return Ok(Err(refusal));
            }
            let after = alerts::step_within(tx, alert, by, step, "", now)?;
            append(tx, alert, (by, now), (on, officers))?;
            Ok(Ok(after))
        })
    }

    /// Alerts whose verification or case runs, oldest first.
    pub fn running_cases(&self) -> Result<Vec<Alert>> {
        self.read(|c| alerts::of_states(c, &[State::OnSite, State::Case]))
    }
}

fn append(
    tx: &Connection,
    alert: &str,
    (by, now): (&str, &str),
    (on, entry): (Date, &Entry),
) -> Result<()> {
    let sql = "INSERT INTO case_entry (alert, at, by_whom, on_day, entry) VALUES (?1,?2,?3,?4,?5)";
    let text = serde_json::to_string(entry)?;
    tx.execute(sql, params![alert, now, by, on.to_string(), text])?;
    Ok(())
}

pub(super) fn case_of(c: &Connection, alert: &str) -> Result<PenaltyCase> {
    let first = |state: State| -> Result<Option<Date>> {
        let sql = "SELECT at FROM alert_step WHERE alert = ?1 AND state_after = ?2 ORDER BY id \
            LIMIT 1";
        let found = collect(c, sql, params![alert, state.as_str()], |r| Ok(r.get::<_, String>(0)?));
        Ok(found?.first().and_then(|at| day(at)))
    };
    let opened_on = first(State::Case)?;
    let sql = "SELECT id, at, by_whom, on_day, entry FROM case_entry WHERE alert = ?1 ORDER BY id";
    let entries = collect(c, sql, [alert], |r| {
        Ok(Recorded {
            id: r.get(0)?,
            at: r.get(1)?,
            by: r.get(2)?,
            on: super::named(r.get(3)?)?,
            entry: serde_json::from_str(&r.get::<_, String>(4)?)?,
        })
    })?;
    Ok(PenaltyCase {
        on_site_on: first(State::OnSite)?,
        closed_on: first(State::Closed)?,
        opened_on,
        entries,
        large_fine_yuan: None,
    })
}

/// The day of a step where this server stands.
fn day(at: &str) -> Option<Date> {
    at.parse::<jiff::Timestamp>().ok().map(|t| t.to_zoned(clock::zone()).date())
}
