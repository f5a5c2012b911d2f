//! Self-inspection at work beside the rules across days: how much of a period could be judged, what
//! the records say of each answer, which corrections are wanted, and what closes one.
//!
//! Decides nothing itself: `self_check::{facts, mismatch, correction}` do, and they are pure.

use jiff::{SignedDuration, Timestamp};
use protocol::names::RuleCode;

use crate::alert;
use crate::clock::At;
use crate::ids::AlertId;
use crate::rules::{DAY_MS, Numbers, SessionOutcome};
use crate::self_check::FactQuery;
use crate::self_check::correction::{Answered, CorrectionAction, CorrectionVerdict, judged};
use crate::self_check::facts::AlertFact;
use crate::self_check::mismatch::{CheckFact, day_ms};
use crate::store::{
    Correction, CorrectionSource, Dossier, NewCorrection, Store, StoreError, Uncorrected,
};

/// A session's report may come as late as this.
const SETTLES_MS: i64 = DAY_MS;

/// Counts anew what could not be judged, of periods whose sessions are all still known; of earlier
/// ones it stays as it was counted then.
pub fn freshen(
    store: &Store,
    dossier: &mut Dossier,
    from: At,
    now: Timestamp,
) -> Result<(), StoreError> {
    let outcomes = std::mem::take(&mut dossier.outcomes);
    for check in &mut dossier.compared.checks {
        if day_ms(check.from) > from.ms() {
            check.not_assessable_ppm = not_assessable(check, &outcomes, now.as_millisecond());
        }
    }
    dossier.outcomes = outcomes;
    for check in &dossier.compared.checks {
        let agreement = check.agreement(&dossier.compared.alerts);
        store.put_agreement(&check.id, &agreement, check.not_assessable_ppm)?;
    }
    Ok(())
}

fn not_assessable(check: &CheckFact, outcomes: &[SessionOutcome], now_ms: i64) -> u32 {
    let counted = |o: &&SessionOutcome| {
        !o.cancelled && check.covers(o.start_ms) && o.end_ms <= now_ms - SETTLES_MS
    };
    let all = outcomes.iter().filter(counted).count() as u64;
    let not = outcomes.iter().filter(counted).filter(|o| !o.assessable()).count() as u64;
    (not * 1_000_000).checked_div(all).and_then(|ppm| u32::try_from(ppm).ok()).unwrap_or(0)
}

/// Opens the corrections that are wanted, and closes those of which the records tell.
pub fn keep(
    store: &Store,
    dossier: &Dossier,
    numbers: &Numbers,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = dossier.institution.id.as_str();
    let mut wanted = of_alerts(store, id, numbers)?;
    wanted.extend(of_answers(&dossier.compared.checks, numbers));
    store.open_corrections(id, &wanted)?;
    let assessable = dossier.outcomes.iter().filter(|o| o.assessable());
    let assessable_ms: Vec<i64> = assessable.map(|o| o.start_ms).collect();
    for it in store.answered_corrections(id)? {
        let ms = |at: Option<At>| at.unwrap_or(it.opened_at).ms();
        let answered = Answered {
            first_ms: ms(it.handling.first_answer()),
            last_ms: ms(it.handling.answered_at),
        };
        let alerts = &dossier.compared.alerts;
        let now_ms = now.as_millisecond();
        let rules = rules_of(&it, alerts);
        if let Some(verdict) = judged(answered, &rules, alerts, &assessable_ms, now_ms) {
            let now = At::from(now);
            store.take_correction_step(
                &it.id,
                &CorrectionAction::Facts(verdict),
                None,
                ("", now),
            )?;
            if verdict == CorrectionVerdict::Verified && it.source == CorrectionSource::Alert {
                leave_the_inbox(store, &it.object.parse()?, now)?;
            }
        }
    }
    Ok(())
}

/// What came into an alert since its correction was opened ends with it, and is asked about, too.
fn rules_of(it: &Correction, alerts: &[AlertFact]) -> Vec<RuleCode> {
    let of_it =
        |alert: &&AlertFact| it.source == CorrectionSource::Alert && alert.alert == it.object;
    let later = alerts.iter().filter(of_it).flat_map(|alert| alert.rules.iter().cloned());
    it.rules.iter().cloned().chain(later).collect()
}

/// An L1 that nobody has looked at ends with its correction; whatever else it has become stays
/// where people have it.
fn leave_the_inbox(store: &Store, alert: &AlertId, now: At) -> Result<(), StoreError> {
    let is_l1 = store.alert(alert)?.is_some_and(|alert| alert.severity == 1);
    if !is_l1 {
        return Ok(());
    }
    match store.take_step(alert, "facts", &alert::AlertAction::Corrected, "", now) {
        Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// 72 h from an L1 [D].
fn due(from: At, numbers: &Numbers) -> At {
    from + SignedDuration::from_hours(numbers.due_l1_h)
}

fn of_alerts(
    store: &Store,
    institution: &str,
    numbers: &Numbers,
) -> Result<Vec<NewCorrection>, StoreError> {
    let found = store.uncorrected(institution)?;
    Ok(found
        .into_iter()
        .map(|Uncorrected { alert, rules, received_at }| NewCorrection {
            source: CorrectionSource::Alert,
            object: alert.to_string(),
            rules,
            due_at: due(received_at, numbers),
            opened_at: received_at,
        })
        .collect())
}

/// A "no" of the latest revision is mended like a finding.
fn of_answers(checks: &[CheckFact], numbers: &Numbers) -> Vec<NewCorrection> {
    let mut wanted = Vec::new();
    for check in checks {
        let Some(handed) = check.handed.last() else { continue };
        let at = At::of_ms(handed.at_ms);
        for item in check.form.items.iter().filter(|item| item.severity_if_no > 0) {
            if handed.answers.get(&item.code).is_some_and(|answer| answer == "no") {
                let rules = item.fact.map(FactQuery::rules).unwrap_or_default();
                wanted.push(NewCorrection {
                    source: CorrectionSource::Answer,
                    object: format!("{} {}", check.id, item.code),
                    rules: rules.iter().map(|rule| (*rule).clone()).collect(),
                    due_at: due(at, numbers),
                    opened_at: at,
                });
            }
        }
    }
    wanted
}
