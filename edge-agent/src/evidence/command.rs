//! `zaigang-agent evidence`: what this box holds of sealed pictures, and whom it believes. It opens
//! none: no box can.

use std::path::PathBuf;

use protocol::evidence::CustodianRole;

use super::store::{HeldStage, look};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent evidence list --config /etc/zaigang/agent.toml      one line per sealed picture
  zaigang-agent evidence status --config /etc/zaigang/agent.toml    how many, whose keys, which \
  custodians

Nothing here opens a picture: the box has no key to what it sealed. docs/evidence.md says who has.";

/// What is held of sealed pictures; opens none.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// One line per sealed picture
    List(StateArgs),
    /// How many, how large, and whom this box believes
    Status(StateArgs),
}

#[derive(Debug, clap::Args)]
struct StateArgs {
    /// The configuration that names the state folder
    #[arg(long, value_name = "FILE", required_unless_present = "state")]
    config: Option<PathBuf>,
    /// The state folder itself
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    state: Option<PathBuf>,
}

impl StateArgs {
    fn folder(self) -> anyhow::Result<PathBuf> {
        match (self.state, self.config) {
            (Some(state), _) => Ok(state),
            (None, Some(config)) => Ok(crate::config::load(&config)?.state_dir),
            (None, None) => anyhow::bail!("name the state folder by --config or --state"),
        }
    }
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::List(state) => list(&state.folder()?),
            What::Status(state) => status(&state.folder()?),
        }
    }
}

fn list(state_dir: &std::path::Path) -> anyhow::Result<()> {
    let (held, _) = look(state_dir)?;
    for one in &held {
        let stage = match &one.stage {
            HeldStage::Sealed => "sealed".to_owned(),
            HeldStage::Told => "held".to_owned(),
            HeldStage::Released { order } => format!("released by order {order}"),
            HeldStage::Delivered => "delivered".to_owned(),
        };
        let (item, bytes) = (&one.item, one.item.bytes);
        log_lines::say!(
            "{} · {} · {} · finding {} · {bytes} bytes · {} faces covered · {stage}",
            item.id,
            item.kind.as_str(),
            item.taken_at,
            one.finding_id,
            item.covered_faces,
        );
    }
    if held.is_empty() {
        log_lines::say!("no sealed picture is held");
    }
    Ok(())
}

fn status(state_dir: &std::path::Path) -> anyhow::Result<()> {
    let (held, book) = look(state_dir)?;
    let bytes: u64 = held.iter().map(|one| one.item.bytes).sum();
    log_lines::say!("{} sealed pictures, {bytes} bytes, {} given up", held.len(), book.given_up);
    log_lines::say!("{} orders carried out, {} refused", book.used.len(), book.refused.len());
    let Some(told) = book.custodians else {
        log_lines::say!("no custodians yet: no picture is taken");
        return Ok(());
    };
    log_lines::say!("jurisdiction {}; compare these with the set-up page:", told.jurisdiction);
    for role in [CustodianRole::Supervisor, CustodianRole::Reviewer] {
        let role_name = role.as_str();
        if let Some(first) = told.custodians.iter().find(|custodian| custodian.role == role) {
            log_lines::say!("  first {role_name}: {} (key {})", first.custodian, first.key_id);
        }
        let keys = told.role_keys.iter().filter(|key| key.role == role);
        if let Some(key) = keys.max_by_key(|key| key.version) {
            log_lines::say!("  sealed to {role_name} key {} (version {})", key.key_id, key.version);
        }
    }
    Ok(())
}
