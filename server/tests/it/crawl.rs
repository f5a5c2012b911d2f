//! Every page as every role, read as a person reads it: it opens, and in Chinese it holds no
//! English word, no raw key and no half-width punctuation, but for one listed file of exceptions.

use std::collections::{BTreeMap, BTreeSet};

use server::access::Role;
use server::web::routes;

use crate::furnished::{Furnished, OPENED, bare_ids, bare_names, unlinked_names};

/// What may stand in a Chinese page as it is; one a line.
const EXCEPTIONS: &str = include_str!("zh_exceptions.txt");

/// Names that the house below gives to its own things.
const SEEDED: [&str; 10] =
    ["p-", "box-", "room-", "clinic-", "laser-", "s-", "w-", "pass-", "chen", "test"];

/// Every role that opens pages, with a part of the country that holds the house below.
pub(crate) const PEOPLE: [(Role, &str); 7] = [
    (Role::Admin, ""),
    (Role::Supervisor, "5101"),
    (Role::Reviewer, "5101"),
    (Role::Clinic, "clinic-1"),
    (Role::Integrator, "5101"),
    (Role::Auditor, ""),
    (Role::Partner, "grid/5101"),
];

/// Pages that a person looks at: no file, no stream, nothing behind a one-time address.
pub(crate) fn is_page(path: &str) -> bool {
    let other =
        ["/api/", "/assets/", "/events", "/health", "/metrics", "/export/", "/language", "/leads/"];
    let ends = [
        "/package",
        "/picture",
        "/photo/{n}",
        "/pictures/{n}",
        "/docx",
        "/pdf",
        ".pdf",
        ".csv",
        "/xlsx",
        "/paper",
        "/line",
        "/attachments/{n}",
        "/publication/csv",
        "/publication/xlsx",
    ];
    !other.iter().any(|p| path.starts_with(p))
        && !ends.iter().any(|e| path.ends_with(e))
        && !path.contains("{token}")
        && !path.contains("oidc")
        && path != "/account/provider"
}

/// What a person reads of a page: text outside code, scripts and drawings.
fn words_of(body: &str) -> String {
    let main = body.split_once("<body").map_or(body, |b| b.1);
    let main = main.split_once('>').map_or(main, |b| b.1);
    let mut text = String::new();
    let mut rest = main;
    let mut silent: Option<String> = None;
    while let Some((before, after)) = rest.split_once('<') {
        if silent.is_none() {
            text.push_str(before);
        }
        let Some((tag, behind)) = after.split_once('>') else { break };
        rest = behind;
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if let Some(of) = &silent {
            if tag.starts_with('/') && name == *of {
                silent = None;
            }
            continue;
        }
        text.push(' ');
        for spoken in ["placeholder=\"", "title=\"", "aria-label=\""] {
            if let Some((_, value)) = tag.split_once(spoken) {
                text.push_str(value.split('"').next().unwrap_or_default());
                text.push(' ');
            }
        }
        let hushed = ["code", "script", "svg", "textarea", "style", "pre"].contains(&name.as_str())
            || tag.contains("hreflang")
            || tag.contains("mono");
        if hushed && !tag.starts_with('/') && !tag.ends_with('/') {
            silent = Some(name);
        }
    }
    text.replace("&amp;", "&").replace("&#38;", "&").replace("&lt;", "<").replace("&#39;", "\'")
}

/// Whatever of a text no reader of Chinese should meet.
fn strange(text: &str, known: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    for piece in text.split(|c: char| !word(c)) {
        let piece = piece.trim_matches(['-', '.', '/', '_']);
        let letters = piece.chars().filter(char::is_ascii_alphabetic).count();
        let seeded = SEEDED.iter().any(|begin| piece.starts_with(begin));
        let digits = piece.strip_prefix('P').unwrap_or_default();
        let principle = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if letters >= 2 && !known.contains(piece) && !seeded || principle || piece == "V" {
            found.insert(piece.to_owned());
        }
    }
    found.extend(bare_rules(text));
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let signs: Vec<char> = text.chars().collect();
    for three in signs.windows(2) {
        if han(three[0]) && matches!(three[1], ',' | ';' | '?' | '!') {
            found.insert(format!("{}{}", three[0], three[1]));
        }
    }
    found
}

/// Codes of rules without their words, behind which the codes stand in brackets.
fn bare_rules(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for family in ["LL-", "NL-", "UQ-", "HB-", "SI-"] {
        for (at, _) in text.match_indices(family) {
            let digit = text[at + family.len()..].starts_with(|c: char| c.is_ascii_digit());
            if digit && !text[..at].ends_with(['（', '(']) {
                found.insert(text[at..].chars().take(12).collect());
            }
        }
    }
    found
}

#[test]
fn every_page_opens_and_speaks_chinese() {
    let house = Furnished::new();
    let known: BTreeSet<&str> = EXCEPTIONS
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .collect();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut opened = 0;
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        for route in open.filter(|r| r.roles.contains(&role)) {
            for path in house.addresses(route.path) {
                let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
                let answer = house.send_with("GET", &path, &headers, b"");
                if answer.status == 303 {
                    continue;
                }
                opened += 1;
                let known_gaps = matches!(answer.status, 404 | 409) && route.path.contains('{');
                if answer.status != 200 && !known_gaps {
                    let said = format!("{} as {role:?}", answer.status);
                    faults.entry(path.clone()).or_default().insert(said);
                }
                for strange in strange(&words_of(&answer.body), &known) {
                    faults.entry(strange).or_default().insert(path.clone());
                }
            }
        }
    }
    assert!(opened > 60, "{opened} pages");
    told_of(&faults, opened);
}

/// Words for people, and which words stood where.
fn told_of(faults: &BTreeMap<String, BTreeSet<String>>, opened: usize) {
    let told: Vec<String> = faults
        .iter()
        .map(|(what, where_)| {
            let some: Vec<&str> = where_.iter().take(4).map(String::as_str).collect();
            format!("{what}  ← {}", some.join(" "))
        })
        .collect();
    assert!(told.is_empty(), "{} in {opened} pages:\n{}", told.len(), told.join("\n"));
}

/// Pages on which a name needs no id: a screen that is read from afar, a text that is signed as it
/// stands, a table to be published, one line for what waits.
const WITHOUT_IDS: [&str; 5] = ["/wall", "/enrol", "/monitoring", "/messages", "/rooms/{id}/qr"];

#[test]
fn beside_every_name_stands_its_id() {
    every_piece(&WITHOUT_IDS, bare_names);
}

/// Pages on which an id may stand alone: the audit log's raw records, what was signed when it was
/// deleted, an address.
const BY_ID: [&str; 3] = ["/audit", "/retention", "/rooms/{id}/qr"];

#[test]
fn beside_every_id_stands_its_name() {
    every_piece(&BY_ID, bare_ids);
}

/// Pages on which a name is no link, though its reader may open what it names, and why.
const WITHOUT_LINKS: [(&str, &str); 1] = [("/wall", "a screen that nobody touches")];

#[test]
fn whatever_a_page_names_is_a_link_for_whoever_opens_it() {
    let house = Furnished::new();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut opened, mut doors) = (0, 0);
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
        let get = |path: &str| house.send_with("GET", path, &headers, b"");
        let all = OPENED.iter().flat_map(|(_, _, pages)| *pages);
        let his: BTreeSet<&str> = all.copied().filter(|page| get(page).status == 200).collect();
        doors += his.len();
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        let but = |path: &str| WITHOUT_LINKS.iter().any(|(page, _)| *page == path);
        let open = open.filter(|r| r.roles.contains(&role) && !but(r.path));
        for path in open.flat_map(|r| house.addresses(r.path)) {
            let here = path.split('?').next().unwrap_or_default();
            let opens = |pages: &[&str]| {
                !pages.contains(&here) && pages.iter().any(|page| his.contains(page))
            };
            opened += 1;
            for bare in unlinked_names(&get(&path).body, opens) {
                faults.entry(bare).or_default().insert(format!("{role:?} {path}"));
            }
        }
    }
    assert!(doors > 30, "{doors} pages of what is named");
    told_of(&faults, opened);
}

/// Holds what this says of each page that each role opens.
fn every_piece(but: &[&str], faults_of: fn(&str) -> Vec<String>) {
    let house = Furnished::new();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut opened = 0;
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        let open = open.filter(|r| r.roles.contains(&role) && !but.contains(&r.path));
        for path in open.flat_map(|r| house.addresses(r.path)) {
            let answer = house.send_with("GET", &path, &headers, b"");
            opened += 1;
            for bare in faults_of(&answer.body) {
                faults.entry(bare).or_default().insert(path.clone());
            }
        }
    }
    told_of(&faults, opened);
}

/// Days and times of a text whose year nobody can tell: `03-02 09:00`, `3月2日`.
fn without_a_year(text: &str) -> BTreeSet<String> {
    let signs: Vec<char> = text.chars().collect();
    let is = |at: usize, shape: &str| {
        let fits = |(n, wanted): (usize, char)| {
            signs
                .get(at + n)
                .is_some_and(|c| if wanted == '0' { c.is_ascii_digit() } else { *c == wanted })
        };
        shape.chars().enumerate().all(fits)
    };
    let shapes = ["00-00 00:00", "0月0日", "0月00日", "00月0日", "00月00日"];
    let begins = |at: usize| {
        at == 0 || !(signs[at - 1].is_ascii_digit() || matches!(signs[at - 1], '-' | '年'))
    };
    let found = (0..signs.len()).filter(|at| begins(*at) && shapes.iter().any(|s| is(*at, s)));
    found.map(|at| signs[at..signs.len().min(at + 11)].iter().collect()).collect()
}

#[test]
fn every_time_of_a_page_has_its_year_and_its_zone() {
    let house = Furnished::new();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut timed = 0;
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        for path in open.filter(|r| r.roles.contains(&role)).flat_map(|r| house.addresses(r.path)) {
            let text = words_of(&house.send_with("GET", &path, &headers, b"").body);
            for bare in without_a_year(&text) {
                faults.entry(bare).or_default().insert(path.clone());
            }
            if text.contains("20") && text.contains(':') {
                timed += 1;
                if !text.contains("UTC+8") {
                    faults.entry("no zone".to_owned()).or_default().insert(path);
                }
            }
        }
    }
    assert!(timed > 40, "{timed} pages with times");
    told_of(&faults, timed);
}

#[test]
fn a_day_without_its_year_is_found_out() {
    let found = |text: &str| without_a_year(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found("至 03-02 09:00 止"), ["03-02 09:00"]);
    assert_eq!(found("于3月2日"), ["3月2日"]);
    assert_eq!(found("2026-03-02 09:00，2026年3月2日，09:00"), [] as [&str; 0]);
}

#[test]
fn the_reader_of_pages_sees_words_and_no_code() {
    let page = "<body><p title=\"Close it\">锦城, <code>p-1</code> 已 <b class=\"mono\">ab</b></p>";
    let text = words_of(page);
    assert!(!text.contains("p-1") && !text.contains("ab"), "{text}");
    let found: Vec<String> = strange(&text, &BTreeSet::from(["it"])).into_iter().collect();
    assert_eq!(found, ["Close", "城,"]);
    let codes = strange("依据 HB-3；未登记的诊疗（HB-3）。见 P15，V 低", &BTreeSet::from(["HB-3"]));
    let codes: Vec<String> = codes.into_iter().collect();
    assert_eq!(codes, ["HB-3；未登记的诊疗（", "P15", "V"]);
}

#[test]
fn no_role_is_shown_a_page_that_it_may_not_open() {
    let house = Furnished::new();
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
        let get = |path: &str| house.send_with("GET", path, &headers, b"");
        let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
        let pages = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        let open = pages.filter(|r| r.roles.contains(&role));
        for page in open.flat_map(|r| house.addresses(r.path)) {
            for link in get(&page).body.split("href=\"/").skip(1) {
                let path = format!("/{}", link.split(['"', '#']).next().unwrap());
                let path = path.replace("&amp;", "&").replace("&#38;", "&");
                if path.starts_with("/assets") || path.starts_with("/language") {
                    continue;
                }
                if seen.insert(path.clone()) {
                    let status = get(&path).status;
                    if matches!(status, 403 | 404) {
                        wrong.push(format!("{page} → {path} {status}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{role:?}: {wrong:?}");
        assert!(seen.len() > 1, "{role:?}: {seen:?}");
    }
}
