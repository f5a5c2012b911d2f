//! `zaigang-server export`: one box's chain as a self-contained bundle that `zaigang-verify` checks
//! without us.
//!
//! Works beside a running server or without one; reads the chain, signs the receipt and the seal,
//! and writes the deed into the audit log. A bundle holds ids, times and figures, no name and no
//! face. Of a sighting whose time was over, and in a case package of one that the case is not
//! about, it holds the hash alone: the chain is whole all the same.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use protocol::down::{Down, Receipt};
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::up::{PresenceReport, Up, UpBody};
use trust::bundle::{BundleLink, FORMAT, HashOnly, Header};
use trust::{SigningKey, VerifyingKey};

use crate::clock::{self, At};
use crate::config::Config;
use crate::store::{Deed, Era, Store, StoreError, StoredLink, Stretch};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub device: String,
    /// RFC 3339, or a day `YYYY-MM-DD` (UTC); empty for the beginning.
    pub from: String,
    /// The same; a day means its end. Empty for now.
    pub to: String,
    /// Of a box that was provisioned more than once, the key whose chain is wanted; empty for the
    /// last.
    pub key_id: String,
    /// `-` for standard output.
    pub out: PathBuf,
    /// Case number or reason, for the audit log.
    pub why: String,
}

/// Gives the one line to print.
pub fn run(config: &Config, wanted: &Wanted) -> anyhow::Result<String> {
    let data_dir = &config.data_dir;
    let from = bound("--from", &wanted.from, "T00:00:00.000Z", At::EPOCH)?;
    let to = bound("--to", &wanted.to, "T23:59:59.999Z", At::of_ms(i64::MAX))?;
    if from > to {
        bail!("--from {from} is after --to {to}: exchange them");
    }
    let database = data_dir.join("zaigang.db");
    if !config.store.is_postgres() && !database.exists() {
        bail!(
            "{} is not there: name the configuration of the server by --config",
            database.display()
        );
    }
    let store = Store::open(&config.store)?;
    let signer = SigningKey::from_file(&data_dir.join("server_signing.key"))?;
    let device: DeviceId =
        wanted.device.parse().map_err(|e: protocol::id::BadId| anyhow::anyhow!("--device: {e}"))?;
    let era = era(&store, &device, wanted)?;
    let Some(stretch) = store.stretch(&device, &era, from, to)? else {
        bail!("no message of {device} came from {from} to {to}: nothing is exported");
    };
    let (lines, hash) = write(&store, &signer, &device, &stretch, &|_| true, &wanted.out)?;
    let deed = Deed {
        actor: format!("command line, uid {}", uid()),
        action: "export".to_owned(),
        object: format!("{device} {}-{} sha256 {hash}", stretch.from_seq, stretch.to_seq),
        why: wanted.why.clone(),
        status: 200,
    };
    store.audit(&deed, At::now())?;
    Ok(format!(
        "{lines} lines, sequence {} to {} of {device}, box key {}, server key {}, SHA-256 {hash}: \
        check with zaigang-verify {}",
        stretch.from_seq,
        stretch.to_seq,
        VerifyingKey::from_base64(&era.signing_key)?.key_id(),
        signer.verifying_key().key_id(),
        wanted.out.display(),
    ))
}

/// A bundle of everything that came from a box between two times, to a file; false where nothing
/// came. Of the sightings only those are whole that `shown` says.
pub fn bundle(
    store: &Store,
    signer: &SigningKey,
    device: &DeviceId,
    (from, to): (At, At),
    shown: &dyn Fn(&PresenceReport) -> bool,
    out: &Path,
) -> anyhow::Result<bool> {
    // The latest era in which anything came then.
    for era in store.eras(device)?.into_iter().rev() {
        if let Some(stretch) = store.stretch(device, &era, from, to)? {
            write(store, signer, device, &stretch, shown, out)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn era(store: &Store, device: &DeviceId, wanted: &Wanted) -> anyhow::Result<Era> {
    let mut eras = store.eras(device)?;
    if wanted.key_id.is_empty() {
        return eras.pop().context("this box has no key");
    }
    let mut known = Vec::new();
    for era in eras {
        let id = VerifyingKey::from_base64(&era.signing_key)?.key_id();
        if id == wanted.key_id {
            return Ok(era);
        }
        known.push(id);
    }
    bail!("--key-id {}: {} never had that key, but {}", wanted.key_id, device, known.join(", "))
}

fn bound(what: &str, text: &str, day: &str, open: At) -> anyhow::Result<At> {
    if text.is_empty() {
        return Ok(open);
    }
    let whole = if text.len() == 10 { format!("{text}{day}") } else { text.to_owned() };
    let read = clock::parse(what, &whole).map(At::from);
    read.map_err(|why| anyhow::anyhow!("{why}, or a day such as 2026-03-02"))
}

/// Writes beside the name and renames, so that a bundle that is there is whole. Gives lines and the
/// file's SHA-256.
fn write(
    store: &Store,
    signer: &SigningKey,
    device: &DeviceId,
    stretch: &Stretch,
    shown: &dyn Fn(&PresenceReport) -> bool,
    out: &Path,
) -> anyhow::Result<(u64, String)> {
    let now = clock::now();
    let header = Header {
        format: FORMAT.to_owned(),
        device: device.clone(),
        device_key: stretch.era.signing_key.clone(),
        server_key: signer.verifying_key().to_base64(),
        from_seq: stretch.from_seq,
        prev: stretch.prev.clone(),
        exported_at: clock::text(now),
    };
    let receipt = |(contiguous_seq, contiguous_hash)| {
        let payload = Down::Receipt(Receipt {
            contiguous_seq,
            contiguous_hash,
            above: Vec::new(),
            audit_head: None,
        });
        // No box is to take it: it goes into the bundle as the server's word, and its version is
        // the lowest there is.
        trust::sign_down(signer, device, 0, now, now + SignedDuration::from_secs(1), payload)
    };
    let receipts: Vec<Envelope> =
        stretch.receipted.clone().map(receipt).transpose()?.into_iter().collect();
    let mut pages = Pages {
        store,
        device,
        stretch,
        shown,
        page: Vec::new().into_iter(),
        after: None,
        fault: None,
    };
    let unfinished = PathBuf::from(format!("{}.part", out.display()));
    let to_stdout = out == Path::new("-");
    let (lines, hash) = if to_stdout {
        let mut hashing = Hashing::new(std::io::stdout().lock());
        (
            trust::bundle::write(&mut hashing, &header, &mut pages, receipts, signer)?,
            hashing.finish(),
        )
    } else {
        let named = || format!("{} can not be written", out.display());
        let file = File::create(&unfinished).with_context(named)?;
        let mut hashing = Hashing::new(BufWriter::new(file));
        let written = trust::bundle::write(&mut hashing, &header, &mut pages, receipts, signer);
        if written.is_err() {
            // On a full disk it would take what somebody makes free.
            let _ = std::fs::remove_file(&unfinished);
        }
        (written.with_context(named)?, hashing.finish())
    };
    if let Some(fault) = pages.fault.take() {
        let _ = std::fs::remove_file(&unfinished);
        return Err(fault.into());
    }
    if !to_stdout {
        File::open(&unfinished)?.sync_all()?;
        std::fs::rename(&unfinished, out)?;
    }
    Ok((lines, hash))
}

/// The links of a stretch, read as they are needed; a fault ends them and is kept.
struct Pages<'a> {
    store: &'a Store,
    device: &'a DeviceId,
    stretch: &'a Stretch,
    shown: &'a dyn Fn(&PresenceReport) -> bool,
    page: std::vec::IntoIter<StoredLink>,
    after: Option<u64>,
    fault: Option<StoreError>,
}

impl Pages<'_> {
    fn read(&mut self) -> Result<Option<BundleLink>, StoreError> {
        if self.page.len() == 0 {
            let after = self.after.unwrap_or(self.stretch.from_seq.saturating_sub(1));
            self.page = self.store.stretch_page(self.device, self.stretch, after)?.into_iter();
        }
        let Some(stored) = self.page.next() else { return Ok(None) };
        self.after = Some(stored.seq);
        let whole = match &stored.envelope {
            None => None,
            Some(text) => Some(serde_json::from_str(text)?)
                .filter(|it| !stored.is_sighting || self.is_shown(it)),
        };
        let StoredLink { seq, hash, prev, .. } = stored;
        Ok(Some(
            whole.map_or(BundleLink::HashOnly(HashOnly { seq, hash, prev }), BundleLink::Whole),
        ))
    }

    /// What can not be read as a sighting is not shown as one.
    fn is_shown(&self, sighting: &Envelope) -> bool {
        UpBody::from_text(&sighting.body)
            .is_ok_and(|body| matches!(&body.payload, Up::Presence(report) if (self.shown)(report)))
    }
}

impl Iterator for Pages<'_> {
    type Item = BundleLink;

    fn next(&mut self) -> Option<BundleLink> {
        match self.read() {
            Ok(found) => found,
            Err(fault) => {
                self.fault = Some(fault);
                None
            }
        }
    }
}

#[derive(Debug)]
pub struct Hashing<W> {
    out: W,
    hash: sha2::Sha256,
}

impl<W: Write> Hashing<W> {
    pub fn new(out: W) -> Self {
        use sha2::Digest as _;
        Self { out, hash: sha2::Sha256::new() }
    }

    pub fn finish(self) -> String {
        use sha2::Digest as _;
        hex::encode(self.hash.finalize())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use sha2::Digest as _;
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

pub fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(0, |meta| meta.uid())
}

#[cfg(test)]
mod tests {
    use super::bound;

    #[test]
    fn a_day_is_a_bound_with_its_beginning_or_end() {
        assert_eq!(
            bound("--from", "2026-03-02", "T00:00:00.000Z", crate::clock::At::EPOCH).unwrap(),
            "2026-03-02T00:00:00.000Z".parse().unwrap()
        );
        assert_eq!(
            bound("--to", "2026-03-02T09:00:00+08:00", "", crate::clock::At::EPOCH).unwrap(),
            "2026-03-02T01:00:00.000Z".parse().unwrap()
        );
        let error = bound("--to", "March", "", crate::clock::At::EPOCH).unwrap_err().to_string();
        assert!(error.contains("--to") && error.contains("2026-03-02"), "{error}");
    }
}
