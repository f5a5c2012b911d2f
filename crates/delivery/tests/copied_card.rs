//! Two boxes with one identity, as a copied card makes them, on a real Mosquitto: the log of the
//! one that is put out says so. It hears the process's log, so it stands alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: its helpers fail the test"
)]
#![allow(dead_code, unused_imports, reason = "some of the support is for the other tests")]

mod support;

use std::sync::Mutex;

use delivery::mqtt;
use delivery::outbox::Outbox;
use support::{Mosquitto, TestBox, follow, news, until};
use tokio::sync::{mpsc, watch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps the text of each line.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line);
        news();
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line;

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            HEARD.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_card_is_told_where_it_is_put_out() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "a_copied_card_is_told_where_it_is_put_out")
    else {
        return;
    };
    tracing::subscriber::set_global_default(Log).unwrap();
    let the_box = TestBox::new(dir.path(), broker.port);
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let copy = Outbox::open(
        &dir.path().join("copy"),
        the_box.identity.signing.clone(),
        the_box.identity.device.clone(),
    )
    .unwrap();
    let (stop, stopped) = watch::channel(false);
    let mut links = Vec::new();
    for outbox in [the_box.outbox(), copy] {
        let settings = the_box.settings();
        let stats = settings.stats.clone();
        follow(&stats);
        let (to_engine, from_server) = mpsc::channel(100);
        let task = tokio::spawn(mqtt::run(settings, outbox, to_engine, stopped.clone()));
        until("it is connected", || stats.connections() > 0).await;
        links.push((task, from_server));
    }
    let told = || HEARD.lock().unwrap().iter().any(|line| line.contains("copied card"));
    until("the log tells of another box with this identity", told).await;
    stop.send_replace(true);
    for (task, _) in links {
        task.await.unwrap();
    }
    server.abort();
}
