//! A device's chain for the export: which key signed it, which part was asked for, and its messages
//! page by page.
//!
//! Reads only. A chain that one key signed is an era; new keys (a box provisioned anew) begin
//! another.

use protocol::id::DeviceId;

use super::engine::{Connection, OptionalExtension as _, params};

use super::rows::collect;
use super::{Result, Store, StoreError};

/// Messages read at once.
const PAGE: i64 = 500;

use crate::clock::At;

/// The part of a chain that one key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Era {
    pub signing_key: String,
    /// When the box was provisioned with this key, where that was written down.
    pub since: Option<At>,
    from_epoch: i64,
    below_epoch: i64,
}

/// A stretch of one era, by sequence, that explains itself: what is missing in it is declared in
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    pub era: Era,
    pub from_seq: u64,
    pub to_seq: u64,
    /// What the first message names as its predecessor.
    pub prev: String,
    /// The highest sequence of the stretch up to which everything is stored or declared dropped,
    /// with its hash.
    pub receipted: Option<(u64, String)>,
}

/// A stored message in its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    pub seq: u64,
    pub hash: String,
    pub prev: String,
    /// Who was verified when, in one room.
    pub is_sighting: bool,
    /// `None` where its time to be kept was over.
    pub envelope: Option<String>,
}

impl Store {
    /// The eras of a device, the latest last.
    pub fn eras(&self, device: &DeviceId) -> Result<Vec<Era>> {
        self.read(|c| eras(c, device))
    }

    /// The stretch of an era whose messages came from `from` to `to`,
    /// widened at its end to the records that declare what is missing. `None` where no message came
    /// then.
    pub fn stretch(
        &self,
        device: &DeviceId,
        era: &Era,
        from: At,
        to: At,
    ) -> Result<Option<Stretch>> {
        self.read(|c| {
            let bounds: (Option<i64>, Option<i64>) = c.query_row(
                "SELECT min(seq), max(seq) FROM message WHERE device=?1 AND epoch>=?2 AND epoch<?3
                 AND received_at BETWEEN ?4 AND ?5",
                params![device, era.from_epoch, era.below_epoch, from, to],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            let (Some(first), Some(mut last)) = bounds else { return Ok(None) };
            while let Some(further) = declares_more(c, device, era, first, last)? {
                last = further;
            }
            let prev = c.query_row(
                "SELECT prev FROM message WHERE device=?1 AND epoch>=?2 AND epoch<?3 AND seq=?4 \
                ORDER BY epoch LIMIT 1",
                params![device, era.from_epoch, era.below_epoch, first],
                |r| r.get(0),
            )?;
            Ok(Some(Stretch {
                receipted: receipted(c, device, era, first, last)?,
                era: era.clone(),
                from_seq: first as u64,
                to_seq: last as u64,
                prev,
            }))
        })
    }

    /// The messages of a stretch above `after`, in the order of their sequence.
    pub fn stretch_page(
        &self,
        device: &DeviceId,
        stretch: &Stretch,
        after: u64,
    ) -> Result<Vec<StoredLink>> {
        self.read(|c| {
            let sql =
                "SELECT seq, hash, prev, kind = 'presence', envelope FROM message WHERE device=?1
                AND epoch>=?2 AND epoch<?3 AND seq>?4 AND seq<=?5
                ORDER BY seq, epoch LIMIT ?6";
            let bounds = params![
                device,
                stretch.era.from_epoch,
                stretch.era.below_epoch,
                after as i64,
                stretch.to_seq as i64,
                PAGE
            ];
            collect(c, sql, bounds, |r| {
                let envelope: String = r.get(4)?;
                Ok(StoredLink {
                    seq: r.get::<_, i64>(0)? as u64,
                    hash: r.get(1)?,
                    prev: r.get(2)?,
                    is_sighting: r.get(3)?,
                    envelope: (!envelope.is_empty()).then_some(envelope),
                })
            })
        })
    }
}

fn eras(c: &Connection, device: &DeviceId) -> Result<Vec<Era>> {
    let sql = "SELECT signing_key, nullif(since, ''), from_epoch,
        lead(from_epoch, 1, 9223372036854775807) OVER (ORDER BY from_epoch) FROM device_key WHERE
        device=?1 ORDER BY from_epoch";
    let found = collect(c, sql, [device], |r| {
        Ok(Era {
            signing_key: r.get(0)?,
            since: r.get(1)?,
            from_epoch: r.get(2)?,
            below_epoch: r.get(3)?,
        })
    })?;
    if found.is_empty() {
        return Err(StoreError::Unknown { what: "provisioned device", id: device.to_string() });
    }
    Ok(found)
}

/// The next record beyond `last` that declares losses, where something in the stretch is missing
/// and not yet declared.
fn declares_more(
    c: &Connection,
    device: &DeviceId,
    era: &Era,
    first: i64,
    last: i64,
) -> Result<Option<i64>> {
    let there: i64 = c.query_row(
        "SELECT count(*) FROM message WHERE device=?1 AND epoch>=?2 AND epoch<?3 AND seq BETWEEN \
        ?4 AND ?5",
        params![device, era.from_epoch, era.below_epoch, first, last],
        |r| r.get(0),
    )?;
    if there > last - first {
        return Ok(None);
    }
    let sql = "SELECT min(seq) FROM message WHERE device=?1 AND epoch>=?2 AND epoch<?3 AND seq>?4
        AND kind IN ('dropped', 'chain_break')";
    Ok(c.query_row(sql, params![device, era.from_epoch, era.below_epoch, last], |r| r.get(0))?)
}

/// Only the running chain has a mark; of an era that ended, nothing is confirmed anew.
fn receipted(
    c: &Connection,
    device: &DeviceId,
    era: &Era,
    first: i64,
    last: i64,
) -> Result<Option<(u64, String)>> {
    let (epoch, mark): (i64, i64) =
        c.query_row("SELECT epoch, contiguous_seq FROM device WHERE id=?1", [device], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
    if epoch >= era.below_epoch || mark < first {
        return Ok(None);
    }
    let sql = "SELECT seq, hash FROM message WHERE device=?1 AND epoch>=?2 AND epoch<?3 AND \
        seq<=?4 ORDER BY seq DESC LIMIT 1";
    let found: Option<(i64, String)> = c
        .query_row(sql, params![device, era.from_epoch, era.below_epoch, mark.min(last)], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?;
    Ok(found.map(|(seq, hash)| (seq as u64, hash)))
}
