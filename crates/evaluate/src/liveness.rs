//! Presentation attacks: APCER by species, the worst first, and BPCER (ISO/IEC 30107-3). A picture
//! is judged by the networks alone; a folder of frames is a track and is judged as the box judges
//! one: LIVE, SPOOF or UNSURE.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde::Serialize;
use vision::{
    Analyzer, FaceBox, Gate, LiveTrack, LiveVerdict, Options, PackSpec, Picture, Rect, Runtime,
};

use crate::{
    curve::bootstrap_by_group,
    degrade::{self, Degrade},
    people,
    sample::main_face,
    table,
};
use dice::Dice;

/// A picture is live from this mean probability on; an attack under the box's own limit
/// ([`vision::LiveLimits::spoof_ppm`]); else UNSURE.
pub const THRESHOLD: f32 = 0.5;
const SPECIES: [&str; 4] = [LIVE, "print", "replay", "mask"];
const LIVE: &str = "live";
/// A face that overlaps the last one less than this is another's.
const SAME_FACE_IOU: f32 = 0.2;
/// Frames of a track are so far apart: ten a second.
const FRAME_MS: u64 = 100;

/// What `liveness --json` prints.
#[derive(Debug, Serialize)]
pub struct LivenessReport {
    pub pack: String,
    /// Of single pictures.
    pub threshold: f32,
    pub tracks: usize,
    pub pictures: usize,
    /// Share of live presentations that were called attacks.
    pub bpcer: Option<Rate>,
    /// The same by what the CSV says after `live:`, where it says anything.
    pub bpcer_by: Vec<(String, Rate)>,
    /// Share of attacks that were called live, worst species first.
    pub apcer: Vec<(String, Rate)>,
    /// Presentations in which no face was found; they are in no rate.
    pub failure_to_acquire: usize,
    /// Those of them whose pictures could not be read.
    pub unreadable: usize,
}

#[derive(Debug, Serialize)]
pub struct Rate {
    pub rate: f64,
    pub errors: u32,
    /// Presentations called UNSURE, pictures too poor to be judged among them: no error, and no
    /// answer either.
    pub unsure: u32,
    pub presentations: u32,
    /// Distinct sources (third column of the CSV), or presentations where it says none; drawn with
    /// replacement.
    pub sources: usize,
    pub ci95: Option<[f64; 2]>,
}

/// One line of the CSV.
struct ListedPresentation {
    path: PathBuf,
    /// One of [`SPECIES`], or one with a note of its own: `replay:large screen`.
    species: String,
    source: String,
}

impl ListedPresentation {
    fn is_live(species: &str) -> bool {
        species.split(':').next() == Some(LIVE)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    Live,
    Attack,
    Unsure,
}

/// How presentations are shown and looked at.
#[derive(Debug, Clone, Copy)]
pub struct Viewing {
    /// The networks look at every n-th frame of a track, as the box's scheduler lets them.
    pub score_every: usize,
    /// The camera that everything is seen through.
    pub degrade: Option<Degrade>,
    pub seed: u64,
}

/// Judges the lines of a CSV (`path,live|print|replay|mask[:note][,source]`, paths beside the CSV
/// unless absolute). Each note has rates of its own.
pub fn run(spec: &PackSpec, labels: &Path, viewing: Viewing) -> anyhow::Result<LivenessReport> {
    let runtime = Runtime::init()?;
    let mut analyzer =
        Analyzer::load(&runtime, spec, Options { detect_longest_side_px: 640, threads: 1 })?;
    ensure!(analyzer.has_liveness(), "pack \"{}\" has no liveness network", spec.name);
    let mut judged: BTreeMap<String, Vec<(Judged, String)>> = BTreeMap::new();
    let (mut missed, mut tracks, mut pictures, mut unreadable) = (0, 0, 0, 0);
    for (number, row) in read(labels)?.into_iter().enumerate() {
        let camera = Camera { viewing, presentation: number as u64 };
        let said = if row.path.is_dir() {
            tracks += 1;
            track(&mut analyzer, &row.path, &camera)
        } else {
            pictures += 1;
            picture(&mut analyzer, &row.path, &camera)
        };
        match said {
            Err(why) => {
                unreadable += 1;
                log_lines::note!(
                    "warning: {}: {why:#}; it counts as not acquired",
                    row.path.display()
                );
            }
            Ok(None) => missed += 1,
            Ok(Some(said)) => judged.entry(row.species).or_default().push((said, row.source)),
        }
    }
    let (living, attacks): (Vec<_>, Vec<_>) =
        judged.into_iter().partition(|(species, _)| ListedPresentation::is_live(species));
    let mut apcer: Vec<(String, Rate)> =
        attacks.iter().map(|(species, said)| (species.clone(), rate(said, Judged::Live))).collect();
    apcer.sort_by(|a, b| b.1.rate.total_cmp(&a.1.rate));
    let bpcer_by = living.iter().filter(|(species, _)| species != LIVE);
    let bpcer_by =
        bpcer_by.map(|(species, said)| (species.clone(), rate(said, Judged::Attack))).collect();
    let everybody: Vec<_> = living.into_iter().flat_map(|(_, said)| said).collect();
    let bpcer = (!everybody.is_empty()).then(|| rate(&everybody, Judged::Attack));
    let pack = spec.name.clone();
    Ok(LivenessReport {
        pack,
        threshold: THRESHOLD,
        tracks,
        pictures,
        bpcer,
        bpcer_by,
        apcer,
        failure_to_acquire: missed + unreadable,
        unreadable,
    })
}

fn rate(said: &[(Judged, String)], error: Judged) -> Rate {
    let mut sources: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for (judged, source) in said {
        let group = sources.entry(source).or_default();
        group.0 += u32::from(*judged == error);
        group.1 += 1;
    }
    let groups: Vec<_> = sources.into_values().collect();
    let count = |which| said.iter().filter(|(j, _)| *j == which).count() as u32;
    let presentations = said.len() as u32;
    Rate {
        rate: f64::from(count(error)) / f64::from(presentations.max(1)),
        errors: count(error),
        unsure: count(Judged::Unsure),
        presentations,
        sources: groups.len(),
        ci95: bootstrap_by_group(&groups, 1),
    }
}

fn open(path: &Path) -> anyhow::Result<Picture> {
    Picture::decode(&fs::read(path).with_context(|| path.display().to_string())?)
        .with_context(|| path.display().to_string())
}

/// What one presentation is seen through: the same lens, light and pattern of noise for all its
/// frames.
struct Camera {
    viewing: Viewing,
    presentation: u64,
}

impl Camera {
    fn see(&self, picture: Picture, face: Option<&FaceBox>) -> anyhow::Result<Picture> {
        let (Some(how), Some(face)) = (self.viewing.degrade, face) else { return Ok(picture) };
        degrade::degrade(&picture, face, how, &mut Dice::new(self.viewing.seed, self.presentation))
    }

    /// A frame's picture as this camera shows it; scaled by its main face.
    fn open(&self, analyzer: &mut Analyzer, path: &Path) -> anyhow::Result<Picture> {
        let picture = open(path)?;
        let face = match self.viewing.degrade {
            Some(_) => main_face(picture.frame(), &analyzer.detect(picture.frame())?),
            None => None,
        };
        self.see(picture, face.as_ref())
    }
}

fn picture(
    analyzer: &mut Analyzer,
    path: &Path,
    camera: &Camera,
) -> anyhow::Result<Option<Judged>> {
    let picture = camera.open(analyzer, path)?;
    let frame = picture.frame();
    let Some(face) = main_face(frame, &analyzer.detect(frame)?) else { return Ok(None) };
    if !Gate::liveness(&analyzer.assess(frame, &face)?) {
        return Ok(Some(Judged::Unsure));
    }
    let spoof_below = analyzer.thresholds().liveness.spoof_ppm as f32 / 1e6;
    Ok(analyzer.liveness(frame, &face)?.map(|score| match score.live {
        live if live >= THRESHOLD => Judged::Live,
        live if live < spoof_below => Judged::Attack,
        _ => Judged::Unsure,
    }))
}

fn track(
    analyzer: &mut Analyzer,
    folder: &Path,
    camera: &Camera,
) -> anyhow::Result<Option<Judged>> {
    let frames: Vec<PathBuf> =
        people::entries(folder)?.into_iter().filter(|path| people::is_photo(path)).collect();
    ensure!(!frames.is_empty(), "holds no JPEG or PNG frame");
    let mut broken = 0;
    let mut live = LiveTrack::default();
    let (mut last, mut seen): (Option<Rect>, usize) = (None, 0);
    for (number, path) in frames.iter().enumerate() {
        let Ok(picture) = camera.open(analyzer, path) else {
            broken += 1;
            ensure!(broken < frames.len(), "no frame can be read");
            continue;
        };
        let frame = picture.frame();
        let Some(face) = follow(last, &analyzer.detect(frame)?).or_else(|| match last {
            None => main_face(frame, &analyzer.detect(frame).unwrap_or_default()),
            Some(_) => None,
        }) else {
            continue;
        };
        last = Some(face.rect);
        live.moved(number as u64 * FRAME_MS, &face.landmarks);
        if seen % camera.viewing.score_every.max(1) == 0 {
            match analyzer.liveness(frame, &face)? {
                Some(score) if Gate::liveness(&analyzer.assess(frame, &face)?) => {
                    live.scored(score);
                }
                _ => live.too_poor(),
            }
        }
        seen += 1;
    }
    if std::env::var_os("ZAIGANG_LIVENESS_TRACE").is_some() {
        log_lines::note!("{}: {live:?}", folder.display());
    }
    Ok((seen > 0).then(|| match live.verdict(analyzer.thresholds().liveness) {
        LiveVerdict::Live => Judged::Live,
        LiveVerdict::Spoof => Judged::Attack,
        LiveVerdict::Unsure | LiveVerdict::NotAssessed => Judged::Unsure,
    }))
}

/// The face that overlaps the last one most.
fn follow(last: Option<Rect>, faces: &[FaceBox]) -> Option<FaceBox> {
    let last = last?;
    let best = faces.iter().max_by(|a, b| a.rect.iou(&last).total_cmp(&b.rect.iou(&last)))?;
    (best.rect.iou(&last) >= SAME_FACE_IOU).then_some(*best)
}

fn read(labels: &Path) -> anyhow::Result<Vec<ListedPresentation>> {
    let file = labels.display();
    let beside = labels.parent().unwrap_or(Path::new("."));
    let mut rows = Vec::new();
    for (number, row) in table::load(labels)?.into_iter().enumerate() {
        let line = row.line;
        let (path, label, source) = match row.cells()[..] {
            ["path", ..] if number == 0 => continue,
            [path, label] => (path, label, path),
            [path, label, source] => (path, label, source),
            _ => bail!("{file}:{line}: expected \"path,label\" or \"path,label,source\""),
        };
        let (kind, note) =
            label.split_once(':').map_or((label, None), |(kind, note)| (kind, Some(note.trim())));
        let Some(species) = SPECIES.iter().find(|s| s.eq_ignore_ascii_case(kind)) else {
            bail!("{file}:{line}: \"{label}\" is none of live, print, replay, mask");
        };
        let path = beside.join(path);
        ensure!(path.exists(), "{file}:{line}: {} is not there", path.display());
        let species = note.map_or((*species).to_owned(), |note| format!("{species}:{note}"));
        rows.push(ListedPresentation { path, species, source: source.to_owned() });
    }
    ensure!(!rows.is_empty(), "{file}: holds no line \"path,live|print|replay|mask\"");
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsure_is_neither_an_error_nor_an_answer() {
        let said = [
            (Judged::Live, "a"),
            (Judged::Unsure, "a"),
            (Judged::Attack, "b"),
            (Judged::Attack, "c"),
        ]
        .map(|(j, s)| (j, s.to_owned()));
        let apcer = rate(&said, Judged::Live);
        assert_eq!((apcer.errors, apcer.unsure, apcer.presentations, apcer.sources), (1, 1, 4, 3));
        assert!((apcer.rate - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_label_is_named_with_its_line() {
        let folder = std::env::temp_dir().join(format!("labels-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("labels.csv");
        for picture in ["a.jpg", "b.jpg"] {
            fs::write(folder.join(picture), "").expect("a file");
        }
        fs::write(&file, "path,label\na.jpg,live\nb.jpg,photo,7\n").expect("a file");
        let said = read(&file).map(|_| ()).expect_err("a wrong label").to_string();
        assert!(said.contains(":3:") && said.contains("photo") && !said.contains('\n'), "{said}");
        fs::write(&file, "path,label\na.jpg,live\nb.jpg,print,7\n").expect("a file");
        assert_eq!(read(&file).expect("two rows")[1].source, "7");
        fs::write(&file, "a.jpg,live:poor camera\nb.jpg,Replay: large\n").expect("a file");
        let species: Vec<_> =
            read(&file).expect("two rows").into_iter().map(|row| row.species).collect();
        assert_eq!(species, ["live:poor camera", "replay:large"]);
        fs::write(&file, "a.jpg,screen\nb.jpg,Print\n").expect("a file");
        let said = read(&file).map(|_| ()).expect_err("a wrong first label").to_string();
        assert!(said.contains(":1:") && said.contains("screen"), "{said}");
        fs::write(&file, "a.jpg;LIVE\nb.jpg;Print\n").expect("a file");
        assert_eq!(read(&file).expect("two rows").len(), 2);
        fs::remove_dir_all(&folder).expect("the folder goes");
    }
}
