//! Thresholds for one clinic: from its own people's photographs, and a cohort of strangers where
//! there is one, through the box's own search and fusion. `T_match` keeps the false positive
//! identification rate at the gallery's size, `T_reject` keeps registered people from being called
//! strangers. The numbers that they rest on are written beside them.

mod choose;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::ensure;
use serde::Serialize;
use vision::{Embedding, Gallery, Gate, PackSpec, Risk, Rivals, Template, Thresholds, TrackProbe};

use self::choose::{quantile, t_match, t_reject};
use crate::{
    people::{self, PersonPhotos},
    sample::{self, Sample, Treatment},
};

/// Share of registered people whose distance to the second may be smaller than the margin.
const MARGIN_SHARE: f64 = 0.005;
/// Most pairs of people that are named as alike.
const MOST_ALIKE: usize = 5;
/// Looks of a track.
const TRACK: usize = 5;
const PACK: &str = "calibration";

/// What `calibrate` writes, as TOML.
#[derive(Debug, Serialize)]
pub struct CalibrationReport {
    /// Templates of another pack are not covered; the box refuses these thresholds with another
    /// pack.
    pub pack: String,
    /// The gallery that the thresholds were chosen for; a larger one needs them anew.
    pub gallery_people: usize,
    /// People none of whose photographs shows a usable face.
    pub not_enrolled: usize,
    /// Photographs of the clinic's people that could not be read.
    pub unreadable: usize,
    /// Enrolment photographs a person.
    pub enrol: usize,
    /// Strangers of the cohort.
    pub cohort_people: usize,
    /// Asked for, 0-1.
    pub fpir: f64,
    /// How scores were held against rivals.
    pub rivals: RivalFigures,
    pub bare: CalibratedBand,
    pub masked: CalibratedBand,
    /// The people who resemble each other most, by the names of their folders; the likeliest mix-up
    /// first.
    pub alike: Vec<AlikePair>,
}

#[derive(Debug, Serialize)]
pub struct RivalFigures {
    pub share_ppm: u32,
    pub count: u32,
    pub per_doubling_ppm: u32,
    pub fused_ppm: u32,
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
pub struct CalibratedBand {
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

/// What a calibration is asked for.
#[derive(Debug, Clone, Copy)]
pub struct CalibrationRequest<'a> {
    /// The clinic's people, one folder a person.
    pub people: &'a Path,
    /// Strangers, one folder a person.
    pub cohort: Option<&'a Path>,
    /// Enrolment photographs a person.
    pub enrol: usize,
    /// How often a stranger may be taken for somebody.
    pub fpir: f64,
}

/// Chooses the thresholds for the people of a folder (one person a folder): `enrol` of a person's
/// photographs enrol, at most all but one, the first that the box's gate takes; the others are
/// tracks. It works for a clinic of one person, too: what its own people cannot show comes from the
/// pack, whose cohort makes a small gallery's scores comparable with a large one's.
pub fn run(
    spec: &PackSpec,
    asked: CalibrationRequest<'_>,
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<CalibrationReport> {
    let CalibrationRequest { enrol, fpir, .. } = asked;
    ensure!((1e-6..=0.1).contains(&fpir), "--fpir is {fpir}; it must lie in 0.000001-0.1");
    let everyone = people::scan(asked.people, 1)?;
    let cohort = asked.cohort.map(|c| people::scan(c, 1)).transpose()?.unwrap_or_default();
    let plain = Treatment { degrade: None, draw_mask: false, ..treatment };
    let photos: Vec<PathBuf> = everyone.iter().flat_map(|p| p.photos.clone()).collect();
    let taken = sample::take(spec, &photos, plain, threads)?;
    let (people, not_enrolled) = enrolled(everyone, &taken.samples, enrol);
    warn_of_not_enrolled(&not_enrolled);
    ensure!(!people.is_empty(), "{}: nobody has a usable face", asked.people.display());
    let clinic = Clinic {
        enrolled: people.iter().map(|person| person.templates.clone()).collect(),
        rivals: spec.thresholds.rivals,
        cohort: Arc::clone(&spec.cohort),
    };
    let probes: Vec<&[PathBuf]> = people.iter().map(|person| &person.probes[..]).collect();
    let strangers: Vec<&[PathBuf]> = cohort.iter().map(|p| &p.photos[..]).collect();
    let band = |treatment: Treatment, limits: [i32; 3], faces| -> anyhow::Result<CalibratedBand> {
        let own = take(spec, &probes, treatment, threads)?;
        let others = take(spec, &strangers, treatment, threads)?;
        Ok(clinic.search(&own, &others)?.band(fpir, limits.map(|ppm| ppm as f32 / 1e6), faces))
    };
    let t = &spec.thresholds;
    let bare = [t.t_match_ppm, t.t_reject_ppm, t.margin_ppm];
    let bare = band(treatment, bare, "photographed")?;
    // As on the box: a covered face is left to the network that knows covered faces.
    let drawn = Treatment { draw_mask: true, mask_flag: true, ..treatment };
    let masked = [t.masked_t_match_ppm, t.masked_t_reject_ppm, t.masked_margin_ppm];
    let masked = band(drawn, masked, "drawn")?;
    let Rivals { share_ppm, count, per_doubling_ppm, fused_ppm, .. } = clinic.rivals;
    Ok(CalibrationReport {
        pack: spec.name.clone(),
        gallery_people: people.len(),
        not_enrolled: not_enrolled.len(),
        unreadable: taken.unreadable,
        enrol,
        cohort_people: cohort.len(),
        fpir,
        rivals: RivalFigures { share_ppm, count, per_doubling_ppm, fused_ppm },
        bare,
        masked,
        alike: alike(&clinic.gallery(None)?, &people, &spec.thresholds),
    })
}

/// The most alike pairs of the enrolled, with their risk.
fn alike(gallery: &Gallery<usize>, people: &[Enrolled], t: &Thresholds) -> Vec<AlikePair> {
    let limits = Risk::limits(t);
    let named = |index: usize| people[index].id.clone();
    let pair = |pair: vision::Alike<usize>| AlikePair {
        people: [named(pair.people[0]), named(pair.people[1])],
        cosine_ppm: ppm(pair.cosine),
        risk: Risk::of(pair.cosine, limits),
    };
    gallery.alike_pairs(MOST_ALIKE).into_iter().map(pair).collect()
}

/// A person of the clinic: what enrols, and the photographs that are left for tracks.
struct Enrolled {
    id: String,
    templates: Vec<Embedding>,
    probes: Vec<PathBuf>,
}

/// Divides each person's photographs; gives the folders of those without a usable face, too. What
/// the box's gate refuses enrols only where a person has nothing better.
fn enrolled(
    everyone: Vec<PersonPhotos>,
    samples: &[Option<Sample>],
    enrol: usize,
) -> (Vec<Enrolled>, Vec<String>) {
    let (mut people, mut without) = (Vec::new(), Vec::new());
    let mut rest = samples;
    for PersonPhotos { id, photos } in everyone {
        let (own, others) = rest.split_at(photos.len());
        rest = others;
        let most = enrol.min(photos.len() - 1).max(1);
        let gate = |i: &usize| {
            own[*i].as_ref().map(|sample| Gate::ENROLMENT.check(&sample.quality).is_empty())
        };
        let good = (0..photos.len()).filter(|i| gate(i) == Some(true));
        let poor = (0..photos.len()).filter(|i| gate(i) == Some(false));
        let chosen: Vec<usize> = good.chain(poor).take(most).collect();
        if chosen.is_empty() {
            without.push(id);
            continue;
        }
        let templates = chosen.iter().filter_map(|i| own[*i].as_ref()).map(|s| s.embedding.clone());
        let templates = templates.collect();
        // What shows no face, or cannot be read, is no track either.
        let usable = |i: &usize| own[*i].is_some() && !chosen.contains(i);
        let left = photos.into_iter().enumerate().filter(|(i, _)| usable(i));
        people.push(Enrolled { id, templates, probes: left.map(|(_, photo)| photo).collect() });
    }
    (people, without)
}

fn warn_of_not_enrolled(folders: &[String]) {
    if let Some(first) = folders.first() {
        log_lines::note!(
            "warning: {} people have no photograph with a usable face and are not enrolled \
            ({first}{})",
            folders.len(),
            if folders.len() > 1 { ", …" } else { "" }
        );
    }
}

/// What was seen of each person; photographs without a face are left out.
type Looks = Vec<Vec<Sample>>;

fn take(
    spec: &PackSpec,
    people: &[&[PathBuf]],
    treatment: Treatment,
    threads: usize,
) -> anyhow::Result<Looks> {
    let photos: Vec<PathBuf> = people.concat();
    let mut samples = sample::take(spec, &photos, treatment, threads)?.samples.into_iter();
    Ok(people.iter().map(|p| samples.by_ref().take(p.len()).flatten().collect()).collect())
}

/// The enrolled people, and how the box scores.
struct Clinic {
    enrolled: Vec<Vec<Embedding>>,
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
    fn last(&self, gallery: &mut Gallery<usize>, track: &[Sample]) -> Option<f32> {
        let mut probe = TrackProbe::default();
        let fused = track.iter().map(|look| probe.add(&look.embedding)).last()?;
        let rivals = track.last()?.rivals(self.rivals, probe.looks());
        gallery.identify(&fused, rivals).best.map(|best| best.cosine)
    }

    fn mated(
        &self,
        gallery: &mut Gallery<usize>,
        person: usize,
        track: &[Sample],
    ) -> Option<Mated> {
        let mut probe = TrackProbe::default();
        let mut mated: Option<Mated> = None;
        for look in track {
            let fused = probe.add(&look.embedding);
            let rivals = look.rivals(self.rivals, probe.looks());
            let found = gallery.identify(&fused, rivals);
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
    ) -> CalibratedBand {
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
        CalibratedBand {
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

fn ppm(cosine: f32) -> i32 {
    (cosine * 1e6).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
