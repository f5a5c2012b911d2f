//! `/api/v1/consents/earlier`: who agreed to an earlier text and is to be asked again. An earlier
//! consent holds until the day that the policy sets; from then on its templates are not used. The
//! person signs the new text on the own page: no clinic and no officer signs for anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::consent::{self, ConsentPurpose, Parties, Text};
use crate::model::Consent;
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::scope::VisibleInstitutions;

/// Who asks people anew, and who watches that it is done.
pub(in crate::web) const ASKERS: &[Role] = &[Role::Supervisor, Role::Clinic, Role::Auditor];

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/consents/earlier", get_earlier)
            .roles(ASKERS)
            .audited()
            .summary("Who agreed to an earlier consent text and is to be asked again"),
    ]
}

/// Who is to be asked again.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ToAsk {
    /// The text that is shown now.
    pub version: &'static str,
    pub people: Vec<PersonToAsk>,
}

/// A person who signed an earlier text at an institution.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PersonToAsk {
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
pub(in crate::web) fn to_ask(a: &App, who: &Who) -> Result<ToAsk, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let mut found = a.faces.earlier_consents(consent::VERSION, None)?;
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

/// A text that waits for the person's own signature.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct TextToSign {
    pub institution: String,
    pub institution_name: String,
    /// The version that stands for now.
    pub earlier_version: String,
    pub zh: Text,
    pub en: Text,
    /// Goes back with the signature: SHA-256 of the text that was shown.
    pub zh_sha256: String,
    pub en_sha256: String,
}

/// What a person signs on the own page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct SignedText {
    pub institution: String,
    /// Of the text as it was shown.
    pub text_sha256: String,
    pub purposes: Vec<ConsentPurpose>,
    /// The person's name, or a drawn signature as base64.
    pub signature: String,
    #[serde(default)]
    pub guardian: Option<String>,
}

/// The texts that wait for this person. Blocking.
pub(in crate::web) fn to_sign(a: &App, person: &str) -> Result<Vec<TextToSign>, Problem> {
    let mut found = Vec::new();
    for one in a.faces.earlier_consents(consent::VERSION, Some(person))? {
        let place = a.store.institution(&one.institution)?;
        let institution_name = place.map(|place| place.name).unwrap_or_default();
        let authority = a.config.authority.as_deref();
        let parties = Parties { institution: Some(&institution_name), authority };
        let (zh, en) = (parties.zh(), parties.en());
        found.push(TextToSign {
            zh_sha256: zh.sha256(),
            en_sha256: en.sha256(),
            institution: one.institution,
            earlier_version: one.text_version,
            institution_name,
            zh,
            en,
        });
    }
    Ok(found)
}

/// Takes the person's signature under the text that was shown; another one binds to nothing.
/// Blocking.
pub(in crate::web) fn sign(a: &App, person: &str, it: SignedText) -> Result<(), Problem> {
    let waiting = to_sign(a, person)?.into_iter().find(|text| text.institution == it.institution);
    let waiting = waiting.ok_or_else(|| Problem::unknown("text to sign", &it.institution))?;
    let mut shown = [&waiting.zh, &waiting.en].into_iter();
    let shown = shown.find(|text| text.is_what_was_shown(&it.text_sha256));
    let mut new = Consent {
        text_version: consent::VERSION.to_owned(),
        text_sha256: shown.ok_or_else(another_text)?.sha256(),
        purposes: it.purposes,
        scope: it.institution,
        signature: it.signature,
        signed_at: At::now().to_string(),
        guardian: it.guardian.filter(|name| !name.trim().is_empty()),
        earlier: Vec::new(),
    };
    new.check().map_err(Problem::unprocessable)?;
    deed::at(&new.scope);
    a.faces.renew_consent(person, &new.scope, &new)?;
    Ok(())
}

/// What was shown is not what would be signed.
pub(in crate::web) fn another_text() -> Problem {
    Problem {
        zh: Some("同意书的文字在显示之后有变化，请重新阅读后再签署".into()),
        ..Problem::unprocessable(
            "text_sha256: the text is not the one that was shown: read it again, then sign",
        )
    }
}
