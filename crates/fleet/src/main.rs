//! `zaigang-fleet`: N simulated boxes with the real protocol and keys and outboxes in memory,
//! against the real server and a real Mosquitto on this machine. Prints what one server carries,
//! and touches no server that it did not start, unless it is told of one (`--attach`).

mod counts;
mod device;
mod drain;
mod figures;
mod scenes;
mod soak;
mod test_bed;

use std::process::ExitCode;

use clap::Parser;

use figures::FleetReport;

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
    /// Boxes for servers that run already, at this address; ends with its standard input
    #[arg(long, value_name = "URL", requires_all = ["brokers", "journal"])]
    attach: Option<String>,
    /// Ports of their brokers on this machine
    #[arg(long, value_delimiter = ',', value_name = "PORT")]
    brokers: Vec<u16>,
    /// Where each message is written down: `R` raised, `A` receipted, and its event id
    #[arg(long, value_name = "FILE")]
    journal: Option<std::path::PathBuf>,
    /// Between two findings of one box
    #[arg(long, default_value_t = 30, value_name = "S")]
    finding_every_s: u64,
    /// How long is waited for receipts at the end
    #[arg(long, default_value_t = 300, value_name = "S")]
    drain_s: u64,
    /// One JSON object per figure
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut report = FleetReport::new(cli.json);
    let played = match (&cli.attach, &cli.journal) {
        (Some(http), Some(journal)) => soak::play(&cli, http, journal),
        _ => scenes::play(&cli, &mut report),
    };
    match played {
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
