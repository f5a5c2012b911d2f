//! Several servers over one PostgreSQL: one leads, another follows it within ten seconds whether it
//! dies or stands still; a login, a guesser's wait and what changes hold at every server; the
//! database may go away and come back.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::hostile::{User, welcomed};
use e2e::mosquitto::{self, Mosquitto};
use e2e::programs::{Program, ServerReady, program, root};
use e2e::server::{ServerPlan, api, findings_of};

use crate::cluster::Cluster;

const LEADS_WITHIN: Duration = Duration::from_secs(10);

struct Server {
    program: Program,
    ready: ServerReady,
}

impl Server {
    fn metric(&self, name: &str) -> Option<i64> {
        let metrics = Api::new(self.ready.metrics.as_deref()?.trim_end_matches("/metrics"));
        let text = metrics.text("/metrics").ok()?;
        let begin = format!("zaigang_{name}{{instance=\"");
        let line = text.lines().find(|line| line.starts_with(&begin))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    fn leads(&self) -> bool {
        self.metric("leads") == Some(1)
    }

    fn epoch(&self) -> i64 {
        self.metric("lead_epoch").unwrap()
    }

    fn is_ready(&self) -> bool {
        api(&self.ready).text("/readyz").is_ok()
    }
}

struct Stage {
    a: Server,
    b: Server,
    plan: ServerPlan,
    _broker: Mosquitto,
    database: Cluster,
    folder: tempfile::TempDir,
}

impl Stage {
    /// Two servers; the first leads.
    fn new(test: &str, accounts: bool) -> Option<Self> {
        if !mosquitto::installed(test) {
            return None;
        }
        let (database, folder) = (Cluster::start(), tempfile::tempdir().unwrap());
        let broker = Mosquitto::plain(folder.path()).unwrap();
        let mut plan = ServerPlan::external(folder.path(), broker.port);
        plan.mqtt = format!("shared = true\n{}", plan.mqtt);
        plan.more = format!(
            "[store]\nurl = \"{}\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n",
            database.database("shared")
        );
        plan.accounts = accounts;
        let (program, ready) = plan.start(&[]).unwrap();
        let a = Server { program, ready };
        let other = ServerPlan { name: "second".to_owned(), ..plan.clone() };
        let (program, ready) = other.start(&[]).unwrap();
        let b = Server { program, ready };
        let stage = Self { a, b, plan, _broker: broker, database, folder };
        assert!(stage.a.leads() && !stage.b.leads(), "the first server leads at once");
        Some(stage)
    }
}

#[test]
fn a_killed_leader_is_followed_within_ten_seconds() {
    let test = "a_killed_leader_is_followed_within_ten_seconds";
    let Some(mut stage) = Stage::new(test, false) else { return };
    let epoch = stage.b.epoch();
    let page = api(&stage.b.ready).text("/system").unwrap();
    assert!(page.contains("服务器") && page.contains("没有备机"), "{page}");
    stage.a.program.kill().unwrap();
    let killed = Instant::now();
    until("the other server leads", || stage.b.leads()).unwrap();
    assert!(killed.elapsed() < LEADS_WITHIN, "{:?}", killed.elapsed());
    assert_eq!(stage.b.epoch(), epoch + 1);
}

/// Its lock lives on while it stands still: the other one ends its connection. When it goes on it
/// knows that it leads no more, and whatever it had begun is refused (`server store::several`).
#[test]
fn a_leader_that_stands_still_leads_no_more() {
    let test = "a_leader_that_stands_still_leads_no_more";
    let Some(stage) = Stage::new(test, false) else { return };
    let epoch = stage.b.epoch();
    stage.a.program.signal("-STOP").unwrap();
    let stopped = Instant::now();
    until("the other server leads", || stage.b.leads()).unwrap();
    let took = stopped.elapsed();
    stage.a.program.signal("-CONT").unwrap();
    assert!(took < LEADS_WITHIN + Duration::from_secs(2), "{took:?}");
    until("the first answers again", || stage.a.metric("leads").is_some()).unwrap();
    for _ in 0..20 {
        assert!(!stage.a.leads(), "two servers lead");
        assert!(stage.b.leads());
    }
    assert_eq!((stage.a.epoch(), stage.b.epoch()), (epoch + 1, epoch + 1));
}

#[test]
fn a_login_and_a_guessers_wait_hold_at_every_server() {
    let test = "a_login_and_a_guessers_wait_hold_at_every_server";
    let Some(stage) = Stage::new(test, true) else { return };
    let (a, b) = (stage.a.ready.http.as_str(), stage.b.ready.http.as_str());
    let link = stage.folder.path().join("server-data/first-admin-link");
    let link = std::fs::read_to_string(link).unwrap();
    assert!(link.starts_with(a), "the second server's start took the first one's link: {link}");
    let admin = welcomed(a, link.trim().strip_prefix(a).unwrap(), "wang").unwrap();
    let page = admin.at(b).get("/accounts").unwrap();
    assert_eq!(page.status, 200, "the other server does not know the login");
    let guess = |base: &str| {
        User::nobody(base)
            .form("/login", &[("name", "wang"), ("password", "wrong")])
            .unwrap()
            .status
    };
    // On a machine that stalls a wait may end before it is met.
    let waits = (0..5).any(|_| {
        let wrong: Vec<u16> = (0..10).map(|_| guess(a)).collect();
        wrong.contains(&429) && guess(b) == 429
    });
    assert!(waits, "the other server knows nothing of ten wrong passwords");
}

#[test]
fn a_page_at_one_server_hears_of_the_others_change() {
    let test = "a_page_at_one_server_hears_of_the_others_change";
    let Some(stage) = Stage::new(test, false) else { return };
    let (a, b) = (api(&stage.a.ready), api(&stage.b.ready));
    furnish(&a).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = b.listen(0, |event| tell.send((event.name, Instant::now())).is_err());
    });
    let dir = stage.folder.path().join("box");
    let the_box = PlainBox::start(provisioned(&a, "box-1", &dir).unwrap(), &dir).unwrap();
    for number in 1..=2 {
        the_box.raise(number).unwrap();
        the_box.drained().unwrap();
        let receipted = Instant::now();
        let (name, heard) = told.recv_timeout(Duration::from_secs(20)).unwrap();
        let late = heard.saturating_duration_since(receipted);
        assert!(late < Duration::from_secs(2), "{name} came {late:?} after the receipt");
    }
    the_box.stop();
}

#[test]
fn the_database_goes_away_and_comes_back() {
    let test = "the_database_goes_away_and_comes_back";
    let Some(mut stage) = Stage::new(test, false) else { return };
    let api = api(&stage.a.ready);
    furnish(&api).unwrap();
    let dir = stage.folder.path().join("box");
    let the_box = PlainBox::start(provisioned(&api, "box-1", &dir).unwrap(), &dir).unwrap();
    the_box.raise(1).unwrap();
    the_box.drained().unwrap();
    stage.database.pause();
    until("both say so", || !stage.a.is_ready() && !stage.b.is_ready()).unwrap();
    for number in 2..=20 {
        the_box.raise(number).unwrap();
    }
    assert!(stage.a.metric("leads").is_none_or(|leads| leads == 0), "it leads without a seat");
    stage.database.resume();
    until("both are ready again", || stage.a.is_ready() && stage.b.is_ready()).unwrap();
    the_box.drained().unwrap();
    until("one of them leads", || stage.a.leads() != stage.b.leads()).unwrap();
    assert!(
        stage.a.program.ended().unwrap().is_none() && stage.b.program.ended().unwrap().is_none()
    );
    let (stored, _) = findings_of(&stage.plan.export("box-1").unwrap()).unwrap();
    assert_eq!(stored, (1..=20).collect::<Vec<u32>>());
    the_box.stop();
}

/// The whole installation on this machine, and a few of its parts killed, the database's leader
/// among them.
#[test]
fn a_cluster_loses_and_doubles_nothing() {
    let programs = program("zaigang-fleet").unwrap();
    let played = Command::new(root().join("scripts/cluster"))
        .args([
            "--kills",
            "10",
            "--seed",
            "7",
            "--minutes",
            "0.3",
            "--boxes",
            "20",
            "--servers",
            "2",
        ])
        .args(["--finding-every-s", "2", "--json", "--programs"])
        .arg(programs.parent().unwrap_or(Path::new(".")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (said, log) =
        (String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    // 3: nothing is lost, and a time fell short, as on a machine that is busy with other tests.
    assert!(matches!(played.status.code(), Some(0 | 3)), "{:?}\n{said}\n{log}", played.status);
    assert!(said.contains("slowest return of the pages after a failover"), "{said}");
}
