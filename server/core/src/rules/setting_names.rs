//! What people call each setting of the policy, in both languages; its key stands small beside it.
//!
//! The box's settings are defined by its core and the server's in [`super::settings`]: a test holds
//! that each has a name here, and that no two have the same.

/// Key, zh, en.
const NAMES: &[(&str, &str, &str)] = &[
    ("evaluation_step_ms", "判定节拍", "Evaluation step"),
    ("observation_gap_ms", "连续可见的最大间隔", "Longest gap within a sighting"),
    ("liveness_waived", "豁免活体检测", "Liveness waived"),
    ("match_frames", "认定身份的帧数", "Frames that identify"),
    ("match_spacing_ms", "认定身份的帧间隔", "Spacing of frames that identify"),
    ("unmatched_frames", "认定非在册的帧数", "Frames that make a stranger"),
    ("unmatched_span_ms", "认定非在册的时间跨度", "Span of frames that make a stranger"),
    ("match_share_ppm", "认定身份的帧比例", "Share of frames that identify"),
    ("reverify_ms", "身份复核期限", "Identity holds for"),
    ("break_ms", "轨迹中断后重新核实", "Break that asks for a new look"),
    ("visibility_min_ppm", "画面可见度下限", "Least visibility"),
    ("operating_pad_ms", "操作时段的外延", "Margin of the operating time"),
    ("window_before_ms", "开始前的到场宽限", "Allowance before the start"),
    ("window_after_ms", "结束后的到场宽限", "Allowance after the end"),
    ("door_visible_min_ppm", "门区可见比例下限", "Least visibility of the door"),
    ("op_bridge_ms", "操作位的连续判定间隔", "Bridge of the operator's place"),
    ("indeterminate_ignore_ms", "忽略的短暂未定轨迹", "Undecided tracks ignored up to"),
    ("exclusion_gap_ms", "反证的分段时长", "Stretch over which evidence is summed"),
    ("evidence_out_mnat", "排除某人的反证强度", "Evidence that excludes a person"),
    ("evidence_open_mnat", "可称缺席的反证下限", "Evidence below which nobody is absent"),
    ("evidence_named_mnat", "指向某人的正证强度", "Evidence that names a person"),
    ("join_gap_ms", "同处重现的最大间隔", "Longest gap of one person reappearing"),
    ("join_alike_ppm", "视为同一人的相似度", "Likeness of one person"),
    ("ll1_activity_min_ms", "主诊未到场：最短操作时段", "Lead absent: least operating time"),
    ("ll1_other_op_ms", "主诊未到场：他人最短操作", "Lead absent: least time of another"),
    ("ll4_op_ms", "注册状态：最短操作时长", "Registration: least operating"),
    ("registry_age_max_ms", "登记信息最长有效期", "Registry data valid for"),
    ("ll5_presence_min_ppm", "在场过短：比例下限", "Lead too brief: least share"),
    ("ll5_short_level", "在场过短：级别", "Lead too brief: severity"),
    ("lead_part_surgery_ppm", "主诊本人部分：手术、埋线", "Lead's own part: surgery, thread"),
    ("lead_part_energy_ms", "主诊本人部分：光电", "Lead's own part: energy device"),
    ("lead_part_injection_ms", "主诊本人部分：注射", "Lead's own part: injection"),
    ("lead_part_other_ms", "主诊本人部分：其他", "Lead's own part: other items"),
    ("nl_op_min_ms", "非主诊操作：最短时长", "Without a lead: least operating"),
    ("nl_op_share_ppm", "非主诊操作：最小比例", "Without a lead: least share"),
    ("nl1_share_invasive_ppm", "主诊在场比例：手术、注射、埋线", "Lead's share: invasive items"),
    ("nl1_share_energy_ppm", "主诊在场比例：光电", "Lead's share: energy device"),
    ("nl1_gap_invasive_ms", "主诊离开：手术、注射、埋线", "Lead's gap: invasive items"),
    ("nl1_gap_energy_ms", "主诊离开：光电", "Lead's gap: energy device"),
    ("nl1_gap_level", "主诊在场不足：级别", "Lead there too little: severity"),
    ("nl1_short_gap_ms", "主诊短暂离开：计入时长", "Lead's short gaps: counted from"),
    ("nl1_short_gaps_ppm", "主诊短暂离开：累计比例", "Lead's short gaps: share in all"),
    ("nl2_share_ppm", "护士、技师：主诊在场比例", "Nurse, technician: lead's share"),
    (
        "nl2_with_lead_level",
        "护士、技师：主诊在场时级别",
        "Nurse, technician: severity with a lead",
    ),
    ("uq_op_ms", "身份不明者：最短操作", "Unidentified: least operating"),
    ("uq_window_ms", "身份不明者：统计窗口", "Unidentified: window"),
    ("uq_total_ms", "不应操作者：累计操作", "Operating in all: who may not"),
    ("uq_long_ms", "身份不明者：提高级别的时长", "Unidentified: time that raises it"),
    ("uq_blocked_count", "身份不明者：提示的次数", "Unidentified: blocked events that tell"),
    ("roster_age_max_ms", "名册最长有效期", "Roster valid for"),
    ("hb2_ms", "镜头受扰：计入时长", "Camera disturbed: counted from"),
    ("hb2_session_ms", "诊疗中无画面：一次时长", "No picture in a session: at once"),
    ("hb2_session_sum_ms", "诊疗中无画面：累计时长", "No picture in a session: in all"),
    ("hb3_ms", "未登记诊疗：计入时长", "Undeclared procedure: counted from"),
    ("hb3_long_ms", "未登记诊疗：提高级别的时长", "Undeclared procedure: time that raises it"),
    ("hb4_frames", "照片或面具：帧数", "Presentation attack: frames"),
    ("hb4_share_ppm", "照片或面具：帧比例", "Presentation attack: share of frames"),
    ("hb7_ms", "区域不符：计入时长", "Zones that do not fit: counted from"),
    ("emergency_ms", "急诊标记的有效时长", "Emergency flag holds for"),
    ("pieces_gap_ms", "合并计算的诊疗间隔", "Sessions added up within"),
    ("bed_bridge_ms", "床位占用的连续判定间隔", "Bridge of an occupied bed"),
    ("bed_seen_min_ms", "受术者在床：起算时长", "Patient on the bed: least time"),
    ("patient_link_ms", "上下床前后视为受术者", "Tracks around the bed that are the patient"),
    ("presence_bridge_ms", "在场的连续判定间隔", "Bridge of a presence"),
    ("handover_ms", "交替出现的间隔", "Gap of two who take turns"),
    ("session_idle_ms", "未关闭诊疗：无人操作即结束", "Unclosed session: ends when idle for"),
    ("session_max_ms", "未关闭诊疗：最长时长", "Unclosed session: ends at the latest"),
    ("declined_max_ms", "拒绝识别：最长停止识别", "Declined session: longest without a look"),
    ("late_fact_ms", "补充信息的期限", "Late facts taken for"),
    ("clock_uncertainty_max_ms", "时钟不确定度上限", "Greatest clock uncertainty"),
    ("clock_step_max_ms", "时钟跳变上限", "Greatest step of the clock"),
    ("p2_wipe_ms", "非在册特征的清除时限", "Strangers' features wiped after"),
    ("track_gap_ms", "轨迹最长遮挡", "Longest occlusion of a track"),
    ("track_overlap_ppm", "轨迹最小重叠", "Least overlap of a track"),
    ("patient_dwell_ms", "认定受术者：初见于床位", "Patient: first seen on the bed"),
    ("patient_dwell_entered_ms", "认定受术者：从他处来", "Patient: came from elsewhere"),
    ("patient_dwell_practitioner_ms", "认定受术者：已核实身份者", "Patient: a recognised person"),
    ("ll2_days", "极少到场：统计天数", "Lead hardly there: window"),
    ("ll2_sessions_min", "极少到场：最少诊疗次数", "Lead hardly there: least sessions"),
    ("ll2_share_ppm", "极少到场：到场比例下限", "Lead hardly there: least share"),
    ("ll2_never_min", "从未到场：次数", "Lead never there: sessions"),
    ("ll2_idle_level", "在册而未见：级别", "Registered and unseen: severity"),
    ("ll3_same_place_m", "两地：距离扣除", "Two places: taken off the distance"),
    ("ll3_near_m", "两地：近程上限", "Two places: near up to"),
    ("ll3_far_m", "两地：中程上限", "Two places: middle distance up to"),
    ("ll3_near_kmh", "两地：近程时速上限", "Two places: greatest speed, near"),
    ("ll3_mid_kmh", "两地：中程时速上限", "Two places: greatest speed, middle"),
    ("ll3_far_kmh", "两地：远程时速上限", "Two places: greatest speed, far"),
    ("ll3_overlap_ms", "两地：同时在场时长", "Two places: overlap"),
    ("ll3_days", "两地：比对天数", "Two places: days compared"),
    ("hb1_visible_min_ppm", "诊室无人：可见度下限", "Nobody seen: least visibility"),
    ("hb1_days", "诊室无人：统计天数", "Nobody seen: window"),
    ("hb1_repeats", "诊室无人：升级次数", "Nobody seen: repeats that raise it"),
    ("hb1_empty_days", "诊室无人：连续营业日", "Nobody seen: open days in a row"),
    ("hb2_outage_ms", "设备失联：允许时长", "Box unheard: allowed for"),
    ("hb2_days", "设备失联：统计天数", "Box unheard: window"),
    ("hb2_repeats", "设备失联：升级次数", "Box unheard: repeats that raise it"),
    ("hb3_days", "未登记诊疗：统计天数", "Undeclared procedures: window"),
    ("hb7_days", "区域不符：统计天数", "Zones that do not fit: window"),
    ("hb7_repeats", "区域不符：升级次数", "Zones that do not fit: repeats that raise it"),
    ("hb8_days", "急救标记：统计天数", "Emergency flags: window"),
    ("hb8_repeats", "急救标记：升级次数", "Emergency flags: repeats that raise it"),
    ("hb3_repeats", "未登记诊疗：升级次数", "Undeclared procedures: repeats that raise it"),
    ("hb5_days", "未能判定：统计天数", "Not judged: window"),
    ("hb5_sessions_min", "未能判定：最少诊疗次数", "Not judged: least sessions"),
    ("hb5_share_ppm", "未能判定：允许比例", "Not judged: allowed share"),
    ("hb5_cure_days", "未能判定：整改天数", "Not judged: days to mend it"),
    ("hb5_settle_ms", "未能判定：等待设备报告", "Not judged: wait for the box"),
    ("publication_wait_days", "设置地点公布等待", "Wait after the place is public"),
    ("publish_persons_level", "公示自然人", "Natural persons published"),
    ("consent_renewal_yyyymmdd", "旧版同意书停用日", "Earlier consent texts end on"),
    ("late_declared_ms", "迟报的界限", "Declared late after"),
    ("never_closed_ms", "未关闭的界限", "Never closed after"),
    ("due_l1_h", "L1 处理时限", "L1 due in"),
    ("due_l2_h", "L2 处理时限", "L2 due in"),
    ("due_l3_h", "L3 处理时限", "L3 due in"),
    ("budget_finding_per_day", "每日线索报文条数", "Findings a day"),
    ("budget_finding_kib_per_day", "每日线索报文总量", "Findings a day, size"),
    ("budget_presence_per_day", "每日在场记录条数", "Presences a day"),
    ("budget_presence_kib_per_day", "每日在场记录总量", "Presences a day, size"),
    ("budget_health_per_day", "每日心跳条数", "Heartbeats a day"),
    ("budget_health_kib_per_day", "每日心跳总量", "Heartbeats a day, size"),
    ("budget_other_per_day", "每日应答与声明条数", "Answers a day"),
    ("budget_other_kib_per_day", "每日应答与声明总量", "Answers a day, size"),
    ("open_alerts_per_box", "每台设备未结线索", "Open leads of a box"),
];

/// The name of a setting, zh and en; its key where it has none.
pub fn of(key: &str) -> (&str, &str) {
    NAMES.iter().find(|n| n.0 == key).map_or((key, key), |n| (n.1, n.2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_setting_has_one_name_in_both_languages() {
        let (mut zh, mut en) = (BTreeSet::new(), BTreeSet::new());
        for setting in crate::rules::settings::all() {
            let name = of(setting.name);
            assert_ne!(name, (setting.name, setting.name), "no name");
            assert!(zh.insert(name.0) && en.insert(name.1), "{name:?} twice");
        }
        assert_eq!(zh.len(), NAMES.len(), "a name of no setting");
    }
}
