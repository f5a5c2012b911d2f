//! What is stated about an alert's session, room and people, with who and when: a session's
//! revisions, checks, passes, filings, consent. Every word is kept; none of them moves an alert.

use std::collections::BTreeSet;

use super::engine::{Connection, OptionalExtension as _, params};
use protocol::down::CheckDirection;

use super::registry::SessionChange;
use super::rows::collect;
use super::{Alert, Result, Store, name_of, named};
use crate::access::{Role, Who};
use crate::clock::At;
use crate::ids::PassId;

/// What somebody states that has no history of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    pub by: String,
    pub role: Role,
    pub kind: StatedKind,
    pub institution: String,
    pub person: Option<String>,
    /// The pass, the person or the institution.
    pub object: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatedKind {
    /// A pass was issued or changed.
    Pass,
    /// A person's registration, sites or lead filings.
    Practitioner,
    /// The institution's filed items or its grade.
    Institution,
    ConsentWithdrawn,
}

impl Stated {
    fn of(
        who: &Who,
        kind: StatedKind,
        institution: &str,
        person: Option<&str>,
        object: &str,
    ) -> Self {
        Self {
            by: who.name.clone(),
            role: who.role,
            kind,
            institution: institution.to_owned(),
            person: person.map(str::to_owned),
            object: object.to_owned(),
        }
    }

    pub fn consent(who: &Who, institution: &str, person: &str) -> Self {
        Self::of(who, StatedKind::ConsentWithdrawn, institution, Some(person), person)
    }

    pub fn pass(who: &Who, institution: &str, person: &str, pass: &PassId) -> Self {
        Self::of(who, StatedKind::Pass, institution, Some(person), pass)
    }

    pub fn practitioner(who: &Who, institution: &str, person: &str) -> Self {
        Self::of(who, StatedKind::Practitioner, institution, Some(person), person)
    }

    pub fn institution(who: &Who, institution: &str) -> Self {
        Self::of(who, StatedKind::Institution, institution, None, institution)
    }
}

/// One word about an alert, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertStatement {
    /// When it reached the server.
    pub at: At,
    pub by: String,
    pub kind: StatementKind,
}

/// What was stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// A revision of the session, with the one before it; `None`: the declaration.
    Session {
        before: Option<Box<SessionChange>>,
        now: Box<SessionChange>,
    },
    /// A check; `stated`: the clinic's system says so, and nobody compared card and PIN.
    Check {
        person: String,
        direction: CheckDirection,
        stated: bool,
    },
    Other {
        kind: StatedKind,
        person: Option<String>,
        object: String,
    },
}

/// Filings shown of one alert, and checks.
const MOST: usize = 100;

/// Sessions of joined incidents whose words are shown.
const MOST_SESSIONS: i64 = 20;

impl Store {
    /// The session of an alert; of joined incidents, those of the newest findings.
    fn sessions_about(&self, alert: &Alert) -> Result<Vec<String>> {
        if let Some(session) = &alert.session {
            return Ok(vec![session.clone()]);
        }
        let sql = "SELECT session FROM (SELECT json_extract(report, '$.session') AS session,
            received_at FROM finding WHERE alert = ?1) told WHERE session IS NOT NULL
            GROUP BY session ORDER BY max(received_at) DESC, session LIMIT ?2";
        self.read(|c| collect(c, sql, params![alert.id, MOST_SESSIONS], |r| Ok(r.get(0)?)))
    }

    pub fn state_now(&self, it: &Stated, now: At) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO statement (at, by_whom, by_role, kind, institution, person, object) \
                VALUES (?1,?2,?3,?4,?5,?6,?7)",
                params![
                    now,
                    it.by,
                    it.role.as_str(),
                    name_of(&it.kind)?,
                    it.institution,
                    it.person,
                    it.object
                ],
            )?;
            Ok(())
        })
    }

    /// What was stated that touches an alert, oldest first: its session's every word, the room's
    /// checks of that day, and of the people named (and their institution) what was filed since the
    /// day before.
    pub fn statements(&self, alert: &Alert) -> Result<Vec<AlertStatement>> {
        let day = jiff::SignedDuration::from_hours(24);
        let (day_before, day_after) = (alert.raised_at - day, alert.raised_at + day);
        let mut said = Vec::new();
        for session in self.sessions_about(alert)? {
            let changes = self.session_changes(&session)?;
            // Where incidents were joined, a box may name what was declared elsewhere since.
            if changes.iter().all(|change| change.session.room.as_str() != alert.room) {
                continue;
            }
            for (n, now) in changes.iter().enumerate() {
                let before = n.checked_sub(1).and_then(|n| changes.get(n)).cloned().map(Box::new);
                let kind = StatementKind::Session { before, now: Box::new(now.clone()) };
                said.push(AlertStatement { at: now.at, by: now.by.clone(), kind });
            }
        }
        self.read(|c| {
            said.extend(checks(c, alert, day_before, day_after)?);
            said.extend(filings(c, alert, day_before)?);
            Ok(())
        })?;
        said.sort_by_key(|one| one.at);
        Ok(said)
    }
}

/// A box whose clock runs ahead by more is asked what it was by the server's, ms [D].
const AHEAD_MS: i64 = 30_000;

/// Whether anything was stated of an alert's session, room or institution after the alert, by this
/// server's own clock. Whoever sets a box's clock forward makes it take their word for an earlier
/// one.
pub(super) fn said_after(c: &Connection, alert: &Alert) -> Result<bool> {
    let sql = "SELECT clock_offset_ms FROM device WHERE id = ?1";
    let ahead: Option<Option<i64>> =
        c.prepare_cached(sql)?.query_row([alert.box_name()], |r| r.get(0)).optional()?;
    let ahead_ms = ahead.flatten().filter(|ms| *ms > AHEAD_MS).unwrap_or(0);
    let raised = At::of_ms(alert.raised_at.ms() - ahead_ms);
    let since = if ahead_ms > 0 { raised.min(alert.received_at) } else { alert.received_at };
    let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM session_change WHERE session = ?1 AND at > ?4)
        OR EXISTS (SELECT 1 FROM identity_check WHERE room = ?2 AND made_at > ?4)
        OR EXISTS (SELECT 1 FROM statement WHERE institution = ?3 AND at > ?4)";
    Ok(c.prepare_cached(sql)?.exists(params![
        alert.session,
        alert.room,
        alert.institution,
        since
    ])?)
}

/// When the alert was there, by the earlier of two clocks.
fn alert_began(alert: &Alert) -> At {
    alert.raised_at.min(alert.received_at)
}

/// Those by card and PIN first: what a clinic's system states without end pushes out none of them.
/// Half of them are the first after the alert, which nothing said later pushes out.
fn checks(c: &Connection, alert: &Alert, from: At, to: At) -> Result<Vec<AlertStatement>> {
    let sql = "SELECT made_at, made_by, person, direction, via = 'system' FROM (SELECT id, made_at,
        made_by, person, direction, via,
        row_number() OVER (ORDER BY via = 'system', made_at DESC, id DESC) AS newest,
        row_number() OVER (ORDER BY via = 'system', made_at < ?4, made_at, id) AS first
        FROM identity_check WHERE room = ?1 AND at >= ?2 AND at <= ?3) said
        WHERE newest <= ?5 OR first <= ?5";
    let half = MOST as i64 / 2;
    collect(c, sql, params![alert.room, from, to, alert_began(alert), half], |r| {
        let kind = StatementKind::Check {
            person: r.get(2)?,
            direction: named(r.get(3)?)?,
            stated: r.get(4)?,
        };
        Ok(AlertStatement { at: r.get(0)?, by: r.get(1)?, kind })
    })
}

/// Half of them are the first after the alert.
fn filings(c: &Connection, alert: &Alert, from: At) -> Result<Vec<AlertStatement>> {
    let reports = "SELECT report FROM finding WHERE alert = ?1";
    let reports: Vec<String> = collect(c, reports, [&alert.id], |r| Ok(r.get(0)?))?;
    let mut persons = BTreeSet::new();
    for report in &reports {
        let report: protocol::up::FindingReport = serde_json::from_str(report)?;
        persons.extend(report.persons.into_iter().map(|p| p.person.to_string()));
    }
    let persons = serde_json::to_string(&persons)?;
    let sql = "SELECT at, by_whom, kind, person, object FROM (SELECT id, at, by_whom, kind, person,
        object, row_number() OVER (ORDER BY at DESC, id DESC) AS newest,
        row_number() OVER (ORDER BY at < ?4, at, id) AS first
        FROM statement WHERE institution = ?1 AND at >= ?2
        AND (person IS NULL OR person IN (SELECT value FROM json_each(?3)))) said
        WHERE newest <= ?5 OR first <= ?5";
    let half = MOST as i64 / 2;
    collect(c, sql, params![alert.institution, from, persons, alert_began(alert), half], |r| {
        let kind =
            StatementKind::Other { kind: named(r.get(2)?)?, person: r.get(3)?, object: r.get(4)? };
        Ok(AlertStatement { at: r.get(0)?, by: r.get(1)?, kind })
    })
}
