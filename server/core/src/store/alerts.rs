//! Alerts: listed, followed, and moved by the state machine of `crate::alert`. How findings become
//! alerts is `incidents`'.

mod filter;

use std::collections::BTreeSet;

use super::engine::OptionalExtension as _;
use super::engine::{Connection, params};
use protocol::id::DeviceId;
use protocol::names::RuleCode;
use protocol::up::{Explanation, FindingReport, PersonInFinding};

use super::news::{AlertNow, ClinicNews, StateNews};
use super::rows::collect;
use super::{Result, Store, StoreError, feed, named};
use crate::alert::{AlertAction, AlertState, Case, ClinicState, LastStep, Reason, StepKept};
use crate::alert_number::ReferenceNumber;
use crate::clock::At;
use crate::ids::AlertId;
pub use filter::{AlertFilter, AlertSearch};

/// One incident, as the inbox shows it.
#[derive(Debug, Clone)]
pub struct Alert {
    pub number: ReferenceNumber,
    pub id: AlertId,
    pub severity: u8,
    pub kinds: Vec<String>,
    pub institution: String,
    pub jurisdiction: String,
    pub room: String,
    pub session: Option<String>,
    /// Of a finding of the server's own about no box there is none.
    pub device: Option<DeviceId>,
    pub item: Option<String>,
    pub assignee: Option<String>,
    pub raised_at: At,
    pub received_at: At,
    pub updated_at: At,
    pub liveness_waived: bool,
    pub case: Case,
}

impl Alert {
    /// As its news names it.
    pub(super) fn as_news(&self) -> AlertNow<'_> {
        let Self { id, number, severity, .. } = self;
        AlertNow { id, number: *number, state: self.case.state, severity: *severity }
    }

    /// By what its box is called in its record; empty where it is of none.
    pub fn box_name(&self) -> &str {
        self.device.as_deref().unwrap_or_default()
    }
}

/// How many alerts stand so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertCount {
    pub state: AlertState,
    pub severity: u8,
    pub alerts: i64,
}

impl AlertCount {
    /// The open ones of these, and the urgent among them.
    pub fn open_and_urgent(counts: &[Self]) -> (i64, i64) {
        let open = || counts.iter().filter(|count| count.state.is_open());
        let urgent = open().filter(|count| count.severity == 3);
        (open().map(|count| count.alerts).sum(), urgent.map(|count| count.alerts).sum())
    }
}

/// How many alerts of an institution stand where, as it is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClinicCounts {
    pub open: i64,
    pub answered: i64,
    pub closed: i64,
    /// Of the open and answered ones.
    pub urgent: i64,
}

#[derive(Debug, Clone)]
pub struct StoredFinding {
    pub report: FindingReport,
    pub received_at: At,
    pub located: Located,
}

/// Of a report, what a list shows.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct WorstFinding {
    pub rule: RuleCode,
    pub explanation: Explanation,
    pub persons: Vec<PersonInFinding>,
}

/// Where in its device's chain a finding's last step stands; all empty for the server's own.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub struct Located {
    pub device: String,
    pub seq: u64,
    pub hash: String,
    pub prev: String,
    /// Linked to everything before it.
    pub linked: bool,
    pub key_id: String,
}

#[derive(Debug, Clone)]
pub struct AlertStep {
    pub at: At,
    pub actor: String,
    pub step: String,
    pub note: String,
    pub state_after: String,
    /// Under which table of basis and penalty; empty: before this was kept.
    pub law_version: String,
}

/// One step in the life of a finding.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct FindingEvent {
    pub finding_id: String,
    pub revision: u32,
    pub rule: RuleCode,
    pub step: String,
    pub severity: u8,
    /// The box's clock.
    pub at: At,
    /// The server's.
    pub received_at: At,
    /// Sequence in the box's chain; 0 for the server's own.
    pub seq: u64,
    pub zh: String,
    pub en: String,
}
const STANDS_OPEN: &str = "state NOT IN ('dismissed','unfounded','closed')";
const ANSWERED: &str =
    "EXISTS (SELECT 1 FROM alert_step s WHERE s.alert = alert.id AND s.step = 'answer')";
const NOT_ANSWERED: &str =
    "NOT EXISTS (SELECT 1 FROM alert_step s WHERE s.alert = alert.id AND s.step = 'answer')";

/// The worst finding of an alert: one step into an index, however many were joined in it.
const WORST: &str = "SELECT report FROM finding WHERE alert = ?1 ORDER BY severity DESC, \
    raised_at, id LIMIT 1";

const COLUMNS: &str =
    "SELECT number, id, severity, kinds, institution, jurisdiction, room, session, device, item,
    assignee,
    raised_at, received_at, updated_at, liveness_waived, case_file, clinic_number FROM alert";

impl Store {
    pub fn alerts(&self, filter: &AlertFilter) -> Result<Vec<Alert>> {
        let (sql, values) = filter.sql();
        self.read(|c| collect(c, &sql, values, alert))
    }

    /// The alert that people call by this number.
    pub fn alert_of_number(&self, number: i64) -> Result<Option<Alert>> {
        let sql = format!("{COLUMNS} WHERE number = ?1");
        self.read(|c| Ok(collect(c, &sql, [number], alert)?.pop()))
    }

    /// How many alerts each state holds, of a jurisdiction (a prefix) or of one institution; both
    /// empty for all.
    pub fn alert_counts(&self, jurisdiction: &str, institution: &str) -> Result<Vec<AlertCount>> {
        let sql = if !institution.is_empty() {
            "SELECT state, severity, count(*) FROM alert WHERE ?1 IS NOT NULL AND institution = \
            ?2 GROUP BY state, severity"
        } else if jurisdiction.is_empty() {
            "SELECT state, severity, n FROM alert_total WHERE n > 0 AND ?1 = ?2"
        } else {
            "SELECT state, severity, sum(n) FROM alert_count WHERE jurisdiction >= ?1 AND \
            jurisdiction < ?1 || '~' AND ?2 = '' GROUP BY state, severity"
        };
        self.read(|c| {
            collect(c, sql, [jurisdiction, institution], |r| {
                Ok(AlertCount { state: named(r.get(0)?)?, severity: r.get(1)?, alerts: r.get(2)? })
            })
        })
    }

    /// How many alerts of an institution stand where, as it is told.
    pub fn clinic_counts(&self, institution: &str) -> Result<ClinicCounts> {
        let sql = format!(
            "SELECT CASE WHEN NOT ({STANDS_OPEN}) THEN 'closed' WHEN {ANSWERED} THEN 'answered'
            ELSE 'open' END,
             count(*), count(*) FILTER (WHERE severity = 3) FROM alert WHERE institution = ?1
             GROUP BY 1"
        );
        let found: Vec<(String, i64, i64)> = self
            .read(|c| collect(c, &sql, [institution], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))))?;
        let mut counts = ClinicCounts::default();
        for (state, alerts, worst) in found {
            let Some(state) = ClinicState::parse(&state) else { continue };
            match state {
                ClinicState::Open => counts.open = alerts,
                ClinicState::Answered => counts.answered = alerts,
                ClinicState::Closed => counts.closed = alerts,
            }
            counts.urgent += if state == ClinicState::Closed { 0 } else { worst };
        }
        Ok(counts)
    }

    /// Which of these alerts their clinic has answered.
    pub fn answered<'a>(
        &self,
        alerts: impl IntoIterator<Item = &'a AlertId>,
    ) -> Result<BTreeSet<AlertId>> {
        self.read(|c| {
            let of = alerts.into_iter().filter_map(|id| match answered(c, id) {
                Ok(false) => None,
                Ok(true) => Some(Ok(id.to_owned())),
                Err(error) => Some(Err(error)),
            });
            of.collect()
        })
    }

    pub fn alert(&self, id: &AlertId) -> Result<Option<Alert>> {
        self.read(|c| alert_by_id(c, id))
    }

    /// The findings of an alert, worst first.
    pub fn findings(&self, alert: &AlertId) -> Result<Vec<StoredFinding>> {
        self.worst_findings(alert, i64::MAX)
    }

    /// How many findings an alert holds: where incidents were joined, more than a page shows.
    pub fn finding_count(&self, alert: &AlertId) -> Result<i64> {
        let sql = "SELECT count(*) FROM finding WHERE alert = ?1";
        self.read(|c| Ok(c.prepare_cached(sql)?.query_row([alert], |r| r.get(0))?))
    }

    /// As [`Self::findings`], up to `limit`.
    pub fn worst_findings(&self, alert: &AlertId, limit: i64) -> Result<Vec<StoredFinding>> {
        self.read(|c| {
            let sql = "SELECT f.report, f.received_at, f.device, f.seq, m.hash, m.prev,
                m.envelope, f.seq <= d.contiguous_seq OR f.epoch < d.epoch
                FROM finding f LEFT JOIN message m ON m.device=f.device AND m.epoch=f.epoch AND
                m.seq=f.seq
                LEFT JOIN device d ON d.id = f.device WHERE f.alert = ?1 ORDER BY f.severity
                DESC, f.raised_at, f.id LIMIT ?2";
            collect(c, sql, (alert, limit), finding)
        })
    }

    /// Rule, words and persons of the worst finding of each alert, in the order asked: all that a
    /// list shows of findings.
    pub fn explanations<'a>(
        &self,
        alerts: impl IntoIterator<Item = &'a AlertId>,
    ) -> Result<Vec<Option<WorstFinding>>> {
        self.read(|c| {
            let mut worst = c.prepare_cached(WORST)?;
            let said = alerts.into_iter().map(|alert| {
                let report: Option<String> = worst.query_row([alert], |r| r.get(0)).optional()?;
                Ok(report.map(|text| serde_json::from_str(&text)).transpose()?)
            });
            said.collect()
        })
    }

    pub fn alert_steps(&self, alert: &AlertId) -> Result<Vec<AlertStep>> {
        self.read(|c| {
            let sql = "SELECT at, actor, step, note, state_after, law_version FROM alert_step \
                WHERE alert = ?1 ORDER BY id";
            collect(c, sql, [alert], |r| {
                Ok(AlertStep {
                    at: r.get(0)?,
                    actor: r.get(1)?,
                    step: r.get(2)?,
                    note: r.get(3)?,
                    state_after: r.get(4)?,
                    law_version: r.get(5)?,
                })
            })
        })
    }

    /// The steps of the findings of an alert, in the order of their coming, up to `limit`.
    pub fn finding_events(&self, alert: &AlertId, limit: i64) -> Result<Vec<FindingEvent>> {
        self.read(|c| {
            let sql = "SELECT finding, revision, rule, step, severity, at, received_at, seq, zh,
                en FROM finding_step
                WHERE alert = ?1 ORDER BY received_at, at, finding, revision LIMIT ?2";
            collect(c, sql, (alert, limit), |r| {
                Ok(FindingEvent {
                    finding_id: r.get(0)?,
                    revision: r.get(1)?,
                    rule: r.get::<_, String>(2)?.into(),
                    step: r.get(3)?,
                    severity: r.get(4)?,
                    at: r.get(5)?,
                    received_at: r.get(6)?,
                    seq: r.get::<_, i64>(7)? as u64,
                    zh: r.get(8)?,
                    en: r.get(9)?,
                })
            })
        })
    }

    /// Asks the state machine and stores what it says.
    pub fn take_step(
        &self,
        alert: &AlertId,
        by: &str,
        step: &AlertAction,
        note: &str,
        now: At,
    ) -> Result<Alert> {
        self.write(|tx| step_within(tx, alert, by, step, note, now))
    }

    /// Takes this person's last step back, as a step of its own.
    pub fn undo_step(&self, alert: &AlertId, by: &str, now: At) -> Result<Alert> {
        self.write(|tx| {
            let unknown = || StoreError::Unknown { what: "alert", id: alert.to_string() };
            let found = alert_by_id(tx, alert)?.ok_or_else(unknown)?;
            let before = told(tx, &found)?;
            let (name, last) = last_step(tx, alert)?.unzip();
            let case = found
                .case
                .undo(last.as_ref(), by, now)
                .map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
            write_case(tx, alert, &case, now)?;
            let name: String = name.unwrap_or_default();
            if name == AlertAction::Take.name() {
                let sql = "UPDATE alert SET assignee = NULL WHERE id = ?1 AND assignee = ?2";
                tx.execute(sql, params![alert, by])?;
            }
            record(tx, alert, by, "undo", &name, case.state, now)?;
            announce(tx, alert, before)?;
            alert_by_id(tx, alert)?.ok_or_else(unknown)
        })
    }

    /// The step that this person may take back now.
    pub fn undoable(&self, alert: &Alert, by: &str, now: At) -> Result<Option<String>> {
        let last = self.read(|c| last_step(c, &alert.id))?;
        Ok(last.filter(|(_, last)| alert.case.undo(Some(last), by, now).is_ok()).map(|l| l.0))
    }

    pub fn assign(&self, alert: &AlertId, to: Option<&str>, by: &str, now: At) -> Result<()> {
        self.write(|tx| {
            let unknown = || StoreError::Unknown { what: "alert", id: alert.to_string() };
            let found = alert_by_id(tx, alert)?.ok_or_else(unknown)?;
            let before = told(tx, &found)?;
            tx.execute(
                "UPDATE alert SET assignee=?2, updated_at=?3 WHERE id=?1",
                params![alert, to, now],
            )?;
            record(tx, alert, by, "assign", to.unwrap_or(""), found.case.state, now)?;
            announce(tx, alert, before)
        })
    }
}

/// A step as part of a larger transaction.
pub(super) fn step_within(
    tx: &Connection,
    alert: &AlertId,
    by: &str,
    step: &AlertAction,
    note: &str,
    now: At,
) -> Result<Alert> {
    let unknown = || StoreError::Unknown { what: "alert", id: alert.to_string() };
    let found = alert_by_id(tx, alert)?.ok_or_else(unknown)?;
    let before = told(tx, &found)?;
    let case = found
        .case
        .take(by, step, now)
        .map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
    write_case(tx, alert, &case, now)?;
    let id = record(tx, alert, by, step.name(), note, case.state, now)?;
    if step.can_be_undone() {
        keep(tx, alert, id, &StepKept { before: found.case, after: case })?;
    }
    announce(tx, alert, before)?;
    alert_by_id(tx, alert)?.ok_or_else(unknown)
}

/// Beside the step that was just recorded; of an earlier one nothing is kept any more.
fn keep(tx: &Connection, alert: &AlertId, id: i64, kept: &StepKept) -> Result<()> {
    let forget = "UPDATE alert_step SET kept = NULL WHERE alert = ?1 AND kept IS NOT NULL";
    tx.prepare_cached(forget)?.execute([alert])?;
    let text = serde_json::to_string(kept)?;
    tx.prepare_cached("UPDATE alert_step SET kept = ?2 WHERE id = ?1")?
        .execute(params![id, text])?;
    Ok(())
}

/// The last step that moved a case: its name, and what is known of it. Words, files and whom it was
/// given to move nothing.
fn last_step(c: &Connection, alert: &AlertId) -> Result<Option<(String, LastStep)>> {
    let sql = "SELECT step, actor, at, kept FROM alert_step WHERE alert = ?1 AND step NOT IN
        ('assign', 'comment', 'answer', 'attach') ORDER BY id DESC LIMIT 1";
    let found = collect(c, sql, [alert], |r| {
        let kept: Option<String> = r.get(3)?;
        let kept = kept.map(|text| serde_json::from_str(&text)).transpose()?;
        Ok((r.get(0)?, LastStep { by: r.get(1)?, at: r.get(2)?, kept }))
    });
    Ok(found?.pop())
}

/// Alerts in any of these states, oldest first.
pub(super) fn of_states(c: &Connection, states: &[AlertState]) -> Result<Vec<Alert>> {
    let names: Vec<String> = states.iter().map(|s| format!("'{}'", s.as_str())).collect();
    let sql = format!("{COLUMNS} WHERE state IN ({}) ORDER BY number", names.join(","));
    collect(c, &sql, [], alert)
}

fn write_case(tx: &Connection, alert: &AlertId, case: &Case, now: At) -> Result<()> {
    tx.execute(
        "UPDATE alert SET state=?2, case_file=?3, updated_at=?4 WHERE id=?1",
        params![alert, case.state.as_str(), serde_json::to_string(case)?, now],
    )?;
    Ok(())
}

pub(super) fn record(
    tx: &Connection,
    alert: &AlertId,
    by: &str,
    step: &str,
    note: &str,
    state: AlertState,
    now: At,
) -> Result<i64> {
    let sql = "INSERT INTO alert_step (alert, at, actor, step, note, state_after, law_version) \
        VALUES (?1,?2,?3,?4,?5,?6,?7) RETURNING id";
    let law_version = super::law::version_now(tx)?;
    let values = params![alert, now, by, step, note, state.as_str(), law_version];
    Ok(tx.prepare_cached(sql)?.query_row(values, |r| r.get(0))?)
}

/// Somebody took a step: the authority hears of each, the clinic where what it is told has changed.
fn announce(tx: &Connection, alert: &AlertId, before: ClinicState) -> Result<()> {
    let Some(found) = alert_by_id(tx, alert)? else { return Ok(()) };
    let now = told(tx, &found)?;
    feed::append_alert(
        tx,
        (&found.institution, &found.jurisdiction),
        &StateNews::of(found.as_news()),
        (now != before).then(|| ClinicNews::of(found.as_news(), now, None)),
    )
}

pub(super) fn answered(c: &Connection, alert: &AlertId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM alert_step WHERE alert = ?1 AND step = 'answer' LIMIT 1")?
        .exists([alert])?)
}

/// What the clinic is told of where this alert stands.
pub(super) fn told(c: &Connection, alert: &Alert) -> Result<ClinicState> {
    Ok(alert.case.state.for_clinic(answered(c, &alert.id)?))
}

pub(super) fn alert_by_id(c: &Connection, id: &AlertId) -> Result<Option<Alert>> {
    Ok(collect(c, &format!("{COLUMNS} WHERE id = ?1"), [id], alert)?.pop())
}

/// The alert of an incident, by whose it is and what that calls it.
pub(super) fn alert_of(c: &Connection, origin: &str, incident: &str) -> Result<Option<Alert>> {
    let sql = format!("{COLUMNS} WHERE origin = ?1 AND incident = ?2 AND incident <> ''");
    Ok(collect(c, &sql, [origin, incident], alert)?.pop())
}

fn alert(row: &crate::store::engine::Row<'_>) -> Result<Alert> {
    Ok(Alert {
        number: ReferenceNumber::new(row.get(0)?, row.get(16)?),
        id: row.get(1)?,
        severity: row.get(2)?,
        kinds: serde_json::from_str(&row.get::<_, String>(3)?)?,
        institution: row.get(4)?,
        jurisdiction: row.get(5)?,
        room: row.get(6)?,
        session: row.get(7)?,
        device: row.id_or_none(8)?,
        item: row.get(9)?,
        assignee: row.get(10)?,
        raised_at: row.get(11)?,
        received_at: row.get(12)?,
        updated_at: row.get(13)?,
        liveness_waived: row.get(14)?,
        case: serde_json::from_str(&row.get::<_, String>(15)?)?,
    })
}

fn finding(row: &crate::store::engine::Row<'_>) -> Result<StoredFinding> {
    let envelope: Option<String> = row.get(6)?;
    let key_id = match &envelope {
        Some(text) => serde_json::from_str::<protocol::envelope::Envelope>(text)?.key_id,
        None => String::new(),
    };
    let located = match envelope {
        None => Located::default(),
        Some(_) => Located {
            device: row.get(2)?,
            seq: row.get::<_, i64>(3)? as u64,
            hash: row.get(4)?,
            prev: row.get(5)?,
            linked: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
            key_id,
        },
    };
    Ok(StoredFinding {
        report: serde_json::from_str(&row.get::<_, String>(0)?)?,
        received_at: row.get(1)?,
        located,
    })
}

impl Reason {
    /// Reads a reason by its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::{Store, WORST, collect};

    #[test]
    fn the_worst_of_thousands_joined_is_found_without_sorting() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Store::open(dir.path()).unwrap().read(|c| {
            if c.sqlite().is_none() {
                return Ok(Vec::new());
            }
            let sql = format!("EXPLAIN QUERY PLAN {WORST}");
            collect(c, &sql, ["joined-1"], |r| Ok(r.get::<_, String>(3)?))
        });
        for step in plan.unwrap() {
            assert!(step.contains("finding_by_alert") && !step.contains("TEMP"), "{step}");
        }
    }
}
