//! The paper of a case as its reader gets it: the text that `pdftotext` finds in the PDF, and where
//! it stands on the page.

use std::io::{Cursor, Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::boxes::{TestBox, finding};
use crate::house::House;

const SENTENCE: &str = "本记录为线索，未经法制和技术审核不得作为处罚证据";

/// `case.pdf` of an alert.
fn paper(house: &House, id: &str) -> Vec<u8> {
    paper_in(house, id, "zh")
}

fn paper_in(house: &House, id: &str, lang: &str) -> Vec<u8> {
    let path = format!("/alerts/{id}/package?why=1&lang={lang}");
    let package = house.send_with("GET", &path, "", b"");
    assert_eq!(package.status, 200, "{}", package.body);
    let mut zip = zip::ZipArchive::new(Cursor::new(package.bytes)).unwrap();
    let mut pdf = Vec::new();
    zip.by_name("case.pdf").unwrap().read_to_end(&mut pdf).unwrap();
    pdf
}

/// What `pdftotext` reads.
pub(crate) fn text_of(pdf: &[u8], options: &[&str]) -> String {
    let mut child = Command::new("pdftotext")
        .args(options)
        .args(["-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext: ./scripts/setup --tests installs it");
    child.stdin.take().unwrap().write_all(pdf).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    String::from_utf8(out.stdout).unwrap()
}

/// A case of one lead with rare characters in the names, an answer, two officers, and a finding
/// that the box took back.
fn case() -> (House, String) {
    let house = House::new();
    let token = house.furnish();
    for (id, name) in [("p-lead", "刘\u{31350}"), ("p-other", "张\u{31351}")] {
        house.must_post(
            "practitioners",
            &json!({"id": id, "name": name, "category": "licensed_physician",
                "registration": "valid", "sites": [{"institution": "clinic-1",
                "relation": "primary", "lead_of": ["cosmetic_dermatology"]}]}),
        );
    }
    house.must_post(
        "practitioners",
        &json!({"id": "p-third", "name": "无辜者赵",
        "category": "nurse", "registration": "valid", "sites": []}),
    );
    house.must_post(
        "institutions",
        &json!({"id": "clinic-1", "name": "锦城医疗美容门诊部",
        "code": "91350100M000100Y43", "jurisdiction": "510104",
            "address": "成都市锦江区锦江路1号"}),
    );
    let mut b = TestBox::provision(&house, &token);
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    let mut taken_back = finding('b', '1', "opened", 1, "UQ-2", "UnlicensedOperator", "L2");
    taken_back["persons"] =
        json!([{"person": "p-third", "part": "operator", "verified_by": "face"}]);
    b.say(&taken_back);
    taken_back["step"] = json!("withdrawn");
    taken_back["revision"] = json!(2);
    b.say(&taken_back);
    b.receipted(3);
    let id = crate::boxes::alert_of('1');
    let long = "chengdu-jinjiang-supervision-office-duty-officer-wang-xiaoming-01";
    let step = |by: &str, body: Value| {
        let mut body = body;
        body["by"] = json!(by);
        house.must_post(&format!("alerts/{id}/steps"), &body);
    };
    step("wang", json!({"step": "answer", "note": "主诊在隔壁诊室，稍后补充病历"}));
    step("wang", json!({"step": "uphold"}));
    step("li", json!({"step": "uphold"}));
    step(long, json!({"step": "go_on_site", "note": "现场核查".repeat(30)}));
    let officers = json!([{"name": "王督", "certificate": "A-1"},
        {"name": "李督", "certificate": "A-2"}]);
    let body = json!({"by": "wang", "case_number": "立〔2026〕1号", "officers": officers});
    house.must_post(&format!("alerts/{id}/case"), &body);
    (house, id)
}

#[test]
fn a_case_paper_holds_all_that_a_court_asks() {
    let (house, id) = case();
    let pdf = paper(&house, &id);
    let text = text_of(&pdf, &["-layout"]);
    // Lines are broken anywhere.
    let flat: String = text.split_whitespace().collect();
    for said in [
        "锦城医疗美容门诊部",
        "91350100M000100Y43",
        "成都市锦江区锦江路1号",
        "激光脱毛",
        "刘\u{31350}（执业医师，p-lead）",
        "张\u{31351}（执业医师，p-other）",
        "王督",
        "A-2",
        "2026-03-02",
        "(UTC+8)",
        "依据数据",
        "30分",
        "95.0%",
        "线索经过",
        "置信度",
        SENTENCE,
        "第五十四条第三款",
        "对个人",
        "对机构",
        "施行2022-03-01",
        "施行日期未核",
        "条号据2016年决定推定，待法制审核",
        "机构说明",
        "主诊在隔壁诊室，稍后补充病历",
        "SHA-256",
        "SM3",
        "演示",
        "活体检测已豁免",
    ] {
        let said: String = said.split_whitespace().collect();
        assert!(flat.contains(&said), "{said} is not in the paper:\n{text}");
    }
    let pages: Vec<&str> = text.split('\u{c}').filter(|p| !p.trim().is_empty()).collect();
    for (n, page) in pages.iter().enumerate() {
        let foot = page.lines().rfind(|l| !l.trim().is_empty()).unwrap();
        let foot: String = foot.split_whitespace().collect();
        let number = format!("{}/{}", n + 1, pages.len());
        assert!(foot.contains(&number) && foot.contains("演示"), "{number}: {foot}");
    }
}

#[test]
fn what_a_box_took_back_is_alleged_on_no_paper() {
    let (house, id) = case();
    let pdf = paper(&house, &id);
    let text = text_of(&pdf, &[]);
    assert!(text.contains("已撤回"), "{text}");
    assert!(!text.contains("无辜者赵"), "an innocent is named");
    let flat: String = text.split_whitespace().collect();
    assert!(!flat.contains("刑法"), "a penalty stands with what was taken back");
}

#[test]
fn a_reviewed_box_prints_no_sentence_on_the_paper() {
    let (house, id) = case();
    let review = json!({"by": "法制科", "on": "2020-01-01", "document": "审〔2020〕1号"});
    let notice = json!({"at": "官网公告", "on": "2020-01-01"});
    for by in ["wang", "li"] {
        let record = json!({"legal": review, "technical": review, "published": notice,
            "marked": notice, "verified": review, "by": by});
        house.must_post("devices/box-1/review", &record);
    }
    let pdf = paper(&house, &id);
    let text = text_of(&pdf, &[]);
    let flat: String = text.split_whitespace().collect();
    assert!(!flat.contains(SENTENCE), "{text}");
}

/// The papers of a case: the package's in both languages, and each document that an officer makes.
const DOCUMENTS: [&str; 8] = [
    "opening_report",
    "correction_order",
    "inspection_record",
    "interview_record",
    "penalty_notice",
    "decision",
    "service_receipt",
    "closing_report",
];

#[test]
fn no_label_of_a_paper_lies_over_its_value() {
    let (house, id) = case();
    let mut pages = 0;
    for lang in ["zh", "en"] {
        pages += apart(lang, &paper_in(&house, &id, lang));
    }
    for kind in DOCUMENTS {
        let path = format!("alerts/{id}/case/documents/{kind}");
        house.must_post(&path, &json!({"by": "wang"}));
        let made = house.send_with("GET", &format!("/api/v1/{path}/pdf"), "", b"");
        assert_eq!(made.status, 200, "{kind}: {}", made.body);
        pages += apart(kind, &made.bytes);
    }
    assert!(pages > 10, "{pages} pages");
}

/// No two words of a page lie on one another; gives how many pages there are.
fn apart(what: &str, pdf: &[u8]) -> usize {
    let boxes = text_of(pdf, &["-bbox"]);
    let number = |line: &str, name: &str| -> f64 {
        let from = line.split(&format!("{name}=\"")).nth(1).unwrap();
        from.split('"').next().unwrap().parse().unwrap()
    };
    let (mut page, mut words) = (0, Vec::new());
    for line in boxes.lines() {
        page += usize::from(line.contains("<page "));
        if line.contains("<word ") {
            let at = ["xMin", "xMax", "yMin", "yMax"].map(|name| number(line, name));
            words.push((page, at, line.to_owned()));
        }
    }
    assert!(words.len() > 20, "{what}: {} words", words.len());
    for (n, (page, [left, right, top, bottom], line)) in words.iter().enumerate() {
        for (other_page, [l, r, t, b], other) in &words[n + 1..] {
            let wide = right.min(*r) - left.max(*l);
            let high = bottom.min(*b) - top.max(*t);
            let least = (bottom - top).min(b - t);
            let over = page == other_page && wide > 1.0 && high > least / 2.0;
            assert!(!over, "{what}: one over another:\n{line}\n{other}");
        }
    }
    page
}
