//! Sealed pictures, the whole way: a real box seals them of what it reported, two people sign as
//! their browsers do, and a changed signature moves the box to nothing. Delivery is over HTTPS.
//! Custodians' halves for each other are any text here: the browser's part has a test of its own.

mod kills;
mod memory;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::boxes::until;
use e2e::clinic;
use e2e::hostile::{User, welcomed};
use e2e::https::{Proxy, TestAuthority};
use e2e::programs::Program;
use e2e::server::{ServerPlan, api};
use evidence::{RoleSecret, signed_text};
use protocol::evidence::{
    Custodian, CustodianRole, CustodianSignature, EvidenceItem, EvidenceKind, ReleaseOrder, RoleKey,
};
use protocol::id::EvidenceId;
use scene::{Morning, Scene};
use serde_json::{Value, json};
use trust::SigningKey;

/// Of the clinic's supervisors: the city of `clinic::register`'s 510100.
const PLACE: &str = "5101";

fn rfc3339(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
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
    user: User,
    signing: SigningKey,
    secret: RoleSecret,
}

impl Person {
    /// Takes the administrator's invitation, and founds their role.
    fn founder(base: &str, admin: &User, name: &'static str, role: CustodianRole) -> Self {
        let word = if role == CustodianRole::Supervisor { "supervisor" } else { "reviewer" };
        let asked = json!({"role": word, "scope": PLACE});
        let invited = admin.post("/api/v1/accounts", &asked).unwrap().ok().unwrap();
        let user = welcomed(base, invited["path"].as_str().unwrap(), name).unwrap();
        let signing = SigningKey::from_bytes(&bytes32());
        let this = Self { name, user, signing, secret: RoleSecret::from_bytes(bytes32()) };
        let (from, public) =
            (rfc3339(jiff::Timestamp::now()), STANDARD.encode(this.secret.public_key()));
        let verification_key = this.signing.verifying_key().to_base64();
        let sealing_key = STANDARD.encode(bytes32());
        let line = Custodian {
            custodian: name.parse().unwrap(),
            role,
            verification_key: verification_key.clone(),
            sealing_key: sealing_key.clone(),
            key_id: String::new(),
            from: from.clone(),
            until: None,
            vouched: this.unsigned(),
        };
        let key = RoleKey {
            role,
            version: 1,
            public_key: public.clone(),
            key_id: String::new(),
            from: from.clone(),
            vouched: this.unsigned(),
        };
        let first = json!({"from": from, "role_key": public, "share": opaque(),
            "sig": this.sign(&signed_text::custodian(PLACE, &line).unwrap()),
            "role_key_sig": this.sign(&signed_text::role_key(PLACE, &key).unwrap())});
        let keys = json!({"verification_key": verification_key,
            "sealing_key": sealing_key, "wrapped": {"ct": "w"},
            "recovery": {"ct": "r"}, "first": first});
        this.must("/custodians", &keys);
        this
    }

    fn unsigned(&self) -> CustodianSignature {
        CustodianSignature { custodian: self.name.parse().unwrap(), sig: String::new() }
    }

    fn sign(&self, text: &str) -> String {
        STANDARD.encode(self.signing.sign_bytes(text.as_bytes()))
    }

    fn must(&self, path: &str, body: &Value) -> Value {
        self.asks(path, body).unwrap_or_else(|why| panic!("{} {path}: {why}", self.name))
    }

    /// What the server answers; an error where it refuses, or is killed over it.
    fn asks(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.user.post(&format!("/api/v1/evidence{path}"), body)?.ok()
    }

    fn get(&self, path: &str) -> Value {
        self.user.get(path).unwrap().ok().unwrap()
    }
}

/// One clinic, its box behind a proxy that ends TLS, and two custodians.
struct House {
    folder: tempfile::TempDir,
    plan: ServerPlan,
    server: Program,
    li: Person,
    wang: Person,
    proxy: Proxy,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = ServerPlan::embedded(folder.path());
        let (mut server, ready) = plan.start(&[]).unwrap();
        let api = api(&ready);
        let morning = stranger();
        clinic::register(&api, &morning).unwrap();
        let scene = Scene::drawn(morning.clone(), 1);
        let portrait =
            |person: &str, nth| Ok(if nth == 0 { scene.enrolment_photo(person)? } else { None });
        clinic::enrol(&api, &morning, portrait).unwrap();
        clinic::declare_sessions(&api, &morning).unwrap();
        let token = clinic::register_device(&api, &morning).unwrap();
        let authority = TestAuthority::new("127.0.0.1").unwrap();
        let proxy = Proxy::start(&authority, &ready.http).unwrap();
        provision(folder.path(), &authority, &proxy, &token);
        server.kill().unwrap();
        let plan = ServerPlan { accounts: true, ..plan.at(&ready) };
        let (server, ready) = plan.start(&[]).unwrap();
        let link = fs::read_to_string(folder.path().join("server-data/first-admin-link")).unwrap();
        let path = link.trim().strip_prefix(&ready.http).unwrap();
        let admin = welcomed(&ready.http, path, "wu").unwrap();
        let found = |name, role| Person::founder(&ready.http, &admin, name, role);
        let li = found("li", CustodianRole::Supervisor);
        let wang = found("wang", CustodianRole::Reviewer);
        Self { folder, plan, server, li, wang, proxy }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("agent-state")
    }

    /// `once`: the box ends with its scene, and when all that it said was taken.
    fn start_box(&self, once: bool) -> Program {
        let config = self.folder.path().join("agent.toml");
        let once: &[&Path] = if once { &[Path::new("--once")] } else { &[] };
        let args = [Path::new("run"), Path::new("--config"), &config];
        let args = args.into_iter().chain(once.iter().copied());
        Program::start("zaigang-agent", args, self.folder.path()).unwrap()
    }

    /// The alerts of L2 and above with the pictures that the server knows of.
    fn pictured(&self) -> Vec<(Value, Vec<Value>)> {
        let alerts = self.li.get("/api/v1/alerts?limit=200");
        let alerts = alerts["alerts"].as_array().unwrap().clone();
        let grave = alerts.into_iter().filter(|a| a["severity"].as_str() >= Some("L2"));
        grave
            .map(|alert| {
                let id = alert["id"].as_str().unwrap();
                let items = self.li.get(&format!("/api/v1/evidence/alerts/{id}"));
                (alert.clone(), items["items"].as_array().unwrap().clone())
            })
            .collect()
    }

    /// An alert's findings of L2 and above.
    fn findings(&self, alert: &str) -> Vec<String> {
        let whole = self.li.get(&format!("/api/v1/alerts/{alert}"));
        let all = whole["findings"].as_array().unwrap();
        let grave = all.iter().filter(|f| f["severity"].as_str() >= Some("L2"));
        grave.filter_map(|f| f["finding_id"].as_str().map(str::to_owned)).collect()
    }

    /// Li asks Wang for all pictures of a finding, and Wang approves.
    fn release(&self, alert: &str, seen: &[Value]) -> ReleaseOrder {
        let order = self.order(seen);
        self.request(alert, &order).unwrap();
        self.approve(&order).unwrap();
        order
    }

    fn order(&self, seen: &[Value]) -> ReleaseOrder {
        let mut items: Vec<EvidenceId> = seen.iter().map(|i| picture(i).id).collect();
        items.sort();
        let now = jiff::Timestamp::now();
        ReleaseOrder {
            order: hex::encode(&bytes32()[..16]).parse().unwrap(),
            device: seen[0]["device"].as_str().unwrap().parse().unwrap(),
            finding_id: seen[0]["finding"].as_str().unwrap().to_owned(),
            items,
            case: "2026-17".into(),
            basis: "医师法第十三条".into(),
            purpose: "核对操作人".into(),
            requested_at: rfc3339(now),
            expires_at: rfc3339(now + evidence::order::LONGEST),
            supervisor: self.li.unsigned(),
            reviewer: self.wang.unsigned(),
        }
    }

    fn request(&self, alert: &str, order: &ReleaseOrder) -> anyhow::Result<Value> {
        let asked = json!({"order": order.order, "alert": alert, "device": order.device,
            "finding": order.finding_id, "items": order.items, "reviewer": self.wang.name,
            "case_number": order.case, "basis": order.basis, "purpose": order.purpose,
            "requested_at": order.requested_at, "expires_at": order.expires_at,
            "sig": self.li.sign(&signed_text::release(order).unwrap()), "halves": halves(order)});
        self.li.asks("/requests", &asked)
    }

    fn approve(&self, order: &ReleaseOrder) -> anyhow::Result<Value> {
        let sig = self.wang.sign(&signed_text::release(order).unwrap());
        let step = json!({"step": "approve", "sig": sig, "halves": halves(order)});
        self.wang.asks(&format!("/requests/{}/steps", order.order), &step)
    }

    /// The first grave alert with the pictures of its first finding.
    fn first_pictured(&self) -> (String, Vec<Value>) {
        let (alert, seen) = self.pictured().swap_remove(0);
        let finding = seen[0]["finding"].clone();
        let seen = seen.into_iter().filter(|item| item["finding"] == finding).collect();
        (alert["id"].as_str().unwrap().to_owned(), seen)
    }

    fn opening(&self, order: &ReleaseOrder) -> Value {
        self.li.get(&format!("/api/v1/evidence/requests/{}", order.order))["opening"].clone()
    }

    /// Waits for a state; what the box logged where it does not come.
    fn reaches(&self, order: &ReleaseOrder, state: &str, agent: &Program) {
        until(state, || self.opening(order)["state"] == state)
            .unwrap_or_else(|why| panic!("{why}: {}\n{}", self.opening(order), agent.log_tail()));
    }

    /// Somebody with the server's disk turns one signature into another.
    fn forge_reviewer(&mut self, order: &ReleaseOrder) {
        self.server.terminate().unwrap();
        let store = self.folder.path().join("server-data/zaigang.db");
        let store = rusqlite::Connection::open(store).unwrap();
        let forged = SigningKey::from_bytes(&bytes32());
        let forged =
            STANDARD.encode(forged.sign_bytes(signed_text::release(order).unwrap().as_bytes()));
        let changed = store
            .execute(
                "UPDATE evidence_opening SET reviewer_sig = ?1 WHERE id = ?2",
                [forged.as_str(), order.order.as_str()],
            )
            .unwrap();
        assert_eq!(changed, 1);
        drop(store);
        self.server = self.plan.start(&[]).unwrap().0;
    }
}

fn stranger() -> Morning {
    Morning::named("stranger").unwrap().unwrap()
}

/// What one custodian's browser seals for the other.
fn halves(order: &ReleaseOrder) -> serde_json::Map<String, Value> {
    order.items.iter().map(|id| (id.to_string(), opaque())).collect()
}

fn provision(folder: &Path, authority: &TestAuthority, proxy: &Proxy, token: &str) {
    films(folder, "stranger");
    let ca = authority.write(&folder.join("ca.pem")).unwrap().display().to_string();
    let config = folder.join("agent.toml").display().to_string();
    let args = ["provision", "--server", &proxy.url, "--token", token, "--server-ca", &ca];
    let args = args.into_iter().chain(["--config", &config]);
    let mut provision = Program::start("zaigang-agent", args, folder).unwrap();
    let status = provision.wait(Duration::from_mins(1)).unwrap().unwrap();
    assert!(status.success(), "{}", provision.log_tail());
}

/// The box plays this script from its next start on.
fn films(folder: &Path, script: &str) {
    let text = format!(
        "mode = \"demonstration\"\nstate_dir = \"agent-state\"\n[models]\npack = \"avatar\"\n\
         [camera]\nkind = \"scene\"\nscript = \"{script}\"\nseed = 1\nrounds = 1\n\
         start = \"2026-03-02T00:30:00Z\"\nframe_rate = 1\nspeed = 0\n\
         [vision]\ndetect_side_px = 1280\n[health]\nevery_s = 1\n",
    );
    fs::write(folder.join("agent.toml"), text).unwrap();
}

fn picture(seen: &Value) -> EvidenceItem {
    serde_json::from_value(seen["item"].clone()).unwrap()
}

/// The pictures that somebody with these bytes would see.
fn jpegs(bytes: &[u8]) -> usize {
    let decodes = |at: usize| {
        image::load_from_memory_with_format(&bytes[at..], image::ImageFormat::Jpeg).is_ok()
    };
    memchr::memmem::find_iter(bytes, b"\xff\xd8\xff").filter(|at| decodes(*at)).count()
}

fn jpegs_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(jpegs_under(&path));
        } else if jpegs(&fs::read(&path).unwrap()) > 0 {
            found.push(path);
        }
    }
    found
}

/// What was delivered is one picture to both roles together, and nothing to one alone.
fn opens_with_both_halves(house: &House, order: &ReleaseOrder, seen: &[Value]) {
    for item in seen.iter().map(picture) {
        let path = format!("/api/v1/evidence/requests/{}/items/{}", order.order, item.id);
        let ciphertext = house.wang.user.download(&path).unwrap();
        let about = (&order.device, order.finding_id.as_str());
        let (li, wang) = (&house.li.secret, &house.wang.secret);
        let plain = evidence::open(&ciphertext, &item, about, li, wang).unwrap();
        assert_eq!(jpegs(&plain), 1, "what was sealed is one JPEG");
        assert!(evidence::open(&ciphertext, &item, about, li, li).is_err(), "one role alone");
    }
}

#[test]
fn a_real_box_seals_and_delivers_to_two_people() {
    let mut house = House::new();
    let mut agent = house.start_box(true);
    let ended = agent.wait(Duration::from_mins(4)).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{}", agent.log_tail());

    // Every finding of L2 has its pictures, also the one that came with the session's end.
    let pictured = house.pictured();
    assert!(!pictured.is_empty(), "{}", agent.log_tail());
    for (alert, seen) in &pictured {
        assert!(!seen.is_empty(), "{alert} has no picture\n{}", agent.log_tail());
        assert!(seen.iter().all(|item| item["source"] == "drawn" && item["gone"].is_null()));
    }
    let shows = |seen: &[Value], kind| seen.iter().any(|item| picture(item).kind == kind);
    assert!(pictured.iter().any(|(_, seen)| shows(seen, EvidenceKind::SubjectCrop)));
    let known: BTreeSet<EvidenceId> =
        pictured.iter().flat_map(|(_, seen)| seen).map(|item| picture(item).id).collect();
    let (alert, seen) = &pictured[0];
    let alert = alert["id"].as_str().unwrap();
    let grave = house.findings(alert);
    assert_eq!(grave.len(), 2, "the unlicensed operator at once, the lead with the session's end");
    let with: BTreeSet<&str> = seen.iter().filter_map(|item| item["finding"].as_str()).collect();
    assert_eq!(with, grave.iter().map(String::as_str).collect(), "{}", agent.log_tail());
    // An opening is of one finding.
    let seen: Vec<Value> =
        seen.iter().filter(|item| item["finding"] == grave[0].as_str()).cloned().collect();

    // While the box is off, a signature is changed on the server's disk: the box says no, and why.
    let forged = house.release(alert, &seen);
    house.forge_reviewer(&forged);
    let agent = house.start_box(false);
    house.reaches(&forged, "refused", &agent);
    let why = house.opening(&forged)["refused_because"].as_str().unwrap().to_owned();
    assert!(why.contains("signature"), "{why}");
    let page = house.li.user.get(&format!("/evidence/{}?lang=en", forged.order)).unwrap();
    assert!(page.text.contains("signature"), "the page says why: {}", page.text);

    // Signed by both as it stands, it is carried out, also where an answer is lost on the way.
    house.proxy.lose_the_answer_after_next();
    let order = house.release(alert, &seen);
    house.reaches(&order, "delivered", &agent);
    assert!(agent.log_text().contains("a released picture waits"), "{}", agent.log_tail());
    opens_with_both_halves(&house, &order, &seen);
    memory::holds_no_picture(&house, &agent, &known);
    assert_eq!(house.opening(&order)["state"], "open");
    let steps = house.li.get(&format!("/api/v1/alerts/{alert}"))["steps"].to_string();
    for step in ["evidence_requested", "evidence_approved", "evidence_delivered", "evidence_opened"]
    {
        assert!(steps.contains(step), "{step} in {steps}");
    }
    let page = house.li.user.get(&format!("/alerts/{alert}?lang=en")).unwrap();
    assert!(page.text.contains("2026-17"), "the alert's page names the case");

    drop(agent);
    for folder in [house.state(), house.folder.path().join("server-data")] {
        assert_eq!(jpegs_under(&folder), Vec::<PathBuf>::new(), "a picture that opens");
    }
}
