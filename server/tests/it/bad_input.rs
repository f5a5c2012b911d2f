//! Everything wrong that can come in: one clear line, counted or set aside, and the server goes on.

use serde_json::{Value, json};
use trust::SigningKey;

use crate::boxes::{TestBox, health};
use crate::house::House;

#[test]
fn a_good_message_after_bad_ones_is_stored() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.publish(&b.topic("health"), b"{ not an envelope");
    b.publish(&b.topic("health"), &vec![b'x'; protocol::MAX_MESSAGE_BYTES + 1]);
    let good = std::mem::replace(&mut b.signing, SigningKey::generate().unwrap());
    let forged = b.link(&health());
    b.publish(&b.topic("health"), &forged);
    b.signing = good;
    (b.seq, b.prev) = (0, trust::ZERO_HASH.to_owned());
    b.say(&health());
    b.receipted(1);
    let summary = house.until("summary", |s| s["quarantined"] == 3);
    assert_eq!(summary["rejected"]["malformed"], 1);
    assert_eq!(summary["rejected"]["oversized"], 1);
    assert_eq!(summary["rejected"]["bad_signature"], 1);
    assert_eq!(
        summary["findings_by_kind"]["Integrity"], 1,
        "a forgery is an Integrity alert, a malformed text is not"
    );
    assert_eq!(summary["messages_stored"], 1);
}

#[test]
fn a_message_that_contradicts_the_chain_is_a_fork() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&health());
    b.receipted(1);
    (b.seq, b.prev) = (0, trust::ZERO_HASH.to_owned());
    let mut other = health();
    other["frames"] = json!(99);
    b.say(&other);
    house.until("summary", |s| s["rejected"]["fork"] == 1);
    assert_eq!(house.get("devices")["devices"][0]["chain"], "forked");
    assert_eq!(house.get("summary")["findings_by_kind"]["Integrity"], 1);
}

#[test]
fn a_token_works_once_and_only_for_its_box() {
    let house = House::new();
    let token = house.furnish();
    let b = TestBox::provision(&house, &token);
    let keys = json!({"signing_key": b.signing.verifying_key().to_base64(),
        "sealing_key": b.sealing.public_key().to_base64(), "firmware": "f"});
    for bad in [token.as_str(), "guess", ""] {
        let mut body = keys.clone();
        body["token"] = json!(bad);
        let (status, answer) = house.post("provision", &body);
        assert_eq!(status, 403, "{answer}");
    }
    let mut body = keys;
    body["token"] = json!(
        house.must_post("devices", &json!({"id":"box-1","room":"room-1"}))["provisioning_token"]
    );
    body["signing_key"] = json!("AAAA");
    assert_eq!(house.post("provision", &body).0, 422);
}

#[test]
fn each_wrong_registry_entry_gets_one_clear_line() {
    let house = House::new();
    house.furnish();
    for (path, body, status, says) in [
        ("institutions", json!({"id":"c 2","name":"x"}), 422, "is no identifier"),
        (
            "institutions",
            json!({"id":"c-2","name":"x","code":"91350100M000100Y44"}),
            422,
            "check character",
        ),
        (
            "institutions",
            json!({"id":"c-2","name":"x","colour":"red"}),
            422,
            "unknown field `colour`",
        ),
        (
            "practitioners",
            json!({"id":"p-1","name":"x","category":"wizard","registration":"valid"}),
            422,
            "category",
        ),
        (
            "practitioners",
            json!({"id":"p-1","name":"x","category":"nurse","registration":"valid",
                "sites":[{"institution":"nowhere","relation":"primary"}]}),
            404,
            "institution `nowhere`",
        ),
        (
            "rooms",
            json!({"id":"r-2","institution":"clinic-1","mode":"in_room","intimate":true}),
            422,
            "an intimate room refuses in_room",
        ),
        (
            "sessions",
            json!({"id":"s-2","room":"room-9","start":"2026-03-02T01:00:00Z"}),
            404,
            "room `room-9`",
        ),
        (
            "sessions",
            json!({"id":"s-1","room":"room-1","revision":1,"start":"2026-03-02T01:00:00Z"}),
            409,
            "revision 1",
        ),
        ("devices", json!({"id":"box-2"}), 422, "missing field `room`"),
        ("alerts/none/steps", json!({"step":"take","by":"x"}), 404, "alert `none`"),
        ("alerts/none/steps", json!({"step":"promote","by":"x"}), 422, "step: `promote`"),
    ] {
        let (got, answer) = house.post(path, &body);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert_eq!(got, status, "{path} {body}: {answer}");
        assert!(detail.contains(says) && !detail.contains('\n'), "{path}: {detail}");
    }
    let answer = house.send("POST", "/api/v1/rooms", "application/json", b"{");
    assert_eq!((answer.status, answer.json()["status"].as_u64()), (400, Some(400)));
    assert!(answer.head.contains("application/problem+json"), "{}", answer.head);
    assert_eq!(house.send("POST", "/api/v1/rooms", "text/plain", b"{}").status, 415);
    assert_eq!(house.page("/api/v1/nothing").0, 404);
}

#[test]
fn an_enrolment_without_consent_is_refused_first() {
    let house = House::new();
    house.furnish();
    let (status, answer) = upload(&house, &[("person", b"p-lead")], &[b"x"]);
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("consent"), "{answer}");
    assert_eq!(house.get("summary")["persons_with_templates"], 0);
}

/// A multipart upload by hand, so that it can be wrong.
pub(crate) fn upload(house: &House, fields: &[(&str, &[u8])], photos: &[&[u8]]) -> (u16, Value) {
    let mut body = Vec::new();
    let mut part = |head: &str, content: &[u8]| {
        body.extend_from_slice(
            format!("--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    };
    for (name, content) in fields {
        part(&format!("name=\"{name}\""), content);
    }
    for photo in photos {
        part("name=\"photo\"; filename=\"p.jpg\"", photo);
    }
    body.extend_from_slice(b"--cut--\r\n");
    let answer =
        house.send("POST", "/api/v1/enrolments", "multipart/form-data; boundary=cut", &body);
    (answer.status, answer.json())
}

#[test]
fn every_fault_of_the_api_is_a_problem() {
    let house = House::new();
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, status) in [
        ("GET", "/api/v1/alerts?before=yesterday", 400),
        ("GET", "/api/v1/alerts?colour=red", 400),
        ("GET", "/api/v1/institutions?limit=-1", 400),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/items", 405),
        ("POST", "/api/v1/items", 415),
    ] {
        let answer = house.send_with(method, path, "", b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.head.contains("application/problem+json"),
            "{method} {path}: {}",
            answer.head
        );
        let problem = answer.json();
        let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
        assert!(
            problem["status"] == status && !detail.is_empty() && !detail.contains('\n'),
            "{problem}"
        );
        let id =
            answer.head.lines().find_map(|l| l.strip_prefix("x-request-id: ")).unwrap().to_owned();
        assert!(ids.insert(id), "an id came twice");
    }
}

/// A clinic's system shows the line to people who read Chinese: what the pages know in Chinese, a
/// program is told, too.
#[test]
fn a_refusal_of_the_api_has_its_chinese_line() {
    let house = House::new();
    house.furnish();
    for (method, path, body, status) in [
        ("POST", "/api/v1/enrolments/quality", &b""[..], 422),
        ("POST", "/api/v1/alerts/none/steps", b"{\"step\":\"take\",\"by\":\"x\"}", 404),
        ("POST", "/api/v1/sessions", b"[]", 422),
        ("PUT", "/api/v1/items", b"", 405),
        ("GET", "/api/v1/nothing", b"", 404),
        ("GET", "/api/v1/alerts/none", b"", 404),
    ] {
        let kind = if path.ends_with("quality") { "image/jpeg" } else { "application/json" };
        let answer = house.send(method, path, kind, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let problem = answer.json();
        let zh = problem["detail_zh"].as_str().unwrap_or_default();
        let words = zh.replace("JPEG", "").replace("PNG", "").replace("none", "");
        let is_chinese = words.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c));
        let is_mixed = words.contains(|c: char| c.is_ascii_alphabetic());
        assert!(is_chinese && !is_mixed, "{method} {path}: {problem}");
    }
}

#[test]
fn a_list_by_pages_misses_and_doubles_nothing() {
    let house = House::new();
    house.furnish();
    for n in 0..7 {
        let id = format!("more-{n}");
        house.must_post(
            "institutions",
            &serde_json::json!({"id": id, "name": format!("机构 {n}"), "jurisdiction": "510104"}),
        );
    }
    let (mut after, mut seen) = (String::new(), Vec::new());
    loop {
        let page = house.get(&format!("institutions?limit=3&after={after}"));
        let found = page["institutions"].as_array().unwrap().clone();
        assert!(found.len() <= 3, "{page}");
        seen.extend(found.iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
    assert!(seen.windows(2).all(|w| w[0] < w[1]), "{seen:?}");
    assert_eq!(house.get("institutions?q=more-3")["institutions"].as_array().unwrap().len(), 1);
}
