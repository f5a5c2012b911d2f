//! What the registry refuses.

use super::*;
use crate::consent::ConsentPurpose;

#[test]
fn a_name_never_prints() {
    let text = r#"{"id":"p-1","name":"王小明","category":"nurse","registration":"valid"}"#;
    let person: Practitioner = serde_json::from_str(text).unwrap();
    assert!(!format!("{person:?}").contains('王'));
    assert!(serde_json::to_string(&person).unwrap().contains("王小明"));
}

#[test]
fn a_nurse_can_not_be_filed_as_lead() {
    let text = r#"{"id":"p-1","name":"x","category":"nurse","registration":"valid",
            "sites":[{"institution":"c-1","relation":"primary","lead_of":["cosmetic_surgery"]}]}"#;
    let mut person: Practitioner = serde_json::from_str(text).unwrap();
    assert!(person.check().unwrap_err().contains("licensed_physician"));
}

#[test]
fn an_intimate_room_refuses_a_camera_inside() {
    let text = r#"{"id":"r-1","institution":"c-1","mode":"in_room","intimate":true}"#;
    let room: Room = serde_json::from_str(text).unwrap();
    assert!(room.check().unwrap_err().contains("intimate room"));
}

#[test]
fn a_room_of_which_nothing_is_said_is_watched_at_the_door() {
    let room: Room = serde_json::from_str(r#"{"id":"r-1","institution":"c-1"}"#).unwrap();
    room.check().unwrap();
    assert_eq!(room.mode, DeploymentMode::Doorway);
    let undressed = Room { undressing: Some(true), mode: DeploymentMode::InRoom, ..room };
    assert!(undressed.check().unwrap_err().starts_with("mode: "));
}

#[test]
fn a_session_that_ends_before_it_starts_is_refused() {
    let text = r#"{"id":"s-1","room":"r-1","start":"2026-03-02T10:00:00+08:00","end":"2026-03-02T01:00:00Z"}"#;
    let mut session: Session = serde_json::from_str(text).unwrap();
    assert!(session.check().unwrap_err().starts_with("end: "));
    session.end = None;
    session.check().unwrap();
    assert_eq!(session.start, "2026-03-02T02:00:00.000Z");
    session.patient_ref = Some("张三".into());
    assert!(session.check().is_err());
}

#[test]
fn no_consent_without_its_parts() {
    let good = Consent {
        text_version: "1".into(),
        text_sha256: "a".repeat(64),
        purposes: vec![ConsentPurpose::Recognition, ConsentPurpose::ServerStorage],
        scope: "c-1".into(),
        signature: "signed".into(),
        signed_at: "2026-03-02T01:00:00Z".into(),
        guardian: None,
        earlier: Vec::new(),
    };
    good.clone().check().unwrap();
    for purposes in [
        vec![ConsentPurpose::KeepPhoto, ConsentPurpose::ServerStorage],
        vec![ConsentPurpose::Recognition, ConsentPurpose::KeepPhoto],
    ] {
        assert!(Consent { purposes, ..good.clone() }.check().is_err());
    }
    assert!(Consent { text_sha256: "short".into(), ..good.clone() }.check().is_err());
    assert!(Consent { signature: " ".into(), ..good }.check().is_err());
}
