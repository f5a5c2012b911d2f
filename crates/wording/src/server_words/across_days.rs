//! What is seen only across days, sessions and answers: LL-2, HB-1 to HB-8, SI-1.

use protocol::names::AbstentionReason;
use protocol::up::Explanation;

use crate::figures::{minutes, percent_of};
use crate::{Question, WhoseSessions, reason, said};

pub(super) fn hardly_verified(days: i64, sessions: usize, verified: usize) -> Explanation {
    let share = percent_of(verified, sessions);
    said(
        format!(
            "疑似挂证：近 {days} 天以该主诊医师名义登记且画面可判定的诊疗活动共 {sessions} \
            次，核实到场 {verified} 次（{share}）。"
        ),
        format!(
            "Suspected licence lending: within {days} days {sessions} assessable sessions were \
            declared under this lead, who was verified in {verified} of {sessions} ({share})."
        ),
    )
}

pub(super) fn idle(days: i64) -> Explanation {
    said(
        format!(
            "在册主诊医师近 {days} 天未见到场，也无以其名义登记的诊疗活动；仅作记录，未到场本身并\
            不违规。"
        ),
        format!(
            "A lead filed here was not seen for {days} days, and no session was declared under \
            the name; for the log alone, absence is not unlawful."
        ),
    )
}

pub(super) fn nobody_seen(visibility_ppm: u32, repeat: usize, days: i64) -> Explanation {
    let share = percent_of(visibility_ppm as usize, 1_000_000);
    said(
        format!(
            "疑似虚假登记或异地诊疗：登记时段内画面可见度 \
            {share}，未见就诊者以外任何人员的面部；近 {days} 天内第 {repeat} 次。"
        ),
        format!(
            "Suspected false declaration or treatment elsewhere: the room was visible for {share} \
            of the declared time and no face other than a patient's was seen; number {repeat} \
            within {days} days."
        ),
    )
}

pub(super) fn empty(days: usize) -> Explanation {
    said(
        format!("疑似规避监管或停业未报：连续 {days} 个营业日设备正常而诊室内无人出现。"),
        format!(
            "Suspected evasion, or closure that was not reported: on {days} open days in a row a \
            healthy box saw nobody in the room."
        ),
    )
}

pub(super) fn undeclared(repeat: usize, days: i64) -> Explanation {
    said(
        format!(
            "疑似多次未登记诊疗活动：该机构近 {days} 天内第 {repeat} \
            次发现床位占用且有人操作而无登记。"
        ),
        format!(
            "Suspected repeated undeclared procedures: number {repeat} within {days} days at this \
            institution in which the bed was occupied and somebody operated without a declared \
            session."
        ),
    )
}

pub(super) fn dark(repeat: usize, days: i64) -> Explanation {
    said(
        format!(
            "疑似多次遮挡或中断画面：该机构近 {days} 天内第 {repeat} \
            次发现镜头被遮挡、移动或诊疗期间无画面。"
        ),
        format!(
            "Suspected repeated loss of the picture: number {repeat} within {days} days at this \
            institution in which the lens was covered or moved, or a treatment had no picture."
        ),
    )
}

pub(super) fn zones(repeat: usize, days: i64) -> Explanation {
    said(
        format!(
            "疑似多次在区域外操作：该机构近 {days} 天内第 {repeat} \
            次发现床位有人而操作位无人、床旁有人。"
        ),
        format!(
            "Suspected work outside the zones: number {repeat} within {days} days at this \
            institution in which the bed was occupied and somebody stayed beside it with nobody in \
            the operator zone."
        ),
    )
}

pub(super) fn emergencies(repeat: usize, days: i64) -> Explanation {
    said(
        format!(
            "疑似以急救标记减轻处理：该机构近 {days} 天内第 {repeat} \
            次在诊疗中标记急救，请核对急救记录。"
        ),
        format!(
            "Suspected use of emergency flags to soften what is said: number {repeat} within \
            {days} days at this institution; check its records of the emergencies."
        ),
    )
}

pub(super) fn unheard(ms: i64, going_on: bool, repeat: usize, days: i64) -> Explanation {
    let minutes = minutes(ms);
    let (zh, en) =
        if going_on { ("至今仍未恢复", ", and it goes on") } else { ("现已恢复", "") };
    said(
        format!(
            "疑似断电、断网或设备被移走：营业时间内设备失联 {minutes} 分钟，{zh}；近 {days} \
            天内第 {repeat} 次。"
        ),
        format!(
            "Suspected cut of power or network, or removal: the box was not heard for {minutes} \
            min of opening hours{en}; number {repeat} within {days} days."
        ),
    )
}

pub(super) fn unjudged(
    days: i64,
    whose: &WhoseSessions,
    (declared, unjudged): (usize, usize),
    reasons: &[(AbstentionReason, usize)],
    uncured: bool,
) -> Explanation {
    let (of_zh, of_en) = match whose {
        WhoseSessions::Clinic => (String::new(), String::new()),
        WhoseSessions::Room(id) => (format!("诊室 {id} "), format!(" in the room {id}")),
        WhoseSessions::Lead(id) => (format!("主诊医师 {id} 名下"), format!(" under the lead {id}")),
        WhoseSessions::Operator(id) => {
            (format!("操作者 {id} "), format!(" with the operator {id}"))
        }
    };
    let share = percent_of(unjudged, declared);
    let zh: Vec<String> =
        reasons.iter().map(|(why, n)| format!("{}{n}次", reason(why).0)).collect();
    let en: Vec<String> = reasons.iter().map(|(why, n)| format!("{} {n}", reason(why).1)).collect();
    let (late_zh, late_en) = if uncured {
        ("；通知机构后未改善", "; not cured after notice")
    } else {
        ("", "")
    };
    said(
        format!(
            "疑似规避监管：近 {days} 天{of_zh}登记的 {declared} 次诊疗活动中 {unjudged} \
            次（{share}）无法判定（{}）{late_zh}。",
            zh.join("、")
        ),
        format!(
            "Suspected evasion: {unjudged} of {declared} sessions ({share}) declared{of_en} \
            within {days} days could not be judged ({}){late_en}.",
            en.join(", ")
        ),
    )
}

/// The clinic learns of no review, and of no number of them.
pub(super) fn answer_differs(period: &str, question: Question, again: bool) -> Explanation {
    let (zh, en) = if again {
        ("，且连续两期如此", ", for the second period running")
    } else {
        ("", "")
    };
    said(
        format!("设备记录与自查答复不一致，请核实：{period} 自查“{}”答复为“是”{zh}。", question.zh),
        format!(
            "The boxes' records and the self-check of {period} differ on `{}`{en}: please look \
            into it.",
            question.en
        ),
    )
}
