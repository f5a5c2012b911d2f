//! One scene played through an engine, and what was said of it beside what was true.

use std::collections::{BTreeMap, BTreeSet};

use clinic_sim::scene::{Recipe, ScenePath, SceneTruth};
use clinic_sim::{
    Actor, DayScene, Dice, ErrorModel, Noise, Plant, Sensor, SensorFrame, Whereabouts,
};
use presence::{
    Assessability, CheckDirection, CheckSubject, Engine, EngineOutput, Fact, FigureName, Finding,
    IdentityCheck, IdentityView, Moment, Observation, PersonId, Policy, PresenceSummary, Rule,
    SessionId, Severity, TrackId, standing,
};

use super::{SCENE_STEP, SceneScore};
use crate::clinic;

/// How often the box embeds a face that is known, and one known for a stranger, ms.
const RENEW_MS: u64 = 20_000;
const STRANGER_MS: u64 = 5_000;
/// How often it embeds an open one.
const EVIDENCE_MS: u64 = 900;

/// A face that matters must be found so often, and in so much of its time, for a session to be
/// assessable.
const LEAST_LOOKS: u64 = 20;
const LEAST_SHARE: f64 = 0.2;

/// The longest part of a lead's own among the items of the scenes, s.
const LEAST_PART_S: u32 = 60;

/// One scene with what was said of it.
pub(crate) struct Played {
    pub(crate) scene: DayScene,
    pub(crate) findings: Vec<Finding>,
    pub(crate) summaries: BTreeMap<SessionId, PresenceSummary>,
    /// Seconds in the scene, and looks with a face.
    seen: BTreeMap<Actor, (u64, u64)>,
    /// Whose face was found on the way through the door, and when that way began, s.
    at_door: BTreeSet<(Actor, u32)>,
    every_ms: f64,
}

/// What every scene of a run shares.
#[derive(Clone, Copy)]
pub(crate) struct World<'w> {
    pub(crate) noise: &'w Noise,
    pub(crate) model: &'w ErrorModel,
    pub(crate) policy: &'w Policy,
    pub(crate) seed: u64,
    /// Neither scores of the relevant people nor likeness of tracks.
    pub(crate) plain_input: bool,
}

pub(crate) fn play(
    recipe: &'static Recipe,
    truth: SceneTruth,
    world: World<'_>,
    number: u64,
    mut watch: impl FnMut(u64, &Observation, &Engine),
) -> Played {
    let World { noise, model, policy, seed, plain_input } = world;
    let scene = DayScene::new(recipe, truth, &mut Dice::new(seed, 2 * number));
    let mut sensor = Sensor::new(noise, model, Dice::new(seed, 2 * number + 1));
    let times = scene.people.iter().map(|walk| {
        let time: u64 = walk.stints.iter().map(|s| u64::from(s.to - s.from)).sum();
        (walk.who, (time, 0))
    });
    let mut seen: BTreeMap<Actor, (u64, u64)> = times.collect();
    let (mut checked_in, mut at_door) = (false, BTreeSet::new());
    let mut looked: BTreeMap<u64, u64> = BTreeMap::new();
    let mut out = Vec::new();
    let mut engine = begin(&scene, policy, clinic::instant(0), &mut out);
    let (mut power, mut booted) = (true, None);
    let mut t = 0;
    while t < u64::from(scene.length) * 1_000 {
        t = sensor.next(t);
        let second = (t / 1_000) as u32;
        let during = |spans: &[(u32, u32)]| spans.iter().any(|(a, b)| *a <= second && second < *b);
        if during(&scene.unplugged) {
            power = false;
            continue;
        }
        if !power {
            power = true;
            booted = Some(t);
            engine = begin(&scene, policy, clinic::since_boot(t, booted), &mut out);
        }
        let at = clinic::since_boot(t, booted);
        let since = |track: u64| looked.get(&track).map_or(u64::MAX, |last| t - last);
        let shot = sensor.shot(t, &scene, |track| since(track) >= rest_ms(&engine, track));
        for face in &shot.faces {
            if face.scores.is_some() {
                looked.insert(face.track, t);
            }
            // The check is made as soon as the box recognises somebody who can witness it.
            let by = witness(&engine, &shot);
            if let Some(by) = by.filter(|_| face.witnessed && !checked_in) {
                checked_in = true;
                out.extend(engine.inform(at, checked(t, face.track, by)));
            }
        }
        for who in sensor.found() {
            if let Some((_, looks)) = seen.get_mut(who) {
                *looks += 1;
            }
            at_door.extend(scene.at_the_door(*who, second).map(|from| (*who, from)));
        }
        let mut look = clinic::shot(&shot, during(&scene.covers), &engine.relevant());
        if plain_input {
            make_plain(&mut look);
        }
        out.extend(engine.observe(at, &look));
        watch(t, &look, &engine);
    }
    let over = u64::from(scene.length) * 1_000 + 60_000;
    out.extend(engine.expire(clinic::since_boot(over, booted)));
    let summaries = out.iter().filter_map(|output| match output {
        EngineOutput::PresenceSummary(summary) => {
            Some((summary.session.clone(), (**summary).clone()))
        }
        _ => None,
    });
    let summaries = summaries.collect();
    let (findings, every_ms) = (standing(out).into_values().collect(), sensor.every_ms);
    Played { scene, findings, summaries, seen, at_door, every_ms }
}

/// How long the box leaves a face alone after a look.
fn rest_ms(engine: &Engine, track: u64) -> u64 {
    match engine.identity(TrackId(track)) {
        IdentityView::Matched { .. } => RENEW_MS,
        IdentityView::Unmatched { .. } => STRANGER_MS,
        IdentityView::Indeterminate => EVIDENCE_MS,
    }
}

/// Somebody in view whom the box recognises.
fn witness(engine: &Engine, shot: &SensorFrame) -> Option<PersonId> {
    shot.faces.iter().find_map(|face| match engine.identity(TrackId(face.track)) {
        IdentityView::Matched { person, .. } => Some(person),
        _ => None,
    })
}

/// As a box that told neither scores of the relevant people nor likeness of tracks.
fn make_plain(look: &mut Observation) {
    look.likeness.clear();
    for found in look.faces.iter_mut().filter_map(|f| f.match_.as_mut()) {
        found.relevant.clear();
    }
}

/// A box that was just switched on, and is told what the server knows.
fn begin(scene: &DayScene, policy: &Policy, at: Moment, out: &mut Vec<EngineOutput>) -> Engine {
    let mut engine = Engine::new();
    let facts = clinic::knowledge_of(policy, scene).into_iter();
    for fact in facts.chain(scene.sessions.iter().map(clinic::declared)) {
        out.extend(engine.inform(at, fact));
    }
    engine
}

/// The engineer's check-in, bound to the track that stood there.
fn checked(t: u64, track: u64, witness: PersonId) -> Fact {
    let Moment { wall, .. } = clinic::instant(t);
    Fact::IdentityCheck(IdentityCheck {
        who: CheckSubject::Pass("engineer".into()),
        direction: CheckDirection::In,
        at: wall,
        witness,
        track: Some(TrackId(track)),
        stated_at: None,
    })
}

impl Played {
    fn seen_to_come_and_go(&self, walk: &ScenePath) -> bool {
        let ends = [walk.stints.first(), walk.stints.last()];
        ends.into_iter().flatten().all(|s| self.at_door.contains(&(walk.who, s.from)))
    }

    /// Whether a person who sees what the camera saw could tell the offence.
    fn assessable(&self) -> bool {
        // Who vanishes in the room may have stayed with the back turned, and who was not seen to
        // come may have been there: only a face that the camera found at the door both times tells.
        let lead = Actor::Staff("lead1");
        if self.scene.truth == SceneTruth::Offence(Plant::Ll5)
            && self.scene.people.iter().any(|w| w.who == lead && !self.seen_to_come_and_go(w))
        {
            return false;
        }
        self.scene.actors.iter().all(|who| {
            let (time_s, looks) = self.seen.get(who).copied().unwrap_or_default();
            looks >= LEAST_LOOKS.min(time_s / 3)
                && looks as f64 * self.every_ms / 1_000.0 >= time_s as f64 * LEAST_SHARE
        })
    }

    pub(super) fn score(&self, number: u64) -> SceneScore {
        let mut score = SceneScore { played: 1, ..SceneScore::default() };
        let worst = self.findings.iter().map(|f| f.severity).max();
        score.raised_l2 = u64::from(worst >= Some(Severity::L2));
        score.silent = u64::from(worst < Some(Severity::L1));
        let summary = self.summaries.values().next();
        let judged = summary.is_some_and(|s| s.assessment == Assessability::Assessable);
        score.not_assessable = u64::from(!judged && !self.scene.sessions.is_empty());
        if let SceneTruth::Offence(plant) = self.scene.truth {
            let code = plant.code();
            // What the rule says of itself as less than its own level is a doubt, not the finding.
            let least =
                if matches!(plant, Plant::Uq2 | Plant::Hb3) { Severity::L1 } else { Severity::L2 };
            let found =
                self.findings.iter().any(|f| f.key.rule.code() == code && f.severity >= least);
            let open = |s: &PresenceSummary| s.undecided.iter().any(|u| u.rule.code() == code);
            let free = matches!(plant, Plant::Nl4 | Plant::Hb3);
            let decided = found || free || (judged && !summary.is_some_and(open));
            score.assessable = u64::from(self.assessable());
            score.decided = score.assessable * u64::from(decided);
            score.found = score.assessable * u64::from(found);
        }
        score.lead_there = u64::from(self.lead_did_the_part());
        score.called_absent = score.lead_there * u64::from(self.calls_the_lead_absent());
        let told = if matches!(self.scene.truth, SceneTruth::Offence(_)) && score.assessable == 0 {
            " (not assessable by its truth)"
        } else {
            ""
        };
        score.why.insert(format!("{}{told}", self.why()), vec![number % SCENE_STEP]);
        score
    }

    /// Whether every declared lead was at work, or stood by, for as long as any item's part takes.
    fn lead_did_the_part(&self) -> bool {
        let there = |lead: &'static str| {
            let his = self.scene.people.iter().filter(|w| w.who == Actor::Staff(lead));
            let inside = his.flat_map(|w| &w.stints).filter(|s| s.zone != Whereabouts::Door);
            inside.map(|s| s.to - s.from).sum::<u32>() >= LEAST_PART_S
        };
        !self.scene.sessions.is_empty()
            && self.scene.sessions.iter().all(|s| s.lead.is_some_and(there))
    }

    /// Whether an alert stands that says something of who worked: people judge that session.
    pub(crate) fn says_who_worked(&self) -> bool {
        self.findings.iter().any(|f| f.severity >= Severity::L1 && f.key.rule.asks_who_worked())
    }

    /// Whether a rule says that the lead, or every lead, was absent or there for too short a time;
    /// not where it says that somebody badly seen was perhaps the lead.
    fn calls_the_lead_absent(&self) -> bool {
        self.findings.iter().any(|f| match f.key.rule {
            Rule::Ll1 => !f
                .figures
                .iter()
                .any(|it| it.name == FigureName::LeadPerhapsStayedFlag && it.value == 1),
            Rule::Ll5 | Rule::Nl1 | Rule::Nl2 | Rule::Nl3 => f.severity >= Severity::L2,
            _ => false,
        })
    }

    /// What was said, or why nothing was.
    fn why(&self) -> String {
        let mut said: Vec<String> = self
            .findings
            .iter()
            .map(|f| format!("{} {:?}", f.key.rule.code(), f.severity))
            .collect();
        said.sort();
        said.dedup();
        for summary in self.summaries.values() {
            match &summary.assessment {
                Assessability::NotAssessable(why) => {
                    said.push(format!(
                        "NotAssessable {}",
                        why.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ")
                    ));
                }
                Assessability::Assessable => {
                    let open: Vec<String> = summary
                        .undecided
                        .iter()
                        .filter(|u| self.matters(u.rule))
                        .map(|u| format!("{} {}", u.rule.code(), u.reason))
                        .collect();
                    if !open.is_empty() {
                        said.push(format!("undecided: {}", open.join(", ")));
                    }
                }
            }
        }
        if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
    }

    fn matters(&self, rule: Rule) -> bool {
        match self.scene.truth {
            SceneTruth::Offence(plant) => plant.code() == rule.code(),
            _ => true,
        }
    }
}
