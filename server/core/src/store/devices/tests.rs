//! Boxes in the store.

use super::*;
use crate::clock::at;

/// A store with one box, whose token is good until two o'clock.
fn with_a_box(dir: &std::path::Path) -> Store {
    let store = Store::open(dir).unwrap();
    let rows = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t');
            INSERT INTO room VALUES ('r-1','c-1','x','{}','t');";
    store.write(|tx| Ok(tx.execute_batch(rows)?)).unwrap();
    let place = DevicePlace { id: "box-1".parse().unwrap(), room: "r-1".parse().unwrap() };
    store
        .put_device(&place, "hash", at("2026-03-02T01:00:00.000Z"), at("2026-03-02T02:00:00.000Z"))
        .unwrap();
    store
}

/// The box went over to another broker; the one that it left still holds its old words.
#[test]
fn what_lies_at_a_broker_that_was_left_is_no_news() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_a_box(dir.path());
    let says = |online, second: u8, retained| {
        let status = StatusBody {
            v: 1,
            device: "box-1".parse().unwrap(),
            online,
            boot_count: 1,
            boot_id: "b".to_owned(),
            connected_at: format!("2026-03-02T01:00:0{second}.000Z"),
        };
        store.write(|tx| set_online(tx, &status, retained, at("2026-03-02T01:00:09.000Z"))).unwrap()
    };
    assert_eq!(says(true, 2, false), (true, true), "it connected");
    assert_eq!(says(true, 1, true), (false, false), "what the first broker still holds");
    assert_eq!(says(true, 2, true), (false, false), "what the second one holds is the same");
    assert_eq!(says(false, 2, false), (true, false), "its last will is believed");
    // A clock that was set back: what is said now counts, whatever time it names.
    assert_eq!(says(true, 1, false), (true, false));
}

#[test]
fn a_token_holds_until_its_time_and_not_a_millisecond_longer() {
    let dir = tempfile::tempdir().unwrap();
    let store = with_a_box(dir.path());
    let take = |now: At| {
        let keys = NewKeys {
            token_hash: "hash",
            signing_key: "k",
            sealing_key: "s",
            mqtt_secret_hash: "m",
            firmware: "f",
        };
        store.provision(&keys, now).unwrap()
    };
    for late in [
        at("2026-03-02T02:00:00.000Z"),
        at("2026-03-02T02:00:00.001Z"),
        at("2027-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(take(late), None, "{late}");
    }
    assert!(take(at("2026-03-02T01:59:59.999Z")).is_some());
    assert_eq!(take(at("2026-03-02T01:59:59.999Z")), None, "used");
}
