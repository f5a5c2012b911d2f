//! `models pack` and `models keygen`: on a workstation, a signed archive for boxes without a
//! network.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args as ClapArgs;
use toml::{Table, Value};
use trust::SigningKey;
use vision::pack::{INSTALLED_MANIFEST, LocatedPack, PackManifest, Search};

use super::zgpack;

const APACHE: &str = include_str!("../../../LICENSE");
const MIT: &str = include_str!("../../../models/licenses/MIT.txt");

#[derive(Debug, ClapArgs)]
pub struct PackArgs {
    /// The pack, e.g. `real`
    #[arg(value_name = "PACK")]
    pack: String,
    /// The signing key, made by `models keygen`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The archive to write
    #[arg(long, value_name = "FILE.zgpack")]
    out: PathBuf,
    /// A manifest with this site's calibrated thresholds, instead of the built-in one
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
}

pub(super) fn run(search: &Search, args: &PackArgs) -> anyhow::Result<()> {
    let text = match &args.manifest {
        Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => PackManifest::built_in_text().to_owned(),
    };
    let name = args
        .manifest
        .as_ref()
        .map_or_else(|| "built-in manifest".to_owned(), |path| path.display().to_string());
    let pack = PackManifest::parse_named(&text, &name)?.pack(&args.pack)?.clone();
    let located = pack.locate(search)?;
    let key = SigningKey::from_file(&args.key)?;

    let work = tempfile::tempdir()?;
    let manifest = work.path().join(INSTALLED_MANIFEST);
    fs::write(&manifest, excerpt(&text, &args.pack)?)?;
    let notice = work.path().join("NOTICE.txt");
    fs::write(&notice, licences(&located))?;
    let mut files =
        vec![(INSTALLED_MANIFEST.to_owned(), manifest), ("NOTICE.txt".to_owned(), notice)];
    files.extend(model_files(&located));
    zgpack::write(&args.out, &args.pack, &files, &key)?;
    log_lines::say!(
        "wrote {}; boxes take it with --signer {}",
        args.out.display(),
        key.verifying_key().to_base64()
    );
    Ok(())
}

pub(super) fn keygen(out: &Path) -> anyhow::Result<()> {
    let key = SigningKey::generate()?;
    key.to_new_file(out)?;
    log_lines::say!("{}", key.verifying_key().to_base64());
    Ok(())
}

fn model_files(located: &LocatedPack) -> Vec<(String, PathBuf)> {
    let mut files = vec![
        (located.detector.facts.artefact.file.clone(), located.detector.path.clone()),
        (located.embedder.facts.artefact.file.clone(), located.embedder.path.clone()),
    ];
    files.extend(
        located.companion.iter().map(|net| (net.facts.artefact.file.clone(), net.path.clone())),
    );
    files.extend(
        located.liveness.iter().map(|net| (net.facts.artefact.file.clone(), net.path.clone())),
    );
    files
        .extend(located.mask.iter().map(|net| (net.facts.artefact.file.clone(), net.path.clone())));
    files
}

/// The part of a manifest that one pack needs: the pack, its models, their templates.
fn excerpt(text: &str, pack: &str) -> anyhow::Result<String> {
    let whole: Table = text.parse()?;
    let entry = whole
        .get("pack")
        .and_then(|packs| packs.get(pack))
        .context("the manifest lost its pack")?;
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for section in ["detector", "embedder", "liveness", "mask"] {
        let names = match entry.get(section) {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => {
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        wanted.extend(names.into_iter().map(|name| (section.to_owned(), name)));
    }
    let companion = entry.get("companion").and_then(|second| second.get("embedder")?.as_str());
    wanted.extend(companion.map(|name| ("embedder".to_owned(), name.to_owned())));
    let embedders: Vec<String> =
        wanted.iter().filter(|(s, _)| s == "embedder").map(|(_, name)| name.clone()).collect();
    for embedder in embedders {
        let template =
            whole.get("embedder").and_then(|all| all.get(&embedder)?.get("template")?.as_str());
        wanted.insert((
            "template".to_owned(),
            template.context("the embedder has no template")?.to_owned(),
        ));
    }
    wanted.insert(("pack".to_owned(), pack.to_owned()));

    let mut part = Table::new();
    part.extend(whole.get("format").map(|format| ("format".to_owned(), format.clone())));
    for (section, name) in wanted {
        let value = whole
            .get(&section)
            .and_then(|table| table.get(&name))
            .context("the manifest lost an entry")?;
        let table = part.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(name, value.clone());
        }
    }
    Ok(toml::to_string(&part)?)
}

/// Who made which file under which licence, with the licences' texts: a condition of passing the
/// files on.
fn licences(located: &LocatedPack) -> String {
    let mut text = format!("{}\n\n", located.pack.title);
    for (role, artefact) in located.pack.artefacts() {
        let _ = writeln!(text, "{role}: {} ({})", artefact.file, artefact.licence);
        for source in &artefact.sources {
            let _ = writeln!(text, "    from {}", source.url);
        }
        if let Some(recipe) = &artefact.conversion {
            let _ = writeln!(text, "    changed: converted by this project's recipe {recipe}");
        }
    }
    let _ = write!(text, "\n\n---- MIT ----\n\n{MIT}\n\n---- Apache-2.0 ----\n\n{APACHE}");
    text
}
