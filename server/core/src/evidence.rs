//! Sealed pictures: who may open them, and the way of one opening. Types and pure rules; the store
//! keeps them, the pages call them.
//!
//! Nothing here can open a picture. Both halves of its key stand sealed to two roles, the roles'
//! own keys are wrapped in browsers under passphrases that this server never sees, and a box lets
//! go of a ciphertext only over two custodians' signatures.

pub mod opening;

use protocol::evidence::{
    Custodian, CustodianRole, CustodianSignature, Custodians, EvidenceItem, PictureSource, RoleKey,
};
use protocol::id::{CustodianId, DeviceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::opening::Opening;
use crate::access::Role;
use crate::clock::At;
use crate::ids::{AlertId, OpeningId};

/// Wrong passphrases in a row, after which the wrapped keys are withheld for a while.
pub const TRIES: i64 = 10;
/// For so long.
pub const WITHHELD: jiff::SignedDuration = jiff::SignedDuration::from_hours(1);

/// What a browser sealed for a public key (HPKE): base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SealedBytes {
    pub enc: String,
    pub ct: String,
}

/// The role of evidence keys that an account's role goes with: nobody holds both.
pub fn role_of(role: Role) -> Option<CustodianRole> {
    match role {
        Role::Supervisor => Some(CustodianRole::Supervisor),
        Role::Reviewer => Some(CustodianRole::Reviewer),
        _ => None,
    }
}

/// A custodian as the store keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CustodianSeen {
    pub id: i64,
    pub account: String,
    pub role: CustodianRole,
    /// Ed25519, base64.
    pub verification_key: String,
    /// X25519, base64.
    pub sealing_key: String,
    pub entered_at: At,
    /// None while they wait to be let in.
    pub from: Option<String>,
    pub vouched: Option<CustodianSignature>,
    pub until: Option<String>,
    pub removed_by: Option<String>,
    /// Versions of the role's key that they hold: pictures of others they can not open.
    pub versions: Vec<u32>,
}

impl CustodianSeen {
    /// Their signature counts now.
    pub fn stands(&self) -> bool {
        self.from.is_some() && self.until.is_none()
    }

    /// As boxes are told; nobody who only waits.
    pub fn wire(&self) -> Option<Custodian> {
        Some(Custodian {
            custodian: self.account.parse().ok()?,
            role: self.role,
            verification_key: self.verification_key.clone(),
            sealing_key: self.sealing_key.clone(),
            key_id: key_id(&self.verification_key),
            from: self.from.clone()?,
            until: self.until.clone(),
            vouched: self.vouched.clone()?,
        })
    }
}

/// A version of a role's key as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RoleKeySeen {
    pub role: CustodianRole,
    pub version: u32,
    pub public_key: String,
    pub from: String,
    pub vouched: CustodianSignature,
    /// Custodians in service who hold it.
    pub held_by: u32,
    /// Pictures on boxes that only this version opens.
    pub items: u64,
}

impl RoleKeySeen {
    pub fn wire(&self) -> RoleKey {
        RoleKey {
            role: self.role,
            version: self.version,
            public_key: self.public_key.clone(),
            key_id: key_id(&self.public_key),
            from: self.from.clone(),
            vouched: self.vouched.clone(),
        }
    }
}

/// Everybody and every key of a jurisdiction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Roll {
    pub jurisdiction: String,
    pub custodians: Vec<CustodianSeen>,
    pub role_keys: Vec<RoleKeySeen>,
}

impl Roll {
    pub fn standing(&self, account: &str, role: CustodianRole) -> Option<&CustodianSeen> {
        self.custodians.iter().find(|c| c.account == account && c.role == role && c.stands())
    }

    /// The newest version of a role's key.
    pub fn newest(&self, role: CustodianRole) -> Option<&RoleKeySeen> {
        self.role_keys.iter().filter(|k| k.role == role).max_by_key(|k| k.version)
    }

    /// As boxes are told, but for the policy of their place.
    pub fn wire(&self) -> Custodians {
        Custodians {
            jurisdiction: self.jurisdiction.clone(),
            role_keys: self.role_keys.iter().map(RoleKeySeen::wire).collect(),
            custodians: self.custodians.iter().filter_map(CustodianSeen::wire).collect(),
            ..Custodians::default()
        }
    }

    /// Both roles have a key: pictures can be sealed.
    pub fn is_complete(&self) -> bool {
        self.newest(CustodianRole::Supervisor).is_some()
            && self.newest(CustodianRole::Reviewer).is_some()
    }
}

/// Whether pictures are taken at a place, and what stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyWord {
    /// `jurisdiction` or `institution`.
    pub kind: PlaceKind,
    pub place: String,
    pub enabled: bool,
    /// The legal basis on which it is switched on.
    pub basis: String,
    /// Number or name of the document that records it.
    pub document: String,
    pub by: String,
    pub at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    Jurisdiction,
    Institution,
}

/// A picture as the chain names it, and whether its box still has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ItemSeen {
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub finding: String,
    pub item: EvidenceItem,
    pub source: PictureSource,
    pub pack: String,
    pub received_at: At,
    /// `deleted` or `lost`.
    pub gone: Option<String>,
    pub gone_because: Option<String>,
    pub gone_at: Option<At>,
}

/// An opening with what its two people need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningKept {
    pub id: OpeningId,
    pub alert: AlertId,
    pub device: DeviceId,
    pub finding: String,
    pub opening: Opening,
    /// As both signed it.
    pub requested_at: String,
    pub expires_at: String,
    pub supervisor_sig: String,
    pub reviewer_sig: Option<String>,
    /// Half `a` of each picture's key, sealed to the reviewer.
    pub for_reviewer: std::collections::BTreeMap<String, SealedBytes>,
    /// Half `b` of each, sealed to the supervisor.
    pub for_supervisor: std::collections::BTreeMap<String, SealedBytes>,
}

/// A custodian's signature as the wire has it.
pub fn signature(account: &str, sig: &str) -> Option<CustodianSignature> {
    let custodian: CustodianId = account.parse().ok()?;
    Some(CustodianSignature { custodian, sig: sig.to_owned() })
}

/// The first 16 hex digits of SHA-256 of a public key in base64; of no key where it is none.
pub fn key_id(public_key: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(public_key).unwrap_or_default();
    trust::sha256_hex(&bytes).chars().take(16).collect()
}
