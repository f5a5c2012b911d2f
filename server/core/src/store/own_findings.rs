//! What the rules across days say, written: steps of the server's own findings, and how incidents
//! rest on each other.

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::id::DeviceId;
use protocol::names::RuleCode;
use protocol::up::FindingReport;

use super::rows::collect;
use super::{Result, Store, StoreError, incidents, name_of};
use crate::clock::At;
use crate::ids::AlertId;
use crate::rules::draft::Making;
use crate::rules::ledger::{self, FindingStepDue};
use protocol::up::Step;

/// An alert that rests on another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedAlert {
    pub id: AlertId,
    pub number: i64,
    pub kinds: Vec<String>,
    /// The rule that links the two.
    pub rule: RuleCode,
}

impl Store {
    /// Writes the steps that the ledger wants; gives how many.
    pub fn say(&self, said: &[FindingStepDue], policy: (&str, u64), now: At) -> Result<usize> {
        self.write(|tx| {
            for one in said {
                say_one(tx, one, policy, now)?;
            }
            Ok(said.len())
        })
    }

    /// Alerts that rest on each other.
    pub fn linked(&self, alert: &AlertId) -> Result<Vec<LinkedAlert>> {
        self.read(|c| {
            let sql = "SELECT a.id, a.number, a.kinds, l.rule FROM alert_link l JOIN alert a
                ON a.id = CASE WHEN l.alert = ?1 THEN l.other ELSE l.alert END
                WHERE (l.alert = ?1 OR l.other = ?1) AND a.id <> ?1 ORDER BY a.number LIMIT 50";
            collect(c, sql, [alert], |r| {
                Ok(LinkedAlert {
                    id: r.get(0)?,
                    number: r.get(1)?,
                    kinds: serde_json::from_str(&r.get::<_, String>(2)?)?,
                    rule: r.get::<_, String>(3)?.into(),
                })
            })
        })
    }
}

fn say_one(
    tx: &Transaction<'_>,
    said: &FindingStepDue,
    (policy_sha256, policy_version): (&str, u64),
    now: At,
) -> Result<()> {
    let key = (said.key.rule.as_str(), said.key.institution.as_str(), said.key.subject.as_str());
    let last: Option<(String, u32, At)> = tx
        .prepare_cached(
            "SELECT report, serial, raised_at FROM own_finding WHERE rule=?1 AND institution=?2 \
            AND subject=?3",
        )?
        .query_row(key, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let ids = super::own_ids(tx)?;
    let report = match (&said.draft, &last) {
        (Some(draft), _) => {
            let making = Making {
                ids: &ids,
                serial: said.serial,
                step: said.step,
                revision: said.revision,
                raised_at: now,
                policy_sha256,
                policy_version,
            };
            draft.report(&making)
        }
        (None, Some((text, ..))) => {
            let before: FindingReport = serde_json::from_str(text)?;
            Some(FindingReport {
                step: said.step,
                revision: said.revision,
                raised_at: now.to_string(),
                ..before
            })
        }
        (None, None) => None,
    };
    let Some(mut report) = report else {
        return Err(StoreError::Conflict(format!(
            "a finding of {} names no place of the registry",
            said.key.rule
        )));
    };
    if let Some((text, serial, _)) = &last
        && *serial == said.serial
    {
        // It goes on under the id that it has, whatever this version would give it.
        let before: FindingReport = serde_json::from_str(text)?;
        (report.finding_id, report.incident_id) = (before.finding_id, before.incident_id);
    }
    let raised_at = match &last {
        Some((_, serial, raised)) if *serial == said.serial && said.step != Step::Opened => *raised,
        _ => now,
    };
    let weight = said.draft.as_ref().map(ledger::weight);
    tx.prepare_cached(
        "INSERT INTO own_finding VALUES (?1,?2,?3,?4,?5,?6,?7,coalesce(?8, 0),?9,?10) ON
        CONFLICT(rule, institution, subject)
         DO UPDATE SET serial=excluded.serial, revision=excluded.revision, step=excluded.step,
         severity=excluded.severity,
         weight=coalesce(?8, own_finding.weight), raised_at=excluded.raised_at,
         report=excluded.report",
    )?
    .execute(params![
        key.0,
        key.1,
        key.2,
        said.serial,
        said.revision,
        name_of(&report.step)?,
        name_of(&report.severity)?,
        weight.map(|w| w as i64),
        raised_at,
        serde_json::to_string(&report)?
    ])?;
    let device: Option<DeviceId> = said.draft.as_ref().and_then(|d| d.device.parse().ok());
    let alert = incidents::say_own(tx, &report, device.as_ref(), now)?;
    match &said.draft {
        Some(draft) => link(tx, &alert, report.rule.as_str(), draft),
        None => Ok(()),
    }
}

/// The incident is linked with those that it rests on, and with what another place is told of the
/// same.
fn link(tx: &Connection, alert: &AlertId, rule: &str, draft: &crate::rules::Draft) -> Result<()> {
    let mut others = draft.incidents.clone();
    for session in &draft.related {
        let sql = "SELECT id FROM alert WHERE session = ?1";
        others.extend(collect::<String, _>(tx, sql, [session], |r| Ok(r.get(0)?))?);
    }
    let twins = "SELECT json_extract(report, '$.incident_id') FROM own_finding WHERE rule=?1 AND \
        subject=?2 AND institution<>?3";
    others.extend(collect::<String, _>(
        tx,
        twins,
        [draft.rule.as_str(), &draft.subject, &draft.institution],
        |r| Ok(r.get(0)?),
    )?);
    for other in others.iter().filter(|o| *o != alert) {
        let sql = "INSERT INTO alert_link VALUES (?1,?2,?3) ON CONFLICT DO NOTHING";
        tx.prepare_cached(sql)?.execute(params![alert, other, rule])?;
    }
    Ok(())
}
