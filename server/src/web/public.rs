//! The public door: look-up of the register and reports, for people who come once. Its own
//! listener, its own table of routes, its own connection to the database. No cookie, no address, no
//! account, no audit entry; it can read what is public and put sealed reports in, and nothing else.

mod api;
mod description;
mod divisions;
mod limits;
mod lookup;
mod may;
mod open311;
mod page;
mod promises;
mod report;
mod status;
mod ticket;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use tokio::sync::{Notify, Semaphore};
use tower_http::set_header::SetResponseHeaderLayer;

use super::request::bodies;
use crate::app::App;
use crate::body_memory::Bodies;
use crate::clue::terms::Terms;
use crate::clue_intake::door_queue::DoorQueue;
use crate::clue_intake::{door_mac, door_seal};
use crate::config::Mode;
use crate::form_reader::FormReader;
use crate::no_room::NoRoom;
use crate::problem::Problem;
use crate::store::{PublicStore, StoreError};
use crate::vault::Key;
use limits::PublicLimits;

/// All that the door holds: no way leads from here to the server's own store.
#[derive(Debug)]
pub(super) struct Door {
    store: PublicStore,
    /// Signs tickets and receipts, and opens nothing.
    key: Key,
    /// Seals what is put in; the half that opens it is not here.
    seal: trust::SealingPublicKey,
    queue: Arc<DoorQueue>,
    /// The open table of institutions in Chinese and English, each with the version that it was
    /// made of.
    tables: Mutex<[Option<(i64, Bytes)>; 2]>,
    /// The days that the forms promise.
    terms: Terms,
    limits: PublicLimits,
    rang: Arc<Notify>,
    /// As people reach it.
    url: String,
    /// Who reads a report.
    authority: Option<String>,
    demonstration: bool,
    reader: FormReader,
    /// Memory for what strangers send: none of the server's own.
    bodies: Bodies,
    look_ups: Semaphore,
}

type Shared = axum::extract::State<Arc<Door>>;

/// What may be asked how often, and how its answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quota {
    /// Kept for five minutes by whoever asked.
    LookUp,
    /// Kept by nobody; over the limits it costs work.
    Report,
}

struct PublicRoute {
    method: Method,
    path: &'static str,
    quota: Quota,
    handler: MethodRouter<Arc<Door>>,
}

/// The door's own table of routes.
fn routes() -> Vec<PublicRoute> {
    use Quota::{LookUp, Report};
    let get = |path, quota, handler| PublicRoute { method: Method::GET, path, quota, handler };
    let post = |path, handler| PublicRoute { method: Method::POST, path, quota: Report, handler };
    vec![
        get("/p", LookUp, axum::routing::get(lookup::search)),
        get("/p/i/{slug}", LookUp, axum::routing::get(lookup::institution)),
        get("/p/d/{slug}", LookUp, axum::routing::get(lookup::physician)),
        get("/p/check", LookUp, axum::routing::get(lookup::check)),
        get("/p/r/{code}", LookUp, axum::routing::get(lookup::sign)),
        get("/p/report", Report, axum::routing::get(report::form)),
        post("/p/report", axum::routing::post(report::submit)),
        get("/p/wrong", Report, axum::routing::get(report::wrong_form)),
        post("/p/wrong", axum::routing::post(report::submit_wrong)),
        get("/p/report/status", Report, axum::routing::get(status::form)),
        post("/p/report/status", axum::routing::post(status::look)),
        post("/p/report/answer", axum::routing::post(status::answer)),
        get("/p/api/v1/institutions", LookUp, axum::routing::get(api::institutions)),
        get("/p/api/v1/institutions.csv", LookUp, axum::routing::get(api::table)),
        get("/p/api/v1/institutions/{slug}", LookUp, axum::routing::get(api::institution)),
        get("/p/api/v1/openapi.json", LookUp, axum::routing::get(description::get)),
        get("/p/open311/services.json", LookUp, axum::routing::get(open311::services)),
        get("/p/open311/ticket.json", Report, axum::routing::get(open311::new_ticket)),
        post("/p/open311/requests.json", axum::routing::post(open311::request)),
        get("/p/open311/tokens/{token}", Report, axum::routing::get(open311::token)),
        get("/p/assets/public.css", LookUp, axum::routing::get(page::style)),
        get("/p/assets/public.js", LookUp, axum::routing::get(page::script)),
        get("/", LookUp, axum::routing::get(page::home)),
    ]
}

/// Method and path of everything that the door serves: nobody is asked who they are.
pub fn public_routes() -> Vec<(Method, &'static str)> {
    routes().into_iter().map(|route| (route.method, route.path)).collect()
}

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Three pictures of a telephone, and the form around them.
const MOST_BODY_BYTES: usize = 37 << 20;
/// A form without pictures; longer ones show their ticket before they are read.
const SMALL_BODY_BYTES: usize = 64 << 10;
/// Look-ups at once.
const MOST_LOOK_UPS: usize = 16;
/// Of a form that is no upload.
const MOST_FIELDS: usize = 64;
/// An eighth of it is for the forms without pictures.
const BODIES_MIB: usize = 128;
/// A form with pictures has as long as its reader waits.
const UPLOAD_S: u64 = 150;

/// The door's router over its own connection.
pub fn router(app: &App, url: &str) -> Result<Router, StoreError> {
    let Some(config) = &app.config.public else { return Ok(Router::new()) };
    let door = Arc::new(Door {
        store: PublicStore::open(&app.config.store, app.master.derived("the door's login"))?,
        key: door_mac(&app.master),
        seal: door_seal(&app.master).public_key(),
        queue: Arc::clone(&app.door_queue),
        tables: Mutex::default(),
        terms: app.config.clue_terms,
        limits: PublicLimits::new(config),
        rang: Arc::clone(&app.door_rang),
        url: url.to_owned(),
        authority: app.config.authority.clone(),
        demonstration: app.config.mode == Mode::Demonstration,
        reader: FormReader::default(),
        bodies: Bodies::new(BODIES_MIB),
        look_ups: Semaphore::new(MOST_LOOK_UPS),
    });
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let router = routes().into_iter().fold(Router::new(), |router, route| {
        debug_assert!(route.quota == Quota::Report || route.method == Method::GET);
        let handler = match route.quota {
            Quota::LookUp => route.handler.layer(axum::middleware::from_fn(kept)),
            Quota::Report => route.handler,
        };
        router.route(route.path, handler)
    });
    Ok(router
        .fallback(page::not_found)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&door), measured))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(HeaderName::from_static("x-robots-tag"), "noindex"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .with_state(door))
}

/// Whether a form is so long that it shows its ticket first; one that names no length is.
fn is_large(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).is_none_or(|bytes: usize| bytes > SMALL_BODY_BYTES)
}

/// A body is as long as its form may be, comes with a least speed and takes room of its own: no
/// upload takes the room of a report in words.
async fn measured(State(door): Shared, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let upload = matches!(request.uri().path(), "/p/report" | "/p/wrong");
    let large = is_large(request.headers());
    let most = if upload { MOST_BODY_BYTES } else { SMALL_BODY_BYTES };
    if request.body().size_hint().exact().is_some_and(|bytes| bytes > most as u64) {
        let why = format!("at most {most} bytes are taken here");
        return refused(&door, request.uri(), Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why));
    }
    if upload && large {
        // Its room is taken by its reader, once it has shown a ticket.
        let within = std::time::Duration::from_secs(UPLOAD_S);
        return next.run(request.map(|body| bodies::paced(body, within))).await;
    }
    let _room = match door.bodies.room(SMALL_BODY_BYTES, true).await {
        Ok(room) => room,
        Err(problem) => return refused(&door, request.uri(), problem),
    };
    let uri = request.uri().clone();
    let request = request.map(|body| bodies::paced(body, bodies::SMALL_BODY));
    let request = if upload { Ok(request) } else { few_fields(request).await };
    match request {
        Ok(request) => next.run(request).await,
        Err(problem) => refused(&door, &uri, problem),
    }
}

/// As a page, or to a program.
fn refused(door: &Door, uri: &Uri, problem: Problem) -> Response {
    if uri.path().starts_with("/p/open311/") {
        return problem.into_response();
    }
    page::shown(door, uri, Err(problem))
}

/// A form of few fields: each costs more memory than it is long.
async fn few_fields(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let unread = |_| {
        let why = format!("the form came too slowly, or has more than {SMALL_BODY_BYTES} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    let bytes = to_bytes(body, SMALL_BODY_BYTES).await.map_err(unread)?;
    if bytes.split(|byte| *byte == b'&').count() > MOST_FIELDS {
        return Err(Problem::bad(format!("a form has at most {MOST_FIELDS} fields")));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A look-up is kept for five minutes and known by its `ETag`.
async fn kept(request: Request, next: Next) -> Response {
    let asked = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST_BODY_BYTES).await else {
        return Problem::internal(&"an answer of the public door has no end").into_response();
    };
    let tag = format!("\"{}\"", &trust::sha256_hex(&bytes)[..32]);
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if asked.is_some_and(|asked| asked.as_bytes() == tag.as_bytes()) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

impl Door {
    /// A look-up. Where so many ask already, one is asked to come again: each of them holds a
    /// thread, and none of them may stand before a report.
    fn look_up<T>(
        self: &Arc<Self>,
        work: impl FnOnce(&PublicStore) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        let Ok(_turn) = self.look_ups.try_acquire() else {
            let zh = "当前查询较多，请稍后再试";
            return Err(Problem::busy(zh, "many look things up now: try again in a moment", 2));
        };
        self.ask(work)
    }

    /// Runs a question to the store on this thread, while another takes over its other tasks.
    fn ask<T>(
        self: &Arc<Self>,
        work: impl FnOnce(&PublicStore) -> Result<T, StoreError>,
    ) -> Result<T, Problem> {
        tokio::task::block_in_place(|| work(&self.store)).map_err(|error| match error.no_room() {
            Some(_) => {
                tracing::error!(%error, "the public door could keep nothing");
                // A stranger is told no place.
                NoRoom::Unsaid.into()
            }
            None => error.into(),
        })
    }
}
