//! Plays the catalogue of scenes under a profile's noise, and compares what was said with the truth
//! of each scene. Whether a session could be judged is told by the generator's truth alone, never
//! by the engine's own figures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clinic_sim::scene::{DISHONEST, LAWFUL, OFFENCES, Recipe, Truth, Walk};
use clinic_sim::{Actor, Dice, ErrorModel, Noise, Plant, Scene, Sensor, Zone};
use presence::{
    Assessment, CheckDirection, Checked, Engine, Fact, FigureName, Finding, IdentityCheck,
    IdentityView, Moment, Observation, Output, PersonId, Policy, PresenceSummary, Rule, SessionId,
    Severity, Step, TrackId, standing,
};

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

/// Numbers of scenes of one name.
const SCENE_STEP: u64 = 1_000_000;

/// What came of all scenes of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SceneScore {
    /// Scenes played.
    pub played: u64,
    /// Of them assessable by the generator's truth.
    pub assessable: u64,
    /// Of those decided: found, or the engine said that it could judge the rule.
    pub decided: u64,
    /// Of those with the rule's finding.
    pub found: u64,
    /// Sessions that the engine itself called NotAssessable.
    pub not_assessable: u64,
    /// With a finding of L2 or above.
    pub raised_l2: u64,
    /// Without any finding of L1 or above.
    pub silent: u64,
    /// Sessions in which the declared lead did the lead's part by the generator's truth, and of
    /// them those in which a rule called the lead absent, or there for less than that.
    pub lead_there: u64,
    /// See `lead_there`.
    pub called_absent: u64,
    /// Why something was said or not, for `--explain`: the numbers of the scenes, for `--day`.
    pub why: BTreeMap<String, Vec<u64>>,
}

/// What came of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileScore {
    /// Per scene.
    pub scenes: BTreeMap<(Truth, &'static str), SceneScore>,
}

/// All scenes with their truth.
fn catalogue() -> Vec<(Truth, &'static Recipe)> {
    let offences = OFFENCES.iter().map(|(plant, recipe)| (Truth::Offence(*plant), recipe));
    let lawful = LAWFUL.iter().map(|recipe| (Truth::Lawful, recipe));
    let dishonest = DISHONEST.iter().map(|recipe| (Truth::Dishonest, recipe));
    offences.chain(lawful).chain(dishonest).collect()
}

/// Plays every scene that `chosen` takes `each` times. The same seed gives the same score.
pub fn profile(
    noise: &Noise,
    model: &ErrorModel,
    policy: &Policy,
    each: u64,
    seed: u64,
    chosen: impl Fn(Truth, &str) -> bool,
    plain_input: bool,
) -> ProfileScore {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut all: Vec<(Truth, &'static Recipe, u64)> = Vec::new();
    for (index, (truth, recipe)) in catalogue().into_iter().enumerate() {
        if chosen(truth, recipe.0) {
            all.extend((0..each).map(|n| (truth, recipe, index as u64 * SCENE_STEP + n)));
        }
    }
    let mut score = ProfileScore::default();
    std::thread::scope(|scope| {
        let all = &all;
        let part = |from: u64| {
            let mut score = ProfileScore::default();
            for (truth, recipe, number) in all.iter().skip(from as usize).step_by(threads as usize)
            {
                let world = World { noise, model, policy, seed, plain_input };
                let played = play(recipe, *truth, world, *number, |_, _, _| {});
                score.scenes.entry((*truth, recipe.0)).or_default().add(&played.score(*number));
            }
            score
        };
        let workers: Vec<_> = (0..threads).map(|n| scope.spawn(move || part(n))).collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => {
                    for (key, scene) in part.scenes {
                        score.scenes.entry(key).or_default().add(&scene);
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    score
}

impl SceneScore {
    fn add(&mut self, other: &Self) {
        self.played += other.played;
        self.assessable += other.assessable;
        self.decided += other.decided;
        self.found += other.found;
        self.not_assessable += other.not_assessable;
        self.raised_l2 += other.raised_l2;
        self.silent += other.silent;
        self.lead_there += other.lead_there;
        self.called_absent += other.called_absent;
        for (why, numbers) in &other.why {
            let known = self.why.entry(why.clone()).or_default();
            known.extend(numbers);
            known.sort_unstable();
        }
    }
}

/// One scene with what was said of it.
pub(crate) struct Played {
    pub(crate) scene: Scene,
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
    truth: Truth,
    world: World<'_>,
    number: u64,
    mut watch: impl FnMut(u64, &Observation, &Engine),
) -> Played {
    let World { noise, model, policy, seed, plain_input } = world;
    let scene = Scene::new(recipe, truth, &mut Dice::new(seed, 2 * number));
    let mut sensor = Sensor::new(noise, model, Dice::new(seed, 2 * number + 1));
    let mut seen: BTreeMap<Actor, (u64, u64)> = BTreeMap::new();
    for walk in &scene.people {
        let time = walk.stints.iter().map(|s| u64::from(s.to - s.from)).sum();
        seen.insert(walk.who, (time, 0));
    }
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
        let embeds = |track: u64| {
            let since = looked.get(&track).map_or(u64::MAX, |last| t - last);
            since
                >= match engine.identity(TrackId(track)) {
                    IdentityView::Matched { .. } => RENEW_MS,
                    IdentityView::Unmatched { .. } => STRANGER_MS,
                    IdentityView::Indeterminate => EVIDENCE_MS,
                }
        };
        let shot = sensor.shot(t, &scene, embeds);
        for face in &shot.faces {
            if face.scores.is_some() {
                looked.insert(face.track, t);
            }
            // The check is made as soon as the box recognises somebody who can witness it.
            let by = shot.faces.iter().find_map(|f| match engine.identity(TrackId(f.track)) {
                IdentityView::Matched { person, .. } => Some(person),
                _ => None,
            });
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
            look.likeness.clear();
            for found in look.faces.iter_mut().filter_map(|f| f.match_.as_mut()) {
                found.relevant.clear();
            }
        }
        out.extend(engine.observe(at, &look));
        watch(t, &look, &engine);
    }
    let over = u64::from(scene.length) * 1_000 + 60_000;
    out.extend(engine.expire(clinic::since_boot(over, booted)));
    let mut summaries = BTreeMap::new();
    for output in &out {
        if let Output::PresenceSummary(summary) = output {
            summaries.insert(summary.session.clone(), (**summary).clone());
        }
    }
    let every_ms = sensor.every_ms;
    Played {
        scene,
        findings: standing(out).into_values().collect(),
        summaries,
        seen,
        at_door,
        every_ms,
    }
}

/// A box that was just switched on, and is told what the server knows.
fn begin(scene: &Scene, policy: &Policy, at: Moment, out: &mut Vec<Output>) -> Engine {
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
        who: Checked::Pass("engineer".into()),
        direction: CheckDirection::In,
        at: wall,
        witness,
        track: Some(TrackId(track)),
        stated_at: None,
    })
}

impl Played {
    fn seen_to_come_and_go(&self, walk: &Walk) -> bool {
        let ends = [walk.stints.first(), walk.stints.last()];
        ends.into_iter().flatten().all(|s| self.at_door.contains(&(walk.who, s.from)))
    }

    /// Whether a person who sees what the camera saw could tell the offence.
    fn assessable(&self) -> bool {
        // Who vanishes in the room may have stayed with the back turned, and who was not seen to
        // come may have been there: only a face that the camera found at the door both times tells.
        let lead = Actor::Staff("lead1");
        if self.scene.truth == Truth::Offence(Plant::Ll5)
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

    fn score(&self, number: u64) -> SceneScore {
        let mut score = SceneScore { played: 1, ..SceneScore::default() };
        let worst = self.findings.iter().map(|f| f.severity).max();
        score.raised_l2 = u64::from(worst >= Some(Severity::L2));
        score.silent = u64::from(worst < Some(Severity::L1));
        let summary = self.summaries.values().next();
        let judged = summary.is_some_and(|s| s.assessment == Assessment::Assessable);
        score.not_assessable = u64::from(!judged && !self.scene.sessions.is_empty());
        if let Truth::Offence(plant) = self.scene.truth {
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
        let told = if matches!(self.scene.truth, Truth::Offence(_)) && score.assessable == 0 {
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
            let inside = his.flat_map(|w| &w.stints).filter(|s| s.zone != Zone::Door);
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
                Assessment::NotAssessable(why) => {
                    said.push(format!(
                        "NotAssessable {}",
                        why.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(" ")
                    ));
                }
                Assessment::Assessable => {
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
            Truth::Offence(plant) => plant.code() == rule.code(),
            _ => true,
        }
    }
}

/// One scene as text: what was true, and what the engine said of it.
pub fn scene_diary(
    noise: &Noise,
    model: &ErrorModel,
    policy: &Policy,
    seed: u64,
    name: &str,
    number: u64,
) -> String {
    let all = catalogue();
    let Some((index, (truth, recipe))) =
        all.into_iter().enumerate().find(|(_, (_, r))| r.0.contains(name))
    else {
        return format!("no scene is called {name}\n");
    };
    let mut lines: Vec<(u64, String)> = Vec::new();
    let mut views: BTreeMap<TrackId, String> = BTreeMap::new();
    let mut last: BTreeMap<TrackId, (u64, (i32, i32))> = BTreeMap::new();
    let watch = |t: u64, seen: &Observation, engine: &Engine| {
        for face in &seen.faces {
            let view = format!("{:?}", engine.identity(face.track));
            let view = view.split("renew").next().unwrap_or_default().to_owned();
            let at = face.bbox.centre();
            if views.insert(face.track, view.clone()).as_ref() != Some(&view) {
                lines.push((
                    t,
                    format!(
                        "      track {} at {},{} masked {}: {view}",
                        face.track.0, at.x, at.y, face.masked
                    ),
                ));
            }
            last.insert(face.track, (t, (at.x, at.y)));
        }
    };
    let world = World { noise, model, policy, seed, plain_input: false };
    let played = play(recipe, truth, world, index as u64 * SCENE_STEP + number, watch);
    lines.extend(
        last.into_iter()
            .map(|(track, (t, at))| (t, format!("      track {} last at {at:?}", track.0))),
    );
    for walk in &played.scene.people {
        lines.extend(walk.stints.iter().map(|s| {
            (
                u64::from(s.from) * 1_000,
                format!("  {:?} {:?} {:?} until {}", walk.who, s.zone, s.pose, s.to),
            )
        }));
    }
    for session in &played.scene.sessions {
        lines.push((u64::from(session.start) * 1_000, format!("{session:?}")));
    }
    for f in &played.findings {
        let step = if f.step == Step::Withdrawn { "withdrawn " } else { "" };
        let at = clinic::elapsed_ms(f.raised_at.mono);
        lines.push((
            at,
            format!(
                "    {step}{} {:?}: {} {:?}",
                f.key.rule.code(),
                f.severity,
                wording::of_box(&f.statement).en,
                f.figures
            ),
        ));
    }
    lines.extend(
        played.summaries.values().map(|s| (clinic::elapsed_ms(s.at.mono), format!("    {s:?}"))),
    );
    lines.sort();
    lines.iter().fold(String::new(), |mut text, (t, line)| {
        let _ = writeln!(text, "{:8.1} {line}", *t as f64 / 1_000.0);
        text
    })
}
