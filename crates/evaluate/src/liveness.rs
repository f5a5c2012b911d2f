//! Presentation attacks: APCER by species, the worst first, and BPCER (ISO/IEC 30107-3), per still picture.
//! Stills alone do not decide on the box; motion joins there.

use std::{collections::BTreeMap, path::Path, path::PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use vision::{Analyzer, Options, PackSpec, Picture, Runtime};

use crate::{curve::bootstrap_by_group, sample::main_face};

/// Live from this mean probability on.
pub const THRESHOLD: f32 = 0.5;
const SPECIES: [&str; 4] = ["live", "print", "replay", "mask"];

/// What `liveness --json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    pub pack: String,
    pub threshold: f32,
    /// Share of live presentations that were taken for attacks.
    pub bpcer: Option<Rate>,
    /// Share of attacks that were taken for live, worst species first.
    pub apcer: Vec<(String, Rate)>,
    /// Pictures in which no face was found; they are in no rate.
    pub failure_to_acquire: usize,
}

#[derive(Debug, Serialize)]
pub struct Rate {
    pub rate: f64,
    pub errors: u32,
    pub presentations: u32,
    pub ci95: Option<[f64; 2]>,
}

/// Judges the pictures of a CSV (`path,live|print|replay|mask`, paths beside the CSV unless absolute).
pub fn run(spec: &PackSpec, labels: &Path) -> anyhow::Result<Report> {
    let runtime = Runtime::init()?;
    let options = Options { detect_longest_side_px: 640, threads: 1 };
    let mut analyzer = Analyzer::load(&runtime, spec, options)?;
    ensure!(analyzer.has_liveness(), "pack \"{}\" has no liveness network", spec.name);
    let mut judged: BTreeMap<&str, Vec<(u32, u32)>> = BTreeMap::new();
    let mut missed = 0;
    for (path, species) in read(labels)? {
        let picture = Picture::decode(&std::fs::read(&path).with_context(|| path.display().to_string())?)
            .with_context(|| path.display().to_string())?;
        let frame = picture.frame();
        let Some(face) = main_face(frame, &analyzer.detect(frame)?) else {
            missed += 1;
            continue;
        };
        let live = analyzer.liveness(frame, &face)?.is_some_and(|score| score.live >= THRESHOLD);
        let wrong = live != (species == "live");
        judged.entry(species).or_default().push((u32::from(wrong), 1));
    }
    let rate = |groups: &Vec<(u32, u32)>| {
        let errors = groups.iter().map(|g| g.0).sum();
        let presentations = groups.len() as u32;
        let rate = f64::from(errors) / f64::from(presentations.max(1));
        Rate { rate, errors, presentations, ci95: bootstrap_by_group(groups, 1) }
    };
    let mut apcer: Vec<(String, Rate)> =
        judged.iter().filter(|(s, _)| **s != "live").map(|(s, groups)| ((*s).to_owned(), rate(groups))).collect();
    apcer.sort_by(|a, b| b.1.rate.total_cmp(&a.1.rate));
    let bpcer = judged.get("live").map(rate);
    Ok(Report { pack: spec.name.clone(), threshold: THRESHOLD, bpcer, apcer, failure_to_acquire: missed })
}

fn read(labels: &Path) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
    let text = std::fs::read_to_string(labels).with_context(|| format!("{}: cannot be read", labels.display()))?;
    let beside = labels.parent().unwrap_or(Path::new("."));
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((path, species)) = line.rsplit_once(',') else { continue };
        let Some(known) = SPECIES.iter().find(|s| **s == species.trim()) else {
            if number == 0 {
                continue; // the header
            }
            bail!("{}:{}: \"{}\" is none of live, print, replay, mask", labels.display(), number + 1, species.trim());
        };
        rows.push((beside.join(path.trim()), *known));
    }
    ensure!(!rows.is_empty(), "{}: holds no line \"path,live|print|replay|mask\"", labels.display());
    Ok(rows)
}
