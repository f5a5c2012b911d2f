//! Who asked to read a reporter's contact, why, and whether another person agreed. The contact
//! itself lies sealed with its clue; this file never reads it.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store, StoreError};
use crate::clock::At;
use crate::ids::ClueId;

/// Somebody asked to read a reporter's contact.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ContactAsk {
    pub id: i64,
    pub asked_by: String,
    pub reason: String,
    pub asked_at: At,
    pub decided_by: Option<String>,
    pub agreed: Option<bool>,
    pub decided_at: Option<At>,
}

impl Store {
    pub fn contact_asks(&self, id: &ClueId) -> Result<Vec<ContactAsk>> {
        self.read(|c| contact_asks(c, id))
    }

    pub fn ask_contact(&self, id: &ClueId, by: &str, reason: &str, now: At) -> Result<()> {
        self.write(|tx| {
            if contact_asks(tx, id)?.iter().any(|a| a.asked_by == by && a.agreed.is_none()) {
                let why = "you have asked already: another supervisor must decide";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            let sql = "INSERT INTO clue_contact_ask (clue, asked_by, reason, asked_at) VALUES \
                (?1,?2,?3,?4)";
            tx.execute(sql, params![id, by, reason, now])?;
            Ok(())
        })
    }

    /// Another person's word on the question; nobody agrees to the own.
    pub fn decide_contact(
        &self,
        id: &ClueId,
        ask: i64,
        by: &str,
        agreed: bool,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let found = contact_asks(tx, id)?.into_iter().find(|a| a.id == ask);
            let found = found
                .filter(|a| a.agreed.is_none())
                .ok_or_else(|| StoreError::Unknown { what: "question", id: ask.to_string() })?;
            if found.asked_by == by {
                let why = "whoever asks does not decide: another supervisor must (须由另一人同意)";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            let sql = "UPDATE clue_contact_ask SET decided_by = ?2, agreed = ?3, decided_at = ?4 \
                WHERE id = ?1";
            tx.execute(sql, params![ask, by, agreed, now])?;
            Ok(())
        })
    }
}

fn contact_asks(c: &Connection, id: &ClueId) -> Result<Vec<ContactAsk>> {
    let sql = "SELECT id, asked_by, reason, asked_at, decided_by, agreed, decided_at FROM \
        clue_contact_ask WHERE clue = ?1 ORDER BY id";
    collect(c, sql, [id], |r| {
        Ok(ContactAsk {
            id: r.get(0)?,
            asked_by: r.get(1)?,
            reason: r.get(2)?,
            asked_at: r.get(3)?,
            decided_by: r.get(4)?,
            agreed: r.get(5)?,
            decided_at: r.get(6)?,
        })
    })
}
