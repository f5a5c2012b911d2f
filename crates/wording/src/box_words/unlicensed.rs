//! 非卫技人员开展诊疗活动: UQ-1 to UQ-3.

use protocol::up::Explanation;
use statement::PersonId;

use crate::figures::{en_ms, zh_ms};
use crate::said;

pub(super) fn stranger(operator_ms: u64, densest_ms: u64, window_ms: u64) -> Explanation {
    said(
        format!(
            "疑似非卫技人员开展诊疗活动：一名未登记人员处于操作位{}（任意{}内最多{}）。",
            zh_ms(operator_ms),
            zh_ms(window_ms),
            zh_ms(densest_ms)
        ),
        format!(
            "Suspected unlicensed operator: somebody who is not on the roster stood in the \
            operator role for {} (at most {} within any {}).",
            en_ms(operator_ms),
            en_ms(densest_ms),
            en_ms(window_ms)
        ),
    )
}

pub(super) fn roster_lacks(sessions: u64) -> Explanation {
    said(
        format!(
            "疑似名册与实际不符：{sessions}次诊疗中操作位人员既无法识别也不能认定为未登记人员，请\
            更新名册并补录人脸模板。"
        ),
        format!(
            "Suspected mismatch of the roster: in {sessions} sessions an operator could neither \
            be recognised nor be called unregistered; renew the roster and enrol whoever is \
            missing."
        ),
    )
}

pub(super) fn non_clinical(person: &PersonId, operator_ms: u64, alone_ms: u64) -> Explanation {
    said(
        format!(
            "疑似非卫技人员开展诊疗活动：{person}（非卫技人员）处于操作位{}，其中无医护人员在\
            场{}。",
            zh_ms(operator_ms),
            zh_ms(alone_ms)
        ),
        format!(
            "Suspected unlicensed operator: {person}, non-clinical staff, stood in the operator \
            role for {}, of which {} without any clinician in the room.",
            en_ms(operator_ms),
            en_ms(alone_ms)
        ),
    )
}

pub(super) fn pharmacist(person: &PersonId, operator_ms: u64) -> Explanation {
    said(
        format!(
            "疑似超出执业类别开展诊疗活动：{person}（药师）独自处于操作位{}。",
            zh_ms(operator_ms)
        ),
        format!(
            "Suspected act outside the category: {person}, a pharmacist, stood alone in the \
            operator role for {}.",
            en_ms(operator_ms)
        ),
    )
}
