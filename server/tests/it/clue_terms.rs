//! By when something is due with a clue, which rule says so, and what people are promised.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::clues::{call, step, whole};
use crate::house::by_hand;
use crate::public::{DOOR, FORM, clues, multipart, report, slug, ticket, with_door};

fn at_clinic() -> Value {
    json!({"institution": "clinic-1"})
}

#[test]
fn a_deadline_names_the_rule_that_gave_it() {
    let house = with_door();
    report(&house, "有人没证", &[]);
    let reported = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let called = call(&house, "1", &at_clinic());
    let wang = login(&house, "wang", Role::Supervisor, "");
    let rule = |id: &str| whole(&house, id)["due_rule"].clone();
    assert_eq!([rule(&reported), rule(&called)], [json!("accept"), json!("hotline_answer")]);
    step(&house, &wang, &called, &json!({"step": "accept"}));
    assert_eq!(rule(&called), "verify");
    let page = ask(&house, "GET", &format!("/clues/{called}"), &wang, "").body;
    assert!(page.contains("核查期限"), "the page names no rule: {page}");
}

#[test]
fn a_verification_is_extended_once_with_a_reason() {
    let house = with_door();
    let id = call(&house, "1", &at_clinic());
    let wang = login(&house, "wang", Role::Supervisor, "");
    let extend = |note: &str| step(&house, &wang, &id, &json!({"step": "extend", "note": note}));
    assert_eq!(extend("等检验报告").0, 409, "before it was accepted");
    step(&house, &wang, &id, &json!({"step": "accept"}));
    let before = whole(&house, &id)["due_on"].as_str().unwrap().to_owned();
    assert_eq!(extend(" ").0, 409, "without a reason");
    assert_eq!(extend("等检验报告").0, 200);
    let after = whole(&house, &id)["due_on"].as_str().unwrap().to_owned();
    assert!(after > before, "{before} {after}");
    assert_eq!(extend("再等").0, 409, "a second time");
}

#[test]
fn a_named_reporter_is_told_after_the_decision() {
    let house = with_door();
    let named = [("contact", "13900139000"), ("named", "1")];
    for text in ["第一件", "第二件"] {
        report(&house, text, &named);
    }
    let ids: Vec<String> =
        clues(&house, 2).iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let due = |id: &str| whole(&house, id)["due_rule"].clone();
    let told = json!({"step": "told", "note": "电话告知"});
    assert_eq!(step(&house, &wang, &ids[0], &told).0, 409, "before anything was decided");
    step(&house, &wang, &ids[0], &json!({"step": "accept"}));
    assert_eq!(due(&ids[0]), "tell_reporter");
    assert_eq!(step(&house, &wang, &ids[0], &told).0, 200);
    assert_eq!(due(&ids[0]), "verify");
    for who in [&wang, &li] {
        step(&house, who, &ids[0], &json!({"step": "dismiss", "reason": "other"}));
    }
    assert_eq!(due(&ids[0]), "tell_reporter", "nobody says how it ended");
    assert_eq!(step(&house, &wang, &ids[0], &told).0, 200);
    assert_eq!(due(&ids[0]), Value::Null);
    for who in [&wang, &li] {
        step(&house, who, &ids[1], &json!({"step": "reject", "reason": "not_health"}));
    }
    assert_eq!(due(&ids[1]), "tell_reporter", "who is refused is told as well");
    step(&house, &wang, &ids[1], &told);
    assert_eq!(due(&ids[1]), Value::Null);
}

#[test]
fn a_wish_for_correction_has_twenty_days() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let fields = [("i", slug.as_str()), ("ticket", &ticket), ("text", "地址写错了")];
    let sent = house.knock("POST", "/p/wrong", FORM, &multipart(&fields, &[]));
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert!(sent.body.contains("20 个工作日"), "{}", sent.body);
    let clue = clues(&house, 1)[0].clone();
    assert_eq!(
        (&clue["allegation"], &clue["due_rule"]),
        (&json!("register_error"), &json!("correct"))
    );
    let officer = token(&house, Role::Supervisor, "");
    let list = |what: &str| {
        let path = format!("/api/v1/clues?allegation={what}");
        ask(&house, "GET", &path, &officer, "").json()["clues"].as_array().unwrap().len()
    };
    assert_eq!((list("register_error"), list("other")), (1, 0));
}

#[test]
fn a_correction_says_whose_page_it_came_from() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{slug}"), "", b"").json();
    let lead = data["employee"].as_array().unwrap().iter().find(|p| p["name"] == "王主诊").unwrap();
    let person = lead["slug"].as_str().unwrap();
    let page = house.knock("GET", &format!("/p/d/{person}"), "", b"").body;
    assert!(page.contains(&format!("/p/wrong?i={slug}&#38;d={person}")), "{page}");
    let fields = [("i", slug.as_str()), ("d", person), ("ticket", &ticket), ("text", "专业写错了")];
    assert_eq!(house.knock("POST", "/p/wrong", FORM, &multipart(&fields, &[])).status, 201);
    assert_eq!(clues(&house, 1)[0]["item_text"], "王主诊");
}

#[test]
fn the_forms_say_the_days_that_are_set() {
    let set = format!("{DOOR}[clues]\naccept_days = 3\nverify_days = 9\n");
    let house = with_door().restart_with(&set);
    let form = house.knock("GET", "/p/report", "", b"").body;
    assert!(form.contains("3 个工作日") && form.contains("9 个工作日"), "{form}");
    assert!(!form.contains("7 个工作日") && !form.contains("15 个工作日"), "{form}");
    let english = house.knock("GET", "/p/report?lang=en", "", b"").body;
    assert!(english.contains("Within 3 working days"), "{english}");
    let slug = slug(&house);
    let ticket = ticket(&house, 60);
    let fields =
        [("i", slug.as_str()), ("ticket", &*ticket), ("allegation", "injury"), ("text", "x")];
    let sent = house.knock("POST", "/p/report", FORM, &multipart(&fields, &[]));
    assert!(sent.body.contains("3 个工作日"), "{}", sent.body);
}

#[test]
fn what_is_overdue_stands_first_by_its_day() {
    let house = with_door();
    let ids =
        ["1", "2", "3"].map(|n| call(&house, n, &json!({"institution": "clinic-1", "text": n})));
    for (id, day) in [(&ids[0], "2026-02-02"), (&ids[2], "2026-01-05")] {
        let sql = format!("UPDATE clue SET due_on = '{day}' WHERE id = '{id}'");
        by_hand(&house.folder.path().join("data"), "zaigang.db", &sql);
    }
    let officer = token(&house, Role::Supervisor, "");
    let list = ask(&house, "GET", "/api/v1/clues?state=overdue", &officer, "").json();
    let late: Vec<&Value> = list["clues"].as_array().unwrap().iter().map(|c| &c["id"]).collect();
    assert_eq!(late, [&json!(ids[2]), &json!(ids[0])]);
    let wang = login(&house, "wang", Role::Supervisor, "");
    let page = ask(&house, "GET", "/clues?state=overdue", &wang, "").body;
    assert!(page.contains("2026-01-05") && page.contains("state=overdue"), "{page}");
}

#[test]
fn a_late_clue_is_told_once_then_further_up() {
    let house = with_door();
    let id = call(&house, "1", &at_clinic());
    let near = login(&house, "near", Role::Supervisor, "5101");
    let above = login(&house, "above", Role::Supervisor, "");
    let elsewhere = login(&house, "elsewhere", Role::Supervisor, "5102");
    let auditor = login(&house, "auditor", Role::Auditor, "");
    let app = &house.running().app;
    let due: jiff::civil::Date = whole(&house, &id)["due_on"].as_str().unwrap().parse().unwrap();
    let noon = |days: i64| {
        let day = due.checked_add(jiff::Span::new().days(days)).unwrap();
        day.at(4, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
    };
    let round = |days: i64| server::clue_watch::round(app, noon(days)).unwrap();
    let told = || {
        [&near, &above, &elsewhere, &auditor].map(|who| {
            ask(&house, "GET", "/messages", who, "").body.contains(&format!("/clues/{id}"))
        })
    };
    assert_eq!((round(0), told()), (0, [false; 4]), "on its last day nothing is late");
    assert_eq!((round(1), told()), (1, [true, false, false, false]));
    assert_eq!(round(1), 0, "told twice");
    assert_eq!((round(9), told()), (1, [true, true, false, false]));
    assert_eq!(round(60), 0, "told twice");
    let page = ask(&house, "GET", "/messages", &near, "").body;
    assert!(page.contains("举报逾期") && page.contains("举报 #1"), "{page}");
    step(&house, &near, &id, &json!({"step": "accept"}));
    step(&house, &near, &id, &json!({"step": "extend", "note": "等检验报告"}));
    assert_eq!(told(), [false; 4], "its new term runs");
    let hooks = ask(&house, "GET", "/api/v1/deliveries", &token(&house, Role::Admin, ""), "").body;
    assert!(!hooks.contains("clue"), "an administrator reads of a clue: {hooks}");
}

#[test]
fn a_year_without_a_table_stands_on_the_system_page() {
    let house = with_door();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let page = || ask(&house, "GET", "/system", &wang, "").body;
    // The next year's at the latest is missing: no notice of it can have been shipped.
    let year = server::clock::today().year();
    assert!(page().contains(" 年尚未导入节假日表"), "{}", page());
    let csv = format!("{year}-01-01,holiday\n{}-01-01,holiday", year + 1);
    let body = json!({"csv": csv, "whole": true}).to_string();
    let made = ask(&house, "POST", "/api/v1/workdays", &wang, &body);
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!page().contains("尚未导入"), "{}", page());
}
