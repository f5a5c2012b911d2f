//! Counts for the summary, the pages and the metrics: sums over kinds, states and boxes, never over
//! a person (P15).

use std::collections::BTreeMap;

use super::rows::collect;
use super::{Result, Store};

/// `GET /api/v1/summary`, but for what the faces and the configuration add.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub struct Summary {
    pub findings_stored: i64,
    pub finding_steps_stored: i64,
    pub findings_by_kind: BTreeMap<String, i64>,
    pub findings_withdrawn: i64,
    pub alerts: i64,
    pub alerts_open: i64,
    pub messages_stored: i64,
    pub presences_stored: i64,
    pub health_stored: i64,
    pub dropped_declared: i64,
    pub duplicates_refused: i64,
    pub quarantined: i64,
    pub rejected: BTreeMap<String, i64>,
    pub devices: i64,
    pub devices_online: i64,
    pub liveness_waived: bool,
}

const KINDS: [&str; 5] =
    ["LicenseLending", "NonLeadOperating", "UnlicensedOperator", "Integrity", "RecordMismatch"];
const REASONS: [&str; 8] = [
    "malformed",
    "oversized",
    "bad_signature",
    "superseded_key",
    "unknown_device",
    "wrong_device",
    "unknown_topic",
    "fork",
];

impl Store {
    pub fn summary(&self) -> Result<Summary> {
        self.read(|c| {
            let one = |sql: &str| -> Result<i64> {
                Ok(c.prepare_cached(sql)?.query_row([], |r| r.get(0))?)
            };
            let counters: BTreeMap<String, i64> =
                collect(c, "SELECT name, value FROM counter", [], |r| Ok((r.get(0)?, r.get(1)?)))?
                    .into_iter()
                    .collect();
            let counter = |name: &str| counters.get(name).copied().unwrap_or(0);
            let by_kind: Vec<(String, i64)> = collect(
                c,
                "SELECT kind, sum(n) FROM finding_count GROUP BY \
                    kind",
                [],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            let mut findings_by_kind: BTreeMap<String, i64> =
                KINDS.iter().map(|k| ((*k).to_owned(), 0)).collect();
            findings_by_kind.extend(by_kind);
            let (devices, devices_online) = super::pages::boxes(c)?;
            Ok(Summary {
                findings_stored: findings_by_kind.values().sum(),
                finding_steps_stored: counter("finding_steps"),
                findings_by_kind,
                findings_withdrawn: one("SELECT coalesce(sum(n), 0) FROM finding_count WHERE \
                    withdrawn = 1")?,
                alerts: one("SELECT coalesce(sum(n), 0) FROM alert_total")?,
                alerts_open: one(
                    "SELECT coalesce(sum(n), 0) FROM alert_total WHERE state NOT IN \
                    ('dismissed','unfounded','closed')",
                )?,
                messages_stored: counters
                    .iter()
                    .filter(|(n, _)| n.starts_with("stored."))
                    .map(|(_, v)| v)
                    .sum(),
                presences_stored: counter("stored.presence"),
                health_stored: counter("stored.health"),
                dropped_declared: counter("dropped_declared"),
                duplicates_refused: counter("duplicates_refused"),
                quarantined: counter("quarantined"),
                rejected: REASONS
                    .iter()
                    .map(|r| ((*r).to_owned(), counter(&format!("rejected.{r}"))))
                    .collect(),
                devices,
                devices_online,
                liveness_waived: one(c.either(
                    "SELECT EXISTS (SELECT 1 FROM alert WHERE liveness_waived)",
                    "SELECT EXISTS (SELECT 1 FROM alert WHERE liveness_waived <> 0)",
                ))? == 1,
            })
        })
    }

    pub fn counters(&self) -> Result<Vec<(String, i64)>> {
        self.read(|c| {
            collect(c, "SELECT name, value FROM counter ORDER BY name", [], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
        })
    }
}
