//! What can be wrong with a pack, each as one line that names the thing and the mend.

use std::path::PathBuf;

use super::Digest;

/// Why a manifest or a model was refused.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The manifest is not what this program understands.
    #[error("{file}:{line}: {message}")]
    Manifest {
        /// The manifest's path, or `built-in manifest`.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong there, on one line.
        message: String,
    },
    /// A clinic's thresholds cannot be used.
    #[error("{file}: {problem}")]
    Calibration {
        /// The file.
        file: String,
        /// What is wrong with it, on one line, with the mend.
        problem: String,
    },
    /// A file could not be read or moved.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No pack of that name.
    #[error("no pack is called {name:?}; the manifest has {known}")]
    UnknownPack {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The pack knows drawn faces only, and this is a production box.
    #[error(
        "{title}: refused in production mode; set models.pack to a pack that knows real people, \
        such as \"real\""
    )]
    DrawnOnly {
        /// The pack's title, which says it.
        title: String,
    },
    /// A file of the pack is in none of the folders.
    #[error(
        "pack {pack}: {file} was not found (looked in {looked_in}); get it by `zaigang-agent \
        models fetch {pack}` or `zaigang-agent models import FILE.zgpack`"
    )]
    Missing {
        /// The pack.
        pack: String,
        /// The file's name.
        file: String,
        /// The folders, in order.
        looked_in: String,
    },
    /// A file has another content than the manifest says.
    #[error(
        "{}: refused: {found}, the manifest says {expected_bytes} bytes with SHA-256 {expected}{}",
        path.display(),
        set_aside.as_ref().map_or_else(
            || "; replace it".to_owned(),
            |to| format!("; set aside as {}", to.display()),
        )
    )]
    WrongContent {
        /// The file as it was found.
        path: PathBuf,
        /// What it holds: its size, or its hash.
        found: String,
        /// Size that was expected.
        expected_bytes: u64,
        /// Hash that was expected.
        expected: Digest,
        /// Where it was moved to, when it lay in the program's own folder.
        set_aside: Option<PathBuf>,
    },
}

impl PackError {
    pub(super) fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::Io { path: path.into(), source }
    }
}
