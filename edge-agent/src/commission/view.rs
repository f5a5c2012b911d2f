//! The live view: the camera's newest picture, masked, with its faces and their widths, in memory
//! alone. Nothing here can make a picture file: the page is given bare pixels, and what lies under
//! a privacy mask is black before anything looks.
//!
//! Before the room's zones are known there is no picture at all: a mask may stand in them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

use local_page::RgbPixels;
use protocol::down::Polygon;
use vision::Analyzer;

use super::{
    distance_test::{Walk, WalkFigures},
    newest_picture::{NewestPicture, seen},
};
use evidence::Mask;

use crate::{
    camera::{self, Capture, Decoder, NextShot, Shot, Stop},
    clock::RealClock,
    config::CameraSettings,
    enroll::{Judged, judged},
};

/// A camera without a picture for this long is said to be gone.
const PATIENCE: Duration = Duration::from_secs(1);

enum Ask {
    Judge(Vec<u8>, tokio::sync::oneshot::Sender<Judged>),
}

/// The view as the page reaches it.
#[derive(Debug, Clone)]
pub(super) struct CameraView {
    shared: Arc<Shared>,
    asks: Sender<Ask>,
}

#[derive(Debug, Default)]
struct Shared {
    now: Mutex<Now>,
    count: AtomicU64,
    stop: Stop,
}

#[derive(Debug, Default)]
struct Now {
    /// `None`: the room's zones are not known, and nothing may be seen.
    mask: Option<Mask>,
    beds: Vec<Polygon>,
    seen: Option<Arc<NewestPicture>>,
    walk: Walk,
    /// What is wrong with the camera.
    complaint: Option<String>,
}

impl CameraView {
    /// Starts the camera's thread. A source that can not even be read is one line.
    pub(super) fn start(settings: CameraSettings, analyzer: Analyzer) -> anyhow::Result<Self> {
        let (asks, asked) = channel();
        let view = Self { shared: Arc::new(Shared::default()), asks };
        // Reads script and list once, so that a mistake in the configuration ends the start.
        drop(camera::source(&settings, RealClock::start(), &Stop::default())?);
        let work = Work {
            shared: Arc::clone(&view.shared),
            analyzer,
            settings,
            decoder: Decoder::default(),
        };
        std::thread::Builder::new().name("view".to_owned()).spawn(move || work.run(&asked))?;
        Ok(view)
    }

    /// The masks and beds of the room's zones, in thousandths; from here on there is a picture.
    pub(super) fn set_zones(&self, masks: Vec<Polygon>, beds: Vec<Polygon>) {
        let mut now = self.shared.lock();
        (now.mask, now.beds) = (Some(Mask::new(masks)), beds);
        // What was seen without them is gone.
        now.seen = None;
    }

    /// The picture newer than `after`, if there is one.
    pub(super) fn newer(&self, after: u64) -> Option<Arc<NewestPicture>> {
        self.shared.lock().seen.clone().filter(|seen| seen.number > after)
    }

    /// The widest face of the newest picture that is in no bed, with what is around it.
    pub(super) fn face(&self) -> Option<RgbPixels> {
        let (seen, beds) = {
            let now = self.shared.lock();
            (now.seen.clone()?, now.beds.clone())
        };
        seen.widest_face(&beds)
    }

    pub(super) fn walk(&self, on: bool) {
        let mut now = self.shared.lock();
        if on { now.walk.start() } else { now.walk.stop() }
    }

    pub(super) fn walked(&self) -> WalkFigures {
        self.shared.lock().walk.figures()
    }

    pub(super) fn complaint(&self) -> Option<String> {
        self.shared.lock().complaint.clone()
    }

    /// Judges a photograph as the server will; `None` where the view is over.
    pub(super) async fn judge(&self, photo: Vec<u8>) -> Option<Judged> {
        let (answer, judged) = tokio::sync::oneshot::channel();
        self.asks.send(Ask::Judge(photo, answer)).ok()?;
        judged.await.ok()
    }

    /// Ends the view: what was seen last is gone too.
    pub(super) fn stop(&self) {
        self.shared.stop.set();
        let mut now = self.shared.lock();
        (now.seen, now.mask) = (None, None);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn complain(&self, what: Option<String>) {
        self.lock().complaint = what;
    }
}

struct Work {
    shared: Arc<Shared>,
    analyzer: Analyzer,
    settings: CameraSettings,
    decoder: Decoder,
}

impl Work {
    /// A drawn or filed source that is over begins anew.
    fn run(mut self, asked: &Receiver<Ask>) {
        while !self.shared.stop.is_set() {
            let stop = Stop::default();
            let made =
                camera::source(&self.settings, RealClock::start(), &stop).and_then(|opened| {
                    let reconnect = Duration::from_millis(self.settings.reconnect_ms);
                    Ok(Capture::start(opened.open, opened.pace, reconnect, Arc::default(), stop)?)
                });
            match made {
                Ok(capture) => {
                    self.film(&capture, asked);
                    capture.finish(Duration::from_millis(700));
                }
                Err(why) => {
                    self.shared.complain(Some(log_lines::one_line(why.chain())));
                    std::thread::sleep(PATIENCE);
                }
            }
        }
    }

    fn film(&mut self, capture: &Capture, asked: &Receiver<Ask>) {
        while !self.shared.stop.is_set() {
            while let Ok(Ask::Judge(photo, answer)) = asked.try_recv() {
                // Who asked may have gone.
                let _ = answer.send(judged(&mut self.analyzer, &photo));
            }
            match capture.next(PATIENCE) {
                NextShot::End(_) => return,
                NextShot::Nothing => {
                    self.shared.complain(Some("the camera gives no picture".to_owned()));
                }
                NextShot::Shot(shot) => self.look(&shot),
            }
        }
    }

    fn look(&mut self, Shot { pixels, .. }: &Shot) {
        let picture = match self.decoder.decode(pixels) {
            Ok(picture) => picture,
            Err(why) => return self.shared.complain(Some(why.to_string())),
        };
        let Some(mut mask) = self.shared.lock().mask.clone() else { return };
        let number = self.shared.count.fetch_add(1, Ordering::Relaxed) + 1;
        let seen = match seen(&mut self.analyzer, picture, &mut mask, number) {
            Ok(seen) => seen,
            Err(why) => return self.shared.complain(Some(why.to_string())),
        };
        let mut now = self.shared.lock();
        // A mask that came meanwhile was not applied: the next picture has it.
        let still = now.mask.as_ref().is_some_and(|now| now.same_as(&mask));
        if !still || self.shared.stop.is_set() {
            return;
        }
        now.walk.frame(seen.faces.iter().map(|face| face.px));
        now.complaint = None;
        now.seen = Some(Arc::new(seen));
    }
}
