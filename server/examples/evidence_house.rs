//! A server with accounts and a simulated box with real keys, for the browser's test of sealed
//! pictures: the box seals drawn faces to whatever custodians the browsers make, and delivers over
//! HTTP what two of them released. `evidence_house FOLDER`; runs until it is stopped.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's stage: it fails where it stands, and shares its parts with the tests"
)]

#[path = "../tests/it/boxes.rs"]
mod boxes;
#[path = "../tests/support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the store")]
mod cluster;
#[path = "../tests/it/house.rs"]
mod house;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::{PictureContext, SealedCiphertext, VerifiedRoll, order, seal};
use image::{Rgb, RgbImage};
use protocol::down::Down;
use protocol::envelope::Sealed;
use protocol::evidence::{EvidenceItem, EvidenceKind, ReleaseOrder};
use serde_json::json;
use server::access::Role;

use boxes::{TestBox, finding};
use house::House;

const FAR: &str = "2099-01-01T00:00:00.000Z";
const TAKEN_AT: &str = "2026-03-02T01:20:00.000Z";

fn main() {
    let folder = std::env::args().nth(1).expect("evidence_house FOLDER");
    let house = House::with(tempfile::tempdir_in(&folder).unwrap(), "");
    let mut b = TestBox::provision(&house, &house.furnish());
    let house = house.restart_with("[access]\naccounts = true\n");
    for (name, role, scope) in [
        ("li", Role::Supervisor, "5101"),
        ("zhao", Role::Supervisor, "5101"),
        ("wang", Role::Reviewer, "5101"),
        ("qian", Role::Reviewer, "5101"),
        ("shen", Role::Auditor, ""),
        ("wu", Role::Admin, ""),
        ("jin", Role::Clinic, "clinic-1"),
    ] {
        log_in(&house, name, role, scope);
    }
    let photo = drawn([196, 160, 132], 44);
    let faces = &house.running().app.faces;
    faces.put_registry_photo("p-other", &photo, "li", TAKEN_AT.parse().unwrap()).unwrap();
    b.move_to(&house);
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    println!("{}", json!({"http": house.base, "alert": trust::alert_id("box-1", &"1".repeat(32))}));
    std::io::stdout().flush().unwrap();
    play(&house, &mut b);
}

fn log_in(house: &House, name: &str, role: Role, scope: &str) {
    let (store, hash) = (&house.running().app.store, trust::sha256_hex(name));
    let (now, far) = ("2026-01-01T00:00:00.000Z".parse().unwrap(), FAR.parse().unwrap());
    let account = name.parse().unwrap();
    store.invite(&hash, role, scope, far).unwrap();
    store.accept_invitation(&hash, &account, name, "no hash", None, now).unwrap();
    let token = trust::sha256_hex(format!("login-of-{name}"));
    store.log_in(&token, &account, "", now, far).unwrap();
}

/// Hears knowledge and answers it as a box does.
fn play(house: &House, b: &mut TestBox) {
    let mut pictures: Vec<(EvidenceItem, Vec<u8>)> = Vec::new();
    let mut roll = None;
    let mut used = BTreeSet::new();
    loop {
        let until = Instant::now() + Duration::from_hours(1);
        let Some(bytes) = b.heard_before("knowledge", until) else { return };
        let sealed: Sealed = serde_json::from_slice(&bytes).unwrap();
        let envelope = trust::open(&sealed, &b.id.parse().unwrap(), &b.sealing).unwrap();
        let body: protocol::down::DownBody = serde_json::from_str(&envelope.body).unwrap();
        b.say(&json!({"type": "knowledge_ack", "kind": body.kind, "version": body.version,
            "applied": true}));
        match body.payload {
            Down::Custodians(told) => {
                let believed = VerifiedRoll::first(&told).unwrap();
                if let (true, Some(to)) = (pictures.is_empty(), believed.seal_to()) {
                    pictures = take(b, &to);
                }
                roll = Some(believed);
            }
            Down::EvidenceOrders(orders) => {
                for release in orders.releases {
                    if used.insert(release.order.clone()) {
                        deliver(house, b, roll.as_ref().unwrap(), &release, &pictures);
                    }
                }
            }
            _ => {}
        }
    }
}

fn take(b: &mut TestBox, to: &evidence::SealTo) -> Vec<(EvidenceItem, Vec<u8>)> {
    let device = b.id.parse().unwrap();
    let mut pictures = Vec::new();
    for (kind, plain) in [
        (EvidenceKind::SubjectCrop, drawn([180, 140, 118], 40)),
        (EvidenceKind::SceneView, drawn([150, 120, 100], 22)),
    ] {
        let finding_id = "a".repeat(32);
        let about =
            PictureContext { device: &device, finding_id: &finding_id, kind, taken_at: TAKEN_AT };
        let SealedCiphertext { id, ciphertext, sha256, supervisor_half, reviewer_half } =
            seal(&plain, about, to).unwrap();
        let item = EvidenceItem {
            id,
            kind,
            person: None,
            taken_at: TAKEN_AT.to_owned(),
            width_px: 320,
            height_px: 320,
            covered_faces: 1,
            bytes: ciphertext.len() as u64,
            sha256,
            supervisor_half,
            reviewer_half,
        };
        pictures.push((item, ciphertext));
    }
    let items: Vec<&EvidenceItem> = pictures.iter().map(|p| &p.0).collect();
    b.say(&json!({"type": "evidence_manifest", "finding_id": "a".repeat(32), "firmware": "test 1",
        "pack": "avatar", "pack_sha256": "ab", "source": "drawn", "items": items}));
    pictures
}

fn deliver(
    house: &House,
    b: &mut TestBox,
    roll: &VerifiedRoll,
    release: &ReleaseOrder,
    pictures: &[(EvidenceItem, Vec<u8>)],
) {
    let device = b.id.parse().unwrap();
    let items = pictures.iter().map(|p| p.0.id.clone()).collect();
    let knows = order::Knows {
        device: &device,
        roll,
        used: &BTreeSet::new(),
        items: &items,
        now: jiff::Timestamp::now(),
    };
    let judged = order::check(release, knows);
    let mut said = json!({"type": "evidence_receipt", "finding_id": release.finding_id,
        "items": release.items, "step": "released", "order": release.order});
    if let Err(why) = &judged {
        said["step"] = json!("refused");
        said["reason"] = json!(why.to_string());
    }
    b.say(&said);
    b.receipted(b.seq);
    if judged.is_err() {
        return;
    }
    for (item, ciphertext) in pictures {
        let part = json!({"delivers": b.id, "id": item.id, "order": release.order, "offset": 0,
            "total_bytes": item.bytes, "sha256": item.sha256, "part": STANDARD.encode(ciphertext)});
        let body = serde_json::to_string(&b.signing.sign(part.to_string())).unwrap();
        let answer = house.send("POST", "/api/v1/evidence", "application/json", body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// A face as a child draws one: nobody's.
fn drawn(skin: [u8; 3], size: i32) -> Vec<u8> {
    let picture = RgbImage::from_fn(320, 320, |x, y| {
        let (dx, dy) = (x as i32 - 160, y as i32 - 150);
        let inside = |cx: i32, cy: i32, rx: i32, ry: i32| {
            let (u, v) = ((dx - cx) * 100 / rx, (dy - cy) * 100 / ry);
            u * u + v * v <= 10_000
        };
        let eye = inside(-size, -size / 2, size / 4, size / 6)
            || inside(size, -size / 2, size / 4, size / 6);
        if eye || inside(0, size, size / 2, size / 7) {
            Rgb([40, 30, 30])
        } else if inside(0, 0, size * 2, size * 5 / 2) {
            Rgb(skin)
        } else {
            Rgb([70 + (y / 3) as u8, 120, 140])
        }
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 88)
        .encode_image(&picture)
        .unwrap();
    bytes.into_inner()
}
