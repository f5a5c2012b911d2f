//! `zaigang-verify BUNDLE`: checks an exported chain, an audit log or a case package offline and
//! says in one sentence what holds. Opens no connection and changes no file.

mod package;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
zaigang-verify checks an exported chain of a box, an exported audit log or a case package, \
without any network.

usage: zaigang-verify [--device-key-id ID] [--server-key-id ID] [--head FILE]... [--picture FILE]... \
BUNDLE

  BUNDLE            a file written by `zaigang-server export --device D`, the audit log's export,
                    or a case package (zip)
  --device-key-id   refuse unless the box's key has this id (16 hex digits)
  --server-key-id   refuse unless the server's key has this id
  --head            signed heads of the audit log, one a line, as a box keeps them \
  (audit-heads.jsonl in its state
                    folder), as the server wrote them outside its data, or as the webhook got \
                    them: an audit log
                    must still hold every entry that they speak of. May be given more than once
  --picture         a sealed picture as it was delivered (its ciphertext, ID.sealed): the chain \
  must name it by
                    its SHA-256. May be given more than once

A bundle carries the keys it is checked with. Compare the two key ids in the answer with the ones \
you know, or give them
as options: only then does the answer say whose chain it is.
Exit status: 0 it holds, 1 it does not hold, 2 it could not be read.";

fn main() -> ExitCode {
    match Request::from_arguments(std::env::args().skip(1)) {
        Ok(Some(request)) => request.run(),
        Ok(None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            eprintln!("zaigang-verify: {line}; see --help");
            ExitCode::from(2)
        }
    }
}

/// The first line, where it lies in what was read first.
fn first_line(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    std::str::from_utf8(&bytes[..end]).ok()
}

#[derive(Debug, Default)]
struct Request {
    bundle: String,
    device_key_id: Option<String>,
    server_key_id: Option<String>,
    /// Files of signed heads.
    heads: Vec<String>,
    /// Files of sealed pictures.
    pictures: Vec<String>,
}

impl Request {
    /// `None` where help was asked for.
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "-h" | "--help" => return Ok(None),
                "--device-key-id" => request.device_key_id = Some(value()?),
                "--server-key-id" => request.server_key_id = Some(value()?),
                "--head" => request.heads.push(value()?),
                "--picture" => request.pictures.push(value()?),
                option if option.starts_with('-') => {
                    return Err(format!("unknown option {option}"));
                }
                path if request.bundle.is_empty() => path.clone_into(&mut request.bundle),
                extra => return Err(format!("one bundle at a time, not also {extra}")),
            }
        }
        if request.bundle.is_empty() { Err("name a bundle".to_owned()) } else { Ok(Some(request)) }
    }

    /// What others kept of the log.
    fn heads(&self) -> Result<Vec<trust::audit::SignedHead>, String> {
        let mut heads = Vec::new();
        for path in &self.heads {
            let text = std::fs::read_to_string(path).map_err(|e| format!("--head {path}: {e}"))?;
            let read =
                trust::audit::heads_of(&text).map_err(|fault| format!("--head {path}: {fault}"))?;
            if read.is_empty() {
                return Err(format!("--head {path}: it holds no head"));
            }
            heads.extend(read);
        }
        Ok(heads)
    }

    /// An exported audit log: it names no box.
    fn audit(&self, log: impl BufRead) -> ExitCode {
        let heads = match self.heads() {
            Ok(heads) => heads,
            Err(line) => {
                eprintln!("zaigang-verify: {line}");
                return ExitCode::from(2);
            }
        };
        let report = match trust::audit::check_against(log, &heads) {
            Ok(report) => report,
            Err(fault) => {
                println!("DOES NOT HOLD: {}: {fault}", self.bundle);
                return ExitCode::FAILURE;
            }
        };
        if self.server_key_id.as_ref().is_some_and(|expected| *expected != report.server_key_id) {
            let found = &report.server_key_id;
            println!(
                "DOES NOT HOLD: {}: signed by a server with key {found}, not the one you named",
                self.bundle
            );
            return ExitCode::FAILURE;
        }
        println!("HOLDS: {report}");
        ExitCode::SUCCESS
    }

    /// Whether the keys are those that were named; says so where they are not.
    fn expects(&self, report: &trust::bundle::Report) -> bool {
        let known = [
            ("box", &self.device_key_id, &report.device_key_id),
            ("server", &self.server_key_id, &report.server_key_id),
        ];
        for (whose, expected, found) in known {
            if expected.as_ref().is_some_and(|expected| expected != found) {
                println!(
                    "DOES NOT HOLD: {}: signed by a {whose} with key {found}, not the one you \
                    named",
                    self.bundle
                );
                return false;
            }
        }
        true
    }

    /// Whether the chain names each sealed picture that was given; says which it does not.
    fn pictures(&self, reports: &[&trust::bundle::Report]) -> ExitCode {
        let mut code = ExitCode::SUCCESS;
        for path in &self.pictures {
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(why) => {
                    eprintln!("zaigang-verify: --picture {path}: {why}");
                    return ExitCode::from(2);
                }
            };
            let found = trust::sha256_hex(bytes);
            let named = || reports.iter().flat_map(|report| &report.pictures);
            if let Some((id, _)) = named().find(|(_, sha256)| **sha256 == found) {
                println!("HOLDS: {path} is picture {id}, as the chain names it");
                continue;
            }
            let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
            let expected = named().find(|(id, _)| Some(id.as_str()) == stem);
            let why = expected.map_or_else(
                || format!("its SHA-256 {found} is named by no manifest of the chain"),
                |(id, sha256)| format!("its SHA-256 is {found}; the chain names {sha256} for {id}"),
            );
            println!("DOES NOT HOLD: {path}: {why}");
            code = ExitCode::FAILURE;
        }
        code
    }

    /// A case package: its files, and the chain in it.
    fn package(&self, zip: BufReader<File>) -> ExitCode {
        let package = match package::check(zip) {
            Ok(package) => package,
            Err(fault) => {
                println!("DOES NOT HOLD: {}: {fault}", self.bundle);
                return ExitCode::FAILURE;
            }
        };
        if !package.chains.iter().all(|(_, report)| self.expects(report)) {
            return ExitCode::FAILURE;
        }
        println!("HOLDS: case package of {} files, each as SHA256SUMS says", package.files);
        for (name, report) in &package.chains {
            println!("HOLDS: {name}: {report}");
        }
        if package.chains.is_empty() {
            println!("It holds no box's chain: nothing in it is signed.");
        }
        self.pictures(&package.chains.iter().map(|(_, report)| report).collect::<Vec<_>>())
    }

    fn run(&self) -> ExitCode {
        let file = match File::open(&self.bundle) {
            Ok(file) => file,
            Err(error) => {
                eprintln!("zaigang-verify: {}: {error}", self.bundle);
                return ExitCode::from(2);
            }
        };
        let mut reader = BufReader::new(file);
        let is_audit = reader
            .fill_buf()
            .is_ok_and(|bytes| first_line(bytes).is_some_and(trust::audit::is_audit));
        if !is_audit && !self.heads.is_empty() {
            eprintln!(
                "zaigang-verify: --head: heads speak of an audit log, and {} is none",
                self.bundle
            );
            return ExitCode::from(2);
        }
        if is_audit {
            return self.audit(reader);
        }
        if reader.fill_buf().is_ok_and(package::is_zip) {
            return self.package(reader);
        }
        let report = match trust::bundle::check(reader) {
            Ok(report) => report,
            Err(fault) => {
                println!("DOES NOT HOLD: {}: {fault}", self.bundle);
                return ExitCode::FAILURE;
            }
        };
        if !self.expects(&report) {
            return ExitCode::FAILURE;
        }
        println!("HOLDS: {report}");
        self.pictures(&[&report])
    }
}
