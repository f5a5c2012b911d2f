//! One route of the server as one value: where it lies, who may take it, whether it is written
//! down, and which handler answers. Router, rights, the API's description and the table in
//! `API.md` are folds over these values; a route stands nowhere else.
//!
//! What a call takes and gives is read off its handler's arguments and answer, so that the
//! description can not say anything else than the code does.

use std::future::Future;
use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method};
use axum::routing::MethodRouter;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::request::bodies::ORDINARY_BYTES;
use super::view::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::JsonBody;

/// All that is known of a route without its handler.
#[derive(Debug, Clone)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    /// Nobody, where an endpoint names none.
    pub roles: &'static [Role],
    /// Whether the audit log gets an entry: every change, and every read of personal data.
    pub audited: bool,
    /// What it does, in one line; pages have none.
    pub summary: &'static str,
    /// Bytes of a body, at most.
    pub body_limit: usize,
    describe: Option<fn(&mut Operation<'_>)>,
}

impl Route {
    /// What the call takes and gives; `None` for a page.
    pub(super) fn operation<'a>(&self, schemas: &'a mut SchemaGenerator) -> Option<Operation<'a>> {
        let describe = self.describe?;
        let mut operation = Operation::new(schemas);
        for part in self.path.split('/') {
            if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                operation.parameter(name, "path", true, &json!({"type": "string"}));
            }
        }
        describe(&mut operation);
        Some(operation)
    }
}

/// A route with its handler.
pub(super) struct Endpoint {
    pub(super) route: Route,
    handler: MethodRouter<Arc<App>>,
}

impl Endpoint {
    /// A call of the API that changes nothing.
    pub(super) fn get<H, T, A>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Call<A>,
        T: 'static,
    {
        Self::new(Method::GET, path, axum::routing::get(handler), Some(H::describe))
    }

    /// A call of the API that changes something.
    pub(super) fn post<H, T, A>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>> + Call<A>,
        T: 'static,
    {
        Self::new(Method::POST, path, axum::routing::post(handler), Some(H::describe))
    }

    /// Something for a browser to look at: no part of the API.
    pub(super) fn page<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self::new(Method::GET, path, axum::routing::get(handler), None)
    }

    /// What a page's form sends.
    pub(super) fn form<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        Self::new(Method::POST, path, axum::routing::post(handler), None)
    }

    fn new(
        method: Method,
        path: &'static str,
        handler: MethodRouter<Arc<App>>,
        describe: Option<fn(&mut Operation<'_>)>,
    ) -> Self {
        let route = Route {
            method,
            path,
            roles: &[],
            audited: false,
            summary: "",
            body_limit: ORDINARY_BYTES,
            describe,
        };
        Self { route, handler }
    }

    pub(super) fn roles(mut self, roles: &'static [Role]) -> Self {
        self.route.roles = roles;
        self
    }

    pub(super) fn audited(mut self) -> Self {
        self.route.audited = true;
        self
    }

    pub(super) fn summary(mut self, summary: &'static str) -> Self {
        self.route.summary = summary;
        self
    }

    pub(super) fn body_limit(mut self, bytes: usize) -> Self {
        self.route.body_limit = bytes;
        self
    }

    /// The handler, bounded as its route says.
    pub(super) fn handler(self) -> MethodRouter<Arc<App>> {
        self.handler.route_layer(DefaultBodyLimit::max(self.route.body_limit))
    }
}

/// A handler whose arguments and answer say what the call takes and gives.
pub(super) trait Call<Arguments> {
    fn describe(it: &mut Operation<'_>);
}

macro_rules! call {
    ($($argument:ident)*) => {
        impl<F, Fut, Answer, $($argument),*> Call<($($argument,)*)> for F
        where
            F: FnOnce($($argument),*) -> Fut,
            Fut: Future<Output = Answer>,
            Answer: Output,
            $($argument: Input),*
        {
            fn describe(it: &mut Operation<'_>) {
                $($argument::describe(it);)*
                Answer::describe(it);
            }
        }
    };
}

call!();
call!(A);
call!(A B);
call!(A B C);
call!(A B C D);
call!(A B C D E);
call!(A B C D E G);

/// What a call is described by, as `OpenAPI` has it.
pub(super) struct Operation<'a> {
    pub(super) schemas: &'a mut SchemaGenerator,
    pub(super) parameters: Vec<Value>,
    /// By media type.
    pub(super) body: Map<String, Value>,
    /// By status.
    pub(super) answers: Map<String, Value>,
}

impl<'a> Operation<'a> {
    fn new(schemas: &'a mut SchemaGenerator) -> Self {
        Self { schemas, parameters: Vec::new(), body: Map::new(), answers: Map::new() }
    }

    fn parameter(&mut self, name: &str, place: &str, required: bool, schema: &Value) {
        let mut parameter = json!({"name": name, "in": place, "schema": schema});
        if required {
            parameter["required"] = json!(true);
        }
        self.parameters.push(parameter);
    }

    pub(super) fn body(&mut self, media: &str, schema: impl Into<Value>) {
        let schema: Value = schema.into();
        self.body.insert(media.to_owned(), json!({"schema": schema}));
    }

    pub(super) fn answer(&mut self, status: u16, media: &str, schema: impl Into<Value>) {
        let schema: Value = schema.into();
        let content = json!({media: {"schema": schema}});
        let answer = json!({"description": "done", "content": content});
        self.answers.insert(status.to_string(), answer);
    }

    pub(super) fn json_answer<T: JsonSchema>(&mut self, status: u16) {
        let schema = self.schemas.subschema_for::<T>();
        self.answer(status, "application/json", schema);
    }
}

/// An argument of a handler, and what it takes from the request.
pub(super) trait Input {
    fn describe(_: &mut Operation<'_>) {}
}

impl Input for State<Arc<App>> {}
impl Input for Who {}
impl Input for HeaderMap {}
impl Input for Lang {}
/// The path itself names its parameters.
impl<T> Input for Path<T> {}
impl<T> Input for PathId<T> {}
impl<T, Rest> Input for PathIdAnd<T, Rest> {}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(it: &mut Operation<'_>) {
        let schema = T::json_schema(it.schemas).to_value();
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            it.parameter(name, "query", false, &in_an_address(schema.clone()));
        }
    }
}

/// A parameter is left out rather than null, and an address knows no 32-bit number.
fn in_an_address(mut schema: Value) -> Value {
    if let Some(kinds) = schema["type"].as_array() {
        schema["type"] = kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or_default();
    }
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("format");
        fields.retain(|name, value| name != "default" || value.is_boolean());
    }
    schema
}

impl<T: JsonSchema> Input for JsonBody<T> {
    fn describe(it: &mut Operation<'_>) {
        let schema = it.schemas.subschema_for::<T>();
        it.body("application/json", schema);
    }
}

/// The answer of a handler, and what goes out with which status.
pub(super) trait Output {
    fn describe(it: &mut Operation<'_>);
}

/// Every refusal is described once for all calls.
impl<T: Output, Refusal> Output for Result<T, Refusal> {
    fn describe(it: &mut Operation<'_>) {
        T::describe(it);
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(it: &mut Operation<'_>) {
        it.json_answer::<T>(200);
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts as _;

    use super::*;

    #[tokio::test]
    async fn a_handler_outside_of_the_layer_knows_nobody() {
        let (mut parts, ()) = axum::http::Request::new(()).into_parts();
        let found = Who::from_request_parts(&mut parts, &()).await;
        assert!(found.is_err_and(|problem| problem.status.is_server_error()));
        parts.extensions.insert(Who::open_house());
        assert!(Who::from_request_parts(&mut parts, &()).await.is_ok_and(|who| who.open_house));
    }

    #[test]
    fn a_parameter_is_of_one_kind_and_never_null() {
        let schema = json!({"type": ["integer", "null"], "format": "uint32", "minimum": 1,
            "default": null});
        assert_eq!(in_an_address(schema), json!({"type": "integer", "minimum": 1}));
        let flag = json!({"type": "boolean", "default": false});
        assert_eq!(in_an_address(flag.clone()), flag);
    }
}
