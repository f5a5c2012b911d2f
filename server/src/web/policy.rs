//! `/api/v1/policy`: every [D] number with unit, range, default and the rules that read it; set by
//! jurisdiction, with a reason; boxes are told at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::deed;
use super::registry::{Answer, done};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::knowledge::Nudge;
use crate::problem::{Body, Problem};
use crate::rules::settings;
use crate::store::{PolicyRow, StoreError, Upsert};

type Shared = State<Arc<App>>;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyBody {
    pub settings: BTreeMap<String, i64>,
    /// An administrative division's code or the beginning of one; empty for all.
    #[serde(default)]
    pub jurisdiction: String,
    #[serde(default)]
    pub reason: String,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyQuery {
    #[serde(default)]
    pub jurisdiction: String,
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    pub lang: Option<String>,
}

pub(super) async fn post_policy(
    State(app): Shared,
    Extension(who): Extension<Who>,
    Body(it): Body<PolicyBody>,
) -> Answer {
    let version = put(&app, &who, it).await?;
    done(Upsert::Created, json!({"version": version}))
}

fn division(code: &str) -> Result<(), Problem> {
    if code.len() <= 12 && code.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "jurisdiction: use the digits of the administrative division, such as 5101, or nothing \
        for all",
    ))
}

/// Replaces the whole policy of one jurisdiction.
pub(super) async fn put(app: &Arc<App>, who: &Who, it: PolicyBody) -> Result<u64, Problem> {
    division(&it.jurisdiction)?;
    if !it.jurisdiction.starts_with(&who.scope)
        || (who.role == Role::Supervisor && who.scope.is_empty() && app.config.accounts)
    {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "jurisdiction: a policy may be set for your own jurisdiction or a part of it",
        ));
    }
    for (name, value) in &it.settings {
        settings::check(name, *value).map_err(Problem::unprocessable)?;
    }
    let production = app.config.mode == crate::config::Mode::Production;
    if production && it.settings.get("liveness_waived") == Some(&1) {
        return Err(Problem::unprocessable(
            "settings: `liveness_waived` = 1 is refused in production: every box would refuse it",
        ));
    }
    let said: Vec<String> =
        it.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    deed::did(format!("policy of `{}`: {}", it.jurisdiction, said.join(", ")));
    let row = PolicyRow {
        version: 0,
        jurisdiction: it.jurisdiction,
        settings: it.settings,
        set_at: now_text(),
        set_by: who.name.clone(),
        reason: clip(it.reason.trim(), 400),
    };
    let version = app
        .blocking(move |a| {
            let version = a.store.put_policy(&row)?;
            remember(a, &row.jurisdiction)?;
            Ok::<_, StoreError>(version)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(version)
}

/// Both hashes that findings will carry from now on: the box's and the server's own.
fn remember(a: &App, jurisdiction: &str) -> Result<(), StoreError> {
    let now = now_text();
    let mut places = vec![jurisdiction.to_owned()];
    places.extend(
        a.store
            .institutions()?
            .into_iter()
            .map(|i| i.jurisdiction)
            .filter(|j| j.starts_with(jurisdiction)),
    );
    for place in places {
        let values = values_at(a, &place)?;
        for text in [protocol::settings::canonical(&values), settings::canonical(&values)] {
            a.store.remember_policy(&trust::sha256_hex(text), &values, &now)?;
        }
    }
    Ok(())
}

/// Name → value of what is said at a place; defaults are left out.
pub(super) fn values_at(a: &App, jurisdiction: &str) -> Result<BTreeMap<String, i64>, StoreError> {
    let said = a.store.policy_at(jurisdiction)?;
    Ok(said.into_iter().map(|(name, (value, _))| (name, value)).collect())
}

pub(super) async fn get_policy(State(app): Shared, Query(query): Query<PolicyQuery>) -> Answer {
    division(&query.jurisdiction)?;
    let place = query.jurisdiction;
    let body = app.blocking(move |a| shown(a, &place)).await?;
    Ok((StatusCode::OK, Json(body)))
}

fn shown(a: &App, place: &str) -> Result<Value, StoreError> {
    let (version, own) = a.store.policy(place)?;
    let said = a.store.policy_at(place)?;
    let values = values_at(a, place)?;
    let effective: Vec<Value> = settings::all()
        .iter()
        .map(|about| {
            let mut one = serde_json::to_value(about).unwrap_or_default();
            let told = said.get(about.name);
            one["value"] = json!(told.map_or(about.default, |(value, _)| *value));
            one["said_by"] = json!(told.map_or("default", |(_, by)| if by.is_empty() {
                "all"
            } else {
                by.as_str()
            }));
            one
        })
        .collect();
    Ok(json!({
        "version": version, "jurisdiction": place, "settings": own, "effective": effective,
        "policy_sha256": {"box": trust::sha256_hex(protocol::settings::canonical(&values)), "server": trust::sha256_hex(settings::canonical(&values))},
        "history": a.store.policy_history(place, 50)?,
    }))
}

/// The values behind the hash that a finding carries.
pub(super) async fn get_by_hash(State(app): Shared, Path(sha256): Path<String>) -> Answer {
    let wanted = sha256.clone();
    let found = app.blocking(move |a| of_hash(a, &wanted)).await?;
    let (values, first_used) = found.ok_or_else(|| Problem::unknown("policy", &sha256))?;
    Ok((
        StatusCode::OK,
        Json(json!({"sha256": sha256, "settings": values, "first_used": first_used})),
    ))
}

/// The settings that differ from the default, and since when they hold; empty where they always
/// did.
type ValuesSince = (BTreeMap<String, i64>, String);

/// The defaults' own hashes are known without having been set.
pub(super) fn of_hash(a: &App, sha256: &str) -> Result<Option<ValuesSince>, StoreError> {
    let nothing = BTreeMap::new();
    let defaults = [protocol::settings::canonical(&nothing), settings::canonical(&nothing)];
    if defaults.iter().any(|text| trust::sha256_hex(text) == sha256) {
        return Ok(Some((nothing, String::new())));
    }
    a.store.policy_of_hash(sha256)
}
