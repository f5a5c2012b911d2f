//! The pipeline's thread: frame after frame through the stages, each answered by the engine before
//! the next. So a scripted run is repeatable, and a wipe order acts before another face is looked
//! at. It waits for the agent, which answers from memory: for no disk and for no network.

use std::{
    ops::ControlFlow,
    sync::mpsc::{Sender, channel, sync_channel},
    time::{Duration, Instant},
};

use presence::{CameraHealth, CameraState, Observation};

use crate::{
    board_heat::Governor,
    camera::{Capture, Complaint, Decoder, NextShot, Plausibility, Stop},
    clock::{Now, RealClock},
    event::{Event, RoomLook},
    live_view::LiveView,
    pipeline::{Guidance, Pipeline, nothing_seen},
    vision_stages::VisionStages,
};

/// A camera that gives no picture for this long is lost, and the engine is told each second. A
/// frame that cannot be decoded is none.
const LOST_AFTER: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(1);

/// How a live camera is supervised.
#[derive(Debug)]
pub struct Supervision {
    /// Slows it down where the board is hot.
    pub governor: Option<Governor>,
    /// Says whether its pictures can be a room's; only where a lens stands in one.
    pub plausibility: Option<Plausibility>,
}

/// Runs until the source is over, the agent is gone, or the program stops. `make` starts the
/// capture; it is called once the agent lets the pipeline begin, so that no scripted frame passes
/// before the knowledge is there. A live camera's frames come as seldom as `governor` says; the
/// newest is taken after each rest. A demonstration's `view` is told of each look.
pub fn watch<E: VisionStages>(
    mut pipeline: Pipeline<E>,
    make: impl FnOnce() -> std::io::Result<Capture>,
    Supervision { mut governor, mut plausibility }: Supervision,
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
    let mut feed = CameraFeed::opened(capture);
    while !stop.is_set() {
        let seen = match feed.look(&mut pipeline, plausibility.as_mut()) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(at) => {
                after_the_end(&mut pipeline, at, events, stop);
                break;
            }
        };
        let seen = seen.or_else(|| feed.is_due_to_tell_of_loss().then(|| unseen(&pipeline, clock)));
        if let Some(governor) = &mut governor {
            let rest = governor.pause(clock.now().mono_ms);
            feed.capture.rests(rest);
            stop.sleep_until(feed.last_frame + rest);
        }
        let Some(seen) = seen else { continue };
        feed.told = Instant::now();
        if !answered(&mut pipeline, seen, view, events, stop) {
            break;
        }
    }
    Some(feed.capture)
}

/// The camera as the thread looks through it.
struct CameraFeed {
    capture: Capture,
    decoder: Decoder,
    /// Since when the budgets of real time count.
    opened: Instant,
    last_frame: Instant,
    /// A frame that could be decoded.
    last_picture: Instant,
    /// When the engine was told of the room last.
    told: Instant,
}

impl CameraFeed {
    fn opened(capture: Capture) -> Self {
        let now = Instant::now();
        let decoder = Decoder::default();
        Self { capture, decoder, opened: now, last_frame: now, last_picture: now, told: now }
    }

    /// The next frame, examined; `Break` at the end of a scripted source.
    fn look<E: VisionStages>(
        &mut self,
        pipeline: &mut Pipeline<E>,
        plausibility: Option<&mut Plausibility>,
    ) -> ControlFlow<Now, Option<RoomLook>> {
        let shot = match self.capture.next(PATIENCE) {
            NextShot::End(at) => return ControlFlow::Break(at),
            NextShot::Nothing => return ControlFlow::Continue(None),
            NextShot::Shot(shot) => shot,
        };
        self.last_frame = Instant::now();
        match self.decoder.decode(&shot.pixels) {
            Ok(picture) => {
                self.last_picture = self.last_frame;
                let (real, capture) = (self.opened, &self.capture);
                let seen = look(pipeline, picture, shot.at, real, plausibility, capture);
                ControlFlow::Continue(seen)
            }
            Err(why) => {
                self.capture.gave_up(&why.to_string());
                ControlFlow::Continue(None)
            }
        }
    }

    /// Nothing could be seen for so long that the engine is to hear of it.
    fn is_due_to_tell_of_loss(&self) -> bool {
        let is_lost = self.last_picture.elapsed() >= LOST_AFTER;
        if is_lost && self.last_frame.elapsed() < LOST_AFTER {
            self.capture.complains(Some(Complaint::Undecodable));
        }
        is_lost && self.told.elapsed() >= PATIENCE
    }
}

/// A look at a camera that gives no pictures.
fn unseen<E: VisionStages>(pipeline: &Pipeline<E>, clock: RealClock) -> RoomLook {
    let figures = pipeline.figures();
    RoomLook { at: clock.now(), size: None, observation: nothing_seen(), figures }
}

/// Tells the engine what was seen, and does what it answers; `false` where nobody answers any more.
fn answered<E: VisionStages>(
    pipeline: &mut Pipeline<E>,
    seen: RoomLook,
    view: Option<&LiveView>,
    events: &Sender<Event>,
    stop: &Stop,
) -> bool {
    let (answer, guidance) = sync_channel(1);
    let shown = view.filter(|view| view.is_open()).map(|view| (view, seen.clone()));
    if events.send(Event::Seen(Box::new(seen), answer)).is_err() {
        return false;
    }
    let Some(guidance) = wait_for(&guidance, stop) else { return false };
    if let Some(view) = view {
        view.guided(&guidance);
    }
    if let Some((view, seen)) = shown {
        view.looked(&seen, &guidance.identities);
    }
    pipeline.guided(guidance);
    tell_taken(pipeline, events);
    true
}

/// A finding may come true after the last frame, and asks for its pictures then.
fn after_the_end<E: VisionStages>(
    pipeline: &mut Pipeline<E>,
    at: Now,
    events: &Sender<Event>,
    stop: &Stop,
) {
    let (after, guidance) = channel();
    if events.send(Event::Ended(at, after)).is_err() {
        return;
    }
    while let Some(guidance) = wait_for(&guidance, stop) {
        pipeline.guided(guidance);
        tell_taken(pipeline, events);
    }
}

/// Hands on what was sealed for findings.
fn tell_taken<E: VisionStages>(pipeline: &mut Pipeline<E>, events: &Sender<Event>) {
    for taken in pipeline.taken() {
        // An agent that is gone keeps nothing: what was sealed is told by nobody.
        let _ = events.send(Event::Taken(Box::new(taken)));
    }
}

/// Examines one picture. `None`: it could not be, which is counted and must not pass for an empty
/// room. What a blind camera shows is no observation of the room either.
fn look<E: VisionStages>(
    pipeline: &mut Pipeline<E>,
    picture: &vision::Picture,
    at: Now,
    real: Instant,
    plausibility: Option<&mut Plausibility>,
    capture: &Capture,
) -> Option<RoomLook> {
    let size = Some((picture.frame().width(), picture.frame().height()));
    let complaint =
        plausibility.and_then(|plausibility| plausibility.look(picture.frame(), at.mono_ms));
    capture.complains(complaint);
    let mut observation = pipeline.look(picture, at, real)?;
    let looked_at = observation.camera.state != CameraState::Withheld;
    if let Some(complaint) = complaint.filter(|complaint| looked_at && complaint.is_blind()) {
        observation = Observation { camera: blind(complaint), ..Observation::default() };
    }
    Some(RoomLook { at, size, observation, figures: pipeline.figures() })
}

fn blind(complaint: Complaint) -> CameraHealth {
    let state = match complaint {
        Complaint::Plain => CameraState::Covered,
        Complaint::Loop | Complaint::Pattern => CameraState::Frozen,
        _ => CameraState::Lost,
    };
    CameraHealth { state, operator_visible: false, door_visible: false }
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
