//! Passwords: argon2id (OWASP's least: 19 MiB, two passes, one lane), and what a password must
//! have. Never printed.

use std::sync::{Mutex, PoisonError};

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// NIST SP 800-63B asks for length, not for a mixture of signs.
pub const LEAST_CHARS: usize = 12;
pub const MOST_BYTES: usize = 512;

/// Hashes at once, for strangers and for those who are known: each takes 19 MiB and a core for a
/// moment.
pub const AT_ONCE: usize = 2;
pub const KNOWN_AT_ONCE: usize = 1;

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

fn params() -> Params {
    // The parameters are the constants above the fold: they are in argon2's range, so the default
    // stands in for nothing.
    Params::new(19_456, 2, 1, None).unwrap_or_default()
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
    if same
        || (!name.is_empty() && plain.contains(&name.to_lowercase()))
        || plain.starts_with("123456789012")
    {
        return Some(
            "the password is too easy to guess: it repeats one character, counts, or holds the \
            login name",
        );
    }
    None
}

/// The same memory again and again: given back and taken anew it would stay with whichever thread
/// last hashed.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// The raw hash of a password. Whoever calls it holds a turn of `App::hashes`.
fn hashed(password: &str, salt: &[u8], params: &Params) -> Result<[u8; HASH_BYTES], argon2::Error> {
    let blocks = params.block_count();
    let mut memory =
        MEMORY.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
    memory.resize(blocks, Block::new());
    let mut out = [0; HASH_BYTES];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    let made =
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut out, &mut memory[..]);
    let mut free = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if free.len() < AT_ONCE + KNOWN_AT_ONCE {
        free.push(memory);
    }
    made.map(|()| out)
}

pub fn hash(password: &str) -> Result<String, String> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|e| e.to_string())?;
    let params = params();
    let out = hashed(password, &salt, &params).map_err(|e| e.to_string())?;
    let hash = PasswordHash {
        algorithm: Ident::new(Algorithm::Argon2id.as_str()).map_err(|e| e.to_string())?,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).map_err(|e| e.to_string())?,
        salt: Some(Salt::new(&salt).map_err(|e| e.to_string())?),
        hash: Some(Output::new(&out).map_err(|e| e.to_string())?),
    };
    Ok(hash.to_string())
}

/// Takes as long for a wrong password as for a right one.
pub fn verify(password: &str, hash: &str) -> bool {
    if password.len() > MOST_BYTES {
        return false;
    }
    let verified = || {
        let hash = PasswordHash::new(hash).ok()?;
        let ours = hash.algorithm.as_str() == Algorithm::Argon2id.as_str()
            && hash.version == Some(Version::V0x13.into());
        let params = Params::try_from(&hash).ok().filter(|_| ours)?;
        let out = hashed(password, &hash.salt?, &params).ok()?;
        // Output compares in constant time.
        Some(Output::new(&out).ok()? == hash.hash?)
    };
    verified().unwrap_or(false)
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
