//! The people and keys of a jurisdiction, as a box believes them.
//!
//! A server's signature alone adds nobody. The first roll that a box sees is pinned; from then on
//! each new custodian and each new role key must carry the signature of a custodian *of the same
//! role* who is already believed. So a hostile server, also one that holds one custodian's key, can
//! neither invent the second person of a release nor have pictures sealed to itself.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use protocol::evidence::{Custodian, CustodianRole, CustodianSignature, Custodians, RoleKey};
use protocol::id::CustodianId;
use trust::VerifyingKey;

use crate::signed_text;

/// Most custodians, and most role keys, of one jurisdiction.
const MOST: usize = 200;

/// Why a roll is refused whole; the one that was believed stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollRefused {
    #[error("the custodians are of jurisdiction {found}, this box stands in {expected}")]
    OtherJurisdiction { expected: String, found: String },
    #[error("custodian {0}: the key or a time can not be read")]
    Malformed(CustodianId),
    #[error("the {role} key version {version} can not be read")]
    MalformedKey { role: &'static str, version: u32 },
    #[error(
        "custodian {custodian} ({role}) is vouched for by nobody of that role whom this box \
        believes"
    )]
    NotVouched { custodian: CustodianId, role: &'static str },
    #[error("custodian {0} is believed here and missing from the message, or has another key")]
    Rewritten(CustodianId),
    #[error("custodian {0} left, and the message lets him stay longer")]
    CameBack(CustodianId),
    #[error(
        "the {role} key version {version} is vouched for by nobody of that role whom this box \
        believes"
    )]
    KeyNotVouched { role: &'static str, version: u32 },
    #[error("the {role} key version {version} is another than the one that this box believes")]
    KeyRewritten { role: &'static str, version: u32 },
    #[error("the {role} role has no custodian yet: a first roll needs both", role = .0)]
    Incomplete(&'static str),
    #[error("{0} lines, at most {MOST}")]
    TooMany(usize),
}

/// A role's public key as pictures are sealed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(crate) bytes: [u8; 32],
    pub key_id: String,
    pub version: u32,
}

/// Both roles' newest keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealTo {
    pub supervisor: PublicKey,
    pub reviewer: PublicKey,
}

/// A roll whose every line this box believes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRoll {
    believed: Custodians,
}

impl VerifiedRoll {
    /// The first roll that a box sees: pinned. Each role begins with one custodian who vouches for
    /// themselves; everybody else in it is vouched for. A role that is still empty could be founded
    /// by whoever sends the next roll, so a first roll needs both.
    pub fn first(told: &Custodians) -> Result<Self, RollRefused> {
        let roll = Self::checked(None, told)?;
        for role in [CustodianRole::Supervisor, CustodianRole::Reviewer] {
            roll.founder(role).ok_or(RollRefused::Incomplete(role.as_str()))?;
        }
        Ok(roll)
    }

    /// A later one.
    pub fn next(&self, told: &Custodians) -> Result<Self, RollRefused> {
        Self::checked(Some(&self.believed), told)
    }

    pub fn as_told(&self) -> &Custodians {
        &self.believed
    }

    /// The first custodian of a role: whom a box was pinned to, and what two people compare.
    pub fn founder(&self, role: CustodianRole) -> Option<&Custodian> {
        self.believed.custodians.iter().find(|c| c.role == role)
    }

    /// What pictures are sealed to; `None` until both roles have a key.
    pub fn seal_to(&self) -> Option<SealTo> {
        let newest = |role| {
            let keys = self.believed.role_keys.iter().filter(|k| k.role == role);
            let key = keys.max_by_key(|key| key.version)?;
            let bytes = key_bytes(&key.public_key)?;
            Some(PublicKey { bytes, key_id: key.key_id.clone(), version: key.version })
        };
        let supervisor = newest(CustodianRole::Supervisor)?;
        Some(SealTo { supervisor, reviewer: newest(CustodianRole::Reviewer)? })
    }

    /// The key of a custodian who may sign in this role for a request of this time.
    pub(crate) fn signer(
        &self,
        custodian: &CustodianId,
        role: CustodianRole,
        requested_at: Timestamp,
        now: Timestamp,
    ) -> Option<VerifyingKey> {
        let of = |c: &&Custodian| c.custodian == *custodian && c.role == role;
        // Somebody who was let in again with a new key signs with the newest.
        let custodian = self.believed.custodians.iter().rev().find(of)?;
        let (from, until) = times(custodian)?;
        let in_time = from <= requested_at && until.is_none_or(|until| now < until);
        in_time.then(|| VerifyingKey::from_base64(&custodian.verification_key).ok()).flatten()
    }

    fn checked(pinned: Option<&Custodians>, told: &Custodians) -> Result<Self, RollRefused> {
        let most = told.custodians.len().max(told.role_keys.len());
        if most > MOST {
            return Err(RollRefused::TooMany(most));
        }
        if let Some(pinned) = pinned.filter(|pinned| pinned.jurisdiction != told.jurisdiction) {
            return Err(RollRefused::OtherJurisdiction {
                expected: pinned.jurisdiction.clone(),
                found: told.jurisdiction.clone(),
            });
        }
        let known = pinned.map_or(&[][..], |pinned| &pinned.custodians);
        nobody_is_rewritten(known, &told.custodians)?;
        let vouchers = check_custodians(known, told)?;
        check_role_keys(pinned.map_or(&[][..], |pinned| &pinned.role_keys), told, &vouchers)?;
        Ok(Self { believed: told.clone() })
    }
}

/// Keys of the custodians who may vouch, by role and id: one person may have had several. Whom this
/// box knew for gone before this message is not among them.
type Vouchers = BTreeMap<(CustodianRole, CustodianId), Vec<VerifyingKey>>;

fn same_person(a: &Custodian, b: &Custodian) -> bool {
    (&a.custodian, a.role, &a.verification_key, &a.sealing_key, &a.from)
        == (&b.custodian, b.role, &b.verification_key, &b.sealing_key, &b.from)
}

fn nobody_is_rewritten(known: &[Custodian], told: &[Custodian]) -> Result<(), RollRefused> {
    // Whoever was let in stands behind whoever vouches for them, also when this roll is read again
    // from the disk: order and vouchers stay as they were checked.
    let mut behind = told.iter();
    for old in known {
        let Some(new) = behind.find(|new| same_person(new, old) && new.vouched == old.vouched)
        else {
            return Err(RollRefused::Rewritten(old.custodian.clone()));
        };
        let until = |of: &Custodian| of.until.as_deref().and_then(parse);
        if let Some(left) = until(old)
            && until(new).is_none_or(|later| later > left)
        {
            return Err(RollRefused::CameBack(old.custodian.clone()));
        }
    }
    Ok(())
}

fn check_custodians(known: &[Custodian], told: &Custodians) -> Result<Vouchers, RollRefused> {
    let mut vouchers = Vouchers::new();
    for custodian in &told.custodians {
        let malformed = || RollRefused::Malformed(custodian.custodian.clone());
        let key =
            VerifyingKey::from_base64(&custodian.verification_key).map_err(|_| malformed())?;
        let named = key.key_id() == custodian.key_id && custodian.role != CustodianRole::Unknown;
        let sealing = key_bytes(&custodian.sealing_key);
        if !named || sealing.is_none() || times(custodian).is_none() {
            return Err(malformed());
        }
        let old = known.iter().find(|old| same_person(old, custodian));
        if old.is_none() {
            let signed =
                signed_text::custodian(&told.jurisdiction, custodian).map_err(|_| malformed())?;
            // Only a role that nobody has yet may begin with somebody who vouches for themselves.
            let founds = !vouchers.keys().any(|(role, _)| *role == custodian.role)
                && !known.iter().any(|old| old.role == custodian.role)
                && custodian.vouched.custodian == custodian.custodian
                && signed_by(&key, &signed, &custodian.vouched);
            if !founds && !vouched(&vouchers, custodian.role, &signed, &custodian.vouched) {
                return Err(RollRefused::NotVouched {
                    custodian: custodian.custodian.clone(),
                    role: custodian.role.as_str(),
                });
            }
        }
        if old.is_none_or(|old| old.until.is_none()) {
            let of = (custodian.role, custodian.custodian.clone());
            vouchers.entry(of).or_default().push(key);
        }
    }
    Ok(vouchers)
}

fn check_role_keys(
    known: &[RoleKey],
    told: &Custodians,
    vouchers: &Vouchers,
) -> Result<(), RollRefused> {
    for old in known {
        let same = |new: &&RoleKey| (new.role, new.version) == (old.role, old.version);
        if told.role_keys.iter().find(same).is_none_or(|new| new != old) {
            let (role, version) = (old.role.as_str(), old.version);
            return Err(RollRefused::KeyRewritten { role, version });
        }
    }
    for (number, key) in told.role_keys.iter().enumerate() {
        let (role, version) = (key.role.as_str(), key.version);
        let malformed = RollRefused::MalformedKey { role, version };
        let twice =
            told.role_keys[..number].iter().any(|k| (k.role, k.version) == (key.role, version));
        let id = key_bytes(&key.public_key).map(|bytes| trust::sha256_hex(bytes)[..16].to_owned());
        if twice || id.as_deref() != Some(&key.key_id) || key.role == CustodianRole::Unknown {
            return Err(malformed);
        }
        if known.iter().any(|old| (old.role, old.version) == (key.role, version)) {
            continue;
        }
        let signed = signed_text::role_key(&told.jurisdiction, key).map_err(|_| malformed)?;
        if !vouched(vouchers, key.role, &signed, &key.vouched) {
            return Err(RollRefused::KeyNotVouched { role, version });
        }
    }
    Ok(())
}

fn vouched(
    vouchers: &Vouchers,
    role: CustodianRole,
    signed: &str,
    by: &CustodianSignature,
) -> bool {
    let keys = vouchers.get(&(role, by.custodian.clone()));
    keys.is_some_and(|keys| keys.iter().any(|key| signed_by(key, signed, by)))
}

/// Whether the key's holder signed exactly this text.
pub(crate) fn signed_by(key: &VerifyingKey, signed: &str, by: &CustodianSignature) -> bool {
    STANDARD.decode(&by.sig).is_ok_and(|sig| key.check(signed.as_bytes(), &sig).is_ok())
}

fn key_bytes(base64: &str) -> Option<[u8; 32]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

fn times(of: &Custodian) -> Option<(Timestamp, Option<Timestamp>)> {
    let until = match &of.until {
        None => None,
        Some(until) => Some(parse(until)?),
    };
    Some((parse(&of.from)?, until))
}

fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
