//! What a clinic says after a finding was raised explains it and takes nothing back; what had
//! reached the server before, and what the box sees better itself, still corrects it. A check
//! counts where its witness was recognised, and never backwards.

use expect_test::expect;
use presence::*;
use proptest::prelude::*;

use crate::script::{Call, Script, check, drive, moment, play, standing, wall};

const LENDING: &str = "
    08:50       declare s1 filler lin 09:00-09:30
    09:00-09:25 patient bed
    09:02-09:20 qian operator
";

/// Lending with a nurse in view, who may witness.
const WITH_SUN: &str = "
    08:50       declare s1 filler lin 09:00-09:30
    09:00-09:25 patient bed
    09:02-09:20 qian operator
    09:00-09:25 sun elsewhere
";

fn withdrawals(text: &str) -> Vec<(String, Option<WithdrawalGround>)> {
    let steps = play(text)
        .into_iter()
        .filter_map(|o| if let EngineOutput::Finding(f) = o { Some(*f) } else { None });
    let back = steps.filter(|f| f.step == Step::Withdrawn);
    back.map(|f| (f.key.rule.code().to_owned(), f.withdrawn_because)).collect()
}

#[test]
fn a_cancellation_after_the_finding_takes_nothing_back() {
    check(
        &format!("{LENDING}\n09:50 cancel s1\nuntil 11:30"),
        &expect![[r#"
            09:35:00 Opened LL-1 L2 LicenseLending s1 [lin qian]
            09:35:00 Opened NL-1 L3 NonLeadOperating s1 [qian]
            10:05:00 Closed LL-1 L2 LicenseLending s1 [lin qian]
            10:05:00 Closed NL-1 L3 NonLeadOperating s1 [qian]
        "#]],
    );
}

#[test]
fn a_cancellation_that_reached_the_server_before_corrects() {
    let late = format!("{LENDING}\n09:50 cancel s1 stated=09:20\nuntil 11:00");
    let before = Some(WithdrawalGround::StatedBefore);
    assert_eq!(withdrawals(&late), [("LL-1".to_owned(), before), ("NL-1".to_owned(), before)]);
    assert_eq!(standing(&late), ["HB-3 L2"], "the bed was used with no session");
}

#[test]
fn an_amendment_after_the_finding_takes_nothing_back() {
    let stands = ["LL-1 L2", "NL-1 L3"];
    for said in [
        "09:50 amend s1 peel qian 09:00-09:30",
        "09:50 amend s1 filler zhao 09:00-09:30",
        "09:50 amend s1 - - 09:00-09:30",
        "09:50 amend s1 filler lin 11:00-11:30",
        "09:50 close s1 09:05",
        "09:50 emergency s1",
        "09:50 check lin in sun",
        "09:50 pass qian visiting 08:00-18:00",
        "09:40 amend s1 filler qian 09:00-09:30\n09:41 cancel s1\n09:42 amend s1 peel qian \
        12:00-12:30",
    ] {
        let text = format!("{WITH_SUN}\n{said}\nuntil 13:00");
        assert_eq!(withdrawals(&text), [], "{said}");
        let found = standing(&text);
        assert!(stands.iter().all(|s| found.contains(&(*s).to_owned())), "{said}: {found:?}");
    }
}

#[test]
fn what_was_stated_before_corrects_however_late_it_is_told() {
    let before = |said: &str| withdrawals(&format!("{LENDING}\n09:50 {said}\nuntil 11:00"));
    assert_eq!(
        before("amend s1 peel qian 09:00-09:30 stated=09:34"),
        [
            ("LL-1".to_owned(), Some(WithdrawalGround::StatedBefore)),
            ("NL-1".to_owned(), Some(WithdrawalGround::StatedBefore)),
        ]
    );
    assert_eq!(before("emergency s1 stated=09:10").len(), 2, "both are said anew, at L1");
    assert_eq!(
        standing(&format!("{LENDING}\n09:50 emergency s1 stated=09:10")),
        ["LL-1 L1", "NL-1 L1"]
    );
    assert_eq!(
        standing(&format!("{LENDING}\n09:50 emergency s1 stated=09:36")),
        ["LL-1 L2", "NL-1 L3"]
    );
}

#[test]
fn of_two_told_late_only_the_one_stated_before_corrects() {
    let text = format!(
        "{LENDING}
        09:50 cancel s1 stated=09:45
        09:51 emergency s1 stated=09:20
        until 11:00"
    );
    assert_eq!(standing(&text), ["LL-1 L1", "NL-1 L1"]);
}

#[test]
fn a_piece_cancelled_after_the_finding_still_adds_up() {
    let text = "
        08:50       declare s1 filler lin 09:00-09:10
        08:51       declare s2 filler lin 09:15-09:25
        09:00-09:10 patient bed
        09:15-09:25 patient bed
        09:01-09:03 qian operator
        09:16-09:18 qian operator
        09:50       cancel s1
        until 11:00
    ";
    assert!(
        standing(text).iter().any(|s| s.starts_with("NL-1")),
        "two minutes and two: {:?}",
        standing(text)
    );
    assert_eq!(withdrawals(text), []);
}

#[test]
fn a_session_declared_after_hb3_leaves_it_standing() {
    let used = "
        09:00-09:25 patient bed
        09:00-09:25 lin operator
    ";
    assert_eq!(
        standing(&format!("{used}\n09:08 declare s1 filler lin 09:00-09:30")),
        ["HB-3 L1"],
        "within 10 min"
    );
    assert_eq!(standing(&format!("{used}\n09:40 declare s1 filler lin 09:00-09:30")), ["HB-3 L2"]);
    let told_late = format!("{used}\n09:40 declare s1 filler lin 09:00-09:30 stated=08:50");
    assert_eq!(standing(&told_late), Vec::<String>::new());
}

#[test]
fn a_roster_made_after_the_finding_takes_nothing_back() {
    let text = "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 gone operator
        until 11:00
    ";
    let with = |made: &str| {
        let mut calls = Script::parse(text).calls(1_000);
        let mut roster = crate::script::roster();
        (roster.version, roster.made_at) = (2, wall(made));
        roster.people.iter_mut().for_each(|p| p.registration = RegistrationStatus::Valid);
        let at = calls
            .iter()
            .position(|c| matches!(c, Call::Observe(m, _) if m.wall == wall("09:40")))
            .unwrap();
        calls.insert(at, Call::Inform(moment(wall("09:40")), Fact::Roster(roster)));
        let steps = drive(&calls, true).into_iter();
        let back = steps.filter(|o| {
            matches!(o,
                EngineOutput::Finding(f) if f.key.rule == Rule::Ll4 && f.step == Step::Withdrawn)
        });
        back.count()
    };
    assert_eq!(with("09:39"), 0);
    assert_eq!(with("08:59"), 1, "it had been registered before he operated");
}

#[test]
fn a_lead_without_template_after_the_finding_stays_accused() {
    // The consent is withdrawn at 09:40: a roster without the template.
    let mut calls = Script::parse(&format!("{LENDING}\nuntil 11:00")).calls(1_000);
    let mut roster = crate::script::roster();
    (roster.version, roster.made_at) = (2, wall("09:39"));
    roster
        .people
        .iter_mut()
        .filter(|p| p.id.as_str() == "lin")
        .for_each(|p| p.has_template = false);
    let at = calls
        .iter()
        .position(|c| matches!(c, Call::Observe(m, _) if m.wall == wall("09:40")))
        .unwrap();
    calls.insert(at, Call::Inform(moment(wall("09:40")), Fact::Roster(roster)));
    let found = presence::standing(drive(&calls, true));
    assert!(found.keys().any(|k| k.rule == Rule::Ll1), "{found:?}");
}

#[test]
fn a_check_without_its_witness_in_the_room_is_only_stated() {
    let stands = ["LL-1 L2", "NL-1 L3"];
    assert_eq!(
        standing(&format!("{LENDING}\n09:01 check lin in sun")),
        stands,
        "sun is nowhere to be seen"
    );
    assert_eq!(standing(&format!("{WITH_SUN}\n09:01 check lin in sun")), Vec::<String>::new());
    let left = WITH_SUN.replace("09:00-09:25 sun", "08:46-08:55 sun");
    assert_eq!(
        standing(&format!("{left}\n09:01 check lin in sun")),
        stands,
        "six minutes after she left"
    );
    let dim = WITH_SUN.replace("sun elsewhere", "wu elsewhere");
    assert_eq!(
        standing(&format!("{dim}\n09:01 check lin in sun")),
        stands,
        "somebody else was there"
    );
}

#[test]
fn a_check_made_before_memory_was_lost_is_remembered_as_it_was() {
    // Told hours before the session, when nobody was there: forgetting those hours makes no
    // witness.
    let text = "
        from 05:00
        05:00 check lin in sun
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 qian operator
    ";
    assert_eq!(standing(text), ["LL-1 L2", "NL-1 L3"]);
}

#[test]
fn a_check_counts_from_when_it_reached_the_server() {
    let told = |stated: &str| format!("{WITH_SUN}\n09:01 check lin in sun stated={stated}");
    assert_eq!(standing(&told("09:01")), Vec::<String>::new());
    // Dated to 09:01, made when the act was over and the window too.
    assert_eq!(standing(&told("09:40")), ["LL-1 L2", "NL-1 L3"]);
}

fn statement() -> impl Strategy<Value = String> {
    let at = 36_u32..110;
    let clock = |m: u32| format!("{:02}:{:02}", 9 + m / 60, m % 60);
    (at, 0_usize..9, 0_u32..180).prop_map(move |(m, which, other)| {
        let (t, o) = (clock(m), clock(other));
        match which {
            0 => format!("{t} cancel s1"),
            1 => format!("{t} amend s1 filler qian 09:00-09:30"),
            2 => format!("{t} amend s1 - - {o}-"),
            3 => format!("{t} amend s1 peel zhao {o}-12:30"),
            4 => format!("{t} close s1 {o}"),
            5 => format!("{t} emergency s1"),
            6 => format!("{t} check lin in sun"),
            7 => format!("{t} declare s2 filler qian 09:00-09:30"),
            _ => format!("{t} pass qian visiting 08:00-18:00"),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a clinic states after the findings of a morning were raised, none of them is taken
    /// back.
    #[test]
    fn nothing_stated_afterwards_takes_a_finding_back(
        said in proptest::collection::vec(statement(), 1..12)) {
        let text = format!("{WITH_SUN}\n{}\nuntil 13:30", said.join("\n"));
        let found = play(&text).into_iter().filter_map(|o| if let EngineOutput::Finding(f) =
            o { Some(*f) } else { None });
        for f in found {
            let raised_first = matches!(f.key.rule, Rule::Ll1 | Rule::Nl1);
            prop_assert!(!(raised_first && f.step == Step::Withdrawn), "{} withdrawn:\n{text}",
                f.key.rule.code());
        }
        let stands = standing(&text);
        prop_assert!(["LL-1 L2", "NL-1 L3"].iter().all(|s| stands.contains(&(*s).to_owned())),
            "{stands:?}\n{text}");
    }
}
