use vision::QualityComponents;

use super::*;

/// Enough that a hundred are in each half.
const PEOPLE: usize = 280;

/// People of two photographs each, who share a direction as faces do.
fn people(count: usize) -> (Vec<PersonPhotos>, Set) {
    let mut dice = Dice::new(7, 1);
    let quality = QualityComponents {
        face_width_px: 100.0,
        inter_eye_px: 45.0,
        yaw_deg: 0.0,
        pitch_deg: 0.0,
        roll_deg: 0.0,
        sharpness: 300.0,
        noise_sigma: 2.0,
        luminance_mean: 0.5,
        under_exposed: 0.0,
        over_exposed: 0.0,
        inside: 1.0,
        detector_score: 0.9,
        masked: None,
    };
    let mut samples = Vec::new();
    for _ in 0..count {
        let own: Vec<f32> = (0..24).map(|_| dice.normal_f64() as f32 + 0.5).collect();
        let mut photograph = || {
            let seen = own.iter().map(|v| v + 0.6 * dice.normal_f64() as f32);
            let embedding = Embedding::normalised(seen.collect()).expect("a direction");
            Some(Sample { embedding, quality })
        };
        samples.push(vec![photograph(), photograph()]);
    }
    let person = |n| PersonPhotos { id: format!("p{n}"), photos: vec![PathBuf::new(); 2] };
    let cohort: Arc<[Embedding]> = Arc::default();
    let set = Set { probes: samples.clone(), enrolments: samples, cohort, unreadable: 0 };
    ((0..count).map(person).collect(), set)
}

fn reports(hold_out: &[u64], sizes: &[usize]) -> Vec<serde_json::Value> {
    let spec = PackSpec::real(std::path::Path::new("nowhere"));
    let (everyone, set) = people(PEOPLE);
    let plan = |people: &usize| IdentificationPlan {
        enrol: 1,
        people: *people,
        trials: 3,
        track: 1,
        fusion: Fusion::Track,
        templates: Templates::Mean,
        thresholds: spec.thresholds,
        seed: 1,
        per_image: false,
    };
    let plans: Vec<IdentificationPlan> = sizes.iter().map(plan).collect();
    let asked = PhotoSelection { hold_out, ..PhotoSelection::default() };
    let said = divided(&spec, &set, &everyone, &asked, &BTreeMap::new(), &plans);
    let json = |report| serde_json::to_value(report).expect("a report");
    said.expect("people enough").into_iter().map(json).collect()
}

#[test]
fn several_seeds_give_the_reports_of_each_by_itself() {
    let together = reports(&[1, 2], &[2, 5]);
    assert_eq!(together, [reports(&[1], &[2, 5]), reports(&[2], &[2, 5])].concat());
    let of = |report: &serde_json::Value| {
        (report["hold_out"].clone(), report["people_in_gallery"].clone())
    };
    let said: Vec<_> = together.iter().map(of).collect();
    let asked = [(1, 2), (1, 5), (2, 2), (2, 5)].map(|(seed, n)| (seed.into(), n.into()));
    assert_eq!(said, asked);
    assert_ne!(together[0]["people_available"], together[2]["people_available"]);
}

#[test]
fn people_who_make_the_cohort_are_not_measured() {
    let measured = |seed| {
        let (everyone, mut set) = people(PEOPLE);
        let kept = held_out::divide(&mut set, &everyone, None, seed).expect("people enough");
        (kept, set)
    };
    for seed in [1, 2] {
        let (kept, set) = measured(seed);
        assert_eq!((set.probes.len(), set.enrolments.len()), (kept.len(), kept.len()));
        let (everyone, whole) = people(PEOPLE);
        for (person, probes) in kept.iter().zip(&set.probes) {
            let place = everyone.iter().position(|p| p.id == person.id).expect("one of them");
            let alike = |a: &Option<Sample>, b: &Option<Sample>| {
                a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a.embedding == b.embedding)
            };
            assert!(probes.iter().zip(&whole.probes[place]).all(|(a, b)| alike(a, b)));
        }
        assert!((100..=180).contains(&kept.len()) && !set.cohort.is_empty(), "{}", kept.len());
    }
}
