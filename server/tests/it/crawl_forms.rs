//! Every form of every page, as every role: its reader may send it, and sent empty it is answered
//! by a page and never by a fault of the server.

use std::collections::BTreeSet;

use server::access::Role;
use server::web::routes;

use crate::crawl::{PEOPLE, is_page};
use crate::furnished::Furnished;

/// Where a form leads, and whether it is sent as plain fields.
type Target = (String, bool);

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}=\""))?;
    value.split('"').next()
}

/// Where the forms of a page lead, and its buttons that send one elsewhere.
fn targets(path: &str, body: &str) -> BTreeSet<Target> {
    let here = path.split('?').next().unwrap_or(path);
    let tags = body.split('<').skip(1).filter_map(|tag| tag.split('>').next());
    let target = |tag: &str| {
        let form = tag.starts_with("form ") && tag.contains("method=\"post\"");
        let to = match attribute(tag, "formaction") {
            Some(to) => to,
            None if form => attribute(tag, "action").unwrap_or(here),
            None => return None,
        };
        let to = to.split('?').next().unwrap_or(to).to_owned();
        Some((to, !tag.contains("multipart")))
    };
    tags.filter_map(target).collect()
}

/// Whether a pattern of a route stands for this path.
fn fits(pattern: &str, path: &str) -> bool {
    let (one, other): (Vec<&str>, Vec<&str>) =
        (pattern.split('/').collect(), path.split('/').collect());
    let same = |(p, s): (&&str, &&str)| p.starts_with('{') || p == s;
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

/// Whether a role may send a form there; a path that is spelt out goes before one with places.
fn takes(role: Role, path: &str) -> bool {
    let fitting = routes().iter().filter(|r| r.method == "POST" && fits(r.path, path));
    let route = fitting.min_by_key(|r| r.path.matches('{').count());
    route.is_some_and(|r| r.roles.contains(&role))
}

/// Each page that a role opens, with the forms on it.
fn forms(house: &Furnished, role: Role, login: &str) -> Vec<(String, BTreeSet<Target>)> {
    let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
    let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
    let paths = open.filter(|r| r.roles.contains(&role)).flat_map(|r| house.addresses(r.path));
    let seen = paths.filter_map(|path| {
        let answer = house.send_with("GET", &path, &headers, b"");
        (answer.status == 200).then(|| (path.clone(), targets(&path, &answer.body)))
    });
    seen.collect()
}

#[test]
fn no_role_is_shown_a_form_that_it_may_not_send() {
    let house = Furnished::new();
    let (mut wrong, mut seen) = (BTreeSet::new(), 0);
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        for (path, targets) in forms(&house, role, &login) {
            for (to, _) in targets {
                seen += 1;
                if !takes(role, &to) {
                    wrong.insert(format!("{role:?} {path} → {to}"));
                }
            }
        }
    }
    assert!(seen > 150, "{seen} forms");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_form_sent_empty_is_answered_by_a_page() {
    let house = Furnished::new();
    let mut wrong = BTreeSet::new();
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!(
            "Cookie: zaigang={login}\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n\
            Content-Type: application/x-www-form-urlencoded\r\n"
        );
        for (path, targets) in forms(&house, role, &login) {
            // What ends the own login ends the test, too; files have a form of their own.
            let plain = targets.into_iter().filter(|(to, plain)| *plain && to != "/logout");
            for (to, _) in plain {
                let answer = house.send_with("POST", &to, &headers, b"");
                let page = answer.body.contains("<main");
                let good = match answer.status {
                    200 | 303 => true,
                    401 | 403 => false,
                    400..=499 => page,
                    _ => false,
                };
                if !good {
                    let begin: String = answer.body.chars().take(80).collect();
                    wrong.insert(format!("{role:?} {path} → {to}: {} {begin}", answer.status));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Pages whose boxes show what is stored of the thing that is edited there.
const STORED: [&str; 1] = ["/registry/{noun}/{id}"];

/// Boxes and buttons of a page that stand ticked before anybody ticked them.
fn ticked(body: &str) -> Vec<&str> {
    let tags = body.split("<input ").skip(1).filter_map(|tag| tag.split('>').next());
    let chosen = tags.filter(|tag| {
        let kind = attribute(&format!(" {tag}"), "type").is_some_and(|k| k != "hidden");
        kind && tag.split_whitespace().any(|word| word == "checked")
    });
    chosen
        .map(|tag| tag.split("name=\"").nth(1).and_then(|t| t.split('"').next()).unwrap_or(tag))
        .collect()
}

#[test]
fn nothing_is_ticked_before_its_reader_ticks_it() {
    let house = Furnished::new();
    let (mut wrong, mut seen) = (BTreeSet::new(), 0);
    for (role, scope) in PEOPLE {
        let login = house.login(role, scope);
        let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html\r\n");
        let open = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
        for route in open.filter(|r| r.roles.contains(&role)) {
            for path in house.addresses(route.path) {
                let body = house.send_with("GET", &path, &headers, b"").body;
                seen += body.matches("type=\"checkbox\"").count();
                for field in ticked(&body) {
                    if !STORED.contains(&route.path) {
                        wrong.insert(format!("{role:?} {path} {field}"));
                    }
                }
            }
        }
    }
    assert!(seen > 50, "{seen} boxes");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_forms_finds_where_each_leads() {
    let page = "<form method=\"post\"><button formaction=\"/b?x=1\">B</button></form>\
        <form method=\"get\" action=\"/c\"></form>\
        <form method=\"post\" action=\"/d/1\" enctype=\"multipart/form-data\">";
    let found: Vec<Target> = targets("/a?lang=zh", page).into_iter().collect();
    let wanted = [("/a", true), ("/b", true), ("/d/1", false)];
    assert_eq!(found, wanted.map(|(to, plain)| (to.to_owned(), plain)));
    assert!(fits("/alerts/{id}/case", "/alerts/1/case") && !fits("/alerts/{id}", "/alerts/1/x"));
}
