//! `scripts/bench-instructions`: what stands in valgrind's report becomes one line a stage, and two
//! lists become one table. What builds and counts is replaced by programs that only answer.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::executable;
use e2e::programs::root;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new(root().join("scripts/bench-instructions"))
        .args(arguments)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_report_of_callgrind_becomes_one_line_a_stage() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let artifact = "{\"executable\":\"/nowhere/observe-1\"}";
    executable::write(&at("cargo"), &format!("#!/bin/sh\necho '{artifact}'\n"));
    executable::write(&at("valgrind"), "#!/bin/sh\nexit 0\n");
    let report = "\
I1 cache: \n\
--------------------------------------------------------------------------------\n\
1,234,567,890 (100.0%)  PROGRAM TOTALS\n\
829,770,917 (67.21%)  ???:instructions::counted_frame [/x/instructions]\n\
  4,184,416 ( 0.34%)  ???:instructions::counted_match_1000::h12 [/x/instructions]\n\
  3,300,100 ( 0.27%)  ???:observe::counted_looks [/x/observe]\n\
     12,000 ( 0.00%)  ???:vision::frame::decode [/x/instructions]\n";
    fs::write(at("report"), report).unwrap();
    let annotate = format!("#!/bin/sh\ncat '{}'\n", at("report").display());
    executable::write(&at("callgrind_annotate"), &annotate);
    let done = run(folder.path(), &[]);
    let lines: Vec<_> = text(&done.stdout).lines().map(str::to_owned).collect();
    let wanted = [
        "frame · 829770917",
        "match-1000 · 4184416",
        "looks · 3300100",
        "observe-3 · 3300",
        "observe-10 · 3300",
    ];
    assert_eq!(lines, wanted, "{}", text(&done.stderr));

    fs::write(at("report"), "1,234 (100.0%)  PROGRAM TOTALS\n").unwrap();
    let none = run(folder.path(), &[]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).ends_with("no stage was counted\n"), "{}", text(&none.stderr));
}

#[test]
fn two_lists_of_counts_become_one_table_with_estimates() {
    let folder = tempfile::tempdir().unwrap();
    let [x86, arm] = ["x86", "arm"].map(|name| folder.path().join(name));
    let table = || {
        let done = run(folder.path(), &["--table", x86.to_str().unwrap(), arm.to_str().unwrap()]);
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    fs::write(&x86, "frame · 500000000\nmask · 90\n").unwrap();
    fs::write(&arm, "frame · 720000000\nobserve-3 · 3600\n").unwrap();
    let (code, out, said) = table();
    let rows: Vec<_> = out.lines().skip(2).collect();
    let wanted = [
        "| frame | 500.00 M | 720.00 M | 400.00 ms | 150.00 ms |",
        "| observe-3 | not counted | 3600 | 2.0 µs | 0.8 µs |",
        "| mask | 90 | not counted | – | – |",
    ];
    assert_eq!((code, rows.as_slice()), (Some(0), &wanted[..]), "{said}");
    assert!(out.lines().next().unwrap().contains("Pi 4, *estimated*"), "{out}");

    for wrong in ["frame\n", "frame · \n", "frame · many\n", "frame · -5\n", "frame · 5 · 6\n", ""]
    {
        fs::write(&arm, wrong).unwrap();
        let (code, out, said) = table();
        let refused = (code, out.as_str(), said.lines().count()) == (Some(1), "", 1);
        assert!(refused, "{wrong:?}: {code:?} {out} {said}");
    }
    let done = run(folder.path(), &["--table", arm.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(1));
}
