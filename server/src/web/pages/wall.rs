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

use super::frame::{PageFrame, local, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::store::{Alert, AlertCount, AlertFilter, InstitutionSeen, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::SIGHT;
use crate::web::request::scope::scoped;
use crate::web::view::names::Names;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/wall", page).roles(SIGHT)]
}

/// As many as are read from across a room.
const LEADS: usize = 8;
/// The newest of all, of which each district shows its own.
const LOOKED_AT: u32 = 200;
const PLACES: u32 = 500;
/// Of one district at a time.
const AT_ONCE: usize = 12;

#[derive(Template)]
#[template(path = "wall.html")]
struct WallPage {
    f: PageFrame,
    open: i64,
    urgent: i64,
    boxes: i64,
    online: i64,
    silent: i64,
    at: String,
    /// The newest open ones of each district; they take turns with its places.
    leads: Vec<LeadsOf>,
    /// By district, whose places take turns on the screen.
    districts: Vec<District>,
    /// More places than are shown.
    more: bool,
}

struct LeadsOf {
    code: String,
    leads: Vec<Lead>,
}

struct District {
    code: String,
    /// As the screen says it.
    name: String,
    places: Vec<InstitutionSeen>,
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
fn districts(a: &App, places: Vec<InstitutionSeen>) -> Result<Vec<District>, StoreError> {
    let mut of: BTreeMap<String, Vec<InstitutionSeen>> = BTreeMap::new();
    for place in places.into_iter().take(PLACES as usize) {
        let found = a.store.institution(&place.institution)?;
        of.entry(found.map(|i| i.jurisdiction).unwrap_or_default()).or_default().push(place);
    }
    let screens = of.into_iter().flat_map(|(code, places)| {
        let screen = |some: &[InstitutionSeen]| District {
            code: code.clone(),
            name: crate::divisions::words(&code),
            places: some.to_vec(),
        };
        places.chunks(AT_ONCE).map(screen).collect::<Vec<_>>()
    });
    Ok(screens.collect())
}

/// The newest open leads, by the district of those that are shown; where that is one alone, or
/// none, the newest of all that the reader sees.
fn leads(a: &App, l: Lang, who: &Who, districts: &[District]) -> Result<Vec<LeadsOf>, StoreError> {
    let filter = AlertFilter { open_only: true, limit: LOOKED_AT, ..AlertFilter::default() };
    let alerts = a.store.alerts(&scoped(filter, who))?;
    let mut codes: Vec<&str> = districts.iter().map(|d| d.code.as_str()).collect();
    codes.dedup();
    let one = codes.len() < 2;
    if one {
        codes = vec![codes.first().copied().unwrap_or_default()];
    }
    let of = |code: &&str| {
        let here = alerts.iter().filter(|it| one || it.jurisdiction == **code);
        let here: Vec<&Alert> = here.take(LEADS).collect();
        Ok::<_, StoreError>(LeadsOf { code: (*code).to_owned(), leads: views(a, l, who, &here)? })
    };
    codes.iter().map(of).collect()
}

fn views(a: &App, l: Lang, who: &Who, alerts: &[&Alert]) -> Result<Vec<Lead>, StoreError> {
    crate::web::request::sight::note(a, alerts.iter().copied())?;
    let answered = a.store.answered(alerts.iter().map(|x| &x.id))?;
    let names = Names::institutions(a, alerts.iter().map(|x| x.institution.as_str()))?;
    let rooms = Names::rooms(a, alerts.iter().map(|x| x.room.as_str()))?;
    let lead = |it: &&Alert| Lead {
        number: it.number.of(who),
        severity: it.severity,
        level: l.severity(it.severity),
        kinds: it.kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · "),
        place: format!("{} · {}", names.get(&it.institution).name, rooms.get(&it.room).name),
        state: match who.role {
            Role::Clinic => {
                l.clinic_state(it.case.state.for_clinic(answered.contains(it.id.as_str())))
            }
            _ => l.state(it.case.state),
        },
        at: local(&it.raised_at),
    };
    Ok(alerts.iter().map(lead).collect())
}

async fn make(app: &Arc<App>, l: Lang, who: &Who) -> Result<Response, Problem> {
    let part = PartQuery { limit: Some(PLACES), ..PartQuery::default() }.part(who, PLACES);
    let reader = who.clone();
    let (leads, counts, boxes, districts, more) = app
        .blocking(move |a| {
            let places = a.store.places_seen(&part)?;
            let more = places.len() > PLACES as usize;
            let districts = districts(a, places)?;
            Ok::<_, StoreError>((
                leads(a, l, &reader, &districts)?,
                a.store.alert_counts(&part.jurisdiction, &part.institution)?,
                a.store.boxes_seen(&part)?,
                districts,
                more,
            ))
        })
        .await?;
    let (open, urgent) = AlertCount::open_and_urgent(&counts);
    render(&WallPage {
        open,
        urgent,
        boxes: boxes.0,
        online: boxes.1,
        silent: boxes.0 - boxes.1,
        at: local(&At::now()),
        leads,
        districts,
        more,
        f: PageFrame::of(app, who, l, "wall", "/wall").await?,
    })
}
