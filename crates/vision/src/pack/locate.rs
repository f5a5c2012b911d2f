//! Finds a pack's files and vouches for each: size and SHA-256 are the manifest's, or the file is
//! refused.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::facts::{
    Artefact, DetectorFacts, EmbedderFacts, LivenessFacts, MaskFlagFacts, ThresholdFacts,
};
use super::search::{FolderKind, Search};
use super::{Digest, Pack, PackError};

/// A model whose file was found and verified.
#[derive(Debug, Clone)]
pub struct LocatedModel<F> {
    /// How it is fed and read.
    pub facts: F,
    /// The verified file.
    pub path: PathBuf,
    artefact: Artefact,
}

impl<F> LocatedModel<F> {
    /// The file's bytes, verified again as they are read: what is loaded is what was hashed.
    pub fn read(&self) -> Result<Vec<u8>, PackError> {
        let bytes = fs::read(&self.path).map_err(|source| PackError::io(&self.path, source))?;
        check(&self.path, &self.artefact, Digest::of(&bytes), bytes.len() as u64)?;
        Ok(bytes)
    }
}

/// A pack whose files were all found and verified.
#[derive(Debug, Clone)]
pub struct LocatedPack {
    /// The pack's name, title and marks.
    pub pack: Pack,
    /// Finds faces.
    pub detector: LocatedModel<DetectorFacts>,
    /// Embeds faces.
    pub embedder: LocatedModel<EmbedderFacts>,
    /// Embeds bare faces beside the first.
    pub companion: Option<LocatedModel<EmbedderFacts>>,
    /// Judges liveness; empty: `NotAssessed`.
    pub liveness: Vec<LocatedModel<LivenessFacts>>,
    /// Flags masks.
    pub mask: Option<LocatedModel<MaskFlagFacts>>,
    /// Files that were refused on the way while a right one was found elsewhere; worth a warning
    /// each.
    pub rejected: Vec<Rejected>,
}

impl LocatedPack {
    /// When scores count.
    pub fn thresholds(&self) -> &ThresholdFacts {
        &self.pack.thresholds
    }
}

/// A wrong file that was passed over; its text is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected(pub String);

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pack {
    /// Finds and verifies every file of the pack.
    pub fn locate(&self, search: &Search) -> Result<LocatedPack, PackError> {
        let mut rejected = Vec::new();
        let detector =
            self.find(search, self.detector.clone(), &self.detector.artefact, &mut rejected)?;
        let embedder =
            self.find(search, self.embedder.clone(), &self.embedder.artefact, &mut rejected)?;
        let companion = match &self.companion {
            Some(second) => Some(self.find(
                search,
                second.embedder.clone(),
                &second.embedder.artefact,
                &mut rejected,
            )?),
            None => None,
        };
        let mut liveness = Vec::new();
        for net in &self.liveness {
            liveness.push(self.find(search, net.clone(), &net.artefact, &mut rejected)?);
        }
        let mask = match &self.mask {
            Some(net) => Some(self.find(search, net.clone(), &net.artefact, &mut rejected)?),
            None => None,
        };
        Ok(LocatedPack {
            pack: self.clone(),
            detector,
            embedder,
            companion,
            liveness,
            mask,
            rejected,
        })
    }

    fn find<F>(
        &self,
        search: &Search,
        facts: F,
        artefact: &Artefact,
        rejected: &mut Vec<Rejected>,
    ) -> Result<LocatedModel<F>, PackError> {
        let path = self.locate_file(search, artefact, rejected)?;
        Ok(LocatedModel { facts, path, artefact: artefact.clone() })
    }

    /// Finds and verifies one file of the pack; wrong files that were passed over are added to
    /// `rejected`.
    pub fn locate_file(
        &self,
        search: &Search,
        artefact: &Artefact,
        rejected: &mut Vec<Rejected>,
    ) -> Result<PathBuf, PackError> {
        let mut last = None;
        for folder in search.folders() {
            let path = folder.path.join(&artefact.file);
            if !path.is_file() {
                continue;
            }
            let Err(error) = verify_file(&path, artefact) else { return Ok(path) };
            let error = match folder.kind {
                FolderKind::Named | FolderKind::Environment => return Err(error),
                FolderKind::Cache => set_aside(error),
                FolderKind::Installed | FolderKind::Mirror | FolderKind::Bundled => error,
            };
            rejected.push(Rejected(error.to_string()));
            last = Some(error);
        }
        Err(last.unwrap_or_else(|| self.missing(search, artefact)))
    }

    fn missing(&self, search: &Search, artefact: &Artefact) -> PackError {
        let folders: Vec<String> =
            search.folders().iter().map(|f| f.path.display().to_string()).collect();
        PackError::Missing {
            pack: self.name.clone(),
            file: artefact.file.clone(),
            looked_in: if folders.is_empty() {
                "no folder at all".to_owned()
            } else {
                folders.join(", ")
            },
        }
    }
}

/// Compares a file's size and SHA-256 with the manifest's; a wrong size is told without reading the
/// file.
pub fn verify_file(path: &Path, artefact: &Artefact) -> Result<(), PackError> {
    let io = |source| PackError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    if bytes != artefact.bytes {
        return Err(wrong(path, artefact, format!("it has {bytes} bytes")));
    }
    let (digest, bytes) = Digest::of_reader(&mut file).map_err(io)?;
    check(path, artefact, digest, bytes)
}

fn check(path: &Path, artefact: &Artefact, digest: Digest, bytes: u64) -> Result<(), PackError> {
    if bytes != artefact.bytes {
        return Err(wrong(path, artefact, format!("it has {bytes} bytes")));
    }
    if digest != artefact.sha256 {
        return Err(wrong(path, artefact, format!("its SHA-256 is {digest}")));
    }
    Ok(())
}

fn wrong(path: &Path, artefact: &Artefact, found: String) -> PackError {
    PackError::WrongContent {
        path: path.to_path_buf(),
        found,
        expected_bytes: artefact.bytes,
        expected: artefact.sha256,
        set_aside: None,
    }
}

/// Renames a wrong file in the program's own folder to `<file>.rejected-<hash8>`, so that the next
/// fetch finds its place free and a person can look at what it was. A file that cannot be renamed
/// stays, refused all the same.
fn set_aside(error: PackError) -> PackError {
    let PackError::WrongContent { path, found, expected_bytes, expected, .. } = error else {
        return error;
    };
    let moved = File::open(&path).and_then(|mut file| Digest::of_reader(&mut file)).and_then(
        |(digest, _)| {
            let mut name = path.clone().into_os_string();
            name.push(format!(".rejected-{}", digest.short()));
            fs::rename(&path, &name).map(|()| PathBuf::from(name))
        },
    );
    PackError::WrongContent { path, found, expected_bytes, expected, set_aside: moved.ok() }
}
