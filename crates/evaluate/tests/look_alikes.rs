//! Look-alikes: a look at one of two people who resemble each other never names the other. Needs
//! the real pack and the development photographs; says SKIPPED where they are not at hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::path::Path;

use evaluate::{identify, people, sample::Treatment};
use vision::{
    Gallery, Runtime, Template,
    pack::{PackManifest, Search},
};

/// Pairs that are looked at, the most alike first.
const PAIRS: usize = 20;
const PACK: &str = "look-alikes";

#[test]
fn a_look_at_one_of_two_look_alikes_never_names_the_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ea_dev/nogisort");
    let located =
        PackManifest::built_in().unwrap().pack("real").unwrap().locate(&Search::standard(None));
    let (Ok(located), true, Ok(_)) = (located, folder.is_dir(), Runtime::init()) else {
        eprintln!(
            "SKIPPED a_look_at_one_of_two_look_alikes_never_names_the_other: no real pack or no \
            photographs"
        );
        return;
    };
    let spec = located.spec();
    let idols = people::scan(&folder, 2).unwrap();
    let photos = identify::samples(&spec, &idols, Treatment::default(), 2).unwrap();
    let template =
        |person: usize| Template::new(PACK, photos[person][0].as_ref().unwrap().embedding.clone());
    let gallery = |people: &[usize]| {
        let mut gallery = Gallery::new(PACK, template(people[0]).embedding().len());
        gallery.set_cohort(&spec.cohort);
        for person in people {
            gallery.enrol(*person, &[template(*person)]).unwrap();
        }
        gallery
    };
    let everyone: Vec<usize> =
        (0..idols.len()).filter(|person| photos[*person][0].is_some()).collect();
    let alike = gallery(&everyone).alike_pairs(PAIRS);
    assert!(alike.len() == PAIRS && alike[0].cosine > 0.4, "the set has look-alikes");
    let (t_match, margin) = (spec.thresholds.t_match_ppm, spec.thresholds.margin_ppm);
    let (mut looks, mut named) = (0, 0);
    for pair in alike {
        let mut two = gallery(&pair.people);
        for person in pair.people {
            for look in photos[person][1..].iter().flatten() {
                let found = two.identify(&look.embedding, spec.thresholds.rivals);
                let (best, second) = (found.best.unwrap(), found.second.unwrap());
                let votes = best.ppm() >= t_match && best.ppm() - second.ppm() >= margin;
                assert!(
                    !(votes && best.person != person),
                    "a look at one of a pair of cosine {:.2} named the other with {} ppm, {} ahead",
                    pair.cosine,
                    best.ppm(),
                    best.ppm() - second.ppm()
                );
                looks += 1;
                named += usize::from(votes);
            }
        }
    }
    println!(
        "{looks} looks at {PAIRS} pairs: {named} named rightly, {} INDETERMINATE, none wrongly",
        looks - named
    );
    assert!(named * 2 > looks, "most looks name the right one: {named} of {looks}");
}
