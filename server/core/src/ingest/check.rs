//! Is this really said by that box, whole and in form? Pure: bytes and a key in, a checked message
//! or a refusal out.
//!
//! Never stores and never reads a clock. What passes here is authentic; where it belongs in the
//! chain is `chain`'s question.

use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::topic::{Channel, Topic};
use protocol::up::{StatusBody, UpBody};
use trust::VerifyingKey;
use wording::RefusalReason;

use crate::clock::clip;

/// An authentic message.
#[derive(Debug)]
pub enum Checked {
    Chained { body: Box<UpBody>, hash: String, envelope: String },
    Status(StatusBody),
}

/// Why a message goes to quarantine. `reason` has a name for the counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: RefusalReason,
    pub detail: String,
    /// Whose Integrity alert it becomes; `None` where anybody could have caused it or nobody is
    /// registered.
    pub alert_for: Option<DeviceId>,
}

/// Letters of a refusal's detail: what does not decode is quoted in it, and may be 64 KiB.
const MOST_DETAIL: usize = 400;

fn refuse(reason: RefusalReason, detail: impl Into<String>) -> Refusal {
    Refusal { reason, detail: clip(&detail.into(), MOST_DETAIL), alert_for: None }
}

/// `former_of` gives the keys that the box had before its present one: it is asked only where the
/// present one does not fit.
pub fn check(
    topic: &str,
    payload: &[u8],
    key_of: impl Fn(&DeviceId) -> Option<VerifyingKey>,
    former_of: impl Fn(&DeviceId) -> Vec<VerifyingKey>,
) -> Result<Checked, Refusal> {
    let topic: Topic = topic.parse().map_err(|e: protocol::topic::BadTopic| {
        refuse(RefusalReason::UnknownTopic, e.to_string())
    })?;
    if !Channel::UP.contains(&topic.channel) {
        return Err(refuse(
            RefusalReason::UnknownTopic,
            format!("`{topic}` is a downward topic: a box publishes upward only"),
        ));
    }
    let limit = protocol::MAX_MESSAGE_BYTES;
    if payload.len() > limit {
        return Err(refuse(
            RefusalReason::Oversized,
            format!("{} bytes on `{topic}`: at most {limit} are taken", payload.len()),
        ));
    }
    let envelope = std::str::from_utf8(payload).map_err(|_| {
        refuse(RefusalReason::Malformed, format!("the message on `{topic}` is no UTF-8 text"))
    })?;
    let parsed = Envelope::from_text(envelope).map_err(|e| {
        refuse(
            RefusalReason::Malformed,
            format!("the message on `{topic}` is no envelope: {}", clip(&e.to_string(), 200)),
        )
    })?;
    let key = key_of(&topic.device).ok_or_else(|| {
        refuse(
            RefusalReason::UnknownDevice,
            format!("device `{}` is not provisioned here", topic.device),
        )
    })?;
    let text = trust::verify(&parsed, &key).map_err(|e| {
        let former =
            || former_of(&topic.device).iter().any(|key| trust::verify(&parsed, key).is_ok());
        if topic.channel == Channel::Status && former() {
            // The last will of a box that was replaced comes after its successor: nobody forged it,
            // and it says nothing.
            return refuse(
                RefusalReason::SupersededKey,
                format!("the status on `{topic}` was signed by an earlier key of the box"),
            );
        }
        let detail = format!("the message on `{topic}` was {e}");
        Refusal {
            reason: RefusalReason::BadSignature,
            detail,
            alert_for: Some(topic.device.clone()),
        }
    })?;
    match topic.channel {
        Channel::Status => status(&topic, text),
        _ => chained(&topic, text).map(|body| Checked::Chained {
            body: Box::new(body),
            hash: trust::chain_hash(text),
            envelope: envelope.to_owned(),
        }),
    }
}

fn status(topic: &Topic, text: &str) -> Result<Checked, Refusal> {
    let body: StatusBody = serde_json::from_str(text).map_err(|e| {
        refuse(
            RefusalReason::Malformed,
            format!("the status of `{}` does not decode: {e}", topic.device),
        )
    })?;
    own(topic, &body.device)?;
    Ok(Checked::Status(body))
}

fn chained(topic: &Topic, text: &str) -> Result<UpBody, Refusal> {
    let body = UpBody::from_text(text).map_err(|e| {
        refuse(
            RefusalReason::Malformed,
            format!("a signed message of `{}` does not decode: {e}", topic.device),
        )
    })?;
    own(topic, &body.device)?;
    let expected = body.payload.channel();
    if expected.is_some_and(|channel| channel != topic.channel) {
        return Err(refuse(
            RefusalReason::Malformed,
            format!("a message of another channel came on `{topic}`"),
        ));
    }
    if uuid::Uuid::parse_str(&body.event_id).is_err() {
        return Err(refuse(
            RefusalReason::Malformed,
            format!("event id `{}` is no UUID", clip(&body.event_id, 40)),
        ));
    }
    let hash = body.prev.len() == 64 && body.prev.bytes().all(|b| b.is_ascii_hexdigit());
    if !hash || body.seq > i64::MAX as u64 {
        return Err(refuse(
            RefusalReason::Malformed,
            format!("sequence {} of `{}` has no predecessor's hash", body.seq, topic.device),
        ));
    }
    Ok(body)
}

fn own(topic: &Topic, said: &DeviceId) -> Result<(), Refusal> {
    if *said == topic.device {
        return Ok(());
    }
    Err(Refusal {
        reason: RefusalReason::WrongDevice,
        detail: format!("a message signed by `{}` names device `{said}`", topic.device),
        alert_for: Some(topic.device.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use trust::SigningKey;

    use super::*;

    fn body(device: &str) -> String {
        json!({"v":1,"device":device,"seq":1,"prev":trust::ZERO_HASH,
            "event_id":uuid::Uuid::now_v7().to_string(),
            "stamp":{"utc":"2026-03-02T01:00:00.000Z","boot_id":"b","boot_count":1,"mono_ms":5,
                "uncertainty_ms":20,"clock":"scene"},
            "payload":{"type":"health","heartbeat_seq":1,"uptime_ms":1,"firmware":"f",
                "camera":"live","frames":1,"frames_dropped":0,
            "faces":0,"outbox_depth":0,"outbox_dropped":0,"disk_free_bytes":1,"knowledge_version":0,
                "pack":"avatar","visibility_ppm":0}})
        .to_string()
    }

    fn try_it(key: &SigningKey, topic: &str, payload: &[u8]) -> Result<Checked, &'static str> {
        let public = key.verifying_key();
        check(topic, payload, |d| (d.as_str() == "box-1").then_some(public), |_| Vec::new())
            .map_err(|r| r.reason.name())
    }

    #[test]
    fn a_status_by_an_earlier_key_accuses_nobody() {
        let (earlier, present, forger) = (
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
            SigningKey::generate().unwrap(),
        );
        let status = json!({"v":1,"device":"box-1","online":false,"boot_count":1,"boot_id":"b",
                "connected_at":""})
        .to_string();
        let said = |key: &SigningKey, topic: &str, body: String| {
            let payload = serde_json::to_vec(&key.sign(body)).unwrap();
            let former = vec![earlier.verifying_key()];
            let refusal =
                check(topic, &payload, |_| Some(present.verifying_key()), |_| former.clone())
                    .unwrap_err();
            (refusal.reason.name(), refusal.alert_for.is_some())
        };
        assert_eq!(
            said(&earlier, "zaigang/v1/box-1/status", status.clone()),
            ("superseded_key", false)
        );
        assert_eq!(said(&forger, "zaigang/v1/box-1/status", status), ("bad_signature", true));
        assert_eq!(
            said(&earlier, "zaigang/v1/box-1/health", body("box-1")),
            ("bad_signature", true)
        );
    }

    #[test]
    fn an_authentic_message_passes_with_its_exact_text() {
        let key = SigningKey::generate().unwrap();
        let text = serde_json::to_string(&key.sign(body("box-1"))).unwrap();
        let Ok(Checked::Chained { envelope, hash, .. }) =
            try_it(&key, "zaigang/v1/box-1/health", text.as_bytes())
        else {
            panic!("refused")
        };
        assert_eq!(envelope, text);
        assert_eq!(hash.len(), 64);
    }

    #[test]
    fn each_kind_of_bad_message_has_its_reason() {
        let key = SigningKey::generate().unwrap();
        let forger = SigningKey::generate().unwrap();
        let sealed =
            |k: &SigningKey, device: &str| serde_json::to_vec(&k.sign(body(device))).unwrap();
        let good = sealed(&key, "box-1");
        let cases: [(&str, Vec<u8>, &str); 9] = [
            ("zaigang/v1/box-1/health", b"{".to_vec(), "malformed"),
            ("zaigang/v1/box-1/health", vec![0xff, 0xfe], "malformed"),
            ("zaigang/v1/box-1/health", vec![b' '; protocol::MAX_MESSAGE_BYTES + 1], "oversized"),
            ("zaigang/v1/box-1/health", sealed(&forger, "box-1"), "bad_signature"),
            ("zaigang/v1/box-9/health", good.clone(), "unknown_device"),
            ("zaigang/v1/box-1/health", sealed(&key, "box-2"), "wrong_device"),
            ("zaigang/v1/box-1/findings", good.clone(), "malformed"),
            ("zaigang/v1/box-1/receipts", good.clone(), "unknown_topic"),
            ("elsewhere", good, "unknown_topic"),
        ];
        for (topic, payload, reason) in cases {
            assert_eq!(try_it(&key, topic, &payload).map(|_| ()).unwrap_err(), reason, "{topic}");
        }
    }

    #[test]
    fn what_does_not_decode_is_quoted_in_part() {
        let key = SigningKey::generate().unwrap();
        let faces = format!("\"faces\":\"{}\"", "x".repeat(9000));
        let long = body("box-1").replace("\"faces\":0", &faces);
        let payload = serde_json::to_vec(&key.sign(long)).unwrap();
        let public = key.verifying_key();
        let refused = check("zaigang/v1/box-1/health", &payload, |_| Some(public), |_| Vec::new());
        let detail = refused.unwrap_err().detail;
        assert!(detail.chars().count() <= MOST_DETAIL, "{} letters", detail.len());
    }

    /// What is written into the middle of a good message.
    const PUT: [&str; 10] = [
        "",
        "null",
        "-1",
        "1e999",
        "[[[[",
        "\"\\ud800\"",
        "99999999999999999999",
        "{\"a\":",
        "\0",
        "\u{202e}",
    ];

    proptest::proptest! {
        /// Whatever comes, also signed by the box itself, is a message or a refusal.
        #[test]
        fn any_bytes_are_a_message_or_a_refusal(
            topic in "(zaigang/v1/)?(box-1|box-9|\\PC{0,8})/(health|findings|status|\\PC{0,8})",
            noise in proptest::collection::vec(0u8.., 0..300),
            at in 0..4000usize,
            put in proptest::sample::select(PUT.to_vec()),
            cut in 0..6usize,
        ) {
            let key = SigningKey::generate().unwrap();
            let mut text = body("box-1");
            let mut at = at % text.len();
            let mut end = (at + cut).min(text.len());
            while !text.is_char_boundary(at) { at -= 1; }
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(at..end, put);
            let mut signed = serde_json::to_vec(&key.sign(text)).unwrap();
            let public = key.verifying_key();
            for spoilt in [false, true] {
                if spoilt {
                    let at = at % signed.len();
                    signed[at] ^= 1 << (cut % 8);
                }
                for payload in [&noise, &signed] {
                    let known = |device: &DeviceId| (device.as_str() == "box-1").then_some(public);
                    let checked = check(&topic, payload, known, |_| vec![public]);
                    if let Err(refusal) = checked {
                        proptest::prop_assert!(refusal.detail.chars().count() <= MOST_DETAIL);
                    }
                }
            }
        }
    }
}
