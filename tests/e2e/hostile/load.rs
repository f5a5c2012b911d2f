//! Nobody fills or stops the house: floods against the real server, seen as an attacker and as the
//! others see them.

use std::time::{Duration, Instant};

use e2e::hostile::{HostileClinic, Side, TestAccount, UnsignedMessage, messages};
use serde_json::json;

use super::house;

/// MiB that the server's process ever held.
fn peak_mib(house: &HostileClinic) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", house.server_pid().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1024
}

/// Each post would hash a password in 19 MiB of its own if the link were not looked up first.
#[test]
fn posts_to_an_unknown_link_take_no_memory() {
    let house = HostileClinic::start_with("", &[]).unwrap();
    let before = peak_mib(&house);
    let form = [("name", "liar"), ("display", "x"), ("password", "correct horse battery")];
    let slowest = std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let nobody = house.nobody();
                for _ in 0..20 {
                    assert_eq!(nobody.form("/welcome/x", &form).unwrap().status, 404);
                }
            });
        }
        let nobody = house.nobody();
        let ask = || {
            let began = Instant::now();
            assert_eq!(nobody.get("/login").unwrap().status, 200);
            began.elapsed()
        };
        (0..10).map(|_| ask()).max().unwrap()
    });
    let grown = peak_mib(&house) - before;
    assert!(grown < 100, "grown by {grown} MiB");
    assert!(slowest < Duration::from_secs(5), "/login took {slowest:?}");
}

#[test]
fn guesses_at_a_name_do_not_stop_its_owner() {
    let house = HostileClinic::start_with("", &[]).unwrap();
    let reviewer = TestAccount::Reviewer(Side::There);
    house.user(reviewer).unwrap();
    for _ in 0..30 {
        let guess = [("name", "reviewer-there"), ("password", "a guess")];
        let answer = house.nobody().form("/login", &guess).unwrap();
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
    }
    assert_eq!(house.alerts(reviewer).unwrap().len(), 0, "a login that stood was ended");
    // What the guesses leave in the log that may never be shortened: the first ones, then a number.
    let log = house
        .user(TestAccount::Auditor)
        .unwrap()
        .get("/api/v1/audit?q=POST%20/login&limit=200")
        .unwrap()
        .ok()
        .unwrap();
    let refused = log["audit"].as_array().unwrap().iter().filter(|e| e["status"] != 303).count();
    assert!(refused <= 44, "{refused} entries");
}

/// A flood of alerts is the place to hide one: it joins one incident, and the worst of it stays on
/// top.
#[test]
fn a_box_buries_nothing_under_its_own_alerts() {
    let house = house();
    let mut liar = house.provision("load-burier", Side::Here.room()).unwrap();
    let say = |n: u32, severity: &str| {
        let mut report = messages::finding(Side::Here, 'a', "HB-3", severity);
        report.finding_id = format!("10ad{n:028x}");
        report.incident_id = format!("10ae{n:028x}");
        UnsignedMessage::from(report)
    };
    liar.say_all((0..60).map(|n| say(n, if n == 40 { "L3" } else { "L1" }))).unwrap();
    liar.settle().unwrap();
    let mine = || {
        let seen = house.alerts(TestAccount::Supervisor(Side::Here)).unwrap();
        seen.into_iter().filter(|a| a["device"] == "load-burier").collect::<Vec<_>>()
    };
    // The server's own word that treatments without a session repeat themselves is one alert beside
    // them.
    let repeated = |alerts: &[serde_json::Value]| {
        alerts.iter().any(|a| a.to_string().contains("repeats_needed"))
    };
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while !repeated(&house.alerts(TestAccount::Supervisor(Side::Here)).unwrap()) {
        assert!(std::time::Instant::now() < until, "the repeats are not said");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(mine().len(), 22);
    let worst =
        |alerts: &[serde_json::Value]| alerts.iter().filter(|a| a["severity"] == "L3").count();
    assert_eq!(worst(&mine()), 1, "the L3 is buried");
    let back = say(40, "L3").with("step", json!("withdrawn")).with("revision", json!(2));
    liar.say_all([back]).unwrap();
    liar.settle().unwrap();
    assert_eq!(worst(&mine()), 1, "the box took its L3 back");
}

/// One key writes no more in a day than its budget, and the rest of what it has waits in the box.
#[test]
fn a_box_fills_no_disk() {
    let house = HostileClinic::start_with("", &[]).unwrap();
    let small = json!({"settings": {"budget_health_per_day": 100}, "reason": "scene"});
    house.user(TestAccount::Admin).unwrap().post("/api/v1/policy", &small).unwrap().ok().unwrap();
    let mut liar = house.provision("load-filler", Side::Here.room()).unwrap();
    for _ in 0..300 {
        liar.say(messages::heartbeat()).unwrap();
    }
    let last = liar.say(messages::finding(Side::Here, 'f', "HB-3", "L1")).unwrap();
    let receipt = liar.receipted(last).unwrap();
    assert_eq!(receipt.contiguous_seq, 100, "receipted beyond the budget");
    let alerts = house.alerts(TestAccount::Supervisor(Side::Here)).unwrap();
    let rules: Vec<_> = alerts
        .iter()
        .flat_map(|a| a["findings"].as_array().unwrap())
        .map(|f| f["rule"].clone())
        .collect();
    assert!(
        rules.contains(&json!("BOX-BUDGET")) && !rules.contains(&json!("CHAIN-GAP")),
        "{rules:?}"
    );
}
