//! The figures by page, by API and as CSV: they agree, and they name nobody (P15).

use crate::boxes::{TestBox, finding};
use crate::house::House;

#[test]
fn figures_are_counted_by_rule_and_box_and_name_nobody() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.say(&finding('b', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.receipted(2);
    let json = house.get("figures");
    assert_eq!(json["by_rule"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["devices"][0]["incidents"], 2);
    let (status, page) = house.page("/figures");
    assert_eq!(status, 200);
    for wanted in ["<svg", "LL-1", "UQ-1", "误报", "box-1"] {
        assert!(page.contains(wanted), "the page lacks {wanted}");
    }
    let csv = house.send_with("GET", "/figures.csv", "", b"");
    assert!(csv.head.contains("text/csv"), "{}", csv.head);
    assert!(csv.body.contains("findings_by_rule,LL-1,L2,1,"), "{}", csv.body);
    for text in [json.to_string(), page, csv.body] {
        for person in ["p-lead", "p-other", "王主诊", "李医生"] {
            assert!(!text.contains(person), "a figure names {person}");
        }
    }
}

#[test]
fn no_route_offers_attendance_or_performance() {
    for rule in server::web::routes() {
        for word in ["attendance", "performance", "timesheet", "hours"] {
            assert!(!rule.path.contains(word), "{}", rule.path);
        }
    }
}

#[test]
fn a_wrong_day_is_named_and_stays_in_the_form() {
    let house = House::new();
    let (status, page) = house.page("/figures?from=yesterday&to=2026-03-02&lang=en");
    assert_eq!(status, 200);
    assert!(
        page.contains("`yesterday` is no day") && page.contains("value=\"yesterday\""),
        "{page}"
    );
    assert_eq!(house.send_with("GET", "/api/v1/figures?from=yesterday", "", b"").status, 422);
}
