//! Twin houses that differ only in what happens at other clinics: leads, corrections, self-checks,
//! sessions, kept views. Nothing that a clinic may fetch or hear tells them apart.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, WAIT, finding};
use crate::eyes::Stream;
use crate::house::House;
use crate::log_holds::with_box;
use crate::twin::{addresses_of, masked};

pub(crate) struct Place {
    pub house: House,
    pub here: TestBox,
    pub there: TestBox,
    pub officer: String,
    pub clinic: String,
    pub other: String,
}

/// Two clinics with a box each, far from one another.
pub(crate) fn place() -> Place {
    let (house, here) = with_box();
    let officer = token(&house, Role::Supervisor, "");
    let put = |noun: &str, body: &Value| {
        let made = ask(&house, "POST", &format!("/api/v1/{noun}"), &officer, &body.to_string());
        assert!(made.status < 300, "{noun}: {}", made.body);
        made.json()
    };
    put(
        "institutions",
        &json!({"id": "clinic-2", "name": "别处诊所", "grade_ceiling": 2,
        "filed_items": ["laser-1"], "jurisdiction": "520100"}),
    );
    put("rooms", &json!({"id": "room-2", "institution": "clinic-2", "mode": "in_room"}));
    put(
        "practitioners",
        &json!({"id": "p-far", "name": "赵远方", "category": "licensed_physician",
        "registration": "valid", "practice_no": "110520100000123",
            "sites": [{"institution": "clinic-2",
        "relation": "primary", "lead_of": ["cosmetic_dermatology"], "filed_on": "2025-05-01"}]}),
    );
    let made = put("devices", &json!({"id": "box-2", "room": "room-2"}));
    put("checklists", &json!({}));
    let mut there = TestBox::provision(&house, made["provisioning_token"].as_str().unwrap());
    there.connect();
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let other = login(&house, "other", Role::Clinic, "clinic-2");
    Place { house, here, there, officer, clinic, other }
}

/// Of one clinic, by its own people: a session, a view, a special check with an answer, leads of
/// two severities, and the word to one of them.
pub(crate) fn acts(
    house: &House,
    it: &mut TestBox,
    (officer, who): (&str, &str),
    (n, round): (u8, u8),
) {
    let good = |who: &str, path: &str, body: Value| {
        let made = ask(house, "POST", &format!("/api/v1/{path}"), who, &body.to_string());
        assert!(made.status < 300, "{path}: {} {}", made.status, made.body);
        made.json()
    };
    let (lead, clinic) = (if n == 1 { "p-lead" } else { "p-far" }, format!("clinic-{n}"));
    let session = json!({"id": format!("s-{n}{round}"), "room": format!("room-{n}"),
        "item": "laser-1", "declared_lead": lead, "start": "2099-03-02T01:00:00Z",
        "end": "2099-03-02T02:00:00Z"});
    good(who, "sessions", session);
    let place = if n == 1 { "510104" } else { "520100" };
    let settings = json!({"hb1_repeats": 4 + round});
    good(
        &token(house, Role::Supervisor, place),
        "policy",
        json!({"settings": settings, "jurisdiction": place, "reason": "试行"}),
    );
    good(who, "views", json!({"name": format!("视图{round}"), "query": "state=open"}));
    let special = json!({"institution": clinic, "from": format!("2026-0{}-01", round + 1),
        "to": format!("2026-0{}-20", round + 1)});
    let check = good(officer, "self-checks", special)["id"].as_str().unwrap().to_owned();
    for value in ["no", "yes"] {
        good(
            who,
            &format!("self-checks/{check}/answers"),
            json!({"item": "mc-01", "value": value}),
        );
    }
    let sign = |m: u8| char::from(if n == 1 { b'2' } else { b'a' } + round * 2 + m);
    for (m, severity) in [(0, "L1"), (1, "L3")] {
        // Clinic 1's first lead is the one of all ones.
        let c = if n == 1 && round == 0 && m == 0 { '1' } else { sign(m) };
        let mut said = finding(c, c, "opened", 1, "LL-1", "LicenseLending", severity);
        said["room"] = json!(format!("room-{n}"));
        said["institution"] = json!(clinic);
        said["persons"][0]["person"] = json!(lead);
        said["persons"].as_array_mut().unwrap().truncate(1);
        it.say(&said);
        it.receipted(it.seq);
    }
    let own = ask(house, "GET", "/api/v1/alerts", who, "").json();
    let id = own["alerts"][0]["id"].as_str().unwrap().to_owned();
    good(who, &format!("alerts/{id}/steps"), json!({"step": "answer", "note": "主诊在隔壁"}));
    // The lead of L1 becomes a correction by itself.
    let by = std::time::Instant::now() + WAIT;
    let count = || ask(house, "GET", "/api/v1/corrections", who, "").json()["corrections"].clone();
    while count().as_array().is_none_or(|all| all.len() < usize::from(round) + 1) {
        assert!(std::time::Instant::now() < by, "the lead became no correction: {}", count());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// All that the clinic may fetch, and what its stream says of its last lead.
pub(crate) fn read(place: &mut Place) -> Vec<(String, String)> {
    let Place { house, here, officer, clinic, .. } = place;
    let mut stream = Stream::open(house, "/events", clinic);
    acts(house, here, (officer, clinic), (1, 2));
    let mut told = Vec::new();
    for n in 0..3 {
        let (id, said) = stream.event();
        told.push((format!("event {n}"), masked(house, &format!("{} {said}", id.len()))));
    }
    let first = |noun: &str, key: &str| {
        let all = ask(house, "GET", &format!("/api/v1/{noun}"), clinic, "").json();
        all[key][0]["id"].as_str().unwrap_or_else(|| panic!("{noun}: {all}")).to_owned()
    };
    let (check, correction) =
        (first("self-checks", "self_checks"), first("corrections", "corrections"));
    let more = [("self-checks", check.as_str()), ("corrections", correction.as_str())];
    let mut paths = addresses_of(Role::Clinic, &more);
    for place in ["", "51", "510104", "52", "520100"] {
        paths.push(format!("/policy?jurisdiction={place}"));
        paths.push(format!("/api/v1/policy?jurisdiction={place}"));
    }
    for paged in
        ["/?state=all", "/api/v1/alerts?x", "/api/v1/corrections?x", "/api/v1/self-checks?x"]
    {
        let paged = paged.replace("?x", "?limit=2");
        for n in 0..12 {
            paths.push(format!("{paged}&before={n}"));
        }
    }
    for n in 0..12 {
        paths.push(format!("/api/v1/alerts?limit=1&order=oldest&after={n}"));
        paths.push(format!("/api/v1/alerts?q=%23{n}"));
    }
    let program = token(house, Role::Clinic, "clinic-1");
    for (who, by) in [("clinic", clinic.as_str()), ("program", program.as_str())] {
        for path in paths.iter().filter(|path| *path != "/events") {
            let answer = ask(house, "GET", path, by, "");
            let head =
                if path.ends_with("/xlsx") || path.ends_with("/qr") { "" } else { &answer.head };
            let body = if path.ends_with("/xlsx") { "" } else { &*answer.body };
            let all = format!("{}\n{head}\n{body}", answer.status);
            told.push((masked(house, &format!("{who} {path}")), masked(house, &all)));
        }
    }
    told
}

#[test]
fn what_happens_elsewhere_changes_nothing_that_a_clinic_reads() {
    let (mut quiet, mut busy) = (place(), place());
    for round in 0..2 {
        let Place { house, there, officer, other, .. } = &mut busy;
        acts(house, there, (officer, other), (2, round));
        for Place { house, here, officer, clinic, .. } in [&mut quiet, &mut busy] {
            acts(house, here, (officer, clinic), (1, round));
        }
    }
    let (one, other) = (read(&mut quiet), read(&mut busy));
    let shown = one.iter().filter(|(_, told)| told.starts_with("200")).count();
    assert!(shown > 150, "{shown} of {} show anything", one.len());
    tell_the_same(&one, &other);
}

/// Fails with each address whose answers differ, and the first line that does.
pub(crate) fn tell_the_same(one: &[(String, String)], other: &[(String, String)]) {
    let differs: Vec<String> = one
        .iter()
        .zip(other)
        .filter(|(one, other)| one != other)
        .map(|((path, quiet), (same, busy))| {
            assert_eq!(path, same);
            let lines = quiet.lines().zip(busy.lines()).find(|(one, other)| one != other);
            let (one, other) = lines.unwrap_or(("", "another length"));
            format!("{path}:\n  {one:.300}\n  {other:.300}")
        })
        .collect();
    assert!(differs.is_empty(), "{} tell more:\n{}", differs.len(), differs.join("\n"));
}

/// What is set elsewhere is none of its business, nor who of the authority sets anything.
#[test]
fn a_clinic_reads_the_policy_of_its_place_alone() {
    let Place { house, officer, clinic, .. } = place();
    let boss = login(&house, "boss-wang", Role::Admin, "");
    for (place, repeats) in [("", 5), ("520100", 6), ("510104", 7)] {
        let body = json!({"settings": {"hb1_repeats": repeats}, "jurisdiction": place,
            "reason": "试行"});
        let made = ask(&house, "POST", "/api/v1/policy", &boss, &body.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let read = |who: &str, place: &str| {
        ask(&house, "GET", &format!("/api/v1/policy?jurisdiction={place}"), who, "")
    };
    let own = read(&clinic, "510104").json();
    let versions = |it: &Value| -> Vec<Value> {
        it["history"].as_array().unwrap().iter().map(|h| h["version"].clone()).collect()
    };
    assert_eq!((&own["version"], versions(&own)), (&json!(2), vec![json!(2), json!(1)]), "{own}");
    assert_eq!(own["history"][0]["set_by"], "authority", "{own}");
    assert_eq!(read(&clinic, "").status, 200);
    for foreign in ["52", "520100", "5101041"] {
        assert_eq!(read(&clinic, foreign).status, 403, "{foreign}");
    }
    assert_eq!(read(&officer, "520100").json()["history"][0]["set_by"], "boss-wang");
    // The page of a foreign place is the own one; its address alone differs.
    let page = |place: &str| {
        let path = format!("/policy?jurisdiction={place}&lang=zh");
        let body = ask(&house, "GET", &path, &clinic, "").body;
        assert!(!body.contains("boss-wang"), "{place}: {body}");
        masked(&house, &body).replace(place, "")
    };
    assert_eq!(page("510104").replace("520100", ""), page("520100").replace("510104", ""));
}

/// A box that guesses another's incident and raises the same sees by its own alert nothing of it.
#[test]
fn a_guessed_incident_tells_nothing_of_another_box() {
    let told = |first: bool| {
        let mut it = place();
        if first {
            it.here.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
            it.here.receipted(it.here.seq);
        }
        let mut same = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
        same["room"] = json!("room-2");
        same["institution"] = json!("clinic-2");
        same["session"] = Value::Null;
        same["persons"] = json!([]);
        it.there.say(&same);
        it.there.receipted(it.there.seq);
        let all = ask(&it.house, "GET", "/api/v1/alerts", &it.other, "").json();
        all["alerts"].as_array().unwrap().iter().map(|a| a["id"].clone()).collect::<Vec<_>>()
    };
    let (alone, after) = (told(false), told(true));
    assert_eq!(alone.len(), 1);
    assert_eq!(alone, after);
}
