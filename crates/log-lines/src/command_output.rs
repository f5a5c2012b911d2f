//! What a command answers, on standard output, and what it says beside that, on standard error.
//! A reader that has gone (`| head`) ends nothing: the deed is done to its end, and its exit code
//! stays true. Another fault, such as a full disk, is kept for the program's last line.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

/// The first fault of standard output that is not its reader's leaving.
static UNSAID: OnceLock<String> = OnceLock::new();

/// `println!`, for whoever may have gone.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::command_output::answer(format_args!("{}\n", format_args!($($arg)*))) };
}

/// `print!`, for whoever may have gone.
#[macro_export]
macro_rules! say_text {
    ($($arg:tt)*) => { $crate::command_output::answer(format_args!($($arg)*)) };
}

/// `eprintln!`, for whoever may have gone.
#[macro_export]
macro_rules! note {
    ($($arg:tt)*) => { $crate::command_output::beside(format_args!("{}\n", format_args!($($arg)*))) };
}

/// Part of a command's answer.
pub fn answer(text: Arguments<'_>) {
    // A writer keeps its own faults: this one never fails.
    let _ = CommandOutput.write_fmt(text).and_then(|()| CommandOutput.flush());
}

/// A line for people, beside the answer.
pub fn beside(text: Arguments<'_>) {
    // Where nobody hears there is nobody to tell.
    let _ = io::stderr().lock().write_fmt(text);
}

/// Why standard output could not be written, where its reader is there.
pub(crate) fn unsaid() -> Option<&'static str> {
    UNSAID.get().map(String::as_str)
}

/// Standard output for what writes by itself.
#[derive(Debug)]
pub struct CommandOutput;

impl CommandOutput {
    fn kept(fault: &io::Error) {
        if fault.kind() != ErrorKind::BrokenPipe {
            UNSAID.get_or_init(|| format!("standard output can not be written: {fault}"));
        }
    }
}

impl Write for CommandOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(fault) = io::stdout().lock().write_all(bytes) {
            Self::kept(&fault);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Err(fault) = io::stdout().lock().flush() {
            Self::kept(&fault);
        }
        Ok(())
    }
}
