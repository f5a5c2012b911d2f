//! Whether patients undress in a room: proposals of its clinic and what the authority decided.
//! Appended, never overwritten. A proposal alone changes nothing of the room.

use protocol::down::DeploymentMode;

use super::part::ListPart;
use super::registry::{put_room, room_by_id};
use super::room_class_words::{ClassStep, ClassWord, append, words};
use super::{Result, Store, StoreError};
use crate::clock::At;

/// Proposals that may follow one another before the authority says something: whoever decides reads
/// no more.
const MOST_PROPOSALS: usize = 20;

/// What the authority says of a proposal.
#[derive(Debug, Clone, Copy)]
pub struct ClassVerdict {
    /// When the proposal was made that the authority read: its clinic may have made another since.
    pub proposed_at: At,
    pub confirm: bool,
}

impl Store {
    /// The words about a room's class, oldest first.
    pub fn room_class(&self, room: &str) -> Result<Vec<ClassWord>> {
        self.read(|c| words(c, room))
    }

    /// The words about the class of each room of the reader's part, by room.
    pub fn room_classes(
        &self,
        part: &ListPart,
    ) -> Result<Vec<(crate::model::Room, Vec<ClassWord>)>> {
        let rooms = self.rooms_part(part)?;
        self.read(|c| {
            let with_words = |room: crate::model::Room| {
                let said = words(c, room.id.as_str())?;
                Ok((room, said))
            };
            rooms.into_iter().map(with_words).collect()
        })
    }

    pub fn propose_room_class(
        &self,
        room: &str,
        (by, note): (&str, &str),
        undressing: bool,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let said = words(tx, room)?;
            let waiting = said.iter().rev().take_while(|word| word.step == ClassStep::Proposed);
            if waiting.count() >= MOST_PROPOSALS {
                return Err(StoreError::Conflict(format!(
                    "room `{room}`: {MOST_PROPOSALS} proposals wait: the authority decides first"
                )));
            }
            append(tx, room, (by, now), ClassStep::Proposed, (undressing, note))
        })
    }

    /// Confirms or refuses what waits; not by whoever proposed it. A confirmed room in which
    /// patients undress is intimate from then on, and its camera at the door.
    pub fn decide_room_class(
        &self,
        room: &str,
        (by, note): (&str, &str),
        ClassVerdict { proposed_at, confirm }: ClassVerdict,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let said = words(tx, room)?;
            let waiting = said.last().filter(|word| word.step == ClassStep::Proposed);
            let Some(waiting) = waiting else {
                return Err(StoreError::Conflict(format!(
                    "room `{room}`: no proposal waits; its clinic proposes the class"
                )));
            };
            if waiting.at != proposed_at {
                return Err(StoreError::Conflict(format!(
                    "room `{room}`: its clinic has made another proposal since: read that one"
                )));
            }
            if waiting.by == by {
                return Err(StoreError::Refused(format!(
                    "`{by}` proposed this class: somebody else decides"
                )));
            }
            let step = if confirm { ClassStep::Confirmed } else { ClassStep::Refused };
            append(tx, room, (by, now), step, (waiting.undressing, note))?;
            let Some(mut it) = room_by_id(tx, room)?.filter(|_| confirm) else { return Ok(()) };
            it.intimate = waiting.undressing;
            if waiting.undressing {
                it.mode = DeploymentMode::Doorway;
            }
            put_room(tx, &it, now).map(|_| ())
        })
    }
}
