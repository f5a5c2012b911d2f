//! What the authority owes in writing: the impact assessment with the law's four items, and the
//! filing whose day nobody enters by hand.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::house::House;

fn assessment() -> Value {
    let answer = "目的限于发现线索，由两人复核，必要性见附件。";
    json!({"occasion": "first", "on": "2026-03-02", "assessor": "王评估", "lawful": answer,
        "effect": answer, "risk": answer, "protection": "加密存储，按机构旋转，符合风险程度。",
        "security_grade": "三级", "conclusion": "use_once_mended", "next_on": "2027-03-02"})
}

#[test]
fn an_assessment_has_all_four_items_and_every_version_stays() {
    let house = House::new();
    house.furnish();
    let house = house.restart_with("[access]\naccounts = true\n");
    let wang = login(&house, "wang", Role::Supervisor, "");
    let path = "/api/v1/impact-assessments";
    let enter = |who: &str, body: &Value| ask(&house, "POST", path, who, &body.to_string());
    for item in ["lawful", "effect", "risk", "protection"] {
        let mut without = assessment();
        without[item] = json!("略");
        let refused = enter(&wang, &without);
        assert_eq!(refused.status, 422, "{item}: {}", refused.body);
        assert!(refused.body.contains(item), "{}", refused.body);
    }
    let clinic = token(&house, Role::Clinic, "clinic-1");
    assert_eq!(enter(&clinic, &assessment()).status, 403);
    let program = token(&house, Role::Supervisor, "");
    assert_eq!(enter(&program, &assessment()).status, 403, "a program assessed");
    assert_eq!(enter(&wang, &assessment()).status, 201);
    let mut later = assessment();
    (later["on"], later["conclusion"]) = (json!("2026-04-01"), json!("use"));
    assert_eq!(enter(&wang, &later).status, 201);
    let all = ask(&house, "GET", path, &wang, "").json();
    let days: Vec<_> = all["assessments"].as_array().unwrap().iter().map(|a| &a["on"]).collect();
    assert_eq!(days, ["2026-04-01", "2026-03-02"]);
    let page = ask(&house, "GET", "/impact-assessments", &wang, "").body;
    for words in ["可以启用", "整改后启用", "加密存储，按机构旋转", "data-print", "三级"]
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn nobody_enters_that_the_number_was_reached() {
    let house = House::new();
    let reached = json!({"kind": "reached", "on": "2026-03-02"});
    let (status, said) = house.post("filing", &reached);
    assert_eq!(status, 422, "{said}");
    let changed = json!({"kind": "changed", "on": "2026-03-02"});
    assert_eq!(house.post("filing", &changed).0, 200);
    let page = house.page("/filing").1;
    assert!(!page.contains("value=\"reached\"") && page.contains("value=\"changed\""), "{page}");
}
