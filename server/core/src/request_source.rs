//! The source of a request as an argument of a handler: [`crate::access::source`] with this
//! request's proxy and headers.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::access::source::source;
use crate::app::App;

/// `None` where no trusted proxy says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestSource(pub Option<String>);

impl FromRequestParts<Arc<App>> for RequestSource {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
            return Ok(Self(None));
        };
        let forwarded = parts.headers.get_all("x-forwarded-for").iter();
        // A header that is no text is one that nobody can read: it says nothing.
        let said: Vec<&str> = forwarded.map(|value| value.to_str().unwrap_or("?")).collect();
        Ok(Self(source(peer.ip(), &said, &app.config.limits.trusted_proxies)))
    }
}
