//! The life of an account that stands: a new password, a second factor, a way back in, and its
//! identity at a login provider. Each is one transaction. It never sees a password or a code, only
//! hashes and sealed secrets.

use super::engine::{OptionalExtension as _, Transaction, params};

use super::account_rights::end_recovery_codes;
use super::rows::collect;
use super::{Result, Store, StoreError};
use crate::access::Role;
use crate::access::oidc::ProviderIdentity;
use crate::clock::At;
use crate::ids::AccountId;

/// What a one-time link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    pub role: Role,
    /// The account that gets a new password; `None` where the link makes a new one.
    pub account: Option<AccountId>,
}

impl Store {
    /// What this link is for, while it holds.
    pub fn invited(&self, token_hash: &str, now: At) -> Result<Option<Invited>> {
        let sql = "SELECT role, account FROM invitation WHERE token_hash = ?1 AND expires_at > ?2";
        self.read(|c| {
            let invited = collect(c, sql, (token_hash, now), |r| {
                Ok(Invited { role: super::named(r.get(0)?)?, account: r.get(1)? })
            });
            Ok(invited?.pop())
        })
    }

    /// A one-time link to a new password of an account. An earlier link holds no longer; the
    /// password that stands does, until the link is used.
    pub fn invite_again(
        &self,
        token_hash: &str,
        account: &AccountId,
        by: &str,
        now: At,
        expires_at: At,
    ) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM invitation WHERE account = ?1", [account])?;
            let made = tx.execute(
                "INSERT INTO invitation (token_hash, role, scope, expires_at, account, made_by,
                 made_at) SELECT ?1, role, scope, ?3, id, ?4, ?5 FROM account WHERE id = ?2",
                (token_hash, account, expires_at, by, now),
            )?;
            if made == 0 {
                Err(StoreError::Unknown { what: "account", id: account.to_string() })
            } else {
                Ok(())
            }
        })
    }

    /// Uses such a link up: password and second factor are new; every login of the account ends,
    /// and its link to the login provider, which may be a stranger's.
    pub fn reset_account(
        &self,
        token_hash: &str,
        password_hash: &str,
        totp: Option<&[u8]>,
        now: At,
    ) -> Result<AccountId> {
        self.write(|tx| {
            let account: Option<AccountId> = tx
                .query_row(
                    "DELETE FROM invitation WHERE token_hash = ?1 AND expires_at > ?2 AND account \
                    IS NOT NULL RETURNING account",
                    (token_hash, now),
                    |r| r.get(0),
                )
                .optional()?;
            let used = || {
                StoreError::Conflict(
                    "this link is unknown, used or out of date: ask for a new \
                    one"
                    .to_owned(),
                )
            };
            let account = account.ok_or_else(used)?;
            tx.execute(
                "UPDATE account SET password_hash = ?2, totp = ?3, totp_last = 0 WHERE id = ?1",
                params![account, password_hash, totp],
            )?;
            end_recovery_codes(tx, &account)?;
            end_identities(tx, &account)?;
            end_logins(tx, &account, "")?;
            Ok(account)
        })
    }

    /// Another password; every other login than `kept` (the hash of its token) ends, and the link
    /// to the login provider: whoever knew the old password may have made it.
    pub fn set_password(&self, id: &AccountId, password_hash: &str, kept: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE account SET password_hash = ?2 WHERE id = ?1",
                params![id, password_hash],
            )?;
            end_identities(tx, id)?;
            end_logins(tx, id, kept)
        })
    }

    /// A second factor whose first code was typed at `step`; every other login than `kept` ends.
    pub fn set_totp(&self, id: &AccountId, sealed: &[u8], step: i64, kept: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE account SET totp = ?2, totp_last = ?3 WHERE id = ?1",
                params![id, sealed, step],
            )?;
            end_recovery_codes(tx, id)?;
            end_logins(tx, id, kept)
        })
    }

    /// Roles whose people need a second factor.
    pub fn second_factor_roles(&self) -> Result<Vec<Role>> {
        self.read(|c| {
            collect(c, "SELECT role FROM second_factor_role ORDER BY role", [], |r| {
                super::named(r.get(0)?)
            })
        })
    }

    pub fn set_second_factor_roles(&self, roles: &[Role]) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM second_factor_role", [])?;
            for role in roles {
                tx.execute(
                    "INSERT INTO second_factor_role VALUES (?1) ON CONFLICT DO NOTHING",
                    [role.as_str()],
                )?;
            }
            Ok(())
        })
    }

    /// Whether this account must set up a second factor before it does anything else.
    pub fn second_factor_due(&self, id: &AccountId) -> Result<bool> {
        let sql = "SELECT 1 FROM account a JOIN second_factor_role s ON s.role = a.role WHERE \
            a.id = ?1 AND a.totp IS NULL";
        self.read(|c| Ok(c.prepare_cached(sql)?.exists([id])?))
    }

    /// The account that this identity was linked to.
    pub fn account_of(&self, it: &ProviderIdentity) -> Result<Option<AccountId>> {
        let sql = "SELECT p.account FROM provider_identity p JOIN account a ON a.id = p.account
            WHERE p.issuer = ?1 AND p.subject = ?2 AND a.disabled = 0";
        self.read(|c| {
            Ok(c.prepare_cached(sql)?
                .query_row([&it.issuer, &it.subject], |r| r.get(0))
                .optional()?)
        })
    }

    /// When this account was linked to the provider.
    pub fn linked_at(&self, account: &AccountId) -> Result<Option<At>> {
        let sql = "SELECT max(linked_at) FROM provider_identity WHERE account = ?1";
        self.read(|c| Ok(c.prepare_cached(sql)?.query_row([account], |r| r.get(0))?))
    }

    /// Links an account to an identity, in place of an earlier one of that provider. One that
    /// vouches for another account is refused.
    pub fn link_identity(&self, account: &AccountId, it: &ProviderIdentity, now: At) -> Result<()> {
        self.write(|tx| {
            let sql = "SELECT 1 FROM provider_identity WHERE issuer = ?1 AND subject = ?2 AND \
                account <> ?3";
            if tx.prepare_cached(sql)?.exists(params![it.issuer, it.subject, account])? {
                let why = "this identity at the login provider belongs to another account here";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            tx.execute(
                "DELETE FROM provider_identity WHERE account = ?1 AND issuer = \
                ?2",
                params![account, it.issuer],
            )?;
            tx.execute(
                "INSERT INTO provider_identity VALUES \
                (?1,?2,?3,?4)",
                (&it.issuer, &it.subject, account, now),
            )?;
            Ok(())
        })
    }

    pub fn unlink_identity(&self, account: &AccountId) -> Result<()> {
        self.write(|tx| end_identities(tx, account))
    }
}

fn end_identities(tx: &Transaction<'_>, account: &AccountId) -> Result<()> {
    tx.execute("DELETE FROM provider_identity WHERE account = ?1", [account])?;
    Ok(())
}

fn end_logins(tx: &Transaction<'_>, account: &AccountId, kept: &str) -> Result<()> {
    tx.execute(
        "DELETE FROM login WHERE account = ?1 AND token_hash <> ?2",
        params![account, kept],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-02T00:00:00Z.
    const NOW: At = At::of_s(1_772_409_600);
    const LATER: At = At::of_s(1_772_496_000);

    fn with_wang() -> (Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (link, name) in [("h", "wang"), ("g", "li")] {
            store.invite(link, Role::Reviewer, "5101", LATER).unwrap();
            store
                .accept_invitation(link, &name.parse().unwrap(), name, "p", Some(b"sealed"), NOW)
                .unwrap();
        }
        (store, dir)
    }

    #[test]
    fn an_account_never_stands_without_its_second_factor() {
        let (store, _dir) = with_wang();
        assert_eq!(
            store.account(&"wang".parse().unwrap()).unwrap().unwrap().totp.as_deref(),
            Some(b"sealed".as_slice())
        );
    }

    #[test]
    fn a_reset_ends_logins_and_works_once() {
        let (store, _dir) = with_wang();
        store.log_in("t", &"wang".parse().unwrap(), "", NOW, LATER).unwrap();
        store.invite_again("first", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        store.invite_again("second", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        assert!(
            store.reset_account("first", "q", None, NOW).is_err(),
            "an earlier link still held"
        );
        assert!(store.who_by_login("t", NOW).unwrap().is_some(), "asking for a link ended a login");
        assert!(
            store
                .accept_invitation("second", &"new".parse().unwrap(), "x", "p", None, NOW)
                .is_err(),
            "a reset made an account"
        );
        assert_eq!(store.reset_account("second", "q", None, NOW).unwrap(), "wang");
        let wang = store.account(&"wang".parse().unwrap()).unwrap().unwrap();
        assert_eq!(
            (wang.password_hash.as_str(), wang.totp, wang.role),
            ("q", None, Role::Reviewer)
        );
        assert!(store.who_by_login("t", NOW).unwrap().is_none());
        assert!(store.reset_account("second", "r", None, NOW).is_err());
        assert!(store.invite_again("third", &"nobody".parse().unwrap(), "wu", NOW, LATER).is_err());
    }

    #[test]
    fn a_new_password_ends_every_other_login() {
        let (store, _dir) = with_wang();
        for token in ["mine", "stolen"] {
            store.log_in(token, &"wang".parse().unwrap(), "", NOW, LATER).unwrap();
        }
        store.set_password(&"wang".parse().unwrap(), "q", "mine").unwrap();
        assert!(store.who_by_login("mine", NOW).unwrap().is_some());
        assert!(store.who_by_login("stolen", NOW).unwrap().is_none());
    }

    #[test]
    fn an_identity_vouches_for_one_account() {
        let (store, _dir) = with_wang();
        let of = |subject: &str| ProviderIdentity {
            issuer: "https://i".into(),
            subject: subject.into(),
        };
        store.link_identity(&"wang".parse().unwrap(), &of("1"), NOW).unwrap();
        assert!(store.link_identity(&"li".parse().unwrap(), &of("1"), NOW).is_err());
        store.link_identity(&"wang".parse().unwrap(), &of("2"), NOW).unwrap();
        assert_eq!(store.account_of(&of("1")).unwrap(), None, "the former identity still opens");
        assert_eq!(store.account_of(&of("2")).unwrap().as_deref(), Some("wang"));
        let elsewhere = ProviderIdentity { issuer: "https://j".into(), ..of("2") };
        assert_eq!(store.account_of(&elsewhere).unwrap(), None, "another issuer's subject opens");
        store.disable_account(&"wang".parse().unwrap(), "wu", NOW).unwrap();
        assert_eq!(store.account_of(&of("2")).unwrap(), None, "a disabled account comes in");
    }

    #[test]
    fn a_linked_identity_ends_with_the_password() {
        let (store, _dir) = with_wang();
        let it = ProviderIdentity { issuer: "https://i".into(), subject: "1".into() };
        store.link_identity(&"wang".parse().unwrap(), &it, NOW).unwrap();
        store.set_password(&"wang".parse().unwrap(), "q", "").unwrap();
        assert_eq!(store.account_of(&it).unwrap(), None, "it outlived a new password");
        store.link_identity(&"wang".parse().unwrap(), &it, NOW).unwrap();
        store.invite_again("r", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        assert!(store.account_of(&it).unwrap().is_some(), "asking for a link ended it");
        store.reset_account("r", "q", None, NOW).unwrap();
        assert_eq!(store.account_of(&it).unwrap(), None, "it outlived a reset");
    }

    #[test]
    fn a_role_that_needs_a_second_factor_is_told_so() {
        let (store, _dir) = with_wang();
        store.set_second_factor_roles(&[Role::Reviewer]).unwrap();
        assert!(!store.second_factor_due(&"wang".parse().unwrap()).unwrap());
        store.invite_again("r", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        store.reset_account("r", "q", None, NOW).unwrap();
        assert!(store.second_factor_due(&"wang".parse().unwrap()).unwrap());
        store.set_totp(&"wang".parse().unwrap(), b"s", 7, "").unwrap();
        assert!(!store.second_factor_due(&"wang".parse().unwrap()).unwrap());
    }
}
