//! The demonstration as a newcomer gets it: with Debian's Mosquitto instead of the server's broker.

use e2e::mosquitto;

use super::*;

const OVER_MOSQUITTO: [&str; 2] = ["--broker", "mosquitto"];

/// One that plays slowly, with its server, box and broker.
fn playing(temporary: &Path) -> (Demo, Vec<u32>) {
    let mut demo = Demo::start(temporary, &[&OVER_MOSQUITTO[..], &["--speed", "1"]].concat());
    demo.until("running    ");
    let programs = demo.programs();
    assert_eq!(programs.len(), 3, "server, box and broker");
    (demo, programs)
}

#[test]
fn a_server_without_a_broker_plays_over_mosquitto() {
    if !mosquitto::installed("a_server_without_a_broker_plays_over_mosquitto") {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let args = ["--once", "--script", "stranger", "--broker", "mosquitto"];
    let (code, said) = finished(&temporary, &args);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("broker     Debian's Mosquitto"), "{said}");
    assert!(said.contains("LL-1 L2            LL-1 L2            as expected"), "{said}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "something is left");
}

#[test]
fn a_signal_ends_mosquitto_with_the_others() {
    if !mosquitto::installed("a_signal_ends_mosquitto_with_the_others") {
        return;
    }
    for (signal, code) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129)] {
        let temporary = tempfile::tempdir().unwrap();
        let (mut demo, programs) = playing(temporary.path());
        demo.signal(signal);
        assert_eq!(demo.code(), Some(code), "{}", demo.said());
        assert!(programs.into_iter().all(gone), "something runs on after {signal}");
        assert_eq!(demo.folders(), Vec::<PathBuf>::new());
    }
}

#[test]
fn clean_ends_the_mosquitto_of_a_killed_demo() {
    if !mosquitto::installed("clean_ends_the_mosquitto_of_a_killed_demo") {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (mut killed, left) = playing(temporary.path());
    killed.signal("-KILL");
    killed.code();
    let (code, said) = finished(&temporary, &["clean"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ended mosquitto"), "{said}");
    assert!(left.into_iter().all(gone), "{said}");
}
