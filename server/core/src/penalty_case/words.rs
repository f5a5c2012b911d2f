//! The names of entries and stages, Chinese first.

use super::Stage;

fn both(code: &str) -> (&'static str, &'static str) {
    match code {
        "opening_extended" => ("立案期限延长", "opening term extended"),
        "officers" => ("承办人", "officers"),
        "correction_ordered" => ("责令改正", "order to correct"),
        "correction_checked" => ("改正情况复查", "correction checked"),
        "excluded" => ("不计入办案期限", "time that does not count"),
        "decision_extended" => ("办案期限延长", "decision term extended"),
        "notified" => ("行政处罚事先告知", "party told of the penalty"),
        "stated" => ("陈述申辩", "statement and defence"),
        "hearing_requested" => ("当事人要求听证", "hearing asked for"),
        "hearing_waived" => ("当事人放弃听证", "hearing waived"),
        "hearing_called" => ("听证通知", "hearing called"),
        "hearing_held" => ("举行听证", "hearing held"),
        "hearing_offered" => ("告知听证权利", "hearing offered"),
        "legally_reviewed" => ("法制审核通过", "legal review that agrees"),
        "discussed" => ("集体讨论", "collective discussion"),
        "decided" => ("作出决定", "decision"),
        "served" => ("送达", "service"),
        "crime_reported" => ("涉嫌犯罪报告", "suspected crime reported"),
        "crime_decided" => ("移送审批", "decision on the transfer"),
        "crime_transferred" => ("移送公安机关", "transfer to the police"),
        "police_refused" => ("公安机关不予立案", "the police do not take it"),
        "reconsideration_asked" => ("提请复议", "reconsideration asked for"),
        "preserved" => ("先行登记保存", "evidence preserved"),
        "preservation_decided" => ("先行登记保存处理", "decision on what was preserved"),
        "simple_reported" => ("当场处罚备案", "penalty on the spot reported"),
        "party_named" => ("列为个人当事人", "a person named as a party"),
        "harm_found" => ("查明危害后果", "harm found"),
        "published" => ("处罚决定公示", "decision published"),
        "not_published" => ("决定不予公示", "decision not published"),
        "quashed" => ("决定被撤销或者变更", "decision quashed"),
        "publication_withdrawn" => ("撤回公示", "publication withdrawn"),
        "struck" => ("更正", "struck"),
        "on_site" => ("现场核查", "verification on site"),
        _ => ("记录", "entry"),
    }
}

pub fn zh(code: &str) -> &'static str {
    both(code).0
}

pub fn en(code: &str) -> &'static str {
    both(code).1
}

impl Stage {
    /// In the order of a case.
    pub const ALL: [Self; 8] = [
        Self::Lead,
        Self::Verification,
        Self::Investigation,
        Self::Told,
        Self::Heard,
        Self::Decided,
        Self::Served,
        Self::Closed,
    ];

    pub fn zh(self) -> &'static str {
        match self {
            Self::Lead => "线索",
            Self::Verification => "初步核实",
            Self::Investigation => "立案调查",
            Self::Told => "已告知",
            Self::Heard => "已听证",
            Self::Decided => "已决定",
            Self::Served => "已送达",
            Self::Closed => "已结案",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Verification => "Verification",
            Self::Investigation => "Opened",
            Self::Told => "Told",
            Self::Heard => "Heard",
            Self::Decided => "Decided",
            Self::Served => "Served",
            Self::Closed => "Closed",
        }
    }
}
