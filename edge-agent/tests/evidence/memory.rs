//! What is left of a picture in the box's memory after the session's end: the whole writable memory
//! of this process is searched for rows of its pixels. What is searched for lies in memory only
//! turned over, so that the search does not find itself.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use edge_agent::clock::Now;
use edge_agent::evidence::Taking;
use edge_agent::evidence::taking::Taker;
use evidence::{RectPx, Seen};
use image::RgbImage;
use presence::TrackId;
use vision::{Frame, PixelOrder};
use zeroize::Zeroize as _;

use crate::{Target, target};

/// Bytes of a row that are looked for: 32 pixels.
const ROW: usize = 96;
/// Bytes of memory read at a time.
const PART: usize = 1 << 20;
const TURNED: u8 = 0xA5;

/// Pieces of rows through the middles of these faces.
pub(crate) fn rows(frame: &RgbImage, faces: impl Iterator<Item = RectPx>) -> Vec<Vec<u8>> {
    let width = frame.width() as usize * 3;
    let piece = |face: RectPx| {
        let x = (face.x + face.width / 2 - 16).max(0) as usize * 3;
        let at = (face.y + face.height / 2).max(0) as usize * width + x;
        frame.as_raw().get(at..at + ROW).map(<[u8]>::to_vec)
    };
    faces.filter_map(piece).collect()
}

/// A face is looked at, a finding takes its pictures, the session ends.
pub(crate) fn after_a_session(taking: &Taking) -> Target {
    let mut state = 0x5EED_u32;
    let mut frame = RgbImage::from_fn(1_280, 720, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8])
    });
    let place = RectPx { x: 200, y: 150, width: 80, height: 100 };
    let mut wanted = rows(&frame, [place].into_iter());
    wanted.iter_mut().flatten().for_each(|byte| *byte ^= TURNED);
    let mut taker = Taker::default();
    taker.set(Some(Box::new(taking.clone())));
    let seen = [Seen { track: 1, place, quality_ppm: Some(500_000) }];
    let view = Frame::new(frame.as_raw(), 1_280, 720, PixelOrder::Rgb).unwrap();
    taker.look(view, Now { mono_ms: 1_000, wall_ms: 1_000 }, &seen);
    frame.as_flat_samples_mut().samples.zeroize();
    let before = found(&wanted);
    let taken = taker.take("finding-1", &[(TrackId(1), None)], |_| Some(Vec::new()));
    let sealed = taken.pictures.len();
    drop(taken);
    taker.clear();
    let after = found(&wanted);
    target(
        "memory after the session",
        "no row of pixels",
        format!("{after} rows, {before} before its end, {sealed} pictures sealed"),
        after == 0 && before > 0 && sealed > 0,
    )
}

/// How many parts of the writable memory hold one of the rows.
fn found(turned: &[Vec<u8>]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut part = vec![0; PART];
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let bound = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (bound(from), bound(to));
        while at < end {
            let wanted = PART.min((end - at) as usize);
            // Pages that are mapped and can not be read hold nothing of ours.
            let Ok(read) = memory.read_at(&mut part[..wanted], at) else { break };
            part[..read].iter_mut().for_each(|byte| *byte ^= TURNED);
            let holds = |row: &&Vec<u8>| memchr::memmem::find(&part[..read], row).is_some();
            count += turned.iter().filter(holds).count();
            // The next part begins a little earlier: a row may lie on the border.
            at += if read <= ROW { read.max(1) } else { read - ROW } as u64;
            if read < wanted || at + ROW as u64 >= end {
                break;
            }
        }
    }
    part.zeroize();
    count
}
