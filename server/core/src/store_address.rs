//! Where the store is: SQLite in the data folder, or a PostgreSQL. Knows nothing of tables.

mod tls;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use tls::Tls;

/// Where the store is kept.
#[derive(Debug, Clone)]
pub struct Address {
    /// The data folder: keys, and the databases where no PostgreSQL is named.
    pub dir: PathBuf,
    postgres: Option<Box<Postgres>>,
}

#[derive(Debug, Clone)]
struct Postgres {
    config: Config,
    tls: Option<Tls>,
    beside: Beside,
}

/// Files beside a PostgreSQL's address.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    pub password_file: Option<PathBuf>,
    /// Of the public door's own login, where an administrator made it.
    pub door_password_file: Option<PathBuf>,
    /// Authorities beside the system's, for `sslmode=verify-full`.
    pub ca_file: Option<PathBuf>,
}

/// As whom, and how, a connection is made.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseLogin {
    pub(crate) config: Config,
    pub(crate) tls: Option<Tls>,
}

impl Address {
    /// SQLite in the data folder.
    pub fn embedded(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), postgres: None }
    }

    /// A PostgreSQL by its `postgres://` address; the fault says what is wrong with it.
    pub fn postgres(dir: &Path, url: &str, password_file: Option<PathBuf>) -> Result<Self, String> {
        Self::postgres_with(dir, url, Beside { password_file, ..Beside::default() })
    }

    /// As [`Self::postgres`], with all that may lie beside the address.
    pub fn postgres_with(dir: &Path, url: &str, beside: Beside) -> Result<Self, String> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must begin with postgres://; leave it out for SQLite".to_owned());
        }
        let (url, encrypted) = without_sslmode(url)?;
        let mut config = Config::from_str(&url).map_err(|e| told(&e))?;
        if config.get_dbname().is_none() {
            return Err("names no database: postgres://USER@HOST/DATABASE".to_owned());
        }
        let is_socket = |host: &Host| matches!(host, Host::Unix(_));
        if encrypted && (config.get_hosts().is_empty() || config.get_hosts().iter().any(is_socket))
        {
            return Err("asks for TLS over a socket of this machine, which has no name that a \
                certificate could prove: name the host, or leave sslmode out"
                .to_owned());
        }
        if !encrypted && beside.ca_file.is_some() {
            return Err("does not ask for TLS, so `store.ca_file` would prove nothing: add \
                ?sslmode=verify-full"
                .to_owned());
        }
        // Never "if the other side can": whoever stands between would say that it can not.
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = encrypted.then(|| Tls::trusting(beside.ca_file.as_deref())).transpose()?;
        config.application_name("zaigang-server");
        config.connect_timeout(Duration::from_secs(10));
        // A machine that is gone says nothing: these notice it.
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
        // Of several hosts, and behind a balancer that is late: the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let postgres = Some(Box::new(Postgres { config, tls, beside }));
        Ok(Self { dir: dir.to_owned(), postgres })
    }

    pub fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    /// What lies beside a PostgreSQL's address; nothing for SQLite.
    pub fn beside(&self) -> Option<&Beside> {
        self.postgres.as_ref().map(|postgres| &postgres.beside)
    }

    /// The database's name; nothing for SQLite.
    pub fn database(&self) -> Option<&str> {
        self.postgres.as_ref()?.config.get_dbname()
    }

    /// How to connect, with the password as the file holds it now; nothing for SQLite.
    pub(crate) fn login(&self) -> std::io::Result<Option<DatabaseLogin>> {
        let Some(postgres) = &self.postgres else { return Ok(None) };
        let mut config = postgres.config.clone();
        if let Some(file) = &postgres.beside.password_file {
            config.password(secret(file)?);
        }
        Ok(Some(DatabaseLogin { config, tls: postgres.tls.clone() }))
    }

    /// The password that an administrator gave the public door's login.
    pub(crate) fn door_password(&self) -> std::io::Result<Option<String>> {
        let file = self.beside().and_then(|beside| beside.door_password_file.as_deref());
        file.map(secret).transpose()
    }

    /// What PostgreSQL's own programs are told, in their environment: never a password among the
    /// arguments, which everybody on the machine sees.
    pub fn environment(&self) -> std::io::Result<Vec<(&'static str, String)>> {
        let Some(DatabaseLogin { config, tls }) = self.login()? else { return Ok(Vec::new()) };
        let joined = |all: Vec<String>| all.join(",");
        let hosts = config.get_hosts().iter().map(host_name);
        let ports = config.get_ports().iter().map(u16::to_string);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mode = if tls.is_some() { "verify-full" } else { "disable" };
        let ca = self.beside().and_then(|beside| beside.ca_file.as_deref());
        let named = [
            ("PGHOST", Some(joined(hosts.collect()))),
            ("PGPORT", Some(joined(ports.collect()))),
            ("PGUSER", config.get_user().map(ToOwned::to_owned)),
            ("PGPASSWORD", config.get_password().map(text)),
            ("PGDATABASE", config.get_dbname().map(ToOwned::to_owned)),
            ("PGOPTIONS", config.get_options().map(ToOwned::to_owned)),
            ("PGSSLMODE", Some(mode.to_owned())),
            (
                "PGSSLROOTCERT",
                tls.and(Some(ca.map_or_else(system_ca, |ca| ca.display().to_string()))),
            ),
            ("PGTARGETSESSIONATTRS", Some("read-write".to_owned())),
            ("PGCONNECT_TIMEOUT", Some("10".to_owned())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(named.filter(|(_, value)| !value.is_empty()).collect())
    }
}

/// A password of a file that nobody else may read.
fn secret(file: &Path) -> std::io::Result<String> {
    let said = |why| std::io::Error::other(format!("{}: {why}", file.display()));
    local_files::read_secret(file).map_err(said)
}

/// Debian's authorities in one file, which PostgreSQL's programs do not find by themselves.
fn system_ca() -> String {
    "/etc/ssl/certs/ca-certificates.crt".to_owned()
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(host) => host.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

/// The address without its `sslmode`, and whether that asks for TLS. There is no half of it: what
/// is encrypted is proven, too.
fn without_sslmode(url: &str) -> Result<(String, bool), String> {
    let Some((place, query)) = url.split_once('?') else { return Ok((url.to_owned(), false)) };
    let (mut kept, mut modes) = (Vec::new(), Vec::new());
    for part in query.split('&') {
        match part.split_once('=') {
            Some(("sslmode", mode)) => modes.push(mode),
            Some(("sslrootcert", _)) => {
                return Err("names sslrootcert: name the file as `store.ca_file`".to_owned());
            }
            _ => kept.push(part),
        }
    }
    let encrypted = match modes.as_slice() {
        [] | ["disable"] => false,
        ["verify-full"] => true,
        _ => {
            return Err(
                "has another sslmode than verify-full or disable: TLS that does not prove \
                whom it speaks to keeps nobody out"
                    .to_owned(),
            );
        }
    };
    let rest = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    Ok((format!("{place}{rest}"), encrypted))
}

/// Without a password.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(postgres) = &self.postgres else {
            return write!(f, "{}", self.dir.display());
        };
        let host = postgres.config.get_hosts().first().map(host_name).unwrap_or_default();
        write!(f, "PostgreSQL {host} {}", postgres.config.get_dbname().unwrap_or_default())
    }
}

impl From<&Self> for Address {
    fn from(at: &Self) -> Self {
        at.clone()
    }
}

impl From<&PathBuf> for Address {
    fn from(dir: &PathBuf) -> Self {
        Self::from(dir.as_path())
    }
}

/// One line: PostgreSQL's own words, and the statement's hint where it has one.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            let detail = db.detail().map_or_else(String::new, |detail| format!(" ({detail})"));
            format!("{}{detail}", db.message())
        }
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        Address::postgres(Path::new("data"), url, None).unwrap_err()
    }

    #[test]
    fn an_address_without_a_database_is_refused() {
        assert!(fault("postgres://zaigang@localhost").contains("names no database"));
        assert!(fault("mysql://localhost/x").contains("must begin with postgres://"));
    }

    #[test]
    fn tls_is_proven_or_not_asked_for() {
        for half in ["require", "prefer", "allow", "verify-ca", "verify-full&sslmode=disable", ""] {
            let url = format!("postgres://localhost/x?sslmode={half}");
            assert!(fault(&url).contains("another sslmode"), "{half}");
        }
        assert!(fault("postgres:///x?host=/run/p&sslmode=verify-full").contains("socket"));
        assert!(fault("postgres://h/x?sslrootcert=/a").contains("store.ca_file"));
        let at = |url| Address::postgres(Path::new("data"), url, None).unwrap();
        let login = at("postgres://h/x?connect_timeout=3&sslmode=verify-full").login();
        let login = login.unwrap().unwrap();
        assert!(login.tls.is_some() && login.config.get_ssl_mode() == SslMode::Require);
        let login = at("postgres://h/x").login().unwrap().unwrap();
        assert!(login.tls.is_none() && login.config.get_ssl_mode() == SslMode::Disable);
        let ca_file = Some(PathBuf::from("/no/such"));
        let beside = |ca_file| Beside { ca_file, ..Beside::default() };
        let with = |url| Address::postgres_with(Path::new("d"), url, beside(ca_file.clone()));
        assert!(with("postgres://h/x?sslmode=verify-full").unwrap_err().contains("/no/such"));
        assert!(with("postgres://h/x").unwrap_err().contains("verify-full"), "a file in vain");
    }

    proptest::proptest! {
        /// Whatever stands around it: what asks for TLS gets it, or is refused.
        #[test]
        fn an_address_that_asks_for_tls_never_goes_plain(around in "[a-z=&%?]{0,20}") {
            let url = format!("postgres://h/x?{around}&sslmode=verify-full&{around}");
            if let Ok(at) = Address::postgres(Path::new("data"), &url, None) {
                let login = at.login().unwrap().unwrap();
                proptest::prop_assert!(login.tls.is_some());
                proptest::prop_assert_eq!(login.config.get_ssl_mode(), SslMode::Require);
            }
        }
    }

    #[test]
    fn a_password_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}geheim\n").unwrap();
        let at = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let url = "postgres://zaigang@db.example/zaigang";
            Address::postgres(Path::new("data"), url, Some(file.path().to_owned())).unwrap().login()
        };
        let closed = at(0o600).unwrap().unwrap().config;
        assert_eq!(closed.get_password(), Some(&b"geheim"[..]), "the mark is no part of it");
        assert!(at(0o644).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn no_print_of_an_address_shows_its_password() {
        let url = "postgres://zaigang:geheim@db.example/zaigang";
        let at = Address::postgres(Path::new("data"), url, None).unwrap();
        assert_eq!(at.to_string(), "PostgreSQL db.example zaigang");
        assert!(!format!("{at:?}").contains("geheim"), "{at:?}");
    }
}
