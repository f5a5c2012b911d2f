//! Open311 `GeoReport` v2, the write side alone: services, a request, and the token's receipt. The
//! standard's public list of requests is not offered: it would publish reports.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::page::nothing;
use super::report::{one_line, put_report_in};
use super::ticket::{self, Level, Nonce, PROGRAMS, TicketFault};
use super::{Door, Shared};
use crate::clock;
use crate::clue::{Allegation, Anonymity, ClueDetails, PlaceKind, UnregisteredPlace};
use crate::clue_intake::{DoorReport, MOST_TEXT_CHARS};
use crate::form_reader::Sent;
use crate::problem::Problem;
use crate::text::listed;

#[derive(Serialize)]
pub(super) struct Service {
    #[serde(rename = "service_code")]
    code: &'static str,
    #[serde(rename = "service_name")]
    name: &'static str,
    description: &'static str,
    metadata: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    keywords: &'static str,
    group: &'static str,
}

pub(super) async fn services() -> Json<Vec<Service>> {
    let service = |a: &Allegation| Service {
        code: a.as_str(),
        name: a.zh(),
        description: a.en(),
        metadata: false,
        kind: "blackbox",
        keywords: "医疗美容",
        group: "医疗美容",
    };
    Json(Allegation::ALL.iter().map(service).collect())
}

#[derive(Serialize)]
pub(super) struct Requested {
    /// With which the receipt is fetched.
    token: String,
    service_notice: &'static str,
}

#[derive(Serialize)]
pub(super) struct ServiceRequestReceipt {
    /// The receipt: with it alone one reads how the report stands.
    service_request_id: String,
    token: String,
}

fn report(door: &Door, sent: &Sent) -> Result<DoorReport, Problem> {
    let code = sent.text("service_code");
    let allegation = listed("service_code", code).map_err(Problem::bad)?;
    let text = sent.text("description");
    if text.is_empty() || text.chars().count() > MOST_TEXT_CHARS {
        return Err(Problem::bad("description: 1 to 4000 characters are needed"));
    }
    // Our own attribute: the address of the institution's page.
    let slug = sent.given("attribute[institution]");
    let address = sent.given("address_string").or_else(|| sent.given("address_id"));
    let place = match (&slug, address) {
        (Some(_), _) => None,
        (None, Some(address)) => Some(UnregisteredPlace {
            name: String::new(),
            address: one_line(&address, 200),
            kind: PlaceKind::Other,
        }),
        (None, None) => {
            let why = "address_string: name the place, or attribute[institution] from its page";
            return Err(Problem::bad(why));
        }
    };
    let contact = sent.given("email").or_else(|| sent.given("phone"));
    let anonymity = if contact.is_some() { Anonymity::Confidential } else { Anonymity::Anonymous };
    let about = ClueDetails {
        place,
        from_at: None,
        to_at: None,
        window_vague: true,
        item_text: String::new(),
        anonymity,
    };
    if let Some(slug) = &slug {
        let known = tokio::task::block_in_place(|| door.store.institution(slug))?;
        known
            .ok_or_else(|| Problem::bad("attribute[institution]: is on no page of the register"))?;
    }
    Ok(DoorReport {
        slug,
        sign: None,
        allegation,
        about,
        text: text.to_owned(),
        contact: contact.map(|c| one_line(&c, 200)),
        receipt_mac: String::new(),
        pictures: Vec::new(),
        division: sent.text("attribute[division]").to_owned(),
    })
}

pub(super) async fn request(
    State(door): Shared,
    crate::problem::Form(pairs): crate::problem::Form<Vec<(String, String)>>,
) -> Result<(StatusCode, Json<Vec<Requested>>), Problem> {
    let sent = Sent::of_pairs(pairs);
    let mut report = report(&door, &sent)?;
    report.check().map_err(Problem::bad)?;
    let nonce = spend(&door, &sent)?.of_program();
    put_report_in(&door, report, &nonce)?;
    let notice = "请凭 token 换取回执并妥善保存 / fetch the receipt with the token, and keep it";
    let token = nonce.as_str().to_owned();
    Ok((StatusCode::CREATED, Json(vec![Requested { token, service_notice: notice }])))
}

/// What a program may spend when many reports come in: it finds a proof, or it waits.
#[derive(Serialize)]
pub(super) struct NewTicket {
    ticket: String,
    /// `work` is a text of up to 20 characters by which SHA-256 of `ticket:work` begins with so
    /// many zero bits.
    bits: u32,
    /// Or the request is sent so many seconds later, without `work`.
    wait_s: i64,
}

/// What it costs while it is crowded.
fn price(door: &Door) -> Level {
    Level(1).max(Level::of_queue(door.queue.reports()))
}

pub(super) async fn new_ticket(State(door): Shared) -> Result<Json<NewTicket>, Problem> {
    let ticket = ticket::issue(&door.key, clock::now().as_second())?;
    let level = price(&door);
    Ok(Json(NewTicket { ticket, bits: level.bits(), wait_s: level.wait_s() }))
}

/// What the request is known by. While few come nothing is asked; a ticket counts at all times.
fn spend(door: &Door, sent: &Sent) -> Result<Nonce, Problem> {
    let now_s = clock::now().as_second();
    let Some(ticket) = sent.given("ticket") else {
        let crowded = door.queue.reports() > 0 && Level::of_queue(door.queue.reports()) > Level(0);
        if !crowded && door.limits.may_send_by_program() {
            return Nonce::new();
        }
        let zh = "当前提交较多：请取 /p/open311/ticket.json，计算或等待后附 ticket 重新提交";
        let en = "many reports come in now: fetch /p/open311/ticket.json, work or wait, and send \
            again with `ticket` and `work`";
        return Err(Problem::busy(zh, en, 60));
    };
    let level = price(door);
    match ticket::check(&door.key, &ticket, sent.text("work"), level, now_s) {
        Ok(spent) if spent.paid || door.limits.may_go_unpaid() => Ok(spent.nonce),
        Ok(_) => Err(Problem::busy("请稍后重试", "too many only wait: try again", 20)),
        Err(TicketFault::TooYoung(left_s)) => {
            let left_s = u32::try_from(left_s).unwrap_or(60);
            Err(Problem::busy("请稍后重试", "ticket: wait, or give its `work`", left_s))
        }
        Err(TicketFault::TooOld | TicketFault::Unreadable) => {
            Err(Problem::bad("ticket: fetch a new one from /p/open311/ticket.json"))
        }
    }
}

/// The receipt of a request; `{token}.json`.
pub(super) async fn token(
    State(door): Shared,
    Path(token): Path<String>,
) -> Result<Json<Vec<ServiceRequestReceipt>>, Problem> {
    let nonce = token.strip_suffix(".json").unwrap_or(&token);
    if !nonce.starts_with(PROGRAMS) {
        return Err(nothing());
    }
    let receipt = ticket::receipt(&door.key, nonce);
    let mac = ticket::receipt_mac(&door.key, &receipt).unwrap_or_default();
    door.ask(|store| store.report_status(&mac))?.ok_or_else(nothing)?;
    Ok(Json(vec![ServiceRequestReceipt { service_request_id: receipt, token: nonce.to_owned() }]))
}
