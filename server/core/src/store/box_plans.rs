//! What a box is called, when it is to be put up, and until when its token waits: what people plan,
//! and no box says.

use std::collections::BTreeMap;

use super::engine::params;

use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;

/// What was planned for a box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoxPlan {
    /// Empty where it has none but its id.
    pub name: String,
    /// `YYYY-MM-DD`.
    pub planned_on: Option<String>,
    /// Until when the token that was made last may be used; `None` once it was.
    pub token_expires_at: Option<At>,
}

impl Store {
    /// Keeps what is not given as it was.
    pub fn plan_box(&self, id: &str, name: &str, planned_on: Option<&str>) -> Result<()> {
        let sql = "UPDATE device SET name = CASE WHEN ?2 = '' THEN name ELSE ?2 END,
            planned_on = COALESCE(?3, planned_on) WHERE id = ?1";
        self.write(|tx| {
            tx.execute(sql, params![id, name, planned_on])?;
            Ok(())
        })
    }

    pub fn box_plans(&self, ids: &[String]) -> Result<BTreeMap<String, BoxPlan>> {
        let sql = "SELECT id, name, planned_on, token_expires_at FROM device WHERE id IN
            (SELECT value FROM json_each(?1))";
        let ids = serde_json::to_string(ids)?;
        self.read(|c| {
            let found = collect(c, sql, [ids], |r| {
                let plan =
                    BoxPlan { name: r.get(1)?, planned_on: r.get(2)?, token_expires_at: r.get(3)? };
                Ok((r.get(0)?, plan))
            })?;
            Ok(found.into_iter().collect())
        })
    }
}
