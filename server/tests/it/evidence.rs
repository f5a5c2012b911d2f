//! Sealed pictures opened by two people for one case: a box with real keys seals, two people with
//! real keys sign, and everybody else is refused. What a browser seals for another browser is any
//! text here: the server can not tell, and must not.

// The browser's furnished house has the people of this file, and none of its tests.
#[cfg(test)]
#[path = "evidence/gone.rs"]
mod gone;
#[cfg(test)]
#[path = "evidence/record.rs"]
mod record;
#[cfg(test)]
#[path = "evidence/restored.rs"]
mod restored;
#[cfg(test)]
#[path = "evidence/rolls.rs"]
mod rolls;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use evidence::{PictureContext, RoleSecret, SealedCiphertext, VerifiedRoll, seal, signed_text};
use protocol::down::Down;
use protocol::evidence::{
    Custodian, CustodianRole, CustodianSignature, EvidenceItem, EvidenceKind, EvidenceOrders,
    ReleaseOrder, RoleKey,
};
use serde_json::{Value, json};
use server::access::Role;
use trust::SigningKey;

use crate::access::{ask, login};
use crate::boxes::{TestBox, finding};
use crate::house::{Answer, House, by_hand};

const ACCOUNTS: &str = "[access]\naccounts = true\n";
const PLACE: &str = "5101";
const TAKEN_AT: &str = "2026-03-02T01:20:00.000Z";

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn bytes32() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn opaque() -> Value {
    json!({"enc": STANDARD.encode(bytes32()), "ct": STANDARD.encode(bytes32())})
}

/// Somebody with a login, and the keys that their browser made.
struct Person {
    name: &'static str,
    role: CustodianRole,
    login: String,
    signing: SigningKey,
    /// Of the signing key: it must lie nowhere.
    secret: [u8; 32],
    sealing: String,
}

impl Person {
    fn new(house: &House, name: &'static str, role: Role, scope: &str) -> Self {
        let of = match role {
            Role::Supervisor => CustodianRole::Supervisor,
            Role::Reviewer => CustodianRole::Reviewer,
            _ => CustodianRole::Unknown,
        };
        let secret = bytes32();
        Self {
            name,
            role: of,
            login: login(house, name, role, scope),
            signing: SigningKey::from_bytes(&secret),
            secret,
            sealing: STANDARD.encode(bytes32()),
        }
    }

    fn ask(&self, house: &House, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(house, method, &format!("/api/v1/evidence{path}"), &self.login, &body)
    }

    fn must(&self, house: &House, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(house, method, path, body);
        assert!((200..300).contains(&answer.status), "{} {path}: {}", self.name, answer.body);
        answer.json()
    }

    fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.signing.sign_bytes(text.as_bytes()))
    }

    fn line(&self, by: &str, from: &str) -> Custodian {
        Custodian {
            custodian: self.name.parse().unwrap(),
            role: self.role,
            verification_key: self.signing.verifying_key().to_base64(),
            sealing_key: self.sealing.clone(),
            key_id: String::new(),
            from: from.to_owned(),
            until: None,
            vouched: CustodianSignature { custodian: by.parse().unwrap(), sig: String::new() },
        }
    }

    fn keys(&self) -> Value {
        json!({"verification_key": self.signing.verifying_key().to_base64(),
            "sealing_key": self.sealing, "wrapped": {"ct": "w"}, "recovery": {"ct": "r"}})
    }

    /// The first of their role: gives the role's secret.
    fn found(&self, house: &House) -> RoleSecret {
        let (role, body) = self.founding(PLACE);
        self.must(house, "POST", "/custodians", &body);
        role
    }

    fn founding(&self, place: &str) -> (RoleSecret, Value) {
        let secret = bytes32();
        let role = RoleSecret::from_bytes(secret);
        let (from, public) = (now(), STANDARD.encode(role.public_key()));
        let key = RoleKey {
            role: self.role,
            version: 1,
            public_key: public.clone(),
            key_id: String::new(),
            from: from.clone(),
            vouched: self.line(self.name, &from).vouched,
        };
        let mut body = self.keys();
        body["first"] = json!({
            "from": from, "role_key": public, "share": opaque(),
            "sig": self.sign(&signed_text::custodian(place, &self.line(self.name, &from)).unwrap()),
            "role_key_sig": self.sign(&signed_text::role_key(place, &key).unwrap()),
        });
        (role, body)
    }

    /// Waits, and is let in by another of their role.
    fn join(&self, house: &House, by: &Self) {
        let seen = self.must(house, "POST", "/custodians", &self.keys());
        let id = id_of(&seen, self.name);
        let from = now();
        let sig = by.sign(&signed_text::custodian(PLACE, &self.line(by.name, &from)).unwrap());
        let step = json!({"step": "admit", "from": from, "sig": sig, "shares": {"1": opaque()}});
        by.must(house, "POST", &format!("/custodians/{id}/steps"), &step);
    }
}

fn id_of(seen: &Value, account: &str) -> i64 {
    let people = seen["roll"]["custodians"].as_array().unwrap();
    people.iter().rfind(|c| c["account"] == account).unwrap()["id"].as_i64().unwrap()
}

/// A clinic's box, a supervisor and a reviewer who are custodians, and one alert with pictures.
struct Scene {
    house: House,
    b: TestBox,
    li: Person,
    wang: Person,
    supervisor: RoleSecret,
    reviewer: RoleSecret,
    pictures: Vec<(EvidenceItem, Vec<u8>)>,
}

const PLAIN: &[u8] = b"\xff\xd8\xff\xe0 A PICTURE THAT NOBODY OPENS ALONE";

fn scene() -> Scene {
    let house = House::new();
    let b = TestBox::provision(&house, &house.furnish());
    let house = house.restart_with(ACCOUNTS);
    let li = Person::new(&house, "li", Role::Supervisor, PLACE);
    let wang = Person::new(&house, "wang", Role::Reviewer, PLACE);
    let (supervisor, reviewer) = (li.found(&house), wang.found(&house));
    let mut scene = Scene { house, b, li, wang, supervisor, reviewer, pictures: Vec::new() };
    scene.b.move_to(&scene.house);
    scene.b.connect();
    scene.b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    scene.b.receipted(scene.b.seq);
    scene.take_pictures(2);
    scene
}

/// Pictures of the first lead that two people of this house may look at; gives their opening.
pub(crate) fn opened_in(house: House, b: TestBox, people: [&'static str; 2]) -> (House, String) {
    let li = Person::new(&house, people[0], Role::Supervisor, PLACE);
    let wang = Person::new(&house, people[1], Role::Reviewer, PLACE);
    let (supervisor, reviewer) = (li.found(&house), wang.found(&house));
    let mut scene = Scene { house, b, li, wang, supervisor, reviewer, pictures: Vec::new() };
    scene.b.move_to(&scene.house);
    scene.b.connect();
    scene.take_pictures(2);
    let order = scene.delivered();
    (scene.house, order.order.to_string())
}

fn finding_id() -> String {
    "a".repeat(32)
}

fn alert() -> String {
    crate::boxes::alert_of('1')
}

impl Scene {
    /// The box seals to what its signed knowledge names, and says what it holds.
    fn take_pictures(&mut self, count: usize) {
        let told = self.b.told_until(
            "custodians",
            |d| matches!(d, Down::Custodians(c) if c.role_keys.len() == 2),
        );
        let Down::Custodians(custodians) = told.payload else { unreachable!() };
        assert!(custodians.policy.enabled, "a demonstration takes pictures");
        let to = VerifiedRoll::first(&custodians).unwrap().seal_to().unwrap();
        let device = self.b.id.parse().unwrap();
        for _ in 0..count {
            let about = PictureContext {
                device: &device,
                finding_id: &finding_id(),
                kind: EvidenceKind::SubjectCrop,
                taken_at: TAKEN_AT,
            };
            let SealedCiphertext { id, ciphertext, sha256, supervisor_half, reviewer_half } =
                seal(PLAIN, about, &to).unwrap();
            let item = EvidenceItem {
                id,
                kind: EvidenceKind::SubjectCrop,
                person: None,
                taken_at: TAKEN_AT.to_owned(),
                width_px: 64,
                height_px: 64,
                covered_faces: 1,
                bytes: ciphertext.len() as u64,
                sha256,
                supervisor_half,
                reviewer_half,
            };
            self.pictures.push((item, ciphertext));
        }
        self.pictures.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        let items: Vec<&EvidenceItem> = self.pictures.iter().map(|p| &p.0).collect();
        self.b.say(&json!({"type": "evidence_manifest", "finding_id": finding_id(),
            "firmware": "test 1", "pack": "avatar", "pack_sha256": "ab", "source": "drawn",
            "items": items}));
        self.b.receipted(self.b.seq);
    }

    fn ids(&self) -> Vec<String> {
        self.pictures.iter().map(|p| p.0.id.to_string()).collect()
    }

    fn halves(&self) -> BTreeMap<String, Value> {
        self.ids().into_iter().map(|id| (id, opaque())).collect()
    }

    /// The order as both sign it.
    fn order(&self, id: &str, by: &str, reviewer: &str) -> ReleaseOrder {
        let unsigned = |name: &str| CustodianSignature {
            custodian: name.parse().unwrap(),
            sig: String::new(),
        };
        let requested_at = now();
        let at: jiff::Timestamp = requested_at.parse().unwrap();
        ReleaseOrder {
            order: id.parse().unwrap(),
            device: self.b.id.parse().unwrap(),
            finding_id: finding_id(),
            items: self.pictures.iter().map(|p| p.0.id.clone()).collect(),
            case: "2026-17".into(),
            basis: "群众举报".into(),
            purpose: "核对操作人".into(),
            expires_at: (at + evidence::order::LONGEST)
                .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
                .to_string(),
            requested_at,
            supervisor: unsigned(by),
            reviewer: unsigned(reviewer),
        }
    }

    fn request_body(&self, order: &ReleaseOrder, by: &Person) -> Value {
        json!({"order": order.order, "alert": alert(), "device": order.device,
            "finding": order.finding_id, "items": order.items,
            "reviewer": order.reviewer.custodian, "case_number": order.case,
            "basis": order.basis, "purpose": order.purpose,
            "requested_at": order.requested_at, "expires_at": order.expires_at,
            "sig": by.sign(&signed_text::release(order).unwrap()), "halves": self.halves()})
    }

    /// Li asks Wang.
    fn requested(&self, digit: char) -> ReleaseOrder {
        let order = self.order(&digit.to_string().repeat(32), self.li.name, self.wang.name);
        self.li.must(&self.house, "POST", "/requests", &self.request_body(&order, &self.li));
        order
    }

    fn approve(&self, order: &ReleaseOrder, by: &Person) -> Answer {
        let sig = by.sign(&signed_text::release(order).unwrap());
        let step = json!({"step": "approve", "sig": sig, "halves": self.halves()});
        by.ask(&self.house, "POST", &format!("/requests/{}/steps", order.order), &step)
    }

    /// What somebody does who can write the server's database.
    fn sql(&self, sql: &str) {
        by_hand(&self.house.folder.path().join("data"), "zaigang.db", sql);
    }

    fn state(&self, order: &ReleaseOrder) -> String {
        let path = format!("/requests/{}", order.order);
        let seen = self.li.must(&self.house, "GET", &path, &Value::Null);
        seen["opening"]["state"].as_str().unwrap().to_owned()
    }

    fn told_orders(&self) -> EvidenceOrders {
        let some = |d: &Down| matches!(d, Down::EvidenceOrders(o) if !o.releases.is_empty());
        match self.b.told_until("evidence_orders", some).payload {
            Down::EvidenceOrders(orders) => orders,
            other => panic!("{other:?}"),
        }
    }

    /// A part of a ciphertext, signed by this box.
    fn part(
        &self,
        order: &ReleaseOrder,
        item: &EvidenceItem,
        offset: usize,
        bytes: &[u8],
    ) -> Value {
        json!({"delivers": self.b.id, "id": item.id, "order": order.order, "offset": offset,
            "total_bytes": item.bytes, "sha256": item.sha256, "part": STANDARD.encode(bytes)})
    }

    fn post_part(&self, key: &SigningKey, part: &Value) -> Answer {
        let body = serde_json::to_string(&key.sign(part.to_string())).unwrap();
        self.house.send("POST", "/api/v1/evidence", "application/json", body.as_bytes())
    }

    fn deliver(&self, order: &ReleaseOrder) {
        for (item, ciphertext) in &self.pictures {
            let (head, tail) = ciphertext.split_at(20);
            for (offset, bytes) in [(0, head), (20, tail)] {
                let answer =
                    self.post_part(&self.b.signing, &self.part(order, item, offset, bytes));
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        }
    }

    fn receipt(&mut self, order: &ReleaseOrder, step: &str, reason: Option<&str>) {
        let mut said = json!({"type": "evidence_receipt", "finding_id": finding_id(),
            "items": self.ids(), "step": step, "order": order.order});
        if let Some(reason) = reason {
            said["reason"] = json!(reason);
        }
        self.b.say(&said);
        self.b.receipted(self.b.seq);
    }

    /// All the way to two people who may look.
    fn delivered(&mut self) -> ReleaseOrder {
        let order = self.requested('c');
        assert_eq!(self.approve(&order, &self.wang).status, 200);
        self.receipt(&order, "released", None);
        self.deliver(&order);
        order
    }
}

#[test]
fn two_people_open_one_picture_and_the_record_says_so() {
    let mut s = scene();
    s.house
        .running()
        .app
        .faces
        .put_registry_photo("p-other", b"held", "sun", TAKEN_AT.parse().unwrap())
        .unwrap();
    let order = s.requested('c');
    assert_eq!(s.state(&order), "requested");
    let (_, inbox) = page(&s, &s.wang, "/?lang=en");
    assert!(inbox.contains("wait for your decision"), "the reviewer's inbox says it");
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    let told = s.told_orders();
    let released = &told.releases[0];
    assert_eq!((&released.order, &released.case), (&order.order, &order.case));
    s.receipt(&order, "released", None);
    s.deliver(&order);
    assert_eq!(s.state(&order), "delivered");
    for who in [&s.li, &s.wang] {
        let path = format!("/api/v1/evidence/requests/{}/items/{}", order.order, s.ids()[0]);
        let answer = ask(&s.house, "GET", &path, &who.login, "");
        assert_eq!(answer.status, 200, "{}: {}", who.name, answer.body);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    }
    let kept = s.house.running().app.store.look_at(
        &order.order.as_str().parse().unwrap(),
        &s.ids()[0],
        "li",
        jiff::Timestamp::now(),
    );
    let device = s.b.id.parse().unwrap();
    let opened = evidence::open(
        &kept.unwrap(),
        &s.pictures[0].0,
        (&device, &finding_id()),
        &s.supervisor,
        &s.reviewer,
    );
    assert_eq!(opened.unwrap(), PLAIN, "both halves together open it");
    assert_eq!(s.state(&order), "open");
    let answer = json!({"step": "answer", "same_person": "no"});
    s.wang.must(&s.house, "POST", &format!("/requests/{}/steps", order.order), &answer);
    let seen = ask(&s.house, "GET", &format!("/api/v1/alerts/{}", alert()), &s.li.login, "").json();
    let steps: Vec<&str> =
        seen["steps"].as_array().unwrap().iter().filter_map(|s| s["step"].as_str()).collect();
    for step in [
        "evidence_requested",
        "evidence_approved",
        "evidence_delivered",
        "evidence_opened",
        "same_person_no",
    ] {
        assert!(steps.contains(&step), "{step} in {steps:?}");
    }
    let auditor = login(&s.house, "shen", Role::Auditor, "");
    let log = ask(&s.house, "GET", "/api/v1/audit?limit=500", &auditor, "").body;
    assert!(log.contains("looks at sealed picture") && log.contains("2026-17"), "{log}");
}

fn page(s: &Scene, who: &Person, path: &str) -> (u16, String) {
    let answer = ask(&s.house, "GET", path, &who.login, "");
    (answer.status, answer.body)
}

#[test]
fn everybody_but_the_two_is_refused() {
    let mut s = scene();
    let order = s.delivered();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    let qian = Person::new(&s.house, "qian", Role::Reviewer, PLACE);
    zhao.join(&s.house, &s.li);
    qian.join(&s.house, &s.wang);
    let whole = format!("/api/v1/evidence/requests/{}", order.order);
    let item = format!("{whole}/items/{}", s.ids()[0]);
    let admin = login(&s.house, "wu", Role::Admin, "");
    let clinic = login(&s.house, "jin", Role::Clinic, "clinic-1");
    let foreign = login(&s.house, "fan", Role::Supervisor, "5201");
    for (who, login) in
        [("zhao", &zhao.login), ("qian", &qian.login), ("wu", &admin), ("jin", &clinic)]
    {
        for path in [&whole, &item, &format!("/evidence/{}", order.order)] {
            assert_eq!(ask(&s.house, "GET", path, login, "").status, 403, "{who} {path}");
        }
    }
    assert_eq!(ask(&s.house, "GET", &item, &foreign, "").status, 404, "another place");
    // The auditor sees that it was opened, and nothing of what.
    let auditor = login(&s.house, "shen", Role::Auditor, "");
    let seen = ask(&s.house, "GET", &whole, &auditor, "").json();
    assert_eq!((&seen["opening"]["state"], seen.get("open")), (&json!("delivered"), None));
    assert_eq!(ask(&s.house, "GET", &item, &auditor, "").status, 403);
    // A program with a supervisor's token is nobody of the two.
    let token = crate::access::token(&s.house, Role::Supervisor, "");
    assert_eq!(ask(&s.house, "GET", &item, &token, "").status, 403);
    // The clinic learns nothing of it from its alert.
    let told = ask(&s.house, "GET", &format!("/api/v1/alerts/{}", alert()), &clinic, "").body;
    assert!(!told.contains("evidence_") && !told.contains("2026-17"), "{told}");
}

#[test]
fn one_alone_opens_nothing() {
    let s = scene();
    let alone = s.order(&"c".repeat(32), "li", "li");
    let body = s.request_body(&alone, &s.li);
    assert_eq!(s.li.ask(&s.house, "POST", "/requests", &body).status, 403, "asks himself");
    let order = s.requested('d');
    let own = s.approve(&order, &s.li);
    assert_eq!(own.status, 403, "{}", own.body);
    assert_eq!(s.state(&order), "requested");
    // With their own signature under the reviewer's name.
    let sig = s.li.sign(&signed_text::release(&order).unwrap());
    let step = json!({"step": "approve", "sig": sig, "halves": s.halves()});
    let path = format!("/requests/{}/steps", order.order);
    let forged = s.wang.ask(&s.house, "POST", &path, &step);
    assert_eq!(forged.status, 422, "{}", forged.body);
    assert_eq!(s.state(&order), "requested", "nothing half approved");
}

#[test]
fn approvals_that_were_changed_replayed_or_late_are_refused() {
    let s = scene();
    let order = s.requested('c');
    let mut changed = order.clone();
    changed.purpose = "anything".into();
    let refused = s.approve(&changed, &s.wang);
    assert_eq!(refused.status, 422, "signed another text: {}", refused.body);
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    assert_eq!(s.approve(&order, &s.wang).status, 409, "a second time");
    // The same order id, and one that would last longer than a day.
    let body = s.request_body(&order, &s.li);
    assert_eq!(s.li.ask(&s.house, "POST", "/requests", &body).status, 409);
    let mut long = s.order(&"e".repeat(32), "li", "wang");
    let at: jiff::Timestamp = long.requested_at.parse().unwrap();
    long.expires_at = (at + jiff::SignedDuration::from_hours(25)).to_string();
    let body = s.request_body(&long, &s.li);
    assert_eq!(s.li.ask(&s.house, "POST", "/requests", &body).status, 422);
}

#[test]
fn two_requests_at_once_are_one_and_a_line() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    s.requested('c');
    let second = s.order(&"d".repeat(32), "zhao", "wang");
    let body = s.request_body(&second, &zhao);
    let answer = zhao.ask(&s.house, "POST", "/requests", &body);
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("`li` has asked"), "{}", answer.body);
}

#[test]
fn who_was_removed_meanwhile_approves_nothing() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    let order = s.requested('c');
    assert_eq!(zhao.removes(&s.house, &s.li).status, 200);
    let refused = s.approve(&order, &s.wang);
    assert_eq!(refused.status, 409);
    assert!(refused.body.contains("`li` is no custodian any more"), "{}", refused.body);
    // The last one of a role stays: without them nothing opens.
    let last = zhao.removes(&s.house, &zhao);
    assert_eq!(last.status, 409, "{}", last.body);
}

/// Both halves would be sealed to whoever wrote the database.
#[test]
fn a_sealing_key_swapped_in_the_database_stops_the_approval() {
    let s = scene();
    let order = s.requested('c');
    let key = STANDARD.encode(bytes32());
    s.sql(&format!("UPDATE evidence_custodian SET sealing_key = '{key}' WHERE account = 'li'"));
    let refused = s.approve(&order, &s.wang);
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(s.state(&order), "requested", "nothing half approved");
}

#[test]
fn no_one_lets_themselves_in_nor_does_another_roles_signature() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    let seen = zhao.must(&s.house, "POST", "/custodians", &zhao.keys());
    let path = format!("/custodians/{}/steps", id_of(&seen, "zhao"));
    let from = now();
    let step = |by: &Person| {
        let sig = by.sign(&signed_text::custodian(PLACE, &zhao.line(by.name, &from)).unwrap());
        json!({"step": "admit", "from": from, "sig": sig, "shares": {"1": opaque()}})
    };
    assert_eq!(zhao.ask(&s.house, "POST", &path, &step(&zhao)).status, 403);
    assert_eq!(s.wang.ask(&s.house, "POST", &path, &step(&s.wang)).status, 404);
    // Li's request, and somebody else's signature in it.
    let forged = s.li.ask(&s.house, "POST", &path, &step(&s.wang));
    assert_eq!(forged.status, 422, "{}", forged.body);
    let again = zhao.ask(&s.house, "POST", "/custodians", &zhao.keys());
    assert_eq!(again.status, 409, "{}", again.body);
}

#[test]
fn a_ciphertext_that_the_chain_does_not_name_is_not_kept() {
    let mut s = scene();
    let order = s.requested('c');
    let (item, ciphertext) = s.pictures[0].clone();
    let early = s.post_part(&s.b.signing, &s.part(&order, &item, 0, &ciphertext));
    assert_eq!(early.status, 403, "before anybody approved: {}", early.body);
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    s.receipt(&order, "released", None);
    // Swapped, longer, of another size, forged by another key.
    let mut other = ciphertext.clone();
    other[30] ^= 1;
    assert_eq!(s.post_part(&s.b.signing, &s.part(&order, &item, 0, &other)).status, 409);
    let longer = [ciphertext.as_slice(), b"x"].concat();
    assert_eq!(s.post_part(&s.b.signing, &s.part(&order, &item, 0, &longer)).status, 409);
    let mut cut = s.part(&order, &item, 0, &ciphertext[..40]);
    cut["total_bytes"] = json!(40);
    assert_eq!(s.post_part(&s.b.signing, &cut).status, 409);
    let thief = SigningKey::generate().unwrap();
    assert_eq!(s.post_part(&thief, &s.part(&order, &item, 0, &ciphertext)).status, 403);
    // A part out of place changes nothing; the box goes on where the server stands.
    let gap = s.post_part(&s.b.signing, &s.part(&order, &item, 20, &ciphertext[20..])).json();
    assert_eq!(gap["stored_bytes"], 0);
    assert_eq!(s.state(&order), "released", "nothing of it is delivered");
    s.deliver(&order);
    assert_eq!(s.state(&order), "delivered");
}

#[test]
fn another_box_delivers_nothing_for_this_one() {
    let mut s = scene();
    let admin = login(&s.house, "wu", Role::Admin, "");
    let made =
        ask(&s.house, "POST", "/api/v1/devices", &admin, r#"{"id":"box-2","room":"room-1"}"#);
    let token = made.json()["provisioning_token"].as_str().unwrap().to_owned();
    let other = TestBox::provision(&s.house, &token);
    let order = s.requested('c');
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    s.receipt(&order, "released", None);
    let (item, ciphertext) = s.pictures[0].clone();
    let mut part = s.part(&order, &item, 0, &ciphertext);
    part["delivers"] = json!("box-2");
    assert_eq!(s.post_part(&other.signing, &part).status, 404);
    assert_eq!(s.state(&order), "released");
}

#[test]
fn pictures_that_the_box_lost_end_the_opening_with_a_line() {
    let mut s = scene();
    let order = s.requested('c');
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    s.receipt(&order, "lost", Some("the disk gave an error"));
    assert_eq!(s.state(&order), "destroyed");
    let (_, shown) = page(&s, &s.li, &format!("/alerts/{}?lang=en", alert()));
    assert!(shown.contains("the disk gave an error"), "the alert's page says why");
    let again = s.order(&"d".repeat(32), "li", "wang");
    let body = s.request_body(&again, &s.li);
    let refused = s.li.ask(&s.house, "POST", "/requests", &body);
    assert_eq!(refused.status, 409, "{}", refused.body);
}

#[test]
fn an_order_that_the_box_declines_is_told_with_its_reason() {
    let mut s = scene();
    let order = s.requested('c');
    assert_eq!(s.approve(&order, &s.wang).status, 200);
    let why = "wang is no reviewer whom this box believes at that time";
    s.receipt(&order, "refused", Some(why));
    assert_eq!(s.state(&order), "refused");
    let (opening, of_alert) =
        (format!("/evidence/{}", order.order), format!("/alerts/{}", alert()));
    for path in [opening, of_alert] {
        let (_, shown) = page(&s, &s.li, &format!("{path}?lang=en"));
        assert!(shown.contains("whom this box believes"), "{path}: {shown}");
        let (_, shown) = page(&s, &s.li, &format!("{path}?lang=zh"));
        assert!(shown.contains("“wang”当时不是本设备认可的证据保管人"), "{path}: {shown}");
        assert!(!shown.contains("believes"), "{path}: {shown}");
    }
}

#[test]
fn what_the_reviewer_refuses_with_is_told_as_written() {
    let s = scene();
    let order = s.requested('c');
    let step = json!({"step": "refuse", "reason": "证据不足"});
    s.wang.must(&s.house, "POST", &format!("/requests/{}/steps", order.order), &step);
    let (_, shown) = page(&s, &s.li, &format!("/evidence/{}?lang=zh", order.order));
    assert!(shown.contains("证据不足"), "{shown}");
}

#[test]
fn ten_wrong_passphrases_close_the_door_for_a_while() {
    let s = scene();
    for left in (0..10).rev() {
        let got = s.li.must(&s.house, "POST", "/unlock", &json!({}));
        assert_eq!(got["tries_left"], left);
    }
    let refused = s.li.ask(&s.house, "POST", "/unlock", &json!({}));
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("ten wrong passphrases"), "{}", refused.body);
    // Nor do they reset the count themselves, or put another passphrase in its place.
    s.li.ask(&s.house, "POST", "/unlock", &json!({"opened": true}));
    assert_eq!(s.li.ask(&s.house, "POST", "/unlock", &json!({})).status, 429);
    let anew = s.li.renewal();
    assert_eq!(s.li.ask(&s.house, "POST", "/passphrase", &anew).status, 409);
    // One that opened begins the count anew; a third person gets nobody else's keys.
    s.wang.must(&s.house, "POST", "/unlock", &json!({}));
    s.wang.must(&s.house, "POST", "/unlock", &json!({"opened": true}));
    assert_eq!(s.wang.must(&s.house, "POST", "/unlock", &json!({}))["tries_left"], 9);
}

#[test]
fn the_server_with_its_keys_and_its_database_opens_nothing() {
    let mut s = scene();
    let order = s.delivered();
    let device: protocol::id::DeviceId = s.b.id.parse().unwrap();
    let (item, ciphertext) = s.pictures[0].clone();
    // One custodian's role with it is one half: the other is sealed to a key that is not here.
    for one in [&s.supervisor, &s.reviewer] {
        let opened = evidence::open(&ciphertext, &item, (&device, &finding_id()), one, one);
        assert!(opened.is_err(), "one role opened it");
    }
    assert_eq!(s.state(&order), "delivered");
    let folder = s.house.close();
    let secrets = [s.li.secret, s.wang.secret];
    let mut looked_at = 0;
    for bytes in files(folder.path()) {
        looked_at += 1;
        assert!(!holds(&bytes, b"A PICTURE THAT NOBODY"), "a picture lies in clear");
        for secret in &secrets {
            assert!(!holds(&bytes, secret), "a custodian's secret lies here");
        }
    }
    assert!(looked_at > 3, "{looked_at}");
}

fn holds(bytes: &[u8], sought: &[u8]) -> bool {
    bytes.windows(sought.len()).any(|w| w == sought)
}

fn files(folder: &std::path::Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(std::fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn what_ran_out_is_deleted_and_shown_to_nobody() {
    let mut s = scene();
    let order = s.delivered();
    let app = &s.house.running().app;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(73);
    let late = app.store.look_at(&order.order.as_str().parse().unwrap(), &s.ids()[0], "li", later);
    assert!(late.is_err(), "73 h after delivery");
    server::retention::round(app, later).unwrap();
    assert_eq!(s.state(&order), "expired");
    let path = format!("/requests/{}/items/{}", order.order, s.ids()[0]);
    assert_eq!(s.li.ask(&s.house, "GET", &path, &Value::Null).status, 409);
    let folder = s.house.close();
    let part = &s.pictures[0].1[20..];
    assert!(!files(folder.path()).iter().any(|f| holds(f, part)), "its ciphertext is still here");
}

#[test]
fn pictures_of_what_two_people_dismissed_end_a_day_later() {
    let mut s = scene();
    let order = s.delivered();
    for who in [&s.li, &s.wang] {
        let step = r#"{"step":"dismiss","reason":"wrong_identity"}"#;
        let path = format!("/api/v1/alerts/{}/steps", alert());
        assert_eq!(ask(&s.house, "POST", &path, &who.login, step).status, 200);
    }
    let told = s.b.told_until(
        "evidence_orders",
        |d| matches!(d, Down::EvidenceOrders(o) if !o.standings.is_empty()),
    );
    let Down::EvidenceOrders(orders) = told.payload else { unreachable!() };
    assert_eq!(orders.standings[0].standing, protocol::evidence::LeadStanding::Dismissed);
    let app = &s.house.running().app;
    let after = |h| jiff::Timestamp::now() + jiff::SignedDuration::from_hours(h);
    app.store.expire_openings(after(23)).unwrap();
    assert_eq!(s.state(&order), "delivered");
    app.store.expire_openings(after(25)).unwrap();
    assert_eq!(s.state(&order), "destroyed");
}

#[test]
fn a_lead_under_review_is_held_on_its_box() {
    let s = scene();
    let path = format!("/api/v1/alerts/{}/steps", alert());
    assert_eq!(ask(&s.house, "POST", &path, &s.li.login, r#"{"step":"uphold"}"#).status, 200);
    let told = s.b.told_until(
        "evidence_orders",
        |d| matches!(d, Down::EvidenceOrders(o) if !o.holds.is_empty()),
    );
    let Down::EvidenceOrders(orders) = told.payload else { unreachable!() };
    // Whoever holds the box reads no lead's number from it.
    let hold = &orders.holds[0];
    assert_eq!(hold.findings, [finding_id()], "its pictures are kept");
    assert!(hold.reference.starts_with("hold-"), "{hold:?}");
}

#[test]
fn pictures_are_taken_on_a_recorded_basis_alone() {
    let s = scene();
    let off = json!({"kind": "institution", "place": "clinic-1", "enabled": false});
    s.li.must(&s.house, "POST", "/policy", &off);
    s.b.told_until("custodians", |d| matches!(d, Down::Custodians(c) if !c.policy.enabled));
    let mut on = json!({"kind": "institution", "place": "clinic-1", "enabled": true});
    let refused = s.li.ask(&s.house, "POST", "/policy", &on);
    assert_eq!(refused.status, 422, "{}", refused.body);
    on["basis"] = json!("地方性法规第十条");
    on["document"] = json!("卫监〔2026〕3号");
    s.li.must(&s.house, "POST", "/policy", &on);
    s.b.told_until("custodians", |d| matches!(d, Down::Custodians(c) if c.policy.enabled));
    let elsewhere = json!({"kind": "jurisdiction", "place": "52", "enabled": false});
    assert_eq!(s.li.ask(&s.house, "POST", "/policy", &elsewhere).status, 422);
    assert_eq!(s.wang.ask(&s.house, "POST", "/policy", &on).status, 403, "a reviewer does not");
}

#[test]
fn a_key_that_was_turned_over_says_what_only_the_old_one_opens() {
    let s = scene();
    turn_over(&s, 2);
    let seen = s.li.must(&s.house, "GET", "/custodians", &Value::Null);
    let keys = seen["roll"]["role_keys"].as_array().unwrap();
    let of = |version: u64| {
        let his = |k: &&Value| k["role"] == "supervisor" && k["version"] == version;
        keys.iter().find(his).unwrap()["items"].as_u64().unwrap()
    };
    assert_eq!((of(1), of(2)), (2, 0));
    let (_, shown) = page(&s, &s.li, "/evidence?lang=en");
    assert!(shown.contains("2 pictures open with this old version alone"), "the page says so");
    let told = s
        .b
        .told_until("custodians", |d| matches!(d, Down::Custodians(c) if c.role_keys.len() == 3));
    let Down::Custodians(custodians) = told.payload else { unreachable!() };
    assert!(VerifiedRoll::first(&custodians).is_ok());
}

#[test]
fn a_program_reads_nothing_of_sealed_pictures() {
    let s = scene();
    let order = s.requested('c');
    let whole = format!("/requests/{}", order.order);
    let pictures = format!("/alerts/{}", alert());
    for role in [Role::Supervisor, Role::Auditor] {
        let token = crate::access::token(&s.house, role, "");
        for path in ["/requests", &whole, &pictures, "/custodians"] {
            let refused = ask(&s.house, "GET", &format!("/api/v1/evidence{path}"), &token, "");
            assert_eq!(refused.status, 403, "{role:?} {path}: {}", refused.body);
        }
    }
}

/// Where a key of the role was turned over while the other was away: they hold version 1 alone.
fn turn_over(s: &Scene, version: u32) {
    let role = RoleSecret::from_bytes(bytes32());
    let (from, public) = (now(), STANDARD.encode(role.public_key()));
    let key = RoleKey {
        role: CustodianRole::Supervisor,
        version,
        public_key: public.clone(),
        key_id: String::new(),
        from: from.clone(),
        vouched: s.li.line("li", &from).vouched,
    };
    let sig = s.li.sign(&signed_text::role_key(PLACE, &key).unwrap());
    let seen = s.li.must(&s.house, "GET", "/custodians", &Value::Null);
    let li = id_of(&seen, "li").to_string();
    let body = json!({"version": version, "public_key": public, "from": from, "sig": sig,
        "shares": {li: opaque()}});
    s.li.must(&s.house, "POST", "/keys", &body);
}

#[test]
fn whoever_lets_in_hands_over_every_key_they_hold() {
    let s = scene();
    turn_over(&s, 2);
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    let seen = zhao.must(&s.house, "POST", "/custodians", &zhao.keys());
    let path = format!("/custodians/{}/steps", id_of(&seen, "zhao"));
    let from = now();
    let sig = s.li.sign(&signed_text::custodian(PLACE, &zhao.line("li", &from)).unwrap());
    let step = |shares: Value| json!({"step": "admit", "from": from, "sig": sig, "shares": shares});
    for (shares, names) in [
        (json!({}), "version 1"),
        (json!({"1": opaque()}), "version 2"),
        (json!({"1": opaque(), "2": opaque(), "3": opaque()}), "version 3"),
    ] {
        let refused = s.li.ask(&s.house, "POST", &path, &step(shares));
        assert_eq!(refused.status, 422, "{}", refused.body);
        assert!(refused.body.contains(names), "{}", refused.body);
    }
    s.li.must(&s.house, "POST", &path, &step(json!({"1": opaque(), "2": opaque()})));
}

#[test]
fn the_last_holder_of_a_key_version_is_not_removed() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    // As it was kept before: somebody let in without the key.
    s.sql("DELETE FROM evidence_share WHERE custodian = (SELECT max(id) FROM evidence_custodian)");
    let refused = zhao.removes(&s.house, &s.li);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("version 1"), "{}", refused.body);
    assert_eq!(s.li.removes(&s.house, &zhao).status, 200);
}

#[test]
fn a_removed_custodian_looks_at_nothing_any_more() {
    let mut s = scene();
    let order = s.delivered();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    assert_eq!(zhao.removes(&s.house, &s.li).status, 200);
    let whole = format!("/requests/{}", order.order);
    for path in [format!("{whole}/items/{}", s.ids()[0]), whole.clone()] {
        let refused = s.li.ask(&s.house, "GET", &path, &Value::Null);
        assert_eq!(refused.status, 409, "{path}: {}", refused.body);
        assert!(refused.body.contains("no custodian any more"), "{}", refused.body);
    }
    let answer = json!({"step": "answer", "same_person": "no"});
    let refused = s.li.ask(&s.house, "POST", &format!("{whole}/steps"), &answer);
    assert_eq!(refused.status, 409, "{}", refused.body);
    let store = &s.house.running().app.store;
    let now = jiff::Timestamp::now();
    assert!(store.look_at(&order.order.as_str().parse().unwrap(), &s.ids()[0], "li", now).is_err());
    assert!(
        store.look_at(&order.order.as_str().parse().unwrap(), &s.ids()[0], "wang", now).is_ok()
    );
}

#[test]
fn a_disabled_account_is_a_custodian_no_longer() {
    let s = scene();
    let admin = login(&s.house, "wu", Role::Admin, "");
    let disable =
        |name: &str| ask(&s.house, "POST", &format!("/api/v1/accounts/{name}/disable"), &admin, "");
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    let order = s.requested('c');
    assert_eq!(disable("li").status, 200);
    let seen = zhao.must(&s.house, "GET", "/custodians", &Value::Null);
    let people = seen["roll"]["custodians"].as_array().unwrap();
    let li = people.iter().find(|c| c["account"] == "li").unwrap();
    assert_eq!((li["until"].is_string(), &li["removed_by"]), (true, &json!("wu")));
    let refused = s.approve(&order, &s.wang);
    assert_eq!(refused.status, 409, "{}", refused.body);
    // The account comes back, its custodian does not.
    let back = ask(&s.house, "POST", "/api/v1/accounts/li/enable", &admin, "");
    assert_eq!(back.status, 200, "{}", back.body);
    let seen = zhao.must(&s.house, "GET", "/custodians", &Value::Null);
    assert!(
        seen["roll"]["custodians"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| { c["account"] == "li" && c["until"].is_string() })
    );
}

#[test]
fn a_stolen_login_ends_though_its_key_has_no_other_holder() {
    let s = scene();
    let admin = login(&s.house, "wu", Role::Admin, "");
    let order = s.requested('c');
    let li = "login-of-li";
    assert_eq!(ask(&s.house, "GET", "/api/v1/me", li, "").status, 200);
    let last = ask(&s.house, "POST", "/api/v1/accounts/li/disable", &admin, "");
    assert_eq!(last.status, 200, "the last holder of his role's key: {}", last.body);
    let warning = last.json()["warning"].as_str().unwrap_or_default().to_owned();
    assert!(warning.contains("version 1"), "{}", last.body);
    assert_eq!(ask(&s.house, "GET", "/api/v1/me", li, "").status, 401, "he is still in");
    assert_eq!(s.approve(&order, &s.wang).status, 409, "what he asked for is opened");
}

#[test]
fn the_last_holder_of_a_key_is_not_demoted() {
    let s = scene();
    let admin = login(&s.house, "wu", Role::Admin, "");
    let body = r#"{"role":"auditor","scope":"","reason":"leaves the team"}"#;
    let refused = ask(&s.house, "POST", "/api/v1/accounts/li/role", &admin, body);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("version 1"), "{}", refused.body);
    let li = ask(&s.house, "GET", "/api/v1/me", "login-of-li", "");
    assert_eq!((li.status, li.json()["role"].as_str()), (200, Some("supervisor")), "{}", li.body);
}

#[test]
fn a_registry_photograph_stands_while_an_opening_lives() {
    let s = scene();
    let faces = &s.house.running().app.faces;
    faces.put_registry_photo("p-other", b"held", "sun", TAKEN_AT.parse().unwrap()).unwrap();
    let order = s.requested('c');
    let body = "--cut\r\nContent-Disposition: form-data; name=\"delete\"\r\n\r\n1\r\n--cut--\r\n";
    let delete = || {
        let cookie = format!("Cookie: zaigang={}\r\nSec-Fetch-Site: same-origin\r\n", s.li.login);
        let kind = "Content-Type: multipart/form-data; boundary=cut\r\n";
        let head = format!("{cookie}{kind}");
        s.house.send_with("POST", "/registry-photo/p-other?lang=en", &head, body.as_bytes())
    };
    let refused = delete();
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("while an opening"), "{}", refused.body);
    assert!(faces.registry_photo_at("p-other").unwrap().is_some());
    let step = json!({"step": "refuse", "reason": "no"});
    s.wang.must(&s.house, "POST", &format!("/requests/{}/steps", order.order), &step);
    let done = delete();
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(faces.registry_photo_at("p-other").unwrap().is_none());
}
