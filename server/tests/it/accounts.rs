//! The life of an account: its password changed, reset and ended; a second factor that a role
//! needs; invitations; cookies.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use server::access::Role;
use sha1::Sha1;

use crate::access::{ask, guarded, login, token};
use crate::house::{Answer, House};

pub(crate) const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "staple battery horse";

pub(crate) fn form(house: &House, path: &str, cookie: &str, body: &str) -> Answer {
    let cookie = if cookie.is_empty() { String::new() } else { format!("Cookie: {cookie}\r\n") };
    let headers = format!(
        "{cookie}Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    house.send_with("POST", path, &headers, body.replace(' ', "+").as_bytes())
}

pub(crate) fn page(house: &House, path: &str, cookie: &str) -> Answer {
    house.send_with("GET", path, &format!("Cookie: {cookie}\r\n"), b"")
}

/// A person with a real password; with a code gives its secret, too.
pub(crate) fn person(house: &House, name: &str, role: Role, code: bool) -> Option<String> {
    let link = format!("link-of-{name}");
    let app = &house.running().app;
    let hash = trust::sha256_hex(&link);
    app.store.invite(&hash, role, "", "2099-01-01T00:00:00.000Z".parse().unwrap()).unwrap();
    if code {
        // Straight into the store: the first code that the page asks for would be used up.
        let secret = trust::sha256_hex(name).into_bytes()[..20].to_vec();
        let sealed = app.master.seal(&format!("totp {name}"), &secret).unwrap();
        let password = server::access::password::hash(PASSWORD).unwrap();
        let now = "2026-01-01T00:00:00.000Z";
        app.store
            .accept_invitation(
                &hash,
                &name.parse().unwrap(),
                "x",
                &password,
                Some(&sealed),
                now.parse().unwrap(),
            )
            .unwrap();
        return Some(server::access::totp::base32(&secret));
    }
    let made = form(
        house,
        &format!("/welcome/{link}"),
        "",
        &format!("name={name}&display=x&password={PASSWORD}"),
    );
    assert!(matches!(made.status, 200 | 303), "{} {}", made.status, made.body);
    secret(&made.body)
}

/// Opens a link with a second factor, as a person with an authenticator does; gives the secret and
/// the page with the recovery codes.
fn welcomed(house: &House, path: &str, fields: &str) -> (String, String) {
    let begun = form(house, path, "", fields);
    let (secret, sealed) = (secret(&begun.body).expect("no secret"), hidden(&begun.body));
    let wrong = form(house, path, "", &format!("sealed={sealed}&code=000000"));
    assert_eq!(wrong.status, 422, "a mistyped code was taken");
    assert_eq!(hidden(&wrong.body), sealed, "a mistyped code lost the secret");
    let done = form(house, path, "", &format!("sealed={sealed}&code={}", code(&secret, 0)));
    assert_eq!(done.status, 200, "{}", done.body);
    (secret, done.body)
}

/// The first recovery code of a page.
fn recovery_code(body: &str) -> String {
    let list = body.split_once("<ol class=\"mono\">").expect(body).1;
    list.split_once("<li>").unwrap().1.split_once("</li>").unwrap().0.to_owned()
}

/// The secret that a page shows.
fn secret(body: &str) -> Option<String> {
    let (_, rest) = body.split_once("?secret=")?;
    Some(rest.split("&#38;issuer").next()?.split("&amp;issuer").next()?.to_owned())
}

fn hidden(body: &str) -> String {
    body.split_once("name=\"sealed\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
}

/// What an authenticator shows, so many steps from now.
pub(crate) fn code(secret: &str, steps: i64) -> String {
    let letter = |c| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
    let bits: Vec<u8> = secret
        .chars()
        .flat_map(|c| (0..5).rev().map(move |n| (letter(c) >> n & 1) as u8))
        .collect();
    let key: Vec<u8> =
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(jiff::Timestamp::now().as_second() / 30 + steps).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number =
        u32::from_be_bytes([digest[at] & 0x7f, digest[at + 1], digest[at + 2], digest[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// Logs in; the cookie as it is sent back.
pub(crate) fn enter(house: &House, name: &str, password: &str, code: &str) -> Result<String, u16> {
    let answer = form(house, "/login", "", &format!("name={name}&password={password}&code={code}"));
    if answer.status == 303 { Ok(answer.cookie()) } else { Err(answer.status) }
}

#[test]
fn a_leaked_password_is_mended_by_its_owner() {
    let house = guarded();
    let secret = person(&house, "wang", Role::Supervisor, true).expect("no secret was shown");
    let mine = enter(&house, "wang", PASSWORD, &code(&secret, -1)).unwrap();
    let thief = enter(&house, "wang", PASSWORD, &code(&secret, 0)).unwrap();
    let change = |present: &str, new: &str, code: &str| {
        form(
            &house,
            "/account/password",
            &mine,
            &format!("present={present}&new={new}&code={code}"),
        )
        .status
    };
    assert_eq!(change("wrong", OTHER, &code(&secret, 1)), 422);
    assert_eq!(change(PASSWORD, OTHER, "000000"), 422, "the password alone was enough");
    assert_eq!(change(PASSWORD, "short", &code(&secret, 1)), 422);
    assert_eq!(page(&house, "/", &thief).status, 200);
    assert_eq!(change(PASSWORD, OTHER, &code(&secret, 1)), 200);
    assert_eq!((page(&house, "/", &mine).status, page(&house, "/", &thief).status), (200, 303));
    assert_eq!(enter(&house, "wang", PASSWORD, ""), Err(401));
    // A program changes nobody's password.
    let body = json!({"present": PASSWORD, "new": OTHER}).to_string();
    let by_token = ask(
        &house,
        "POST",
        "/api/v1/account/password",
        &token(&house, Role::Supervisor, ""),
        &body,
    );
    assert_eq!(by_token.status, 409, "{}", by_token.body);
}

#[test]
fn guesses_in_an_open_login_are_counted() {
    let house = guarded();
    person(&house, "wang", Role::Reviewer, false);
    let mine = enter(&house, "wang", PASSWORD, "").unwrap();
    let guess =
        || form(&house, "/account/password", &mine, &format!("present=guess&new={OTHER}")).status;
    let all: Vec<u16> = (0..7).map(|_| guess()).collect();
    assert_eq!(all.last(), Some(&429), "{all:?}");
    assert!(enter(&house, "wang", PASSWORD, "").is_ok(), "an open login locks the owner out");
}

#[test]
fn a_reset_is_another_administrators_word() {
    let house = guarded();
    let lost = person(&house, "wang", Role::Reviewer, true).unwrap();
    let admin = login(&house, "admin", Role::Admin, "");
    let open = enter(&house, "wang", PASSWORD, &code(&lost, 0)).unwrap();
    assert_eq!(
        ask(&house, "POST", "/api/v1/accounts/admin/reset", &admin, "").status,
        409,
        "his own account"
    );
    assert_eq!(ask(&house, "POST", "/api/v1/accounts/nobody/reset", &admin, "").status, 404);
    let supervisor = login(&house, "boss", Role::Supervisor, "");
    assert_eq!(ask(&house, "POST", "/api/v1/accounts/wang/reset", &supervisor, "").status, 403);
    let made = ask(&house, "POST", "/api/v1/accounts/wang/reset", &admin, "");
    assert_eq!(made.status, 201, "{}", made.body);
    let path = made.json()["path"].as_str().unwrap().to_owned();
    assert_eq!(page(&house, "/", &open).status, 200, "a link that nobody used ended a login");
    let shown = page(&house, &path, "");
    assert!(shown.status == 200 && shown.body.contains("<code>wang</code>"), "{}", shown.body);
    // A name that is sent along is not the one that counts.
    let fields = format!("name=admin&password={OTHER}&totp=yes");
    assert_eq!(page(&house, "/", &open).status, 200);
    let (fresh, _) = welcomed(&house, &path, &fields);
    assert_eq!(page(&house, "/", &open).status, 303, "a login outlived the reset");
    assert_eq!(
        form(&house, &path, "", &format!("password={PASSWORD}")).status,
        404,
        "the link worked twice"
    );
    assert_eq!(enter(&house, "wang", PASSWORD, &code(&lost, 1)), Err(401));
    assert_eq!(enter(&house, "wang", OTHER, &code(&fresh, 0)), Err(401), "a code works once");
    assert!(enter(&house, "wang", OTHER, &code(&fresh, 1)).is_ok());
}

#[test]
fn a_disabled_account_comes_back_as_it_was() {
    let house = guarded();
    person(&house, "wang", Role::Reviewer, false);
    let admin = login(&house, "admin", Role::Admin, "");
    for (step, comes_in) in [("disable", false), ("enable", true)] {
        assert_eq!(
            ask(&house, "POST", &format!("/api/v1/accounts/wang/{step}"), &admin, "").status,
            200
        );
        assert_eq!(enter(&house, "wang", PASSWORD, "").is_ok(), comes_in, "{step}");
    }
}

#[test]
fn a_role_that_needs_a_code_opens_nothing_without() {
    let house = guarded();
    person(&house, "wang", Role::Reviewer, false);
    let mine = enter(&house, "wang", PASSWORD, "").unwrap();
    assert_eq!(page(&house, "/", &mine).status, 200);
    let admin = login(&house, "admin", Role::Admin, "");
    let said =
        ask(&house, "POST", "/api/v1/accounts/second-factor", &admin, r#"{"roles":["reviewer"]}"#);
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(
        ask(&house, "POST", "/api/v1/accounts/second-factor", &admin, r#"{"roles":["public"]}"#)
            .status,
        422
    );

    // Also the login that stood.
    let away = page(&house, "/", &mine);
    assert!(away.status == 303 && away.head.contains("location: /account"), "{}", away.head);
    assert_eq!(page(&house, "/api/v1/alerts", &mine).status, 403);
    assert_eq!(page(&house, "/account", &mine).status, 200);
    let step = |body: &str| form(&house, "/account/second-factor", &mine, body);
    assert_eq!(step("present=wrong").status, 422);
    let begun = step(&format!("present={PASSWORD}"));
    let (shown, sealed) = (secret(&begun.body).expect("no secret"), hidden(&begun.body));
    assert_eq!(step(&format!("sealed={sealed}&code=000000")).status, 422);
    assert_eq!(page(&house, "/", &mine).status, 303, "a secret without its first code is in use");
    assert_eq!(step("sealed=forged&code=000000").status, 422);
    assert_eq!(step(&format!("sealed={sealed}&code={}", code(&shown, 0))).status, 200);
    assert_eq!(page(&house, "/", &mine).status, 200);
    assert_eq!(enter(&house, "wang", PASSWORD, ""), Err(401), "the code is not asked for");
    // Whoever is invited from here on can not leave it out.
    assert!(person(&house, "li", Role::Reviewer, false).is_some(), "an invitee left the code out");
    // Nobody else's form is taken.
    person(&house, "chen", Role::Supervisor, false);
    let other = enter(&house, "chen", PASSWORD, "").unwrap();
    let stolen = form(
        &house,
        "/account/second-factor",
        &other,
        &format!("sealed={sealed}&code={}", code(&shown, 1)),
    );
    assert_eq!(stolen.status, 422);
}

#[test]
fn an_invitations_scope_is_there() {
    let house = House::new();
    house.furnish();
    for (role, scope, status) in [
        ("clinic", "clinic-1", 201),
        ("clinic", "clinic-9", 422),
        ("clinic", "", 422),
        ("supervisor", "5101", 201),
        ("supervisor", "clinic-1", 422),
        ("reviewer", "5101040000001", 422),
        ("auditor", "", 201),
        ("admin", "5101", 422),
    ] {
        let (got, answer) = house.post("accounts", &json!({"role": role, "scope": scope}));
        assert_eq!(got, status, "{role} {scope}: {answer}");
        if !matches!(role, "admin") {
            let (got, answer) =
                house.post("tokens", &json!({"name":"x","role": role, "scope": scope, "days": 1}));
            assert_eq!(got, status, "token {role} {scope}: {answer}");
        }
    }
}

#[test]
fn a_cookie_is_bound_to_the_host_where_tls_is_spoken() {
    let tls = "[access]\naccounts = true\n[oidc]\nissuer = \"https://i.example.cn\"\nclient_id = \
        \"z\"\npublic_url = \"https://zaigang.example.cn\"\n";
    let house = House::with(tempfile::tempdir().unwrap(), tls);
    person(&house, "wang", Role::Reviewer, false);
    let answer = form(&house, "/login", "", &format!("name=wang&password={PASSWORD}"));
    let line = answer.head.lines().find(|l| l.starts_with("set-cookie")).unwrap();
    assert!(line.starts_with("set-cookie: __host-zaigang=") && line.contains("; secure"), "{line}");
    assert!(line.contains("path=/;") && !line.contains("domain"), "{line}");
    let cookie = answer.cookie();
    assert_eq!(page(&house, "/", &cookie).status, 200);
    // What a neighbour could set is not read.
    assert_eq!(page(&house, "/", &cookie.replace("__Host-", "")).status, 303);
}

#[test]
fn the_caller_hears_who_they_are_and_nobody_hears_nothing() {
    let house = guarded();
    let program = token(&house, Role::Clinic, "clinic-1");
    let person = login(&house, "li", Role::Supervisor, "5101");
    let me = |of: &str| ask(&house, "GET", "/api/v1/me", of, "");
    assert_eq!(
        me(&program).json(),
        json!({"name": "clinic", "role": "clinic", "scope": "clinic-1", "by_token": true})
    );
    assert_eq!(
        me(&person).json(),
        json!({"name": "li", "role": "supervisor", "scope": "5101", "by_token": false})
    );
    assert_eq!(me("").status, 401);
}

#[test]
fn a_second_factor_counts_once_its_first_code_was_typed() {
    let house = guarded();
    let admin = login(&house, "admin", Role::Admin, "");
    let invited =
        ask(&house, "POST", "/api/v1/accounts", &admin, r#"{"role":"reviewer","scope":"5101"}"#);
    let path = invited.json()["path"].as_str().unwrap().to_owned();
    let fields = format!("name=wang&display=W&password={PASSWORD}&totp=yes");
    let begun = form(&house, &path, "", &fields);
    assert!(begun.body.contains("<svg"), "no QR code: {}", begun.body);
    assert_eq!(page(&house, &path, "").status, 200, "a secret alone used the link up");
    assert!(house.running().app.store.account(&"wang".parse().unwrap()).unwrap().is_none());
    // What another link's form carried is not taken for this one.
    let other = ask(&house, "POST", "/api/v1/accounts", &admin, r#"{"role":"admin"}"#);
    let other = other.json()["path"].as_str().unwrap().to_owned();
    let (shown, sealed) = (secret(&begun.body).unwrap(), hidden(&begun.body));
    let stolen = form(&house, &other, "", &format!("sealed={sealed}&code={}", code(&shown, 0)));
    assert_eq!(stolen.status, 422, "a reviewer's form made an administrator");
    let (_, ready) = welcomed(&house, &path, &fields);
    let recovery = recovery_code(&ready);
    assert_eq!(form(&house, &path, "", &fields).status, 404, "the link worked twice");
    // The phone is lost: a recovery code opens once.
    let by_recovery = || {
        let fields = format!("name=wang&password={PASSWORD}&recovery={recovery}");
        form(&house, "/login", "", &fields).status
    };
    assert_eq!((by_recovery(), by_recovery()), (303, 401));
    let wrong = format!("name=wang&password={OTHER}&recovery={recovery}");
    assert_eq!(form(&house, "/login", "", &wrong).status, 401);
}

#[test]
fn a_changed_list_of_second_factors_is_logged() {
    let house = guarded();
    let admin = login(&house, "admin", Role::Admin, "");
    let set = |roles: serde_json::Value| {
        let body = json!({"roles": roles}).to_string();
        ask(&house, "POST", "/api/v1/accounts/second-factor", &admin, &body).status
    };
    assert_eq!(set(json!(["reviewer", "supervisor"])), 200);
    assert_eq!(set(json!(["supervisor"])), 200);
    let log = ask(&house, "GET", "/api/v1/audit?q=second+factor", &admin, "");
    assert!(
        log.body.contains("second factor for supervisor; before: reviewer supervisor"),
        "{}",
        log.body
    );
}

#[test]
fn nobody_raises_themselves_and_a_changed_role_is_remembered() {
    let house = guarded();
    let admin = login(&house, "admin", Role::Admin, "");
    person(&house, "wang", Role::Reviewer, false);
    let mine = enter(&house, "wang", PASSWORD, "").unwrap();
    let change = |who: &str, id: &str, role: &str, scope: &str, reason: &str| {
        let body = json!({"role": role, "scope": scope, "reason": reason}).to_string();
        ask(&house, "POST", &format!("/api/v1/accounts/{id}/role"), who, &body).status
    };
    let boss = login(&house, "boss", Role::Supervisor, "");
    assert_eq!(change(&boss, "wang", "admin", "", "friend"), 403);
    assert_eq!(change(&admin, "admin", "supervisor", "", "me"), 409, "his own");
    assert_eq!(change(&admin, "wang", "supervisor", "5101", " "), 422, "without a reason");
    assert_eq!(change(&admin, "wang", "public", "", "x"), 422);
    assert_eq!(change(&admin, "wang", "admin", "5101", "x"), 422);
    assert_eq!(change(&admin, "wang", "clinic", "nowhere", "x"), 422);
    assert_eq!(page(&house, "/", &mine).status, 200);
    assert_eq!(change(&admin, "wang", "supervisor", "5101", "transferred"), 200);
    assert_eq!(page(&house, "/", &mine).status, 303, "a login outlived its rights");
    let changes = ask(&house, "GET", "/api/v1/accounts/wang/changes", &admin, "").json();
    let one = &changes["changes"][0];
    assert_eq!(
        (&one["role_before"], &one["role_after"], &one["by"], &one["why"]),
        (&json!("reviewer"), &json!("supervisor"), &json!("admin"), &json!("transferred"))
    );
    let shown = page(&house, "/accounts/wang", &format!("zaigang={admin}")).body;
    for wanted in ["核查员", "卫生监督员", "四川省成都市 5101", "transferred"] {
        assert!(shown.contains(wanted), "the history lacks {wanted}: {shown}");
    }
}

#[test]
fn invitations_wait_with_their_address_and_are_withdrawn() {
    let house = guarded();
    let admin = login(&house, "admin", Role::Admin, "");
    let cookie = format!("zaigang={admin}");
    let made = form(&house, "/accounts", &cookie, "role=reviewer&scope=5101");
    assert_eq!(made.status, 200, "{}", made.body);
    let listed = page(&house, "/accounts", &cookie).body;
    let address = listed.split_once("data-copy=\"").unwrap().1.split('"').next().unwrap();
    let path = address.strip_prefix(house.base.as_str()).expect(address).to_owned();
    assert_eq!(page(&house, &path, "").status, 200);
    let waiting = ask(&house, "GET", "/api/v1/accounts/invitations", &admin, "");
    assert!(!waiting.body.contains(&path), "a list of the API gives links away");
    let id = waiting.json()["invitations"][0]["id"].as_str().unwrap().to_owned();
    let withdrawn = form(&house, &format!("/accounts/invitations/{id}/withdraw"), &cookie, "");
    assert_eq!(withdrawn.status, 303, "{}", withdrawn.body);
    assert_eq!(page(&house, &path, "").status, 404, "a withdrawn link opens");
    // What was refused stays as it was typed, beside one line in Chinese.
    let wrong = form(&house, "/accounts", &cookie, "role=clinic&institution=");
    assert!(
        wrong.status == 422 && wrong.body.contains("机构账户必须选择所属机构"),
        "{} {}",
        wrong.status,
        wrong.body
    );
}

#[test]
fn an_account_is_disabled_by_page_once_it_is_meant() {
    let house = guarded();
    let admin = login(&house, "admin", Role::Admin, "");
    let cookie = format!("zaigang={admin}");
    person(&house, "wang", Role::Reviewer, false);
    let act = |act: &str, sure: &str| {
        form(&house, &format!("/accounts/wang/{act}"), &cookie, sure).status
    };
    assert_eq!(act("disable", ""), 422, "without a confirmation");
    assert!(enter(&house, "wang", PASSWORD, "").is_ok());
    assert_eq!(act("disable", "sure=yes"), 303);
    assert_eq!(enter(&house, "wang", PASSWORD, ""), Err(401));
    assert_eq!(act("enable", ""), 303);
    assert!(enter(&house, "wang", PASSWORD, "").is_ok());
    assert_eq!(act("explode", "sure=yes"), 404);
}
