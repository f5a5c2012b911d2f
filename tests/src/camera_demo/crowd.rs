//! Drawn people in the place of a camera: the room of the scripted morning, with whom the act asks
//! for. Nobody in it is real.

use std::time::{Duration, Instant};

use anyhow::Result;
use image::RgbImage;
use scene::attack::{AttackInstrument, Held, present};
use scene::{Morning, Scene, room};

use super::act::Act;

/// Who plays the lead.
pub(super) const LEAD: &str = "li";
/// How long nobody stands at the bed between two acts, so that one person is not taken for
/// another's track.
const EMPTY: Duration = Duration::from_secs(11);
/// Longer than anybody watches; then it begins anew.
const HOURS_MS: u64 = 5 * 3_600_000;

/// The drawn room.
#[derive(Debug)]
pub(super) struct DrawnCrowd {
    act: Act,
    since: Instant,
    begun: Instant,
    /// One scene for each who may stand at the bed.
    lead: Scene,
    other: Scene,
    masked: Scene,
    nobody: Scene,
    /// What is held up in [`Act::Photo`].
    portrait: RgbImage,
}

impl DrawnCrowd {
    pub(super) fn new(act: Act) -> Result<Self> {
        let lead = scene(Some((LEAD, "")))?;
        let portrait = lead.enrolment_photo(LEAD)?.unwrap_or_default();
        Ok(Self {
            act,
            since: Instant::now().checked_sub(EMPTY).unwrap_or_else(Instant::now),
            begun: Instant::now(),
            other: scene(Some(("stranger-1", "")))?,
            masked: scene(Some((LEAD, "wears = [\"mask\"]\n")))?,
            nobody: scene(None)?,
            lead,
            portrait,
        })
    }

    /// The room now.
    pub(super) fn frame(&mut self, act: Act, frame: &mut RgbImage) {
        if act != self.act {
            (self.act, self.since) = (act, Instant::now());
        }
        let at_ms = self.begun.elapsed().as_millis() as u64 % HOURS_MS;
        let empty = self.since.elapsed() < EMPTY;
        let scene = match act {
            _ if empty => &mut self.nobody,
            Act::Work => &mut self.lead,
            Act::Other => &mut self.other,
            Act::Mask => &mut self.masked,
            Act::Photo | Act::Leave => &mut self.nobody,
        };
        scene.frame_at(at_ms, frame);
        if act == Act::Photo && !empty {
            let held = Held {
                x: 815.0,
                y: 232.0,
                half_height_px: 130.0,
                yaw_rad: 0.0,
                pitch_rad: 0.0,
                roll_rad: 0.0,
            };
            present(frame, &self.portrait, AttackInstrument::Print, held.moved(at_ms, 0.12));
        }
    }
}

/// A scene in which this person stands at the bed all the time, with a patient on it. Nobody else:
/// the widest face is photographed, and it is to be the lead's.
fn scene(at_the_bed: Option<(&str, &str)>) -> Result<Scene> {
    let mut text = SCRIPT.to_owned();
    if let Some((person, wears)) = at_the_bed {
        let path = "[[\"operator_middle\", \"00:00\"], [\"operator_middle\", \"300:00\"]]";
        let appearance = format!("[[appearance]]\nperson = \"{person}\"\n{wears}path = {path}\n");
        text.push_str(&appearance);
    }
    Ok(Scene::drawn(Morning::parse(&text)?, 1))
}

/// The zones of the drawn room stand in `room::zones`.
pub(super) const SIZE_PX: (u32, u32) = (room::WIDTH, room::HEIGHT);

const SCRIPT: &str = r#"
title = "Drawn people"
wall_start = "2026-03-02T00:30:00Z"
duration = "300:00"
room = "room-1"
institution = "clinic-1"
item = []
session = []
[[person]]
id = "li"
kind = "practitioner"
cloth = "white"
[[person]]
id = "patient-1"
kind = "patient"
cloth = "gown"
[[person]]
id = "stranger-1"
kind = "stranger"
cloth = "grey"
[[appearance]]
person = "patient-1"
path = [["bed", "00:00"], ["bed", "300:00"]]
"#;

#[cfg(test)]
mod tests;
