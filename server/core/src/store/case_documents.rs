//! Documents of penalty cases: every version stays; a document keeps its number.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store, penalty_cases};
use crate::case_document::{Kind, Number};
use crate::penalty_case::{PenaltyCase, Refusal};

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    pub kind: Kind,
    pub version: i64,
    pub number: String,
    pub at: String,
    pub by: String,
    pub body: String,
    /// Under which table of basis and penalty; empty: before this was kept.
    pub law_version: String,
}

impl Store {
    /// Every version of every document of a case, oldest first.
    pub fn case_documents(&self, alert: &str) -> Result<Vec<StoredDocument>> {
        self.read(|c| documents(c, alert))
    }

    /// Appends a version; the first one takes the next number of its kind and year. An earlier
    /// version stays the last one where the case `is_done` with it.
    pub fn put_case_document(
        &self,
        alert: &str,
        (kind, body): (Kind, &str),
        (by, now, year): (&str, &str, i16),
        number: impl Fn(Number) -> String,
        is_done: impl Fn(&PenaltyCase) -> bool,
    ) -> Result<std::result::Result<(), Refusal>> {
        self.write(|tx| {
            let earlier: Vec<StoredDocument> =
                documents(tx, alert)?.into_iter().filter(|d| d.kind == kind).collect();
            if !earlier.is_empty() && is_done(&penalty_cases::case_of(tx, alert)?) {
                return Ok(Err(Refusal::DocumentDone));
            }
            let version = earlier.len() as i64 + 1;
            let (text, year, serial) = if let Some(first) = earlier.first() {
                let sql = "SELECT year, serial FROM case_document WHERE alert = ?1 AND kind = ?2 \
                    AND version = 1";
                let of = |r: &crate::store::engine::Row<'_>| {
                    Ok((r.get::<_, i16>(0)?, r.get::<_, i64>(1)?))
                };
                let (year, serial) = tx.query_row(sql, params![alert, kind.code()], of)?;
                (first.number.clone(), year, serial)
            } else {
                let sql = "SELECT coalesce(max(serial), 0) + 1 FROM case_document WHERE kind = ?1 \
                    AND year = ?2";
                let serial = tx.query_row(sql, params![kind.code(), year], |r| r.get(0))?;
                (number(Number { kind, year, serial }), year, serial)
            };
            let sql = "INSERT INTO case_document (alert, kind, version, number, year, serial, at, \
                by_whom, body, law_version) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)";
            let (kind, law_version) = (kind.code(), super::law::version_now(tx)?);
            let row = params![alert, kind, version, text, year, serial, now, by, body, law_version];
            tx.execute(sql, row)?;
            Ok(Ok(()))
        })
    }
}

fn documents(c: &Connection, alert: &str) -> Result<Vec<StoredDocument>> {
    let sql = "SELECT kind, version, number, at, by_whom, body, law_version FROM case_document \
        WHERE alert = ?1 ORDER BY id";
    collect(c, sql, [alert], |r| {
        Ok(StoredDocument {
            kind: super::named(r.get(0)?)?,
            version: r.get(1)?,
            number: r.get(2)?,
            at: r.get(3)?,
            by: r.get(4)?,
            body: r.get(5)?,
            law_version: r.get(6)?,
        })
    })
}
