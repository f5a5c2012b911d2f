//! One running demonstration: its folder, the lock that says whose it is, and what is left when one
//! was killed. Never touches a folder that is in use, or one that its user named.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::programs;

const PREFIX: &str = "zaigang-demo-";
const LOCK: &str = "demo.lock";
/// What a demonstration starts.
const PROGRAMS: &[&str] = &["zaigang-server", "zaigang-agent", "mosquitto"];
/// How their command lines name the configuration.
const CONFIG_OPTIONS: &[&str] = &["--config", "-c"];

/// A folder in use by this process; a temporary one goes with it.
#[derive(Debug)]
pub struct FolderInUse {
    folder: PathBuf,
    temporary: Option<tempfile::TempDir>,
    _lock: File,
}

impl FolderInUse {
    /// In the folder that the user named, or a new temporary one.
    pub fn open(keep: Option<&Path>) -> Result<Self> {
        let temporary = match keep {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix(PREFIX).tempdir()?),
        };
        let folder = match (keep, &temporary) {
            (Some(named), _) => {
                fs::create_dir_all(named).with_context(|| named.display().to_string())?;
                fs::canonicalize(named)?
            }
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => unreachable!("one of the two is there"),
        };
        let path = folder.join(LOCK);
        let lock =
            File::options().create(true).truncate(false).read(true).write(true).open(&path)?;
        if lock.try_lock().is_err() {
            bail!(
                "{} is in use by {}; end that one, or name another folder",
                folder.display(),
                whose(&folder)
            );
        }
        fs::write(&path, std::process::id().to_string())?;
        Ok(Self { folder, temporary, _lock: lock })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes down which page it serves, so that a second one can name it.
    pub fn serves(&self, page: &str) -> Result<()> {
        let text = format!("{}\n{page}\n", std::process::id());
        Ok(fs::write(self.folder.join(LOCK), text)?)
    }

    /// The folder that goes when this process ends.
    pub fn temporary(&self) -> Option<&Path> {
        self.temporary.as_ref().map(|_| self.folder.as_path())
    }
}

/// "a demonstration (process 12, page http://…)", as far as it is known.
fn whose(folder: &Path) -> String {
    let lock = fs::read_to_string(folder.join(LOCK)).unwrap_or_default();
    let page = page(folder).map(|page| format!(", page {page}")).unwrap_or_default();
    format!("a demonstration (process {}{page})", lock.lines().next().unwrap_or_default().trim())
}

/// The page that a demonstration serves itself, or else its server's.
fn page(folder: &Path) -> Option<String> {
    let lock = fs::read_to_string(folder.join(LOCK)).unwrap_or_default();
    if let Some(page) = lock.lines().nth(1) {
        return Some(page.to_owned());
    }
    let ready: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("server.ready")).ok()?).ok()?;
    Some(ready["http"].as_str()?.to_owned())
}

/// Which demonstration serves this address, where one does: `127.0.0.1:8080`.
pub fn who_serves(listen: &str) -> Option<String> {
    let folders = servers().into_iter().filter_map(|left| left.folder);
    folders
        .filter(|f| page(f).is_some_and(|page| page.ends_with(&format!("//{listen}"))))
        .map(|f| whose(&f))
        .next()
}

/// Ends what killed demonstrations left running and removes their temporary folders; one line for
/// each.
pub fn clean() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for left in servers() {
        let Some(folder) = left.folder.filter(|f| f.join(LOCK).exists()) else { continue };
        // Temporary folders elsewhere are another user's, or another TMPDIR's.
        let ours = !is_temporary(&folder) || folder.parent() == Some(&std::env::temp_dir());
        if ours && !is_in_use(&folder) {
            programs::end_process(left.pid);
            lines.push(format!(
                "ended {} (process {}) of {}",
                left.name,
                left.pid,
                folder.display()
            ));
        }
    }
    for entry in fs::read_dir(std::env::temp_dir())? {
        let folder = entry?.path();
        if !is_temporary(&folder) || !folder.is_dir() {
            continue;
        }
        if is_in_use(&folder) {
            lines.push(format!("left alone: {}, in use by {}", folder.display(), whose(&folder)));
            continue;
        }
        fs::remove_dir_all(&folder)
            .with_context(|| format!("{} can not be removed", folder.display()))?;
        lines.push(format!("removed {}", folder.display()));
    }
    Ok(lines)
}

fn is_temporary(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
}

/// Held for as long as its demonstration lives, however that ends.
fn is_in_use(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err())
}

/// A server, box or broker that runs.
struct Running {
    pid: u32,
    name: String,
    /// The demonstration's, where its configuration lies in one; otherwise that of the file.
    folder: Option<PathBuf>,
}

fn servers() -> Vec<Running> {
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(running).collect()
}

fn running(pid: u32) -> Option<Running> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments: Vec<String> =
        line.split(|b| *b == 0).map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    let name = Path::new(arguments.first()?).file_name()?.to_str()?.to_owned();
    let option = arguments.iter().position(|a| CONFIG_OPTIONS.contains(&a.as_str()));
    let config = option.and_then(|at| arguments.get(at + 1)).map(Path::new);
    let folder = config.and_then(|config| home(config).or(config.parent()).map(Path::to_owned));
    PROGRAMS.contains(&name.as_str()).then_some(Running { pid, name, folder })
}

/// The folder of the demonstration to which a file belongs.
fn home(file: &Path) -> Option<&Path> {
    file.ancestors().skip(1).find(|folder| folder.join(LOCK).exists())
}
