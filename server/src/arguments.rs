//! What `zaigang-server` may be asked on its command line, and what its help says: types and words
//! for `clap`. Nothing is done here.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use server::{broker, models_command};

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
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<ServerCommand>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
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
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) deed: StoreDeed,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreDeed {
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
pub(crate) struct BackupArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The archive to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
#[command(after_help = BACKUP_EXAMPLES)]
pub(crate) struct RestoreArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The archive
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
pub(crate) struct BrokerConfigArgs {
    /// Write configuration, ACL, the authority's certificate and revocation list, and the broker's
    /// certificate and key here
    #[arg(long, value_name = "FOLDER", requires = "host")]
    pub(crate) write: Option<PathBuf>,
    /// How the boxes and the server call the broker (DNS name or IP address); may be given several
    /// times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Mosquitto's listener: a port, or `PORT ADDRESS`
    #[arg(long, value_name = "PORT", default_value = "8883")]
    pub(crate) listener: String,
    /// The server's configuration: its `data_dir` holds the authority
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
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
pub(crate) struct ExportArgs {
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The box
    #[arg(long, value_name = "ID")]
    pub(crate) device: String,
    /// First time, RFC 3339 or a day; left out: from the beginning
    #[arg(long, value_name = "TIME", default_value = "")]
    pub(crate) from: String,
    /// Last time, RFC 3339 or a day; left out: up to now
    #[arg(long, value_name = "TIME", default_value = "")]
    pub(crate) to: String,
    /// The box's key, where it had more than one (16 hex digits); left out: the last
    #[arg(long, value_name = "ID", default_value = "")]
    pub(crate) key_id: String,
    /// The bundle's file; - for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Case number or reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Check a configuration instead of printing one
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) args: CheckArgs,
}

const CHECK_EXITS: &str = "\
Exit codes: 0 the configuration is sound; 1 something is wrong, one line each; 2 wrong arguments.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXITS)]
pub(crate) struct CheckArgs {
    /// The configuration file; print one with `zaigang-server config`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print {"sound", "faults"} instead of lines
    #[arg(long)]
    pub(crate) json: bool,
}

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
pub(crate) struct AccountArgs {
    /// What is done
    #[arg(value_enum)]
    pub(crate) deed: AccountDeed,
    /// The login name
    pub(crate) name: String,
    /// The server's configuration [default: zaigang-server.toml here, or
    /// /etc/zaigang/server.toml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Reason, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) why: String,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum AccountDeed {
    /// End the waits after wrong passwords and codes
    ClearWaits,
    /// Make a one-time link to a new password
    Reset,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration file; print one with `zaigang-server config`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Listen here instead of `http.listen`; port 0 takes a free one, and then the embedded
    /// broker's does too
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Write `{"http", "mqtt", "server_signing_key", "pid"}` here once everything listens
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}
