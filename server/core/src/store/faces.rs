//! The database of faces: enrolments, templates, photographs, each sealed with its person's own
//! data key.
//!
//! It stands apart from every name. Withdrawal destroys the key with everything that it sealed and
//! leaves a tombstone.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use zeroize::Zeroizing;

use super::connect;
use super::rows::collect;
use super::schema::Database;
use super::transaction::in_transaction;
use super::{Address, ListPart, Result, StoreError, fence, lock, named};
use crate::clock::At;
use crate::ids::{EnrolmentId, TemplateId};
use crate::model::Consent;
pub use crate::open_proposals::OpenNow;
use crate::tombstone::Ledger;
use crate::vault::Key;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentState {
    Proposed,
    Confirmed,
    Refused,
    Withdrawn,
}

/// Not to be shown as it is: `web::api::enrolments` has a type for each reader.
#[derive(Debug, Clone)]
pub struct Enrolment {
    pub id: EnrolmentId,
    pub person: String,
    pub institution: String,
    pub state: EnrolmentState,
    pub pack: String,
    pub proposed_at: At,
    /// Not known of those of before it was asked.
    pub proposed_by: Option<String>,
    pub decided_at: Option<At>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    pub outcome: serde_json::Value,
    pub templates: i64,
    pub photos: i64,
}

/// A rotated vector about to be sealed.
#[derive(Clone)]
pub struct NewTemplate {
    pub id: TemplateId,
    pub embedder_sha256: String,
    pub masked: bool,
    pub vector: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for NewTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewTemplate({}, [redacted])", self.id)
    }
}

#[derive(Debug)]
pub struct NewEnrolment<'a> {
    pub id: &'a str,
    pub person: &'a str,
    pub institution: &'a str,
    pub by: &'a str,
    pub pack: &'a str,
    pub outcome: &'a serde_json::Value,
    pub consent: &'a Consent,
    pub templates: &'a [NewTemplate],
    /// Kept only where the consent says so.
    pub photos: &'a [Vec<u8>],
}

/// An opened template.
#[derive(Clone)]
pub struct StoredTemplate {
    pub id: TemplateId,
    pub enrolment: String,
    pub person: String,
    pub institution: String,
    pub pack: String,
    pub embedder_sha256: String,
    pub masked: bool,
    pub confirmed: bool,
    pub vector: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for StoredTemplate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredTemplate({}, [redacted])", self.id)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Withdrawal {
    pub templates_deleted: u64,
    pub photos_deleted: u64,
}

#[derive(Debug)]
pub struct FaceStore {
    connection: Mutex<Connection>,
    pub(super) master: Key,
    at: Address,
    /// Where deletions are signed; none where the database is only read.
    pub(super) ledger: Option<Ledger>,
}

const ENROLMENT: &str = "SELECT e.id, e.person, e.institution, e.state, e.pack, e.proposed_at,
    e.decided_at, e.decided_by, e.reason, e.outcome,
    (SELECT count(*) FROM template t WHERE t.enrolment = e.id AND t.pack = e.pack), (SELECT
    count(*) FROM photo p WHERE p.enrolment = e.id), e.proposed_by FROM enrolment e";

/// Of a template `t`: it is of the embedder in use, or none was ever recorded.
pub(super) const IN_USE: &str =
    "(t.embedder_sha256 = (SELECT sha256 FROM embedder) OR NOT EXISTS (SELECT 1 FROM embedder))";

/// Templates read and opened in one go.
const TEMPLATES_AT_ONCE: i64 = 256;

impl FaceStore {
    /// Opens the faces. A master key that does not open what is stored is refused
    /// here, not later.
    pub fn open(at: impl Into<Address>, master: Key) -> Result<Self> {
        let at = at.into();
        let connection =
            connect::writer(&at, Database::Faces).map_err(|error| error.placed(&at))?;
        let store = Self { connection: Mutex::new(connection), master, at, ledger: None };
        store.read(|c| {
            let any: Option<(String, Vec<u8>)> = c
                .query_row("SELECT person, wrapped FROM person_key LIMIT 1", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()?;
            any.map(|(person, wrapped)| store.master.unwrap_key(&key_label(&person), &wrapped))
                .transpose()?;
            Ok(())
        })?;
        Ok(store)
    }

    pub(super) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let made = in_transaction(&mut *self.connected()?, |tx| {
            fence::check(tx, Database::Faces)?;
            work(tx)
        });
        made.map_err(|error| error.placed(&self.at))
    }

    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        work(&*self.connected()?).map_err(|error| error.placed(&self.at))
    }

    fn connected(&self) -> Result<MutexGuard<'_, Connection>> {
        let mut connection = lock(&self.connection);
        if connection.is_lost() {
            *connection = connect::writer_again(&self.at, Database::Faces)?;
        }
        Ok(connection)
    }

    /// The clinic's secret rotation seed, made on first use.
    pub fn rotation_seed(&self, institution: &str) -> Result<Key> {
        let label = format!("rotation {institution}");
        self.write(|tx| {
            let sql = "SELECT wrapped FROM rotation WHERE institution = ?1";
            let wrapped: Option<Vec<u8>> =
                tx.query_row(sql, [institution], |r| r.get(0)).optional()?;
            if let Some(wrapped) = wrapped {
                return Ok(self.master.unwrap_key(&label, &wrapped)?);
            }
            let seed = Key::generate()?;
            let wrapped = self.master.seal(&label, seed.bytes())?;
            tx.execute("INSERT INTO rotation VALUES (?1, 1, ?2)", params![institution, wrapped])?;
            Ok(seed)
        })
    }

    /// Stores a proposal with its sealed templates and photographs.
    pub fn propose(&self, it: &NewEnrolment<'_>, now: At) -> Result<()> {
        self.write(|tx| {
            let key = self.person_key(tx, it.person)?;
            tx.execute(
                "INSERT INTO enrolment (id, person, institution, state, pack, proposed_at,
                outcome, consent, proposed_by)
                 VALUES (?1,?2,?3,'proposed',?4,?5,?6,?7,?8)",
                params![
                    it.id,
                    it.person,
                    it.institution,
                    it.pack,
                    now,
                    it.outcome.to_string(),
                    serde_json::to_string(it.consent)?,
                    it.by
                ],
            )?;
            for template in it.templates {
                self.insert_template(tx, (it.id, it.person, it.institution), it.pack, template)?;
            }
            for (n, photo) in it.photos.iter().enumerate() {
                let id = format!("{}-{n}", it.id);
                let sealed = key.seal(&format!("photo {id}"), photo)?;
                tx.execute(
                    "INSERT INTO photo VALUES \
                    (?1,?2,?3,?4)",
                    params![id, it.id, it.person, sealed],
                )?;
            }
            Ok(())
        })
    }

    /// Seals a template with its person's key; 0 where it stands already. `of`: enrolment, person,
    /// institution.
    pub(super) fn insert_template(
        &self,
        tx: &Transaction<'_>,
        of: (&str, &str, &str),
        pack: &str,
        template: &NewTemplate,
    ) -> Result<usize> {
        let (enrolment, person, institution) = of;
        let sealed = self
            .person_key(tx, person)?
            .seal(&format!("template {}", template.id), &template.vector)?;
        let row = params![
            template.id,
            enrolment,
            person,
            institution,
            pack,
            template.embedder_sha256,
            template.masked,
            sealed
        ];
        Ok(tx.execute(
            "INSERT INTO template VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT DO NOTHING",
            row,
        )?)
    }

    /// Confirms or refuses a proposal; a refused one loses its templates and photographs.
    pub fn decide(
        &self,
        id: &EnrolmentId,
        confirm: bool,
        by: &str,
        reason: Option<&str>,
        now: At,
    ) -> Result<Enrolment> {
        self.write(|tx| {
            let unknown = || StoreError::Unknown { what: "enrolment", id: id.to_string() };
            let found = enrolment_by_id(tx, id)?.ok_or_else(unknown)?;
            let wanted = if confirm { EnrolmentState::Confirmed } else { EnrolmentState::Refused };
            if found.state == wanted {
                return Ok(found);
            }
            if found.state != EnrolmentState::Proposed {
                let state = super::name_of(&found.state)?;
                return Err(StoreError::Conflict(format!(
                    "enrolment `{id}` is {state}: only a proposal can be decided"
                )));
            }
            if !confirm {
                tx.execute("DELETE FROM template WHERE enrolment = ?1", [id])?;
                tx.execute("DELETE FROM photo WHERE enrolment = ?1", [id])?;
            }
            tx.execute(
                "UPDATE enrolment SET state=?2, decided_at=?3, decided_by=?4, reason=?5 WHERE \
                id=?1",
                params![id, super::name_of(&wanted)?, now, by, reason],
            )?;
            enrolment_by_id(tx, id)?.ok_or_else(unknown)
        })
    }

    /// Newest first, of these institutions (none: of all); `after` is the last one's time and id
    /// with a blank between.
    pub fn enrolments_part(
        &self,
        part: &ListPart,
        seen: Option<&BTreeSet<String>>,
    ) -> Result<Vec<Enrolment>> {
        let (at, id) = part.after.split_once(' ').unwrap_or((&part.after, ""));
        let sql = format!(
            "{ENROLMENT} WHERE (?1 = '' OR e.proposed_at < ?1 OR (e.proposed_at = ?1 AND e.id > ?2))
             AND (?3 IS NULL OR e.institution IN (SELECT value FROM json_each(?3)))
             AND (?4 = '' OR found(e.person, ?4)) ORDER BY e.proposed_at DESC, e.id LIMIT ?5"
        );
        let seen = seen.map(serde_json::to_string).transpose()?;
        self.read(|c| {
            collect(c, &sql, (at, id, seen, &part.text, part.limit.clamp(1, 501)), enrolment)
        })
    }

    /// All enrolments of these persons, newest first.
    pub fn enrolments_of(&self, persons: &[String]) -> Result<Vec<Enrolment>> {
        let sql = format!(
            "{ENROLMENT} WHERE e.person IN (SELECT value FROM json_each(?1)) ORDER BY \
            e.proposed_at DESC, e.id"
        );
        self.read(|c| collect(c, &sql, [serde_json::to_string(persons)?], enrolment))
    }

    /// What waits for a supervisor, newest first.
    pub fn proposals(&self, limit: u32) -> Result<Vec<Enrolment>> {
        let sql =
            format!("{ENROLMENT} WHERE e.state = 'proposed' ORDER BY e.proposed_at DESC LIMIT ?1");
        self.read(|c| collect(c, &sql, [limit], enrolment))
    }

    /// What an account decided, newest first.
    pub fn decided_by(&self, by: &str, limit: u32) -> Result<Vec<Enrolment>> {
        let sql = format!(
            "{ENROLMENT} WHERE e.decided_by = ?1 AND e.state IN ('confirmed', 'refused') ORDER BY \
            e.decided_at DESC LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, (by, limit), enrolment))
    }

    pub fn enrolment(&self, id: &EnrolmentId) -> Result<Option<Enrolment>> {
        self.read(|c| enrolment_by_id(c, id))
    }

    /// Templates in use of one institution (rotated by its seed), opened.
    pub fn templates_of(&self, institution: &str) -> Result<Vec<StoredTemplate>> {
        self.opened(&format!("t.institution = ?1 AND {IN_USE}"), institution, "", i64::MAX)
    }

    /// What a proposal of this institution may be compared with, every confirmed template and its
    /// own proposals: up to [`TEMPLATES_AT_ONCE`] of them behind the one named `after`, in the
    /// order of their ids. Others reach the database in between.
    pub fn comparable_templates(
        &self,
        institution: &str,
        after: &str,
    ) -> Result<Vec<StoredTemplate>> {
        let condition = "(e.state = 'confirmed' OR (e.state = 'proposed' AND t.institution = ?1))";
        self.opened(condition, institution, after, TEMPLATES_AT_ONCE)
    }

    /// What a later comparison found of a proposal, in place of the earlier.
    pub fn set_outcome(&self, id: &EnrolmentId, outcome: &serde_json::Value) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE enrolment SET outcome = ?2 WHERE id = ?1 AND state = 'proposed'";
            tx.execute(sql, params![id, outcome.to_string()])?;
            Ok(())
        })
    }

    /// Those that the condition on an institution (`?1`) names, behind the id `after`.
    fn opened(
        &self,
        condition: &str,
        institution: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<StoredTemplate>> {
        let sql = format!(
            "SELECT t.id, t.person, t.institution, t.pack, t.embedder_sha256, t.masked, e.state =
            'confirmed',
                t.sealed, k.wrapped, t.enrolment
             FROM template t JOIN enrolment e ON e.id = t.enrolment JOIN person_key k ON k.person
             = t.person
             WHERE t.id > ?2 AND {condition} ORDER BY t.id LIMIT ?3"
        );
        let sealed = self.read(|c| {
            collect(c, &sql, (institution, after, limit), |row| {
                let template = StoredTemplate {
                    id: row.get(0)?,
                    person: row.get(1)?,
                    institution: row.get(2)?,
                    pack: row.get(3)?,
                    embedder_sha256: row.get(4)?,
                    masked: row.get(5)?,
                    confirmed: row.get(6)?,
                    enrolment: row.get(9)?,
                    vector: Zeroizing::new(row.get(7)?),
                };
                Ok((template, row.get::<_, Vec<u8>>(8)?))
            })
        })?;
        // Opened once the database is free again.
        let open = |(sealed, wrapped): (StoredTemplate, Vec<u8>)| {
            let key = self.master.unwrap_key(&key_label(&sealed.person), &wrapped)?;
            let vector = key.open(&format!("template {}", sealed.id), &sealed.vector)?;
            Ok(StoredTemplate { vector, ..sealed })
        };
        sealed.into_iter().map(open).collect()
    }

    /// What of this institution waits for a supervisor.
    pub fn open_proposals(&self, institution: &str) -> Result<OpenNow> {
        let sql = "SELECT (SELECT count(*) FROM enrolment WHERE institution = ?1 AND state =
            'proposed'),
            (SELECT coalesce(sum(length(p.sealed)), 0) FROM enrolment e JOIN photo p ON
            p.enrolment = e.id
             WHERE e.institution = ?1 AND e.state = 'proposed')";
        self.read(|c| {
            Ok(c.query_row(sql, [institution], |r| {
                Ok(OpenNow { count: r.get(0)?, photo_bytes: r.get(1)? })
            })?)
        })
    }

    /// The photographs kept with an enrolment, opened, for the confirming supervisor.
    pub fn photos(&self, enrolment: &EnrolmentId) -> Result<Vec<Zeroizing<Vec<u8>>>> {
        let sql = "SELECT p.id, p.person, p.sealed, k.wrapped FROM photo p JOIN person_key k ON
            k.person = p.person
            WHERE p.enrolment = ?1 ORDER BY p.id";
        self.read(|c| {
            collect(c, sql, [enrolment], |row| {
                let person: String = row.get(1)?;
                let key =
                    self.master.unwrap_key(&key_label(&person), &row.get::<_, Vec<u8>>(3)?)?;
                Ok(key.open(
                    &format!("photo {}", row.get::<_, String>(0)?),
                    &row.get::<_, Vec<u8>>(2)?,
                )?)
            })
        })
    }

    /// Persons with at least one template (P14).
    pub fn persons(&self) -> Result<i64> {
        self.read(|c| {
            Ok(c.query_row("SELECT n FROM face_count WHERE name = 'persons'", [], |r| r.get(0))?)
        })
    }

    /// The same of what was enrolled for these institutions (none: for all). What is enrolled
    /// elsewhere is nobody's to count from here.
    pub fn persons_at(&self, seen: Option<&BTreeSet<String>>) -> Result<i64> {
        let Some(seen) = seen else { return self.persons() };
        let sql = "SELECT count(DISTINCT person) FROM template WHERE institution IN (SELECT value \
            FROM json_each(?1))";
        let seen = serde_json::to_string(seen)?;
        self.read(|c| Ok(c.query_row(sql, [seen], |r| r.get(0))?))
    }

    /// Persons with a confirmed template, of which pack.
    pub fn confirmed(&self) -> Result<Vec<(String, String)>> {
        self.read(|c| {
            let sql = "SELECT DISTINCT t.person, t.pack FROM template t JOIN enrolment e ON e.id \
                = t.enrolment WHERE e.state='confirmed'";
            collect(c, sql, [], |r| Ok((r.get(0)?, r.get(1)?)))
        })
    }

    pub fn backup_to(&self, target: &Path) -> Result<()> {
        self.read(|c| super::backup_open(c, target))
    }

    /// Seals what is left of a person with a new key and destroys the old one; with nothing left
    /// the key alone goes.
    pub(super) fn renew_key(&self, tx: &Transaction<'_>, person: &str) -> Result<()> {
        let sql = "SELECT wrapped FROM person_key WHERE person = ?1";
        let wrapped: Option<Vec<u8>> = tx.query_row(sql, [person], |r| r.get(0)).optional()?;
        let Some(wrapped) = wrapped else { return Ok(()) };
        let (old, new) = (self.master.unwrap_key(&key_label(person), &wrapped)?, Key::generate()?);
        let mut left = 0;
        for table in ["template", "photo"] {
            let sealed = format!("SELECT id, sealed FROM {table} WHERE person = ?1");
            let rows: Vec<(String, Vec<u8>)> =
                collect(tx, &sealed, [person], |r| Ok((r.get(0)?, r.get(1)?)))?;
            left += rows.len();
            for (id, sealed) in rows {
                let label = format!("{table} {id}");
                let again = new.seal(&label, &old.open(&label, &sealed)?)?;
                tx.execute(
                    &format!("UPDATE {table} SET sealed = ?2 WHERE id = ?1"),
                    params![id, again],
                )?;
            }
        }
        if left == 0 {
            tx.execute("DELETE FROM person_key WHERE person = ?1", [person])?;
            return Ok(());
        }
        let wrapped = self.master.seal(&key_label(person), new.bytes())?;
        tx.execute(
            "UPDATE person_key SET wrapped = ?2 WHERE person = ?1",
            params![person, wrapped],
        )?;
        Ok(())
    }

    fn person_key(&self, tx: &Transaction<'_>, person: &str) -> Result<Key> {
        let sql = "SELECT wrapped FROM person_key WHERE person = ?1";
        let wrapped: Option<Vec<u8>> = tx.query_row(sql, [person], |r| r.get(0)).optional()?;
        if let Some(wrapped) = wrapped {
            return Ok(self.master.unwrap_key(&key_label(person), &wrapped)?);
        }
        let key = Key::generate()?;
        let wrapped = self.master.seal(&key_label(person), key.bytes())?;
        tx.execute("INSERT INTO person_key VALUES (?1, ?2)", params![person, wrapped])?;
        Ok(key)
    }
}

fn key_label(person: &str) -> String {
    format!("person key {person}")
}

fn enrolment_by_id(c: &Connection, id: &EnrolmentId) -> Result<Option<Enrolment>> {
    Ok(collect(c, &format!("{ENROLMENT} WHERE e.id = ?1"), [id], enrolment)?.pop())
}

fn enrolment(row: &crate::store::engine::Row<'_>) -> Result<Enrolment> {
    Ok(Enrolment {
        id: row.get(0)?,
        person: row.get(1)?,
        institution: row.get(2)?,
        state: named(row.get(3)?)?,
        pack: row.get(4)?,
        proposed_at: row.get(5)?,
        decided_at: row.get(6)?,
        decided_by: row.get(7)?,
        reason: row.get(8)?,
        outcome: serde_json::from_str(&row.get::<_, String>(9)?)?,
        templates: row.get(10)?,
        photos: row.get(11)?,
        proposed_by: row.get(12)?,
    })
}
