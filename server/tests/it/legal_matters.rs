//! What a finding is about in law, over the API: by its rule, its kind, whom it names, how they
//! were registered, and the day of the act where the clinic stands.

use serde_json::{Value, json};

use crate::boxes::{TestBox, finding};
use crate::house::{House, by_hand};

/// One finding as a box or the server raises it.
struct Act {
    rule: &'static str,
    kind: &'static str,
    person: &'static str,
    in_a_session: bool,
    /// UTC.
    began: &'static str,
    /// What the box itself cites, as a wire text.
    cites: (&'static str, &'static str),
}

const MARCH: &str = "2026-03-02T01:00:00.000Z";
/// The rule as the box says it.
const SAID: &str = "UQ-9";
const NOTHING: (&str, &str) = ("无法定依据", "依试点协议");

fn act(rule: &'static str, kind: &'static str, person: &'static str) -> Act {
    Act { rule, kind, person, in_a_session: true, began: MARCH, cites: NOTHING }
}

/// What the law table says of each. Of a box that raises more incidents within the hour, some are
/// joined.
fn legal_of(acts: &[Act]) -> Vec<Value> {
    acts.chunks(15).flat_map(raised).collect()
}

/// Raises each in an incident of its own.
fn raised(acts: &[Act]) -> Vec<Value> {
    let house = House::new();
    let token = house.furnish();
    for (id, category, registration) in [
        ("p-nurse", "nurse", "valid"),
        ("p-tech", "technician", "valid"),
        ("p-druggist", "pharmacist", "valid"),
        ("p-assistant", "assistant_physician", "valid"),
        ("p-trainee", "trainee", "valid"),
        ("p-clerk", "non_clinical", "valid"),
        ("p-suspended", "licensed_physician", "suspended"),
        ("p-expired", "licensed_physician", "expired"),
        ("p-pending", "licensed_physician", "pending"),
        ("p-revoked", "licensed_physician", "revoked"),
        ("p-cancelled", "licensed_physician", "cancelled"),
    ] {
        house.must_post(
            "practitioners",
            &json!({"id": id, "name": id, "category": category, "registration": registration,
                "sites": [{"institution": "clinic-1", "relation": "primary", "lead_of": []}]}),
        );
    }
    let mut b = TestBox::provision(&house, &token);
    b.connect();
    for (n, it) in acts.iter().enumerate() {
        let mut said = finding('a', '1', "opened", 1, SAID, it.kind, "L1");
        said["raised_at"] = json!(it.began);
        said["finding_id"] = json!(format!("{:032x}", n + 1));
        said["incident_id"] = json!(format!("{:032x}", n + 1));
        said["persons"][0]["person"] = json!(it.person);
        said["intervals"][0]["from"] = json!(it.began);
        said["intervals"][0]["to"] = json!(it.began);
        said["intervals"].as_array_mut().unwrap().truncate(1);
        said["candidate_basis"] =
            json!([{"law": it.cites.0, "article": it.cites.1, "edition": "x"}]);
        if !it.in_a_session {
            said["session"] = Value::Null;
        }
        b.say(&said);
    }
    b.receipted(acts.len() as u64);
    // A box may claim no rule of the server's.
    let named = |(n, it): (usize, &Act)| {
        let rule = it.rule;
        format!(
            "UPDATE finding SET rule = '{rule}', report = replace(report, '\"rule\":\"{SAID}\"', \
            '\"rule\":\"{rule}\"') WHERE id = '{:032x}';",
            n + 1
        )
    };
    let sql: String = acts.iter().enumerate().map(named).collect();
    by_hand(&house.folder.path().join("data"), "zaigang.db", &sql);
    let one = |n: usize| {
        house.get(&format!("alerts/{}", trust::alert_id("box-1", &format!("{:032x}", n + 1))))[
            "findings"][0].clone()
    };
    (0..acts.len()).map(one).map(|f| f["legal"].clone()).collect()
}

fn articles(list: &Value) -> Vec<String> {
    let name =
        |c: &Value| format!("{}{}", c["law"].as_str().unwrap(), c["article"].as_str().unwrap());
    list.as_array().unwrap().iter().map(name).collect()
}

#[test]
fn each_rule_and_kind_is_about_its_own_matter() {
    let expected = [
        (act("LL-1", "LicenseLending", "p-lead"), "lending"),
        (act("LL-1", "RecordMismatch", "p-lead"), "false_record"),
        (act("LL-2", "LicenseLending", "p-lead"), "phantom_lead"),
        (act("LL-2", "RecordMismatch", "p-lead"), "system"),
        (act("LL-3", "LicenseLending", "p-lead"), "impossible_presence"),
        (act("LL-4", "LicenseLending", "p-lead"), "site"),
        (act("LL-4", "LicenseLending", "p-nurse"), "nurse_registration"),
        (act("LL-4", "LicenseLending", "p-tech"), "other_staff_registration"),
        (act("LL-4", "RecordMismatch", "p-lead"), "stale_register"),
        (act("LL-5", "LicenseLending", "p-lead"), "clock_and_go"),
        (act("LL-5", "RecordMismatch", "p-lead"), "false_record"),
        (act("NL-1", "NonLeadOperating", "p-other"), "non_lead"),
        (act("NL-2", "NonLeadOperating", "p-nurse"), "nurse_beyond"),
        (act("NL-3", "NonLeadOperating", "p-assistant"), "assistant"),
        (act("NL-3", "NonLeadOperating", "p-trainee"), "trainee"),
        (act("NL-4", "NonLeadOperating", "p-lead"), "grade"),
        (act("UQ-1", "UnlicensedOperator", "p-lead"), "unidentified"),
        (act("UQ-1", "RecordMismatch", "p-lead"), "stale_register"),
        (act("UQ-2", "UnlicensedOperator", "p-clerk"), "unlicensed"),
        (act("UQ-3", "UnlicensedOperator", "p-druggist"), "out_of_scope"),
        (act("HB-1", "RecordMismatch", "p-lead"), "false_record"),
        (Act { in_a_session: false, ..act("HB-1", "Integrity", "p-lead") }, "agreement"),
        (act("HB-2", "Integrity", "p-lead"), "agreement"),
        (act("HB-3", "RecordMismatch", "p-lead"), "undeclared"),
        (act("HB-4", "Integrity", "p-lead"), "spoof"),
        (act("HB-5", "Integrity", "p-lead"), "agreement"),
        (act("HB-6", "Integrity", "p-lead"), "zones"),
        (act("HB-7", "Integrity", "p-lead"), "agreement"),
        (act("HB-8", "Integrity", "p-lead"), "agreement"),
        (act("SI-1", "RecordMismatch", "p-lead"), "agreement"),
        (act("CHAIN-GAP", "Integrity", "p-lead"), "system"),
    ];
    let (acts, wanted): (Vec<Act>, Vec<&str>) = expected.into_iter().unzip();
    let table = law::Table::shipped();
    for ((act, wanted), legal) in acts.iter().zip(wanted).zip(legal_of(&acts)) {
        let who = format!("{} {} {}", act.rule, act.kind, act.person);
        assert_eq!(legal["matter"], wanted, "{who}");
        let listed = law::Matter::parse(wanted).unwrap();
        let listed = table.of(listed, Some("2026-03-02".parse().unwrap())).unwrap();
        let of_table = |cited: &[law::Cited]| -> Vec<String> {
            cited.iter().map(|c| format!("{}{}", c.law, c.article)).collect()
        };
        assert_eq!(articles(&legal["basis"]), of_table(&listed.basis), "{who}");
        assert_eq!(articles(&legal["penalties"]), of_table(&listed.penalties), "{who}");
    }
}

#[test]
fn a_mere_mismatch_of_records_lends_no_licence() {
    let legal = legal_of(&[
        act("LL-1", "RecordMismatch", "p-lead"),
        act("LL-5", "LicenseLending", "p-lead"),
        act("UQ-1", "RecordMismatch", "p-lead"),
    ]);
    for one in &legal {
        let all = [articles(&one["basis"]), articles(&one["penalties"])].concat();
        assert!(!all.iter().any(|a| a.contains("第五十四条") || a.contains("刑法")), "{one}");
    }
    assert!(legal[2]["none_zh"].as_str().unwrap().contains("无法定依据"), "{}", legal[2]);
}

#[test]
fn no_penalty_is_told_where_none_was_read_for_a_status() {
    let lapsed = ["p-suspended", "p-expired", "p-pending"];
    let legal = legal_of(&lapsed.map(|who| act("LL-4", "LicenseLending", who)));
    for (one, who) in legal.iter().zip(lapsed) {
        assert_eq!(one["matter"], "not_in_force", "{who}");
        assert_eq!(articles(&one["penalties"]), Vec::<String>::new(), "{who}");
        assert!(one["none_zh"].as_str().unwrap().contains("未查到"), "{one}");
    }
    let legal = legal_of(&["p-revoked", "p-cancelled"].map(|who| Act {
        cites: ("医师法", "第十三条第四款"),
        ..act("LL-4", "LicenseLending", who)
    }));
    assert!(legal.iter().all(|one| one["matter"] == "unregistered"), "{legal:?}");
}

#[test]
fn the_status_at_the_time_of_the_act_decides_not_todays() {
    let registration = ("医师法", "第十三条第四款");
    let site = ("医师法", "第十四条第一款");
    let legal = legal_of(&[
        Act { cites: registration, ..act("LL-4", "LicenseLending", "p-lead") },
        Act { cites: site, ..act("LL-4", "LicenseLending", "p-revoked") },
    ]);
    assert_eq!(legal[0]["matter"], "not_in_force", "mended since: {}", legal[0]);
    assert_eq!(legal[1]["matter"], "site", "revoked since: {}", legal[1]);
}

#[test]
fn the_day_of_the_act_is_that_of_the_clinic() {
    // 00:30 on 5 June in Shanghai, still 4 June in UTC; and an hour before.
    let (new, old) = ("2026-06-04T16:30:00.000Z", "2026-06-04T15:30:00.000Z");
    for rule in ["LL-4", "LL-3"] {
        let at = |began| Act { began, ..act(rule, "LicenseLending", "p-lead") };
        let legal = legal_of(&[at(new), at(old)]);
        let fined = |n: usize| articles(&legal[n]["penalties"]).join(" ").contains("第五十七条");
        assert!(fined(0) && !fined(1), "{rule}: {legal:?}");
        let redefined =
            |n: usize| articles(&legal[n]["basis"]).join(" ").contains("医师执业注册管理办法");
        assert!(rule != "LL-3" || redefined(0) && !redefined(1), "{legal:?}");
    }
}
