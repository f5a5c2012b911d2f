//! Each time of every page, as every role: it says its year, and the page says its zone before it.
//! A day or a clock time alone may follow a whole date of the same page, never begin it.

use std::collections::{BTreeMap, BTreeSet};

use server::web::routes;

use crate::crawl::{PEOPLE, is_page};
use crate::furnished::Furnished;

/// What a page shows, drawings and hints of the pointer too, without scripts and styles.
fn shown(body: &str) -> String {
    let body = body.split_once("<body").map_or(body, |b| b.1);
    let mut text = String::new();
    let mut silent = "";
    for tag in body.split('<') {
        let (name, behind) = tag.split_once('>').unwrap_or(("", tag));
        let begins = |word: &str| name.starts_with(word);
        if silent.is_empty() {
            silent = ["script", "style"].into_iter().find(|word| begins(word)).unwrap_or_default();
        } else if name.strip_prefix('/') == Some(silent) {
            silent = "";
        }
        if silent.is_empty() {
            text.push(' ');
            if let Some((_, hint)) = name.split_once("title=\"") {
                text.push_str(hint.split('"').next().unwrap_or_default());
                text.push(' ');
            }
            text.push_str(behind);
        }
    }
    text
}

/// Whether a text has this shape from there on; `0` stands for any digit.
fn is(signs: &[char], at: usize, shape: &str) -> bool {
    shape.chars().enumerate().all(|(n, wanted)| {
        signs.get(at + n).is_some_and(|c| match wanted {
            '0' => c.is_ascii_digit(),
            wanted => *c == wanted,
        })
    })
}

/// Shapes of times that say no year: a day with a clock time, a day of a month, a clock time.
const DAY_AND_CLOCK: [&str; 1] = ["00-00 00:00"];
const DAY: [&str; 5] = ["0月0日", "0月00日", "00月0日", "00月00日", "00-00"];
const CLOCK: [&str; 2] = ["00:00:00", "00:00"];

/// Times of a text whose year nobody can tell, and times before the page said its zone.
fn untold(text: &str) -> BTreeSet<String> {
    let signs: Vec<char> = text.chars().collect();
    let (mut found, mut dated, mut zone) = (BTreeSet::new(), false, false);
    let mut at = 0;
    while at < signs.len() {
        zone |= is(&signs, at, "UTC+0");
        // What goes before a number may make it one of an id, a version or a whole date.
        let before = at.checked_sub(1).map_or(' ', |n| signs[n]);
        let begins = !(before.is_ascii_alphanumeric() || "-+:：年.#/".contains(before));
        let shape = |shapes: &[&'static str]| -> Option<&'static str> {
            let of = shapes.iter().find(|shape| is(&signs, at, shape));
            of.filter(|shape| begins && ends(&signs, at + shape.chars().count())).copied()
        };
        let words = |at: usize| signs[at..signs.len().min(at + 16)].iter().collect::<String>();
        let whole = ["0000-00-00", "0000年"].into_iter().find(|s| begins && is(&signs, at, s));
        if let Some(shape) = whole {
            dated = true;
            at += shape.chars().count();
            if is(&signs, at, " 00:00") && !zone {
                found.insert(format!("no zone before {}", words(at)));
            }
            continue;
        }
        let bare = shape(&DAY_AND_CLOCK);
        let follows = shape(&DAY).or(shape(&CLOCK));
        if bare.is_some() || follows.is_some() && !dated {
            found.insert(words(at));
        }
        at += bare.or(follows).map_or(1, |shape| shape.chars().count());
    }
    found
}

fn ends(signs: &[char], at: usize) -> bool {
    signs.get(at).is_none_or(|c| !(c.is_ascii_alphanumeric() || "-:".contains(*c)))
}

#[test]
fn every_time_of_a_page_has_its_year_and_its_zone() {
    let house = Furnished::new();
    let mut faults: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut timed = 0;
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        let paths = open.filter(|r| r.roles.contains(&role)).flat_map(|r| house.addresses(r.path));
        for (path, lang) in paths.flat_map(|path| [(path.clone(), "zh"), (path, "en")]) {
            let headers = format!("Cookie: zaigang={login}; lang={lang}\r\nAccept: text/html\r\n");
            let text = shown(&house.send_with("GET", &path, &headers, b"").body);
            timed += usize::from(text.contains("202"));
            for bare in untold(&text) {
                faults.entry(bare).or_default().insert(format!("{path} {lang}"));
            }
        }
    }
    assert!(timed > 80, "{timed} pages with times");
    let told: Vec<String> = faults
        .iter()
        .map(|(what, pages)| {
            let some: Vec<&str> = pages.iter().take(4).map(String::as_str).collect();
            format!("{what}  ← {}", some.join(" "))
        })
        .collect();
    assert!(told.is_empty(), "{} in {timed} pages:\n{}", told.len(), told.join("\n"));
}

#[test]
fn a_time_without_its_year_or_zone_is_found_out() {
    let found = |text: &str| untold(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found("至 03-02 09:00 止"), ["03-02 09:00 止"]);
    assert_eq!(found("于3月2日"), ["3月2日"]);
    assert_eq!(found("今天 09:00"), ["09:00"]);
    assert_eq!(found("2026-03-02 09:00"), ["no zone before  09:00"]);
    let good = "UTC+8 2026-03-02 09:00，2026年3月2日，3月3日，10:00，版本 10-20-30，id-12-31";
    assert_eq!(found(good), [] as [&str; 0]);
    assert_eq!(found("UTC+8 2026-03-02，但 03-03 09:00"), ["03-03 09:00"]);
}

#[test]
fn what_a_page_shows_is_read_with_its_drawings() {
    let page = "<body><style>a:1</style><svg><text>03-02</text></svg><b title=\"甲\">乙</b>";
    assert_eq!(shown(page).split_whitespace().collect::<Vec<_>>(), ["03-02", "甲", "乙"]);
}
