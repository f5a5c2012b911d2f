//! Writes the third renderer's presentations as folders of frames with a labels CSV, for
//! `evaluate liveness`: large clean screens, films on screens, masks on real heads, waved prints,
//! and living people, each through a good and a poor camera.
//! `cargo run --release -p scene --features attacks --example staged -- PHOTOS CLIPS OUT TRACKS
//! SEED 0|1`
//! PHOTOS holds one folder a person, CLIPS one folder a film, ten frames a second, named
//! `PERSON-FILM`. The last word chooses every other person of both: what is tuned on one half is
//! reported on the other. What it writes shows real people: keep it out of any repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for the desk stops where something is amiss"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
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
    let [photos, clips, out, tracks, seed, half] = &args[..] else {
        return Err("usage: staged PHOTOS CLIPS OUT TRACKS SEED 0|1".into());
    };
    let (tracks, seed, half): (usize, u64, usize) = (tracks.parse()?, seed.parse()?, half.parse()?);
    let people = of_half(folders(photos.as_ref())?, half);
    let films = films(clips.as_ref(), half)?;
    let room = room(seed)?;
    let dice = &mut Dice::new(seed, 7 + half as u64);
    let mut labels = String::from("path,label,source\n");
    for track in 0..tracks {
        let (staging, species) = STAGINGS[track % STAGINGS.len()];
        let (person, shown) = match staging {
            Staging::Living | Staging::MovingReplay => {
                let film = &films[track / STAGINGS.len() % films.len()];
                (film.0.clone(), film.1.clone())
            }
            _ => photograph(&people, dice)?,
        };
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
        for frame in 0..FRAMES {
            let seen = staged.seen(frame * EVERY_MS);
            for (quality, camera) in QUALITIES {
                let file = fs::File::create(folder(camera).join(format!("{frame:03}.jpg")))?;
                JpegEncoder::new_with_quality(std::io::BufWriter::new(file), quality.jpeg())
                    .encode_image(&seen.through(quality))?;
            }
        }
    }
    fs::write(Path::new(out).join("labels.csv"), labels)?;
    Ok(())
}

/// One photograph of one of these people.
fn photograph(
    people: &[PathBuf],
    dice: &mut Dice,
) -> Result<(String, Vec<RgbImage>), Box<dyn std::error::Error>> {
    let person = &people[dice.below(people.len())];
    let first = entries(person)?.into_iter().next().ok_or("a person without a photograph")?;
    let name = person.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, vec![image::open(first)?.to_rgb8()]))
}

type Film = (String, Vec<RgbImage>);

/// The films of this half's people, by person in turn.
fn films(folder: &Path, half: usize) -> Result<Vec<Film>, Box<dyn std::error::Error>> {
    let person = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split('-').next().unwrap_or_default().to_owned()
    };
    let all = folders(folder)?;
    let people: BTreeSet<String> = all.iter().map(|path| person(path)).collect();
    let kept = of_half(people.into_iter().collect(), half);
    let mut by_person: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in all.into_iter().filter(|path| kept.contains(&person(path))) {
        by_person.entry(person(&path)).or_default().push(path);
    }
    let mut films = Vec::new();
    let most = by_person.values().map(Vec::len).max().unwrap_or(0);
    for nth in 0..most {
        for (name, paths) in by_person.iter().filter(|(_, paths)| nth < paths.len()) {
            let frames = entries(&paths[nth])?.into_iter();
            let frames = frames.map(|frame| Ok(image::open(frame)?.to_rgb8()));
            films.push((name.clone(), frames.collect::<Result<_, image::ImageError>>()?));
        }
    }
    Ok(films)
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
