//! What SI-1 compares at one institution: answers as they were handed in, and alerts with the rules
//! that stand and when their deed began. Nothing here judges.

use std::collections::BTreeMap;

use super::engine::Connection;
use protocol::names::RuleCode;
use protocol::up::FindingReport;

use super::rows::collect;
use super::self_checks::{COLUMNS, form_of, lost, row};
use super::{JOINED, Result, Store};
use crate::act_time;
use crate::clock::At;
use crate::self_check::facts::AlertFact;
use crate::self_check::mismatch::{CheckFact, Handed};

/// What is compared: answers that were handed in, alerts of the place.
#[derive(Debug, Clone, Default)]
pub struct ComparedRecords {
    pub checks: Vec<CheckFact>,
    pub alerts: Vec<AlertFact>,
}

impl Store {
    /// What SI-1 compares at one institution.
    pub fn compared(&self, institution: &str) -> Result<ComparedRecords> {
        self.read(|c| compared(c, institution, At::EPOCH))
    }
}

/// Two years running are two years and some days.
const EARLIER_MS: i64 = 600 * 86_400_000;

/// What is compared, with alerts from well before `from` on; nothing where nothing asks for it.
pub(super) fn compared(c: &Connection, institution: &str, from: At) -> Result<ComparedRecords> {
    let checks = check_facts(c, institution)?;
    let waits = "SELECT 1 FROM correction WHERE institution = ?1 AND state = 'answered'";
    if checks.is_empty() && !c.prepare_cached(waits)?.exists([institution])? {
        return Ok(ComparedRecords::default());
    }
    let since = At::of_ms(from.ms() - EARLIER_MS);
    Ok(ComparedRecords { checks, alerts: alert_facts(c, institution, since)? })
}

/// Self-checks that were handed in, with every revision.
fn check_facts(c: &Connection, institution: &str) -> Result<Vec<CheckFact>> {
    let sql = format!(
        "{COLUMNS} WHERE s.institution = ?1 AND EXISTS (SELECT 1 FROM self_check_revision v WHERE
        v.self_check = s.id) ORDER BY s.number"
    );
    let mut facts = Vec::new();
    for it in collect(c, &sql, [institution], row)? {
        let sql = "SELECT at, answers FROM self_check_revision WHERE self_check = ?1 ORDER BY \
            revision";
        let handed = collect(c, sql, [it.id.as_str()], |r| {
            Ok(Handed {
                at_ms: r.get::<_, At>(0)?.ms(),
                answers: serde_json::from_str(&r.get::<_, String>(1)?)?,
            })
        })?;
        let sql = "SELECT not_assessable_ppm FROM self_check WHERE id = ?1";
        facts.push(CheckFact {
            not_assessable_ppm: c.prepare_cached(sql)?.query_row([&it.id], |r| r.get(0))?,
            form: form_of(c, &it.checklist_sha256)?.ok_or_else(|| lost(&it.id))?,
            institution: it.institution,
            kind: it.kind,
            period: it.period,
            from: it.from,
            to: it.to,
            due: it.due,
            id: it.id,
            handed,
        });
    }
    Ok(facts)
}

/// What stands of an institution's alerts, with when its deed began: each finding by itself. What
/// joined an alert later is a deed of its own, else whoever had made enough alerts would never have
/// done anything again.
fn alert_facts(c: &Connection, institution: &str, since: At) -> Result<Vec<AlertFact>> {
    let sql = "SELECT a.id, a.case_file, a.room, a.device, a.received_at, a.raised_at FROM alert a \
        WHERE a.institution = ?1 AND a.received_at > ?2 ORDER BY a.number";
    let alerts = collect(c, sql, (institution, since), |r| {
        Ok(AlertFact {
            alert: r.get(0)?,
            rules: Vec::new(),
            case: serde_json::from_str(&r.get::<_, String>(1)?)?,
            room: r.get(2)?,
            device: r.get(3)?,
            received_ms: r.get::<_, At>(4)?.ms(),
            event_ms: r.get::<_, At>(5)?.ms(),
        })
    })?;
    let sql = "SELECT rule, report, received_at FROM finding WHERE alert = ?1 AND \
        step <> 'withdrawn' AND rule <> 'SI-1' ORDER BY received_at, origin, id";
    let mut facts = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let said = collect(c, sql, [alert.alert.as_str()], |r| {
            let report: FindingReport = serde_json::from_str(&r.get::<_, String>(1)?)?;
            let began = act_time::span_ms(&report).map_or(alert.event_ms, |(from, _)| from);
            Ok((r.get::<_, String>(0)?.into(), began, r.get::<_, At>(2)?.ms()))
        })?;
        let joined = alert.alert.starts_with(JOINED);
        let one = |(rule, event_ms, received_ms)| AlertFact {
            rules: vec![rule],
            event_ms,
            // Of one incident the server heard by its first word.
            received_ms: if joined { received_ms } else { alert.received_ms },
            ..alert.clone()
        };
        facts.extend(by_day(said).map(one));
    }
    Ok(facts)
}

/// Rule, when the deed began, when the server heard of it.
type Deed = (RuleCode, i64, i64);

/// The last of each rule and day: a flood is not held whole, and the day is in the same period.
fn by_day(said: Vec<Deed>) -> impl Iterator<Item = Deed> {
    let day = |at_ms: i64| {
        let at = jiff::Timestamp::from_millisecond(at_ms).ok();
        at.map(|at| at.to_zoned(crate::clock::zone()).date())
    };
    let mut days = BTreeMap::new();
    for (rule, began, received) in said {
        let last = days.entry((rule, day(began))).or_insert((began, received));
        *last = (*last).max((began, received));
    }
    days.into_iter().map(|((rule, _), (began, received))| (rule, began, received))
}
