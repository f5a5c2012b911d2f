//! Self-checks: each saved answer, each revision as it was handed in, each step. The form of one is
//! pinned; free text lies sealed, and this file never opens it.

use std::collections::BTreeMap;

use super::engine::{Connection, OptionalExtension as _, params};
use jiff::civil::Date;

use super::rows::collect;
use super::{Result, Store, StoreError, named};
use crate::alert_number::ReferenceNumber;
use crate::clock::At;
use crate::ids::SelfCheckId;
use crate::self_check::checklist::Checklist;
use crate::self_check::facts::Agreement;
use crate::self_check::{CheckAction, CheckHandling, CheckKind, CheckState};

/// Answers of one self-check that are saved, those that were changed again among them: some fifty
/// for each question of the shipped form.
const MOST_SAVED: i64 = 2_000;

/// A self-check as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfCheck {
    pub number: ReferenceNumber,
    pub id: SelfCheckId,
    pub institution: String,
    pub kind: CheckKind,
    pub period: String,
    pub from: Date,
    pub to: Date,
    pub due: Date,
    pub checklist_sha256: String,
    pub handling: CheckHandling,
}

/// The answer to a question that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedAnswer {
    /// Rises with each saved answer of its self-check, and of no other.
    pub id: i64,
    pub item: String,
    pub value: String,
    /// Sealed.
    pub note: Option<Vec<u8>>,
    pub by: String,
    pub at: At,
}

/// What was handed in once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Revision {
    pub revision: u32,
    pub at: At,
    pub by: String,
    pub reason: String,
    pub answers: BTreeMap<String, String>,
    pub answers_sha256: String,
}

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct CheckStep {
    pub at: At,
    pub by: String,
    pub step: String,
    pub note: String,
    pub state_after: String,
}

/// Which self-checks a list asks for.
#[derive(Debug, Clone, Default)]
pub struct SelfCheckFilter {
    pub state: Option<CheckState>,
    /// Still to be handed in, and due before this day.
    pub late_by: Option<Date>,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    /// Empty for all.
    pub institution: String,
    /// `before` is one of the institution's own numbers.
    pub clinic_numbers: bool,
    pub before: Option<i64>,
    pub limit: u32,
}

pub(super) fn random_id() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| StoreError::Io(std::io::Error::other(e.to_string())))?;
    Ok(hex::encode(bytes))
}

pub(super) const COLUMNS: &str =
    "SELECT s.number, s.id, s.institution, s.kind, s.period, s.from_on, s.to_on,
    s.due_on, s.checklist, s.handling, s.clinic_number FROM self_check s";

/// How many self-checks stand so, with this day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfCheckCount {
    pub state: CheckState,
    pub due_on: Date,
    pub checks: i64,
}

impl Store {
    pub fn self_check(&self, id: &SelfCheckId) -> Result<Option<SelfCheck>> {
        self.read(|c| by_id(c, id))
    }

    pub fn self_checks(&self, it: &SelfCheckFilter) -> Result<Vec<SelfCheck>> {
        let number = if it.clinic_numbers { "s.clinic_number" } else { "s.number" };
        let sql = format!(
            "{COLUMNS} JOIN institution i ON i.id = s.institution WHERE {number} < ?1
            AND substr(i.jurisdiction, 1, length(?2)) = ?2 AND (?3 = '' OR s.institution = ?3)
            AND (?4 IS NULL OR s.state = ?4)
            AND (?5 IS NULL OR (s.due_on < ?5 AND s.state IN ('open','draft','returned')))
            ORDER BY s.number DESC LIMIT ?6"
        );
        let values = params![
            it.before.unwrap_or(i64::MAX),
            it.jurisdiction,
            it.institution,
            it.state.map(CheckState::as_str),
            it.late_by.map(|day| day.to_string()),
            it.limit
        ];
        self.read(|c| collect(c, &sql, values, row))
    }

    /// How many of a part of the country stand how, each with its day.
    pub fn self_check_counts(&self, jurisdiction: &str) -> Result<Vec<SelfCheckCount>> {
        let sql = "SELECT s.state, s.due_on, count(*) FROM self_check s JOIN institution i ON i.id \
            = s.institution WHERE substr(i.jurisdiction, 1, length(?1)) = ?1 GROUP BY s.state, \
            s.due_on";
        self.read(|c| {
            collect(c, sql, [jurisdiction], |r| {
                Ok(SelfCheckCount {
                    state: named(r.get(0)?)?,
                    due_on: named(r.get(1)?)?,
                    checks: r.get(2)?,
                })
            })
        })
    }

    /// The form that a self-check is pinned to.
    pub fn checklist(&self, sha256: &str) -> Result<Option<Checklist>> {
        self.read(|c| form_of(c, sha256))
    }

    /// The answers that stand, by question.
    pub fn saved_answers(&self, id: &SelfCheckId) -> Result<BTreeMap<String, SavedAnswer>> {
        self.read(|c| saved(c, id))
    }

    pub fn self_check_revisions(&self, id: &SelfCheckId) -> Result<Vec<Revision>> {
        let sql = "SELECT revision, at, by_whom, reason, answers, answers_sha256 FROM \
            self_check_revision WHERE self_check = ?1 ORDER BY revision";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(Revision {
                    revision: r.get(0)?,
                    at: r.get(1)?,
                    by: r.get(2)?,
                    reason: r.get(3)?,
                    answers: serde_json::from_str(&r.get::<_, String>(4)?)?,
                    answers_sha256: r.get(5)?,
                })
            })
        })
    }

    pub fn self_check_steps(&self, id: &SelfCheckId) -> Result<Vec<CheckStep>> {
        let sql = "SELECT at, actor, step, note, state_after FROM self_check_step WHERE \
            self_check = ?1 ORDER BY id";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(CheckStep {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    step: r.get(2)?,
                    note: r.get(3)?,
                    state_after: r.get(4)?,
                })
            })
        })
    }

    /// Saves one answer. `seen` is the last answer to the question that the writer knew (0: none):
    /// what somebody else said meanwhile is not written over.
    pub fn save_answer(
        &self,
        id: &SelfCheckId,
        it: (&str, &str, Option<Vec<u8>>),
        seen: Option<i64>,
        (by, now): (&str, At),
    ) -> Result<SelfCheck> {
        let (item, value, note) = it;
        self.write(|tx| {
            let before = must(tx, id)?;
            let standing = saved(tx, id)?.remove(item);
            if let (Some(seen), Some(standing)) = (seen, &standing)
                && standing.id != seen
            {
                let why = format!(
                    "{item}: {} answered this meanwhile ({}): look at it and answer again",
                    standing.by, standing.value
                );
                return Err(StoreError::Conflict(why));
            }
            let sql = "SELECT count(*) FROM self_check_answer WHERE self_check = ?1";
            if tx.query_row(sql, [id], |r| r.get::<_, i64>(0))? >= MOST_SAVED {
                let why = format!(
                    "{MOST_SAVED} answers of this self-check were saved: hand it in as it is"
                );
                return Err(StoreError::Conflict(why));
            }
            let after =
                before.handling.take(&CheckAction::Answer).map_err(|refusal| refused(&refusal))?;
            let sql = "INSERT INTO self_check_answer (self_check, item, value, note, by_whom, at) \
                VALUES (?1,?2,?3,?4,?5,?6)";
            tx.execute(sql, params![id, item, value, note, by, now])?;
            put(tx, id, &after)?;
            Ok(SelfCheck { handling: after, ..before })
        })
    }

    /// Asks the state machine and stores what it says. What is handed in is kept as it is, with its
    /// hash.
    pub fn take_self_check_step(
        &self,
        id: &SelfCheckId,
        step: &CheckAction,
        note: &str,
        (by, now): (&str, At),
    ) -> Result<SelfCheck> {
        self.write(|tx| {
            let before = must(tx, id)?;
            let form = form_of(tx, &before.checklist_sha256)?.ok_or_else(|| lost(id))?;
            let answers = answers_of(&form, saved(tx, id)?);
            // What is asked is known here alone, where nothing changes meanwhile.
            let step = match step {
                CheckAction::Submit { .. } => CheckAction::Submit {
                    missing: form.missing(&|code| answers.get(code).cloned()),
                },
                CheckAction::Return { items } if items.iter().any(|i| form.item(i).is_none()) => {
                    let why = "items: one of them is no question of this form";
                    return Err(StoreError::Refused(why.to_owned()));
                }
                other => other.clone(),
            };
            let after = before.handling.take(&step).map_err(|refusal| refused(&refusal))?;
            if let CheckAction::Submit { .. } = step {
                let reason = before.handling.reason.clone().unwrap_or_default();
                let text = serde_json::to_string(&answers)?;
                let sha256 = trust::sha256_hex(&text);
                let sql = "INSERT INTO self_check_revision VALUES (?1,?2,?3,?4,?5,?6,?7)";
                tx.execute(sql, params![id, after.revision, now, by, reason, text, sha256])?;
            }
            let sql = "INSERT INTO self_check_step (self_check, at, actor, step, note, \
                state_after) VALUES (?1,?2,?3,?4,?5,?6)";
            tx.execute(sql, params![id, now, by, step.name(), note, after.state.as_str()])?;
            put(tx, id, &after)?;
            Ok(SelfCheck { handling: after, ..before })
        })
    }

    /// What the records say of a self-check's answers, for the authority.
    pub fn agreement(&self, id: &SelfCheckId) -> Result<Vec<Agreement>> {
        self.read(|c| {
            let text = super::column(c, "SELECT agreement FROM self_check WHERE id = ?1", id)?;
            Ok(text.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
        })
    }

    pub fn put_agreement(
        &self,
        id: &SelfCheckId,
        it: &[Agreement],
        not_assessable: u32,
    ) -> Result<()> {
        let text = serde_json::to_string(it)?;
        self.write(|tx| {
            let sql = "UPDATE self_check SET agreement = ?2, not_assessable_ppm = ?3 WHERE id = ?1 \
                AND (agreement <> ?2 OR not_assessable_ppm <> ?3)";
            tx.execute(sql, params![id, text, not_assessable])?;
            Ok(())
        })
    }
}

fn refused(refusal: &crate::self_check::CheckRefusal) -> StoreError {
    StoreError::Conflict(refusal.to_string())
}

pub(super) fn lost(id: &SelfCheckId) -> StoreError {
    StoreError::Unknown { what: "checklist of the self-check", id: id.to_string() }
}

fn must(c: &Connection, id: &SelfCheckId) -> Result<SelfCheck> {
    by_id(c, id)?.ok_or_else(|| StoreError::Unknown { what: "self-check", id: id.to_string() })
}

fn by_id(c: &Connection, id: &SelfCheckId) -> Result<Option<SelfCheck>> {
    Ok(collect(c, &format!("{COLUMNS} WHERE s.id = ?1"), [id], row)?.pop())
}

fn put(c: &Connection, id: &SelfCheckId, it: &CheckHandling) -> Result<()> {
    let sql = "UPDATE self_check SET state = ?2, handling = ?3 WHERE id = ?1";
    c.execute(sql, params![id, it.state.as_str(), serde_json::to_string(it)?])?;
    Ok(())
}

pub(super) fn form_of(c: &Connection, sha256: &str) -> Result<Option<Checklist>> {
    let text: Option<String> = c
        .prepare_cached("SELECT form FROM checklist WHERE sha256 = ?1")?
        .query_row([sha256], |r| r.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// What is handed in: the questions that are asked with these answers.
fn answers_of(form: &Checklist, saved: BTreeMap<String, SavedAnswer>) -> BTreeMap<String, String> {
    let all: BTreeMap<String, String> =
        saved.into_iter().map(|(item, answer)| (item, answer.value)).collect();
    let answer = |code: &str| all.get(code).cloned();
    let asked = form.items.iter().filter(|item| item.is_asked(&answer));
    asked.filter_map(|item| Some((item.code.clone(), answer(&item.code)?))).collect()
}

fn saved(c: &Connection, id: &SelfCheckId) -> Result<BTreeMap<String, SavedAnswer>> {
    // The row's own id would count what others answer.
    let sql = "SELECT row_number() OVER (ORDER BY id), item, value, note, by_whom, at FROM \
        self_check_answer WHERE self_check = ?1 ORDER BY id";
    let all = collect(c, sql, [id], |r| {
        Ok(SavedAnswer {
            id: r.get(0)?,
            item: r.get(1)?,
            value: r.get(2)?,
            note: r.get(3)?,
            by: r.get(4)?,
            at: r.get(5)?,
        })
    })?;
    Ok(all.into_iter().map(|answer| (answer.item.clone(), answer)).collect())
}

pub(super) fn row(r: &crate::store::engine::Row<'_>) -> Result<SelfCheck> {
    Ok(SelfCheck {
        number: ReferenceNumber::new(r.get(0)?, r.get(10)?),
        id: r.get(1)?,
        institution: r.get(2)?,
        kind: named(r.get(3)?)?,
        period: r.get(4)?,
        from: named(r.get(5)?)?,
        to: named(r.get(6)?)?,
        due: named(r.get(7)?)?,
        checklist_sha256: r.get(8)?,
        handling: serde_json::from_str(&r.get::<_, String>(9)?)?,
    })
}
