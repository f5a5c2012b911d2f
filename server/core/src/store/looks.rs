//! Looks at the boxes, once a minute: is it connected, is its camera live, how many faces did it
//! count. Judges nothing.

use super::engine::{Connection, OptionalExtension as _, params};
use protocol::id::DeviceId;
use protocol::up::{CameraState, HealthReport};

use super::rows::collect;
use super::to_judge::mark;
use super::{Result, Store, column};
use crate::clock::At;

impl Store {
    /// One look at every box that was ever heard: is it connected, is its camera live, how many
    /// faces did it count. `run` names this run of the server. Looks older than `forget_before` go.
    pub fn look(&self, run: &str, now: At, forget_before: At) -> Result<()> {
        let hour = now.ms().div_euclid(3_600_000);
        self.write(|tx| {
            let sql = "SELECT id, online, health FROM device WHERE state = 'provisioned' AND \
                last_seen IS NOT NULL";
            let boxes: Vec<(DeviceId, bool, Option<String>)> =
                collect(tx, sql, [], |r| Ok((r.id(0)?, r.get(1)?, r.get(2)?)))?;
            for (device, online, health) in &boxes {
                let health =
                    health.as_ref().and_then(|h| serde_json::from_str::<HealthReport>(h).ok());
                if !online && go_on_silent(tx, device, run, now)? {
                    mark_institution_of(tx, device)?;
                }
                look_hour(tx, device, hour, *online, health.as_ref())?;
            }
            let oldest_hour = forget_before.ms().div_euclid(3_600_000);
            tx.execute("DELETE FROM silence WHERE to_at < ?1", [forget_before])?;
            tx.execute("DELETE FROM hour_seen WHERE hour < ?1", [oldest_hour])?;
            Ok(())
        })
    }
}

/// True once a silence is long enough to be worth a question; asked again each further look.
fn go_on_silent(tx: &Connection, device: &DeviceId, run: &str, now: At) -> Result<bool> {
    let open = "SELECT from_at, to_at FROM silence WHERE device=?1 AND run=?2 ORDER BY from_at \
        DESC LIMIT 1";
    let last: Option<(At, At)> = tx
        .prepare_cached(open)?
        .query_row((device, run), |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    // Connected at the look before: another silence begins.
    let goes_on = last.filter(|(_, to)| now.ms() - to.ms() <= 2 * LOOK_MS);
    if let Some((from, _)) = goes_on {
        tx.prepare_cached("UPDATE silence SET to_at=?3 WHERE device=?1 AND from_at=?2")?
            .execute((device, from, now))?;
        Ok(now.ms() - from.ms() > 300_000)
    } else {
        let sql = "INSERT INTO silence VALUES (?1,?2,?2,?3) ON CONFLICT(device, from_at) DO UPDATE \
            SET to_at = excluded.to_at, run = excluded.run";
        tx.prepare_cached(sql)?.execute((device, now, run))?;
        Ok(false)
    }
}

/// Between two looks, ms; what looks [`Store::look`] keeps to it.
pub const LOOK_MS: i64 = 60_000;

fn mark_institution_of(tx: &Connection, device: &DeviceId) -> Result<()> {
    let sql = "SELECT r.institution FROM device d JOIN room r ON r.id = d.room WHERE d.id = ?1";
    match column(tx, sql, device)? {
        Some(institution) => mark(tx, &format!("i:{institution}")),
        None => Ok(()),
    }
}

/// No box counts further: sixty sums of an hour stay far inside the column's whole numbers.
const FACES_MAX: u64 = 1 << 50;

fn look_hour(
    tx: &Connection,
    device: &DeviceId,
    hour: i64,
    online: bool,
    health: Option<&HealthReport>,
) -> Result<()> {
    let live = online && health.is_some_and(|h| h.camera == CameraState::Live);
    let counter = health.map_or(0, |h| h.faces.min(FACES_MAX) as i64);
    let before = "SELECT last_faces FROM hour_seen WHERE device=?1 ORDER BY hour DESC LIMIT 1";
    let last: Option<i64> =
        tx.prepare_cached(before)?.query_row([device], |r| r.get(0)).optional()?;
    // A counter that fell began anew with the box.
    let faces = last.map_or(0, |last| if counter >= last { counter - last } else { counter });
    tx.prepare_cached(
        "INSERT INTO hour_seen VALUES (?1,?2,1,?3,?4,?5) ON CONFLICT(device, hour) DO UPDATE SET
        looks = hour_seen.looks + 1, live = hour_seen.live + excluded.live,
        faces = hour_seen.faces + excluded.faces, last_faces = excluded.last_faces",
    )?
    .execute(params![device, hour, live, faces, counter])?;
    Ok(())
}
