//! What leaves for publication names no natural person, unless the policy of the place says so;
//! what else leaves says that it is internal; and the public door tells of no penalty at all.

use std::io::{Cursor, Read as _};

use serde_json::{Value, json};
use server::web::routes;

use crate::case_paper::text_of;
use crate::cases::opened;
use crate::house::House;
use crate::public::DOOR;

/// Of `box-1` and the incident of ones.
const ALERT: &str = "4995b55754903dcb54ca57595eeaf51a";
/// Whoever is a natural person in this house, by name and id.
const PERSONS: [&str; 4] = ["王主诊", "p-lead", "李医生", "p-other"];

fn act(house: &House, party: i64, entry: &Value) -> Value {
    let on = server::clock::today().to_string();
    let body = json!({"by": "wang", "on": on, "party": party, "entry": entry});
    house.must_post(&format!("alerts/{ALERT}/case/entries"), &body)
}

/// A clinic and its lead, both punished and served; with the lead's number as a party.
fn punished() -> (House, i64) {
    let (house, _) = opened();
    let named = json!({"kind": "party_named", "name": "", "person": "p-lead"});
    let party = act(&house, 0, &named)["parties"][1]["id"].as_i64().unwrap();
    for (party, yuan, number) in [(0, 30_000, "罚〔2026〕1号"), (party, 20_000, "罚〔2026〕2号")]
    {
        let penalties = json!([{"kind": "warning"}]);
        act(
            &house,
            party,
            &json!({"kind": "notified", "penalties": penalties,
            "hearing_offered": false}),
        );
        act(
            &house,
            party,
            &json!({"kind": "decided", "outcome": "punished", "number": number,
            "penalties": penalties, "approved_by": "赵局长"}),
        );
        let text = format!("登记主诊医师王主诊（p-lead）全程未到场，李医生（p-other）操作，{yuan}");
        let body = json!({"by": "wang", "party": party, "text": text});
        house.must_post(&format!("alerts/{ALERT}/case/documents/decision"), &body);
        act(&house, party, &json!({"kind": "served", "paper": "decision", "way": "direct"}));
    }
    (house, party)
}

fn open_to_persons(house: &House) {
    let settings = json!({"publish_persons_level": 1});
    let policy = json!({"jurisdiction": "5101", "settings": settings, "reason": "本机关决定"});
    house.must_post("policy", &policy);
}

/// The cells of a workbook, the paragraphs of a document.
fn unzipped(bytes: &[u8]) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    for at in 0..zip.len() {
        let mut bytes = Vec::new();
        zip.by_index(at).unwrap().read_to_end(&mut bytes).unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
    text
}

#[test]
fn no_person_is_published_unless_the_policy_says_so() {
    let (house, party) = punished();
    let tables = || {
        let csv = house.page("/cases/publication/csv").1;
        [csv, unzipped(&house.bytes("/cases/publication/xlsx"))]
    };
    for table in tables() {
        assert!(table.contains("锦城医疗美容门诊部") && table.contains("罚〔2026〕1号"), "{table}");
        for person in PERSONS.iter().chain(&["罚〔2026〕2号"]) {
            assert!(!table.contains(person), "{person} is published: {table}");
        }
        assert!(table.contains("待法制审核"), "an article without its mark: {table}");
    }
    open_to_persons(&house);
    for table in tables() {
        assert!(table.contains("王主诊") && table.contains("罚〔2026〕2号"), "{party}: {table}");
    }
    assert!(house.page("/cases").1.contains("/cases/publication/xlsx"));
}

#[test]
fn a_decision_is_published_without_its_persons() {
    let (house, party) = punished();
    let decision = format!("/alerts/{ALERT}/case/documents/decision");
    let file = |kind: &str, party: i64, edition: &str| {
        let path = format!("{decision}/{kind}?party={party}&edition={edition}");
        house.send_with("GET", &path, "", b"")
    };
    let read = |kind: &str, edition: &str| {
        let answer = file(kind, 0, edition);
        assert_eq!(answer.status, 200, "{}", answer.body);
        match kind {
            "pdf" => text_of(&answer.bytes, &[]),
            _ => unzipped(&answer.bytes),
        }
    };
    for kind in ["pdf", "docx"] {
        assert!(read(kind, "case").contains("王主诊"), "the case's own paper lost its names");
        let published = read(kind, "publication");
        assert!(published.contains("30000") && published.contains("公示版"), "{published}");
        for person in PERSONS {
            assert!(!published.contains(person), "{kind}: {person} is published: {published}");
        }
        assert_eq!(file(kind, party, "publication").status, 422, "a person's own decision");
    }
    let other = format!("/alerts/{ALERT}/case/documents/opening_report");
    house.must_post(&other[1..], &json!({"by": "wang"}));
    let asked = format!("{other}/pdf?edition=publication");
    assert_eq!(house.send_with("GET", &asked, "", b"").status, 422, "no decision, published");
    open_to_persons(&house);
    assert!(read("docx", "publication").contains("王主诊"));
    assert_eq!(file("pdf", party, "publication").status, 200);
}

#[test]
fn a_quashed_or_withheld_decision_is_not_published() {
    let (house, party) = punished();
    open_to_persons(&house);
    let csv = || house.page("/cases/publication/csv").1;
    act(&house, party, &json!({"kind": "not_published", "why": "不具有社会影响"}));
    assert!(!csv().contains("罚〔2026〕2号"), "{}", csv());
    act(&house, 0, &json!({"kind": "quashed", "why": "复议撤销"}));
    assert!(!csv().contains("罚〔2026〕1号"), "{}", csv());
}

/// Files that name people and are for whoever works the case, the registry, or oneself.
const INTERNAL: [&str; 15] = [
    "/alerts/{id}/package",
    "/alerts/{id}/case/documents/{kind}/docx",
    "/alerts/{id}/case/documents/{kind}/pdf",
    "/audit/export",
    "/clues/{id}/package",
    "/export/checklists",
    "/export/self_checks",
    "/export/{noun}",
    "/export/{noun}/template",
    "/export/{noun}/xlsx",
    "/figures.csv",
    "/leads/csv",
    "/leads/xlsx",
    "/monitoring/csv",
    "/personal/{token}/copy",
];

#[test]
fn every_file_that_leaves_is_internal_or_for_publication() {
    let ends = ["/csv", "/xlsx", ".csv", "/pdf", ".pdf", "/docx", "/package", "/copy", "/export"];
    let files = routes().iter().filter(|r| {
        let is_file = ends.iter().any(|e| r.path.ends_with(e)) || r.path.contains("/export/");
        r.method == "GET" && is_file
    });
    let mut seen = 0;
    for route in files {
        let path = route.path.strip_prefix("/api/v1").unwrap_or(route.path);
        let published = path.starts_with("/cases/publication/");
        assert!(published || INTERNAL.contains(&path), "{path} names people, for whom?");
        seen += 1;
    }
    assert!(seen > 12, "{seen}");
    let (house, _) = punished();
    let package = house.bytes(&format!("/alerts/{ALERT}/package?why=1"));
    let mut zip = zip::ZipArchive::new(Cursor::new(package)).unwrap();
    let mut pdf = Vec::new();
    zip.by_name("case.pdf").unwrap().read_to_end(&mut pdf).unwrap();
    let paper = text_of(&pdf, &[]);
    assert!(paper.contains("王主诊") && paper.contains("不得公开"), "{paper}");
}

#[test]
fn the_door_tells_of_no_penalty() {
    let (house, _) = punished();
    let slug = house.running().app.store.slug_of("clinic-1").unwrap();
    let house = house.restart_with(DOOR);
    let slug = slug.or_else(|| house.running().app.store.slug_of("clinic-1").unwrap()).unwrap();
    let open = |path: &str| {
        let answer = house.knock("GET", path, "", b"");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    };
    let register = open(&format!("/p/api/v1/institutions/{slug}"));
    assert!(register.contains("王主诊"), "the register itself is public");
    for path in ["/p/api/v1/institutions", "/p/api/v1/institutions.csv"] {
        let data = open(path);
        assert!(data.contains("锦城"), "{data}");
        for person in PERSONS {
            assert!(!data.contains(person), "{path} names {person}");
        }
    }
    let registered: Value = serde_json::from_str(&register).unwrap();
    let mut paths = vec![format!("/p/i/{slug}"), format!("/p/api/v1/institutions/{slug}")];
    for person in registered["employee"].as_array().unwrap() {
        paths.push(format!("/p/d/{}", person["slug"].as_str().unwrap()));
    }
    assert!(paths.len() > 2, "{register}");
    for path in paths {
        let page = open(&path);
        for word in ["罚〔2026〕", "罚款", "警告", "处罚决定", "立〔2026〕", "线索"]
        {
            assert!(!page.contains(word), "{path} says {word}");
        }
    }
}
