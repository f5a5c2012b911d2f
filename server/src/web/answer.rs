//! The answers of calls that say more than their body: how it ended, or a file. A handler's answer
//! is one of these or a `Json`, so that status and media type stand in its type.

use std::marker::PhantomData;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint::{Input, Operation, Output};
use crate::store::Upsert;

/// 201: it is there now.
#[derive(Debug)]
pub(super) struct Created<T>(pub T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}

/// 202: it is kept, and acted upon later.
#[derive(Debug)]
pub(super) struct Accepted<T>(pub T);

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self.0)).into_response()
    }
}

/// 201 for what is new, 200 for what took an earlier version's place.
#[derive(Debug)]
pub(super) struct Stored<T>(pub Upsert, pub T);

impl<T: Serialize> IntoResponse for Stored<T> {
    fn into_response(self) -> Response {
        let new = self.0 == Upsert::Created;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        (status, Json(self.1)).into_response()
    }
}

/// What a body is that is no JSON.
pub(super) trait Media {
    const TYPE: &'static str;
    /// As the answer's header says it.
    const HEADER: &'static str = Self::TYPE;

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

#[derive(Debug)]
pub(super) enum Csv {}

impl Media for Csv {
    const TYPE: &'static str = "text/csv";
    const HEADER: &'static str = "text/csv; charset=utf-8";
}

#[derive(Debug)]
pub(super) enum Xlsx {}

impl Media for Xlsx {
    const TYPE: &'static str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

    fn schema() -> Value {
        json!({"type": "string", "contentMediaType": Self::TYPE})
    }
}

#[derive(Debug)]
pub(super) enum JsonLines {}

impl Media for JsonLines {
    const TYPE: &'static str = "application/jsonl";
}

#[derive(Debug)]
pub(super) enum Zip {}

impl Media for Zip {
    const TYPE: &'static str = "application/zip";

    fn schema() -> Value {
        json!({"type": "string", "contentMediaType": Self::TYPE})
    }
}

#[derive(Debug)]
pub(super) enum Pdf {}

impl Media for Pdf {
    const TYPE: &'static str = "application/pdf";

    fn schema() -> Value {
        file(Self::TYPE)
    }
}

#[derive(Debug)]
pub(super) enum JsonFile {}

impl Media for JsonFile {
    const TYPE: &'static str = "application/json";
}

#[derive(Debug)]
pub(super) enum Docx {}

impl Media for Docx {
    const TYPE: &'static str =
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

    fn schema() -> Value {
        file(Self::TYPE)
    }
}

/// Bytes of this media type.
fn file(media: &str) -> Value {
    json!({"type": "string", "contentMediaType": media})
}

/// What a box sealed; nobody here can open it.
#[derive(Debug)]
pub(super) enum Ciphertext {}

impl Media for Ciphertext {
    const TYPE: &'static str = "application/octet-stream";

    fn schema() -> Value {
        json!({"type": "string", "contentMediaType": Self::TYPE})
    }
}

#[derive(Debug)]
pub(super) enum Jpeg {}

impl Media for Jpeg {
    const TYPE: &'static str = "image/jpeg";

    fn schema() -> Value {
        json!({"type": "string", "contentMediaType": Self::TYPE})
    }
}

/// 200 with a file that a browser saves.
#[derive(Debug)]
pub(super) struct Download<M> {
    name: String,
    bytes: Vec<u8>,
    media: PhantomData<M>,
}

impl<M> Download<M> {
    /// `name` is the file's: it is ours, never a visitor's word.
    pub(super) fn new(name: String, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name, bytes: bytes.into(), media: PhantomData }
    }
}

impl<M: Media> IntoResponse for Download<M> {
    fn into_response(self) -> Response {
        let name = format!("attachment; filename=\"{}\"", self.name);
        let headers =
            [(header::CONTENT_TYPE, M::HEADER.to_owned()), (header::CONTENT_DISPOSITION, name)];
        (headers, self.bytes).into_response()
    }
}

impl<T: JsonSchema> Output for Created<T> {
    fn describe(it: &mut Operation<'_>) {
        it.json_answer::<T>(201);
    }
}

impl<T: JsonSchema> Output for Accepted<T> {
    fn describe(it: &mut Operation<'_>) {
        it.json_answer::<T>(202);
    }
}

impl<T: JsonSchema> Output for Stored<T> {
    fn describe(it: &mut Operation<'_>) {
        it.json_answer::<T>(200);
        it.json_answer::<T>(201);
    }
}

impl<M: Media> Output for Download<M> {
    fn describe(it: &mut Operation<'_>) {
        it.answer(200, M::TYPE, M::schema());
    }
}

/// A request's body as it came.
#[derive(Debug)]
pub(super) struct RawBody<M>(pub Bytes, pub PhantomData<M>);

impl<S: Send + Sync, M> FromRequest<S> for RawBody<M> {
    type Rejection = <Bytes as FromRequest<S>>::Rejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Bytes::from_request(request, state).await?, PhantomData))
    }
}

impl<M: Media> Input for RawBody<M> {
    fn describe(it: &mut Operation<'_>) {
        it.body(M::TYPE, M::schema());
    }
}
