//! Who may do what: every route × every role, scopes, login, one-time links, and the audit log that
//! shows it all.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use server::access::Role;
use server::clock::At;
use server::web::routes;

use crate::boxes::{TestBox, finding};
use crate::house::{Answer, House};

/// 2099-01-01T00:00:00Z.
const FAR: At = At::of_s(4_070_908_800);
/// 2026-01-01T00:00:00Z.
const BEFORE: At = At::of_s(1_767_225_600);

pub(crate) fn guarded() -> House {
    House::with(tempfile::tempdir().unwrap(), "[access]\naccounts = true\n")
}

/// An API token of this role, as the store keeps it; the same again for the same role and scope.
pub(crate) fn token(house: &House, role: Role, scope: &str) -> String {
    let token = format!("token-of-{}-{scope}", role.as_str());
    let store = &house.running().app.store;
    if store.who_by_token(&trust::sha256_hex(&token), BEFORE).unwrap().is_some() {
        return token;
    }
    store
        .put_api_token(&trust::sha256_hex(&token), role.as_str(), role, scope, BEFORE, FAR)
        .unwrap();
    token
}

/// A person of this role who has logged in: what [`ask`] sends for them.
pub(crate) fn login(house: &House, name: &str, role: Role, scope: &str) -> String {
    named_login(house, (name, name), role, scope)
}

/// The same of somebody whose name is not the login; `of`: login and name.
pub(crate) fn named_login(house: &House, of: (&str, &str), role: Role, scope: &str) -> String {
    let (name, display) = of;
    let (token, store) = (format!("login-of-{name}"), &house.running().app.store);
    let now = BEFORE;
    store.invite(&trust::sha256_hex(name), role, scope, FAR).unwrap();
    store
        .accept_invitation(
            &trust::sha256_hex(name),
            &name.parse().unwrap(),
            display,
            "no hash",
            None,
            now,
        )
        .unwrap();
    store.log_in(&trust::sha256_hex(&token), &name.parse().unwrap(), "", now, FAR).unwrap();
    token
}

/// As a program with its token, as a person with their login, or as nobody where both are empty.
pub(crate) fn ask(house: &House, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let bearer = match token {
        "" => String::new(),
        login if login.starts_with("login-of-") => {
            format!("Cookie: zaigang={login}\r\nSec-Fetch-Site: same-origin\r\n")
        }
        token => format!("Authorization: Bearer {token}\r\n"),
    };
    house.send_with(
        method,
        path,
        &format!("{bearer}Content-Type: application/json\r\n"),
        body.as_bytes(),
    )
}

#[test]
fn every_route_answers_every_role_as_its_rule_says() {
    let house = guarded();
    let tokens: Vec<(Role, String)> = Role::ALL
        .into_iter()
        .map(|role| {
            (role, if role == Role::Public { String::new() } else { token(&house, role, "") })
        })
        .collect();
    let mut asked = 0;
    for rule in routes().iter().filter(|r| r.path != "/events") {
        let path = rule
            .path
            .replace("{id}", "nobody")
            .replace("{n}", "0")
            .replace("{token}", "none")
            .replace("{act}", "none");
        for (role, token) in &tokens {
            let status = ask(&house, rule.method.as_str(), &path, token, "{").status;
            let to_login = *role == Role::Public
                && rule.method == "GET"
                && !rule.path.starts_with("/api/")
                && status == 303;
            // The bare address leads everybody to a page of their own.
            let to_first = rule.path == "/" && status == 303;
            let refused = matches!(status, 401 | 403)
                || ((to_login || to_first) && !rule.roles.contains(role));
            // Login itself answers 401 to a wrong password, whoever sends it.
            let own_answer = ["/login", "/login/oidc/done", "/logout"].contains(&rule.path);
            // Sealed pictures are for people with a login: a program is refused, whatever its role.
            let no_program = rule.path.contains("/evidence") && refused;
            assert!(
                refused != rule.roles.contains(role) || own_answer || no_program,
                "{} {} as {role:?}: {status}, its rule says {}",
                rule.method,
                rule.path,
                rule.roles.contains(role)
            );
            asked += 1;
        }
    }
    assert!(asked > 300, "{asked}");
}

#[test]
fn each_sees_their_own_jurisdiction_and_institution_only() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::with(folder, "");
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let house = house.restart_with("[access]\naccounts = true\n");
    let one = format!("/api/v1/alerts/{}", crate::boxes::alert_of('1'));
    for (role, scope, sees) in [
        (Role::Supervisor, "5101", true),
        (Role::Supervisor, "5102", false),
        (Role::Reviewer, "", true),
        (Role::Clinic, "clinic-1", true),
        (Role::Clinic, "clinic-2", false),
    ] {
        let token = token(&house, role, scope);
        let list = ask(&house, "GET", "/api/v1/alerts", &token, "").json();
        assert_eq!(list["alerts"].as_array().unwrap().len(), usize::from(sees), "{role:?} {scope}");
        assert_eq!(
            ask(&house, "GET", &one, &token, "").status,
            if sees { 200 } else { 404 },
            "{role:?} {scope}"
        );
        let people = ask(&house, "GET", "/api/v1/practitioners", &token, "").json();
        assert_eq!(
            !people["practitioners"].as_array().unwrap().is_empty(),
            sees,
            "{role:?} {scope}"
        );
    }
    let clinic = "token-of-clinic-clinic-1";
    let verdict = json!({"step":"review","verdict":"uphold"}).to_string();
    assert_eq!(
        ask(&house, "POST", &format!("{one}/steps"), clinic, &verdict).status,
        403,
        "a clinic gave a verdict"
    );
    let answer = json!({"step":"answer","note":"主诊在隔壁"}).to_string();
    assert_eq!(ask(&house, "POST", &format!("{one}/steps"), clinic, &answer).status, 200);
}

#[test]
fn the_first_administrator_comes_in_by_a_link_that_works_once() {
    let house = guarded();
    let file = house.running().first_admin.clone().expect("no link was made");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600,
        "others may read the link"
    );
    let link = std::fs::read_to_string(&file).unwrap();
    let path = link.trim().strip_prefix(&house.base).unwrap().to_owned();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let make = b"name=wang&display=Wang&password=correct+horse+battery";
    assert_eq!(house.send_with("GET", "/accounts", "", b"").status, 303, "the house was open");
    assert_eq!(house.send_with("POST", &path, form, make).status, 303);
    assert_eq!(house.send_with("GET", &path, "", b"").status, 404, "the link worked twice");
    assert!(!file.exists(), "the used link still lies there");

    let wrong = house.send_with("POST", "/login", form, b"name=wang&password=wrong");
    assert_eq!(wrong.status, 401);
    let good = house.send_with("POST", "/login", form, b"name=wang&password=correct+horse+battery");
    assert_eq!(good.status, 303);
    let cookie = good.head.lines().find(|l| l.starts_with("set-cookie")).unwrap();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=strict"), "{cookie}");
    assert!(good.body.is_empty());
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let house = House::new();
    let headers = "Content-Type: application/json\r\nOrigin: \
        http://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let answer = house.send_with("POST", "/api/v1/policy", headers, b"{\"settings\":{}}");
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(house.get("policy")["version"], 0);
}

#[test]
fn guessing_is_slowed_down() {
    let house = guarded();
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let bodies: Vec<String> = (0..7)
        .map(|_| house.send_with("POST", "/login?lang=en", form, b"name=wang&password=guess").body)
        .collect();
    assert!(bodies[6].contains("too many attempts"), "{}", bodies[6]);
}

#[test]
fn the_audit_log_holds_who_read_what() {
    let house = guarded();
    let reader = token(&house, Role::Reviewer, "");
    ask(&house, "GET", "/api/v1/practitioners", &reader, "");
    ask(&house, "GET", "/api/v1/devices", "", "");
    let store = &house.running().app.store;
    let log = store.audit_log("", None, 10).unwrap();
    assert_eq!(log.len(), 1, "reads of personal data and changes are logged, others not: {log:?}");
    assert_eq!(
        (log[0].actor.as_str(), log[0].action.as_str(), log[0].status),
        ("reviewer", "GET /api/v1/practitioners", 200)
    );
    assert_eq!(store.verify_audit().unwrap(), Ok(1));
}

/// P11: kept at least three years, whatever else has had its time.
#[test]
fn what_was_read_is_still_known_after_three_years_of_retention() {
    let house = guarded();
    ask(&house, "GET", "/api/v1/practitioners", &token(&house, Role::Supervisor, ""), "");
    let app = &house.running().app;
    let before = app.store.audit_log("", None, 10).unwrap();
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 3 * 366);
    server::retention::round(app, later).unwrap();
    let after = app.store.audit_log("", None, 10).unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!((&after[0].at, &after[0].action), (&before[0].at, &before[0].action));
    assert_eq!(app.store.verify_audit().unwrap(), Ok(1));
}

#[test]
fn a_token_opens_what_its_role_and_scope_say() {
    let house = guarded();
    let store = &house.running().app.store;
    let admin = "an-administrators-token";
    store.put_api_token(&trust::sha256_hex(admin), "admin", Role::Admin, "", BEFORE, FAR).unwrap();
    let made = ask(
        &house,
        "POST",
        "/api/v1/tokens",
        admin,
        r#"{"name":"his","role":"integrator","scope":"5101","days":30}"#,
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let (id, token) = (
        made.json()["id"].as_str().unwrap().to_owned(),
        made.json()["token"].as_str().unwrap().to_owned(),
    );
    assert_eq!(ask(&house, "GET", "/api/v1/practitioners", &token, "").status, 200);
    assert_eq!(ask(&house, "GET", "/api/v1/alerts", &token, "").status, 403);
    assert!(
        !ask(&house, "GET", "/api/v1/tokens", admin, "").body.contains(&token),
        "a token is shown again"
    );
    assert_eq!(ask(&house, "POST", &format!("/api/v1/tokens/{id}/revoke"), admin, "").status, 200);
    assert_eq!(ask(&house, "GET", "/api/v1/practitioners", &token, "").status, 401);
    for wrong in [
        r#"{"name":"x","role":"admin","days":1}"#,
        r#"{"name":"","role":"auditor","days":1}"#,
        r#"{"name":"x","role":"clinic","days":1}"#,
        r#"{"name":"x","role":"auditor","days":9999}"#,
    ] {
        let answer = ask(&house, "POST", "/api/v1/tokens", admin, wrong);
        assert_eq!((answer.status, answer.head.contains("problem+json")), (422, true), "{wrong}");
    }
}
