//! A lead in one line, as the news of it says on every page: which clinic, what matter. It names
//! nobody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};

use super::words::Lang;
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::alerts::seen;
use crate::web::endpoint::Endpoint;
use crate::web::rights::SIGHT;
use crate::web::sight;

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

async fn line(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Result<Json<LeadLine>, Problem> {
    let line = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&id)?, &who, &id)?;
            sight::note(a, [&alert])?;
            let place = a.store.institution(&alert.institution)?.map(|i| i.name);
            let kinds = alert.kinds.iter().map(|k| l.kind(k));
            Ok::<_, Problem>(LeadLine {
                number: alert.number,
                level: format!("L{} {}", alert.severity, l.severity(alert.severity)),
                place: place.unwrap_or(alert.institution.clone()),
                matter: kinds.collect::<Vec<_>>().join(" · "),
            })
        })
        .await?;
    Ok(Json(line))
}
