//! The main job: one clinic morning from the camera to the supervisors' page.

use std::path::Path;
use std::time::Duration;

use e2e::morning::{self, Faces, MorningOutcome, MorningSettings, Playing};
use e2e::programs::root;

use crate::models::real_pack;
use crate::privacy::assert_private;

const LIMIT: Duration = Duration::from_mins(10);

fn play(folder: &Path, settings: &MorningSettings) -> (Playing, MorningOutcome) {
    let mut playing = morning::start(folder, settings, &mut |_| {}).unwrap();
    let heard = morning::listen(&playing.api, |_| {});
    let outcome = playing.finish(&heard, LIMIT).unwrap();
    (playing, outcome)
}

fn assert_as_scripted(playing: &Playing, outcome: &MorningOutcome) {
    assert_eq!(outcome.surprises(&playing.morning), Vec::<String>::new());
    assert_eq!(outcome.agent.pending, 0, "messages without a receipt");
    assert_eq!(outcome.shown_twice(), 0, "steps of findings that the page showed twice");
    // A receipt that a busy disk delays makes the box send again; not each message, though.
    let count = |name: &str| outcome.server[name].as_u64().unwrap();
    assert!(count("duplicates_refused") < count("messages_stored"), "all came twice");
    assert_eq!(outcome.server["quarantined"], 0);
    assert!(
        outcome.agent.faces > outcome.agent.frames / 2,
        "the detector saw too little: {:?}",
        outcome.agent
    );
    outcome.slowest().unwrap();
}

/// The page names every kind that was raised, and nobody who must stay unknown.
fn assert_page(playing: &Playing) {
    let page = playing.api.text("/").unwrap();
    for word in ["疑似", "挂证"] {
        assert!(page.contains(word), "the inbox does not say {word}");
    }
    for person in
        playing.morning.people.iter().filter(|p| p.kind != scene::PersonKind::Practitioner)
    {
        assert!(!page.contains(&person.id), "the inbox names {}", person.id);
    }
}

#[test]
fn a_drawn_morning_raises_what_it_must_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        MorningSettings { log_level: "debug".to_owned(), ..MorningSettings::drawn_once() };
    let (playing, outcome) = play(folder.path(), &settings);
    assert_as_scripted(&playing, &outcome);
    assert_page(&playing);
    assert_private(folder.path(), &playing.morning);
}

#[test]
fn a_morning_of_photographs_raises_what_it_must() {
    let photographs = root().join("../shared/data/lfw_dev");
    if !photographs.is_dir() || !real_pack() {
        eprintln!(
            "SKIPPED a_morning_of_real_photographs: real pack or ../shared/data/lfw_dev not found"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = MorningSettings {
        faces: Faces::Photographs { folder: photographs },
        ..MorningSettings::drawn_once()
    };
    let (playing, outcome) = play(folder.path(), &settings);
    assert_as_scripted(&playing, &outcome);
    assert_page(&playing);
}
