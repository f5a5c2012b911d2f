//! What boxes said while an installer worked at them: zones, locks, and the unlocks that people
//! granted. One statement, one transaction, and none twice: the time in a statement must lie above
//! that of the box's last one.

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::down::Zones;
use protocol::id::DeviceId;

use super::registry::{put_room, room_by_id};
use super::rows::collect;
use super::{Result, Store, StoreError};
use crate::clock::At;
use crate::model::Room;

/// A box's own word, verified: whose it is, and when by its clock and by the server's.
#[derive(Debug, Clone, Copy)]
pub struct BoxStatement<'a> {
    pub device: &'a DeviceId,
    pub at: At,
    pub now: At,
}

/// Zones that were drawn at a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZonesDrawn {
    pub device: DeviceId,
    pub at: At,
    pub zones_sha256: String,
}

impl Store {
    /// Puts the zones that were drawn at a box into its room; gives the room as it stands then.
    pub fn draw_zones(&self, said: BoxStatement<'_>, zones: &Zones) -> Result<Room> {
        self.write(|tx| {
            let mut room = taken(tx, said)?;
            let locked: Option<At> = tx
                .query_row(
                    "SELECT locked_at FROM commissioning WHERE device = ?1 AND lock IS NOT NULL
                     AND coalesce(unlocked_until, '') <= ?2",
                    (said.device, said.now),
                    |r| r.get(0),
                )
                .optional()?;
            if let Some(since) = locked {
                let why = format!(
                    "this box is locked since {since}: a supervisor must unlock it for \
                        commissioning first"
                );
                return Err(StoreError::Conflict(why));
            }
            room.zones = zones.clone();
            room.check().map_err(StoreError::Conflict)?;
            put_room(tx, &room, said.now)?;
            let hash = trust::canonical_sha256(zones)?;
            tx.execute(
                "INSERT INTO zones_drawn (room, device, at, zones_sha256) VALUES (?1,?2,?3,?4)",
                params![room.id.as_str(), said.device, said.now, hash],
            )?;
            Ok(room)
        })
    }

    /// The box is locked with these zones, which must be those of its room.
    pub fn lock_box(&self, said: BoxStatement<'_>, lock: &str, zones_sha256: &str) -> Result<Room> {
        self.write(|tx| {
            let room = taken(tx, said)?;
            if trust::canonical_sha256(&room.zones)? != zones_sha256 {
                let why = "the room's zones here are others than those at the box: save them \
                    there, wait until they are in force, and lock again";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            tx.execute(
                "UPDATE commissioning SET lock=?2, locked_at=?3, zones_sha256=?4, \
                unlocked_until=NULL, unlocked_by=NULL WHERE device=?1",
                params![said.device, lock, said.now, zones_sha256],
            )?;
            Ok(room)
        })
    }

    /// Whether somebody unlocked this box, and until when it may fetch the unlock.
    pub fn ask_unlock(&self, said: BoxStatement<'_>) -> Result<(Room, Option<At>)> {
        self.write(|tx| {
            let room = taken(tx, said)?;
            let sql = "SELECT unlocked_until FROM commissioning WHERE device = ?1 AND \
                unlocked_until > ?2";
            let until = tx.query_row(sql, (said.device, said.now), |r| r.get(0)).optional()?;
            Ok((room, until))
        })
    }

    /// Lets a box that is in service fetch an unlock.
    pub fn grant_unlock(&self, device: &DeviceId, by: &str, until: At) -> Result<()> {
        self.write(|tx| {
            let there = "SELECT 1 FROM device WHERE id = ?1 AND state = 'provisioned'";
            if !tx.prepare_cached(there)?.exists([device])? {
                return Err(StoreError::Unknown {
                    what: "provisioned device",
                    id: device.to_owned().into(),
                });
            }
            tx.execute(
                "INSERT INTO commissioning (device, unlocked_until, unlocked_by) VALUES (?1,?2,?3)
                 ON CONFLICT(device) DO UPDATE SET unlocked_until=excluded.unlocked_until,
                 unlocked_by=excluded.unlocked_by",
                (device, until, by),
            )?;
            Ok(())
        })
    }

    /// Zones that boxes drew into a room, newest first.
    pub fn zones_drawn(&self, room: &str, limit: u32) -> Result<Vec<ZonesDrawn>> {
        self.read(|c| {
            let sql = "SELECT device, at, zones_sha256 FROM zones_drawn WHERE room = ?1 ORDER BY \
                id DESC LIMIT ?2";
            collect(c, sql, (room, limit), |r| {
                Ok(ZonesDrawn { device: r.id(0)?, at: r.get(1)?, zones_sha256: r.get(2)? })
            })
        })
    }
}

/// Notes the time of a statement and gives the box's room; refuses one that is not newer than the
/// last.
fn taken(tx: &Transaction<'_>, said: BoxStatement<'_>) -> Result<Room> {
    let newer = tx.execute(
        "INSERT INTO commissioning (device, said_at) VALUES (?1,?2)
         ON CONFLICT(device) DO UPDATE SET said_at=excluded.said_at WHERE
         commissioning.said_at < excluded.said_at",
        (said.device, said.at),
    )?;
    if newer == 0 {
        let why = "this statement of the box is not newer than its last one: it was sent before, \
            or the box's clock went back";
        return Err(StoreError::Conflict(why.to_owned()));
    }
    room_of(tx, said.device)
}

fn room_of(c: &Connection, device: &DeviceId) -> Result<Room> {
    let id = super::column(c, "SELECT room FROM device WHERE id = ?1", device)?;
    let id =
        id.ok_or_else(|| StoreError::Unknown { what: "device", id: device.to_owned().into() })?;
    room_by_id(c, &id)?.ok_or(StoreError::Unknown { what: "room", id })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t');
        INSERT INTO room VALUES
        ('r-1','c-1','x','{\"id\":\"r-1\",\"institution\":\"c-1\",\"mode\":\"in_room\"}','t');
        INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned');";

    fn store() -> (Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.write(|tx| Ok(tx.execute_batch(ROWS)?)).unwrap();
        (store, dir)
    }

    static BOX: std::sync::LazyLock<DeviceId> =
        std::sync::LazyLock::new(|| "box-1".parse().unwrap());

    fn said(second: i64) -> BoxStatement<'static> {
        BoxStatement { device: &BOX, at: At::of_s(second), now: At::of_s(second) }
    }

    fn bed(x: i32) -> Zones {
        Zones { bed: vec![vec![(x, 0), (900, 0), (900, 900)]], ..Zones::default() }
    }

    #[test]
    fn a_statement_is_taken_once_and_never_out_of_its_order() {
        let (store, _dir) = store();
        assert_eq!(store.draw_zones(said(2), &bed(1)).unwrap().zones, bed(1));
        for replayed in [2, 1] {
            let why = store.draw_zones(said(replayed), &bed(2)).unwrap_err().to_string();
            assert!(why.contains("not newer"), "{why}");
        }
        assert_eq!(store.room("r-1").unwrap().unwrap().zones, bed(1));
        let drawn = store.zones_drawn("r-1", 10).unwrap();
        assert!(
            drawn.len() == 1 && drawn[0].device == "box-1" && drawn[0].at == At::of_s(2),
            "{drawn:?}"
        );
    }

    #[test]
    fn a_locked_box_draws_nothing_until_it_is_unlocked() {
        let (store, _dir) = store();
        store.draw_zones(said(1), &bed(1)).unwrap();
        let hash = |zones: &Zones| trust::canonical_sha256(zones).unwrap();
        assert!(
            store
                .lock_box(said(2), "l", &hash(&bed(2)))
                .unwrap_err()
                .to_string()
                .contains("others than")
        );
        store.lock_box(said(3), "l", &hash(&bed(1))).unwrap();
        let why = store.draw_zones(said(4), &bed(2)).unwrap_err().to_string();
        assert!(why.contains("locked since 1970-01-01T00:00:03.000Z"), "{why}");
        assert_eq!(store.ask_unlock(said(5)).unwrap().1, None);
        store.grant_unlock(&"box-1".parse().unwrap(), "wang", At::of_s(8)).unwrap();
        assert_eq!(store.ask_unlock(said(6)).unwrap().1, Some(At::of_s(8)));
        store.draw_zones(said(7), &bed(2)).unwrap();
        assert!(store.draw_zones(said(8), &bed(3)).is_err(), "the grant is over");
        store.grant_unlock(&"box-1".parse().unwrap(), "wang", At::of_s(100)).unwrap();
        store.lock_box(said(9), "l2", &hash(&bed(2))).unwrap();
        assert_eq!(store.ask_unlock(said(10)).unwrap().1, None, "a new lock ends the grant");
        assert!(store.grant_unlock(&"box-9".parse().unwrap(), "wang", At::of_s(100)).is_err());
    }
}
