//! The procedure of a case over API and page: opening with two officers, what is refused, and who
//! is told of a late one.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, token};
use crate::boxes::{TestBox, finding};
use crate::house::House;

fn today() -> String {
    server::clock::today().to_string()
}

/// An alert that supervisors verify on site.
fn verified() -> (House, String) {
    verified_in(House::new())
}

fn verified_in(house: House) -> (House, String) {
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let id = crate::boxes::alert_of('1');
    for (by, step) in [("wang", "uphold"), ("li", "uphold"), ("wang", "go_on_site")] {
        house.must_post(&format!("alerts/{id}/steps"), &json!({"step": step, "by": by}));
    }
    (house, id)
}

fn officers(second: &str) -> Value {
    json!([{"name": "王督", "certificate": "A-1"}, {"name": second, "certificate": "A-2"}])
}

pub(crate) fn opened() -> (House, String) {
    opened_in(House::new())
}

fn opened_in(house: House) -> (House, String) {
    let (house, id) = verified_in(house);
    let body = json!({"by": "wang", "case_number": "立〔2026〕1号", "officers": officers("李督")});
    house.must_post(&format!("alerts/{id}/case"), &body);
    (house, id)
}

pub(crate) fn entry(house: &House, id: &str, by: &str, entry: &Value) -> (u16, Value) {
    let body = json!({"by": by, "on": today(), "entry": entry});
    house.post(&format!("alerts/{id}/case/entries"), &body)
}

#[test]
fn a_case_opens_with_two_officers_and_not_with_one_twice() {
    let (house, id) = verified();
    let body = json!({"by": "wang", "case_number": "1", "officers": officers("王督")});
    let (status, said) = house.post(&format!("alerts/{id}/case"), &body);
    assert_eq!(status, 422, "{said}");
    assert!(said["detail"].as_str().unwrap().contains("two different people"));
    assert_eq!(
        house.get(&format!("alerts/{id}"))["state"],
        "on_site",
        "it was opened all the same"
    );
    let nobody = json!({"by": "wang", "case_number": "1", "officers": [
        {"name": "王督", "certificate": "A-1"}, {"name": " ", "certificate": ""}]});
    assert_eq!(house.post(&format!("alerts/{id}/case"), &nobody).0, 422);
    let found = json!({"by": "wang", "step": "found"});
    assert_eq!(house.post(&format!("alerts/{id}/steps"), &found).0, 422, "opened by one");
    let bulk = json!({"ids": [id], "step": found});
    assert_eq!(house.post("alerts/steps", &bulk).0, 422, "opened by one, in bulk");
    assert_eq!(house.get(&format!("alerts/{id}"))["state"], "on_site", "a refusal left a case");
    assert_eq!(house.get(&format!("alerts/{id}/case"))["entries"], json!([]));
    let page = house.page(&format!("/alerts/{id}")).1;
    assert!(!page.contains("value=\"found\"") && page.contains(&format!("/alerts/{id}/case\"")));
    let (_, from_a_list) = house.page(&format!("/alerts/{id}?from=state%3Dall"));
    assert!(from_a_list.contains(&format!("href=\"/alerts/{id}/case\"")), "a filter in the way");
    let body = json!({"by": "wang", "case_number": "1", "officers": officers("李督")});
    let case = house.must_post(&format!("alerts/{id}/case"), &body);
    assert_eq!(
        (&case["stage"], &case["clocks"][0]["due"]),
        (&json!("investigation"), &json!("decide"))
    );
    assert_eq!(house.get(&format!("alerts/{id}"))["clock"]["due"], "decide");
    assert_eq!(house.get("cases")["cases"][0]["alert"], json!(id));
}

#[test]
fn a_case_goes_from_opening_to_closing_by_two_people() {
    let (house, id) = opened();
    let fine = json!([{"kind": "fine", "amount_yuan": 30000}]);
    let decided = json!({"kind": "decided", "outcome": "punished", "number": "罚〔2026〕1号",
        "penalties": fine, "approved_by": "赵局长"});
    assert_eq!(entry(&house, &id, "wang", &decided).0, 422, "nobody was told");
    let told = json!({"kind": "notified", "penalties": fine, "hearing_offered": true});
    assert_eq!(entry(&house, &id, "wang", &told).0, 200);
    assert_eq!(entry(&house, &id, "wang", &decided).0, 422, "the party may still ask");
    assert_eq!(entry(&house, &id, "wang", &json!({"kind": "hearing_waived"})).0, 200);
    assert_eq!(entry(&house, &id, "wang", &decided).0, 422, "no amount is set: each is large");
    let review = json!({"kind": "legally_reviewed", "reviewer": "孙法", "agreed": true});
    assert_eq!(entry(&house, &id, "wang", &review).0, 200);
    let discussed =
        json!({"kind": "discussed", "participants": ["赵", "钱"], "conclusion": "同意"});
    assert_eq!(entry(&house, &id, "wang", &discussed).0, 200);
    assert_eq!(entry(&house, &id, "wang", &decided).0, 200);
    let close =
        |by: &str| house.post(&format!("alerts/{id}/steps"), &json!({"step": "close", "by": by})).0;
    assert_eq!(close("li"), 422, "it was closed unserved");
    let served = json!({"kind": "served", "paper": "decision", "way": "direct"});
    assert_eq!(entry(&house, &id, "wang", &served).0, 200);
    assert_eq!((close("wang"), close("li")), (422, 200));
    let case = house.get(&format!("alerts/{id}/case"));
    let due: Vec<_> = case["clocks"].as_array().unwrap().iter().map(|c| &c["due"]).collect();
    assert_eq!((&case["stage"], due), (&json!("closed"), vec![&json!("publish")]));
    assert_eq!(entry(&house, &id, "wang", &served).0, 422, "a closed case took an entry");
}

#[test]
fn the_case_page_shows_articles_marks_and_keeps_what_was_typed() {
    let (house, id) = opened();
    let path = format!("/alerts/{id}/case");
    let page = house.page(&path).1;
    for said in
        ["程序规定第三十二条", "待法制审核", "作出处罚决定期限", "王督", "立案报告", "2026〕1号"]
    {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let form = format!("kind=stated&by=wang&on={}&text=", today());
    let kind = "application/x-www-form-urlencoded";
    let refused = house.send("POST", &path, kind, form.as_bytes());
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("必填") && refused.body.contains("<details open"),
        "{}",
        refused.body
    );
    let form = format!("kind=correction_ordered&by=wang&on={0}&until={0}", today());
    assert_eq!(house.send("POST", &path, kind, form.as_bytes()).status, 303);
    let english = house.page(&format!("{path}?lang=en")).1;
    assert!(english.contains("order to correct") && english.contains("the party corrects by"));
    assert!(house.page("/cases?lang=en").1.contains("Cases and terms"));
}

#[test]
fn a_late_case_is_told_once_and_blocks_nothing() {
    let (house, id) = verified();
    let app = &house.running().app;
    let now = server::clock::today();
    assert_eq!(server::case_watch::round(app, now).unwrap(), 0);
    let later = now.checked_add(jiff::Span::new().days(40)).unwrap();
    assert_eq!(server::case_watch::round(app, later).unwrap(), 1);
    assert_eq!(server::case_watch::round(app, later).unwrap(), 0, "told twice");
    let body = json!({"by": "wang", "case_number": "1", "officers": officers("李督")});
    house.must_post(&format!("alerts/{id}/case"), &body);
}

#[test]
fn no_clinic_and_no_program_sees_or_enters_a_case() {
    let house = House::with(tempfile::tempdir().unwrap(), "[access]\naccounts = true\n");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(ask(&house, "GET", "/api/v1/alerts/x/case", &clinic, "").status, 403);
    assert_eq!(ask(&house, "GET", "/api/v1/cases", &clinic, "").status, 403);
    let program = token(&house, Role::Supervisor, "");
    let body = json!({"on": today(), "entry": {"kind": "hearing_waived"}}).to_string();
    assert_eq!(ask(&house, "POST", "/api/v1/alerts/x/case/entries", &program, &body).status, 403);
}

#[test]
fn a_document_is_filled_edited_numbered_and_taken_in_both_forms() {
    let (house, id) = opened();
    let path = format!("alerts/{id}/case/documents/opening_report");
    let draft = house.get(&path);
    assert_eq!((&draft["number"], &draft["versions"]), (&json!(""), &json!([])));
    for said in
        ["锦城医疗美容门诊部", "91350100M000100Y43", "王督（A-1）、李督（A-2）", "待法制审核"]
    {
        assert!(draft["text"].as_str().unwrap().contains(said), "{said} is not in {draft}");
    }
    let file = |form: &str| house.send_with("GET", &format!("/api/v1/{path}/{form}"), "", b"");
    assert_eq!(file("pdf").status, 422, "a draft without a number was printed");
    let made = house.must_post(&path, &json!({"by": "wang"}));
    let year = server::clock::today().year();
    assert_eq!(made["number"], json!(format!("立〔{year}〕1号")));
    let edited = json!({"by": "li", "text": "# 意见\n同意\u{31350}立案"});
    let made = house.must_post(&path, &edited);
    assert_eq!(made["number"], json!(format!("立〔{year}〕1号")), "the number changed");
    assert_eq!(made["versions"].as_array().unwrap().len(), 2, "an earlier version is gone");
    assert!(file("pdf").body.starts_with("%PDF-"));
    assert!(file("docx").body.contains("同意\u{31350}立案"));
    let empty = json!({"by": "li", "text": " "});
    assert_eq!(house.post(&path, &empty).0, 422);
    let page = house.page(&format!("/{path}")).1;
    assert!(page.contains("同意\u{31350}立案") && page.contains("DOCX"), "{page}");
    assert_eq!(house.page(&format!("/alerts/{id}/case/documents/none")).0, 404);
}

#[test]
fn a_case_paper_tells_the_procedure_and_both_checksums() {
    let (house, id) = opened();
    let package = house.send_with("GET", &format!("/alerts/{id}/package?why=1"), "", b"");
    assert_eq!(package.status, 200);
    assert!(package.body.contains("SM3SUMS") && package.body.contains("SHA256SUMS"));
}

#[test]
fn a_fine_below_the_set_amount_needs_no_hearing() {
    let extra = "[authority]\nlarge_fine_yuan = 40000\n";
    let (house, id) = opened_in(House::with(tempfile::tempdir().unwrap(), extra));
    let told = |yuan: u32| {
        let fine = json!([{"kind": "fine", "amount_yuan": yuan}]);
        json!({"kind": "notified", "penalties": fine, "hearing_offered": false})
    };
    assert_eq!(entry(&house, &id, "wang", &told(40000)).0, 422);
    assert_eq!(entry(&house, &id, "wang", &told(39999)).0, 200);
}

#[test]
fn a_served_decision_stays_as_it_was() {
    let (house, id) = opened();
    let path = format!("alerts/{id}/case/documents/decision");
    let warning = json!([{"kind": "warning"}]);
    let told = json!({"kind": "notified", "penalties": warning, "hearing_offered": false});
    assert_eq!(entry(&house, &id, "wang", &told).0, 200);
    let decided = json!({"kind": "decided", "outcome": "punished", "number": "1",
        "penalties": warning, "approved_by": "赵局长"});
    assert_eq!(entry(&house, &id, "wang", &decided).0, 200);
    house.must_post(&path, &json!({"by": "wang", "text": "第一稿"}));
    house.must_post(&path, &json!({"by": "wang", "text": "第二稿"}));
    let served = json!({"kind": "served", "paper": "decision", "way": "direct"});
    assert_eq!(entry(&house, &id, "wang", &served).0, 200);
    let (status, said) = house.post(&path, &json!({"by": "li", "text": "改写"}));
    assert_eq!(status, 422, "a decision was rewritten after its service: {said}");
    assert_eq!(house.get(&path)["text"], "第二稿");
    assert_eq!(house.get(&format!("{path}?version=1"))["text"], "第一稿");
    let docx = |n: u8| house.send_with("GET", &format!("/{path}/docx?version={n}"), "", b"");
    assert!(docx(1).body.contains("第一稿"));
    assert_eq!(docx(3).status, 404);
    let page = house.page(&format!("/{path}?version=1")).1;
    assert!(page.contains("第一稿") && page.contains("docx?version=2"), "{page}");
}

#[test]
fn a_paper_for_the_party_names_no_other_institution() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.say(&finding('b', '1', "opened", 1, "NL-1", "NonLeadOperating", "L2"));
    b.say(&finding('b', '1', "withdrawn", 2, "NL-1", "NonLeadOperating", "L2"));
    b.receipted(3);
    // No box may claim a rule of the server's.
    let sql = "UPDATE finding SET rule = 'LL-3', report = replace(report, '\"rule\":\"LL-1\"', \
        '\"rule\":\"LL-3\"') WHERE rule = 'LL-1';";
    crate::house::by_hand(&house.folder.path().join("data"), "zaigang.db", sql);
    let id = crate::boxes::alert_of('1');
    let text = |kind: &str| {
        let path = format!("alerts/{id}/case/documents/{kind}");
        house.get(&path)["text"].as_str().unwrap().to_owned()
    };
    for kind in ["penalty_notice", "correction_order"] {
        let text = text(kind);
        assert!(text.contains("LL-3") && !text.contains("全程未到场"), "{kind}: {text}");
        assert!(text.contains("涉嫌") && !text.contains("NL-1"), "withdrawn, alleged: {text}");
    }
    assert!(text("opening_report").contains("全程未到场"), "the authority reads its own words");
    assert!(text("inspection_record").contains("登记主诊医师王主诊（p-lead"));
}

#[test]
fn the_notice_is_printed_whatever_an_officer_saved() {
    let (house, id) = opened();
    let path = format!("alerts/{id}/case/documents/correction_order");
    house.must_post(&path, &json!({"by": "wang", "text": "你单位存在违法行为"}));
    let printed = house.send_with("GET", &format!("/{path}/docx"), "", b"").body;
    assert!(printed.contains("未经法制和技术审核不得作为处罚证据"), "its notice was left out");
    assert!(printed.contains("活体检测已豁免"), "its mark was left out");
}

#[test]
fn nobody_alone_finds_nothing_and_closes() {
    let (house, id) = verified();
    let step = |by: &str, step: &str, note: &str| {
        let body = json!({"step": step, "by": by, "note": note});
        house.post(&format!("alerts/{id}/steps"), &body).0
    };
    assert_eq!(step("wang", "nothing_found", " "), 422, "without a reason");
    assert_eq!(step("wang", "nothing_found", "主诊在场，病历一致"), 200);
    assert_eq!(step("wang", "close", ""), 422, "one person buried a lead");
    assert_eq!(step("li", "close", ""), 200);
}
