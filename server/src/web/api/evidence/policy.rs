//! Where pictures are taken, and on which recorded basis.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

use super::evidence_seen::{EvidenceSeen, evidence_seen};
use super::{Shared, a_person};
use crate::access::Who;
use crate::app::App;
use crate::clock::{At, clip};
use crate::evidence::{PlaceKind, PolicyWord};
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem, prose};
use crate::web::request::deed;

/// Where pictures are taken: nowhere in production until a basis is recorded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PolicyBody")]
pub(in crate::web) struct EvidencePolicyBody {
    pub kind: PlaceKind,
    pub place: String,
    pub enabled: bool,
    /// The legal basis; needed to switch it on.
    #[serde(default)]
    pub basis: String,
    #[serde(default)]
    pub document: String,
}

pub(in crate::web) async fn post_policy(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<EvidencePolicyBody>,
) -> Result<Json<EvidenceSeen>, Problem> {
    Ok(Json(set_policy(&app, who, it).await?))
}

pub(in crate::web) async fn set_policy(
    app: &Arc<App>,
    who: Who,
    it: EvidencePolicyBody,
) -> Result<EvidenceSeen, Problem> {
    a_person(&who)?;
    if it.enabled {
        for (what, text) in [("basis", &it.basis), ("document", &it.document)] {
            crate::text::line(what, text, 400).map_err(|why| Problem {
                zh: Some("启用前须记录法定依据与文号".into()),
                ..Problem::unprocessable(format!("{why}: pictures are taken on a recorded basis"))
            })?;
        }
    }
    let word = PolicyWord {
        kind: it.kind,
        place: it.place.trim().to_owned(),
        enabled: it.enabled,
        basis: prose("basis", &it.basis, 400)?,
        document: prose("document", &it.document, 400)?,
        by: who.name.clone(),
        at: At::now(),
    };
    let state = if word.enabled { "on" } else { "off" };
    deed::did(format!("sealed pictures at {}: {state}, {}", clip(&word.place, 64), word.document));
    let seen = app
        .blocking(move |a| {
            place_is_theirs(a, &who, &word)?;
            a.store.put_evidence_policy(&word)?;
            Ok::<_, Problem>(evidence_seen(a, &who)?)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(seen)
}

fn place_is_theirs(a: &App, who: &Who, word: &PolicyWord) -> Result<(), Problem> {
    match word.kind {
        PlaceKind::Jurisdiction => {
            let digits = word.place.len() <= 12 && word.place.bytes().all(|b| b.is_ascii_digit());
            if digits && word.place.starts_with(&who.scope) {
                return Ok(());
            }
            Err(Problem::unprocessable(format!(
                "place: use a jurisdiction of yours, which begins with `{}`",
                who.scope
            )))
        }
        PlaceKind::Institution => {
            let found = a.store.institution(&word.place)?;
            let his = found.is_some_and(|i| who.sees(i.id.as_str(), &i.jurisdiction));
            if his { Ok(()) } else { Err(Problem::unknown("institution", &word.place)) }
        }
    }
}
