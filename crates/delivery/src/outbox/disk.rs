//! The outbox's database: rows, the chain's tip, receipts. Each change is one transaction. Decides
//! nothing about policy.

mod salvage;

use std::path::Path;

use protocol::down::Receipt;
use protocol::id::DeviceId;
use protocol::topic::Channel;
use protocol::up::{ChainBreak, DroppedReport, DroppedRow, Stamp, Up, UpBody};
use protocol::{MAX_MESSAGE_BYTES, WIRE_VERSION};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};
use trust::{SigningKey, ZERO_HASH, chain_hash};

use super::error::OutboxError;
use super::plan::{Class, Lane, LaneHeads};
use super::{Applied, EventRef, OutboxOptions};
pub(super) use salvage::{adopt, salvage};

/// SQLite's default.
pub(super) const PAGE_BYTES: u64 = 4096;

/// Where the chain stands; written with each link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tip {
    pub last_seq: u64,
    pub last_hash: String,
    pub heartbeat_seq: u64,
    pub dropped_total: u64,
    pub boot_count: u64,
    /// Set while a break record is still to be written.
    pub break_reason: Option<String>,
    pub receipted_seq: u64,
    pub receipted_hash: String,
}

impl Tip {
    pub(super) fn new() -> Self {
        Self {
            last_seq: 0,
            last_hash: ZERO_HASH.to_owned(),
            heartbeat_seq: 0,
            dropped_total: 0,
            boot_count: 0,
            break_reason: None,
            receipted_seq: 0,
            receipted_hash: ZERO_HASH.to_owned(),
        }
    }
}

/// Who writes: the same for every link.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    pub key: SigningKey,
    pub device: DeviceId,
}

/// Opens or makes the database and takes it for this process alone.
pub(super) fn open(path: &Path, options: &OutboxOptions) -> Result<Connection, OutboxError> {
    let db = match options.vfs {
        None => Connection::open(path)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), vfs)?,
    };
    db.busy_timeout(std::time::Duration::from_millis(0))?;
    // Exclusive: no second agent, and no shared-memory file to go stale.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // A small log: it keeps its blocks, so that dropping rows needs no new ones on a full disk.
    db.pragma_update(None, "wal_autocheckpoint", 64)?;
    set_max_pages(&db, options.max_bytes / PAGE_BYTES)?;
    if db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? == 0 {
        db.execute_batch(&format!("BEGIN IMMEDIATE; {} COMMIT;", include_str!("schema.sql")))?;
    }
    Ok(db)
}

pub(super) fn set_max_pages(db: &Connection, max_pages: u64) -> Result<(), OutboxError> {
    db.query_row(&format!("PRAGMA max_page_count = {max_pages}"), [], |_| Ok(()))
        .map_err(OutboxError::from)
}

/// One line on what is wrong with the file, or `None`.
pub(super) fn damage(db: &Connection, writer: &Writer) -> Result<Option<String>, OutboxError> {
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Ok(Some(format!("the database is torn: {verdict}")));
    }
    let owner = read_meta(db, "owner")?;
    let me = owner_text(writer);
    match owner {
        Some(owner) if owner != me => {
            Ok(Some(format!("the database belongs to {owner}, this box is {me}")))
        }
        _ => Ok(None),
    }
}

/// The tip as stored; of a new database, the beginning.
pub(super) fn load_tip(db: &Connection) -> Result<Tip, OutboxError> {
    let number = |key| -> Result<u64, OutboxError> {
        Ok(read_meta(db, key)?.and_then(|text| text.parse().ok()).unwrap_or(0))
    };
    let hash = |key| -> Result<String, OutboxError> {
        Ok(read_meta(db, key)?.unwrap_or_else(|| ZERO_HASH.to_owned()))
    };
    Ok(Tip {
        last_seq: number("last_seq")?,
        last_hash: hash("last_hash")?,
        heartbeat_seq: number("heartbeat_seq")?,
        dropped_total: number("dropped_total")?,
        boot_count: number("boot_count")?,
        break_reason: read_meta(db, "break_reason")?,
        receipted_seq: number("receipted_seq")?,
        receipted_hash: hash("receipted_hash")?,
    })
}

pub(super) fn save_tip(tx: &Connection, tip: &Tip, writer: &Writer) -> Result<(), OutboxError> {
    let mut put = tx.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = \
        excluded.value",
    )?;
    put.execute(params!["owner", owner_text(writer)])?;
    put.execute(params!["last_seq", tip.last_seq.to_string()])?;
    put.execute(params!["last_hash", tip.last_hash])?;
    put.execute(params!["heartbeat_seq", tip.heartbeat_seq.to_string()])?;
    put.execute(params!["dropped_total", tip.dropped_total.to_string()])?;
    put.execute(params!["boot_count", tip.boot_count.to_string()])?;
    put.execute(params!["receipted_seq", tip.receipted_seq.to_string()])?;
    put.execute(params!["receipted_hash", tip.receipted_hash])?;
    match &tip.break_reason {
        Some(reason) => put.execute(params!["break_reason", reason])?,
        None => tx.execute("DELETE FROM meta WHERE key = 'break_reason'", [])?,
    };
    Ok(())
}

/// Writes one link, after a due break record, in one transaction: row, sequence, id, previous hash
/// and signature stand or fall together. Gives the new tip.
pub(super) fn append(
    db: &mut Connection,
    writer: &Writer,
    tip: &Tip,
    stamp: &Stamp,
    payload: Up,
) -> Result<(EventRef, Tip), OutboxError> {
    fail_point::reached("append.before_tx");
    let mut next = tip.clone();
    let tx = db.transaction()?;
    if let Some(reason) = next.break_reason.take() {
        let last_receipted_seq = (next.receipted_seq > 0).then_some(next.receipted_seq);
        // A new chain: it begins at the zero hash, above every sequence that may have been used.
        ZERO_HASH.clone_into(&mut next.last_hash);
        link(
            &tx,
            writer,
            &mut next,
            stamp,
            Up::ChainBreak(ChainBreak { reason, last_receipted_seq }),
        )?;
    }
    let event = link(&tx, writer, &mut next, stamp, payload)?;
    save_tip(&tx, &next, writer)?;
    fail_point::reached("append.row_written");
    tx.commit()?;
    fail_point::reached("append.committed");
    Ok((event, next))
}

/// Gives up the oldest rows of the classes named, at most `limit`, and declares them in one new
/// row. `None` where there is nothing to give up.
pub(super) fn drop_rows(
    db: &mut Connection,
    writer: &Writer,
    tip: &Tip,
    stamp: &Stamp,
    classes: &[Class],
    limit: usize,
) -> Result<Option<(usize, Tip)>, OutboxError> {
    let mut next = tip.clone();
    let tx = db.transaction()?;
    let mut rows = Vec::new();
    for class in classes {
        let mut find = tx.prepare_cached(
            "SELECT seq, hash FROM outbox WHERE class = ?1 ORDER BY seq LIMIT ?2",
        )?;
        let found = find.query_map(params![*class as i64, (limit - rows.len()) as i64], |row| {
            Ok(DroppedRow {
                seq: get_u64(row, 0)?,
                hash: row.get(1)?,
                channel: class.channel_name().to_owned(),
            })
        })?;
        for row in found {
            rows.push(row?);
        }
    }
    // A report must be smaller than what it makes room for.
    if rows.len() < 2 {
        return Ok(None);
    }
    for row in &rows {
        tx.execute("DELETE FROM outbox WHERE seq = ?1", [row.seq as i64])?;
        tx.execute(
            "INSERT OR REPLACE INTO gone (seq, hash) VALUES (?1, ?2)",
            params![row.seq as i64, row.hash],
        )?;
    }
    let count = rows.len();
    next.dropped_total += count as u64;
    link(&tx, writer, &mut next, stamp, Up::Dropped(DroppedReport { rows }))?;
    save_tip(&tx, &next, writer)?;
    fail_point::reached("drop.rows_deleted");
    tx.commit()?;
    fail_point::reached("drop.committed");
    Ok(Some((count, next)))
}

fn link(
    tx: &Transaction<'_>,
    writer: &Writer,
    tip: &mut Tip,
    stamp: &Stamp,
    payload: Up,
) -> Result<EventRef, OutboxError> {
    let channel = payload.channel().ok_or(OutboxError::UnknownType)?;
    let class = Class::of(&payload);
    let mut payload = payload;
    if let Up::Health(health) = &mut payload {
        tip.heartbeat_seq += 1;
        health.heartbeat_seq = tip.heartbeat_seq;
        health.outbox_dropped = tip.dropped_total;
    }
    let breaks = matches!(payload, Up::ChainBreak(_));
    let body = UpBody {
        v: WIRE_VERSION,
        device: writer.device.clone(),
        seq: tip.last_seq + 1,
        prev: tip.last_hash.clone(),
        event_id: event_id(&stamp.utc)?,
        stamp: stamp.clone(),
        payload,
    };
    let text = serde_json::to_string(&body)?;
    let hash = chain_hash(&text);
    let envelope = serde_json::to_string(&writer.key.sign(text))?;
    if envelope.len() > MAX_MESSAGE_BYTES {
        let what = channel.as_str();
        return Err(OutboxError::TooLarge {
            what,
            bytes: envelope.len(),
            limit: MAX_MESSAGE_BYTES,
        });
    }
    let lane = i64::from(class.lane() == Lane::Bulk);
    tx.prepare_cached(
        "INSERT INTO outbox (seq, lane, class, breaks, hash, channel, envelope) VALUES (?1, ?2, \
        ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        body.seq as i64,
        lane,
        class as i64,
        breaks,
        hash,
        channel.as_str(),
        envelope
    ])?;
    tip.last_seq = body.seq;
    tip.last_hash.clone_from(&hash);
    Ok(EventRef { seq: body.seq, event_id: body.event_id, hash })
}

/// `UUIDv7` with the time of the stamp, so that no clock is read here.
fn event_id(utc: &str) -> Result<String, OutboxError> {
    let millis = utc.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond);
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|error| OutboxError::NoRandomness(error.to_string()))?;
    let id = uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &random)
        .into_uuid();
    Ok(id.to_string())
}

/// Deletes exactly what the receipt names, once its hash agrees with ours.
pub(super) fn apply_receipt(
    db: &mut Connection,
    writer: &Writer,
    tip: &Tip,
    receipt: &Receipt,
) -> Result<(Applied, Tip), OutboxError> {
    let top = receipt.above.iter().copied().chain([receipt.contiguous_seq]).max().unwrap_or(0);
    if top > tip.last_seq {
        return Err(OutboxError::ReceiptBeyond { receipted: top, last: tip.last_seq });
    }
    let mut next = tip.clone();
    let tx = db.transaction()?;
    let mut deleted = 0;
    if receipt.contiguous_seq > tip.receipted_seq {
        check_hash(&tx, tip, receipt)?;
        keep_last_health(&tx, "seq <= ?1", receipt.contiguous_seq)?;
        deleted +=
            tx.execute("DELETE FROM outbox WHERE seq <= ?1", [receipt.contiguous_seq as i64])?;
        tx.execute("DELETE FROM gone WHERE seq <= ?1", [receipt.contiguous_seq as i64])?;
        next.receipted_seq = receipt.contiguous_seq;
        next.receipted_hash.clone_from(&receipt.contiguous_hash);
    }
    for seq in receipt.above.iter().filter(|seq| **seq > next.receipted_seq) {
        tx.execute(
            "INSERT OR IGNORE INTO gone (seq, hash) SELECT seq, hash FROM outbox WHERE seq = ?1",
            [*seq as i64],
        )?;
        keep_last_health(&tx, "seq = ?1", *seq)?;
        deleted += tx.execute("DELETE FROM outbox WHERE seq = ?1", [*seq as i64])?;
    }
    if deleted == 0 && next == *tip {
        return Ok((Applied { deleted: 0 }, next));
    }
    save_tip(&tx, &next, writer)?;
    fail_point::reached("receipt.rows_deleted");
    tx.commit()?;
    fail_point::reached("receipt.committed");
    Ok((Applied { deleted: deleted as u64 }, next))
}

/// The last word on the box's health that the server has: while nothing waits, it is what can be
/// sent once more for a receipt. It names no person.
fn keep_last_health(tx: &Transaction<'_>, which: &str, seq: u64) -> Result<(), OutboxError> {
    let sql = format!(
        "INSERT INTO meta (key, value) SELECT '{LAST_HEALTH}', seq || ' ' || envelope FROM outbox \
        WHERE {which} AND channel = ?2 ORDER BY seq DESC LIMIT 1 \
        ON CONFLICT (key) DO UPDATE SET value = excluded.value"
    );
    tx.prepare_cached(&sql)?.execute(params![seq as i64, Channel::Health.as_str()])?;
    Ok(())
}

const LAST_HEALTH: &str = "receipted_health";

fn check_hash(tx: &Transaction<'_>, tip: &Tip, receipt: &Receipt) -> Result<(), OutboxError> {
    let seq = receipt.contiguous_seq;
    if seq == tip.last_seq && tip.last_hash == receipt.contiguous_hash {
        return Ok(());
    }
    let own: Option<String> = tx
        .query_row(
            "SELECT hash FROM outbox WHERE seq = ?1 UNION ALL SELECT hash FROM gone WHERE seq = ?1",
            [seq as i64],
            |row| row.get(0),
        )
        .optional()?;
    match own {
        Some(own) if own == receipt.contiguous_hash => Ok(()),
        Some(own) => Err(OutboxError::Fork { seq, own, named: receipt.contiguous_hash.clone() }),
        // Below a chain break: the rows are gone with the torn database, and nothing of them is
        // left to delete.
        None => Ok(()),
    }
}

/// The oldest rows per lane. A chain break waits until every row before it is receipted: the server
/// takes it to mean that whatever is missing below will never come.
pub(super) fn heads(db: &Connection, per_lane: usize) -> Result<LaneHeads, OutboxError> {
    let (first, first_break): (Option<i64>, Option<i64>) = db
        .prepare_cached(
            "SELECT (SELECT min(seq) FROM outbox), (SELECT min(seq) FROM outbox WHERE breaks = 1)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let below = first_break.filter(|at| first.is_some_and(|first| first < *at)).unwrap_or(i64::MAX);
    let lane = |number: i64| -> Result<Vec<u64>, OutboxError> {
        let mut find = db.prepare_cached(
            "SELECT seq FROM outbox WHERE lane = ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
        )?;
        let rows =
            find.query_map(params![number, below, per_lane as i64], |row| get_u64(row, 0))?;
        rows.collect::<Result<_, _>>().map_err(OutboxError::from)
    };
    Ok(LaneHeads { vital: lane(0)?, bulk: lane(1)? })
}

pub(super) fn envelope(
    db: &Connection,
    seq: u64,
) -> Result<Option<(Channel, String)>, OutboxError> {
    let row: Option<(String, String)> = db
        .prepare_cached("SELECT channel, envelope FROM outbox WHERE seq = ?1")?
        .query_row([seq as i64], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.and_then(|(name, text)| {
        Channel::UP.into_iter().find(|c| c.as_str() == name).map(|c| (c, text))
    }))
}

/// The oldest row of a database that nobody else has open, or else the last word on the box's
/// health that the server receipted. It is only read: no lock is taken, in
/// which its owner would find it, and no file made beside it. What a torn end left in the log is
/// not seen.
pub(super) fn to_be_receipted(path: &Path) -> Option<super::WaitingMessage> {
    use std::os::unix::ffi::OsStrExt as _;

    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"/._-".contains(b);
    let escaped = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|b| if plain(b) { char::from(*b).to_string() } else { format!("%{b:02X}") });
    let address = format!("file:{}?immutable=1", escaped.collect::<String>());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let db = Connection::open_with_flags(address, flags).ok()?;
    let sql = "SELECT seq FROM outbox ORDER BY seq LIMIT 1";
    let Some(seq) = db.query_row(sql, [], |row| get_u64(row, 0)).optional().ok()? else {
        let kept = read_meta(&db, LAST_HEALTH).ok()??;
        let (seq, envelope) = kept.split_once(' ')?;
        let (seq, envelope) = (seq.parse().ok()?, envelope.to_owned());
        return Some(super::WaitingMessage { seq, channel: Channel::Health, envelope });
    };
    let (channel, envelope) = envelope(&db, seq).ok()??;
    Some(super::WaitingMessage { seq, channel, envelope })
}

pub(super) fn depth(db: &Connection) -> Result<u64, OutboxError> {
    db.query_row("SELECT count(*) FROM outbox", [], |row| get_u64(row, 0))
        .map_err(OutboxError::from)
}

fn read_meta(db: &Connection, key: &str) -> Result<Option<String>, OutboxError> {
    db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
        .optional()
        .map_err(OutboxError::from)
}

/// SQLite counts in `i64`; a sequence is far from its end.
fn get_u64(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn owner_text(writer: &Writer) -> String {
    format!("{} with key {}", writer.device, writer.key.verifying_key().key_id())
}
