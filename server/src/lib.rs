//! The supervisors' server: it takes signed messages from the boxes, keeps each exactly once, and
//! shows people the leads.
//!
//! A message's way through: [`mqtt`] → [`ingest`] (is it really theirs, where does it belong) →
//! [`store`] (the one place with SQL) → [`alert`] (the pure state machine) → [`web`]. What comes
//! back to the boxes is [`knowledge`] and receipts. It never sees a patient or a stranger, never
//! accuses (every alert is a lead 线索), and names a person on pages alone.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub use server_core::{
    access, alert, alert_view, app, attachment, audit_head, audit_head_round, backup, body_memory,
    broker, broker_config, ca, cache, calendar, case_document, case_watch, certificates,
    certificates_round, clinic_requests, clock, clue, clue_intake, clue_watch, config, consent,
    corroborate, divisions, enrol, evidence, export, filing, form_reader, http_metrics, idcheck,
    ids, impact_assessment, ingest, inspection, knowledge, leader, legal, low_priority, message,
    model, monitoring_review, mqtt, no_room, no_room_told, notify, own_id, paper, path_id,
    penalty_case, photo, problem, renew, request_source, retention, rules, self_check,
    set_up_fault, store, streams, supervise, text, tls_client, tombstone, vault, work_queue,
};

pub mod account_command;
mod first_admin_link;
pub mod models_command;
pub mod other_servers;
pub mod run;
pub mod store_command;
pub mod web;
