//! `zaigang-fleet`: N simulated boxes with the real protocol and keys and outboxes in memory,
//! against the real server and a real Mosquitto on this machine. Prints what one server carries; it
//! never touches a server that it did not start.

mod device;
mod drain;
mod figures;
mod rig;
mod scenes;

use std::process::ExitCode;

use clap::Parser;

use figures::Report;

const EXAMPLES: &str = "\
Examples:
  zaigang-fleet                                       everything, 10,000 boxes (some minutes)
  zaigang-fleet --only connected --devices 2000 --json
  zaigang-fleet --only throughput --messages 40000 --pairs 5

Needs zaigang-server beside it (cargo build --bins) and Mosquitto with its clients (apt-get \
install mosquitto mosquitto-clients).
Prints `name · target · figure · holds|falls short` per figure and exits with 1 when one falls \
short.";

/// How many boxes one server carries, how fast, and what happens beyond that.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    /// Boxes that are connected with heartbeats
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    devices: usize,
    /// Findings of one throughput run
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    messages: usize,
    /// Interleaved runs of `mosquitto_sub` and of the server
    #[arg(long, default_value_t = 3, value_name = "N")]
    pairs: usize,
    /// Boxes that come back at once
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    returning: usize,
    /// throughput, latency, connected, return, overload; several with commas; all when left out
    #[arg(long, value_delimiter = ',', value_name = "SCENE")]
    only: Vec<String>,
    /// One JSON object per figure
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut report = Report::new(cli.json);
    match scenes::play(&cli, &mut report) {
        Ok(()) if report.holds() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("zaigang-fleet: {error:#}");
            ExitCode::from(2)
        }
    }
}

impl Cli {
    fn wants(&self, scene: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|one| one == scene)
    }
}
