//! Any numbers as a detector's answer: what is kept is finite and apart, what is not finite is
//! counted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vision::detect::{Level, decode_level, suppress};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[columns, cells, stride, score, nms], rest)) =
        bytes.split_first_chunk() else { return };
    let numbers: Vec<f32> = rest.chunks_exact(4).map(
        |c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect();
    // Four outputs of their own lengths: too short ones are part of the question.
    let part = |share: usize| &numbers[..numbers.len() * share / 10];
    let level = Level {
        stride: f32::from(1_u16 << (stride % 7)),
        columns: usize::from(columns),
        cells: usize::from(cells),
        class: part(10),
        object: part(9),
        boxes: part(10),
        points: &numbers,
    };
    let mut faces = Vec::new();
    let dropped = decode_level(&level, f32::from(score) / 255.0, &mut faces);
    assert!(faces.len() + dropped as usize <= usize::from(cells));
    for face in &faces {
        let rect = face.rect;
        let finite = [rect.x, rect.y, rect.width, rect.height,
            face.score].iter().all(|v| v.is_finite());
        assert!(finite && face.landmarks.iter().flatten().all(|v| v.is_finite()));
    }
    let found = faces.len();
    let mut kept = Vec::new();
    suppress(&mut faces, f32::from(nms) / 255.0, &mut kept);
    assert!(kept.len() <= found && (found == 0 || !kept.is_empty()));
});
