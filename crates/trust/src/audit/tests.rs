//! The audit log as an auditor reads it: whole, cut, changed.

use super::*;

fn log(count: i64) -> Vec<u8> {
    let mut prev = ZERO_HASH.to_owned();
    let entries = (1..=count).map(|id| {
        let mut entry = AuditEntry {
            id,
            at: "2026-03-02T01:00:00.000Z".into(),
            actor: "wang".into(),
            action: "GET /alerts/{id}".into(),
            object: "/alerts/1".into(),
            why: "案号 17".into(),
            status: 200,
            prev: prev.clone(),
            hash: String::new(),
        };
        entry.hash = entry.made_hash();
        prev = entry.hash.clone();
        Ok::<_, std::io::Error>(entry)
    });
    let mut out = Vec::new();
    let signer = SigningKey::from_bytes(&[7; 32]);
    assert_eq!(write(&mut out, &signer, "2026-03-03T00:00:00.000Z", entries).unwrap(), count);
    out
}

#[test]
fn a_log_holds_and_each_changed_byte_is_found() {
    let good = log(5);
    assert_eq!(check(good.as_slice()).unwrap().entries, 5);
    for at in (0..good.len()).step_by(11) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert!(check(bytes.as_slice()).is_err(), "byte {at} may be changed");
    }
}

#[test]
fn an_entry_taken_out_or_put_last_is_found() {
    let text = String::from_utf8(log(5)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for out in 1..=5 {
        let rest: Vec<&str> =
            lines.iter().enumerate().filter(|(n, _)| *n != out).map(|(_, l)| *l).collect();
        assert!(check(rest.join("\n").as_bytes()).is_err(), "line {out} may be taken out");
    }
    assert!(check(lines[..6].join("\n").as_bytes()).is_err(), "the seal may be taken out");
    assert!(is_audit(lines[0]) && !is_audit(lines[1]));
}

/// The head of a log of so many entries, as it was signed then.
fn head(count: i64) -> Envelope {
    let text = String::from_utf8(log(count)).unwrap();
    let last = text.lines().nth(count as usize).unwrap();
    let entry: AuditEntry = serde_json::from_str(last).unwrap();
    sign_head(&SigningKey::from_bytes(&[7; 32]), count, &entry.hash, "2026-03-02T02:00:00.000Z")
        .unwrap()
}

#[test]
fn a_log_cut_and_sealed_anew_fails_an_earlier_head() {
    let heads = [head(3), head(5)];
    assert_eq!(check_against(log(5).as_slice(), &heads).unwrap().heads, 2);
    assert_eq!(check_against(log(9).as_slice(), &heads).unwrap().entries, 9, "it grew since");
    assert_eq!(check(log(4).as_slice()).unwrap().entries, 4, "by itself it is sound");
    let cut = check_against(log(4).as_slice(), &heads).unwrap_err();
    assert!(cut.why.contains("ends with entry 4") && cut.why.contains("entry 5"), "{cut}");
}

#[test]
fn a_log_rewritten_as_a_whole_fails_an_earlier_head() {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let other = sign_head(&signer, 4, &"ab".repeat(32), "2026-03-02T02:00:00.000Z").unwrap();
    let fault = check_against(log(5).as_slice(), &[head(3), other]).unwrap_err();
    assert!(fault.why.contains("entry 4") && fault.why.contains("rewritten"), "{fault}");
}

#[test]
fn a_head_of_another_key_is_no_witness() {
    let forged =
        sign_head(&SigningKey::from_bytes(&[8; 32]), 5, "", "2026-03-02T02:00:00.000Z").unwrap();
    assert!(check_against(log(5).as_slice(), &[forged]).unwrap_err().why.contains("head 1"));
    let seal = SigningKey::from_bytes(&[7; 32]).sign("{\"format\":\"zaigang-audit/1\"}".to_owned());
    assert!(check_against(log(5).as_slice(), &[seal]).is_err(), "another text of the same key");
}

#[test]
fn a_torn_last_line_of_kept_heads_is_passed_over() {
    let line = serde_json::to_string(&head(3)).unwrap();
    assert_eq!(heads_of(&format!("{line}\n{line}\n")).unwrap().len(), 2);
    assert_eq!(heads_of(&format!("{line}\n{}", &line[..40])).unwrap().len(), 1);
    assert_eq!(heads_of(&format!("{}\n{line}\n", &line[..40])).unwrap_err().line, 1);
}

#[test]
fn an_empty_log_holds() {
    assert_eq!(check(log(0).as_slice()).unwrap().entries, 0);
}
