//! The page's routes over HTTP/1.1 and TLS, for this network alone. It knows who may ask and who asked; what is done stands
//! in `desk`. Nothing is cached, nothing comes from elsewhere, and no other site's page can make a browser ask here.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{
    access::{Entry, is_local},
    desk::{Desk, Over},
    seen::Pixels,
    tls::Tls,
};

type Answer = Response<Full<Bytes>>;

const COOKIE: &str = "zaigang-commission";
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const PAGE: &str = include_str!("page/index.html");
const SCRIPTS: [(&str, &str); 3] = [
    ("/page.js", include_str!("page/page.js")),
    ("/draw.js", include_str!("page/draw.js")),
    ("/words.js", include_str!("page/words.js")),
];
const STYLE: &str = include_str!("page/page.css");
const MOST_JSON_BYTES: usize = 256 * 1024;
const MOST_PHOTO_BYTES: usize = 8 * 1024 * 1024;
/// Connections at a time: one browser opens six.
const MOST_CONNECTIONS: usize = 24;

/// Takes connections until the desk is over.
pub(super) async fn serve(desk: Arc<Desk>, listener: TcpListener, tls: Tls) {
    let room = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    let mut over = desk.over.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = over.wait_for(Option::is_some) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!("a connection was not taken: {why}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !is_local(peer.ip()) {
            tracing::warn!(%peer, "refused: not of this network");
            continue;
        }
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let (desk, acceptor) = (Arc::clone(&desk), tls.acceptor.clone());
        tokio::spawn(async move {
            speak(desk, acceptor, stream, peer).await;
            drop(place);
        });
    }
}

async fn speak(desk: Arc<Desk>, acceptor: tokio_rustls::TlsAcceptor, stream: TcpStream, peer: SocketAddr) {
    let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream)).await else {
        // Browsers that do not know the certificate yet break off here.
        return tracing::debug!(%peer, "no TLS");
    };
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(sealed(answer(&desk, request).await)) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(20));
    if let Err(why) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%peer, "connection: {why}");
    }
}

async fn answer(desk: &Arc<Desk>, request: Request<Incoming>) -> Answer {
    if !asked_here(&request) {
        return refused(StatusCode::FORBIDDEN, "this request came from another page");
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (&method, path.as_str()) {
        (&Method::GET, "/") => text("text/html; charset=utf-8", PAGE),
        (&Method::GET, "/page.css") => text("text/css; charset=utf-8", STYLE),
        (&Method::GET, script) if SCRIPTS.iter().any(|(name, _)| *name == script) => {
            let found = SCRIPTS.iter().find(|(name, _)| *name == script);
            text("text/javascript; charset=utf-8", found.map_or("", |(_, text)| text))
        }
        (&Method::POST, "/code") => enter(desk, request).await,
        _ if !desk.may(&cookie(&request)) => refused(StatusCode::UNAUTHORIZED, "give the code that the box shows"),
        (&Method::GET, "/state") => done(&desk.state()),
        (&Method::GET, "/view") => picture(desk, request.uri().query().unwrap_or_default()),
        (&Method::GET, "/face") => face(desk),
        (&Method::POST, "/enrol/photo") => photograph(desk, request).await,
        (&Method::POST, _) => act(desk, &path, request).await,
        _ => refused(StatusCode::NOT_FOUND, "there is nothing at this address"),
    }
}

/// What changes something and takes JSON.
async fn act(desk: &Arc<Desk>, path: &str, request: Request<Incoming>) -> Answer {
    let body = match json_of::<Value>(request).await {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let (desk, path) = (Arc::clone(desk), path.to_owned());
    // Zones, enrolment and lock wait for the server.
    match tokio::task::spawn_blocking(move || one_act(&desk, &path, body)).await {
        Ok(answer) => answer,
        Err(why) => refused(StatusCode::INTERNAL_SERVER_ERROR, &why.to_string()),
    }
}

fn one_act(desk: &Desk, path: &str, body: Value) -> Answer {
    fn read<T: DeserializeOwned>(body: Value) -> Result<T, String> {
        serde_json::from_value(body).map_err(|why| why.to_string())
    }
    let nothing = |()| json!({});
    let acted = match path {
        "/zones" => read(body).and_then(|zones| desk.draw(&zones)).map(nothing),
        "/walk" => {
            desk.view.walk(body["on"] == true);
            Ok(json!({}))
        }
        "/test" => desk.link.raise_test().map(nothing),
        "/enrol/drop" => {
            desk.drop_photos();
            Ok(json!({}))
        }
        "/enrol" => read(body).and_then(|it| desk.enrol(&it)),
        "/lock" => desk.lock().map(nothing),
        _ => return refused(StatusCode::NOT_FOUND, "there is nothing at this address"),
    };
    match acted {
        Ok(body) => done(&body),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

async fn enter(desk: &Desk, request: Request<Incoming>) -> Answer {
    #[derive(serde::Deserialize)]
    struct Code {
        code: String,
    }
    let code = match json_of::<Code>(request).await {
        Ok(code) => code.code,
        Err(answer) => return *answer,
    };
    match desk.enter(&code) {
        Entry::In(token) => {
            let mut answer = done(&json!({}));
            let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict");
            if let Ok(value) = cookie.parse() {
                answer.headers_mut().insert(header::SET_COOKIE, value);
            }
            answer
        }
        Entry::Wrong { left } => {
            let mut answer = done(
                &json!({"error": format!("验证码不对,还可试 {left} 次 · wrong code; {left} tries are left"), "left": left}),
            );
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            answer
        }
        Entry::Closed(why) => refused(StatusCode::GONE, why),
    }
}

async fn photograph(desk: &Desk, request: Request<Incoming>) -> Answer {
    let photo = match Limited::new(request.into_body(), MOST_PHOTO_BYTES).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(_) => return refused(StatusCode::PAYLOAD_TOO_LARGE, "the photograph is larger than 8 MiB"),
    };
    match desk.photograph(photo).await {
        Ok(judged) => done(&json!(judged)),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

/// `?after=N`: the picture after the N-th, its faces in a header; no content while there is none.
fn picture(desk: &Desk, query: &str) -> Answer {
    let after = query.strip_prefix("after=").and_then(|n| n.parse().ok()).unwrap_or(0);
    let Some(seen) = desk.view.newer(after) else { return empty() };
    pixels(seen.whole(), &json!({"number": seen.number, "camera": [seen.width, seen.height], "faces": seen.faces}))
}

fn face(desk: &Desk) -> Answer {
    match desk.view.face() {
        Some(face) => pixels(face, &json!({})),
        None => refused(StatusCode::CONFLICT, "no face is in view, or only in the bed"),
    }
}

fn pixels(of: Pixels, about: &Value) -> Answer {
    let mut about = about.clone();
    (about["width"], about["height"]) = (of.width.into(), of.height.into());
    let mut answer = Response::new(Full::new(Bytes::from(of.rgb)));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = about.to_string().parse() {
        answer.headers_mut().insert("x-picture", value);
    }
    answer
}

async fn json_of<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Box<Answer>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Box::new(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON")));
    }
    let body = Limited::new(request.into_body(), MOST_JSON_BYTES).collect().await;
    let body = body.map_err(|_| Box::new(refused(StatusCode::PAYLOAD_TOO_LARGE, "too much at once")))?.to_bytes();
    serde_json::from_slice(&body).map_err(|why| Box::new(refused(StatusCode::BAD_REQUEST, &why.to_string())))
}

/// A page of another site, or a name that somebody points at this box, asks for nothing here.
fn asked_here(request: &Request<Incoming>) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(host) = text("host") else { return false };
    let by_number = host.parse::<SocketAddr>().is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    let named = host.split(':').next() == Some("localhost");
    let own_origin = text("origin").is_none_or(|origin| origin.strip_prefix("https://") == Some(host));
    let own_site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
        || (request.method() == Method::GET && request.uri().path() == "/");
    (by_number || named) && own_origin && own_site
}

fn cookie(request: &Request<Incoming>) -> String {
    let cookies = request.headers().get(header::COOKIE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let own = cookies.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
    own.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn text(kind: &'static str, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

fn done(body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}

fn empty() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn refused(status: StatusCode, why: &str) -> Answer {
    let mut answer = done(&json!({"error": why}));
    *answer.status_mut() = status;
    answer
}

/// What every answer says to the browser.
fn sealed(mut answer: Answer) -> Answer {
    for (name, value) in [
        ("content-security-policy", CSP),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        answer.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    answer
}

/// Looks every second whether code or session are over.
pub(super) async fn keep_time(desk: Arc<Desk>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let over = super::desk::hold(&desk.access).over(desk.now_ms());
        if let Some(why) = over {
            desk.end(Over::Closed(why));
            return;
        }
    }
}
