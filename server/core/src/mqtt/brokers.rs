//! Every broker of this server: a connection to each, how it stands, and the way out to a box.
//!
//! What goes out can be said again: a receipt comes with the box's next repetition, knowledge until
//! it is acknowledged. So no broker that is down or stands still holds the others up; what it does
//! not take is counted and left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use protocol::topic::Topic;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, EventLoop};
use tokio::sync::watch;

use super::locations::{BrokerIndex, Locations};
use super::{BrokerLogin, connect};

/// A broker that takes nothing for so long is passed over until it does.
const TAKES_WITHIN: Duration = Duration::from_secs(5);

/// All of them, in the configuration's order.
#[derive(Debug)]
pub struct BrokerLinks {
    pub links: Vec<Arc<BrokerLink>>,
    pub locations: Arc<Locations>,
    /// Whether any is connected.
    connected: watch::Sender<bool>,
}

/// How the connection to one broker stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkState {
    pub since: Option<Timestamp>,
    /// What ended it, or keeps it from being made; empty where nothing did.
    pub fault: String,
}

/// The connection to one broker, but for its event loop.
#[derive(Debug)]
pub struct BrokerLink {
    /// `HOST:PORT`.
    pub name: String,
    client: AsyncClient,
    takes_within: Duration,
    standing: watch::Sender<LinkState>,
    /// It stood still when it was last given something.
    stuck: AtomicBool,
    received: AtomicU64,
    sent: AtomicU64,
    unsent: AtomicU64,
}

/// Messages since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    pub received: u64,
    pub sent: u64,
    /// For boxes there, and not taken by the broker: they are said again.
    pub unsent: u64,
}

impl BrokerLinks {
    pub fn connect(logins: &[BrokerLogin]) -> (Arc<Self>, Vec<EventLoop>) {
        Self::connect_with(logins, TAKES_WITHIN)
    }

    fn connect_with(logins: &[BrokerLogin], takes_within: Duration) -> (Arc<Self>, Vec<EventLoop>) {
        let made = logins.iter().map(|login| {
            let (client, events) = connect(login);
            (Arc::new(BrokerLink::new(login.name(), client, takes_within)), events)
        });
        let (links, events): (Vec<_>, Vec<_>) = made.unzip();
        let locations = Arc::new(Locations::new(links.len()));
        (Arc::new(Self { links, locations, connected: watch::Sender::new(false) }), events)
    }

    /// True while at least one is connected.
    pub fn connected(&self) -> watch::Receiver<bool> {
        self.connected.subscribe()
    }

    pub(super) fn note(&self, broker: BrokerIndex, standing: LinkState) {
        let Some(link) = self.links.get(broker) else { return };
        link.standing.send_replace(standing);
        let any = self.links.iter().any(|link| link.is_connected());
        self.connected.send_if_modified(|known| std::mem::replace(known, any) != any);
    }

    /// Says it at every broker where the box may be.
    pub async fn say(&self, topic: &Topic, payload: Vec<u8>) {
        for at in self.locations.of(&topic.device) {
            if let Some(link) = self.links.get(at) {
                link.say(topic, payload.clone()).await;
            }
        }
    }
}

impl BrokerLink {
    fn new(name: String, client: AsyncClient, takes_within: Duration) -> Self {
        Self {
            name,
            client,
            takes_within,
            standing: watch::Sender::default(),
            stuck: AtomicBool::new(false),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
        }
    }

    pub fn standing(&self) -> LinkState {
        self.standing.borrow().clone()
    }

    pub fn is_connected(&self) -> bool {
        self.standing.borrow().since.is_some()
    }

    pub fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            received: read(&self.received),
            sent: read(&self.sent),
            unsent: read(&self.unsent),
        }
    }

    pub(super) fn client(&self) -> &AsyncClient {
        &self.client
    }

    pub(super) fn count_received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    async fn say(&self, topic: &Topic, payload: Vec<u8>) {
        let said = self.is_connected() && self.hand_over(topic.to_string(), payload).await;
        let counter = if said { &self.sent } else { &self.unsent };
        counter.fetch_add(1, Ordering::Relaxed);
        if !said {
            tracing::debug!(%topic, broker = self.name, "not sent: the broker does not take it");
        }
    }

    /// Waits for a slow broker, once: one that stands still is asked without waiting from then on.
    async fn hand_over(&self, topic: String, payload: Vec<u8>) -> bool {
        let quality = QoS::AtLeastOnce;
        if self.stuck.load(Ordering::Relaxed) {
            let taken = self.client.try_publish(topic, quality, false, payload).is_ok();
            self.stuck.store(!taken, Ordering::Relaxed);
            return taken;
        }
        let mut standing = self.standing.subscribe();
        tokio::select! {
            taken = self.client.publish(topic, quality, false, payload) => taken.is_ok(),
            _ = standing.wait_for(|standing| standing.since.is_none()) => false,
            () = tokio::time::sleep(self.takes_within) => {
                self.stuck.store(true, Ordering::Relaxed);
                tracing::warn!(broker = self.name, "the broker takes nothing: it is passed over");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::topic::Channel;

    use super::*;

    fn login(port: u16) -> BrokerLogin {
        let host = "127.0.0.1".to_owned();
        BrokerLogin { host, port, username: None, password: String::new(), tls: None }
    }

    /// Nobody polls the connections, as if both brokers stood still.
    #[tokio::test]
    async fn a_broker_that_takes_nothing_holds_nobody_up() {
        let (brokers, _events) =
            BrokerLinks::connect_with(&[login(1), login(2)], Duration::from_millis(300));
        let topic = Topic::new("box-1".parse().unwrap(), Channel::Receipts);
        brokers.say(&topic, vec![1]).await;
        assert_eq!(brokers.links[0].traffic().unsent, 1, "it is not connected");
        assert!(!*brokers.connected().borrow());
        let up = LinkState { since: Some(Timestamp::now()), fault: String::new() };
        brokers.note(0, up.clone());
        assert!(*brokers.connected().borrow());
        // Waiting for each of them would take twenty minutes.
        let all = async {
            for _ in 0..5_000 {
                brokers.say(&topic, vec![1]).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), all).await.unwrap();
        let traffic = brokers.links[0].traffic();
        assert_eq!(traffic.sent + traffic.unsent, 5_001);
        assert!(traffic.unsent > 3_000, "{traffic:?}");
        brokers.note(0, LinkState::default());
        assert!(!*brokers.connected().borrow());
    }
}
