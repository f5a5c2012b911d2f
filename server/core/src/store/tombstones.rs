//! Deletions in the database of faces: the key is destroyed with what it sealed, and the ledger's
//! deletions are replayed.

use super::engine::{Transaction, params};

use super::rows::collect;
use super::{FaceStore, Result, Withdrawal};
use crate::clock::At;
use crate::tombstone::{Deletion, Ledger, Tombstone};

/// What a ledger and a database had to tell each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TombstoneReplay {
    /// Persons and registry photographs deleted now, because the ledger knew of it and the
    /// database did not.
    pub replayed: usize,
    /// Deletions that stood in the database alone and are signed now.
    pub signed: usize,
    pub other_signer: usize,
}

/// A deletion, and how much went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub tombstone: Tombstone,
    pub templates: i64,
    pub photos: i64,
}

impl FaceStore {
    /// From now on each deletion is signed into the ledger first. What either side lacks, it learns
    /// here.
    pub fn with_ledger(mut self, ledger: Ledger) -> Result<(Self, TombstoneReplay)> {
        let read = ledger.read()?;
        let ours: Vec<Deletion> = self.tombstones()?.into_iter().map(Deletion::Person).collect();
        let signed = if ours.iter().all(|t| read.deletions.contains(t)) {
            0
        } else {
            ledger.append(&ours)?
        };
        let mut replay = TombstoneReplay { replayed: 0, signed, other_signer: read.other_signer };
        for missing in read.deletions.iter().filter(|t| !ours.contains(t)) {
            replay.replayed += match missing {
                Deletion::Person(it) => self.write(|tx| self.delete(tx, it)).map(|_| 1)?,
                Deletion::Photo(it) => usize::from(self.delete_photo_again(it)?),
                Deletion::Custodian(_) | Deletion::Pictures(_) => 0,
            };
        }
        self.ledger = Some(ledger);
        Ok((self, replay))
    }

    /// Destroys the person's key and everything that it sealed, and leaves a tombstone.
    pub fn withdraw(&self, person: &str, reason: &str, now: At) -> Result<Withdrawal> {
        self.bury(&Tombstone {
            person: person.to_owned(),
            at: now,
            reason: reason.to_owned(),
            institution: None,
        })
    }

    /// Deletes what was enrolled for one institution. What others hold is sealed anew, and the key
    /// that it was sealed with before is destroyed: nothing opens what was deleted.
    pub fn withdraw_at(
        &self,
        person: &str,
        institution: &str,
        reason: &str,
        now: At,
    ) -> Result<Withdrawal> {
        let institution = Some(institution.to_owned());
        self.bury(&Tombstone {
            person: person.to_owned(),
            at: now,
            reason: reason.to_owned(),
            institution,
        })
    }

    fn bury(&self, tombstone: &Tombstone) -> Result<Withdrawal> {
        if let Some(ledger) = &self.ledger {
            ledger.append(&[Deletion::Person(tombstone.clone())])?;
        }
        self.write(|tx| self.delete(tx, tombstone))
    }

    fn delete(&self, tx: &Transaction<'_>, it: &Tombstone) -> Result<Withdrawal> {
        let done = delete(tx, it)?;
        if it.institution.is_some() {
            self.renew_key(tx, &it.person)?;
        }
        Ok(done)
    }

    /// Deletions, oldest first.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>> {
        self.read(|c| {
            collect(
                c,
                "SELECT person, at, reason, institution FROM tombstone ORDER BY at, person",
                [],
                |r| {
                    Ok(Tombstone {
                        person: r.get(0)?,
                        at: r.get(1)?,
                        reason: r.get(2)?,
                        institution: r.get(3)?,
                    })
                },
            )
        })
    }

    /// Deletions of one person, oldest first, with how many templates and photographs went.
    pub fn tombstones_of(&self, person: &str) -> Result<Vec<Deleted>> {
        let sql = "SELECT person, at, reason, institution, templates, photos FROM tombstone
            WHERE person = ?1 ORDER BY at";
        self.read(|c| {
            collect(c, sql, [person], |r| {
                let it = Tombstone {
                    person: r.get(0)?,
                    at: r.get(1)?,
                    reason: r.get(2)?,
                    institution: r.get(3)?,
                };
                Ok(Deleted { tombstone: it, templates: r.get(4)?, photos: r.get(5)? })
            })
        })
    }

    /// The ledger's deletions, checked anew.
    pub fn read_ledger(&self) -> Result<Vec<Deletion>> {
        Ok(self.ledger.as_ref().map(Ledger::read).transpose()?.unwrap_or_default().deletions)
    }

    /// Proposals that nobody decided by then lose what they sealed, key and all where nothing else
    /// of the person stands.
    pub fn forget_undecided(&self, before: At, now: At) -> Result<Vec<String>> {
        let sql =
            "SELECT DISTINCT person FROM enrolment WHERE state = 'proposed' AND proposed_at < ?1";
        let persons: Vec<String> = self.read(|c| collect(c, sql, [before], |r| Ok(r.get(0)?)))?;
        for person in &persons {
            let kept = "SELECT 1 FROM enrolment WHERE person = ?1 AND (state = 'confirmed' OR \
                (state = 'proposed' AND proposed_at >= ?2))";
            if !self.read(|c| Ok(c.prepare_cached(kept)?.exists((person.as_str(), before))?))? {
                self.withdraw(person, "undecided proposal ran out", now)?;
                continue;
            }
            self.write(|tx| {
                let old = "SELECT id FROM enrolment WHERE person = ?1 AND state = 'proposed' AND \
                    proposed_at < ?2";
                for table in ["template", "photo"] {
                    let sql = format!("DELETE FROM {table} WHERE enrolment IN ({old})");
                    tx.execute(&sql, (person.as_str(), before))?;
                }
                tx.execute(
                    "UPDATE enrolment SET state='refused', decided_at=?3,
                    reason='undecided proposal ran out'
                     WHERE person = ?1 AND state = 'proposed' AND proposed_at < ?2",
                    (person.as_str(), before, now),
                )?;
                Ok(())
            })?;
        }
        Ok(persons)
    }

    /// Templates and photographs of a person; a test asks after a restore.
    pub fn holds_anything_of(&self, person: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM template WHERE person = ?1 UNION ALL SELECT 1 FROM photo WHERE
            person = ?1
            UNION ALL SELECT 1 FROM person_key WHERE person = ?1";
        self.read(|c| Ok(c.prepare_cached(sql)?.exists([person])?))
    }
}

fn delete(tx: &Transaction<'_>, it: &Tombstone) -> Result<Withdrawal> {
    let here = "person = ?1 AND (?2 IS NULL OR institution = ?2)";
    let of = params![it.person, it.institution];
    let photos = format!(
        "DELETE FROM photo WHERE person = ?1 AND enrolment IN (SELECT id FROM enrolment WHERE \
        {here})"
    );
    let done = Withdrawal {
        photos_deleted: tx.execute(&photos, of)? as u64,
        templates_deleted: tx.execute(&format!("DELETE FROM template WHERE {here}"), of)? as u64,
    };
    if it.institution.is_none() {
        tx.execute("DELETE FROM person_key WHERE person = ?1", [&it.person])?;
    }
    tx.execute(
        "UPDATE enrolment SET state='withdrawn', decided_at=?3, reason=?4 WHERE person=?1 AND (?2
        IS NULL OR institution = ?2)
         AND state <> 'refused'",
        params![it.person, it.institution, it.at, it.reason],
    )?;
    tx.execute(
        "INSERT INTO tombstone VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT(person, at) DO UPDATE SET
        reason = excluded.reason, templates = excluded.templates, photos = excluded.photos,
        institution = excluded.institution",
        params![
            it.person,
            it.at,
            it.reason,
            done.templates_deleted as i64,
            done.photos_deleted as i64,
            it.institution
        ],
    )?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use zeroize::Zeroizing;

    use super::super::{NewEnrolment, NewTemplate};
    use super::*;
    use crate::consent::ConsentPurpose;
    use crate::model::Consent;
    use crate::vault::Key;

    fn propose(faces: &FaceStore, institution: &str) {
        let consent = Consent {
            text_version: "1".into(),
            text_sha256: "a".repeat(64),
            purposes: vec![
                ConsentPurpose::Recognition,
                ConsentPurpose::ServerStorage,
                ConsentPurpose::KeepPhoto,
            ],
            scope: institution.into(),
            signature: "s".into(),
            signed_at: "t".into(),
            guardian: None,
            earlier: Vec::new(),
        };
        let id = format!("e-{institution}");
        let vector = Zeroizing::new(institution.as_bytes().to_vec());
        let template = NewTemplate {
            id: format!("{id}-t").parse().unwrap(),
            embedder_sha256: "a".into(),
            masked: false,
            vector,
        };
        let proposal = NewEnrolment {
            id: &id,
            person: "p-1",
            institution,
            by: "clinic",
            pack: "pack",
            outcome: &serde_json::json!({}),
            consent: &consent,
            templates: &[template],
            photos: &[institution.as_bytes().to_vec()],
        };
        faces.propose(&proposal, At::of_s(1)).unwrap();
    }

    fn held(faces: &FaceStore) -> Vec<String> {
        let all = ["c-1", "c-2"].map(|clinic| faces.comparable_templates(clinic, "").unwrap());
        let mut held: Vec<String> = all.into_iter().flatten().map(|t| t.institution).collect();
        held.sort();
        held
    }

    #[test]
    fn a_withdrawal_at_one_clinic_leaves_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let faces = FaceStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        propose(&faces, "c-1");
        propose(&faces, "c-2");
        let wrapped = || -> Vec<u8> {
            faces
                .read(|c| Ok(c.query_row("SELECT wrapped FROM person_key", [], |r| r.get(0))?))
                .unwrap()
        };
        let before = wrapped();
        let done = faces.withdraw_at("p-1", "c-1", "asked", At::of_s(2)).unwrap();
        assert_eq!((done.templates_deleted, done.photos_deleted), (1, 1));
        assert_eq!(held(&faces), ["c-2"]);
        assert_eq!(
            *faces.photos(&"e-c-2".parse().unwrap()).unwrap()[0],
            b"c-2".to_vec(),
            "it opens under the new key"
        );
        assert_ne!(wrapped(), before, "the key that sealed what was deleted is gone");
        faces.withdraw_at("p-1", "c-2", "asked", At::of_s(3)).unwrap();
        assert!(!faces.holds_anything_of("p-1").unwrap(), "with nothing left the key goes too");
    }

    #[test]
    fn a_restored_database_learns_what_was_withdrawn() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Arc::new(trust::SigningKey::generate().unwrap());
        let ledger = Ledger::new(&dir.path().join("tombstones"), signer);
        let tombstone = Tombstone {
            person: "p-1".into(),
            at: At::of_s(2),
            reason: "asked".into(),
            institution: Some("c-1".into()),
        };
        ledger.append(&[Deletion::Person(tombstone)]).unwrap();
        let faces = FaceStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        propose(&faces, "c-1");
        propose(&faces, "c-2");
        let (faces, replay) = faces.with_ledger(ledger).unwrap();
        assert_eq!((replay.replayed, held(&faces)), (1, vec!["c-2".to_owned()]));
    }
}
