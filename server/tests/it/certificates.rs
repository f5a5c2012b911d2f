//! A certificate that runs out soon, as people and programs are told of it.

use jiff::{SignedDuration, Timestamp};
use server::certificates::{CertificateExpiry, CertificateOwner};

use crate::house::House;

#[test]
fn each_broker_that_runs_out_is_told_apart() {
    let extra = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let house = House::with(tempfile::tempdir().unwrap(), extra);
    let end = |days: i64| Timestamp::now() + SignedDuration::from_hours(24 * days + 1);
    let certificates = &house.running().app.certificates;
    let (soon, late) = (end(24), end(900));
    certificates.note_at(
        CertificateOwner::Broker,
        "a.example:8883",
        CertificateExpiry::ExpiresAt(soon),
    );
    certificates.note_at(
        CertificateOwner::Broker,
        "b.example:8883",
        CertificateExpiry::ExpiresAt(late),
    );

    let page = house.page("/system?lang=en").1;
    let row = |at: &str| {
        let cell = format!("<td>MQTT broker {at}");
        page.split("<tr>").find(|row| row.contains(&cell)).unwrap().to_owned()
    };
    assert!(row("a.example:8883").contains("badtext"), "{page}");
    assert!(!row("b.example:8883").contains("badtext"), "{page}");
    // On every page of whoever administers.
    let inbox = house.page("/?lang=en").1;
    assert!(inbox.contains("MQTT broker a.example:8883") && !inbox.contains("b.example"));
    let metrics = house.metrics();
    for (at, end) in [("a.example:8883", soon), ("b.example:8883", late)] {
        let line = format!(
            "zaigang_certificate_expires_seconds{{of=\"broker\",at=\"{at}\"}} {}",
            end.as_second()
        );
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}
