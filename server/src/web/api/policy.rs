//! `/api/v1/policy`: every [D] number with unit, range, default and the rules that read it; set by
//! jurisdiction, with a reason; boxes are told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Right, Role, Who};
use crate::alert_view::FindingSeen;
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem, prose};
use crate::rules::settings::{self, SettingDescription};
use crate::store::{HashedPolicy, OwnPolicy, PolicyRow, StoreError};
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::actor;
use crate::web::request::deed;
use crate::web::request::rights::{PEOPLE, POLICY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/policy", get_policy)
            .roles(PEOPLE)
            .summary("The numbers in force at a place, with their history"),
        Endpoint::post("/api/v1/policy", post_policy)
            .roles(POLICY)
            .audited()
            .summary("Replace the policy of a jurisdiction"),
        Endpoint::get("/api/v1/policy/{sha256}", get_by_hash)
            .roles(PEOPLE)
            .summary("The values behind a hash in a manifest"),
    ]
}

type Shared = State<Arc<App>>;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PolicyBody {
    pub settings: BTreeMap<String, i64>,
    /// An administrative division's code or the beginning of one; empty for all.
    #[serde(default)]
    pub jurisdiction: String,
    #[serde(default)]
    pub reason: String,
}

#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PolicyQuery {
    #[serde(default)]
    pub jurisdiction: String,
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    #[schemars(skip)]
    pub lang: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct PolicyMade {
    version: u64,
}

async fn post_policy(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<PolicyBody>,
) -> Result<Created<PolicyMade>, Problem> {
    let version = put(&app, &who, it).await?;
    Ok(Created(PolicyMade { version }))
}

pub(in crate::web) fn division(code: &str) -> Result<(), Problem> {
    if code.len() <= 12 && code.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "jurisdiction: use the digits of the administrative division, such as 5101, or nothing \
        for all",
    ))
}

/// Replaces the whole policy of one jurisdiction.
pub(in crate::web) async fn put(app: &Arc<App>, who: &Who, it: PolicyBody) -> Result<u64, Problem> {
    division(&it.jurisdiction)?;
    if !it.jurisdiction.starts_with(&who.scope) || !who.may(Right::SetPolicy) {
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
        set_at: At::now(),
        set_by: who.name.clone(),
        reason: prose("reason", &it.reason, 400)?,
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
    let now = At::now();
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
            a.store.remember_policy(&trust::sha256_hex(text), &values, now)?;
        }
    }
    Ok(())
}

/// Name → value of what is said at a place; defaults are left out.
pub(in crate::web) fn values_at(
    a: &App,
    jurisdiction: &str,
) -> Result<BTreeMap<String, i64>, StoreError> {
    let said = a.store.policy_at(jurisdiction)?;
    Ok(said.into_iter().map(|(name, (value, _))| (name, value)).collect())
}

/// A setting in force, with all that is said of it.
#[derive(Serialize, JsonSchema)]
struct SettingSeen {
    #[serde(flatten)]
    about: SettingDescription,
    value: i64,
    /// `default`, `all`, or the jurisdiction whose policy says it.
    said_by: String,
}

#[derive(Serialize, JsonSchema)]
struct PolicyHashes {
    r#box: String,
    server: String,
}

#[derive(Serialize, JsonSchema)]
struct PolicySeen {
    version: u64,
    jurisdiction: String,
    settings: BTreeMap<String, i64>,
    effective: Vec<SettingSeen>,
    policy_sha256: PolicyHashes,
    history: Vec<PolicyRow>,
}

async fn get_policy(
    State(app): Shared,
    who: Who,
    Query(query): Query<PolicyQuery>,
) -> Result<Json<PolicySeen>, Problem> {
    division(&query.jurisdiction)?;
    let place = query.jurisdiction;
    let made = app.blocking(move |a| {
        if own_place(a, &who)?.is_some_and(|own| !own.starts_with(&place)) {
            let why = "jurisdiction: a clinic reads the policy of its own place";
            return Err(Problem::new(StatusCode::FORBIDDEN, why));
        }
        Ok(shown(a, &who, &place)?)
    });
    Ok(Json(made.await?))
}

/// Where a clinic is: it reads what is set for that place or above it, and of no other. Nothing for
/// everybody else. Blocking.
pub(in crate::web) fn own_place(a: &App, who: &Who) -> Result<Option<String>, StoreError> {
    if who.role != Role::Clinic {
        return Ok(None);
    }
    Ok(Some(a.store.institution(&who.scope)?.map(|it| it.jurisdiction).unwrap_or_default()))
}

/// As its reader may know who set it. Blocking.
pub(in crate::web) fn history(
    a: &App,
    who: &Who,
    place: &str,
) -> Result<Vec<PolicyRow>, StoreError> {
    actor::told_of(a, who, a.store.policy_history(place, 50)?, |row| &mut row.set_by)
}

fn shown(a: &App, who: &Who, place: &str) -> Result<PolicySeen, StoreError> {
    let OwnPolicy { version, settings: own } = a.store.policy(place)?;
    let said = a.store.policy_at(place)?;
    let values = values_at(a, place)?;
    let setting = |about: SettingDescription| {
        let told = said.get(about.name);
        SettingSeen {
            value: told.map_or(about.default, |(value, _)| *value),
            said_by: match told {
                None => "default".to_owned(),
                Some((_, by)) if by.is_empty() => "all".to_owned(),
                Some((_, by)) => by.clone(),
            },
            about,
        }
    };
    Ok(PolicySeen {
        version,
        jurisdiction: place.to_owned(),
        settings: own,
        effective: settings::all().into_iter().map(setting).collect(),
        policy_sha256: PolicyHashes {
            r#box: trust::sha256_hex(protocol::settings::canonical(&values)),
            server: trust::sha256_hex(settings::canonical(&values)),
        },
        history: history(a, who, place)?,
    })
}

#[derive(Serialize, JsonSchema)]
struct PolicyOfHash {
    sha256: String,
    settings: BTreeMap<String, i64>,
    first_used: String,
}

/// The values behind the hash that a finding carries.
async fn get_by_hash(
    State(app): Shared,
    Path(sha256): Path<String>,
) -> Result<Json<PolicyOfHash>, Problem> {
    let wanted = sha256.clone();
    let found = app.blocking(move |a| of_hash(a, &wanted)).await?;
    let HashedPolicy { settings, first_used } =
        found.ok_or_else(|| Problem::unknown("policy", &sha256))?;
    Ok(Json(PolicyOfHash { sha256, settings, first_used }))
}

/// Policies by which these were judged, as far as this server knows them: a box may say any hash.
/// Asks the store, and blocks.
pub(in crate::web) fn known_policies(
    a: &App,
    findings: &[FindingSeen],
) -> Result<BTreeSet<String>, StoreError> {
    let said: BTreeSet<&str> =
        findings.iter().map(|f| f.report.manifest.policy_sha256.as_str()).collect();
    let mut known = BTreeSet::new();
    for sha256 in said {
        if of_hash(a, sha256)?.is_some() {
            known.insert(sha256.to_owned());
        }
    }
    Ok(known)
}

/// The defaults' own hashes are known without having been set.
pub(in crate::web) fn of_hash(a: &App, sha256: &str) -> Result<Option<HashedPolicy>, StoreError> {
    let nothing = BTreeMap::new();
    let defaults = [protocol::settings::canonical(&nothing), settings::canonical(&nothing)];
    if defaults.iter().any(|text| trust::sha256_hex(text) == sha256) {
        return Ok(Some(HashedPolicy::default()));
    }
    a.store.policy_of_hash(sha256)
}
