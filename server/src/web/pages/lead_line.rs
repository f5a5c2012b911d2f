//! A lead in one line, as the news of it says on every page: which clinic, what matter. It names
//! nobody.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::access::Who;
use crate::app::App;
use crate::ids::AlertId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::{Alert, StoreError};
use crate::web::api::alerts::seen;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::SIGHT;
use crate::web::request::sight;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/alerts/{id}/line", line).roles(SIGHT)]
}

#[derive(serde::Serialize)]
struct LeadLine {
    number: i64,
    level: String,
    place: String,
    matter: String,
}

fn place(a: &App, alert: &Alert) -> Result<String, StoreError> {
    let found = a.store.institution(&alert.institution)?;
    Ok(found.map_or_else(|| alert.institution.clone(), |it| it.name))
}

fn matter(l: Lang, alert: &Alert) -> String {
    alert.kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · ")
}

/// Which clinic, what matter. Blocking.
pub(super) fn place_and_matter(a: &App, l: Lang, alert: &Alert) -> Result<String, StoreError> {
    Ok(format!("{} · {}", place(a, alert)?, matter(l, alert)))
}

async fn line(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<AlertId>,
) -> Result<Json<LeadLine>, Problem> {
    let line = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&id)?, &who, &id)?;
            sight::note(a, [&alert])?;
            Ok::<_, Problem>(LeadLine {
                number: alert.number.of(&who),
                level: format!("L{} {}", alert.severity, l.severity(alert.severity)),
                place: place(a, &alert)?,
                matter: matter(l, &alert),
            })
        })
        .await?;
    Ok(Json(line))
}
