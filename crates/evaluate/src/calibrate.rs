//! Thresholds for one clinic: from its own people's photographs, and a cohort of strangers where
//! there is one, through the box's own search and fusion. `T_match` keeps the false positive
//! identification rate at the gallery's size, `T_reject` keeps registered people from being called
//! strangers. The numbers that they rest on are written beside them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, Gallery, PackSpec, Risk, Rivals, Template, TrackProbe};

use crate::{
    curve::IMPOSTORS_PER_RATE,
    people,
    sample::{self, Treatment},
};

/// Share of registered tracks whose every look may score below `T_reject`; fewer tracks than that
/// takes bear the lowest seen, less `RESERVE`.
const REJECT_SHARE: f64 = 0.0005;
const RESERVE: f32 = 0.05;
/// Share of registered people whose distance to the second may be smaller than the margin.
const MARGIN_SHARE: f64 = 0.005;
/// Fewer strangers than this show no tail: the pack's own threshold stands, and is only raised.
const LEAST_FITTED: usize = 100;
/// Most pairs of people that are named as alike.
const MOST_ALIKE: usize = 5;
/// Looks of a track.
const TRACK: usize = 5;
const PACK: &str = "calibration";

/// What `calibrate` writes, as TOML.
#[derive(Debug, Serialize)]
pub struct Calibration {
    /// Templates of another pack are not covered; the box refuses these thresholds with another
    /// pack.
    pub pack: String,
    /// The gallery that the thresholds were chosen for; a larger one needs them anew.
    pub gallery_people: usize,
    /// Enrolment photographs a person.
    pub enrol: usize,
    /// Strangers of the cohort.
    pub cohort_people: usize,
    /// Asked for, 0-1.
    pub fpir: f64,
    /// How scores were held against rivals.
    pub rivals: Held,
    pub bare: Band,
    pub masked: Band,
    /// The people who resemble each other most, by the names of their folders; the likeliest mix-up
    /// first.
    pub alike: Vec<AlikePair>,
}

#[derive(Debug, Serialize)]
pub struct Held {
    pub share_ppm: u32,
    pub count: u32,
    pub per_doubling_ppm: u32,
}

/// Two enrolled people who resemble each other.
#[derive(Debug, Serialize)]
pub struct AlikePair {
    pub people: [String; 2],
    /// Cosine of their templates × 10⁶.
    pub cosine_ppm: i32,
    pub risk: Risk,
}

/// One set of thresholds and what it rests on. Score × 10⁶.
#[derive(Debug, Serialize)]
pub struct Band {
    pub t_match_ppm: i32,
    pub t_reject_ppm: i32,
    pub margin_ppm: i32,
    /// "counted": the quantile of so many non-mated tracks; "fitted": an extreme-value tail,
    /// because they were too few; "pack": the pack's own threshold, because they were far too few,
    /// raised above what any of them reached.
    pub method: &'static str,
    pub non_mated_probes: usize,
    pub mated_probes: usize,
    /// Share of mated tracks at or above `t_match` for the right person.
    pub found_per_track: f64,
    /// Share of mated tracks whose every look scores below `t_reject`.
    pub registered_unmatched: f64,
    /// "photographed" or "drawn" (masks drawn by landmarks).
    pub faces: &'static str,
}

/// Chooses the thresholds for the people of a folder (one person a folder): the first `enrol` of a
/// person's photographs enrol, at most all but one; the others are tracks. It works for a clinic of
/// one person, too: what its own people cannot show comes from the pack, whose cohort makes a small
/// gallery's scores comparable with a large one's.
pub fn run(
    spec: &PackSpec,
    folder: &Path,
    cohort: Option<&Path>,
    (enrol, fpir): (usize, f64),
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Calibration> {
    ensure!((1e-6..=0.1).contains(&fpir), "--fpir is {fpir}; it must lie in 0.000001-0.1");
    let people = people::scan(folder, 1)?;
    let cohort = cohort.map(|c| people::scan(c, 1)).transpose()?.unwrap_or_default();
    let split = |photos: &'_ [PathBuf]| enrol.min(photos.len() - 1).max(1);
    let enrolled: Vec<&[PathBuf]> = people.iter().map(|p| &p.photos[..split(&p.photos)]).collect();
    let probes: Vec<&[PathBuf]> = people.iter().map(|p| &p.photos[split(&p.photos)..]).collect();
    let strangers: Vec<&[PathBuf]> = cohort.iter().map(|p| &p.photos[..]).collect();
    let plain = Treatment { degrade: None, draw_mask: false, ..treatment };
    let cohort_rows = Arc::clone(&spec.cohort);
    let enrolled = take(spec, &enrolled, plain, threads)?;
    let clinic = Clinic { enrolled, rivals: spec.thresholds.rivals, cohort: cohort_rows };
    let band = |treatment: Treatment, faces| -> anyhow::Result<Band> {
        let own = take(spec, &probes, treatment, threads)?;
        let others = take(spec, &strangers, treatment, threads)?;
        let t = &spec.thresholds;
        let limits = if treatment.draw_mask {
            [t.masked_t_match_ppm, t.masked_t_reject_ppm, t.masked_margin_ppm]
        } else {
            [t.t_match_ppm, t.t_reject_ppm, t.margin_ppm]
        };
        Ok(clinic.search(&own, &others)?.band(fpir, limits.map(|ppm| ppm as f32 / 1e6), faces))
    };
    let bare = band(treatment, "photographed")?;
    let masked = band(Treatment { draw_mask: true, ..treatment }, "drawn")?;
    let Rivals { share_ppm, count, per_doubling_ppm } = clinic.rivals;
    let (gallery, limits) = (clinic.gallery(None)?, Risk::limits(&spec.thresholds));
    let named = |index: usize| people[index].id.clone();
    let alike = gallery.alike_pairs(MOST_ALIKE).into_iter().map(|pair| AlikePair {
        people: [named(pair.people[0]), named(pair.people[1])],
        cosine_ppm: ppm(pair.cosine),
        risk: Risk::of(pair.cosine, limits),
    });
    Ok(Calibration {
        pack: spec.name.clone(),
        gallery_people: people.len(),
        enrol,
        cohort_people: cohort.len(),
        fpir,
        rivals: Held { share_ppm, count, per_doubling_ppm },
        bare,
        masked,
        alike: alike.collect(),
    })
}

/// What was seen of each person; photographs without a face are left out.
type Looks = Vec<Vec<Embedding>>;

fn take(
    spec: &PackSpec,
    people: &[&[PathBuf]],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Looks> {
    let photos: Vec<PathBuf> = people.concat();
    let mut samples = sample::take(spec, &photos, treatment, threads)?.into_iter();
    Ok(people
        .iter()
        .map(|p| samples.by_ref().take(p.len()).flatten().map(|s| s.embedding).collect())
        .collect())
}

/// The enrolled people, and how the box scores.
struct Clinic {
    enrolled: Looks,
    rivals: Rivals,
    cohort: Arc<[Embedding]>,
}

impl Clinic {
    /// The box's gallery, with or without one person.
    fn gallery(&self, without: Option<usize>) -> anyhow::Result<Gallery<usize>> {
        let length = self.enrolled.iter().flatten().next().map_or(0, Embedding::len);
        let mut gallery = Gallery::new(PACK, length);
        gallery.set_cohort(&self.cohort);
        for (person, looks) in self.enrolled.iter().enumerate().filter(|(p, _)| Some(*p) != without)
        {
            let templates: Vec<_> = looks.iter().map(|e| Template::new(PACK, e.clone())).collect();
            gallery.enrol(person, &templates)?;
        }
        Ok(gallery)
    }

    /// Lets every track be searched as the box would. Against all the others, everyone is a
    /// stranger: people of the clinic serve as non-mated tracks too.
    fn search(&self, own: &Looks, strangers: &Looks) -> anyhow::Result<Seen> {
        let mut seen = Seen::default();
        let mut all = self.gallery(None)?;
        for (person, looks) in own.iter().enumerate() {
            let mut others = self.gallery(Some(person))?;
            for track in looks.chunks(TRACK) {
                seen.mated.extend(self.mated(&mut all, person, track));
                seen.strangers.extend(self.last(&mut others, track));
            }
        }
        for track in strangers.iter().flat_map(|looks| looks.chunks(TRACK)) {
            seen.strangers.extend(self.last(&mut all, track));
        }
        Ok(seen)
    }

    /// The best score of the whole track, for whomever.
    fn last(&self, gallery: &mut Gallery<usize>, track: &[Embedding]) -> Option<f32> {
        let mut probe = TrackProbe::default();
        let fused = track.iter().map(|look| probe.add(look)).last()?;
        gallery.identify(&fused, self.rivals).best.map(|best| best.cosine)
    }

    fn mated(
        &self,
        gallery: &mut Gallery<usize>,
        person: usize,
        track: &[Embedding],
    ) -> Option<Mated> {
        let mut probe = TrackProbe::default();
        let mut mated: Option<Mated> = None;
        for look in track {
            let found = gallery.identify(&probe.add(look), self.rivals);
            let (Some(best), second) = (found.best, found.second.map_or(-1.0, |s| s.cosine)) else {
                continue;
            };
            let highest = mated.map_or(best.cosine, |m| m.highest.max(best.cosine));
            let right = best.person == person;
            mated = Some(Mated { highest, last: best.cosine, margin: best.cosine - second, right });
        }
        mated
    }
}

/// One registered person's track.
#[derive(Debug, Clone, Copy)]
struct Mated {
    /// The best score of any look, for whomever: below `T_reject` the track would be UNMATCHED.
    highest: f32,
    /// Score, lead over the second, and whether it is the right person, at the last look.
    last: f32,
    margin: f32,
    right: bool,
}

#[derive(Debug, Default)]
struct Seen {
    mated: Vec<Mated>,
    strangers: Vec<f32>,
}

impl Seen {
    /// A clinic's few photographs may lower the pack's `T_reject`, and never raise it; nor its
    /// margin, unless they are many.
    fn band(
        mut self,
        fpir: f64,
        [pack_t_match, most, pack_margin]: [f32; 3],
        faces: &'static str,
    ) -> Band {
        self.strangers.sort_unstable_by(f32::total_cmp);
        let (t_match, method) = t_match(&self.strangers, fpir, pack_t_match);
        let sorted = |mut values: Vec<f32>| {
            values.sort_unstable_by(f32::total_cmp);
            values
        };
        let t_reject = t_reject(&sorted(self.mated.iter().map(|m| m.highest).collect()))
            .min(t_match - 0.02)
            .min(most);
        let margins = sorted(
            self.mated.iter().filter(|m| m.right && m.last >= t_match).map(|m| m.margin).collect(),
        );
        let few = (margins.len() as f64) < 1.0 / MARGIN_SHARE;
        let margin = quantile(&margins, MARGIN_SHARE)
            .clamp(0.02, if few { pack_margin.max(0.02) } else { 0.1 });
        let margin = if margins.is_empty() { pack_margin } else { margin };
        let share = |count: usize| count as f64 / self.mated.len().max(1) as f64;
        Band {
            t_match_ppm: ppm(t_match),
            t_reject_ppm: ppm(t_reject),
            margin_ppm: ppm(margin),
            method,
            non_mated_probes: self.strangers.len(),
            mated_probes: self.mated.len(),
            found_per_track: share(
                self.mated.iter().filter(|m| m.right && m.last >= t_match).count(),
            ),
            registered_unmatched: share(self.mated.iter().filter(|m| m.highest < t_reject).count()),
            faces,
        }
    }
}

/// The threshold that at most `fpir` of the strangers reach. Each stranger's score is the highest
/// of many people, so where they are too few to count, the tail is that of extreme values (Gumbel,
/// by moments); where they show no tail either, it is the pack's. Never below what a stranger has
/// reached already.
fn t_match(sorted: &[f32], fpir: f64, pack: f32) -> (f32, &'static str) {
    let seen = sorted.last().map_or(-1.0, |highest| highest.next_up());
    if sorted.len() < LEAST_FITTED && (sorted.len() as f64) < IMPOSTORS_PER_RATE / fpir {
        return (pack.max(seen).min(0.99), "pack");
    }
    if sorted.len() as f64 >= IMPOSTORS_PER_RATE / fpir {
        return (quantile(sorted, 1.0 - fpir), "counted");
    }
    let count = sorted.len() as f64;
    let mean = sorted.iter().map(|s| f64::from(*s)).sum::<f64>() / count;
    let deviation =
        (sorted.iter().map(|s| (f64::from(*s) - mean).powi(2)).sum::<f64>() / count).sqrt();
    let spread = deviation * 6.0_f64.sqrt() / std::f64::consts::PI;
    let fitted = mean - 0.577_215_7 * spread - spread * (-(1.0 - fpir).ln()).ln();
    ((fitted as f32).max(seen).min(0.99), "fitted")
}

/// The score that hardly any registered track stays below with every look; `sorted` upwards.
fn t_reject(sorted: &[f32]) -> f32 {
    if sorted.len() as f64 * REJECT_SHARE >= 1.0 {
        return quantile(sorted, REJECT_SHARE);
    }
    sorted.first().map_or(1.0, |lowest| lowest - RESERVE)
}

/// The value that a share of the sorted numbers stays below.
fn quantile(sorted: &[f32], share: f64) -> f32 {
    if sorted.is_empty() {
        return 0.0;
    }
    let index = (share * sorted.len() as f64).floor() as usize;
    sorted[index.min(sorted.len() - 1)]
}

fn ppm(cosine: f32) -> i32 {
    (cosine * 1e6).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_strangers_fit_no_lower_than_one_reached() {
        // Quantiles of a Gumbel law with mode 0.2 and spread 0.05: the fit must find its tail
        // again.
        let sorted: Vec<f32> = (1..=100)
            .map(|i| 0.2 - 0.05 * (-(f64::from(i) / 101.0).ln()).ln())
            .map(|s| s as f32)
            .collect();
        let (threshold, method) = t_match(&sorted, 0.005, 0.9);
        assert_eq!(method, "fitted");
        let truth = 0.2 - 0.05 * (-(0.995_f64).ln()).ln();
        assert!((f64::from(threshold) - truth).abs() < 0.03, "{threshold} for {truth}");
    }

    #[test]
    fn a_handful_of_strangers_only_raises_the_packs_threshold() {
        assert_eq!(t_match(&[], 0.005, 0.4), (0.4, "pack"));
        assert_eq!(t_match(&[0.1, 0.3], 0.005, 0.4), (0.4, "pack"));
        let (threshold, method) = t_match(&[0.1, 0.1, 0.1, 0.6], 0.1, 0.4);
        assert!(threshold > 0.6 && method == "pack", "{threshold}");
    }

    #[test]
    fn a_clinic_of_one_keeps_the_packs_limits() {
        let one = Mated { highest: 0.5, last: 0.5, margin: 1.5, right: true };
        for mated in [vec![], vec![one]] {
            let band =
                Seen { mated, strangers: Vec::new() }.band(0.005, [0.2, 0.05, 0.04], "drawn");
            assert_eq!(
                (band.t_match_ppm, band.t_reject_ppm, band.margin_ppm),
                (200_000, 50_000, 40_000)
            );
        }
    }

    #[test]
    fn enough_strangers_are_counted() {
        let sorted: Vec<f32> = (0..4000).map(|i| i as f32 / 8000.0).collect();
        let (threshold, method) = t_match(&sorted, 0.005, 0.9);
        assert!(method == "counted" && (threshold - 0.4975).abs() < 1e-3, "{threshold}");
    }

    #[test]
    fn few_registered_tracks_leave_a_reserve_below_the_lowest() {
        assert!((t_reject(&[0.3, 0.5, 0.6]) - 0.25).abs() < 1e-6);
        assert!(t_reject(&[]) >= 1.0, "no track lowers nothing");
        let many: Vec<f32> = (0..10_000).map(|i| 0.2 + i as f32 / 20_000.0).collect();
        assert!((t_reject(&many) - 0.2).abs() < 1e-3);
    }
}
