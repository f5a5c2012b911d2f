//! How somebody begins: the first page of each role, the address that was asked for before the
//! login, and faults that keep the menu and speak the reader's language.

use server::access::Role;

use crate::access::{guarded, login};
use crate::accounts::{PASSWORD, form, person};
use crate::house::{Answer, House};

fn browser(house: &House, path: &str, login: &str) -> Answer {
    let headers = format!("Cookie: zaigang={login}\r\nAccept: text/html,*/*;q=0.8\r\n");
    house.send_with("GET", path, &headers, b"")
}

fn enter_at(house: &House, address: &str) -> Answer {
    form(house, address, "", &format!("name=wang&password={PASSWORD}"))
}

#[test]
fn each_role_begins_on_a_page_that_opens() {
    let house = guarded();
    for (role, first) in [
        (Role::Admin, "/system"),
        (Role::Supervisor, "/"),
        (Role::Reviewer, "/"),
        (Role::Integrator, "/registry"),
        (Role::Auditor, "/audit"),
    ] {
        let name = format!("w-{}", role.as_str());
        person(&house, &name, role, false);
        let into = form(&house, "/login", "", &format!("name={name}&password={PASSWORD}"));
        assert_eq!((into.status, into.raw("location: ").as_str()), (303, first), "{role:?}");
        let cookie = into.cookie().replace("zaigang=", "");
        assert_eq!(browser(&house, first, &cookie).status, 200, "{role:?}");
        // The bare address of the server leads there, too.
        let root = browser(&house, "/", &cookie);
        assert!(
            root.status == 200 || root.raw("location: ") == first,
            "{role:?}: {} {}",
            root.status,
            root.head
        );
        let shown = browser(&house, first, &cookie).body;
        assert!(shown.contains(&format!("href=\"{first}\"")), "{role:?}: the name of the house");
    }
}

#[test]
fn the_address_asked_for_survives_the_login() {
    let house = guarded();
    person(&house, "wang", Role::Supervisor, false);
    let away = house.send_with("GET", "/sessions/new?room=room-1&lang=zh", "", b"");
    let login = away.raw("location: ");
    assert_eq!(
        (away.status, login.as_str()),
        (303, "/login?to=%2Fsessions%2Fnew%3Froom%3Droom-1%26lang%3Dzh")
    );
    let wrong = form(&house, &login, "", "name=wang&password=wrong");
    assert_eq!(wrong.status, 401);
    let into = enter_at(&house, &login);
    assert_eq!(
        (into.status, into.raw("location: ").as_str()),
        (303, "/sessions/new?room=room-1&lang=zh")
    );
}

#[test]
fn a_foreign_address_is_never_followed() {
    let house = guarded();
    person(&house, "wang", Role::Supervisor, false);
    for to in [
        "//evil.example",
        "/%2Fevil.example/%5C..",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "https:%2F%2Fevil.example",
        "/%09/evil.example",
        "/%0D%0ASet-Cookie:x=1",
        "javascript:alert(1)",
        "evil.example",
        "/login?to=/login",
        "/logout",
        "/api/v1/alerts",
        "/%E6%9D%A5%0A",
    ] {
        let into = enter_at(&house, &format!("/login?to={to}"));
        assert_eq!((into.status, into.raw("location: ").as_str()), (303, "/"), "{to}");
    }
    // Text of another script comes through as a browser writes it.
    let into = enter_at(&house, "/login?to=/people%3Fq%3D%E7%8E%8B");
    assert_eq!(into.raw("location: "), "/people?q=%E7%8E%8B");
    let toggled = house.send_with("GET", "/language?to=en&back=/people%3Fq%3D%E7%8E%8B", "", b"");
    assert_eq!(toggled.raw("location: "), "/people?q=%E7%8E%8B", "{}", toggled.head);
}

#[test]
fn an_unknown_address_is_a_page_for_a_browser() {
    let house = guarded();
    let wang = login(&house, "wang", Role::Reviewer, "");
    let lost = browser(&house, "/nothing-here", &wang);
    assert!(
        lost.status == 404
            && lost.head.contains("text/html")
            && lost.body.contains("没有找到")
            && lost.body.contains("href=\"/people\""),
        "{} {}",
        lost.head,
        lost.body
    );
    let program = house.send_with("GET", "/nothing-here", "Accept: application/json\r\n", b"");
    assert!(program.status == 404 && program.head.contains("problem+json"), "{}", program.head);
    let call = browser(&house, "/api/v1/nothing", &wang);
    assert!(call.status == 404 && call.head.contains("problem+json"), "{}", call.head);
}

#[test]
fn a_fault_page_keeps_menu_name_and_language() {
    let house = guarded();
    let wang = login(&house, "wang", Role::Reviewer, "");
    for (path, status) in [("/alerts/none", 404), ("/accounts", 403), ("/people?limit=x", 400)] {
        let fault = browser(&house, path, &wang);
        assert_eq!(fault.status, status, "{path}: {}", fault.body);
        for kept in ["href=\"/people\"", "action=\"/logout\"", "wang", "lang=\"zh-CN\""] {
            assert!(fault.body.contains(kept), "{path} lacks {kept}: {}", fault.body);
        }
        let english = fault.body.split("<main").nth(1).unwrap_or_default();
        for word in ["unknown", "may not", "deserialize", "limit: use"] {
            assert!(!english.contains(word), "{path} speaks English: {english}");
        }
    }
    // A form that nobody logged in sends is told so by a page, with the way back in.
    let late = house.send_with(
        "POST",
        "/alerts/none",
        "Sec-Fetch-Site: same-origin\r\nAccept: text/html\r\n",
        b"",
    );
    assert!(late.status == 401 && late.body.contains("href=\"/login"), "{}", late.body);
}
