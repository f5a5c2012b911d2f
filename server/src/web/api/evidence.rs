//! `/api/v1/evidence`: custodians and their keys, requests and what becomes of them, ciphertexts
//! for the two people of an opening, and the parts that a box delivers.
//!
//! It can open nothing: what passes here was sealed on a box or in a browser. Every call is a
//! person's, never a program's, and stands in the audit log.

mod custodians;
mod delivery;
mod evidence_seen;
mod keys;
mod opening_text;
mod openings;
mod policy;
mod requests;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use protocol::evidence::CustodianRole;

use self::custodians::{get_custodians, post_custodian, post_custodian_step};
use self::delivery::{get_item, get_pictures, post_part};
use self::keys::{post_key, post_passphrase, post_unlock};
use self::openings::{get_request, get_requests, post_request_step};
use self::policy::post_policy;
use self::requests::post_request;
use crate::access::Who;
use crate::app::App;
use crate::clock::{self, At};
use crate::evidence::role_of;
use crate::problem::Problem;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{AUTHORITY, EVERYBODY, OPENINGS, VERDICTS};

pub(in crate::web) use self::evidence_seen::evidence_seen;
pub(in crate::web) use self::openings::{OpeningSeen, PersonSeen, opening_seen, openings_seen};
pub(in crate::web) use self::policy::{EvidencePolicyBody, set_policy};

type Shared = State<Arc<App>>;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/evidence", post_part)
            .roles(EVERYBODY)
            .audited()
            .summary("A part of a released picture's ciphertext, signed by its box"),
        Endpoint::get("/api/v1/evidence/alerts/{id}", get_pictures)
            .roles(VERDICTS)
            .audited()
            .summary("Sealed pictures of an alert, as its box's chain names them"),
        Endpoint::get("/api/v1/evidence/custodians", get_custodians)
            .roles(OPENINGS)
            .audited()
            .summary("Custodians, their roles' keys, and where pictures are taken"),
        Endpoint::post("/api/v1/evidence/custodians", post_custodian)
            .roles(VERDICTS)
            .audited()
            .summary("Become a custodian: keys made in a browser"),
        Endpoint::post("/api/v1/evidence/custodians/{id}/steps", post_custodian_step)
            .roles(VERDICTS)
            .audited()
            .summary("Let a custodian in, or remove one"),
        Endpoint::post("/api/v1/evidence/keys", post_key)
            .roles(VERDICTS)
            .audited()
            .summary("Turn a role's key over"),
        Endpoint::post("/api/v1/evidence/passphrase", post_passphrase)
            .roles(VERDICTS)
            .audited()
            .summary("Wrap one's own keys anew"),
        Endpoint::post("/api/v1/evidence/policy", post_policy)
            .roles(AUTHORITY)
            .audited()
            .summary("Say where pictures are taken, and on which recorded basis"),
        Endpoint::get("/api/v1/evidence/requests", get_requests)
            .roles(OPENINGS)
            .audited()
            .summary("One's own openings of sealed pictures; to an auditor all of their place"),
        Endpoint::post("/api/v1/evidence/requests", post_request)
            .roles(AUTHORITY)
            .audited()
            .summary("Ask for sealed pictures of one finding, for one case"),
        Endpoint::get("/api/v1/evidence/requests/{id}", get_request)
            .roles(OPENINGS)
            .audited()
            .summary("An opening: whole for its two people, that it is for an auditor"),
        Endpoint::post("/api/v1/evidence/requests/{id}/steps", post_request_step)
            .roles(VERDICTS)
            .audited()
            .summary("Approve, refuse, or answer whether it is the same person"),
        Endpoint::get("/api/v1/evidence/requests/{id}/items/{n}", get_item)
            .roles(VERDICTS)
            .audited()
            .summary("The ciphertext of one picture, for the two of its opening"),
        Endpoint::post("/api/v1/evidence/unlock", post_unlock)
            .roles(VERDICTS)
            .audited()
            .summary("One's own wrapped keys, to try a passphrase on"),
    ]
}

/// A browser's clock may be off by this much when a custodian signs.
const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(10);

fn two_lines(status: StatusCode, zh: &'static str, en: &'static str) -> Problem {
    Problem { zh: Some(zh.into()), ..Problem::new(status, en) }
}

/// Programs see nothing of sealed pictures.
fn a_person(who: &Who) -> Result<(), Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    Ok(())
}

/// Whose word counts here: a person with a login, in a role that evidence knows.
fn custodian_role(who: &Who) -> Result<CustodianRole, Problem> {
    if who.open_house {
        let en =
            "sealed pictures are opened by two people: switch accounts on (`[access] accounts`)";
        let zh = "封存画面须由两人打开：请启用账户(`[access] accounts`)";
        return Err(two_lines(StatusCode::CONFLICT, zh, en));
    }
    a_person(who)?;
    role_of(who.role)
        .ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "a supervisor or a reviewer does this"))
}

fn not_a_custodian() -> Problem {
    two_lines(
        StatusCode::CONFLICT,
        "您不是保管人：请先在「封存画面」页生成密钥并由现任保管人准入",
        "you are no custodian: make your keys on the page of sealed pictures, and be let in",
    )
}

/// A time that somebody just signed.
fn now_or_so(what: &str, text: &str) -> Result<Timestamp, Problem> {
    let (at, now) = (clock::parse(what, text).map_err(Problem::unprocessable)?, clock::now());
    if At::from(at).to_string() != text || now.duration_since(at).abs() > CLOCK_OFF {
        return Err(Problem {
            zh: Some("本机时钟与服务器相差过大，请校准后重试".into()),
            ..Problem::unprocessable(format!(
                "{what}: {text} is not now ({}): set this machine's clock",
                At::from(now)
            ))
        });
    }
    Ok(at)
}
