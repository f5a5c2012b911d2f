//! Plays the catalogue of scenes under a profile's noise, and compares what was said with the truth
//! of each scene. Whether a session could be judged is told by the generator's truth alone, never
//! by the engine's own figures.

mod played;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clinic_sim::scene::{DISHONEST, LAWFUL, OFFENCES, Recipe, SceneTruth};
use clinic_sim::{ErrorModel, Noise};
use presence::{Engine, Observation, Policy, Step, TrackId};

use crate::clinic;
pub(crate) use played::{World, play};

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
    pub scenes: BTreeMap<(SceneTruth, &'static str), SceneScore>,
}

/// All scenes with their truth.
fn catalogue() -> Vec<(SceneTruth, &'static Recipe)> {
    let offences = OFFENCES.iter().map(|(plant, recipe)| (SceneTruth::Offence(*plant), recipe));
    let lawful = LAWFUL.iter().map(|recipe| (SceneTruth::Lawful, recipe));
    let dishonest = DISHONEST.iter().map(|recipe| (SceneTruth::Dishonest, recipe));
    offences.chain(lawful).chain(dishonest).collect()
}

/// Plays every scene that `chosen` takes `each` times. The same seed gives the same score.
pub fn profile(
    noise: &Noise,
    model: &ErrorModel,
    policy: &Policy,
    each: u64,
    seed: u64,
    chosen: impl Fn(SceneTruth, &str) -> bool,
    plain_input: bool,
) -> ProfileScore {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut all: Vec<(SceneTruth, &'static Recipe, u64)> = Vec::new();
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
