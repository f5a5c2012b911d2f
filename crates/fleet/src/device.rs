//! One simulated box: the real envelope, chain, planner, receipts and knowledge; its outbox is in
//! memory. It judges nothing and drops nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use delivery::outbox::plan::{Class, Lane, LaneHeads, Planner, SendLimits};
use jiff::Timestamp;
use protocol::WIRE_VERSION;
use protocol::down::{Down, DownBody};
use protocol::envelope::{Envelope, Sealed};
use protocol::id::DeviceId;
use protocol::topic::{Channel, Topic};
use protocol::up::{ClockSource, HealthReport, KnowledgeAck, Stamp, StatusBody, Step, Up, UpBody};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, LastWill, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::mpsc;
use trust::{DownVerifier, Refused, ZERO_HASH, chain_hash};

use crate::counts::FleetCounts;
use crate::test_bed::SimulatedIdentity;

/// What a box is told to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BoxOrder {
    Finding,
    Heartbeat,
    /// Loses its network: what it raises waits in its outbox.
    Leave,
    Return,
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Lost,
    /// The box was told to leave.
    Left,
    OrdersEnded,
}

/// Signs links; also used to sign messages ahead of a run.
#[derive(Debug)]
pub(crate) struct ChainSigner {
    pub(crate) identity: SimulatedIdentity,
    device: DeviceId,
    seq: u64,
    prev: String,
    heartbeat: u64,
    findings: u64,
    boot_id: String,
    began: Instant,
}

/// The life of a finding: each step is a message, and each finding an incident of its own.
const STEPS: [Step; 3] = [Step::Opened, Step::Strengthened, Step::Closed];

/// A signed message, ready to publish.
#[derive(Debug)]
pub(crate) struct SignedLink {
    pub(crate) seq: u64,
    pub(crate) topic: String,
    pub(crate) text: String,
    event_id: String,
    lane: Lane,
    finding: bool,
}

impl ChainSigner {
    pub(crate) fn new(identity: SimulatedIdentity) -> anyhow::Result<Self> {
        let device =
            identity.device.parse().map_err(|e: protocol::id::BadId| anyhow::anyhow!("{e}"))?;
        let boot_id = uuid::Uuid::now_v7().to_string();
        Ok(Self {
            identity,
            device,
            seq: 0,
            prev: ZERO_HASH.to_owned(),
            heartbeat: 0,
            findings: 0,
            boot_id,
            began: Instant::now(),
        })
    }

    pub(crate) fn device(&self) -> &DeviceId {
        &self.device
    }

    pub(crate) fn sign(&mut self, payload: Up) -> SignedLink {
        self.seq += 1;
        let mut payload = payload;
        match &mut payload {
            Up::Finding(finding) => {
                let (life, step) = (self.findings / 3, (self.findings % 3) as usize);
                self.findings += 1;
                (finding.step, finding.revision) = (STEPS[step], step as u32 + 1);
                trust::sha256_hex(format!("{} {life}", self.device))[..32]
                    .clone_into(&mut finding.finding_id);
                finding.incident_id.clone_from(&finding.finding_id);
                finding.room.clone_from(&self.identity.room);
            }
            Up::Health(health) => {
                self.heartbeat += 1;
                health.heartbeat_seq = self.heartbeat;
            }
            _ => {}
        }
        let (class, channel) = (Class::of(&payload), payload.channel().unwrap_or(Channel::Health));
        let finding = matches!(payload, Up::Finding(_));
        let event_id = uuid::Uuid::now_v7().to_string();
        let body = UpBody {
            v: WIRE_VERSION,
            device: self.device.clone(),
            seq: self.seq,
            prev: std::mem::take(&mut self.prev),
            event_id: event_id.clone(),
            stamp: Stamp {
                utc: format!("{:.3}", Timestamp::now()),
                boot_id: self.boot_id.clone(),
                boot_count: 1,
                mono_ms: self.began.elapsed().as_millis() as u64,
                uncertainty_ms: 20,
                clock: ClockSource::Synchronised,
            },
            payload,
        };
        // Plain structs of texts and numbers: JSON can hold them all.
        let text = serde_json::to_string(&body).unwrap_or_default();
        self.prev = chain_hash(&text);
        let text = serde_json::to_string(&self.identity.signing.sign(text)).unwrap_or_default();
        let topic = Topic::new(self.device.clone(), channel).to_string();
        SignedLink { seq: self.seq, topic, text, event_id, lane: class.lane(), finding }
    }

    fn status(&self, online: bool, connected_at: &str) -> String {
        let body = StatusBody {
            v: WIRE_VERSION,
            device: self.device.clone(),
            online,
            boot_count: 1,
            boot_id: self.boot_id.clone(),
            connected_at: connected_at.to_owned(),
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        serde_json::to_string(&self.identity.signing.sign(text)).unwrap_or_default()
    }
}

/// A box that lives until its orders end.
pub(crate) struct SimulatedBox {
    chain: ChainSigner,
    /// Of brokers on this machine; the one in use is `at`.
    ports: Vec<u16>,
    at: usize,
    counts: Arc<FleetCounts>,
    waiting: BTreeMap<u64, (SignedLink, Instant)>,
    planner: Planner,
    verifier: DownVerifier,
    /// When a receipt was due last, or came.
    answered: Instant,
    away: bool,
    /// Back from an outage, and not yet rid of all that it raised meanwhile.
    returning: bool,
}

/// Without a receipt for so long a box goes to another broker.
const PATIENCE: Duration = Duration::from_secs(45);

impl SimulatedBox {
    pub(crate) fn new(
        identity: SimulatedIdentity,
        ports: Vec<u16>,
        counts: Arc<FleetCounts>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let chain = ChainSigner::new(identity)?;
        let verifier =
            DownVerifier::new(chain.device.clone(), chain.identity.server, BTreeMap::new());
        let planner = Planner::new(SendLimits::default(), seed);
        let at = seed as usize % ports.len().max(1);
        Ok(Self {
            chain,
            ports,
            at,
            counts,
            waiting: BTreeMap::new(),
            planner,
            verifier,
            answered: Instant::now(),
            away: false,
            returning: false,
        })
    }

    /// Reconnects like the real box, with a shorter first wait.
    pub(crate) async fn live(mut self, mut orders: mpsc::UnboundedReceiver<BoxOrder>) {
        let mut wait_ms = 100;
        let mut dice =
            u64::from(self.port()) ^ self.chain.seq ^ self.chain.device.as_str().len() as u64;
        loop {
            let began = Instant::now();
            match self.connection(&mut orders).await {
                Over::OrdersEnded => return,
                Over::Lost => {}
                Over::Left => {
                    if self.outage(&mut orders).await == Over::OrdersEnded {
                        return;
                    }
                    continue;
                }
            }
            self.at = (self.at + 1) % self.ports.len().max(1);
            if began.elapsed() > Duration::from_secs(5) {
                wait_ms = 100;
            }
            let wait = delivery::outbox::plan::spread(wait_ms, 500, &mut dice);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            wait_ms = (wait_ms * 2).min(5_000);
        }
    }

    /// Without a network until it is told to return.
    async fn outage(&mut self, orders: &mut mpsc::UnboundedReceiver<BoxOrder>) -> Over {
        while self.away {
            match orders.recv().await {
                None => return Over::OrdersEnded,
                Some(order) => self.obey(order),
            }
        }
        Over::Left
    }

    /// There is at least one.
    fn port(&self) -> u16 {
        self.ports.get(self.at).copied().unwrap_or_default()
    }

    /// One connection.
    async fn connection(&mut self, orders: &mut mpsc::UnboundedReceiver<BoxOrder>) -> Over {
        let connected_at = format!("{:.6}", Timestamp::now());
        let (client, mut events) = AsyncClient::new(self.options(&connected_at), 96);
        let (to_us, mut from_network) = mpsc::channel(8);
        // A poll must not be cancelled half-way through a write, so it has a task of its own.
        let network = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                if let Event::Incoming(packet) = event
                    && to_us.send(packet).await.is_err()
                {
                    return;
                }
            }
        });
        let mut up = false;
        let mut wake = None;
        self.answered = Instant::now();
        let over = loop {
            let due = wake.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_hours(1));
            tokio::select! {
                packet = from_network.recv() => match packet {
                    None => break Over::Lost,
                    Some(Packet::ConnAck(_)) => {
                        up = true;
                        self.counts.connected.fetch_add(1, Ordering::SeqCst);
                        self.planner.reconnected(None);
                        self.greet(&client, &connected_at);
                    }
                    Some(Packet::Publish(publish)) => self.heard(&publish),
                    Some(_) => continue,
                },
                order = orders.recv() => match order {
                    None => break Over::OrdersEnded,
                    Some(order) => self.obey(order),
                },
                () = tokio::time::sleep_until(due), if up => {}
            }
            if self.away {
                break Over::Left;
            }
            if self.swallows() {
                break Over::Lost;
            }
            if up {
                wake = self.pump(&client);
            }
        };
        if up {
            self.counts.connected.fetch_sub(1, Ordering::SeqCst);
        }
        network.abort();
        over
    }

    /// As the real box: a broker that passes nothing on looks like one that works.
    fn swallows(&self) -> bool {
        self.ports.len() > 1 && !self.waiting.is_empty() && self.answered.elapsed() > PATIENCE
    }

    fn options(&self, connected_at: &str) -> MqttOptions {
        let mut options = MqttOptions::new(self.chain.device.as_str(), "127.0.0.1", self.port());
        options
            .set_keep_alive(Duration::from_mins(2))
            .set_clean_start(false)
            .set_connection_timeout(30);
        options.set_outgoing_inflight_upper_limit(72);
        let mut properties = ConnectProperties::new();
        properties.session_expiry_interval = Some(600);
        properties.max_packet_size = Some(1 << 20);
        options.set_connect_properties(properties);
        let topic = Topic::new(self.chain.device.clone(), Channel::Status).to_string();
        let will = self.chain.status(false, connected_at);
        options.set_last_will(LastWill::new(topic, will, QoS::AtLeastOnce, true, None));
        options
    }

    fn greet(&self, client: &AsyncClient, connected_at: &str) {
        for channel in Channel::DOWN {
            let filter = Topic::new(self.chain.device.clone(), channel).to_string();
            // The queue of a new connection has room for these.
            let _ = client.try_subscribe(filter, QoS::AtLeastOnce);
        }
        let topic = Topic::new(self.chain.device.clone(), Channel::Status).to_string();
        let _ = client.try_publish(
            topic,
            QoS::AtLeastOnce,
            true,
            self.chain.status(true, connected_at),
        );
    }

    fn obey(&mut self, order: BoxOrder) {
        match order {
            BoxOrder::Finding => self.append(delivery::testing::finding("L2")),
            BoxOrder::Heartbeat => {
                let firmware = "fleet".into();
                self.append(Up::Health(HealthReport { firmware, ..HealthReport::default() }));
            }
            BoxOrder::Leave => self.away = true,
            BoxOrder::Return => (self.away, self.returning) = (false, true),
        }
    }

    fn append(&mut self, payload: Up) {
        let link = self.chain.sign(payload);
        self.counts.raised.fetch_add(1, Ordering::SeqCst);
        self.counts.note('R', &link.event_id);
        if self.waiting.is_empty() {
            self.answered = Instant::now();
        }
        self.waiting.insert(link.seq, (link, Instant::now()));
    }

    fn pump(&mut self, client: &AsyncClient) -> Option<tokio::time::Instant> {
        let window = self.planner.window();
        let lane = |lane: Lane| -> Vec<u64> {
            let of = self.waiting.values().filter(|(link, _)| link.lane == lane);
            of.take(window).map(|(link, _)| link.seq).collect()
        };
        let heads = LaneHeads { vital: lane(Lane::Vital), bulk: lane(Lane::Bulk) };
        let now_ms = self.chain.began.elapsed().as_millis() as u64;
        let plan = self.planner.plan(&heads, now_ms);
        for seq in plan.send {
            let Some((link, _)) = self.waiting.get(&seq) else { continue };
            if client
                .try_publish(link.topic.clone(), QoS::AtLeastOnce, false, link.text.clone())
                .is_err()
            {
                self.planner.not_sent(seq);
                return Some(tokio::time::Instant::now() + Duration::from_millis(100));
            }
        }
        plan.wake_at_ms.map(|at| {
            tokio::time::Instant::now() + Duration::from_millis(at.saturating_sub(now_ms))
        })
    }

    fn heard(&mut self, publish: &Publish) {
        let body = match self.open(publish) {
            Ok(body) => body,
            // The server's own word, overtaken by a newer one or brought again by a broker.
            Err(Refused::Repeated { .. } | Refused::Rollback { .. }) => return,
            Err(_) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        self.verifier.taken(&body.kind, body.version);
        if let Down::Receipt(receipt) = &body.payload {
            self.receipted(receipt);
            return;
        }
        self.append(Up::KnowledgeAck(KnowledgeAck {
            kind: body.kind.clone(),
            version: body.version,
            applied: true,
            refused_because: None,
            templates_deleted: Vec::new(),
        }));
    }

    fn open(&self, publish: &Publish) -> Result<DownBody, Refused> {
        let malformed = |e: serde_json::Error| Refused::Malformed {
            what: "message from the server",
            why: e.to_string(),
        };
        let envelope: Envelope = if publish.topic.ends_with(b"/knowledge") {
            let sealed: Sealed = serde_json::from_slice(&publish.payload).map_err(malformed)?;
            trust::open(&sealed, &self.chain.device, &self.chain.identity.sealing)?
        } else {
            serde_json::from_slice(&publish.payload).map_err(malformed)?
        };
        self.verifier.check(&envelope, Some(Timestamp::now()))
    }

    fn receipted(&mut self, receipt: &protocol::down::Receipt) {
        let above = self.waiting.split_off(&(receipt.contiguous_seq + 1));
        let mut done = std::mem::replace(&mut self.waiting, above);
        for seq in &receipt.above {
            if let Some(one) = self.waiting.remove(seq) {
                done.insert(*seq, one);
            }
        }
        if done.is_empty() {
            return;
        }
        self.answered = Instant::now();
        for (link, _) in done.values() {
            self.counts.note('A', &link.event_id);
        }
        self.counts.receipted.fetch_add(done.len() as u64, Ordering::SeqCst);
        if self.waiting.is_empty() && std::mem::take(&mut self.returning) {
            self.counts.returned.fetch_add(1, Ordering::SeqCst);
        }
        let findings = done.values().filter(|(link, _)| link.finding);
        self.counts.took(findings.map(|(_, raised)| raised.elapsed()));
    }
}
