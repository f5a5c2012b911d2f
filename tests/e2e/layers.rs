//! The walls of the house, asserted over `cargo metadata`: who may import whom, and what stays out
//! of a crate for good.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate → the workspace crates that it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("statement", &[]),
    ("presence", &["statement"]),
    ("protocol", &[]),
    ("wording", &["statement", "protocol"]),
    ("trust", &["protocol"]),
    ("fail-point", &[]),
    ("delivery", &["protocol", "trust", "fail-point", "tls-client"]),
    ("zaigang-verify", &["trust"]),
    ("zaigang-fleet", &["protocol", "trust", "delivery"]),
    ("vision", &[]),
    ("law", &[]),
    ("abstention", &[]),
    ("evidence", &["protocol", "trust"]),
    ("dice", &[]),
    ("scene", &["dice"]),
    ("clinic-sim", &["dice"]),
    ("simulate", &["presence", "wording", "clinic-sim", "abstention"]),
    ("evaluate", &["vision", "log-lines", "dice"]),
    ("local-files", &[]),
    ("local-page", &["text-fold"]),
    ("log-lines", &[]),
    ("model-packs", &["vision", "protocol", "trust", "log-lines", "tls-client"]),
    ("text-fold", &[]),
    ("tls-client", &[]),
    (
        "edge-agent",
        &[
            "presence",
            "vision",
            "protocol",
            "trust",
            "delivery",
            "scene",
            "evaluate",
            "evidence",
            "local-files",
            "local-page",
            "log-lines",
            "model-packs",
            "text-fold",
            "tls-client",
            "wording",
        ],
    ),
    (
        "server-core",
        &[
            "vision",
            "protocol",
            "trust",
            "law",
            "abstention",
            "evidence",
            "fail-point",
            "local-files",
            "text-fold",
            "tls-client",
            "wording",
        ],
    ),
    (
        "server",
        &[
            "server-core",
            "vision",
            "protocol",
            "trust",
            "law",
            "evidence",
            "local-files",
            "log-lines",
            "model-packs",
            "wording",
        ],
    ),
];

/// Crate → the outside packages that must never be among its dependencies, however deep.
const NEVER: &[(&str, &[&str])] = &[
    (
        "presence",
        &["tokio", "ort", "image", "rusqlite", "rumqttc", "chrono", "jiff", "time", "wording"],
    ),
    ("statement", &["tokio", "serde_json", "chrono", "jiff", "time", "protocol", "wording"]),
    ("protocol", &["tokio", "ort", "image", "rusqlite", "rumqttc"]),
    ("wording", &["tokio", "ort", "jiff", "rusqlite", "rumqttc", "presence"]),
    ("law", &["tokio", "rusqlite", "rumqttc", "ureq"]),
    ("evidence", &["tokio", "ort", "rusqlite", "rumqttc", "ureq", "socket2"]),
    ("vision", &["tokio", "rumqttc", "rusqlite", "axum"]),
    ("scene", &["tokio", "ort", "rumqttc", "rusqlite"]),
    ("delivery", &["ort", "image", "axum"]),
    ("zaigang-verify", &["tokio", "rusqlite", "rumqttc", "ureq", "socket2"]),
    ("edge-agent", &["axum"]),
];

#[test]
fn data_flows_one_way_and_no_crate_reaches_through_a_wall() {
    let graph = Graph::of_this_workspace();
    for (name, allowed) in MAY_IMPORT {
        let allowed: BTreeSet<_> = allowed.iter().copied().collect();
        let imports = graph.workspace_imports(name);
        let extra: Vec<_> =
            imports.iter().filter(|import| !allowed.contains(import.as_str())).collect();
        assert!(extra.is_empty(), "{name} imports {extra:?}; docs: ARCHITECTURE.md, \"Walls\"");
    }
}

#[test]
fn no_crate_holds_what_it_must_never_hold() {
    let graph = Graph::of_this_workspace();
    for (name, banned) in NEVER {
        let all = graph.closure(name);
        let found: Vec<_> = banned.iter().filter(|b| all.contains(**b)).collect();
        assert!(found.is_empty(), "{name} pulls in {found:?}");
    }
}

#[test]
fn every_crate_of_the_workspace_stands_in_the_table() {
    let graph = Graph::of_this_workspace();
    let listed: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> =
        graph.members.iter().filter(|m| !listed.contains(m.as_str()) && *m != "e2e").collect();
    assert!(missing.is_empty(), "give {missing:?} a line in MAY_IMPORT");
}

/// Names of packages and their normal (not dev, not build) dependencies, as resolved with default
/// features.
struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of_this_workspace() -> Self {
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
            .exec()
            .expect("cargo metadata of the workspace");
        let name_of = |id: &cargo_metadata::PackageId| metadata[id].name.to_string();
        let resolve = metadata.resolve.as_ref().expect("a resolved graph");
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for node in &resolve.nodes {
            let normal = node
                .deps
                .iter()
                .filter(|d| d.dep_kinds.iter().any(|k| k.kind == DependencyKind::Normal));
            edges.entry(name_of(&node.id)).or_default().extend(normal.map(|d| name_of(&d.pkg)));
        }
        let members = metadata.workspace_members.iter().map(name_of).collect();
        Self { members, edges }
    }

    fn workspace_imports(&self, name: &str) -> BTreeSet<String> {
        self.edges[name].intersection(&self.members).cloned().collect()
    }

    fn closure(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_owned()];
        while let Some(next) = open.pop() {
            for dep in self.edges.get(&next).into_iter().flatten() {
                if seen.insert(dep.clone()) {
                    open.push(dep.clone());
                }
            }
        }
        seen
    }
}

/// Decision 0165: a crate with other features is built twice by whoever tries the demonstration
/// first and the tests after it.
#[test]
fn the_demonstration_shares_its_crates_with_the_tests() {
    let demo = "-p server -p edge-agent -p e2e -e normal,build --no-default-features";
    let tests = crates_of("--workspace -e normal,build,dev");
    let own = ["server ", "server-core ", "edge-agent ", "e2e "];
    let differs = |one: &&String| !own.iter().any(|own| one.starts_with(own));
    for camera in [
        "",
        " --features e2e/own-camera",
        " --features e2e/own-camera,edge-agent/live-cameras",
        " --features e2e/own-camera,edge-agent/h265",
    ] {
        let demo = crates_of(&format!("{demo}{camera}"));
        assert!(demo.len() > 300, "{}", demo.len());
        let twice: Vec<_> = demo.difference(&tests).filter(differs).collect();
        assert!(twice.is_empty(), "add their features to tests/Cargo.toml: {twice:#?}");
    }
}

/// What draws attacks and training pictures is for examples and tests: of the crates that
/// scripts/packages packs, none asks for it.
#[test]
fn no_shipped_program_draws_attacks_or_training_pictures() {
    let features = |arguments: &str| -> Vec<String> {
        let crates = crates_of(arguments);
        let scene = crates.iter().filter(|one| one.starts_with("scene "));
        scene.filter_map(|one| one.rsplit_once(") ")).map(|(_, it)| it.to_owned()).collect()
    };
    let shipped = "-p edge-agent -p zaigang-verify -p server -e normal,build";
    assert_eq!(features(shipped), [""], "features of `scene` in the packages");
    assert_eq!(features("-p e2e -e normal,build"), ["attacks"], "the tests draw them");
}

/// Every crate with its features, as cargo resolves them for these arguments.
fn crates_of(arguments: &str) -> BTreeSet<String> {
    let out = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--quiet", "--prefix", "none", "--format", "{p} {f}"])
        .args(arguments.split(' '))
        .current_dir(e2e::programs::root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

/// Invariant 5. The server's `store/`, the box's outbox and its test tools are the only places that
/// speak SQL.
#[test]
fn no_sql_outside_the_store() {
    let statement =
        ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    for file in rust_sources() {
        let path = file.display().to_string();
        if ["server/core/src/store/", "crates/delivery/src/outbox/", "/tests/", "/e2e/"]
            .iter()
            .any(|home| path.contains(home))
        {
            continue;
        }
        let source = std::fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let quoted = statement.iter().find(|s| line.contains(&format!("\"{s}")));
            assert!(quoted.is_none(), "{path}: SQL outside the store: {line}");
        }
    }
}

/// A rule states figures, and `wording` alone phrases them (decision 0358). In the core's rules
/// there is no text at all; in the server's none in Chinese, but for the names of rules and
/// settings.
#[test]
fn no_rule_writes_a_sentence() {
    let names = ["rule_names.rs", "setting_names.rs", "box_setting_words.rs", "settings.rs"];
    let servers = ["core/src/rules/", "src/ingest/integrity.rs", "src/self_check/mismatch.rs"];
    let mut read = 0;
    for file in rust_sources() {
        let path = file.display().to_string();
        let of_core = path.contains("presence/src/rules");
        let of_server = servers.iter().any(|of| path.contains(of))
            && !names.iter().any(|name| path.ends_with(name));
        if !of_core && !of_server {
            continue;
        }
        read += 1;
        let source = std::fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let text = of_core && line.contains('"');
            let chinese = line.contains(|c: char| ('\u{3000}'..='\u{ffee}').contains(&c));
            assert!(!text && !chinese, "{path}: a rule that writes: {line}");
        }
    }
    assert!(read >= 20, "{read} files of rules");
}

fn rust_sources() -> Vec<std::path::PathBuf> {
    let mut open: Vec<_> = ["server/src", "server/core/src", "edge-agent/src", "crates"]
        .iter()
        .map(|p| e2e::programs::root().join(p))
        .collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found
}
