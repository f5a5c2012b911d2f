//! A folder of people: one folder a person, photographs inside. Reads names to tell people apart,
//! reports none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

use crate::table;

/// One person's photographs, in the order of their names.
#[derive(Clone)]
pub struct PersonPhotos {
    /// Name of the folder.
    pub id: String,
    pub photos: Vec<PathBuf>,
}

impl std::fmt::Debug for PersonPhotos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonPhotos([redacted], {} photos)", self.photos.len())
    }
}

/// The people of several folders; who stands in two of them by the same name is one person.
pub fn scan_all(folders: &[PathBuf], least: usize) -> anyhow::Result<Vec<PersonPhotos>> {
    let mut people: BTreeMap<String, PersonPhotos> = BTreeMap::new();
    for folder in folders {
        for found in scan(folder, 1)? {
            let person = people
                .entry(found.id.clone())
                .or_insert_with(|| PersonPhotos { id: found.id, photos: Vec::new() });
            person.photos.extend(found.photos);
        }
    }
    people.retain(|_, person| person.photos.len() >= least.max(1));
    ensure!(!people.is_empty(), "{}", nobody(&named(folders), least));
    Ok(people.into_values().collect())
}

/// Pairs of folders that show one person: sets of different origin name people differently, and one
/// who stands in two of them would count as a stranger who resembles themselves.
#[derive(Clone, Default)]
pub struct SamePeople(Vec<[String; 2]>);

impl std::fmt::Debug for SamePeople {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SamePeople({} pairs, [redacted])", self.0.len())
    }
}

impl SamePeople {
    /// Reads a CSV whose first two columns name folders; `evaluate doubles` proposes one.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let mut pairs = Vec::new();
        for (number, row) in table::load(path)?.into_iter().enumerate() {
            match row.cells()[..] {
                ["a", "b", ..] if number == 0 => {}
                [a, b, ..] if !a.is_empty() && !b.is_empty() => {
                    pairs.push([a.to_owned(), b.to_owned()]);
                }
                _ => bail!("{}:{}: expected \"a,b\", two folders", path.display(), row.line),
            }
        }
        Ok(Self(pairs))
    }

    /// Makes one person of each pair, by the name of whichever comes first. A pair of which one has
    /// no folder here joins nobody.
    pub fn merge(&self, people: Vec<PersonPhotos>) -> Vec<PersonPhotos> {
        let mut by_name: BTreeMap<String, PersonPhotos> =
            people.into_iter().map(|person| (person.id.clone(), person)).collect();
        let mut now: BTreeMap<&str, &str> = BTreeMap::new();
        for [a, b] in &self.0 {
            let named = |mut name| {
                while let Some(other) = now.get(name) {
                    name = *other;
                }
                name
            };
            let (a, b) = (named(a.as_str()), named(b.as_str()));
            let (first, second) = (a.min(b), a.max(b));
            if first == second || !by_name.contains_key(first) {
                continue;
            }
            let Some(same) = by_name.remove(second) else { continue };
            if let Some(person) = by_name.get_mut(first) {
                person.photos.extend(same.photos);
                now.insert(second, first);
            }
        }
        by_name.into_values().collect()
    }
}

/// The names of all people's folders, whoever has photographs in them.
pub fn ids(folders: &[PathBuf]) -> anyhow::Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    for folder in folders {
        ids.extend(scan(folder, 1)?.into_iter().map(|person| person.id));
    }
    Ok(ids)
}

/// Folders as errors name them.
pub fn named(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The people of a folder who have at least `least` photographs, in the order of their names.
pub fn scan(folder: &Path, least: usize) -> anyhow::Result<Vec<PersonPhotos>> {
    let mut people = Vec::new();
    for entry in entries(folder)? {
        if !entry.is_dir() {
            continue;
        }
        let photos: Vec<_> = entries(&entry)?.into_iter().filter(|p| is_photo(p)).collect();
        if photos.len() >= least.max(1) {
            let id =
                entry.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            people.push(PersonPhotos { id, photos });
        }
    }
    ensure!(!people.is_empty(), "{}", nobody(&folder.display().to_string(), least));
    Ok(people)
}

fn nobody(folder: &str, least: usize) -> String {
    format!(
        "{folder}: no person with {least} or more JPEG or PNG photographs; one folder a person is \
        expected"
    )
}

pub(crate) fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("{}: cannot be read", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(reading)? {
        paths.push(entry.with_context(reading)?.path());
    }
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_photo(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| ["jpg", "jpeg", "png"].contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(pairs: &[[&str; 2]]) -> SamePeople {
        SamePeople(pairs.iter().map(|pair| pair.map(str::to_owned)).collect())
    }

    #[test]
    fn who_stands_in_two_sets_becomes_one_person() {
        let person = |id: &str| PersonPhotos {
            id: id.to_owned(),
            photos: vec![PathBuf::from(format!("{id}.jpg"))],
        };
        let all = || ["a", "b", "c", "d"].map(person).to_vec();
        let ids = |people: Vec<PersonPhotos>| -> Vec<(String, usize)> {
            people.into_iter().map(|p| (p.id, p.photos.len())).collect()
        };
        let merged = ids(same(&[["b", "a"], ["d", "b"], ["a", "d"]]).merge(all()));
        assert_eq!(merged, [("a".to_owned(), 3), ("c".to_owned(), 1)]);
        assert_eq!(same(&[["a", "elsewhere"]]).merge(all()).len(), 4);
    }
}
