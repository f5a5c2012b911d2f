//! What the page promises of an act, and what the real rules make of it.

use std::collections::BTreeSet;

use super::*;

/// Ready, session, the last verdict and its patience, on a machine that does everything at once.
const ROUND: Duration = Duration::from_mins(4);

fn names(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// Plays an act to its end: what was promised, and how it ended.
fn played(demo: &Demo, act: &str) -> (Value, Value) {
    let acts = demo.state()["acts"].clone();
    let promise = acts.as_array().unwrap().iter().find(|a| a["name"] == act).unwrap();
    let begun = demo.post("/act", &json!({"act": act}));
    assert_eq!(begun.status, 200, "{act}: {}", begun.json());
    let deadline = Instant::now() + ROUND;
    loop {
        let round = demo.state()["round"].clone();
        if round["stage"] == "over" {
            return (promise["promise"].clone(), round);
        }
        assert!(Instant::now() < deadline, "{act} does not end: {round}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The two acts that once accused: a masked lead, and a lead who leaves.
#[test]
fn a_masked_and_a_leaving_lead_keep_the_promise() {
    let mut demo = Demo::start("demo:crowd");
    demo.come_in();
    until("a face", || !demo.statuses().is_empty()).unwrap();
    demo.enrol();
    assert_eq!(demo.state()["footing"], "drawn");
    for act in ["mask", "leave"] {
        let (promise, round) = played(&demo, act);
        assert_eq!(round["as_promised"], true, "{act}: {promise} {round}");
        let (may, seen) = (names(&promise["seen"]), names(&round["seen"]));
        assert!(seen.is_subset(&may) && seen.is_empty() == may.is_empty(), "{act}: {round}");
    }
    // What is raised of a lead who leaves asks the clinic, and accuses no person.
    let alerts = demo.state()["round"]["alerts"].clone();
    let findings = alerts[0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|f| f["rule"] == "HB-1" && f["severity"] == "L1"), "{alerts}");
    demo.end();
}

/// The acts of a page, by their names.
pub(super) fn offered(state: &Value) -> Vec<String> {
    let acts = state["acts"].as_array().unwrap().iter();
    acts.map(|act| act["name"].as_str().unwrap().to_owned()).collect()
}

/// The verdicts that the page promises of an act.
pub(super) fn promised(state: &Value, act: &str) -> BTreeSet<String> {
    let acts = state["acts"].as_array().unwrap().iter();
    acts.filter(|a| a["name"] == act).flat_map(|a| names(&a["promise"]["seen"])).collect()
}
