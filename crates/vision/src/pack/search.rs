//! Where model files may lie, in order. Reads the environment once; never opens a model.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Name of the manifest inside an installed pack's folder.
pub const INSTALLED_MANIFEST: &str = "manifest.toml";
/// `<pack>.current` in the program's models folder names the folder of the pack in force.
pub const POINTER_SUFFIX: &str = ".current";

/// Whose folder it is; that decides what happens to a wrong file in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderKind {
    /// Given with `--models`: a wrong file is an error at once.
    Named,
    /// Given with `$ZAIGANG_MODELS`: a wrong file is an error at once.
    Environment,
    /// A pack that was imported: its own folder inside the program's.
    Installed,
    /// The program's own folder, filled by downloads: a wrong file is set aside.
    Cache,
    /// `../shared/models`, an optional mirror: a wrong file is passed over and reported.
    Mirror,
    /// Next to the manifest in the source tree.
    Bundled,
}

/// A folder to look in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    /// Whose.
    pub kind: FolderKind,
}

/// What the look-up depends on, so that a test can say it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `--models`.
    pub named: Option<PathBuf>,
    /// `$ZAIGANG_MODELS`.
    pub environment: Option<PathBuf>,
    /// The program's own models folder.
    pub cache: Option<PathBuf>,
    /// Packs that came with the system, as on a box's image: what is imported on the box goes
    /// before them.
    pub shipped: Option<PathBuf>,
    /// Places from which the source tree is looked for, upwards.
    pub starts: Vec<PathBuf>,
}

impl Surroundings {
    /// From the process: `$ZAIGANG_MODELS`; systemd's `$STATE_DIRECTORY`, else
    /// `$XDG_CACHE_HOME/zaigang`, else `~/.cache/zaigang`, each with `/models`; the working
    /// directory and the program's place.
    pub fn of_process(named: Option<&Path>) -> Self {
        let folder = |name: &str| env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let state =
            env::var("STATE_DIRECTORY").ok().and_then(|v| v.split(':').next().map(PathBuf::from));
        let cache = state
            .filter(|p| p.is_absolute())
            .or_else(|| {
                folder("XDG_CACHE_HOME").filter(|p| p.is_absolute()).map(|p| p.join("zaigang"))
            })
            .or_else(|| folder("HOME").map(|p| p.join(".cache/zaigang")))
            .map(|p| p.join("models"));
        Self {
            named: named.map(Path::to_path_buf),
            environment: folder("ZAIGANG_MODELS"),
            cache,
            shipped: Some(PathBuf::from("/usr/share/zaigang/models")),
            starts: [env::current_dir().ok(), env::current_exe().ok()]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

/// The folders to look in, in order.
#[derive(Debug, Clone, Default)]
pub struct Search {
    folders: Vec<Folder>,
    cache: Option<PathBuf>,
}

impl Search {
    /// The order of every program: `--models`, `$ZAIGANG_MODELS`, imported packs, the cache, the
    /// system's packs, `../shared/models`, the source tree's `models/`.
    pub fn standard(named: Option<&Path>) -> Self {
        Self::within(&Surroundings::of_process(named))
    }

    /// Only this folder; for tests and tools.
    pub fn only(folder: impl Into<PathBuf>) -> Self {
        Self { folders: vec![Folder { path: folder.into(), kind: FolderKind::Named }], cache: None }
    }

    /// The same order for given surroundings.
    pub fn within(around: &Surroundings) -> Self {
        let mut folders = Vec::new();
        let mut add = |path: PathBuf, kind| {
            if !folders.iter().any(|f: &Folder| f.path == path) {
                folders.push(Folder { path, kind });
            }
        };
        if let Some(path) = &around.named {
            add(path.clone(), FolderKind::Named);
        }
        if let Some(path) = &around.environment {
            add(path.clone(), FolderKind::Environment);
        }
        if let Some(cache) = &around.cache {
            for pack in installed(cache) {
                add(pack, FolderKind::Installed);
            }
            add(cache.clone(), FolderKind::Cache);
        }
        for pack in around.shipped.iter().flat_map(|shipped| installed(shipped)) {
            add(pack, FolderKind::Installed);
        }
        let tree = around.starts.iter().find_map(|start| source_tree(start));
        let beside = |root: &Path| root.parent().map(|p| p.join("shared/models"));
        if let Some(mirror) =
            tree.as_deref().or(around.starts.first().map(PathBuf::as_path)).and_then(beside)
        {
            add(mirror, FolderKind::Mirror);
        }
        if let Some(root) = tree {
            add(root.join("models"), FolderKind::Bundled);
        }
        Self { folders, cache: around.cache.clone() }
    }

    /// The folders in order.
    pub fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// The program's own folder, where downloads and imports go; `None` without a home directory.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }
}

/// The nearest folder upwards that holds this project's `models/manifest.toml`.
fn source_tree(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|root| root.join("models/manifest.toml").is_file())
        .map(Path::to_path_buf)
}

/// Folders of the imported packs in force: those that a `<pack>.current` file names, by name. A
/// pointer may only name a plain folder beside it.
fn installed(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(POINTER_SUFFIX))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && !name.starts_with('.') && !name.contains('/'))
        .map(|name| cache.join(name))
        .filter(|folder| folder.is_dir())
        .collect();
    folders.sort();
    folders
}
