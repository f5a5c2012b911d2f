//! Passwords: argon2id (OWASP's least: 19 MiB, two passes, one lane), and what a password must have. Never printed.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// NIST SP 800-63B asks for length, not for a mixture of signs.
pub const LEAST_CHARS: usize = 12;
pub const MOST_BYTES: usize = 512;

fn hasher() -> Argon2<'static> {
    // The parameters are the constants above the fold: they are in argon2's range, so the default stands in for nothing.
    let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// One line that says what is wrong with a new password, if anything.
pub fn fault(password: &str, name: &str) -> Option<&'static str> {
    if password.chars().count() < LEAST_CHARS {
        return Some("the password needs at least 12 characters");
    }
    if password.len() > MOST_BYTES {
        return Some("the password has more than 512 bytes");
    }
    let plain = password.to_lowercase();
    let same = plain.chars().all(|c| plain.starts_with(c));
    if same || (!name.is_empty() && plain.contains(&name.to_lowercase())) || plain.starts_with("123456789012") {
        return Some("the password is too easy to guess: it repeats one character, counts, or holds the login name");
    }
    None
}

/// One of two places at the hash: it takes 19 MiB and a core for a moment, and anybody may ask for a login.
pub async fn turn() -> Option<tokio::sync::SemaphorePermit<'static>> {
    static TURNS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    // Nothing closes it, so nobody is turned away.
    TURNS.acquire().await.ok()
}

pub fn hash(password: &str) -> Result<String, String> {
    hasher().hash_password(password.as_bytes()).map(|h| h.to_string()).map_err(|e| e.to_string())
}

/// Takes as long for a wrong password as for a right one.
pub fn verify(password: &str, hash: &str) -> bool {
    if password.len() > MOST_BYTES {
        return false;
    }
    PasswordHash::new(hash).is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_holds_for_its_password_only() {
        let hashed = hash("correct horse battery").unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify("correct horse battery", &hashed));
        assert!(!verify("correct horse batterz", &hashed));
        assert!(!verify("x", "no hash"));
    }

    #[test]
    fn short_and_silly_passwords_are_refused_by_name() {
        assert!(fault("elevenchars", "wang").unwrap().contains("12"));
        assert!(fault("aaaaaaaaaaaaaaa", "wang").is_some());
        assert!(fault("wangwangwang1", "wang").is_some());
        assert!(fault("123456789012345", "wang").is_some());
        assert_eq!(fault("锦江区医美监管一号楼窗外", "wang"), None);
        assert_eq!(fault("correct horse battery", "wang"), None);
    }
}
