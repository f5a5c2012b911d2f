//! Named states in which a fault test may kill the process; nothing at all in a release build.
//! Knows no state's meaning: box and server each list their own.
//!
//! `ZAIGANG_KILL_AT=append.row_written:3` kills with SIGKILL when that state is reached for the
//! third time: no destructor, no flush, no goodbye, as when the kernel's memory killer or a
//! watchdog does it.

/// Ends the process here where the fault test asked for it; otherwise nothing.
#[cfg(debug_assertions)]
pub fn reached(name: &'static str) {
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

/// Nothing: a release build has no fail points.
#[cfg(not(debug_assertions))]
pub fn reached(_name: &'static str) {}
