//! The box's program. It hands its arguments to the library and turns an error into one clear line
//! and exit code 1.

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = edge_agent::cli::main();
    // `{:#}` joins the causes into one line.
    let why = done.as_ref().err().map(|error| format!("{error:#}"));
    log_lines::end("zaigang-agent", why.as_deref());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
