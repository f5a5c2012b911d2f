//! The real server alone, in a folder of its own, with whatever broker and environment a test
//! wants.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::api::Api;
use crate::programs::{Program, ServerReady, program};

/// How to start it.
#[derive(Debug, Clone)]
pub struct ServerPlan {
    pub folder: PathBuf,
    /// Lines for `[mqtt]`.
    pub mqtt: String,
    /// Lines for other tables, whole.
    pub more: String,
    /// Further host names by which it is reached.
    pub names: Vec<String>,
    /// Such as `127.0.0.1:0`; of a restarted server the address it had.
    pub http: String,
    /// Logs, ready file and configuration bear this name, so that two servers can share a folder.
    pub name: String,
    /// People log in; without accounts everybody who reaches the server is let in.
    pub accounts: bool,
}

impl ServerPlan {
    /// With its embedded broker.
    pub fn embedded(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            mqtt: "listen = \"127.0.0.1:0\"\n".to_owned(),
            more: String::new(),
            names: Vec::new(),
            http: "127.0.0.1:0".to_owned(),
            name: "server".to_owned(),
            accounts: false,
        }
    }

    /// With a broker on this port of this machine.
    pub fn external(folder: &Path, port: u16) -> Self {
        let mqtt = format!("broker = \"external\"\nhost = \"127.0.0.1\"\nport = {port}\n");
        Self { mqtt, ..Self::embedded(folder) }
    }

    /// With several brokers on these ports, none of which knows of the others.
    pub fn several(folder: &Path, ports: &[u16]) -> Self {
        let entry = |port: &u16| format!("[[mqtt.brokers]]\nport = {port}\n");
        Self { mqtt: ports.iter().map(entry).collect(), ..Self::embedded(folder) }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.join(format!("{}.toml", self.name))
    }

    /// Writes the configuration; it is what `export` and `broker-config` read too.
    pub fn write(&self) -> Result<()> {
        let text = format!(
            "mode = \"demonstration\"\ndata_dir = \"server-data\"\nmaster_key_file = \
                \"server-master.key\"\n[models]\npack = \"avatar\"\n\
             [access]\naccounts = {}\n[http]\nlisten = \"{}\"\nnames = {:?}\n[mqtt]\n{}{}",
            self.accounts, self.http, self.names, self.mqtt, self.more
        );
        Ok(std::fs::write(self.config(), text)?)
    }

    /// Starts it and waits for nothing: it may be about to die.
    pub fn launch(&self, environment: &[(&str, &str)]) -> Result<Program> {
        self.write()?;
        let (config, ready_file) = (self.config(), self.ready_file());
        if ready_file.exists() {
            std::fs::remove_file(&ready_file)?;
        }
        let args = [Path::new("--config"), &config, Path::new("--ready-file"), &ready_file];
        Program::start_with("zaigang-server", args, &self.folder, environment)
    }

    fn ready_file(&self) -> PathBuf {
        self.folder.join(format!("{}.ready", self.name))
    }

    /// Starts it and waits until it listens.
    pub fn start(&self, environment: &[(&str, &str)]) -> Result<(Program, ServerReady)> {
        let ready_file = self.ready_file();
        let mut server = self.launch(environment)?;
        let ready = serde_json::from_str(&server.wait_for_file(&ready_file)?)
            .context("the server's ready file")?;
        Ok((server, ready))
    }

    /// Keeps the address that a first start was given, so that boxes and tests find it again.
    #[must_use]
    pub fn at(mut self, ready: &ServerReady) -> Self {
        ready.http.trim_start_matches("http://").clone_into(&mut self.http);
        if self.mqtt.starts_with("listen") {
            self.mqtt = format!("listen = \"{}:{}\"\n", ready.mqtt.host, ready.mqtt.port);
        }
        self
    }

    /// Runs a subcommand to its end; gives its standard error, or fails with it.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(program("zaigang-server")?);
        let (name, rest) = arguments.split_first().context("which command?")?;
        let output = command.arg(name).arg("--config").arg(self.config()).args(rest).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { bail!("{name}: {said}") }
    }

    /// The box's whole chain as a bundle.
    pub fn export(&self, device: &str) -> Result<PathBuf> {
        let out = self.folder.join(format!("{device}.zgbundle"));
        let name = out.display().to_string();
        self.command(&["export", "--device", device, "--out", &name, "--why", "test"])?;
        Ok(out)
    }
}

/// The numbers of the findings in a bundle that holds; what is wrong with the chain otherwise.
pub fn findings_of(bundle: &Path) -> Result<(Vec<u32>, trust::bundle::BundleReport)> {
    let bytes = std::fs::read(bundle)?;
    let report = trust::bundle::check(bytes.as_slice())?;
    let mut numbers = Vec::new();
    for line in String::from_utf8(bytes)?.lines().skip(1) {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let Some(body) = line["message"]["body"].as_str() else { continue };
        let body: serde_json::Value = serde_json::from_str(body)?;
        if body["payload"]["type"] == "finding" {
            numbers
                .push(body["payload"]["revision"].as_u64().context("a finding without a number")?
                    as u32);
        }
    }
    Ok((numbers, report))
}

/// A client of a server's API.
pub fn api(ready: &ServerReady) -> Api {
    Api::new(&ready.http)
}
