//! The contract: every test of the store passes on PostgreSQL as well.

use std::process::Command;

use super::cluster::{Cluster, SOCKET};
use super::copy::copy;
use super::{Address, Amount, FaceStore, Store};
use crate::vault::Key;

/// This program's own tests of the store once more, each over a database of its own.
#[test]
fn every_test_of_the_store_passes_on_postgresql() {
    if std::env::var_os(SOCKET).is_some() {
        return;
    }
    let cluster = Cluster::start();
    let dir = tempfile::tempdir().unwrap();
    let prepared = Address::postgres(dir.path(), &cluster.template(), None).unwrap();
    drop(Store::open(&prepared).unwrap());
    drop(FaceStore::open(&prepared, Key::generate().unwrap()).unwrap());
    text_is_folded_alike(&cluster);
    let own = std::env::current_exe().unwrap();
    let played =
        Command::new(own).args(["store::"]).env(SOCKET, cluster.socket()).output().unwrap();
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}\n{}", String::from_utf8_lossy(&played.stderr));
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 50, "only {passed} tests were played: {said}");
}

/// PostgreSQL's `folded` and `loose` are the program's.
fn text_is_folded_alike(cluster: &Cluster) {
    let dir = tempfile::tempdir().unwrap();
    let at = Address::postgres(dir.path(), &cluster.database("folding"), None).unwrap();
    let store = Store::open(&at).unwrap();
    for text in [
        "",
        " ",
        "锦城 医美",
        "ＡＢｃ・Ｄ\u{3000}x",
        "A\u{200b}b",
        "a\t\tb\n",
        "P_007-01",
        "0",
        "00",
        "1-1",
        "é É ß",
        "葛\u{fe00}",
        "·•‧∙⋅･᛫⸱",
        "㎏ ﬁ Ⅷ",
        "７００",
        "p.0.00",
        "x0y00z",
        "李·Ａ 00",
    ] {
        let made: (String, String) = store
            .read(|c| {
                let sql = "SELECT folded(?1), loose(?1)";
                Ok(c.query_row(sql, [text], |r| Ok((r.get(0)?, r.get(1)?)))?)
            })
            .unwrap();
        assert_eq!(made, (crate::text::folded(text), crate::text::loose(text)), "{text:?}");
    }
}

#[test]
fn a_filled_store_moves_there_and_back_unchanged() {
    if std::env::var_os(SOCKET).is_some() {
        return;
    }
    let cluster = Cluster::start();
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let embedded = Address::embedded(old.path());
    filled(&embedded);
    let there = Address::postgres(old.path(), &cluster.database("there"), None).unwrap();
    super::copy::broken_off(&embedded, &there);
    let unfinished = Store::open(&there).unwrap_err().to_string();
    assert!(unfinished.contains("has not ended"), "{unfinished}");
    let mut lines = Vec::new();
    let rows = copy(&embedded, &there, &mut |line| lines.push(line.to_owned())).unwrap();
    assert!(rows > 4_000 && lines.len() > 100, "{rows} rows, {lines:?}");
    assert_eq!(summary(&there), summary(&embedded));
    let full = copy(&embedded, &there, &mut |_| {}).unwrap_err().to_string();
    assert!(full.contains("already: name an empty one"), "{full}");
    let back = Address::embedded(new.path());
    assert_eq!(copy(&there, &back, &mut |_| {}).unwrap(), rows);
    assert_eq!(summary(&back), summary(&embedded));
}

fn summary(at: &Address) -> String {
    serde_json::to_string(&Store::open(at).unwrap().summary().unwrap()).unwrap()
}

/// A thousand findings with everything around them, a log, and faces.
fn filled(at: &Address) {
    let store = Store::open(at).unwrap();
    let amount = Amount {
        from: 0,
        findings: 1_000,
        institutions: 20,
        people: 100,
        seed: 7,
        newest_ms: 1_764_400_000_000,
    };
    store.fill(&amount).unwrap();
    for n in 0..5 {
        let deed = super::Deed {
            actor: "wang".to_owned(),
            action: "GET /people".to_owned(),
            object: n.to_string(),
            why: "查".to_owned(),
            status: 200,
        };
        store.audit(&deed, "2026-03-02T01:00:00.000Z".parse().unwrap()).unwrap();
    }
    let faces = FaceStore::open(at, Key::generate().unwrap()).unwrap();
    faces.rotation_seed("c-00001").unwrap();
}
