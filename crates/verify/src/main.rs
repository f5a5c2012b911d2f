//! `zaigang-verify BUNDLE`: checks an exported chain offline and says in one sentence what holds. Opens no connection and
//! changes no file.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

const HELP: &str = "\
zaigang-verify checks an exported chain of a box, without any network.

usage: zaigang-verify [--device-key-id ID] [--server-key-id ID] BUNDLE

  BUNDLE            a file written by `zaigang-server export --device D`
  --device-key-id   refuse unless the box's key has this id (16 hex digits)
  --server-key-id   refuse unless the server's key has this id

A bundle carries the keys it is checked with. Compare the two key ids in the answer with the ones you know, or give them
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

#[derive(Debug, Default)]
struct Request {
    bundle: String,
    device_key_id: Option<String>,
    server_key_id: Option<String>,
}

impl Request {
    /// `None` where help was asked for.
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a key id"));
            match argument.as_str() {
                "-h" | "--help" => return Ok(None),
                "--device-key-id" => request.device_key_id = Some(value()?),
                "--server-key-id" => request.server_key_id = Some(value()?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                path if request.bundle.is_empty() => path.clone_into(&mut request.bundle),
                extra => return Err(format!("one bundle at a time, not also {extra}")),
            }
        }
        if request.bundle.is_empty() { Err("name a bundle".to_owned()) } else { Ok(Some(request)) }
    }

    fn run(&self) -> ExitCode {
        let file = match File::open(&self.bundle) {
            Ok(file) => file,
            Err(error) => {
                eprintln!("zaigang-verify: {}: {error}", self.bundle);
                return ExitCode::from(2);
            }
        };
        let report = match trust::bundle::check(BufReader::new(file)) {
            Ok(report) => report,
            Err(fault) => {
                println!("DOES NOT HOLD: {}: {fault}", self.bundle);
                return ExitCode::FAILURE;
            }
        };
        let known = [
            ("box", &self.device_key_id, &report.device_key_id),
            ("server", &self.server_key_id, &report.server_key_id),
        ];
        for (whose, expected, found) in known {
            if expected.as_ref().is_some_and(|expected| expected != found) {
                println!("DOES NOT HOLD: {}: signed by a {whose} with key {found}, not the one you named", self.bundle);
                return ExitCode::FAILURE;
            }
        }
        println!("HOLDS: {report}");
        ExitCode::SUCCESS
    }
}
