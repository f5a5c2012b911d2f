//! Photographs that the authority holds of registered practitioners: uploaded by it, apart from the
//! clinic's enrolment, each sealed with a key of its own that goes with it.

use super::engine::{OptionalExtension as _, params};
use zeroize::Zeroizing;

use super::{FaceStore, Result};
use crate::clock::At;
use crate::tombstone::{DeletedPhoto, Deletion};
use crate::vault::Key;

/// When a registry photograph was uploaded, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPhoto {
    pub uploaded_at: At,
    pub uploaded_by: String,
}

impl FaceStore {
    /// Keeps a photograph in place of an earlier one, whose key is destroyed.
    pub fn put_registry_photo(&self, person: &str, photo: &[u8], by: &str, now: At) -> Result<()> {
        let key = Key::generate()?;
        let sealed = key.seal(&label(person), photo)?;
        let wrapped = self.master.seal(&key_label(person), key.bytes())?;
        // A restore must not bring back the face that this one replaced.
        self.bury_photo(person, now)?;
        self.write(|tx| {
            tx.execute(
                "INSERT INTO registry_photo VALUES (?1,?2,?3,?4,?5) ON CONFLICT(person) DO UPDATE
                SET wrapped = excluded.wrapped, sealed = excluded.sealed,
                uploaded_at = excluded.uploaded_at, uploaded_by = excluded.uploaded_by",
                params![person, wrapped, sealed, now, by],
            )?;
            Ok(())
        })
    }

    /// Whether one is here, without opening it.
    pub fn registry_photo_at(&self, person: &str) -> Result<Option<RegistryPhoto>> {
        let sql = "SELECT uploaded_at, uploaded_by FROM registry_photo WHERE person = ?1";
        self.read(|c| {
            let found = c.prepare_cached(sql)?.query_row([person], |r| {
                Ok(RegistryPhoto { uploaded_at: r.get(0)?, uploaded_by: r.get(1)? })
            });
            Ok(found.optional()?)
        })
    }

    /// The photograph, opened.
    pub fn registry_photo(&self, person: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let sql = "SELECT wrapped, sealed FROM registry_photo WHERE person = ?1";
        let found: Option<(Vec<u8>, Vec<u8>)> = self.read(|c| {
            let found = c.prepare_cached(sql)?.query_row([person], |r| Ok((r.get(0)?, r.get(1)?)));
            Ok(found.optional()?)
        })?;
        let Some((wrapped, sealed)) = found else { return Ok(None) };
        let key = self.master.unwrap_key(&key_label(person), &wrapped)?;
        Ok(Some(key.open(&label(person), &sealed)?))
    }

    pub fn delete_registry_photo(&self, person: &str, now: At) -> Result<bool> {
        self.bury_photo(person, now)?;
        self.write(|tx| {
            Ok(tx.execute("DELETE FROM registry_photo WHERE person = ?1", [person])? > 0)
        })
    }

    /// A line in the ledger, where there is a photograph to delete.
    fn bury_photo(&self, person: &str, now: At) -> Result<()> {
        if let Some(ledger) = &self.ledger
            && self.registry_photo_at(person)?.is_some()
        {
            let it = DeletedPhoto { registry_photo: person.to_owned(), at: now };
            ledger.append(&[Deletion::Photo(it)])?;
        }
        Ok(())
    }

    /// What the ledger says of a photograph: what was uploaded before goes, a later one stays.
    pub(super) fn delete_photo_again(&self, it: &DeletedPhoto) -> Result<bool> {
        let sql = "DELETE FROM registry_photo WHERE person = ?1 AND uploaded_at < ?2";
        self.write(|tx| Ok(tx.execute(sql, (&it.registry_photo, &it.at))? > 0))
    }
}

fn label(person: &str) -> String {
    format!("registry photo {person}")
}

fn key_label(person: &str) -> String {
    format!("registry photo key {person}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_registry_photograph_takes_the_olds_place() {
        let dir = tempfile::tempdir().unwrap();
        let faces = FaceStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        assert_eq!(faces.registry_photo("p-1").unwrap(), None);
        faces.put_registry_photo("p-1", b"PHOTOGRAPH-ONE", "li", At::of_s(1)).unwrap();
        faces.put_registry_photo("p-1", b"PHOTOGRAPH-TWO", "li", At::of_s(2)).unwrap();
        assert_eq!(faces.registry_photo("p-1").unwrap().unwrap().as_slice(), b"PHOTOGRAPH-TWO");
        assert_eq!(faces.registry_photo_at("p-1").unwrap().unwrap().uploaded_at, At::of_s(2));
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(10).any(|w| w == b"PHOTOGRAPH"), "it lies in clear");
        }
        assert!(faces.delete_registry_photo("p-1", At::of_s(3)).unwrap());
        assert_eq!(faces.registry_photo("p-1").unwrap(), None);
    }
}
