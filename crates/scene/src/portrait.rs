//! A drawn person's enrolment photograph. Never a scene.
use crate::face::{Expression, FaceTruth, HeadLook, HeadPlace, Light, Pose, Wear, draw_head};
use crate::geom::{Colour, mix, scale};
use crate::identity::Identity;
use crate::{body, canvas};
use dice::Dice;
use image::{Rgb, RgbImage};

/// A frontal, bare, evenly lit picture of `width`×`height` px; `seed` varies what two photographs
/// of one person vary in.
pub fn portrait(identity: &Identity, seed: u64, width: u32, height: u32) -> (RgbImage, FaceTruth) {
    let d = &mut Dice::new(seed, 9);
    let wall: Colour = mix([0.86, 0.88, 0.90], [0.70, 0.78, 0.84], d.unit());
    let mut img = RgbImage::from_pixel(width, height, Rgb(scale(wall, 255.0).map(|c| c as u8)));
    let half = height as f32 * 0.25;
    let place = HeadPlace {
        x: width as f32 * d.range(0.48, 0.52),
        y: height as f32 * 0.44,
        half_height_px: half,
    };
    body::bust(&mut img, identity, [place.x, place.y], half, [0.93, 0.94, 0.96]);
    let look = HeadLook {
        identity,
        pose: Pose {
            yaw_rad: d.range(-0.08, 0.08),
            pitch_rad: d.range(-0.04, 0.08),
            roll_rad: d.range(-0.03, 0.03),
        },
        light: Light { towards: [d.range(-0.4, 0.4), -0.6, 0.8], ..Light::default() },
        expression: Expression { smile: d.range(-0.1, 0.3), ..Expression::default() },
        wear: Wear::default(),
    };
    let truth = draw_head(&mut img, &look, place);
    let seed = d.seed() as u32;
    canvas::grain(&mut img, seed, 5);
    (img, truth)
}
