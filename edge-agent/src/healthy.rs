//! `zaigang-agent healthy`: whether the running box does its work: it looks, the camera gives
//! pictures, and the server has receipted something since the start. The agent leaves that in its
//! runtime folder with each heartbeat; whoever decides whether an update stays asks here. It never
//! reaches into the agent, and nothing of a person stands in the file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

const FILE: &str = "health.json";
/// Where the packaged unit has it.
const RUNTIME: &str = "/run/zaigang";
/// Two heartbeats of the default length and a half: what is older was left by an agent that stands
/// still.
const FRESH: Duration = Duration::from_secs(150);

/// How the box stood at its last heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatState {
    pub camera_live: bool,
    /// The server receipted a row of this box since the agent started.
    pub server_reached: bool,
    /// What is wrong with the camera's pictures, in words.
    #[serde(default)]
    pub complaint: Option<String>,
    /// The broker that it is connected to, `HOST:PORT`.
    #[serde(default)]
    pub broker: Option<String>,
}

impl HeartbeatState {
    /// Leaves it in the service manager's runtime folder (`RuntimeDirectory=`); without one there
    /// is nobody to ask.
    pub fn leave(self) {
        let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from) else { return };
        if let Err(why) = self.write(&folder) {
            tracing::warn!("{}: {why}", folder.join(FILE).display());
        }
    }

    /// What the agent that runs now said last; `None`: none runs.
    pub(crate) fn of_running_agent() -> Option<Self> {
        Self::read(Path::new(RUNTIME), SystemTime::now()).ok()
    }

    fn write(self, folder: &Path) -> io::Result<()> {
        let new = folder.join("health.json.new");
        fs::write(&new, serde_json::to_vec(&self)?)?;
        fs::rename(new, folder.join(FILE))
    }

    fn read(folder: &Path, now: SystemTime) -> Result<Self, String> {
        let path = folder.join(FILE);
        let said = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let written = fs::metadata(&path)
            .and_then(|meta| meta.modified())
            .map_err(|_| "no heartbeat yet".to_owned())?;
        // A clock that was set back makes it newer than now, which is no sign of age.
        if now.duration_since(written).is_ok_and(|age| age > FRESH) {
            return Err("the agent's last heartbeat is old".to_owned());
        }
        serde_json::from_slice(&fs::read(&path).map_err(|why| said(&why))?)
            .map_err(|why| said(&why))
    }

    fn judge(&self) -> Result<Option<String>, String> {
        match self.clone() {
            Self { camera_live: false, complaint, .. } => {
                Err(complaint.unwrap_or_else(|| "the camera gives no usable picture".to_owned()))
            }
            Self { server_reached: false, .. } => {
                Err("the server receipted nothing since the agent started".to_owned())
            }
            Self { complaint, .. } => Ok(complaint),
        }
    }
}

/// Ask whether the running box looks, sees and reaches its server.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code 0: it does; 1: it does not, and one line says what is missing.\n\n\
    Example:\n  zaigang-agent healthy --wait-s 600      after an update: within ten minutes, or \
    not at all"
)]
pub struct Args {
    /// Wait this long for it, in s
    #[arg(long, value_name = "SECONDS", default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(0..=86400))]
    wait_s: u64,
    /// The agent's runtime folder
    #[arg(long, value_name = "FOLDER", default_value = RUNTIME)]
    runtime: PathBuf,
    /// Print JSON: `healthy`, `why` where it is not or could be better, and the `broker` in use
    #[arg(long)]
    json: bool,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(self.wait_s);
        let judged = loop {
            let standing = HeartbeatState::read(&self.runtime, SystemTime::now());
            match standing.as_ref().map_err(Clone::clone).and_then(HeartbeatState::judge) {
                Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_secs(1)),
                judged => break (judged, standing.ok().and_then(|standing| standing.broker)),
            }
        };
        let (judged, broker) = judged;
        if self.json {
            let why = judged.as_ref().map_or_else(Some, Option::as_ref);
            let healthy = judged.is_ok();
            log_lines::say!(
                "{}",
                serde_json::json!({"healthy": healthy, "why": why, "broker": broker})
            );
        }
        match judged {
            Ok(complaint) if !self.json => {
                let but =
                    complaint.map(|complaint| format!("; but {complaint}")).unwrap_or_default();
                let by = broker.map(|broker| format!(" over {broker}")).unwrap_or_default();
                log_lines::say!(
                    "healthy: the agent looks, the camera is there, the server answers{by}{but}"
                );
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(why) => anyhow::bail!("not healthy: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(camera_live: bool, server_reached: bool) -> HeartbeatState {
        HeartbeatState { camera_live, server_reached, complaint: None, broker: None }
    }

    #[test]
    fn what_is_wrong_with_the_pictures_is_the_reason() {
        let noise = Some("the camera sends noise".to_owned());
        let blind = HeartbeatState { complaint: noise.clone(), ..standing(false, true) };
        assert_eq!(blind.judge(), Err("the camera sends noise".to_owned()));
        assert_eq!(
            HeartbeatState { complaint: noise.clone(), ..standing(true, true) }.judge(),
            Ok(noise)
        );
        let older: HeartbeatState =
            serde_json::from_str("{\"camera_live\":true,\"server_reached\":true}").unwrap();
        assert_eq!(older.judge(), Ok(None));
    }

    #[test]
    fn healthy_is_a_fresh_heartbeat_with_camera_and_server() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let at =
            |now| HeartbeatState::read(folder.path(), now).and_then(|standing| standing.judge());
        assert_eq!(at(now).unwrap_err(), "no heartbeat yet");
        standing(true, false).write(folder.path()).unwrap();
        assert_eq!(at(now).unwrap_err(), "the server receipted nothing since the agent started");
        standing(false, true).write(folder.path()).unwrap();
        assert_eq!(at(now).unwrap_err(), "the camera gives no usable picture");
        standing(true, true).write(folder.path()).unwrap();
        at(now).unwrap();
        let written = fs::metadata(folder.path().join(FILE)).unwrap().modified().unwrap();
        at(written + FRESH).unwrap();
        assert_eq!(
            at(written + FRESH + Duration::from_secs(1)).unwrap_err(),
            "the agent's last heartbeat is old"
        );
        at(written - Duration::from_hours(24)).unwrap();
    }
}
