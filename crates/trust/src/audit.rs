//! The audit log as an export: every entry with its hash, chained, and a seal by the server's key
//! over all of them; and its signed heads, which others keep and which every later copy of the log
//! must still agree with.
//!
//! One line each: the header, the entries oldest first, the seal (an envelope). What a line says is
//! its own; this file only says whether anything was changed, left out or added since. A log that
//! was cut or rewritten as a whole is sound in itself: only a head that lay elsewhere shows it.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use protocol::down::{AUDIT_HEAD_FORMAT, AuditHead};
use protocol::envelope::Envelope;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{SigningKey, VerifyingKey, ZERO_HASH, verify};

pub const FORMAT: &str = "zaigang-audit/1";

/// Who did what, to what, why, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Without a gap.
    pub id: i64,
    /// RFC 3339 UTC ms, the server's clock.
    pub at: String,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub why: String,
    /// HTTP status of the answer.
    pub status: u16,
    pub prev: String,
    pub hash: String,
}

impl AuditEntry {
    /// Each part goes in with its length, so that no two entries give the same bytes.
    pub fn made_hash(&self) -> String {
        let mut hasher = Sha256::new_with_prefix("zaigang/v1/audit");
        let (id, status) = (self.id.to_string(), self.status.to_string());
        for part in
            [&id, &self.at, &self.actor, &self.action, &self.object, &self.why, &status, &self.prev]
        {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hex::encode(hasher.finalize())
    }

    /// Whether it follows an entry with this id and hash, unchanged.
    pub fn follows(&self, id: i64, hash: &str) -> bool {
        self.id == id + 1 && self.prev == hash && self.made_hash() == self.hash
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    server_key: String,
    exported_at: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    format: String,
    exported_at: String,
    entries: i64,
    last_hash: String,
}

/// What a log that holds is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    pub server_key_id: String,
    pub entries: i64,
    pub exported_at: String,
    /// How many heads it was compared with, and the time of the latest of them.
    pub heads: usize,
    pub latest_head_at: String,
}

impl std::fmt::Display for AuditReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server_key_id, entries, exported_at, heads, latest_head_at } = self;
        write!(
            f,
            "audit log of {entries} entries from the first, none changed, exported {exported_at}, \
            server key {server_key_id}"
        )?;
        if *heads == 0 {
            return write!(
                f,
                "; compared with no head: a log cut or rewritten as a whole would not show"
            );
        }
        write!(f, "; it agrees with {heads} signed heads, the latest of {latest_head_at}")
    }
}

/// Where a log does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct AuditLogFault {
    pub line: usize,
    pub why: String,
}

/// Writes a log whose entries come oldest first; gives how many.
pub fn write<E: From<std::io::Error>>(
    out: &mut impl Write,
    signer: &SigningKey,
    exported_at: &str,
    entries: impl Iterator<Item = Result<AuditEntry, E>>,
) -> Result<i64, E> {
    let header = Header {
        format: FORMAT.to_owned(),
        server_key: signer.verifying_key().to_base64(),
        exported_at: exported_at.to_owned(),
    };
    line(out, &header)?;
    let (mut count, mut last) = (0, ZERO_HASH.to_owned());
    for entry in entries {
        let entry = entry?;
        line(out, &entry)?;
        (count, last) = (count + 1, entry.hash);
    }
    let seal = Seal {
        format: FORMAT.to_owned(),
        exported_at: exported_at.to_owned(),
        entries: count,
        last_hash: last,
    };
    let body = serde_json::to_string(&seal).map_err(std::io::Error::from)?;
    line(out, &signer.sign(body))?;
    Ok(count)
}

fn line(out: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Whether a file that begins like this is an audit log.
pub fn is_audit(first_line: &str) -> bool {
    serde_json::from_str::<Header>(first_line).is_ok_and(|header| header.format == FORMAT)
}

/// An envelope over an [`AuditHead`].
pub type SignedHead = Envelope;

/// Signs where the log stands.
pub fn sign_head(
    signer: &SigningKey,
    entries: i64,
    hash: &str,
    at: &str,
) -> Result<SignedHead, serde_json::Error> {
    let head = AuditHead {
        format: AUDIT_HEAD_FORMAT.to_owned(),
        entries: entries.unsigned_abs(),
        hash: hash.to_owned(),
        at: at.to_owned(),
    };
    Ok(signer.sign(serde_json::to_string(&head)?))
}

/// Reads a head that this key must have signed.
pub fn read_head(signed: &SignedHead, key: &VerifyingKey) -> Result<AuditHead, String> {
    let body = verify(signed, key).map_err(|refused| refused.to_string())?;
    let head: AuditHead =
        serde_json::from_str(body).map_err(|e| format!("it is no head of an audit log: {e}"))?;
    if head.format != AUDIT_HEAD_FORMAT {
        return Err("it is no head of an audit log of a version that is known here".to_owned());
    }
    Ok(head)
}

/// Heads as they are kept: one envelope a line. A last line that a power cut tore is passed over.
pub fn heads_of(text: &str) -> Result<Vec<SignedHead>, AuditLogFault> {
    let mut heads = Vec::new();
    let whole = text.ends_with('\n');
    let lines: Vec<&str> = text.lines().collect();
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(head) => heads.push(head),
            Err(_) if n + 1 == lines.len() && !whole => {}
            Err(e) => {
                return Err(AuditLogFault {
                    line: n + 1,
                    why: format!("it is no signed head: {e}"),
                });
            }
        }
    }
    Ok(heads)
}

/// Checks a whole log by itself.
pub fn check(from: impl BufRead) -> Result<AuditReport, AuditLogFault> {
    check_against(from, &[])
}

/// Checks a whole log, and that it still holds every entry that these heads speak of.
pub fn check_against(
    from: impl BufRead,
    heads: &[SignedHead],
) -> Result<AuditReport, AuditLogFault> {
    let mut lines = from.lines().enumerate().map(|(n, text)| (n + 1, text));
    let fault = |line: usize, why: &str| AuditLogFault { line, why: why.to_owned() };
    let (_, first) = lines.next().ok_or_else(|| fault(1, "there is nothing"))?;
    let header: Header = read(1, first)?;
    if header.format != FORMAT {
        return Err(fault(1, "it is no audit log of a version that is known here"));
    }
    let key =
        VerifyingKey::from_base64(&header.server_key).map_err(|e| fault(1, &e.to_string()))?;
    let mut witnesses = Witnesses::new(heads, &key).map_err(|why| fault(1, &why))?;
    let (mut count, mut last) = (0, ZERO_HASH.to_owned());
    let mut waiting: Option<(usize, String)> = None;
    for (number, text) in lines {
        let text = text.map_err(|e| fault(number, &e.to_string()))?;
        // The last line is the seal: an entry is read once another line follows it.
        if let Some((at, entry)) = waiting.replace((number, text)) {
            let entry: AuditEntry = read(at, Ok(entry))?;
            if !entry.follows(count, &last) {
                return Err(fault(at, "this entry was changed, or one before it is missing"));
            }
            (count, last) = (entry.id, entry.hash);
            witnesses.compare(count, &last).map_err(|why| fault(at, &why))?;
        }
    }
    let (at, text) = waiting.ok_or_else(|| fault(2, "the seal is missing"))?;
    let sealed: Envelope = read(at, Ok(text))?;
    let body = verify(&sealed, &key).map_err(|e| fault(at, &e.to_string()))?;
    let seal: Seal = serde_json::from_str(body).map_err(|e| fault(at, &e.to_string()))?;
    if (seal.entries, seal.last_hash.as_str()) != (count, last.as_str()) || seal.format != FORMAT {
        return Err(fault(at, "the seal is of another log: entries are missing or were added"));
    }
    if seal.exported_at != header.exported_at {
        return Err(fault(1, "the header is of another log"));
    }
    witnesses.all_reached(count).map_err(|why| fault(at, &why))?;
    let (heads, latest_head_at) = (witnesses.heads, witnesses.latest_at);
    Ok(AuditReport {
        server_key_id: key.key_id(),
        entries: count,
        exported_at: seal.exported_at,
        heads,
        latest_head_at,
    })
}

/// What others remember of a log: hash and time by entry.
#[derive(Debug, Default)]
pub struct Witnesses {
    heads: usize,
    latest_at: String,
    /// Entries not yet reached.
    ahead: BTreeMap<i64, Vec<(String, String)>>,
}

impl Witnesses {
    /// Reads the heads; one that another key signed is a fault, named by its place.
    pub fn new(heads: &[SignedHead], key: &VerifyingKey) -> Result<Self, String> {
        let mut all = Self { heads: heads.len(), ..Self::default() };
        for (n, signed) in heads.iter().enumerate() {
            let head = read_head(signed, key).map_err(|why| format!("head {}: {why}", n + 1))?;
            let entries = i64::try_from(head.entries)
                .map_err(|_| format!("head {}: no such count", n + 1))?;
            all.latest_at = all.latest_at.max(head.at.clone());
            if entries > 0 {
                all.ahead.entry(entries).or_default().push((head.hash, head.at));
            }
        }
        Ok(all)
    }

    /// The log's entry of this number has this hash.
    pub fn compare(&mut self, entry: i64, hash: &str) -> Result<(), String> {
        let known = self.ahead.remove(&entry).unwrap_or_default();
        match known.iter().find(|(signed, _)| signed != hash) {
            None => Ok(()),
            Some((_, at)) => Err(format!(
                "entry {entry} is another than the head of {at} speaks of: it, or one before it, \
                was rewritten"
            )),
        }
    }

    /// The log ends behind this entry.
    pub fn all_reached(&self, entries: i64) -> Result<(), String> {
        match self.ahead.last_key_value() {
            None => Ok(()),
            Some((known, of)) => Err(format!(
                "the log ends with entry {entries} and the head of {} speaks of entry {known}: \
                its tail was cut off",
                of.first().map_or("", |(_, at)| at.as_str())
            )),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(
    line: usize,
    text: std::io::Result<String>,
) -> Result<T, AuditLogFault> {
    let text = text.map_err(|e| AuditLogFault { line, why: e.to_string() })?;
    serde_json::from_str(&text)
        .map_err(|e| AuditLogFault { line, why: format!("it does not decode: {e}") })
}

#[cfg(test)]
mod tests;
