//! Tells people and machines beyond the pages: signed webhooks and e-mail, by severity, with quiet
//! hours and escalation; and each person of the own work, by the ways of the own settings.
//!
//! A delivery is a row before anything is sent, and stays one: the log. It is tried until it is
//! taken or given up. Nothing goes anywhere that the configuration does not name (P12), and a
//! message holds ids and figures, never a name.

mod mail;
pub mod personal;
mod personal_text;
pub mod plan;
mod robot;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::app::App;
use crate::clock::{self, At};
use crate::low_priority;
use crate::store::{self, Came, Hook, HookDelivery, HookKind, StoreError};
use crate::tls_client;

/// How often is looked for what is new and what is due.
const ROUND: Duration = Duration::from_secs(1);
const AT_ONCE: u32 = 20;
/// How often is looked for terms that run out.
const TERMS_EVERY: Duration = Duration::from_mins(1);

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut terms_at = tokio::time::Instant::now();
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        if let Err(problem) = app.leading(round).await {
            tracing::error!("not everybody was told: {}", problem.detail);
        }
        if terms_at > tokio::time::Instant::now() {
            continue;
        }
        terms_at = tokio::time::Instant::now() + TERMS_EVERY;
        if let Err(problem) = app.leading(|a| personal::tell_terms(a, clock::now())).await {
            tracing::error!("nobody was told of terms: {}", problem.detail);
        }
    }
}

/// One look: plans what the feed asks for, escalates what nobody took up, sends what is due.
fn round(app: &App) -> Result<(), StoreError> {
    let (now, zone) = (clock::now(), clock::zone());
    let at = At::from(now);
    app.store.plan_deliveries(at, |hooks, event, jurisdiction| {
        plan::deliveries(hooks, event, jurisdiction, now, &zone)
    })?;
    app.store.take_escalations(
        at,
        |minutes| at - SignedDuration::from_mins(minutes),
        |to, severity, jurisdiction| plan::escalation(to, severity, jurisdiction, now, &zone),
    )?;
    personal::plan_messages(app, now, &zone)?;
    let due = app.store.due_deliveries(at, AT_ONCE)?;
    if due.is_empty() {
        return Ok(());
    }
    app.store.note_seen(due.iter().filter_map(|d| d.alert.as_ref()), at)?;
    let hooks = app.store.hooks()?;
    let epoch = store::current();
    // Side by side: one target that does not answer holds nobody else up.
    std::thread::scope(|scope| {
        for delivery in &due {
            let hook = hooks.iter().find(|h| h.id == delivery.hook && h.enabled);
            scope.spawn(move || store::under(epoch, || one(app, hook, delivery)));
        }
    });
    Ok(())
}

fn one(app: &App, hook: Option<&Hook>, delivery: &HookDelivery) {
    let sent = match (personal::Way::parse(&delivery.hook), hook) {
        (Some(way), _) => personal::send(app, &way, delivery),
        (None, Some(hook)) => send(app, hook, delivery),
        (None, None) => Err(DeliveryRefused::ForGood("the hook is disabled or gone".to_owned())),
    };
    let (came, answer) = match sent {
        Ok(answer) => (Came::Delivered, answer),
        Err(DeliveryRefused::ForGood(fault)) => (Came::Failed, fault),
        Err(DeliveryRefused::ForNow(fault)) => {
            let next = plan::again(clock::now(), delivery.attempts + 1);
            (next.map_or(Came::Failed, |at| Came::Again(at.into())), fault)
        }
    };
    let answer = clock::clip(&answer.replace(['\n', '\r'], " "), 300);
    if let Err(error) = app.store.delivered(delivery.id, &came, &answer, At::now()) {
        tracing::error!(delivery = delivery.id, %error, "what came of a delivery was not written \
            down");
    }
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryRefused {
    /// It is tried again.
    ForNow(String),
    /// The other side says that it never takes it.
    ForGood(String),
}

impl From<String> for DeliveryRefused {
    fn from(fault: String) -> Self {
        Self::ForNow(fault)
    }
}

impl From<&str> for DeliveryRefused {
    fn from(fault: &str) -> Self {
        Self::ForNow(fault.to_owned())
    }
}

fn send(app: &App, hook: &Hook, delivery: &HookDelivery) -> Result<String, DeliveryRefused> {
    match hook.kind {
        HookKind::Email => mail::send(&app.config, &hook.target, delivery),
        HookKind::Webhook => {
            app.config.outgoing.allows(&hook.target)?;
            let sealed = app
                .store
                .hook_secret(&hook.id)
                .map_err(|e| e.to_string())?
                .ok_or("the hook has no secret")?;
            let secret =
                app.master.open(&secret_label(&hook.id), &sealed).map_err(|e| e.to_string())?;
            post(app.config.outgoing.ca_file.as_deref(), &hook.target, &secret, delivery)
        }
    }
}

pub fn secret_label(hook: &str) -> String {
    format!("webhook {hook}")
}

fn post(
    ca_file: Option<&Path>,
    target: &str,
    secret: &[u8],
    delivery: &HookDelivery,
) -> Result<String, DeliveryRefused> {
    let at = clock::now().as_second();
    let signature = plan::signature(secret, at, &delivery.body).ok_or("not signed")?;
    let answer = tls_client::http(ca_file)
        .map_err(DeliveryRefused::ForNow)?
        .post(target)
        .header("Content-Type", "application/json")
        .header("X-Zaigang-Event", delivery.event.code())
        .header("X-Zaigang-Delivery", &delivery.id.to_string())
        .header("X-Zaigang-Signature", &signature)
        .send(&delivery.body)
        .map_err(|e| tls_client::explained(&e, "outgoing.ca_file"))?;
    let status = answer.status();
    if status.is_success() {
        Ok(status.to_string())
    } else {
        Err(DeliveryRefused::ForNow(status.to_string()))
    }
}
