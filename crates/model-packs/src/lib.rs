//! The `models` command of box and server: which packs there are, whether their files are right,
//! and how they get onto this machine.
//!
//! Never loads a file whose SHA-256 is not the manifest's, and connects only to the addresses that
//! the manifest or the command line names.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod download;
mod fetch;
mod import;
mod list;
mod pack;
mod progress;
mod zgpack;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use vision::pack::{Pack, PackManifest, Search, Surroundings};

pub use download::{DownloadPatience, ExpectedFile, FileDownload};
pub use import::{Installed, import};
pub use zgpack::{Signers, write as write_archive};

/// What to do with the model packs.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Show every pack, its files, licences, and where each was found
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check the size and SHA-256 of every file of the packs (all for real people but the optional
    /// ones, when none is named)
    Verify {
        /// Packs, e.g. `real`
        packs: Vec<String>,
    },
    /// Download what is missing into the cache, resumed and hash-checked
    Fetch(fetch::FetchArgs),
    /// Install a signed archive
    Import(import::ImportArgs),
    /// Write a signed archive of a pack, for boxes without a network
    Pack(pack::PackArgs),
    /// Make a key that signs archives (mode 0600) and print its public half
    Keygen {
        /// The new key file; an existing one is never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// The folders in which a program looks, whoever calls it: the service manager names the state
/// folder to the service, and everybody else has it from the configuration.
pub fn search(named: Option<&Path>, state_dir: Option<&Path>) -> Search {
    let mut around = Surroundings::of_process(named);
    if let Some(state_dir) = state_dir.filter(|dir| dir.is_dir())
        && std::env::var_os("STATE_DIRECTORY").is_none()
    {
        around.cache = Some(state_dir.join("models"));
    }
    Search::within(&around)
}

/// Runs a subcommand over the given folders.
pub fn run(command: ModelsCommand, search: &Search) -> anyhow::Result<()> {
    match command {
        ModelsCommand::List { json } => list::list(search, json),
        ModelsCommand::Verify { packs } => list::verify(search, &packs),
        ModelsCommand::Fetch(args) => fetch::fetch(search, &args),
        ModelsCommand::Import(args) => import::run(search, &args),
        ModelsCommand::Pack(args) => pack::run(search, &args),
        ModelsCommand::Keygen { out } => pack::keygen(&out),
    }
}

/// The packs of these names; all for real people but the optional ones when none is named.
fn chosen<'m>(manifest: &'m PackManifest, names: &[String]) -> anyhow::Result<Vec<&'m Pack>> {
    if names.is_empty() {
        return Ok(manifest.packs().filter(|pack| !pack.optional && !pack.drawn_only).collect());
    }
    names.iter().map(|name| manifest.pack(name).map_err(Into::into)).collect()
}

#[cfg(test)]
mod tests;
