//! Signed envelopes: the check that a text is the one its key's holder signed. Never parses the
//! body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::WIRE_VERSION;
use protocol::envelope::Envelope;
use sha2::{Digest as _, Sha256};

use crate::{DOMAIN, Refused, SigningKey, VerifyingKey};

impl SigningKey {
    /// Signs the exact text; the envelope keeps it unchanged.
    pub fn sign(&self, body: impl Into<String>) -> Envelope {
        let body = body.into();
        let sig = STANDARD.encode(self.sign_bytes(&signed_bytes(&body)));
        Envelope { v: WIRE_VERSION, key_id: self.verifying_key().key_id(), sig, body }
    }
}

/// Gives the body back if `key` signed exactly this text.
///
/// The strict form of Ed25519 verification is used (RFC 8032 with canonical encodings, no
/// small-order keys), so that one message has one acceptable signature.
pub fn verify<'a>(envelope: &'a Envelope, key: &VerifyingKey) -> Result<&'a str, Refused> {
    let expected = key.key_id();
    if envelope.key_id != expected {
        let found = envelope.key_id.chars().take(16).collect();
        return Err(Refused::OtherSigner { expected, found });
    }
    let sig = STANDARD.decode(&envelope.sig).map_err(|_| Refused::BadSignature)?;
    key.check(&signed_bytes(&envelope.body), &sig)?;
    Ok(&envelope.body)
}

/// SHA-256("zaigang/v1" ‖ body), 64 hex digits: what the next link of a chain names as `prev`.
pub fn chain_hash(body: &str) -> String {
    hex::encode(Sha256::new_with_prefix(DOMAIN).chain_update(body).finalize())
}

fn signed_bytes(body: &str) -> Vec<u8> {
    [DOMAIN.as_bytes(), body.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_verifies_and_comes_back_unchanged() {
        let key = SigningKey::generate().unwrap();
        let body = r#"{"v":1,"unknown":"在岗"}"#;
        assert_eq!(verify(&key.sign(body), &key.verifying_key()), Ok(body));
    }

    #[test]
    fn one_flipped_bit_anywhere_is_found() {
        let key = SigningKey::generate().unwrap();
        let good = key.sign(r#"{"seq":17}"#);
        for at in 0..good.body.len() {
            for bit in 0..7 {
                let mut bytes = good.body.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let bad = Envelope { body: String::from_utf8(bytes).unwrap(), ..good.clone() };
                assert_eq!(verify(&bad, &key.verifying_key()), Err(Refused::BadSignature));
            }
        }
        let sig = STANDARD.decode(&good.sig).unwrap();
        for at in 0..sig.len() {
            let mut changed = sig.clone();
            changed[at] ^= 1;
            let bad = Envelope { sig: STANDARD.encode(changed), ..good.clone() };
            assert!(
                verify(&bad, &key.verifying_key()).is_err(),
                "byte {at} of the signature was not checked"
            );
        }
    }

    #[test]
    fn another_key_is_refused_by_name() {
        let (mine, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let envelope = other.sign("x");
        assert!(matches!(
            verify(&envelope, &mine.verifying_key()),
            Err(Refused::OtherSigner { .. })
        ));
        let disguised = Envelope { key_id: mine.verifying_key().key_id(), ..envelope };
        assert_eq!(verify(&disguised, &mine.verifying_key()), Err(Refused::BadSignature));
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        // printf 'zaigang/v1{}' | sha256sum
        assert_eq!(chain_hash("{}"), crate::sha256_hex(b"zaigang/v1{}"));
        assert_ne!(chain_hash("{}"), chain_hash("{} "));
    }
}
