//! Writes the drawn pictures that `models/avatar/train.py` learns from and is measured on, as raw
//! files with a JSON header. `cargo run -p scene --release --features training --example dataset --
//! --out DIR [--seed 1] [--count 5000] [--test-count 200] [--crowds 4500] [--scene-step-s 20]
//! [--only faces|crowds|scenes]` `--count` and `--test-count` are identities; train and test
//! identities never meet (different seed streams).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use image::RgbImage;
use scene::training::{aligned_face, crowd};
use scene::{Dice, FaceTruth, Identity, Morning, Scene};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const SIDE: u32 = 192;
const FACES_MAX: usize = 8;
const TRAIN_VIEWS: usize = 4;
const TEST_VIEWS: usize = 12;
const TEST_MASKED_VIEWS: usize = 6;

type Res<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Res<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let get = |key: &str| args.iter().position(|a| a == key).and_then(|i| args.get(i + 1).cloned());
    let number = |key: &str, default: u64| get(key).map_or(Ok(default), |v| v.parse::<u64>());
    let Some(out) = get("--out").map(PathBuf::from) else {
        return Err("usage: dataset --out DIR [--seed N] [--count N] …".into());
    };
    let seed = number("--seed", 1)?;
    std::fs::create_dir_all(&out)?;
    let only = get("--only").unwrap_or_default();
    let wanted = |part: &str| only.is_empty() || only == part;
    if wanted("crowds") {
        crowds(&out, "crowds_train", seed, number("--crowds", 4500)?)?;
        crowds(&out, "crowds_test", seed ^ 0xD00D, 300)?;
    }
    if wanted("scenes") {
        scenes(&out, seed, number("--scene-step-s", 20)? * 1000)?;
    }
    if wanted("faces") {
        faces(
            &out,
            "faces_test",
            seed ^ 0x7E57,
            number("--test-count", 200)?,
            TEST_VIEWS,
            TEST_MASKED_VIEWS,
        )?;
        faces(&out, "faces_train", seed, number("--count", 5000)?, TRAIN_VIEWS, 0)?;
    }
    Ok(())
}

/// Runs `make(i)` for 0..n on a few threads and appends what each returns to the files
/// `NAME{suffix}`, in order.
fn write_all(
    out: &Path,
    name: &str,
    suffixes: &[&str],
    n: u64,
    make: impl Fn(u64) -> Vec<Vec<u8>> + Sync,
) -> Res<()> {
    let mut files = Vec::new();
    for suffix in suffixes {
        files.push(BufWriter::new(File::create(out.join(format!("{name}{suffix}")))?));
    }
    let threads = std::thread::available_parallelism()?.get() as u64 * 2;
    let chunk = 64;
    for begin in (0..n).step_by((chunk * threads) as usize) {
        let parts: Vec<Vec<Vec<Vec<u8>>>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads)
                .map(|t| {
                    let from = begin + t * chunk;
                    let make = &make;
                    scope.spawn(move || (from..(from + chunk).min(n)).map(make).collect())
                })
                .collect();
            workers.into_iter().map(|w| w.join().unwrap_or_default()).collect()
        });
        for made in parts.into_iter().flatten() {
            for (file, bytes) in files.iter_mut().zip(made) {
                file.write_all(&bytes)?;
            }
        }
    }
    Ok(())
}

/// `NAME.u8`: n×128×128×3 BGR; `NAME_traits.f32`: one row an identity; `NAME_masked.u8`: 1 where
/// masked.
fn faces(
    out: &Path,
    name: &str,
    seed: u64,
    identities: u64,
    views: usize,
    masked_views: usize,
) -> Res<()> {
    write_all(out, name, &[".u8", "_traits.f32", "_masked.u8"], identities, |i| {
        let d = &mut Dice::new(seed, 1000 + i);
        let identity = Identity::from_seed(d.seed());
        let traits = identity.traits().iter().flat_map(|t| t.to_le_bytes()).collect();
        let (mut pixels, mut masks) = (Vec::new(), Vec::new());
        for view in 0..views + masked_views {
            let masked = if masked_views > 0 { view >= views } else { d.chance(0.25) };
            bgr(&aligned_face(&identity, d, masked), &mut pixels);
            masks.push(u8::from(masked));
        }
        vec![pixels, traits, masks]
    })?;
    let row = Identity::from_seed(0).traits().len();
    let header = format!(
        "{{\"identities\":{identities},\"views\":{},\"traits\":{row}}}\n",
        views + masked_views
    );
    std::fs::write(out.join(format!("{name}.json")), header)?;
    Ok(())
}

/// `NAME.u8`: n×192×192×3 BGR; `NAME_truth.f32`: n×8×17 (x, y, w, h, five points, facing, masked, 1
/// = a face).
fn crowds(out: &Path, name: &str, seed: u64, n: u64) -> Res<()> {
    write_all(out, name, &[".u8", "_truth.f32"], n, |i| {
        let (img, faces) = crowd(&mut Dice::new(seed, 1000 + i), SIDE);
        let (mut pixels, mut truth) = (Vec::new(), Vec::new());
        bgr(&img, &mut pixels);
        truths(&faces, &mut truth);
        vec![pixels, truth]
    })?;
    std::fs::write(out.join(format!("{name}.json")), format!("{{\"n\":{n},\"side\":{SIDE}}}\n"))?;
    Ok(())
}

/// Whole frames of the morning, one every `step_ms`, with who is where: measured on, never trained
/// on.
fn scenes(out: &Path, seed: u64, step_ms: u64) -> Res<()> {
    let mut scene = Scene::drawn(Morning::bundled()?, seed);
    let mut pixels = BufWriter::new(File::create(out.join("scenes.u8"))?);
    let mut truth = BufWriter::new(File::create(out.join("scenes_truth.f32"))?);
    let mut names = Vec::new();
    let mut frame = RgbImage::new(1280, 720);
    for i in 0..scene.morning().duration_ms / step_ms {
        let seen = scene.frame_at(i * step_ms + step_ms * 9 / 20, &mut frame);
        let (mut picture, mut rows) = (Vec::new(), Vec::new());
        bgr(&frame, &mut picture);
        truths(&seen.iter().map(|t| t.face).collect::<Vec<_>>(), &mut rows);
        pixels.write_all(&picture)?;
        truth.write_all(&rows)?;
        names.push(format!(
            "[{}]",
            seen.iter().map(|t| format!("\"{}\"", t.person)).collect::<Vec<_>>().join(",")
        ));
    }
    let dir = out.join("enrol");
    std::fs::create_dir_all(&dir)?;
    let people: Vec<String> = scene.morning().practitioners().map(|p| p.id.clone()).collect();
    for id in people {
        if let Some(photo) = scene.enrolment_photo(&id)? {
            photo.save(dir.join(format!("{id}.png")))?;
        }
    }
    std::fs::write(out.join("scenes.json"), format!("{{\"frames\":[{}]}}\n", names.join(",")))?;
    Ok(())
}

fn truths(faces: &[FaceTruth], to: &mut Vec<u8>) {
    for slot in 0..FACES_MAX {
        let mut row = [0.0f32; 17];
        if let Some(f) = faces.get(slot) {
            row[..4].copy_from_slice(&f.bbox);
            row[4..14].copy_from_slice(f.points.as_flattened());
            row[14..].copy_from_slice(&[
                f32::from(u8::from(f.facing)),
                f32::from(u8::from(f.masked)),
                1.0,
            ]);
        }
        to.extend(row.iter().flat_map(|v| v.to_le_bytes()));
    }
}

fn bgr(img: &RgbImage, to: &mut Vec<u8>) {
    to.extend(img.pixels().flat_map(|p| [p.0[2], p.0[1], p.0[0]]));
}
