//! `models fetch`: from the official sources into the cache, with the conversion where one is
//! needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args as ClapArgs;
use vision::pack::{
    Artefact, FolderKind, ModelSource, Pack, PackError, PackManifest, Search, verify_file,
};

use super::download::{DownloadPatience, ExpectedFile, FileDownload};
use super::progress;

#[derive(Debug, ClapArgs)]
pub struct FetchArgs {
    /// Packs, e.g. `real`; all but the optional ones when none is named
    packs: Vec<String>,
    /// Address of a mirror that holds the finished files by name, instead of the official sources
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Where to put the files, instead of the cache
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// Gets every missing file of the chosen packs; goes on after a failure and counts it.
pub(super) fn fetch(search: &Search, args: &FetchArgs) -> anyhow::Result<()> {
    let manifest = PackManifest::effective(search)?;
    let folder = args
        .to
        .as_deref()
        .or(search.cache())
        .context("there is no home directory for a cache: name a folder with --to")?;
    let mut failed = Vec::new();
    for pack in super::chosen(&manifest, &args.packs)? {
        for (_, artefact) in pack.artefacts() {
            match one(pack, artefact, search, folder, args.mirror.as_deref()) {
                Ok(line) => log_lines::say!("{line}"),
                Err(error) => {
                    log_lines::note!("{}: {error:#}", artefact.file);
                    failed.push(artefact.file.clone());
                }
            }
        }
    }
    failed.dedup();
    if !failed.is_empty() {
        bail!("not fetched: {}", failed.join(", "));
    }
    Ok(())
}

fn one(
    pack: &Pack,
    artefact: &Artefact,
    search: &Search,
    folder: &Path,
    mirror: Option<&str>,
) -> anyhow::Result<String> {
    let target = folder.join(&artefact.file);
    if target.is_file() && verify_file(&target, artefact).is_ok() {
        return Ok(format!("have     {}", target.display()));
    }
    match pack.locate_file(search, artefact, &mut Vec::new()) {
        Ok(path) => return Ok(format!("have     {}", path.display())),
        Err(PackError::Missing { .. } | PackError::WrongContent { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let finished = ExpectedFile { bytes: Some(artefact.bytes), sha256: Some(artefact.sha256) };
    if let Some(base) = mirror {
        get(&format!("{}/{}", base.trim_end_matches('/'), artefact.file), &target, finished)?;
        return Ok(format!("fetched  {}", target.display()));
    }
    match (&artefact.conversion, artefact.sources.as_slice()) {
        (_, []) => bail!(
            "it has no official source to download; import a .zgpack that holds it, or name a \
            folder with --models"
        ),
        (None, [source, ..]) => get(&source.url, &target, finished)?,
        (Some(recipe), sources) => convert(recipe, sources, &target, search, folder)?,
    }
    verify_file(&target, artefact)?;
    Ok(format!("fetched  {}", target.display()))
}

fn get(url: &str, to: &Path, expected: ExpectedFile) -> anyhow::Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bar = progress::bar(&name, expected.bytes.unwrap_or(0));
    FileDownload { url, to, expected, network: DownloadPatience::default() }.run(&bar)
}

/// Gets the originals into `<folder>/originals` and runs the recipe of `models/convert/convert.py`
/// on them.
fn convert(
    recipe: &str,
    sources: &[ModelSource],
    target: &Path,
    search: &Search,
    folder: &Path,
) -> anyhow::Result<()> {
    let originals = folder.join("originals");
    for source in sources {
        let to = originals.join(source.file_name());
        if !original_is_there(source, &to) {
            get(&source.url, &to, ExpectedFile { bytes: source.bytes, sha256: source.sha256 })?;
        }
    }
    let script = script(search).with_context(|| {
        format!(
            "the originals are in {}; convert them in the source tree: scripts/models fetch",
            originals.display()
        )
    })?;
    let python = std::env::var_os("ZAIGANG_PYTHON").unwrap_or_else(|| "python3".into());
    let unfinished = super::download::beside(target, ".converting");
    let output = Command::new(&python)
        .arg(&script)
        .args(["--recipe", recipe, "--from"])
        .arg(&originals)
        .arg("--to")
        .arg(&unfinished)
        .output()
        .with_context(|| {
            format!(
                "{} is needed to convert the originals in {}",
                python.display(),
                originals.display()
            )
        })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} --recipe {recipe} failed: {}; `scripts/models fetch` sets up what it needs \
            (numpy, onnx)",
            script.display(),
            why.trim().lines().last().unwrap_or("no message")
        );
    }
    fs::rename(&unfinished, target).with_context(|| target.display().to_string())
}

/// An original without a pinned hash is downloaded again: only a whole download may be trusted to
/// be whole.
fn original_is_there(source: &ModelSource, at: &Path) -> bool {
    let Some(expected) = source.sha256 else { return false };
    fs::read(at).is_ok_and(|bytes| vision::pack::Digest::of(&bytes) == expected)
}

fn script(search: &Search) -> Option<PathBuf> {
    let bundled = search.folders().iter().find(|folder| folder.kind == FolderKind::Bundled)?;
    Some(bundled.path.join("convert/convert.py")).filter(|path| path.is_file())
}
