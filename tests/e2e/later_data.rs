//! A server that finds the data of a later version: it says so once, and its service manager starts
//! it no more.

use std::time::Duration;

use e2e::server::ServerPlan;

/// `EX_CONFIG` of sysexits.h: the unit has it in `RestartPreventExitStatus`.
const NOT_AGAIN: i32 = 78;

#[test]
fn a_server_of_before_is_not_started_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let (mut server, _) = plan.start(&[]).unwrap();
    assert!(server.terminate().unwrap().success());
    let data = folder.path().join("server-data/zaigang.db");
    let of_later = rusqlite::Connection::open(data).unwrap();
    of_later.pragma_update(None, "user_version", 9_999).unwrap();
    drop(of_later);
    let mut server = plan.launch(&[]).unwrap();
    let ended = server.wait(Duration::from_mins(1)).unwrap();
    assert_eq!(ended.and_then(|status| status.code()), Some(NOT_AGAIN), "{}", server.log_tail());
    assert!(server.log_tail().contains("was written by a later version"), "{}", server.log_tail());
}
