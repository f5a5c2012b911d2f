//! Behind a receipt: how a report stands and what the officer asks, never its text. The receipt is
//! typed into a form and stands in no address.

use std::sync::Arc;

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::http::Uri;
use axum::response::Response;

use super::page::{PublicFrame, render, shown};
use super::report::put;
use super::ticket::{self, Level, Nonce};
use super::{Door, Shared};
use crate::clock;
use crate::clue::ReporterState;
use crate::clue_intake::{FromDoor, MOST_TEXT_CHARS};
use crate::form_reader::Sent;
use crate::problem::Problem;
use crate::store::ReportStatus;

type Pairs = axum::extract::Form<Vec<(String, String)>>;

#[derive(Template)]
#[template(path = "public_status.html")]
struct StatusPage {
    f: PublicFrame,
    receipt: String,
    found: Option<ReportStatus>,
    said: &'static str,
    asks: bool,
    fault: &'static str,
    done: &'static str,
    ticket: String,
}

fn page(
    door: &Arc<Door>,
    uri: &Uri,
    receipt: &str,
    found: Option<ReportStatus>,
    (fault, done): (&'static str, &'static str),
) -> Result<Response, Problem> {
    let f = PublicFrame::of(door, uri);
    render(&StatusPage {
        said: found.as_ref().map_or("", |it| f.l.t(it.state.zh(), it.state.en())),
        asks: found.as_ref().is_some_and(|it| it.state == ReporterState::Question),
        receipt: receipt.to_owned(),
        ticket: ticket::issue(&door.key, clock::now().as_second())?,
        found,
        fault,
        done,
        f,
    })
}

pub(super) async fn form(State(door): Shared, OriginalUri(uri): OriginalUri) -> Response {
    let made = page(&door, &uri, "", None, ("", ""));
    shown(&door, &uri, made)
}

pub(super) async fn look(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    axum::extract::Form(pairs): Pairs,
) -> Response {
    let sent = Sent::of_pairs(pairs);
    let made = looked(&door, &uri, sent.text("receipt"));
    shown(&door, &uri, made)
}

fn looked(door: &Arc<Door>, uri: &Uri, typed: &str) -> Result<Response, Problem> {
    let l = PublicFrame::of(door, uri).l;
    let Some(mac) = ticket::receipt_mac(&door.key, typed) else {
        let fault = l.t("回执为 20 位数字，请核对", "a receipt has 20 digits: please compare it");
        return page(door, uri, typed, None, (fault, ""));
    };
    let Some(found) = door.ask(|store| store.report_status(&mac))? else {
        let fault = l.t(
            "没有此回执：请核对数字；刚提交的请稍候再查，90 天未查询的回执会失效",
            "no report has this receipt: compare the digits; one just sent takes a moment, and one \
             not used for 90 days falls asleep",
        );
        return page(door, uri, typed, None, (fault, ""));
    };
    if door.limits.may_note_visit() {
        put(door, &Nonce::new()?, &FromDoor::Visit { mac })?;
    }
    page(door, uri, typed, Some(found), ("", ""))
}

/// The reporter's word to a question.
pub(super) async fn answer(
    State(door): Shared,
    OriginalUri(uri): OriginalUri,
    axum::extract::Form(pairs): Pairs,
) -> Response {
    let made = answered(&door, &uri, &Sent::of_pairs(pairs));
    shown(&door, &uri, made)
}

fn answered(door: &Arc<Door>, uri: &Uri, sent: &Sent) -> Result<Response, Problem> {
    let l = PublicFrame::of(door, uri).l;
    let typed = sent.text("receipt");
    let mac = ticket::receipt_mac(&door.key, typed);
    let found = match &mac {
        Some(mac) => door.ask(|store| store.report_status(mac))?,
        None => None,
    };
    let text = sent.text("text").replace("\r\n", "\n");
    let (Some(mac), Some(status)) = (mac, found) else { return looked(door, uri, typed) };
    if text.chars().count() > MOST_TEXT_CHARS {
        let fault = l.t(
            "回答超过 4000 字，没有保存：请缩短后再提交",
            "the answer has more than 4000 characters and was not kept: please shorten it",
        );
        return page(door, uri, typed, Some(status), (fault, ""));
    }
    if status.state != ReporterState::Question || text.is_empty() {
        return page(door, uri, typed, Some(status), (l.t("请填写回答", "write your answer"), ""));
    }
    // Whoever has the receipt has paid already.
    let now_s = clock::now().as_second() + ticket::LEAST_AGE_S;
    let Ok(spent) = ticket::check(&door.key, sent.text("ticket"), "", Level(0), now_s) else {
        let fault = l.t("此页面已过期，请重新提交", "this form is too old: please send it again");
        return page(door, uri, typed, Some(status), (fault, ""));
    };
    if !put(door, &spent.nonce, &FromDoor::Answer { mac, text })? {
        let fault = l.t(
            "此前已收到您的一份回答，这次的内容没有保存：如有补充，请再查一次回执后提交",
            "an answer came from this page before, and this one was not kept: to add something, \
             look behind your receipt again",
        );
        return page(door, uri, typed, Some(status), (fault, ""));
    }
    let done = l.t("回答已送达", "your answer has arrived");
    page(door, uri, typed, None, ("", done))
}
