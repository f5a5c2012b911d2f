//! Nobody fills or stops the house: floods of posts, of guesses, of findings, of readers, each
//! against its bound.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::access::Role;
use server::store::Store;

use crate::access::{ask, guarded, login, token};
use crate::boxes::{TestBox, WAIT, finding, health};
use crate::house::{Answer, House, store_of};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const METRICS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
const RIGHT: &[u8] = b"name=wang&password=correct+horse+battery";
const WRONG: &[u8] = b"name=wang&password=guess";
const WELCOME: &[u8] = b"name=wang&display=Wang&password=correct+horse+battery";

fn with(extra: &str) -> House {
    House::with(tempfile::tempdir().unwrap(), extra)
}

/// Makes the account `wang` by the first administrator's link.
fn wang(house: &House) {
    let path = house.first_admin_path();
    let made = house.send_with("POST", &path, FORM, WELCOME);
    assert_eq!(made.status, 303, "{}", made.body);
}

/// A login by a browser at `source`, as the proxy before the server says.
fn log_in(house: &House, source: &str, cookie: &str, body: &[u8]) -> Answer {
    let headers = format!("{FORM}X-Forwarded-For: {source}\r\nCookie: {cookie}\r\n");
    house.send_with("POST", "/login?lang=en", &headers, body)
}

/// Whether guesses at one source make the right password wait that comes from `source` with
/// `cookie`. On a machine that stalls a wait may end before it is met.
fn waits(house: &House, guesser: &str, source: &str, cookie: &str) -> bool {
    (0..5).any(|_| {
        (0..8).for_each(|_| drop(log_in(house, guesser, "", WRONG)));
        log_in(house, source, cookie, RIGHT).status == 429
    })
}

/// `count` posts by eight connections at once; gives the answers.
fn flood(house: &House, count: usize, post: impl Fn(&House) -> Answer + Sync) -> Vec<Answer> {
    let left = std::sync::atomic::AtomicUsize::new(count);
    let take = || {
        left.fetch_update(
            std::sync::atomic::Ordering::SeqCst,
            std::sync::atomic::Ordering::SeqCst,
            |n| n.checked_sub(1),
        )
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    std::iter::from_fn(|| take().ok().map(|_| post(house))).collect::<Vec<_>>()
                })
            })
            .collect();
        readers.into_iter().flat_map(|r| r.join().unwrap()).collect()
    })
}

#[test]
fn an_unknown_invitation_costs_no_hash() {
    let house = guarded();
    wang(&house);
    let timed = |what: &dyn Fn()| {
        let began = Instant::now();
        (0..20).for_each(|_| what());
        began.elapsed()
    };
    let hashed = timed(&|| assert_eq!(log_in(&house, "", "", RIGHT).status, 303));
    let unknown = timed(&|| {
        let answer = house.send_with("POST", "/welcome/x", FORM, WELCOME);
        assert_eq!(answer.status, 404, "{}", answer.body);
    });
    assert!(unknown < hashed / 2, "unknown {unknown:?}, hashed {hashed:?}");
}

#[test]
fn a_full_hash_queue_refuses_in_the_readers_language() {
    let house = with(&format!("[access]\naccounts = true\nhash_waiting_max = 1\n{METRICS}"));
    let answers =
        flood(&house, 40, |h| h.send_with("POST", "/login", FORM, b"name=nobody&password=guess"));
    let refused: Vec<_> = answers.iter().filter(|a| a.status == 503).collect();
    assert!(!refused.is_empty(), "{:?}", answers.iter().map(|a| a.status).collect::<Vec<_>>());
    for answer in &refused {
        assert!(answer.head.contains("retry-after: "), "{}", answer.head);
        assert!(answer.body.contains("登录请求过多"), "{}", answer.body);
    }
    wang(&house);
    let metrics = house.metrics();
    assert!(metrics.contains("zaigang_refused_total{limit=\"hashes\"}"), "{metrics}");
}

/// Whoever is known has a queue of their own, and it is bounded too.
#[test]
fn a_full_queue_of_known_readers_refuses_too() {
    let house = with("[access]\naccounts = true\nhash_waiting_max = 1\n");
    wang(&house);
    let first = log_in(&house, "", "", RIGHT);
    let known = first.head.lines().find_map(|l| l.strip_prefix("set-cookie: zaigang-known="));
    let cookie = format!("Cookie: zaigang-known={}\r\n", known.unwrap().split(';').next().unwrap());
    let headers = format!("{FORM}{cookie}");
    // A machine that hashes faster than they come fills no queue at once.
    let mut statuses = Vec::new();
    for _ in 0..25 {
        let answers = flood(&house, 40, |h| h.send_with("POST", "/login", &headers, RIGHT));
        statuses.extend(answers.iter().map(|a| a.status));
        if statuses.contains(&503) {
            break;
        }
    }
    assert!(statuses.contains(&503), "{statuses:?}");
    // An attempt counts until its answer is known: of forty at once one may be told to wait.
    assert!(statuses.iter().all(|s| [303, 429, 503].contains(s)), "{statuses:?}");
}

#[test]
fn others_failures_lock_no_name_out() {
    let house = with("[http]\ntrusted_proxies = [\"127.0.0.1\"]\n[access]\naccounts = true\n");
    wang(&house);
    assert!(waits(&house, "203.0.113.9", "203.0.113.9", ""), "the guesser is not slowed down");
    let honest = log_in(&house, "198.51.100.7", "", RIGHT);
    assert_eq!(honest.status, 303, "the right password was locked out: {}", honest.body);
    // What a client writes itself stands before what the proxy adds, and is believed by nobody.
    assert!(waits(&house, "203.0.113.9", "192.0.2.1, 203.0.113.9", ""), "a forged source came in");
}

#[test]
fn a_known_browser_comes_in_while_its_name_is_guessed() {
    let house = guarded();
    wang(&house);
    let first = log_in(&house, "", "", RIGHT);
    let known = first
        .head
        .lines()
        .find_map(|l| l.strip_prefix("set-cookie: zaigang-known="))
        .expect("no cookie");
    assert!(known.contains("httponly") && known.contains("samesite=strict"), "{known}");
    let known = known.split(';').next().unwrap();
    assert!(waits(&house, "", "", ""), "an unknown browser is not slowed down");
    assert_eq!(log_in(&house, "", &format!("zaigang-known={known}"), RIGHT).status, 303);
    let last = if known.ends_with('0') { '1' } else { '0' };
    let forged = format!("zaigang-known={}{last}", &known[..known.len() - 1]);
    assert!(waits(&house, "", "", &forged), "a forged cookie is believed");
}

#[test]
fn readiness_is_probed_at_most_once_a_second() {
    let house = House::new();
    let began = Instant::now();
    for _ in 0..60 {
        assert_eq!(house.page("/readyz").0, 200);
    }
    let counters = house.running().app.store.counters().unwrap();
    let probes = counters.iter().find(|(name, _)| name == "readiness_probes").map_or(0, |c| c.1);
    assert!(probes <= 2 + began.elapsed().as_secs() as i64, "{probes} writes");
}

#[test]
fn anonymous_refusals_are_counted_and_not_each_written() {
    let house = guarded();
    for n in 0..60 {
        house.send_with(
            "POST",
            &format!("/welcome/{n}"),
            &format!("{FORM}X-Why: fill\r\n"),
            WELCOME,
        );
    }
    let folder = house.close();
    let store = Store::open(store_of(&folder.path().join("data"))).unwrap();
    let log = store.audit_log("POST /welcome", None, 1000).unwrap();
    // A minute may have ended in between.
    assert!(log.len() <= 22, "{} rows", log.len());
    let counted: i64 =
        log.iter().filter_map(|e| e.why.split_once(" more ")?.0.parse::<i64>().ok()).sum();
    let whole = log.iter().filter(|e| !e.why.contains(" more ")).count() as i64;
    assert_eq!(whole + counted, 60, "{log:?}");
    assert!(log.iter().all(|e| e.why != "fill"), "anybody writes into the log");
    assert!(store.verify_audit().unwrap().is_ok());
}

fn policy(house: &House, name: &str, value: i64) {
    house.must_post("policy", &json!({"settings": {name: value}, "reason": "test"}));
}

#[test]
fn a_gap_that_the_server_makes_accuses_no_box() {
    let house = with("");
    let mut b = TestBox::provision(&house, &house.furnish());
    policy(&house, "budget_health_per_day", 100);
    b.connect();
    for _ in 0..101 {
        b.say(&health());
    }
    b.say(&finding('a', '1', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    assert_eq!(b.receipted(102).contiguous_seq, 100, "the 101st was not withheld");
    let folder = house.close();
    let store = Store::open(store_of(&folder.path().join("data"))).unwrap();
    let gaps_at = |hours: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        store.raise_gaps("2999-01-01T00:00:00.000Z".parse().unwrap(), 1, at.into())
    };
    assert_eq!(gaps_at(0).unwrap(), 0, "what the server withheld is held against the box");
    assert_eq!(gaps_at(2).unwrap(), 1, "and an hour later it is still missing");
}

#[test]
fn contradictions_spend_the_budget_too() {
    let house = with(METRICS);
    let mut b = TestBox::provision(&house, &house.furnish());
    policy(&house, "budget_health_per_day", 100);
    b.connect();
    for _ in 1..=90 {
        b.say(&health());
    }
    b.receipted(90);
    let (seq, prev) = (b.seq, b.prev.clone());
    b.seq = 0;
    let mut other = health();
    other["heartbeat_seq"] = json!(7);
    for _ in 1..=90 {
        b.say(&other);
    }
    (b.seq, b.prev) = (seq, prev);
    b.say(&finding('a', '1', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.receipted(91);
    let metrics = house.metrics();
    assert!(metrics.contains("zaigang_total{name=\"rejected.fork\"} 10"), "{metrics}");
}

/// The looks at all boxes are one transaction: no box's numbers end it.
#[test]
fn a_count_beyond_all_numbers_stops_no_look() {
    let house = with("");
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let store = &house.running().app.store;
    for (n, faces) in [(1, u64::MAX), (2, 1 << 63), (3, 5)] {
        let mut said = health();
        said["faces"] = json!(faces);
        b.say(&said);
        b.receipted(n);
        for at in ["2026-03-02T09:00:00.000Z", "2026-03-02T09:01:00.000Z"] {
            store
                .look("run", at.parse().unwrap(), "2026-01-01T00:00:00.000Z".parse().unwrap())
                .unwrap();
        }
    }
}

#[test]
fn what_an_offline_day_lacks_is_missing_from_that_day() {
    let house = with("");
    let token = house.furnish();
    let before = |hours: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(hours);
        at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    };
    let mut b = TestBox::provision_since(&house, &token, &before(48));
    b.connect();
    let (nine, ten, eleven) = (before(9), before(8), before(7));
    b.say_at(&nine, &health());
    b.link_at(&ten, &health());
    b.say_at(&eleven, &health());
    b.receipted(3);
    let folder = house.close();
    let store = Store::open(&folder.path().join("data")).unwrap();
    store
        .raise_gaps("2999-01-01T00:00:00.000Z".parse().unwrap(), 1, before(0).parse().unwrap())
        .unwrap();
    let db = rusqlite::Connection::open(folder.path().join("data/zaigang.db")).unwrap();
    let from: String = db.query_row("SELECT from_at FROM chain_fault", [], |r| r.get(0)).unwrap();
    assert_eq!(from, nine, "the hours before the line came back count as whole");
}

#[test]
fn beyond_its_budget_a_box_gets_no_receipt() {
    let house = with(METRICS);
    let mut b = TestBox::provision(&house, &house.furnish());
    policy(&house, "budget_health_per_day", 100);
    b.connect();
    let mut kept = Vec::new();
    for n in 1..=105 {
        let bytes = b.say(&health());
        if n > 100 {
            kept.push(bytes);
        }
    }
    assert_eq!(b.receipted(100).contiguous_seq, 100);
    b.say(&finding('a', '1', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    let receipt = b.receipted(106);
    assert_eq!(
        (receipt.contiguous_seq, receipt.above),
        (100, vec![106]),
        "a finding goes on, the rest is withheld"
    );
    let alerts =
        house.until("alerts?kind=Integrity", |a| !a["alerts"].as_array().unwrap().is_empty());
    let alert = house.get(&format!("alerts/{}", alerts["alerts"][0]["id"].as_str().unwrap()));
    assert_eq!(
        alerts["alerts"].as_array().unwrap().len(),
        1,
        "the gap that the server makes accuses: {alerts}"
    );
    assert_eq!(alert["findings"][0]["rule"], "BOX-BUDGET", "{alert}");
    assert!(house.metrics().contains("zaigang_total{name=\"withheld.health\"} 5"));
    // With more room the box sends again what it kept: nothing was lost.
    policy(&house, "budget_health_per_day", 1000);
    let by = Instant::now() + Duration::from_secs(90);
    loop {
        for bytes in &kept {
            b.publish(&b.topic("health"), bytes);
        }
        let last: protocol::envelope::Envelope =
            serde_json::from_slice(&b.hear("receipts")).unwrap();
        if last.body.contains("\"contiguous_seq\":106") {
            return;
        }
        assert!(Instant::now() < by, "never receipted: {}", last.body);
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A finding of its own incident.
fn own_incident(n: u32, step: &str, revision: u32, kind: &str, severity: &str) -> Value {
    let mut it = finding('a', '1', step, revision, "UQ-1", kind, severity);
    it["finding_id"] = json!(format!("{n:032x}"));
    it["incident_id"] = json!(format!("{:032x}", 0x1000 + n));
    it
}

#[test]
fn alerts_beyond_twenty_open_ones_join_one_incident() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    for n in 1..=30 {
        b.say(&own_incident(n, "opened", 1, "RecordMismatch", "L1"));
    }
    b.say(&own_incident(31, "opened", 1, "UnlicensedOperator", "L3"));
    b.say(&own_incident(32, "opened", 1, "LicenseLending", "L2"));
    b.receipted(32);
    let list = || house.get("alerts?limit=100")["alerts"].as_array().unwrap().clone();
    let alerts = list();
    assert_eq!(alerts.len(), 21, "{alerts:?}");
    let joined = &alerts[0];
    assert_eq!(joined["severity"], "L3", "{joined}");
    let kinds = json!(["LicenseLending", "RecordMismatch", "UnlicensedOperator"]);
    assert_eq!(joined["kinds"], kinds);
    // The device takes its worst back: what people see of it does not shrink.
    b.say(&own_incident(31, "withdrawn", 2, "UnlicensedOperator", "L3"));
    // The same finding under another incident's name makes no second alert.
    let mut again = own_incident(32, "strengthened", 2, "LicenseLending", "L2");
    again["incident_id"] = json!(format!("{:032x}", 0x1000 + 31));
    b.say(&again);
    b.receipted(34);
    let after = list();
    assert_eq!(after.len(), 21);
    assert_eq!(
        (&after[0]["severity"], &after[0]["kinds"], &after[0]["state"]),
        (&json!("L3"), &kinds, &json!("raised"))
    );
    let page = house.page(&format!("/alerts/{}", joined["id"].as_str().unwrap())).1;
    assert!(page.contains("合并"), "the page does not say that leads were joined");
    house.must_post("sessions/s-1/steps", &json!({"step":"cancel","reason":"no show"}));
    let shown = house.get(&format!("alerts/{}", joined["id"].as_str().unwrap()));
    let said = shown["statements"].to_string();
    assert!(said.contains("诊疗活动 s-1：取消（no show）"), "its session's words are gone: {said}");
}

#[test]
fn streams_of_one_account_are_bounded() {
    let house = with("[http]\nstreams_per_account_max = 3\n[access]\naccounts = true\n");
    let (reader, other) =
        (login(&house, "wang", Role::Reviewer, ""), login(&house, "li", Role::Reviewer, ""));
    let open = |login: &str| {
        let address = house.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        write!(
            stream,
            "GET /events HTTP/1.1\r\nHost: {address}\r\nCookie: zaigang={login}\r\n\r\n"
        )
        .unwrap();
        let mut head = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut head).unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), reader)
    };
    let held: Vec<_> = (0..3).map(|_| open(&reader)).collect();
    assert!(held.iter().all(|(status, _)| status == "200"));
    assert_eq!(open(&reader).0, "503");
    assert_eq!(open(&other).0, "200", "another account's streams count");
    drop(held);
    let by = Instant::now() + WAIT;
    // The server learns that a reader is gone when it next speaks to them.
    while open(&reader).0 != "200" {
        assert!(Instant::now() < by, "places are never given back");
        house.running().app.store.feed_append("session", &json!({"session": "s"})).unwrap();
        house.running().app.touch();
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_replay_begins_no_further_back_than_its_bound() {
    let house = with("[http]\nreplay_max = 100\n");
    let store = &house.running().app.store;
    for n in 0..300 {
        store.feed_append("session", &json!({"session": format!("s-{n}")})).unwrap();
    }
    let address = house.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    write!(stream, "GET /events?after=0 HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(lines.any(|l| l == "event: missed"), "a reader is not told that something is missing");
    let first = lines.find_map(|l| l.strip_prefix("id: ").map(str::to_owned)).unwrap();
    assert_eq!(first, "201");
}

/// Opens a connection that announces a body and sends none of it.
fn announce(house: &House, path: &str, head: &str, bytes: usize) -> TcpStream {
    let address = house.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {bytes}\r\n{head}\r\n"
    )
    .unwrap();
    stream
}

#[test]
fn bodies_of_all_readers_together_are_bounded() {
    let house = with("[http]\nbodies_max_mib = 160\n[access]\naccounts = true\n");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    let head = format!("Authorization: Bearer {clinic}\r\nContent-Type: image/jpeg\r\n");
    let path = "/api/v1/enrolments/quality";
    let held: Vec<_> = (0..8).map(|_| announce(&house, path, &head, 16 * 1024 * 1024)).collect();
    let by = Instant::now() + WAIT;
    while house.running().app.bodies.taken_kib() < 8 * 16 * 1024 {
        assert!(Instant::now() < by, "what is announced takes no room");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut last = announce(&house, path, &head, 16 * 1024 * 1024);
    let mut status = String::new();
    BufReader::new(&mut last).read_line(&mut status).unwrap();
    assert!(status.contains("503"), "{status}");
    // Whoever may not log in yet has room of their own.
    assert_eq!(house.send_with("POST", "/login", FORM, WRONG).status, 401);
    drop(held);
    let by = Instant::now() + WAIT;
    while ask(&house, "POST", path, &clinic, "x").status == 503 {
        assert!(Instant::now() < by, "room is never given back");
    }
}

/// With its retry time of half a second a box would otherwise be told some twenty times.
#[test]
fn a_box_that_never_answers_is_told_ever_more_rarely() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let until = Instant::now() + Duration::from_secs(10);
    let told = std::iter::from_fn(|| b.heard_before("knowledge", until)).count();
    // Five kinds: at once, and after 0.5, 1.5, 3.5 and 7.5 s.
    assert!((10..=25).contains(&told), "told {told} times");
}

/// Each start asks for everything anew; whoever starts again and again and answers nothing is not
/// told each time.
#[test]
fn a_box_that_starts_anew_in_vain_is_told_no_oftener() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    let store = &house.running().app.store;
    let tries = || {
        store.issued(&"box-1".parse().unwrap(), "roster").unwrap().map_or(0, |issued| issued.tries)
    };
    for _ in 0..40 {
        b.connect();
        b.say(&health());
        b.receipted(b.seq);
        b.vanish();
    }
    let by = Instant::now() + WAIT;
    while tries() < 5 {
        assert!(Instant::now() < by, "it was never told");
        std::thread::yield_now();
    }
    // Five at once, and one for each wait that ended meanwhile: they double from half a second.
    assert!(tries() <= 12, "told {} times", tries());
}

/// A proposal as an enrolment stores it, without its networks.
fn propose(house: &House, n: usize, photo: &[u8]) {
    let consent = server::model::Consent {
        text_version: "1".into(),
        text_sha256: "a".repeat(64),
        purposes: vec![
            server::consent::ConsentPurpose::Recognition,
            server::consent::ConsentPurpose::ServerStorage,
            server::consent::ConsentPurpose::KeepPhoto,
        ],
        scope: "clinic-1".into(),
        signature: "signed".into(),
        signed_at: "2026-03-02T01:00:00.000Z".into(),
        guardian: None,
        earlier: Vec::new(),
    };
    let proposal = server::store::NewEnrolment {
        id: &format!("e-{n}"),
        person: "p-lead",
        institution: "clinic-1",
        by: "boss",
        pack: "avatar",
        outcome: &json!({}),
        consent: &consent,
        templates: &[],
        photos: &[photo.to_vec()],
    };
    house
        .running()
        .app
        .faces
        .propose(&proposal, "2026-03-02T01:00:00.000Z".parse().unwrap())
        .unwrap();
}

#[test]
fn open_proposals_of_an_institution_are_bounded() {
    let house = with("[enrolment]\nopen_proposals_max = 3\nopen_photos_max_mib = 1\n");
    house.furnish();
    let limits = house.running().app.config.limits.open_proposals;
    let beyond = |institution: &str| {
        house.running().app.faces.open_proposals(institution).unwrap().is_beyond(limits)
    };
    for n in 0..3 {
        assert!(!beyond("clinic-1"), "{n}");
        propose(&house, n, b"small");
    }
    assert!(beyond("clinic-1") && !beyond("clinic-2"));
    let by = Instant::now() + Duration::from_mins(1);
    let form = [("person", &b"p-lead"[..]), ("consent", CONSENT.as_bytes())];
    loop {
        let (status, answer) = crate::bad_input::upload(&house, &form, &[b"not a picture"]);
        if status != 503 {
            assert_eq!(status, 409, "{answer}");
            break;
        }
        assert!(Instant::now() < by, "the pack never loaded: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
    for n in 0..3 {
        house
            .running()
            .app
            .faces
            .decide(
                &format!("e-{n}").parse().unwrap(),
                false,
                "wang",
                Some("test"),
                "2026-03-02T02:00:00.000Z".parse().unwrap(),
            )
            .unwrap();
    }
    assert!(!beyond("clinic-1"), "what is decided is not open");
    propose(&house, 9, &vec![7; 1 << 20]);
    assert!(beyond("clinic-1"), "photographs are not counted");
}

const CONSENT: &str = r#"{"text_version":"1","text_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","purposes":["recognition","server_storage"],"scope":"clinic-1","signature":"signed","signed_at":"2026-03-02T01:00:00.000Z"}"#;

/// A picture as large as is taken: it costs the networks' turn long before any face is found.
fn large_picture() -> Vec<u8> {
    let picture = image::DynamicImage::new_luma8(6000, 4000);
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn pictures_being_looked_at_keep_no_page_waiting() {
    let house = with("[enrolment]\nanalyses_waiting_max = 2\n");
    let picture = large_picture();
    let look = |h: &House| h.send("POST", "/api/v1/enrolments/quality", "image/jpeg", &picture);
    let by = Instant::now() + Duration::from_mins(1);
    while look(&house).status == 503 {
        assert!(Instant::now() < by, "the pack never loaded");
        std::thread::sleep(Duration::from_millis(50));
    }
    let alone = (0..5).map(|_| timed_page(&house)).max().unwrap();
    let (answers, beside) = std::thread::scope(|scope| {
        let answers = scope.spawn(|| flood(&house, 24, look));
        let beside = (0..5).map(|_| timed_page(&house)).max().unwrap();
        (answers.join().unwrap(), beside)
    });
    assert!(
        answers.iter().any(|a| a.status == 503 && a.head.contains("retry-after")),
        "nothing was refused"
    );
    assert!(answers.iter().any(|a| a.status == 200), "nothing was looked at");
    assert!(beside < alone * 5 + Duration::from_secs(2), "alone {alone:?}, beside {beside:?}");
}

fn timed_page(house: &House) -> Duration {
    let began = Instant::now();
    assert_eq!(house.page("/login").0, 200);
    began.elapsed()
}
