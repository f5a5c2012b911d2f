//! An id that a path or a body names, read at the door: behind it an id is of its noun's type.
//!
//! What can be no id is unknown here, in the words for one that is not here; it reaches no store.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use protocol::id::{DeviceId, InstitutionId, PersonId, RoomId, SessionId, TrialId};

use crate::ids::{
    AccountId, AlertId, ApiTokenId, ClueId, CorrectionId, EnrolmentId, HookId, InvitationId,
    OpeningId, PassId, SelfCheckId,
};
use crate::problem::Problem;

/// A noun that is known by an id.
pub trait NounOfId: FromStr + Send {
    /// As a refusal calls it.
    const WHAT: &'static str;
}

macro_rules! nouns {
    ($($id:ident = $what:literal;)+) => { $(
        impl NounOfId for $id {
            const WHAT: &'static str = $what;
        }
    )+ };
}

nouns! {
    AccountId = "account";
    AlertId = "alert";
    ApiTokenId = "token";
    ClueId = "clue";
    CorrectionId = "correction";
    DeviceId = "device";
    EnrolmentId = "enrolment";
    HookId = "hook";
    InstitutionId = "institution";
    InvitationId = "invitation";
    OpeningId = "opening";
    PassId = "pass";
    PersonId = "practitioner";
    RoomId = "room";
    SelfCheckId = "self-check";
    SessionId = "session";
    TrialId = "trial";
}

/// The id of a noun; a text that can be none is unknown.
pub fn known<T: NounOfId>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::unknown(T::WHAT, text))
}

/// The one id of a path.
#[derive(Debug)]
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: NounOfId> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::new(error.status(), error.body_text()))?;
        known(&text).map(Self)
    }
}

/// An id and what follows it in a path.
#[derive(Debug)]
pub struct PathIdAnd<T, Rest>(pub T, pub Rest);

impl<S, T, Rest> FromRequestParts<S> for PathIdAnd<T, Rest>
where
    S: Send + Sync,
    T: NounOfId,
    Rest: serde::de::DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((text, rest)) = Path::<(String, Rest)>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::new(error.status(), error.body_text()))?;
        known(&text).map(|id| Self(id, rest))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// The first line of an answer.
    async fn asked(to: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(to).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.lines().next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_path_with_no_id_in_it_is_unknown() {
        let one = |PathId(id): PathId<AlertId>| async move { id.to_string() };
        let two = |PathIdAnd(id, n): PathIdAnd<DeviceId, u32>| async move { format!("{id} {n}") };
        let router = Router::new().route("/a/{id}", get(one)).route("/d/{id}/{n}", get(two));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let long = format!("/a/{}", "x".repeat(65));
        let paths = [
            ("200", vec!["/a/box-1", "/d/box-1/7"]),
            ("404", vec!["/a/-x", "/a/a%20b", "/a/%27", "/a/%E4%BA%BA", "/d/a%2Fb/7", &long]),
            ("400", vec!["/a/%ff", "/d/box-1/x"]),
        ];
        for (status, paths) in paths {
            for path in paths {
                let line = asked(to, path).await;
                assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {line}");
            }
        }
        server.abort();
    }

    proptest! {
        #[test]
        fn what_is_no_id_is_told_as_unknown(text in "\\PC{0,80}") {
            let read = known::<RoomId>(&text);
            prop_assert_eq!(read.is_ok(), text.parse::<RoomId>().is_ok());
            if let Err(problem) = read {
                prop_assert_eq!(problem.status, StatusCode::NOT_FOUND);
                prop_assert!(problem.detail.starts_with("room `"));
            }
        }
    }
}
