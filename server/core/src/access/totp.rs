//! Time-based one-time codes (RFC 6238: SHA-1, 30 s, 6 digits), pure: the time is an argument, a
//! code works once.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

const STEP_S: i64 = 30;
/// Steps before and after that are accepted for a phone whose clock is off.
const SLACK: i64 = 1;

fn code(secret: &[u8], step: i64) -> Option<u32> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[19] & 0x0f);
    let bytes = [digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    Some(u32::from_be_bytes(bytes) % 1_000_000)
}

/// The last step that any code can be of now.
pub fn latest_step(now_s: i64) -> i64 {
    now_s / STEP_S + SLACK
}

/// The time step that this code belongs to, if it is right now and above `last_used`. A step used
/// beyond [`latest_step`] was used while this machine's clock was ahead: it is no mark of now.
pub fn check(secret: &[u8], typed: &str, now_s: i64, last_used: i64) -> Option<i64> {
    let digits = crate::text::digits(typed);
    if digits.len() != 6 {
        return None;
    }
    let typed: u32 = digits.parse().ok()?;
    let now = now_s / STEP_S;
    let last_used = if last_used > latest_step(now_s) { i64::MIN } else { last_used };
    (now - SLACK..=now + SLACK).find(|step| *step > last_used && code(secret, *step) == Some(typed))
}

/// RFC 4648 base32 without padding, as authenticator apps read it.
pub fn base32(secret: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in secret {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(held << (5 - bits) & 31) as usize]));
    }
    text
}

/// What an authenticator app scans.
pub fn uri(secret: &[u8], account: &str) -> String {
    format!("otpauth://totp/Zaigang:{account}?secret={}&issuer=Zaigang", base32(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_of_rfc_6238_appendix_b_hold() {
        for (at, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(check(SECRET, expected, at, 0), Some(at / 30), "at {at}");
        }
    }

    #[test]
    fn a_code_of_a_chinese_keyboard_is_the_same_code() {
        assert_eq!(check(SECRET, "２８７０８２", 59, 0), Some(1));
        assert_eq!(check(SECRET, "２８７\u{3000}０８２", 59, 0), Some(1));
        assert_eq!(check(SECRET, "٢٨٧٠٨٢", 59, 0), None, "digits of another script are none");
    }

    #[test]
    fn a_code_works_once_and_not_two_minutes_later() {
        let step = check(SECRET, "287 082", 59, 0).unwrap();
        assert_eq!(check(SECRET, "287082", 59, step), None);
        assert_eq!(check(SECRET, "287082", 59 + 120, 0), None);
        assert_eq!(check(SECRET, "28708", 59, 0), None);
    }

    #[test]
    fn a_step_that_a_clock_ahead_used_keeps_nobody_out() {
        let (now, ahead) = (1_111_111_109, 1_111_111_109 + 86_400);
        assert_eq!(check(SECRET, "081804", now, ahead / 30), Some(now / 30));
        assert_eq!(check(SECRET, "081804", now, now / 30), None);
        assert_eq!(
            check(SECRET, "081804", now, now / 30 + 1),
            None,
            "the phone's clock may be ahead by a step"
        );
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(b"f"), "MY");
    }
}
