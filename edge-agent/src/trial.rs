//! A trial of policy numbers: the observation log replayed with other numbers, because the server
//! asked. It runs beside the box's own work on a thread that gives way to everything, one at a
//! time, so often a day and over so much of the log, and no more. It changes nothing: the engine
//! that judges the room never hears of it. Of what it finds, counts alone leave the box.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use presence::{Comparison, Finding, Policy, WhatIf};
use protocol::id::TrialId;
use protocol::trial::{PolicyTrialAnswer, TrialCount, TrialDay, TrialFailure};

use crate::event::Event;
use crate::record::{LogPart, RecordError, Vault};

/// Trials that a box begins within a day. Each costs it a few minutes of one idle core.
pub const MOST_A_DAY: usize = 12;
const DAY: Duration = Duration::from_hours(24);
/// Bytes of the log on disk that one trial reads: about the days of one quiet week.
pub const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Steps of nice(2): whatever else wants the core has it.
const NICE: i32 = 19;

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct TrialOrder {
    pub trial: TrialId,
    /// What the others are held against.
    pub in_force: Policy,
    /// Each changed number with the policy that holds it.
    pub tried: Vec<(String, Policy)>,
    /// The first UTC day that may be read (`2026-11-29`); `None`: all.
    pub from: Option<String>,
    /// Days that this box holds its log of: read first, whatever comes after them.
    pub held: BTreeSet<String>,
}

/// Why a trial is not begun; one line for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBegun {
    #[error("this box tries at most {MOST_A_DAY} policies a day: ask again tomorrow")]
    TooOften,
    #[error("this box can begin no further work: its log says why")]
    NoThread,
}

/// The trials of a box: at most one is at work.
#[derive(Debug)]
pub struct Trials {
    state_dir: PathBuf,
    to_agent: Sender<Event>,
    /// Ends the one at work.
    stop: Arc<AtomicBool>,
    /// When those of the last day began.
    begun: Vec<Instant>,
}

impl Drop for Trials {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Trials {
    pub fn new(state_dir: PathBuf, to_agent: Sender<Event>) -> Self {
        Self { state_dir, to_agent, stop: Arc::default(), begun: Vec::new() }
    }

    /// Begins a trial at `now`; one that is at work ends unanswered, the server asks again. What it
    /// found comes as [`Event::Tried`].
    pub fn begin(&mut self, order: TrialOrder, now: Instant) -> Result<(), NotBegun> {
        self.begun.retain(|begun| now.duration_since(*begun) < DAY);
        if self.begun.len() >= MOST_A_DAY {
            return Err(NotBegun::TooOften);
        }
        self.stop.store(true, Ordering::Relaxed);
        let stop = Arc::new(AtomicBool::new(false));
        self.stop = Arc::clone(&stop);
        let (dir, to_agent) = (self.state_dir.clone(), self.to_agent.clone());
        let work = move || {
            give_way();
            if let Some(answer) = answer(&dir, &order, MOST_BYTES, &stop) {
                // An agent that is gone is asked again after its start.
                let _ = to_agent.send(Event::Tried(Box::new(answer)));
            }
        };
        let thread = std::thread::Builder::new().name("policy-trial".to_owned());
        thread.spawn(work).map_err(|why| {
            tracing::error!("no thread for a trial of policy numbers: {why}");
            NotBegun::NoThread
        })?;
        self.begun.push(now);
        Ok(())
    }
}

/// On Linux the priority of "this process" is that of the calling thread. A system that refuses
/// costs the camera a little.
fn give_way() {
    if let Err(why) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!("a trial of policy numbers runs with the box's own priority: {why}");
    }
}

/// Replays what may be read; `None` where it was told to stop.
fn answer(
    state_dir: &Path,
    order: &TrialOrder,
    most_bytes: u64,
    stop: &AtomicBool,
) -> Option<PolicyTrialAnswer> {
    let failed = |failed| PolicyTrialAnswer {
        trial: order.trial.clone(),
        days: Vec::new(),
        days_left_out: 0,
        failed: Some(failed),
        counts: Vec::new(),
        stand: None,
    };
    if !state_dir.join("observations").is_dir() {
        return Some(failed(TrialFailure::NoLog));
    }
    match replayed(state_dir, order, most_bytes, stop) {
        Ok(Some(answer)) if answer.days.is_empty() && answer.days_left_out == 0 => {
            Some(failed(TrialFailure::NoLog))
        }
        Ok(answer) => answer,
        Err(why) => {
            tracing::error!("a trial of policy numbers: {why}");
            Some(failed(TrialFailure::Unreadable))
        }
    }
}

/// The held days, then the newest first.
fn days_of(vault: &Vault, order: &TrialOrder) -> Result<Vec<(String, Vec<LogPart>)>, RecordError> {
    let mut days: BTreeMap<String, Vec<LogPart>> = BTreeMap::new();
    for part in vault.parts()? {
        if order.from.as_ref().is_none_or(|from| part.day() >= *from) {
            days.entry(part.day()).or_default().push(part);
        }
    }
    let mut days: Vec<_> = days.into_iter().rev().collect();
    days.sort_by_key(|(day, _)| !order.held.contains(day));
    Ok(days)
}

/// Day by day, the held ones and then the newest first: each file begins with the facts in force,
/// and an engine alleges nothing of a session that began before its first look, so a session over
/// midnight UTC is in neither count.
fn replayed(
    state_dir: &Path,
    order: &TrialOrder,
    most_bytes: u64,
    stop: &AtomicBool,
) -> Result<Option<PolicyTrialAnswer>, RecordError> {
    let vault = Vault::of_existing(state_dir)?;
    let (mut read, mut left, mut left_out) = (BTreeSet::new(), most_bytes, 0);
    let (mut counts, mut stand) = (BTreeMap::new(), BTreeMap::new());
    for (day, parts) in days_of(&vault, order)? {
        let bytes: u64 = parts.iter().map(LogPart::bytes).sum();
        if bytes > left {
            // Smaller days after it stay out, too: what is left out is the oldest.
            left = 0;
            left_out += 1;
            continue;
        }
        left -= bytes;
        for part in &parts {
            let mut comparison = comparison(order);
            let whole = vault.each(part, |entry| {
                comparison.take(&entry);
                !stop.load(Ordering::Relaxed)
            })?;
            if !whole {
                return Ok(None);
            }
            let ended = comparison.end();
            for finding in &ended.0 {
                let counted: &mut u32 =
                    stand.entry((day.clone(), finding.key.rule.code())).or_default();
                *counted = counted.saturating_add(1);
            }
            count(order, ended, &mut counts);
        }
        read.insert(day);
    }
    let counts = counts.into_iter().map(|((setting, rule), n): ((String, &str), [u32; 4])| {
        let [now, appear, vanish, other_severity] = n;
        TrialCount { setting, rule: rule.into(), now, appear, vanish, other_severity }
    });
    let stand = stand.into_iter().map(|((day, rule), now): ((String, &str), u32)| TrialDay {
        day,
        rule: rule.into(),
        now,
    });
    Ok(Some(PolicyTrialAnswer {
        trial: order.trial.clone(),
        days: read.into_iter().collect(),
        days_left_out: left_out,
        failed: None,
        counts: counts.filter(|n| n.appear + n.vanish + n.other_severity > 0).collect(),
        stand: Some(stand.collect()),
    }))
}

fn comparison(order: &TrialOrder) -> Comparison {
    let tried = order.tried.iter().map(|(_, policy)| policy.clone());
    Comparison::new(Some(order.in_force.clone()), tried.collect())
}

/// Counts by (setting, rule): stand, appear, vanish, other severity.
type Counts = BTreeMap<(String, &'static str), [u32; 4]>;

fn count(order: &TrialOrder, (stand, changed): (Vec<Finding>, Vec<WhatIf>), counts: &mut Counts) {
    for ((setting, _), what_if) in order.tried.iter().zip(changed) {
        let change = what_if.change.iter().map(|(finding, _)| finding);
        let lists: [Vec<&Finding>; 4] = [
            stand.iter().collect(),
            what_if.appear.iter().collect(),
            what_if.vanish.iter().collect(),
            change.collect(),
        ];
        for (n, list) in lists.into_iter().enumerate() {
            for finding in list {
                let key = (setting.clone(), finding.key.rule.code());
                let counted = counts.entry(key).or_default();
                counted[n] = counted[n].saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests;
