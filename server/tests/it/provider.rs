//! A login provider on loopback that vouches for whomever the test says, and the server that
//! believes it no further than its owner's link. The browser's own flow with a certified provider
//! is `tests/browser/oidc.mjs`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use server::access::Role;

use crate::accounts::{PASSWORD, code, enter, form, page, person};
use crate::house::{Answer, House};

/// What the next token says beside what it must.
struct Fake {
    issuer: String,
    claims: Arc<Mutex<Value>>,
}

impl Fake {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let claims = Arc::new(Mutex::new(json!({})));
        let (own, said) = (issuer.clone(), Arc::clone(&claims));
        std::thread::spawn(move || {
            let key = SigningKey::from_bytes(&[7; 32]);
            for mut stream in listener.incoming().flatten() {
                let mut head = [0; 4096];
                let count = stream.read(&mut head).unwrap_or(0);
                let asked = String::from_utf8_lossy(&head[..count]).into_owned();
                let body = match asked.split(' ').nth(1).unwrap_or("") {
                    "/.well-known/openid-configuration" => {
                        json!({"issuer": own, "authorization_endpoint": format!("{own}/auth"),
                        "token_endpoint": format!("{own}/token"),
                            "jwks_uri": format!("{own}/keys")})
                    }
                    "/keys" => json!({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k",
                        "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes())}]}),
                    _ => json!({"id_token": signed(&key, &own, &said.lock().unwrap())}),
                }
                .to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: \
                    close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { issuer, claims }
    }

    fn house(&self) -> House {
        let extra = format!(
            "[access]\naccounts = true\n[oidc]\nissuer = \"{}\"\nclient_id = \
            \"zaigang\"\npublic_url = \"http://127.0.0.1:1\"\n",
            self.issuer
        );
        House::with(tempfile::tempdir().unwrap(), &extra)
    }

    /// Goes by `begin`, comes back as `subject`.
    fn comes_back(
        &self,
        house: &House,
        begin: &str,
        cookie: &str,
        more: &Value,
    ) -> (Answer, String) {
        let gone = page(house, begin, cookie);
        assert_eq!(gone.status, 303, "{}", gone.body);
        let location = gone.raw("location: ");
        let part = |name: &str| {
            location
                .split(['?', '&'])
                .find_map(|p| p.strip_prefix(&format!("{name}=")))
                .unwrap()
                .to_owned()
        };
        let mut claims = json!({"nonce": part("nonce")});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        *self.claims.lock().unwrap() = claims;
        let way = gone.cookie();
        let back = format!("/login/oidc/done?lang=en&code=c&state={}", part("state"));
        (page(house, &back, &way), back)
    }
}

fn signed(key: &SigningKey, issuer: &str, more: &Value) -> String {
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({"iss": issuer, "aud": "zaigang", "iat": now, "exp": now + 60});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let both = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"k"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = key.sign(both.as_bytes());
    format!("{both}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn sealed(answer: &Answer) -> String {
    answer
        .body
        .split_once("name=\"sealed\" value=\"")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn the_provider_opens_a_linked_account_alone() {
    let fake = Fake::start();
    let house = fake.house();
    person(&house, "wang", Role::Supervisor, false);
    person(&house, "li", Role::Supervisor, false);
    let mine = enter(&house, "wang", PASSWORD, "").unwrap();
    let other = enter(&house, "li", PASSWORD, "").unwrap();
    // A name that is the account's proves nothing.
    let named = json!({"sub":"17","preferred_username":"wang"});
    let (stranger, _) = fake.comes_back(&house, "/login/oidc", "", &named);
    assert!(
        stranger.status == 403 && stranger.body.contains("no account here is linked"),
        "{}",
        stranger.body
    );

    // The way to a link needs a login, and its end the same one's word.
    assert_eq!(page(&house, "/account/provider", "").status, 303);
    assert!(page(&house, "/account/provider", "").head.contains("location: /login"));
    let (confirm, back) = fake.comes_back(&house, "/account/provider", &mine, &named);
    assert!(
        confirm.status == 200 && confirm.body.contains("<code>wang</code>"),
        "{}",
        confirm.body
    );
    assert_eq!(
        fake.comes_back(&house, "/login/oidc", "", &named).0.status,
        403,
        "linked without a word"
    );
    let proof = sealed(&confirm);
    let others_word = format!("sealed={proof}&present={PASSWORD}");
    assert_eq!(
        form(&house, "/account/provider", &other, &others_word).status,
        422,
        "another's login, with that one's own password"
    );
    assert_eq!(form(&house, "/account/provider", "", &format!("sealed={proof}")).status, 401);
    // A login that was left open is not enough: its password is asked for.
    for present in ["", "&present=guess"] {
        let refused = form(&house, "/account/provider", &mine, &format!("sealed={proof}{present}"));
        assert!(
            refused.status == 422 && sealed(&refused) == proof,
            "{} {}",
            refused.status,
            refused.body
        );
    }
    let with_password = format!("sealed={proof}&present={PASSWORD}");
    assert_eq!(form(&house, "/account/provider", &mine, &with_password).status, 303);

    let (entered, _) = fake.comes_back(
        &house,
        "/login/oidc",
        "",
        &json!({"sub":"17","preferred_username":"renamed"}),
    );
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(page(&house, "/", &entered.cookie()).status, 200);
    assert_eq!(
        fake.comes_back(
            &house,
            "/login/oidc",
            "",
            &json!({"sub":"18","preferred_username":"wang"})
        )
        .0
        .status,
        403
    );
    // A way back that another browser went, or none.
    assert_eq!(page(&house, &back, "").status, 401);
    assert_eq!(page(&house, "/login/oidc/done?state=&code=c", "zaigang-oidc=").status, 401);
    // The same identity opens no second account.
    let (confirm, _) = fake.comes_back(&house, "/account/provider", &other, &named);
    assert_eq!(
        form(
            &house,
            "/account/provider",
            &other,
            &format!("sealed={}&present={PASSWORD}", sealed(&confirm))
        )
        .status,
        409
    );
    let unlink = |body: &str| form(&house, "/account/provider/unlink", &mine, body).status;
    assert_eq!(unlink(""), 422, "unlinked without its password");
    assert_eq!(fake.comes_back(&house, "/login/oidc", "", &named).0.status, 200);
    assert_eq!(unlink(&format!("present={PASSWORD}")), 200);
    assert_eq!(
        fake.comes_back(&house, "/login/oidc", "", &json!({"sub":"17"})).0.status,
        403,
        "unlinked, and still in"
    );
}

#[test]
fn a_provider_without_a_second_factor_skips_no_code() {
    let fake = Fake::start();
    let house = fake.house();
    let secret = person(&house, "wang", Role::Supervisor, true).unwrap();
    let mine = enter(&house, "wang", PASSWORD, &code(&secret, -1)).unwrap();
    let (confirm, _) = fake.comes_back(&house, "/account/provider", &mine, &json!({"sub":"17"}));
    assert_eq!(
        form(
            &house,
            "/account/provider",
            &mine,
            &format!("sealed={}&present={PASSWORD}", sealed(&confirm))
        )
        .status,
        422,
        "the account's code was not asked for"
    );
    assert_eq!(
        form(
            &house,
            "/account/provider",
            &mine,
            &format!("sealed={}&present={PASSWORD}&code={}", sealed(&confirm), code(&secret, 0))
        )
        .status,
        303
    );

    let (asked, _) = fake.comes_back(&house, "/login/oidc", "", &json!({"sub":"17","amr":["pwd"]}));
    assert!(asked.body.contains("One-time code"), "{}", asked.body);
    assert!(!asked.head.contains("set-cookie: zaigang="), "the account's code was skipped");
    let half = sealed(&asked);
    let with = |code: &str| form(&house, "/login/oidc", "", &format!("sealed={half}&code={code}"));
    assert_eq!(with("000000").status, 401);
    let right = code(&secret, 1);
    let entered = with(&right);
    assert_eq!(entered.status, 200, "{}", entered.body);
    assert_eq!(page(&house, "/", &entered.cookie()).status, 200);
    assert_eq!(with(&right).status, 401, "a code worked twice");
    assert_eq!(form(&house, "/login/oidc", "", "sealed=forged&code=000000").status, 401);

    let (strong, _) =
        fake.comes_back(&house, "/login/oidc", "", &json!({"sub":"17","amr":["pwd","mfa"]}));
    assert_eq!(page(&house, "/", &strong.cookie()).status, 200);
}
