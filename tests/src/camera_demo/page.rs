//! The demonstration's page on this machine alone: its routes. Who may come in is `local_page`'s;
//! what is done is `actions`'s.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use local_page::{
    ASK_JS, PIXELS_JS, PageResponse, PageScheme, come_in, cookie, done, empty, json_of, listen,
    picture, refused, script, speak, text,
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

use super::act::Act;
use super::actions::DemoDesk;

const COOKIE: &str = "zaigang-demo";
const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");
const WORDS: &str = include_str!("page/words.js");

/// Serves the page until the program ends.
pub(super) async fn serve(desk: Arc<DemoDesk>, listener: TcpListener) {
    listen(
        listener,
        |peer| peer.is_loopback(),
        |stream, peer| {
            let desk = Arc::clone(&desk);
            async move {
                speak(stream, peer, PageScheme::Http, |request| answer(Arc::clone(&desk), request))
                    .await;
            }
        },
    )
    .await;
}

async fn answer(desk: Arc<DemoDesk>, request: Request<Incoming>) -> PageResponse {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (&method, path.as_str()) {
        (&Method::GET, "/") => text("text/html; charset=utf-8", PAGE),
        (&Method::GET, "/page.css") => text("text/css; charset=utf-8", STYLE),
        (&Method::GET, "/page.js") => script(SCRIPT),
        (&Method::GET, "/words.js") => script(WORDS),
        (&Method::GET, "/pixels.js") => script(PIXELS_JS),
        (&Method::GET, "/ask.js") => script(ASK_JS),
        (&Method::POST, "/code") => {
            come_in(request, PageScheme::Http, COOKIE, |code| desk.enter(code)).await
        }
        _ if !desk.may(&cookie(&request, COOKIE)) => {
            refused(StatusCode::UNAUTHORIZED, "give the code")
        }
        (&Method::GET, "/state") => done(&desk.state()),
        (&Method::GET, "/view") => view(&desk, request.uri().query().unwrap_or_default()),
        (&Method::POST, path) => act(desk, path.to_owned(), request).await,
        _ => refused(StatusCode::NOT_FOUND, "there is nothing at this address"),
    }
}

/// `?after=N`: the look after the N-th; no content while there is none.
fn view(desk: &DemoDesk, query: &str) -> PageResponse {
    let after = query.strip_prefix("after=").and_then(|n| n.parse().ok()).unwrap_or(0);
    match desk.look().filter(|look| look.sight.number > after) {
        Some(look) => picture(look.pixels(), &json!(look.sight)),
        None => empty(),
    }
}

/// What changes something; it waits for the box or the server.
async fn act(desk: Arc<DemoDesk>, path: String, request: Request<Incoming>) -> PageResponse {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        agreed: bool,
        act: Option<Act>,
    }
    let body: Body = match json_of(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let acted = tokio::task::spawn_blocking(move || match (path.as_str(), body.act) {
        ("/photo", _) => desk.photograph().map(|(photograph, taken)| match taken {
            Some(taken) => picture(taken, &photograph),
            None => done(&photograph),
        }),
        ("/photo/drop", _) => {
            desk.drop_photos();
            Ok(done(&json!({})))
        }
        ("/enrol", _) => desk.enrol(body.agreed).map(|()| done(&json!({}))),
        ("/act", Some(act)) => desk.begin(act).map(|()| done(&json!({}))),
        _ => Ok(refused(StatusCode::NOT_FOUND, "there is nothing at this address")),
    });
    match acted.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("{why:#}")),
        Err(why) => refused(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string()),
    }
}
