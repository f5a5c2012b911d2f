//! The words about whether patients undress in a room, as they stand in the table: appended, never
//! overwritten. Knows no registration.

use super::engine::{Connection, OptionalExtension as _, params};
use super::rows::collect;
use super::{Result, name_of, named};
use crate::clock::At;

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
    pub at: At,
    pub by: String,
    pub step: ClassStep,
    /// Patients undress there: its camera stands at the door.
    pub undressing: bool,
    pub note: String,
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
    now: At,
) -> Result<()> {
    append(c, room, (by, now), ClassStep::Proposed, (undressing, ""))
}

/// What was said last of a room's class, confirmed or not.
pub(super) fn last_said(c: &Connection, room: &str) -> Result<Option<bool>> {
    Ok(words(c, room)?.last().map(|word| word.undressing))
}

pub(super) fn words(c: &Connection, room: &str) -> Result<Vec<ClassWord>> {
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

pub(super) fn append(
    c: &Connection,
    room: &str,
    (by, now): (&str, At),
    step: ClassStep,
    (undressing, note): (bool, &str),
) -> Result<()> {
    let sql = "INSERT INTO room_class (room, at, by_whom, step, undressing, note) VALUES \
        (?1,?2,?3,?4,?5,?6)";
    c.execute(sql, params![room, now, by, name_of(&step)?, undressing, note])?;
    Ok(())
}
