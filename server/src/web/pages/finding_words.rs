//! The words of what boxes and rules say: rules, the parts people play, intervals, figures, and why
//! a rule abstained. Wire words are open to the future: one without words is said to be another one,
//! and no raw name reaches a page.

use super::words::Lang;
use crate::rules::rule_names;
use crate::rules::words::{reason_en, reason_zh};

/// Code, zh, en.
type Words = (&'static str, &'static str, &'static str);

/// The parts that people play in a finding.
const PARTS: &[Words] = &[
    ("declared_lead", "登记主诊", "declared lead"),
    ("operator", "实际操作", "operator"),
    ("assistant", "助手", "assistant"),
    ("lead", "主诊医师", "lead"),
    ("lead_perhaps", "或为主诊，无法排除", "possibly the lead"),
    ("present", "在场", "present"),
    ("anaesthesia", "麻醉", "anaesthesia"),
];

/// How a person was verified.
const METHODS: &[Words] = &[
    ("face", "人脸核验", "face"),
    ("card_pin_witness", "证件+密码+见证", "card + PIN + witness"),
    ("not_seen", "未见到", "not seen"),
];

/// What lasted from one time to another.
const INTERVALS: &[Words] = &[
    ("declared", "登记时段", "declared"),
    ("operating", "操作时段", "operating time"),
    ("operator", "人员在操作位", "in the operator role"),
    ("lead_present", "主诊在场", "lead present"),
    ("lead_perhaps", "或为主诊，无法排除", "possibly the lead"),
    ("lead_gap", "主诊离开", "lead absent"),
    ("bed_occupied", "床位占用", "bed occupied"),
    ("beside", "有人在床旁", "somebody beside the bed"),
    ("camera", "摄像头异常", "camera fault"),
    ("zones_changed", "区域被更改", "zones changed"),
    ("unheard", "设备失联", "box not heard"),
    ("nobody_seen", "无人出现", "nobody seen"),
    ("seen_at_first_place", "第一地在场", "at the first place"),
    ("seen_at_second_place", "第二地在场", "at the second place"),
];

/// The figures that rules use; the unit stands last in the name.
const FIGURES: &[Words] = &[
    ("operating_ms", "操作时段总长", "Operating time"),
    ("operator_ms", "人员在操作位", "In the operator role"),
    ("operator_densest_ms", "最密集时段的操作时长", "Operating in the densest window"),
    ("operator_needed_ms", "认定所需时长", "Time the rule asks for"),
    ("other_operating_ms", "他人在操作位", "Somebody else operating"),
    ("alone_with_patient_ms", "与受术者独处时长", "Alone with the patient"),
    ("beside_ms", "在床旁的时长", "Time beside the bed"),
    ("lead_present_ms", "主诊在场时长", "Lead present"),
    ("lead_perhaps_ms", "或为主诊的时长", "Time of somebody who may be the lead"),
    ("lead_part_ms", "主诊本人部分至少", "The lead's own part, at least"),
    ("lead_gap_ms", "主诊离开时长", "Lead absent"),
    ("lead_left_unseen_flag", "主诊离开时未被看到", "Lead left unseen"),
    (
        "lead_perhaps_stayed_flag",
        "可能为主诊者进入后未见离开",
        "Perhaps the lead, not seen to leave",
    ),
    (
        "lead_perhaps_at_door_flag",
        "门口另有可能为主诊的人员",
        "Somebody at the door may have been the lead",
    ),
    ("lead_present_ppm", "主诊在场比例", "Share with a lead present"),
    ("lead_share_ppm", "主诊在场比例", "Share with a lead present"),
    ("visibility_over_a_ppm", "操作时段可见度", "Visibility while operating"),
    ("visibility_over_i_ppm", "全时段可见度", "Visibility over the session"),
    ("door_visible_ppm", "门区可见度", "Door zone visible"),
    ("registry_age_ms", "登记信息距更新", "Age of the registry's data"),
    ("item_least_ms", "项目最短合理时长", "Least plausible time of the item"),
    ("item_filed_flag", "项目已备案", "Item filed"),
    ("surgery_grade_count", "项目手术级别", "Surgery grade of the item"),
    ("grade_ceiling_count", "机构手术级别上限", "Highest grade of the institution"),
    ("roster_old_flag", "名册已过期", "Roster out of date"),
    ("unmatched_tracks_count", "非在册的轨迹", "Tracks of nobody registered"),
    ("frames", "所依据的帧数", "Frames it rests on"),
    ("spoof_frames", "判为照片或面具的帧", "Frames judged an attack"),
    ("assessed_frames", "检测过活体的帧", "Frames assessed for liveness"),
    ("blocked_sessions_count", "未能认定的诊疗活动", "Sessions left undecided"),
    ("blocked_sessions_needed_count", "提示所需次数", "Sessions that raise it"),
    ("camera_faults", "画面异常次数", "Losses of the picture"),
    ("strangers_named_count", "点名的非本机构人员", "Named, but not of this institution"),
    ("emergency_flags", "急救标记次数", "Emergency flags"),
    ("zones_misfits", "区域不符次数", "Zones that did not fit"),
    ("camera_fault_ms", "摄像头异常总长", "Camera fault, in all"),
    ("camera_fault_longest_ms", "摄像头异常最长一次", "Camera fault, the longest"),
    ("camera_fault_today_ms", "摄像头异常当日总长", "Camera fault, this day"),
    ("locked_at_ms", "区域锁定时间", "Zones locked at"),
    ("room_version", "诊室设置版本", "Version of the room's settings"),
    ("window_days", "统计天数", "Window, days"),
    ("repeats_needed", "升级所需次数", "Repeats that raise it"),
    ("assessable_sessions", "可判定诊疗活动", "Assessable sessions"),
    ("lead_verified_sessions", "核实主诊到场", "Lead verified in"),
    ("lead_verified_ppm", "核实到场比例", "Share verified"),
    ("lead_verified_min_ppm", "到场比例下限", "Least share"),
    ("looks_at_first_place", "第一地识别次数", "Looks at the first place"),
    ("looks_at_second_place", "第二地识别次数", "Looks at the second place"),
    ("overlap_ms", "同时在场", "Overlap"),
    ("between_ms", "两地间隔", "Time between"),
    ("clock_uncertainty_ms", "时钟不确定度", "Clock uncertainty"),
    ("distance_m", "距离（米）", "Distance, m"),
    ("speed_kmh", "折合时速（公里）", "Speed, km/h"),
    ("speed_max_kmh", "时速上限（公里）", "Greatest speed, km/h"),
    ("silent_sessions", "无人诊疗活动", "Silent sessions"),
    ("empty_days", "无人营业日", "Empty open days"),
    ("empty_days_needed", "所需天数", "Days the rule asks for"),
    ("camera_live_ppm", "摄像头正常比例", "Camera live"),
    ("undeclared_procedures", "未登记诊疗次数", "Undeclared procedures"),
    ("unheard_ms", "失联时长", "Not heard for"),
    ("unheard_max_ms", "允许失联时长", "Allowed silence"),
    ("outages", "失联次数", "Outages"),
    ("declared_sessions", "登记诊疗活动", "Declared sessions"),
    ("not_assessable_sessions", "不可判定", "Not assessable"),
    ("not_assessable_ppm", "不可判定比例", "Share not assessable"),
    ("not_assessable_max_ppm", "允许比例", "Allowed share"),
    ("breaks", "重新开始次数", "Restarts of the chain"),
    ("seq", "记录链序号", "Sequence in the chain"),
    ("missing_messages", "缺失的消息", "Missing messages"),
    ("undelivered", "未送达的记录", "Messages not delivered"),
    ("periods_running", "连续期数", "Periods in a row"),
];

fn words(l: Lang, list: &'static [Words], code: &str) -> Option<&'static str> {
    list.iter().find(|w| w.0 == code).map(|w| l.t(w.1, w.2))
}

impl Lang {
    /// A rule by what it finds, its code behind it: papers cite the codes.
    pub(crate) fn rule(self, code: &str) -> String {
        let (zh, en) = rule_names::of(code);
        self.behind(self.t(zh, en), code)
    }

    fn behind(self, words: &str, code: &str) -> String {
        match self {
            Self::Zh => format!("{words}（{code}）"),
            Self::En => format!("{words} ({code})"),
        }
    }

    /// Several rules.
    pub(crate) fn rules<'a>(self, codes: impl IntoIterator<Item = &'a str>) -> String {
        let said: Vec<String> = codes.into_iter().map(|code| self.rule(code)).collect();
        said.join(self.t("、", ", "))
    }

    /// A rule that abstained, and why: `LL-1 door` as the figures count it.
    pub(crate) fn abstained(self, rule: &str, reason: &str) -> String {
        format!("{}{}{}", self.rule(rule), self.t("：", ": "), self.unjudged(reason))
    }

    /// Why a session could not be judged, or a rule could not decide in one.
    pub(crate) fn unjudged(self, reason: &str) -> &'static str {
        self.t(reason_zh(reason), reason_en(reason))
    }

    pub(crate) fn part(self, part: &str) -> String {
        let other = self.t("其他角色", "another part");
        words(self, PARTS, part).unwrap_or(other).to_owned()
    }

    pub(crate) fn verified(self, by: &str) -> String {
        let other = self.t("其他方式", "another way");
        words(self, METHODS, by).unwrap_or(other).to_owned()
    }

    pub(crate) fn interval(self, what: &str) -> String {
        let other = self.t("其他时段", "another interval");
        words(self, INTERVALS, what).unwrap_or(other).to_owned()
    }

    pub(crate) fn figure(self, name: &str) -> &'static str {
        words(self, FIGURES, name).unwrap_or(self.t("其他数据", "Another figure"))
    }

    /// A figure in the unit that its name ends in.
    pub(crate) fn figure_value(self, name: &str, value: i64) -> String {
        if name.ends_with("_at_ms") {
            let at = jiff::Timestamp::from_millisecond(value).map(crate::clock::text);
            return at.map_or_else(|_| value.to_string(), |at| super::frame::local(&at));
        }
        if name.ends_with("_ppm") {
            return format!("{}.{} %", value / 10_000, (value / 1000).rem_euclid(10));
        }
        if name.ends_with("_ms") {
            return self.duration(value);
        }
        if name.ends_with("_flag") {
            return if value == 0 { self.t("否", "no") } else { self.t("是", "yes") }.to_owned();
        }
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// Every name that stands behind one of these calls in the sources that make findings.
    fn names_behind(calls: &[&str]) -> BTreeSet<String> {
        let server = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        for part in
            ["../crates/presence/src", "core/src/rules", "core/src/ingest", "core/src/self_check"]
        {
            sources(&server.join(part), &mut files);
        }
        let mut names = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in calls {
                for behind in text.split(call).skip(1) {
                    let name = behind.split('"').next().unwrap_or_default();
                    if !name.contains(['{', ' ', '`']) {
                        names.insert(name.to_owned());
                    }
                }
            }
        }
        names
    }

    fn unworded(names: &BTreeSet<String>, list: &'static [Words]) -> Vec<String> {
        names.iter().filter(|n| words(Lang::Zh, list, n).is_none()).cloned().collect()
    }

    #[test]
    fn every_figure_that_a_rule_makes_has_words() {
        let made = names_behind(&[".figure(\"", " count(\"", "![count(\"", "one(\""]);
        assert!(made.len() > 50 && made.contains("lead_gap_ms"), "{made:?}");
        assert_eq!(unworded(&made, FIGURES), Vec::<String>::new());
    }

    #[test]
    fn every_interval_that_a_rule_makes_has_words() {
        let made = names_behind(&[".span(\"", "words::span(\"", "interval(\""]);
        assert!(made.len() > 8 && made.contains("zones_changed"), "{made:?}");
        assert_eq!(unworded(&made, INTERVALS), Vec::<String>::new());
    }

    #[test]
    fn every_rule_of_box_and_server_has_words() {
        let made = names_behind(&["=> \"", "rule: \""]);
        let code = |n: &&String| {
            n.contains('-')
                && n.bytes().all(|b| b"-0123456789".contains(&b) || b.is_ascii_uppercase())
        };
        let codes: BTreeSet<String> = made.iter().filter(code).cloned().collect();
        assert!(codes.contains("HB-6") && codes.contains("SI-1"), "{codes:?}");
        assert!(codes.contains("LL-2") && codes.contains("CHAIN-GAP"), "{codes:?}");
        let unworded: Vec<&String> =
            codes.iter().filter(|code| rule_names::of(code) == rule_names::OTHER).collect();
        assert!(unworded.is_empty(), "{unworded:?}");
        assert_eq!(Lang::Zh.rule("HB-3"), "未登记的诊疗（HB-3）");
        assert_eq!(Lang::En.rule("HB-3"), "undeclared procedure (HB-3)");
    }

    #[test]
    fn an_unknown_name_is_never_shown_raw() {
        for l in [Lang::Zh, Lang::En] {
            let raw = "not_known_ms";
            let told = [l.part(raw), l.verified(raw), l.interval(raw)];
            assert!(told.iter().all(|t| !t.contains('_')), "{told:?}");
            assert!(!l.figure(raw).contains('_') && !l.unjudged(raw).contains('_'));
        }
        assert_eq!(Lang::Zh.figure_value("item_filed_flag", 0), "否");
        assert_eq!(Lang::Zh.figure_value("lead_gap_ms", 740_000), "12 分 20 秒");
    }

    #[test]
    fn every_reason_of_the_core_has_words() {
        for reason in ["operator", "absence", "door", "roster", "declined", "no_activity"] {
            assert_ne!(Lang::Zh.unjudged(reason), "其他原因", "{reason}");
        }
    }
}
