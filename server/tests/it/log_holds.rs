//! 保全: an accepted clue and a lead under review keep their box's observation log, and nobody who
//! may not know of clues learns of one by it.

use protocol::down::Down;
use protocol::evidence::Hold;
use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding, health};
use crate::house::House;
use crate::public::{DOOR, with_door};

/// A clinic with a public door, and a connected box in room-1.
pub(crate) fn with_box() -> (House, TestBox) {
    with_box_and("")
}

/// The same, with more in the configuration.
pub(crate) fn with_box_and(extra: &str) -> (House, TestBox) {
    let house = with_door().restart_with(&format!("{DOOR}{extra}"));
    let made = put(&house, "devices", &json!({"id": "box-1", "room": "room-1"}));
    let mut it = TestBox::provision(&house, made["provisioning_token"].as_str().unwrap());
    it.connect();
    (house, it)
}

/// Registers something as the authority's own program.
fn put(house: &House, noun: &str, body: &Value) -> Value {
    let officer = token(house, Role::Supervisor, "");
    let made = ask(house, "POST", &format!("/api/v1/{noun}"), &officer, &body.to_string());
    assert!(made.status < 300, "{}", made.body);
    made.json()
}

/// A call about an hour of a room, accepted; gives the clue's id.
pub(crate) fn accepted(house: &House, officer: &str, room: &str) -> String {
    let hotline = token(house, Role::Partner, "hotline/5101");
    let clue = json!({"external_no": room, "institution": "clinic-1", "room": room, "text": "挂证",
        "allegation": "lending", "from_at": "2026-03-02T23:30:00Z",
        "to_at": "2026-03-03T00:30:00Z"});
    let made = ask(house, "POST", "/api/v1/clues", &hotline, &clue.to_string());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    step(house, officer, &id, &json!({"step": "accept"}));
    id
}

fn step(house: &House, officer: &str, id: &str, body: &Value) {
    let answer =
        ask(house, "POST", &format!("/api/v1/clues/{id}/steps"), officer, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The next list of holds that is as expected.
fn holds(it: &TestBox, good: impl Fn(&[Hold]) -> bool) -> Vec<Hold> {
    let told = it
        .told_until("evidence_orders", |d| matches!(d, Down::EvidenceOrders(o) if good(&o.holds)));
    let Down::EvidenceOrders(orders) = told.payload else { unreachable!() };
    orders.holds
}

#[test]
fn an_accepted_clue_holds_the_log_until_it_is_over() {
    let (house, mut it) = with_box();
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let id = accepted(&house, &wang, "room-1");
    let told = holds(&it, |holds| !holds.is_empty());
    let days: Vec<_> = told.iter().filter_map(|hold| hold.day.as_deref()).collect();
    assert_eq!(days, ["2026-03-02", "2026-03-03"], "by UTC day");
    let page = |house: &House| ask(house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(page(&house).contains("待设备确认"), "nobody is told that it was asked for");
    let mut said = health();
    said["evidence"] = json!({"items": 0, "bytes": 0,
        "quota_bytes": protocol::evidence::QUOTA_BYTES, "given_up": 0,
        "holds": [told[0].reference], "logs": ["2026-03-03"]});
    it.say(&said);
    it.receipted(it.seq);
    let page = page(&house);
    assert!(page.contains("设备已保全") && page.contains("设备上已无当日记录"), "{page}");
    let dismiss = json!({"step": "dismiss", "reason": "wrong_identity"});
    step(&house, &wang, &id, &dismiss);
    step(&house, &li, &id, &dismiss);
    holds(&it, <[Hold]>::is_empty);
}

/// A call about the half hour until now, of the same words each time or not; gives its id.
fn unread(house: &House, number: &str, text: &str) -> String {
    let hotline = token(house, Role::Partner, "hotline/5101");
    let now = jiff::Timestamp::now();
    let from = now - jiff::SignedDuration::from_mins(30);
    let clue = json!({"external_no": number, "institution": "clinic-1", "room": "room-1",
        "text": text, "allegation": "lending", "from_at": from.to_string(),
        "to_at": now.to_string()});
    let made = ask(house, "POST", "/api/v1/clues", &hotline, &clue.to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn day() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

fn refreshed(house: &House) {
    house.running().app.tell(server::knowledge::Nudge::All);
}

#[test]
fn a_log_waits_for_an_acceptance_that_takes_longer() {
    let (house, it) = with_box();
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let id = unread(&house, "1", "挂证");
    refreshed(&house);
    let told = holds(&it, |holds| !holds.is_empty());
    assert!(told.iter().all(|hold| hold.findings.is_empty()), "{told:?}");
    assert_eq!(told.last().unwrap().day.as_deref(), Some(day().as_str()));
    assert!(ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body.contains("待设备确认"));
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    step(&house, &wang, &id, &reject);
    step(&house, &li, &id, &reject);
    holds(&it, <[Hold]>::is_empty);
}

#[test]
fn an_old_day_that_no_box_can_have_is_not_asked_for() {
    let (house, it) = with_box();
    let hotline = token(&house, Role::Partner, "hotline/5101");
    let clue = json!({"external_no": "1", "institution": "clinic-1", "room": "room-1",
        "text": "x", "allegation": "lending", "from_at": "2026-03-02T01:00:00Z",
        "to_at": "2026-03-02T02:00:00Z"});
    assert_eq!(ask(&house, "POST", "/api/v1/clues", &hotline, &clue.to_string()).status, 201);
    unread(&house, "2", "今天");
    refreshed(&house);
    let told = holds(&it, |holds| !holds.is_empty());
    assert!(told.iter().all(|hold| hold.day.as_deref() > Some("2026-03-03")), "{told:?}");
}

#[test]
fn a_flood_of_reports_takes_no_hold_away() {
    let (house, it) = with_box();
    let wang = login(&house, "wang", Role::Supervisor, "");
    accepted(&house, &wang, "room-1");
    holds(&it, |holds| !holds.is_empty());
    // By hand: five hundred and one that were merged into a stranger's clue, and as many unread.
    let data = house.folder.path().join("data");
    let fields = "id, source, posted_by, received_on, jurisdiction, institution, room, stage, \
        allegation, spec, handling, fold, sealed_key, merged_into";
    let row = |n: usize, stage: &str, fold: &str, into: &str| {
        format!(
            "('{stage}-{n}','public_report','','{}','510104','clinic-1','room-1','{stage}','other',\
             (SELECT spec FROM clue WHERE number = \
             1),'{{\"intake\":\"{stage}\"}}','{fold}',x'00',{into})",
            day()
        )
    };
    let mut rows = vec![row(0, "received", "flood", "NULL")];
    rows.extend((1..=501).map(|n| row(n, "merged", "flood", "'received-0'")));
    rows.extend((1..=501).map(|n| row(n, "received", &format!("f-{n}"), "NULL")));
    let sql = format!("INSERT INTO clue ({fields}) VALUES {}", rows.join(","));
    crate::house::by_hand(&data, "zaigang.db", &sql);
    refreshed(&house);
    let today = day();
    let told = holds(&it, |holds| holds.iter().any(|hold| hold.day.as_deref() == Some(&today)));
    let days: std::collections::BTreeSet<_> =
        told.iter().filter_map(|hold| hold.day.as_deref()).collect();
    assert!(days.contains("2026-03-02") && days.contains("2026-03-03"), "it is gone: {days:?}");
    assert!(told.len() <= 12, "each report costs the box: {}", told.len());
}

#[test]
fn a_hold_tells_no_integrator_of_a_clue() {
    let (house, it) = with_box();
    let wang = login(&house, "wang", Role::Supervisor, "");
    accepted(&house, &wang, "room-1");
    let told = holds(&it, |holds| !holds.is_empty());
    assert!(told.iter().all(|hold| hold.reference.starts_with("hold-")), "{told:?}");
    for role in [Role::Integrator, Role::Admin] {
        let who = token(&house, role, "");
        for path in ["/api/v1/devices", "/devices"] {
            let answer = ask(&house, "GET", path, &who, "");
            assert_eq!(answer.status, 200);
            assert!(answer.body.contains("box-1"), "{}", answer.body);
            for word in ["evidence_orders", "保全", told[0].reference.as_str()] {
                assert!(!answer.body.contains(word), "{role:?} reads {word} at {path}");
            }
        }
    }
    let officer = ask(&house, "GET", "/api/v1/devices", &wang, "");
    assert!(officer.body.contains("evidence_orders"), "{}", officer.body);
}

#[test]
fn a_clue_and_a_lead_are_held_in_one_shape() {
    let (house, mut it) = with_box();
    let wang = login(&house, "wang", Role::Supervisor, "");
    it.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    it.receipted(it.seq);
    let path = format!("/api/v1/alerts/{}/steps", crate::boxes::alert_of('1'));
    let upheld = ask(&house, "POST", &path, &wang, &json!({"step": "uphold"}).to_string());
    assert_eq!(upheld.status, 200, "{}", upheld.body);
    accepted(&house, &wang, "room-1");
    let days = |holds: &[Hold]| holds.iter().filter(|hold| hold.day.is_some()).count();
    let told = holds(&it, |holds| days(holds) >= 3);
    let mut words = std::collections::BTreeSet::new();
    for hold in told.iter().filter(|hold| hold.day.is_some()) {
        let word = hold.reference.strip_prefix("hold-").unwrap_or_default();
        assert_eq!((word.len(), hold.findings.len()), (12, 0), "{hold:?}");
        assert!(hold.until.ends_with("T00:00:00.000Z"), "its time tells what it is: {hold:?}");
        words.insert(hold.reference.clone());
    }
    assert_eq!(words.len(), 2, "one of the lead, one of the clue");
    let sorted: Vec<_> = told.iter().map(|hold| (&hold.day, &hold.reference)).collect();
    assert!(sorted.is_sorted(), "the order tells what it is: {told:?}");
    let pictures: Vec<_> = told.iter().filter(|hold| !hold.findings.is_empty()).collect();
    assert!(pictures.len() == 1 && !words.contains(&pictures[0].reference), "{told:?}");
}

#[test]
fn no_count_tells_that_a_box_answered_an_order() {
    let (house, it) = with_box();
    for role in [Role::Integrator, Role::Admin, Role::Supervisor] {
        let who = token(&house, role, "");
        let api = ask(&house, "GET", "/api/v1/devices", &who, "").body;
        let page = ask(&house, "GET", "/devices", &who, "").body;
        let seen = role == Role::Supervisor;
        assert_eq!(api.contains("contiguous_seq"), seen, "{role:?}: {api}");
        assert_eq!(page.contains("已存序号"), seen, "{role:?}");
    }
    drop(it);
}

#[test]
fn a_box_that_stood_elsewhere_holds_nothing() {
    let (house, it) = with_box();
    put(&house, "rooms", &json!({"id":"room-2","institution":"clinic-1","mode":"in_room"}));
    put(&house, "devices", &json!({"id": "box-1", "room": "room-2"}));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let there = accepted(&house, &wang, "room-2");
    let here = accepted(&house, &wang, "room-1");
    let days = |id: &str| {
        let answer = ask(&house, "GET", &format!("/api/v1/clues/{id}"), &wang, "");
        answer.json()["log_holds"].as_array().unwrap().len()
    };
    assert_eq!((days(&there), days(&here)), (0, 2));
    drop(it);
}

#[test]
fn a_lead_without_pictures_is_held_on_its_box() {
    let house = House::new();
    let mut it = TestBox::provision(&house, &house.furnish());
    it.connect();
    it.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    it.receipted(it.seq);
    let path = format!("alerts/{}/steps", crate::boxes::alert_of('1'));
    house.must_post(&path, &json!({"step": "uphold", "by": "wang"}));
    let told = holds(&it, |holds| !holds.is_empty());
    assert!(told.iter().any(|hold| hold.day.as_deref() == Some("2026-03-02")), "{told:?}");
    assert_eq!(told[0].findings, ["a".repeat(32)]);
}
