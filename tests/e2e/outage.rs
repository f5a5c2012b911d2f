//! What fails in between: the server is killed, the box is killed, and nothing that was raised is
//! lost or doubled.

use std::time::{Duration, Instant};

use e2e::morning::{self, MorningSettings, Playing};
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(10);

/// Waits for a condition that the running programs bring about.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn findings(playing: &Playing) -> u64 {
    playing.api.get("summary").ok().and_then(|s| s["findings_stored"].as_u64()).unwrap_or(0)
}

fn assert_nothing_lost(playing: &Playing, summary: &Value) {
    assert_eq!(summary["duplicates_refused"].as_u64().map(|n| n < 1_000), Some(true));
    assert_eq!(summary["quarantined"], 0, "{summary}");
    let devices = playing.api.get("devices").unwrap();
    assert_eq!(devices["devices"][0]["chain"], "intact", "{devices}");
    assert_eq!(devices["devices"][0]["above"].as_array().map(Vec::len), Some(0), "{devices}");
}

#[test]
fn a_server_killed_in_the_middle_gets_everything_later() {
    let folder = tempfile::tempdir().unwrap();
    let settings = MorningSettings::drawn_once();
    let mut playing = morning::start(folder.path(), &settings, &mut |_| {}).unwrap();
    until("the first finding", || findings(&playing) >= 1);
    playing.server.kill().unwrap();

    // The same address, as a clinic's server would have: the box finds it again by itself.
    let address = |url: &str| url.trim_start_matches("http://").to_owned();
    let mqtt = format!("{}:{}", playing.ready.mqtt.host, playing.ready.mqtt.port);
    let again = MorningSettings { listen: address(&playing.ready.http), ..settings };
    let (server, _) = morning::start_server(folder.path(), &again, &mqtt).unwrap();
    playing.server = server;

    let heard = morning::listen(&playing.api, |_| {});
    let outcome = playing.finish(&heard, LIMIT).unwrap();
    assert_eq!(outcome.surprises(&playing.morning), Vec::<String>::new());
    assert_eq!(outcome.agent.pending, 0);
    assert_nothing_lost(&playing, &outcome.server);
}

#[test]
fn a_killed_box_delivers_after_its_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = MorningSettings::drawn_once();
    let mut playing = morning::start(folder.path(), &settings, &mut |_| {}).unwrap();
    until("the first finding", || findings(&playing) >= 1);
    playing.agent.kill().unwrap();
    playing.agent =
        morning::start_agent(folder.path(), &MorningSettings { once: false, ..settings }).unwrap();
    // Both boots write to one log.
    until("the box's second boot at work", || {
        playing.agent.log_text().matches("the camera is there").count() >= 2
    });
    let status = playing.agent.terminate().unwrap();
    assert!(status.success(), "SIGTERM ended the box with {status}");
    let summary = playing.api.get("summary").unwrap();
    assert!(summary["findings_stored"].as_u64() >= Some(1));
    assert_nothing_lost(&playing, &summary);
    let status = playing.server.terminate().unwrap();
    assert!(status.success(), "SIGTERM ended the server with {status}");
}
