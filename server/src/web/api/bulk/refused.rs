//! Why a table was not taken: a fault of the whole, or of rows, each at its column.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Remark, asked_by};
use crate::clock::clip;
use crate::problem::Problem;
use crate::web::table_file::{Encoding, UnreadTable};

/// Why nothing was stored.
pub(super) enum ImportRefused {
    Rows { faults: Vec<Remark>, rows: usize },
    Other(Problem),
}

impl From<Problem> for ImportRefused {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

/// RFC 9457, with the rows.
#[derive(Debug, serde::Serialize)]
struct RowsAtFault {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    faults: Vec<Remark>,
}

impl IntoResponse for ImportRefused {
    fn into_response(self) -> Response {
        let (faults, rows) = match self {
            Self::Rows { faults, rows } => (faults, rows),
            Self::Other(problem) => return problem.into_response(),
        };
        let detail = format!("nothing was stored: {} of {rows} rows are at fault", faults.len());
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let problem = RowsAtFault {
            r#type: "about:blank",
            title: "Unprocessable Entity",
            status: status.as_u16(),
            detail,
            faults,
        };
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, Json(problem)).into_response()
    }
}

pub(super) fn unread(fault: UnreadTable) -> Problem {
    let readings = match fault {
        UnreadTable::Fault(why) => return Problem::unprocessable(why),
        UnreadTable::Either(readings) => readings,
    };
    let shown = |(kind, text): &(Encoding, String)| {
        let line = clip(text.lines().nth(1).unwrap_or_default(), 60);
        format!("{} (`{line}`)", kind.name())
    };
    let ways: Vec<_> = readings.iter().map(shown).collect();
    let words: Vec<_> = readings.iter().map(|(kind, _)| asked_by(*kind)).collect();
    Problem::unprocessable(format!(
        "the file may be text in {}: say which by {}, or save it as CSV UTF-8",
        ways.join(" / "),
        words.join(" / ")
    ))
}
