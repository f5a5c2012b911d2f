//! "Your own face": the demonstration on one's own camera. Server, broker and box run as in the
//! morning; a page on this machine shows the box's live view, enrols whoever sits there, and guides
//! through acts whose alerts the real rules raise.
//!
//! The page is for the owner of this machine: loopback, one code, one browser. Everything lies in a
//! temporary folder that goes with the program, and no picture lies even there.

mod act;
mod actions;
mod crowd;
mod demo_clinic;
mod expected_verdicts;
mod film;
mod pack;
mod page;
mod pipe;
mod rounds;
mod signals;
mod source;
mod video;
mod view;

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use image::RgbImage;
use local_page::{Access, TRIES};
use tokio::net::TcpListener;

use act::Act;
use actions::{DemoDesk, DeskState};
use expected_verdicts::Footing;
use signals::StopSignals;
use source::{DemoSource, pictures};
use view::{ViewSocket, hold};

use crate::api::Api;
use crate::demo::instance::{self, FolderInUse};
use crate::morning::MorningBroker;
use crate::mosquitto::Mosquitto;
use crate::programs::{Program, ServerReady};

/// What the user asked for.
#[derive(Debug, Clone)]
pub struct DemoSettings {
    /// What `--camera` names.
    pub camera: String,
    /// Address of the page; it must be this machine's own.
    pub listen: SocketAddr,
    /// Photographs of other people, one folder each: rivals for the scores of the real pack, where
    /// the folder is there.
    pub photos: PathBuf,
}

/// Between two looks at rounds and programs.
const TICK: Duration = Duration::from_millis(200);
/// Rivals that are enrolled beside you.
const COLLEAGUES: usize = 10;

/// Plays until Ctrl-C, SIGTERM or a closed terminal, and leaves nothing behind.
pub fn run(settings: &DemoSettings, say: &mut dyn FnMut(&str)) -> Result<()> {
    if !settings.listen.ip().is_loopback() {
        bail!(
            "--listen {}: with --camera the page shows a picture of this room; it is for \
            127.0.0.1 alone",
            settings.listen
        );
    }
    let source = DemoSource::parse(&settings.camera)?;
    let pack = pack::choose(&source, say)?;
    // `zaigang-demo clean` finds it where this program is killed.
    let instance = FolderInUse::open(None)?;
    let folder = instance.folder().to_owned();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let told = StopSignals::new()?.end_programs();
        let played = play(settings, source, pack, &instance, say).await;
        told.or(played).await
    });
    runtime.shutdown_timeout(Duration::from_millis(500));
    drop(instance);
    if folder.exists() {
        bail!("{} could not be removed: remove it", folder.display());
    }
    say("over       server, broker and box have ended; keys, templates and logs are deleted, \
        pictures there were none");
    ended
}

async fn play(
    settings: &DemoSettings,
    source: DemoSource,
    pack: &'static str,
    instance: &FolderInUse,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let listener = listen(settings.listen).await?;
    let (address, folder) = (listener.local_addr()?, instance.folder());
    instance.serves(&format!("http://{address}"))?;
    say(&format!("camera     {}", described(&source)));
    say(&format!(
        "pack       {}",
        if pack == "real" { "real" } else { "avatar pack: it knows drawn faces only" }
    ));
    if pack == "avatar" && source != DemoSource::Crowd {
        say("           real people are not recognised: `./scripts/models fetch real` gets the \
            pack that does");
    }
    let stage = Arc::new(Mutex::new(Act::Work));
    let pipe = folder.join("camera.pipe");
    film::play(&source, &pipe, &stage)?;
    let mut house =
        tokio::task::block_in_place(|| House::start(folder, settings, &source, pack, &pipe))?;
    let view = ViewSocket::open(&folder.join("live/view.sock"))?;
    let api = house.api.clone();
    let access = Access::new(getrandom::u64().context("no randomness for the code")?, 0);
    let code = access.shown();
    let now = Mutex::new(DeskState::at_first(Footing::of(&source, pack)));
    let desk = Arc::new(DemoDesk {
        access: Mutex::new(access),
        started: Instant::now(),
        changed_times: demo_clinic::changed_times(&api)?,
        api,
        view,
        source,
        pack,
        stage,
        now,
    });
    say(&format!("page       http://{address}/"));
    say(&format!("code       {code}   (once, {TRIES} tries, 30 minutes)"));
    say(&format!("inbox      {}", desk.api.base()));
    say("notice     only this machine sees the picture; nothing of it is stored, and everything \
        is gone when this ends");
    say(
        "           the inbox asks for no login: who else has an account on this machine can open \
        it meanwhile",
    );
    open_browser(folder, address, &code);
    say("running    Ctrl-C ends it");
    tokio::spawn(page::serve(Arc::clone(&desk), listener));
    let hearing = Arc::clone(&desk);
    // It ends with the server.
    std::thread::spawn(move || {
        let _ = hearing.api.clone().listen(0, |event| {
            // A server that does not answer now is asked again at its next event; its end is seen
            // elsewhere.
            if event.name == "alert" {
                let _ = hearing.refresh();
            }
            false
        });
    });
    loop {
        tokio::time::sleep(TICK).await;
        house.check()?;
        let desk = Arc::clone(&desk);
        tokio::task::block_in_place(|| desk.tick())?;
        if let Some(why) = hold(&desk.access)
            .over(u64::try_from(desk.started.elapsed().as_millis()).unwrap_or(u64::MAX))
        {
            bail!("{why}: the page is closed; start it again");
        }
    }
}

/// The page's port; one that is taken is told with its owner, where that is a demonstration.
async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    if bound.is_err()
        && let Some(other) = instance::who_serves(&address.to_string())
    {
        bail!("{address} is served by {other}; end that one, or choose another --listen");
    }
    bound.with_context(|| format!("--listen {address}"))
}

fn described(source: &DemoSource) -> String {
    match source {
        DemoSource::Device(device) => device.display().to_string(),
        DemoSource::Rtsp { url, .. } => url.split('/').take(3).collect::<Vec<_>>().join("/"),
        DemoSource::Video(path) | DemoSource::Folder(path) => path.display().to_string(),
        DemoSource::Crowd => "drawn people; nobody in it is real".to_owned(),
    }
}

/// Server and box.
struct House {
    server: Program,
    agent: Program,
    api: Api,
    /// Held until both have ended.
    _broker: Option<Mosquitto>,
}

impl House {
    fn start(
        folder: &Path,
        settings: &DemoSettings,
        source: &DemoSource,
        pack: &str,
        pipe: &Path,
    ) -> Result<Self> {
        let (broker, server, ready) = start_server(folder, pack)?;
        let api = Api::new(&ready.http);
        let waived = pack == "avatar" || !source.is_live();
        demo_clinic::register(&api, source, waived)?;
        if pack == "real" {
            colleagues(&api, &settings.photos)?;
        }
        let token = demo_clinic::register_box(&api)?;
        let agent = start_box(folder, source, pack, pipe, &ready, &token)?;
        Ok(Self { server, agent, api, _broker: broker })
    }

    /// An end of one of them is the end.
    fn check(&mut self) -> Result<()> {
        if let Some(status) = self.server.ended()? {
            bail!("the server ended with {status}:\n{}", self.server.log_tail());
        }
        if let Some(status) = self.agent.ended()? {
            bail!("the box ended with {status}:\n{}", self.agent.log_tail());
        }
        Ok(())
    }
}

/// The box says goodbye while its server is still there.
impl Drop for House {
    fn drop(&mut self) {
        let _ = self.agent.terminate();
        let _ = self.server.terminate();
    }
}

fn start_server(folder: &Path, pack: &str) -> Result<(Option<Mosquitto>, Program, ServerReady)> {
    let (config, ready_file) = (folder.join("server.toml"), folder.join("server.ready"));
    let broker = MorningBroker::at_hand()?.start(folder, &config, |mqtt| {
        format!(
            "mode = \"demonstration\"\ndata_dir = \"server-data\"\n\
             master_key_file = \"server-master.key\"\n\
             [http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\n{mqtt}[models]\npack = \"{pack}\"\n\
             [access]\naccounts = false\n"
        )
    })?;
    let args = [Path::new("--config"), &config, Path::new("--ready-file"), &ready_file];
    let mut server = start(folder, "zaigang-server", args)?;
    let ready = serde_json::from_str(&server.wait_for_file(&ready_file)?)
        .context("the server's ready file")?;
    Ok((broker, server, ready))
}

fn start_box(
    folder: &Path,
    source: &DemoSource,
    pack: &str,
    pipe: &Path,
    ready: &ServerReady,
    token: &str,
) -> Result<Program> {
    if let DemoSource::Rtsp { credentials: Some(credentials), .. } = source {
        private(&folder.join("camera.credentials"), credentials)?;
    }
    let (camera, config) = (source.config(pipe), folder.join("agent.toml"));
    fs::write(
        &config,
        format!(
            "mode = \"demonstration\"\nstate_dir = \"agent-state\"\n[models]\npack = \
                \"{pack}\"\n[camera]\n{camera}\
             [vision]\nidle_detect_ms = 400\n[schedule]\nevidence_every_ms = 400\nrenewal_s = 10\n\
             [health]\nevery_s = 5\n[live_view]\nsocket = \"live/view.sock\"\n"
        ),
    )?;
    let state = folder.join("agent-state").display().to_string();
    let args = ["provision", "--server", &ready.http, "--token", token, "--state", &state];
    let mut provision = start(folder, "zaigang-agent", args)?;
    if !provision.wait(Duration::from_secs(30))?.is_some_and(|status| status.success()) {
        bail!("provisioning failed:\n{}", provision.log_tail());
    }
    let ready_file = folder.join("agent.ready");
    let args =
        [Path::new("run"), Path::new("--config"), &config, Path::new("--ready-file"), &ready_file];
    let mut agent = start(folder, "zaigang-agent", args)?;
    agent.wait_for_file(&ready_file)?;
    Ok(agent)
}

/// A program whose own temporary files go with the folder, too.
fn start<S: AsRef<OsStr>>(
    folder: &Path,
    name: &str,
    args: impl IntoIterator<Item = S>,
) -> Result<Program> {
    Program::start_with(name, args, folder, &[("TMPDIR", &folder.display().to_string())])
}

/// Other people of the house, where photographs of some are there: the real pack holds scores
/// against rivals.
fn colleagues(api: &Api, photos: &Path) -> Result<()> {
    let Ok(people) = fs::read_dir(photos) else { return Ok(()) };
    let mut people: Vec<_> =
        people.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    people.sort();
    let mut enrolled = 0;
    for folder in people {
        let read = |path: &PathBuf| image::open(path).ok().map(|picture| picture.to_rgb8());
        let portraits: Vec<RgbImage> = pictures(&folder)?.iter().take(3).filter_map(read).collect();
        enrolled += usize::from(demo_clinic::enrol_colleague(api, enrolled + 1, &portraits)?);
        if enrolled == COLLEAGUES {
            break;
        }
    }
    Ok(())
}

/// Opens the page where there is a display. The code goes by a file that is this user's alone: a
/// command line can be read by everybody on the machine.
fn open_browser(folder: &Path, address: SocketAddr, code: &str) {
    let display =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    let file = folder.join("open.html");
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" \
        content=\"0;url=http://{address}/#{code}\">\n"
    );
    if display && private(&file, &page).is_ok() {
        // Where it is not installed the address was printed.
        let _ =
            Command::new("xdg-open").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    }
}

/// A file for this user alone.
fn private(path: &Path, text: &str) -> Result<()> {
    let mut file = fs::File::options().create_new(true).write(true).mode(0o600).open(path)?;
    writeln!(file, "{text}").with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_for_others_is_refused() {
        let settings = DemoSettings {
            camera: source::CROWD.to_owned(),
            listen: "0.0.0.0:0".parse().unwrap(),
            photos: PathBuf::new(),
        };
        let said = run(&settings, &mut |_| {}).unwrap_err().to_string();
        assert!(said.contains("127.0.0.1 alone"), "{said}");
    }
}
