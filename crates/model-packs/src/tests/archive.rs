//! A signed archive is installed whole, or refused by one line that says why; a refusal leaves no
//! trace.

use std::fs;
use std::path::{Path, PathBuf};

use trust::SigningKey;
use vision::pack::{Digest, PackManifest, Search, Surroundings};

use super::super::import::{Installed, import};
use super::super::zgpack::{self, Signers};

/// A workstation with a pack of two files, and a box that trusts its key.
struct Bench {
    place: tempfile::TempDir,
    key: SigningKey,
    signers: Signers,
}

fn manifest(detector: &[u8]) -> String {
    let artefact = |name: &str, bytes: &[u8]| {
        let (length, digest) = (bytes.len(), Digest::of(bytes));
        format!(
            "{{ file = \"{name}\", bytes = {length}, sha256 = \"{digest}\", licence = \"MIT\", \
            sources = [] }}"
        )
    };
    let input = |size: &str| {
        format!(
            "{{ tensor = \"i\", colour = \"bgr\", {size}, mean = [0.0, 0.0, 0.0], std = [1.0, \
            1.0, 1.0] }}"
        )
    };
    let band = "{ t_match_ppm = 500_000, t_reject_ppm = 300_000, margin_ppm = 50_000 }";
    format!(
        "format = 1
[template.t]
size = [8, 8]
points = [[1.0, 1.0], [2.0, 1.0], [3.0, 3.0], [1.0, 5.0], [2.0, 5.0]]
[detector.d]
decode = \"yunet\"
score_ppm = 600_000
nms_ppm = 300_000
artefact = {}
input = {}
[embedder.e]
output = \"o\"
length = 4
dynamic_batch = true
template = \"t\"
artefact = {}
input = {}
[pack.site]
title = \"site pack\"
detector = \"d\"
embedder = \"e\"
[pack.site.thresholds]
calibrated = true
basis = \"test\"
bare = {band}
masked = {band}
unlike_ppm = 300_000
duplicate_ppm = 500_000
",
        artefact("d.onnx", detector),
        input("multiple_of = 32"),
        artefact("sub/e.onnx", b"embedder"),
        input("size = [8, 8]"),
    )
}

impl Bench {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let key = SigningKey::generate().unwrap();
        let mut signers = Signers::default();
        signers.add(&key.verifying_key().to_base64()).unwrap();
        Self { place, key, signers }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> (String, PathBuf) {
        let path = self.path(&format!("in-{}", name.replace('/', "-")));
        fs::write(&path, bytes).unwrap();
        (name.to_owned(), path)
    }

    fn archive(&self, detector: &[u8]) -> PathBuf {
        let files = [
            self.file("manifest.toml", manifest(detector).as_bytes()),
            self.file("d.onnx", detector),
            self.file("sub/e.onnx", b"embedder"),
        ];
        let out = self.path("site.zgpack");
        zgpack::write(&out, "site", &files, &self.key).unwrap();
        out
    }

    fn models(&self) -> PathBuf {
        self.path("models")
    }

    fn import(&self, archive: &Path) -> Result<Installed, String> {
        import(archive, &self.signers, &self.models()).map_err(|e| format!("{e:#}"))
    }

    fn search(&self) -> Search {
        Search::within(&Surroundings { cache: Some(self.models()), ..Surroundings::default() })
    }

    /// The import must fail with these words, on one line, and leave nothing behind.
    #[track_caller]
    fn refuses(&self, archive: &Path, words: &str) {
        let error = self.import(archive).unwrap_err();
        assert!(error.contains(words), "{error:?} should contain {words:?}");
        assert!(
            error.starts_with(&archive.display().to_string()) && !error.contains('\n'),
            "{error}"
        );
        let left: Vec<_> =
            fs::read_dir(self.models()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }

    /// An archive whose signed index is this text.
    fn with_index(&self, body: &str, entries: &[(&str, &[u8])]) -> PathBuf {
        let envelope = serde_json::to_vec(&self.key.sign(body)).unwrap();
        let mut all = vec![("index.json", envelope.as_slice())];
        all.extend(entries);
        let out = self.path("made.zgpack");
        fs::write(&out, tar_of(&all)).unwrap();
        out
    }
}

/// A tar with any names, also such as the `tar` crate would not write.
fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

fn index(files: &[(&str, u64, &[u8])]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|(name, bytes, content)| {
            serde_json::json!(
                { "name": name, "bytes": bytes, "sha256": Digest::of(content) })
        })
        .collect();
    serde_json::json!({ "kind": "zgpack/1", "pack": "site", "files": files }).to_string()
}

#[test]
fn an_archive_is_installed_and_its_pack_in_force() {
    let bench = Bench::new();
    let installed = bench.import(&bench.archive(b"detector")).unwrap();
    let located = PackManifest::effective(&bench.search())
        .unwrap()
        .pack("site")
        .unwrap()
        .locate(&bench.search())
        .unwrap();
    assert_eq!(located.detector.path, installed.folder.join("d.onnx"));
    assert!(located.pack.thresholds.calibrated);
}

#[test]
fn a_newer_archive_takes_over_and_the_same_one_repairs() {
    let bench = Bench::new();
    let first = bench.import(&bench.archive(b"detector")).unwrap();
    let second = bench.import(&bench.archive(b"detector, improved")).unwrap();
    assert_ne!(first.folder, second.folder);
    let located = || {
        PackManifest::effective(&bench.search())
            .unwrap()
            .pack("site")
            .unwrap()
            .locate(&bench.search())
    };
    assert_eq!(located().unwrap().detector.path, second.folder.join("d.onnx"));

    fs::write(second.folder.join("d.onnx"), b"damaged").unwrap();
    assert!(located().is_err());
    assert_eq!(bench.import(&bench.archive(b"detector, improved")).unwrap(), second);
    assert!(located().is_ok());
}

#[test]
fn an_unsigned_archive_is_refused() {
    let bench = Bench::new();
    let out = bench.path("plain.zgpack");
    fs::write(&out, tar_of(&[("manifest.toml", b"format = 1")])).unwrap();
    bench.refuses(&out, "does not begin with a signed index");
    fs::write(&out, tar_of(&[("index.json", index(&[]).as_bytes())])).unwrap();
    bench.refuses(&out, "its index is not signed");
}

#[test]
fn a_stranger_s_signature_is_refused_by_its_key() {
    let (bench, stranger) = (Bench::new(), Bench::new());
    bench.refuses(&stranger.archive(b"detector"), "which is not trusted here");
    let nobody =
        import(&bench.archive(b"detector"), &Signers::default(), &bench.models()).unwrap_err();
    assert!(format!("{nobody:#}").contains("no signer is trusted here"));
}

#[test]
fn a_changed_byte_anywhere_that_matters_is_refused() {
    let bench = Bench::new();
    let archive = bench.archive(b"detector");
    let good = fs::read(&archive).unwrap();
    let find = |needle: &[u8]| good.windows(needle.len()).rposition(|w| w == needle).unwrap();
    // The model's content, its header's name, the signed index, the signature.
    for (needle, words) in [
        (&b"detector"[..], "d.onnx was changed"),
        (b"sub/e.onnx\0", ""),
        (b"zgpack/1", "refused"),
        (b"\"sig\":\"", "refused"),
    ] {
        let mut bad = good.clone();
        bad[find(needle) + needle.len() - 1] ^= 1;
        fs::write(&archive, &bad).unwrap();
        bench.refuses(&archive, words);
    }
}

#[test]
fn a_truncated_archive_is_refused_wherever_it_ends() {
    let bench = Bench::new();
    let archive = bench.archive(b"detector");
    let good = fs::read(&archive).unwrap();
    // The last 1024 bytes are the end mark; the embedder's content lies in the block before.
    for length in
        [0, 1, 100, 512, 600, 1536, 2048, good.len() - 1024 - 512, good.len() - 1024 - 505]
    {
        fs::write(&archive, &good[..length]).unwrap();
        bench.refuses(&archive, "");
    }
}

#[test]
fn signed_names_that_lead_out_of_the_folder_are_refused() {
    let bench = Bench::new();
    for name in ["../evil", "/etc/evil", "a/../../evil", "a//b", ".hidden", "a/.", "a\\b", ""] {
        let archive = bench.with_index(&index(&[(name, 1, b"x")]), &[]);
        bench.refuses(&archive, "leads out of the folder");
    }
    assert!(!bench.path("evil").exists());
}

#[test]
fn what_the_index_does_not_say_is_refused() {
    let bench = Bench::new();
    let one = index(&[("a.onnx", 1, b"x")]);
    bench.refuses(
        &bench.with_index(&one, &[("../a.onnx", b"x")]),
        "where the signed index says a.onnx",
    );
    bench.refuses(
        &bench.with_index(&one, &[("a.onnx", b"xy")]),
        "has 2 bytes, the signed index says 1",
    );
    bench.refuses(
        &bench.with_index(&one, &[("a.onnx", b"x"), ("b.onnx", b"y")]),
        "more than its signed index says",
    );
    bench.refuses(&bench.with_index(&one, &[]), "ends before a.onnx");
    let twice = index(&[("a.onnx", 1, b"x"), ("a.onnx", 1, b"x")]);
    bench.refuses(&bench.with_index(&twice, &[]), "there twice");
}

#[test]
fn a_link_is_never_unpacked() {
    let bench = Bench::new();
    let envelope = serde_json::to_vec(&bench.key.sign(index(&[("a.onnx", 0, b"")]))).unwrap();
    let mut tar = tar::Builder::new(
        tar_of(&[("index.json", &envelope)])[..512 + envelope.len().next_multiple_of(512)].to_vec(),
    );
    let mut tail = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tail.append_link(&mut header, "a.onnx", "/etc/passwd").unwrap();
    tar.get_mut().extend(tail.into_inner().unwrap());
    let out = bench.path("link.zgpack");
    fs::write(&out, tar.get_ref()).unwrap();
    bench.refuses(&out, "where the signed index says a.onnx");
}

#[test]
fn an_oversized_archive_is_refused_by_its_index() {
    let bench = Bench::new();
    bench.refuses(&bench.with_index(&index(&[("a.onnx", 2 << 30, b"x")]), &[]), "larger than");
    bench.refuses(
        &bench.with_index(&index(&[("a", u64::MAX, b"x"), ("b", 2, b"x")]), &[]),
        "larger than",
    );
    let many: Vec<String> = (0..65).map(|i| format!("f{i}")).collect();
    let many: Vec<(&str, u64, &[u8])> =
        many.iter().map(|name| (name.as_str(), 1, &b"x"[..])).collect();
    bench.refuses(&bench.with_index(&index(&many), &[]), "65 files");
    bench.refuses(&bench.with_index(&" ".repeat(70_000), &[]), "index is larger than");
}

#[test]
fn a_pack_whose_manifest_lies_about_its_files_is_refused() {
    let bench = Bench::new();
    let files = [
        bench.file("manifest.toml", manifest(b"detector").as_bytes()),
        bench.file("d.onnx", b"DETECTOR"),
        bench.file("sub/e.onnx", b"embedder"),
    ];
    let out = bench.path("lying.zgpack");
    zgpack::write(&out, "site", &files, &bench.key).unwrap();
    bench.refuses(&out, "its SHA-256 is");
    zgpack::write(&out, "other", &files, &bench.key).unwrap();
    bench.refuses(&out, "no pack is called \"other\"");
    zgpack::write(&out, "site", &files[1..], &bench.key).unwrap();
    bench.refuses(&out, "manifest.toml");
}

#[test]
fn a_text_that_was_signed_for_something_else_is_no_index() {
    let bench = Bench::new();
    bench.refuses(
        &bench.with_index("{\"kind\":\"knowledge\",\"pack\":\"site\",\"files\":[]}", &[]),
        "not \"zgpack/1\"",
    );
    bench.refuses(&bench.with_index("{}", &[]), "is not a pack's");
}

#[test]
fn a_signers_file_is_read_with_remarks_and_a_bad_line_is_named() {
    let bench = Bench::new();
    let path = bench.path("signers");
    fs::write(
        &path,
        format!("# keys\n\n{} workstation 1\n", bench.key.verifying_key().to_base64()),
    )
    .unwrap();
    let mut signers = Signers::default();
    signers.add_file(&path).unwrap();
    assert!(import(&bench.archive(b"detector"), &signers, &bench.models()).is_ok());
    fs::write(&path, "# keys\nnonsense\n").unwrap();
    let error = format!("{:#}", signers.add_file(&path).unwrap_err());
    assert!(error.contains("signers:2"), "{error}");
}
