//! Consent withdrawn: at one institution by a clinic, everywhere by the authority or the person. It
//! never keeps what it deletes, and judges no reason.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use protocol::down::Command;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Shared, visible};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem, prose};
use crate::store::Stated;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::scope::VisibleInstitutions;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::post("/api/v1/practitioners/{id}/withdraw", post_withdraw)
        .roles(&[Role::Supervisor, Role::Clinic])
        .audited()
        .summary("Withdraw consent: at one institution, or (the authority) everywhere")
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct WithdrawBody {
    pub reason: Option<String>,
    /// The institution whose enrolments are deleted; a clinic's own where it is left out,
    /// everywhere for the authority.
    pub institution: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Withdrawn {
    pub templates_deleted: u64,
    pub photos_deleted: u64,
    /// Whose enrolments were deleted.
    pub institutions: Vec<String>,
    /// Boxes that were told to forget; each answers with a receipt.
    pub devices_told: Vec<String>,
}

async fn post_withdraw(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    JsonBody(it): JsonBody<WithdrawBody>,
) -> Result<Json<Withdrawn>, Problem> {
    withdraw(&app, &who, id, it).await.map(Json)
}

/// A clinic passes on that somebody withdrew consent *there*; deletion everywhere is the
/// authority's word, or the person's own (`/api/v1/personal`).
pub(in crate::web) async fn withdraw(
    app: &Arc<App>,
    who: &Who,
    id: String,
    it: WithdrawBody,
) -> Result<Withdrawn, Problem> {
    let reason = withdrawal_reason(it.reason.as_deref().unwrap_or_default())?;
    let institution = match (it.institution.filter(|i| !i.is_empty()), who.role) {
        (None, Role::Clinic) => Some(who.scope.clone()),
        (given, _) => given,
    };
    match institution {
        Some(institution) => delete_at(app, who.clone(), id, institution, reason).await,
        None if who.by_token => Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE)),
        None => {
            let (wanted, reader) = (id.clone(), who.clone());
            app.blocking(move |a| visible(a, &reader, &wanted).map(|_| ())).await?;
            delete_everywhere(app, &id, &reason, &who.name).await
        }
    }
}

/// Why somebody withdrew, whole. One too long is refused before anything is done: the link stays
/// good, and what was typed stays with whoever typed it.
pub(in crate::web) fn withdrawal_reason(said: &str) -> Result<String, Problem> {
    prose("reason", said, 400)
}

/// Deletes what was enrolled for one institution, and tells its boxes.
async fn delete_at(
    app: &Arc<App>,
    who: Who,
    id: String,
    institution: String,
    reason: String,
) -> Result<Withdrawn, Problem> {
    let person: protocol::id::PersonId =
        id.parse().map_err(|e: protocol::id::BadId| Problem::unprocessable(e.to_string()))?;
    deed::persons([&id]);
    deed::at(&institution);
    deed::did("consent withdrawn at one institution, its templates and photographs deleted");
    let place = institution.clone();
    let (done, devices) = app
        .blocking(move |a| {
            let found = visible(a, &who, &id)?;
            VisibleInstitutions::of(a, &who)?.must_have(
                &institution,
                "institution",
                &institution,
            )?;
            let enrolled = a.faces.enrolments_of(std::slice::from_ref(&id))?;
            let here = enrolled.iter().any(|e| e.institution == institution)
                || found.sites.iter().any(|s| s.institution.as_str() == institution);
            if !here {
                return Err(Problem::unprocessable(format!(
                    "institution: nothing was enrolled for `{institution}`"
                )));
            }
            let now = At::now();
            let done = a.faces.withdraw_at(&id, &institution, &reason, now)?;
            a.store.state_now(&Stated::consent(&who, &institution, &id), now)?;
            Ok::<_, Problem>((done, a.store.devices_of(Some(&institution), None)?))
        })
        .await?;
    Ok(tell_deleted(app, &person, vec![place], devices, &done))
}

/// Deletes everything of a person, whoever enrolled it; the boxes are told by a new roster and by a
/// command, and answer with receipts.
pub(in crate::web) async fn delete_everywhere(
    app: &Arc<App>,
    id: &str,
    reason: &str,
    by: &str,
) -> Result<Withdrawn, Problem> {
    let person: protocol::id::PersonId =
        id.parse().map_err(|e: protocol::id::BadId| Problem::unprocessable(e.to_string()))?;
    let (id, reason, by) = (id.to_owned(), reason.to_owned(), by.to_owned());
    let (done, devices, places) = app
        .blocking(move |a| {
            let sites = a.store.practitioner(&id)?.map(|p| p.sites).unwrap_or_default();
            let places: Vec<String> = sites.iter().map(|s| s.institution.to_string()).collect();
            let now = At::now();
            let done = a.faces.withdraw(&id, &reason, now)?;
            for place in &places {
                a.store.state_now(
                    &Stated { by: by.clone(), ..Stated::consent(&Who::nobody(), place, &id) },
                    now,
                )?;
            }
            Ok::<_, Problem>((done, a.store.devices_for_person(&id)?, places))
        })
        .await?;
    Ok(tell_deleted(app, &person, places, devices, &done))
}

fn tell_deleted(
    app: &Arc<App>,
    person: &protocol::id::PersonId,
    places: Vec<String>,
    devices: Vec<protocol::id::DeviceId>,
    done: &crate::store::Withdrawal,
) -> Withdrawn {
    for place in &places {
        app.tell(Nudge::Institution(place.clone()));
    }
    for device in &devices {
        app.tell(Nudge::Command {
            device: device.clone(),
            command: Command::ForgetPerson { person: person.clone() },
        });
    }
    app.touch();
    Withdrawn {
        templates_deleted: done.templates_deleted,
        photos_deleted: done.photos_deleted,
        institutions: places,
        devices_told: devices.into_iter().map(String::from).collect(),
    }
}
