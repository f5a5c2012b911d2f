//! Nobody reaches out of their part of the country or out of their role, by whatever door: form,
//! table, command or token.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, login, token};
use crate::house::{Answer, House};
use crate::inbox::{house, ids};

/// The furnished house with a second clinic in another jurisdiction, behind accounts.
fn two_clinics() -> House {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"南湖医疗美容诊所","grade_ceiling":1,"filed_items":[],
            "jurisdiction":"510204"}),
    );
    house.must_post(
        "rooms",
        &json!(
        {"id":"room-2","institution":"clinic-2","mode":"in_room",
            "zones":{"operator":[],"bed":[],"companion":[],"door":[],"privacy_mask":[]}}),
    );
    house.must_post(
        "practitioners",
        &json!({"id":"p-south","name":"南主诊","category":"licensed_physician",
            "registration":"valid",
            "sites":[{"institution":"clinic-2","relation":"primary",
                "lead_of":["cosmetic_dermatology"]}]}),
    );
    house.must_post(
        "passes",
        &json!({"id":"pass-1","person":"p-other","institution":"clinic-1","purpose":"trainee",
            "supervisor":"p-lead","from":"2026-03-01T00:00:00Z","to":"2099-03-01T00:00:00Z"}),
    );
    house.restart_with("[access]\naccounts = true\n")
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_session_of_another_clinic_is_taken_by_no_door() {
    let house = two_clinics();
    let thief = token(&house, Role::Clinic, "clinic-2");
    let table = "id,room,start\ns-1,room-2,2026-03-02T01:00:00Z\n";
    let answer = ask(&house, "POST", "/api/v1/import/sessions", &thief, table);
    assert_eq!(
        (answer.status, answer.body.contains("`s-1` is taken")),
        (422, true),
        "{}",
        answer.body
    );
    let body = json!({"id":"s-1","room":"room-2","start":"2026-03-02T01:00:00Z"}).to_string();
    let answer = ask(&house, "POST", "/api/v1/sessions", &thief, &body);
    assert!(answer.status == 422 && !detail(&answer).contains("room-1"), "{}", answer.body);
    let owner = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(
        ask(&house, "GET", "/api/v1/sessions/s-1", &owner, "").json()["session"]["room"],
        "room-1"
    );
    let own = "id,room,item,declared_lead,start\n\
        s-2,room-2,laser-1,p-south,2026-03-02T01:00:00Z\n";
    assert_eq!(ask(&house, "POST", "/api/v1/import/sessions", &thief, own).status, 200);
}

#[test]
fn the_catalogue_of_another_jurisdiction_stays_as_it_is() {
    let house = two_clinics();
    let elsewhere = token(&house, Role::Supervisor, "5102");
    let item = |code: &str, jurisdiction: &str| {
        json!({"code":code,"name_zh":"激光","kind":"energy_device",
            "specialties":["cosmetic_dermatology"],"min_operator":"nurse",
                "jurisdiction":jurisdiction})
        .to_string()
    };
    for (code, jurisdiction) in
        [("laser-1", "5102"), ("laser-1", ""), ("new-1", "5101"), ("new-1", "")]
    {
        let answer = ask(&house, "POST", "/api/v1/items", &elsewhere, &item(code, jurisdiction));
        assert!(
            answer.status == 422 && detail(&answer).starts_with("jurisdiction:"),
            "{code} {jurisdiction}: {}",
            answer.body
        );
    }
    assert_eq!(
        ask(&house, "POST", "/api/v1/items", &elsewhere, &item("new-1", "510204")).status,
        201
    );
    let whole = token(&house, Role::Supervisor, "");
    assert_eq!(ask(&house, "POST", "/api/v1/items", &whole, &item("laser-1", "")).status, 200);
}

#[test]
fn a_pass_of_another_clinic_is_not_overwritten() {
    let house = two_clinics();
    let elsewhere = token(&house, Role::Supervisor, "5102");
    let pass = json!({"id":"pass-1","person":"p-other","institution":"clinic-2",
        "purpose":"engineer","from":"2026-03-01T00:00:00Z","to":"2099-03-01T00:00:00Z"});
    let answer = ask(&house, "POST", "/api/v1/passes", &elsewhere, &pass.to_string());
    assert!(answer.status == 422 && detail(&answer).contains("taken"), "{}", answer.body);
    let owner = token(&house, Role::Supervisor, "5101");
    assert_eq!(
        ask(&house, "GET", "/api/v1/passes", &owner, "").json()["passes"][0]["institution"],
        "clinic-1"
    );
}

#[test]
fn a_token_decides_nothing_and_a_reviewer_has_no_cases() {
    let house = house();
    let steps = format!("/api/v1/alerts/{}/steps", ids()[0]);
    let take = |who: &str, step: &str| {
        ask(&house, "POST", &steps, who, &json!({"step": step, "note": "x"}).to_string())
    };
    let program = token(&house, Role::Reviewer, "5101");
    assert_eq!(take(&program, "uphold").status, 403, "a person is two reviewers by his token");
    assert_eq!(take(&program, "comment").status, 200);
    let (wang, zhao) = (
        login(&house, "wang", Role::Reviewer, "5101"),
        login(&house, "zhao", Role::Reviewer, "5101"),
    );
    assert_eq!(take(&wang, "uphold").json()["state"], "review2");
    assert_eq!(take(&zhao, "uphold").json()["state"], "lead");
    assert_eq!(take(&wang, "go_on_site").status, 403);
    let page = ask(&house, "GET", &format!("/alerts/{}", ids()[0]), &wang, "").body;
    assert!(!page.contains("value=\"go_on_site\""), "the page offers a reviewer what is not his");
    let program = token(&house, Role::Supervisor, "5101");
    assert_eq!(take(&program, "go_on_site").status, 403);
    let supervisor = login(&house, "gu", Role::Supervisor, "5101");
    assert_eq!(take(&supervisor, "go_on_site").json()["state"], "on_site");
    let officers = json!([{"name": "甲", "certificate": "1"}, {"name": "乙", "certificate": "2"}]);
    let body = json!({"case_number": "n", "officers": officers}).to_string();
    let case = format!("/api/v1/alerts/{}/case", ids()[0]);
    assert_eq!(ask(&house, "POST", &case, &wang, &body).status, 403, "a reviewer opened a case");
    assert_eq!(ask(&house, "POST", &case, &program, &body).status, 403, "a program opened a case");
    assert_eq!(ask(&house, "POST", &case, &supervisor, &body).json()["state"], "case");
}

#[test]
fn an_administrator_is_invited_for_the_whole_server() {
    let house = two_clinics();
    let admin = login(&house, "root", Role::Admin, "");
    let ask = |body: &str| ask(&house, "POST", "/api/v1/accounts", &admin, body).status;
    assert_eq!(ask(r#"{"role":"admin","scope":"5101"}"#), 422);
    assert_eq!(ask(r#"{"role":"admin"}"#), 201);
}

#[test]
fn the_choice_of_a_language_leads_to_no_other_host() {
    let house = House::new();
    for back in ["//evil.example", "/%09/evil.example", "/%5Cevil.example", "https://evil.example"]
    {
        let answer = house.send_with("GET", &format!("/language?to=en&back={back}"), "", b"");
        assert!(
            answer.status == 303 && answer.head.contains("location: /\r\n"),
            "{back}: {}",
            answer.head
        );
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A login hashes for a tenth of a second: long enough to be gone before it is answered.
#[test]
fn whoever_hangs_up_stands_in_the_log_all_the_same() {
    let house = two_clinics();
    for _ in 0..3 {
        house.send_and_leave("/login", FORM, b"name=wang&password=guess");
    }
    let log = || house.running().app.store.audit_log("POST /login", None, 10).unwrap().len();
    let by = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while log() < 3 && std::time::Instant::now() < by {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(log(), 3);
}

#[test]
fn nobody_fills_the_memory_without_a_login() {
    let house = two_clinics();
    let body = [&b"name=wang&password="[..], &vec![b'x'; 2 * 1024 * 1024]].concat();
    for path in ["/login", "/welcome/none"] {
        assert_eq!(house.send("POST", path, FORM, &body).status, 413, "{path}");
    }
}
