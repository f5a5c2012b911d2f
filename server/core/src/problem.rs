//! Two messages for one fault: a clear line for the client (RFC 9457), and the chain of causes for
//! the log.

use std::borrow::Cow;

use axum::body::Bytes;
use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

pub use crate::address::encoded;
use crate::enrol::EnrolFault;
use crate::store::StoreError;
use crate::text;

#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub detail: String,
    /// The same line for a page in Chinese, where there is one.
    pub zh: Option<Cow<'static, str>>,
    /// Seconds after which it may be tried again.
    pub retry_after_s: Option<u32>,
}

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), zh: None, retry_after_s: None }
    }

    /// A bound is reached: nothing was begun, and it may be tried again so many seconds later.
    pub fn busy(zh: &'static str, en: &'static str, retry_after_s: u32) -> Self {
        Self {
            zh: Some(zh.into()),
            retry_after_s: Some(retry_after_s),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, en)
        }
    }

    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn unknown(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("{what} `{}` is unknown", crate::clock::clip(id, 80)),
        )
    }

    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something failed inside the server; its log says what",
        )
    }
}

/// What a problem said, beside an answer that was made of it: a browser is shown a page instead.
#[derive(Debug, Clone)]
pub struct ProblemText {
    pub detail: String,
    pub zh: Option<Cow<'static, str>>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let told = ProblemText { detail: self.detail.clone(), zh: self.zh };
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(zh) = &told.zh {
            body["detail_zh"] = zh.as_ref().into();
        }
        let mut response =
            (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string())
                .into_response();
        retry_after(&mut response, self.retry_after_s);
        response.extensions_mut().insert(told);
        response
    }
}

/// Says when to try again, where that is known.
pub fn retry_after(response: &mut Response, seconds: Option<u32>) {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let Some(no_room) = error.no_room() {
            tracing::error!(%error, "a request was refused");
            return no_room.into();
        }
        match &error {
            // In the words for what lies elsewhere: whether it exists is not told.
            StoreError::Unknown { what, id } => Self::unknown(what, id),
            StoreError::Conflict(why) => Self::new(StatusCode::CONFLICT, why.clone()),
            StoreError::Refused(why) => Self::unprocessable(why.clone()),
            StoreError::Opening(refusal) => refusal.clone().into(),
            StoreError::Busy { .. } => Self::busy(
                "同时访问数据库的人太多，本次操作没有执行，请稍后再试。",
                "too many ask the database at once: nothing was done, try again in a moment",
                2,
            ),
            _ if error.is_unreachable() => {
                tracing::warn!(%error, "the database can not be reached");
                Self::busy(
                    "数据库暂时连接不上，请稍后再试。",
                    "the database can not be reached now: try again in a moment",
                    5,
                )
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<EnrolFault> for Problem {
    fn from(fault: EnrolFault) -> Self {
        match fault {
            EnrolFault::NoModels(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, fault.to_string())
            }
            EnrolFault::NonePassed(_) | EnrolFault::Refused(_) => {
                Self { zh: fault.zh().map(Cow::from), ..Self::unprocessable(fault.to_string()) }
            }
            EnrolFault::Store(error) => error.into(),
        }
    }
}

/// A JSON body. Anything else, and any unknown or wrong field, is one clear line.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state)
            .await
            .map_err(|error| {
                Problem::new(
                    error.status(),
                    "the request's body could not be read, or is too large",
                )
            })?;
        // An editor's mark of UTF-8 is no part of what it stands before (RFC 8259, 8.1).
        let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => Bytes::copy_from_slice(rest),
            None => bytes,
        };
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(Problem::bad("the body is UTF-16 text: send it as UTF-8"));
        }
        // A list of a body's values in their order would be taken for the body.
        if bytes.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::unprocessable("the body is a list: send an object"));
        }
        let bytes = match text::fold_body(&bytes).map_err(Problem::unprocessable)? {
            Some(folded) => Bytes::from(folded),
            None => bytes,
        };
        let request = Request::from_parts(parts, bytes.into());
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send JSON with the header Content-Type: application/json",
            )),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::unprocessable(cause(&error))),
            Err(JsonRejection::JsonSyntaxError(error)) => Err(Problem::bad(cause(&error))),
            Err(other) => Err(Problem::new(
                other.status(),
                "the request's body could not be read, or is too large",
            )),
        }
    }
}

/// A form's fields, tidied as every text that comes in.
#[derive(Debug)]
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let unreadable = |error: FormRejection| Problem::new(error.status(), error.body_text());
        let fields = axum::Form::<Vec<(String, String)>>::from_request(request, state).await;
        let axum::Form(mut fields) = fields.map_err(unreadable)?;
        text::tidy_form(&mut fields);
        let encoded =
            fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let body = encoded.collect::<Vec<_>>().join("&");
        let again = axum::http::Request::post("/")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(body))
            .map_err(|error| Problem::internal(&error))?;
        let axum::Form(value) =
            axum::Form::<T>::from_request(again, state).await.map_err(unreadable)?;
        Ok(Self(value))
    }
}

/// A person's text as it is kept, whole; a longer one is refused.
pub fn prose(what: &str, text: &str, most: usize) -> Result<String, Problem> {
    text::prose(what, text, most).map_err(Problem::unprocessable)
}

/// The innermost cause names the field; the outer texts only say that JSON was wrong.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(next) = innermost.source() {
        innermost = next;
    }
    crate::clock::clip(&once_named(&in_words_of_json(&innermost.to_string())), 300)
}

/// What the reader of JSON wanted, in words of JSON: whoever sends it knows no types of ours.
fn in_words_of_json(text: &str) -> String {
    let Some((given, wanted)) = text.split_once(", expected ") else { return text.to_owned() };
    let given = given.replace(": sequence", ": list").replace(": map", ": object");
    let (wanted, place) = wanted.split_at(wanted.find(" at line").unwrap_or(wanted.len()));
    let bits = |sign: char| wanted.strip_prefix(sign).is_some_and(|n| n.parse::<u8>().is_ok());
    let wanted = match wanted {
        "a map" | "map" => "an object",
        "a sequence" | "sequence" => "a list",
        _ if wanted.contains("struct ") || wanted.contains("enum ") => "an object",
        _ if bits('u') => "a whole number of 0 or more",
        _ if bits('i') => "a whole number",
        other => other,
    };
    format!("{given}, expected {wanted}{place}")
}

/// A reader of a word of a list names its field by itself, and the path to it stands before that.
fn once_named(text: &str) -> String {
    if let Some((path, rest)) = text.split_once(": ")
        && let Some((field, why)) = rest.split_once(": ")
        && path.rsplit('.').next().and_then(|last| last.split('[').next()) == Some(field)
    {
        return format!("{path}: {why}");
    }
    text.to_owned()
}

/// One clear line in both languages.
impl From<crate::penalty_case::CaseRefusal> for Problem {
    fn from(refusal: crate::penalty_case::CaseRefusal) -> Self {
        Self { zh: Some(refusal.zh().into()), ..Self::unprocessable(refusal.to_string()) }
    }
}

impl From<crate::ca::CaError> for Problem {
    fn from(error: crate::ca::CaError) -> Self {
        match error {
            crate::ca::CaError::Request(_) => Self::unprocessable(error.to_string()),
            other => Self::internal(&other),
        }
    }
}

impl From<crate::evidence::opening::OpeningRefusal> for Problem {
    fn from(it: crate::evidence::opening::OpeningRefusal) -> Self {
        use crate::evidence::opening::OpeningRefusal;

        let status = match it {
            OpeningRefusal::SamePerson | OpeningRefusal::NotYours => StatusCode::FORBIDDEN,
            OpeningRefusal::NoReason | OpeningRefusal::Missing { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            OpeningRefusal::NoSuchItem { .. } => StatusCode::NOT_FOUND,
            OpeningRefusal::NotNow { .. }
            | OpeningRefusal::RanOut
            | OpeningRefusal::Removed { .. }
            | OpeningRefusal::Left { .. }
            | OpeningRefusal::LastHolder { .. }
            | OpeningRefusal::NotInChain { .. }
            | OpeningRefusal::NotLooked
            | OpeningRefusal::NothingToCompare
            | OpeningRefusal::UpperRoll { .. } => StatusCode::CONFLICT,
        };
        Self { zh: Some(it.zh().into()), ..Self::new(status, it.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Sent {
        #[allow(dead_code, reason = "only read")]
        grade: u8,
    }

    async fn sent(body: &[u8]) -> Result<Sent, Problem> {
        let request = axum::http::Request::post("/")
            .header(header::CONTENT_TYPE, "application/json")
            .body(axum::body::Body::from(body.to_vec()))
            .unwrap();
        JsonBody::<Sent>::from_request(request, &()).await.map(|JsonBody(it)| it)
    }

    #[tokio::test]
    async fn what_a_body_lacks_is_told_in_words_of_json() {
        for (body, wanted) in [
            (&b"\"hi\""[..], "expected an object"),
            (
                b"{\"grade\":2.5}",
                "grade: invalid type: floating point `2.5`, expected a whole number",
            ),
            (b"{\"grade\":[1]}", "invalid type: list, expected a whole number of 0 or more"),
            (b"\xff\xfe{\0}\0", "send it as UTF-8"),
        ] {
            let told = sent(body).await.unwrap_err().detail;
            assert!(told.contains(wanted), "{told}");
            assert!(!told.contains("u8") && !told.contains("Sent"), "a type of ours: {told}");
        }
    }

    #[tokio::test]
    async fn an_editors_mark_before_a_body_is_no_part_of_it() {
        assert_eq!(sent(b"\xef\xbb\xbf{\"grade\":2}").await.unwrap().grade, 2);
    }
}
