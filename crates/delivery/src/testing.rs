//! For tests and simulators: a plausible finding with no person in it, and how a fault that was
//! survived is told.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use protocol::up::{
    Confidence, Count, Explanation, FindingKind, FindingReport, Interval, LegalBasis, Manifest,
    Severity, Step, Up,
};

/// A finding of the given severity (`L0` to `L3`), of the usual size (about 1.5 KB signed), raised
/// now: no server takes one that is older than its box, or yet to come.
pub fn finding(severity: &str) -> Up {
    let now = format!("{:.3}", Timestamp::now());
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
        intervals: vec![Interval { what: "operating".into(), from: now.clone(), to: now.clone() }],
        counts: vec![Count { name: "operating_ms".into(), value: 600_000 }],
        explanation: Explanation {
            zh: "疑似美容非主诊医师独立执业".into(),
            en: "Suspected non-lead operating".into(),
        },
        raised_at: now,
        withdrawn_because: None,
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

/// A finding that can be told from the others by its revision.
pub fn numbered_finding(number: u32) -> Up {
    let mut payload = finding("L2");
    if let Up::Finding(finding) = &mut payload {
        finding.revision = number;
    }
    payload
}

/// What one fault did, as `scripts/torture` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultOutcome {
    pub fault: String,
    /// How often it struck.
    pub times: u64,
    pub raised: u64,
    pub stored: u64,
    pub doubled: u64,
    /// Given up for space or with a torn database, and said so in the chain.
    pub declared_lost: u64,
    /// Raised, not stored and not declared.
    pub lost: u64,
    /// What is wrong with the chain, if anything.
    pub chain: Option<String>,
}

impl FaultOutcome {
    /// Of numbered findings: `stored` in any order, each as often as it was found.
    pub fn of(
        fault: impl Into<String>,
        times: u64,
        raised: &BTreeSet<u32>,
        stored: &[u32],
    ) -> Self {
        let distinct: BTreeSet<u32> = stored.iter().copied().collect();
        Self {
            fault: fault.into(),
            times,
            raised: raised.len() as u64,
            stored: raised.intersection(&distinct).count() as u64,
            doubled: (stored.len() - distinct.len()) as u64,
            declared_lost: 0,
            lost: raised.difference(&distinct).count() as u64,
            chain: None,
        }
    }

    /// raised = stored + declared lost, nothing doubled, the chain whole; and the fault did strike.
    pub fn holds(&self) -> bool {
        self.times > 0
            && self.raised > 0
            && self.raised == self.stored + self.declared_lost
            && self.lost == 0
            && self.doubled == 0
            && self.chain.is_none()
    }

    /// One line; JSON where `ZAIGANG_TORTURE_JSON` is set. Gives [`Self::holds`].
    pub fn print(&self) -> bool {
        let word = if self.holds() { "holds" } else { "falls short" };
        if std::env::var_os("ZAIGANG_TORTURE_JSON").is_some() {
            let mut value = serde_json::to_value(self).unwrap_or_default();
            value["verdict"] = word.into();
            println!("torture: {value}");
        } else {
            let chain = self.chain.as_deref().unwrap_or("whole");
            println!(
                "torture: {:<44} {:>6} times  raised {:>6}  stored {:>6}  doubled {}  declared \
                lost {:>4}  lost {}  chain {chain}  {word}",
                self.fault,
                self.times,
                self.raised,
                self.stored,
                self.doubled,
                self.declared_lost,
                self.lost
            );
        }
        self.holds()
    }
}
