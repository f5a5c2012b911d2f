//! `zaigang-agent doctor`: looks at everything that a box needs, says what is wrong and how to mend
//! it, and ends with a verdict, each check as soon as it is done. It changes nothing, publishes
//! nothing but a message that waits already, for its receipt, and saves no picture.

mod certificates;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use delivery::{
    identity::{BoxIdentity, IdentityError},
    mqtt::{self, Served},
    outbox::{WaitingMessage, to_be_receipted},
};
use serde::Serialize;
use vision::{Gate, Runtime};

use crate::{
    agent::AgentClock,
    board_heat::Heat,
    brokers,
    camera::{self, CameraLook, Stop},
    clock::RealClock,
    config::{self, Config},
    healthy::HeartbeatState,
    loaded::load_models,
    lock::Lock,
    storage::Storage,
};

const EXAMPLES: &str = "\
Examples:
  zaigang-agent doctor --config /etc/zaigang/agent.toml          every check with its mend; exit \
  code 1 where one fails
  zaigang-agent doctor --config agent.toml --json                the same for a script
A camera can be used by one program at a time: stop the agent first.";

/// A camera shows its first picture within this.
const FIRST_PICTURE: Duration = Duration::from_secs(20);
const BROKER_WITHIN: Duration = Duration::from_secs(12);

/// Check everything a box needs, with the mends.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    Good,
    /// The box works, with a drawback that is named.
    Warning,
    /// The box does not work like this.
    Bad,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: &'static str,
    pub verdict: CheckVerdict,
    /// What was found, one line.
    pub found: String,
    /// How to mend it; empty where all is well.
    pub mend: String,
}

impl Check {
    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self { what, verdict: CheckVerdict::Good, found: found.into(), mend: String::new() }
    }

    fn warning(what: &'static str, found: impl Into<String>, mend: &str) -> Self {
        Self { what, verdict: CheckVerdict::Warning, found: found.into(), mend: mend.to_owned() }
    }

    fn bad(what: &'static str, found: impl Into<String>, mend: &str) -> Self {
        Self { what, verdict: CheckVerdict::Bad, found: found.into(), mend: mend.to_owned() }
    }
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        let mut checks = Vec::new();
        examine(&config, self.models.as_deref(), &mut |check| {
            let check = Check { found: log_lines::redacted(&one_line(&check.found)), ..check };
            if !self.json {
                print(&check);
            }
            checks.push(check);
        });
        let verdict = checks.iter().map(|check| check.verdict).max().unwrap_or(CheckVerdict::Good);
        if self.json {
            log_lines::say!("{}", serde_json::json!({"verdict": verdict, "checks": checks}));
        } else {
            log_lines::say!("{}", closing(verdict));
        }
        anyhow::ensure!(verdict != CheckVerdict::Bad, "this box is not ready");
        Ok(())
    }
}

fn print(check: &Check) {
    let mark = match check.verdict {
        CheckVerdict::Good => "ok  ",
        CheckVerdict::Warning => "warn",
        CheckVerdict::Bad => "BAD ",
    };
    log_lines::say!("{mark} {:<12} {}", check.what, check.found);
    if !check.mend.is_empty() {
        log_lines::say!("     {:<12} -> {}", "", check.mend);
    }
}

fn closing(verdict: CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Good => "ready",
        CheckVerdict::Warning => "ready, with the warnings above",
        CheckVerdict::Bad => "not ready: mend what is marked BAD",
    }
}

/// Every check, in the order in which a mend makes sense; each is told when it is done.
pub fn examine(config: &Config, models: Option<&Path>, tell: &mut dyn FnMut(Check)) {
    tell(disk(config));
    tell(clock());
    tell(heat(&Heat::of_this_board()));
    tell(at_rest(config));
    let mut analyzer = match load_models(config, models) {
        Ok(models) => {
            tell(Check::good(
                "models",
                format!("pack \"{}\", {}", models.pack, vision::Runtime::build_info()),
            ));
            Some(models.analyzer)
        }
        Err(why) => {
            tell(Check::bad(
                "models",
                log_lines::one_line(why.chain()),
                "see the line itself; then run this again",
            ));
            None
        }
    };
    tell(providers(config));
    camera_checks(config, analyzer.as_mut()).into_iter().for_each(&mut *tell);
    identity(config, tell);
    tell(commissioned(&config.state_dir));
}

/// Whether the installer has ended the work: until then everybody on the local network with the
/// code may see the picture.
fn commissioned(state_dir: &Path) -> Check {
    match Lock::load(state_dir) {
        Ok(Some(lock)) => Check::good("commissioning", format!("locked since {}", lock.locked_at)),
        Ok(None) => Check::warning(
            "commissioning",
            "not locked: zones and masks can still be changed on the box",
            "run `zaigang-agent commission`, look at the zones, and lock",
        ),
        Err(why) => Check::bad("commissioning", why.to_string(), "see the line itself"),
    }
}

fn disk(config: &Config) -> Check {
    match rustix::fs::statvfs(&config.state_dir) {
        Err(why) => Check::bad(
            "disk",
            format!("{}: {why}", config.state_dir.display()),
            "make the folder, owned by the agent's user",
        ),
        Ok(disk) => {
            let failing = Storage::under(&config.state_dir).complaints();
            if !failing.is_empty() {
                return Check::bad(
                    "disk",
                    failing.join("; "),
                    "replace the card; a new one is set up with a new token",
                );
            }
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{} MiB free in {}", free >> 20, config.state_dir.display());
            if free < config.health.disk_low_bytes {
                Check::warning("disk", found, "make room, or set health.disk_low_mib lower")
            } else {
                Check::good("disk", found)
            }
        }
    }
}

fn clock() -> Check {
    match AgentClock::real(RealClock::start()).complaint() {
        None => Check::good("clock", "synchronised"),
        Some(complaint) => Check::warning(
            "clock",
            complaint,
            "start systemd-timesyncd or chrony, and let it reach a time server",
        ),
    }
}

fn heat(board: &Heat) -> Check {
    if board.slowed() == Some(true) {
        let mend = "a supply of the board's own wattage, and air: the firmware says that it slows \
            the processor now";
        return Check::warning("temperature", "the board slows itself down", mend);
    }
    match board.hottest_mc() {
        None => Check::good("temperature", "this board shows none"),
        Some(mc) if mc >= 80_000 => Check::warning(
            "temperature",
            format!("{} °C", mc / 1000),
            "give the box air, or a cooler: above 80 °C boards slow down",
        ),
        Some(mc) => Check::good("temperature", format!("{} °C", mc / 1000)),
    }
}

/// Whether the keys that open roster and observation log lie on the disk for whoever carries it
/// away.
fn at_rest(config: &Config) -> Check {
    let key = config.state_dir.join("sealing.key");
    let sealed = std::fs::read_to_string(&key).is_ok_and(|text| trust::board_key::is_sealed(&text));
    let tpm = Path::new("/dev/tpmrm0").exists();
    let steps = "give the unit the credential zaigang.kek (hardware/README.md, At rest), then \
        provision again";
    match (sealed, tpm) {
        (true, _) => Check::good("at rest", "the keys are sealed under this board's own key"),
        (false, true) => Check::warning(
            "at rest",
            "a TPM2 is there, but the keys are plain: a stolen disk reads templates",
            steps,
        ),
        (false, false) => Check::warning(
            "at rest",
            "no TPM2: a stolen disk reads templates",
            "encrypt the data partition with a key that is not on it",
        ),
    }
}

/// What the library of this board can compute on, beside what is asked of it.
fn providers(config: &Config) -> Check {
    let present = match Runtime::init() {
        Ok(runtime) => runtime.providers(),
        Err(why) => {
            return Check::bad(
                "providers",
                why.to_string(),
                "install the ONNX Runtime of this board",
            );
        }
    };
    let (asked, found) =
        (config.models.provider.as_str(), format!("this ONNX Runtime has {}", present.join(", ")));
    if present.contains(&asked) {
        return Check::good("providers", format!("{found}; \"{asked}\" is asked for"));
    }
    let mend = "set models.provider to one of these, or install an ONNX Runtime with it";
    Check::warning("providers", format!("{found}, not \"{asked}\": the CPU computes"), mend)
}

fn camera_checks(config: &Config, analyzer: Option<&mut vision::Analyzer>) -> Vec<Check> {
    let stop = Stop::default();
    let mend = "check cable and power, that no other program has it, and that the agent's user is \
        in the group `video`";
    let opened = camera::source(&config.camera, RealClock::start(), &stop);
    let mut camera = match opened.and_then(|mut opened| (opened.open)().map_err(Into::into)) {
        Ok(camera) => camera,
        Err(why) => return vec![Check::bad("camera", log_lines::one_line(why.chain()), mend)],
    };
    let begun = Instant::now();
    let (mut frames, mut skipped, mut last) = (0_u32, 0_u32, None);
    // A camera may be joined in the middle of a long group of pictures: the time runs from the
    // first on.
    let mut first = None::<Instant>;
    while frames < 10
        && first.map_or(begun.elapsed() < FIRST_PICTURE, |first: Instant| {
            first.elapsed() < Duration::from_secs(5)
        })
    {
        match camera.look() {
            Ok(CameraLook::Shot(shot)) => {
                frames += 1;
                first.get_or_insert_with(Instant::now);
                last = Some(shot);
            }
            Ok(CameraLook::Skipped(_)) => skipped += 1,
            Ok(CameraLook::End(_)) => break,
            Err(why) => return vec![Check::bad("camera", why.why, mend)],
        }
    }
    let watched = first.map_or(begun.elapsed(), |first| first.elapsed());
    let rate = f64::from(frames.saturating_sub(1)) / watched.as_secs_f64().max(1e-3);
    let Some(Ok(picture)) = last.map(|shot| shot.pixels.decode()) else {
        return vec![Check::bad(
            "camera",
            format!("no usable frame ({skipped} pictures were given up)"),
            mend,
        )];
    };
    let frame = picture.frame();
    let found = format!("{}x{}, {rate:.0} frames/s", frame.width(), frame.height());
    let mut checks = vec![if skipped > frames / 10 {
        let found = format!("{found}, and {skipped} pictures were given up");
        Check::warning(
            "camera",
            found,
            "check the network and the camera's bit rate; a fixed bit rate helps",
        )
    } else {
        Check::good("camera", found)
    }];
    if let Some(analyzer) = analyzer {
        checks.push(view(analyzer, frame));
    }
    checks
}

/// One detection on the frame: how long it takes, and how good the faces in view are.
fn view(analyzer: &mut vision::Analyzer, frame: vision::Frame<'_>) -> Check {
    let begun = Instant::now();
    let faces = match analyzer.detect(frame) {
        Ok(faces) => faces,
        Err(why) => return Check::bad("view", why.to_string(), "zaigang-agent models verify"),
    };
    let ms = begun.elapsed().as_millis();
    let Some(face) = faces.first() else {
        return Check::good("view", format!("detection takes {ms} ms; nobody in view"));
    };
    match analyzer.assess(frame, face) {
        Err(why) => Check::warning("view", why.to_string(), "try again with a face in view"),
        Ok(quality) => {
            let reasons: Vec<_> =
                Gate::RECOGNITION.check(&quality).iter().map(vision::PhotoRefusal::en).collect();
            let found = format!(
                "detection takes {ms} ms; {} faces, the clearest {:.0} px wide",
                faces.len(),
                quality.face_width_px
            );
            if reasons.is_empty() {
                Check::good("view", found)
            } else {
                Check::warning(
                    "view",
                    format!("{found}: {}", reasons.join("; ")),
                    "light, focus, distance: zaigang-agent optics",
                )
            }
        }
    }
}

fn identity(config: &Config, tell: &mut dyn FnMut(Check)) {
    let mut identity = match BoxIdentity::load(&config.state_dir) {
        Ok(identity) => identity,
        Err(why) => {
            return tell(Check::bad("identity", why.to_string(), mend_of(&why)));
        }
    };
    brokers::lay_over(&config.brokers, &mut identity);
    tell(Check::good("identity", format!("device {}, room {}", identity.device, identity.room)));
    for check in certificates::checks(&identity, jiff::Timestamp::now()) {
        tell(check);
    }
    let running = HeartbeatState::of_running_agent();
    // Its outbox is the running agent's.
    let waiting = if running.is_none() { to_be_receipted(&config.state_dir) } else { None };
    broker_checks(&identity, running.as_ref(), waiting.as_ref()).into_iter().for_each(tell);
}

/// A box that has an identity is not registered anew because somebody may not read it.
fn mend_of(why: &IdentityError) -> &'static str {
    match why {
        IdentityError::NotProvisioned { .. } => "zaigang-agent provision --help",
        _ => {
            "see the line itself: run this as root or as the agent's user, and look whose the \
            files of state_dir are"
        }
    }
}

/// CONNECT and SUBSCRIBE as this box, at each broker; a running agent is asked instead, because two
/// with one identity end each other.
fn broker_checks(
    identity: &BoxIdentity,
    running: Option<&HeartbeatState>,
    waiting: Option<&WaitingMessage>,
) -> Vec<Check> {
    let brokers = identity.brokers();
    if let Some(running) = running {
        let known = brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return vec![of_running_agent(running, &known)];
    }
    let at = |broker| reach(BoxIdentity { broker, ..identity.clone() }, waiting.cloned());
    let mut checks: Vec<_> = brokers.into_iter().map(at).collect();
    // One is enough for a box to work.
    if checks.iter().any(|check| check.verdict == CheckVerdict::Good) {
        for check in checks.iter_mut().filter(|check| check.verdict == CheckVerdict::Bad) {
            check.verdict = CheckVerdict::Warning;
        }
    }
    checks
}

fn of_running_agent(running: &HeartbeatState, known: &str) -> Check {
    let place = running.broker.as_deref().unwrap_or(known);
    if running.server_reached {
        let found = format!("{place}: the running agent has receipts of the server");
        return Check::good("broker", found);
    }
    let found = format!("{place}: the running agent has no receipt of the server since it started");
    let mend = "journalctl -u zaigang-agent says why; stop it and run this again";
    Check::bad("broker", found, mend)
}

fn reach(identity: BoxIdentity, waiting: Option<WaitingMessage>) -> Check {
    let mend = "see the line itself; findings wait in the outbox meanwhile";
    let place = identity.broker.to_string();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return Check::bad("broker", why.to_string(), mend),
    };
    match runtime.block_on(mqtt::probe(identity, BROKER_WITHIN, waiting)) {
        Ok(Served::Receipted { seq }) => {
            Check::good("broker", format!("{place}: the server receipts message {seq} of this box"))
        }
        Ok(Served::ByTheBroker) => Check::good(
            "broker",
            format!(
                "{place} takes this box, and lets it hear the server; this box has sent nothing \
                yet that the server could receipt"
            ),
        ),
        Err(why) => Check::bad("broker", format!("{place}: {why}"), mend),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
