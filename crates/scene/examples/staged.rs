//! Writes the third renderer's presentations as folders of frames with a labels CSV, for
//! `evaluate liveness`: large clean screens, films on screens, masks on real heads, waved prints,
//! and living people, each through a good and a poor camera.
//! `cargo run -p scene --features attacks --example staged -- PHOTOS OUT TRACKS SEED 0|1`
//! PHOTOS holds one folder of portraits a person, the face in the middle and at least 500 px high:
//! smaller ones are too soft to be filmed again. The last word chooses every other person: what is
//! tuned on one half is reported on the other. What it writes shows real people: keep it out of any
//! repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for the desk stops where something is amiss"
)]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use image::{RgbImage, codecs::jpeg::JpegEncoder};
use scene::{
    Dice, Morning, Scene,
    attack::{Quality, Staged, Staging},
};

const FRAMES: u64 = 16;
const WIDTH: u32 = 640;
const EVERY_MS: u64 = 100;
/// Of a film that a screen plays, px: finer than the camera that takes it once more.
const FILM_WIDTH: u32 = 960;
const STAGINGS: [(Staging, &str); 5] = [
    (Staging::Living, "live"),
    (Staging::CleanScreen, "replay:clean screen"),
    (Staging::MovingReplay, "replay:film"),
    (Staging::WornMask, "mask:worn"),
    (Staging::WavedPrint, "print:waved"),
];
const QUALITIES: [(Quality, &str); 2] = [(Quality::Good, "good"), (Quality::Poor, "poor")];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photos, out, tracks, seed, half] = &args[..] else {
        return Err("usage: staged PHOTOS OUT TRACKS SEED 0|1".into());
    };
    let (tracks, seed, half): (usize, u64, usize) = (tracks.parse()?, seed.parse()?, half.parse()?);
    let people = of_half(folders(photos.as_ref())?, half);
    let room = room(seed)?;
    let dice = &mut Dice::new(seed, 7 + half as u64);
    let mut labels = String::from("path,label,source\n");
    for track in 0..tracks {
        let (staging, species) = STAGINGS[track % STAGINGS.len()];
        let (person, mut shown) = photograph(&people, dice)?;
        if staging == Staging::MovingReplay {
            shown = film(&shown, &room, dice.seed());
        }
        let behind = match staging {
            Staging::WornMask => photograph(&people, dice)?.1.remove(0),
            _ => room.clone(),
        };
        let seed = dice.seed();
        let staged = Staged { staging, shown: &shown, behind: &behind, seed, width: WIDTH };
        let folder = |camera: &str| Path::new(out).join(format!("{track:03}-{camera}"));
        for (_, camera) in QUALITIES {
            fs::create_dir_all(folder(camera))?;
            let note = if species.contains(':') { " " } else { ":" };
            let _ = writeln!(labels, "{track:03}-{camera},{species}{note}{camera},{person}");
        }
        // After each track: what was drawn until it was ended can be used.
        fs::write(Path::new(out).join("labels.csv"), &labels)?;
        for frame in 0..FRAMES {
            let seen = staged.seen(frame * EVERY_MS);
            for (quality, camera) in QUALITIES {
                let file = fs::File::create(folder(camera).join(format!("{frame:03}.jpg")))?;
                JpegEncoder::new_with_quality(std::io::BufWriter::new(file), quality.jpeg())
                    .encode_image(&seen.through(quality))?;
            }
        }
    }
    Ok(())
}

/// One photograph of one of these people.
fn photograph(
    people: &[PathBuf],
    dice: &mut Dice,
) -> Result<(String, Vec<RgbImage>), Box<dyn std::error::Error>> {
    let person = &people[dice.below(people.len())];
    let photographs = entries(person)?;
    let one = photographs.get(dice.place(photographs.len())).ok_or("nobody's photograph")?;
    let name = person.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, vec![image::open(one)?.to_rgb8()]))
}

/// The film of a person that a screen plays: the living one as a good camera takes them.
fn film(portrait: &[RgbImage], behind: &RgbImage, seed: u64) -> Vec<RgbImage> {
    let staging = Staging::Living;
    let living = Staged { staging, shown: portrait, behind, seed, width: FILM_WIDTH };
    (0..FRAMES).map(|frame| living.seen(frame * EVERY_MS).through(Quality::Good)).collect()
}

/// Every other one.
fn of_half<T>(all: Vec<T>, half: usize) -> Vec<T> {
    all.into_iter().enumerate().filter(|(i, _)| i % 2 == half).map(|(_, one)| one).collect()
}

fn folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}

/// A drawn room without anybody near.
fn room(seed: u64) -> Result<RgbImage, Box<dyn std::error::Error>> {
    let mut scene = Scene::drawn(Morning::bundled()?, seed);
    let mut frame = RgbImage::new(scene::room::WIDTH, scene::room::HEIGHT);
    scene.frame_at(0, &mut frame);
    Ok(image::imageops::crop_imm(&frame, 40, 40, 640, 480).to_image())
}
