//! The end from outside: Ctrl-C, SIGTERM, and a terminal that is closed. Server and box end before
//! this process does, and its temporary folder goes. What no process can hear (SIGKILL) leaves
//! both; `clean` removes them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal};

use super::say;
use crate::programs;

/// Whether a signal has come, and its thread ends this process.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The programs of a terminal hear its Ctrl-C all at once.
const GRACE: Duration = Duration::from_millis(300);

/// From now on the first of these signals ends the programs, removes `temporary` and ends this
/// process with 128 + signal.
pub fn end_at_the_first(temporary: Option<&Path>) -> Result<()> {
    let temporary = temporary.map(Path::to_owned);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    // Heard before anything is started.
    let [mut interrupt, mut terminate, mut hangup] = {
        let _inside = runtime.enter();
        let [interrupt, terminate, hangup] = kinds.map(signal);
        [interrupt?, terminate?, hangup?]
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let (number, name) = runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => (2, "Ctrl-C"),
                _ = terminate.recv() => (15, "SIGTERM"),
                _ = hangup.recv() => (1, "the terminal is closed"),
            }
        });
        end(number, name, temporary);
    })?;
    Ok(())
}

fn end(number: i32, name: &str, temporary: Option<PathBuf>) -> ! {
    ENDING.store(true, Ordering::SeqCst);
    say(&format!("\nending     {name}: server and box are told"));
    programs::end_all();
    match temporary.map(|folder| (std::fs::remove_dir_all(&folder), folder)) {
        Some((Err(why), folder)) if folder.exists() => {
            say(&format!("ended      but {} is left: {why}", folder.display()));
        }
        _ => say("ended      nothing runs any more"),
    }
    std::process::exit(128 + number)
}

/// After an error: waits for the end where a signal is its reason. The programs may have heard it a
/// moment before.
pub fn wait_if_ending() {
    std::thread::sleep(GRACE);
    while ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}
