//! The largest and smallest numbers in every field of a box's words: no page, list, export or round
//! of the server stops on them.

use serde_json::{Value, json};
use server::access::Role;

use crate::boxes::{TestBox, finding, health};
use crate::house::House;
use crate::twin::addresses_of;

const COUNTS: [&str; 7] = [
    "operating_ms",
    "visibility_over_a_ppm",
    "first_at_ms",
    "emergency_flag",
    "window_days",
    "strangers_named_count",
    "anything",
];

/// A word of each kind, with this number wherever one of its type stands.
fn words(n: u32, count: i64, large: u64, small: i32) -> Vec<Value> {
    let digit = char::from(b'1' + n as u8);
    let mut said = finding(digit, digit, "opened", 1, "LL-1", "LicenseLending", "L2");
    for part in ["identity_ppm", "role_ppm", "session_ppm", "visibility_ppm"] {
        said["confidence"][part] = json!(large as u32);
    }
    said["counts"] = COUNTS.iter().map(|name| json!({"name": name, "value": count})).collect();
    said["manifest"]["policy_version"] = json!(large);
    said["manifest"]["roster_version"] = json!(large);
    let mut beat = health();
    for field in ["heartbeat_seq", "uptime_ms", "frames", "frames_dropped", "faces", "outbox_depth"]
        .into_iter()
        .chain(["outbox_dropped", "disk_free_bytes", "knowledge_version"])
    {
        beat[field] = json!(large);
    }
    beat["visibility_ppm"] = json!(large as u32);
    beat["temperature_mc"] = json!(small);
    beat["evidence"] =
        json!({"items": large, "bytes": large, "quota_bytes": large, "given_up": large});
    beat["broker"] = json!({"at": "127.0.0.1:1", "moves": large});
    beat["picture"] = json!({"width_px": large as u32, "height_px": large as u32});
    let at = "2026-03-02T01:40:00.000Z";
    let summary = json!({"type": "presence_summary", "room": "room-1", "session": "s-1",
        "revision": (large as u32).max(1), "at": at, "assessable": true,
        "undecided": [{"rule": "LL-1", "reason": "door"}],
        "visibility_over_a_ppm": large as u32, "visibility_over_i_ppm": large as u32,
        "lead_verified": false, "face_seen": true, "indeterminate_tracks": large as u32,
        "unmatched_tracks": large as u32, "emergency": false, "liveness_waived": false});
    let presence = json!({"type": "presence", "room": "room-1", "session": "s-1",
        "person": "p-lead", "role": "operator", "from": at, "to": at, "verified_by": "face",
        "evidence": {"looks": large as u32, "score_min_ppm": small, "score_max_ppm": small,
            "liveness": "live"}});
    let ack = json!({"type": "knowledge_ack", "kind": "policy", "version": large, "applied": true});
    let dropped = json!({"type": "dropped", "rows": [
        {"seq": large, "hash": "0".repeat(64), "channel": "health"}]});
    vec![beat, said, presence, summary, ack, dropped]
}

#[test]
fn no_number_of_a_box_stops_a_page_or_a_round() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let extremes = [
        (i64::MIN, 0, i32::MIN),
        (i64::MAX, u64::MAX, i32::MAX),
        (i64::MIN + 1, i64::MAX as u64, -1),
        (-1, i64::MAX as u64 + 1, 0),
    ];
    for (n, (count, large, small)) in extremes.into_iter().enumerate() {
        for word in words(n as u32, count, large, small) {
            b.say(&word);
            b.receipted(b.seq);
        }
        let store = &house.running().app.store;
        for at in ["2026-03-02T09:00:00.000Z", "2026-03-02T09:01:00.000Z"] {
            store
                .look("run", at.parse().unwrap(), "2026-01-01T00:00:00.000Z".parse().unwrap())
                .unwrap();
        }
        let mut stopped = Vec::new();
        for role in [Role::Supervisor, Role::Clinic, Role::Admin, Role::Auditor] {
            for path in addresses_of(role, &[]) {
                let (status, body) = house.page(&path);
                // Not there, not asked rightly, or nothing to give: each is an answer.
                if status >= 500 {
                    stopped.push(format!("{path}: {status} {body:.200}"));
                }
            }
        }
        assert!(stopped.is_empty(), "{count} {large} {small}:\n{}", stopped.join("\n"));
    }
    b.say(&json!({"type": "chain_break", "reason": "torn", "last_receipted_seq": u64::MAX}));
    b.receipted(b.seq);
}
