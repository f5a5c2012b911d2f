//! `/api/v1/consents/earlier`: who agreed to an earlier text and is to be asked again. An earlier
//! consent holds until the day that the policy sets; from then on its templates are not used.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::deed;
use super::endpoint::Endpoint;
use super::scope::Seen;
use crate::access::{Role, Who};
use crate::app::App;
use crate::consent;
use crate::problem::Problem;
use crate::rules::Numbers;

/// Who asks people anew, and who watches that it is done.
pub(super) const ASKERS: &[Role] = &[Role::Supervisor, Role::Clinic, Role::Auditor];

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/consents/earlier", get_earlier)
            .roles(ASKERS)
            .audited()
            .summary("Who agreed to an earlier consent text and is to be asked again"),
    ]
}

/// Who is to be asked again.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ToAsk {
    /// The text that is shown now.
    pub version: &'static str,
    pub people: Vec<PersonToAsk>,
}

/// A person who signed an earlier text at an institution.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PersonToAsk {
    pub person: String,
    pub name: String,
    pub institution: String,
    pub institution_name: String,
    pub text_version: String,
    pub signed_at: String,
    /// From this day on the templates are not used, `YYYY-MM-DD`; absent: no day is set.
    pub holds_until: Option<String>,
}

async fn get_earlier(State(app): State<Arc<App>>, who: Who) -> Result<Json<ToAsk>, Problem> {
    Ok(Json(app.blocking(move |a| to_ask(a, &who)).await?))
}

/// Blocking.
pub(super) fn to_ask(a: &App, who: &Who) -> Result<ToAsk, Problem> {
    let seen = Seen::of(a, who)?;
    let mut found = a.faces.earlier_consents(consent::VERSION)?;
    found.retain(|one| seen.has(&one.institution));
    let persons: Vec<String> = found.iter().map(|one| one.person.clone()).collect();
    deed::persons(&persons);
    let names = a.store.names_of(&persons)?;
    let mut places: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    for one in &found {
        if !places.contains_key(&one.institution) {
            let place = a.store.institution(&one.institution)?;
            let jurisdiction = place.as_ref().map(|p| p.jurisdiction.clone()).unwrap_or_default();
            let numbers = Numbers::of(&super::policy::values_at(a, &jurisdiction)?);
            let until = consent::renewal_day(numbers.consent_renewal_yyyymmdd);
            let name = place.map(|p| p.name).unwrap_or_default();
            places.insert(one.institution.clone(), (name, until.map(|day| day.to_string())));
        }
    }
    let people = found.into_iter().map(|one| {
        let (institution_name, holds_until) =
            places.get(&one.institution).cloned().unwrap_or_default();
        PersonToAsk {
            name: names.get(&one.person).map(|n| n.0.clone()).unwrap_or_default(),
            person: one.person,
            institution: one.institution,
            institution_name,
            text_version: one.text_version,
            signed_at: one.signed_at,
            holds_until,
        }
    });
    Ok(ToAsk { version: consent::VERSION, people: people.collect() })
}
