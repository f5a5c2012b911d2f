//! What a score is worth for and against a person: genuine and impostor scores of drawn galleries
//! through the box's own search, and the log-likelihood ratio of the two at seven places of the
//! pack's scale, bare and masked, of good and poor looks. It writes nobody's score.

use std::fmt::Write as _;

use anyhow::ensure;
use serde::Serialize;
use vision::{EvidenceCurves, Gallery, PackSpec, Rivals, Template};

use crate::{
    degrade::Degrade,
    identify::{self, PhotoSelection, Samples},
    people,
    sample::{Sample, Treatment},
};
use dice::Dice;

/// Templates of these galleries carry it; they are never kept.
const PACK: &str = "evidence";
/// A gallery holds up to so many people, as a room's session has.
const MOST_PEOPLE: usize = 10;
/// Strangers of a gallery.
const STRANGERS: usize = 20;
/// Photographs of a person, at most: nobody weighs more than others.
const MOST_PHOTOS: usize = 6;
/// A curve says no more than the rules' error bounds were tried with, thousandths of a nat.
const LEAST_MNAT: f64 = -3_000.0;
const MOST_MNAT: f64 = 6_000.0;
/// Fewer scores of either kind at hand than this make no curve.
const LEAST_SCORES: usize = 200;
/// The place of `T_reject` among the seven.
const AT_T_REJECT: usize = 3;

/// How much is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub trials: u64,
    pub seed: u64,
}

/// What `evidence --json` prints.
#[derive(Debug, Serialize)]
pub struct EvidenceReport {
    pub people: usize,
    pub bare: LikelihoodCurve,
    pub bare_poor: LikelihoodCurve,
    pub masked: LikelihoodCurve,
    pub masked_poor: LikelihoodCurve,
}

/// One curve and what it rests on.
#[derive(Debug, Serialize)]
pub struct LikelihoodCurve {
    /// Thousandths of a nat.
    pub mnat: [i32; 7],
    /// Scores of a person's own photographs around each place.
    pub genuine: [u32; 7],
    /// The same of other people's.
    pub impostor: [u32; 7],
}

/// Takes all photographs four times: as they are, as a room's camera shows them from afar, and both
/// with a mask drawn. With groups only the people whom they name count.
pub fn run(
    spec: &PackSpec,
    asked: &PhotoSelection<'_>,
    drawn: Drawn,
    threads: usize,
) -> anyhow::Result<EvidenceReport> {
    let mut everyone = asked.people(1)?;
    if let Some(groups) = asked.groups {
        let unknown = groups.known(&people::ids(asked.folders)?)?;
        for line in unknown.values() {
            log_lines::note!("warning: {line}");
        }
        let mut members: Vec<usize> = groups.members(&everyone).into_values().flatten().collect();
        members.sort_unstable();
        members.dedup();
        everyone = members.into_iter().map(|member| everyone[member].clone()).collect();
    }
    for person in &mut everyone {
        person.photos.truncate(MOST_PHOTOS);
    }
    let plain = Treatment { seed: drawn.seed, ..Treatment::default() };
    let enrolments = identify::samples(spec, &everyone, plain, threads)?;
    let curve = |degrade: Option<Degrade>, draw_mask: bool| {
        let how = Treatment { degrade, draw_mask, mask_flag: draw_mask, ..plain };
        let probes = (how != plain).then(|| identify::samples(spec, &everyone, how, threads));
        let probes = probes.transpose()?;
        let set = Set { enrolments: &enrolments, probes: probes.as_ref().unwrap_or(&enrolments) };
        set.curve(spec, draw_mask, drawn)
    };
    Ok(EvidenceReport {
        people: everyone.len(),
        bare: curve(None, false)?,
        bare_poor: curve(Some(Degrade::Clinic32), false)?,
        masked: curve(None, true)?,
        masked_poor: curve(Some(Degrade::Clinic32), true)?,
    })
}

impl EvidenceReport {
    /// The section of the manifest.
    pub fn manifest(&self, pack: &str) -> String {
        let mut text = format!(
            "# `evaluate evidence`, {} people, made by scripts/evidence-curves.\n\
             [pack.{pack}.thresholds.evidence]\n",
            self.people
        );
        let named = [
            ("bare", &self.bare),
            ("bare_poor", &self.bare_poor),
            ("masked", &self.masked),
            ("masked_poor", &self.masked_poor),
        ];
        for (name, curve) in named {
            let _ = writeln!(text, "{name} = {:?}", curve.mnat);
        }
        text
    }
}

/// Samples by person and photograph.
struct Set<'s> {
    enrolments: &'s Samples,
    probes: &'s Samples,
}

impl Set<'_> {
    fn curve(
        &self,
        spec: &PackSpec,
        masked: bool,
        drawn: Drawn,
    ) -> anyhow::Result<LikelihoodCurve> {
        let t = &spec.thresholds;
        let scale = if masked {
            (t.masked_t_reject_ppm, t.masked_t_match_ppm)
        } else {
            (t.t_reject_ppm, t.t_match_ppm)
        };
        let (mut genuine, mut impostor) = ([0; 7], [0; 7]);
        for trial in 0..drawn.trials {
            let mut dice = Dice::new(drawn.seed, trial);
            let mut tally = |own: bool, score_ppm: i32| {
                let counts = if own { &mut genuine } else { &mut impostor };
                counts[place(score_ppm, scale)] += 1;
            };
            self.trial(spec, &mut dice, &mut tally);
        }
        let sum = |counts: &[u32; 7]| counts.iter().sum::<u32>() as usize;
        ensure!(
            sum(&genuine) >= LEAST_SCORES && sum(&impostor) >= LEAST_SCORES,
            "{} scores of people's own photographs and {} of others: {LEAST_SCORES} of each make \
             a curve",
            sum(&genuine),
            sum(&impostor)
        );
        Ok(LikelihoodCurve { mnat: ratio(&genuine, &impostor), genuine, impostor })
    }

    /// One gallery of people with one photograph each; their other photographs and strangers'.
    fn trial(&self, spec: &PackSpec, dice: &mut Dice, tally: &mut impl FnMut(bool, i32)) {
        let rivals = spec.thresholds.rivals;
        let found = |photos: &[Option<Sample>]| photos.iter().flatten().count();
        let (mut able, mut others): (Vec<usize>, Vec<usize>) =
            (0..self.probes.len()).partition(|p| found(&self.enrolments[*p]) >= 2);
        dice.shuffle(&mut able);
        let size = (1 + dice.place(MOST_PEOPLE)).min(able.len());
        others.extend(able.split_off(size));
        dice.shuffle(&mut others);
        let length = self.enrolments.iter().flatten().flatten().next();
        let mut gallery = Gallery::new(PACK, length.map_or(0, |s| s.embedding.len()));
        gallery.set_cohort(&spec.cohort);
        let mut enrolled = Vec::new();
        for person in able {
            let photos = &self.enrolments[person];
            let taken: Vec<usize> = (0..photos.len()).filter(|i| photos[*i].is_some()).collect();
            let photo = taken[dice.place(taken.len())];
            let Some(sample) = &photos[photo] else { continue };
            // Templates of one length and pack cannot be refused.
            let _ = gallery.insert(person, &Template::new(PACK, sample.embedding.clone()));
            enrolled.push((person, photo));
        }
        let relevant: Vec<usize> = enrolled.iter().map(|(person, _)| *person).collect();
        let mut look = |gallery: &Gallery<usize>, of: usize, photo: usize, rivals: Rivals| {
            let Some(Some(sample)) = self.probes[of].get(photo) else { return };
            for scored in gallery.scores_of(&sample.embedding, &relevant, rivals) {
                tally(scored.person == of, scored.ppm());
            }
        };
        for (person, photo) in &enrolled {
            let rest = (0..self.probes[*person].len()).filter(|other| other != photo);
            rest.for_each(|other| look(&gallery, *person, other, rivals));
        }
        for stranger in others.into_iter().take(STRANGERS) {
            let photo = dice.place(self.probes[stranger].len());
            look(&gallery, stranger, photo, rivals);
        }
    }
}

/// The nearest of the seven places.
fn place(score_ppm: i32, (t_reject, t_match): (i32, i32)) -> usize {
    let scale = f64::from((t_match - t_reject).max(1));
    let x = f64::from(score_ppm - t_reject) * 1_000.0 / scale;
    let far = |at: &usize| (f64::from(EvidenceCurves::PLACES[*at]) - x).abs();
    (0..7).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(0)
}

/// The log-likelihood ratio at each place, made to rise: neighbours that fall are one. Below
/// `T_reject` it speaks for nobody, from there on against nobody.
fn ratio(genuine: &[u32; 7], impostor: &[u32; 7]) -> [i32; 7] {
    let total = |counts: &[u32; 7]| f64::from(counts.iter().sum::<u32>()) + 3.5;
    let (of_genuine, of_impostor) = (total(genuine), total(impostor));
    let mnat = |g: f64, i: f64| 1_000.0 * ((g / of_genuine).ln() - (i / of_impostor).ln());
    // Places, genuine and impostor of each group; half a score stands for none.
    let mut groups: Vec<(usize, f64, f64)> = Vec::new();
    for (g, i) in genuine.iter().zip(impostor) {
        groups.push((1, f64::from(*g) + 0.5, f64::from(*i) + 0.5));
        while let [.., a, b] = groups[..]
            && mnat(a.1, a.2) > mnat(b.1, b.2)
        {
            groups.truncate(groups.len() - 2);
            groups.push((a.0 + b.0, a.1 + b.1, a.2 + b.2));
        }
    }
    let rising = groups.iter().flat_map(|(n, g, i)| std::iter::repeat_n(mnat(*g, *i), *n));
    let mut curve = [0; 7];
    for (at, (place, value)) in curve.iter_mut().zip(rising).enumerate() {
        let (least, most) = if at < AT_T_REJECT { (LEAST_MNAT, 0.0) } else { (0.0, MOST_MNAT) };
        *place = value.clamp(least, most).round() as i32;
    }
    // Between the thresholds a look names nobody.
    curve[AT_T_REJECT] = 0;
    curve[AT_T_REJECT + 1] = 0;
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_genuine_than_impostor_scores_speak_for_a_person() {
        let curve = ratio(&[0, 0, 5, 20, 60, 300, 600], &[900, 800, 200, 60, 10, 2, 0]);
        assert!(curve.is_sorted(), "{curve:?}");
        assert_eq!(curve[3..5], [0, 0], "between the thresholds nobody is named");
        assert!(curve[0] <= -3_000 && curve[6] >= 5_000, "{curve:?}");
    }

    #[test]
    fn places_that_fall_are_one() {
        let curve = ratio(&[9, 1, 5, 20, 60, 300, 600], &[900, 800, 200, 60, 10, 2, 0]);
        assert!(curve.is_sorted() && curve[0] == curve[1], "{curve:?}");
    }

    #[test]
    fn a_score_counts_at_the_nearest_place() {
        let t = (300_000, 500_000);
        assert_eq!(place(300_000, t), 3);
        assert_eq!(place(390_000, t), 4);
        assert_eq!(place(-1_000_000, t), 0);
        assert_eq!(place(999_999, t), 6);
    }
}
