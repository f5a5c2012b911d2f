//! Checklists by version, and the self-checks that are opened with them. A version never changes.

use super::engine::{Connection, OptionalExtension as _, params};
use jiff::civil::Date;

use super::rows::{collect, decode_all};
use super::{Result, Store, StoreError, named};
use crate::clock::At;
use crate::ids::SelfCheckId;
use crate::self_check::CheckHandling;
use crate::self_check::CheckKind;
use crate::self_check::checklist::Checklist;
use crate::self_check::period::Period;

impl Store {
    /// Stores a version; `false` where the same one stands already. Another of the same number is
    /// refused.
    pub fn put_checklist(&self, form: &Checklist, by: &str, now: At) -> Result<bool> {
        let text = form.canonical();
        let sha256 = trust::sha256_hex(&text);
        self.write(|tx| {
            let sql = "SELECT sha256 FROM checklist WHERE code = ?1 AND jurisdiction = ?2 AND \
                version = ?3";
            let values = params![form.code, form.jurisdiction, form.version];
            let found: Option<String> = tx.query_row(sql, values, |r| r.get(0)).optional()?;
            match found {
                Some(same) if same == sha256 => return Ok(false),
                Some(_) => {
                    let why = format!(
                        "version: {} of `{}` stands already and never changes: use the next one",
                        form.version, form.code
                    );
                    return Err(StoreError::Conflict(why));
                }
                None => {}
            }
            tx.execute(
                "INSERT INTO checklist VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                params![
                    sha256,
                    form.code,
                    form.version,
                    form.jurisdiction,
                    form.title,
                    form.effective_from.to_string(),
                    text,
                    by,
                    now
                ],
            )?;
            Ok(true)
        })
    }

    /// All versions, newest first.
    pub fn checklists(&self) -> Result<Vec<Checklist>> {
        let sql = "SELECT form FROM checklist ORDER BY effective_from DESC, version DESC";
        self.read(|c| decode_all(c, sql, []))
    }

    /// Opens what each institution has to answer about the periods that this day lies in. Gives how
    /// many.
    pub fn open_due_self_checks(&self, today: Date, now: At) -> Result<usize> {
        let kinds = [CheckKind::Routine, CheckKind::Full];
        let periods: Vec<Period> =
            kinds.iter().filter_map(|kind| Period::around(*kind, today)).collect();
        self.write(|tx| {
            let mut opened = 0;
            for period in &periods {
                for (institution, checklist) in without(tx, period, today)? {
                    insert(tx, &institution, period, &checklist)?;
                    opened += 1;
                }
            }
            if opened > 0 {
                super::count(tx, "self_checks_opened", opened)?;
            }
            tracing::debug!(opened, %now, "self-checks opened");
            Ok(opened as usize)
        })
    }

    /// A special check that an officer orders. The same days again are the same check.
    pub fn open_special_check(
        &self,
        institution: &str,
        period: &Period,
        today: Date,
    ) -> Result<SelfCheckId> {
        self.write(|tx| {
            let sql = "SELECT id FROM self_check WHERE institution = ?1 AND kind = ?2 AND period \
                = ?3";
            let values = params![institution, period.kind.as_str(), period.name];
            if let Some(id) = tx.query_row(sql, values, |r| r.get(0)).optional()? {
                return Ok(id);
            }
            let Some(checklist) = in_force(tx, institution, today)? else {
                let why = "no checklist is in force there: import one first";
                return Err(StoreError::Refused(why.to_owned()));
            };
            insert(tx, institution, period, &checklist)
        })
    }
}

/// The version in force for a place: its nearest jurisdiction's, the newest of those.
const IN_FORCE: &str = "SELECT k.sha256 FROM checklist k WHERE k.effective_from <= ?1
    AND substr(i.jurisdiction, 1, length(k.jurisdiction)) = k.jurisdiction
    ORDER BY length(k.jurisdiction) DESC, k.effective_from DESC, k.version DESC LIMIT 1";

fn in_force(c: &Connection, institution: &str, today: Date) -> Result<Option<String>> {
    let sql = format!("SELECT ({IN_FORCE}) FROM institution i WHERE i.id = ?2");
    let mut statement = c.prepare_cached(&sql)?;
    let row = |r: &crate::store::engine::Row<'_>| r.get::<_, Option<String>>(0);
    let found = statement.query_row(params![today.to_string(), institution], row).optional()?;
    Ok(found.flatten())
}

/// Institutions that lack the check of a period, with the checklist in force there.
fn without(c: &Connection, period: &Period, today: Date) -> Result<Vec<(String, String)>> {
    let sql = format!(
        "SELECT i.id, ({IN_FORCE}) FROM institution i WHERE EXISTS (SELECT 1 FROM checklist)
        AND NOT EXISTS (SELECT 1 FROM self_check s WHERE s.institution = i.id AND s.kind = ?2
        AND s.period = ?3)"
    );
    let values = params![today.to_string(), period.kind.as_str(), period.name];
    let found: Vec<(String, Option<String>)> =
        collect(c, &sql, values, |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(found.into_iter().filter_map(|(id, form)| Some((id, form?))).collect())
}

fn insert(c: &Connection, institution: &str, it: &Period, checklist: &str) -> Result<SelfCheckId> {
    let handling = CheckHandling::default();
    let id: SelfCheckId = named(super::self_checks::random_id()?)?;
    c.prepare_cached(
        "INSERT INTO self_check (id, institution, kind, period, from_on, to_on, due_on, checklist,
        state, handling) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    )?
    .execute(params![
        id,
        institution,
        it.kind.as_str(),
        it.name,
        it.from.to_string(),
        it.to.to_string(),
        it.due.to_string(),
        checklist,
        handling.state.as_str(),
        serde_json::to_string(&handling)?
    ])?;
    Ok(id)
}
