//! Replay, why and what-if, as an agent prints them.

use expect_test::expect;
use presence::*;

use crate::script::{Call, Script, thresholds};

fn recording() -> Vec<RecordedCall> {
    recorded("")
}

fn recorded(more: &str) -> Vec<RecordedCall> {
    let script = format!(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 qian operator
        until 09:40
        {more}"
    );
    let entry = |call| match call {
        Call::Observe(at, seen) => {
            RecordedCall::Observe { at, seen: Observation::for_recording(&seen, &thresholds()) }
        }
        Call::Inform(at, fact) => RecordedCall::Inform { at, fact: Box::new(fact) },
    };
    Script::parse(&script).calls(1_000).into_iter().map(entry).collect()
}

fn key(recording: &[RecordedCall], rule: Rule) -> FindingKey {
    let found = standing(replay(recording, None));
    found.into_keys().find(|k| k.rule == rule).unwrap()
}

/// As the agent phrases it.
fn in_words(said: &Statement) -> Vec<String> {
    let said = wording::of_box(said);
    vec![said.zh, said.en]
}

#[test]
fn why_a_licence_seems_lent() {
    let recording = recording();
    let lines = why(&recording, None, &key(&recording, Rule::Ll1), in_words);
    expect![[r#"
        2026-03-02T09:02:02Z track 2 is MATCHED qian
        2026-03-02T09:35:00Z Opened LL-1 L2 LicenseLending, session s1
          lin as declared_lead, not seen
          qian as operator, verified by Face
          operating_ms = 1320000
          visibility_over_a_ppm = 1000000
          visibility_over_i_ppm = 1000000
          lead_present_ms = 0
          lead_perhaps_stayed_flag = 0
          other_operating_ms = 1080000
          door_visible_ppm = 1000000
          operating from 2026-03-02T09:00:00Z to 2026-03-02T09:22:00Z (1320000 ms)
          operator from 2026-03-02T09:02:00Z to 2026-03-02T09:20:00Z (1080000 ms)
          疑似挂证：登记主诊医师lin在操作时段（22分00秒）内出现0秒；qian处于操作位18分00秒；可见度100.0%。
          Suspected licence lending: the declared lead lin was present for 0 s of 22 min 00 s of operating time; qian stood in the operator role for 18 min 00 s; visibility 100.0%.
        LL-1 asks whether lin was there from 2026-03-02T08:50:00Z to 2026-03-02T09:35:00Z
          no track stood in the way of saying so
          the operator zone was out of sight for 1000 ms of it
        LL-1 reads operating_pad_ms = 120000 ms
        LL-1 reads window_before_ms = 600000 ms
        LL-1 reads window_after_ms = 300000 ms
        LL-1 reads door_visible_min_ppm = 950000 ppm
        LL-1 reads indeterminate_ignore_ms = 10000 ms
        LL-1 reads exclusion_gap_ms = 30000 ms
        LL-1 reads evidence_out_mnat = 7000 mnat
        LL-1 reads evidence_open_mnat = 1000 mnat
        LL-1 reads evidence_named_mnat = 3000 mnat
        LL-1 reads ll1_activity_min_ms = 300000 ms
        LL-1 reads ll1_other_op_ms = 60000 ms
        LL-1 reads lead_part_surgery_ppm = 200000 ppm
        LL-1 reads lead_part_energy_ms = 60000 ms
        LL-1 reads lead_part_injection_ms = 45000 ms
        LL-1 reads lead_part_other_ms = 30000 ms
        LL-1 reads pieces_gap_ms = 600000 ms"#]].assert_eq(&lines.join("\n"));
}

/// Which track stood in the way, from when to when, and what it lacks to be ruled out.
#[test]
fn a_track_that_may_be_the_lead_is_named_as_in_the_way() {
    let doubts = |more: &str| {
        let recording = recorded(more);
        let lines = why(&recording, None, &key(&recording, Rule::Nl1), in_words);
        let of_track = |line: &&String| line.contains("in the way") || line.starts_with("    ");
        lines.iter().filter(of_track).map(|line| line.trim()).collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        in the way: track 3 from 2026-03-02T09:10:00Z to 2026-03-02T09:10:30Z (30000 ms in view) may have been lin: INDETERMINATE
        31 live looks speak with 0 mnat for lin; asked to rule them out: -7000 (Open, 30000 ms)"#]].assert_eq(&doubts("09:10-09:10:30 dim elsewhere"));
    expect!["no track stood in the way of saying so"]
        .assert_eq(&doubts("09:10-09:10:12 stranger elsewhere"));
    expect![[r#"
        in the way: track 3 from 2026-03-02T09:10:00Z to 2026-03-02T09:11:00Z (60000 ms in view) may have been hao, lin: INDETERMINATE
        61 live looks speak with 0 mnat for hao; asked to rule them out: -7000 (Open, 60000 ms)
        61 live looks speak with 0 mnat for lin; asked to rule them out: -7000 (Open, 60000 ms)"#]].assert_eq(&doubts("09:10-09:11 muffled elsewhere"));
}

/// A finding that another policy would not raise: what stands in its way there.
#[test]
fn another_policy_says_why_a_finding_would_not_arise() {
    let recording = recorded("09:10-09:10:30 stranger elsewhere");
    let key = key(&recording, Rule::Ll1);
    let mut to_the_letter = Policy::default();
    to_the_letter.set("exclusion_gap_ms", 0).unwrap();
    to_the_letter.set("unmatched_span_ms", 40_000).unwrap();
    let lines = why(&recording, Some(&to_the_letter), &key, in_words);
    expect![[r#"
        as recorded: LL-1 L2 Opened; not so under the other policy
        LL-1 asks whether lin was there from 2026-03-02T08:50:00Z to 2026-03-02T09:35:00Z
        in the way: track 3 from 2026-03-02T09:10:00Z to 2026-03-02T09:10:30Z (30000 ms in view) may have been lin: INDETERMINATE
        31 live looks speak with -53826 mnat for lin; asked to rule them out: -7000 (Open, 30000 ms)
        the operator zone was out of sight for 1000 ms of it"#]].assert_eq(&lines.iter().filter(|l| !l.contains("reads")).map(|l| l.trim()).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_stricter_policy_says_which_findings_vanish() {
    let mut strict = Policy::default();
    strict.set("nl_op_min_ms", 1_200_000).unwrap();
    strict.set("ll1_other_op_ms", 60_000).unwrap();
    let changed = what_if(&recording(), &strict);
    let codes = |list: &[Finding]| list.iter().map(|f| f.key.rule.code()).collect::<Vec<_>>();
    assert_eq!(
        (codes(&changed.appear), codes(&changed.vanish), changed.change.len()),
        (vec![], vec!["NL-1"], 0)
    );
}

#[test]
fn several_policies_at_once_say_what_each_alone_says() {
    let recording = recording();
    let tried: Vec<Policy> = [("nl_op_min_ms", 1_200_000), ("window_after_ms", 600_000)]
        .into_iter()
        .map(|(name, value)| {
            let mut policy = Policy::default();
            policy.set(name, value).unwrap();
            policy
        })
        .collect();
    let mut comparison = Comparison::new(None, tried.clone());
    for entry in &recording {
        comparison.take(entry);
    }
    let (stand, changed) = comparison.end();
    let alone: Vec<WhatIf> = tried.iter().map(|other| what_if(&recording, other)).collect();
    assert_eq!(changed, alone);
    assert_eq!(stand.len(), standing(replay(&recording, None)).len());
    assert_ne!(alone[0], WhatIf::default(), "the first number changes nothing here");
}

#[cfg(feature = "serde")]
#[test]
fn a_recording_survives_its_bytes_and_yields_the_same_bytes() {
    let recording = recording();
    let bytes: Vec<String> = recording.iter().map(|e| serde_json::to_string(e).unwrap()).collect();
    let again: Vec<RecordedCall> = bytes.iter().map(|b| serde_json::from_str(b).unwrap()).collect();
    assert_eq!(again, recording);
    let out = |r: &[RecordedCall]| serde_json::to_string(&replay(r, None)).unwrap();
    assert_eq!(out(&again), out(&recording));
}
