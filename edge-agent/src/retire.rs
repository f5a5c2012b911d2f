//! `zaigang-agent retire`: the end of a box's service, or a factory reset. The server is told
//! first, over the box's own signature; then the keys are overwritten, and everything that only
//! they open goes with them.
//!
//! It removes what the agent itself made in the state folder and nothing else: neither
//! configuration nor networks nor a file that it does not know. Overwriting proves nothing on flash
//! memory, which keeps old cells: what protects a sold box is that its disk was encrypted.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use delivery::{
    identity::{BoxIdentity, IdentityError},
    outbox::Outbox,
    provision,
};

use crate::config;

const EXAMPLES: &str = "\
Stop the agent first. A box with messages that the server never receipted is not retired without \
--lose-undelivered.

Examples:
  zaigang-agent retire --config /etc/zaigang/agent.toml --yes
  zaigang-agent retire --config agent.toml --yes --lose-undelivered      the server is gone for good

A dead box cannot say so itself: revoke it on the server's page of devices, and register its \
successor for the same room.";

/// Overwritten before they are removed: without them the rest is noise.
const KEYS: [&str; 4] = ["signing.key", "sealing.key", "tls.pem", "observations/observations.key"];
/// Removed last, so that a retirement that was cut off can be repeated.
const LAST: &str = "identity.toml";

/// Tell the server, then destroy this box's keys and everything that only they open.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration that names the state folder
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Do it: there is no way back
    #[arg(long)]
    yes: bool,
    /// Also where messages wait that the server never receipted, or where the server can not be
    /// told
    #[arg(long)]
    lose_undelivered: bool,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let state = config::load(&self.config)?.state_dir;
        anyhow::ensure!(
            self.yes,
            "{} would lose its keys for good: add --yes to do it",
            state.display()
        );
        match BoxIdentity::load(&state) {
            Ok(identity) => self.tell(&state, identity)?,
            Err(why @ IdentityError::NotProvisioned { .. }) => return Err(why.into()),
            Err(why) if self.lose_undelivered => log_lines::say!("the server was not told: {why}"),
            Err(why) => anyhow::bail!("{why}; or go on without it: --lose-undelivered"),
        }
        let left = destroy(&state).with_context(|| {
            format!("{}: run it again with --lose-undelivered", state.display())
        })?;
        log_lines::say!(
            "keys, outbox, knowledge and observation log are gone from {}",
            state.display()
        );
        for path in left {
            log_lines::say!("left alone: {}", path.display());
        }
        Ok(())
    }
}

impl Args {
    /// Lets the server know while there is a key to say it with; an error where nothing may be
    /// destroyed yet.
    fn tell(&self, state: &Path, identity: BoxIdentity) -> anyhow::Result<()> {
        let device = identity.device.clone();
        let undelivered = undelivered(state, identity)?;
        anyhow::ensure!(
            undelivered == 0 || self.lose_undelivered,
            "{undelivered} messages have no receipt yet: let the agent run with the server in \
            reach, or add --lose-undelivered"
        );
        match provision::retire(state, undelivered) {
            Ok(()) => log_lines::say!("the server knows that device {device} is retired"),
            Err(why) if self.lose_undelivered => {
                log_lines::say!(
                    "the server was not told ({why}): revoke device {device} on its page of devices"
                );
            }
            Err(why) => anyhow::bail!("the server was not told, and nothing was destroyed: {why}"),
        }
        Ok(())
    }
}

/// Opening the outbox also shows whether an agent runs: it holds it for itself alone.
fn undelivered(state: &Path, identity: BoxIdentity) -> anyhow::Result<u64> {
    if !state.join("outbox.db").exists() {
        return Ok(0);
    }
    let outbox =
        Outbox::open(state, identity.signing, identity.device).context("stop the agent first")?;
    Ok(outbox.stats()?.depth)
}

/// What a later start would need is gone, whichever step a power cut comes after. Gives what was
/// not the agent's.
fn destroy(state: &Path) -> io::Result<Vec<PathBuf>> {
    KEYS.iter()
        .map(|name| state.join(name))
        .filter(|path| path.exists())
        .try_for_each(|path| overwrite(&path))?;
    let mut left = Vec::new();
    for entry in fs::read_dir(state)? {
        let path = entry?.path();
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match name.as_str() {
            LAST => {}
            "knowledge" | "observations" => fs::remove_dir_all(&path)?,
            "signing.key" | "sealing.key" | "tls.pem" | "ca.pem" | "server-ca.pem"
            | "commission.toml" => {
                fs::remove_file(&path)?;
            }
            outbox if outbox.starts_with("outbox.") => fs::remove_file(&path)?,
            _ => left.push(path),
        }
    }
    fs::remove_file(state.join(LAST))?;
    fs::File::open(state)?.sync_all()?;
    Ok(left)
}

fn overwrite(path: &Path) -> io::Result<()> {
    let length = fs::metadata(path)?.len();
    let mut noise = vec![0; usize::try_from(length).unwrap_or(0)];
    getrandom::fill(&mut noise).map_err(io::Error::other)?;
    let mut file = fs::File::options().write(true).open(path)?;
    file.write_all(&noise)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_made_is_gone_and_what_it_does_not_know_stays() {
        let state = tempfile::tempdir().unwrap();
        let made = [
            "identity.toml",
            "signing.key",
            "sealing.key",
            "tls.pem",
            "ca.pem",
            "outbox.db",
            "outbox.db-wal",
        ];
        let in_folders =
            ["knowledge/roster.bin", "observations/1-0.zlog", "observations/observations.key"];
        for name in made.iter().chain(&in_folders).chain(&["outbox.broken-1.db", "holiday.txt"]) {
            let path = state.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "secret").unwrap();
        }
        let left = destroy(state.path()).unwrap();
        assert_eq!(left, [state.path().join("holiday.txt")]);
        let names: Vec<_> =
            fs::read_dir(state.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["holiday.txt"]);
    }

    #[test]
    fn a_key_is_overwritten_where_it_lies() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [7; 64]).unwrap();
        let open = fs::File::open(file.path()).unwrap();
        overwrite(file.path()).unwrap();
        let mut seen = Vec::new();
        io::Read::read_to_end(&mut &open, &mut seen).unwrap();
        assert!(seen.len() == 64 && seen != [7; 64], "the same blocks hold something else");
    }
}
