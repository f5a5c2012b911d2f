//! The shape of every released message, as a golden file: a change here is a change of the wire.

use expect_test::expect_file;
use schemars::schema_for;

#[test]
fn the_wire_is_what_was_released() {
    let schema = |value: schemars::Schema| serde_json::to_string_pretty(&value).unwrap() + "\n";
    expect_file!["../golden/envelope.json"]
        .assert_eq(&schema(schema_for!(crate::envelope::Envelope)));
    expect_file!["../golden/sealed.json"].assert_eq(&schema(schema_for!(crate::envelope::Sealed)));
    expect_file!["../golden/up.json"].assert_eq(&schema(schema_for!(crate::up::UpBody)));
    expect_file!["../golden/status.json"].assert_eq(&schema(schema_for!(crate::up::StatusBody)));
    expect_file!["../golden/down.json"].assert_eq(&schema(schema_for!(crate::down::DownBody)));
    expect_file!["../golden/audit_head.json"]
        .assert_eq(&schema(schema_for!(crate::down::AuditHead)));
    expect_file!["../golden/zones_request.json"]
        .assert_eq(&schema(schema_for!(crate::commission::ZonesRequest)));
    expect_file!["../golden/lock_request.json"]
        .assert_eq(&schema(schema_for!(crate::commission::LockRequest)));
    expect_file!["../golden/unlock_request.json"]
        .assert_eq(&schema(schema_for!(crate::commission::UnlockRequest)));
    expect_file!["../golden/commission_answer.json"]
        .assert_eq(&schema(schema_for!(crate::commission::CommissionAnswer)));
    expect_file!["../golden/provision_request.json"]
        .assert_eq(&schema(schema_for!(crate::provision::ProvisionRequest)));
    expect_file!["../golden/provision_response.json"]
        .assert_eq(&schema(schema_for!(crate::provision::ProvisionResponse)));
    expect_file!["../golden/evidence_part.json"]
        .assert_eq(&schema(schema_for!(crate::evidence::EvidencePart)));
    expect_file!["../golden/evidence_part_answer.json"]
        .assert_eq(&schema(schema_for!(crate::evidence::EvidencePartAnswer)));
}

#[test]
fn an_old_box_ignores_the_orders_and_an_old_server_the_manifest() {
    // What neither of them knows decodes to `Unknown`; the body is kept as it was signed.
    let order = r#"{"type":"evidence_orders_of_tomorrow","releases":[],"standings":[]}"#;
    assert_eq!(
        serde_json::from_str::<crate::down::Down>(order).unwrap(),
        crate::down::Down::Unknown
    );
    let manifest = r#"{"type":"evidence_manifest_of_tomorrow","items":[{"kind":"film"}]}"#;
    assert_eq!(serde_json::from_str::<crate::up::Up>(manifest).unwrap(), crate::up::Up::Unknown);
    // Orders of before tell of no deed, and are written as they were.
    let orders = r#"{"releases":[],"standings":[],"holds":[]}"#;
    let read: crate::evidence::EvidenceOrders = serde_json::from_str(orders).unwrap();
    assert!(read.deeds.is_empty());
    assert_eq!(serde_json::to_string(&read).unwrap(), orders);
    assert_eq!(
        serde_json::from_str::<crate::evidence::EvidenceStep>(r#""framed""#).unwrap(),
        crate::evidence::EvidenceStep::Unknown
    );
    // A later kind of picture, and a later decision, are no error either.
    assert_eq!(
        serde_json::from_str::<crate::evidence::EvidenceKind>(r#""film""#).unwrap(),
        crate::evidence::EvidenceKind::Unknown
    );
    assert_eq!(
        serde_json::from_str::<crate::evidence::LeadStanding>(r#""sold""#).unwrap(),
        crate::evidence::LeadStanding::Unknown
    );
}

#[test]
fn an_old_box_ignores_a_trial_and_an_old_server_its_answer() {
    // As versions before trials decode it: a kind that they do not know, and no error.
    let later = r#"{"type":"policy_trial_of_tomorrow","trial":"t-1","changes":{}}"#;
    let read = serde_json::from_str::<crate::down::Down>(later).unwrap();
    assert_eq!(read, crate::down::Down::Unknown);
    let order = r#"{"type":"policy_trial","trial":"t-1","changes":{"uq_op_ms":30000}}"#;
    let read: crate::down::Down = serde_json::from_str(order).unwrap();
    assert_eq!(
        (read.kind(), serde_json::to_string(&read).unwrap().as_str()),
        ("policy_trial", order)
    );
    let answer = concat!(
        r#"{"type":"policy_trial_answer","trial":"t-1","days":[],"days_left_out":0,"#,
        r#""failed":"too_hot","counts":[],"more":1}"#
    );
    let crate::up::Up::PolicyTrialAnswer(answer) = serde_json::from_str(answer).unwrap() else {
        panic!("no answer")
    };
    assert_eq!(answer.failed, Some(crate::trial::TrialFailure::Unknown), "a later reason");
}

#[test]
fn a_message_of_a_later_version_decodes_to_what_is_known_of_it() {
    let later = r#"{"v":2,"device":"box-1","seq":7,"prev":"00","event_id":"e","extra":[1],
        "stamp":{"utc":"2026-01-01T00:00:00.000Z","boot_id":"b","boot_count":1,"mono_ms":5,"uncertainty_ms":20,"clock":"atomic"},
        "payload":{"type":"hologram","x":1}}"#;
    let body: crate::up::UpBody = serde_json::from_str(later).unwrap();
    assert_eq!(body.payload, crate::up::Up::Unknown);
    assert_eq!(body.stamp.clock, crate::up::ClockSource::Unknown);
}

#[test]
fn a_receipt_of_an_older_server_has_no_head() {
    let older = r#"{"type":"receipt","contiguous_seq":1,"contiguous_hash":"ab","above":[]}"#;
    let receipt: crate::down::Down = serde_json::from_str(older).unwrap();
    assert!(matches!(&receipt, crate::down::Down::Receipt(it) if it.audit_head.is_none()));
    assert_eq!(serde_json::to_string(&receipt).unwrap(), older);
}

#[test]
fn a_session_of_an_older_server_is_not_declined() {
    let older = r#"{"session":"s-1","revision":1,"declared_operators":[],"start":"2026-03-02T01:00:00.000Z","cancelled":false,"emergency":false}"#;
    let session: crate::down::Session = serde_json::from_str(older).unwrap();
    assert_eq!(session.declined_at, None);
    assert_eq!(serde_json::to_string(&session).unwrap(), older, "an older box reads it as before");
}

#[test]
fn a_template_never_prints() {
    let template = crate::down::Template {
        template_id: "t".into(),
        pack: "real".into(),
        embedder_sha256: String::new(),
        vector: "SECRETVECTOR".into(),
        masked: false,
    };
    assert!(!format!("{template:?}").contains("SECRET"));
}

#[test]
fn a_presence_of_an_earlier_box_is_a_bare_claim() {
    let earlier = r#"{"type":"presence","room":"r","person":"p","role":"operator","from":"2026-01-01T00:00:00.000Z",
        "to":"2026-01-01T00:10:00.000Z","verified_by":"face"}"#;
    let crate::up::Up::Presence(report) = serde_json::from_str(earlier).unwrap() else {
        panic!("no presence")
    };
    assert_eq!(report.evidence, None);
    let later = earlier.replace(
        r#""verified_by":"face""#,
        r#""verified_by":"face","evidence":{"looks":3,"score_min_ppm":1,"score_max_ppm":2,"liveness":"thermal","x":1}"#,
    );
    let crate::up::Up::Presence(report) = serde_json::from_str(&later).unwrap() else {
        panic!("no presence")
    };
    assert_eq!(report.evidence.unwrap().liveness, crate::up::LivenessEvidence::Unknown);
}

#[test]
fn a_hold_of_a_day_reads_as_it_was_released() {
    let hold = concat!(
        r#"{"reference":"hold-0123456789ab","until":"2026-05-31T00:00:00.000Z","#,
        r#""day":"2026-03-02"}"#
    );
    let told =
        format!(r#"{{"type":"evidence_orders","releases":[],"standings":[],"holds":[{hold}]}}"#);
    let down: crate::down::Down = serde_json::from_str(&told).unwrap();
    let crate::down::Down::EvidenceOrders(orders) = &down else { panic!("no orders") };
    assert_eq!(orders.holds[0].day.as_deref(), Some("2026-03-02"));
    assert_eq!(serde_json::to_string(&orders.holds[0]).unwrap(), hold);
    let earlier = r#"{"items":0,"bytes":0,"quota_bytes":1,"given_up":0}"#;
    let held: crate::evidence::EvidenceHeld = serde_json::from_str(earlier).unwrap();
    assert_eq!(held.logs, None);
    assert_eq!(serde_json::to_string(&held).unwrap(), earlier, "an older server reads it so");
}
