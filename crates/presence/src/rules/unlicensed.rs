//! 非卫技人员开展诊疗活动: UQ-1 unidentified operator, UQ-2 non-clinical staff, UQ-3 outside the
//! category's scope. UQ-1 and UQ-2 are said during the act; when no patient was seen on the bed so
//! far, at the session's end.

use super::draft::Allegation;
use super::measures::{nl_need_ms, role_ppm, votes_ppm};
use crate::case::{CaseMeasures, SeenPractitioner};
use crate::finding::{FindingKind, Rule, Severity, Subject};
use crate::law::{OUT_OF_SCOPE, STALE, UNLICENSED};
use crate::names::{AbstentionReason, FigureName, IntervalName, PartName};
use crate::spans::Spans;
use crate::{PractitionerCategory as Category, Statement};

/// Whether somebody in the operator zone may be working on a patient: one was seen, or the session
/// is over and none was ever seen (a covered face), so that the declaration has to do.
fn patient_plausible(case: &CaseMeasures<'_>) -> bool {
    case.bed.seen || (case.given.session.is_some() && case.given.is_final)
}

/// Op in this session, and with the pieces before it, of people UNMATCHED; and whether it is
/// enough.
fn strangers_operate(case: &CaseMeasures<'_>, op: &Spans) -> bool {
    let p = &case.given.knowledge.policy;
    let in_all = op.total() + if op.is_empty() { 0 } else { case.pieces.stranger_op.total() };
    op.densest(p.uq_window_ms()) >= p.uq_op_ms() || in_all >= p.uq_total_ms()
}

/// UQ-1: somebody UNMATCHED operates, or several who take turns.
pub(crate) fn uq1(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let certain = case.attendance.stranger_op_beyond_cards();
    let is_certain = strangers_operate(case, &certain);
    // Nobody saw the patient get up: the clinic is asked what was done at the bed.
    let strangers = case.strangers_at_the_bed(!is_certain);
    let op = Spans::from_unsorted(strangers.iter().flat_map(|(_, op)| op.iter()).collect());
    let dense = op.densest(p.uq_window_ms());
    if !patient_plausible(case) || !strangers_operate(case, &op) {
        return None;
    }
    let aged = match ours(case, &op) {
        None => false,
        Some(Ours::OldRoster) => true,
        Some(Ours::Unrecognisable) => return None,
    };
    let total = op.total();
    let (kind, severity) = match (aged, total >= p.uq_long_ms()) {
        // Whoever was enrolled since the roster was made is unknown to the box: for the authority
        // to renew it.
        (true, _) => (FindingKind::RecordMismatch, Severity::L1),
        (false, _) if !is_certain => (FindingKind::UnlicensedOperator, Severity::L1),
        (false, true) => (FindingKind::UnlicensedOperator, Severity::L3),
        (false, false) => (FindingKind::UnlicensedOperator, Severity::L2),
    };
    let (first, _) = strangers.iter().min_by_key(|(s, op)| (op.first(), s.tracks.clone()))?;
    let votes = strangers.iter().map(|(s, _)| s.votes).max().unwrap_or(0);
    let said = Statement::UnlicensedStranger {
        operator_ms: total,
        densest_ms: dense,
        window_ms: p.uq_window_ms(),
    };
    let subject = Subject::Track(*first.tracks.first()?);
    let mut draft = Allegation::new(Rule::Uq1, kind, severity, subject, op.first()?, said)
        .measured(case)
        .span(IntervalName::Operator, &op)
        .span(IntervalName::BedOccupied, &case.bed.used)
        .figure(FigureName::OperatorMs, total)
        .figure(FigureName::OperatorDensestMs, dense)
        .figure(FigureName::RosterOldFlag, u8::from(aged))
        .figure(FigureName::UnmatchedTracksCount, strangers.len())
        .figure(FigureName::Frames, votes)
        .sure(votes_ppm(votes), role_ppm(dense, p.uq_op_ms()))
        .basis(if aged { STALE } else { UNLICENSED });
    draft.tracks = strangers.iter().flat_map(|(s, _)| s.tracks.iter().copied()).collect();
    Some(draft)
}

/// Why UNMATCHED people who operated long enough are not reported: they may be somebody of the
/// house.
pub(crate) fn uq1_blocked(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    let p = &case.given.knowledge.policy;
    let strangers = case.attendance.stranger_op();
    let all = strangers.union(&case.unknowns.doubted);
    if !patient_plausible(case) || all.densest(p.uq_window_ms()) < p.uq_op_ms() {
        return None;
    }
    if ours(case, &all) == Some(Ours::Unrecognisable) {
        return Some(AbstentionReason::Roster);
    }
    let beyond_cards = case.attendance.stranger_op_beyond_cards();
    let open = if beyond_cards.total() < strangers.total() {
        AbstentionReason::Roster
    } else {
        AbstentionReason::Operator
    };
    (!strangers_operate(case, &beyond_cards)).then_some(open)
}

/// UQ-1, L1: too many sessions in which the rule was blocked. For the clinic: renew the roster,
/// enrol who is missing.
pub(crate) fn uq1_frequent(events: &Spans, count: u64, needed: u64) -> Option<Allegation> {
    if count < needed {
        return None;
    }
    let said = Statement::RosterLacks { sessions: count };
    let begin = events.first()?;
    Some(
        Allegation::new(
            Rule::Uq1,
            FindingKind::RecordMismatch,
            Severity::L1,
            Subject::Room,
            begin,
            said,
        )
        .span(IntervalName::Operator, events)
        .figure(FigureName::BlockedSessionsCount, count)
        .figure(FigureName::BlockedSessionsNeededCount, needed)
        .basis(STALE),
    )
}

/// Why an UNMATCHED face may be a registered person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    /// The roster is old.
    OldRoster,
    /// There is no roster, or somebody is declared whom the box cannot recognise.
    Unrecognisable,
}

fn ours(case: &CaseMeasures<'_>, op: &Spans) -> Option<Ours> {
    let k = case.given.knowledge;
    let Some(roster) = case.given.roster.map(|r| &r.roster) else {
        return Some(Ours::Unrecognisable);
    };
    let begin = case.given.wall(op.first().unwrap_or(case.given.now.0));
    let stale = begin.0.saturating_sub(roster.made_at.0) > k.policy.roster_age_max_ms() as i64;
    let record = case.given.session.and_then(|(_, s)| s.record.as_ref());
    let declared = record.iter().flat_map(|r| r.lead.iter().chain(&r.operators));
    let unrecognisable = declared
        .clone()
        .any(|id| case.given.known(id).is_none_or(|p| !p.has_template || !p.confirmed));
    if unrecognisable { Some(Ours::Unrecognisable) } else { stale.then_some(Ours::OldRoster) }
}

/// UQ-2: somebody non-clinical operates.
pub(crate) fn uq2(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let beyond = |s: &SeenPractitioner<'_>| {
        let permitted = case.given.permitted(&s.info.id, |_| true);
        let op = s.op.minus(&permitted);
        // What a pass may have covered in the pieces before is not added.
        let in_all = case.op_with_pieces(&s.info.id, &op);
        let in_all = if permitted.is_empty() { in_all } else { op.total() };
        case.is_operating(&op, p.uq_op_ms(), in_all).then_some(op)
    };
    let candidates = case
        .attendance
        .people
        .values()
        .filter(|s| s.info.category == Category::NonClinical)
        .filter_map(|s| Some((s, beyond(s)?)));
    let (seen, op) = candidates.rev().max_by_key(|(_, op)| op.total())?;
    if !patient_plausible(case) {
        return None;
    }
    let total = op.total();
    let alone = alone_with_patient(case, &op);
    let severity = if alone.total() >= p.uq_long_ms() { Severity::L2 } else { Severity::L1 };
    let id = &seen.info.id;
    let said = Statement::NonClinicalOperator {
        person: id.clone(),
        operator_ms: total,
        alone_ms: alone.total(),
    };
    let (kind, subject) = (FindingKind::UnlicensedOperator, Subject::Person(id.clone()));
    Some(
        Allegation::new(Rule::Uq2, kind, severity, subject, op.first()?, said)
            .person(id, PartName::Operator, Some(seen.method))
            .measured(case)
            .span(IntervalName::Operator, &op)
            .span(IntervalName::BedOccupied, &case.bed.used)
            .figure(FigureName::OperatorMs, total)
            .figure(FigureName::AloneWithPatientMs, alone.total())
            .sure(votes_ppm(seen.votes), role_ppm(total, p.uq_op_ms()))
            .basis(UNLICENSED),
    )
}

/// Op with the patient on the bed and surely no clinician in the room.
fn alone_with_patient(case: &CaseMeasures<'_>, op: &Spans) -> Spans {
    let clinicians = case.presence_of(|s| s.info.is_clinician());
    let unknown =
        case.unknown_for(|id| case.given.known(id).is_some_and(crate::Practitioner::is_clinician));
    op.intersect(&case.bed.used).minus(&clinicians).minus(&unknown).minus(&case.sight.blind)
}

/// UQ-3: a pharmacist operates, and no physician stands beside them.
pub(crate) fn uq3(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let need = nl_need_ms(case);
    let physicians = case.attendance.op_of(|s| s.info.category == Category::LicensedPhysician);
    let pharmacists =
        case.attendance.people.values().filter(|s| s.info.category == Category::Pharmacist);
    let operated = pharmacists
        .map(|s| (s, s.op.minus(&physicians)))
        .filter(|(s, op)| !op.is_empty() && case.unaided_with_pieces(&s.info.id, op) >= need);
    let (seen, op) = operated.rev().max_by_key(|(_, op)| op.total())?;
    let id = &seen.info.id;
    let said = Statement::PharmacistAlone { person: id.clone(), operator_ms: op.total() };
    let (kind, subject) = (FindingKind::UnlicensedOperator, Subject::Person(id.clone()));
    Some(
        Allegation::new(Rule::Uq3, kind, Severity::L2, subject, op.first()?, said)
            .person(id, PartName::Operator, Some(seen.method))
            .measured(case)
            .span(IntervalName::Operator, &op)
            .figure(FigureName::OperatorMs, op.total())
            .figure(FigureName::OperatorNeededMs, need)
            .sure(votes_ppm(seen.votes), role_ppm(op.total(), need))
            .basis(OUT_OF_SCOPE),
    )
}
