//! The supervisors' server: it takes signed messages from the boxes, keeps each exactly once, and
//! shows people the leads.
//!
//! A message's way through: [`mqtt`] → [`ingest`] (is it really theirs, where does it belong) →
//! [`store`] (the one place with SQL) → [`alert`] (the pure state machine) → [`web`]. What comes
//! back to the boxes is [`knowledge`] and receipts. It never sees a patient or a stranger, never
//! accuses (every alert is a lead 线索), and names a person on pages alone.

pub mod access;
pub mod account_command;
pub mod alert;
pub mod alert_view;
pub mod app;
pub mod attachment;
pub mod audit_head;
pub mod backup;
pub mod broker;
pub mod broker_config;
pub mod ca;
pub mod cache;
pub mod calendar;
pub mod case_document;
pub mod case_watch;
pub mod certificates;
pub mod clock;
pub mod clue;
pub mod clue_intake;
pub mod config;
pub mod consent;
pub mod corroborate;
pub mod divisions;
pub mod enrol;
pub mod evidence;
pub mod export;
pub mod filing;
pub mod http_metrics;
pub mod idcheck;
pub mod impact_assessment;
pub mod ingest;
pub mod inspection;
pub mod knowledge;
pub mod leader;
pub mod legal;
pub mod low_priority;
pub mod message;
pub mod model;
pub mod models_command;
pub mod monitoring_review;
pub mod mqtt;
pub mod notify;
pub mod other_servers;
pub mod own_id;
pub mod paper;
pub mod penalty_case;
pub mod photo;
pub mod problem;
pub mod renew;
pub mod retention;
pub mod rules;
pub mod run;
pub mod self_check;
pub mod store;
pub mod store_command;
pub mod supervise;
pub mod text;
pub mod tls_client;
pub mod tombstone;
pub mod vault;
pub mod web;
pub mod work_queue;
