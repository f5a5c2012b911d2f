//! A made-up jurisdiction for tests and measurements: two roles, their keys and custodians, and
//! what they sign. The secrets are fixed numbers; no box and no server uses this.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::evidence::{
    Custodian, CustodianRole, CustodianSignature, Custodians, EvidencePolicy, ReleaseOrder, RoleKey,
};
use protocol::id::{CustodianId, DeviceId, EvidenceId};
use trust::SigningKey;

use crate::RoleSecret;
use crate::signed_text::{self, BadValue};

/// Since when everybody of the fixture is in office.
pub const FROM: &str = "2026-01-01T00:00:00.000Z";

/// One custodian with their secret.
#[derive(Debug, Clone)]
pub struct FixtureCustodian {
    pub id: CustodianId,
    pub role: CustodianRole,
    pub key: SigningKey,
    /// X25519, base64.
    pub sealing_key: String,
}

impl FixtureCustodian {
    #[expect(clippy::expect_used, reason = "the ids of the fixture are identifiers")]
    pub fn new(id: &str, role: CustodianRole, secret: u8) -> Self {
        let id = id.parse().expect("an identifier");
        let sealing = RoleSecret::from_bytes([secret.wrapping_add(0x80); 32]);
        Self {
            id,
            role,
            key: SigningKey::from_bytes(&[secret; 32]),
            sealing_key: STANDARD.encode(sealing.public_key()),
        }
    }

    pub fn sign(&self, signed: &str) -> CustodianSignature {
        let sig = STANDARD.encode(self.key.sign_bytes(signed.as_bytes()));
        CustodianSignature { custodian: self.id.clone(), sig }
    }

    /// Their line in a roll, vouched for by `by`.
    pub fn line(&self, jurisdiction: &str, by: &Self) -> Result<Custodian, BadValue> {
        let key = self.key.verifying_key();
        let mut line = Custodian {
            custodian: self.id.clone(),
            role: self.role,
            verification_key: key.to_base64(),
            sealing_key: self.sealing_key.clone(),
            key_id: key.key_id(),
            from: FROM.to_owned(),
            until: None,
            vouched: CustodianSignature { custodian: by.id.clone(), sig: String::new() },
        };
        line.vouched = by.sign(&signed_text::custodian(jurisdiction, &line)?);
        Ok(line)
    }
}

/// The secret of a version of a role's key.
pub fn role_secret(role: CustodianRole, version: u32) -> RoleSecret {
    let first = if role == CustodianRole::Supervisor { 0x51 } else { 0x52 };
    RoleSecret::from_bytes([first + 0x10 * (version as u8 - 1); 32])
}

/// A version of a role's key, vouched for by `by`.
pub fn role_key(
    jurisdiction: &str,
    version: u32,
    by: &FixtureCustodian,
) -> Result<RoleKey, BadValue> {
    let public = role_secret(by.role, version).public_key();
    let mut key = RoleKey {
        role: by.role,
        version,
        public_key: STANDARD.encode(public),
        key_id: trust::sha256_hex(public)[..16].to_owned(),
        from: FROM.to_owned(),
        vouched: CustodianSignature { custodian: by.id.clone(), sig: String::new() },
    };
    key.vouched = by.sign(&signed_text::role_key(jurisdiction, &key)?);
    Ok(key)
}

/// One supervisor and one reviewer, and a jurisdiction that takes pictures.
#[derive(Debug, Clone)]
pub struct Office {
    pub supervisor: FixtureCustodian,
    pub reviewer: FixtureCustodian,
    pub roll: Custodians,
}

impl Office {
    pub const JURISDICTION: &str = "330100";

    #[expect(clippy::expect_used, reason = "no value of the fixture holds a control character")]
    pub fn new() -> Self {
        let supervisor = FixtureCustodian::new("sup-1", CustodianRole::Supervisor, 0x11);
        let reviewer = FixtureCustodian::new("rev-1", CustodianRole::Reviewer, 0x22);
        let line = |p: &FixtureCustodian| p.line(Self::JURISDICTION, p).expect("plain values");
        let key = |p: &FixtureCustodian| role_key(Self::JURISDICTION, 1, p).expect("plain values");
        let roll = Custodians {
            jurisdiction: Self::JURISDICTION.to_owned(),
            policy: EvidencePolicy { enabled: true, ..EvidencePolicy::default() },
            role_keys: vec![key(&supervisor), key(&reviewer)],
            custodians: vec![line(&supervisor), line(&reviewer)],
        };
        Self { supervisor, reviewer, roll }
    }

    /// A release that both signed, requested at `requested_at`, for 24 h.
    #[expect(clippy::expect_used, reason = "no value of the fixture holds a control character")]
    pub fn release(
        &self,
        order: &str,
        device: &DeviceId,
        finding_id: &str,
        items: &[EvidenceId],
        requested_at: jiff::Timestamp,
    ) -> ReleaseOrder {
        let unsigned = |of: &FixtureCustodian| CustodianSignature {
            custodian: of.id.clone(),
            sig: String::new(),
        };
        let mut items = items.to_vec();
        items.sort();
        let order = ReleaseOrder {
            order: order.parse().expect("an identifier"),
            device: device.clone(),
            finding_id: finding_id.to_owned(),
            items,
            case: "杭卫医案〔2026〕17号".to_owned(),
            basis: "行政处罚法 54".to_owned(),
            purpose: "核对本人".to_owned(),
            requested_at: format!("{requested_at:.3}"),
            expires_at: format!("{:.3}", requested_at + crate::order::LONGEST),
            supervisor: unsigned(&self.supervisor),
            reviewer: unsigned(&self.reviewer),
        };
        self.sign(order).expect("plain values")
    }

    /// Both sign the order as it stands.
    pub fn sign(&self, mut order: ReleaseOrder) -> Result<ReleaseOrder, BadValue> {
        let signed = signed_text::release(&order)?;
        order.supervisor = self.supervisor.sign(&signed);
        order.reviewer = self.reviewer.sign(&signed);
        Ok(order)
    }
}

impl Default for Office {
    fn default() -> Self {
        Self::new()
    }
}
