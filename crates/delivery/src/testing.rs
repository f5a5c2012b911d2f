//! Messages for tests and simulators: a plausible finding with no person in it.

use protocol::up::{
    Confidence, Count, Explanation, FindingKind, FindingReport, Interval, LegalBasis, Manifest, Severity, Step, Up,
};

/// A finding of the given severity (`L0` to `L3`), of the usual size (about 1.5 KB signed).
pub fn finding(severity: &str) -> Up {
    let severity = match severity {
        "L0" => Severity::L0,
        "L1" => Severity::L1,
        "L2" => Severity::L2,
        _ => Severity::L3,
    };
    let hash = || "0".repeat(64);
    // The identifiers below are valid by their own rule.
    let id = |text: &str| text.parse().unwrap_or_else(|_| unreachable!("a valid identifier"));
    Up::Finding(Box::new(FindingReport {
        finding_id: "0".repeat(32),
        incident_id: "1".repeat(32),
        step: Step::Opened,
        revision: 1,
        rule: "NL-1".into(),
        kind: FindingKind::NonLeadOperating,
        severity,
        confidence: Confidence {
            identity_ppm: 990_000,
            role_ppm: 950_000,
            session_ppm: 1_000_000,
            visibility_ppm: 870_000,
        },
        room: "room-1".parse().unwrap_or_else(|_| unreachable!("a valid identifier")),
        institution: "inst-1".parse().unwrap_or_else(|_| unreachable!("a valid identifier")),
        session: Some("session-1".parse().unwrap_or_else(|_| unreachable!("a valid identifier"))),
        item: None,
        persons: vec![protocol::up::PersonInFinding {
            person: id("p-1"),
            part: "operator".into(),
            verified_by: "face".into(),
        }],
        candidate_basis: vec![LegalBasis {
            law: "医疗美容服务管理办法".into(),
            article: "11".into(),
            edition: "2016".into(),
        }],
        intervals: vec![Interval {
            what: "operating".into(),
            from: "2026-03-02T01:00:00.000Z".into(),
            to: "2026-03-02T01:10:00.000Z".into(),
        }],
        counts: vec![Count { name: "operating_ms".into(), value: 600_000 }],
        explanation: Explanation {
            zh: "疑似美容非主诊医师独立执业".into(), en: "Suspected non-lead operating".into()
        },
        raised_at: "2026-03-02T01:10:00.000Z".into(),
        manifest: Manifest {
            firmware: "0.1.0".into(),
            pack: "avatar".into(),
            pack_sha256: hash(),
            config_sha256: hash(),
            policy_sha256: hash(),
            policy_version: 1,
            roster_version: 1,
            liveness_waived: true,
        },
    }))
}
