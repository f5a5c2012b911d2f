//! The box's program. It hands its arguments to the library and turns an error into one clear line
//! and exit code 1.

// What is said goes by `log_lines`: a closed pipe or a full disk is no panic.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vision::telemetry::begin_without();
    let done = edge_agent::cli::main();
    let why = done.as_ref().err().map(|error| log_lines::one_line(error.chain()));
    let said = log_lines::end("zaigang-agent", why.as_deref());
    if done.is_ok() && said { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
