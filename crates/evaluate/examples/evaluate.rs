//! `evaluate` and `calibrate` without the rest of the box: `cargo run -p evaluate --example
//! evaluate -- verify …`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use clap::Parser;

#[derive(Parser)]
enum Command {
    #[command(flatten)]
    Evaluate(evaluate::cli::Evaluate),
    /// Choose thresholds for this clinic.
    Calibrate(evaluate::cli::CalibrateArgs),
}

fn main() -> anyhow::Result<()> {
    vision::telemetry::begin_without();
    let out = &mut std::io::stdout();
    match Command::parse() {
        Command::Evaluate(command) => evaluate::cli::run(&command, out),
        Command::Calibrate(args) => evaluate::cli::run_calibrate(&args, out),
    }
}
