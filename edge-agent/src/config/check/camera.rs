//! `[camera]`: which source, with which of its keys; keys of another source are refused. Opens no
//! file.

use std::path::{Path, PathBuf};

use toml::Spanned;

use super::{
    Checked,
    values::{choice, decimal, number, path_of, place, wrong},
};
use crate::config::{CameraSettings, FrameSource, Problem, RunMode, SceneSettings, Script, raw};

pub(super) const NO_KIND: &str =
    "`[camera]` with `kind` is missing: \"v4l2\", \"rtsp\", \"files\", \"scene\" or \"mjpeg\"";

#[derive(Clone, Copy, PartialEq)]
enum CameraKind {
    V4l2,
    Rtsp,
    Files,
    Scene,
    Mjpeg,
}

pub(super) fn camera_settings(
    base: &Path,
    mode: RunMode,
    camera: &Spanned<raw::CameraSection>,
) -> Checked<CameraSettings> {
    let raw = camera.get_ref();
    let Some(kind) = &raw.kind else { return Err(wrong(camera, NO_KIND)) };
    let kinds = [
        ("v4l2", CameraKind::V4l2),
        ("rtsp", CameraKind::Rtsp),
        ("files", CameraKind::Files),
        ("scene", CameraKind::Scene),
        ("mjpeg", CameraKind::Mjpeg),
    ];
    let chosen = choice("camera.kind", kind, &kinds)?;
    if matches!(chosen, CameraKind::Files | CameraKind::Scene | CameraKind::Mjpeg)
        && mode == RunMode::Production
    {
        let what = format!(
            "`camera.kind = \"{}\"` is no live camera: refused with mode = \"production\"",
            kind.get_ref()
        );
        return Err(wrong(kind, &what));
    }
    refuse_foreign_keys(raw, kind.get_ref())?;
    let source = match chosen {
        CameraKind::V4l2 => FrameSource::V4l2 {
            device: raw.device.as_ref().map_or("/dev/video0", |d| d.get_ref()).to_owned(),
            width: number("camera.width", raw.width.as_ref(), 160..=4096, 1280)? as u32,
            height: number("camera.height", raw.height.as_ref(), 120..=4096, 720)? as u32,
            frame_rate: decimal("camera.frame_rate", raw.frame_rate.as_ref(), (1.0, 60.0), 15.0)?
                as u32,
        },
        CameraKind::Rtsp => rtsp(base, camera)?,
        CameraKind::Files => files(base, camera)?,
        CameraKind::Scene => scene(base, raw)?,
        CameraKind::Mjpeg => FrameSource::Mjpeg {
            pipe: path_of(base, "camera.pipe", raw.pipe.clone())?.ok_or_else(|| {
                wrong(camera, "`camera.kind = \"mjpeg\"` needs `pipe`, the path of a named pipe")
            })?,
            live: raw.live.as_ref().is_some_and(|live| *live.get_ref()),
        },
    };
    let reconnect_ms =
        number("camera.reconnect_ms", raw.reconnect_ms.as_ref(), 100..=60_000, 2_000)? as u64;
    Ok(CameraSettings { source, reconnect_ms })
}

/// The address is told to nobody, so it must not hold what opens the camera.
fn rtsp(base: &Path, camera: &Spanned<raw::CameraSection>) -> Checked<FrameSource> {
    let raw = camera.get_ref();
    let Some(written) = &raw.url else {
        return Err(wrong(camera, "`camera.kind = \"rtsp\"` needs `url` (rtsp://host:554/path)"));
    };
    let url: url::Url = written
        .get_ref()
        .parse()
        .ok()
        .filter(|url: &url::Url| url.scheme() == "rtsp" && url.host_str().is_some())
        .ok_or_else(|| {
            wrong(written, "`camera.url` is no address of the form rtsp://host:554/path")
        })?;
    if !url.username().is_empty() || url.password().is_some() {
        let what = "`camera.url` holds user or password: write user:password into a file and name \
            it in `camera.credentials_file`";
        return Err(wrong(written, what));
    }
    let credentials_file = path_of(base, "camera.credentials_file", raw.credentials_file.clone())?;
    Ok(FrameSource::Rtsp { url, credentials_file })
}

fn files(base: &Path, camera: &Spanned<raw::CameraSection>) -> Checked<FrameSource> {
    let raw = camera.get_ref();
    let folder = path_of(base, "camera.folder", raw.folder.clone())?;
    let list: Vec<PathBuf> = raw
        .list
        .as_ref()
        .map(|l| l.get_ref().iter().map(|p| base.join(p)).collect())
        .unwrap_or_default();
    if folder.is_some() != list.is_empty() {
        return Err(wrong(
            camera,
            "`camera.kind = \"files\"` needs either `folder` or a non-empty `list`",
        ));
    }
    Ok(FrameSource::Files { folder, list, script: script(raw, 2.0)? })
}

fn scene(base: &Path, raw: &raw::CameraSection) -> Checked<FrameSource> {
    let scene = SceneSettings {
        script: match raw.script.as_ref().map_or("clinic_morning", |s| s.get_ref()) {
            bundled @ ("clinic_morning" | "stranger") => bundled.to_owned(),
            path => base.join(path).display().to_string(),
        },
        seed: number("camera.seed", raw.seed.as_ref(), 0..=i64::MAX, 1)? as u64,
        still: number("camera.still", raw.still.as_ref(), 1..=1_000, 1)? as u64,
        rounds: number("camera.rounds", raw.rounds.as_ref(), 1..=100_000, 1)? as u64,
        cast: path_of(base, "camera.cast", raw.cast.clone())?,
    };
    Ok(FrameSource::Scene { scene, script: script(raw, 2.0)? })
}

fn script(raw: &raw::CameraSection, frame_rate: f64) -> Checked<Script> {
    let start = match &raw.start {
        None => None,
        Some(start) => Some(start.get_ref().parse().map_err(|_| {
            wrong(
                start,
                "`camera.start` is no time: write it as \"2026-03-02T08:30:00+08:00\" (RFC 3339)",
            )
        })?),
    };
    let frame_rate =
        decimal("camera.frame_rate", raw.frame_rate.as_ref(), (0.01, 60.0), frame_rate)?;
    let speed = decimal("camera.speed", raw.speed.as_ref(), (0.0, 100_000.0), 1.0)?;
    Ok(Script {
        start,
        frame_rate_mhz: (frame_rate * 1000.0) as u32,
        speed_permille: (speed * 1000.0) as u32,
    })
}

/// A key that another kind of camera reads would be ignored in silence, so it is refused.
fn refuse_foreign_keys(raw: &raw::CameraSection, kind: &str) -> Checked<()> {
    let keys: [(&str, Option<usize>, &[&str]); 16] = [
        ("device", place(raw.device.as_ref()), &["v4l2"]),
        ("width", place(raw.width.as_ref()), &["v4l2"]),
        ("height", place(raw.height.as_ref()), &["v4l2"]),
        ("url", place(raw.url.as_ref()), &["rtsp"]),
        ("credentials_file", place(raw.credentials_file.as_ref()), &["rtsp"]),
        ("frame_rate", place(raw.frame_rate.as_ref()), &["v4l2", "files", "scene"]),
        ("pipe", place(raw.pipe.as_ref()), &["mjpeg"]),
        ("live", place(raw.live.as_ref()), &["mjpeg"]),
        ("folder", place(raw.folder.as_ref()), &["files"]),
        ("list", place(raw.list.as_ref()), &["files"]),
        ("script", place(raw.script.as_ref()), &["scene"]),
        ("seed", place(raw.seed.as_ref()), &["scene"]),
        ("still", place(raw.still.as_ref()), &["scene"]),
        ("rounds", place(raw.rounds.as_ref()), &["scene"]),
        ("cast", place(raw.cast.as_ref()), &["scene"]),
        ("start", place(raw.start.as_ref()).or(place(raw.speed.as_ref())), &["files", "scene"]),
    ];
    for (key, at, kinds) in keys {
        if let Some(at) = at
            && !kinds.contains(&kind)
        {
            let key = if key == "start" && raw.start.is_none() { "speed" } else { key };
            let what = format!(
                "`camera.{key}` belongs to kind = \"{}\", not to \"{kind}\"",
                kinds.join("\" or \"")
            );
            return Err(Problem { at, what });
        }
    }
    Ok(())
}
