//! What boxes state.

use std::fmt::Write as _;

use proptest::prelude::*;
use statement::Statement as S;
use statement::{AbsenceSign, CameraFault, ItemId, PersonId, StatusFault};
use wording::of_box;

use super::{About, about, holds};

const KINDS: usize = 22;

fn of(statement: &S) -> About {
    match statement {
        S::LeadNeverCame { lead, operator: Some(operator), .. } => {
            about(0, true, &[lead.as_str(), operator.as_str()])
        }
        S::LeadNeverCame { lead, operator: None, .. } => about(0, true, &[lead.as_str()]),
        S::RegistrationDoubtful { person, .. } => about(1, true, &[person.as_str()]),
        S::LeadShortAtDoor { lead, .. } => about(2, true, &[lead.as_str()]),
        S::LeadTooShort { lead, .. } => about(3, true, &[lead.as_str()]),
        S::NonLeadUnled { person, .. } => about(4, true, &[person.as_str()]),
        S::NonLeadLittleLed { person, .. } => about(5, true, &[person.as_str()]),
        S::NotAPhysician { person, .. } => about(6, true, &[person.as_str()]),
        S::Unsupervised { person, .. } => about(7, true, &[person.as_str()]),
        S::AboveGrade { item, .. } => about(8, true, &[item.as_str()]),
        S::NotFiled { item } => about(9, true, &[item.as_str()]),
        S::UnlicensedStranger { .. } => about(10, true, &[]),
        S::RosterLacks { .. } => about(11, true, &[]),
        S::NonClinicalOperator { person, .. } => about(12, true, &[person.as_str()]),
        S::PharmacistAlone { person, .. } => about(13, true, &[person.as_str()]),
        S::CameraFault { .. } => about(14, true, &[]),
        S::DarkInSession { .. } => about(15, true, &[]),
        S::DarkAtBed { .. } => about(16, true, &[]),
        S::UndeclaredProcedure { .. } => about(17, true, &[]),
        S::PresentationAttack { .. } => about(18, true, &[]),
        S::ZonesChanged => about(19, true, &[]),
        S::ZonesMisfit { .. } => about(20, true, &[]),
        // It concerns nobody.
        S::InstallersTest => about(21, false, &[]),
    }
}

fn person() -> impl Strategy<Value = PersonId> {
    "[0-9]{1,6}(-[0-9]{1,6})?".prop_map(|id| PersonId::new(&id))
}

fn item() -> impl Strategy<Value = ItemId> {
    "[0-9]{1,6}".prop_map(|id| ItemId::new(&id))
}

fn leads() -> impl Strategy<Value = S> {
    let sign = prop_oneof![Just(AbsenceSign::LicenceLent), Just(AbsenceSign::RecordMismatch)];
    let times = (any::<u64>(), any::<u64>());
    prop_oneof![
        (person(), proptest::option::of(person()), sign, times.clone(), any::<(u32, bool)>())
            .prop_map(|(lead, operator, sign, times, (visibility_ppm, perhaps_stayed))| {
                let (operating_ms, operator_ms) = times;
                S::LeadNeverCame {
                    lead,
                    operator,
                    sign,
                    operating_ms,
                    operator_ms,
                    visibility_ppm,
                    perhaps_stayed,
                }
            }),
        (person(), times.clone(), any::<bool>()).prop_map(|(lead, times, perhaps_again)| {
            let (inside_ms, least_ms) = times;
            S::LeadShortAtDoor { lead, inside_ms, least_ms, perhaps_again }
        }),
        (person(), times, any::<u32>()).prop_map(|(lead, times, present_ppm)| {
            let (operating_ms, present_ms) = times;
            S::LeadTooShort { lead, operating_ms, present_ms, present_ppm }
        }),
    ]
}

fn operators() -> impl Strategy<Value = S> {
    let fault = prop_oneof![Just(StatusFault::Registration), Just(StatusFault::Site)];
    prop_oneof![
        (person(), fault, any::<(u64, bool)>()).prop_map(|(person, fault, (operator_ms, old))| {
            S::RegistrationDoubtful { person, fault, operator_ms, registry_old: old }
        }),
        (person(), any::<(u64, u64, u64)>()).prop_map(|(person, times)| {
            let (operator_ms, before_ms, after_ms) = times;
            S::NonLeadUnled { person, operator_ms, before_ms, after_ms }
        }),
        (person(), any::<(u64, u32, u64)>()).prop_map(
            |(person, (operator_ms, lead_ppm, gap_ms))| {
                S::NonLeadLittleLed { person, operator_ms, lead_ppm, gap_ms }
            }
        ),
        (person(), any::<(u64, bool)>()).prop_map(|(person, (operator_ms, lead_there))| {
            S::NotAPhysician { person, operator_ms, lead_there }
        }),
        (person(), any::<(u64, bool)>()).prop_map(|(person, (operator_ms, looked_in))| {
            S::Unsupervised { person, operator_ms, looked_in }
        }),
        (person(), any::<(u64, u64)>()).prop_map(|(person, (operator_ms, alone_ms))| {
            S::NonClinicalOperator { person, operator_ms, alone_ms }
        }),
        (person(), any::<u64>())
            .prop_map(|(person, operator_ms)| S::PharmacistAlone { person, operator_ms }),
        (item(), any::<(u8, u8)>())
            .prop_map(|(item, (grade, ceiling))| { S::AboveGrade { item, grade, ceiling } }),
        item().prop_map(|item| S::NotFiled { item }),
    ]
}

fn rooms() -> impl Strategy<Value = S> {
    let fault = prop_oneof![
        Just(CameraFault::Covered),
        Just(CameraFault::Moved),
        Just(CameraFault::Frozen),
        Just(CameraFault::Other),
    ];
    let three = any::<(u64, u64, u64)>();
    prop_oneof![
        three.clone().prop_map(|(operator_ms, densest_ms, window_ms)| S::UnlicensedStranger {
            operator_ms,
            densest_ms,
            window_ms
        }),
        three.prop_map(|(total_ms, longest_ms, today_ms)| S::DarkInSession {
            total_ms,
            longest_ms,
            today_ms
        }),
        any::<u64>().prop_map(|sessions| S::RosterLacks { sessions }),
        (fault, any::<u64>()).prop_map(|(fault, lasted_ms)| S::CameraFault { fault, lasted_ms }),
        any::<(u64, u64)>().prop_map(|(total_ms, today_ms)| S::DarkAtBed { total_ms, today_ms }),
        any::<u64>().prop_map(|operator_ms| S::UndeclaredProcedure { operator_ms }),
        any::<(u32, u32)>()
            .prop_map(|(assessed, not_live)| S::PresentationAttack { assessed, not_live }),
        Just(S::ZonesChanged),
        any::<u64>().prop_map(|beside_ms| S::ZonesMisfit { beside_ms }),
        Just(S::InstallersTest),
    ]
}

fn anything() -> impl Strategy<Value = S> {
    prop_oneof![leads(), operators(), rooms()]
}

proptest! {
    #[test]
    fn whatever_a_box_states_has_both_sentences(statement in anything()) {
        let broken = holds(&of_box(&statement), &of(&statement));
        prop_assert!(broken.is_ok(), "{broken:?}");
    }
}

/// One or two of each kind, both ways of each flag.
fn samples() -> Vec<S> {
    let (lead, person): (PersonId, PersonId) = ("p-1".into(), "p-2".into());
    let item: ItemId = "filler".into();
    let never_came = |operator: Option<&PersonId>, sign, perhaps_stayed| S::LeadNeverCame {
        lead: lead.clone(),
        operator: operator.cloned(),
        sign,
        operating_ms: 1_320_000,
        operator_ms: 59_999,
        visibility_ppm: 987_654,
        perhaps_stayed,
    };
    let registration = |fault, registry_old| S::RegistrationDoubtful {
        person: person.clone(),
        fault,
        operator_ms: 61_000,
        registry_old,
    };
    let at_door = |perhaps_again| S::LeadShortAtDoor {
        lead: lead.clone(),
        inside_ms: 20_000,
        least_ms: 45_000,
        perhaps_again,
    };
    let nurse =
        |lead_there| S::NotAPhysician { person: person.clone(), operator_ms: 300_000, lead_there };
    let trainee =
        |looked_in| S::Unsupervised { person: person.clone(), operator_ms: 300_000, looked_in };
    let camera = |fault| S::CameraFault { fault, lasted_ms: 90_000 };
    vec![
        never_came(Some(&person), AbsenceSign::LicenceLent, false),
        never_came(None, AbsenceSign::RecordMismatch, true),
        registration(StatusFault::Site, false),
        registration(StatusFault::Registration, true),
        at_door(false),
        at_door(true),
        S::LeadTooShort {
            lead: lead.clone(),
            operating_ms: 600_000,
            present_ms: 30_000,
            present_ppm: 50_000,
        },
        S::NonLeadUnled {
            person: person.clone(),
            operator_ms: 300_000,
            before_ms: 600_000,
            after_ms: 301_000,
        },
        S::NonLeadLittleLed {
            person: person.clone(),
            operator_ms: 300_000,
            lead_ppm: 123_456,
            gap_ms: 240_000,
        },
        nurse(true),
        nurse(false),
        trainee(true),
        trainee(false),
        S::AboveGrade { item: item.clone(), grade: 4, ceiling: 3 },
        S::NotFiled { item },
        S::UnlicensedStranger { operator_ms: 120_000, densest_ms: 61_000, window_ms: 600_000 },
        S::RosterLacks { sessions: 3 },
        S::NonClinicalOperator { person: person.clone(), operator_ms: 120_000, alone_ms: 30_000 },
        S::PharmacistAlone { person, operator_ms: 120_000 },
        camera(CameraFault::Covered),
        camera(CameraFault::Moved),
        camera(CameraFault::Frozen),
        camera(CameraFault::Other),
        S::DarkInSession { total_ms: 180_000, longest_ms: 120_000, today_ms: 240_000 },
        S::DarkAtBed { total_ms: 180_000, today_ms: 240_000 },
        S::UndeclaredProcedure { operator_ms: 200_000 },
        S::PresentationAttack { assessed: 20, not_live: 18 },
        S::ZonesChanged,
        S::ZonesMisfit { beside_ms: 400_000 },
        S::InstallersTest,
    ]
}

#[test]
fn the_sentences_of_boxes_are_those_committed() {
    let mut text = String::new();
    for statement in samples() {
        let said = of_box(&statement);
        writeln!(text, "{}\n{}\n", said.zh, said.en).unwrap();
    }
    expect_test::expect_file!["boxes.txt"].assert_eq(&text);
}

#[test]
fn every_kind_of_a_boxs_statement_is_committed() {
    let mut kinds: Vec<usize> = samples().iter().map(|s| of(s).kind).collect();
    kinds.dedup();
    assert_eq!(kinds, (0..KINDS).collect::<Vec<_>>(), "in the order of the variants");
}
