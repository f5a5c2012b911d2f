//! The door's own description (`OpenAPI` 3.1) for programs: written by hand beside the routes, held
//! against them by a test, and against a running door by `scripts/api-test`.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

pub(super) const TEXT: &str = include_str!("../../../openapi-public.json");

pub(super) async fn get() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::public_routes;
    use super::TEXT;

    #[test]
    fn every_call_of_the_door_is_described() {
        let document: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<(String, String)> = paths
            .iter()
            .flat_map(|(path, calls)| {
                let calls = calls.as_object().unwrap().keys();
                calls.map(|method| (method.to_uppercase(), path.clone()))
            })
            .collect();
        let of_programs = ["/p/api/", "/p/open311/"];
        let served: BTreeSet<(String, String)> = public_routes()
            .into_iter()
            .filter(|(_, path)| of_programs.iter().any(|start| path.starts_with(start)))
            .map(|(method, path)| (method.to_string(), path.to_owned()))
            .collect();
        assert_eq!(described, served);
    }
}
