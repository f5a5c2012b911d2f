//! The API's description (`OpenAPI` 3.1), made from the code: routes and roles from [`RULES`],
//! shapes from the types.
//!
//! A test fails where a route of `/api/v1` has no entry here, and where `server/openapi.json` is
//! not what this makes.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use protocol::commission::CommissionAnswer;
use protocol::envelope::Envelope;
use protocol::evidence::EvidencePartAnswer;
use protocol::provision::{ProvisionRequest, ProvisionResponse, RenewResponse};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::rights::{Audit, RULES, Rule};
use super::{
    alerts, answers, bulk, calendar, checks, devices, enrolments, evidence, hooks, law, monitoring,
    personal, policy, running, sessions, tokens, views,
};
use crate::access::Role;
use crate::alert_view::{AlertSeen, WholeSeen};
use crate::model::{DevicePlace, Institution, Item, Pass, Practitioner, Room, Session};
use crate::store::{
    ApiToken, ComeAgain, Delivery, Enrolment, Figures, Hook, KeptCheck, Summary, Unlock, View,
};

type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What a request's body is.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Json(Shape),
    Csv,
    Form,
    Picture,
}

/// What comes back.
#[derive(Clone, Copy)]
enum Gives {
    /// This very description.
    Object,
    Json(Shape),
    /// `{"name": […]}`, with `next` where the list has pages.
    List(&'static str, Shape),
    Csv,
    Zip,
    Lines,
    Bytes,
}

struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    takes: Takes,
    gives: Gives,
}

fn shape<T: JsonSchema>(made: &mut SchemaGenerator) -> Schema {
    made.subschema_for::<T>()
}

const fn get(
    path: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    gives: Gives,
) -> Operation {
    Operation { method: "GET", path, summary, query, takes: Takes::Nothing, gives }
}

const fn post(path: &'static str, summary: &'static str, takes: Takes, gives: Gives) -> Operation {
    Operation { method: "POST", path, summary, query: &[], takes, gives }
}

use Gives::{List, Object};

const PAGE: &[&str] = &["after", "limit", "q", "at"];
const DAYS: &[&str] = &["from", "to"];

const OPERATIONS: &[Operation] = &[
    get("/institutions", "Institutions, by id", PAGE, List("institutions", shape::<Institution>)),
    post(
        "/institutions",
        "Register or replace an institution",
        Takes::Json(shape::<Institution>),
        Gives::Json(shape::<answers::Made>),
    ),
    get(
        "/practitioners",
        "Practitioners, by id",
        PAGE,
        List("practitioners", shape::<Practitioner>),
    ),
    post(
        "/practitioners",
        "Register or replace a practitioner",
        Takes::Json(shape::<Practitioner>),
        Gives::Json(shape::<answers::Made>),
    ),
    post(
        "/practitioners/{id}/withdraw",
        "Withdraw consent: at one institution, or (the authority) everywhere",
        Takes::Json(shape::<enrolments::WithdrawBody>),
        Gives::Json(shape::<answers::Withdrawn>),
    ),
    post(
        "/practitioners/{id}/links",
        "Give a person a one-time link: card and PIN (P4), or withdrawal of consent",
        Takes::Json(shape::<personal::LinkBody>),
        Gives::Json(shape::<answers::LinkMade>),
    ),
    post(
        "/personal/{token}",
        "What the person of a one-time link does",
        Takes::Json(shape::<personal::PersonalStep>),
        Gives::Json(shape::<answers::PersonalDone>),
    ),
    get("/rooms", "Rooms, by id", PAGE, List("rooms", shape::<Room>)),
    post(
        "/rooms",
        "Register or replace a room",
        Takes::Json(shape::<Room>),
        Gives::Json(shape::<answers::Made>),
    ),
    get("/items", "The item catalogue, by code", PAGE, List("items", shape::<Item>)),
    post(
        "/items",
        "Register or replace an item",
        Takes::Json(shape::<Item>),
        Gives::Json(shape::<answers::ItemMade>),
    ),
    get(
        "/sessions",
        "Declared sessions, newest first",
        &["after", "limit", "at"],
        List("sessions", shape::<Session>),
    ),
    post(
        "/sessions",
        "Open or amend a session",
        Takes::Json(shape::<Session>),
        Gives::Json(shape::<answers::SessionMade>),
    ),
    get(
        "/sessions/{id}",
        "A session, every word of it, and what the box saw",
        &[],
        Gives::Json(shape::<answers::SessionSeen>),
    ),
    post(
        "/sessions/{id}/steps",
        "Close, cancel, flag or reopen a session",
        Takes::Json(shape::<sessions::SessionStep>),
        Gives::Json(shape::<answers::SessionMade>),
    ),
    get(
        "/checks",
        "Checks by card, PIN and witness, newest first",
        PAGE,
        List("checks", shape::<KeptCheck>),
    ),
    post(
        "/checks",
        "Check by card, PIN and witness (P4)",
        Takes::Json(shape::<checks::CheckBody>),
        Gives::Json(shape::<answers::CheckMade>),
    ),
    get(
        "/workdays",
        "Which years have a table of working days, and what was imported",
        &[],
        Gives::Json(shape::<calendar::Workdays>),
    ),
    post(
        "/workdays",
        "Import a year's notice of holidays and weekend days worked",
        Takes::Json(shape::<calendar::WorkdaysBody>),
        Gives::Json(shape::<calendar::Workdays>),
    ),
    get(
        "/law",
        "Basis and penalty per matter, with every decision of a lawyer",
        &[],
        Gives::Json(shape::<law::LawTable>),
    ),
    post(
        "/law",
        "Confirm, change, strike out or add an article of the law table",
        Takes::Json(shape::<law::DecisionBody>),
        Gives::Json(shape::<law::LawVersion>),
    ),
    get(
        "/devices/{id}/review",
        "What stands for a box by 行政处罚法 41, with history",
        &[],
        Gives::Json(shape::<monitoring::ReviewSeen>),
    ),
    post(
        "/devices/{id}/review",
        "Enter the reviews of a box in its room (行政处罚法 41)",
        Takes::Json(shape::<crate::monitoring_review::MonitoringReview>),
        Gives::Json(shape::<monitoring::ReviewSeen>),
    ),
    get("/passes", "Passes, by id", PAGE, List("passes", shape::<Pass>)),
    post(
        "/passes",
        "Issue or replace a pass",
        Takes::Json(shape::<Pass>),
        Gives::Json(shape::<answers::Made>),
    ),
    get(
        "/policy",
        "The numbers in force at a place, with their history",
        &["jurisdiction"],
        Gives::Json(shape::<answers::PolicySeen>),
    ),
    post(
        "/policy",
        "Replace the policy of a jurisdiction",
        Takes::Json(shape::<policy::PolicyBody>),
        Gives::Json(shape::<answers::PolicyMade>),
    ),
    get(
        "/policy/{sha256}",
        "The values behind a hash in a manifest",
        &[],
        Gives::Json(shape::<answers::PolicyOfHash>),
    ),
    get(
        "/devices",
        "Boxes with their last word, by id",
        PAGE,
        List("devices", shape::<answers::BoxSeen>),
    ),
    post(
        "/devices",
        "Register a box; gives its single-use token",
        Takes::Json(shape::<DevicePlace>),
        Gives::Json(shape::<answers::BoxMade>),
    ),
    post(
        "/devices/{id}/revoke",
        "Take a box's keys away",
        Takes::Nothing,
        Gives::Json(shape::<answers::Revoked>),
    ),
    post(
        "/devices/{id}/commands",
        "Send a box a command",
        Takes::Json(shape::<devices::CommandBody>),
        Gives::Json(shape::<answers::CommandSent>),
    ),
    post(
        "/devices/{id}/unlock",
        "Unlock a box for commissioning",
        Takes::Nothing,
        Gives::Json(shape::<answers::Unlocked>),
    ),
    post(
        "/provision",
        "Exchange a token for a box's credentials",
        Takes::Json(shape::<ProvisionRequest>),
        Gives::Json(shape::<ProvisionResponse>),
    ),
    post(
        "/provision/renew",
        "The next TLS certificate of a box",
        Takes::Json(shape::<protocol::envelope::Envelope>),
        Gives::Json(shape::<RenewResponse>),
    ),
    post(
        "/provision/retire",
        "A box ends its own service",
        Takes::Json(shape::<protocol::envelope::Envelope>),
        Gives::Json(shape::<answers::Revoked>),
    ),
    post(
        "/provision/zones",
        "A box brings the zones that its installer drew",
        Takes::Json(shape::<protocol::envelope::Envelope>),
        Gives::Json(shape::<CommissionAnswer>),
    ),
    post(
        "/provision/lock",
        "A box is locked: its commissioning is over",
        Takes::Json(shape::<protocol::envelope::Envelope>),
        Gives::Json(shape::<CommissionAnswer>),
    ),
    post(
        "/provision/unlock",
        "A box asks for its unlock",
        Takes::Json(shape::<protocol::envelope::Envelope>),
        Gives::Json(shape::<CommissionAnswer>),
    ),
    get("/enrolments", "Enrolments, newest first", PAGE, List("enrolments", shape::<Enrolment>)),
    get(
        "/enrolments/come-again",
        "Persons whose templates are of an earlier model and could not be made anew",
        &[],
        List("come_again", shape::<ComeAgain>),
    ),
    post(
        "/enrolments",
        "Propose an enrolment: photographs with a consent record",
        Takes::Form,
        Gives::Json(shape::<answers::EnrolmentMade>),
    ),
    post(
        "/enrolments/quality",
        "Whether a photograph would do, and why not; nothing is kept",
        Takes::Picture,
        Gives::Json(shape::<crate::enrol::PhotoOutcome>),
    ),
    post(
        "/enrolments/{id}/confirm",
        "Confirm a proposal",
        Takes::Json(shape::<enrolments::Decision>),
        Gives::Json(shape::<answers::EnrolmentDecided>),
    ),
    post(
        "/enrolments/{id}/refuse",
        "Refuse a proposal",
        Takes::Json(shape::<enrolments::Decision>),
        Gives::Json(shape::<answers::EnrolmentDecided>),
    ),
    get(
        "/alerts",
        "Alerts (incidents), newest first",
        &[
            "state",
            "severity",
            "kind",
            "device",
            "institution",
            "session",
            "assignee",
            "before",
            "limit",
        ],
        List("alerts", shape::<AlertSeen>),
    ),
    get(
        "/alerts/{id}",
        "An alert with its findings and steps",
        &[],
        Gives::Json(shape::<WholeSeen>),
    ),
    post(
        "/alerts/{id}/steps",
        "Take a step of the case workflow",
        Takes::Json(shape::<alerts::StepBody>),
        Gives::Json(shape::<alerts::StepTaken>),
    ),
    get("/summary", "Counts over everything", &[], Gives::Json(shape::<Summary>)),
    get(
        "/figures",
        "Leads, false alarms, visibility and abstention of a span of days",
        DAYS,
        Gives::Json(shape::<Figures>),
    ),
    post(
        "/alerts/steps",
        "One step on several alerts",
        Takes::Json(shape::<alerts::BulkBody>),
        List("alerts", shape::<alerts::BulkAnswer>),
    ),
    get(
        "/alerts/{id}/package",
        "The case as a zip: PDF, JSON, chain bundle and checksums; `why` goes into the audit log",
        &["why"],
        Gives::Zip,
    ),
    get("/views", "The caller's saved views of the inbox", &[], List("views", shape::<View>)),
    post(
        "/views",
        "Keep a view",
        Takes::Json(shape::<views::ViewBody>),
        Gives::Json(shape::<View>),
    ),
    post(
        "/views/{id}/delete",
        "Delete a view",
        Takes::Nothing,
        Gives::Json(shape::<answers::ViewDeleted>),
    ),
    get(
        "/retention",
        "What is deleted when, and the signed deletions",
        &[],
        Gives::Json(shape::<running::RetentionSeen>),
    ),
    get(
        "/audit",
        "The audit log, newest first",
        &["q", "before", "limit"],
        List("audit", shape::<answers::AuditSeen>),
    ),
    get(
        "/audit/export",
        "The whole audit log, sealed: `zaigang-verify` checks it",
        &[],
        Gives::Lines,
    ),
    get("/accounts", "Accounts", &[], List("accounts", shape::<answers::AccountSeen>)),
    post(
        "/accounts",
        "Invite somebody; the link is shown once and works once",
        Takes::Json(shape::<super::accounts::InviteForm>),
        Gives::Json(shape::<answers::Invited>),
    ),
    post(
        "/accounts/{id}/enable",
        "Enable an account",
        Takes::Nothing,
        Gives::Json(shape::<answers::Disabled>),
    ),
    post(
        "/accounts/{id}/reset",
        "A one-time link to a new password and second factor of an account",
        Takes::Nothing,
        Gives::Json(shape::<answers::Invited>),
    ),
    get(
        "/accounts/second-factor",
        "Roles that need a one-time code",
        &[],
        Gives::Json(shape::<super::accounts::SecondFactorRoles>),
    ),
    post(
        "/accounts/second-factor",
        "Say which roles need a one-time code",
        Takes::Json(shape::<super::accounts::SecondFactorRoles>),
        Gives::Json(shape::<super::accounts::SecondFactorRoles>),
    ),
    post(
        "/account/password",
        "Change one's own password; every other login ends",
        Takes::Json(shape::<super::account::PasswordBody>),
        Gives::Json(shape::<answers::PasswordChanged>),
    ),
    post(
        "/accounts/{id}/clear-waits",
        "Let an account try again at once, whatever it waits for after wrong passwords or codes",
        Takes::Nothing,
        Gives::Json(shape::<answers::WaitsCleared>),
    ),
    post(
        "/accounts/{id}/disable",
        "Disable an account",
        Takes::Nothing,
        Gives::Json(shape::<answers::Disabled>),
    ),
    get(
        "/export/{noun}",
        "institutions, practitioners, rooms, items or sessions as CSV",
        &[],
        Gives::Csv,
    ),
    Operation {
        method: "POST",
        path: "/import/{noun}",
        summary: "Import a CSV, whole or not at all; `dry_run=true` lists every row's fault and \
            stores nothing",
        query: &["dry_run", "near_ids"],
        takes: Takes::Csv,
        gives: Gives::Json(shape::<bulk::Report>),
    },
    get("/tokens", "API tokens, newest first", &[], List("tokens", shape::<ApiToken>)),
    post(
        "/tokens",
        "Make an API token; it is shown once",
        Takes::Json(shape::<tokens::TokenBody>),
        Gives::Json(shape::<answers::TokenMade>),
    ),
    post(
        "/tokens/{id}/revoke",
        "Revoke an API token",
        Takes::Nothing,
        Gives::Json(shape::<answers::TokenRevoked>),
    ),
    get(
        "/hooks",
        "Webhooks and mailboxes that are told of alerts",
        &[],
        List("hooks", shape::<Hook>),
    ),
    post(
        "/hooks",
        "Add a webhook or mailbox; a webhook's secret is shown once",
        Takes::Json(shape::<hooks::HookBody>),
        Gives::Json(shape::<answers::HookMade>),
    ),
    post(
        "/hooks/{id}/steps",
        "Test, disable or enable a hook",
        Takes::Json(shape::<hooks::HookStep>),
        Gives::Json(shape::<answers::Made>),
    ),
    get(
        "/deliveries",
        "What was told to whom, newest first",
        &["hook", "before", "limit"],
        List("deliveries", shape::<Delivery>),
    ),
    post(
        "/evidence",
        "A part of a released picture's ciphertext, signed by its box",
        Takes::Json(shape::<Envelope>),
        Gives::Json(shape::<EvidencePartAnswer>),
    ),
    get(
        "/evidence/alerts/{id}",
        "Sealed pictures of an alert, as its box's chain names them",
        &[],
        Gives::Json(shape::<evidence::PicturesSeen>),
    ),
    get(
        "/evidence/custodians",
        "Custodians, their roles' keys, and where pictures are taken",
        &[],
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    post(
        "/evidence/custodians",
        "Become a custodian: keys made in a browser",
        Takes::Json(shape::<evidence::CustodianBody>),
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    post(
        "/evidence/custodians/{id}/steps",
        "Let a custodian in, or remove one",
        Takes::Json(shape::<evidence::CustodianStep>),
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    post(
        "/evidence/keys",
        "Turn a role's key over",
        Takes::Json(shape::<evidence::RoleKeyBody>),
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    post(
        "/evidence/passphrase",
        "Wrap one's own keys anew",
        Takes::Json(shape::<evidence::PassphraseBody>),
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    post(
        "/evidence/policy",
        "Say where pictures are taken, and on which recorded basis",
        Takes::Json(shape::<evidence::PolicyBody>),
        Gives::Json(shape::<evidence::EvidenceSeen>),
    ),
    get(
        "/evidence/requests",
        "One's own openings of sealed pictures; to an auditor all of his place",
        &[],
        Gives::Json(shape::<evidence::OpeningsSeen>),
    ),
    post(
        "/evidence/requests",
        "Ask for sealed pictures of one finding, for one case",
        Takes::Json(shape::<evidence::RequestBody>),
        Gives::Json(shape::<evidence::OpeningSeen>),
    ),
    get(
        "/evidence/requests/{id}",
        "An opening: whole for its two people, that it is for an auditor",
        &[],
        Gives::Json(shape::<evidence::OpeningSeen>),
    ),
    post(
        "/evidence/requests/{id}/steps",
        "Approve, refuse, or answer whether it is the same person",
        Takes::Json(shape::<evidence::OpeningStep>),
        Gives::Json(shape::<evidence::OpeningSeen>),
    ),
    get(
        "/evidence/requests/{id}/items/{n}",
        "The ciphertext of one picture, for the two of its opening",
        &[],
        Gives::Bytes,
    ),
    post(
        "/evidence/unlock",
        "One's own wrapped keys, to try a passphrase on",
        Takes::Json(shape::<evidence::UnlockBody>),
        Gives::Json(shape::<Option<Unlock>>),
    ),
    get("/openapi.json", "This description", &[], Object),
];

pub(super) async fn get_openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}

/// The whole description, pretty, with an end of line.
fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap_or_default();
    text.push('\n');
    text
}

fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut made = settings.into_generator();
    let mut paths = Map::new();
    for rule in RULES {
        let Some(path) = rule.path.strip_prefix("/api/v1") else { continue };
        let Some(operation) = OPERATIONS.iter().find(|o| o.method == rule.method && o.path == path)
        else {
            continue;
        };
        let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        entry[rule.method.to_lowercase()] = described(rule, operation, &mut made);
    }
    let mut schemas = made.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Zaigang 在岗",
            "version": "1",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "The supervisors' server. Times are RFC 3339 UTC with milliseconds; \
                shares and scores are parts per million (`_ppm`)."
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Problem": {
                "description": "One clear line that names the thing and the mend (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            }}
        }
    })
}

fn problem() -> Value {
    json!({"type": "object", "required": ["type", "title", "status", "detail"], "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
        "faults": {"type": "array", "items": {"$ref": "#/components/schemas/Remark"}}
    }})
}

fn described(rule: &Rule, it: &Operation, made: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = it
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    for name in it.query {
        let kind = match *name {
            "limit" => json!({"type": "integer", "minimum": 1, "maximum": 500}),
            "before" => json!({"type": "integer"}),
            "dry_run" | "near_ids" => json!({"type": "boolean", "default": false}),
            // A form sends a day that was left out as an empty text.
            "from" | "to" => {
                json!({"type": "string", "pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"})
            }
            _ => json!({"type": "string"}),
        };
        parameters.push(json!({"name": name, "in": "query", "schema": kind}));
    }
    let roles: Vec<&str> = rule.roles.iter().map(|r| r.as_str()).collect();
    let mut operation = json!({
        "summary": it.summary,
        "operationId": operation_id(it),
        "parameters": parameters,
        "responses": {
            "200": {"description": "done", "content": answer(it.gives, made)},
            "default": {"$ref": "#/components/responses/Problem"}
        },
        "x-roles": roles,
        "x-audited": rule.audit == Audit::Yes,
    });
    if it.method == "POST" {
        operation["responses"]["201"] = operation["responses"]["200"].clone();
    }
    if rule.roles.contains(&Role::Public) {
        operation["security"] = json!([]);
    }
    if let Some(content) = request(it.takes, made) {
        operation["requestBody"] = json!({"required": true, "content": content});
    }
    operation
}

fn operation_id(it: &Operation) -> String {
    let mut id = it.method.to_lowercase();
    for part in it.path.split(['/', '.']).filter(|p| !p.is_empty()) {
        let _ = write!(id, "_{}", part.trim_matches(['{', '}']));
    }
    id
}

fn request(takes: Takes, made: &mut SchemaGenerator) -> Option<Value> {
    Some(match takes {
        Takes::Nothing => return None,
        Takes::Json(shape) => json!({"application/json": {"schema": shape(made)}}),
        Takes::Picture => {
            json!({"image/jpeg": {"schema": {"type": "string", "contentMediaType": "image/jpeg"}}})
        }
        Takes::Csv => json!({"text/csv": {"schema": {"type": "string"}}}),
        Takes::Form => {
            json!({"multipart/form-data": {"schema": {"type": "object", "required": ["person", "consent", "photo"], "properties": {
                "person": {"type": "string"}, "institution": {"type": "string"}, "consent": made.subschema_for::<crate::model::Consent>(),
                "photo": {"type": "array", "items": {"type": "string", "contentMediaType": "image/jpeg"}}
            }}}})
        }
    })
}

fn answer(gives: Gives, made: &mut SchemaGenerator) -> Value {
    let list = |name: &str, items: Value| json!({"type": "object", "required": [name], "properties": {name: {"type": "array", "items": items}, "next": {"type": ["string", "integer", "null"]}}});
    let schema = match gives {
        Gives::Csv => return json!({"text/csv": {"schema": {"type": "string"}}}),
        Gives::Lines => return json!({"application/jsonl": {"schema": {"type": "string"}}}),
        Gives::Bytes => {
            return json!({"application/octet-stream": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}});
        }
        Gives::Zip => {
            return json!({"application/zip": {"schema": {"type": "string", "contentMediaType": "application/zip"}}});
        }
        Object => json!({"type": "object"}),
        Gives::Json(shape) => json!(shape(made)),
        List(name, shape) => list(name, json!(shape(made))),
    };
    json!({"application/json": {"schema": schema}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_described_and_every_description_is_of_a_call() {
        let calls: Vec<(&str, &str)> = RULES
            .iter()
            .filter_map(|r| Some((r.method, r.path.strip_prefix("/api/v1")?)))
            .collect();
        for call in &calls {
            assert!(
                OPERATIONS.iter().any(|o| (o.method, o.path) == *call),
                "{call:?} is not described"
            );
        }
        assert_eq!(OPERATIONS.len(), calls.len());
    }

    /// `ZAIGANG_BLESS=1 cargo test -p server openapi` writes it anew; the difference is then read
    /// in the review.
    #[test]
    fn the_golden_file_is_what_the_code_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::env::var_os("ZAIGANG_BLESS").is_some() {
            std::fs::write(path, text()).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            golden == text(),
            "server/openapi.json is not what the code says: run ZAIGANG_BLESS=1 cargo test -p \
            server openapi"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut found = 0;
        for rest in text.split("\"#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
            found += 1;
        }
        assert!(found > 20, "{found}");
    }
}
