//! `docs/faults.md` against the source: each row names what holds it, and each named test is there
//! and runs. It judges no test.

use std::fs;
use std::path::{Path, PathBuf};

use e2e::programs::root;

/// A word before a test's path → where its crate's sources and tests lie.
const CRATES: &[(&str, &str)] = &[
    ("it", "server/tests/it"),
    ("e2e", "tests/e2e"),
    ("server", "server/src"),
    ("server-core", "server/core/src"),
    ("edge-agent", "edge-agent/src"),
    ("delivery", "crates/delivery/src"),
    ("delivery-tests", "crates/delivery/tests"),
    ("local_files", "crates/local-files/src"),
    ("log_lines", "crates/log-lines/src"),
    ("text_fold", "crates/text-fold/src"),
    ("tls_client", "crates/tls-client"),
    ("trust", "crates/trust/src"),
    ("vision", "crates/vision"),
];

/// What stands between backticks in the last cell of each row, and the line of the row.
fn named(page: &str) -> Vec<(usize, Vec<String>)> {
    let rows = page.lines().enumerate().filter(|(_, line)| line.starts_with("| "));
    rows.filter_map(|(at, line)| {
        let held = line.trim_end_matches([' ', '|']).rsplit(" | ").next()?;
        let quoted = held.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        (held != "held by").then_some((at + 1, quoted))
    })
    .collect()
}

/// `crate path::{a, b}` as crate's folder, modules, and tests; a path without a test's name is a
/// module with tests.
fn parsed(name: &str) -> (PathBuf, Vec<String>, Vec<String>) {
    let (place, path) = match name.split_once(' ') {
        Some((place, path)) if !place.contains("::") => (place, path),
        _ => ("edge-agent", name),
    };
    let folder = CRATES.iter().find(|(known, _)| *known == place);
    let folder = folder.unwrap_or_else(|| panic!("`{name}`: no crate `{place}`")).1;
    let (modules, last) = path.rsplit_once("::").unwrap_or(("", path));
    let tests = last.trim_matches(['{', '}']).split(", ").map(str::to_owned).collect();
    let modules = modules.split("::").filter(|m| !m.is_empty()).map(str::to_owned).collect();
    (root().join(folder), modules, tests)
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.clone(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Whether a file has this test, and nothing keeps it from running.
fn runs(text: &str, test: &str) -> bool {
    let Some(at) = text.find(&format!("fn {test}(")) else { return false };
    // What stands before the name in its own line is no line of its own.
    let indent = usize::from(!text[..at].ends_with('\n'));
    let before = text[..at].lines().rev().skip(indent);
    let before = before.take_while(|line| !line.trim().is_empty() && line.trim() != "}");
    let before: Vec<&str> = before.collect();
    before.iter().any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
        && !before.iter().any(|line| line.contains("#[ignore"))
}

/// Whether a file may be one of these modules': its path, or a module in it, bears each name.
fn belongs(path: &Path, text: &str, modules: &[String]) -> bool {
    let path = path.to_string_lossy();
    modules.iter().all(|module| {
        path.contains(&format!("/{module}.rs"))
            || path.contains(&format!("/{module}/"))
            || text.contains(&format!("mod {module} {{"))
    })
}

fn is_there(name: &str) -> bool {
    if name == "packages" {
        return root().join("scripts/packages-test").is_file();
    }
    if name.starts_with("scripts/") {
        return root().join(name).is_file();
    }
    let (folder, mut modules, tests) = parsed(name);
    let mut files = Vec::new();
    sources(&folder, &mut files);
    let has = |modules: &[String], test: &str| {
        files.iter().any(|(path, text)| belongs(path, text, modules) && runs(text, test))
    };
    if tests.iter().all(|test| has(&modules, test)) {
        return true;
    }
    // A module: some test of it.
    modules.extend(tests);
    files.iter().any(|(path, text)| belongs(path, text, &modules) && text.contains("#[test]"))
}

#[test]
fn each_fault_of_the_table_is_held_by_a_test_that_runs() {
    let page = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let rows = named(&page);
    assert!(rows.len() > 50, "{} rows were read", rows.len());
    for (line, tests) in rows {
        assert!(!tests.is_empty(), "docs/faults.md:{line}: nothing holds it");
        for test in tests {
            assert!(is_there(&test), "docs/faults.md:{line}: `{test}` is no test that runs");
        }
    }
}

#[test]
fn a_test_that_is_not_there_or_ignored_is_found_out() {
    assert!(is_there("it words::a_long_text_is_refused_and_never_cut"));
    assert!(!is_there("it words::a_test_that_nobody_wrote"));
    assert!(!is_there("server-core throttle::{no_wait_is_longer, x}"));
    assert!(!runs("#[test]\n#[ignore]\nfn a() {}\n", "a"));
    assert!(!runs("fn a() {}\n", "a") && runs("mod x {\n    #[test]\n    fn a() {}\n}\n", "a"));
}
