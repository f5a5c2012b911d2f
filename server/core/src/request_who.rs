//! Who asks, as a handler takes it from its request. Asks no store and no cookie: that is the
//! authorization's, before.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::Who;
use crate::problem::Problem;

/// Whoever `web::layers::auth::layer` found. A handler that stands outside of it is refused, never
/// answered as if nobody in particular had asked.
impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal(&"a handler stands outside of the authorization"))
    }
}
