//! Compares what was said with what was true.

use std::collections::{BTreeMap, BTreeSet};

use clinic_sim::{Day, Plant, Session};
use presence::{
    Assessability, EngineOutput, Finding, PresenceSummary, SessionId, Severity, standing,
};

use crate::clinic;

/// Lines kept for `--explain`.
const MAX_NOTES: usize = 1_000;

/// What was said of one day.
#[derive(Debug, Default)]
pub struct DayTally {
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
    /// Lawful ones that the core called Assessable.
    pub lawful_assessable: u64,
    /// Lawful ones without outage, knock or clock step.
    pub fault_free: u64,
    /// Of those, Assessable and every rule decided.
    pub fault_free_decided: u64,
    /// Incidents of L2 and above that stand against lawful sessions, or outside any planted
    /// offence.
    pub false_incidents: u64,
    /// Findings of L2 and above that were raised and taken back by a later fact.
    pub taken_back: u64,
    /// False incidents by the rule and the story they arose in.
    pub false_by: BTreeMap<(String, &'static str), u64>,
    /// Why lawful sessions without fault were not decided.
    pub abstained_by: BTreeMap<(String, &'static str), u64>,
    /// Day by day what went wrong, the first `MAX_NOTES` lines.
    pub notes: BTreeSet<String>,
    /// Per planted rule.
    pub recall: BTreeMap<Plant, Recall>,
}

/// What became of the planted offences of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recall {
    /// Planted where the core said that it could judge the rule.
    pub planted: u64,
    /// Found among them.
    pub found: u64,
    /// Planted where the core abstained: the session was not assessable or the rule undecided.
    pub abstained: u64,
}

impl Score {
    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.lawful += other.lawful;
        self.lawful_assessable += other.lawful_assessable;
        self.fault_free += other.fault_free;
        self.fault_free_decided += other.fault_free_decided;
        self.false_incidents += other.false_incidents;
        self.taken_back += other.taken_back;
        for (key, n) in &other.false_by {
            *self.false_by.entry(key.clone()).or_default() += n;
        }
        for (key, n) in &other.abstained_by {
            *self.abstained_by.entry(key.clone()).or_default() += n;
        }
        self.notes.extend(other.notes.iter().cloned());
        while self.notes.len() > MAX_NOTES {
            self.notes.pop_last();
        }
        for (plant, recall) in &other.recall {
            let sum = self.recall.entry(*plant).or_default();
            sum.planted += recall.planted;
            sum.found += recall.found;
            sum.abstained += recall.abstained;
        }
    }
}

impl DayTally {
    /// Takes everything said of a day.
    pub fn take(&mut self, outputs: Vec<EngineOutput>) {
        for output in &outputs {
            match output {
                EngineOutput::PresenceSummary(s) => {
                    self.summaries.insert(s.session.clone(), (**s).clone());
                }
                EngineOutput::Finding(f)
                    if f.step == presence::Step::Withdrawn && f.severity >= Severity::L2 =>
                {
                    self.taken_back += 1;
                }
                _ => {}
            }
        }
        self.findings = standing(outputs).into_values().collect();
    }

    /// Scores it; `number` is the day's.
    pub fn score(&self, day: &Day, number: u64) -> Score {
        let mut score = Score { taken_back: self.taken_back, ..Score::default() };
        for session in &day.sessions {
            score.sessions += 1;
            match session.plant {
                None => self.lawful(session, number, &mut score),
                Some(Plant::Hb3) => self.undeclared(session, day, number, &mut score),
                Some(plant) => self.planted(session, plant, number, &mut score),
            }
        }
        self.outside(day, number, &mut score);
        score
    }

    fn said(&self, truth: &Session) -> impl Iterator<Item = &Finding> {
        let id = clinic::session_id(truth);
        self.findings.iter().filter(move |f| f.key.session.as_ref() == Some(&id))
    }

    fn lawful(&self, truth: &Session, number: u64, score: &mut Score) {
        let summary = self.summaries.get(&clinic::session_id(truth));
        let assessable = summary.is_some_and(|s| s.assessment == Assessability::Assessable);
        let decided = assessable && summary.is_some_and(|s| s.undecided.is_empty());
        score.lawful += 1;
        score.lawful_assessable += u64::from(assessable);
        score.fault_free += u64::from(!truth.faulty);
        score.fault_free_decided += u64::from(!truth.faulty && decided);
        if !truth.faulty && !decided {
            let why = summary.map_or_else(|| "no summary".to_owned(), abstention);
            *score.abstained_by.entry((why, truth.story)).or_default() += 1;
        }
        if let Some(gravest) =
            self.said(truth).filter(|f| f.severity >= Severity::L2).max_by_key(|f| f.severity)
        {
            let code = gravest.key.rule.code();
            score.false_incidents += 1;
            *score.false_by.entry((code.to_owned(), truth.story)).or_default() += 1;
            score.notes.insert(format!(
                "day {number} s{}: false {code} in \"{}\"",
                truth.number, truth.story
            ));
        }
    }

    fn planted(&self, truth: &Session, plant: Plant, number: u64, score: &mut Score) {
        let summary = self.summaries.get(&clinic::session_id(truth));
        let code = plant.code();
        // NL-4 needs no face, and so no view.
        let judged = plant == Plant::Nl4
            || summary.is_some_and(|s| {
                s.assessment == Assessability::Assessable
                    && s.undecided.iter().all(|u| u.rule.code() != code)
            });
        let found = self.said(truth).any(|f| f.key.rule.code() == code);
        let recall = score.recall.entry(plant).or_default();
        if !judged && !found {
            recall.abstained += 1;
            return;
        }
        recall.planted += 1;
        recall.found += u64::from(found);
        if !found {
            let codes: Vec<&str> = self.said(truth).map(|f| f.key.rule.code()).collect();
            let seen = summary.map_or_else(String::new, people);
            score.notes.insert(format!(
                "day {number} s{}: missed {code}, said {codes:?}; {seen}",
                truth.number
            ));
        }
    }

    /// Without a session there is no summary: to be found wherever the camera was not at fault.
    fn undeclared(&self, truth: &Session, day: &Day, number: u64, score: &mut Score) {
        // A neighbour closed so late that it covers the act hides it on paper.
        let covers =
            |s: &Session| s.told.is_some() && s.start <= truth.finish && s.end >= truth.begin;
        if truth.faulty || day.sessions.iter().any(covers) {
            score.recall.entry(Plant::Hb3).or_default().abstained += 1;
            return;
        }
        let (from, to) = (clinic::wall(truth.begin), clinic::wall(truth.finish));
        let overlaps =
            |f: &&Finding| f.intervals.iter().any(|i| i.from_wall <= to && i.to_wall >= from);
        let undeclared = |f: &&Finding| f.key.session.is_none() && f.key.rule.code() == "HB-3";
        let found = self.findings.iter().filter(undeclared).any(|f| overlaps(&f));
        let recall = score.recall.entry(Plant::Hb3).or_default();
        recall.planted += 1;
        recall.found += u64::from(found);
        if !found {
            score.notes.insert(format!("day {number} s{}: missed HB-3", truth.number));
        }
    }

    /// Findings of L2 and above without a session that touch no planted offence.
    fn outside(&self, day: &Day, number: u64, score: &mut Score) {
        for f in
            self.findings.iter().filter(|f| f.key.session.is_none() && f.severity >= Severity::L2)
        {
            let touches = |s: &Session| {
                let (from, to) =
                    (clinic::wall(s.begin.saturating_sub(600)), clinic::wall(s.finish + 600));
                s.plant.is_some()
                    && f.intervals.iter().any(|i| i.from_wall <= to && i.to_wall >= from)
            };
            if !day.sessions.iter().any(touches) {
                score.false_incidents += 1;
                *score.false_by.entry((f.key.rule.code().to_owned(), "no session")).or_default() +=
                    1;
                score
                    .notes
                    .insert(format!("day {number}: false {} without a session", f.key.rule.code()));
            }
        }
    }
}

/// Why a session was not decided, in words.
fn abstention(summary: &PresenceSummary) -> String {
    match &summary.assessment {
        Assessability::NotAssessable(why) => format!(
            "NotAssessable: {}",
            why.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", ")
        ),
        Assessability::Assessable => {
            let rules: Vec<String> = summary
                .undecided
                .iter()
                .map(|u| format!("{} {}", u.rule.code(), u.reason))
                .collect();
            format!("undecided: {}", rules.join(", "))
        }
    }
}

/// Who was seen how long, present/operating s.
fn people(summary: &PresenceSummary) -> String {
    let person = |p: &presence::PersonPresence| {
        format!("{} {}/{}", p.person, p.present_ms / 1000, p.operating_ms / 1000)
    };
    let seen: Vec<String> = summary.present.iter().map(person).collect();
    format!(
        "{}; unknown {} unmatched {}",
        seen.join(" "),
        summary.indeterminate_tracks,
        summary.unmatched_tracks
    )
}
