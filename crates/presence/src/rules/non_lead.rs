//! 非主诊医师独立执业: NL-1 physicians, NL-2 nurses and technicians, NL-3 assistants and trainees,
//! NL-4 grade and filing.

use super::draft::Allegation;
use super::measures::{absent, by_absence, nl_need_ms, role_ppm, votes_ppm};
use crate::case::{CaseMeasures, SeenPractitioner};
use crate::finding::{FindingKind, Rule, Severity, Subject};
use crate::law::{self, GRADE, NON_LEAD, NURSES};
use crate::names::{FigureName, IntervalName, PartName};
use crate::spans::{Spans, share_ppm};
use crate::{
    ItemKind, MinOperator, PassKind, PersonId, PractitionerCategory as Category, Statement,
};

/// Of those for whom `who` holds, whoever operated most and at least `need`; the lesser id at equal
/// times. `in_all`: with what they did in the pieces before.
fn most<'c, 'a>(
    case: &'c CaseMeasures<'a>,
    need: u64,
    op: impl Fn(&SeenPractitioner<'a>) -> Spans,
    in_all: impl Fn(&PersonId, &Spans) -> u64,
    who: impl Fn(&SeenPractitioner<'a>) -> bool,
) -> Option<(&'c SeenPractitioner<'a>, Spans)> {
    let operated = case.attendance.people.values().filter(|s| who(s)).map(|s| (s, op(s)));
    let enough =
        |s: &SeenPractitioner<'_>, op: &Spans| op.total() > 0 && in_all(&s.info.id, op) >= need;
    operated.filter(|(s, op)| enough(s, op)).rev().max_by_key(|(_, op)| op.total())
}

/// Least g and least gap for the item's kind; `None`: only the complete absence counts.
fn presence_demanded(case: &CaseMeasures<'_>) -> Option<(u64, u64)> {
    let p = &case.given.knowledge.policy;
    match case.given.kind? {
        ItemKind::Surgery | ItemKind::Injection | ItemKind::Thread => {
            Some((p.nl1_share_invasive_ppm(), p.nl1_gap_invasive_ms()))
        }
        ItemKind::EnergyDevice => Some((p.nl1_share_energy_ppm(), p.nl1_gap_energy_ms())),
        ItemKind::Other => None,
    }
}

fn is_invasive(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Surgery | ItemKind::Injection | ItemKind::Thread)
}

/// NL-1: a physician who is no lead for the item operates without a lead, or with one who is there
/// too little.
pub(crate) fn nl1(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let kind = case.given.kind?;
    let need = nl_need_ms(case);
    let physician = |s: &SeenPractitioner<'_>| {
        s.info.category == Category::LicensedPhysician && !case.given.leads.contains(&s.info.id)
    };
    let in_all = |id: &PersonId, op: &Spans| case.unled_with_pieces(id, op);
    let (seen, op) = most(case, need, |s| s.op.clone(), in_all, physician)?;
    let id = &seen.info.id;
    let base = |severity, first, said| {
        let (kind, subject) = (FindingKind::NonLeadOperating, Subject::Person(id.clone()));
        Allegation::new(Rule::Nl1, kind, severity, subject, first, said)
            .person(id, PartName::Operator, Some(seen.method))
            .measured(case)
            .span(IntervalName::Operator, &op)
            .figure(FigureName::OperatorMs, op.total())
            .figure(FigureName::OperatorNeededMs, need)
            .sure(votes_ppm(seen.votes), role_ppm(op.total(), need))
            .basis(NON_LEAD)
    };
    if let Some(absence) = absent(case, |p| case.given.leads.contains(p)) {
        let severity =
            by_absence(absence, if is_invasive(kind) { Severity::L3 } else { Severity::L2 });
        let p = &case.given.knowledge.policy;
        let said = Statement::NonLeadUnled {
            person: id.clone(),
            operator_ms: op.total(),
            before_ms: p.window_before_ms(),
            after_ms: p.window_after_ms(),
        };
        return Some(base(severity, op.first()?, said).figure(FigureName::LeadSharePpm, 0));
    }
    let said =
        if case.given.knowledge.policy.nl1_gap_level() >= 2 { Severity::L2 } else { Severity::L1 };
    let lead = |id: &PersonId| case.given.leads.contains(id);
    // A face that was never seen alive may have been a lead's: without it the clinic is asked.
    let little = little_lead(case, &op, &case.unknown_for(lead)).map(|little| (little, said));
    let little = little
        .or_else(|| Some((little_lead(case, &op, &case.unknown_alive_for(lead))?, Severity::L1)));
    little.map(|(Little { share_ppm: g, gap, present, perhaps }, level)| {
        let (from, to) = gap;
        let said = Statement::NonLeadLittleLed {
            person: id.clone(),
            operator_ms: op.total(),
            lead_ppm: g,
            gap_ms: to - from,
        };
        base(level, from, said)
            .figure(FigureName::LeadSharePpm, g)
            .figure(FigureName::LeadGapMs, to - from)
            .figure(FigureName::LeadPerhapsMs, perhaps.total())
            .span(IntervalName::LeadPresent, &present)
            .span(IntervalName::LeadPerhaps, &perhaps)
            .span(IntervalName::LeadGap, &Spans::one(from, to))
    })
}

/// A lead who was there too little.
struct Little {
    /// g.
    share_ppm: u32,
    /// The longest time without a lead in which the non-lead operated.
    gap: (u64, u64),
    present: Spans,
    /// When somebody who may have been a lead was there, or the view was blind: it counted for
    /// the non-lead.
    perhaps: Spans,
}

/// `unknown`: when somebody was there who may have been a lead.
fn little_lead(case: &CaseMeasures<'_>, op: &Spans, unknown: &Spans) -> Option<Little> {
    let (share, gap) = presence_demanded(case)?;
    let present =
        case.presence_of(|s| case.given.leads.contains(&s.info.id)).intersect(&case.sight.a);
    // Whatever could have been a lead counts for the non-lead.
    let perhaps = present.union(unknown).union(&case.sight.blind).intersect(&case.sight.a);
    let alone = case.sight.a.minus(&perhaps);
    let used = |s: &(u64, u64)| !op.intersect(&Spans::one(s.0, s.1)).is_empty();
    let gap_used = alone.iter().filter(used).max_by_key(|s| s.1 - s.0)?;
    let p = &case.given.knowledge.policy;
    // Short gaps add up: who comes for a minute now and then guides nobody.
    let short: u64 =
        alone.iter().filter(used).map(|s| s.1 - s.0).filter(|ms| *ms >= p.nl1_short_gap_ms()).sum();
    let often = u64::from(share_ppm(short, case.sight.a.total())) >= p.nl1_short_gaps_ppm();
    let long = gap_used.1 - gap_used.0 >= gap;
    let little =
        u64::from(share_ppm(perhaps.total(), case.sight.a.total())) < share && (long || often);
    let perhaps = perhaps.minus(&present);
    little.then(|| Little {
        share_ppm: share_ppm(present.total(), case.sight.a.total()),
        gap: gap_used,
        present,
        perhaps,
    })
}

/// Whether one of these people may have been there for half of A, seen alive or out of sight.
fn perhaps_half(case: &CaseMeasures<'_>, who: impl Fn(&PersonId) -> bool) -> bool {
    let there = case
        .presence_of(|s| who(&s.info.id))
        .union(&case.unknown_alive_for(&who))
        .union(&case.sight.blind)
        .intersect(&case.sight.a);
    let share = u64::from(share_ppm(there.total(), case.sight.a.total()));
    share >= case.given.knowledge.policy.nl2_share_ppm()
}

/// NL-2: a nurse or technician operates where the item asks for a physician.
pub(crate) fn nl2(case: &CaseMeasures<'_>) -> Option<Allegation> {
    if case.given.item?.min_operator != MinOperator::Physician {
        return None;
    }
    let need = nl_need_ms(case);
    let who = |s: &SeenPractitioner<'_>| {
        matches!(s.info.category, Category::Nurse | Category::Technician)
    };
    let in_all = |id: &PersonId, op: &Spans| case.unaided_with_pieces(id, op);
    let (seen, op) = most(case, need, |s| case.unaided(s), in_all, who)?;
    let is_lead = |s: &SeenPractitioner<'_>| case.given.leads.contains(&s.info.id);
    let lead_there = !case.presence_of(is_lead).is_empty();
    let severity = if let Some(absence) = absent(case, |p| case.given.leads.contains(p)) {
        by_absence(absence, Severity::L2)
    } else if perhaps_half(case, |p| case.given.leads.contains(p)) {
        // Half of the time is possible: with a lead seen it is counted, without one it is open.
        match (lead_there, case.given.knowledge.policy.nl2_with_lead_level()) {
            (true, 0) => Severity::L0,
            (true, _) => Severity::L1,
            (false, _) => return None,
        }
    } else {
        Severity::L1
    };
    let said = Statement::NotAPhysician {
        person: seen.info.id.clone(),
        operator_ms: op.total(),
        lead_there,
    };
    Some(below_scope(Rule::Nl2, severity, case, (seen, &op, need), NURSES, said))
}

/// NL-3: an assistant physician or trainee operates and no supervisor is there.
pub(crate) fn nl3(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let need = nl_need_ms(case);
    let who = |s: &SeenPractitioner<'_>| {
        matches!(s.info.category, Category::AssistantPhysician | Category::Trainee)
            && unsupervised(case, &s.info.id).is_some()
    };
    let in_all = |id: &PersonId, op: &Spans| case.unaided_with_pieces(id, op);
    let (seen, op) = most(case, need, |s| case.unaided(s), in_all, who)?;
    let severity = unsupervised(case, &seen.info.id)?;
    let looked_in = !case.presence_of(|s| supervises(case, &s.info.id, &seen.info.id)).is_empty();
    let said = Statement::Unsupervised {
        person: seen.info.id.clone(),
        operator_ms: op.total(),
        looked_in,
    };
    let basis = law::supervised(seen.info.category);
    Some(below_scope(Rule::Nl3, severity, case, (seen, &op, need), basis, said))
}

/// How grave it is that nobody supervised; `None`: somebody may have. Who was there for less than
/// the lead's own part takes, or may have been for less than half of A, leaves a doubt: the clinic
/// is asked.
fn unsupervised(case: &CaseMeasures<'_>, whom: &PersonId) -> Option<Severity> {
    let who = |id: &PersonId| supervises(case, id, whom);
    if let Some(absence) = absent(case, who) {
        return Some(by_absence(absence, Severity::L2));
    }
    let seen = case.presence_of(|s| who(&s.info.id)).intersect(&case.sight.a);
    let short = seen.total() < case.lead_part_ms() && !perhaps_half(case, who);
    short.then_some(Severity::L1)
}

/// A lead supervises anybody, a pass names a trainee's supervisor, and any physician guides an
/// assistant physician.
fn supervises(case: &CaseMeasures<'_>, person: &PersonId, whom: &PersonId) -> bool {
    let k = case.given.knowledge;
    let (from, to) =
        (case.given.wall(case.given.bounds.start), case.given.wall(case.given.bounds.end_seen));
    let named = matches!(k.pass_of(whom, from, to).map(|p| &p.kind),
        Some(PassKind::Trainee { supervisor }) if supervisor == person);
    let trainee_with_pass =
        k.pass_of(whom, from, to).is_some_and(|p| matches!(p.kind, PassKind::Trainee { .. }));
    let physician =
        case.given.known(person).is_some_and(|p| p.category == Category::LicensedPhysician);
    case.given.leads.contains(person)
        || named
        || (physician && !trainee_with_pass && person != whom)
}

/// The draft of NL-2 and NL-3: somebody below the item's scope operated alone.
fn below_scope(
    rule: Rule,
    severity: Severity,
    case: &CaseMeasures<'_>,
    (seen, op, need): (&SeenPractitioner<'_>, &Spans, u64),
    basis: &'static [crate::Basis],
    said: Statement,
) -> Allegation {
    let id = &seen.info.id;
    let (kind, subject) = (FindingKind::NonLeadOperating, Subject::Person(id.clone()));
    Allegation::new(rule, kind, severity, subject, op.first().unwrap_or(0), said)
        .person(id, PartName::Operator, Some(seen.method))
        .measured(case)
        .span(IntervalName::Operator, op)
        .figure(FigureName::OperatorMs, op.total())
        .figure(FigureName::OperatorNeededMs, need)
        .sure(votes_ppm(seen.votes), role_ppm(op.total(), need))
        .basis(basis)
}

/// NL-4: the item is above the institution's grade, or not filed. Needs no face; said when the
/// session starts.
pub(crate) fn nl4(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let item = case.given.item?;
    let room = case.given.knowledge.room.as_ref()?;
    let ceiling = room.institution.ceiling.0;
    let grade = item.surgery_grade.unwrap_or(0);
    let above = grade > ceiling;
    if case.given.now.0 < case.given.bounds.start || (!above && item.filed_here) {
        return None;
    }
    let said = if above {
        Statement::AboveGrade { item: item.id.clone(), grade, ceiling }
    } else {
        Statement::NotFiled { item: item.id.clone() }
    };
    let (kind, begin) = (FindingKind::NonLeadOperating, case.given.bounds.start);
    let mut draft = Allegation::new(Rule::Nl4, kind, Severity::L2, Subject::Session, begin, said)
        .figure(FigureName::SurgeryGradeCount, grade)
        .figure(FigureName::GradeCeilingCount, ceiling)
        .figure(FigureName::ItemFiledFlag, u8::from(item.filed_here))
        .basis(GRADE);
    if let Some(lead) = case.given.declared_lead() {
        let method = case.attendance.people.get(lead).map(|s| s.method);
        draft = draft.person(lead, PartName::DeclaredLead, method);
    }
    Some(draft)
}
