//! Basis and penalty on an alert, a lawyer's decisions, and the sentence of 行政处罚法 41 where a box
//! was not reviewed.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, token};
use crate::boxes::{TestBox, finding};
use crate::house::House;

const SENTENCE: &str = "本记录为线索，未经法制和技术审核不得作为处罚证据";

fn raised(rule: &str, kind: &str) -> (House, String) {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, rule, kind, "L2"));
    b.receipted(1);
    (house, "1".repeat(32))
}

fn alert_page(house: &House, id: &str) -> String {
    let (status, page) = house.page(&format!("/alerts/{id}"));
    assert_eq!(status, 200);
    page
}

fn reviewed(on: &str) -> Value {
    let review = json!({"by": "法制科", "on": on, "document": "审〔2026〕1号"});
    let notice = json!({"at": "官网公告", "on": on});
    json!({"legal": review, "technical": review, "published": notice, "marked": notice, "verified": review})
}

#[test]
fn a_finding_prints_its_basis_and_penalty_with_marks() {
    let (house, id) = raised("NL-1", "NonLeadIndependent");
    let page = alert_page(&house, &id);
    for said in [
        "医疗美容服务管理办法",
        "第十二条",
        "罚则",
        "第四十七条第一项",
        "绝不可称非法行医",
        "待法制审核",
    ] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let alert = house.get(&format!("alerts/{id}"));
    assert_eq!(alert["findings"][0]["legal"]["matter"], "non_lead");
    assert!(alert["law"]["table_version"].is_string());
    for cited in alert["findings"][0]["legal"]["basis"].as_array().unwrap() {
        assert!(cited["mark"]["grade"].is_string(), "an article without its grade: {cited}");
    }
}

#[test]
fn what_a_lawyer_confirms_loses_its_mark_and_keeps_its_history() {
    let (house, id) = raised("NL-4", "UnlicensedActivity");
    let word = |verdict: &str, note: &str| {
        json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录", "article": "全文",
            "verdict": verdict, "note": note})
    };
    assert!(alert_page(&house, &id).contains("条号及版次待核"));
    house.must_post("law", &word("confirmed", "已读全文"));
    assert!(!alert_page(&house, &id).contains("条号及版次待核"));
    assert!(house.page("/law").1.contains("已读全文"));
    house.must_post("law", &word("reopened", "版本有误"));
    assert!(alert_page(&house, &id).contains("条号及版次待核"));
    assert_eq!(house.get("law")["decisions"].as_array().map(Vec::len), Some(2));
    let (status, said) = house.post("law", &word("confirmed", " "));
    assert_eq!((status, said["detail"].as_str().unwrap().contains("note")), (422, true));
}

#[test]
fn a_box_that_nobody_reviewed_gives_leads_and_says_so() {
    let (house, id) = raised("LL-1", "LicenseLending");
    assert!(alert_page(&house, &id).contains(SENTENCE));
    house.must_post("devices/box-1/review", &reviewed("2020-01-01"));
    assert!(!alert_page(&house, &id).contains(SENTENCE));
    let alert = house.get(&format!("alerts/{id}"));
    assert_eq!(alert["law"]["monitoring"]["missing"], json!([]));
}

#[test]
fn a_review_after_the_act_makes_no_evidence_of_it() {
    let (house, id) = raised("LL-1", "LicenseLending");
    let today = jiff::Zoned::now().date().to_string();
    let mut late = reviewed("2020-01-01");
    late["marked"]["on"] = json!(today);
    house.must_post("devices/box-1/review", &late);
    let alert = house.get(&format!("alerts/{id}"));
    let missing = &alert["law"]["monitoring"]["missing"];
    // The finding's own day is that of its interval, which lies before today.
    assert_eq!(missing, &json!(["marked"]), "{alert}");
    let (_, page) = house.page("/devices/box-1/review");
    assert!(page.contains("现场标志") && page.contains("官网公告"));
}

#[test]
fn a_jurisdictions_supervisor_decides_no_law_for_all() {
    let house = House::with(tempfile::tempdir().unwrap(), "[access]\naccounts = true\n");
    let local = token(&house, Role::Supervisor, "5101");
    let word = json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录", "article": "全文",
        "verdict": "confirmed", "note": "x"});
    assert_eq!(ask(&house, "POST", "/api/v1/law", &local, &word.to_string()).status, 403);
}

#[test]
fn on_site_and_case_say_what_is_due_and_by_which_article() {
    let (house, id) = raised("LL-1", "LicenseLending");
    let step = |by: &str, step: &str| {
        let body = json!({"step": step, "by": by});
        house.must_post(&format!("alerts/{id}/steps"), &body);
    };
    assert_eq!(house.get(&format!("alerts/{id}"))["clock"], Value::Null);
    step("wang", "uphold");
    step("li", "uphold");
    step("wang", "go_on_site");
    let clock = house.get(&format!("alerts/{id}"))["clock"].clone();
    assert_eq!((&clock["due"], &clock["late"]), (&json!("open_case"), &json!(false)));
    assert!(alert_page(&house, &id).contains("第三十二条"));
    let officers =
        json!([{"name": "王督", "certificate": "A-1"}, {"name": "李督", "certificate": "A-2"}]);
    let body = json!({"by": "wang", "case_number": "2026-1", "officers": officers});
    house.must_post(&format!("alerts/{id}/case"), &body);
    let clock = house.get(&format!("alerts/{id}"))["clock"].clone();
    assert_eq!(clock["due"], "decide");
    let due: jiff::civil::Date = clock["deadline"]["on"].as_str().unwrap().parse().unwrap();
    let days = server::clock::today().until(due).unwrap().get_days();
    assert_eq!(days, 90);
}

#[test]
fn an_imported_year_is_announced_and_a_fault_is_named() {
    let house = House::new();
    let (status, said) =
        house.post("workdays", &json!({"csv": "2027-01-01,holiday\n2027-01-32,holiday"}));
    assert_eq!((status, said["detail"].as_str().unwrap().contains("line 2")), (422, true));
    assert!(
        house.page("/calendar").1.contains("2027"),
        "next year has no table and nobody says so"
    );
    house.must_post("workdays", &json!({"csv": "2027-01-01,holiday\n2027-02-14,working"}));
    assert_eq!(house.get("workdays")["years"], json!([2025, 2026, 2027]));
}

#[test]
fn a_duty_by_agreement_names_its_clause_or_says_none() {
    let (house, id) = raised("HB-2", "Integrity");
    assert!(alert_page(&house, &id).contains("机构记录中没有协议条款"));
    let institution = json!({"id": "clinic-1", "name": "锦城医疗美容门诊部", "jurisdiction": "510104",
        "agreement": "试点协议（2026-01-05）第七条"});
    house.must_post("institutions", &institution);
    let page = alert_page(&house, &id);
    assert!(page.contains("协议依据：试点协议（2026-01-05）第七条"), "{page}");
}
