//! Makes a pack's cohort of rows that are nobody, and checks it:
//! `cargo run --release -p evaluate --example cohort -- PACK OUT SEED GROUP.csv PHOTOS_DIR…`. The
//! people of the list are the group; all people of the folders count as others. It prints counts
//! alone; the file has no photograph in it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use evaluate::{cohort, groups::Groups, identify, people, sample::Treatment};
use vision::{
    Embedding,
    pack::{PackManifest, Search, cohort::Cohort},
};

const ROWS: usize = 128;
/// Photographs of a person of the group, and of any other person, at most.
const PHOTOS: (usize, usize) = (4, 1);

fn main() -> anyhow::Result<()> {
    vision::telemetry::begin_without();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [pack, out, seed, list, folders @ ..] = &args[..] else {
        bail!("usage: cohort PACK OUT SEED GROUP.csv PHOTOS_DIR…")
    };
    let search = Search::standard(None);
    let manifest = PackManifest::effective(&search)?;
    let pack = manifest.pack(pack)?;
    let spec = pack.locate(&search)?.spec();
    let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let mut everyone = people::scan_all(&folders, 1)?;
    let members: Vec<usize> =
        Groups::load(Path::new(list))?.members(&everyone).into_values().flatten().collect();
    for (index, person) in everyone.iter_mut().enumerate() {
        person.photos.truncate(if members.contains(&index) { PHOTOS.0 } else { PHOTOS.1 });
    }
    let samples = identify::samples(&spec, &everyone, Treatment::default(), 2)?;
    let mean = |photos: &Vec<Option<evaluate::sample::Sample>>| {
        Embedding::mean(photos.iter().flatten().map(|sample| (&sample.embedding, 1.0)))
    };
    let means: Vec<Option<Embedding>> = samples.iter().map(mean).collect();
    let group: Vec<Embedding> = members.iter().filter_map(|index| means[*index].clone()).collect();
    let all: Vec<Embedding> = means.into_iter().flatten().collect();
    let rows = cohort::draw(&group, &all, ROWS, seed.parse().context("SEED is no number")?)?;
    let bytes = Cohort { embedder: pack.embedder_digest(), rows: rows.into() }.to_bytes();
    let read = Cohort::parse(&bytes).map_err(anyhow::Error::msg)?;
    let singled_out = cohort::people_singled_out(&read.rows, &all);
    ensure!(
        singled_out == 0,
        "{singled_out} people are singled out by the file as it would be written"
    );
    std::fs::write(out, bytes)?;
    println!(
        "{ROWS} rows of {} people; {} people in all, each with {} nearer others",
        group.len(),
        all.len(),
        cohort::K
    );
    Ok(())
}
