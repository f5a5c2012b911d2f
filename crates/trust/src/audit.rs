//! The audit log as an export: every entry with its hash, chained, and a seal by the server's key over all of them.
//!
//! One line each: the header, the entries oldest first, the seal (an envelope). What a line says is its own; this file only
//! says whether anything was changed, left out or added since.

use std::io::{BufRead, Write};

use protocol::envelope::Envelope;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{SigningKey, VerifyingKey, ZERO_HASH, verify};

pub const FORMAT: &str = "zaigang-audit/1";

/// Who did what, to what, why, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
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

impl Entry {
    /// Each part goes in with its length, so that no two entries give the same bytes.
    pub fn made_hash(&self) -> String {
        let mut hasher = Sha256::new_with_prefix("zaigang/v1/audit");
        let (id, status) = (self.id.to_string(), self.status.to_string());
        for part in [&id, &self.at, &self.actor, &self.action, &self.object, &self.why, &status, &self.prev] {
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
pub struct Report {
    pub server_key_id: String,
    pub entries: i64,
    pub exported_at: String,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server_key_id, entries, exported_at } = self;
        write!(
            f,
            "audit log of {entries} entries from the first, none changed, exported {exported_at}, server key {server_key_id}"
        )
    }
}

/// Where a log does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Fault {
    pub line: usize,
    pub why: String,
}

/// Writes a log whose entries come oldest first; gives how many.
pub fn write<E: From<std::io::Error>>(
    out: &mut impl Write,
    signer: &SigningKey,
    exported_at: &str,
    entries: impl Iterator<Item = Result<Entry, E>>,
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
    let seal = Seal { format: FORMAT.to_owned(), exported_at: exported_at.to_owned(), entries: count, last_hash: last };
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

/// Checks a whole log.
pub fn check(from: impl BufRead) -> Result<Report, Fault> {
    let mut lines = from.lines().enumerate().map(|(n, text)| (n + 1, text));
    let fault = |line: usize, why: &str| Fault { line, why: why.to_owned() };
    let (_, first) = lines.next().ok_or_else(|| fault(1, "there is nothing"))?;
    let header: Header = read(1, first)?;
    if header.format != FORMAT {
        return Err(fault(1, "it is no audit log of a version that is known here"));
    }
    let key = VerifyingKey::from_base64(&header.server_key).map_err(|e| fault(1, &e.to_string()))?;
    let (mut count, mut last) = (0, ZERO_HASH.to_owned());
    let mut waiting: Option<(usize, String)> = None;
    for (number, text) in lines {
        let text = text.map_err(|e| fault(number, &e.to_string()))?;
        // The last line is the seal: an entry is read once another line follows it.
        if let Some((at, entry)) = waiting.replace((number, text)) {
            let entry: Entry = read(at, Ok(entry))?;
            if !entry.follows(count, &last) {
                return Err(fault(at, "this entry was changed, or one before it is missing"));
            }
            (count, last) = (entry.id, entry.hash);
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
    Ok(Report { server_key_id: key.key_id(), entries: count, exported_at: seal.exported_at })
}

fn read<T: serde::de::DeserializeOwned>(line: usize, text: std::io::Result<String>) -> Result<T, Fault> {
    let text = text.map_err(|e| Fault { line, why: e.to_string() })?;
    serde_json::from_str(&text).map_err(|e| Fault { line, why: format!("it does not decode: {e}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(count: i64) -> Vec<u8> {
        let mut prev = ZERO_HASH.to_owned();
        let entries = (1..=count).map(|id| {
            let mut entry = Entry {
                id,
                at: "2026-03-02T01:00:00.000Z".into(),
                actor: "wang".into(),
                action: "GET /alerts/{id}".into(),
                object: "/alerts/1".into(),
                why: "案号 17".into(),
                status: 200,
                prev: prev.clone(),
                hash: String::new(),
            };
            entry.hash = entry.made_hash();
            prev = entry.hash.clone();
            Ok::<_, std::io::Error>(entry)
        });
        let mut out = Vec::new();
        let signer = SigningKey::from_bytes(&[7; 32]);
        assert_eq!(write(&mut out, &signer, "2026-03-03T00:00:00.000Z", entries).unwrap(), count);
        out
    }

    #[test]
    fn a_log_holds_and_each_changed_byte_is_found() {
        let good = log(5);
        assert_eq!(check(good.as_slice()).unwrap().entries, 5);
        for at in (0..good.len()).step_by(11) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(check(bytes.as_slice()).is_err(), "byte {at} may be changed");
        }
    }

    #[test]
    fn an_entry_taken_out_or_put_last_is_found() {
        let text = String::from_utf8(log(5)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for out in 1..=5 {
            let rest: Vec<&str> = lines.iter().enumerate().filter(|(n, _)| *n != out).map(|(_, l)| *l).collect();
            assert!(check(rest.join("\n").as_bytes()).is_err(), "line {out} may be taken out");
        }
        assert!(check(lines[..6].join("\n").as_bytes()).is_err(), "the seal may be taken out");
        assert!(is_audit(lines[0]) && !is_audit(lines[1]));
    }

    #[test]
    fn an_empty_log_holds() {
        assert_eq!(check(log(0).as_slice()).unwrap().entries, 0);
    }
}
