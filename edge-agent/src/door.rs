//! The active check at a door (rooms in doorway mode): whoever stands nearest is asked on a screen
//! to turn the head, in an order drawn at random, and nobody counts as live before that. Tries are
//! bounded: who goes on turning the wrong way has a recording. It knows the one who is asked, and
//! asks without a camera of its own: the pipeline hands it the landmarks that it has anyway, and
//! keeps who passed.

use presence::{Liveness, TrackId};
use vision::{ActiveCheck, ActiveState, FaceBox, HeadTurn};

mod attempts;
mod screen;
mod trial;

use attempts::DoorAttempts;
pub use screen::Screen;
pub use trial::Args;

/// A check that was passed speaks for the track so long: a check-in takes seconds, and tracks may
/// change hands.
const PASS_MS: u64 = 60_000;
/// After a check that was not passed the next one begins this much later.
const REST_MS: u64 = 2_000;
/// Whose face was not seen for this long has left; the next one is asked.
const LEFT_MS: u64 = 2_000;

/// What stands on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    Nobody,
    Straight,
    Turn(HeadTurn),
    Passed,
    Again,
    /// Too many tries: nobody is asked for a while.
    Rest,
}

impl Prompt {
    /// In both languages of the clinic; directions are the person's own.
    pub fn words(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Straight => "请正视镜头 · Look straight at the camera",
            Self::Turn(HeadTurn::Left) => "请向您的左侧转头 · Turn your head to your left",
            Self::Turn(HeadTurn::Right) => "请向您的右侧转头 · Turn your head to your right",
            Self::Passed => "验证通过，谢谢 · Thank you",
            Self::Again => "未通过，请稍候再试 · Not passed; please wait and try again",
            Self::Rest => {
                "多次未通过，请十分钟后再试，或用其他方式签到 · Not passed several times; please \
                try again in ten minutes, or check in another way"
            }
        }
    }
}

/// The check of whoever is asked now.
#[derive(Debug)]
struct Asked {
    track: TrackId,
    check: ActiveCheck,
    seen_ms: u64,
    /// When it ended without being passed.
    failed_ms: Option<u64>,
    passed: bool,
}

/// A face that may be asked.
#[derive(Debug, Clone, Copy)]
pub struct AtDoor<'a> {
    pub track: TrackId,
    pub face: &'a FaceBox,
    /// It has passed a check that still counts.
    pub passed: bool,
}

/// Whether a check that was passed then still speaks for the track.
pub fn counts(passed_ms: Option<u64>, mono_ms: u64) -> bool {
    passed_ms.is_some_and(|since| mono_ms.saturating_sub(since) < PASS_MS)
}

/// The door's check; without a screen nobody is asked, and the networks alone judge.
#[derive(Debug)]
pub struct DoorCheck {
    screen: Option<Screen>,
    /// The room is in doorway mode.
    on: bool,
    asked: Option<Asked>,
    tries: DoorAttempts,
    prompt: Prompt,
}

impl DoorCheck {
    pub fn new(screen: Option<Screen>) -> Self {
        Self {
            screen,
            on: false,
            asked: None,
            tries: DoorAttempts::default(),
            prompt: Prompt::Nobody,
        }
    }

    /// What the server says of the room.
    pub fn set_doorway(&mut self, doorway: bool) {
        if doorway && !self.on && self.screen.is_none() {
            tracing::warn!(
                "the room is a doorway and doorway.screen is not set: nobody is asked to turn the \
                head"
            );
        }
        self.on = doorway;
    }

    /// Takes the faces of a frame that may be looked at closer, and asks the nearest. Gives who
    /// passed in this frame.
    pub fn frame<'a>(
        &mut self,
        mono_ms: u64,
        faces: impl Iterator<Item = AtDoor<'a>>,
    ) -> Option<TrackId> {
        if !self.asks() {
            return None;
        }
        let faces: Vec<_> = faces.collect();
        let over = |asked: &Asked| {
            let rested = asked.failed_ms.is_some_and(|at| mono_ms.saturating_sub(at) >= REST_MS);
            rested || asked.passed || mono_ms.saturating_sub(asked.seen_ms) >= LEFT_MS
        };
        if self.asked.as_ref().is_some_and(over) {
            self.asked = None;
        }
        self.tries.pass(mono_ms);
        if self.asked.is_none() && !self.tries.door_rests() {
            let waiting =
                faces.iter().filter(|at_door| !at_door.passed && self.tries.may_ask(at_door.track));
            let nearest = waiting.max_by(|a, b| a.face.rect.width.total_cmp(&b.face.rect.width));
            self.asked = nearest.map(|at_door| Asked {
                track: at_door.track,
                check: ActiveCheck::new(drawn()),
                seen_ms: mono_ms,
                failed_ms: None,
                passed: false,
            });
        }
        self.ask(mono_ms, &faces)
    }

    fn ask(&mut self, mono_ms: u64, faces: &[AtDoor<'_>]) -> Option<TrackId> {
        let Some(asked) = &mut self.asked else {
            let prompt = match self.prompt {
                _ if faces.is_empty() => Prompt::Nobody,
                _ if self.tries.door_rests() => Prompt::Rest,
                // The ten minutes are over, and nobody is left to be asked.
                Prompt::Rest => Prompt::Nobody,
                prompt => prompt,
            };
            self.show(prompt);
            return None;
        };
        if let Some(at_door) = faces.iter().find(|at_door| at_door.track == asked.track) {
            asked.seen_ms = mono_ms;
            asked.check.frame(mono_ms, &at_door.face.landmarks);
        }
        let prompt = match asked.check.state() {
            ActiveState::Straight => Prompt::Straight,
            ActiveState::Asked(turn) => Prompt::Turn(turn),
            ActiveState::Passed => {
                asked.passed = true;
                Prompt::Passed
            }
            ActiveState::WrongWay | ActiveState::TooSlow => {
                if asked.failed_ms.is_none() {
                    asked.failed_ms = Some(mono_ms);
                    self.tries.failed(mono_ms, asked.track, asked.check.was_tried());
                }
                Prompt::Again
            }
        };
        let passed = asked.passed.then_some(asked.track);
        self.show(prompt);
        passed
    }

    /// What the networks say of a track, and what the door knows of it: nobody is live who did not
    /// turn as asked.
    pub fn verdict(&self, passed: bool, networks: Liveness) -> Liveness {
        match networks {
            Liveness::Spoof => Liveness::Spoof,
            networks if !self.asks() => networks,
            _ if passed => Liveness::Live,
            _ => Liveness::Unsure,
        }
    }

    pub fn forget(&mut self, track: TrackId) {
        self.asked.take_if(|asked| asked.track == track);
    }

    pub fn forget_everybody(&mut self) {
        self.asked = None;
    }

    /// What the screen says now.
    pub fn prompt(&self) -> Prompt {
        self.prompt
    }

    fn asks(&self) -> bool {
        self.on && self.screen.is_some()
    }

    fn show(&mut self, prompt: Prompt) {
        if prompt != self.prompt {
            self.prompt = prompt;
            if let Some(screen) = &mut self.screen {
                screen.show(prompt);
            }
        }
    }
}

/// Bits that nobody can foresee. Without any, the order is one that no recording made today knows
/// either.
fn drawn() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        u64::from(std::process::id()) ^ jiff::Timestamp::now().as_microsecond().cast_unsigned()
    })
}

#[cfg(test)]
mod tests;
