//! The words of the pages: zh-CN first, English beside it, in one place for each thing.
//!
//! An alert is always a lead 线索, worded 疑似…; nothing here says that a law was broken.

use crate::access::Role;
use crate::alert::{ClinicState, Reason, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Lang {
    #[default]
    Zh,
    En,
}

impl Lang {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Chinese and English side by side where they are used, so that neither can be forgotten.
    pub(crate) fn t<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The other language, for the toggle.
    pub(crate) fn other(self) -> &'static str {
        match self {
            Self::Zh => "en",
            Self::En => "zh",
        }
    }

    pub(crate) fn role(self, role: Role) -> &'static str {
        match role {
            Role::Admin => self.t("系统管理员", "Administrator"),
            Role::Supervisor => self.t("卫生监督员", "Supervisor"),
            Role::Reviewer => self.t("核查员", "Reviewer"),
            Role::Clinic => self.t("机构", "Clinic"),
            Role::Integrator => self.t("集成方", "Integrator"),
            Role::Auditor => self.t("审计员", "Auditor"),
            Role::Partner => self.t("协同单位", "Partner agency"),
            Role::Public => self.t("未登录", "Nobody"),
        }
    }

    pub(crate) fn kind(self, kind: &str) -> String {
        let (zh, en) = match kind {
            "LicenseLending" => ("疑似挂证", "Suspected licence lending"),
            "NonLeadOperating" => ("疑似非主诊医师独立执业", "Suspected non-lead operating"),
            "UnlicensedOperator" => ("疑似非卫技人员诊疗", "Suspected unlicensed operator"),
            "Integrity" => ("数据完整性", "Integrity"),
            "RecordMismatch" => ("登记不符", "Record mismatch"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn severity(self, severity: u8) -> &'static str {
        match severity {
            3 => self.t("紧急", "Urgent"),
            2 => self.t("待核查", "To review"),
            1 => self.t("自查整改", "Self-correct"),
            _ => self.t("记录", "Log"),
        }
    }

    pub(crate) fn state(self, state: State) -> &'static str {
        match state {
            State::Raised => self.t("新线索", "New"),
            State::Review1 => self.t("初审中", "First review"),
            State::Review2 => self.t("复审中", "Second review"),
            State::Dismissed => self.t("已排除", "Dismissed"),
            State::Lead => self.t("线索成立", "Lead upheld"),
            State::OnSite => self.t("现场核查", "On site"),
            State::Unfounded => self.t("查无实据", "Unfounded"),
            State::Case => self.t("已立案", "Case opened"),
            State::Closed => self.t("已办结", "Closed"),
        }
    }

    pub(crate) fn clinic_state(self, state: ClinicState) -> &'static str {
        match state {
            ClinicState::Open => self.t("待说明", "Open"),
            ClinicState::Answered => self.t("已说明", "Answered"),
            ClinicState::Closed => self.t("已办结", "Closed"),
        }
    }

    pub(crate) fn reason(self, reason: Reason) -> &'static str {
        match reason {
            Reason::WrongIdentity => self.t("身份识别有误", "Wrong identity"),
            Reason::WrongRole => self.t("角色判断有误", "Wrong role"),
            Reason::RecordOutdated => self.t("备案或登记未更新", "Record outdated"),
            Reason::DeclarationError => self.t("诊疗登记有误", "Declaration error"),
            Reason::Emergency => self.t("急救情形", "Emergency"),
            Reason::DeviceFault => self.t("设备或场景问题", "Device or scene fault"),
            Reason::Withdrawn => self.t("设备已撤回", "Withdrawn by the box"),
            Reason::Other => self.t("其他", "Other"),
        }
    }

    pub(crate) fn step(self, step: &str) -> String {
        let (zh, en) = match step {
            "take" => ("受理", "taken"),
            "uphold" => ("认为成立", "upheld"),
            "dismiss" => ("认为应排除", "for dismissal"),
            "go_on_site" => ("转现场核查", "sent on site"),
            "found" => ("立案", "case opened"),
            "nothing_found" => ("查无实据", "nothing found"),
            "close" => ("办结", "closed"),
            "corrected" => ("整改经设备记录核验", "mended, as the records say"),
            "answer" => ("机构说明", "clinic's answer"),
            "comment" => ("备注", "comment"),
            "assign" => ("指派", "assigned"),
            "undo" => ("撤销上一步", "took the last step back"),
            "attach" => ("添加附件", "attached a file"),
            "evidence_requested" => ("申请打开封存画面", "asked for sealed pictures"),
            "evidence_approved" => ("批准打开封存画面", "approved their opening"),
            "evidence_refused" => ("拒绝打开封存画面", "refused their opening"),
            "evidence_declined" => ("设备未执行放行令", "the box declined the order"),
            "evidence_delivered" => ("封存画面已送达", "sealed pictures delivered"),
            "evidence_lost" => ("设备已无该画面", "pictures lost on the box"),
            "evidence_gone" => ("应保全画面已不在设备上", "held pictures are gone from the box"),
            "evidence_opened" => ("查看封存画面", "sealed pictures opened"),
            "evidence_expired" => ("画面查看到期", "their time ran out"),
            "evidence_destroyed" => ("画面已销毁", "pictures destroyed"),
            "same_person_yes" => ("比对：是同一人", "compared: the same person"),
            "same_person_no" => ("比对：不是同一人", "compared: another person"),
            "same_person_cannot_tell" => ("比对：无法判断", "compared: cannot tell"),
            "withdrawn" => ("设备撤回", "withdrawn by the box"),
            "opened" => ("设备上报", "raised by the box"),
            "strengthened" => ("情节加重", "strengthened"),
            "closed" => ("情形结束", "ended"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    /// A step of a finding: by the box, or by the server's own rules.
    pub(crate) fn finding_step(self, step: &str, own: bool) -> String {
        let (zh, en) = match (step, own) {
            ("opened", false) => ("设备上报", "raised by the box"),
            ("opened", true) => ("服务器跨日规则产生", "raised by a rule across days"),
            ("strengthened", _) => ("情节加重", "strengthened"),
            ("closed", _) => ("情形结束", "closed"),
            ("withdrawn", _) => ("因后续事实撤回", "withdrawn after later facts"),
            (other, _) => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn part(self, part: &str) -> String {
        let (zh, en) = match part {
            "declared_lead" => ("登记主诊", "declared lead"),
            "operator" => ("实际操作", "operator"),
            "assistant" => ("助手", "assistant"),
            "lead" => ("主诊医师", "lead"),
            "lead_perhaps" => ("或为主诊，无法排除", "possibly the lead"),
            "present" => ("在场", "present"),
            "anaesthesia" => ("麻醉", "anaesthesia"),
            other => return other.replace('_', " "),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn verified(self, by: &str) -> String {
        let (zh, en) = match by {
            "face" => ("人脸核验", "face"),
            "card_pin_witness" => ("证件+密码+见证", "card + PIN + witness"),
            "not_seen" => ("未见到", "not seen"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn category(self, name: &str) -> String {
        let (zh, en) = match name {
            "licensed_physician" => ("执业医师", "Licensed physician"),
            "assistant_physician" => ("执业助理医师", "Assistant physician"),
            "nurse" => ("护士", "Nurse"),
            "pharmacist" => ("药师", "Pharmacist"),
            "technician" => ("技师", "Technician"),
            "trainee" => ("实习/进修/规培", "Trainee"),
            "non_clinical" => ("非卫技人员", "Non-clinical"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn registration(self, name: &str) -> String {
        let (zh, en) = match name {
            "valid" => ("有效", "Valid"),
            "expired" => ("已过期", "Expired"),
            "suspended" => ("暂停执业", "Suspended"),
            "cancelled" => ("已注销", "Cancelled"),
            "revoked" => ("已吊销", "Revoked"),
            "pending" => ("办理中", "Pending"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn specialty(self, name: &str) -> String {
        let (zh, en) = match name {
            "cosmetic_surgery" => ("美容外科", "Cosmetic surgery"),
            "cosmetic_dentistry" => ("美容牙科", "Cosmetic dentistry"),
            "cosmetic_dermatology" => ("美容皮肤科", "Cosmetic dermatology"),
            "cosmetic_tcm" => ("美容中医科", "Cosmetic TCM"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn interval(self, what: &str) -> String {
        let (zh, en) = match what {
            "declared" => ("登记时段", "declared"),
            "operating" => ("操作时段", "operating time"),
            "operator" => ("人员在操作位", "in the operator role"),
            "lead_present" => ("主诊在场", "lead present"),
            "present" => ("在场", "present"),
            "visible" => ("画面可判", "visible"),
            "observed" => ("观察时段", "observed"),
            "gap" | "lead_gap" => ("主诊离开", "lead absent"),
            "bed_occupied" => ("床位占用", "bed occupied"),
            "camera" => ("摄像头异常", "camera fault"),
            "unheard" => ("设备失联", "box not heard"),
            "no_picture" => ("画面不足", "hardly any picture"),
            "nobody_seen" => ("无人出现", "nobody seen"),
            "seen_at_first_place" => ("第一地在场", "at the first place"),
            "seen_at_second_place" => ("第二地在场", "at the second place"),
            other => return other.replace('_', " "),
        };
        self.t(zh, en).to_owned()
    }

    /// The figures that a rule used; one without a word of its own keeps its name.
    pub(crate) fn figure(self, name: &str) -> String {
        let (zh, en) = match name {
            "operating_ms" => ("操作时段总长", "Operating time"),
            "operator_ms" => ("人员在操作位", "In the operator role"),
            "operator_needed_ms" => ("认定所需时长", "Time the rule asks for"),
            "other_operating_ms" => ("他人在操作位", "Somebody else operating"),
            "lead_present_ms" => ("主诊在场时长", "Lead present"),
            "lead_perhaps_ms" => ("或为主诊的时长", "Time of somebody who may be the lead"),
            "lead_present_ppm" | "lead_share_ppm" => ("主诊在场比例", "Share with a lead present"),
            "visibility_over_a_ppm" => ("操作时段可见度", "Visibility while operating"),
            "visibility_over_i_ppm" => ("全时段可见度", "Visibility over the session"),
            "door_visible_ppm" => ("门区可见度", "Door zone visible"),
            "window_days" => ("统计天数", "Window, days"),
            "repeats_needed" => ("升级所需次数", "Repeats that raise it"),
            "assessable_sessions" => ("可判定诊疗活动", "Assessable sessions"),
            "lead_verified_sessions" => ("核实主诊到场", "Lead verified in"),
            "lead_verified_ppm" => ("核实到场比例", "Share verified"),
            "lead_verified_min_ppm" => ("到场比例下限", "Least share"),
            "overlap_ms" => ("同时在场", "Overlap"),
            "between_ms" => ("两地间隔", "Time between"),
            "clock_uncertainty_ms" => ("时钟不确定度", "Clock uncertainty"),
            "distance_m" => ("距离（米）", "Distance, m"),
            "speed_kmh" => ("折合时速（公里）", "Speed, km/h"),
            "speed_max_kmh" => ("时速上限（公里）", "Greatest speed, km/h"),
            "silent_sessions" => ("无人诊疗活动", "Silent sessions"),
            "empty_days" => ("无人营业日", "Empty open days"),
            "empty_days_needed" => ("所需天数", "Days the rule asks for"),
            "camera_live_ppm" => ("摄像头正常比例", "Camera live"),
            "undeclared_procedures" => ("未登记诊疗次数", "Undeclared procedures"),
            "camera_faults" => ("画面异常次数", "Losses of the picture"),
            "zones_misfits" => ("区域不符次数", "Zones that did not fit"),
            "unheard_ms" => ("失联时长", "Not heard for"),
            "unheard_max_ms" => ("允许失联时长", "Allowed silence"),
            "outages" => ("失联次数", "Outages"),
            "declared_sessions" => ("登记诊疗活动", "Declared sessions"),
            "not_assessable_sessions" => ("不可判定", "Not assessable"),
            "not_assessable_ppm" => ("不可判定比例", "Share not assessable"),
            "not_assessable_max_ppm" => ("允许比例", "Allowed share"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn camera(self, state: &str) -> String {
        let (zh, en) = match state {
            "live" => ("正常", "Live"),
            "covered" => ("被遮挡", "Covered"),
            "moved" => ("被移动", "Moved"),
            "frozen" => ("画面冻结", "Frozen"),
            "absent" => ("未接入", "Absent"),
            _ => ("未知", "Unknown"),
        };
        self.t(zh, en).to_owned()
    }

    pub(crate) fn chain(self, chain: &str) -> &'static str {
        match chain {
            "intact" => self.t("完整", "Intact"),
            "gap" => self.t("有缺口", "Gap"),
            "forked" => self.t("有冲突", "Forked"),
            "restarted" => self.t("已重新开始", "Restarted"),
            _ => self.t("未知", "Unknown"),
        }
    }

    pub(crate) fn enrolment(self, state: &str) -> String {
        let (zh, en) = match state {
            "proposed" => ("待确认", "Proposed"),
            "confirmed" => ("已确认", "Confirmed"),
            "refused" => ("已退回", "Refused"),
            "withdrawn" => ("已撤回同意", "Withdrawn"),
            other => return other.to_owned(),
        };
        self.t(zh, en).to_owned()
    }
}
