//! Entries of penalty cases: appended, never overwritten; what may be entered is said by
//! `crate::penalty_case`, asked within the same transaction.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Alert, Result, Store, alerts};
use crate::alert::{AlertAction, AlertState};
use crate::clock::At;
use crate::ids::AlertId;
use crate::penalty_case::{CaseEntry, CaseRefusal, INSTITUTION, PenaltyCase, RecordedEntry};
use crate::{act_time, clock};
use jiff::civil::Date;

impl Store {
    /// The case of an alert; without an entry where it has none.
    pub fn penalty_case(&self, alert: &AlertId) -> Result<PenaltyCase> {
        self.read(|c| case_of(c, alert))
    }

    /// Appends an entry where `check` lets it in.
    pub fn enter_case(
        &self,
        alert: &AlertId,
        (by, now): (&str, At),
        (on, party, entry): (Date, i64, &CaseEntry),
        check: impl Fn(&PenaltyCase) -> std::result::Result<(), CaseRefusal>,
    ) -> Result<std::result::Result<(), CaseRefusal>> {
        self.write(|tx| {
            if let Err(refusal) = check(&case_of(tx, alert)?.as_of(party)) {
                return Ok(Err(refusal));
            }
            // What is of the case as a whole is done to nobody alone.
            let party = if entry.is_of_a_party() { party } else { INSTITUTION };
            append(tx, alert, (by, now), (on, party, entry))?;
            Ok(Ok(()))
        })
    }

    /// 立案: the step and the officers, both or neither. `check` sees the case as opened.
    pub fn open_case(
        &self,
        alert: &AlertId,
        (by, now): (&str, At),
        step: &AlertAction,
        (on, officers): (Date, &CaseEntry),
        check: impl Fn(&PenaltyCase) -> std::result::Result<(), CaseRefusal>,
    ) -> Result<std::result::Result<Alert, CaseRefusal>> {
        self.write(|tx| {
            let opened = PenaltyCase { opened_on: Some(on), ..case_of(tx, alert)? };
            if let Err(refusal) = check(&opened) {
                return Ok(Err(refusal));
            }
            let after = alerts::step_within(tx, alert, by, step, "", now)?;
            append(tx, alert, (by, now), (on, INSTITUTION, officers))?;
            Ok(Ok(after))
        })
    }

    /// Alerts whose verification or case runs, oldest first.
    pub fn running_cases(&self) -> Result<Vec<Alert>> {
        self.read(|c| alerts::of_states(c, &[AlertState::OnSite, AlertState::Case]))
    }

    /// Closed cases that were decided or quashed since a day: their publication may be open yet.
    pub fn lately_decided_cases(&self, since: Date) -> Result<Vec<Alert>> {
        self.read(|c| {
            let sql = "SELECT DISTINCT e.alert FROM case_entry e JOIN alert a ON a.id = e.alert \
                WHERE a.state = 'closed' AND e.on_day >= ?1 AND (e.entry LIKE ?2 OR e.entry LIKE \
                ?3) ORDER BY 1";
            let kind = |name: &str| format!("%\"kind\":\"{name}\"%");
            let row = params![since.to_string(), kind("decided"), kind("quashed")];
            let ids = collect(c, sql, row, |r| Ok(r.get::<_, AlertId>(0)?))?;
            let found: Result<Vec<Option<Alert>>> =
                ids.iter().map(|id| alerts::alert_by_id(c, id)).collect();
            Ok(found?.into_iter().flatten().collect())
        })
    }

    /// Alerts in whose case a person of the registry is a party, newest first.
    pub fn cases_against(&self, person: &str) -> Result<Vec<Alert>> {
        self.read(|c| {
            let sql = "SELECT DISTINCT alert FROM case_entry WHERE entry LIKE ?1 ORDER BY 1";
            let named = format!("%\"person\":\"{person}\"%");
            let ids = collect(c, sql, [named.as_str()], |r| Ok(r.get::<_, AlertId>(0)?))?;
            let mut found = Vec::new();
            for id in ids {
                // A wildcard in an id names others, too.
                let is_party = case_of(c, &id)?.as_of_person(person).is_some();
                found.extend(alerts::alert_by_id(c, &id)?.filter(|_| is_party));
            }
            found.sort_by_key(|alert| std::cmp::Reverse(alert.number.for_authority()));
            Ok(found)
        })
    }
}

fn append(
    tx: &Connection,
    alert: &AlertId,
    (by, now): (&str, At),
    (on, party, entry): (Date, i64, &CaseEntry),
) -> Result<()> {
    let sql = "INSERT INTO case_entry (alert, at, by_whom, on_day, entry, party) VALUES \
        (?1,?2,?3,?4,?5,?6)";
    let text = serde_json::to_string(entry)?;
    tx.execute(sql, params![alert, now, by, on.to_string(), text, party])?;
    Ok(())
}

pub(super) fn case_of(c: &Connection, alert: &AlertId) -> Result<PenaltyCase> {
    let first = |state: AlertState| -> Result<Option<Date>> {
        let sql = "SELECT at FROM alert_step WHERE alert = ?1 AND state_after = ?2 ORDER BY id \
            LIMIT 1";
        let found = collect(c, sql, params![alert, state.as_str()], |r| Ok(r.get::<_, At>(0)?));
        Ok(found?.first().map(|at| at.date()))
    };
    let opened_on = first(AlertState::Case)?;
    let sql = "SELECT id, at, by_whom, on_day, entry, party FROM case_entry WHERE alert = ?1 \
        ORDER BY id";
    let entries = collect(c, sql, [alert], |r| {
        Ok(RecordedEntry {
            id: r.get(0)?,
            at: r.get(1)?,
            by: r.get(2)?,
            on: super::named(r.get(3)?)?,
            entry: serde_json::from_str(&r.get::<_, String>(4)?)?,
            party: r.get(5)?,
        })
    })?;
    Ok(PenaltyCase {
        on_site_on: first(AlertState::OnSite)?,
        closed_on: first(AlertState::Closed)?,
        opened_on,
        entries,
        large_fine_yuan: None,
        act_ended_on: last_seen(c, alert)?,
        party: INSTITUTION,
    })
}

/// The last day on which what is alleged was seen; what a box took back alleges nothing.
fn last_seen(c: &Connection, alert: &AlertId) -> Result<Option<Date>> {
    let sql = "SELECT report FROM finding WHERE alert = ?1 AND step <> 'withdrawn'";
    let reports = collect(c, sql, [alert], |r| {
        let report: protocol::up::FindingReport = serde_json::from_str(&r.get::<_, String>(0)?)?;
        let until = act_time::span_ms(&report).map(|(_, to_ms)| to_ms);
        let until = until.and_then(|to_ms| jiff::Timestamp::from_millisecond(to_ms).ok());
        Ok(until.map(|at| at.to_zoned(clock::zone()).date()))
    })?;
    Ok(reports.into_iter().flatten().max())
}
