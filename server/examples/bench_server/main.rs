//! `scripts/bench server`: the lists' time with many findings stored against their time with a
//! thousand, as ratios.
//!
//! It fills two folders from a seed, starts the server over each in a process of its own, and asks
//! every list again and again over loopback. Each figure holds or falls short; the exit status is 1
//! where one falls short.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on stops where it stands"
)]

#[path = "../../tests/support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the store")]
mod cluster;
mod flood;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use server::config::Config;
use server::run;
use server::self_check::checklist::Checklist;
use server::self_check::table::{Head, read};
use server::store::{Amount, FaceStore, Store};
use server::vault::Key;

use cluster::Cluster;
use flood::{Boxes, Broker};

const LISTS: [&str; 24] = [
    "/",
    "/?state=all",
    "/?state=dismissed",
    "/?state=open&severity=L3",
    "/?state=all&institution=c-00007",
    "/people",
    "/sessions",
    "/registry?noun=institutions",
    "/registry?noun=people",
    "/registry?noun=rooms",
    "/devices",
    "/audit",
    "/hooks",
    "/api/v1/alerts?limit=50",
    "/api/v1/practitioners?limit=50",
    "/api/v1/sessions?limit=50",
    "/api/v1/summary",
    "/clues",
    "/clues?state=all",
    "/clues?state=rejected",
    "/api/v1/clues?limit=50",
    "/self-checks",
    "/api/v1/self-checks?limit=50",
    "/corrections",
];
/// Shown beside the lists, without a bound: its time grows with the days that are asked for.
const FIGURES: &str = "/figures";
const RATIO_PPM: u64 = 2_000_000;
const MEMORY_KIB: u64 = 300 * 1024;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Parser)]
struct Args {
    /// Where the houses' stores are kept; a PostgreSQL of this run's own
    #[arg(long, value_enum, default_value = "sqlite")]
    store: Engine,
    /// Findings stored in the large house
    #[arg(long, default_value_t = 1_000_000)]
    findings: i64,
    #[arg(long, default_value_t = 2_000)]
    institutions: i64,
    #[arg(long, default_value_t = 20_000)]
    people: i64,
    #[arg(long, default_value_t = 1)]
    seed: i64,
    /// Clues stored in the large house; a hundredth of them in the small one
    #[arg(long, default_value_t = 100_000)]
    clues: i64,
    /// Requests per list
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    #[arg(long)]
    json: bool,
    /// Only starts the server over this folder; what the measurement calls itself with
    #[arg(long, hide = true)]
    serve: Option<std::path::PathBuf>,
    #[arg(long, hide = true)]
    broker: Option<u16>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(folder) = &args.serve {
        serve(folder, args.broker);
        return ExitCode::SUCCESS;
    }
    measure(&args)
}

/// In a house's folder: the address of its store, where that is no file of the folder.
const STORE: &str = "store-url";

/// Without a port of a broker, the embedded one.
fn config(folder: &Path, broker: Option<u16>) -> Config {
    let store = std::fs::read_to_string(folder.join(STORE))
        .map_or_else(|_| String::new(), |url| format!("[store]\nurl = \"{url}\"\n"));
    let mqtt = broker.map_or("listen = \"127.0.0.1:0\"".to_owned(), |port| {
        format!("broker = \"external\"\nhost = \"127.0.0.1\"\nport = {port}")
    });
    let text = format!(
        "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
            \"master.key\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [mqtt]\n{mqtt}\n[models]\npack = \"avatar\"\n{store}"
    );
    Config::parse(&folder.join("z.toml"), &text).unwrap()
}

/// Runs until its standard input is closed.
fn serve(folder: &Path, broker: Option<u16>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let running = runtime.block_on(run::start(config(folder, broker))).unwrap();
    println!("{}", running.ready.http);
    let mut end = String::new();
    let _ = std::io::stdin().read_to_string(&mut end);
    runtime.block_on(running.stop());
}

/// One question: the lists read none.
fn checklist() -> Checklist {
    let head = Head {
        code: "bench".to_owned(),
        version: 1,
        jurisdiction: String::new(),
        title: "bench".to_owned(),
        effective_from: server::clock::today(),
    };
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let rows = [(1, row(["type", "name", "label"])), (2, row(["integer", "q", "?"]))];
    read(head, &rows).unwrap()
}

/// One server over one folder.
struct House {
    folder: tempfile::TempDir,
    process: Child,
    address: String,
}

impl House {
    /// `of`: a PostgreSQL, and the name of the house's database there.
    fn new(amount: &Amount, clues: i64, broker: Option<u16>, of: Option<(&Cluster, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some((cluster, name)) = of {
            std::fs::write(folder.path().join(STORE), cluster.database(name)).unwrap();
        }
        let config = config(folder.path(), broker);
        std::fs::create_dir_all(&config.data_dir).unwrap();
        let store = Store::open(&config.store).unwrap();
        store.fill(amount).unwrap();
        store.fill_clues(clues, amount.institutions).unwrap();
        let now = server::clock::At::now();
        store.put_checklist(&checklist(), "bench", now).unwrap();
        store.open_due_self_checks(server::clock::today(), now).unwrap();
        let faces =
            FaceStore::open(&config.store, Key::master(&config.master_key_file).unwrap()).unwrap();
        faces.fill(amount.people, amount.institutions).unwrap();
        drop((store, faces));
        if let Some((cluster, name)) = of {
            // What autovacuum does within a minute: a house that grew over years has been counted.
            cluster.sql(name, "VACUUM ANALYZE");
        }
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .arg(folder.path())
            .args(broker.map(|port| format!("--broker={port}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let mut byte = [0];
        while process.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            address.push(char::from(byte[0]));
        }
        let address = address.strip_prefix("http://").unwrap().to_owned();
        let house = Self { folder, process, address };
        house.wait_until_judged();
        house
    }

    fn store(&self) -> Store {
        Store::open(&config(self.folder.path(), None).store).unwrap()
    }

    /// The rules across days ask about every institution once after a start: that is given a
    /// minute, then the lists are measured beside it.
    fn wait_until_judged(&self) {
        let store = self.store();
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut calm = 0;
        while calm < 3 && Instant::now() < deadline {
            calm = if store.left_to_judge().unwrap() == 0 { calm + 1 } else { 0 };
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// A number of the server's summary.
    fn counted(&self, name: &str) -> u64 {
        let (_, answer) = self.answer("/api/v1/summary");
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        serde_json::from_str::<serde_json::Value>(body).unwrap()[name].as_u64().unwrap()
    }

    fn wait_for(&self, name: &str, least: u64) {
        let deadline = Instant::now() + Duration::from_mins(5);
        while self.counted(name) < least {
            assert!(Instant::now() < deadline, "{name} stays below {least}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn ask(&self, path: &str) -> u64 {
        self.answer(path).0
    }

    /// The time in microseconds, and the answer.
    fn answer(&self, path: &str) -> (u64, String) {
        let began = Instant::now();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{path}: {}",
            String::from_utf8_lossy(&answer[..answer.len().min(300)])
        );
        (began.elapsed().as_micros() as u64, String::from_utf8_lossy(&answer).into_owned())
    }

    fn p95_us(&self, path: &str, rounds: usize) -> u64 {
        p95((0..rounds).map(|_| self.ask(path)).collect())
    }

    fn memory_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Both houses are asked in turn, so that what else the machine does falls on both.
fn p95_of_both(small: &House, large: &House, path: &str, rounds: usize) -> (u64, u64) {
    for house in [small, large, small, large] {
        house.ask(path);
    }
    let (few, many) = (0..rounds).map(|_| (small.ask(path), large.ask(path))).unzip();
    (p95(few), p95(many))
}

fn p95(mut times_us: Vec<u64>) -> u64 {
    times_us.sort_unstable();
    times_us[(times_us.len() * 95).div_ceil(100) - 1]
}

/// One line of the result.
struct Line {
    name: String,
    small_us: u64,
    large_us: u64,
    ppm: u64,
    bound: Option<u64>,
}

impl Line {
    fn ratio(name: &str, small_us: u64, large_us: u64, bound: Option<u64>) -> Self {
        Self {
            name: name.to_owned(),
            small_us,
            large_us,
            ppm: large_us * 1_000_000 / small_us.max(1),
            bound,
        }
    }

    fn verdict(&self) -> &'static str {
        match self.bound {
            None => "not bounded",
            Some(bound) if self.ppm <= bound => "holds",
            Some(_) => "falls short",
        }
    }
}

fn measure(args: &Args) -> ExitCode {
    let newest_ms = jiff::Timestamp::now().as_millisecond();
    let large = Amount {
        seed: args.seed,
        from: 0,
        findings: args.findings,
        institutions: args.institutions,
        people: args.people,
        newest_ms,
    };
    let small = Amount {
        findings: 1000,
        institutions: (args.institutions / 20).max(60),
        people: (args.people / 20).max(60),
        ..large
    };
    let filling = Instant::now();
    let broker = Broker::start();
    let cluster = (args.store == Engine::Postgres)
        .then(|| Cluster::start_with("listen_addresses = ''\nautovacuum = on\n", |_| ()));
    let of = |name| cluster.as_ref().map(|cluster| (cluster, name));
    let (small, house) = (
        House::new(&small, args.clues / 100, None, of("small")),
        House::new(&large, args.clues, Some(broker.port), of("large")),
    );
    eprintln!("filled and started in {} s", filling.elapsed().as_secs());
    let mut lines = Vec::new();
    for path in LISTS.into_iter().chain([FIGURES]) {
        let bound = (path != FIGURES).then_some(RATIO_PPM);
        let (few_us, many_us) = p95_of_both(&small, &house, path, args.rounds);
        let line = Line::ratio(path, few_us, many_us, bound);
        say(args, &line);
        lines.push(line);
    }
    let line = while_ingesting(&house, &broker, args.rounds);
    say(args, &line);
    lines.push(line);
    let memory = house.memory_kib();
    let fits = memory <= MEMORY_KIB;
    let short = lines.iter().filter(|l| l.verdict() == "falls short").count() + usize::from(!fits);
    if args.json {
        let rows: Vec<_> = lines
            .iter()
            .map(|l| {
                serde_json::json!({"name": l.name, "small_p95_us": l.small_us,
                "large_p95_us": l.large_us, "ratio_ppm": l.ppm, "verdict": l.verdict()})
            })
            .collect();
        println!(
            "{}",
            serde_json::json!({"findings": args.findings, "institutions": args.institutions,
                "people": args.people, "seed": args.seed, "rounds": args.rounds,
            "optimised": !cfg!(debug_assertions), "lists": rows, "memory_kib": memory,
                "memory": if fits { "holds" } else { "falls short" }, "falls_short": short})
        );
    } else {
        println!(
            "memory of the large house  {} MiB of at most 300  {}",
            memory / 1024,
            if fits { "holds" } else { "falls short" }
        );
        println!("{short} fall short");
    }
    if short == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn say(args: &Args, line: &Line) {
    if !args.json {
        let ratio = format!("{}.{:02}", line.ppm / 1_000_000, line.ppm % 1_000_000 / 10_000);
        println!(
            "{:<44} p95 {:>7} us -> {:>7} us  x{ratio}  {}",
            line.name,
            line.small_us,
            line.large_us,
            line.verdict()
        );
    }
}

/// Findings of one rush; the inbox is asked from the first hundredth of them to the last fifth.
const RUSH: u64 = 100_000;

/// The inbox's time while the server ingests as fast as it can against its time when nothing comes:
/// three of each in turn, and the pair in the middle.
fn while_ingesting(house: &House, broker: &Broker, rounds: usize) -> Line {
    let mut boxes = Boxes::register(&house.address, broker.port);
    let mut pairs = Vec::new();
    for _ in 0..3 {
        let idle = house.p95_us("/", rounds);
        let (stored, shown) =
            (house.counted("messages_stored"), house.counted("finding_steps_stored"));
        boxes.flood(RUSH as usize, &house.process);
        house.wait_for("messages_stored", stored + RUSH / 100);
        let (began, mut times_us) = (Instant::now(), Vec::new());
        while house.counted("messages_stored") < stored + RUSH - RUSH / 5 {
            times_us.extend((0..10).map(|_| house.ask("/")));
        }
        let (asked, took_ms) = (times_us.len(), began.elapsed().as_millis());
        assert!(asked >= rounds, "the rush was over after {asked} questions: too few to speak of");
        house.wait_for("finding_steps_stored", shown + RUSH);
        let all_ms = began.elapsed().as_millis();
        eprintln!(
            "the inbox asked {asked} times in {took_ms} ms, {RUSH} findings on the pages after \
            {all_ms} ms"
        );
        pairs.push((idle, p95(times_us)));
    }
    pairs.sort_by_key(|(idle, busy)| busy * 1000 / idle.max(&1));
    let (idle, busy) = pairs[1];
    Line::ratio("/ while findings are ingested at full speed", idle, busy, Some(RATIO_PPM))
}
