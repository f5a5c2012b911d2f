//! What the core says, as it stands on the wire: ids hashed, times as text, no picture, no
//! embedding, no name. Pure.

use std::collections::BTreeMap;

use presence::{self as core, EngineOutput, PresenceMethod, Subject};
use protocol::{
    id::{DeviceId, InstitutionId, ItemCode, PersonId, RoomId, SessionId},
    names::{FigureName, PartName, VerifiedBy},
    up::{
        Confidence, Count, FindingKind, FindingReport, Interval, LegalBasis, LivenessEvidence,
        Manifest, PersonInFinding, PresenceEvidence, PresenceReport, PresenceSummary, Severity,
        Step, UndecidedRule, Up, WithdrawalCause,
    },
};

use crate::clock::rfc3339_ms;

/// What every message of this box repeats.
#[derive(Debug, Clone)]
pub struct Origin {
    pub device: DeviceId,
    pub room: RoomId,
    pub institution: InstitutionId,
    /// What the findings are made with; the versions are those of the finding itself.
    pub manifest: Manifest,
    /// The server's version and the hash of each policy of this boot, by the number under which the
    /// core knows it.
    pub policies: BTreeMap<u32, (u64, String)>,
}

impl Origin {
    fn manifest(&self, finding: &core::Finding) -> Manifest {
        let policy = self.policies.get(&finding.policy_version).cloned();
        let (policy_version, policy_sha256) =
            policy.unwrap_or_else(|| (0, self.manifest.policy_sha256.clone()));
        Manifest {
            policy_version,
            policy_sha256,
            roster_version: finding.roster_version,
            liveness_waived: finding.liveness_waived,
            ..self.manifest.clone()
        }
    }
}

/// The institution of a box before its room was said: no finding can name it, because none is
/// raised without a room.
pub fn unknown_institution() -> InstitutionId {
    #[expect(clippy::unwrap_used, reason = "the text is an identifier")]
    "unknown".parse().unwrap()
}

/// A core id as a wire id. Every id that the core knows came over the wire, so this fails only for
/// a foreign one.
fn id<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

/// The message for an output; `None` for one that stays on the box.
pub fn messages(
    origin: &Origin,
    item_of: impl Fn(&SessionId) -> Option<ItemCode>,
    output: &EngineOutput,
) -> Vec<Up> {
    match output {
        EngineOutput::Finding(finding) => {
            vec![Up::Finding(Box::new(self::finding(origin, item_of, finding)))]
        }
        EngineOutput::PresenceSummary(summary) => {
            let said = self::summary(origin, summary).map(Up::PresenceSummary);
            said.into_iter()
                .chain(presences(origin, summary).into_iter().map(Up::Presence))
                .collect()
        }
        EngineOutput::WipeTrack(_) => Vec::new(),
    }
}

/// One step of a finding.
pub fn finding(
    origin: &Origin,
    item_of: impl Fn(&SessionId) -> Option<ItemCode>,
    finding: &core::Finding,
) -> FindingReport {
    let session: Option<SessionId> = finding.key.session.as_ref().and_then(|s| id(s.as_str()));
    let cause = first_cause(finding, finding.key.first_cause);
    let incident_cause = first_cause(finding, finding.incident.first_cause);
    let subject = subject(&finding.key.subject);
    let device = &origin.device;
    FindingReport {
        finding_id: trust::finding_id(
            device,
            finding.key.rule.code(),
            session.as_ref(),
            &subject,
            cause,
        ),
        incident_id: trust::incident_id(device, session.as_ref(), incident_cause),
        step: match finding.step {
            core::Step::Opened => Step::Opened,
            core::Step::Strengthened => Step::Strengthened,
            core::Step::Closed => Step::Closed,
            core::Step::Withdrawn => Step::Withdrawn,
        },
        revision: finding.revision,
        rule: finding.key.rule.code().into(),
        kind: kind(finding.kind),
        severity: severity(finding.severity),
        confidence: Confidence {
            identity_ppm: finding.confidence.identity_ppm,
            role_ppm: finding.confidence.role_ppm,
            session_ppm: finding.confidence.session_ppm,
            visibility_ppm: finding.confidence.visibility_ppm,
        },
        room: origin.room.clone(),
        institution: origin.institution.clone(),
        item: session.as_ref().and_then(item_of),
        session,
        persons: finding.persons.iter().filter_map(person).collect(),
        candidate_basis: finding.candidate_basis.iter().map(basis).collect(),
        intervals: finding.intervals.iter().map(interval).collect(),
        counts: counts(finding),
        explanation: wording::of_box(&finding.statement),
        raised_at: rfc3339_ms(finding.raised_at.wall.0),
        withdrawn_because: finding.withdrawn_because.map(|why| match why {
            core::WithdrawalGround::OwnCorrection => WithdrawalCause::OwnCorrection,
            core::WithdrawalGround::StatedBefore => WithdrawalCause::StatedBefore,
        }),
        manifest: origin.manifest(finding),
    }
}

/// What the rules across days read of a session. It goes out before the presences, which it
/// replaces on the server. How long each person was there stays on the box: no rule of the server
/// reads it (P15).
fn summary(origin: &Origin, summary: &core::PresenceSummary) -> Option<PresenceSummary> {
    let reasons: &[core::AbstentionReason] = match &summary.assessment {
        core::Assessability::Assessable => &[],
        core::Assessability::NotAssessable(reasons) => reasons,
    };
    let undecided = |u: &core::Undecided| UndecidedRule {
        rule: u.rule.code().into(),
        reason: u.reason.as_str().into(),
    };
    Some(PresenceSummary {
        room: origin.room.clone(),
        session: id(summary.session.as_str())?,
        revision: summary.revision,
        at: rfc3339_ms(summary.at.wall.0),
        assessable: summary.assessment == core::Assessability::Assessable,
        not_assessable_because: reasons.iter().map(|r| r.as_str().into()).collect(),
        undecided: summary.undecided.iter().map(undecided).collect(),
        visibility_over_a_ppm: summary.visibility.over_a_ppm,
        visibility_over_i_ppm: summary.visibility.over_i_ppm,
        lead_verified: summary.lead_verified,
        face_seen: summary.face_seen,
        indeterminate_tracks: summary.indeterminate_tracks,
        unmatched_tracks: summary.unmatched_tracks,
        emergency: summary.emergency,
        liveness_waived: summary.liveness_waived,
    })
}

/// One row per person that was verified in a session.
fn presences(origin: &Origin, summary: &core::PresenceSummary) -> Vec<PresenceReport> {
    let session: Option<SessionId> = id(summary.session.as_str());
    let report = |person: &core::PersonPresence| {
        Some(PresenceReport {
            room: origin.room.clone(),
            session: session.clone(),
            person: id(person.person.as_str())?,
            role: if person.operating_ms > 0 { PartName::Operator } else { PartName::Present },
            from: rfc3339_ms(person.first.0),
            to: rfc3339_ms(person.last.0),
            verified_by: verified_by(Some(person.method)),
            evidence: Some(evidence(&person.looks)),
        })
    };
    summary.present.iter().filter_map(report).collect()
}

fn evidence(looks: &core::Looks) -> PresenceEvidence {
    PresenceEvidence {
        looks: looks.count,
        score_min_ppm: looks.score_min_ppm,
        score_max_ppm: looks.score_max_ppm,
        liveness: match looks {
            core::Looks { count: 0, .. } => LivenessEvidence::NoLook,
            core::Looks { waived: true, .. } => LivenessEvidence::Waived,
            core::Looks { waived: false, .. } => LivenessEvidence::Live,
        },
    }
}

/// What keeps two findings apart: nothing more than the session where there is one (one finding per
/// rule and session, so that a restart in its midst opens no second), otherwise the wall time of
/// the first cause, which no later start repeats.
fn first_cause(finding: &core::Finding, cause: core::Mono) -> u64 {
    if finding.key.session.is_some() {
        return 0;
    }
    let raised = finding.raised_at;
    raised.wall.0.saturating_sub_unsigned(raised.mono.since(cause)).max(0) as u64
}

fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Person(person) => person.as_str().to_owned(),
        Subject::Track(track) => format!("track-{}", track.0),
        Subject::Session => "session".to_owned(),
        Subject::Room => "room".to_owned(),
        Subject::Camera => "camera".to_owned(),
    }
}

fn kind(kind: core::FindingKind) -> FindingKind {
    match kind {
        core::FindingKind::LicenseLending => FindingKind::LicenseLending,
        core::FindingKind::NonLeadOperating => FindingKind::NonLeadOperating,
        core::FindingKind::UnlicensedOperator => FindingKind::UnlicensedOperator,
        // HB-3 is one of the integrity rules; the rule's code tells it from the others.
        core::FindingKind::Integrity | core::FindingKind::UndeclaredProcedure => {
            FindingKind::Integrity
        }
        core::FindingKind::RecordMismatch => FindingKind::RecordMismatch,
    }
}

fn severity(severity: core::Severity) -> Severity {
    match severity {
        core::Severity::L0 => Severity::L0,
        core::Severity::L1 => Severity::L1,
        core::Severity::L2 => Severity::L2,
        core::Severity::L3 => Severity::L3,
    }
}

fn person(part: &core::PersonPart) -> Option<PersonInFinding> {
    let person: PersonId = id(part.person.as_str())?;
    Some(PersonInFinding {
        person,
        part: part.part.as_str().into(),
        verified_by: verified_by(part.method),
    })
}

fn verified_by(method: Option<PresenceMethod>) -> VerifiedBy {
    match method {
        Some(PresenceMethod::Face) => VerifiedBy::Face,
        Some(PresenceMethod::CardPinWitness) => VerifiedBy::CardPinWitness,
        None => VerifiedBy::NotSeen,
    }
}

fn basis(basis: &core::Basis) -> LegalBasis {
    let own = str::to_owned;
    LegalBasis { law: own(basis.law), article: own(basis.article), edition: own(basis.edition) }
}

fn interval(interval: &core::Interval) -> Interval {
    let (from, to) = (rfc3339_ms(interval.from_wall.0), rfc3339_ms(interval.to_wall.0));
    Interval { what: interval.what.as_str().into(), from, to }
}

fn counts(finding: &core::Finding) -> Vec<Count> {
    let said =
        |figure: &core::Figure| Count { name: figure.name.as_str().into(), value: figure.value };
    let mut counts: Vec<_> = finding.figures.iter().map(said).collect();
    let mut add = |name: FigureName, value: i64| {
        if counts.iter().all(|c| c.name != name) {
            counts.push(Count { name, value });
        }
    };
    if let Some(visibility) = finding.visibility {
        add(FigureName::VisibilityOverAPpm, i64::from(visibility.over_a_ppm));
        add(FigureName::VisibilityOverIPpm, i64::from(visibility.over_i_ppm));
    }
    if finding.emergency {
        add(FigureName::EmergencyFlag, 1);
    }
    counts
}

#[cfg(test)]
mod tests;
