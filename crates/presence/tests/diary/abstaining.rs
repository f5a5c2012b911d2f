//! What the core leaves open, and says that it does; who belongs to which treatment; who an unknown
//! face may be.

use presence::*;

use crate::script::{Call, Script, drive, play, standing};

fn nothing() -> Vec<String> {
    Vec::new()
}

/// The rules left undecided in the summary of `s1`, with the reason.
fn undecided(script: &str) -> Vec<String> {
    let summary = play(script).into_iter().rev().find_map(|o| match o {
        EngineOutput::PresenceSummary(s) => Some(s),
        _ => None,
    });
    let summary = summary.expect("a session that is over has a summary");
    summary.undecided.iter().map(|u| format!("{} {}", u.rule.code(), u.reason)).collect()
}

const LENDING: &str = "
    08:50       declare s1 filler lin 09:00-09:30
    09:00-09:25 patient bed
    09:02-09:20 qian operator
";

#[test]
fn a_clear_case_leaves_nothing_open() {
    assert_eq!(undecided(LENDING), nothing());
}

#[test]
fn a_face_that_may_be_the_lead_leaves_their_absence_open() {
    let script = format!("{LENDING}09:10-09:10:30 dim elsewhere");
    assert_eq!(
        standing(&script),
        ["LL-5 L1", "NL-1 L1"],
        "the gap stands: he can have been there for half a minute at most"
    );
    assert_eq!(
        undecided(&script),
        ["LL-1 absence", "LL-5 absence", "NL-1 absence", "NL-2 absence", "NL-3 absence"]
    );
    let last = play(&script).into_iter().rev().find_map(|o| match o {
        EngineOutput::Finding(f) if f.key.rule == Rule::Nl1 => Some(f),
        _ => None,
    });
    let intervals = last.expect("NL-1").intervals;
    let perhaps = intervals
        .iter()
        .find(|i| i.what == IntervalName::LeadPerhaps)
        .expect("the half minute counted for the lead is named");
    assert_eq!(perhaps.to.0 - perhaps.from.0, 30_000);
}

#[test]
fn a_door_out_of_sight_leaves_ll1_open() {
    let script = format!("{LENDING}09:10-09:13 camera no-door");
    assert_eq!(standing(&script), ["LL-5 L1", "NL-1 L3"]);
    assert_eq!(undecided(&script), ["LL-1 door"]);
}

#[test]
fn a_glimpse_blocks_only_those_whom_it_may_be() {
    let glimpse =
        |who: &str, from: &str, to: &str| format!("09:10:{from}-09:10:{to} {who} elsewhere\n");
    let absent = ["LL-1 L2", "NL-1 L3"];
    assert_eq!(
        standing(&format!("{LENDING}{}", glimpse("sun", "00", "01"))),
        absent,
        "two hits for the nurse"
    );
    assert_eq!(
        standing(&format!("{LENDING}{}", glimpse("dim", "00", "04"))),
        ["LL-5 L1", "NL-1 L1"],
        "it may be the lead"
    );
    let three =
        [("00", "04"), ("10", "14"), ("20", "24")].map(|(a, b)| glimpse("stranger", a, b)).concat();
    assert_eq!(
        standing(&format!("{LENDING}{}", glimpse("stranger", "00", "04"))),
        absent,
        "nobody's presence"
    );
    assert_eq!(
        standing(&format!("{LENDING}{three}")),
        absent,
        "each of them speaks against everybody"
    );
}

#[test]
fn a_mask_seen_in_some_frames_leaves_the_evidence_of_the_others() {
    let day = |faces: &str| format!("{LENDING}{faces}");
    let absent = ["LL-1 L2", "NL-1 L3"];
    let bare_again = |second: u32| {
        day(&format!(
            "09:05:00-09:05:25 stranger elsewhere track=5
             09:05:26-09:05:{:02} muffled elsewhere track=5
             09:05:{second:02}-09:06:08 stranger elsewhere track=5",
            second - 1
        ))
    };
    assert_eq!(standing(&bare_again(55)), absent, "30 s from bare face to bare face");
    assert_eq!(standing(&bare_again(56)), absent, "31 s: the lead's part does not fit in one");
    let masked = day("09:05:00-09:06:20 muffled elsewhere track=5");
    assert_eq!(standing(&masked), ["NL-1 L1"], "a masked face that says neither excludes nobody");
}

#[test]
fn somebody_unknown_beside_the_lead_leaves_open_who_it_was() {
    let script = |to: &str| {
        format!(
            "
            08:50       declare s1 filler lin 09:00-09:30
            09:00-09:25 patient bed
            09:00-09:25 lin operator
            09:05-{to} dim operator
            "
        )
    };
    assert_eq!(undecided(&script("09:05:59")), nothing());
    assert_eq!(undecided(&script("09:06:00")), ["LL-4 operator", "UQ-1 operator", "UQ-2 operator"]);
}

#[test]
fn a_stranger_who_takes_turns_with_the_lead_may_be_the_lead() {
    let day = |stranger: &str| {
        format!(
            "
            08:50       declare s1 filler lin 09:00-09:30
            09:00-09:25 patient bed
            09:00-09:10 lin operator
            {stranger}
            09:16:30-09:25 lin operator
            "
        )
    };
    let vanishing = day("09:10:30-09:16 stranger operator track=7");
    assert_eq!(
        (standing(&vanishing), undecided(&vanishing)),
        (nothing(), vec!["UQ-1 operator".to_owned()])
    );
    let through_the_door = day(
        "09:10:30-09:10:36 stranger door track=7\n09:10:37-09:15:50 stranger operator track=7\n\
         09:15:51-09:16 stranger door track=7",
    );
    assert_eq!(standing(&through_the_door), ["UQ-1 L3"], "he came in and went out");
    let beside = day("09:08-09:16 stranger operator track=7");
    assert_eq!(standing(&beside), ["UQ-1 L3"], "he was seen together with the lead");
    let long_after = day("09:10:51-09:15:38 stranger operator track=7");
    assert_eq!(standing(&long_after), ["UQ-1 L2"], "51 s after the one and 52 s before the other");
}

#[test]
fn blocked_uq1_is_counted_and_said_to_the_clinic_when_frequent() {
    let session = |n: u32, from: u32| {
        format!(
            "
            08:50 declare s{n} filler lin 09:{from}-09:{} new
            09:{from}-09:{} patient bed
            09:{from}-09:{} lin operator
            09:{}-09:{} stranger{n} operator
            ",
            from + 13,
            from + 12,
            from + 12,
            from + 2,
            from + 8
        )
    };
    // A declared operator whose enrolment nobody has confirmed: they may be the stranger.
    let days = |count: u32| {
        let sessions: String = (0..count).map(|n| session(n, 10 + 15 * n)).collect();
        format!("{sessions}\nuntil 10:30")
    };
    assert_eq!(standing(&days(2)), nothing());
    assert_eq!(standing(&days(3)), ["UQ-1 L1"]);
    let said = play(&days(3))
        .into_iter()
        .find_map(|o| if let EngineOutput::Finding(f) = o { Some(f) } else { None })
        .unwrap();
    assert_eq!(
        (said.kind, said.persons.len(), said.tracks.len()),
        (FindingKind::RecordMismatch, 0, 0),
        "it accuses nobody"
    );
}

#[test]
fn the_lead_of_another_treatment_is_not_this_ones() {
    let day = |lead: &str| {
        format!(
            "
            08:45-08:53 patient bed
            08:45-08:53:30 lin operator
            08:50       declare s1 filler lin 09:00-09:30
            09:00-09:25 patient bed
            09:01-09:20 qian operator
            {lead}
            "
        )
    };
    let of_session = |script: &str| -> Vec<String> {
        standing(script)
            .into_iter()
            .filter(|s| s.starts_with("LL") || s.starts_with("NL"))
            .collect()
    };
    assert_eq!(of_session(&day("")), ["LL-1 L2", "NL-1 L3"]);
    assert_eq!(
        of_session(&day("08:57-08:58 lin elsewhere")),
        ["LL-5 L1", "NL-1 L1"],
        "nearer to this one"
    );
}

#[test]
fn a_patient_with_a_covered_face_is_still_on_the_bed() {
    let day = |nurse: &str| {
        format!("09:00-09:01 patient bed\n{nurse}\n09:14-09:15 patient bed\nuntil 09:40")
    };
    assert_eq!(standing(&day("09:00-09:15 sun operator")), ["HB-3 L2"]);
    assert_eq!(
        standing(&day("09:00-09:02 sun operator\n09:13-09:15 sun operator")),
        nothing(),
        "nobody was with him"
    );
}

#[test]
fn a_finding_stands_although_its_history_is_gone() {
    // Scripts forget after half an hour; the unrelated declaration at 09:50 has everything judged
    // again.
    let day = "
        09:00-09:14 patient bed
        09:00-09:14 sun operator
        09:50       declare s9 filler lin 10:20-10:40
        until 10:10
    ";
    assert_eq!(standing(day), ["HB-3 L2"]);
}

#[test]
fn memory_is_bounded_by_people_and_sessions_not_by_time() {
    // One somebody never leaves the room; others come and go; a session every 75 minutes, for
    // three days.
    let hour = Script::parse(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 qian operator
        09:05-09:08 stranger operator
        09:30-09:50 dim elsewhere
        until 09:59
        ",
    )
    .calls(5_000);
    let mut engine = Engine::new();
    let mut sizes = Vec::new();
    for round in 0..64_u64 {
        for call in &hour {
            match call {
                Call::Observe(at, seen) => {
                    let mut seen = seen.clone();
                    for face in &mut seen.faces {
                        face.track = TrackId(face.track.0 + 100 * round);
                    }
                    let stays = Face {
                        track: TrackId(1),
                        bbox: BoxPx { x: 310, y: 20, w: 60, h: 80 },
                        good_quality: true,
                        masked: false,
                        match_: Some(MatchScore {
                            best: Some("sun".into()),
                            score_ppm: 650_000,
                            second_ppm: 100_000,
                            relevant: Vec::new(),
                        }),
                        liveness: Liveness::Live,
                    };
                    seen.faces.push(stays);
                    engine.observe(later(*at, round), &seen);
                }
                Call::Inform(at, Fact::Session(record)) => {
                    let shift = |t: Wall| later(Moment { wall: t, ..*at }, round).wall;
                    let record = SessionRecord {
                        id: SessionId::new(&format!("s{round}")),
                        start: shift(record.start),
                        end: record.end.map(shift),
                        ..record.clone()
                    };
                    engine.inform(later(*at, round), Fact::Session(record));
                }
                Call::Inform(at, fact) => {
                    engine.inform(later(*at, round), fact.clone());
                }
            }
        }
        // The text of everything held stands for its size.
        sizes.push(format!("{engine:?}").len());
    }
    let early = sizes[8..36].iter().max().unwrap();
    let late = sizes[36..].iter().max().unwrap();
    assert!(late * 100 <= early * 105, "{sizes:?}");
}

fn later(at: Moment, rounds: u64) -> Moment {
    let ms = rounds * 75 * 60_000;
    Moment { mono: Mono(at.mono.0 + ms), wall: Wall(at.wall.0 + ms as i64), clock: at.clock }
}

#[test]
fn what_a_script_says_depends_on_nothing_but_the_script() {
    let calls = Script::parse(LENDING).calls(1_000);
    assert_eq!(drive(&calls, true), drive(&calls, true));
}

#[test]
fn an_attack_in_a_session_is_said_once() {
    let day = "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 lin operator
        09:10-09:11 spoof elsewhere
        until 11:00
    ";
    let openings = play(day)
        .into_iter()
        .filter(|o| matches!(o, EngineOutput::Finding(f) if f.step == Step::Opened))
        .count();
    assert_eq!(openings, 1);
}
