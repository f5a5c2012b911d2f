//! A cut-out picture with soft edges, painted once and stamped often: what keeps a frame within its
//! few milliseconds.
use image::{Rgb, RgbImage};

/// Colours already multiplied by opacity, and how much of the ground shows through (255 = all of
/// it).
#[derive(Debug, Clone)]
pub(crate) struct Sprite {
    x: i32,
    y: i32,
    width: usize,
    premultiplied: Vec<u8>,
    through: Vec<u8>,
}

impl Sprite {
    /// Cuts out what `draw` paints on a ground of `width`×`height`: painting on black gives the
    /// colours, on white the opacity.
    pub(crate) fn cut(width: u32, height: u32, draw: impl Fn(&mut RgbImage)) -> Self {
        let mut black = RgbImage::from_pixel(width, height, Rgb([0; 3]));
        let mut white = RgbImage::from_pixel(width, height, Rgb([255; 3]));
        draw(&mut black);
        draw(&mut white);
        let through_at = |x: u32, y: u32| {
            let (b, w) = (black.get_pixel(x, y).0, white.get_pixel(x, y).0);
            w[1].saturating_sub(b[1])
        };
        let (mut x0, mut y0, mut x1, mut y1) = (width, height, 0, 0);
        for (x, y, _) in black.enumerate_pixels() {
            if through_at(x, y) < 255 {
                (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1));
            }
        }
        let (mut premultiplied, mut through) = (Vec::new(), Vec::new());
        for y in y0..y1 {
            for x in x0..x1 {
                premultiplied.extend(black.get_pixel(x, y).0);
                through.push(through_at(x, y));
            }
        }
        Self {
            x: x0 as i32,
            y: y0 as i32,
            width: x1.saturating_sub(x0) as usize,
            premultiplied,
            through,
        }
    }

    /// Stamps the cut-out, moved by (dx, dy) from where it was painted.
    pub(crate) fn stamp(&self, img: &mut RgbImage, dx: i32, dy: i32) {
        if self.width == 0 {
            return;
        }
        let (img_w, img_h) = (img.width() as i32, img.height() as i32);
        let left = self.x + dx;
        let skip = (-left).clamp(0, self.width as i32) as usize;
        let take = (img_w - left.max(0)).clamp(0, (self.width - skip) as i32) as usize;
        for (row, through) in self.through.chunks_exact(self.width).enumerate() {
            let y = self.y + dy + row as i32;
            if y < 0 || y >= img_h || take == 0 {
                continue;
            }
            let to = (y * img_w + left.max(0)) as usize * 3;
            let from = (row * self.width + skip) * 3;
            let ground = &mut img.as_mut()[to..to + take * 3];
            let cut = &self.premultiplied[from..from + take * 3];
            let through = &through[skip..skip + take];
            for ((g, c), &t) in ground.chunks_exact_mut(3).zip(cut.chunks_exact(3)).zip(through) {
                for (value, add) in g.iter_mut().zip(c) {
                    let under = u16::from(*value) * u16::from(t);
                    *value = add.saturating_add(((under + 127) / 255) as u8);
                }
            }
        }
    }
}
