//! Documents of penalty cases: every version stays; a document keeps its number.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store, penalty_cases};
use crate::case_document::{DocumentKind, DocumentNumber};
use crate::clock::At;
use crate::ids::AlertId;
use crate::penalty_case::{CaseRefusal, PenaltyCase};

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    pub kind: DocumentKind,
    pub version: i64,
    pub number: String,
    pub at: At,
    pub by: String,
    pub body: String,
    /// Under which table of basis and penalty; empty: before this was kept.
    pub law_version: String,
    /// Of whom: 0 the institution, else the number of the entry that named a person.
    pub party: i64,
    /// By which version of its template it was filled; 0: the one that is shipped.
    pub template: i64,
}

/// What is saved of a document.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    pub kind: DocumentKind,
    pub party: i64,
    pub body: &'a str,
    /// `None`: an earlier version was edited.
    pub template: Option<i64>,
}

/// A template as the authority wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseTemplate {
    /// From 1.
    pub version: i64,
    pub at: At,
    pub by: String,
    pub body: String,
}

impl Store {
    /// Every version of every document of a case, oldest first.
    pub fn case_documents(&self, alert: &AlertId) -> Result<Vec<StoredDocument>> {
        self.read(|c| documents(c, alert))
    }

    /// Appends a version; the first one takes the next number of its kind and year. An earlier
    /// version stays the last one where the case `is_done` with it.
    pub fn put_case_document(
        &self,
        alert: &AlertId,
        it: NewDocument<'_>,
        (by, now, year): (&str, At, i16),
        number: impl Fn(DocumentNumber) -> String,
        is_done: impl Fn(&PenaltyCase) -> bool,
    ) -> Result<std::result::Result<(), CaseRefusal>> {
        let NewDocument { kind, party, body, template } = it;
        self.write(|tx| {
            let earlier: Vec<StoredDocument> = documents(tx, alert)?
                .into_iter()
                .filter(|d| d.kind == kind && d.party == party)
                .collect();
            let case = penalty_cases::case_of(tx, alert)?;
            if case.parties().all(|p| p.id != party) {
                return Ok(Err(CaseRefusal::UnknownParty));
            }
            if !earlier.is_empty() && is_done(&case.as_of(party)) {
                return Ok(Err(CaseRefusal::DocumentDone));
            }
            // Counted within the kind; what is shown counts within the party.
            let next = "SELECT coalesce(max(version), 0) + 1 FROM case_document WHERE alert = ?1 \
                AND kind = ?2";
            let version: i64 = tx.query_row(next, params![alert, kind.code()], |r| r.get(0))?;
            let template = template.or(earlier.last().map(|d| d.template)).unwrap_or_default();
            let (text, year, serial) = if let Some(first) = earlier.first() {
                let (year, serial) = numbered(tx, alert, kind, party)?;
                (first.number.clone(), year, serial)
            } else {
                let sql = "SELECT coalesce(max(serial), 0) + 1 FROM case_document WHERE \
                    kind = ?1 AND year = ?2";
                let serial = tx.query_row(sql, params![kind.code(), year], |r| r.get(0))?;
                (number(DocumentNumber { kind, year, serial }), year, serial)
            };
            let sql = "INSERT INTO case_document (alert, kind, version, number, year, serial, at, \
                by_whom, body, law_version, party, template) VALUES \
                (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
            let (kind, law_version) = (kind.code(), super::law::version_now(tx)?);
            let row = params![
                alert,
                kind,
                version,
                text,
                year,
                serial,
                now,
                by,
                body,
                law_version,
                party,
                template
            ];
            tx.execute(sql, row)?;
            Ok(Ok(()))
        })
    }

    /// Every version of a template that the authority wrote, oldest first.
    pub fn case_templates(&self, kind: DocumentKind) -> Result<Vec<CaseTemplate>> {
        self.read(|c| {
            let sql = "SELECT version, at, by_whom, body FROM case_template WHERE kind = ?1 ORDER \
                BY version";
            collect(c, sql, [kind.code()], |r| {
                Ok(CaseTemplate {
                    version: r.get(0)?,
                    at: r.get(1)?,
                    by: r.get(2)?,
                    body: r.get(3)?,
                })
            })
        })
    }

    /// Appends a version of a template.
    pub fn put_case_template(
        &self,
        kind: DocumentKind,
        (by, now): (&str, At),
        body: &str,
    ) -> Result<()> {
        self.write(|tx| {
            let next = "SELECT coalesce(max(version), 0) + 1 FROM case_template WHERE kind = ?1";
            let version: i64 = tx.query_row(next, [kind.code()], |r| r.get(0))?;
            let sql = "INSERT INTO case_template (kind, version, at, by_whom, body) VALUES \
                (?1,?2,?3,?4,?5)";
            tx.execute(sql, params![kind.code(), version, now, by, body])?;
            Ok(())
        })
    }
}

/// The year and the number within it that the document's first version took.
fn numbered(
    tx: &Connection,
    alert: &AlertId,
    kind: DocumentKind,
    party: i64,
) -> Result<(i16, i64)> {
    let sql = "SELECT year, serial FROM case_document WHERE alert = ?1 AND kind = ?2 AND party = \
        ?3 ORDER BY id LIMIT 1";
    let of = |r: &super::engine::Row<'_>| Ok((r.get::<_, i16>(0)?, r.get::<_, i64>(1)?));
    Ok(tx.query_row(sql, params![alert, kind.code(), party], of)?)
}

fn documents(c: &Connection, alert: &AlertId) -> Result<Vec<StoredDocument>> {
    let sql = "SELECT kind, version, number, at, by_whom, body, law_version, party, template FROM \
        case_document WHERE alert = ?1 ORDER BY id";
    let mut found = collect(c, sql, [alert], |r| {
        Ok(StoredDocument {
            kind: super::named(r.get(0)?)?,
            version: r.get(1)?,
            number: r.get(2)?,
            at: r.get(3)?,
            by: r.get(4)?,
            body: r.get(5)?,
            law_version: r.get(6)?,
            party: r.get(7)?,
            template: r.get(8)?,
        })
    })?;
    // Each party has versions of its own, from 1.
    for n in 0..found.len() {
        let (kind, party) = (found[n].kind, found[n].party);
        let before = found[..n].iter().filter(|d| d.kind == kind && d.party == party).count();
        found[n].version = before as i64 + 1;
    }
    Ok(found)
}
