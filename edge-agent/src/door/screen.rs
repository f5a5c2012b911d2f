//! The screen at a door: a terminal, a pipe or a file. It never waits for whoever reads it.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use super::Prompt;

/// A terminal, a pipe or a file to which each prompt is written as a line. A screen that does not
/// take it costs the prompt, never a frame.
#[derive(Debug)]
pub struct Screen {
    path: PathBuf,
    complained: bool,
}

impl Screen {
    pub fn new(path: PathBuf) -> Self {
        Self { path, complained: false }
    }

    pub(super) fn show(&mut self, prompt: Prompt) {
        // Never waits: a pipe that nobody reads or a terminal that is stopped must not hold up the
        // pipeline.
        let flags =
            (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed();
        let written = std::fs::OpenOptions::new()
            .append(true)
            .custom_flags(flags)
            .open(&self.path)
            .and_then(|mut file| file.write_all(format!("{}\n", prompt.words()).as_bytes()));
        if let Err(why) = written
            && !std::mem::replace(&mut self.complained, true)
        {
            tracing::warn!(
                "doorway.screen {}: cannot be written to ({why}); nobody at the door can be asked",
                self.path.display()
            );
        }
    }
}
