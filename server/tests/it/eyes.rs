//! What a clinic learns of its own alert, by every way that leads to it; whose names it reads; how
//! long a stream listens.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, WAIT, finding};
use crate::house::{House, by_hand};
use crate::inbox::{house, ids};

/// Words of the authority that no way to a clinic may carry.
const SECRETS: [&str; 8] = [
    "wang-reviewer",
    "li-reviewer",
    "突击检查",
    "on_site",
    "review1",
    "review2",
    "Dismissed",
    "assignee",
];

/// An alert under two reviewers' eyes: noted, assigned, upheld twice, and on site.
fn deliberated(house: &House) {
    let (wang, li) = (
        login(house, "wang-reviewer", Role::Supervisor, "5101"),
        login(house, "li-reviewer", Role::Supervisor, "5101"),
    );
    let path = format!("/api/v1/alerts/{}/steps", ids()[0]);
    for (who, step) in [
        (&wang, json!({"step":"take"})),
        (&wang, json!({"step":"assign","to":"li-reviewer"})),
        (&wang, json!({"step":"comment","note":"周二上午突击检查"})),
        (&wang, json!({"step":"uphold"})),
        (&li, json!({"step":"uphold"})),
        (&li, json!({"step":"go_on_site"})),
    ] {
        let answer = ask(house, "POST", &path, who, &step.to_string());
        assert_eq!(answer.status, 200, "{step}: {}", answer.body);
    }
}

fn without_secrets(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} tells the clinic `{secret}`: {text}");
    }
}

#[test]
fn a_clinic_reads_no_word_of_the_deliberation_anywhere() {
    let house = house();
    deliberated(&house);
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    let one = ids()[0].clone();
    for path in [
        format!("/api/v1/alerts/{one}"),
        "/api/v1/alerts".to_owned(),
        "/api/v1/figures".to_owned(),
        "/figures.csv".to_owned(),
        format!("/alerts/{one}"),
        "/?state=all".to_owned(),
        "/wall".to_owned(),
        "/sessions/s-1".to_owned(),
        "/figures".to_owned(),
        "/leads/csv?state=all".to_owned(),
    ] {
        let answer = ask(&house, "GET", &path, &clinic, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        without_secrets(&path, &answer.body);
        assert!(!answer.body.contains("现场核查"), "{path} says that somebody is on the way");
    }
    let alert = ask(&house, "GET", &format!("/api/v1/alerts/{one}"), &clinic, "").json();
    assert_eq!(alert["state"], "open");
    for key in
        ["reviews", "steps", "assignee", "linked", "updated_at", "case_number", "dismissed_because"]
    {
        assert!(alert.get(key).is_none(), "the clinic is told `{key}`");
    }
    assert_eq!(alert["findings"][0]["rule"], "LL-1", "it is told what was seen");
}

#[test]
fn a_clinics_answer_is_shown_to_it_and_changes_what_it_is_told() {
    let house = house();
    deliberated(&house);
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    let path = format!("/api/v1/alerts/{}", ids()[0]);
    let step = json!({"step":"answer","note":"主诊在隔壁"}).to_string();
    let taken = ask(&house, "POST", &format!("{path}/steps"), &clinic, &step);
    assert_eq!(taken.json(), json!({"id": ids()[0], "state": "answered"}));
    let alert = ask(&house, "GET", &path, &clinic, "").json();
    assert_eq!(
        (&alert["state"], &alert["answers"][0]["note"]),
        (&json!("answered"), &json!("主诊在隔壁"))
    );
    assert!(
        ask(&house, "GET", &format!("/alerts/{}", ids()[0]), &clinic, "")
            .body
            .contains("主诊在隔壁")
    );
    let listed = |state: &str| {
        let list = ask(&house, "GET", &format!("/api/v1/alerts?state={state}"), &clinic, "").json();
        list["alerts"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((listed("open"), listed("answered"), listed("closed"), listed("all")), (1, 1, 0, 2));
}

#[test]
fn a_clinic_finds_leads_by_what_it_knows_alone() {
    let house = house();
    deliberated(&house);
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    let wang = login(&house, "wang", Role::Supervisor, "5101");
    let found = |who: &str, text: &str| {
        let path = format!("/api/v1/alerts?q={text}");
        ask(&house, "GET", &path, who, "").json()["alerts"].as_array().unwrap().len()
    };
    assert_eq!(found(&clinic, "room-1"), found(&wang, "room-1"));
    for secret in ["li-reviewer", "p-other", "operating_ms", "raised"] {
        assert!(found(&wang, secret) > 0, "{secret}");
        assert_eq!(found(&clinic, secret), 0, "letter by letter it reads `{secret}`");
    }
}

#[test]
fn a_clinic_can_not_ask_for_a_state_that_it_is_not_told() {
    let house = house();
    deliberated(&house);
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    for query in
        ["state=on_site", "state=review2", "state=dismissed", "assignee=li-reviewer", "assignee=me"]
    {
        for path in [format!("/api/v1/alerts?{query}"), format!("/?{query}")] {
            let answer = ask(&house, "GET", &path, &clinic, "");
            assert_eq!(answer.status, 400, "{path} answers: {}", answer.body);
        }
    }
}

#[test]
fn a_clinic_reads_names_of_its_own_people_alone() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"别处诊所","grade_ceiling":1,"filed_items":[],
            "jurisdiction":"520100"}),
    );
    let works_at = |sites: &Value| {
        let far = json!({"id":"p-far","name":"赵远方","category":"licensed_physician",
            "registration":"valid","sites":sites});
        house.must_post("practitioners", &far);
    };
    let there = json!({"institution":"clinic-2","relation":"primary","lead_of":[]});
    works_at(
        &json!([there, {"institution":"clinic-1","relation":"filed_multi_site","lead_of":[]}]),
    );
    house.must_post(
        "sessions",
        &json!({"id":"s-far","room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "declared_operators":["p-far"],
            "start":"2099-03-02T12:00:00+08:00"}),
    );
    // Here they work no longer.
    works_at(&json!([there]));
    let house = house.restart_with("[access]\naccounts = true\n");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    for path in ["/sessions", "/sessions/s-far"] {
        let page = ask(&house, "GET", path, &clinic, "").body;
        assert!(page.contains("王主诊"), "{path} does not name who works here");
        assert!(!page.contains("赵远方"), "{path} prints a name from elsewhere");
    }
    assert!(
        ask(&house, "GET", "/sessions/s-far", &clinic, "").body.contains("p-far"),
        "what was declared is shown"
    );
    let all = token(&house, Role::Supervisor, "");
    assert!(ask(&house, "GET", "/sessions/s-far", &all, "").body.contains("赵远方"));
}

/// An open stream, read line by line.
pub(crate) struct Stream(BufReader<TcpStream>);

impl Stream {
    pub(crate) fn open(house: &House, path: &str, credential: &str) -> Self {
        let address = house.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        let proof = if credential.starts_with("login-of-") {
            format!("Cookie: zaigang={credential}\r\nSec-Fetch-Site: same-origin")
        } else {
            format!("Authorization: Bearer {credential}")
        };
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{proof}\r\n\r\n").unwrap();
        let mut opened = Self(BufReader::new(stream));
        let head = opened.line().unwrap();
        assert!(head.contains(" 200 "), "{head}");
        while opened.line().is_some_and(|line| !line.is_empty()) {}
        opened
    }

    /// The next line; `None` at the end of the connection.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(error) => panic!("nothing came in time: {error}"),
        }
    }

    /// Id and data of the next event.
    pub(crate) fn event(&mut self) -> (String, Value) {
        let mut id = String::new();
        while let Some(line) = self.line() {
            if let Some(value) = line.strip_prefix("id: ") {
                value.clone_into(&mut id);
            } else if let Some(value) = line.strip_prefix("data: ") {
                return (id, serde_json::from_str(value).unwrap());
            }
        }
        panic!("the stream ended");
    }

    /// Whether it ends before the usual wait is over.
    fn ends(&mut self) -> bool {
        // The stream's own heartbeats keep each single read within its time.
        let by = Instant::now() + WAIT;
        // A stream that ends closes its chunked body with an empty chunk.
        while let Some(line) = self.line() {
            if line == "0" {
                return true;
            }
            if Instant::now() > by {
                return false;
            }
        }
        true
    }
}

#[test]
fn a_clinics_stream_carries_its_three_states_and_no_number() {
    let house = house();
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    let mut stream = Stream::open(&house, "/events", &clinic);
    deliberated(&house);
    let step = json!({"step":"answer","note":"说明"}).to_string();
    ask(&house, "POST", &format!("/api/v1/alerts/{}/steps", ids()[0]), &clinic, &step);
    let (id, data) = stream.event();
    assert_eq!(
        data["state"], "answered",
        "the first that it hears is its own answer, not the steps before: {data}"
    );
    without_secrets("the stream", &data.to_string());
    assert!(
        id.parse::<i64>().is_err() && id.len() > 40,
        "the id counts what happens elsewhere: {id}"
    );
    // It resumes by that word, and nobody else can.
    let reviewer = login(&house, "zhao", Role::Reviewer, "5101");
    assert_eq!(ask(&house, "GET", &format!("/events?after={id}"), &reviewer, "").status, 400);
    let answer = ask(&house, "POST", &format!("/api/v1/alerts/{}/steps", ids()[1]), &clinic, &step);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let (_, next) = Stream::open(&house, &format!("/events?after={id}"), &clinic).event();
    assert_eq!(next["alert"], json!(ids()[1]));
}

#[test]
fn a_page_of_nobody_does_not_tell_how_much_happens() {
    let house = house();
    deliberated(&house);
    assert!(ask(&house, "GET", "/login", "", "").body.contains("data-feed=\"\""));
    let clinic = login(&house, "clinic-jin", Role::Clinic, "clinic-1");
    let page = ask(&house, "GET", "/", &clinic, "").body;
    let feed = page.split("data-feed=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(feed.parse::<i64>().is_err() && !feed.is_empty(), "{feed}");
}

#[test]
fn a_stream_ends_with_what_opened_it() {
    let house = house();
    let (store, app) = (&house.running().app.store, &house.running().app);
    let out = login(&house, "goes-out", Role::Supervisor, "5101");
    let mut stream = Stream::open(&house, "/events", &out);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let cookie = format!("Cookie: zaigang={out}\r\nSec-Fetch-Site: same-origin\r\n{form}");
    assert_eq!(house.send_with("POST", "/logout", &cookie, b"").status, 303);
    assert!(stream.ends());

    let gone = login(&house, "dismissed", Role::Supervisor, "5101");
    let mut stream = Stream::open(&house, "/events", &gone);
    let admin = login(&house, "root-admin", Role::Admin, "");
    assert_eq!(ask(&house, "POST", "/api/v1/accounts/dismissed/disable", &admin, "").status, 200);
    assert!(stream.ends());

    let program = token(&house, Role::Reviewer, "51");
    let mut stream = Stream::open(&house, "/events", &program);
    let id = trust::sha256_hex(&program)[..16].to_owned();
    assert_eq!(ask(&house, "POST", &format!("/api/v1/tokens/{id}/revoke"), &admin, "").status, 200);
    assert!(stream.ends());

    // A token that ran out is asked for at the next change.
    let soon = "2026-01-01T00:00:00.000Z";
    store
        .put_api_token(
            &trust::sha256_hex("brief"),
            "brief",
            Role::Reviewer,
            "",
            soon.parse().unwrap(),
            "2099-01-01T00:00:00.000Z".parse().unwrap(),
        )
        .unwrap();
    let mut stream = Stream::open(&house, "/events", "brief");
    let sql = format!("UPDATE api_token SET expires_at = '{soon}' WHERE name = 'brief'");
    by_hand(&house.folder.path().join("data"), "zaigang.db", &sql);
    app.touch();
    assert!(stream.ends());
}

#[test]
fn metrics_stand_on_a_listener_of_their_own() {
    let house = House::with(tempfile::tempdir().unwrap(), "[metrics]\nlisten = \"127.0.0.1:0\"\n");
    assert_eq!(house.page("/metrics").0, 404, "the pages serve metrics");
    let text = house.metrics();
    assert!(
        text.contains("zaigang_devices 0") && text.contains("zaigang_http_requests_total"),
        "{text}"
    );
}

#[test]
fn a_box_hears_where_the_audit_log_stood() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    let app = &house.running().app;
    app.heads.sign(&app.store, jiff::Timestamp::now()).unwrap();
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    let receipt = b.receipted(1);
    let head = trust::audit::read_head(
        &receipt.audit_head.expect("no head came"),
        &app.signer.verifying_key(),
    )
    .unwrap();
    assert_eq!(app.store.audit_hash(head.entries as i64).unwrap(), Some(head.hash));
}

const SINCE: &str = "2026-03-01T01:00:00.000Z";

/// Somebody works at two clinics, and the other one enrolled them.
#[test]
fn a_clinic_learns_of_no_enrolment_and_place_elsewhere() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"别处诊所","grade_ceiling":1,"filed_items":[],
            "jurisdiction":"520100"}),
    );
    let sites = json!([{"institution":"clinic-1","relation":"filed_multi_site","lead_of":[]},
        {"institution":"clinic-2","relation":"primary","lead_of":[]}]);
    let both = json!({"id":"p-both","name":"赵两地","category":"licensed_physician",
        "registration":"valid","sites":sites});
    house.must_post("practitioners", &both);
    let house = house.restart_with("[access]\naccounts = true\n");
    let postgres = house.running().app.config.store.is_postgres();
    let sealed = if postgres { "'\\x00'" } else { "X'00'" };
    let sql = format!(
        "INSERT INTO enrolment (id, person, institution, state, pack, proposed_at, outcome, consent)
            VALUES ('e-1','p-both','clinic-2','confirmed','avatar','{SINCE}','{{}}','{{}}');
        INSERT INTO template VALUES ('t-1','e-1','p-both','clinic-2','avatar','ab',0,{sealed});
        INSERT INTO come_again VALUES ('p-both','clinic-2','no_photograph','{SINCE}');"
    );
    by_hand(&house.folder.path().join("data"), "faces.db", &sql);
    let clinic = token(&house, Role::Clinic, "clinic-1");
    let page = ask(&house, "GET", "/people?lang=zh", &clinic, "").body;
    assert!(page.contains("赵两地") && page.contains("0 人已采集"), "{page}");
    assert!(!page.contains("需重新采集"), "it is told that another clinic enrolled him: {page}");
    for path in [
        "/people?lang=zh",
        "/people/p-both?lang=zh",
        "/api/v1/practitioners",
        "/api/v1/export/practitioners",
        "/registry?noun=people",
    ] {
        let told = ask(&house, "GET", path, &clinic, "").body;
        assert!(!told.contains("clinic-2") && !told.contains("别处诊所"), "{path}: {told}");
    }
    let other = token(&house, Role::Clinic, "clinic-2");
    let own = ask(&house, "GET", "/people?lang=zh", &other, "").body;
    assert!(own.contains("1 人已采集") && own.contains("需重新采集"), "{own}");
}
