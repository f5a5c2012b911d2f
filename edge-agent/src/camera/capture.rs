//! The capture thread: it opens the source, reads it, and opens it again after a loss. Between it and the pipeline lies
//! one place for one frame. It never decodes a picture and never blocks a live camera.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{Camera, Gone, Look, Open, Shot, Stop};
use crate::clock::Now;

/// What happens to a frame that the pipeline has not taken when the next one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It is dropped and counted: live cameras.
    NewestWins,
    /// The source waits: scripted sources, so that a run is repeatable.
    EveryFrame,
}

/// Counts since the start; read from any thread.
#[derive(Debug, Default)]
pub struct Counters {
    pub frames: AtomicU64,
    /// Frames that a newer one replaced before they were processed.
    pub dropped: AtomicU64,
    /// Pictures that could not be read.
    pub skipped: AtomicU64,
    /// Times that the camera vanished or could not be opened.
    pub losses: AtomicU64,
    pub present: AtomicBool,
    /// How long the pipeline rests between two frames because the board is hot, in ms.
    pub rest_ms: AtomicU64,
}

/// What the pipeline gets.
#[derive(Debug)]
pub enum Next {
    Shot(Shot),
    /// No frame within the wait.
    Nothing,
    /// The scripted source is over.
    End(Now),
}

#[derive(Debug, Default)]
struct Slot {
    shot: Option<Shot>,
    ended: Option<Now>,
}

#[derive(Debug, Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
    counters: Arc<Counters>,
}

/// The running capture thread.
#[derive(Debug)]
pub struct Capture {
    shared: Arc<Shared>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts the thread. `open` is called at once, and again `reconnect` after each loss.
    pub fn start(
        open: Open,
        pace: Pace,
        reconnect: Duration,
        counters: Arc<Counters>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { counters, ..Shared::default() });
        let work = Worker { shared: Arc::clone(&shared), pace, reconnect, stop: stop.clone() };
        let thread = std::thread::Builder::new().name("capture".to_owned()).spawn(move || work.run(open))?;
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    /// The newest (live) or next (scripted) frame; waits at most `wait`.
    pub fn next(&self, wait: Duration) -> Next {
        let until = Instant::now() + wait;
        let mut slot = self.shared.lock();
        loop {
            if let Some(shot) = slot.shot.take() {
                self.shared.changed.notify_all();
                return Next::Shot(shot);
            }
            if let Some(at) = slot.ended {
                return Next::End(at);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO || self.stop.is_set() {
                return Next::Nothing;
            }
            slot = self.shared.changed.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells whoever reads the counters how long the pipeline rests between two frames.
    pub fn rests(&self, rest: Duration) {
        self.shared.counters.rest_ms.store(rest.as_millis() as u64, Ordering::Relaxed);
    }

    /// Ends the thread. A driver that does not come back from its read is left behind after `wait`.
    pub fn finish(mut self, wait: Duration) {
        self.stop.set();
        self.shared.changed.notify_all();
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + wait;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            // Its panics are caught and counted where they happen.
            let _ = thread.join();
        } else {
            tracing::warn!("the camera's driver does not answer; its thread is left behind");
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    shared: Arc<Shared>,
    pace: Pace,
    reconnect: Duration,
    stop: Stop,
}

impl Worker {
    fn run(&self, mut open: Open) {
        while !self.stop.is_set() {
            let gone = match guarded(&mut open) {
                Ok(camera) => match self.read(camera) {
                    Some(gone) => gone,
                    None => return,
                },
                Err(gone) => gone,
            };
            self.lost(&gone);
            self.stop.sleep_until(Instant::now() + self.reconnect);
        }
    }

    /// Reads until the source is lost (`Some`), over, or the program ends (`None`).
    fn read(&self, mut camera: Box<dyn Camera>) -> Option<Gone> {
        let counters = &self.shared.counters;
        let result = loop {
            if self.stop.is_set() {
                break None;
            }
            match guarded(|| camera.look()) {
                Ok(Look::Shot(shot)) => {
                    counters.frames.fetch_add(1, Ordering::Relaxed);
                    if !counters.present.swap(true, Ordering::Relaxed) {
                        tracing::info!("the camera is there");
                    }
                    self.hand_over(shot);
                }
                Ok(Look::Skipped(line)) => {
                    counters.skipped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("{line}");
                }
                Ok(Look::End(at)) => {
                    self.end(at);
                    break None;
                }
                Err(gone) => break Some(gone),
            }
        };
        // nokhwa's v4l panics in its drop when the device went in an unusual way.
        if catch_unwind(AssertUnwindSafe(|| drop(camera))).is_err() {
            tracing::warn!("the camera's driver failed while it was closed");
        }
        result
    }

    fn lost(&self, gone: &Gone) {
        let counters = &self.shared.counters;
        let losses = counters.losses.fetch_add(1, Ordering::Relaxed) + 1;
        let was_there = counters.present.swap(false, Ordering::Relaxed);
        // Said when it goes, then at every 30th try: a box without a camera must not fill its disk with that.
        if was_there || losses % 30 == 1 {
            tracing::warn!(losses, "the camera is gone: {gone}; trying again every {:?}", self.reconnect);
        }
    }

    fn hand_over(&self, shot: Shot) {
        let mut slot = self.shared.lock();
        while self.pace == Pace::EveryFrame && slot.shot.is_some() && !self.stop.is_set() {
            slot = self
                .shared
                .changed
                .wait_timeout(slot, Duration::from_millis(100))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if slot.shot.replace(shot).is_some() {
            self.shared.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.changed.notify_all();
    }

    /// Says that the source is over once its last frame has been taken: [`Capture::next`] looks at the frame first.
    fn end(&self, at: Now) {
        self.shared.lock().ended = Some(at);
        self.shared.changed.notify_all();
    }
}

/// A driver that panics is a camera that is gone.
fn guarded<T>(call: impl FnOnce() -> Result<T, Gone>) -> Result<T, Gone> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(Gone { why: "the camera's driver failed".to_owned() }))
}

#[cfg(test)]
mod tests;
