//! Whom the rules are to be asked about again.

use std::collections::BTreeMap;

use super::engine::Connection;
use protocol::up::PresenceSummary;

use super::rows::{collect, decode_all};
use super::{Result, Store};

/// What somebody has to be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToJudge {
    Institution(String),
    Person(String),
}

impl Store {
    /// What is to be judged anew, taken off the list: whoever takes it judges it before the next
    /// crash or marks it again.
    pub fn take_to_judge(&self, limit: u32) -> Result<Vec<ToJudge>> {
        self.write(|tx| {
            let sql = "DELETE FROM to_judge WHERE what IN (SELECT what FROM to_judge ORDER BY what \
                LIMIT ?1) RETURNING what";
            let rows: Vec<String> = collect(tx, sql, [limit], |r| Ok(r.get(0)?))?;
            Ok(rows.iter().filter_map(|what| to_judge_of(what)).collect())
        })
    }

    /// Asks for an institution or a person again.
    pub fn judge_again(&self, what: &ToJudge) -> Result<()> {
        self.write(|tx| match what {
            ToJudge::Institution(id) => mark(tx, &format!("i:{id}")),
            ToJudge::Person(id) => mark(tx, &format!("p:{id}")),
        })
    }

    /// Time alone changes verdicts: windows move on, notices age.
    pub fn judge_everything(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO to_judge SELECT 'i:' || id FROM institution WHERE true
                ON CONFLICT DO NOTHING",
                [],
            )?;
            tx.execute(
                "INSERT INTO to_judge SELECT DISTINCT 'p:' || person FROM presence WHERE true
                ON CONFLICT DO NOTHING",
                [],
            )?;
            Ok(())
        })
    }

    /// The box's summary of a session, with when it came.
    pub fn summaries(&self, sessions: &[String]) -> Result<BTreeMap<String, PresenceSummary>> {
        self.read(|c| {
            let sql =
                "SELECT report FROM summary WHERE session IN (SELECT value FROM json_each(?1)) \
                ORDER BY received_at";
            let rows: Vec<PresenceSummary> =
                decode_all(c, sql, [serde_json::to_string(sessions)?])?;
            Ok(rows.into_iter().map(|s| (s.session.to_string(), s)).collect())
        })
    }
}

fn to_judge_of(what: &str) -> Option<ToJudge> {
    match what.split_once(':')? {
        ("i", id) => Some(ToJudge::Institution(id.to_owned())),
        ("p", id) => Some(ToJudge::Person(id.to_owned())),
        _ => None,
    }
}

pub(super) fn mark(tx: &Connection, what: &str) -> Result<()> {
    tx.prepare_cached("INSERT INTO to_judge VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([what])?;
    Ok(())
}
