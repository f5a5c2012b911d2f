//! The gate for everything the broker hands over: size, topic, seal, signature, device, kind,
//! version, expiry. What does not pass is counted and gets one log line; nothing of its content is
//! shown or acted on.

use jiff::Timestamp;
use protocol::MAX_MESSAGE_BYTES;
use protocol::down::{Down, DownBody};
use protocol::envelope::{Envelope, Sealed};
use protocol::topic::{BadTopic, Channel, Topic};
use trust::{DownVerifier, Refused};

use super::MAX_KNOWLEDGE_BYTES;
use super::stats::RefusalCause;
use crate::identity::BoxIdentity;

/// What was refused, and why.
#[derive(Debug)]
pub(super) struct MessageRefusal {
    pub reason: RefusalCause,
    pub why: String,
}

/// Checks one message in full. `now` as in [`DownVerifier::check`]; an expiry never stops a
/// receipt, because a box whose clock is off by a day must still be able to empty its outbox, and
/// the receipt's hash is checked against its own.
pub(super) fn admit(
    topic: &str,
    payload: &[u8],
    identity: &BoxIdentity,
    verifier: &DownVerifier,
    now: Option<Timestamp>,
) -> Result<(Channel, DownBody), MessageRefusal> {
    let topic: Topic = topic
        .parse()
        .map_err(|error: BadTopic| refusal(RefusalCause::Malformed, error.to_string()))?;
    if topic.device != identity.device {
        return Err(refusal(
            RefusalCause::Misdirected,
            format!("topic of device {}", topic.device),
        ));
    }
    let limit =
        if topic.channel == Channel::Knowledge { MAX_KNOWLEDGE_BYTES } else { MAX_MESSAGE_BYTES };
    if payload.len() > limit {
        return Err(refusal(
            RefusalCause::Oversized,
            format!("{} bytes, the limit is {limit}", payload.len()),
        ));
    }
    let sealed = topic.channel == Channel::Knowledge;
    let now = now.filter(|_| topic.channel != Channel::Receipts);
    let body = open_down(payload, sealed, identity, verifier, now)
        .map_err(|e| refusal(reason_of(&e), e.to_string()))?;
    if body.payload != Down::Unknown && body.payload.channel() != topic.channel {
        let why = format!("a {} on the topic of {}", body.kind, topic.channel.as_str());
        return Err(refusal(RefusalCause::Malformed, why));
    }
    Ok((topic.channel, body))
}

/// Opens (where sealed) and verifies a payload from the server.
pub fn open_down(
    payload: &[u8],
    sealed: bool,
    identity: &BoxIdentity,
    verifier: &DownVerifier,
    now: Option<Timestamp>,
) -> Result<DownBody, Refused> {
    let malformed =
        |what| move |e: serde_json::Error| Refused::Malformed { what, why: e.to_string() };
    let envelope: Envelope = if sealed {
        let sealed: Sealed =
            serde_json::from_slice(payload).map_err(malformed("sealed message"))?;
        trust::open(&sealed, &identity.device, &identity.sealing)?
    } else {
        serde_json::from_slice(payload).map_err(malformed("envelope"))?
    };
    verifier.check(&envelope, now)
}

fn refusal(reason: RefusalCause, why: impl Into<String>) -> MessageRefusal {
    MessageRefusal { reason, why: why.into() }
}

fn reason_of(refused: &Refused) -> RefusalCause {
    match refused {
        Refused::Malformed { .. } | Refused::KindMismatch { .. } | Refused::NoRandomness(_) => {
            RefusalCause::Malformed
        }
        Refused::OtherSigner { .. }
        | Refused::BadSignature
        | Refused::OtherRecipient { .. }
        | Refused::CannotOpen => RefusalCause::Forged,
        Refused::OtherDevice { .. } => RefusalCause::Misdirected,
        Refused::Rollback { .. } | Refused::Expired { .. } => RefusalCause::Stale,
        Refused::Repeated { .. } => RefusalCause::Repeated,
    }
}
