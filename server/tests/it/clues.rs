//! Clues from the officers' side: who reads them, two people before every end, the contact, and
//! what hotlines and grid workers send.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::house::{House, store_of};
use crate::public::{FORM, clues, multipart, report, with_door};

fn hotline(external_no: &str) -> String {
    json!({"external_no": external_no, "institution": "clinic-1", "allegation": "lending",
        "text": "挂证", "from_at": "2026-03-02T01:00:00Z",
        "to_at": "2026-03-02T02:00:00Z"})
    .to_string()
}

pub(crate) fn step(house: &House, who: &str, id: &str, body: &Value) -> (u16, Value) {
    let answer = ask(house, "POST", &format!("/api/v1/clues/{id}/steps"), who, &body.to_string());
    (answer.status, answer.json())
}

#[test]
fn the_same_number_is_one_clue_however_often_it_comes() {
    let house = with_door();
    let partner = token(&house, Role::Partner, "hotline/5101");
    let sent: Vec<_> = (0..50)
        .map(|_| ask(&house, "POST", "/api/v1/clues", &partner, &hotline("12345-7")))
        .collect();
    assert_eq!(sent[0].status, 201, "{}", sent[0].body);
    assert!(sent[1..].iter().all(|a| a.status == 200 && a.json()["id"] == sent[0].json()["id"]));
    let clue = clues(&house, 1)[0].clone();
    assert_eq!((&clue["source"], &clue["jurisdiction"]), (&json!("hotline"), &json!("510104")));
}

#[test]
fn a_partner_sees_its_own_and_nothing_else() {
    let house = with_door();
    let ours = token(&house, Role::Partner, "hotline/5101");
    let made = ask(&house, "POST", "/api/v1/clues", &ours, &hotline("1")).json();
    let answer = format!("/api/v1/clues/{}/answer", made["id"].as_str().unwrap());
    assert_eq!(ask(&house, "GET", &answer, &ours, "").json()["state"], "received");
    for other in ["grid/5101", "hotline/5102"] {
        let other = token(&house, Role::Partner, other);
        assert_eq!(ask(&house, "GET", &answer, &other, "").status, 404);
    }
    let other = token(&house, Role::Partner, "hotline/5102");
    assert_eq!(ask(&house, "POST", "/api/v1/clues", &other, &hotline("2")).status, 404);
    for path in ["/api/v1/clues", "/api/v1/alerts", "/api/v1/practitioners", "/api/v1/workdays"] {
        assert_eq!(ask(&house, "GET", path, &ours, "").status, 403, "{path}");
    }
}

#[test]
fn no_clinic_integrator_or_administrator_reads_a_clue() {
    let house = with_door();
    report(&house, "x", &[]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    for (role, scope) in [(Role::Clinic, "clinic-1"), (Role::Integrator, ""), (Role::Admin, "")] {
        let token = token(&house, role, scope);
        let (there, nowhere) = (id.clone(), "0".repeat(32));
        let answers: Vec<_> = [there, nowhere]
            .iter()
            .map(|id| ask(&house, "GET", &format!("/api/v1/clues/{id}"), &token, ""))
            .collect();
        assert_eq!((answers[0].status, &answers[0].body), (403, &answers[1].body), "{role:?}");
    }
    let auditor =
        ask(&house, "GET", &format!("/api/v1/clues/{id}"), &token(&house, Role::Auditor, ""), "");
    assert!(auditor.status == 200 && auditor.json().get("texts").is_none(), "{}", auditor.body);
    let elsewhere = token(&house, Role::Supervisor, "5102");
    assert_eq!(ask(&house, "GET", &format!("/api/v1/clues/{id}"), &elsewhere, "").status, 404);
}

#[test]
fn one_officer_alone_buries_no_report() {
    let house = with_door();
    report(&house, "x", &[]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Reviewer, "");
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    assert_eq!(step(&house, &wang, &id, &reject).1["state"], "received");
    assert_eq!(step(&house, &wang, &id, &reject).0, 409);
    let program = token(&house, Role::Supervisor, "");
    assert_eq!(step(&house, &program, &id, &reject).0, 403, "a program is a second person");
    assert_eq!(step(&house, &li, &id, &reject).1["state"], "rejected");
    let accept = json!({"step": "accept"});
    assert_eq!(step(&house, &li, &id, &accept).0, 409);
}

#[test]
fn a_clue_goes_from_acceptance_to_a_case_by_two() {
    let house = with_door();
    report(&house, "x", &[]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let chen = login(&house, "chen", Role::Reviewer, "");
    for (who, body, state) in [
        (&wang, json!({"step": "accept"}), "accepted"),
        (&wang, json!({"step": "uphold"}), "review2"),
        (&li, json!({"step": "uphold"}), "lead"),
        (&li, json!({"step": "go_on_site"}), "on_site"),
        (&li, json!({"step": "found", "case_number": "2026-17"}), "case"),
    ] {
        if ["on_site", "case"].contains(&state) {
            assert_eq!(step(&house, &chen, &id, &body).0, 403, "a reviewer works a case: {state}");
        }
        let (status, answer) = step(&house, who, &id, &body);
        assert_eq!((status, &answer["state"]), (200, &json!(state)), "{answer}");
    }
    assert_eq!(step(&house, &chen, &id, &json!({"step": "close"})).0, 403);
}

#[test]
fn one_officer_on_site_ends_no_clue() {
    let house = with_door();
    let id = call(&house, "1", &json!({"institution": "clinic-1"}));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    for (who, word) in [(&wang, "accept"), (&wang, "uphold"), (&li, "uphold"), (&li, "go_on_site")]
    {
        assert_eq!(step(&house, who, &id, &json!({"step": word})).0, 200, "{word}");
    }
    assert_eq!(whole(&house, &id)["due_rule"], "verify", "a lead may lie for ever");
    let nothing = json!({"step": "nothing_found", "note": "诊室关闭"});
    assert_eq!(step(&house, &li, &id, &nothing).1["state"], "on_site", "one has buried it");
    assert_eq!(step(&house, &li, &id, &nothing).0, 409);
    assert_eq!(step(&house, &li, &id, &json!({"step": "close"})).0, 409);
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(page.contains("待第二人意见") && page.contains("查无实据"), "{page}");
    assert_eq!(step(&house, &wang, &id, &nothing).1["state"], "unfounded");
}

#[test]
fn a_contact_opens_to_nobody_alone() {
    let house = with_door();
    report(&house, "x", &[("contact", "13900139000")]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let ask_it = |who: &str, body: Value| {
        let path = format!("/api/v1/clues/{id}/contact");
        let answer = ask(&house, "POST", &path, who, &body.to_string());
        (answer.status, answer.json())
    };
    assert_eq!(ask_it(&wang, json!({"deed": "open"})).0, 403);
    assert_eq!(ask_it(&wang, json!({"deed": "ask"})).0, 422, "without a reason");
    let asked = ask_it(&wang, json!({"deed": "ask", "reason": "告知结果"}));
    let number = asked.1["asks"][0]["id"].clone();
    assert_eq!(ask_it(&wang, json!({"deed": "agree", "ask": number})).0, 409, "to himself");
    assert_eq!(ask_it(&wang, json!({"deed": "open"})).0, 403);
    assert_eq!(ask_it(&li, json!({"deed": "agree", "ask": number})).0, 200);
    assert_eq!(ask_it(&li, json!({"deed": "open"})).0, 403, "who agreed opens nothing");
    assert_eq!(ask_it(&wang, json!({"deed": "open"})).1["contact"], "13900139000");
    let whole = ask(&house, "GET", &format!("/api/v1/clues/{id}"), &wang, "").body;
    assert!(!whole.contains("13900139000"), "the contact stands in the clue");
}

#[test]
fn a_room_without_a_box_answers_that_nobody_watched() {
    let house = with_door();
    let partner = token(&house, Role::Partner, "hotline/5101");
    let made = ask(&house, "POST", "/api/v1/clues", &partner, &hotline("1")).json();
    let officer = token(&house, Role::Supervisor, "");
    let path = format!("/api/v1/clues/{}/corroboration", made["id"].as_str().unwrap());
    let said = ask(&house, "GET", &path, &officer, "").json();
    assert_eq!(
        (&said["answer"], &said["rooms"][0]["room"]),
        (&json!("not_watched"), &json!("room-1"))
    );
    let log = house.running().app.store.audit_log("", None, 10).unwrap();
    assert!(log.iter().any(|e| e.action.contains("corroboration")), "it is not written down");
}

#[test]
fn a_merge_is_undone_and_buries_nothing() {
    let house = with_door();
    let partner = token(&house, Role::Partner, "hotline/5101");
    let ids: Vec<String> = ["1", "2"]
        .iter()
        .map(|n| {
            let body = json!({"external_no": n, "institution": "clinic-1", "allegation": "injury",
                "text": format!("call {n}")});
            let made = ask(&house, "POST", "/api/v1/clues", &partner, &body.to_string()).json();
            made["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let into = json!({"step": "merge", "into": ids[1]});
    assert_eq!(step(&house, &wang, &ids[0], &into).1["merged_into"], json!(ids[1]));
    assert_eq!(step(&house, &wang, &ids[0], &json!({"step": "unmerge"})).1["state"], "received");
    let back = json!({"step": "merge", "into": ids[0]});
    assert_eq!(step(&house, &wang, &ids[0], &back).0, 409, "into itself");
    step(&house, &wang, &ids[0], &into);
    assert_eq!(step(&house, &wang, &ids[1], &back).0, 409, "into one that is over");
}

#[test]
fn a_grid_worker_s_form_that_comes_twice_is_one_clue() {
    let house = with_door();
    let grid = login(&house, "grid-7", Role::Partner, "grid/5101");
    let page = ask(&house, "GET", "/grid", &grid, "").body;
    let number = page.split("name=\"external_no\" value=\"").nth(1).unwrap();
    let number = number.split('"').next().unwrap();
    let fields = [
        ("external_no", number),
        ("place_name", "某美容院"),
        ("place_kind", "beauty_salon"),
        ("allegation", "no_licence"),
        ("text", "打针"),
    ];
    let headers = format!("{FORM}Cookie: zaigang={grid}\r\nSec-Fetch-Site: same-origin\r\n");
    for _ in 0..2 {
        let sent = house.send_with("POST", "/grid", &headers, &multipart(&fields, &[]));
        assert_eq!(sent.status, 303, "{}", sent.body);
    }
    let clue = clues(&house, 1)[0].clone();
    assert_eq!((&clue["source"], &clue["place"]["kind"]), (&json!("grid"), &json!("beauty_salon")));
    assert_eq!(clue["jurisdiction"], "5101");
}

/// A call about what stands in no register, or about the clinic; gives its id.
pub(crate) fn call(house: &House, number: &str, more: &Value) -> String {
    let partner = token(house, Role::Partner, "hotline/5101");
    let mut body = json!({"external_no": number, "allegation": "no_licence", "text": "有人没证"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = ask(house, "POST", "/api/v1/clues", &partner, &body.to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["id"].as_str().unwrap().to_owned()
}

pub(crate) fn whole(house: &House, id: &str) -> Value {
    let officer = token(house, Role::Supervisor, "");
    ask(house, "GET", &format!("/api/v1/clues/{id}"), &officer, "").json()
}

fn salon(address: &str) -> Value {
    json!({"place": {"address": address, "kind": "beauty_salon"}})
}

#[test]
fn no_machine_merges_what_may_be_two_matters() {
    let house = with_door();
    let window = json!({"institution": "clinic-1", "allegation": "lending",
        "from_at": "2026-03-02T01:00:00Z", "to_at": "2026-03-02T02:00:00Z"});
    let ids = [
        call(&house, "1", &salon("一路1号")),
        call(&house, "2", &salon("二路2号")),
        call(&house, "3", &json!({"institution": "clinic-1"})),
        call(&house, "4", &json!({"institution": "clinic-1"})),
        call(&house, "5", &salon("一路1号")),
        call(&house, "6", &window),
        call(&house, "7", &window),
    ];
    let seen: Vec<Value> = ids.iter().map(|id| whole(&house, id)).collect();
    for one in &seen[..6] {
        assert_eq!(one["state"], "received", "{one}");
    }
    assert_eq!(seen[6]["merged_into"], json!(ids[5]));
    let proposed = |n: usize| {
        seen[n]["steps"].as_array().unwrap().iter().any(|step| step["step"] == "same_text")
    };
    assert_eq!([1, 3, 4].map(proposed), [false, true, true]);
}

#[test]
fn a_merge_needs_the_same_place_and_shows_what_it_holds() {
    let house = with_door();
    let here = call(&house, "1", &json!({"institution": "clinic-1", "text": "one"}));
    let there = call(&house, "2", &salon("二路2号"));
    let also = call(&house, "3", &json!({"institution": "clinic-1", "text": "another"}));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let merge =
        |from: &str, into: &str| step(&house, &wang, from, &json!({"step": "merge", "into": into}));
    assert_eq!(merge(&there, &here).0, 409, "one officer buries it in another place's");
    assert_eq!(merge(&also, &here).0, 200);
    assert_eq!(whole(&house, &here)["merged"][0]["id"], json!(also));
    let page = ask(&house, "GET", &format!("/clues/{here}"), &wang, "").body;
    assert!(page.contains(&format!("/clues/{also}")), "who ends it does not see what it holds");
}

#[test]
fn who_sent_a_merged_clue_is_told_how_it_ends() {
    let house = with_door();
    let place = json!({"institution": "clinic-1"});
    let ids = ["1", "2", "3"].map(|number| call(&house, number, &place));
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Reviewer, "");
    for (from, into) in [(0, 1), (1, 2)] {
        let merge = json!({"step": "merge", "into": ids[into]});
        assert_eq!(step(&house, &wang, &ids[from], &merge).0, 200);
    }
    let reject = json!({"step": "reject", "reason": "nothing_concrete"});
    for who in [&wang, &li] {
        assert_eq!(step(&house, who, &ids[2], &reject).0, 200);
    }
    let partner = token(&house, Role::Partner, "hotline/5101");
    for id in &ids {
        let path = format!("/api/v1/clues/{id}/answer");
        assert_eq!(ask(&house, "GET", &path, &partner, "").json()["state"], "not_accepted");
    }
}

#[test]
fn a_sign_in_the_wrong_room_hides_no_other_room() {
    let house = with_door();
    for room in ["room-0", "room-2"] {
        let room = json!({"id": room, "institution": "clinic-1", "mode": "in_room"});
        let officer = token(&house, Role::Supervisor, "");
        let made = ask(&house, "POST", "/api/v1/rooms", &officer, &room.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let named = json!({"institution": "clinic-1", "room": "room-1",
        "from_at": "2026-03-02T01:00:00Z", "to_at": "2026-03-02T02:00:00Z"});
    let id = call(&house, "1", &named);
    let officer = token(&house, Role::Supervisor, "");
    let said = ask(&house, "GET", &format!("/api/v1/clues/{id}/corroboration"), &officer, "");
    let rooms: Vec<Value> = said.json()["rooms"].as_array().unwrap().clone();
    let rooms: Vec<&Value> = rooms.iter().map(|r| &r["room"]).collect();
    assert_eq!(rooms, ["room-1", "room-0", "room-2"]);
    let wang = login(&house, "wang", Role::Supervisor, "");
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(page.contains("/rooms/room-2?day=2026-03-02#day"), "no way to the room's day: {page}");
}

#[test]
fn a_clue_without_a_district_is_seen_from_above_alone() {
    let house = with_door();
    let above = login(&house, "shen", Role::Supervisor, "");
    let body = json!({"place": {"name": "某工作室", "kind": "residence"},
        "allegation": "no_licence",
        "text": "无证"});
    let made = ask(&house, "POST", "/api/v1/clues", &above, &body.to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/clues/{id}");
    let below = token(&house, Role::Supervisor, "5101");
    assert_eq!(ask(&house, "GET", &path, &above, "").status, 200);
    assert_eq!(ask(&house, "GET", &path, &below, "").status, 404);
    let list = ask(&house, "GET", "/api/v1/clues", &below, "").json();
    assert_eq!(list["clues"], json!([]));
}

#[test]
fn a_number_is_its_senders_own() {
    let house = with_door();
    let one = token(&house, Role::Partner, "hotline/5101");
    let two = token(&house, Role::Partner, "hotline/51");
    for (partner, status) in [(&one, 201), (&two, 201), (&one, 200), (&two, 200)] {
        let sent = ask(&house, "POST", "/api/v1/clues", partner, &hotline("12345-9"));
        assert_eq!(sent.status, status, "{}", sent.body);
    }
}

#[test]
fn a_report_that_can_not_be_read_is_shown_and_tried_again() {
    let house = with_door();
    let folder = house.folder.path().to_owned();
    let store = server::store::PublicStore::open(
        store_of(&folder.join("data")),
        server::vault::Key::generate().unwrap(),
    )
    .unwrap();
    assert!(store.put_in("t-unread", "2026-11-29", b"no seal of ours").unwrap());
    house.running().app.door_rang.notify_one();
    let above = login(&house, "shen", Role::Supervisor, "");
    let below = login(&house, "wang", Role::Supervisor, "5101");
    let deadline = std::time::Instant::now() + crate::boxes::WAIT;
    while house.running().app.store.unread_at_the_door().unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "it was not given up");
        std::thread::yield_now();
    }
    let shown = |who: &str| ask(&house, "GET", "/clues/unread", who, "").body;
    assert!(shown(&above).contains("t-unread") && !shown(&below).contains("t-unread"));
    let form = "Content-Type: application/x-www-form-urlencoded\r\nCookie: zaigang=login-of-shen\r\n\
        Sec-Fetch-Site: same-origin\r\n";
    let tried = house.send_with("POST", "/clues/unread", form, b"ticket=t-unread");
    assert_eq!(tried.status, 303, "{}", tried.body);
}

/// Where a clue stands, and what was done with it.
fn stands(house: &House, who: &str, id: &str) -> (Value, usize) {
    let whole = ask(house, "GET", &format!("/api/v1/clues/{id}"), who, "").json();
    (whole["state"].clone(), whole["steps"].as_array().unwrap().len())
}

#[test]
fn in_every_state_a_restart_finds_a_clue_as_it_was() {
    let mut house = with_door();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let li = login(&house, "li", Role::Supervisor, "");
    let made = ["1", "2", "3", "4"]
        .map(|n| call(&house, n, &json!({"institution": "clinic-1", "text": format!("挂证 {n}")})));
    let [whole, ended, merged, refused] = &made;
    let say = |step: &str| json!({"step": step});
    let walk = [
        (&wang, whole, json!({"step": "ask", "question": "?"}), "asked_back"),
        (&wang, whole, say("accept"), "accepted"),
        (&wang, whole, say("take"), "review1"),
        (&wang, whole, say("uphold"), "review2"),
        (&li, whole, say("uphold"), "lead"),
        (&li, whole, say("go_on_site"), "on_site"),
        (&li, whole, json!({"step": "found", "case_number": "7"}), "case"),
        (&li, whole, say("close"), "closed"),
        (&wang, merged, json!({"step": "merge", "into": ended}), "merged"),
        (&wang, ended, json!({"step": "not_ours", "agency": "market"}), "received"),
        (&li, ended, json!({"step": "not_ours", "agency": "market"}), "not_ours"),
        (&wang, refused, json!({"step": "reject", "reason": "not_health"}), "received"),
        (&li, refused, json!({"step": "reject", "reason": "other"}), "rejected"),
    ];
    for (who, id, body, state) in walk {
        let (status, said) = step(&house, who, id, &body);
        assert_eq!((status, &said["state"]), (200, &json!(state)), "{body}: {said}");
        let before: Vec<_> = made.iter().map(|id| stands(&house, &wang, id)).collect();
        house = house.restart_with(crate::public::DOOR);
        let after: Vec<_> = made.iter().map(|id| stands(&house, &wang, id)).collect();
        assert_eq!(before, after, "after {state}");
    }
}
