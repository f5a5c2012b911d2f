//! A type name that others may use means one thing in the whole house. Private types and tests are
//! not read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Visibility};

/// Rust's custom: each program has a configuration, each command its arguments.
const OF_EACH_PROGRAM: [&str; 3] = ["Args", "Config", "ConfigError"];

/// One thing in several forms, and the crates that hold one: as it travels, as it is decided with,
/// as the register keeps it. `docs/decisions/0364` says why these are not one type.
const FORMS: &[(&str, &[&str])] = &[
    ("Basis", &["presence", "server-core"]),
    ("CameraState", &["presence", "protocol"]),
    ("Catalogue", &["presence", "protocol"]),
    ("CheckDirection", &["presence", "protocol"]),
    ("Confidence", &["presence", "protocol"]),
    ("Consent", &["edge-agent", "server-core"]),
    ("DeploymentMode", &["presence", "protocol"]),
    ("EvidenceCurves", &["presence", "vision"]),
    ("FindingKind", &["presence", "protocol"]),
    ("Institution", &["presence", "server-core"]),
    ("Interval", &["presence", "protocol"]),
    ("Item", &["clinic-sim", "presence", "protocol", "scene", "server-core"]),
    ("ItemKind", &["presence", "protocol"]),
    ("Pass", &["presence", "protocol", "server-core"]),
    ("Policy", &["presence", "protocol"]),
    ("Polygon", &["presence", "protocol"]),
    ("Practitioner", &["presence", "server-core"]),
    ("PractitionerCategory", &["presence", "protocol"]),
    ("PresenceSummary", &["presence", "protocol"]),
    ("RegistrationStatus", &["presence", "protocol"]),
    ("Room", &["presence", "protocol", "server-core"]),
    ("Roster", &["presence", "protocol"]),
    ("Session", &["clinic-sim", "protocol", "scene", "server-core"]),
    ("Setting", &["presence", "protocol", "server-core"]),
    ("Severity", &["presence", "protocol"]),
    ("SiteRelation", &["presence", "protocol"]),
    ("Specialty", &["presence", "protocol"]),
    ("Step", &["presence", "protocol"]),
    ("Template", &["protocol", "vision"]),
    ("Thresholds", &["presence", "vision"]),
    ("Zones", &["presence", "protocol"]),
];

/// Public type name → the crate and the file of each.
type Places = BTreeMap<String, BTreeSet<(String, PathBuf)>>;

#[test]
fn a_public_type_name_has_one_meaning() {
    let mut places = Places::new();
    for (name, root) in crates() {
        note_folder(&name, &root, &mut places);
    }
    assert!(places.len() > 1_000, "only {} type names were found", places.len());
    let wrong = judged(&places, FORMS);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_name_of_two_meanings_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let found = |forms: &[(&str, &[&str])]| {
        let mut places = Places::new();
        note_folder("here", folder.path(), &mut places);
        judged(&places, forms)
    };
    put("a.rs", "pub struct Seen;");
    for second in [
        "pub struct Seen;",
        "pub enum Seen {}",
        "pub type Seen = u8;",
        "pub trait Seen {}",
        "pub union Seen { a: u8 }",
        "pub(crate) struct Seen;",
        "pub(super) mod inner { pub(super) struct Seen; }",
    ] {
        put("b.rs", second);
        assert!(found(&[]).contains("Seen means several things"), "{second}");
        assert_eq!(found(&[("Seen", &["here", "here"])]), "", "{second}");
        assert!(found(&[("Seen", &["here", "there"])]).contains("not in"), "{second}");
        assert!(found(&[("Seen", &["here"])]).contains("not in"), "{second}");
    }
    for harmless in ["struct Seen;", "pub fn f() {}", "#[cfg(test)] mod t { pub struct Seen; }"] {
        put("b.rs", harmless);
        assert_eq!(found(&[]), "", "{harmless}");
        assert!(found(&[("Seen", &["here"])]).contains("take it out"), "{harmless}");
    }
}

/// Name and source folder of each crate of the workspace.
fn crates() -> Vec<(String, PathBuf)> {
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata of the workspace");
    let of = |p: &cargo_metadata::Package| {
        let folder = p.manifest_path.parent().unwrap().join("src");
        (p.name.to_string(), folder.into_std_path_buf())
    };
    metadata.workspace_packages().into_iter().map(of).collect()
}

/// What does not hold, a line each.
fn judged(places: &Places, forms: &[(&str, &[&str])]) -> String {
    let mut wrong = String::new();
    let mut double = BTreeSet::new();
    for (name, at) in places.iter().filter(|(_, at)| at.len() > 1) {
        double.insert(name.as_str());
        if OF_EACH_PROGRAM.contains(&name.as_str()) {
            continue;
        }
        let files = at.iter().fold(String::new(), |mut files, (_, file)| {
            let _ = write!(files, "\n    {}", file.display());
            files
        });
        let known = forms.iter().find(|(form, _)| form == name).map(|(_, crates)| *crates);
        let crates: Vec<&str> = at.iter().map(|(name, _)| name.as_str()).collect();
        match known {
            Some(known) if crates == known => {}
            Some(known) => {
                let _ = writeln!(wrong, "{name} has a form that is not in {known:?}:{files}");
            }
            None => {
                let _ = writeln!(wrong, "{name} means several things:{files}");
            }
        }
    }
    let listed = forms.iter().map(|(name, _)| *name);
    for name in listed.filter(|name| !double.contains(name)) {
        let _ = writeln!(wrong, "{name} has one place: take it out of the list");
    }
    wrong
}

/// Rust files below a folder that are no tests.
fn note_folder(name: &str, folder: &Path, places: &mut Places) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && stem != "tests" {
            note_folder(name, &path, places);
        } else if path.extension().is_some_and(|it| it == "rs") && !stem.ends_with("tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            let file =
                syn::parse_file(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            note_items(name, &path, &file.items, places);
        }
    }
}

/// `path`: the file, and the modules inside it.
fn note_items(name: &str, path: &Path, items: &[Item], places: &mut Places) {
    for item in items {
        let (vis, ident) = match item {
            Item::Struct(it) => (&it.vis, &it.ident),
            Item::Enum(it) => (&it.vis, &it.ident),
            Item::Union(it) => (&it.vis, &it.ident),
            Item::Trait(it) => (&it.vis, &it.ident),
            Item::Type(it) => (&it.vis, &it.ident),
            Item::Mod(it) => {
                if let Some((_, inside)) = &it.content
                    && !it.attrs.iter().any(is_test)
                {
                    note_items(name, &path.join(it.ident.to_string()), inside, places);
                }
                continue;
            }
            _ => continue,
        };
        if !matches!(vis, Visibility::Inherited) {
            let place = (name.to_owned(), path.to_owned());
            places.entry(ident.to_string()).or_default().insert(place);
        }
    }
}

fn is_test(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|it| it.is_ident("test"))
}
