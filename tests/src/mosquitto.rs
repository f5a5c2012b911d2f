//! A real Mosquitto on a free port, killed with its owner. Without Debian's package the caller says
//! SKIPPED.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::programs;

const PROGRAM: &str = "/usr/sbin/mosquitto";

#[derive(Debug)]
pub struct Mosquitto {
    pub port: u16,
    config: PathBuf,
    child: Option<Child>,
}

/// False, with a line on standard error, where Mosquitto is not installed.
pub fn installed(test: &str) -> bool {
    let there = Path::new(PROGRAM).exists();
    if !there {
        eprintln!("SKIPPED {test}: {PROGRAM} not found (apt-get install mosquitto)");
    }
    there
}

impl Mosquitto {
    /// Plain, for anybody on this machine, remembering nothing.
    pub fn plain(dir: &Path) -> Result<Self> {
        let port = free_port()?;
        let config = dir.join(format!("mosquitto-{port}.conf"));
        std::fs::write(
            &config,
            format!(
                "{}persistence false\nlog_dest none\nmax_packet_size 2000000\nmax_queued_messages \
                    0\nmax_inflight_messages 0\n\
                 listener {port} 127.0.0.1\nallow_anonymous true\n",
                as_root()
            ),
        )?;
        Self::start(port, config)
    }

    /// As [`Self::plain`], and whatever is said at either of the two is heard at both: a cluster as
    /// far as Mosquitto has one.
    pub fn bridged(dir: &Path, other: &Self) -> Result<Self> {
        let mut it = Self::plain(dir)?;
        it.kill();
        let plain = std::fs::read_to_string(&it.config)?;
        let text = format!(
            "{plain}connection cluster\naddress 127.0.0.1:{}\ntopic # both 1\nnotifications false\n\
             bridge_protocol_version mqttv50\nbridge_max_packet_size 2000000\n\
             restart_timeout 1\n",
            other.port
        );
        std::fs::write(&it.config, text)?;
        it.resume()?;
        Ok(it)
    }

    /// With the configuration that `zaigang-server broker-config --write` made for this port.
    pub fn with_config(port: u16, zaigang_conf: &Path) -> Result<Self> {
        let config = zaigang_conf.with_extension("all.conf");
        let text = std::fs::read_to_string(zaigang_conf)?;
        std::fs::write(&config, format!("{}log_dest none\n{text}", as_root()))?;
        Self::start(port, config)
    }

    /// TLS, client certificates and own topics only, for the server of this configuration: its
    /// `[mqtt]` table is [`secured`] with the same port.
    pub fn secured(port: u16, folder: &Path, server_config: &Path) -> Result<Self> {
        if !Path::new(PROGRAM).exists() {
            bail!("{PROGRAM} not found: ./scripts/setup --packages mosquitto");
        }
        let files = folder.join("broker");
        let made = Command::new(programs::program("zaigang-server")?)
            .args(["broker-config", "--host", "127.0.0.1", "--listener"])
            .arg(format!("{port} 127.0.0.1"))
            .args([Path::new("--write"), &files, Path::new("--config"), server_config])
            .output()?;
        if !made.status.success() {
            bail!("broker-config: {}", String::from_utf8_lossy(&made.stderr));
        }
        Self::with_config(port, &files.join("zaigang.conf"))
    }

    fn start(port: u16, config: PathBuf) -> Result<Self> {
        let mut broker = Self { port, config, child: None };
        broker.resume()?;
        Ok(broker)
    }

    /// Starts again on the same port, with nothing remembered.
    pub fn resume(&mut self) -> Result<()> {
        let child = Command::new(PROGRAM)
            .arg("-c")
            .arg(&self.config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("mosquitto")?;
        programs::ends_with_the_others(&child);
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if Instant::now() > deadline {
                bail!("mosquitto did not start with {}", self.config.display());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// SIGKILL: sessions, queues and retained messages are gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; there is nobody to tell.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The `[mqtt]` table of a server whose broker is [`Mosquitto::secured`].
pub fn secured(port: u16) -> String {
    format!("broker = \"external\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = true\n")
}

/// A port that was free a moment ago: Mosquitto can not be asked which one it took.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Mosquitto gives up root's rights otherwise, and can not read the test's files.
fn as_root() -> &'static str {
    let root = std::fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
    if root { "user root\n" } else { "" }
}
