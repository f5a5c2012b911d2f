//! No article of a law stands in a message or paper without saying how far its text was read
//! (pages:
//! `cited_pages`); and templates of papers as the authority writes them.

use serde_json::{Value, json};

use crate::cases::{entry, opened};
use crate::citations::{count, faults};
use crate::house::House;

#[test]
fn no_message_or_notice_cites_without_a_mark() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![root.join("src/web/view/messages.tsv")];
    texts.push(root.join("src/web/view/box_messages.tsv"));
    let notices = std::fs::read_dir(root.join("../docs/templates")).unwrap();
    texts.extend(notices.map(|file| file.unwrap().path()));
    texts.retain(|path| !path.ends_with("README.md"));
    let mut cited = 0;
    for path in &texts {
        let text = std::fs::read_to_string(path).unwrap();
        cited += count(&text);
        for part in text.lines().flat_map(|line| line.split('\t')) {
            assert_eq!(faults(part), Vec::<String>::new(), "{}", path.display());
        }
    }
    assert!(texts.len() > 6 && cited > 8, "{cited} articles in {texts:?}");
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
        for line in text.as_str().unwrap().lines() {
            assert_eq!(faults(line), Vec::<String>::new(), "{kind}");
        }
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
