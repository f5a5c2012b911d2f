//! How a clue comes in and is stored, and when it may join another: of the same place, that goes
//! on. What is almost the same is merged, or proposed to a person.

use super::clues::{BY_LIKENESS, ClueRecordLine, NewClue, by_id, join, move_on, record, takes_in};
use super::engine::{Connection, OptionalExtension as _, params};
use super::{Result, Store, StoreError};
use crate::clock::At;
use crate::clue::{ClueAction, ClueHandling, IntakeState};
use crate::ids::ClueId;

impl Store {
    /// Stores a clue. The same source and number again is the same clue: gives its id and `false`.
    /// What is almost the same as an earlier one is merged into that.
    pub fn put_clue(&self, it: &NewClue, now: At) -> Result<(ClueId, bool)> {
        let kept = match self.write(|tx| put_clue(tx, it, now)) {
            // Another server kept the same number in the same moment: it is that clue.
            Err(StoreError::Database(error)) if error.is_constraint() => {
                self.write(|tx| put_clue(tx, it, now))?
            }
            kept => kept?,
        };
        fail_point::reached("clue.kept");
        Ok(kept)
    }
}

pub(super) fn put_clue(tx: &Connection, it: &NewClue, now: At) -> Result<(ClueId, bool)> {
    if let Some(number) = &it.external_no {
        let sql = "SELECT id FROM clue WHERE posted_by = ?1 AND source = ?2 AND external_no = ?3";
        let values = [it.posted_by.as_str(), it.source.as_str(), number];
        if let Some(id) = tx.query_row(sql, values, |r| r.get(0)).optional()? {
            return Ok((id, false));
        }
    }
    // What two have decided, or is over, takes nothing in: the next one after it does.
    let sql = "SELECT id, number FROM clue WHERE fold = ?1 AND institution IS NOT DISTINCT FROM ?2 \
        AND stage IN ('received','asked_back','accepted','review1','review2') \
        ORDER BY number LIMIT 1";
    let values = params![it.fold, it.institution];
    let same: Option<(ClueId, i64)> =
        tx.query_row(sql, values, |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    insert(tx, it)?;
    fail_point::reached("clue.received");
    let stage = IntakeState::Received.as_str();
    let received =
        ClueRecordLine { by: &it.posted_by, step: "received", note: "", said: "", stage };
    record(tx, &it.id, &received, now)?;
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
            let merge = ClueAction::Merge { into: into.clone() };
            move_on(tx, &it.id, BY_LIKENESS, &merge, "", now, &|_| None)?;
            // The words are the same; pictures and a name to ask are not.
            if !it.files.is_empty() || it.contact.is_some() {
                let own = own.map_or(0, |own| own.number);
                if let Some(goes_on) = by_id(tx, &into)? {
                    join(tx, &goes_on, (BY_LIKENESS, own), now)?;
                }
            }
        } else if goes {
            let note = format!("#{number}");
            let same =
                ClueRecordLine { by: BY_LIKENESS, step: "same_text", note: &note, said: "", stage };
            record(tx, &it.id, &same, now)?;
        }
    }
    Ok((it.id.clone(), true))
}

fn insert(tx: &Connection, it: &NewClue) -> Result<()> {
    let handling = ClueHandling::default();
    tx.execute(
        "INSERT INTO clue (id, source, external_no, posted_by, received_on, jurisdiction, \
         institution, room, stage, allegation, due_on, spec, handling, fold, receipt_mac, \
         sealed_key, contact, due_rule) VALUES \
         (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)",
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
            it.due.as_ref().map(|due| &due.0),
            serde_json::to_string(&it.about)?,
            serde_json::to_string(&handling)?,
            it.fold,
            it.receipt_mac,
            it.sealed_key,
            it.contact,
            it.due.as_ref().map(|due| due.1.as_str())
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
