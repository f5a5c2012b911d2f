//! Accounts, logins, tokens, one-time links, and the audit log with its hash chain.

use std::collections::BTreeSet;

use super::engine::{Connection, OptionalExtension as _, Transaction, params};

use super::account_rights::end_links;
use super::rows::collect;
use super::{Result, Store, StoreError, custodians};
use crate::access::{Role, Who};
use crate::clock::At;
use crate::ids::{AccountId, ApiTokenId};

#[derive(Clone)]
pub struct Account {
    pub id: AccountId,
    pub display: String,
    pub role: Role,
    pub scope: String,
    pub password_hash: String,
    /// Sealed with the master key.
    pub totp: Option<Vec<u8>>,
    pub totp_last: i64,
    pub disabled: bool,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({}, {:?})", self.id, self.role)
    }
}

/// An API token as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ApiToken {
    /// The first 16 hex digits of its hash.
    pub id: ApiTokenId,
    pub name: String,
    pub role: Role,
    pub scope: String,
    pub created_at: At,
    pub expires_at: At,
    pub revoked: bool,
}

/// One line of the audit log.
pub use trust::audit::AuditEntry;

/// What the audit log is narrowed to; each part may be empty.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// In who, what, where or why.
    pub search: String,
    /// The searched text by other names: ids that an object holds, and logins.
    pub also: Vec<String>,
    pub actors: Vec<String>,
    /// One login.
    pub actor: String,
    pub action: String,
    pub object: String,
    /// At this time or later, and before that one.
    pub from: Option<At>,
    pub until: Option<At>,
}

/// What is to be written down.
#[derive(Debug, Clone)]
pub struct Deed {
    pub actor: String,
    pub action: String,
    pub object: String,
    pub why: String,
    pub status: u16,
}

fn role(text: String) -> Result<Role> {
    super::named(text)
}

impl Store {
    pub fn has_accounts(&self) -> Result<bool> {
        self.read(|c| Ok(c.prepare_cached("SELECT 1 FROM account")?.exists([])?))
    }

    pub fn account(&self, id: &AccountId) -> Result<Option<Account>> {
        let sql = "SELECT id, display, role, scope, password_hash, totp, totp_last, disabled FROM \
            account WHERE id = ?1";
        self.read(|c| Ok(collect(c, sql, [id], account)?.pop()))
    }

    /// The account of whoever a record names, or somebody typed; of what is no login name there is
    /// none.
    pub fn account_named(&self, name: &str) -> Result<Option<Account>> {
        name.parse().map_or(Ok(None), |id| self.account(&id))
    }

    pub fn accounts(&self) -> Result<Vec<Account>> {
        let sql = "SELECT id, display, role, scope, password_hash, totp, totp_last, disabled FROM \
            account ORDER BY id";
        self.read(|c| collect(c, sql, [], account))
    }

    /// Makes an account from a one-time link and uses the link up; with its sealed second factor,
    /// or none of both.
    pub fn accept_invitation(
        &self,
        token_hash: &str,
        id: &AccountId,
        display: &str,
        password_hash: &str,
        totp: Option<&[u8]>,
        now: At,
    ) -> Result<Role> {
        self.write(|tx| {
            let invited: Option<(String, String)> = tx
                .query_row(
                    "DELETE FROM invitation WHERE token_hash = ?1 AND expires_at > ?2 AND account \
                    IS NULL RETURNING role, scope",
                    (token_hash, now),
                    |r| Ok((r.get(0)?, r.get(1)?)),
                )
                .optional()?;
            let used = || {
                StoreError::Conflict(
                    "this link is unknown, used or out of date: ask for a new \
                    one"
                    .to_owned(),
                )
            };
            let (granted, scope) = invited.ok_or_else(used)?;
            if crate::access::is_reserved(id) {
                return Err(StoreError::Conflict(format!(
                    "the login name `{id}` is reserved, because the audit log calls others so: \
                    choose another"
                )));
            }
            let taken = tx.prepare_cached("SELECT 1 FROM account WHERE id = ?1")?.exists([id])?;
            if taken {
                return Err(StoreError::Conflict(format!(
                    "the login name `{id}` is taken: choose \
                    another"
                )));
            }
            tx.execute(
                "INSERT INTO account (id, display, role, scope, password_hash, totp, created_at) \
                VALUES (?1,?2,?3,?4,?5,?6,?7)",
                params![id, display, granted, scope, password_hash, totp, now],
            )?;
            role(granted)
        })
    }

    pub fn invite(&self, token_hash: &str, role: Role, scope: &str, expires_at: At) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO invitation (token_hash, role, scope, expires_at) VALUES (?1,?2,?3,?4)",
                params![token_hash, role.as_str(), scope, expires_at],
            )?;
            Ok(())
        })
    }

    /// Every link that was given out ends.
    pub fn end_invitations(&self) -> Result<()> {
        self.write(|tx| Ok(tx.execute_batch("DELETE FROM invitation")?))
    }

    pub fn invitation_holds(&self, token_hash: &str, now: At) -> Result<bool> {
        let sql = "SELECT 1 FROM invitation WHERE token_hash = ?1 AND expires_at > ?2";
        self.read(|c| Ok(c.prepare_cached(sql)?.exists((token_hash, now))?))
    }

    /// Takes a time step as used; false if a later or equal one was. A mark beyond `latest`, the
    /// last step that any code can be of now, is of a clock that was ahead and keeps nobody out.
    pub fn use_totp_step(&self, id: &AccountId, step: i64, latest: i64) -> Result<bool> {
        let sql = "UPDATE account SET totp_last = ?2 WHERE id = ?1 AND (totp_last < ?2 OR \
            totp_last > ?3)";
        self.write(|tx| Ok(tx.execute(sql, params![id, step, latest])? == 1))
    }

    /// Ends every login of an account at once, whatever else fails; then its service as a
    /// custodian. Gives why that service goes on, where it does: nobody else holds a key that they
    /// holds, or the ledger can not be written.
    pub fn disable_account(&self, id: &AccountId, by: &str, now: At) -> Result<Option<StoreError>> {
        self.write(|tx| set_disabled(tx, id, true))?;
        let ledger = self.ledger.as_ref();
        let ended = self.write(|tx| custodians::end_of_account(tx, ledger, id, (by, now)));
        Ok(ended.err())
    }

    /// Who was a custodian makes new keys, and is let in again.
    pub fn enable_account(&self, id: &AccountId) -> Result<()> {
        self.write(|tx| set_disabled(tx, id, false))
    }

    pub fn log_in(
        &self,
        token_hash: &str,
        account: &AccountId,
        csrf: &str,
        now: At,
        expires_at: At,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM login WHERE expires_at <= ?1", [now])?;
            tx.execute(
                "INSERT INTO login VALUES (?1,?2,?3,?4,?5)",
                params![token_hash, account, csrf, now, expires_at],
            )?;
            Ok(())
        })
    }

    pub fn log_out(&self, token_hash: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM login WHERE token_hash = ?1", [token_hash])?;
            Ok(())
        })
    }

    /// After a restore: a login or an invitation that was ended since the backup must not come
    /// back.
    pub fn end_every_login(&self) -> Result<()> {
        self.write(|tx| Ok(tx.execute_batch("DELETE FROM login; DELETE FROM invitation;")?))
    }

    /// Whose cookie this is.
    pub fn who_by_login(&self, token_hash: &str, now: At) -> Result<Option<Who>> {
        let sql =
            "SELECT a.id, a.role, a.scope, l.csrf FROM login l JOIN account a ON a.id = l.account
            WHERE l.token_hash = ?1 AND l.expires_at > ?2 AND a.disabled = 0";
        self.read(|c| {
            let found = collect(c, sql, (token_hash, now), |r| {
                Ok(Who {
                    name: r.get(0)?,
                    role: role(r.get(1)?)?,
                    scope: r.get(2)?,
                    csrf: r.get(3)?,
                    by_token: false,
                    open_house: false,
                })
            })?;
            Ok(found.into_iter().next())
        })
    }

    pub fn put_api_token(
        &self,
        token_hash: &str,
        name: &str,
        role: Role,
        scope: &str,
        now: At,
        expires_at: At,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO api_token (token_hash, name, role, scope, created_at, expires_at) \
                VALUES (?1,?2,?3,?4,?5,?6)",
                params![token_hash, name, role.as_str(), scope, now, expires_at],
            )?;
            Ok(())
        })
    }

    /// Every API token, newest first; the token itself is nowhere.
    pub fn api_tokens(&self) -> Result<Vec<ApiToken>> {
        let sql = "SELECT substr(token_hash, 1, 16), name, role, scope, created_at, expires_at, \
            revoked FROM api_token ORDER BY created_at DESC, name";
        self.read(|c| {
            collect(c, sql, [], |r| {
                Ok(ApiToken {
                    id: r.get(0)?,
                    name: r.get(1)?,
                    role: role(r.get(2)?)?,
                    scope: r.get(3)?,
                    created_at: r.get(4)?,
                    expires_at: r.get(5)?,
                    revoked: r.get(6)?,
                })
            })
        })
    }

    pub fn revoke_api_token(&self, id: &ApiTokenId) -> Result<()> {
        self.write(|tx| {
            match tx.execute(
                "UPDATE api_token SET revoked = 1 WHERE substr(token_hash, 1, 16) = ?1",
                [id],
            )? {
                0 => Err(StoreError::Unknown { what: "API token", id: id.to_string() }),
                _ => Ok(()),
            }
        })
    }

    /// Whose API token this is.
    pub fn who_by_token(&self, token_hash: &str, now: At) -> Result<Option<Who>> {
        let sql = "SELECT name, role, scope FROM api_token WHERE token_hash = ?1 AND expires_at > \
            ?2 AND revoked = 0";
        self.read(|c| {
            let found = collect(c, sql, (token_hash, now), |r| {
                Ok(Who {
                    name: r.get(0)?,
                    role: role(r.get(1)?)?,
                    scope: r.get(2)?,
                    csrf: String::new(),
                    by_token: true,
                    open_house: false,
                })
            })?;
            Ok(found.into_iter().next())
        })
    }

    /// An entry that belongs to no part of the country: of the server itself.
    pub fn audit(&self, deed: &Deed, now: At) -> Result<()> {
        self.write(|tx| append_audit(tx, deed, now).map(|_| ()))
    }

    /// An entry with the place that it is about: what somebody with a scope does lies in their
    /// scope, of anybody else it is where these institutions lie.
    pub fn audit_at(&self, deed: &Deed, who: &Who, institutions: &[String], now: At) -> Result<()> {
        self.write(|tx| {
            let entry = append_audit(tx, deed, now)?;
            let place = |institution: &str| {
                super::column(tx, "SELECT jurisdiction FROM institution WHERE id = ?1", institution)
            };
            let mut places = BTreeSet::new();
            match who.role {
                Role::Clinic => places.extend(place(&who.scope)?),
                _ if !who.scope.is_empty() => places.extend([who.scope.clone()]),
                _ => {
                    for institution in institutions {
                        places.extend(place(institution)?);
                    }
                }
            }
            let mut insert = tx
                .prepare_cached("INSERT INTO audit_place VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
            for place in places {
                insert.execute(params![entry, place])?;
            }
            Ok(())
        })
    }

    /// How many entries there are, and the hash of the last.
    pub fn audit_head(&self) -> Result<(i64, String)> {
        self.read(|c| {
            let sql = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
            let last =
                c.prepare_cached(sql)?.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            Ok(last.unwrap_or((0, trust::ZERO_HASH.to_owned())))
        })
    }

    /// The hash of one entry, where there is one of this number.
    pub fn audit_hash(&self, entry: i64) -> Result<Option<String>> {
        self.read(|c| {
            Ok(c.prepare_cached("SELECT hash FROM audit WHERE id = ?1")?
                .query_row([entry], |r| r.get(0))
                .optional()?)
        })
    }

    /// The log, newest first, narrowed to entries that hold the text.
    pub fn audit_log(
        &self,
        search: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let it = AuditFilter { search: search.to_owned(), ..AuditFilter::default() };
        self.audit_log_of("", &it, before, limit)
    }

    /// The log, newest first, narrowed to entries of a part of the country (a prefix, empty for
    /// all) that hold the text. An entry that is also about another part is not shown to one part
    /// alone.
    pub fn audit_log_of(
        &self,
        scope: &str,
        it: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>> {
        let sql = format!(
            "{AUDIT} WHERE id < ?1
             AND (?2 = '' OR found(actor, ?2) OR found(object, ?2) OR found(why, ?2) OR
             found(action, ?2) OR EXISTS (SELECT 1 FROM json_each(?5) j WHERE
                instr(object, j.value) > 0) OR actor IN (SELECT value FROM json_each(?6)))
             AND (?7 = '' OR actor = ?7) AND (?8 = '' OR found(action, ?8))
             AND (?9 = '' OR found(object, ?9)) AND (?10 IS NULL OR at >= ?10)
             AND (?11 IS NULL OR at < ?11)
             AND (?4 = '' OR (EXISTS (SELECT 1 FROM audit_place p WHERE p.entry = id) AND NOT EXISTS
                (SELECT 1 FROM audit_place p WHERE p.entry = id AND substr(p.jurisdiction, 1,
                length(?4)) <> ?4)))
             ORDER BY id DESC LIMIT ?3"
        );
        let folded = crate::text::folded;
        let bound = params![
            before.unwrap_or(i64::MAX),
            folded(&it.search),
            limit.clamp(1, 1000),
            scope,
            serde_json::to_string(&it.also)?,
            serde_json::to_string(&it.actors)?,
            it.actor,
            folded(&it.action),
            folded(&it.object),
            it.from,
            it.until
        ];
        self.read(|c| collect(c, &sql, bound, entry))
    }

    /// Walks the whole chain; `Err` names the first entry that does not hold.
    pub fn verify_audit(&self) -> Result<std::result::Result<i64, i64>> {
        Ok(self.verify_audit_after(0, "")?.map(|(last, _)| last))
    }

    /// Walks the chain from behind an entry that was walked before (0: from the beginning); gives
    /// the last id and hash. `Err` names the first entry that does not hold.
    pub fn verify_audit_after(
        &self,
        id: i64,
        hash: &str,
    ) -> Result<std::result::Result<(i64, String), i64>> {
        self.walk_audit(id, hash, |_, _| {})
    }

    /// The same; each entry that holds is handed over with its hash.
    pub fn walk_audit(
        &self,
        id: i64,
        hash: &str,
        mut each: impl FnMut(i64, &str),
    ) -> Result<std::result::Result<(i64, String), i64>> {
        self.read(|c| {
            let mut prev = if id == 0 { trust::ZERO_HASH.to_owned() } else { hash.to_owned() };
            let mut last = id;
            let sql = format!("{AUDIT} WHERE id > ?1 ORDER BY id LIMIT {WALKED_AT_ONCE}");
            loop {
                let entries = collect(c, &sql, [last], entry)?;
                let ended = entries.len() < WALKED_AT_ONCE;
                for e in entries {
                    if !e.follows(last, &prev) {
                        return Ok(Err(last + 1));
                    }
                    (prev, last) = (e.hash, e.id);
                    each(last, &prev);
                }
                if ended {
                    return Ok(Ok((last, prev)));
                }
            }
        })
    }

    /// The whole log, oldest first, sealed by the server's key; gives how many entries.
    pub fn export_audit(
        &self,
        out: &mut impl std::io::Write,
        signer: &trust::SigningKey,
        now: At,
    ) -> Result<i64> {
        self.read(|c| {
            let entries = collect(c, &format!("{AUDIT} ORDER BY id"), [], entry)?;
            trust::audit::write(out, signer, &now.to_string(), entries.into_iter().map(Ok))
        })
    }
}

/// The next link of the log; gives its number.
fn append_audit(tx: &Connection, deed: &Deed, now: At) -> Result<i64> {
    let last: Option<(i64, String)> = tx
        .prepare_cached("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let (id, prev) =
        last.map_or_else(|| (1, trust::ZERO_HASH.to_owned()), |(id, hash)| (id + 1, hash));
    let mut it = AuditEntry {
        id,
        at: now.to_string(),
        actor: deed.actor.clone(),
        action: deed.action.clone(),
        object: deed.object.clone(),
        why: deed.why.clone(),
        status: deed.status,
        prev,
        hash: String::new(),
    };
    it.hash = it.made_hash();
    tx.prepare_cached("INSERT INTO audit VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)")?.execute(
        params![it.id, it.at, it.actor, it.action, it.object, it.why, it.status, it.prev, it.hash],
    )?;
    Ok(id)
}

/// Entries of the audit log that are read in one go.
const WALKED_AT_ONCE: usize = 4096;

const AUDIT: &str = "SELECT id, at, actor, action, object, why, status, prev, hash FROM audit";

/// Ends every login either way; a disabled account leaves no way back behind.
fn set_disabled(tx: &Transaction<'_>, id: &AccountId, disabled: bool) -> Result<()> {
    let sql = "UPDATE account SET disabled = ?2 WHERE id = ?1";
    let changed = tx.execute(sql, params![id, disabled])?;
    tx.execute("DELETE FROM login WHERE account = ?1", [id])?;
    if changed == 0 {
        return Err(StoreError::Unknown { what: "account", id: id.to_string() });
    }
    if disabled { end_links(tx, id) } else { Ok(()) }
}

fn account(r: &crate::store::engine::Row<'_>) -> Result<Account> {
    Ok(Account {
        id: r.get(0)?,
        display: r.get(1)?,
        role: role(r.get(2)?)?,
        scope: r.get(3)?,
        password_hash: r.get(4)?,
        totp: r.get(5)?,
        totp_last: r.get(6)?,
        disabled: r.get(7)?,
    })
}

fn entry(r: &crate::store::engine::Row<'_>) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: r.get(0)?,
        at: r.get(1)?,
        actor: r.get(2)?,
        action: r.get(3)?,
        object: r.get(4)?,
        why: r.get(5)?,
        status: r.get(6)?,
        prev: r.get(7)?,
        hash: r.get(8)?,
    })
}

#[cfg(test)]
mod tests;
