//! Files beside a lead. Each is sealed with a key of its own; where the lead is struck, both go.

use super::engine::{OptionalExtension as _, Transaction, params};
use zeroize::Zeroizing;

use super::rows::collect;
use super::{Result, Store, StoreError, alerts, name_of, named};
use crate::attachment::{AcceptedAttachment, AttachmentKind, MOST_FILES};
use crate::clock::At;
use crate::ids::AlertId;
use crate::vault::Key;

/// A file as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub id: i64,
    pub name: String,
    pub kind: AttachmentKind,
    pub bytes: i64,
    pub sha256: String,
    pub by: String,
    pub at: At,
}

const COLUMNS: &str = "SELECT id, name, kind, bytes, sha256, by, at FROM attachment";

fn label(sha256: &str) -> String {
    format!("attachment {sha256}")
}

fn key_label(sha256: &str) -> String {
    format!("key of attachment {sha256}")
}

impl Store {
    /// Keeps a file and a step that names it.
    pub fn attach(
        &self,
        master: &Key,
        (alert, name, by): (&AlertId, &str, &str),
        file: &AcceptedAttachment,
        now: At,
    ) -> Result<()> {
        let sha256 = trust::sha256_hex(&file.bytes);
        let key = Key::generate()?;
        let sealed = key.seal(&label(&sha256), &file.bytes)?;
        let wrapped = master.seal(&key_label(&sha256), key.bytes())?;
        self.write(|tx| {
            let sql = "SELECT count(*) FROM attachment WHERE alert = ?1";
            let files: i64 = tx.query_row(sql, [alert], |r| r.get(0))?;
            if files >= MOST_FILES {
                let why = format!("{MOST_FILES} files are kept of a lead at most");
                return Err(StoreError::Refused(why));
            }
            let bytes = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
            let kind = name_of(&file.kind)?;
            tx.execute(
                "INSERT INTO attachment (alert, name, kind, bytes, sha256, by, at, wrapped, sealed)
                 VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                params![alert, name, kind, bytes, sha256, by, now, wrapped, sealed],
            )?;
            let unknown = || StoreError::Unknown { what: "alert", id: alert.to_string() };
            let found = alerts::alert_by_id(tx, alert)?.ok_or_else(unknown)?;
            // A picture is kept as it was decoded: its sender knows their file by this.
            let note = format!("{name} · SHA-256 {}", file.sent_sha256);
            alerts::record(tx, alert, by, "attach", &note, found.case.state, now)?;
            Ok(())
        })
    }

    pub fn attachments(&self, alert: &AlertId) -> Result<Vec<Attachment>> {
        let sql = format!("{COLUMNS} WHERE alert = ?1 ORDER BY id");
        self.read(|c| collect(c, &sql, [alert], attachment))
    }

    /// One file of a lead, opened.
    pub fn attached(
        &self,
        master: &Key,
        alert: &AlertId,
        id: i64,
    ) -> Result<Option<(Attachment, Zeroizing<Vec<u8>>)>> {
        let found = self.read(|c| {
            let sql = format!("{COLUMNS} WHERE alert = ?1 AND id = ?2");
            let Some(it) = collect(c, &sql, params![alert, id], attachment)?.pop() else {
                return Ok(None);
            };
            let sql = "SELECT wrapped, sealed FROM attachment WHERE id = ?1";
            let blobs: Option<(Vec<u8>, Vec<u8>)> =
                c.query_row(sql, [id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            Ok(blobs.map(|(wrapped, sealed)| (it, wrapped, sealed)))
        })?;
        let Some((it, wrapped, sealed)) = found else { return Ok(None) };
        let key = master.unwrap_key(&key_label(&it.sha256), &wrapped)?;
        let bytes = key.open(&label(&it.sha256), &sealed)?;
        Ok(Some((it, bytes)))
    }
}

/// A struck lead keeps no file.
pub(super) fn forget(tx: &Transaction<'_>, alert: &AlertId) -> Result<()> {
    tx.prepare_cached("DELETE FROM attachment WHERE alert = ?1")?.execute([alert])?;
    Ok(())
}

fn attachment(r: &crate::store::engine::Row<'_>) -> Result<Attachment> {
    Ok(Attachment {
        id: r.get(0)?,
        name: r.get(1)?,
        kind: named(r.get(2)?)?,
        bytes: r.get(3)?,
        sha256: r.get(4)?,
        by: r.get(5)?,
        at: r.get(6)?,
    })
}
