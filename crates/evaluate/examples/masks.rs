//! How often the mask flag misses a mask, and how often it calls a bare face masked, at several
//! limits: `cargo run -p evaluate --example masks -- PACK MASKED_DIR BARE_DIR`. The pictures are
//! divided in two by their names: a limit is chosen on the first half and reported on the second.
//! It prints counts alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program for the desk stops where something is amiss"
)]

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail};
use evaluate::sample::main_face;
use vision::{
    Analyzer, Options, Picture, Runtime,
    pack::{PackManifest, Search},
};

const LIMITS: [f32; 9] = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7];

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [pack, masked, bare] = &args[..] else { bail!("usage: masks PACK MASKED_DIR BARE_DIR") };
    let search = Search::standard(None);
    let spec = PackManifest::effective(&search)?.pack(pack)?.locate(&search)?.spec();
    let options = Options { detect_longest_side_px: 640, threads: 1 };
    let mut analyzer = Analyzer::load(&Runtime::init()?, &spec, options)?;
    let (masked, no_face) = flags(&mut analyzer, masked)?;
    let (bare, no_bare_face) = flags(&mut analyzer, bare)?;
    println!("no face found: {no_face} masked, {no_bare_face} bare pictures");
    println!("| limit | half | missed | of masked | false | of bare |");
    println!("|---|---|---|---|---|---|");
    for limit in LIMITS {
        for half in [0, 1] {
            let of = |all: &[(usize, f32)], is: bool| {
                let half: Vec<bool> =
                    all.iter().filter(|f| f.0 == half).map(|f| f.1 > limit).collect();
                (half.iter().filter(|flagged| **flagged == is).count(), half.len())
            };
            let ((missed, m), (wrong, b)) = (of(&masked, false), of(&bare, true));
            println!("| {limit:.2} | {half} | {missed} | {m} | {wrong} | {b} |");
        }
    }
    Ok(())
}

/// Of each picture with a face its half, and how likely a mask is worn; and how many have none.
fn flags(analyzer: &mut Analyzer, folder: &str) -> anyhow::Result<(Vec<(usize, f32)>, usize)> {
    let mut photos: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    photos.sort();
    let (mut flags, mut without) = (Vec::new(), 0);
    for photo in photos {
        let picture = Picture::decode(&fs::read(&photo)?)?;
        let frame = picture.frame();
        let Some(face) = main_face(frame, &analyzer.detect(frame)?) else {
            without += 1;
            continue;
        };
        let name = photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let score = analyzer.masked(frame, &face)?.context("the pack has no mask flag")?;
        flags.push((name.bytes().map(usize::from).sum::<usize>() % 2, score.probability()));
    }
    Ok((flags, without))
}
