//! Facts that come late, twice, out of order; findings that are taken back and closed; the
//! alternative check; the doorway.

use expect_test::expect;
use presence::*;

use crate::script::{Call, Script, check, check_texts, drive, play, standing, trace};

const LENDING: &str = "
    08:50       declare s1 filler lin 09:00-09:30
    09:00-09:25 patient bed
    09:02-09:20 qian operator
";

#[test]
fn a_finding_closes_when_late_facts_can_no_longer_come() {
    check(
        &format!("{LENDING}\nuntil 11:00"),
        &expect![[r#"
        09:35:00 Opened LL-1 L2 LicenseLending s1 [lin qian]
        09:35:00 Opened NL-1 L3 NonLeadOperating s1 [qian]
        10:05:00 Closed LL-1 L2 LicenseLending s1 [lin qian]
        10:05:00 Closed NL-1 L3 NonLeadOperating s1 [qian]
    "#]],
    );
}

#[test]
fn a_session_cancelled_before_its_end_alleges_nothing_of_it() {
    check(
        &format!("{LENDING}\n09:31 cancel s1\nuntil 11:00"),
        &expect![[r#"
            09:31:05 Opened HB-3 L2 UndeclaredProcedure - [qian]
            09:55:00 Closed HB-3 L2 UndeclaredProcedure - [qian]
        "#]],
    );
}

#[test]
fn a_procedure_declared_afterwards_stays_undeclared() {
    check_texts(
        "
        09:00-09:25 patient bed
        09:00-09:25 lin operator
        09:40       declare s1 filler lin 09:00-09:30
        ",
        &expect![[r#"
            09:03:05 Opened HB-3 L1 UndeclaredProcedure - [lin]
                疑似未登记诊疗活动：床位有人且操作位有人3分04秒，无对应登记。
                Suspected undeclared procedure: the bed was occupied and somebody operated for 3 min 04 s, with no session declared.
            09:10:05 Strengthened HB-3 L2 UndeclaredProcedure - [lin]
            09:40:05 summary s1 Assessable, lead seen; lin 1500 s, operating 1500 s
            09:55:00 Closed HB-3 L2 UndeclaredProcedure - [lin]
        "#]],
    );
}

#[test]
fn facts_in_any_order_and_twice_come_to_the_same() {
    let text = format!("{LENDING}\n08:55 amend s1 filler lin 09:00-09:28\n09:40 close s1 09:28");
    let calls = Script::parse(&text).calls(1_000);
    let (mut facts, rest): (Vec<Call>, Vec<Call>) =
        calls.into_iter().partition(|c| matches!(c, Call::Inform(..)));
    facts.reverse();
    let at = match rest.first() {
        Some(Call::Observe(at, _)) => *at,
        _ => panic!("the script begins with an observation"),
    };
    let told = facts.iter().chain(&facts).map(|c| match c {
        Call::Inform(_, fact) => Call::Inform(at, fact.clone()),
        Call::Observe(..) => unreachable!(),
    });
    let reversed: Vec<Call> = told.chain(rest).collect();
    let expected = trace(&drive(&Script::parse(&text).calls(1_000), true));
    assert_eq!(trace(&drive(&reversed, true)), expected);
    assert!(expected.contains("LL-1"));
}

#[test]
fn a_session_told_after_its_history_is_gone_is_not_assessable() {
    check_texts(
        "09:00-09:25 qian operator\n12:30 declare s1 filler lin 09:00-09:30\nuntil 12:40",
        &expect![[r#"
        12:30:05 summary s1 NotAssessable(["no_activity", "history"]), lead not seen; 
    "#]],
    );
}

#[test]
fn a_lead_who_checks_in_by_card_is_there() {
    let lending = format!("{LENDING}\n09:00-09:25 sun elsewhere");
    assert_eq!(
        standing(&format!("{lending}\n09:01 check lin in sun\n09:24 check lin out sun")),
        Vec::<String>::new()
    );
    assert_eq!(
        standing(&format!("{lending}\n09:01 check lin in lin")),
        ["LL-1 L2", "NL-1 L3"],
        "nobody is his own witness"
    );
}

#[test]
fn a_lead_without_a_template_cannot_be_called_absent() {
    let script = "
        with cardonly
        08:50       declare s1 filler cardonly 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 stranger operator
    ";
    assert_eq!(standing(script), Vec::<String>::new());
}

#[test]
fn an_unconfirmed_enrolment_is_indeterminate() {
    let script = "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 new operator
    ";
    assert_eq!(standing(script), Vec::<String>::new());
}

/// A stranger at the bed beside the lead from 09:02 to 09:10, and what is said of a pass.
fn engineer(facts: &str) -> Vec<String> {
    standing(&format!(
        "
        08:50       declare s1 laser lin 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 lin operator
        09:02-09:10 stranger operator track=7
        {facts}
        "
    ))
}

#[test]
fn an_engineer_bound_by_a_witnessed_check_in_is_no_stranger() {
    let pass = "08:30 pass pass-7 engineer 08:00-18:00";
    assert_eq!(
        engineer(&format!("{pass}\n09:02 check pass-7 in lin track=7")),
        Vec::<String>::new()
    );
    assert_eq!(engineer(pass), ["UQ-1 L3"]);
}

#[test]
fn a_card_covers_a_stranger_from_the_check_in_on() {
    let beside = "09:02:00-09:25 hao elsewhere";
    assert_eq!(engineer(&format!("{beside}\n09:01 check new in lin")), Vec::<String>::new());
    let late = format!("{beside}\n09:06 check new in lin");
    assert_eq!(engineer(&late), ["UQ-1 L2"], "four minutes before it");
    let after = format!("{beside}\n09:12 check new in lin");
    assert_eq!(engineer(&after), ["UQ-1 L3"], "the stranger had done his work");
    assert_eq!(
        engineer(&format!("{beside}\n09:01 check new in zhao")),
        ["UQ-1 L3"],
        "nobody saw the witness"
    );
}

#[test]
fn a_card_of_a_face_that_is_known_covers_no_stranger() {
    let enrolled = "09:02:00-09:25 hao elsewhere\n09:01 check sun in lin";
    assert_eq!(engineer(enrolled), ["UQ-1 L3"], "the box would know her");
}

#[test]
fn a_card_bound_to_a_track_covers_no_other() {
    let bound = "
        09:01-09:25 stranger2 elsewhere track=9
        09:01:30 check new in lin
        09:01:31 check new in lin track=9
    ";
    assert_eq!(engineer(bound), ["UQ-1 L3"], "its holder stands over there");
}

#[test]
fn a_card_covers_nobody_in_a_later_session() {
    let second = |checks: &str| {
        standing(&format!(
            "
            08:50       declare s1 laser lin 09:00-09:30
            08:50       declare s2 laser lin 11:00-11:30
            09:00-09:25 patient bed
            09:00-09:25 lin operator
            11:00-11:25 patient bed
            11:00-11:25 lin operator
            11:02-11:10 stranger operator
            {checks}
            until 12:00
            "
        ))
    };
    assert_eq!(second("09:01 check new in lin"), ["UQ-1 L3"], "never checked out");
    assert_eq!(second("09:01 check new in lin\n11:20 check new out lin"), ["UQ-1 L3"]);
    assert_eq!(second("11:01 check new in lin"), Vec::<String>::new());
}

#[test]
fn uq1_is_about_the_stranger_whom_no_card_covers() {
    let text = "
        08:50       declare s1 laser lin 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 lin operator
        09:01       check new in lin
        09:06       check new out lin
        09:02-09:05 stranger operator track=7
        09:10-09:16 stranger2 operator track=8
    ";
    let found = play(text).into_iter().filter_map(|o| match o {
        EngineOutput::Finding(f) if f.key.rule == Rule::Uq1 => Some(*f),
        _ => None,
    });
    let last = found.last().unwrap();
    let uncovered = TrackId(1_008);
    assert_eq!(
        (&last.key.subject, &last.tracks[..]),
        (&Subject::Track(uncovered), &[uncovered][..])
    );
    let tracks = last.figures.iter().find(|f| f.name == FigureName::UnmatchedTracksCount);
    assert_eq!(tracks.map(|f| f.value), Some(1));
}

#[test]
fn a_pass_without_its_witness_in_the_room_binds_nobody() {
    let pass = "08:30 pass pass-7 engineer 08:00-18:00";
    let absent = format!("{pass}\n09:02 check pass-7 in sun track=7");
    assert_eq!(engineer(&absent), ["UQ-1 L3"], "nobody saw sun");
}

#[test]
fn a_pass_that_does_not_hold_binds_nobody() {
    let check = "09:02 check pass-7 in lin track=7";
    assert_eq!(engineer(check), ["UQ-1 L3"], "there is no such pass");
    let over = format!("08:30 pass pass-7 engineer 07:00-09:00\n{check}");
    assert_eq!(engineer(&over), ["UQ-1 L3"], "it is over");
}

#[test]
fn a_check_in_never_counts_backwards_for_a_track() {
    let late = "08:30 pass pass-7 engineer 08:00-18:00\n09:09 check pass-7 in lin track=7";
    assert_eq!(engineer(late), ["UQ-1 L3"]);
}

#[test]
fn a_pass_that_ends_in_the_middle_covers_no_more() {
    let check = "09:02 check pass-7 in lin track=7";
    let until = |end: &str| format!("08:30 pass pass-7 engineer 08:00-{end}\n{check}");
    assert_eq!(engineer(&until("09:09:30")), Vec::<String>::new(), "half a minute beyond it");
    assert_eq!(engineer(&until("09:08:30")), ["UQ-1 L2"], "a minute and a half beyond it");
    assert_eq!(engineer(&until("09:03")), ["UQ-1 L3"], "seven minutes beyond it");
}

#[test]
fn a_further_check_in_covers_where_the_first_ended() {
    let twice = "
        08:30 pass pass-7 engineer 08:00-09:03
        08:30 pass pass-8 engineer 09:00-18:00
        09:02 check pass-7 in lin track=7
    ";
    assert_eq!(
        engineer(&format!("{twice}\n09:02:50 check pass-8 in lin track=7")),
        Vec::<String>::new()
    );
    let later = format!("{twice}\n09:06 check pass-8 in lin track=7");
    assert_eq!(engineer(&later), ["UQ-1 L2"], "three minutes without a pass");
}

#[test]
fn a_pass_that_is_over_hides_nobody_who_appears() {
    // The engineer's track broke inside the room; somebody UNMATCHED stands there later.
    let script = |until: &str| {
        format!(
            "
            08:30       pass pass-7 engineer 08:00-{until}
            08:50       declare s1 laser lin 09:00-09:30
            09:00-09:25 patient bed
            09:00-09:25 lin operator track=1
            09:02:00-09:03 stranger operator track=7
            09:02:03    check pass-7 in lin track=7
            09:10:06-09:13 stranger operator track=8
            "
        )
    };
    assert_eq!(standing(&script("18:00")), Vec::<String>::new(), "he may be the engineer");
    assert_eq!(standing(&script("09:05")), ["UQ-1 L2"], "nobody has a pass any more");
}

#[test]
fn an_engineers_next_track_is_covered_until_the_pass_ends() {
    // Both tracks are one person by place and time.
    let script = |until: &str| {
        format!(
            "
            08:30       pass pass-7 engineer 08:00-{until}
            08:50       declare s1 laser lin 09:00-09:30
            09:00-09:25 patient bed
            09:00-09:25 lin operator track=1
            09:02:00-09:03 stranger operator track=7
            09:02:03    check pass-7 in lin track=7
            09:03:04-09:12 stranger operator track=8
            "
        )
    };
    assert_eq!(standing(&script("18:00")), Vec::<String>::new());
    assert_eq!(standing(&script("09:05")), ["UQ-1 L3"]);
}

#[test]
fn a_pass_is_no_cover_for_a_face_that_is_known() {
    let script = "
        08:30       pass pass-7 engineer 08:00-18:00
        08:50       declare s1 filler - 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 sun elsewhere
        09:02-09:20 qian operator track=7
        09:02       check pass-7 in sun track=7
    ";
    assert_eq!(standing(script), ["NL-1 L3"]);
}

#[test]
fn an_engineers_broken_track_is_no_stranger() {
    // A glimpse lies between the engineer's track and the lead's: all three are joined by place.
    let script = "
        08:30       pass pass-7 engineer 08:00-18:00
        08:50       declare s1 laser lin 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:03:30 lin operator track=1
        09:02-09:04 stranger operator track=7
        09:02       check pass-7 in lin track=7
        09:04:05-09:04:06 stranger operator track=8
        09:04:25-09:25 lin operator track=3
    ";
    assert_eq!(standing(script), Vec::<String>::new());
}

#[test]
fn an_engineer_looked_for_in_vain_for_minutes_is_no_stranger() {
    let script = |comes: &str| {
        format!(
            "
            08:30       pass pass-7 engineer 08:00-18:00
            08:50       declare s1 laser lin 09:00-09:30
            09:00-09:25 patient bed
            09:00-09:25 lin operator track=1
            09:02:00-09:02:05 stranger door track=7
            09:02:06-09:03 stranger operator track=7
            09:02:03    check pass-7 in lin track=7
            {comes}
            09:10:06-09:13 stranger operator track=8
            "
        )
    };
    assert_eq!(standing(&script("")), Vec::<String>::new());
    let lost_at_the_door = script("").replace("09:02:06-09:03 stranger operator track=7", "");
    assert_eq!(standing(&lost_at_the_door), Vec::<String>::new(), "its track broke in the door");
    let another = "09:10:00-09:10:05 stranger door track=8";
    assert_eq!(standing(&script(another)), ["UQ-1 L2"], "somebody who came in by the door");
}

#[test]
fn at_the_door_check_in_and_check_out_are_paired() {
    let script = |times: &str| format!("doorway\n08:50 declare s1 filler lin 09:00-09:30\n{times}");
    let at = |a: &str, b: &str| script(&format!("{a}:00-{a}:05 lin door\n{b}:00-{b}:05 lin door"));
    assert_eq!(standing(&at("09:00", "09:02")), Vec::<String>::new(), "the lead's part takes 45 s");
    let longer = format!("set lead_part_injection_ms 150000\n{}", at("09:00", "09:02"));
    assert_eq!(standing(&longer), ["LL-5 L2"], "two minutes and 5 s of two and a half");
    check_texts(
        &script("09:00-09:00:05 lin door"),
        &expect![[r#"
        09:35:00 summary s1 NotAssessable(["never_closed"]), lead seen; lin 2100 s, operating 0 s
    "#]],
    );
}

#[test]
fn at_the_door_who_is_badly_seen_may_be_the_lead_back() {
    let day = |who: &str| {
        format!(
            "doorway\nset lead_part_injection_ms 165000\n08:50 declare s1 filler lin 09:00-09:30\n\
             09:00:00-09:00:05 lin door\n09:01:20-09:01:25 lin door\n09:10:00-09:10:05 {who} door"
        )
    };
    assert_eq!(standing(&day("stranger")), ["LL-5 L2"], "it was somebody else");
    assert_eq!(standing(&day("dim")), ["LL-5 L1"], "the clinic is asked");
    assert_eq!(standing(&day("lin")), Vec::<String>::new(), "an unpaired look: never closed");
}

#[test]
fn zones_unlike_the_locked_ones_are_raised_once() {
    check(
        "
        09:00 zones 7
        09:10 zones 7
        09:20 zones 6
        09:30 zones 8
        09:40 declare s1 filler lin 09:45-10:00
        until 11:00
        ",
        &expect![[r#"
            09:00:05 Opened HB-6 L1 Integrity - []
            09:30:00 Closed HB-6 L1 Integrity - []
            09:30:05 Opened HB-6 L1 Integrity - []
            10:00:00 Closed HB-6 L1 Integrity - []
        "#]],
    );
}
