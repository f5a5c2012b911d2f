//! Faults as people read them: whoever came with a browser is shown a page within the frame of the
//! others, in their language; a program gets its `problem+json`.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::access::Who;
use crate::app::App;
use crate::problem::{Problem, ProblemText};
use crate::web::pages::frame;
use crate::web::request::credential::RequestCredential;
use crate::web::view::words::Lang;

/// What a request asked for, as far as a fault's page needs it.
pub(in crate::web) struct FailedRequest {
    pub address: String,
    read: bool,
    /// A person looks at the answer: a program never asks for HTML.
    by_browser: bool,
}

impl FailedRequest {
    pub(in crate::web) fn of(request: &Request) -> Self {
        let uri = request.uri();
        let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
        Self {
            address: uri.path_and_query().map_or("/", |whole| whole.as_str()).to_owned(),
            read: request.method().is_safe(),
            by_browser: !uri.path().starts_with("/api/")
                && accepts.is_some_and(|accepts| accepts.contains("text/html")),
        }
    }

    /// The page to come back to; what changes something is not asked for again.
    pub(in crate::web) fn back(&self) -> Option<String> {
        self.read.then(|| self.address.clone())
    }

    /// The answer as a person reads it: a fault that is no page yet becomes one.
    pub(in crate::web) async fn shown(
        &self,
        app: &Arc<App>,
        who: &Who,
        l: Lang,
        response: Response,
    ) -> Response {
        let status = response.status();
        let is_page = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let fault = status.is_client_error() || status.is_server_error();
        if !self.by_browser || !fault || is_page {
            return response;
        }
        let problem = match response.extensions().get::<ProblemText>() {
            Some(told) => Problem { zh: told.zh.clone(), ..Problem::new(status, &told.detail) },
            // What the framework itself refuses says its part in English for programmers.
            None => Problem {
                zh: Some("地址或提交内容中有无法识别的部分，请返回后重试".into()),
                ..Problem::new(status, "something of the address or the form can not be read")
            },
        };
        let retry = response.headers().get(header::RETRY_AFTER).cloned();
        let page = frame::shown(app, who, l, Err(problem));
        let mut page = frame::ADDRESS.scope(self.back(), page).await;
        if let Some(retry) = retry {
            page.headers_mut().insert(header::RETRY_AFTER, retry);
        }
        page
    }
}

/// No route: a person is told so within the frame of the pages.
pub(in crate::web) async fn nowhere(app: &Arc<App>, request: Request, next: Next) -> Response {
    let asked = FailedRequest::of(&request);
    if !asked.by_browser {
        return next.run(request).await;
    }
    let lang = Lang::of(request.uri(), request.headers());
    match RequestCredential::of(app, request.headers()).who(app).await {
        Ok(who) => {
            let response = next.run(request).await;
            asked.shown(app, &who, lang, response).await
        }
        Err(problem) => problem.into_response(),
    }
}
