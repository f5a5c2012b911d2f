//! What an account may and how that changed, invitations that wait, and codes for whoever lost the
//! second factor. Each is one transaction. It never sees a code or a link, only hashes and sealed
//! links.

use super::engine::{OptionalExtension as _, Transaction, params};

use super::rows::collect;
use super::{Result, Store, StoreError, custodians};
use crate::access::Role;
use crate::clock::At;
use crate::ids::{AccountId, InvitationId};

/// What an account may from now on.
#[derive(Debug, Clone, Copy)]
pub struct NewRights<'a> {
    pub account: &'a AccountId,
    pub role: Role,
    pub scope: &'a str,
    pub by: &'a str,
    pub why: &'a str,
    pub now: At,
}

/// How the rights of an account changed once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct RightsChange {
    /// RFC 3339, UTC.
    pub at: At,
    pub by: String,
    pub why: String,
    pub role_before: Role,
    pub scope_before: String,
    pub role_after: Role,
    pub scope_after: String,
}

/// An invitation as it is made.
#[derive(Debug, Clone, Copy)]
pub struct NewInvitation<'a> {
    pub token_hash: &'a str,
    pub role: Role,
    pub scope: &'a str,
    pub by: &'a str,
    pub now: At,
    pub expires_at: At,
    pub sealed_link: &'a [u8],
}

/// An invitation, or a link to a new password, that nobody used yet.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The first 16 hex digits of its hash.
    pub id: InvitationId,
    pub role: Role,
    pub scope: String,
    /// The account that gets a new password; `None` where the link makes a new one.
    pub account: Option<AccountId>,
    pub made_by: String,
    /// `None`: an earlier version made it, and did not note when.
    pub made_at: Option<At>,
    pub expires_at: At,
    /// `None` for a link to an account that stands, and for what was made by command.
    pub sealed_link: Option<Vec<u8>>,
}

impl Store {
    /// Role and scope of an account change; its logins and the links that it gave out end, and its
    /// service as a custodian.
    pub fn change_rights(&self, it: &NewRights<'_>) -> Result<()> {
        self.write(|tx| {
            let before: Option<(String, String)> = tx
                .query_row("SELECT role, scope FROM account WHERE id = ?1", [it.account], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })
                .optional()?;
            let unknown =
                || StoreError::Unknown { what: "account", id: it.account.to_owned().into() };
            let (role, scope) = before.ok_or_else(unknown)?;
            if role == it.role.as_str() && scope == it.scope {
                let why = "this account has this role and scope already";
                return Err(StoreError::Conflict(why.to_owned()));
            }
            tx.execute(
                "UPDATE account SET role = ?2, scope = ?3 WHERE id = ?1",
                params![it.account, it.role.as_str(), it.scope],
            )?;
            tx.execute(
                "INSERT INTO account_change (account, at, by, why, role_before, scope_before,
                 role_after, scope_after) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
                params![it.account, it.now, it.by, it.why, role, scope, it.role.as_str(), it.scope],
            )?;
            end_links(tx, it.account)?;
            tx.execute("DELETE FROM login WHERE account = ?1", [it.account])?;
            let ledger = self.ledger.as_ref();
            custodians::end_of_account(tx, ledger, it.account, (it.by, it.now))
        })
    }

    /// How the rights of an account changed, the last change first.
    pub fn rights_changes(&self, account: &AccountId) -> Result<Vec<RightsChange>> {
        let sql = "SELECT at, by, why, role_before, scope_before, role_after, scope_after FROM
            account_change WHERE account = ?1 ORDER BY id DESC LIMIT 500";
        self.read(|c| {
            collect(c, sql, [account], |r| {
                Ok(RightsChange {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    why: r.get(2)?,
                    role_before: super::named(r.get(3)?)?,
                    scope_before: r.get(4)?,
                    role_after: super::named(r.get(5)?)?,
                    scope_after: r.get(6)?,
                })
            })
        })
    }

    /// An invitation that stands in the list until somebody uses it.
    pub fn invite_listed(&self, it: &NewInvitation<'_>) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "INSERT INTO invitation (token_hash, role, scope, expires_at, made_by, made_at,
                 sealed_link) VALUES (?1,?2,?3,?4,?5,?6,?7)",
                params![
                    it.token_hash,
                    it.role.as_str(),
                    it.scope,
                    it.expires_at,
                    it.by,
                    it.now,
                    it.sealed_link
                ],
            )?;
            Ok(())
        })
    }

    /// Links that nobody used and that still hold.
    pub fn invitations_waiting(&self, now: At) -> Result<Vec<Invitation>> {
        let sql = "SELECT substr(token_hash, 1, 16), role, scope, account, made_by,
            nullif(made_at, ''), expires_at, sealed_link FROM invitation
            WHERE expires_at > ?1 ORDER BY expires_at DESC";
        self.read(|c| {
            collect(c, sql, [now], |r| {
                Ok(Invitation {
                    id: r.get(0)?,
                    role: super::named(r.get(1)?)?,
                    scope: r.get(2)?,
                    account: r.get(3)?,
                    made_by: r.get(4)?,
                    made_at: r.get(5)?,
                    expires_at: r.get(6)?,
                    sealed_link: r.get(7)?,
                })
            })
        })
    }

    /// The link opens nothing from here on.
    pub fn withdraw_invitation(&self, id: &InvitationId) -> Result<()> {
        let sql = "DELETE FROM invitation WHERE substr(token_hash, 1, 16) = ?1";
        self.write(|tx| match tx.execute(sql, [id])? {
            0 => Err(StoreError::Unknown { what: "invitation", id: id.to_string() }),
            _ => Ok(()),
        })
    }

    /// Recovery codes in place of all earlier ones.
    pub fn set_recovery_codes(
        &self,
        account: &AccountId,
        hashes: &[String],
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            end_recovery_codes(tx, account)?;
            for hash in hashes {
                tx.execute("INSERT INTO recovery_code VALUES (?1, ?2, ?3)", (account, hash, now))?;
            }
            Ok(())
        })
    }

    /// Uses a code up; false where it is none of the account.
    pub fn use_recovery_code(&self, account: &AccountId, hash: &str) -> Result<bool> {
        let sql = "DELETE FROM recovery_code WHERE account = ?1 AND code_hash = ?2";
        self.write(|tx| Ok(tx.execute(sql, params![account, hash])? == 1))
    }

    pub fn recovery_codes_left(&self, account: &AccountId) -> Result<i64> {
        let sql = "SELECT count(*) FROM recovery_code WHERE account = ?1";
        self.read(|c| Ok(c.prepare_cached(sql)?.query_row([account], |r| r.get(0))?))
    }
}

/// Links and API tokens that an account gave out, and links to a new password of its own: through
/// one of them whoever was sent away would come back.
pub(super) fn end_links(tx: &Transaction<'_>, account: &AccountId) -> Result<()> {
    tx.execute("DELETE FROM invitation WHERE made_by = ?1 OR account = ?1", [account])?;
    // A token's name ends in whose it is; what stands before is its maker's word.
    let owner = token_owner(account);
    let sql = "UPDATE api_token SET revoked = 1
        WHERE substr(name, length(name) - length(?1) + 1) = ?1";
    tx.execute(sql, [owner])?;
    Ok(())
}

/// How the name of an API token ends, by which the audit log knows whose it is.
pub fn token_owner(account: &str) -> String {
    format!(" (token of {account})")
}

/// Codes belong to a second factor and end with it.
pub(super) fn end_recovery_codes(tx: &Transaction<'_>, account: &AccountId) -> Result<()> {
    tx.execute("DELETE FROM recovery_code WHERE account = ?1", [account])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_accounts_tokens_end_and_no_others() {
        let (store, _dir) = with_wang();
        let tokens =
            ["a (token of wang)", "b (token of li.wang)", "c (token of wang) (token of x)"];
        for (n, name) in tokens.iter().enumerate() {
            let hash = format!("{n:064}");
            store.put_api_token(&hash, name, Role::Auditor, "", NOW, LATER).unwrap();
        }
        assert!(store.disable_account(&"wang".parse().unwrap(), "chen", NOW).unwrap().is_none());
        let ended: Vec<bool> = (0..3)
            .map(|n| store.who_by_token(&format!("{n:064}"), NOW).unwrap().is_none())
            .collect();
        assert_eq!(ended, [true, false, false]);
    }

    /// 2026-03-02T00:00:00Z.
    const NOW: At = At::of_s(1_772_409_600);
    const LATER: At = At::of_s(1_772_496_000);

    fn with_wang() -> (Store, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.invite("h", Role::Reviewer, "5101", LATER).unwrap();
        store
            .accept_invitation("h", &"wang".parse().unwrap(), "wang", "p", Some(b"sealed"), NOW)
            .unwrap();
        (store, dir)
    }

    static WANG: std::sync::LazyLock<AccountId> =
        std::sync::LazyLock::new(|| "wang".parse().unwrap());

    fn to(role: Role, scope: &str) -> NewRights<'_> {
        NewRights { account: &WANG, role, scope, by: "li", why: "transferred", now: NOW }
    }

    #[test]
    fn a_changed_role_ends_logins_and_is_remembered() {
        let (store, _dir) = with_wang();
        store.log_in("t", &"wang".parse().unwrap(), "", NOW, LATER).unwrap();
        assert!(store.change_rights(&to(Role::Reviewer, "5101")).is_err(), "nothing changed");
        store.change_rights(&to(Role::Auditor, "")).unwrap();
        assert!(store.who_by_login("t", NOW).unwrap().is_none(), "an old login went on");
        let changes = store.rights_changes(&"wang".parse().unwrap()).unwrap();
        let one = &changes[0];
        assert_eq!(
            (changes.len(), one.role_before, one.scope_before.as_str(), one.role_after),
            (1, Role::Reviewer, "5101", Role::Auditor)
        );
        let nobody = NewRights { account: &"nobody".parse().unwrap(), ..to(Role::Auditor, "") };
        assert!(matches!(store.change_rights(&nobody), Err(StoreError::Unknown { .. })));
    }

    #[test]
    fn a_recovery_code_works_once_and_ends_with_its_factor() {
        let (store, _dir) = with_wang();
        let codes = ["a".to_owned(), "b".to_owned()];
        store.set_recovery_codes(&"wang".parse().unwrap(), &codes, NOW).unwrap();
        assert!(!store.use_recovery_code(&"li".parse().unwrap(), "a").unwrap(), "somebody else's");
        assert!(store.use_recovery_code(&"wang".parse().unwrap(), "a").unwrap());
        assert!(!store.use_recovery_code(&"wang".parse().unwrap(), "a").unwrap(), "twice");
        store.set_totp(&"wang".parse().unwrap(), b"other", 7, "").unwrap();
        assert_eq!(store.recovery_codes_left(&"wang".parse().unwrap()).unwrap(), 0);
    }

    /// A new account's link that wang made, and one to a new password of each of both.
    fn with_links() -> (Store, tempfile::TempDir) {
        let (store, dir) = with_wang();
        store.invite("g", Role::Admin, "", LATER).unwrap();
        store.accept_invitation("g", &"li".parse().unwrap(), "li", "p", None, NOW).unwrap();
        let invitation = NewInvitation {
            token_hash: "made-by-wang",
            role: Role::Admin,
            scope: "",
            by: "wang",
            now: NOW,
            expires_at: LATER,
            sealed_link: b"sealed",
        };
        store.invite_listed(&invitation).unwrap();
        store
            .invite_listed(&NewInvitation { token_hash: "by-wu", by: "wu", ..invitation })
            .unwrap();
        store.invite_again("to-li", &"li".parse().unwrap(), "wang", NOW, LATER).unwrap();
        store.invite_again("to-wang", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        (store, dir)
    }

    fn only_foreign_links_hold(store: &Store) {
        for (link, holds) in
            [("made-by-wang", false), ("to-li", false), ("to-wang", false), ("by-wu", true)]
        {
            assert_eq!(store.invitation_holds(link, NOW).unwrap(), holds, "{link}");
        }
    }

    #[test]
    fn a_disabled_account_leaves_no_way_back() {
        let (store, _dir) = with_links();
        store.disable_account(&"wang".parse().unwrap(), "wu", NOW).unwrap();
        only_foreign_links_hold(&store);
        // A link that is given while it is disabled waits for it.
        store.invite_again("again", &"wang".parse().unwrap(), "wu", NOW, LATER).unwrap();
        store.enable_account(&"wang".parse().unwrap()).unwrap();
        assert!(store.invitation_holds("again", NOW).unwrap());
    }

    #[test]
    fn a_demoted_account_leaves_no_way_back() {
        let (store, _dir) = with_links();
        store.change_rights(&to(Role::Auditor, "")).unwrap();
        only_foreign_links_hold(&store);
    }

    #[test]
    fn a_withdrawn_invitation_opens_nothing() {
        let (store, _dir) = with_wang();
        let invitation = NewInvitation {
            token_hash: "0123456789abcdef-and-more",
            role: Role::Clinic,
            scope: "c-1",
            by: "li",
            now: NOW,
            expires_at: LATER,
            sealed_link: b"sealed",
        };
        store.invite_listed(&invitation).unwrap();
        let waiting = store.invitations_waiting(NOW).unwrap();
        assert_eq!((waiting.len(), waiting[0].made_by.as_str()), (1, "li"));
        assert!(store.invitations_waiting(LATER).unwrap().is_empty(), "out of date");
        store.withdraw_invitation(&"0123456789abcdef".parse().unwrap()).unwrap();
        assert!(store.invited(invitation.token_hash, NOW).unwrap().is_none());
        assert!(store.withdraw_invitation(&"0123456789abcdef".parse().unwrap()).is_err());
    }
}
