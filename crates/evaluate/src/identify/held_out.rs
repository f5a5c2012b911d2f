//! People kept apart from the cohort: one half, drawn by seed and by the name of the folder, makes
//! rows that are nobody; the other half alone is measured. It writes no file.

use anyhow::{Context as _, ensure};
use vision::Embedding;

use super::Set;
use crate::{cohort, groups::Groups, people::PersonPhotos};
use dice::Dice;

/// Rows of a cohort, as in those that packs carry; this crate's own tests need none so large.
const ROWS: usize = if cfg!(test) { 4 } else { 128 };
/// Photographs of a person of the group, and of any other person, at most, as there.
const PHOTOS: (usize, usize) = (4, 1);

/// Draws the set's cohort from one half, and leaves the other half in it. With groups the cohort is
/// drawn from the people named, else from everybody of its half.
pub(super) fn divide(
    set: &mut Set,
    everyone: &[PersonPhotos],
    groups: Option<&Groups>,
    seed: u64,
) -> anyhow::Result<Vec<PersonPhotos>> {
    let members: Vec<usize> =
        groups.map(|g| g.members(everyone).into_values().flatten().collect()).unwrap_or_default();
    let is_member = |person: usize| groups.is_none() || members.contains(&person);
    let first: Vec<bool> = everyone.iter().map(|person| in_first_half(&person.id, seed)).collect();
    let mean = |person: usize| {
        let most = if is_member(person) { PHOTOS.0 } else { PHOTOS.1 };
        let photos = set.enrolments[person].iter().take(most).flatten();
        Embedding::mean(photos.map(|sample| (&sample.embedding, 1.0)))
    };
    let (mut group, mut all) = (Vec::new(), Vec::new());
    for person in (0..everyone.len()).filter(|person| first[*person]) {
        let Some(mean) = mean(person) else { continue };
        if is_member(person) {
            group.push(mean.clone());
        }
        all.push(mean);
    }
    let rows =
        cohort::draw(&group, &all, ROWS, seed).context("the half that the cohort is drawn from")?;
    set.cohort = rows.into();
    for samples in [&mut set.probes, &mut set.enrolments] {
        let mut person = 0;
        samples.retain(|_| {
            person += 1;
            !first[person - 1]
        });
    }
    let second = everyone.iter().zip(&first).filter(|(_, first)| !**first);
    let second: Vec<PersonPhotos> = second.map(|(person, _)| person.clone()).collect();
    ensure!(!second.is_empty(), "--hold-out leaves nobody to measure");
    Ok(second)
}

/// The same for a person in whatever folder, beside whomever.
fn in_first_half(id: &str, seed: u64) -> bool {
    let named = id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    Dice::new(seed, named).place(2) == 0
}
