//! Boxes for servers and brokers that somebody else starts and kills: they raise findings until
//! standard input ends, then wait for their receipts. A line `away N` takes the network from the
//! first N of them, `back` gives it again; when all that they raised meanwhile is receipted, a line
//! says so. Each message is written into a journal, so that whoever compares it with the database
//! finds every single one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;

use crate::Cli;
use crate::counts::FleetCounts;
use crate::device::{BoxOrder, SimulatedBox};
use crate::test_bed::Rig;

/// Between two heartbeats of one box.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// What came of it; the last line of standard output.
#[derive(serde::Serialize)]
struct SoakReport {
    raised: u64,
    receipted: u64,
    /// Downward messages that did not verify.
    refused: u64,
    drained_s: f64,
}

pub(crate) fn play(cli: &Cli, http: &str, journal: &Path) -> Result<()> {
    let file = std::fs::File::create(journal)
        .with_context(|| format!("--journal {}", journal.display()))?;
    if cli.brokers.is_empty() || cli.devices == 0 {
        bail!("--brokers and --devices: name at least one");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let identities = Rig::attached(http)?.provision("soak", cli.devices)?;
    let counts = Arc::new(FleetCounts::with_journal(file));
    let mut boxes = Vec::with_capacity(identities.len());
    for (n, identity) in identities.into_iter().enumerate() {
        let device =
            SimulatedBox::new(identity, cli.brokers.clone(), Arc::clone(&counts), n as u64)?;
        let (orders, taken) = mpsc::unbounded_channel();
        runtime.spawn(device.live(taken));
        boxes.push(orders);
    }
    println!("{{\"boxes\":{}}}", boxes.len());
    let every = Duration::from_secs(cli.finding_every_s.max(1));
    runtime.block_on(raise(&boxes, &counts, every, words()));
    let began = Instant::now();
    let patience = Duration::from_secs(cli.drain_s);
    runtime.block_on(async {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        while counts.waiting() > 0 && began.elapsed() < patience {
            look.tick().await;
        }
    });
    let of = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::SeqCst);
    let told = SoakReport {
        raised: of(&counts.raised),
        receipted: of(&counts.receipted),
        refused: of(&counts.refused),
        drained_s: began.elapsed().as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&told)?);
    Ok(())
}

/// What whoever started this says on standard input, until it ends.
#[derive(Debug, Clone, Copy)]
enum Word {
    /// So many boxes lose their network.
    Away(usize),
    /// They have it again.
    Back,
}

fn words() -> mpsc::UnboundedReceiver<Word> {
    let (said, heard) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let word = match line.split_once(' ') {
                Some(("away", count)) => count.parse().ok().map(Word::Away),
                _ => (line == "back").then_some(Word::Back),
            };
            match word {
                Some(word) if said.send(word).is_ok() => {}
                Some(_) => return,
                None => eprintln!("zaigang-fleet: {line:?} is neither `away N` nor `back`"),
            }
        }
    });
    heard
}

/// Each box in its turn, so that findings come evenly.
async fn raise(
    boxes: &[mpsc::UnboundedSender<BoxOrder>],
    counts: &FleetCounts,
    finding_every: Duration,
    mut words: mpsc::UnboundedReceiver<Word>,
) {
    let count = u32::try_from(boxes.len()).unwrap_or(u32::MAX);
    let mut findings = tokio::time::interval(finding_every / count);
    let mut heartbeats = tokio::time::interval(HEARTBEAT / count);
    let mut look = tokio::time::interval(Duration::from_millis(100));
    let (mut next_finding, mut next_heartbeat) = (0, 0);
    let (mut away, mut back): (usize, Option<(Instant, u64)>) = (0, None);
    let order = |at: usize, order: BoxOrder| {
        // A box lives as long as its orders can come.
        let _ = boxes[at].send(order);
    };
    loop {
        tokio::select! {
            word = words.recv() => match word {
                None => return,
                Some(Word::Away(count)) => {
                    away = count.min(boxes.len());
                    (0..away).for_each(|at| order(at, BoxOrder::Leave));
                }
                Some(Word::Back) => {
                    let due = counts.returned.load(Ordering::SeqCst) + away as u64;
                    back = Some((Instant::now(), due));
                    (0..away).for_each(|at| order(at, BoxOrder::Return));
                }
            },
            _ = findings.tick() => {
                order(next_finding, BoxOrder::Finding);
                next_finding = (next_finding + 1) % boxes.len();
            }
            _ = heartbeats.tick() => {
                order(next_heartbeat, BoxOrder::Heartbeat);
                next_heartbeat = (next_heartbeat + 1) % boxes.len();
            }
            _ = look.tick() => {
                if let Some((began, due)) = back
                    && counts.returned.load(Ordering::SeqCst) >= due
                {
                    println!("{{\"returned_s\":{:.1}}}", began.elapsed().as_secs_f64());
                    back = None;
                }
            }
        }
    }
}
