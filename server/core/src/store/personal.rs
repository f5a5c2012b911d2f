//! One-time links from the authority to a person: to set card and PIN (P4), or to withdraw consent
//! everywhere. Only the hash of a link is kept; it is used up with its effect.

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store, StoreError, name_of, named};
use crate::clock::At;

/// What a link is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Purpose")]
pub enum LinkPurpose {
    /// Card and PIN of the check by card, PIN and witness.
    Card,
    /// Withdrawal of consent at every institution.
    Withdrawal,
    /// The person's own page: what is held, who read it, requests, withdrawal.
    OwnData,
}

/// A link that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalLink {
    pub person: String,
    pub purpose: LinkPurpose,
    /// The supervisor who gave it out.
    pub made_by: String,
}

impl Store {
    pub fn put_personal_link(
        &self,
        token_hash: &str,
        it: &PersonalLink,
        now: At,
        expires_at: At,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM personal_link WHERE expires_at <= ?1", [now])?;
            tx.execute(
                "INSERT INTO personal_link VALUES (?1,?2,?3,?4,?5,?6)",
                params![token_hash, it.person, name_of(&it.purpose)?, it.made_by, now, expires_at],
            )?;
            Ok(())
        })
    }

    pub fn personal_link(&self, token_hash: &str, now: At) -> Result<Option<PersonalLink>> {
        self.read(|c| link(c, token_hash, now))
    }

    /// Gives the link's person a card and a PIN, in place of earlier ones, and uses the link up.
    pub fn set_credential(
        &self,
        token_hash: &str,
        card_hash: &str,
        pin_hash: &str,
        now: At,
    ) -> Result<String> {
        self.write(|tx| {
            let found = link(tx, token_hash, now)?
                .filter(|l| l.purpose == LinkPurpose::Card)
                .ok_or_else(used)?;
            let other = "SELECT 1 FROM credential WHERE card_hash = ?1 AND person <> ?2";
            if tx.prepare_cached(other)?.exists([card_hash, &found.person])? {
                return Err(StoreError::Conflict("card: this card is another person's".to_owned()));
            }
            tx.execute("DELETE FROM personal_link WHERE token_hash = ?1", [token_hash])?;
            tx.execute(
                "INSERT INTO credential VALUES (?1,?2,?3,?4,?5) ON CONFLICT(person) DO UPDATE SET
                card_hash=excluded.card_hash,
                 pin_hash=excluded.pin_hash, set_at=excluded.set_at, set_by=excluded.set_by",
                params![
                    found.person,
                    card_hash,
                    pin_hash,
                    now,
                    format!("link of {}", found.made_by)
                ],
            )?;
            Ok(found.person)
        })
    }

    pub fn use_personal_link(&self, token_hash: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM personal_link WHERE token_hash = ?1", [token_hash])?;
            Ok(())
        })
    }
}

fn used() -> StoreError {
    StoreError::Conflict(
        "this link is unknown, used or out of date: ask the authority for a new one".to_owned(),
    )
}

fn link(c: &Connection, token_hash: &str, now: At) -> Result<Option<PersonalLink>> {
    let sql = "SELECT person, purpose, made_by FROM personal_link WHERE token_hash = ?1 AND \
        expires_at > ?2";
    let found = collect(c, sql, (token_hash, now), |r| {
        Ok(PersonalLink { person: r.get(0)?, purpose: named(r.get(1)?)?, made_by: r.get(2)? })
    })?;
    Ok(found.into_iter().next())
}
