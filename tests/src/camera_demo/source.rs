//! What `--camera` may name, and how the box is to look at it. Opens nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Drawn people, for machines without a camera.
pub(super) const CROWD: &str = "demo:crowd";

/// What the box looks at.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum DemoSource {
    /// A camera of this machine.
    Device(PathBuf),
    /// An IP camera; what opens it stands in a file of its own.
    Rtsp { url: String, credentials: Option<String> },
    /// A film, over and over.
    Video(PathBuf),
    /// The pictures of a folder in turn, over and over.
    Folder(PathBuf),
    /// Drawn people.
    Crowd,
}

/// Credentials never print.
impl std::fmt::Debug for DemoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl DemoSource {
    /// Reads the argument; the error names it and says what may stand there.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text == CROWD {
            return Ok(Self::Crowd);
        }
        if let Some(rest) = text.strip_prefix("rtsp://") {
            return rtsp(rest);
        }
        let path = Path::new(text);
        if text.starts_with("/dev/") {
            let about = fs::metadata(path).with_context(|| no_camera(text))?;
            if about.is_file() || about.is_dir() {
                bail!("--camera {text}: this is no camera; {MAY_BE}");
            }
            return Ok(Self::Device(path.to_owned()));
        }
        let about = fs::metadata(path).with_context(|| format!("--camera {text}: {MAY_BE}"))?;
        let path = fs::canonicalize(path)?;
        if about.is_dir() {
            if pictures(&path)?.is_empty() {
                bail!("--camera {text}: there is no .jpg, .jpeg or .png in this folder");
            }
            return Ok(Self::Folder(path));
        }
        Ok(Self::Video(path))
    }

    /// Whether what it shows happens now, so that liveness means something.
    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Device(_) | Self::Rtsp { .. })
    }

    /// In one word, for the page and the terminal; an address or a path may say too much.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Device(_) => "camera",
            Self::Rtsp { .. } => "rtsp",
            Self::Video(_) => "video",
            Self::Folder(_) => "folder",
            Self::Crowd => CROWD,
        }
    }

    /// The `[camera]` of the box's configuration. `pipe` is where the films and pictures come from.
    pub(super) fn config(&self, pipe: &Path) -> String {
        match self {
            Self::Device(device) => {
                format!("kind = \"v4l2\"\ndevice = {:?}\n", device.display().to_string())
            }
            Self::Rtsp { url, credentials } => {
                let file = if credentials.is_some() {
                    "credentials_file = \"camera.credentials\"\n"
                } else {
                    ""
                };
                format!("kind = \"rtsp\"\nurl = {url:?}\n{file}")
            }
            Self::Video(_) | Self::Folder(_) | Self::Crowd => {
                format!("kind = \"mjpeg\"\npipe = {:?}\nlive = false\n", pipe.display().to_string())
            }
        }
    }
}

const MAY_BE: &str = "give a camera (/dev/video0, /dev/v4l/by-id/…), rtsp://…, a video file, a \
    folder of pictures, or demo:crowd";

/// The JPEG and PNG files of a folder, by name.
pub(super) fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let kind =
            path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        if matches!(kind.as_str(), "jpg" | "jpeg" | "png") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Splits what opens the camera from where it is: the box refuses an address that holds a password.
fn rtsp(rest: &str) -> Result<DemoSource> {
    let authority = rest.split('/').next().unwrap_or_default();
    let (credentials, host) = match authority.rsplit_once('@') {
        Some((credentials, host)) => (Some(credentials.to_owned()), host),
        None => (None, authority),
    };
    if host.is_empty() || credentials.as_ref().is_some_and(|c| !c.contains(':')) {
        bail!(
            "--camera rtsp://: write rtsp://HOST:PORT/PATH or rtsp://USER:PASSWORD@HOST:PORT/PATH"
        );
    }
    Ok(DemoSource::Rtsp { url: format!("rtsp://{host}{}", &rest[authority.len()..]), credentials })
}

fn no_camera(named: &str) -> String {
    let there: Vec<String> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().display().to_string()))
        .filter(|path| path.starts_with("/dev/video"))
        .collect();
    let have = if there.is_empty() {
        "this machine has none".to_owned()
    } else {
        format!("there is {}", there.join(", "))
    };
    format!("--camera {named}: no such camera ({have}); --camera {CROWD} plays drawn people")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_the_address_and_never_prints() {
        let source = DemoSource::parse("rtsp://admin:se@cret@10.0.0.9:554/live?x=1").unwrap();
        let DemoSource::Rtsp { url, credentials } = &source else { panic!("{source:?}") };
        assert_eq!(
            (url.as_str(), credentials.as_deref()),
            ("rtsp://10.0.0.9:554/live?x=1", Some("admin:se@cret"))
        );
        assert!(!format!("{source:?} {}", source.config(Path::new("p"))).contains("cret"));
        assert!(DemoSource::parse("rtsp://admin@10.0.0.9/live").is_err());
        assert!(DemoSource::parse("rtsp:///live").is_err());
    }

    #[test]
    fn what_is_none_of_it_is_one_line_with_what_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().display().to_string();
        for (named, needle) in [
            ("/dev/video977", "demo:crowd"),
            ("nowhere.mp4", "demo:crowd"),
            (empty.as_str(), ".png"),
            ("/dev/shm", "no camera"),
        ] {
            let said = format!("{:#}", DemoSource::parse(named).unwrap_err());
            assert!(
                said.contains(needle) && said.contains(named) && !said.contains('\n'),
                "{said}"
            );
        }
    }
}
