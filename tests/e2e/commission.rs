//! The installer's page as programs: a real server, a real box, and a client that believes one
//! certificate alone, by its fingerprint. From the first code to the zones that were changed behind
//! the lock.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use delivery::identity::BoxIdentity;
use e2e::api::Api;
use e2e::boxes::{PlainBox, furnish, provisioned, until};
use e2e::clinic;
use e2e::programs::Program;
use e2e::server::{ServerPlan, api};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};
use scene::{Morning, Scene};
use serde_json::{Value, json};

/// Believes the certificate with this fingerprint and no other.
#[derive(Debug)]
struct Pinned(String);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let same = trust::sha256_hex(certificate) == self.0;
        if same {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("another certificate".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// What a page answered.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> String {
        let line = self.head.lines().find(|l| l.to_lowercase().starts_with(&format!("{name}:")));
        line.and_then(|l| l.split_once(':')).map(|(_, v)| v.trim().to_owned()).unwrap_or_default()
    }
}

/// A started page with what the box printed.
struct Page {
    program: Program,
    address: String,
    fingerprint: String,
    code: String,
    cookie: String,
}

impl Page {
    fn start(config: &Path, folder: &Path) -> Self {
        let out = folder.join("zaigang-agent.out");
        let before = std::fs::read_to_string(&out).unwrap_or_default().len();
        let config = config.display().to_string();
        let args = ["commission", "--config", &config, "--listen", "127.0.0.1:0"];
        let mut program = Program::start("zaigang-agent", args, folder).unwrap();
        let mut said = String::new();
        until("the page is announced", || {
            assert!(program.ended().unwrap().is_none(), "{}", program.log_tail());
            program.stdout()[before..].clone_into(&mut said);
            said.contains("Compare the fingerprint")
        })
        .unwrap();
        let word = |name: &str| {
            let line = said.lines().find(|l| l.starts_with(name)).unwrap();
            line[name.len()..].split('(').next().unwrap().trim().to_owned()
        };
        let address = word("page").strip_prefix("https://").unwrap().to_owned();
        let fingerprint = word("fingerprint").replace(':', "").to_lowercase();
        Self { program, address, fingerprint, code: word("code"), cookie: String::new() }
    }

    fn ask(&self, method: &str, path: &str, more: &str, body: &[u8]) -> std::io::Result<Answer> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned(self.fingerprint.clone())))
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(tls, TcpStream::connect(&self.address)?);
        let (host, cookie) = (&self.address, &self.cookie);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nCookie: a=b; {cookie}\r\nContent-Length: \
            {}\r\nConnection: close\r\n{more}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Err(why) if why.kind() != std::io::ErrorKind::UnexpectedEof => return Err(why),
            _ => {}
        }
        let cut = all
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let head = String::from_utf8_lossy(&all[..cut]).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Ok(Answer { status, head, body: all[cut + 4..].to_vec() })
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", b"").unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, "Content-Type: application/json\r\n", body.to_string().as_bytes())
            .unwrap()
    }

    fn come_in(&mut self) {
        let answer = self.post("/code", &json!({"code": self.code}));
        assert_eq!(answer.status, 200, "{}", answer.json());
        let cookie = answer.header("set-cookie");
        assert!(
            cookie.contains("HttpOnly")
                && cookie.contains("Secure")
                && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
    }

    fn state(&self) -> Value {
        self.get("/state").json()
    }
}

/// A server with an open room, and a box in it whose camera shows one drawn person.
struct House {
    api: Api,
    server: Program,
    config: PathBuf,
    state: PathBuf,
    identity: BoxIdentity,
    folder: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, ready) = ServerPlan::embedded(folder.path()).start(&[]).unwrap();
        let api = api(&ready);
        furnish(&api).unwrap();
        let state = folder.path().join("state");
        let identity = provisioned(&api, "box-1", &state).unwrap();
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        let morning = Morning::bundled().unwrap();
        let drawn = morning.practitioners().next().unwrap().id.clone();
        let photo = Scene::drawn(morning, 1).enrolment_photo(&drawn).unwrap().unwrap();
        for number in 0..8 {
            std::fs::write(pictures.join(format!("{number}.png")), clinic::png(&photo).unwrap())
                .unwrap();
        }
        let config = folder.path().join("agent.toml");
        let text = format!(
            "mode = \"demonstration\"\nstate_dir = \"{}\"\n[models]\npack = \
            \"avatar\"\n[camera]\nkind = \"files\"\nfolder = \"{}\"\nframe_rate = 4\nspeed = \
            1\n[vision]\ndetect_side_px = 0\n",
            state.display(),
            pictures.display()
        );
        std::fs::write(&config, text).unwrap();
        Self { api, server, config, state, identity, folder }
    }

    fn page(&self) -> Page {
        Page::start(&self.config, self.folder.path())
    }

    fn room(&self) -> Value {
        self.api.get("rooms").unwrap()["rooms"][0].clone()
    }

    /// What the server holds by this rule.
    fn findings(&self, rule: &str) -> Vec<Value> {
        let alerts = self.api.get("alerts").unwrap();
        let ids =
            alerts["alerts"].as_array().unwrap().iter().filter_map(|alert| alert["id"].as_str());
        let all = ids.map(|id| self.api.get(&format!("alerts/{id}")).unwrap());
        let findings =
            all.flat_map(|alert| alert["findings"].as_array().cloned().unwrap_or_default());
        findings.filter(|finding| finding["rule"] == rule).collect()
    }

    /// Runs the page's command to its end; it must not serve anything. What it says stands in a
    /// folder of its own: the page that is being served may write a line of its log after the
    /// refusal.
    fn refused(&self) -> String {
        let config = self.config.display().to_string();
        let args = ["commission", "--config", &config, "--listen", "127.0.0.1:0"];
        let apart = tempfile::tempdir().unwrap();
        let mut program = Program::start("zaigang-agent", args, apart.path()).unwrap();
        let status = program.wait(Duration::from_mins(1)).unwrap().expect("it serves");
        assert!(!status.success());
        program.log_tail().lines().last().unwrap_or_default().to_owned()
    }
}

fn zones(bed_x: i32) -> Value {
    json!({
        "operator": [[[50, 50], [400, 50], [400, 900], [50, 900]]],
        "bed": [[[bed_x, 500], [900, 500], [900, 900], [bed_x, 900]]],
        "companion": [], "door": [[[0, 0], [40, 0], [40, 300]]],
        "privacy_mask": [[[900, 0], [1000, 0], [1000, 100], [900, 100]]],
    })
}

#[test]
fn ten_wrong_codes_end_the_page_and_nobody_gets_in_without_one() {
    let house = House::new();
    let mut page = house.page();
    let first = page.get("/");
    assert_eq!(first.status, 200);
    assert!(
        first.header("content-security-policy").starts_with("default-src 'none'"),
        "{}",
        first.head
    );
    for path in ["/state", "/view", "/face"] {
        assert_eq!(page.get(path).status, 401, "{path} without a code");
    }
    assert_eq!(page.post("/lock", &json!({})).status, 401);
    let elsewhere = page.ask("GET", "/", "Origin: https://evil.example\r\n", b"").unwrap();
    assert_eq!(elsewhere.status, 403, "a page of another site asked");
    let pinned = std::mem::replace(&mut page.fingerprint, "0".repeat(64));
    assert!(page.ask("GET", "/", "", b"").is_err(), "another certificate was believed");
    page.fingerprint = pinned;
    for left in (1..10).rev() {
        let answer = page.post("/code", &json!({"code": "x"}));
        assert_eq!((answer.status, answer.json()["left"].as_u64()), (401, Some(left)));
    }
    assert_eq!(page.post("/code", &json!({"code": "x"})).status, 410);
    let status = page
        .program
        .wait(Duration::from_secs(10))
        .unwrap()
        .expect("the page goes on after ten wrong codes");
    assert!(
        !status.success() && page.program.log_tail().contains("10 times"),
        "{}",
        page.program.log_tail()
    );
}

#[test]
fn an_installer_draws_tests_enrols_and_locks() {
    let house = House::new();
    let mut page = house.page();
    page.come_in();
    let said = house.refused();
    assert!(said.contains("stop the agent first"), "two at once hold one box: {said}");
    until("the room is known and the box connected", || {
        let state = page.state();
        state["known"] == true && state["connected"] == true
    })
    .unwrap();
    sees_a_face(&page);
    draws(&house, &page);
    walks(&page);
    sends_a_test(&house, &page);
    enrols(&house, &page);
    let locked = page.post("/lock", &json!({}));
    assert_eq!(locked.status, 200, "{}", locked.json());
    assert!(
        page.program
            .wait(Duration::from_secs(10))
            .unwrap()
            .expect("a locked page goes on")
            .success()
    );
    assert!(page.ask("GET", "/view", "", b"").is_err(), "the picture can still be seen");
    assert!(house.api.get("devices").unwrap()["devices"][0]["locked_at"].is_string());
    holds_no_picture(&house);

    let said = house.refused();
    assert!(
        said.contains("is locked since") && said.contains("unlock for commissioning"),
        "{said}"
    );
    forged_words_are_refused(&house);
    changed_behind_the_lock(&house);
    unlocked_again(&house);
}

fn sees_a_face(page: &Page) {
    let mut about = Value::Null;
    until("a picture with a face", || {
        let answer = page.get("/view?after=0");
        if answer.status != 200 {
            return false;
        }
        about = serde_json::from_str(&answer.header("x-picture")).unwrap();
        let (width, height) = (about["width"].as_u64().unwrap(), about["height"].as_u64().unwrap());
        assert_eq!(answer.body.len() as u64, width * height * 3);
        !about["faces"].as_array().unwrap().is_empty()
    })
    .unwrap();
    assert!(
        about["faces"][0]["px"].as_u64() > Some(40) && about["faces"][0]["enough"] == true,
        "{about}"
    );
}

/// Zones go to the server, and come back as signed knowledge; the mask is black at once.
fn draws(house: &House, page: &Page) {
    for (bad, why) in [
        (json!([[0, 0], [900, 900], [900, 0], [0, 900]]), "cross"),
        (json!([[0, 0], [5, 0], [5, 5]]), "too small"),
        (json!([[0, 0], [1001, 0], [500, 500]]), "outside the picture"),
    ] {
        let mut drawn = zones(600);
        drawn["bed"] = json!([bad]);
        let refused = page.post("/zones", &drawn);
        let said = refused.json()["error"].as_str().unwrap().to_owned();
        assert!(
            refused.status == 422 && said.starts_with("bed 1: ") && said.contains(why),
            "{said}"
        );
    }
    assert_eq!(house.room()["zones"]["bed"], json!([]), "a bad drawing was stored");
    let taken = page.post("/zones", &zones(600));
    assert_eq!(taken.status, 200, "{}", taken.json());
    assert_eq!(house.room()["zones"], zones(600));
    until("the zones come back signed", || page.state()["zones"] == zones(600)).unwrap();
    until("the mask is in the picture", || {
        let answer = page.get("/view?after=0");
        answer.status == 200 && {
            let about: Value = serde_json::from_str(&answer.header("x-picture")).unwrap();
            let width = about["width"].as_u64().unwrap() as usize;
            answer.body[(width - 1) * 3..width * 3] == [0, 0, 0]
        }
    })
    .unwrap();
    let log = house.api.get("audit?q=zones").unwrap().to_string();
    assert!(log.contains("box box-1") && log.contains("zones drawn"), "{log}");
    let form = house.api.text("/registry/rooms/room-1?lang=en").unwrap();
    assert!(form.contains("drawn at the box box-1"), "the room's page does not name the box");
}

fn walks(page: &Page) {
    page.post("/walk", &json!({"on": true}));
    until("a walk of some frames", || page.state()["walk"]["with_face"].as_u64() >= Some(5))
        .unwrap();
    page.post("/walk", &json!({"on": false}));
    let walk = page.state()["walk"].clone();
    assert!(
        walk["on"] == false && walk["enough"] == true && walk["smallest_px"].as_u64() > Some(40),
        "{walk}"
    );
}

/// The test is stored, is plainly a test, and afterwards is no open lead and nobody's false alarm.
fn sends_a_test(house: &House, page: &Page) {
    assert_eq!(page.post("/test", &json!({})).status, 200);
    until("the receipt of the test", || page.state()["test"]["state"] == "received").unwrap();
    let found = || house.api.get("alerts?state=all").unwrap()["alerts"][0].clone();
    until("the test is withdrawn", || found()["state"] == "dismissed").unwrap();
    let alert = house.api.get(&format!("alerts/{}", found()["id"].as_str().unwrap())).unwrap();
    let finding = &alert["findings"][0];
    assert_eq!(
        (&finding["rule"], &finding["severity"]),
        (&json!("TEST"), &json!("L0")),
        "{finding}"
    );
    assert!(
        alert.to_string().contains("安装测试") && alert.to_string().contains("Installer's test"),
        "{alert}"
    );
    let figures = house.api.get("figures").unwrap();
    assert!(
        !figures["by_rule"].to_string().contains("TEST"),
        "the test is counted as a lead: {figures}"
    );
    let of_the_box = &figures["devices"][0];
    assert_eq!(
        (&of_the_box["false_alarms"], &of_the_box["withdrawn"]),
        (&json!(0), &json!(1)),
        "{figures}"
    );
}

fn enrols(house: &House, page: &Page) {
    house
        .api
        .post(
            "practitioners",
            &json!({"id": "p-1", "name": "测试", "category": "licensed_physician",
                "registration": "valid",
                "sites": [{"institution": "inst-1", "relation": "primary", "lead_of": []}]}),
        )
        .unwrap();
    let mut consent = clinic::consent("inst-1");
    consent.as_object_mut().unwrap().remove("guardian");
    let nobody = page.post("/enrol", &json!({"person": "p-1", "consent": consent}));
    assert!(
        nobody.status == 422 && nobody.json()["error"].as_str().unwrap().contains("photograph")
    );
    let black = image::RgbImage::new(300, 300);
    let judged =
        page.ask("POST", "/enrol/photo", "", &clinic::png(&black).unwrap()).unwrap().json();
    assert!(
        judged["good"] == false && judged["zh"].as_str().unwrap().contains("照片不合格"),
        "{judged}"
    );
    let face = page.get("/face");
    let about: Value = serde_json::from_str(&face.header("x-picture")).unwrap();
    let (width, height) =
        (about["width"].as_u64().unwrap() as u32, about["height"].as_u64().unwrap() as u32);
    let photo = clinic::png(&image::RgbImage::from_raw(width, height, face.body).unwrap()).unwrap();
    let judged = page.ask("POST", "/enrol/photo", "", &photo).unwrap().json();
    assert_eq!(judged["good"], true, "{judged}");
    let mut unsigned = consent.clone();
    unsigned["signature"] = json!(" ");
    let refused = page.post("/enrol", &json!({"person": "p-1", "consent": unsigned}));
    assert!(
        refused.status == 422 && refused.json()["error"].as_str().unwrap().contains("signature")
    );
    let mut answer = page.post("/enrol", &json!({"person": "p-1", "consent": consent}));
    let deadline = Instant::now() + Duration::from_mins(1);
    while answer.json()["error"].as_str().is_some_and(|e| e.contains("503"))
        && Instant::now() < deadline
    {
        // A server that has just started still loads its models.
        answer = page.post("/enrol", &json!({"person": "p-1", "consent": consent}));
    }
    assert_eq!(answer.status, 200, "{}", answer.json());
    let enrolments = house.api.get("enrolments").unwrap();
    assert_eq!(enrolments["enrolments"][0]["state"], "proposed", "{enrolments}");
}

/// P6, with a page that shows pictures: none is on the box's disk, and no log holds one.
fn holds_no_picture(house: &House) {
    for folder in [&house.state, &house.folder.path().join("zaigang-agent.log")] {
        for file in crate::privacy::files_under(folder) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!crate::privacy::holds_picture(&bytes), "{} holds a picture", file.display());
        }
    }
    let log = std::fs::read_to_string(house.folder.path().join("zaigang-agent.log")).unwrap();
    assert!(!log.contains("测试") && !log.contains("p-1"), "a log names somebody: {log}");
}

/// Whoever has no key of the box, or repeats what it said, changes nothing on the server.
fn forged_words_are_refused(house: &House) {
    let (signing, post) =
        (&house.identity.signing, |path: &str, envelope: &protocol::envelope::Envelope| {
            house.api.post(path, &serde_json::to_value(envelope).unwrap()).unwrap_err().to_string()
        });
    let statement =
        |at: String| json!({"draws": "box-1", "at": at, "zones": zones(700)}).to_string();
    let now = || format!("{:.3}", jiff::Timestamp::now());
    let locked = post("provision/zones", &signing.sign(statement(now())));
    assert!(locked.contains("locked since"), "{locked}");
    let stranger = trust::SigningKey::generate().unwrap();
    assert!(post("provision/zones", &stranger.sign(statement(now()))).contains("not taken"));
    let early = format!("{:.3}", jiff::Timestamp::now() - jiff::SignedDuration::from_mins(11));
    assert!(
        post("provision/zones", &signing.sign(statement(early))).contains("set the box's clock")
    );
    let once = signing
        .sign(json!({"asks_unlock_of": "box-1", "at": now(), "lock": "0".repeat(32)}).to_string());
    house.api.post("provision/unlock", &serde_json::to_value(&once).unwrap()).unwrap();
    let again = post("provision/unlock", &once);
    assert!(again.contains("not newer"), "{again}");
    let other_use = post("provision/lock", &once);
    assert!(other_use.contains("does not decode"), "{other_use}");
}

/// Zones that somebody changes on the server's pages reach the running box, which raises Integrity
/// L1, once.
fn changed_behind_the_lock(house: &House) {
    let config = house.config.display().to_string();
    let live = std::fs::read_to_string(&house.config)
        .unwrap()
        .replace("speed = 1", "speed = 1\nstart = \"2026-03-02T01:00:00Z\"")
        + "[health]\nevery_s = 1\n";
    std::fs::write(&house.config, live).unwrap();
    let mut agent =
        Program::start("zaigang-agent", ["run", "--config", &config], house.folder.path()).unwrap();
    let mut room = house.room();
    room["zones"] = zones(750);
    house.api.post("rooms", &room).unwrap();
    let raised = || house.findings("HB-6");
    until("the change is raised", || !raised().is_empty()).unwrap();
    let finding = &raised()[0];
    assert_eq!(
        (&finding["rule"], &finding["severity"], &finding["kind"]),
        (&json!("HB-6"), &json!("L1"), &json!("Integrity")),
        "{finding}"
    );
    agent.terminate().unwrap();
    let device = || house.api.get("devices").unwrap()["devices"][0].clone();
    let room = || {
        device()["knowledge"]
            .as_array()
            .unwrap()
            .iter()
            .find(|k| k["kind"] == "room")
            .unwrap()
            .clone()
    };
    let told = room()["version"].as_u64();
    let mut again =
        Program::start("zaigang-agent", ["run", "--config", &config], house.folder.path()).unwrap();
    until("the zones reach the box again", || {
        room()["version"].as_u64() > told && room()["applied"] == true
    })
    .unwrap();
    // Its health comes behind whatever it raised of them.
    let answered = device()["contiguous_seq"].as_u64().unwrap();
    until("the box looks", || {
        let now = device();
        now["contiguous_seq"].as_u64().unwrap() >= answered + 3
            && now["frames"].as_u64().unwrap() > 0
    })
    .unwrap();
    again.terminate().unwrap();
    assert_eq!(raised().len(), 1, "a restart raised the same change again");
}

/// A supervisor unlocks; the box fetches it, once, and the page is there again.
fn unlocked_again(house: &House) {
    let granted = house.api.post("devices/box-1/unlock", &json!({})).unwrap();
    assert!(granted["unlocked_until"].is_string(), "{granted}");
    let mut page = house.page();
    page.come_in();
    until("the room is known", || page.state()["known"] == true).unwrap();
    let taken = page.post("/zones", &zones(800));
    assert_eq!(taken.status, 200, "{}", taken.json());
    until("the zones come back signed", || page.state()["zones"] == zones(800)).unwrap();
    page.program.terminate().unwrap();
    assert!(!house.state.join("commission.toml").exists());
}

/// A mask may stand in zones that the box was never told: until then there is no picture.
#[test]
fn without_the_rooms_zones_there_is_no_picture() {
    let mut house = House::new();
    house.server.kill().unwrap();
    let mut page = house.page();
    page.come_in();
    for _ in 0..20 {
        assert_eq!(page.state()["known"], false);
        assert_eq!(page.get("/view?after=0").status, 204, "a picture without the room's masks");
        assert_eq!(page.get("/face").status, 409);
        std::thread::sleep(Duration::from_millis(100));
    }
    let unsent = page.post("/zones", &zones(600));
    assert!(
        unsent.status == 422
            && unsent.json()["error"].as_str().unwrap().contains("can not be reached")
    );
    page.program.terminate().unwrap();
}

#[test]
fn a_box_whose_outbox_is_in_use_is_told_to_stop_the_agent() {
    let house = House::new();
    let the_box = PlainBox::start(house.identity.clone(), &house.state).unwrap();
    let said = house.refused();
    assert!(said.contains("stop the agent first"), "{said}");
    the_box.stop();
}
