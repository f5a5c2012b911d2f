//! One picture, sealed: AES-256-GCM under a key of its own, the key split in two halves
//! (`k = a ⊕ b`), each half sealed (HPKE) to the key of one role. Whoever holds one half knows
//! nothing of the key. The whole key lives in this file's calls alone, and is wiped at their end.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use protocol::evidence::{
    CustodianRole, EvidenceItem, EvidenceKind, MAX_EVIDENCE_BYTES, SealedHalf,
};
use protocol::id::{DeviceId, EvidenceId};
use zeroize::{Zeroize as _, Zeroizing};

use crate::custodian_roll::{PublicKey, SealTo};
use crate::signed_text::{BadValue, associated_data, half_info};

type RoleKem = X25519HkdfSha256;

/// Bytes of a sealed picture before its ciphertext.
const NONCE_BYTES: usize = 12;

/// What a sealed picture is bound to.
#[derive(Debug, Clone, Copy)]
pub struct PictureContext<'a> {
    pub device: &'a DeviceId,
    pub finding_id: &'a str,
    pub kind: EvidenceKind,
    /// RFC 3339 UTC with milliseconds.
    pub taken_at: &'a str,
}

/// The ciphertext as it rests on the disk and goes to the server (nonce of 12 bytes, ciphertext,
/// tag of 16 bytes), and the sealed halves of its key, which travel in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCiphertext {
    pub id: EvidenceId,
    pub ciphertext: Vec<u8>,
    pub sha256: String,
    pub supervisor_half: SealedHalf,
    pub reviewer_half: SealedHalf,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSeal {
    #[error("no randomness from the operating system: {0}")]
    NoRandomness(String),
    #[error("the picture takes {bytes} bytes sealed, at most {MAX_EVIDENCE_BYTES}")]
    TooLarge { bytes: usize },
    #[error("the {role} key can not be sealed to")]
    Key { role: &'static str },
    #[error("the picture can not be encoded: {0}")]
    Encode(String),
    #[error(transparent)]
    Text(#[from] BadValue),
}

/// Why a sealed picture does not open: one line, and nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotOpen {
    #[error("the ciphertext is not the one of the manifest: SHA-256 {found}, not {expected}")]
    OtherHash { expected: String, found: String },
    #[error("the ciphertext is cut off: {bytes} of {expected} bytes")]
    Truncated { bytes: u64, expected: u64 },
    #[error("the {role} half is sealed to key {found}, not to {expected}")]
    OtherKey { role: &'static str, expected: String, found: String },
    #[error("the {role} half does not open: it was changed, or belongs to another picture")]
    Half { role: &'static str },
    #[error("the picture does not open: it was changed, or belongs to another finding")]
    Picture,
    #[error(transparent)]
    Text(#[from] BadValue),
}

/// Seals a picture. The plain bytes are the caller's to wipe.
pub fn seal(
    plain: &[u8],
    about: PictureContext<'_>,
    to: &SealTo,
) -> Result<SealedCiphertext, CannotSeal> {
    let bytes = NONCE_BYTES + plain.len() + 16;
    if bytes > MAX_EVIDENCE_BYTES {
        return Err(CannotSeal::TooLarge { bytes });
    }
    let mut id = [0; 16];
    random(&mut id)?;
    #[expect(clippy::expect_used, reason = "32 hex digits are an identifier")]
    let id: EvidenceId = hex::encode(id).parse().expect("hex digits");
    let (mut key, mut first) = (Zeroizing::new([0_u8; 32]), Zeroizing::new([0_u8; 32]));
    random(&mut key[..])?;
    random(&mut first[..])?;
    let mut second = Zeroizing::new([0_u8; 32]);
    for (half, (key, first)) in second.iter_mut().zip(key.iter().zip(first.iter())) {
        *half = key ^ first;
    }
    let data = associated_data(about.device, about.finding_id, &id, about.kind, about.taken_at)?;
    let mut nonce = [0; NONCE_BYTES];
    random(&mut nonce)?;
    let payload = Payload { msg: plain, aad: data.as_bytes() };
    // AES-GCM fails on more than 64 GiB alone; the size was checked above.
    let sealed = Aes256Gcm::new((&*key).into())
        .encrypt((&nonce).into(), payload)
        .map_err(|_| CannotSeal::TooLarge { bytes })?;
    let ciphertext = [&nonce[..], &sealed].concat();
    Ok(SealedCiphertext {
        sha256: trust::sha256_hex(&ciphertext),
        supervisor_half: seal_half(&first, CustodianRole::Supervisor, &to.supervisor, &data)?,
        reviewer_half: seal_half(&second, CustodianRole::Reviewer, &to.reviewer, &data)?,
        id,
        ciphertext,
    })
}

fn random(into: &mut [u8]) -> Result<(), CannotSeal> {
    getrandom::fill(into).map_err(|error| CannotSeal::NoRandomness(error.to_string()))
}

fn seal_half(
    half: &[u8; 32],
    role: CustodianRole,
    to: &PublicKey,
    data: &str,
) -> Result<SealedHalf, CannotSeal> {
    let bad = |_| CannotSeal::Key { role: role.as_str() };
    let key = <RoleKem as Kem>::PublicKey::from_bytes(&to.bytes).map_err(bad)?;
    let (enc, ct) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, RoleKem>(
        &OpModeS::Base,
        &key,
        half_info(role).as_bytes(),
        half,
        data.as_bytes(),
    )
    .map_err(bad)?;
    Ok(SealedHalf {
        to: to.key_id.clone(),
        version: to.version,
        enc: STANDARD.encode(enc.to_bytes()),
        ct: STANDARD.encode(ct),
    })
}

/// The private half of a role's evidence key. A box never holds one: a browser does, and whoever
/// checks from outside.
pub struct RoleSecret(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for RoleSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoleSecret([redacted])")
    }
}

impl RoleSecret {
    /// From the 32 secret bytes of an X25519 key.
    pub fn from_bytes(mut secret: [u8; 32]) -> Self {
        let kept = Self(Zeroizing::new(secret));
        secret.zeroize();
        kept
    }

    /// The public half, 32 bytes.
    pub fn public_key(&self) -> [u8; 32] {
        RoleKem::sk_to_pk(&self.private()).to_bytes().into()
    }

    #[expect(clippy::expect_used, reason = "every 32 bytes are an X25519 secret (RFC 7748)")]
    fn private(&self) -> <RoleKem as Kem>::PrivateKey {
        <RoleKem as Kem>::PrivateKey::from_bytes(&self.0[..]).expect("32 bytes")
    }
}

/// One half of a picture's key.
pub fn open_half(
    sealed: &SealedHalf,
    role: CustodianRole,
    secret: &RoleSecret,
    data: &str,
) -> Result<Zeroizing<[u8; 32]>, CannotOpen> {
    let expected = trust::sha256_hex(secret.public_key())[..16].to_owned();
    if sealed.to != expected {
        let found = sealed.to.chars().take(16).collect();
        return Err(CannotOpen::OtherKey { role: role.as_str(), expected, found });
    }
    let bad = || CannotOpen::Half { role: role.as_str() };
    let enc = STANDARD.decode(&sealed.enc).map_err(|_| bad())?;
    let ct = STANDARD.decode(&sealed.ct).map_err(|_| bad())?;
    let enc = <RoleKem as Kem>::EncappedKey::from_bytes(&enc).map_err(|_| bad())?;
    let half = hpke::single_shot_open::<AesGcm256, HkdfSha256, RoleKem>(
        &OpModeR::Base,
        &secret.private(),
        &enc,
        half_info(role).as_bytes(),
        &ct,
        data.as_bytes(),
    )
    .map(Zeroizing::new)
    .map_err(|_| bad())?;
    half.as_slice().try_into().map(Zeroizing::new).map_err(|_| bad())
}

/// Opens a picture with both roles' secrets: what two browsers do together.
pub fn open(
    ciphertext: &[u8],
    item: &EvidenceItem,
    (device, finding_id): (&DeviceId, &str),
    supervisor: &RoleSecret,
    reviewer: &RoleSecret,
) -> Result<Vec<u8>, CannotOpen> {
    let bytes = ciphertext.len() as u64;
    if bytes < item.bytes {
        return Err(CannotOpen::Truncated { bytes, expected: item.bytes });
    }
    let found = trust::sha256_hex(ciphertext);
    if found != item.sha256 {
        return Err(CannotOpen::OtherHash { expected: item.sha256.clone(), found });
    }
    let data = associated_data(device, finding_id, &item.id, item.kind, &item.taken_at)?;
    let first = open_half(&item.supervisor_half, CustodianRole::Supervisor, supervisor, &data)?;
    let second = open_half(&item.reviewer_half, CustodianRole::Reviewer, reviewer, &data)?;
    let mut key = Zeroizing::new([0_u8; 32]);
    for (key, (first, second)) in key.iter_mut().zip(first.iter().zip(second.iter())) {
        *key = first ^ second;
    }
    let Some((nonce, sealed)) = ciphertext.split_at_checked(NONCE_BYTES) else {
        return Err(CannotOpen::Picture);
    };
    let nonce: &[u8; NONCE_BYTES] = nonce.try_into().map_err(|_| CannotOpen::Picture)?;
    Aes256Gcm::new((&*key).into())
        .decrypt(nonce.into(), Payload { msg: sealed, aad: data.as_bytes() })
        .map_err(|_| CannotOpen::Picture)
}
