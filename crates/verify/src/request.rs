//! The program's arguments, and its help. It opens nothing.

pub(crate) const HELP: &str = "\
zaigang-verify checks an exported chain of a box, an exported audit log or a case package, \
without any network.

usage: zaigang-verify [--json] [--device-key-id ID] [--server-key-id ID] [--head FILE]... \
[--picture FILE]... \
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
  --json            print {\"holds\", \"said\", \"device_key_id\", \"server_key_id\"} instead of \
  lines; holds is null where
                    nothing could be read
  -V, --version     print the version

A bundle carries the keys it is checked with. Compare the two key ids in the answer with the ones \
you know, or give them
as options: only then does the answer say whose chain it is.
Exit status: 0 it holds, 1 it does not hold, 2 it could not be read.";

/// What was asked for.
#[derive(Debug)]
pub(crate) enum VerifyCommand {
    Help,
    Version,
    Check(VerifyRequest),
}

#[derive(Debug, Default)]
pub(crate) struct VerifyRequest {
    pub(crate) bundle: String,
    pub(crate) device_key_id: Option<String>,
    pub(crate) server_key_id: Option<String>,
    /// Files of signed heads.
    pub(crate) heads: Vec<String>,
    /// Files of sealed pictures.
    pub(crate) pictures: Vec<String>,
    /// The answer is for a program.
    pub(crate) json: bool,
}

impl VerifyRequest {
    pub(crate) fn from_arguments(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<VerifyCommand, String> {
        let mut request = Self::default();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "-h" | "--help" => return Ok(VerifyCommand::Help),
                "-V" | "--version" => return Ok(VerifyCommand::Version),
                "--json" => request.json = true,
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
        if request.bundle.is_empty() {
            return Err("name a bundle".to_owned());
        }
        Ok(VerifyCommand::Check(request))
    }
}
