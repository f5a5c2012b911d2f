//! What was found, as lines for a person or as JSON for a program. It checks nothing.

use std::process::ExitCode;

use serde::Serialize;

/// The answer; it begins as one that holds.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    /// `null` where something could not be read.
    holds: Option<bool>,
    said: Vec<String>,
    pub(crate) device_key_id: Option<String>,
    pub(crate) server_key_id: Option<String>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { holds: Some(true), said: Vec::new(), device_key_id: None, server_key_id: None }
    }
}

impl Answer {
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
        if json {
            // Texts and a verdict are always JSON.
            println!("{}", serde_json::to_string(self).unwrap_or_default());
        } else {
            let (why, lines) = match self.said.split_last() {
                Some((why, lines)) if unreadable => (Some(why), lines),
                _ => (None, self.said.as_slice()),
            };
            for line in lines {
                println!("{line}");
            }
            if let Some(why) = why {
                eprintln!("zaigang-verify: {why}");
            }
        }
        match self.holds {
            Some(true) => ExitCode::SUCCESS,
            Some(false) => ExitCode::FAILURE,
            None => ExitCode::from(2),
        }
    }
}
