//! Who may come in: one code, ten tries, thirty minutes, from this network alone. Pure: time and
//! randomness are arguments.
//!
//! The code opens one session in one browser and is used up by it; a session that rests for thirty
//! minutes is over. When nothing can be opened any more the page ends, and somebody at the box has
//! to start it again.

use std::net::{IpAddr, Ipv6Addr};

/// Wrong codes that are borne.
pub const TRIES: u8 = 10;
/// How long the code waits for its use, and a session for its next request, ms.
pub const PATIENCE_MS: u64 = 30 * 60 * 1000;
/// Digits of the code.
const DIGITS: usize = 8;

/// How an attempt to come in went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOutcome {
    /// The session's token, for the cookie.
    In(String),
    Wrong {
        left: u8,
    },
    /// The code was used, or too late, or too often tried.
    Closed(&'static str),
}

/// The door of one start of the page.
pub struct Access {
    code: String,
    made_ms: u64,
    wrong: u8,
    session: Option<PageSession>,
}

struct PageSession {
    token: String,
    last_ms: u64,
}

/// Neither code nor token prints.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("wrong", &self.wrong)
            .field("used", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

impl Access {
    /// A door whose code is drawn from `random`.
    pub fn new(random: u64, now_ms: u64) -> Self {
        let code = format!("{:0DIGITS$}", random % 10_u64.pow(DIGITS as u32));
        Self { code, made_ms: now_ms, wrong: 0, session: None }
    }

    /// The code as it is shown: in two groups.
    pub fn shown(&self) -> String {
        let (left, right) = self.code.split_at(DIGITS / 2);
        format!("{left} {right}")
    }

    /// Tries a code; `token` becomes the session's where it is the right one. Blanks and hyphens in
    /// it do not count, nor the width of its digits.
    pub fn enter(&mut self, code: &str, token: String, now_ms: u64) -> EntryOutcome {
        if let Some(why) = self.over(now_ms) {
            return EntryOutcome::Closed(why);
        }
        if self.session.is_some() {
            return EntryOutcome::Closed("the code was used already");
        }
        let digits: String = text_fold::digits(code).chars().filter(|c| *c != '-').collect();
        if same(&digits, &self.code) {
            self.session = Some(PageSession { token: token.clone(), last_ms: now_ms });
            return EntryOutcome::In(token);
        }
        self.wrong = self.wrong.saturating_add(1);
        match TRIES.saturating_sub(self.wrong) {
            0 => EntryOutcome::Closed(TOO_OFTEN),
            left => EntryOutcome::Wrong { left },
        }
    }

    /// Whether this cookie is the session's; keeps it awake.
    pub fn holds(&mut self, token: &str, now_ms: u64) -> bool {
        if self.over(now_ms).is_some() {
            return false;
        }
        match &mut self.session {
            Some(session) if same(token, &session.token) => {
                session.last_ms = now_ms;
                true
            }
            _ => false,
        }
    }

    /// Why nothing can be opened here any more; `None` while it can.
    pub fn over(&self, now_ms: u64) -> Option<&'static str> {
        if self.wrong >= TRIES {
            return Some(TOO_OFTEN);
        }
        match &self.session {
            None if now_ms.saturating_sub(self.made_ms) >= PATIENCE_MS => {
                Some("the code was not used within 30 minutes")
            }
            Some(session) if now_ms.saturating_sub(session.last_ms) >= PATIENCE_MS => {
                Some("nobody used the page for 30 minutes")
            }
            _ => None,
        }
    }
}

const TOO_OFTEN: &str = "a wrong code was given 10 times";

/// In a time that does not tell where the first difference is.
fn same(given: &str, own: &str) -> bool {
    given.len() == own.len()
        && given.bytes().zip(own.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Whether an address lies on this machine or in this network: loopback, private, link-local,
/// unique local.
pub fn is_local(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_local(IpAddr::V4(v4)),
            None => v6 == Ipv6Addr::LOCALHOST || v6.is_unique_local() || v6.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: u64 = 60_000;

    fn door() -> Access {
        Access::new(9_912_345_678, 0)
    }

    #[test]
    fn the_code_opens_one_session_once() {
        let mut door = door();
        assert_eq!(door.shown(), "1234 5678");
        assert_eq!(door.enter("1234-5679", "t".into(), 1), EntryOutcome::Wrong { left: 9 });
        assert!(!door.holds("t", 1) && !door.holds("", 1), "nobody is in yet");
        assert_eq!(door.enter(" 1234 5678 ", "t".into(), 2), EntryOutcome::In("t".into()));
        assert!(door.holds("t", 3) && !door.holds("u", 3));
        assert_eq!(
            door.enter("12345678", "u".into(), 4),
            EntryOutcome::Closed("the code was used already")
        );
        assert!(door.holds("t", 5), "who is in stays in");
    }

    #[test]
    fn a_code_typed_wide_is_the_same_code() {
        for typed in [
            "１２３４５６７８",
            "１２３４－５６７８",
            "1234\u{3000}5678",
            "\u{feff}12345678\u{200b}",
        ] {
            assert_eq!(
                door().enter(typed, "t".into(), 1),
                EntryOutcome::In("t".into()),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn ten_wrong_codes_and_it_is_over_also_for_the_right_one() {
        let mut door = door();
        for left in (1..TRIES).rev() {
            assert_eq!(door.enter("00000000", String::new(), 1), EntryOutcome::Wrong { left });
        }
        assert_eq!(door.enter("", String::new(), 1), EntryOutcome::Closed(TOO_OFTEN));
        assert_eq!(door.enter("12345678", "t".into(), 2), EntryOutcome::Closed(TOO_OFTEN));
        assert!(door.over(2).is_some() && !door.holds("t", 2));
    }

    #[test]
    fn the_code_waits_thirty_minutes_and_a_session_rests_thirty() {
        let mut late = door();
        assert_eq!(late.over(30 * MIN - 1), None);
        assert!(matches!(late.enter("12345678", "t".into(), 30 * MIN),
                EntryOutcome::Closed(why) if why.contains("not used")));
        let mut door = door();
        assert_eq!(door.enter("12345678", "t".into(), 29 * MIN), EntryOutcome::In("t".into()));
        assert!(door.holds("t", 58 * MIN), "a session outlives its code");
        assert!(door.holds("t", 87 * MIN));
        assert!(!door.holds("t", 117 * MIN) && door.over(117 * MIN).is_some());
    }

    #[test]
    fn neither_code_nor_token_prints() {
        let mut door = door();
        door.enter("12345678", "secret".into(), 1);
        let said = format!("{door:?}");
        assert!(!said.contains("1234") && !said.contains("secret"), "{said}");
    }

    #[test]
    fn only_this_network_is_local() {
        for local in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.9",
            "192.168.1.7",
            "169.254.7.7",
            "::1",
            "fe80::1",
            "fd00::7",
            "::ffff:192.168.1.7",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for far in [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "ff02::1",
        ] {
            assert!(!is_local(far.parse().unwrap()), "{far}");
        }
    }
}
