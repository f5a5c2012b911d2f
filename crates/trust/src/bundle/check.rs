//! Checking a bundle: signatures, chain, declared losses, receipts, the seal over the whole. Says
//! where it fails.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use protocol::WIRE_VERSION;
use protocol::down::{Down, DownBody};
use protocol::envelope::Envelope;
use protocol::id::EvidenceId;
use protocol::up::{Up, UpBody};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::{BundleLine, FORMAT, HashOnly, Header, Seal};
use crate::{VerifyingKey, ZERO_HASH, chain_hash, verify};

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFault {
    /// Counts from 1.
    pub line: u64,
    /// The sequence of the message, where one could be read.
    pub seq: Option<u64>,
    pub why: String,
}

impl fmt::Display for BundleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "line {} (sequence {seq}): {}", self.line, self.why),
            None => write!(f, "line {}: {}", self.line, self.why),
        }
    }
}

impl std::error::Error for BundleFault {}

/// What holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleReport {
    pub header: Header,
    /// Those that are here whole.
    pub messages: u64,
    /// Messages of which only the hash is here: their place is held, their content was not checked.
    pub hash_only: u64,
    pub last_seq: u64,
    /// Sequences that the box declared dropped for space.
    pub dropped: u64,
    /// Sequences lost with a torn database, each covered by a break record.
    pub lost_at_breaks: u64,
    pub breaks: u64,
    /// Up to here the server's signed receipts confirm the chain.
    pub receipted_seq: u64,
    pub receipts: u64,
    /// Heartbeats that are missing between two that are there: a lost, undelivered tail shows here.
    pub missing_heartbeats: u64,
    /// SHA-256 of the ciphertext of each sealed picture that the chain names.
    pub pictures: BTreeMap<EvidenceId, String>,
    pub device_key_id: String,
    pub server_key_id: String,
}

impl fmt::Display for BundleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages of {} (sequence {} to {}) are exactly as the box signed them and in \
                their order, nothing between \
             them was removed or changed; {} declared dropped, {} lost at {} declared chain \
             breaks, {} heartbeats missing; \
             the server's receipts confirm up to sequence {}; box key {}, server key {}",
            self.messages,
            self.header.device,
            self.header.from_seq,
            self.last_seq,
            self.dropped,
            self.lost_at_breaks,
            self.breaks,
            self.missing_heartbeats,
            self.receipted_seq,
            self.device_key_id,
            self.server_key_id,
        )?;
        if self.hash_only > 0 {
            write!(
                f,
                "; of {} more only the hash is here, in its place in the chain",
                self.hash_only
            )?;
        }
        Ok(())
    }
}

/// Reads a bundle to its end and checks every line. The first fault ends it.
pub fn check(input: impl BufRead) -> Result<BundleReport, BundleFault> {
    let mut lines = Lines { input, number: 0, hash: Sha256::new() };
    let first = lines.next()?.ok_or_else(|| lines.fault("the file is empty"))?;
    let header: Header = lines.parse(&first)?;
    let mut checker = Checker::new(header).map_err(|why| lines.fault(why))?;
    loop {
        let before = lines.hash.clone();
        let Some(text) = lines.next()? else {
            return Err(lines.fault("the file ends without its sealed last line: it was cut short"));
        };
        match lines.parse::<BundleLine>(&text)? {
            BundleLine::Message(envelope) => {
                checker.now = None;
                checker.message(&envelope).map_err(|why| BundleFault {
                    line: lines.number,
                    seq: checker.now,
                    why,
                })?;
            }
            BundleLine::HashOnly(stub) => {
                checker.now = Some(stub.seq);
                checker.hash_only(stub).map_err(|why| BundleFault {
                    line: lines.number,
                    seq: checker.now,
                    why,
                })?;
            }
            BundleLine::Receipt(envelope) => {
                checker.receipt(&envelope).map_err(|why| lines.fault(why))?;
            }
            BundleLine::End(envelope) => {
                let hash = hex::encode(before.finalize());
                checker.end(&envelope, &hash).map_err(|why| lines.fault(why))?;
                let line = lines.number;
                if lines.next()?.is_some() {
                    return Err(lines.fault("something stands behind the sealed last line"));
                }
                return checker.report().map_err(|why| BundleFault { line, seq: None, why });
            }
        }
    }
}

struct Lines<R> {
    input: R,
    number: u64,
    hash: Sha256,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, BundleFault> {
        let mut bytes = Vec::new();
        self.number += 1;
        let read = self
            .input
            .read_until(b'\n', &mut bytes)
            .map_err(|error| self.fault(error.to_string()))?;
        if read == 0 {
            return Ok(None);
        }
        self.hash.update(&bytes);
        if bytes.pop() != Some(b'\n') {
            return Err(self.fault("the line has no end: the file was cut short"));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| self.fault("no UTF-8 text"))
    }

    /// Parses and writes back: a line that is not exactly what it means was changed.
    fn parse<T: DeserializeOwned + Serialize>(&self, text: &str) -> Result<T, BundleFault> {
        let value: T = serde_json::from_str(text)
            .map_err(|error| self.fault(format!("unreadable: {error}")))?;
        match serde_json::to_string(&value) {
            Ok(again) if again == text => Ok(value),
            _ => {
                Err(self
                    .fault("the line is not in the form in which it was written: it was changed"))
            }
        }
    }

    fn fault(&self, why: impl Into<String>) -> BundleFault {
        BundleFault { line: self.number, seq: None, why: why.into() }
    }
}

struct Checker {
    header: Header,
    device: VerifyingKey,
    server: VerifyingKey,
    /// Hashes of all messages that are here, and of those declared dropped.
    hashes: BTreeMap<u64, String>,
    dropped: BTreeMap<u64, String>,
    /// `(first missing, first there)`; to be covered by a drop report or a break.
    gaps: Vec<(u64, u64)>,
    last: Option<(u64, String)>,
    now: Option<u64>,
    boot_count: u64,
    heartbeat: Option<u64>,
    missing_heartbeats: u64,
    pictures: BTreeMap<EvidenceId, String>,
    messages: u64,
    hash_only: u64,
    receipts: u64,
    breaks: Vec<u64>,
    /// Links whose predecessor is missing: `(seq, prev)`, to be compared with the declared hash.
    loose: Vec<(u64, String)>,
    receipted: BTreeMap<u64, String>,
}

impl Checker {
    fn new(header: Header) -> Result<Self, String> {
        if header.format != FORMAT {
            return Err(format!("`{}` is not {FORMAT}", header.format));
        }
        if header.from_seq == 0 || header.prev.len() != 64 {
            return Err("the header names no beginning of the chain".to_owned());
        }
        Ok(Self {
            device: VerifyingKey::from_base64(&header.device_key).map_err(|e| e.to_string())?,
            server: VerifyingKey::from_base64(&header.server_key).map_err(|e| e.to_string())?,
            hashes: BTreeMap::new(),
            dropped: BTreeMap::new(),
            gaps: Vec::new(),
            last: None,
            now: None,
            boot_count: 0,
            heartbeat: None,
            missing_heartbeats: 0,
            pictures: BTreeMap::new(),
            messages: 0,
            hash_only: 0,
            receipts: 0,
            breaks: Vec::new(),
            loose: Vec::new(),
            receipted: BTreeMap::new(),
            header,
        })
    }

    fn message(&mut self, envelope: &Envelope) -> Result<(), String> {
        let text = verify(envelope, &self.device).map_err(|refused| refused.to_string())?;
        let body: UpBody =
            serde_json::from_str(text).map_err(|error| format!("unreadable message: {error}"))?;
        self.now = Some(body.seq);
        if body.v != envelope.v {
            return Err("the envelope's version is not the message's: it was changed".to_owned());
        }
        if body.device != self.header.device {
            return Err(format!("a message of {}, not of {}", body.device, self.header.device));
        }
        self.link(&body)?;
        if body.stamp.boot_count < self.boot_count {
            return Err(format!(
                "boot {} after boot {}: the order was changed",
                body.stamp.boot_count, self.boot_count
            ));
        }
        self.boot_count = body.stamp.boot_count;
        self.payload(&body)?;
        let hash = chain_hash(text);
        self.hashes.insert(body.seq, hash.clone());
        self.last = Some((body.seq, hash));
        self.messages += 1;
        Ok(())
    }

    /// Its signature can not be checked without its text; its place can, and the next message
    /// vouches for its hash.
    fn hash_only(&mut self, stub: HashOnly) -> Result<(), String> {
        if [&stub.hash, &stub.prev]
            .iter()
            .any(|hash| hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Err("names no hash of 64 hex digits".to_owned());
        }
        self.place(stub.seq, &stub.prev, false)?;
        self.hashes.insert(stub.seq, stub.hash.clone());
        self.last = Some((stub.seq, stub.hash));
        self.hash_only += 1;
        Ok(())
    }

    fn link(&mut self, body: &UpBody) -> Result<(), String> {
        let is_break = matches!(body.payload, Up::ChainBreak(_));
        if is_break {
            self.breaks.push(body.seq);
        }
        self.place(body.seq, &body.prev, is_break)
    }

    fn place(&mut self, seq: u64, prev: &str, is_break: bool) -> Result<(), String> {
        let (expected_seq, expected_prev) = match &self.last {
            Some((seq, hash)) => (
                seq.checked_add(1)
                    .ok_or("comes after the last sequence there is: the order was changed")?,
                hash.clone(),
            ),
            None => (self.header.from_seq, self.header.prev.clone()),
        };
        if seq < expected_seq {
            return Err(format!(
                "comes after sequence {}: the order was changed",
                expected_seq - 1
            ));
        }
        if seq > expected_seq {
            self.gaps.push((expected_seq, seq));
        }
        if is_break && prev == ZERO_HASH {
            return Ok(());
        }
        if seq == expected_seq && prev != expected_prev {
            return Err(
                "does not name the message before it: one of the two was changed or exchanged"
                    .to_owned(),
            );
        }
        if seq > expected_seq {
            self.loose.push((seq, prev.to_owned()));
        }
        Ok(())
    }

    fn payload(&mut self, body: &UpBody) -> Result<(), String> {
        match &body.payload {
            Up::Dropped(report) => {
                for row in &report.rows {
                    self.dropped.insert(row.seq, row.hash.clone());
                }
            }
            Up::Health(health) => {
                if let Some(last) = self.heartbeat {
                    if health.heartbeat_seq <= last {
                        return Err(format!(
                            "heartbeat {} after heartbeat {last}",
                            health.heartbeat_seq
                        ));
                    }
                    self.missing_heartbeats += health.heartbeat_seq - last - 1;
                }
                self.heartbeat = Some(health.heartbeat_seq);
            }
            Up::EvidenceManifest(manifest) => {
                for item in &manifest.items {
                    let named = self.pictures.entry(item.id.clone()).or_insert(item.sha256.clone());
                    if *named != item.sha256 {
                        return Err(format!("picture {} is named with two hashes", item.id));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn receipt(&mut self, envelope: &Envelope) -> Result<(), String> {
        let text = verify(envelope, &self.server).map_err(|refused| refused.to_string())?;
        let body: DownBody =
            serde_json::from_str(text).map_err(|error| format!("unreadable receipt: {error}"))?;
        if body.v != envelope.v {
            return Err("the envelope's version is not the receipt's: it was changed".to_owned());
        }
        if body.device != self.header.device {
            return Err(format!("a receipt for {}, not for {}", body.device, self.header.device));
        }
        let Down::Receipt(receipt) = body.payload else {
            return Err(format!("a {} where a receipt belongs", body.kind));
        };
        self.receipts += 1;
        self.receipted.insert(receipt.contiguous_seq, receipt.contiguous_hash);
        Ok(())
    }

    fn end(&mut self, envelope: &Envelope, lines_sha256: &str) -> Result<(), String> {
        let text = verify(envelope, &self.server).map_err(|refused| refused.to_string())?;
        let seal: Seal =
            serde_json::from_str(text).map_err(|error| format!("unreadable seal: {error}"))?;
        if envelope.v != WIRE_VERSION || seal.v != envelope.v || seal.format != FORMAT {
            return Err("the seal is of another version: it was changed".to_owned());
        }
        let messages = self.messages + self.hash_only;
        if (seal.messages, seal.receipts) != (messages, self.receipts) {
            return Err(format!(
                "the server sealed {} messages and {} receipts, here are {messages} and {}: lines \
                were removed or added",
                seal.messages, seal.receipts, self.receipts
            ));
        }
        if seal.lines_sha256 != lines_sha256 {
            return Err("the lines above are not those that the server sealed".to_owned());
        }
        Ok(())
    }

    /// What can only be judged at the end: gaps against declarations, receipts against the chain.
    fn report(mut self) -> Result<BundleReport, String> {
        let last_break = self.breaks.iter().copied().max().unwrap_or(0);
        for (seq, prev) in &self.loose {
            let covered_by_break = last_break > *seq;
            match self.dropped.get(&(seq - 1)) {
                Some(hash) if hash == prev => {}
                Some(_) => {
                    return Err(format!(
                        "sequence {seq} names another predecessor than the one declared dropped"
                    ));
                }
                None if covered_by_break => {}
                None => {
                    return Err(format!("sequence {} is missing and was not declared", seq - 1));
                }
            }
        }
        let mut lost_at_breaks = 0;
        // Counted by intervals: a gap is as wide as somebody says, what was declared dropped is
        // written out.
        for (from, to) in std::mem::take(&mut self.gaps) {
            if let Some(seq) = first_not_in(&self.dropped, from.max(last_break), to) {
                return Err(format!("sequence {seq} is missing and was not declared"));
            }
            lost_at_breaks += to - from - self.dropped.range(from..to).count() as u64;
        }
        for (seq, hash) in &self.receipted {
            let own = self.hashes.get(seq).or_else(|| self.dropped.get(seq));
            if own.is_some_and(|own| own != hash) {
                return Err(format!(
                    "a receipt confirms another message as sequence {seq}: one of the two was \
                    changed"
                ));
            }
        }
        let last_seq = self.last.map_or(self.header.from_seq - 1, |(seq, _)| seq);
        let receipted_seq = self.receipted.keys().copied().max().unwrap_or(0).min(last_seq);
        Ok(BundleReport {
            messages: self.messages,
            hash_only: self.hash_only,
            last_seq,
            dropped: self.dropped.len() as u64,
            lost_at_breaks,
            breaks: self.breaks.len() as u64,
            receipted_seq,
            receipts: self.receipts,
            missing_heartbeats: self.missing_heartbeats,
            pictures: self.pictures,
            device_key_id: self.device.key_id(),
            server_key_id: self.server.key_id(),
            header: self.header,
        })
    }
}

/// The first sequence in `from..to` that was not declared dropped.
fn first_not_in(dropped: &BTreeMap<u64, String>, from: u64, to: u64) -> Option<u64> {
    if from >= to {
        return None;
    }
    let mut expected = from;
    for seq in dropped.range(from..to).map(|(seq, _)| *seq) {
        if seq != expected {
            break;
        }
        expected += 1;
    }
    (expected < to).then_some(expected)
}
