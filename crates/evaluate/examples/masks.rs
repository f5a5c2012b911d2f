//! How often the mask flag misses a mask, and how often it calls a bare face masked: `cargo run
//! -p evaluate --example masks -- PACK MASKED_DIR BARE_DIR`. It fits how the flag's probability is
//! made of what was measured. The pictures are divided in two by their names: what is fitted on one
//! half is counted on the other, and what it prints for `vision` is fitted on both. Counts and
//! weights alone are printed.
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

/// So far weights are drawn to nothing: what separates few pictures well is not trusted whole.
const DRAWN: f64 = 2.0;

/// One picture with a face.
struct Shown {
    half: usize,
    worn: bool,
    /// What the program's own weights make of it.
    probability: f32,
    measured: [f64; 2],
}

fn main() -> anyhow::Result<()> {
    vision::telemetry::begin_without();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [pack, masked, bare] = &args[..] else { bail!("usage: masks PACK MASKED_DIR BARE_DIR") };
    let search = Search::standard(None);
    let spec = PackManifest::effective(&search)?.pack(pack)?.locate(&search)?.spec();
    let options = Options { detect_longest_side_px: 640, threads: 1 };
    let mut analyzer = Analyzer::load(&Runtime::init()?, &spec, options)?;
    let (mut shown, no_face) = shown(&mut analyzer, masked, true)?;
    let (bare, no_bare_face) = self::shown(&mut analyzer, bare, false)?;
    shown.extend(bare);
    println!("no face found: {no_face} masked, {no_bare_face} bare pictures");
    println!("| weights | half | missed | of masked | false | of bare |");
    println!("|---|---|---|---|---|---|");
    for half in [0, 1] {
        let [other, this]: [Vec<&Shown>; 2] =
            [1 - half, half].map(|half| shown.iter().filter(|s| s.half == half).collect());
        let weights = fitted(&other);
        line("fitted on the other half", half, &this, |s| logit(weights, s) > 0.0);
        line("the program's", half, &this, |s| s.probability > 0.5);
    }
    println!("fitted on both: {:.2?}", fitted(&shown.iter().collect::<Vec<_>>()));
    Ok(())
}

fn line(weights: &str, half: usize, shown: &[&Shown], flag: impl Fn(&Shown) -> bool) {
    let of = |worn: bool| {
        let all: Vec<_> = shown.iter().filter(|s| s.worn == worn).collect();
        (all.iter().filter(|s| flag(s) != worn).count(), all.len())
    };
    let ((missed, m), (wrong, b)) = (of(true), of(false));
    println!("| {weights} | {half} | {missed} | {m} | {wrong} | {b} |");
}

fn logit([constant, share, detector]: [f64; 3], shown: &Shown) -> f64 {
    constant + share * shown.measured[0] + detector * shown.measured[1]
}

/// Logistic regression by gradient: the constant, and a weight for each measure.
fn fitted(shown: &[&Shown]) -> [f64; 3] {
    let count = shown.len() as f64;
    let mean = |of: &dyn Fn(&Shown) -> f64| shown.iter().map(|s| of(s)).sum::<f64>() / count;
    let means = [0, 1].map(|i| mean(&|s| s.measured[i]));
    let spread = [0, 1].map(|i| mean(&|s| (s.measured[i] - means[i]).powi(2)).sqrt());
    let scaled = |s: &Shown| [0, 1].map(|i| (s.measured[i] - means[i]) / spread[i]);
    let mut weights = [0.0_f64; 3];
    for _ in 0..20_000 {
        let mut slope = [0.0, DRAWN * weights[1], DRAWN * weights[2]];
        for s in shown {
            let [a, b] = scaled(s);
            let said = 1.0 / (1.0 + (-(weights[0] + weights[1] * a + weights[2] * b)).exp());
            let off = said - f64::from(u8::from(s.worn));
            slope.iter_mut().zip([1.0, a, b]).for_each(|(slope, x)| *slope += off * x);
        }
        weights.iter_mut().zip(slope).for_each(|(weight, slope)| *weight -= 2.0 * slope / count);
    }
    let [a, b] = [weights[1] / spread[0], weights[2] / spread[1]];
    [weights[0] - a * means[0] - b * means[1], a, b]
}

/// Each picture with a face, and how many have none.
fn shown(analyzer: &mut Analyzer, folder: &str, worn: bool) -> anyhow::Result<(Vec<Shown>, usize)> {
    let mut photos: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    photos.sort();
    let (mut shown, mut without) = (Vec::new(), 0);
    for photo in photos {
        let picture = Picture::decode(&fs::read(&photo)?)?;
        let frame = picture.frame();
        let Some(face) = main_face(frame, &analyzer.detect(frame)?) else {
            without += 1;
            continue;
        };
        let name = photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let score = analyzer.masked(frame, &face)?.context("the pack has no mask flag")?;
        shown.push(Shown {
            half: name.bytes().map(usize::from).sum::<usize>() % 2,
            worn,
            probability: score.probability(),
            measured: score.measured().map(f64::from),
        });
    }
    Ok((shown, without))
}
