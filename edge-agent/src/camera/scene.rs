//! A drawn treatment room as a camera: the scripted morning of the scene crate, or the same morning
//! with photographs. Each frame is drawn for its own time, so that a run can be repeated frame by
//! frame; the script may be played several times, and time goes on. Never used in production.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use image::RgbImage;
use scene::{Cast, Morning, PhotoCast, Scene};
use vision::{Picture, PixelOrder};

use super::{Camera, CameraLook, FramePixels, Gone, Shot, Stop, files::Pacer};
use crate::{clock::ScriptedClock, config::SceneSettings};

/// The morning, being filmed.
#[derive(Debug)]
pub struct SceneCamera {
    scene: Scene,
    rounds: u64,
    still: u64,
    index: u64,
    drawn: RgbImage,
    clock: ScriptedClock,
    pacer: Pacer,
}

/// A scene that is read and checked, before its clock starts.
#[derive(Debug)]
pub struct SceneScript {
    scene: Scene,
    rounds: u64,
    still: u64,
}

impl SceneScript {
    /// Reads the script and the cast; the error is one line.
    pub fn load(settings: &SceneSettings) -> anyhow::Result<Self> {
        let path = settings.script.as_str();
        let morning = if let Some(bundled) = Morning::named(path) {
            bundled?
        } else {
            let text = std::fs::read_to_string(path)
                .map_err(|why| anyhow::anyhow!("camera.script {path}: {why}"))?;
            Morning::parse(&text)?
        };
        let scene = match &settings.cast {
            None => Scene::drawn(morning, settings.seed),
            Some(cast) => {
                let cast = photographs(cast, &morning, settings.seed)?;
                Scene::new(morning, Cast::Photos(cast), settings.seed)?
            }
        };
        Ok(Self { scene, rounds: settings.rounds, still: settings.still })
    }

    /// The time of the script's first frame, where the configuration names none.
    pub fn wall_start(&self) -> Option<jiff::Timestamp> {
        self.scene.morning().wall_start.parse().ok()
    }

    pub fn film(self, clock: ScriptedClock, speed_permille: u32, stop: Stop) -> SceneCamera {
        SceneCamera {
            scene: self.scene,
            rounds: self.rounds,
            still: self.still,
            index: 0,
            drawn: RgbImage::new(scene::room::WIDTH, scene::room::HEIGHT),
            clock,
            pacer: Pacer::new(speed_permille, stop),
        }
    }
}

/// A folder with one folder per person, or a TOML file: `person = ["enrolment.jpg",
/// "in-the-room.jpg", …]`.
fn photographs(cast: &Path, morning: &Morning, seed: u64) -> anyhow::Result<PhotoCast> {
    if cast.is_dir() {
        return Ok(PhotoCast::from_folder(cast, morning, seed)?);
    }
    let said = |why: String| anyhow::anyhow!("camera.cast {}: {why}", cast.display());
    let text = std::fs::read_to_string(cast).map_err(|why| said(why.to_string()))?;
    let by_person: BTreeMap<String, Vec<PathBuf>> =
        toml::from_str(&text).map_err(|why| said(why.message().to_owned()))?;
    let base = cast.parent().unwrap_or(Path::new(""));
    let absolute = |paths: Vec<PathBuf>| paths.into_iter().map(|p| base.join(p)).collect();
    Ok(PhotoCast::from_paths(
        by_person.into_iter().map(|(person, paths)| (person, absolute(paths))).collect(),
    ))
}

impl Camera for SceneCamera {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        let at = self.clock.at_frame(self.index);
        let round_ms = self.scene.morning().duration_ms + 1;
        if at.mono_ms / round_ms >= self.rounds {
            return Ok(CameraLook::End(at));
        }
        if self.index.is_multiple_of(self.still) {
            self.scene.frame_at(at.mono_ms % round_ms, &mut self.drawn);
        }
        self.index += 1;
        let (width, height) = self.drawn.dimensions();
        let picture = Picture::new(self.drawn.as_raw().clone(), width, height, PixelOrder::Rgb)
            .map_err(|why| Gone::new(why.to_string()))?;
        self.pacer.wait(at.mono_ms);
        Ok(CameraLook::Shot(Shot { pixels: FramePixels::Ready(picture), at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SceneSettings {
        SceneSettings {
            script: "clinic_morning".to_owned(),
            seed: 7,
            rounds: 1,
            still: 1,
            cast: None,
        }
    }

    #[test]
    fn the_same_scene_gives_the_same_frames_at_the_same_times() {
        let film = || {
            let script = SceneScript::load(&settings()).unwrap();
            let clock = ScriptedClock::new(script.wall_start().unwrap(), 1_000);
            script.film(clock, 0, Stop::default())
        };
        let (mut first, mut second) = (film(), film());
        for _ in 0..3 {
            let (CameraLook::Shot(a), CameraLook::Shot(b)) =
                (first.look().unwrap(), second.look().unwrap())
            else {
                panic!()
            };
            assert_eq!(a.at, b.at);
            let (a, b) = (a.pixels.decode().unwrap(), b.pixels.decode().unwrap());
            assert_eq!(a.frame().data(), b.frame().data());
        }
    }

    #[test]
    fn every_round_shows_the_whole_script_and_time_goes_on() {
        let script = SceneScript::load(&SceneSettings { rounds: 3, ..settings() }).unwrap();
        let round_s = script.scene.morning().duration_ms / 1_000 + 1;
        // A frame every minute of a script of some forty.
        let mut camera = script.film(
            ScriptedClock::new(jiff::Timestamp::UNIX_EPOCH, 1_000 / 60),
            0,
            Stop::default(),
        );
        let mut last_ms = 0;
        let mut shots = 0;
        while let CameraLook::Shot(shot) = camera.look().unwrap() {
            assert!(shots == 0 || shot.at.mono_ms > last_ms);
            last_ms = shot.at.mono_ms;
            shots += 1;
        }
        assert!(last_ms > 2 * round_s * 1_000 && last_ms <= 3 * round_s * 1_000, "{last_ms}");
        assert_eq!(shots, 3 * round_s * 16 / 1_000 + 1, "a frame at 0 s, and one each 62.5 s");
    }

    #[test]
    fn a_script_or_cast_that_is_not_there_is_one_line() {
        for (script, cast) in
            [("nowhere.toml", None), ("clinic_morning", Some(PathBuf::from("nowhere.toml")))]
        {
            let said =
                SceneScript::load(&SceneSettings { script: script.to_owned(), cast, ..settings() });
            let said = format!("{:#}", said.unwrap_err());
            assert!(said.contains("nowhere.toml") && !said.contains('\n'), "{said}");
        }
    }
}
