//! ONNX Runtime's own reports to its maker: off before the library is loaded, because it sends one,
//! and writes an identifier of the machine to the disk, before its interface can be told not to. It
//! never changes the environment of a running process: threads may be reading it.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// What the library looks for when it is loaded.
pub const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";
const OFF: &str = "1";

pub(crate) fn is_off() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|value| value == OFF)
}

/// The first line of each program that opens networks: where the reports are not off yet, the
/// program begins anew, in the same process, with an environment that says so. Where that cannot
/// be, it goes on, and [`crate::Runtime`] refuses to load the library.
pub fn begin_without() {
    if is_off() {
        return;
    }
    let (Ok(program), mut words) = (std::env::current_exe(), std::env::args_os()) else { return };
    let mut anew = Command::new(program);
    if let Some(name) = words.next() {
        anew.arg0(name);
    }
    // It returns only where it failed.
    let _why = anew.args(words).env(VARIABLE, OFF).exec();
}
