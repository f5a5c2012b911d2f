//! Clues (线索): what came in, every step, links to alerts. Texts, pictures and contacts lie
//! sealed; this file never opens one. Nothing here writes to `feed`.

use protocol::id::TrialId;

use super::engine::{Connection, OptionalExtension as _, params};
use super::rows::collect;
use super::{Result, Store, StoreError, named};
use crate::clock::At;
use crate::clue::terms::DueRule;
use crate::clue::{
    Allegation, ClueAction, ClueDetails, ClueHandling, IntakeState, ReporterState, Source,
};
use crate::ids::{AlertId, ClueId};

/// A clue as it stands, without what is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    pub number: i64,
    pub id: ClueId,
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
    /// Day; nothing once two people have decided and nobody is left to be told.
    pub due_on: Option<String>,
    /// Which rule gave the day.
    pub due_rule: Option<DueRule>,
    pub about: ClueDetails,
    pub handling: ClueHandling,
    pub has_contact: bool,
    /// Day on which its text, pictures and contact were destroyed with their key.
    pub gone_on: Option<String>,
}

impl Clue {
    /// Whether a question reaches whoever sent it: behind a receipt, or in the partner's own list.
    pub fn can_be_asked(&self) -> bool {
        self.source == Source::PublicReport
            || crate::access::partner_scope(&self.posted_by).is_some()
    }
}

/// A day on which something is due with a clue, and the rule that gave it.
pub type ClueDue = Option<(String, DueRule)>;

/// A clue that comes in, sealed already.
#[derive(Debug)]
pub struct NewClue {
    pub id: ClueId,
    pub source: Source,
    pub external_no: Option<String>,
    pub posted_by: String,
    pub received_on: String,
    pub jurisdiction: String,
    pub institution: Option<String>,
    pub room: Option<String>,
    pub allegation: Allegation,
    pub due: ClueDue,
    pub about: ClueDetails,
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
    // Of the public the day alone.
    pub at: String,
    pub by: String,
    pub step: String,
    pub note: String,
    /// What was asked, whose it is, the reason, the clue that goes on: as the step says it.
    pub said: String,
    pub state_after: String,
}

/// An alert that somebody linked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ClueLink {
    pub alert: AlertId,
    pub number: i64,
    pub by: String,
    pub at: At,
}

/// A clue that goes on within another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct MergedClue {
    pub id: ClueId,
    pub number: i64,
    /// Day.
    pub received_on: String,
}

/// Which clues a list asks for.
#[derive(Debug, Clone, Default)]
pub struct ClueFilter {
    /// One word of [`ClueHandling::stage`].
    pub stage: Option<String>,
    pub open_only: bool,
    /// Only those that were due before this day, by their day.
    pub due_before: Option<String>,
    pub source: Option<Source>,
    pub allegation: Option<Allegation>,
    pub institution: Option<String>,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    pub before: Option<i64>,
    pub limit: u32,
}

pub(super) const COLUMNS: &str = "SELECT number, id, source, external_no, posted_by, received_on, \
    jurisdiction, institution, room, allegation, due_on, spec, handling, contact IS NOT NULL, \
    due_rule, gone_on FROM clue";

/// Merged clues that are listed beside the one that goes on.
const MOST_MERGED: i64 = 100;

impl Store {
    pub fn clue(&self, id: &ClueId) -> Result<Option<Clue>> {
        self.read(|c| by_id(c, id))
    }

    /// The id of the clue that people call by this number.
    pub fn clue_id(&self, number: i64) -> Result<Option<ClueId>> {
        self.read(|c| {
            let sql = "SELECT id FROM clue WHERE number = ?1";
            Ok(c.prepare_cached(sql)?.query_row([number], |r| r.get(0)).optional()?)
        })
    }

    pub fn clue_steps(&self, id: &ClueId) -> Result<Vec<ClueStep>> {
        let sql = "SELECT at, actor, step, note, state_after, said FROM clue_step WHERE clue = ?1 \
            ORDER BY id";
        self.read(|c| {
            collect(c, sql, [id], |r| {
                Ok(ClueStep {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    step: r.get(2)?,
                    note: r.get(3)?,
                    state_after: r.get(4)?,
                    said: r.get(5)?,
                })
            })
        })
    }

    pub fn clue_links(&self, id: &ClueId) -> Result<Vec<ClueLink>> {
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

    /// What was merged into a clue, and into that, and how many there are: whoever ends it ends
    /// them with it. The first so many, what says something else before what says the same again,
    /// so that a flood hides nobody's words.
    pub fn merged_clues(&self, id: &ClueId) -> Result<(Vec<MergedClue>, i64)> {
        let below = "WITH RECURSIVE below(id) AS (SELECT id FROM clue WHERE merged_into = ?1 UNION
            SELECT c.id FROM clue c JOIN below b ON c.merged_into = b.id)";
        let sql = format!(
            "{below} SELECT c.id, c.number, c.received_on FROM below b JOIN clue c ON c.id = b.id
            JOIN clue i ON i.id = c.merged_into
            ORDER BY CASE WHEN c.fold = i.fold THEN 1 ELSE 0 END, c.number LIMIT ?2"
        );
        self.read(|c| {
            let listed = collect(c, &sql, (id, MOST_MERGED), |r| {
                Ok(MergedClue { id: r.get(0)?, number: r.get(1)?, received_on: r.get(2)? })
            })?;
            let sql = format!("{below} SELECT count(*) FROM below");
            Ok((listed, c.query_row(&sql, [id], |r| r.get(0))?))
        })
    }

    pub fn sealed_clue(&self, id: &ClueId) -> Result<Option<SealedClue>> {
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
    pub fn clue_pictures(&self, id: &ClueId) -> Result<u32> {
        self.read(|c| {
            let sql = "SELECT count(*) FROM clue_file WHERE clue = ?1";
            Ok(c.prepare_cached(sql)?.query_row([id], |r| r.get(0))?)
        })
    }

    pub fn sealed_picture(&self, id: &ClueId, n: u32) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            let sql = "SELECT sealed FROM clue_file WHERE clue = ?1 AND n = ?2";
            Ok(c.prepare_cached(sql)?.query_row(params![id, n], |r| r.get(0)).optional()?)
        })
    }

    /// Asks the state machine and stores what it says; `due` is asked with the new handling.
    pub fn take_clue_step(
        &self,
        id: &ClueId,
        by: &str,
        step: &ClueAction,
        note: &str,
        now: At,
        due: &dyn Fn(&Clue) -> ClueDue,
    ) -> Result<Clue> {
        let after = self.write(|tx| {
            let ClueAction::Merge { into } = step else {
                return move_on(tx, id, by, step, note, now, due);
            };
            let own = by_id(tx, id)?;
            let own =
                own.ok_or_else(|| StoreError::Unknown { what: "clue", id: id.to_string() })?;
            takes_in(tx, into, &own)?;
            let goes_on = undecided(tx, into)?;
            let after = move_on(tx, id, by, step, note, now, due)?;
            join(tx, &goes_on, (by, own.number), now)?;
            Ok(after)
        })?;
        fail_point::reached("clue.committed");
        Ok(after)
    }

    /// Boxes were asked to replay what a clue is about: on its record, with the trial that they
    /// got.
    pub fn note_replay(
        &self,
        id: &ClueId,
        by: &str,
        reason: &str,
        trial: &TrialId,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let stage = by_id(tx, id)?.map_or("", |clue| clue.handling.stage());
            let said = ClueRecordLine { by, step: "replay", note: reason, said: trial, stage };
            record(tx, id, &said, now)
        })
    }

    pub fn link_clue(&self, id: &ClueId, alert: &AlertId, by: &str, now: At) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO clue_link VALUES (?1,?2,?3,?4) ON CONFLICT DO NOTHING";
            if tx.execute(sql, params![id, alert, by, now])? > 0 {
                let stage = by_id(tx, id)?.map_or("", |clue| clue.handling.stage());
                let said = ClueRecordLine { by, step: "link", note: alert, said: "", stage };
                record(tx, id, &said, now)?;
            }
            Ok(())
        })
    }
}

/// Who merges what is almost the same: no login name can be this.
pub(super) const BY_LIKENESS: &str = "(same text)";

pub(super) fn move_on(
    tx: &Connection,
    id: &ClueId,
    by: &str,
    step: &ClueAction,
    note: &str,
    now: At,
    due: &dyn Fn(&Clue) -> ClueDue,
) -> Result<Clue> {
    let unknown = || StoreError::Unknown { what: "clue", id: id.to_string() };
    let before = by_id(tx, id)?.ok_or_else(unknown)?;
    let handling = before
        .handling
        .take(id, by, step, now)
        .map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
    let mut after = Clue { handling, ..before };
    (after.due_on, after.due_rule) = due(&after).unzip();
    let into = after.handling.merged.as_ref().map(|merged| merged.into.as_str());
    tx.execute(
        "UPDATE clue SET stage = ?2, handling = ?3, due_on = ?4, merged_into = ?5, due_rule = ?6 \
         WHERE id = ?1",
        params![
            id,
            after.handling.stage(),
            serde_json::to_string(&after.handling)?,
            after.due_on,
            into,
            after.due_rule.map(DueRule::as_str)
        ],
    )?;
    fail_point::reached("clue.moved");
    let (said, stage) = (step.said(), after.handling.stage());
    record(tx, id, &ClueRecordLine { by, step: step.name(), note, said: &said, stage }, now)?;
    fail_point::reached("clue.recorded");
    tell_reporters(tx, &after, &crate::clock::day_of(&now))?;
    fail_point::reached("clue.told");
    Ok(after)
}

/// A clue that two people have not decided. What was decided already would end another with it of
/// which nobody has said anything.
fn undecided(c: &Connection, id: &ClueId) -> Result<Clue> {
    let found = by_id(c, id)?;
    let found = found.ok_or_else(|| StoreError::Unknown { what: "clue", id: id.to_string() })?;
    if found.handling.may_take_in() {
        return Ok(found);
    }
    Err(StoreError::Conflict(format!(
        "two people have decided on clue #{} already: accept this one by itself, and link its lead",
        found.number
    )))
}

/// Somebody merged another clue into this one: the words that stand on it fall, on its record.
pub(super) fn join(tx: &Connection, it: &Clue, (by, number): (&str, i64), now: At) -> Result<()> {
    let handling = it.handling.joined();
    let sql = "UPDATE clue SET stage = ?2, handling = ?3 WHERE id = ?1";
    let stage = handling.stage();
    tx.execute(sql, params![it.id, stage, serde_json::to_string(&handling)?])?;
    let note = format!("#{number}");
    record(tx, &it.id, &ClueRecordLine { by, step: "joined", note: &note, said: "", stage }, now)
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
    let asked = it.handling.intake == IntakeState::AskedBack;
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

/// A line for the record.
pub(super) struct ClueRecordLine<'a> {
    pub by: &'a str,
    pub step: &'a str,
    pub note: &'a str,
    pub said: &'a str,
    pub stage: &'a str,
}

pub(super) fn record(
    tx: &Connection,
    clue: &ClueId,
    it: &ClueRecordLine<'_>,
    now: At,
) -> Result<()> {
    // Of the public only the day is known; a merge by likeness happens as the report comes in.
    let of_day = it.by.is_empty() || it.by == BY_LIKENESS;
    let at = if of_day { crate::clock::day_of(&now) } else { now.to_string() };
    let sql = "INSERT INTO clue_step (clue, at, actor, step, note, state_after, said) VALUES \
        (?1,?2,?3,?4,?5,?6,?7)";
    let values = params![clue, at, it.by, it.step, it.note, it.stage, it.said];
    tx.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

pub(super) fn by_id(c: &Connection, id: &ClueId) -> Result<Option<Clue>> {
    Ok(collect(c, &format!("{COLUMNS} WHERE id = ?1"), [id], row)?.pop())
}

pub(super) fn row(r: &crate::store::engine::Row<'_>) -> Result<Clue> {
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
        due_rule: r.get::<_, Option<String>>(14)?.as_deref().and_then(DueRule::parse),
        gone_on: r.get(15)?,
    })
}

/// A clue that goes on can take another of the same place in; one that is over, or about somebody
/// else, would bury it.
pub(super) fn takes_in(tx: &Connection, into: &ClueId, it: &Clue) -> Result<()> {
    let found = by_id(tx, into)?;
    let found = found.ok_or_else(|| StoreError::Unknown { what: "clue", id: into.to_string() })?;
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
