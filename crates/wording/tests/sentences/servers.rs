//! What the server states of findings of its own.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use protocol::names::AbstentionReason;
use protocol::up::{LivenessEvidence, PresenceEvidence};
use wording::ServerStatement as S;
use wording::{
    ChainStanding, MessageKind, Question, RefusalReason, SeenAt, WhoseSessions, evidence,
    of_server, reason, refusal,
};

use super::{About, about, holds};

const KINDS: usize = 26;

const CHAINS: [ChainStanding; 4] =
    [ChainStanding::Intact, ChainStanding::Gap, ChainStanding::Forked, ChainStanding::Restarted];
const LIVENESS: [LivenessEvidence; 4] = [
    LivenessEvidence::Live,
    LivenessEvidence::Waived,
    LivenessEvidence::NoLook,
    LivenessEvidence::Unknown,
];
const MESSAGES: [MessageKind; 4] =
    [MessageKind::Finding, MessageKind::Presence, MessageKind::Health, MessageKind::Other];
const REFUSALS: [&str; 14] = [
    "unknown_topic",
    "oversized",
    "malformed",
    "unknown_device",
    "superseded_key",
    "bad_signature",
    "wrong_device",
    "wrong_place",
    "wrong_time",
    "servers_rule",
    "revision_jump",
    "fork",
    "sequence_jump",
    "of a later version",
];
const QUESTION: Question = Question { zh: "主诊医师到场", en: "lead present" };

fn of(statement: &S) -> About {
    match statement {
        S::LeadHardlyVerified { .. } => about(0, true, &[]),
        // For the log: absence alone is nothing.
        S::LeadIdle { .. } => about(1, false, &[]),
        S::TwoPlacesAtOnce { first, second, .. } => named(2, first, second),
        S::TooSoonElsewhere { first, second, .. } => named(3, first, second),
        S::AlsoElsewhere => about(4, true, &[]),
        S::NobodySeen { .. } => about(5, true, &[]),
        S::EmptyDays { .. } => about(6, true, &[]),
        S::UndeclaredAgain { .. } => about(7, true, &[]),
        S::DarkAgain { .. } => about(8, true, &[]),
        S::ZonesAgain { .. } => about(9, true, &[]),
        S::EmergenciesAgain { .. } => about(10, true, &[]),
        S::Unheard { .. } => about(11, true, &[]),
        S::TooManyUnjudged { whose, .. } => match whose {
            WhoseSessions::Clinic => about(12, true, &[]),
            WhoseSessions::Room(id) => about(12, true, &[id.as_str()]),
            WhoseSessions::Lead(id) | WhoseSessions::Operator(id) => {
                about(12, true, &[id.as_str()])
            }
        },
        // The clinic is asked, or told what was taken from it: nobody is suspected.
        S::AnswerDiffers { period, .. } => about(13, false, &[period]),
        S::RecordsMissing { .. } => about(14, true, &[]),
        S::RecordsCame => about(15, false, &[]),
        S::RecordsUnlinked { .. } => about(16, true, &[]),
        S::MessagesRefused { day, .. } => about(17, false, &[day]),
        S::MessagesSetAside { day, .. } => about(18, false, &[day]),
        S::ChainBegunAnew { reason, .. } => about(19, false, &[reason]),
        S::OverBudget { day, .. } => about(20, false, &[day]),
        S::PicturesGone { day, .. } => about(21, false, &[day]),
        S::PicturesEarly { day } => about(22, false, &[day]),
        S::PicturesMissing { day, replaced, .. } => about(23, !replaced, &[day]),
        S::PictureRoom { .. } => about(24, false, &[]),
        S::BoxRetired { .. } => about(25, false, &[]),
    }
}

fn named(kind: usize, first: &SeenAt, second: &SeenAt) -> About {
    let ids = [first, second].map(|at| [at.institution.as_str(), at.device.as_str()]);
    about(kind, true, &ids.concat())
}

fn id<T>() -> impl Strategy<Value = T>
where
    T: std::str::FromStr + std::fmt::Debug,
    T::Err: std::fmt::Debug,
{
    "[0-9]{1,6}(-[0-9]{1,6})?".prop_map(|id| id.parse().unwrap())
}

fn day() -> impl Strategy<Value = String> {
    "20[0-9]{2}-[01][0-9]-[0-3][0-9]"
}

fn presence_evidence() -> impl Strategy<Value = PresenceEvidence> {
    (any::<(u32, i32, i32)>(), select(LIVENESS.to_vec())).prop_map(
        |((looks, score_min_ppm, score_max_ppm), liveness)| PresenceEvidence {
            looks,
            score_min_ppm,
            score_max_ppm,
            liveness,
        },
    )
}

fn seen_at() -> impl Strategy<Value = SeenAt> {
    (id(), id(), select(CHAINS.to_vec()), option::of(presence_evidence())).prop_map(
        |(institution, device, chain, evidence)| SeenAt { institution, device, chain, evidence },
    )
}

fn places() -> impl Strategy<Value = S> {
    let figures = any::<(i64, Option<i64>, i64)>();
    let pair = (seen_at(), seen_at(), figures, any::<bool>());
    pair.prop_map(|(first, second, (ms, distance_m, speed_kmh), at_once)| {
        if at_once {
            S::TwoPlacesAtOnce { first, second, overlap_ms: ms, distance_m }
        } else {
            S::TooSoonElsewhere { first, second, between_ms: ms, distance_m, speed_kmh }
        }
    })
}

fn repeats() -> impl Strategy<Value = S> {
    (any::<(usize, i64, i64, u32)>(), any::<(usize, bool)>(), 0..11_u8).prop_map(
        |((repeat, days, unheard_ms, visibility_ppm), (verified, going_on), which)| match which {
            0 => S::LeadHardlyVerified { days, sessions: repeat, verified },
            1 => S::LeadIdle { days },
            2 => S::AlsoElsewhere,
            3 => S::NobodySeen { visibility_ppm, repeat, days },
            4 => S::EmptyDays { days: repeat },
            5 => S::UndeclaredAgain { repeat, days },
            6 => S::DarkAgain { repeat, days },
            7 => S::ZonesAgain { repeat, days },
            8 => S::EmergenciesAgain { repeat, days },
            9 => S::Unheard { unheard_ms, going_on, repeat, days },
            _ => S::RecordsCame,
        },
    )
}

fn unjudged() -> impl Strategy<Value = S> {
    let whose = prop_oneof![
        Just(WhoseSessions::Clinic),
        id().prop_map(WhoseSessions::Room),
        id().prop_map(WhoseSessions::Lead),
        id().prop_map(WhoseSessions::Operator),
    ];
    let why = prop_oneof![
        select(AbstentionReason::KNOWN),
        Just(AbstentionReason::Other("of_a_later_version".to_owned())),
    ];
    let reasons = vec((why, any::<usize>()), 1..6);
    (whose, reasons, any::<(i64, usize, usize, bool)>()).prop_map(
        |(whose, reasons, (days, declared, unjudged, uncured))| S::TooManyUnjudged {
            days,
            whose,
            declared,
            unjudged,
            reasons,
            uncured,
        },
    )
}

fn of_days() -> impl Strategy<Value = S> {
    let named = (select(REFUSALS.to_vec()), select(MESSAGES.to_vec()));
    (day(), named, any::<(bool, u64)>(), 0..8_u8).prop_map(
        |(day, (why, kind), (flag, missing), which)| match which {
            0 => S::MessagesRefused { day, reason: RefusalReason::of(why) },
            1 => S::MessagesSetAside { day, reason: RefusalReason::of(why) },
            2 => S::OverBudget { day, kind },
            3 => S::PicturesGone { day, told: flag },
            4 => S::PicturesEarly { day },
            5 => S::PicturesMissing { day, missing, replaced: flag },
            // What a box says in its own words stands as it came.
            6 => S::ChainBegunAnew { reason: day, times: 2, days: 30 },
            _ => S::AnswerDiffers { period: day, question: QUESTION, again: flag },
        },
    )
}

fn of_boxes() -> impl Strategy<Value = S> {
    (any::<(i64, i64, u64, bool)>(), 0..4_u8).prop_map(
        |((from_seq, to_seq, number, unlocked), which)| match which {
            0 => S::RecordsMissing { from_seq, to_seq },
            1 => S::RecordsUnlinked { seq: number },
            2 => S::PictureRoom { mib: number },
            _ => S::BoxRetired { unlocked, undelivered: number },
        },
    )
}

fn anything() -> impl Strategy<Value = S> {
    prop_oneof![places(), repeats(), unjudged(), of_days(), of_boxes()]
}

#[test]
fn each_reason_to_refuse_has_a_name_and_words_of_its_own() {
    for reason in RefusalReason::ALL {
        assert_eq!(RefusalReason::of(reason.name()), *reason);
        assert_ne!(refusal(*reason), refusal(RefusalReason::Other), "{}", reason.name());
    }
    assert_eq!(RefusalReason::of("of a later version"), RefusalReason::Other);
}

proptest! {
    #[test]
    fn whatever_the_server_states_has_both_sentences(statement in anything()) {
        let broken = holds(&of_server(&statement), &of(&statement));
        prop_assert!(broken.is_ok(), "{broken:?}");
    }
}

fn at(institution: &str, chain: ChainStanding, liveness: Option<LivenessEvidence>) -> SeenAt {
    let rests_on = |liveness| PresenceEvidence {
        looks: 7,
        score_min_ppm: 610_000,
        score_max_ppm: 780_499,
        liveness,
    };
    SeenAt {
        institution: institution.parse().unwrap(),
        device: format!("{institution}-box").parse().unwrap(),
        chain,
        evidence: liveness.map(rests_on),
    }
}

fn of_two_places() -> Vec<S> {
    let seen = |chain, liveness| (at("c-1", chain, liveness), at("c-2", CHAINS[0], None));
    let mut all = Vec::new();
    for (chain, liveness) in CHAINS.into_iter().zip(LIVENESS) {
        let (first, second) = seen(chain, Some(liveness));
        all.push(S::TwoPlacesAtOnce { first, second, overlap_ms: 659_999, distance_m: None });
    }
    let (first, second) = seen(CHAINS[0], Some(LIVENESS[0]));
    all.push(S::TwoPlacesAtOnce {
        first: first.clone(),
        second: second.clone(),
        overlap_ms: 600_000,
        distance_m: Some(108_900),
    });
    for distance_m in [Some(108_900), None] {
        let (first, second) = (first.clone(), second.clone());
        let (between_ms, speed_kmh) = (1_200_000, 323);
        all.push(S::TooSoonElsewhere { first, second, between_ms, distance_m, speed_kmh });
    }
    all
}

fn across_days() -> Vec<S> {
    let (repeat, days) = (3, 30);
    let unheard = |going_on| S::Unheard { unheard_ms: 1_900_000, going_on, repeat, days };
    let reasons = AbstentionReason::KNOWN.iter().zip(1..).map(|(why, n)| (why.clone(), n));
    let reasons: Vec<_> =
        reasons.chain([(AbstentionReason::Other("of_a_later_version".into()), 1)]).collect();
    let unjudged = |whose, uncured, most| S::TooManyUnjudged {
        days: 14,
        whose,
        declared: 10,
        unjudged: 4,
        reasons: reasons.iter().take(most).cloned().collect(),
        uncured,
    };
    let differs = |again| S::AnswerDiffers { period: "2026Q3".into(), question: QUESTION, again };
    vec![
        S::AlsoElsewhere,
        S::NobodySeen { visibility_ppm: 700_000, repeat, days },
        S::EmptyDays { days: 5 },
        S::UndeclaredAgain { repeat, days },
        S::DarkAgain { repeat, days },
        S::ZonesAgain { repeat, days: 14 },
        S::EmergenciesAgain { repeat, days },
        unheard(true),
        unheard(false),
        unjudged(WhoseSessions::Clinic, true, usize::MAX),
        unjudged(WhoseSessions::Room("r-1".parse().unwrap()), false, 1),
        unjudged(WhoseSessions::Lead("p-1".parse().unwrap()), false, 1),
        unjudged(WhoseSessions::Operator("p-2".parse().unwrap()), false, 1),
        differs(false),
        differs(true),
    ]
}

fn of_chains() -> Vec<S> {
    let day = || "2026-03-02".to_owned();
    let refusals = || REFUSALS.into_iter().map(RefusalReason::of);
    let mut all = vec![
        S::RecordsMissing { from_seq: 4, to_seq: 9 },
        S::RecordsCame,
        S::RecordsUnlinked { seq: 17 },
    ];
    all.extend(refusals().map(|reason| S::MessagesRefused { day: day(), reason }));
    all.extend(refusals().map(|reason| S::MessagesSetAside { day: day(), reason }));
    all.push(S::ChainBegunAnew { reason: "the database was torn".into(), times: 2, days: 30 });
    all.extend(MESSAGES.map(|kind| S::OverBudget { day: day(), kind }));
    all.extend([true, false].map(|told| S::PicturesGone { day: day(), told }));
    all.push(S::PicturesEarly { day: day() });
    all.extend([true, false].map(|replaced| S::PicturesMissing {
        day: day(),
        missing: 3,
        replaced,
    }));
    all.push(S::PictureRoom { mib: 512 });
    all.extend([true, false].map(|unlocked| S::BoxRetired { unlocked, undelivered: 12 }));
    all
}

/// One or more of each kind, both ways of each flag.
fn samples() -> Vec<S> {
    let mut all = vec![
        S::LeadHardlyVerified { days: 30, sessions: 6, verified: 1 },
        S::LeadIdle { days: 30 },
    ];
    all.extend(of_two_places());
    all.extend(across_days());
    all.extend(of_chains());
    all
}

#[test]
fn the_sentences_of_the_server_are_those_committed() {
    let mut text = String::new();
    for statement in samples() {
        let said = of_server(&statement);
        writeln!(text, "{}\n{}\n", said.zh, said.en).unwrap();
    }
    expect_test::expect_file!["servers.txt"].assert_eq(&text);
}

#[test]
fn every_kind_of_a_servers_statement_is_committed() {
    let mut kinds: Vec<usize> = samples().iter().map(|s| of(s).kind).collect();
    kinds.dedup();
    assert_eq!(kinds, (0..KINDS).collect::<Vec<_>>(), "in the order of the variants");
}

/// Pages show these by themselves.
#[test]
fn a_reason_and_what_a_presence_rests_on_have_words_alone() {
    let plain = |zh: &str, en: &str| {
        assert!(!zh.is_empty() && !zh.contains(|c: char| c.is_ascii_alphabetic()), "{zh}");
        assert!(!zh.contains(|c: char| ",;:()".contains(c)), "{zh}");
        assert!(en.is_ascii() && en.contains(|c: char| c.is_ascii_alphabetic()), "{en}");
    };
    for why in AbstentionReason::KNOWN {
        plain(reason(why).0, reason(why).1);
    }
    for name in REFUSALS {
        let (zh, en) = refusal(RefusalReason::of(name));
        plain(zh, en);
    }
    for on in LIVENESS.map(Some).into_iter().chain([None]) {
        let said = evidence(at("c-1", CHAINS[0], on).evidence.as_ref());
        plain(&said.zh, &said.en);
    }
}
