//! Whether patients undress in a room: proposals of its clinic and what the authority decided.
//! Appended, never overwritten. A proposal alone changes nothing of the room.

use protocol::down::DeploymentMode;

use super::part::Part;
use super::registry::{put_room, room_by_id};
use super::room_class_words::{ClassStep, ClassWord, append, words};
use super::{Result, Store, StoreError};

impl Store {
    /// The words about a room's class, oldest first.
    pub fn room_class(&self, room: &str) -> Result<Vec<ClassWord>> {
        self.read(|c| words(c, room))
    }

    /// The words about the class of each room of the reader's part, by room.
    pub fn room_classes(&self, part: &Part) -> Result<Vec<(crate::model::Room, Vec<ClassWord>)>> {
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
        now: &str,
    ) -> Result<()> {
        self.write(|tx| append(tx, room, (by, now), ClassStep::Proposed, (undressing, note)))
    }

    /// Confirms or refuses what waits; not by whoever proposed it. A confirmed room in which
    /// patients undress is intimate from then on, and its camera at the door.
    pub fn decide_room_class(
        &self,
        room: &str,
        (by, note): (&str, &str),
        confirm: bool,
        now: &str,
    ) -> Result<()> {
        self.write(|tx| {
            let said = words(tx, room)?;
            let waiting = said.last().filter(|word| word.step == ClassStep::Proposed);
            let Some(waiting) = waiting else {
                return Err(StoreError::Conflict(format!(
                    "room `{room}`: no proposal waits; its clinic proposes the class"
                )));
            };
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
