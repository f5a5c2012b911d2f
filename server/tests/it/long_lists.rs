//! Lists beyond five hundred: whoever stands behind them can be named all the same.

use serde_json::json;

use crate::house::House;

const LAST: &str = "p-0599";

/// A clinic with six hundred people.
fn crowded() -> House {
    let house = House::new();
    house.furnish();
    for n in 0..600 {
        house.must_post(
            "practitioners",
            &json!({"id":format!("p-{n:04}"),"name":format!("员工{n}"),
                "category":"licensed_physician","registration":"valid",
                "sites":[{"institution":"clinic-1","relation":"primary","lead_of":[]}]}),
        );
    }
    house
}

/// What the last of them is filed for as a lead.
fn file(house: &House, lead_of: &serde_json::Value) {
    let sites = json!([{"institution":"clinic-1","relation":"primary","lead_of":lead_of}]);
    let person = json!({"id":LAST,"name":"员工599","category":"licensed_physician",
        "registration":"valid","sites":sites});
    house.must_post("practitioners", &person);
}

#[test]
fn the_last_of_six_hundred_people_is_found_by_every_form() {
    let house = crowded();
    // By hand, without the page's script.
    let (status, page) = house.page(&format!("/enrol?person={LAST}"));
    assert!(status == 200 && page.contains(&format!("value=\"{LAST}\" selected")));
    assert!(house.page(&format!("/enrol?q={LAST}")).1.contains(LAST));
    assert!(house.page(&format!("/checks?q={LAST}")).1.contains("员工599"));
    assert!(house.page("/checks").1.contains("data-search=\"practitioners\""));
    let declaration = house.page("/sessions/new").1;
    let mut inputs = declaration.split("<input");
    let operators = inputs.find(|part| part.contains("name=\"declared_operators\"")).unwrap();
    assert!(operators.contains("data-search=\"practitioners\""), "{operators}");
    // What that script asks.
    let found = house.get(&format!("practitioners?limit=50&q={LAST}"));
    assert_eq!(found["practitioners"][0]["id"], LAST);
}

/// However many people a clinic has: who is filed here comes first, and nobody else can be chosen.
#[test]
fn leads_filed_here_come_first_among_six_hundred() {
    let house = crowded();
    let page = house.page("/sessions/new?lang=zh").1;
    let list = page.split("<select name=\"declared_lead\"").nth(1).expect("a list to choose from");
    let list = list.split("</select>").next().unwrap();
    let (filed, others) =
        list.split_once("<optgroup label=\"未在本机构备案主诊\">").expect("others stand apart");
    assert!(filed.contains("value=\"p-lead\"") && !filed.contains("disabled"), "{filed}");
    assert!(!filed.contains("p-0000"), "{filed}");
    let ids = others.matches("<option value=").count();
    assert!(ids >= 600 && others.matches("\" disabled>").count() == ids, "{ids}: {others}");
    assert!(others.contains(&format!("value=\"{LAST}\" disabled>员工599 · 无主诊备案")));
    // One that stands already can be kept, though they are filed no longer.
    let body =
        format!("id=s-l&room=room-1&item=laser-1&declared_lead={LAST}&start=2099-03-05T09%3A00");
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(house.send("POST", "/sessions/new", kind, body.as_bytes()).status, 422);
    file(&house, &json!(["cosmetic_dermatology"]));
    assert_eq!(house.send("POST", "/sessions/new", kind, body.as_bytes()).status, 303);
    file(&house, &json!([]));
    let again = house.page("/sessions/s-l?edit=yes&lang=zh").1;
    assert!(again.contains(&format!("value=\"{LAST}\" selected")), "{again}");
}

#[test]
fn operators_typed_with_commas_are_declared() {
    let house = crowded();
    let body = format!(
        "id=s-long&room=room-1&item=laser-1&declared_lead=p-lead\
         &declared_operators={LAST}%2C+p-0598&start=2099-03-05T09%3A00"
    );
    let kind = "application/x-www-form-urlencoded";
    let answer = house.send("POST", "/sessions/new", kind, body.as_bytes());
    assert_eq!(answer.status, 303, "{}", answer.body);
    let session = house.get("sessions/s-long");
    assert_eq!(session["session"]["declared_operators"], json!([LAST, "p-0598"]));
    // What was declared stands in the field again.
    let again = house.page("/sessions/s-long?edit=yes").1;
    assert!(again.contains(&format!("value=\"{LAST}, p-0598\"")), "{again}");
}
