//! One person in two folders: sets of different origin name people differently, and whoever stands
//! in two of them would be a stranger with a genuine score. It proposes pairs for somebody to look
//! at; `--same-people` takes the list. It merges nobody by itself.

use std::path::PathBuf;

use serde::Serialize;
use vision::{Gallery, PackSpec, Risk, Template};

use crate::{
    identify, people,
    sample::{Sample, Treatment},
};

/// Templates of this gallery carry it; they are never kept.
const PACK: &str = "doubles";
/// Photographs of a person that are looked at.
const MOST_PHOTOS: usize = 4;
/// Pairs that are held against the limit.
const MOST_PAIRS: usize = 1_000;

/// Two folders that may show one person.
#[derive(Debug, Serialize)]
pub struct Double {
    pub a: String,
    pub b: String,
    /// Cosine of the means of their photographs, -1 to 1.
    pub cosine: f32,
}

/// The pairs as alike as photographs of one person, the most alike first.
pub fn run(spec: &PackSpec, folders: &[PathBuf], threads: usize) -> anyhow::Result<Vec<Double>> {
    let mut everyone = people::scan_all(folders, 1)?;
    for person in &mut everyone {
        person.photos.truncate(MOST_PHOTOS);
    }
    let samples = identify::samples(spec, &everyone, Treatment::default(), threads)?;
    let length = samples.iter().flatten().flatten().next().map_or(0, |s| s.embedding.len());
    let mut gallery = Gallery::new(PACK, length);
    for (person, photos) in samples.iter().enumerate() {
        let template = |sample: &Sample| Template::new(PACK, sample.embedding.clone());
        let templates: Vec<_> = photos.iter().flatten().map(template).collect();
        gallery.enrol(person, &templates)?;
    }
    let limits = Risk::limits(&spec.thresholds);
    let alike = gallery.alike_pairs(MOST_PAIRS).into_iter();
    Ok(alike
        .filter(|pair| Risk::of(pair.cosine, limits) == Risk::OnePerson)
        .map(|pair| Double {
            a: everyone[pair.people[0]].id.clone(),
            b: everyone[pair.people[1]].id.clone(),
            cosine: pair.cosine,
        })
        .collect())
}

/// The list that `--same-people` takes, once somebody has looked at every pair.
pub fn csv(doubles: &[Double]) -> String {
    let cell = |text: &str| {
        let plain = !text.contains([',', ';', '\t', '"']);
        if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
    };
    let line = |d: &Double| format!("{},{},{:.3}\n", cell(&d.a), cell(&d.b), d.cosine);
    format!("a,b,cosine\n{}", doubles.iter().map(line).collect::<String>())
}
