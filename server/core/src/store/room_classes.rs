//! Whether patients undress in a room: proposals of its clinic and what the authority decided.
//! Appended, never overwritten. A proposal alone changes nothing of the room.

use super::engine::{Connection, OptionalExtension as _, params};
use protocol::down::DeploymentMode;

use super::part::Part;
use super::registry::{put_room, room_by_id};
use super::rows::collect;
use super::{Result, Store, StoreError, name_of, named};

/// What was said of a room's class.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClassStep {
    Proposed,
    Confirmed,
    Refused,
}

/// One word about a room's class.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ClassWord {
    pub at: String,
    pub by: String,
    pub step: ClassStep,
    /// Patients undress there: its camera stands at the door.
    pub undressing: bool,
    pub note: String,
}

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

/// Whether the authority's last word is that patients undress there.
pub(super) fn is_undressing(c: &Connection, room: &str) -> Result<bool> {
    let sql = "SELECT undressing FROM room_class WHERE room = ?1 AND step = 'confirmed' ORDER BY \
        id DESC LIMIT 1";
    let found: Option<bool> = c.prepare_cached(sql)?.query_row([room], |r| r.get(0)).optional()?;
    Ok(found.unwrap_or(false))
}

/// The first word about a room, with its registration.
pub(super) fn propose(
    c: &Connection,
    room: &str,
    by: &str,
    undressing: bool,
    now: &str,
) -> Result<()> {
    append(c, room, (by, now), ClassStep::Proposed, (undressing, ""))
}

/// What was said last of a room's class, confirmed or not.
pub(super) fn last_said(c: &Connection, room: &str) -> Result<Option<bool>> {
    Ok(words(c, room)?.last().map(|word| word.undressing))
}

fn words(c: &Connection, room: &str) -> Result<Vec<ClassWord>> {
    let sql = "SELECT at, by_whom, step, undressing, note FROM room_class WHERE room = ?1 ORDER BY \
        id";
    collect(c, sql, [room], |r| {
        Ok(ClassWord {
            at: r.get(0)?,
            by: r.get(1)?,
            step: named(r.get(2)?)?,
            undressing: r.get(3)?,
            note: r.get(4)?,
        })
    })
}

fn append(
    c: &Connection,
    room: &str,
    (by, now): (&str, &str),
    step: ClassStep,
    (undressing, note): (bool, &str),
) -> Result<()> {
    let sql = "INSERT INTO room_class (room, at, by_whom, step, undressing, note) VALUES \
        (?1,?2,?3,?4,?5,?6)";
    c.execute(sql, params![room, now, by, name_of(&step)?, undressing, note])?;
    Ok(())
}
