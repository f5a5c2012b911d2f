//! A case package: every file against `SHA256SUMS`, and the chain in it. Unpacks nothing to disk.
//!
//! The list of checksums is not signed: it shows a damaged file. What the chain's signatures show,
//! only they show.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;

const SUMS: &str = "SHA256SUMS";
/// A package is some megabytes; what claims to be more is not unpacked.
const MOST_BYTES: u64 = 1 << 30;

/// What a package holds.
#[derive(Debug)]
pub(crate) struct Package {
    /// How many files stand in the list, and none beside them.
    pub(crate) files: usize,
    /// Of the chains in it, by the name of their file.
    pub(crate) chains: Vec<(String, trust::bundle::BundleReport)>,
}

/// Whether these are the first bytes of a zip.
pub(crate) fn is_zip(first: &[u8]) -> bool {
    first.starts_with(b"PK\x03\x04")
}

/// Checks a package; the error is one line that names the file.
pub(crate) fn check(reader: impl Read + Seek) -> Result<Package, String> {
    let mut archive = ZipArchive::new(reader).map_err(|e| format!("this is no whole zip: {e}"))?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut left = MOST_BYTES;
    for n in 0..archive.len() {
        let file = archive.by_index(n).map_err(|e| format!("file {} of the zip: {e}", n + 1))?;
        let name = file.name().map_err(|e| format!("file {} of the zip: {e}", n + 1))?.into_owned();
        let mut bytes = Vec::new();
        let read =
            file.take(left + 1).read_to_end(&mut bytes).map_err(|e| format!("{name}: {e}"))? as u64;
        left = left
            .checked_sub(read)
            .ok_or_else(|| format!("{name}: more than {MOST_BYTES} bytes unpacked"))?;
        files.insert(name, bytes);
    }
    let sums =
        files.remove(SUMS).ok_or_else(|| format!("{SUMS} is missing: this is no case package"))?;
    let sums = String::from_utf8(sums).map_err(|_| format!("{SUMS} is no text"))?;
    let mut listed = 0;
    for line in sums.lines() {
        let (sum, name) =
            line.split_once("  ").ok_or_else(|| format!("{SUMS}: `{line}` is no line of it"))?;
        let bytes =
            files.get(name).ok_or_else(|| format!("{name} stands in {SUMS} and is missing"))?;
        if trust::sha256_hex(bytes) != sum {
            return Err(format!("{name} was changed: its SHA-256 is not the one in {SUMS}"));
        }
        listed += 1;
    }
    if let Some(name) =
        files.keys().find(|name| !sums.lines().any(|line| line.ends_with(&format!("  {name}"))))
    {
        return Err(format!("{name} does not stand in {SUMS}"));
    }
    if !files.contains_key("case.json") {
        return Err("case.json is missing: this is no case package".to_owned());
    }
    let mut chains = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("chain-")) {
        let report = trust::bundle::check(BufReader::new(bytes.as_slice()))
            .map_err(|fault| format!("{name}: {fault}"))?;
        chains.push((name.clone(), report));
    }
    Ok(Package { files: listed, chains })
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use super::*;

    fn zipped(files: &[(&str, &str)]) -> Cursor<Vec<u8>> {
        let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        for (name, text) in files {
            out.start_file(*name, stored).unwrap();
            out.write_all(text.as_bytes()).unwrap();
        }
        out.finish().unwrap()
    }

    fn sums(files: &[(&str, &str)]) -> String {
        let lines: Vec<String> = files
            .iter()
            .map(|(name, text)| format!("{}  {name}", trust::sha256_hex(text)))
            .collect();
        lines.join("\n")
    }

    #[test]
    fn a_package_holds_while_every_file_is_the_listed_one() {
        let files = [("case.pdf", "%PDF-"), ("case.json", "{}")];
        let list = sums(&files);
        let whole = check(zipped(&[files[0], files[1], (SUMS, &list)])).unwrap();
        assert_eq!((whole.files, whole.chains.len()), (2, 0));
        for (wrong, says) in [
            (vec![files[0], ("case.json", "{ }"), (SUMS, list.as_str())], "case.json was changed"),
            (vec![files[1], (SUMS, list.as_str())], "case.pdf stands in"),
            (
                vec![files[0], files[1], ("more", "x"), (SUMS, list.as_str())],
                "more does not stand in",
            ),
            (vec![files[0], files[1]], "SHA256SUMS is missing"),
        ] {
            let said = check(zipped(&wrong)).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
        assert!(
            check(Cursor::new(b"PK\x03\x04 cut".to_vec())).unwrap_err().contains("no whole zip")
        );
    }

    #[test]
    fn a_chain_that_does_not_hold_is_named() {
        let files = [("case.json", "{}"), ("chain-box-1.jsonl", "nothing")];
        let list = sums(&files);
        let said = check(zipped(&[files[0], files[1], (SUMS, &list)])).unwrap_err();
        assert!(said.starts_with("chain-box-1.jsonl: "), "{said}");
    }
}
