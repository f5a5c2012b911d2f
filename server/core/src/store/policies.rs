//! Policies by jurisdiction: the history of each, what holds at a place, and which values stand
//! behind a finding's hash.

use std::collections::BTreeMap;

use super::engine::{Connection, OptionalExtension as _, params};

use super::rows::collect;
use super::{Result, Store, lock};
use crate::clock::At;
use crate::rules::settings;

/// One policy as it was set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct PolicyRow {
    /// Counts what holds at the place that is asked about: from a number of the whole server a
    /// clinic would learn how often others are told something new.
    pub version: u64,
    /// Whom it holds for: an administrative division's code or the beginning of one; empty for all.
    pub jurisdiction: String,
    pub settings: BTreeMap<String, i64>,
    pub set_at: At,
    pub set_by: String,
    pub reason: String,
}

/// The policy that one jurisdiction itself set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPolicy {
    /// 0 before the first.
    pub version: u64,
    pub settings: BTreeMap<String, i64>,
}

/// The values behind a finding's hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HashedPolicy {
    /// Those that differ from their defaults.
    pub settings: BTreeMap<String, i64>,
    /// Since when it is used; empty where it always was.
    pub first_used: String,
}

fn row(r: &crate::store::engine::Row<'_>) -> Result<PolicyRow> {
    Ok(PolicyRow {
        version: r.get::<_, i64>(0)? as u64,
        jurisdiction: r.get(1)?,
        settings: serde_json::from_str(&r.get::<_, String>(2)?)?,
        set_at: r.get(3)?,
        set_by: r.get(4)?,
        reason: r.get(5)?,
    })
}

const COLUMNS: &str = "SELECT version, jurisdiction, settings, set_at, set_by, reason FROM policy";
/// What was set for ?1 or above it, numbered by that.
const AT_A_PLACE: &str = "SELECT * FROM (SELECT row_number() OVER (ORDER BY version) AS n,
    jurisdiction, settings, set_at, set_by, reason FROM policy
    WHERE substr(?1, 1, length(jurisdiction)) = jurisdiction) own";

fn newest_at(c: &Connection, jurisdiction: &str) -> Result<u64> {
    let sql =
        "SELECT count(*) FROM policy WHERE substr(?1, 1, length(jurisdiction)) = jurisdiction";
    let count: i64 = c.prepare_cached(sql)?.query_row([jurisdiction], |r| r.get(0))?;
    Ok(count as u64)
}

/// The newest policy of every jurisdiction.
fn layers(c: &Connection) -> Result<Vec<PolicyRow>> {
    let sql = format!(
        "{COLUMNS} WHERE version IN (SELECT max(version) FROM policy GROUP BY jurisdiction) ORDER \
        BY jurisdiction"
    );
    collect(c, &sql, [], row)
}

/// The values that hold at a place, and the newest version among the policies that say them.
pub(super) fn values_for(
    c: &Connection,
    jurisdiction: &str,
) -> Result<(u64, BTreeMap<String, i64>)> {
    let layers = layers(c)?;
    let version = newest_at(c, jurisdiction)?;
    let layers: Vec<_> = layers.into_iter().map(|l| (l.jurisdiction, l.settings)).collect();
    let values = settings::effective(&layers, jurisdiction);
    Ok((version, values.into_iter().map(|(name, (value, _))| (name, value)).collect()))
}

impl Store {
    /// Replaces the policy of one jurisdiction; gives its version.
    pub fn put_policy(&self, it: &PolicyRow) -> Result<u64> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO policy (settings, set_at, jurisdiction, set_by, reason) VALUES \
                (?1,?2,?3,?4,?5)",
                params![
                    serde_json::to_string(&it.settings)?,
                    it.set_at,
                    it.jurisdiction,
                    it.set_by,
                    it.reason
                ],
            )?;
            newest_at(tx, &it.jurisdiction)
        })
        .inspect(|_| lock(&self.budgets).forget())
    }

    /// The policy that one jurisdiction itself set; version 0 with no settings before the first.
    pub fn policy(&self, jurisdiction: &str) -> Result<OwnPolicy> {
        self.read(|c| {
            let sql = format!("{AT_A_PLACE} WHERE jurisdiction = ?1 ORDER BY n DESC LIMIT 1");
            let found = collect(c, &sql, [jurisdiction], row)?.pop();
            Ok(found.map_or_else(OwnPolicy::default, |p| OwnPolicy {
                version: p.version,
                settings: p.settings,
            }))
        })
    }

    /// What holds at a place: value and the jurisdiction that says it, by name; defaults are left
    /// out.
    pub fn policy_at(&self, jurisdiction: &str) -> Result<BTreeMap<String, (i64, String)>> {
        let layers = self.read(layers)?;
        let layers: Vec<_> = layers.into_iter().map(|l| (l.jurisdiction, l.settings)).collect();
        Ok(settings::effective(&layers, jurisdiction))
    }

    /// Every policy ever set for a jurisdiction or one above it, newest first.
    pub fn policy_history(&self, jurisdiction: &str, limit: u32) -> Result<Vec<PolicyRow>> {
        self.read(|c| {
            let sql = format!("{AT_A_PLACE} ORDER BY n DESC LIMIT ?2");
            collect(c, &sql, params![jurisdiction, limit], row)
        })
    }

    /// The jurisdictions with a policy of their own.
    pub fn policy_places(&self) -> Result<Vec<String>> {
        self.read(|c| {
            collect(c, "SELECT DISTINCT jurisdiction FROM policy ORDER BY jurisdiction", [], |r| {
                Ok(r.get(0)?)
            })
        })
    }

    /// Remembers which values a hash stands for, so that a finding's page can show them.
    pub fn remember_policy(
        &self,
        sha256: &str,
        values: &BTreeMap<String, i64>,
        now: At,
    ) -> Result<()> {
        let known = self.read(|c| {
            Ok(c.prepare_cached("SELECT 1 FROM policy_hash WHERE sha256 = ?1")?.exists([sha256])?)
        })?;
        if known {
            return Ok(());
        }
        self.write(|tx| {
            tx.execute(
                "INSERT INTO policy_hash VALUES (?1,?2,?3) ON CONFLICT DO NOTHING",
                params![sha256, serde_json::to_string(values)?, now],
            )?;
            Ok(())
        })
    }

    /// The values behind a hash (those that differ from their defaults) and since when it is used.
    pub fn policy_of_hash(&self, sha256: &str) -> Result<Option<HashedPolicy>> {
        self.read(|c| {
            let sql = "SELECT settings, first_used FROM policy_hash WHERE sha256 = ?1";
            let found: Option<(String, String)> = c
                .prepare_cached(sql)?
                .query_row([sha256], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            let policy = |(text, first_used): (String, String)| {
                Ok(HashedPolicy { settings: serde_json::from_str(&text)?, first_used })
            };
            found.map(policy).transpose()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(store: &Store, jurisdiction: &str) -> u64 {
        let policy = PolicyRow {
            version: 0,
            jurisdiction: jurisdiction.to_owned(),
            settings: BTreeMap::new(),
            set_at: "2026-03-02T01:00:00.000Z".parse().unwrap(),
            set_by: "wang".to_owned(),
            reason: String::new(),
        };
        store.put_policy(&policy).unwrap()
    }

    #[test]
    fn what_is_set_elsewhere_is_no_number_here() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let here = || store.read(|c| Ok(values_for(c, "510104")?.0)).unwrap();
        assert_eq!((set(&store, "510104"), here()), (1, 1));
        assert_eq!((set(&store, "520100"), here()), (1, 1), "its boxes' findings would tell");
        assert_eq!((set(&store, "51"), here()), (1, 2));
    }
}
