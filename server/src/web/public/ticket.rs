//! What the public forms carry instead of a cookie: a signed ticket that is spent once, the proof
//! of work that a flood costs, and the receipt of 20 digits. Pure but for randomness.

use sha2::{Digest as _, Sha256};

use crate::problem::Problem;
use crate::vault::Key;

/// Nobody reads a form and fills it in faster.
pub(super) const LEAST_AGE_S: i64 = 20;
pub(super) const MOST_AGE_S: i64 = 2 * 3600;

/// How crowded it is: 0 costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Level(pub(super) u8);

/// So many reports may wait before it costs.
const FREE_QUEUE: u64 = 200;
/// Of the queue, at most; four times as many make the next.
const MOST_OF_QUEUE: u8 = 5;

impl Level {
    /// The longer the queue, the more work: each level of it is four times as long.
    pub(super) fn of_queue(reports: u64) -> Self {
        let over =
            (1..=MOST_OF_QUEUE).take_while(|n| reports >= FREE_QUEUE * 4u64.pow(u32::from(*n) - 1));
        Self(over.last().unwrap_or(0))
    }

    /// Leading zero bits of the proof; about 2 to the power of it hashes.
    pub(super) fn bits(self) -> u32 {
        if self.0 == 0 { 0 } else { 12 + 2 * u32::from(self.0) }
    }

    /// How old a ticket is without a proof: whoever has no script pays by waiting.
    pub(super) fn wait_s(self) -> i64 {
        LEAST_AGE_S * 3i64.pow(self.0.min(3).into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TicketFault {
    Unreadable,
    TooOld,
    /// Seconds that are left.
    TooYoung(i64),
}

/// Under which something is put in: random, with no clock in it. A ticket names the second in which
/// its page was opened, and nobody keeps that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Nonce(String);

impl Nonce {
    pub(super) fn new() -> Result<Self, Problem> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(|e| Problem::internal(&e))?;
        Ok(Self(hex::encode(bytes)))
    }

    /// Of a program's request: no form's begins like this, so that a token leads to no other
    /// receipt.
    pub(super) fn of_program(self) -> Self {
        Self(format!("{PROGRAMS}{}", self.0))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a program's token begins with.
pub(super) const PROGRAMS: &str = "open311-";

/// A ticket that is ours and in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) nonce: Nonce,
    /// By a proof of work.
    pub(super) paid: bool,
}

/// A new form's ticket.
pub(super) fn issue(key: &Key, now_s: i64) -> Result<String, Problem> {
    let body = format!("{now_s}.{}", Nonce::new()?.as_str());
    Ok(format!("{body}.{}", mac(key, &body)))
}

fn mac(key: &Key, body: &str) -> String {
    let mut mac = key.keyed("form ticket", body);
    mac.truncate(32);
    mac
}

/// Whether a form that comes back may keep its ticket: ours, and not too old.
pub(super) fn keeps(key: &Key, ticket: &str, now_s: i64) -> bool {
    let young = check(key, ticket, "", Level(0), now_s);
    matches!(young, Ok(_) | Err(TicketFault::TooYoung(_)))
}

/// Whether it is one of ours and not older than a day: such a form may bring its pictures.
pub(super) fn is_ours(key: &Key, ticket: &str, now_s: i64) -> bool {
    read(key, ticket).is_ok_and(|(_, issued)| (0..=24 * 3600).contains(&(now_s - issued)))
}

/// The nonce, and when it was issued.
fn read(key: &Key, ticket: &str) -> Result<(Nonce, i64), TicketFault> {
    let (body, signed) = ticket.rsplit_once('.').ok_or(TicketFault::Unreadable)?;
    let (issued, nonce) = body.split_once('.').ok_or(TicketFault::Unreadable)?;
    let issued: i64 = issued.parse().map_err(|_| TicketFault::Unreadable)?;
    if !is_same(mac(key, body).as_bytes(), signed.as_bytes()) || nonce.len() != 32 {
        return Err(TicketFault::Unreadable);
    }
    Ok((Nonce(nonce.to_owned()), issued))
}

/// Takes as long wherever two of one length differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0u8, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && std::hint::black_box(differ) == 0
}

/// Reads a ticket; `work` is what the browser found, empty without script.
pub(super) fn check(
    key: &Key,
    ticket: &str,
    work: &str,
    level: Level,
    now_s: i64,
) -> Result<Ticket, TicketFault> {
    let (nonce, issued) = read(key, ticket)?;
    let age_s = now_s - issued;
    if !(0..=MOST_AGE_S).contains(&age_s) {
        return Err(TicketFault::TooOld);
    }
    let paid = level.0 > 0 && is_proof(ticket, work, level.bits());
    let least = if paid { LEAST_AGE_S } else { level.wait_s() };
    if age_s < least {
        return Err(TicketFault::TooYoung(least - age_s));
    }
    Ok(Ticket { nonce, paid })
}

/// Whether SHA-256 of `ticket:work` begins with so many zero bits.
pub(super) fn is_proof(ticket: &str, work: &str, bits: u32) -> bool {
    if work.is_empty() || work.len() > 20 {
        return false;
    }
    let hash = Sha256::digest(format!("{ticket}:{work}"));
    let mut zeros = 0;
    for byte in hash {
        zeros += byte.leading_zeros();
        if byte != 0 {
            break;
        }
    }
    zeros >= bits
}

const DIGITS: u128 = 100_000_000_000_000_000_000;

/// The receipt that belongs to a ticket: 20 digits. A form that is sent twice has one receipt.
pub(super) fn receipt(key: &Key, nonce: &str) -> String {
    let hash = key.keyed("receipt of a ticket", nonce);
    let number = u128::from_str_radix(&hash[..32], 16).unwrap_or_default();
    format!("{:020}", number % DIGITS)
}

/// As it is shown, in groups of four.
pub(super) fn grouped(receipt: &str) -> String {
    let digits: Vec<char> = receipt.chars().collect();
    digits.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

/// As it is stored: nobody computes it without the key. `None` where it is no receipt.
pub(super) fn receipt_mac(key: &Key, typed: &str) -> Option<String> {
    let digits: String =
        crate::text::digits(typed).chars().filter(|c| !matches!(c, '-' | '.')).collect();
    let whole = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| key.keyed("receipt", &digits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> Key {
        Key::from_bytes([7; 32])
    }

    #[test]
    fn a_ticket_holds_between_20_seconds_and_two_hours() {
        let ticket = issue(&key(), 1000).unwrap();
        let at = |now_s| check(&key(), &ticket, "", Level(0), now_s);
        assert_eq!(at(1019), Err(TicketFault::TooYoung(1)));
        assert!(at(1020).is_ok() && at(1000 + MOST_AGE_S).is_ok());
        assert_eq!(at(1001 + MOST_AGE_S), Err(TicketFault::TooOld));
        assert_eq!(at(999), Err(TicketFault::TooOld), "made in the future");
        let other = check(&Key::from_bytes([8; 32]), &ticket, "", Level(0), 1020);
        assert_eq!(other, Err(TicketFault::Unreadable));
    }

    #[test]
    fn a_flood_costs_work_or_time() {
        let ticket = issue(&key(), 1000).unwrap();
        let work =
            (0u64..10_000_000).map(|n| n.to_string()).find(|w| is_proof(&ticket, w, 14)).unwrap();
        assert!(check(&key(), &ticket, &work, Level(1), 1020).is_ok());
        let wrong = (0u64..99).map(|n| n.to_string()).find(|w| !is_proof(&ticket, w, 14)).unwrap();
        let refused = check(&key(), &ticket, &wrong, Level(1), 1020);
        assert_eq!(refused, Err(TicketFault::TooYoung(40)), "work that is none was paid with");
        assert_eq!(check(&key(), &ticket, "", Level(1), 1020), Err(TicketFault::TooYoung(40)));
        assert!(check(&key(), &ticket, "", Level(1), 1060).is_ok(), "without script it waits");
        assert!(!is_proof(&ticket, "", 0) && Level(3).bits() == 18);
    }

    #[test]
    fn a_longer_queue_costs_more_bits() {
        let bits: Vec<u32> = [0, 199, 200, 800, 3200, 12_800, 51_200, 1_000_000]
            .map(|reports| Level::of_queue(reports).bits())
            .to_vec();
        assert_eq!(bits, [0, 0, 14, 16, 18, 20, 22, 22]);
        assert_eq!(Level::of_queue(51_200).wait_s(), Level(3).wait_s(), "waiting has an end");
    }

    #[test]
    fn a_receipt_is_read_however_it_is_typed() {
        let digits = receipt(&key(), "nonce");
        assert_eq!(digits.len(), 20);
        let wide: String =
            digits.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        let stored = receipt_mac(&key(), &digits);
        assert!(stored.is_some());
        for typed in [grouped(&digits), wide, format!(" {digits} ")] {
            assert_eq!(receipt_mac(&key(), &typed), stored, "{typed}");
        }
        assert_eq!(receipt_mac(&key(), &digits[1..]), None);
    }

    proptest! {
        #[test]
        fn rubbish_is_no_ticket(text in "\\PC{0,120}", work in "\\PC{0,20}") {
            prop_assert!(check(&key(), &text, &work, Level(2), 1000).is_err());
            let _ = receipt_mac(&key(), &text);
        }
    }
}
