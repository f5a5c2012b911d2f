//! What can be read of a torn database moves to a new one. It signs nothing and leaves out whatever
//! no signature holds for.

use std::path::Path;

use protocol::envelope::Envelope;
use rusqlite::{Connection, params};
use trust::chain_hash;

use super::{Tip, Writer, get_u64, save_tip};
use crate::outbox::{error::OutboxError, plan::Class};

/// What can still be read of a torn database: rows whose signature holds, oldest first. Stops at
/// the first row that can not be read, and never fails.
pub(in crate::outbox) fn salvage(path: &Path, writer: &Writer) -> Vec<OutboxRow> {
    let mut kept = Vec::new();
    let Ok(db) = Connection::open(path) else { return kept };
    let key = writer.key.verifying_key();
    let Ok(mut find) =
        db.prepare("SELECT seq, class, breaks, hash, channel, envelope FROM outbox ORDER BY seq")
    else {
        return kept;
    };
    let Ok(mut rows) = find.query([]) else { return kept };
    while let Ok(Some(row)) = rows.next() {
        let read = || -> rusqlite::Result<OutboxRow> {
            Ok(OutboxRow {
                seq: get_u64(row, 0)?,
                class: row.get(1)?,
                breaks: row.get(2)?,
                hash: row.get(3)?,
                channel: row.get(4)?,
                envelope: row.get(5)?,
            })
        };
        let Ok(row) = read() else { continue };
        let sound = serde_json::from_str::<Envelope>(&row.envelope)
            .is_ok_and(|e| trust::verify(&e, &key).is_ok_and(|body| chain_hash(body) == row.hash));
        if sound && row.class <= Class::Health as i64 {
            kept.push(row);
        }
    }
    kept
}

/// A row as it stands, for moving it to a new database.
#[derive(Debug)]
pub(in crate::outbox) struct OutboxRow {
    pub(in crate::outbox) seq: u64,
    class: i64,
    breaks: bool,
    hash: String,
    channel: String,
    envelope: String,
}

pub(in crate::outbox) fn adopt(
    db: &mut Connection,
    writer: &Writer,
    tip: &Tip,
    rows: &[OutboxRow],
) -> Result<(), OutboxError> {
    let tx = db.transaction()?;
    for row in rows {
        tx.execute(
            "INSERT INTO outbox (seq, lane, class, breaks, hash, channel, envelope) VALUES (?1, \
            ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.seq as i64,
                i64::from(row.class > 1),
                row.class,
                row.breaks,
                row.hash,
                row.channel,
                row.envelope
            ],
        )?;
    }
    save_tip(&tx, tip, writer)?;
    tx.commit()?;
    Ok(())
}
