//! What systemd is told of the box: that it is ready, that its engine loop turns, and that it
//! stops.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use e2e::morning::{self, MorningSettings};
use e2e::programs::Program;

/// The next message of the service; a box that says nothing for this long is broken.
fn heard(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).expect("the service says something within its time");
    String::from_utf8_lossy(&buffer[..length]).trim().to_owned()
}

#[test]
fn systemd_hears_that_a_box_is_ready_looks_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let mut playing =
        morning::start(folder.path(), &MorningSettings::drawn_once(), &mut |_| {}).unwrap();
    playing.agent.kill().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    let config = folder.path().join("agent.toml").display().to_string();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "20000")];
    let mut agent = Program::start_with(
        "zaigang-agent",
        ["run", "--config", &config],
        folder.path(),
        &environment,
    )
    .unwrap();
    assert_eq!(heard(&socket), "READY=1");
    assert_eq!(
        [heard(&socket), heard(&socket)],
        ["WATCHDOG=1", "WATCHDOG=1"],
        "every look feeds the watchdog"
    );
    agent.terminate().unwrap();
    let mut last = heard(&socket);
    while last == "WATCHDOG=1" {
        last = heard(&socket);
    }
    assert_eq!(last, "STOPPING=1");
}
