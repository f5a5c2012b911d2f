//! The very text that both custodians of an opening sign, and the roll it is checked against.

use axum::http::StatusCode;

use super::two_lines;
use crate::app::App;
use crate::evidence::{OpeningKept, Roll};
use crate::problem::Problem;
use crate::store::{Alert, release_order};

pub(super) fn roll_of(a: &App, alert: &Alert) -> Result<Roll, Problem> {
    a.store.roll_for(&alert.jurisdiction)?.ok_or_else(|| {
        two_lines(
            StatusCode::CONFLICT,
            "本辖区尚未设置保管人（卫生监督员与核查员各至少一名）",
            "this jurisdiction has no custodians yet: at least one supervisor and one reviewer",
        )
    })
}

pub(super) fn text_of(it: &OpeningKept) -> Result<String, Problem> {
    let order = release_order(it).ok_or_else(|| Problem::internal(&"an order without ids"))?;
    evidence::signed_text::release(&order).map_err(|why| Problem::unprocessable(why.to_string()))
}
