//! From what is written to what is meant: ranges, defaults, and what the mode forbids. Opens no
//! file.

use std::path::Path;

use log_lines::LogFormat;
use protocol::{down::MOST_BROKERS, evidence::QUOTA_BYTES};
use toml::Spanned;

use super::{
    BrokerSettings, Config, DoorwaySettings, HealthSettings, ListedBroker, LiveViewSettings,
    LogSettings, ModelSettings, Problem, RunMode, ScheduleSettings, VisionSettings,
    raw::{self, RawConfig},
};
use camera::{NO_KIND, camera_settings};
use values::{choice, decimal, number, path_of, text, wrong};

mod camera;
mod values;

type Checked<T> = Result<T, Problem>;

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
