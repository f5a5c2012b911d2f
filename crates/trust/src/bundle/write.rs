//! Writing a bundle; nothing is judged here.

use std::io::{self, Write};

use protocol::WIRE_VERSION;
use protocol::envelope::Envelope;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{BundleLine, BundleLink, FORMAT, Header, Seal};
use crate::SigningKey;

/// Writes messages (in the order of their sequence) and receipts, and seals the whole with the
/// server's key. Gives the number of lines.
pub fn write(
    out: impl Write,
    header: &Header,
    messages: impl IntoIterator<Item = impl Into<BundleLink>>,
    receipts: impl IntoIterator<Item = Envelope>,
    server: &SigningKey,
) -> io::Result<u64> {
    let mut writer = Hashing { out, hash: Sha256::new() };
    let mut seal = Seal {
        v: WIRE_VERSION,
        format: FORMAT.to_owned(),
        messages: 0,
        receipts: 0,
        lines_sha256: String::new(),
    };
    writer.line(header)?;
    for link in messages {
        writer.line(&match link.into() {
            BundleLink::Whole(envelope) => BundleLine::Message(envelope),
            BundleLink::HashOnly(stub) => BundleLine::HashOnly(stub),
        })?;
        seal.messages += 1;
    }
    for envelope in receipts {
        writer.line(&BundleLine::Receipt(envelope))?;
        seal.receipts += 1;
    }
    seal.lines_sha256 = hex::encode(writer.hash.clone().finalize());
    let end = server.sign(serde_json::to_string(&seal)?);
    writer.line(&BundleLine::End(end))?;
    writer.out.flush()?;
    Ok(seal.messages + seal.receipts + 2)
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string(value)?;
        text.push('\n');
        self.hash.update(&text);
        self.out.write_all(text.as_bytes())
    }
}
