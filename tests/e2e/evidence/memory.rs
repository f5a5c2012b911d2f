//! The memory of a running box, read byte by byte: no key of a picture, and no picture.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;

use e2e::boxes::until;
use e2e::programs::Program;
use evidence::{open_half, text};
use protocol::evidence::CustodianRole;
use protocol::id::{DeviceId, EvidenceId};
use serde_json::Value;

use super::{House, jpegs, picture};

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
            let data = text::associated_data(&device, finding, &item.id, item.kind, at).unwrap();
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
