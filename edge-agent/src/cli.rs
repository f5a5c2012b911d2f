//! The program's arguments: each subcommand is a noun of its own file; here they are only named.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use delivery::pin::{ServerCa, TokenLine};
use delivery::provision::Provisioning;

const EXAMPLES: &str = "\
A box from nothing:
  zaigang-agent config --example > zaigang-agent.toml                    a commented \
  configuration to begin with
  zaigang-agent models fetch real                                        the networks (or: models \
  import FILE.zgpack)
  zaigang-agent provision --config zaigang-agent.toml --server https://zaigang.example.cn \
  --token-file token
  zaigang-agent run --config zaigang-agent.toml

Each subcommand teaches more with --help.

Exit codes: 0 done; 1 it failed, or a check did, and one line says why; 2 wrong arguments.";

/// What `--version` says: the build, too.
const VERSION: &str = if crate::camera::LIVE_CAMERAS {
    concat!(env!("CARGO_PKG_VERSION"), "\ncameras: live and scripted")
} else {
    concat!(env!("CARGO_PKG_VERSION"), "\ncameras: scripted only")
};

#[derive(Debug, Parser)]
#[command(
    name = "zaigang-agent",
    version,
    long_version = VERSION,
    about = "The box of Zaigang 在岗: recognises on the spot who is at work in a treatment room",
    after_help = EXAMPLES
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the box until it is told to stop
    Run(crate::run::Args),
    /// Register this box with its server, once
    Provision(Provision),
    /// Take a flashed box's settings and registration from its boot partition
    FirstBoot(crate::first_boot::Args),
    /// Propose a practitioner's face for enrolment
    Enroll(crate::enroll::Args),
    /// Model packs: list, verify, fetch, import; make signed archives
    Models(crate::models::Args),
    /// Check everything a box needs, with the mends
    Doctor(crate::doctor::Args),
    /// Ask whether the running box looks, sees and reaches its server
    Healthy(crate::healthy::Args),
    /// Watch the camera for a while: gone, covered, frozen
    Camera(crate::camera_check::Args),
    /// Try the check of a door: turn the head as asked
    Door(crate::door::Args),
    /// How fast this board is, stage by stage
    Bench(crate::bench::Args),
    /// Derive findings again from the observation log, and say why
    Replay(crate::replay::Args),
    /// Say what is held of sealed pictures; opens none
    Evidence(crate::evidence::command::Args),
    /// Serve the installer's page: picture, zones, tests, lock
    Commission(crate::commission::Args),
    /// Measure recognition on your own people (ISO/IEC 19795-1)
    #[command(subcommand)]
    Evaluate(evaluate::cli::Evaluate),
    /// Choose this clinic's thresholds from its own people
    Calibrate(evaluate::cli::CalibrateArgs),
    /// End this box's service: tell the server, destroy the keys
    Retire(crate::retire::Args),
    /// How wide a face is in the picture, from lens, resolution and distance
    Optics(crate::optics::Args),
    /// Print an example configuration, or check one
    Config(crate::config::Args),
}

/// Reads the arguments and does what they say.
pub fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(args) => args.run(),
        Command::Provision(args) => args.run(),
        Command::FirstBoot(args) => args.run(),
        Command::Enroll(args) => args.run(),
        Command::Models(args) => args.run(),
        Command::Doctor(args) => args.run(),
        Command::Healthy(args) => args.run(),
        Command::Camera(args) => args.run(),
        Command::Door(args) => args.run(),
        Command::Bench(args) => args.run(),
        Command::Replay(args) => args.run(),
        Command::Evidence(args) => args.run(),
        Command::Commission(args) => args.run(),
        Command::Evaluate(command) => {
            evaluate::cli::run(&command, &mut log_lines::command_output::CommandOutput)
        }
        Command::Calibrate(args) => {
            evaluate::cli::run_calibrate(&args, &mut log_lines::command_output::CommandOutput)
        }
        Command::Retire(args) => args.run(),
        Command::Optics(args) => args.run(),
        Command::Config(args) => args.run(),
    }
}

const PROVISION_EXAMPLES: &str = "\
The supervisors' page shows the token when the device is added; it works once.

Examples:
  zaigang-agent provision --config agent.toml --server https://zaigang.example.cn --token-file \
  token   # TOKEN sha256:HEX
  zaigang-agent provision --config agent.toml --server https://zaigang.example.cn --token-file \
  token --server-ca ca.pem
  ZAIGANG_TOKEN=… zaigang-agent provision --state /var/lib/zaigang --server http://127.0.0.1:8080

The keys are made here and never leave the box. The token goes to a server that the given \
authority vouches for and to no other. Plain http:// is accepted for a server on
this machine alone.";

/// Registers this box: trades a single-use token for its identity, and pins the server's signing
/// key.
#[derive(clap::Args)]
#[command(after_help = PROVISION_EXAMPLES)]
struct Provision {
    /// Address of the server
    #[arg(long, value_name = "URL")]
    server: String,
    /// PEM file of the authority that signed the server's certificate; https needs this or its
    /// SHA-256
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// SHA-256 of that authority's certificate, 64 hex digits; a token may carry it (`TOKEN
    /// sha256:HEX`)
    #[arg(long, value_name = "HEX", conflicts_with = "server_ca")]
    server_ca_sha256: Option<String>,
    /// The token; a file or the environment keeps it out of the list of processes
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ZAIGANG_TOKEN",
        hide_env_values = true,
        required_unless_present = "token_file",
        // One token in 64 begins with a hyphen.
        allow_hyphen_values = true
    )]
    token: Option<String>,
    /// A file that holds the token; it is removed once the server has taken it
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// The configuration that names the state folder
    #[arg(long, value_name = "FILE", required_unless_present = "state")]
    config: Option<PathBuf>,
    /// The state folder itself
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    state: Option<PathBuf>,
}

/// A token never prints.
impl std::fmt::Debug for Provision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provision")
            .field("server", &self.server)
            .field("token", &"[redacted]")
            .finish_non_exhaustive()
    }
}

impl Provision {
    fn run(self) -> anyhow::Result<()> {
        let state = match (self.state, &self.config) {
            (Some(state), _) => state,
            (None, Some(config)) => crate::config::load(config)?.state_dir,
            (None, None) => anyhow::bail!("name the state folder by --config or --state"),
        };
        let token = match (&self.token_file, self.token) {
            (Some(file), _) => {
                let said = |why: String| anyhow::anyhow!("--token-file {}: {why}", file.display());
                // It opens one door, once, and is removed below: a warning is enough.
                if let Err(why) = local_files::check_secret(file) {
                    log_lines::note!("zaigang-agent: --token-file {}: {why}", file.display());
                }
                std::fs::read_to_string(file).map_err(|why| said(why.to_string()))?
            }
            (None, Some(token)) => token,
            (None, None) => anyhow::bail!("give the token by --token-file"),
        };
        let firmware = env!("CARGO_PKG_VERSION");
        let token = TokenLine::parse(&token);
        let sha256 = self.server_ca_sha256.as_deref().or(token.server_ca_sha256.as_deref());
        let server_ca =
            self.server_ca.as_deref().map(ServerCa::File).or(sha256.map(ServerCa::Sha256));
        let to = Provisioning { server: &self.server, server_ca, firmware };
        let identity = delivery::provision::provision(to, token.token.clone(), &state)?;
        local_files::inherit(&state).map_err(|why| {
            anyhow::anyhow!(
                "provisioned, but {} can not be given to its owner: {why}",
                state.display()
            )
        })?;
        if let Some(file) = &self.token_file
            && let Err(why) = std::fs::remove_file(file)
        {
            // The token is used up: nobody can do anything with it.
            log_lines::note!(
                "zaigang-agent: the used token in {} can not be removed: {why}",
                file.display()
            );
        }
        log_lines::say!(
            "provisioned: device {}, room {}, keys in {}",
            identity.device,
            identity.room,
            state.display()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_begins_with_a_hyphen_is_a_token() {
        let line = [
            "zaigang-agent",
            "provision",
            "--server",
            "http://x",
            "--token",
            "-Yx",
            "--state",
            "s",
        ];
        let Command::Provision(given) = Arguments::try_parse_from(line).unwrap().command else {
            panic!("another command was read");
        };
        assert_eq!((given.token.as_deref(), given.state), (Some("-Yx"), Some(PathBuf::from("s"))));
    }
}
