//! Tests of several servers over one PostgreSQL, and of one over SQLite: the seat, the fence, what
//! is shared.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::cluster::{Cluster, SOCKET};
use super::connect;
use super::leadership::{Instance, Look, Seat};
use super::rows::collect;
use super::schema::Database;
use super::transaction::in_transaction;
use super::{
    Address, Beside, ClueFilter, Epoch, NewClue, PublicStore, Store, StoreError, lock, schema,
    under,
};
use crate::clock::at;
use crate::clue::{Allegation, Source};
use crate::ids::ClueId;
use crate::vault::Key;

fn instance(id: &str) -> Instance {
    let (version, since) = ("1.0.0".to_owned(), at("2026-03-02T01:00:00.000Z"));
    Instance { id: id.to_owned(), version, since, signing_key: "key".to_owned() }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn refused(store: &Store, epoch: Epoch) -> bool {
    let done = under(Some(epoch), || store.first_time("once", now().into()));
    matches!(done, Err(StoreError::Superseded { .. }))
}

/// A dead holder's seat is free within a moment.
fn sits_down(seat: &mut Seat, store: &Store) -> Epoch {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Look::Ours(epoch) = seat.look(store, now()).unwrap() {
            return epoch;
        }
        assert!(Instant::now() < deadline, "the seat is not free");
    }
}

/// One seat, taken over when its holder goes; what was begun under the earlier epoch is refused.
fn the_seat_goes_from_one_to_the_other(at: &Address) {
    let store = Store::open(at).unwrap();
    let mut a = Seat::new(at.clone(), instance("a"));
    let mut b = Seat::new(at.clone(), instance("b"));
    assert_eq!(a.look(&store, now()).unwrap(), Look::Ours(Epoch(1)));
    assert!(
        matches!(b.look(&store, now()).unwrap(), Look::Others { silent_ms } if silent_ms < 5000)
    );
    assert_eq!(a.look(&store, now()).unwrap(), Look::Ours(Epoch(1)), "it stays");
    under(Some(Epoch(1)), || store.first_time("first", now().into())).unwrap();
    drop(a);
    assert_eq!(sits_down(&mut b, &store), Epoch(2));
    assert!(refused(&store, Epoch(1)), "an old leader's late write");
    assert!(store.first_time("once", now().into()).unwrap(), "nothing of it was written");
    assert!(!refused(&store, Epoch(2)));
    let lead = store.lead().unwrap().unwrap();
    assert_eq!((lead.epoch, lead.holder.as_str()), (Epoch(2), "b"));
    let servers = store.servers(now()).unwrap();
    let leading: Vec<_> = servers.iter().filter(|s| s.leads).map(|s| s.id.as_str()).collect();
    assert_eq!((servers.len(), leading), (2, vec!["b"]));
}

#[test]
fn over_sqlite_the_one_process_leads_at_once() {
    if std::env::var_os(SOCKET).is_none() {
        let dir = tempfile::tempdir().unwrap();
        the_seat_goes_from_one_to_the_other(&Address::embedded(dir.path()));
    }
}

#[test]
fn over_postgresql_one_of_several_leads() {
    let Some(stage) = Stage::new() else { return };
    the_seat_goes_from_one_to_the_other(&stage.at);
    let (store, mut a, mut b) = (stage.store(), stage.seat("a"), stage.seat("b"));
    sits_down(&mut a, &store);
    assert!(matches!(b.look(&store, now()).unwrap(), Look::Others { .. }));
    // `a` stands still: it is put out of its seat, and finds it taken when it goes on.
    b.unseat().unwrap();
    sits_down(&mut b, &store);
    assert!(!matches!(a.look(&store, now()), Ok(Look::Ours(_))));
    assert_eq!(store.lead().unwrap().unwrap().holder, "b");
}

struct Stage {
    cluster: Cluster,
    at: Address,
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Option<Self> {
        if std::env::var_os(SOCKET).is_some() {
            return None;
        }
        let (cluster, dir) = (Cluster::start(), tempfile::tempdir().unwrap());
        let at = Address::postgres(dir.path(), &cluster.database("shared"), None).unwrap();
        Some(Self { cluster, at, dir })
    }

    fn store(&self) -> Store {
        Store::open(&self.at).unwrap()
    }

    fn seat(&self, id: &str) -> Seat {
        Seat::new(self.at.clone(), instance(id))
    }
}

#[test]
fn an_older_postgresql_comes_up_one_step_at_a_time() {
    let Some(stage) = Stage::new() else { return };
    let columns = || {
        let c = connect::reader(&stage.at, Database::Facts).unwrap();
        let sql = "SELECT table_name || '.' || column_name || ' ' || data_type || is_nullable ||
            coalesce(collation_name, '') FROM information_schema.columns
            WHERE table_schema = 'zaigang' ORDER BY 1";
        let indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'zaigang' ORDER BY 1";
        let of = |sql| collect(&c, sql, [], |r| Ok(r.get::<_, String>(0)?)).unwrap();
        (of(sql), of(indexes))
    };
    stage.store().first_time("before", now().into()).unwrap();
    let fresh = columns();
    let c = connect::writer(&stage.at, Database::Facts).unwrap();
    c.execute_batch(
        "DROP TABLE leadership, server_instance, throttle, template_receipt, case_template,
            policy_trial_box, policy_trial, evidence_deed;
         DROP INDEX evidence_item_unburied;
         ALTER TABLE evidence_item DROP COLUMN epoch, DROP COLUMN seq, DROP COLUMN buried;
         ALTER TABLE case_entry DROP COLUMN party;
         ALTER TABLE case_document DROP COLUMN party, DROP COLUMN template;
         ALTER TABLE alert_step DROP COLUMN law_version;
         ALTER TABLE case_document DROP COLUMN law_version;
         ALTER TABLE clue DROP COLUMN due_rule, DROP COLUMN gone_on;
         ALTER TABLE clue_step DROP COLUMN said;
         ALTER TABLE pub_practitioner DROP COLUMN exempt_until;
         DROP INDEX view_by_own_number;
         DROP TRIGGER alert_numbered ON alert;
         DROP TRIGGER correction_numbered ON correction;
         DROP TRIGGER self_check_numbered ON self_check;
         DROP TRIGGER view_numbered ON view;
         DROP FUNCTION clinic_numbered, view_numbered;
         ALTER TABLE alert DROP COLUMN clinic_number;
         ALTER TABLE correction DROP COLUMN clinic_number;
         ALTER TABLE self_check DROP COLUMN clinic_number;
         ALTER TABLE view DROP COLUMN own_number;
         DROP TABLE clinic_count;
         DROP INDEX IF EXISTS clue_due, clue_open, clue_by_source, clue_by_allegation,
            clue_by_province, clue_by_city, clue_by_district, clue_with_words,
            clue_accepted, clue_unread;
         UPDATE schema_version SET n = 34",
    )
    .unwrap();
    let store = stage.store();
    assert_eq!(columns(), fresh);
    assert!(!store.first_time("before", now().into()).unwrap(), "its rows are still there");
    c.execute_batch("UPDATE schema_version SET n = 33").unwrap();
    assert!(Store::open(&stage.at).unwrap_err().to_string().contains("has schema 33"));
    c.execute_batch("UPDATE schema_version SET n = 99").unwrap();
    assert!(Store::open(&stage.at).unwrap_err().to_string().contains("has schema 99"));
}

/// Two versions side by side: the older one's connection breaks, and it goes on.
#[test]
fn a_running_older_version_writes_on_after_an_update() {
    let Some(stage) = Stage::new() else { return };
    let older = stage.store();
    let c = connect::writer(&stage.at, Database::Facts).unwrap();
    let cut = "UPDATE schema_version SET n = n + 1;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    c.execute_batch(cut).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while older.first_time("after", now().into()).is_err() {
        assert!(Instant::now() < deadline, "it writes no more");
    }
    assert!(Store::open(&stage.at).is_err(), "one that is started says that it does not fit");
}

#[test]
fn guesses_at_one_server_wait_at_the_other() {
    let Some(stage) = Stage::new() else { return };
    let (a, b) = (stage.store(), stage.store());
    let names = ["login wang".to_owned()];
    let attempt =
        |store: &Store| store.throttled(&names, 0, |t, ms| t.attempt(&["login wang"], ms)).unwrap();
    let begun = (0..10).filter(|_| attempt(&a).is_ok()).count();
    assert_eq!(begun, 5);
    assert!(attempt(&b).is_err(), "the other server knows nothing of it");
    b.throttled(&names, 0, |t, _| t.succeeded("login wang")).unwrap();
    assert!(attempt(&a).is_ok(), "a success counts there, too");
    for _ in 0..10 {
        let _ = attempt(&a);
    }
    b.clear_throttle(&"wang".parse().unwrap()).unwrap();
    assert!(attempt(&a).is_ok());
}

#[test]
fn what_one_server_appends_the_other_hears() {
    let Some(stage) = Stage::new() else { return };
    let (a, b) = (stage.store(), stage.store());
    let mut notices = b.feed_notices().unwrap().unwrap();
    let before = b.changes().unwrap();
    a.feed_append("x", &serde_json::json!({})).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let heard = async { tokio::time::timeout(Duration::from_secs(2), notices.next()).await };
    assert_eq!(runtime.block_on(heard).unwrap(), Some(()));
    assert!(b.changes().unwrap().feed > before.feed);
}

fn call(n: usize) -> NewClue {
    NewClue {
        id: format!("{n:032x}").parse().unwrap(),
        source: Source::Hotline,
        external_no: Some("12345-1".to_owned()),
        posted_by: "hotline/5101".to_owned(),
        received_on: "2026-03-02".to_owned(),
        jurisdiction: "510104".to_owned(),
        institution: None,
        room: None,
        allegation: Allegation::NoLicence,
        due: None,
        about: serde_json::from_str("{\"anonymity\":\"anonymous\"}").unwrap(),
        fold: format!("fold {n}"),
        receipt_mac: None,
        sealed_key: vec![0],
        text: vec![0],
        contact: None,
        files: Vec::new(),
    }
}

#[test]
fn a_number_sent_to_two_servers_at_once_is_one_clue() {
    let Some(stage) = Stage::new() else { return };
    let stores = [stage.store(), stage.store()];
    let sent: Vec<(ClueId, bool)> = std::thread::scope(|scope| {
        let send = |n: usize| {
            let store = &stores[n % 2];
            scope.spawn(move || {
                store.put_clue(&call(n), "2026-03-02T01:00:00.000Z".parse().unwrap()).unwrap()
            })
        };
        let sending: Vec<_> = (0..50).map(send).collect();
        sending.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(sent.iter().filter(|(_, new)| *new).count(), 1);
    assert!(sent.iter().all(|(id, _)| *id == sent[0].0), "{sent:?}");
    let all = ClueFilter { limit: 50, ..ClueFilter::default() };
    assert_eq!(stores[0].clues(&all).unwrap().len(), 1);
}

/// Its own login, proven by a password that PostgreSQL does not know; never a role of the server's.
#[test]
fn the_public_door_logs_in_as_itself() {
    let Some(stage) = Stage::new() else { return };
    let store = stage.store();
    stage.cluster.ask_password_of(schema::DOOR);
    let key = Key::generate().unwrap();
    let door = || PublicStore::open(&stage.at, key.clone());
    assert!(door().unwrap().put_in("t-1", "2026-11-29", b"sealed").unwrap());
    assert_eq!(store.waiting_at_the_door(10).unwrap().len(), 1);
    let one =
        |sql: &str| -> String { store.read(|c| Ok(c.query_row(sql, [], |r| r.get(0))?)).unwrap() };
    let kept = one("SELECT rolpassword FROM pg_authid WHERE rolname = 'zaigang_door'");
    assert!(kept.starts_with("SCRAM-SHA-256$4096:"), "{kept}");
    let users = "SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_activity
        WHERE datname = current_database()";
    let held = door().unwrap();
    assert_eq!(one(users), "zaigang zaigang_door");
    drop(held);
    // Whoever gave the role more than a door's rights is told so, and no door opens.
    let c = connect::writer(&stage.at, Database::Facts).unwrap();
    for (more, less) in [
        ("GRANT zaigang TO zaigang_door", "REVOKE zaigang FROM zaigang_door"),
        ("ALTER ROLE zaigang_door SUPERUSER", "ALTER ROLE zaigang_door NOSUPERUSER"),
        ("ALTER ROLE zaigang_door CREATEROLE", "ALTER ROLE zaigang_door NOCREATEROLE"),
    ] {
        c.execute_batch(more).unwrap();
        let refused = door().unwrap_err().to_string();
        assert!(refused.contains("may do more than a door's"), "{more}: {refused}");
        c.execute_batch(less).unwrap();
        door().unwrap();
    }
}

#[test]
fn a_doors_password_of_an_administrators_is_used() {
    let Some(stage) = Stage::new() else { return };
    drop(stage.store());
    stage.cluster.ask_password_of(schema::DOOR);
    let c = connect::writer(&stage.at, Database::Facts).unwrap();
    c.execute_batch("ALTER ROLE zaigang_door LOGIN PASSWORD 'by hand'").unwrap();
    let file = stage.dir.path().join("door");
    let url = stage.cluster.url("shared");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, closed).unwrap();
        let beside = Beside { door_password_file: Some(file.clone()), ..Beside::default() };
        let at = Address::postgres_with(stage.dir.path(), &url, beside).unwrap();
        PublicStore::open(&at, Key::generate().unwrap())
    };
    with("by hand\n").unwrap();
    let refused = with("another").unwrap_err().to_string();
    assert!(refused.contains("store.door_password_file"), "{refused}");
    with("by hand").unwrap();
}

#[test]
fn tls_proves_the_database_or_nothing_is_said() {
    if std::env::var_os(SOCKET).is_some() {
        return;
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let settings =
        format!("listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\nfsync = off\n");
    let _cluster = Cluster::start_with(&settings, |cluster| {
        cluster.own_file("server.crt", &leaf);
        cluster.own_file("server.key", &key.serialize_pem());
    });
    let (url, dir) = (Cluster::database_at(port, "tls"), tempfile::tempdir().unwrap());
    let ca_file = dir.path().join("ca.pem");
    std::fs::write(&ca_file, &pem).unwrap();
    let opened = |host: &str, ca_file| {
        let url = format!("{}?sslmode=verify-full", url(host));
        let beside = Beside { ca_file, ..Beside::default() };
        Store::open(Address::postgres_with(dir.path(), &url, beside).unwrap())
    };
    let store = opened("localhost", Some(ca_file.clone())).unwrap();
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert!(store.read(|c| Ok(c.query_row(sql, [], |r| r.get::<_, bool>(0))?)).unwrap());
    assert!(store.feed_notices().unwrap().is_some(), "what listens is encrypted, too");
    let refused = |host: &str, ca_file: Option<&std::path::PathBuf>, because: &str| {
        let error = opened(host, ca_file.cloned()).unwrap_err();
        assert!(!error.is_unreachable(), "it would be waited for: {error}");
        assert!(error.to_string().contains(because), "{error}");
    };
    refused("localhost", None, "`store.ca_file`");
    refused("127.0.0.1", Some(&ca_file), "does not name this host");
    let plain = Address::postgres(dir.path(), &url("localhost"), None).unwrap();
    let c = connect::writer(&plain, Database::Facts).unwrap();
    c.execute_batch("ALTER SYSTEM SET ssl = off").unwrap();
    c.execute_batch("SELECT pg_reload_conf()").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while c.query_row("SHOW ssl", [], |r| r.get::<_, String>(0)).unwrap() != "off" {
        assert!(Instant::now() < deadline, "PostgreSQL still speaks TLS");
    }
    refused("localhost", Some(&ca_file), "does not support TLS");
}

/// What was sent and failed is told at the latest by the commit, as the cause, and is not stored.
#[test]
fn a_write_that_was_sent_ahead_fails_its_transaction() {
    let Some(stage) = Stage::new() else { return };
    let mut c = connect::writer(&stage.at, Database::Facts).unwrap();
    let insert = "INSERT INTO counter VALUES (?1, 1)";
    let failed = in_transaction(&mut c, |tx| {
        tx.send(insert, ["a"])?;
        tx.send(insert, ["a"])?;
        Ok(tx.send(insert, ["b"])?)
    });
    let why = failed.unwrap_err().to_string();
    assert!(why.contains("counter_pkey"), "the cause, not what followed from it: {why}");
    let failed = in_transaction(&mut c, |tx| {
        tx.send(insert, ["c"])?;
        tx.send(insert, ["c"])?;
        Ok(tx.query_row("SELECT count(*) FROM counter", [], |r| r.get::<_, i64>(0))?)
    });
    let why = failed.unwrap_err().to_string();
    assert!(why.contains("counter_pkey"), "{why}");
    in_transaction(&mut c, |tx| {
        (0..300).try_for_each(|n| tx.send(insert, [format!("n{n}")]))?;
        let there = "SELECT count(*) FROM counter WHERE name LIKE 'n%'";
        assert_eq!(tx.query_row(there, [], |r| r.get::<_, i64>(0))?, 300, "in their order");
        Ok(())
    })
    .unwrap();
    let left = "SELECT count(*) FROM counter WHERE name IN ('a', 'b', 'c')";
    assert_eq!(c.query_row(left, [], |r| r.get::<_, i64>(0)).unwrap(), 0);
    let each = c.rows_each(
        "SELECT value FROM counter WHERE name = ?1",
        (0..200).map(|n| [format!("n{n}")]).chain([["none".to_owned()]]).collect(),
        |r| r.get::<_, i64>(0),
    );
    let each = each.unwrap();
    assert!(each.len() == 201 && each[..200].iter().all(|rows| rows == &[1]));
    assert!(each[200].is_empty());
}

/// A rush of findings writes without a pause; a page that came meanwhile is next.
#[test]
fn who_waits_to_write_comes_before_who_writes_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(Address::embedded(dir.path())).unwrap();
    for round in 0..20 {
        let order = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let page = store
                .write(|_| {
                    let page = scope.spawn(|| {
                        store.write(|_| {
                            lock(&order).push("page");
                            Ok(())
                        })
                    });
                    // It waits once nobody else can: then it holds the turn.
                    while store.turn.try_lock().is_ok() {
                        std::thread::yield_now();
                    }
                    Ok(page)
                })
                .unwrap();
            store
                .write(|_| {
                    lock(&order).push("rush");
                    Ok(())
                })
                .unwrap();
            page.join().unwrap().unwrap();
        });
        assert_eq!(*lock(&order), ["page", "rush"], "round {round}");
    }
}

/// More pages than there are connections: some wait, none takes another one.
#[test]
fn a_rush_of_pages_takes_no_more_than_its_connections() {
    let Some(stage) = Stage::new() else { return };
    let store = stage.store();
    let held = std::sync::Barrier::new(17);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                store.read(|c| {
                    c.query_row("SELECT 1", [], |r| r.get::<_, i64>(0))?;
                    held.wait();
                    held.wait();
                    Ok(())
                })
            });
        }
        held.wait();
        let refused = store.read(|_| Ok(())).unwrap_err();
        held.wait();
        assert!(matches!(refused, StoreError::Busy { connections: 16 }), "{refused}");
        let problem = crate::problem::Problem::from(refused);
        assert_eq!(problem.status, 503);
        assert!(problem.zh.is_some() && problem.retry_after_s.is_some());
    });
    store.read(|c| Ok(c.query_row("SELECT 1", [], |r| r.get::<_, i64>(0))?)).unwrap();
}

#[test]
fn a_database_that_is_away_is_told_as_such() {
    let Some(stage) = Stage::new() else { return };
    let store = stage.store();
    let read = || store.read(|c| Ok(c.query_row("SELECT 1", [], |r| r.get::<_, i64>(0))?));
    read().unwrap();
    stage.cluster.pause();
    for _ in 0..3 {
        let problem = crate::problem::Problem::from(read().unwrap_err());
        assert_eq!(problem.status, 503, "{problem:?}");
        let zh = problem.zh.unwrap_or_default();
        assert!(zh.contains("数据库暂时连接不上") && problem.retry_after_s.is_some(), "{zh}");
    }
    stage.cluster.resume();
    let deadline = Instant::now() + Duration::from_secs(10);
    while read().is_err() {
        assert!(Instant::now() < deadline, "it is not reached again");
    }
}
