//! `zaigang-agent models`: which packs there are, whether their files are right, and how they get
//! onto this machine.
//!
//! Never loads a file whose SHA-256 is not the manifest's, and connects only to the addresses that
//! the manifest or the command line names.

mod download;
mod fetch;
mod import;
mod list;
mod pack;
mod progress;
mod zgpack;

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use vision::pack::{Manifest, Pack, Search, Surroundings};

use crate::{config, owner};

pub use download::{Download, Expected, Network};
pub use import::{Installed, import};
pub use zgpack::{Signers, write as write_archive};

const EXAMPLES: &str = "\
Files are looked for in this order: --models, $ZAIGANG_MODELS, imported packs, the cache, \
../shared/models, the source tree.

Examples:
  zaigang-agent models list                         what there is, and where it was found
  zaigang-agent models fetch real                   download from the official sources, verified \
  by SHA-256
  zaigang-agent models verify real                  check every byte again; exit code 1 if \
  anything is wrong
  zaigang-agent models keygen --out pack.key        a signing key for archives; prints its public \
  half
  zaigang-agent models pack real --key pack.key --out real.zgpack
  zaigang-agent models import real.zgpack --signer BASE64     on the box, without a network";

/// Where the package puts the configuration.
const INSTALLED_CONFIG: &str = "/etc/zaigang/agent.toml";

/// Model packs: list, verify, fetch, import; make signed archives.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder to look in first
    #[arg(long, global = true, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// The box's configuration: its state folder is where the service looks [default:
    /// /etc/zaigang/agent.toml, where it is]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: ModelsCommand,
}

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

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> anyhow::Result<()> {
        let installed = Path::new(INSTALLED_CONFIG);
        let config = self.config.as_deref().or_else(|| installed.exists().then_some(installed));
        let state_dir =
            config.map(|path| config::load(path).map(|config| config.state_dir)).transpose()?;
        let result = run(self.command, &search(self.models.as_deref(), state_dir.as_deref()));
        // What root installs, the agent must be able to read.
        if let Some(state_dir) = state_dir.filter(|dir| dir.is_dir()) {
            owner::inherit(&state_dir)?;
        }
        result
    }
}

/// The folders in which a box looks, whoever calls the program: the service manager names the state
/// folder to the service, and everybody else has it from the configuration.
pub(crate) fn search(named: Option<&Path>, state_dir: Option<&Path>) -> Search {
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
fn chosen<'m>(manifest: &'m Manifest, names: &[String]) -> anyhow::Result<Vec<&'m Pack>> {
    if names.is_empty() {
        return Ok(manifest.packs().filter(|pack| !pack.optional && !pack.drawn_only).collect());
    }
    names.iter().map(|name| manifest.pack(name).map_err(Into::into)).collect()
}

#[cfg(test)]
mod tests;
