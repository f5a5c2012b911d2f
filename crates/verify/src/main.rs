//! `zaigang-verify BUNDLE`: checks an exported chain, an audit log or a case package offline and
//! says in one sentence what holds. Opens no connection and changes no file.

// What is said goes by `answer`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod answer;
mod package;
mod request;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use answer::{VerifyAnswer, note, say};
use request::{HELP, VerifyCommand, VerifyRequest};

fn main() -> ExitCode {
    match VerifyRequest::from_arguments(std::env::args().skip(1)) {
        Ok(VerifyCommand::Check(request)) => request.answer().print(request.json),
        Ok(VerifyCommand::Help) => printed(HELP),
        Ok(VerifyCommand::Version) => {
            printed(concat!("zaigang-verify ", env!("CARGO_PKG_VERSION")))
        }
        Err(line) => {
            note(&format!("{line}; see --help"));
            ExitCode::from(2)
        }
    }
}

fn printed(text: &str) -> ExitCode {
    if say(text) { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

/// The first line, where it lies in what was read first.
fn first_line(bytes: &[u8]) -> Option<&str> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    std::str::from_utf8(&bytes[..end]).ok()
}

impl VerifyRequest {
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

    /// What was checked does not hold.
    fn broken(&self, why: &impl std::fmt::Display) -> VerifyAnswer {
        let mut answer = VerifyAnswer::default();
        answer.does_not_hold(&format!("{}: {why}", self.bundle));
        answer
    }

    /// An exported audit log: it names no box.
    fn audit(&self, log: impl BufRead) -> VerifyAnswer {
        let heads = match self.heads() {
            Ok(heads) => heads,
            Err(line) => return VerifyAnswer::unreadable(line),
        };
        let report = match trust::audit::check_against(log, &heads) {
            Ok(report) => report,
            Err(fault) => return self.broken(&fault),
        };
        let mut answer = VerifyAnswer::default();
        let found = &report.server_key_id;
        answer.server_key_id = Some(found.clone());
        if self.server_key_id.as_ref().is_some_and(|expected| expected != found) {
            answer.does_not_hold(&format!(
                "{}: signed by a server with key {found}, not the one you named",
                self.bundle
            ));
        } else {
            answer.holds(&report.to_string());
        }
        answer
    }

    /// Whether the keys are those that were named; says so where they are not.
    fn expects(&self, report: &trust::bundle::BundleReport, answer: &mut VerifyAnswer) -> bool {
        answer.device_key_id = Some(report.device_key_id.clone());
        answer.server_key_id = Some(report.server_key_id.clone());
        let known = [
            ("box", &self.device_key_id, &report.device_key_id),
            ("server", &self.server_key_id, &report.server_key_id),
        ];
        for (whose, expected, found) in known {
            if expected.as_ref().is_some_and(|expected| expected != found) {
                answer.does_not_hold(&format!(
                    "{}: signed by a {whose} with key {found}, not the one you named",
                    self.bundle
                ));
                return false;
            }
        }
        true
    }

    /// Whether the chain names each sealed picture that was given; says which it does not.
    fn pictures(
        &self,
        reports: &[&trust::bundle::BundleReport],
        mut answer: VerifyAnswer,
    ) -> VerifyAnswer {
        for path in &self.pictures {
            let bytes = match std::fs::read(path) {
                Ok(bytes) => bytes,
                Err(why) => {
                    answer.could_not_read(format!("--picture {path}: {why}"));
                    return answer;
                }
            };
            let found = trust::sha256_hex(bytes);
            let named = || reports.iter().flat_map(|report| &report.pictures);
            if let Some((id, _)) = named().find(|(_, sha256)| **sha256 == found) {
                answer.holds(&format!("{path} is picture {id}, as the chain names it"));
                continue;
            }
            let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
            let expected = named().find(|(id, _)| Some(id.as_str()) == stem);
            let why = expected.map_or_else(
                || format!("its SHA-256 {found} is named by no manifest of the chain"),
                |(id, sha256)| format!("its SHA-256 is {found}; the chain names {sha256} for {id}"),
            );
            answer.does_not_hold(&format!("{path}: {why}"));
        }
        answer
    }

    /// A case package: its files, and the chain in it.
    fn package(&self, zip: BufReader<File>) -> VerifyAnswer {
        let package = match package::check(zip) {
            Ok(package) => package,
            Err(fault) => return self.broken(&fault),
        };
        let mut answer = VerifyAnswer::default();
        if !package.chains.iter().all(|(_, report)| self.expects(report, &mut answer)) {
            return answer;
        }
        answer.holds(&format!("case package of {} files, each as SHA256SUMS says", package.files));
        for (name, report) in &package.chains {
            answer.holds(&format!("{name}: {report}"));
        }
        if package.chains.is_empty() {
            answer.note("It holds no box's chain: nothing in it is signed.".to_owned());
        }
        self.pictures(&package.chains.iter().map(|(_, report)| report).collect::<Vec<_>>(), answer)
    }

    fn answer(&self) -> VerifyAnswer {
        let file = match File::open(&self.bundle) {
            Ok(file) => file,
            Err(error) => return VerifyAnswer::unreadable(format!("{}: {error}", self.bundle)),
        };
        let mut reader = BufReader::new(file);
        let is_audit = reader
            .fill_buf()
            .is_ok_and(|bytes| first_line(bytes).is_some_and(trust::audit::is_audit));
        if !is_audit && !self.heads.is_empty() {
            let bundle = &self.bundle;
            return VerifyAnswer::unreadable(format!(
                "--head: heads speak of an audit log, and {bundle} is none"
            ));
        }
        if is_audit {
            return self.audit(reader);
        }
        if reader.fill_buf().is_ok_and(package::is_zip) {
            return self.package(reader);
        }
        let report = match trust::bundle::check(reader) {
            Ok(report) => report,
            Err(fault) => return self.broken(&fault),
        };
        let mut answer = VerifyAnswer::default();
        if !self.expects(&report, &mut answer) {
            return answer;
        }
        answer.holds(&report.to_string());
        self.pictures(&[&report], answer)
    }
}
