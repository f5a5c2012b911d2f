//! 挂证: LL-1 substitution, LL-4 status, LL-5 clock-and-go. (LL-2 and LL-3 look across days and
//! places: the server.)

use super::draft::Allegation;
use super::measures::{absence, absent, by_absence, role_ppm, votes_ppm};
use crate::absence::{Absence, TwoBounds};
use crate::case::{CaseMeasures, SeenPractitioner, Unknown, UnknownCause};
use crate::evidence::Possibility;
use crate::finding::{FindingKind, Rule, Severity, Subject};
use crate::law::{self, CLOCK_AND_GO, LENDING, RECORDS, STALE};
use crate::names::{FigureName, IntervalName, PartName};
use crate::spans::{Spans, share_ppm};
use crate::{AbsenceSign, PersonId, Practitioner, Statement, StatusFault};

/// Somebody else than the declared lead who operated: who, how long.
struct Other<'c, 'a> {
    person: Option<&'c SeenPractitioner<'a>>,
    op: Spans,
    /// With what they did in the pieces before.
    op_ms: u64,
}

impl Other<'_, '_> {
    /// Looks that say who it was.
    fn votes(&self, case: &CaseMeasures<'_>) -> u32 {
        let strangers = || case.attendance.strangers.iter().map(|s| s.votes).max().unwrap_or(0);
        self.person.map_or_else(strangers, |seen| seen.votes)
    }
}

/// Who operated most, other than the declared lead. At equal times a known person, then the lesser
/// id.
fn other_operator<'c, 'a>(case: &'c CaseMeasures<'a>) -> Other<'c, 'a> {
    let op = case.attendance.stranger_op();
    let mut best = Other { person: None, op_ms: op.total() + case.pieces.stranger_op.total(), op };
    for (id, seen) in case.attendance.people.iter().rev() {
        let op_ms = case.op_with_pieces(id, &seen.op);
        if case.given.declared_lead() != Some(id) && op_ms >= best.op_ms {
            best = Other { person: Some(seen), op: seen.op.clone(), op_ms };
        }
    }
    best
}

/// Another lead of the specialty who was there for as long as the lead's own part takes: the record
/// names the wrong one.
fn lead_in_place<'c, 'a>(case: &'c CaseMeasures<'a>) -> Option<Other<'c, 'a>> {
    let part_ms = case.lead_part_ms().max(1);
    let leads = case.attendance.people.values().filter(|s| {
        case.given.leads.contains(&s.info.id) && case.given.declared_lead() != Some(&s.info.id)
    });
    let there = leads.map(|s| (s, case.presence(s).certain.total()));
    let (seen, _) =
        there.filter(|(_, ms)| *ms >= part_ms).max_by_key(|(s, ms)| (*ms, s.op.total()))?;
    let op_ms = case.op_with_pieces(&seen.info.id, &seen.op);
    Some(Other { person: Some(seen), op: seen.op.clone(), op_ms })
}

/// Another lead of the specialty, whom the box would know, may have been there in the declared
/// one's place.
pub(super) fn another_may_lead(case: &CaseMeasures<'_>) -> bool {
    let known = |id: &PersonId| case.given.known(id).is_some_and(Practitioner::is_recognisable);
    let other =
        |id: &PersonId| case.given.leads.contains(id) && case.given.declared_lead() != Some(id);
    absence(case, |id| other(id) && known(id)) == Absence::Open
        || case
            .attendance
            .people
            .values()
            .any(|s| other(&s.info.id) && may_have_done_the_part(case, s))
}

/// Whether somebody recognised may have been there for as long as the lead's own part takes: they
/// vanished inside the room, and may have stayed with the back turned.
fn may_have_done_the_part(case: &CaseMeasures<'_>, seen: &SeenPractitioner<'_>) -> bool {
    let certain = case.presence(seen).certain;
    let stayed = certain.union(&case.unaccounted(seen).intersect(&case.sight.a));
    !case.is_short_of(seen, &stayed, case.lead_part_ms().max(1), true)
}

/// Op of people whom nobody named but whom the looks at them tell from the declared lead: badly
/// seen people, and strangers of whom there were too few good looks.
fn op_of_others_unnamed(case: &CaseMeasures<'_>, lead: &PersonId) -> Spans {
    let told = |u: &Unknown<'_>| {
        let (standing, spans) = case.open_for(u, lead);
        let out = u.sum.standing(lead, &case.given.knowledge.policy) == Possibility::Out;
        match standing {
            Possibility::Out => Some(u.op.clone()),
            // Where nobody looked, or the looks speak for them, it may have been they.
            Possibility::Doubtful if out => Some(u.op.minus(&spans)),
            _ => None,
        }
    };
    let of = case
        .unknowns
        .presences
        .iter()
        .filter(|u| u.cause == UnknownCause::Unverified && !u.anybody);
    Spans::from_unsorted(of.filter_map(told).flat_map(|op| op.iter().collect::<Vec<_>>()).collect())
}

/// LL-1: the declared lead was never there, and somebody else operated.
pub(crate) fn ll1(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let lead = case.given.declared_lead()?;
    let recognisable = case.given.known(lead).is_some_and(Practitioner::is_recognisable);
    let enough = case.a_with_pieces() >= p.ll1_activity_min_ms()
        && u64::from(case.sight.door_ppm) >= p.door_visible_min_ppm();
    let mut other = other_operator(case);
    // Who was badly seen is nobody by name, but surely not the lead: the clinic is asked whose
    // session it was, and nobody is accused.
    let is_unnamed = other.op_ms < p.ll1_other_op_ms();
    if is_unnamed {
        let op = op_of_others_unnamed(case, lead);
        other = Other { person: None, op_ms: op.total(), op };
    }
    if !recognisable || !enough || other.op_ms < p.ll1_other_op_ms() {
        return None;
    }
    let absence = absent(case, |id| id == lead)?;
    let in_place = lead_in_place(case);
    let is_mismatch = is_unnamed || in_place.is_some();
    let other = in_place.unwrap_or(other);
    let (kind, severity, basis) = if is_mismatch {
        (FindingKind::RecordMismatch, Severity::L1, RECORDS)
    } else {
        (FindingKind::LicenseLending, Severity::L2, LENDING)
    };
    let severity = by_absence(absence, severity);
    let severity = if another_may_lead(case) { severity.softened() } else { severity };
    let perhaps_stayed = absence == Absence::MayHaveStayed;
    let said = Statement::LeadNeverCame {
        lead: lead.clone(),
        operator: other.person.map(|seen| seen.info.id.clone()),
        sign: if is_mismatch { AbsenceSign::RecordMismatch } else { AbsenceSign::LicenceLent },
        operating_ms: case.sight.a.total(),
        operator_ms: other.op.total(),
        visibility_ppm: case.sight.v.over_a_ppm,
        perhaps_stayed,
    };
    let (subject, begin) = (Subject::Person(lead.clone()), case.sight.a.first().unwrap_or(0));
    let mut draft = Allegation::new(Rule::Ll1, kind, severity, subject, begin, said)
        .person(lead, PartName::DeclaredLead, None)
        .measured(case)
        .span(IntervalName::Operator, &other.op)
        .figure(FigureName::LeadPresentMs, 0)
        .figure(FigureName::LeadPerhapsStayedFlag, u8::from(perhaps_stayed))
        .figure(FigureName::OtherOperatingMs, other.op.total())
        .figure(FigureName::DoorVisiblePpm, case.sight.door_ppm)
        .sure(votes_ppm(other.votes(case)), role_ppm(other.op.total(), p.ll1_other_op_ms()))
        .basis(basis);
    if let Some(seen) = other.person {
        draft = draft.person(&seen.info.id, PartName::Operator, Some(seen.method));
    }
    Some(draft)
}

/// LL-4: somebody operates whose registration is not in force or does not cover this institution.
/// Said during the act.
pub(crate) fn ll4(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let registry_at = case.given.roster?.roster.registry_at;
    let faulty = case.attendance.people.values().filter_map(|seen| {
        let op = operating(case, seen)?;
        let fault = seen.info.status_fault()?;
        let op = if fault == StatusFault::Site { beyond_permits(case, seen, op)? } else { op };
        Some((seen, op, fault))
    });
    // One finding per rule and session: about whoever operated most.
    let (seen, op_spans, fault) = faulty.max_by_key(|(_, op, _)| op.total())?;
    let begin = op_spans.first()?;
    let age = case.given.wall(begin).0.saturating_sub(registry_at.0).max(0).unsigned_abs();
    let fresh = age <= p.registry_age_max_ms();
    let (kind, severity) = if fresh {
        (FindingKind::LicenseLending, Severity::L3)
    } else {
        (FindingKind::RecordMismatch, Severity::L1)
    };
    let id = &seen.info.id;
    let op = op_spans.total();
    let said = Statement::RegistrationDoubtful {
        person: id.clone(),
        fault,
        operator_ms: op,
        registry_old: !fresh,
    };
    Some(
        Allegation::new(Rule::Ll4, kind, severity, Subject::Person(id.clone()), begin, said)
            .person(id, PartName::Operator, Some(seen.method))
            .span(IntervalName::Operator, &op_spans)
            .measured(case)
            .figure(FigureName::OperatorMs, op)
            .figure(FigureName::RegistryAgeMs, age)
            .sure(votes_ppm(seen.votes), role_ppm(op, p.ll4_op_ms()))
            .basis(if fresh { law::status(seen.info.category, fault) } else { STALE }),
    )
}

/// What no exemption and no visiting doctor's pass covers, if long enough for LL-4.
fn beyond_permits(
    case: &CaseMeasures<'_>,
    seen: &SeenPractitioner<'_>,
    op: Spans,
) -> Option<Spans> {
    let covered = case.given.site_covered(seen.info).intersect(&op);
    if covered.is_empty() {
        return Some(op);
    }
    let beyond = op.minus(&covered);
    // What a pass may have covered in the pieces before is not added.
    case.is_operating(&beyond, case.given.knowledge.policy.ll4_op_ms(), beyond.total())
        .then_some(beyond)
}

/// When somebody operated, if long enough for LL-4. At a door nobody is seen operating: whoever was
/// declared to and came in.
fn operating(case: &CaseMeasures<'_>, seen: &SeenPractitioner<'_>) -> Option<Spans> {
    let p = &case.given.knowledge.policy;
    if case.given.doorway {
        return case.given.is_declared(&seen.info.id).then(|| seen.present.clone());
    }
    let in_all = case.op_with_pieces(&seen.info.id, &seen.op);
    case.is_operating(&seen.op, p.ll4_op_ms(), in_all).then(|| seen.op.clone())
}

/// LL-5 in doorway mode: from check-in to check-out the declared lead was inside for less than the
/// lead's own part takes (L2). Who was badly seen may have been the lead coming back (L1).
pub(crate) fn ll5_at_the_door(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let lead = case.given.declared_lead()?;
    let seen = case.attendance.people.get(lead)?;
    let least = case.given.item.map(|_| case.lead_part_ms())?;
    let inside = seen.present.total();
    if inside >= least {
        return None;
    }
    let perhaps_again = !case.unknown_for(|id| id == lead).is_empty();
    let begin = seen.present.first()?;
    let severity = if perhaps_again { Severity::L1 } else { Severity::L2 };
    let said = Statement::LeadShortAtDoor {
        lead: lead.clone(),
        inside_ms: inside,
        least_ms: least,
        perhaps_again,
    };
    let (kind, subject) = (FindingKind::LicenseLending, Subject::Person(lead.clone()));
    Some(
        Allegation::new(Rule::Ll5, kind, severity, subject, begin, said)
            .person(lead, PartName::DeclaredLead, Some(seen.method))
            .span(IntervalName::LeadPresent, &seen.present)
            .figure(FigureName::LeadPresentMs, inside)
            .figure(FigureName::LeadPerhapsAtDoorFlag, u8::from(perhaps_again))
            .figure(FigureName::LeadPartMs, least)
            .figure(FigureName::VisibilityOverIPpm, case.sight.v.over_i_ppm)
            .sure(votes_ppm(seen.votes), 1_000_000)
            .basis(CLOCK_AND_GO),
    )
}

/// LL-5: the declared lead was there, or may have been, but for less than the lead's own part
/// takes, while somebody else operated. `is_absent`: the lead is called absent.
pub(crate) fn ll5(case: &CaseMeasures<'_>, is_absent: bool) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let lead = case.given.declared_lead()?;
    let recognised = case.attendance.people.get(lead);
    let unseen = case
        .given
        .known(lead)
        .filter(|l| l.is_recognisable() && !is_absent)
        .map(SeenPractitioner::by_card);
    let seen = recognised.or(unseen.as_ref())?;
    let other = other_operator(case);
    let Lead { present, severity, left_unseen, away, is_short } = lead_of(case, seen, &other)?;
    // Whom nobody recognised may have done it for all that is known: the clinic is asked.
    let severity = if recognised.is_some() { severity } else { severity.min(Severity::L1) };
    let is_short = is_short && (recognised.is_some() || severity == Severity::L1);
    if !is_short
        || case.sight.a.total() < p.ll1_activity_min_ms()
        || away.total() < p.ll1_other_op_ms()
    {
        return None;
    }
    let in_place = lead_in_place(case);
    let is_lead = in_place.is_some();
    let other = in_place.unwrap_or(other);
    let (kind, severity, basis) = if is_lead {
        (FindingKind::RecordMismatch, severity.min(Severity::L1), RECORDS)
    } else {
        (FindingKind::LicenseLending, severity, CLOCK_AND_GO)
    };
    let pres = share_ppm(present.total(), case.sight.a.total());
    let votes = if recognised.is_some() { seen.votes } else { other.votes(case) };
    let said = Statement::LeadTooShort {
        lead: lead.clone(),
        operating_ms: case.sight.a.total(),
        present_ms: present.total(),
        present_ppm: pres,
    };
    let (subject, begin) = (Subject::Person(lead.clone()), case.sight.a.first().unwrap_or(0));
    let mut draft = Allegation::new(Rule::Ll5, kind, severity, subject, begin, said)
        .person(lead, PartName::DeclaredLead, recognised.map(|s| s.method))
        .measured(case)
        .span(IntervalName::LeadPresent, &present)
        .span(IntervalName::Operator, &other.op)
        .figure(FigureName::LeadPresentMs, present.total())
        .figure(FigureName::LeadPresentPpm, pres)
        .figure(FigureName::LeadPartMs, case.lead_part_ms())
        .figure(FigureName::LeadLeftUnseenFlag, u8::from(left_unseen))
        .figure(FigureName::OtherOperatingMs, other.op.total())
        .sure(votes_ppm(votes), role_ppm(away.total(), p.ll1_other_op_ms()))
        .basis(basis);
    if let Some(other) = other.person {
        draft = draft.person(&other.info.id, PartName::Operator, Some(other.method));
    }
    Some(draft)
}

/// The lead in a case: how long, and what that comes to.
struct Lead {
    present: Spans,
    severity: Severity,
    /// Nobody saw them leave: they may have stayed with the back turned.
    left_unseen: bool,
    away: Spans,
    is_short: bool,
}

/// `None`: what was out of sight does not let it be said.
fn lead_of(
    case: &CaseMeasures<'_>,
    seen: &SeenPractitioner<'_>,
    other: &Other<'_, '_>,
) -> Option<Lead> {
    let p = &case.given.knowledge.policy;
    let TwoBounds { certain, possible } = case.presence(seen);
    let part = case.lead_part_ms();
    // Who vanished inside the room may have stayed with the back turned; a face that left by the
    // door is gone.
    let stayed = certain.union(&case.unaccounted(seen).intersect(&case.sight.a));
    let left_unseen = !case.is_short_of(seen, &stayed, part, false);
    let never_live = !left_unseen && !case.is_short_of(seen, &stayed, part, true);
    let visible = u64::from(case.sight.v.over_i_ppm) >= p.visibility_min_ppm();
    let share = u64::from(share_ppm(possible.total(), case.sight.a.total()));
    let level = if p.ll5_short_level() == 0 { Severity::L0 } else { Severity::L1 };
    let (is_short, severity) = if case.is_short_of(seen, &certain, part, false) {
        (true, if left_unseen || never_live { Severity::L1 } else { Severity::L2 })
    } else {
        (share < p.ll5_presence_min_ppm(), level)
    };
    visible.then(|| Lead {
        away: other.op.minus(&possible),
        present: certain,
        severity,
        left_unseen,
        is_short,
    })
}
