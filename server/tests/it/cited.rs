//! No article of a law is shown without saying how far its text was read, on any page or paper; and
//! templates of papers as the authority writes them.

use serde_json::{Value, json};

use crate::cases::{entry, opened};
use crate::house::House;

/// What says how far a text was read.
const MARKS: [&str; 3] = ["待法制审核", "待核", "法制审核确认"];

/// Within so many characters behind an article its mark stands: the words of the law lie between.
const NEAR: usize = 260;

/// Where an article stands whose mark does not follow.
fn unmarked(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let digits = "一二三四五六七八九十百零";
    let mut found = Vec::new();
    for at in chars.iter().enumerate().filter(|(_, c)| **c == '第').map(|(n, _)| n) {
        let number = chars[at + 1..].iter().take_while(|c| digits.contains(**c)).count();
        if number == 0 || chars.get(at + 1 + number) != Some(&'条') {
            continue;
        }
        let behind: String = chars[at..].iter().take(NEAR).collect();
        if !MARKS.iter().any(|mark| behind.contains(mark)) {
            found.push(behind.chars().take(40).collect());
        }
    }
    found
}

/// A page without its markup.
fn words(page: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[test]
fn the_look_for_articles_sees_one_without_a_mark() {
    assert_eq!(unmarked("依据医师法第五十四条第三款处理").len(), 1);
    assert_eq!(unmarked("医师法第五十四条（条号及版次待核）"), Vec::<String>::new());
    assert_eq!(unmarked("第三诊室、第十一个条目"), Vec::<String>::new());
}

#[test]
fn no_article_stands_on_a_page_without_its_mark() {
    let (house, id) = opened();
    let told = json!({"kind": "notified", "penalties": [{"kind": "warning"}],
        "hearing_offered": false});
    assert_eq!(entry(&house, &id, "wang", &told).0, 200);
    let link = house.must_post("practitioners/p-lead/links", &json!({"purpose": "own_data"}));
    let own = link["link"].as_str().unwrap().to_owned();
    let paths = [
        "/".to_owned(),
        format!("/alerts/{id}"),
        format!("/alerts/{id}/case"),
        "/cases".to_owned(),
        "/law".to_owned(),
        "/calendar".to_owned(),
        "/filing".to_owned(),
        "/impact-assessments".to_owned(),
        "/monitoring".to_owned(),
        "/devices".to_owned(),
        "/devices/box-1".to_owned(),
        "/devices/box-1/review".to_owned(),
        "/retention".to_owned(),
        "/system".to_owned(),
        "/consents".to_owned(),
        "/enrol".to_owned(),
        "/people".to_owned(),
        "/people/p-lead".to_owned(),
        "/refusals".to_owned(),
        "/room-classes".to_owned(),
        "/sessions/s-1".to_owned(),
        "/rooms/room-1".to_owned(),
        "/policy".to_owned(),
        "/case-templates/decision".to_owned(),
        own,
    ];
    let mut seen = 0;
    for path in &paths {
        let (status, page) = house.page(path);
        assert_eq!(status, 200, "{path}");
        let words = words(&page);
        seen += words.matches('条').count();
        assert_eq!(unmarked(&words), Vec::<String>::new(), "{path}");
    }
    assert!(seen > 100, "the pages show no articles at all");
}

#[test]
fn no_article_stands_in_a_paper_without_its_mark() {
    let (house, id) = opened();
    let told = json!({"kind": "notified", "penalties": [{"kind": "warning"}],
        "hearing_offered": false});
    assert_eq!(entry(&house, &id, "wang", &told).0, 200);
    let kinds = [
        "opening_report",
        "correction_order",
        "inspection_record",
        "interview_record",
        "penalty_notice",
        "decision",
        "service_receipt",
        "closing_report",
    ];
    for kind in kinds {
        let text = house.get(&format!("alerts/{id}/case/documents/{kind}"))["text"].clone();
        assert_eq!(unmarked(text.as_str().unwrap()), Vec::<String>::new(), "{kind}");
        let made =
            house.must_post(&format!("alerts/{id}/case/documents/{kind}"), &json!({"by": "wang"}));
        assert_eq!(made["versions"][0]["template"], 0, "{made}");
    }
    let notice = house.get(&format!("alerts/{id}/case/documents/penalty_notice"))["text"].clone();
    assert!(notice.as_str().unwrap().contains("行政处罚法第四十五条"), "{notice}");
}

#[test]
fn a_lawyer_confirms_an_article_of_the_procedure_as_any_other() {
    let (house, id) = opened();
    let page = || house.page(&format!("/alerts/{id}/case")).1;
    assert!(!page().contains("法制审核确认"));
    let word = json!({"matter": "decision", "kind": "basis", "law": "行政处罚法",
        "article": "第六十条", "verdict": "confirmed", "note": "已读全文"});
    house.must_post("law", &word);
    let confirmed = page();
    assert!(confirmed.contains("法制审核确认"), "{confirmed}");
    let clock = house.get(&format!("alerts/{id}"))["clock"].clone();
    let basis = clock["provision"]["basis"].as_array().unwrap();
    let of = |article: &str| &basis.iter().find(|c| c["article"] == article).unwrap()["mark"];
    assert_eq!(of("第六十条")["state"], "confirmed", "{clock}");
    assert_eq!(of("第四十二条")["state"], "unconfirmed", "one of another article");
}

fn template(house: &House, text: &str) -> (u16, Value) {
    house.post("case-templates/opening_report", &json!({"by": "wang", "text": text}))
}

#[test]
fn an_authoritys_template_fills_documents_and_versions_stay() {
    let (house, id) = opened();
    let path = format!("alerts/{id}/case/documents/opening_report");
    house.must_post(&path, &json!({"by": "wang"}));
    let shipped = house.get("case-templates/opening_report")["versions"][0]["text"].clone();
    let shipped = shipped.as_str().unwrap();
    let own = format!("本机关格式\n{shipped}");
    let (status, said) = template(&house, &shipped.replace("{{依据}}", "略"));
    assert_eq!((status, said["detail"].as_str().unwrap().contains("依据")), (422, true), "{said}");
    assert!(said["detail_zh"].as_str().unwrap().contains("不得缺少"), "{said}");
    assert_eq!(template(&house, &format!("{own}{{{{无此项}}}}")).0, 422);
    assert_eq!(template(&house, &own).0, 200);
    assert_eq!(template(&house, &format!("{own}\n附件")).0, 200);
    let seen = house.get("case-templates/opening_report");
    let versions: Vec<_> =
        seen["versions"].as_array().unwrap().iter().map(|v| &v["version"]).collect();
    assert_eq!(versions, [&json!(2), &json!(1), &json!(0)]);
    let before = house.get(&path);
    assert!(!before["text"].as_str().unwrap().contains("本机关格式"), "a document changed alone");
    let again = house.must_post(&path, &json!({"by": "wang"}));
    assert!(again["text"].as_str().unwrap().starts_with("本机关格式"), "{again}");
    assert_eq!(again["versions"][0]["template"], 2);
    assert_eq!(again["versions"][1]["template"], 0);
    let page = house.page("/case-templates/opening_report?version=1").1;
    assert!(page.contains("本机关格式") && page.contains("不得缺少"), "{page}");
}
