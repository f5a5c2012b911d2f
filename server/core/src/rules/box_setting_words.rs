//! The words of the server's findings, in both languages, made from the figures alone. A finding is
//! a lead 线索: "疑似…".

use abstention::Group;
use jiff::Timestamp;
use protocol::names::{AbstentionReason, IntervalName};
use protocol::up::{Explanation, Interval, LivenessEvidence, PresenceEvidence, Severity};

use super::SessionOutcome;
use super::sighting::{ChainStanding, Sighting};

fn said(zh: String, en: String) -> Explanation {
    Explanation { zh, en }
}

fn percent(part: usize, whole: usize) -> String {
    let tenths = (part * 1000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn minutes(ms: i64) -> i64 {
    ms / 60_000
}

pub(super) fn span(what: IntervalName, from_ms: i64, to_ms: i64) -> Interval {
    let text = |ms| Timestamp::from_millisecond(ms).map(crate::clock::text).unwrap_or_default();
    Interval { what, from: text(from_ms), to: text(to_ms) }
}

pub(super) fn interval(what: IntervalName, session: &SessionOutcome) -> Interval {
    span(what, session.start_ms, session.end_ms)
}

pub(super) fn phantom(days: i64, sessions: usize, verified: usize) -> Explanation {
    let share = percent(verified, sessions);
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

pub(super) fn impossible(
    earlier: &Sighting,
    later: &Sighting,
    overlap_ms: i64,
    distance_m: Option<i64>,
    speed_kmh: i64,
    severity: Severity,
) -> Explanation {
    let (a, b) = (&earlier.institution, &later.institution);
    let (far_zh, far_en) = match distance_m {
        Some(d) => {
            (format!(",两地相距约 {} 公里", d / 1000), format!(", about {} km apart", d / 1000))
        }
        None => (String::new(), String::new()),
    };
    let (rests_zh, rests_en) = (statements_zh(earlier, later), statements_en(earlier, later));
    if severity == Severity::L3 {
        let minutes = minutes(overlap_ms);
        return said(
            format!(
                "疑似挂证或冒用身份：同一执业人员在机构 {a} 与机构 {b} 同时核实在场 {minutes} \
                分钟{far_zh}。{rests_zh}"
            ),
            format!(
                "Suspected licence lending or borrowed identity: the same practitioner was \
                verified at {a} and at {b} at the same time for {minutes} min{far_en}. {rests_en}"
            ),
        );
    }
    let gap = minutes((later.from_ms - earlier.to_ms).max(0));
    said(
        format!(
            "疑似挂证或冒用身份：同一执业人员离开机构 {a} 后 {gap} 分钟即在机构 {b} \
            核实在场{far_zh}，折合时速约 {speed_kmh} 公里。{rests_zh}"
        ),
        format!(
            "Suspected licence lending or borrowed identity: the same practitioner was verified \
            at {b} {gap} min after {a}{far_en}, which takes about {speed_kmh} km/h. {rests_en}"
        ),
    )
}

/// Which boxes say so, how their chains stand, and on what each claim rests.
fn statements_zh(earlier: &Sighting, later: &Sighting) -> String {
    let one = |s: &Sighting| {
        let chain = match s.chain {
            ChainStanding::Intact => "记录链完整",
            ChainStanding::Gap => "该时段记录链完整，现有缺口",
            ChainStanding::Forked => "该时段记录链完整，另有分叉",
            ChainStanding::Restarted => "该时段记录链完整，曾重新开始",
        };
        format!("设备 {}({chain};{})", s.device, evidence_zh(s.evidence.as_ref()))
    };
    format!("依据：{}、{}。", one(earlier), one(later))
}

fn statements_en(earlier: &Sighting, later: &Sighting) -> String {
    let one = |s: &Sighting| {
        let chain = match s.chain {
            ChainStanding::Intact => "chain intact",
            ChainStanding::Gap => "chain whole over this time, a gap now",
            ChainStanding::Forked => "chain whole over this time, forked elsewhere",
            ChainStanding::Restarted => "chain whole over this time, restarted once",
        };
        format!("box {} ({chain}; {})", s.device, evidence_en(s.evidence.as_ref()))
    };
    format!("By {} and {}.", one(earlier), one(later))
}

/// A calibrated cosine × 10⁶ with three places.
fn score(ppm: i32) -> String {
    format!("{:.3}", f64::from(ppm) / 1e6)
}

/// What a presence rests on, in words.
pub fn evidence_zh(evidence: Option<&PresenceEvidence>) -> String {
    let Some(it) = evidence else { return "未附依据，仅为设备陈述".to_owned() };
    let live = match it.liveness {
        LivenessEvidence::Live => "均判定为活体",
        LivenessEvidence::Waived => "活体检测已豁免",
        LivenessEvidence::NoLook => return "未经人脸识别".to_owned(),
        LivenessEvidence::Unknown => "活体情况不明",
    };
    format!(
        "{} 次识别，相似度 {} 至 {},{live}",
        it.looks,
        score(it.score_min_ppm),
        score(it.score_max_ppm)
    )
}

pub fn evidence_en(evidence: Option<&PresenceEvidence>) -> String {
    let Some(it) = evidence else { return "a bare claim: the box said no figures".to_owned() };
    let live = match it.liveness {
        LivenessEvidence::Live => "each judged live",
        LivenessEvidence::Waived => "liveness waived",
        LivenessEvidence::NoLook => return "not by the face".to_owned(),
        LivenessEvidence::Unknown => "liveness not told",
    };
    format!(
        "{} looks, score {} to {}, {live}",
        it.looks,
        score(it.score_min_ppm),
        score(it.score_max_ppm)
    )
}

pub(super) fn silent(visibility_ppm: u32, repeat: usize, days: i64) -> Explanation {
    let share = percent(visibility_ppm as usize, 1_000_000);
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

pub(super) fn dark_again(repeat: usize, days: i64) -> Explanation {
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

pub(super) fn zones_again(repeat: usize, days: i64) -> Explanation {
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

pub(super) fn outage(ms: i64, going_on: bool, repeat: usize, days: i64) -> Explanation {
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

pub(super) fn unjudgeable(
    days: i64,
    group: Group<'_>,
    (declared, unjudged): (usize, usize),
    reasons: &[(AbstentionReason, usize)],
    uncured: bool,
) -> Explanation {
    let (of_zh, of_en) = match group {
        Group::Clinic => (String::new(), String::new()),
        Group::Room(id) => (format!("诊室 {id} "), format!(" in the room {id}")),
        Group::Lead(id) => (format!("主诊医师 {id} 名下"), format!(" under the lead {id}")),
        Group::Operator(id) => (format!("操作者 {id} "), format!(" with the operator {id}")),
    };
    let share = percent(unjudged, declared);
    let zh: Vec<String> =
        reasons.iter().map(|(why, n)| format!("{}{n}次", reason(why).0)).collect();
    let en: Vec<String> = reasons.iter().map(|(why, n)| format!("{} {n}", reason(why).1)).collect();
    let (late_zh, late_en) =
        if uncured { (";通知机构后未改善", "; not cured after notice") } else { ("", "") };
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

/// Why a session could not be judged, or a rule could not decide in one: zh and en.
pub fn reason(why: &AbstentionReason) -> (&'static str, &'static str) {
    use AbstentionReason as Why;
    match why {
        Why::Declined => ("就诊者拒绝", "the patient declined"),
        Why::Withheld => ("未作识别", "nobody was looked at"),
        Why::Visibility => ("画面不可判", "out of sight"),
        Why::Clock => ("时钟不可靠", "clock not reliable"),
        Why::NoActivity => ("未见操作", "no activity"),
        Why::NeverClosed => ("未关闭登记", "never closed"),
        Why::History => ("登记过迟", "declared too late"),
        Why::NoReport => ("无设备报告", "no report of the box"),
        Why::Chain => ("记录链不完整", "the box's chain is not whole"),
        Why::Undecided => ("规则未决", "a rule abstained"),
        Why::Operator => ("操作人身份未定", "who operated is not known"),
        Why::Absence => ("不能断定不在场", "an absence can not be told"),
        Why::Door => ("门区不可见", "the door was out of sight"),
        Why::Roster => ("名册不全或过期", "the roster is old or incomplete"),
        Why::Other(_) => ("其他原因", "another reason"),
    }
}

/// What a box's setting does, in Chinese; the English stands in the core's own table. Empty for one
/// without words yet.
pub(super) fn box_setting(name: &str) -> &'static str {
    match name {
        "evaluation_step_ms" => "判定节拍：线索在此间隔的整数倍时刻产生。",
        "observation_gap_ms" => "两次观察间隔不超过此值视为连续可见。",
        "liveness_waived" => "1：接受未做活体检测的画面（仅演示），各处均注明。",
        "exclusion_gap_ms" => "证据按此时长分段累计，且不及于更远的时间；0：未识别者可能是任何人。",
        "evidence_out_mnat" => "达到此反证强度即可排除某人（7,000：误差千分之一）。",
        "evidence_open_mnat" => "反证低于此值时，该人不得认定为缺席。",
        "evidence_named_mnat" => "达到此正证强度即视为指向某人。",
        "join_gap_ms" => "在同一位置消失后于此时长内重现且无他人可能的，可视为同一人。",
        "join_alike_ppm" => "两段轨迹的人脸相似度达到此值即视为同一人。",
        "op_bridge_ms" => "前后均在操作位、间隔不超过此值的，视为其间在位。",
        "ll5_short_level" => "主诊医师已完成应做部分但在场比例不足时的级别。",
        "lead_part_surgery_ppm" => "手术、埋线项目中主诊医师本人部分的最低比例。",
        "lead_part_energy_ms" => "光电项目中主诊医师本人部分的最短时长。",
        "lead_part_injection_ms" => "注射项目中主诊医师本人部分的最短时长。",
        "lead_part_other_ms" => "其他项目中主诊医师本人部分的最短时长。",
        "nl1_short_gap_ms" => "主诊医师离开达到此时长的间隔予以累计。",
        "nl1_short_gaps_ppm" => "累计间隔占操作时段达到此比例即计入。",
        "nl2_share_ppm" => "主诊医师在场比例低于此值时为L1。",
        "uq_total_ms" => "操作累计达到此时长即计入；未登记人员含轮流者。",
        "hb2_session_ms" => "诊疗期间一次无画面达到此时长即计入。",
        "hb2_session_sum_ms" => "诊疗期间无画面累计达到此时长即计入。",
        "hb7_ms" => "床位有人、操作位无人而旁有他人达到此时长即计入。",
        "emergency_ms" => "急诊标记到达服务器后按 L1 处理的时长；此后仍有人操作则不再降级。",
        "pieces_gap_ms" => "间隔不足此值的各次诊疗合并计算。",
        "match_frames" => "达到匹配阈值的帧数（认定身份）。",
        "match_spacing_ms" => "计入身份认定的两帧最小间隔。",
        "unmatched_frames" => "认定非在册人员所需的合格帧数。",
        "unmatched_span_ms" => "上述帧的最小时间跨度。",
        "match_share_ppm" => "首次匹配以来达到阈值的帧最小比例。",
        "reverify_ms" => "身份超过此时长未复核即转为不确定。",
        "break_ms" => "轨迹中断超过此时长须重新核实。",
        "visibility_min_ppm" => "画面可见度下限，低于此值不作任何判定。",
        "operating_pad_ms" => "操作时段前后外延。",
        "window_before_ms" => "开始前此时长内到场视为在场。",
        "window_after_ms" => "结束后此时长内到场视为在场。",
        "door_visible_min_ppm" => "门区可见比例下限。",
        "indeterminate_ignore_ms" => "身份不确定的轨迹短于此时长不计。",
        "ll1_activity_min_ms" => "操作时段最短时长。",
        "ll1_other_op_ms" => "他人操作最短时长。",
        "ll4_op_ms" => "认定为操作者的最短操作时长。",
        "registry_age_max_ms" => "登记信息最长有效期，超过则仅提示更新。",
        "ll5_presence_min_ppm" => "登记主诊在场比例下限。",
        "nl_op_min_ms" => "最短操作时长。",
        "nl_op_share_ppm" => "操作时长占操作时段的最小比例。",
        "nl1_share_invasive_ppm" => "主诊在场比例下限：手术、注射、埋线。",
        "nl1_share_energy_ppm" => "主诊在场比例下限：光电。",
        "nl1_gap_invasive_ms" => "主诊离开计入时长：手术、注射、埋线。",
        "nl1_gap_energy_ms" => "主诊离开计入时长：光电。",
        "nl1_gap_level" => "主诊在场不足时的级别。",
        "nl2_with_lead_level" => "主诊在场时护士、技师操作的级别。",
        "uq_op_ms" => "身份不明者最短操作时长。",
        "uq_window_ms" => "上述操作时长的统计窗口。",
        "uq_long_ms" => "操作达到此时长提高级别。",
        "uq_blocked_count" => "被排除的身份不明事件达到此次数为 L1。",
        "roster_age_max_ms" => "名册最长有效期，超过则不认定陌生人。",
        "hb2_ms" => "镜头遮挡、移位、冻结超过此时长计入。",
        "hb3_ms" => "床位占用且有人操作而无登记超过此时长计入。",
        "hb3_long_ms" => "超过此时长为 L2。",
        "hb4_frames" => "判定呈现攻击的帧数。",
        "hb4_share_ppm" => "攻击帧最小比例。",
        "bed_bridge_ms" => "两次见到受术者间隔不超过此值视为床位持续占用。",
        "bed_seen_min_ms" => "受术者在床达到此时长后，操作自首次至末次计算。",
        "patient_link_ms" => "上床前、下床后此时长内的不明轨迹视为受术者。",
        "presence_bridge_ms" => "两次见到同一人间隔不超过此值视为持续在场。",
        "handover_ms" => "与在册人员交替出现的不明轨迹，此时长内可能为同一人。",
        "session_idle_ms" => "未关闭的诊疗活动无人操作超过此时长视为结束。",
        "session_max_ms" => "未关闭的诊疗活动最长时长。",
        "declined_max_ms" => {
            "就诊者拒绝识别的诊疗活动，自登记开始起最长停止识别的时长；更长的照常判定。"
        }
        "late_fact_ms" => "诊疗活动结束后此时长内仍可因补充信息重新判定。",
        "clock_uncertainty_max_ms" => "时钟不确定度超过此值不作判定。",
        "clock_step_max_ms" => "时钟跳变超过此值不作判定。",
        "p2_wipe_ms" => "非在册人员特征最迟清除时长。",
        "track_gap_ms" => "轨迹可承受的最长遮挡。",
        "track_overlap_ppm" => "与预测框的最小重叠。",
        "patient_dwell_ms" => "初见于床位者停留此时长后视为受术者。",
        "patient_dwell_entered_ms" => "从他处来者在床停留此时长后视为受术者。",
        "patient_dwell_practitioner_ms" => "已核实身份者在床停留此时长后视为受术者。",
        _ => "见英文说明。",
    }
}

#[cfg(test)]
mod tests;
