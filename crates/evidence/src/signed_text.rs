//! The byte strings that are signed, or bound into a ciphertext. Each is UTF-8: a first line that
//! says what it is for, then `name=value` lines in a fixed order, joined by one `\n` (0x0A), with
//! none at the end. No value holds a control character, so no two sets of values give the same
//! bytes. JavaScript makes them with `[…].join("\n")` and `TextEncoder`.

use protocol::evidence::{Custodian, CustodianRole, EvidenceKind, ReleaseOrder, RoleKey};
use protocol::id::{DeviceId, EvidenceId};

/// A value that may not stand in such a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` holds a control character, such as a line break")]
pub struct BadValue {
    pub name: &'static str,
}

fn lines(purpose: &str, values: &[(&'static str, &str)]) -> Result<String, BadValue> {
    let mut text = purpose.to_owned();
    for (name, value) in values {
        if value.chars().any(char::is_control) {
            return Err(BadValue { name });
        }
        text.push('\n');
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    Ok(text)
}

/// The associated data of a sealed picture, and of both halves of its key.
pub fn associated_data(
    device: &DeviceId,
    finding_id: &str,
    item: &EvidenceId,
    kind: EvidenceKind,
    taken_at: &str,
) -> Result<String, BadValue> {
    lines(
        "zaigang-evidence-item/1",
        &[
            ("device", device.as_str()),
            ("finding", finding_id),
            ("item", item.as_str()),
            ("kind", kind.as_str()),
            ("taken_at", taken_at),
        ],
    )
}

/// HPKE's `info` for one half of a key.
pub fn half_info(role: CustodianRole) -> String {
    format!("zaigang-evidence-half/1/{}", role.as_str())
}

/// What both custodians of a release sign.
pub fn release(order: &ReleaseOrder) -> Result<String, BadValue> {
    let items: Vec<&str> = order.items.iter().map(EvidenceId::as_str).collect();
    lines(
        "zaigang-evidence-release/1",
        &[
            ("order", order.order.as_str()),
            ("device", order.device.as_str()),
            ("finding", &order.finding_id),
            ("items", &items.join(",")),
            ("case", &order.case),
            ("basis", &order.basis),
            ("purpose", &order.purpose),
            ("requested_at", &order.requested_at),
            ("expires_at", &order.expires_at),
            ("supervisor", order.supervisor.custodian.as_str()),
            ("reviewer", order.reviewer.custodian.as_str()),
        ],
    )
}

/// What an existing custodian signs who lets a new one in.
pub fn custodian(jurisdiction: &str, of: &Custodian) -> Result<String, BadValue> {
    lines(
        "zaigang-evidence-custodian/2",
        &[
            ("jurisdiction", jurisdiction),
            ("custodian", of.custodian.as_str()),
            ("role", of.role.as_str()),
            ("verification_key", &of.verification_key),
            ("sealing_key", &of.sealing_key),
            ("from", &of.from),
        ],
    )
}

/// What a custodian signs who vouches for a version of their role's key.
pub fn role_key(jurisdiction: &str, of: &RoleKey) -> Result<String, BadValue> {
    lines(
        "zaigang-evidence-role-key/1",
        &[
            ("jurisdiction", jurisdiction),
            ("role", of.role.as_str()),
            ("version", &of.version.to_string()),
            ("public_key", &of.public_key),
            ("from", &of.from),
        ],
    )
}

/// What a custodian signs who ends a custodian's service, another's or their own.
pub fn removal(
    jurisdiction: &str,
    (custodian, verification_key): (&str, &str),
    by: &str,
    at: &str,
) -> Result<String, BadValue> {
    lines(
        "zaigang-evidence-removal/1",
        &[
            ("jurisdiction", jurisdiction),
            ("custodian", custodian),
            ("verification_key", verification_key),
            ("by", by),
            ("at", at),
        ],
    )
}

/// What a custodian signs whose keys are wrapped under another passphrase.
pub fn passphrase(
    jurisdiction: &str,
    (custodian, verification_key): (&str, &str),
    at: &str,
) -> Result<String, BadValue> {
    lines(
        "zaigang-evidence-passphrase/1",
        &[
            ("jurisdiction", jurisdiction),
            ("custodian", custodian),
            ("verification_key", verification_key),
            ("at", at),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_break_in_a_value_is_refused_by_name() {
        let (device, item) = ("box-1".parse().unwrap(), "ab".parse().unwrap());
        let of = |finding: &str| {
            associated_data(&device, finding, &item, EvidenceKind::SceneView, "2026-11-29")
        };
        assert!(of("f1").is_ok_and(|text| text.ends_with("kind=scene_view\ntaken_at=2026-11-29")));
        assert_eq!(of("f1\nitem=cd"), Err(BadValue { name: "finding" }));
    }
}
