//! A person beside the institution as a party of a case: told, decided upon and served by itself,
//! with papers of its own, and never read as another's.

use serde_json::{Value, json};

use crate::boxes::{TestBox, finding};
use crate::cases::{entry, opened};
use crate::house::House;

/// Of `box-1` and the incident of ones.
const ALERT: &str = "4995b55754903dcb54ca57595eeaf51a";

/// A case in which 王主诊 is a party; with that party's number.
fn with_a_person() -> (House, i64) {
    let (house, id) = opened();
    let named = json!({"kind": "party_named", "name": "", "person": "p-lead"});
    let (status, case) = entry(&house, &id, "wang", &named);
    assert_eq!(status, 200, "{case}");
    let party = &case["parties"][1];
    assert_eq!((&party["name"], &party["person"]), (&json!("王主诊"), &json!("p-lead")));
    let party = party["id"].as_i64().unwrap();
    (house, party)
}

fn done_to(house: &House, party: i64, entry: &Value) -> (u16, Value) {
    let on = server::clock::today().to_string();
    let body = json!({"by": "wang", "on": on, "party": party, "entry": entry});
    house.post(&format!("alerts/{ALERT}/case/entries"), &body)
}

fn told(yuan: u32) -> Value {
    let fine = json!([{"kind": "fine", "amount_yuan": yuan}]);
    json!({"kind": "notified", "penalties": fine, "hearing_offered": true})
}

#[test]
fn a_person_is_told_by_a_paper_of_its_own_penalties() {
    let (house, party) = with_a_person();
    assert_eq!(done_to(&house, 0, &told(30_000)).0, 200);
    let text = |party: i64, kind: &str| {
        let path = format!("alerts/{ALERT}/case/documents/{kind}?party={party}");
        house.get(&path)["text"].as_str().unwrap().to_owned()
    };
    let own = text(party, "penalty_notice");
    for said in ["王主诊（居民身份证号码", "你涉嫌", "对个人", "第五十四条第三款"]
    {
        assert!(own.contains(said), "{said} is not in {own}");
    }
    for other in ["对机构", "30000", "你单位", "李医生", "p-other", "91350100M000100Y43"] {
        assert!(!own.contains(other), "{other} stands in a person's paper: {own}");
    }
    assert_eq!(done_to(&house, party, &told(20_000)).0, 200);
    assert!(text(party, "penalty_notice").contains("20000"));
    let institution = text(0, "penalty_notice");
    assert!(institution.contains("30000") && !institution.contains("20000"), "{institution}");
    assert!(institution.contains("对机构") && !institution.contains("对个人"), "{institution}");
    let (status, _) = house.post(
        &format!("alerts/{ALERT}/case/documents/penalty_notice"),
        &json!({"by": "wang", "party": 99}),
    );
    assert_eq!(status, 404, "a paper for nobody");
}

#[test]
fn papers_of_two_parties_have_numbers_and_versions_of_their_own() {
    let (house, party) = with_a_person();
    let path = format!("alerts/{ALERT}/case/documents/penalty_notice");
    let save = |party: i64, text: &str| {
        house.must_post(&path, &json!({"by": "wang", "party": party, "text": text}))
    };
    let first = save(0, "机构的告知书");
    let own = save(party, "个人的告知书");
    assert_ne!(first["number"], own["number"]);
    let again = save(party, "个人的告知书第二稿");
    assert_eq!((&again["number"], &again["versions"][0]["version"]), (&own["number"], &json!(2)));
    assert_eq!(house.get(&path)["text"], "机构的告知书", "one party's paper became the other's");
    let docx = house.send_with("GET", &format!("/{path}/docx?party={party}"), "", b"").body;
    assert!(docx.contains("个人的告知书第二稿"), "{docx}");
    let page = house.page(&format!("/{path}?party={party}")).1;
    assert!(page.contains("个人的告知书第二稿") && page.contains("王主诊"), "{page}");
    let case = house.page(&format!("/alerts/{ALERT}/case")).1;
    assert!(case.contains(&format!("penalty_notice?party={party}")), "no way to it: {case}");
}

#[test]
fn a_persons_penalty_is_shown_on_pages_and_in_the_paper() {
    let (house, party) = with_a_person();
    assert_eq!(done_to(&house, party, &told(20_000)).0, 200);
    let form = format!(
        "kind=stated&by=wang&on={}&party={party}&text=%E6%9C%AA%E5%88%B0%E5%9C%BA",
        server::clock::today()
    );
    let kind = "application/x-www-form-urlencoded";
    let path = format!("/alerts/{ALERT}/case");
    assert_eq!(house.send("POST", &path, kind, form.as_bytes()).status, 303);
    let page = house.page(&path).1;
    let lead = "<a href=\"/people/p-lead\">王主诊</a> <small>p-lead</small>";
    let (told, term) = (format!("{lead} · 已告知"), format!("当事人要求听证期限 · {lead}"));
    for said in ["个人当事人", &told, &term, "未到场"] {
        assert!(page.contains(said), "{said} is not on the page");
    }
    let case = house.get(&format!("alerts/{ALERT}/case"));
    assert_eq!(case["entries"][3]["recorded"]["party"], json!(party), "{case}");
    let clocks = case["clocks"].as_array().unwrap();
    let of = |due: &str| clocks.iter().find(|c| c["due"] == due).unwrap();
    assert_eq!(of("hearing_request")["party_name"], "王主诊");
    assert_eq!(case["stage"], "investigation", "the institution was told nothing");
}

#[test]
fn whoever_is_not_registered_is_named_by_hand() {
    let (house, id) = opened();
    let unknown = json!({"kind": "party_named", "name": "", "person": "p-nobody"});
    assert_eq!(entry(&house, &id, "wang", &unknown).0, 404);
    let nobody = json!({"kind": "party_named", "name": " "});
    assert_eq!(entry(&house, &id, "wang", &nobody).0, 422);
    let other = json!({"kind": "party_named", "name": "赵某"});
    assert_eq!(entry(&house, &id, "wang", &other).0, 200);
    assert_eq!(done_to(&house, 77, &told(1)).0, 422, "told to nobody");
}

#[test]
fn earlier_penalties_tell_whose_they_were() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.say(&finding('b', '2', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(2);
    for (by, step) in [("wang", "uphold"), ("li", "uphold"), ("wang", "go_on_site")] {
        house.must_post(&format!("alerts/{ALERT}/steps"), &json!({"step": step, "by": by}));
    }
    let officer = |name: &str, n: u8| json!({"name": name, "certificate": format!("A-{n}")});
    let open = json!({"by": "wang", "case_number": "1",
        "officers": [officer("王督", 1), officer("李督", 2)]});
    house.must_post(&format!("alerts/{ALERT}/case"), &open);
    let named = json!({"kind": "party_named", "name": "", "person": "p-lead"});
    let party = done_to(&house, 0, &named).1["parties"][1]["id"].as_i64().unwrap();
    let warning = json!([{"kind": "warning"}]);
    let tell = json!({"kind": "notified", "penalties": warning, "hearing_offered": false});
    let decide = json!({"kind": "decided", "outcome": "punished", "number": "1",
        "penalties": warning, "approved_by": "赵局长"});
    for entry in [&tell, &decide] {
        assert_eq!(done_to(&house, party, entry).0, 200);
    }
    let case = house.get(&format!("alerts/{}/case", crate::boxes::alert_of('2')));
    let earlier = case["earlier"].as_array().unwrap();
    let of = |person: &str| earlier.iter().find(|e| e["person"] == person).unwrap();
    assert_eq!(of("p-lead")["punished"].as_array().unwrap().len(), 1, "{case}");
    assert_eq!(of("p-lead")["named"], json!([]));
    assert_eq!(of("p-other")["punished"], json!([]), "punished for another: {case}");
    let quashed = json!({"kind": "quashed", "why": "复议撤销"});
    assert_eq!(done_to(&house, party, &quashed).0, 200);
    let after = house.get(&format!("alerts/{}/case", crate::boxes::alert_of('2')));
    assert_eq!(after["earlier"], json!([]), "a quashed penalty is counted");
}
