//! Open311 `GeoReport` v2, the write side alone: services, a request, and the token's receipt. The
//! standard's public list of requests is not offered: it would publish reports.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;

use super::page::nothing;
use super::report::{one_line, put_report_in};
use super::ticket;
use super::{Door, Shared};
use crate::clock;
use crate::clue::{About, Allegation, Anonymity, Place, PlaceKind};
use crate::clue_intake::{DoorReport, MOST_TEXT_CHARS};
use crate::problem::Problem;
use crate::text::listed;
use crate::web::clue_upload::Sent;

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
pub(super) struct Receipt {
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
        (None, Some(address)) => Some(Place {
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
    let about = About {
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
    })
}

/// What a token begins with.
const TOKENS: &str = "open311-";

pub(super) async fn request(
    State(door): Shared,
    axum::extract::Form(pairs): axum::extract::Form<Vec<(String, String)>>,
) -> Result<(StatusCode, Json<Vec<Requested>>), Problem> {
    let sent = Sent::of_pairs(pairs);
    let mut report = report(&door, &sent)?;
    report.check().map_err(Problem::bad)?;
    if !door.limits.may_send_by_program() {
        // A program that waits, or a person on the form, comes through; nothing is lost by it.
        let zh = "当前提交较多，请稍后重试，或使用网页表单";
        let en = "many reports come in now: try again later, or use the form of the pages";
        return Err(Problem::busy(zh, en, 60));
    }
    let now_s = clock::now().as_second();
    let issued = ticket::issue(&door.key, now_s)?;
    // No form's nonce begins like this: a token leads to no other receipt.
    let nonce = format!("{TOKENS}{}", issued.split('.').nth(1).unwrap_or_default());
    put_report_in(&door, report, &nonce)?;
    let notice = "请凭 token 换取回执并妥善保存 / fetch the receipt with the token, and keep it";
    Ok((StatusCode::CREATED, Json(vec![Requested { token: nonce, service_notice: notice }])))
}

/// The receipt of a request; `{token}.json`.
pub(super) async fn token(
    State(door): Shared,
    Path(token): Path<String>,
) -> Result<Json<Vec<Receipt>>, Problem> {
    let nonce = token.strip_suffix(".json").unwrap_or(&token);
    if !nonce.starts_with(TOKENS) {
        return Err(nothing());
    }
    let receipt = ticket::receipt(&door.key, nonce);
    let mac = ticket::receipt_mac(&door.key, &receipt).unwrap_or_default();
    door.ask(|store| store.report_status(&mac))?.ok_or_else(nothing)?;
    Ok(Json(vec![Receipt { service_request_id: receipt, token: nonce.to_owned() }]))
}
