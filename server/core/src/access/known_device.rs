//! A signed cookie of a browser in which an account logged in before: guesses elsewhere do not make
//! it wait.
//!
//! It opens nothing: the password is still asked for, and guesses with one cookie are counted for
//! that cookie. It names no account in clear, so a shared browser tells nobody who used it. Pure
//! but for the random number.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::vault::Key;

/// How long a browser is known after its last login, seconds.
pub const KNOWN_S: i64 = 180 * 24 * 3600;
/// Accounts that one browser is known by; the oldest goes first.
const ACCOUNTS_MAX: usize = 4;
const BETWEEN: char = '~';

/// What the cookie of this browser proves for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// Random; guesses are counted by it.
    pub nonce: String,
}

/// Signs and checks the cookies.
#[derive(Debug, Clone, Copy)]
pub struct KnownDevices<'a> {
    master: &'a Key,
}

impl<'a> KnownDevices<'a> {
    pub fn new(master: &'a Key) -> Self {
        Self { master }
    }

    /// The browser as `account` knows it, if the cookie says so and is not out of date.
    pub fn read(self, cookie: &str, account: &str, now_s: i64) -> Option<KnownDevice> {
        cookie.split(BETWEEN).take(ACCOUNTS_MAX).find_map(|one| {
            let (said, mac) = one.rsplit_once('.')?;
            let (nonce, issued) = said.split_once('.')?;
            let issued: i64 = issued.parse().ok()?;
            let fresh = (issued..issued.checked_add(KNOWN_S)?).contains(&now_s);
            let sound = self.mac(account, said)?.verify_slice(&hex::decode(mac).ok()?).is_ok();
            (fresh && sound).then(|| KnownDevice { nonce: nonce.to_owned() })
        })
    }

    /// The cookie after a login: this account first, and the others that the browser was known by.
    pub fn issue(self, before: &str, account: &str, nonce: &str, now_s: i64) -> Option<String> {
        let said = format!("{nonce}.{now_s}");
        let mac = hex::encode(self.mac(account, &said)?.finalize().into_bytes());
        let mut all = vec![format!("{said}.{mac}")];
        let own = |one: &&str| self.read(one, account, now_s).is_some();
        let plain =
            |one: &&str| one.len() < 200 && one.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.');
        let others = before.split(BETWEEN).filter(|one| !one.is_empty() && plain(one) && !own(one));
        all.extend(others.take(ACCOUNTS_MAX - 1).map(str::to_owned));
        Some(all.join(&BETWEEN.to_string()))
    }

    fn mac(self, account: &str, said: &str) -> Option<Hmac<Sha256>> {
        // HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.master.bytes()).ok()?;
        mac.update(format!("zaigang/v1/known-device\n{account}\n{said}").as_bytes());
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_holds_for_its_account_and_its_time() {
        let key = Key::from_bytes([7; 32]);
        let devices = KnownDevices::new(&key);
        let cookie = devices.issue("", "wang", "ab12", 1000).unwrap();
        assert_eq!(devices.read(&cookie, "wang", 1001).unwrap().nonce, "ab12");
        assert_eq!(devices.read(&cookie, "li", 1001), None);
        assert_eq!(devices.read(&cookie, "wang", 1000 + KNOWN_S), None);
        assert_eq!(devices.read(&cookie, "wang", 999), None);
        assert_eq!(devices.read(&cookie.replace("ab12", "ab13"), "wang", 1001), None);
        assert_eq!(KnownDevices::new(&Key::from_bytes([8; 32])).read(&cookie, "wang", 1001), None);
    }

    #[test]
    fn a_shared_browser_is_known_by_the_last_four_accounts() {
        let key = Key::from_bytes([7; 32]);
        let devices = KnownDevices::new(&key);
        let mut cookie = "x y;é".to_owned();
        for (n, name) in ["a", "b", "c", "d", "e", "e"].into_iter().enumerate() {
            cookie = devices.issue(&cookie, name, &format!("0{n}"), 1000).unwrap();
        }
        let known: Vec<_> =
            ["a", "b", "c", "d", "e"].map(|n| devices.read(&cookie, n, 1001).is_some()).to_vec();
        assert_eq!(known, [false, true, true, true, true], "{cookie}");
    }

    /// Outside bytes: nothing panics, nothing is believed.
    #[test]
    fn a_cookie_of_rubbish_proves_no_device() {
        let key = Key::from_bytes([7; 32]);
        let devices = KnownDevices::new(&key);
        for cookie in
            ["", ".", "..", "~~~", "a.9223372036854775807.00", "a.-1.zz", "🦀.1.ab", "a.1."]
        {
            assert_eq!(devices.read(cookie, "wang", 5), None, "{cookie}");
            assert!(devices.issue(cookie, "wang", "00", 5).is_some());
        }
    }
}
