//! Signs the audit log's head as it is due, and sends it to the configured place. One server of
//! several sends; each keeps what it signed.

use std::path::Path;
use std::sync::Arc;

use trust::audit::SignedHead;

use crate::app::App;
use crate::audit_head::ROUND;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::{clock, low_priority, tls_client};

/// Runs until the server stops, and signs once more then.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = app.heads.newest();
    if let Err(problem) = app.blocking(say_if_broken).await {
        tracing::error!("the audit log was not compared with its heads: {}", problem.detail);
    }
    while low_priority::next_round(&mut tick, &mut stopping).await {
        let now = clock::now();
        let signed = app.blocking(|a| {
            if a.heads.due(&a.store, now)? { a.heads.sign(&a.store, now) } else { Ok(false) }
        });
        match signed.await {
            Ok(_) => {}
            Err(problem) => {
                tracing::error!("the audit log's head was not signed: {}", problem.detail);
            }
        }
        let newest = app.heads.newest();
        // Each server keeps what it signed; one sends it away.
        if newest != told && (app.leader.epoch().is_none() || tell(&app, newest.clone()).await) {
            told = newest;
        }
    }
    if let Err(error) = app.heads.sign(&app.store, clock::now()) {
        tracing::error!(%error, "the audit log's last head was not signed");
    }
}

/// A log that was cut or rewritten while no server ran is named at the start, and on the page until
/// it is mended.
fn say_if_broken(app: &App) -> Result<(), StoreError> {
    if let Err(fault) = app.walked.verdict(&app.store, &app.heads)? {
        tracing::error!(entry = fault.entry, "THE AUDIT LOG DOES NOT HOLD: {}", fault.why);
    }
    Ok(())
}

/// Sends a head to the configured place; false where it has to be tried again.
async fn tell(app: &Arc<App>, newest: Option<SignedHead>) -> bool {
    let (Some(head), Some(target)) = (newest, app.config.audit.head_webhook.clone()) else {
        return true;
    };
    let body = match serde_json::to_string(&head) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "the audit log's head does not encode");
            return true;
        }
    };
    let sent = app
        .waiting(move |a| {
            Ok::<_, Problem>(post(a.config.outgoing.ca_file.as_deref(), &target, &body))
        })
        .await;
    let fault = match sent {
        Ok(Ok(())) => return true,
        Ok(Err(fault)) => fault,
        Err(problem) => problem.detail,
    };
    tracing::warn!(
        "`audit.head_webhook` did not take the audit log's head, it is tried again: {fault}"
    );
    false
}

fn post(ca_file: Option<&Path>, target: &str, body: &str) -> Result<(), String> {
    let agent = tls_client::http(ca_file)?;
    let answer = agent
        .post(target)
        .header("Content-Type", "application/json")
        .send(body)
        .map_err(|e| tls_client::explained(&e, "outgoing.ca_file"))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(status.to_string()) }
}
