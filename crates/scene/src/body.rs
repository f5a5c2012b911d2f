//! Bodies below the head: a coat or clothes, standing, seated or under a blanket. Never draws a
//! face.
use crate::canvas::{ellipse, line, polygon, rounded};
use crate::geom::{Colour, scale};
use crate::identity::Identity;
use image::RgbImage;
use serde::Deserialize;

/// How a body is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posture {
    Standing,
    Seated,
    Lying,
}

/// Draws the body whose head has its middle at `head` and half its height `h` px.
pub(crate) fn draw(
    img: &mut RgbImage,
    id: &Identity,
    posture: Posture,
    head: [f32; 2],
    h: f32,
    cloth: Colour,
) {
    match posture {
        Posture::Standing => standing(img, id, head, h, cloth),
        Posture::Seated => seated(img, id, head, h, cloth),
        Posture::Lying => lying(img, id, head, h, cloth),
    }
}

fn neck(img: &mut RgbImage, id: &Identity, [x, y]: [f32; 2], h: f32) {
    rounded(
        img,
        [x - 0.36 * h, y + 0.45 * h, x + 0.36 * h, y + 1.5 * h],
        0.2 * h,
        scale(id.skin, 0.74),
    );
}

/// Neck, shoulders and chest, down to the picture's edge.
pub(crate) fn bust(img: &mut RgbImage, id: &Identity, head: [f32; 2], h: f32, cloth: Colour) {
    let [x, y] = head;
    let b = 1.55 * id.build * h;
    neck(img, id, head, h);
    let at = |dx: f32, dy: f32| [x + dx, y + dy * h];
    let far = img.height() as f32 / h;
    let coat = [
        at(-0.38 * h, 1.12),
        at(-0.75 * b, 1.32),
        at(-0.97 * b, 1.62),
        at(-1.05 * b, 2.4),
        at(-0.92 * b, far),
        at(0.92 * b, far),
        at(1.05 * b, 2.4),
        at(0.97 * b, 1.62),
        at(0.75 * b, 1.32),
        at(0.38 * h, 1.12),
        at(0.0, 1.75),
    ];
    polygon(img, &coat, cloth);
    line(img, at(-0.38 * h, 1.12), at(0.0, 1.78), 0.07 * h, scale(cloth, 0.86));
    line(img, at(0.38 * h, 1.12), at(0.0, 1.78), 0.07 * h, scale(cloth, 0.86));
    line(img, at(0.0, 1.80), at(0.0, 5.6), 0.035 * h, scale(cloth, 0.84));
}

fn standing(img: &mut RgbImage, id: &Identity, head: [f32; 2], h: f32, cloth: Colour) {
    let [x, y] = head;
    let b = 1.55 * id.build * h;
    for side in [-1.0, 1.0] {
        let leg = x + side * 0.42 * b;
        rounded(
            img,
            [leg - 0.40 * b, y + 5.0 * h, leg + 0.40 * b, y + 12.0 * h],
            0.2 * h,
            scale(cloth, 0.45),
        );
    }
    bust(img, id, head, h, cloth);
    rounded(
        img,
        [x + 0.25 * b, y + 2.6 * h, x + 0.62 * b, y + 3.0 * h],
        0.06 * h,
        scale(cloth, 0.90),
    );
    for side in [-1.0, 1.0] {
        let shoulder = [x + side * 0.92 * b, y + 1.75 * h];
        let elbow = [x + side * 1.10 * b, y + 3.1 * h];
        let hand = [x + side * 0.48 * b, y + 3.75 * h];
        line(img, shoulder, elbow, 0.56 * h, scale(cloth, 0.93));
        line(img, elbow, hand, 0.48 * h, scale(cloth, 0.89));
        ellipse(img, hand, [0.27 * h, 0.22 * h], scale(id.skin, 0.86));
    }
}

fn seated(img: &mut RgbImage, id: &Identity, head: [f32; 2], h: f32, cloth: Colour) {
    let [x, y] = head;
    let b = 1.5 * id.build * h;
    neck(img, id, head, h);
    rounded(img, [x - b, y + 1.2 * h, x + b, y + 3.9 * h], 0.6 * h, cloth);
    for side in [-1.0, 1.0] {
        let knee = x + side * 0.5 * b;
        rounded(
            img,
            [knee - 0.42 * b, y + 3.3 * h, knee + 0.42 * b, y + 6.0 * h],
            0.3 * h,
            scale(cloth, 0.55),
        );
        line(
            img,
            [x + side * 0.9 * b, y + 1.8 * h],
            [x + side * 0.4 * b, y + 3.5 * h],
            0.45 * h,
            scale(cloth, 0.88),
        );
        ellipse(
            img,
            [x + side * 0.34 * b, y + 3.55 * h],
            [0.24 * h, 0.2 * h],
            scale(id.skin, 0.86),
        );
    }
}

fn lying(img: &mut RgbImage, id: &Identity, head: [f32; 2], h: f32, cloth: Colour) {
    let [x, y] = head;
    line(img, [x - 0.3 * h, y + 0.5 * h], [x - 0.9 * h, y + 1.3 * h], 0.7 * h, scale(id.skin, 0.8));
    let top = [
        [x - 0.35 * h, y + 0.85 * h],
        [x - 1.6 * h, y + 0.55 * h],
        [x - 4.2 * h, y + 0.95 * h],
        [x - 7.6 * h, y + 1.0 * h],
        [x - 7.9 * h, y + 2.4 * h],
        [x + 0.1 * h, y + 2.4 * h],
        [x + 0.35 * h, y + 1.5 * h],
    ];
    polygon(img, &top, cloth);
    line(
        img,
        [x - 0.45 * h, y + 0.95 * h],
        [x - 1.5 * h, y + 1.9 * h],
        0.12 * h,
        scale(cloth, 0.85),
    );
    line(img, [x - 3.0 * h, y + 1.5 * h], [x - 7.2 * h, y + 1.7 * h], 0.07 * h, scale(cloth, 0.9));
    line(img, [x - 1.8 * h, y + 1.2 * h], [x - 3.6 * h, y + 1.9 * h], 0.06 * h, scale(cloth, 0.9));
}
