//! Backup and restore: what comes back, who does not, and which archives are refused with one line.

use serde_json::{Value, json};
use server::backup;
use server::consent::ConsentPurpose;
use server::model::Consent;
use server::store::{NewEnrolment, NewTemplate};
use zeroize::Zeroizing;

use crate::boxes::{TestBox, finding};
use crate::house::House;

/// A stored template, as an enrolment leaves it; the vector is no face of anybody.
fn enrol(house: &House, id: &str, person: &str) {
    enrol_by(house, (id, person), &"e".repeat(64));
}

/// The same by this embedder, named by its SHA-256.
pub(crate) fn enrol_by(house: &House, (id, person): (&str, &str), embedder_sha256: &str) {
    let consent = Consent {
        text_version: "1".into(),
        text_sha256: "a".repeat(64),
        purposes: vec![
            ConsentPurpose::Recognition,
            ConsentPurpose::ServerStorage,
            ConsentPurpose::KeepPhoto,
        ],
        scope: "clinic-1".into(),
        signature: "signed".into(),
        signed_at: "2026-03-02T01:00:00.000Z".into(),
        guardian: None,
        earlier: Vec::new(),
    };
    let vector = Zeroizing::new([0.5f32.to_le_bytes(); 8].concat());
    let template = NewTemplate {
        id: format!("t-{id}").parse().unwrap(),
        embedder_sha256: embedder_sha256.to_owned(),
        masked: false,
        vector,
    };
    let proposal = NewEnrolment {
        id,
        person,
        institution: "clinic-1",
        by: "boss",
        pack: "avatar",
        outcome: &Value::Null,
        consent: &consent,
        templates: &[template],
        photos: &[b"photograph".to_vec()],
    };
    let faces = &house.running().app.faces;
    faces.propose(&proposal, "2026-03-02T01:00:00.000Z".parse().unwrap()).unwrap();
    faces
        .decide(
            &id.parse().unwrap(),
            true,
            "wang",
            None,
            "2026-03-02T01:05:00.000Z".parse().unwrap(),
        )
        .unwrap();
}

#[test]
fn who_withdrew_after_the_backup_does_not_come_back() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    enrol(&house, "e-1", "p-lead");
    enrol(&house, "e-2", "p-other");
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    let receipt_before = b.receipted(1);
    let told_before = b.told_until("roster", |_| true).version;
    let config = house.running().app.config.clone();
    let archive = house.folder.path().join("a.zgbackup");
    backup::backup(&config, &archive, "nightly").unwrap();
    assert!(
        backup::backup(&config, &archive, "")
            .unwrap_err()
            .to_string()
            .contains("overwrites nothing")
    );

    house.must_post("practitioners/p-lead/withdraw", &json!({"reason":"asked"}));
    assert!(
        backup::restore(&config, &archive, "").unwrap_err().to_string().contains("stop it first")
    );
    let folder = house.close();
    let said = backup::restore(&config, &archive, "disk broke").unwrap();
    assert!(said.contains("1 deletion(s) since the backup replayed"), "{said}");

    let house = House::with(folder, "");
    let faces = &house.running().app.faces;
    assert!(!faces.holds_anything_of("p-lead").unwrap(), "a withdrawn person came back");
    assert!(faces.holds_anything_of("p-other").unwrap(), "a standing person was lost");
    assert_eq!(faces.tombstones().unwrap()[0].person, "p-lead");
    assert_eq!(house.get("summary")["alerts"], 1);
    let log = house.running().app.store.audit_log("disk broke", None, 5).unwrap();
    assert_eq!(log[0].action, "restore");
    assert!(house.running().app.store.verify_audit().unwrap().is_ok());

    // Decision 0075: the box takes what the restored server says, because its versions are above
    // those of before.
    b.move_to(&house);
    b.connect();
    let told = b.told_until("roster", |_| true);
    assert!(told.version > told_before, "{} after {told_before}", told.version);
    b.say(&finding('b', '2', "opened", 1, "LL-1", "LicenseLending", "L2"));
    assert!(b.receipted(2).contiguous_seq > receipt_before.contiguous_seq);
}

#[test]
fn an_old_copy_learns_of_deletions_at_its_start() {
    let house = House::new();
    house.furnish();
    enrol(&house, "e-1", "p-lead");
    let old = house.folder.path().join("old.db");
    house.running().app.faces.backup_to(&old).unwrap();
    house.must_post("practitioners/p-lead/withdraw", &json!({}));
    let folder = house.close();
    let data = folder.path().join("data");
    for journal in ["faces.db-wal", "faces.db-shm"] {
        let _ = std::fs::remove_file(data.join(journal));
    }
    std::fs::copy(&old, data.join("faces.db")).unwrap();
    let house = House::with(folder, "");
    assert!(!house.running().app.faces.holds_anything_of("p-lead").unwrap());
}

#[test]
fn an_archive_that_is_none_of_ours_changes_nothing() {
    let house = House::new();
    house.furnish();
    let config = house.running().app.config.clone();
    let archive = house.folder.path().join("a.zgbackup");
    backup::backup(&config, &archive, "").unwrap();
    let folder = house.close();
    let good = std::fs::read(&archive).unwrap();
    let at =
        good.windows(9).rposition(|w| w == b"510104\0\0\0" || w.starts_with(b"clinic-1")).unwrap();
    let mut changed = good.clone();
    changed[at] ^= 1;
    for (bytes, why) in [
        (b"hello".to_vec(), "is no backup"),
        (good[..good.len() / 2].to_vec(), "cut short"),
        (changed, "is not the file that was backed up"),
    ] {
        std::fs::write(&archive, bytes).unwrap();
        let error = format!("{:#}", backup::restore(&config, &archive, "").unwrap_err());
        assert!(error.contains(why) && !error.contains('\n'), "{error}");
    }
    std::fs::write(&archive, good).unwrap();
    let mut other = config.clone();
    other.master_key_file = folder.path().join("other.key");
    server::vault::Key::master(&other.master_key_file).unwrap();
    let error = format!("{:#}", backup::restore(&other, &archive, "").unwrap_err());
    assert!(error.contains("another master key"), "{error}");
    assert_eq!(House::with(folder, "").get("institutions")["institutions"][0]["id"], "clinic-1");
}
