//! `zaigang-agent first-boot`: what a flashed box takes from `zaigang.toml` on its boot partition, which any computer can
//! write: Wi-Fi, time servers, a configuration of the agent, and the registration. Secrets are erased from that partition
//! once they are taken. What is wrong is said there too, in `zaigang-error.txt`, for an installer without a screen.
//!
//! It never invents a setting, and never changes what the file is silent about.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use delivery::{
    identity::{Identity, IdentityError},
    provision::{Provisioning, provision},
};
use serde::Deserialize;

use crate::config;

const EXAMPLES: &str = "\
The file, on the boot partition of the flashed card:
  server = \"https://zaigang.example.cn\"
  token = \"…\"                          # from the supervisors' page of the device; erased here once it is used
  # room = \"room-7\"                    # if given, a registration for another room is refused
  # server_ca = \"server-ca.pem\"        # a file beside this one, where no public authority signed the server
  # agent_config = \"agent.toml\"        # a file beside this one, to go before the image's own
  # [wifi]
  # ssid = \"clinic\"
  # password = \"…\"                     # 8 to 63 characters; erased here once it is taken
  # country = \"CN\"
  # [time]
  # servers = [\"ntp.ntsc.ac.cn\"]       # NTP; with nts = true these must offer NTS (RFC 8915)
  # nts = false";

/// Why the last attempt failed, where an installer finds it.
const ERROR_FILE: &str = "zaigang-error.txt";

/// Take a flashed box's settings and registration from its boot partition.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Before the network is up: Wi-Fi, time, configuration; with it: the registration
    step: Step,
    /// The file on the boot partition
    #[arg(long, value_name = "FILE", default_value = "/boot/firmware/zaigang.toml")]
    from: PathBuf,
    /// The agent's configuration, which the settings may replace
    #[arg(long, value_name = "FILE", default_value = "/etc/zaigang/agent.toml")]
    config: PathBuf,
    /// Where the network's and the clock's settings go
    #[arg(long, value_name = "FOLDER", default_value = "/data/system")]
    system: PathBuf,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Step {
    Settings,
    Registration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    server: Option<String>,
    token: Option<String>,
    room: Option<String>,
    server_ca: Option<String>,
    agent_config: Option<String>,
    wifi: Option<Wifi>,
    time: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wifi {
    ssid: String,
    password: Option<String>,
    country: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    servers: Vec<String>,
    #[serde(default)]
    nts: bool,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let boot = self.from.parent().unwrap_or(Path::new("")).to_owned();
        let error_file = boot.join(ERROR_FILE);
        let done = match self.step {
            Step::Settings => self.settings(&boot),
            Step::Registration => self.register(&boot),
        };
        match &done {
            Ok(()) => match fs::remove_file(&error_file) {
                Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(why).context("the old error's file"),
                _ => Ok(()),
            },
            Err(why) => {
                if let Err(also) = fs::write(&error_file, format!("{why:#}\n")) {
                    tracing::warn!("{}: {also}", error_file.display());
                }
                done
            }
        }
    }

    fn settings(&self, boot: &Path) -> anyhow::Result<()> {
        let Some(wanted) = read(&self.from)? else { return Ok(()) };
        // Everything is judged before anything is written.
        let network = wanted.wifi.as_ref().filter(|wifi| wifi.password.is_some()).map(Wifi::supplicant).transpose()?;
        let clock = wanted.time.as_ref().map(Time::sources).transpose()?;
        let agent = wanted.agent_config.as_deref().map(|name| beside(boot, "agent_config", name)).transpose()?;
        if let Some(file) = &agent {
            config::load(file)?;
        }
        fs::create_dir_all(&self.system).with_context(|| self.system.display().to_string())?;
        if let Some(text) = network {
            replace(&self.system.join("wpa_supplicant.conf"), &text, 0o600)?;
            erase(&self.from, "password")?;
            println!("Wi-Fi is set");
        }
        if let Some(text) = clock {
            replace(&self.system.join("time.sources"), &text, 0o644)?;
            println!("time servers are set");
        }
        if let Some(file) = agent {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            replace(&self.config, &text, 0o644)?;
            println!("the agent's configuration is that of {}", file.display());
        }
        Ok(())
    }

    fn register(&self, boot: &Path) -> anyhow::Result<()> {
        let state = config::load(&self.config)?.state_dir;
        match Identity::load(&state) {
            Ok(identity) => {
                erase(&self.from, "token")?;
                println!("this box is device {} in room {}", identity.device, identity.room);
                return Ok(());
            }
            Err(IdentityError::NotProvisioned { .. }) => {}
            Err(why) => return Err(why.into()),
        }
        let from = self.from.display();
        let wanted =
            read(&self.from)?.with_context(|| format!("{from} is missing: write `server` and `token` to it"))?;
        let server = wanted.server.with_context(|| format!("{from}: `server` is missing: \"https://HOST\""))?;
        let token = wanted.token.with_context(|| {
            format!("{from}: `token` is missing: the supervisors' page shows it when a device is added")
        })?;
        let server_ca = wanted.server_ca.as_deref().map(|name| beside(boot, "server_ca", name)).transpose()?;
        let to = Provisioning { server: &server, server_ca: server_ca.as_deref(), firmware: env!("CARGO_PKG_VERSION") };
        let identity = provision(to, token.trim().to_owned(), &state)?;
        erase(&self.from, "token")?;
        println!("registered: device {}, room {}", identity.device, identity.room);
        if let Some(room) = wanted.room.filter(|room| *room != identity.room.as_str()) {
            anyhow::bail!(
                "{from}: this token belongs to room {}, not to {room}: move the device on the supervisors' page, or correct `room`",
                identity.room
            );
        }
        Ok(())
    }
}

/// `None` where there is no such file: a box that was set up long ago needs none.
fn read(from: &Path) -> anyhow::Result<Option<Wanted>> {
    let text = match fs::read_to_string(from) {
        Ok(text) => text,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(why).with_context(|| from.display().to_string()),
    };
    // Editors of other systems put a mark at the beginning.
    let text = text.trim_start_matches('\u{feff}');
    toml::from_str(text).map(Some).map_err(|wrong| {
        let line = wrong.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // The message alone: the text around it may hold a token.
        anyhow::anyhow!("{}, line {line}: {}", from.display(), wrong.message())
    })
}

/// A file on the boot partition, by its name alone.
fn beside(boot: &Path, key: &str, name: &str) -> anyhow::Result<PathBuf> {
    let path = boot.join(name);
    anyhow::ensure!(
        Path::new(name).file_name().is_some_and(|file| file == name) && path.is_file(),
        "`{key}` = \"{name}\" is no file beside zaigang.toml"
    );
    Ok(path)
}

impl Wifi {
    /// The network as `wpa_supplicant.conf(5)` has it; the name in hexadecimal, which needs no escape.
    fn supplicant(&self) -> anyhow::Result<String> {
        let password = self.password.as_deref().unwrap_or_default();
        anyhow::ensure!((1..=32).contains(&self.ssid.len()), "`wifi.ssid` has 1 to 32 bytes");
        let printable = password.bytes().all(|b| (0x20..0x7f).contains(&b));
        anyhow::ensure!(
            (8..=63).contains(&password.len()) && printable,
            "`wifi.password` has 8 to 63 ASCII characters"
        );
        let country = self.country.as_str();
        anyhow::ensure!(
            country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()),
            "`wifi.country` is two capital letters (ISO 3166-1), such as \"CN\""
        );
        let ssid = self.ssid.bytes().map(|b| format!("{b:02x}")).collect::<Vec<_>>().concat();
        Ok(format!("country={country}\nnetwork={{\n  ssid={ssid}\n  scan_ssid=1\n  psk=\"{password}\"\n}}\n"))
    }
}

impl Time {
    /// As chrony's `sourcedir` takes them.
    fn sources(&self) -> anyhow::Result<String> {
        let name = |s: &&String| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
        if let Some(wrong) = self.servers.iter().find(|server| !name(server)) {
            anyhow::bail!("`time.servers`: \"{wrong}\" is no host name or IP address");
        }
        let nts = if self.nts { " nts" } else { "" };
        Ok(self.servers.iter().map(|server| format!("server {server} iburst{nts}\n")).collect::<Vec<_>>().concat())
    }
}

/// Takes a key's value out of the file and leaves the rest as it was written.
fn erase(from: &Path, key: &str) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(from) else { return Ok(()) };
    let holds = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    if !text.lines().any(holds) {
        return Ok(());
    }
    let kept: String = text
        .lines()
        .map(|line| {
            if holds(line) { format!("# {key}: taken over by the box, and erased here\n") } else { format!("{line}\n") }
        })
        .collect();
    // In place first, so that the old cells of the file system hold it no longer; then as a whole file.
    fs::write(from, "#".repeat(text.len())).and_then(|()| fs::File::open(from)?.sync_all()).context("erasing")?;
    replace(from, &kept, 0o600).with_context(|| format!("{} still holds `{key}`: erase it by hand", from.display()))
}

/// The old file or the new one, whenever the power goes.
fn replace(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
            .tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        fs::File::open(folder)?.sync_all()
    };
    written().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
