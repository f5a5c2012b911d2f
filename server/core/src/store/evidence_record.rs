//! Sealed pictures against the signed record: that a box's chain names a picture as it stands here,
//! what people did that the chain does not name yet, and that no box loses pictures without a word.
//!
//! The tables are an index of what boxes signed. Whoever writes the database alone changes the
//! index; what is looked at is compared with what the box signed.

use protocol::envelope::Envelope;
use protocol::evidence::{CustodianRole, EvidenceAct, EvidenceDeed};
use protocol::id::{DeviceId, EvidenceId};
use protocol::up::{Up, UpBody};

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use super::rows::collect;
use super::{Result, evidence_gone, incidents, named, opening_rows};
use crate::clock::{At, clip};
use crate::evidence::{ItemSeen, OpeningKept};
use crate::ingest::integrity::ChainFault;

/// Deeds that one list tells.
const MOST_TOLD: i64 = 200;

/// Whether the box's chain, under its own signature, names this picture of this finding, to the
/// last byte of its halves and its hash.
pub(super) fn in_chain(c: &Connection, seen: &ItemSeen) -> Result<bool> {
    let sql = "SELECT m.envelope, (SELECT k.signing_key FROM device_key k WHERE k.device = m.device
            AND k.from_epoch <= m.epoch ORDER BY k.from_epoch DESC LIMIT 1)
        FROM evidence_item e JOIN message m ON m.device = e.device AND m.epoch = e.epoch AND
            m.seq = e.seq WHERE e.device = ?1 AND e.id = ?2";
    let found: Option<(String, Option<String>)> = c
        .prepare_cached(sql)?
        .query_row((&seen.device, seen.item.id.as_str()), |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((envelope, Some(key))) = found else { return Ok(false) };
    Ok(names(&envelope, &key, seen).unwrap_or(false))
}

fn names(envelope: &str, key: &str, seen: &ItemSeen) -> Option<bool> {
    let envelope: Envelope = serde_json::from_str(envelope).ok()?;
    let key = trust::VerifyingKey::from_base64(key).ok()?;
    let body: UpBody = serde_json::from_str(trust::verify(&envelope, &key).ok()?).ok()?;
    let Up::EvidenceManifest(manifest) = body.payload else { return None };
    let named = manifest.items.contains(&seen.item) && manifest.source == seen.source;
    let here = body.device == seen.device;
    Some(named && here && clip(&manifest.finding_id, 64) == seen.finding)
}

/// Writes down what one of the two did, until its box's chain names it.
pub(super) fn did(
    tx: &Transaction<'_>,
    it: &OpeningKept,
    (act, by): (EvidenceAct, CustodianRole),
    item: &str,
    at: At,
) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO evidence_deed (opening, act, by_role, at, item) VALUES (?1,?2,?3,?4,?5) ON
        CONFLICT DO NOTHING",
    )?
    .execute(params![it.id, act.as_str(), by.as_str(), at, item])?;
    Ok(())
}

/// What a box has still to write into its chain. Of a request that waits nothing is told: whoever
/// holds the box would learn of it before anybody decided.
pub(super) fn deeds(c: &Connection, device: &DeviceId) -> Result<Vec<EvidenceDeed>> {
    let sql = "SELECT d.opening, o.finding, d.act, d.by_role, d.at, d.item FROM evidence_deed d
        JOIN evidence_opening o ON o.id = d.opening WHERE o.device = ?1 AND o.state <> 'requested'
        AND d.noted_at IS NULL ORDER BY d.at, d.opening, d.act, d.item LIMIT ?2";
    collect(c, sql, params![device, MOST_TOLD], |r| {
        let item: String = r.get(5)?;
        Ok(EvidenceDeed {
            order: named(r.get(0)?)?,
            finding_id: r.get(1)?,
            act: named(r.get(2)?)?,
            by: named(r.get(3)?)?,
            at: r.get(4)?,
            item: if item.is_empty() { None } else { Some(named(item)?) },
        })
    })
}

/// The box's chain has it. A box notes deeds of its own pictures alone.
pub(super) fn noted(
    tx: &Transaction<'_>,
    device: &DeviceId,
    deed: &EvidenceDeed,
    at: At,
) -> Result<()> {
    let item = deed.item.as_ref().map_or("", EvidenceId::as_str);
    tx.prepare_cached(
        "UPDATE evidence_deed SET noted_at = ?6 WHERE opening = ?1 AND act = ?2 AND by_role = ?3
        AND at = ?4 AND item = ?5 AND noted_at IS NULL AND opening IN (SELECT id FROM
        evidence_opening WHERE device = ?7)",
    )?
    .execute(params![
        deed.order.as_str(),
        deed.act.as_str(),
        deed.by.as_str(),
        deed.at,
        item,
        at,
        device
    ])?;
    Ok(())
}

/// Compares what a box said that it holds with what its chain named and never ended. A picture that
/// went without a word is one that somebody took away, or it went with an earlier box of this name.
///
/// The heartbeat is one of a quarter of an hour ago, up to which nothing is missing: an end that
/// was said before it, or since, is known here by now.
pub(super) fn recount(tx: &Transaction<'_>, device: &DeviceId, at: At) -> Result<()> {
    let any = "SELECT 1 FROM evidence_item WHERE device = ?1 AND gone IS NULL LIMIT 1";
    if !tx.prepare_cached(any)?.exists([device])? {
        return Ok(());
    }
    let Some((epoch, seq, said)) = said_to_hold(tx, device, at)? else { return Ok(()) };
    let sql = "SELECT id, epoch FROM evidence_item WHERE device = ?1 AND gone IS NULL AND
        (epoch < ?2 OR (epoch = ?2 AND seq < ?3)) ORDER BY id";
    let known: Vec<(String, i64)> =
        collect(tx, sql, params![device, epoch, seq], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let missing = (known.len() as u64).saturating_sub(said);
    if missing == 0 {
        return Ok(());
    }
    let since = "SELECT coalesce(max(from_epoch), 0) FROM device_key WHERE device = ?1";
    let since: i64 = tx.prepare_cached(since)?.query_row([device], |r| r.get(0))?;
    let of_this_box = known.iter().filter(|(_, of)| *of >= since).count() as u64;
    if said == 0 {
        let ids: Vec<EvidenceId> = known.iter().filter_map(|(id, _)| id.parse().ok()).collect();
        let why = if of_this_box == 0 {
            "the box was replaced: its pictures went with the earlier one"
        } else {
            "the box says that it holds none any more"
        };
        evidence_gone::take(tx, device, &ids, ("lost", why), at)?;
        opening_rows::lose(tx, device, &ids, why, at)?;
    }
    let day = at.utc_day();
    let cause = ChainFault::EvidenceMissing { missing, replaced: missing > of_this_box, day };
    incidents::raise_integrity(tx, device, &cause, at)
}

/// Epoch and sequence of that heartbeat, and how many pictures it names.
fn said_to_hold(tx: &Connection, device: &DeviceId, at: At) -> Result<Option<(i64, i64, u64)>> {
    let before = at - jiff::SignedDuration::from_mins(15);
    let sql =
        "SELECT m.epoch, m.seq, m.envelope FROM device d JOIN message m ON m.device = d.id AND
        m.epoch = d.epoch AND m.seq <= d.contiguous_seq WHERE d.id = ?1 AND m.kind = 'health' AND
        m.received_at <= ?2 ORDER BY m.seq DESC LIMIT 1";
    let found: Option<(i64, i64, String)> = tx
        .prepare_cached(sql)?
        .query_row((device, before), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((epoch, seq, envelope)) = found else { return Ok(None) };
    let body = serde_json::from_str::<Envelope>(&envelope).ok();
    let body = body.and_then(|it| serde_json::from_str::<UpBody>(&it.body).ok());
    let Some(Up::Health(health)) = body.map(|body| body.payload) else { return Ok(None) };
    Ok(health.evidence.map(|held| (epoch, seq, held.items)))
}
