//! What a stored message changes beyond its own row, but for findings: those are `incidents`'.

use protocol::up::{DroppedReport, HealthReport, KnowledgeAck, PresenceReport, PresenceSummary, Up};
use rusqlite::{Connection, Transaction, params};

use super::super::rows::collect;
use super::super::{Result, column, count, feed, incidents, to_judge};
use super::Incoming;
use crate::ingest::integrity;

/// What the payload changes beyond its own row.
pub(super) fn apply(tx: &Transaction<'_>, it: &Incoming, epoch: i64, acked: &mut Vec<String>) -> Result<()> {
    let device = it.body.device.as_str();
    match &it.body.payload {
        Up::Presence(report) => presence(tx, it, report, epoch),
        Up::PresenceSummary(report) => summary(tx, it, report, epoch),
        Up::Health(report) => health(tx, device, report),
        Up::KnowledgeAck(ack) => {
            acked.push(device.to_owned());
            knowledge_ack(tx, device, ack)
        }
        Up::Dropped(report) => dropped(tx, device, epoch, report),
        Up::ChainBreak(declared) => {
            let cause = integrity::Cause::Break { epoch, reason: declared.reason.clone() };
            incidents::raise_integrity(tx, device, &cause, &it.received_at)
        }
        Up::Finding(_) | Up::Unknown => Ok(()),
    }
}

/// One box's summary of a session replaces its earlier one, and the presences that came with that.
fn summary(tx: &Connection, it: &Incoming, report: &PresenceSummary, epoch: i64) -> Result<()> {
    let (device, seq) = (it.body.device.as_str(), it.body.seq as i64);
    let session = report.session.as_str();
    let sql = "INSERT INTO summary VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(session, device) DO UPDATE SET
        revision=excluded.revision, at=excluded.at, received_at=excluded.received_at, report=excluded.report,
        epoch=excluded.epoch, seq=excluded.seq WHERE excluded.epoch > epoch OR (excluded.epoch = epoch AND excluded.seq > seq)";
    let text = serde_json::to_string(report)?;
    let changed = tx.prepare_cached(sql)?.execute(params![
        device,
        session,
        report.revision,
        report.at,
        it.received_at,
        text,
        epoch,
        seq
    ])?;
    if changed == 0 {
        return count(tx, "late_summaries", 1);
    }
    let stale = "DELETE FROM presence WHERE session=?1 AND device=?2 AND (epoch < ?3 OR (epoch = ?3 AND seq < ?4)) RETURNING person";
    let gone: Vec<String> = collect(tx, stale, params![session, device, epoch, seq], |r| Ok(r.get(0)?))?;
    for person in gone {
        to_judge::mark(tx, &format!("p:{person}"))?;
    }
    let institution = "SELECT institution FROM room WHERE id = ?1";
    if let Some(institution) = column(tx, institution, report.room.as_str())? {
        to_judge::mark(tx, &format!("i:{institution}"))?;
    }
    Ok(())
}

fn presence(tx: &Connection, it: &Incoming, report: &PresenceReport, epoch: i64) -> Result<()> {
    let stamp = &it.body.stamp;
    tx.prepare_cached("INSERT OR REPLACE INTO presence VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")?.execute(
        params![
            it.body.device.as_str(),
            epoch,
            it.body.seq as i64,
            report.room.as_str(),
            report.session.as_ref().map(protocol::id::SessionId::as_str),
            report.person.as_str(),
            report.role,
            report.from,
            report.to,
            report.verified_by,
            stamp.uncertainty_ms,
            stamp.clock == protocol::up::ClockSource::Synchronised,
        ],
    )?;
    Ok(())
}

fn health(tx: &Connection, device: &str, report: &HealthReport) -> Result<()> {
    tx.prepare_cached("UPDATE device SET health=?2, firmware=?3 WHERE id=?1")?.execute(params![
        device,
        serde_json::to_string(report)?,
        report.firmware
    ])?;
    Ok(())
}

fn knowledge_ack(tx: &Connection, device: &str, ack: &KnowledgeAck) -> Result<()> {
    tx.prepare_cached(
        "UPDATE knowledge SET ack_version=?3, applied=?4, refused_because=?5
         WHERE device=?1 AND kind=?2 AND ?3 <= version AND coalesce(ack_version, 0) <= ?3",
    )?
    .execute(params![device, ack.kind, ack.version as i64, ack.applied, ack.refused_because])?;
    for person in &ack.templates_deleted {
        feed::append(
            tx,
            "enrolment",
            &serde_json::json!({"device": device, "person": person, "templates_deleted": true}),
        )?;
    }
    Ok(())
}

fn dropped(tx: &Connection, device: &str, epoch: i64, report: &DroppedReport) -> Result<()> {
    for row in &report.rows {
        let changed = tx.prepare_cached("INSERT OR IGNORE INTO dropped VALUES (?1,?2,?3,?4)")?.execute(params![
            device,
            epoch,
            row.seq as i64,
            row.hash
        ])?;
        count(tx, "dropped_declared", changed as i64)?;
    }
    Ok(())
}
