//! From photographs to samples: the main face of each, embedded and measured, on several threads.
//! Samples stay in memory; nothing of a face is written anywhere.

use std::{path::PathBuf, sync::atomic::AtomicUsize, sync::atomic::Ordering, thread};

use anyhow::Context as _;
use vision::{
    Analyzer, Embedding, FaceBox, Frame, Options, PackSpec, Picture, QualityComponents, Rivals,
    Runtime,
};

use crate::degrade::{self, Degrade};
use dice::Dice;

/// What is done to a photograph before it is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Treatment {
    pub degrade: Option<Degrade>,
    /// A mask drawn over the face by its landmarks.
    pub draw_mask: bool,
    /// Seed of the degradation.
    pub seed: u64,
    /// Also embed the mirrored face, and take the mean of both.
    pub flip: bool,
    /// Also run the mask flag.
    pub mask_flag: bool,
}

/// The main face of one photograph.
#[derive(Debug, Clone)]
pub struct Sample {
    pub embedding: Embedding,
    pub quality: QualityComponents,
}

impl Sample {
    /// How the box scores a probe of so many looks of which this is the last.
    pub fn rivals(&self, rivals: Rivals, looks: u32) -> Rivals {
        let covered = self.quality.masked.is_some_and(|worn| worn > 0.5);
        rivals.of_probe(if covered { 1 } else { looks }, self.quality.face_width_px)
    }
}

/// What was taken of some photographs.
#[derive(Debug, Default)]
pub struct TakenSamples {
    /// In the order of the photographs; `None` where no face was found, or the photograph could
    /// not be read (failure to acquire).
    pub samples: Vec<Option<Sample>>,
    /// How many could not be read.
    pub unreadable: usize,
}

/// Photographs of a warning, at most.
const MOST_NAMED: usize = 3;

/// Takes the main face of each photograph. One that cannot be read is counted, and named on the
/// standard error; all of them are an error.
pub fn take(
    spec: &PackSpec,
    photos: &[PathBuf],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<TakenSamples> {
    let next = AtomicUsize::new(0);
    let runtime = Runtime::init()?;
    let work = || -> anyhow::Result<Vec<(usize, anyhow::Result<Option<Sample>>)>> {
        let mut taker = Taker::open(&runtime, spec, treatment)?;
        let mut taken = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(photo) = photos.get(index) else { return Ok(taken) };
            taken.push((index, taker.take(photo, index as u64)));
        }
    };
    let mut samples: Vec<Option<Sample>> = photos.iter().map(|_| None).collect();
    let results: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut unreadable = Vec::new();
    for result in results {
        let taken =
            result.map_err(|_| anyhow::anyhow!("a worker thread of the evaluation panicked"))??;
        for (index, sample) in taken {
            match sample {
                Ok(sample) => samples[index] = sample,
                Err(why) => unreadable.push((index, why)),
            }
        }
    }
    unreadable.sort_by_key(|(index, _)| *index);
    warn_of_unreadable(photos, &unreadable)?;
    Ok(TakenSamples { samples, unreadable: unreadable.len() })
}

fn warn_of_unreadable(
    photos: &[PathBuf],
    unreadable: &[(usize, anyhow::Error)],
) -> anyhow::Result<()> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = unreadable
        .iter()
        .take(MOST_NAMED)
        .map(|(index, why)| format!("{}: {why:#}", photos[*index].display()))
        .collect();
    let line = format!(
        "{} of {} photographs could not be read ({}{})",
        unreadable.len(),
        photos.len(),
        named.join("; "),
        if unreadable.len() > named.len() { "; …" } else { "" }
    );
    anyhow::ensure!(unreadable.len() < photos.len(), "{line}");
    log_lines::note!("warning: {line}; they count as not acquired");
    Ok(())
}

struct Taker {
    analyzer: Analyzer,
    embedder: Option<vision::Embedder>,
    treatment: Treatment,
}

impl Taker {
    fn open(runtime: &Runtime, spec: &PackSpec, treatment: Treatment) -> anyhow::Result<Self> {
        let options = Options { detect_longest_side_px: 640, threads: 1 };
        Ok(Self {
            analyzer: Analyzer::load(runtime, spec, options)?,
            embedder: treatment
                .flip
                .then(|| vision::Embedder::load(runtime, &spec.embedder))
                .transpose()?,
            treatment,
        })
    }

    fn take(&mut self, photo: &PathBuf, stream: u64) -> anyhow::Result<Option<Sample>> {
        let mut picture = Picture::decode(&std::fs::read(photo).context("cannot be read")?)?;
        let Some(mut face) = self.main_face(picture.frame())? else { return Ok(None) };
        let mut dice = Dice::new(self.treatment.seed, stream);
        if self.treatment.draw_mask {
            picture = degrade::draw_mask(&picture, &face, &mut dice)?;
        }
        if let Some(how) = self.treatment.degrade {
            picture = degrade::degrade(&picture, &face, how, &mut dice)?;
        }
        if self.treatment.draw_mask || self.treatment.degrade.is_some() {
            match self.main_face(picture.frame())? {
                Some(found) => face = found,
                None => return Ok(None),
            }
        }
        self.measure(picture.frame(), &face).map(Some)
    }

    fn measure(&mut self, frame: Frame<'_>, face: &FaceBox) -> anyhow::Result<Sample> {
        let mut quality = self.analyzer.assess(frame, face)?;
        if self.treatment.mask_flag {
            quality.masked = self.analyzer.masked(frame, face)?.map(|m| m.probability());
        }
        // As on the box: a covered face is left to the network that knows covered faces.
        let straight = if quality.masked.is_some_and(|worn| worn > 0.5) {
            self.analyzer.embed_covered(frame, face)?
        } else {
            self.analyzer.embed(frame, face)?
        };
        let embedding = match &mut self.embedder {
            None => straight,
            Some(embedder) => {
                let mirrored = embedder.embed_mirrored(frame, &face.landmarks)?;
                Embedding::mean([(&straight, 1.0), (&mirrored, 1.0)]).unwrap_or(straight)
            }
        };
        Ok(Sample { embedding, quality })
    }

    fn main_face(&mut self, frame: Frame<'_>) -> anyhow::Result<Option<FaceBox>> {
        Ok(main_face(frame, &self.analyzer.detect(frame)?))
    }
}

/// The face that a portrait is of: the one that holds the picture's middle, however large a
/// neighbour is; else large and near the middle.
pub fn main_face(frame: Frame<'_>, faces: &[FaceBox]) -> Option<FaceBox> {
    let middle = [frame.width() as f32 / 2.0, frame.height() as f32 / 2.0];
    let weight = |face: &FaceBox| {
        let [x, y] = face.rect.centre();
        face.rect.area() - 2.0 * ((x - middle[0]).powi(2) + (y - middle[1]).powi(2))
    };
    let holds_middle = |face: &&FaceBox| {
        let rect = face.rect;
        (rect.x..rect.x + rect.width).contains(&middle[0])
            && (rect.y..rect.y + rect.height).contains(&middle[1])
    };
    let heaviest = |faces: &mut dyn Iterator<Item = &FaceBox>| {
        faces.max_by(|a, b| weight(a).total_cmp(&weight(b))).copied()
    };
    heaviest(&mut faces.iter().filter(holds_middle)).or_else(|| heaviest(&mut faces.iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_neighbour_is_not_whom_the_portrait_shows() {
        let face = |x: f32, width: f32| FaceBox {
            rect: vision::Rect { x, y: 60.0, width, height: width * 1.2 },
            score: 0.9,
            landmarks: [[0.0; 2]; 5],
        };
        let picture = Picture::new(vec![0; 250 * 250 * 3], 250, 250, vision::PixelOrder::Rgb)
            .expect("its size");
        let (middle, neighbour) = (face(75.0, 90.0), face(-30.0, 104.0));
        let main = |faces: &[FaceBox]| main_face(picture.frame(), faces).map(|f| f.rect.x);
        assert_eq!(main(&[neighbour, middle]), Some(75.0));
        assert_eq!(main(&[neighbour]), Some(-30.0));
        assert_eq!(main(&[]), None);
    }
}
