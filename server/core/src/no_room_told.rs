//! What a command and an answer say where there was no room: the one line of [`NoRoom`], as an
//! error and as a problem. It looks at no disk by itself.

use std::path::Path;

use axum::http::StatusCode;

use crate::no_room::{NoRoom, is_no_room};
use crate::problem::Problem;
use crate::store::StoreError;

/// A moment in which somebody may have made room.
const TRY_AGAIN_S: u32 = 60;

impl From<NoRoom> for Problem {
    fn from(it: NoRoom) -> Self {
        Self {
            zh: Some(it.zh()),
            retry_after_s: Some(TRY_AGAIN_S),
            ..Self::new(StatusCode::INSUFFICIENT_STORAGE, it.to_string())
        }
    }
}

/// Of work that writes below `folder`.
pub fn of_error(error: &anyhow::Error, folder: &Path) -> Option<NoRoom> {
    error.chain().find_map(|cause| {
        let of_store = cause.downcast_ref().and_then(StoreError::no_room);
        let of_file = || cause.downcast_ref().is_some_and(is_no_room).then_some(NoRoom::Unsaid);
        match of_store.or_else(of_file)? {
            NoRoom::Unsaid => Some(NoRoom::here(folder)),
            placed => Some(placed),
        }
    })
}

/// An error of a command that writes below `folder`: where there was no room, the line says so.
pub fn named(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    of_error(&error, folder).map_or(error, |it| anyhow::anyhow!("{it}"))
}

/// The answer to whoever asked for something that needs a file at `path`.
pub fn problem(path: &Path, error: &std::io::Error) -> Problem {
    NoRoom::of_file(path, error).map_or_else(|| Problem::internal(error), Problem::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_what_is_left_of_it() {
        let full = NoRoom::Here { folder: "/var/lib/zaigang".into(), free_bytes: Some(4096) };
        let problem = Problem::from(full);
        assert_eq!(problem.status, StatusCode::INSUFFICIENT_STORAGE);
        let zh = problem.zh.unwrap();
        for said in [zh.as_ref(), &problem.detail] {
            assert!(said.contains("/var/lib/zaigang") && said.contains("4096"), "{said}");
            assert!(!said.contains('\n'), "{said}");
        }
        let words = zh.replace("/var/lib/zaigang", "");
        assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "English in it: {words}");
        assert!(!words.contains([',', ';', '(']), "half-width signs in it: {words}");
    }
}
