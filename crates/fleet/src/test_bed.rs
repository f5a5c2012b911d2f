//! The server and the broker of a run, in a folder of their own, and the boxes' registration. Ends
//! both with the rig.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use protocol::id::RoomId;
use protocol::provision::{ProvisionRequest, ProvisionResponse};
use serde_json::{Value, json};
use trust::{SealingKey, SigningKey, VerifyingKey};

const MOSQUITTO: &str = "/usr/sbin/mosquitto";
/// Boxes of one room; the rest of the clinic is of no matter here.
const BOXES_PER_ROOM: usize = 10;
/// Callers at once while boxes are registered.
const CALLERS: usize = 8;

/// Who a simulated box is.
#[derive(Debug)]
pub(crate) struct SimulatedIdentity {
    pub(crate) device: String,
    /// The room that it was registered for: a server believes it of no other.
    pub(crate) room: RoomId,
    pub(crate) signing: SigningKey,
    pub(crate) sealing: SealingKey,
    pub(crate) server: VerifyingKey,
}

#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) broker_port: u16,
    dir: tempfile::TempDir,
    broker: Option<Child>,
    server: Option<Child>,
    http: String,
    client: ureq::Agent,
}

impl Rig {
    pub(crate) fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let broker_port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let root = std::fs::metadata("/proc/self")
            .is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
        let user = if root { "user root\n" } else { "" };
        std::fs::write(
            dir.path().join("mosquitto.conf"),
            format!(
                "{user}persistence false\nlog_dest none\nmax_packet_size \
                    1114112\nmax_queued_messages 0\nmax_inflight_messages 1000\n\
                 max_connections -1\nlistener {broker_port} 127.0.0.1\nallow_anonymous \
                 true\nset_tcp_nodelay true\n"
            ),
        )?;
        // Found again by boxes after a restart: the address is taken once.
        let http = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        std::fs::write(
            dir.path().join("server.toml"),
            format!(
                "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
                    \"master.key\"\n[models]\npack = \"avatar\"\n\
                 [access]\naccounts = false\n[http]\nlisten = \"{http}\"\n[mqtt]\nbroker = \
                 \"external\"\nhost = \"127.0.0.1\"\n\
                 port = {broker_port}\n[knowledge]\nretry_ms = 60000\n[log]\nlevel = \"warn\"\n"
            ),
        )?;
        let client =
            ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let mut rig = Self {
            broker_port,
            dir,
            broker: None,
            server: None,
            http: format!("http://{http}"),
            client,
        };
        rig.start_broker()?;
        Ok(rig)
    }

    /// A server that others started, at its address.
    pub(crate) fn attached(http: &str) -> Result<Self> {
        let client =
            ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        Ok(Self {
            broker_port: 0,
            dir: tempfile::tempdir()?,
            broker: None,
            server: None,
            http: http.trim_end_matches('/').to_owned(),
            client,
        })
    }

    pub(crate) fn start_broker(&mut self) -> Result<()> {
        let config = self.dir.path().join("mosquitto.conf");
        let child = Command::new(MOSQUITTO)
            .arg("-c")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("{MOSQUITTO} (apt-get install mosquitto mosquitto-clients)")
            })?;
        self.broker = Some(child);
        wait("Mosquitto listens", || TcpStream::connect(("127.0.0.1", self.broker_port)).is_ok())
    }

    /// SIGKILL: all sessions are gone, all boxes are cut off.
    pub(crate) fn kill_broker(&mut self) {
        end(&mut self.broker);
    }

    pub(crate) fn start_server(&mut self) -> Result<()> {
        let ready = self.dir.path().join("ready");
        let _ = std::fs::remove_file(&ready);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("server.log"))?;
        let child = Command::new(beside("zaigang-server")?)
            .arg("--config")
            .arg(self.dir.path().join("server.toml"))
            .arg("--ready-file")
            .arg(&ready)
            // As its unit starts it.
            .env("MALLOC_ARENA_MAX", "2")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.server = Some(child);
        wait("the server is ready", || ready.exists())
    }

    /// As an administrator does it: SIGTERM, and the end.
    pub(crate) fn stop_server(&mut self) -> Result<()> {
        if let Some(mut child) = self.server.take() {
            Command::new("kill").arg(child.id().to_string()).status()?;
            child.wait()?;
        }
        Ok(())
    }

    pub(crate) fn signal_server(&self, which: &str) -> Result<()> {
        let pid = self.server.as_ref().context("no server")?.id().to_string();
        if Command::new("kill").args([which, &pid]).status()?.success() {
            Ok(())
        } else {
            bail!("kill {which} {pid} failed")
        }
    }

    pub(crate) fn server_lives(&mut self) -> bool {
        self.server.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Resident memory of the server's process, bytes.
    pub(crate) fn server_memory(&self) -> Result<u64> {
        let pid = self.server.as_ref().context("no server")?.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no VmRSS")?.parse()?;
        Ok(kib * 1024)
    }

    pub(crate) fn summary(&self) -> Result<Value> {
        let mut answer = self.client.get(format!("{}/api/v1/summary", self.http)).call()?;
        Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
    }

    /// Everything that the server stored of the boxes.
    pub(crate) fn stored(&self) -> u64 {
        self.summary().ok().and_then(|s| s["messages_stored"].as_u64()).unwrap_or(0)
    }

    /// Steps of findings that are part of an incident.
    pub(crate) fn steps_shown(&self) -> u64 {
        self.summary().ok().and_then(|s| s["finding_steps_stored"].as_u64()).unwrap_or(0)
    }

    fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T> {
        let mut answer =
            self.client.post(format!("{}/api/v1/{path}", self.http)).send_json(body)?;
        let text = answer.body_mut().with_config().limit(1 << 20).read_to_string()?;
        if !answer.status().is_success() {
            bail!("POST {path}: {} {text}", answer.status());
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Registers boxes `{name}-0` … and trades their tokens for identities, over the real calls.
    pub(crate) fn provision(&self, name: &str, count: usize) -> Result<Vec<SimulatedIdentity>> {
        let _: Value = self.post(
            "institutions",
            &json!({"id": "inst-1", "name": "示范门诊部", "kind": "门诊部", "grade_ceiling": 2,
                "filed_items": [], "jurisdiction": "510100"}),
        )?;
        // What one server carries is measured without the bound of each box.
        let _: Value = self.post(
            "policy",
            &json!({"settings": {"budget_finding_per_day": 100_000_000,
                "budget_finding_kib_per_day": 1_073_741_824}, "reason": "measured"}),
        )?;
        for room in 0..count.div_ceil(BOXES_PER_ROOM) {
            let id = format!("{name}-room-{room}");
            let _: Value = self.post(
                "rooms",
                &json!({"id": id, "institution": "inst-1", "name": id, "mode": "in_room"}),
            )?;
        }
        let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| -> Result<()> {
            let callers: Vec<_> = (0..CALLERS)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        loop {
                            let n = next.fetch_add(1, Ordering::Relaxed);
                            if n >= count {
                                return Ok(());
                            }
                            let identity = self.provision_one(name, n)?;
                            made.lock()
                                .map_err(|_| anyhow::anyhow!("a caller panicked"))?
                                .push((n, identity));
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??;
            }
            Ok(())
        })?;
        let mut made = made.into_inner().map_err(|_| anyhow::anyhow!("a caller panicked"))?;
        made.sort_by_key(|(n, _)| *n);
        Ok(made.into_iter().map(|(_, identity)| identity).collect())
    }

    fn provision_one(&self, name: &str, n: usize) -> Result<SimulatedIdentity> {
        let room = format!("{name}-room-{}", n / BOXES_PER_ROOM);
        let answer: Value =
            self.post("devices", &json!({"id": format!("{name}-{n}"), "room": room}))?;
        let (signing, sealing) = (SigningKey::generate()?, SealingKey::generate()?);
        let request = ProvisionRequest {
            token: answer["provisioning_token"].as_str().context("no token")?.to_owned(),
            signing_key: signing.verifying_key().to_base64(),
            sealing_key: sealing.public_key().to_base64(),
            csr_pem: None,
            firmware: "fleet".to_owned(),
        };
        let answer: ProvisionResponse = self.post("provision", &request)?;
        let server = VerifyingKey::from_base64(&answer.server_signing_key)?;
        Ok(SimulatedIdentity {
            device: answer.device.to_string(),
            room: answer.room,
            signing,
            sealing,
            server,
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        end(&mut self.server);
        end(&mut self.broker);
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        // It may have ended by itself; there is nobody to tell.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Where `cargo` put the programs: beside this one.
fn beside(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let found = this
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built: run `cargo build --workspace --bins`"))
}

/// Waits for something that the programs bring about.
pub(crate) fn wait(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(10);
    while !holds() {
        if Instant::now() > deadline {
            bail!("{what}: not within ten minutes");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
