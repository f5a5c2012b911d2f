//! What the record of a clue keeps (执法全过程记录), what a partner is asked, and what is seen of
//! when.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::clues::{call, step, whole};
use crate::house::House;
use crate::public::{FORM, clues, multipart, report, status, with_door};

/// The step of a record that is called so.
fn taken(clue: &Value, name: &str) -> Value {
    let steps = clue["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).cloned().unwrap_or(Value::Null)
}

fn partner(house: &House) -> String {
    token(house, Role::Partner, "hotline/5101")
}

fn answer(house: &House, who: &str, id: &str, text: &str) -> u16 {
    let body = json!({"text": text}).to_string();
    ask(house, "POST", &format!("/api/v1/clues/{id}/answer"), who, &body).status
}

#[test]
fn a_partner_answers_what_it_is_asked() {
    let house = with_door();
    let id = call(&house, "1", &json!({"institution": "clinic-1"}));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let partner = partner(&house);
    assert_eq!(answer(&house, &partner, &id, "没人问"), 409, "nobody asked");
    let asked = json!({"step": "ask", "question": "是哪一天？"});
    assert_eq!(step(&house, &wang, &id, &asked).0, 200);
    let told = ask(&house, "GET", &format!("/api/v1/clues/{id}/answer"), &partner, "").json();
    assert_eq!(told["question"], "是哪一天？");
    let other = token(&house, Role::Partner, "hotline/5102");
    assert_eq!(answer(&house, &other, &id, "上周一"), 404, "another's clue");
    assert_eq!(answer(&house, &partner, &id, " "), 422);
    assert_eq!(answer(&house, &partner, &id, "上周一"), 200);
    let clue = whole(&house, &id);
    assert_eq!((&clue["state"], &clue["texts"][1]["text"]), (&json!("received"), &json!("上周一")));
}

#[test]
fn a_question_stays_beside_its_answer() {
    let house = with_door();
    let id = call(&house, "1", &json!({"institution": "clinic-1"}));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let asked = json!({"step": "ask", "question": "是哪一天？", "note": "待核"});
    assert_eq!(step(&house, &wang, &id, &asked).0, 200);
    let _ = answer(&house, &partner(&house), &id, "上周一");
    for who in [&wang, &li] {
        step(&house, who, &id, &json!({"step": "not_ours", "agency": "market"}));
    }
    let clue = whole(&house, &id);
    assert_eq!(taken(&clue, "ask")["said"], "是哪一天？");
    assert_eq!(taken(&clue, "not_ours")["said"], "market");
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(page.contains("是哪一天？") && page.contains("市场监管"), "{page}");
    let auditor = token(&house, Role::Auditor, "");
    let record = ask(&house, "GET", &format!("/api/v1/clues/{id}"), &auditor, "").body;
    assert!(!record.contains("是哪一天"), "a question may hold the reporter's words: {record}");
    assert!(record.contains("\"said\":\"market\""), "{record}");
}

#[test]
fn nobody_is_asked_who_holds_no_receipt() {
    let house = with_door();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let body = json!({"institution": "clinic-1", "allegation": "lending", "text": "来电"});
    let made = ask(&house, "POST", "/api/v1/clues", &wang, &body.to_string());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let asked = json!({"step": "ask", "question": "是哪一天？"});
    assert_eq!(step(&house, &wang, &id, &asked).0, 422);
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(!page.contains("name=\"question\""), "{page}");
}

#[test]
fn a_grid_worker_reads_what_became_of_it() {
    let house = with_door();
    let grid = login(&house, "grid-7", Role::Partner, "grid/5101");
    let fields = [
        ("external_no", "g-1"),
        ("place_name", "某美容院"),
        ("place_kind", "beauty_salon"),
        ("allegation", "no_licence"),
        ("text", "打针"),
    ];
    let headers = format!("{FORM}Cookie: zaigang={grid}\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(house.send_with("POST", "/grid", &headers, &multipart(&fields, &[])).status, 303);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let page = || ask(&house, "GET", "/grid", &grid, "").body;
    assert!(page().contains("某美容院") && page().contains("已收到"), "{}", page());
    let wang = login(&house, "wang", Role::Supervisor, "");
    step(&house, &wang, &id, &json!({"step": "ask", "question": "几楼？"}));
    assert!(page().contains("几楼？"), "{}", page());
    let form = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nCookie: zaigang={grid}\r\n\
         Sec-Fetch-Site: same-origin\r\n"
    );
    let body = format!("id={id}&text=%E4%B8%89%E6%A5%BC");
    assert_eq!(house.send_with("POST", "/grid/answer", &form, body.as_bytes()).status, 303);
    assert_eq!(whole(&house, &id)["texts"][1]["text"], "三楼");
    let other = login(&house, "grid-8", Role::Partner, "grid/5102");
    assert!(!ask(&house, "GET", "/grid", &other, "").body.contains("某美容院"));
}

#[test]
fn a_merge_by_likeness_keeps_the_day_alone() {
    let house = with_door();
    for _ in 0..2 {
        report(&house, "同一句话", &[("day", "2026-03-02"), ("from", "09:02")]);
    }
    for clue in clues(&house, 2) {
        let seen = whole(&house, clue["id"].as_str().unwrap());
        for step in seen["steps"].as_array().unwrap() {
            let at = step["at"].as_str().unwrap();
            assert_eq!(at.len(), 10, "{} is known to the moment: {step}", clue["number"]);
        }
    }
}

#[test]
fn what_is_over_loses_its_words_with_their_key() {
    let house = with_door();
    for text in ["已办结", "还在办"] {
        report(&house, text, &[("contact", "13900139000")]);
    }
    let ids: Vec<String> =
        clues(&house, 2).iter().rev().map(|c| c["id"].as_str().unwrap().to_owned()).collect();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Reviewer, "");
    for who in [&wang, &li] {
        step(&house, who, &ids[0], &json!({"step": "reject", "reason": "not_health"}));
    }
    let store = &house.running().app.store;
    let day = |year: i64| format!("{year}-01-01T00:00:00Z").parse().unwrap();
    assert_eq!(store.forget_clues(day(2020), day(2020)).unwrap(), 0, "before its time");
    assert_eq!(store.forget_clues(day(2099), day(2099)).unwrap(), 1);
    let (over, open) = (whole(&house, &ids[0]), whole(&house, &ids[1]));
    assert_eq!((&over["texts"], &over["has_contact"]), (&json!([]), &json!(false)));
    assert_eq!(over["gone_on"], "2099-01-01");
    assert_eq!(taken(&over, "reject")["said"], "not_health", "what people did stays");
    assert_eq!(open["texts"][0]["text"], "还在办");
    let page = ask(&house, "GET", &format!("/clues/{}", ids[0]), &wang, "");
    assert!(page.status == 200 && page.body.contains("内容已按期销毁"), "{}", page.body);
}

/// Merges the second clue into the first, as one officer.
fn merged(house: &House, officer: &str, ids: &[String; 2]) -> u16 {
    step(house, officer, &ids[1], &json!({"step": "merge", "into": ids[0]})).0
}

fn two_calls(house: &House) -> [String; 2] {
    ["1", "2"].map(|n| call(house, n, &json!({"institution": "clinic-1", "text": n})))
}

#[test]
fn a_word_on_one_clue_ends_none_that_joins_it() {
    let house = with_door();
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    let dismiss = json!({"step": "dismiss", "reason": "other"});
    for (n, (before, end, waits)) in
        [(None, &reject, "received"), (Some(json!({"step": "accept"})), &dismiss, "review2")]
            .into_iter()
            .enumerate()
    {
        let ids = [0, 1].map(|half| {
            let place = json!({"institution": "clinic-1", "text": format!("{n} {half}")});
            call(&house, &format!("{n}-{half}"), &place)
        });
        if let Some(before) = before {
            assert_eq!(step(&house, &wang, &ids[0], &before).0, 200);
        }
        assert_eq!(step(&house, &wang, &ids[0], end).0, 200);
        assert_eq!(merged(&house, &li, &ids), 200);
        let ended = step(&house, &li, &ids[0], end);
        assert_eq!(ended.1["state"], waits, "one officer has buried the second: {}", ended.1);
        assert_eq!(taken(&whole(&house, &ids[0]), "joined")["by"], "li");
    }
}

/// A call with the same words about the same hour; gives its id.
fn same(house: &House, number: usize, more: &Value) -> String {
    let mut body = json!({"institution": "clinic-1", "room": "room-1", "text": "一样的话",
        "allegation": "lending", "from_at": "2026-03-02T01:00:00Z",
        "to_at": "2026-03-02T02:00:00Z"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(house, &format!("same-{number}"), &body)
}

#[test]
fn what_says_more_than_its_words_takes_words_off() {
    let house = with_door();
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    let first = same(&house, 0, &json!({}));
    assert_eq!(step(&house, &wang, &first, &reject).0, 200);
    let second = same(&house, 1, &json!({"contact": "13900139000"}));
    assert_eq!(whole(&house, &second)["merged_into"], json!(first));
    let ended = step(&house, &li, &first, &reject);
    assert_eq!(
        ended.1["state"], "received",
        "whom nobody could ask before ends with it: {}",
        ended.1
    );
    assert_eq!(step(&house, &wang, &first, &reject).1["state"], "rejected");
}

#[test]
fn the_same_words_after_an_end_are_one_clue_again() {
    let house = with_door();
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let first = same(&house, 0, &json!({}));
    assert_eq!(step(&house, &wang, &first, &json!({"step": "accept"})).0, 200);
    for who in [&wang, &li] {
        let dismiss = json!({"step": "dismiss", "reason": "other"});
        assert_eq!(step(&house, who, &first, &dismiss).0, 200);
    }
    let again: Vec<String> = (1..4).map(|n| same(&house, n, &json!({}))).collect();
    let into: Vec<Value> =
        again.iter().map(|id| whole(&house, id)["merged_into"].clone()).collect();
    assert_eq!(into, [Value::Null, json!(again[0]), json!(again[0])], "a script fills the list");
}

#[test]
fn a_flood_of_the_same_words_hides_no_other_clue() {
    let house = with_door();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let first = same(&house, 0, &json!({}));
    for n in 1..130 {
        same(&house, n, &json!({}));
    }
    let other = call(&house, "other", &json!({"institution": "clinic-1", "text": "另一件事"}));
    assert_eq!(step(&house, &wang, &other, &json!({"step": "merge", "into": first})).0, 200);
    let it = whole(&house, &first);
    let listed = it["merged"].as_array().unwrap();
    assert_eq!((listed.len(), &it["merged_total"]), (100, &json!(130)));
    assert_eq!(listed[0]["id"], json!(other), "what says something else is not read");
    let page = ask(&house, "GET", &format!("/clues/{first}"), &wang, "").body;
    assert!(page.contains(&other) && page.contains("30"), "{page}");
}

#[test]
fn nothing_joins_a_clue_that_two_have_decided() {
    let house = with_door();
    let ids = two_calls(&house);
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    for (who, body) in [
        (&wang, json!({"step": "accept"})),
        (&wang, json!({"step": "uphold"})),
        (&li, json!({"step": "uphold"})),
        (&li, json!({"step": "go_on_site"})),
    ] {
        assert_eq!(step(&house, who, &ids[0], &body).0, 200);
    }
    assert_eq!(merged(&house, &li, &ids), 409, "`nothing found` would end it by one word");
    assert_eq!(whole(&house, &ids[1])["state"], "received");
}

#[test]
fn behind_a_merged_reports_receipt_stands_its_end() {
    let house = with_door();
    let receipts = ["第一件", "第二件", "第三件"].map(|text| report(&house, text, &[]));
    let ids: Vec<String> =
        clues(&house, 3).iter().map(|clue| clue["id"].as_str().unwrap().to_owned()).collect();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Reviewer, "");
    for (from, into) in [(0, 1), (1, 2)] {
        let merge = json!({"step": "merge", "into": ids[into]});
        assert_eq!(step(&house, &wang, &ids[from], &merge).0, 200);
    }
    let read = |word: &str| {
        let told = receipts.iter().filter(|receipt| status(&house, receipt).body.contains(word));
        told.count()
    };
    let asked = json!({"step": "ask", "question": "是哪一天？"});
    assert_eq!(step(&house, &wang, &ids[2], &asked).0, 200);
    assert_eq!((read("是哪一天？"), read("已收到")), (1, 2), "whoever is asked, and the others");
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    for who in [&wang, &li] {
        assert_eq!(step(&house, who, &ids[2], &reject).0, 200);
    }
    assert_eq!(read("不予受理"), 3, "somebody's report ended, and its receipt does not say so");
}
