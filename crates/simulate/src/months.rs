//! What only months can tell: clinics with a dishonest habit, and honest ones, day by day under the
//! server's HB-5 (`abstention`).

use std::collections::BTreeMap;
use std::ops::Range;

use abstention::{AbstentionLimits, DeclaredSession};
use clinic_sim::scene::{HABITS, LAWFUL, Recipe, SceneTruth};
use clinic_sim::{Dice, ErrorModel, Noise};
use presence::{Assessability, Policy, Severity};

use crate::scenes::{World, play};

/// Sessions of a clinic a day, six days a week. A habit is played in every second one.
const A_DAY: u64 = 2;

/// Clinics with each habit, and honest ones.
const HABITUAL: u64 = 3;
const HONEST: u64 = 10;

/// HB-5 as the server has it by default.
const LIMITS: AbstentionLimits =
    AbstentionLimits { days: 14, sessions_min: 10, share_ppm: 300_000, cure_days: 14 };

const DAY_MS: i64 = 86_400_000;

/// What came of the clinics of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonthsScore {
    /// Clinics played.
    pub clinics: u64,
    /// Of them those that HB-5 named.
    pub told: u64,
    /// Those for which it became L2: not cured a fortnight after.
    pub grave: u64,
    /// Of all days of all clinics those on which the first was said; summed.
    pub days_to_tell: u64,
    /// Clinics half of whose habitual sessions raised L1 or above by themselves.
    pub spoke: u64,
    /// Sessions in which the habit was played (all, of an honest clinic), and of them those that
    /// were NotAssessable or undecided.
    pub sessions: u64,
    /// See `sessions`.
    pub unjudged: u64,
}

/// One clinic to play.
#[derive(Clone, Copy)]
struct Clinic {
    habit: Option<&'static Recipe>,
    number: u64,
    seed: u64,
}

/// Plays clinics of each habit and honest ones over so many months of 30 days, once with each seed,
/// honest sessions by their weights. By the habit's name; `None`: honest.
pub fn months(
    noise: &Noise,
    model: &ErrorModel,
    policy: &Policy,
    months: u32,
    seeds: Range<u64>,
    weights: &BTreeMap<String, u32>,
) -> BTreeMap<Option<&'static str>, MonthsScore> {
    let habitual = HABITS.iter().flat_map(|habit| (0..HABITUAL).map(move |_| Some(habit)));
    let honest = (0..HONEST).map(|_| None);
    let kinds: Vec<_> = habitual.chain(honest).collect();
    let of_seed =
        |seed| (0..).zip(&kinds).map(move |(number, h)| Clinic { habit: *h, number, seed });
    let clinics: Vec<Clinic> = seeds.flat_map(of_seed).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut scores: BTreeMap<Option<&'static str>, MonthsScore> = BTreeMap::new();
    std::thread::scope(|scope| {
        let clinics = &clinics;
        let part = |from: usize| -> Vec<(Option<&'static str>, MonthsScore)> {
            let mine = clinics.iter().skip(from).step_by(threads);
            let world = |seed| World { noise, model, policy, seed, plain_input: false };
            mine.map(|c| (c.habit.map(|h| h.0), of_clinic(*c, world(c.seed), months, weights)))
                .collect()
        };
        let workers: Vec<_> = (0..threads).map(|n| scope.spawn(move || part(n))).collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => {
                    for (kind, score) in part {
                        scores.entry(kind).or_default().add(&score);
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    scores
}

fn of_clinic(
    clinic: Clinic,
    world: World<'_>,
    months: u32,
    weights: &BTreeMap<String, u32>,
) -> MonthsScore {
    let mut dice = Dice::new(world.seed, 7_000_000_000 + clinic.number);
    let mut score = MonthsScore { clinics: 1, ..MonthsScore::default() };
    let mut sessions: Vec<DeclaredSession<'static>> = Vec::new();
    let (mut told_ms, mut spoke) = (None, 0);
    for day in 0..i64::from(months) * 30 {
        for n in (0..A_DAY).filter(|_| day % 7 != 6) {
            let habit = clinic.habit.filter(|_| n % 2 == 0);
            let recipe = habit.unwrap_or_else(|| lawful(&mut dice, weights));
            let truth = if habit.is_some() { SceneTruth::Dishonest } else { SceneTruth::Lawful };
            let number = (8_000 + clinic.number) * 1_000_000 + day as u64 * A_DAY + n;
            let played = play(recipe, truth, world, number, |_, _, _| {});
            let judged = played.summaries.values().next().is_some_and(|s| {
                s.assessment == Assessability::Assessable && s.undecided.is_empty()
            });
            if habit.is_some() == clinic.habit.is_some() {
                score.sessions += 1;
                score.unjudged += u64::from(!judged);
                spoke += u64::from(played.findings.iter().any(|f| f.severity >= Severity::L1));
            }
            let declared = played.scene.sessions.first();
            sessions.push(DeclaredSession {
                start_ms: day * DAY_MS,
                room: "room",
                lead: declared.and_then(|s| s.lead),
                operators: declared.map(|s| s.operators.clone()).unwrap_or_default(),
                unjudged: !judged,
                alerted_ms: played.says_who_worked().then_some(day * DAY_MS),
            });
        }
        let now_ms = day * DAY_MS + DAY_MS / 2;
        match abstention::judge(&sessions, told_ms, LIMITS, now_ms) {
            Some(excess) => {
                score.grave = score.grave.max(u64::from(excess.uncured));
                if told_ms.is_none() {
                    told_ms = Some(now_ms);
                    if score.told == 0 {
                        (score.told, score.days_to_tell) = (1, day as u64 + 1);
                    }
                }
            }
            None => told_ms = None,
        }
    }
    score.spoke = u64::from(spoke * 2 >= score.sessions);
    score
}

fn lawful(dice: &mut Dice, weights: &BTreeMap<String, u32>) -> &'static Recipe {
    let weight = |recipe: &Recipe| weights.get(recipe.0).copied().unwrap_or(1);
    let mut left = dice.between(0, LAWFUL.iter().map(weight).sum());
    LAWFUL
        .iter()
        .find(|recipe| {
            let here = left < weight(recipe);
            left = left.saturating_sub(weight(recipe));
            here
        })
        .unwrap_or(&LAWFUL[0])
}

impl MonthsScore {
    fn add(&mut self, other: &Self) {
        self.clinics += other.clinics;
        self.told += other.told;
        self.grave += other.grave;
        self.days_to_tell += other.days_to_tell;
        self.spoke += other.spoke;
        self.sessions += other.sessions;
        self.unjudged += other.unjudged;
    }
}
