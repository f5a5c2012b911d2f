//! The server's side of the public door: what lies sealed in `clue_in` is taken in here, and a
//! random address of a publication is turned back into what it stands for.

use super::engine::{Connection, OptionalExtension as _, params};

use super::clue_answers::put_text;
use super::clue_intake::put_clue;
use super::clues::{ClueDue, NewClue, move_on};
use super::rows::collect;
use super::{Result, Store, column};
use crate::clock::At;
use crate::clue::ClueAction;
use crate::ids::ClueId;
use crate::store::Clue;

/// Something that waits to be taken in.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub ticket: String,
    pub received_on: String,
    pub sealed: Vec<u8>,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadSubmission {
    pub ticket: String,
    pub received_on: String,
    pub bytes: i64,
}

/// Before the ticket of what was given up; no ticket begins with it.
const UNREAD: &str = "unread ";

impl Store {
    pub fn waiting_at_the_door(&self, limit: u32) -> Result<Vec<Waiting>> {
        let sql = "SELECT ticket, received_on, sealed FROM clue_in WHERE sealed IS NOT NULL AND \
            substr(ticket, 1, length(?2)) <> ?2 ORDER BY received_on, ticket LIMIT ?1";
        self.read(|c| {
            collect(c, sql, params![limit, UNREAD], |r| {
                Ok(Waiting { ticket: r.get(0)?, received_on: r.get(1)?, sealed: r.get(2)? })
            })
        })
    }

    /// How many wait at the door, and their bytes.
    pub fn door_queue(&self) -> Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(length(sealed)), 0) FROM clue_in WHERE sealed IS \
            NOT NULL AND substr(ticket, 1, length(?1)) <> ?1";
        self.read(|c| {
            let row =
                |r: &crate::store::engine::Row<'_>| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?));
            let (reports, bytes) = c.prepare_cached(sql)?.query_row([UNREAD], row)?;
            Ok((reports.unsigned_abs(), bytes.unsigned_abs()))
        })
    }

    /// What could not be read when it was taken in.
    pub fn unread_at_the_door(&self) -> Result<Vec<UnreadSubmission>> {
        let sql = "SELECT substr(ticket, 1 + length(?1)), received_on, length(sealed) FROM clue_in \
            WHERE substr(ticket, 1, length(?1)) = ?1 ORDER BY received_on DESC LIMIT 500";
        self.read(|c| {
            collect(c, sql, [UNREAD], |r| {
                Ok(UnreadSubmission { ticket: r.get(0)?, received_on: r.get(1)?, bytes: r.get(2)? })
            })
        })
    }

    /// Lays what could not be read at the door again: the key may be back.
    pub fn try_unread_again(&self, ticket: &str) -> Result<bool> {
        self.write(|tx| {
            let sql = "INSERT INTO clue_in SELECT ?1, received_on, sealed FROM clue_in WHERE \
                ticket = ?2 || ?1 ON CONFLICT(ticket) DO UPDATE SET sealed = excluded.sealed";
            let found = tx.execute(sql, [ticket, UNREAD])? > 0;
            tx.execute("DELETE FROM clue_in WHERE ticket = ?2 || ?1", [ticket, UNREAD])?;
            Ok(found)
        })
    }

    /// A report becomes a clue, in the transaction that empties its place at the door.
    pub fn take_report_in(&self, ticket: &str, it: &NewClue, now: At) -> Result<()> {
        self.write(|tx| {
            put_clue(tx, it, now)?;
            emptied(tx, ticket)
        })?;
        fail_point::reached("clue.kept");
        Ok(())
    }

    /// An answer to a question joins its clue. One that nobody asked for any more is kept as well.
    pub fn take_answer_in(
        &self,
        ticket: &str,
        clue: &ClueId,
        sealed: &[u8],
        now: At,
        due: &dyn Fn(&Clue) -> ClueDue,
    ) -> Result<()> {
        self.write(|tx| {
            put_text(tx, clue, sealed, now)?;
            // Refused where no question stands: the text lies with the clue all the same.
            match move_on(tx, clue, "", &ClueAction::Answered, "", now, due) {
                Ok(_) | Err(super::StoreError::Conflict(_)) => emptied(tx, ticket),
                Err(error) => Err(error),
            }
        })?;
        fail_point::reached("clue.committed");
        Ok(())
    }

    /// Somebody looked behind a receipt: it stays awake.
    pub fn take_visit_in(&self, ticket: &str, mac: &str, day: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE pub_clue_status SET visited_on = ?2 WHERE mac = ?1", [mac, day])?;
            emptied(tx, ticket)
        })
    }

    /// What can not be taken in is not tried for ever; it is kept as it came, for a person.
    pub fn give_up_at_the_door(&self, ticket: &str) -> Result<()> {
        self.write(|tx| {
            super::count(tx, "reports_unreadable", 1)?;
            let sql = "INSERT INTO clue_in SELECT ?2 || ticket, received_on, sealed FROM clue_in \
                WHERE ticket = ?1";
            tx.execute(sql, [ticket, UNREAD])?;
            emptied(tx, ticket)
        })
    }

    /// Tickets of days gone by, and receipts that nobody looked behind since `asleep`. Days.
    pub fn forget_at_the_door(&self, spent: &str, asleep: &str) -> Result<usize> {
        self.write(|tx| {
            let sql = "DELETE FROM clue_in WHERE sealed IS NULL AND received_on < ?1";
            let tickets = tx.execute(sql, [spent])?;
            let sql = "DELETE FROM pub_clue_status WHERE visited_on < ?1";
            Ok(tickets + tx.execute(sql, [asleep])?)
        })
    }

    pub fn clue_of_receipt(&self, mac: &str) -> Result<Option<ClueId>> {
        self.read(|c| {
            let sql = "SELECT id FROM clue WHERE receipt_mac = ?1";
            Ok(c.prepare_cached(sql)?.query_row([mac], |r| r.get(0)).optional()?)
        })
    }

    pub fn institution_of_slug(&self, slug: &str) -> Result<Option<String>> {
        self.read(|c| column(c, "SELECT institution FROM publication WHERE slug = ?1", slug))
    }

    /// The room whose sign bears this code.
    pub fn room_of_sign(&self, code: &str) -> Result<Option<String>> {
        self.read(|c| column(c, "SELECT room FROM publication_room WHERE code = ?1", code))
    }

    pub fn sign_of_room(&self, room: &str) -> Result<Option<String>> {
        self.read(|c| column(c, "SELECT code FROM publication_room WHERE room = ?1", room))
    }

    /// The public address of an institution.
    pub fn slug_of(&self, institution: &str) -> Result<Option<String>> {
        self.read(|c| {
            let sql = "SELECT slug FROM publication WHERE institution = ?1";
            Ok(c.prepare_cached(sql)?.query_row([institution], |r| r.get(0)).optional()?)
        })
    }
}

fn emptied(tx: &Connection, ticket: &str) -> Result<()> {
    tx.execute("UPDATE clue_in SET sealed = NULL WHERE ticket = ?1", [ticket])?;
    Ok(())
}
