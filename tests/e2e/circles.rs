//! No two files of a crate take names from each other: a reader can begin at the bottom.
//!
//! A file that declares modules may use their names and hand them on (`pub use`), and they may use
//! what it says: neither is a circle by itself. One that goes on through another file is. Tests are
//! not read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{Attribute, ItemMod, ItemUse, UseTree};

/// `a::b` of a crate, as its folders say it; the root is empty.
type Module = Vec<String>;

#[test]
fn no_file_stands_in_a_circle() {
    let circles: Vec<String> = crates().iter().flat_map(|root| circles_of(root)).collect();
    assert!(circles.is_empty(), "files that take names from each other:\n{}", circles.join("\n"));
}

#[test]
fn a_circle_of_two_files_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("lib.rs", "mod a;\nmod b;\npub use a::A;\n");
    put("a.rs", "use crate::b::B;\npub struct A(B);\n");
    put("b.rs", "pub struct B;\nfn f() { super::a::g(); }\n");
    assert_eq!(circles_of(folder.path()).len(), 1);
    put("b.rs", "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }\n");
    assert_eq!(circles_of(folder.path()), Vec::<String>::new());
}

#[test]
fn no_circle_goes_on_through_a_file_and_its_parts() {
    let found: Vec<_> = crates().iter().flat_map(|root| wide_circles_of(root)).collect();
    assert!(found.is_empty(), "files that take names from each other:\n{}", found.join("\n"));
}

#[test]
fn a_circle_through_a_part_of_a_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("lib.rs", "mod a;\nmod b;\n");
    put("a.rs", "mod part;\npub use part::A;\npub struct C;\n");
    put("a/part.rs", "use super::C;\npub struct A(C);\n");
    put("b.rs", "use crate::a::A;\n");
    assert_eq!(wide_circles_of(folder.path()), Vec::<String>::new());
    put("a/part.rs", "use crate::b::f;\npub struct A;\n");
    assert_eq!(circles_of(folder.path()), Vec::<String>::new(), "the narrow look misses it");
    assert_eq!(wide_circles_of(folder.path()).len(), 1);
}

/// Decision 0363: each takes names from those before it alone.
const WEB_FOLDERS: [&str; 5] = ["request", "view", "api", "pages", "layers"];

#[test]
fn a_web_folder_takes_names_from_those_before_it() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src");
    let (read, upward) = upward(&server);
    assert!(read >= 150, "{read} files of the web layer's folders");
    assert!(upward.is_empty(), "names taken upwards:\n{}", upward.join("\n"));
}

#[test]
fn a_name_from_a_later_web_folder_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("web/view/words.rs", "pub struct Lang;\n");
    put("web/pages/law.rs", "use crate::web::view::words::Lang;\npub fn f(_: Lang) {}\n");
    assert_eq!(upward(folder.path()), (2, Vec::new()));
    put("web/view/words.rs", "pub struct Lang;\nfn f() { super::super::pages::law::f(Lang) }\n");
    assert_eq!(upward(folder.path()).1.len(), 1);
}

/// How many files stand in the web layer's folders, and each name taken from a later folder.
fn upward(root: &Path) -> (usize, Vec<String>) {
    let mut files = BTreeMap::new();
    collect(root, &Vec::new(), &mut files);
    let rank = |module: &Module| {
        let folder = module.get(1).filter(|_| module.first().is_some_and(|it| it == "web"))?;
        WEB_FOLDERS.iter().position(|it| it == folder)
    };
    let mut found = Vec::new();
    let ranked = files.iter().filter_map(|(module, path)| Some((module, path, rank(module)?)));
    let ranked: Vec<_> = ranked.collect();
    for (module, path, own) in &ranked {
        for named in named_by(module, path, &files) {
            if rank(named).is_some_and(|of| of > *own) {
                found.push(format!("{} → {}", path.display(), named.join("::")));
            }
        }
    }
    (ranked.len(), found)
}

/// The source folder of each crate of the workspace.
fn crates() -> Vec<PathBuf> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata of the workspace");
    let source = |p: &cargo_metadata::Package| {
        p.manifest_path.parent().unwrap().join("src").into_std_path_buf()
    };
    metadata.workspace_packages().into_iter().map(source).collect()
}

/// Of one crate, each circle in a line; from a file to its own parts no arrow is drawn.
fn circles_of(root: &Path) -> Vec<String> {
    found(root, |module, named| !named.starts_with(module), |_| true)
}

/// Of one crate, each circle in a line that is no file with its parts alone.
fn wide_circles_of(root: &Path) -> Vec<String> {
    let family = |circle: &BTreeSet<&Module>| {
        circle.iter().any(|one| circle.iter().all(|other| other.starts_with(one)))
    };
    found(root, |module, named| module != named && !module.is_empty(), |it| !family(it))
}

fn found(
    root: &Path,
    is_arrow: impl Fn(&Module, &Module) -> bool,
    counts: impl Fn(&BTreeSet<&Module>) -> bool,
) -> Vec<String> {
    let mut files = BTreeMap::new();
    collect(root, &Vec::new(), &mut files);
    let arrows: BTreeMap<&Module, BTreeSet<&Module>> = files
        .iter()
        .map(|(module, path)| {
            let named = named_by(module, path, &files);
            (module, named.into_iter().filter(|named| is_arrow(module, named)).collect())
        })
        .collect();
    let reach = |from: &Module| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&Module> = arrows.get(from).into_iter().flatten().copied().collect();
        while let Some(module) = next.pop() {
            if seen.insert(module) {
                next.extend(arrows.get(module).into_iter().flatten().copied());
            }
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        files.keys().map(|module| (module, reach(module))).collect();
    let circle_of = |module: &Module| -> BTreeSet<&Module> {
        let back = |other: &&Module| reached.get(*other).is_some_and(|all| all.contains(module));
        reached.get(module).into_iter().flatten().copied().filter(back).collect()
    };
    let circles: BTreeSet<BTreeSet<&Module>> =
        files.keys().map(circle_of).filter(|circle| circle.len() > 1 && counts(circle)).collect();
    let line = |circle: BTreeSet<&Module>| {
        let paths = circle.into_iter().filter_map(|module| files.get(module));
        paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    circles.into_iter().map(line).collect()
}

fn collect(folder: &Path, at: &Module, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let inner = || at.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() && !["bin", "tests"].contains(&stem.as_str()) {
            collect(&path, &inner(), files);
        } else if path.extension().is_some_and(|e| e == "rs") && !stem.ends_with("tests") {
            let is_parent = ["lib", "main", "mod"].contains(&stem.as_str());
            files.insert(if is_parent { at.clone() } else { inner() }, path);
        }
    }
}

/// The other files whose names this one takes.
fn named_by<'a>(
    module: &Module,
    path: &Path,
    files: &'a BTreeMap<Module, PathBuf>,
) -> BTreeSet<&'a Module> {
    let text = std::fs::read_to_string(path).unwrap();
    let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let is_part = |it: &&Module| it.len() == module.len() + 1 && it.starts_with(module);
    let parts = files.keys().filter(is_part).filter_map(|it| it.last().cloned()).collect();
    let mut names = Names { module: module.clone(), parts, found: Vec::new() };
    names.visit_file(&parsed);
    let file_of = |name: &Module| {
        let known = (1..=name.len()).rev().find_map(|n| files.get_key_value(name.get(..n)?));
        known.map(|(found, _)| found)
    };
    names.found.iter().filter_map(file_of).collect()
}

/// Every path of a file that begins at the crate, above, here or at a part of it, spelled from the
/// crate's root.
struct Names {
    module: Module,
    /// The files that this one declares.
    parts: BTreeSet<String>,
    found: Vec<Module>,
}

impl Names {
    fn note(&mut self, path: &[String]) {
        let mut whole = match path.first().map(String::as_str) {
            Some("crate") => Vec::new(),
            Some("self" | "super") => self.module.clone(),
            Some(part) if path.len() > 1 && self.parts.contains(part) => self.module.clone(),
            _ => return,
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => {
                    whole.pop();
                }
                _ => whole.push(name.clone()),
            }
        }
        self.found.push(whole);
    }

    fn note_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(it) => self.note_tree(&with(it.ident.to_string()), &it.tree),
            UseTree::Name(it) => self.note(&with(it.ident.to_string())),
            UseTree::Rename(it) => self.note(&with(it.ident.to_string())),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(it) => it.items.iter().for_each(|item| self.note_tree(before, item)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, it: &'ast ItemMod) {
        if it.content.is_some() && !it.attrs.iter().any(is_test) {
            self.module.push(it.ident.to_string());
            syn::visit::visit_item_mod(self, it);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, it: &'ast ItemUse) {
        if !it.attrs.iter().any(is_test) {
            self.note_tree(&[], &it.tree);
        }
    }

    fn visit_path(&mut self, it: &'ast syn::Path) {
        let path: Vec<String> = it.segments.iter().map(|s| s.ident.to_string()).collect();
        self.note(&path);
        syn::visit::visit_path(self, it);
    }
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|it| it.is_ident("test"))
}
