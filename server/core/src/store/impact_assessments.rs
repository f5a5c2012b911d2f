//! Impact assessments as they were entered: appended, never overwritten, never deleted.

use schemars::JsonSchema;
use serde::Serialize;

use super::engine::params;
use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;
use crate::impact_assessment::Assessment;

/// One assessment, and who entered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AssessmentEntry {
    pub id: i64,
    /// Empty: of the whole server.
    pub jurisdiction: String,
    pub at: At,
    pub by: String,
    #[serde(flatten)]
    pub assessment: Assessment,
}

impl Store {
    pub fn put_assessment(
        &self,
        jurisdiction: &str,
        by: &str,
        it: &Assessment,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO impact_assessment (jurisdiction, at, by_whom, spec) VALUES \
                (?1,?2,?3,?4)";
            tx.execute(sql, params![jurisdiction, now, by, serde_json::to_string(it)?])?;
            Ok(())
        })
    }

    /// Those of a part of the country, of what lies in it and of what it lies in, newest first.
    pub fn assessments(&self, jurisdiction: &str) -> Result<Vec<AssessmentEntry>> {
        let sql = "SELECT id, jurisdiction, at, by_whom, spec FROM impact_assessment
            WHERE substr(jurisdiction, 1, length(?1)) = ?1
            OR substr(?1, 1, length(jurisdiction)) = jurisdiction ORDER BY id DESC LIMIT 100";
        self.read(|c| {
            collect(c, sql, [jurisdiction], |r| {
                Ok(AssessmentEntry {
                    id: r.get(0)?,
                    jurisdiction: r.get(1)?,
                    at: r.get(2)?,
                    by: r.get(3)?,
                    assessment: serde_json::from_str(&r.get::<_, String>(4)?)?,
                })
            })
        })
    }
}
