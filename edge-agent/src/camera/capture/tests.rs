//! The capture thread against cameras that are scripted: dropping, waiting, unplugging and
//! returning.

use std::sync::mpsc;

use vision::{Picture, PixelOrder};

use super::*;
use crate::camera::FramePixels;

const WAIT: Duration = Duration::from_secs(10);
const AT: Now = Now { mono_ms: 0, wall_ms: 0 };

fn shot(mono_ms: u64) -> Shot {
    let picture = Picture::new(vec![0; 12], 2, 2, PixelOrder::Rgb).unwrap();
    Shot { pixels: FramePixels::Ready(picture), at: Now { mono_ms, wall_ms: 0 } }
}

/// Answers with what the test sends, and waits for it.
struct Scripted(Arc<Mutex<mpsc::Receiver<Result<CameraLook, Gone>>>>);

impl Camera for Scripted {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        let next = self.0.lock().unwrap().recv();
        next.unwrap_or(Ok(CameraLook::End(AT)))
    }
}

fn start(pace: Pace) -> (mpsc::Sender<Result<CameraLook, Gone>>, Capture) {
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let open: Open =
        Box::new(move || Ok(Box::new(Scripted(Arc::clone(&receiver))) as Box<dyn Camera>));
    (
        sender,
        Capture::start(open, pace, Duration::from_millis(1), Arc::default(), Stop::default())
            .unwrap(),
    )
}

fn next_ms(capture: &Capture) -> Option<u64> {
    match capture.next(WAIT) {
        NextShot::Shot(shot) => Some(shot.at.mono_ms),
        _ => None,
    }
}

#[test]
fn the_newest_frame_wins_and_the_others_are_counted() {
    let (camera, capture) = start(Pace::NewestWins);
    for ms in 1..=5 {
        camera.send(Ok(CameraLook::Shot(shot(ms)))).unwrap();
    }
    camera.send(Ok(CameraLook::End(AT))).unwrap();
    while capture.shared.lock().ended.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(next_ms(&capture), Some(5));
    assert!(matches!(capture.next(WAIT), NextShot::End(_)));
    assert_eq!(capture.shared.counters.frames.load(Ordering::Relaxed), 5);
    assert_eq!(capture.shared.counters.dropped.load(Ordering::Relaxed), 4);
}

#[test]
fn a_scripted_source_waits_so_that_no_frame_is_lost() {
    let (camera, capture) = start(Pace::EveryFrame);
    for ms in 1..=50 {
        camera.send(Ok(CameraLook::Shot(shot(ms)))).unwrap();
    }
    drop(camera);
    let seen: Vec<_> = std::iter::from_fn(|| next_ms(&capture)).collect();
    assert_eq!(seen, (1..=50).collect::<Vec<_>>());
    assert_eq!(capture.shared.counters.dropped.load(Ordering::Relaxed), 0);
}

#[test]
fn a_camera_that_is_unplugged_comes_back() {
    let (camera, capture) = start(Pace::EveryFrame);
    camera.send(Ok(CameraLook::Shot(shot(1)))).unwrap();
    assert_eq!(next_ms(&capture), Some(1));
    camera.send(Err(Gone::new("No such device"))).unwrap();
    while capture.shared.counters.losses.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
    }
    camera.send(Ok(CameraLook::Shot(shot(2)))).unwrap();
    assert_eq!(next_ms(&capture), Some(2));
    assert!(capture.shared.counters.present.load(Ordering::Relaxed));
}

#[test]
fn a_camera_that_was_never_there_is_tried_until_it_is() {
    let mut tries = 0;
    let open: Open = Box::new(move || {
        tries += 1;
        if tries < 4 { Err(Gone::new("no /dev/video0")) } else { Ok(Box::new(Endless)) }
    });
    let capture = Capture::start(
        open,
        Pace::NewestWins,
        Duration::from_millis(1),
        Arc::default(),
        Stop::default(),
    )
    .unwrap();
    assert!(next_ms(&capture).is_some());
    assert_eq!(capture.shared.counters.losses.load(Ordering::Relaxed), 3);
    capture.finish(WAIT);
}

struct Endless;

impl Camera for Endless {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        Ok(CameraLook::Shot(shot(7)))
    }
}

#[test]
fn a_driver_that_panics_is_a_camera_that_is_gone() {
    struct Panics;
    impl Camera for Panics {
        fn look(&mut self) -> Result<CameraLook, Gone> {
            panic!("driver bug")
        }
    }
    let mut first = true;
    let open: Open = Box::new(move || {
        Ok(if std::mem::take(&mut first) {
            Box::new(Panics) as Box<dyn Camera>
        } else {
            Box::new(Endless)
        })
    });
    let capture = Capture::start(
        open,
        Pace::NewestWins,
        Duration::from_millis(1),
        Arc::default(),
        Stop::default(),
    )
    .unwrap();
    assert_eq!(next_ms(&capture), Some(7));
    assert_eq!(capture.shared.counters.losses.load(Ordering::Relaxed), 1);
}

#[test]
fn a_bad_picture_is_counted_and_the_source_goes_on() {
    let (camera, capture) = start(Pace::EveryFrame);
    camera
        .send(Ok(CameraLook::Skipped("a.jpg: the picture is empty (0 bytes)".to_owned())))
        .unwrap();
    camera.send(Ok(CameraLook::Shot(shot(1)))).unwrap();
    assert_eq!(next_ms(&capture), Some(1));
    assert_eq!(capture.shared.counters.skipped.load(Ordering::Relaxed), 1);
}
