//! What the server says to a box: signed over device, kind, version, expiry and payload; checked in
//! full before use.
//!
//! The versions that a box has taken are its memory against rollback; the caller keeps them on
//! disk. This file reads no clock: `now` is an argument.

use std::collections::BTreeMap;

use jiff::Timestamp;
use protocol::WIRE_VERSION;
use protocol::down::{Down, DownBody};
use protocol::envelope::Envelope;
use protocol::id::DeviceId;

use crate::{Refused, SigningKey, VerifyingKey, verify};

/// Makes the signed envelope of one message to one box. `version` must rise per device and kind.
pub fn sign_down(
    key: &SigningKey,
    device: &DeviceId,
    version: u64,
    issued_at: Timestamp,
    expires_at: Timestamp,
    payload: Down,
) -> Result<Envelope, Refused> {
    let body = DownBody {
        v: WIRE_VERSION,
        device: device.clone(),
        kind: payload.kind().to_owned(),
        version,
        issued_at: format!("{issued_at:.3}"),
        expires_at: format!("{expires_at:.3}"),
        payload,
    };
    let body = serde_json::to_string(&body)
        .map_err(|error| Refused::Malformed { what: "message to sign", why: error.to_string() })?;
    Ok(key.sign(body))
}

/// A box's check of everything that claims to come from its server.
#[derive(Debug, Clone)]
pub struct DownVerifier {
    device: DeviceId,
    server: VerifyingKey,
    versions: BTreeMap<String, u64>,
}

impl DownVerifier {
    /// `versions` holds the last version taken per kind, as kept on disk; empty on a new box.
    pub fn new(device: DeviceId, server: VerifyingKey, versions: BTreeMap<String, u64>) -> Self {
        Self { device, server, versions }
    }

    /// Checks signature, device, kind, version and expiry, and changes nothing. Call
    /// [`Self::taken`] once the message is applied and its version is on disk.
    ///
    /// `now` is `None` while the box's clock was never set: an expiry can not be judged then, the
    /// version still is.
    pub fn check(&self, envelope: &Envelope, now: Option<Timestamp>) -> Result<DownBody, Refused> {
        let text = verify(envelope, &self.server)?;
        let body: DownBody = serde_json::from_str(text).map_err(|error| Refused::Malformed {
            what: "message from the server",
            why: error.to_string(),
        })?;
        if body.device != self.device {
            let (expected, found) = (self.device.to_string(), body.device.to_string());
            return Err(Refused::OtherDevice { expected, found });
        }
        let carried = body.payload.kind();
        if body.kind != carried && body.payload != Down::Unknown {
            return Err(Refused::KindMismatch { said: body.kind, carried });
        }
        self.check_version(&body)?;
        if let Some(now) = now {
            check_expiry(&body, now)?;
        }
        Ok(body)
    }

    /// Remembers that a checked message was applied.
    pub fn taken(&mut self, kind: &str, version: u64) {
        let last = self.versions.entry(kind.to_owned()).or_default();
        *last = version.max(*last);
    }

    /// The last version taken per kind.
    pub fn versions(&self) -> &BTreeMap<String, u64> {
        &self.versions
    }

    fn check_version(&self, body: &DownBody) -> Result<(), Refused> {
        match self.versions.get(&body.kind) {
            Some(&last) if body.version == last => {
                Err(Refused::Repeated { kind: body.kind.clone(), version: body.version })
            }
            Some(&last) if body.version < last => {
                Err(Refused::Rollback { kind: body.kind.clone(), last, found: body.version })
            }
            _ => Ok(()),
        }
    }
}

fn check_expiry(body: &DownBody, now: Timestamp) -> Result<(), Refused> {
    let expires_at: Timestamp = body.expires_at.parse().map_err(|_| Refused::Malformed {
        what: "expiry",
        why: format!("`{}` is no RFC 3339 time", body.expires_at),
    })?;
    if now >= expires_at {
        return Err(Refused::Expired {
            kind: body.kind.clone(),
            version: body.version,
            expires_at: body.expires_at.clone(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protocol::down::{Command, Policy, Receipt};

    use super::*;

    struct Server {
        key: SigningKey,
        device: DeviceId,
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn policy() -> Down {
        Down::Policy(Policy { settings: BTreeMap::new() })
    }

    impl Server {
        fn new() -> Self {
            Self { key: SigningKey::generate().unwrap(), device: "box-1".parse().unwrap() }
        }

        fn says(&self, version: u64, payload: Down) -> Envelope {
            sign_down(&self.key, &self.device, version, at(0), at(60), payload).unwrap()
        }

        fn box_1(&self) -> DownVerifier {
            DownVerifier::new(self.device.clone(), self.key.verifying_key(), BTreeMap::new())
        }
    }

    #[test]
    fn an_older_or_repeated_version_is_refused() {
        let server = Server::new();
        let mut verifier = server.box_1();
        let body = verifier.check(&server.says(5, policy()), Some(at(1))).unwrap();
        verifier.taken(&body.kind, body.version);
        let check = |version| {
            verifier.check(&server.says(version, policy()), Some(at(1))).map(|b| b.version)
        };
        assert_eq!(check(6), Ok(6));
        assert_eq!(check(5), Err(Refused::Repeated { kind: "policy".into(), version: 5 }));
        assert_eq!(check(4), Err(Refused::Rollback { kind: "policy".into(), last: 5, found: 4 }));
    }

    #[test]
    fn versions_count_per_kind() {
        let server = Server::new();
        let mut verifier = server.box_1();
        verifier.taken("policy", 9);
        let receipt = Down::Receipt(Receipt {
            contiguous_seq: 1,
            contiguous_hash: String::new(),
            above: vec![],
            audit_head: None,
        });
        assert!(verifier.check(&server.says(1, receipt), Some(at(1))).is_ok());
    }

    #[test]
    fn a_message_to_another_device_is_refused() {
        let server = Server::new();
        let elsewhere =
            sign_down(&server.key, &"box-2".parse().unwrap(), 1, at(0), at(60), policy()).unwrap();
        assert!(matches!(
            server.box_1().check(&elsewhere, Some(at(1))),
            Err(Refused::OtherDevice { .. })
        ));
    }

    #[test]
    fn an_expired_message_is_refused_unless_the_clock_was_never_set() {
        let server = Server::new();
        let message = server.says(1, policy());
        assert!(matches!(
            server.box_1().check(&message, Some(at(60))),
            Err(Refused::Expired { .. })
        ));
        assert!(server.box_1().check(&message, Some(at(59))).is_ok());
        assert!(server.box_1().check(&message, None).is_ok());
    }

    #[test]
    fn another_server_and_a_wrong_kind_are_refused() {
        let (server, forger) = (Server::new(), Server::new());
        let forged = forger.says(1, policy());
        assert!(matches!(server.box_1().check(&forged, None), Err(Refused::OtherSigner { .. })));
        let mut body: serde_json::Value =
            serde_json::from_str(&server.says(1, policy()).body).unwrap();
        body["kind"] = "roster".into();
        let mislabelled = server.key.sign(body.to_string());
        assert!(matches!(
            server.box_1().check(&mislabelled, None),
            Err(Refused::KindMismatch { .. })
        ));
    }

    #[test]
    fn a_command_of_a_later_version_still_decodes() {
        let server = Server::new();
        let mut body: serde_json::Value =
            serde_json::from_str(&server.says(1, Down::Command(Command::Unknown)).body).unwrap();
        body["payload"] = serde_json::json!({"type": "hologram"});
        body["kind"] = "hologram".into();
        let decoded = server.box_1().check(&server.key.sign(body.to_string()), None).unwrap();
        assert_eq!(decoded.payload, Down::Unknown);
    }
}
