//! Starts the real programs in a folder of their own, on ports that the system chooses, and ends
//! them with their owner. It never waits a fixed time: each program says when it is ready.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Long enough for a busy machine; what takes longer is broken.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Where `cargo` put the programs: beside the running one.
pub fn program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("the path of this program")?;
    let folders = this.ancestors().skip(1).take(2);
    for folder in folders {
        let candidate = folder.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    bail!("{name} is not built: run `cargo build --workspace --bins` (./scripts/test does)")
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The programs that this process started and has not seen end, in order; `None` once [`end_all`]
/// was called.
static RUNNING: Mutex<Option<Vec<u32>>> = Mutex::new(Some(Vec::new()));

fn running() -> MutexGuard<'static, Option<Vec<u32>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that was started elsewhere: [`end_all`] ends it, too.
pub fn ends_with_the_others(child: &Child) {
    if let Some(running) = running().as_mut() {
        running.push(child.id());
    }
}

/// Whether the server was built with a broker of its own.
pub fn server_has_broker() -> Result<bool> {
    let said = Command::new(program("zaigang-server")?).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&said.stdout).contains("embedded"))
}

/// Whether every file of a model pack is on this machine, and right.
pub fn has_pack(pack: &str) -> Result<bool> {
    let mut verify = Command::new(program("zaigang-agent")?);
    verify.args(["models", "verify", pack]).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(verify.status()?.success())
}

/// Ends every program that this process started, the last one first, and lets it start no more. For
/// the end of the whole process: whoever owns a [`Program`] sees it end.
pub fn end_all() {
    let pids = running().take().unwrap_or_default();
    for pid in pids.into_iter().rev() {
        end_process(pid);
    }
}

/// SIGTERM, and SIGKILL to what has not ended after the 5 s that every program promises.
pub fn end_process(pid: u32) {
    for (signal, patience) in [("-TERM", Duration::from_secs(6)), ("-KILL", Duration::from_secs(2))]
    {
        // Where it has just ended there is nobody to tell.
        let _ =
            Command::new("kill").arg(signal).arg(pid.to_string()).stderr(Stdio::null()).status();
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !is_running(pid) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether there is such a process that still runs; one that nobody has waited for yet does not.
pub fn is_running(pid: u32) -> bool {
    // After the name in brackets, which may hold anything, stands the state.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}

/// A child that is killed when its owner goes, its output kept in a file.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    pub log: PathBuf,
}

impl Program {
    /// Starts `name` with its standard error in `folder/{name}.log` and its standard output in
    /// `folder/{name}.out`.
    pub fn start<S: AsRef<OsStr>>(
        name: &str,
        args: impl IntoIterator<Item = S>,
        folder: &Path,
    ) -> Result<Self> {
        Self::start_with(name, args, folder, &[])
    }

    /// As [`Self::start`], with more in the environment.
    pub fn start_with<S: AsRef<OsStr>>(
        name: &str,
        args: impl IntoIterator<Item = S>,
        folder: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let append = |path: &Path| File::options().create(true).append(true).open(path);
        let mut command = Command::new(program(name)?);
        command
            .args(args)
            .current_dir(root())
            .env("ORT_DYLIB_PATH", onnxruntime())
            // As whoever starts a program by hand: it is the program that turns off the library's
            // reports.
            .env_remove("ORT_DISABLE_TELEMETRY")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(append(&folder.join(format!("{name}.out")))?)
            .stderr(append(&log)?);
        let mut running = running();
        let running =
            running.as_mut().with_context(|| format!("{name} is not started: everything ends"))?;
        let child = command.spawn().with_context(|| format!("could not start {name}"))?;
        running.push(child.id());
        Ok(Self { child, name: name.to_owned(), log })
    }

    /// Waits until the program has written `file`, or reports what it said before it ended.
    pub fn wait_for_file(&mut self, file: &Path) -> Result<String> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Ok(text) = fs::read_to_string(file)
                && !text.is_empty()
            {
                return Ok(text);
            }
            if let Some(status) = self.ended()? {
                bail!(
                    "{} ended with {status} before it was ready:\n{}",
                    self.name,
                    self.log_tail()
                );
            }
            if Instant::now() > deadline {
                bail!("{} was not ready within {READY_WITHIN:?}:\n{}", self.name, self.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `None` while it runs.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        // Its number may belong to another process as soon as it was waited for.
        let mut running = running();
        let status = self.child.try_wait()?;
        if status.is_some()
            && let Some(running) = running.as_mut()
        {
            running.retain(|pid| *pid != self.child.id());
        }
        Ok(status)
    }

    /// Waits for the end, `None` when `limit` passes first.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(Some(status));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(None)
    }

    /// SIGTERM, then the end; an error when it takes longer than the 5 s that every program
    /// promises.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("-TERM")?;
        match self.wait(Duration::from_secs(5))? {
            Some(_) if self.log_text().contains(" panicked at ") => {
                bail!("{} panicked:\n{}", self.name, self.log_tail())
            }
            Some(status) => Ok(status),
            None => bail!("{} did not stop within 5 s of SIGTERM:\n{}", self.name, self.log_tail()),
        }
    }

    /// SIGKILL: a power cut, as far as a process can tell.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        while self.ended()?.is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    pub fn signal(&self, which: &str) -> Result<()> {
        let mut kill = Command::new("kill");
        // One that has just ended is told by the error, not by a line between ours.
        let sent =
            kill.arg(which).arg(self.child.id().to_string()).stderr(Stdio::null()).status()?;
        if sent.success() { Ok(()) } else { bail!("could not send {which} to {}", self.name) }
    }

    /// Everything it wrote to standard output so far.
    pub fn stdout(&self) -> String {
        fs::read_to_string(self.log.with_extension("out")).unwrap_or_default()
    }

    /// Everything it logged so far.
    pub fn log_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of what it logged.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.kill();
    }
}

fn onnxruntime() -> PathBuf {
    match std::env::var_os("ORT_DYLIB_PATH") {
        Some(path) => PathBuf::from(path),
        None => root().join(".run/onnxruntime/libonnxruntime.so"),
    }
}

/// What the server says of itself when everything listens.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerReady {
    pub http: String,
    /// The public door, if there is one.
    #[serde(default)]
    pub public: Option<String>,
    /// `/metrics`, if it is served.
    #[serde(default)]
    pub metrics: Option<String>,
    pub mqtt: MqttAddress,
}

#[derive(Debug, Clone, Deserialize)]
pub struct MqttAddress {
    pub host: String,
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_built_is_named_with_the_mend() {
        let error = program("zaigang-nonesuch").unwrap_err().to_string();
        assert!(error.contains("zaigang-nonesuch") && error.contains("cargo build"), "{error}");
    }
}
