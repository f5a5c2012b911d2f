//! The memory of a running box, read byte by byte: no key of a picture, no picture, and after the
//! session no pixels of whoever was in the room.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;

use e2e::boxes::until;
use e2e::programs::Program;
use evidence::{open_half, signed_text};
use image::RgbImage;
use protocol::evidence::CustodianRole;
use protocol::id::{DeviceId, EvidenceId};
use scene::Scene;
use serde_json::Value;

use super::{House, films, jpegs, picture, stranger};

/// Once this process has sealed pictures of its own, beyond those `known` before it began.
pub(super) fn holds_no_picture(house: &House, agent: &Program, known: &BTreeSet<EvidenceId>) {
    let fresh = || -> Vec<Value> {
        let all = house.pictured().into_iter().flat_map(|(_, seen)| seen);
        all.filter(|item| !known.contains(&picture(item).id)).collect()
    };
    until("pictures of this run", || !fresh().is_empty())
        .unwrap_or_else(|why| panic!("{why}\n{}", agent.log_tail()));
    keys_and_pictures(house, agent.id(), &fresh());
}

/// What a process may write: its heap, its stacks, its data.
fn memory_of(pid: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let writable = maps.lines().filter(|line| line.contains(" rw"));
    let ranges = writable.filter_map(|line| {
        let (from, to) = line.split_whitespace().next()?.split_once('-')?;
        let at = |text| u64::from_str_radix(text, 16).ok();
        Some((at(from)?, at(to)?))
    });
    ranges
        .filter_map(|(from, to)| {
            let mut bytes = vec![0; usize::try_from(to - from).ok()?];
            // Ranges that nobody can read (of the kernel, or gone meanwhile) hold no picture.
            memory.read_exact_at(&mut bytes, from).ok().map(|()| bytes)
        })
        .collect()
}

/// Neither the key of any of these pictures nor a picture that somebody could look at.
fn keys_and_pictures(house: &House, pid: u32, seen: &[Value]) {
    let keys: Vec<Vec<u8>> = seen
        .iter()
        .map(|seen| {
            let item = picture(seen);
            let device: DeviceId = seen["device"].as_str().unwrap().parse().unwrap();
            let (finding, at) = (seen["finding"].as_str().unwrap(), item.taken_at.as_str());
            let data =
                signed_text::associated_data(&device, finding, &item.id, item.kind, at).unwrap();
            let half = |half, role, secret| open_half(half, role, secret, &data).unwrap();
            let a = half(&item.supervisor_half, CustodianRole::Supervisor, &house.li.secret);
            let b = half(&item.reviewer_half, CustodianRole::Reviewer, &house.wang.secret);
            a.iter().zip(b.iter()).map(|(a, b)| a ^ b).collect()
        })
        .collect();
    let memory = memory_of(pid);
    let has = |wanted: &[u8]| memory.iter().any(|m| memchr::memmem::find(m, wanted).is_some());
    assert!(has(picture(&seen[0]).sha256.as_bytes()), "the memory that was read is not the box's");
    assert!(!keys.iter().any(|key| has(key)), "a picture's key is in the box's memory");
    let pictures: usize = memory.iter().map(|m| jpegs(m)).sum();
    assert_eq!(pictures, 0, "a picture that opens is in the box's memory");
}

/// A row through each face of each frame of the scene, patient and stranger, as a camera's picture
/// has it. The grain of the picture makes each row the only one.
fn rows() -> Vec<Vec<u8>> {
    let (mut scene, mut frame) = (Scene::drawn(stranger(), 1), RgbImage::new(1, 1));
    let mut found = Vec::new();
    for second in 0..=210 {
        for truth in scene.frame_at(second * 1000, &mut frame) {
            let [x, y, width, height] = truth.face.bbox;
            let (left, right) = (x as u32, ((x + width) as u32).min(frame.width()));
            let row = (y + height / 2.0) as u32;
            found.push((left..right).flat_map(|x| frame.get_pixel(x, row).0).collect());
        }
    }
    assert!(found.iter().all(|row: &Vec<u8>| row.len() > 60), "a face is wider than 20 pixels");
    found
}

/// The box's process once its scene is over, and how many of those rows are in its memory.
fn left_after_the_scene(house: &House, rows: &[Vec<u8>]) -> usize {
    let said = |agent: &Program| agent.log_text().matches("the scripted source is over").count();
    let mut agent = house.start_box(false);
    let before = said(&agent);
    until("the scene's end", || said(&agent) > before)
        .unwrap_or_else(|why| panic!("{why}\n{}", agent.log_tail()));
    let memory = memory_of(agent.id());
    agent.kill().unwrap();
    found(&memory, rows)
}

/// How many of these rows are there: by their first two bytes, since they are hundreds.
fn found(memory: &[Vec<u8>], rows: &[Vec<u8>]) -> usize {
    let start = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let mut by_start: Vec<Vec<usize>> = vec![Vec::new(); 1 << 16];
    for (nth, row) in rows.iter().enumerate() {
        by_start[start(row)].push(nth);
    }
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for bytes in memory {
        for at in 0..bytes.len().saturating_sub(1) {
            let here = &by_start[start(&bytes[at..at + 2])];
            found.extend(here.iter().filter(|nth| bytes[at..].starts_with(&rows[**nth])));
        }
    }
    found.len()
}

/// While a session is on, the box keeps candidates: the control that this search finds pixels where
/// there are some. After it, not a row of a face is left, in whatever buffer it went through.
#[test]
fn after_the_session_no_pixels_are_in_a_boxs_memory() {
    let house = House::new();
    let rows = rows();
    let during = left_after_the_scene(&house, &rows);
    assert!(during > 0, "the search finds none of {} rows where some are kept", rows.len());

    // The same scene; then everybody leaves, and the session's window passes in an empty room.
    let script = house.folder.path().join("then-nobody.toml");
    let mut emptied = stranger();
    emptied.duration_ms = 600_000;
    fs::write(&script, emptied.to_toml().unwrap()).unwrap();
    films(house.folder.path(), script.to_str().unwrap());
    let after = left_after_the_scene(&house, &rows);
    assert_eq!(after, 0, "of {} rows; {during} were there during the session", rows.len());
}
