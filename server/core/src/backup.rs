//! `zaigang-server backup` and `restore`: one archive with both databases and the server's keys,
//! and the way back.
//!
//! The archive is a tar of copies taken while the server runs. The secret keys in it are sealed
//! with the master key, which is never part of it, and a seal over the list of files says that
//! nothing was changed. Over PostgreSQL a dump of its own takes the place of the two files
//! ([`postgres`]). Restoring replays the ledger of deletions before the data is put in place:
//! who withdrew after the backup does not come back.

mod postgres;

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use trust::SigningKey;

use crate::clock::{self, At};
use crate::config::Config;
use crate::export::Hashing;
use crate::no_room_told;
use crate::store::{
    Address, Aside, CopyFacts, Deed, FaceStore, Store, check_copy, copy_database, is_current,
    is_there, schema_of,
};
use crate::tombstone::{Deletion, Ledger};
use crate::update_backups;
pub use crate::update_backups::before_updates;
use crate::vault::Key;

const FORMAT: &str = "zaigang-backup/1";
/// Faces first: whoever is in them was registered before, so the facts copied after them know
/// everybody.
const DATABASES: [&str; 2] = ["faces.db", "zaigang.db"];
/// Sealed with the master key.
const SECRETS: [&str; 2] = ["server_signing.key", "ca.key"];
const PLAIN: [&str; 1] = ["ca.pem"];
const MANIFEST: &str = "manifest.json";
const SEAL: &str = "manifest.seal";
const SEAL_LABEL: &str = "backup manifest";
/// Held by every running server, shared; a restore takes it alone.
const LOCK: &str = "running.lock";

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    made_at: String,
    program: String,
    files: Vec<Entry>,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    bytes: u64,
    sha256: String,
    sealed: bool,
}

/// Says that a server runs over this folder, for as long as it is kept.
pub fn running_lock(data_dir: &Path) -> anyhow::Result<File> {
    let file = lock_file(data_dir)?;
    if file.try_lock_shared().is_err() {
        bail!("{} is being restored: start the server when that is done", data_dir.display());
    }
    Ok(file)
}

/// Held while the data is replaced or copied away; no server runs over it meanwhile.
pub fn lock_for_restore(data_dir: &Path) -> anyhow::Result<File> {
    let lock = lock_file(data_dir)?;
    if lock.try_lock().is_err() {
        bail!("a server runs over {}: stop it first", data_dir.display());
    }
    Ok(lock)
}

fn lock_file(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join(LOCK);
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("{} can not be opened", path.display()))
}

fn master(config: &Config) -> anyhow::Result<Key> {
    let path = &config.master_key_file;
    ensure!(
        path.exists(),
        "{}: there is no master key; bring it back from where it is kept apart",
        path.display()
    );
    Ok(Key::master(path)?)
}

/// Writes the archive; gives one line for a person.
pub fn backup(config: &Config, to: &Path, why: &str) -> anyhow::Result<String> {
    ensure!(!to.exists(), "{} is there already: a backup overwrites nothing", to.display());
    let parent = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    made(config, to, why, parent).map_err(|error| no_room_told::named(error, parent))
}

fn made(config: &Config, to: &Path, why: &str, parent: &Path) -> anyhow::Result<String> {
    let key = master(config)?;
    let work = tempfile::Builder::new().prefix(".zaigang-backup-").tempdir_in(parent);
    let work = work.with_context(|| format!("no copies can be made in {}", parent.display()))?;
    let mut files = Vec::new();
    let mut current = is_current(&config.store)?;
    if config.store.is_postgres() {
        postgres::dump(config, &work.path().join(postgres::DUMP))?;
        files.push(entry(work.path(), postgres::DUMP, false)?);
    }
    for name in DATABASES.into_iter().filter(|_| !config.store.is_postgres()) {
        let copied = copy_database(&config.data_dir.join(name), &work.path().join(name))?;
        current &= copied.schema == copied.known;
        files.push(entry(work.path(), name, false)?);
    }
    for name in SECRETS.into_iter().filter(|n| config.data_dir.join(n).exists()) {
        let sealed = key.seal(&format!("backup {name}"), &read(&config.data_dir.join(name))?)?;
        fs::write(work.path().join(name), sealed)?;
        files.push(entry(work.path(), name, true)?);
    }
    for name in PLAIN.into_iter().filter(|n| config.data_dir.join(n).exists()) {
        fs::copy(config.data_dir.join(name), work.path().join(name))?;
        files.push(entry(work.path(), name, false)?);
    }
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let manifest =
        Manifest { format: FORMAT.to_owned(), made_at: At::now().to_string(), program, files };
    let text = serde_json::to_vec_pretty(&manifest)?;
    fs::write(work.path().join(SEAL), key.seal(SEAL_LABEL, trust::sha256_hex(&text).as_bytes())?)?;
    fs::write(work.path().join(MANIFEST), &text)?;
    pack(work.path(), &manifest, to)?;
    if current {
        let store = Store::open(&config.store)?;
        audit(&store, "backup", &format!("manifest {}", trust::sha256_hex(&text)), why)?;
    }
    let bytes: u64 = manifest.files.iter().map(|f| f.bytes).sum();
    Ok(format!(
        "{}: {} files, {} KiB, made at {}. The master key and the ledger of deletions are not in \
        it: keep copies of both, elsewhere",
        to.display(),
        manifest.files.len(),
        bytes / 1024,
        manifest.made_at
    ))
}

/// Before this program changes how an older one's data is laid out, all of it is copied beside;
/// gives where. The older program comes back to it with `restore`.
pub fn before_update(config: &Config) -> anyhow::Result<Option<String>> {
    let facts = DATABASES.map(|name| config.data_dir.join(name)).map(|path| schema_of(&path));
    let facts: Vec<CopyFacts> =
        facts.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    if facts.iter().all(|f| f.schema == 0 || f.schema >= f.known) {
        return Ok(None);
    }
    let to = config.data_dir.join(update_backups::name(At::now()));
    let said = backup(config, &to, "before an update")?;
    // Whoever withdrew is in the older ones, too.
    for older in before_updates(&config.data_dir).into_iter().rev().skip(KEPT_BEFORE_UPDATES) {
        fs::remove_file(&older)
            .with_context(|| format!("{} can not be removed", older.display()))?;
    }
    Ok(Some(format!(
        "the data is of an earlier version and is backed up before it is changed: {said}"
    )))
}

const KEPT_BEFORE_UPDATES: usize = 2;

fn entry(folder: &Path, name: &str, sealed: bool) -> anyhow::Result<Entry> {
    let path = folder.join(name);
    Ok(Entry {
        name: name.to_owned(),
        bytes: fs::metadata(&path)?.len(),
        sha256: file_sha256(&path)?,
        sealed,
    })
}

fn file_sha256(path: &Path) -> anyhow::Result<String> {
    let mut hashing = Hashing::new(std::io::sink());
    std::io::copy(&mut File::open(path)?, &mut hashing)?;
    Ok(hashing.finish())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} can not be read", path.display()))
}

/// Whole or not at all: readable by nobody else, on disk before it has its name.
fn pack(work: &Path, manifest: &Manifest, to: &Path) -> anyhow::Result<()> {
    let unfinished = PathBuf::from(format!("{}.part", to.display()));
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let file = file.with_context(|| format!("{} can not be written", unfinished.display()))?;
    let packed = packed(work, manifest, file).and_then(|()| Ok(fs::rename(&unfinished, to)?));
    if packed.is_err() {
        // On a full disk it would take what somebody makes free.
        let _ = fs::remove_file(&unfinished);
    }
    packed
}

fn packed(work: &Path, manifest: &Manifest, file: File) -> anyhow::Result<()> {
    let mut tar = tar::Builder::new(BufWriter::new(file));
    let names = [MANIFEST, SEAL].into_iter().chain(manifest.files.iter().map(|f| f.name.as_str()));
    for name in names {
        tar.append_path_with_name(work.join(name), name)?;
    }
    let mut out = tar.into_inner()?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(())
}

fn audit(store: &Store, action: &str, object: &str, why: &str) -> anyhow::Result<()> {
    let actor = format!("uid {}", crate::export::uid());
    let deed = Deed {
        actor,
        action: action.to_owned(),
        object: object.to_owned(),
        why: clock::clip(why, 200),
        status: 200,
    };
    Ok(store.audit(&deed, At::now())?)
}

/// Puts the archive's data in place of what is there; gives what a person has to know, one line
/// each.
pub fn restore(config: &Config, from: &Path, why: &str) -> anyhow::Result<String> {
    let key = master(config)?;
    fs::create_dir_all(&config.data_dir)?;
    let _lock = lock_for_restore(&config.data_dir)?;
    postgres::nobody_lives(config)?;
    let staged = beside(&config.data_dir, "restoring")?;
    let (manifest, mut said, aside) = match stage(config, &key, from, &staged, why) {
        Ok(done) => done,
        Err(error) => {
            let _ = fs::remove_dir_all(&staged);
            return Err(error);
        }
    };
    let folder = match put_in_place(config, &staged) {
        Ok(folder) => folder,
        Err(error) => {
            return Err(match aside {
                Some(aside) => postgres::taken_back(&aside, error),
                None => error,
            });
        }
    };
    let mut places = vec![folder.display().to_string()];
    if let Some(aside) = &aside {
        places.extend(aside.names().into_iter().map(|name| format!("the schema {name}")));
    }
    said.push(format!(
        "what stood there before lies in {}: remove it when all is well",
        places.join(", ")
    ));
    let head =
        format!("restored the backup of {} (made by {})", manifest.made_at, manifest.program);
    Ok(std::iter::once(head).chain(said).collect::<Vec<_>>().join("\n"))
}

/// The staged folder becomes the data's; gives where the former one lies.
fn put_in_place(config: &Config, staged: &Path) -> anyhow::Result<PathBuf> {
    let ending = format!("before-{}", At::now().to_string().replace([':', '.'], ""));
    let aside = beside(&config.data_dir, &ending)?;
    fs::rename(&config.data_dir, &aside)?;
    fs::rename(staged, &config.data_dir)?;
    Ok(aside)
}

fn beside(data_dir: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let name = data_dir.file_name().context("`data_dir` has no name of its own")?.to_string_lossy();
    let path = data_dir.with_file_name(format!("{name}.{ending}"));
    ensure!(
        !path.exists(),
        "{} is there already, perhaps of a restore that was broken off: remove it",
        path.display()
    );
    Ok(path)
}

/// Everything that can fail, in a folder beside the real one; over PostgreSQL what is replaced is
/// set aside.
fn stage(
    config: &Config,
    key: &Key,
    from: &Path,
    staged: &Path,
    why: &str,
) -> anyhow::Result<(Manifest, Vec<String>, Option<Aside>)> {
    let manifest = unpack(config, key, from, staged)?;
    let mut said = Vec::new();
    let signer = Arc::new(SigningKey::from_file(&staged.join(SECRETS[0]))?);
    let ledger = Ledger::new(&config.tombstone_file, signer);
    if !config.store.is_postgres() {
        for name in DATABASES {
            check_copy(&staged.join(name))?;
        }
        learn_from_replaced(config, key, &ledger, &mut said)?;
        let of = (&Address::from(staged), &manifest);
        replay(of, key, &ledger, &mut said, why)?;
        return Ok((manifest, said, None));
    }
    learn_from_replaced(config, key, &ledger, &mut said)?;
    let dump = staged.join(postgres::DUMP);
    let aside = postgres::put_back(config, &dump)?;
    let replayed = replay((&config.store, &manifest), key, &ledger, &mut said, why)
        .and_then(|()| Ok(fs::remove_file(&dump)?));
    match replayed {
        Ok(()) => Ok((manifest, said, Some(aside))),
        Err(error) => Err(postgres::taken_back(&aside, error)),
    }
}

/// Who withdrew since the backup is deleted again, and nobody is logged in.
fn replay(
    (at, manifest): (&Address, &Manifest),
    key: &Key,
    ledger: &Ledger,
    said: &mut Vec<String>,
    why: &str,
) -> anyhow::Result<()> {
    let (_, replay) = FaceStore::open(at, key.clone())?.with_ledger(ledger.clone())?;
    said.push(format!("{} deletion(s) since the backup replayed", replay.replayed));
    if replay.other_signer > 0 {
        said.push(format!(
            "{} line(s) of the ledger are signed by another key than this server's",
            replay.other_signer
        ));
    }
    let (store, again) = Store::open(at)?.with_ledger(ledger.clone())?;
    said.extend(again.lines());
    store.end_every_login()?;
    said.push(
        "every login and invitation is ended; look through accounts, API tokens and revoked \
        boxes: they stand as on that day"
            .to_owned(),
    );
    let object = format!("backup of {}; replayed {}", manifest.made_at, replay.replayed);
    audit(&store, "restore", &object, why)
}

/// The databases that are replaced may know of deletions that no ledger holds yet.
fn learn_from_replaced(
    config: &Config,
    key: &Key,
    ledger: &Ledger,
    said: &mut Vec<String>,
) -> anyhow::Result<()> {
    let known = ledger.read()?.deletions.len();
    let there = if config.store.is_postgres() {
        is_there(&config.store)?
    } else {
        config.data_dir.join(DATABASES[0]).exists()
    };
    if !there {
        if known == 0 {
            said.push(format!(
                "{} holds no deletion: if people withdrew since the backup, bring that file back \
                and restore again",
                config.tombstone_file.display()
            ));
        }
        return Ok(());
    }
    let faces = FaceStore::open(&config.store, key.clone()).and_then(|f| f.tombstones());
    let now = At::now();
    let facts = Store::open(&config.store);
    let facts = facts.and_then(|s| Ok((s.ended_custodians()?, s.unburied_pictures(now)?)));
    let of_persons = faces.map(|all| all.into_iter().map(Deletion::Person).collect::<Vec<_>>());
    let of_facts = facts.map(|(ended, pictures)| {
        ended.into_iter().map(Deletion::Custodian).chain(pictures).collect()
    });
    for (database, found) in [("faces", of_persons), ("facts", of_facts)] {
        match found {
            Ok(deletions) => drop(ledger.append(&deletions)?),
            Err(error) => said.push(format!(
                "the replaced database of {database} was not asked for deletions: {error}"
            )),
        }
    }
    Ok(())
}

fn unpack(config: &Config, key: &Key, from: &Path, staged: &Path) -> anyhow::Result<Manifest> {
    let file = File::open(from).with_context(|| format!("{} can not be read", from.display()))?;
    fs::create_dir(staged).with_context(|| format!("{} can not be made", staged.display()))?;
    let wrong = |what: &str| format!("{}: {what}", from.display());
    let mut archive = tar::Archive::new(file);
    for found in archive.entries().with_context(|| wrong("is no backup"))? {
        let mut found = found.with_context(|| wrong("is no backup, or is cut short"))?;
        let name = found.path()?.to_string_lossy().into_owned();
        let known = [MANIFEST, SEAL]
            .into_iter()
            .chain(DATABASES)
            .chain([postgres::DUMP])
            .chain(SECRETS)
            .chain(PLAIN)
            .any(|n| n == name);
        ensure!(
            known && found.header().entry_type().is_file(),
            wrong(&format!("holds `{}`, which no backup has", clock::clip(&name, 60)))
        );
        let mut out =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(staged.join(&name))?;
        std::io::copy(&mut found, &mut out).with_context(|| wrong("is cut short"))?;
        out.sync_all()?;
    }
    let manifest = manifest(key, staged).with_context(|| from.display().to_string())?;
    for file in &manifest.files {
        let path = staged.join(&file.name);
        let same = path.exists() && file_sha256(&path)? == file.sha256;
        ensure!(same, wrong(&format!("`{}` is not the file that was backed up", file.name)));
        if file.sealed {
            let plain = key.open(&format!("backup {}", file.name), &read(&path)?)?;
            fs::write(&path, plain.as_slice())?;
        }
    }
    fs::remove_file(staged.join(MANIFEST))?;
    fs::remove_file(staged.join(SEAL))?;
    let (ours, theirs, engine) = if config.store.is_postgres() {
        (vec![postgres::DUMP, SECRETS[0]], DATABASES[0], "SQLite")
    } else {
        (vec![DATABASES[0], DATABASES[1], SECRETS[0]], postgres::DUMP, "PostgreSQL")
    };
    ensure!(
        !staged.join(theirs).exists(),
        wrong(&format!(
            "is of a store in {engine}: restore it under a configuration with that store, then \
            move it with `zaigang-server store copy`"
        ))
    );
    for name in ours {
        ensure!(staged.join(name).exists(), wrong(&format!("lacks `{name}`")));
    }
    Ok(manifest)
}

fn manifest(key: &Key, staged: &Path) -> anyhow::Result<Manifest> {
    let (mut text, mut seal) = (Vec::new(), Vec::new());
    let open = |name: &str| {
        File::open(staged.join(name)).with_context(|| format!("is no backup: it lacks `{name}`"))
    };
    open(MANIFEST)?.take(1 << 20).read_to_end(&mut text)?;
    open(SEAL)?.take(1 << 16).read_to_end(&mut seal)?;
    let said =
        key.open(SEAL_LABEL, &seal).context("was made with another master key, or was changed")?;
    ensure!(
        said.as_slice() == trust::sha256_hex(&text).as_bytes(),
        "its list of files was changed"
    );
    let manifest: Manifest =
        serde_json::from_slice(&text).context("its list of files is of another format")?;
    ensure!(
        manifest.format == FORMAT,
        "is of format `{}`, this program reads {FORMAT}",
        manifest.format
    );
    Ok(manifest)
}
