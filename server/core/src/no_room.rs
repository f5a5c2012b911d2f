//! A disk that takes nothing more: which folder, and what is left of it, as one line in both
//! languages. Nothing was stored, nothing is lost; whoever was refused tries again when there is
//! room. It frees nothing by itself.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Below this a look says that there is no room, even where a small write still went through: the
/// next one of a photograph's size would not.
pub const LEAST_FREE_BYTES: u64 = 1 << 20;

/// Where nothing more can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoom {
    /// A folder of this machine, with what its disk has left for this program where that is known.
    Here { folder: PathBuf, free_bytes: Option<u64> },
    /// The machine of a PostgreSQL.
    Elsewhere { database: String },
    /// Whoever asks is told no place: the public door.
    Unsaid,
}

impl NoRoom {
    /// Of a folder, as its disk stands now.
    pub fn here(folder: &Path) -> Self {
        Self::Here { folder: folder.to_owned(), free_bytes: free_bytes(folder) }
    }

    /// Where the disk of a folder has less left than the next write may need.
    pub fn nearly(folder: &Path) -> Option<Self> {
        free_bytes(folder).is_some_and(|free| free < LEAST_FREE_BYTES).then(|| Self::here(folder))
    }

    /// Of a file that could not be written, where that is for want of room.
    pub fn of_file(path: &Path, error: &std::io::Error) -> Option<Self> {
        is_no_room(error).then(|| Self::here(path.parent().unwrap_or(path)))
    }

    pub fn zh(&self) -> Cow<'static, str> {
        match self {
            Self::Here { folder, free_bytes: Some(free) } => format!(
                "服务器磁盘已满：{} 剩余 {free} 字节。本次操作没有执行，已有数据没有丢失；请管理员\
                腾出空间，之后重试即可。",
                folder.display()
            )
            .into(),
            Self::Here { folder, free_bytes: None } => format!(
                "服务器磁盘已满：{} 无法写入。本次操作没有执行，已有数据没有丢失；请管理员腾出空\
                间，之后重试即可。",
                folder.display()
            )
            .into(),
            Self::Elsewhere { database } => format!(
                "数据库 {database} 所在机器的磁盘已满。本次操作没有执行，已有数据没有丢失；请管理\
                员在那台机器上腾出空间，之后重试即可。"
            )
            .into(),
            Self::Unsaid => "服务器暂时无法保存内容，本次提交没有保存；请稍后重试。".into(),
        }
    }
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mend = "nothing was done and nothing is lost: make room, then it goes on by itself";
        match self {
            Self::Here { folder, free_bytes: Some(free) } => {
                write!(f, "no room on the disk: {} has {free} bytes free; {mend}", folder.display())
            }
            Self::Here { folder, free_bytes: None } => {
                write!(f, "no room on the disk: {} takes nothing more; {mend}", folder.display())
            }
            Self::Elsewhere { database } => {
                write!(f, "no room on the disk of the database {database}; {mend}")
            }
            Self::Unsaid => {
                f.write_str("the server can keep nothing now: nothing was stored, try again later")
            }
        }
    }
}

/// The disk is full, a quota is used up, or a file may not grow.
pub fn is_no_room(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// What is left for this program, of the folder or of the nearest one above it that is there.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|path| path.exists())?;
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_no_room_is_one_and_no_other_fault_is() {
        for full in [28, 122, 27] {
            let error = std::io::Error::from_raw_os_error(full);
            let at = Path::new("/tmp/somewhere/file");
            assert!(NoRoom::of_file(at, &error).is_some(), "{error}");
        }
        for other in [5, 13, 2, 30] {
            assert!(!is_no_room(&std::io::Error::from_raw_os_error(other)), "{other}");
        }
    }

    #[test]
    fn a_stranger_is_told_no_place() {
        let (zh, en) = (NoRoom::Unsaid.zh(), NoRoom::Unsaid.to_string());
        assert!(!zh.contains('/') && !en.contains('/'), "{zh} {en}");
    }
}
