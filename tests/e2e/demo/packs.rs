//! What the demonstration says where the real pack is not on the machine. An agent that knows no
//! real pack stands in for the box's program.

use std::io::Write as _;

use super::*;
use crate::executable;

const AGENT: &str = "#!/bin/sh
case \"$*\" in
'models list') printf 'real: real pack\\n  detector  a.onnx (9 bytes, MIT): missing\\n' ;;
*) exit 1 ;;
esac
";

/// The demonstration beside that agent, and no other program.
fn without_the_pack(folder: &Path) -> PathBuf {
    let (demo, agent) = (folder.join("zaigang-demo"), folder.join("zaigang-agent"));
    executable::copy(&program("zaigang-demo").unwrap(), &demo);
    executable::write(&agent, AGENT);
    demo
}

#[test]
fn real_without_the_pack_says_how_to_get_it() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = without_the_pack(temporary.path());
    let photos = temporary.path().join("photos");
    for (person, pictures) in [("a", 6), ("b", 1)] {
        fs::create_dir_all(photos.join(person)).unwrap();
        for n in 0..pictures {
            fs::write(photos.join(person).join(format!("{n}.jpg")), "").unwrap();
        }
    }
    let mut real = Command::new(demo);
    real.args(["--real", "--photos"]).arg(&photos).current_dir(root());
    let ended = real.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), said.trim().lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("./scripts/models fetch real"), "{said}");
}

#[test]
fn the_pack_is_asked_for_once_with_sizes_and_licences() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = without_the_pack(temporary.path());
    let pictures = temporary.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    image::RgbImage::new(64, 64).save(pictures.join("1.png")).unwrap();
    let mut terminal = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command"])
        .arg(format!("'{}' --camera '{}'", demo.display(), pictures.display()))
        .arg(temporary.path().join("typescript"))
        .current_dir(root())
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    terminal.stdin.as_mut().unwrap().write_all(b"n\n").unwrap();
    let ended = terminal.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(said.contains("a.onnx (9 bytes, MIT)"), "{said}");
    assert_eq!(said.matches("Fetch them now?").count(), 1, "{said}");
    assert!(said.contains("it knows drawn faces only"), "{said}");
}
