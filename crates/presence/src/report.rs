//! What a session's verdict carries beside the findings: their common stamp, and the presence
//! summary.

use crate::case::CaseMeasures;
use crate::finding::{
    Assessability, PersonPresence, PresenceMethod, PresenceSummary, WithdrawalGround,
};
use crate::ledger::FindingStamp;
use crate::rules;
use crate::spans::{Spans, share_ppm};
use crate::time::Offset;
use crate::{Moment, SessionId};

/// What every finding of a case carries.
pub(crate) fn stamp(case: &CaseMeasures<'_>, at: Moment, offset: Offset) -> FindingStamp {
    let policy = &case.given.knowledge.policy;
    let declared = Spans::one(case.given.bounds.start, case.given.bounds.end);
    let session_ppm = match case.given.session {
        Some(_) if !case.attendance.activity.is_empty() => share_ppm(
            case.attendance.activity.intersect(&declared).total(),
            case.attendance.activity.total(),
        ),
        _ => 1_000_000,
    };
    FindingStamp {
        at,
        offset,
        session: case.given.session.map(|(id, _)| id.clone()),
        session_ppm,
        visibility: Some(case.sight.v),
        liveness_waived: policy.liveness_waived() == 1,
        policy_version: policy.version(),
        roster_version: case.given.roster_version(),
        withdrawal: WithdrawalGround::OwnCorrection,
        basis_tick: at.mono.0,
    }
}

/// What was seen of a session, given what was said of it.
pub(crate) fn summarise(
    case: &CaseMeasures<'_>,
    said: &[rules::Allegation],
    id: &SessionId,
    at: Moment,
) -> PresenceSummary {
    let faults = case.faults();
    // Whom the box recognised before it heard of the refusal is said of nobody.
    let told = |method: PresenceMethod| {
        case.given.doorway || !case.sight.declined || method == PresenceMethod::CardPinWitness
    };
    let people =
        case.attendance.people.values().filter(|s| !s.present.is_empty() && told(s.method));
    let present = people.map(|s| PersonPresence {
        person: s.info.id.clone(),
        method: s.method,
        first: case.given.wall(s.present.first().unwrap_or(0)),
        last: case.given.wall(s.present.last().unwrap_or(0)),
        present_ms: s.present.total(),
        operating_ms: s.op.total(),
        looks: s.looks,
    });
    let present: Vec<PersonPresence> = present.collect();
    PresenceSummary {
        session: id.clone(),
        revision: 1,
        at,
        assessment: if faults.is_empty() {
            Assessability::Assessable
        } else {
            Assessability::NotAssessable(faults)
        },
        undecided: rules::undecided(case, said),
        visibility: case.sight.v,
        lead_verified: case
            .given
            .declared_lead()
            .is_some_and(|lead| present.iter().any(|p| p.person == *lead)),
        face_seen: case.attendance.face_seen,
        present,
        indeterminate_tracks: case.unknowns.tracks,
        unmatched_tracks: case.attendance.strangers.len() as u32,
        emergency: case.given.session.is_some_and(|(_, s)| s.emergency()),
        liveness_waived: case.given.knowledge.policy.liveness_waived() == 1,
    }
}
