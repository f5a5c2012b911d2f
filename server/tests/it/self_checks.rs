//! Self-inspection on a real server: two browsers at once, a form that is amended afterwards, what
//! reviewers upheld against an answer, and a correction that nobody closes alone.

use serde_json::{Value, json};
use server::access::Role;
use server::alert::AlertAction;

use crate::access::{ask, login, token};
use crate::backup::enrol_by;
use crate::boxes::{TestBox, finding};
use crate::house::House;

const ACCOUNTS: &str = "[access]\naccounts = true\n";

/// A furnished clinic behind accounts, with the shipped checklist in force.
fn checked() -> House {
    let house = House::new();
    house.furnish();
    let house = house.restart_with(ACCOUNTS);
    let officer = token(&house, Role::Supervisor, "");
    let put = ask(&house, "POST", "/api/v1/checklists", &officer, "{}");
    assert_eq!(put.status, 201, "{}", put.body);
    house
}

fn clinic(house: &House) -> String {
    token(house, Role::Clinic, "clinic-1")
}

fn first_check(house: &House) -> String {
    let found = ask(house, "GET", "/api/v1/self-checks", &clinic(house), "").json();
    assert_eq!(found["self_checks"].as_array().unwrap().len(), 2, "a quarter and a year: {found}");
    found["self_checks"][0]["id"].as_str().unwrap().to_owned()
}

fn answer(house: &House, who: &str, id: &str, body: &Value) -> (u16, Value) {
    let path = format!("/api/v1/self-checks/{id}/answers");
    let made = ask(house, "POST", &path, who, &body.to_string());
    (made.status, made.json())
}

/// "All well", but for one question.
fn answer_all(house: &House, who: &str, id: &str, no: &str) {
    let path = format!("/api/v1/self-checks/{id}");
    let form = ask(house, "GET", &path, who, "").json()["form"].clone();
    for item in form["items"].as_array().unwrap() {
        let value = match item["answer"].as_str().unwrap() {
            "number" => "1",
            "date" => "2027-01-01",
            _ if item["code"] == no => "no",
            _ => "yes",
        };
        let (status, said) = answer(house, who, id, &json!({"item": item["code"], "value": value}));
        assert_eq!(status, 200, "{said}");
    }
}

fn submit(house: &House, who: &str, id: &str) -> (u16, Value) {
    let made = ask(house, "POST", &format!("/api/v1/self-checks/{id}/submit"), who, "{}");
    (made.status, made.json())
}

/// The page without what is about it.
fn main_of(house: &House, who: &str, id: &str) -> String {
    let page = ask(house, "GET", &format!("/self-checks/{id}"), who, "");
    assert_eq!(page.status, 200, "{}", page.body);
    let from = page.body.find("<main").unwrap();
    page.body[from..page.body.find("</main>").unwrap()].to_owned()
}

#[test]
fn two_browsers_that_answer_at_once_lose_nothing() {
    let house = checked();
    let (id, who) = (first_check(&house), clinic(&house));
    let items = ["mc-01", "mc-02", "mc-03", "mc-06", "mc-07", "mc-08"];
    std::thread::scope(|scope| {
        for item in items {
            let (house, id, who) = (&house, &id, &who);
            scope.spawn(move || {
                let said =
                    answer(house, who, id, &json!({"item": item, "value": "yes", "seen": 0}));
                assert_eq!(said.0, 200, "{}", said.1);
            });
        }
    });
    let whole = ask(&house, "GET", &format!("/api/v1/self-checks/{id}"), &who, "").json();
    assert_eq!(whole["answers"].as_object().unwrap().len(), items.len());
    let late = json!({"item": "mc-01", "value": "no", "seen": 0});
    let (status, said) = answer(&house, &who, &id, &late);
    assert!(status == 409 && said["detail"].as_str().unwrap().contains("meanwhile"), "{said}");
    let knowing = json!({"item": "mc-01", "value": "no", "seen": whole["answers"]["mc-01"]["id"]});
    assert_eq!(answer(&house, &who, &id, &knowing).0, 200);
    assert_eq!(submit(&house, &who, &id).0, 409, "questions are left");
    let steps = ask(&house, "GET", "/api/v1/export/self_checks", &who, "").body;
    assert!(steps.contains("clinic-1,routine,"), "{steps}");
}

#[test]
fn an_amended_checklist_leaves_old_answers_as_they_were() {
    let house = checked();
    let (id, who) = (first_check(&house), login(&house, "hao", Role::Clinic, "clinic-1"));
    answer_all(&house, &who, &id, "mc-16");
    assert_eq!(submit(&house, &who, &id).1["state"], "submitted");
    let before = main_of(&house, &who, &id);
    assert!(before.contains("每次诊疗活动均已登记"), "{before}");
    let officer = token(&house, Role::Supervisor, "");
    let csv = "type,name,label\nselect_one yes_no_na,mc-16,另一个问题\n";
    let body = json!({"csv": csv, "title": "新表"}).to_string();
    let dry = ask(&house, "POST", "/api/v1/checklists?dry_run=true", &officer, &body).json();
    assert_eq!((&dry["stored"], &dry["version"]), (&json!(false), &json!(2)), "{dry}");
    assert_eq!(ask(&house, "POST", "/api/v1/checklists", &officer, &body).status, 201);
    assert_eq!(main_of(&house, &who, &id), before);
    let again = json!({"csv": csv, "title": "再改", "version": 2}).to_string();
    assert_eq!(ask(&house, "POST", "/api/v1/checklists", &officer, &again).status, 409);
    let revise = format!("/api/v1/self-checks/{id}/revise");
    assert_eq!(ask(&house, "POST", &revise, &who, r#"{"reason":" "}"#).status, 409);
    assert_eq!(ask(&house, "POST", &revise, &who, r#"{"reason":"漏填"}"#).status, 200);
    let change = json!({"item": "mc-16", "value": "yes"});
    assert_eq!(answer(&house, &who, &id, &change).0, 200);
    assert_eq!(submit(&house, &who, &id).1["revision"], 2);
    let whole = ask(&house, "GET", &format!("/api/v1/self-checks/{id}"), &who, "").json();
    assert_eq!(whole["revisions"][0]["answers"]["mc-16"], "no");
    assert_eq!(whole["revisions"][1]["reason"], "漏填");
    assert!(whole.get("agreement").is_none(), "a clinic reads what the records say");
}

#[test]
fn only_its_own_clinic_answers_and_only_officers_judge() {
    let house = checked();
    let (id, who) = (first_check(&house), clinic(&house));
    let other = token(&house, Role::Clinic, "clinic-2");
    let elsewhere = token(&house, Role::Supervisor, "5102");
    for who in [&other, &elsewhere] {
        let path = format!("/api/v1/self-checks/{id}");
        assert_eq!(ask(&house, "GET", &path, who, "").status, 404);
    }
    let yes = json!({"item": "mc-01", "value": "yes"});
    assert_eq!(answer(&house, &other, &id, &yes).0, 404);
    let officer = token(&house, Role::Supervisor, "");
    assert_eq!(answer(&house, &officer, &id, &yes).0, 403);
    answer_all(&house, &who, &id, "");
    assert_eq!(submit(&house, &who, &id).0, 200);
    let accept = format!("/api/v1/self-checks/{id}/accept");
    assert_eq!(ask(&house, "POST", &accept, &who, "{}").status, 403);
    assert_eq!(ask(&house, "POST", &accept, &officer, "{}").status, 403, "a program accepted");
    let wang = login(&house, "wang", Role::Supervisor, "5101");
    let back = json!({"items": ["mc-01"], "note": "请核对"}).to_string();
    let path = format!("/api/v1/self-checks/{id}/return");
    assert_eq!(ask(&house, "POST", &path, &wang, &back).json()["state"], "returned");
    let nothing = json!({"items": ["mc-99"]}).to_string();
    assert_eq!(submit(&house, &who, &id).1["state"], "submitted");
    assert_eq!(ask(&house, "POST", &path, &wang, &nothing).status, 422);
    assert_eq!(ask(&house, "POST", &accept, &wang, "{}").json()["state"], "accepted");
    for page in ["/self-checks", "/self-checks/overview", "/corrections"] {
        assert_eq!(ask(&house, "GET", page, &wang, "").status, 200, "{page}");
    }
}

fn of_rule(alerts: &Value, rule: &str) -> Vec<Value> {
    let all = alerts["alerts"].as_array().unwrap().iter();
    all.flat_map(|a| a["findings"].as_array().unwrap())
        .filter(|f| f["rule"] == rule)
        .cloned()
        .collect()
}

#[test]
fn what_reviewers_uphold_contradicts_once_its_case_is_over() {
    contradicts(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
}

/// By its own key a box says any year of its deed: it leaves no period by that (0348).
#[test]
fn a_box_dates_no_act_out_of_a_self_checks_period() {
    let mut said = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    said["raised_at"] = json!("2026-03-15T01:40:00.000Z");
    let long_ago = "2019-06-01T01:00:00.000Z";
    said["intervals"] = json!([
        {"what": "operating", "from": long_ago, "to": "2019-06-01T02:00:00.000Z"},
        {"what": "declared", "from": long_ago, "to": "2026-03-15T01:30:00.000Z"},
    ]);
    contradicts(&said);
}

/// A lead of March that two people upheld contradicts a self-check of March, once it is over.
fn contradicts(lead: &Value) {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(lead);
    b.receipted(1);
    house.must_post("checklists", &json!({}));
    let special = json!({"institution": "clinic-1", "from": "2026-03-01", "to": "2026-03-31"});
    let made = house.must_post("self-checks", &special);
    let id = made["id"].as_str().unwrap();
    answer_all(&house, "", id, "");
    house.must_post(&format!("self-checks/{id}/submit"), &json!({}));
    let alert = format!("alerts/{}/steps", crate::boxes::alert_of('1'));
    let review = |by: &str| json!({"step": "review", "verdict": "uphold", "by": by});
    house.must_post(&alert, &review("wang"));
    let whole = house.until(&format!("self-checks/{id}"), |it| {
        it["agreement"].as_array().unwrap().iter().any(|a| a["pending"] == 1)
    });
    assert_eq!(of_rule(&house.get("alerts"), "SI-1"), Vec::<Value>::new(), "{whole}");
    house.must_post(&alert, &review("li"));
    // Two uphold it: the authority reads so, and its clinic learns nothing before the case is over.
    house.until(&format!("self-checks/{id}"), |it| {
        it["agreement"].as_array().unwrap().iter().any(|a| a["holds"] == false)
    });
    let (now, store) = (jiff::Timestamp::now(), &house.running().app.store);
    server::supervise::round(store, "now", now, (false, true), true).unwrap();
    assert_eq!(of_rule(&house.get("alerts"), "SI-1"), Vec::<Value>::new());
    let lead = crate::boxes::alert_of('1');
    let found = AlertAction::Found { case_number: "1".to_owned() };
    for step in [AlertAction::GoOnSite, found, AlertAction::Close] {
        store.take_step(&lead.parse().unwrap(), "li", &step, "", server::clock::At::now()).unwrap();
    }
    let alerts = house.until("alerts", |a| !of_rule(a, "SI-1").is_empty());
    let said = &of_rule(&alerts, "SI-1")[0];
    assert_eq!((&said["severity"], &said["kind"]), (&json!("L1"), &json!("RecordMismatch")));
    assert!(said["explanation"]["zh"].as_str().unwrap().contains("请核实"));
    let list = house.until("corrections", |c| !c["corrections"].as_array().unwrap().is_empty());
    assert_eq!(list["corrections"][0]["rules"], json!(["SI-1"]), "an L1 opens a correction");
}

#[test]
fn a_correction_closes_by_two_officers_never_by_one() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "HB-3", "Integrity", "L1"));
    b.receipted(1);
    let found = house.until("corrections", |c| !c["corrections"].as_array().unwrap().is_empty());
    let id = found["corrections"][0]["id"].as_str().unwrap().to_owned();
    let opened: jiff::Timestamp =
        found["corrections"][0]["opened_at"].as_str().unwrap().parse().unwrap();
    let due: jiff::Timestamp = found["corrections"][0]["due_at"].as_str().unwrap().parse().unwrap();
    assert_eq!((due - opened).get_seconds(), 72 * 3600);
    let house = house.restart_with(ACCOUNTS);
    let step = |who: &str, body: &Value| {
        let path = format!("/api/v1/corrections/{id}/steps");
        let made = ask(&house, "POST", &path, who, &body.to_string());
        (made.status, made.json())
    };
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let verify = json!({"step": "verify"});
    assert_eq!(step(&wang, &verify).0, 409, "nothing was answered yet");
    let answer = json!({"step": "answer", "cause": "新员工", "measure": "已培训",
        "done_on": "2026-11-01"});
    assert_eq!(step(&wang, &answer).0, 403);
    assert_eq!(step(&token(&house, Role::Clinic, "clinic-2"), &answer).0, 404);
    assert_eq!(step(&clinic(&house), &answer).1["state"], "answered");
    assert_eq!(step(&clinic(&house), &verify).0, 403);
    assert_eq!(step(&token(&house, Role::Supervisor, ""), &verify).0, 403);
    assert_eq!(step(&wang, &verify).1["state"], "answered");
    assert_eq!(step(&wang, &verify).0, 409);
    assert_eq!(step(&li, &verify).1["state"], "verified_by_officer");
    for path in [
        format!("/api/v1/corrections/{id}/steps"),
        "/api/v1/corrections".into(),
        "/corrections".into(),
    ] {
        let told = ask(&house, "GET", &path, &clinic(&house), "").body;
        assert!(
            !told.contains("\"wang") && !told.contains("wang, li"),
            "{path} names them: {told}"
        );
    }
    let to_officers = ask(&house, "GET", "/api/v1/corrections", &wang, "").body;
    assert!(to_officers.contains("wang, li"), "{to_officers}");
    let database = std::fs::read(house.folder.path().join("data/zaigang.db")).unwrap();
    let wal = std::fs::read(house.folder.path().join("data/zaigang.db-wal")).unwrap_or_default();
    for file in [database, wal] {
        let plain = "新员工".as_bytes();
        assert!(!file.windows(plain.len()).any(|w| w == plain), "a cause lies in the clear");
    }
}

#[test]
fn what_a_clinic_disclosed_stands_in_the_case_package() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    house.must_post("checklists", &json!({}));
    let special = json!({"institution": "clinic-1", "from": "2026-03-01", "to": "2026-03-31"});
    let made = house.must_post("self-checks", &special);
    let id = made["id"].as_str().unwrap();
    let form = house.get(&format!("self-checks/{id}"))["form"].clone();
    let about_leads = |item: &&Value| item["fact"] == "lead_present_in_every_session";
    let item = form["items"].as_array().unwrap().iter().find(about_leads).unwrap()["code"].clone();
    answer_all(&house, "", id, item.as_str().unwrap());
    house.must_post(&format!("self-checks/{id}/submit"), &json!({}));
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let alert = crate::boxes::alert_of('1');
    let package = |house: &House| {
        let path = format!("/alerts/{alert}/package?why=2026-17");
        house.send_with("GET", &path, "", b"").body
    };
    let body = package(&house);
    let told = body.split("\"disclosed_before\": [").nth(1).expect("no list in case.json");
    assert!(told.trim_start().starts_with('{'), "{}", &told[..200]);
    assert!(told.contains(&format!("\"self_check\": \"{id}\"")), "{}", &told[..400]);
    assert!(house.page(&format!("/alerts/{alert}")).1.contains("自查先于发现"));
}

#[test]
fn the_records_tell_of_consents_and_contradict_nobody() {
    let house = House::new();
    house.furnish();
    house.must_post("checklists", &json!({}));
    enrol_by(&house, ("e-1", "p-lead"), &"e".repeat(64));
    let open = house.until("self-checks", |all| all["self_checks"][0]["id"].is_string());
    let id = open["self_checks"][0]["id"].as_str().unwrap();
    answer_all(&house, "", id, "");
    house.must_post(&format!("self-checks/{id}/submit"), &json!({}));
    let consents = |whole: &Value| {
        let all = whole["agreement"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|a| a["fact"] == "consents_complete")
    };
    let whole = house.until(&format!("self-checks/{id}"), |whole| consents(whole).is_some());
    let said = consents(&whole).unwrap();
    assert_eq!((&said["holds"], &said["count"]), (&json!(false), &json!(1)), "{said}");
    let page = house.page(&format!("/self-checks/{id}")).1;
    assert!(page.contains("人的同意书为旧版文本"), "{page}");
    assert_eq!(of_rule(&house.get("alerts"), "SI-1"), Vec::<Value>::new(), "nobody upheld it");
}
