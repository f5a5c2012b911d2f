//! 挂证: LL-1, LL-4, LL-5.

use protocol::up::Explanation;
use statement::{AbsenceSign, PersonId, StatusFault};

use crate::figures::{en_ms, percent, zh_ms};
use crate::said;

pub(super) fn never_came(
    (lead, operator, sign): (&PersonId, Option<&PersonId>, AbsenceSign),
    (operating_ms, operator_ms, visibility_ppm): (u64, u64, u32),
    perhaps_stayed: bool,
) -> Explanation {
    let (zh_kind, en_kind) = match sign {
        AbsenceSign::RecordMismatch => ("疑似登记与实际不符", "Suspected mismatch with the record"),
        AbsenceSign::LicenceLent => ("疑似挂证", "Suspected licence lending"),
    };
    let who_zh = operator.map_or("一名未识别人员", PersonId::as_str);
    let who_en = operator.map_or("an unidentified person", PersonId::as_str);
    let (zh_stayed, en_stayed) = if perhaps_stayed {
        (
            "；另有面部未看清的人员进入后未见离开，可能是其本人",
            "; somebody badly seen came in and was not seen to leave, perhaps the lead",
        )
    } else {
        ("", "")
    };
    let visibility = percent(visibility_ppm);
    said(
        format!(
            "{zh_kind}：登记主诊医师{lead}在操作时段（{}）内出现0秒；{who_zh}处于操作位{}；可见度\
            {visibility}{zh_stayed}。",
            zh_ms(operating_ms),
            zh_ms(operator_ms),
        ),
        format!(
            "{en_kind}: the declared lead {lead} was present for 0 s of {} of operating time; \
            {who_en} stood in the operator role for {}; visibility {visibility}{en_stayed}.",
            en_ms(operating_ms),
            en_ms(operator_ms),
        ),
    )
}

pub(super) fn registration(
    person: &PersonId,
    fault: StatusFault,
    operator_ms: u64,
    registry_old: bool,
) -> Explanation {
    let (zh_fault, en_fault) = match fault {
        StatusFault::Site => {
            ("执业注册未覆盖本机构", "whose registration does not cover this institution")
        }
        StatusFault::Registration => ("执业注册状态非有效", "whose registration is not in force"),
    };
    let (zh_age, en_age) = if registry_old {
        ("；注册信息已过期，请先更新核对", "; the registry snapshot is old: refresh it first")
    } else {
        ("", "")
    };
    said(
        format!(
            "疑似执业资格异常：{person}（{zh_fault}）处于操作位{}{zh_age}。",
            zh_ms(operator_ms)
        ),
        format!(
            "Suspected status fault: {person}, {en_fault}, stood in the operator role for \
            {}{en_age}.",
            en_ms(operator_ms)
        ),
    )
}

pub(super) fn short_at_door(
    lead: &PersonId,
    inside_ms: u64,
    least_ms: u64,
    perhaps_again: bool,
) -> Explanation {
    let (zh_again, en_again) = if perhaps_again {
        (
            "；门口另有未能识别的人员，可能是其本人",
            "; somebody badly seen at the door may have been the lead",
        )
    } else {
        ("", "")
    };
    said(
        format!(
            "疑似打卡即走：登记主诊医师{lead}从签到到签退{}，短于主诊医师本人操作至少所需的\
            {}{zh_again}。",
            zh_ms(inside_ms),
            zh_ms(least_ms),
        ),
        format!(
            "Suspected clock-and-go: from check-in to check-out the declared lead {lead} was \
            inside for {}, less than the {} that the lead's own part takes at least{en_again}.",
            en_ms(inside_ms),
            en_ms(least_ms),
        ),
    )
}

pub(super) fn too_short(
    lead: &PersonId,
    operating_ms: u64,
    present_ms: u64,
    present_ppm: u32,
) -> Explanation {
    said(
        format!(
            "疑似打卡即走：登记主诊医师{lead}在操作时段（{}）内在场{}，占{}。",
            zh_ms(operating_ms),
            zh_ms(present_ms),
            percent(present_ppm)
        ),
        format!(
            "Suspected clock-and-go: the declared lead {lead} was present for {} of {} of \
            operating time ({}).",
            en_ms(present_ms),
            en_ms(operating_ms),
            percent(present_ppm)
        ),
    )
}
