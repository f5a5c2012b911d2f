//! A patient who declined: nothing is alleged of the session, the box says why, and what the clinic
//! states after a finding takes nothing back.

use presence::*;

use crate::script::{play, standing};

const LENDING: &str = "
    08:50       declare s1 filler lin 09:00-09:30
    09:00-09:25 patient bed
    09:02-09:20 qian operator
";

fn summaries(text: &str) -> Vec<PresenceSummary> {
    let said = play(text).into_iter().filter_map(|output| match output {
        EngineOutput::PresenceSummary(summary) => Some(*summary),
        _ => None,
    });
    said.collect()
}

fn summary_of(text: &str) -> PresenceSummary {
    summaries(text).pop().unwrap()
}

#[test]
fn a_declined_session_alleges_nothing_and_says_why() {
    let text = "
        08:50       declare s1 filler lin 09:00-09:30
        08:51       decline s1
        09:00-09:30 camera withheld
        until 11:30
    ";
    assert_eq!(standing(text), Vec::<String>::new(), "no HB-2 either");
    let Assessability::NotAssessable(because) = summary_of(text).assessment else { panic!() };
    assert!(because.contains(&AbstentionReason::Declined), "{because:?}");
}

#[test]
fn a_refusal_told_late_takes_back_what_it_forbade() {
    let before = format!("{LENDING}\n09:50 decline s1 stated=08:55\nuntil 11:00");
    assert_eq!(standing(&before), Vec::<String>::new());
    assert_eq!(summary_of(&before).present, Vec::new(), "whom it recognised is told to nobody");
}

#[test]
fn a_refusal_after_the_finding_takes_nothing_back() {
    for said in ["09:50 decline s1", "09:10 decline s1"] {
        let found = standing(&format!("{LENDING}\n{said}\nuntil 11:00"));
        assert_eq!(found, ["LL-1 L2", "NL-1 L3"], "{said}");
    }
}

#[test]
fn what_was_seen_before_a_late_refusal_accuses_nobody_absent() {
    let text = "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:08 patient bed
        09:01-09:08 qian operator
        09:08       decline s1
        09:08:01-09:30 camera withheld
        until 11:30
    ";
    let found = standing(text);
    assert!(!found.iter().any(|f| f.starts_with("LL")), "he may have come: {found:?}");
}

#[test]
fn a_session_beside_a_declined_one_says_so_too() {
    let text = "
        08:50       declare s1 filler lin 09:00-09:30
        08:50       declare s2 filler lin 09:00-09:30
        08:51       decline s1
        09:00-09:30 camera withheld
        until 11:30
    ";
    for said in summaries(text) {
        assert!(matches!(&said.assessment,
                Assessability::NotAssessable(why) if why.contains(&AbstentionReason::Withheld)));
    }
}

#[test]
fn a_refusal_does_not_last_for_a_whole_day() {
    let text = "
        08:50       declare s1 filler lin 09:00-13:30
        08:51       decline s1
        09:00-13:20 patient bed
        09:02-13:20 qian operator
        until 15:30
    ";
    assert!(standing(text).iter().any(|f| f.starts_with("NL-1")), "{:?}", standing(text));
}
