//! The book of docs/: every page says for whom it is, its links lead somewhere, its commands run,
//! its reference is current.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::programs::{program, root};
use e2e::reference;
use expect_test::expect_file;

/// What clinics and supervisors read: in both languages.
const PAGES: &[&str] = &[
    "index.md",
    "try.md",
    "install.md",
    "server.md",
    "review.md",
    "limits.md",
    "recognition.md",
    "evidence.md",
    "public.md",
    "self-inspection.md",
];

fn docs() -> PathBuf {
    root().join("docs")
}

/// The pages of a folder, none below it.
fn pages_in(folder: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(docs().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages
}

/// Every page that is written by hand.
fn pages() -> Vec<PathBuf> {
    let single = ["reference/index.md", "templates/README.md"].map(|page| docs().join(page));
    pages_in("").into_iter().chain(pages_in("zh")).chain(single).collect()
}

#[test]
fn the_reference_is_what_the_programs_say() {
    for page in reference::pages().unwrap() {
        expect_file![docs().join("reference").join(page.file)].assert_eq(&page.text);
    }
}

#[test]
fn every_page_says_for_whom_it_is() {
    for page in pages().into_iter().chain(pages_in("reference")) {
        let text = fs::read_to_string(&page).unwrap();
        let said = text.lines().take(6).any(|l| l.starts_with("*For ") || l.starts_with("*读者"));
        assert!(said, "{} does not say for whom it is", page.display());
    }
}

#[test]
fn every_page_stands_in_the_book_of_its_language() {
    let script = fs::read_to_string(root().join("scripts/book")).unwrap();
    let (_, lists) = script.split_once("ENGLISH = [").unwrap();
    let (english, chinese) = lists.split_once("CHINESE = [").unwrap();
    let (chinese, _) = chinese.split_once("class ").unwrap();
    for (folder, book) in [("", english), ("zh", chinese)] {
        for page in pages_in(folder) {
            let name = format!("\"{}\"", page.file_name().unwrap().to_str().unwrap());
            assert!(book.contains(&name), "{} is in no part of the book", page.display());
        }
    }
    for page in PAGES {
        assert!(docs().join(page).is_file() && docs().join("zh").join(page).is_file(), "{page}");
    }
}

/// A block of another kind would be neither run nor marked.
#[test]
fn every_command_of_a_page_is_run_or_has_a_title() {
    const NO_COMMANDS: [&str; 3] = ["toml", "json", "text"];
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let fences = text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        // The second of two ends a block.
        for fence in fences.step_by(2) {
            let kind = fence.split_whitespace().next().unwrap_or_default();
            let bash = fence == "bash" || fence.starts_with("bash title=\"");
            assert!(bash || NO_COMMANDS.contains(&kind), "{}: ```{fence}", page.display());
        }
    }
}

#[test]
fn every_link_of_the_book_leads_somewhere() {
    let checked =
        Command::new("python3").arg(root().join("scripts/book")).arg("--check").output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The keys that a program knows in a table (`""`: at the top), as it says them when it meets
/// another one.
/// The tests that a row of the threat model names, braces opened: the last part of each path.
fn tests_named(row: &str) -> Vec<String> {
    let cell = row.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
    let mut names = Vec::new();
    for word in cell.split('`').skip(1).step_by(2) {
        let (before, inside) = word.split_once('{').unwrap_or(("", word));
        let inside = inside.trim_end_matches('}');
        assert!(before.is_empty() || word.ends_with('}'), "{word}");
        names.extend(inside.split(',').map(|name| name.trim().to_owned()));
    }
    names
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let text = fs::read_to_string(docs().join("trust.md")).unwrap();
    let mut sources = Vec::new();
    for folder in ["server", "edge-agent", "crates", "tests"] {
        rust_files(&root().join(folder), &mut sources);
    }
    let rows = text.lines().filter(|line| line.starts_with("| S") || line.starts_with("| X"));
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), 39, "36 findings and three more");
    for row in rows {
        let names = tests_named(row);
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            if name.contains('/') {
                assert!(root().join(&name).is_file(), "{name}");
                continue;
            }
            let function = format!("fn {}(", name.rsplit("::").next().unwrap_or(&name));
            let there = sources.iter().any(|source| source.contains(&function));
            assert!(there, "no test `{name}`: {row:.60}");
        }
    }
}

/// Every name of `tables` in backticks that a Rust identifier could be.
fn names_in_code(text: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .filter(is_name)
        .collect()
}

fn rust_files(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_name_of_the_glossary_stands_in_the_code() {
    let text = fs::read_to_string(docs().join("glossary.md")).unwrap();
    let mut sources = Vec::new();
    for folder in ["crates", "edge-agent/src", "server/core/src", "server/src"] {
        rust_files(&root().join(folder), &mut sources);
    }
    let words: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .collect();
    let missing: Vec<_> = names_in_code(&text).into_iter().filter(|n| !words.contains(n)).collect();
    assert!(missing.is_empty(), "the glossary names what the code does not: {missing:?}");
}

fn known_keys(check: &[&str], table: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    let head = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
    fs::write(&file, format!("{head}no_such_key = 1\n")).unwrap();
    let output =
        Command::new(program(check[0]).unwrap()).args(&check[1..]).arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let (_, expected) = said.split_once("expected ").unwrap_or_else(|| panic!("[{table}]: {said}"));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_that_a_program_knows_is_in_the_reference() {
    for (check, page) in [
        (["zaigang-agent", "config", "--check"], "agent-configuration.md"),
        (["zaigang-server", "check", "--config"], "server-configuration.md"),
    ] {
        let text = fs::read_to_string(docs().join("reference").join(page)).unwrap();
        let part = |heading: &str| {
            text.split("\n## ").find_map(|part| part.strip_prefix(heading)).unwrap_or_default()
        };
        // A value, or a list of tables.
        let has = |part: &str, key: &str| {
            let mut lines = part.lines().map(|l| l.trim_start_matches('#').trim());
            let list = format!(".{key}]]");
            lines.any(|l| {
                l.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "))
                    || (l.starts_with("[[") && l.ends_with(&list))
            })
        };
        let mut tables = 0;
        for key in known_keys(&check, "") {
            let table = part(&format!("[{key}]\n"));
            assert!(
                !table.is_empty() || has(part("At the top\n"), &key),
                "{page} does not have {key}"
            );
            if table.is_empty() {
                continue;
            }
            tables += 1;
            let missing: Vec<_> =
                known_keys(&check, &key).into_iter().filter(|inner| !has(table, inner)).collect();
            assert!(missing.is_empty(), "{page}: [{key}] does not have {missing:?}");
        }
        assert!(tables > 5, "{page} has {tables} tables");
    }
}

/// The commands of a page: those of blocks without a title, one after the other.
fn commands(page: &Path) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in fs::read_to_string(page).unwrap().lines() {
        match line {
            "```bash" => inside = true,
            "```" => inside = false,
            line if inside => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_book_without_a_title_runs() {
    let programs = program("zaigang-agent").unwrap().parent().unwrap().display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap());
    let mut run = BTreeSet::new();
    for page in pages() {
        // A reader types them one after the other in one folder.
        let folder = tempfile::tempdir().unwrap();
        for command in commands(&page) {
            // The script builds first, which the tests have done.
            let typed = command.replace("./scripts/demo", "zaigang-demo");
            let once = typed.starts_with("zaigang-demo") && !run.insert(typed.clone());
            if once {
                continue;
            }
            let output = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &typed])
                .current_dir(folder.path())
                .env("PATH", &path)
                .env("TMPDIR", folder.path())
                .output()
                .unwrap();
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{}: {command}\n{out}{err}", page.display());
            run.insert(typed);
        }
    }
    assert!(run.len() >= 9, "these alone were found: {run:?}");
}

#[test]
fn the_two_languages_hold_the_same_commands() {
    for page in PAGES {
        let (english, chinese) =
            (commands(&docs().join(page)), commands(&docs().join("zh").join(page)));
        let missing: Vec<_> = chinese.iter().filter(|c| !english.contains(c)).collect();
        assert!(missing.is_empty(), "{page}: only in Chinese: {missing:?}");
    }
}
