//! Pictures that can be no room, and rooms that only look so.

use proptest::prelude::*;
use vision::Picture;

use super::*;

const SIZE: (u32, u32) = (320, 64);

/// Numbers without order (xorshift).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn picture(mut pixel: impl FnMut(usize, usize) -> [u8; 3]) -> Picture {
    let (width, height) = SIZE;
    let all = (0..height as usize).flat_map(|y| (0..width as usize).map(move |x| (x, y)));
    let data = all.flat_map(|(x, y)| pixel(x, y)).collect();
    Picture::new(data, width, height, PixelOrder::Rgb).unwrap()
}

/// Walls, a door, a couch, and the noise of a sensor; `soft`: through a lens out of focus.
fn room(dice: &mut Dice, soft: bool) -> Picture {
    let edge = |at: f64, x: f64| {
        if soft { ((x - at) / 64.0).clamp(-0.5, 0.5) + 0.5 } else { f64::from(x > at) }
    };
    picture(|x, y| {
        let (x, y) = (x as f64, y as f64);
        let wall = 150.0 - 60.0 * edge(60.0, x) + 70.0 * edge(130.0, x) - 90.0 * edge(220.0, x)
            + 40.0 * edge(300.0, x);
        let texture = if soft { 0.0 } else { 18.0 * ((x / 3.0).sin() * (y / 2.0).cos()) };
        let noise = (dice.throw() % 3) as f64 - 1.0;
        [(wall + texture + 30.0 * edge(100.0, y) + noise).clamp(0.0, 255.0) as u8; 3]
    })
}

/// What is said after `seconds` of frames, 5 each second, behind a good room.
fn said_after(seconds: u64, mut make: impl FnMut(&mut Dice, u64) -> Picture) -> Option<Complaint> {
    let (mut judge, mut dice) = (Plausibility::default(), Dice(7));
    for at in 0..30 {
        assert_eq!(judge.look(room(&mut dice, false).frame(), at * 200), None);
    }
    let mut said = None;
    for at in 0..seconds * 5 {
        said = judge.look(make(&mut dice, at).frame(), 20_000 + at * 200);
    }
    said
}

#[test]
fn a_room_is_a_room() {
    assert_eq!(said_after(60, |dice, _| room(dice, false)), None);
}

#[test]
fn noise_of_any_grain_is_noticed() {
    for grain in [1, 2, 4] {
        let noise = |dice: &mut Dice, _| {
            let cells: Vec<u8> =
                (0..4_000_000 / grain / grain / 64).map(|_| dice.throw() as u8).collect();
            picture(|x, y| [cells[(x / grain + y / grain * 320) % cells.len()]; 3])
        };
        assert_eq!(said_after(10, noise), Some(Complaint::Noise), "grain {grain}");
    }
}

#[test]
fn damaged_blocks_are_noticed() {
    let blocks = |dice: &mut Dice, _| {
        let cells: Vec<u8> = (0..40 * 22).map(|_| dice.throw() as u8 / 2 + 60).collect();
        // Neighbours are alike, as the drift of a damaged stream leaves them.
        picture(|x, y| [cells[x / 8 + y / 8 * 40] / 4 + (x / 8) as u8 * 3; 3])
    };
    assert_eq!(said_after(10, blocks), Some(Complaint::Blocks));
}

#[test]
fn a_test_pattern_and_a_plain_colour_are_noticed() {
    const BARS: [[u8; 3]; 8] = [
        [191, 191, 191],
        [191, 191, 0],
        [0, 191, 191],
        [0, 191, 0],
        [191, 0, 191],
        [191, 0, 0],
        [0, 0, 191],
        [16, 16, 16],
    ];
    let bars =
        |_: &mut Dice, at: u64| picture(|x, y| if y < 2 { [at as u8; 3] } else { BARS[x / 40] });
    assert_eq!(said_after(10, bars), Some(Complaint::Pattern));
    let white = |dice: &mut Dice, _| picture(|_, _| [250 + (dice.throw() % 3) as u8; 3]);
    assert_eq!(said_after(10, white), Some(Complaint::Plain));
    let blue = |dice: &mut Dice, _| picture(|_, _| [0, 0, 250 + (dice.throw() % 3) as u8]);
    assert_eq!(said_after(10, blue), Some(Complaint::Pattern));
}

#[test]
fn the_same_seconds_again_and_again_are_noticed() {
    let mut recorded: Vec<Picture> = Vec::new();
    let replay = move |dice: &mut Dice, at: u64| {
        if recorded.len() < 40 {
            recorded.push(room(dice, false));
        }
        recorded[at as usize % 40].clone()
    };
    assert_eq!(said_after(25, replay), Some(Complaint::Loop));
}

#[test]
fn a_lens_out_of_focus_is_noticed_and_is_not_blindness() {
    assert_eq!(said_after(10, |dice, _| room(dice, true)), None, "what passes by is none");
    let said = said_after(20, |dice, _| room(dice, true));
    assert_eq!(said, Some(Complaint::Blurred));
    assert!(!Complaint::Blurred.is_blind());
}

#[test]
fn what_is_over_is_taken_back() {
    let mixed = |dice: &mut Dice, at: u64| {
        if at < 50 { picture(|_, _| [dice.throw() as u8; 3]) } else { room(dice, false) }
    };
    assert_eq!(said_after(9, mixed), Some(Complaint::Noise));
    assert_eq!(said_after(14, mixed), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_frame_is_borne(width in 1_u32..200, height in 1_u32..60, seed in 1_u64..) {
        let mut dice = Dice(seed);
        let data = (0..width * height * 3).map(|_| dice.throw() as u8).collect();
        let picture = Picture::new(data, width, height, PixelOrder::Bgr).unwrap();
        let mut judge = Plausibility::default();
        for at in 0..3 {
            judge.look(picture.frame(), at * 600);
        }
    }
}
