//! Compares what was said with what was true.

use std::collections::BTreeMap;

use clinic_sim::{Day, Plant, Session};
use presence::{Assessment, Finding, Output, PresenceSummary, SessionId, Severity, standing};

use crate::clinic;

/// What was said of one day.
#[derive(Debug, Default)]
pub struct Tally {
    findings: Vec<Finding>,
    summaries: BTreeMap<SessionId, PresenceSummary>,
    taken_back: u64,
}

/// Sums over days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// All sessions.
    pub sessions: u64,
    /// Lawful ones.
    pub lawful: u64,
    /// Lawful ones that could be judged.
    pub lawful_assessable: u64,
    /// Lawful ones without outage, knock or clock step.
    pub fault_free: u64,
    /// Of those, judged.
    pub fault_free_assessable: u64,
    /// Incidents of L2 and above that stand against lawful sessions, or outside any planted offence.
    pub false_incidents: u64,
    /// Findings of L2 and above that were raised and taken back by a later fact.
    pub taken_back: u64,
    /// False incidents by the rule and the story they arose in.
    pub false_by: BTreeMap<(String, &'static str), u64>,
    /// Why lawful sessions without fault could not be judged.
    pub abstained_by: BTreeMap<(String, &'static str), u64>,
    /// Planted and not found, with what was said instead.
    pub missed_by: BTreeMap<(&'static str, String), u64>,
    /// Per planted rule: (planted in assessable sessions, found).
    pub recall: BTreeMap<Plant, (u64, u64)>,
}

impl Score {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.lawful += other.lawful;
        self.lawful_assessable += other.lawful_assessable;
        self.fault_free += other.fault_free;
        self.fault_free_assessable += other.fault_free_assessable;
        self.false_incidents += other.false_incidents;
        self.taken_back += other.taken_back;
        for (key, n) in &other.false_by {
            *self.false_by.entry(key.clone()).or_default() += n;
        }
        for (key, n) in &other.abstained_by {
            *self.abstained_by.entry(key.clone()).or_default() += n;
        }
        for (key, n) in &other.missed_by {
            *self.missed_by.entry(key.clone()).or_default() += n;
        }
        for (plant, (planted, found)) in &other.recall {
            let sum = self.recall.entry(*plant).or_default();
            sum.0 += planted;
            sum.1 += found;
        }
    }
}

impl Tally {
    /// Takes everything said of a day.
    pub fn take(&mut self, outputs: Vec<Output>) {
        for output in &outputs {
            match output {
                Output::PresenceSummary(s) => {
                    self.summaries.insert(s.session.clone(), (**s).clone());
                }
                Output::Finding(f) if f.step == presence::Step::Withdrawn && f.severity >= Severity::L2 => {
                    self.taken_back += 1;
                }
                _ => {}
            }
        }
        self.findings = standing(outputs).into_values().collect();
    }

    /// Scores it.
    pub fn score(&self, day: &Day) -> Score {
        let mut score = Score { taken_back: self.taken_back, ..Score::default() };
        for session in &day.sessions {
            self.session(session, day, &mut score);
        }
        self.outside(day, &mut score);
        score
    }

    fn session(&self, truth: &Session, day: &Day, score: &mut Score) {
        score.sessions += 1;
        let id = clinic::session_id(truth);
        let summary = self.summaries.get(&id);
        let assessable = summary.is_some_and(|s| s.assessment == Assessment::Assessable);
        let said: Vec<&Finding> = self.findings.iter().filter(|f| f.key.session.as_ref() == Some(&id)).collect();
        let Some(plant) = truth.plant else {
            score.lawful += 1;
            score.lawful_assessable += u64::from(assessable);
            score.fault_free += u64::from(!truth.faulty);
            score.fault_free_assessable += u64::from(!truth.faulty && assessable);
            if !truth.faulty && !assessable {
                let why = summary.map_or_else(|| "no summary".to_owned(), |s| format!("{:?}", s.assessment));
                *score.abstained_by.entry((why, truth.story)).or_default() += 1;
            }
            if let Some(gravest) = said.iter().filter(|f| f.severity >= Severity::L2).max_by_key(|f| f.severity) {
                score.false_incidents += 1;
                *score.false_by.entry((gravest.key.rule.code().to_owned(), truth.story)).or_default() += 1;
            }
            return;
        };
        if plant == Plant::Hb3 {
            // Without a session there is no summary: judged wherever the camera was not at fault.
            let (from, to) = (clinic::wall(truth.begin), clinic::wall(truth.finish));
            let overlaps = |f: &&Finding| f.intervals.iter().any(|i| i.from_wall <= to && i.to_wall >= from);
            let found = self
                .findings
                .iter()
                .filter(|f| f.key.session.is_none() && f.key.rule.code() == "HB-3")
                .any(|f| overlaps(&f));
            // A neighbour closed so late that it covers the act hides it on paper.
            let covers = |s: &Session| s.told.is_some() && s.start <= truth.finish && s.end >= truth.begin;
            if !truth.faulty && !day.sessions.iter().any(covers) {
                let sum = score.recall.entry(plant).or_default();
                sum.0 += 1;
                sum.1 += u64::from(found);
            }
        } else if assessable || plant == Plant::Nl4 {
            let sum = score.recall.entry(plant).or_default();
            sum.0 += 1;
            let found = said.iter().any(|f| f.key.rule.code() == plant.code());
            sum.1 += u64::from(found);
            if !found {
                let codes: Vec<&str> = said.iter().map(|f| f.key.rule.code()).collect();
                let seen = summary.map_or_else(String::new, |s| {
                    let people = s
                        .present
                        .iter()
                        .map(|p| format!("{} {}/{}", p.person, p.present_ms / 1000, p.operating_ms / 1000));
                    let who: Vec<String> = people.collect();
                    format!(
                        "unknown {} unmatched {} of {} s: {}",
                        s.indeterminate_tracks,
                        s.unmatched_tracks,
                        truth.finish - truth.begin,
                        who.join(", ")
                    )
                });
                score.missed_by.insert((plant.code(), format!("said {} · {seen}", codes.join(" "))), 1);
            }
        }
    }

    /// Findings of L2 and above without a session that touch no planted offence.
    fn outside(&self, day: &Day, score: &mut Score) {
        for f in self.findings.iter().filter(|f| f.key.session.is_none() && f.severity >= Severity::L2) {
            let touches = |s: &Session| {
                let (from, to) = (clinic::wall(s.begin.saturating_sub(600)), clinic::wall(s.finish + 600));
                s.plant.is_some() && f.intervals.iter().any(|i| i.from_wall <= to && i.to_wall >= from)
            };
            if !day.sessions.iter().any(touches) {
                score.false_incidents += 1;
                *score.false_by.entry((f.key.rule.code().to_owned(), "no session")).or_default() += 1;
            }
        }
    }
}
