//! `models import`: a signed archive becomes the pack in force, or nothing changes at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Args as ClapArgs;
use vision::pack::{INSTALLED_MANIFEST, POINTER_SUFFIX, PackManifest, Search};

use super::zgpack::{self, Signers};

/// Where a box keeps the public keys whose archives it takes.
const SIGNERS_FILE: &str = "/etc/zaigang/model-signers";

#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// The archive
    #[arg(value_name = "FILE.zgpack")]
    archive: PathBuf,
    /// A trusted signer's public key in base64; may be given several times
    #[arg(long, value_name = "BASE64")]
    signer: Vec<String>,
    /// A file of trusted signers, one per line [default: /etc/zaigang/model-signers, when no
    /// --signer is given]
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
    /// Where to install, instead of the program's own models folder
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
}

/// What an import put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The pack's name.
    pub pack: String,
    /// Its folder.
    pub folder: PathBuf,
}

pub(super) fn run(search: &Search, args: &ImportArgs) -> anyhow::Result<()> {
    let mut signers = Signers::default();
    for key in &args.signer {
        signers.add(key)?;
    }
    match &args.signers {
        Some(file) => signers.add_file(file)?,
        None if args.signer.is_empty() => signers.add_file(Path::new(SIGNERS_FILE)).context(
            "no trusted signer: name one with --signer BASE64, or put public keys into the \
            signers' file, one per line",
        )?,
        None => {}
    }
    let folder = args
        .to
        .as_deref()
        .or(search.cache())
        .context("there is no home directory for models: name a folder with --to")?;
    let installed = import(&args.archive, &signers, folder)?;
    log_lines::say!("installed pack {} in {}", installed.pack, installed.folder.display());
    Ok(())
}

/// Installs an archive under `models`: unpacked and checked in a temporary folder, then put in
/// place by two renames, the folder's and the pointer's. A crash before the second leaves the old
/// pack in force.
pub fn import(archive: &Path, signers: &Signers, models: &Path) -> anyhow::Result<Installed> {
    fs::create_dir_all(models).with_context(|| models.display().to_string())?;
    let work = tempfile::Builder::new()
        .prefix(".import-")
        .tempdir_in(models)
        .with_context(|| models.display().to_string())?;
    let name = archive.display().to_string();
    let (index, digest) =
        zgpack::unpack(archive, signers, work.path()).with_context(|| name.clone())?;
    check_pack(&index.pack, work.path()).with_context(|| format!("{name}: refused"))?;

    let folder = models.join(format!("{}@{}", index.pack, digest.short()));
    if folder.is_dir() {
        // The same archive once more. What lies there may have been damaged since, so it is
        // replaced.
        let old = work.path().with_extension("old");
        fs::rename(&folder, &old).with_context(|| folder.display().to_string())?;
        let placed = place(work, &folder);
        fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
        placed?;
    } else {
        place(work, &folder)?;
    }
    point(models, &index.pack, &folder)?;
    Ok(Installed { pack: index.pack, folder })
}

/// The unpacked manifest must have exactly this pack, and every file it names must be there and
/// right.
fn check_pack(pack: &str, folder: &Path) -> anyhow::Result<()> {
    let manifest = PackManifest::load(&folder.join(INSTALLED_MANIFEST))?;
    ensure!(manifest.packs().count() == 1, "its manifest must have the pack {pack} and no other");
    manifest.pack(pack)?.locate(&Search::only(folder))?;
    Ok(())
}

fn place(work: tempfile::TempDir, folder: &Path) -> anyhow::Result<()> {
    sync(work.path())?;
    fs::rename(work.path(), folder).with_context(|| folder.display().to_string())?;
    // The folder has another name now: there is nothing left to clean up.
    let _ = work.keep();
    Ok(())
}

/// Puts a pack in force: `<pack>.current` holds its folder's name.
fn point(models: &Path, pack: &str, folder: &Path) -> anyhow::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Nothing secret: whoever imports, as root may, the agent's own user must be able to read it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(models)?;
    writeln!(file, "{name}")?;
    file.as_file().sync_all()?;
    file.persist(models.join(format!("{pack}{POINTER_SUFFIX}")))?;
    sync(models)
}

/// A rename survives a power cut only once its folder is on disk.
fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|dir| dir.sync_all()).with_context(|| folder.display().to_string())
}
