//! The public door for every role: no cookie and no token makes a difference there, and nothing of
//! the server's own is served.

use server::access::Role;
use server::web::{public_routes, routes};

use crate::access::{login, token};
use crate::house::{Answer, House};
use crate::public::{slug, with_door};

/// Where something stands: the clinic's page, a physician's, a sign's.
fn path_of(house: &House, path: &str) -> String {
    let slug = slug(house);
    let sign = house.running().app.store.sign_of_room("room-1").unwrap().unwrap();
    let of_sign = path.starts_with("/p/r/");
    path.replace("{slug}", &slug)
        .replace("{code}", if of_sign { &sign } else { "none" })
        .replace("{token}", "open311-none")
}

/// What a stranger reads, but for what is new with each page.
fn told(answer: &Answer) -> (u16, String) {
    let fresh = ["name=\"ticket\" value=\"", "\"ticket\":\""];
    let mut body = answer.body.clone();
    for start in fresh {
        let parts: Vec<String> = body
            .split(start)
            .enumerate()
            .map(|(n, part)| match part.split_once('"') {
                Some((_, rest)) if n > 0 => rest.to_owned(),
                _ => part.to_owned(),
            })
            .collect();
        body = parts.join(start);
    }
    (answer.status, body)
}

#[test]
fn the_door_answers_every_role_as_it_answers_nobody() {
    let house = with_door();
    let roles = [
        Role::Admin,
        Role::Supervisor,
        Role::Reviewer,
        Role::Clinic,
        Role::Integrator,
        Role::Auditor,
        Role::Partner,
    ];
    let scope = |role: Role| if role == Role::Partner { "grid/5101" } else { "" };
    let proofs: Vec<String> = roles
        .into_iter()
        .flat_map(|role| {
            let who = login(&house, role.as_str(), role, scope(role));
            let bearer = token(&house, role, scope(role));
            [format!("Cookie: zaigang={who}"), format!("Authorization: Bearer {bearer}")]
        })
        .collect();
    let mut asked = 0;
    for (method, path) in public_routes() {
        let at = path_of(&house, path);
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let nobody = told(&house.knock(method.as_str(), &at, form, b"a=b"));
        for proof in &proofs {
            let answer = house.knock(method.as_str(), &at, &format!("{form}{proof}\r\n"), b"a=b");
            assert_eq!(told(&answer), nobody, "{method} {at} with {proof}");
            assert!(!answer.head.contains("set-cookie"), "{method} {at}: {}", answer.head);
            let kept = answer.head.contains("max-age=300") || answer.head.contains("no-store");
            assert!(kept || answer.status == 304, "{method} {at}: {}", answer.head);
            asked += 1;
        }
    }
    assert!(asked >= 20 * 14, "{asked}");
}

#[test]
fn no_route_of_the_servers_own_is_at_the_door() {
    let house = with_door();
    let officer = token(&house, Role::Supervisor, "");
    let proof = format!("Authorization: Bearer {officer}\r\nContent-Type: application/json\r\n");
    let own: Vec<&str> = public_routes().into_iter().map(|(_, path)| path).collect();
    let mut asked = 0;
    for route in routes().iter().filter(|route| !own.contains(&route.path)) {
        let at = route.path.replace(['{', '}'], "");
        let answer = house.knock(route.method.as_str(), &at, &proof, b"{}");
        assert_eq!(answer.status, 404, "{} {at}: {}", route.method, answer.body);
        asked += 1;
    }
    assert!(asked > 200, "{asked}");
}

#[test]
fn every_page_of_the_door_stands_in_both_languages() {
    let house = with_door();
    for (_, path) in public_routes().into_iter().filter(|(method, path)| {
        *method == "GET" && !path.contains("api") && !path.contains("open311")
    }) {
        if path.contains("assets") || path == "/" || path == "/p/d/{slug}" || path == "/p/check" {
            continue;
        }
        let at = path_of(&house, path);
        let zh = house.knock("GET", &at, "", b"");
        let en = house.knock("GET", &format!("{at}?lang=en"), "", b"");
        assert_eq!((zh.status, en.status), (200, 200), "{at}");
        assert!(zh.body.contains("<html lang=\"zh"), "{at}");
        assert!(en.body.contains("<html lang=\"en"), "{at}");
    }
    let short = house.knock("GET", "/p?q=%E9%94%A6", "", b"");
    assert!(short.body.contains("至少输入两个字"), "{}", short.body);
    let all = house.knock("GET", "/p/api/v1/institutions?after=%E9%94%A6/x", "", b"").json();
    assert_eq!(all["institutions"].as_array().unwrap().len(), 1, "{all}");
}
