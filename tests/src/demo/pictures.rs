//! The end of `--once`: two scripted custodians open one sealed picture in headless Chromium. The
//! same server goes on with accounts switched on, the same box plays one more day. What is missing
//! for it is one line; whatever happens here, the morning's own verdict stands.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::say;
use crate::clinic;
use crate::hostile::{User, welcomed};
use crate::morning::{MorningSettings, Playing, start_agent};
use crate::programs::{ends_with_the_others, root};

/// Of the supervisors and reviewers: the city of the scene's clinic.
const PLACE: &str = "5101";

/// The line of it. `keep`: where the user keeps this demonstration's files.
pub fn show(playing: &mut Playing, folder: &Path, keep: bool, settings: &MorningSettings) {
    let chromium = match tools() {
        Ok(chromium) => chromium,
        Err(missing) => return say(&format!("pictures   not opened: {missing}")),
    };
    say("opening    two custodians open a sealed picture in Chromium: half a minute");
    let target = if keep { folder.to_owned() } else { root().join(".run") };
    match open(playing, folder, settings, &chromium, &target.join("opened-picture.png")) {
        Ok(line) => say(&format!("pictures   {line}")),
        Err(why) => say(&format!("pictures   not opened: {why:#}")),
    }
}

/// Chromium, where it and all that drives it are here.
fn tools() -> Result<PathBuf> {
    let chromium = std::env::var_os("CHROMIUM");
    let chromium = chromium.map_or_else(|| PathBuf::from("/usr/bin/chromium"), PathBuf::from);
    let driver = root().join("tests/browser/node_modules/playwright-core");
    let node = Command::new("node").arg("--version").output().is_ok_and(|o| o.status.success());
    for (there, what) in
        [(chromium.is_file(), "Chromium"), (node, "Node"), (driver.is_dir(), "playwright-core")]
    {
        if !there {
            bail!(
                "no {what} here: `./scripts/setup --browser` and `./scripts/demo --once` bring it"
            );
        }
    }
    Ok(chromium)
}

fn open(
    playing: &mut Playing,
    folder: &Path,
    settings: &MorningSettings,
    chromium: &Path,
    target: &Path,
) -> Result<String> {
    let next_day = a_day_later(playing, folder)?;
    let link = playing.switch_accounts_on(folder)?;
    let base = playing.ready.http.clone();
    let admin = welcomed(&base, &link, "wu")?;
    let login = |name: &str, role: &str| -> Result<String> {
        let asked = json!({"role": role, "scope": PLACE});
        let invited = admin.post("/api/v1/accounts", &asked)?.ok()?;
        let path = invited["path"].as_str().context("no invitation")?;
        cookie(&welcomed(&base, path, name)?)
    };
    let (li, wang) = (login("li", "supervisor")?, login("wang", "reviewer")?);
    fs::create_dir_all(target.parent().unwrap_or(folder))?;
    let mut browser = Command::new("node")
        .arg(root().join("tests/browser/demo-picture.mjs"))
        .args([base.as_str(), &li, &wang])
        .arg(target)
        .env("CHROMIUM", chromium)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("browser.log"))?)
        .spawn()?;
    ends_with_the_others(&browser);
    let said = follow(&mut browser, || {
        fs::write(folder.join("agent.toml"), &next_day)?;
        let staying = MorningSettings { once: false, ..settings.clone() };
        playing.agent = start_agent(folder, &staying)?;
        Ok(())
    });
    let ended = browser.wait()?;
    let log = fs::read_to_string(folder.join("browser.log")).unwrap_or_default();
    match said? {
        Some(line) if ended.success() => Ok(format!("{line}: {}", target.display())),
        _ => bail!("the browser's part ended with {ended}: {}", last_line(&log)),
    }
}

/// Starts the box once both are custodians; gives what the browser said was opened.
fn follow(
    browser: &mut Child,
    mut custodians: impl FnMut() -> Result<()>,
) -> Result<Option<String>> {
    let Some(out) = browser.stdout.take() else { return Ok(None) };
    let mut opened = None;
    for line in BufReader::new(out).lines() {
        let line = line?;
        if line == "custodians" {
            custodians()?;
        } else if let Some(what) = line.strip_prefix("opened ") {
            opened = Some(format!("opened by two custodians in Chromium, {what}"));
        }
    }
    Ok(opened)
}

fn last_line(log: &str) -> &str {
    log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing")
}

fn cookie(user: &User) -> Result<String> {
    Ok(user.cookie().context("a login without a cookie")?.to_owned())
}

/// Declares the same sessions for the day after; gives the box's configuration for that day.
fn a_day_later(playing: &Playing, folder: &Path) -> Result<String> {
    let mut next = playing.morning.clone();
    let day = SignedDuration::from_hours(24);
    let start: Timestamp = next.wall_start.parse().context("the script's wall_start")?;
    next.wall_start = (start + day).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    for session in &mut next.sessions {
        session.id = format!("{}-next-day", session.id);
    }
    clinic::declare_sessions(&playing.api, &next)?;
    let text = fs::read_to_string(folder.join("agent.toml"))?;
    let (before, after) = (&playing.morning.wall_start, &next.wall_start);
    Ok(text.replace(&format!("start = \"{before}\""), &format!("start = \"{after}\"")))
}
