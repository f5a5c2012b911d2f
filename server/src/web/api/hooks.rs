//! `/api/v1/hooks` and `/api/v1/deliveries`: who is told of alerts beyond the pages, and the log of
//! it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip};
use crate::ids::HookId;
use crate::notify;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{DeliveryEvent, Hook, HookDelivery, HookKind, NewDelivery, Quiet};
use crate::vault::Key;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::ADMIN;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/hooks", get_hooks)
            .roles(ADMIN)
            .summary("Webhooks and mailboxes that are told of alerts"),
        Endpoint::post("/api/v1/hooks", post_hook)
            .roles(ADMIN)
            .audited()
            .summary("Add a webhook or mailbox; a webhook's secret is shown once"),
        Endpoint::post("/api/v1/hooks/{id}/steps", post_step)
            .roles(ADMIN)
            .audited()
            .summary("Test, disable or enable a hook"),
        Endpoint::get("/api/v1/deliveries", get_deliveries)
            .roles(ADMIN)
            .summary("What was told to whom, newest first"),
    ]
}

#[derive(Debug, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct HookBody {
    /// A name: 1 to 64 of `a-z A-Z 0-9 . _ -`.
    pub id: String,
    pub kind: HookKind,
    /// An address whose origin the configuration names, or a mailbox.
    pub target: String,
    /// 0 to 3.
    #[serde(default)]
    pub min_severity: u8,
    /// A prefix; empty for all.
    #[serde(default)]
    pub jurisdiction: String,
    /// Also what is strengthened, closed or moved on.
    #[serde(default)]
    pub states: bool,
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// Minutes, 1 to 10080.
    #[serde(default)]
    pub escalate_after_min: Option<i64>,
    /// Another hook.
    #[serde(default)]
    pub escalate_to: Option<String>,
}

impl HookBody {
    fn check(&self, app: &App, known: &[Hook]) -> Result<(), String> {
        self.id.parse::<protocol::id::DeviceId>().map_err(|_| {
            "id: use 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or digit".to_owned()
        })?;
        match self.kind {
            HookKind::Webhook => app.config.outgoing.allows(&self.target)?,
            HookKind::Email if app.config.outgoing.smtp.is_none() => {
                return Err("kind: the configuration names no mail server ([smtp])".to_owned());
            }
            HookKind::Email => {
                self.target.parse::<lettre::Address>().map_err(|_| {
                    "target: one mailbox is needed, such as duty@example.cn".to_owned()
                })?;
            }
        }
        if self.min_severity > 3 {
            return Err("min_severity: use 0 to 3".to_owned());
        }
        if !self.jurisdiction.chars().all(|c| c.is_ascii_digit()) || self.jurisdiction.len() > 12 {
            return Err(
                "jurisdiction: use the first digits of an administrative division, such as 5101"
                    .to_owned(),
            );
        }
        if self.quiet.is_some_and(|q| q.from_min > 1439 || q.to_min > 1439 || q.below > 4) {
            return Err("quiet: minutes are 0 to 1439 and below is 0 to 4".to_owned());
        }
        match (self.escalate_after_min, &self.escalate_to) {
            (None, None) => Ok(()),
            (Some(min), Some(to))
                if (1..=10_080).contains(&min) && known.iter().any(|h| h.id == *to) =>
            {
                Ok(())
            }
            (Some(min), Some(_)) if !(1..=10_080).contains(&min) => {
                Err("escalate_after_min: use 1 to 10080".to_owned())
            }
            (_, Some(to)) => {
                Err(format!("escalate_to: there is no hook `{}`", crate::clock::clip(to, 64)))
            }
            (Some(_), None) => Err("escalate_to: name the hook that is told next".to_owned()),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(in crate::web) struct HookMade {
    id: HookId,
    /// Of a webhook, shown once.
    pub secret: Option<String>,
}

/// Makes a hook; a webhook's secret stands in the answer alone.
pub(in crate::web) async fn make(
    app: &Arc<App>,
    who: &Who,
    it: HookBody,
) -> Result<HookMade, Problem> {
    let by = who.name.clone();
    // An address may open something by itself, and the audit log is read by many.
    let target = clip(&log_lines::redacted(&it.target), 200);
    deed::did(format!("hook {} made for {target:?}", clip(&it.id, 64)));
    app.blocking(move |a| {
        it.check(a, &a.store.hooks()?).map_err(Problem::unprocessable)?;
        let secret = match it.kind {
            HookKind::Webhook => {
                Some(hex::encode(Key::generate().map_err(|e| Problem::internal(&e))?.bytes()))
            }
            HookKind::Email => None,
        };
        let sealed = secret
            .as_ref()
            .map(|s| a.master.seal(&notify::secret_label(&it.id), s.as_bytes()))
            .transpose();
        let sealed = sealed.map_err(|e| Problem::internal(&e))?;
        let hook = Hook {
            id: it.id.parse().map_err(|e| Problem::unprocessable(format!("id: {e}")))?,
            kind: it.kind,
            target: it.target,
            min_severity: it.min_severity,
            jurisdiction: it.jurisdiction,
            states: it.states,
            quiet: it.quiet,
            escalate_after_min: it.escalate_after_min,
            escalate_to: it.escalate_to,
            enabled: true,
            created_at: At::now(),
            created_by: by,
        };
        a.store.put_hook(&hook, sealed.as_deref())?;
        Ok::<_, Problem>(HookMade { id: hook.id, secret })
    })
    .await
}

async fn post_hook(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<HookBody>,
) -> Result<Created<HookMade>, Problem> {
    Ok(Created(make(&app, &who, it).await?))
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Hooks {
    hooks: Vec<Hook>,
}

async fn get_hooks(State(app): State<Arc<App>>) -> Result<Json<Hooks>, Problem> {
    let hooks = app.blocking(|a| a.store.hooks()).await?;
    Ok(Json(Hooks { hooks }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum HookStep {
    /// Sends a message that says it is a test.
    Test,
    Disable,
    Enable,
}

pub(in crate::web) async fn take(
    app: &Arc<App>,
    id: HookId,
    step: HookStep,
) -> Result<(), Problem> {
    deed::did(format!("hook {}: {step:?}", clip(&id, 64)));
    app.blocking(move |a| {
        match step {
            HookStep::Disable => a.store.enable_hook(&id, false)?,
            HookStep::Enable => a.store.enable_hook(&id, true)?,
            HookStep::Test => {
                if a.store.hooks()?.iter().all(|h| h.id != id) {
                    return Err(Problem::unknown("hook", &id));
                }
                let event = DeliveryEvent::Test;
                let now = At::now();
                // Nothing in it is anybody's.
                let body = format!(r#"{{"data":{{}},"event":"{}","number":0}}"#, event.code());
                let delivery =
                    NewDelivery { hook: id.into(), event, alert: None, body, next_at: now };
                a.store.add_delivery(&delivery, now)?;
            }
        }
        Ok(())
    })
    .await
}

#[derive(Serialize, JsonSchema)]
struct HookStepped {
    id: HookId,
}

async fn post_step(
    State(app): State<Arc<App>>,
    PathId(id): PathId<HookId>,
    JsonBody(step): JsonBody<HookStep>,
) -> Result<Json<HookStepped>, Problem> {
    take(&app, id.clone(), step).await?;
    Ok(Json(HookStepped { id }))
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeliveryQuery {
    hook: Option<String>,
    before: Option<i64>,
    #[serde(default, deserialize_with = "crate::web::request::part::limit")]
    #[schemars(range(min = 1, max = 500))]
    limit: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Deliveries {
    deliveries: Vec<HookDelivery>,
    next: Option<i64>,
}

async fn get_deliveries(
    State(app): State<Arc<App>>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<Deliveries>, Problem> {
    let limit = query.limit.unwrap_or(100);
    let found = app
        .blocking(move |a| a.store.deliveries(query.hook.as_deref(), query.before, limit))
        .await?;
    let next = (found.len() == limit as usize).then(|| found.last().map(|d| d.id)).flatten();
    Ok(Json(Deliveries { deliveries: found, next }))
}
