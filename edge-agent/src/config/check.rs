//! From what is written to what is meant: ranges, defaults, and what the mode forbids. Opens no
//! file.

use std::path::{Path, PathBuf};

use log_lines::LogFormat;
use protocol::{down::MOST_BROKERS, evidence::QUOTA_BYTES};
use toml::Spanned;

use super::{
    BrokerSettings, CameraSettings, Config, DoorwaySettings, FrameSource, HealthSettings,
    ListedBroker, LiveViewSettings, LogSettings, ModelSettings, Problem, RunMode, SceneSettings,
    ScheduleSettings, Script, VisionSettings,
    raw::{self, RawConfig, RawText},
};

type Checked<T> = Result<T, Problem>;

const NO_KIND: &str =
    "`[camera]` with `kind` is missing: \"v4l2\", \"rtsp\", \"files\", \"scene\" or \"mjpeg\"";

pub(super) fn check(path: &Path, raw: RawConfig) -> Checked<Config> {
    let base = path.parent().unwrap_or(Path::new(""));
    let mode = mode(raw.mode.as_ref())?;
    let camera = raw.camera.ok_or_else(|| Problem { at: usize::MAX, what: NO_KIND.to_owned() })?;
    let camera = camera_settings(base, mode, &camera)?;
    Ok(Config {
        mode,
        state_dir: base.join(text("state_dir", raw.state_dir, "/var/lib/zaigang")?),
        log: log(raw.log)?,
        models: models(base, mode, raw.models)?,
        camera,
        vision: vision(&raw.vision)?,
        schedule: schedule(&raw.schedule)?,
        health: health(&raw.health)?,
        evidence_quota_bytes: evidence_quota(mode, &raw.evidence)?,
        doorway: DoorwaySettings { screen: path_of(base, "doorway.screen", raw.doorway.screen)? },
        live_view: live_view(base, mode, raw.live_view)?,
        brokers: brokers(raw.server, raw.mqtt)?,
        sha256: String::new(),
    })
}

fn mode(written: Option<&Spanned<String>>) -> Checked<RunMode> {
    let Some(written) = written else {
        return Err(Problem {
            at: 0,
            what: "`mode` is missing: \"production\" or \"demonstration\"".to_owned(),
        });
    };
    choice(
        "mode",
        written,
        &[("production", RunMode::Production), ("demonstration", RunMode::Demonstration)],
    )
}

fn log(raw: raw::Log) -> Checked<LogSettings> {
    const LEVELS: [(&str, &str); 5] = [
        ("error", "error"),
        ("warn", "warn"),
        ("info", "info"),
        ("debug", "debug"),
        ("trace", "trace"),
    ];
    let level = raw.level.map_or(Ok("info"), |l| choice("log.level", &l, &LEVELS))?;
    let format = raw.format.map_or(Ok(LogFormat::Text), |f| {
        choice("log.format", &f, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
    })?;
    Ok(LogSettings { level: level.to_owned(), format })
}

fn models(base: &Path, mode: RunMode, raw: raw::ModelsSection) -> Checked<ModelSettings> {
    if let Some(pack) = &raw.pack
        && mode == RunMode::Production
        && pack.get_ref() == "avatar"
    {
        return Err(wrong(
            pack,
            "`models.pack = \"avatar\"` knows drawn faces only: refused with mode = \"production\"",
        ));
    }
    Ok(ModelSettings {
        pack: text("models.pack", raw.pack, "real")?,
        folder: path_of(base, "models.folder", raw.folder)?,
        runtime: path_of(base, "models.runtime", raw.runtime)?,
        provider: text("models.provider", raw.provider, "cpu")?,
        threads: number("models.threads", raw.threads.as_ref(), 1..=64, 1)? as usize,
        calibration: path_of(base, "models.calibration", raw.calibration)?,
    })
}

fn vision(raw: &raw::Vision) -> Checked<VisionSettings> {
    Ok(VisionSettings {
        detect_side_px: detect_side(raw)?,
        idle_detect_ms: number(
            "vision.idle_detect_ms",
            raw.idle_detect_ms.as_ref(),
            0..=10_000,
            1_000,
        )? as u64,
        motion_ppm: number("vision.motion_ppm", raw.motion_ppm.as_ref(), 0..=1_000_000, 2_000)?
            as u32,
        settled_detect_ms: number(
            "vision.settled_detect_ms",
            raw.settled_detect_ms.as_ref(),
            0..=1_000,
            150,
        )? as u64,
    })
}

/// As written, or from where the nearest and the farthest face are: a detector's picture that is
/// larger costs more.
fn detect_side(raw: &raw::Vision) -> Checked<u32> {
    let Some(farthest) = &raw.farthest_m else {
        if let Some(lonely) = raw.fov_deg.as_ref().or(raw.nearest_m.as_ref()) {
            return Err(wrong(
                lonely,
                "`vision.fov_deg` and `vision.nearest_m` need `vision.farthest_m`",
            ));
        }
        return Ok(
            number("vision.detect_side_px", raw.detect_side_px.as_ref(), 0..=4096, 640)? as u32
        );
    };
    if raw.detect_side_px.is_some() {
        return Err(wrong(
            farthest,
            "give either `vision.detect_side_px` or `vision.farthest_m`, not both",
        ));
    }
    let Some(fov) = &raw.fov_deg else {
        return Err(wrong(
            farthest,
            "`vision.farthest_m` needs `vision.fov_deg`, the lens's horizontal angle of view",
        ));
    };
    let fov_deg = decimal("vision.fov_deg", Some(fov), (10.0, 150.0), 0.0)?;
    let farthest_m = decimal("vision.farthest_m", Some(farthest), (0.2, 30.0), 0.0)?;
    let nearest_m = decimal("vision.nearest_m", raw.nearest_m.as_ref(), (0.1, 30.0), 0.3)?;
    if nearest_m > farthest_m {
        return Err(wrong(farthest, "`vision.nearest_m` is beyond `vision.farthest_m`"));
    }
    crate::optics::detect_side_px(fov_deg, nearest_m, farthest_m)
        .map_err(|why| wrong(farthest, &why))
}

fn schedule(raw: &raw::Schedule) -> Checked<ScheduleSettings> {
    let renewal_s = number("schedule.renewal_s", raw.renewal_s.as_ref(), 10..=3_600, 270)?;
    Ok(ScheduleSettings {
        evidence_every_ms: number(
            "schedule.evidence_every_ms",
            raw.evidence_every_ms.as_ref(),
            200..=5_000,
            1_000,
        )? as u64,
        renewal_ms: renewal_s as u64 * 1000,
        better_by_ppm: number(
            "schedule.better_by_ppm",
            raw.better_by_ppm.as_ref(),
            10_000..=1_000_000,
            150_000,
        )? as u32,
        budget_ms_per_s: number(
            "schedule.budget_ms_per_s",
            raw.budget_ms_per_s.as_ref(),
            0..=64_000,
            0,
        )? as u32,
    })
}

fn health(raw: &raw::Health) -> Checked<HealthSettings> {
    Ok(HealthSettings {
        every_ms: number("health.every_s", raw.every_s.as_ref(), 1..=3_600, 60)? as u64 * 1000,
        disk_low_bytes: number(
            "health.disk_low_mib",
            raw.disk_low_mib.as_ref(),
            1..=1_048_576,
            256,
        )? as u64
            * 1024
            * 1024,
        slow_from_mc: number("health.slow_from_c", raw.slow_from_c.as_ref(), 40..=110, 75)? as i32
            * 1000,
    })
}

/// Whoever holds the box writes this file, and a small quota makes it drop the pictures of a lead
/// before anybody asked for them: less than what 30 days need is the server's to say.
fn evidence_quota(mode: RunMode, raw: &raw::EvidenceSection) -> Checked<u64> {
    let default = (QUOTA_BYTES >> 20) as i64;
    let mib = number("evidence.quota_mib", raw.quota_mib.as_ref(), 16..=1_048_576, default)?;
    if let Some(written) = &raw.quota_mib
        && mode == RunMode::Production
        && mib < default
    {
        return Err(wrong(
            written,
            &format!(
                "`evidence.quota_mib` = {mib} is too small for the pictures of 30 days: give \
                 {default} or more, or leave it out (with mode = \"production\" the server alone \
                 may ask for less)"
            ),
        ));
    }
    Ok((mib as u64) << 20)
}

/// P6: nobody sees through a box in production.
fn live_view(
    base: &Path,
    mode: RunMode,
    raw: raw::LiveViewSection,
) -> Checked<Option<LiveViewSettings>> {
    if let Some(socket) = &raw.socket
        && mode == RunMode::Production
    {
        return Err(wrong(
            socket,
            "`live_view.socket` shows the camera's picture: refused with mode = \"production\"",
        ));
    }
    Ok(path_of(base, "live_view.socket", raw.socket)?.map(|socket| LiveViewSettings { socket }))
}

/// Either the list, or the older form with one, or what the server says.
fn brokers(server: raw::Server, mqtt: raw::Mqtt) -> Checked<BrokerSettings> {
    let port_of = |key: &str, port: &Option<Spanned<i64>>, default: i64| {
        number(key, port.as_ref(), 1..=65_535, default).map(|port| port as u16)
    };
    let Some(first) = mqtt.brokers.first() else {
        let port = match &server.broker_port {
            None => None,
            port => Some(port_of("server.broker_port", port, 0)?),
        };
        let host =
            server.broker_host.map(|h| text("server.broker_host", Some(h), "")).transpose()?;
        return Ok(match (host, port) {
            (None, None) => BrokerSettings::OfTheServer,
            (host, port) => BrokerSettings::One { host, port },
        });
    };
    if server.broker_host.is_some() || server.broker_port.is_some() {
        let why = "`[[mqtt.brokers]]` lists every broker: leave `server.broker_host` and \
            `server.broker_port` out";
        return Err(wrong(first, why));
    }
    let mut listed: Vec<ListedBroker> = Vec::new();
    for it in mqtt.brokers {
        let port = port_of("mqtt.brokers.port", &it.get_ref().port, 1883)?;
        let at = it.span().start;
        let host = text("mqtt.brokers.host", Some(it.into_inner().host), "")?;
        let broker = ListedBroker { host, port };
        if listed.contains(&broker) || listed.len() == MOST_BROKERS {
            let what = format!(
                "`[[mqtt.brokers]]` takes 1 to {MOST_BROKERS} brokers, each once: {}:{port} is \
                one too many",
                broker.host
            );
            return Err(Problem { at, what });
        }
        listed.push(broker);
    }
    Ok(BrokerSettings::Listed(listed))
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    V4l2,
    Rtsp,
    Files,
    Scene,
    Mjpeg,
}

fn camera_settings(
    base: &Path,
    mode: RunMode,
    camera: &Spanned<raw::CameraSection>,
) -> Checked<CameraSettings> {
    let raw = camera.get_ref();
    let Some(kind) = &raw.kind else { return Err(wrong(camera, NO_KIND)) };
    let kinds = [
        ("v4l2", Kind::V4l2),
        ("rtsp", Kind::Rtsp),
        ("files", Kind::Files),
        ("scene", Kind::Scene),
        ("mjpeg", Kind::Mjpeg),
    ];
    let chosen = choice("camera.kind", kind, &kinds)?;
    if matches!(chosen, Kind::Files | Kind::Scene | Kind::Mjpeg) && mode == RunMode::Production {
        let what = format!(
            "`camera.kind = \"{}\"` is no live camera: refused with mode = \"production\"",
            kind.get_ref()
        );
        return Err(wrong(kind, &what));
    }
    refuse_foreign_keys(raw, kind.get_ref())?;
    let source = match chosen {
        Kind::V4l2 => FrameSource::V4l2 {
            device: raw.device.as_ref().map_or("/dev/video0", |d| d.get_ref()).to_owned(),
            width: number("camera.width", raw.width.as_ref(), 160..=4096, 1280)? as u32,
            height: number("camera.height", raw.height.as_ref(), 120..=4096, 720)? as u32,
            frame_rate: decimal("camera.frame_rate", raw.frame_rate.as_ref(), (1.0, 60.0), 15.0)?
                as u32,
        },
        Kind::Rtsp => rtsp(base, camera)?,
        Kind::Files => files(base, camera)?,
        Kind::Scene => scene(base, raw)?,
        Kind::Mjpeg => FrameSource::Mjpeg {
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

fn place<T>(value: Option<&Spanned<T>>) -> Option<usize> {
    value.map(|v| v.span().start)
}

fn wrong<T>(at: &Spanned<T>, what: &str) -> Problem {
    Problem { at: at.span().start, what: what.to_owned() }
}

fn choice<T: Copy>(key: &str, written: &Spanned<String>, choices: &[(&str, T)]) -> Checked<T> {
    choices.iter().find(|(name, _)| name == written.get_ref()).map(|(_, value)| *value).ok_or_else(
        || {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            wrong(
                written,
                &format!("`{key} = \"{}\"` is none of {}", written.get_ref(), names.join(", ")),
            )
        },
    )
}

fn number(
    key: &str,
    written: Option<&Spanned<i64>>,
    range: std::ops::RangeInclusive<i64>,
    default: i64,
) -> Checked<i64> {
    let Some(written) = written else { return Ok(default) };
    if range.contains(written.get_ref()) {
        return Ok(*written.get_ref());
    }
    let what =
        format!("`{key} = {}` is outside {}..{}", written.get_ref(), range.start(), range.end());
    Err(wrong(written, &what))
}

fn decimal(
    key: &str,
    written: Option<&Spanned<toml::Value>>,
    (low, high): (f64, f64),
    default: f64,
) -> Checked<f64> {
    let Some(written) = written else { return Ok(default) };
    let value = match written.get_ref() {
        toml::Value::Integer(whole) => Some(*whole as f64),
        toml::Value::Float(value) => Some(*value),
        _ => None,
    };
    value.filter(|v| (low..=high).contains(v)).ok_or_else(|| {
        wrong(written, &format!("`{key} = {}` is no number in {low}..{high}", written.get_ref()))
    })
}

fn text(key: &str, written: RawText, default: &str) -> Checked<String> {
    match written {
        None => Ok(default.to_owned()),
        Some(empty) if empty.get_ref().trim().is_empty() => {
            Err(wrong(&empty, &format!("`{key}` is empty")))
        }
        Some(text) => Ok(text.into_inner()),
    }
}

fn path_of(base: &Path, key: &str, written: RawText) -> Checked<Option<PathBuf>> {
    written.map(|w| text(key, Some(w), "").map(|p| base.join(p))).transpose()
}
