//! The inbox as people use it: scopes of every list and count, several leads at once, saved views,
//! assignment, the package.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding};
use crate::house::{House, by_hand};

/// A house with two leads of clinic-1 in 510104, behind accounts.
pub(crate) fn house() -> House {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    b.say(&finding('b', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.receipted(2);
    let made = house.must_post(
        "passes",
        &json!({"id":"pass-1","person":"p-other","institution":"clinic-1","purpose":"trainee",
            "supervisor":"p-lead","from":"2026-03-01T00:00:00Z","to":"2099-03-01T00:00:00Z"}),
    );
    assert_eq!(made["id"], "pass-1");
    house.restart_with("[access]\naccounts = true\n")
}

pub(crate) fn ids() -> [String; 2] {
    [crate::boxes::alert_of('1'), crate::boxes::alert_of('2')]
}

#[test]
fn lists_and_counts_are_of_the_readers_own_part_of_the_country() {
    let house = house();
    for (role, scope, sees) in [
        (Role::Supervisor, "5101", true),
        (Role::Supervisor, "5201", false),
        (Role::Auditor, "5201", false),
    ] {
        let token = token(&house, role, scope);
        let get = |path: &str| ask(&house, "GET", &format!("/api/v1/{path}"), &token, "").json();
        assert_eq!(
            get("passes")["passes"].as_array().unwrap().len(),
            usize::from(sees),
            "{role:?} {scope}"
        );
        assert_eq!(
            get("enrolments")["enrolments"].as_array().unwrap().len(),
            0,
            "{role:?} {scope}"
        );
        assert_eq!(get("summary")["alerts_open"], if sees { 2 } else { 0 }, "{role:?} {scope}");
        assert_eq!(get("summary")["devices"], i64::from(sees), "{role:?} {scope}");
        let page = ask(&house, "GET", "/", &token, "").body;
        assert_eq!(
            page.contains("data-open=\"2\""),
            sees,
            "{role:?} {scope}: the badge counts elsewhere"
        );
        let wall = ask(&house, "GET", "/wall", &token, "").body;
        assert_eq!(wall.contains("锦城医疗美容门诊部"), sees, "{role:?} {scope}");
        assert!(!wall.contains("王主诊"), "a person's name stands on the wall");
    }
    let supervisor = token(&house, Role::Supervisor, "5201");
    assert!(
        !ask(&house, "GET", "/enrol", &supervisor, "").body.contains("王主诊"),
        "people from elsewhere are offered"
    );
}

#[test]
fn lists_go_on_where_a_page_ends() {
    let house = House::new();
    house.furnish();
    for n in 0..3 {
        house.must_post(
            "passes",
            &json!({"id":format!("pass-{n}"),"person":"p-other","institution":"clinic-1",
                "purpose":"trainee","supervisor":"p-lead","from":"2026-03-01T00:00:00Z",
                    "to":"2099-03-01T00:00:00Z"}),
        );
    }
    let first = house.get("passes?limit=2");
    assert_eq!(
        (first["passes"].as_array().unwrap().len(), first["next"].as_str()),
        (2, Some("pass-1"))
    );
    let rest = house.get("passes?limit=2&after=pass-1");
    assert_eq!((rest["passes"][0]["id"].as_str(), rest["next"].is_null()), (Some("pass-2"), true));
    assert_eq!(house.send_with("GET", "/api/v1/passes?limit=0", "", b"").status, 400);
    assert_eq!(house.send_with("GET", "/api/v1/alerts?limit=501", "", b"").status, 400);
}

#[test]
fn a_step_on_several_leads_is_taken_or_refused_one_by_one() {
    let house = house();
    let reviewer = login(&house, "wang", Role::Reviewer, "5101");
    let body = |step: &str| {
        json!({"ids": [ids()[0], ids()[1], "none"], "step": {"step": step}}).to_string()
    };
    let answer = ask(&house, "POST", "/api/v1/alerts/steps", &reviewer, &body("uphold")).json();
    let states: Vec<_> =
        answer["alerts"].as_array().unwrap().iter().map(|a| a["state"].clone()).collect();
    assert_eq!(states, [json!("review2"), json!("review2"), json!(null)]);
    assert!(answer["alerts"][2]["refused"].as_str().unwrap().contains("unknown"), "{answer}");
    // The same person again is no second reviewer, however many are ticked.
    let again = ask(&house, "POST", "/api/v1/alerts/steps", &reviewer, &body("uphold")).json();
    assert!(again["alerts"].as_array().unwrap().iter().all(|a| a["state"].is_null()), "{again}");
    let elsewhere = login(&house, "li", Role::Reviewer, "5201");
    let foreign = ask(&house, "POST", "/api/v1/alerts/steps", &elsewhere, &body("uphold")).json();
    assert!(
        foreign["alerts"].as_array().unwrap().iter().all(|a| a["state"].is_null()),
        "{foreign}"
    );
    let clinic = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(ask(&house, "POST", "/api/v1/alerts/steps", &clinic, &body("uphold")).status, 403);
}

#[test]
fn whoever_takes_a_lead_has_it_and_a_stranger_is_not_given_one() {
    let house = house();
    let reviewer = token(&house, Role::Reviewer, "5101");
    let step = |body: serde_json::Value| {
        ask(
            &house,
            "POST",
            &format!("/api/v1/alerts/{}/steps", ids()[0]),
            &reviewer,
            &body.to_string(),
        )
    };
    assert_eq!(step(json!({"step":"take"})).status, 200);
    let mine = ask(&house, "GET", "/api/v1/alerts?assignee=me", &reviewer, "").json();
    assert_eq!(mine["alerts"].as_array().unwrap().len(), 1, "{mine}");
    let refused = step(json!({"step":"assign","to":"nobody"}));
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(step(json!({"step":"assign","to":""})).status, 200);
    let none = ask(&house, "GET", "/api/v1/alerts?assignee=me", &reviewer, "").json();
    assert!(none["alerts"].as_array().unwrap().is_empty());
}

#[test]
fn a_view_is_kept_for_its_owner_alone() {
    let house = house();
    let (one, two) =
        (token(&house, Role::Reviewer, "5101"), token(&house, Role::Supervisor, "5101"));
    let made = ask(
        &house,
        "POST",
        "/api/v1/views",
        &one,
        r#"{"name":"紧急","query":"state=open&severity=L3&x=<script>"}"#,
    );
    assert_eq!(
        (made.status, made.json()["query"].as_str()),
        (201, Some("state=open&severity=L3")),
        "{}",
        made.body
    );
    assert!(ask(&house, "GET", "/", &one, "").body.contains("紧急"));
    assert_eq!(ask(&house, "GET", "/api/v1/views", &two, "").json()["views"], json!([]));
    let delete = format!("/api/v1/views/{}/delete", made.json()["id"]);
    assert_eq!(ask(&house, "POST", &delete, &two, "").status, 404);
    assert_eq!(ask(&house, "POST", &delete, &one, "").status, 200);
}

#[test]
fn a_case_package_says_why_it_was_taken_and_holds_its_checksums() {
    let house = house();
    let supervisor = token(&house, Role::Supervisor, "5101");
    let path = format!("/api/v1/alerts/{}/package", ids()[0]);
    assert_eq!(
        ask(&house, "GET", &path, &supervisor, "").status,
        422,
        "a package without a reason"
    );
    let answer = ask(&house, "GET", &format!("{path}?why=case%2017"), &supervisor, "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    for name in
        ["case.pdf", "case.json", "chain-box-1.jsonl", "SHA256SUMS", "%PDF-", "zaigang-case/1"]
    {
        assert!(answer.body.contains(name), "the package lacks {name}");
    }
    let log = house.running().app.store.audit_log("package", None, 5).unwrap();
    assert_eq!(log[0].why, "case 17");
    let elsewhere = token(&house, Role::Supervisor, "5201");
    assert_eq!(ask(&house, "GET", &format!("{path}?why=x"), &elsewhere, "").status, 404);
}

#[test]
fn the_audit_log_goes_out_sealed() {
    let house = house();
    let auditor = token(&house, Role::Auditor, "");
    ask(&house, "GET", "/api/v1/practitioners", &auditor, "");
    let log = ask(&house, "GET", "/api/v1/audit/export", &auditor, "");
    assert_eq!(log.status, 200);
    let report = trust::audit::check(log.body.as_bytes()).unwrap();
    assert!(report.entries >= 1, "{report:?}");
    let forged = log.body.replacen("auditor", "anybody", 1);
    assert!(trust::audit::check(forged.as_bytes()).is_err());
    let seen = ask(&house, "GET", "/api/v1/audit?limit=2", &auditor, "").json();
    assert_eq!(
        (&seen["holds"], seen["audit"].as_array().unwrap().len()),
        (&json!(true), 2),
        "{seen}"
    );
}

#[test]
fn a_list_is_searched_sorted_and_taken_out() {
    let house = House::new();
    let mut b = crate::boxes::TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&crate::boxes::finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.say(&crate::boxes::finding('b', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.receipted(2);
    let house = house.restart_with("[access]\naccounts = true\n");
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let count = |who: &str, query: &str| {
        let answer = ask(&house, "GET", &format!("/api/v1/alerts?{query}"), who, "");
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()["alerts"].as_array().unwrap().len()
    };
    for (query, found) in [
        ("q=%231", 1),
        ("q=room-1", 2),
        ("q=%E9%94%A6%E5%9F%8E", 2),
        ("q=%E7%8E%8B%E4%B8%BB%E8%AF%8A", 2),
        ("q=UQ-1", 1),
        ("q=nothing-like-it", 0),
        ("room=room-1", 2),
        ("room=room-9", 0),
        ("until=2020-01-01", 0),
        ("from=2020-01-01", 2),
    ] {
        assert_eq!(count(&boss, query), found, "{query}");
    }
    // What a clinic is not told, it can not ask for.
    assert_eq!(count(&clinic, "q=room-1"), 2);
    for hidden in ["q=operating_ms", "q=confidence", "q=policy_sha256", "q=raised"] {
        assert_eq!(count(&clinic, hidden), 0, "{hidden}");
    }
    assert_eq!(ask(&house, "GET", "/api/v1/alerts?from=today", &boss, "").status, 400);
    let numbers = |query: &str| {
        let list = ask(&house, "GET", &format!("/api/v1/alerts?{query}"), &boss, "").json();
        list["alerts"].as_array().unwrap().iter().map(|a| a["number"].as_i64().unwrap()).collect()
    };
    let oldest: Vec<i64> = numbers("order=oldest");
    let newest: Vec<i64> = numbers("");
    assert_eq!(oldest, newest.iter().rev().copied().collect::<Vec<_>>());

    let csv = ask(&house, "GET", "/leads/csv?state=all&q=UQ-1", &boss, "");
    assert!(csv.status == 200 && csv.body.lines().count() == 2, "{}", csv.body);
    assert!(csv.body.contains("疑似非卫技人员诊疗") && csv.body.contains("锦城"), "{}", csv.body);
    let nobody = login(&house, "far", Role::Supervisor, "5201");
    assert_eq!(ask(&house, "GET", "/leads/csv", &nobody, "").body.lines().count(), 1);
    // None of a long list is left out: all of it goes out, or a line says why it does not.
    let more = |until: i64| {
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 + (SELECT max(number) FROM alert) UNION ALL \
            SELECT i + 1 FROM n WHERE i < {until}) INSERT INTO alert (number, id, state, severity, \
            kinds, institution, jurisdiction, room, device, raised_at, received_at, updated_at, \
            liveness_waived, case_file) SELECT i, 'made-' || i, state, severity, \
            kinds, institution, jurisdiction, room, device, raised_at, received_at, updated_at, \
            liveness_waived, case_file FROM n JOIN alert ON number = 1"
        );
        by_hand(&house.folder.path().join("data"), "zaigang.db", &sql);
    };
    more(1_001);
    for order in ["newest", "oldest"] {
        let path = format!("/leads/csv?state=all&order={order}");
        let csv = ask(&house, "GET", &path, &boss, "");
        let lines: std::collections::BTreeSet<&str> = csv.body.lines().collect();
        assert_eq!((csv.status, csv.body.lines().count(), lines.len()), (200, 1_002, 1_002));
    }
    more(5_001);
    let csv = ask(&house, "GET", "/leads/csv?state=all&lang=en", &boss, "");
    assert!(csv.status == 422 && csv.body.contains("more than 5000 leads"), "{}", csv.status);

    // The filter goes along to the lead and back.
    let lead = format!("/alerts/{}?from=state%3Dall%26q%3Droom-1", crate::boxes::alert_of('1'));
    let shown = ask(&house, "GET", &lead, &boss, "").body;
    assert!(shown.contains("data-up") && shown.contains("state=all"), "{shown}");
    assert!(shown.contains(&crate::boxes::alert_of('2')), "no neighbour: {shown}");
}

#[test]
fn an_empty_word_is_no_step_and_a_verdict_is_shown() {
    let house = House::new();
    let mut b = crate::boxes::TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&crate::boxes::finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let house = house.restart_with("[access]\naccounts = true\n");
    let (wang, zhao) = (
        login(&house, "wang", Role::Reviewer, "5101"),
        login(&house, "zhao", Role::Reviewer, "5101"),
    );
    let steps = format!("/api/v1/alerts/{}/steps", crate::boxes::alert_of('1'));
    let step = |who: &str, body: &str| ask(&house, "POST", &steps, who, body).status;
    assert_eq!(step(&wang, r#"{"step":"comment","note":"  "}"#), 422);
    let said = r#"{"step":"dismiss","reason":"emergency","note":"急救记录已核对"}"#;
    assert_eq!(step(&wang, said), 200);
    let page = format!("/alerts/{}", crate::boxes::alert_of('1'));
    let own = ask(&house, "GET", &page, &wang, "").body;
    assert!(own.contains("您已提出核查意见"), "{own}");
    let other = ask(&house, "GET", &page, &zhao, "").body;
    assert!(!other.contains("您已提出核查意见"), "{other}");
    for kept in ["急救情形", "急救记录已核对", "wang"] {
        assert!(other.contains(kept), "the first reviewer's {kept} is lost: {other}");
    }
}
