//! Clues (线索): what came in, every step, links to alerts. Texts, pictures and contacts lie sealed;
//! this file never opens one. Nothing here writes to `feed`.

use super::engine::{Connection, OptionalExtension as _, params};

use super::rows::collect;
use super::{Result, Store, StoreError, named};
use crate::clue::{About, Allegation, Handling, Intake, ReporterState, Source, Step};

/// A clue as it stands, without what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    pub number: i64,
    pub id: String,
    pub source: Source,
    pub external_no: Option<String>,
    /// Login or token of whoever typed or sent it; empty for the public.
    pub posted_by: String,
    /// Day.
    pub received_on: String,
    pub jurisdiction: String,
    pub institution: Option<String>,
    pub room: Option<String>,
    pub allegation: Allegation,
    /// Day; nothing once two people have decided.
    pub due_on: Option<String>,
    pub about: About,
    pub handling: Handling,
    pub has_contact: bool,
}

/// A clue that comes in, sealed already.
#[derive(Debug)]
pub struct NewClue {
    pub id: String,
    pub source: Source,
    pub external_no: Option<String>,
    pub posted_by: String,
    pub received_on: String,
    pub jurisdiction: String,
    pub institution: Option<String>,
    pub room: Option<String>,
    pub allegation: Allegation,
    pub due_on: Option<String>,
    pub about: About,
    pub fold: String,
    pub receipt_mac: Option<String>,
    pub sealed_key: Vec<u8>,
    pub text: Vec<u8>,
    pub contact: Option<Vec<u8>>,
    /// SHA-256 of the picture, and the picture.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What is sealed of a clue.
#[derive(Debug, Clone)]
pub struct SealedClue {
    pub key: Vec<u8>,
    /// Day and text, oldest first.
    pub texts: Vec<(String, Vec<u8>)>,
    pub contact: Option<Vec<u8>>,
}

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ClueStep {
    pub at: String,
    pub by: String,
    pub step: String,
    pub note: String,
    pub state_after: String,
}

/// An alert that somebody linked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ClueLink {
    pub alert: String,
    pub number: i64,
    pub by: String,
    pub at: String,
}

/// A clue that goes on within another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct MergedClue {
    pub id: String,
    pub number: i64,
    /// Day.
    pub received_on: String,
}

/// Which clues a list asks for.
#[derive(Debug, Clone, Default)]
pub struct ClueFilter {
    /// One word of [`Handling::stage`].
    pub stage: Option<String>,
    pub open_only: bool,
    pub source: Option<Source>,
    pub allegation: Option<Allegation>,
    pub institution: Option<String>,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    pub before: Option<i64>,
    pub limit: u32,
}

/// Stages in which nobody has anything to do.
const OVER: &str = "('not_ours','merged','rejected','dismissed','unfounded','closed')";

const COLUMNS: &str = "SELECT number, id, source, external_no, posted_by, received_on, \
    jurisdiction, institution, room, allegation, due_on, spec, handling, contact IS NOT NULL \
    FROM clue";

impl Store {
    /// Stores a clue. The same source and number again is the same clue: gives its id and `false`.
    /// What is almost the same as an earlier one is merged into that.
    pub fn put_clue(&self, it: &NewClue, now: &str) -> Result<(String, bool)> {
        let kept = self.write(|tx| put_clue(tx, it, now))?;
        fail_point::reached("clue.kept");
        Ok(kept)
    }

    pub fn clue(&self, id: &str) -> Result<Option<Clue>> {
        self.read(|c| by_id(c, id))
    }

    /// The id of the clue that people call by this number.
    pub fn clue_id(&self, number: i64) -> Result<Option<String>> {
        self.read(|c| {
            let sql = "SELECT id FROM clue WHERE number = ?1";
            Ok(c.prepare_cached(sql)?.query_row([number], |r| r.get(0)).optional()?)
        })
    }

    pub fn clues(&self, it: &ClueFilter) -> Result<Vec<Clue>> {
        let open = if it.open_only { format!("AND stage NOT IN {OVER}") } else { String::new() };
        let sql = format!(
            "{COLUMNS} WHERE number < ?1
             AND substr(jurisdiction, 1, length(?2)) = ?2
             AND (?3 IS NULL OR stage = ?3) AND (?4 IS NULL OR source = ?4)
             AND (?5 IS NULL OR allegation = ?5) AND (?6 IS NULL OR institution = ?6)
             {open} ORDER BY number DESC LIMIT ?7"
        );
        let values = params![
            it.before.unwrap_or(i64::MAX),
            it.jurisdiction,
            it.stage,
            it.source.map(Source::as_str),
            it.allegation.map(Allegation::as_str),
            it.institution,
            it.limit
        ];
        self.read(|c| collect(c, &sql, values, row))
    }

    /// How many stand where, in a part of the country.
    pub fn clue_counts(&self, jurisdiction: &str) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT stage, sum(n) FROM clue_count WHERE n > 0 AND jurisdiction >= ?1 AND \
            jurisdiction < ?1 || '~' GROUP BY stage";
        self.read(|c| collect(c, sql, [jurisdiction], |r| Ok((r.get(0)?, r.get(1)?))))
    }

    pub fn clue_steps(&self, id: &str) -> Result<Vec<ClueStep>> {
        let sql = "SELECT at, actor, step, note, state_after FROM clue_step WHERE clue = ?1 \
            ORDER BY id";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(ClueStep {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    step: r.get(2)?,
                    note: r.get(3)?,
                    state_after: r.get(4)?,
                })
            })
        })
    }

    pub fn clue_links(&self, id: &str) -> Result<Vec<ClueLink>> {
        let sql = "SELECT l.alert, a.number, l.by_whom, l.at FROM clue_link l JOIN alert a ON \
            a.id = l.alert WHERE l.clue = ?1 ORDER BY l.at";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(ClueLink { alert: r.get(0)?, number: r.get(1)?, by: r.get(2)?, at: r.get(3)? })
            })
        })
    }

    /// How a clue stands for whoever sent it.
    pub fn clue_told(&self, it: &Clue) -> Result<ReporterState> {
        self.read(|c| as_told(c, it))
    }

    /// What was merged into a clue, and into that, by number: whoever ends it ends them with it.
    pub fn merged_clues(&self, id: &str) -> Result<Vec<MergedClue>> {
        let sql = "WITH RECURSIVE below(id) AS (SELECT id FROM clue WHERE merged_into = ?1 UNION
            SELECT c.id FROM clue c JOIN below b ON c.merged_into = b.id)
            SELECT c.id, c.number, c.received_on FROM clue c JOIN below b ON c.id = b.id
            ORDER BY c.number";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(MergedClue { id: r.get(0)?, number: r.get(1)?, received_on: r.get(2)? })
            })
        })
    }

    pub fn sealed_clue(&self, id: &str) -> Result<Option<SealedClue>> {
        self.read(|c| {
            let sql = "SELECT sealed_key, contact FROM clue WHERE id = ?1";
            let found: Option<(Vec<u8>, Option<Vec<u8>>)> = c
                .prepare_cached(sql)?
                .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            let Some((key, contact)) = found else { return Ok(None) };
            let sql = "SELECT at, sealed FROM clue_text WHERE clue = ?1 ORDER BY n";
            let texts = collect(c, sql, [id], |r| Ok((r.get(0)?, r.get(1)?)))?;
            Ok(Some(SealedClue { key, texts, contact }))
        })
    }

    /// How many pictures a clue has.
    pub fn clue_pictures(&self, id: &str) -> Result<u32> {
        self.read(|c| {
            let sql = "SELECT count(*) FROM clue_file WHERE clue = ?1";
            Ok(c.prepare_cached(sql)?.query_row([id], |r| r.get(0))?)
        })
    }

    pub fn sealed_picture(&self, id: &str, n: u32) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            let sql = "SELECT sealed FROM clue_file WHERE clue = ?1 AND n = ?2";
            Ok(c.prepare_cached(sql)?.query_row(params![id, n], |r| r.get(0)).optional()?)
        })
    }

    /// Asks the state machine and stores what it says; `due` is asked with the new handling.
    pub fn take_clue_step(
        &self,
        id: &str,
        by: &str,
        step: &Step,
        note: &str,
        now: &str,
        due: &dyn Fn(&Clue) -> Option<String>,
    ) -> Result<Clue> {
        let after = self.write(|tx| {
            if let Step::Merge { into } = step {
                let own = by_id(tx, id)?;
                let own =
                    own.ok_or_else(|| StoreError::Unknown { what: "clue", id: id.to_owned() })?;
                takes_in(tx, into, &own)?;
            }
            move_on(tx, id, by, step, note, now, due)
        })?;
        fail_point::reached("clue.committed");
        Ok(after)
    }

    pub fn link_clue(&self, id: &str, alert: &str, by: &str, now: &str) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO clue_link VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING";
            if tx.execute(sql, params![id, alert, by, now])? > 0 {
                let stage = by_id(tx, id)?.map_or("", |clue| clue.handling.stage());
                record(tx, id, by, "link", alert, stage, now)?;
            }
            Ok(())
        })
    }
}

/// A clue that goes on can take another of the same place in; one that is over, or about somebody
/// else, would bury it.
fn takes_in(tx: &Connection, into: &str, it: &Clue) -> Result<()> {
    let found = by_id(tx, into)?;
    let found = found.ok_or_else(|| StoreError::Unknown { what: "clue", id: into.to_owned() })?;
    let why = if !found.handling.is_open() {
        format!("clue #{} is over: merge into one that goes on", found.number)
    } else if !is_same_place(&found, it) {
        format!("clue #{} is about another place: merge only what is about the same", found.number)
    } else {
        return Ok(());
    };
    Err(StoreError::Conflict(why))
}

/// One institution, or places that stand in no register with one name and address.
fn is_same_place(one: &Clue, other: &Clue) -> bool {
    let named = |clue: &Clue| {
        let place = clue.about.place.as_ref();
        place.map(|p| (crate::text::folded(&p.name), crate::text::folded(&p.address)))
    };
    match (&one.institution, &other.institution) {
        (Some(one), Some(other)) => one == other,
        (None, None) => named(one).is_some() && named(one) == named(other),
        _ => false,
    }
}

/// Who merges what is almost the same: no login name can be this.
const BY_LIKENESS: &str = "(same text)";

pub(super) fn put_clue(tx: &Connection, it: &NewClue, now: &str) -> Result<(String, bool)> {
    if let Some(number) = &it.external_no {
        let sql = "SELECT id FROM clue WHERE posted_by = ?1 AND source = ?2 AND external_no = ?3";
        let values = [it.posted_by.as_str(), it.source.as_str(), number];
        if let Some(id) = tx.query_row(sql, values, |r| r.get(0)).optional()? {
            return Ok((id, false));
        }
    }
    let sql = "SELECT id, number FROM clue WHERE fold = ?1 AND institution IS NOT DISTINCT FROM ?2 \
        AND stage NOT IN ('merged','rejected','not_ours') ORDER BY number LIMIT 1";
    let values = params![it.fold, it.institution];
    let same: Option<(String, i64)> =
        tx.query_row(sql, values, |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    insert(tx, it)?;
    fail_point::reached("clue.received");
    record(tx, &it.id, &it.posted_by, "received", "", Intake::Received.as_str(), now)?;
    if let Some(mac) = &it.receipt_mac {
        let day = &it.received_on;
        let sql = "INSERT INTO pub_clue_status VALUES (?1,'received','',?2,?2)";
        tx.execute(sql, [mac, day])?;
    }
    if let Some((into, number)) = same {
        let own = by_id(tx, &it.id)?;
        let goes = own.as_ref().is_some_and(|own| takes_in(tx, &into, own).is_ok());
        // "Somebody without a licence" is said of many places and days: a person decides.
        let certain = it.institution.is_some() && it.about.from_at.is_some();
        if goes && certain {
            move_on(tx, &it.id, BY_LIKENESS, &Step::Merge { into }, "", now, &|_| None)?;
        } else if goes {
            let stage = Intake::Received.as_str();
            record(tx, &it.id, BY_LIKENESS, "same_text", &format!("#{number}"), stage, now)?;
        }
    }
    Ok((it.id.clone(), true))
}

fn insert(tx: &Connection, it: &NewClue) -> Result<()> {
    let handling = Handling::default();
    tx.execute(
        "INSERT INTO clue (id, source, external_no, posted_by, received_on, jurisdiction, \
         institution, room, stage, allegation, due_on, spec, handling, fold, receipt_mac, \
         sealed_key, contact) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
        params![
            it.id,
            it.source.as_str(),
            it.external_no,
            it.posted_by,
            it.received_on,
            it.jurisdiction,
            it.institution,
            it.room,
            handling.stage(),
            it.allegation.as_str(),
            it.due_on,
            serde_json::to_string(&it.about)?,
            serde_json::to_string(&handling)?,
            it.fold,
            it.receipt_mac,
            it.sealed_key,
            it.contact
        ],
    )?;
    let sql = "INSERT INTO clue_text VALUES (?1,0,?2,?3)";
    tx.execute(sql, params![it.id, it.received_on, it.text])?;
    for (n, (sha256, sealed)) in it.files.iter().enumerate() {
        let sql = "INSERT INTO clue_file VALUES (?1,?2,?3,?4)";
        tx.execute(sql, params![it.id, n as i64, sha256, sealed])?;
    }
    Ok(())
}

pub(super) fn move_on(
    tx: &Connection,
    id: &str,
    by: &str,
    step: &Step,
    note: &str,
    now: &str,
    due: &dyn Fn(&Clue) -> Option<String>,
) -> Result<Clue> {
    let unknown = || StoreError::Unknown { what: "clue", id: id.to_owned() };
    let before = by_id(tx, id)?.ok_or_else(unknown)?;
    let handling = before
        .handling
        .take(id, by, step, now)
        .map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
    let mut after = Clue { handling, ..before };
    after.due_on = due(&after);
    let into = after.handling.merged.as_ref().map(|merged| merged.into.as_str());
    tx.execute(
        "UPDATE clue SET stage = ?2, handling = ?3, due_on = ?4, merged_into = ?5 WHERE id = ?1",
        params![
            id,
            after.handling.stage(),
            serde_json::to_string(&after.handling)?,
            after.due_on,
            into
        ],
    )?;
    fail_point::reached("clue.moved");
    record(tx, id, by, step.name(), note, after.handling.stage(), now)?;
    fail_point::reached("clue.recorded");
    tell_reporters(tx, &after, &crate::clock::clip(now, 10))?;
    fail_point::reached("clue.told");
    Ok(after)
}

/// How a clue stands for whoever sent it: as the one at the end of its merges. A question is for
/// whoever is asked; the others' clues are worked on with that one.
fn as_told(c: &Connection, it: &Clue) -> Result<ReporterState> {
    let mut end = it.clone();
    while let Some(merged) = &end.handling.merged {
        let Some(next) = by_id(c, &merged.into)? else { break };
        end = next;
    }
    let told = end.handling.for_reporter();
    Ok(if end.id != it.id && told == ReporterState::Question {
        ReporterState::Received
    } else {
        told
    })
}

/// Whoever holds a receipt of this clue, or of one that was merged into it, reads how it stands.
fn tell_reporters(tx: &Connection, it: &Clue, day: &str) -> Result<()> {
    let state = as_told(tx, it)?;
    // One that was merged waits for no answer of its reporter.
    let asked = it.handling.intake == Intake::AskedBack;
    let question = it.handling.question.as_deref().filter(|_| asked).unwrap_or_default();
    let sql = "UPDATE pub_clue_status SET state = ?2, question = ?3, as_of = ?4 WHERE mac IN
        (SELECT receipt_mac FROM clue WHERE id = ?1)";
    tx.execute(sql, params![it.id, state.as_str(), question, day])?;
    let sql = "WITH RECURSIVE below(id) AS (SELECT id FROM clue WHERE merged_into = ?1 UNION
        SELECT c.id FROM clue c JOIN below b ON c.merged_into = b.id)
        UPDATE pub_clue_status SET state = ?2, as_of = ?3 WHERE mac IN
        (SELECT c.receipt_mac FROM clue c JOIN below b ON c.id = b.id WHERE c.receipt_mac IS NOT
        NULL)";
    let others = if state == ReporterState::Question { ReporterState::Received } else { state };
    tx.execute(sql, params![it.id, others.as_str(), day])?;
    Ok(())
}

fn record(
    tx: &Connection,
    clue: &str,
    by: &str,
    step: &str,
    note: &str,
    stage: &str,
    now: &str,
) -> Result<()> {
    // Of the public only the day is known; a merge by likeness happens as the report comes in.
    let of_day = by.is_empty() || by == BY_LIKENESS;
    let at = if of_day { now.get(..10).unwrap_or(now) } else { now };
    let sql = "INSERT INTO clue_step (clue, at, actor, step, note, state_after) VALUES \
        (?1,?2,?3,?4,?5,?6)";
    tx.prepare_cached(sql)?.execute(params![clue, at, by, step, note, stage])?;
    Ok(())
}

pub(super) fn by_id(c: &Connection, id: &str) -> Result<Option<Clue>> {
    Ok(collect(c, &format!("{COLUMNS} WHERE id = ?1"), [id], row)?.pop())
}

fn row(r: &crate::store::engine::Row<'_>) -> Result<Clue> {
    Ok(Clue {
        number: r.get(0)?,
        id: r.get(1)?,
        source: named(r.get(2)?)?,
        external_no: r.get(3)?,
        posted_by: r.get(4)?,
        received_on: r.get(5)?,
        jurisdiction: r.get(6)?,
        institution: r.get(7)?,
        room: r.get(8)?,
        allegation: named(r.get(9)?)?,
        due_on: r.get(10)?,
        about: serde_json::from_str(&r.get::<_, String>(11)?)?,
        handling: serde_json::from_str(&r.get::<_, String>(12)?)?,
        has_contact: r.get(13)?,
    })
}
