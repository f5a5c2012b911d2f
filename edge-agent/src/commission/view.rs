//! The live view: the camera's newest picture, masked, with its faces and their widths, in memory alone. Nothing here can
//! make a picture file: the page is given bare pixels, and what lies under a privacy mask is black before anything looks.
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

use protocol::down::Polygon;
use serde::Serialize;
use vision::{Analyzer, FaceBox, Frame, Gate, Picture, PixelOrder, enrol::EnrolError, enrol::template_from_photo};

use super::walk::{ENOUGH_PX, Figures, Walk};
use crate::{
    camera::{self, Capture, Decoder, Next, Shot, Stop},
    clock::RealClock,
    config::CameraSettings,
    eyes::Eyes,
    privacy::Mask,
};

/// Widest picture that is handed out; larger ones are made smaller by whole numbers.
const SHOWN_WIDTH: u32 = 640;
/// A camera without a picture for this long is said to be gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// One face of the newest picture, in thousandths of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FaceSeen {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) w: i32,
    pub(super) h: i32,
    /// Its width in the camera's own pixels.
    pub(super) px: u32,
    pub(super) enough: bool,
}

/// The newest picture: masked, in the camera's own size.
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<u8>,
    order: PixelOrder,
    pub(super) faces: Vec<FaceSeen>,
    boxes: Vec<FaceBox>,
}

/// Pixels never print.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seen({}×{}, {} faces)", self.width, self.height, self.faces.len())
    }
}

/// Bare pixels, red, green, blue, from top to bottom.
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

/// How a photograph was judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Judged {
    pub(super) good: bool,
    pub(super) width_px: Option<u32>,
    pub(super) zh: String,
    pub(super) en: String,
}

enum Ask {
    Judge(Vec<u8>, tokio::sync::oneshot::Sender<Judged>),
}

/// The view as the page reaches it.
#[derive(Debug, Clone)]
pub(super) struct View {
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
    seen: Option<Arc<Seen>>,
    walk: Walk,
    /// What is wrong with the camera.
    complaint: Option<String>,
}

impl View {
    /// Starts the camera's thread. A source that can not even be read is one line.
    pub(super) fn start(settings: CameraSettings, analyzer: Analyzer) -> anyhow::Result<Self> {
        let (asks, asked) = channel();
        let view = Self { shared: Arc::new(Shared::default()), asks };
        // Reads script and list once, so that a mistake in the configuration ends the start.
        drop(camera::source(&settings, RealClock::start(), &Stop::default())?);
        let work = Work { shared: Arc::clone(&view.shared), analyzer, settings, decoder: Decoder::default() };
        std::thread::Builder::new().name("view".to_owned()).spawn(move || work.run(&asked))?;
        Ok(view)
    }

    /// The masks of the room's zones, in thousandths; from here on there is a picture.
    pub(super) fn set_masks(&self, masks: Vec<Polygon>) {
        let mut now = self.shared.lock();
        now.mask = Some(Mask::new(masks));
        // What was seen without them is gone.
        now.seen = None;
    }

    /// The picture newer than `after`, if there is one.
    pub(super) fn newer(&self, after: u64) -> Option<Arc<Seen>> {
        self.shared.lock().seen.clone().filter(|seen| seen.number > after)
    }

    pub(super) fn walk(&self, on: bool) {
        let mut now = self.shared.lock();
        if on { now.walk.start() } else { now.walk.stop() }
    }

    pub(super) fn walked(&self) -> Figures {
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
            let made = camera::source(&self.settings, RealClock::start(), &stop).and_then(|opened| {
                let reconnect = Duration::from_millis(self.settings.reconnect_ms);
                Ok(Capture::start(opened.open, opened.pace, reconnect, Arc::default(), stop)?)
            });
            match made {
                Ok(capture) => {
                    self.film(&capture, asked);
                    capture.finish(Duration::from_millis(700));
                }
                Err(why) => {
                    self.shared.complain(Some(format!("{why:#}")));
                    std::thread::sleep(PATIENCE);
                }
            }
        }
    }

    fn film(&mut self, capture: &Capture, asked: &Receiver<Ask>) {
        while !self.shared.stop.is_set() {
            while let Ok(Ask::Judge(photo, answer)) = asked.try_recv() {
                // Who asked may have gone.
                let _ = answer.send(judge(&mut self.analyzer, &photo));
            }
            match capture.next(PATIENCE) {
                Next::End(_) => return,
                Next::Nothing => self.shared.complain(Some("the camera gives no picture".to_owned())),
                Next::Shot(shot) => self.look(&shot),
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

/// Masks a copy of the picture, then finds the faces in it.
fn seen(eyes: &mut impl Eyes, picture: &Picture, mask: &mut Mask, number: u64) -> Result<Seen, vision::VisionError> {
    let frame = picture.frame();
    let (width, height, order) = (frame.width(), frame.height(), frame.order());
    let mut pixels = frame.data().to_vec();
    mask.apply(&mut pixels, width, height);
    let mut boxes = Vec::new();
    eyes.detect(Frame::new(&pixels, width, height, order)?, &mut boxes)?;
    let faces = boxes.iter().map(|face| shown(face, width, height)).collect();
    Ok(Seen { number, width, height, pixels, order, faces, boxes })
}

fn shown(face: &FaceBox, width: u32, height: u32) -> FaceSeen {
    let part = |value: f32, whole: u32| (value * 1000.0 / whole as f32).round() as i32;
    let px = face.rect.width.max(0.0).round() as u32;
    FaceSeen {
        x: part(face.rect.x, width),
        y: part(face.rect.y, height),
        w: part(face.rect.width, width),
        h: part(face.rect.height, height),
        px,
        enough: px >= ENOUGH_PX,
    }
}

fn judge(analyzer: &mut Analyzer, photo: &[u8]) -> Judged {
    match template_from_photo(analyzer, photo, &Gate::ENROLMENT) {
        Ok(enrolled) => Judged {
            good: true,
            width_px: Some(enrolled.quality.face_width_px.round() as u32),
            zh: "照片合格".to_owned(),
            en: "good".to_owned(),
        },
        Err(why) => {
            let width_px = match &why {
                EnrolError::Rejected(rejection) => rejection.quality.as_ref().map(|q| q.face_width_px.round() as u32),
                EnrolError::Vision(_) => None,
            };
            Judged { good: false, width_px, zh: why.zh(), en: why.to_string() }
        }
    }
}

impl Seen {
    /// The whole picture, made small enough to show.
    pub(super) fn whole(&self) -> Pixels {
        let step = self.width.div_ceil(SHOWN_WIDTH).max(1);
        self.cut((0, 0), (self.width / step * step, self.height / step * step), step)
    }

    /// The widest face with what is around it, in the camera's own pixels; nobody else needs to be in an enrolment.
    pub(super) fn widest_face(&self) -> Option<Pixels> {
        let face = self.boxes.iter().max_by(|a, b| a.rect.width.total_cmp(&b.rect.width))?;
        let margin = face.rect.width.max(face.rect.height) * 0.6;
        let clamp = |value: f32, most: u32| value.clamp(0.0, most as f32) as u32;
        let (left, top) = (clamp(face.rect.x - margin, self.width), clamp(face.rect.y - margin, self.height));
        let right = clamp(face.rect.x + face.rect.width + margin, self.width);
        let bottom = clamp(face.rect.y + face.rect.height + margin, self.height);
        (right > left && bottom > top).then(|| self.cut((left, top), (right - left, bottom - top), 1))
    }

    /// A rectangle that lies in the picture, each `step`×`step` pixels as their mean.
    fn cut(&self, (left, top): (u32, u32), (width, height): (u32, u32), step: u32) -> Pixels {
        let (out_width, out_height, step) = ((width / step) as usize, (height / step) as usize, step as usize);
        let channels = if self.order == PixelOrder::Rgb { [0, 1, 2] } else { [2, 1, 0] };
        let (left, top, row_bytes) = (left as usize, top as usize, self.width as usize * 3);
        let mut rgb = Vec::with_capacity(out_width * out_height * 3);
        for row in 0..out_height {
            for column in 0..out_width {
                for channel in channels {
                    let at = |dy: usize, dx: usize| {
                        (top + row * step + dy) * row_bytes + (left + column * step + dx) * 3 + channel
                    };
                    let all = (0..step).flat_map(|dy| (0..step).map(move |dx| (dy, dx)));
                    let sum: usize = all.map(|(dy, dx)| usize::from(self.pixels[at(dy, dx)])).sum();
                    rgb.push((sum / (step * step)) as u8);
                }
            }
        }
        Pixels { width: out_width as u32, height: out_height as u32, rgb }
    }
}

#[cfg(test)]
mod tests {
    use vision::{Embedding, LivenessScore, Rect, VisionError};

    use super::*;
    use crate::eyes::Worth;

    /// Sees one face where the picture is not black.
    struct OneFace;

    impl Eyes for OneFace {
        fn detect(&mut self, frame: Frame<'_>, faces: &mut Vec<FaceBox>) -> Result<(), VisionError> {
            let white = frame.data().chunks(3).position(|p| p[0] > 0);
            if let Some(at) = white {
                let (x, y) = (at as u32 % frame.width(), at as u32 / frame.width());
                let rect = Rect { x: x as f32, y: y as f32, width: 40.0, height: 50.0 };
                faces.push(FaceBox { rect, score: 0.9, landmarks: [[0.0; 2]; 5] });
            }
            Ok(())
        }

        fn assess(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Worth, VisionError> {
            unreachable!("the view judges nobody's face by itself")
        }

        fn embed(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Embedding, VisionError> {
            unreachable!("the view embeds nobody")
        }

        fn masked(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Option<f32>, VisionError> {
            unreachable!()
        }

        fn liveness(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Option<LivenessScore>, VisionError> {
            unreachable!()
        }

        fn dropped_not_finite(&self) -> u64 {
            0
        }
    }

    fn white(width: u32, height: u32) -> Picture {
        Picture::new(vec![200; (width * height * 3) as usize], width, height, PixelOrder::Bgr).unwrap()
    }

    #[test]
    fn what_lies_under_a_mask_is_black_before_anybody_is_looked_for() {
        let mut left = Mask::new(vec![vec![(0, 0), (500, 0), (500, 1000), (0, 1000)]]);
        let half = seen(&mut OneFace, &white(200, 100), &mut left, 1).unwrap();
        assert!(half.faces[0].x >= 500, "{:?}", half.faces);
        let shown = half.whole();
        assert_eq!((shown.rgb[0], shown.rgb[shown.rgb.len() - 1]), (0, 200));
        let mut all = Mask::new(vec![vec![(0, 0), (1000, 0), (1000, 1000), (0, 1000)]]);
        let none = seen(&mut OneFace, &white(200, 100), &mut all, 2).unwrap();
        assert!(none.faces.is_empty() && none.widest_face().is_none());
        assert!(none.whole().rgb.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_wide_picture_is_made_smaller_and_a_face_is_cut_out_as_it_is() {
        let seen = seen(&mut OneFace, &white(1920, 1080), &mut Mask::default(), 1).unwrap();
        let whole = seen.whole();
        assert_eq!((whole.width, whole.height, whole.rgb.len()), (640, 360, 640 * 360 * 3));
        assert_eq!((seen.faces[0].px, seen.faces[0].enough), (40, true));
        let face = seen.widest_face().unwrap();
        assert_eq!((face.width, face.height), (70, 80));
        assert!(!format!("{seen:?}").contains("200"), "pixels print");
    }
}
