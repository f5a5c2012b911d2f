//! The files that a configuration names: each is opened, so that a start does not fail for one that
//! is not there, closed to the caller, or open to everybody. A camera that is unplugged now is no
//! fault.

use std::{fs::File, path::Path};

use super::{Config, FrameSource};

/// One line for each file that cannot be used.
pub(super) fn faults(config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    let mut tell = |key: &str, path: &Path, result: Result<(), String>| {
        if let Err(why) = result {
            faults.push(format!("{key} {}: {why}", path.display()));
        }
    };
    if config.state_dir.exists() {
        tell("state_dir", &config.state_dir, folder(&config.state_dir));
    }
    let models = &config.models;
    if let Some(path) = &models.folder {
        tell("models.folder", path, folder(path));
    }
    for (key, path) in
        [("models.runtime", &models.runtime), ("models.calibration", &models.calibration)]
    {
        if let Some(path) = path {
            tell(key, path, file(path));
        }
    }
    match &config.camera.source {
        FrameSource::Rtsp { credentials_file: Some(path), .. } => {
            tell(
                "camera.credentials_file",
                path,
                local_files::check_secret(path).and_then(|()| file(path)),
            );
        }
        FrameSource::Files { folder: Some(path), .. } => tell("camera.folder", path, folder(path)),
        FrameSource::Files { list, .. } => {
            for path in list {
                tell("camera.list", path, file(path));
            }
        }
        FrameSource::Scene { scene, .. } => {
            if let Some(path) = &scene.cast {
                tell("camera.cast", path, if path.is_dir() { folder(path) } else { file(path) });
            }
        }
        FrameSource::V4l2 { .. } | FrameSource::Rtsp { .. } | FrameSource::Mjpeg { .. } => {}
    }
    faults
}

fn file(path: &Path) -> Result<(), String> {
    File::open(path).map(drop).map_err(|why| why.to_string())
}

fn folder(path: &Path) -> Result<(), String> {
    std::fs::read_dir(path).map(drop).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn each_file_that_cannot_be_used_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = folder.path().join("cred");
        std::fs::write(&credentials, "u:p").unwrap();
        std::fs::set_permissions(&credentials, std::fs::Permissions::from_mode(0o644)).unwrap();
        let text = "mode = \"production\"\nstate_dir = \"state\"\n[models]\nfolder = \
            \"nowhere\"\ncalibration = \"c.toml\"\n\
            [camera]\nkind = \"rtsp\"\nurl = \"rtsp://c/s\"\ncredentials_file = \"cred\"\n";
        let faults = faults(&super::super::parse(&folder.path().join("agent.toml"), text).unwrap());
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[2].contains("chmod 600"), "{faults:?}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_key() {
        for (text, says) in [
            ("[camera]\nkind = \"v4l2\"\nwidth = \"wide\"\n", "a.toml:4: `camera.width`: invalid"),
            ("camera = { kind = \"v4l2\", width = true }\n", "a.toml:2: `camera.width`: invalid"),
            ("camera.kind = \"v4l2\"\ncamera.width = \"x\"\n", "a.toml:3: `camera.width`: invalid"),
            ("[camera]\nkind = \"files\"\nlist = [\n  \"a\",\n  1,\n]\n", "`camera.list`: invalid"),
            ("[[mqtt.brokers]]\nport = 1\n", "`mqtt.brokers`: missing field `host`"),
            ("[[mqtt.brokers]]\nhost = \"h\"\nport = \"x\"\n", "`mqtt.brokers.port`: invalid"),
            ("[log]\nlevel = 3\n", "`log.level`: invalid"),
        ] {
            let text = format!("mode = \"production\"\n{text}");
            let said = super::super::parse(Path::new("a.toml"), &text).unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
