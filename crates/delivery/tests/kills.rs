//! The box's process is killed: in every named state of the outbox, and at random. Whatever it had
//! said it raised is stored exactly once and in order, and the chain is whole.
//!
//! The box runs as a process of its own (this test program again), against a real Mosquitto and the
//! small server side of `support`. `ZAIGANG_TORTURE_KILLS` sets the number of random kills (200),
//! `ZAIGANG_TORTURE_SEED` their times.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: its helpers fail the test"
)]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use delivery::fail_points::STATES;
use delivery::identity::BoxIdentity;
use delivery::mqtt;
use delivery::outbox::{Outbox, OutboxError, OutboxOptions};
use delivery::testing::FaultOutcome;
use protocol::up::{HealthReport, Up};
use support::{Mosquitto, ServerSide, Stored, TestBox, box_settings, numbered_finding, stamp};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};

const SIGKILL: i32 = 9;

/// Not a test: the box's life, when started as a child with `ZAIGANG_TEST_BOX` set.
#[test]
fn box_process() {
    let Ok(dir) = std::env::var("ZAIGANG_TEST_BOX") else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(live(Path::new(&dir)));
}

async fn live(dir: &Path) {
    let identity = BoxIdentity::load(dir).unwrap();
    let small = std::env::var("ZAIGANG_TEST_SMALL").is_ok();
    let options = if small {
        OutboxOptions { reserve_bytes: 32 << 10, max_bytes: 160 << 10, vfs: None }
    } else {
        OutboxOptions { reserve_bytes: 0, ..OutboxOptions::default() }
    };
    let outbox =
        Outbox::open_with(dir, identity.signing.clone(), identity.device.clone(), options).unwrap();
    let (to_engine, _from_server) = mpsc::channel(10);
    let (stop, stopped) = watch::channel(false);
    let settings = box_settings(identity);
    let mut changes = settings.stats.changes();
    // The full disk is about the time before the link is back.
    let link =
        (!small).then(|| tokio::spawn(mqtt::run(settings, outbox.clone(), to_engine, stopped)));
    let mut log =
        OpenOptions::new().create(true).append(true).open(dir.join("raised.log")).unwrap();
    // Never used twice, also where a finding was written but not yet promised.
    let first = outbox.boot().boot_count as u32 * 1000;
    let count: u32 = std::env::var("ZAIGANG_TEST_COUNT").map_or(8, |text| text.parse().unwrap());
    for number in first..first + count {
        for _ in 0..if small { 6 } else { 1 } {
            match outbox.append(stamp(&outbox), Up::Health(HealthReport::default())) {
                Ok(_) | Err(OutboxError::Full) => {}
                Err(error) => panic!("{error}"),
            }
        }
        if outbox.append(stamp(&outbox), numbered_finding(number)).is_ok() {
            // The promise: from here on it must not be lost.
            // One write: a kill between the digits and the line's end would join two promises into
            // one number.
            log.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        // Whoever is about to kill this process counts these lines; afterwards nobody reads them.
        let _ = writeln!(std::io::stdout(), "raised {number}");
        if link.is_some() {
            at_most(WAITING, &outbox, &mut changes, Duration::MAX).await;
        }
    }
    if let Some(link) = link {
        at_most(0, &outbox, &mut changes, DRAINED_WITHIN).await;
        assert_eq!(outbox.stats().unwrap().depth, 0, "not drained within {DRAINED_WITHIN:?}");
        stop.send(true).unwrap();
        link.await.unwrap();
    }
}

/// Thousands of kills leave thousands of rows, and each is deleted on a disk that others use too.
const DRAINED_WITHIN: Duration = Duration::from_mins(10);

/// Findings that the box raises ahead of the receipts.
const WAITING: u64 = 16;

/// Waits for receipts until so few rows are left, or for as long as that.
async fn at_most(rows: u64, outbox: &Outbox, changes: &mut watch::Receiver<u64>, limit: Duration) {
    let fewer = async {
        loop {
            changes.borrow_and_update();
            if outbox.stats().unwrap().depth <= rows || changes.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(limit, fewer).await;
}

struct Arena {
    the_box: TestBox,
    dir: PathBuf,
    broker: Mosquitto,
    server: tokio::task::JoinHandle<()>,
    _temp: tempfile::TempDir,
}

impl Arena {
    fn new(test: &str) -> Option<Self> {
        let temp = tempfile::tempdir().unwrap();
        let broker = Mosquitto::start(temp.path(), test)?;
        let the_box = TestBox::new(temp.path(), broker.port);
        let dir = temp.path().join("box");
        the_box.write_to(&dir);
        let server = tokio::spawn(ServerSide::serve(the_box.server.clone(), broker.line()));
        Some(Self { the_box, dir, broker, server, _temp: temp })
    }

    fn start(&self, settings: &[(&str, &str)]) -> Child {
        self.spawn(settings, Stdio::null())
    }

    /// What it says of each finding is heard by [`raised`].
    fn start_heard(&self, settings: &[(&str, &str)]) -> Child {
        self.spawn(settings, Stdio::piped())
    }

    fn spawn(&self, settings: &[(&str, &str)], said: Stdio) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "box_process", "--nocapture"])
            .env("ZAIGANG_TEST_BOX", &self.dir)
            .envs(settings.iter().copied())
            .stdout(said)
            .stderr(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(self.dir.join("stderr.log"))
                    .unwrap(),
            )
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Lets a box live without a fault until its outbox is empty.
    async fn drain(&self) {
        let code = finish(self.start(&[("ZAIGANG_TEST_COUNT", "1")])).await;
        let said = || fs::read_to_string(self.dir.join("stderr.log")).unwrap();
        assert_eq!(code, Some(0), "the box does not live: {}", said());
    }

    fn promised(&self) -> BTreeSet<u32> {
        let log = fs::read_to_string(self.dir.join("raised.log")).unwrap_or_default();
        log.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// What was promised is stored, once, in one whole chain.
    fn verdict(&self, fault: &str, times: u64) -> FaultOutcome {
        let stored = self.the_box.server.stored.lock().unwrap();
        let mut outcome = FaultOutcome::of(fault, times, &self.promised(), &stored.findings());
        outcome.chain = chain_fault(&stored);
        outcome
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.server.abort();
        self.broker.kill();
    }
}

/// Every sequence stored, declared dropped, or below a declared break.
fn chain_fault(stored: &Stored) -> Option<String> {
    let mut known = stored.hashes.clone();
    let mut last_break = 0;
    for body in stored.by_event.values() {
        match &body.payload {
            Up::Dropped(report) => {
                known.extend(report.rows.iter().map(|row| (row.seq, row.hash.clone())));
            }
            Up::ChainBreak(_) => last_break = last_break.max(body.seq),
            _ => {}
        }
    }
    let top = known.keys().next_back().copied().unwrap_or(0);
    for seq in last_break + 1..=top {
        if !known.contains_key(&seq) {
            return Some(format!("sequence {seq} is missing"));
        }
    }
    for body in stored.by_event.values().filter(|body| body.seq > last_break + 1) {
        if known.get(&(body.seq - 1)) != Some(&body.prev) {
            return Some(format!("sequence {} does not name its predecessor", body.seq));
        }
    }
    None
}

/// The exit code; `None` for a process that was killed.
async fn finish(mut child: Child) -> Option<i32> {
    let status = tokio::time::timeout(2 * DRAINED_WITHIN, child.wait())
        .await
        .expect("a box process hangs")
        .unwrap();
    assert!(status.signal().is_none_or(|signal| signal == SIGKILL), "{status}");
    status.code()
}

/// Waits until the box has raised so many findings, or has ended.
async fn raised(child: &mut Child, count: u64) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while seen < count
        && let Some(line) = lines.next_line().await.unwrap()
    {
        seen += u64::from(line.contains("raised "));
    }
}

/// States of the ordinary life; those of the full disk and the torn database have tests of their
/// own.
fn ordinary(state: &&str) -> bool {
    !state.starts_with("drop.") && !state.starts_with("reserve.") && !state.starts_with("aside.")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_every_state_loses_and_doubles_nothing() {
    let Some(arena) = Arena::new("a_kill_in_every_state_loses_and_doubles_nothing") else { return };
    let mut killed = 0;
    for state in STATES.iter().copied().filter(ordinary) {
        for time in [1, 2, 5] {
            let at = format!("{state}:{time}");
            let child = arena.start(&[("ZAIGANG_KILL_AT", &at)]);
            let code = finish(child).await;
            assert!(code.is_none() || code == Some(0), "{at}: exit {code:?}");
            killed += u64::from(code.is_none());
            assert!(code.is_none() || time > 1, "the state {state} was never reached");
        }
    }
    arena.drain().await;
    let verdict = arena.verdict("box: SIGKILL in every state of the outbox", killed);
    assert!(verdict.print(), "{}", arena.dir.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_the_full_disk_is_being_mended_loses_no_finding() {
    for state in ["drop.rows_deleted", "drop.committed", "reserve.released"] {
        let Some(arena) = Arena::new("a_kill_while_the_full_disk_is_being_mended_loses_no_finding")
        else {
            return;
        };
        let at = format!("{state}:1");
        let full = [("ZAIGANG_TEST_SMALL", "1"), ("ZAIGANG_TEST_COUNT", "120")];
        let code = finish(arena.start(&[full[0], full[1], ("ZAIGANG_KILL_AT", &at)])).await;
        assert_eq!(code, None, "the state {state} was never reached");
        arena.drain().await;
        assert!(arena.verdict(&format!("box: SIGKILL on a full disk, {state}"), 1).print());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_while_a_torn_database_is_replaced_loses_nothing() {
    for (state, times) in [
        ("aside.new_database", 1),
        ("aside.rows_moved", 1),
        ("aside.renamed", 1),
        ("aside.renamed", 2),
    ] {
        let Some(arena) = Arena::new("a_kill_while_a_torn_database_is_replaced") else { return };
        // Rows on disk, none delivered; then an index is torn: every row can still be read.
        let wait = [("ZAIGANG_TEST_SMALL", "1"), ("ZAIGANG_TEST_COUNT", "6")];
        assert_eq!(finish(arena.start(&wait)).await, Some(0));
        tear_index(&arena.dir.join("outbox.db"));
        let at = format!("{state}:{times}");
        let code = finish(arena.start(&[("ZAIGANG_KILL_AT", &at)])).await;
        if times == 1 {
            assert_eq!(code, None, "the state {state} was never reached");
        }
        arena.drain().await;
        assert!(arena.verdict(&format!("box: torn database, SIGKILL at {at}"), 1).print());
        let stored = arena.the_box.server.stored.lock().unwrap();
        assert!(
            stored.by_event.values().any(|body| matches!(body.payload, Up::ChainBreak(_))),
            "no break record"
        );
    }
}

/// Overwrites the root page of the lane index: the integrity check fails, the table itself is
/// whole.
fn tear_index(path: &Path) {
    let root: i64 = {
        let db = rusqlite::Connection::open(path).unwrap();
        db.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'outbox_lane'", [], |row| {
            row.get(0)
        })
        .unwrap()
    };
    let mut bytes = fs::read(path).unwrap();
    let at = (root as usize - 1) * 4096;
    bytes[at..at + 4096].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_kills_lose_and_double_nothing() {
    let Some(mut arena) = Arena::new("random_kills_lose_and_double_nothing") else { return };
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let kills = number("ZAIGANG_TORTURE_KILLS", 200);
    let seed = number("ZAIGANG_TORTURE_SEED", 1);
    let mut dice = seed;
    for kill in 0..kills {
        let mut child = arena.start_heard(&[("ZAIGANG_TEST_COUNT", "500")]);
        // In the middle of whatever it does then: its disk, its link and this test go on side by
        // side.
        raised(&mut child, delivery::outbox::plan::spread(20, 1000, &mut dice)).await;
        child.kill().await.unwrap();
        if kill % 50 == 49 {
            // The broker with all its sessions, too.
            arena.broker.kill();
            arena.broker.resume();
        }
    }
    arena.drain().await;
    let verdict = arena.verdict(&format!("box: SIGKILL at random, seed {seed}"), kills);
    assert!(verdict.print(), "{}", arena.dir.display());
}
