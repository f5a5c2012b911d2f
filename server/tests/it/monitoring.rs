//! The sentence of 行政处罚法 41 on whatever shows a lead, while its box was not reviewed, and who
//! may take it away.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login};
use crate::boxes::{TestBox, finding};
use crate::house::House;
use crate::law::{SENTENCE, alert_page, guarded, notice, on_site, raised, reviewed};

/// Every part of a review in somebody's name, where nobody logs in.
fn by(name: &str, on: &str) -> Value {
    let mut record = reviewed(on);
    record["by"] = json!(name);
    record
}

#[test]
fn a_box_that_nobody_reviewed_gives_leads_and_says_so() {
    let (house, id) = raised("LL-1", "LicenseLending");
    assert!(alert_page(&house, &id).contains(SENTENCE));
    house.must_post("devices/box-1/review", &by("wang", "2020-01-01"));
    house.must_post("devices/box-1/review", &by("li", "2020-01-01"));
    assert!(!alert_page(&house, &id).contains(SENTENCE));
    let alert = house.get(&format!("alerts/{id}"));
    assert_eq!(alert["law"]["monitoring"]["missing"], json!([]));
}

#[test]
fn a_review_after_the_act_makes_no_evidence_of_it() {
    let (house, id) = raised("LL-1", "LicenseLending");
    let mut late = by("wang", "2020-01-01");
    late["marked"]["on"] = json!(server::clock::today().to_string());
    house.must_post("devices/box-1/review", &late);
    late["by"] = json!("li");
    house.must_post("devices/box-1/review", &late);
    let alert = house.get(&format!("alerts/{id}"));
    let missing = &alert["law"]["monitoring"]["missing"];
    // The finding's own day is that of its interval, which lies before today.
    assert_eq!(missing, &json!(["marked"]), "{alert}");
    let (_, page) = house.page("/devices/box-1/review");
    assert!(page.contains("现场标志") && page.contains("官网公告"));
}

#[test]
fn a_box_dates_no_act_back_before_its_review() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    for who in ["wang", "li"] {
        house.must_post("devices/box-1/review", &by(who, "2020-01-01"));
    }
    b.connect();
    let mut said = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    said["raised_at"] = json!(server::clock::At::now());
    said["intervals"] = json!([{"what": "operating", "from": "2019-06-01T01:00:00.000Z",
        "to": "2019-06-01T02:00:00.000Z"}]);
    b.say_by("synchronised", &said);
    b.receipted(1);
    let id = crate::boxes::alert_of('1');
    let alert = house.get(&format!("alerts/{id}"));
    assert_eq!(alert["law"]["monitoring"]["missing"], json!([]), "{alert}");
    let store = &house.running().app.store;
    let yesterday = server::clock::today().yesterday().unwrap();
    let ended = store.penalty_case(&id.parse().unwrap()).unwrap().act_ended_on.unwrap();
    assert!(ended >= yesterday, "limitation would run from {ended}");
}

#[test]
fn one_person_alone_backdates_no_review_of_a_box() {
    let (house, id) = guarded("LL-1", "LicenseLending");
    let (wang, li) =
        (login(&house, "wang", Role::Supervisor, ""), login(&house, "li", Role::Supervisor, ""));
    let path = "/api/v1/devices/box-1/review";
    let enter = |who: &str, record: &Value| {
        assert_eq!(ask(&house, "POST", path, who, &record.to_string()).status, 200);
    };
    let record = reviewed("2020-01-01");
    enter(&wang, &record);
    enter(&wang, &record);
    let said = notice(&house, &id, &wang);
    assert!(said.starts_with(SENTENCE) && said.contains("补录"), "one alone cleared it: {said}");
    let mut other = record.clone();
    other["legal"]["document"] = json!("审〔2020〕9号");
    enter(&li, &other);
    let said = notice(&house, &id, &wang);
    assert!(said.contains("法制审核") && !said.contains("检定"), "another document: {said}");
    enter(&wang, &other);
    assert_eq!(notice(&house, &id, &wang), "", "two people entered the same");
}

#[test]
fn a_moved_box_has_no_review_in_its_new_room() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    house.must_post("devices/box-1/review", &by("wang", "2020-01-01"));
    house.must_post("devices/box-1/review", &by("li", "2020-01-01"));
    house.must_post(
        "rooms",
        &json!({"id":"room-2","institution":"clinic-1","mode":"in_room",
        "zones":{"operator":[[[0,0],[500,0],[500,500]]],"bed":[],"companion":[],"door":[],
        "privacy_mask":[]}}),
    );
    house.must_post("devices", &json!({"id":"box-1","room":"room-2"}));
    b.connect();
    let mut said = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    said["room"] = json!("room-2");
    said["session"] = json!(null);
    // It speaks of the room in which it stands now.
    said["raised_at"] = json!(server::clock::At::now());
    b.say_by("synchronised", &said);
    b.receipted(1);
    let alert = house.get(&format!("alerts/{}", crate::boxes::alert_of('1')));
    assert_eq!(alert["room"], "room-2");
    assert_eq!(alert["law"]["monitoring"]["missing"].as_array().unwrap().len(), 5, "{alert}");
}

#[test]
fn every_page_and_export_of_a_lead_says_what_it_is() {
    let (house, id) = raised("LL-1", "LicenseLending");
    on_site(&house, &id);
    let paths = [
        "/".to_owned(),
        "/?state=all".to_owned(),
        "/leads/csv?state=all".to_owned(),
        format!("/alerts/{id}"),
        format!("/alerts/{id}/case"),
        format!("/alerts/{id}/case/documents/opening_report"),
        "/cases".to_owned(),
        "/sessions/s-1".to_owned(),
        "/rooms/room-1?day=2026-03-02".to_owned(),
        "/institutions/clinic-1".to_owned(),
        "/people/p-other".to_owned(),
        "/api/v1/alerts".to_owned(),
        format!("/api/v1/alerts/{id}"),
        format!("/api/v1/alerts/{id}/case"),
    ];
    // Pages that list the leads of the last days alone show none of March.
    let lists = |path: &str| path.starts_with("/institutions") || path.starts_with("/people");
    for path in &paths {
        let (_, body) = house.page(path);
        let shows = body.contains(&id) || !lists(path);
        assert_eq!(body.contains(SENTENCE), shows, "{path}");
    }
    house.must_post("devices/box-1/review", &by("wang", "2020-01-01"));
    house.must_post("devices/box-1/review", &by("li", "2020-01-01"));
    for path in &paths {
        assert!(!house.page(path).1.contains(SENTENCE), "{path}");
    }
}

#[test]
fn the_places_of_boxes_are_a_table_to_publish() {
    let (house, _) = guarded("LL-1", "LicenseLending");
    let admin = login(&house, "an", Role::Admin, "");
    let wang = login(&house, "wang", Role::Supervisor, "5101");
    let mut record = reviewed("2026-01-05");
    record["marked"] = Value::Null;
    let path = "/api/v1/devices/box-1/review";
    assert_eq!(ask(&house, "POST", path, &wang, &record.to_string()).status, 200);
    let csv = ask(&house, "GET", "/monitoring/csv", &wang, "").body;
    for said in ["锦城医疗美容门诊部", "room-1", "box-1", "官网公告", "2026-01-05", "现场标志"]
    {
        assert!(csv.contains(said), "{said} is not in {csv}");
        assert!(ask(&house, "GET", "/monitoring", &wang, "").body.contains(said), "{said}");
    }
    let other = login(&house, "li", Role::Supervisor, "5102");
    assert!(!ask(&house, "GET", "/monitoring/csv", &other, "").body.contains("box-1"));
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    assert_eq!(ask(&house, "GET", "/monitoring", &clinic, "").status, 403);
    let body = "{\"reason\": \"gone\"}";
    assert_eq!(ask(&house, "POST", "/api/v1/devices/box-1/revoke", &admin, body).status, 200);
    let places = ask(&house, "GET", "/api/v1/monitoring-places", &wang, "").json();
    assert_eq!(places["places"], json!([]), "a box that is gone stands in the table");
}
