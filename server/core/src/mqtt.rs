//! The server's own MQTT connections, one to each broker: everything that boxes say goes to the
//! ingest, receipts and knowledge go out.
//!
//! Reconnects with back-off; what was not delivered meanwhile comes again from the boxes' outboxes.

mod brokers;
mod locations;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use protocol::provision::BrokerAddress;
use protocol::topic::{Channel, Topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::{mpsc, watch};

use crate::broker::MAX_PACKET_BYTES;
use crate::low_priority;
use crate::tls_client;
pub use brokers::{BrokerLink, BrokerLinks, LinkState, Traffic};
pub use locations::{BrokerIndex, Locations};

/// A fault of the connection that stands is said again.
const SAID_AGAIN: Duration = Duration::from_hours(1);

/// Where the broker is and who we are there.
#[derive(Clone)]
pub struct BrokerLogin {
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: String,
    /// Set where the broker speaks TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
}

impl BrokerLogin {
    /// `HOST:PORT`, as boxes print it.
    pub fn name(&self) -> String {
        let (host, port) = (self.host.clone(), self.port);
        let tls = self.tls.is_some();
        BrokerAddress { host, port, tls, username: None, password: None }.to_string()
    }
}

impl std::fmt::Debug for BrokerLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BrokerLogin({}:{})", self.host, self.port)
    }
}

fn connect(login: &BrokerLogin) -> (AsyncClient, EventLoop) {
    // A fresh session each time: boxes send again what had no receipt, so a broker's memory of us
    // adds nothing but duplicates.
    let id = format!("zaigang-server-{}", uuid::Uuid::now_v7().simple());
    let mut options = MqttOptions::new(id, &login.host, login.port);
    options
        .set_keep_alive(Duration::from_secs(30))
        .set_clean_start(true)
        .set_max_packet_size(Some(MAX_PACKET_BYTES))
        .set_receive_maximum(Some(1024))
        .set_connection_timeout(10);
    if let Some(username) = &login.username {
        options.set_credentials(username, &login.password);
    }
    if let Some(tls) = &login.tls {
        options
            .set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(tls))));
    }
    AsyncClient::new(options, 1024)
}

/// A message as the broker gave it.
#[derive(Debug)]
pub struct RawMessage {
    /// Which broker gave it.
    pub broker: BrokerIndex,
    /// It lay at the broker: the box said it some time ago.
    pub retained: bool,
    pub topic: String,
    pub payload: Vec<u8>,
}

/// What the connections hand on to.
#[derive(Debug, Clone)]
pub struct MessageIntake {
    /// Bounded: a slow disk slows the brokers, not the memory.
    pub inbox: mpsc::Sender<RawMessage>,
    pub stop: watch::Receiver<bool>,
    /// Shares the work with other processes of the same name.
    pub shared: bool,
}

/// A fault is said once, and again each hour that it stands.
#[derive(Debug, Default)]
struct Fault {
    last: String,
    told_at: Option<Instant>,
}

impl Fault {
    fn is_news(&mut self, fault: &str) -> bool {
        let news =
            fault != self.last || self.told_at.is_none_or(|at: Instant| at.elapsed() > SAID_AGAIN);
        if news {
            (self.last, self.told_at) = (fault.to_owned(), Some(Instant::now()));
        }
        news
    }
}

/// Polls one connection until told to stop.
pub async fn run(
    brokers: Arc<BrokerLinks>,
    broker: BrokerIndex,
    mut events: EventLoop,
    mut intake: MessageIntake,
) {
    let Some(link) = brokers.links.get(broker).cloned() else { return };
    let mut wait = Duration::from_millis(200);
    let mut told = Fault::default();
    loop {
        let polled = tokio::select! {
            polled = events.poll() => polled,
            _ = intake.stop.wait_for(|s| *s) => return,
        };
        match polled {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                wait = Duration::from_millis(200);
                subscribe(link.client(), intake.shared);
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                let standing = subscribed(&link.name, &ack.return_codes);
                if standing.since.is_some() {
                    told = Fault::default();
                }
                brokers.note(broker, standing);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                low_priority::between_two();
                link.count_received();
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                let raw = RawMessage {
                    broker,
                    retained: publish.retain,
                    topic,
                    payload: publish.payload.to_vec(),
                };
                if intake.inbox.send(raw).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                let fault = tls_client::explained(&error, "ca.pem of `data_dir`");
                if told.is_news(&fault) {
                    let name = &link.name;
                    tracing::warn!("no connection to broker {name}, trying again: {fault}");
                }
                brokers.note(broker, LinkState { since: None, fault });
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = intake.stop.wait_for(|s| *s) => return,
                }
                wait = (wait * 2).min(Duration::from_secs(10));
            }
        }
    }
}

/// What the broker's answer to the subscription means.
fn subscribed(name: &str, codes: &[SubscribeReasonCode]) -> LinkState {
    let refused = codes.iter().find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
    let Some(code) = refused else {
        tracing::info!("connected to broker {name}");
        return LinkState { since: Some(Timestamp::now()), fault: String::new() };
    };
    let fault = format!(
        "the broker refuses this server's subscription ({code:?}), so nothing is received: its \
        ACL must let `zaigang-server` read zaigang/v1/+/… (`zaigang-server broker-config` prints \
        it)"
    );
    tracing::error!("broker {name}: {fault}");
    LinkState { since: None, fault }
}

/// Queued, not awaited: the event loop that would send it is the caller's own.
fn subscribe(client: &AsyncClient, shared: bool) {
    let filter = |channel| {
        // Who is on line every process must know, and retained messages never come on a shared
        // subscription.
        let group = if shared && channel != Channel::Status { "$share/zaigang/" } else { "" };
        Filter::new(format!("{group}{}", Topic::filter_all(channel)), QoS::AtLeastOnce)
    };
    let filters = Channel::UP.map(filter);
    if let Err(error) = client.try_subscribe_many(filters) {
        tracing::error!(%error, "subscription not queued");
    }
}
