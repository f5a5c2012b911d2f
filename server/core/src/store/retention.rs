//! Deleting what has had its time: each method removes what is older than a moment and says how
//! much that was.

use serde_json::{Map, Value, json};

use super::engine::{Connection, Transaction, params};
use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;
use crate::ids::AlertId;

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RetentionRun {
    pub job: String,
    pub last_at: At,
    pub last_removed: i64,
    pub removed_in_all: i64,
}

/// Sightings that one transaction deletes.
const FORGOTTEN_AT_ONCE: i64 = 2000;

impl Store {
    /// Persons and words of alerts that two people dismissed before then, the notes and answers of
    /// their steps among them: what a box withdrew alone keeps both. The decision stays: who, when,
    /// reason, rule, room; the signed record stays in the chain, and is read by case and reason
    /// alone.
    pub fn strike_dismissed(&self, before: At, now: At) -> Result<usize> {
        self.write(|tx| {
            let due = "SELECT id FROM alert WHERE state = 'dismissed' AND updated_at < ?1
                AND (struck_at IS NULL OR struck_at < updated_at)
                AND (SELECT count(DISTINCT json_extract(r.value, '$.by')) FROM
                json_each(case_file, '$.reviews') r
                    WHERE json_extract(r.value, '$.verdict') = 'dismiss') >= 2 LIMIT 1000";
            let ids: Vec<AlertId> = collect(tx, due, [before], |r| Ok(r.get(0)?))?;
            for id in &ids {
                strike(tx, id, now)?;
            }
            Ok(ids.len())
        })
    }

    /// The decisions of alerts that were struck before then: who dismissed, when and why. What the
    /// figures count of them stays.
    pub fn forget_decisions(&self, before: At) -> Result<usize> {
        self.write(|tx| {
            let due = "SELECT id FROM alert WHERE state = 'dismissed' AND struck_at < ?1 AND \
                EXISTS (SELECT 1 FROM alert_step s WHERE s.alert = alert.id) LIMIT 1000";
            let ids: Vec<AlertId> = collect(tx, due, [before], |r| Ok(r.get(0)?))?;
            for id in &ids {
                tx.prepare_cached("DELETE FROM alert_step WHERE alert = ?1")?.execute([id])?;
                let sql = "SELECT case_file FROM alert WHERE id = ?1";
                let case: String = tx.prepare_cached(sql)?.query_row([id], |r| r.get(0))?;
                let case = with(&case, [("reviews", json!([]))])?;
                tx.prepare_cached("UPDATE alert SET case_file = ?2 WHERE id = ?1")?
                    .execute(params![id, case])?;
            }
            Ok(ids.len())
        })
    }

    /// Sightings whose stay ended before then: their rows, and the content of the signed messages
    /// that brought them. Hash and place in the chain stay, so that it still verifies. Also
    /// messages that came that long ago and whose row went before, when a later summary replaced
    /// it. Gives how many sightings lost their content or their row.
    pub fn forget_presence(&self, before: At) -> Result<usize> {
        let mut removed = 0;
        loop {
            let done = self.write(|tx| forget_some(tx, before))?;
            removed += done;
            if done == 0 {
                return Ok(removed);
            }
        }
    }

    pub fn forget_quarantine(&self, before: At) -> Result<usize> {
        self.write(|tx| Ok(tx.execute("DELETE FROM quarantine WHERE received_at < ?1", [before])?))
    }

    /// Logins and invitations that ran out, and API tokens a day after they did.
    pub fn forget_access(&self, now: At, tokens_before: At) -> Result<usize> {
        self.write(|tx| {
            Ok(tx.execute("DELETE FROM login WHERE expires_at <= ?1", [now])?
                + tx.execute("DELETE FROM invitation WHERE expires_at <= ?1", [now])?
                + tx.execute("DELETE FROM api_token WHERE expires_at <= ?1", [tokens_before])?)
        })
    }

    /// Keeps that a job ran; of runs that found nothing only the last one is kept.
    pub fn retention_ran(&self, job: &str, at: At, removed: usize) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM retention_run WHERE job = ?1 AND removed = 0", [job])?;
            tx.execute(
                "INSERT INTO retention_run VALUES (?1,?2,?3) ON CONFLICT(job, at) DO UPDATE SET
                removed = excluded.removed",
                params![job, at, removed as i64],
            )?;
            Ok(())
        })
    }

    pub fn retention_runs(&self) -> Result<Vec<RetentionRun>> {
        let sql = "SELECT job, max(at), (SELECT removed FROM retention_run l WHERE l.job = r.job
            ORDER BY at DESC LIMIT 1), sum(removed)
            FROM retention_run r GROUP BY job ORDER BY job";
        self.read(|c| {
            collect(c, sql, [], |r| {
                Ok(RetentionRun {
                    job: r.get(0)?,
                    last_at: r.get(1)?,
                    last_removed: r.get(2)?,
                    removed_in_all: r.get(3)?,
                })
            })
        })
    }

    /// The first entry of the audit log, which is kept at least three years (P11) and never
    /// shortened here.
    pub fn audit_since(&self) -> Result<Option<(At, i64)>> {
        self.read(|c| {
            let found =
                collect(c, "SELECT min(at), count(*) FROM audit HAVING count(*) > 0", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })?;
            Ok(found.into_iter().next())
        })
    }
}

/// Persons and words of one alert.
fn strike(tx: &Transaction<'_>, id: &AlertId, now: At) -> Result<()> {
    let struck = wording::struck();
    let sql = "SELECT origin, id, report FROM finding WHERE alert = ?1";
    let findings = collect(tx, sql, [id], |r| {
        let row: (String, String, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(row)
    })?;
    let explanation = serde_json::to_value(&struck)?;
    for (origin, finding, report) in findings {
        let fields = [("persons", json!([])), ("explanation", explanation.clone())];
        tx.prepare_cached("UPDATE finding SET report = ?3 WHERE origin = ?1 AND id = ?2")?
            .execute(params![origin, finding, with(&report, fields)?])?;
    }
    super::attachments::forget(tx, id)?;
    tx.prepare_cached(
        "UPDATE alert_step SET note = ?2 WHERE alert = ?1 AND note <> '' AND step NOT IN \
        ('assign', 'undo')",
    )?
    .execute(params![id, struck.zh])?;
    tx.prepare_cached("UPDATE finding_step SET zh = ?2, en = ?3 WHERE alert = ?1")?
        .execute(params![id, struck.zh, struck.en])?;
    tx.prepare_cached("UPDATE alert SET struck_at = ?2 WHERE id = ?1")?
        .execute(params![id, now])?;
    Ok(())
}

/// A kept object with these fields in the place of what stood there. The rest stays as it was,
/// whichever version wrote it: what has had its time goes even where not all of it is understood.
fn with<const N: usize>(text: &str, fields: [(&str, Value); N]) -> Result<String> {
    let mut object: Map<String, Value> = serde_json::from_str(text)?;
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    Ok(serde_json::to_string(&object)?)
}

/// One turn of the writer, so that ingest gets its own between two.
fn forget_some(tx: &Connection, before: At) -> Result<usize> {
    let due: Vec<(String, i64, i64)> = collect(
        tx,
        "SELECT device, epoch, seq FROM presence WHERE to_at < ?1 LIMIT ?2",
        (before, FORGOTTEN_AT_ONCE),
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    let mut row =
        tx.prepare_cached("DELETE FROM presence WHERE device=?1 AND epoch=?2 AND seq=?3")?;
    let mut content = tx.prepare_cached(
        "UPDATE message SET envelope = '' WHERE device=?1 AND epoch=?2 AND seq=?3 AND kind = \
        'presence'",
    )?;
    for (device, epoch, seq) in &due {
        row.execute((device, epoch, seq))?;
        content.execute((device, epoch, seq))?;
    }
    let old = "UPDATE message SET envelope = '' WHERE event_id IN (SELECT event_id FROM message
        WHERE kind = 'presence' AND envelope <> '' AND received_at < ?1 ORDER BY received_at
        LIMIT ?2)";
    Ok(due.len() + tx.prepare_cached(old)?.execute((before, FORGOTTEN_AT_ONCE))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::at;

    proptest! {
        #[test]
        fn what_is_struck_leaves_what_another_version_wrote(
            name in "[a-z_]{1,12}", kept in "\\PC{0,40}", said in "\\PC{1,40}",
        ) {
            prop_assume!(name != "persons");
            let object = json!({ &name: kept, "persons": [said] });
            let text = with(&object.to_string(), [("persons", json!([]))]).unwrap();
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, json!({ &name: kept, "persons": [] }));
        }
    }

    /// Three messages of a box, the second a sighting.
    fn with_a_sighting(store: &Store, received_at: At, to_at: At) {
        let message = |seq: i64, kind: &str| {
            format!(
                "INSERT INTO message VALUES \
                ('b',0,{seq},'e-{seq}','h-{seq}','h-{}','{kind}','{received_at}','content {seq}');",
                seq - 1
            )
        };
        let all = message(1, "health") + &message(2, "presence") + &message(3, "health");
        let row = format!(
            "INSERT INTO presence VALUES \
            ('b',0,2,'r','s','p-1','operator','{to_at}','{to_at}','face',5,1,NULL,1);"
        );
        store.write(|tx| Ok(tx.execute_batch(&(all + &row))?)).unwrap();
    }

    fn contents(store: &Store) -> Vec<(String, String)> {
        store
            .read(|c| {
                collect(c, "SELECT hash, envelope FROM message ORDER BY seq", [], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
            })
            .unwrap()
    }

    #[test]
    fn a_sighting_loses_row_and_content_and_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        with_a_sighting(&store, at("2026-03-05T00:00:00.000Z"), at("2026-03-02T00:00:00.000Z"));
        assert_eq!(store.forget_presence(at("2026-03-01T00:00:00.000Z")).unwrap(), 0, "too early");
        assert_eq!(store.forget_presence(at("2026-03-03T00:00:00.000Z")).unwrap(), 1);
        let kept = contents(&store);
        assert_eq!(kept[1], ("h-2".to_owned(), String::new()));
        assert_eq!((kept[0].1.as_str(), kept[2].1.as_str()), ("content 1", "content 3"));
        let rows: i64 = store
            .read(|c| Ok(c.query_row("SELECT count(*) FROM presence", [], |r| r.get(0))?))
            .unwrap();
        assert_eq!(rows, 0);
    }

    #[test]
    fn a_sighting_without_a_row_goes_by_when_it_came() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        with_a_sighting(&store, at("2026-03-02T00:00:00.000Z"), at("2026-03-02T00:00:00.000Z"));
        store.write(|tx| Ok(tx.execute("DELETE FROM presence", [])?)).unwrap();
        assert_eq!(store.forget_presence(at("2026-03-03T00:00:00.000Z")).unwrap(), 1);
        assert_eq!(store.forget_presence(at("2026-03-03T00:00:00.000Z")).unwrap(), 0, "twice");
        assert_eq!(contents(&store)[1].1, "");
    }

    #[test]
    fn a_dismissed_alert_loses_its_persons_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store
            .write(|tx| {
                Ok(tx.execute_batch(
                    r#"INSERT INTO alert (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                       VALUES ('i','dismissed',2,'[]','c','51','r','d','2026-03-01T00:00:00.000Z','2026-03-01T00:00:00.000Z','2026-03-02T00:00:00.000Z',0,'{"reviews":[{"by":"wang","verdict":"dismiss"},{"by":"li","verdict":"dismiss"}]}');
                       INSERT INTO alert_step (alert,at,actor,step,note,state_after) VALUES
                       ('i','2026-03-01T00:00:00.000Z','wang','answer','王主诊当天在隔壁','raised'),
                       ('i','2026-03-02T00:00:00.000Z','wang','dismiss','','dismissed');
                       INSERT INTO finding VALUES ('d','f','i','LL-1','LicenseLending',2,'opened',1,'2026-03-01T00:00:00.000Z','2026-03-01T00:00:00.000Z','d',0,1,
                       '{"persons":[{"person":"p-1"}],"explanation":{"zh":"王","en":"Wang"},"rule":"LL-1"}');
                       INSERT INTO finding_step VALUES ('d','f',1,'i','LL-1','opened',2,'2026-03-01T00:00:00.000Z','2026-03-01T00:00:00.000Z','d',0,1,'王','Wang');"#,
                )?)
            })
            .unwrap();
        assert_eq!(
            store
                .strike_dismissed(at("2026-03-01T23:00:00.000Z"), at("2026-03-03T01:00:00.000Z"))
                .unwrap(),
            0,
            "too early"
        );
        assert_eq!(
            store
                .strike_dismissed(at("2026-03-02T01:00:00.000Z"), at("2026-03-03T01:00:00.000Z"))
                .unwrap(),
            1
        );
        assert_eq!(
            store
                .strike_dismissed(at("2026-03-02T01:00:00.000Z"), at("2026-03-03T02:00:00.000Z"))
                .unwrap(),
            0,
            "twice"
        );
        let report: String = store
            .read(|c| Ok(c.query_row("SELECT report FROM finding", [], |r| r.get(0))?))
            .unwrap();
        assert!(
            !report.contains("p-1") && !report.contains("Wang") && report.contains("LL-1"),
            "{report}"
        );
        let steps = || store.alert_steps(&"i".parse().unwrap()).unwrap();
        assert!(steps().iter().all(|s| !s.note.contains('王')), "{:?}", steps());
        assert!(steps().iter().any(|s| s.step == "dismiss" && s.actor == "wang"));
        assert_eq!(store.forget_decisions(at("2026-03-03T01:00:00.000Z")).unwrap(), 0, "too early");
        assert_eq!(store.forget_decisions(at("2029-03-03T01:00:00.000Z")).unwrap(), 1);
        assert_eq!(store.forget_decisions(at("2029-03-03T01:00:00.000Z")).unwrap(), 0, "twice");
        assert!(steps().is_empty());
        let case: String = store
            .read(|c| Ok(c.query_row("SELECT case_file FROM alert", [], |r| r.get(0))?))
            .unwrap();
        assert!(!case.contains("wang"), "{case}");
    }

    #[test]
    fn what_a_box_withdrew_alone_keeps_its_persons() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let one = r#"{"by":"wang","verdict":"dismiss"}"#;
        for (id, reviews) in
            [("a", String::new()), ("b", one.to_owned()), ("c", format!("{one},{one}"))]
        {
            let sql = format!(
                r#"INSERT INTO alert (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                   VALUES ('{id}','dismissed',2,'[]','c','51','r','d','2026-03-01T00:00:00.000Z','2026-03-01T00:00:00.000Z','2026-03-02T00:00:00.000Z',0,'{{"reviews":[{reviews}]}}');"#
            );
            store.write(|tx| Ok(tx.execute_batch(&sql)?)).unwrap();
        }
        assert_eq!(
            store
                .strike_dismissed(at("2026-03-02T01:00:00.000Z"), at("2026-03-03T01:00:00.000Z"))
                .unwrap(),
            0
        );
    }

    #[test]
    fn what_a_job_removed_is_added_up_and_empty_runs_leave_one_row() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (second, removed) in [(1, 0), (2, 3), (3, 0), (4, 2), (5, 0)] {
            store.retention_ran("presence", At::of_s(second), removed).unwrap();
        }
        let run = &store.retention_runs().unwrap()[0];
        assert_eq!((run.last_at, run.last_removed, run.removed_in_all), (At::of_s(5), 0, 5));
    }
}
