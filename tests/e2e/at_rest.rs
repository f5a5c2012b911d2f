//! A stolen disk: what the box keeps, read without the board. The TPM2 is swtpm, spoken to by
//! systemd's own systemd-creds; where PID 1 hands the key over on a box, the test does it with the
//! same program. Agent, server and everything on the disk are real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::boxes::{PlainBox, provisioned, until};
use e2e::morning::{ANY_PORT, MorningSettings, start_server};
use e2e::mosquitto::free_port;
use e2e::programs::Program;
use e2e::{api::Api, clinic};
use scene::{Morning, Scene};

/// A TPM2 in software on two ports of its own.
struct Tpm {
    child: Child,
    device: String,
}

impl Tpm {
    /// `None`, said by name, where Debian's packages for it are not installed.
    fn start(state: &Path, test: &str) -> Option<Self> {
        let tools = ["/usr/bin/swtpm", "/usr/bin/systemd-creds"]
            .iter()
            .find(|tool| !Path::new(tool).exists());
        if let Some(tool) = tools {
            eprintln!(
                "SKIPPED {test}: {tool} not found (apt-get install swtpm systemd \
                libtss2-tcti-swtpm0)"
            );
            return None;
        }
        fs::create_dir_all(state).unwrap();
        // The client takes the port after it for control; somebody else may have that one.
        for _ in 0..20 {
            let port = free_port().unwrap();
            let mut child = Command::new("swtpm")
                .args(["socket", "--tpm2", "--tpmstate", &format!("dir={}", state.display())])
                .args(["--server", &format!("type=tcp,port={port},disconnect")])
                .args([
                    "--ctrl",
                    &format!("type=tcp,port={}", port + 1),
                    "--flags",
                    "not-need-init,startup-clear",
                ])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let began = std::time::Instant::now();
            while child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(20) {
                if std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
                    return Some(Self {
                        child,
                        device: format!("swtpm:host=127.0.0.1,port={port}"),
                    });
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("swtpm does not start");
    }

    fn creds(&self, arguments: &[&str]) -> Result<(), String> {
        let output = Command::new("systemd-creds")
            .arg(format!("--tpm2-device={}", self.device))
            .arg("--name=zaigang.kek")
            .args(arguments)
            .output()
            .unwrap();
        output
            .status
            .success()
            .then_some(())
            .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file under a folder, whole.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn times(files: &[(PathBuf, Vec<u8>)], needle: &[u8]) -> usize {
    files.iter().map(|(_, bytes)| memchr::memmem::find_iter(bytes, needle).count()).sum()
}

#[test]
fn a_stolen_disk_opens_no_template_where_the_board_has_a_tpm() {
    let folder = tempfile::tempdir().unwrap();
    let test = "a_stolen_disk_opens_no_template_where_the_board_has_a_tpm";
    let Some(tpm) = Tpm::start(&folder.path().join("tpm"), test) else { return };
    // The disk, and beside it what only lives in memory.
    let (disk, memory) = (folder.path().join("disk"), folder.path().join("memory"));
    fs::create_dir_all(&disk).unwrap();
    fs::create_dir_all(&memory).unwrap();
    let (raw, sealed) = (memory.join("raw"), disk.join("zaigang.kek"));
    let mut key = [0; 32];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut key).unwrap();
    fs::write(&raw, STANDARD.encode(key)).unwrap();
    // As hardware/image/root/usr/lib/zaigang/board-key does.
    tpm.creds(&["encrypt", "--with-key=tpm2", raw.to_str().unwrap(), sealed.to_str().unwrap()])
        .unwrap();
    fs::remove_file(&raw).unwrap();
    let opened = memory.join("zaigang.kek");
    tpm.creds(&["decrypt", sealed.to_str().unwrap(), opened.to_str().unwrap()]).unwrap();

    let (_server, ready) =
        start_server(folder.path(), &MorningSettings::drawn_once(), ANY_PORT).unwrap();
    let api = Api::new(&ready.http);
    let morning = Morning::bundled().unwrap();
    clinic::register(&api, &morning).unwrap();
    let scene = Scene::drawn(morning.clone(), 1);
    clinic::enrol(&api, &morning, |person, n| {
        Ok(if n == 0 { scene.enrolment_photo(person)? } else { None })
    })
    .unwrap();
    let token = clinic::register_device(&api, &morning).unwrap();
    let (state, config) = (disk.join("state"), disk.join("agent.toml"));
    fs::write(
        &config,
        "mode = \"demonstration\"\nstate_dir = \"state\"\n[models]\npack = \
            \"avatar\"\n[camera]\nkind = \"scene\"\nspeed = 0\n\
         [vision]\ndetect_side_px = 1280\n[health]\nevery_s = 1\n",
    )
    .unwrap();
    let given = [("CREDENTIALS_DIRECTORY", memory.to_str().unwrap())];
    let config_name = config.display().to_string();
    let args = ["provision", "--server", &ready.http, "--token", &token, "--config", &config_name];
    let mut provision = Program::start_with("zaigang-agent", args, folder.path(), &given).unwrap();
    assert!(
        provision.wait(Duration::from_mins(1)).unwrap().unwrap().success(),
        "{}",
        provision.log_tail()
    );
    let run = ["run", "--config", &config_name];
    let mut agent = Program::start_with("zaigang-agent", run, folder.path(), &given).unwrap();
    until("the box has its roster and has looked", || {
        agent.ended().unwrap().is_none()
            && state.join("knowledge").is_dir()
            && files(&state.join("knowledge"))
                .iter()
                .any(|(path, _)| path.to_string_lossy().contains("roster"))
            && api.get("summary").is_ok_and(|summary| summary["findings_stored"].as_u64() > Some(0))
    })
    .unwrap();
    agent.kill().unwrap();

    // A second box of the same room says what the templates are.
    let dir = folder.path().join("box-2");
    let identity = provisioned(&api, "box-2", &dir).unwrap();
    let other = PlainBox::start(identity, &dir).unwrap();
    until("the roster", || other.known(|known| !known.vectors.is_empty())).unwrap();
    let vectors = other.known(|known| known.vectors.clone());
    other.stop();

    // Every file of the disk, and systemd's own secret, which lies on it too.
    let mut stolen = files(&disk);
    if let Ok(secret) = fs::read("/var/lib/systemd/credential.secret") {
        stolen.push(("credential.secret".into(), secret));
    }
    assert!(times(&stolen, b"device = \"box-1\"") > 0, "the search finds what is there");
    for person in morning.people.iter().filter(|person| !person.name_zh.is_empty()) {
        assert_eq!(times(&stolen, person.name_zh.as_bytes()), 0, "the name of {}", person.id);
    }
    for vector in &vectors {
        assert_eq!(times(&stolen, vector.as_bytes()), 0, "a template, as text");
        assert_eq!(times(&stolen, &STANDARD.decode(vector).unwrap()), 0, "a template");
    }
    assert_eq!(
        times(&stolen, &key) + times(&stolen, STANDARD.encode(key).as_bytes()),
        0,
        "the board's key"
    );
    for name in ["signing.key", "sealing.key", "observations/observations.key"] {
        let text = fs::read_to_string(state.join(name)).unwrap();
        assert!(trust::board_key::is_sealed(&text), "{name} is plain");
    }

    // On another board neither systemd opens the credential nor the agent its keys.
    let thief = Tpm::start(&folder.path().join("thief"), test).unwrap();
    let loot = folder.path().join("loot");
    assert!(thief.creds(&["decrypt", sealed.to_str().unwrap(), loot.to_str().unwrap()]).is_err());
    assert!(!loot.exists());
    let mut without = Program::start("zaigang-agent", run, folder.path()).unwrap();
    assert!(!without.wait(Duration::from_mins(1)).unwrap().unwrap().success());
    assert!(
        without.log_text().contains("sealed under the key of the board"),
        "{}",
        without.log_tail()
    );
}
