//! Whom the rules are to be asked about again, and the boxes' summaries that ask for it.

use std::collections::BTreeMap;

use protocol::up::PresenceSummary;
use rusqlite::{Connection, params};

use super::inbox::Incoming;
use super::registry::{collect, decode_all};
use super::{Result, Store, column};

/// What somebody has to be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToJudge {
    Institution(String),
    Person(String),
}

impl Store {
    /// What is to be judged anew, taken off the list: whoever takes it judges it before the next crash or marks it again.
    pub fn take_to_judge(&self, limit: u32) -> Result<Vec<ToJudge>> {
        self.write(|tx| {
            let sql =
                "DELETE FROM to_judge WHERE what IN (SELECT what FROM to_judge ORDER BY what LIMIT ?1) RETURNING what";
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
            tx.execute("INSERT OR IGNORE INTO to_judge SELECT 'i:' || id FROM institution", [])?;
            tx.execute("INSERT OR IGNORE INTO to_judge SELECT DISTINCT 'p:' || person FROM presence", [])?;
            Ok(())
        })
    }

    /// The box's summary of a session, with when it came.
    pub fn summaries(&self, sessions: &[String]) -> Result<BTreeMap<String, PresenceSummary>> {
        self.read(|c| {
            let sql =
                "SELECT report FROM summary WHERE session IN (SELECT value FROM json_each(?1)) ORDER BY received_at";
            let rows: Vec<PresenceSummary> = decode_all(c, sql, [serde_json::to_string(sessions)?])?;
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

/// One box's summary of a session replaces its earlier one, and the presences that came with that.
pub(super) fn summary(tx: &Connection, it: &Incoming, report: &PresenceSummary, epoch: i64) -> Result<()> {
    let (device, seq) = (it.body.device.as_str(), it.body.seq as i64);
    let session = report.session.as_str();
    let sql = "INSERT INTO summary VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(session, device) DO UPDATE SET
        revision=excluded.revision, at=excluded.at, received_at=excluded.received_at, report=excluded.report,
        epoch=excluded.epoch, seq=excluded.seq WHERE excluded.epoch > epoch OR (excluded.epoch = epoch AND excluded.seq > seq)";
    let text = serde_json::to_string(report)?;
    let changed = tx.prepare_cached(sql)?.execute(params![
        device,
        session,
        report.revision,
        report.at,
        it.received_at,
        text,
        epoch,
        seq
    ])?;
    if changed == 0 {
        return super::count(tx, "late_summaries", 1);
    }
    let stale = "DELETE FROM presence WHERE session=?1 AND device=?2 AND (epoch < ?3 OR (epoch = ?3 AND seq < ?4)) RETURNING person";
    let gone: Vec<String> = collect(tx, stale, params![session, device, epoch, seq], |r| Ok(r.get(0)?))?;
    for person in gone {
        mark(tx, &format!("p:{person}"))?;
    }
    let institution = "SELECT institution FROM room WHERE id = ?1";
    if let Some(institution) = column(tx, institution, report.room.as_str())? {
        mark(tx, &format!("i:{institution}"))?;
    }
    Ok(())
}

pub(super) fn mark(tx: &Connection, what: &str) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO to_judge VALUES (?1)")?.execute([what])?;
    Ok(())
}
