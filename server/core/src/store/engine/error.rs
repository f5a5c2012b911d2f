//! What went wrong at an engine, and the kinds of it that the store tells apart.

use tokio_postgres::error::SqlState;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{}", crate::store_address::told(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("no row was found")]
    NoRows,
    /// A column does not hold what is asked of it.
    #[error("column {column}: {why}")]
    Column { column: String, why: String },
}

/// A file that may not grow: a write of the log, of its index, or of the file itself. A used-up
/// quota and a full disk both show so.
const NO_GROWTH: [std::ffi::c_int; 3] = [
    rusqlite::ffi::SQLITE_IOERR_WRITE,
    rusqlite::ffi::SQLITE_IOERR_SHMSIZE,
    rusqlite::ffi::SQLITE_IOERR_TRUNCATE,
];

/// Where PostgreSQL writes what the first login after its start reads: it ends that login without a
/// code of the cause, and its words are of its own language.
const FIRST_LOGIN_WRITES: &str = "write_item";

pub(in crate::store) type EngineResult<T> = std::result::Result<T, Error>;

impl Error {
    /// A uniqueness or another constraint stood against it.
    pub(in crate::store) fn is_constraint(&self) -> bool {
        match self {
            Self::Sqlite(e) => {
                e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
            }
            Self::Postgres(e) => e.code().is_some_and(|code| code.code().starts_with("23")),
            _ => false,
        }
    }

    /// The other machine is away, or is about to be: what failed may do so no more in a moment.
    pub(in crate::store) fn is_unreachable(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        let passing = |code: &str| code.starts_with("08") || code.starts_with("57P");
        if let Some(code) = error.code() {
            return passing(code.code()) || *code == SqlState::READ_ONLY_SQL_TRANSACTION;
        }
        let source = std::error::Error::source(error);
        error.is_closed() || source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
    }

    /// PostgreSQL knows no such login, or not by this password.
    pub(in crate::store) fn is_refused_login(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.code().is_some_and(|code| code.code().starts_with("28"))
    }

    /// The disk had no room for it.
    pub(in crate::store) fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(e, _)) => {
                e.code == rusqlite::ErrorCode::DiskFull || NO_GROWTH.contains(&e.extended_code)
            }
            Self::Postgres(e) => {
                let routine = e.as_db_error().and_then(tokio_postgres::error::DbError::routine);
                e.code() == Some(&SqlState::DISK_FULL) || routine == Some(FIRST_LOGIN_WRITES)
            }
            _ => false,
        }
    }
}

/// A query of one row that may find none.
pub(in crate::store) trait OptionalExtension<T> {
    fn optional(self) -> EngineResult<Option<T>>;
}

impl<T> OptionalExtension<T> for EngineResult<T> {
    fn optional(self) -> EngineResult<Option<T>> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoRows | Error::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
