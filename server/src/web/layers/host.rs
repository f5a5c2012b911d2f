//! By which names this server answers: loopback's, and those that the configuration gives.
//!
//! A page elsewhere can let its own name mean 127.0.0.1 (DNS rebinding) and is then, for the
//! browser, of one origin with this server. Its requests still bear that name, and so nothing under
//! a foreign name is answered, not even a read.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::clock::clip;
use crate::config::{Config, host_of, is_loopback};
use crate::problem::Problem;

/// What a proxy adds, whatever its kind: who asked stands behind it.
const BY_PROXY: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

pub(in crate::web) async fn layer(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    match refused(&app.config, request.uri(), request.headers()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn refused(config: &Config, uri: &Uri, headers: &HeaderMap) -> Option<Problem> {
    if let Some(foreign) = names(uri, headers).find(|name| !answers_to(config, name)) {
        let why = format!(
            "this server does not answer to the name `{}` (本服务器不以此名称应答): set \
            `http.public_url` or `http.names`",
            clip(&foreign, 80)
        );
        return Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, why));
    }
    // An open house is for this machine; a proxy that was put before it would open it to everybody
    // as the administrator.
    let open = config.is_open_house() && !config.is_reached_from_elsewhere();
    if open && BY_PROXY.iter().any(|name| headers.contains_key(*name)) {
        let why = "this demonstration has no accounts and answers this machine alone \
            (无账户的演示仅限本机): set `access.accounts = true`, or name the proxy's address in \
            `http.names`";
        return Some(Problem::new(StatusCode::FORBIDDEN, why));
    }
    None
}

/// Every name that the request bears; a browser always sends one, and only a browser can be misled.
fn names<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> impl Iterator<Item = String> + 'a {
    let in_uri = uri.host().map(host_of);
    // What is no text is no name of ours.
    let in_headers =
        headers.get_all(header::HOST).iter().map(|h| host_of(h.to_str().unwrap_or("?")));
    in_uri.into_iter().chain(in_headers)
}

fn answers_to(config: &Config, host: &str) -> bool {
    is_loopback(host)
        || config.public_host().as_deref() == Some(host)
        || config.names.iter().any(|name| name == host)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn status(extra: &str, uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let text = format!(
            "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
            \"master.key\"\n[http]\n{extra}"
        );
        let config = Config::parse(Path::new("/etc/z.toml"), &text).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        refused(&config, &uri.parse().unwrap(), &map).map(|problem| problem.status.as_u16())
    }

    #[test]
    fn a_foreign_name_that_means_this_machine_is_refused() {
        let public = "public_url = \"https://zaigang.example.cn\"\nnames = [\"10.1.2.3\"]\n";
        for (host, here, there) in [
            ("127.0.0.1:8080", None, None),
            ("localhost", None, None),
            ("LOCALHOST:80", None, None),
            ("[::1]:8080", None, None),
            ("zaigang.example.cn", Some(421), None),
            ("Zaigang.Example.cn:443", Some(421), None),
            ("10.1.2.3:8443", Some(421), None),
            ("evil.example", Some(421), Some(421)),
            ("127.0.0.1.evil.example", Some(421), Some(421)),
            ("zaigang.example.cn.evil.example", Some(421), Some(421)),
            ("localhost.", Some(421), Some(421)),
            ("", Some(421), Some(421)),
        ] {
            assert_eq!(status("", "/", &[("host", host)]), here, "{host}");
            assert_eq!(status(public, "/", &[("host", host)]), there, "{host}");
        }
    }

    #[test]
    fn each_name_of_a_request_is_asked() {
        assert_eq!(status("", "http://evil.example/", &[("host", "127.0.0.1")]), Some(421));
        assert_eq!(status("", "/", &[("host", "127.0.0.1"), ("host", "evil.example")]), Some(421));
        assert_eq!(status("", "/", &[]), None, "a program that names no host");
    }

    #[test]
    fn an_open_house_is_not_led_out_by_a_proxy() {
        let open = [("host", "127.0.0.1"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(status("", "/", &open), Some(403));
        assert_eq!(status("[access]\naccounts = true\n", "/", &open), None);
    }
}
