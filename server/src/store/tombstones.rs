//! Deletions in the database of faces: the key is destroyed with what it sealed, and the ledger's deletions are replayed.

use rusqlite::{Transaction, params};

use super::rows::collect;
use super::{FaceStore, Result, Withdrawal};
use crate::tombstone::{Ledger, Tombstone};

/// What a ledger and a database had to tell each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replay {
    /// Persons deleted now, because the ledger knew of it and the database did not.
    pub replayed: usize,
    /// Deletions that stood in the database alone and are signed now.
    pub signed: usize,
    pub other_signer: usize,
}

impl FaceStore {
    /// From now on each deletion is signed into the ledger first. What either side lacks, it learns here.
    pub fn with_ledger(mut self, ledger: Ledger) -> Result<(Self, Replay)> {
        let read = ledger.read()?;
        let ours = self.tombstones()?;
        let signed = if ours.iter().all(|t| read.tombstones.contains(t)) { 0 } else { ledger.append(&ours)? };
        let mut replay = Replay { replayed: 0, signed, other_signer: read.other_signer };
        for missing in read.tombstones.iter().filter(|t| !ours.contains(t)) {
            self.write(|tx| delete(tx, missing))?;
            replay.replayed += 1;
        }
        self.ledger = Some(ledger);
        Ok((self, replay))
    }

    /// Destroys the person's key and everything that it sealed, and leaves a tombstone.
    pub fn withdraw(&self, person: &str, reason: &str, now: &str) -> Result<Withdrawal> {
        let tombstone = Tombstone { person: person.to_owned(), at: now.to_owned(), reason: reason.to_owned() };
        if let Some(ledger) = &self.ledger {
            ledger.append(std::slice::from_ref(&tombstone))?;
        }
        self.write(|tx| delete(tx, &tombstone))
    }

    /// Deletions, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>> {
        self.read(|c| {
            collect(c, "SELECT person, at, reason FROM tombstone ORDER BY at, person", [], |r| {
                Ok(Tombstone { person: r.get(0)?, at: r.get(1)?, reason: r.get(2)? })
            })
        })
    }

    /// The ledger's deletions, checked anew.
    pub fn read_ledger(&self) -> Result<Vec<Tombstone>> {
        Ok(self.ledger.as_ref().map(Ledger::read).transpose()?.unwrap_or_default().tombstones)
    }

    /// Proposals that nobody decided by then lose what they sealed, key and all where nothing else of the person stands.
    pub fn forget_undecided(&self, before: &str, now: &str) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT person FROM enrolment WHERE state = 'proposed' AND proposed_at < ?1";
        let persons: Vec<String> = self.read(|c| collect(c, sql, [before], |r| Ok(r.get(0)?)))?;
        for person in &persons {
            let kept = "SELECT 1 FROM enrolment WHERE person = ?1 AND (state = 'confirmed' OR (state = 'proposed' AND proposed_at >= ?2))";
            if !self.read(|c| Ok(c.prepare_cached(kept)?.exists([person.as_str(), before])?))? {
                self.withdraw(person, "undecided proposal ran out", now)?;
                continue;
            }
            self.write(|tx| {
                let old = "SELECT id FROM enrolment WHERE person = ?1 AND state = 'proposed' AND proposed_at < ?2";
                for table in ["template", "photo"] {
                    let sql = format!("DELETE FROM {table} WHERE enrolment IN ({old})");
                    tx.execute(&sql, [person.as_str(), before])?;
                }
                tx.execute(
                    "UPDATE enrolment SET state='refused', decided_at=?3, reason='undecided proposal ran out'
                     WHERE person = ?1 AND state = 'proposed' AND proposed_at < ?2",
                    [person.as_str(), before, now],
                )?;
                Ok(())
            })?;
        }
        Ok(persons)
    }

    /// Templates and photographs of a person; a test asks after a restore.
    pub fn holds_anything_of(&self, person: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM template WHERE person = ?1 UNION ALL SELECT 1 FROM photo WHERE person = ?1
            UNION ALL SELECT 1 FROM person_key WHERE person = ?1";
        self.read(|c| Ok(c.prepare_cached(sql)?.exists([person])?))
    }
}

fn delete(tx: &Transaction<'_>, it: &Tombstone) -> Result<Withdrawal> {
    let done = Withdrawal {
        templates_deleted: tx.execute("DELETE FROM template WHERE person = ?1", [&it.person])? as u64,
        photos_deleted: tx.execute("DELETE FROM photo WHERE person = ?1", [&it.person])? as u64,
    };
    tx.execute("DELETE FROM person_key WHERE person = ?1", [&it.person])?;
    tx.execute(
        "UPDATE enrolment SET state='withdrawn', decided_at=?2, reason=?3 WHERE person=?1 AND state <> 'refused'",
        [&it.person, &it.at, &it.reason],
    )?;
    tx.execute(
        "INSERT OR REPLACE INTO tombstone VALUES (?1,?2,?3,?4,?5)",
        params![it.person, it.at, it.reason, done.templates_deleted as i64, done.photos_deleted as i64],
    )?;
    Ok(done)
}
