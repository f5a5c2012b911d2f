//! MATCHED, UNMATCHED and INDETERMINATE at their boundaries, one millisecond or one frame below and
//! on them.

use presence::*;

use crate::script::{room, roster, thresholds};

fn moment(ms: u64) -> Moment {
    Moment {
        mono: Mono(1_000_000 + ms),
        wall: Wall(1_772_442_000_000 + ms as i64),
        clock: ClockQuality::GOOD,
    }
}

/// One frame of track 1: score in ppm, the candidate's lead over the second.
#[derive(Clone, Copy)]
struct Frame {
    at_ms: u64,
    score_ppm: i32,
    second_ppm: i32,
    good_quality: bool,
    liveness: Liveness,
}

fn frame(at_ms: u64, score_ppm: i32) -> Frame {
    Frame { at_ms, score_ppm, second_ppm: 100_000, good_quality: true, liveness: Liveness::Live }
}

fn low(at_ms: u64) -> Frame {
    frame(at_ms, 299_999)
}

fn hit(at_ms: u64) -> Frame {
    frame(at_ms, 500_000)
}

/// What the engine holds of track 1 after these frames, at `end_ms` (a look without any face).
fn view(frames: &[Frame], end_ms: u64) -> &'static str {
    view_told(frames, &[], &[], end_ms)
}

/// The same with when the track was taken up, and when a look said that the face is the same.
fn view_told(
    frames: &[Frame],
    taken_up_ms: &[u64],
    same_again_ms: &[u64],
    end_ms: u64,
) -> &'static str {
    let mut engine = Engine::new();
    for fact in
        [Fact::Thresholds(thresholds()), Fact::Room(Box::new(room())), Fact::Roster(roster())]
    {
        engine.inform(moment(0), fact);
    }
    for f in frames {
        let face = Face {
            track: TrackId(1),
            bbox: BoxPx { x: 310, y: 20, w: 60, h: 80 },
            good_quality: f.good_quality,
            masked: false,
            match_: Some(MatchScore {
                best: Some("lin".into()),
                score_ppm: f.score_ppm,
                second_ppm: f.second_ppm,
                relevant: Vec::new(),
            }),
            liveness: f.liveness,
        };
        let told = |times: &[u64]| {
            if times.contains(&f.at_ms) { vec![TrackId(1)] } else { Vec::new() }
        };
        let seen = Observation {
            faces: vec![face],
            taken_up: told(taken_up_ms),
            same_again: told(same_again_ms),
            ..Observation::default()
        };
        engine.observe(moment(f.at_ms), &seen);
    }
    engine.observe(moment(end_ms), &Observation::default());
    match engine.identity(TrackId(1)) {
        IdentityView::Matched { .. } => "MATCHED",
        IdentityView::Unmatched { .. } => "UNMATCHED",
        IdentityView::Indeterminate => "INDETERMINATE",
    }
}

fn now(frames: &[Frame]) -> &'static str {
    view(frames, frames[frames.len() - 1].at_ms)
}

#[test]
fn three_hits_a_second_apart_are_a_match() {
    assert_eq!(now(&[hit(0), hit(1_000)]), "INDETERMINATE");
    assert_eq!(now(&[hit(0), hit(1_000), hit(1_999)]), "INDETERMINATE", "a millisecond too close");
    assert_eq!(now(&[hit(0), hit(1_000), hit(2_000)]), "MATCHED");
}

#[test]
fn a_hit_reaches_t_match_with_the_margin_and_is_live() {
    let three = |f: &dyn Fn(u64) -> Frame| now(&[f(0), f(1_000), f(2_000)]);
    assert_eq!(three(&|at| frame(at, 499_999)), "INDETERMINATE");
    assert_eq!(
        three(&|at| Frame { second_ppm: 450_001, ..hit(at) }),
        "INDETERMINATE",
        "the margin is 50,000 ppm"
    );
    assert_eq!(three(&|at| Frame { second_ppm: 450_000, ..hit(at) }), "MATCHED");
    for liveness in [Liveness::Unsure, Liveness::NotAssessed, Liveness::Spoof] {
        assert_eq!(three(&|at| Frame { liveness, ..hit(at) }), "INDETERMINATE", "{liveness:?}");
    }
}

#[test]
fn five_good_frames_over_20_s_are_nobody_of_the_roster() {
    let five = |last: u64| [low(0), low(5_000), low(10_000), low(15_000), low(last)];
    assert_eq!(now(&five(19_999)), "INDETERMINATE");
    assert_eq!(now(&five(20_000)), "UNMATCHED");
    assert_eq!(
        now(&[low(0), low(7_000), low(14_000), low(20_000)]),
        "INDETERMINATE",
        "four frames"
    );
}

#[test]
fn every_one_of_them_is_good_live_and_below_t_reject() {
    let with = |odd: Frame| now(&[low(0), low(5_000), odd, low(15_000), low(20_000)]);
    assert_eq!(with(frame(10_000, 300_000)), "INDETERMINATE", "at T_reject");
    assert_eq!(
        with(Frame { good_quality: false, ..low(10_000) }),
        "INDETERMINATE",
        "four good ones"
    );
    assert_eq!(
        with(Frame { liveness: Liveness::Unsure, ..low(10_000) }),
        "INDETERMINATE",
        "four live ones"
    );
}

#[test]
fn a_poor_look_names_nobody_however_high_it_scores() {
    let poor = |at_ms| Frame { good_quality: false, ..frame(at_ms, 900_000) };
    let frames: Vec<Frame> = (0..20).map(|second| poor(second * 1_000)).collect();
    assert_eq!(view(&frames, 20_000), "INDETERMINATE");
    let good = [hit(21_000), hit(22_000), hit(23_000)];
    assert_eq!(view(&[frames, good.to_vec()].concat(), 24_000), view(&good, 24_000));
}

#[test]
fn a_match_lapses_five_minutes_after_its_last_vote() {
    let frames = [hit(0), hit(1_000), hit(2_000)];
    assert_eq!(view(&frames, 302_000), "MATCHED");
    assert_eq!(view(&frames, 302_001), "INDETERMINATE");
}

#[test]
fn a_break_of_more_than_thirty_seconds_asks_for_a_new_match() {
    let after = |pause_ms: u64| now(&[hit(0), hit(1_000), hit(2_000), hit(2_000 + pause_ms)]);
    assert_eq!(after(30_000), "MATCHED");
    assert_eq!(after(30_001), "INDETERMINATE");
}

/// A lead who is recognised turns away; from 4 s on somebody is seen on the same track, head down
/// at first, then as `looks` say.
fn after_the_lead(looks: &[Frame]) -> Vec<Frame> {
    let head_down = Frame { good_quality: false, ..low(4_000) };
    [&[hit(0), hit(1_000), hit(2_000), head_down], looks].concat()
}

#[test]
fn who_takes_up_a_track_is_not_matched_until_a_look_fits() {
    let head_down = |at_ms| Frame { good_quality: false, ..low(at_ms) };
    let frames = after_the_lead(&[head_down(5_000), head_down(6_000)]);
    assert_eq!(view(&frames, 6_000), "MATCHED", "never out of sight");
    assert_eq!(view_told(&frames, &[4_000], &[], 6_000), "INDETERMINATE");
    assert_eq!(view_told(&frames, &[4_000], &[5_000], 6_000), "MATCHED");
    assert_eq!(view_told(&frames, &[4_000, 6_000], &[5_000], 6_000), "INDETERMINATE", "once more");
    assert_eq!(view_told(&frames, &[4_000, 5_000], &[6_000], 6_000), "MATCHED");
}

#[test]
fn a_stranger_after_the_lead_is_unmatched() {
    let lows = [5_000, 10_000, 15_000, 20_000, 25_000].map(low);
    let frames = after_the_lead(&lows);
    assert_eq!(view_told(&frames, &[4_000], &[], 25_000), "UNMATCHED");
    let back = [&frames[..], &[hit(30_000)]].concat();
    assert_eq!(view_told(&back, &[4_000], &[30_000], 30_000), "UNMATCHED", "his own votes stay");
}

#[test]
fn a_run_of_looks_outlives_a_doubt_that_is_settled() {
    let frames: Vec<Frame> = (0..=4).map(|n| low(n * 5_000)).collect();
    assert_eq!(view_told(&frames, &[10_000], &[10_000], 20_000), "UNMATCHED");
    let on = [&frames[..], &[low(25_000)]].concat();
    assert_eq!(view_told(&on, &[25_000], &[25_000], 25_000), "UNMATCHED");
    assert_eq!(view_told(&on, &[25_000], &[], 25_000), "INDETERMINATE", "he may be the lead");
}
