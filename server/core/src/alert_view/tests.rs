//! What a clinic and an authority see of an alert.

use super::*;

const FINDING: &str = r#"{"finding_id":"f","incident_id":"i","step":"opened","revision":1,"rule":"LL-3",
        "kind":"LicenseLending","severity":"L3","room":"r","institution":"c-1",
        "confidence":{"identity_ppm":1,"role_ppm":1,"session_ppm":1,"visibility_ppm":1},
        "persons":[{"person":"p","part":"present","verified_by":"face"},{"person":"p","part":"present","verified_by":"face"}],
        "candidate_basis":[{"law":"医师法","article":"第十三条","edition":"2022-03-01"}],
        "intervals":[{"what":"seen_at_first_place","from":"2026-03-02T01:00:00.000Z","to":"2026-03-02T02:00:00.000Z"}],
        "counts":[{"name":"distance_m","value":40000}],
        "explanation":{"zh":"在机构 c-2 与机构 c-1 同时","en":"at c-2 and at c-1"},"raised_at":"t",
        "manifest":{"firmware":"","pack":"","pack_sha256":"","config_sha256":"","policy_sha256":"","policy_version":1,
        "roster_version":1,"liveness_waived":false}}"#;

fn stored(rule: &str) -> FindingSeen {
    let mut report: FindingReport = serde_json::from_str(FINDING).unwrap();
    report.rule = rule.into();
    FindingSeen {
        report,
        received_at: crate::clock::At::EPOCH,
        chain: Located::default(),
        legal: None,
    }
}

#[test]
fn a_finding_that_compares_places_tells_its_clinic_of_none() {
    let told = serde_json::to_string(&here(stored("LL-3"))).unwrap();
    assert!(
        !told.contains("c-2") && !told.contains("40000") && !told.contains("seen_at"),
        "{told}"
    );
    assert!(told.contains("医师法") && told.contains("LL-3"), "rule and law stay: {told}");
    assert_eq!(told.matches("\"person\":\"p\"").count(), 1);
}

#[test]
fn any_other_finding_is_told_as_it_is() {
    let whole = stored("LL-1");
    assert_eq!(
        serde_json::to_value(here(whole.clone())).unwrap(),
        serde_json::to_value(whole).unwrap()
    );
}
