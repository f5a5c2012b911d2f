//! Hashes that both sides and a later reader compute alike: finding and incident ids, canonical
//! JSON.

use protocol::id::{DeviceId, SessionId};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// SHA-256 as 64 hex digits.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The id of a finding over all its steps: 32 hex digits.
///
/// `subject` names whom or what the finding is about (a person id, or a track for a stranger:
/// `track-17`), and `first_cause_seq` the number of the observation that opened it.
pub fn finding_id(
    device: &DeviceId,
    rule: &str,
    session: Option<&SessionId>,
    subject: &str,
    first_cause_seq: u64,
) -> String {
    let session = session.map_or("", SessionId::as_str);
    short_hash("finding", &[device.as_str(), rule, session, subject, &first_cause_seq.to_string()])
}

/// The incident that the findings of one session share: 32 hex digits. Without a session, the first
/// cause stands for it.
pub fn incident_id(device: &DeviceId, session: Option<&SessionId>, first_cause_seq: u64) -> String {
    match session {
        Some(session) => short_hash("incident", &[device.as_str(), session.as_str()]),
        None => {
            short_hash("incident-without-session", &[device.as_str(), &first_cause_seq.to_string()])
        }
    }
}

/// The alert of a box's incident. The box is part of it, so that no box can make another's, and
/// none learns by its own alert whether another has raised the same incident.
pub fn alert_id(device: &str, incident: &str) -> String {
    short_hash("alert", &[device, incident])
}

/// SHA-256 of the value as JSON with sorted keys and no blanks: the same for the same settings in
/// any order.
///
/// # Errors
/// A value that JSON can not hold, such as a map whose keys are no texts.
pub fn canonical_sha256<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    write_canonical(&serde_json::to_value(value)?, &mut text);
    Ok(sha256_hex(text))
}

/// Each part goes in with its length before it, so that no two lists of parts give the same bytes.
fn short_hash(purpose: &str, parts: &[&str]) -> String {
    let mut hasher = Sha256::new_with_prefix("zaigang/v1/");
    for part in [purpose].iter().chain(parts) {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    let mut id = hex::encode(hasher.finalize());
    id.truncate(32);
    id
}

/// Sorts by hand: whether `serde_json` keeps the order of a map depends on a feature that any crate
/// may switch on.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                separate(n, out);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                separate(n, out);
                write_canonical(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn separate(n: usize, out: &mut String) {
    if n > 0 {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_id_depends_on_each_part_and_on_nothing_else() {
        let device: DeviceId = "box-1".parse().unwrap();
        let session: SessionId = "s1".parse().unwrap();
        let id = finding_id(&device, "LL-1", Some(&session), "p1", 4);
        assert_eq!(id.len(), 32);
        assert_eq!(id, finding_id(&device, "LL-1", Some(&session), "p1", 4));
        for other in [
            finding_id(&"box-2".parse().unwrap(), "LL-1", Some(&session), "p1", 4),
            finding_id(&device, "LL-", Some(&session), "1p1", 4),
            finding_id(&device, "LL-1", None, "s1p1", 4),
            finding_id(&device, "LL-1", Some(&session), "p1", 5),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn settings_hash_alike_in_any_order() {
        let one = canonical_sha256(&json!({"b": [1, {"y": 2, "x": 1}], "a": "在\"岗"})).unwrap();
        let two = canonical_sha256(&json!({"a": "在\"岗", "b": [1, {"x": 1, "y": 2}]})).unwrap();
        assert_eq!(one, two);
        assert_eq!(canonical_sha256(&json!({"a": [1, 2]})).unwrap(), sha256_hex(r#"{"a":[1,2]}"#));
    }
}
