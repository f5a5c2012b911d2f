//! The demonstration as its user meets it: what it prints, what it ends with, and that nothing of
//! it is left.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use e2e::programs::{end_process, is_running, program, root};
use scene::Morning;
use tempfile::TempDir;

use crate::models::real_pack;

mod over_mosquitto;
mod packs;

/// Generous: a busy machine takes its time to start three programs.
const PATIENCE: Duration = Duration::from_mins(2);

/// Of these tests alone: this one opens a picture at its end.
const PICTURES: &str = "with pictures";

/// A demonstration that runs, with a folder of its own for what is temporary.
struct Demo {
    child: Child,
    temporary: PathBuf,
    out: PathBuf,
}

fn command(temporary: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program("zaigang-demo").unwrap());
    // The browser's part has a test of its own.
    let without = args.contains(&"--once") && !args.contains(&PICTURES);
    command
        .args(args.iter().filter(|a| **a != PICTURES))
        .args(without.then_some("--no-pictures"))
        .current_dir(root())
        .env("TMPDIR", temporary)
        .env("TZ", "UTC")
        .stdin(Stdio::null());
    command
}

impl Demo {
    fn start(temporary: &Path, args: &[&str]) -> Self {
        let out = temporary.join(format!("out-{}", args.join("-").replace('/', "_")));
        let file = File::create(&out).unwrap();
        let child = command(temporary, args)
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, temporary: temporary.to_owned(), out }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Waits until it has said this.
    fn until(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        while !self.said().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it did not say {words:?}:\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.said()
    }

    fn page(&mut self) -> String {
        let said = self.until("page       http://");
        said.lines().find_map(|l| l.strip_prefix("page       http://")).unwrap().trim().to_owned()
    }

    /// Server and box, by their process ids.
    fn programs(&self) -> Vec<u32> {
        let children = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &self.child.id().to_string()])
            .output()
            .unwrap();
        String::from_utf8(children.stdout)
            .unwrap()
            .split_whitespace()
            .map(|pid| pid.parse().unwrap())
            .collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.temporary).unwrap().map(|e| e.unwrap().path());
        entries
            .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("zaigang-demo-"))
            .collect()
    }

    fn signal(&self, which: &str) {
        assert!(
            Command::new("kill")
                .args([which, &self.child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }

    fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it did not end:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        for pid in self.programs().into_iter().chain([self.child.id()]) {
            end_process(pid);
        }
        let _ = self.child.wait();
    }
}

fn gone(pid: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_running(pid) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    !is_running(pid)
}

fn finished(temporary: &TempDir, args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command(temporary.path(), args).output().unwrap();
    (
        status.code(),
        format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)),
    )
}

#[test]
fn a_scene_as_expected_is_told_and_ends_with_0() {
    let temporary = tempfile::tempdir().unwrap();
    let (code, said) = finished(&temporary, &["--once", "--script", "stranger"]);
    assert_eq!(code, Some(0), "{said}");
    let page = said.lines().find_map(|l| l.strip_prefix("page       ")).unwrap();
    // Your time with its zone, the scene's time, the level, plain words, and where to click.
    let alert = said
        .lines()
        .find(|l| l.contains("somebody whom nobody has enrolled worked on the patient for"))
        .unwrap();
    let parts: Vec<_> = alert.split(" · ").collect();
    assert!(
        parts[0].ends_with(" UTC") && parts[1].starts_with("08:3") && parts[2].starts_with('L'),
        "{alert}"
    );
    assert!(parts[4].starts_with(&format!("{page}/alerts/")), "{alert}");
    assert!(said.contains("LL-1 L2            LL-1 L2            as expected"), "{said}");
    assert!(said.contains(&format!("over       the page was {page}")), "{said}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left");
}

#[test]
fn two_custodians_open_a_picture_at_the_end_of_once() {
    let temporary = tempfile::tempdir().unwrap();
    let keep = temporary.path().join("kept");
    let args = ["--once", "--script", "stranger", PICTURES, "--keep", &keep.display().to_string()];
    let (code, said) = finished(&temporary, &args);
    assert_eq!(code, Some(0), "{said}");
    let line = said.lines().find_map(|l| l.strip_prefix("pictures   ")).unwrap();
    let driver = root().join("tests/browser/node_modules/playwright-core").is_dir();
    if !driver || !Path::new("/usr/bin/chromium").is_file() {
        assert!(line.starts_with("not opened: no "), "{said}");
        return;
    }
    assert!(line.starts_with("opened by two custodians in Chromium"), "{said}");
    let picture = image::open(keep.join("opened-picture.png")).unwrap();
    assert!(picture.width() > 800 && picture.height() > 600, "{line}");
}

#[test]
fn a_scene_that_differs_is_shown_and_ends_with_1() {
    let temporary = tempfile::tempdir().unwrap();
    let mut scene = Morning::named("stranger").unwrap().unwrap();
    scene.expected[0].findings[1].2 = "L3".to_owned();
    let file = temporary.path().join("scene.toml");
    fs::write(&file, scene.to_toml().unwrap()).unwrap();
    let (code, said) = finished(&temporary, &["--once", "--script", &file.display().to_string()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("LL-1 L2            LL-1 L2            DIFFERS"), "{said}");
    assert!(said.contains("UQ-1 L3            UQ-1 L2"), "{said}");
}

#[test]
fn a_scene_that_is_over_leaves_the_page_and_a_second_demo_works() {
    let temporary = tempfile::tempdir().unwrap();
    let keep = temporary.path().join("kept").display().to_string();
    // What it has raised when its last picture was shown; the rest comes minutes later.
    let mut scene = Morning::named("stranger").unwrap().unwrap();
    scene.expected[0].findings.remove(0);
    let file = temporary.path().join("scene.toml").display().to_string();
    fs::write(&file, scene.to_toml().unwrap()).unwrap();
    let mut first = Demo::start(temporary.path(), &["--script", &file, "--keep", &keep]);
    let page = first.page();
    first.until(&format!("the server goes on until Ctrl-C: http://{page}"));
    assert!(first.said().contains("as expected"), "{}", first.said());
    TcpStream::connect(&page).unwrap();

    // What is the first one's is refused with its owner's name.
    let owner = format!("process {}, page http://{page}", first.child.id());
    for args in [["--keep", &keep], ["--listen", &page]] {
        let (code, said) = finished(&temporary, &[&args[..], &["--once"]].concat());
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&owner) && said.trim().lines().count() == 1, "{said}");
    }
    // A second one with nothing in common runs beside it.
    let (code, said) = finished(&temporary, &["--script", "stranger", "--once"]);
    assert_eq!(code, Some(0), "{said}");

    let programs = first.programs();
    assert_eq!(programs.len(), 2, "server and box");
    first.signal("-INT");
    assert_eq!(first.code(), Some(130));
    assert!(programs.into_iter().all(gone), "something runs on");
    assert!(TcpStream::connect(&page).is_err());
    assert!(Path::new(&keep).join("server-data").is_dir(), "what was to be kept is gone");
}

#[test]
fn sigterm_in_the_middle_ends_server_broker_and_box() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(temporary.path(), &["--speed", "1"]);
    demo.until("running    ");
    let programs = demo.programs();
    assert_eq!((programs.len(), demo.folders().len()), (2, 1));
    demo.signal("-TERM");
    assert_eq!(demo.code(), Some(143));
    assert!(programs.into_iter().all(gone), "something runs on");
    assert_eq!(demo.folders(), Vec::<PathBuf>::new());
    assert!(demo.said().contains("nothing runs any more"), "{}", demo.said());
}

#[test]
fn a_signal_during_the_start_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(temporary.path(), &[]);
    demo.page();
    let programs = demo.programs();
    demo.signal("-HUP");
    assert_eq!(demo.code(), Some(129), "{}", demo.said());
    assert!(programs.into_iter().all(gone), "something runs on");
    assert_eq!(demo.folders(), Vec::<PathBuf>::new());
}

#[test]
fn a_closed_terminal_ends_the_demo() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = program("zaigang-demo").unwrap();
    let keep = temporary.path().join("kept");
    // A real terminal, which closes with the program that holds it.
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command"])
        .arg(format!("exec '{}' --speed 1 --keep '{}'", demo.display(), keep.display()))
        .arg(temporary.path().join("typescript"))
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let pids = loop {
        let pids = processes_of(&keep);
        if pids.len() == 3 {
            break pids;
        }
        assert!(
            Instant::now() < deadline,
            "{:?}",
            fs::read_to_string(temporary.path().join("typescript"))
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let left: Vec<_> = pids.into_iter().filter(|pid| !gone(*pid)).collect();
    for pid in &left {
        end_process(*pid);
    }
    assert_eq!(left, Vec::<u32>::new(), "these ran on");
}

/// The running programs whose arguments name the folder: demonstration, server, box.
fn processes_of(folder: &Path) -> Vec<u32> {
    let named = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let program = line.split(|b| *b == 0).next().unwrap_or_default();
        let ours = ["zaigang-demo", "zaigang-server", "zaigang-agent"]
            .iter()
            .any(|p| program.ends_with(p.as_bytes()));
        ours && String::from_utf8_lossy(&line).contains(&folder.display().to_string())
    };
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(named).collect()
}

#[test]
fn clean_ends_what_a_killed_demo_left_and_nothing_else() {
    let temporary = tempfile::tempdir().unwrap();
    let mut killed = Demo::start(temporary.path(), &["--speed", "1"]);
    killed.until("running    ");
    let left = killed.programs();
    killed.signal("-KILL");
    killed.code();
    let mut other = Demo::start(temporary.path(), &["--speed", "2"]);
    other.until("running    ");
    assert_eq!(left.iter().filter(|pid| is_running(**pid)).count(), 2, "nothing was left to clean");

    let (code, said) = finished(&temporary, &["clean"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(left.into_iter().all(gone), "{said}");
    assert!(
        said.contains("ended zaigang-server") && said.contains("ended zaigang-agent"),
        "{said}"
    );
    assert!(
        said.contains(&format!("in use by a demonstration (process {}", other.child.id())),
        "{said}"
    );
    assert_eq!(other.folders().len(), 1, "the folder of the running one alone is there");
    assert!(other.programs().into_iter().all(is_running), "the running one was touched");
    other.signal("-TERM");
    other.code();
    assert!(finished(&temporary, &["clean"]).1.contains("nothing was left"));
}

#[test]
fn real_without_photographs_says_in_one_line_what_it_needs() {
    let temporary = tempfile::tempdir().unwrap();
    for photos in ["/nonexistent", temporary.path().to_str().unwrap()] {
        let (code, said) = finished(&temporary, &["--real", "--photos", photos]);
        assert_eq!((code, said.trim().lines().count()), (Some(1), 1), "{said}");
        assert!(said.contains("two people are the least") && said.contains(photos), "{said}");
    }
    let (_, said) = finished(&temporary, &["--real", "--photos", "/nonexistent"]);
    assert!(said.contains("--photos FOLDER"), "{said}");
}

#[test]
fn fewer_than_ten_people_play_what_they_allow() {
    let photographs = root().join("../shared/data/lfw_dev");
    if !photographs.is_dir() || !real_pack() {
        eprintln!("SKIPPED fewer_than_ten_people: real pack or ../shared/data/lfw_dev not found");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let few = temporary.path().join("few");
    fs::create_dir(&few).unwrap();
    let pictures = |p: &PathBuf| fs::read_dir(p).map_or(0, Iterator::count);
    let mut people: Vec<_> =
        fs::read_dir(&photographs).unwrap().map(|e| e.unwrap().path()).collect();
    people.sort();
    let rich = people.iter().filter(|p| pictures(p) > 5).take(1);
    for person in rich.chain(people.iter().filter(|p| pictures(p) == 1).take(1)) {
        let link = few.join(person.file_name().unwrap());
        std::os::unix::fs::symlink(fs::canonicalize(person).unwrap(), link).unwrap();
    }
    let (code, said) =
        finished(&temporary, &["--real", "--once", "--photos", few.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("photographs of 2 people") && said.contains("sessions played: 1 of 4"),
        "{said}"
    );
    assert!(said.contains("NL-1 L3") && said.contains("as expected"), "{said}");
}
