//! Deleting what has had its time: each method removes what is older than a moment and says how much that was.

use rusqlite::params;

use super::rows::collect;
use super::{Result, Store};

/// One run of a job.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RetentionRun {
    pub job: String,
    pub last_at: String,
    pub last_removed: i64,
    pub removed_in_all: i64,
}

const STRUCK: (&str, &str) = ("已驳回,内容已按留存期限删除", "dismissed; struck when its retention ran out");

impl Store {
    /// Persons and words of alerts dismissed before then. Rule, severity, device and reason stay for the figures; the signed
    /// record stays in the chain, and is read by case and reason alone.
    pub fn strike_dismissed(&self, before: &str, now: &str) -> Result<usize> {
        self.write(|tx| {
            let due = "SELECT id FROM alert WHERE state = 'dismissed' AND updated_at < ?1
                AND (struck_at IS NULL OR struck_at < updated_at) LIMIT 1000";
            let ids: Vec<String> = collect(tx, due, [before], |r| Ok(r.get(0)?))?;
            for id in &ids {
                tx.prepare_cached(
                    "UPDATE finding SET report = json_set(report, '$.persons', json('[]'), '$.explanation.zh', ?2, '$.explanation.en', ?3)
                     WHERE alert = ?1",
                )?
                .execute([id.as_str(), STRUCK.0, STRUCK.1])?;
                tx.prepare_cached("UPDATE finding_step SET zh = ?2, en = ?3 WHERE alert = ?1")?
                    .execute([id.as_str(), STRUCK.0, STRUCK.1])?;
                tx.prepare_cached("UPDATE alert SET struck_at = ?2 WHERE id = ?1")?.execute([id.as_str(), now])?;
            }
            Ok(ids.len())
        })
    }

    /// Sightings whose stay ended before then.
    pub fn forget_presence(&self, before: &str) -> Result<usize> {
        self.write(|tx| Ok(tx.execute("DELETE FROM presence WHERE to_at < ?1", [before])?))
    }

    pub fn forget_quarantine(&self, before: &str) -> Result<usize> {
        self.write(|tx| Ok(tx.execute("DELETE FROM quarantine WHERE received_at < ?1", [before])?))
    }

    /// Logins and invitations that ran out, and API tokens a day after they did.
    pub fn forget_access(&self, now: &str, tokens_before: &str) -> Result<usize> {
        self.write(|tx| {
            Ok(tx.execute("DELETE FROM login WHERE expires_at <= ?1", [now])?
                + tx.execute("DELETE FROM invitation WHERE expires_at <= ?1", [now])?
                + tx.execute("DELETE FROM api_token WHERE expires_at <= ?1", [tokens_before])?)
        })
    }

    /// Keeps that a job ran; of runs that found nothing only the last one is kept.
    pub fn retention_ran(&self, job: &str, at: &str, removed: usize) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM retention_run WHERE job = ?1 AND removed = 0", [job])?;
            tx.execute("INSERT OR REPLACE INTO retention_run VALUES (?1,?2,?3)", params![job, at, removed as i64])?;
            Ok(())
        })
    }

    pub fn retention_runs(&self) -> Result<Vec<RetentionRun>> {
        let sql = "SELECT job, max(at), (SELECT removed FROM retention_run l WHERE l.job = r.job ORDER BY at DESC LIMIT 1), sum(removed)
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

    /// The first entry of the audit log, which is kept at least three years (P11) and never shortened here.
    pub fn audit_since(&self) -> Result<Option<(String, i64)>> {
        self.read(|c| {
            let found = collect(c, "SELECT min(at), count(*) FROM audit HAVING count(*) > 0", [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })?;
            Ok(found.into_iter().next())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dismissed_alert_loses_its_persons_once_and_keeps_what_figures_need() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store
            .write(|tx| {
                Ok(tx.execute_batch(
                    r#"INSERT INTO alert (id,state,severity,kinds,institution,jurisdiction,room,device,raised_at,received_at,updated_at,liveness_waived,case_file)
                       VALUES ('i','dismissed',2,'[]','c','51','r','d','t','t','2026-03-02T00:00:00.000Z',0,'{}');
                       INSERT INTO finding VALUES ('d','f','i','LL-1','LicenseLending',2,'opened',1,'t','t','d',0,1,
                       '{"persons":[{"person":"p-1"}],"explanation":{"zh":"王","en":"Wang"},"rule":"LL-1"}');
                       INSERT INTO finding_step VALUES ('d','f',1,'i','LL-1','opened',2,'t','t','d',0,1,'王','Wang');"#,
                )?)
            })
            .unwrap();
        assert_eq!(
            store.strike_dismissed("2026-03-01T23:00:00.000Z", "2026-03-03T01:00:00.000Z").unwrap(),
            0,
            "too early"
        );
        assert_eq!(store.strike_dismissed("2026-03-02T01:00:00.000Z", "2026-03-03T01:00:00.000Z").unwrap(), 1);
        assert_eq!(store.strike_dismissed("2026-03-02T01:00:00.000Z", "2026-03-03T02:00:00.000Z").unwrap(), 0, "twice");
        let report: String = store.read(|c| Ok(c.query_row("SELECT report FROM finding", [], |r| r.get(0))?)).unwrap();
        assert!(!report.contains("p-1") && !report.contains("Wang") && report.contains("LL-1"), "{report}");
    }

    #[test]
    fn what_a_job_removed_is_added_up_and_empty_runs_leave_one_row() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (at, removed) in [("t1", 0), ("t2", 3), ("t3", 0), ("t4", 2), ("t5", 0)] {
            store.retention_ran("presence", at, removed).unwrap();
        }
        let run = &store.retention_runs().unwrap()[0];
        assert_eq!((run.last_at.as_str(), run.last_removed, run.removed_in_all), ("t5", 0, 5));
    }
}
