//! Custodians who left, sealed pictures that ended, and the ledger of deletions: a database that is
//! brought back from before learns of them, and gives nobody back what was sealed to them.

use super::engine::{Transaction, params};

use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;
use crate::tombstone::{Deletion, EndedCustodian, Ledger};

/// What the ledger knew of custodians and the database did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndedAgain {
    /// Accounts whose service ended again.
    pub accounts: Vec<String>,
    /// Keys that nobody holds any more, as `version 1 of the supervisor key of 5101`.
    pub keys_without_holder: Vec<String>,
    /// Sealed pictures that were deleted before and came back.
    pub pictures: usize,
}

impl EndedAgain {
    /// One line each, for whoever restores or starts.
    pub fn lines(&self) -> Vec<String> {
        let ended = self.accounts.iter().map(|account| {
            format!("custodian `{account}` left since the backup: their service is ended again")
        });
        let lost = self.keys_without_holder.iter().map(|key| {
            format!(
                "nobody holds {key}: what is sealed to it opens to nobody; restore a later backup, \
                in which somebody does"
            )
        });
        let pictures = (self.pictures > 0).then(|| {
            format!(
                "{} sealed picture(s) ended since the backup: their halves are struck again",
                self.pictures
            )
        });
        ended.chain(lost).chain(pictures).collect()
    }
}

impl Store {
    /// From now on whoever ends is signed into the ledger first. What either side lacks, it learns
    /// here.
    pub fn with_ledger(mut self, ledger: Ledger) -> Result<(Self, EndedAgain)> {
        let read = ledger.read()?;
        let ours: Vec<Deletion> =
            self.ended_custodians()?.into_iter().map(Deletion::Custodian).collect();
        if !ours.iter().all(|it| read.deletions.contains(it)) {
            ledger.append(&ours)?;
        }
        let mut again = EndedAgain::default();
        if read.custodians().next().is_some() {
            again = self.write(|tx| {
                let mut again = EndedAgain::default();
                for it in read.custodians().filter(|it| !ours.contains(&of(it))) {
                    if close_by_key(tx, it)? {
                        again.accounts.push(it.custodian.clone());
                    }
                }
                if !again.accounts.is_empty() {
                    again.keys_without_holder = keys_without_holder(tx)?;
                }
                Ok(again)
            })?;
        }
        if read.pictures().next().is_some() {
            again.pictures = self.write(|tx| {
                let mut ended = 0;
                for it in read.pictures() {
                    ended += super::evidence_end::again(tx, it)?;
                }
                Ok(ended)
            })?;
        }
        self.ledger = Some(ledger);
        Ok((self, again))
    }

    /// Whoever left, in the order of their entry.
    pub fn ended_custodians(&self) -> Result<Vec<EndedCustodian>> {
        let sql = "SELECT account, verification_key, coalesce(removed_by, ''), until_at FROM
            evidence_custodian WHERE until_at IS NOT NULL ORDER BY id";
        self.read(|c| {
            collect(c, sql, [], |r| {
                Ok(EndedCustodian {
                    custodian: r.get(0)?,
                    verification_key: r.get(1)?,
                    by: r.get(2)?,
                    at: r.get(3)?,
                })
            })
        })
    }
}

fn of(it: &EndedCustodian) -> Deletion {
    Deletion::Custodian(it.clone())
}

fn close_by_key(tx: &Transaction<'_>, it: &EndedCustodian) -> Result<bool> {
    let sql = "SELECT id FROM evidence_custodian WHERE account = ?1 AND verification_key = ?2 AND
        until_at IS NULL";
    let found: Vec<i64> =
        collect(tx, sql, [&it.custodian, &it.verification_key], |r| Ok(r.get(0)?))?;
    for id in &found {
        close(tx, *id, &it.by, it.at)?;
    }
    Ok(!found.is_empty())
}

/// Ends a line of the roll, and destroys what was sealed to it.
pub(super) fn close(tx: &Transaction<'_>, id: i64, by: &str, at: At) -> Result<()> {
    tx.execute(
        "UPDATE evidence_custodian SET until_at = ?2, removed_by = ?3, wrapped = '{}',
        recovery = '{}' WHERE id = ?1 AND until_at IS NULL",
        params![id, at, by],
    )?;
    tx.execute("DELETE FROM evidence_share WHERE custodian = ?1", [id])?;
    Ok(())
}

fn keys_without_holder(tx: &Transaction<'_>) -> Result<Vec<String>> {
    let sql = "SELECT k.version, k.role, k.jurisdiction FROM evidence_role_key k WHERE NOT EXISTS
        (SELECT 1 FROM evidence_share s JOIN evidence_custodian c ON c.id = s.custodian WHERE
            c.jurisdiction = k.jurisdiction AND c.role = k.role AND c.from_at IS NOT NULL AND
            c.until_at IS NULL AND s.version = k.version)
        ORDER BY k.jurisdiction, k.role, k.version";
    collect(tx, sql, [], |r| {
        let (version, role, place): (u32, String, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(format!("version {version} of the {role} key of {place}"))
    })
}
