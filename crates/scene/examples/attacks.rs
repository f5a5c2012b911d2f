//! Writes presentation attacks as folders of frames with a labels CSV, for `evaluate liveness`.
//! `cargo run --release -p scene --features attacks --example attacks -- PHOTOS OUT painted|sampled
//! TRACKS SEED [BACKGROUNDS]` PHOTOS holds one folder a person, BACKGROUNDS pictures of a room
//! (640×480); without them the drawn room serves. The painted renderer takes people of even place
//! in the folder, the sampled one the others: no face is in both. What it writes shows real people
//! where PHOTOS does: keep it out of any repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use image::{RgbImage, codecs::jpeg::JpegEncoder, imageops};
use scene::{
    Dice, Morning, Scene,
    attack::{Attack, AttackInstrument, Renderer},
};

const FRAMES: u64 = 12;
const EVERY_MS: u64 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [photos, out, renderer, tracks, seed, rest @ ..] = &args[..] else {
        return Err("usage: attacks PHOTOS OUT painted|sampled TRACKS SEED [BACKGROUNDS]".into());
    };
    let renderer = match renderer.as_str() {
        "painted" => Renderer::Painted,
        "sampled" => Renderer::Sampled,
        other => return Err(format!("\"{other}\" is neither painted nor sampled").into()),
    };
    let (tracks, seed): (usize, u64) = (tracks.parse()?, seed.parse()?);
    let mut people: Vec<PathBuf> = pictures_of(photos.as_ref())?;
    let side = usize::from(renderer == Renderer::Sampled);
    people =
        people.into_iter().enumerate().filter(|(i, _)| i % 2 == side).map(|(_, p)| p).collect();
    let rooms = rooms(rest.first().map(Path::new), side)?;
    let dice = &mut Dice::new(seed, 3);
    let mut labels = String::from("path,label\n");
    for track in 0..tracks {
        let (instrument, species) = [
            (AttackInstrument::Print, "print"),
            (AttackInstrument::Screen, "replay"),
            (AttackInstrument::Mask, "mask"),
        ][track % 3];
        let photo = image::open(&people[dice.below(people.len())])?.to_rgb8();
        let attack = Attack {
            photo: &photo,
            background: &rooms[dice.below(rooms.len())],
            instrument,
            renderer,
            seed: dice.seed(),
            x: dice.range(290.0, 340.0),
            y: dice.range(140.0, 200.0),
            half_height_px: dice.range(90.0, 150.0),
        };
        let name = format!("{species}-{track:03}");
        let folder = Path::new(out).join(&name);
        fs::create_dir_all(&folder)?;
        for frame in 0..FRAMES {
            let file = fs::File::create(folder.join(format!("{frame:03}.jpg")))?;
            JpegEncoder::new_with_quality(std::io::BufWriter::new(file), 85)
                .encode_image(&attack.frame(frame * EVERY_MS))?;
        }
        labels.extend([&name, ",", species, "\n"]);
    }
    fs::write(Path::new(out).join("labels.csv"), labels)?;
    Ok(())
}

/// The first photograph of each person, in the order of the folder's names.
fn pictures_of(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut people = entries(folder)?;
    people.retain(|p| p.is_dir());
    Ok(people.iter().filter_map(|p| entries(p).ok()?.into_iter().next()).collect())
}

/// Backgrounds, every other one for each renderer; or drawn rooms.
fn rooms(folder: Option<&Path>, side: usize) -> Result<Vec<RgbImage>, Box<dyn std::error::Error>> {
    if let Some(folder) = folder {
        let files = entries(folder)?.into_iter().enumerate().filter(|(i, _)| i % 2 == side);
        return files.map(|(_, f)| Ok(image::open(f)?.to_rgb8())).collect();
    }
    let mut rooms = Vec::new();
    for n in 0..6_u64 {
        let mut scene = Scene::drawn(Morning::bundled()?, 20 + 2 * n + side as u64);
        let mut frame = RgbImage::new(scene::room::WIDTH, scene::room::HEIGHT);
        scene.frame_at(1_000, &mut frame);
        rooms.push(imageops::crop_imm(&frame, 100 + 80 * n as u32, 60, 640, 480).to_image());
    }
    Ok(rooms)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    Ok(paths)
}
