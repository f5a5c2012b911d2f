//! Rows of `message` on their way into the table: over SQLite each goes in at once; over
//! PostgreSQL, where each statement is a way there and back, those that nothing stands against are
//! kept until somebody reads the table, and go in many to a statement.

use std::collections::HashSet;

use super::super::Result;
use super::super::rows::collect;
use super::{InboxEntry, IncomingMessage, insert, kind};
use crate::store::engine::{Connection, EngineKind, Param};

/// Rows of one statement; smaller statements take what is left, so that few texts are prepared.
const AT_ONCE: [usize; 3] = [64, 8, 1];
const WIDTH: usize = 9;

#[derive(Debug)]
pub(super) struct Unwritten<'b> {
    /// With the epoch.
    rows: Vec<(&'b IncomingMessage, i64)>,
    /// Event ids that are stored, or will be by this transaction.
    taken: HashSet<String>,
}

impl<'b> Unwritten<'b> {
    /// Asks once which event ids of the batch are stored already. Nobody else writes meanwhile.
    pub(super) fn before(tx: &Connection, batch: &[InboxEntry]) -> Result<Self> {
        let mut taken = HashSet::new();
        if tx.kind() == EngineKind::Postgres {
            let ids: Vec<String> = messages(batch).map(|it| as_stored(&it.body.event_id)).collect();
            let sql = "SELECT event_id FROM message WHERE event_id = ANY (ARRAY(
                SELECT json_array_elements_text(CAST(?1 AS json))))";
            let asked = serde_json::to_string(&ids)?;
            taken.extend(collect(tx, sql, [&asked], |r| Ok(r.get::<_, String>(0)?))?);
        }
        Ok(Self { rows: Vec::new(), taken })
    }

    /// Takes a row whose place in its chain is free; false where its event id is stored.
    pub(super) fn take(
        &mut self,
        tx: &Connection,
        it: &'b IncomingMessage,
        epoch: i64,
    ) -> Result<bool> {
        if tx.kind() == EngineKind::Sqlite {
            return insert(tx, it, epoch);
        }
        let free = self.taken.insert(as_stored(&it.body.event_id));
        if free {
            self.rows.push((it, epoch));
        }
        Ok(free)
    }

    /// Into the table with all of them: before it is read.
    pub(super) fn flush(&mut self, tx: &Connection) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let mut left = rows.as_slice();
        for size in AT_ONCE {
            let whole = left.chunks_exact(size);
            left = whole.remainder();
            for rows in whole {
                send(tx, rows)?;
            }
        }
        Ok(())
    }
}

pub(super) fn messages(batch: &[InboxEntry]) -> impl Iterator<Item = &IncomingMessage> {
    batch.iter().filter_map(|entry| match entry {
        InboxEntry::Message(it) => Some(&**it),
        InboxEntry::Aside(_) | InboxEntry::Status { .. } => None,
    })
}

/// PostgreSQL's text holds no NUL, and its JSON none either.
fn as_stored(event_id: &str) -> String {
    event_id.replace('\0', "\u{fffd}")
}

fn send(tx: &Connection, rows: &[(&IncomingMessage, i64)]) -> Result<()> {
    let numbers: Vec<i64> = rows.iter().map(|(it, _)| it.body.seq as i64).collect();
    let devices: Vec<&str> = rows.iter().map(|(it, _)| it.body.device.as_str()).collect();
    let kinds: Vec<&str> = rows.iter().map(|(it, _)| kind(&it.body.payload)).collect();
    let mut bound: Vec<&dyn Param> = Vec::with_capacity(rows.len() * WIDTH);
    for (n, (it, epoch)) in rows.iter().enumerate() {
        let row: [&dyn Param; WIDTH] = [
            &devices[n],
            epoch,
            &numbers[n],
            &it.body.event_id,
            &it.hash,
            &it.body.prev,
            &kinds[n],
            &it.received_at,
            &it.envelope,
        ];
        bound.extend(row);
    }
    let row = |n: usize| {
        let places: Vec<String> = (1..=WIDTH).map(|i| format!("?{}", n * WIDTH + i)).collect();
        format!("({})", places.join(","))
    };
    let places: Vec<String> = (0..rows.len()).map(row).collect();
    Ok(tx.send(&format!("INSERT INTO message VALUES {}", places.join(",")), bound)?)
}

#[cfg(test)]
mod tests {
    use protocol::up::UpBody;
    use serde_json::{Value, json};

    use super::super::InboxOutcome;
    use super::*;
    use crate::store::Store;

    fn entry(seq: u64, prev: &str, event_id: &str, payload: &Value) -> (InboxEntry, String) {
        let body = json!({"v": 1, "device": "box-1", "seq": seq, "prev": prev,
            "event_id": event_id, "stamp": {"utc": "2026-03-02T01:10:00.000Z", "boot_id": "b",
            "boot_count": 1, "mono_ms": seq, "uncertainty_ms": 20, "clock": "scene"},
            "payload": payload})
        .to_string();
        let hash = trust::chain_hash(&body);
        let envelope = json!({"v": 1, "key_id": "k", "sig": "s", "body": body}).to_string();
        let it = IncomingMessage {
            body: UpBody::from_text(&body).unwrap(),
            hash: hash.clone(),
            envelope,
            received_at: crate::clock::at("2026-03-02T01:11:00.000Z"),
            clock_offset_ms: None,
        };
        (InboxEntry::Message(Box::new(it)), hash)
    }

    /// A chain with everything that a hostile or a broken box does to it: repeated messages, event
    /// ids that are taken, a NUL in one, two contents at one place, gaps that are mended, breaks.
    fn hostile(seed: u64) -> Vec<InboxEntry> {
        let mut dice = seed;
        let mut roll = |sides: u64| {
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        };
        let plain = || {
            json!({"type": "knowledge_ack", "kind": "policy", "version": 1,
            "applied": true, "templates_deleted": []})
        };
        let (mut prev, mut said, mut held) = (trust::ZERO_HASH.to_owned(), Vec::new(), Vec::new());
        for seq in 1..=60u64 {
            let payload = match roll(12) {
                0 => json!({"type": "chain_break", "reason": "x"}),
                1 => json!({"type": "something_new"}),
                _ => plain(),
            };
            let event_id = match roll(15) {
                0 => format!("e-{}", roll(seq)),
                1 => format!("nul\0{seq}"),
                _ => format!("e-{seq}"),
            };
            let (one, hash) = entry(seq, &prev, &event_id, &payload);
            if roll(10) == 0 {
                said.push(entry(seq, &prev, &format!("other-{seq}"), &plain()).0);
            }
            match roll(8) {
                0 => held.push(one),
                1 => said.extend([one.clone(), one]),
                _ => said.push(one),
            }
            if roll(6) == 0 {
                said.append(&mut held);
            }
            prev = hash;
        }
        said
    }

    fn played(all: &[InboxEntry], at_once: usize) -> (Vec<InboxOutcome>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap().believing_scripted_clocks(true);
        let rows = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t');
            INSERT INTO room VALUES ('r-1','c-1','x','{}','t');
            INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned');";
        store.write(|tx| Ok(tx.execute_batch(rows)?)).unwrap();
        let (mut outcomes, mut marks) = (Vec::new(), Vec::new());
        for part in all.chunks(at_once) {
            let done = store.commit_batch(part, 64).unwrap();
            outcomes.extend(done.outcomes);
            marks.extend(done.receipts.last().map(|it| it.contiguous_hash.clone()));
        }
        let mut tables = vec![marks.pop().unwrap_or_default()];
        for sql in [
            "SELECT epoch || ' ' || seq || event_id || hash || kind FROM message ORDER BY 1",
            "SELECT epoch || ' ' || contiguous_seq || contiguous_hash || spent FROM device",
            "SELECT kind || epoch || ' ' || seq FROM chain_fault ORDER BY 1",
            "SELECT reason || count(*) FROM quarantine GROUP BY reason ORDER BY reason",
            "SELECT name || value FROM counter ORDER BY name",
        ] {
            tables.extend(
                store.read(|c| collect(c, sql, [], |r| Ok(r.get::<_, String>(0)?))).unwrap(),
            );
        }
        (outcomes, tables)
    }

    #[test]
    fn a_batch_is_judged_as_its_messages_one_by_one() {
        for seed in 1..=12 {
            let all = hostile(seed);
            let one_by_one = played(&all, 1);
            assert!(one_by_one.0.contains(&InboxOutcome::Duplicate), "seed {seed} repeats nothing");
            for at_once in [7, all.len()] {
                assert_eq!(played(&all, at_once), one_by_one, "seed {seed}, {at_once} at once");
            }
        }
    }
}
