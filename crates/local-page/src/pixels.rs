//! Bare pixels: a picture made small, or a piece of it, for a page to paint. No picture file is
//! ever made of them.

/// Red, green, blue, from top to bottom.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RgbPixels {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

/// Pixels never print.
impl std::fmt::Debug for RgbPixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RgbPixels({}×{})", self.width, self.height)
    }
}

/// A picture that lies elsewhere: rows from top to bottom, three bytes a pixel.
#[derive(Clone, Copy)]
pub struct PixelSource<'a> {
    pub data: &'a [u8],
    pub width: u32,
    /// The three bytes are blue, green, red.
    pub bgr: bool,
}

impl std::fmt::Debug for PixelSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PixelSource({} px wide)", self.width)
    }
}

impl RgbPixels {
    /// A rectangle that lies in the picture, each `step`×`step` pixels as their mean. Nothing of
    /// one that does not.
    pub fn cut(
        from: PixelSource<'_>,
        (left, top): (u32, u32),
        (width, height): (u32, u32),
        step: u32,
    ) -> Self {
        let size = (width / step.max(1), height / step.max(1));
        let (step, row_bytes) = (step.max(1) as usize, from.width as usize * 3);
        let channels = if from.bgr { [2, 1, 0] } else { [0, 1, 2] };
        let mut rgb = Vec::with_capacity(size.0 as usize * size.1 as usize * 3);
        for row in 0..size.1 as usize {
            let start = (top as usize + row * step) * row_bytes + left as usize * 3;
            for column in 0..size.0 as usize {
                let mut sums = [0_u32; 3];
                for line in 0..step {
                    let at = start + line * row_bytes + column * step * 3;
                    let Some(pixels) = from.data.get(at..at + step * 3) else {
                        return Self::default();
                    };
                    for pixel in pixels.chunks_exact(3) {
                        for (sum, value) in sums.iter_mut().zip(pixel) {
                            *sum += u32::from(*value);
                        }
                    }
                }
                rgb.extend(channels.map(|channel| (sums[channel] / (step * step) as u32) as u8));
            }
        }
        Self { width: size.0, height: size.1, rgb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_the_mean_of_its_pixels_in_red_green_blue() {
        let data: Vec<u8> = (0..4_u8)
            .flat_map(|row| (0..6_u8).flat_map(move |column| [column * 10, row, 200]))
            .collect();
        let from = PixelSource { data: &data, width: 6, bgr: true };
        let cut = RgbPixels::cut(from, (2, 0), (4, 4), 2);
        assert_eq!((cut.width, cut.height), (2, 2));
        assert_eq!(cut.rgb, [200, 0, 25, 200, 0, 45, 200, 2, 25, 200, 2, 45]);
        assert_eq!(
            RgbPixels::cut(from, (4, 0), (6, 9), 1),
            RgbPixels::default(),
            "outside the picture"
        );
        assert!(!format!("{cut:?}").contains("200"));
    }
}
