//! Which rules abstain in a session that is assessable, and why: their silence then says nothing.
//! Each question is asked where the rule itself fell silent; a rule that spoke is decided.

use super::draft::Allegation;
use super::licence_lending::another_may_lead;
use super::measures::{absence, nl_need_ms, not_seen};
use crate::absence::{Absence, TwoBounds};
use crate::case::CaseMeasures;
use crate::finding::{Rule, Severity, Undecided};
use crate::names::AbstentionReason;

/// The rules that abstain in a session, given what was said of it.
pub(crate) fn undecided(case: &CaseMeasures<'_>, said: &[Allegation]) -> Vec<Undecided> {
    if case.given.doorway || !case.faults().is_empty() {
        return Vec::new();
    }
    let mut open = vec![
        (Rule::Ll4, unknown_operator(case)),
        (Rule::Uq1, super::unlicensed::uq1_blocked(case).or_else(|| unknown_operator(case))),
        (Rule::Uq2, unknown_operator(case)),
    ];
    if case.given.session.is_some() {
        let leads = || lead_question(case);
        open.extend([(Rule::Ll1, ll1(case)), (Rule::Ll5, ll5(case))]);
        open.extend([
            (Rule::Nl1, leads()),
            (Rule::Nl2, leads()),
            (Rule::Nl3, leads()),
            (Rule::Uq3, scope_question(case)),
        ]);
    }
    // What a rule says to the clinic alone while its own question is open decides nothing.
    let silent = |rule: Rule| said.iter().all(|d| d.rule != rule || d.severity <= Severity::L1);
    let open =
        open.into_iter().filter_map(|(rule, reason)| Some(Undecided { rule, reason: reason? }));
    let mut open: Vec<Undecided> = open.filter(|u| silent(u.rule)).collect();
    open.sort_unstable();
    open
}

/// Somebody INDETERMINATE operated densely enough for the rules that ask who it was.
fn unknown_operator(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    let p = &case.given.knowledge.policy;
    (case.unknowns.unexplained.densest(p.uq_window_ms()) >= p.uq_op_ms())
        .then_some(AbstentionReason::Operator)
}

/// Somebody INDETERMINATE operated long enough for the rules about the scope of practice.
fn scope_question(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    (case.unknowns.unexplained.total() >= nl_need_ms(case)).then_some(AbstentionReason::Operator)
}

/// NL-1 to NL-3: no lead was recognised, and either that cannot be called an absence, or nobody
/// knows who operated.
fn lead_question(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    let lead = |id: &crate::PersonId| case.given.leads.contains(id);
    if !not_seen(case, lead) {
        return None;
    }
    if is_open(absence(case, lead)) {
        Some(AbstentionReason::Absence)
    } else {
        scope_question(case)
    }
}

fn ll1(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    let p = &case.given.knowledge.policy;
    let lead = case.given.declared_lead()?;
    let is_lead = |id: &crate::PersonId| id == lead;
    if !not_seen(case, is_lead) || case.sight.a.total() < p.ll1_activity_min_ms() {
        return None;
    }
    if !case.given.known(lead).is_some_and(|l| l.has_template && l.confirmed) {
        return Some(AbstentionReason::Roster);
    }
    if u64::from(case.sight.door_ppm) < p.door_visible_min_ppm() {
        return Some(AbstentionReason::Door);
    }
    if is_open(absence(case, is_lead)) || another_may_lead(case) {
        Some(AbstentionReason::Absence)
    } else {
        unknown_operator(case)
    }
}

fn is_open(absence: Absence) -> bool {
    matches!(absence, Absence::Open | Absence::MayHaveStayed)
}

/// LL-5: the lead was there for less than asked, and only who or what was not made out might fill
/// the rest.
fn ll5(case: &CaseMeasures<'_>) -> Option<AbstentionReason> {
    let p = &case.given.knowledge.policy;
    let lead = case.given.declared_lead()?;
    let Some(seen) = case.attendance.people.get(lead) else {
        // Not recognised at all: they may have been there for a little while, or not.
        return (!case.unknown_for(|id| id == lead).is_empty())
            .then_some(AbstentionReason::Absence);
    };
    let TwoBounds { certain, .. } = case.presence(seen);
    let part = case.lead_part_ms();
    let visible = u64::from(case.sight.v.over_i_ppm) >= p.visibility_min_ppm();
    if certain.total() >= part || case.sight.a.total() < p.ll1_activity_min_ms() {
        return None;
    }
    // Who vanished inside the room may have stayed with the back turned.
    let stayed = certain.union(&case.unaccounted(seen).intersect(&case.sight.a));
    let told = visible && case.is_short_of(seen, &stayed, part, true);
    if told { unknown_operator(case) } else { Some(AbstentionReason::Absence) }
}
