//! The other way of being verified (P4): cards, PINs, and the witnessed checks that the boxes are
//! told of.

use super::engine::{Connection, params};
use protocol::down::{CheckDirection, WitnessedCheck};

use super::rows::collect;
use super::{Result, Store, StoreError, name_of, named};
use crate::clock::At;
use crate::ids::CheckId;

/// One check as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct KeptCheck {
    pub id: CheckId,
    pub room: String,
    pub person: String,
    pub witness: String,
    pub direction: CheckDirection,
    pub at: At,
    pub made_at: At,
    pub made_by: String,
    /// `page` or `api`: card and PIN were compared here; `system`: the clinic's own system states
    /// it, and it verifies nobody.
    pub via: String,
}

/// A person's card and PIN, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardCredential {
    pub person: String,
    pub pin_hash: String,
    pub set_at: At,
}

impl Store {
    /// Gives the cards that an earlier version kept by a plain hash their keyed one; how many there
    /// were.
    pub fn key_cards(&self, keyed: impl Fn(&str) -> String) -> Result<usize> {
        self.write(|tx| {
            let plain: Vec<String> = collect(
                tx,
                "SELECT card_hash FROM credential WHERE card_hash NOT LIKE 'keyed:%'",
                [],
                |r| Ok(r.get(0)?),
            )?;
            for hash in &plain {
                tx.execute(
                    "UPDATE credential SET card_hash = ?2 WHERE card_hash = ?1",
                    [hash, &keyed(hash)],
                )?;
            }
            Ok(plain.len())
        })
    }

    /// Whose card this is.
    pub fn credential_of_card(&self, card_hash: &str) -> Result<Option<CardCredential>> {
        self.read(|c| credential(c, "card_hash", card_hash))
    }

    pub fn credential_of(&self, person: &str) -> Result<Option<CardCredential>> {
        self.read(|c| credential(c, "person", person))
    }

    /// Keeps a check; a repetition changes nothing.
    pub fn put_check(&self, it: &KeptCheck) -> Result<()> {
        self.write(|tx| {
            let room: bool =
                tx.prepare_cached("SELECT 1 FROM room WHERE id = ?1")?.exists([&it.room])?;
            if !room {
                return Err(StoreError::Unknown { what: "room", id: it.room.clone() });
            }
            tx.execute(
                "INSERT INTO identity_check VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)
                ON CONFLICT DO NOTHING",
                params![
                    it.id,
                    it.room,
                    it.person,
                    it.witness,
                    name_of(&it.direction)?,
                    it.at,
                    it.made_at,
                    it.made_by,
                    it.via
                ],
            )?;
            super::feed::append(
                tx,
                "session",
                &serde_json::json!({"check": it.id, "room": it.room}),
            )
        })
    }
}

/// A row of `identity_check`.
pub(super) fn kept(r: &crate::store::engine::Row<'_>) -> Result<KeptCheck> {
    Ok(KeptCheck {
        id: r.get(0)?,
        room: r.get(1)?,
        person: r.get(2)?,
        witness: r.get(3)?,
        direction: named(r.get(4)?)?,
        at: r.get(5)?,
        made_at: r.get(6)?,
        made_by: r.get(7)?,
        via: r.get(8)?,
    })
}

fn credential(c: &Connection, by: &str, value: &str) -> Result<Option<CardCredential>> {
    let sql = format!("SELECT person, pin_hash, set_at FROM credential WHERE {by} = ?1");
    let mut found = collect(c, &sql, [value], |r| {
        Ok(CardCredential { person: r.get(0)?, pin_hash: r.get(1)?, set_at: r.get(2)? })
    })?;
    Ok(found.pop())
}

/// The checks that a room's box is told: those from `from` on, oldest first. What a clinic's system
/// merely stated is shown to people and silences no rule: no box hears of it. Gives also whether
/// there are more, older ones.
pub(super) fn of_room(c: &Connection, room: &str, from: At) -> Result<(Vec<WitnessedCheck>, bool)> {
    let sql = "SELECT * FROM (SELECT person, witness, direction, at, made_at FROM identity_check
        WHERE room = ?1 AND at >= ?2 AND via <> 'system' ORDER BY at DESC, id LIMIT ?3) last
        ORDER BY 4, 1";
    let limit = MOST_TOLD as i64 + 1;
    let mut told = collect(c, sql, params![room, from, limit], |r| {
        Ok(WitnessedCheck {
            person: named(r.get(0)?)?,
            witness: named(r.get(1)?)?,
            direction: named(r.get(2)?)?,
            at: r.get(3)?,
            stated_at: Some(r.get(4)?),
        })
    })?;
    let more = told.len() > MOST_TOLD;
    told.drain(..told.len().saturating_sub(MOST_TOLD));
    Ok((told, more))
}

/// Checks in one message to a box.
const MOST_TOLD: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Key;

    #[test]
    fn a_cards_hash_needs_the_servers_key() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let plain = trust::sha256_hex("zaigang/v1/card\n0017");
        store
            .write(|tx| {
                tx.execute(
                    "INSERT INTO practitioner VALUES ('p-1','x','licensed_physician','valid','t')",
                    [],
                )?;
                Ok(tx.execute(
                    "INSERT INTO credential VALUES ('p-1',?1,'pin',
                    '2026-03-02T01:00:00.000Z','by')",
                    [&plain],
                )?)
            })
            .unwrap();
        let (ours, other) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
        let keyed = |hash: &str| crate::vault::keyed_card(&ours, hash);
        assert_eq!(store.key_cards(keyed).unwrap(), 1);
        assert_eq!(store.key_cards(keyed).unwrap(), 0, "keyed twice");
        assert!(
            store.credential_of_card(&plain).unwrap().is_none(),
            "a card is still found by its number alone"
        );
        assert!(
            store.credential_of_card(&crate::vault::keyed_card(&other, &plain)).unwrap().is_none()
        );
        assert_eq!(store.credential_of_card(&keyed(&plain)).unwrap().unwrap().person, "p-1");
    }
}
