//! What this box says to its server while an installer works at it: over HTTPS, signed by its own
//! key, each statement for one purpose and one time. It decides nothing and keeps nothing.

use std::path::Path;

use delivery::provision::{ProvisionError, state};
use jiff::Timestamp;
use protocol::{
    commission::{CommissionAnswer, LockRequest, UnlockRequest, ZonesRequest},
    down::Zones,
    id::DeviceId,
};

/// The zones that were drawn.
pub(super) fn zones(
    state_dir: &Path,
    device: &DeviceId,
    zones: &Zones,
) -> Result<CommissionAnswer, ProvisionError> {
    let said = ZonesRequest { draws: device.clone(), at: now(), zones: zones.clone() };
    state(state_dir, "zones", &said)
}

/// The lock, before it stands here.
pub(super) fn lock(
    state_dir: &Path,
    device: &DeviceId,
    lock: &str,
    zones_sha256: &str,
) -> Result<CommissionAnswer, ProvisionError> {
    let (lock, zones_sha256) = (lock.to_owned(), zones_sha256.to_owned());
    state(state_dir, "lock", &LockRequest { locks: device.clone(), at: now(), lock, zones_sha256 })
}

/// Whether somebody unlocked this box.
pub(super) fn ask_unlock(
    state_dir: &Path,
    device: &DeviceId,
    lock: &str,
) -> Result<CommissionAnswer, ProvisionError> {
    let said = UnlockRequest { asks_unlock_of: device.clone(), at: now(), lock: lock.to_owned() };
    state(state_dir, "unlock", &said)
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}
