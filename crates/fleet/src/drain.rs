//! How fast pre-signed findings are consumed: by a bare `mosquitto_sub`, and by the server up to
//! its signed receipts. Both get the same messages, and all of them at once: the broker holds them
//! while the consumer is not there or stands still, so that nothing but the consumer (and the
//! broker that serves it) sets the pace.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use protocol::down::{Down, DownBody};
use protocol::envelope::Envelope;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use crate::device::{ChainSigner, SignedLink};

/// Nobody takes this long.
const LIMIT: Duration = Duration::from_mins(10);

/// Signed findings of several boxes, in the order in which they are published.
pub(crate) struct Load {
    pub(crate) links: Vec<SignedLink>,
    /// Device id → its last sequence.
    last: BTreeMap<String, u64>,
}

impl Load {
    /// `count` findings, the boxes taking turns.
    pub(crate) fn sign(chains: &mut [ChainSigner], count: usize) -> Self {
        let mut load = Self { links: Vec::with_capacity(count), last: BTreeMap::new() };
        for n in 0..count {
            let at = n % chains.len();
            let chain = &mut chains[at];
            let link = chain.sign(delivery::testing::finding("L2"));
            load.last.insert(chain.device().to_string(), link.seq);
            load.links.push(link);
        }
        load
    }
}

fn options(id: &str, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    let mut properties = ConnectProperties::new();
    properties.max_packet_size = Some(1 << 20);
    properties.receive_maximum = Some(1000);
    options.set_connect_properties(properties);
    options.set_clean_start(true).set_keep_alive(Duration::from_mins(5));
    options
}

/// Publishes all at `QoS` 1 and waits until the broker has acknowledged the last.
async fn publish(load: &Load, port: u16) -> Result<()> {
    let mut options = options("fleet-load", port);
    options.set_outgoing_inflight_upper_limit(1000);
    let (client, mut events) = AsyncClient::new(options, 2000);
    let total = load.links.len();
    let messages: Vec<(String, String)> =
        load.links.iter().map(|l| (l.topic.clone(), l.text.clone())).collect();
    let sender = tokio::spawn(async move {
        for (topic, text) in messages {
            if client.publish(topic, QoS::AtLeastOnce, false, text).await.is_err() {
                return;
            }
        }
    });
    let mut acknowledged = 0;
    while acknowledged < total {
        match tokio::time::timeout(LIMIT, events.poll())
            .await
            .context("the broker takes nothing")?
        {
            Ok(Event::Incoming(Packet::PubAck(_))) => acknowledged += 1,
            Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => {
                bail!("the load's connection was lost")
            }
            Ok(_) => {}
        }
    }
    sender.abort();
    Ok(())
}

/// A bare subscriber that ends after as many messages as there are; gives messages a second. Its
/// session is made before, so that the broker keeps them for it.
pub(crate) async fn bare(load: &Load, port: u16) -> Result<f64> {
    let sub = |more: &[&str]| -> Result<Child> {
        Command::new("mosquitto_sub")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-V",
                "mqttv5",
                "-q",
                "1",
                "-c",
                "-i",
                "fleet-bare",
            ])
            .args([
                "-x",
                "600",
                "-D",
                "connect",
                "receive-maximum",
                "1000",
                "-t",
                "zaigang/v1/+/findings",
            ])
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .context("mosquitto_sub (apt-get install mosquitto-clients)")
    };
    if !sub(&["-E"])?.wait()?.success() {
        bail!("mosquitto_sub could not subscribe");
    }
    publish(load, port).await?;
    let began = Instant::now();
    let mut child = sub(&["-C", &load.links.len().to_string()])?;
    let ended = tokio::task::spawn_blocking(move || child.wait()).await??;
    if !ended.success() {
        bail!("mosquitto_sub ended with {ended}");
    }
    let consumed = began.elapsed();
    forget_session(port).await?;
    Ok(rate(load, consumed))
}

/// The subscriber's session must not collect the next run's messages.
async fn forget_session(port: u16) -> Result<()> {
    let (client, mut events) = AsyncClient::new(options("fleet-bare", port), 10);
    while !matches!(events.poll().await?, Event::Incoming(Packet::ConnAck(_))) {}
    client.try_disconnect()?;
    // The broker hangs up once it has heard the goodbye.
    while events.poll().await.is_ok() {}
    Ok(())
}

/// The server, until its receipts cover every message; gives messages a second, and when it began.
/// It is halted (SIGSTOP) while they are published.
pub(crate) async fn server(
    load: &Load,
    port: u16,
    signal: impl Fn(&str) -> Result<()>,
) -> Result<(f64, Instant)> {
    let (client, mut events) = AsyncClient::new(options("fleet-monitor", port), 10);
    client.try_subscribe("zaigang/v1/+/receipts", QoS::AtMostOnce)?;
    while !matches!(events.poll().await?, Event::Incoming(Packet::SubAck(_))) {}
    let mut missing = load.last.clone();
    let watch = tokio::spawn(async move {
        while !missing.is_empty() {
            let event = tokio::time::timeout(LIMIT, events.poll())
                .await
                .context("no receipts any more")??;
            let Event::Incoming(Packet::Publish(publish)) = event else { continue };
            let envelope: Envelope = serde_json::from_slice(&publish.payload)?;
            let body: DownBody = serde_json::from_str(&envelope.body)?;
            let Down::Receipt(receipt) = body.payload else { continue };
            let device = body.device.to_string();
            if missing.get(&device).is_some_and(|last| receipt.contiguous_seq >= *last) {
                missing.remove(&device);
            }
        }
        drop(client);
        anyhow::Ok(())
    });
    signal("-STOP")?;
    publish(load, port).await?;
    let began = Instant::now();
    signal("-CONT")?;
    watch.await??;
    Ok((rate(load, began.elapsed()), began))
}

/// How many of these signatures all cores check in a second when they do nothing else: no server
/// that believes only what it checked takes more.
pub(crate) fn signatures(
    load: &Load,
    key_of: &BTreeMap<String, trust::VerifyingKey>,
) -> Result<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let good = std::thread::scope(|scope| {
        let part = |links: &[SignedLink]| {
            let holds = |link: &&SignedLink| {
                let device = link.topic.split('/').nth(2).and_then(|device| key_of.get(device));
                let envelope = Envelope::from_text(&link.text).ok();
                device
                    .zip(envelope)
                    .is_some_and(|(key, envelope)| trust::verify(&envelope, key).is_ok())
            };
            links.iter().filter(holds).count()
        };
        let parts: Vec<_> = load
            .links
            .chunks(load.links.len().div_ceil(cores))
            .map(|links| scope.spawn(move || part(links)))
            .collect();
        parts.into_iter().map(|part| part.join().unwrap_or(0)).sum::<usize>()
    });
    let took = began.elapsed();
    if good < load.links.len() {
        bail!("{} signatures of the load do not hold", load.links.len() - good);
    }
    Ok(rate(load, took))
}

fn rate(load: &Load, consumed: Duration) -> f64 {
    load.links.len() as f64 / consumed.as_secs_f64()
}
