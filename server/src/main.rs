//! `zaigang-server`: arguments → configuration → run. The work is in the library.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use server::config::{Broker, COMMENTED, Config, ConfigError, files};
use server::set_up_fault::SetUpFault;
use server::store::StoreError;
use server::{
    account_command, backup, broker, broker_config, export, models_command, run, store_command,
};
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLES: &str = "\
Examples:
  zaigang-server config > zaigang-server.toml         the commented configuration: every key, \
  unit, range, default
  zaigang-server run --config zaigang-server.toml     start; pages at http://127.0.0.1:8080
  zaigang-server --config F --listen 127.0.0.1:0 --ready-file R    take a free port and write \
  where it is to R
  zaigang-server broker-config                        Mosquitto's configuration and ACL for boxes \
  elsewhere
  zaigang-server export --device box-1 --out F        a box's signed chain, for zaigang-verify
  zaigang-server backup --to F                        both databases and the keys in one file, \
  while it runs
  zaigang-server restore --from F                     and back; who withdrew since is deleted again

One process holds everything: an MQTT broker (or a connection to yours), the ingest, the \
databases, the pages.
The databases lie in `data_dir`; the key that opens the faces lies elsewhere, in \
`master_key_file`. Back up both, apart.
Stop it with SIGTERM: it takes at most 5 s, and nothing that was receipted is lost.

Exit codes: 0 done; 1 it failed, and one line says why; 2 wrong arguments; 78 the configuration is \
wrong, or something
that it names: starting again does not mend it.";

/// What `--version` says: the build, too.
const VERSION: &str = if broker::HAS_EMBEDDED {
    concat!(env!("CARGO_PKG_VERSION"), "\nbroker: embedded or external")
} else {
    concat!(env!("CARGO_PKG_VERSION"), "\nbroker: external only")
};

/// The supervisors' server of Zaigang: takes signed findings from the boxes, keeps them, and shows
/// them to people.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = VERSION,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default when no command is named)
    Run(RunArgs),
    /// Print the commented configuration; with --check, check one as `check` does
    Config(ConfigArgs),
    /// Check a configuration: its keys, and every file that it names
    Check(CheckArgs),
    /// An account's waits and way in, for an administrator at this machine
    Account(AccountArgs),
    /// Print a Mosquitto configuration and its ACL: TLS, client certificates, own topics only; or
    /// write all its files
    BrokerConfig(BrokerConfigArgs),
    /// Write a box's signed chain as a bundle that `zaigang-verify` checks offline
    Export(ExportArgs),
    /// Write both databases and the server's keys into one file, while the server runs
    Backup(BackupArgs),
    /// Model packs: list, verify, fetch, import; make signed archives
    Models(models_command::Args),
    /// Put a backup in place of the data, and delete again who withdrew since
    Restore(RestoreArgs),
    /// Move the databases to PostgreSQL, or back
    Store(StoreArgs),
}

const COPY_EXAMPLES: &str = "\
Examples:
  zaigang-server store copy --config F --to postgres://zaigang@db.example.cn/zaigang
  zaigang-server store copy --config F --to data_dir         from PostgreSQL back into the folder

Stop the server first. The target must be empty, or hold a copy that was broken off, which goes \
on. At its end all
rows are counted and compared. Nothing is changed at the source; set `[store] url` yourself \
afterwards.";

#[derive(Debug, Args)]
struct StoreArgs {
    #[command(subcommand)]
    deed: StoreDeed,
}

#[derive(Debug, Subcommand)]
enum StoreDeed {
    /// Copy facts and faces from where the configuration has them
    #[command(after_help = COPY_EXAMPLES)]
    Copy {
        /// The server's configuration [default: zaigang-server.toml here, or
        /// /etc/zaigang/server.toml]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// A PostgreSQL by its address, or `data_dir`
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

impl StoreArgs {
    fn run(self) -> anyhow::Result<()> {
        let StoreDeed::Copy { config, to } = self.deed;
        let told = &mut |line: &str| log_lines::say!("{line}");
        log_lines::say!("{}", store_command::copy_to(&load(config)?, &to, told)?);
        Ok(())
    }
}

const BACKUP_EXAMPLES: &str = "\
Examples:
  zaigang-server backup --config zaigang-server.toml --to /media/backup/2026-03-02.zgbackup
  zaigang-server restore --config zaigang-server.toml --from /media/backup/2026-03-02.zgbackup

A backup is taken beside the running server; a restore asks that it be stopped. The archive holds \
both databases and the
server's signing key and authority, these sealed with the master key. The master key and the \
ledger of deletions
(`tombstone_file`) are not in it: keep copies of them, elsewhere. What a restore replaces is kept \
beside, not removed.";

#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
struct BackupArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The archive to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
struct RestoreArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The archive
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

#[derive(Debug, Args)]
struct BrokerConfigArgs {
    /// Write configuration, ACL, the authority's certificate and revocation list, and the broker's
    /// certificate and key here
    #[arg(long, value_name = "FOLDER", requires = "host")]
    write: Option<PathBuf>,
    /// How the boxes and the server call the broker (DNS name or IP address); may be given several
    /// times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Mosquitto's listener: a port, or `PORT ADDRESS`
    #[arg(long, value_name = "PORT", default_value = "8883")]
    listener: String,
    /// The server's configuration: its `data_dir` holds the authority
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  zaigang-server export --config zaigang-server.toml --device box-1 --out box-1.zgbundle --why \
  case-17
  zaigang-server export --config F --device box-1 --from 2026-03-02 --to 2026-03-04 --out \
  march.zgbundle
  zaigang-verify box-1.zgbundle

Works beside the running server. Times are those at which the server received; a day is one of \
UTC. The end is widened to
the records that declare what is missing, so that the bundle explains itself. The deed goes into \
the audit log.";

#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
struct ExportArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The box
    #[arg(long, value_name = "ID")]
    device: String,
    /// First time, RFC 3339 or a day; left out: from the beginning
    #[arg(long, value_name = "TIME", default_value = "")]
    from: String,
    /// Last time, RFC 3339 or a day; left out: up to now
    #[arg(long, value_name = "TIME", default_value = "")]
    to: String,
    /// The box's key, where it had more than one (16 hex digits); left out: the last
    #[arg(long, value_name = "ID", default_value = "")]
    key_id: String,
    /// The bundle's file; - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Case number or reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// Check a configuration instead of printing one
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    args: CheckArgs,
}

const CHECK_EXITS: &str = "\
Exit codes: 0 the configuration is sound; 1 something is wrong, one line each; 2 wrong arguments.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXITS)]
struct CheckArgs {
    /// The configuration file; print one with `zaigang-server config`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print {"sound", "faults"} instead of lines
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    fn run(self) -> anyhow::Result<()> {
        let faults = match load(self.config) {
            Ok(config) => files::faults(&config),
            Err(error) => vec![log_lines::one_line(error.chain())],
        };
        if self.json {
            log_lines::say!(
                "{}",
                serde_json::json!({"sound": faults.is_empty(), "faults": faults})
            );
        } else if faults.is_empty() {
            log_lines::say!(
                "the configuration is sound, and every file that it names can be opened"
            );
        }
        if faults.is_empty() {
            return Ok(());
        }
        if self.json {
            return Err(Said.into());
        }
        anyhow::bail!("{}", faults.join("\n"))
    }
}

/// The fault was printed already.
#[derive(Debug, thiserror::Error)]
#[error("")]
struct Said;

const ACCOUNT_EXAMPLES: &str = "\
Examples:
  zaigang-server account clear-waits wang --config F    wang may try again at once after wrong \
  passwords or codes
  zaigang-server account reset wang --config F          a one-time link to a new password and \
  second factor

Both work beside the running server and stand in the audit log. The link is written to a file \
that only this user reads.";

#[derive(Debug, Args)]
#[command(after_help = ACCOUNT_EXAMPLES)]
struct AccountArgs {
    /// What is done
    #[arg(value_enum)]
    deed: AccountDeed,
    /// The login name
    name: String,
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AccountDeed {
    /// End the waits after wrong passwords and codes
    ClearWaits,
    /// Make a one-time link to a new password
    Reset,
}

impl AccountArgs {
    fn run(self) -> anyhow::Result<()> {
        let config = load(self.config)?;
        let said = match self.deed {
            AccountDeed::ClearWaits => {
                account_command::clear_waits(&config, &self.name, &self.why)?
            }
            AccountDeed::Reset => account_command::reset(&config, &self.name, &self.why)?,
        };
        log_lines::say!("{said}");
        hand_over(&config)
    }
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The configuration file; print one with `zaigang-server config`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen here instead of `http.listen`; port 0 takes a free one, and then the embedded
    /// broker's does too
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Write `{"http", "mqtt", "server_signing_key", "pid"}` here once everything listens
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl RunArgs {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = load(self.config.clone())?;
        if let Some(listen) = self.listen {
            anyhow::ensure!(
                listen.ip().is_loopback(),
                "--listen {listen}: plain HTTP is served on loopback alone; put a TLS proxy \
                before it"
            );
            config.http_listen = listen;
            if let (0, Broker::Embedded { listen: mqtt }) = (listen.port(), &mut config.broker) {
                mqtt.set_port(0);
            }
        }
        Ok(config)
    }
}

/// The named configuration; without a name the one of this folder, and then the package's, so that
/// a command by hand works where the service does.
fn load(config: Option<PathBuf>) -> anyhow::Result<Config> {
    let here = PathBuf::from("zaigang-server.toml");
    let installed = PathBuf::from(models_command::INSTALLED_CONFIG);
    let found = || if !here.exists() && installed.exists() { installed } else { here.clone() };
    Ok(Config::load(&config.unwrap_or_else(found))?)
}

/// What root made in the service's folders becomes the service's.
fn hand_over(config: &Config) -> anyhow::Result<()> {
    let keys = config.tombstone_file.parent().filter(|folder| *folder != config.data_dir);
    for folder in [Some(config.data_dir.as_path()), keys].into_iter().flatten() {
        if folder.is_dir() {
            local_files::inherit(folder)?;
        }
    }
    Ok(())
}

impl BrokerConfigArgs {
    fn run(self) -> anyhow::Result<()> {
        let Some(folder) = self.write else {
            log_lines::say_text!("{}", broker_config::text());
            return Ok(());
        };
        let hosts: Vec<&str> = self.host.iter().map(String::as_str).collect();
        let config = load(self.config)?;
        log_lines::say!(
            "{}",
            broker_config::write(&config.store, &folder, &hosts, &self.listener)?
        );
        hand_over(&config)
    }
}

impl ExportArgs {
    fn run(self) -> anyhow::Result<()> {
        let wanted = export::Wanted {
            device: self.device,
            from: self.from,
            to: self.to,
            key_id: self.key_id,
            out: self.out,
            why: self.why,
        };
        // Standard output may be the bundle itself.
        log_lines::note!("{}", export::run(&load(self.config)?, &wanted)?);
        Ok(())
    }
}

impl BackupArgs {
    fn run(self) -> anyhow::Result<()> {
        log_lines::say!("{}", backup::backup(&load(self.config)?, &self.to, &self.why)?);
        Ok(())
    }
}

impl RestoreArgs {
    fn run(self) -> anyhow::Result<()> {
        let config = load(self.config)?;
        log_lines::say!("{}", backup::restore(&config, &self.from, &self.why)?);
        hand_over(&config)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => start(&cli.run),
        Some(Command::Run(args)) => start(&args),
        Some(Command::Check(args)) => args.run(),
        Some(Command::Config(args)) if args.check => args.args.run(),
        Some(Command::Account(args)) => args.run(),
        Some(Command::Config(_)) => {
            log_lines::say_text!("{COMMENTED}");
            Ok(())
        }
        Some(Command::BrokerConfig(args)) => args.run(),
        Some(Command::Export(args)) => args.run(),
        Some(Command::Backup(args)) => args.run(),
        Some(Command::Restore(args)) => args.run(),
        Some(Command::Store(args)) => args.run(),
        Some(Command::Models(args)) => args.run(),
    };
    let failed = match done {
        Ok(()) => None,
        Err(error) if error.is::<Said>() => Some((String::new(), ExitCode::FAILURE)),
        Err(error) => {
            // Nothing that a service manager mends by starting again.
            let set_up = error.chain().any(|cause| {
                cause.is::<SetUpFault>()
                    || cause.is::<ConfigError>()
                    || is_of_another_program(cause)
            });
            let code = if set_up { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE };
            Some((log_lines::one_line(error.chain()), code))
        }
    };
    let said = log_lines::end("zaigang-server", failed.as_ref().map(|(why, _)| why.as_str()));
    let done = if said { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    failed.map_or(done, |(_, code)| code)
}

/// A database that this program can not open, such as one of a later version: started again every
/// few seconds it would only fill the journal.
fn is_of_another_program(cause: &(dyn std::error::Error + 'static)) -> bool {
    matches!(cause.downcast_ref(), Some(StoreError::Open { .. }))
}

/// As sysexits.h calls it; the unit does not start the server again after it.
const EX_CONFIG: u8 = 78;

fn start(args: &RunArgs) -> anyhow::Result<()> {
    let config = args.config()?;
    log_to_stderr(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config, args))?;
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(())
}

async fn serve(config: Config, args: &RunArgs) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let started = tokio::select! {
        started = run::start(config) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    if let Some(path) = &args.ready_file {
        run::write_ready_file(path, &started.ready)?;
    }
    if let Some(file) = &started.first_admin {
        log_lines::say!(
            "FIRST-ADMIN {}: a link that works once, for the first administrator",
            file.display()
        );
    }
    log_lines::say!("READY {}", serde_json::to_string(&started.ready)?);
    tracing::info!(http = started.ready.http, "ready");
    tell_service_manager(sd_notify::NotifyState::Ready);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tell_service_manager(sd_notify::NotifyState::Stopping);
    started.stop().await;
    Ok(())
}

/// For systemd's `Type=notify`; silent where no service manager asked.
fn tell_service_manager(state: sd_notify::NotifyState<'_>) {
    if let Err(why) = sd_notify::notify(&[state]) {
        tracing::warn!("the service manager could not be told: {why}");
    }
}

/// Logs go to standard error, so that standard output stays machine-readable. The broker's own
/// chatter is kept at warnings.
fn log_to_stderr(config: &Config) {
    let format =
        if config.log_json { log_lines::LogFormat::Json } else { log_lines::LogFormat::Text };
    for password in files::passwords(config) {
        log_lines::secret(&password);
    }
    let quiet = "rmqtt=warn,rmqtt_net=warn,rmqtt_codec=warn,ort=warn";
    log_lines::init(&format!("{quiet},{}", config.log_level), format);
}
