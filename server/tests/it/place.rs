//! Whatever one device sends, nothing of another's changes: random hostile messages against the
//! store, from a box whose signature holds.

use std::fmt::Write as _;

use jiff::SignedDuration;
use proptest::prelude::*;
use protocol::up::{Up, UpBody};
use serde_json::{Value, json};
use server::clock::At;
use server::model::{DevicePlace, Institution, Item, Practitioner, Room, Session};
use server::store::{AlertFilter, InboxEntry, IncomingMessage, NewKeys, SessionDeed, Store};

use crate::house::store_of;

pub(crate) const HOSTILE: &str = "box-hostile";
const VICTIM: &str = "box-victim";
/// What a message may name, its own or not.
const ROOMS: [&str; 3] = ["room-own", "room-next", "room-victim"];
const INSTITUTIONS: [&str; 2] = ["clinic-own", "clinic-victim"];
const SESSIONS: [&str; 4] = ["s-own", "s-next", "s-victim", "s-nobody-declared"];
const PERSONS: [&str; 2] = ["p-own", "p-victim"];

pub(crate) fn ago(seconds: i64) -> At {
    At::now() - SignedDuration::from_secs(seconds)
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A box's chain towards the store; what it says is whatever it is told.
pub(crate) struct Chain {
    device: &'static str,
    seq: u64,
    prev: String,
}

impl Chain {
    pub(crate) fn new(device: &'static str) -> Self {
        Self { device, seq: 0, prev: trust::ZERO_HASH.to_owned() }
    }

    pub(crate) fn link(&mut self, payload: &Value) -> InboxEntry {
        self.seq += 1;
        let body = json!({"v": 1, "device": self.device, "seq": self.seq, "prev": self.prev,
            "event_id": uuid(self.device, self.seq), "payload": payload,
            "stamp": {"utc": ago(0), "boot_id": "b", "boot_count": 1, "mono_ms": self.seq,
                "uncertainty_ms": 20, "clock": "synchronised"}})
        .to_string();
        self.prev = trust::chain_hash(&body);
        let envelope = json!({"v": 1, "key_id": "k", "sig": "s", "body": body}).to_string();
        InboxEntry::Message(Box::new(IncomingMessage {
            body: UpBody::from_text(&body).unwrap(),
            hash: self.prev.clone(),
            envelope,
            received_at: ago(0),
            clock_offset_ms: None,
        }))
    }
}

fn uuid(device: &str, n: u64) -> String {
    format!("01890000-0000-7{:03x}-8000-{n:012x}", device.len())
}

fn finding(
    id: &str,
    incident: &str,
    step: &str,
    revision: u32,
    place: (&str, &str, &str),
) -> Value {
    let value = json!({"type": "finding", "finding_id": id, "incident_id": incident, "step": step,
        "revision": revision,
        "rule": "HB-3", "kind": "Integrity", "severity": "L3",
        "confidence": {"identity_ppm": 1, "role_ppm": 1, "session_ppm": 1, "visibility_ppm": 1},
        "room": place.0, "institution": place.1, "session": place.2, "persons": [],
            "candidate_basis": [], "intervals": [],
        "counts": [], "explanation": {"zh": "疑似", "en": "suspected"}, "raised_at": ago(0),
        "manifest": {"firmware": "f", "pack": "p", "pack_sha256": "", "config_sha256": "",
            "policy_sha256": "",
            "policy_version": 1, "roster_version": 1, "liveness_waived": false}});
    let _: Up = of(value.clone());
    value
}

fn summary(room: &str, session: &str, revision: u32, lead_verified: bool) -> Value {
    json!({"type": "presence_summary", "room": room, "session": session, "revision": revision,
        "at": ago(0),
        "assessable": true, "visibility_over_a_ppm": 900_000, "visibility_over_i_ppm": 900_000,
        "lead_verified": lead_verified, "face_seen": true, "indeterminate_tracks": 0,
            "unmatched_tracks": 0,
        "emergency": false, "liveness_waived": false})
}

fn presence(room: &str, session: &str, person: &str) -> Value {
    json!({"type": "presence", "room": room, "session": session, "person": person,
        "role": "operator", "from": ago(60),
        "to": ago(0), "verified_by": "face"})
}

/// Two clinics, three rooms, a session in each, two boxes; the victim has said one thing of each
/// kind.
pub(crate) fn furnished(dir: &std::path::Path) -> Store {
    let store = Store::open(store_of(dir)).unwrap();
    let now = ago(3600);
    for id in INSTITUTIONS {
        let it: Institution = of(json!({"id": id, "name": id, "jurisdiction": "5101"}));
        store.put_institution(&it, now).unwrap();
    }
    let it: Item = of(json!({"code": "laser-1", "name_zh": "激光", "kind": "energy_device",
        "specialties": ["cosmetic_dermatology"], "min_operator": "licensed_physician"}));
    store.put_item(&it, now).unwrap();
    let sites = INSTITUTIONS.map(|id| {
        json!({"institution": id, "relation": "primary",
        "lead_of": ["cosmetic_dermatology"]})
    });
    let it: Practitioner = of(json!({"id": "p-lead", "name": "主诊", "registration": "valid",
        "category": "licensed_physician", "sites": sites}));
    store.put_practitioner(&it, now).unwrap();
    for (room, institution, session) in [
        ("room-own", "clinic-own", "s-own"),
        ("room-next", "clinic-own", "s-next"),
        ("room-victim", "clinic-victim", "s-victim"),
    ] {
        let it: Room = of(json!({"id": room, "institution": institution, "mode": "in_room"}));
        store.put_room(&it, "wang", now).unwrap();
        let it: Session = of(json!({"id": session, "room": room, "item": "laser-1",
            "declared_lead": "p-lead", "start": ago(600)}));
        store.put_session(&it, &SessionDeed { by: "x", reason: "" }, now).unwrap();
    }
    for (device, room) in [(HOSTILE, "room-own"), (VICTIM, "room-victim")] {
        let place = DevicePlace { id: device.parse().unwrap(), room: room.parse().unwrap() };
        store.put_device(&place, device, now, "2099-01-01T00:00:00.000Z".parse().unwrap()).unwrap();
        let keys = NewKeys {
            token_hash: device,
            signing_key: device,
            sealing_key: "s",
            mqtt_secret_hash: "m",
            firmware: "f",
        };
        store.provision(&keys, now).unwrap();
    }
    let mut victim = Chain::new(VICTIM);
    let said = [
        finding(
            &"a".repeat(32),
            &"1".repeat(32),
            "opened",
            1,
            ("room-victim", "clinic-victim", "s-victim"),
        ),
        finding(
            &"b".repeat(32),
            &"1".repeat(32),
            "opened",
            1,
            ("room-victim", "clinic-victim", "s-victim"),
        ),
        summary("room-victim", "s-victim", 1, false),
        presence("room-victim", "s-victim", "p-victim"),
    ];
    let said: Vec<InboxEntry> = said.iter().map(|payload| victim.link(payload)).collect();
    store.commit_batch(&said, 64).unwrap();
    // It left out a word: the server says so of it, and that is the server's own.
    victim.seq += 1;
    let above = victim.link(&json!({"type": "chain_break", "reason": "torn"}));
    store.commit_batch(&[above], 64).unwrap();
    store.raise_gaps("2099-01-01T00:00:00.000Z".parse().unwrap(), 1, now).unwrap();
    store
}

/// Everything of the victim that anybody sees.
fn of_victim(store: &Store) -> String {
    let filter =
        AlertFilter { device: Some(VICTIM.to_owned()), limit: 500, ..AlertFilter::default() };
    let mut all = String::new();
    for alert in store.alerts(&filter).unwrap() {
        let parts =
            (store.findings(&alert.id).unwrap(), store.finding_events(&alert.id, 500).unwrap());
        let steps = store.alert_steps(&alert.id).unwrap();
        writeln!(all, "{alert:?}\n{parts:?}\n{steps:?}").unwrap();
    }
    let summaries = store.summaries(&["s-victim".to_owned()]).unwrap();
    let (sightings, _) = store.sightings("p-victim", server::clock::At::EPOCH).unwrap();
    let sightings: Vec<_> = sightings.into_iter().filter(|s| s.device == VICTIM).collect();
    let sessions = (store.session("s-victim").unwrap(), store.session_changes("s-victim").unwrap());
    all + &format!(
        "{summaries:?}\n{sightings:?}\n{sessions:?}\n{:?}",
        store.device(&VICTIM.parse().unwrap()).unwrap()
    )
}

fn lie() -> impl Strategy<Value = Value> {
    let id =
        prop_oneof![Just("a"), Just("b"), Just("1"), Just("c")].prop_map(|c: &str| c.repeat(32));
    let step = prop::sample::select(vec!["opened", "strengthened", "closed", "withdrawn"]);
    let revision = prop_oneof![1u32..4, Just(u32::MAX)];
    let place = (prop::sample::select(ROOMS.to_vec()), prop::sample::select(INSTITUTIONS.to_vec()));
    let session = prop::sample::select(SESSIONS.to_vec());
    let of_finding = (id.clone(), id, step, revision.clone(), place.clone(), session.clone())
        .prop_map(|(id, incident, step, revision, (room, institution), session)| {
            finding(&id, &incident, step, revision, (room, institution, session))
        });
    let of_summary = (place.clone(), session.clone(), revision, any::<bool>()).prop_map(
        |((room, _), session, revision, verified)| summary(room, session, revision, verified),
    );
    let of_presence = (place, session, prop::sample::select(PERSONS.to_vec()))
        .prop_map(|((room, _), session, person)| presence(room, session, person));
    let of_chain = Just(json!({"type": "chain_break", "reason": "torn"}));
    prop_oneof![4 => of_finding, 2 => of_summary, 2 => of_presence, 1 => of_chain]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_box_says_nothing_of_another_changes(
        lies in prop::collection::vec(lie(), 1..12),
        at_once_max in prop_oneof![Just(0usize), Just(64)],
        own in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = furnished(dir.path());
        let before = of_victim(&store);
        prop_assert!(before.contains("ChainGap"), "the server has said something of its own: \
            {before}");
        // The ids that the server gave its own findings are no secret to who reads the page.
        let filter = AlertFilter { device: Some(VICTIM.to_owned()), limit: 500,
            ..AlertFilter::default() };
        let shown = store.alerts(&filter).unwrap();
        let known = store.findings(&own.get(&shown).id).unwrap().remove(0).report;
        let stolen = finding(&known.finding_id, &known.incident_id, "withdrawn", known.revision + 1,
            ("room-own", "clinic-own", "s-own"));
        let mut hostile = Chain::new(HOSTILE);
        let said: Vec<InboxEntry> = lies.iter().chain([&stolen]).map(
            |payload| hostile.link(payload)).collect();
        store.commit_batch(&said, at_once_max).unwrap();
        while store.take_up(5).unwrap() > 0 {}
        prop_assert_eq!(of_victim(&store), before);
    }
}
