//! The acts as rounds: each is one declared session under you as lead, with a moment to get ready
//! before it and the verdict after it. Between two rounds the room has no operator zone, so nothing
//! is judged. The server raises the alerts, not this; it tells whether they are what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use protocol::live::{LiveFrame, Status};
use serde::Serialize;

use super::act::Act;
use super::demo_clinic::{self, InboxAlert};
use super::expected_verdicts::{Footing, Promise};
use super::source::DemoSource;
use crate::api::Api;

/// To leave the picture, or to find the photograph.
const GET_READY: Duration = Duration::from_secs(10);
/// After it: the window, the next evaluation, and the way to the page.
const VERDICT: Duration = Duration::from_secs(12);
/// How much longer an alert that was promised is waited for: a busy machine is slow.
const LATE: Duration = Duration::from_secs(40);

/// Where a round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoundStage {
    GetReady,
    Session,
    Verdict,
    Over,
}

/// One act being played, or played last.
#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) act: Act,
    pub(super) session: String,
    pub(super) stage: RoundStage,
    /// When the stage ends.
    until: Instant,
    /// What the box held faces for while the session ran.
    seen: BTreeSet<&'static str>,
    /// How many findings each alert of the inbox had before.
    before: BTreeMap<String, usize>,
}

impl Round {
    /// Whether an alert came of this act. What is raised while you get ready, such as a photograph
    /// that is held up, belongs to no session.
    fn raised(&self, alert: &InboxAlert) -> bool {
        let before = self.before.get(&alert.id).copied().unwrap_or(0);
        alert.session == self.session || alert.session.is_empty() && alert.findings.len() > before
    }

    /// The rules that spoke because of this act.
    fn rules<'a>(&self, inbox: &'a [InboxAlert]) -> BTreeSet<&'a str> {
        let alerts = inbox.iter().filter(|alert| self.raised(alert));
        alerts.flat_map(|alert| alert.findings.iter().map(|f| f.rule.as_str())).collect()
    }
}

/// A round as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct RoundShown {
    pub(super) act: Act,
    pub(super) session: String,
    pub(super) stage: RoundStage,
    pub(super) left_s: u64,
    pub(super) seen: Vec<&'static str>,
    pub(super) alerts: Vec<InboxAlert>,
    /// When it is over: whether what was seen and raised is what the page promised. `None`: it
    /// promised nothing, or it is not over.
    pub(super) as_promised: Option<bool>,
}

/// All rounds of a demonstration.
#[derive(Debug)]
pub(super) struct Rounds {
    pub(super) footing: Footing,
    count: u32,
    pub(super) current: Option<Round>,
}

impl Rounds {
    pub(super) fn new(footing: Footing) -> Self {
        Self { footing, count: 0, current: None }
    }

    /// Whether an act may begin.
    pub(super) fn is_free(&self) -> bool {
        self.current.as_ref().is_none_or(|round| round.stage == RoundStage::Over)
    }

    /// Declares the session of an act.
    pub(super) fn begin(&mut self, api: &Api, act: Act, inbox: &[InboxAlert]) -> Result<()> {
        let session = format!("demo-{}", self.count + 1);
        let span = |time: Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO);
        let from = Timestamp::now() + span(GET_READY);
        demo_clinic::declare(api, &session, from, from + span(act.lasts()))?;
        self.count += 1;
        let until = Instant::now() + GET_READY;
        let before = inbox.iter().map(|alert| (alert.id.clone(), alert.findings.len())).collect();
        let (stage, seen) = (RoundStage::GetReady, BTreeSet::new());
        self.current = Some(Round { act, session, stage, until, seen, before });
        Ok(())
    }

    /// Lets time pass: goes to the next stage when it is due. True where it went on.
    pub(super) fn tick(
        &mut self,
        api: &Api,
        source: &DemoSource,
        inbox: &[InboxAlert],
    ) -> Result<bool> {
        let footing = self.footing;
        let Some(round) = &mut self.current else { return Ok(false) };
        if round.stage == RoundStage::Over || Instant::now() < round.until {
            return Ok(false);
        }
        if round.stage == RoundStage::Verdict && Instant::now() < round.until + LATE {
            let all_there = |promise: Promise| promise.is_complete(&round.rules(inbox));
            if !footing.promise(round.act).is_none_or(all_there) {
                return Ok(false);
            }
        }
        let (next, lasts) = match round.stage {
            RoundStage::GetReady => (RoundStage::Session, round.act.lasts()),
            RoundStage::Session => (RoundStage::Verdict, VERDICT),
            RoundStage::Verdict | RoundStage::Over => (RoundStage::Over, Duration::ZERO),
        };
        match next {
            RoundStage::Session => demo_clinic::set_zones(api, source, true)?,
            RoundStage::Verdict => demo_clinic::set_zones(api, source, false)?,
            RoundStage::GetReady | RoundStage::Over => {}
        }
        round.stage = next;
        round.until += lasts;
        Ok(true)
    }

    /// Notes what the box holds the faces of a look for.
    pub(super) fn saw(&mut self, sight: &LiveFrame) {
        let Some(round) = self.current.as_mut().filter(|round| round.stage == RoundStage::Session)
        else {
            return;
        };
        round.seen.extend(sight.faces.iter().map(|face| match face.status {
            Status::Matched => "MATCHED",
            Status::Unmatched => "UNMATCHED",
            Status::Indeterminate => "INDETERMINATE",
            Status::Spoof => "SPOOF",
        }));
    }

    /// The current round with what the inbox holds of it.
    pub(super) fn shown(&self, inbox: &[InboxAlert]) -> Option<RoundShown> {
        let round = self.current.as_ref()?;
        let promise = self.footing.promise(round.act).filter(|_| round.stage == RoundStage::Over);
        Some(RoundShown {
            act: round.act,
            session: round.session.clone(),
            stage: round.stage,
            left_s: round.until.saturating_duration_since(Instant::now()).as_secs(),
            seen: round.seen.iter().copied().collect(),
            alerts: inbox.iter().filter(|alert| round.raised(alert)).cloned().collect(),
            as_promised: promise.map(|promise| promise.is_kept(&round.seen, &round.rules(inbox))),
        })
    }

    /// What drawn people do now.
    pub(super) fn act_on_stage(&self) -> Act {
        let playing = self
            .current
            .as_ref()
            .filter(|round| matches!(round.stage, RoundStage::GetReady | RoundStage::Session));
        playing.map_or(Act::Work, |round| round.act)
    }
}

#[cfg(test)]
mod tests {
    use super::super::demo_clinic::InboxFinding;
    use super::*;

    fn alert(id: &str, session: &str, findings: usize) -> InboxAlert {
        let finding = InboxFinding {
            rule: "HB-4".to_owned(),
            kind: "Integrity".to_owned(),
            severity: "L1".to_owned(),
            zh: String::new(),
            en: String::new(),
        };
        InboxAlert {
            id: id.to_owned(),
            session: session.to_owned(),
            severity: "L1".to_owned(),
            state: "open".to_owned(),
            findings: vec![finding; findings],
        }
    }

    #[test]
    fn what_is_raised_while_one_gets_ready_is_of_the_act() {
        let round = Round {
            act: Act::Photo,
            session: "demo-2".to_owned(),
            stage: RoundStage::Over,
            until: Instant::now(),
            seen: BTreeSet::new(),
            before: BTreeMap::from([("old".to_owned(), 1)]),
        };
        assert!(round.raised(&alert("own", "demo-2", 1)));
        assert!(round.raised(&alert("new", "", 1)), "a photograph held up before the session");
        assert!(round.raised(&alert("old", "", 2)), "one more finding of an alert of the day");
        assert!(!round.raised(&alert("old", "", 1)), "it stood there before");
        assert!(!round.raised(&alert("other", "demo-1", 1)), "the last act's");
    }
}
