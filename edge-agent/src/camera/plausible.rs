//! Whether what a camera sends can be a picture of a room at all. Drivers and encoders that fail
//! deliver on: noise, rubbish of blocks, a test pattern, one plain colour, the same seconds again
//! and again, a blurred lens. Frames are counted as seen only where they pass here. It looks for no
//! person and keeps no picture: a few figures and checksums.

use std::collections::{HashSet, VecDeque};

use vision::{Frame, PixelOrder};

/// Something must be so for this long before it is said, and gone for this long before it is taken
/// back.
const SAID_AFTER_MS: u64 = 5_000;
const TAKEN_BACK_AFTER_MS: u64 = 2_000;
/// A lens is not called blurred for what passes in front of it.
const BLURRED_AFTER_MS: u64 = 15_000;
/// Checksums that are remembered: a minute at 25 frames a second.
const REMEMBERED: usize = 1_500;
/// All frames of so many milliseconds must have been there before.
const LOOP_AFTER_MS: u64 = 8_000;
/// Neighbours eight pixels apart have nothing in common, as a share of what none at all would give.
/// Measured: photographs, also dark and noisy ones, below 0.5; noise of any grain 0.95 and more.
const NOISE_SHARE: f64 = 0.8;
const LEAST_SPREAD: f64 = 3.0;
/// Share of neighbours of one grey, and of pixels in strong colours: photographs have below 0.8 and
/// 0.6, never both.
const PATTERN_FLAT: f64 = 0.85;
const PATTERN_COLOURED: f64 = 0.4;
/// Rubbish of a damaged stream: flat blocks with hard edges at every eighth pixel.
const BLOCKS_FLAT: f64 = 0.4;
const BLOCKS_EDGES: f64 = 4.0;
/// Fine detail against coarse: 1/64 is what no detail at all leaves.
const BLURRED_DETAIL: f64 = 0.019;
/// Or against what this camera showed when it was best.
const BLURRED_SHARE: f64 = 0.15;
/// What it showed at its best is forgotten slowly: by half in some six hours at 2 looks a second.
const FORGETTING: f64 = 0.999_984;
/// The costly look is taken this often.
const LOOK_EVERY_MS: u64 = 500;

/// What is wrong with the pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaint {
    /// Frames come, and none can be decoded.
    Undecodable,
    Noise,
    Blocks,
    Pattern,
    Plain,
    Loop,
    Blurred,
}

impl Complaint {
    pub fn said(self) -> &'static str {
        match self {
            Self::Undecodable => {
                "the camera's pictures can not be decoded: check its coding, cable and power"
            }
            Self::Noise => {
                "the camera sends noise instead of pictures: check cable and power, start it again"
            }
            Self::Blocks => "the camera sends damaged pictures: check cable, power and network",
            Self::Pattern => "the camera sends a test pattern: set it to its lens",
            Self::Plain => {
                "the camera shows one plain colour: free its lens, or check its exposure"
            }
            Self::Loop => "the camera repeats the same seconds: a recording, or its encoder hangs",
            Self::Blurred => "the camera's picture is blurred: clean the lens, and set its focus",
        }
    }

    /// Nothing can be seen like this; otherwise it is worse than it should be.
    pub fn is_blind(self) -> bool {
        self != Self::Blurred
    }

    fn after_ms(self) -> u64 {
        match self {
            Self::Blurred => BLURRED_AFTER_MS,
            // It was waited for already.
            Self::Loop => 0,
            _ => SAID_AFTER_MS,
        }
    }
}

/// Judges the frames of one live camera.
#[derive(Debug, Default)]
pub struct Plausibility {
    looked_ms: Option<u64>,
    /// What the last look found, and since when.
    found: Option<(Complaint, u64)>,
    said: Option<Complaint>,
    good_since_ms: Option<u64>,
    best_detail: f64,
    sums: HashSet<u64>,
    order: VecDeque<u64>,
    repeats_since_ms: Option<u64>,
}

impl Plausibility {
    /// Takes a frame; says what is wrong with the pictures, once that has been so for a while.
    pub fn look(&mut self, frame: Frame<'_>, mono_ms: u64) -> Option<Complaint> {
        let repeats = self.repeats(checksum(frame), mono_ms);
        if self.looked_ms.is_none_or(|last| mono_ms.saturating_sub(last) >= LOOK_EVERY_MS) {
            self.looked_ms = Some(mono_ms);
            let found =
                if repeats { Some(Complaint::Loop) } else { self.judged(&Figures::of(frame)) };
            self.settle(found, mono_ms);
        }
        self.said
    }

    fn settle(&mut self, found: Option<Complaint>, mono_ms: u64) {
        if let Some(complaint) = found {
            let since = self
                .found
                .filter(|(before, _)| *before == complaint)
                .map_or(mono_ms, |(_, since)| since);
            (self.found, self.good_since_ms) = (Some((complaint, since)), None);
            if mono_ms.saturating_sub(since) >= complaint.after_ms() {
                self.said = Some(complaint);
            }
        } else {
            self.found = None;
            let since = *self.good_since_ms.get_or_insert(mono_ms);
            if mono_ms.saturating_sub(since) >= TAKEN_BACK_AFTER_MS {
                self.said = None;
            }
        }
    }

    fn judged(&mut self, figures: &Figures) -> Option<Complaint> {
        if figures.flat >= PATTERN_FLAT && figures.coloured >= PATTERN_COLOURED {
            return Some(Complaint::Pattern);
        }
        if figures.spread < LEAST_SPREAD {
            // A dark one is a covered lens, which the pipeline tells.
            return (figures.mean >= 40.0).then_some(Complaint::Plain);
        }
        if figures.unlike >= NOISE_SHARE {
            return Some(Complaint::Noise);
        }
        if figures.flat >= BLOCKS_FLAT && figures.edges >= BLOCKS_EDGES {
            return Some(Complaint::Blocks);
        }
        self.best_detail = (self.best_detail * FORGETTING).max(figures.detail);
        let blurred =
            figures.detail < BLURRED_DETAIL || figures.detail < self.best_detail * BLURRED_SHARE;
        blurred.then_some(Complaint::Blurred)
    }

    /// Whether every frame of the last seconds was there before. A living sensor never gives the
    /// same picture twice.
    fn repeats(&mut self, sum: u64, mono_ms: u64) -> bool {
        if self.sums.contains(&sum) {
            let since = *self.repeats_since_ms.get_or_insert(mono_ms);
            return mono_ms.saturating_sub(since) >= LOOP_AFTER_MS;
        }
        self.repeats_since_ms = None;
        self.sums.insert(sum);
        self.order.push_back(sum);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.sums.remove(&oldest);
        }
        false
    }
}

/// What every eighth row tells.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Figures {
    mean: f64,
    /// Mean distance from the mean grey.
    spread: f64,
    /// How unlike neighbours eight pixels apart are; 1: they have nothing in common.
    unlike: f64,
    /// Share of neighbours four pixels apart of one grey.
    flat: f64,
    /// Share of pixels in a strong colour.
    coloured: f64,
    /// Steps at every eighth pixel against those between.
    edges: f64,
    /// Fine detail against coarse, in means over four pixels.
    detail: f64,
}

impl Figures {
    fn of(frame: Frame<'_>) -> Self {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        if width < 64 || height < 16 {
            return Self { spread: 255.0, detail: 1.0, ..Self::default() };
        }
        let mut sums = Sums::default();
        let mut greys = Vec::with_capacity(width);
        for y in (0..height).step_by(8) {
            greys.clear();
            let row = &frame.data()[y * width * 3..(y + 1) * width * 3];
            for pixel in row.chunks_exact(3) {
                greys.push(grey(pixel, frame.order()));
                let (low, high) = (pixel.iter().min(), pixel.iter().max());
                sums.coloured +=
                    u64::from(high.zip(low).is_some_and(|(high, low)| high - low > 100));
            }
            sums.row(&greys);
        }
        sums.figures()
    }
}

#[derive(Debug, Default)]
struct Sums {
    pixels: u64,
    grey: i64,
    squares: i64,
    /// Pixels by grey.
    counts: Vec<u64>,
    coloured: u64,
    pairs: u64,
    eight_apart: i64,
    flat: u64,
    grid: (i64, u64),
    between: (i64, u64),
    fine: i64,
    coarse: i64,
    cells: (u64, u64),
}

impl Sums {
    fn row(&mut self, greys: &[i64]) {
        self.counts.resize(256, 0);
        for grey in greys {
            self.pixels += 1;
            self.grey += grey;
            self.squares += grey * grey;
            self.counts[(*grey).clamp(0, 255) as usize] += 1;
        }
        for (a, b) in greys.iter().zip(&greys[8..]) {
            self.eight_apart += (a - b) * (a - b);
            self.pairs += 1;
        }
        self.flat +=
            greys.iter().zip(&greys[4..]).filter(|(a, b)| (*a - *b).abs() <= 1).count() as u64;
        for (x, two) in greys.windows(2).enumerate() {
            let step = (two[0] - two[1]).abs();
            let side = if x % 8 == 7 { &mut self.grid } else { &mut self.between };
            (side.0, side.1) = (side.0 + step, side.1 + 1);
        }
        let cells: Vec<i64> = greys.chunks_exact(4).map(|four| four.iter().sum()).collect();
        for two in cells.windows(2) {
            self.fine += (two[0] - two[1]) * (two[0] - two[1]);
            self.cells.0 += 1;
        }
        for (a, b) in cells.iter().zip(&cells[8..]) {
            self.coarse += (a - b) * (a - b);
            self.cells.1 += 1;
        }
    }

    fn figures(&self) -> Figures {
        let share = |sum: i64, count: u64| sum as f64 / count.max(1) as f64;
        let mean = share(self.grey, self.pixels);
        let variance = (share(self.squares, self.pixels) - mean * mean).max(1e-9);
        let far = |(grey, count): (usize, &u64)| (grey as f64 - mean).abs() * *count as f64;
        let spread =
            self.counts.iter().enumerate().map(far).sum::<f64>() / self.pixels.max(1) as f64;
        // A floor, so that a picture without any step has no edges.
        let edges =
            (share(self.grid.0, self.grid.1) + 0.1) / (share(self.between.0, self.between.1) + 0.1);
        Figures {
            mean,
            spread,
            unlike: share(self.eight_apart, self.pairs) / (2.0 * variance),
            flat: self.flat as f64 / self.pairs.max(1) as f64,
            coloured: self.coloured as f64 / self.pixels.max(1) as f64,
            edges,
            detail: share(self.fine, self.cells.0) / share(self.coarse, self.cells.1).max(1e-9),
        }
    }
}

/// ITU-R BT.601 luma.
fn grey(pixel: &[u8], order: PixelOrder) -> i64 {
    let (red, blue) = if order == PixelOrder::Rgb { (0, 2) } else { (2, 0) };
    (77 * i64::from(pixel[red]) + 150 * i64::from(pixel[1]) + 29 * i64::from(pixel[blue])) >> 8
}

/// FNV-1a over every eighth pixel of every eighth row.
fn checksum(frame: Frame<'_>) -> u64 {
    let width = frame.width() as usize;
    frame
        .data()
        .chunks_exact(width * 3)
        .step_by(8)
        .flat_map(|row| row.chunks_exact(3).step_by(8))
        .fold(0xcbf2_9ce4_8422_2325, |sum, pixel| {
            let value = u64::from(pixel[0]) << 16 | u64::from(pixel[1]) << 8 | u64::from(pixel[2]);
            (sum ^ value).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests;
