//! The page's routes over HTTP/1.1 and TLS, for this network alone. It knows who may ask and who
//! asked; what is done stands in `actions`. Nothing is cached, nothing comes from elsewhere, and no
//! other site's page can make a browser ask here.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{Method, Request, StatusCode, body::Incoming};
use local_page::{
    ASK_JS, PIXELS_JS, PageResponse, PageScheme, body_of, come_in, cookie, done, empty, is_local,
    json_of, refused, script, text,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{
    actions::{InstallerActions, Over, hold},
    tls::PageTls,
};

const COOKIE: &str = "zaigang-commission";
const PAGE: &str = include_str!("page/index.html");
const SCRIPTS: [(&str, &str); 5] = [
    ("/page.js", include_str!("page/page.js")),
    ("/draw.js", include_str!("page/draw.js")),
    ("/words.js", include_str!("page/words.js")),
    ("/pixels.js", PIXELS_JS),
    ("/ask.js", ASK_JS),
];
const STYLE: &str = include_str!("page/page.css");
const MOST_PHOTO_BYTES: usize = 8 * 1024 * 1024;

/// Takes connections until the desk is over.
pub(super) async fn serve(desk: Arc<InstallerActions>, listener: TcpListener, tls: PageTls) {
    let mut over = desk.over.subscribe();
    let taking = local_page::listen(listener, is_local, |stream, peer| {
        speak(Arc::clone(&desk), tls.acceptor.clone(), stream, peer)
    });
    tokio::select! {
        () = taking => {}
        _ = over.wait_for(Option::is_some) => {}
    }
}

async fn speak(
    desk: Arc<InstallerActions>,
    acceptor: tokio_rustls::TlsAcceptor,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_secs(10), acceptor.accept(stream)).await
    else {
        // Browsers that do not know the certificate yet break off here.
        return tracing::debug!(%peer, "no TLS");
    };
    local_page::speak(stream, peer, PageScheme::Https, |request| {
        let desk = Arc::clone(&desk);
        async move { answer(&desk, request).await }
    })
    .await;
}

async fn answer(desk: &Arc<InstallerActions>, request: Request<Incoming>) -> PageResponse {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (&method, path.as_str()) {
        (&Method::GET, "/") => text("text/html; charset=utf-8", PAGE),
        (&Method::GET, "/page.css") => text("text/css; charset=utf-8", STYLE),
        (&Method::GET, name) if SCRIPTS.iter().any(|(script, _)| *script == name) => {
            script(SCRIPTS.iter().find(|(script, _)| *script == name).map_or("", |(_, text)| text))
        }
        (&Method::POST, "/code") => {
            come_in(request, PageScheme::Https, COOKIE, |code| desk.enter(code)).await
        }
        _ if !desk.may(&cookie(&request, COOKIE)) => {
            refused(StatusCode::UNAUTHORIZED, "give the code that the box shows")
        }
        (&Method::GET, "/state") => done(&desk.state()),
        (&Method::GET, "/view") => picture(desk, request.uri().query().unwrap_or_default()),
        (&Method::GET, "/face") => face(desk),
        (&Method::POST, "/enrol/photo") => photograph(desk, request).await,
        (&Method::POST, _) => act(desk, &path, request).await,
        _ => refused(StatusCode::NOT_FOUND, "there is nothing at this address"),
    }
}

/// What changes something and takes JSON.
async fn act(desk: &Arc<InstallerActions>, path: &str, request: Request<Incoming>) -> PageResponse {
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

fn one_act(desk: &InstallerActions, path: &str, body: Value) -> PageResponse {
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

async fn photograph(desk: &InstallerActions, request: Request<Incoming>) -> PageResponse {
    let Some(photo) = body_of(request, MOST_PHOTO_BYTES).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "the photograph is larger than 8 MiB");
    };
    match desk.photograph(photo.to_vec()).await {
        Ok(judged) => done(&json!(judged)),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
    }
}

/// `?after=N`: the picture after the N-th, its faces in a header; no content while there is none.
fn picture(desk: &InstallerActions, query: &str) -> PageResponse {
    let after = query.strip_prefix("after=").and_then(|n| n.parse().ok()).unwrap_or(0);
    let Some(seen) = desk.view.newer(after) else { return empty() };
    let Some(whole) = seen.whole() else { return empty() };
    local_page::picture(
        whole,
        &json!({"number": seen.number, "camera": [seen.width, seen.height], "faces": seen.faces}),
    )
}

fn face(desk: &InstallerActions) -> PageResponse {
    match desk.view.face() {
        Some(face) => local_page::picture(face, &json!({})),
        None => refused(StatusCode::CONFLICT, "no face is in view, or only in the bed"),
    }
}

/// Looks every second whether code or session are over.
pub(super) async fn keep_time(desk: Arc<InstallerActions>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let over = hold(&desk.access).over(desk.now_ms());
        if let Some(why) = over {
            desk.end(Over::Closed(why));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_sentence_of_the_page_has_full_width_signs() {
        let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        let mut seen = 0;
        for (name, script) in SCRIPTS {
            for piece in script.split(['`', '"']).filter(|piece| piece.contains(han)) {
                // What is filled in stands between `${` and `}`.
                let said: String = piece
                    .split("${")
                    .enumerate()
                    .map(|(n, part)| match part.split_once('}') {
                        Some((_, behind)) if n > 0 => behind,
                        _ if n > 0 => "",
                        _ => part,
                    })
                    .collect();
                seen += 1;
                let signs: Vec<char> = said.chars().collect();
                let half = |two: &[char]| {
                    let sign = |c: char| matches!(c, ',' | ';' | '!' | '?' | '(' | ')');
                    han(two[0]) && sign(two[1]) || sign(two[0]) && han(two[1])
                };
                assert!(!signs.windows(2).any(half), "{name}: {piece}");
            }
        }
        assert!(seen > 20, "{seen} sentences");
    }
}
