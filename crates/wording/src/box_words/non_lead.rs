//! 非主诊医师独立执业: NL-1 to NL-4.

use protocol::up::Explanation;
use statement::{ItemId, PersonId};

use crate::figures::{en_ms, percent, zh_ms};
use crate::said;

pub(super) fn unled(
    person: &PersonId,
    operator_ms: u64,
    before_ms: u64,
    after_ms: u64,
) -> Explanation {
    said(
        format!(
            "疑似非主诊医师独立执业：{person}处于操作位{}；\
            自开始前{}至结束后{}未见该项目主诊医师。",
            zh_ms(operator_ms),
            zh_ms(before_ms),
            zh_ms(after_ms)
        ),
        format!(
            "Suspected non-lead operating: {person} stood in the operator role for {}; no lead \
            for the item was seen from {} before the start to {} after the end.",
            en_ms(operator_ms),
            en_ms(before_ms),
            en_ms(after_ms)
        ),
    )
}

pub(super) fn little_led(
    person: &PersonId,
    operator_ms: u64,
    lead_ppm: u32,
    gap_ms: u64,
) -> Explanation {
    said(
        format!(
            "疑似非主诊医师独立执业：{person}处于操作位{}；主诊医师在场占{}，最长离开{}。",
            zh_ms(operator_ms),
            percent(lead_ppm),
            zh_ms(gap_ms)
        ),
        format!(
            "Suspected non-lead operating: {person} stood in the operator role for {}; a lead was \
            there for {} of the operating time, with a gap of {}.",
            en_ms(operator_ms),
            percent(lead_ppm),
            en_ms(gap_ms)
        ),
    )
}

pub(super) fn not_a_physician(
    person: &PersonId,
    operator_ms: u64,
    lead_there: bool,
) -> Explanation {
    let lead = if lead_there {
        ("主诊医师在场", "a lead was present")
    } else {
        ("未见主诊医师", "no lead was seen")
    };
    alone(person, ("非医师", "not a physician"), operator_ms, lead)
}

pub(super) fn unsupervised(person: &PersonId, operator_ms: u64, looked_in: bool) -> Explanation {
    let supervisor = if looked_in {
        ("带教或指导医师仅短暂出现", "a supervisor looked in")
    } else {
        ("未见带教或指导医师", "no supervisor was seen")
    };
    let what = ("执业助理医师或实习进修人员", "an assistant physician or trainee");
    alone(person, what, operator_ms, supervisor)
}

fn alone(
    person: &PersonId,
    (zh_what, en_what): (&str, &str),
    operator_ms: u64,
    (zh_lead, en_lead): (&str, &str),
) -> Explanation {
    said(
        format!(
            "疑似非主诊医师独立执业：{person}（{zh_what}）独自处于操作位{}；{zh_lead}。",
            zh_ms(operator_ms)
        ),
        format!(
            "Suspected non-lead operating: {person}, {en_what}, stood alone in the operator role \
            for {}; {en_lead}.",
            en_ms(operator_ms)
        ),
    )
}

pub(super) fn above_grade(item: &ItemId, grade: u8, ceiling: u8) -> Explanation {
    said(
        format!("疑似超出核定范围：项目{item}为{grade}级，本机构上限为{ceiling}级。"),
        format!(
            "Suspected act beyond the permitted scope: item {item} is of grade {grade}, this \
            institution's ceiling is {ceiling}."
        ),
    )
}

pub(super) fn not_filed(item: &ItemId) -> Explanation {
    said(
        format!("疑似超出核定范围：项目{item}未在本机构备案。"),
        format!(
            "Suspected act beyond the permitted scope: item {item} is not filed at this \
            institution."
        ),
    )
}
