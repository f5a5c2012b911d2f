//! What was found, as lines for a person or as JSON for a program. It checks nothing.

use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use serde::Serialize;

/// The answer; it begins as one that holds.
#[derive(Debug, Serialize)]
pub(crate) struct VerifyAnswer {
    /// `null` where something could not be read.
    holds: Option<bool>,
    said: Vec<String>,
    pub(crate) device_key_id: Option<String>,
    pub(crate) server_key_id: Option<String>,
}

impl Default for VerifyAnswer {
    fn default() -> Self {
        Self { holds: Some(true), said: Vec::new(), device_key_id: None, server_key_id: None }
    }
}

impl VerifyAnswer {
    pub(crate) fn unreadable(why: String) -> Self {
        let mut answer = Self::default();
        answer.could_not_read(why);
        answer
    }

    pub(crate) fn holds(&mut self, what: &str) {
        self.said.push(format!("HOLDS: {what}"));
    }

    pub(crate) fn does_not_hold(&mut self, what: &str) {
        self.holds = Some(false);
        self.said.push(format!("DOES NOT HOLD: {what}"));
    }

    pub(crate) fn could_not_read(&mut self, why: String) {
        self.holds = None;
        self.said.push(why);
    }

    /// Beside the verdict.
    pub(crate) fn note(&mut self, what: String) {
        self.said.push(what);
    }

    /// Says it; gives the exit status.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        let unreadable = self.holds.is_none();
        let said = if json {
            // Texts and a verdict are always JSON.
            say(&serde_json::to_string(self).unwrap_or_default())
        } else {
            let (why, lines) = match self.said.split_last() {
                Some((why, lines)) if unreadable => (Some(why), lines),
                _ => (None, self.said.as_slice()),
            };
            let said = lines.iter().all(|line| say(line));
            if let Some(why) = why {
                note(why);
            }
            said
        };
        match self.holds {
            Some(_) if !said => ExitCode::from(2),
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => ExitCode::from(2),
        }
    }
}

/// A line of the answer. A reader that has gone (`| head`) is no fault; any other is told, and the
/// answer is none.
pub(crate) fn say(line: &str) -> bool {
    match writeln!(io::stdout(), "{line}") {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => {
            note(&format!("standard output can not be written: {why}"));
            false
        }
        _ => true,
    }
}

/// A line beside the answer; where nobody hears there is nobody to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "zaigang-verify: {line}");
}
