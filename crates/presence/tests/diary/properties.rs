//! What must hold for every day, not for a scripted one: random scripts in, relations between two runs out.

use presence::*;
use proptest::prelude::*;

use crate::script::{Call, Script, drive, moment, wall};

/// A random morning: who stands where and when, and what is told.
fn morning() -> impl Strategy<Value = String> {
    let who = prop_oneof![
        Just("lin"),
        Just("qian"),
        Just("sun"),
        Just("wu"),
        Just("gone"),
        Just("zhou"),
        Just("stranger"),
        Just("dim"),
        Just("masked"),
    ];
    let zone = prop_oneof![4 => Just("operator"), 1 => Just("elsewhere"), 1 => Just("companion"), 1 => Just("door")];
    let stay = (who, zone, 0_u32..1_800, 5_u32..900)
        .prop_map(|(who, zone, from, long)| format!("{}-{} {who} {zone}", clock(from), clock(from + long)));
    let item = prop_oneof![Just("filler"), Just("laser"), Just("peel"), Just("-")];
    let lead = prop_oneof![Just("lin"), Just("hao"), Just("qian"), Just("-")];
    let told = 0_u32..2_400;
    let session = (item, lead, told, 0_u32..600, 600_u32..1_500).prop_map(|(item, lead, told, from, long)| {
        format!("{} declare s1 {item} {lead} {}-{}", clock(told), clock(from), clock(from + long))
    });
    let bed = (0_u32..300, 600_u32..1_500)
        .prop_map(|(from, long)| format!("{}-{} patient bed", clock(from), clock(from + long)));
    let camera = prop_oneof![Just("covered"), Just("no-operator"), Just("lost")];
    let camera = (camera, 0_u32..1_500, 5_u32..300)
        .prop_map(|(what, a, b)| format!("{}-{} camera {what}", clock(a), clock(a + b)));
    let lines =
        (session, proptest::option::of(bed), proptest::option::of(camera), proptest::collection::vec(stay, 1..6));
    lines.prop_map(|(session, bed, camera, stays)| {
        let all: Vec<String> = std::iter::once(session).chain(bed).chain(camera).chain(stays).collect();
        format!("{}\nuntil 10:20", all.join("\n"))
    })
}

fn clock(s: u32) -> String {
    let s = s + 9 * 3_600;
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

fn calls(text: &str) -> Vec<Call> {
    Script::parse(text).calls(2_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Calling `expire` early and often changes nothing, nor does never calling it.
    #[test]
    fn waking_changes_nothing(text in morning()) {
        let calls = calls(&text);
        let expected = drive(&calls, false);
        prop_assert_eq!(&drive(&calls, true), &expected);
        let mut engine = Engine::new();
        let mut out = Vec::new();
        for call in &calls {
            let at = match call { Call::Observe(at, _) | Call::Inform(at, _) => *at };
            let early = Moment { mono: at.mono.minus(300), wall: Wall(at.wall.0 - 300), clock: at.clock };
            out.extend(engine.expire(early));
            out.extend(match call {
                Call::Observe(at, seen) => engine.observe(*at, seen),
                Call::Inform(at, fact) => engine.inform(*at, fact.clone()),
            });
            out.extend(engine.expire(at));
        }
        prop_assert_eq!(out, expected);
    }

    /// One observation with all faces, or one per face at the same instant: the same.
    #[test]
    fn splitting_observations_changes_nothing(text in morning()) {
        let calls = calls(&text);
        let mut split = Vec::new();
        for call in &calls {
            match call {
                Call::Observe(at, seen) if seen.faces.len() > 1 => {
                    for face in &seen.faces {
                        split.push(Call::Observe(*at, Observation { faces: vec![face.clone()], ..seen.clone() }));
                    }
                }
                other => split.push(other.clone()),
            }
        }
        prop_assert_eq!(drive(&split, true), drive(&calls, true));
    }

    /// Facts of one instant may be told in any order.
    #[test]
    fn permuting_facts_of_one_instant_changes_nothing(text in morning(), seed in any::<u64>()) {
        let calls = calls(&text);
        let first = calls.iter().position(|c| matches!(c, Call::Observe(..))).unwrap_or(0);
        let mut permuted = calls.clone();
        let at = moment(wall("08:45"));
        for call in &mut permuted[..first] {
            if let Call::Inform(t, _) = call { *t = at; }
        }
        let mut same = permuted.clone();
        permuted[..first].rotate_left((seed as usize) % first.max(1));
        permuted[..first / 2].reverse();
        same[..first].iter_mut().for_each(|_| ());
        prop_assert_eq!(drive(&permuted, true), drive(&same, true));
    }

    /// All wall times shifted by a constant (and nothing else): the same findings at the same monotonic times, but for
    /// opening hours, which the scripts here keep open.
    #[test]
    fn shifting_wall_time_changes_nothing(text in morning(), days in -3_i64..4) {
        let shift = days * 7 * 86_400_000 + 1_234_567;
        let calls = calls(&text);
        let shifted: Vec<Call> = calls.iter().map(|c| shifted(c, shift)).collect();
        let strip = |outputs: Vec<Output>| -> Vec<String> {
            let findings = outputs.into_iter().filter_map(|o| match o { Output::Finding(f) => Some(f), _ => None });
            findings.map(|f| format!("{:?} {:?} {:?} {} {:?}", f.key, f.step, f.severity, f.raised_at.mono.0, f.figures)).collect()
        };
        prop_assert_eq!(strip(drive(&shifted, true)), strip(drive(&calls, true)));
    }

    /// INDETERMINATE never accuses: with every score in the band nobody is named or counted.
    #[test]
    fn indeterminate_never_accuses(text in morning()) {
        let mut calls = calls(&text);
        for call in &mut calls {
            if let Call::Observe(_, seen) = call {
                for face in &mut seen.faces {
                    if let Some(found) = &mut face.match_ {
                        found.score_ppm = 430_000;
                        found.best = Some("lin".into());
                    }
                }
            }
        }
        for output in drive(&calls, true) {
            if let Output::Finding(f) = output {
                prop_assert!(matches!(f.key.rule, Rule::Hb2 | Rule::Nl4), "{} was raised", f.key.rule.code());
            }
        }
    }

    /// A recording yields the same outputs as the day did.
    #[test]
    fn a_replay_is_the_day(text in morning()) {
        let calls = calls(&text);
        let t = crate::script::thresholds();
        let recording: Vec<Entry> = calls.iter().map(|c| match c {
            Call::Observe(at, seen) => Entry::Observe { at: *at, seen: seen.for_recording(&t) },
            Call::Inform(at, fact) => Entry::Inform { at: *at, fact: Box::new(fact.clone()) },
        }).collect();
        prop_assert_eq!(replay(&recording, None), drive(&calls, false));
    }
}

fn shifted(call: &Call, ms: i64) -> Call {
    let w = |t: Wall| Wall(t.0 + ms);
    let m = |at: Moment| Moment { wall: w(at.wall), ..at };
    match call {
        Call::Observe(at, seen) => Call::Observe(m(*at), seen.clone()),
        Call::Inform(at, fact) => {
            let fact = match fact.clone() {
                Fact::Session(r) => Fact::Session(SessionRecord { start: w(r.start), end: r.end.map(w), ..r }),
                Fact::Roster(r) => Fact::Roster(Roster { made_at: w(r.made_at), registry_at: w(r.registry_at), ..r }),
                Fact::Room(mut r) => {
                    r.hours = None;
                    Fact::Room(r)
                }
                other => other,
            };
            Call::Inform(m(*at), fact)
        }
    }
}
