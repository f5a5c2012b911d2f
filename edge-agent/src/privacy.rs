//! The privacy mask (P5): what lies under its polygons is black before detection, motion or
//! anything else sees the picture.

use protocol::down::Polygon;

/// The masked spans of one frame size, computed once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    polygons: Vec<Polygon>,
    size: (u32, u32),
    /// Byte ranges of the picture, rising within each polygon.
    spans: Vec<(usize, usize)>,
}

impl Mask {
    /// `polygons` in thousandths of the picture's width and height.
    pub fn new(polygons: Vec<Polygon>) -> Self {
        Self { polygons, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.polygons.is_empty()
    }

    /// Whether both hide the same.
    pub fn same_as(&self, other: &Self) -> bool {
        self.polygons == other.polygons
    }

    /// Blackens the masked part of a picture of `width`×`height` pixels of 3 bytes.
    pub fn apply(&mut self, pixels: &mut [u8], width: u32, height: u32) {
        if self.size != (width, height) {
            self.size = (width, height);
            self.spans = self
                .polygons
                .iter()
                .flat_map(|p| spans(p, width as usize, height as usize))
                .collect();
        }
        for &(from, to) in &self.spans {
            if let Some(span) = pixels.get_mut(from..to) {
                span.fill(0);
            }
        }
    }
}

/// Even-odd scan lines through the pixel rows, one pixel wider on each side: a mask may hide too
/// much, never too little.
fn spans(polygon: &Polygon, width: usize, height: usize) -> Vec<(usize, usize)> {
    let to_px = |&(x, y): &(i32, i32)| {
        (f64::from(x) * width as f64 / 1000.0, f64::from(y) * height as f64 / 1000.0)
    };
    let corners: Vec<_> = polygon.iter().map(to_px).collect();
    let mut spans = Vec::new();
    for row in 0..height {
        let mut crossings = Vec::new();
        // Both edges of the row: a corner that only dips into it is masked too.
        for y in [row as f64 + 0.001, row as f64 + 0.5, row as f64 + 0.999] {
            let mut line = crossings_at(&corners, y);
            line.sort_by(f64::total_cmp);
            crossings.extend(line.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        for (from, to) in crossings {
            let from = (from.floor() - 1.0).clamp(0.0, width as f64) as usize;
            let to = (to.ceil() + 1.0).clamp(0.0, width as f64) as usize;
            spans.push(((row * width + from) * 3, (row * width + to) * 3));
        }
    }
    spans
}

fn crossings_at(corners: &[(f64, f64)], y: f64) -> Vec<f64> {
    let next = corners.iter().cycle().skip(1);
    corners
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.1 > y) != (b.1 > y))
        .map(|(a, b)| a.0 + (y - a.1) * (b.0 - a.0) / (b.1 - a.1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_under_the_mask_is_black_and_nothing_far_from_it() {
        let mut mask = Mask::new(vec![vec![(500, 0), (1000, 0), (1000, 500), (500, 500)]]);
        let (width, height) = (40, 20);
        let mut pixels = vec![200; width * height * 3];
        mask.apply(&mut pixels, width as u32, height as u32);
        let at = |x: usize, y: usize| pixels[(y * width + x) * 3];
        assert_eq!((at(20, 0), at(39, 9), at(30, 5)), (0, 0, 0));
        assert_eq!((at(17, 5), at(30, 12), at(0, 0)), (200, 200, 200));
    }

    #[test]
    fn a_mask_fits_every_frame_size() {
        let mut mask = Mask::new(vec![vec![(0, 0), (1000, 0), (1000, 1000), (0, 1000)]]);
        for (width, height) in [(40_u32, 20_u32), (64, 48), (40, 20)] {
            let mut pixels = vec![9; (width * height * 3) as usize];
            mask.apply(&mut pixels, width, height);
            assert!(pixels.iter().all(|p| *p == 0), "{width}×{height}");
        }
    }

    #[test]
    fn a_degenerate_polygon_masks_nothing_and_does_not_panic() {
        for polygon in
            [vec![], vec![(0, 0)], vec![(0, 0), (1000, 1000)], vec![(5, 5), (5, 5), (5, 5)]]
        {
            let mut pixels = vec![9; 300];
            Mask::new(vec![polygon]).apply(&mut pixels, 10, 10);
        }
    }
}
