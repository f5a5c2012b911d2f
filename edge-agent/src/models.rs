//! `zaigang-agent models`: the model packs of this box. The work is in `model_packs`; here stand
//! the box's own folder and owner.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use model_packs::ModelsCommand;
use vision::pack::Search;

use crate::config;

pub(crate) use model_packs::search;

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

impl Args {
    /// Runs the subcommand.
    pub fn run(self) -> anyhow::Result<()> {
        let installed = Path::new(INSTALLED_CONFIG);
        let config = self.config.as_deref().or_else(|| installed.exists().then_some(installed));
        let config = config.map(config::load).transpose()?;
        let result =
            model_packs::run(self.command, &search_of(self.models.as_deref(), config.as_ref()));
        // What root installs, the agent must be able to read.
        if let Some(state_dir) = config.map(|it| it.state_dir).filter(|dir| dir.is_dir()) {
            local_files::inherit(&state_dir)?;
        }
        result
    }
}

/// Where the service of this configuration looks, whoever calls the program.
fn search_of(named: Option<&Path>, config: Option<&config::Config>) -> Search {
    let folder = config.and_then(|it| it.models.folder.as_deref());
    search(named.or(folder), config.map(|it| it.state_dir.as_path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand_is_looked_where_the_service_looks() {
        let text = "mode = \"production\"\nstate_dir = \"/var/lib/z\"\n[models]\nfolder = \
            \"/srv/models\"\n[camera]\nkind = \"v4l2\"\n";
        let config = config::parse(Path::new("/etc/z/agent.toml"), text).unwrap();
        let looks = |named| format!("{:?}", search_of(named, Some(&config)));
        assert!(looks(None).contains("/srv/models"), "{}", looks(None));
        assert!(looks(Some(Path::new("/named"))).contains("/named"));
    }
}
