//! The server as a whole, with its real broker: a box is provisioned, speaks, is receipted, and is
//! told what it must know. No fixed port, no sleeping for luck: every wait is for a thing that must
//! come.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it stands; helpers are tests too"
)]

mod access;
mod accounts;
mod audit;
mod backup;
mod bad_input;
mod begin;
mod box_pages;
mod boxes;
mod broker_rubbish;
mod case_paper;
mod cases;
mod certificates;
mod citations;
mod cited;
mod cited_pages;
mod clue_record;
mod clue_replays;
mod clue_sessions;
mod clue_terms;
mod clues;
#[path = "../support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the store")]
mod cluster;
mod consents;
mod corrected;
mod crawl;
mod crawl_forms;
mod declarations;
mod declined;
mod deliberation;
mod delivery;
mod door_limits;
mod door_routes;
mod elsewhere;
mod emergencies;
mod enrolment;
mod enrolment_page;
mod evidence;
mod eyes;
mod figures;
mod foreign;
mod forms;
mod full_database;
mod full_disk;
mod furnished;
mod gaps;
mod house;
mod inbox;
mod inbox_filters;
mod knowledge;
mod law;
mod legal_matters;
mod load;
mod log_holds;
mod long_lists;
mod messages;
mod monitoring;
mod named_things;
mod notify;
mod numbers;
mod own_data;
mod owner;
mod page_words;
mod pages;
mod parties;
mod place;
mod policy_trials;
mod privacy_papers;
mod provider;
mod proxy;
mod public;
mod publication;
mod reach;
mod room_classes;
mod self_checks;
mod silence;
mod stated;
mod supervision;
mod tables;
mod times;
mod twin;
mod waits;
mod words;
