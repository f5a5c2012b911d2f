//! Custodians, their roles' public keys, what was sealed to each of them, and where pictures are
//! taken at all. Of private halves only what a browser wrapped stands here, as text that this
//! server can not open.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::evidence::{CustodianRole, Custodians, EvidencePolicy};

use super::ended_custodians::close;
use super::rows::collect;
use super::{Result, Store, StoreError, name_of, named};
use crate::clock::At;
use crate::evidence::opening::OpeningRefusal;
use crate::evidence::{
    CustodianSeen, PlaceKind, PolicyWord, RoleKeySeen, Roll, SealedBytes, TRIES, WITHHELD,
    signature,
};
use crate::tombstone::{Deletion, EndedCustodian, Ledger};

/// Somebody who made their keys.
#[derive(Debug, Clone)]
pub struct NewCustodian {
    pub account: String,
    pub jurisdiction: String,
    pub role: CustodianRole,
    pub verification_key: String,
    pub sealing_key: String,
    pub wrapped: String,
    pub recovery: String,
}

/// The signature by which somebody, or a key, is let in.
#[derive(Debug, Clone)]
pub struct Vouching {
    pub from: String,
    pub by: String,
    pub sig: String,
}

/// What a browser gets to try a passphrase on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Unlock")]
pub struct CustodianUnlock {
    pub custodian: CustodianSeen,
    pub jurisdiction: String,
    /// Made by the browser; opaque to the server.
    pub wrapped: serde_json::Value,
    pub recovery: serde_json::Value,
    /// The role's private key by version, sealed to this custodian.
    pub shares: BTreeMap<u32, SealedBytes>,
    pub tries_left: i64,
}

const CUSTODIAN: &str = "SELECT id, account, role, verification_key, sealing_key, entered_at,
    from_at, vouched_by, vouch_sig, until_at, removed_by,
    (SELECT json_group_array(version) FROM (SELECT version FROM evidence_share s
        WHERE s.custodian = c.id ORDER BY version) held) FROM evidence_custodian c";

impl Store {
    /// Everybody and every key of a jurisdiction, in the order in which they were let in.
    pub fn roll(&self, jurisdiction: &str) -> Result<Roll> {
        self.read(|c| roll(c, jurisdiction))
    }

    /// The nearest jurisdiction above a place in which both roles have a key; `None`: nowhere.
    pub fn roll_for(&self, jurisdiction: &str) -> Result<Option<Roll>> {
        self.read(|c| nearest(c, jurisdiction))
    }

    /// The nearest jurisdiction strictly above a place in which both roles have a key: boxes here
    /// believe its custodians.
    pub fn upper_roll(&self, jurisdiction: &str) -> Result<Option<String>> {
        self.read(|c| upper(c, jurisdiction))
    }

    /// Enters somebody with their keys. `first`: they found their role, and vouch for themselves
    /// and for its first key. The whole roll is judged by `check` before anything is kept.
    pub fn enter_custodian(
        &self,
        it: &NewCustodian,
        first: Option<(&Vouching, &RoleKeySeen, &SealedBytes)>,
        now: At,
        check: impl FnOnce(&Roll) -> std::result::Result<(), String>,
    ) -> Result<i64> {
        self.write(|tx| {
            let role = name_of(&it.role)?;
            may_begin(tx, &it.jurisdiction, &role, first.is_some())?;
            let sql = "SELECT 1 FROM evidence_custodian WHERE account = ?1 AND until_at IS NULL";
            if tx.prepare_cached(sql)?.exists([&it.account])? {
                let why = "you are a custodian already, or wait to be let in: leave first, or ask \
                    another custodian to remove you";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            let id: i64 = tx.query_row(
                "INSERT INTO evidence_custodian (account, jurisdiction, role, verification_key,
                sealing_key, wrapped, recovery, entered_at) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)
                RETURNING id",
                params![
                    it.account,
                    it.jurisdiction,
                    role,
                    it.verification_key,
                    it.sealing_key,
                    it.wrapped,
                    it.recovery,
                    now
                ],
                |r| r.get(0),
            )?;
            if let Some((vouched, key, share)) = first {
                let_in(tx, id, vouched)?;
                put_role_key(tx, &it.jurisdiction, key)?;
                put_share(tx, id, key.version, share)?;
            }
            check(&roll(tx, &it.jurisdiction)?).map_err(StoreError::Refused)?;
            Ok(id)
        })
    }

    /// Lets in somebody who waits, with the role's keys sealed to them.
    pub fn admit_custodian(
        &self,
        id: i64,
        jurisdiction: &str,
        vouched: &Vouching,
        shares: &BTreeMap<u32, SealedBytes>,
        check: impl FnOnce(&Roll) -> std::result::Result<(), String>,
    ) -> Result<()> {
        self.write(|tx| {
            let waits = "SELECT 1 FROM evidence_custodian WHERE id = ?1 AND jurisdiction = ?2 AND
                from_at IS NULL AND until_at IS NULL";
            if !tx.prepare_cached(waits)?.exists(params![id, jurisdiction])? {
                let why =
                    "nobody waits here under this number: they were let in or removed meanwhile";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            every_key_is_handed_over(tx, &vouched.by, shares)?;
            let_in(tx, id, vouched)?;
            for (version, share) in shares {
                put_share(tx, id, *version, share)?;
            }
            check(&roll(tx, jurisdiction)?).map_err(StoreError::Refused)
        })
    }

    /// Ends a custodian, or their waiting. What was sealed to them is destroyed.
    pub fn remove_custodian(&self, id: i64, jurisdiction: &str, by: &str, now: At) -> Result<()> {
        self.write(|tx| {
            let there = "SELECT 1 FROM evidence_custodian WHERE id = ?1 AND jurisdiction = ?2 AND
                until_at IS NULL";
            if !tx.prepare_cached(there)?.exists(params![id, jurisdiction])? {
                return Err(StoreError::Unknown { what: "custodian", id: id.to_string() });
            }
            end(tx, self.ledger.as_ref(), id, (by, now))
        })
    }

    /// Whether somebody is a custodian of this role now.
    pub fn is_custodian(&self, account: &str, role: CustodianRole) -> Result<bool> {
        self.read(|c| stands(c, account, role))
    }

    /// A new version of a role's key, sealed to every custodian of the role who is in service.
    /// Nothing old is sealed anew: pictures of earlier versions open with those alone.
    pub fn turn_over_key(
        &self,
        jurisdiction: &str,
        key: &RoleKeySeen,
        shares: &BTreeMap<i64, SealedBytes>,
        check: impl FnOnce(&Roll) -> std::result::Result<(), String>,
    ) -> Result<()> {
        self.write(|tx| {
            let before = roll(tx, jurisdiction)?;
            if before.newest(key.role).map_or(0, |k| k.version) + 1 != key.version {
                let why = "the role's key was turned over meanwhile: load the page anew";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            put_role_key(tx, jurisdiction, key)?;
            let of_role = before.custodians.iter().filter(|c| c.role == key.role && c.stands());
            for custodian in of_role {
                let share = shares.get(&custodian.id).ok_or_else(|| {
                    StoreError::Refused(format!(
                        "shares: the new key is not sealed to `{}`",
                        custodian.account
                    ))
                })?;
                put_share(tx, custodian.id, key.version, share)?;
            }
            check(&roll(tx, jurisdiction)?).map_err(StoreError::Refused)
        })
    }

    /// Gives out what a passphrase is tried on, and counts the try; withheld after [`TRIES`] of
    /// them in a row.
    pub fn unlock_custodian(&self, account: &str, now: jiff::Timestamp) -> Result<CustodianUnlock> {
        let tried_at = At::from(now);
        self.write(|tx| {
            let sql = format!("{CUSTODIAN} WHERE account = ?1 AND until_at IS NULL");
            let custodian = collect(tx, &sql, [account], custodian)?.pop().ok_or_else(|| {
                let why =
                    "you are no custodian here: make your keys on the page of sealed pictures";
                StoreError::Conflict(why.to_owned())
            })?;
            let again = At::from(now - WITHHELD);
            tx.execute(
                "UPDATE evidence_custodian SET tries = 0 WHERE id = ?1 AND tries >= ?2 AND
                tried_at < ?3",
                params![custodian.id, TRIES, again],
            )?;
            let sql = "UPDATE evidence_custodian SET tries = tries + 1, tried_at = ?3 WHERE id = ?1
                AND tries < ?2 RETURNING tries, jurisdiction, wrapped, recovery";
            let found: Option<(i64, String, String, String)> = tx
                .prepare_cached(sql)?
                .query_row(params![custodian.id, TRIES, tried_at], |r| {
                    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
                })
                .optional()?;
            let Some((tries, jurisdiction, wrapped, recovery)) = found else {
                return Err(StoreError::Conflict(WITHHELD_WORDS.to_owned()));
            };
            let sql = "SELECT version, sealed FROM evidence_share WHERE custodian = ?1";
            let shares = collect(tx, sql, [custodian.id], |r| {
                Ok((r.get(0)?, serde_json::from_str(&r.get::<_, String>(1)?)?))
            })?;
            Ok(CustodianUnlock {
                custodian,
                jurisdiction,
                wrapped: serde_json::from_str(&wrapped)?,
                recovery: serde_json::from_str(&recovery)?,
                shares: shares.into_iter().collect(),
                tries_left: TRIES - tries,
            })
        })
    }

    /// Their passphrase opened them.
    pub fn unlocked(&self, account: &str) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE evidence_custodian SET tries = 0 WHERE account = ?1 AND tries < ?2";
            tx.execute(sql, params![account, TRIES])?;
            Ok(())
        })
    }

    /// The same private halves under another passphrase and another sheet.
    pub fn rewrap_custodian(&self, account: &str, wrapped: &str, recovery: &str) -> Result<()> {
        self.write(|tx| {
            let sql = "UPDATE evidence_custodian SET wrapped = ?2, recovery = ?3, tries = 0 WHERE
                account = ?1 AND until_at IS NULL AND tries < ?4";
            if tx.execute(sql, params![account, wrapped, recovery, TRIES])? == 0 {
                return Err(StoreError::Conflict("you are no custodian here".to_owned()));
            }
            Ok(())
        })
    }

    /// Every word about where pictures are taken, of places that begin so, newest first.
    pub fn evidence_policies(&self) -> Result<Vec<PolicyWord>> {
        self.read(|c| {
            let sql = "SELECT kind, place, enabled, basis, document, by_whom, at FROM
                evidence_policy ORDER BY id DESC LIMIT 500";
            collect(c, sql, [], policy_word)
        })
    }

    pub fn put_evidence_policy(&self, it: &PolicyWord) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO evidence_policy (kind, place, enabled, basis, document, by_whom, at)
                VALUES (?1,?2,?3,?4,?5,?6,?7)",
                params![
                    name_of(&it.kind)?,
                    it.place,
                    it.enabled,
                    it.basis,
                    it.document,
                    it.by,
                    it.at
                ],
            )?;
            Ok(())
        })
    }
}

/// Said where ten wrong passphrases were tried in a row.
pub const WITHHELD_WORDS: &str = "ten wrong passphrases in a row: the wrapped keys are withheld \
    for an hour; a lost passphrase is mended by the recovery sheet, or by another custodian";

fn roll(c: &Connection, jurisdiction: &str) -> Result<Roll> {
    let people =
        format!("{CUSTODIAN} WHERE jurisdiction = ?1 ORDER BY from_at IS NULL, from_at, id");
    let keys = "SELECT role, version, public_key, from_at, vouched_by, vouch_sig,
        (SELECT count(*) FROM evidence_share s JOIN evidence_custodian o ON o.id = s.custodian
            WHERE o.jurisdiction = k.jurisdiction AND o.role = k.role AND o.until_at IS NULL AND
            s.version = k.version)
        FROM evidence_role_key k WHERE jurisdiction = ?1 ORDER BY role DESC, version";
    let mut role_keys = collect(c, keys, [jurisdiction], |r| {
        let vouched = signature(&r.get::<_, String>(4)?, &r.get::<_, String>(5)?);
        Ok(RoleKeySeen {
            role: named(r.get(0)?)?,
            version: r.get(1)?,
            public_key: r.get(2)?,
            from: r.get(3)?,
            vouched: vouched.ok_or_else(|| StoreError::Conflict("a voucher's id".to_owned()))?,
            held_by: r.get(6)?,
            items: 0,
        })
    })?;
    for key in &mut role_keys {
        let half = if key.role == CustodianRole::Supervisor {
            "$.supervisor_half.to"
        } else {
            "$.reviewer_half.to"
        };
        let sql = "SELECT count(*) FROM evidence_item WHERE gone IS NULL AND
            json_extract(item, ?1) = ?2";
        let id = crate::evidence::key_id(&key.public_key);
        key.items = c.prepare_cached(sql)?.query_row([half, &id], |r| r.get::<_, i64>(0))? as u64;
    }
    Ok(Roll {
        jurisdiction: jurisdiction.to_owned(),
        custodians: collect(c, &people, [jurisdiction], custodian)?,
        role_keys,
    })
}

/// A role is founded once, and nowhere below a roll that boxes believe already: they would take no
/// order of the narrower one, and the wider one would be told to them no more.
fn may_begin(tx: &Transaction<'_>, jurisdiction: &str, role: &str, first: bool) -> Result<()> {
    let there = "SELECT 1 FROM evidence_role_key WHERE jurisdiction = ?1 AND role = ?2";
    let founded = tx.prepare_cached(there)?.exists([jurisdiction, role])?;
    if let Some(upper) = upper(tx, jurisdiction)?
        && !founded
    {
        return Err(StoreError::Opening(OpeningRefusal::UpperRoll { upper }));
    }
    if founded == first {
        let why = if founded {
            "this role has custodians here already: ask one of them to let you in"
        } else {
            "nobody of this role is here yet: make its first key"
        };
        return Err(StoreError::Conflict(why.to_owned()));
    }
    Ok(())
}

fn upper(c: &Connection, jurisdiction: &str) -> Result<Option<String>> {
    let sql = "SELECT jurisdiction FROM evidence_role_key WHERE substr(?1, 1, \
        length(jurisdiction)) = jurisdiction AND jurisdiction <> ?1 GROUP BY jurisdiction HAVING \
        count(DISTINCT role) = 2 ORDER BY length(jurisdiction) DESC LIMIT 1";
    Ok(c.prepare_cached(sql)?.query_row([jurisdiction], |r| r.get(0)).optional()?)
}

fn nearest(c: &Connection, jurisdiction: &str) -> Result<Option<Roll>> {
    let sql = "SELECT jurisdiction FROM evidence_role_key WHERE substr(?1, 1, \
        length(jurisdiction)) = jurisdiction GROUP BY jurisdiction HAVING count(DISTINCT role) = 2 \
        ORDER BY length(jurisdiction) DESC LIMIT 1";
    let found: Option<String> =
        c.prepare_cached(sql)?.query_row([jurisdiction], |r| r.get(0)).optional()?;
    found.map(|jurisdiction| roll(c, &jurisdiction)).transpose()
}

/// What a box is told of custodians; `on_unless_said`: in a demonstration pictures are taken where
/// nobody said otherwise.
pub(super) fn told(
    c: &Connection,
    institution: &str,
    jurisdiction: &str,
    on_unless_said: bool,
) -> Result<Option<Custodians>> {
    let Some(roll) = nearest(c, jurisdiction)? else { return Ok(None) };
    let said = policy_for(c, institution, jurisdiction)?;
    let enabled = said.map_or(on_unless_said, |word| word.enabled);
    let policy = EvidencePolicy { enabled, ..EvidencePolicy::default() };
    Ok(Some(Custodians { policy, ..roll.wire() }))
}

/// The word that holds: the institution's own before its jurisdiction's, the nearer before the
/// farther, the later before the earlier.
fn policy_for(c: &Connection, institution: &str, jurisdiction: &str) -> Result<Option<PolicyWord>> {
    let sql = "SELECT kind, place, enabled, basis, document, by_whom, at FROM evidence_policy
        WHERE (kind = 'institution' AND place = ?1)
            OR (kind = 'jurisdiction' AND substr(?2, 1, length(place)) = place)
        ORDER BY kind = 'institution' DESC, length(place) DESC, id DESC LIMIT 1";
    Ok(collect(c, sql, [institution, jurisdiction], policy_word)?.pop())
}

fn policy_word(r: &crate::store::engine::Row<'_>) -> Result<PolicyWord> {
    Ok(PolicyWord {
        kind: named::<PlaceKind>(r.get(0)?)?,
        place: r.get(1)?,
        enabled: r.get(2)?,
        basis: r.get(3)?,
        document: r.get(4)?,
        by: r.get(5)?,
        at: r.get(6)?,
    })
}

fn custodian(r: &crate::store::engine::Row<'_>) -> Result<CustodianSeen> {
    let vouched = match (r.get::<_, Option<String>>(7)?, r.get::<_, Option<String>>(8)?) {
        (Some(by), Some(sig)) => signature(&by, &sig),
        _ => None,
    };
    Ok(CustodianSeen {
        id: r.get(0)?,
        account: r.get(1)?,
        role: named(r.get(2)?)?,
        verification_key: r.get(3)?,
        sealing_key: r.get(4)?,
        entered_at: r.get(5)?,
        from: r.get(6)?,
        vouched,
        until: r.get(9)?,
        removed_by: r.get(10)?,
        versions: serde_json::from_str(&r.get::<_, String>(11)?)?,
    })
}

pub(super) fn stands(c: &Connection, account: &str, role: CustodianRole) -> Result<bool> {
    // Their account's role is the custodian's: whoever holds another now acts for neither, and
    // whoever is disabled for nobody.
    let sql = "SELECT 1 FROM evidence_custodian c JOIN account a ON a.id = c.account AND a.role =
        c.role AND a.disabled = 0 WHERE c.account = ?1 AND c.role = ?2 AND c.from_at IS NOT NULL
        AND c.until_at IS NULL";
    Ok(c.prepare_cached(sql)?.exists(params![account, name_of(&role)?])?)
}

/// Ends whatever an account is here, where it is something.
pub(super) fn end_of_account(
    tx: &Transaction<'_>,
    ledger: Option<&Ledger>,
    account: &str,
    (by, now): (&str, At),
) -> Result<()> {
    let sql = "SELECT id FROM evidence_custodian WHERE account = ?1 AND until_at IS NULL";
    let id = tx.prepare_cached(sql)?.query_row([account], |r| r.get(0)).optional()?;
    id.map_or(Ok(()), |id| end(tx, ledger, id, (by, now)))
}

/// Ends one, and destroys what was sealed to them; never the last holder of a key. The ledger says
/// so first: a restore of a backup from before must not bring them back.
fn end(
    tx: &Transaction<'_>,
    ledger: Option<&Ledger>,
    id: i64,
    (by, now): (&str, At),
) -> Result<()> {
    let alone = "SELECT c.account, s.version FROM evidence_custodian c JOIN evidence_share s ON
        s.custodian = c.id WHERE c.id = ?1 AND c.from_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM
            evidence_custodian o JOIN evidence_share t ON t.custodian = o.id WHERE o.jurisdiction =
            c.jurisdiction AND o.role = c.role AND o.id <> c.id AND o.from_at IS NOT NULL AND
            o.until_at IS NULL AND t.version = s.version) ORDER BY s.version LIMIT 1";
    let last: Option<(String, u32)> =
        tx.prepare_cached(alone)?.query_row([id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    if let Some((who, version)) = last {
        return Err(StoreError::Opening(OpeningRefusal::LastHolder { who, version }));
    }
    if let Some(ledger) = ledger {
        let sql = "SELECT account, verification_key FROM evidence_custodian WHERE id = ?1";
        let (custodian, verification_key) =
            tx.prepare_cached(sql)?.query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let by = by.to_owned();
        let it = EndedCustodian { custodian, verification_key, by, at: now };
        ledger.append(&[Deletion::Custodian(it)])?;
    }
    close(tx, id, by, now)
}

/// Whoever lets another in hands over what they hold themselves, no less and no more: so no key has
/// one holder alone because somebody left it out.
fn every_key_is_handed_over(
    tx: &Transaction<'_>,
    by: &str,
    shares: &BTreeMap<u32, SealedBytes>,
) -> Result<()> {
    let sql = "SELECT s.version FROM evidence_share s JOIN evidence_custodian c ON c.id =
        s.custodian WHERE c.account = ?1 AND c.from_at IS NOT NULL AND c.until_at IS NULL";
    let held: BTreeSet<u32> = collect(tx, sql, [by], |r| Ok(r.get(0)?))?.into_iter().collect();
    let handed: BTreeSet<u32> = shares.keys().copied().collect();
    let why = |version: &u32, what: &str| {
        StoreError::Refused(format!("shares: version {version} of the role's key {what}"))
    };
    if let Some(version) = held.difference(&handed).next() {
        return Err(why(version, "is not handed over, and you hold it"));
    }
    handed.difference(&held).next().map_or(Ok(()), |v| Err(why(v, "is none that you hold")))
}

fn let_in(tx: &Transaction<'_>, id: i64, vouched: &Vouching) -> Result<()> {
    tx.execute(
        "UPDATE evidence_custodian SET from_at = ?2, vouched_by = ?3, vouch_sig = ?4 WHERE id = ?1",
        params![id, vouched.from, vouched.by, vouched.sig],
    )?;
    Ok(())
}

fn put_role_key(tx: &Transaction<'_>, jurisdiction: &str, key: &RoleKeySeen) -> Result<()> {
    tx.execute(
        "INSERT INTO evidence_role_key VALUES (?1,?2,?3,?4,?5,?6,?7)",
        params![
            jurisdiction,
            name_of(&key.role)?,
            key.version,
            key.public_key,
            key.from,
            key.vouched.custodian.as_str(),
            key.vouched.sig
        ],
    )?;
    Ok(())
}

fn put_share(tx: &Transaction<'_>, custodian: i64, version: u32, it: &SealedBytes) -> Result<()> {
    let sealed = serde_json::to_string(it)?;
    tx.execute(
        "INSERT INTO evidence_share VALUES (?1,?2,?3)",
        params![custodian, version, sealed],
    )?;
    Ok(())
}
