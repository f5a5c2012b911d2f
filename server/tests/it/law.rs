//! Basis and penalty on an alert, a lawyer's decisions, and the sentence of 行政处罚法 41 where a
//! box was not reviewed.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding};
use crate::house::House;

pub(crate) const SENTENCE: &str = "本记录为线索，未经法制和技术审核不得作为处罚证据";

pub(crate) fn raised(rule: &str, kind: &str) -> (House, String) {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, rule, kind, "L2"));
    b.receipted(1);
    (house, crate::boxes::alert_of('1'))
}

pub(crate) fn alert_page(house: &House, id: &str) -> String {
    let (status, page) = house.page(&format!("/alerts/{id}"));
    assert_eq!(status, 200);
    page
}

pub(crate) fn reviewed(on: &str) -> Value {
    let review = json!({"by": "法制科", "on": on, "document": "审〔2026〕1号"});
    let notice = json!({"at": "官网公告", "on": on});
    json!({"legal": review, "technical": review, "published": notice, "marked": notice,
        "verified": review})
}

/// The raised alert behind a server that asks for logins.
pub(crate) fn guarded(rule: &str, kind: &str) -> (House, String) {
    let (house, id) = raised(rule, kind);
    (house.restart_with("[access]\naccounts = true\n"), id)
}

pub(crate) fn notice(house: &House, id: &str, login: &str) -> String {
    let alert = ask(house, "GET", &format!("/api/v1/alerts/{id}"), login, "").json();
    alert["law"]["monitoring"]["notice_zh"].as_str().unwrap().to_owned()
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
        json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录",
            "article": "全文",
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
fn a_jurisdictions_supervisor_decides_no_law_for_all() {
    let house = House::with(tempfile::tempdir().unwrap(), "[access]\naccounts = true\n");
    let local = token(&house, Role::Supervisor, "5101");
    let word = json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录",
        "article": "全文",
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
    let institution = json!({"id": "clinic-1", "name": "锦城医疗美容门诊部",
        "jurisdiction": "510104",
        "agreement": "试点协议（2026-01-05）第七条"});
    house.must_post("institutions", &institution);
    let page = alert_page(&house, &id);
    assert!(page.contains("协议依据：试点协议（2026-01-05）第七条"), "{page}");
}

#[test]
fn a_program_confirms_no_law_and_reviews_no_box() {
    let (house, id) = guarded("NL-4", "NonLeadOperating");
    let program = token(&house, Role::Supervisor, "");
    let word = json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录",
        "article": "全文", "verdict": "confirmed", "note": "x"});
    let refused = ask(&house, "POST", "/api/v1/law", &program, &word.to_string());
    assert_eq!(refused.status, 403, "a program confirmed an article: {}", refused.body);
    let review = reviewed("2020-01-01").to_string();
    let path = "/api/v1/devices/box-1/review";
    let refused = ask(&house, "POST", path, &program, &review);
    assert_eq!(refused.status, 403, "a program reviewed a box: {}", refused.body);
    let person = login(&house, "wang", Role::Supervisor, "");
    assert!(notice(&house, &id, &person).starts_with(SENTENCE));
    assert_eq!(ask(&house, "POST", "/api/v1/law", &person, &word.to_string()).status, 201);
}

#[test]
fn a_matter_without_any_article_left_says_so() {
    let (house, id) = raised("NL-4", "NonLeadOperating");
    let legal = house.get(&format!("alerts/{id}"))["findings"][0]["legal"].clone();
    for kind in ["basis", "penalties"] {
        for cited in legal[kind].as_array().unwrap() {
            house.must_post(
                "law",
                &json!({"matter": "grade", "kind": cited["kind"],
                "law": cited["law"], "article": cited["article"],
                "verdict": "struck_out", "note": "不适用"}),
            );
        }
    }
    let page = alert_page(&house, &id);
    assert!(page.contains("经法制审核，暂无适用条文"), "nothing is said of the law");
}

#[test]
fn a_clinic_reads_who_confirmed_nothing_of_the_law() {
    let (house, id) = guarded("NL-4", "NonLeadOperating");
    let (wang, clinic) = (
        login(&house, "wangsheng", Role::Supervisor, ""),
        login(&house, "clinic", Role::Clinic, "clinic-1"),
    );
    let word = json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录",
        "article": "全文", "verdict": "confirmed", "note": "内部意见"});
    assert_eq!(ask(&house, "POST", "/api/v1/law", &wang, &word.to_string()).status, 201);
    let paths = [
        format!("/alerts/{id}"),
        format!("/api/v1/alerts/{id}"),
        "/law".into(),
        "/api/v1/law".into(),
    ];
    for path in paths {
        let told = ask(&house, "GET", &path, &clinic, "").body;
        assert!(!told.contains("wangsheng") && !told.contains("内部意见"), "{path}: {told}");
        let page = !path.starts_with("/api/");
        assert!(!page || told.contains("主管机关"), "{path} does not say who confirmed");
        assert!(ask(&house, "GET", &path, &wang, "").body.contains("wangsheng"), "{path}");
    }
}

#[test]
fn a_refused_word_about_the_law_is_said_in_chinese() {
    let house = House::new();
    let kind = "application/x-www-form-urlencoded";
    let form = "matter=grade&kind=basis&law=%E5%8C%BB%E5%B8%88%E6%B3%95&article=%E7%AC%AC1%E6%9D%A1\
        &verdict=confirmed&note=because";
    let refused = house.send("POST", "/law", kind, form.as_bytes());
    assert_eq!(refused.status, 422);
    assert!(refused.body.contains("表中没有"), "{}", refused.body);
    let typed = "matter=grade&kind=penalty&verdict=added&law=%E6%B3%95&article=%E7%AC%AC2%E6%9D%A1\
        &edition=2026&text=typed-text&note=typed-note";
    let refused = house.send("POST", "/law", kind, typed.as_bytes());
    assert!(refused.body.contains("处罚对象"), "{}", refused.body);
    for kept in ["typed-text", "typed-note", "第2条", "2026"] {
        assert!(refused.body.contains(kept), "{kept} is lost");
    }
}

/// Two people uphold it, and it is verified on site.
pub(crate) fn on_site(house: &House, id: &str) {
    for (by, step) in [("wang", "uphold"), ("li", "uphold"), ("wang", "go_on_site")] {
        house.must_post(&format!("alerts/{id}/steps"), &json!({"step": step, "by": by}));
    }
}

/// It is a case, and its party was told.
fn told(house: &House, id: &str) {
    on_site(house, id);
    let officer = |name: &str, n: u8| json!({"name": name, "certificate": format!("A-{n}")});
    let open = json!({"by": "wang", "case_number": "立〔2026〕1号",
        "officers": [officer("王督", 1), officer("李督", 2)]});
    house.must_post(&format!("alerts/{id}/case"), &open);
    let on = server::clock::today().to_string();
    let enter = |party: i64, entry: Value| {
        let body = json!({"by": "wang", "on": on, "party": party, "entry": entry});
        house.must_post(&format!("alerts/{id}/case/entries"), &body)
    };
    let case = enter(0, json!({"kind": "party_named", "name": "", "person": "p-lead"}));
    let party = case["parties"][1]["id"].as_i64().unwrap();
    enter(
        party,
        json!({"kind": "notified", "penalties": [{"kind": "warning"}],
        "hearing_offered": false}),
    );
}

#[test]
fn a_verdict_keeps_the_table_that_it_was_given_by() {
    let (house, id) = raised("NL-4", "NonLeadOperating");
    let shipped = law::Table::shipped().version();
    on_site(&house, &id);
    let word = json!({"matter": "grade", "kind": "basis", "law": "医疗美容项目分级管理目录",
        "article": "全文", "verdict": "confirmed", "note": "已读全文"});
    house.must_post("law", &word);
    house.must_post(
        &format!("alerts/{id}/steps"),
        &json!({"step": "comment", "by": "wang",
        "note": "再看"}),
    );
    let alert = house.get(&format!("alerts/{id}"));
    let versions: Vec<&str> = alert["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["law_version"].as_str().unwrap())
        .collect();
    let now = format!("{shipped}+1");
    assert_eq!(versions, [&shipped, &shipped, &shipped, now.as_str()], "{alert}");
    assert_eq!(alert["law"]["table_version"], json!(now));
    let page = alert_page(&house, &id);
    assert!(page.contains("当时的依据与罚则表"), "an earlier table is not marked");
}

#[test]
fn a_told_person_reads_what_is_alleged_of_them() {
    let (house, id) = raised("LL-1", "LicenseLending");
    told(&house, &id);
    let made = house.must_post("practitioners/p-lead/links", &json!({"purpose": "own_data"}));
    let token = made["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let own = house.get(&format!("personal/{token}"));
    let case = &own["cases"][0];
    assert_eq!(case["institution_name"], "锦城医疗美容门诊部");
    let (_, page) = house.page(&format!("/personal/{token}"));
    for said in
        ["登记主诊全程未到场", "第十八条", "第五十四条第三款", "待法制审核", "警告", SENTENCE]
    {
        assert!(
            matches!(said, "警告" | "待法制审核") || case.to_string().contains(said),
            "{said} is not in {case}"
        );
        assert!(page.contains(said), "{said} is not on the page");
    }
    assert!(!page.contains("GET /api"), "a path of a program stands on a person's page");
    assert!(!case.to_string().contains("p-other"), "a colleague is named: {case}");
}

#[test]
fn a_late_case_is_told_to_whoever_works_it() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let id = crate::boxes::alert_of('1');
    on_site(&house, &id);
    let house = house.restart_with("[access]\naccounts = true\n");
    let wang = login(&house, "wang", Role::Supervisor, "");
    let later = server::clock::today().checked_add(jiff::Span::new().days(40)).unwrap();
    assert_eq!(server::case_watch::round(&house.running().app, later).unwrap(), 1);
    let told = ask(&house, "GET", "/messages", &wang, "").body;
    assert!(told.contains("案件逾期"), "{told}");
    assert!(told.contains(&format!("/alerts/{id}/case")), "{told}");
}

#[test]
fn a_short_import_replaces_no_whole_year() {
    let house = House::new();
    let slip = json!({"csv": "2026-01-01,holiday"});
    let (status, said) = house.post("workdays", &slip);
    assert_eq!((status, said["detail"].as_str().unwrap().contains("2026")), (422, true), "{said}");
    let page = house.send(
        "POST",
        "/calendar",
        "application/x-www-form-urlencoded",
        b"csv=2026-01-01%2Choliday",
    );
    assert!(page.status == 422 && page.body.contains("通知全文"), "{}", page.body);
    house.must_post("workdays", &json!({"csv": "2026-01-01,holiday", "whole": true}));
    house.must_post("workdays", &json!({"csv": "2027-01-01,holiday"}));
}
