//! What can go wrong with the outbox, each as one clear line with its mend.

use std::path::PathBuf;

/// Errors of the outbox. After any of them the outbox can still be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error("outbox {path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("outbox: another process has {path} open: stop the other zaigang-agent")]
    InUse { path: PathBuf },
    #[error(
        "outbox: the disk is full and nothing of less worth is left to drop: free space on the \
        state directory's disk"
    )]
    Full,
    #[error(
        "outbox: a message of {bytes} bytes is over the limit of {limit}: {what} was not written"
    )]
    TooLarge { what: &'static str, bytes: usize, limit: usize },
    #[error(
        "outbox: receipt names hash {named} for sequence {seq}, the box has {own}: one of the two \
        was changed"
    )]
    Fork { seq: u64, own: String, named: String },
    #[error(
        "outbox: receipt names sequence {receipted}, above the last one written here ({last}): \
        this box lost its state"
    )]
    ReceiptBeyond { receipted: u64, last: u64 },
    #[error("outbox: a message of an unknown type can not be written")]
    UnknownType,
    #[error("outbox: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("outbox: {0}")]
    Json(#[from] serde_json::Error),
    #[error("outbox: no randomness from the operating system: {0}")]
    NoRandomness(String),
    #[error("outbox: a thread that held it panicked; restart the agent")]
    Poisoned,
}

impl OutboxError {
    /// SQLite says the database or its disk is full.
    pub(super) fn is_full(&self) -> bool {
        use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
        // ENOSPC shows as SQLITE_FULL, or, where the write-ahead log could not grow, as an I/O
        // error of a write.
        const IOERR_WRITE: i32 = 778;
        match self {
            Self::Sql(rusqlite::Error::SqliteFailure(error, _)) => {
                error.code == DiskFull
                    || (error.code == SystemIoFailure && error.extended_code == IOERR_WRITE)
            }
            _ => false,
        }
    }

    /// The database is torn: set it aside.
    pub(super) fn is_corrupt(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        matches!(self, Self::Sql(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, DatabaseCorrupt | NotADatabase))
    }

    pub(super) fn is_locked(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        matches!(self, Self::Sql(rusqlite::Error::SqliteFailure(error, _))
            if matches!(error.code, DatabaseBusy | DatabaseLocked))
    }
}
