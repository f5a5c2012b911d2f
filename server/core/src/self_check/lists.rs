//! The closed lists of self-inspection, each word with its Chinese and English.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use protocol::names::RuleCode;

use crate::clue::closed_lists;
use crate::text::Listed;

closed_lists! {
    /// 自查类型.
    CheckKind {
        Routine "routine" "日常自查" "routine",
        Full "full" "全面自查" "full",
        Special "special" "专项自查" "special",
    }

    /// How a question is answered.
    AnswerKind {
        YesNoNa "yes_no_na" "是／否／不适用" "yes, no or not applicable",
        Number "number" "数字" "number",
        Date "date" "日期" "day",
    }

    YesNoNa {
        Yes "yes" "是" "yes",
        No "no" "否" "no",
        NotApplicable "na" "不适用" "not applicable",
    }

    /// What the boxes' records can say of a question over a period.
    FactQuery {
        LeadPresentInEverySession "lead_present_in_every_session" "主诊医师到场" "lead present",
        NoUnknownOperator "no_unknown_operator" "无身份不明操作者" "no unknown operator",
        EveryTreatmentDeclared "every_treatment_declared" "诊疗均已登记" "treatments declared",
        StaffRegisteredHere "staff_registered_here" "人员在本机构注册" "staff registered here",
        ItemsFiledAndWithinGrade "items_filed_and_within_grade" "项目已备案且不超等级"
            "items filed and within grade",
        DevicesUntouched "devices_untouched" "设备未被遮挡或断开" "boxes untouched",
        SessionsAssessable "sessions_assessable" "诊疗可判定" "sessions assessable",
        ConsentsComplete "consents_complete" "知情同意齐全" "consents complete",
        NoticeDisplayed "notice_displayed" "告示已张贴" "notice displayed",
    }
}

impl FactQuery {
    /// The rules whose upheld findings say that it does not hold; none where no box can tell.
    pub fn rules(self) -> &'static [RuleCode] {
        match self {
            Self::LeadPresentInEverySession => &[RuleCode::Ll1, RuleCode::Ll5, RuleCode::Nl1],
            Self::NoUnknownOperator => &[RuleCode::Uq1, RuleCode::Uq2],
            Self::EveryTreatmentDeclared => &[RuleCode::Hb3],
            Self::StaffRegisteredHere => &[RuleCode::Ll4],
            Self::ItemsFiledAndWithinGrade => &[RuleCode::Nl4],
            Self::DevicesUntouched => &[RuleCode::Hb2, RuleCode::Hb6],
            Self::SessionsAssessable => &[RuleCode::Hb5],
            Self::ConsentsComplete | Self::NoticeDisplayed => &[],
        }
    }
}
