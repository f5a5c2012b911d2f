//! Ids of the server's own findings and incidents: the same for the same cause, keyed with a secret
//! of this house, and in a form that no box's id has. Nobody outside can compute one, and no
//! message can carry one.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// No hex digit, so that no id of a box begins with it.
const MARK: char = 's';

/// Makes ids with the house's key.
#[derive(Clone)]
pub struct OwnIds(Vec<u8>);

impl std::fmt::Debug for OwnIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnIds([redacted])")
    }
}

impl OwnIds {
    pub fn new(key: Vec<u8>) -> Self {
        Self(key)
    }

    /// 32 characters: the mark and 31 hex digits. Each part goes in with its length before it.
    pub fn id(&self, parts: &[&str]) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            unreachable!("HMAC takes any key")
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let mut id = format!("{MARK}{}", hex::encode(mac.finalize().into_bytes()));
        id.truncate(32);
        id
    }
}

/// Whether this id is one of the server's own, as this version makes them.
pub fn is_own(id: &str) -> bool {
    id.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_id_is_stable_keyed_and_no_boxs() {
        let (here, elsewhere) = (OwnIds::new(vec![1; 32]), OwnIds::new(vec![2; 32]));
        let id = here.id(&["gap", "box-1", "7"]);
        assert_eq!(id, here.id(&["gap", "box-1", "7"]));
        assert_ne!(id, elsewhere.id(&["gap", "box-1", "7"]), "without the key it is computed");
        assert_ne!(id, here.id(&["gap", "box-17"]), "parts run together");
        assert!(id.len() == 32 && is_own(&id) && id.bytes().any(|b| !b.is_ascii_hexdigit()));
    }
}
