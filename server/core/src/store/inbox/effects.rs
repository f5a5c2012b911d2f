//! What a stored message changes beyond its own row, but for findings: those are `incidents`'.

use crate::store::engine::{Connection, Transaction, params};
use protocol::id::DeviceId;
use protocol::up::{
    DroppedReport, HealthReport, KnowledgeAck, PresenceReport, PresenceSummary, Up,
};

use super::super::rows::collect;
use super::super::{
    Result, count, evidence, evidence_gone, evidence_record, feed, incidents, template_receipts,
    to_judge,
};
use super::places::RegistryAnswers;
use super::{IncomingMessage, chain};
use crate::clock::{At, clip};
use crate::ingest::integrity;
use crate::ingest::place::PlacedStatement;

/// What a statement about a place changes, where the box may make it.
pub(super) fn of_place(
    tx: &Transaction<'_>,
    it: &IncomingMessage,
    epoch: i64,
    placed: &PlacedStatement,
    places: &mut RegistryAnswers,
) -> Result<()> {
    match &it.body.payload {
        Up::Presence(report) => {
            let on_roster = places.on_roster(tx, &placed.institution, report.person.as_str())?;
            presence(tx, it, report, epoch, placed, on_roster)
        }
        // Of a session that nobody declared here, a summary says nothing to anybody.
        Up::PresenceSummary(_) if !placed.session_known => {
            count(tx, "summaries_of_unknown_sessions", 1)
        }
        Up::PresenceSummary(report) => summary(tx, it, report, epoch, placed),
        _ => Ok(()),
    }
}

/// What the payload changes beyond its own row, where it speaks of no place.
pub(super) fn apply(
    tx: &Transaction<'_>,
    it: &IncomingMessage,
    epoch: i64,
    acked: &mut Vec<DeviceId>,
) -> Result<()> {
    let (device, at) = (&it.body.device, it.received_at);
    match &it.body.payload {
        Up::Health(report) => {
            health(tx, device, report)?;
            evidence_gone::look_at_room(tx, device, report, at)?;
            evidence_record::recount(tx, device, at)
        }
        Up::KnowledgeAck(ack) => {
            acked.push(device.clone());
            knowledge_ack(tx, device, ack, at)
        }
        Up::Dropped(report) => dropped(tx, device, epoch, report),
        Up::ChainBreak(declared) => {
            chain::note_break(tx, it, epoch)?;
            let times = chain::breaks_since(tx, device, it.received_at)?;
            let cause =
                integrity::ChainFault::Break { epoch, reason: clip(&declared.reason, 200), times };
            incidents::raise_integrity(tx, device, &cause, it.received_at)
        }
        Up::EvidenceManifest(told) => {
            evidence::take_manifest(tx, device, told, (epoch, it.body.seq as i64), at)
        }
        Up::EvidenceReceipt(told) => evidence::take_receipt(tx, device, told, at),
        Up::PolicyTrialAnswer(it) => super::super::policy_trials::take(tx, device, it, at),
        Up::Finding(_) | Up::Presence(_) | Up::PresenceSummary(_) | Up::Unknown => Ok(()),
    }
}

/// One box's summary of a session replaces its earlier one, and the presences that came with that.
fn summary(
    tx: &Connection,
    it: &IncomingMessage,
    report: &PresenceSummary,
    epoch: i64,
    placed: &PlacedStatement,
) -> Result<()> {
    let (device, seq) = (&it.body.device, it.body.seq as i64);
    let session = report.session.as_str();
    let sql = "INSERT INTO summary VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(session, device)
        DO UPDATE SET
        revision=excluded.revision, at=excluded.at, received_at=excluded.received_at,
        report=excluded.report,
        epoch=excluded.epoch, seq=excluded.seq WHERE excluded.epoch > summary.epoch
        OR (excluded.epoch = summary.epoch AND excluded.seq > summary.seq)";
    let text = serde_json::to_string(report)?;
    let changed = tx.prepare_cached(sql)?.execute(params![
        device,
        session,
        report.revision,
        placed.at,
        it.received_at,
        text,
        epoch,
        seq
    ])?;
    if changed == 0 {
        return count(tx, "late_summaries", 1);
    }
    let stale = "DELETE FROM presence WHERE session=?1 AND device=?2 AND (epoch < ?3 OR (epoch = \
        ?3 AND seq < ?4)) RETURNING person";
    let gone: Vec<String> =
        collect(tx, stale, params![session, device, epoch, seq], |r| Ok(r.get(0)?))?;
    for person in gone {
        to_judge::mark(tx, &format!("p:{person}"))?;
    }
    to_judge::mark(tx, &format!("i:{}", placed.institution))
}

fn presence(
    tx: &Connection,
    it: &IncomingMessage,
    report: &PresenceReport,
    epoch: i64,
    placed: &PlacedStatement,
    on_roster: bool,
) -> Result<()> {
    let stamp = &it.body.stamp;
    let evidence = report.evidence.as_ref().map(serde_json::to_string).transpose()?;
    // SQLite's trigger on what is inserted hears of what is replaced as well; PostgreSQL's is told
    // of both.
    let sql = tx.either(
        "INSERT OR REPLACE INTO presence VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
        "INSERT INTO presence VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)
        ON CONFLICT (device, epoch, seq) DO UPDATE SET room = excluded.room,
        session = excluded.session, person = excluded.person, role = excluded.role,
        from_at = excluded.from_at, to_at = excluded.to_at, verified_by = excluded.verified_by,
        uncertainty_ms = excluded.uncertainty_ms, synchronised = excluded.synchronised,
        evidence = excluded.evidence, on_roster = excluded.on_roster",
    );
    let values = params![
        it.body.device.as_str(),
        epoch,
        it.body.seq as i64,
        report.room.as_str(),
        report
            .session
            .as_ref()
            .filter(|_| placed.session_known)
            .map(protocol::id::SessionId::as_str),
        report.person.as_str(),
        report.role.as_str(),
        placed.at,
        placed.until,
        report.verified_by.as_str(),
        stamp.uncertainty_ms,
        stamp.clock == protocol::up::ClockSource::Synchronised,
        evidence,
        on_roster,
    ];
    Ok(tx.send(sql, values)?)
}

fn health(tx: &Connection, device: &DeviceId, report: &HealthReport) -> Result<()> {
    let sql = "UPDATE device SET health=?2, firmware=?3 WHERE id=?1";
    Ok(tx.send(sql, params![device, serde_json::to_string(report)?, report.firmware])?)
}

fn knowledge_ack(tx: &Connection, device: &DeviceId, ack: &KnowledgeAck, at: At) -> Result<()> {
    let sql = "UPDATE knowledge SET ack_version=?3, applied=?4, refused_because=?5
        WHERE device=?1 AND kind=?2 AND ?3 <= version AND coalesce(ack_version, 0) <= ?3";
    let version = ack.version as i64;
    tx.send(sql, params![device, ack.kind, version, ack.applied, ack.refused_because])?;
    for person in &ack.templates_deleted {
        template_receipts::note(tx, device, person.as_str(), at)?;
        feed::append(
            tx,
            "enrolment",
            &serde_json::json!({"device": device, "person": person, "templates_deleted": true}),
        )?;
    }
    Ok(())
}

fn dropped(tx: &Connection, device: &DeviceId, epoch: i64, report: &DroppedReport) -> Result<()> {
    for row in &report.rows {
        let changed = tx
            .prepare_cached("INSERT INTO dropped VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING")?
            .execute(params![device, epoch, row.seq as i64, row.hash])?;
        count(tx, "dropped_declared", changed as i64)?;
    }
    Ok(())
}
