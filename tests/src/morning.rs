//! One whole morning, end to end: server and box as real processes, the script put onto the server,
//! every alert as it comes, and what was counted at the end. The demo prints it; the end-to-end
//! tests assert it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use scene::{Morning, PersonKind, PhotoCast, Photographed, Scene};
use serde_json::Value;

use crate::api::{Api, ServerEvent};
use crate::clinic;
use crate::mosquitto::Mosquitto;
use crate::programs::{Program, ServerReady};

mod broker;
mod outcome;

pub use broker::MorningBroker;
use broker::embedded_mqtt;
pub use outcome::{
    BoxSummary, Incidents, MorningOutcome, PlayedSession, RaisedFinding, compare, incidents,
};

/// Whose faces appear.
#[derive(Debug, Clone)]
pub enum Faces {
    /// Drawn, recognised by the avatar pack.
    Drawn,
    /// Photographs of `folder` (one folder per person), recognised by the real pack.
    Photographs { folder: PathBuf },
}

/// How to play.
#[derive(Debug, Clone)]
pub struct MorningSettings {
    pub faces: Faces,
    /// `clinic_morning`, `stranger`, or the file of a scene.
    pub script: String,
    /// Varies the sensor noise, the room's colours and, with photographs, who plays whom.
    pub seed: u64,
    /// Scene seconds in a real second; 0: as fast as the machine can.
    pub speed: u32,
    /// Frames in a second of scene time, 1 to 60.
    pub frame_rate: u32,
    /// How many frames in a row show one picture.
    pub still: u32,
    /// How often the morning is played, one after the other.
    pub rounds: u64,
    pub broker: MorningBroker,
    /// Address the page is served on, `127.0.0.1:0` for any free port.
    pub listen: String,
    /// The box ends with the scene.
    pub once: bool,
    /// The box's log level.
    pub log_level: String,
}

impl MorningSettings {
    /// Drawn faces, as fast as the machine can, to the end of the scene.
    pub fn drawn_once() -> Self {
        Self {
            faces: Faces::Drawn,
            script: "clinic_morning".to_owned(),
            seed: 1,
            speed: 0,
            frame_rate: 1,
            still: 1,
            rounds: 1,
            broker: MorningBroker::Embedded,
            listen: ANY_PORT.to_owned(),
            once: true,
            log_level: "info".to_owned(),
        }
    }
}

impl MorningSettings {
    /// What is played: the script, or as much of it as the photographs allow.
    pub fn morning(&self) -> Result<Morning> {
        let morning = match Morning::named(&self.script) {
            Some(named) => named?,
            None => Morning::parse(
                &fs::read_to_string(&self.script).with_context(|| self.script.clone())?,
            )?,
        };
        let Faces::Photographs { folder } = &self.faces else { return Ok(morning) };
        let there = Photographed::in_folder(folder)?;
        morning.shortened(there.practitioners, there.people).with_context(|| {
            format!(
                "{} has photographs of {} people, six or more of {}: two people are the least, \
                    six pictures of one of \
                 them; ten with six pictures and nine more play all of it",
                folder.display(),
                there.people,
                there.practitioners
            )
        })
    }
}

/// Loopback, on whatever port is free.
pub const ANY_PORT: &str = "127.0.0.1:0";

/// A clinic, its server and its box, running.
#[derive(Debug)]
pub struct Playing {
    pub server: Program,
    pub agent: Program,
    pub ready: ServerReady,
    pub api: Api,
    pub morning: Morning,
    pub enrolled: clinic::EnrolmentTally,
    /// Where it is no part of the server.
    pub broker: Option<Mosquitto>,
}

/// Starts the server, registers the clinic, enrols, provisions the box and starts it.
pub fn start(
    folder: &Path,
    settings: &MorningSettings,
    told: &mut dyn FnMut(&str),
) -> Result<Playing> {
    let config = folder.join("server.toml");
    let broker = settings.broker.start(folder, &config, |mqtt| server_config(settings, mqtt))?;
    if broker.is_some() {
        told("broker     Debian's Mosquitto, over TLS: this build leaves the embedded one out");
    }
    let (mut server, ready) = start_configured(folder, &config)?;
    let api = Api::new(&ready.http);
    told(&format!("page       {}", ready.http));
    if let Some(door) = &ready.public {
        told(&format!("public     {door}/p: what patients look up, and where they report"));
    }
    let morning = settings.morning()?;
    clinic::register(&api, &morning)?;
    let enrolled = enrol(folder, settings, &api, &morning)?;
    let refused = match enrolled.refused_pictures {
        0 => String::new(),
        n => format!(" ({n} were refused by the quality gate before)"),
    };
    told(&format!(
        "enrolled   practitioners: {}, by one picture each{refused}; confirmed by the scripted \
        supervisor",
        enrolled.from_picture.len()
    ));
    clinic::declare_sessions(&api, &morning)?;
    let token = clinic::register_device(&api, &morning)?;
    provision(folder, settings, &morning, &ready, &token)?;
    let agent = start_agent(folder, settings)?;
    if server.ended()?.is_some() {
        bail!("the server ended:\n{}", server.log_tail());
    }
    Ok(Playing { server, agent, ready, api, morning, enrolled, broker })
}

fn pack(faces: &Faces) -> &'static str {
    match faces {
        Faces::Drawn => "avatar",
        Faces::Photographs { .. } => "real",
    }
}

/// Starts a server with its own broker and its data under `folder`; a second start there goes on
/// with what the first one stored.
pub fn start_server(
    folder: &Path,
    settings: &MorningSettings,
    mqtt_listen: &str,
) -> Result<(Program, ServerReady)> {
    let config = folder.join("server.toml");
    fs::write(&config, server_config(settings, &embedded_mqtt(mqtt_listen)))?;
    start_configured(folder, &config)
}

fn server_config(settings: &MorningSettings, mqtt: &str) -> String {
    let (http, pack) = (&settings.listen, pack(&settings.faces));
    format!(
        "mode = \"demonstration\"\ndata_dir = \"server-data\"\n\
         master_key_file = \"server-master.key\"\n\n\
         [http]\nlisten = \"{http}\"\n\n[mqtt]\n{mqtt}\n\
         [models]\npack = \"{pack}\"\n\n[access]\naccounts = false\n\n\
         [public]\nlisten = \"127.0.0.1:0\"\n"
    )
}

fn start_configured(folder: &Path, config: &Path) -> Result<(Program, ServerReady)> {
    let ready_file = folder.join("server.ready");
    if ready_file.exists() {
        fs::remove_file(&ready_file)?;
    }
    let args = [Path::new("--config"), config, Path::new("--ready-file"), &ready_file];
    let mut server = Program::start("zaigang-server", args, folder)?;
    let ready = serde_json::from_str(&server.wait_for_file(&ready_file)?)
        .context("the server's ready file")?;
    Ok((server, ready))
}

/// Enrols the cast; for photographs, writes the cast file that the box's camera reads.
fn enrol(
    folder: &Path,
    settings: &MorningSettings,
    api: &Api,
    morning: &Morning,
) -> Result<clinic::EnrolmentTally> {
    let Faces::Photographs { folder: photos } = &settings.faces else {
        let scene = Scene::drawn(morning.clone(), settings.seed);
        let portrait = |person: &str, attempt| {
            if attempt == 0 { Ok(scene.enrolment_photo(person)?) } else { Ok(None) }
        };
        let enrolled = clinic::enrol(api, morning, portrait)?;
        let registered = |person: &str| scene.enrolment_photo(person).map_err(Into::into);
        clinic::give_registry_photos(api, morning, registered)?;
        return Ok(enrolled);
    };
    let photos = fs::canonicalize(photos).with_context(|| photos.display().to_string())?;
    let cast = PhotoCast::from_folder(&photos, morning, settings.seed)?;
    let photographs = |person: &str| -> Vec<PathBuf> {
        let kind = morning.person(person).map_or(PersonKind::Stranger, |p| p.kind);
        let first = (kind == PersonKind::Practitioner).then(|| cast.enrolment(person)).flatten();
        first
            .map(Path::to_owned)
            .into_iter()
            .chain(cast.in_room(person, kind).iter().cloned())
            .collect()
    };
    let read = |path: &PathBuf| {
        Ok(image::open(path).with_context(|| path.display().to_string())?.to_rgb8())
    };
    let enrolled = clinic::enrol(api, morning, |person, attempt| {
        photographs(person).get(attempt).map(read).transpose()
    })?;
    // Another picture of the person than the one that enrolled, where there is one.
    clinic::give_registry_photos(api, morning, |person| {
        photographs(person).last().map(read).transpose()
    })?;
    let mut text = String::from(
        "# Which photographs play whom; a practitioner's first one enrolled and never appears.\n",
    );
    for person in &morning.people {
        let mut list = photographs(&person.id);
        list.swap(0, enrolled.from_picture.get(&person.id).copied().unwrap_or(0));
        let list: Vec<_> =
            list.iter().map(|path| format!("{:?}", path.display().to_string())).collect();
        writeln!(text, "{:?} = [{}]", person.id, list.join(", "))?;
    }
    fs::write(folder.join("cast.toml"), text)?;
    Ok(enrolled)
}

/// What the box's camera plays, as its configuration names it: a scene that comes with it, or a
/// file beside.
fn camera_script(folder: &Path, settings: &MorningSettings, morning: &Morning) -> Result<String> {
    let text = morning.to_toml()?;
    if let Some(named) = Morning::named(&settings.script)
        && named?.to_toml()? == text
    {
        return Ok(settings.script.clone());
    }
    fs::write(folder.join("scene.toml"), text)?;
    Ok("scene.toml".to_owned())
}

/// Writes the box's configuration and trades the token for an identity.
fn provision(
    folder: &Path,
    settings: &MorningSettings,
    morning: &Morning,
    ready: &ServerReady,
    token: &str,
) -> Result<()> {
    let script = camera_script(folder, settings, morning)?;
    let cast = match settings.faces {
        Faces::Drawn => "",
        Faces::Photographs { .. } => "cast = \"cast.toml\"\n",
    };
    let start = &morning.wall_start;
    let (pack, seed, speed) = (pack(&settings.faces), settings.seed, settings.speed);
    let (frame_rate, still, rounds) = (settings.frame_rate, settings.still, settings.rounds);
    // The avatar pack's small detector places landmarks better on the whole picture
    // (models/avatar/FIGURES.md).
    let detect_side_px = if matches!(settings.faces, Faces::Drawn) { 1280 } else { 640 };
    fs::write(
        folder.join("agent.toml"),
        format!(
            "mode = \"demonstration\"\nstate_dir = \"agent-state\"\n\n[log]\nlevel = \
                \"{}\"\n\n[models]\npack = \"{pack}\"\n\n\
             [camera]\nkind = \"scene\"\nscript = \"{script}\"\nseed = {seed}\nrounds = \
             {rounds}\nstill = {still}\n{cast}start = \"{start}\"\nframe_rate = \
             {frame_rate}\nspeed = {speed}\n\n\
             [vision]\ndetect_side_px = {detect_side_px}\n\n[health]\nevery_s = 5\n",
            settings.log_level,
        ),
    )?;
    let state = folder.join("agent-state").display().to_string();
    let args = ["provision", "--server", &ready.http, "--token", token, "--state", &state];
    let mut provision = Program::start("zaigang-agent", args, folder)?;
    match provision.wait(Duration::from_secs(30))? {
        Some(status) if status.success() => Ok(()),
        _ => bail!("provisioning failed:\n{}", provision.log_tail()),
    }
}

/// Starts the provisioned box; a second start goes on with what the first one left.
pub fn start_agent(folder: &Path, settings: &MorningSettings) -> Result<Program> {
    let config = folder.join("agent.toml");
    let once: &[&Path] = if settings.once { &[Path::new("--once")] } else { &[] };
    let args =
        [Path::new("run"), Path::new("--config"), &config].into_iter().chain(once.iter().copied());
    Program::start("zaigang-agent", args, folder)
}

/// When each step of a finding reached the page's live stream, in real time.
#[derive(Debug, Default, Clone)]
pub struct Heard {
    pub arrivals: BTreeMap<(String, u64), Vec<Timestamp>>,
}

/// Listens to the page's live stream on a thread of its own; `told` gets every event of an alert.
pub fn listen(api: &Api, mut told: impl FnMut(&ServerEvent) + Send + 'static) -> Arc<Mutex<Heard>> {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let (api, sink) = (api.clone(), Arc::clone(&heard));
    std::thread::spawn(move || {
        // The stream ends with the server; whoever needed more of it sees that in what was heard.
        let _ = api.listen(0, |event| {
            if event.name == "alert" {
                let key =
                    (text(&event.data, "finding"), event.data["revision"].as_u64().unwrap_or(0));
                if let Ok(mut heard) = sink.lock() {
                    heard.arrivals.entry(key).or_default().push(Timestamp::now());
                }
                told(&event);
            }
            false
        });
    });
    heard
}

/// A field of an event as text.
pub fn text(data: &Value, field: &str) -> String {
    data[field].as_str().unwrap_or_default().to_owned()
}

/// What the box logs when its scene is over.
const OVER: &str = "the scripted source is over";

impl Playing {
    /// Goes on with the same data, addresses and broker, and with accounts: gives the path of the
    /// first administrator's link. The box is to have ended.
    pub fn switch_accounts_on(&mut self, folder: &Path) -> Result<String> {
        self.server.terminate()?;
        let config = folder.join("server.toml");
        let (http, mqtt) = (self.ready.http.trim_start_matches("http://"), self.ready.mqtt.port);
        let text = fs::read_to_string(&config)?;
        fs::write(&config, with_accounts(&text, http, mqtt))?;
        let (server, ready) = start_configured(folder, &config)?;
        (self.server, self.ready) = (server, ready);
        let link = fs::read_to_string(folder.join("server-data/first-admin-link"))?;
        let path = link.trim().strip_prefix(&self.ready.http).context("the first link")?;
        Ok(path.to_owned())
    }

    /// Whether the box has come to the end of its scene.
    pub fn is_over(&self) -> bool {
        self.agent.log_text().contains(OVER)
    }

    /// Waits for the box to end with its scene, then asks the server what it holds.
    pub fn finish(&mut self, heard: &Mutex<Heard>, limit: Duration) -> Result<MorningOutcome> {
        let began = Instant::now();
        match self.agent.wait(limit)? {
            Some(status) if status.success() => {}
            Some(status) => bail!("the box ended with {status}:\n{}", self.agent.log_tail()),
            None => bail!("the box had not ended after {limit:?}:\n{}", self.agent.log_tail()),
        }
        let played = began.elapsed();
        let stdout = self.agent.stdout();
        let last = stdout.lines().last().context("the box printed no summary")?;
        let agent: BoxSummary =
            serde_json::from_str(last).with_context(|| format!("the box's summary: {last}"))?;
        await_arrivals(heard, &agent)?;
        let heard = heard.lock().map_err(|_| anyhow::anyhow!("the listener died"))?.clone();
        Ok(MorningOutcome {
            agent,
            server: self.api.get("summary")?,
            incidents: incidents(&self.api)?,
            heard,
            played,
        })
    }
}

/// The same configuration with accounts, on the addresses that the box knows.
fn with_accounts(text: &str, http: &str, mqtt: u16) -> String {
    let mut section = "";
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        lines.push(match section {
            "[http]" if line.starts_with("listen") => format!("listen = \"{http}\""),
            "[mqtt]" if line.starts_with("listen") => format!("listen = \"127.0.0.1:{mqtt}\""),
            "[access]" => line.replace("accounts = false", "accounts = true"),
            _ => line.to_owned(),
        });
    }
    lines.join("\n") + "\n"
}

/// The page's stream may be a moment behind the receipt.
fn await_arrivals(heard: &Mutex<Heard>, agent: &BoxSummary) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let arrived =
            heard.lock().map_err(|_| anyhow::anyhow!("the listener died"))?.arrivals.len();
        if arrived >= agent.raised.len() || Instant::now() > deadline {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
