//! The certificates that a box depends on: its own, and each broker's. It renews none.

use std::time::Duration;

use delivery::identity::{BoxIdentity, CertificateTimes};
use delivery::mqtt;
use jiff::Timestamp;

use super::Check;

/// Days before its end at which another's certificate is told.
const SOON_DAYS: i64 = 30;
const WITHIN: Duration = Duration::from_secs(10);

pub(super) fn checks(identity: &BoxIdentity, now: Timestamp) -> Vec<Check> {
    let of_broker = |broker| {
        let identity = BoxIdentity { broker, ..identity.clone() };
        match mqtt::broker_certificate_end(&identity, WITHIN) {
            Ok(Some(end)) => Some(of_another(&identity.broker.to_string(), end, now)),
            // Why it can not be reached, or is not believed, the check of the broker says.
            Ok(None) | Err(_) => None,
        }
    };
    let brokers = identity.brokers().into_iter().filter_map(of_broker);
    std::iter::once(own(identity.certificate, now)).chain(brokers).collect()
}

/// A broker's certificate is renewed by whoever keeps the broker.
fn of_another(place: &str, end: Timestamp, now: Timestamp) -> Check {
    let days = end.duration_since(now).as_secs().div_euclid(86_400);
    let until = end.strftime("%Y-%m-%d");
    let mend = "whoever keeps the broker renews it: zaigang-server broker-config, then a restart \
        of the broker";
    if days < 0 {
        return Check::bad("broker certificate", format!("{place}: ran out on {until}"), mend);
    }
    let found = format!("{place}: good until {until}");
    if days < SOON_DAYS {
        return Check::warning("broker certificate", format!("{found}, {days} days"), mend);
    }
    Check::good("broker certificate", found)
}

/// A certificate is renewed by itself after two thirds of its life; one that was not stands here
/// before it runs out.
fn own(times: Option<CertificateTimes>, now: Timestamp) -> Check {
    let Some(times) = times else {
        return Check::good(
            "certificate",
            "none: the broker that provisioning named speaks no TLS",
        );
    };
    let until = times.expires_at.strftime("%Y-%m-%d");
    if now >= times.expires_at {
        let mend = "check the clock; where it is right, let the agent run with the server in \
            reach: it renews by itself";
        let found =
            format!("ran out on {until}; this box's clock says {}", now.strftime("%Y-%m-%d"));
        return Check::bad("certificate", found, mend);
    }
    if now >= times.renew_at() {
        let mend = "let the agent run with the server in reach: it asks every hour";
        return Check::warning(
            "certificate",
            format!("good until {until}, and its renewal is late"),
            mend,
        );
    }
    Check::good("certificate", format!("good until {until}"))
}

#[cfg(test)]
mod tests {
    use super::super::CheckVerdict;
    use super::*;

    #[test]
    fn a_broker_that_runs_out_within_a_month_is_told() {
        let now: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let at = |days: i64| now + jiff::SignedDuration::from_hours(24 * days);
        let check = |days| of_another("b:8883", at(days), now);
        assert_eq!(check(31).verdict, CheckVerdict::Good);
        let soon = check(24);
        assert_eq!(soon.verdict, CheckVerdict::Warning);
        assert!(soon.found.contains("b:8883: good until 2026-03-26, 24 days"), "{}", soon.found);
        assert_eq!(check(-1).verdict, CheckVerdict::Bad);
    }

    #[test]
    fn a_certificate_is_told_before_it_runs_out() {
        let day = |n: i64| Timestamp::from_second(1_770_000_000 + n * 86_400).unwrap();
        let times = CertificateTimes { issued_at: day(0), expires_at: day(90) };
        let verdicts = [0, 59, 60, 89, 90].map(|n| own(Some(times), day(n)).verdict);
        assert_eq!(
            verdicts,
            [
                CheckVerdict::Good,
                CheckVerdict::Good,
                CheckVerdict::Warning,
                CheckVerdict::Warning,
                CheckVerdict::Bad
            ]
        );
        assert_eq!(own(None, day(0)).verdict, CheckVerdict::Good);
    }
}
