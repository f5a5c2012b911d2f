//! `zaigang-server models`: the model packs of this server. The work is in `model_packs`; here
//! stand the server's own folder and owner, so that what is imported by hand is what the service
//! loads.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use model_packs::ModelsCommand;
use vision::pack::Search;

use crate::config::Config;

const EXAMPLES: &str = "\
Files are looked for in this order: --models or `models.folder`, $ZAIGANG_MODELS, imported packs \
(`models` in `data_dir`), ../shared/models, the source tree.

Examples:
  zaigang-server models list                        what there is, and where it was found
  zaigang-server models import real.zgpack --signer BASE64     without a network
  zaigang-server models verify real                 check every byte again; exit code 1 if \
  anything is wrong";

/// Where the package puts the configuration.
pub const INSTALLED_CONFIG: &str = "/etc/zaigang/server.toml";

/// Model packs: list, verify, fetch, import; make signed archives.
#[derive(Debug, ClapArgs)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Folder to look in first, instead of `models.folder`
    #[arg(long, global = true, value_name = "FOLDER")]
    models: Option<PathBuf>,
    /// The server's configuration: its `data_dir` is where the service looks [default:
    /// /etc/zaigang/server.toml, where it is]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: ModelsCommand,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let installed = Path::new(INSTALLED_CONFIG);
        let config = self.config.as_deref().or_else(|| installed.exists().then_some(installed));
        let Some(config) = config.map(Config::load).transpose()? else {
            return model_packs::run(self.command, &Search::standard(self.models.as_deref()));
        };
        let named = self.models.as_deref().or(config.models_dir.as_deref());
        let search = model_packs::search(named, Some(&config.data_dir));
        let result = model_packs::run(self.command, &search);
        // What root installs, the service must be able to read.
        if config.data_dir.is_dir() {
            local_files::inherit(&config.data_dir)?;
        }
        result
    }
}

/// Where this server's packs lie, whoever calls the program.
pub fn search_of(config: &Config) -> Search {
    model_packs::search(config.models_dir.as_deref(), Some(&config.data_dir))
}
