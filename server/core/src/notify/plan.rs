//! What is to be told to whom and when: severity, quiet hours, the next attempt, the signature.
//! Pure; time is an argument.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clock::At;
use crate::quiet_hours::not_before;
use crate::store::{DeliveryEvent, FeedEvent, Hook, NewDelivery};

/// After that many attempts a delivery has failed; with the waits below that is about two days.
pub const MOST_ATTEMPTS: u32 = 12;
const FIRST_WAIT_S: i64 = 10;
const LONGEST_WAIT_S: i64 = 6 * 3600;

/// When a delivery that failed for the `attempts`-th time is tried again; `None` where it is given
/// up.
pub fn again(now: Timestamp, attempts: u32) -> Option<Timestamp> {
    let wait = FIRST_WAIT_S
        .saturating_mul(3i64.saturating_pow(attempts.saturating_sub(1)))
        .min(LONGEST_WAIT_S);
    (attempts < MOST_ATTEMPTS).then(|| now + SignedDuration::from_secs(wait))
}

/// `t=UNIX,v1=HEX`: HMAC-SHA-256 over `UNIX.BODY`, so that an old message sent again shows its age.
pub fn signature(secret: &[u8], at_s: i64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{at_s}.{body}").as_bytes());
    Some(format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes())))
}

/// Whether somebody may hear of an alert of this severity in this jurisdiction, whichever way it
/// comes to them.
pub fn hears(hook: &Hook, severity: u8, jurisdiction: &str) -> bool {
    hook.enabled && severity >= hook.min_severity && jurisdiction.starts_with(&hook.jurisdiction)
}

/// When an alert that nobody took up is told to `to`; `None` where that is not for their ears.
pub fn escalation(
    to: &Hook,
    severity: u8,
    jurisdiction: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<At> {
    hears(to, severity, jurisdiction).then(|| not_before(now, to.quiet, severity, zone).into())
}

/// The deliveries that an event of the feed asks for.
pub fn deliveries(
    hooks: &[Hook],
    event: &FeedEvent,
    jurisdiction: &str,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<NewDelivery> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let severity = data["severity"]
        .as_str()
        .and_then(|s| s.strip_prefix('L'))
        .and_then(|s| s.parse().ok())
        .unwrap_or(0u8);
    // Of a box that floods its alerts people are told once, and again when it grows worse.
    if data["news"] == false {
        return Vec::new();
    }
    let (finding, opened) = (data.get("finding").is_some(), data["step"] == "opened");
    let name = match (finding, opened) {
        (true, true) => DeliveryEvent::AlertOpened,
        (true, false) => DeliveryEvent::AlertUpdated,
        (false, _) => DeliveryEvent::AlertState,
    };
    let wanted = |h: &&Hook| {
        hears(h, severity, jurisdiction)
            // What the box takes back or closes is no news for a phone at night, but it is for a
            // machine.
            && (opened || h.states)
    };
    let body = json!({"event": name.code(), "number": event.id, "data": data}).to_string();
    let one = |h: &Hook| NewDelivery {
        hook: h.id.to_string(),
        event: name,
        alert: data["alert"].as_str().and_then(|id| id.parse().ok()),
        body: body.clone(),
        next_at: not_before(now, h.quiet, severity, zone).into(),
    };
    hooks.iter().filter(wanted).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiet_hours::Quiet;
    use crate::store::HookKind;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(8))
    }

    const NIGHT: Quiet = Quiet { from_min: 22 * 60, to_min: 7 * 60, below: 3 };

    #[test]
    fn a_failing_target_is_asked_ever_more_rarely_and_then_no_more() {
        let now = at("2026-03-02T00:00:00Z");
        let waits: Vec<i64> = (1..=MOST_ATTEMPTS)
            .filter_map(|n| again(now, n))
            .map(|t| t.duration_since(now).as_secs())
            .collect();
        assert_eq!(waits[..4], [10, 30, 90, 270]);
        assert!(
            waits.windows(2).all(|w| w[0] <= w[1]) && waits.iter().all(|w| *w <= LONGEST_WAIT_S)
        );
        assert_eq!(waits.len() as u32, MOST_ATTEMPTS - 1);
    }

    #[test]
    fn a_signature_is_the_one_that_anybody_computes() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        let signed = signature(b"key", 1_700_000_000, "{}").unwrap();
        assert!(signed.starts_with("t=1700000000,v1=") && signed.len() == 16 + 64, "{signed}");
        assert_ne!(signed, signature(b"other", 1_700_000_000, "{}").unwrap());
        assert_ne!(signed, signature(b"key", 1_700_000_000, "{ }").unwrap());
    }

    #[test]
    fn severity_place_and_kind_of_event_decide_who_hears() {
        let hook = |id: &str, min, jurisdiction: &str, states, enabled| Hook {
            id: id.parse().unwrap(),
            kind: HookKind::Webhook,
            target: String::new(),
            min_severity: min,
            jurisdiction: jurisdiction.into(),
            states,
            quiet: None,
            escalate_after_min: None,
            escalate_to: None,
            enabled,
            created_at: At::EPOCH,
            created_by: String::new(),
        };
        let hooks = [
            hook("all", 0, "", true, true),
            hook("urgent", 3, "", false, true),
            hook("elsewhere", 0, "5102", true, true),
            hook("opened-only", 1, "5101", false, true),
            hook("off", 0, "", true, false),
        ];
        let event =
            |data: Value| FeedEvent { id: 7, event: "alert".into(), data: data.to_string() };
        let now = at("2026-03-02T00:00:00Z");
        let told = |data: Value| -> Vec<String> {
            deliveries(&hooks, &event(data), "510104", now, &zone())
                .into_iter()
                .map(|d| d.hook)
                .collect()
        };
        assert_eq!(
            told(json!({"alert":"a","finding":"f","severity":"L2","step":"opened"})),
            ["all", "opened-only"]
        );
        assert_eq!(
            told(json!({"alert":"a","finding":"f","severity":"L3","step":"opened"})),
            ["all", "urgent", "opened-only"]
        );
        assert_eq!(told(json!({"alert":"a","severity":"L3","state":"lead"})), ["all"]);
        let joined = |news: bool| {
            told(json!({"alert":"joined-1","finding":"f","severity":"L3","step":"opened",
                    "news":news}))
        };
        assert!(joined(false).is_empty());
        assert_eq!(joined(true), ["all", "urgent", "opened-only"]);

        let goes_on = |n: usize| escalation(&hooks[n], 2, "510104", now, &zone());
        let went_on: Vec<bool> = (0..hooks.len()).map(|n| goes_on(n).is_some()).collect();
        assert_eq!(
            went_on,
            [true, false, false, true, false],
            "what is not for him came by the other way"
        );
        let at_night = Hook { quiet: Some(NIGHT), ..hooks[0].clone() };
        let three = at("2026-03-01T19:00:30Z");
        assert_eq!(
            escalation(&at_night, 2, "510104", three, &zone()).unwrap(),
            "2026-03-01T23:00:00.000Z".parse().unwrap()
        );
    }
}
