//! The guarded HTTP of a page: what a request must be to be heard, and what every answer tells the
//! browser. Nothing is cached, nothing comes from elsewhere, and no other site's page can make a
//! browser ask here.

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

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
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use crate::{access::EntryOutcome, pixels::RgbPixels};

/// What a page answers.
pub type PageResponse = Response<Full<Bytes>>;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const MOST_JSON_BYTES: usize = 256 * 1024;
/// Connections at a time: one browser opens six.
const MOST_CONNECTIONS: usize = 24;

/// How the page is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageScheme {
    /// From this machine alone.
    Http,
    /// From this network.
    Https,
}

impl PageScheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }
}

/// Takes connections for ever: each from an address that is admitted goes to `speak`, on a task of
/// its own.
pub async fn listen<F>(
    listener: TcpListener,
    admits: fn(IpAddr) -> bool,
    speak: impl Fn(TcpStream, SocketAddr) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!("a connection was not taken: {why}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !admits(peer.ip()) {
            tracing::warn!(%peer, "refused: not of this network");
            continue;
        }
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let spoken = speak(stream, peer);
        tokio::spawn(async move {
            spoken.await;
            drop(place);
        });
    }
}

/// Serves one connection. Requests that another site's page made are refused before `answer` hears
/// of them.
pub async fn speak<S, A, F>(stream: S, peer: SocketAddr, scheme: PageScheme, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = PageResponse>,
{
    let service = service_fn(|request: Request<Incoming>| {
        let heard = asked_here(&request, scheme).then(|| answer(request));
        async move {
            let answer = match heard {
                Some(answer) => answer.await,
                None => refused(StatusCode::FORBIDDEN, "this request came from another page"),
            };
            Ok::<_, Infallible>(sealed(answer))
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(20));
    if let Err(why) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%peer, "connection: {why}");
    }
}

/// Takes the code out of a request, tries it, and gives the browser its cookie.
pub async fn come_in(
    request: Request<Incoming>,
    scheme: PageScheme,
    cookie: &str,
    try_code: impl FnOnce(&str) -> EntryOutcome,
) -> PageResponse {
    #[derive(serde::Deserialize)]
    struct Code {
        code: String,
    }
    let code = match json_of::<Code>(request).await {
        Ok(code) => code.code,
        Err(answer) => return *answer,
    };
    match try_code(&code) {
        EntryOutcome::In(token) => {
            let mut answer = done(&json!({}));
            // Browsers take a Secure cookie over TLS alone.
            let secure = if scheme == PageScheme::Https { " Secure;" } else { "" };
            let cookie = format!("{cookie}={token}; Path=/;{secure} HttpOnly; SameSite=Strict");
            if let Ok(value) = cookie.parse() {
                answer.headers_mut().insert(header::SET_COOKIE, value);
            }
            answer
        }
        EntryOutcome::Wrong { left } => {
            let error = format!("验证码不对，还可试 {left} 次 · wrong code; {left} tries are left");
            let mut answer = done(&json!({"error": error, "left": left}));
            *answer.status_mut() = StatusCode::UNAUTHORIZED;
            answer
        }
        EntryOutcome::Closed(why) => refused(StatusCode::GONE, why),
    }
}

/// A page of another site, or a name that somebody points at this machine, asks for nothing here.
fn asked_here(request: &Request<Incoming>, scheme: PageScheme) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let Some(host) = text("host") else { return false };
    let by_number = host.parse::<SocketAddr>().is_ok() || host.parse::<std::net::IpAddr>().is_ok();
    let named = host.split(':').next() == Some("localhost");
    let own_origin =
        text("origin").is_none_or(|origin| origin.strip_prefix(scheme.prefix()) == Some(host));
    let own_site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"))
        || (request.method() == Method::GET && request.uri().path() == "/");
    (by_number || named) && own_origin && own_site
}

/// The value of a cookie; empty where there is none.
pub fn cookie(request: &Request<Incoming>, name: &str) -> String {
    let cookies =
        request.headers().get(header::COOKIE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let own = cookies
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name);
    own.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// A body of JSON; the error is the answer to give.
pub async fn json_of<T: DeserializeOwned>(
    request: Request<Incoming>,
) -> Result<T, Box<PageResponse>> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Box::new(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON")));
    }
    let body = body_of(request, MOST_JSON_BYTES).await;
    let body =
        body.ok_or_else(|| Box::new(refused(StatusCode::PAYLOAD_TOO_LARGE, "too much at once")))?;
    serde_json::from_slice(&body)
        .map_err(|why| Box::new(refused(StatusCode::BAD_REQUEST, &why.to_string())))
}

/// A whole body; `None` where it is longer than `most_bytes` or breaks off.
pub async fn body_of(request: Request<Incoming>, most_bytes: usize) -> Option<Bytes> {
    Limited::new(request.into_body(), most_bytes)
        .collect()
        .await
        .ok()
        .map(http_body_util::Collected::to_bytes)
}

/// A file of the page.
pub fn text(kind: &'static str, body: &'static str) -> PageResponse {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    answer
}

/// A script of the page.
pub fn script(body: &'static str) -> PageResponse {
    text("text/javascript; charset=utf-8", body)
}

pub fn done(body: &Value) -> PageResponse {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    answer
}

/// There is nothing new.
pub fn empty() -> PageResponse {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// One line of what is wrong.
pub fn refused(status: StatusCode, why: &str) -> PageResponse {
    let mut answer = done(&json!({"error": why}));
    *answer.status_mut() = status;
    answer
}

/// Bare pixels with what is to be said about them.
pub fn picture(pixels: RgbPixels, about: &Value) -> PageResponse {
    let mut about = about.clone();
    (about["width"], about["height"]) = (pixels.width.into(), pixels.height.into());
    let mut answer = Response::new(Full::new(Bytes::from(pixels.rgb)));
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = about.to_string().parse() {
        answer.headers_mut().insert("x-picture", value);
    }
    answer
}

/// What every answer says to the browser.
fn sealed(mut answer: PageResponse) -> PageResponse {
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
