//! A PostgreSQL without room, on a real file system of a few MiB: first where its tables lie, then
//! where its log lies, which ends it. Each refusal is one line that names the database, no receipt
//! goes out for what is not kept, and it goes on once there is room.
//! Mounting one needs root; without it the test says that it was skipped.

use std::time::{Duration, Instant};

use server::config::Config;
use server::store::StoreError;

use crate::boxes::{TestBox, finding};
use crate::cluster::Cluster;
use crate::full_disk::{SmallDisk, looked_until, posted, until_full};
use crate::house::{Answer, House};
use crate::public::{send, slug, ticket};

const NAME: &str = "supervision";

/// Its tables lie on a disk of a few MiB, its log elsewhere.
fn with_small_tables(test: &str) -> Option<(Cluster, SmallDisk, String)> {
    let cluster = Cluster::start();
    let place = cluster.socket().join("small");
    let disk = SmallDisk::of_mib(64, place.clone(), test)?;
    cluster.give(&place);
    cluster.sql("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.display()));
    cluster.sql("postgres", &format!("CREATE DATABASE {NAME} TABLESPACE small"));
    let url = cluster.url(NAME);
    Some((cluster, disk, url))
}

fn extra(url: &str) -> String {
    format!("[store]\nurl = \"{url}\"\n[public]\nlisten = \"127.0.0.1:0\"\n")
}

/// Another play of these tests gives every house a PostgreSQL of its own already.
fn is_played_elsewhere(test: &str) -> bool {
    let elsewhere = std::env::var_os(crate::cluster::SOCKET).is_some();
    if elsewhere {
        eprintln!("SKIPPED {test}: it makes its own PostgreSQL");
    }
    elsewhere
}

fn names_the_database(text: &str, data: &std::path::Path) {
    assert!(text.contains(NAME) && !text.trim().contains('\n'), "{text}");
    assert!(!text.contains("could not extend"), "a lower layer's words: {text}");
    let here = data.display().to_string();
    assert!(!text.contains(&here), "this machine's folder has room: {text}");
}

fn is_stored(house: &House, n: usize) -> bool {
    house.running().app.store.institution(&format!("more-{n}")).unwrap().is_some()
}

#[test]
fn a_full_database_refuses_in_one_line_and_goes_on() {
    let test = "a_full_database_refuses_in_one_line_and_goes_on";
    if is_played_elsewhere(test) {
        return;
    }
    let Some((_cluster, disk, url)) = with_small_tables(test) else { return };
    let house = House::with(tempfile::tempdir().unwrap(), &extra(&url));
    let data = house.folder.path().join("data");
    let token = house.furnish();
    let mut here = TestBox::provision(&house, &token);
    here.connect();
    assert_eq!(house.page("/readyz").0, 200);
    let slug = slug(&house);

    let mut taken = Vec::new();
    let mut refused_one = 0;
    let refused = until_full("a call", &disk, |n| {
        let answer = posted(&house, n);
        refused_one = n;
        // One that was done and could not be written down counts, too: it is there.
        if answer.status < 300 || answer.status == 503 {
            taken.push(n);
        }
        answer
    });
    let problem = refused.json();
    names_the_database(problem["detail"].as_str().unwrap(), &data);
    let zh = problem["detail_zh"].as_str().unwrap();
    names_the_database(zh, &data);
    let words = zh.replace(NAME, "");
    assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "English in it: {zh}");
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);

    let page = until_full("a page", &disk, |_| {
        house.send_with("GET", "/people", "Accept: text/html\r\n", b"")
    });
    assert!(page.body.contains("<main") && page.body.contains("磁盘已满"), "{}", page.body);
    let said = looked_until(&house, 503, || disk.fill());
    names_the_database(&said, &data);

    let door = until_full("a report", &disk, |n| {
        let (ticket, text) = (ticket(&house, 60), format!("保留我 {n}"));
        let fields = [("i", slug.as_str()), ("ticket", ticket.as_str()), ("allegation", "lending")];
        send(&house, &[&fields[..], &[("text", text.as_str())]].concat(), &[])
    });
    assert!(door.body.contains("没有保存") && !door.body.contains(NAME), "{}", door.body);

    // What a box says meanwhile has a receipt or is not kept; its box says it again.
    let mut said = Vec::new();
    for n in 0..20 {
        disk.fill();
        let (sign, id) = (char::from(b'a' + n % 6), char::from(b'0' + n % 10));
        said.push(here.say(&finding(sign, id, "opened", 1, "LL-1", "LicenseLending", "L1")));
    }
    disk.free();
    assert_eq!(posted(&house, 900).status, 201);
    looked_until(&house, 200, || {});
    for bytes in said {
        here.publish(&here.topic("findings"), &bytes);
    }
    here.receipted(here.seq);
    assert_eq!(house.get("summary")["quarantined"], 0, "the chain has no gap");
    assert!(taken.iter().all(|n| is_stored(&house, *n)), "what was taken is there");
    assert!(!is_stored(&house, refused_one), "what was refused is not");
}

#[test]
fn a_start_on_a_full_database_is_one_line_and_no_set_up_fault() {
    let test = "a_start_on_a_full_database_is_one_line_and_no_set_up_fault";
    if is_played_elsewhere(test) {
        return;
    }
    let Some((_cluster, disk, url)) = with_small_tables(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"master.key\"\n\
        [store]\nurl = \"{url}\"\n[http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nlisten = \
        \"127.0.0.1:0\"\n[models]\npack = \"avatar\"\n"
    );
    let start = || {
        let config = Config::parse(&folder.path().join("z.toml"), &text).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let running = server::run::start(config).await?;
            running.stop().await;
            anyhow::Ok(())
        })
    };
    disk.fill();
    let refused = start().unwrap_err();
    let line = log_lines::one_line(refused.chain());
    names_the_database(&line, &folder.path().join("data"));
    assert!(line.contains("no room"), "{line}");
    let for_ever = |cause: &(dyn std::error::Error + 'static)| {
        cause.is::<server::set_up_fault::SetUpFault>()
            || matches!(cause.downcast_ref(), Some(StoreError::Open { .. }))
    };
    assert!(!refused.chain().any(for_ever), "it would not be started again: {line}");
    disk.free();
    start().unwrap();
}

#[test]
fn a_database_that_its_full_log_ended_keeps_what_was_taken() {
    let test = "a_database_that_its_full_log_ended_keeps_what_was_taken";
    if is_played_elsewhere(test) {
        return;
    }
    let mut small = None;
    let cluster = Cluster::start_with(
        "listen_addresses = ''\nmax_wal_size = 1GB\nmin_wal_size = 2MB\n\
        checkpoint_timeout = 1d\n",
        |cluster| {
            cluster.by("pg_resetwal", &["--wal-segsize=1"]);
            let (log, place) =
                (cluster.socket().join("data/pg_wal"), cluster.socket().join("small"));
            small = SmallDisk::of_mib(24, place.clone(), test);
            if small.is_some() {
                cluster.give(&place);
                let inside = place.join("pg_wal");
                let mut moved = std::process::Command::new("cp");
                assert!(moved.arg("-a").arg(&log).arg(&inside).status().unwrap().success());
                std::fs::remove_dir_all(&log).unwrap();
                std::os::unix::fs::symlink(&inside, &log).unwrap();
            }
        },
    );
    let Some(disk) = small else { return };
    let url = cluster.database(NAME);
    let house = House::with(tempfile::tempdir().unwrap(), &extra(&url));
    let token = house.furnish();
    let mut here = TestBox::provision(&house, &token);
    here.connect();
    disk.fill();
    let (mut taken, mut refused): (Vec<usize>, Vec<(usize, Answer)>) = Default::default();
    let deadline = Instant::now() + Duration::from_mins(5);
    for n in 0.. {
        assert!(Instant::now() < deadline, "its log never filled");
        let answer = posted(&house, n);
        match answer.status {
            201 => taken.push(n),
            503 | 507 => refused.push((n, answer)),
            _ => panic!("{} {}", answer.head, answer.body),
        }
        if refused.len() >= 5 && !cluster.runs() {
            break;
        }
    }
    for (_, answer) in &refused {
        let said = answer.json();
        let zh = said["detail_zh"].as_str().unwrap_or_default();
        let is_named = zh.contains("数据库") || zh.contains("审计日志");
        let is_foreign = zh.replace(NAME, "").contains(|c: char| c.is_ascii_alphabetic());
        assert!(is_named && !is_foreign, "{}", answer.body);
    }
    let said = here.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L1"));
    looked_until(&house, 503, || {});
    let in_a_moment = Instant::now() + Duration::from_millis(300);
    assert!(here.heard_before("receipts", in_a_moment).is_none(), "a receipt for what is not kept");

    disk.free();
    if !cluster.runs() {
        cluster.resume();
    }
    looked_until(&house, 200, || {});
    assert_eq!(posted(&house, 90_000).status, 201);
    here.publish(&here.topic("findings"), &said);
    here.receipted(here.seq);
    assert!(taken.iter().all(|n| is_stored(&house, *n)), "what was taken is there");
    for (n, answer) in &refused {
        let is_denied = answer.status == 507;
        assert!(!is_denied || !is_stored(&house, *n), "{n} was refused and is there");
    }
}
