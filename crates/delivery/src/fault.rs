//! Named states in which a fault test may kill the process; nothing at all in a release build.
//!
//! `ZAIGANG_KILL_AT=append.row_written:3` kills with SIGKILL when that state is reached for the
//! third time: no destructor, no flush, no goodbye, as when the kernel's memory killer or a
//! watchdog does it.

/// Every state, for tests that go through them all. The order is the one in which a message lives
/// through them.
pub const STATES: &[&str] = &[
    "boot.counted",
    "counters.before_write",
    "counters.after_write",
    "append.before_tx",
    "append.row_written",
    "append.committed",
    "mqtt.handed_over",
    "mqtt.receipt_verified",
    "receipt.rows_deleted",
    "receipt.committed",
    "drop.rows_deleted",
    "drop.committed",
    "reserve.released",
    "aside.renamed",
    "aside.new_database",
    "aside.rows_moved",
];

#[cfg(debug_assertions)]
pub(crate) fn state(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("ZAIGANG_KILL_AT").ok()?;
        let (name, times) = text.split_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    let Some((at, times)) = wanted else { return };
    if at != name || REACHED.fetch_add(1, Ordering::SeqCst) + 1 != *times {
        return;
    }
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &std::process::id().to_string()])
        .status();
    loop {
        std::thread::park();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn state(_name: &'static str) {}
