//! The API's description (`OpenAPI` 3.1) and the table of calls in `API.md`, both made of the
//! routes: who may take a call from the route, shapes from its handler's types.
//!
//! A test fails where `server/openapi.json` or the table is not what this makes.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::api::bulk;
use super::endpoint::{Endpoint, Operation, Output, Route};
use super::request::rights::EVERYBODY;
use super::routes;
use crate::access::Role;

const BASE: &str = "/api/v1";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/openapi.json", get_openapi)
            .roles(EVERYBODY)
            .summary("This description"),
    ]
}

/// This very description.
struct Description(String);

impl IntoResponse for Description {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl Output for Description {
    fn describe(it: &mut Operation<'_>) {
        it.answer(200, "application/json", json!({"type": "object"}));
    }
}

async fn get_openapi() -> Description {
    Description(text())
}

/// The whole description, pretty, with an end of line.
fn text() -> String {
    let mut document = document();
    unwrap_lines(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Where a comment's line ends in the source is none of a reader's business.
fn unwrap_lines(it: &mut Value) {
    match it {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => {
                        *text = text
                            .split("\n\n")
                            .map(|p| p.replace('\n', " "))
                            .collect::<Vec<_>>()
                            .join("\n\n");
                    }
                    other => unwrap_lines(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_lines),
        _ => {}
    }
}

fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut made = settings.into_generator();
    let mut paths = Map::new();
    for route in routes() {
        let Some(path) = route.path.strip_prefix(BASE) else { continue };
        let Some(described) = described(route, &mut made) else { continue };
        let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        entry[route.method.as_str().to_lowercase()] = described;
    }
    // An import's refusal names the rows at fault.
    made.subschema_for::<bulk::Remark>();
    let mut schemas = made.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Zaigang 在岗",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "The supervisors' server. Times are RFC 3339 UTC with milliseconds; \
                shares and scores are parts per million (`_ppm`)."
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": {
                "description": "One clear line that names the thing and the mend (RFC 9457)",
                "content": {"application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/Problem"}}}
            }}
        }
    })
}

fn problem() -> Value {
    json!({"type": "object", "required": ["type", "title", "status", "detail"], "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
            "detail": {"type": "string"},
        "detail_zh": {"type": "string",
            "description": "The same line in Chinese, where there is one"},
        "faults": {"type": "array", "items": {"$ref": "#/components/schemas/Remark"}}
    }})
}

fn described(route: &Route, made: &mut SchemaGenerator) -> Option<Value> {
    let it = route.operation(made)?;
    let roles: Vec<&str> = route.roles.iter().map(|role| role.as_str()).collect();
    let mut answers = it.answers;
    answers.insert("default".to_owned(), json!({"$ref": "#/components/responses/Problem"}));
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "parameters": it.parameters,
        "responses": answers,
        "x-roles": roles,
        "x-audited": route.audited,
    });
    if route.roles.contains(&Role::Public) {
        operation["security"] = json!([]);
    }
    if !it.body.is_empty() {
        operation["requestBody"] = json!({"required": true, "content": it.body});
    }
    Some(operation)
}

fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    let path = route.path.strip_prefix(BASE).unwrap_or_default();
    for part in path.split(['/', '.']).filter(|p| !p.is_empty()) {
        let _ = write!(id, "_{}", part.trim_matches(['{', '}']));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of calls as `API.md` has it.
    fn table() -> String {
        let mut table = "| call | what it does | who | audit |\n|---|---|---|---|\n".to_owned();
        let mut calls: Vec<&Route> =
            routes().iter().filter(|route| route.path.starts_with(BASE)).collect();
        calls.sort_by_key(|route| (route.path, route.method.as_str()));
        for route in calls {
            let path = route.path.trim_start_matches(BASE).trim_start_matches('/');
            let roles: Vec<&str> = route.roles.iter().map(|role| role.as_str()).collect();
            let who = if route.roles.contains(&Role::Public) {
                "everybody".to_owned()
            } else {
                roles.join(", ")
            };
            let audit = if route.audited { "yes" } else { "–" };
            let _ = writeln!(
                table,
                "| `{} {path}` | {} | {who} | {audit} |",
                route.method, route.summary
            );
        }
        table
    }

    /// `ZAIGANG_BLESS=1 cargo test -p server openapi` writes both anew; the difference is then read
    /// in the review.
    fn bless(path: &str, text: &str) -> String {
        if std::env::var_os("ZAIGANG_BLESS").is_some() {
            std::fs::write(path, text).unwrap();
        }
        std::fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn the_golden_file_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        assert!(
            bless(path, &text()) == text(),
            "server/openapi.json is not what the code says: run ZAIGANG_BLESS=1 cargo test -p \
            server openapi"
        );
    }

    #[test]
    fn the_table_of_calls_in_api_md_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/API.md");
        let heading = "## Every call\n";
        let written = std::fs::read_to_string(path).unwrap();
        let (before, _) = written.split_once(heading).expect("API.md has no such heading");
        let wanted = format!("{before}{heading}\n{}", table());
        assert!(
            bless(path, &wanted) == wanted,
            "API.md's table of calls is not what the code says: run ZAIGANG_BLESS=1 cargo test -p \
            server openapi"
        );
    }

    #[test]
    fn every_call_says_what_it_does_and_answers() {
        let document = document();
        for route in routes().iter().filter(|route| route.path.starts_with(BASE)) {
            let path = route.path.trim_start_matches(BASE);
            let call = &document["paths"][path][route.method.as_str().to_lowercase()];
            assert!(!route.summary.is_empty(), "{} has no summary", route.path);
            let answers = call["responses"].as_object().unwrap();
            assert!(answers.len() > 1, "{} {} has no answer", route.method, route.path);
        }
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let ids: Vec<String> = routes()
            .iter()
            .filter(|route| route.path.starts_with(BASE))
            .map(operation_id)
            .collect();
        let different: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut found = 0;
        for rest in text.split("\"#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            found += 1;
        }
        assert!(found > 20, "{found}");
    }
}
