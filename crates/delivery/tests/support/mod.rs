#![allow(dead_code, reason = "each test program uses its own part")]
//! A real Mosquitto on a free port, and a small server side: stores by event id, checks the chain,
//! gives signed receipts. Whatever happens here is news, and tests wait for news: nobody sleeps and
//! hopes.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use delivery::identity::BoxIdentity;
use delivery::mqtt::{LinkSettings, LinkStats};
use delivery::outbox::plan::{SendLimits, spread};
use delivery::outbox::{Outbox, OutboxOptions};
use jiff::Timestamp;
use protocol::down::{Down, Receipt};
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::provision::BrokerAddress;
use protocol::topic::{Channel, Topic};
use protocol::up::{ClockSource, Stamp, Up, UpBody};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::watch;
use trust::{SealingKey, SigningKey, VerifyingKey, ZERO_HASH, chain_hash, sign_down, verify};

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

static NEWS: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

pub(crate) fn news() {
    NEWS.send_modify(|n| *n += 1);
}

/// Waits for something to come true, looking again at every news; fails the test after a minute.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    let mut news = NEWS.subscribe();
    loop {
        news.borrow_and_update();
        if holds() {
            return;
        }
        let heard = tokio::time::timeout_at(deadline, news.changed()).await;
        assert!(heard.is_ok(), "after {LIMIT:?} still not: {what}");
    }
}

/// What a link counts is news too.
pub(crate) fn follow(stats: &LinkStats) {
    let mut changes = stats.changes();
    tokio::spawn(async move {
        while changes.changed().await.is_ok() {
            news();
        }
    });
}

pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    dir: PathBuf,
    child: Option<Child>,
    up: watch::Sender<bool>,
}

/// Where the broker listens, and whether it lives.
#[derive(Clone)]
pub(crate) struct Line {
    port: u16,
    up: watch::Receiver<bool>,
}

impl Mosquitto {
    /// `None`, with a line on stderr, where no Mosquitto is installed.
    pub(crate) fn start(dir: &Path, test: &str) -> Option<Self> {
        Self::start_with(dir, test, "")
    }

    /// As [`Self::start`], with more lines of configuration (a second listener).
    pub(crate) fn start_with(dir: &Path, test: &str, more: &str) -> Option<Self> {
        if !Path::new("/usr/sbin/mosquitto").exists() {
            eprintln!("SKIPPED {test}: /usr/sbin/mosquitto not found (apt-get install mosquitto)");
            return None;
        }
        let port = free_port();
        let user = if is_root() { "user root\n" } else { "" };
        let config = format!(
            "per_listener_settings true\npersistence false\nlog_dest stderr\nlog_type \
                information\nmax_packet_size 2000000\n{user}\
             listener {port} 127.0.0.1\nallow_anonymous true\n{more}"
        );
        std::fs::write(dir.join("mosquitto.conf"), config).unwrap();
        let mut broker =
            Self { port, dir: dir.to_owned(), child: None, up: watch::Sender::new(false) };
        broker.resume();
        Some(broker)
    }

    pub(crate) fn line(&self) -> Line {
        Line { port: self.port, up: self.up.subscribe() }
    }

    /// Starts again on the same port, with nothing remembered; it says itself when it listens.
    pub(crate) fn resume(&mut self) {
        let config = self.dir.join("mosquitto.conf");
        let mut child = Command::new("/usr/sbin/mosquitto")
            .arg("-c")
            .arg(config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
        self.child = Some(child);
        let mut line = String::new();
        while !line.trim_end().ends_with("running") {
            line.clear();
            assert!(said.read_line(&mut line).unwrap() > 0, "mosquitto ended before it listened");
        }
        // What it says later must go somewhere, or it would stand still one day.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        self.up.send_replace(true);
    }

    /// SIGKILL: sessions, queues and retained messages are gone.
    pub(crate) fn kill(&mut self) {
        self.up.send_replace(false);
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self")
        .is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// What the server side stored, and how often it saw it.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) by_event: BTreeMap<String, UpBody>,
    pub(crate) hashes: BTreeMap<u64, String>,
    pub(crate) arrivals: u64,
    pub(crate) bad: u64,
    pub(crate) statuses: Vec<bool>,
    /// Everything up to here is stored; nothing is ever taken away, so it only rises.
    contiguous_seq: u64,
}

impl Stored {
    pub(crate) fn seqs(&self) -> Vec<u64> {
        let mut seqs: Vec<u64> = self.by_event.values().map(|body| body.seq).collect();
        seqs.sort_unstable();
        seqs
    }

    /// Findings that were stored, by their distinguishing revision.
    pub(crate) fn findings(&self) -> Vec<u32> {
        let mut found: Vec<u32> = self
            .by_event
            .values()
            .filter_map(
                |body| if let Up::Finding(f) = &body.payload { Some(f.revision) } else { None },
            )
            .collect();
        found.sort_unstable();
        found
    }

    fn receipt(&mut self) -> Receipt {
        while self.hashes.contains_key(&(self.contiguous_seq + 1)) {
            self.contiguous_seq += 1;
        }
        let contiguous_seq = self.contiguous_seq;
        let contiguous_hash =
            self.hashes.get(&contiguous_seq).cloned().unwrap_or_else(|| ZERO_HASH.to_owned());
        let above = self.hashes.range(contiguous_seq + 2..).map(|(seq, _)| *seq).collect();
        Receipt { contiguous_seq, contiguous_hash, above, audit_head: None }
    }
}

/// A message that nothing follows is held back no longer than this.
const HELD_FOR: Duration = Duration::from_millis(30);

/// The server's half, in memory.
#[derive(Clone)]
pub(crate) struct ServerSide {
    pub(crate) key: SigningKey,
    pub(crate) stored: Arc<Mutex<Stored>>,
    device: DeviceId,
    device_key: VerifyingKey,
    version: Arc<AtomicU64>,
    /// Every n-th message is stored without a receipt, as if the server died between; 0: none.
    pub(crate) forget_receipt_every: Arc<AtomicU64>,
    /// Messages held back and then taken in any order, some of them twice; 0: none.
    pub(crate) scramble: Arc<AtomicU64>,
}

impl ServerSide {
    pub(crate) fn new(key: SigningKey, device: DeviceId, device_key: VerifyingKey) -> Self {
        Self {
            key,
            device,
            device_key,
            stored: Arc::default(),
            version: Arc::default(),
            forget_receipt_every: Arc::default(),
            scramble: Arc::default(),
        }
    }

    pub(crate) fn next_version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn signed(&self, payload: Down) -> Envelope {
        let now = Timestamp::now();
        let later = now + Duration::from_mins(10);
        sign_down(&self.key, &self.device, self.next_version(), now, later, payload).unwrap()
    }

    /// Serves until aborted; connects again as soon as the broker lives again.
    pub(crate) async fn serve(self, mut line: Line) {
        while line.up.wait_for(|up| *up).await.is_ok() {
            let (client, mut events) = AsyncClient::new(client_options("server", line.port), 1000);
            let mut held: Vec<(String, Vec<u8>)> = Vec::new();
            let mut dice = 7;
            loop {
                let event = match tokio::time::timeout(HELD_FOR, events.poll()).await {
                    Ok(Ok(event)) => event,
                    Ok(Err(_)) => break,
                    Err(_) => {
                        // On a busy machine messages come one by one: some of those must come twice
                        // too.
                        let twice = self.scramble.load(Ordering::Relaxed) > 0;
                        for (n, (topic, payload)) in held.drain(..).rev().enumerate() {
                            for _ in 0..=u8::from(twice && n.is_multiple_of(3)) {
                                self.take(&topic, &payload, &client);
                            }
                        }
                        continue;
                    }
                };
                match event {
                    Event::Incoming(Packet::ConnAck(_)) => {
                        for channel in Channel::UP {
                            client
                                .try_subscribe(Topic::filter_all(channel), QoS::AtLeastOnce)
                                .unwrap();
                        }
                    }
                    Event::Incoming(Packet::Publish(publish)) => {
                        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                        held.push((topic, publish.payload.to_vec()));
                        while held.len() as u64 > self.scramble.load(Ordering::Relaxed) {
                            let any = spread(1 << 20, 1000, &mut dice) as usize % held.len();
                            let (topic, payload) = held.swap_remove(any);
                            self.take(&topic, &payload, &client);
                            if self.scramble.load(Ordering::Relaxed) > 0 && any.is_multiple_of(3) {
                                held.insert(0, (topic, payload));
                                break;
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn take(&self, topic: &str, payload: &[u8], client: &AsyncClient) {
        self.keep(topic, payload, client);
        news();
    }

    fn keep(&self, topic: &str, payload: &[u8], client: &AsyncClient) {
        let mut stored = self.stored.lock().unwrap();
        let envelope: Envelope = serde_json::from_slice(payload).unwrap();
        let Ok(text) = verify(&envelope, &self.device_key) else {
            stored.bad += 1;
            return;
        };
        if topic.ends_with("/status") {
            let status: protocol::up::StatusBody = serde_json::from_str(text).unwrap();
            stored.statuses.push(status.online);
            return;
        }
        let body: UpBody = serde_json::from_str(text).unwrap();
        stored.arrivals += 1;
        stored.hashes.insert(body.seq, chain_hash(text));
        stored.by_event.insert(body.event_id.clone(), body);
        let forget = self.forget_receipt_every.load(Ordering::Relaxed);
        if forget > 0 && stored.arrivals.is_multiple_of(forget) {
            return;
        }
        let receipt = self.signed(Down::Receipt(stored.receipt()));
        let text = serde_json::to_string(&receipt).unwrap();
        let to = Topic::new(self.device.clone(), Channel::Receipts).to_string();
        let _ = client.try_publish(to, QoS::AtLeastOnce, false, text);
    }
}

pub(crate) fn client_options(id: &str, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(4 << 20);
    properties.session_expiry_interval = Some(600);
    options.set_connect_properties(properties);
    options.set_clean_start(false);
    options
}

/// A box with its keys on disk, its server, and a way to start its link.
pub(crate) struct TestBox {
    pub(crate) dir: PathBuf,
    pub(crate) identity: BoxIdentity,
    pub(crate) server: ServerSide,
}

impl TestBox {
    pub(crate) fn new(dir: &Path, port: u16) -> Self {
        let server_key = SigningKey::generate().unwrap();
        let signing = SigningKey::generate().unwrap();
        let device: DeviceId = "box-1".parse().unwrap();
        let identity = BoxIdentity {
            device: device.clone(),
            room: "room-1".parse().unwrap(),
            server: server_key.verifying_key(),
            broker: BrokerAddress {
                host: "127.0.0.1".into(),
                port,
                tls: false,
                username: None,
                password: None,
            },
            other_brokers: Vec::new(),
            sealing: SealingKey::generate().unwrap(),
            tls: None,
            server_url: None,
            certificate: None,
            signing: signing.clone(),
        };
        let server = ServerSide::new(server_key, device, signing.verifying_key());
        Self { dir: dir.join("box"), identity, server }
    }

    pub(crate) fn outbox(&self) -> Outbox {
        let options = OutboxOptions { reserve_bytes: 0, ..OutboxOptions::default() };
        Outbox::open_with(
            &self.dir,
            self.identity.signing.clone(),
            self.identity.device.clone(),
            options,
        )
        .unwrap()
    }

    pub(crate) fn settings(&self) -> LinkSettings {
        box_settings(self.identity.clone())
    }

    /// Writes identity and keys as provisioning does, for a box that runs as a process of its own.
    pub(crate) fn write_to(&self, dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        self.identity.signing.to_new_file(&dir.join("signing.key")).unwrap();
        self.identity.sealing.to_new_file(&dir.join("sealing.key")).unwrap();
        self.identity.save(dir).unwrap();
    }
}

/// Short waits, so that a test of many failures ends soon.
pub(crate) fn box_settings(identity: BoxIdentity) -> LinkSettings {
    let mut settings = LinkSettings::new(identity);
    settings.limits =
        SendLimits { retry_first_ms: 300, retry_max_ms: 2000, ..SendLimits::default() };
    settings.backoff_first_ms = 20;
    settings.backoff_max_ms = 200;
    settings
}

pub(crate) fn stamp(outbox: &Outbox) -> Stamp {
    outbox.boot().stamp(format!("{:.3}", Timestamp::now()), 1, 20, ClockSource::Synchronised)
}

pub(crate) use delivery::testing::numbered_finding;

/// A network that can be cut: forwards to the broker while it is up, and drops every connection
/// when it goes down.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    up: tokio::sync::watch::Sender<bool>,
}

impl Proxy {
    pub(crate) async fn start(to: u16) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (up, is_up) = tokio::sync::watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut is_up = is_up.clone();
                tokio::spawn(async move {
                    if !*is_up.borrow() {
                        return;
                    }
                    let Ok(mut far) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await
                    else {
                        return;
                    };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_up.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { port, up }
    }

    pub(crate) fn set(&self, up: bool) {
        self.up.send_replace(up);
    }
}
