//! Twin houses: two servers, the same seed; one receives reports about a clinic. Nothing that the
//! clinic, an integrator or the public can fetch tells them apart.

use protocol::down::Down;
use server::access::Role;
use server::web::routes;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding};
use crate::eyes::Stream;
use crate::house::House;
use crate::log_holds::{accepted, with_box, with_box_and};
use crate::public::{clues, report, slug};

/// Clocks and random words are the only things that may differ.
pub(crate) fn masked(house: &House, text: &str) -> String {
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
        // Versions of knowledge are milliseconds.
        let version = word.strip_prefix('v').is_some_and(|n| n.len() >= 10 && is_number(n));
        out.push_str(if clock || random || version { "*" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit())
}

/// Every address that this role may fetch, of objects that are there too.
fn addresses(role: Role) -> Vec<String> {
    addresses_of(role, &[])
}

/// The same, with more objects by their nouns.
pub(crate) fn addresses_of(role: Role, more: &[(&str, &str)]) -> Vec<String> {
    let alert = crate::boxes::alert_of('1');
    let known = [
        ("alerts", alert.as_str()),
        ("sessions", "s-1"),
        ("institutions", "clinic-1"),
        ("practitioners", "p-lead"),
        ("devices", "box-1"),
    ];
    let ids: Vec<(&str, &str)> = more.iter().chain(&known).copied().collect();
    let mut all = Vec::new();
    for route in routes().iter().filter(|r| r.method == "GET" && r.roles.contains(&role)) {
        // Whoever runs the server reads what every officer did, how long that log is, and how many
        // messages its brokers carried in all: these pages are there for that.
        // Tokens are those that the officers of this test were given.
        let runs = ["/audit", "/system", "/retention", "/tokens"]
            .iter()
            .any(|part| route.path.contains(part));
        let runs_it = role == Role::Admin && runs;
        if route.path == "/events" || runs_it {
            continue;
        }
        let noun = route.path.split('/').rev().nth(1).unwrap_or_default();
        let id = ids.iter().find(|(of, _)| *of == noun).map_or("room-1", |(_, id)| id);
        all.push(route.path.replace("{id}", id).replace("{n}", "0").replace("{token}", "none"));
    }
    all
}

/// What anybody may ask the door for, without a receipt.
fn door_paths(house: &House) -> Vec<String> {
    let slug = slug(house);
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{slug}"), "", b"").json();
    let mut people: Vec<&serde_json::Value> = data["employee"].as_array().unwrap().iter().collect();
    people.sort_by_key(|person| person["name"].to_string());
    let person = people[0]["slug"].as_str().unwrap();
    let sign = house.running().app.store.sign_of_room("room-1").unwrap().unwrap();
    let fixed = ["/p", "/p?q=%E9%94%A6%E5%9F%8E", "/p/report", "/p/report/status", "/p/wrong"];
    let data = ["institutions", "institutions.csv"].map(|it| format!("/p/api/v1/{it}"));
    let about = [
        format!("/p/i/{slug}"),
        format!("/p/i/{slug}?lang=en"),
        format!("/p/d/{person}"),
        format!("/p/check?i={slug}&d={person}&item=laser-1"),
        format!("/p/r/{sign}"),
        format!("/p/report?i={slug}"),
        format!("/p/api/v1/institutions/{slug}"),
        "/p/open311/services.json".to_owned(),
    ];
    fixed.map(str::to_owned).into_iter().chain(data).chain(about).collect()
}

/// What is measured, without what was counted.
fn names(metrics: &str) -> String {
    let lines = metrics.lines().filter(|line| line.starts_with("zaigang_"));
    let lines = lines.filter(|line| !line.contains("http_requests"));
    // A broker is named by its port, which is another one in each house.
    let named = lines.map(|line| line.rsplit_once(' ').map_or(line, |(name, _)| name));
    let named = named.map(|name| name.split("{broker=").next().unwrap_or(name));
    named.collect::<Vec<_>>().join("\n")
}

fn crawl(house: &House) -> Vec<(String, String)> {
    let clinic = login(house, "clinic", Role::Clinic, "clinic-1");
    let program = token(house, Role::Clinic, "clinic-1");
    let integrator = token(house, Role::Integrator, "");
    let admin = login(house, "admin", Role::Admin, "");
    let mut seen = Vec::new();
    for (who, role, token) in [
        ("clinic", Role::Clinic, clinic.as_str()),
        ("clinic's program", Role::Clinic, program.as_str()),
        ("integrator", Role::Integrator, integrator.as_str()),
        ("administrator", Role::Admin, admin.as_str()),
        ("public", Role::Public, ""),
    ] {
        for path in addresses(role) {
            let answer = ask(house, "GET", &path, token, "");
            // How long a drawing of a random word is, is random, too.
            let head = if path.ends_with("/qr") { "" } else { answer.head.as_str() };
            // A workbook is packed, times and all; the same leads stand in the CSV.
            let (head, body) =
                if path.ends_with("/xlsx") { ("", "") } else { (head, &*answer.body) };
            let told = format!("{}\n{head}\n{body}", answer.status);
            seen.push((format!("{who} {path}"), masked(house, &told)));
        }
    }
    for path in door_paths(house) {
        let answer = house.knock("GET", &path, "", b"");
        let told = format!("{}\n{}\n{}", answer.status, answer.head, answer.body);
        seen.push((masked(house, &format!("door {path}")), masked(house, &told)));
    }
    seen.push(("metrics".to_owned(), names(&house.metrics())));
    seen
}

/// A clinic with a box, a lead that the box raised, and a session.
fn twin() -> (House, TestBox) {
    let (house, mut it) = with_box_and("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let clinic = token(&house, Role::Clinic, "clinic-1");
    let session = serde_json::json!({"id": "s-1", "room": "room-1", "item": "laser-1",
        "declared_lead": "p-lead", "start": "2099-03-02T01:00:00Z", "end": "2099-03-02T02:00:00Z"});
    let made = ask(&house, "POST", "/api/v1/sessions", &clinic, &session.to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    it.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L1"));
    it.receipted(it.seq);
    (house, it)
}

/// Twenty reports, and one call that an officer accepts: the box is told to hold a day, and says
/// so.
fn reported(house: &House, it: &mut TestBox) {
    for n in 0..20 {
        let text = format!("第 {n} 次看到没有证的人操作");
        let at = [("day", "2026-03-02"), ("from", "09:02"), ("contact", "x@y.cn")];
        report(house, &text, &at);
    }
    clues(house, 20);
    let wang = login(house, "wang", Role::Supervisor, "");
    let id = accepted(house, &wang, "room-1");
    // All of them are late, and their officer is told.
    let far = server::clock::now() + jiff::SignedDuration::from_hours(24 * 60);
    assert!(server::clue_watch::round(&house.running().app, far).unwrap() > 0);
    let told = it.told_until(
        "evidence_orders",
        |d| matches!(d, Down::EvidenceOrders(orders) if !orders.holds.is_empty()),
    );
    it.say(&serde_json::json!({"type": "knowledge_ack", "kind": "evidence_orders",
        "version": told.version, "applied": true}));
    it.receipted(it.seq);
    assert!(!id.is_empty());
}

/// The last word of both boxes, after which nothing changes: the lead of L1 has become a
/// correction.
fn last_word(house: &House, it: &mut TestBox) {
    let supervisor = token(house, Role::Supervisor, "");
    let by = std::time::Instant::now() + crate::boxes::WAIT;
    let corrections = || ask(house, "GET", "/api/v1/corrections", &supervisor, "").json();
    while corrections()["corrections"].as_array().is_none_or(Vec::is_empty) {
        assert!(std::time::Instant::now() < by, "the lead became no correction");
        std::thread::yield_now();
    }
    // Every box answers what it is told.
    it.say(&serde_json::json!({"type": "knowledge_ack", "kind": "policy", "version": 1,
        "applied": true}));
    it.say(&crate::boxes::health());
    it.receipted(it.seq);
    until_online(house, &token(house, Role::Supervisor, ""));
}

#[test]
fn twenty_reports_change_nothing_that_others_fetch() {
    let ((quiet, mut one_box), (busy, mut other_box)) = (twin(), twin());
    reported(&busy, &mut other_box);
    // The officer is there in both houses; what they did is not.
    login(&quiet, "wang", Role::Supervisor, "");
    clues(&quiet, 0);
    last_word(&quiet, &mut one_box);
    last_word(&busy, &mut other_box);
    let (one, other) = (crawl(&quiet), crawl(&busy));
    assert!(one.len() > 100, "{}", one.len());
    let shown = one.iter().filter(|(_, told)| told.starts_with("200")).count();
    assert!(shown > 60, "{shown} of {} show anything", one.len());
    for ((path, quiet), (same, reported)) in one.iter().zip(&other) {
        assert_eq!(path, same);
        assert_eq!(quiet, reported, "{path} tells of reports");
    }
    let head = |house: &House| house.running().app.store.feed_head().unwrap();
    assert_eq!(head(&quiet), head(&busy), "a gap in the feed tells of reports");
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
