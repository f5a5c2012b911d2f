//! Corrections (整改): opened by an L1 alert or a clinic's own "no", answered, judged by the
//! records. A clinic's words lie sealed; this file never opens them.

use protocol::names::RuleCode;

use super::engine::{Connection, params};

use super::rows::collect;
use super::self_checks::random_id;
use super::{Result, Store, StoreError};
use crate::alert_number::ReferenceNumber;
use crate::clock::At;
use crate::ids::{AlertId, CorrectionId};
use crate::self_check::correction::{CorrectionAction, CorrectionHandling};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionSource {
    Alert,
    Answer,
}

impl CorrectionSource {
    fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Answer => "answer",
        }
    }
}

/// Answers of a clinic to one correction. Each takes one officer's word back and begins the quiet
/// days anew.
const MOST_ANSWERS: i64 = 50;

/// An alert that asks for a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncorrected {
    pub alert: AlertId,
    pub rules: Vec<RuleCode>,
    pub received_at: At,
}

/// A correction as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    pub number: ReferenceNumber,
    pub id: CorrectionId,
    pub institution: String,
    pub source: CorrectionSource,
    /// The alert, or self-check and question divided by a blank.
    pub object: String,
    pub rules: Vec<RuleCode>,
    pub opened_at: At,
    pub due_at: At,
    pub handling: CorrectionHandling,
    /// Sealed: cause, measure, plan.
    pub words: Option<Vec<u8>>,
}

/// One that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCorrection {
    pub source: CorrectionSource,
    pub object: String,
    pub rules: Vec<RuleCode>,
    pub opened_at: At,
    pub due_at: At,
}

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct CorrectionStep {
    pub at: At,
    pub by: String,
    pub step: String,
    pub state_after: String,
}

/// Which corrections a list asks for.
#[derive(Debug, Clone, Default)]
pub struct CorrectionFilter {
    pub open_only: bool,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    /// Empty for all.
    pub institution: String,
    /// `before` is one of the institution's own numbers.
    pub clinic_numbers: bool,
    pub before: Option<i64>,
    pub limit: u32,
}

const COLUMNS: &str = "SELECT k.number, k.id, k.institution, k.source, k.object, k.rules,
    k.opened_at, k.due_at, k.handling, k.words, k.clinic_number FROM correction k";

impl Store {
    /// Opens those that are not there yet. Gives how many.
    pub fn open_corrections(&self, institution: &str, all: &[NewCorrection]) -> Result<usize> {
        if all.is_empty() {
            return Ok(0);
        }
        let handling = CorrectionHandling::default();
        self.write(|tx| {
            let mut opened = 0;
            for it in all {
                let sql = "INSERT INTO correction (id, institution, source, object, rules, \
                    opened_at, due_at, state, handling) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON \
                    CONFLICT DO NOTHING";
                opened += tx.prepare_cached(sql)?.execute(params![
                    random_id()?,
                    institution,
                    it.source.as_str(),
                    it.object,
                    serde_json::to_string(&it.rules)?,
                    it.opened_at,
                    it.due_at,
                    handling.state.as_str(),
                    serde_json::to_string(&handling)?
                ])?;
            }
            Ok(opened)
        })
    }

    /// L1 alerts of an institution that stand and have no correction yet.
    pub fn uncorrected(&self, institution: &str) -> Result<Vec<Uncorrected>> {
        let sql = "SELECT a.id, a.received_at, (SELECT json_group_array(DISTINCT f.rule) FROM \
            finding f WHERE f.alert = a.id AND f.step <> 'withdrawn') FROM alert a WHERE \
            a.institution = ?1 AND a.severity = 1 AND a.state IN ('raised','review1','review2') \
            AND NOT EXISTS (SELECT 1 FROM correction k WHERE k.source = 'alert' AND k.object = \
            a.id) ORDER BY a.number LIMIT 500";
        self.read(|c| {
            collect(c, sql, [institution], |r| {
                Ok(Uncorrected {
                    alert: r.get(0)?,
                    rules: serde_json::from_str(&r.get::<_, String>(2)?)?,
                    received_at: r.get(1)?,
                })
            })
        })
    }

    pub fn correction(&self, id: &CorrectionId) -> Result<Option<Correction>> {
        self.read(|c| by_id(c, id))
    }

    pub fn corrections(&self, it: &CorrectionFilter) -> Result<Vec<Correction>> {
        let number = if it.clinic_numbers { "k.clinic_number" } else { "k.number" };
        let sql = format!(
            "{COLUMNS} JOIN institution i ON i.id = k.institution WHERE {number} < ?1
            AND substr(i.jurisdiction, 1, length(?2)) = ?2 AND (?3 = '' OR k.institution = ?3)
            AND (?4 = 0 OR k.state IN ('open','answered')) ORDER BY k.number DESC LIMIT ?5"
        );
        let before = it.before.unwrap_or(i64::MAX);
        let values = params![before, it.jurisdiction, it.institution, it.open_only, it.limit];
        self.read(|c| collect(c, &sql, values, row))
    }

    /// Those of an institution that wait for what the records say.
    pub fn answered_corrections(&self, institution: &str) -> Result<Vec<Correction>> {
        let sql = format!("{COLUMNS} WHERE k.institution = ?1 AND k.state = 'answered'");
        self.read(|c| collect(c, &sql, [institution], row))
    }

    pub fn correction_steps(&self, id: &CorrectionId) -> Result<Vec<CorrectionStep>> {
        let sql = "SELECT at, actor, step, state_after FROM correction_step WHERE correction = ?1 \
            ORDER BY id";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(CorrectionStep {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    step: r.get(2)?,
                    state_after: r.get(3)?,
                })
            })
        })
    }

    /// Asks the state machine and stores what it says; new words take the place of the old.
    pub fn take_correction_step(
        &self,
        id: &CorrectionId,
        step: &CorrectionAction,
        words: Option<&[u8]>,
        (by, now): (&str, At),
    ) -> Result<Correction> {
        self.write(|tx| {
            let unknown = || StoreError::Unknown { what: "correction", id: id.to_string() };
            let before = by_id(tx, id)?.ok_or_else(unknown)?;
            if matches!(step, CorrectionAction::Answer { .. }) {
                let sql =
                    "SELECT count(*) FROM correction_step WHERE correction = ?1 AND step = ?2";
                let said: i64 = tx.query_row(sql, params![id, step.name()], |r| r.get(0))?;
                if said >= MOST_ANSWERS {
                    return Err(StoreError::Conflict(format!(
                        "{MOST_ANSWERS} answers to this correction were given: speak to the \
                        authority"
                    )));
                }
            }
            let after = before
                .handling
                .take(by, step, now)
                .map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
            tx.execute(
                "UPDATE correction SET state = ?2, handling = ?3, words = coalesce(?4, words) \
                WHERE id = ?1",
                params![id, after.state.as_str(), serde_json::to_string(&after)?, words],
            )?;
            let sql = "INSERT INTO correction_step (correction, at, actor, step, state_after) \
                VALUES (?1,?2,?3,?4,?5)";
            tx.execute(sql, params![id, now, by, step.name(), after.state.as_str()])?;
            let words = words.map(<[u8]>::to_vec).or_else(|| before.words.clone());
            Ok(Correction { handling: after, words, ..before })
        })
    }
}

fn by_id(c: &Connection, id: &CorrectionId) -> Result<Option<Correction>> {
    Ok(collect(c, &format!("{COLUMNS} WHERE k.id = ?1"), [id], row)?.pop())
}

fn row(r: &crate::store::engine::Row<'_>) -> Result<Correction> {
    let source: String = r.get(3)?;
    let is_alert = source == CorrectionSource::Alert.as_str();
    Ok(Correction {
        number: ReferenceNumber::new(r.get(0)?, r.get(10)?),
        id: r.get(1)?,
        institution: r.get(2)?,
        source: if is_alert { CorrectionSource::Alert } else { CorrectionSource::Answer },
        object: r.get(4)?,
        rules: serde_json::from_str(&r.get::<_, String>(5)?)?,
        opened_at: r.get(6)?,
        due_at: r.get(7)?,
        handling: serde_json::from_str(&r.get::<_, String>(8)?)?,
        words: r.get(9)?,
    })
}
