//! A finding keeps its id over its steps and over a restart, and two findings never share one.

use presence::{ClockQuality, FindingKey, IncidentKey, Moment, Mono, Rule, TrackId, Wall};

use protocol::names::{AbstentionReason, IntervalName};

use super::*;

fn origin() -> Origin {
    Origin {
        device: "box-1".parse().unwrap(),
        room: "room-1".parse().unwrap(),
        institution: "clinic-1".parse().unwrap(),
        manifest: Manifest {
            firmware: "0.1.0".into(),
            pack: "avatar".into(),
            pack_sha256: "00".into(),
            config_sha256: "01".into(),
            policy_sha256: "02".into(),
            policy_version: 0,
            roster_version: 0,
            liveness_waived: false,
        },
        policies: BTreeMap::from([
            (1, (77, "hash of policy 77".to_owned())),
            (5, (5, "hash of policy 5".to_owned())),
        ]),
    }
}

fn core_finding(session: Option<&str>, first_cause_ms: u64, boot_wall_ms: i64) -> core::Finding {
    let session = session.map(core::SessionId::new);
    let mono = 600_000;
    core::Finding {
        key: FindingKey {
            rule: Rule::Uq1,
            session: session.clone(),
            subject: Subject::Track(TrackId(17)),
            first_cause: Mono(first_cause_ms),
        },
        incident: IncidentKey { session, first_cause: Mono(first_cause_ms) },
        revision: 1,
        step: core::Step::Opened,
        severity: core::Severity::L2,
        kind: core::FindingKind::UnlicensedOperator,
        raised_at: Moment {
            mono: Mono(mono),
            wall: Wall(boot_wall_ms + mono as i64),
            clock: ClockQuality::GOOD,
        },
        confidence: core::Confidence {
            identity_ppm: 1,
            role_ppm: 2,
            session_ppm: 3,
            visibility_ppm: 4,
        },
        persons: vec![core::PersonPart {
            person: core::PersonId::new("p-1"),
            part: core::PartName::Operator,
            method: None,
        }],
        tracks: vec![TrackId(17)],
        candidate_basis: vec![],
        intervals: vec![],
        figures: vec![core::Figure { name: core::FigureName::OperatingMs, value: 60_000 }],
        statement: core::Statement::ZonesChanged,
        visibility: Some(core::Visibility { over_a_ppm: 900_000, over_i_ppm: 800_000 }),
        emergency: false,
        liveness_waived: true,
        withdrawn_because: None,
        policy_version: 5,
        roster_version: 6,
    }
}

fn sent(finding: &core::Finding) -> FindingReport {
    super::finding(&origin(), |_| None, finding)
}

#[test]
fn an_id_is_stable_over_the_steps_of_a_finding() {
    let opened = core_finding(Some("s-1"), 1_000, 0);
    let closed = core::Finding { step: core::Step::Closed, revision: 3, ..opened.clone() };
    let (opened, closed) = (sent(&opened), sent(&closed));
    assert_eq!(
        (&opened.finding_id, &opened.incident_id),
        (&closed.finding_id, &closed.incident_id)
    );
    assert_eq!((closed.step, closed.revision), (Step::Closed, 3));
}

#[test]
fn a_restart_in_the_midst_of_a_session_opens_no_second_finding() {
    let before = sent(&core_finding(Some("s-1"), 1_000, 0));
    let after = sent(&core_finding(Some("s-1"), 400_000, 7_000_000));
    assert_eq!(before.finding_id, after.finding_id);
}

#[test]
fn without_a_session_two_starts_never_share_an_id() {
    let first = sent(&core_finding(None, 1_000, 0));
    let second = sent(&core_finding(None, 1_000, 86_400_000));
    assert_ne!(first.finding_id, second.finding_id);
    assert_ne!(first.incident_id, second.incident_id);
}

/// The wire keeps a name that it does not know, and no page has words for it.
#[test]
fn every_name_of_the_core_is_one_of_the_wire() {
    let figures = core::FigureName::ALL.iter().map(|it| it.as_str());
    let figures = figures.filter(|name| matches!((*name).into(), FigureName::Other(_)));
    let spans = core::IntervalName::ALL.iter().map(|it| it.as_str());
    let spans = spans.filter(|name| matches!((*name).into(), IntervalName::Other(_)));
    let parts = core::PartName::ALL.iter().map(|it| it.as_str());
    let parts = parts.filter(|name| matches!((*name).into(), PartName::Other(_)));
    let reasons = core::AbstentionReason::ALL.iter().map(|it| it.as_str());
    let reasons = reasons.filter(|name| matches!((*name).into(), AbstentionReason::Other(_)));
    let unknown: Vec<&str> = figures.chain(spans).chain(parts).chain(reasons).collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

#[test]
fn a_finding_carries_its_figures_and_versions() {
    let report = sent(&core_finding(Some("s-1"), 1_000, 0));
    assert_eq!(
        (report.rule.as_str(), report.kind, report.severity),
        ("UQ-1", FindingKind::UnlicensedOperator, Severity::L2)
    );
    assert_eq!((report.manifest.policy_version, report.manifest.roster_version), (5, 6));
    assert!(report.manifest.liveness_waived);
    assert_eq!(report.raised_at, "1970-01-01T00:10:00.000Z");
    assert_eq!(report.persons[0].verified_by, VerifiedBy::NotSeen);
    let names: Vec<_> = report.counts.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["operating_ms", "visibility_over_a_ppm", "visibility_over_i_ppm"]);
}

#[test]
fn a_finding_names_the_policy_it_was_made_with() {
    let made_with = |number| {
        let found = core::Finding { policy_version: number, ..core_finding(Some("s-1"), 0, 0) };
        let manifest = finding(&origin(), |_| None, &found).manifest;
        (manifest.policy_version, manifest.policy_sha256)
    };
    assert_eq!(made_with(1), (77, "hash of policy 77".to_owned()));
    assert_eq!(made_with(9), (0, "02".to_owned()));
}

#[test]
fn a_summary_goes_before_the_presences_and_names_nobody() {
    let person = core::PersonPresence {
        person: core::PersonId::new("p-secret"),
        method: PresenceMethod::CardPinWitness,
        first: Wall(1_000),
        last: Wall(61_000),
        present_ms: 60_000,
        operating_ms: 0,
        looks: core::Looks {
            count: 3,
            score_min_ppm: 610_000,
            score_max_ppm: 740_000,
            waived: false,
        },
    };
    let summary = core::PresenceSummary {
        session: core::SessionId::new("s-1"),
        revision: 2,
        at: Moment { mono: Mono(1), wall: Wall(1), clock: ClockQuality::GOOD },
        assessment: core::Assessability::NotAssessable(vec![core::AbstentionReason::NoActivity]),
        undecided: vec![core::Undecided { rule: Rule::Ll1, reason: core::AbstentionReason::Door }],
        visibility: core::Visibility { over_a_ppm: 0, over_i_ppm: 900_000 },
        lead_verified: false,
        face_seen: true,
        present: vec![person],
        indeterminate_tracks: 3,
        unmatched_tracks: 1,
        emergency: false,
        liveness_waived: true,
    };
    let said = messages(&origin(), |_| None, &EngineOutput::PresenceSummary(Box::new(summary)));
    let [Up::PresenceSummary(told), Up::Presence(present)] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!((told.revision, told.assessable, told.visibility_over_i_ppm), (2, false, 900_000));
    assert_eq!(told.not_assessable_because, [AbstentionReason::NoActivity]);
    assert_eq!(
        (told.undecided[0].rule.as_str(), told.undecided[0].reason.as_str()),
        ("LL-1", "door")
    );
    assert_eq!(present.verified_by, VerifiedBy::CardPinWitness);
    let rests_on = present.evidence.as_ref().unwrap();
    assert_eq!(
        (rests_on.looks, rests_on.score_min_ppm, rests_on.score_max_ppm),
        (3, 610_000, 740_000)
    );
    assert_eq!(rests_on.liveness, protocol::up::LivenessEvidence::Live);
    let text = serde_json::to_string(told).unwrap();
    assert!(
        !text.contains("p-secret") && !text.contains("60000"),
        "hours or a person left the box: {text}"
    );
}

/// What a rule of the server cites is what the same kind of finding of a box cites.
#[test]
fn the_server_cites_the_articles_that_the_box_does() {
    let on_the_wire = |articles: &[core::Basis]| articles.iter().map(basis).collect::<Vec<_>>();
    assert_eq!(on_the_wire(core::law::LENDING), protocol::law::lending());
    assert_eq!(on_the_wire(core::law::DUTY), protocol::law::duty());
    assert_eq!(on_the_wire(core::law::RECORDS), protocol::law::records());
}
