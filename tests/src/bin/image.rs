//! `zaigang-image-test`: a flashed card in an emulated machine, from `zaigang.toml` to a finding on
//! the server, with its power cut in between; then updates, good and bad. Server, broker and TLS
//! are real and on this machine. It judges by what the server holds and by what the card says of
//! itself, never by what runs inside.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use clap::Parser;
use delivery::provision::{Provisioning, provision};
use e2e::api::Api;
use e2e::boxes::{PlainBox, until};
use e2e::clinic;
use e2e::guest::{Card, Guest, run};
use e2e::https::{Proxy, TestAuthority};
use e2e::mosquitto::{Mosquitto, free_port};
use e2e::programs::Program;
use e2e::server::{ServerPlan, findings_of};
use scene::{Morning, Scene};
use serde_json::json;

/// This machine, as a guest of qemu sees it.
const HOST: &str = "10.0.2.2";
/// Everything is emulated: what takes longer than this stands still.
const LIMIT: Duration = Duration::from_mins(20);

/// Boot a flashed image in qemu and hold it to what a clinic is promised.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The image, not compressed (scripts/image --no-compress)
    image: PathBuf,
    /// How often the power is cut
    #[arg(long, default_value_t = 3)]
    cuts: u32,
    /// Also this update, newer than the image: good, tampered, truncated, not newer, and unhealthy
    #[arg(long, value_name = "FILE.raucb", requires = "unhealthy")]
    update: Option<PathBuf>,
    /// An update that is newer still, signed, and never gets healthy
    #[arg(long, value_name = "FILE.raucb")]
    unhealthy: Option<PathBuf>,
    /// Keep card, logs and databases here
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// One line of JSON at the end, instead of a line per check
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut checks = Checks { json: args.json, lines: Vec::new() };
    let done = test(&args, &mut checks);
    if args.json {
        let lines = checks.lines.iter().map(|(name, target, figure, holds)| {
            json!({"name": name, "target": target, "figure": figure,
                "verdict": if *holds { "holds" } else { "falls short" }})
        });
        println!("{}", json!(lines.collect::<Vec<_>>()));
    }
    if let Err(why) = &done {
        eprintln!("image-test: {why:#}");
    }
    let held = done.is_ok() && checks.lines.iter().all(|line| line.3);
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[derive(Debug)]
struct Checks {
    json: bool,
    lines: Vec<(String, String, String, bool)>,
}

impl Checks {
    fn say(&mut self, name: &str, target: &str, figure: &str, holds: bool) {
        if !self.json {
            println!(
                "{name} · {target} · {figure} · {}",
                if holds { "holds" } else { "falls short" }
            );
        }
        self.lines.push((name.to_owned(), target.to_owned(), figure.to_owned(), holds));
    }
}

fn test(args: &Args, checks: &mut Checks) -> Result<()> {
    let temporary = tempfile::Builder::new().prefix("zaigang-image-").tempdir()?;
    let folder = args.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let folder = std::fs::canonicalize(folder)?;
    let clinic = Clinic::open(&folder)?;
    let card = Card::flash(&args.image, folder.join("card.img"), 512)?;
    clinic.prepare(&card)?;

    let mut machine = Machine { card: &card, folder: &folder, starts: 0 };
    let mut guest = machine.start(None)?;
    guest.until("the registration", LIMIT, |_| clinic.registered())?;
    let seconds = guest.started.elapsed().as_secs();
    checks.say(
        "first start registers by itself",
        "registered",
        &format!("after {seconds} s"),
        true,
    );
    guest.until("the first finding", LIMIT, |_| clinic.findings() > 0)?;
    let seconds = guest.started.elapsed().as_secs();
    checks.say(
        "a finding of the drawn room arrives",
        ">= 1",
        &format!("{} after {seconds} s", clinic.findings()),
        true,
    );
    guest.until("its standing", LIMIT, |said| said.contains("zaigang: healthy"))?;

    for cut in 1..=args.cuts {
        guest.cut();
        if cut == 1 {
            at_rest(&card, checks)?;
            stolen(&card, &clinic, checks)?;
        }
        let before = clinic.stored();
        guest = machine.start(None)?;
        // The scene begins anew each time; the cut comes while messages are on their way.
        guest.until("messages after a power cut", LIMIT, |_| {
            clinic.stored() > before + 10 + 7 * u64::from(cut)
        })?;
    }
    guest.until("receipts for all", LIMIT, |_| clinic.outbox_depth() == Some(0))?;
    whole(&clinic, args.cuts, checks)?;

    if let (Some(update), Some(unhealthy)) = (&args.update, &args.unhealthy) {
        guest.cut();
        updates(&mut machine, update, unhealthy, checks)?;
    }
    Ok(())
}

/// What a card that was taken out shows.
fn at_rest(card: &Card, checks: &mut Checks) -> Result<()> {
    let settings = card.get("zaigang.toml").context("zaigang.toml is gone")?;
    let erased = settings.lines().all(|line| !line.starts_with("token") || line == "token = \"\"");
    checks.say(
        "the token leaves the boot partition",
        "erased",
        if erased { "erased" } else { "still there" },
        erased,
    );
    let status = card.get("zaigang-status.txt").unwrap_or_default();
    let line =
        status.lines().find(|line| line.starts_with("data ")).unwrap_or("no status").to_owned();
    checks.say("root", "read-only", &line, line.ends_with("root ro"));
    let data_mib: u64 = line
        .trim_start_matches("data ")
        .split('M')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    checks.say(
        "the data partition takes the card",
        ">= 480 MiB",
        &format!("{data_mib} MiB"),
        data_mib >= 480,
    );
    let shadow = card.debugfs(2, "cat /etc/shadow")?;
    let open: Vec<&str> = shadow
        .lines()
        .filter(|line| !matches!(line.split(':').nth(1), Some("*" | "!" | "!*" | "!!")))
        .collect();
    checks.say(
        "accounts with a password",
        "0",
        &open.len().to_string(),
        open.is_empty() && shadow.contains("root:"),
    );
    let ssh = !card.debugfs(2, "stat /usr/sbin/sshd")?.is_empty();
    checks.say("SSH", "not there", if ssh { "installed" } else { "not there" }, !ssh);
    Ok(())
}

/// What the raw card shows. This machine has no TPM2 (Debian's arm64 kernel has no driver for
/// qemu's), so the keys lie on it in plain, and who has them opens the roster:
/// `tests/e2e/at_rest.rs` has the TPM2.
fn stolen(card: &Card, clinic: &Clinic, checks: &mut Checks) -> Result<()> {
    let mut needles: Vec<Vec<u8>> =
        clinic.morning.people.iter().map(|person| person.name_zh.clone().into_bytes()).collect();
    for vector in &clinic.vectors()? {
        needles.push(base64::engine::general_purpose::STANDARD.decode(vector)?);
        needles.push(vector.clone().into_bytes());
    }
    needles.retain(|needle| !needle.is_empty());
    // What must be there, so that finding nothing means something.
    let known = b"device = \"box-1\"".to_vec();
    needles.push(known);
    let mut counts = card.holds(&needles)?;
    let control = counts.pop().unwrap_or(0);
    let found: usize = counts.iter().sum();
    let figure = format!(
        "{found} of {} byte strings in any partition (a known one: {control} times)",
        counts.len()
    );
    checks.say("templates and names in the raw card", "0", &figure, found == 0 && control > 0);
    Ok(())
}

/// The box's chain as the server holds it.
fn whole(clinic: &Clinic, cuts: u32, checks: &mut Checks) -> Result<()> {
    let (_, report) = findings_of(&clinic.plan.export(clinic::DEVICE)?)?;
    let lost = report.dropped + report.lost_at_breaks + report.missing_heartbeats;
    let figure = format!(
        "{} messages of {}, receipted to {}, lost {lost}, breaks {}",
        report.messages, report.last_seq, report.receipted_seq, report.breaks
    );
    let holds = report.messages == report.last_seq
        && report.receipted_seq == report.last_seq
        && lost == 0
        && report.breaks == 0;
    checks.say(
        &format!("{cuts} power cuts lose nothing"),
        "every message of the chain, lost 0",
        &figure,
        holds,
    );
    Ok(())
}

/// Signed updates from a stick.
fn updates(
    machine: &mut Machine<'_>,
    good: &Path,
    unhealthy: &Path,
    checks: &mut Checks,
) -> Result<()> {
    let bytes = std::fs::read(good).with_context(|| good.display().to_string())?;
    let mut tampered = bytes.clone();
    // In the middle of the root's picture, far from the signature.
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let truncated = &bytes[..bytes.len() / 3];
    for (what, content) in [("tampered", tampered.as_slice()), ("truncated", truncated)] {
        let stick = machine.stick(content)?;
        let mut guest = machine.start(Some(&stick))?;
        let refused = guest.until(what, LIMIT, |said| {
            said.contains("update refused") || said.contains("is installed")
        });
        let said = guest.said();
        let line = said
            .lines()
            .find(|line| line.contains("update refused"))
            .unwrap_or("installed")
            .trim()
            .to_owned();
        checks.say(
            &format!("a {what} update"),
            "refused",
            &line,
            refused.is_ok() && line.contains("update refused"),
        );
        guest.cut();
    }

    let stick = machine.stick(&bytes)?;
    let mut guest = machine.start(Some(&stick))?;
    // Confirmed is what the boot loader reads: the count of its starts was taken back.
    let confirmed = || {
        let state = machine.card.get("grub/grubenv").unwrap_or_default();
        ["B_OK=1", "B_TRY=0"].iter().all(|line| state.lines().any(|found| found == *line))
    };
    guest.until("the new slot", LIMIT, |said| said.contains(", slot B") && confirmed())?;
    let seconds = guest.started.elapsed().as_secs();
    checks.say(
        "a good update",
        "the other slot, confirmed",
        &format!("slot B confirmed after {seconds} s"),
        true,
    );
    // The stick is still there, and its version is the one that runs.
    guest.until("the same update again", LIMIT, |said| said.contains("is not newer than"))?;
    checks.say("an update that is not newer", "refused", "refused", true);
    guest.cut();

    let stick = machine.stick(&std::fs::read(unhealthy)?)?;
    let mut guest = machine.start(Some(&stick))?;
    let fell_back = guest.until("the fall back", LIMIT * 2, |said| {
        let slots: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split("zaigang: slot ").nth(1))
            .map(|s| &s[..1])
            .collect();
        // Installed out of B into A; A is tried three times; then B again, by the boot loader
        // alone.
        slots.len() >= 5 && slots.ends_with(&["A", "A", "A", "B"])
    });
    let figure = if fell_back.is_ok() { "three starts, then slot B" } else { "did not fall back" };
    checks.say(
        "an update that never gets healthy",
        "falls back by itself",
        figure,
        fell_back.is_ok(),
    );
    fell_back.map(|_| ())
}

/// The card's machine, with a serial log per start.
#[derive(Debug)]
struct Machine<'a> {
    card: &'a Card,
    folder: &'a Path,
    starts: u32,
}

impl Machine<'_> {
    fn start(&mut self, stick: Option<&Path>) -> Result<Guest> {
        self.starts += 1;
        let serial = self.folder.join(format!("serial-{}.log", self.starts));
        Guest::start(self.card, serial, stick)
    }

    /// A stick with the label that updates have, and one file.
    fn stick(&self, content: &[u8]) -> Result<PathBuf> {
        let (path, file) = (self.folder.join("stick.img"), self.folder.join("update.raucb"));
        std::fs::write(&file, content)?;
        let size = content.len() as u64 + (content.len() as u64 / 20) + (8 << 20);
        std::fs::File::create(&path)?.set_len(size.next_multiple_of(1 << 20))?;
        run(Command::new("mkfs.vfat").args(["-n", "ZG-UPDATE"]).arg(&path))?;
        run(Command::new("mcopy").arg("-i").arg(&path).arg(&file).arg("::update.raucb"))?;
        std::fs::remove_file(&file)?;
        Ok(path)
    }
}

/// Short, since every frame is drawn and looked at by an emulated machine.
fn scene_on_the_box() -> Result<Morning> {
    Ok(Morning::named("stranger").context("the bundled scene")??)
}

/// The supervisors' side: server, Mosquitto with TLS and client certificates, and HTTPS.
#[derive(Debug)]
struct Clinic {
    plan: ServerPlan,
    api: Api,
    authority: TestAuthority,
    proxy: Proxy,
    token: String,
    morning: Morning,
    folder: PathBuf,
    _server: Program,
    _broker: Mosquitto,
}

impl Clinic {
    fn open(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut plan = ServerPlan::external(folder, port);
        plan.names.push(HOST.to_owned());
        write!(plan.mqtt, "tls = true\nboxes_host = \"{HOST}\"\nboxes_port = {port}\n")?;
        plan.write()?;
        std::fs::create_dir_all(folder.join("server-data"))?;
        let files = folder.join("broker");
        let listener = format!("{port} 127.0.0.1");
        let written = files.display().to_string();
        plan.command(&[
            "broker-config",
            "--write",
            &written,
            "--host",
            "127.0.0.1",
            "--host",
            HOST,
            "--listener",
            &listener,
        ])?;
        let broker = Mosquitto::with_config(port, &files.join("zaigang.conf"))?;
        let (server, ready) = plan.start(&[])?;
        let api = Api::new(&ready.http);
        let mut morning = Morning::bundled()?;
        for (number, person) in
            morning.people.iter_mut().enumerate().filter(|(_, person)| !person.name_zh.is_empty())
        {
            // The script's own names stand in the program; what is looked for on the card must come
            // from the server alone.
            person.name_zh = format!("受试者第{number}号");
        }
        clinic::register(&api, &morning)?;
        let scene = Scene::drawn(morning.clone(), 1);
        clinic::enrol(&api, &morning, |person, attempt| {
            if attempt == 0 { Ok(scene.enrolment_photo(person)?) } else { Ok(None) }
        })?;
        clinic::declare_sessions(&api, &scene_on_the_box()?)?;
        let token = clinic::register_device(&api, &morning)?;
        let authority = TestAuthority::new(HOST)?;
        let proxy = Proxy::start(&authority, &ready.http)?;
        let folder = folder.to_owned();
        Ok(Self {
            plan,
            api,
            authority,
            proxy,
            token,
            morning,
            folder,
            _server: server,
            _broker: broker,
        })
    }

    /// What an installer saves on the card.
    fn prepare(&self, card: &Card) -> Result<()> {
        let start = scene_on_the_box()?.wall_start;
        card.put("server-ca.pem", &self.authority.pem)?;
        card.put(
            "agent.toml",
            &format!(
                "mode = \"demonstration\"\n[models]\npack = \"avatar\"\n[camera]\nkind = \
                    \"scene\"\nscript = \"stranger\"\nstart = \"{start}\"\n\
                 frame_rate = 1\nspeed = 0\n[vision]\ndetect_side_px = 640\n[health]\nevery_s = 5\n"
            ),
        )?;
        let (port, token) = (self.proxy.port, &self.token);
        card.put(
            "zaigang.toml",
            &format!(
                "# A box of the test.\nserver = \"https://{HOST}:{port}\"\ntoken = \
                    \"{token}\"\nroom = \"room-1\"\n\
                 server_ca = \"server-ca.pem\"\nagent_config = \"agent.toml\"\n"
            ),
        )
    }

    /// The templates that the clinic's boxes get, as another box of the same room reads them.
    fn vectors(&self) -> Result<Vec<String>> {
        let answer =
            self.api.post("devices", &json!({"id": "box-2", "room": self.morning.room}))?;
        let token = answer["provisioning_token"].as_str().context("no token")?.to_owned();
        let dir = self.folder.join("box-2");
        // Here, and so by the address that is the same machine.
        let to = Provisioning { server: self.api.base(), server_ca: None, firmware: "test" };
        let mut identity = provision(to, token, &dir)?;
        "127.0.0.1".clone_into(&mut identity.broker.host);
        let the_box = PlainBox::start(identity, &dir)?;
        until("the roster", || the_box.known(|known| !known.vectors.is_empty()))?;
        let vectors = the_box.known(|known| known.vectors.clone());
        the_box.stop();
        Ok(vectors)
    }

    fn device(&self) -> Option<serde_json::Value> {
        let devices = self.api.get("devices").ok()?;
        devices["devices"].as_array()?.iter().find(|device| device["id"] == clinic::DEVICE).cloned()
    }

    fn registered(&self) -> bool {
        self.device().is_some_and(|device| device["last_seen"].is_string())
    }

    fn outbox_depth(&self) -> Option<u64> {
        self.device()?["outbox_depth"].as_u64()
    }

    /// Messages of the box that are stored without a gap.
    fn stored(&self) -> u64 {
        self.device().and_then(|device| device["contiguous_seq"].as_u64()).unwrap_or(0)
    }

    fn findings(&self) -> u64 {
        self.api
            .get("summary")
            .ok()
            .and_then(|summary| summary["findings_stored"].as_u64())
            .unwrap_or(0)
    }
}
