//! What a person's own page reads and writes: consents, cases that name the person, who read the
//! data, and the person's requests. Nothing of where the person was.

use super::engine::params;

use super::rows::collect;
use super::{Alert, AuditEntry, FaceStore, Result, Store, StoreError, alerts, name_of, named};
use crate::clock::At;
use crate::ids::AlertId;
use crate::model::Consent;

/// What a person asks for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "About")]
pub enum RequestSubject {
    /// Something of the registry is wrong.
    Correction,
    /// The person's own word on a case that was served.
    Answer,
}

/// A person's request, and what the authority answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct PersonalRequest {
    pub id: i64,
    pub person: String,
    pub about: RequestSubject,
    /// Of an answer: the case's alert.
    pub alert: Option<String>,
    pub at: At,
    pub text: String,
    pub answered_at: Option<At>,
    pub answered_by: Option<String>,
    pub answer: Option<String>,
}

/// Requests of one person that wait at a time.
const MOST_WAITING: i64 = 20;

/// Entries of the audit log that one person is shown at most, and how many are read at a time.
const ENTRIES: usize = 500;
const PART: u32 = if cfg!(test) { 10 } else { 1_000 };

impl FaceStore {
    /// Institution and consent of every enrolment of a person, newest first.
    pub fn consents_of(&self, person: &str) -> Result<Vec<(String, Consent)>> {
        let sql = "SELECT institution, consent FROM enrolment WHERE person = ?1 ORDER BY \
            proposed_at DESC";
        self.read(|c| {
            collect(c, sql, [person], |r| {
                Ok((r.get(0)?, serde_json::from_str(&r.get::<_, String>(1)?)?))
            })
        })
    }
}

impl Store {
    /// Alerts that became a case and name this person, newest first.
    pub fn cases_naming(&self, person: &str) -> Result<Vec<Alert>> {
        self.read(|c| {
            let sql = "SELECT a.id FROM alert a WHERE a.state IN ('case', 'closed') AND EXISTS
                (SELECT 1 FROM finding f, json_each(f.report, '$.persons') j
                WHERE f.alert = a.id AND json_extract(j.value, '$.person') = ?1)
                ORDER BY a.number DESC LIMIT 100";
            let ids: Vec<AlertId> = collect(c, sql, [person], |r| Ok(r.get(0)?))?;
            let mut found = Vec::new();
            for id in ids {
                found.extend(alerts::alert_by_id(c, &id)?);
            }
            Ok(found)
        })
    }

    /// Whom the findings of an alert name.
    pub fn persons_named(&self, alert: &AlertId) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT json_extract(j.value, '$.person') FROM finding f,
            json_each(f.report, '$.persons') j WHERE f.alert = ?1 ORDER BY 1";
        self.read(|c| collect(c, sql, [alert], |r| Ok(r.get(0)?)))
    }

    /// Entries of the audit log that name this person, newest first: 500 of their own, however many
    /// hold the letters of their id.
    pub fn read_of(&self, person: &str) -> Result<Vec<AuditEntry>> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let part = self.audit_log(person, before, PART)?;
            before = part.last().map(|entry| entry.id);
            let whole = part.len() == PART as usize;
            found.extend(part.into_iter().filter(|entry| names(&entry.object, person)));
            if !whole || found.len() >= ENTRIES {
                found.truncate(ENTRIES);
                return Ok(found);
            }
        }
    }

    pub fn put_personal_request(
        &self,
        (person, about, alert): (&str, RequestSubject, Option<&str>),
        text: &str,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let sql = "SELECT count(*) FROM personal_request WHERE person = ?1 AND answered_at IS \
                NULL";
            let waiting: i64 = tx.query_row(sql, [person], |r| r.get(0))?;
            if waiting >= MOST_WAITING {
                return Err(StoreError::Refused(format!(
                    "{MOST_WAITING} requests wait already: the authority answers them first"
                )));
            }
            let sql = "INSERT INTO personal_request (person, about, alert, at, text) VALUES \
                (?1,?2,?3,?4,?5)";
            tx.execute(sql, params![person, name_of(&about)?, alert, now, text])?;
            Ok(())
        })
    }

    /// Requests of one person, or of everybody; what waits first, then the newest.
    pub fn personal_requests(&self, person: Option<&str>) -> Result<Vec<PersonalRequest>> {
        self.read(|c| {
            let sql = "SELECT id, person, about, alert, at, text, answered_at, answered_by, answer
                FROM personal_request WHERE ?1 IS NULL OR person = ?1
                ORDER BY answered_at IS NOT NULL, id DESC LIMIT 500";
            collect(c, sql, [person], |r| {
                Ok(PersonalRequest {
                    id: r.get(0)?,
                    person: r.get(1)?,
                    about: named(r.get(2)?)?,
                    alert: r.get(3)?,
                    at: r.get(4)?,
                    text: r.get(5)?,
                    answered_at: r.get(6)?,
                    answered_by: r.get(7)?,
                    answer: r.get(8)?,
                })
            })
        })
    }

    /// Answers a request, once.
    pub fn answer_personal_request(
        &self,
        id: i64,
        (by, answer): (&str, &str),
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE personal_request SET answered_at = ?2, answered_by = ?3, answer = ?4
                WHERE id = ?1 AND answered_at IS NULL";
            match tx.execute(sql, params![id, now, by, answer])? {
                0 => Err(StoreError::Conflict("this request is answered already".to_owned())),
                _ => Ok(()),
            }
        })
    }
}

/// Whether an entry's list of persons holds this one, and not only one whose id begins so.
fn names(object: &str, person: &str) -> bool {
    let Some((_, listed)) = object.rsplit_once("persons ") else { return false };
    listed.split(' ').any(|id| id == person)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    #[test]
    fn readings_of_longer_ids_hide_none_of_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let note = |object: &str| {
            let (actor, action) = ("wang".to_owned(), "GET /people".to_owned());
            let (object, why) = (object.to_owned(), String::new());
            let deed = crate::store::Deed { actor, action, object, why, status: 200 };
            store.audit(&deed, at("2026-03-02T00:00:00.000Z")).unwrap();
        };
        note("/people | persons p-1");
        (0..10).for_each(|_| note("/people | persons p-10"));
        assert_eq!(store.read_of("p-1").unwrap().len(), 1);
    }

    #[test]
    fn an_entry_of_another_with_a_longer_id_is_not_theirs() {
        assert!(names("/people | persons p-1 p-12", "p-1"));
        assert!(!names("/people | persons p-12 p-13", "p-1"));
        assert!(!names("/people?q=p-1", "p-1"));
    }
}
