//! Tests of several servers over one PostgreSQL, and of one over SQLite: the seat, the fence, what
//! is shared.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::cluster::{Cluster, SOCKET};
use super::connect::{self, Database};
use super::leadership::{Instance, Look, Seat};
use super::rows::collect;
use super::{Address, Epoch, Store, StoreError, under};

fn instance(id: &str) -> Instance {
    let (version, since) = ("1.0.0".to_owned(), "2026-03-02T01:00:00.000Z".to_owned());
    Instance { id: id.to_owned(), version, since, signing_key: "key".to_owned() }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn refused(store: &Store, epoch: Epoch) -> bool {
    let done = under(Some(epoch), || store.first_time("once", "t"));
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
    under(Some(Epoch(1)), || store.first_time("first", "t")).unwrap();
    drop(a);
    assert_eq!(sits_down(&mut b, &store), Epoch(2));
    assert!(refused(&store, Epoch(1)), "an old leader's late write");
    assert!(store.first_time("once", "t").unwrap(), "nothing of it was written");
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
    _cluster: Cluster,
    at: Address,
    _dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Option<Self> {
        if std::env::var_os(SOCKET).is_some() {
            return None;
        }
        let (cluster, dir) = (Cluster::start(), tempfile::tempdir().unwrap());
        let at = Address::postgres(dir.path(), &cluster.database("shared"), None).unwrap();
        Some(Self { _cluster: cluster, at, _dir: dir })
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
    stage.store().first_time("before", "t").unwrap();
    let fresh = columns();
    let c = connect::writer(&stage.at, Database::Facts).unwrap();
    c.execute_batch(
        "DROP TABLE leadership, server_instance, throttle, template_receipt, case_template;
         ALTER TABLE case_entry DROP COLUMN party;
         ALTER TABLE case_document DROP COLUMN party, DROP COLUMN template;
         ALTER TABLE alert_step DROP COLUMN law_version;
         ALTER TABLE case_document DROP COLUMN law_version;
         ALTER TABLE clue DROP COLUMN due_rule, DROP COLUMN gone_on;
         ALTER TABLE clue_step DROP COLUMN said;
         ALTER TABLE pub_practitioner DROP COLUMN exempt_until;
         DROP INDEX clue_due;
         UPDATE schema_version SET n = 34",
    )
    .unwrap();
    let store = stage.store();
    assert_eq!(columns(), fresh);
    assert!(!store.first_time("before", "t").unwrap(), "its rows are still there");
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
    while older.first_time("after", "t").is_err() {
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
    b.clear_throttle("wang").unwrap();
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
