//! The threads behind the pages: MQTT, ingest, knowledge, rules across days, retention, notices. Each gives way to the
//! threads that answer people, so that a rush of findings does not make the inbox wait. It decides nothing about the work.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Steps of nice(2). The scheduler gives a thread with ten about a tenth of the time of one with none while both want the
/// same core, and all of it while nobody else does.
const NICE: i32 = 10;

/// Makes the calling thread, and every thread that it will start, give way. Without it everything still works, only slower
/// for people, so a system that refuses is told of and no more.
pub fn give_way() {
    // On Linux the priority of "this process" is that of the calling thread: setpriority(2), C library/kernel differences.
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "ingest runs with the priority of the pages: they will be slower in a rush");
    }
}

/// Gives the core to whoever waits for it, and goes on at once where nobody does. Called between two pieces of work of some
/// hundred microseconds: a scheduler may let even a thread of low priority finish its slice of several milliseconds before
/// one that has just been woken gets its turn (EEVDF's run to parity), and an answer is several such turns.
pub fn between_two() {
    std::thread::yield_now();
}

/// A runtime of its own.
#[derive(Debug)]
pub struct Behind {
    /// Taken when it ends.
    runtime: Option<Runtime>,
}

impl Behind {
    pub fn new() -> std::io::Result<Self> {
        let runtime =
            Builder::new_multi_thread().thread_name("behind").on_thread_start(give_way).enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.runtime {
            Some(runtime) => runtime.spawn(work),
            // It is taken only when this value goes.
            None => tokio::spawn(work),
        }
    }
}

impl Drop for Behind {
    /// A runtime may not wait for its threads inside another one; what was to be finished was awaited before.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
