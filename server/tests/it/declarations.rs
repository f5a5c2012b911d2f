//! What a declaration names: an item of the catalogue, and a lead who is filed here for it. Without
//! them nobody can say who should have been there, so that no door takes one.

use serde_json::{Value, json};

use crate::house::House;

/// Somebody of clinic-1, filed as a lead for these specialties.
fn file(house: &House, person: &str, lead_of: &Value) {
    let sites = json!([{"institution":"clinic-1","relation":"primary","lead_of":lead_of}]);
    let body = json!({"id":person,"name":"李医生","category":"licensed_physician",
        "registration":"valid","sites":sites});
    house.must_post("practitioners", &body);
}

fn declaration(item: &str, lead: &str) -> Value {
    let named = |id: &str| if id.is_empty() { Value::Null } else { json!(id) };
    json!({"id":"d-1","room":"room-1","item":named(item),"declared_lead":named(lead),
        "start":"2026-03-02T01:00:00Z","end":"2026-03-02T02:00:00Z"})
}

/// Item, lead, the field at fault, and what is said of it.
const WRONG: [(&str, &str, &str, &str); 5] = [
    ("", "p-lead", "item", "name the item"),
    ("laser-9", "p-lead", "item", "in no catalogue"),
    ("laser-1", "", "declared_lead", "name the lead"),
    ("laser-1", "p-other", "declared_lead", "`p-other` is not filed here as a lead for `laser-1`"),
    ("laser-1", "p-teeth", "declared_lead", "`p-teeth` is not filed here as a lead for `laser-1`"),
];

#[test]
fn a_declaration_without_item_or_filed_lead_is_refused() {
    let house = House::new();
    house.furnish();
    file(&house, "p-teeth", &json!(["cosmetic_dentistry"]));
    for (item, lead, field, why) in WRONG {
        let (status, said) = house.post("sessions", &declaration(item, lead));
        let detail = said["detail"].as_str().unwrap_or_default();
        assert!(
            status == 422 && detail.starts_with(&format!("{field}: ")) && detail.contains(why),
            "`{item}` under `{lead}`: {status} {said}"
        );
        let table = format!(
            "id,room,item,declared_lead,start\nd-1,room-1,{item},{lead},2026-03-02T01:00:00Z\n"
        );
        for dry in ["?dry_run=true", ""] {
            let path = format!("/api/v1/import/sessions{dry}");
            let told = house.send("POST", &path, "text/csv", table.as_bytes());
            assert!(told.body.contains(why), "a table, `{item}` under `{lead}`: {}", told.body);
        }
        let form = format!("id=d-1&room=room-1&item={item}&declared_lead={lead}&start=");
        let kind = "application/x-www-form-urlencoded";
        let told = house.send("POST", "/sessions/new?lang=zh", kind, form.as_bytes());
        assert_eq!(told.status, 422, "the page, `{item}` under `{lead}`: {}", told.body);
    }
    let (status, _) = house.post("sessions/d-1/steps", &json!({"step":"close"}));
    assert_eq!(status, 404, "one of them was stored");
    assert_eq!(house.post("sessions", &declaration("laser-1", "p-lead")).0, 201);
}

#[test]
fn an_amendment_that_leaves_item_or_lead_out_is_refused() {
    let house = House::new();
    house.furnish();
    house.must_post("sessions", &declaration("laser-1", "p-lead"));
    for (item, lead, field, _) in WRONG {
        if lead == "p-teeth" {
            continue;
        }
        let (status, said) = house.post("sessions", &declaration(item, lead));
        let detail = said["detail"].as_str().unwrap_or_default();
        assert!(status == 422 && detail.starts_with(field), "{status} {said}");
    }
    let kept = house.get("sessions/d-1");
    assert_eq!(kept["changes"].as_array().map(Vec::len), Some(1), "{kept}");
}

#[test]
fn a_session_whose_lead_is_filed_no_longer_can_be_closed() {
    let house = House::new();
    house.furnish();
    file(&house, "p-other", &json!(["cosmetic_dermatology"]));
    house.must_post("sessions", &declaration("laser-1", "p-other"));
    file(&house, "p-other", &json!([]));
    let close = json!({"step":"close","end":"2026-03-02T01:30:00Z","reason":"over"});
    house.must_post("sessions/d-1/steps", &close);
    house.must_post("sessions/d-1/steps", &json!({"step":"cancel","reason":"no show"}));
    // Opened again it is declared anew.
    let (status, said) =
        house.post("sessions/d-1/steps", &json!({"step":"reopen","reason":"a mistake"}));
    assert!(status == 422 && said["detail"].as_str().unwrap().contains("`p-other`"), "{said}");
}

#[test]
fn what_is_cancelled_from_the_start_names_nobody() {
    let house = House::new();
    house.furnish();
    let mut never = declaration("", "");
    never["cancelled"] = true.into();
    assert_eq!(house.post("sessions", &never).0, 201);
    let (status, _) =
        house.post("sessions/d-1/steps", &json!({"step":"reopen","reason":"a mistake"}));
    assert_eq!(status, 422);
}
