//! One connection, from CONNECT to its end. Whatever ends it, the outbox still has every row
//! without a receipt.

use std::time::Duration;

use jiff::Timestamp;
use protocol::down::Down;
use protocol::topic::{Channel, Topic};
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error, info, warn};
use trust::DownVerifier;

use super::incoming::{MessageRefusal, admit};
use super::options::{connect_options, status_payload, status_topic};
use super::probe::{is_refused, not_taken};
use super::stats::RefusalCause;
use super::{Delivered, LinkSettings};
use crate::outbox::plan::Planner;
use crate::outbox::{Outbox, OutboxError};

pub(super) enum End {
    Lost(String),
    /// Several brokers stand, and at this one no receipt came.
    Unheard(String),
    Stopped,
}

enum FromNetwork {
    Event(Box<Event>),
    Lost(String),
}

struct LinkSession<'a> {
    settings: &'a LinkSettings,
    outbox: &'a Outbox,
    to_engine: &'a mpsc::Sender<Delivered>,
    planner: &'a mut Planner,
    client: AsyncClient,
    began: Instant,
    connected_at: String,
    /// When the planner wants to be asked again.
    wake: Option<Instant>,
    /// What was published and not receipted since then; the server's receipts come within seconds.
    unreceipted_since: Option<Instant>,
    said_unreceipted: bool,
    /// The broker serves this box only in part.
    refused: Option<String>,
    /// The broker says that nobody subscribes to what this box last sent.
    nobody_reads: bool,
}

pub(super) async fn run(
    settings: &LinkSettings,
    outbox: &Outbox,
    to_engine: &mpsc::Sender<Delivered>,
    planner: &mut Planner,
    shutdown: &mut watch::Receiver<bool>,
) -> End {
    let connected_at = format!("{:.3}", Timestamp::now());
    let options = match connect_options(settings, outbox.boot(), &connected_at) {
        Ok(options) => options,
        Err(error) => return End::Lost(error.to_string()),
    };
    let (client, events) = AsyncClient::new(options, settings.limits.window + 16);
    // Polled in a task of its own: the library's poll must not be cancelled half-way through a
    // write.
    let (tx, mut rx) = mpsc::channel(64);
    let network = tokio::spawn(poll(events, tx));
    let began = Instant::now();
    let mut session = LinkSession {
        settings,
        outbox,
        to_engine,
        planner,
        client,
        began,
        connected_at,
        wake: None,
        unreceipted_since: None,
        said_unreceipted: false,
        refused: None,
        nobody_reads: false,
    };
    let end = session.drive(&mut rx, shutdown).await;
    network.abort();
    end
}

async fn poll(mut events: EventLoop, tx: mpsc::Sender<FromNetwork>) {
    loop {
        let event = match events.poll().await {
            Ok(event) => FromNetwork::Event(Box::new(event)),
            Err(error) => {
                let _ = tx.send(FromNetwork::Lost(error.to_string())).await;
                return;
            }
        };
        if tx.send(event).await.is_err() {
            return;
        }
    }
}

impl LinkSession<'_> {
    async fn drive(
        &mut self,
        rx: &mut mpsc::Receiver<FromNetwork>,
        shutdown: &mut watch::Receiver<bool>,
    ) -> End {
        let mut up = false;
        let mut listed = self.settings.brokers.changes();
        let receipts_within = Duration::from_millis(self.settings.receipts_within_ms);
        loop {
            if let Some(why) = self.refused.take().filter(|_| self.has_others()) {
                return End::Lost(why);
            }
            let wake = self.wake.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            let overdue = self.unreceipted_since.unwrap_or_else(Instant::now) + receipts_within;
            tokio::select! {
                event = rx.recv() => match event {
                    None => return End::Lost("the network task ended".to_owned()),
                    Some(FromNetwork::Lost(why)) => return End::Lost(why),
                    Some(FromNetwork::Event(event)) => {
                        if self.on_event(*event).await {
                            up = true;
                            self.pump().await;
                        }
                    }
                },
                () = self.outbox.changed(), if up => self.pump().await,
                () = sleep_until(wake), if up => self.pump().await,
                () = sleep_until(overdue), if up && !self.said_unreceipted => {
                    if let Some(why) = self.unreceipted() {
                        return End::Unheard(why);
                    }
                }
                Ok(()) = listed.changed() => {
                    if !self.is_listed() {
                        return End::Lost("the server took it from the list".to_owned());
                    }
                }
                changed = shutdown.changed() => {
                    if changed.is_err() || *shutdown.borrow() {
                        if up {
                            self.flush(rx).await;
                        }
                        return End::Stopped;
                    }
                }
            }
        }
    }

    /// True on the event that opens the connection.
    async fn on_event(&mut self, event: Event) -> bool {
        match event {
            Event::Incoming(Packet::ConnAck(ack)) => {
                self.planner.reconnected(ack.properties.and_then(|p| p.receive_max));
                self.greet();
                true
            }
            Event::Incoming(Packet::Publish(publish)) => {
                self.on_publish(publish).await;
                false
            }
            Event::Incoming(Packet::SubAck(ack)) => {
                if is_refused(&ack.return_codes) {
                    let why = format!(
                        "the broker refuses a subscription ({:?}): neither receipts nor knowledge \
                        of the server reach this box; its access list lacks this box \
                        (broker-config on the server)",
                        ack.return_codes
                    );
                    error!("{why}");
                    self.refused = Some(why);
                }
                false
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                if let Some(why) = not_taken(ack.reason) {
                    error!("{why}; what was sent stays in the outbox");
                    self.refused = Some(why);
                }
                self.nobody_reads = ack.reason == PubAckReason::NoMatchingSubscribers;
                debug!(
                    "broker answers packet {} ({:?}); the row stays until the server's receipt",
                    ack.pkid, ack.reason
                );
                false
            }
            _ => false,
        }
    }

    /// Subscriptions and the retained status. The channel is empty on a new connection, so none of
    /// these can be full.
    fn greet(&mut self) {
        self.settings.stats.set_connected(true);
        self.settings.stats.use_broker(&self.settings.identity.broker);
        let device = &self.settings.identity.device;
        for channel in Channel::DOWN {
            let filter = Topic::new(device.clone(), channel).to_string();
            if let Err(error) = self.client.try_subscribe(filter, QoS::AtLeastOnce) {
                error!("subscription to {}: {error}", channel.as_str());
            }
        }
        self.say_status(true);
        info!("connected to broker {} as {device}", self.settings.identity.broker);
    }

    /// Says it once that receipts are overdue; where another broker stands, it is a reason to go.
    fn unreceipted(&mut self) -> Option<String> {
        self.said_unreceipted = self.unreceipted_since.is_some();
        let cause = if self.nobody_reads {
            "the broker says that nobody reads it, so the server is down or reads from another \
             broker"
        } else {
            "it is down, reads from another broker, or does not know this box"
        };
        let why = format!(
            "the broker takes this box's messages, and the server has receipted none for {} s: \
            {cause}; what was sent stays in the outbox",
            self.settings.receipts_within_ms / 1000
        );
        if !self.said_unreceipted {
            return None;
        }
        if self.has_others() {
            return Some(why);
        }
        warn!("{why}");
        None
    }

    fn has_others(&self) -> bool {
        let here = &self.settings.identity.broker;
        self.settings.brokers.all().iter().any(|broker| !broker.is_at(here))
    }

    fn is_listed(&self) -> bool {
        let here = &self.settings.identity.broker;
        self.settings.brokers.all().iter().any(|broker| broker.is_at(here))
    }

    fn say_status(&mut self, online: bool) {
        let payload = status_payload(self.settings, self.outbox.boot(), online, &self.connected_at);
        let topic = status_topic(self.settings);
        if let Err(error) = self.client.try_publish(topic, QoS::AtLeastOnce, true, payload) {
            debug!("status: {error}");
        }
    }

    /// Publishes what is due. What can not be read or handed over stays in the outbox for the next
    /// round.
    async fn pump(&mut self) {
        let window = self.planner.window();
        let heads = match on_disk(self.outbox, move |outbox| outbox.heads(window)).await {
            Ok(heads) => heads,
            Err(error) => {
                error!("{error}");
                self.wake = Some(Instant::now() + Duration::from_secs(1));
                return;
            }
        };
        let now_ms = self.began.elapsed().as_millis() as u64;
        let plan = self.planner.plan(&heads, now_ms);
        self.wake = plan.wake_at_ms.map(|at| self.began + Duration::from_millis(at));
        for seq in plan.send {
            match on_disk(self.outbox, move |outbox| outbox.envelope(seq)).await {
                Ok(Some((channel, text))) => self.publish(seq, channel, text),
                // Receipted or dropped since the plan was made.
                Ok(None) => self.planner.not_sent(seq),
                Err(error) => {
                    error!("{error}");
                    self.planner.not_sent(seq);
                }
            }
        }
    }

    fn publish(&mut self, seq: u64, channel: Channel, text: String) {
        let topic = Topic::new(self.settings.identity.device.clone(), channel).to_string();
        if self.client.try_publish(topic, QoS::AtLeastOnce, false, text).is_ok() {
            self.settings.stats.count_published();
            self.unreceipted_since.get_or_insert_with(Instant::now);
            fail_point::reached("mqtt.handed_over");
            return;
        }
        // The network is slower than the window: try again shortly.
        self.planner.not_sent(seq);
        self.wake = Some(Instant::now() + Duration::from_millis(200));
    }

    async fn on_publish(&mut self, publish: Publish) {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let versions = match self.outbox.down_versions() {
            Ok(versions) => versions,
            Err(error) => return error!("{error}"),
        };
        let identity = &self.settings.identity;
        let verifier = DownVerifier::new(identity.device.clone(), identity.server, versions);
        match admit(&topic, &publish.payload, identity, &verifier, (self.settings.now)()) {
            Err(refusal) => self.refuse(&topic, &refusal),
            Ok((channel, body)) => {
                if let Down::Receipt(receipt) = body.payload {
                    let version = body.version;
                    self.on_receipt(receipt, version).await;
                } else {
                    self.deliver(Delivered { body, channel, raw: publish.payload.to_vec() }).await;
                }
            }
        }
    }

    fn refuse(&self, topic: &str, refusal: &MessageRefusal) {
        self.settings.stats.count_refused(refusal.reason);
        let topic: String = topic.chars().take(120).collect();
        if refusal.reason == RefusalCause::Repeated {
            // The broker may hand a message over twice.
            debug!("refused on {topic}: {}", refusal.why);
        } else {
            warn!("refused on {topic}: {}", refusal.why);
        }
    }

    async fn on_receipt(&mut self, receipt: protocol::down::Receipt, version: u64) {
        fail_point::reached("mqtt.receipt_verified");
        let heads = self.settings.audit_heads.clone();
        let applied = on_disk(self.outbox, move |outbox| {
            let applied = outbox.apply_receipt(&receipt)?;
            outbox.note_version("receipt", version)?;
            // A head that can not be kept stops no receipt: the server sends another one within the
            // hour.
            if let (Some(heads), Some(signed)) = (heads, &receipt.audit_head)
                && let Err(error) = heads.keep(signed)
            {
                warn!("the server's audit head is not kept: {error}");
            }
            Ok(applied)
        });
        match applied.await {
            Ok(applied) => {
                self.settings.stats.count_receipt();
                (self.unreceipted_since, self.said_unreceipted) = (None, false);
                debug!("receipt {version}: {} rows stored by the server", applied.deleted);
            }
            Err(error) => error!("receipt {version} refused: {error}"),
        }
    }

    async fn deliver(&self, delivered: Delivered) {
        let (kind, version) = (delivered.body.kind.clone(), delivered.body.version);
        if let Ok(Ok(())) = timeout(Duration::from_secs(5), self.to_engine.send(delivered)).await {
            self.settings.stats.count_delivered();
        } else {
            self.settings.stats.count_refused(RefusalCause::Undelivered);
            warn!(
                "{kind} version {version} was not taken by the engine; the server will send it \
                again"
            );
        }
    }

    /// Goes on delivering until the outbox is empty or the time is up, then says goodbye.
    async fn flush(&mut self, rx: &mut mpsc::Receiver<FromNetwork>) {
        let deadline = Instant::now() + Duration::from_millis(self.settings.flush_ms);
        self.pump().await;
        while self.outbox.stats().is_ok_and(|stats| stats.depth > 0) {
            tokio::select! {
                event = rx.recv() => match event {
                    Some(FromNetwork::Event(event)) => { self.on_event(*event).await; }
                    _ => return,
                },
                () = self.outbox.changed() => self.pump().await,
                () = sleep_until(deadline) => break,
            }
        }
        self.say_status(false);
        let _ = self.client.try_disconnect();
        let goodbye = async {
            while let Some(FromNetwork::Event(event)) = rx.recv().await {
                if matches!(*event, Event::Outgoing(Outgoing::Disconnect)) {
                    return;
                }
            }
        };
        let _ = timeout(Duration::from_millis(700), goodbye).await;
    }
}

/// Runs a disk operation where it may block; a write waits for the disk's own sync.
async fn on_disk<T, F>(outbox: &Outbox, work: F) -> Result<T, OutboxError>
where
    T: Send + 'static,
    F: FnOnce(&Outbox) -> Result<T, OutboxError> + Send + 'static,
{
    let outbox = outbox.clone();
    tokio::task::spawn_blocking(move || work(&outbox)).await.unwrap_or(Err(OutboxError::Poisoned))
}
