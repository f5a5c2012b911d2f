//! The capture thread: it opens the source, reads it, and opens it again after a loss. Between it
//! and the pipeline lies one place for one frame. It never decodes a picture and never blocks a
//! live camera.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{Again, Camera, CameraLook, Complaint, Gone, Open, Shot, Stop};
use crate::clock::Now;

/// What happens to a frame that the pipeline has not taken when the next one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It is dropped and counted: live cameras.
    NewestWins,
    /// The source waits: scripted sources, so that a run is repeatable.
    EveryFrame,
}

/// How often a file is looked at whose change is waited for.
const FILE_LOOK: Duration = Duration::from_secs(2);

/// Counts since the start; read from any thread.
#[derive(Debug, Default)]
pub struct CaptureCounters {
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
    /// What is wrong with the pictures that come.
    complaint: Mutex<Option<Complaint>>,
}

impl CaptureCounters {
    pub fn complaint(&self) -> Option<Complaint> {
        *self.complaint.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Said once when it begins, and once when it is over.
    fn complain(&self, complaint: Option<Complaint>) {
        let before = std::mem::replace(
            &mut *self.complaint.lock().unwrap_or_else(PoisonError::into_inner),
            complaint,
        );
        match complaint {
            Some(now) if before != complaint => tracing::warn!("{}", now.said()),
            None if before.is_some() => tracing::info!("the camera's pictures are good again"),
            _ => {}
        }
    }
}

/// What the pipeline gets.
#[derive(Debug)]
pub enum NextShot {
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
    counters: Arc<CaptureCounters>,
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
        counters: Arc<CaptureCounters>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared { counters, ..Shared::default() });
        let work = Worker { shared: Arc::clone(&shared), pace, reconnect, stop: stop.clone() };
        let thread =
            std::thread::Builder::new().name("capture".to_owned()).spawn(move || work.run(open))?;
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    /// The newest (live) or next (scripted) frame; waits at most `wait`.
    pub fn next(&self, wait: Duration) -> NextShot {
        let until = Instant::now() + wait;
        let mut slot = self.shared.lock();
        loop {
            if let Some(shot) = slot.shot.take() {
                self.shared.changed.notify_all();
                return NextShot::Shot(shot);
            }
            if let Some(at) = slot.ended {
                return NextShot::End(at);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO || self.stop.is_set() {
                return NextShot::Nothing;
            }
            slot = self
                .shared
                .changed
                .wait_timeout(slot, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// A frame that came and could not be decoded.
    pub fn gave_up(&self, why: &str) {
        self.shared.counters.skipped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a picture of the camera was given up: {why}");
    }

    /// Tells whoever reads the counters what is wrong with the pictures.
    pub fn complains(&self, complaint: Option<Complaint>) {
        self.shared.counters.complain(complaint);
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
            self.wait_for(&gone.again);
        }
    }

    /// Reads until the source is lost (`Some`), over, or the program ends (`None`).
    fn read(&self, mut camera: Box<dyn Camera>) -> Option<Gone> {
        let counters = &self.shared.counters;
        loop {
            if self.stop.is_set() {
                return None;
            }
            match guarded(|| camera.look()) {
                Ok(CameraLook::Shot(shot)) => {
                    counters.frames.fetch_add(1, Ordering::Relaxed);
                    if !counters.present.swap(true, Ordering::Relaxed) {
                        tracing::info!("the camera is there");
                    }
                    self.hand_over(shot);
                }
                Ok(CameraLook::Skipped(line)) => {
                    counters.skipped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!("{line}");
                }
                Ok(CameraLook::End(at)) => {
                    self.end(at);
                    return None;
                }
                Err(gone) => return Some(gone),
            }
        }
    }

    /// Until the source may be opened again: soon, or once the file that stands in its way was
    /// changed.
    fn wait_for(&self, again: &Again) {
        let begun = Instant::now();
        let Again::After(wait, file) = again else {
            self.stop.sleep_until(begun + self.reconnect);
            return;
        };
        let state = || file.as_ref().and_then(|file| std::fs::metadata(file).ok()?.modified().ok());
        let before = state();
        while begun.elapsed() < *wait && state() == before {
            let next = Instant::now() + FILE_LOOK.min(wait.saturating_sub(begun.elapsed()));
            if self.stop.sleep_until(next) {
                return;
            }
        }
    }

    fn lost(&self, gone: &Gone) {
        let counters = &self.shared.counters;
        let losses = counters.losses.fetch_add(1, Ordering::Relaxed) + 1;
        counters.present.store(false, Ordering::Relaxed);
        let again = match &gone.again {
            Again::Soon => self.reconnect,
            Again::After(wait, _) => *wait,
        };
        tracing::warn!(losses, "the camera is gone: {gone}; trying again after {again:?}");
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

    /// Says that the source is over once its last frame has been taken: [`Capture::next`] looks at
    /// the frame first.
    fn end(&self, at: Now) {
        self.shared.lock().ended = Some(at);
        self.shared.changed.notify_all();
    }
}

/// A driver that panics is a camera that is gone.
fn guarded<T>(call: impl FnOnce() -> Result<T, Gone>) -> Result<T, Gone> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        tracing::error!("the camera's driver failed: this is a fault of the program");
        Err(Gone::new("the camera's driver failed"))
    })
}

#[cfg(test)]
mod tests;
