//! The boxes: registration, provisioning, what was last heard of them, and what they know.

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::id::{DeviceId, RoomId};
use protocol::up::{HealthReport, StatusBody};
use serde_json::json;

use super::rows::collect;
use super::{Result, Store, StoreError, Upsert, count, feed, incidents};
use crate::clock::At;
use crate::ingest::integrity::ChainFault;
use crate::model::DevicePlace;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    Registered,
    Provisioned,
    Revoked,
}

/// All that is known of a box.
#[derive(Debug, Clone)]
pub struct Device {
    pub id: DeviceId,
    pub room: String,
    pub institution: String,
    pub state: DeviceState,
    pub signing_key: Option<String>,
    pub sealing_key: Option<String>,
    pub firmware: String,
    pub online: bool,
    pub last_seen: Option<At>,
    pub clock_offset_ms: Option<i64>,
    pub health: Option<HealthReport>,
    pub contiguous_seq: u64,
    pub above: Vec<u64>,
    pub chain: String,
    pub knowledge: Vec<KnowledgeState>,
    /// Since when its lock stands; `None` while its commissioning goes on.
    pub locked_at: Option<At>,
    /// Until when it may fetch the unlock that somebody granted.
    pub unlocked_until: Option<At>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct KnowledgeState {
    pub kind: String,
    pub version: u64,
    /// Whether the box took this version; `None` while it has not answered.
    pub applied: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_because: Option<String>,
}

/// What a box brings when it is provisioned.
#[derive(Debug, Clone)]
pub struct NewKeys<'a> {
    pub token_hash: &'a str,
    pub signing_key: &'a str,
    pub sealing_key: &'a str,
    pub mqtt_secret_hash: &'a str,
    pub firmware: &'a str,
}

pub(super) const COLUMNS: &str =
    "SELECT d.id, d.room, r.institution, d.state, d.signing_key, d.sealing_key, d.firmware,
    d.online, d.last_seen,
    d.clock_offset_ms, d.health, d.contiguous_seq, d.chain, d.epoch, cm.locked_at, cm.unlocked_until
    FROM device d JOIN room r ON r.id = d.room LEFT JOIN commissioning cm ON cm.device = d.id";

impl Store {
    /// Registers a box for a room with a new single-use token (its hash); an earlier token holds no
    /// longer. In a room other than before it is believed there from now on, and in its former one
    /// until it took this registration.
    pub fn put_device(
        &self,
        it: &DevicePlace,
        token_hash: &str,
        now: At,
        expires_at: At,
    ) -> Result<Upsert> {
        self.write(|tx| put(tx, it, token_hash, now, expires_at))
    }

    /// Registers a box whose id nobody has: by a mistyped one no running box is moved.
    pub fn put_new_device(
        &self,
        it: &DevicePlace,
        token_hash: &str,
        now: At,
        expires_at: At,
    ) -> Result<Upsert> {
        self.write(|tx| match put(tx, it, token_hash, now, expires_at)? {
            Upsert::Created => Ok(Upsert::Created),
            Upsert::Replaced => Err(StoreError::Conflict(format!(
                "id: the box `{}` is registered already: choose another id, or move or replace it \
                on its own page",
                it.id
            ))),
        })
    }

    /// Takes the keys of the box that holds this token and uses the token up; gives device and
    /// room.
    pub fn provision(&self, keys: &NewKeys<'_>, now: At) -> Result<Option<(DeviceId, RoomId)>> {
        self.write(|tx| {
            let found: Option<(DeviceId, RoomId)> = tx
                .query_row(
                    "SELECT id, room FROM device WHERE token_hash = ?1 AND token_expires_at > ?2",
                    (keys.token_hash, now),
                    |row| Ok((row.id(0)?, row.id(1)?)),
                )
                .optional()?;
            let Some((device, room)) = found else { return Ok(None) };
            tx.execute(
                "UPDATE device SET state='provisioned', token_hash=NULL, token_expires_at=NULL,
                sealing_key=?2,
                 mqtt_secret_hash=?3, firmware=?4 WHERE id = ?1",
                params![device, keys.sealing_key, keys.mqtt_secret_hash, keys.firmware],
            )?;
            begin_chain(tx, &device, keys.signing_key, now)?;
            count(tx, "device_key_changes", 1)?;
            let taken = "UPDATE device_place SET taken_at = ?2 WHERE device = ?1 AND taken_at IS \
                NULL";
            tx.execute(taken, (&device, now))?;
            // A stolen predecessor keeps its certificate's key: from here on it opens nothing.
            tx.execute(
                "UPDATE certificate SET revoked_at=?2 WHERE device=?1 AND revoked_at IS \
                NULL",
                (&device, now),
            )?;
            // Its next versions are above all earlier ones, whatever was forgotten here.
            tx.execute("DELETE FROM knowledge WHERE device = ?1", [&device])?;
            // What an earlier box of this name locked is not this one's lock.
            tx.execute("DELETE FROM commissioning WHERE device = ?1", [&device])?;
            Ok(Some((device, room)))
        })
    }

    pub fn revoke_device(&self, id: &DeviceId, now: At) -> Result<()> {
        self.write(|tx| revoke(tx, id, now))
    }

    /// The box ends its own service, and the supervisors hear of it: whoever holds its card could
    /// otherwise end the supervision of a room without a word.
    pub fn retire_device(&self, id: &DeviceId, undelivered: u64, now: At) -> Result<()> {
        self.write(|tx| {
            let granted = "SELECT 1 FROM commissioning WHERE device = ?1 AND unlocked_until > ?2";
            let unlocked = tx.prepare_cached(granted)?.exists((id, now))?;
            revoke(tx, id, now)?;
            let cause = ChainFault::Retired { unlocked, undelivered, at: now };
            incidents::raise_integrity(tx, id, &cause, now)
        })
    }

    /// A certificate that was signed for a box.
    pub fn put_certificate(
        &self,
        serial: &str,
        device: &DeviceId,
        issued_at: At,
        expires_at: At,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO certificate VALUES (?1, ?2, ?3, ?4, NULL)",
                (serial, device, issued_at, expires_at),
            )?;
            Ok(())
        })
    }

    /// Serial and time of revocation of every revoked certificate that has not run out. One whose
    /// time does not read was written by another program, and counts as revoked from the beginning.
    pub fn revoked_certificates(&self, now: At) -> Result<Vec<(String, At)>> {
        self.read(|c| {
            let sql = "SELECT serial, revoked_at FROM certificate WHERE revoked_at IS NOT NULL \
                AND expires_at > ?1 ORDER BY serial";
            collect(c, sql, [now], |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?.parse().unwrap_or(At::EPOCH)))
            })
        })
    }

    /// The hash of the broker password of a provisioned box.
    pub fn mqtt_secret_hash(&self, id: &DeviceId) -> Result<Option<String>> {
        self.read(|c| {
            let sql = "SELECT mqtt_secret_hash FROM device WHERE id = ?1 AND state = 'provisioned'";
            Ok(c.query_row(sql, [id], |row| row.get(0)).optional()?.flatten())
        })
    }

    /// Signing keys of all provisioned boxes, for the ingest's check.
    pub fn signing_keys(&self) -> Result<Vec<(DeviceId, String)>> {
        self.read(|c| {
            let sql = "SELECT id, signing_key FROM device WHERE state = 'provisioned' AND \
                signing_key IS NOT NULL";
            collect(c, sql, [], |row| Ok((row.id(0)?, row.get(1)?)))
        })
    }

    pub fn devices(&self) -> Result<Vec<Device>> {
        self.read(|c| {
            let devices =
                collect(c, &format!("{COLUMNS} ORDER BY d.id"), [], |row| device(c, row))?;
            Ok(devices)
        })
    }

    /// The boxes that stand in a room.
    pub fn devices_of_room(&self, room: &str) -> Result<Vec<Device>> {
        let sql = format!("{COLUMNS} WHERE d.room = ?1 ORDER BY d.id");
        self.read(|c| collect(c, &sql, [room], |row| device(c, row)))
    }

    pub fn device(&self, id: &DeviceId) -> Result<Option<Device>> {
        self.read(|c| {
            Ok(collect(c, &format!("{COLUMNS} WHERE d.id = ?1"), [id], |row| device(c, row))?.pop())
        })
    }

    /// The sealing key of one provisioned box.
    pub fn sealing_key(&self, id: &DeviceId) -> Result<Option<String>> {
        self.read(|c| {
            let sql = "SELECT sealing_key FROM device WHERE id = ?1 AND state = 'provisioned'";
            Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?.flatten())
        })
    }

    /// The signing key of one provisioned box.
    pub fn signing_key(&self, id: &DeviceId) -> Result<Option<String>> {
        self.read(|c| {
            let sql = "SELECT signing_key FROM device WHERE id = ?1 AND state = 'provisioned'";
            Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?.flatten())
        })
    }

    /// The keys that a box had before its present one.
    pub fn former_signing_keys(&self, id: &DeviceId) -> Result<Vec<String>> {
        self.read(|c| {
            let sql = "SELECT k.signing_key FROM device_key k JOIN device d ON d.id = k.device
                WHERE d.id = ?1 AND k.signing_key IS DISTINCT FROM
                d.signing_key";
            collect(c, sql, [id], |row| Ok(row.get(0)?))
        })
    }

    /// Nobody is known to be connected before the broker says so.
    pub fn all_offline(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute("UPDATE device SET online = 0", [])?;
            Ok(())
        })
    }

    /// Connected boxes of these rooms or institutions; all when both are `None`. One that is away
    /// is told when it is back.
    pub fn devices_of(
        &self,
        institution: Option<&str>,
        room: Option<&str>,
    ) -> Result<Vec<DeviceId>> {
        self.read(|c| {
            let sql = "SELECT d.id FROM device d JOIN room r ON r.id = d.room WHERE d.state =
                'provisioned' AND d.online = 1
                AND (?1 IS NULL OR r.institution = ?1) AND (?2 IS NULL OR d.room = ?2) ORDER BY
                d.id";
            collect(c, sql, (institution, room), |row| Ok(row.id(0)?))
        })
    }
}

/// The last will and its counterpart; whether it is news, and whether the box
/// started anew. A status of an earlier start of the box, and the last will of
/// an earlier connection than the one that stands, change nothing: they came late. Nor does what
/// still lies at a broker that the box left for another one.
pub(super) fn set_online(
    tx: &Connection,
    status: &StatusBody,
    retained: bool,
    now: At,
) -> Result<(bool, bool)> {
    let id = &status.device;
    let before: Option<(bool, i64, String, i64)> = tx
        .prepare_cached(
            "SELECT online, boot_count, connected_at, status_boot FROM device WHERE id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((was_online, last_boot, connected_at, status_boot)) = before else {
        return Ok((false, false));
    };
    let boot_count = status.boot_count as i64;
    let other_connection = !status.online
        && was_online
        && boot_count == last_boot
        && status.connected_at != connected_at;
    let left_behind = retained
        && was_online
        && (boot_count, &status.connected_at) < (last_boot.max(status_boot), &connected_at);
    if boot_count < last_boot || other_connection || left_behind {
        super::count(tx, "stale_statuses", 1)?;
        return Ok((false, false));
    }
    tx.prepare_cached(
        "UPDATE device SET online=?2, boot_count=?3, last_seen=CASE WHEN ?2 = 1 THEN ?4 ELSE \
        last_seen END, connected_at=?5, status_boot=?3 WHERE id=?1",
    )?
    .execute(params![id, status.online, boot_count, now, status.connected_at])?;
    if was_online != status.online {
        feed::append(tx, "device", &json!({"device": id, "online": status.online}))?;
    }
    Ok((
        was_online != status.online || connected_at != status.connected_at,
        boot_count > status_boot,
    ))
}

fn put(
    tx: &Transaction<'_>,
    it: &DevicePlace,
    token_hash: &str,
    now: At,
    expires_at: At,
) -> Result<Upsert> {
    if it.id.as_str().starts_with(crate::broker::SERVER) {
        let why = format!(
            "device id `{}`: names that begin with {} are the server's \
            own",
            it.id,
            crate::broker::SERVER
        );
        return Err(StoreError::Conflict(why));
    }
    let room: bool = tx
        .prepare_cached(
            "SELECT 1 FROM room WHERE id = \
        ?1",
        )?
        .exists([it.room.as_str()])?;
    if !room {
        return Err(StoreError::Unknown { what: "room", id: it.room.to_string() });
    }
    let existed = tx
        .prepare_cached(
            "SELECT 1 FROM device WHERE id = \
        ?1",
        )?
        .exists([it.id.as_str()])?;
    tx.execute(
        "INSERT INTO device (id, room, state, token_hash, token_expires_at) VALUES
        (?1,?2,'registered',?3,?4)
         ON CONFLICT(id) DO UPDATE SET room=excluded.room,
         token_hash=excluded.token_hash, token_expires_at=excluded.token_expires_at",
        params![it.id.as_str(), it.room.as_str(), token_hash, expires_at],
    )?;
    let moved = "INSERT INTO device_place SELECT ?1, ?2, ?3, NULL WHERE ?3 <>
        (SELECT room FROM device_place WHERE device = ?1 ORDER BY since DESC LIMIT 1)
        ON CONFLICT(device, since) DO UPDATE SET room = excluded.room, taken_at = NULL";
    tx.execute(moved, (it.id.as_str(), now, it.room.as_str()))?;
    Ok(if existed { Upsert::Replaced } else { Upsert::Created })
}

/// New keys begin a new chain, in an epoch of its own; a box that comes back with the key it had
/// goes on with its chain.
fn begin_chain(tx: &Connection, device: &DeviceId, signing_key: &str, now: At) -> Result<()> {
    let same: bool = tx.query_row(
        "SELECT signing_key IS NOT DISTINCT FROM ?2 FROM device WHERE id = ?1",
        [device, signing_key],
        |row| row.get(0),
    )?;
    if same {
        return Ok(());
    }
    tx.execute(
        "UPDATE device SET signing_key=?2, chain='intact', contiguous_seq=0, contiguous_hash='',
         boot_count=0, status_boot=0, connected_at='', online=0,
         epoch = epoch + CASE WHEN EXISTS (SELECT 1 FROM message m WHERE m.device = ?1
            AND m.epoch = device.epoch) THEN 1 ELSE 0 END
         WHERE id=?1",
        [device, signing_key],
    )?;
    tx.execute(
        "INSERT INTO device_key SELECT id, epoch, signing_key, ?2 FROM device WHERE id=?1
         ON CONFLICT(device, from_epoch) DO UPDATE SET signing_key=excluded.signing_key,
         since=excluded.since",
        (device, now),
    )?;
    Ok(())
}

pub(super) fn device(c: &Connection, row: &crate::store::engine::Row<'_>) -> Result<Device> {
    let id: DeviceId = row.id(0)?;
    let (contiguous, epoch): (i64, i64) = (row.get(11)?, row.get(13)?);
    let health: Option<String> = row.get(10)?;
    Ok(Device {
        room: row.get(1)?,
        institution: row.get(2)?,
        state: super::named(row.get(3)?)?,
        signing_key: row.get(4)?,
        sealing_key: row.get(5)?,
        firmware: row.get(6)?,
        online: row.get(7)?,
        last_seen: row.get(8)?,
        clock_offset_ms: row.get(9)?,
        health: health.map(|h| serde_json::from_str(&h)).transpose()?,
        contiguous_seq: contiguous as u64,
        above: above(c, &id, epoch, contiguous)?,
        chain: row.get(12)?,
        knowledge: knowledge_of(c, &id)?,
        locked_at: row.get(14)?,
        unlocked_until: row.get(15)?,
        id,
    })
}

/// Sequences stored above the gap, rising: the latest 1,000.
pub(super) fn above(
    c: &Connection,
    device: &DeviceId,
    epoch: i64,
    contiguous: i64,
) -> Result<Vec<u64>> {
    let sql = "SELECT seq FROM message WHERE device = ?1 AND epoch = ?2 AND seq > ?3 ORDER BY seq \
        DESC LIMIT 1000";
    let mut found =
        collect(c, sql, (device, epoch, contiguous), |row| Ok(row.get::<_, i64>(0)? as u64))?;
    found.reverse();
    Ok(found)
}

fn knowledge_of(c: &Connection, device: &DeviceId) -> Result<Vec<KnowledgeState>> {
    let sql = "SELECT kind, version, ack_version, applied, refused_because FROM knowledge
        WHERE device = ?1 AND kind NOT IN ('receipt', 'unlock') ORDER BY kind";
    collect(c, sql, [device], |row| {
        let (version, acked): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
        let answered = acked == Some(version);
        Ok(KnowledgeState {
            kind: row.get(0)?,
            version: version as u64,
            applied: if answered { row.get(3)? } else { None },
            refused_because: if answered { row.get(4)? } else { None },
        })
    })
}

/// Its keys, password and certificates are void.
fn revoke(tx: &Transaction<'_>, id: &DeviceId, now: At) -> Result<()> {
    tx.execute(
        "UPDATE certificate SET revoked_at=?2 WHERE device=?1 AND revoked_at IS NULL",
        (id, now),
    )?;
    let changed = tx.execute(
        "UPDATE device SET state='revoked', mqtt_secret_hash=NULL, token_hash=NULL, online=0 \
        WHERE id=?1",
        [id],
    )?;
    if changed == 0 {
        return Err(StoreError::Unknown { what: "device", id: id.to_string() });
    }
    count(tx, "device_key_changes", 1)
}

#[cfg(test)]
mod tests;
