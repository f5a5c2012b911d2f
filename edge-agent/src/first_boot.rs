//! `zaigang-agent first-boot`: what a flashed box takes from `zaigang.toml` on its boot partition,
//! which any computer can write: Wi-Fi, time servers, a configuration of the agent, and the
//! registration. Secrets are erased from that partition once they are taken. What is wrong is said
//! there too, in `zaigang-error.txt`, for an installer without a screen.
//!
//! It never invents a setting, and never changes what the file is silent about.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use delivery::{
    identity::{BoxIdentity, IdentityError},
    pin::{ServerCa, TokenLine},
    provision::{Provisioning, provision},
};
use serde::Deserialize;
use toml::Spanned;

use crate::config;

const EXAMPLES: &str = "\
The file, on the boot partition of the flashed card:
  server = \"https://zaigang.example.cn\"
  token = \"…\"                          # from the supervisors' page of the device; erased here \
  once it is used
  # room = \"room-7\"                    # if given, a registration for another room is refused
  server_ca_sha256 = \"64 hex digits\"   # of the certificate of the server's authority, from the \
  same page
  # server_ca = \"server-ca.pem\"        # or that certificate itself, a file beside this one
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
    step: FirstBootStep,
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
enum FirstBootStep {
    Settings,
    Registration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    server: Option<String>,
    /// Empty once it was taken.
    token: Option<Spanned<String>>,
    room: Option<String>,
    server_ca: Option<String>,
    server_ca_sha256: Option<String>,
    agent_config: Option<String>,
    wifi: Option<Wifi>,
    time: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wifi {
    ssid: String,
    /// Empty once it was taken.
    password: Option<Spanned<String>>,
    country: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    servers: Vec<String>,
    #[serde(default)]
    nts: bool,
}

impl Wanted {
    /// What was typed wide, or with a character that nobody sees: folded, or refused by its number.
    /// Secrets and the network's name stay as they were typed.
    fn folded(mut self) -> Result<Self, text_fold::FoldFault> {
        let texts = [
            ("`server`", &mut self.server),
            ("`room`", &mut self.room),
            ("`server_ca`", &mut self.server_ca),
            ("`server_ca_sha256`", &mut self.server_ca_sha256),
            ("`agent_config`", &mut self.agent_config),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                *text = text_fold::incoming(name, text)?;
            }
        }
        if let Some(wifi) = &mut self.wifi {
            wifi.country = text_fold::incoming("`wifi.country`", &wifi.country)?;
        }
        for server in self.time.iter_mut().flat_map(|time| &mut time.servers) {
            *server = text_fold::incoming("`time.servers`", server)?;
        }
        Ok(self)
    }
}

/// What leaves the card once it was taken.
#[derive(Debug, Clone, Copy)]
enum Secret {
    Token,
    WifiPassword,
}

impl Secret {
    fn of(self, wanted: &Wanted) -> Option<&Spanned<String>> {
        let value = match self {
            Self::Token => wanted.token.as_ref(),
            Self::WifiPassword => wanted.wifi.as_ref()?.password.as_ref(),
        };
        value.filter(|value| !value.get_ref().is_empty())
    }
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let boot = self.from.parent().unwrap_or(Path::new("")).to_owned();
        let error_file = boot.join(ERROR_FILE);
        let done = match self.step {
            FirstBootStep::Settings => self.settings(&boot),
            FirstBootStep::Registration => self.register(&boot),
        };
        match &done {
            Ok(()) => match fs::remove_file(&error_file) {
                Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                    Err(why).context("the old error's file")
                }
                _ => Ok(()),
            },
            Err(why) => {
                if let Err(also) = fs::write(&error_file, log_lines::one_line(why.chain()) + "\n") {
                    tracing::warn!("{}: {also}", error_file.display());
                }
                done
            }
        }
    }

    fn settings(&self, boot: &Path) -> anyhow::Result<()> {
        let Some(wanted) = read(&self.from)? else { return Ok(()) };
        // Everything is judged before anything is written.
        let network = Secret::WifiPassword
            .of(&wanted)
            .and(wanted.wifi.as_ref())
            .map(Wifi::supplicant)
            .transpose()?;
        let clock = wanted.time.as_ref().map(Time::sources).transpose()?;
        let agent = wanted
            .agent_config
            .as_deref()
            .map(|name| beside(boot, "agent_config", name))
            .transpose()?;
        if let Some(file) = &agent {
            config::load(file)?;
        }
        fs::create_dir_all(&self.system).with_context(|| self.system.display().to_string())?;
        if let Some(text) = network {
            replace(&self.system.join("wpa_supplicant.conf"), &text, 0o600)?;
            erase(&self.from, Secret::WifiPassword)?;
            log_lines::say!("Wi-Fi is set");
        }
        if let Some(text) = clock {
            replace(&self.system.join("time.sources"), &text, 0o644)?;
            log_lines::say!("time servers are set");
        }
        if let Some(file) = agent {
            let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            replace(&self.config, &text, 0o644)?;
            log_lines::say!("the agent's configuration is that of {}", file.display());
        }
        Ok(())
    }

    fn register(&self, boot: &Path) -> anyhow::Result<()> {
        let state = config::load(&self.config)?.state_dir;
        match BoxIdentity::load(&state) {
            Ok(identity) => {
                erase(&self.from, Secret::Token)?;
                log_lines::say!("this box is device {} in room {}", identity.device, identity.room);
                return Ok(());
            }
            Err(IdentityError::NotProvisioned { .. }) => {}
            Err(why) => return Err(why.into()),
        }
        let from = self.from.display();
        let wanted = read(&self.from)?
            .with_context(|| format!("{from} is missing: write `server` and `token` to it"))?;
        let server = wanted
            .server
            .clone()
            .with_context(|| format!("{from}: `server` is missing: \"https://HOST\""))?;
        let token = Secret::Token
            .of(&wanted)
            .map(|token| text_fold::incoming("`token`", token.get_ref()))
            .transpose()
            .map_err(|fault| anyhow::anyhow!("{from}: {fault}"))?
            .map(|token| TokenLine::parse(&token))
            .with_context(|| {
                format!(
                    "{from}: `token` is missing: the supervisors' page shows it when a device is \
                added"
                )
            })?;
        let file =
            wanted.server_ca.as_deref().map(|name| beside(boot, "server_ca", name)).transpose()?;
        let sha256 = wanted.server_ca_sha256.as_deref().or(token.server_ca_sha256.as_deref());
        let server_ca = file.as_deref().map(ServerCa::File).or(sha256.map(ServerCa::Sha256));
        let to = Provisioning { server: &server, server_ca, firmware: env!("CARGO_PKG_VERSION") };
        let identity = provision(to, token.token.clone(), &state)?;
        erase(&self.from, Secret::Token)?;
        log_lines::say!("registered: device {}, room {}", identity.device, identity.room);
        if let Some(room) = wanted.room.filter(|room| *room != identity.room.as_str()) {
            anyhow::bail!(
                "{from}: this token belongs to room {}, not to {room}: move the device on the \
                supervisors' page, or correct `room`",
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
    let text = unmarked(&text);
    let wanted: Wanted = toml::from_str(text).map_err(|wrong| {
        let span = wrong.span();
        let line = span
            .clone()
            .map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // The message alone: the text around it may hold a token.
        let value = span.and_then(|span| text.get(span)).unwrap_or_default();
        let why = text_fold::toml_fault(wrong.message(), value);
        anyhow::anyhow!("{}, line {line}: {why}", from.display())
    })?;
    wanted.folded().map(Some).map_err(|fault| anyhow::anyhow!("{}: {fault}", from.display()))
}

/// Editors of other systems put a mark at the beginning.
fn unmarked(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
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
    /// The network as `wpa_supplicant.conf(5)` has it; the name in hexadecimal, which needs no
    /// escape.
    fn supplicant(&self) -> anyhow::Result<String> {
        let password = self.password.as_ref().map_or("", |password| password.get_ref().as_str());
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
        Ok(format!(
            "country={country}\nnetwork={{\n  ssid={ssid}\n  scan_ssid=1\n  \
            psk=\"{password}\"\n}}\n"
        ))
    }
}

impl Time {
    /// As chrony's `sourcedir` takes them.
    fn sources(&self) -> anyhow::Result<String> {
        let name = |s: &&String| {
            !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b))
        };
        if let Some(wrong) = self.servers.iter().find(|server| !name(server)) {
            anyhow::bail!("`time.servers`: \"{wrong}\" is no host name or IP address");
        }
        let nts = if self.nts { " nts" } else { "" };
        Ok(self
            .servers
            .iter()
            .map(|server| format!("server {server} iburst{nts}\n"))
            .collect::<Vec<_>>()
            .concat())
    }
}

/// Takes a secret out of the file and leaves the rest as it was written. The parser says where it
/// stands, so that every spelling of TOML is found; a copy in a comment goes with it.
fn erase(from: &Path, secret: Secret) -> anyhow::Result<()> {
    let Some(wanted) = read(from)? else { return Ok(()) };
    let Some(value) = secret.of(&wanted) else { return Ok(()) };
    let written = fs::read_to_string(from).with_context(|| from.display().to_string())?;
    let text = unmarked(&written);
    let (before, after) = (text.get(..value.span().start), text.get(value.span().end..));
    let (Some(before), Some(after)) = (before, after) else {
        anyhow::bail!("{} was changed meanwhile", from.display())
    };
    let hidden = "#".repeat(value.get_ref().chars().count());
    let emptied = [before, after].join("\"\"");
    let without_copies =
        [before, after].map(|part| part.replace(value.get_ref().as_str(), &hidden)).join("\"\"");
    // Only comments may change: a password such as "password" is a key's name, too.
    let table = |text: &str| toml::from_str::<toml::Table>(text).ok();
    let same = table(&without_copies).is_some_and(|read| Some(read) == table(&emptied));
    let kept = if same { without_copies } else { emptied };
    // In place first, so that the old cells of the file system hold it no longer; then as a whole
    // file.
    fs::write(from, "#".repeat(written.len()))
        .and_then(|()| fs::File::open(from)?.sync_all())
        .context("erasing")?;
    replace(from, &kept, 0o600)
        .with_context(|| format!("{} still holds a secret: erase it by hand", from.display()))
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
