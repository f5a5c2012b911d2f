//! The demonstration that `./scripts/demo` plays: what it prints, where it keeps its data, how it
//! ends. It decides nothing: what it prints is what the server holds.

pub mod alert_lines;
pub mod instance;
pub mod pictures;
pub mod reports;
pub mod signals;
pub mod table;

use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::morning::{self, Faces, Heard, MorningOutcome, MorningSettings, Playing};
use instance::FolderInUse;

/// Longer than the slowest machine that was tried took for the whole morning.
const LIMIT: Duration = Duration::from_mins(30);
/// The rules wait this long behind a session's end, and the clock of a box whose scene is over runs
/// at the speed of life.
const LAST_VERDICT: Duration = Duration::from_mins(6);

/// One line on standard output, for whoever reads along.
pub fn say(line: &str) {
    // A reader that is gone does not stop the demonstration.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Plays the scene in `instance` and says what comes of it; with `once` an error where that is not
/// what was scripted, and, with `pictures`, a sealed picture opened in a browser at the end.
pub fn play(instance: &FolderInUse, settings: &MorningSettings, pictures: bool) -> Result<()> {
    let mut playing = morning::start(instance.folder(), settings, &mut say)?;
    let page = playing.ready.http.clone();
    let forms = reports::open(&playing)?;
    let morning = &playing.morning;
    match &settings.faces {
        Faces::Drawn => say("faces      drawn; the avatar pack knows no real people"),
        Faces::Photographs { .. } => say(&photographs_line(settings, morning)?),
    }
    say("liveness   waived: drawn and filed pictures have none; every finding says so");
    say(&format!("scene      {}, {} min", morning.title, morning.duration_ms / 60_000));
    say(&format!(
        "alerts     your time · {} · level · what is suspected · where to click",
        alert_lines::SCENE_TIME
    ));
    let api = playing.api.clone();
    let heard = morning::listen(&playing.api, move |event| say(&alert_lines::line(&api, event)));
    if settings.once {
        let done = once(&mut playing, &heard, &page, &forms);
        if pictures && done.is_ok() {
            let keep = instance.temporary().is_none();
            pictures::show(&mut playing, instance.folder(), keep, settings);
        }
        return done;
    }
    stay(&mut playing, &page, &forms)
}

/// Who plays, where fewer photographs than the script has parts leave something out.
fn photographs_line(settings: &MorningSettings, morning: &scene::Morning) -> Result<String> {
    let whole = MorningSettings { faces: Faces::Drawn, ..settings.clone() }.morning()?;
    let (people, all) = (morning.people.len(), whole.people.len());
    if people == all {
        return Ok(format!(
            "faces      photographs of {people} people, recognised by the real pack"
        ));
    }
    let (sessions, of) = (morning.sessions.len(), whole.sessions.len());
    Ok(format!(
        "faces      photographs of {people} people, recognised by the real pack; the script has \
            {all}: sessions \
         played: {sessions} of {of}"
    ))
}

/// To the end of the scene, then the table and the figures.
fn once(
    playing: &mut Playing,
    heard: &Mutex<Heard>,
    page: &str,
    forms: &[reports::ReportForm],
) -> Result<()> {
    let outcome = playing.finish(heard, LIMIT)?;
    let rows = morning::compare(&playing.morning, &outcome.incidents);
    say(&table::text(&rows));
    summarise(&outcome)?;
    reports::send(playing, forms, &mut say)?;
    say(&format!("over       the page was {page}; server and box end now"));
    if rows.iter().any(|row| !row.as_expected()) {
        bail!("what was raised is not what was expected");
    }
    Ok(())
}

fn summarise(outcome: &MorningOutcome) -> Result<()> {
    let figure = |name: &str| outcome.server[name].as_u64().unwrap_or(0);
    say(&format!(
        "summary    {:.0} s · {} frames · {} faces · {} presences · {} steps of findings · {} \
        messages delivered, {} doubled",
        outcome.played.as_secs_f64(),
        outcome.agent.frames,
        outcome.agent.faces,
        outcome.agent.presences,
        outcome.agent.finding_steps,
        outcome.agent.delivered,
        outcome.shown_twice(),
    ));
    say(&format!(
        "           slowest from the box's disk to the page: {} ms",
        outcome.slowest()?.as_millis()
    ));
    let (pending, doubled, refused) =
        (outcome.agent.pending, outcome.shown_twice(), figure("quarantined"));
    if pending > 0 || doubled > 0 || refused > 0 {
        bail!(
            "{pending} messages have no receipt, {doubled} were shown twice, {refused} were refused"
        );
    }
    Ok(())
}

/// Until one of the programs ends or the user does; says when the scene is over, and what came of
/// it.
fn stay(playing: &mut Playing, page: &str, forms: &[reports::ReportForm]) -> Result<()> {
    say("running    Ctrl-C ends it");
    let mut over: Option<Instant> = None;
    let mut compared = false;
    loop {
        if let Some(status) = playing.server.ended()? {
            bail!("the server ended with {status}:\n{}", playing.server.log_tail());
        }
        if let Some(status) = playing.agent.ended()? {
            bail!("the box ended with {status}:\n{}", playing.agent.log_tail());
        }
        if !compared && (over.is_some() || playing.is_over()) {
            let since = over.map_or(Duration::ZERO, |at| at.elapsed());
            let rows = morning::compare(&playing.morning, &morning::incidents(&playing.api)?);
            compared = rows.iter().all(morning::PlayedSession::as_expected) || since > LAST_VERDICT;
            if compared {
                say(&table::text(&rows));
                reports::send(playing, forms, &mut say)?;
            }
            if over.is_none() {
                over = Some(Instant::now());
                say(&format!(
                    "over       the scene is over; the server goes on until Ctrl-C: {page}"
                ));
                if !compared {
                    say("           the box's clock goes on, too: its last verdicts come up to \
                        six minutes later");
                }
            }
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
