//! The inbox's filters: they survive its tabs and are kept whole in a view; rooms, items and
//! colleagues are found by their names; what nobody has is asked for.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, login, named_login};
use crate::boxes::{TestBox, finding};
use crate::house::House;
use crate::inbox::{house, ids};

/// One lead in a room that has a name.
fn named_room() -> House {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    house.must_post(
        "rooms",
        &json!({"id": "room-1", "institution": "clinic-1", "mode": "in_room", "name": "激光一室"}),
    );
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    house.restart_with("[access]\naccounts = true\n")
}

fn count(house: &House, who: &str, query: &str) -> usize {
    let answer = ask(house, "GET", &format!("/api/v1/alerts?{query}"), who, "");
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.json()["alerts"].as_array().unwrap().len()
}

#[test]
fn tabs_and_views_keep_every_part_of_a_filter() {
    let house = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let parts = ["severity=L2", "q=laser", "room=r1", "order=oldest"];
    let query = parts.join("&");
    let page = ask(&house, "GET", &format!("/?state=open&{query}"), &boss, "").body;
    let page = page.replace("&amp;", "&").replace("&#38;", "&");
    let tabs = page.split_once("class=\"tabs\"").unwrap().1.split("</nav>").next().unwrap();
    let closed = tabs.split("href=\"").find(|href| href.contains("state=closed")).unwrap();
    for part in parts {
        assert!(closed.contains(part), "the tab drops {part}: {closed}");
    }
    let body = json!({"name": "我的", "query": query}).to_string();
    let kept = ask(&house, "POST", "/api/v1/views", &boss, &body);
    assert_eq!((kept.status, kept.json()["query"].as_str()), (201, Some(query.as_str())));
}

#[test]
fn a_lead_is_found_by_its_rooms_name() {
    let house = named_room();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let (room, item) = ("q=%E6%BF%80%E5%85%89%E4%B8%80%E5%AE%A4", "q=%E8%84%B1%E6%AF%9B");
    for who in [&boss, &clinic] {
        assert_eq!(count(&house, who, room), 1, "{who}");
    }
    assert_eq!(count(&house, &boss, item), 1, "the item's name finds nothing");
    let page = ask(&house, "GET", "/", &boss, "").body;
    assert!(page.contains("激光一室 <small>room-1</small>"), "{page}");
    let csv = ask(&house, "GET", "/leads/csv", &boss, "").body;
    assert!(csv.contains("激光一室 (room-1)"), "{csv}");
}

#[test]
fn what_nobody_has_is_asked_for_and_a_colleagues_too() {
    let house = house();
    let boss = named_login(&house, ("boss", "赵监督"), Role::Supervisor, "5101");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    named_login(&house, ("wang", "王芳"), Role::Reviewer, "5101");
    assert_eq!(count(&house, &boss, "assignee=nobody"), 2);
    let steps = format!("/api/v1/alerts/{}/steps", ids()[0]);
    let given = r#"{"step":"assign","to":"wang"}"#;
    assert_eq!(ask(&house, "POST", &steps, &boss, given).status, 200);
    assert_eq!(count(&house, &boss, "assignee=nobody"), 1);
    assert_eq!(count(&house, &boss, "assignee=wang"), 1);
    assert_eq!(count(&house, &boss, "q=%E7%8E%8B%E8%8A%B3"), 1, "the colleague's name");
    let page = ask(&house, "GET", "/", &boss, "").body;
    for choice in ["value=\"nobody\"", "未指派", "王芳 (wang)", "王芳 <small>wang</small>"] {
        assert!(page.contains(choice), "{choice}: {page}");
    }
    let clinics = ask(&house, "GET", "/", &clinic, "").body;
    assert!(!clinics.contains("name=\"assignee\"") && !clinics.contains("王芳"), "{clinics}");
    let refused = ask(&house, "GET", "/api/v1/alerts?assignee=nobody", &clinic, "");
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[test]
fn an_assignment_that_changes_nothing_is_no_step() {
    let house = house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    login(&house, "wang", Role::Reviewer, "5101");
    let steps = format!("/api/v1/alerts/{}/steps", ids()[0]);
    let give = |to: &str| {
        let body = json!({"step": "assign", "to": to}).to_string();
        ask(&house, "POST", &steps, &boss, &body).status
    };
    assert_eq!(give(""), 422, "nobody had it");
    assert_eq!(give("wang"), 200);
    assert_eq!(give("wang"), 422, "the same again");
    assert_eq!(give(""), 200);
    let path = format!("/api/v1/alerts/{}", ids()[0]);
    let whole = ask(&house, "GET", &path, &boss, "").json();
    assert_eq!(whole["steps"].as_array().unwrap().len(), 2, "{whole}");
}

#[test]
fn an_auditor_reads_and_is_offered_no_form() {
    let house = house();
    let auditor = login(&house, "audit", Role::Auditor, "");
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let lead = format!("/alerts/{}", ids()[0]);
    for (who, offered) in [(&auditor, false), (&boss, true)] {
        let page = ask(&house, "GET", &lead, who, "").body;
        assert_eq!(page.contains("id=\"act\""), offered, "{who}: {page}");
        let inbox = ask(&house, "GET", "/", who, "").body;
        assert_eq!(inbox.contains("action=\"/views\""), offered, "{who}: {inbox}");
    }
    for path in ["/sessions/new", "/sessions/s-1?edit=1"] {
        let refused = ask(&house, "GET", path, &boss, "");
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    assert_eq!(ask(&house, "GET", "/sessions/new", &clinic, "").status, 200);
}
