//! The server's own MQTT connection: everything that boxes say goes to the ingest, receipts and
//! knowledge go out.
//!
//! Reconnects with back-off; what was not delivered meanwhile comes again from the boxes' outboxes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::topic::{Channel, Topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use tokio::sync::{mpsc, watch};

use crate::behind;
use crate::broker::MAX_PACKET_BYTES;
use crate::ingest::Raw;
use crate::tls_client;

/// A fault of the connection that stands is said again.
const SAID_AGAIN: Duration = Duration::from_hours(1);

/// Where the broker is and who we are there.
#[derive(Clone)]
pub struct Login {
    pub host: String,
    pub port: u16,
    pub username: Option<String>,
    pub password: String,
    /// Set where the broker speaks TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Shares the work with other processes of the same name.
    pub shared: bool,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({}:{})", self.host, self.port)
    }
}

/// The speaking half.
#[derive(Debug, Clone)]
pub struct Mouth {
    client: AsyncClient,
}

impl Mouth {
    pub async fn say(&self, topic: &Topic, payload: Vec<u8>) {
        // It fails only once the event loop is gone, which is at the end of the process.
        if self.client.publish(topic.to_string(), QoS::AtLeastOnce, false, payload).await.is_err() {
            tracing::debug!(%topic, "not sent: the server is stopping");
        }
    }

    pub async fn disconnect(&self) {
        let _ = self.client.disconnect().await;
    }
}

pub fn connect(login: &Login) -> (Mouth, EventLoop) {
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
    let (client, events) = AsyncClient::new(options, 1024);
    (Mouth { client }, events)
}

/// Polls the connection until `stop` turns true. The channel to the ingest is bounded: a slow disk
/// slows the broker, not the memory.
pub async fn run(
    mouth: Mouth,
    mut events: EventLoop,
    inbox: mpsc::Sender<Raw>,
    connected: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
    shared: bool,
) {
    let mut wait = Duration::from_millis(200);
    let (mut last_fault, mut told_at) = (String::new(), None);
    loop {
        let polled = tokio::select! {
            polled = events.poll() => polled,
            _ = stop.wait_for(|s| *s) => return,
        };
        match polled {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                wait = Duration::from_millis(200);
                subscribe(&mouth.client, shared);
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                let refused = ack
                    .return_codes
                    .iter()
                    .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                if let Some(code) = refused {
                    connected.send_replace(false);
                    tracing::error!(
                        ?code,
                        "the broker refuses this server's subscription, so nothing is received: \
                        its ACL must let `zaigang-server` read zaigang/v1/+/… (`zaigang-server \
                        broker-config` prints it)"
                    );
                    continue;
                }
                tracing::info!("connected to the broker");
                (last_fault, told_at) = (String::new(), None);
                connected.send_replace(true);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                behind::between_two();
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                if inbox.send(Raw { topic, payload: publish.payload.to_vec() }).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                connected.send_replace(false);
                let fault = tls_client::explained(&error, "ca.pem of `data_dir`");
                // The same fault is said once, and again each hour that it stands.
                if fault != last_fault
                    || told_at.is_none_or(|at: Instant| at.elapsed() > SAID_AGAIN)
                {
                    tracing::warn!("no connection to the broker, trying again: {fault}");
                    (last_fault, told_at) = (fault, Some(Instant::now()));
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = stop.wait_for(|s| *s) => return,
                }
                wait = (wait * 2).min(Duration::from_secs(10));
            }
        }
    }
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
