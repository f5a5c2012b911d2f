//! The threads behind the pages: MQTT, ingest, knowledge, rules across days, retention, notices.
//! Each gives way to the threads that answer people, so that a rush of findings does not make the
//! inbox wait. It decides nothing about the work.

use std::cell::Cell;
use std::future::Future;
use std::time::{Duration, Instant};

use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Interval;

/// Steps of nice(2). The scheduler gives a thread with ten about a tenth of the time of one with
/// none while both want the same core, and all of it while nobody else does.
const NICE: i32 = 10;

/// Work of this long between two looks whether somebody waits for the core. A thread that yields
/// loses some ten milliseconds where another one is at work without a pause: yielding more often
/// would leave ingest far less than the tenth that its priority gives it.
const LOOK: Duration = Duration::from_micros(500);

thread_local! {
    /// When this thread last yielded; nothing for one that does not give way.
    static YIELDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Makes the calling thread give way; a thread that it starts inherits the priority, and calls this
/// to yield as well. Without it everything still works, only slower for people, so a system that
/// refuses is told of and no more.
pub fn give_way() {
    YIELDED.set(Some(Instant::now()));
    // On Linux the priority of "this process" is that of the calling thread: setpriority(2), C
    // library/kernel differences.
    let given = match getpriority_process(None) {
        Ok(nice) if nice >= NICE => return,
        Ok(_) => setpriority_process(None, NICE),
        Err(error) => Err(error),
    };
    if let Err(error) = given {
        tracing::warn!(%error, "ingest runs with the priority of the pages: they will be slower \
            in a rush");
    }
}

/// On a thread that gives way, lets whoever waits for the core have it from time to time, and goes
/// on at once where nobody does. A scheduler may let even a thread of low priority finish its slice
/// of several milliseconds before one that has just been woken gets its turn (EEVDF's run to
/// parity), and an answer is several such turns.
pub fn between_two() {
    if YIELDED.get().is_some_and(|at| at.elapsed() >= LOOK) {
        std::thread::yield_now();
        YIELDED.set(Some(Instant::now()));
    }
}

/// Waits for the next tick; false once the server is stopping. That is asked first: a thread that
/// comes back from its work while the runtime ends may not ask a timer any more.
pub async fn next_round(tick: &mut Interval, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        biased;
        _ = stopping.wait_for(|stop| *stop) => false,
        _ = tick.tick() => true,
    }
}

/// A runtime of its own.
#[derive(Debug)]
pub struct LowPriority {
    /// Taken when it ends.
    runtime: Option<Runtime>,
}

impl LowPriority {
    pub fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("low-priority")
            .on_thread_start(give_way)
            .enable_all()
            .build()?;
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

impl LowPriority {
    /// Ends its work where it stands, and waits so long for threads that are in the middle of
    /// something. Blocks.
    pub fn end(mut self, within: Duration) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(within);
        }
    }
}

impl Drop for LowPriority {
    /// Of a start that failed: a runtime may not wait for its threads inside another one.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nice_of_this_thread() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The name may hold blanks; nice is the 19th field, the 17th behind the name
        // (proc_pid_stat(5)).
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap()
    }

    #[test]
    fn work_behind_the_pages_gives_way() {
        let low_priority = LowPriority::new().unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        let work = async move {
            let on_a_blocking_thread =
                tokio::task::spawn_blocking(nice_of_this_thread).await.unwrap();
            let on_its_child = std::thread::spawn(nice_of_this_thread).join().unwrap();
            said.send([nice_of_this_thread(), on_a_blocking_thread, on_its_child]).unwrap();
        };
        drop(low_priority.spawn(work));
        let before = nice_of_this_thread();
        assert_eq!(
            heard.recv_timeout(std::time::Duration::from_secs(20)).unwrap(),
            [before.max(NICE); 3]
        );
    }
}
