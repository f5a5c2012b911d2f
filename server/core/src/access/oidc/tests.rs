//! A login by a provider, and each way in which it is none.

use super::*;

/// An Ed25519 key pair of RFC 8037's appendix A, whose tokens are signed below.
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

fn signed(claims: &serde_json::Value, header: &str) -> String {
    use ed25519_dalek::Signer as _;
    let secret: [u8; 32] = URL_SAFE_NO_PAD.decode(D).unwrap().try_into().unwrap();
    let head = URL_SAFE_NO_PAD.encode(header);
    let body = URL_SAFE_NO_PAD.encode(claims.to_string());
    let both = format!("{head}.{body}");
    let signature = ed25519_dalek::SigningKey::from_bytes(&secret).sign(both.as_bytes());
    format!("{both}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

fn keys() -> KeySet {
    let text =
        serde_json::json!({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","alg":"EdDSA","x":X}]});
    serde_json::from_value(text).unwrap()
}

const HEADER: &str = r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#;

fn claims() -> serde_json::Value {
    serde_json::json!({"iss":"https://i","sub":"1","aud":"zaigang","exp":4_102_444_800u64,
        "iat":NOW_S,"nonce":"n","preferred_username":"wang"})
}

const NOW_S: i64 = 1_770_000_000;

fn asked(token: &str) -> Result<serde_json::Value, OidcError> {
    let wanted = Wanted { issuer: "https://i", client: "zaigang", nonce: "n", begun_s: NOW_S - 30 };
    verified(token, &keys(), &wanted, NOW_S)
}

#[test]
fn a_token_of_the_provider_is_taken_and_any_other_is_not() {
    assert_eq!(asked(&signed(&claims(), HEADER)).unwrap()["preferred_username"], "wang");
    for (name, value) in [
        ("iss", serde_json::json!("https://other")),
        ("aud", serde_json::json!("another")),
        ("exp", serde_json::json!(1_000_000)),
        ("nonce", serde_json::json!("m")),
        ("aud", serde_json::json!(["zaigang", "another"])),
        ("exp", serde_json::json!("soon")),
        ("iat", serde_json::json!(null)),
        ("iat", serde_json::json!(NOW_S - 600)),
        ("iat", serde_json::json!(NOW_S + 61)),
        ("iat", serde_json::json!(i64::MIN)),
        ("nbf", serde_json::json!(NOW_S + 61)),
        ("nbf", serde_json::json!(i64::MAX)),
        ("nbf", serde_json::json!("now")),
    ] {
        let mut wrong = claims();
        wrong[name] = value;
        assert!(asked(&signed(&wrong, HEADER)).is_err(), "{name} was taken: {wrong}");
    }
    for (name, value) in [("exp", i64::MAX), ("nbf", NOW_S), ("nbf", i64::MIN), ("iat", NOW_S - 60)]
    {
        let mut good = claims();
        good[name] = value.into();
        assert!(asked(&signed(&good, HEADER)).is_ok(), "{name} {value}");
    }
    assert!(asked(&signed(&claims(), r#"{"alg":"EdDSA","kid":"other"}"#)).is_err());
    assert!(
        asked(&signed(&claims(), r#"{"alg":"HS256","kid":"k"}"#)).is_err(),
        "a shared secret was taken"
    );
    let mut forged = signed(&claims(), HEADER);
    forged.replace_range(forged.len() - 6.., "AAAAAA");
    assert!(asked(&forged).is_err());
}

#[test]
fn a_time_with_a_fraction_is_a_time() {
    let now = NOW_S as f64;
    for (name, value, taken) in [
        ("exp", now + 0.5, true),
        ("exp", now - 61.5, false),
        ("iat", now + 0.25, true),
        ("iat", now + 61.5, false),
        ("nbf", now + 59.9, true),
        ("nbf", now + 61.9, false),
        ("exp", 1e300, true),
        ("nbf", 1e300, false),
    ] {
        let mut said = claims();
        said[name] = value.into();
        assert_eq!(asked(&signed(&said, HEADER)).is_ok(), taken, "{name} {value}");
    }
}

proptest::proptest! {
    #[test]
    fn a_numeric_date_is_its_whole_seconds(seconds in -1_000_000_000_000i64..1_000_000_000_000,
        part in 0.0f64..0.9) {
        proptest::prop_assert_eq!(numeric_date(&seconds.into()), Some(seconds));
        proptest::prop_assert_eq!(numeric_date(&(seconds as f64 + part).into()), Some(seconds));
    }

    #[test]
    fn what_is_no_number_is_no_time(text: String) {
        proptest::prop_assert_eq!(numeric_date(&text.into()), None);
    }
}

fn settings() -> Settings {
    Settings {
        issuer: "http://127.0.0.1:1".into(),
        client_id: "zaigang".into(),
        client_secret_file: None,
        ca_file: None,
        public_url: "http://127.0.0.1:2".into(),
        claim_is_ignored: false,
        strong_acr: vec!["gold".into()],
        strong_amr: vec!["mfa".into()],
    }
}

#[test]
fn a_name_identifies_nobody_and_a_second_factor_is_told() {
    let of = |more: serde_json::Value| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        vouched(&claims, "https://i", &settings())
    };
    let plain = of(serde_json::json!({})).unwrap();
    assert_eq!(
        (plain.identity.subject.as_str(), plain.shown.as_str(), plain.strong),
        ("1", "wang", false)
    );
    let renamed = of(serde_json::json!({"preferred_username":"li"})).unwrap();
    assert_eq!(renamed.identity, plain.identity, "another name is another person");
    for (more, strong) in [
        (serde_json::json!({"acr":"gold"}), true),
        (serde_json::json!({"acr":"bronze","amr":["pwd"]}), false),
        (serde_json::json!({"amr":["pwd","mfa"]}), true),
        (serde_json::json!({"amr":"mfa"}), false),
    ] {
        assert_eq!(of(more.clone()).unwrap().strong, strong, "{more}");
    }
    for wrong in [
        serde_json::json!(""),
        serde_json::json!(null),
        serde_json::json!(7),
        "s".repeat(256).into(),
    ] {
        assert!(of(serde_json::json!({"sub":wrong})).is_err());
    }
}

#[test]
fn a_state_that_was_not_begun_here_ends_nothing() {
    let provider = Provider::new(settings()).unwrap();
    let begun = |state: &str, begun_ms| Pending {
        state: state.to_owned(),
        nonce: String::new(),
        verifier: String::new(),
        begun_ms,
    };
    for (pending, state, now_ms) in [
        (begun("state", 0), "other", 1),
        (begun("", 0), "", 1),
        (begun("state", 0), "state", PENDING_MS),
        (begun("state", LEEWAY_S * 1000 + 2), "state", 1),
    ] {
        assert!(matches!(
            provider.finish(&pending, state, "code", now_ms),
            Err(OidcError::NotBegun)
        ));
    }
}
