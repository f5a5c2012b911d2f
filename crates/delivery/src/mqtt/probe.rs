//! Asks a broker, as this box, whether it would be served: CONNECT, then a SUBSCRIBE for everything
//! that the server sends, then the oldest message that waits for its receipt, once more. The server
//! stores a message once, however often it comes, and receipts it each time. Nothing is
//! acknowledged, so that what waits for the box goes on waiting. A box that is connected at that
//! moment is disconnected, and comes back by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use protocol::down::{Down, Receipt};
use protocol::topic::{Channel, Topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    Packet, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event};
use trust::DownVerifier;

use super::LinkSettings;
use super::error_text::explained;
use super::incoming::admit;
use super::options::bare_options;
use crate::identity::BoxIdentity;
use crate::outbox::WaitingMessage;

/// Why a box would not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error("{0}")]
    NoConnection(String),
    #[error(
        "the broker lets this box connect, and refuses to send it {0}: its access list lacks this \
        box (broker-config)"
    )]
    Refused(String),
    #[error("{0}")]
    NotTaken(String),
    #[error("no answer from the broker within {0} s")]
    Silent(u64),
    #[error(
        "the broker takes this box's messages, and the server receipted none within {0} s: it is \
        down, reads from another broker, or does not know this box"
    )]
    Unreceipted(u64),
}

/// How far a box would be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// By the broker; there was no message that the server could have receipted.
    ByTheBroker,
    /// The server has this message.
    Receipted { seq: u64 },
}

/// Connects, subscribes, and sends `waiting` for its receipt, within `patience`.
pub async fn probe(
    identity: BoxIdentity,
    patience: Duration,
    waiting: Option<WaitingMessage>,
) -> Result<Served, ProbeError> {
    let settings = LinkSettings::new(identity.clone());
    let mut options =
        bare_options(&settings).map_err(|why| ProbeError::NoConnection(why.to_string()))?;
    options.set_manual_acks(true);
    let (client, mut events) = AsyncClient::new(options, 32);
    let mut asked =
        ProbeProgress { identity, waiting, answered: 0, refused: Vec::new(), receipted: false };
    let asking = async {
        while !asked.is_over() {
            let event = events.poll().await;
            let event = event.map_err(|why| {
                ProbeError::NoConnection(explained(&why.to_string(), Timestamp::now()))
            })?;
            if let Event::Incoming(packet) = event {
                asked.hear(&client, packet)?;
            }
        }
        let _ = client.try_disconnect();
        while !matches!(
            events.poll().await,
            Err(_) | Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect))
        ) {}
        Ok(())
    };
    let ended = tokio::time::timeout(patience, asking).await;
    asked.outcome(ended.unwrap_or(Err(ProbeError::Silent(patience.as_secs()))), patience)
}

/// What was asked, and what came of it so far.
struct ProbeProgress {
    identity: BoxIdentity,
    waiting: Option<WaitingMessage>,
    /// Subscriptions that were answered.
    answered: usize,
    refused: Vec<&'static str>,
    receipted: bool,
}

impl ProbeProgress {
    fn is_heard(&self) -> bool {
        self.answered >= Channel::DOWN.len()
    }

    fn is_over(&self) -> bool {
        self.is_heard() && (self.waiting.is_none() || self.receipted || !self.refused.is_empty())
    }

    fn hear(&mut self, client: &AsyncClient, packet: Packet) -> Result<(), ProbeError> {
        match packet {
            Packet::ConnAck(_) => {
                for channel in Channel::DOWN {
                    let filter = Topic::new(self.identity.device.clone(), channel).to_string();
                    let _ = client.try_subscribe(filter, QoS::AtLeastOnce);
                }
            }
            Packet::SubAck(ack) => self.subscribed(client, &ack),
            Packet::PubAck(PubAck { reason, .. }) => {
                if let Some(why) = not_taken(reason) {
                    return Err(ProbeError::NotTaken(why));
                }
            }
            Packet::Publish(publish) => self.receipted |= self.is_its_receipt(&publish),
            _ => {}
        }
        Ok(())
    }

    /// Answers come in the order of the questions; after the last one the message is sent.
    fn subscribed(&mut self, client: &AsyncClient, ack: &SubAck) {
        if is_refused(&ack.return_codes)
            && let Some(channel) = Channel::DOWN.get(self.answered)
        {
            self.refused.push(channel.as_str());
        }
        self.answered += 1;
        if let Some(it) =
            self.waiting.as_ref().filter(|_| self.is_heard() && self.refused.is_empty())
        {
            let topic = Topic::new(self.identity.device.clone(), it.channel).to_string();
            let _ = client.try_publish(topic, QoS::AtLeastOnce, false, it.envelope.clone());
        }
    }

    fn is_its_receipt(&self, publish: &Publish) -> bool {
        let Some(it) = &self.waiting else { return false };
        let topic = String::from_utf8_lossy(&publish.topic);
        let (device, server) = (self.identity.device.clone(), self.identity.server);
        let verifier = DownVerifier::new(device, server, BTreeMap::new());
        let read = admit(&topic, &publish.payload, &self.identity, &verifier, None);
        matches!(read, Ok((_, body)) if matches!(&body.payload, Down::Receipt(receipt)
            if holds(receipt, it.seq)))
    }

    fn outcome(
        self,
        ended: Result<(), ProbeError>,
        patience: Duration,
    ) -> Result<Served, ProbeError> {
        match (ended, &self.waiting) {
            (Err(ProbeError::Silent(_)), Some(_)) if self.is_heard() => {
                Err(ProbeError::Unreceipted(patience.as_secs()))
            }
            (Err(why), _) => Err(why),
            (Ok(()), _) if !self.refused.is_empty() => {
                Err(ProbeError::Refused(self.refused.join(", ")))
            }
            (Ok(()), Some(it)) => Ok(Served::Receipted { seq: it.seq }),
            (Ok(()), None) => Ok(Served::ByTheBroker),
        }
    }
}

fn holds(receipt: &Receipt, seq: u64) -> bool {
    receipt.contiguous_seq >= seq || receipt.above.contains(&seq)
}

/// Why a broker did not take a message, in words; `None` where it did.
pub(super) fn not_taken(reason: PubAckReason) -> Option<String> {
    if matches!(reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
        return None;
    }
    Some(format!(
        "the broker refuses this box's messages ({reason:?}): its access list lacks this box's own \
        topics (broker-config on the server), or a quota of its is used up"
    ))
}

/// Whether a subscription was not given.
pub(super) fn is_refused(codes: &[SubscribeReasonCode]) -> bool {
    codes.iter().any(|code| !matches!(code, SubscribeReasonCode::Success(_)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use trust::{SealingKey, SigningKey};

    use super::*;

    /// A broker of a few lines: it lets everybody connect, answers each subscription with `code`,
    /// and each message with `taken` and `back`, a packet.
    async fn broker(code: u8, taken: u8, back: Vec<u8>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            loop {
                let (Ok(kind), Ok(mut left)) = (stream.read_u8().await, stream.read_u8().await)
                else {
                    return;
                };
                let mut length = usize::from(left & 127);
                for shift in [7, 14, 21] {
                    if left & 128 == 0 {
                        break;
                    }
                    left = stream.read_u8().await.unwrap();
                    length += usize::from(left & 127) << shift;
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                match kind >> 4 {
                    1 => stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap(),
                    3 => {
                        let topic = usize::from(body[0]) << 8 | usize::from(body[1]);
                        let id = &body[2 + topic..4 + topic];
                        stream.write_all(&[0x40, 4, id[0], id[1], taken, 0]).await.unwrap();
                        stream.write_all(&back).await.unwrap();
                    }
                    8 => stream.write_all(&[0x90, 4, body[0], body[1], 0, code]).await.unwrap(),
                    _ => {}
                }
            }
        });
        port
    }

    /// What the server sends for message `seq`, as a packet.
    fn receipt(server: &SigningKey, seq: u64) -> Vec<u8> {
        let receipt = Receipt {
            contiguous_seq: seq,
            contiguous_hash: trust::ZERO_HASH.to_owned(),
            above: Vec::new(),
            audit_head: None,
        };
        let (now, device) = (Timestamp::now(), "box-1".parse().unwrap());
        let later = now + Duration::from_mins(10);
        let signed =
            trust::sign_down(server, &device, 1, now, later, Down::Receipt(receipt)).unwrap();
        let text = serde_json::to_vec(&signed).unwrap();
        let topic = Topic::new(device, Channel::Receipts).to_string();
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend(topic.as_bytes());
        body.push(0);
        body.extend(text);
        let mut packet = vec![0x30];
        let mut left = body.len();
        loop {
            let part = (left % 128) as u8;
            left /= 128;
            packet.push(if left > 0 { part | 128 } else { part });
            if left == 0 {
                break;
            }
        }
        packet.extend(body);
        packet
    }

    fn waiting(seq: u64) -> WaitingMessage {
        WaitingMessage { seq, channel: Channel::Health, envelope: "{}".to_owned() }
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    fn identity(port: u16) -> BoxIdentity {
        let host = "127.0.0.1".to_owned();
        BoxIdentity {
            device: "box-1".parse().unwrap(),
            room: "room-1".parse().unwrap(),
            server: SigningKey::generate().unwrap().verifying_key(),
            broker: protocol::provision::BrokerAddress {
                host,
                port,
                tls: false,
                username: None,
                password: None,
            },
            other_brokers: Vec::new(),
            signing: SigningKey::generate().unwrap(),
            sealing: SealingKey::generate().unwrap(),
            tls: None,
            server_url: None,
            certificate: None,
        }
    }

    #[tokio::test]
    async fn a_subscription_that_is_refused_is_told() {
        let quiet = |code| broker(code, 0, Vec::new());
        let taken = probe(identity(quiet(1).await), PATIENCE, None).await;
        assert_eq!(taken, Ok(Served::ByTheBroker));
        for asked in [None, Some(waiting(3))] {
            let refused = probe(identity(quiet(0x87).await), PATIENCE, asked).await.unwrap_err();
            assert!(refused.to_string().contains("access list"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_message_that_waits_is_sent_for_its_receipt() {
        let server = SigningKey::generate().unwrap();
        let asked = async |taken, back| {
            let mut it = identity(broker(1, taken, back).await);
            it.server = server.verifying_key();
            probe(it, PATIENCE, Some(waiting(3))).await
        };
        assert_eq!(asked(0, receipt(&server, 3)).await, Ok(Served::Receipted { seq: 3 }));
        assert_eq!(asked(0x10, receipt(&server, 9)).await, Ok(Served::Receipted { seq: 3 }));
        let refused = asked(0x87, Vec::new()).await.unwrap_err();
        assert!(refused.to_string().contains("own topics"), "{refused}");
    }

    #[tokio::test]
    async fn only_the_servers_word_for_that_message_is_a_receipt() {
        let (server, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        for false_one in [receipt(&server, 2), receipt(&other, 3), Vec::new()] {
            let mut it = identity(broker(1, 0, false_one).await);
            it.server = server.verifying_key();
            let said = probe(it, Duration::from_secs(2), Some(waiting(3))).await.unwrap_err();
            assert!(matches!(said, ProbeError::Unreceipted(_) | ProbeError::Silent(_)), "{said}");
        }
    }

    #[tokio::test]
    async fn a_port_that_says_nothing_is_no_broker() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = probe(identity(port), Duration::from_millis(300), None).await;
        assert!(silent.is_err());
    }
}
