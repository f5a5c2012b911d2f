//! A file beside a lead, as its page shows it.

use super::frame::local;
use super::names::{Label, Names};
use crate::store::Attachment;

/// A file beside the lead.
pub(super) struct FileView {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) size: String,
    pub(super) by: Label,
    pub(super) at: String,
}

impl FileView {
    pub(super) fn of(it: &Attachment, people: &Names) -> Self {
        Self {
            id: it.id,
            name: it.name.clone(),
            size: format!("{} KiB", (it.bytes + 1023) / 1024),
            by: people.get(&it.by),
            at: local(&it.at),
        }
    }
}
