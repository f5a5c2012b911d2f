//! A file beside a lead, as its page shows it.

use super::names::{Label, Names};
use super::times::local;
use crate::store::Attachment;

/// A file beside the lead.
pub(in crate::web) struct FileView {
    pub(in crate::web) id: i64,
    pub(in crate::web) name: String,
    pub(in crate::web) size: String,
    pub(in crate::web) by: Label,
    pub(in crate::web) at: String,
}

impl FileView {
    pub(in crate::web) fn of(it: &Attachment, people: &Names) -> Self {
        Self {
            id: it.id,
            name: it.name.clone(),
            size: format!("{} KiB", (it.bytes + 1023) / 1024),
            by: people.get(&it.by),
            at: local(&it.at),
        }
    }
}
