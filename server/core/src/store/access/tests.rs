//! Accounts and sessions in the store.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::connect;
use super::super::schema::Database;
use super::*;
use crate::audit_head::Heads;
use crate::cache::Walked;
use crate::clock::at;

fn store() -> (Store, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Store::open(dir.path()).unwrap(), dir)
}

#[test]
fn the_audit_log_finds_one_changed_entry() {
    let (store, _dir) = store();
    for n in 0..4 {
        let deed = Deed {
            actor: "wang".into(),
            action: "GET /people".into(),
            object: format!("{n}"),
            why: String::new(),
            status: 200,
        };
        store.audit(&deed, at("2026-03-02T01:00:00.000Z")).unwrap();
    }
    assert_eq!(store.verify_audit().unwrap(), Ok(4));
    let changed =
        store.write(|tx| Ok(tx.execute("UPDATE audit SET why = 'other' WHERE id = 2", [])?));
    assert_eq!(changed.unwrap(), 1);
    assert_eq!(store.verify_audit().unwrap(), Err(2));
}

#[test]
fn an_entry_about_two_places_is_no_part_of_either() {
    let (store, _dir) = store();
    let now = at("2026-03-02T01:00:00.000Z");
    let fill = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510104','t'),
            ('c-2','y',NULL,'',0,'[]','520104','t');";
    store.write(|tx| Ok(tx.execute_batch(fill)?)).unwrap();
    let reader = Who { role: Role::Supervisor, ..Who::nobody() };
    for (object, places) in [("here", &["c-1"][..]), ("both", &["c-1", "c-2"]), ("none", &[])] {
        let deed = Deed {
            actor: "wang".into(),
            action: "GET /people".into(),
            object: object.into(),
            why: String::new(),
            status: 200,
        };
        let places: Vec<String> = places.iter().map(|it| (*it).to_owned()).collect();
        store.audit_at(&deed, &reader, &places, now).unwrap();
    }
    let of = |scope: &str| {
        let log = store.audit_log_of(scope, &AuditFilter::default(), None, 10).unwrap();
        log.into_iter().map(|entry| entry.object).collect::<Vec<_>>()
    };
    assert_eq!(of("5101"), ["here"]);
    assert_eq!(of("52"), Vec::<String>::new());
    assert_eq!(of("5"), ["both", "here"], "both lie in this part");
    assert_eq!(of(""), ["none", "both", "here"]);
}

#[test]
fn an_invitation_makes_one_account() {
    let (store, _dir) = store();
    store.invite("h", Role::Reviewer, "5101", at("2026-03-03T00:00:00.000Z")).unwrap();
    let now = at("2026-03-02T00:00:00.000Z");
    assert_eq!(
        store.accept_invitation("h", &"wang".parse().unwrap(), "王", "p", None, now).unwrap(),
        Role::Reviewer
    );
    assert!(store.accept_invitation("h", &"li".parse().unwrap(), "李", "p", None, now).is_err());
    store.log_in("t", &"wang".parse().unwrap(), "c", now, at("2026-03-02T08:00:00.000Z")).unwrap();
    assert_eq!(store.who_by_login("t", now).unwrap().unwrap().scope, "5101");
    assert!(store.who_by_login("t", at("2026-03-02T08:00:00.000Z")).unwrap().is_none());
    store.disable_account(&"wang".parse().unwrap(), "wu", now).unwrap();
    assert!(store.who_by_login("t", now).unwrap().is_none());
}

fn grow(store: &Store, by: i64) {
    for n in 0..by {
        let deed = Deed {
            actor: "wang".into(),
            action: "GET /people".into(),
            object: n.to_string(),
            why: String::new(),
            status: 200,
        };
        store.audit(&deed, at("2026-03-02T01:00:00.000Z")).unwrap();
    }
}

fn heads(dir: &Path) -> Heads {
    Heads::new(&dir.join("heads"), Arc::new(trust::SigningKey::from_bytes(&[7; 32])))
}

/// As somebody at the machine does it: past the program.
fn by_hand(dir: &Path, sql: &str) {
    connect::writer(&dir.into(), Database::Facts).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_cut_tail_is_found_live_and_stays_found() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads, walked) =
        (Store::open(dir.path()).unwrap(), heads(dir.path()), Walked::default());
    grow(&store, 5);
    assert_eq!(walked.verdict(&store, &heads).unwrap(), Ok(5));
    by_hand(dir.path(), "DELETE FROM audit WHERE id > 3");
    assert_eq!(walked.verdict(&store, &heads).unwrap().unwrap_err().entry, 5);
    grow(&store, 4);
    let fault = walked.verdict(&store, &heads).unwrap().unwrap_err();
    assert!(fault.why.contains("rewritten"), "a log that grew again over the cut: {fault:?}");
}

#[test]
fn a_rewritten_middle_is_found_live() {
    let dir = tempfile::tempdir().unwrap();
    let (store, heads, walked) =
        (Store::open(dir.path()).unwrap(), heads(dir.path()), Walked::default());
    grow(&store, 5);
    assert_eq!(walked.verdict(&store, &heads).unwrap(), Ok(5));
    by_hand(dir.path(), "UPDATE audit SET object = 'other' WHERE id = 2");
    // A whole walk is due as soon as it has rested; this one took no time.
    let rested = Instant::now() + Duration::from_secs(5);
    let found = loop {
        match walked.verdict(&store, &heads).unwrap() {
            Err(fault) => break fault,
            Ok(_) => assert!(Instant::now() < rested, "the middle was never walked again"),
        }
    };
    assert_eq!(found.entry, 2);
}

#[test]
fn a_cut_tail_is_found_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, kept) = (Store::open(dir.path()).unwrap(), heads(dir.path()));
    grow(&store, 5);
    kept.sign(&store, jiff::Timestamp::UNIX_EPOCH).unwrap();
    by_hand(dir.path(), "DELETE FROM audit WHERE id > 3");
    let fault = Walked::default().verdict(&store, &heads(dir.path())).unwrap().unwrap_err();
    assert!(fault.why.contains("entry 5") && fault.why.contains("cut off"), "{fault:?}");
}
