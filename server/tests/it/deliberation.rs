//! Twin houses that differ only in what reviewers and supervisors do with a clinic's own leads. No
//! address of the clinic tells them apart: no number, order, length or head of an answer.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login};
use crate::elsewhere::{Place, acts, place, read, tell_the_same};
use crate::house::House;

fn first(house: &House, who: &str, query: &str, key: &str) -> String {
    let all = ask(house, "GET", &format!("/api/v1/{query}"), who, "").json();
    all[key][0]["id"].as_str().unwrap_or_else(|| panic!("{query}: {all}")).to_owned()
}

/// Taken, commented, given away, upheld by two, on site, a case with its number; a correction's
/// first vote.
fn deliberate(it: &Place, people: [&str; 2]) {
    let lead = first(&it.house, people[0], "alerts?severity=L3", "alerts");
    let good = |who: &str, path: &str, body: &Value| {
        let made = ask(&it.house, "POST", &format!("/api/v1/{path}"), who, &body.to_string());
        assert!(made.status < 300, "{path} {body}: {} {}", made.status, made.body);
    };
    let steps = format!("alerts/{lead}/steps");
    for (n, step) in [
        (0, json!({"step": "take"})),
        (0, json!({"step": "comment", "note": "周二上午突击检查"})),
        (0, json!({"step": "assign", "to": "li"})),
        (0, json!({"step": "uphold"})),
        (1, json!({"step": "uphold"})),
        (1, json!({"step": "go_on_site"})),
    ] {
        good(people[n], &steps, &step);
    }
    let officer = |name: &str, n: u8| json!({"name": name, "certificate": format!("A-{n}")});
    let opened = json!({"case_number": "立〔2026〕1号",
        "officers": [officer("王督", 1), officer("李督", 2)]});
    good(people[1], &format!("alerts/{lead}/case"), &opened);
    let all = ask(&it.house, "GET", "/api/v1/corrections", people[0], "").json();
    let mut all = all["corrections"].as_array().unwrap().iter();
    let answered = all.find(|one| one["state"] == "answered").unwrap();
    let correction = answered["id"].as_str().unwrap();
    good(people[0], &format!("corrections/{correction}/steps"), &json!({"step": "verify"}));
}

#[test]
fn no_deliberation_changes_what_its_clinic_reads() {
    let (mut quiet, mut busy) = (place(), place());
    let people =
        |it: &Place| ["wang", "li"].map(|who| login(&it.house, who, Role::Supervisor, "510104"));
    let officers = [people(&quiet), people(&busy)];
    for it in [&mut quiet, &mut busy] {
        let Place { house, here, officer, clinic, .. } = it;
        for round in 0..2 {
            acts(house, here, (officer, clinic), (1, round));
        }
        let correction = first(house, clinic, "corrections", "corrections");
        let answer = json!({"step": "answer", "cause": "新员工", "measure": "已培训",
            "done_on": "2026-11-01"});
        let path = format!("/api/v1/corrections/{correction}/steps");
        assert_eq!(ask(house, "POST", &path, clinic, &answer.to_string()).status, 200);
    }
    deliberate(&busy, [&officers[1][0], &officers[1][1]]);
    let (one, other) = (read(&mut quiet), read(&mut busy));
    let shown = one.iter().filter(|(_, told)| told.starts_with("200")).count();
    assert!(shown > 150, "{shown} of {} show anything", one.len());
    tell_the_same(&one, &other);
}
