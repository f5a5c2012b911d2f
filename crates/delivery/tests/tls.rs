//! TLS with client certificates against a real Mosquitto: the box's certificate opens its own
//! topics and no others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: its helpers fail the test"
)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use delivery::identity::TlsFiles;
use delivery::mqtt::{self, LinkStats};
use delivery::outbox::Outbox;
use support::{Mosquitto, TestBox, free_port, numbered_finding, stamp, until};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A small authority, made by the openssl command.
struct Authority<'a> {
    dir: &'a Path,
    name: &'a str,
}

impl Authority<'_> {
    fn openssl(&self, arguments: &str) -> bool {
        let status = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.dir)
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    }

    fn make(&self) -> bool {
        let ca = self.name;
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {ca}.key -out \
            {ca}.pem -subj /CN={ca} -days 2"
        ))
    }

    fn issue(&self, name: &str) -> bool {
        let ca = self.name;
        std::fs::write(self.dir.join("ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out \
            {name}.csr -subj /CN={name}"
        )) && self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 2 \
            -extfile ext -out {name}.pem"
        ))
    }

    fn files(&self, client: Option<&str>) -> TlsFiles {
        let path = |name: String| self.dir.join(name);
        TlsFiles {
            ca_pem: path(format!("{}.pem", self.name)),
            client: client.map(|name| (path(format!("{name}.pem")), path(format!("{name}.key")))),
        }
    }
}

fn link(the_box: &TestBox, outbox: &Outbox) -> (JoinHandle<()>, LinkStats, watch::Sender<bool>) {
    let settings = the_box.settings();
    let stats = settings.stats.clone();
    support::follow(&stats);
    let (to_engine, _) = mpsc::channel(10);
    let (stop, stopped) = watch::channel(false);
    (tokio::spawn(mqtt::run(settings, outbox.clone(), to_engine, stopped)), stats, stop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_opens_its_own_topics_and_no_others() {
    let test = "a_certificate_opens_its_own_topics_and_no_others";
    let temp = tempfile::tempdir().unwrap();
    let (ours, foreign) = (
        Authority { dir: temp.path(), name: "ca" },
        Authority { dir: temp.path(), name: "foreign-ca" },
    );
    if !(ours.make()
        && ours.issue("broker")
        && ours.issue("box-1")
        && ours.issue("box-2")
        && foreign.make()
        && foreign.issue("intruder"))
    {
        eprintln!("SKIPPED {test}: the openssl command is missing (apt-get install openssl)");
        return;
    }
    let tls_port = free_port();
    let dir = temp.path().display();
    std::fs::write(
        temp.path().join("acl"),
        "pattern write zaigang/v1/%u/findings\npattern write zaigang/v1/%u/presence\npattern \
            write zaigang/v1/%u/health\n\
         pattern write zaigang/v1/%u/status\npattern read zaigang/v1/%u/receipts\npattern read \
         zaigang/v1/%u/commands\n\
         pattern read zaigang/v1/%u/knowledge\n",
    )
    .unwrap();
    let listener = format!(
        "listener {tls_port} 127.0.0.1\ncafile {dir}/ca.pem\ncertfile {dir}/broker.pem\nkeyfile \
            {dir}/broker.key\n\
         require_certificate true\nuse_identity_as_username true\nacl_file {dir}/acl\n"
    );
    let Some(broker) = Mosquitto::start_with(temp.path(), test, &listener) else { return };
    let mut the_box = TestBox::new(temp.path(), tls_port);
    the_box.identity.broker.tls = true;
    let server = tokio::spawn(the_box.server.clone().serve(broker.line()));
    let outbox = the_box.outbox();
    outbox.append(stamp(&outbox), numbered_finding(1)).unwrap();
    let stored = || the_box.server.stored.lock().unwrap().findings();

    // No certificate, and one of a foreign authority: no connection.
    for client in [None, Some("intruder")] {
        the_box.identity.tls = Some(ours.files(client));
        let (task, stats, _stop) = link(&the_box, &outbox);
        until("three attempts failed", || stats.attempts() >= 3).await;
        assert!(stats.receipts() == 0 && stored().is_empty(), "{client:?} got through");
        task.abort();
    }
    // A broker that the box's authority did not certify: the box turns away.
    the_box.identity.tls = Some(foreign.files(Some("intruder")));
    let (task, stats, _stop) = link(&the_box, &outbox);
    until("three attempts failed", || stats.attempts() >= 3).await;
    assert_eq!(stats.connections(), 0, "the box spoke to a broker that it can not know");
    task.abort();
    // Another box's certificate connects, but not into this box's topics.
    the_box.identity.tls = Some(ours.files(Some("box-2")));
    let (task, stats, _stop) = link(&the_box, &outbox);
    // Said, and said again for want of a receipt.
    until("box-2 spoke three times", || stats.published() >= 3).await;
    assert!(stored().is_empty(), "box-2 spoke in the name of box-1");
    task.abort();

    the_box.identity.tls = Some(ours.files(Some("box-1")));
    let (task, _, _stop) = link(&the_box, &outbox);
    until("the outbox is empty", || outbox.stats().unwrap().depth == 0).await;
    assert_eq!(stored(), [1]);
    task.abort();
    server.abort();
}
