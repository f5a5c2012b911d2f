//! A folder of people: one folder a person, photographs inside. Reads names to tell people apart,
//! reports none.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

/// One person's photographs, in the order of their names.
#[derive(Clone)]
pub struct Person {
    /// Name of the folder.
    pub id: String,
    pub photos: Vec<PathBuf>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person([redacted], {} photos)", self.photos.len())
    }
}

/// The people of several folders; who stands in two of them by the same name is one person.
pub fn scan_all(folders: &[PathBuf], least: usize) -> anyhow::Result<Vec<Person>> {
    let mut people: BTreeMap<String, Person> = BTreeMap::new();
    for folder in folders {
        for found in scan(folder, 1)? {
            let person = people
                .entry(found.id.clone())
                .or_insert_with(|| Person { id: found.id, photos: Vec::new() });
            person.photos.extend(found.photos);
        }
    }
    people.retain(|_, person| person.photos.len() >= least.max(1));
    ensure!(!people.is_empty(), "{}", nobody(&named(folders), least));
    Ok(people.into_values().collect())
}

/// Folders as errors name them.
pub fn named(folders: &[PathBuf]) -> String {
    folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The people of a folder who have at least `least` photographs, in the order of their names.
pub fn scan(folder: &Path, least: usize) -> anyhow::Result<Vec<Person>> {
    let mut people = Vec::new();
    for entry in entries(folder)? {
        if !entry.is_dir() {
            continue;
        }
        let photos: Vec<_> = entries(&entry)?.into_iter().filter(|p| is_photo(p)).collect();
        if photos.len() >= least.max(1) {
            let id =
                entry.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            people.push(Person { id, photos });
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

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("{}: cannot be read", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(reading)? {
        paths.push(entry.with_context(reading)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn is_photo(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| ["jpg", "jpeg", "png"].contains(&e.as_str()))
}
