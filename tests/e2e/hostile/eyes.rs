//! A clinic learns of its own alert what it may, whose name it may, and no longer than it may; a
//! passer-by learns nothing.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use e2e::hostile::{HostileClinic, Side, TestAccount, User, messages};
use serde_json::{Value, json};
use trust::sha256_hex;

use super::house;

const HERE: Side = Side::Here;

/// What no way to the clinic may carry: who decides, what is noted, that somebody is on the way.
const SECRETS: [&str; 8] = [
    "supervisor-here",
    "reviewer-here",
    "突击检查",
    "现场核查",
    "on_site",
    "review1",
    "review2",
    "assignee",
];

/// Raises an alert; gives its id.
fn raised(house: &HostileClinic, device: &str, digit: char) -> String {
    let mut accuser = house.provision(device, HERE.room()).unwrap();
    accuser.say(messages::finding(HERE, digit, "NL-1", "L2")).unwrap();
    accuser.settle().unwrap();
    let alerts = house.alerts(TestAccount::Supervisor(HERE)).unwrap();
    alerts.iter().find(|a| a["device"] == device).expect("no alert")["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Noted, assigned, upheld by two people, and on site.
fn deliberate(house: &HostileClinic, alert: &str) {
    let (supervisor, reviewer) = (TestAccount::Supervisor(HERE), TestAccount::Reviewer(HERE));
    house.user(reviewer).unwrap();
    for (who, step) in [
        (supervisor, json!({"step": "take"})),
        (supervisor, json!({"step": "assign", "to": "reviewer-here"})),
        (supervisor, json!({"step": "comment", "note": "周二上午突击检查"})),
        (supervisor, json!({"step": "uphold"})),
        (reviewer, json!({"step": "uphold"})),
        (supervisor, json!({"step": "go_on_site"})),
    ] {
        house
            .user(who)
            .unwrap()
            .post(&format!("/api/v1/alerts/{alert}/steps"), &step)
            .unwrap()
            .ok()
            .unwrap();
    }
}

fn without_secrets(place: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{place} tells the clinic `{secret}`: {text}");
    }
}

#[test]
fn a_clinic_reads_no_word_of_the_deliberation() {
    let house = house();
    let alert = raised(&house, "eyes-deliberated", '4');
    deliberate(&house, &alert);
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    for path in [
        format!("/api/v1/alerts/{alert}"),
        "/api/v1/alerts?state=all&limit=200".to_owned(),
        format!("/alerts/{alert}"),
        "/?state=all".to_owned(),
        "/wall".to_owned(),
        "/figures".to_owned(),
        "/figures.csv".to_owned(),
    ] {
        let answer = clinic.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        without_secrets(&path, &answer.text);
    }
    assert_eq!(
        clinic.get("/api/v1/alerts?state=on_site").unwrap().status,
        400,
        "it may ask for what it is not told"
    );
}

/// An open stream of events, read line by line.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(house: &HostileClinic, proof: &str) -> Self {
        let address = house.base().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        write!(
            stream,
            "GET /events HTTP/1.1\r\nHost: {address}\r\nSec-Fetch-Site: \
            same-origin\r\n{proof}\r\n\r\n"
        )
        .unwrap();
        let mut opened = Self(BufReader::new(stream));
        let head = opened.line(Duration::from_secs(20)).unwrap();
        assert!(head.contains(" 200 "), "{head}");
        opened
    }

    fn of(house: &HostileClinic, user: &User) -> Self {
        Self::open(house, &format!("Cookie: zaigang={}", user.cookie().unwrap()))
    }

    /// The next line; `None` where the stream ended or nothing came in time.
    fn line(&mut self, within: Duration) -> Option<String> {
        let deadline = Instant::now() + within;
        let mut line = String::new();
        while Instant::now() < deadline {
            match self.0.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => return Some(line.trim_end().to_owned()),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// The next event about this alert.
    fn of_alert(&mut self, alert: &str) -> Value {
        loop {
            let line =
                self.line(Duration::from_secs(30)).expect("the stream says nothing of the alert");
            let data = line
                .strip_prefix("data: ")
                .and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(data) = data.filter(|data| data["alert"] == alert) {
                return data;
            }
        }
    }

    /// Whether it ends in time: with an empty chunk, or with its connection.
    fn ends(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match self.line(Duration::from_secs(1)) {
                Some(line) if line == "0" => return true,
                None if self.closed() => return true,
                _ if Instant::now() > deadline => return false,
                _ => {}
            }
        }
    }

    fn closed(&mut self) -> bool {
        matches!(self.0.fill_buf(), Ok([]))
    }
}

#[test]
fn a_clinics_stream_tells_no_step_between() {
    let house = house();
    let alert = raised(&house, "eyes-stream", '5');
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let mut stream = Stream::of(&house, &clinic);
    deliberate(&house, &alert);
    let answer = json!({"step": "answer", "note": "主诊在隔壁"});
    clinic.post(&format!("/api/v1/alerts/{alert}/steps"), &answer).unwrap().ok().unwrap();
    let heard = stream.of_alert(&alert);
    without_secrets("the stream", &heard.to_string());
    assert_eq!(heard["state"], "answered", "the first that it hears is its own answer: {heard}");
}

#[test]
fn a_session_names_nobody_from_elsewhere() {
    let house = house();
    let clinic = house.user(TestAccount::Clinic(HERE)).unwrap();
    let foreign = Side::There.physician();
    let declare = |operators: Vec<String>| {
        let session = json!({"id": "eyes-names", "room": HERE.room(), "item": "laser-1",
            "declared_lead": HERE.lead(),
            "declared_operators": operators, "start": messages::ago(600), "end": messages::ago(300)});
        clinic.post("/api/v1/sessions", &session).unwrap()
    };
    let told = declare(vec![foreign.to_owned()]);
    for path in ["/sessions/eyes-names", "/sessions"] {
        let page = clinic.get(path).unwrap().text;
        assert!(!page.contains(&format!("姓名 {foreign}")), "{path} names who works elsewhere");
    }
    assert_eq!(told.status, 422, "{}", told.text);
    let many = declare((0..21).map(|n| format!("p-{n}")).collect());
    assert!(
        many.status == 422 && many.text.contains("at most 20"),
        "{} {}",
        many.status,
        many.text
    );
}

#[test]
fn a_stream_ends_with_the_login_or_token_that_opened_it() {
    let house = house();
    let reader = house.again(TestAccount::SecondReviewer(Side::There)).unwrap();
    let mut stream = Stream::of(&house, &reader);
    assert_eq!(reader.form("/logout", &[]).unwrap().status, 303);
    assert!(stream.ends(), "who logged out still listens");
    let admin = house.user(TestAccount::Admin).unwrap();
    let asked = json!({"name": "eyes-program", "role": "reviewer", "scope": HERE.jurisdiction(),
        "days": 1});
    let made = admin.post("/api/v1/tokens", &asked).unwrap().ok().unwrap();
    let token = made["token"].as_str().unwrap();
    let mut stream = Stream::open(&house, &format!("Authorization: Bearer {token}"));
    let revoke = format!("/api/v1/tokens/{}/revoke", &sha256_hex(token)[..16]);
    admin.post(&revoke, &json!({})).unwrap().ok().unwrap();
    assert!(stream.ends(), "a revoked token still listens");
}

#[test]
fn a_passer_by_reads_no_metrics() {
    let house = house();
    let answer = house.nobody().get("/metrics").unwrap();
    assert!(
        answer.status == 404 && !answer.text.contains("zaigang_"),
        "{}: {}",
        answer.status,
        answer.text
    );
}
