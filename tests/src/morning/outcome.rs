//! What a morning left: what the box counted, what the server holds, and both beside what the
//! script expects. It starts and ends nothing.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use jiff::Timestamp;
use scene::Morning;
use serde::Deserialize;
use serde_json::Value;

use super::{Heard, text};
use crate::api::Api;

/// What the box counted, from the last line of its standard output.
#[derive(Debug, Clone, Deserialize)]
pub struct BoxSummary {
    pub frames: u64,
    pub frames_dropped: u64,
    /// Pictures that could not be read.
    pub frames_skipped: u64,
    pub faces: u64,
    pub presences: u64,
    pub delivered: u64,
    pub pending: u64,
    /// Given up for lack of disk.
    pub dropped: u64,
    pub finding_steps: u64,
    /// Every step of every finding, with the real time at which it went to the outbox.
    pub raised: Vec<RaisedFinding>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct RaisedFinding {
    pub finding_id: String,
    pub revision: u64,
    pub real_at: Timestamp,
}

/// Session → (rule, kind, severity) of its findings that stand.
pub type Incidents = BTreeMap<String, Vec<(String, String, String)>>;

/// The morning when it is over.
#[derive(Debug)]
pub struct MorningOutcome {
    pub agent: BoxSummary,
    pub server: Value,
    /// Session → (rule, kind, severity) of its findings that stand.
    pub incidents: Incidents,
    pub heard: Heard,
    pub played: Duration,
}

/// One session: what was played in it, what must come of it and what the server holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayedSession {
    pub session: String,
    /// The story in one line; empty for an alert that belongs to no session of the script.
    pub told: String,
    /// (rule, kind, severity), sorted.
    pub expected: Vec<(String, String, String)>,
    pub seen: Vec<(String, String, String)>,
}

impl PlayedSession {
    pub fn as_expected(&self) -> bool {
        self.expected == self.seen
    }
}

/// Every session of the script, and every alert that none of them explains.
pub fn compare(morning: &Morning, incidents: &Incidents) -> Vec<PlayedSession> {
    let seen = |session: &str| incidents.get(session).cloned().unwrap_or_default();
    let expected = |session: &str| {
        let of = morning.expected.iter().filter(|e| e.session == session);
        let mut findings: Vec<_> = of.flat_map(|e| e.findings.clone()).collect();
        findings.sort();
        findings
    };
    let mut rows: Vec<_> = morning
        .sessions
        .iter()
        .map(|s| (s.id.clone(), s.told.clone()))
        .map(|(session, told)| PlayedSession {
            expected: expected(&session),
            seen: seen(&session),
            session,
            told,
        })
        .collect();
    let strange = incidents.iter().filter(|(id, _)| morning.sessions.iter().all(|s| s.id != **id));
    rows.extend(strange.map(|(id, seen)| PlayedSession {
        session: id.clone(),
        told: String::new(),
        expected: Vec::new(),
        seen: seen.clone(),
    }));
    rows
}

/// What the server holds.
pub fn incidents(api: &Api) -> Result<Incidents> {
    let mut all: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let answer = api.get("alerts?limit=200")?;
    for alert in answer["alerts"].as_array().into_iter().flatten() {
        let findings = all.entry(text(alert, "session")).or_default();
        for finding in alert["findings"].as_array().into_iter().flatten() {
            if finding["step"] != "withdrawn" {
                findings.push((
                    text(finding, "rule"),
                    text(finding, "kind"),
                    text(finding, "severity"),
                ));
            }
        }
        findings.sort();
    }
    Ok(all)
}

impl MorningOutcome {
    /// Steps that the page's stream showed more than once.
    pub fn shown_twice(&self) -> usize {
        self.heard.arrivals.values().filter(|times| times.len() > 1).count()
    }

    /// From the box's outbox to the page, worst of all steps; an error names a step that never
    /// arrived.
    pub fn slowest(&self) -> Result<Duration> {
        let mut worst = Duration::ZERO;
        for raised in &self.agent.raised {
            let key = (raised.finding_id.clone(), raised.revision);
            let Some(first) = self.heard.arrivals.get(&key).and_then(|times| times.first()) else {
                bail!(
                    "finding {} revision {} never reached the page",
                    raised.finding_id,
                    raised.revision
                );
            };
            worst = worst.max(first.duration_since(raised.real_at).unsigned_abs());
        }
        Ok(worst)
    }

    /// What differs from the script's expectation, one line each.
    pub fn surprises(&self, morning: &Morning) -> Vec<String> {
        let rows = compare(morning, &self.incidents);
        let differing = rows.iter().filter(|row| !row.as_expected());
        differing
            .map(|r| {
                format!("session `{}`: expected {:?}, found {:?}", r.session, r.expected, r.seen)
            })
            .collect()
    }
}
