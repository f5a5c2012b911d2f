//! Findings that are stored and receipted, and whose incidents are still to be made: noted in the
//! transaction that stored them, taken up in the order of their coming. What is noted is never
//! forgotten: a note goes in the transaction that makes its incident.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;

use crate::store::engine::{Connection, Transaction, params};
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::up::{Up, UpBody};

use super::super::incidents::{self, ChainPosition, IncidentStep, Joining};
use super::super::rows::collect;
use super::super::{Result, Store, count, lock, strangers};
use super::IncomingMessage;
use super::places::RegistryAnswers;
use super::quarantine::{set_aside, set_jumps_aside};
use crate::clock::At;
use crate::ingest::place::BoxRegistration;

pub(super) fn any(c: &Connection) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM finding_due LIMIT 1")?.exists([])?)
}

pub(super) fn note(tx: &Connection, findings: &[IncidentStep<'_>]) -> Result<usize> {
    let sql = "INSERT INTO finding_due (device, epoch, seq) VALUES (?1,?2,?3)";
    for IncidentStep { place, .. } in findings {
        tx.send(sql, params![place.box_name(), place.epoch, place.seq])?;
    }
    Ok(findings.len())
}

/// A stored message that holds a finding.
struct Due {
    note: i64,
    device: DeviceId,
    epoch: i64,
    seq: i64,
    received_at: At,
    envelope: String,
}

impl Store {
    /// How many findings wait for their incident.
    pub fn findings_due(&self) -> Result<usize> {
        let sql = "SELECT count(*) FROM finding_due";
        self.read(|c| Ok(c.prepare_cached(sql)?.query_row([], |r| r.get::<_, i64>(0))? as usize))
    }

    /// Makes the incidents of the `limit` findings that wait longest; gives how many those were.
    pub fn take_up(&self, limit: usize) -> Result<usize> {
        let taken = self.write(|tx| {
            let sql = "SELECT u.note, m.device, m.epoch, m.seq, m.received_at, m.envelope FROM
                finding_due u JOIN message m
                ON m.device = u.device AND m.epoch = u.epoch AND m.seq = u.seq ORDER BY u.note
                LIMIT ?1";
            let due: Vec<Due> = collect(tx, sql, [limit as i64], |r| {
                Ok(Due {
                    note: r.get(0)?,
                    device: r.id(1)?,
                    epoch: r.get(2)?,
                    seq: r.get(3)?,
                    received_at: r.get(4)?,
                    envelope: r.get(5)?,
                })
            })?;
            let Some(last) = due.last().map(|d| d.note) else { return Ok(0) };
            let messages: Vec<Option<IncomingMessage>> = due.iter().map(message).collect();
            let readable = messages.iter().flatten().count();
            if readable < due.len() {
                // It was decoded before it was stored: somebody changed the table by hand.
                count(tx, "findings_unreadable", (due.len() - readable) as i64)?;
            }
            let steps = self.steps(tx, &due, &messages)?;
            let mut budgets = lock(&self.budgets);
            let max = steps.iter().filter_map(|step| {
                let (device, at) = (step.place.device?, step.place.received_at);
                let limits = budgets.of(tx, device, at);
                Some(limits.map(|limits| (device, limits.open_alerts_max)))
            });
            let max = max.collect::<Result<_>>()?;
            let jumps = incidents::take_in(tx, &steps, &Joining::Beyond(max))?;
            set_jumps_aside(tx, &jumps)?;
            tx.prepare_cached("DELETE FROM finding_due WHERE note <= ?1")?.execute([last])?;
            fail_point::reached("incidents.before_commit");
            Ok(due.len())
        })?;
        if taken > 0 {
            fail_point::reached("incidents.committed");
        }
        Ok(taken)
    }
}

impl Store {
    /// Placed anew: what was stored before places were asked for is asked now.
    fn steps<'a>(
        &self,
        tx: &Transaction<'_>,
        due: &'a [Due],
        messages: &'a [Option<IncomingMessage>],
    ) -> Result<Vec<IncidentStep<'a>>> {
        let mut places = RegistryAnswers::new(self.demonstration);
        let mut registrations: HashMap<(&DeviceId, i64), BoxRegistration> = HashMap::new();
        let mut steps = Vec::with_capacity(due.len());
        for (due, it) in due.iter().zip(messages).filter_map(|(due, it)| Some((due, it.as_ref()?)))
        {
            let Up::Finding(report) = &it.body.payload else { continue };
            let registration = match registrations.entry((&due.device, due.epoch)) {
                MapEntry::Occupied(known) => known.into_mut(),
                MapEntry::Vacant(new) => {
                    new.insert(places.registration(tx, &due.device, due.epoch)?)
                }
            };
            let place = ChainPosition {
                device: Some(&due.device),
                epoch: due.epoch,
                seq: due.seq,
                received_at: due.received_at,
            };
            match places.judged(tx, it, registration)? {
                Some(Ok(placed)) => {
                    steps
                        .push(strangers::without(tx, IncidentStep::of_box(report, place, placed))?);
                }
                Some(Err(why)) => {
                    let said = (due.received_at, why.reason);
                    set_aside(tx, &due.device, said, &why.detail, &due.envelope)?;
                }
                None => {}
            }
        }
        Ok(steps)
    }
}

fn message(due: &Due) -> Option<IncomingMessage> {
    let body = UpBody::from_text(&Envelope::from_text(&due.envelope).ok()?.body).ok()?;
    Some(IncomingMessage {
        body,
        hash: String::new(),
        envelope: String::new(),
        received_at: due.received_at,
        clock_offset_ms: None,
    })
}

#[cfg(test)]
mod tests {
    use protocol::id::DeviceId;
    use protocol::up::{Step as FindingStep, UpBody};
    use serde_json::{Value, json};

    use super::super::{InboxEntry, IncomingMessage};
    use super::*;

    const STEPS: [FindingStep; 4] = [
        FindingStep::Opened,
        FindingStep::Strengthened,
        FindingStep::Withdrawn,
        FindingStep::Closed,
    ];

    /// One of four findings, with a step that follows the last one of it, or repeats an earlier.
    fn finding(dice: &mut u64, last: &mut [u64; 4]) -> Value {
        let mut roll = |sides: u64| {
            *dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*dice >> 33) % sides
        };
        let which = roll(4);
        let revision = 1 + roll(last[which as usize] + 1);
        last[which as usize] = last[which as usize].max(revision);
        json!({"type": "finding", "finding_id": format!("{which:032x}"),
            "incident_id": format!("{:032x}", which / 2),
            "step": STEPS[roll(4) as usize], "revision": revision, "rule": "NL-1",
            "kind": if roll(2) == 0 { "NonLeadOperating" } else { "LicenseLending" },
                "severity": format!("L{}", 1 + roll(3)),
            "confidence": {"identity_ppm": 1, "role_ppm": 1, "session_ppm": 1, "visibility_ppm": 1},
            "room": "r-1", "institution": "c-1", "persons": [], "candidate_basis": [],
                "intervals": [], "counts": [],
            "explanation": {"zh": "疑似", "en": "suspected"},
                "raised_at": "2026-03-02T01:10:00.000Z",
            "manifest": {"firmware": "f", "pack": "avatar", "pack_sha256": "", "config_sha256": "",
                "policy_sha256": "",
                "policy_version": 1, "roster_version": 1, "liveness_waived": roll(2) == 0}})
    }

    /// A chain of findings, as the check hands it over.
    fn messages(count: u64, seed: u64) -> Vec<InboxEntry> {
        let (mut dice, mut last) = (seed, [0; 4]);
        let mut prev = trust::ZERO_HASH.to_owned();
        (1..=count)
            .map(|seq| {
                let body = json!({"v": 1, "device": "box-1", "seq": seq, "prev": prev,
                    "event_id": format!("e-{seq}"),
                    "stamp": {"utc": "2026-03-02T01:10:00.000Z", "boot_id": "b", "boot_count": 1,
                        "mono_ms": seq,
                        "uncertainty_ms": 20, "clock": "scene"},
                    "payload": finding(&mut dice, &mut last)})
                .to_string();
                prev = trust::chain_hash(&body);
                let envelope = json!({"v": 1, "key_id": "k", "sig": "s", "body": body}).to_string();
                InboxEntry::Message(Box::new(IncomingMessage {
                    body: UpBody::from_text(&body).unwrap(),
                    hash: prev.clone(),
                    envelope,
                    received_at: At::of_ms(1_772_413_860_000 + seq as i64 / 10 * 1_000),
                    clock_offset_ms: None,
                }))
            })
            .collect()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap().believing_scripted_clocks(true);
        let _: DeviceId = "box-1".parse().unwrap();
        let rows = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t');
            INSERT INTO room VALUES ('r-1','c-1','x','{}','t');
            INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned');";
        store.write(|tx| Ok(tx.execute_batch(rows)?)).unwrap();
        (dir, store)
    }

    /// Everything that pages show of incidents, and the counters.
    fn shown(store: &Store) -> Vec<String> {
        let tables = [
            "SELECT number || id || state || severity || kinds || liveness_waived || updated_at \
            || case_file FROM alert ORDER BY id",
            "SELECT id || alert || kind || severity || step || revision || received_at || seq || \
            report FROM finding ORDER BY id",
            "SELECT finding || revision || step || severity || received_at || seq FROM \
            finding_step ORDER BY 1",
            "SELECT alert || at || step || note || state_after FROM alert_step ORDER BY id",
            "SELECT event || data FROM feed ORDER BY id",
            "SELECT name || value FROM counter ORDER BY name",
            "SELECT kind || withdrawn || n FROM finding_count WHERE n > 0 ORDER BY 1",
            "SELECT state || severity || n FROM alert_count WHERE n > 0 ORDER BY 1",
        ];
        store
            .read(|c| {
                let mut all = Vec::new();
                for sql in tables {
                    all.extend(collect(c, sql, [], |r| Ok(r.get::<_, String>(0)?))?);
                }
                Ok(all)
            })
            .unwrap()
    }

    #[test]
    fn incidents_are_the_same_however_they_are_made() {
        for seed in 1..=20 {
            let all = messages(60, seed);
            let (_a, one_by_one) = store();
            for entry in &all {
                assert_eq!(
                    one_by_one.commit_batch(std::slice::from_ref(entry), 1).unwrap().later,
                    0
                );
            }
            let (_b, at_once) = store();
            assert_eq!(at_once.commit_batch(&all, 60).unwrap().later, 0);
            let (_c, later) = store();
            assert_eq!(later.commit_batch(&all[..50], 49).unwrap().later, 50);
            // The order holds: while some wait, all wait.
            assert_eq!(later.commit_batch(&all[50..], 49).unwrap().later, 10);
            assert_eq!(later.findings_due().unwrap(), 60);
            while later.take_up(7).unwrap() > 0 {}
            assert_eq!(later.findings_due().unwrap(), 0);
            let wanted = shown(&one_by_one);
            assert!(wanted.len() > 30, "the dice made next to nothing: {}", wanted.len());
            assert_eq!(shown(&at_once), wanted, "seed {seed}");
            assert_eq!(shown(&later), wanted, "seed {seed}");
        }
    }
}
