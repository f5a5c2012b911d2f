//! What whoever sent a clue says later, what a partner sent, and what is destroyed of a clue when
//! its time is over. Texts come sealed and stay so.

use super::clues::{Clue, ClueDue, move_on};
use super::engine::{Connection, params};
use super::rows::collect;
use super::{Result, Store, clues};
use crate::clock::At;
use crate::clue::ClueAction;
use crate::ids::ClueId;

/// Clues whose key is destroyed in one round.
const MOST_AT_ONCE: i64 = 500;

impl Store {
    /// A partner's word to a question; refused where nobody asked.
    pub fn answer_clue(
        &self,
        id: &ClueId,
        by: &str,
        sealed: &[u8],
        now: At,
        due: &dyn Fn(&Clue) -> ClueDue,
    ) -> Result<Clue> {
        let after = self.write(|tx| {
            put_text(tx, id, sealed, now)?;
            move_on(tx, id, by, &ClueAction::Answered, "", now, due)
        })?;
        fail_point::reached("clue.committed");
        Ok(after)
    }

    /// What a partner sent, newest first.
    pub fn clues_sent_by(&self, partner: &str, limit: u32) -> Result<Vec<Clue>> {
        let sql = format!(
            "{} WHERE posted_by = ?1 AND external_no IS NOT NULL ORDER BY number DESC LIMIT ?2",
            clues::COLUMNS
        );
        self.read(|c| collect(c, &sql, params![partner, limit], clues::row))
    }

    /// Destroys the key of clues that were over before then, and what it sealed: text, pictures,
    /// contact. What was merged goes with the clue that it went on in. The record of what people
    /// did stays, and what could not be read at the door goes after the same time.
    pub fn forget_clues(&self, before: At, now: At) -> Result<usize> {
        let ended = "SELECT c.id FROM clue c WHERE c.gone_on IS NULL AND c.received_on < ?1 AND
            (c.stage IN ('not_ours', 'rejected', 'dismissed', 'unfounded', 'closed') OR
            c.stage = 'merged' AND c.merged_into IN (SELECT id FROM clue WHERE gone_on IS NOT NULL))
            AND NOT EXISTS (SELECT 1 FROM clue_step s WHERE s.clue = c.id AND
            s.at >= ?1) LIMIT ?2";
        self.write(|tx| {
            let ids: Vec<ClueId> =
                collect(tx, ended, params![before, MOST_AT_ONCE], |r| Ok(r.get(0)?))?;
            for id in &ids {
                tx.execute("DELETE FROM clue_text WHERE clue = ?1", [id])?;
                tx.execute("DELETE FROM clue_file WHERE clue = ?1", [id])?;
                let sql = "UPDATE clue SET contact = NULL, sealed_key = ?2, gone_on = ?3 WHERE \
                    id = ?1";
                tx.execute(sql, params![id, &[0u8; 0][..], crate::clock::day_of(&now)])?;
            }
            let sql = "DELETE FROM clue_in WHERE substr(ticket, 1, 7) = 'unread ' AND received_on \
                < ?1";
            let unread = tx.execute(sql, [crate::clock::day_of(&before)])?;
            Ok(ids.len() + unread)
        })
    }
}

/// The next text of a clue, of which the day alone is kept.
pub(super) fn put_text(tx: &Connection, clue: &ClueId, sealed: &[u8], now: At) -> Result<()> {
    let sql = "INSERT INTO clue_text SELECT ?1, 1 + max(n), ?2, ?3 FROM clue_text WHERE clue = ?1";
    tx.execute(sql, params![clue, crate::clock::day_of(&now), sealed])?;
    Ok(())
}
