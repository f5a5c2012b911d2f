//! Which model pack looks at the camera: the real one where it is, or where the user has it
//! fetched. It asks once, on a terminal alone, and never fetches unasked.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::Command;

use anyhow::Result;

use super::source::DemoSource;
use crate::programs::{self, program, root};

/// The real pack where it is, or where the user wants it fetched; asked once, and only on a
/// terminal.
pub(super) fn choose(source: &DemoSource, say: &mut dyn FnMut(&str)) -> Result<&'static str> {
    if *source == DemoSource::Crowd {
        return Ok("avatar");
    }
    if programs::has_pack("real")? {
        return Ok("real");
    }
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Ok("avatar");
    }
    say("The real pack is not on this machine. It holds these files, from their official sources:");
    let listed = Command::new(program("zaigang-agent")?).args(["models", "list"]).output()?;
    for line in section(&String::from_utf8_lossy(&listed.stdout), "real:") {
        say(&line);
    }
    print!("Fetch them now? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes" | "是") {
        return Ok("avatar");
    }
    // Some files are converted, and the script brings what that needs.
    if Command::new(root().join("scripts/models")).args(["fetch", "real"]).status()?.success() {
        return Ok("real");
    }
    say("The real pack could not be fetched: going on with the avatar pack and drawn faces.");
    Ok("avatar")
}

/// The files of one pack in the list of all.
fn section(list: &str, pack: &str) -> Vec<String> {
    let from = list.lines().skip_while(|line| !line.starts_with(pack)).skip(1);
    let lines =
        from.take_while(|line| line.starts_with(' ')).filter(|line| line.contains(" bytes, "));
    lines.map(|line| line.rsplit_once(": ").map_or(line, |(file, _)| file).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_names_each_file_with_size_and_licence() {
        let list = "avatar: drawn\n  detector  a.onnx (1 bytes, Apache-2.0): /x\nreal: real pack \
            [thresholds not calibrated]\n  \
                    templates t, match 1\n  detector  yunet.onnx (232589 bytes, MIT): \
                    missing\n  mask      rfb.onnx (9 bytes, MIT): \
                    /models/rfb.onnx\nlite: lite\n  detector  other.onnx (1 bytes, MIT): missing\n";
        assert_eq!(
            section(list, "real:"),
            ["  detector  yunet.onnx (232589 bytes, MIT)", "  mask      rfb.onnx (9 bytes, MIT)"]
        );
    }
}
