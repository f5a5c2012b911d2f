//! The treatment room: its picture, drawn once, its zones as polygons, and the spots where people
//! stand, sit and lie. Never knows who is in it.
use crate::body::Posture;
use crate::canvas::{ellipse, line, paint, polygon, rounded};
use crate::geom::{Colour, mix, scale};
use crate::sprite::Sprite;
use dice::Dice;
use image::RgbImage;

/// Picture size of a scene, px.
pub const WIDTH: u32 = 1280;
pub const HEIGHT: u32 = 720;

/// What a zone is for; the names are those of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZoneKind {
    OperatorRing,
    Bed,
    Companion,
    Door,
}

/// A polygon in the picture, px. A face belongs to the zone that holds the middle of its box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawnZone {
    pub kind: ZoneKind,
    pub polygon: Vec<(i32, i32)>,
}

/// Where a person's head is when they are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    pub x: f32,
    pub y: f32,
    /// Half the head's height, px.
    pub half_height_px: f32,
    pub posture: Posture,
    /// Clockwise tilt of the head, radians.
    pub roll_rad: f32,
}

/// Names of all spots, in the order of the picture from left to right.
pub const SPOTS: [&str; 8] = [
    "door",
    "companion_chair",
    "aside",
    "bedside",
    "operator_left",
    "operator_middle",
    "operator_right",
    "bed",
];

/// The spot of that name.
pub fn spot(name: &str) -> Option<Spot> {
    let standing = |x, y, half_height_px| Spot {
        x,
        y,
        half_height_px,
        posture: Posture::Standing,
        roll_rad: 0.0,
    };
    Some(match name {
        "door" => standing(138.0, 238.0, 60.0),
        "companion_chair" => Spot {
            x: 345.0,
            y: 402.0,
            half_height_px: 62.0,
            posture: Posture::Seated,
            roll_rad: 0.0,
        },
        "aside" => standing(440.0, 226.0, 64.0),
        "bedside" => standing(590.0, 236.0, 66.0),
        "operator_left" => standing(655.0, 222.0, 68.0),
        "operator_middle" => standing(815.0, 216.0, 69.0),
        "operator_right" => standing(985.0, 224.0, 69.0),
        "bed" => Spot {
            x: 1085.0,
            y: 486.0,
            half_height_px: 61.0,
            posture: Posture::Lying,
            roll_rad: 0.42,
        },
        _ => return None,
    })
}

/// The zones of the room.
pub fn zones() -> Vec<DrawnZone> {
    let zone = |kind, corners: &[(i32, i32)]| DrawnZone { kind, polygon: corners.to_vec() };
    vec![
        zone(ZoneKind::OperatorRing, &[(530, 70), (1230, 70), (1230, 395), (530, 395)]),
        zone(ZoneKind::Bed, &[(540, 405), (1240, 405), (1240, 715), (540, 715)]),
        zone(ZoneKind::Companion, &[(248, 315), (448, 315), (448, 690), (248, 690)]),
        zone(ZoneKind::Door, &[(15, 80), (242, 80), (242, 640), (15, 640)]),
    ]
}

/// The room's picture, and what of it stands in front of the people behind the bed.
#[derive(Debug, Clone)]
pub(crate) struct Backdrop {
    pub(crate) picture: RgbImage,
    pub(crate) bed: Sprite,
}

impl Backdrop {
    /// Draws the room; `seed` chooses its colours.
    pub(crate) fn new(seed: u64) -> Self {
        let d = &mut Dice::new(seed, 3);
        let mut img = RgbImage::new(WIDTH, HEIGHT);
        let wall = mix([0.80, 0.86, 0.87], [0.90, 0.87, 0.81], d.unit());
        walls(&mut img, wall);
        door(&mut img);
        furniture(&mut img, wall);
        lamp(&mut img);
        let bed = Sprite::cut(WIDTH, HEIGHT, bed);
        Self { picture: img, bed }
    }
}

fn walls(img: &mut RgbImage, wall: Colour) {
    let floor = [0.66, 0.63, 0.59];
    paint(img, [0.0, 0.0, WIDTH as f32, HEIGHT as f32], |x, y| {
        let glow = 1.06 - 0.00022 * (x - 780.0).abs() - 0.00025 * y;
        if y < 545.0 {
            return (scale(wall, glow), 1.0);
        }
        let depth = 1.0 / (y - 440.0);
        let tiles = ((x - 640.0) * depth * 6.0).rem_euclid(1.0) < 0.025
            || (depth * 900.0).rem_euclid(1.0) < 0.03;
        (scale(floor, glow * if tiles { 0.93 } else { 1.0 } + 0.0003 * (y - 545.0)), 1.0)
    });
    rounded(img, [0.0, 535.0, WIDTH as f32, 552.0], 1.0, scale(wall, 0.80));
}

fn door(img: &mut RgbImage) {
    rounded(img, [36.0, 84.0, 240.0, 560.0], 3.0, [0.55, 0.43, 0.33]);
    rounded(img, [48.0, 96.0, 228.0, 560.0], 2.0, [0.36, 0.39, 0.42]);
    paint(img, [52.0, 100.0, 224.0, 560.0], |x, y| {
        (mix([0.52, 0.56, 0.58], [0.40, 0.43, 0.46], (x + y * 0.3) / 400.0), 0.9)
    });
    rounded(img, [86.0, 46.0, 190.0, 76.0], 4.0, [0.10, 0.46, 0.30]);
    rounded(img, [96.0, 56.0, 180.0, 66.0], 3.0, [0.80, 0.95, 0.86]);
}

fn furniture(img: &mut RgbImage, wall: Colour) {
    // Window with blinds.
    rounded(img, [690.0, 26.0, 925.0, 150.0], 3.0, [0.93, 0.93, 0.92]);
    for i in 0..9 {
        let y = 34.0 + i as f32 * 12.5;
        rounded(img, [698.0, y, 917.0, y + 9.0], 2.0, [0.80, 0.90, 0.96]);
    }
    // Poster, cabinet, trolley, chair.
    rounded(img, [300.0, 90.0, 385.0, 205.0], 3.0, scale(wall, 0.72));
    rounded(img, [306.0, 96.0, 379.0, 199.0], 2.0, [0.93, 0.94, 0.93]);
    for i in 0..5 {
        let y = 118.0 + i as f32 * 15.0;
        line(img, [316.0, y], [368.0 - (i % 2) as f32 * 14.0, y], 4.0, [0.45, 0.62, 0.70]);
    }
    rounded(img, [1120.0, 60.0, 1262.0, 300.0], 4.0, [0.86, 0.88, 0.90]);
    line(img, [1191.0, 66.0], [1191.0, 294.0], 3.0, [0.68, 0.71, 0.74]);
    for (x, y) in [(1182.0, 180.0), (1200.0, 180.0)] {
        line(img, [x, y - 12.0], [x, y + 12.0], 4.0, [0.52, 0.55, 0.58]);
    }
    rounded(img, [455.0, 420.0, 532.0, 436.0], 3.0, [0.75, 0.78, 0.80]);
    rounded(img, [460.0, 500.0, 527.0, 512.0], 3.0, [0.72, 0.75, 0.77]);
    for x in [462.0, 524.0] {
        line(img, [x, 430.0], [x, 600.0], 5.0, [0.58, 0.61, 0.64]);
    }
    for (i, colour) in
        [[0.35, 0.60, 0.78], [0.85, 0.55, 0.40], [0.92, 0.92, 0.88]].iter().enumerate()
    {
        let x = 466.0 + i as f32 * 20.0;
        rounded(img, [x, 396.0, x + 13.0, 421.0], 3.0, *colour);
    }
    rounded(img, [268.0, 430.0, 424.0, 620.0], 16.0, [0.33, 0.46, 0.52]);
    rounded(img, [256.0, 600.0, 436.0, 650.0], 12.0, [0.27, 0.39, 0.45]);
}

fn lamp(img: &mut RgbImage) {
    line(img, [1040.0, 0.0], [1030.0, 34.0], 9.0, [0.60, 0.62, 0.64]);
    ellipse(img, [1030.0, 52.0], [74.0, 25.0], [0.72, 0.74, 0.76]);
    ellipse(img, [1030.0, 58.0], [62.0, 17.0], [0.98, 0.98, 0.93]);
}

fn bed(img: &mut RgbImage) {
    for x in [600.0, 1130.0] {
        line(img, [x, 620.0], [x, 716.0], 16.0, [0.50, 0.53, 0.56]);
    }
    rounded(img, [556.0, 570.0, 1180.0, 650.0], 18.0, [0.42, 0.55, 0.58]);
    rounded(img, [556.0, 548.0, 1180.0, 606.0], 20.0, [0.90, 0.93, 0.93]);
    // The raised head end and its pillow.
    polygon(
        img,
        &[[1010.0, 590.0], [1075.0, 452.0], [1160.0, 440.0], [1196.0, 470.0], [1184.0, 640.0]],
        [0.42, 0.55, 0.58],
    );
    polygon(
        img,
        &[[1030.0, 585.0], [1080.0, 470.0], [1150.0, 450.0], [1172.0, 480.0], [1150.0, 590.0]],
        [0.90, 0.93, 0.93],
    );
    ellipse(img, [1100.0, 492.0], [76.0, 62.0], [0.97, 0.97, 0.96]);
}
