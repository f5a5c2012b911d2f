//! The end of a sealed picture on the server (P9): its halves and its person are struck from the
//! table and from the content of the message that brought them, whose hash keeps its place in the
//! chain; and the ledger of deletions names it, so that no backup brings it back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::evidence::EvidenceItem;
use protocol::id::DeviceId;

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use super::rows::collect;
use super::{Result, Store, opening_rows};
use crate::clock::At;
use crate::tombstone::{DeletedPictures, Deletion};

/// Pictures that one round buries.
const AT_ONCE: i64 = 2000;

const DUE: &str = "SELECT e.device, e.id FROM evidence_item e WHERE e.gone IS NOT NULL AND
    e.buried = 0 AND NOT EXISTS (SELECT 1 FROM evidence_opening o WHERE o.device = e.device AND
    o.finding = e.finding AND o.state IN ('requested','approved','released','delivered','open'))
    ORDER BY e.device, e.id LIMIT ?1";

impl Store {
    /// Buries what its boxes have no longer and nobody looks at any more; gives how many.
    pub fn bury_pictures(&self, now: Timestamp) -> Result<usize> {
        let due = self.read(due)?;
        if due.is_empty() {
            return Ok(0);
        }
        let lines = lines(&due, now.into());
        if let Some(ledger) = &self.ledger {
            ledger.append(&lines)?;
        }
        self.write(|tx| {
            for (device, id) in &due {
                strike(tx, device, id)?;
            }
            Ok(due.len())
        })
    }

    /// Pictures that are gone and that no ledger names yet: what a restore must learn of the
    /// database that it replaces.
    pub fn unburied_pictures(&self, at: At) -> Result<Vec<Deletion>> {
        let sql = "SELECT device, id FROM evidence_item WHERE gone IS NOT NULL AND buried = 0 ORDER
            BY device, id";
        let due = self.read(|c| collect(c, sql, [], |r| Ok((r.id(0)?, r.get(1)?))))?;
        Ok(lines(&due, at))
    }
}

fn due(c: &Connection) -> Result<Vec<(DeviceId, String)>> {
    collect(c, DUE, [AT_ONCE], |r| Ok((r.id(0)?, r.get(1)?)))
}

fn lines(due: &[(DeviceId, String)], at: At) -> Vec<Deletion> {
    let mut by_device: BTreeMap<&DeviceId, Vec<String>> = BTreeMap::new();
    for (device, id) in due {
        by_device.entry(device).or_default().push(id.clone());
    }
    let line = |(device, pictures): (&DeviceId, Vec<String>)| {
        let device = device.clone();
        Deletion::Pictures(DeletedPictures { device, pictures, at })
    };
    by_device.into_iter().map(line).collect()
}

/// What the ledger says of pictures that an older database still has: they end again, and whoever
/// was looking looks no longer. Gives how many came back and went.
pub(super) fn again(tx: &Transaction<'_>, it: &DeletedPictures) -> Result<usize> {
    let mut ended = 0;
    let sql = "SELECT finding FROM evidence_item WHERE device = ?1 AND id = ?2 AND buried = 0";
    for id in &it.pictures {
        let found: Option<String> =
            tx.prepare_cached(sql)?.query_row((&it.device, id), |r| r.get(0)).optional()?;
        let Some(finding) = found else { continue };
        tx.prepare_cached(
            "UPDATE evidence_item SET gone = 'deleted', gone_because = 'deleted before the \
            database was brought back', gone_at = ?3 WHERE device = ?1 AND id = ?2 AND gone IS \
            NULL",
        )?
        .execute((&it.device, id, &it.at))?;
        opening_rows::destroy(tx, &it.device, &finding, it.at)?;
        strike(tx, &it.device, id)?;
        ended += 1;
    }
    Ok(ended)
}

/// The halves and the person of one picture; with the last of its manifest that message's content.
fn strike(tx: &Transaction<'_>, device: &DeviceId, id: &str) -> Result<()> {
    let sql = "SELECT item, epoch, seq FROM evidence_item WHERE device = ?1 AND id = ?2";
    let found: Option<(String, Option<i64>, Option<i64>)> = tx
        .prepare_cached(sql)?
        .query_row((device, id), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((item, epoch, seq)) = found else { return Ok(()) };
    let mut item: EvidenceItem = serde_json::from_str(&item)?;
    item.person = None;
    for half in [&mut item.supervisor_half, &mut item.reviewer_half] {
        half.enc.clear();
        half.ct.clear();
    }
    tx.prepare_cached(
        "UPDATE evidence_item SET item = ?3, buried = 1 WHERE device = ?1 AND id = ?2",
    )?
    .execute(params![device, id, serde_json::to_string(&item)?])?;
    tx.prepare_cached(
        "UPDATE message SET envelope = '' WHERE device = ?1 AND epoch = ?2 AND seq = ?3 AND kind =
        'evidence_manifest' AND NOT EXISTS (SELECT 1 FROM evidence_item e WHERE e.device = ?1 AND
        e.epoch = ?2 AND e.seq = ?3 AND e.buried = 0)",
    )?
    .execute(params![device, epoch, seq])?;
    Ok(())
}
