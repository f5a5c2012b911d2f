//! `zaigang-server`: arguments → configuration → run. The work is in the library.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod arguments;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::{
    AccountArgs, AccountDeed, BackupArgs, BrokerConfigArgs, CheckArgs, Cli, ExportArgs,
    RestoreArgs, RunArgs, ServerCommand, StoreArgs, StoreDeed,
};
use clap::Parser as _;
use server::config::{Broker, COMMENTED, Config, ConfigError, files};
use server::set_up_fault::SetUpFault;
use server::store::StoreError;
use server::{account_command, backup, broker_config, export, models_command, run, store_command};
use tokio::signal::unix::{SignalKind, signal};

impl StoreArgs {
    fn run(self) -> anyhow::Result<()> {
        let StoreDeed::Copy { config, to } = self.deed;
        let told = &mut |line: &str| log_lines::say!("{line}");
        log_lines::say!("{}", store_command::copy_to(&load(config)?, &to, told)?);
        Ok(())
    }
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
    vision::telemetry::begin_without();
    let cli = Cli::parse();
    let done = match cli.command {
        None => start(&cli.run),
        Some(ServerCommand::Run(args)) => start(&args),
        Some(ServerCommand::Check(args)) => args.run(),
        Some(ServerCommand::Config(args)) if args.check => args.args.run(),
        Some(ServerCommand::Account(args)) => args.run(),
        Some(ServerCommand::Config(_)) => {
            log_lines::say_text!("{COMMENTED}");
            Ok(())
        }
        Some(ServerCommand::BrokerConfig(args)) => args.run(),
        Some(ServerCommand::Export(args)) => args.run(),
        Some(ServerCommand::Backup(args)) => args.run(),
        Some(ServerCommand::Restore(args)) => args.run(),
        Some(ServerCommand::Store(args)) => args.run(),
        Some(ServerCommand::Models(args)) => args.run(),
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
