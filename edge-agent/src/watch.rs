//! The pipeline's thread: frame after frame through the stages, each answered by the engine before the next. So a scripted
//! run is repeatable, and a wipe order acts before another face is looked at. It never waits for disk or network itself.

use std::{
    sync::mpsc::{Sender, sync_channel},
    time::{Duration, Instant},
};

use crate::{
    agent::{Event, Seen},
    camera::{Capture, Decoder, Next, Shot, Stop},
    clock::RealClock,
    eyes::Eyes,
    heat::Governor,
    live_view::LiveView,
    pipeline::{Guidance, Pipeline, nothing_seen},
};

/// A camera that gives no frame for this long is lost, and the engine is told each second.
const LOST_AFTER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs until the source is over, the agent is gone, or the program stops. `make` starts the capture; it is called once
/// the agent lets the pipeline begin, so that no scripted frame passes before the knowledge is there. A live camera's
/// frames come as seldom as `governor` says; the newest is taken after each rest. A demonstration's `view` is told of each look.
pub fn watch<E: Eyes>(
    mut pipeline: Pipeline<E>,
    make: impl FnOnce() -> std::io::Result<Capture>,
    mut governor: Option<Governor>,
    view: Option<&LiveView>,
    events: &Sender<Event>,
    clock: RealClock,
    stop: &Stop,
) -> Option<Capture> {
    let (answer, begin) = sync_channel(1);
    events.send(Event::Begin(answer)).ok()?;
    let guidance = wait_for(&begin, stop)?;
    if let Some(view) = view {
        view.guided(&guidance);
    }
    pipeline.guided(guidance);
    let capture = match make() {
        Ok(capture) => capture,
        Err(why) => {
            tracing::error!("the capture thread can not be started: {why}");
            return None;
        }
    };
    let (real, mut decoder) = (Instant::now(), Decoder::default());
    let mut last_frame = Instant::now();
    while !stop.is_set() {
        let seen = match capture.next(PATIENCE) {
            Next::End(at) => {
                let _ = events.send(Event::Ended(at));
                break;
            }
            Next::Shot(shot) => {
                last_frame = Instant::now();
                look(&mut pipeline, &mut decoder, &shot, real)
            }
            Next::Nothing if last_frame.elapsed() >= LOST_AFTER => {
                Some(Seen { at: clock.now(), size: None, observation: nothing_seen(), figures: pipeline.figures() })
            }
            Next::Nothing => None,
        };
        if let Some(governor) = &mut governor {
            let rest = governor.pause(clock.now().mono_ms);
            capture.rests(rest);
            stop.sleep_until(last_frame + rest);
        }
        let Some(seen) = seen else { continue };
        let (answer, guidance) = sync_channel(1);
        let shown = view.filter(|view| view.is_open()).map(|view| (view, seen.clone()));
        if events.send(Event::Seen(Box::new(seen), answer)).is_err() {
            break;
        }
        match wait_for(&guidance, stop) {
            Some(guidance) => {
                if let Some(view) = view {
                    view.guided(&guidance);
                }
                if let Some((view, seen)) = shown {
                    view.looked(&seen, &guidance.identities);
                }
                pipeline.guided(guidance);
            }
            None => break,
        }
    }
    Some(capture)
}

/// Decodes and examines one frame. `None`: it could not be, which is counted and must not pass for an empty room.
fn look<E: Eyes>(
    pipeline: &mut Pipeline<E>,
    decoder: &mut Decoder,
    Shot { pixels, at }: &Shot,
    real: Instant,
) -> Option<Seen> {
    let picture = match decoder.decode(pixels) {
        Ok(picture) => picture,
        Err(why) => {
            pipeline.undecodable();
            tracing::debug!("a frame was given up: {why}");
            return None;
        }
    };
    let size = Some((picture.frame().width(), picture.frame().height()));
    let observation = pipeline.look(picture, *at, real)?;
    Some(Seen { at: *at, size, observation, figures: pipeline.figures() })
}

/// The agent's answer; `None` where it is gone or the program stops.
fn wait_for(answers: &std::sync::mpsc::Receiver<Guidance>, stop: &Stop) -> Option<Guidance> {
    loop {
        match answers.recv_timeout(Duration::from_millis(200)) {
            Ok(guidance) => return Some(guidance),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) if !stop.is_set() => {}
            Err(_) => return None,
        }
    }
}
