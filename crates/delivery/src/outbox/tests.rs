//! The outbox as a clinic's box lives it: raised, receipted, cut off, filled up, torn.

use std::fs;
use std::path::Path;

use protocol::down::Receipt;
use protocol::envelope::Envelope;
use protocol::up::{ClockSource, HealthReport, PresenceReport, Stamp, Up, UpBody};
use tempfile::TempDir;
use trust::{SigningKey, VerifyingKey, ZERO_HASH, chain_hash, verify};

use super::*;
use crate::testing::{FaultOutcome, finding};

struct Clinic {
    dir: TempDir,
    key: SigningKey,
}

impl Clinic {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), key: SigningKey::generate().unwrap() }
    }

    fn open(&self) -> Outbox {
        self.open_with(OutboxOptions { reserve_bytes: 0, ..OutboxOptions::default() })
    }

    fn open_with(&self, options: OutboxOptions) -> Outbox {
        Outbox::open_with(self.dir.path(), self.key.clone(), "box-1".parse().unwrap(), options)
            .unwrap()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }
}

fn stamp(outbox: &Outbox) -> Stamp {
    outbox.boot().stamp("2026-03-02T01:00:00.000Z", 1000, 20, ClockSource::Synchronised)
}

fn health() -> Up {
    Up::Health(HealthReport::default())
}

fn presence() -> Up {
    Up::Presence(PresenceReport {
        room: "r1".parse().unwrap(),
        session: None,
        person: "p1".parse().unwrap(),
        role: "operator".into(),
        from: "2026-03-02T01:00:00.000Z".into(),
        to: "2026-03-02T01:05:00.000Z".into(),
        verified_by: "face".into(),
        evidence: None,
    })
}

#[test]
fn the_oldest_message_that_waits_is_read_and_stays() {
    let clinic = Clinic::new();
    assert_eq!(to_be_receipted(clinic.dir.path()), None, "of a box that never ran");
    let outbox = clinic.open();
    let first = outbox.append(stamp(&outbox), health()).unwrap();
    outbox.append(stamp(&outbox), presence()).unwrap();
    drop(outbox);
    let read = || to_be_receipted(clinic.dir.path()).unwrap();
    let waiting = read();
    assert_eq!((waiting.seq, waiting.channel), (first.seq, Channel::Health));
    let envelope: Envelope = serde_json::from_str(&waiting.envelope).unwrap();
    verify(&envelope, &clinic.key.verifying_key()).unwrap();
    assert_eq!(read(), waiting, "reading took it");
    // The box goes on as if nobody had looked.
    let outbox = clinic.open();
    assert_eq!(rows(&outbox, &clinic.key.verifying_key()).len(), 2);
}

#[test]
fn where_nothing_waits_the_last_health_is_asked_about() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let first = outbox.append(stamp(&outbox), health()).unwrap();
    let second = outbox.append(stamp(&outbox), health()).unwrap();
    let last = outbox.append(stamp(&outbox), presence()).unwrap();
    outbox.apply_receipt(&receipt(&first, &[])).unwrap();
    outbox.apply_receipt(&receipt(&first, &[second.seq])).unwrap();
    outbox.apply_receipt(&receipt(&last, &[])).unwrap();
    drop(outbox);
    let kept = to_be_receipted(clinic.dir.path()).unwrap();
    assert_eq!((kept.seq, kept.channel), (second.seq, Channel::Health));
    let envelope: Envelope = serde_json::from_str(&kept.envelope).unwrap();
    verify(&envelope, &clinic.key.verifying_key()).unwrap();
    // Nothing waits, and nothing is sent again by the box itself.
    let outbox = clinic.open();
    assert_eq!(outbox.stats().unwrap().depth, 0);
    assert!(rows(&outbox, &clinic.key.verifying_key()).is_empty());
}

/// Every row still in the outbox, checked and decoded.
fn rows(outbox: &Outbox, key: &VerifyingKey) -> Vec<(String, UpBody)> {
    let heads = outbox.heads(100_000).unwrap();
    let mut seqs: Vec<u64> = heads.vital.into_iter().chain(heads.bulk).collect();
    seqs.sort_unstable();
    let body = |seq| {
        let (_, text) = outbox.envelope(seq).unwrap().unwrap();
        let envelope: Envelope = serde_json::from_str(&text).unwrap();
        let body = verify(&envelope, key).unwrap();
        (chain_hash(body), serde_json::from_str(body).unwrap())
    };
    seqs.into_iter().map(body).collect()
}

fn receipt(event: &EventRef, above: &[u64]) -> Receipt {
    Receipt {
        contiguous_seq: event.seq,
        contiguous_hash: event.hash.clone(),
        above: above.to_vec(),
        audit_head: None,
    }
}

#[test]
fn each_row_is_signed_numbered_and_names_the_one_before() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    for _ in 0..5 {
        outbox.append(stamp(&outbox), finding("L2")).unwrap();
    }
    let rows = rows(&outbox, &clinic.key.verifying_key());
    assert_eq!(rows.iter().map(|(_, b)| b.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(rows[0].1.prev, ZERO_HASH);
    for pair in rows.windows(2) {
        assert_eq!(pair[1].1.prev, pair[0].0);
        assert_ne!(pair[1].1.event_id, pair[0].1.event_id);
    }
    let id: uuid::Uuid = rows[0].1.event_id.parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
}

#[test]
fn a_restart_goes_on_where_it_was_and_counts_itself() {
    let clinic = Clinic::new();
    let first = clinic.open();
    let event = first.append(stamp(&first), finding("L2")).unwrap();
    assert_eq!(first.boot().boot_count, 1);
    let first_boot = first.boot().clone();
    drop(first);
    let second = clinic.open();
    assert_eq!(second.boot().boot_count, 2);
    assert_ne!(second.boot().boot_id, first_boot.boot_id);
    second.append(stamp(&second), health()).unwrap();
    let rows = rows(&second, &clinic.key.verifying_key());
    assert_eq!(rows[1].1.prev, event.hash);
}

#[test]
fn only_what_the_server_receipted_is_deleted() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let events: Vec<_> =
        (0..6).map(|_| outbox.append(stamp(&outbox), finding("L2")).unwrap()).collect();
    assert_eq!(outbox.apply_receipt(&receipt(&events[1], &[4, 6])).unwrap().deleted, 4);
    assert_eq!(outbox.heads(10).unwrap().vital, [3, 5]);
    assert_eq!(
        outbox.apply_receipt(&receipt(&events[1], &[4, 6])).unwrap().deleted,
        0,
        "a receipt may come twice"
    );
    assert_eq!(outbox.apply_receipt(&receipt(&events[5], &[])).unwrap().deleted, 2);
    assert_eq!(outbox.stats().unwrap().depth, 0);
}

#[test]
fn a_receipt_of_another_hash_deletes_nothing() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let event = outbox.append(stamp(&outbox), finding("L2")).unwrap();
    outbox.append(stamp(&outbox), finding("L2")).unwrap();
    let forked = Receipt { contiguous_hash: chain_hash("another"), ..receipt(&event, &[]) };
    assert!(matches!(outbox.apply_receipt(&forked), Err(OutboxError::Fork { seq: 1, .. })));
    let beyond = Receipt { contiguous_seq: 99, ..receipt(&event, &[]) };
    assert!(matches!(outbox.apply_receipt(&beyond), Err(OutboxError::ReceiptBeyond { .. })));
    let stats = outbox.stats().unwrap();
    assert_eq!(stats.depth, 2);
    assert!(!stats.degraded.is_empty());
}

#[test]
fn heartbeats_are_numbered_on_disk() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    outbox.append(stamp(&outbox), health()).unwrap();
    drop(outbox);
    let outbox = clinic.open();
    outbox.append(stamp(&outbox), health()).unwrap();
    let numbers: Vec<u64> = rows(&outbox, &clinic.key.verifying_key())
        .into_iter()
        .filter_map(
            |(_, body)| if let Up::Health(h) = body.payload { Some(h.heartbeat_seq) } else { None },
        )
        .collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_second_agent_on_the_same_outbox_is_refused() {
    let clinic = Clinic::new();
    let _first = clinic.open();
    let second = Outbox::open(clinic.dir.path(), clinic.key.clone(), "box-1".parse().unwrap());
    assert!(matches!(second, Err(OutboxError::InUse { .. })), "{second:?}");
}

#[test]
fn a_message_over_the_limit_is_refused_and_the_chain_goes_on() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let Up::Finding(mut huge) = finding("L2") else { unreachable!() };
    huge.explanation.en = "x".repeat(70_000);
    assert!(matches!(
        outbox.append(stamp(&outbox), Up::Finding(huge)),
        Err(OutboxError::TooLarge { .. })
    ));
    assert_eq!(outbox.append(stamp(&outbox), finding("L2")).unwrap().seq, 1);
}

/// The rule of the full disk, on a database that may not grow (`PRAGMA max_page_count`).
#[test]
fn a_full_disk_never_gives_up_an_accusation() {
    let clinic = Clinic::new();
    let outbox = clinic.open_with(OutboxOptions {
        reserve_bytes: 64 << 10,
        max_bytes: 256 << 10,
        vfs: None,
    });
    let mut raised = 0;
    for n in 0..400 {
        let payload = match n % 4 {
            0 => finding("L2"),
            1 => presence(),
            _ => health(),
        };
        let vital = matches!(payload, Up::Finding(_));
        match outbox.append(stamp(&outbox), payload) {
            Ok(_) => raised += u64::from(vital),
            Err(OutboxError::Full) => break,
            Err(other) => panic!("{other}"),
        }
    }
    let stats = outbox.stats().unwrap();
    assert!(stats.dropped > 0, "nothing was dropped: {stats:?}");
    assert!(raised > 20, "{stats:?}");
    let rows = rows(&outbox, &clinic.key.verifying_key());
    let kept =
        rows.iter().filter(|(_, body)| matches!(body.payload, Up::Finding(_))).count() as u64;
    assert_eq!(kept, raised, "a finding of L2 was given up");
    // Every sequence is either a row or declared dropped, and the chain of hashes is whole.
    let mut hashes: std::collections::BTreeMap<u64, String> =
        rows.iter().map(|(hash, body)| (body.seq, hash.clone())).collect();
    for (_, body) in &rows {
        if let Up::Dropped(report) = &body.payload {
            hashes.extend(report.rows.iter().map(|row| (row.seq, row.hash.clone())));
        }
    }
    assert_eq!(
        hashes.keys().copied().collect::<Vec<_>>(),
        (1..=stats.last_seq).collect::<Vec<_>>()
    );
    for (_, body) in rows.iter().filter(|(_, body)| body.seq > 1) {
        assert_eq!(body.prev, hashes[&(body.seq - 1)], "link {}", body.seq);
    }
}

#[test]
fn findings_without_disk_wait_and_are_written_once() {
    let clinic = Clinic::new();
    let outbox = clinic.open_with(OutboxOptions {
        reserve_bytes: 32 << 10,
        max_bytes: 128 << 10,
        vfs: None,
    });
    let mut last = None;
    let mut waiting = 0;
    while waiting < 3 {
        match outbox.append(stamp(&outbox), finding("L3")) {
            Ok(event) => last = Some(event),
            Err(OutboxError::Full) => waiting += 1,
            Err(other) => panic!("{other}"),
        }
    }
    let stats = outbox.stats().unwrap();
    assert_eq!(stats.held, 3);
    assert_eq!(stats.degraded.len(), 2, "{stats:?}");
    let last = last.unwrap();
    outbox.apply_receipt(&receipt(&last, &[])).unwrap();
    let stats = outbox.stats().unwrap();
    assert_eq!((stats.held, stats.depth, stats.last_seq), (0, 3, last.seq + 3));
    assert!(stats.degraded.is_empty(), "{stats:?}");
}

/// The same on a real file system of 1 MiB. Mounting one needs root.
#[test]
fn a_real_full_disk_loses_no_accusation() {
    let mount = tempfile::tempdir().unwrap();
    let small = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
        .arg(mount.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !small.is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED a_real_full_disk_loses_no_accusation: no right to mount a small file system"
        );
        return;
    }
    let _unmount = Unmount(mount.path());
    let key = SigningKey::generate().unwrap();
    let options = OutboxOptions { reserve_bytes: 128 << 10, ..OutboxOptions::default() };
    let outbox = Outbox::open_with(
        &mount.path().join("state"),
        key.clone(),
        "box-1".parse().unwrap(),
        options,
    )
    .unwrap();
    let mut raised = 0;
    let mut full = false;
    for n in 0..3000 {
        let payload = if n % 8 == 0 { finding("L2") } else { health() };
        let vital = n % 8 == 0;
        match outbox.append(stamp(&outbox), payload) {
            Ok(_) => raised += u64::from(vital),
            Err(OutboxError::Full) => {
                full = true;
                if vital {
                    break;
                }
            }
            Err(other) => panic!("message {n}: {other}"),
        }
    }
    let stats = outbox.stats().unwrap();
    assert!(full && stats.dropped > 0, "the disk never filled: {stats:?}");
    drop(outbox);
    let outbox = Outbox::open_with(
        &mount.path().join("state"),
        key.clone(),
        "box-1".parse().unwrap(),
        options,
    )
    .unwrap();
    let kept = rows(&outbox, &key.verifying_key());
    let findings =
        kept.iter().filter(|(_, body)| matches!(body.payload, Up::Finding(_))).count() as u64;
    assert_eq!(findings, raised, "a finding was lost on the full disk: {stats:?}");
    let outcome = FaultOutcome {
        fault: "box: disk full (a file system of 1 MiB)".into(),
        times: stats.dropped,
        raised: stats.last_seq,
        stored: kept.len() as u64,
        doubled: 0,
        declared_lost: stats.dropped,
        lost: stats.last_seq - kept.len() as u64 - stats.dropped,
        chain: None,
    };
    assert!(outcome.print());
}

/// The wall clock jumps by a day, forth and back, many times: order, chain and numbers do not
/// depend on it.
#[test]
fn a_clock_that_steps_by_a_day_changes_neither_order_nor_chain() {
    let clinic = Clinic::new();
    let mut raised = 0;
    for step in 0..20_i64 {
        let outbox = clinic.open();
        for day in [0, 1, -1] {
            let utc =
                jiff::Timestamp::from_second(1_790_000_000 + (day + step % 3) * 86_400).unwrap();
            let stamp =
                outbox.boot().stamp(format!("{utc:.3}"), 1000, 20, ClockSource::Unsynchronised);
            outbox.append(stamp, finding("L2")).unwrap();
            raised += 1;
        }
    }
    let kept = rows(&clinic.open(), &clinic.key.verifying_key());
    let whole = kept
        .windows(2)
        .all(|pair| pair[1].1.prev == pair[0].0 && pair[1].1.seq == pair[0].1.seq + 1);
    let ids: std::collections::BTreeSet<_> =
        kept.iter().map(|(_, body)| body.event_id.clone()).collect();
    let outcome = FaultOutcome {
        fault: "box: clock steps of a day, both ways".into(),
        times: 60,
        raised,
        stored: ids.len() as u64,
        doubled: 0,
        declared_lost: 0,
        lost: raised - ids.len() as u64,
        chain: (!whole).then(|| "a link is missing".to_owned()),
    };
    assert!(outcome.print());
}

struct Unmount<'a>(&'a Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_torn_database_is_set_aside_behind_a_break() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let old: Vec<_> =
        (0..40).map(|_| outbox.append(stamp(&outbox), finding("L2")).unwrap()).collect();
    drop(outbox);
    let path = clinic.file("outbox.db");
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(100).take(3000) {
        *byte ^= 0x5a;
    }
    fs::write(&path, bytes).unwrap();

    let outbox = clinic.open();
    assert_eq!(outbox.boot().boot_count, 2, "the boot counter survives the loss");
    let event = outbox.append(stamp(&outbox), finding("L2")).unwrap();
    assert!(event.seq > old.last().unwrap().seq, "a sequence was used twice");
    let stats = outbox.stats().unwrap();
    assert!(stats.degraded.iter().any(|line| line.contains("set aside as")), "{stats:?}");
    assert!(clinic.file("outbox.corrupt-boot1-1.db").exists());
    let rows = rows(&outbox, &clinic.key.verifying_key());
    let at = rows
        .iter()
        .position(|(_, body)| matches!(body.payload, Up::ChainBreak(_)))
        .expect("a break record");
    assert_eq!(rows[at].1.prev, ZERO_HASH);
    assert_eq!(rows[at + 1].1.prev, rows[at].0);
    assert_eq!(rows[at + 1].1.seq, event.seq);
}

#[test]
fn an_old_database_never_uses_a_sequence_twice() {
    for restore in [false, true] {
        let clinic = Clinic::new();
        let outbox = clinic.open();
        outbox.append(stamp(&outbox), finding("L2")).unwrap();
        drop(outbox);
        let backup = fs::read(clinic.file("outbox.db")).unwrap();
        let outbox = clinic.open();
        let mut last = 0;
        for _ in 0..1200 {
            last = outbox.append(stamp(&outbox), health()).unwrap().seq;
        }
        drop(outbox);
        fs::remove_file(clinic.file("outbox.db")).unwrap();
        if restore {
            fs::write(clinic.file("outbox.db"), &backup).unwrap();
        }
        let outbox = clinic.open();
        let event = outbox.append(stamp(&outbox), finding("L2")).unwrap();
        assert!(event.seq > last, "restored: {restore}, {} after {last}", event.seq);
        let rows = rows_all(&outbox, &clinic.key.verifying_key());
        assert!(
            rows.iter().any(|body| matches!(body.payload, Up::ChainBreak(_))),
            "restored: {restore}"
        );
    }
}

/// As [`rows`], past a break that still waits.
fn rows_all(outbox: &Outbox, key: &VerifyingKey) -> Vec<UpBody> {
    let last = outbox.stats().unwrap().last_seq;
    let texts = (1..=last).filter_map(|seq| outbox.envelope(seq).unwrap());
    texts
        .map(|(_, text)| {
            let envelope: Envelope = serde_json::from_str(&text).unwrap();
            serde_json::from_str(verify(&envelope, key).unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn a_break_record_waits_for_the_rows_before_it() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    let first = outbox.append(stamp(&outbox), finding("L2")).unwrap();
    drop(outbox);
    // The database was restored from far back: one row is left of the old chain.
    let counters = clinic.file("outbox.counters");
    let (mut file, _) = super::counters::CountersFile::open(&counters).unwrap();
    file.now.seq_ceiling = 5000;
    file.save().unwrap();
    drop(file);
    let outbox = clinic.open();
    let event = outbox.append(stamp(&outbox), finding("L2")).unwrap();
    assert_eq!(event.seq, 5002, "behind the break record");
    assert_eq!(outbox.heads(10).unwrap().vital, [1]);
    outbox.apply_receipt(&receipt(&first, &[])).unwrap();
    assert_eq!(outbox.heads(10).unwrap().vital, [5001, 5002]);
}

#[test]
fn versions_survive_a_restart() {
    let clinic = Clinic::new();
    let outbox = clinic.open();
    outbox.take_version("roster", 7).unwrap();
    outbox.take_version("roster", 3).unwrap();
    drop(outbox);
    assert_eq!(clinic.open().down_versions().unwrap().get("roster"), Some(&7));
}
