//! Marks in time that a clock which was ahead leaves behind: each is cut to its bound, so that
//! nobody is kept out, or let in, for longer than the rule says. And what an administrator clears.

use super::engine::params;

use super::{Result, Store, StoreError};
use crate::clock::At;
use crate::ids::AccountId;

/// The latest time that each mark may bear now.
#[derive(Debug, Clone)]
pub struct Bounds {
    pub login: At,
    pub invitation: At,
    pub delivery: At,
    /// A person's own link.
    pub personal_link: At,
    /// A token that registers a box.
    pub box_token: At,
    /// A box that may be commissioned again.
    pub unlock: At,
    pub api_token: At,
}

impl Store {
    /// Cuts marks that lie beyond their bounds; gives how many.
    pub fn cut_marks(&self, bounds: &Bounds) -> Result<usize> {
        let cut = [
            ("login", "expires_at", "", bounds.login),
            ("invitation", "expires_at", "", bounds.invitation),
            ("delivery", "next_at", "AND state = 'waiting'", bounds.delivery),
            ("personal_link", "expires_at", "", bounds.personal_link),
            ("device", "token_expires_at", "", bounds.box_token),
            ("commissioning", "unlocked_until", "", bounds.unlock),
            ("api_token", "expires_at", "", bounds.api_token),
        ];
        // Most often there is nothing to cut, and then nothing is written.
        let beyond = |(table, column, more, bound): &(&str, &str, &str, At)| -> Result<bool> {
            let sql = format!("SELECT 1 FROM {table} WHERE {column} > ?1 {more}");
            self.read(|c| Ok(c.prepare_cached(&sql)?.exists([bound])?))
        };
        let mut count = 0;
        for one in cut {
            if beyond(&one)? {
                let (table, column, more, bound) = one;
                let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {column} > ?1 {more}");
                count += self.write(|tx| Ok(tx.execute(&sql, [bound])?))?;
            }
        }
        Ok(count)
    }

    /// Asks the running server to forget the waits of an account, and forgets the last code that it
    /// used.
    pub fn clear_waits(&self, account: &AccountId, now: At) -> Result<()> {
        self.write(|tx| {
            if tx.execute("UPDATE account SET totp_last = 0 WHERE id = ?1", [account])? == 0 {
                return Err(StoreError::Unknown { what: "account", id: account.to_string() });
            }
            tx.execute(
                "INSERT INTO cleared_wait VALUES (?1, ?2) ON CONFLICT(account) DO UPDATE SET
                at = excluded.at",
                params![account, now],
            )?;
            Ok(())
        })
    }

    /// Whether this is told for the first time; from here on it was told.
    pub fn first_time(&self, what: &str, now: At) -> Result<bool> {
        self.write(|tx| {
            Ok(tx.execute(
                "INSERT INTO told_once VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (what, now),
            )? == 1)
        })
    }

    /// When the first of the boxes' certificates runs out that is in use: the newest of each box.
    pub fn first_certificate_to_end(&self) -> Result<Option<At>> {
        let sql = "SELECT min(last) FROM (SELECT max(c.expires_at) AS last FROM certificate c
            JOIN device d ON d.id = c.device
            WHERE c.revoked_at IS NULL AND d.state <> 'revoked' GROUP BY c.device) newest";
        self.read(|c| Ok(c.prepare_cached(sql)?.query_row([], |r| r.get(0))?))
    }

    /// Whether an administrator cleared the waits of an account since this was last asked.
    pub fn take_cleared_wait(&self, account: &AccountId) -> Result<bool> {
        let waiting = self.read(|c| {
            Ok(c.prepare_cached("SELECT 1 FROM cleared_wait WHERE account = ?1")?
                .exists([account])?)
        })?;
        if !waiting {
            return Ok(false);
        }
        self.write(|tx| {
            Ok(tx.execute("DELETE FROM cleared_wait WHERE account = ?1", [account])? > 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::clock::at;

    #[test]
    fn a_login_of_a_clock_that_was_ahead_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.invite("h", Role::Admin, "", at("2026-03-05T00:00:00.000Z")).unwrap();
        let ahead = at("2026-03-03T00:00:00.000Z");
        store.accept_invitation("h", &"wang".parse().unwrap(), "王", "p", None, ahead).unwrap();
        store
            .log_in("t", &"wang".parse().unwrap(), "", ahead, at("2026-03-03T10:00:00.000Z"))
            .unwrap();
        let bounds = Bounds {
            login: at("2026-03-02T10:00:00.000Z"),
            invitation: at("2026-03-05T00:00:00.000Z"),
            delivery: at("2026-03-03T00:00:00.000Z"),
            personal_link: at("2026-03-05T00:00:00.000Z"),
            box_token: at("2026-03-05T00:00:00.000Z"),
            unlock: at("2026-03-05T00:00:00.000Z"),
            api_token: at("2027-03-05T00:00:00.000Z"),
        };
        assert_eq!(store.cut_marks(&bounds).unwrap(), 1);
        assert_eq!(store.cut_marks(&bounds).unwrap(), 0);
        assert!(store.who_by_login("t", at("2026-03-02T09:59:00.000Z")).unwrap().is_some());
        assert!(store.who_by_login("t", at("2026-03-02T10:00:00.000Z")).unwrap().is_none());
    }

    #[test]
    fn each_way_in_of_a_clock_that_was_ahead_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let ahead = at("2027-03-02T00:00:00.000Z");
        store.invite("h", Role::Admin, "", ahead).unwrap();
        let link = crate::store::PersonalLink {
            person: "p-1".into(),
            purpose: crate::store::LinkPurpose::OwnData,
            made_by: "wang".into(),
        };
        store.put_personal_link("l", &link, at("2026-03-01T00:00:00.000Z"), ahead).unwrap();
        let bound = at("2026-03-02T10:00:00.000Z");
        let [login, invitation, delivery, personal_link, box_token, unlock, api_token] =
            [(); 7].map(|()| bound);
        let bounds =
            Bounds { login, invitation, delivery, personal_link, box_token, unlock, api_token };
        assert_eq!(store.cut_marks(&bounds).unwrap(), 2);
        assert_eq!(store.cut_marks(&bounds).unwrap(), 0);
    }

    #[test]
    fn what_was_told_is_told_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(
            store.first_time("x", At::of_s(1)).unwrap()
                && !store.first_time("x", At::of_s(2)).unwrap()
        );
        assert_eq!(store.first_certificate_to_end().unwrap(), None);
    }

    #[test]
    fn a_cleared_wait_is_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        assert!(
            store.clear_waits(&"wang".parse().unwrap(), at("2026-03-02T00:00:00.000Z")).is_err(),
            "of nobody"
        );
        store.invite("h", Role::Admin, "", at("2026-03-05T00:00:00.000Z")).unwrap();
        store
            .accept_invitation(
                "h",
                &"wang".parse().unwrap(),
                "王",
                "p",
                None,
                at("2026-03-02T00:00:00.000Z"),
            )
            .unwrap();
        store.use_totp_step(&"wang".parse().unwrap(), 5, 5).unwrap();
        store.clear_waits(&"wang".parse().unwrap(), at("2026-03-02T00:00:00.000Z")).unwrap();
        assert_eq!(store.account(&"wang".parse().unwrap()).unwrap().unwrap().totp_last, 0);
        assert!(store.take_cleared_wait(&"wang".parse().unwrap()).unwrap());
        assert!(!store.take_cleared_wait(&"wang".parse().unwrap()).unwrap());
    }

    #[test]
    fn a_code_step_of_a_clock_that_was_ahead_gives_way() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.invite("h", Role::Admin, "", at("2026-03-05T00:00:00.000Z")).unwrap();
        store
            .accept_invitation(
                "h",
                &"wang".parse().unwrap(),
                "王",
                "p",
                None,
                at("2026-03-02T00:00:00.000Z"),
            )
            .unwrap();
        assert!(store.use_totp_step(&"wang".parse().unwrap(), 3000, 3001).unwrap());
        assert!(
            !store.use_totp_step(&"wang".parse().unwrap(), 3000, 3001).unwrap(),
            "a code worked twice"
        );
        assert!(
            store.use_totp_step(&"wang".parse().unwrap(), 100, 101).unwrap(),
            "the mark of a clock that was ahead kept him out"
        );
        assert!(!store.use_totp_step(&"wang".parse().unwrap(), 100, 101).unwrap());
    }
}
