//! The commands as a user meets them: folders of drawn faces, lists as spreadsheets save them,
//! broken files and misspelt names. Nothing here needs a model that is not in the repository.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser;
use evaluate::groups::Groups;
use serde_json::Value;
use tempfile::TempDir;

#[derive(Parser)]
enum Command {
    #[command(flatten)]
    Evaluate(evaluate::cli::Evaluate),
    Calibrate(evaluate::cli::CalibrateArgs),
}

/// What a command prints as JSON, or why it ended.
fn run(args: &[&str]) -> Result<Value, String> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let models = models.display().to_string();
    let common = ["--pack", "avatar", "--json", "--threads", "1", "--models", &models];
    let words = ["test"].iter().chain(args).chain(&common);
    let mut out = Vec::new();
    let ran = match Command::try_parse_from(words).map_err(|why| why.to_string())? {
        Command::Evaluate(command) => evaluate::cli::run(&command, &mut out),
        Command::Calibrate(args) => evaluate::cli::run_calibrate(&args, &mut out),
    };
    ran.map_err(|why| format!("{why:#}"))?;
    Ok(serde_json::from_slice(&out).unwrap())
}

/// A folder of drawn people with so many photographs each, and its path.
fn people(photos: &[usize]) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    for (person, count) in photos.iter().enumerate() {
        let identity = scene::Identity::from_seed(person as u64 + 1);
        let own = folder.path().join(format!("p{person}"));
        fs::create_dir(&own).unwrap();
        for photo in 0..*count {
            let (picture, _) = scene::portrait(&identity, photo as u64 + 1, 280, 350);
            picture.save(own.join(format!("{photo}.png"))).unwrap();
        }
    }
    let path = folder.path().display().to_string();
    (folder, path)
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

fn identify(gallery: &str, more: &[&str]) -> Result<Value, String> {
    let args = ["identify", "--gallery", gallery, "--trials", "3", "--enrol", "1", "--track", "1"];
    run(&[&args, more].concat())
}

/// How many of p0 and p1 a list puts into its group.
fn listed(text: &str) -> usize {
    let person =
        |id: &str| evaluate::people::PersonPhotos { id: id.to_owned(), photos: Vec::new() };
    let people = ["person_01", "person_02"].map(person);
    let groups = Groups::parse(text, "g.csv").unwrap_or_default();
    groups.members(&people).values().map(Vec::len).sum()
}

#[test]
fn a_list_of_names_that_begin_with_person_loses_none() {
    assert_eq!(listed("person_01\nperson_02\n"), 2);
    assert_eq!(listed("person_01,east\nperson_02,east\n"), 2);
}

#[test]
fn a_list_as_a_spreadsheet_saves_it_names_everybody() {
    for text in [
        "\u{feff}name,group\r\nperson_01,east\r\nperson_02,east\r\n",
        "id;group\nperson_01;east\nperson_02;east\n",
        "folder\tgroup\nperson_01\teast\nperson_02\teast\n",
        "\"person_01\",\"east, both\"\n\"person_02\",\"east, both\"\n",
        "\u{feff}姓名,组别\nperson_01,东亚\nperson_02,东亚\n",
    ] {
        assert_eq!(listed(text), 2, "{text:?}");
        let groups = Groups::parse(text, "g.csv").unwrap().members(&[]);
        assert_eq!(groups.len(), 1, "a header is no group: {groups:?}");
    }
}

#[test]
fn a_list_that_is_not_utf8_is_refused_with_its_line() {
    let (folder, gallery) = people(&[2, 2]);
    let list = file(&folder, "g.csv", b"p0,east\np1,\xd6\xd0\n");
    let said = identify(&gallery, &["--people", "1", "--groups", &list]).unwrap_err();
    assert!(said.contains("g.csv:2") && said.contains("UTF-8"), "{said}");
}

#[test]
fn a_group_that_no_folder_has_ends_with_an_error() {
    let (folder, gallery) = people(&[2, 2]);
    let list = file(&folder, "g.csv", b"p8,east\np9,east\n");
    let said = identify(&gallery, &["--people", "1", "--groups", &list]).unwrap_err();
    assert!(said.contains("east") && said.contains("p8"), "{said}");
}

#[test]
fn names_that_no_folder_has_are_counted() {
    let (folder, gallery) = people(&[2, 2, 2, 2]);
    let list = file(&folder, "g.csv", b"p0,east\np1,east\nnobody,east\n");
    let report = identify(&gallery, &["--people", "1", "--groups", &list]).unwrap();
    let east = &report["groups"]["east"];
    assert_eq!(east["named"], 3);
    let warnings = east["warnings"].to_string();
    assert!(warnings.contains("1 of the 3 people named"), "{warnings}");
}

#[test]
fn a_rate_of_nobody_is_no_perfect_rate() {
    let (_folder, gallery) = people(&[2, 2]);
    let report = identify(&gallery, &["--people", "2"]).unwrap();
    let at = &report["at_pack_thresholds"];
    assert!(at["fpir"].is_null(), "nobody was a stranger: {at}");
    assert!(report["strangers_unmatched"].is_null());
    assert!(at["fnir"].is_number() && report["failure_to_acquire"].is_number());
}

#[test]
fn a_group_of_whom_nobody_can_be_enrolled_has_no_rates() {
    let (folder, gallery) = people(&[2, 2, 1, 1]);
    let list = file(&folder, "g.csv", b"p2,east\np3,east\n");
    let report = identify(&gallery, &["--people", "1", "--groups", &list]).unwrap();
    let east = &report["groups"]["east"];
    assert!(east["group"]["at_pack_thresholds"]["fnir"].is_null(), "{east}");
    assert!(east["group"]["at_pack_thresholds"]["fpir"].is_null(), "{east}");
    assert!(!east["warnings"].as_array().unwrap().is_empty());
}

#[test]
fn too_few_people_for_a_rate_are_warned_of() {
    let (_folder, gallery) = people(&[2, 2, 2]);
    let report = identify(&gallery, &["--people", "1"]).unwrap();
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("FNIR") && warnings.contains("FPIR 1e-3"), "{warnings}");
}

#[test]
fn a_broken_photograph_is_counted_and_ends_nothing() {
    let (folder, gallery) = people(&[3, 2]);
    fs::write(folder.path().join("p0/2.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let report = identify(&gallery, &["--people", "1"]).unwrap();
    assert_eq!(report["unreadable"], 1);
    let report = run(&["verify", "--images", &gallery, "--all-pairs"]).unwrap();
    assert_eq!((&report["unreadable"], &report["images"]), (&1.into(), &5.into()));
}

#[test]
fn photographs_that_are_all_broken_end_with_an_error() {
    let (folder, gallery) = people(&[1]);
    fs::write(folder.path().join("p0/0.png"), b"nothing").unwrap();
    let said = run(&["verify", "--images", &gallery, "--all-pairs"]).unwrap_err();
    assert!(said.contains("0.png"), "{said}");
}

#[test]
fn a_list_of_pairs_without_a_header_loses_none() {
    let (folder, gallery) = people(&[2, 2]);
    let list = file(&folder, "pairs.csv", b"p0/0.png,p0/1.png,1\np0/0.png;p1/0.png;0\n");
    let said = run(&["verify", "--images", &gallery, "--pairs", &list]).unwrap_err();
    assert!(said.contains("pairs.csv:2"), "one divider a file: {said}");
    let list = file(&folder, "pairs.csv", b"p0/0.png,p0/1.png,1\np0/0.png,p1/0.png,0\n");
    let report = run(&["verify", "--images", &gallery, "--pairs", &list]).unwrap();
    assert_eq!((&report["genuine_pairs"], &report["impostor_pairs"]), (&1.into(), &1.into()));
}

#[test]
fn a_pair_of_a_picture_that_is_missing_is_named_first() {
    let (folder, gallery) = people(&[2]);
    let list = file(&folder, "pairs.csv", b"a,b,same\np0/0.png,p0/1.png,1\np0/0.png,p7/7.png,0\n");
    let said = run(&["verify", "--images", &gallery, "--pairs", &list]).unwrap_err();
    assert!(said.contains("p7/7.png") && said.contains("pairs.csv"), "{said}");
}

#[test]
fn a_clinic_counts_only_people_with_a_usable_face() {
    let (folder, gallery) = people(&[2, 2]);
    image::RgbImage::new(200, 200).save(folder.path().join("p1/0.png")).unwrap();
    image::RgbImage::new(200, 200).save(folder.path().join("p1/1.png")).unwrap();
    let chosen = run(&["calibrate", "--people", &gallery]).unwrap();
    assert_eq!((&chosen["gallery_people"], &chosen["not_enrolled"]), (&1.into(), &1.into()));
    image::RgbImage::new(200, 200).save(folder.path().join("p0/0.png")).unwrap();
    image::RgbImage::new(200, 200).save(folder.path().join("p0/1.png")).unwrap();
    let said = run(&["calibrate", "--people", &gallery]).unwrap_err();
    assert!(said.contains("nobody"), "{said}");
}

#[test]
fn a_person_with_one_broken_photograph_is_enrolled_by_another() {
    let (folder, gallery) = people(&[3, 2]);
    fs::write(folder.path().join("p0/0.png"), b"nothing").unwrap();
    let chosen = run(&["calibrate", "--people", &gallery]).unwrap();
    assert_eq!((&chosen["gallery_people"], &chosen["unreadable"]), (&2.into(), &1.into()));
}

#[test]
fn a_broken_photograph_that_is_left_for_tracks_ends_nothing() {
    let (folder, gallery) = people(&[2]);
    fs::write(folder.path().join("p0/1.png"), b"nothing").unwrap();
    let chosen = run(&["calibrate", "--people", &gallery]).unwrap();
    assert_eq!((&chosen["gallery_people"], &chosen["unreadable"]), (&1.into(), &1.into()));
    assert_eq!(chosen["bare"]["mated_probes"], 0);
}

#[test]
fn too_few_people_to_be_divided_end_with_an_error() {
    let (_folder, gallery) = people(&[2, 2, 2, 2]);
    let said = identify(&gallery, &["--people", "1", "--hold-out", "1,2"]).unwrap_err();
    assert!(said.contains("cohort") && said.contains("100 are needed"), "{said}");
}

#[test]
fn a_list_of_seeds_that_is_no_list_of_numbers_is_refused() {
    let (_folder, gallery) = people(&[2]);
    for list in ["1,x", "1,,2", "1.5"] {
        let said = identify(&gallery, &["--people", "1", "--hold-out", list]).unwrap_err();
        assert!(said.contains("--hold-out"), "{list}: {said}");
    }
}

#[test]
fn a_calibration_takes_no_drawn_mask_for_a_bare_face() {
    let (_folder, gallery) = people(&[2]);
    let said = run(&["calibrate", "--people", &gallery, "--draw-mask"]).unwrap_err();
    assert!(said.contains("--draw-mask"), "{said}");
}
