//! Zones of a picture that nobody may see: the privacy mask (P5), black before detection, motion or
//! anything else, and the bed of a sealed picture, one flat colour.

use protocol::down::Polygon;

/// Side of the blocks in which a JPEG is coded: what fills whole ones keeps its colour to the bit.
const BLOCK_PX: usize = 8;

/// One row of a zone, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    row: usize,
    from: usize,
    to: usize,
}

/// The spans of one frame size, computed once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mask {
    polygons: Vec<Polygon>,
    colour: [u8; 3],
    size: (u32, u32),
    spans: Vec<Span>,
}

impl Mask {
    /// A black one; `polygons` in thousandths of the picture's width and height.
    pub fn new(polygons: Vec<Polygon>) -> Self {
        Self::flat(polygons, [0; 3])
    }

    /// One of this colour.
    pub fn flat(polygons: Vec<Polygon>, colour: [u8; 3]) -> Self {
        Self { polygons, colour, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.polygons.is_empty()
    }

    /// Whether both hide the same.
    pub fn same_as(&self, other: &Self) -> bool {
        self.polygons == other.polygons
    }

    /// Fills the zone in a picture of `width`×`height` pixels of 3 bytes.
    pub fn apply(&mut self, pixels: &mut [u8], width: u32, height: u32) {
        self.apply_to_part(pixels, (0, 0, width, height), (width, height));
    }

    /// Fills the zone in a part (left, top, width, height) that was cut out of a picture of `whole`
    /// pixels.
    pub(crate) fn apply_to_part(
        &mut self,
        pixels: &mut [u8],
        part: (u32, u32, u32, u32),
        whole: (u32, u32),
    ) {
        self.fit(whole);
        let (left, top, width, height) =
            (part.0 as usize, part.1 as usize, part.2 as usize, part.3 as usize);
        for span in &self.spans {
            let Some(row) = span.row.checked_sub(top).filter(|row| *row < height) else { continue };
            let (from, to) = (span.from.saturating_sub(left), span.to.saturating_sub(left));
            fill(pixels, width, row, from, to.min(width), self.colour);
        }
    }

    /// Fills every block of the coded picture that the zone touches.
    pub(crate) fn apply_in_blocks(&mut self, pixels: &mut [u8], width: u32, height: u32) {
        self.fit((width, height));
        let (width, height) = (width as usize, height as usize);
        for span in self.spans.iter().filter(|span| span.from < span.to) {
            let (from, to) = blocks(span.from, span.to, width);
            let (top, bottom) = blocks(span.row, span.row + 1, height);
            for row in top..bottom {
                fill(pixels, width, row, from, to, self.colour);
            }
        }
    }

    fn fit(&mut self, size: (u32, u32)) {
        if self.size != size {
            self.size = size;
            let (width, height) = (size.0 as usize, size.1 as usize);
            self.spans = self.polygons.iter().flat_map(|p| spans(p, width, height)).collect();
        }
    }
}

/// The whole blocks that hold a stretch of pixels.
pub(crate) fn blocks(from: usize, to: usize, end: usize) -> (usize, usize) {
    (from / BLOCK_PX * BLOCK_PX, to.next_multiple_of(BLOCK_PX).min(end))
}

/// Gives one stretch of one row a colour; what lies outside the picture is left out.
pub(crate) fn fill(
    pixels: &mut [u8],
    width: usize,
    row: usize,
    from: usize,
    to: usize,
    colour: [u8; 3],
) {
    if let Some(span) = pixels.get_mut((row * width + from) * 3..(row * width + to.max(from)) * 3) {
        for pixel in span.chunks_exact_mut(3) {
            pixel.copy_from_slice(&colour);
        }
    }
}

/// Even-odd scan lines through the pixel rows, one pixel wider on each side: a mask may hide too
/// much, never too little.
fn spans(polygon: &Polygon, width: usize, height: usize) -> Vec<Span> {
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
            spans.push(Span { row, from, to });
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
