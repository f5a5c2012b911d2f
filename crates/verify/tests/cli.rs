//! The answer an inspector gets: one line, and an exit status that a script can use.

#![allow(clippy::expect_used, reason = "a test program: its helpers fail the test")]

use std::process::{Command, Output};

use protocol::envelope::Envelope;
use protocol::evidence::{EvidenceItem, EvidenceKind, EvidenceManifest, PictureSource, SealedHalf};
use protocol::up::{ClockSource, HealthReport, Stamp, Up, UpBody};
use trust::bundle::{FORMAT, Header, write};
use trust::{SigningKey, ZERO_HASH};

fn verify(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_zaigang-verify"))
        .args(arguments)
        .output()
        .expect("the program starts");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn one_heartbeat(device: &SigningKey) -> Envelope {
    first(device, Up::Health(HealthReport { heartbeat_seq: 1, ..HealthReport::default() }))
}

fn first(device: &SigningKey, payload: Up) -> Envelope {
    let body = UpBody {
        v: 1,
        device: "box-1".parse().expect("an id"),
        seq: 1,
        prev: ZERO_HASH.into(),
        event_id: "e".into(),
        stamp: Stamp {
            utc: "2026-03-02T01:00:00.000Z".into(),
            boot_id: "b".into(),
            boot_count: 1,
            mono_ms: 0,
            uncertainty_ms: 5,
            clock: ClockSource::Synchronised,
        },
        payload,
    };
    device.sign(serde_json::to_string(&body).expect("JSON"))
}

#[test]
fn a_sound_bundle_holds_and_a_flipped_bit_is_named() {
    let (device, server) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let header = Header {
        format: FORMAT.into(),
        device: "box-1".parse().expect("an id"),
        device_key: device.verifying_key().to_base64(),
        server_key: server.verifying_key().to_base64(),
        from_seq: 1,
        prev: ZERO_HASH.into(),
        exported_at: "2026-03-03T00:00:00.000Z".into(),
    };
    let mut bundle = Vec::new();
    write(&mut bundle, &header, [one_heartbeat(&device)], [], &server).expect("written");
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("b.zgbundle");
    let name = path.to_str().expect("text");
    std::fs::write(&path, &bundle).expect("written");

    let (code, line) = verify(&[name]);
    assert_eq!((code, line.lines().count()), (Some(0), 1), "{line}");
    assert!(line.starts_with("HOLDS: 1 messages of box-1"), "{line}");
    assert_eq!(verify(&["--device-key-id", &device.verifying_key().key_id(), name]).0, Some(0));
    let (code, line) = verify(&["--device-key-id", "0000000000000000", name]);
    assert_eq!(code, Some(1), "{line}");

    let second_line = bundle.iter().position(|byte| *byte == b'\n').expect("a line") + 100;
    bundle[second_line] ^= 1;
    std::fs::write(&path, &bundle).expect("written");
    let (code, line) = verify(&[name]);
    assert_eq!(code, Some(1));
    assert!(line.starts_with("DOES NOT HOLD") && line.contains("line 2"), "{line}");

    assert_eq!(verify(&["/no/such/file"]).0, Some(2));
    assert_eq!(verify(&[]).0, Some(2));
    assert_eq!(verify(&["--help"]).0, Some(0));
}

#[test]
fn a_delivered_picture_is_the_one_that_the_chain_names() {
    let (device, server) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let half =
        || SealedHalf { to: String::new(), version: 1, enc: String::new(), ct: String::new() };
    let mut sealed = b"the ciphertext of a picture".to_vec();
    let id = "0123456789abcdef0123456789abcdef";
    let item = EvidenceItem {
        id: id.parse().expect("an id"),
        kind: EvidenceKind::SceneView,
        person: None,
        taken_at: "2026-03-02T01:00:00.000Z".into(),
        width_px: 1,
        height_px: 1,
        covered_faces: 0,
        bytes: sealed.len() as u64,
        sha256: trust::sha256_hex(&sealed),
        supervisor_half: half(),
        reviewer_half: half(),
    };
    let manifest = EvidenceManifest {
        finding_id: "f".into(),
        firmware: String::new(),
        pack: String::new(),
        pack_sha256: String::new(),
        source: PictureSource::Drawn,
        items: vec![item],
    };
    let header = Header {
        format: FORMAT.into(),
        device: "box-1".parse().expect("an id"),
        device_key: device.verifying_key().to_base64(),
        server_key: server.verifying_key().to_base64(),
        from_seq: 1,
        prev: ZERO_HASH.into(),
        exported_at: "2026-03-03T00:00:00.000Z".into(),
    };
    let mut bundle = Vec::new();
    let link = first(&device, Up::EvidenceManifest(manifest));
    write(&mut bundle, &header, [link], [], &server).expect("written");
    let dir = tempfile::tempdir().expect("a folder");
    let (chain, picture) = (dir.path().join("b.zgbundle"), dir.path().join(format!("{id}.sealed")));
    std::fs::write(&chain, &bundle).expect("written");
    let (chain, picture) = (chain.to_str().expect("text"), picture.to_str().expect("text"));

    std::fs::write(picture, &sealed).expect("written");
    let (code, lines) = verify(&["--picture", picture, chain]);
    assert_eq!(code, Some(0), "{lines}");
    assert!(lines.contains(&format!("is picture {id}")), "{lines}");

    sealed[3] ^= 1;
    std::fs::write(picture, &sealed).expect("written");
    let (code, lines) = verify(&["--picture", picture, chain]);
    assert_eq!(code, Some(1), "{lines}");
    assert!(lines.contains("DOES NOT HOLD") && lines.contains(id), "one flipped bit: {lines}");

    let other = dir.path().join("other");
    std::fs::write(&other, b"something else").expect("written");
    let (code, lines) = verify(&["--picture", other.to_str().expect("text"), chain]);
    assert_eq!(code, Some(1), "{lines}");
    assert!(lines.contains("named by no manifest"), "{lines}");
}

#[test]
fn a_program_gets_its_answer_as_json() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("no.zgbundle");
    let path = path.to_str().expect("a path");
    let read = |said: &str| serde_json::from_str::<serde_json::Value>(said).expect("JSON");
    let (code, said) = verify(&["--json", path]);
    assert_eq!((code, &read(&said)["holds"]), (Some(2), &serde_json::Value::Null), "{said}");
    std::fs::write(path, "no bundle\n").expect("written");
    let (code, said) = verify(&["--json", path]);
    assert_eq!((code, &read(&said)["holds"]), (Some(1), &serde_json::Value::Bool(false)), "{said}");
    assert!(read(&said)["said"][0].as_str().is_some_and(|line| line.contains(path)), "{said}");
    let (code, said) = verify(&["--version"]);
    assert_eq!(
        (code, said.trim()),
        (Some(0), concat!("zaigang-verify ", env!("CARGO_PKG_VERSION")))
    );
}
