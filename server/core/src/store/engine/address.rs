//! Where the store is: SQLite in the data folder, or a PostgreSQL. Knows nothing of tables.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

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
    password_file: Option<PathBuf>,
}

impl Address {
    /// SQLite in the data folder.
    pub fn embedded(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), postgres: None }
    }

    /// A PostgreSQL by its `postgres://` address; the fault says what is wrong with it.
    pub fn postgres(dir: &Path, url: &str, password_file: Option<PathBuf>) -> Result<Self, String> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must begin with postgres://; leave it out for SQLite".to_owned());
        }
        let mut config = Config::from_str(url).map_err(|e| super::postgres::told(&e))?;
        if config.get_dbname().is_none() {
            return Err("names no database: postgres://USER@HOST/DATABASE".to_owned());
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err("asks for TLS, which this program does not speak to PostgreSQL: use its \
                socket, a private network or a tunnel, without sslmode=require"
                .to_owned());
        }
        config.application_name("zaigang-server");
        config.connect_timeout(Duration::from_secs(10));
        // A machine that is gone says nothing: these notice it.
        config.keepalives_idle(Duration::from_secs(5)).keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
        // Of several hosts, and behind a balancer that is late: the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self {
            dir: dir.to_owned(),
            postgres: Some(Box::new(Postgres { config, password_file })),
        })
    }

    pub fn is_postgres(&self) -> bool {
        self.postgres.is_some()
    }

    pub fn password_file(&self) -> Option<&Path> {
        self.postgres.as_ref()?.password_file.as_deref()
    }

    /// How to connect, with the password as the file holds it now; nothing for SQLite.
    pub(in crate::store) fn config(&self) -> std::io::Result<Option<Config>> {
        let Some(postgres) = &self.postgres else { return Ok(None) };
        let mut config = postgres.config.clone();
        if let Some(file) = &postgres.password_file {
            let said = |why| std::io::Error::other(format!("{}: {why}", file.display()));
            config.password(local_files::read_secret(file).map_err(said)?);
        }
        Ok(Some(config))
    }
}

/// Without a password.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(postgres) = &self.postgres else {
            return write!(f, "{}", self.dir.display());
        };
        let host = match postgres.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(folder)) => folder.display().to_string(),
            None => String::new(),
        };
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

/// In a test that plays the store on PostgreSQL, a database of this folder's own there.
impl From<&Path> for Address {
    fn from(dir: &Path) -> Self {
        #[cfg(test)]
        if let Some(url) = crate::store::cluster::url_of(dir) {
            return Self::postgres(dir, &url, None).expect("the cluster's own address");
        }
        Self::embedded(dir)
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
        assert!(fault("postgres://localhost/x?sslmode=require").contains("TLS"));
    }

    #[test]
    fn a_password_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt as _;

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}geheim\n").unwrap();
        let at = |mode| {
            std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let url = "postgres://zaigang@db.example/zaigang";
            Address::postgres(Path::new("data"), url, Some(file.path().to_owned()))
                .unwrap()
                .config()
        };
        let closed = at(0o600).unwrap().unwrap();
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
