//! A whole presentation attack, frame by frame: an instrument that a hand holds up before a camera
//! in a room. Two renderers that share no code for the instrument, its motion or the camera:
//! thresholds are chosen on [`Renderer::Painted`] and measured on [`Renderer::Sampled`]. Neither is
//! a real attack.
use super::{AttackInstrument, Held, present};
use dice::Dice;
use image::RgbImage;

/// How the picture is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    /// Marks painted over the photograph; thresholds may be chosen on it.
    Painted,
    /// Ink dots, sub-pixels, bent paper, reflections: what the camera's pixels make of them. Never
    /// tuned on.
    Sampled,
}

/// One attack: `photo` on `instrument` before `background`.
#[derive(Debug, Clone, Copy)]
pub struct Attack<'a> {
    pub photo: &'a RgbImage,
    pub background: &'a RgbImage,
    pub instrument: AttackInstrument,
    pub renderer: Renderer,
    pub seed: u64,
    /// Where the false face is held, px, and half its instrument's height.
    pub x: f32,
    pub y: f32,
    pub half_height_px: f32,
}

impl Attack<'_> {
    /// The camera's picture at `t_ms`.
    #[must_use]
    pub fn frame(&self, t_ms: u64) -> RgbImage {
        match self.renderer {
            Renderer::Painted => self.painted(t_ms),
            Renderer::Sampled => self.sampled(t_ms),
        }
    }

    fn painted(&self, t_ms: u64) -> RgbImage {
        let dice = &mut Dice::new(self.seed, 41);
        let held = Held {
            x: self.x,
            y: self.y,
            half_height_px: self.half_height_px,
            yaw_rad: dice.range(-0.25, 0.25),
            pitch_rad: dice.range(-0.15, 0.15),
            roll_rad: dice.range(-0.1, 0.1),
        };
        let (swing, gain) = (dice.range(0.03, 0.35), dice.range(0.75, 1.1));
        let begun = dice.below(5_000) as u64;
        let mut img = self.background.clone();
        present(&mut img, self.photo, self.instrument, held.moved(begun + t_ms, swing));
        let noise = &mut Dice::new(self.seed ^ t_ms, 42);
        for value in img.iter_mut() {
            let grain = ((0..3).map(|_| noise.unit::<f32>()).sum::<f32>() - 1.5) * 6.0;
            *value = (f32::from(*value) * gain + grain).round().clamp(0.0, 255.0) as u8;
        }
        img
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn both_renderers_show_the_photograph_move_and_repeat_by_seed() {
        let photo = RgbImage::from_pixel(60, 60, Rgb([230, 120, 90]));
        let background = RgbImage::from_pixel(320, 240, Rgb([60, 70, 80]));
        for renderer in [Renderer::Painted, Renderer::Sampled] {
            for instrument in
                [AttackInstrument::Print, AttackInstrument::Screen, AttackInstrument::Mask]
            {
                let attack = Attack {
                    photo: &photo,
                    background: &background,
                    instrument,
                    renderer,
                    seed: 5,
                    x: 160.0,
                    y: 120.0,
                    half_height_px: 60.0,
                };
                let (now, later) = (attack.frame(0), attack.frame(700));
                let reddish = |img: &RgbImage| {
                    img.pixels().filter(|p| p.0[0] > p.0[2].saturating_add(40)).count()
                };
                assert!(reddish(&now) > 1_500, "{renderer:?} {instrument:?}: {}", reddish(&now));
                assert!(now != later && now == attack.frame(0));
            }
        }
    }
}
