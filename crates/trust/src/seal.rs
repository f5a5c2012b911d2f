//! Sealing for one box: RFC 9180 HPKE, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! ChaCha20-Poly1305.
//!
//! Sealing hides; it never proves who sent. What is sealed is a signed envelope, and the box checks
//! both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use protocol::WIRE_VERSION;
use protocol::envelope::{Envelope, Sealed};
use protocol::id::DeviceId;

use crate::{Refused, SealingKey, SealingPublicKey};

type BoxKem = X25519HkdfSha256;
type PrivateKey = <BoxKem as Kem>::PrivateKey;
type PublicKey = <BoxKem as Kem>::PublicKey;
type EncappedKey = <BoxKem as Kem>::EncappedKey;

/// Seals a signed envelope for the box that holds the key. `device` is bound in: opened under
/// another name it fails.
pub fn seal(
    envelope: &Envelope,
    device: &DeviceId,
    to: &SealingPublicKey,
) -> Result<Sealed, Refused> {
    let plain = serde_json::to_vec(envelope).map_err(|error| malformed("envelope", error))?;
    let public =
        PublicKey::from_bytes(&to.0).map_err(|error| malformed("X25519 public key", error))?;
    let (enc, ct) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, BoxKem>(
        &OpModeS::Base,
        &public,
        info(device).as_bytes(),
        &plain,
        b"",
    )
    .map_err(|error| malformed("message to seal", error))?;
    Ok(Sealed {
        v: WIRE_VERSION,
        to: to.key_id(),
        enc: STANDARD.encode(enc.to_bytes()),
        ct: STANDARD.encode(ct),
    })
}

/// Opens what was sealed for this box. The envelope inside still has to be verified.
pub fn open(sealed: &Sealed, device: &DeviceId, key: &SealingKey) -> Result<Envelope, Refused> {
    let expected = key.public_key().key_id();
    if sealed.to != expected {
        return Err(Refused::OtherRecipient {
            expected,
            found: sealed.to.chars().take(16).collect(),
        });
    }
    let enc = STANDARD.decode(&sealed.enc).map_err(|error| malformed("encapsulated key", error))?;
    let ct = STANDARD.decode(&sealed.ct).map_err(|error| malformed("ciphertext", error))?;
    let enc =
        EncappedKey::from_bytes(&enc).map_err(|error| malformed("encapsulated key", error))?;
    let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, BoxKem>(
        &OpModeR::Base,
        &private(key.secret()),
        &enc,
        info(device).as_bytes(),
        &ct,
        b"",
    )
    .map_err(|_| Refused::CannotOpen)?;
    serde_json::from_slice(&plain).map_err(|error| malformed("sealed envelope", error))
}

/// Seals bytes for whoever holds the key; `what` is bound in.
pub fn seal_bytes(what: &str, plain: &[u8], to: &SealingPublicKey) -> Result<Vec<u8>, Refused> {
    let public =
        PublicKey::from_bytes(&to.0).map_err(|error| malformed("X25519 public key", error))?;
    let (enc, ct) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, BoxKem>(
        &OpModeS::Base,
        &public,
        bytes_info(what).as_bytes(),
        plain,
        b"",
    )
    .map_err(|error| malformed("bytes to seal", error))?;
    Ok([enc.to_bytes().as_slice(), &ct].concat())
}

/// Opens what [`seal_bytes`] made.
pub fn open_bytes(what: &str, sealed: &[u8], key: &SealingKey) -> Result<Vec<u8>, Refused> {
    const ENC_BYTES: usize = 32;
    let (enc, ct) = sealed.split_at_checked(ENC_BYTES).ok_or(Refused::CannotOpen)?;
    let enc = EncappedKey::from_bytes(enc).map_err(|error| malformed("encapsulated key", error))?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, BoxKem>(
        &OpModeR::Base,
        &private(key.secret()),
        &enc,
        bytes_info(what).as_bytes(),
        ct,
        b"",
    )
    .map_err(|_| Refused::CannotOpen)
}

fn bytes_info(what: &str) -> String {
    format!("{}/bytes/{what}", crate::DOMAIN)
}

impl SealingKey {
    pub fn public_key(&self) -> SealingPublicKey {
        SealingPublicKey(BoxKem::sk_to_pk(&private(self.secret())).to_bytes().into())
    }
}

#[expect(
    clippy::expect_used,
    reason = "every 32 bytes are an X25519 secret (RFC 7748 clamps them), and the array has 32"
)]
fn private(secret: &[u8; 32]) -> PrivateKey {
    PrivateKey::from_bytes(secret).expect("32 bytes")
}

fn info(device: &DeviceId) -> String {
    format!("{}/{device}", crate::DOMAIN)
}

fn malformed(what: &'static str, error: impl std::fmt::Display) -> Refused {
    Refused::Malformed { what, why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_open_with_the_secret_half_and_in_place_only() {
        let key = SealingKey::from_bytes([7; 32]);
        let sealed = seal_bytes("clue_in t-1", b"report", &key.public_key()).unwrap();
        assert_eq!(open_bytes("clue_in t-1", &sealed, &key).unwrap(), b"report");
        assert!(open_bytes("clue_in t-2", &sealed, &key).is_err());
        assert!(open_bytes("clue_in t-1", &sealed, &SealingKey::from_bytes([8; 32])).is_err());
        assert!(open_bytes("clue_in t-1", &sealed[..20], &key).is_err());
    }
    use crate::SigningKey;

    #[test]
    fn only_the_named_box_opens_it() {
        let (mine, other) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
        let device: DeviceId = "box-1".parse().unwrap();
        let envelope = SigningKey::generate().unwrap().sign("roster");
        let sealed = seal(&envelope, &device, &mine.public_key()).unwrap();
        assert_eq!(open(&sealed, &device, &mine), Ok(envelope));
        assert!(matches!(open(&sealed, &device, &other), Err(Refused::OtherRecipient { .. })));
        let disguised = Sealed { to: other.public_key().key_id(), ..sealed.clone() };
        assert_eq!(open(&disguised, &device, &other), Err(Refused::CannotOpen));
        assert_eq!(open(&sealed, &"box-2".parse().unwrap(), &mine), Err(Refused::CannotOpen));
    }

    #[test]
    fn one_flipped_bit_of_the_ciphertext_is_found() {
        let key = SealingKey::generate().unwrap();
        let device: DeviceId = "box-1".parse().unwrap();
        let sealed =
            seal(&SigningKey::generate().unwrap().sign("SECRET"), &device, &key.public_key())
                .unwrap();
        let ct = STANDARD.decode(&sealed.ct).unwrap();
        assert!(!ct.windows(6).any(|w| w == b"SECRET"));
        for at in 0..ct.len() {
            let mut changed = ct.clone();
            changed[at] ^= 1;
            let bad = Sealed { ct: STANDARD.encode(changed), ..sealed.clone() };
            assert_eq!(open(&bad, &device, &key), Err(Refused::CannotOpen), "byte {at}");
        }
    }
}
