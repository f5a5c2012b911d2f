//! Whether this machine has the real pack: asked of the program itself, so that the tests look
//! where it looks.

use std::process::Command;

use e2e::programs::{program, root};

pub(crate) fn real_pack() -> bool {
    let verified = Command::new(program("zaigang-agent").unwrap())
        .args(["models", "verify", "real"])
        .current_dir(root())
        .output()
        .unwrap();
    verified.status.success()
}
