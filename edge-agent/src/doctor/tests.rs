//! What the doctor says of a box that is not well.

use super::*;

#[test]
fn a_box_that_was_never_set_up_is_told_what_to_do_first() {
    let state = tempfile::tempdir().unwrap();
    let text = format!(
        "mode = \"production\"\nstate_dir = \"{}\"\n[camera]\nkind = \"v4l2\"\ndevice = \
        \"/dev/video977\"\n",
        state.path().display()
    );
    let config = config::parse(Path::new("a.toml"), &text).unwrap();
    let mut checks = [vec![disk(&config)], camera_checks(&config, None)].concat();
    identity(&config, &mut |check| checks.push(check));
    let bad: Vec<_> =
        checks.iter().filter(|c| c.verdict == CheckVerdict::Bad).map(|c| c.what).collect();
    assert_eq!(bad, ["camera", "identity"]);
    assert!(checks.iter().filter(|c| c.verdict == CheckVerdict::Bad).all(|c| !c.mend.is_empty()));
}

#[test]
fn an_identity_that_is_there_is_not_made_anew() {
    let state = tempfile::tempdir().unwrap();
    let never = IdentityError::NotProvisioned { path: state.path().to_owned() };
    assert!(mend_of(&never).contains("provision"));
    let closed = IdentityError::File {
        path: state.path().to_owned(),
        source: std::io::ErrorKind::PermissionDenied.into(),
    };
    assert!(!mend_of(&closed).contains("provision"));
}

#[test]
fn a_box_says_whether_its_installer_has_ended_their_work() {
    let state = tempfile::tempdir().unwrap();
    let verdict = || commissioned(state.path()).verdict;
    assert_eq!(verdict(), CheckVerdict::Warning);
    let lock = Lock {
        lock: "0".repeat(32),
        locked_at: "2026-03-02T01:00:00.000Z".to_owned(),
        session: String::new(),
        zones_sha256: String::new(),
        told_sha256: None,
    };
    lock.write(state.path()).unwrap();
    assert_eq!(verdict(), CheckVerdict::Good);
    std::fs::write(state.path().join(crate::lock::FILE), "lock = ").unwrap();
    assert_eq!(verdict(), CheckVerdict::Bad);
}

/// A box that was set up, with its broker at this port.
fn identity_at(port: u16) -> BoxIdentity {
    let host = "127.0.0.1".to_owned();
    BoxIdentity {
        device: "box-1".parse().unwrap(),
        room: "room-1".parse().unwrap(),
        server: trust::SigningKey::generate().unwrap().verifying_key(),
        broker: protocol::provision::BrokerAddress {
            host,
            port,
            tls: false,
            username: None,
            password: None,
        },
        other_brokers: Vec::new(),
        signing: trust::SigningKey::generate().unwrap(),
        sealing: trust::SealingKey::generate().unwrap(),
        tls: None,
        server_url: None,
        certificate: None,
    }
}

#[test]
fn an_open_port_is_no_broker_and_a_closed_one_is_one_line() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let closes = std::thread::spawn(move || drop(listener.accept()));
    assert_eq!(reach(identity_at(port), None).verdict, CheckVerdict::Bad);
    closes.join().unwrap();
    // Another program may take a port that was just given back.
    let closed = |_| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        reach(identity_at(port), None)
    };
    let checks: Vec<_> = (0..5).map(closed).collect();
    let one_line = |c: &Check| c.verdict == CheckVerdict::Bad && !c.found.contains('\n');
    assert!(checks.iter().all(one_line), "{checks:?}");
    let said = |c: &Check| c.found.contains("nobody listens there");
    assert!(checks.iter().any(said), "{checks:?}");
}

#[test]
fn a_running_agent_is_asked_and_not_disturbed() {
    let standing = |server_reached| HeartbeatState {
        camera_live: true,
        server_reached,
        complaint: None,
        broker: Some("b.example.cn:8883".to_owned()),
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    for (reached, verdict) in [(true, CheckVerdict::Good), (false, CheckVerdict::Bad)] {
        let checks = broker_checks(&identity_at(port), Some(&standing(reached)), None);
        assert_eq!((checks.len(), checks[0].verdict), (1, verdict));
        assert!(checks[0].found.starts_with("b.example.cn:8883"), "{checks:?}");
    }
    assert!(listener.accept().is_err(), "nobody connected");
}
