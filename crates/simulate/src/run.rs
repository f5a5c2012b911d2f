//! Plays simulated days through engines, one engine per day, on as many threads as there are cores.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clinic_sim::{Day, Dice, ErrorModel, PlaceStay, STAFF, Session, SimulatedCamera};
use presence::{
    Engine, EngineOutput, IdentityView, Observation, PersonId, Policy, TrackId, standing,
};

use crate::clinic;
use crate::score::{DayTally, Score};

/// Sessions per simulated day.
const PER_DAY: u32 = 6;

/// Share of treatments that are offences.
const UNLAWFUL: f64 = 0.35;

/// A matched track is embedded anew so often, s. (The box does it at better views and every five
/// minutes.)
const RENEW_S: u32 = 20;

/// Runs at least `sessions` sessions and adds up what came of them. The same seed gives the same
/// score, however many threads there are.
pub fn run(model: &ErrorModel, policy: &Policy, sessions: u64, seed: u64) -> Score {
    let days = sessions.div_ceil(u64::from(PER_DAY));
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let mut score = Score::default();
    std::thread::scope(|scope| {
        let part = |n: u64| {
            let mut score = Score::default();
            for number in (n..days).step_by(threads as usize) {
                score.add(&day(model, policy, seed, number));
            }
            score
        };
        let workers: Vec<_> = (0..threads).map(|n| scope.spawn(move || part(n))).collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => score.add(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    score
}

fn day(model: &ErrorModel, policy: &Policy, seed: u64, number: u64) -> Score {
    let day = Day::random(&mut Dice::new(seed, 2 * number), &model.clinic, PER_DAY, UNLAWFUL);
    let outputs = play(&day, model, policy, Dice::new(seed, 2 * number + 1), |_, _, _| {});
    let mut tally = DayTally::default();
    tally.take(outputs);
    tally.score(&day, number)
}

/// One thing that the engine said of a day, and stands at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaidFinding {
    /// Code of the rule.
    pub rule: &'static str,
    /// Second of the day.
    pub second: u32,
    /// An offence was planted where it was said, and it is of that rule.
    pub is_true: bool,
}

/// What stands at the end of one day, and whether an offence was planted in it. `unlawful`: the
/// share of treatments that are offences.
pub fn said(
    model: &ErrorModel,
    policy: &Policy,
    seed: u64,
    number: u64,
    unlawful: f64,
) -> (bool, Vec<SaidFinding>) {
    let day = Day::random(&mut Dice::new(seed, 2 * number), &model.clinic, PER_DAY, unlawful);
    let outputs = play(&day, model, policy, Dice::new(seed, 2 * number + 1), |_, _, _| {});
    let said = standing(outputs).into_values().map(|finding| {
        let rule = finding.key.rule.code();
        let of = |session: &&Session| {
            finding.key.session.as_ref().is_none_or(|id| *id == clinic::session_id(session))
        };
        let planted = |session: &Session| session.plant.is_some_and(|plant| plant.code() == rule);
        let is_true = day.sessions.iter().filter(of).any(planted);
        SaidFinding { rule, second: clinic::second(finding.raised_at.mono), is_true }
    });
    let said = said.collect();
    (day.sessions.iter().any(|session| session.plant.is_some()), said)
}

/// One day as text: what was true, and what the engine said of it.
pub fn diary(model: &ErrorModel, policy: &Policy, seed: u64, number: u64) -> String {
    let day = Day::random(&mut Dice::new(seed, 2 * number), &model.clinic, PER_DAY, UNLAWFUL);
    let mut lines = Vec::new();
    lines.extend(day.sessions.iter().map(|s| (s.start, headline(s))));
    lines.extend(
        day.stays.iter().map(|s| (s.from, format!("  {:?} {:?} until {}", s.who, s.zone, s.to))),
    );
    let mut views: BTreeMap<TrackId, String> = BTreeMap::new();
    let watch = |t: u32, seen: &Observation, engine: &Engine| {
        for face in &seen.faces {
            let view = match engine.identity(face.track) {
                IdentityView::Matched { person, .. } => format!("MATCHED {person}"),
                IdentityView::Unmatched { .. } => "UNMATCHED".to_owned(),
                IdentityView::Indeterminate => "INDETERMINATE".to_owned(),
            };
            if views.insert(face.track, view.clone()).as_ref() != Some(&view) {
                let at = face.bbox.centre();
                lines.push((
                    t,
                    format!("      track {} at {},{}: {view}", face.track.0, at.x, at.y),
                ));
            }
        }
    };
    let outputs = play(&day, model, policy, Dice::new(seed, 2 * number + 1), watch);
    for output in outputs {
        match output {
            EngineOutput::Finding(f) => lines.push((
                clinic::second(f.raised_at.mono),
                format!(
                    "    {:?} {} {:?} {:?}: {}",
                    f.step,
                    f.key.rule.code(),
                    f.severity,
                    f.key.session,
                    wording::of_box(&f.statement).en
                ),
            )),
            EngineOutput::PresenceSummary(s) => lines.push((
                clinic::second(s.at.mono),
                format!(
                    "    {}: {:?}, V {} ppm, undecided {:?}",
                    s.session, s.assessment, s.visibility.over_a_ppm, s.undecided
                ),
            )),
            EngineOutput::WipeTrack(_) => {}
        }
    }
    lines.sort();
    lines.iter().fold(String::new(), |mut text, (t, line)| {
        let _ = writeln!(text, "{t:6} {line}");
        text
    })
}

/// What was declared of a treatment, and what it was.
fn headline(s: &Session) -> String {
    let flags = [(s.masked, ", masked"), (s.faulty, ", faulty")];
    let flags: String =
        flags.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect();
    format!(
        "s{} {} under {}, declared {}-{} told {:?}, patient {}-{}, \"{}\"{flags}",
        s.number, s.item, s.lead, s.start, s.end, s.told, s.begin, s.finish, s.story
    )
}

/// Everything that the engine says of a day.
fn play(
    day: &Day,
    model: &ErrorModel,
    policy: &Policy,
    dice: Dice,
    mut watch: impl FnMut(u32, &Observation, &Engine),
) -> Vec<EngineOutput> {
    let ids: Vec<(&'static str, PersonId)> =
        STAFF.iter().map(|s| (s.id, PersonId::new(s.id))).collect();
    let mut camera = SimulatedCamera::new(model, dice);
    let mut engine = Engine::new();
    let mut out = Vec::new();
    for fact in clinic::knowledge(policy) {
        out.extend(engine.inform(clinic::moment(0, 0), fact));
    }
    let mut told: Vec<(u32, usize)> =
        day.sessions.iter().enumerate().filter_map(|(i, s)| s.told.map(|t| (t, i))).collect();
    told.sort_unstable();
    let mut told = told.into_iter().peekable();
    let mut stays: Vec<&PlaceStay> = day.stays.iter().collect();
    stays.sort_by_key(|s| (s.from, s.who));
    let (mut next, mut here): (usize, Vec<&PlaceStay>) = (0, Vec::new());
    for t in 0..day.length {
        let at = clinic::moment(
            t,
            day.clock_step.filter(|(from, _)| *from <= t).map_or(0, |(_, ms)| ms),
        );
        while let Some((_, i)) = told.next_if(|(when, _)| *when <= t) {
            out.extend(engine.inform(at, clinic::declaration(&day.sessions[i])));
        }
        while next < stays.len() && stays[next].from <= t {
            here.push(stays[next]);
            next += 1;
        }
        here.retain(|s| s.to >= t);
        let during = |spans: &[(u32, u32)]| spans.iter().any(|(a, b)| (*a..=*b).contains(&t));
        if during(&day.outages) {
            continue;
        }
        let masked = day
            .sessions
            .iter()
            .any(|s| s.masked && s.begin.saturating_sub(180) <= t && t <= s.finish + 60);
        let embeds = |track: u64| match engine.identity(TrackId(track)) {
            IdentityView::Matched { .. } => t % RENEW_S == 0,
            IdentityView::Unmatched { .. } => t % 5 == 0,
            IdentityView::Indeterminate => true,
        };
        let present = one_place_each(&here, t);
        let look = camera.look(t, present.into_iter(), masked, embeds);
        let seen = clinic::observation(look, during(&day.knocks), &ids);
        out.extend(engine.observe(at, &seen));
        watch(t, &seen, &engine);
    }
    out.extend(engine.expire(clinic::moment(day.length + 60, 0)));
    out
}

/// Where two stays of one person meet, the later one counts.
fn one_place_each<'s>(here: &[&'s PlaceStay], _t: u32) -> Vec<&'s PlaceStay> {
    let later =
        |i: usize, stay: &PlaceStay| here[i + 1..].iter().any(|other| other.who == stay.who);
    here.iter().enumerate().filter(|(i, stay)| !later(*i, stay)).map(|(_, stay)| *stay).collect()
}
