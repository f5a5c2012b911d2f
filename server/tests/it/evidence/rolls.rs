//! Who may found, end or renew a custodian: a login alone does not, and no place founds a roll of
//! its own below one that its boxes believe.

use serde_json::json;

use super::*;

/// What a custodian signs who ends a custodian's service.
fn removal(by: &Person, of: &Person, at: &str) -> Value {
    let text = format!(
        "zaigang-evidence-removal/1\njurisdiction={PLACE}\ncustodian={}\nverification_key={}\n\
        by={}\nat={at}",
        of.name,
        of.signing.verifying_key().to_base64(),
        by.name
    );
    json!({"step": "remove", "at": at, "sig": by.sign(&text)})
}

impl Person {
    /// Ends somebody's service over this custodian's signature.
    pub(super) fn removes(&self, house: &House, of: &Person) -> Answer {
        let seen = self.must(house, "GET", "/custodians", &Value::Null);
        let path = format!("/custodians/{}/steps", id_of(&seen, of.name));
        self.ask(house, "POST", &path, &removal(self, of, &now()))
    }

    /// Their keys under another passphrase, as their browser signs it.
    pub(super) fn renewal(&self) -> Value {
        let at = now();
        let text = format!(
            "zaigang-evidence-passphrase/1\njurisdiction={PLACE}\ncustodian={}\n\
            verification_key={}\nat={at}",
            self.name,
            self.signing.verifying_key().to_base64()
        );
        json!({"wrapped": {"ct": "x"}, "recovery": {"ct": "x"}, "at": at, "sig": self.sign(&text)})
    }
}

#[test]
fn a_stolen_login_alone_removes_nobody() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    let seen = zhao.must(&s.house, "GET", "/custodians", &Value::Null);
    let path = format!("/custodians/{}/steps", id_of(&seen, "zhao"));
    let hours_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2);
    let old = hours_ago.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let mut by_another_key = removal(&s.li, &zhao, &now());
    by_another_key["sig"] = removal(&zhao, &zhao, &now())["sig"].clone();
    let of_somebody_else = removal(&s.li, &s.wang, &now());
    for body in
        [json!({"step": "remove"}), by_another_key, of_somebody_else, removal(&s.li, &zhao, &old)]
    {
        let refused = s.li.ask(&s.house, "POST", &path, &body);
        assert_eq!(refused.status, 422, "{body}: {}", refused.body);
    }
    let roll = s.house.running().app.store.roll(PLACE).unwrap();
    assert!(roll.standing("zhao", CustodianRole::Supervisor).is_some());
    let done = s.li.removes(&s.house, &zhao);
    assert_eq!(done.status, 200, "{}", done.body);
}

#[test]
fn who_only_waits_leaves_without_a_signature() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    let seen = zhao.must(&s.house, "POST", "/custodians", &zhao.keys());
    let path = format!("/custodians/{}/steps", id_of(&seen, "zhao"));
    zhao.must(&s.house, "POST", &path, &json!({"step": "remove"}));
}

#[test]
fn a_stolen_login_alone_changes_no_passphrase() {
    let s = scene();
    let unsigned = json!({"wrapped": {"ct": "x"}, "recovery": {"ct": "x"}});
    let anew = s.li.renewal();
    let mut by_another = anew.clone();
    by_another["sig"] = s.wang.renewal()["sig"].clone();
    for body in [unsigned, by_another] {
        let refused = s.li.ask(&s.house, "POST", "/passphrase", &body);
        assert_eq!(refused.status, 422, "{}", refused.body);
    }
    let kept = s.li.must(&s.house, "POST", "/unlock", &json!({}));
    assert_eq!(kept["wrapped"]["ct"], "w");
    s.li.must(&s.house, "POST", "/passphrase", &anew);
    let kept = s.li.must(&s.house, "POST", "/unlock", &json!({}));
    assert_eq!(kept["wrapped"]["ct"], "x");
}

#[test]
fn a_narrower_place_founds_no_roll_of_its_own() {
    let s = scene();
    let sun = Person::new(&s.house, "sun", Role::Supervisor, "510104");
    let (_, body) = sun.founding("510104");
    let refused = sun.ask(&s.house, "POST", "/custodians", &body);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("`5101`"), "{}", refused.body);
    let seen = sun.must(&s.house, "GET", "/custodians", &Value::Null);
    assert_eq!(seen["upper"], "5101");
    let (_, shown) = page(&s, &sun, "/evidence?lang=en");
    assert!(shown.contains("custodians of 5101"), "the page says whom the boxes here believe");
    assert!(!shown.contains("data-evidence=\"make\""), "it offers what is refused");
    // Another part of the country, with nobody above it, founds its own.
    let guo = Person::new(&s.house, "guo", Role::Supervisor, "5201");
    let (_, body) = guo.founding("5201");
    guo.must(&s.house, "POST", "/custodians", &body);
}

#[test]
fn whose_role_changed_looks_at_nothing_any_more() {
    let mut s = scene();
    let order = s.delivered();
    s.sql("UPDATE account SET role = 'reviewer' WHERE id = 'li'");
    let whole = format!("/requests/{}", order.order);
    for path in [format!("{whole}/items/{}", s.ids()[0]), whole] {
        let refused = s.li.ask(&s.house, "GET", &path, &Value::Null);
        assert_eq!(refused.status, 409, "{path}: {}", refused.body);
    }
}
