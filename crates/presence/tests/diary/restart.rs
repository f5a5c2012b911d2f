//! A box that begins anew in the middle of a day: its monotonic time starts at 0, and what it saw
//! before is forgotten. What it forgot is possible.

use std::collections::BTreeMap;

use presence::*;

use crate::script::{Call, Script, wall};

/// What stands at the end by the word of a box that was switched on at `on`; it is told then what
/// was told before.
fn standing_after(text: &str, on: &str) -> Vec<String> {
    let on = wall(on);
    let boot = |at: Moment| Moment { mono: Mono((at.wall.0 - on.0) as u64), ..at };
    let begin = Moment { mono: Mono(0), wall: on, clock: ClockQuality::GOOD };
    let mut engine = Engine::new();
    let mut last: BTreeMap<FindingKey, (Step, Severity)> = BTreeMap::new();
    for call in Script::parse(text).calls(1_000) {
        let out = match call {
            Call::Observe(at, seen) if at.wall >= on => engine.observe(boot(at), &seen),
            Call::Observe(..) => continue,
            Call::Inform(at, fact) if at.wall >= on => engine.inform(boot(at), fact),
            Call::Inform(_, fact) => engine.inform(begin, fact),
        };
        for output in out {
            if let EngineOutput::Finding(f) = output {
                last.insert(f.key.clone(), (f.step, f.severity));
            }
        }
    }
    let stand = last.into_iter().filter(|(_, (step, _))| *step != Step::Withdrawn);
    stand.map(|(key, (_, severity))| format!("{} {severity:?}", key.rule.code())).collect()
}

fn none_is_grave(said: &[String]) {
    assert!(said.iter().all(|s| s.ends_with("L0") || s.ends_with("L1")), "{said:?}");
}

/// The lead works for 20 min; a nurse, or a physician, goes on.
fn day(who: &str) -> String {
    format!(
        "08:50 declare s1 filler lin 09:00-09:35\n09:00-09:33 patient bed\n\
         09:00-09:20 lin operator\n09:21-09:32 {who} operator"
    )
}

#[test]
fn a_lead_before_the_restart_may_have_been_there() {
    none_is_grave(&standing_after(&day("sun"), "09:20:30"));
    none_is_grave(&standing_after(&day("qian"), "09:20:30"));
}

#[test]
fn a_restart_before_the_session_changes_nothing() {
    let lending = day("qian").replace("09:00-09:20 lin operator\n", "");
    assert_eq!(standing_after(&lending, "08:45"), ["LL-1 L2", "NL-1 L3"]);
}

#[test]
fn a_box_without_power_for_20_min_of_a_session_is_said() {
    let said = standing_after(&day("sun"), "09:20:30");
    assert!(said.contains(&"HB-2 L1".to_owned()), "{said:?}");
}

#[test]
fn a_session_over_before_the_box_began_is_not_its_own() {
    assert_eq!(standing_after(&day("qian"), "09:45"), Vec::<String>::new());
}
