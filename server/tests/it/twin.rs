//! Twin houses: two servers, the same seed; one receives reports about a clinic. Nothing that the
//! clinic, an integrator or the public can fetch tells them apart.

use server::access::Role;
use server::web::routes;

use crate::access::{ask, login, token};
use crate::boxes::finding;
use crate::eyes::Stream;
use crate::house::House;
use crate::log_holds::with_box;
use crate::public::{clues, report, slug, with_door};

/// Clocks and random words are the only things that may differ.
fn masked(house: &House, text: &str) -> String {
    let ports = [house.base.clone(), house.running().ready.public.clone().unwrap()];
    let text = ports.iter().fold(text.to_owned(), |text, base| {
        text.replace(base.trim_start_matches("http://"), "HOST")
    });
    // A QR code draws the address, port and all: it may be of another size.
    let drawn =
        text.split("<svg").enumerate().map(|(n, part)| match (n, part.split_once("</svg>")) {
            (0, _) => part.to_owned(),
            (_, Some((code, rest))) if code.contains("crispEdges") => rest.to_owned(),
            _ => format!("<svg{part}"),
        });
    let text = drawn.collect::<String>();
    let drawn = text.split(" d=\"").enumerate().map(|(n, part)| match (n, part.split_once('"')) {
        (0, _) | (_, None) => part.to_owned(),
        (_, Some((_, rest))) => format!("\"{rest}"),
    });
    let text = drawn.collect::<Vec<_>>().join(" d=");
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '+');
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if part(c) {
            word.push(c);
            continue;
        }
        let digits = word.chars().any(|c| c.is_ascii_digit());
        let clock = digits && word.contains(':') && word.len() >= 5;
        let random = digits && word.len() >= 16;
        out.push_str(if clock || random { "*" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

/// Every address that this role may fetch, of objects that are there too.
fn addresses(role: Role) -> Vec<String> {
    let ids = [("alerts", "none"), ("sessions", "s-none"), ("institutions", "clinic-1")];
    let mut all = Vec::new();
    for route in routes().iter().filter(|r| r.method == "GET" && r.roles.contains(&role)) {
        if route.path == "/events" {
            continue;
        }
        let noun = route.path.split('/').rev().nth(1).unwrap_or_default();
        let id = ids.iter().find(|(of, _)| *of == noun).map_or("room-1", |(_, id)| id);
        all.push(route.path.replace("{id}", id).replace("{n}", "0").replace("{token}", "none"));
    }
    all
}

fn crawl(house: &House) -> Vec<(String, String)> {
    let clinic = login(house, "clinic", Role::Clinic, "clinic-1");
    let program = token(house, Role::Clinic, "clinic-1");
    let integrator = token(house, Role::Integrator, "");
    let mut seen = Vec::new();
    for (who, role, token) in [
        ("clinic", Role::Clinic, clinic.as_str()),
        ("clinic's program", Role::Clinic, program.as_str()),
        ("integrator", Role::Integrator, integrator.as_str()),
        ("public", Role::Public, ""),
    ] {
        for path in addresses(role) {
            let answer = ask(house, "GET", &path, token, "");
            // How long a drawing of a random word is, is random, too.
            let head = if path.ends_with("/qr") { "" } else { answer.head.as_str() };
            let told = format!("{}\n{head}\n{}", answer.status, answer.body);
            seen.push((format!("{who} {path}"), masked(house, &told)));
        }
    }
    for path in [
        "/p",
        "/p?q=%E9%94%A6%E5%9F%8E",
        "/p/report",
        "/p/api/v1/institutions",
        "/p/api/v1/institutions.csv",
    ] {
        let answer = house.knock("GET", path, "", b"");
        seen.push((format!("door {path}"), masked(house, &answer.body)));
    }
    let page = house.knock("GET", &format!("/p/i/{}", slug(house)), "", b"");
    seen.push(("door institution".to_owned(), masked(house, &page.body)));
    seen
}

#[test]
fn twenty_reports_change_nothing_that_others_fetch() {
    let (quiet, reported) = (with_door(), with_door());
    for n in 0..20 {
        let text = format!("第 {n} 次看到没有证的人操作");
        report(
            &reported,
            &text,
            &[("day", "2026-03-02"), ("from", "09:02"), ("contact", "x@y.cn")],
        );
    }
    clues(&reported, 20);
    clues(&quiet, 0);
    let (one, other) = (crawl(&quiet), crawl(&reported));
    assert!(one.len() > 60, "{}", one.len());
    for ((path, quiet), (same, reported)) in one.iter().zip(&other) {
        assert_eq!(path, same);
        assert_eq!(quiet, reported, "{path} tells of reports");
    }
    let head = |house: &House| house.running().app.store.feed_head().unwrap();
    assert_eq!(head(&quiet), head(&reported), "a gap in the feed tells of reports");
}

/// The box's own event is in the feed: it comes when its connection does.
fn until_online(house: &House, who: &str) {
    let by = std::time::Instant::now() + crate::boxes::WAIT;
    while ask(house, "GET", "/api/v1/devices", who, "").json()["devices"][0]["online"] != true {
        assert!(std::time::Instant::now() < by, "the box never came");
        std::thread::yield_now();
    }
}

#[test]
fn reports_leave_no_gap_in_anybodys_stream() {
    let heard = |reports: usize| {
        let (house, mut it) = with_box();
        for n in 0..reports {
            report(&house, &format!("第 {n} 次"), &[("day", "2026-03-02"), ("from", "09:02")]);
        }
        clues(&house, reports);
        let boss = login(&house, "boss", Role::Supervisor, "");
        let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
        until_online(&house, &boss);
        let mut streams = [&boss, &clinic].map(|who| Stream::open(&house, "/events", who));
        it.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L1"));
        it.receipted(it.seq);
        let [(number, _), (word, told)] = [streams[0].event(), streams[1].event()];
        assert!(number.parse::<u64>().is_ok(), "{number}");
        (number, word.len(), told["alert"].clone())
    };
    assert_eq!(heard(0), heard(7), "(number of the whole feed, length of the clinic's word, lead)");
}
