//! No article of a law is shown without its own mark: on any page of any role that can be reached
//! by links, in either language, at the public door, behind one-time links, and in any file to take
//! away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Cursor, Read as _};

use serde_json::{Value, json};
use server::web::routes;

use crate::case_paper::text_of;
use crate::cases::{entry, opened};
use crate::citations::{blocks, count, faults};
use crate::crawl::{PEOPLE, is_page};
use crate::furnished::Furnished;
use crate::house::{Answer, House};
use crate::public::{report, slug, with_door};

/// Pages of one kind that are opened: the same address with other values in its query.
const OF_A_KIND: usize = 3;

/// What was read: how many pages and files, how many articles in them, and what is wrong with
/// which.
#[derive(Default)]
struct Seen {
    opened: usize,
    articles: usize,
    cite: BTreeSet<String>,
    wrong: BTreeMap<String, BTreeSet<String>>,
}

impl Seen {
    fn read(&mut self, path: &str, answer: &Answer) {
        let texts = texts_of(answer);
        self.opened += 1;
        let articles: usize = texts.iter().map(|text| count(text)).sum();
        self.articles += articles;
        if articles > 0 {
            self.cite.insert(path.split('?').next().unwrap_or(path).to_owned());
        }
        for fault in texts.iter().flat_map(|text| faults(text)) {
            self.wrong.entry(fault).or_default().insert(path.to_owned());
        }
    }

    fn no_fault(&self) {
        let told: Vec<String> = self
            .wrong
            .iter()
            .map(|(what, paths)| {
                let some: Vec<&str> = paths.iter().take(3).map(String::as_str).collect();
                format!("{what}  ← {} of {}", some.join(" "), paths.len())
            })
            .collect();
        assert!(told.is_empty(), "{} in {}:\n{}", told.len(), self.opened, told.join("\n"));
    }
}

/// Everything to be read in an answer, whatever kind of file it is.
fn texts_of(answer: &Answer) -> Vec<String> {
    if answer.bytes.starts_with(b"%PDF") {
        return vec![on_one_line(&text_of(&answer.bytes, &[]))];
    }
    if answer.bytes.starts_with(b"PK") {
        return of_zip(&answer.bytes);
    }
    if answer.head.contains("text/html") {
        return blocks(&answer.body);
    }
    if answer.head.contains("text/csv") {
        return answer.body.lines().map(str::to_owned).collect();
    }
    Vec::new()
}

/// A paper's lines are broken where its page ends, in the midst of a word.
fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().concat()
}

fn is_a(name: &str, extension: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|it| it == extension)
}

/// The paragraphs of a document, the cells of a workbook, the papers of a case.
fn of_zip(bytes: &[u8]) -> Vec<String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut texts = Vec::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        if is_a(&name, "pdf") {
            texts.push(on_one_line(&text_of(&bytes, &[])));
        } else if is_a(&name, "xml") {
            let text = String::from_utf8(bytes).unwrap();
            let ends = text.replace("</w:p>", "<br>").replace("</si>", "<br>");
            texts.extend(blocks(&ends.replace("</is>", "<br>")));
        }
    }
    texts
}

/// The addresses to which a page leads, on this server.
fn links(body: &str) -> Vec<String> {
    let found = body.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '#']).next());
    let own = found.filter(|to| to.starts_with('/') && !to.starts_with("//"));
    own.map(|to| to.replace("&amp;", "&").replace("&#38;", "&")).collect()
}

/// An address without the values of its query.
fn kind_of(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut names: Vec<&str> = query.split('&').filter_map(|p| p.split('=').next()).collect();
    names.sort_unstable();
    format!("{path}?{}", names.join("&"))
}

/// Opens every page from these on, and whatever they lead to.
fn crawl(seen: &mut Seen, from: Vec<String>, open: &dyn Fn(&str) -> Answer) {
    let mut waiting: VecDeque<String> = from.into();
    let (mut met, mut kinds) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    while let Some(path) = waiting.pop_front() {
        let other =
            ["/assets/", "/language", "/events", "/p/assets/", "/logout", "/account/provider"];
        let of_its_kind = kinds.entry(kind_of(&path)).or_default();
        if other.iter().any(|begin| path.starts_with(begin)) || *of_its_kind >= OF_A_KIND {
            continue;
        }
        if !met.insert(path.clone()) {
            continue;
        }
        *of_its_kind += 1;
        let answer = open(&path);
        if answer.status == 200 {
            seen.read(&path, &answer);
            waiting.extend(links(&answer.body));
        }
    }
}

#[test]
fn no_role_reads_an_article_without_its_own_mark() {
    let house = Furnished::new();
    let mut seen = Seen::default();
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        for language in ["zh", "en"] {
            let headers =
                format!("Cookie: zaigang={login}; lang={language}\r\nAccept: text/html\r\n");
            let pages = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
            let of_the_role = pages.filter(|r| r.roles.contains(&role));
            let from = of_the_role.flat_map(|r| house.addresses(r.path)).collect();
            crawl(&mut seen, from, &|path| house.send_with("GET", path, &headers, b""));
        }
    }
    seen.no_fault();
    assert!(seen.opened > 600, "{} pages and files", seen.opened);
    assert!(seen.cite.len() > 25, "cited by {:?} alone", seen.cite);
}

/// A case that has been through everything that has an article of its own.
fn whole_case() -> (House, String) {
    let (house, id) = opened();
    let on = server::clock::today();
    let day = |days: i32| on.checked_add(jiff::Span::new().days(days)).unwrap().to_string();
    let fine = json!([{"kind": "fine", "amount_yuan": 200_000}, {"kind": "revocation"}]);
    for one in [
        json!({"kind": "correction_ordered", "until": day(10)}),
        json!({"kind": "preserved", "items": "病历一册", "approved_by": "赵局长"}),
        json!({"kind": "excluded", "cause": "appraisal", "from": day(0), "to": day(0)}),
        json!({"kind": "harm_found", "text": "创面感染"}),
        json!({"kind": "crime_reported"}),
        json!({"kind": "crime_decided", "transfer": true, "approved_by": "赵局长"}),
        json!({"kind": "crime_transferred", "to": "公安局"}),
        json!({"kind": "police_refused", "why": "不予立案"}),
        json!({"kind": "notified", "penalties": fine, "hearing_offered": true}),
        json!({"kind": "hearing_requested"}),
        json!({"kind": "hearing_called", "held_on": day(20)}),
    ] {
        let (status, said) = entry(&house, &id, "wang", &one);
        assert!(status == 200, "{one}: {status} {said}");
    }
    (house, id)
}

const PAPERS: [&str; 8] = [
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
fn no_case_shows_an_article_without_its_own_mark() {
    let (house, id) = whole_case();
    let person = json!({"kind": "party_named", "name": "", "person": "p-lead"});
    let (_, case) = entry(&house, &id, "wang", &person);
    let party = case["parties"][1]["id"].as_i64().unwrap();
    let mut from = vec![format!("/alerts/{id}/package?why=1")];
    for purpose in ["own_data", "card", "withdrawal"] {
        let made = house.must_post("practitioners/p-lead/links", &json!({"purpose": purpose}));
        let link = made["link"].as_str().unwrap().to_owned();
        let path = link.split_once("://").map_or(link.as_str(), |l| &l.1[l.1.find('/').unwrap()..]);
        from.push(path.to_owned());
    }
    for kind in PAPERS {
        let path = format!("alerts/{id}/case/documents/{kind}");
        for party in [0, party] {
            if house.post(&path, &json!({"by": "wang", "party": party})).0 != 200 {
                continue;
            }
            for file in ["", "/pdf", "/docx"] {
                from.push(format!("/{path}{file}?party={party}"));
            }
        }
        from.push(format!("/case-templates/{kind}"));
    }
    let pages = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
    from.extend(pages.map(|r| r.path.to_owned()).filter(|path| !path.contains('{')));
    let mut seen = Seen::default();
    for language in ["zh", "en"] {
        let headers = format!("Cookie: lang={language}\r\nAccept: text/html\r\n");
        crawl(&mut seen, from.clone(), &|path| {
            let path = match (path.contains("/package"), path.contains("lang=")) {
                (true, false) => format!("{path}&lang={language}"),
                _ => path.to_owned(),
            };
            house.send_with("GET", &path, &headers, b"")
        });
    }
    seen.no_fault();
    let read = |part: &str| seen.cite.iter().any(|path| path.contains(part));
    for part in ["/package", "/pdf", "/docx", "/personal/", "/cases"] {
        assert!(read(part), "no article was read in {part}: {:?}", seen.cite);
    }
    assert!(seen.articles > 1_000, "{} articles", seen.articles);
}

#[test]
fn the_door_shows_no_article_without_its_own_mark() {
    let house = with_door();
    let receipt = report(&house, "挂证的医师不在场", &[]);
    let slug = slug(&house);
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{slug}"), "", b"").json();
    let people: Vec<&Value> = data["employee"].as_array().unwrap().iter().collect();
    let mut from = vec!["/".to_owned(), "/p".to_owned(), "/p?q=%E9%94%A6%E5%9F%8E".to_owned()];
    for person in people {
        let person = person["slug"].as_str().unwrap();
        from.push(format!("/p/check?i={slug}&d={person}&item=laser-1"));
        from.push(format!("/p/d/{person}"));
    }
    from.extend(["/p/report", "/p/wrong", "/p/report/status"].map(str::to_owned));
    let mut seen = Seen::default();
    for language in ["zh", "en"] {
        let with = |path: &str| {
            let sign = if path.contains('?') { '&' } else { '?' };
            house.knock("GET", &format!("{path}{sign}lang={language}"), "", b"")
        };
        crawl(&mut seen, from.clone(), &with);
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let body = format!("receipt={receipt}&lang={language}");
        let status = house.knock("POST", "/p/report/status", kind, body.as_bytes());
        seen.read("/p/report/status", &status);
    }
    seen.no_fault();
    assert!(seen.opened > 20 && seen.cite.contains("/p/check"), "{} {:?}", seen.opened, seen.cite);
}
