//! The tables against the signed record: what somebody writes into the database shows nobody
//! another picture, what people did comes into the box's chain, and no box loses a picture
//! silently.

use protocol::evidence::{EvidenceAct, EvidenceDeed};

use super::*;
use crate::boxes::health;

fn now_ms() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn look(s: &Scene, order: &ReleaseOrder, who: &Person) -> Answer {
    let path = format!("/requests/{}/items/{}", order.order, s.ids()[0]);
    who.ask(&s.house, "GET", &path, &Value::Null)
}

/// Another face, sealed to the roles' public keys, which everybody may read.
fn forged(s: &Scene, id: &str) -> (EvidenceItem, Vec<u8>) {
    let roll = s.house.running().app.store.roll(PLACE).unwrap();
    let to = VerifiedRoll::first(&roll.wire()).unwrap().seal_to().unwrap();
    let device = s.b.id.parse().unwrap();
    let finding_id = finding_id();
    let about = PictureContext {
        device: &device,
        finding_id: &finding_id,
        kind: EvidenceKind::SubjectCrop,
        taken_at: TAKEN_AT,
    };
    let made = seal(b"\xff\xd8\xff\xe0 ANOTHER FACE", about, &to).unwrap();
    let honest = s.pictures.iter().find(|p| p.0.id.as_str() == id).unwrap().0.clone();
    let item = EvidenceItem {
        bytes: made.ciphertext.len() as u64,
        sha256: made.sha256,
        supervisor_half: made.supervisor_half,
        reviewer_half: made.reviewer_half,
        ..honest
    };
    (item, made.ciphertext)
}

fn write_ciphertext(s: &Scene, id: &str, bytes: &[u8]) {
    s.sql(&format!(
        "DELETE FROM evidence_part WHERE item = '{id}' AND begins_at > 0;
         UPDATE evidence_part SET bytes = X'{}' WHERE item = '{id}'",
        hex::encode(bytes)
    ));
}

fn write_item(s: &Scene, item: &EvidenceItem) {
    let text = serde_json::to_string(item).unwrap();
    s.sql(&format!("UPDATE evidence_item SET item = '{text}' WHERE id = '{}'", item.id));
}

#[test]
fn a_swapped_ciphertext_is_shown_to_nobody() {
    let mut s = scene();
    let order = s.delivered();
    let id = s.ids()[0].clone();
    let (_, ciphertext) = forged(&s, &id);
    write_ciphertext(&s, &id, &ciphertext);
    let refused = look(&s, &order, &s.li);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("signed into the chain"), "{}", refused.body);
    assert_eq!(s.state(&order), "delivered", "nobody has looked");
}

/// Its row and its bytes fit each other, and would open for both: only the box never signed it.
#[test]
fn a_picture_written_into_the_database_is_shown_to_nobody() {
    let mut s = scene();
    let order = s.delivered();
    let id = s.ids()[0].clone();
    let (item, ciphertext) = forged(&s, &id);
    write_item(&s, &item);
    write_ciphertext(&s, &id, &ciphertext);
    let refused = look(&s, &order, &s.wang);
    assert_eq!(refused.status, 409, "{}", refused.body);
    // Nor does a message that somebody wrote in the box's name.
    let honest = s.pictures[0].0.sha256.clone();
    s.sql(&format!(
        "UPDATE message SET envelope = replace(envelope, '{honest}', '{}') WHERE kind =
        'evidence_manifest'",
        item.sha256
    ));
    assert_eq!(look(&s, &order, &s.wang).status, 409);
}

#[test]
fn nobody_asks_for_a_picture_that_no_box_signed() {
    let s = scene();
    let (item, _) = forged(&s, &s.ids()[0]);
    write_item(&s, &item);
    let order = s.order(&"c".repeat(32), "li", "wang");
    let refused = s.li.ask(&s.house, "POST", "/requests", &s.request_body(&order, &s.li));
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("与设备签名的记录链不符"), "{}", refused.body);
}

fn told(s: &Scene, good: impl Fn(&EvidenceOrders) -> bool) -> EvidenceOrders {
    let some = |d: &Down| matches!(d, Down::EvidenceOrders(o) if good(o));
    match s.b.told_until("evidence_orders", some).payload {
        Down::EvidenceOrders(orders) => orders,
        other => panic!("{other:?}"),
    }
}

fn acts(orders: &EvidenceOrders) -> Vec<(EvidenceAct, CustodianRole)> {
    orders.deeds.iter().map(|deed| (deed.act, deed.by)).collect()
}

fn notes(s: &mut Scene, deeds: &[EvidenceDeed]) {
    for deed in deeds {
        s.b.say(&json!({"type": "evidence_receipt", "finding_id": deed.finding_id, "items": [],
            "step": "noted", "order": deed.order, "deed": deed}));
        s.b.receipted(s.b.seq);
    }
}

const ASKED: (EvidenceAct, CustodianRole) = (EvidenceAct::Requested, CustodianRole::Supervisor);

#[test]
fn request_approval_and_look_come_into_the_chain() {
    let mut s = scene();
    let order = s.requested('c');
    // Before anybody decided, whoever holds the box learns nothing of who asked.
    let waiting = told(&s, |o| !o.holds.is_empty());
    assert!(acts(&waiting).is_empty(), "a request that waits is told");
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    let approved = told(&s, |o| !o.releases.is_empty());
    assert_eq!(acts(&approved), [ASKED, (EvidenceAct::Approved, CustodianRole::Reviewer)]);
    let text = serde_json::to_string(&approved.deeds).unwrap();
    assert!(!text.contains("wang") && !text.contains("2026-17"), "{text}");
    notes(&mut s, &approved.deeds);
    s.receipt(&order, "released", None);
    s.deliver(&order);
    assert_eq!(look(&s, &order, &s.li).status, 200);
    let looked = told(&s, |o| o.deeds.iter().any(|deed| deed.act == EvidenceAct::Looked));
    assert_eq!(acts(&looked), [(EvidenceAct::Looked, CustodianRole::Supervisor)]);
    assert_eq!(looked.deeds[0].item.as_ref().map(ToString::to_string), Some(s.ids()[0].clone()));
    notes(&mut s, &looked.deeds);
    let store = &s.house.running().app.store;
    let facts = store
        .facts_for(&s.b.id.parse().unwrap(), server::clock::At::EPOCH, server::clock::At::now())
        .unwrap();
    let left = facts.rest.iter().find_map(|down| match down {
        Down::EvidenceOrders(orders) => Some(acts(orders)),
        _ => None,
    });
    assert_eq!(left, Some(Vec::new()), "the chain has it, and it is told again");
}

#[test]
fn a_refusal_comes_into_the_chain() {
    let s = scene();
    let order = s.requested('c');
    let step = json!({"step": "refuse", "reason": "no basis"});
    s.wang.must(&s.house, "POST", &format!("/requests/{}/steps", order.order), &step);
    let refused = told(&s, |o| !o.deeds.is_empty());
    assert_eq!(acts(&refused), [ASKED, (EvidenceAct::Refused, CustodianRole::Reviewer)]);
}

#[test]
fn pictures_that_somebody_asked_for_are_held() {
    let s = scene();
    let order = s.requested('c');
    let held = told(&s, |o| !o.holds.is_empty());
    assert_eq!(held.holds[0].findings, [finding_id()], "a full box gives them up meanwhile");
    assert!(held.holds.iter().all(|hold| hold.day.is_none()), "{:?}", held.holds);
    let step = json!({"step": "refuse", "reason": "no basis"});
    s.wang.must(&s.house, "POST", &format!("/requests/{}/steps", order.order), &step);
    told(&s, |o| o.holds.is_empty());
}

#[test]
fn who_has_not_looked_or_has_nothing_to_compare_answers_nothing() {
    let mut s = scene();
    let order = s.delivered();
    let path = format!("/requests/{}/steps", order.order);
    let answer = |who: &Person, word: &str| {
        who.ask(&s.house, "POST", &path, &json!({"step": "answer", "same_person": word}))
    };
    assert_eq!(look(&s, &order, &s.li).status, 200);
    let blind = answer(&s.wang, "cannot_tell");
    assert_eq!(blind.status, 409, "{}", blind.body);
    assert!(blind.body.contains("have not looked"), "{}", blind.body);
    for word in ["yes", "no"] {
        let alone = answer(&s.li, word);
        assert_eq!(alone.status, 409, "no photograph is here, and `{word}` counts: {}", alone.body);
    }
    assert_eq!(answer(&s.li, "cannot_tell").status, 200);
    s.house
        .running()
        .app
        .faces
        .put_registry_photo("p-other", b"held", "li", now().parse().unwrap())
        .unwrap();
    assert_eq!(answer(&s.li, "no").status, 200);
    // It came after the finding, from whoever asked: the other one is told so.
    let (_, shown) = page(&s, &s.wang, &format!("/evidence/{}?lang=en", order.order));
    assert!(shown.contains("came after the finding"), "{shown}");
}

fn gone(s: &mut Scene, step: &str, reason: &str) {
    for id in s.ids() {
        s.b.say(&json!({"type": "evidence_receipt", "finding_id": finding_id(), "items": [id],
            "step": step, "reason": reason}));
        s.b.receipted(s.b.seq);
    }
}

fn items(s: &Scene) -> Vec<server::evidence::ItemSeen> {
    s.house
        .running()
        .app
        .store
        .evidence_of_finding(&s.b.id.parse().unwrap(), &finding_id())
        .unwrap()
}

#[test]
fn the_halves_of_a_deleted_picture_lie_nowhere_on_the_server() {
    let mut s = scene();
    gone(&mut s, "deleted", "given up for the quota");
    let store = &s.house.running().app.store;
    assert_eq!(store.expire_openings(now_ms()).unwrap(), 2);
    assert_eq!(store.expire_openings(now_ms()).unwrap(), 0, "buried twice");
    for seen in items(&s) {
        assert_eq!((seen.item.supervisor_half.ct, seen.item.reviewer_half.ct), Default::default());
    }
    let halves: Vec<String> = s
        .pictures
        .iter()
        .flat_map(|p| [p.0.supervisor_half.ct.clone(), p.0.reviewer_half.ct.clone()])
        .collect();
    let folder = s.house.close();
    for file in files(folder.path()) {
        assert!(!halves.iter().any(|half| holds(&file, half.as_bytes())), "a half is left");
    }
}

#[test]
fn what_two_people_look_at_keeps_its_halves_until_then() {
    let mut s = scene();
    let order = s.delivered();
    gone(&mut s, "deleted", "given up for the quota");
    let store = &s.house.running().app.store;
    assert_eq!(store.expire_openings(now_ms()).unwrap(), 0);
    assert_eq!(look(&s, &order, &s.li).status, 200, "its box deletes it while they look");
    let later = now_ms() + jiff::SignedDuration::from_hours(73);
    assert_eq!(s.house.running().app.store.expire_openings(later).unwrap(), 3);
}

fn holds_now(s: &mut Scene, items: u64) {
    let mut said = health();
    let room = protocol::evidence::QUOTA_BYTES;
    said["evidence"] = json!({"items": items, "bytes": 1, "quota_bytes": room, "given_up": 0});
    s.b.say(&said);
    s.b.receipted(s.b.seq);
    // A quarter of an hour passes.
    s.sql("UPDATE message SET received_at = '2026-01-01T00:00:00.000Z' WHERE kind = 'health'");
    s.b.say(&said);
    s.b.receipted(s.b.seq);
}

fn raised(s: &Scene) -> Vec<(Value, Value)> {
    let all = ask(&s.house, "GET", "/api/v1/alerts?kind=Integrity", &s.li.login, "").json();
    let one = |a: &Value| {
        let path = format!("/api/v1/alerts/{}", a["id"].as_str().unwrap());
        let whole = ask(&s.house, "GET", &path, &s.li.login, "").json();
        (whole["findings"][0]["rule"].clone(), whole["findings"][0]["severity"].clone())
    };
    all["alerts"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn a_picture_that_went_without_a_word_is_noticed() {
    let mut s = scene();
    holds_now(&mut s, 2);
    assert!(raised(&s).is_empty(), "it has both");
    holds_now(&mut s, 1);
    assert_eq!(raised(&s), [(json!("EVIDENCE-GONE"), json!("L2"))]);
    assert!(items(&s).iter().all(|seen| seen.gone.is_none()), "which one nobody knows");
    holds_now(&mut s, 1);
    assert_eq!(raised(&s).len(), 1, "once a day");
}

#[test]
fn a_replaced_box_ends_what_is_waited_for_with_a_line() {
    let mut s = scene();
    let order = s.requested('c');
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    let token = trust::sha256_hex("a new token");
    s.sql(&format!(
        "UPDATE device SET token_hash = '{token}', token_expires_at = '2999-01-01T00:00:00.000Z';
         -- The test's boxes number their events alike; real ones draw them.
         UPDATE message SET event_id = 'earlier-' || event_id"
    ));
    s.b = TestBox::provision_since(&s.house, "a new token", &now());
    s.b.connect();
    holds_now(&mut s, 0);
    assert_eq!(s.state(&order), "destroyed", "two people wait for what never comes");
    let seen = items(&s);
    let why = |seen: &server::evidence::ItemSeen| seen.gone_because.clone().unwrap_or_default();
    assert!(seen.iter().all(|seen| why(seen).contains("replaced")), "{seen:?}");
    assert_eq!(raised(&s), [(json!("EVIDENCE-GONE"), json!("L1"))], "nobody is accused");
    let again = s.order(&"d".repeat(32), "li", "wang");
    let refused = s.li.ask(&s.house, "POST", "/requests", &s.request_body(&again, &s.li));
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("the box was replaced"), "{}", refused.body);
}

#[test]
fn a_deletion_before_its_time_is_asked_about() {
    let mut s = scene();
    gone(&mut s, "deleted", "undecided for too long");
    assert_eq!(raised(&s), [(json!("EVIDENCE-GONE"), json!("L1"))]);
}

#[test]
fn a_clinic_hears_of_an_opening_when_its_case_is_served() {
    use jiff::civil::Date;
    use server::penalty_case::{CaseEntry, ServedPaper, ServiceWay};

    let mut s = scene();
    s.delivered();
    let clinic = login(&s.house, "jin", Role::Clinic, "clinic-1");
    let path = format!("/api/v1/alerts/{}", alert());
    let told = || ask(&s.house, "GET", &path, &clinic, "").body;
    let serve = |paper, on: Date| {
        let entry = CaseEntry::Served { paper, way: ServiceWay::Direct, agreed: false };
        let store = &s.house.running().app.store;
        store
            .enter_case(
                &alert().parse().unwrap(),
                ("li", now().parse().unwrap()),
                (on, 0, &entry),
                |_| Ok(()),
            )
            .unwrap()
            .unwrap();
    };
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    serve(ServedPaper::Notice, today);
    serve(ServedPaper::Decision, today.saturating_add(jiff::Span::new().days(9)));
    assert!(!told().contains("opened_pictures"), "before its case is served");
    serve(ServedPaper::Decision, today.saturating_sub(jiff::Span::new().days(1)));
    let seen: Value = serde_json::from_str(&told()).unwrap();
    let opened = &seen["opened_pictures"][0];
    assert_eq!((&opened["pictures"], &opened["case_number"]), (&json!(2), &json!("2026-17")));
    let page = ask(&s.house, "GET", &format!("/alerts/{}", alert()), &clinic, "").body;
    assert!(page.contains("已打开的封存画面"), "{page}");
    assert!(!page.contains("wang"), "who looked stays untold");
}

/// Stopped in each state, and started over the same files: nothing is lost, nothing twice.
#[test]
fn a_restart_in_every_state_of_an_opening_changes_nothing() {
    let mut s = scene();
    let again = |s: &mut Scene, order: &ReleaseOrder, state: &str| {
        assert_eq!(s.state(order), state);
        let house = std::mem::replace(&mut s.house, House::new()).restart_with(ACCOUNTS);
        s.house = house;
        assert_eq!(s.state(order), state, "after a start");
        s.b.move_to(&s.house);
        s.b.connect();
    };
    let order = s.requested('c');
    again(&mut s, &order, "requested");
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    again(&mut s, &order, "released");
    s.receipt(&order, "released", None);
    let (item, ciphertext) = s.pictures[0].clone();
    let half = s.part(&order, &item, 0, &ciphertext[..20]);
    assert_eq!(s.post_part(&s.b.signing, &half).json()["stored_bytes"], 20);
    again(&mut s, &order, "released");
    let asked = s.post_part(&s.b.signing, &s.part(&order, &item, 0, &[])).json();
    assert_eq!(asked["stored_bytes"], 20, "half delivered");
    s.deliver(&order);
    again(&mut s, &order, "delivered");
    assert_eq!(look(&s, &order, &s.li).status, 200);
    again(&mut s, &order, "open");
    assert_eq!(look(&s, &order, &s.wang).status, 200);
    let later = now_ms() + jiff::SignedDuration::from_hours(73);
    s.house.running().app.store.expire_openings(later).unwrap();
    again(&mut s, &order, "expired");
    assert_eq!(look(&s, &order, &s.li).status, 409);
}

#[test]
fn an_import_of_photographs_takes_each_on_its_own() {
    let s = scene();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let drawn = image::RgbImage::from_pixel(64, 64, image::Rgb([90, 120, 150]));
    image::DynamicImage::from(drawn).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let mut body = Vec::new();
    for (file, bytes) in [
        ("p-lead.jpg", jpeg.as_slice()),
        ("p-other.jpg", b"no picture".as_slice()),
        ("p-nobody.jpg", jpeg.as_slice()),
    ] {
        let head = format!(
            "--cut\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"{file}\"\r\n\
            Content-Type: image/jpeg\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    let post = |who: &str| {
        let cookie = format!("Cookie: zaigang={who}\r\nSec-Fetch-Site: same-origin\r\n");
        let head = format!("{cookie}Content-Type: multipart/form-data; boundary=cut\r\n");
        s.house.send_with("POST", "/registry-photos?lang=zh", &head, &body)
    };
    let clinic = login(&s.house, "jin", Role::Clinic, "clinic-1");
    assert_eq!(post(&clinic).status, 403, "never the clinic's to set");
    let done = post(&s.li.login);
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(
        done.body.contains("已保存") && done.body.contains("本辖区没有此编号"),
        "{}",
        done.body
    );
    let faces = &s.house.running().app.faces;
    assert_eq!(faces.registry_photo_at("p-lead").unwrap().unwrap().uploaded_by, "li");
    assert_eq!(faces.registry_photo_at("p-other").unwrap(), None, "no picture, and kept");
    // While two people compare with it, no import puts another in its place.
    s.requested('c');
    let again = post(&s.li.login);
    assert!(again.body.contains("正在封存画面比对中"), "{}", again.body);
}
