//! A box in the hands of somebody who wants something: its keys are real, its chain is kept, and
//! every word is theirs.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use delivery::identity::BoxIdentity;
use delivery::provision::{Provisioning, provision};
use protocol::WIRE_VERSION;
use protocol::down::{Down, DownBody, Receipt};
use protocol::envelope::{Envelope, Sealed};
use protocol::topic::{Channel, Topic};
use protocol::up::{ClockSource, StatusBody, Up};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{Client, Event};
use serde_json::{Value, json};
use trust::{DownVerifier, SigningKey, ZERO_HASH, chain_hash};

use super::messages;
use crate::client::options;

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(2);

/// A message that is not signed yet: what is left out is filled in as an honest box would.
#[derive(Debug, Clone)]
pub struct UnsignedMessage {
    payload: Value,
    channel: Option<Channel>,
    seq: Option<u64>,
    prev: Option<String>,
    event_id: Option<String>,
    utc: Option<String>,
    clock: ClockSource,
    uncertainty_ms: u32,
    device: Option<String>,
}

impl UnsignedMessage {
    pub fn of(payload: &Up) -> Self {
        // Plain structs of texts and numbers: JSON can hold them all.
        Self {
            channel: payload.channel(),
            ..Self::raw(serde_json::to_value(payload).unwrap_or_default())
        }
    }

    /// Any JSON as the payload, also what no version ever said. It goes on the channel of findings
    /// unless told otherwise.
    pub fn raw(payload: Value) -> Self {
        Self {
            payload,
            channel: None,
            seq: None,
            prev: None,
            event_id: None,
            utc: None,
            clock: ClockSource::Synchronised,
            uncertainty_ms: 20,
            device: None,
        }
    }

    /// Changes the payload by hand.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.payload[key] = value;
        self
    }

    #[must_use]
    pub fn on(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// A sequence of one's own choosing; the chain goes on from it.
    #[must_use]
    pub fn seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    /// The hash that it names as its predecessor's.
    #[must_use]
    pub fn prev(mut self, prev: &str) -> Self {
        self.prev = Some(prev.to_owned());
        self
    }

    #[must_use]
    pub fn event_id(mut self, id: &str) -> Self {
        self.event_id = Some(id.to_owned());
        self
    }

    /// The stamp's time, as text that need not be a time.
    #[must_use]
    pub fn at(mut self, utc: &str) -> Self {
        self.utc = Some(utc.to_owned());
        self
    }

    #[must_use]
    pub fn clock(mut self, clock: ClockSource) -> Self {
        self.clock = clock;
        self
    }

    #[must_use]
    pub fn uncertainty_ms(mut self, ms: u32) -> Self {
        self.uncertainty_ms = ms;
        self
    }

    /// Another device than the one that signs.
    #[must_use]
    pub fn device(mut self, device: &str) -> Self {
        self.device = Some(device.to_owned());
        self
    }
}

/// A provisioned and connected box. It disconnects when it is dropped, and the broker sends no last
/// will.
pub struct HostileBox {
    pub identity: BoxIdentity,
    /// The sequence of the last message that was sent.
    pub seq: u64,
    /// The hash that the next message will name.
    pub prev: String,
    pub boot_count: u64,
    client: Client,
    heard: mpsc::Receiver<(String, Vec<u8>)>,
    began: Instant,
    heartbeats: u64,
}

impl std::fmt::Debug for HostileBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostileBox")
            .field("device", &self.identity.device)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}

impl HostileBox {
    /// Trades the token for an identity in `state`, as a box does, and connects.
    pub fn provision(server: &str, token: &str, state: &Path) -> Result<Self> {
        let to = Provisioning { server, server_ca: None, firmware: "hostile" };
        Self::connect(provision(to, token.to_owned(), state)?)
    }

    /// Connects and says that it is on line. The chain begins at 1: set `seq` and `prev` to go on
    /// with an earlier one.
    pub fn connect(identity: BoxIdentity) -> Result<Self> {
        let mut options = options(identity.device.as_str(), &identity)?;
        options.set_connection_timeout(30);
        let (client, mut connection) = Client::new(options, 1000);
        for channel in Channel::DOWN {
            client.subscribe(
                Topic::new(identity.device.clone(), channel).to_string(),
                QoS::AtLeastOnce,
            )?;
        }
        let (tell, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                let said = match event {
                    Ok(Event::Incoming(Packet::Publish(p))) => {
                        (String::from_utf8_lossy(&p.topic).into_owned(), p.payload.to_vec())
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => ("suback".to_owned(), Vec::new()),
                    Ok(_) => continue,
                    Err(error) => ("error".to_owned(), error.to_string().into_bytes()),
                };
                let over = said.0 == "error";
                if tell.send(said).is_err() || over {
                    return;
                }
            }
        });
        let prev = ZERO_HASH.to_owned();
        let began = Instant::now();
        let mut this =
            Self { identity, seq: 0, prev, boot_count: 1, client, heard, began, heartbeats: 0 };
        for _ in Channel::DOWN {
            this.next("suback")?;
        }
        this.status(true)?;
        Ok(this)
    }

    pub fn id(&self) -> &str {
        self.identity.device.as_str()
    }

    pub fn signing_key(&self) -> &SigningKey {
        &self.identity.signing
    }

    /// Sends the next message of the chain; gives its sequence. `?` on it means the broker's link,
    /// not the server's opinion.
    pub fn say(&mut self, message: impl Into<UnsignedMessage>) -> Result<u64> {
        let (topic, bytes) = self.signed(message);
        self.publish(&topic, &bytes)?;
        Ok(self.seq)
    }

    /// Says several, then waits until the last is receipted; gives its sequence.
    pub fn say_all(&mut self, messages: impl IntoIterator<Item = UnsignedMessage>) -> Result<u64> {
        for message in messages {
            self.say(message)?;
        }
        let last = self.seq;
        self.receipted(last)?;
        Ok(last)
    }

    /// The next link, signed but not sent: topic and bytes. The chain moves on as if it were sent.
    pub fn signed(&mut self, message: impl Into<UnsignedMessage>) -> (String, Vec<u8>) {
        let mut message = message.into();
        let channel = message.channel.unwrap_or(Channel::Findings);
        if message.payload["type"] == "health" && message.payload["heartbeat_seq"] == 0 {
            self.heartbeats += 1;
            message.payload["heartbeat_seq"] = self.heartbeats.into();
        }
        self.seq = message.seq.unwrap_or(self.seq + 1);
        let body = json!({
            "v": WIRE_VERSION,
            "device": message.device.as_deref().unwrap_or(self.identity.device.as_str()),
            "seq": self.seq,
            "prev": message.prev.as_deref().unwrap_or(&self.prev),
            "event_id": message.event_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
            "stamp": {"utc": message.utc.unwrap_or_else(|| messages::ago(0)), "boot_id": "b",
                "boot_count": self.boot_count,
                "mono_ms": self.began.elapsed().as_millis() as u64,
                    "uncertainty_ms": message.uncertainty_ms,
                "clock": message.clock},
            "payload": message.payload,
        })
        .to_string();
        self.prev = chain_hash(&body);
        (Topic::new(self.identity.device.clone(), channel).to_string(), self.envelope(body))
    }

    /// Any bytes on any topic; what the broker does not grant is lost.
    pub fn publish(&mut self, topic: &str, bytes: &[u8]) -> Result<()> {
        Ok(self.client.publish(topic, QoS::AtLeastOnce, false, bytes.to_vec())?)
    }

    /// Says that it is on line, or that it went.
    pub fn status(&mut self, online: bool) -> Result<()> {
        let body = StatusBody {
            v: WIRE_VERSION,
            device: self.identity.device.clone(),
            online,
            boot_count: self.boot_count,
            boot_id: "b".into(),
            connected_at: messages::ago(0),
        };
        let bytes = self.envelope(serde_json::to_string(&body)?);
        let topic = Topic::new(self.identity.device.clone(), Channel::Status).to_string();
        Ok(self.client.publish(topic, QoS::AtLeastOnce, true, bytes)?)
    }

    /// Waits for a receipt that covers this sequence.
    pub fn receipted(&mut self, seq: u64) -> Result<Receipt> {
        loop {
            let bytes =
                self.hear(Channel::Receipts).with_context(|| format!("no receipt for {seq}"))?;
            let envelope: Envelope = serde_json::from_slice(&bytes)?;
            if let Down::Receipt(receipt) = self.verified(&envelope)?.payload
                && (receipt.contiguous_seq >= seq || receipt.above.contains(&seq))
            {
                return Ok(receipt);
            }
        }
    }

    /// A heartbeat and its receipt: everything sent before was taken.
    pub fn settle(&mut self) -> Result<Receipt> {
        let seq = self.say(messages::heartbeat())?;
        self.receipted(seq)
    }

    /// The next piece of knowledge of a kind that `good` accepts, opened and verified.
    pub fn told(&mut self, good: impl Fn(&Down) -> bool) -> Result<DownBody> {
        loop {
            let sealed: Sealed = serde_json::from_slice(&self.hear(Channel::Knowledge)?)?;
            let envelope = trust::open(&sealed, &self.identity.device, &self.identity.sealing)?;
            let body = self.verified(&envelope)?;
            if good(&body.payload) {
                return Ok(body);
            }
        }
    }

    /// The next bytes on a channel of its own. What came on others meanwhile is gone.
    pub fn hear(&mut self, channel: Channel) -> Result<Vec<u8>> {
        self.next(&Topic::new(self.identity.device.clone(), channel).to_string())
    }

    fn next(&mut self, wanted: &str) -> Result<Vec<u8>> {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (topic, payload) = self
                .heard
                .recv_timeout(left)
                .with_context(|| format!("{wanted}: not within {LIMIT:?}"))?;
            if topic == wanted {
                return Ok(payload);
            }
            if topic == "error" {
                bail!("the broker ended the connection: {}", String::from_utf8_lossy(&payload));
            }
        }
    }

    fn verified(&self, envelope: &Envelope) -> Result<DownBody> {
        let versions = std::collections::BTreeMap::new();
        let verifier =
            DownVerifier::new(self.identity.device.clone(), self.identity.server, versions);
        Ok(verifier.check(envelope, Some(jiff::Timestamp::now()))?)
    }

    fn envelope(&self, body: String) -> Vec<u8> {
        // Plain texts: JSON can hold them.
        serde_json::to_vec(&self.identity.signing.sign(body)).unwrap_or_default()
    }
}

impl Drop for HostileBox {
    fn drop(&mut self) {
        // The link may be down already; there is nobody to tell.
        let _ = self.client.disconnect();
    }
}
