//! The screen on the wall: what is open, what is urgent, which boxes are silent, by institution.
//! Big type, dark, live.
//!
//! It shows no person: neither a name nor an id stands on it, because everybody in the room reads
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::frame::{Frame, local, render, shown};
use super::named::Names;
use super::words::Lang;
use crate::access::{Role, Who};
use crate::alert::State as AlertState;
use crate::app::App;
use crate::problem::Problem;
use crate::store::{AlertFilter, PlaceSeen, StoreError};
use crate::web::alerts::scoped;
use crate::web::endpoint::Endpoint;
use crate::web::part::PartQuery;
use crate::web::rights::SIGHT;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/wall", page).roles(SIGHT)]
}

/// As many as are read from across a room.
const LEADS: u32 = 8;
const PLACES: u32 = 60;
/// Of one district at a time.
const AT_ONCE: usize = 12;

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    f: Frame,
    open: i64,
    urgent: i64,
    boxes: i64,
    online: i64,
    silent: i64,
    at: String,
    leads: Vec<Lead>,
    /// By district, whose places take turns on the screen.
    districts: Vec<District>,
}

struct District {
    code: String,
    places: Vec<PlaceSeen>,
}

struct Lead {
    number: i64,
    severity: u8,
    level: &'static str,
    kinds: String,
    place: String,
    state: &'static str,
    at: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, l, &who).await;
    shown(&app, &who, l, made).await
}

/// Places by the district of their institution, so many at once.
fn districts(a: &App, places: Vec<PlaceSeen>) -> Result<Vec<District>, StoreError> {
    let mut of: BTreeMap<String, Vec<PlaceSeen>> = BTreeMap::new();
    for place in places.into_iter().take(PLACES as usize) {
        let found = a.store.institution(&place.institution)?;
        of.entry(found.map(|i| i.jurisdiction).unwrap_or_default()).or_default().push(place);
    }
    let screens = of.into_iter().flat_map(|(code, places)| {
        let screen = |some: &[PlaceSeen]| District { code: code.clone(), places: some.to_vec() };
        places.chunks(AT_ONCE).map(screen).collect::<Vec<_>>()
    });
    Ok(screens.collect())
}

async fn make(app: &Arc<App>, l: Lang, who: &Who) -> Result<Response, Problem> {
    let part = PartQuery { limit: Some(PLACES), ..PartQuery::default() }.part(who, PLACES);
    let filter =
        scoped(AlertFilter { open_only: true, limit: LEADS, ..AlertFilter::default() }, who);
    let (alerts, answered, (names, rooms), counts, boxes, districts) = app
        .blocking(move |a| {
            let alerts = a.store.alerts(&filter)?;
            crate::web::sight::note(a, &alerts)?;
            let answered = a.store.answered(alerts.iter().map(|x| x.id.as_str()))?;
            let names = Names::institutions(a, alerts.iter().map(|x| x.institution.as_str()))?;
            let rooms = Names::rooms(a, alerts.iter().map(|x| x.room.as_str()))?;
            Ok::<_, StoreError>((
                alerts,
                answered,
                (names, rooms),
                a.store.alert_counts(&part.jurisdiction, &part.institution)?,
                a.store.boxes_seen(&part)?,
                districts(a, a.store.places_seen(&part)?)?,
            ))
        })
        .await?;
    let open = |state: &str| AlertState::parse(state).is_some_and(AlertState::is_open);
    let leads = alerts.iter().map(|a| Lead {
        number: a.number,
        severity: a.severity,
        level: l.severity(a.severity),
        kinds: a.kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · "),
        place: format!("{} · {}", names.get(&a.institution).name, rooms.get(&a.room).name),
        state: match who.role {
            Role::Clinic => l.clinic_state(a.case.state.for_clinic(answered.contains(&a.id))),
            _ => l.state(a.case.state),
        },
        at: local(&a.raised_at),
    });
    render(&WallPage {
        open: counts.iter().filter(|c| open(&c.0)).map(|c| c.2).sum(),
        urgent: counts.iter().filter(|c| open(&c.0) && c.1 == 3).map(|c| c.2).sum(),
        boxes: boxes.0,
        online: boxes.1,
        silent: boxes.0 - boxes.1,
        at: local(&crate::clock::now_text()),
        leads: leads.collect(),
        districts,
        f: Frame::of(app, who, l, "wall", "/wall").await?,
    })
}
