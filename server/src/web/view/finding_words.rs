//! The words of what boxes and rules say: rules, the parts people play, intervals, figures, and why
//! a rule abstained. Each match is whole: a name without words does not compile. One of a later
//! version is said to be another one, and no raw name reaches a page.

use protocol::names::{AbstentionReason, FigureName, IntervalName, PartName, RuleCode, VerifiedBy};

use super::words::Lang;
use crate::clock::At;
use crate::rules::rule_names;

impl Lang {
    /// A rule by what it finds, its code behind it: papers cite the codes.
    pub(crate) fn rule(self, code: &RuleCode) -> String {
        let (zh, en) = rule_names::of(code);
        match self {
            Self::Zh => format!("{zh}（{code}）"),
            Self::En => format!("{en} ({code})"),
        }
    }

    /// Several rules.
    pub(crate) fn rules<'a>(self, codes: impl IntoIterator<Item = &'a RuleCode>) -> String {
        let said: Vec<String> = codes.into_iter().map(|code| self.rule(code)).collect();
        said.join(self.t("、", ", "))
    }

    /// A rule that abstained, and why.
    pub(crate) fn abstained(self, rule: &RuleCode, reason: &AbstentionReason) -> String {
        format!("{}{}{}", self.rule(rule), self.t("：", ": "), self.unjudged(reason))
    }

    /// Why a session could not be judged, or a rule could not decide in one.
    pub(crate) fn unjudged(self, reason: &AbstentionReason) -> &'static str {
        let (zh, en) = wording::reason(reason);
        self.t(zh, en)
    }

    /// The part that somebody plays in a finding.
    pub(crate) fn part(self, part: &PartName) -> &'static str {
        let (zh, en) = match part {
            PartName::DeclaredLead => ("登记主诊", "declared lead"),
            PartName::Operator => ("实际操作", "operator"),
            PartName::Assistant => ("助手", "assistant"),
            PartName::Lead => ("主诊医师", "lead"),
            PartName::LeadPerhaps => ("或为主诊，无法排除", "possibly the lead"),
            PartName::Present => ("在场", "present"),
            PartName::Anaesthesia => ("麻醉", "anaesthesia"),
            PartName::Other(_) => ("其他角色", "another part"),
        };
        self.t(zh, en)
    }

    /// How a person was verified.
    pub(crate) fn verified(self, by: &VerifiedBy) -> &'static str {
        let (zh, en) = match by {
            VerifiedBy::Face => ("人脸核验", "face"),
            VerifiedBy::CardPinWitness => ("证件+密码+见证", "card + PIN + witness"),
            VerifiedBy::NotSeen => ("未见到", "not seen"),
            VerifiedBy::Other(_) => ("其他方式", "another way"),
        };
        self.t(zh, en)
    }

    /// What lasted from one time to another.
    pub(crate) fn interval(self, what: &IntervalName) -> &'static str {
        let (zh, en) = match what {
            IntervalName::Declared => ("登记时段", "declared"),
            IntervalName::Operating => ("操作时段", "operating time"),
            IntervalName::Operator => ("人员在操作位", "in the operator role"),
            IntervalName::LeadPresent => ("主诊在场", "lead present"),
            IntervalName::LeadPerhaps => ("或为主诊，无法排除", "possibly the lead"),
            IntervalName::LeadGap => ("主诊离开", "lead absent"),
            IntervalName::BedOccupied => ("床位占用", "bed occupied"),
            IntervalName::Beside => ("有人在床旁", "somebody beside the bed"),
            IntervalName::Camera => ("摄像头异常", "camera fault"),
            IntervalName::ZonesChanged => ("区域被更改", "zones changed"),
            IntervalName::Unheard => ("设备失联", "box not heard"),
            IntervalName::NobodySeen => ("无人出现", "nobody seen"),
            IntervalName::SeenAtFirstPlace => ("第一地在场", "at the first place"),
            IntervalName::SeenAtSecondPlace => ("第二地在场", "at the second place"),
            IntervalName::NoPicture => ("无画面", "no picture"),
            IntervalName::Other(_) => ("其他时段", "another interval"),
        };
        self.t(zh, en)
    }

    /// A figure that a rule used.
    pub(crate) fn figure(self, name: &FigureName) -> &'static str {
        use FigureName as Name;
        let (zh, en) = match name {
            Name::OperatingMs => ("操作时段总长", "Operating time"),
            Name::OperatorMs => ("人员在操作位", "In the operator role"),
            Name::OperatorDensestMs => ("最密集时段的操作时长", "Operating in the densest window"),
            Name::OperatorNeededMs => ("认定所需时长", "Time the rule asks for"),
            Name::OtherOperatingMs => ("他人在操作位", "Somebody else operating"),
            Name::AloneWithPatientMs => ("与受术者独处时长", "Alone with the patient"),
            Name::BesideMs => ("在床旁的时长", "Time beside the bed"),
            Name::LeadPresentMs => ("主诊在场时长", "Lead present"),
            Name::LeadPerhapsMs => ("或为主诊的时长", "Time of somebody who may be the lead"),
            Name::LeadPartMs => ("主诊本人部分至少", "The lead's own part, at least"),
            Name::LeadGapMs => ("主诊离开时长", "Lead absent"),
            Name::LeadLeftUnseenFlag => ("主诊离开时未被看到", "Lead left unseen"),
            Name::LeadPerhapsStayedFlag => {
                ("可能为主诊者进入后未见离开", "Perhaps the lead, not seen to leave")
            }
            Name::LeadPerhapsAtDoorFlag => {
                ("门口另有可能为主诊的人员", "Somebody at the door may have been the lead")
            }
            Name::LeadPresentPpm | Name::LeadSharePpm => {
                ("主诊在场比例", "Share with a lead present")
            }
            Name::VisibilityOverAPpm => ("操作时段可见度", "Visibility while operating"),
            Name::VisibilityOverIPpm => ("全时段可见度", "Visibility over the session"),
            Name::DoorVisiblePpm => ("门区可见度", "Door zone visible"),
            Name::RegistryAgeMs => ("登记信息距更新", "Age of the registry's data"),
            Name::ItemLeastMs => ("项目最短合理时长", "Least plausible time of the item"),
            Name::ItemFiledFlag => ("项目已备案", "Item filed"),
            Name::SurgeryGradeCount => ("项目手术级别", "Surgery grade of the item"),
            Name::GradeCeilingCount => ("机构手术级别上限", "Highest grade of the institution"),
            Name::RosterOldFlag => ("名册已过期", "Roster out of date"),
            Name::UnmatchedTracksCount => ("非在册的轨迹", "Tracks of nobody registered"),
            Name::Frames => ("所依据的帧数", "Frames it rests on"),
            Name::SpoofFrames => ("判为照片或面具的帧", "Frames judged an attack"),
            Name::AssessedFrames => ("检测过活体的帧", "Frames assessed for liveness"),
            Name::BlockedSessionsCount => ("未能认定的诊疗活动", "Sessions left undecided"),
            Name::BlockedSessionsNeededCount => ("提示所需次数", "Sessions that raise it"),
            Name::CameraFaults => ("画面异常次数", "Losses of the picture"),
            Name::StrangersNamedCount => {
                ("点名的非本机构人员", "Named, but not of this institution")
            }
            Name::EmergencyFlags => ("急救标记次数", "Emergency flags"),
            Name::ZonesMisfits => ("区域不符次数", "Zones that did not fit"),
            Name::CameraFaultMs => ("摄像头异常总长", "Camera fault, in all"),
            Name::CameraFaultLongestMs => ("摄像头异常最长一次", "Camera fault, the longest"),
            Name::CameraFaultTodayMs => ("摄像头异常当日总长", "Camera fault, this day"),
            Name::LockedAtMs => ("区域锁定时间", "Zones locked at"),
            Name::RoomVersion => ("诊室设置版本", "Version of the room's settings"),
            Name::WindowDays => ("统计天数", "Window, days"),
            Name::RepeatsNeeded => ("升级所需次数", "Repeats that raise it"),
            Name::AssessableSessions => ("可判定诊疗活动", "Assessable sessions"),
            Name::LeadVerifiedSessions => ("核实主诊到场", "Lead verified in"),
            Name::LeadVerifiedPpm => ("核实到场比例", "Share verified"),
            Name::LeadVerifiedMinPpm => ("到场比例下限", "Least share"),
            Name::LooksAtFirstPlace => ("第一地识别次数", "Looks at the first place"),
            Name::LooksAtSecondPlace => ("第二地识别次数", "Looks at the second place"),
            Name::OverlapMs => ("同时在场", "Overlap"),
            Name::BetweenMs => ("两地间隔", "Time between"),
            Name::ClockUncertaintyMs => ("时钟不确定度", "Clock uncertainty"),
            Name::DistanceM => ("距离（米）", "Distance, m"),
            Name::SpeedKmh => ("折合时速（公里）", "Speed, km/h"),
            Name::SpeedMaxKmh => ("时速上限（公里）", "Greatest speed, km/h"),
            Name::SilentSessions => ("无人诊疗活动", "Silent sessions"),
            Name::EmptyDays => ("无人营业日", "Empty open days"),
            Name::EmptyDaysNeeded => ("所需天数", "Days the rule asks for"),
            Name::CameraLivePpm => ("摄像头正常比例", "Camera live"),
            Name::UndeclaredProcedures => ("未登记诊疗次数", "Undeclared procedures"),
            Name::UnheardMs => ("失联时长", "Not heard for"),
            Name::UnheardMaxMs => ("允许失联时长", "Allowed silence"),
            Name::Outages => ("失联次数", "Outages"),
            Name::DeclaredSessions => ("登记诊疗活动", "Declared sessions"),
            Name::NotAssessableSessions => ("不可判定", "Not assessable"),
            Name::NotAssessablePpm => ("不可判定比例", "Share not assessable"),
            Name::NotAssessableMaxPpm => ("允许比例", "Allowed share"),
            Name::Breaks => ("重新开始次数", "Restarts of the chain"),
            Name::Seq => ("记录链序号", "Sequence in the chain"),
            Name::MissingMessages => ("缺失的消息", "Missing messages"),
            Name::Undelivered => ("未送达的记录", "Messages not delivered"),
            Name::PeriodsRunning => ("连续期数", "Periods in a row"),
            Name::EmergencyFlag => ("已标记急救", "Emergency flag"),
            Name::Other(_) => ("其他数据", "Another figure"),
        };
        self.t(zh, en)
    }

    /// A figure in the unit that its name ends in.
    pub(crate) fn figure_value(self, name: &str, value: i64) -> String {
        if name.ends_with("_at_ms") {
            let at = jiff::Timestamp::from_millisecond(value).map(At::from);
            return at.map_or_else(|_| value.to_string(), |at| super::times::local(&at));
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
    use super::*;

    #[test]
    fn a_rule_is_said_with_its_code() {
        assert_eq!(Lang::Zh.rule(&RuleCode::Hb3), "未登记的诊疗（HB-3）");
        assert_eq!(Lang::En.rule(&RuleCode::Hb3), "undeclared procedure (HB-3)");
    }

    #[test]
    fn an_unknown_name_is_never_shown_raw() {
        let raw = "not_known_ms";
        for l in [Lang::Zh, Lang::En] {
            let told = [
                l.part(&raw.into()),
                l.verified(&raw.into()),
                l.interval(&raw.into()),
                l.figure(&raw.into()),
                l.unjudged(&raw.into()),
            ];
            assert!(told.iter().all(|t| !t.contains('_')), "{told:?}");
        }
        assert_eq!(Lang::Zh.figure_value("item_filed_flag", 0), "否");
        assert_eq!(Lang::Zh.figure_value("lead_gap_ms", 740_000), "12 分 20 秒");
    }

    /// Two names with the same words would be one figure to whoever reads them.
    #[test]
    fn no_two_figures_share_their_words() {
        let mut said = std::collections::BTreeMap::<_, Vec<_>>::new();
        for name in FigureName::KNOWN {
            said.entry(Lang::Zh.figure(name)).or_default().push(name.as_str());
        }
        let shared: Vec<_> = said.values().filter(|names| names.len() > 1).collect();
        // One share under the name of the box and under that of its earlier version.
        assert_eq!(shared, [&["lead_present_ppm", "lead_share_ppm"]]);
    }
}
