//! A small grey copy of the frame, and what it tells without any network: whether something moved
//! (detection may rest otherwise), and whether the lens is covered or the picture frozen (HB-2). It
//! keeps 2,304 grey cells and no picture.

use vision::{Frame, PixelOrder};

const COLUMNS: usize = 64;
const ROWS: usize = 36;
/// A cell has changed when its mean grey moved by this many levels: above sensor noise, below a
/// moving head.
const CELL_LEVELS: i32 = 7;
/// Spread of grey (mean absolute deviation) of a covered lens; a lit room has above 20.
const COVERED_SPREAD: i64 = 3;
/// Mean grey of a covered lens; a dark room at night counts as covered, which is why HB-2 asks for
/// opening hours.
const COVERED_GREY: i64 = 40;

/// Mean grey of each cell, 0-255.
#[derive(Clone, PartialEq, Eq)]
struct Grid([u8; COLUMNS * ROWS]);

/// The gate between capture and detection.
#[derive(Clone)]
pub struct Motion {
    changed_ppm: u32,
    idle_ms: u64,
    /// Detection rests at least this long, whatever moves.
    least_ms: u64,
    /// The grid at the last detection, so that slow movement adds up.
    reference: Option<Grid>,
    detected_ms: u64,
    last: Option<(Grid, u64)>,
    frozen_since_ms: Option<u64>,
}

/// What one frame showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MotionSight {
    /// Detection is due: something moved, or it has rested for long enough.
    pub detect: bool,
    pub covered: bool,
    /// For how long the picture has been the same to the bit, in ms. A living sensor always has
    /// noise.
    pub frozen_ms: u64,
}

impl Motion {
    /// `changed_ppm`: share of cells that must have changed, 0: always detect. `idle_ms`: detection
    /// rests at most this long.
    pub fn new(changed_ppm: u32, idle_ms: u64) -> Self {
        Self {
            changed_ppm,
            idle_ms,
            least_ms: 0,
            reference: None,
            detected_ms: 0,
            last: None,
            frozen_since_ms: None,
        }
    }

    /// From now on detection rests at least this long: for a room in which everybody is known
    /// already. 0: as things move.
    pub fn pace(&mut self, least_ms: u64) {
        self.least_ms = least_ms;
    }

    pub fn look(&mut self, frame: Frame<'_>, mono_ms: u64) -> MotionSight {
        let (grid, checksum) = shrink(frame);
        let same = self.last.as_ref().is_some_and(|(last, sum)| *last == grid && *sum == checksum);
        let frozen_since = if same { self.frozen_since_ms.unwrap_or(mono_ms) } else { mono_ms };
        self.frozen_since_ms = Some(frozen_since);
        let since = mono_ms.saturating_sub(self.detected_ms);
        let moved = || self.reference.as_ref().is_none_or(|r| self.moved(r, &grid));
        let detect = since >= self.idle_ms || (since >= self.least_ms && moved());
        if detect {
            self.reference = Some(grid.clone());
            self.detected_ms = mono_ms;
        }
        let covered = grid.covered();
        self.last = Some((grid, checksum));
        MotionSight { detect, covered, frozen_ms: mono_ms.saturating_sub(frozen_since) }
    }

    fn moved(&self, reference: &Grid, grid: &Grid) -> bool {
        let changed = reference.0.iter().zip(&grid.0);
        let changed =
            changed.filter(|(a, b)| (i32::from(**a) - i32::from(**b)).abs() >= CELL_LEVELS).count();
        changed as u64 * 1_000_000 / (COLUMNS * ROWS) as u64 >= u64::from(self.changed_ppm)
    }
}

impl std::fmt::Debug for Motion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Motion").field("detected_ms", &self.detected_ms).finish_non_exhaustive()
    }
}

impl Grid {
    fn covered(&self) -> bool {
        let count = self.0.len() as i64;
        let mean = self.0.iter().map(|g| i64::from(*g)).sum::<i64>() / count;
        let spread = self.0.iter().map(|g| (i64::from(*g) - mean).abs()).sum::<i64>() / count;
        mean < COVERED_GREY && spread < COVERED_SPREAD
    }
}

/// Means over every 4th pixel of every 4th row, and a checksum (FNV-1a) of those pixels.
fn shrink(frame: Frame<'_>) -> (Grid, u64) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (mut sums, mut counts) = ([0_u32; COLUMNS * ROWS], [0_u32; COLUMNS * ROWS]);
    let mut checksum = 0xcbf2_9ce4_8422_2325_u64;
    let (red, blue) = if frame.order() == PixelOrder::Rgb { (0, 2) } else { (2, 0) };
    for y in (0..height).step_by(4) {
        let row = &frame.data()[y * width * 3..(y + 1) * width * 3];
        for (x, pixel) in row.chunks_exact(3).enumerate().step_by(4) {
            // ITU-R BT.601 luma in 1/256.
            let grey = (77 * u32::from(pixel[red])
                + 150 * u32::from(pixel[1])
                + 29 * u32::from(pixel[blue]))
                >> 8;
            let cell = (y * ROWS / height) * COLUMNS + x * COLUMNS / width;
            sums[cell] += grey;
            counts[cell] += 1;
            checksum = (checksum ^ u64::from(grey)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let mut grid = Grid([0; COLUMNS * ROWS]);
    for (cell, (sum, count)) in grid.0.iter_mut().zip(sums.iter().zip(counts)) {
        *cell = (sum / count.max(1)) as u8;
    }
    (grid, checksum)
}

#[cfg(test)]
mod tests {
    use vision::Picture;

    use super::*;

    /// A room with texture; `head` is the left edge of a grey head 40 px wide, `noise` shifts every
    /// grey value.
    fn room(head: Option<usize>, noise: u8) -> Picture {
        let (width, height) = (320, 180);
        let mut data = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let inside = head
                    .is_some_and(|left| (left..left + 40).contains(&x) && (60..110).contains(&y));
                let grey = if inside { 30 } else { 90 + ((x / 20 + y / 20) % 5 * 20) as u8 };
                data.extend([grey + noise; 3]);
            }
        }
        Picture::new(data, width as u32, height as u32, PixelOrder::Rgb).unwrap()
    }

    #[test]
    fn detection_rests_while_nothing_moves_and_wakes_for_a_head() {
        let mut motion = Motion::new(2_000, 1_000);
        let mut detect = |picture: &Picture, ms| motion.look(picture.frame(), ms).detect;
        assert!(detect(&room(None, 0), 0), "the first frame");
        assert!(!detect(&room(None, 2), 100), "sensor noise");
        assert!(detect(&room(Some(100), 0), 200), "a head");
        assert!(!detect(&room(Some(100), 1), 300));
        assert!(detect(&room(Some(112), 0), 400), "it moves by 12 px");
        assert!(detect(&room(Some(112), 0), 1_400), "a second without detection");
    }

    #[test]
    fn a_room_of_known_people_is_looked_at_less_often() {
        let mut motion = Motion::new(0, 1_000);
        motion.pace(150);
        let seen =
            (0..10).map(|frame| motion.look(room(Some(100), 0).frame(), frame * 67 + 150).detect);
        assert_eq!(seen.filter(|detect| *detect).count(), 4, "every third of 15 frames a second");
        motion.pace(0);
        assert!(motion.look(room(Some(100), 0).frame(), 800).detect);
    }

    #[test]
    fn a_covered_lens_is_noticed_and_a_lit_room_is_not_one() {
        let mut motion = Motion::new(0, 0);
        let dark = Picture::new(vec![12; 320 * 180 * 3], 320, 180, PixelOrder::Rgb).unwrap();
        assert!(motion.look(dark.frame(), 0).covered);
        assert!(!motion.look(room(None, 0).frame(), 100).covered);
    }

    #[test]
    fn a_picture_that_stays_the_same_to_the_bit_is_frozen() {
        let mut motion = Motion::new(0, 0);
        assert_eq!(motion.look(room(None, 0).frame(), 1_000).frozen_ms, 0);
        assert_eq!(motion.look(room(None, 0).frame(), 9_000).frozen_ms, 8_000);
        assert_eq!(motion.look(room(None, 1).frame(), 10_000).frozen_ms, 0, "noise is life");
    }

    #[test]
    fn the_smallest_picture_is_no_trouble() {
        let tiny = Picture::new(vec![1, 2, 3], 1, 1, PixelOrder::Bgr).unwrap();
        assert!(Motion::new(0, 0).look(tiny.frame(), 0).detect);
    }
}
