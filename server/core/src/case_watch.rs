//! Tells of cases whose term is over: once per term, to whoever has the case (else the supervisors
//! of its jurisdiction) and to every hook that hears of such alerts. It blocks nothing and decides
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde::Serialize;

use crate::alert::AlertState;
use crate::app::App;
use crate::calendar::Calendar;
use crate::clock::At;
use crate::ids::AccountId;
use crate::legal;
use crate::message::NotificationKind;
use crate::notify::personal::told_of_term;
use crate::notify::plan;
use crate::penalty_case::{ActingSide, CaseClock, INSTITUTION, Reading};
use crate::store::{Alert, DeliveryEvent, NewDelivery, NewMessage, StoreError};
use crate::{clock, low_priority, quiet_hours};

/// Terms are days: a look each minute tells of a late one soon after midnight.
const ROUND: Duration = Duration::from_mins(1);

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        if let Err(problem) = app.leading(|a| round(a, clock::today())).await {
            tracing::error!("late cases were not told of: {}", problem.detail);
        }
    }
}

/// A closed case is looked at for that long after its decision, or after that was quashed: what is
/// published by then, or withdrawn, has terms of 20 and 3 working days.
const CLOSED_DAYS: i64 = 120;

/// From which day on closed cases are looked at.
pub fn since(today: Date) -> Date {
    today.checked_sub(jiff::Span::new().days(CLOSED_DAYS)).unwrap_or(Date::MIN)
}

/// One look; gives how many terms were told of for the first time.
pub fn round(app: &App, today: Date) -> Result<usize, StoreError> {
    let mut running = app.store.running_cases()?;
    running.extend(app.store.lately_decided_cases(since(today))?);
    if running.is_empty() {
        return Ok(0);
    }
    let (calendar, table) = (Calendar::new(app.store.workdays()?), legal::table(&app.store)?);
    let by = Reading { calendar: &calendar, table: &table, today };
    let mut told = 0;
    for alert in running {
        let clocks = app.store.penalty_case(&alert.id)?.clocks(by);
        for late in clocks.iter().filter(|c| c.late && c.whose == ActingSide::Authority) {
            told += usize::from(tell(app, &alert, late)?);
        }
    }
    Ok(told)
}

/// What is told: ids, the term and its day; nobody's name.
#[derive(Serialize)]
struct Late<'a> {
    event: &'static str,
    number: i64,
    data: LateData<'a>,
}

#[derive(Serialize)]
struct LateData<'a> {
    alert: &'a str,
    number: i64,
    severity: String,
    state: AlertState,
    raised_at: At,
    due: &'static str,
    due_zh: &'static str,
    due_en: &'static str,
    on: String,
}

fn tell(app: &App, alert: &Alert, late: &CaseClock) -> Result<bool, StoreError> {
    let (now, zone) = (clock::now(), clock::zone());
    let at = At::from(now);
    let party = match late.party {
        INSTITUTION => String::new(),
        person => format!(" {person}"),
    };
    let what = format!("case {} {} {}{party}", alert.id, late.due.code(), late.deadline.on);
    if !app.store.first_time(&what, at)? {
        return Ok(false);
    }
    tracing::warn!(
        alert = alert.number.for_authority(),
        due = late.due.code(),
        "a term of a case is over"
    );
    let event = DeliveryEvent::CaseLate;
    let data = LateData {
        alert: &alert.id,
        number: alert.number.for_authority(),
        severity: format!("L{}", alert.severity),
        state: alert.case.state,
        raised_at: alert.raised_at,
        due: late.due.code(),
        due_zh: late.due.zh(),
        due_en: late.due.en(),
        on: late.deadline.on.to_string(),
    };
    let accounts = app.store.accounts()?;
    let message = |account: AccountId| NewMessage {
        account,
        kind: NotificationKind::CaseLate,
        about: alert.id.to_string(),
        number: Some(alert.number.for_authority()),
        by: String::new(),
    };
    let messages: Vec<NewMessage> =
        told_of_term(&accounts, alert).into_iter().map(message).collect();
    app.store.tell(&messages, at)?;
    let number = alert.number.for_authority();
    let body = serde_json::to_string(&Late { event: event.code(), number, data })?;
    for hook in app.store.hooks()? {
        if plan::hears(&hook, alert.severity, &alert.jurisdiction) {
            let next_at = quiet_hours::not_before(now, hook.quiet, alert.severity, &zone).into();
            let alert = Some(alert.id.clone());
            let (hook, body) = (hook.id, body.clone());
            app.store.add_delivery(
                &NewDelivery { hook: hook.to_string(), event, alert, body, next_at },
                at,
            )?;
        }
    }
    Ok(true)
}
