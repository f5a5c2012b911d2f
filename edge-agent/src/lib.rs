//! The box: camera → faces → tracks → presence → findings → outbox → MQTT. Data moves that one way;
//! what comes back is knowledge.
//!
//! It saves no picture but those that it seals for two people elsewhere ([`evidence`]), shows one
//! to nobody but an installer before the lock ([`commission`]) and, in a demonstration, the user it
//! runs as (`live_view`); it never sends an embedding, and never stores one outside the sealed
//! roster.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod agent;
pub mod bench;
pub mod board_heat;
mod brokers;
mod calibration;
pub mod camera;
pub mod cli;
pub mod clock;
pub mod commission;
pub mod config;
pub mod doctor;
pub mod door;
pub mod enroll;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod first_boot;
pub mod healthy;
pub mod live_view;
pub mod loaded;
pub mod lock;
pub mod vision_stages;

pub mod camera_check;
pub mod declined_sessions;
pub mod gallery_search;
mod logging;
pub mod models;
pub mod motion;
pub mod optics;
pub mod pipeline;
pub mod pipeline_thread;
mod preview;
pub mod record;
pub mod replay;
pub mod retire;
pub mod run;
pub mod scheduler;
pub mod service;
pub mod storage;
mod track_memory;
pub mod trial;
pub mod wire;
