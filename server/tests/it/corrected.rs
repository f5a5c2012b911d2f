//! What the boxes' records verify of a correction on a real server, and what happened again: no
//! number of alerts hides a repeat, and nothing ends with a correction that was not about it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use server::self_check::correction::CorrectionAction;

use crate::boxes::{TestBox, alert_of, finding};
use crate::house::House;

fn days_ago(days: i64, minutes: i64) -> String {
    let ago = SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(minutes);
    (Timestamp::now() - ago).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// A finding of its own, raised so many days ago, in this incident.
fn lead(n: u32, incident: u32, rule: &str, severity: &str, days: i64) -> Value {
    let mut it = finding('a', '1', "opened", 1, rule, "RecordMismatch", severity);
    it["finding_id"] = json!(format!("{n:032x}"));
    it["incident_id"] = json!(format!("{incident:x}").repeat(32)[..32]);
    (it["session"], it["intervals"]) = (json!(null), json!([]));
    it["raised_at"] = json!(days_ago(days, 0));
    it
}

/// HB-4 and HB-6 of 25 days ago were answered 20 days ago; five sessions of 10 days ago could be
/// judged. `later` came between.
struct Scene {
    house: House,
    b: TestBox,
}

const ASKED: (u32, &str) = (1, "HB-4");
const OTHER: (u32, &str) = (2, "HB-6");

impl Scene {
    fn new(later: &[Value]) -> Self {
        let house = House::new();
        let since = days_ago(40, 0);
        let mut b = TestBox::provision_since(&house, &house.furnish(), &since);
        b.connect();
        for n in 0..5 {
            let (start, end) = (days_ago(10, 600 - n * 60), days_ago(10, 570 - n * 60));
            house.must_post(
                "sessions",
                &json!({"id": format!("q-{n}"), "room": "room-1", "item": "laser-1",
                    "declared_lead": "p-lead", "declared_operators": ["p-other"],
                    "start": start, "end": end}),
            );
            b.say(&json!({"type": "presence_summary", "room": "room-1",
                "session": format!("q-{n}"), "revision": 1, "at": days_ago(9, 0),
                "assessable": true, "visibility_over_a_ppm": 900_000,
                "visibility_over_i_ppm": 900_000, "lead_verified": true, "face_seen": true,
                "indeterminate_tracks": 0, "unmatched_tracks": 0, "emergency": false,
                "liveness_waived": false}));
        }
        for (n, rule) in [ASKED, OTHER] {
            b.say(&lead(n, n, rule, "L1", 25));
        }
        b.receipted(b.seq);
        let scene = Self { house, b };
        let open = |c: &Value| c["corrections"].as_array().is_some_and(|all| all.len() == 2);
        scene.house.until("corrections", open);
        let mut scene = scene;
        for said in later {
            scene.b.say(said);
        }
        if !later.is_empty() {
            scene.b.receipted(scene.b.seq);
        }
        let done_on = (Timestamp::now() - SignedDuration::from_hours(24 * 20))
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let answer = CorrectionAction::Answer { done_on, today: done_on };
        let at = days_ago(20, 0);
        // What is asked about first, then the one by whose end the whole round is known to be over.
        for (n, _) in [ASKED, OTHER] {
            let id = scene.correction(n)["id"].as_str().unwrap().to_owned();
            let store = &scene.house.running().app.store;
            store
                .take_correction_step(
                    &id.parse().unwrap(),
                    &answer,
                    None,
                    ("clinic", at.parse().unwrap()),
                )
                .unwrap();
        }
        let store = &scene.house.running().app.store;
        store.judge_everything().unwrap();
        scene
    }

    fn alert(n: u32) -> String {
        alert_of(char::from_digit(n, 16).unwrap())
    }

    fn correction(&self, n: u32) -> Value {
        let all = self.house.get("corrections");
        let mut all = all["corrections"].as_array().unwrap().iter();
        all.find(|c| c["object"] == Self::alert(n)).unwrap().clone()
    }

    /// States of the correction that is asked about, and of its alert, once the other is verified
    /// and everything was judged again since.
    fn judged(&self) -> (Value, Value) {
        self.house
            .until("corrections", |_| self.correction(OTHER.0)["state"] == "verified_by_facts");
        let store = &self.house.running().app.store;
        let now = Timestamp::now();
        server::supervise::round(store, "again", now, (false, true), true).unwrap();
        let alert = self.house.get(&format!("alerts/{}", Self::alert(ASKED.0)));
        (self.correction(ASKED.0)["state"].clone(), alert["state"].clone())
    }
}

/// Enough of other rules that whatever comes next joins one incident.
fn flood() -> Vec<Value> {
    (3..=20)
        .map(|n| {
            let mut it = lead(n, 1, "UQ-1", "L2", 24);
            it["incident_id"] = json!(format!("{:032x}", 0x1000 + n));
            it
        })
        .collect()
}

fn repeat(rule: &str) -> Value {
    let mut it = lead(99, 1, rule, "L1", 5);
    it["incident_id"] = json!(format!("{:032x}", 0x1099));
    it
}

#[test]
fn quiet_days_verify_a_correction_and_end_its_alert() {
    for later in [Vec::new(), flood()] {
        let (correction, alert) = Scene::new(&later).judged();
        assert_eq!((&correction, &alert), (&json!("verified_by_facts"), &json!("closed")));
    }
}

/// A clinic that has made enough alerts would otherwise never have done anything again, and what it
/// answered once would end its leads.
#[test]
fn no_flood_of_alerts_hides_that_it_happened_again() {
    for mut later in [Vec::new(), flood()] {
        let is_flood = !later.is_empty();
        // The oldest of what is joined lies before the answer.
        later.push({
            let mut it = lead(90, 1, "UQ-1", "L2", 23);
            it["incident_id"] = json!(format!("{:032x}", 0x1090));
            it
        });
        later.push(repeat(ASKED.1));
        let scene = Scene::new(&later);
        let all = scene.house.get("alerts?limit=100")["alerts"].clone();
        let is_joined = |a: &Value| a["id"].as_str().unwrap().starts_with("joined-");
        assert_eq!(all.as_array().unwrap().iter().any(is_joined), is_flood, "{all}");
        let (correction, alert) = scene.judged();
        assert_eq!((&correction, &alert), (&json!("answered"), &json!("raised")), "{is_flood}");
    }
}

#[test]
fn what_joined_an_alert_later_ends_by_no_earlier_answer() {
    let scene = Scene::new(&[lead(98, ASKED.0, "HB-7", "L1", 5)]);
    let rules = scene.correction(ASKED.0)["rules"].clone();
    assert_eq!(rules, json!(["HB-4"]), "it came after the correction was opened");
    let (correction, alert) = scene.judged();
    assert_eq!((&correction, &alert), (&json!("answered"), &json!("raised")));
}
