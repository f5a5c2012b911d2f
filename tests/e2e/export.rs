//! An exported chain, with the real programs: it holds, one flipped bit is found and located, and
//! it says what it is about.

use std::path::Path;
use std::process::{Command, Output};

use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::programs::program;
use e2e::server::{ServerPlan, api, findings_of};

/// Exit status, and the one line that was printed.
fn verify(bundle: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(program("zaigang-verify").unwrap()).arg(bundle).output().unwrap();
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn an_exported_chain_holds_and_one_flipped_bit_is_located() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let dir = folder.path().join("box");
    let the_box = PlainBox::start(provisioned(&api, "box-1", &dir).unwrap(), &dir).unwrap();
    for number in 1..=20 {
        the_box.raise(number).unwrap();
        the_box.heartbeat().unwrap();
    }
    the_box.drained().unwrap();

    // Beside the running server, which goes on receiving.
    let bundle = plan.export("box-1").unwrap();
    let (code, line) = verify(&bundle);
    assert_eq!((code, line.lines().count()), (Some(0), 1), "{line}");
    assert!(line.starts_with("HOLDS:") && line.contains("box-1"), "{line}");
    let (findings, report) = findings_of(&bundle).unwrap();
    assert_eq!(findings, (1..=20).collect::<Vec<_>>());
    assert!(report.receipted_seq == report.last_seq && report.receipts == 1, "{report:?}");

    let good = std::fs::read(&bundle).unwrap();
    let lines_before = |at: usize| String::from_utf8_lossy(&good[..at]).matches('\n').count() + 1;
    let changed = folder.path().join("changed.zgbundle");
    for at in (7..good.len()).step_by(good.len() / 40) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        std::fs::write(&changed, bytes).unwrap();
        let (code, line) = verify(&changed);
        assert_eq!(code, Some(1), "the bit at byte {at} was not found: {line}");
        let named = format!("line {}", lines_before(at));
        assert!(
            line.starts_with("DOES NOT HOLD:") && line.contains(&named),
            "byte {at} is in {named}: {line}"
        );
    }
    // A message taken out.
    let text = String::from_utf8(good.clone()).unwrap();
    let without: String =
        text.split_inclusive('\n').enumerate().filter(|(n, _)| *n != 9).map(|(_, l)| l).collect();
    std::fs::write(&changed, without).unwrap();
    assert_eq!(verify(&changed).0, Some(1));

    let log = api.get("summary").unwrap();
    assert_eq!(log["quarantined"], 0);
    the_box.stop();
}

#[test]
fn parts_of_a_chain_and_earlier_keys_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let plan = ServerPlan::embedded(folder.path());
    let (_server, ready) = plan.start(&[]).unwrap();
    let api = api(&ready);
    furnish(&api).unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let identity = provisioned(&api, "box-1", &first).unwrap();
    let old_key = identity.signing.verifying_key().key_id();
    let the_box = PlainBox::start(identity, &first).unwrap();
    (1..=3).for_each(|number| drop(the_box.raise(number).unwrap()));
    the_box.drained().unwrap();
    the_box.stop();
    // The box is replaced: new keys, the same place.
    let the_box = PlainBox::start(provisioned(&api, "box-1", &second).unwrap(), &second).unwrap();
    (4..=5).for_each(|number| drop(the_box.raise(number).unwrap()));
    the_box.drained().unwrap();
    until("everything is stored", || api.get("summary").is_ok_and(|s| s["findings_stored"] == 1))
        .unwrap();

    assert_eq!(findings_of(&plan.export("box-1").unwrap()).unwrap().0, [4, 5]);
    let out = folder.path().join("old.zgbundle");
    let name = out.display().to_string();
    plan.command(&["export", "--device", "box-1", "--key-id", &old_key, "--out", &name]).unwrap();
    assert_eq!(verify(&out).0, Some(0));
    assert_eq!(findings_of(&out).unwrap().0, [1, 2, 3]);

    let refused = |arguments: &[&str]| plan.command(arguments).unwrap_err().to_string();
    let nothing = refused(&["export", "--device", "box-1", "--to", "2020-01-01", "--out", &name]);
    assert!(nothing.contains("no message of box-1"), "{nothing}");
    let unknown = refused(&["export", "--device", "box-9", "--out", &name]);
    assert!(unknown.contains("box-9"), "{unknown}");
    let wrong = refused(&["export", "--device", "box-1", "--from", "spring", "--out", &name]);
    assert!(wrong.contains("--from"), "{wrong}");
    the_box.stop();
}
