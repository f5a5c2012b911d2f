//! The words of the pages: zh-CN first, English beside it, in one place for each thing.
//!
//! An alert is always a lead 线索, worded 疑似…; nothing here says that a law was broken.

use protocol::up::{FindingKind, Severity};

use crate::access::Role;
use crate::alert::{AlertState, ClinicState, Reason};

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

    /// A length of time: `12 分 20 秒`, `5 小时`; parts that are zero are left out.
    pub(crate) fn duration(self, ms: i64) -> String {
        let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
        if ms < 1000 {
            return format!("{sign}{ms} {}", self.t("毫秒", "ms"));
        }
        let seconds = ms / 1000;
        let parts = [
            (seconds / 3600, self.t("小时", "h")),
            (seconds / 60 % 60, self.t("分", "min")),
            (seconds % 60, self.t("秒", "s")),
        ];
        let said = parts.iter().filter(|p| p.0 > 0).map(|(n, unit)| format!("{n} {unit}"));
        format!("{sign}{}", said.collect::<Vec<_>>().join(" "))
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

    pub(crate) fn finding_kind(self, kind: FindingKind) -> &'static str {
        match kind {
            FindingKind::LicenseLending => self.t("疑似挂证", "Suspected licence lending"),
            FindingKind::NonLeadOperating => {
                self.t("疑似非主诊医师独立执业", "Suspected non-lead operating")
            }
            FindingKind::UnlicensedOperator => {
                self.t("疑似非卫技人员诊疗", "Suspected unlicensed operator")
            }
            FindingKind::Integrity => self.t("数据完整性", "Integrity"),
            FindingKind::RecordMismatch => self.t("登记不符", "Record mismatch"),
            FindingKind::Unknown => self.t("其他线索", "Another matter"),
        }
    }

    /// The same of a kind as the store keeps it.
    pub(crate) fn kind(self, kind: &str) -> String {
        let kind = match kind {
            "LicenseLending" => FindingKind::LicenseLending,
            "NonLeadOperating" => FindingKind::NonLeadOperating,
            "UnlicensedOperator" => FindingKind::UnlicensedOperator,
            "Integrity" => FindingKind::Integrity,
            "RecordMismatch" => FindingKind::RecordMismatch,
            _ => FindingKind::Unknown,
        };
        self.finding_kind(kind).to_owned()
    }

    pub(crate) fn severity(self, severity: u8) -> &'static str {
        match severity {
            3 => self.t("紧急", "Urgent"),
            2 => self.t("待核查", "To review"),
            1 => self.t("自查整改", "Self-correct"),
            _ => self.t("记录", "Log"),
        }
    }

    pub(crate) fn state(self, state: AlertState) -> &'static str {
        match state {
            AlertState::Raised => self.t("新线索", "New"),
            AlertState::Review1 => self.t("初审中", "First review"),
            AlertState::Review2 => self.t("复审中", "Second review"),
            AlertState::Dismissed => self.t("已排除", "Dismissed"),
            AlertState::Lead => self.t("线索成立", "Lead upheld"),
            AlertState::OnSite => self.t("现场核查", "On site"),
            AlertState::Unfounded => self.t("查无实据", "Unfounded"),
            AlertState::Case => self.t("已立案", "Case opened"),
            AlertState::Closed => self.t("已办结", "Closed"),
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
            "withdrawn" | "all_withdrawn" => ("撤回", "taken back"),
            "opened" => ("设备上报", "raised by the box"),
            "strengthened" => ("情节加重", "strengthened"),
            "closed" => ("情形结束", "ended"),
            _ => ("其他步骤", "another step"),
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
            _ => ("其他步骤", "another step"),
        };
        self.t(zh, en).to_owned()
    }

    /// The last step of a finding, as its report says it.
    pub(crate) fn report_step(self, step: protocol::up::Step) -> String {
        let (zh, en) = match step {
            protocol::up::Step::Opened => ("设备上报", "raised by the box"),
            protocol::up::Step::Strengthened => ("情节加重", "strengthened"),
            protocol::up::Step::Closed => ("情形结束", "ended"),
            protocol::up::Step::Withdrawn => ("撤回", "taken back"),
            protocol::up::Step::Unknown => ("其他步骤", "another step"),
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
}

/// A severity as papers and classes of a page count it.
pub(in crate::web) fn level(severity: Severity) -> u8 {
    match severity {
        Severity::L0 => 0,
        Severity::L1 => 1,
        Severity::L2 => 2,
        Severity::L3 => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_in_its_parts() {
        for (ms, zh, en) in [
            (0, "0 毫秒", "0 ms"),
            (350, "350 毫秒", "350 ms"),
            (740_000, "12 分 20 秒", "12 min 20 s"),
            (18_000_000, "5 小时", "5 h"),
            (3_605_000, "1 小时 5 秒", "1 h 5 s"),
            (-90_000, "-1 分 30 秒", "-1 min 30 s"),
        ] {
            assert_eq!((Lang::Zh.duration(ms), Lang::En.duration(ms)), (zh.into(), en.into()));
        }
    }
}
