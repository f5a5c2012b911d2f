//! Somebody with a connection to the broker: says and hears what the broker allows, nothing more.
//! No box and no server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use delivery::identity::BoxIdentity;
use delivery::mqtt::client_tls;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, ConnectReturnCode, Packet};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_secs(30);

/// A connection that is driven by hand.
pub struct MqttClient {
    runtime: Runtime,
    speaker: AsyncClient,
    events: EventLoop,
}

impl std::fmt::Debug for MqttClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl MqttClient {
    /// Connects under `id` with what this identity holds: password or certificate.
    ///
    /// A broker that still ends an earlier connection of the same id answers "server unavailable"
    /// (MQTT 5 §3.2.2.2, 0x88); as every box, this one asks again.
    ///
    /// # Errors
    /// The broker's refusal.
    pub fn connect(id: &str, identity: &BoxIdentity) -> Result<Self> {
        let deadline = Instant::now() + LIMIT;
        loop {
            match Self::connect_once(id, identity) {
                Err(error) if unavailable(&error) && Instant::now() < deadline => {}
                answered => return answered,
            }
        }
    }

    fn connect_once(id: &str, identity: &BoxIdentity) -> Result<Self> {
        let options = options(id, identity)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (client, events) = AsyncClient::new(options, 100);
        let mut this = Self { runtime, speaker: client, events };
        this.until("the broker's greeting", |packet| {
            matches!(packet, Packet::ConnAck(_)).then_some(())
        })?;
        Ok(this)
    }

    /// True where the broker grants the subscription.
    pub fn may_hear(&mut self, filter: &str) -> Result<bool> {
        self.speaker.try_subscribe(filter, QoS::AtLeastOnce)?;
        self.until("the answer to a subscription", |packet| match packet {
            Packet::SubAck(ack) => {
                Some(ack.return_codes.iter().all(|code| format!("{code:?}").starts_with("Success")))
            }
            _ => None,
        })
    }

    /// Publishes and waits for the broker's word; the word itself differs from broker to broker.
    pub fn say(&mut self, topic: &str, payload: &str) -> Result<()> {
        self.speaker.try_publish(topic, QoS::AtLeastOnce, false, payload.to_owned())?;
        // A broker may also end the connection of who says what they may not.
        let _ = self.until("the answer to a publish", |packet| {
            matches!(packet, Packet::PubAck(_)).then_some(())
        });
        Ok(())
    }

    /// What comes on the topics that were granted.
    pub fn hear(&mut self) -> Result<(String, Vec<u8>)> {
        self.until("a message", |packet| match packet {
            Packet::Publish(p) => {
                Some((String::from_utf8_lossy(&p.topic).into_owned(), p.payload.to_vec()))
            }
            _ => None,
        })
    }

    fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Packet) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            let polled = self
                .runtime
                .block_on(async { tokio::time::timeout(LIMIT, self.events.poll()).await });
            let Event::Incoming(packet) =
                polled.context(what.to_owned())?.with_context(|| what.to_owned())?
            else {
                continue;
            };
            if let Some(found) = wanted(&packet) {
                return Ok(found);
            }
        }
        bail!("{what}: not within {LIMIT:?}")
    }
}

fn unavailable(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<ConnectionError>(),
        Some(ConnectionError::ConnectionRefused(ConnectReturnCode::ServerUnavailable))
    )
}

/// How to connect under `id` with what this identity holds: password or certificate.
pub fn options(id: &str, identity: &BoxIdentity) -> Result<MqttOptions> {
    let broker = &identity.broker;
    let mut options = MqttOptions::new(id, &broker.host, broker.port);
    options.set_keep_alive(Duration::from_secs(30)).set_clean_start(true);
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(2 << 20);
    options.set_connect_properties(properties);
    if let (Some(user), Some(password)) = (&broker.username, &broker.password) {
        options.set_credentials(user, password);
    }
    if broker.tls {
        let files = identity.tls.as_ref().context("no certificate")?;
        let tls = TlsConfiguration::Rustls(Arc::new(client_tls(files)?));
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}
