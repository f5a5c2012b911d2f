//! The box's program. It hands its arguments to the library and turns an error into one clear line
//! and exit code 1.

use std::process::ExitCode;

fn main() -> ExitCode {
    match edge_agent::cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `{:#}` joins the causes into one line.
            eprintln!("zaigang-agent: {error:#}");
            ExitCode::FAILURE
        }
    }
}
