//! What must not be found afterwards: a picture on the box, a name or an embedding in a log,
//! anything of a patient or a stranger anywhere (P1, P2, P6, P7; invariants 7 and 9).

use std::fs;
use std::path::{Path, PathBuf};

use e2e::programs::root;

/// Scans what a played morning left behind.
pub(crate) fn assert_private(folder: &Path, morning: &scene::Morning) {
    let files = files_under(folder);
    assert!(files.len() > 5, "the morning left almost nothing: {files:?}");
    for file in &files {
        let bytes = fs::read(file).unwrap_or_default();
        let on_the_box = file.starts_with(folder.join("agent-state"));
        let log = file.extension().is_some_and(|e| e == "log" || e == "out");
        assert!(!holds_picture(&bytes), "{} holds a picture", file.display());
        for person in &morning.people {
            let secret = person.kind != scene::PersonKind::Practitioner;
            assert!(
                !(secret && holds(&bytes, &person.id)),
                "{} names {}",
                file.display(),
                person.id
            );
            for name in [&person.name_zh, &person.name_en].into_iter().filter(|n| !n.is_empty()) {
                assert!(
                    !((log || on_the_box) && holds(&bytes, name)),
                    "{} names a practitioner",
                    file.display()
                );
            }
        }
        if log {
            assert_no_embedding(file, &String::from_utf8_lossy(&bytes));
        }
    }
}

/// A template is 1,024 bytes, or 256 numbers: nothing near that may stand in one log line.
fn assert_no_embedding(file: &Path, text: &str) {
    for line in text.lines() {
        let longest_word = line
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/')
            .map(str::len)
            .max();
        assert!(
            longest_word.unwrap_or(0) < 200,
            "{}: a long encoded value: {line:.120}",
            file.display()
        );
        let numbers = line
            .split([',', ' ', '[', ']'])
            .filter(|w| w.contains('.') && w.parse::<f32>().is_ok())
            .count();
        assert!(numbers < 16, "{}: {numbers} numbers in one line: {line:.120}", file.display());
    }
}

pub(crate) fn holds_picture(bytes: &[u8]) -> bool {
    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0";
    const EXIF: &[u8] = b"\xFF\xD8\xFF\xE1";
    const PNG: &[u8] = b"\x89PNG\r\n\x1A\n";
    [JPEG, EXIF, PNG].iter().any(|magic| bytes.windows(magic.len()).any(|window| window == *magic))
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if folder.is_file() {
        return vec![folder.to_owned()];
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_code_of_the_box_can_write_a_picture() {
    // The crates of the box that import `image` and are no test; `layers` keeps it out of the
    // others.
    let crates = ["edge-agent/src", "crates/vision/src", "crates/evidence/src"];
    let encoders =
        ["JpegEncoder", "PngEncoder", "save_buffer", "write_with_encoder", "write_to(", ".save("];
    // They compress drawn pictures in memory, to time their decoding.
    let exempt = ["bench.rs", "bench/soak.rs"].map(|f| root().join("edge-agent/src").join(f));
    // The one place that encodes a picture: `Covered::seal`, which gives a ciphertext away and
    // wipes the rest.
    let sealing = root().join("crates/evidence/src/pixels.rs");
    let mut looked_at = 0;
    for file in crates.iter().flat_map(|c| files_under(&root().join(c))) {
        let is_test =
            file.components().any(|c| c.as_os_str() == "tests") || file.ends_with("tests.rs");
        if is_test || exempt.contains(&file) || file.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        looked_at += 1;
        let source = fs::read_to_string(&file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        if file == sealing {
            assert_seals_what_it_encodes(code);
            continue;
        }
        for encoder in encoders {
            assert!(!code.contains(encoder), "{} can write a picture: {encoder}", file.display());
        }
    }
    assert!(looked_at > 100, "only {looked_at} files were looked at");
}

/// One encoder, inside the one call that seals, into memory that is wiped.
fn assert_seals_what_it_encodes(code: &str) {
    assert_eq!(code.matches("JpegEncoder::").count(), 1, "a second place encodes a picture");
    for other in ["PngEncoder", "save_buffer", "write_with_encoder", "write_to(", ".save(", "fs::"]
    {
        assert!(!code.contains(other), "the sealing file can write a picture: {other}");
    }
    let call = code.split("pub fn seal(").nth(1).expect("`Covered::seal`");
    let call = call.split("\n    }\n").next().unwrap_or_default();
    assert!(call.contains("JpegEncoder::"), "the encoder stands outside `Covered::seal`");
    assert!(call.contains("let mut plain = Zeroizing::new("), "the encoded picture is not wiped");
    assert!(
        call.contains("Ok(SealedPicture { item, ciphertext })"),
        "more than the sealed is given"
    );
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    assert!(holds_picture(b"..\xFF\xD8\xFF\xE0.."));
    assert!(holds("…stranger-1…".as_bytes(), "stranger-1"));
    let embedding = "0.1, ".repeat(256);
    assert!(std::panic::catch_unwind(|| assert_no_embedding(Path::new("x"), &embedding)).is_err());
}

/// P13: the texts that a clinic needs before a box is switched on are there, in both languages,
/// with the places to fill in.
#[test]
fn the_clinics_texts_say_what_the_law_asks_of_them() {
    let folder = root().join("docs/templates");
    let asked: [(&str, &[&str]); 4] = [
        ("signage.zh.md", &["目的", "处理者", "联系", "不录像", "English"]),
        ("patient-notice.zh.md", &["谁在处理", "为什么", "保存多久", "权利", "监护人", "English"]),
        ("refusal.zh.md", &["撤回", "证件 + PIN + 见证人", "24 小时", "签字", "English"]),
        ("impact-assessment.zh.md", &["必要性", "风险与措施", "权益的影响", "结论", "English"]),
    ];
    for (name, words) in asked {
        let text =
            fs::read_to_string(folder.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(text.contains('【'), "{name} has no place to fill in");
        for word in words {
            assert!(text.contains(word), "{name} says nothing of `{word}`");
        }
    }
}

/// Candidates stand in memory alone: no core dump and no swap may bring them to a disk.
#[test]
fn the_unit_of_the_box_lets_no_memory_reach_a_disk() {
    let unit = root().join("hardware/debian/agent/zaigang-agent.service");
    let unit = fs::read_to_string(unit).unwrap();
    for line in ["LimitCORE=0", "MemorySwapMax=0"] {
        assert!(unit.lines().any(|it| it == line), "the unit lacks {line}");
    }
}
