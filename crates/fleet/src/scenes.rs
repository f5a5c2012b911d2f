//! What is played, one scene after the other, and what is said of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::Cli;
use crate::counts::FleetCounts;
use crate::device::{BoxOrder, ChainSigner, SimulatedBox};
use crate::drain::{self, Load};
use crate::figures::{FigureGoal, FleetReport, quantile};
use crate::test_bed::{Rig, SimulatedIdentity, wait};

/// Boxes among which the findings of a throughput run are dealt.
const LOAD_BOXES: usize = 100;
/// Boxes that raise findings at a quiet rate while their latency is measured.
const QUIET_BOXES: usize = 50;
/// Boxes that raise more than the server can take.
const OVERLOAD_BOXES: usize = 200;
const OVERLOAD: Duration = Duration::from_secs(10);
/// What waits must wait in the boxes: the server's own queue is bounded by 4,096 messages.
const OVERLOAD_MEMORY_MIB: f64 = 64.0;

pub(crate) fn play(cli: &Cli, report: &mut FleetReport) -> Result<()> {
    for scene in &cli.only {
        if !["throughput", "latency", "connected", "return", "overload"].contains(&scene.as_str()) {
            bail!("--only {scene}: there are throughput, latency, connected, return, overload");
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut capacity = None;
    if cli.wants("throughput") || cli.wants("overload") {
        capacity = Some(throughput(cli, report, &runtime)?);
    }
    if cli.wants("latency") {
        latency(report, &runtime)?;
    }
    if cli.wants("connected") {
        connected(cli, report, &runtime)?;
    }
    if cli.wants("return") {
        returning(cli, report, &runtime)?;
    }
    if let (Some(capacity), true) = (capacity, cli.wants("overload")) {
        overload(capacity, report, &runtime)?;
    }
    Ok(())
}

/// Interleaved, so that whatever else the machine does meets both. Gives what the server took,
/// findings a second.
fn throughput(cli: &Cli, report: &mut FleetReport, runtime: &Runtime) -> Result<f64> {
    let mut rig = Rig::new()?;
    rig.start_server()?;
    let identities = rig.provision("load", LOAD_BOXES)?;
    rig.stop_server()?;
    let mut chains: Vec<ChainSigner> =
        identities.into_iter().map(ChainSigner::new).collect::<Result<_>>()?;
    let keys = chains
        .iter()
        .map(|c| (c.device().to_string(), c.identity.signing.verifying_key()))
        .collect();
    let (mut bare, mut server, mut shown, mut checked) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut offered = 0;
    for _ in 0..cli.pairs.max(1) {
        let load = Load::sign(&mut chains, cli.messages.max(LOAD_BOXES));
        bare.push(runtime.block_on(drain::bare(&load, rig.broker_port))?);
        checked.push(drain::signatures(&load, &keys)?);
        rig.start_server()?;
        let (rate, began) = runtime
            .block_on(drain::server(&load, rig.broker_port, |what| rig.signal_server(what)))?;
        server.push(rate);
        offered += load.links.len() as u64;
        wait("every finding is on the pages", || rig.steps_shown() == offered)?;
        shown.push(load.links.len() as f64 / began.elapsed().as_secs_f64());
        rig.stop_server()?;
    }
    let ratios: Vec<f64> = server.iter().zip(&bare).map(|(server, bare)| server / bare).collect();
    report.list("server / mosquitto_sub, each pair", &ratios);
    let (bare, server, shown) = (median(&mut bare), median(&mut server), median(&mut shown));
    report.say("findings stored and receipted by one server", FigureGoal::None, server, "per s");
    report.say("findings consumed by a bare mosquitto_sub", FigureGoal::None, bare, "per s");
    report.say("server / mosquitto_sub", FigureGoal::AtLeast(0.5), server / bare, "");
    report.say(
        "findings on the pages as well, / mosquitto_sub",
        FigureGoal::None,
        shown / bare,
        "",
    );
    report.say(
        "signatures alone, all cores, / mosquitto_sub",
        FigureGoal::None,
        median(&mut checked) / bare,
        "",
    );
    Ok(server)
}

fn latency(report: &mut FleetReport, runtime: &Runtime) -> Result<()> {
    let mut fleet = Fleet::start("quiet", QUIET_BOXES, runtime)?;
    fleet.all_connected()?;
    runtime.block_on(async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for n in 0..1000 {
            tick.tick().await;
            fleet.order(n % QUIET_BOXES, BoxOrder::Finding);
        }
    });
    fleet.drained()?;
    let mut latencies = fleet.counts.take_latencies();
    report.say(
        "raised to stored and receipted at 50 findings/s, p50",
        FigureGoal::None,
        quantile(&mut latencies, 500),
        "ms",
    );
    report.say(
        "raised to stored and receipted at 50 findings/s, p99",
        FigureGoal::None,
        quantile(&mut latencies, 990),
        "ms",
    );
    fleet.lost(report, "quiet")
}

/// Everybody connected, a heartbeat of each every half minute.
fn connected(cli: &Cli, report: &mut FleetReport, runtime: &Runtime) -> Result<()> {
    let mut rig = Rig::new()?;
    rig.start_server()?;
    let identities = rig.provision("many", cli.devices)?;
    // The registration's own memory is none of the connections'.
    rig.stop_server()?;
    rig.start_server()?;
    let before = rig.server_memory()?;
    let mut fleet = Fleet::connect(rig, identities, runtime)?;
    let began = Instant::now();
    fleet.all_connected()?;
    fleet.drained()?;
    report.say(
        "boxes connected at once",
        FigureGoal::AtLeast(cli.devices as f64),
        fleet.boxes.len() as f64,
        "boxes",
    );
    report.say(
        "until all were connected and knew everything",
        FigureGoal::None,
        began.elapsed().as_secs_f64(),
        "s",
    );
    for _ in 0..2 {
        let every = Duration::from_secs(30) / (fleet.boxes.len().max(1) as u32);
        runtime.block_on(async {
            let mut tick = tokio::time::interval(every);
            for at in 0..fleet.boxes.len() {
                tick.tick().await;
                fleet.order(at, BoxOrder::Heartbeat);
            }
        });
    }
    fleet.drained()?;
    let grown = fleet.rig.server_memory()?.saturating_sub(before) as f64 / 1024.0;
    let each = grown / fleet.boxes.len() as f64;
    report.say("memory of the server per connected box", FigureGoal::AtMost(16.0), each, "KiB");
    fleet.lost(report, "connected")
}

/// The broker dies with every session; all boxes come back at once, each with findings to say.
fn returning(cli: &Cli, report: &mut FleetReport, runtime: &Runtime) -> Result<()> {
    let mut fleet = Fleet::start("back", cli.returning, runtime)?;
    fleet.all_connected()?;
    fleet.drained()?;
    fleet.rig.kill_broker();
    let counts = Arc::clone(&fleet.counts);
    wait("all are cut off", || counts.connected.load(Ordering::SeqCst) == 0)?;
    for at in 0..fleet.boxes.len() {
        (0..5).for_each(|_| fleet.order(at, BoxOrder::Finding));
    }
    fleet.rig.start_broker()?;
    let began = Instant::now();
    fleet.all_connected()?;
    fleet.drained()?;
    let name = format!(
        "{} boxes back at once with 5 findings each, until all are receipted",
        cli.returning
    );
    report.say(&name, FigureGoal::AtMost(60.0), began.elapsed().as_secs_f64(), "s");
    fleet.lost(report, "return")
}

/// Twice what the server takes, then nothing: the outboxes fill, nothing is lost, and they empty
/// again.
fn overload(capacity: f64, report: &mut FleetReport, runtime: &Runtime) -> Result<()> {
    let mut fleet = Fleet::start("over", OVERLOAD_BOXES, runtime)?;
    fleet.all_connected()?;
    fleet.drained()?;
    let total = (2.0 * capacity * OVERLOAD.as_secs_f64()) as usize;
    let before = fleet.rig.server_memory()?;
    let began = Instant::now();
    runtime.block_on(async {
        for n in 0..total {
            let due = OVERLOAD.mul_f64(n as f64 / total as f64);
            if let Some(early) = due.checked_sub(began.elapsed()).filter(|d| d.as_millis() > 2) {
                tokio::time::sleep(early).await;
            }
            fleet.order(n % OVERLOAD_BOXES, BoxOrder::Finding);
        }
    });
    let offered = total as f64 / began.elapsed().as_secs_f64();
    let ended = Instant::now();
    let waiting = fleet.counts.waiting();
    let grown = fleet.rig.server_memory()?.saturating_sub(before) as f64 / 1_048_576.0;
    fleet.drained()?;
    report.say(
        "overload: offered / what the server takes",
        FigureGoal::AtLeast(1.8),
        offered / capacity,
        "",
    );
    report.say(
        "overload: waiting in the outboxes at its end",
        FigureGoal::None,
        waiting as f64,
        "findings",
    );
    report.say(
        "overload: memory of the server grown at its end",
        FigureGoal::AtMost(OVERLOAD_MEMORY_MIB),
        grown,
        "MiB",
    );
    report.say(
        "overload: until all were receipted",
        FigureGoal::None,
        ended.elapsed().as_secs_f64(),
        "s",
    );
    fleet.lost(report, "overload")
}

/// Running boxes against a rig of their own.
struct Fleet {
    rig: Rig,
    boxes: Vec<mpsc::UnboundedSender<BoxOrder>>,
    counts: Arc<FleetCounts>,
}

impl Fleet {
    fn start(name: &str, count: usize, runtime: &Runtime) -> Result<Self> {
        let mut rig = Rig::new()?;
        rig.start_server()?;
        let identities = rig.provision(name, count)?;
        Self::connect(rig, identities, runtime)
    }

    fn connect(rig: Rig, identities: Vec<SimulatedIdentity>, runtime: &Runtime) -> Result<Self> {
        let counts = Arc::<FleetCounts>::default();
        let mut boxes = Vec::with_capacity(identities.len());
        for (n, identity) in identities.into_iter().enumerate() {
            let device =
                SimulatedBox::new(identity, vec![rig.broker_port], Arc::clone(&counts), n as u64)?;
            let (orders, taken) = mpsc::unbounded_channel();
            runtime.spawn(device.live(taken));
            boxes.push(orders);
        }
        Ok(Self { rig, boxes, counts })
    }

    fn order(&self, at: usize, order: BoxOrder) {
        // A box lives as long as its orders can come.
        let _ = self.boxes[at].send(order);
    }

    fn all_connected(&self) -> Result<()> {
        let all = self.boxes.len() as u64;
        wait("all boxes are connected", || self.counts.connected.load(Ordering::SeqCst) == all)?;
        wait("the server knows it", || {
            self.rig.summary().is_ok_and(|s| s["devices_online"].as_u64() == Some(all))
        })
    }

    /// Everything raised is receipted, and what the orders still make too.
    fn drained(&self) -> Result<()> {
        // Knowledge that is on its way makes acknowledgements: quiet means that nothing was raised
        // for a while.
        let mut quiet_since = (Instant::now(), 0);
        wait("every outbox is empty", || {
            let raised = self.counts.raised.load(Ordering::SeqCst);
            if raised != quiet_since.1 || self.counts.waiting() > 0 {
                quiet_since = (Instant::now(), raised);
            }
            quiet_since.0.elapsed() > Duration::from_secs(2)
        })
    }

    fn lost(&mut self, report: &mut FleetReport, scene: &str) -> Result<()> {
        if !self.rig.server_lives() {
            let log =
                std::fs::read_to_string(self.rig.dir().join("server.log")).unwrap_or_default();
            bail!("the server ended: {}", log.lines().last().unwrap_or_default());
        }
        let (raised, stored) = (self.counts.raised.load(Ordering::SeqCst), self.rig.stored());
        let differ = raised.abs_diff(stored) as f64;
        report.say(
            &format!("{scene}: raised and not stored once"),
            FigureGoal::AtMost(0.0),
            differ,
            "messages",
        );
        Ok(())
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
