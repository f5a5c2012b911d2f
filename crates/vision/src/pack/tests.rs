//! What a manifest may say, where files are looked for, and what happens to a wrong one.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// A manifest of one pack with one tiny detector and embedder, whose contents are `detector` and
/// `embedder`.
fn small_manifest() -> String {
    format!(
        r#"
format = 1

[template.square]
size = [16, 16]
points = [[4.0, 5.0], [12.0, 5.0], [8.0, 8.0], [5.0, 12.0], [11.0, 12.0]]

[detector.d]
decode = "yunet"
score_ppm = 600_000
nms_ppm = 300_000
artefact = {{ file = "d.onnx", bytes = 8, sha256 = "{}", licence = "MIT", sources = [] }}
input = {{ tensor = "input", colour = "bgr", multiple_of = 32, mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }}

[embedder.e]
output = "embedding"
length = 4
dynamic_batch = true
template = "square"
artefact = {{ file = "e.onnx", bytes = 8, sha256 = "{}", licence = "MIT", sources = [] }}
input = {{ tensor = "input", colour = "rgb", size = [16, 16], mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }}

[pack.small]
title = "small pack: drawn faces only"
drawn_only = true
detector = "d"
embedder = "e"

[pack.small.thresholds]
calibrated = false
basis = "made up"
bare = {{ t_match_ppm = 500_000, t_reject_ppm = 300_000, margin_ppm = 50_000 }}
masked = {{ t_match_ppm = 500_000, t_reject_ppm = 200_000, margin_ppm = 50_000 }}
unlike_ppm = 300_000
duplicate_ppm = 500_000
"#,
        Digest::of(b"detector"),
        Digest::of(b"embedder")
    )
}

fn small() -> Pack {
    PackManifest::parse(&small_manifest()).unwrap().pack("small").unwrap().clone()
}

fn folder_with(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn refusal(text: &str) -> String {
    PackManifest::parse(text).unwrap_err().to_string()
}

/// The line of the small manifest on which `needle` stands.
fn line_of(needle: &str) -> usize {
    1 + small_manifest().lines().position(|line| line.contains(needle)).unwrap()
}

fn with(from: &str, to: &str) -> String {
    let text = small_manifest();
    assert!(text.contains(from));
    text.replacen(from, to, 1)
}

#[test]
fn the_built_in_manifest_names_the_documented_packs() {
    let manifest = PackManifest::built_in().unwrap();
    for name in ["real", "lite", "sface"] {
        let pack = manifest.pack(name).unwrap();
        assert!(!pack.drawn_only && pack.allowed(true).is_ok());
        assert!(!pack.thresholds.calibrated, "{name}: nobody has calibrated it yet");
    }
    let avatar = manifest.pack("avatar").unwrap();
    assert!(avatar.drawn_only && avatar.liveness.is_empty(), "drawn faces have no liveness");
    assert_eq!(avatar.title, "avatar pack: drawn faces only");
    let real = manifest.pack("real").unwrap();
    assert_eq!(real.embedder.length, 256);
    assert_eq!(real.detector.input.colour, ColourOrder::Bgr);
    assert!(real.template_id().starts_with("intel-0095+foamliu@"), "{}", real.template_id());
    assert_eq!(real.artefacts().len(), 6);
    let lite = manifest.pack("lite").unwrap();
    assert_eq!(lite.template_id(), "foamliu@b7120c09", "one network alone is named by its file");
}

#[test]
fn a_pack_whose_scores_nobody_measured_has_no_curves() {
    let manifest = PackManifest::built_in().unwrap();
    let measured = |name: &str| manifest.pack(name).unwrap().thresholds.evidence.is_some();
    assert!(["real", "lite", "lite-int8"].into_iter().all(measured));
    assert!(!measured("sface") && !measured("avatar"));
}

#[test]
fn an_evidence_curve_that_falls_is_refused_by_name() {
    let curves = |bare: &str| {
        let rest = "bare_poor = [0, 0, 0, 0, 0, 0, 0], masked = [0, 0, 0, 0, 0, 0, 0], \
            masked_poor = [0, 0, 0, 0, 0, 0, 0]";
        with(
            "duplicate_ppm = 500_000",
            &format!("duplicate_ppm = 500_000\nevidence = {{ bare = {bare}, {rest} }}"),
        )
    };
    assert!(PackManifest::parse(&curves("[-3000, -2000, -1200, 0, 0, 3500, 6000]")).is_ok());
    let falls = refusal(&curves("[-3000, -2000, -2500, 0, 0, 3500, 6000]"));
    assert!(falls.contains("evidence.bare: seven rising values"), "{falls}");
    let accuses = refusal(&curves("[-3000, -2000, -1200, -1, 0, 3500, 6000]"));
    assert!(accuses.contains("none below 0"), "{accuses}");
    assert!(PackManifest::parse(&curves("[0, 0, 0]")).is_err(), "three values");
}

#[test]
fn an_unknown_key_is_an_error_with_file_and_line() {
    let text = with("score_ppm = 600_000", "score_ppm = 600_000\nscroe_ppm = 1");
    let error = PackManifest::parse_named(&text, "m.toml").unwrap_err().to_string();
    let line = line_of("score_ppm") + 1;
    assert!(error.starts_with(&format!("m.toml:{line}: unknown field `scroe_ppm`")), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn wrong_values_name_their_line_and_the_valid_range() {
    let cases = [
        (
            "t_match_ppm = 500_000",
            "t_match_ppm = 1_500_000",
            "-1000000 to 1000000",
            "[pack.small.thresholds]",
        ),
        (
            "t_reject_ppm = 300_000",
            "t_reject_ppm = 700_000",
            "below t_match_ppm",
            "[pack.small.thresholds]",
        ),
        (
            "detector = \"d\"",
            "detector = \"x\"",
            "there is no [detector.x]; the manifest has d",
            "detector = \"d\"",
        ),
        (
            "template = \"square\"",
            "template = \"round\"",
            "there is no [template.round]",
            "template = \"square\"",
        ),
        (
            "size = [16, 16]\n",
            "size = [32, 32]\n",
            "not the embedder's input size",
            "template = \"square\"",
        ),
        ("format = 1", "format = 2", "format 1 only", "format = 1"),
    ];
    for (from, to, message, at) in cases {
        let error = refusal(&with(from, to));
        assert!(error.contains(message), "{error}");
        assert!(
            error.starts_with(&format!("manifest:{}:", line_of(at))),
            "{error} should be at {at}"
        );
    }
}

#[test]
fn values_that_cannot_be_are_refused() {
    for (from, to, message) in [
        ("[4.0, 5.0]", "[40.0, 5.0]", "lies outside"),
        ("multiple_of = 32", "multiple_of = 0", "multiple_of is 1 to 256"),
        ("multiple_of = 32", "multiple_of = 32, size = [8, 8]", "not both"),
        ("colour = \"bgr\"", "colour = \"bgrr\"", "unknown variant"),
        ("std = [1.0, 1.0, 1.0]", "std = [0.0, 1.0, 1.0]", "std must not be 0"),
        ("bytes = 8", "bytes = 0", "bytes must be above 0"),
        ("file = \"d.onnx\"", "file = \"../d.onnx\"", "relative path"),
        ("file = \"d.onnx\"", "file = \"/etc/passwd\"", "relative path"),
        ("sources = []", "sources = [{ url = \"http://example.org/d\" }]", "not an https address"),
    ] {
        let error = refusal(&with(from, to));
        assert!(error.contains(message), "{from} -> {to}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(
        refusal(&small_manifest().replace("pack.small", "pack.Small"))
            .contains("lower-case letters")
    );
    assert!(refusal(&with("sha256 = \"", "sha256 = \"A")).contains("64 lower-case hex digits"));
}

#[test]
fn an_empty_manifest_says_so() {
    assert_eq!(refusal(""), "manifest:1: the manifest is empty (0 bytes)");
    let folder = folder_with(&[("manifest.toml", b"")]);
    let path = folder.path().join("manifest.toml");
    let error = PackManifest::load(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}:1: the manifest is empty (0 bytes)", path.display()));
}

#[test]
fn a_missing_or_unreadable_manifest_names_the_file() {
    let error = PackManifest::load(Path::new("/nonexistent/m.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/m.toml: "), "{error}");
    let folder = folder_with(&[("m.toml", &[0xff, 0xfe, 0x00])]);
    assert!(
        PackManifest::load(&folder.path().join("m.toml"))
            .unwrap_err()
            .to_string()
            .contains("m.toml: ")
    );
}

#[test]
fn an_unknown_pack_is_answered_with_the_known_ones() {
    let error =
        PackManifest::parse(&small_manifest()).unwrap().pack("rael").unwrap_err().to_string();
    assert_eq!(error, "no pack is called \"rael\"; the manifest has small");
}

#[test]
fn production_refuses_a_pack_of_drawn_faces() {
    assert!(small().allowed(false).is_ok());
    let error = small().allowed(true).unwrap_err().to_string();
    assert!(
        error.starts_with("small pack: drawn faces only: refused in production mode"),
        "{error}"
    );
}

#[test]
fn a_pack_is_located_when_every_file_is_the_manifests() {
    let folder = folder_with(&[("d.onnx", b"detector"), ("e.onnx", b"embedder")]);
    let located = small().locate(&Search::only(folder.path())).unwrap();
    assert_eq!(located.embedder.path, folder.path().join("e.onnx"));
    assert_eq!(located.embedder.read().unwrap(), b"embedder");
    assert!(located.rejected.is_empty() && located.liveness.is_empty() && located.mask.is_none());
}

#[test]
fn a_file_changed_after_it_was_located_is_not_read() {
    let folder = folder_with(&[("d.onnx", b"detector"), ("e.onnx", b"embedder")]);
    let located = small().locate(&Search::only(folder.path())).unwrap();
    fs::write(folder.path().join("e.onnx"), b"embeddeR").unwrap();
    assert!(located.embedder.read().unwrap_err().to_string().contains("refused: its SHA-256 is"));
}

#[test]
fn a_missing_file_names_the_folders_and_the_mend() {
    let folder = folder_with(&[("d.onnx", b"detector")]);
    let error = small().locate(&Search::only(folder.path())).unwrap_err().to_string();
    assert!(error.starts_with("pack small: e.onnx was not found (looked in "), "{error}");
    assert!(error.contains("zaigang-agent models fetch small"), "{error}");
}

#[test]
fn a_truncated_model_is_refused_by_its_size() {
    let folder = folder_with(&[("d.onnx", b"detec"), ("e.onnx", b"embedder")]);
    let error = small().locate(&Search::only(folder.path())).unwrap_err().to_string();
    assert!(
        error.contains("d.onnx: refused: it has 5 bytes, the manifest says 8 bytes"),
        "{error}"
    );
    assert!(folder.path().join("d.onnx").exists(), "a folder of the user's is never changed");
}

fn cache_search(cache: &Path, mirror_of: Option<&Path>) -> Search {
    Search::within(&Surroundings {
        cache: Some(cache.to_path_buf()),
        starts: mirror_of.map(Path::to_path_buf).into_iter().collect(),
        ..Surroundings::default()
    })
}

#[test]
fn a_wrong_hash_in_the_cache_is_refused_and_set_aside() {
    let cache = folder_with(&[("d.onnx", b"DETECTOR"), ("e.onnx", b"embedder")]);
    let error = small().locate(&cache_search(cache.path(), None)).unwrap_err().to_string();
    let aside = cache.path().join(format!("d.onnx.rejected-{}", Digest::of(b"DETECTOR").short()));
    assert!(error.contains("refused: its SHA-256 is"), "{error}");
    assert!(error.ends_with(&format!("set aside as {}", aside.display())), "{error}");
    assert!(aside.exists() && !cache.path().join("d.onnx").exists());
}

#[test]
fn a_right_file_further_on_is_taken_and_the_wrong_one_reported() {
    let place = tempfile::tempdir().unwrap();
    let mirror = place.path().join("shared/models");
    fs::create_dir_all(&mirror).unwrap();
    fs::write(mirror.join("d.onnx"), b"detector").unwrap();
    fs::write(mirror.join("e.onnx"), b"embedder").unwrap();
    let cache = folder_with(&[("d.onnx", b"DETECTOR")]);
    let located =
        small().locate(&cache_search(cache.path(), Some(&place.path().join("repo")))).unwrap();
    assert_eq!(located.detector.path, mirror.join("d.onnx"));
    assert_eq!(located.rejected.len(), 1);
    assert!(located.rejected[0].to_string().contains("set aside as"));
}

#[test]
fn a_wrong_file_in_a_named_folder_is_an_error() {
    let named = folder_with(&[("d.onnx", b"DETECTOR")]);
    let cache = folder_with(&[("d.onnx", b"detector"), ("e.onnx", b"embedder")]);
    let search = Search::within(&Surroundings {
        named: Some(named.path().to_path_buf()),
        cache: Some(cache.path().to_path_buf()),
        ..Surroundings::default()
    });
    let error = small().locate(&search).unwrap_err().to_string();
    assert!(
        error.contains(&named.path().display().to_string()) && error.ends_with("replace it"),
        "{error}"
    );
}

#[test]
fn folders_are_looked_at_in_the_documented_order() {
    let place = tempfile::tempdir().unwrap();
    let repo = place.path().join("repo");
    fs::create_dir_all(repo.join("models")).unwrap();
    fs::write(repo.join("models/manifest.toml"), b"format = 1").unwrap();
    fs::create_dir_all(repo.join("crates/vision")).unwrap();
    let shipped = place.path().join("shipped");
    fs::create_dir_all(shipped.join("small@01234567")).unwrap();
    fs::write(shipped.join("small.current"), "small@01234567\n").unwrap();
    let search = Search::within(&Surroundings {
        named: Some("/named".into()),
        environment: Some("/environment".into()),
        cache: Some("/cache".into()),
        shipped: Some(shipped.clone()),
        starts: vec![repo.join("crates/vision")],
    });
    let found: Vec<(PathBuf, FolderKind)> =
        search.folders().iter().map(|f| (f.path.clone(), f.kind)).collect();
    assert_eq!(
        found,
        [
            ("/named".into(), FolderKind::Named),
            ("/environment".into(), FolderKind::Environment),
            ("/cache".into(), FolderKind::Cache),
            (shipped.join("small@01234567"), FolderKind::Installed),
            (place.path().join("shared/models"), FolderKind::Mirror),
            (repo.join("models"), FolderKind::Bundled),
        ]
    );
}

#[test]
fn an_imported_pack_overrides_the_built_in_one() {
    let cache = tempfile::tempdir().unwrap();
    let installed = cache.path().join("small@01234567");
    fs::create_dir(&installed).unwrap();
    fs::write(installed.join(INSTALLED_MANIFEST), small_manifest()).unwrap();
    fs::write(installed.join("d.onnx"), b"detector").unwrap();
    fs::write(installed.join("e.onnx"), b"embedder").unwrap();
    fs::write(cache.path().join("small.current"), "small@01234567\n").unwrap();
    fs::write(cache.path().join("evil.current"), "../../etc").unwrap();
    fs::write(cache.path().join("gone.current"), "gone@00000000").unwrap();

    let search = cache_search(cache.path(), None);
    assert_eq!(search.folders().len(), 2, "{search:?}");
    let manifest = PackManifest::effective(&search).unwrap();
    assert!(manifest.pack("real").is_ok());
    let located = manifest.pack("small").unwrap().locate(&search).unwrap();
    assert_eq!(located.detector.path, installed.join("d.onnx"));
}

#[test]
fn the_avatar_pack_of_the_source_tree_is_the_manifest_s() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    if !models.join("avatar/embedder.onnx").exists() {
        eprintln!(
            "SKIPPED the_avatar_pack_of_the_source_tree_is_the_manifest_s: not trained in this tree"
        );
        return;
    }
    let located = PackManifest::built_in()
        .unwrap()
        .pack("avatar")
        .unwrap()
        .locate(&Search::only(&models))
        .unwrap();
    assert_eq!(located.embedder.path, models.join("avatar/embedder.onnx"));
}

#[test]
fn the_real_pack_is_located_where_it_is_at_hand() {
    let search = Search::standard(None);
    for name in ["real", "lite"] {
        match PackManifest::built_in().unwrap().pack(name).unwrap().locate(&search) {
            Ok(located) => assert_eq!(located.liveness.len(), 2),
            Err(PackError::Missing { .. }) => {
                eprintln!(
                    "SKIPPED the_real_pack_is_located_where_it_is_at_hand: real pack not found \
                    ({name})"
                );
            }
            Err(error) => panic!("{error}"),
        }
    }
}
